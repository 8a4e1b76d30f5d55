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

use crate::law::{Pair, binomial};
use num_complex::Complex64;
use std::ops::Range;

/// Error of the trapezoid rule is `e^{−EXPONENT}`.
const EXPONENT: f64 = 37.0;
/// The integrand is followed until it is `e^{−EXPONENT}` of the whole.
const REACH: f64 = 8.8;
/// Largest growth of the integrand that the line may cost: digits lost to cancellation.
const GROWTH_MAX: f64 = 1.4;
/// More nodes than this and the caller has to ask another engine.
const NODES_MAX: f64 = 24_000.0;
/// Rounding error of one operation.
const UNIT: f64 = f64::EPSILON / 2.0;
/// Values of t that are reached by small turns before one large turn takes over.
const RESTART: usize = 64;

/// The nodes of one law on the line `Re z = c`.
pub(super) struct Line {
    /// Weight of each node, divided by `M(c)`.
    weights: Vec<Complex64>,
    /// `L` at each node.
    losses: Vec<Complex64>,
    /// `K(c) = log M(c)`.
    pub(super) cumulant: f64,
    /// Relative error of `M(c)`.
    pub(super) moment_error: f64,
    /// Bound on the error of `φ(t) = M(c + it)/M(c)`: one part for all t, one that t multiplies, one for each product.
    error: f64,
    error_per_t: f64,
    error_per_product: f64,
}

/// The nodes of `Σ weightᵢ·Mᵢ`; `None` where they would be too many.
pub(super) fn line(branches: &[(f64, Pair)], c: f64) -> Option<Line> {
    let mut line = Line {
        weights: vec![],
        losses: vec![],
        cumulant: 0.0,
        moment_error: 0.0,
        error: 0.0,
        error_per_t: 0.0,
        error_per_product: 0.0,
    };
    // Logarithms until the sum is known: the moments of different branches can differ by hundreds of orders.
    let mut logs: Vec<f64> = Vec::new();
    let mut phases: Vec<f64> = Vec::new();
    // Sum of the magnitudes that went into a node's exponent: its rounding error.
    let mut magnitudes: Vec<f64> = Vec::new();
    let mut spans = Vec::new();
    for (weight, pair) in branches.iter().filter(|(weight, _)| *weight > 0.0) {
        let grid = grid(pair, c)?;
        let start = logs.len();
        let step = libm::log(weight * grid.step / pair.noise) - 0.918_938_533_204_672_8;
        for node in grid.first..=grid.last {
            let x = node as f64 * grid.step;
            let (log_a, log_b) = pair.logs_above(x, grid.height);
            let power = log_a * (1.0 + c) - log_b * c;
            let variance = pair.noise * pair.noise;
            let (gaussian, turn) =
                ((x - grid.height) * (x + grid.height) / (2.0 * variance), x * grid.height / variance);
            logs.push(power.re - gaussian + step);
            phases.push(power.im - turn);
            let sides = (1.0 + c) * modulus(log_a) + c * modulus(log_b);
            magnitudes.push(sides + gaussian.abs() + step.abs() + turn.abs());
            line.losses.push(log_a - log_b);
        }
        spans.push((start, logs.len(), grid, pair, *weight));
    }
    let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    line.weights = logs
        .iter()
        .zip(&phases)
        .map(|(log, phase)| {
            let (sin, cos) = libm::sincos(*phase);
            Complex64::new(cos, sin) * libm::exp(log - top)
        })
        .collect();
    let sum: f64 = line.weights.iter().map(|weight| weight.re).sum();
    if sum.is_nan() || sum <= 0.0 {
        return None;
    }
    line.cumulant = top + libm::log(sum);
    line.weights.iter_mut().for_each(|weight| *weight /= sum);
    let rounding: f64 = line
        .weights
        .iter()
        .zip(&magnitudes)
        .map(|(weight, magnitude)| modulus(*weight) * (6.0 * magnitude + 8.0))
        .sum();
    let terms = (line.weights.len() / 8 + 8) as f64 + top.abs();
    line.moment_error = UNIT * (rounding + terms * line.modulus(0..line.weights.len()));
    for (start, end, grid, pair, weight) in spans {
        line.add_error(start..end, &grid, pair, weight, branches.len() > 1, c);
    }
    // Numerator and denominator; and the complex products that led to a value of t.
    line.error = 2.0 * line.moment_error;
    line.error_per_product = 5.0 * UNIT * line.modulus(0..line.weights.len());
    Some(line)
}

impl Line {
    fn modulus(&self, span: Range<usize>) -> f64 {
        self.weights[span].iter().map(|weight| modulus(*weight)).sum()
    }

    /// Adds the error of one branch.
    fn add_error(&mut self, span: Range<usize>, grid: &Grid, pair: &Pair, weight: f64, branch: bool, c: f64) {
        let total = self.modulus(span.clone());
        let loss: f64 = self.weights[span.clone()]
            .iter()
            .zip(&self.losses[span])
            .map(|(weight, loss)| modulus(*weight) * modulus(*loss))
            .sum();
        // The last bit of a coin's masses, more of a binomial's; they enter 1 + 2c times.
        let mixture = pair.p.len().max(pair.q.len()) > 2;
        let masses = if mixture { 1e-13 } else { 2.0 * UNIT };
        let masses = if branch { binomial::RELATIVE_ERROR } else { masses };
        let tails = libm::exp(libm::log(weight) + grid.log_tail + grid.growth - self.cumulant);
        let quadrature = total * 3.0 * libm::exp(-EXPONENT);
        self.moment_error += masses * (1.0 + 2.0 * c) * total + quadrature + tails;
        self.error_per_t += 8.0 * UNIT * (loss + total * f64::from(mixture)) + masses * total;
    }

