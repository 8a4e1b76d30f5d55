//! Engine A: curves that can be written down.
//!
//! Unsampled Gaussian releases, any number of them, are one Gaussian release ([`gaussian`](crate::gaussian)). A single release of
//! any dominating pair with a rising loss has `δ(ε) = P[x > x_ε] − e^ε·Q[x > x_ε]`, `L(x_ε) = ε`: the best set to bet on is where
//! the loss exceeds epsilon (Balle and Wang, arXiv 1805.06530, Theorem 5). With Mills ratios m and
//! `P[x > t] = φ(t/s)·Σ pⱼ·e^{yⱼ(t)}·m((t − mⱼ)/s)` nothing underflows.
//!
//! **Why the bound is a bound.** A threshold x instead of `x_ε` loses `∫(p − e^ε·q)` between the two, at most
//! `|e^{L(x) − ε} − 1|·e^ε·Q` of the stretch, since the loss there lies between ε and `L(x)`; so `|L(x) − ε|` times the mass covers the
//! error of the inversion, and Mills ratios and exponentials have relative errors of their own.

use crate::gaussian::{self, MILLS_ERROR, mills};
use crate::law::{Law, Pair};

/// Lower and upper bound on epsilon at `delta`; `None` where no formula applies.
pub(crate) fn epsilon(laws: &[(Law, u64)], delta: f64) -> Option<(f64, f64)> {
    if let Some((square, distinct)) = unsampled(laws) {
        return Some(gaussian::epsilon(square, distinct, delta));
    }
    let branches = single(laws)?;
    if one_delta(&branches, 0.0).1 <= delta {
        return Some((0.0, 0.0));
    }
    let mut high = 1.0;
    while one_delta(&branches, high).1 > delta {
        high *= 2.0;
        if high > 1e15 {
            return None;
        }
    }
    let root = |side: fn((f64, f64)) -> f64| {
        let (mut low, mut high) = (0.0, high);
        while high - low > 1e-14 * high && high > 1e-300 {
            let middle = 0.5 * (low + high);
            if side(one_delta(&branches, middle)) > delta {
                low = middle;
            } else {
                high = middle;
            }
        }
        (low, high)
    };
    Some((root(|bounds| bounds.0).0, root(|bounds| bounds.1).1))
}

/// Upper bound on epsilon by basic composition: n releases, each (ε₁, δ₁), are (nε₁, n·e^{nε₁}·δ₁) together.
///
/// Far from tight, and yet all there is to say where hits are so rare that epsilon is a rounding error: at a sampling rate of
/// 10⁻⁹ no lattice is fine enough and no contour short enough. `None` where it gives more than `largest`.
pub(crate) fn negligible(laws: &[(Law, u64)], delta: f64, largest: f64) -> Option<f64> {
    let total: f64 = laws.iter().map(|(_, count)| *count as f64).sum();
    let share = delta / (total * libm::exp(largest)) * (1.0 - 1e-12);
    let mut sum = 0.0;
    for (law, count) in laws {
        sum += *count as f64 * epsilon(&[(law.clone(), 1)], share)?.1;
    }
    let sum = sum * (1.0 + 1e-12);
    (sum <= largest).then_some(sum)
}

/// Lower and upper bound on delta at each epsilon; `None` where no formula applies.
pub(crate) fn deltas(laws: &[(Law, u64)], epsilons: &[f64]) -> Option<Vec<(f64, f64)>> {
    if let Some((square, distinct)) = unsampled(laws) {
        return Some(epsilons.iter().map(|epsilon| gaussian::delta(square, distinct, *epsilon)).collect());
    }
    let branches = single(laws)?;
    Some(epsilons.iter().map(|epsilon| one_delta(&branches, *epsilon)).collect())
}

