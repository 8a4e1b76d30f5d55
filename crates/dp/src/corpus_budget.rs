//! The budget of a corpus over many runs: one file per private data set, charged by every run before it starts.
//!
//! A ledger bounds what *one* run reveals. The people in the corpus are in all of the runs, so somebody must add them up,
//! and must do so **before** a run, when it can still be refused. The file's first line promises a total (epsilon at delta,
//! for one adjacency and one privacy unit). A run *reserves* its planned event first and is refused when everything charged
//! and the new event together would break the promise. When it ends it is *settled* with what its ledger really charged,
//! which frees what it did not use. A run that never settles stays charged at its reservation. Lines are sealed to one
//! another as in a ledger ([`chain`]); reading, locking and syncing the file is the trainer's work.
//!
//! **Why the sum is not the tight accountant's.** The runs of a corpus are not fixed in advance: people look at one result
//! and then choose the noise, the length and the number of the next runs. Composition theorems, and every accountant that
//! composes privacy-loss distributions or trade-off curves (the engines behind [`account`]), promise their epsilon
//! for mechanisms whose parameters do *not* depend on earlier results. Evaluating such an accountant after each run and
//! stopping when it reaches the total is not a valid rule: for f-DP it is refuted (arXiv 2602.06756), and a Rényi bound
//! that takes the best order anew each time has the same flaw, because the order is then chosen by the data. What may be
//! stopped on is a *privacy filter* (Rogers, Roth, Ullman and Vadhan, arXiv 1605.08294).
//!
//! **The filter used here** is Rényi DP at **one order fixed in the first line** (Feldman and Zrnic, arXiv 2008.11193,
//! Theorem 3.1; Lécuyer, arXiv 2103.01379). With `c = α − 1` and `K_t(c)` the cumulant of release t given everything before it,
//! `M_t = exp(Σ_{s≤t} (c·L_s − K_s(c)))` has conditional expectation at most 1, whoever chose release t and whatever they
//! had seen. So if `Σ K_t(c) ≤ B` on every path, `E[e^{cL}] ≤ e^B` for the whole history, and the conversion of
//! [`rdp`] turns `B = c·ε + log δ − log C(c)` into the promised (ε, δ). Adaptivity costs nothing; fixing the order does: a few
//! per cent for runs like the ones the order was chosen for, much more for very different ones ([`Terms::new`]). Trainers that run at the same
//! time and look at each other's results are covered, too: filters at a fixed Rényi order hold under concurrent
//! composition with adaptive parameters (Haney et al., arXiv 2309.05901). A run that stops early is charged for what it
//! released, which is one more adaptive choice and covered by the same argument.
//!
//! **One exception, which is sound.** The first run is fixed in advance, as nothing has been released yet. If it alone
//! meets the total by the tight accountant ([`account`]) while it exceeds the filter's budget, it is admitted as
//! [`Basis::Alone`], and the file is closed to every other run from then on, even if that run stops early. So a single
//! run calibrated to the whole total is not refused for the filter's slack. Which rule applies is decided before any data
//! is touched, so each case is one theorem and no path mixes them.
//!
//! **What it cannot know.** Releases made before the file existed, or beside it; a file restored to an older state
//! together with its record; two copies of one run's folder that both go on under one reservation. No number in the
//! file depends on the data: the data set is named by the user's label, or by nothing.

mod error;
mod filter;

use crate::chain::{self, ChainError, Line};
use crate::{Adjacency, Delta, Epsilon, Event, Ledger, PrivacyUnit, ledger};
pub use error::{CorpusBudgetError, Refusal};
pub use filter::{Standing, cost};
use serde::{Deserialize, Serialize};

#[cfg(doc)]
use crate::{account, rdp};

/// Longest label, in characters.
const LABEL_MAX: usize = 200;

/// What the file promises; its first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The user's name for the data set; may be empty.
    pub label: String,
    /// All runs together cost at most this.
    pub epsilon: Epsilon,
    /// At this delta.
    pub delta: Delta,
    /// Which two data sets are compared.
    pub adjacency: Adjacency,
    /// What one record is.
    pub privacy_unit: PrivacyUnit,
    /// The Rényi order α > 1 of the filter.
    pub order: f64,
}

/// Name of a run in the file: 32 lower-case hexadecimal digits, drawn at random.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// The name made of 16 random bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(format!("{:032x}", u128::from_be_bytes(bytes)))
    }

    /// All 32 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 8 digits, for tables.
    pub fn short(&self) -> &str {
        &self.0[..8]
    }
}

