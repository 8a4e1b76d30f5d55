//! Certified bounds for few or rare steps: the loss on a lattice, convolved by a Fourier transform.
//!
//! Let `W = dP/dQ` under Q, a non-negative variable with mean at most 1. The curve is `δ(ε) = E_Q[(W − e^ε)₊]` (plus the
//! mass of P where Q has none), and composing independent releases multiplies their W. A variable W′ is *larger in
//! increasing convex order* if `E f(W′) ≥ E f(W)` for all increasing convex f; `(w − e^ε)₊` is one, and so is
//! `w ↦ (wv − e^ε)₊` for every v ≥ 0. So exchanging one factor after the other for a larger one raises the whole curve of the
//! product, and a smaller one lowers it. This engine puts a W above and a W below the true one on a lattice of losses
//! `log W` (`lattice`), where the law of the product is a discrete convolution, and computes that one with every rounding
//! counted against the bound (`convolve`). Nothing is asymptotic: the step h decides how tight the bracket is, some
//! `releases·(1 + c)·h²/8` at tilt c, and never whether it is one.
//!
//! The work grows with the width of the composed loss over h, hence for many releases; the contour engine is for those.

mod cells;
mod convolve;
mod lattice;
mod plan;
mod sketch;

use crate::law::{Law, Pair};
use cells::Cells;
use convolve::{Curve, Side, compose};
use plan::{Plan, Question};
use sketch::Sketch;

/// Width of the bracket aimed at, relative to the larger of epsilon and 1.
const WIDTH: f64 = 2e-4;
/// Width that needs no second attempt.
const WIDTH_ENOUGH: f64 = 5e-4;

/// Bounds from below and above on the epsilon at `delta` of `count` releases of each law; `None` if the grid is too large.
pub(crate) fn epsilon(laws: &[(Law, u64)], delta: f64) -> Option<(f64, f64)> {
    let Some(laws) = prepare(laws)? else { return Some((0.0, 0.0)) };
    let question = Question::Epsilon { log_delta: libm::log(delta) };
    let mut width = WIDTH;
    let mut best: Option<(f64, f64)> = None;
    for _ in 0..3 {
        let Some(plan) = plan::plan(&laws.sketches, question, |_, epsilon| width * epsilon.max(1.0)) else { break };
        let curves = laws.curves(&plan);
        let Some(high) = curves.1.epsilon(delta) else { break };
        let low = curves.0.epsilon(delta).unwrap_or(0.0);
        let (low, high) = best.map_or((low, high), |(l, h)| (low.max(l), high.min(h)));
        best = Some((low, high));
        let missed = (high - low) / high.max(1.0);
        if missed <= WIDTH_ENOUGH {
            break;
        }
        width *= (WIDTH / missed).clamp(0.01, 0.5);
    }
    best.filter(|(low, high)| low <= high)
}

/// Bounds from below and above on the delta at each epsilon, in their order; `None` if a grid is too large.
pub(crate) fn delta(laws: &[(Law, u64)], epsilons: &[f64]) -> Option<Vec<(f64, f64)>> {
    let Some(laws) = prepare(laws)? else { return Some(vec![(0.0, 0.0); epsilons.len()]) };
    let mut order: Vec<usize> = (0..epsilons.len()).collect();
    order.sort_by(|a, b| epsilons[*a].total_cmp(&epsilons[*b]));
    let largest = order.last().map_or(0.0, |last| epsilons[*last]);
    let mut bounds = vec![(0.0, 1.0); epsilons.len()];
    // A relative width of some 5e-4 in delta.
    let width = |c: f64, epsilon: f64| (WIDTH * epsilon.max(1.0)).min(5e-4 / c);
    let mut next = 0;
    while let Some(first) = order.get(next).map(|i| epsilons[*i]) {
        // One tilt serves the epsilons within a few standard deviations.
        let probe = plan::plan(&laws.sketches, Question::Delta { epsilon: first }, width)?;
        let centre = (first + 2.5 * probe.deviation).min(largest);
        let plan = if centre > first {
            plan::plan(&laws.sketches, Question::Delta { epsilon: centre }, width)?
        } else {
            probe
        };
        let (lower, upper) = laws.curves(&plan);
        let reach = centre + 2.5 * plan.deviation;
        while let Some(i) = order.get(next).copied().filter(|i| epsilons[*i] <= reach.max(first)) {
            let inside = |curve: &Curve| (curve.range().0..=curve.range().1).contains(&epsilons[i]);
            if inside(&upper) {
                bounds[i].1 = upper.delta(epsilons[i]);
            }
            if inside(&lower) {
                bounds[i].0 = lower.delta(epsilons[i]);
            }
            next += 1;
        }
    }
    Some(bounds)
}

/// Laws that can be cut into cells, with their counts and sketches.
struct Laws {
    sources: Vec<Source>,
    sketches: Vec<(Sketch, u64)>,
}

enum Source {
    Mixture(Vec<(f64, Pair)>),
}

/// `Some(None)` if there is nothing to account for.
#[expect(clippy::option_option, reason = "too large and nothing to do are different answers")]
fn prepare(laws: &[(Law, u64)]) -> Option<Option<Laws>> {
    let mut prepared = Laws { sources: Vec::new(), sketches: Vec::new() };
    for (law, count) in laws.iter().filter(|(_, count)| *count > 0) {
        let source = match law {
            Law::Gaussian { noise } => {
                Source::Mixture(vec![(1.0, Pair { noise: *noise, p: vec![(1.0, 1.0)], q: vec![(0.0, 1.0)] })])
            }
            Law::Mixture(branches) if branches.len() == 1 => Source::Mixture(branches.clone()),
            // The cells of several branches do not line up where their losses differ by orders of magnitude.
            Law::Mixture(_) | Law::WithoutReplacement { .. } | Law::Allocation { .. } => return None,
        };
        prepared.sketches.push((source.sketch(), *count));
        prepared.sources.push(source);
    }
    Some(if prepared.sources.is_empty() { None } else { Some(prepared) })
}

impl Source {
    fn sketch(&self) -> Sketch {
        match self {
            Self::Mixture(branches) => Sketch::mixture(branches),
        }
    }

    fn cells(&self, h: f64, (first, last): (i64, i64)) -> Cells {
        match self {
            Self::Mixture(branches) => cells::mixture(branches, h, first, last),
        }
    }
}

impl Laws {
    /// The curves below and above.
    fn curves(&self, plan: &Plan) -> (Curve, Curve) {
        let (mut below, mut above) = (Vec::new(), Vec::new());
        for ((source, (_, count)), nodes) in self.sources.iter().zip(&self.sketches).zip(&plan.nodes) {
            let cells = source.cells(plan.h, *nodes);
            below.push((lattice::lower(&cells), *count));
            above.push((lattice::upper(&cells), *count));
        }
        (compose(&below, plan.window, Side::Lower), compose(&above, plan.window, Side::Upper))
    }
}

#[cfg(test)]
mod tests;
