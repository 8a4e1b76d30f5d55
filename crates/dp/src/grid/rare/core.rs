//! The releases without a jump, taken together: their mass, their drift and a bound on how far they spread.

use super::super::cells::{self, ROUNDOFF};
use super::{JUMPS_MAX, Releases};
use crate::closed::log_tail;

/// How small the excess is at the end of its reach, in logarithms.
const REACH_LOG: f64 = -110.0;

/// Largest `T·E[u²]`.
const SQUARE_MAX: f64 = 1.0;

/// See the essay in [`super`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Core {
    /// `P[core]` and `Q[core]` of one release.
    pub(super) one: (f64, f64),
    /// `s₀`, and its error.
    pub(super) step: f64,
    pub(super) step_error: f64,
    /// Bounds on `T·s₀` and on `p^T`.
    pub(super) shift: (f64, f64),
    pub(super) mass: (f64, f64),
    /// `T·E[u²]`, from above.
    square: f64,
    /// `T·(E[u] + s₀)`, from above.
    drift: f64,
    rate: f64,
    /// Largest loss.
    h: f64,
    /// Variance of X̃, from above.
    variance: f64,
    /// Beyond this, `B` is at most that.
    pub(super) reach: f64,
    pub(super) excess_at_reach: f64,
}

impl Core {
    /// The core of losses up to `h`, and the x where it ends; `None` where jumps are too many for it to be one.
    pub(super) fn new(releases: Releases<'_>, h: f64) -> Option<(Self, f64)> {
        let Releases { pair, rate, count } = releases;
        let t = count as f64;
        let end = cells::closed_form(pair)?(h);
        let jump = cells::masses(pair, end, f64::INFINITY);
        let one = (1.0 - jump.p, 1.0 - jump.q);
        let (log_p, log_q) = (libm::log1p(-jump.p), libm::log1p(-jump.q));
        let step = log_q - log_p;
        let error = 2.0 * jump.error + 8.0 * ROUNDOFF;
        let step_error = (jump.p + jump.q) * error + 4.0 * ROUNDOFF * step.abs();
        if t * jump.p > JUMPS_MAX || jump.p > 0.1 || step < 0.0 {
            return None;
        }
        let square = t * mean_square(rate, pair.noise, end) / one.1 * (1.0 + 1e-12);
        // The bell of many hits, or a sum that is far from 1: no nuisance.
        if square.is_nan() || square > SQUARE_MAX {
            return None;
        }
        let (log_mass, mass_error) = (t * log_p, t * (jump.p * error + 4.0 * ROUNDOFF * log_p.abs()) + 8.0 * ROUNDOFF);
        let mut core = Self {
            one,
            step,
            step_error,
            shift: (t * (step - step_error), t * (step + step_error)),
            mass: (libm::exp(log_mass - mass_error) * (1.0 - 1e-15), libm::exp(log_mass + mass_error) * (1.0 + 1e-15)),
            square,
            // e^{−s} − 1 + s is at most s²/2.
            drift: t * (step + step_error).powi(2) / 2.0,
            rate,
            h,
            variance: libm::expm1(square * libm::exp(2.0 * (step + step_error))) * (1.0 + 1e-14),
            reach: 0.0,
            excess_at_reach: 0.0,
        };
        // B falls on both sides of 0, by Chernoff's bound as well as by Scarf's.
        let small = |reach: f64| core.excess(reach).max(core.excess(-reach)) <= libm::exp(REACH_LOG);
        core.reach =
            (0..200).map(|i| square.sqrt() * 1.2f64.powi(i)).find(|reach| small(*reach)).unwrap_or(f64::INFINITY);
        core.excess_at_reach = if core.reach.is_finite() { libm::exp(REACH_LOG) } else { 0.0 };
        Some((core, end))
    }

    /// `B(e)`.
    pub(super) fn excess(&self, e: f64) -> f64 {
        let far = libm::expm1(e.min(700.0)).abs();
        // ½(√(v + d²) − |d|) without the difference.
        let scarf = 0.5 * self.variance / ((self.variance + far * far).sqrt() + far).max(f64::MIN_POSITIVE);
        let c = (libm::log1p(e.abs() * self.h / self.square.max(f64::MIN_POSITIVE)) / self.h).clamp(1e-6, 1e12);
        let conversion = -c * libm::log1p(1.0 / c) - libm::log1p(c);
        let half = 0.5 * c * (1.0 + c) * self.square;
        let (gain, loss) = if e >= 0.0 {
            let (x, u) = ((1.0 + c) * self.h, libm::expm1(self.h));
            let taylor = half * libm::exp(c * self.h) / (1.0 - self.rate);
            let largest = self.square * (libm::expm1(x) - (1.0 + c) * u) / (u * u) * (1.0 + 1e-12);
            let rest = if x > 1.0 && c >= 1.0 { taylor.min(largest) } else { taylor };
            ((1.0 + c) * self.drift + rest, c * e)
        } else {
            (half * libm::exp(-(c + 2.0) * libm::log1p(-self.rate)), (c + 1.0) * -e)
        };
        let log = conversion + gain - loss + 16.0 * ROUNDOFF * (gain + loss + conversion.abs());
        let chernoff = if log.is_nan() { f64::INFINITY } else { libm::exp(log.min(700.0)) * (1.0 + 1e-14) };
        (scarf * (1.0 + 1e-14)).min(chernoff)
    }
}

/// Upper bound on `E_Q[u²; x ≤ end]`, `u = r(e^y − 1)` with `y = (2x − 1)/2s²`: under Q, `e^y` moves the mean to 1 and `e^{2y}` to 2.
pub(super) fn mean_square(rate: f64, noise: f64, end: f64) -> f64 {
    let term = |mean: f64, log: f64| {
        let t = (end - mean) / noise;
        let value = libm::exp(log + log_tail(-t));
        (value, value * ROUNDOFF * (64.0 + 4.0 * (log + t.min(0.0).powi(2)) + 1e-14 / ROUNDOFF))
    };
    let (two, one, none) = (term(2.0, 1.0 / (noise * noise)), term(1.0, 0.0), term(0.0, 0.0));
    (two.0 - 2.0 * one.0 + none.0 + two.1 + 2.0 * one.1 + none.1).max(0.0) * rate * rate * (1.0 + 1e-14)
}
