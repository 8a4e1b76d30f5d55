//! Rare hits: what large losses do on a lattice, what small ones do together as one bounded nuisance.
//!
//! At small sampling rates and small deltas, the tilted law of the composed loss has two modes far apart, thousands of steps in
//! which nothing happened and one hit that did it all, and a transform has no digits for what lies between. Here nothing is
//! transformed. With one step of the lattice h (or a few), a *jump* is a release with a loss above h, `x > x_h`, and all others are
//! the *core*. Expanding `Π (core + jump)` over which of the T releases jump gives the exact curve
//!
//! `δ(ε) = Σ_k C(T, k)·E[(W₁⋯W_k·X_{T−k} − e^ε)₊]`, with jumps `Wᵢ = dP/dQ` and X the product of the core's ratios, all
//! under Q restricted to those regions.
//!
//! Let `p = P[core]`, `q = Q[core]` of one release, `s₀ = log(q/p)` and `X = e^{−m·s₀}·X̃` for m core releases, so that X̃ has mean 1 given
//! that all are core. With jumps counted as `W′ = W·e^{s₀}` and masses `P/p` and `Q/q`,
//!
//! `δ(ε) = p^T·Σ_k C(T, k)·E[E[(W′₁⋯W′_k·X̃ − e^{ε + T·s₀})₊]]`, exactly, whatever k.
//!
//! **Jumps.** W′ is put on the lattice from above and from below as in [`lattice`](super::lattice), one node per step, and `Σ_k C(T, k)·J^{*k}` is summed by [`compound`] from positive terms only: it has a relative error, however small the
//! terms are, and needs no tilt. Above the last node Chernoff's bound on the lattice law covers what sums reach,
//! and T times the mass of one jump beyond it what a single one does.
//!
//! **Core.** With `U(e) = E[(X̃ − e^e)₊]`, Jensen gives `U(e) ≥ (1 − e^e)₊`, which is all the lower bound uses. Call and put differ by
//! `1 − e^e`, so from above `U(e) ≤ (1 − e^e)₊ + B(e)`, B a bound on the call where `e ≥ 0` and on the put where `e < 0`:
//! - Scarf's `½(√(v + d²) − |d|)` with `d = e^e − 1` and the variance v of X̃. One ratio is `1 + u` with `−r ≤ u ≤ e^h − 1` at sampling rate r, so
//!   `E[(1 + u)²] = 1 + 2E[u] + E[u²]` and `v ≤ exp(T·E[u²]·e^{2s₀}) − 1`.
//! - Bennett's: `E[(1 + u)^{1+c}] ≤ 1 + (1 + c)E[u] + ψE[u²]` by Taylor's theorem with `ψ = ½c(1 + c)·e^{ch}/(1 − r)`, and for `c ≥ 1` also with the
//!   rest at the largest `u = e^h − 1`, `ψ = (e^{(1+c)h} − 1 − (1 + c)u)/u²`, as the rest over u² rises where the second derivative
//!   does. So `log E[X̃^{1+c}] ≤ T(1 + c)(E[u] + s₀) + ψ·T·E[u²]` with `E[u] = e^{−s₀} − 1`, and Chernoff's bound is `C(c)·E[X̃^{1+c}]·e^{−ce}`.
//!   Likewise for the put `e^e·C(c)·E[X̃^{−c}]·e^{ce}` with `log E[X̃^{−c}] ≤ ½c(1 + c)·T·E[u²]·(1 − r)^{−c−2}`.
//!
//! `E[u²]` is a sum of three normal masses. What is lost is of the order of `slope·(v + h·losses of size h)`: nothing where
//! hits are rare, too much where thousands of them make a bell, and there the other methods are at home.

pub(super) mod added;
mod compound;
mod core;
#[cfg(test)]
mod tests;

use super::cells::{self, Cell, Cells, ROUNDOFF};
use super::convolve::UNDERFLOW;
use super::lattice::{self, Lattice};
use super::plan::{self, Question};
use super::sketch::Sketch;
use crate::law::{Law, Pair};
use compound::compound;
use core::Core;

