//! Rényi differential privacy with a continuous order, and its conversion to (epsilon, delta).
//!
//! With `K(c) = log E[e^{cL}]` the cumulant of the privacy loss of everything composed (for one release,
//! `K(c) = c·D_α` at Rényi order `α = c + 1`), every `c > 0` gives the bound
//!
//! `δ ≤ C(c)·e^{K(c) − c·ε}`, `C(c) = c^c / (1 + c)^{1 + c}`
//!
//! (Canonne, Kamath and Steinke, arXiv 2004.00010, Proposition 12): `(1 − e^{−y})₊ ≤ C(c)·e^{cy}` for all y. Solved for
//! epsilon, `ε(c) = [K(c) + log C(c) − log δ]/c`, and the smallest over `c` is the answer. `K + log C` is convex
//! (`(log C)″ = 1/c − 1/(1 + c) > 0`), so `{c : ε(c) ≤ x}` is an interval for every x and a golden-section search finds
//! the minimum. Whatever `c` the search stops at, the bound is valid; only its tightness depends on the search. There is
//! no grid of orders, so no smallest epsilon that a largest order imposes.
//!
//! Neighbours come in both directions, and the larger epsilon counts. `cumulant` computes `K` for one release.

mod cumulant;

use crate::release::{Mechanism, releases};
use crate::{Adjacency, Delta, Epsilon, Event, Unsupported};
use cumulant::Direction;
use serde::{Deserialize, Serialize};

/// Smallest `c = α − 1` searched.
const C_MIN: f64 = 1e-12;
/// Largest `c` searched.
const C_MAX: f64 = 1e9;
/// Final width of the search in `log c`; the relative loss in epsilon is about its square.
const SEARCH_WIDTH: f64 = 1e-5;
/// Relative allowance for the rounding of a handful of operations.
const ROUNDING: f64 = 8.0 * f64::EPSILON;

/// An upper bound on epsilon from Rényi DP.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RdpBound {
    /// The bound, rounded up.
    pub epsilon: Epsilon,
    /// The Rényi order α > 1 that gives it; `None` where the total variation bound alone shows that epsilon is 0.
    pub order: Option<f64>,
}

/// An upper bound on the epsilon of `event` at `delta`.
///
/// 0 where the event releases nothing or where `delta` is at least the sum of the releases' total variation distances.
pub fn epsilon(event: &Event, delta: Delta, adjacency: Adjacency) -> Result<RdpBound, Unsupported> {
    let releases = poisson_only(&releases(event, adjacency)?.mechanisms)?;
    if total_variation(&releases) <= delta.get() {
        return Ok(RdpBound { epsilon: Epsilon::new(0.0).map_err(|_| Unsupported::Unbounded)?, order: None });
    }
    let log_delta = libm::log(delta.get());
    let curve = |direction| {
        let releases = &releases;
        move |c: f64| epsilon_at(c, total(releases, c, direction), log_delta)
    };
    let (c, remove) = minimum(curve(Direction::Remove), c_max(&releases));
    // The add direction is almost always smaller order by order; one evaluation at the same order then settles it.
    let (c, epsilon) = if curve(Direction::Add)(c) <= remove {
        (c, remove)
    } else {
        let (add_c, add) = minimum(curve(Direction::Add), c_max(&releases));
        if add > remove { (add_c, add) } else { (c, remove) }
    };
    let epsilon = Epsilon::new(epsilon).map_err(|_| Unsupported::Unbounded)?;
    Ok(RdpBound { epsilon, order: Some(1.0 + c) })
}

/// An upper bound, between 0 and 1, on the delta of `event` at `epsilon`.
pub fn delta_of(event: &Event, epsilon: Epsilon, adjacency: Adjacency) -> Result<f64, Unsupported> {
    let releases = poisson_only(&releases(event, adjacency)?.mechanisms)?;
    let variation = total_variation(&releases);
    if variation <= 0.0 {
        return Ok(0.0);
    }
    let worst = [Direction::Remove, Direction::Add]
        .into_iter()
        .map(|direction| {
            let log_delta = |c| log_delta_at(c, total(&releases, c, direction), epsilon.get());
            minimum(log_delta, c_max(&releases)).1
        })
        .fold(f64::NEG_INFINITY, f64::max);
    // The smallest positive float stands in for an underflow: delta is never truly 0 here.
    Ok(libm::exp(worst.min(0.0)).max(f64::MIN_POSITIVE).min(variation).min(1.0))
}

#[derive(Clone, Copy)]
struct Releases {
    sampling_rate: f64,
    noise_multiplier: f64,
    count: u64,
}

fn poisson_only(mechanisms: &[(Mechanism, u64)]) -> Result<Vec<Releases>, Unsupported> {
    let one = |(mechanism, count): &(Mechanism, u64)| match *mechanism {
        Mechanism::Gaussian { noise } => Ok(Releases { sampling_rate: 1.0, noise_multiplier: noise, count: *count }),
        Mechanism::Poisson { rate, noise } => {
            Ok(Releases { sampling_rate: rate, noise_multiplier: noise, count: *count })
        }
        _ => Err(Unsupported::Malformed("not there yet")),
    };
    mechanisms.iter().map(one).collect()
}

