//! Four engines behind one certificate, and the choice between them.
//!
//! Everything above this module (calibration, guarantees, the command line) asks [`account`] or [`delta_of`] and reports
//! which engine answered. The choice, in order:
//!
//! 1. **closed form** where the curve can be written down: no sampling, or a single release;
//! 2. **contour**, exact and independent of the number of steps, where it needs few enough nodes;
//! 3. **grid** for few steps and rare hits: first the lattice of jumps, which takes a few milliseconds, and, where that says
//!    too little and so does a long contour, the transform, which may take some hundred;
//! 4. **Rényi** where the others do not apply (searches over hyper-parameters, or extremes beyond their reach): always valid
//!    from above, and then the lower bound is what the other engines could still prove, or 0.
//!
//! An engine whose interval is wide does not end the search: intervals that are all valid are intersected. Random allocation
//! has the grid alone; where that is too long (a million batches an epoch), it is charged as if it were known which batch
//! a record is in, and the certificate says so.
//!
//! Neighbours come in two directions, and the larger epsilon counts. Removing a record almost always costs more, so adding one
//! is first compared by Chernoff's bound alone: if its delta at the lower bound for removing is already below the target, its
//! epsilon is below it, too, and cannot decide either end of the certificate.

mod explain;

use crate::law::{Direction, Law, loss_max};
use crate::release::{Releases, releases};
use crate::{Adjacency, Delta, Epsilon, Event, Unsupported, closed, contour, grid, rdp};
pub use explain::{Opinion, explain};
use serde::{Deserialize, Serialize};

/// The method that turned events into an epsilon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// The exact curve, written out.
    ClosedForm,
    /// The exact contour integral with error bounds.
    Contour,
    /// Convolution of the tilted loss on a grid, rounded both ways.
    Grid,
    /// Rényi DP with a continuous order; see [`rdp`].
    Rdp,
}

/// Proof that the epsilon of an event lies between two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The event's true epsilon is at least this; 0 where nothing better is known.
    pub epsilon_lower: Epsilon,
    /// The event's true epsilon is at most this; the figure to promise.
    pub epsilon_upper: Epsilon,
    /// At this delta.
    pub delta: Delta,
    /// Which data sets were compared.
    pub adjacency: Adjacency,
    /// The method.
    pub engine: Engine,
    /// The Rényi order α > 1 of the bound; `None` where no order was needed.
    pub order: Option<f64>,
    /// A sampler without an amplification theorem was charged as if it did not sample.
    pub unamplified: bool,
}

/// Proof that the delta of an event at one epsilon lies between two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeltaCertificate {
    /// At this epsilon.
    pub epsilon: Epsilon,
    /// The true delta is at least this.
    pub delta_lower: f64,
    /// The true delta is at most this.
    pub delta_upper: f64,
    /// Which data sets were compared.
    pub adjacency: Adjacency,
    /// The method.
    pub engine: Engine,
}

/// An interval this narrow, relative to the larger of epsilon and 1, needs no second opinion.
const WIDTH: f64 = 8e-4;

/// Below this total variation distance, epsilon may be too small for any mesh.
const RARE: f64 = 1e-5;
/// An epsilon up to this need not be known better.
const NEGLIGIBLE: f64 = 2e-4;

/// The engines that bound from both sides, in the order in which they are asked.
const TWO_SIDED: [Engine; 3] = [Engine::ClosedForm, Engine::Contour, Engine::Grid];

/// Bounds on the epsilon of some laws at a delta.
type Attempt = fn(&[(Law, u64)], f64) -> Option<(f64, f64)>;

/// What is tried for an epsilon, in this order: what takes a millisecond, then what may take a hundred.
const ATTEMPTS: [(Engine, Attempt); 5] = [
    (Engine::ClosedForm, closed::epsilon),
    (Engine::Contour, contour::short_epsilon),
    (Engine::Grid, grid::rare_epsilon),
    (Engine::Contour, contour::epsilon),
    (Engine::Grid, grid::epsilon),
];

/// The epsilon of `event` at `delta`, certified from both sides.
///
/// Edge cases: an event that releases nothing, or a `delta` that is no smaller than the largest distinguishing advantage,
/// costs 0.
pub fn account(event: &Event, delta: Delta, adjacency: Adjacency) -> Result<Certificate, Unsupported> {
    let releases = releases(event, adjacency)?;
    match account_for(&releases, delta, adjacency) {
        // Amplification that no engine can compute here is not claimed.
        Err(Unsupported::Malformed(_)) if releases.allocated() => {
            account_for(&releases.without_amplification(), delta, adjacency)
        }
        answer => answer,
    }
}

