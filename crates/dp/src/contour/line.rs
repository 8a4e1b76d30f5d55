//! `M(z) = ∫ P^{1+z} Q^{−z}` of one release on the line `Re z = c`, by the trapezoid rule with a proven error.
//!
//! **Shifted line.** The integrand is analytic in x up to `|Im x| < πs²/D`, D the widest spread of the means of P or Q, so the
//! integral may run along `Im x = a > 0` instead of the real axis. There `|e^{itL}| = e^{−t·Im L} ≤ 1` for every `t ≥ 0`:
//! P's means are at least 0 and Q's at most 0, so `0 ≤ arg A`, `arg B ≤ 0` and `Im L = arg A − arg B ≥ 0`. The oscillation of
//! `e^{itL}`, which on the real axis needs more nodes the larger t is, has become a decay, and one set of nodes serves
//! all t.
//!
//! **Error.** With spacing h, the trapezoid sum along `Im x = a` differs from the integral by at most
//! `N(0)/(e^{2πa/h} − 1) + N(y)/(e^{2π(y − a)/h} − 1)` for any y between a and the edge of the strip (Trefethen and
//! Weideman, SIAM Review 56, 2014, Theorem 5.1, on the two sides of the line separately), where `N(y)` bounds the
//! integral of the modulus along `Im x = y`. The modulus of the Gaussian grows by `e^{y²/2s²}`; `|A(ξ + iy)| ≤ A(ξ)`; and
//! `|B(ξ + iy)| ≥ B(ξ)·cos(D_Q·y/2s²)`, because all its terms lie in a cone of that opening. So
//! `N(y) ≤ e^{growth(y)}·M(c)`, `growth(y) = y²/2s² − c·log cos(D_Q·y/2s²)`, for all `t ≥ 0`.
//!
//! **Tails.** On the real axis the logarithm of the integrand at `t = 0` has the slope `(d(x) − x)/s²` with the drift
//! `d = (1 + c)·E_P[m|x] − c·E_Q[m|x] ≥ 0`. Left of 0 it therefore falls outwards at least as fast as `x²/2s²`; to the right,
//! `d` is at most `(1 + c)·max m − c·E_Q[m|R]` beyond R. Both tails are below `value at the end × s²/|slope|`.

use super::range::grid;
use crate::law::{Pair, binomial};
use num_complex::Complex64;

/// Rounding error of one operation.
const UNIT: f64 = f64::EPSILON / 2.0;
/// Values of t that are reached by small turns before one large turn takes over.
const RESTART: usize = 64;

/// The nodes of one law on the line `Re z = c`.
pub(super) struct Line {
    /// Weight `ω` of each node, divided by `M(c)`.
    weights: Vec<Complex64>,
    /// `L` at each node.
    losses: Vec<Complex64>,
    /// `K(c) = log M(c)`.
    pub(super) cumulant: f64,
    /// Relative error of `M(c)`.
    pub(super) moment_error: f64,
    /// Upper bound on `K` at the other order that was asked for.
    pub(super) beyond: f64,
    /// Error of `φ(t) − 1` by quadrature and tails, for all t.
    floor: f64,
    /// Error of `φ(t) − 1` per unit of t: that of the losses themselves.
    slope: f64,
    /// `Σ |ω|` and `Σ |ω|·|L|`: what bounds a sum over `|e^{itL} − 1| ≤ min(2, t·|L|)`.
    plain: (f64, f64),
    /// The same with every weight times its own rounding error, in units of one rounding.
    rounded: (f64, f64),
}

