//! From the libraries' errors to failures: which exit code each one means.
//!
//! A library's error is one sentence that says what is wrong and what to do, the parts set off by `; ` or a full stop.
//! Here the sentence is cut into those parts and gets its number.

use privet_corpus::{Error as CorpusError, Fault};
use privet_dp::corpus_budget::Refusal;
use privet_model::Error as ModelError;
use privet_train::{CorpusBudgetFault, Error as TrainError};

use super::{Exit, Failure};

impl Failure {
    /// Cuts a library's sentence: first part what, last part help, anything between them why.
    pub(crate) fn sentence(exit: Exit, sentence: &str) -> Self {
        let (mut parts, stops): (Vec<&str>, Vec<&str>) =
            (sentence.split("; ").collect(), sentence.splitn(2, ". ").collect());
        if let [what, help] = stops[..] {
            parts = what.split("; ").collect();
            parts.push(help);
        }
        let mut failure = Self::new(exit, parts.remove(0).trim_end_matches('.'));
        failure.help = Some(parts.pop().unwrap_or_else(|| usual_help(exit)).to_owned());
        failure.why = parts.into_iter().map(str::to_owned).collect();
        failure
    }

    /// Adds a place where there is none yet.
    pub(crate) fn or_at(mut self, place: impl Into<String>) -> Self {
        self.place.get_or_insert_with(|| place.into());
        self
    }

    /// After an interrupt, the next command is the same one again.
    pub(crate) fn resumes(mut self, command: &str) -> Self {
        if self.exit == Exit::Interrupted {
            self.help = Some(format!("{command} goes on from here"));
        }
        self
    }
}

/// The advice where a sentence gives none.
fn usual_help(exit: Exit) -> &'static str {
    match exit {
        Exit::Usage => "every key is explained in configs/README.md, every flag in `privet help`",
        Exit::Input => "check that the path is right and the file whole",
        Exit::Resource => "check permissions, free space and memory, and run the same command again",
        Exit::Verification | Exit::Guarantee => "do not publish this run; keep its folder as it is",
        _ => "report this with the version (`privet --version`)",
    }
}

impl From<CorpusError> for Failure {
    fn from(error: CorpusError) -> Self {
        use CorpusError as E;
        let exit = match &error {
            E::Input { fault, .. } => of_fault(fault),
            E::NoInput { .. } | E::EmptyCorpus { .. } | E::AllQuarantined { .. } => Exit::Input,
            E::BadState { .. } => Exit::Verification,
            E::Interrupted => Exit::Interrupted,
            E::Write { .. } | E::Workers { .. } | E::Spill(_) | E::TooManyRows { .. } => Exit::Resource,
            E::Statistics { .. } => Exit::Bug,
            E::TooMuchChanged { .. } | E::TooMuchRemoved { .. } => Exit::Gate,
            _ => Exit::Usage,
        };
        Self::sentence(exit, &error.to_string())
    }
}

fn of_fault(fault: &Fault) -> Exit {
    match fault {
        Fault::MissingColumn { .. } | Fault::NoColumn { .. } | Fault::NotText { .. } | Fault::NotChat { .. } => {
            Exit::Usage
        }
        Fault::TooLarge { .. } => Exit::Resource,
        Fault::RulePanic => Exit::Bug,
        _ => Exit::Input,
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        use TrainError as E;
        let error = match error {
            E::Source(inner) => match inner.downcast::<CorpusError>() {
                Ok(corpus) => return Self::from(*corpus),
                Err(other) => E::Source(other),
            },
            error => error,
        };
        let exit = match &error {
            E::Model(model) => of_model(model),
            E::CorpusBudget(fault) => of_corpus_budget(fault),
            E::Empty
            | E::TokenizerFile { .. }
            | E::ChatTemplate { .. }
            | E::Conversation { .. }
            | E::Tokenize { .. }
            | E::TooManyUnits
            | E::Source(_)
            | E::Io { action: "read", .. } => Exit::Input,
            E::Io { .. } | E::Entropy { .. } => Exit::Resource,
            E::Damaged { .. }
            | E::LedgerInvalid { .. }
            | E::LedgerRolledBack { .. }
            | E::CheckpointAhead { .. }
            | E::LedgerForked { .. }
            | E::LedgerHead { .. }
            | E::LedgerDisturbed { .. } => Exit::Verification,
            E::LedgerRefuses { .. } | E::TensorCount { .. } | E::GradientShape { .. } => Exit::Bug,
            E::NonFiniteWeights { .. } | E::GradientNotFinite { .. } => Exit::Gate,
            E::UnexpectedMovement { .. } => Exit::Guarantee,
            E::Interrupted => Exit::Interrupted,
            _ => Exit::Usage,
        };
        Self::sentence(exit, &error.to_string())
    }
}

fn of_corpus_budget(fault: &CorpusBudgetFault) -> Exit {
    use CorpusBudgetFault as F;
    match fault {
        F::Refused { source: Refusal::Exhausted { .. }, .. } => Exit::Budget,
        F::Invalid { .. } | F::Behind { .. } | F::Disturbed { .. } => Exit::Verification,
        F::Unbounded => Exit::Input,
        _ => Exit::Usage,
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self::sentence(of_model(&error), &error.to_string())
    }
}

fn of_model(error: &ModelError) -> Exit {
    match error {
        ModelError::UnsafeFormat { .. } => Exit::UnsafeFormat,
        ModelError::WrongDigest { .. } | ModelError::NotPinned { .. } => Exit::Verification,
        ModelError::UnknownModule { .. }
        | ModelError::UnknownWeights { .. }
        | ModelError::UnknownDevice { .. }
        | ModelError::Exists { .. } => Exit::Usage,
        ModelError::Untrainable { .. } => Exit::Guarantee,
        ModelError::Overflow { .. } => Exit::Gate,
        ModelError::NoDevice { .. } | ModelError::Unwritable { .. } => Exit::Resource,
        _ => Exit::Input,
    }
}

#[cfg(test)]
mod tests {
    use super::{Exit, Failure};

    #[test]
    fn a_sentence_is_cut_into_what_why_and_help() {
        let one = Failure::sentence(
            Exit::Input,
            "a.parquet: it has no column `bodi`; string columns: `body`; did you mean `body`?",
        );
        assert_eq!(one.what, "a.parquet: it has no column `bodi`");
        assert_eq!(one.why, ["string columns: `body`"]);
        assert_eq!(one.help.as_deref(), Some("did you mean `body`?"));
        let two = Failure::sentence(Exit::Input, "m.bin holds a pickle; it was not opened. Convert it; then try again");
        assert_eq!((two.what.as_str(), two.why.len()), ("m.bin holds a pickle", 1));
        assert_eq!(two.help.as_deref(), Some("Convert it; then try again"));
        let three = Failure::sentence(Exit::Input, "nothing works");
        assert_eq!(three.what, "nothing works");
        assert!(three.help.is_some());
    }
}