/// `ε(c)`, rounded up; never negative.
fn epsilon_at(c: f64, cumulant: f64, log_delta: f64) -> f64 {
    let log_factor = log_conversion_factor(c);
    let sum = cumulant + log_factor - log_delta;
    let error = ROUNDING * (cumulant.abs() + log_factor.abs() + log_delta.abs());
    ((sum + error) / c * (1.0 + ROUNDING)).max(0.0)
}

/// `log δ(c)`, rounded up.
fn log_delta_at(c: f64, cumulant: f64, epsilon: f64) -> f64 {
    let log_factor = log_conversion_factor(c);
    let error = ROUNDING * (cumulant.abs() + log_factor.abs() + c * epsilon + 1.0);
    cumulant + log_factor - c * epsilon + error
}

/// `log C(c) = c·log c − (1 + c)·log(1 + c)`, without the cancellation.
fn log_conversion_factor(c: f64) -> f64 {
    -c * libm::log1p(1.0 / c) - libm::log1p(c)
}

/// The cumulant of all releases together; rounded up.
fn total(releases: &[Releases], c: f64, direction: Direction) -> f64 {
    let sum: f64 = releases
        .iter()
        .map(|release| {
            release.count as f64 * cumulant::upper(release.sampling_rate, release.noise_multiplier, c, direction)
        })
        .sum();
    sum * (1.0 + f64::EPSILON * (2 + releases.len()) as f64)
}

/// Upper bound on `δ(0)`: total variation adds up under composition, and sampling scales it by the sampling rate.
fn total_variation(releases: &[Releases]) -> f64 {
    let sum: f64 = releases
        .iter()
        .map(|release| {
            let one = libm::erf(std::f64::consts::FRAC_1_SQRT_2 / (2.0 * release.noise_multiplier));
            release.count as f64 * release.sampling_rate * one
        })
        .sum();
    sum * (1.0 + f64::EPSILON * (8 + releases.len()) as f64)
}

/// Largest `c` worth searching: beyond it some release's cumulant would fall back to a loose bound.
fn c_max(releases: &[Releases]) -> f64 {
    let tight = releases
        .iter()
        .filter(|release| release.sampling_rate < 1.0)
        .map(|release| cumulant::c_max(release.noise_multiplier))
        .fold(C_MAX, f64::min);
    if tight > 1.0 { tight } else { C_MAX }
}

/// Golden-section search over `log c` for a function whose sublevel sets are intervals: `(c, value)` of the best point.
fn minimum(value: impl Fn(f64) -> f64, c_max: f64) -> (f64, f64) {
    const RATIO: f64 = 0.618_033_988_749_894_9;
    let at = |log_c: f64| {
        let c = libm::exp(log_c);
        (c, value(c))
    };
    let (mut left, mut right) = (libm::log(C_MIN), libm::log(c_max));
    let (mut inner_left, mut inner_right) = (right - RATIO * (right - left), left + RATIO * (right - left));
    let (mut at_left, mut at_right) = (at(inner_left), at(inner_right));
    while right - left > SEARCH_WIDTH {
        // Ties go left: where both ends overflow, only a smaller order can help.
        if at_left.1 <= at_right.1 {
            right = inner_right;
            (inner_right, at_right) = (inner_left, at_left);
            inner_left = right - RATIO * (right - left);
            at_left = at(inner_left);
        } else {
            left = inner_left;
            (inner_left, at_left) = (inner_right, at_right);
            inner_right = left + RATIO * (right - left);
            at_right = at(inner_right);
        }
    }
    if at_left.1 <= at_right.1 { at_left } else { at_right }
}

/// An upper bound on the cumulant `K(c) = log E[e^{cL}]` of everything that `event` releases, at `c = α − 1 > 0`; the larger of
/// both directions. `K(c) = c·D_α`, so it adds up under adaptive composition. 0 where nothing is released.
pub fn cumulant(event: &Event, adjacency: Adjacency, c: f64) -> Result<f64, Unsupported> {
    if !(c.is_finite() && c > 0.0) {
        return Err(Unsupported::Malformed("a Rényi order is a finite number above 1"));
    }
    let releases = releases(event, adjacency)?;
    if !releases.searches.is_empty() {
        return Err(Unsupported::Malformed("not there yet"));
    }
    let releases = poisson_only(&releases.mechanisms)?;
    let cumulant = total(&releases, c, Direction::Remove).max(total(&releases, c, Direction::Add));
    if cumulant.is_finite() { Ok(cumulant.max(0.0)) } else { Err(Unsupported::Unbounded) }
}

/// The largest cumulant at `c` that shows (epsilon, delta): the conversion of this module's essay solved for K,
/// `K = c·ε + log δ − log C(c)`, rounded down. Negative where this order cannot show it at all.
pub fn cumulant_budget(epsilon: Epsilon, delta: Delta, c: f64) -> f64 {
    let (gain, log_delta, log_factor) = (c * epsilon.get(), libm::log(delta.get()), log_conversion_factor(c));
    let error = ROUNDING * (gain + log_delta.abs() + log_factor.abs());
    gain + log_delta - log_factor - error
}

#[cfg(test)]
mod tests;
