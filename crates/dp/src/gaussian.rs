//! The exact privacy curve of Gaussian releases over all records: no sampling, no approximation.
//!
//! Composing Gaussian releases with noise multipliers σ₁, σ₂, … (adaptively, in any order) is one Gaussian release with
//! `μ² = Σ 1/σᵢ²` (Dong, Roth and Su, arXiv 1905.02383, Corollary 3.3), and its curve is known in closed form (Balle and
//! Wang, arXiv 1805.06530, Theorem 8): `δ(ε) = Φ(μ/2 − ε/μ) − e^ε·Φ(−μ/2 − ε/μ)`.
//!
//! Written like that it overflows and cancels. With `t = ε/μ − μ/2` and the Mills ratio `m(t) = (1 − Φ(t))/φ(t)` it is
//! `δ = φ(t)·[m(t) − m(t + μ)]`, because `e^ε·φ(t + μ) = φ(t)`; that form is used here, with the rounding of `m` counted
//! against us, so the returned epsilon is an upper bound even where the two ratios nearly cancel.

use crate::release::{Mechanism, Releases};
use crate::{Delta, Epsilon, Unsupported};

/// Relative rounding error granted to a Mills ratio; the tests hold it to a fraction of this.
const MILLS_ERROR: f64 = 1e-14;

/// The exact epsilon, rounded up; `None` if some release is sampled, so that the curve does not apply.
pub(crate) fn epsilon(releases: &Releases, delta: Delta) -> Result<Option<Epsilon>, Unsupported> {
    if !releases.searches.is_empty() {
        return Ok(None);
    }
    let mut square = 0.0;
    for (mechanism, count) in &releases.mechanisms {
        let Mechanism::Gaussian { noise } = mechanism else { return Ok(None) };
        square += *count as f64 / noise.powi(2);
    }
    if !square.is_finite() {
        return Err(Unsupported::Unbounded);
    }
    // Rounded up, so that the sum's own rounding cannot make mu too small.
    let mu = square.sqrt() * (1.0 + 1e-14 * (1 + releases.mechanisms.len()) as f64);
    Epsilon::new(epsilon_of(mu, delta.get())).map(Some).map_err(|_| Unsupported::Unbounded)
}

/// Smallest epsilon whose [`log_delta`] is at most `log(delta)`, by bisection, rounded up.
fn epsilon_of(mu: f64, delta: f64) -> f64 {
    let target = libm::log(delta);
    if mu <= 0.0 || log_delta(mu, 0.0) <= target {
        return 0.0;
    }
    let mut low = 0.0;
    let mut high = mu * (mu / 2.0 + libm::sqrt(-2.0 * target)) + f64::MIN_POSITIVE;
    // The Chernoff bound above is above the curve; the loop only guards its rounding.
    while log_delta(mu, high) > target && high.is_finite() {
        high *= 1.0 + 1e-12;
    }
    // Halving a float bracket ends after at most some 1100 steps, when no float is left between the ends.
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return high;
        }
        if log_delta(mu, middle) <= target {
            high = middle;
        } else {
            low = middle;
        }
    }
}

/// Logarithm of an upper bound on δ(ε).
fn log_delta(mu: f64, epsilon: f64) -> f64 {
    let t = epsilon / mu - mu / 2.0;
    // t carries the rounding of both its terms; the curve falls in t, so a smaller t is an upper bound.
    let t = t - 2.0 * f64::EPSILON * (epsilon / mu + mu);
    if t < -30.0 {
        // φ(t) underflows against m(t) here and the curve is 1 to the last bit.
        return 0.0;
    }
    let difference = mills(t) * (1.0 + MILLS_ERROR) - mills(t + mu) * (1.0 - MILLS_ERROR);
    let log_density = -t * t / 2.0 - 0.918_938_533_204_672_8;
    (log_density + libm::log(difference) + f64::EPSILON * (2.0 + t * t)).min(0.0)
}

/// Mills ratio of the standard normal law, `(1 − Φ(t))/φ(t)`, for t of at least −30.
fn mills(t: f64) -> f64 {
    if t < 6.0 {
        let tail = 0.5 * libm::erfc(t * std::f64::consts::FRAC_1_SQRT_2);
        return tail * libm::exp(t * t / 2.0) * 2.506_628_274_631_000_5;
    }
    // Laplace's continued fraction t + 1/(t + 2/(t + 3/(…))), evaluated from a depth that suffices for t of 6.
    let denominator = (1..=120).rev().fold(t, |rest, k| t + f64::from(k) / rest);
    1.0 / denominator
}

#[cfg(test)]
mod tests;