    /// Bound on the error of `φ(n·step)`.
    pub(super) fn error(&self, step: f64, n: usize) -> f64 {
        let products = (n / RESTART + n % RESTART + 1) as f64;
        self.error + self.error_per_t * step * n as f64 + self.error_per_product * products
    }

    /// `φ(n·step)` for `n = 0..count`.
    pub(super) fn transform(&self, step: f64, count: usize) -> Vec<Complex64> {
        // Real and imaginary parts apart, so that the compiler can use wide registers.
        let turns = |t: f64| -> (Vec<f64>, Vec<f64>) {
            self.losses.iter().map(|loss| turn(*loss, t)).map(|turn| (turn.re, turn.im)).unzip()
        };
        let (small, large) = (turns(step), turns(step * RESTART as f64));
        let mut block: (Vec<f64>, Vec<f64>) = self.weights.iter().map(|weight| (weight.re, weight.im)).unzip();
        let mut value = block.clone();
        (0..count)
            .map(|n| {
                if n > 0 && n % RESTART == 0 {
                    rotate(&mut block, &large);
                    value.clone_from(&block);
                } else if n > 0 {
                    rotate(&mut value, &small);
                }
                Complex64::new(sum(&value.0), sum(&value.1))
            })
            .collect()
    }
}

/// `|z|`; numbers too small to be squared count as 0.
pub(super) fn modulus(z: Complex64) -> f64 {
    z.norm_sqr().sqrt()
}

/// `e^{itL}`.
fn turn(loss: Complex64, t: f64) -> Complex64 {
    let (sin, cos) = libm::sincos(t * loss.re);
    Complex64::new(cos, sin) * libm::exp(-t * loss.im)
}

fn rotate(values: &mut (Vec<f64>, Vec<f64>), turns: &(Vec<f64>, Vec<f64>)) {
    for (((re, im), turn_re), turn_im) in values.0.iter_mut().zip(&mut values.1).zip(&turns.0).zip(&turns.1) {
        let next = *re * turn_re - *im * turn_im;
        *im = *re * turn_im + *im * turn_re;
        *re = next;
    }
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

/// Where the nodes lie.
struct Grid {
    step: f64,
    height: f64,
    first: i64,
    last: i64,
    /// `growth(height)`.
    growth: f64,
    /// Logarithm of a bound on the two tails on the real axis.
    log_tail: f64,
}

fn grid(pair: &Pair, c: f64) -> Option<Grid> {
    let s = pair.noise;
    let (spread_p, spread_q) = pair.spreads();
    let edge = 0.98 * std::f64::consts::PI * s * s / spread_p.max(spread_q);
    let growth = |y: f64| {
        let cosine = libm::cos(spread_q * y / (2.0 * s * s));
        y * y / (2.0 * s * s) - c * libm::log(cosine)
    };
    // The upper line that `height` needs for the same error as the lower one, iterated once; more is only slower.
    let reach = |height: f64| 2.0 * height + height * growth((2.2 * height).min(edge)) / EXPONENT;
    let mut height = (edge / 2.3).min(1.65 * s);
    while growth(height) > GROWTH_MAX || reach(height) > edge {
        height *= 0.9;
    }
    let upper = reach(height).max(2.2 * height).min(edge);
    let exponent = EXPONENT + growth(upper);
    let step = std::f64::consts::TAU * (height / EXPONENT).min((upper - height) / exponent);
    let (left, right, log_tail) = ends(pair, c)?;
    let (first, last) = ((left / step).floor(), (right / step).ceil());
    // False for NaN, too.
    let few = last - first <= NODES_MAX && step > 0.0;
    let growth = growth(height);
    few.then_some(Grid { step, height, first: first as i64, last: last as i64, growth, log_tail })
}

/// The ends of the range and the logarithm of the tails beyond them.
pub(super) fn ends(pair: &Pair, c: f64) -> Option<(f64, f64, f64)> {
    let s = pair.noise;
    let log_density = |x: f64| {
        let (log_a, log_b) = pair.logs(x);
        (1.0 + c) * log_a - c * log_b - x * x / (2.0 * s * s)
    };
    let highest = pair.p.last().map_or(0.0, |(mean, _)| *mean);
    // Jensen: M(c) ≥ 1, so this is far below the whole.
    let floor = -EXPONENT - 3.0;
    let mut left = -REACH * s;
    while log_density(left) > floor {
        left -= s;
        if left < -1e3 * s {
            return None;
        }
    }
    let slope_at = |x: f64| x - (1.0 + c) * highest + c * pair.posterior_means(x).1;
    let (mut near, mut far) = (0.0, (1.0 + c) * highest + c * pair.spreads().1 + REACH * s);
    // A fixed number of halvings: the far end always qualifies, the rest is only fewer nodes.
    for _ in 0..20 {
        let middle = 0.5 * (near + far);
        if slope_at(middle) >= REACH * s {
            far = middle;
        } else {
            near = middle;
        }
    }
    // Where the slope rises in one jump, it says nothing yet about how far the integrand has fallen.
    let peak = (0..=32).map(|k| log_density(left + (far - left) * f64::from(k) / 32.0)).fold(0.0, f64::max);
    while log_density(far) > peak - EXPONENT - 3.0 {
        far += s;
    }
    let log_tail = |x: f64, slope: f64| log_density(x) + libm::log(s / slope) - 0.918_938_533_204_672_8;
    let tails = [log_tail(left, -left), log_tail(far, slope_at(far))];
    let log_tail = tails[0].max(tails[1]) + std::f64::consts::LN_2;
    Some((left, far, log_tail))
}