fn account_for(releases: &Releases, delta: Delta, adjacency: Adjacency) -> Result<Certificate, Unsupported> {
    if releases.total_variation().min(releases.root_variation()) <= delta.get() {
        return certificate(releases, (0.0, 0.0), delta, adjacency, Engine::ClosedForm, None);
    }
    let single = matches!(releases.mechanisms.as_slice(), [(_, 1)]);
    if releases.total_variation() <= RARE && !single && within_reach(releases) {
        let negligible =
            |direction: &Direction| closed::negligible(&releases.laws(*direction), delta.get(), NEGLIGIBLE);
        let bounds: Option<Vec<f64>> = directions(releases).iter().map(negligible).collect();
        if let Some(bounds) = bounds {
            let upper = bounds.into_iter().fold(0.0, f64::max);
            return certificate(releases, (0.0, upper), delta, adjacency, Engine::ClosedForm, None);
        }
    }
    let found = two_sided(releases, delta, |laws| narrowest(laws, delta.get()));
    if let Found { engine: Some(engine), bounds: (lower, upper) } = found
        && narrow((lower, upper))
    {
        return certificate(releases, (lower, upper), delta, adjacency, engine, None);
    }
    let rdp = rdp::epsilon_of(releases, delta.get());
    match (found, rdp) {
        (Found { engine: Some(engine), bounds }, Ok(rdp)) if bounds.1 <= rdp.epsilon.get() => {
            certificate(releases, bounds, delta, adjacency, engine, None)
        }
        (Found { engine: Some(engine), bounds }, Err(_)) => {
            certificate(releases, bounds, delta, adjacency, engine, None)
        }
        (Found { bounds: (lower, _), .. }, rdp) => {
            let rdp = rdp?;
            let bounds = (lower.min(rdp.epsilon.get()), rdp.epsilon.get());
            certificate(releases, bounds, delta, adjacency, Engine::Rdp, rdp.order)
        }
    }
}

/// The delta of `event` at `epsilon`, certified from both sides.
pub fn delta_of(event: &Event, epsilon: Epsilon, adjacency: Adjacency) -> Result<DeltaCertificate, Unsupported> {
    let mut curve = curve(event, &[epsilon], adjacency)?;
    curve.pop().ok_or(Unsupported::Unbounded)
}

/// [`delta_of`] at many epsilons, sharing the work; fastest when they rise.
pub fn curve(event: &Event, epsilons: &[Epsilon], adjacency: Adjacency) -> Result<Vec<DeltaCertificate>, Unsupported> {
    let releases = releases(event, adjacency)?;
    let variation = releases.total_variation();
    let point = |epsilon, (lower, upper): (f64, f64), engine| DeltaCertificate {
        epsilon,
        delta_lower: lower.clamp(0.0, upper.min(variation)),
        delta_upper: upper.clamp(0.0, variation.min(1.0)),
        adjacency,
        engine,
    };
    if variation <= 0.0 {
        return Ok(epsilons.iter().map(|epsilon| point(*epsilon, (0.0, 0.0), Engine::ClosedForm)).collect());
    }
    let numbers: Vec<f64> = epsilons.iter().map(|epsilon| epsilon.get()).collect();
    let upper_only = || {
        let upper =
            |epsilon: &Epsilon| Ok(point(*epsilon, (0.0, rdp::delta_of(event, *epsilon, adjacency)?), Engine::Rdp));
        epsilons.iter().map(upper).collect()
    };
    if !within_reach(&releases) {
        return upper_only();
    }
    let Some((engine, mut curve)) = deltas(&releases.laws(Direction::Remove), &numbers) else { return upper_only() };
    if !releases.symmetric() {
        let laws = releases.laws(Direction::Add);
        let bounds = contour::chernoff(&laws, &numbers);
        // Where even Chernoff's bound is below the other direction's lower bound, this one cannot decide anything.
        let open: Vec<usize> =
            (0..numbers.len()).filter(|at| bounds.as_ref().is_none_or(|bounds| bounds[*at] > curve[*at].0)).collect();
        let wanted: Vec<f64> = open.iter().map(|at| numbers[*at]).collect();
        let Some((_, add)) = deltas(&laws, &wanted) else { return upper_only() };
        for (at, (lower, upper)) in open.into_iter().zip(add) {
            curve[at] = (curve[at].0.max(lower), curve[at].1.max(upper));
        }
    }
    Ok(epsilons.iter().zip(curve).map(|(epsilon, bounds)| point(*epsilon, bounds, engine)).collect())
}

/// The deltas of one direction from the first engine that applies.
fn deltas(laws: &[(Law, u64)], epsilons: &[f64]) -> Option<(Engine, Vec<(f64, f64)>)> {
    TWO_SIDED.iter().find_map(|engine| Some((*engine, deltas_by(*engine, laws, epsilons)?)))
}

