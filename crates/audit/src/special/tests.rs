//! The continued fraction against plain sums.

use super::*;
use crate::random::cases;
use proptest::prelude::*;

/// `P[Binomial(n, p) ≥ k]` by multiplying out every term: no logarithms, no gamma function.
fn brute_tail(n: u64, k: u64, p: f64) -> f64 {
    (k..=n)
        .map(|successes| {
            let failures = n - successes;
            // Interleave the factors of the binomial coefficient with the powers, so that nothing overflows.
            let mut term = 1.0;
            let mut powers = failures;
            for factor in 1..=successes {
                term *= (failures + factor) as f64 / factor as f64 * p;
                while powers > 0 && term > 1.0 {
                    term *= 1.0 - p;
                    powers -= 1;
                }
            }
            term * (1.0 - p).powi(powers as i32)
        })
        .sum()
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn three_ways_to_a_binomial_tail_agree(n in 1..400u64, part in 0.0..=1.0f64, p in 0.001..0.999f64) {
        let k = (part * n as f64) as u64;
        let slow = brute_tail(n, k, p);
        let summed = binomial_tails(n, p)[k as usize];
        // Products this small have lost their digits.
        prop_assert!((summed - slow).abs() <= 1e-11 * slow + 1e-290, "{summed:e} {slow:e}");
        if k > 0 {
            let fraction = incomplete_beta(p, k as f64, (n - k + 1) as f64);
            prop_assert!((fraction - slow).abs() <= 1e-11 * slow.max(1e-3), "{fraction:e} {slow:e}");
        }
    }

    #[test]
    fn the_inverse_comes_back(a in 0.5..1e4f64, b in 0.5..1e4f64, p in 1e-6..0.999_999f64) {
        let x = inverse_incomplete_beta(p, a, b);
        prop_assert!((incomplete_beta(x, a, b) - p).abs() < 1e-9);
    }

    #[test]
    fn mirror_and_range(a in 0.5..1e5f64, b in 0.5..1e5f64, x in -0.1..1.1f64) {
        let (here, there) = (incomplete_beta(x, a, b), incomplete_beta(1.0 - x, b, a));
        prop_assert!((0.0..=1.0).contains(&here));
        prop_assert!((here + there - 1.0).abs() < 1e-9);
    }
}

#[test]
fn large_counts_and_small_tails_keep_their_digits() {
    // Binomial(100000, 1/2) at its centre: 1/2 + half the central term, √(2/(πn))·(1 − 1/4n)/2.
    let n = 100_000.0f64;
    let central = (2.0 / (std::f64::consts::PI * n)).sqrt() * (1.0 - 1.0 / (4.0 * n));
    let expected = 0.5 + central / 2.0;
    assert!((incomplete_beta(0.5, n / 2.0, n / 2.0 + 1.0) - expected).abs() < 1e-10);
    assert!((binomial_tails(100_000, 0.5)[50_000] - expected).abs() < 1e-9);
    // All of 1000: p^1000.
    let all = binomial_tails(1000, 0.9)[1000];
    assert!((all / 0.9f64.powi(1000) - 1.0).abs() < 1e-11);
    // Certainty has no logarithm of 0 in it.
    assert!((binomial_tails(3, 1.0)[3] - 1.0).abs() < 1e-15 && binomial_tails(3, 0.0)[1] <= 0.0);
}
