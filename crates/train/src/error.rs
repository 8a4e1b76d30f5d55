//! Everything that can go wrong in this crate. No variant carries text of the corpus.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error as ThisError;

/// What went wrong, where, and what to do next.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// A value of the configuration that cannot be.
    #[error("`{key}` {reason}")]
    Config {
        /// Dotted key.
        key: String,
        /// Why not, and what would do.
        reason: String,
    },
    /// The base model cannot be used.
    #[error(transparent)]
    Model(#[from] privet_model::Error),
    /// The accountant has no bound for this plan.
    #[error(transparent)]
    Accounting(#[from] privet_dp::Unsupported),
    /// The audit's figures cannot be computed.
    #[error(transparent)]
    Audit(#[from] privet_audit::Error),
    /// The budget of the corpus stands in the way.
    #[error(transparent)]
    CorpusBudget(#[from] crate::corpus_budget_file::CorpusBudgetFault),
    /// No noise reaches the target.
    #[error(transparent)]
    Unreachable(#[from] privet_dp::Unreachable),
    /// The run's folder belongs to another plan.
    #[error(
        "{path} was made by another plan (model, data, privacy or optimizer settings differ). Give `output.dir` another name, or restore the settings"
    )]
    PlanFileChanged {
        /// The folder.
        path: PathBuf,
    },
    /// Another process works in the folder.
    #[error("another process is working in {path}; wait for it, or give `output.dir` another name")]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// A file of the run holds something else than this program wrote.
    #[error("{path} is damaged: {reason}. The ledger still counts every step; start anew in another folder")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is nothing to train on.
    #[error("the training data has no text: every row is empty or missing")]
    Empty,
    /// A released weight is not a finite number.
    #[error(
        "a released weight is not a finite number after step {step}; training stopped. Lower `train.learning_rate`"
    )]
    NonFiniteWeights {
        /// The step.
        step: u64,
    },
    /// A tensor that should have moved did not, or moved as noise cannot explain.
    #[error(
        "after step 1 the tensor {name} moved as the noise does not predict; training stopped because the released noise cannot be trusted"
    )]
    UnexpectedMovement {
        /// The tensor.
        name: String,
    },
    /// Asked to stop.
    #[error("interrupted; the last finished step is saved. Run the same command again to go on")]
    Interrupted,

    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes for the run's keys; training cannot start without them")]
    Entropy {
        /// The system's answer.
        source: getrandom::Error,
    },

    /// A file or folder could not be used.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was being done, as in "cannot {action} PATH".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },

    /// A ledger exists where a new one should begin.
    #[error("{} already holds a ledger; resume that run, or begin the new one in another folder", path.display())]
    LedgerExists {
        /// The ledger.
        path: PathBuf,
    },

    /// The ledger has no complete first line, so nothing was ever charged to it.
    #[error("{} has no genesis line; nothing was charged to it, so the run can begin anew", path.display())]
    LedgerEmpty {
        /// The ledger.
        path: PathBuf,
    },

    /// Another process writes this ledger.
    #[error("{} is locked by another training process; wait for it to end or stop it", path.display())]
    LedgerLocked {
        /// The ledger.
        path: PathBuf,
    },

    /// The ledger breaks its own rules.
    #[error("the ledger {} cannot be trusted ({source}); restore it from a copy, or start a new run", path.display())]
    LedgerInvalid {
        /// The ledger.
        path: PathBuf,
        /// The rule and the line.
        source: privet_dp::ledger::LedgerError,
    },

    /// The step cannot be charged at this point of the ledger.
    #[error("the ledger {} refuses the step ({source}); nothing was written or released; this is a bug", path.display())]
    LedgerRefuses {
        /// The ledger.
        path: PathBuf,
        /// The rule.
        source: privet_dp::ledger::LedgerError,
    },

    /// The plan is not the one the ledger began with.
    #[error(
        "the ledger {} belongs to plan {found}, not to {expected}; restore the configuration, or start a new run",
        path.display()
    )]
    PlanChanged {
        /// The ledger.
        path: PathBuf,
        /// Hash of the plan at hand.
        expected: String,
        /// Hash in the ledger.
        found: String,
    },

    /// The training data are not the ones the ledger began with.
    #[error(
        "the ledger {} commits to other training data; restore the data it began with, or start a new run",
        path.display()
    )]
    DatasetChanged {
        /// The ledger.
        path: PathBuf,
    },

    /// The ledger is shorter than it once was: charged steps are missing.
    #[error(
        "the ledger {} has {found} bytes where {recorded} were recorded: steps that were charged are missing; \
         restore it from a copy",
        path.display()
    )]
    LedgerRolledBack {
        /// The ledger.
        path: PathBuf,
        /// Bytes of the ledger when it was last written.
        recorded: u64,
        /// Bytes that are valid now.
        found: u64,
    },

    /// Weights were saved after a step that is not on the ledger.
    #[error(
        "{} is of step {step}, and the ledger ends with step {charged}: steps that were charged are missing; restore the \
         ledger from a copy, or begin again in another folder",
        path.display()
    )]
    CheckpointAhead {
        /// The checkpoint.
        path: PathBuf,
        /// Its step.
        step: u64,
        /// The last step on the ledger.
        charged: u64,
    },

    /// The ledger went on from an earlier point than the one recorded.
    #[error(
        "the ledger {} is not the one this run wrote: its lines differ from the recorded head; restore the original",
        path.display()
    )]
    LedgerForked {
        /// The ledger.
        path: PathBuf,
    },

    /// The record of the ledger's head is missing or unreadable.
    #[error(
        "the record of the ledger's head, {}, is missing or unreadable, so a rollback cannot be ruled out; \
         restore it from a copy, or start a new run",
        path.display()
    )]
    LedgerHead {
        /// The record of the head.
        path: PathBuf,
    },

    /// Something else wrote to the ledger, or an earlier write failed half-way.
    #[error(
        "the ledger {} is not as this process left it; nothing more is released; check the disk and resume the run",
        path.display()
    )]
    LedgerDisturbed {
        /// The ledger.
        path: PathBuf,
    },

    /// A tokenizer file that cannot be used.
    #[error("{} is not a tokenizer: {reason}; take the tokenizer.json that belongs to the model", path.display())]
    TokenizerFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; never its content.
        reason: &'static str,
    },

    /// A chat template that cannot be used.
    #[error("the chat template in {} cannot be used: {reason}; take the one that belongs to the model", path.display())]
    ChatTemplate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// The chat template refused a conversation, or rendered it in a way in which no assistant's turn can be found.
    #[error(
        "the model's chat template cannot render the conversation of unit {unit}; check its roles and their order, \
         or learn from all of it with `data.loss_on = \"all\"`"
    )]
    Conversation {
        /// Index of the unit, from 0.
        unit: usize,
    },

    /// There are more units than a draw can number.
    #[error("the training data has more than 4294967295 units; train on a part of it")]
    TooManyUnits,

    /// Whoever reads the corpus failed.
    #[error(transparent)]
    Source(Box<dyn std::error::Error + Send + Sync>),

    /// The tokenizer refused a unit.
    #[error("the tokenizer refused unit {unit}; check that tokenizer.json belongs to the model")]
    Tokenize {
        /// Index of the unit, from 0.
        unit: usize,
    },

    /// The optimizer was made for another number of tensors.
    #[error("the optimizer holds {expected} tensors and was given {found}; this is a bug")]
    TensorCount {
        /// Tensors the optimizer was made for.
        expected: usize,
        /// Tensors given.
        found: usize,
    },

    /// Gradients or moments do not have the shape of the weights.
    #[error("tensor {tensor} has {expected} weights but {found} gradient or moment values; this is a bug")]
    GradientShape {
        /// Index of the tensor.
        tensor: usize,
        /// Weights.
        expected: usize,
        /// Values given for them.
        found: usize,
    },

    /// A gradient that is not a number, or infinite, reached the optimizer.
    #[error("the gradient of tensor {tensor} is not finite; the step was not applied; lower the learning rate")]
    GradientNotFinite {
        /// Index of the tensor.
        tensor: usize,
    },
}

impl Error {
    pub(crate) fn config(key: &str, reason: impl Into<String>) -> Self {
        Self::Config { key: key.to_owned(), reason: reason.into() }
    }

    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}
