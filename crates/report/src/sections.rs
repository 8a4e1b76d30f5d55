//! The parts of a report that a run may lack, most of them because they are private.
//!
//! Like all of the report these fields are the format. What is marked private is in [`Edition::Private`](crate::Edition)
//! alone.

use std::collections::BTreeMap;

use privet_audit::Verdict;
use serde::{Deserialize, Serialize};

/// A part of a report that a run may lack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum Section<T> {
    /// It is here.
    Present {
        /// The part.
        value: T,
    },
    /// It is not.
    Absent {
        /// Why, in a sentence.
        reason: String,
    },
}

impl<T> Section<T> {
    /// The part, if it is here.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Present { value } => Some(value),
            Self::Absent { .. } => None,
        }
    }
}

/// What `privet selftest` found on the machine that trained: neighbour replay, noise tests and a step audit on data that is
/// nobody's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selftest {
    /// Whether every check passed.
    pub passed: bool,
    /// Checks made.
    pub checks: u64,
    /// Checks that failed, by name.
    pub failed: Vec<String>,
    /// `quick` or `full`.
    pub size: String,
    /// Where the checks computed.
    pub device: String,
    /// Whether it was the program that the ledger names; another program's receipt says nothing about this run.
    pub same_program: bool,
}

/// What happened to the text before training. Private: counts follow from the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Corpus {
    /// Rows read.
    pub rows_in: Option<u64>,
    /// Rows written.
    pub rows_out: Option<u64>,
    /// Rows in which something was replaced.
    pub rows_changed: Option<u64>,
    /// Rows removed for what was found in them.
    #[serde(default)]
    pub rows_dropped: Option<u64>,
    /// Share of the texts' bytes that were replaced, or went with those rows.
    #[serde(default)]
    pub share_changed: Option<f64>,
    /// Rows removed as exact duplicates.
    pub duplicates_removed: Option<u64>,
    /// Findings by entity.
    pub findings: BTreeMap<String, u64>,
    /// Files set aside.
    pub files_quarantined: u64,
    /// Files that went in.
    pub inputs: Vec<FileDigest>,
    /// Files that came out.
    pub outputs: Vec<FileDigest>,
    /// Digest of the recognizers in force.
    pub rule_set_digest: Option<String>,
    /// Digest of the scrubbing plan.
    pub plan_digest: Option<String>,
    /// Each stage with the reason for its stability.
    pub stages: Vec<StageProof>,
}

/// What became of copies, where a stage of its own removed them. Private: counts follow from the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Copies {
    /// When rows are copies.
    pub method: String,
    /// Rows read.
    pub rows_in: u64,
    /// Rows written.
    pub rows_out: u64,
    /// Rows removed because their texts are equal byte by byte to those of a row that stays.
    pub removed_raw: u64,
    /// Rows removed because they are equal after normalisation, and not before.
    pub removed_normalised: u64,
    /// Rows removed because they are similar, and not equal.
    pub removed_near: u64,
    /// Rows removed because their owner has more than may stay.
    pub removed_over_limit: u64,
    /// Digest of the plan of the removal.
    pub plan_digest: String,
    /// Files that came out.
    pub outputs: Vec<FileDigest>,
    /// The stage with the reason for its stability.
    pub stages: Vec<StageProof>,
}

/// A file by its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDigest {
    /// Name below the corpus folder.
    pub file: String,
    /// SHA-256.
    pub sha256: Option<String>,
    /// Rows.
    pub rows: Option<u64>,
}

/// Why a stage has its stability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageProof {
    /// Name.
    pub name: String,
    /// Output records that one input record can change.
    pub stability: Option<u64>,
    /// What a record is for that stage.
    pub unit: String,
    /// The argument.
    pub proof: String,
}

/// What happened in training. Private: exact functions of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingFigures {
    /// Units trained on.
    pub units: Option<u64>,
    /// Units cut to the sequence length.
    pub truncated_units: Option<u64>,
    /// Gradients that were not finite and counted as zero.
    pub non_finite_examples: Option<u64>,
    /// Share of gradients that were clipped.
    pub clip_fraction_mean: Option<f64>,
    /// Mean realised batch size.
    pub batch_size_mean: Option<f64>,
    /// Time of the private steps.
    pub seconds: Option<f64>,
    /// Steps that changed the released weights.
    pub steps_done: u64,
    /// Whether the budget ended the run.
    pub stopped_by_budget: bool,
    /// Device.
    pub device: Option<String>,
}

/// What an attack on the released model found. Private: it follows from secret coins and the model.
///
/// A lower bound is evidence about this run, the guarantee an upper bound on all runs; the two are never mixed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Name of the audit.
    pub method: String,
    /// How canaries were made, chosen and scored.
    pub sampling_protocol: String,
    /// Canaries, trained on or not.
    pub canaries: u64,
    /// Canaries guessed.
    pub guesses: u64,
    /// Correct guesses.
    pub correct: u64,
    /// Probability with which the lower bound may be wrong.
    pub alpha: f64,
    /// delta of the claim under test.
    pub delta: f64,
    /// With probability `1 − alpha`, epsilon is at least this; computed again from the counts.
    pub epsilon_lower_bound: f64,
    /// The largest lower bound this audit could have given.
    pub ceiling: f64,
    /// The guarantee it is held against.
    pub epsilon_upper_bound: f64,
    /// What the two say together.
    pub verdict: Verdict,
}

/// What the model is good for: losses on public text, lower is better.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Utility {
    /// Which text.
    pub split: String,
    /// Sequences in it.
    pub sequences: Option<u64>,
    /// Tokens in it.
    pub tokens: Option<u64>,
    /// Loss of the base model.
    pub base_loss: f64,
    /// Loss of the released model.
    pub released_loss: f64,
    /// The same recipe without privacy; private.
    pub control: Section<Control>,
    /// The same recipe with clipping and without noise; private.
    pub control_clipped: Section<Control>,
}

/// A non-private control.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// Its loss on the same text.
    pub loss: f64,
    /// Its steps.
    pub steps: Option<u64>,
}
