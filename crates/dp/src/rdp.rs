//! Rényi differential privacy with a continuous order, and its conversion to (epsilon, delta).
//!
//! With `K(c) = log E[e^{cL}]` the cumulant of the privacy loss of everything composed (for one release,
//! `K(c) = c·D_α` at Rényi order `α = c + 1`), every `c > 0` gives the bound
//!
//! `δ ≤ C(c)·e^{K(c) − c·ε}`, `C(c) = c^c / (1 + c)^{1 + c}`
//!
//! (Canonne, Kamath and Steinke, arXiv 2004.00010, Proposition 12): `(1 − e^{−y})₊ ≤ C(c)·e^{cy}` for all y. Solved for
//! epsilon, `ε(c) = [K(c) + log C(c) − log δ]/c`, and the smallest over `c` is the answer.
//!
//! **Search.** `c²·ε′(c) = c·K′ − K + log(1 + c) + log δ`, whose derivative `c·K″ + 1/(1 + c)` is positive because K is
//! convex: there is one minimum, and Newton's method finds it on derivatives that need a few digits only (`solve`).
//! Whatever `c` it stops at, the bound is valid, because the bound itself is then computed once, rounded up; only its
//! tightness depends on the search. There is no grid of orders, so no smallest epsilon that a largest order imposes.
//!
//! Neighbours come in both directions, and the larger epsilon counts. `cumulant` computes `K` for one release, `total` for
//! everything composed.

mod cumulant;
mod total;

use crate::law::Direction;
use crate::release::{Releases, releases};
use crate::{Adjacency, Delta, Epsilon, Event, Unsupported};
use serde::{Deserialize, Serialize};
use total::Total;

/// Smallest `c = α − 1` searched.
const C_MIN: f64 = 1e-12;
/// Largest `c` searched.
const C_MAX: f64 = 1e9;
/// The search stops where a Newton step in `log c` times the relative error that it removes is this small: that is twice
/// the relative loss in the bound before the step, and the step squares it.
const SEARCH_LOSS: f64 = 1e-8;
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
    epsilon_of(&releases(event, adjacency)?, delta.get())
}

/// An upper bound, between 0 and 1, on the delta of `event` at `epsilon`.
pub fn delta_of(event: &Event, epsilon: Epsilon, adjacency: Adjacency) -> Result<f64, Unsupported> {
    delta_at(&releases(event, adjacency)?, epsilon.get())
}

/// [`epsilon`] of releases already flattened, for `delta` in (0, 1).
pub(crate) fn epsilon_of(releases: &Releases, delta: f64) -> Result<RdpBound, Unsupported> {
    let remove = Total::new(releases, Direction::Remove)?;
    let bound = |epsilon, order| {
        let epsilon = Epsilon::new(epsilon).map_err(|_| Unsupported::Unbounded)?;
        Ok(RdpBound { epsilon, order })
    };
    if remove.total_variation() <= delta {
        return bound(0.0, None);
    }
    let log_delta = libm::log(delta);
    let (c, epsilon) = least_epsilon(&remove, log_delta)?;
    // The add direction is almost always smaller order by order; one evaluation at the same order then settles it.
    let add = Total::new(releases, Direction::Add)?;
    if epsilon_at(c, add.upper(c)?, log_delta) <= epsilon {
        return bound(epsilon, Some(1.0 + c));
    }
    let (add_c, add_epsilon) = least_epsilon(&add, log_delta)?;
    if add_epsilon > epsilon { bound(add_epsilon, Some(1.0 + add_c)) } else { bound(epsilon, Some(1.0 + c)) }
}

/// [`delta_of`] releases already flattened, for `epsilon` of at least 0.
pub(crate) fn delta_at(releases: &Releases, epsilon: f64) -> Result<f64, Unsupported> {
    let (remove, add) = (Total::new(releases, Direction::Remove)?, Total::new(releases, Direction::Add)?);
    let variation = remove.total_variation().max(add.total_variation());
    if variation <= 0.0 {
        return Ok(0.0);
    }
    let worst = least_delta(&remove, epsilon)?.max(least_delta(&add, epsilon)?);
    // The smallest positive float stands in for an underflow: delta is never truly 0 here.
    Ok(libm::exp(worst).max(f64::MIN_POSITIVE).min(variation).min(1.0))
}

/// `(c, ε(c))` at about the best c.
fn least_epsilon(total: &Total, log_delta: f64) -> Result<(f64, f64), Unsupported> {
    let level = total.constant() - log_delta;
    // log of (c·K′ − K + K(0) + log(1 + c)) over what it has to be: close to a straight line in log c.
    let rise = |c: f64| {
        let [k, slope, bend] = total.glance(c)?;
        let rise = c * slope - (k - total.constant()) + libm::log1p(c);
        Some((libm::log(rise / level), c * (c * bend + 1.0 / (1.0 + c)) / rise))
    };
    let c = solve(total.typical_order(level), rise);
    Ok((c, epsilon_at(c, total.upper(c)?, log_delta)))
}

/// `log δ(c)` at about the best c; at most 0.
fn least_delta(total: &Total, epsilon: f64) -> Result<f64, Unsupported> {
    // The logarithm of both sides of K′ = ε + log(1 + 1/c).
    let rise = |c: f64| {
        let [_, slope, bend] = total.glance(c)?;
        let target = epsilon + libm::log1p(1.0 / c);
        Some((libm::log(slope / target), c * bend / slope + 1.0 / ((1.0 + c) * target)))
    };
    let c = solve(total.typical_order(1.0 + epsilon), rise);
    Ok(log_delta_at(c, total.upper(c)?, epsilon).min(0.0))
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

/// About the root of a rising function of `log c`, given with its derivative by `log c`.
///
/// Newton's method between two ends that close in; where the function is not known it counts as above 0.
fn solve(start: f64, function: impl Fn(f64) -> Option<(f64, f64)>) -> f64 {
    let (mut low, mut high) = (libm::log(C_MIN), libm::log(C_MAX));
    let mut here = libm::log(start.max(C_MIN)).min(high);
    let mut best = low;
    for _ in 0..80 {
        let (next, done) = match function(libm::exp(here)) {
            Some((value, slope)) if !value.is_nan() => {
                best = here;
                if value > 0.0 {
                    high = here;
                } else {
                    low = here;
                }
                let step = value / slope;
                // NaN, and steps that leave the ends, become halvings.
                let next = here - step.clamp(-1.0, 1.0);
                (next, (value * step).abs() <= SEARCH_LOSS && step.abs() < 1e-2)
            }
            _ => {
                high = here;
                (here - 1.0, false)
            }
        };
        if done {
            return libm::exp(next.clamp(low, high));
        }
        if high - low <= 1e-12 {
            break;
        }
        here = if next > low && next < high { next } else { 0.5 * (low + high) };
    }
    libm::exp(best)
}

/// An upper bound on the cumulant `K(c) = log E[e^{cL}]` of everything that `event` releases, at `c = α − 1 > 0`; the larger of
/// both directions. `K(c) = c·D_α`, so it adds up under adaptive composition. 0 where nothing is released.
pub fn cumulant(event: &Event, adjacency: Adjacency, c: f64) -> Result<f64, Unsupported> {
    if !(c.is_finite() && c > 0.0) {
        return Err(Unsupported::Malformed("a Rényi order is a finite number above 1"));
    }
    let releases = releases(event, adjacency)?;
    let one = |direction| Total::new(&releases, direction)?.upper(c);
    let cumulant = one(Direction::Remove)?.max(one(Direction::Add)?);
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
