//! Where the budget went, and how far the rest of it reaches.
//!
//! Epsilon does not add up: ten phases of epsilon 1 may cost 3 together, so there is no one right way to divide a total. The
//! shares here follow the order of the event: a phase's share is what the total grows by when the phase is added to those
//! before it. They are cheap to explain, never negative and sum to the total; a later phase gets a smaller share than the
//! same phase would first. Beside its share stands what each phase costs alone.

use crate::{Adjacency, Delta, Epsilon, Event, Unreachable, Unsupported, account, calibrate};
use serde::{Deserialize, Serialize};

/// One phase's part of a budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// The phase: one kind of release, and how often it happened.
    pub event: Event,
    /// What it would cost alone.
    pub epsilon_alone: Epsilon,
    /// What it added to the phases before it; the shares of all phases sum to the epsilon of the whole, up to rounding.
    pub epsilon_share: Epsilon,
}

/// The share of each distinct phase in the epsilon of `event` at `delta`, in order of first appearance.
///
/// A phase is an item of the outermost [`Event::Composed`], items inside items included; equal items, repeated or not, are
/// one phase. An attribution, not a guarantee: only the sum is. Takes two accounts per phase.
pub fn shares(event: &Event, delta: Delta, adjacency: Adjacency) -> Result<Vec<Share>, Unsupported> {
    let mut phases = Vec::new();
    collect(event, &mut phases)?;
    let repeated = |(event, count): (&Event, u64)| Event::Repeated { event: Box::new(event.clone()), count };
    let phases: Vec<Event> = phases.into_iter().map(repeated).collect();
    let epsilon = |event: &Event| Ok(account(event, delta, adjacency)?.epsilon_upper);

    let whole: Epsilon = epsilon(event)?;
    let mut shares = Vec::with_capacity(phases.len());
    let mut before = 0.0;
    for (index, phase) in phases.iter().enumerate() {
        // Upper bounds may cross by their own width; a prefix costs at least what a shorter one does, at most the whole.
        let upto = if index + 1 == phases.len() {
            whole.get()
        } else {
            epsilon(&Event::Composed(phases[..=index].to_vec()))?.get().max(before).min(whole.get())
        };
        let epsilon_share = Epsilon::new(upto - before).map_err(|_| Unsupported::Unbounded)?;
        shares.push(Share { event: phase.clone(), epsilon_alone: epsilon(phase)?, epsilon_share });
        before = upto;
    }
    Ok(shares)
}

/// Distinct phases with counts.
fn collect<'a>(event: &'a Event, phases: &mut Vec<(&'a Event, u64)>) -> Result<(), Unsupported> {
    if let Event::Composed(events) = event {
        return events.iter().try_for_each(|event| collect(event, phases));
    }
    let (mut base, mut count) = (event, 1u64);
    while let Event::Repeated { event, count: times } = base {
        (base, count) = (event, count.checked_mul(*times).ok_or(Unsupported::TooManyReleases)?);
    }
    match phases.iter_mut().find(|(event, _)| *event == base) {
        Some((_, sum)) => *sum = sum.checked_add(count).ok_or(Unsupported::TooManyReleases)?,
        None => phases.push((base, count)),
    }
    Ok(())
}

/// How often `step` can still be done (with banded noise: in one segment more) after `spent` so that everything together stays within `epsilon` at `delta`.
///
/// 0 where one more is too many; 2^53 for a step that costs nothing. [`Unreachable::Spent`] where `spent` alone exceeds the
/// budget.
pub fn remaining_steps(
    spent: &Event,
    step: &Event,
    epsilon: Epsilon,
    delta: Delta,
    adjacency: Adjacency,
) -> Result<u64, Unreachable> {
    calibrate::steps(epsilon, delta, adjacency, |count| Event::Composed(vec![spent.clone(), step.of_steps(count)]))
}

#[cfg(test)]
mod tests;
