//! Engine B: the privacy curve as a contour integral, exact up to proven errors, at a cost that does not grow with the steps.
//!
//! With `K(z) = log E_P[e^{zL}]` the cumulant of the composed loss `S = Σ L` (composition adds cumulants) and any `c > 0`,
//!
//! `δ(ε) = E_P[(1 − e^{ε − S})₊] = (1/2πi)·∫_{Re z = c} e^{K(z) − zε} / (z(z + 1)) dz`,
//!
//! because `(1 − e^{−y})₊` has the two-sided Laplace transform `1/(z(z + 1))` on `Re z > 0`. Alghamdi et al. (arXiv 2208.09595)
//! approximate this integral at its saddle point; here it is summed. On the line through the saddle the integrand is
//! nearly a Gaussian, and the trapezoid rule needs some twenty nodes whether the run has a thousand steps or a million.
//!
//! **Why both ends are bounds.** Let `t_n = n·h`, `Λ = 2π/h`.
//! - *Aliases.* The infinite trapezoid sum is exactly `Σ_k e^{ckΛ}·δ(ε + kΛ)` (Poisson summation; Abate and Whitt 1992). Every
//!   term is at least 0, so the sum is an upper bound as it stands. For the lower bound the terms `k ≠ 0` are
//!   subtracted: for `k < 0` they are at most `e^{ckΛ}`; for `k > 0`, Chernoff's bound at a `c′ > c` gives
//!   `C(c′)·e^{K(c′) − c′ε}/(e^{(c′ − c)Λ} − 1)`, `C(c) = c^c/(1 + c)^{1 + c}` (see [`rdp`](crate::rdp)).
//! - *Truncation.* Beyond the last node the integrand is at most `e^{K(c) − cε}·Π|φ(t)|^count/t²`, and `decay` bounds `|φ|` for all
//!   larger t at once.
//! - *Quadrature in x and rounding.* `line` returns `φ(t) = M(c + it)/M(c)` with a bound η on its error; a power
//!   `φ^count` is then off by at most the factor `(1 + η/|φ|)^count`.
//!
//! All errors together move delta by about `1e−12·count^½` of itself. The promised epsilon is not read off the curve: it is
//! found by Newton's method, moved outwards by the error, and then checked against the bound at that very epsilon.

mod decay;
mod integral;
mod line;
mod range;
mod sketch;

use crate::law::{Law, loss_max};
use integral::{Contour, precision};
use sketch::Sketch;

/// More nodes than this and another engine is faster.
const NODES_MAX: f64 = 40_000.0;
/// A contour of up to this many nodes is faster than anything else.
const NODES_SHORT: f64 = 2_500.0;
/// Terms so many times larger than their sum leave it too few digits.
const CANCELLED: f64 = 1e11;
/// Orders at which Chernoff's bound is taken for many epsilons.
const ORDERS: usize = 16;
/// An interval this narrow, relative to the larger of epsilon and 1, ends the search for a better contour.
const WIDTH: f64 = 2e-4;

/// A certified interval.
pub(crate) type Bounds = (f64, f64);

/// Lower and upper bound on the epsilon of the composition at `delta`; `None` where the contour would need too many nodes.
pub(crate) fn epsilon(laws: &[(Law, u64)], delta: f64) -> Option<Bounds> {
    epsilon_within(NODES_MAX, laws, delta)
}

/// The same where the contour is so short that it is worth asking first.
pub(crate) fn short_epsilon(laws: &[(Law, u64)], delta: f64) -> Option<Bounds> {
    epsilon_within(NODES_SHORT, laws, delta)
}

fn epsilon_within(nodes_max: f64, laws: &[(Law, u64)], delta: f64) -> Option<Bounds> {
    let log_delta = libm::log(delta);
    let (sketch, c_max, c, hint) = saddle(laws, log_delta)?;
    let (c, hint) = if hint > 0.0 { (c, hint) } else { (sketch.saddle_at_epsilon(0.0, c_max), 0.0) };
    // Where rare hits make the cumulant explode, the saddle sits on the brink, and a contour in front of it is shorter.
    let mut best: Option<Bounds> = None;
    for part in [1.0, 0.8, 0.6, 0.4] {
        if let Some((lower, upper)) = through(laws, &sketch, c_max, (c, hint), part, log_delta, nodes_max) {
            let (low, high) = best.unwrap_or((0.0, f64::INFINITY));
            best = Some((lower.max(low), upper.min(high)));
        }
        if best.is_some_and(|(lower, upper)| upper - lower <= WIDTH * upper.max(1.0)) {
            break;
        }
    }
    best
}