/// Nodes of the first attempt, and the most that one may have.
const NODES: (usize, usize) = (500, 4500);
/// Sampling rates up to this are rare.
const RATE_MAX: f64 = 0.05;
/// Jumps expected at most.
const JUMPS_MAX: f64 = 500.0;
/// How far below delta, in logarithms, the curve is at the last node.
const BEYOND_LOG: f64 = 15.0;
/// Widths relative to the larger of epsilon and 1: one that is good, and one after which a finer lattice is tried.
const GOOD: f64 = 1e-4;
const ENOUGH: f64 = 7e-4;

/// Releases of one kind: one record, sampled.
#[derive(Debug, Clone, Copy)]
struct Releases<'a> {
    pair: &'a Pair,
    rate: f64,
    count: u64,
}

/// Largest loss of one jump on the lattice: beyond, `e^loss` next to a mass of Q does not fit a float.
const LOSS_MAX: f64 = 600.0;

/// Bounds from below and above on the epsilon at `delta`; `None` where hits are not rare or the laws are of another kind.
pub(super) fn epsilon(laws: &[(Law, u64)], delta: f64) -> Option<(f64, f64)> {
    let releases = rare(laws)?;
    let sketch = Sketch::mixture(&[(1.0, releases.pair.clone())]);
    let end = last_loss(&sketch, releases.count, libm::log(delta));
    let finest = compound::nodes_max(releases.count).min(NODES.1);
    let mut best: Option<(f64, f64)> = None;
    let mut nodes = NODES.0.min(finest);
    for _ in 0..5 {
        let Some(curves) = Curves::new(releases, end, nodes) else {
            if best.is_some() || nodes < 16 {
                break;
            }
            // With a longer step, less is a jump.
            nodes /= 4;
            continue;
        };
        let Some((low, high)) = curves.epsilon(delta, end) else { break };
        let before = best.map_or(f64::INFINITY, |(low, high)| high - low);
        let (low, high) = best.map_or((low, high), |(l, h)| (low.max(l), high.min(h)));
        best = Some((low, high));
        let missed = (high - low) / high.max(1.0);
        // What does not shrink with the step is the core's.
        if missed <= ENOUGH || high - low > 0.6 * before || nodes >= finest {
            break;
        }
        let finer = (missed / GOOD).sqrt().clamp(1.5, 6.0);
        nodes = ((nodes as f64 * finer) as usize).min(finest);
    }
    best
}

/// The releases, if they are all one kind of Poisson-sampled removal at a small rate.
fn rare(laws: &[(Law, u64)]) -> Option<Releases<'_>> {
    let [(Law::Mixture(branches), count)] = laws else { return None };
    let [(weight, pair)] = branches.as_slice() else { return None };
    let ([(_, _), (mean, rate)], [(origin, _)]) = (pair.p.as_slice(), pair.q.as_slice()) else { return None };
    let one = |value: f64| (value - 1.0).abs() <= 0.0;
    let kind = one(*weight) && one(*mean) && origin.abs() <= 0.0;
    (kind && *rate <= RATE_MAX && *count > 0).then_some(Releases { pair, rate: *rate, count: *count })
}

/// A loss beyond which next to nothing of delta lies.
fn last_loss(sketch: &Sketch, count: u64, log_delta: f64) -> f64 {
    let share = libm::exp(log_delta - BEYOND_LOG) / count as f64;
    let (_, single) = sketch.range(0.0, share);
    let finite = [(sketch.without_right(share), count)];
    let (_, together, _) = plan::saddle(&finite, Question::Epsilon { log_delta: log_delta - BEYOND_LOG });
    single.max(together)
}

/// The two bounds on the curve.
struct Curves {
    h: f64,
    core: Core,
    lower: Sums,
    upper: Sums,
    /// P-mass of what the upper lattice does not hold.
    beyond: f64,
    /// Up to how much the upper law's losses may lie above the lattice.
    shift: f64,
}

