//! The rules of the ledger file: an append-only chain of JSON lines in which every noisy release is charged before it
//! happens.
//!
//! The first line (the genesis) fixes what the guarantee is about; each following line charges one step. The lines are
//! sealed to one another ([`chain`]), so none can be changed, moved, inserted or removed. That lines are missing **at the
//! end** shows only when [`Ledger::head`] is compared with a head kept elsewhere ([`Ledger::require_head`]).
//!
//! After a crash the run goes back to a checkpoint and does some steps again, with fresh noise. Those are new releases and
//! are charged again, under the same step number and a higher attempt.
//!
//! Steps with banded noise ([`Event::BandedMatrixFactorization`]) belong to *segments*: what one process did with one history
//! of noise and one assignment of records to groups, both of which live in its memory and die with it. Each line names its
//! segment; within one the steps follow one another, so a line that goes back, or a process that begins, opens the next.
//! A segment of L steps is one banded mechanism, in which a record has at most `ceil(L / bands)` turns, and segments are
//! composed like any other releases. Who merges two segments into one, to save a turn, must forge the whole chain.
//!
//! This module only knows the rules; reading, writing and syncing the file is the trainer's work.

mod error;

use crate::{Adjacency, Delta, Event, PrivacyUnit, chain};
pub use chain::{ChainError, ORIGIN, seal};
pub use error::LedgerError;
use serde::{Deserialize, Serialize};

/// What the guarantee is about; fixed before the first step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// Hash of the resolved plan.
    pub plan_hash: String,
    /// Salted commitment to the training data.
    pub dataset_commitment: String,
    /// Hash of the program that trains.
    pub binary_hash: String,
    /// What one record is.
    pub privacy_unit: PrivacyUnit,
    /// Which two data sets are compared.
    pub adjacency: Adjacency,
    /// The delta of the guarantee.
    pub delta: Delta,
}

/// One charged release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepEntry {
    /// Optimizer step, counted from 1.
    pub step: u64,
    /// How often this step has been charged so far, counted from 1; it may skip numbers but not repeat one.
    pub attempt: u32,
    /// What was released; of banded noise one step, as if it stood alone.
    pub event: Event,
    /// Of banded noise: which process's history the step goes on with, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<u32>,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Body {
    /// The first line.
    Genesis(Genesis),
    /// Every other line.
    Step(StepEntry),
}

/// One line of the file.
pub type Line = chain::Line<Body>;

/// A ledger whose every line has been checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    genesis: Genesis,
    entries: Vec<StepEntry>,
    /// Highest attempt charged per step; `attempts[0]` is step 1.
    attempts: Vec<u32>,
    segments: u32,
    /// Steps in the last segment.
    segment_len: u64,
    turns: u64,
    head: String,
}

impl Ledger {
    /// Starts a ledger from its first line.
    pub fn begin(first: Line) -> Result<Self, LedgerError> {
        first.check(ORIGIN, 1)?;
        match first.body {
            Body::Genesis(genesis) => Ok(Self {
                genesis,
                entries: Vec::new(),
                attempts: Vec::new(),
                segments: 0,
                segment_len: 0,
                turns: 0,
                head: first.hash,
            }),
            Body::Step(_) => Err(LedgerError::MisplacedGenesis { line: 1 }),
        }
    }

    /// Appends one line if it keeps all the rules; otherwise the ledger stays as it was.
    pub fn push(&mut self, line: Line) -> Result<(), LedgerError> {
        let number = self.entries.len() + 2;
        line.check(&self.head, number)?;
        let Body::Step(entry) = line.body else {
            return Err(LedgerError::MisplacedGenesis { line: number });
        };
        let StepEntry { step, attempt, .. } = entry;
        let limit = self.last_step().saturating_add(1);
        if step == 0 || step > limit {
            return Err(LedgerError::StepOutOfOrder { line: number, step, limit });
        }
        let previous = self.attempts_of(step);
        if attempt <= previous {
            return Err(LedgerError::AttemptNotHigher { line: number, step, attempt, previous });
        }
        let bands = self.check_segment(&entry, number)?;
        match self.attempts.get_mut(step as usize - 1) {
            Some(slot) => *slot = attempt,
            None => self.attempts.push(attempt),
        }
        if let Some(segment) = entry.segment {
            self.segment_len = if segment == self.segments { self.segment_len + 1 } else { 1 };
            self.segments = segment;
            self.turns += u64::from((self.segment_len - 1).is_multiple_of(bands));
        } else {
            self.turns += 1;
        }
        self.entries.push(entry);
        self.head = line.hash;
        Ok(())
    }

