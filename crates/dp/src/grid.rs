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
//!
//! Where hits are rare, `rare` does without the transform: large losses are convolved term by term, and all small ones
//! together are bounded by their variance and largest value.

mod allocation;
mod cells;
mod convolve;
mod curve;
mod lattice;
mod plan;
mod rare;
mod sketch;

use crate::law::{Direction, Law, Pair, loss_max};
use allocation::Atoms;
use convolve::{Planner, Side, compose};
use curve::Curve;
use lattice::Lattice;
use plan::{Plan, Question};
use sketch::Sketch;

/// Width of the bracket aimed at, relative to the larger of epsilon and 1.
const WIDTH: f64 = 2e-4;
/// Width that needs no second attempt.
const WIDTH_ENOUGH: f64 = 8e-4;
/// Transforms longer than this aim at a bracket of the other width, little less than what is enough.
const LONG: (usize, f64) = (1 << 16, 6e-4);
/// A finer grid that leaves more than this part of the width is stuck on something else than its step.
const STUCK: f64 = 0.85;
/// How much wider a bracket is tried next where one is too long to compute.
const WIDER: f64 = 12.0;
/// The same for a delta, relative to it.
const DELTA_WIDTH_ENOUGH: f64 = 1e-2;
/// A delta that is as good as 0.
const DELTA_MIN: f64 = 1e-90;

/// The same as [`epsilon`] where hits are rare, and quickly: `None` where they are not.
pub(crate) fn rare_epsilon(laws: &[(Law, u64)], delta: f64) -> Option<(f64, f64)> {
    rare::epsilon(laws, delta).or_else(|| rare::added::epsilon(laws, delta))
}

/// Bounds from below and above on the epsilon at `delta` of `count` releases of each law; `None` if the grid is too large.
pub(crate) fn epsilon(laws: &[(Law, u64)], delta: f64) -> Option<(f64, f64)> {
    let question = Question::Epsilon { log_delta: libm::log(delta) };
    let mut planner = Planner::new();
    if laws.iter().all(|(_, count)| *count == 0) {
        return Some((0.0, 0.0));
    }
    let mut width = WIDTH;
    let (mut best, mut finest): (Option<(f64, f64)>, f64) = (None, f64::INFINITY);
    let mut before = f64::INFINITY;
    for _ in 0..5 {
        let aim = |width: f64| move |_: f64, epsilon: f64| width * epsilon.max(1.0);
        let planned = prepare(laws, question, &aim(width)).and_then(|laws| {
            let mut plan = plan::plan(&laws.sketches, question, &aim(width))?;
            if plan.window.len > LONG.0 && width < LONG.1 && before.is_infinite() {
                width = LONG.1;
                plan = plan::plan(&laws.sketches, question, &aim(width))?;
            }
            Some((laws, plan))
        });
        let Some((laws, plan)) = planned else {
            if best.is_some() {
                break;
            }
            // A wide bracket is worth more than none.
            width *= WIDER;
            continue;
        };
        // At the limits of memory and time, a finer plan is the same plan again.
        if plan.h > 0.9 * finest {
            break;
        }
        finest = plan.h;
        let curves = laws.curves(&mut planner, &plan);
        let Some(high) = curves.1.epsilon(delta) else { break };
        let low = curves.0.epsilon(delta).unwrap_or(0.0);
        let (low, high) = best.map_or((low, high), |(l, h)| (low.max(l), high.min(h)));
        best = Some((low, high));
        let missed = (high - low) / high.max(1.0);
        if missed <= WIDTH_ENOUGH || missed > STUCK * before {
            break;
        }
        // A first refinement is a cheap one: it shows whether the step is what makes the bracket wide.
        width *= (WIDTH / missed).clamp(if before.is_infinite() { 0.2 } else { 0.01 }, 0.5);
        before = missed;
    }
    best
}

/// Whether the epsilon at `delta` is certainly no more than `epsilon`: a rough answer, for laws that only a grid can handle.
pub(crate) fn at_most(laws: &[(Law, u64)], delta: f64, epsilon: f64) -> bool {
    let question = Question::Epsilon { log_delta: libm::log(delta) };
    let aim = |_, epsilon: f64| 0.05 * epsilon;
    let upper = || {
        let laws = prepare(laws, question, &aim)?;
        let plan = plan::plan(&laws.sketches, question, &aim)?;
        laws.curves(&mut Planner::new(), &plan).1.epsilon(delta)
    };
    epsilon > 0.0 && upper().is_some_and(|upper| upper <= epsilon)
}

