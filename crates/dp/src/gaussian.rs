//! The exact privacy curve of Gaussian releases over all records: no sampling, no approximation.
//!
//! Composing Gaussian releases with noise multipliers σ₁, σ₂, … (adaptively, in any order) is one Gaussian release with
//! `μ² = Σ 1/σᵢ²` (Dong, Roth and Su, arXiv 1905.02383, Corollary 3.3), and its curve is known in closed form (Balle and
//! Wang, arXiv 1805.06530, Theorem 8): `δ(ε) = Φ(μ/2 − ε/μ) − e^ε·Φ(−μ/2 − ε/μ)`.
//!
//! Written like that it overflows and cancels. With `t = ε/μ − μ/2` and the Mills ratio `m(t) = (1 − Φ(t))/φ(t)` it is
//! `δ = φ(t)·[m(t) − m(t + μ)]`, because `e^ε·φ(t + μ) = φ(t)`; that form is used here, with the rounding of `m` counted
//! against us, so both ends of the interval are bounds even where the two ratios nearly cancel.

/// Relative rounding error of an exponential and a product.
const ROUNDING: f64 = 4.0 * f64::EPSILON;
/// Relative rounding error granted to a Mills ratio; the tests hold it to a fraction of this.
pub(crate) const MILLS_ERROR: f64 = 1e-14;

/// `μ` of Gaussian releases with `Σ 1/σᵢ² = square`, and its relative rounding error.
pub(crate) fn mu(square: f64, distinct: usize) -> (f64, f64) {
    (square.sqrt(), f64::EPSILON * (4 + distinct) as f64)
}

/// Lower and upper bound on the epsilon at `delta` of releases whose `Σ 1/σᵢ²` over `distinct` kinds is `square`.
pub(crate) fn epsilon(square: f64, distinct: usize, delta: f64) -> (f64, f64) {
    let (mu, error) = mu(square, distinct);
    let target = libm::log(delta);
    let lower = root(mu * (1.0 - error), target, |mu, epsilon| log_delta(mu, epsilon).0).0;
    let upper = root(mu * (1.0 + error), target, |mu, epsilon| log_delta(mu, epsilon).1).1;
    (lower, upper)
}

/// Lower and upper bound on the delta at `epsilon`.
pub(crate) fn delta(square: f64, distinct: usize, epsilon: f64) -> (f64, f64) {
    let (mu, error) = mu(square, distinct);
    if mu <= 0.0 {
        return (0.0, 0.0);
    }
    let (lower, upper) = (log_delta(mu * (1.0 - error), epsilon).0, log_delta(mu * (1.0 + error), epsilon).1);
    (libm::exp(lower) * (1.0 - ROUNDING), (libm::exp(upper) * (1.0 + ROUNDING)).min(1.0))
}

/// The last epsilon at which a falling curve is above `target` and the next float, where it is not; (0, 0) if it never is.
fn root(mu: f64, target: f64, curve: impl Fn(f64, f64) -> f64) -> (f64, f64) {
    if mu <= 0.0 || curve(mu, 0.0) <= target {
        return (0.0, 0.0);
    }
    let mut low = 0.0;
    let mut high = mu * (mu / 2.0 + libm::sqrt(-2.0 * target)) + f64::MIN_POSITIVE;
    // Chernoff's bound is above the curve; the loop only guards its rounding.
    while curve(mu, high) > target && high.is_finite() {
        high *= 1.0 + 1e-12;
    }
    // Halving a float bracket ends after at most some 1100 steps, when no float is left between the ends.
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return (low, high);
        }
        if curve(mu, middle) <= target {
            high = middle;
        } else {
            low = middle;
        }
    }
}

/// Logarithms of a lower and an upper bound on δ(ε).
fn log_delta(mu: f64, epsilon: f64) -> (f64, f64) {
    let exact = epsilon / mu - mu / 2.0;
    // t carries the rounding of both its terms; the curve falls in t.
    let slack = 2.0 * f64::EPSILON * (epsilon / mu + mu);
    let bound = |t: f64, sign: f64| {
        let difference = mills(t) * (1.0 + sign * MILLS_ERROR) - mills(t + mu) * (1.0 - sign * MILLS_ERROR);
        let log_density = -t * t / 2.0 - 0.918_938_533_204_672_8;
        let log = log_density + libm::log(difference.max(0.0)) + sign * f64::EPSILON * (2.0 + t * t);
        log.min(0.0)
    };
    // Below −30 φ(t) underflows against m(t), and the curve is 1 to the last bit.
    let lower = if exact + slack < -30.0 { -f64::EPSILON } else { bound(exact + slack, -1.0) };
    let upper = if exact - slack < -30.0 { 0.0 } else { bound(exact - slack, 1.0) };
    (lower, upper)
}

/// Mills ratio of the standard normal law, `(1 − Φ(t))/φ(t)`, for t of at least −30.
pub(crate) fn mills(t: f64) -> f64 {
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