/// Bounds from a contour at `part` of the saddle's place.
fn through(
    laws: &[(Law, u64)],
    sketch: &Sketch,
    c_max: f64,
    (mut c, mut hint): (f64, f64),
    part: f64,
    log_delta: f64,
    nodes_max: f64,
) -> Option<Bounds> {
    for _ in 0..5 {
        let contour = Contour::new(laws, sketch, part * c, hint, log_delta, nodes_max)?;
        let found = contour.solve(hint, log_delta)?;
        // Far from the saddle the sum cancels and aliases grow; go on from a contour through the new saddle.
        let off = (found - hint).abs();
        let saddle = if off * c <= 2.0 { c } else { sketch.saddle_at_epsilon(found.max(0.0), c_max) };
        if (saddle / c - 1.0).abs() < 0.05 && off <= contour.period() / 8.0 {
            return contour.bracket(found, log_delta);
        }
        (c, hint) = (saddle, found.max(0.0));
    }
    None
}

/// Lower and upper bound on delta at each epsilon; neighbouring epsilons share a contour. Where the contour would need too
/// many nodes, the bounds are 0 and Chernoff's.
pub(crate) fn deltas(laws: &[(Law, u64)], epsilons: &[f64]) -> Option<Vec<Bounds>> {
    let (sketch, c_max) = wide(laws, epsilons)?;
    let mut current: Option<(Contour, f64)> = None;
    let mut bounds = |epsilon: f64| {
        let near = |(contour, hint): &(Contour, f64)| (epsilon - hint).abs() <= contour.period() / 12.0;
        if !current.as_ref().is_some_and(near) {
            let c = sketch.saddle_at_epsilon(epsilon, c_max);
            let k = sketch.at(c);
            let width = k.curvature + 1.0 / (c * c) + 1.0 / ((1.0 + c) * (1.0 + c));
            let log_delta = k.value - c * epsilon - libm::log(c * (1.0 + c)) - 0.5 * libm::log(width);
            // The next epsilons lie above: aim a little lower for their sake.
            let contour = Contour::new(laws, &sketch, c, epsilon, log_delta.min(0.0) - 3.0, NODES_MAX);
            current = contour.map(|contour| (contour, epsilon));
        }
        if let Some((contour, _)) = &current {
            return Some(contour.delta(epsilon));
        }
        let c = sketch.saddle_at_epsilon(epsilon, c_max);
        let (log, error) = chernoff_at(laws, c)?;
        let log = log - c * epsilon + error * (1.0 + c * epsilon);
        Some((0.0, libm::exp(log.min(0.0)) * (1.0 + 1e-15)))
    };
    epsilons.iter().map(|epsilon| bounds(*epsilon)).collect()
}

/// Upper bounds on delta at each epsilon by Chernoff's bound alone: cheap, and enough to see where a direction does not
/// matter.
pub(crate) fn chernoff(laws: &[(Law, u64)], epsilons: &[f64]) -> Option<Vec<f64>> {
    let largest = loss_max(laws);
    if epsilons.iter().all(|epsilon| *epsilon >= largest) {
        return Some(vec![0.0; epsilons.len()]);
    }
    let c_max = initial_c_max(laws);
    let sketch = sketch::sketch(laws, 1.5 * c_max)?;
    let saddle = |epsilon: f64| libm::log(sketch.saddle_at_epsilon(epsilon, c_max));
    let (first, last) = epsilons.iter().fold((f64::INFINITY, 0.0f64), |(low, high), e| (low.min(*e), high.max(*e)));
    let (low, high) = (saddle(first), saddle(last));
    // Any order gives a bound, so neighbours share theirs.
    let count = if epsilons.len() == 1 { 1 } else { ORDERS };
    let place = |k: usize| libm::exp(low + (high - low) * k as f64 / (count.max(2) - 1) as f64);
    let at = |k: usize| Some((place(k), chernoff_at(laws, place(k))?));
    let bounds: Vec<(f64, (f64, f64))> = (0..count).map(at).collect::<Option<_>>()?;
    let bound = |epsilon: &f64| {
        if *epsilon >= largest {
            return 0.0;
        }
        let log = |(c, (log, error)): &(f64, (f64, f64))| log - c * epsilon + error * (1.0 + c * epsilon);
        libm::exp(bounds.iter().map(log).fold(0.0, f64::min)) * (1.0 + 1e-15)
    };
    Some(epsilons.iter().map(bound).collect())
}

