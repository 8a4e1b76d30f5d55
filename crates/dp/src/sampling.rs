//! The Poisson inclusion probability as an exact rational.
//!
//! The sampler compares 64 random bits with a threshold, so the probability it really uses is `threshold / 2^64`. Keeping
//! that integer, not a float near it, means that the sampler and the accountant cannot disagree: conversions from floats
//! round the rate **up** onto the grid, conversions to floats round up again, and more sampling never costs less privacy.

use crate::OutOfRange;
use serde::{Deserialize, Serialize};

const ONE: u128 = 1 << 64;
const RANGE: &str = "between 0 and 1";

/// Probability with which each record joins a step's batch, independently of all others: `threshold / 2^64`.
///
/// In JSON it is the threshold as a hexadecimal string (`"0x28f5c28f5c28f60"` is 0.01, rounded up); 1 is `"0x10000000000000000"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SamplingRate {
    threshold: u128,
}

impl SamplingRate {
    /// Every record in every batch.
    pub const ONE: Self = Self { threshold: ONE };

    /// The smallest rate on the grid that is at least `rate`, which must be between 0 and 1.
    pub fn from_f64(rate: f64) -> Result<Self, OutOfRange> {
        if !(0.0..=1.0).contains(&rate) {
            return Err(OutOfRange { name: "sampling_rate", value: rate, range: RANGE });
        }
        // Scaling by a power of two is exact, and the ceiling of a float is exact.
        Ok(Self { threshold: (rate * ONE as f64).ceil() as u128 })
    }

    /// The smallest rate on the grid that is at least `expected / bound`, computed in integers.
    ///
    /// `expected` is the expected batch size and `bound` the public bound on the number of records; `bound` must not be 0
    /// and not be below `expected`.
    pub fn from_ratio(expected: u64, bound: u64) -> Result<Self, OutOfRange> {
        if bound == 0 || expected > bound {
            return Err(OutOfRange { name: "sampling_rate", value: expected as f64 / bound as f64, range: RANGE });
        }
        Ok(Self { threshold: (u128::from(expected) << 64).div_ceil(u128::from(bound)) })
    }

    /// The rate as a float, rounded up.
    pub fn get(self) -> f64 {
        let nearest = self.threshold as f64;
        let above = if (nearest as u128) < self.threshold { nearest.next_up() } else { nearest };
        above / ONE as f64
    }

    /// The integer threshold, from 0 to 2^64.
    pub fn threshold(self) -> u128 {
        self.threshold
    }

    /// Whether a record that drew this uniformly random word is in the batch.
    pub fn includes(self, word: u64) -> bool {
        u128::from(word) < self.threshold
    }
}

impl From<SamplingRate> for String {
    fn from(rate: SamplingRate) -> String {
        format!("{:#x}", rate.threshold)
    }
}

impl TryFrom<String> for SamplingRate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.strip_prefix("0x").unwrap_or_default();
        match u128::from_str_radix(digits, 16) {
            // One spelling per rate, or two ledgers of the same run could hash differently.
            Ok(threshold) if threshold <= ONE && format!("{threshold:#x}") == text => Ok(Self { threshold }),
            _ => {
                Err("sampling_rate is not \"0x\" and the lower-case hexadecimal digits of a number up to 2^64"
                    .to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::cases;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(cases(256))]

        #[test]
        fn rounding_only_ever_goes_up(log_rate in -60.0..0.0f64) {
            // Only rates below 2^-11 have bits beyond the grid.
            let rate = log_rate.exp();
            let on_grid = SamplingRate::from_f64(rate).unwrap();
            prop_assert!(on_grid.get() >= rate);
            prop_assert!(on_grid.get() - rate <= 2f64.powi(-63));
            let again: SamplingRate = serde_json::from_str(&serde_json::to_string(&on_grid).unwrap()).unwrap();
            prop_assert_eq!(on_grid, again);
        }

        #[test]
        fn a_ratio_is_never_below_the_fraction(bound in 1..=u64::MAX, part in 0.0..=1.0f64) {
            let expected = ((bound as f64 * part) as u64).min(bound);
            let threshold = SamplingRate::from_ratio(expected, bound).unwrap().threshold();
            // The ceiling of expected·2^64/bound: enough, and one less is too little.
            let (whole, bound) = (u128::from(expected) << 64, u128::from(bound));
            prop_assert!(threshold * bound >= whole);
            prop_assert!(threshold == 0 || (threshold - 1) * bound < whole);
            prop_assert!(threshold <= ONE);
        }
    }

    #[test]
    fn the_ends_are_never_and_always() {
        let never = SamplingRate::from_f64(0.0).unwrap();
        let always = SamplingRate::from_f64(1.0).unwrap();
        for word in [0, 1, u64::MAX] {
            assert!(!never.includes(word));
            assert!(always.includes(word));
        }
        assert!(always.get().to_bits() == 1f64.to_bits() && never.get().to_bits() == 0f64.to_bits());
        assert_eq!(SamplingRate::from_ratio(7, 7).unwrap(), always);
        assert_eq!(serde_json::to_string(&always).unwrap(), "\"0x10000000000000000\"");
        let half = SamplingRate::from_f64(0.5).unwrap();
        assert!(half.includes((1 << 63) - 1) && !half.includes(1 << 63));
    }

    #[test]
    fn a_rate_between_two_floats_is_reported_from_above() {
        let odd = SamplingRate { threshold: (1 << 63) + 1 };
        assert!(odd.get() > 0.5 && odd.get() < 0.500_000_000_000_001);
    }

    #[test]
    fn only_one_spelling_is_read() {
        for bad in ["0X1", "0x01", "0xA", "1", "", "0x", "0x+1", "0x10000000000000001", "-0x1"] {
            assert!(SamplingRate::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        assert!(SamplingRate::from_f64(1.000_000_1).is_err() && SamplingRate::from_f64(f64::NAN).is_err());
        assert!(SamplingRate::from_ratio(1, 0).is_err() && SamplingRate::from_ratio(2, 1).is_err());
    }
}
