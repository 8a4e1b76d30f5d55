//! The trapezoid sum along one contour, with every error counted; see the essay in [`super`].

use super::sketch::Sketch;
use super::{Bounds, NODES_SHORT, decay, line};
use crate::law::Law;
use num_complex::Complex64;

/// Truncation of `e^{−DIGITS_MIN}` of delta is good enough where nothing better can be had: as cε is seldom below 1, it moves
/// epsilon by less than that part of itself.
const DIGITS_MIN: f64 = 12.0;

/// How small the errors of a contour are made.
#[derive(Clone, Copy)]
pub(super) struct Precision {
    /// Aliases and truncation are kept below `e^{−digits}` of delta.
    pub(super) digits: f64,
    /// The trapezoid rule's error for one law is `e^{−exponent}`.
    pub(super) exponent: f64,
    /// Of the bound on the decay.
    pub(super) fineness: decay::Fineness,
}

/// With many laws, digits that nobody reads are given up for time.
pub(super) fn precision(laws: usize) -> Precision {
    match laws {
        ..17 => Precision { digits: 27.0, exponent: 38.0, fineness: decay::FINE },
        17..200 => Precision { digits: 20.0, exponent: 32.0, fineness: decay::COARSE },
        _ => Precision { digits: 20.0, exponent: 32.0, fineness: decay::COARSEST },
    }
}

/// `(c′ − c)·Λ` for the aliases on the right.
const STRIDE: f64 = 33.0;

/// The integrand at the nodes of one contour.
pub(super) struct Contour {
    c: f64,
    step: f64,
    pub(super) terms: Vec<Term>,
    /// `K(c)`, and the bound on its error.
    cumulant: f64,
    cumulant_error: f64,
    /// Bound on what lies beyond the last node, in units of `e^{K(c) − cε}`.
    tail: f64,
    /// `c′` and an upper bound on `K(c′)`.
    alias: (f64, f64),
}

/// The integrand at one node, without the factor that depends on epsilon.
pub(super) struct Term {
    /// `e^{K(z) − K(c)}/(z(z + 1))`: what delta sums.
    value: Complex64,
    /// `e^{K(z) − K(c)}/(z + 1)`: what minus the derivative sums.
    slope: Complex64,
    /// Modulus of `value`, and the bound on its error.
    modulus: f64,
    error: f64,
}

impl Contour {
    pub(super) fn new(
        laws: &[(Law, u64)],
        sketch: &Sketch,
        c: f64,
        epsilon: f64,
        log_delta: f64,
        nodes_max: f64,
    ) -> Option<Self> {
        let here = sketch.at(c);
        let Precision { digits, exponent, fineness } = precision(laws.len());
        let mut period = (digits - log_delta) / c;
        // Chernoff on the right: the cumulant may rise by 8 above its tangent on the way to c′.
        while sketch.at(c + STRIDE / period).value - here.value - here.slope * STRIDE / period > 8.0 {
            period *= 1.2;
        }
        let step = std::f64::consts::TAU / period;
        let mut contour = Self {
            c,
            step,
            terms: Vec::new(),
            cumulant: 0.0,
            cumulant_error: 0.0,
            tail: 0.0,
            alias: (c + STRIDE / period, 0.0),
        };
        let mut sampled = Vec::new();
        let mut square = 0.0;
        for (law, count) in laws {
            match law {
                Law::Gaussian { noise } => square += *count as f64 / (noise * noise),
                Law::Mixture(branches) => {
                    let count = *count as f64;
                    let line = line::line(branches, c, contour.alias.0, count, exponent)?;
                    let decay = decay::decay(branches, c, line.cumulant, fineness)?;
                    contour.cumulant += count * line.cumulant;
                    contour.cumulant_error +=
                        count * (1.01 * line.moment_error + 2.0 * f64::EPSILON * line.cumulant.abs());
                    contour.alias.1 += count * line.beyond;
                    sampled.push((line, decay, count));
                }
                Law::WithoutReplacement { .. } | Law::Allocation { .. } => return None,
            }
        }
        contour.cumulant += square * c * (c + 1.0) / 2.0;
        contour.alias.1 += square * contour.alias.0 * (contour.alias.0 + 1.0) / 2.0;
        let allowance = f64::EPSILON * (8 + 2 * laws.len()) as f64;
        contour.cumulant_error += allowance * contour.cumulant.abs();
        contour.alias.1 += allowance * contour.alias.1.abs();

        // The value of the sum at the root is about delta·e^{cε − K}; the tail should be e^{−digits} of it.
        let wanted = log_delta + c * epsilon - contour.cumulant - digits;
        let log_tail = |t: f64| {
            let sum: f64 = sampled.iter().map(|(_, decay, count)| count * decay.log_bound(t)).sum();
            sum - square * t * t / 2.0 - libm::log(std::f64::consts::PI * t)
        };
        // Where the tail does not fall any further, because there are too few hits, fewer digits are worth more than none if they
        // are cheap.
        let t_max = nodes_max * step;
        let flat = || log_tail(t_max / 16.0) - log_tail(t_max) < libm::log(16.0) + 6.0;
        let short = nodes_max <= NODES_SHORT;
        let rough = || first_below(log_tail, wanted + digits - DIGITS_MIN, t_max).filter(|_| short && flat());
        let last = first_below(log_tail, wanted, nodes_max * step).or_else(rough)?;
        let count = (last / step).ceil() as usize + 1;
        contour.tail = libm::exp(log_tail(count as f64 * step - step)) * (1.0 + 1e-9);
        contour.terms = terms(&sampled, square, step, count, c);
        Some(contour)
    }

