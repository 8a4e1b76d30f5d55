//! The bound on δ(ε) that a composed law gives, and its inverse.
//!
//! With `bⱼ` the masses over their tilt, two sums from the right are enough: `Bₖ = Σ bⱼ e^{ℓₖ − ℓⱼ}` and
//! `Dₖ = Σ bⱼ (1 − e^{ℓₖ − ℓⱼ})` over j ≥ k. Then `δ(ε) = Dₖ + Bₖ(1 − e^{ε − ℓₖ})` for ε between ℓₖ₋₁ and ℓₖ, and
//! `Dₖ = Dₖ₊₁ + (1 − e^{−h})Bₖ₊₁`: only sums of positive terms.

use super::convolve::{Side, UNDERFLOW};

/// A bound on the curve δ(ε) of a composition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Curve {
    pub(super) side: Side,
    pub(super) h: f64,
    /// Loss of index 0.
    pub(super) offset: f64,
    /// Index of the first element of the sums.
    pub(super) first: i64,
    pub(super) centre: i64,
    pub(super) r: f64,
    /// Log of the factor in front of the sums.
    pub(super) log_scale: f64,
    /// `Σ_{j ≥ k} bⱼ·e^{ℓₖ − ℓⱼ}` and `Σ_{j ≥ k} bⱼ·(1 − e^{ℓₖ − ℓⱼ})`.
    pub(super) discounted: Vec<f64>,
    pub(super) excess: Vec<f64>,
    pub(super) outside: f64,
    pub(super) infinite: f64,
    /// Relative error of everything finite.
    pub(super) error: f64,
}

/// Places at which a search for an epsilon looks first.
const PLACES: u32 = 256;

impl Curve {
    /// The losses in the window: below the first, only trivial bounds are known.
    fn range(&self) -> (f64, f64) {
        let loss = |k: i64| k as f64 * self.h + self.offset;
        (loss(self.first), loss(self.first + self.discounted.len() as i64 - 2))
    }

    /// The bound at `epsilon`.
    pub(super) fn delta(&self, epsilon: f64) -> f64 {
        if epsilon.is_nan() || epsilon < self.range().0 {
            return if self.side == Side::Upper { 1.0 } else { 0.0 };
        }
        let last = self.discounted.len() as i64 - 1;
        // Any index at or above epsilon will do; rounding may take the next one.
        let k = (((epsilon - self.offset) / self.h).ceil() as i64 - self.first).clamp(0, last);
        let loss = (self.first + k) as f64 * self.h + self.offset;
        let share = -libm::expm1((epsilon - loss).min(0.0));
        let k = k as usize;
        let sum = self.excess[k] + self.discounted[k] * share;
        let scale = libm::exp(self.log_scale);
        let outside = self.outside * libm::exp(-self.r * (self.first + k as i64 - 1 - self.centre) as f64);
        if !(sum * scale).is_finite() {
            return if self.side == Side::Upper { 1.0 } else { 0.0 };
        }
        match self.side {
            Side::Upper => ((sum + outside) * scale * (1.0 + 2.0 * self.error) + self.infinite + UNDERFLOW).min(1.0),
            Side::Lower => ((sum * (1.0 - 2.0 * self.error) - outside * (1.0 + 2.0 * self.error)) * scale - UNDERFLOW)
                .clamp(0.0, 1.0),
        }
    }

    /// A bound on the smallest epsilon with at most this `delta`: from above or from below, whichever side the curve is.
    ///
    /// `None` where the curve does not reach far enough to tell.
    pub(super) fn epsilon(&self, delta: f64) -> Option<f64> {
        let (start, mut high) = self.range();
        let start = start.max(0.0);
        if start >= high {
            return None;
        }
        if self.delta(high) > delta {
            return match self.side {
                Side::Upper => None,
                Side::Lower => Some(high),
            };
        }
        // What lies outside of the window weighs more the further to the left, so a bound may be worthless there: come from
        // the right.
        let place = |k: u32| start + (high - start) * f64::from(k) / f64::from(PLACES);
        let Some(k) = (0..PLACES).rev().find(|k| self.delta(place(*k)) > delta) else {
            return match self.side {
                Side::Upper => Some(start),
                Side::Lower => Some(0.0),
            };
        };
        let mut low = place(k);
        high = place(k + 1);
        for _ in 0..200 {
            let middle = low + (high - low) / 2.0;
            if middle <= low || middle >= high {
                break;
            }
            if self.delta(middle) <= delta {
                high = middle;
            } else {
                low = middle;
            }
        }
        Some(match self.side {
            Side::Upper => high,
            Side::Lower => low,
        })
    }
}