/// Bounds from below and above on the delta at each epsilon, in their order; `None` if a grid is too large.
pub(crate) fn delta(laws: &[(Law, u64)], epsilons: &[f64]) -> Option<Vec<(f64, f64)>> {
    let mut order: Vec<usize> = (0..epsilons.len()).collect();
    order.sort_by(|a, b| epsilons[*a].total_cmp(&epsilons[*b]));
    // No loss is larger than this.
    let end = loss_max(laws);
    let mut bounds: Vec<_> = epsilons.iter().map(|e| if *e > end { (0.0, 0.0) } else { (0.0, 1.0) }).collect();
    order.retain(|i| epsilons[*i] <= end);
    if order.is_empty() {
        return Some(bounds);
    }
    let largest = order.last().map_or(0.0, |last| epsilons[*last]);
    // A relative width of some 5e-4 in delta.
    let width = |c: f64, epsilon: f64| (WIDTH * epsilon.max(1.0)).min(5e-4 / c);
    let mut planner = Planner::new();
    let question = Question::Delta { epsilon: largest, log_delta_max: 0.0 };
    let laws = prepare(laws, question, &width)?;
    if laws.sources.is_empty() {
        return Some(vec![(0.0, 0.0); epsilons.len()]);
    }
    let mut next = 0;
    while let Some(first) = order.get(next).map(|i| epsilons[*i]) {
        let (lower, upper) = tight_at(&mut planner, &laws, first, &width)?;
        // The tilt that fits one epsilon serves the next ones, as long as they come out tight.
        while let Some(i) = order.get(next).copied() {
            let epsilon = epsilons[i];
            let (low, high) = (lower.delta(epsilon), upper.delta(epsilon));
            if epsilon > first && high - low > DELTA_WIDTH_ENOUGH * high {
                break;
            }
            bounds[i] = (low, high);
            next += 1;
        }
    }
    Some(bounds)
}

/// Curves that are tight at one epsilon.
fn tight_at(
    planner: &mut Planner,
    laws: &Laws,
    epsilon: f64,
    width: &dyn Fn(f64, f64) -> f64,
) -> Option<(Curve, Curve)> {
    let mut best: Option<(f64, (Curve, Curve))> = None;
    let (mut finer, mut log_delta_max, mut finest, mut before) = (1.0, 0.0, f64::INFINITY, f64::INFINITY);
    for _ in 0..8 {
        let aim = |c: f64, epsilon: f64| finer * width(c, epsilon);
        let Some(plan) = plan::plan(&laws.sketches, Question::Delta { epsilon, log_delta_max }, &aim) else { break };
        // At the limits of memory and time, a finer plan is the same plan again.
        if plan.h > 0.9 * finest {
            break;
        }
        let curves = laws.curves(planner, &plan);
        let (low, high) = (curves.0.delta(epsilon), curves.1.delta(epsilon));
        if best.as_ref().is_none_or(|(least, _)| high - low < *least) {
            best = Some((high - low, curves));
        }
        let missed = (high - low) / high;
        // Below the smallest delta there is nothing to refine.
        if missed <= DELTA_WIDTH_ENOUGH || high < DELTA_MIN {
            break;
        }
        // The first guess of delta may be far too large, and with it what may be lost.
        if libm::log(high) < log_delta_max - 1.0 {
            log_delta_max = libm::log(high);
            (finest, before) = (f64::INFINITY, f64::INFINITY);
        } else if finer < 0.01 || missed > STUCK * before {
            break;
        } else {
            finer *= (0.5 * DELTA_WIDTH_ENOUGH / missed).clamp(0.05, 0.5);
            (finest, before) = (plan.h, missed);
        }
    }
    best.map(|(_, curves)| curves)
}

/// Laws that can be cut into cells, with their counts and sketches.
struct Laws {
    sources: Vec<Source>,
    sketches: Vec<(Sketch, u64)>,
}

enum Source {
    Mixture(Vec<(f64, Pair)>),
    WithoutReplacement { rate: f64, noise: f64 },
    Epoch { below: Atoms, above: Atoms, span: f64 },
}

