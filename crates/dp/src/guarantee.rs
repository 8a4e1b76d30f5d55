//! A ledger's epsilon together with everything it depends on.

use crate::{Adjacency, Delta, Engine, Epsilon, Ledger, PrivacyUnit, Unsupported, account};
use serde::{Deserialize, Serialize};

/// The (epsilon, delta) guarantee of everything a ledger charged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guarantee {
    /// Upper bound on the privacy loss.
    pub epsilon: Epsilon,
    /// The privacy loss is at least this.
    pub epsilon_lower: Epsilon,
    /// Probability with which that bound may fail, fixed in the ledger's first line.
    pub delta: Delta,
    /// Which two data sets the guarantee compares.
    pub adjacency: Adjacency,
    /// What one record is.
    pub privacy_unit: PrivacyUnit,
    /// The method behind `epsilon`.
    pub engine: Engine,
    /// The Rényi order that gave `epsilon`, if there was one.
    pub order: Option<f64>,
    /// Releases charged; a step that was run again after a resume counts again.
    pub steps_charged: u64,
}

/// Computes the guarantee of everything in the ledger.
pub fn guarantee(ledger: &Ledger) -> Result<Guarantee, Unsupported> {
    let genesis = ledger.genesis();
    let bound = account(&ledger.composed_event(), genesis.delta, genesis.adjacency)?;
    Ok(Guarantee {
        epsilon: bound.epsilon_upper,
        epsilon_lower: bound.epsilon_lower,
        delta: genesis.delta,
        adjacency: genesis.adjacency,
        privacy_unit: genesis.privacy_unit,
        engine: bound.engine,
        order: bound.order,
        steps_charged: ledger.entries().len() as u64,
    })
}

/// The smallest number with `digits` decimals that is at least `epsilon`, for printing with `{:.digits$}`.
///
/// A number that already has that few decimals stays as it is. Where a float has no room for the decimals (from about
/// 15 significant digits on), and for infinities and NaN, the number comes back unchanged.
pub fn round_up(epsilon: f64, digits: u32) -> f64 {
    // 10^22 is the last power of ten that a float holds exactly; beyond 2^53 every float is an integer.
    let scale = 10f64.powi(digits.min(22) as i32);
    let scaled = epsilon * scale;
    if digits > 22 || !scaled.is_finite() || scaled.abs() >= 9_007_199_254_740_992.0 {
        return epsilon;
    }
    // The product was rounded, so its ceiling can be one off either way.
    let ceiling = scaled.ceil();
    [ceiling - 1.0, ceiling, ceiling + 1.0]
        .into_iter()
        .map(|count| count / scale)
        .find(|candidate| *candidate >= epsilon)
        .unwrap_or(epsilon)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::cases;
    use proptest::prelude::*;

    #[test]
    fn round_up_keeps_what_is_already_round() {
        for (epsilon, digits, text) in [
            (2.1, 2, "2.10"),
            (2.100_000_1, 2, "2.11"),
            (0.0, 3, "0.000"),
            (7.0, 0, "7"),
            (7.000_000_001, 0, "8"),
            (0.1 + 0.2, 1, "0.4"),
            (1e-12, 2, "0.01"),
        ] {
            let digits_wide = digits as usize;
            assert_eq!(format!("{:.digits_wide$}", round_up(epsilon, digits)), text);
        }
        assert!(round_up(f64::INFINITY, 2).is_infinite() && round_up(f64::NAN, 2).is_nan());
        assert!(round_up(1e300, 2) >= 1e300 && round_up(1e-300, 400) > 0.0);
    }

    proptest! {
        #![proptest_config(cases(256))]

        #[test]
        fn round_up_is_the_next_multiple(epsilon in 0.0..1e6f64, digits in 0..8u32) {
            let rounded = round_up(epsilon, digits);
            prop_assert!(rounded >= epsilon);
            prop_assert!(rounded - epsilon < 10f64.powi(-(digits as i32)) * (1.0 + 1e-6));
            prop_assert_eq!(round_up(rounded, digits).to_bits(), rounded.to_bits());
        }
    }
}