fn certificate(
    releases: &Releases,
    (lower, upper): (f64, f64),
    delta: Delta,
    adjacency: Adjacency,
    engine: Engine,
    order: Option<f64>,
) -> Result<Certificate, Unsupported> {
    let number = |value| Epsilon::new(value).map_err(|_| Unsupported::Unbounded);
    // Bounds that cross prove that one of them is wrong, and then neither is worth anything.
    if lower > upper {
        return Err(Unsupported::Contradiction);
    }
    // Without an amplification theorem, or with groups that nobody sees, the mechanism may well cost less than what is charged.
    let lower = if releases.unamplified || releases.from_above { 0.0 } else { lower };
    let (epsilon_lower, epsilon_upper) = (number(lower)?, number(upper)?);
    Ok(Certificate { epsilon_lower, epsilon_upper, delta, adjacency, engine, order, unamplified: releases.unamplified })
}

/// Whether the two-sided engines can say anything: searches only have Rényi bounds, and with noise beyond these ends a loss
/// or its reciprocal leaves the range in which the engines' error bounds were argued.
fn within_reach(releases: &Releases) -> bool {
    let ordinary = |noise: f64| (1e-4..=1e8).contains(&noise);
    releases.searches.is_empty() && releases.mechanisms.iter().all(|(mechanism, _)| ordinary(mechanism.noise()))
}

fn narrow((lower, upper): (f64, f64)) -> bool {
    upper - lower <= WIDTH * upper.max(1.0)
}

fn directions(releases: &Releases) -> &'static [Direction] {
    if releases.symmetric() { &[Direction::Remove] } else { &[Direction::Remove, Direction::Add] }
}

/// What the two-sided engines found out about an epsilon.
struct Found {
    /// The engine that decided the upper end; `None` where there is only a lower end.
    engine: Option<Engine>,
    bounds: (f64, f64),
}

/// The larger interval of the directions that matter; `ask` answers for one of them.
fn two_sided(releases: &Releases, delta: Delta, ask: impl Fn(&[(Law, u64)]) -> Option<(Engine, (f64, f64))>) -> Found {
    let mut found = Found { engine: None, bounds: (0.0, 0.0) };
    let mut complete = within_reach(releases);
    for direction in directions(releases).iter().filter(|_| within_reach(releases)) {
        let laws = releases.laws(*direction);
        let (low, high) = found.bounds;
        if found.engine.is_some() && dominated(&laws, low, delta) {
            continue;
        }
        match ask(&laws) {
            None => complete = false,
            Some((engine, (lower, upper))) => {
                found.engine = if upper > high { Some(engine) } else { found.engine.or(Some(engine)) };
                found.bounds = (lower.max(low), upper.max(high));
            }
        }
    }
    Found { engine: found.engine.filter(|_| complete), ..found }
}

/// The first engine whose interval is narrow; where none is, what all of them say together.
fn narrowest(laws: &[(Law, u64)], delta: f64) -> Option<(Engine, (f64, f64))> {
    let mut best: Option<(Engine, (f64, f64))> = None;
    for (engine, ask) in ATTEMPTS {
        // A long contour is no use where its sum cancels down to its rounding.
        let cancels = |(_, (_, high)): (Engine, (f64, f64))| contour::cancels(laws, high, delta);
        if engine == Engine::Contour && best.is_some_and(cancels) {
            continue;
        }
        let Some((lower, upper)) = ask(laws, delta) else { continue };
        best = match best {
            Some((before, (low, high))) => {
                Some((if upper < high { engine } else { before }, (lower.max(low), upper.min(high))))
            }
            None => Some((engine, (lower, upper))),
        };
        if best.is_some_and(|(_, bounds)| narrow(bounds)) {
            break;
        }
    }
    let largest = loss_max(laws);
    best.or_else(|| largest.is_finite().then_some((Engine::ClosedForm, (0.0, largest))))
}

/// Whether the epsilon of these laws is certainly not above `epsilon`.
fn dominated(laws: &[(Law, u64)], epsilon: f64, delta: Delta) -> bool {
    match contour::chernoff(laws, &[epsilon]) {
        Some(bounds) => bounds[0] <= delta.get(),
        None => grid::at_most(laws, delta.get(), epsilon),
    }
}

fn epsilon_by(engine: Engine, laws: &[(Law, u64)], delta: f64) -> Option<(Engine, (f64, f64))> {
    let bounds = match engine {
        Engine::ClosedForm => closed::epsilon(laws, delta),
        Engine::Contour => contour::epsilon(laws, delta),
        Engine::Grid => match (grid::rare_epsilon(laws, delta), grid::epsilon(laws, delta)) {
            (Some((low, high)), Some((lower, upper))) => Some((low.max(lower), high.min(upper))),
            (one, other) => one.or(other),
        },
        Engine::Rdp => None,
    };
    bounds.map(|bounds| (engine, bounds))
}

fn deltas_by(engine: Engine, laws: &[(Law, u64)], epsilons: &[f64]) -> Option<Vec<(f64, f64)>> {
    match engine {
        Engine::ClosedForm => closed::deltas(laws, epsilons),
        Engine::Contour => contour::deltas(laws, epsilons),
        Engine::Grid => grid::delta(laws, epsilons),
        Engine::Rdp => None,
    }
}

#[cfg(test)]
mod tests;