/// `None` if an epoch's law would be too long; `width(c, epsilon)` is the width of the bracket aimed at.
fn prepare(laws: &[(Law, u64)], question: Question, width: &dyn Fn(f64, f64) -> f64) -> Option<Laws> {
    let mut prepared = Laws { sources: Vec::new(), sketches: Vec::new() };
    let laws = || laws.iter().filter(|(_, count)| *count > 0);
    let releases: f64 = laws().map(|(_, count)| *count as f64).sum();
    for (law, count) in laws() {
        let source = match law {
            Law::Gaussian { noise } => {
                Source::Mixture(vec![(1.0, Pair { noise: *noise, p: vec![(1.0, 1.0)], q: vec![(0.0, 1.0)] })])
            }
            Law::Mixture(branches) => Source::Mixture(branches.clone()),
            Law::WithoutReplacement { rate, noise } => Source::WithoutReplacement { rate: *rate, noise: *noise },
            Law::Allocation { steps, noise, direction } => {
                epoch((*steps, *noise, *direction), question, releases, width)?
            }
        };
        prepared.sketches.push((source.sketch(), *count));
        prepared.sources.push(source);
    }
    Some(prepared)
}

/// The laws of an epoch, first coarse to find the tilt and then as fine as that asks for.
fn epoch(
    law: (u64, f64, Direction),
    question: Question,
    releases: f64,
    width: &dyn Fn(f64, f64) -> f64,
) -> Option<Source> {
    let tail = |log_delta: f64| plan::RIGHT_SHARE * libm::exp(log_delta) / releases;
    let deviation = allocation::deviation(law.0, law.1);
    let span = deviation / 16.0;
    let first = tail(if let Question::Epsilon { log_delta } = question { log_delta } else { -20.0 });
    let mesh = |h, share| allocation::Mesh { h, share };
    let coarse = allocation::epoch(law, Side::Upper, first, mesh(deviation / 6.0, 0.0))?;
    let sketch = Sketch::atoms(coarse.losses().map(|(loss, p, _)| (loss, p)), span);
    let (c, epsilon, log_delta) = plan::saddle(&[(sketch, releases as u64)], question);
    // As for any lattice, but every doubling adds a spread of its own.
    let doublings = 2.0 + (law.0 as f64).log2();
    let h = (8.0 * width(c, epsilon) / (releases * (1.0 + c) * doublings)).sqrt().min(deviation / 12.0);
    // One term that is large under P, or that alone makes W what an epsilon in this direction needs.
    let large = libm::exp(0.5 / (law.1 * law.1) + 2.0 / law.1) / law.0 as f64;
    let needed = if law.2 == Direction::Remove { libm::expm1(epsilon / releases) } else { 0.0 };
    let largest = large.max(needed);
    let mesh = mesh(h, largest / (1.0 + largest));
    // A delta that is not given is only known from above here.
    let tail = tail(log_delta) * if let Question::Epsilon { .. } = question { 1.0 } else { 1e-3 };
    let side = |side| allocation::epoch(law, side, tail, mesh);
    Some(Source::Epoch { below: side(Side::Lower)?, above: side(Side::Upper)?, span })
}

impl Source {
    fn sketch(&self) -> Sketch {
        match self {
            Self::Mixture(branches) => Sketch::mixture(branches),
            Self::WithoutReplacement { rate, noise } => Sketch::without_replacement(*rate, *noise),
            Self::Epoch { above, span, .. } => Sketch::atoms(above.losses().map(|(loss, p, _)| (loss, p)), *span),
        }
    }

    /// The lattices below and above.
    fn lattices(&self, h: f64, (first, last): (i64, i64)) -> (Lattice, Lattice) {
        let cells = match self {
            Self::Mixture(branches) => cells::mixture(branches, h, first, last),
            Self::WithoutReplacement { rate, noise } => cells::without_replacement(*rate, *noise, h, first, last),
            Self::Epoch { below, above, .. } => {
                return (lattice::lower(&below.cells(h, first, last)), lattice::upper(&above.cells(h, first, last)));
            }
        };
        (lattice::lower(&cells), lattice::upper(&cells))
    }
}

impl Laws {
    /// The curves below and above.
    fn curves(&self, planner: &mut Planner, plan: &Plan) -> (Curve, Curve) {
        let (mut below, mut above) = (Vec::new(), Vec::new());
        for ((source, (_, count)), nodes) in self.sources.iter().zip(&self.sketches).zip(&plan.nodes) {
            let (low, high) = source.lattices(plan.h, *nodes);
            below.push((low, *count));
            above.push((high, *count));
        }
        let below = compose(planner, &below, plan.window, Side::Lower);
        (below, compose(planner, &above, plan.window, Side::Upper))
    }
}

#[cfg(test)]
mod tests;
