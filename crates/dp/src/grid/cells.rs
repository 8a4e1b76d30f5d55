//! The masses of `P` and `Q` in narrow cells of the privacy loss.
//!
//! The loss `L(x)` rises with x, so a cell `[ℓ₀, ℓ₁]` of losses is a cell `[x₀, x₁]` of the line with `L(xᵢ) = ℓᵢ`. The x are
//! found in floating point and then *declared* to be the boundaries: the masses below are those of the declared cells, exact
//! up to a relative error that each [`Cell`] carries, and what the declaration got wrong is that a cell's losses may reach
//! out of it by `slack`. The upper law pays for that slack, the lower law never looks at the boundaries.
//!
//! A narrow cell's mass is the density at its middle times a short series, never a difference of two distribution
//! functions: `∫ e^{−(t + v)²/2} dv` over `|v| ≤ δ/2` is `δ e^{−t²/2} Σ He_{2k}(t) (δ/2)^{2k}/(2k + 1)!`. A wide cell's mass is
//! at least a hundredth of its smaller tail, so there the difference of two tails is good enough.

use super::sketch::finite_range;
use crate::law::{Pair, exchanged};
use std::f64::consts::FRAC_1_SQRT_2;

/// Unit roundoff.
pub(super) const ROUNDOFF: f64 = f64::EPSILON / 2.0;
/// Standard deviations beyond which a normal mass is below 10⁻³⁰⁰.
const FAR: f64 = 38.0;
/// What is granted for the mass beyond [`FAR`].
pub(super) const NEGLECTED: f64 = 1e-300;

/// Masses of one cell under both laws.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Cell {
    pub(super) p: f64,
    pub(super) q: f64,
    /// Both masses are right up to this factor of themselves.
    pub(super) error: f64,
}

impl Cell {
    /// The union of two cells, the second one scaled.
    pub(super) fn plus(self, weight: f64, other: Self) -> Self {
        let error = self.error.max(other.error) + 2.0 * ROUNDOFF;
        Self { p: self.p + weight * other.p, q: self.q + weight * other.q, error }
    }
}

/// The cells between neighbouring multiples of h/2 from `2·first` to `2·last`, and the two rests.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cells {
    pub(super) h: f64,
    /// The first node: cells start at loss `first·h`.
    pub(super) first: i64,
    /// Two cells per step h.
    pub(super) half: Vec<Cell>,
    pub(super) left: Cell,
    pub(super) right: Cell,
    /// A cell's losses lie between its ends, give or take this.
    pub(super) slack: f64,
}

impl Cells {
    pub(super) fn empty(h: f64, first: i64, last: i64) -> Self {
        let half = vec![Cell::default(); 2 * (last - first) as usize];
        Self { h, first, half, left: Cell::default(), right: Cell::default(), slack: 0.0 }
    }

    fn add(&mut self, weight: f64, other: &Self) {
        for (sum, cell) in self.half.iter_mut().zip(&other.half) {
            *sum = sum.plus(weight, *cell);
        }
        self.left = self.left.plus(weight, other.left);
        self.right = self.right.plus(weight, other.right);
        self.slack = self.slack.max(other.slack);
    }
}

/// Cells of a mixture whose branch is public: masses add up.
pub(super) fn mixture(branches: &[(f64, Pair)], h: f64, first: i64, last: i64) -> Cells {
    let mut sum = Cells::empty(h, first, last);
    for (weight, pair) in branches {
        sum.add(*weight, &of_pair(pair, h, first, last));
    }
    sum
}

/// Cells of the pair `((1−q)N(0) + qN(1), N(0))` right of loss 0 and of `(N(0), (1−q)N(0) + qN(−1))` left of it, and an atom.
///
/// (The second pair is `(N(1), (1−q)N(1) + qN(0))`, moved by 1.) The losses are 0 exactly at x = ½ and x = −½. For `e^ε ≥ 1`
/// the curve `P[L > ε] − e^ε Q[L > ε]` sees only losses above 0, where this is the first pair; for `e^ε < 1`,
/// `δ(ε) = 1 − e^ε + e^ε Q[L < ε] − P[L < ε]` sees only losses below 0, where it is the second. Both laws still need mass 1:
/// with `a = Φ(−1/2s)` and `v = 1 − 2a` the total variation of N(0) and N(1), P has `a + qv` on the right and `a` on the left,
/// Q has `a` and `a + qv`; so both miss `(1 − q)v`, which is a loss of 0. That is the dominating pair of Zhu, Dong and Wang,
/// arXiv 2106.08567, Proposition 30.
pub(super) fn without_replacement(rate: f64, noise: f64, h: f64, first: i64, last: i64) -> Cells {
    let [above, below] = exchanged(rate, noise);
    let mut sum = Cells::empty(h, first, last);
    if last > 0 {
        let from = first.max(0);
        let cells = of_pair(&above, h, from, last);
        sum.half[2 * (from - first) as usize..].copy_from_slice(&cells.half);
        sum.right = cells.right;
        sum.slack = cells.slack;
    }
    if first < 0 {
        let to = last.min(0);
        let cells = of_pair(&below, h, first, to);
        sum.half[..2 * (to - first) as usize].copy_from_slice(&cells.half);
        sum.left = cells.left;
        sum.slack = sum.slack.max(cells.slack);
    }
    let atom = (1.0 - rate) * libm::erf(FRAC_1_SQRT_2 / (2.0 * noise));
    let error = 8.0 * ROUNDOFF + weight_error(&above.p);
    // At a cell's left end: connecting the dots leaves it on that node, and node 0's own cell contains both its halves.
    let at = (2 * -first).clamp(0, sum.half.len() as i64 - 1) as usize;
    sum.half[at] = sum.half[at].plus(1.0, Cell { p: atom, q: atom, error });
    sum
}

