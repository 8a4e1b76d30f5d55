//! How a budget file can break the rules, and why a run is refused.

use crate::Unsupported;
use crate::chain::ChainError;

/// What is wrong with a budget file, and in which line (counted from 1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusBudgetError {
    /// The lines are not one unbroken chain.
    #[error("corpus budget {0}")]
    Chain(ChainError),
    /// The first line is not a genesis, or a later one is.
    #[error("corpus budget line {line}: the genesis must be the first line and only the first; the file was edited")]
    MisplacedGenesis {
        /// Line number from 1.
        line: usize,
    },
    /// The first line promises nothing that can be kept.
    #[error(
        "corpus budget line 1: the total, the order or the label is out of range; write the budget with `privet budget account create`"
    )]
    Terms,
    /// The same run twice.
    #[error("corpus budget line {line} reserves a run that is reserved already; two copies of the file were joined")]
    ReservedTwice {
        /// Line number from 1.
        line: usize,
    },
    /// A settlement without a reservation.
    #[error("corpus budget line {line} settles a run that was never reserved; lines are missing")]
    UnknownRun {
        /// Line number from 1.
        line: usize,
    },
    /// A settlement that would take back a charge.
    #[error(
        "corpus budget line {line} settles a run with less than it was settled with, or with another ledger; a charge never shrinks"
    )]
    SettledLess {
        /// Line number from 1.
        line: usize,
    },
    /// One ledger for two runs.
    #[error("corpus budget line {line} settles a run with the ledger of another run; each run is charged by its own")]
    LedgerUsedTwice {
        /// Line number from 1.
        line: usize,
    },
}

/// Why a budget takes no line for a run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Everything charged and this run together would exceed the total.
    #[error(
        "the corpus budget is exhausted: this run needs {:.2} % of it, and {:.2} % is left{}; \
         settle runs that have ended, take more noise or fewer steps, or do not train on this data any more",
        percent_up(*.needed), percent_down(*.left), if *.closed { " (one run took the whole of it)" } else { "" }
    )]
    Exhausted {
        /// Share of the budget that the run needs; may be infinite.
        needed: f64,
        /// Share that is left.
        left: f64,
        /// A run admitted alone closed the file.
        closed: bool,
    },
    /// No bound for the event at a Rényi order.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The run compares other data sets.
    #[error(
        "the run's adjacency is not the corpus budget's; give the config the budget's adjacency, or the data another budget"
    )]
    Adjacency,
    /// The run protects something else.
    #[error(
        "the run's privacy unit is not the corpus budget's; give the config the budget's unit, or the data another budget"
    )]
    Unit,
    /// The run is reserved already.
    #[error("a run of this name is reserved already; every run needs a name of its own")]
    Reserved,
    /// No such run.
    #[error("the corpus budget has no such run; `privet budget account FILE` lists them")]
    UnknownRun,
    /// The ledger belongs to another plan.
    #[error("the ledger belongs to another plan than the reservation; settle the run with its own ledger")]
    OtherPlan,
    /// The line would break a rule of the file.
    #[error(transparent)]
    Rule(#[from] CorpusBudgetError),
}

/// A share in per cent, rounded up to the two digits shown.
fn percent_up(share: f64) -> f64 {
    crate::round_up(share * 100.0, 2)
}

/// A share in per cent, rounded down to the two digits shown.
fn percent_down(share: f64) -> f64 {
    (share * 1e4).floor() / 1e2
}