/// The nodes of `Σ weightᵢ·Mᵢ`, whose power `count` is wanted, and on the way `K` at `beyond ≥ c`; `None` where they would be
/// too many. The error of the trapezoid rule is `e^{−exponent}` for one release, and as much less for several.
pub(super) fn line(branches: &[(f64, Pair)], c: f64, beyond: f64, count: f64, exponent: f64) -> Option<Line> {
    let exponent = exponent + libm::log(count);
    let mut losses = Vec::new();
    // Logarithms until the sum is known: the moments of different branches can differ by hundreds of orders.
    let mut logs: Vec<(f64, f64)> = Vec::new();
    let mut logs_beyond: Vec<(f64, f64)> = Vec::new();
    // Relative error of each weight, in units of one rounding.
    let mut roundings: Vec<f64> = Vec::new();
    let mut log_tails = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    let (mut slope_masses, mut coarse_losses) = (0.0f64, 0.0f64);
    for (weight, pair) in branches.iter().filter(|(weight, _)| *weight > 0.0) {
        let grid = grid(pair, c, beyond, exponent)?;
        // A coin's masses are exact, because the one at mean 0 is not read; a binomial's are not. They enter 1 + 2c times.
        let mixture = pair.p.len().max(pair.q.len()) > 2;
        let masses = if mixture { 1e-13 } else { 0.0 };
        let masses = if branches.len() > 1 { binomial::RELATIVE_ERROR } else { masses };
        slope_masses = slope_masses.max(masses);
        coarse_losses = coarse_losses.max(f64::from(mixture));
        let log_weight = libm::log(*weight) + grid.growth;
        log_tails = (log_tails.0.max(log_weight + grid.log_tails.0), log_tails.1.max(log_weight + grid.log_tails.1));
        let step = libm::log(weight * grid.step / pair.noise) - 0.918_938_533_204_672_8;
        for node in grid.first..=grid.last {
            let x = node as f64 * grid.step;
            let (log_a, log_b) = pair.logs_above(x, grid.height);
            let power = log_a * (1.0 + c) - log_b * c;
            let twice_variance = 2.0 * pair.noise * pair.noise;
            let gaussian = (x - grid.height) * (x + grid.height) / twice_variance;
            let turn = 2.0 * x * grid.height / twice_variance;
            let loss = log_a - log_b;
            let log = Complex64::new(power.re - gaussian + step, power.im - turn);
            let further = log + loss * (beyond - c);
            logs.push((log.re, log.im));
            logs_beyond.push((further.re, further.im));
            // Each part of an exponent brings its own rounding error along.
            let parts = (1.0 + c) * modulus(log_a) + c * modulus(log_b) + gaussian.abs() + step.abs() + turn.abs();
            roundings.push(6.0 * parts + 8.0 + masses / UNIT * (1.0 + 2.0 * c));
            losses.push(loss);
        }
    }
    let top = logs.iter().map(|(log, _)| *log).fold(f64::NEG_INFINITY, f64::max);
    let mut weights: Vec<Complex64> = logs
        .iter()
        .map(|(log, phase)| {
            let (sin, cos) = libm::sincos(*phase);
            Complex64::new(cos, sin) * libm::exp(log - top)
        })
        .collect();
    let sum: f64 = weights.iter().map(|weight| weight.re).sum();
    if sum.is_nan() || sum <= 0.0 {
        return None;
    }
    for weight in &mut weights {
        *weight /= sum;
    }
    let cumulant = top + libm::log(sum);
    let (mut plain, mut rounded) = ((0.0, 0.0), (0.0, 0.0));
    for ((weight, loss), rounding) in weights.iter().zip(&losses).zip(&roundings) {
        let (weight, loss) = (modulus(*weight), modulus(*loss));
        plain = (plain.0 + weight, plain.1 + weight * loss);
        rounded = (rounded.0 + weight * rounding, rounded.1 + weight * loss * rounding);
    }
    // Both ends of every branch, and the two lines next to the contour.
    let outside = libm::exp(log_tails.0 - cumulant) * branches.len() as f64 + plain.0 * 3.0 * libm::exp(-exponent);
    let moment_error = outside + UNIT * (rounded.0 + ((weights.len() / 8 + 8) as f64 + top.abs()) * plain.0);
    let slope = 8.0 * UNIT * (plain.1 + plain.0 * coarse_losses) + slope_masses * plain.0;
    let beyond =
        upper_cumulant(&logs_beyond, &roundings, log_tails.1, branches.len(), (beyond + 1.0) / (c + 1.0), exponent);
    Some(Line { weights, losses, cumulant, moment_error, beyond, floor: 2.0 * outside, slope, plain, rounded })
}

/// Upper bound on `K` from the logarithms of its nodes; their roundings are those at another order, `ratio` times smaller.
fn upper_cumulant(
    logs: &[(f64, f64)],
    roundings: &[f64],
    log_tails: f64,
    branches: usize,
    ratio: f64,
    exponent: f64,
) -> f64 {
    let top = logs.iter().map(|(log, _)| *log).fold(f64::NEG_INFINITY, f64::max);
    let (mut sum, mut total, mut rounded) = (0.0, 0.0, 0.0);
    for ((log, phase), rounding) in logs.iter().zip(roundings) {
        let modulus = libm::exp(log - top);
        sum += modulus * libm::cos(*phase);
        total += modulus;
        rounded += modulus * (2.0 * rounding * ratio + 8.0);
    }
    let tails = libm::exp(log_tails - top) * branches as f64;
    let error = tails + 3.0 * total * libm::exp(-exponent) + UNIT * (rounded + (logs.len() as f64 + top.abs()) * total);
    (top + libm::log(sum + error)) + 4.0 * UNIT * (top.abs() + 40.0)
}