    /// The length `Λ` after which the sum repeats itself.
    pub(super) fn period(&self) -> f64 {
        std::f64::consts::TAU / self.step
    }

    /// In units of `e^{K(c) − cε}`: the sum, minus its derivative by epsilon, and the bound on its error.
    fn sum(&self, epsilon: f64) -> (f64, f64, f64) {
        let (mut value, mut slope, mut error, mut phases) = (0.0, 0.0, 0.0, 0.0);
        let (sin, cos) = libm::sincos(self.step * epsilon);
        let turn = Complex64::new(cos, -sin);
        let mut turned = Complex64::new(1.0, 0.0);
        for (n, term) in self.terms.iter().enumerate() {
            value += (term.value * turned).re;
            slope += (term.slope * turned).re;
            error += term.error;
            phases += term.modulus * n as f64;
            turned *= turn;
        }
        // Each further turn is one more product, and its angle has the rounding of step·ε.
        error +=
            phases * f64::EPSILON * (3.0 + self.step * epsilon) + value.abs() * f64::EPSILON * self.terms.len() as f64;
        let width = self.step / std::f64::consts::PI;
        (value * width, slope * width, error * width * (1.0 + 1e-9) + self.tail)
    }

    /// Logarithm of the factor `e^{K(c) − cε}`, and its error.
    fn log_scale(&self, epsilon: f64) -> (f64, f64) {
        let error = self.cumulant_error + 4.0 * f64::EPSILON * (self.cumulant.abs() + self.c * epsilon + 1.0);
        (self.cumulant - self.c * epsilon, error)
    }

    /// The epsilon, possibly below 0, at which the sum reaches `log_delta`; no promise.
    pub(super) fn solve(&self, start: f64, log_delta: f64) -> Option<f64> {
        let mut epsilon = start;
        // Newton's method overshoots where a rare hit makes a step in the curve; the bracket stops it.
        let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
        let reach = self.period() / 6.0;
        for _ in 0..80 {
            let (value, slope, _) = self.sum(epsilon);
            let excess = libm::log(value) + self.log_scale(epsilon).0 - log_delta;
            // A sum below 0 is far to the right of everything, where only aliases and rounding are left.
            let above = excess > 0.0;
            if above {
                low = epsilon;
            } else {
                high = epsilon;
            }
            let newton = epsilon + (excess * value / slope).clamp(-reach, reach);
            let inside = newton > low && newton < high;
            let next = if inside {
                newton
            } else if low.is_finite() && high.is_finite() {
                0.5 * (low + high)
            } else if above {
                epsilon + reach
            } else {
                epsilon - reach
            };
            let step = next - epsilon;
            epsilon = next;
            if step.abs() <= 1e-13 * (1.0 + epsilon.abs()) {
                return Some(epsilon);
            }
            if (epsilon - start).abs() > 0.45 * self.period() {
                return Some(epsilon);
            }
        }
        (high - low <= 1e-9 * (1.0 + epsilon.abs())).then_some(epsilon)
    }

    /// Certified interval around `found`.
    pub(super) fn bracket(&self, found: f64, log_delta: f64) -> Option<Bounds> {
        let found = found.max(0.0);
        let (value, slope, error) = self.sum(found);
        if slope.is_nan() || slope <= 0.0 {
            return None;
        }
        let (log_scale, log_error) = self.log_scale(found);
        let alias = libm::exp(self.log_alias(found) - log_scale);
        let up = 2.0 * (error + value * log_error) / slope + 1e-14 * (1.0 + found);
        let down = up + 2.0 * alias / slope;
        let certified = |margin: f64, holds: &dyn Fn(f64) -> bool| {
            (0..60).map(|k| margin * f64::from(1u32 << (k / 2).min(30))).find(|margin| holds(*margin))
        };
        if self.log_bounds(0.0).1 <= log_delta {
            return Some((0.0, 0.0));
        }
        let up = certified(up, &|margin| self.log_bounds(found + margin).1 <= log_delta)?;
        let down = certified(down, &|margin| found <= margin || self.log_bounds(found - margin).0 >= log_delta)?;
        Some(((found - down).max(0.0), found + up))
    }

