//! Reading a run's folder.
//!
//! The structs here are this crate's own view of files that other stages write: they name what a report needs and ignore
//! the rest, so that a stage may add fields without asking. What the guarantee depends on is required; every other file
//! and field may be missing, and its section then says so.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use privet_dp::{Adjacency, Delta, Epsilon, NoiseMultiplier, PrivacyUnit, SamplingRate};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Error;

pub(crate) const PLAN_FORMAT: &str = "privet-plan/v1";
pub(crate) const SELFTEST_FORMAT: &str = "privet-selftest/v1";
pub(crate) const EVALUATION_FORMAT: &str = "privet-evaluation/v1";
pub(crate) const MANIFEST_FORMAT: &str = "privet-scrub-manifest/v1";
pub(crate) const REMOVAL_FORMAT: &str = "privet-dedup-manifest/v1";

/// `public/plan.json`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Plan {
    pub(crate) format: String,
    pub(crate) name: String,
    pub(crate) privet_version: String,
    #[serde(default)]
    pub(crate) declared_synthetic: bool,
    pub(crate) model: PlanModel,
    pub(crate) data: PlanData,
    pub(crate) privacy: PlanPrivacy,
    pub(crate) train: PlanTrain,
    #[serde(default)]
    pub(crate) audit: PlanAudit,
    #[serde(default)]
    pub(crate) stages: Vec<PlanStage>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PlanModel {
    pub(crate) base_model: String,
    pub(crate) base_model_digest: String,
    pub(crate) architecture: String,
    pub(crate) adapter: String,
    pub(crate) trainable_parameters: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PlanData {
    pub(crate) column: String,
    #[serde(default)]
    pub(crate) unit_column: Option<String>,
    #[serde(default)]
    pub(crate) owner_limit: Option<OwnerLimit>,
    pub(crate) sequence_len: u64,
}

/// At most so many records have the same value in a column.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct OwnerLimit {
    pub(crate) column: String,
    pub(crate) records: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PlanPrivacy {
    pub(crate) privacy_unit: PrivacyUnit,
    pub(crate) adjacency: Adjacency,
    pub(crate) delta: Delta,
    pub(crate) target_epsilon: Option<Epsilon>,
    pub(crate) noise_multiplier: NoiseMultiplier,
    pub(crate) max_grad_norm: f64,
    pub(crate) clipping: String,
    #[serde(default)]
    pub(crate) adaptive_clip: Option<AdaptiveClip>,
    pub(crate) sensitivity: f64,
    pub(crate) expected_batch_size: f64,
    pub(crate) dataset_size_bound: u64,
    pub(crate) sampling_rate: SamplingRate,
    pub(crate) steps: u64,
    #[serde(default)]
    pub(crate) banded: Option<Banded>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(crate) struct Banded {
    pub(crate) bands: u64,
    pub(crate) group_sampling_rate: SamplingRate,
    pub(crate) turns: u64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct AdaptiveClip {
    pub(crate) target_unclipped_quantile: f64,
    pub(crate) unclipped_num_std: f64,
    pub(crate) unclipped_noise_multiplier: NoiseMultiplier,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PlanTrain {
    pub(crate) optimizer: String,
    pub(crate) learning_rate: f64,
}

/// How many canaries were planned is public; which of them were trained on is not.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct PlanAudit {
    #[serde(default)]
    pub(crate) canaries: u64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct PlanStage {
    pub(crate) name: String,
    pub(crate) stability: Option<u64>,
}

/// A line of `public/public.jsonl`.
#[derive(Debug, Deserialize)]
pub(crate) struct PublicLine {
    pub(crate) step: u64,
    pub(crate) epsilon: f64,
}

/// `public/evaluation.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Evaluation {
    pub(crate) format: String,
    pub(crate) split: String,
    pub(crate) sequences: Option<u64>,
    pub(crate) tokens: Option<u64>,
    pub(crate) base_loss: f64,
    pub(crate) released_loss: f64,
}

/// `evaluation.json` of a control, below `private/`.
#[derive(Debug, Deserialize)]
pub(crate) struct ControlEvaluation {
    pub(crate) loss: f64,
    pub(crate) steps: Option<u64>,
}

/// `private/training.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Training {
    pub(crate) plan_hash: Option<String>,
    pub(crate) units: Option<u64>,
    pub(crate) truncated_units: Option<u64>,
    pub(crate) non_finite_examples: Option<u64>,
    pub(crate) clip_fraction_mean: Option<f64>,
    pub(crate) batch_size_mean: Option<f64>,
    pub(crate) seconds: Option<f64>,
    pub(crate) steps_done: u64,
    #[serde(default)]
    pub(crate) stopped_by_budget: bool,
    pub(crate) device: Option<String>,
}

/// `private/ledger-head.json`: how long the ledger is at least, and the hash of that line.
#[derive(Debug, Deserialize)]
pub(crate) struct LedgerHead {
    pub(crate) lines: usize,
    pub(crate) hash: String,
}

/// `private/scrubbed/manifest.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) version: String,
    pub(crate) rule_set_digest: Option<String>,
    pub(crate) plan_digest: Option<String>,
    #[serde(default)]
    pub(crate) inputs: Vec<ManifestFile>,
    #[serde(default)]
    pub(crate) outputs: Vec<ManifestFile>,
    #[serde(default)]
    pub(crate) stages: Vec<ManifestStage>,
    #[serde(default)]
    pub(crate) counts: Counts,
    #[serde(default)]
    pub(crate) quarantined: Vec<serde::de::IgnoredAny>,
}

/// `private/deduplicated/manifest.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Removal {
    pub(crate) version: String,
    pub(crate) method: String,
    pub(crate) plan_digest: String,
    pub(crate) owner_limit: Option<OwnerLimit>,
    pub(crate) outputs: Vec<ManifestFile>,
    pub(crate) stages: Vec<ManifestStage>,
    pub(crate) counts: RemovalCounts,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RemovalCounts {
    pub(crate) rows_in: u64,
    pub(crate) rows_out: u64,
    pub(crate) removed_raw: u64,
    pub(crate) removed_normalised: u64,
    pub(crate) removed_near: u64,
    pub(crate) removed_over_limit: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ManifestFile {
    pub(crate) file: String,
    pub(crate) sha256: Option<String>,
    pub(crate) rows: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ManifestStage {
    pub(crate) name: String,
    pub(crate) stability: Option<u64>,
    #[serde(default)]
    pub(crate) unit: String,
    #[serde(default)]
    pub(crate) proof: String,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Counts {
    pub(crate) rows_in: Option<u64>,
    pub(crate) rows_out: Option<u64>,
    pub(crate) rows_changed: Option<u64>,
    pub(crate) rows_dropped: Option<u64>,
    pub(crate) duplicates_removed: Option<u64>,
    pub(crate) text_bytes: Option<u64>,
    pub(crate) text_bytes_changed: Option<u64>,
    #[serde(default)]
    pub(crate) findings: BTreeMap<String, u64>,
}

/// `public/selftest.json`: the receipt of `privet selftest`.
#[derive(Debug, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) format: String,
    pub(crate) binary_hash: String,
    pub(crate) device: String,
    pub(crate) size: String,
    pub(crate) checks: Vec<ReceiptCheck>,
}

/// One check, with its bounds: whether it passed is worked out anew.
#[derive(Debug, Deserialize)]
pub(crate) struct ReceiptCheck {
    pub(crate) name: String,
    pub(crate) statistic: Option<f64>,
    pub(crate) at_least: Option<f64>,
    pub(crate) at_most: f64,
}

/// The text of a file, or `None` where there is none.
pub(crate) fn text(path: &Path) -> Result<Option<String>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Read { path: path.to_owned(), source }),
    }
}

/// The text of a file that every run has.
pub(crate) fn required(path: PathBuf) -> Result<String, Error> {
    text(&path)?.ok_or(Error::NotARun { path })
}

/// A JSON file, or `None` where there is none.
pub(crate) fn json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    text(path)?.map(|text| parse(&text, path)).transpose()
}

/// JSON as `T`. The error names the place only: the reader's own words may quote a value.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Malformed {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
    })
}

/// Refuses a file of another format.
pub(crate) fn require_format(path: &Path, found: &str, expected: &'static str) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Format { path: path.to_owned(), found: crate::words::clean(found), expected })
}