/// A compound law and, for every i, `Σ_{s ≥ i} g_s·e^{(i − s)h}` and `Σ_{s ≥ i} g_s·(1 − e^{(i − s)h})`.
struct Sums {
    mass: Vec<f64>,
    discounted: Vec<f64>,
    excess: Vec<f64>,
    /// Relative error of everything here.
    error: f64,
}

impl Sums {
    fn new((mass, error): (Vec<f64>, f64), h: f64) -> Self {
        let (mut discounted, mut excess) = (vec![0.0; mass.len() + 1], vec![0.0; mass.len() + 1]);
        let (fall, gap) = (libm::exp(-h), -libm::expm1(-h));
        for (i, mass) in mass.iter().enumerate().rev() {
            excess[i] = excess[i + 1] + gap * discounted[i + 1];
            discounted[i] = mass + fall * discounted[i + 1];
        }
        let error = error + 8.0 * ROUNDOFF * (mass.len() as f64 + 16.0);
        Self { mass, discounted, excess, error }
    }

    /// `Σ g_s·(1 − e^{e − sh})₊` but for `error`, and what more it may lack.
    fn deterministic(&self, e: f64, h: f64) -> (f64, f64) {
        let i = ((e / h).ceil().max(0.0) as usize).min(self.mass.len());
        let share = -libm::expm1(e - i as f64 * h);
        let sum = self.excess[i] + self.discounted[i] * share;
        // Rounding may take a neighbour: its term is below 0, or missing and next to 0. The share has that error, too.
        let next = if i > 0 { self.mass[i - 1] } else { 0.0 };
        (sum, (next + self.discounted[i]) * 8.0 * ROUNDOFF * (e.abs() + h))
    }
}

impl Curves {
    /// The curves on `nodes` nodes up to the loss `end`; `None` where the jumps are too many.
    fn new(releases: Releases<'_>, end: f64, nodes: usize) -> Option<Self> {
        let Releases { count, .. } = releases;
        let h = end / nodes as f64;
        let first = compound::first_node(count, nodes);
        let (core, from) = Core::new(releases, first as f64 * h)?;
        let cells = jumps(releases.pair, &core, from, h, (first, nodes))?;
        let right = cells.right.p * (1.0 + cells.right.error) + cells::NEGLECTED;
        let scaled = Cells { right: Cell::default(), ..cells };
        let upper = Lattice { infinite: 0.0, ..lattice::upper(&scaled) };
        let lower = lattice::lower_at(&scaled, 0.0);
        let t = count as f64;
        let beyond = t * right + core.mass.1 * overflow(&upper, count, nodes);
        Some(Self {
            h,
            beyond: beyond + UNDERFLOW * nodes as f64,
            // No sum has more jumps than nodes.
            shift: upper.offset * nodes as f64,
            lower: Sums::new(compound(&lower.mass, first, count, nodes)?, h),
            upper: Sums::new(compound(&upper.mass, first, count, nodes)?, h),
            core,
        })
    }

    fn delta_lower(&self, epsilon: f64) -> f64 {
        let (sum, missing) = self.lower.deterministic(epsilon + self.core.shift.1, self.h);
        (self.core.mass.0 * (sum * (1.0 - 2.0 * self.lower.error) - missing)).max(0.0)
    }

    fn delta_upper(&self, epsilon: f64) -> f64 {
        let e = epsilon + self.core.shift.0 - self.shift;
        let (sum, missing) = self.upper.deterministic(e, self.h);
        // B on the nodes around e one by one, and further away by its value at the edge.
        let reach = self.core.reach;
        let clamp = |place: f64| (place.max(0.0) as usize).min(self.upper.mass.len());
        let (first, end) = (clamp(((e - reach) / self.h).ceil()), clamp(((e + reach) / self.h).floor() + 1.0));
        let near = self.upper.mass[first..end].iter().enumerate();
        let near: f64 = near.map(|(i, mass)| mass * self.core.excess(e - (first + i) as f64 * self.h)).sum();
        let total = self.upper.discounted[0] + self.upper.excess[0];
        let far = total * self.core.excess_at_reach;
        let sum = (sum.max(0.0) + near + far) * (1.0 + 2.0 * self.upper.error) + missing;
        (self.core.mass.1 * sum * (1.0 + 1e-14) + self.beyond).min(1.0)
    }

