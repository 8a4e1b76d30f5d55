//! Sums of independent lattice losses, by a Fourier transform of their tilted law.
//!
//! Under the tilt `π ∝ mass·e^{r·index}` of all laws alike, with r near the saddle of the question, the sum's bulk lies at the
//! epsilon asked for. With `M = Σ mass·e^{r·index}` per law and `K = Σ count·log M`,
//!
//! `δ(ε) = e^K Σₖ πₖ e^{−rk} (1 − e^{ε − ℓₖ})₊ + infinite mass`,
//!
//! so the transform's absolute error is divided by a πₖ of the bulk, not by a delta.
//!
//! *Rounding.* A transform of N = 2ⁿ points is n layers of sums of two terms with factors of modulus 1. Whatever one output
//! sees of a layer has a 1-norm of at most the input's, so its error is at most `8u·n` times the input's 1-norm (two
//! roundings of a complex product, one of the factor, one of a sum, doubled). Forward that is `e = 8u·n` for a law of mass
//! 1, a power T turns it into `T·e·(|F| + e)^{T−1}`, and the mean of that over all frequencies is what each πₖ may be off.
//!
//! *Wrap-around.* The transform adds up all πₖ with equal k modulo N; the N indices kept are a window that holds all but
//! `outside` of π, by Chernoff's bound on both sides with the very laws that are convolved. An index outside the window
//! weighs at most `e^{−rk}` at the first index above epsilon, wherever it is counted, so `outside` times that covers what
//! is missing above and what is too much below.

use super::cells::ROUNDOFF;
use super::lattice::Lattice;
use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

/// Where to look: the same for both laws.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    /// The tilt per index.
    pub(super) r: f64,
    /// First index kept, number of them (a power of two) and the index of the bulk.
    pub(super) first: i64,
    pub(super) len: usize,
    pub(super) centre: i64,
    /// Tilts per index for Chernoff's bound left and right of the window, both positive.
    pub(super) chernoff: (f64, f64),
}

/// Which way every error counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Lower,
    Upper,
}

/// A bound on the curve δ(ε) of a composition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Curve {
    side: Side,
    h: f64,
    /// Loss of index 0.
    offset: f64,
    /// Index of the first element of the sums.
    first: i64,
    centre: i64,
    r: f64,
    /// Log of the factor in front of the sums.
    log_scale: f64,
    /// `Σ_{j ≥ k} bⱼ·e^{ℓₖ − ℓⱼ}` and `Σ_{j ≥ k} bⱼ·(1 − e^{ℓₖ − ℓⱼ})`.
    discounted: Vec<f64>,
    excess: Vec<f64>,
    outside: f64,
    infinite: f64,
    /// Relative error of everything finite.
    error: f64,
}

/// Longest range of `r·(index − centre)` to the left of the centre.
const WEIGHT_LOG_MAX: f64 = 300.0;
/// Transforms below this are taken as 0, and counted as an error.
const TINY: f64 = 1e-20;