fn of_pair(pair: &Pair, h: f64, first: i64, last: i64) -> Cells {
    let (boundaries, residual) = boundaries(pair, h / 2.0, 2 * first, 2 * last);
    let mut cells = Cells::empty(h, first, last);
    for (cell, ends) in cells.half.iter_mut().zip(boundaries.windows(2)) {
        *cell = masses(pair, ends[0], ends[1]);
    }
    cells.left = masses(pair, f64::NEG_INFINITY, boundaries[0]);
    cells.right = masses(pair, boundaries[boundaries.len() - 1], f64::INFINITY);
    cells.slack = slack(pair, residual);
    cells
}

/// How far the losses of a declared cell may reach out of it, where boundaries were found up to `residual`.
pub(super) fn slack(pair: &Pair, residual: f64) -> f64 {
    // Error of an exponent (m·x − m²/2)/s² at any x that is used, then of the logarithm and of the weights in it.
    let mean = pair.p.iter().chain(&pair.q).map(|(m, _)| m.abs()).fold(0.0, f64::max);
    let (low, high) = finite_range(pair, FAR);
    let exponent = mean * (low.abs().max(high.abs()) + mean) / pair.noise.powi(2);
    residual + 16.0 * ROUNDOFF * (1.0 + exponent) + 2.0 * (weight_error(&pair.p) + weight_error(&pair.q))
}

/// The x at losses `i·step` for `i = from..=to`, and how far the loss there may be off (before rounding).
fn boundaries(pair: &Pair, step: f64, from: i64, to: i64) -> (Vec<f64>, f64) {
    let losses = (from..=to).map(|i| i as f64 * step);
    if let Some(inverse) = closed_form(pair) {
        return (losses.map(inverse).collect(), 0.0);
    }
    let (left, right) = finite_range(pair, FAR);
    let (lowest, highest) = (loss(pair, left).0, loss(pair, right).0);
    // The loss bends by less than this: half the range of the means, squared, is the largest variance.
    let spread = |law: &[(f64, f64)]| (law[law.len() - 1].0 - law[0].0).powi(2) / 4.0;
    let bend = spread(&pair.p).max(spread(&pair.q)) / pair.noise.powi(4);
    let mut residual = 0.0f64;
    let mut x = left;
    let xs = losses
        .map(|target| {
            if target <= lowest {
                return f64::NEG_INFINITY;
            }
            if target >= highest {
                return f64::INFINITY;
            }
            let error;
            (x, error) = solve(pair, target, x, (x, right), bend);
            residual = residual.max(error);
            x
        })
        .collect();
    (xs, residual)
}

/// The x with `L(x) = target`, by Newton's method kept inside a shrinking bracket, and a bound on what is left.
fn solve(pair: &Pair, target: f64, start: f64, (mut low, mut high): (f64, f64), bend: f64) -> (f64, f64) {
    let mut x = start;
    let mut tried = f64::INFINITY;
    for _ in 0..200 {
        let (value, slope) = loss(pair, x);
        tried = (value - target).abs();
        if value < target {
            low = x;
        } else {
            high = x;
        }
        let newton = x + (target - value) / slope;
        let inside = newton > low && newton < high;
        let next = if inside { newton } else { low + (high - low) / 2.0 };
        let left_over = 0.5 * bend * (next - x).powi(2);
        if inside && left_over <= ROUNDOFF * (1.0 + target.abs()) {
            return (next, left_over);
        }
        if next <= low || next >= high {
            break;
        }
        x = next;
    }
    (x, tried)
}

/// The loss and its slope at x.
pub(super) fn loss(pair: &Pair, x: f64) -> (f64, f64) {
    let variance = pair.noise * pair.noise;
    let side = |law: &[(f64, f64)]| {
        let exponent = |m: f64| m * (x - m / 2.0) / variance;
        let top = law.iter().map(|(m, _)| exponent(*m)).fold(f64::NEG_INFINITY, f64::max);
        let (mut sum, mut first) = (0.0, 0.0);
        for (m, weight) in law {
            let term = weight * libm::exp(exponent(*m) - top);
            sum += term;
            first += m * term;
        }
        (top + libm::log(sum), first / sum)
    };
    let ((p, p_mean), (q, q_mean)) = (side(&pair.p), side(&pair.q));
    (p - q, ((p_mean - q_mean) / variance).max(f64::MIN_POSITIVE))
}

