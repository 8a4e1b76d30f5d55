//! The figures that a report adds to the guarantee, against slow twins.

use privet_dp::{Adjacency, Delta, Engine, Epsilon, Guarantee, PrivacyUnit};
use proptest::prelude::*;

use crate::{statement, words};

fn guarantee(epsilon: f64, delta: f64) -> Guarantee {
    Guarantee {
        epsilon: Epsilon::new(epsilon).unwrap(),
        epsilon_lower: Epsilon::new(0.0).unwrap(),
        delta: Delta::new(delta).unwrap(),
        adjacency: Adjacency::AddRemove,
        privacy_unit: PrivacyUnit::Document,
        engine: Engine::Rdp,
        order: None,
        steps_charged: 1,
    }
}

/// The best test at a false positive rate against the worst mechanism that is (ε, δ)-private: its four outcomes are
/// taken in the order of their likelihood ratio, the last one by a coin (Neyman and Pearson).
fn best_test(epsilon: f64, delta: f64, false_positive_rate: f64) -> f64 {
    let (large, small) = ((1.0 - delta) * epsilon.exp() / (1.0 + epsilon.exp()), (1.0 - delta) / (1.0 + epsilon.exp()));
    let outcomes = [(0.0, delta), (small, large), (large, small), (delta, 0.0)];
    let (mut left, mut found) = (false_positive_rate, 0.0);
    for (without, with) in outcomes {
        let share = if without <= left { 1.0 } else { left / without };
        left -= share * without;
        found += share * with;
    }
    found
}

proptest! {
    #[test]
    fn the_reading_is_the_best_test_against_the_worst_mechanism(epsilon in 0.0..20.0f64, exponent in 2.0..12.0f64) {
        let delta = 10f64.powf(-exponent);
        for point in statement::reading(&guarantee(epsilon, delta)) {
            let best = best_test(epsilon, delta, point.false_positive_rate);
            prop_assert!((point.true_positive_rate_max - best).abs() < 1e-9, "{point:?} is not {best}");
        }
    }

    #[test]
    fn group_privacy_is_the_guarantee_applied_again_and_again(epsilon in 0.0..3.0f64, exponent in 3.0..12.0f64, units in 1..9u64) {
        let delta = 10f64.powf(-exponent);
        // P(S) ≤ e^ε·P'(S) + δ, unit by unit, from the far end.
        let (mut factor, mut added) = (1.0, 0.0);
        for _ in 0..units {
            factor *= epsilon.exp();
            added = epsilon.exp() * added + delta;
        }
        let figure = statement::group(epsilon, delta, units);
        prop_assert!(figure.epsilon >= epsilon * units as f64 && (figure.epsilon.exp() / factor - 1.0).abs() < 1e-9);
        match figure.delta {
            Some(delta) => prop_assert!((delta / added - 1.0).abs() < 1e-9),
            None => prop_assert!(added > 1.0 - 1e-9),
        }
    }

    #[test]
    fn a_stated_epsilon_is_never_below_the_computed_one(epsilon in 0.0..1e4f64) {
        let stated: f64 = words::rounded(epsilon).parse().unwrap();
        prop_assert!(stated >= epsilon && stated - epsilon <= 0.010_000_1);
    }

    #[test]
    fn a_lower_bound_is_never_stated_above_the_computed_one(epsilon in 0.0..1e4f64) {
        let words = words::at_least(epsilon, 1e-5, PrivacyUnit::Document, Adjacency::AddRemove);
        let stated: f64 = words.strip_prefix("epsilon = ").unwrap().split(' ').next().unwrap().parse().unwrap();
        prop_assert!(stated <= epsilon && epsilon - stated <= 0.001_000_1);
    }

    #[test]
    fn a_computed_delta_is_stated_from_above(exponent in -14.0..0.0f64) {
        let delta = 10f64.powf(exponent);
        let stated = words::delta_up(delta);
        prop_assert!(stated >= delta && stated <= delta * 1.010_001, "{stated} for {delta}");
        prop_assert!(format!("{stated:e}").len() <= "1.23e-10".len(), "{stated:e}");
    }

    #[test]
    fn percentages_round_up(share in 0.0..=1.0f64) {
        let stated: f64 = words::percent_up(share).trim_end_matches(" %").parse().unwrap();
        prop_assert!(stated + 1e-9 >= 100.0 * share && stated <= 100.0);
    }
}

#[test]
fn numbers_are_short_and_keep_what_matters() {
    for (value, expected) in [
        (0.0, "0"),
        (256.0, "256"),
        (0.01024, "0.01024"),
        (0.7, "0.7"),
        (1.5e-7, "1.5e-7"),
        (0.002, "0.002"),
        (1e12, "1e12"),
        (251.733_14, "251.7331"),
    ] {
        assert_eq!(words::number(value), expected);
    }
}
