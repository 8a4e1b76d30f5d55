//! How a ledger file can break the rules. Every line number counts from 1, as editors do.

use crate::chain::ChainError;

/// What is wrong with a ledger, and in which line (counted from 1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The lines are not one unbroken chain.
    #[error("ledger {0}")]
    Chain(#[from] ChainError),
    /// The first line is not a genesis, or a later one is.
    #[error(
        "ledger line {line}: the genesis must be the first line and only the first; the file was edited or two ledgers were joined"
    )]
    MisplacedGenesis {
        /// Line number from 1.
        line: usize,
    },
    /// The step does not continue the line before.
    #[error(
        "ledger line {line} charges step {step}, but the next step is at most {limit} and at least 1; a step is missing"
    )]
    StepOutOfOrder {
        /// Line number from 1.
        line: usize,
        /// Step found.
        step: u64,
        /// Largest step allowed.
        limit: u64,
    },
    /// A repeated step without a higher attempt.
    #[error(
        "ledger line {line} charges step {step} as attempt {attempt}, but attempt {previous} is already charged; a step that runs again must be charged again"
    )]
    AttemptNotHigher {
        /// Line number from 1.
        line: usize,
        /// Step found.
        step: u64,
        /// Attempt found.
        attempt: u32,
        /// Attempt already charged.
        previous: u32,
    },
    /// Banded noise outside a segment, or a segment that does not go on.
    #[error("ledger line {line}: {reason}; a process that begins anew begins a new segment")]
    Segment {
        /// Line number from 1.
        line: usize,
        /// The rule.
        reason: &'static str,
    },
    /// The ledger ends elsewhere than the one it is compared with.
    #[error(
        "the ledger ends in {found}, not in {expected}: lines at its end are missing, or it is the ledger of another run"
    )]
    OtherHead {
        /// Head of this ledger.
        found: String,
        /// Head expected.
        expected: String,
    },
}
