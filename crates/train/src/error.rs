//! What can go wrong while planning or training.

use std::path::PathBuf;

/// An error of this crate. No variant carries text of a corpus or a figure derived from it.
#[derive(Debug, thiserror::Error)]
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
    /// No noise reaches the target.
    #[error(transparent)]
    Unreachable(#[from] privet_dp::Unreachable),
    /// The ledger file was refused.
    #[error(transparent)]
    Ledger(#[from] crate::ledger_file::LedgerFileError),
    /// The tokenizer cannot be loaded or used.
    #[error(transparent)]
    Tokenizer(#[from] crate::tokens::TokenizerError),
    /// A file of the run cannot be read or written.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The run's folder belongs to another plan.
    #[error("{path} was made by another plan (model, data, privacy or optimizer settings differ). Give `output.dir` another name, or restore the settings")]
    PlanChanged {
        /// The folder.
        path: PathBuf,
    },
    /// The training text is not the one the run began with.
    #[error("{path} was begun on other training data; its ledger cannot cover two datasets. Give `output.dir` another name, or restore the data")]
    DatasetChanged {
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
    #[error("a released weight is not a finite number after step {step}; training stopped. Lower `train.learning_rate`")]
    NonFiniteWeights {
        /// The step.
        step: u64,
    },
    /// A tensor that should have moved did not, or moved as noise cannot explain.
    #[error("after step 1 the tensor {name} moved as the noise does not predict; training stopped because the released noise cannot be trusted")]
    UnexpectedMovement {
        /// The tensor.
        name: String,
    },
    /// Asked to stop.
    #[error("interrupted; the last finished step is saved. Run the same command again to go on")]
    Interrupted,
}

impl Error {
    pub(crate) fn config(key: &str, reason: impl Into<String>) -> Self {
        Self::Config { key: key.to_owned(), reason: reason.into() }
    }

    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