    /// Bounds on the epsilon at `delta`; `None` where the upper curve stays above it.
    fn epsilon(&self, delta: f64, end: f64) -> Option<(f64, f64)> {
        if self.delta_upper(end) > delta {
            return None;
        }
        // The last float at which `above` holds and the next one where it was seen not to; `above` holds first, then not.
        let edge = |above: &dyn Fn(f64) -> bool| {
            if !above(0.0) {
                return (0.0, 0.0);
            }
            let (mut low, mut high) = (0.0, end);
            while high - low > 1e-9 * high.max(1e-6) {
                let middle = f64::midpoint(low, high);
                if above(middle) { low = middle } else { high = middle }
            }
            (low, high)
        };
        let high = edge(&|epsilon| self.delta_upper(epsilon) > delta).1;
        let low = edge(&|epsilon| self.delta_lower(epsilon) > delta).0;
        Some((low, high))
    }
}

/// The cells of W′ from the core's edge `from` on, with masses `P/p` and `Q/q`; the rest on the right keeps the mass of P.
fn jumps(pair: &Pair, core: &Core, from: f64, h: f64, (first, nodes): (usize, usize)) -> Option<Cells> {
    let inverse = cells::closed_form(pair)?;
    let last = nodes.min((LOSS_MAX / h) as usize).max(first + 1);
    // The first cell starts at W′ = e^{h·first + s₀}, inside of its half step.
    if core.step > h / 4.0 {
        return None;
    }
    let mut boundaries = vec![from];
    boundaries.extend((2 * first as i64 + 1..=2 * last as i64).map(|i| inverse(i as f64 * h / 2.0 - core.step)));
    let mut cells = Cells::empty(h, first as i64, last as i64);
    let (p, q) = core.one;
    for (cell, ends) in cells.half.iter_mut().zip(boundaries.windows(2)) {
        let Cell { p: mass_p, q: mass_q, error } = cells::masses(pair, ends[0], ends[1]);
        *cell = Cell { p: mass_p / p, q: mass_q / q, error: error + 8.0 * ROUNDOFF + 2.0 * core.step_error };
    }
    cells.right = cells::masses(pair, boundaries[boundaries.len() - 1], f64::INFINITY);
    cells.slack = cells::slack(pair, 0.0) + 2.0 * core.step_error;
    (boundaries[0] <= boundaries[1]).then_some(cells)
}

/// P-mass of the sums of upper jumps beyond the last node, before the factor of the core: Chernoff's bound at several tilts.
fn overflow(jumps: &Lattice, count: u64, nodes: usize) -> f64 {
    let t = count as f64;
    if jumps.mass.iter().all(|mass| *mass <= 0.0) {
        return 0.0;
    }
    let bound = |tilt: f64| {
        let log_moment = jumps.log_moment(tilt) + jumps.moment_error(tilt);
        let (gain, loss) = (t * libm::log1p(libm::exp(log_moment)), tilt * (nodes + 1) as f64);
        // No jump at all stays on the lattice.
        let log_some = if gain > 30.0 { gain } else { libm::log(libm::expm1(gain)) };
        log_some - loss + 8.0 * ROUNDOFF * (gain + loss + log_some.abs())
    };
    let tilts = (0..72).map(|i| libm::exp(f64::from(i) * 0.1 - 1.0) * 4.0 / nodes as f64);
    let least = tilts.map(bound).filter(|log| !log.is_nan()).fold(f64::INFINITY, f64::min);
    libm::exp(least.min(700.0)) * (1.0 + 1e-12)
}
