//! The theorems against searches small enough to write out: exact laws of the best of K runs.

use super::*;
use crate::testing::{cases, sampled};
use proptest::prelude::*;

/// P(K = k) for k = 0, 1, …, until what is left is below 1e-14.
fn masses(trials: Trials) -> Vec<f64> {
    let mut masses = Vec::new();
    let mut left = 1.0;
    let mut mass = match trials {
        Trials::Poisson { mean } => (-mean).exp(),
        Trials::NegativeBinomial { .. } => 0.0,
    };
    for k in 0u32..200_000 {
        masses.push(mass);
        left -= mass;
        if left < 1e-14 {
            break;
        }
        let k = f64::from(k);
        mass = match trials {
            Trials::Poisson { mean } => mass * mean / (k + 1.0),
            Trials::NegativeBinomial { shape, gamma } if masses.len() == 1 => {
                let scale = if shape == 0.0 { -gamma.ln() } else { (gamma.powf(-shape) - 1.0) / shape };
                (1.0 - gamma) / scale
            }
            Trials::NegativeBinomial { shape, gamma } => mass * (1.0 - gamma) * (k + shape) / (k + 1.0),
        };
    }
    masses
}

/// The law of the best of K runs; the last entry is "no run".
fn best_of(run: &[f64], masses: &[f64]) -> Vec<f64> {
    let generating = |x: f64| masses.iter().rev().fold(0.0, |sum, mass| sum * x + mass);
    let mut below: f64 = 0.0;
    let mut best: Vec<f64> = Vec::new();
    for probability in run {
        let up_to = (below + probability).min(1.0);
        best.push(generating(up_to) - generating(below));
        below = up_to;
    }
    best.push(generating(0.0));
    best
}

/// `log Σ p^{1+c}·q^{−c}`.
fn cumulant(p: &[f64], q: &[f64], c: f64) -> f64 {
    p.iter().zip(q).filter(|(p, _)| **p > 0.0).map(|(p, q)| p.powf(1.0 + c) * q.powf(-c)).sum::<f64>().ln()
}

/// The bound for a run with the laws `p` and `q`, everything about the run exact.
fn bound(p: &[f64], q: &[f64], trials: Trials, c: f64) -> f64 {
    let selection = Selection::new(trials);
    if selection.log_inverse_gamma().is_some() {
        let slopes = (1..200).map(|rung| 1e-3 * 1.07f64.powi(rung)).map(|c| selection.slope(c, cumulant(q, p, c)));
        selection.cumulant(c, cumulant(p, q, c), slopes.fold(f64::INFINITY, f64::min), 0.0)
    } else {
        let ratio = 1.0 + 1.0 / c;
        let delta = q.iter().zip(p).map(|(q, p)| (q - ratio * p).max(0.0)).sum();
        selection.cumulant(c, cumulant(p, q, c), 0.0, delta)
    }
}

fn trials() -> impl Strategy<Value = Trials> {
    prop_oneof![
        (-3.0..3.0f64).prop_map(|log_mean| Trials::Poisson { mean: log_mean.exp() }),
        (0..2u8, 0.01..0.95f64).prop_map(|(shape, gamma)| Trials::NegativeBinomial { shape: f64::from(shape), gamma }),
        (-0.9..4.0f64, 0.03..0.95f64).prop_map(|(shape, gamma)| Trials::NegativeBinomial { shape, gamma }),
    ]
}

fn law() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-4.0..0.0f64, 4).prop_map(|logs| {
        let weights: Vec<f64> = logs.into_iter().map(f64::exp).collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / sum).collect()
    })
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn the_best_of_some_runs_keeps_the_bound(p in law(), q in law(), trials in trials(), log_c in -2.0..2.5f64) {
        let c = log_c.exp();
        let masses = masses(trials);
        let exact = cumulant(&best_of(&p, &masses), &best_of(&q, &masses), c);
        let bound = bound(&p, &q, trials, c);
        prop_assert!(exact <= bound + 1e-9 * (1.0 + bound), "{exact} {bound} {trials:?}");
    }

    #[test]
    fn the_expected_number_is_the_mean_of_the_law(trials in trials()) {
        let mean: f64 = masses(trials).iter().enumerate().map(|(k, mass)| k as f64 * mass).sum();
        let found = expected_trials(trials);
        prop_assert!((found / mean - 1.0).abs() < 1e-9, "{found} {mean} {trials:?}");
    }
}

/// One outcome is everything: p = (1 − t, t) against q = (1 − r, r) with rare winners makes Theorem 2 nearly exact at large c.
#[test]
fn a_rare_winner_comes_close_to_the_bound() {
    let (p, q) = ([0.99, 0.01], [0.999, 0.001]);
    for trials in [Trials::NegativeBinomial { shape: 1.0, gamma: 0.5 }, Trials::Poisson { mean: 2.0 }] {
        let masses = masses(trials);
        let c = 3.0;
        let exact = cumulant(&best_of(&p, &masses), &best_of(&q, &masses), c);
        let bound = bound(&p, &q, trials, c);
        assert!(bound < exact + 0.25 * (1.0 + c), "{exact} {bound}");
    }
}

#[test]
fn a_shape_near_zero_is_logarithmic() {
    let at = |shape| expected_trials(Trials::NegativeBinomial { shape, gamma: 0.05 });
    let exact = 19.0 / 20f64.ln();
    for shape in [0.0, 1e-300, -1e-300, 1e-17, -1e-16, 1e-12] {
        assert!((at(shape) / exact - 1.0).abs() < 1e-11, "{shape}: {}", at(shape));
    }
    assert!((at(1.0) - 20.0).abs() < 1e-12);
}

#[test]
fn planned_runs_are_met_by_the_expectation() {
    for runs in [1, 2, 3, 10, 1000, u64::MAX] {
        for trials in [logarithmic(runs), geometric(runs)] {
            let found = expected_trials(trials) / runs as f64;
            assert!((1.0 - 1e-12..1.0 + 1e-9).contains(&found), "{runs}: {found} {trials:?}");
        }
    }
}

#[test]
fn a_sweep_takes_the_cheaper_charge() {
    let base = sampled(0.01, 1.0, 1000);
    let delta = Delta::new(1e-6).unwrap();
    let of = |runs| sweep(&base, runs, delta, Adjacency::AddRemove).unwrap();
    let many = of(1000);
    assert_eq!(many.cheaper, Charge::Selection);
    assert!(many.selection.epsilon_upper < many.composition.epsilon_upper);
    let alone = of(1);
    assert_eq!(alone.cheaper, Charge::Composition);
    assert!(matches!(sweep(&base, 0, delta, Adjacency::AddRemove), Err(Unsupported::Malformed(_))));
}