    /// The first line.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Every charged release, in the order of the file.
    pub fn entries(&self) -> &[StepEntry] {
        &self.entries
    }

    /// Hash of the last line.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Refuses unless the ledger ends in exactly this hash: the check against lines missing at the end.
    pub fn require_head(&self, expected: &str) -> Result<(), LedgerError> {
        if self.head == expected {
            return Ok(());
        }
        Err(LedgerError::OtherHead { found: self.head.clone(), expected: expected.to_owned() })
    }

    /// The step of the last line, 0 before the first step.
    pub fn last_step(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.step)
    }

    /// The attempt to charge `step` with next: 1 for a step that was never charged.
    pub fn next_attempt(&self, step: u64) -> u32 {
        self.attempts_of(step).saturating_add(1)
    }

    /// How often a record may have taken part, at most: 1 for each step with noise of its own, and for a segment of L steps of
    /// banded noise `ceil(L / bands)`.
    pub fn turns(&self) -> u64 {
        self.turns
    }

    /// How many segments of banded noise were begun.
    pub fn segments(&self) -> u32 {
        self.segments
    }

    /// Everything charged, as one event; equal neighbours are merged into [`Event::Repeated`], and the steps of a segment into
    /// one banded event.
    pub fn composed_event(&self) -> Event {
        let mut runs: Vec<(&StepEntry, u64)> = Vec::new();
        for entry in &self.entries {
            match runs.last_mut() {
                Some((first, count)) if first.event == entry.event && first.segment == entry.segment => *count += 1,
                _ => runs.push((entry, 1)),
            }
        }
        Event::Composed(runs.into_iter().map(|(first, count)| first.event.of_steps(count)).collect())
    }

    /// Whether an entry goes on with its segment or opens the next; its number of bands, or 1.
    fn check_segment(&self, entry: &StepEntry, line: usize) -> Result<u64, LedgerError> {
        let wrong = |reason| Err(LedgerError::Segment { line, reason });
        let (segment, bands) = match (entry.segment, &entry.event) {
            (Some(segment), Event::BandedMatrixFactorization { steps: 1, bands: bands @ 1.., sampling_rate, .. }) => {
                if sampling_rate.is_none() {
                    return wrong("a step of a segment draws its batch by coins");
                }
                (segment, *bands)
            }
            (None, event) if !matches!(event, Event::BandedMatrixFactorization { .. }) => return Ok(1),
            _ => return wrong("a step with banded noise, and no other, is one step of a segment"),
        };
        if segment != self.segments {
            let next = Some(segment) == self.segments.checked_add(1);
            return if next { Ok(bands) } else { wrong("segments are numbered one after the other") };
        }
        match self.entries.last() {
            Some(last) if last.segment == entry.segment && last.event == entry.event && last.step + 1 == entry.step => {
                Ok(bands)
            }
            _ => wrong("the steps of a segment follow one another and are alike"),
        }
    }

    fn attempts_of(&self, step: u64) -> u32 {
        let index = usize::try_from(step).unwrap_or(usize::MAX).wrapping_sub(1);
        self.attempts.get(index).copied().unwrap_or(0)
    }
}

/// Reads a whole ledger file and checks every rule; each line, the last included, must end in a newline.
pub fn parse(text: &str) -> Result<Ledger, LedgerError> {
    chain::parse(text, Ledger::begin, Ledger::push)
}

/// Reads a ledger that may have been cut off while its last line was written: `(ledger, length in bytes without the torn line)`.
///
/// A last line is torn when it lacks its newline or is not JSON. It was never acknowledged, so its release never
/// happened and dropping it undercharges nothing; the caller truncates the file to the returned length before it
/// appends. A last line that is whole but breaks a rule was not torn but edited, and stays an error, as does any
/// damage further up.
pub fn recover(text: &str) -> Result<(Ledger, usize), LedgerError> {
    let valid = chain::whole_length(text);
    Ok((parse(&text[..valid])?, valid))
}

#[cfg(test)]
mod tests;