/// `L⁻¹` where it can be written out: two Gaussians, or one against a mixture of itself and another.
pub(super) fn closed_form(pair: &Pair) -> Option<impl Fn(f64) -> f64> {
    let variance = pair.noise * pair.noise;
    // One law is N(origin), the other rest·N(origin) + weight·N(origin + shift); sign is −1 where the latter is Q.
    let (sign, origin, shift, rest, weight) = match (&pair.p[..], &pair.q[..]) {
        ([(p, _)], [(q, _)]) => (1.0, *q, p - q, 0.0, 1.0),
        ([(p0, a), (p1, b)], [(q, _)]) if p0.to_bits() == q.to_bits() => (1.0, *q, p1 - q, *a, *b),
        ([(p, _)], [(q0, b), (q1, a)]) if q1.to_bits() == p.to_bits() => (-1.0, *p, q0 - p, *a, *b),
        ([(p, _)], [(q0, a), (q1, b)]) if q0.to_bits() == p.to_bits() => (-1.0, *p, q1 - p, *a, *b),
        _ => return None,
    };
    // rest + weight·e^{shift(x − origin − shift/2)/s²} = e^{±ℓ}
    Some(move |loss: f64| origin + shift / 2.0 + variance / shift * log_hit(sign * loss, rest, weight))
}

/// `log((e^l − rest)/weight)` for `rest = 1 − weight`, by the form that neither cancels nor overflows; −∞ below `log(rest)`.
fn log_hit(l: f64, rest: f64, weight: f64) -> f64 {
    if rest <= 0.0 {
        l
    } else if l > 30.0 {
        l - libm::log(weight) + libm::log1p(-rest * libm::exp(-l))
    } else if l > -0.5 {
        let ratio = libm::expm1(l) / weight;
        if ratio <= -1.0 { f64::NEG_INFINITY } else { libm::log1p(ratio) }
    } else {
        let hit = (libm::exp(l) - rest) / weight;
        if hit <= 0.0 { f64::NEG_INFINITY } else { libm::log(hit) }
    }
}

/// Masses of `[x0, x1]` under both laws.
pub(super) fn masses(pair: &Pair, x0: f64, x1: f64) -> Cell {
    if x0 >= x1 {
        return Cell::default();
    }
    let mut error = 0.0f64;
    let mut side = |law: &[(f64, f64)]| {
        let extra = weight_error(law);
        let mut sum = 0.0;
        for (mean, weight) in law {
            let (mass, relative) = normal_mass(x0 - mean, x1 - mean, x1 - x0, pair.noise);
            sum += weight * mass;
            error = error.max(relative + extra);
        }
        sum
    };
    let (p, q) = (side(&pair.p), side(&pair.q));
    Cell { p, q, error: error + 4.0 * ROUNDOFF }
}

/// Relative error granted to the weights of a mixture.
///
/// A weight on mean 0 is a complement `1 − q` and carries q's absolute error; the weights of a group's size come out of
/// logarithms of factorials.
fn weight_error(law: &[(f64, f64)]) -> f64 {
    let complement =
        law.iter().filter(|(m, w)| *m == 0.0 && *w > 0.0).map(|(_, w)| 2.0 * ROUNDOFF / w).fold(0.0, f64::max);
    let n = law.len() as f64;
    let factorials = if law.len() > 2 { 8.0 * n * (1.0 + libm::log(n)) } else { 0.0 };
    (4.0 + factorials) * ROUNDOFF + 2.0 * complement
}

/// Mass of `N(0, s²)` in `[a, b]`, whose width `b − a` is given to full accuracy, and its relative error.
fn normal_mass(a: f64, b: f64, width: f64, s: f64) -> (f64, f64) {
    let (t0, t1) = (a / s, b / s);
    let half = width / (2.0 * s);
    let t = f64::midpoint(t0, t1);
    if half * (t.abs() + 3.0) <= 0.05 {
        let (t2, h2) = (t * t, half * half);
        let he4 = (t2 - 6.0) * t2 + 3.0;
        let he6 = ((t2 - 15.0) * t2 + 45.0) * t2 - 15.0;
        let series = 1.0 + h2 * ((t2 - 1.0) / 6.0 + h2 * (he4 / 120.0 + h2 * he6 / 5040.0));
        let mass = 2.0 * half * 0.398_942_280_401_432_7 * libm::exp(-t2 / 2.0) * series;
        return (mass, ROUNDOFF * (16.0 + 6.0 * t2));
    }
    // The side where both tails are small.
    let (near, far) = if t0 > 0.0 { (t0, t1) } else { (-t1, -t0) };
    let mass = if near > 0.0 { tail(near) - tail(far) } else { 1.0 - tail(-near) - tail(far) };
    let t2 = near.powi(2).min(FAR * FAR);
    (mass.max(0.0), 256.0 * ROUNDOFF * (2.0 + t2))
}

/// `1 − Φ(t)`.
fn tail(t: f64) -> f64 {
    0.5 * libm::erfc(t * FRAC_1_SQRT_2)
}
