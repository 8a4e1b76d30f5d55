//! One side of a pair at one point, with a bound on the rounding error.
//!
//! The mass at mean 0 is what the other masses leave, so a side is 1 plus its moved masses times `e^t − 1`: near 1, the
//! error is relative to the difference. Far from 1, where that sum would cancel or overflow, all masses are added up.

use super::LARGE;

/// One side of a pair relative to `φ`: `1 + Σ mass·(e^{m(2x − m)/2s²} − 1)`.
#[derive(Debug)]
pub(super) struct Side {
    /// (mean, mass) away from mean 0.
    pub(super) moved: Vec<(f64, f64)>,
    /// Mass at mean 0.
    pub(super) still: f64,
    /// Largest distance of a mean from 0.
    pub(super) reach: f64,
    /// Distance between the outermost means.
    pub(super) spread: f64,
}

/// One side at one point; errors are bounds in units of the machine epsilon.
pub(super) struct Level {
    /// The value less 1; `None` where the logarithm alone is to be trusted.
    pub(super) excess: Option<f64>,
    pub(super) log: f64,
    /// Of `excess`, or of `log` where that is `None`.
    pub(super) error: f64,
}

impl Side {
    pub(super) fn new(side: &[(f64, f64)]) -> Self {
        let kept: Vec<(f64, f64)> = side.iter().copied().filter(|(_, mass)| *mass > 0.0).collect();
        let (moved, still): (Vec<(f64, f64)>, Vec<_>) = kept.iter().partition(|(mean, _)| *mean != 0.0);
        let means = || kept.iter().map(|(mean, _)| *mean);
        let (low, high) = (means().fold(f64::INFINITY, f64::min), means().fold(f64::NEG_INFINITY, f64::max));
        let reach = low.abs().max(high.abs());
        Self { moved, still: still.iter().map(|(_, mass)| mass).sum(), reach, spread: high - low }
    }

    pub(super) fn at(&self, x: f64, twice_variance: f64) -> Level {
        let terms = self.moved.len() as f64;
        let (mut excess, mut error) = (0.0, 0.0);
        for (mean, mass) in &self.moved {
            let t = mean * (2.0 * x - mean) / twice_variance;
            if t > LARGE {
                return self.far(x, twice_variance);
            }
            let growth = libm::expm1(t);
            excess += mass * growth;
            // x itself is rounded, so the error of t is relative to the larger of its two parts.
            let size = mean.abs() * (2.0 * x.abs() + mean.abs()) / twice_variance;
            error += mass * ((3.0 + terms) * growth.abs() + 3.0 * size * (1.0 + growth));
        }
        if excess < -0.5 {
            return self.far(x, twice_variance);
        }
        let log = if self.moved.is_empty() { 0.0 } else { libm::log1p(excess) };
        Level { excess: Some(excess), log, error }
    }

    /// Far from 1: a sum of positive terms.
    fn far(&self, x: f64, twice_variance: f64) -> Level {
        let exponent = |mean: f64| mean * (2.0 * x - mean) / twice_variance;
        let top = self.moved.iter().map(|(mean, _)| exponent(*mean)).fold(f64::NEG_INFINITY, f64::max);
        let top = if self.still > 0.0 { top.max(0.0) } else { top };
        let still = if self.still > 0.0 { self.still * libm::exp(-top) } else { 0.0 };
        let (mut sum, mut error) = (still, still * 3.0 * top.abs());
        for (mean, mass) in &self.moved {
            let term = mass * libm::exp(exponent(*mean) - top);
            let size = mean.abs() * (2.0 * x.abs() + mean.abs()) / twice_variance;
            sum += term;
            error += term * 3.0 * (size + top.abs());
        }
        let log = top + libm::log(sum);
        Level { excess: None, log, error: error / sum + 4.0 + self.moved.len() as f64 + log.abs() }
    }
}
