//! The filter against somebody who sees the first result before choosing the second run.
//!
//! The first run is one Gaussian release. Having seen `x`, the adversary takes whichever of two second runs gives the larger
//! `δ₂(ε − L₁(x))`; the delta of the whole is the mean of that maximum, here by quadrature over both releases. No accountant
//! is involved in computing it.

use super::{begun, reserve, terms};
use crate::corpus_budget::{Basis, CorpusBudget};
use crate::testing::sampled;

const EPSILON: f64 = 1.0;
const DELTA: f64 = 1e-3;
/// Noise of the first run.
const FIRST: f64 = 3.0;
/// Noise of the rare and loud second run; its sampling rate is what is fitted.
const LOUD: f64 = 0.5;

/// Mean of `value(loss)` over `(1−q)·N(0, s²) + q·N(1, s²)`, with the loss against `N(0, s²)`.
fn mean(q: f64, s: f64, value: impl Fn(f64) -> f64) -> f64 {
    let nodes = 900;
    let (left, right) = (-9.0 * s, 1.0 + 9.0 * s);
    let width = (right - left) / f64::from(nodes);
    let density = |x: f64| libm::exp(-x * x / (2.0 * s * s)) / (s * (2.0 * std::f64::consts::PI).sqrt());
    let node = |index: i32| {
        let x = left + f64::from(index) * width;
        let loss = libm::log(1.0 - q + q * libm::exp((2.0 * x - 1.0) / (2.0 * s * s)));
        ((1.0 - q) * density(x) + q * density(x - 1.0)) * value(loss) * width
    };
    (0..=nodes).map(node).sum()
}

/// `E[(1 − e^{ε − L})₊]`, for every real ε.
fn delta(q: f64, s: f64, epsilon: f64) -> f64 {
    mean(q, s, |loss| (1.0 - libm::exp(epsilon - loss)).max(0.0))
}

/// Delta of the first run followed by the best of `menu` given its outcome.
fn delta_of_adversary(menu: &[(f64, f64)]) -> f64 {
    mean(1.0, FIRST, |loss| menu.iter().map(|&(q, s)| delta(q, s, EPSILON - loss)).fold(0.0, f64::max))
}

/// The smallest parameter that `allowed` accepts, or the largest, by bisection between one that it refuses and one that it accepts.
fn fitted(mut refused: f64, mut accepted: f64, allowed: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..16 {
        let middle = (refused * accepted).sqrt();
        if allowed(middle) { accepted = middle } else { refused = middle }
    }
    accepted
}

#[test]
fn stopping_on_the_exact_curve_breaks_the_promise_and_the_filter_keeps_it() {
    // Each second run is fine by the exact curve of both runs together.
    let exact = |q: f64, s: f64| delta_of_adversary(&[(q, s)]) <= DELTA;
    let quiet = (1.0, fitted(0.5, 50.0, |s| exact(1.0, s)));
    let loud = (fitted(0.5, 1e-5, |q| exact(q, LOUD)), LOUD);
    let broken = delta_of_adversary(&[quiet, loud]);
    assert!(broken > 1.1 * DELTA, "who may choose after looking gets {broken} instead of {DELTA}");

    let mut budget: CorpusBudget = begun(terms(EPSILON, DELTA));
    assert_eq!(reserve(&mut budget, 1, sampled(1.0, FIRST, 1)), Ok(Basis::Filter));
    let filter = |q: f64, s: f64| budget.admit(&sampled(q, s, 1)) == Ok(Basis::Filter);
    let quiet = (1.0, fitted(0.5, 50.0, |s| filter(1.0, s)));
    let loud = (fitted(0.5, 1e-9, |q| filter(q, LOUD)), LOUD);
    let kept = delta_of_adversary(&[quiet, loud]);
    assert!(kept <= DELTA, "{kept}");
    assert!(kept > 0.05 * DELTA, "the test is empty if nothing was allowed: {kept}");
}
