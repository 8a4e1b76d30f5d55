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
use super::curve::Curve;
use super::lattice::Lattice;
use realfft::RealFftPlanner;
use realfft::num_complex::Complex;
use std::ops::MulAssign;

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

/// Longest range of `r·(index − centre)` to the left of the centre.
const WEIGHT_LOG_MAX: f64 = 300.0;
/// Transforms below this are taken as 0, and counted as an error.
const TINY: f64 = 1e-20;
/// More than all that underflows on the way.
pub(super) const UNDERFLOW: f64 = 1e-280;

/// Plans of transforms, kept for the next one of the same length.
pub(super) type Planner = RealFftPlanner<f64>;

/// Composes `count` releases of each law.
pub(super) fn compose(planner: &mut Planner, laws: &[(Lattice, u64)], window: Window, side: Side) -> Curve {
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
    let (mut pi, absolute) = tilted_power(planner, laws, r, len);
    // From index modulo N to the window.
    pi.rotate_left(first.rem_euclid(len as i64) as usize);
    let start = first.max(centre - (WEIGHT_LOG_MAX / r.max(1e-300)).min(1e15) as i64);
    let kept = &mut pi[(start - first) as usize..];
    for value in kept.iter_mut() {
        *value = match side {
            Side::Upper => value.max(0.0) + absolute,
            Side::Lower => (*value - absolute).max(0.0),
        };
    }
    tilt(kept, -r, start, r * centre as f64);
    let (mut discounted, mut excess) = (vec![0.0; kept.len() + 1], vec![0.0; kept.len() + 1]);
    let (fall, gap) = (libm::exp(-h), -libm::expm1(-h));
    for (k, weighted) in kept.iter().enumerate().rev() {
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
pub(super) fn tilted_power(planner: &mut Planner, laws: &[(Lattice, u64)], r: f64, len: usize) -> (Vec<f64>, f64) {
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
        let mut tilted = lattice.mass.clone();
        tilt(&mut tilted, r, lattice.first, -log_moment);
        for (mass, index) in tilted.iter().zip(lattice.first..) {
            input[index.rem_euclid(len as i64) as usize] += mass;
        }
        // The lengths are those the planner asked for, which is all that can go wrong.
        let _ = forward.process_with_scratch(&mut input, &mut spectrum, &mut scratch);
        for ((value, product), (bound, relative)) in spectrum.iter().zip(&mut product).zip(&mut bounds) {
            let most = value.norm() * (1.0 + 4.0 * ROUNDOFF) + one;
            *bound *= power(most, *count, 1.0);
            *relative += *count as f64 * one / most;
            if *bound >= TINY {
                *product *= power(*value, *count, Complex::new(1.0, 0.0));
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
        let share = if product[k] == Complex::default() { 1.0 } else { (relative + 4.0 * ROUNDOFF * factors).min(2.0) };
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
    (output, (total_error + one * total) * scale * 1.001 + UNDERFLOW)
}

/// `z^t` by repeated squaring.
fn power<T: Copy + MulAssign>(mut z: T, mut t: u64, one: T) -> T {
    let mut product = one;
    while t > 0 {
        if t & 1 == 1 {
            product *= z;
        }
        z *= z;
        t >>= 1;
    }
    product
}

/// Multiplies each value by `e^{log + r·index}`: one exponential per block, the powers of `e^r` out of a table.
pub(super) fn tilt(values: &mut [f64], r: f64, first: i64, log: f64) {
    const BLOCK: usize = 32;
    let table: [f64; BLOCK] = std::array::from_fn(|i| libm::exp(r * i as f64));
    for (block, start) in values.chunks_mut(BLOCK).zip((first..).step_by(BLOCK)) {
        let scale = libm::exp(log + r * start as f64);
        for (value, power) in block.iter_mut().zip(&table) {
            *value *= scale * power;
        }
    }
}

/// Log of a bound on the mass of π outside the window.
pub(super) fn log_outside(laws: &[(Lattice, u64)], log_moments: f64, window: &Window) -> f64 {
    let at = |tilt: f64, index: f64| {
        let r = window.r + tilt;
        let one = |(law, count): &(Lattice, u64)| *count as f64 * (law.log_moment(r) + law.moment_error(r));
        let sum: f64 = laws.iter().map(one).sum();
        let shift = tilt * index;
        sum - log_moments - shift + 8.0 * ROUNDOFF * (sum.abs() + log_moments.abs() + shift.abs())
    };
    let (first, end) = (window.first as f64, (window.first + window.len as i64) as f64);
    let smallest: f64 = laws.iter().map(|(law, count)| *count as f64 * law.first as f64).sum();
    let largest: f64 =
        laws.iter().map(|(law, count)| *count as f64 * (law.first + law.mass.len() as i64 - 1) as f64).sum();
    let left = if first <= smallest { f64::NEG_INFINITY } else { at(-window.chernoff.0, first) };
    let right = if end > largest { f64::NEG_INFINITY } else { at(window.chernoff.1, end) };
    let top = left.max(right);
    if top.is_finite() { top + libm::log(libm::exp(left - top) + libm::exp(right - top)) } else { top }
}
