//! Intervals against sums of binomial probabilities, and published ceilings.

use super::*;
use crate::random::cases;
use crate::special::binomial_tails;
use proptest::prelude::*;

#[test]
fn no_successes_have_a_closed_form() {
    for n in [1, 10, 1000, 1_000_000] {
        let limit = upper(0, n, 0.05).unwrap();
        let exact = -libm::expm1(libm::log(0.05) / n as f64);
        assert!((limit / exact - 1.0).abs() < 1e-9, "{n}: {limit:e} {exact:e}");
        assert!(lower(0, n, 0.05).unwrap() <= 0.0 && upper(n, n, 0.05).unwrap() >= 1.0);
    }
}

#[test]
fn published_intervals() {
    // 95 %: 3 of 10 and 50 of 100, as in standard tables.
    for (k, n, low, high) in [(3, 10, 0.0667, 0.6525), (50, 100, 0.3983, 0.6017)] {
        let found = interval(k, n, 0.05).unwrap();
        assert!((found.lower - low).abs() < 6e-5 && (found.upper - high).abs() < 6e-5, "{found:?}");
    }
}

#[test]
fn ceilings_of_error_free_attacks() {
    for (runs, epsilon) in [(100, 3.28), (500, 4.91), (1000, 5.60), (5000, 7.21), (10_000, 7.90), (100_000, 10.21)] {
        let found = ceiling(runs, runs, 0.0, 0.05).unwrap();
        assert!((found - epsilon).abs() < 0.006, "{runs}: {found}");
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn the_ends_are_where_the_test_stops_rejecting(n in 1..300u64, part in 0.0..=1.0f64, alpha in 0.001..0.5f64) {
        let k = (part * n as f64) as u64;
        let found = interval(k, n, alpha).unwrap();
        let share = k as f64 / n as f64;
        prop_assert!(found.lower <= share && share <= found.upper);
        if k > 0 {
            let tail = binomial_tails(n, found.lower)[k as usize];
            prop_assert!((tail - alpha / 2.0).abs() < 1e-9, "{tail}");
        }
        if k < n {
            let tail = 1.0 - binomial_tails(n, found.upper)[k as usize + 1];
            prop_assert!((tail - alpha / 2.0).abs() < 1e-9, "{tail}");
        }
    }

    /// Exact coverage, by summing over every outcome: never below the nominal level.
    #[test]
    fn covers_at_least_as_often_as_promised(n in 1..60u64, p in 0.0..=1.0f64) {
        let tails = binomial_tails(n, p);
        let probability = |k: u64| tails[k as usize] - tails.get(k as usize + 1).copied().unwrap_or(0.0);
        let covered: f64 = (0..=n)
            .filter(|k| {
                let found = interval(*k, n, 0.05).unwrap();
                found.lower <= p && p <= found.upper
            })
            .map(probability)
            .sum();
        prop_assert!(covered >= 0.95 - 1e-9, "{covered}");
    }
}

#[test]
fn a_useless_attack_shows_nothing_and_nonsense_is_refused() {
    let half = Errors { false_negatives: 50, with_record: 100, false_positives: 50, without_record: 100 };
    assert!(epsilon_lower_bound(&half, 1e-5, 0.05).unwrap() <= 0.0);
    assert!(interval(2, 1, 0.05).is_err() && interval(0, 0, 0.05).is_err());
    assert!(interval(0, 1, 0.0).is_err() && interval(0, 1, f64::NAN).is_err());
    assert!(epsilon_lower_bound(&half, 1.0, 0.05).is_err());
}