/// Whether the sum along any contour cancels down to its rounding at an epsilon up to this one, whose delta is below `delta`: its
/// terms are as large as Chernoff's bound. No more than a reason not to try; `epsilon` holds whatever this says.
pub(crate) fn cancels(laws: &[(Law, u64)], epsilon: f64, delta: f64) -> bool {
    chernoff(laws, &[epsilon]).is_some_and(|bounds| bounds[0] > CANCELLED * delta)
}

/// Logarithm of Chernoff's bound at c but for `−cε`, rounded up, and what rounding may add per unit of `1 + cε`.
fn chernoff_at(laws: &[(Law, u64)], c: f64) -> Option<(f64, f64)> {
    let factor = -c * libm::log1p(1.0 / c) - libm::log1p(c);
    let (mut sum, mut error) = (0.0, 0.0);
    for (law, count) in laws {
        let count = *count as f64;
        let (cumulant, relative) = match law {
            Law::Gaussian { noise } => (c * (c + 1.0) / (2.0 * noise * noise), 0.0),
            Law::Mixture(branches) => {
                let line = line::line(branches, c, c, 1.0, precision(laws.len()).exponent)?;
                (line.cumulant, 1.01 * line.moment_error)
            }
            Law::WithoutReplacement { .. } | Law::Allocation { .. } => return None,
        };
        sum += count * cumulant;
        error += count * (relative + 4.0 * f64::EPSILON * cumulant.abs());
    }
    let allowance = f64::EPSILON * (8 + laws.len()) as f64;
    Some((sum + error + factor + allowance * (sum.abs() + factor.abs()), allowance))
}

/// The sketch that holds the saddle for `log_delta`, the saddle and its epsilon.
fn saddle(laws: &[(Law, u64)], log_delta: f64) -> Option<(Sketch, f64, f64, f64)> {
    let mut c_max = initial_c_max(laws);
    // Eight steps of a factor of 8 lead beyond every order that a float can use.
    for _ in 0..8 {
        let sketch = sketch::sketch(laws, 1.5 * c_max)?;
        let (c, epsilon) = sketch.saddle_at_delta(log_delta, c_max);
        if c < 0.99 * c_max {
            return Some((sketch, c_max, c, epsilon));
        }
        c_max *= 8.0;
    }
    None
}

/// The sketch that holds the saddles of all epsilons, or as many of them as fit: a loss that is bounded has no saddle
/// beyond its largest value.
fn wide(laws: &[(Law, u64)], epsilons: &[f64]) -> Option<(Sketch, f64)> {
    let highest = epsilons.iter().copied().fold(0.0, f64::max);
    let lowest = epsilons.iter().copied().fold(f64::INFINITY, f64::min);
    let mut c_max = initial_c_max(laws);
    let mut widest = (sketch::sketch(laws, 1.5 * c_max)?, c_max);
    for _ in 0..3 {
        let c = widest.0.saddle_at_epsilon(highest, c_max).max(widest.0.saddle_at_epsilon(lowest, c_max));
        if c < 0.99 * c_max {
            break;
        }
        c_max *= 8.0;
        let Some(sketch) = sketch::sketch(laws, 1.5 * c_max) else { break };
        widest = (sketch, c_max);
    }
    Some(widest)
}

fn initial_c_max(laws: &[(Law, u64)]) -> f64 {
    let noise = laws.iter().filter_map(|(law, _)| match law {
        Law::Mixture(branches) => branches.iter().map(|(_, pair)| pair.noise).reduce(f64::min),
        _ => None,
    });
    let noise = noise.fold(f64::INFINITY, f64::min).min(1e3);
    (16.0 + 8.0 * noise).min(40.0 * noise)
}

#[cfg(test)]
mod tests;