/// Composes `count` releases of each law.
pub(super) fn compose(laws: &[(Lattice, u64)], window: Window, side: Side) -> Curve {
    let Window { r, first, len, centre, .. } = window;
    let h = laws[0].0.h;
    let mut log_moments = 0.0;
    let (mut offset, mut error, mut offset_error, mut log_finite) = (0.0, 64.0 * ROUNDOFF, 0.0, 0.0);
    for (lattice, count) in laws {
        let t = *count as f64;
        let log_moment = lattice.log_moment(r);
        log_moments += t * log_moment;
        error += t * (2.0 * lattice.moment_error(r) + (16.0 + 4.0 * log_moment.abs()) * ROUNDOFF);
        error += 4.0 * ROUNDOFF * (t * log_moment).abs();
        offset += t * lattice.offset;
        offset_error += 4.0 * ROUNDOFF * t * lattice.offset.abs();
        log_finite += t * libm::log1p(-lattice.infinite.min(1.0));
    }
    let (mut pi, absolute) = tilted_power(laws, r, len);
    // From index modulo N to the window.
    pi.rotate_left(first.rem_euclid(len as i64) as usize);
    let start = first.max(centre - (WEIGHT_LOG_MAX / r.max(1e-300)).min(1e15) as i64);
    let kept = &pi[(start - first) as usize..];
    let (mut discounted, mut excess) = (vec![0.0; kept.len() + 1], vec![0.0; kept.len() + 1]);
    let (fall, gap) = (libm::exp(-h), -libm::expm1(-h));
    for (k, pi) in kept.iter().enumerate().rev() {
        let pi = match side {
            Side::Upper => pi.max(0.0) + absolute,
            Side::Lower => (pi - absolute).max(0.0),
        };
        let weighted = pi * libm::exp(-r * (start + k as i64 - centre) as f64);
        excess[k] = excess[k + 1] + gap * discounted[k + 1];
        discounted[k] = weighted + fall * discounted[k + 1];
    }
    let log_scale = log_moments - r * centre as f64;
    error += 4.0 * ROUNDOFF * (log_scale.abs() + (r * centre as f64).abs() + WEIGHT_LOG_MAX);
    // The recursions: each sum has two roundings, each factor two.
    error += 8.0 * ROUNDOFF * kept.len() as f64;
    let outside = libm::exp(log_outside(laws, log_moments, &window) + error).min(1.0);
    let last = (first + len as i64) as f64 * h;
    offset_error += 4.0 * ROUNDOFF * (last.abs() + (first as f64 * h).abs() + offset.abs());
    let infinite = -libm::expm1(log_finite) * (1.0 + 8.0 * ROUNDOFF * laws.len() as f64);
    let (offset, infinite) = match side {
        Side::Upper => (offset + offset_error, infinite),
        Side::Lower => (offset - offset_error, 0.0),
    };
    Curve { side, h, offset, first: start, centre, r, log_scale, discounted, excess, outside, infinite, error }
}

/// π on indices modulo `len`, and the absolute error of each.
fn tilted_power(laws: &[(Lattice, u64)], r: f64, len: usize) -> (Vec<f64>, f64) {
    let mut planner = RealFftPlanner::<f64>::new();
    let (forward, inverse) = (planner.plan_fft_forward(len), planner.plan_fft_inverse(len));
    let (mut input, mut spectrum) = (forward.make_input_vec(), forward.make_output_vec());
    let mut scratch = vec![Complex::default(); forward.get_scratch_len().max(inverse.get_scratch_len())];
    let layers = f64::from(len.trailing_zeros() + 2);
    // The tilted masses sum to 1 up to an error far below the last factor.
    let one = 8.0 * ROUNDOFF * layers * 1.001;
    let mut product = vec![Complex::new(1.0, 0.0); spectrum.len()];
    // Bound on |product|, and Σ count·e/(|F| + e).
    let mut bounds = vec![(1.0f64, 0.0f64); spectrum.len()];
    for (lattice, count) in laws {
        input.fill(0.0);
        let log_moment = lattice.log_moment(r);
        for (mass, index) in lattice.mass.iter().zip(lattice.first..) {
            input[index.rem_euclid(len as i64) as usize] += mass * libm::exp(r * index as f64 - log_moment);
        }
        // The lengths are those the planner asked for, which is all that can go wrong.
        let _ = forward.process_with_scratch(&mut input, &mut spectrum, &mut scratch);
        for ((value, product), (bound, relative)) in spectrum.iter().zip(&mut product).zip(&mut bounds) {
            let most = value.norm() * (1.0 + 4.0 * ROUNDOFF) + one;
            *bound *= power(Complex::new(most, 0.0), *count).re;
            *relative += *count as f64 * one / most;
            if *bound >= TINY {
                *product *= power(*value, *count);
            } else {
                *product = Complex::default();
            }
        }
    }
    // A product of T factors has T − 1 roundings of a few u, squared or not.
    let factors: f64 = laws.iter().map(|(_, count)| 4.0 + *count as f64).sum();
    let (mut total_error, mut total) = (0.0, 0.0);
    for (k, (bound, relative)) in bounds.iter().enumerate() {
        let times = if k == 0 || k + 1 == bounds.len() { 1.0 } else { 2.0 };
        let share = if *bound >= TINY { (relative + 4.0 * ROUNDOFF * factors).min(2.0) } else { 1.0 };
        total_error += times * share * bound;
        total += times * bound;
    }
    // Both ends of a real signal's spectrum are real.
    product[0].im = 0.0;
    if let Some(last) = product.last_mut() {
        last.im = 0.0;
    }
    let mut output = inverse.make_output_vec();
    let _ = inverse.process_with_scratch(&mut product, &mut output, &mut scratch);
    let scale = 1.0 / len as f64;
    for value in &mut output {
        *value *= scale;
    }
    (output, (total_error + one * total) * scale * 1.001 + 1e-300)
}