impl TryFrom<String> for RunId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() == 32 && digits { Ok(Self(text)) } else { Err("a run is 32 hexadecimal digits".to_owned()) }
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> String {
        id.0
    }
}

/// Which rule let a run in; see the module's essay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Everything charged fits the filter's budget.
    Filter,
    /// The first run, and the last: it meets the total by itself.
    Alone,
}

/// A run before it starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reservation {
    /// The run.
    pub run: RunId,
    /// Hash of its plan, where privet trains it.
    pub plan_hash: Option<String>,
    /// The most it will release.
    pub event: Event,
    /// Why it was let in.
    pub basis: Basis,
}

/// A ledger at the time a run was settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerMark {
    /// Hash of its first line, which says which ledger it is.
    pub first: String,
    /// Hash of its last line.
    pub head: String,
    /// Releases charged in it.
    pub entries: u64,
}

/// A run when it has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    /// The run.
    pub run: RunId,
    /// Its ledger; `None` for a run that never began one.
    pub ledger: Option<LedgerMark>,
    /// What it released.
    pub event: Event,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Body {
    /// The first line.
    Genesis(Terms),
    /// A run is about to start.
    Reserve(Reservation),
    /// A run has ended.
    Settle(Settlement),
}

/// One run, as the file has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// How it was let in.
    pub reservation: Reservation,
    /// Hash of the line that reserved it.
    pub line: String,
    /// How it ended, if it did.
    pub settlement: Option<Settlement>,
}

impl Run {
    /// What counts: the settlement, and before it the whole reservation.
    pub fn charged(&self) -> &Event {
        self.settlement.as_ref().map_or(&self.reservation.event, |settlement| &settlement.event)
    }
}

/// A budget file whose every line has been checked.
#[derive(Debug, Clone, PartialEq)]
pub struct CorpusBudget {
    terms: Terms,
    runs: Vec<Run>,
    first: String,
    head: String,
    lines: usize,
}

impl CorpusBudget {
    /// Starts a budget from its first line.
    pub fn begin(first: Line<Body>) -> Result<Self, CorpusBudgetError> {
        first.check(chain::ORIGIN, 1)?;
        let Body::Genesis(terms) = first.body else { return Err(CorpusBudgetError::MisplacedGenesis { line: 1 }) };
        if !terms.valid() {
            return Err(CorpusBudgetError::Terms);
        }
        Ok(Self { terms, runs: Vec::new(), head: first.hash.clone(), first: first.hash, lines: 1 })
    }

    /// Appends one line if it keeps all the rules; otherwise the budget stays as it was.
    ///
    /// Whether a reservation fits is decided when it is made ([`CorpusBudget::reserve`]) and shown by
    /// [`CorpusBudget::standing`]; a line that was written stays written, as what it says has happened.
    pub fn push(&mut self, line: Line<Body>) -> Result<(), CorpusBudgetError> {
        let number = self.lines + 1;
        line.check(&self.head, number)?;
        match line.body {
            Body::Genesis(_) => return Err(CorpusBudgetError::MisplacedGenesis { line: number }),
            Body::Reserve(reservation) => {
                if self.run(&reservation.run).is_some() {
                    return Err(CorpusBudgetError::ReservedTwice { line: number });
                }
                self.runs.push(Run { reservation, line: line.hash.clone(), settlement: None });
            }
            Body::Settle(settlement) => {
                self.check_settlement(&settlement, number)?;
                if let Some(run) = self.runs.iter_mut().find(|run| run.reservation.run == settlement.run) {
                    run.settlement = Some(settlement);
                }
            }
        }
        self.head = line.hash;
        self.lines = number;
        Ok(())
    }

    /// A run is settled by one ledger of its own, and settled again only by the same one when it has grown: a charge
    /// that is known never shrinks.
    fn check_settlement(&self, settlement: &Settlement, line: usize) -> Result<(), CorpusBudgetError> {
        let Some(run) = self.run(&settlement.run) else { return Err(CorpusBudgetError::UnknownRun { line }) };
        let Some(mark) = &settlement.ledger else {
            let unused = run.settlement.is_none() && settlement.event == Event::Composed(Vec::new());
            return if unused { Ok(()) } else { Err(CorpusBudgetError::SettledLess { line }) };
        };
        let marks = self.runs.iter().filter_map(|run| Some((&run.reservation.run, run.settlement.as_ref()?)));
        let mut marks = marks.filter_map(|(id, settlement)| Some((id, settlement.ledger.as_ref()?)));
        if marks.clone().any(|(id, other)| *id != settlement.run && other.first == mark.first) {
            return Err(CorpusBudgetError::LedgerUsedTwice { line });
        }
        match marks.find(|(id, _)| **id == settlement.run) {
            Some((_, before)) if before.first != mark.first || before.entries >= mark.entries => {
                Err(CorpusBudgetError::SettledLess { line })
            }
            _ => Ok(()),
        }
    }

