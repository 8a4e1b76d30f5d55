//! Why there is no report.
//!
//! A message says what is wrong, in which file and what to do next. It holds values of public files only; of a private
//! file it names the place (line, column), never the content.

use std::path::PathBuf;

use privet_dp::{LedgerError, Unsupported};

/// What a failure means for the caller; each has the exit code of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The folder is not one of a run.
    Usage,
    /// A file cannot be read.
    Input,
    /// Two files that must agree do not.
    Verification,
    /// Files agree, and the guarantee they promise does not hold.
    Guarantee,
}

impl Class {
    /// 2, 3, 5 or 7.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Input => 3,
            Self::Verification => 5,
            Self::Guarantee => 7,
        }
    }
}

/// Why a report was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file every run has is missing.
    #[error("{} does not exist, so this is not the folder of a started run; give the folder that contains `public`", path.display())]
    NotARun {
        /// The missing file.
        path: PathBuf,
    },
    /// A file is there and cannot be read.
    #[error("{} cannot be read; check its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A file is not what its name says.
    #[error("{} is not the JSON that privet writes (line {line}, column {column}); restore it from a copy", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// A file of another format or of a later version.
    #[error("{} has format \"{found}\", this version reads \"{expected}\"; use the version of privet that wrote it", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Format found.
        found: String,
        /// Format known.
        expected: &'static str,
    },
    /// The ledger breaks its own rules.
    #[error("{}: {source}", path.display())]
    Ledger {
        /// The ledger.
        path: PathBuf,
        /// Which rule, in which line.
        source: LedgerError,
    },
    /// The plan is not the one the ledger began with.
    #[error(
        "public/plan.json has the BLAKE3 {found}, but the ledger began with {expected}: the plan was edited after the run began; restore it"
    )]
    PlanChanged {
        /// Hash in the ledger.
        expected: String,
        /// Hash of the file.
        found: String,
    },
    /// A value that plan and ledger both state, or that follows from others in the plan, differs.
    #[error("{field} is {found} in {place}, but must be {expected}; these files do not belong together")]
    Mismatch {
        /// The value's name.
        field: &'static str,
        /// File, and line where there is one.
        place: String,
        /// Value found.
        found: String,
        /// Value that the other source gives.
        expected: String,
    },
    /// A stored epsilon is smaller than the one computed from the ledger.
    #[error("{place} claims {claimed}, but the ledger gives {computed}; do not rely on the smaller figure")]
    ClaimTooSmall {
        /// File and line.
        place: String,
        /// The claim, with all it depends on.
        claimed: String,
        /// What the ledger gives.
        computed: String,
    },
    /// A published report is not what the run's files give today.
    #[error("{} differs from what the ledger and the plan give ({part}); write it again with `privet report`", path.display())]
    PublishedDiffers {
        /// The file.
        path: PathBuf,
        /// Which part differs first.
        part: String,
    },
    /// delta is no smaller than 1/N.
    #[error(
        "delta = {delta:e} is not below 1 / dataset_size_bound = 1 / {bound}: such a guarantee may give away a whole record; plan a new run with a smaller delta"
    )]
    DeltaTooLarge {
        /// The plan's delta.
        delta: f64,
        /// The plan's public bound.
        bound: u64,
    },
    /// More was spent than planned.
    #[error(
        "the ledger gives {computed}, above the plan's target of {target}; do not publish this run under the target"
    )]
    TargetExceeded {
        /// What the ledger gives, with all it depends on.
        computed: String,
        /// The plan's target, with all it depends on.
        target: String,
    },
    /// No proven bound exists for what was released.
    #[error("the ledger has no proven guarantee: {0}")]
    Unsupported(#[from] Unsupported),
    /// The stored counts of an audit make no sense.
    #[error("private/audit.json holds counts that no audit can give ({source}); run the audit again")]
    Audit {
        /// Which count.
        source: privet_audit::Error,
    },
}

impl Error {
    /// What the failure means for the caller.
    pub fn class(&self) -> Class {
        match self {
            Self::NotARun { .. } => Class::Usage,
            Self::Read { .. } | Self::Malformed { .. } | Self::Format { .. } => Class::Input,
            Self::Ledger { .. }
            | Self::PlanChanged { .. }
            | Self::Mismatch { .. }
            | Self::ClaimTooSmall { .. }
            | Self::PublishedDiffers { .. }
            | Self::Audit { .. } => Class::Verification,
            Self::DeltaTooLarge { .. } | Self::TargetExceeded { .. } | Self::Unsupported(_) => Class::Guarantee,
        }
    }
}