/// `z^t` by repeated squaring.
fn power(mut z: Complex<f64>, mut t: u64) -> Complex<f64> {
    let mut product = Complex::new(1.0, 0.0);
    while t > 0 {
        if t & 1 == 1 {
            product *= z;
        }
        z *= z;
        t >>= 1;
    }
    product
}

/// Log of a bound on the mass of π outside the window.
fn log_outside(laws: &[(Lattice, u64)], log_moments: f64, window: &Window) -> f64 {
    let at = |tilt: f64, index: i64| {
        let sum: f64 = laws
            .iter()
            .map(|(lattice, count)| {
                *count as f64 * (lattice.log_moment(window.r + tilt) + lattice.moment_error(window.r + tilt))
            })
            .sum();
        let shift = tilt * index as f64;
        sum - log_moments - shift + 8.0 * ROUNDOFF * (sum.abs() + log_moments.abs() + shift.abs())
    };
    let left = at(-window.chernoff.0, window.first);
    let right = at(window.chernoff.1, window.first + window.len as i64);
    let top = left.max(right);
    top + libm::log(libm::exp(left - top) + libm::exp(right - top))
}

impl Curve {
    /// Epsilons at which the curve can be asked for.
    pub(super) fn range(&self) -> (f64, f64) {
        let loss = |k: i64| k as f64 * self.h + self.offset;
        (loss(self.first), loss(self.first + self.discounted.len() as i64 - 2))
    }

    /// The bound at `epsilon`, which must lie in [`Curve::range`].
    pub(super) fn delta(&self, epsilon: f64) -> f64 {
        let last = self.discounted.len() as i64 - 1;
        // Any index at or above epsilon will do; rounding may take the next one.
        let k = (((epsilon - self.offset) / self.h).ceil() as i64 - self.first).clamp(0, last);
        let loss = (self.first + k) as f64 * self.h + self.offset;
        let share = -libm::expm1((epsilon - loss).min(0.0));
        let k = k as usize;
        let sum = self.excess[k] + self.discounted[k] * share;
        let scale = libm::exp(self.log_scale);
        let outside = self.outside * libm::exp(-self.r * (self.first + k as i64 - 1 - self.centre) as f64);
        match self.side {
            Side::Upper => ((sum + outside) * scale * (1.0 + 2.0 * self.error) + self.infinite + 1e-300).min(1.0),
            Side::Lower => {
                ((sum * (1.0 - 2.0 * self.error) - outside * (1.0 + 2.0 * self.error)) * scale - 1e-300).clamp(0.0, 1.0)
            }
        }
    }

    /// A bound on the smallest epsilon with at most this `delta`: from above or from below, whichever side the curve is.
    ///
    /// `None` where the curve does not reach far enough to tell.
    pub(super) fn epsilon(&self, delta: f64) -> Option<f64> {
        let (start, mut high) = self.range();
        let mut low = start.max(0.0);
        if low >= high {
            return None;
        }
        if self.delta(low) <= delta {
            return match self.side {
                Side::Upper => Some(low),
                Side::Lower => Some(0.0),
            };
        }
        if self.delta(high) > delta {
            return match self.side {
                Side::Upper => None,
                Side::Lower => Some(high),
            };
        }
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