    /// The line that settles `run` with everything `ledger` charged; `None` if it is settled with exactly that already.
    ///
    /// Never refused for exceeding the total: what a ledger charged has happened.
    pub fn settle(&self, run: &RunId, ledger: &Ledger) -> Result<Option<Body>, Refusal> {
        let known = self.run(run).ok_or(Refusal::UnknownRun)?;
        let genesis = ledger.genesis();
        let planned = known.reservation.plan_hash.as_ref();
        if planned.is_some_and(|planned| *planned != genesis.plan_hash) {
            return Err(Refusal::OtherPlan);
        }
        self.same_question(genesis.adjacency, genesis.privacy_unit)?;
        let mark = LedgerMark {
            first: chain::seal(ledger::Body::Genesis(genesis.clone()), chain::ORIGIN).hash,
            head: ledger.head().to_owned(),
            entries: ledger.entries().len() as u64,
        };
        if known.settlement.as_ref().and_then(|settlement| settlement.ledger.as_ref()) == Some(&mark) {
            return Ok(None);
        }
        let settlement = Settlement { run: run.clone(), ledger: Some(mark), event: ledger.composed_event() };
        self.check_settlement(&settlement, self.lines + 1)?;
        Ok(Some(Body::Settle(settlement)))
    }

    /// The line that settles `run` at nothing, because it never released anything; `None` if that is so already.
    pub fn settle_unused(&self, run: &RunId) -> Result<Option<Body>, Refusal> {
        let known = self.run(run).ok_or(Refusal::UnknownRun)?;
        let settlement = Settlement { run: run.clone(), ledger: None, event: Event::Composed(Vec::new()) };
        if known.settlement.as_ref() == Some(&settlement) {
            return Ok(None);
        }
        self.check_settlement(&settlement, self.lines + 1)?;
        Ok(Some(Body::Settle(settlement)))
    }

    /// Refuses a run that speaks of other neighbours or other units than the file: their epsilons do not add up.
    pub fn same_question(&self, adjacency: Adjacency, privacy_unit: PrivacyUnit) -> Result<(), Refusal> {
        if adjacency != self.terms.adjacency {
            return Err(Refusal::Adjacency);
        }
        if privacy_unit == self.terms.privacy_unit { Ok(()) } else { Err(Refusal::Unit) }
    }

    /// What the file promises.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Every run, in the order of the reservations.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// One run.
    pub fn run(&self, id: &RunId) -> Option<&Run> {
        self.runs.iter().find(|run| run.reservation.run == *id)
    }

    /// The only run whose name begins with `start`, which must not be empty.
    pub fn run_starting(&self, start: &str) -> Option<&Run> {
        let mut runs = self.runs.iter().filter(|run| !start.is_empty() && run.reservation.run.0.starts_with(start));
        let first = runs.next();
        if runs.next().is_none() { first } else { None }
    }

    /// Hash of the first line: which budget this is.
    pub fn identity(&self) -> &str {
        &self.first
    }

    /// Hash of the last line.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Number of lines.
    pub fn lines(&self) -> usize {
        self.lines
    }
}

impl Terms {
    fn valid(&self) -> bool {
        let label = self.label.chars().count() <= LABEL_MAX && !self.label.chars().any(char::is_control);
        label && self.order.is_finite() && self.order > 1.0
    }
}

/// Reads a whole budget file and checks every rule; each line, the last included, must end in a newline.
pub fn parse(text: &str) -> Result<CorpusBudget, CorpusBudgetError> {
    chain::parse(text, CorpusBudget::begin, CorpusBudget::push)
}

/// Reads a file that may have been cut off while its last line was written: `(budget, length in bytes without the torn
/// line)`. A torn reservation was never acknowledged, so its run never started.
pub fn recover(text: &str) -> Result<(CorpusBudget, usize), CorpusBudgetError> {
    let valid = chain::whole_length(text);
    Ok((parse(&text[..valid])?, valid))
}

impl From<ChainError> for CorpusBudgetError {
    fn from(error: ChainError) -> Self {
        Self::Chain(error)
    }
}

#[cfg(test)]
mod tests;