impl Line {
    /// Bound on the error of `φ(n·step) − 1`.
    pub(super) fn error(&self, step: f64, n: usize) -> f64 {
        let t = step * n as f64;
        // Σ |ω|·|e^{itL} − 1|, with the weights' own errors and without.
        let within = |(plain, loss): (f64, f64)| (2.0 * plain).min(t * loss);
        let products = (n / RESTART + n % RESTART + 1) as f64;
        let operations = 6.0 * products + (self.weights.len() / 8 + 8) as f64;
        self.floor
            + self.slope * t
            + UNIT * (within(self.rounded) + operations * within(self.plain))
            + self.moment_error * within(self.plain)
    }

    /// `φ(n·step) − 1` for `n = 0..count`, each node with an error relative to its own `e^{itL} − 1`: where the loss is
    /// small, so is its error, and a million steps do not multiply the rounding of a 1.
    pub(super) fn transform(&self, step: f64, count: usize) -> Vec<Complex64> {
        let small = Turn::new(&self.weights, &self.losses, step);
        let large = Turn::new(&self.weights, &self.losses, step * RESTART as f64);
        let mut block = (vec![0.0; self.weights.len()], vec![0.0; self.weights.len()]);
        let mut value = block.clone();
        (0..count)
            .map(|n| {
                if n > 0 && n % RESTART == 0 {
                    large.apply(&mut block);
                    value.clone_from(&block);
                } else if n > 0 {
                    small.apply(&mut value);
                }
                Complex64::new(sum(&value.0), sum(&value.1))
            })
            .collect()
    }
}

/// The step from `ω(e^{itL} − 1)` to `ω(e^{i(t + h)L} − 1)`: with `r = e^{ihL} − 1`, v becomes `v + v·r + ω·r`.
///
/// Real and imaginary parts apart, so that the compiler can use wide registers.
struct Turn {
    re: Vec<f64>,
    im: Vec<f64>,
    weighted_re: Vec<f64>,
    weighted_im: Vec<f64>,
}

impl Turn {
    fn new(weights: &[Complex64], losses: &[Complex64], h: f64) -> Self {
        let turns: Vec<Complex64> = losses.iter().map(|loss| turn_less_one(*loss, h)).collect();
        let (re, im) = turns.iter().map(|turn| (turn.re, turn.im)).unzip();
        let weighted = turns.iter().zip(weights).map(|(turn, weight)| turn * weight);
        let (weighted_re, weighted_im) = weighted.map(|turn| (turn.re, turn.im)).unzip();
        Self { re, im, weighted_re, weighted_im }
    }

    fn apply(&self, values: &mut (Vec<f64>, Vec<f64>)) {
        let turns = self.re.iter().zip(&self.im).zip(self.weighted_re.iter().zip(&self.weighted_im));
        for ((re, im), ((turn_re, turn_im), (weighted_re, weighted_im))) in
            values.0.iter_mut().zip(&mut values.1).zip(turns)
        {
            let next = *re + (*re * turn_re - *im * turn_im + weighted_re);
            *im += *re * turn_im + *im * turn_re + weighted_im;
            *re = next;
        }
    }
}

/// `e^{itL} − 1`.
fn turn_less_one(loss: Complex64, t: f64) -> Complex64 {
    let (half_sin, half_cos) = libm::sincos(0.5 * t * loss.re);
    let fall = libm::expm1(-t * loss.im);
    let cos_less_one = -2.0 * half_sin * half_sin;
    Complex64::new(fall * (1.0 + cos_less_one) + cos_less_one, (1.0 + fall) * 2.0 * half_sin * half_cos)
}

/// `|z|`; numbers too small to be squared count as 0.
pub(super) fn modulus(z: Complex64) -> f64 {
    z.norm_sqr().sqrt()
}

/// A sum in eight independent lanes, which the compiler may not make of one.
fn sum(values: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let chunks = values.chunks_exact(8);
    let rest: f64 = chunks.remainder().iter().sum();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    lanes.iter().sum::<f64>() + rest
}
