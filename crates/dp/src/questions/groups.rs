//! What the guarantee says about a group: several records of one person, all there or all gone.
//!
//! Two bounds, and the smaller one counts.
//!
//! **The group's own law.** Where every release is a Gaussian sum over all records or over a Poisson sample, the neighbours'
//! outputs have a known dominating pair: a shift by at most k under the noise, or, with each of the k records sampled by its
//! own coin, a shift by a binomial number of records (Ganesh, arXiv 2401.10294). Such an event is rewritten for the group and
//! accounted for like any other. This needs the k records on one side: all present in one data set and absent (or blank) in
//! the other.
//!
//! **Conversion.** Whatever the event, (ε, δ) for one record gives `(k·ε, δ·(1 + e^ε + … + e^{(k−1)·ε}))` for k, by walking from
//! one data set to the other record by record (Vadhan, The Complexity of Differential Privacy, Lemma 2.2). The smallest ε
//! whose converted delta stays within the one asked for is found on the certified curve; every ε of that kind is a bound.
//! It holds for any two data sets at distance k.

use crate::calibrate::search::{Axis, Found, largest};
use crate::release::joint;
use crate::{Adjacency, Delta, Epsilon, Event, NoiseMultiplier, Unsupported, account, delta_of};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// The guarantee for a group of records.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupBound {
    /// Records in the group.
    pub group_size: u32,
    /// Upper bound on the group's epsilon.
    pub epsilon: Epsilon,
    /// At this delta.
    pub delta: Delta,
    /// The group's own law was accounted for; otherwise the bound for one record was converted, which loses much.
    pub tight: bool,
}

/// The epsilon of groups of each size at `delta`, see the module's essay.
///
/// The bound is for the records of one person: all in one data set and none in the other. A group of 0 costs nothing.
/// [`Unsupported::Unbounded`] where the conversion is all there is and finds no epsilon.
pub fn groups(
    event: &Event,
    delta: Delta,
    adjacency: Adjacency,
    sizes: RangeInclusive<u32>,
) -> Result<Vec<GroupBound>, Unsupported> {
    sizes.map(|size| group(event, delta, adjacency, size)).collect()
}

fn group(event: &Event, delta: Delta, adjacency: Adjacency, group_size: u32) -> Result<GroupBound, Unsupported> {
    let bound = |epsilon, tight| GroupBound { group_size, epsilon, delta, tight };
    if group_size <= 1 {
        let own = if group_size == 0 { &Event::Composed(Vec::new()) } else { event };
        return Ok(bound(account(own, delta, adjacency)?.epsilon_upper, true));
    }
    // A law that no engine takes is no reason to give up: the conversion is left.
    let own = of_group(event, group_size).and_then(|event| account(&event, delta, adjacency).ok());
    let own = own.map(|certificate| certificate.epsilon_upper);
    match (own, converted(event, delta, adjacency, group_size)) {
        (Some(own), Ok(Some(converted))) if converted < own => Ok(bound(converted, false)),
        (Some(own), _) => Ok(bound(own, true)),
        (None, Ok(Some(converted))) => Ok(bound(converted, false)),
        (None, Ok(None)) => Err(Unsupported::Unbounded),
        (None, Err(error)) => Err(error),
    }
}

/// The event as a group of `size` records sees it; `None` where its law is not known.
fn of_group(event: &Event, size: u32) -> Option<Event> {
    // The division rounds; noise must not come out too large.
    let shared = |noise: &NoiseMultiplier| NoiseMultiplier::new((noise.get() / f64::from(size)).next_down()).ok();
    Some(match event {
        Event::Gaussian { noise_multiplier } => Event::Gaussian { noise_multiplier: shared(noise_multiplier)? },
        Event::ShuffledPass { noise_multiplier } => Event::ShuffledPass { noise_multiplier: shared(noise_multiplier)? },
        Event::PoissonSampledGaussian { sampling_rate, noise_multiplier } => Event::PoissonSampledGroup {
            sampling_rate: *sampling_rate,
            noise_multiplier: *noise_multiplier,
            group_size: size,
        },
        Event::PoissonSampledGaussians { noise_multipliers, .. } if noise_multipliers.is_empty() => event.clone(),
        // Scaled to unit noise, one record's share of all sums together has norm 1/joint, and k of them k/joint.
        Event::PoissonSampledGaussians { sampling_rate, noise_multipliers } => Event::PoissonSampledGroup {
            sampling_rate: *sampling_rate,
            noise_multiplier: NoiseMultiplier::new(joint(noise_multipliers)).ok()?,
            group_size: size,
        },
        Event::PoissonSampledGroup { sampling_rate, noise_multiplier, group_size } => Event::PoissonSampledGroup {
            sampling_rate: *sampling_rate,
            noise_multiplier: *noise_multiplier,
            group_size: group_size.checked_mul(size)?,
        },
        Event::Repeated { event, count } => Event::Repeated { event: Box::new(of_group(event, size)?), count: *count },
        Event::Composed(events) => {
            Event::Composed(events.iter().map(|event| of_group(event, size)).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// Largest epsilon for one record that is worth converting; the factor on delta overflows before.
const EPSILON_MAX: f64 = 1e3;

/// The conversion's epsilon; `None` where no epsilon keeps the converted delta within `delta`.
fn converted(event: &Event, delta: Delta, adjacency: Adjacency, size: u32) -> Result<Option<Epsilon>, Unsupported> {
    let group_delta = |epsilon: f64| {
        let epsilon = Epsilon::new(epsilon).map_err(|_| Unsupported::Unbounded)?;
        Ok::<f64, Unsupported>(delta_of(event, epsilon, adjacency)?.delta_upper * steps_of(epsilon.get(), size))
    };
    if group_delta(0.0)? <= delta.get() {
        return Ok(Epsilon::new(0.0).ok());
    }
    // Walking k records cannot need less than one record does. The axis is 1/epsilon, so that larger is dearer.
    let start = account(event, delta, adjacency)?.epsilon_upper.get().max(1e-6);
    let axis = Axis {
        start: 1.0 / start,
        least: 1.0 / EPSILON_MAX,
        most: 1e7,
        stride_down: 1.5,
        stride_up: 2.0,
        grid: 0.0,
        tolerance: 1e-9,
    };
    match largest(&axis, delta.get(), |value| group_delta(1.0 / value))? {
        // The product rounds; the next float up covers it.
        Found::Largest(value) => Ok(Epsilon::new((f64::from(size) * (1.0 / value)).next_up()).ok()),
        Found::Nothing(_) => Ok(None),
    }
}

/// `1 + e^ε + … + e^{(k−1)·ε} = (e^{k·ε} − 1)/(e^ε − 1)`, rounded up; infinite where it overflows.
fn steps_of(epsilon: f64, size: u32) -> f64 {
    let size = f64::from(size);
    if epsilon <= 0.0 {
        return size;
    }
    // The product k·ε errs by half an ulp, which the exponential turns into a relative error of k·ε times that.
    let rounding = f64::EPSILON * (8.0 + size * epsilon);
    libm::expm1(size * epsilon) / libm::expm1(epsilon) * (1.0 + rounding)
}

#[cfg(test)]
mod tests;