    /// Logarithms of the bounds on delta.
    fn log_bounds(&self, epsilon: f64) -> Bounds {
        let (value, _, error) = self.sum(epsilon);
        let (log_scale, log_error) = self.log_scale(epsilon);
        let alias = libm::exp(self.log_alias(epsilon) - log_scale + log_error);
        let below = value - error - alias;
        let lower = if below > 0.0 { libm::log(below) + log_scale - log_error } else { f64::NEG_INFINITY };
        (lower, libm::log(value.max(0.0) + error) + log_scale + log_error)
    }

    /// Logarithm of an upper bound on the aliases.
    fn log_alias(&self, epsilon: f64) -> f64 {
        let (beyond, cumulant) = self.alias;
        let left = -log_expm1(self.c * self.period());
        let factor = -beyond * libm::log1p(1.0 / beyond) - libm::log1p(beyond);
        let right = factor + cumulant - beyond * epsilon - log_expm1((beyond - self.c) * self.period());
        left.max(right) + std::f64::consts::LN_2 + 1e-9
    }

    /// Certified interval of delta.
    pub(super) fn delta(&self, epsilon: f64) -> Bounds {
        let (lower, upper) = self.log_bounds(epsilon);
        (libm::exp(lower) * (1.0 - 1e-15), (libm::exp(upper) * (1.0 + 1e-15)).min(1.0))
    }
}

/// `log(e^x − 1)` for x well above 0.
fn log_expm1(x: f64) -> f64 {
    x + libm::log1p(-libm::exp(-x))
}

/// The smallest t, within a few per cent, with `value(t) ≤ wanted`, for a falling function; `None` if above `t_max`.
fn first_below(value: impl Fn(f64) -> f64, wanted: f64, t_max: f64) -> Option<f64> {
    if value(t_max) > wanted {
        return None;
    }
    let (mut low, mut high) = (libm::log(t_max) - 40.0, libm::log(t_max));
    while high - low > 0.02 {
        let middle = 0.5 * (low + high);
        if value(libm::exp(middle)) <= wanted {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(libm::exp(high))
}

/// The integrand at `count` nodes; the first counts half.
fn terms(sampled: &[(line::Line, decay::Decay, f64)], square: f64, step: f64, count: usize, c: f64) -> Vec<Term> {
    // log modulus, phase, and the logarithm of the factor by which the power may be off.
    let mut logs = vec![(0.0, 0.0, 0.0); count];
    // Single releases are multiplied as they are: a thousand different ones would be a million logarithms.
    let mut product = vec![Complex64::new(1.0, 0.0); count];
    for (line, _, releases) in sampled {
        let once = *releases < 1.5;
        for (n, less_one) in line.transform(step, count).into_iter().enumerate() {
            let value = less_one + 1.0;
            let modulus = line::modulus(value).max(1e-300);
            let error = line.error(step, n);
            if once {
                product[n] *= value;
                logs[n].2 += (error + 4.0 * f64::EPSILON) / modulus;
            } else {
                let phase = libm::atan2(value.im, value.re);
                let square = less_one.re * (2.0 + less_one.re) + less_one.im * less_one.im;
                let log = if square > -0.5 { 0.5 * libm::log1p(square) } else { libm::log(modulus) };
                logs[n].0 += releases * log;
                logs[n].1 += releases * phase;
                let rounding = 2.0 * f64::EPSILON * (line::modulus(less_one) / modulus + phase.abs() + log.abs());
                logs[n].2 += releases * (error / modulus + rounding);
            }
        }
    }
    for (log, value) in logs.iter_mut().zip(product) {
        log.0 += libm::log(libm::hypot(value.re, value.im).max(1e-300));
        log.1 += libm::atan2(value.im, value.re);
    }
    logs.iter()
        .enumerate()
        .map(|(n, (log, phase, off))| {
            let t = n as f64 * step;
            // K(c + it) − K(c) of the Gaussian releases.
            let log = (log - square * t * t / 2.0).min(0.0);
            let phase = phase + square * t * (c + 0.5);
            let modulus = libm::exp(log) * if n == 0 { 0.5 } else { 1.0 };
            let error = if *off < 1.0 { modulus * libm::expm1(*off) } else { 2.0 * libm::exp(log + off) };
            let error = error + modulus * 4.0 * f64::EPSILON * (4.0 + phase.abs() + log.abs());
            let (sin, cos) = libm::sincos(phase);
            let z = Complex64::new(c, t);
            let slope = Complex64::new(cos, sin) * modulus / (z + 1.0);
            let value = slope / z;
            Term { value, slope, modulus: line::modulus(value), error: error / line::modulus(z * (z + 1.0)) }
        })
        .collect()
}
