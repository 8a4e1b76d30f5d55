//! One release against the definition of its curve, integrated without any idea.

use super::*;
use crate::law::{Direction, law};
use crate::release::Mechanism;

/// `∫ (p − e^ε·q)₊` by the midpoint rule.
fn slow_delta(branches: &[(f64, Pair)], epsilon: f64) -> f64 {
    let one = |pair: &Pair| {
        let s = pair.noise;
        let density = |side: &[(f64, f64)], x: f64| -> f64 {
            side.iter().map(|(mean, mass)| mass * (-(x - mean).powi(2) / (2.0 * s * s)).exp()).sum()
        };
        let (left, right) = (-14.0 * s - 6.0, 14.0 * s + 6.0);
        let step = (right - left) / 400_000.0;
        let sum: f64 = (0..400_000)
            .map(|k| left + (f64::from(k) + 0.5) * step)
            .map(|x| (density(&pair.p, x) - epsilon.exp() * density(&pair.q, x)).max(0.0))
            .sum();
        sum * step / (s * std::f64::consts::TAU.sqrt())
    };
    branches.iter().map(|(weight, pair)| weight * one(pair)).sum()
}

#[test]
fn one_release_meets_the_definition() {
    let mechanisms = [
        Mechanism::Poisson { rate: 0.01, noise: 1.0 },
        Mechanism::Poisson { rate: 0.4, noise: 0.5 },
        Mechanism::PoissonReplace { rate: 0.1, noise: 2.0 },
        Mechanism::Group { rate: 0.05, noise: 2.0, size: 4 },
        Mechanism::Truncated { rate: 0.01, noise: 1.5, dataset: 6000, batch: 64 },
    ];
    for mechanism in mechanisms {
        for direction in [Direction::Remove, Direction::Add] {
            let laws = [(law(&mechanism, direction), 1)];
            let Law::Mixture(branches) = &laws[0].0 else { panic!() };
            for epsilon in [0.0, 0.003, 0.1, 1.0] {
                let slow = slow_delta(branches, epsilon);
                let (lower, upper) = deltas(&laws, &[epsilon]).unwrap()[0];
                assert!(
                    lower <= slow + 1e-9 && upper >= slow - 1e-9,
                    "{mechanism:?} {epsilon}: {lower} {upper} {slow}"
                );
                assert!(upper - lower <= 1e-8 * (upper + 1e-3), "{mechanism:?} {epsilon}: {lower} {upper}");
            }
        }
    }
}

#[test]
fn epsilon_and_delta_are_inverse() {
    for (rate, noise) in [(1e-6, 0.3), (0.01, 1.0), (0.3, 30.0), (0.999, 0.1)] {
        let laws = [(law(&Mechanism::Poisson { rate, noise }, Direction::Remove), 1)];
        for delta in [1e-2, 1e-6, 1e-12, 1e-30] {
            let (lower, upper) = epsilon(&laws, delta).unwrap();
            let at = deltas(&laws, &[lower, upper]).unwrap();
            assert!(at[1].1 <= delta, "{rate} {noise} {delta:e}: {at:?}");
            assert!(lower <= 0.0 || at[0].1 >= delta * (1.0 - 1e-9), "{rate} {noise} {delta:e}: {at:?}");
            assert!(upper - lower <= 1e-9 * (1.0 + upper));
        }
    }
}

/// The 50-digit value of a release at a tenth of a percent, and the end of the curve of adding a record.
#[test]
fn edges_of_one_release() {
    let add = [(law(&Mechanism::Poisson { rate: 0.1, noise: 0.5 }, Direction::Add), 1)];
    let end = -f64::ln(0.9);
    assert!(deltas(&add, &[end * 1.000_001]).unwrap()[0].1 < 1e-7);
    assert!(epsilon(&add, 1e-30).unwrap().1 <= end);
    assert_eq!(epsilon(&add, 0.5).unwrap(), (0.0, 0.0));
}

#[test]
fn rare_hits_are_negligible_by_basic_composition() {
    let law = law(&Mechanism::Poisson { rate: 1e-9, noise: 1.0 }, Direction::Remove);
    let bound = negligible(&[(law.clone(), 100)], 1e-10, 1e-3).unwrap();
    // Each release alone, with a hundredth of delta.
    let one = epsilon(&[(law.clone(), 1)], 1e-12).unwrap().1;
    assert!(bound >= 100.0 * one * 0.999 && bound < 102.0 * one, "{bound:e} {one:e}");
    assert!(negligible(&[(law, 1_000_000_000)], 1e-10, 1e-3).is_none());
}
