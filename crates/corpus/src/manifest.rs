//! The manifest: what went in, what came out, under which rules, and what each stage can do to privacy.
//!
//! It names files relative to the output folder, carries no time and no machine path, and is therefore the
//! same, byte for byte, whenever the same plan meets the same inputs. Its counts are facts about private
//! data: it belongs beside the scrubbed corpus, not beside a released model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use privet_text::{Entity, Policy};
use serde::{Deserialize, Serialize};

use crate::error::{Error, FaultClass};
use crate::output::MANIFEST_NAME;

/// Schema and version of the manifest.
pub const MANIFEST_VERSION: &str = "privet-scrub-manifest/v1";

/// Record of one finished scrub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always [`MANIFEST_VERSION`].
    pub version: String,
    /// Hex digest of everything in the plan that can change an output byte.
    pub plan_digest: String,
    /// Hex digest of the recognizers in force.
    pub rule_set_digest: String,
    /// The text column.
    pub column: String,
    /// Files that were scrubbed, in order.
    pub inputs: Vec<InputFile>,
    /// Files that were written, in order; empty for a dry run.
    pub outputs: Vec<OutputFile>,
    /// The findings file; absent for a dry run.
    pub findings: Option<FindingsFile>,
    /// What was done to the rows, in order, with how far one input row can reach.
    pub stages: Vec<Stage>,
    /// Totals.
    pub counts: Counts,
    /// Files that were set aside.
    pub quarantined: Vec<Quarantined>,
    /// True when the output was there already and nothing was written. Not part of the file.
    #[serde(skip)]
    pub already_done: bool,
    /// Shards taken over from an interrupted run. Not part of the file.
    #[serde(skip)]
    pub resumed_shards: usize,
}

/// An input file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Name of its output, which is its own name or its path below the inputs' common folder.
    pub file: String,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// Its rows; for a sampled dry run, those looked at.
    pub rows: u64,
    /// Bytes of its selected texts, and how many of them were replaced or went with their rows.
    #[serde(default)]
    pub text_bytes: u64,
    /// See `text_bytes`.
    #[serde(default)]
    pub text_bytes_changed: u64,
}

/// An output file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFile {
    /// Path below the output folder.
    pub file: String,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
}

/// The findings file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingsFile {
    /// Path below the output folder.
    pub file: String,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// Findings in it, over every input row, including rows later removed as repeats.
    pub rows: u64,
}

/// One stage of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Most texts of the output that one input row can change; `None`: no bound is claimed.
    pub stability: Option<u64>,
    /// What one input record is.
    pub unit: String,
    /// Why the bound holds, in one paragraph.
    pub proof: String,
}

/// Totals over all shards.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows read.
    pub rows_in: u64,
    /// Rows written, or that would be.
    pub rows_out: u64,
    /// Rows whose text is null; they pass through.
    pub rows_null: u64,
    /// Rows whose text was rewritten, including rows later removed as repeats.
    pub rows_changed: u64,
    /// Rows removed by the policy for what was found in them.
    #[serde(default)]
    pub rows_dropped: u64,
    /// Rows removed because an earlier row has the same scrubbed text.
    pub duplicates_removed: u64,
    /// Bytes of the selected texts, as they were.
    #[serde(default)]
    pub text_bytes: u64,
    /// How many of them lie in findings that were replaced, or in rows that the policy removed.
    #[serde(default)]
    pub text_bytes_changed: u64,
    /// Findings by entity, over every input row.
    pub findings: BTreeMap<Entity, u64>,
}

/// A file that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// The name its output would have had.
    pub file: String,
    /// SHA-256 of its bytes, hex; absent if they cannot be read.
    pub sha256: Option<String>,
    /// Why, by class; never content.
    pub reason_class: FaultClass,
}

impl Manifest {
    /// Reads `manifest.json` from an output folder.
    ///
    /// # Errors
    ///
    /// [`Error::BadState`] if it is missing, malformed or of another version.
    pub fn load(output: &Path) -> Result<Self, Error> {
        let path = output.join(MANIFEST_NAME);
        std::fs::read(&path)
            .ok()
            .and_then(|text| serde_json::from_slice::<Self>(&text).ok())
            .filter(|manifest| manifest.version == MANIFEST_VERSION)
            .ok_or(Error::BadState { path })
    }

    /// Paths of the output shards, in order.
    pub fn output_paths(&self, output: &Path) -> Vec<PathBuf> {
        self.outputs.iter().map(|file| output.join(&file.file)).collect()
    }
}

impl Counts {
    /// Share of the selected texts' bytes that were replaced, or went with their rows; 0 where there is no text.
    pub fn share_changed(&self) -> f64 {
        self.text_bytes_changed as f64 / self.text_bytes.max(1) as f64
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.rows_in += other.rows_in;
        self.rows_out += other.rows_out;
        self.rows_null += other.rows_null;
        self.rows_changed += other.rows_changed;
        self.rows_dropped += other.rows_dropped;
        self.duplicates_removed += other.duplicates_removed;
        self.text_bytes += other.text_bytes;
        self.text_bytes_changed += other.text_bytes_changed;
        for (&entity, count) in &other.findings {
            *self.findings.entry(entity).or_default() += count;
        }
    }
}

/// The stages of a run, each with its proof.
pub(crate) fn stages(policy: &Policy, dedup_exact: bool, quarantined: bool) -> Vec<Stage> {
    let stage = |name: &str, stability, proof: &str| Stage {
        name: name.to_owned(),
        stability,
        unit: "row".to_owned(),
        proof: proof.to_owned(),
    };
    let mut stages = Vec::new();
    if quarantined {
        stages.push(stage(
            "quarantine",
            None,
            "Whole files were set aside because they could not be decoded. If one row's bytes made a file \
             undecodable, that row removed its neighbours too, so no bound is claimed. The other stages hold \
             for the corpus that consists of the listed inputs.",
        ));
    }
    stages.push(stage(
        "scrub",
        Some(1),
        if policy.may_drop() {
            "Each input row becomes one output row or none, by a function of that row alone which is fixed before any row is \
             read: adding or removing one row adds or removes at most one row and changes no other."
        } else {
            "The texts of each output row are functions of one input row, fixed before any row is read: adding or removing \
             one row adds or removes one row and changes no other."
        },
    ));
    if dedup_exact {
        stages.push(stage(
            "dedup-exact",
            Some(1),
            "The kept rows are the set of distinct scrubbed texts (all selected texts of a row in their places, taken \
             together). Adding a row adds its texts to that set if they are new and changes nothing if they are not; removing \
             is the reverse. So the sets of two corpora that differ in one row differ in at most one row's texts. The bound \
             is for the selected texts without regard to order: another row's other columns may stand beside them.",
        ));
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarantine_voids_the_bound_and_is_named_first() {
        let stages = stages(&Policy::new(privet_text::Operator::Drop), true, true);
        let seen: Vec<_> = stages.iter().map(|stage| (stage.name.as_str(), stage.stability)).collect();
        assert_eq!(seen, [("quarantine", None), ("scrub", Some(1)), ("dedup-exact", Some(1))]);
    }

    #[test]
    fn a_missing_or_foreign_manifest_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Manifest::load(folder.path()), Err(Error::BadState { .. })));
        std::fs::write(folder.path().join(MANIFEST_NAME), b"{\"version\": 1}").unwrap();
        assert!(matches!(Manifest::load(folder.path()), Err(Error::BadState { .. })));
    }
}