/// `Σ 1/σ²` and the number of kinds, if nothing is sampled.
fn unsampled(laws: &[(Law, u64)]) -> Option<(f64, usize)> {
    let mut square = 0.0;
    for (law, count) in laws {
        let Law::Gaussian { noise } = law else { return None };
        square += *count as f64 / (noise * noise);
    }
    square.is_finite().then_some((square, laws.len()))
}

/// The branches of a single release.
fn single(laws: &[(Law, u64)]) -> Option<Vec<(f64, Pair)>> {
    match laws {
        [(Law::Mixture(branches), 1)] => Some(branches.clone()),
        // Above 0, the curve of sampling without replacement is that of its first pair.
        [(Law::WithoutReplacement { rate, noise }, 1)] => {
            let pair = Pair { noise: *noise, p: vec![(0.0, 1.0 - rate), (1.0, *rate)], q: vec![(0.0, 1.0)] };
            Some(vec![(1.0, pair)])
        }
        _ => None,
    }
}

fn one_delta(branches: &[(f64, Pair)], epsilon: f64) -> (f64, f64) {
    let (mut lower, mut upper) = (0.0, 0.0);
    for (weight, pair) in branches {
        let (value, error) = pair_delta(pair, epsilon);
        lower += weight * (value - error).max(0.0);
        upper += weight * (value + error).max(0.0);
    }
    // The branches' probabilities are good to nine digits.
    let relative = if branches.len() > 1 { 2.0 * crate::law::binomial::RELATIVE_ERROR } else { 8.0 * f64::EPSILON };
    (lower * (1.0 - relative), (upper * (1.0 + relative)).min(1.0))
}

/// The delta of one pair and a bound on its error.
fn pair_delta(pair: &Pair, epsilon: f64) -> (f64, f64) {
    let s = pair.noise;
    let Some(x) = threshold(pair, epsilon) else { return (0.0, 0.0) };
    let tail = |side: &[(f64, f64)]| -> f64 {
        side.iter().map(|(mean, mass)| mass * libm::exp(log_tail((x - mean) / s))).sum()
    };
    let (log_a, log_b) = pair.logs(x);
    // e^ε·Q through the logarithm: e^ε alone may overflow where Q[x > x_ε] is as small.
    let q: f64 = pair.q.iter().map(|(mean, mass)| mass * libm::exp(epsilon + log_tail((x - mean) / s))).sum();
    let p = tail(&pair.p);
    let t = x.abs() / s + 2.0 * (pair.spreads().0 + pair.spreads().1) / s;
    let relative = 2.0 * MILLS_ERROR + f64::EPSILON * (8.0 + 2.0 * t * t + 2.0 * epsilon);
    let masses = if pair.p.len().max(pair.q.len()) > 2 { 1e-13 } else { 4.0 * f64::EPSILON };
    let inversion = 2.0 * (log_a - log_b - epsilon).abs();
    (p - q, (p + q) * (relative + masses + inversion))
}

/// `log P[z > t]` of the standard normal law.
pub(crate) fn log_tail(t: f64) -> f64 {
    if t < -6.0 {
        return libm::log1p(-0.5 * libm::erfc(-t * std::f64::consts::FRAC_1_SQRT_2));
    }
    libm::log(mills(t)) - t * t / 2.0 - 0.918_938_533_204_672_8
}

/// `x_ε`; `None` where the loss stays below epsilon everywhere.
fn threshold(pair: &Pair, epsilon: f64) -> Option<f64> {
    let loss = |x: f64| {
        let (log_a, log_b) = pair.logs(x);
        log_a - log_b
    };
    let s = pair.noise;
    let (mut low, mut high) = (-40.0 * s, 40.0 * s);
    while loss(low) > epsilon {
        low *= 2.0;
        if low < -1e6 * s {
            break;
        }
    }
    while loss(high) < epsilon {
        high *= 2.0;
        if high > 1e15 * s {
            return None;
        }
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if loss(middle) < epsilon {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}

#[cfg(test)]
mod tests;
