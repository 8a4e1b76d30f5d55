//! The manifest of a removal of copies: what went in, what came out, and what one row can do to the result.

use std::path::{Path, PathBuf};

use privet_dedup::NORMALISER;
use serde::{Deserialize, Serialize};

use super::Run;
use super::decide::Decided;
use super::plan::{DedupPlan, Owners, What};
use super::sources::Source;
use super::spans::SpanCounts;
use super::write::by_class;
use crate::error::Error;
use crate::manifest::{OutputFile, Stage};
use crate::output::MANIFEST_NAME;
use crate::resume::FileDigest;

/// Schema and version of this manifest.
pub const DEDUP_MANIFEST_VERSION: &str = "privet-dedup-manifest/v1";

/// A file that was compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedFile {
    /// Its name, or its path below the inputs' common folder.
    pub file: String,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
}

/// Record of one finished removal of copies. Its counts are facts about private data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DedupManifest {
    /// Always [`DEDUP_MANIFEST_VERSION`].
    pub version: String,
    /// Hex digest of everything that can change an output byte, the inputs' digests among it.
    pub plan_digest: String,
    /// The columns of text.
    pub column: String,
    /// When two rows are copies.
    pub method: String,
    /// Whether all rows were written, and those counted as removed are marked only.
    #[serde(default)]
    pub annotated: bool,
    /// Version of the normaliser.
    pub normaliser: String,
    /// The limit on the rows of one owner.
    #[serde(default)]
    pub owner_limit: Option<OwnerLimit>,
    /// Files whose copies were removed, in order. A report without output leaves digests empty.
    pub inputs: Vec<ComparedFile>,
    /// Files that were compared with only.
    pub against: Vec<ComparedFile>,
    /// Files that were written; empty for a report.
    pub outputs: Vec<OutputFile>,
    /// What was done, with how far one input row can reach.
    pub stages: Vec<Stage>,
    /// Totals.
    pub counts: DedupCounts,
    /// What is repeated within the texts, where that was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spans: Option<SpanCounts>,
    /// File by file what goes.
    pub sources: Vec<SourceReport>,
    /// Sizes of the largest groups of rows that agree in one key, first row's number beside it. Large groups of rows that are
    /// no copies are boilerplate.
    pub largest_groups: Vec<(u64, u32)>,
    /// True when the output was there already and nothing was written. Not part of the file.
    #[serde(skip)]
    pub already_done: bool,
}

/// Of rows with text, at most so many that have the same value in a column stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerLimit {
    /// The column.
    pub column: String,
    /// Rows.
    pub records: u64,
}

/// Totals over all inputs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DedupCounts {
    /// Rows of the inputs.
    pub rows_in: u64,
    /// Rows that stay.
    pub rows_out: u64,
    /// Rows without any text; they stay.
    pub rows_null: u64,
    /// Rows of inputs and references that had a key in common with another and were compared.
    pub rows_compared: u64,
    /// Rows that go because their texts are equal byte by byte to those of a row that stays.
    pub removed_raw: u64,
    /// Rows that go because they are equal after normalisation, and not before.
    pub removed_normalised: u64,
    /// Rows that go because they are similar, and not equal.
    pub removed_near: u64,
    /// Rows that are no copies, and that go because their owner has more than may stay.
    #[serde(default)]
    pub removed_over_limit: u64,
    /// Rows that others go for.
    pub kept_with_copies: u64,
    /// Most rows that go for one row.
    pub most_copies: u64,
    /// How often a row that stays was not remembered under a key, because as many as are remembered had it already.
    pub crowded: u64,
}

/// What goes of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceReport {
    /// A file, by the name of its output; or a value of [`DedupPlan::source_column`], none where that is null.
    pub source: Option<String>,
    /// Its rows.
    pub rows: u64,
    /// Rows that go.
    pub removed: u64,
}

impl DedupManifest {
    /// Reads `manifest.json` from an output folder.
    ///
    /// # Errors
    ///
    /// [`Error::BadState`] if it is missing, malformed or of another kind or version.
    pub fn load(output: &Path) -> Result<Self, Error> {
        let path = output.join(MANIFEST_NAME);
        let read = std::fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Self>(&text).ok());
        read.filter(|manifest| manifest.version == DEDUP_MANIFEST_VERSION).ok_or(Error::BadState { path })
    }

    /// Paths of the output shards, in order.
    pub fn output_paths(&self, output: &Path) -> Vec<PathBuf> {
        self.outputs.iter().map(|file| output.join(&file.file)).collect()
    }
}

pub(super) fn manifest(
    run: &Run<'_>,
    plan_digest: &str,
    digests: &[Option<FileDigest>],
    outputs: Vec<OutputFile>,
    decided: &Decided,
) -> DedupManifest {
    let named = |reference: bool| {
        let files = run.files.iter().zip(digests).zip(&decided.extents);
        let files = files.filter(move |((file, _), _)| file.reference == reference);
        let file = |((file, digest), extent): ((&super::File, &Option<FileDigest>), &super::Extent)| {
            let (sha256, bytes) = digest.clone().map_or((String::new(), 0), |digest| (digest.sha256, digest.bytes));
            ComparedFile { file: file.shard.name.clone(), sha256, bytes, rows: extent.rows }
        };
        files.map(file).collect::<Vec<_>>()
    };
    DedupManifest {
        version: DEDUP_MANIFEST_VERSION.to_owned(),
        plan_digest: plan_digest.to_owned(),
        column: run.plan.column_names(),
        method: run.plan.method(),
        annotated: run.plan.annotate,
        normaliser: NORMALISER.to_owned(),
        owner_limit: run.plan.owner_limit(),
        inputs: named(false),
        against: named(true),
        outputs,
        stages: vec![run.plan.stage()],
        counts: counts(run, decided),
        spans: None,
        sources: sources(run, decided),
        largest_groups: decided.largest_groups.iter().map(|group| (group.rows, group.first)).collect(),
        already_done: false,
    }
}

fn counts(run: &Run<'_>, decided: &Decided) -> DedupCounts {
    let inputs =
        || run.files.iter().zip(&decided.extents).filter(|(file, _)| !file.reference).map(|(_, extent)| extent);
    let rows_in = inputs().map(|extent| extent.rows).sum();
    let [removed_raw, removed_normalised, removed_near, removed_over_limit] = by_class(decided);
    let mut copies = std::collections::BTreeMap::<u32, u64>::new();
    for decision in decided.decisions.iter().filter(|decision| decision.anchor != decision.document) {
        *copies.entry(decision.anchor).or_default() += 1;
    }
    DedupCounts {
        rows_in,
        rows_out: if run.plan.annotate {
            rows_in
        } else {
            rows_in - removed_raw - removed_normalised - removed_near - removed_over_limit
        },
        rows_null: inputs().map(|extent| extent.empty).sum(),
        rows_compared: decided.compared,
        removed_raw,
        removed_normalised,
        removed_near,
        removed_over_limit,
        kept_with_copies: copies.len() as u64,
        most_copies: copies.values().copied().max().unwrap_or_default(),
        crowded: decided.crowded,
    }
}

pub(super) fn sources(run: &Run<'_>, decided: &Decided) -> Vec<SourceReport> {
    if run.plan.source_column.is_some() {
        let mut removed = vec![0; decided.sources.list().len()];
        for source in decided.decisions.iter().filter(|decision| decision.goes()).filter_map(|decision| decision.source)
        {
            removed[source as usize] += 1;
        }
        let report = |(source, removed): (&Source, u64)| SourceReport {
            source: source.name.clone(),
            rows: source.rows,
            removed,
        };
        return decided.sources.list().iter().zip(removed).map(report).collect();
    }
    let mut removed = decided.decisions.iter().filter(|decision| decision.goes()).peekable();
    let mut end = 0;
    let mut sources = Vec::new();
    for (file, extent) in run.files.iter().zip(&decided.extents) {
        end += extent.rows;
        let mut gone = 0;
        while removed.next_if(|decision| u64::from(decision.document) < end).is_some() {
            gone += 1;
        }
        if !file.reference {
            sources.push(SourceReport { source: Some(file.shard.name.clone()), rows: extent.rows, removed: gone });
        }
    }
    sources
}

impl DedupPlan {
    /// The limit on the rows of one owner, where there is one.
    pub fn owner_limit(&self) -> Option<OwnerLimit> {
        let Owners::Within(column) = &self.owners else { return None };
        self.max_records_per_unit.map(|records| OwnerLimit { column: column.clone(), records })
    }

    /// What this does to the rows, with how far one unit of the input can reach, and why. References are not part of the input:
    /// the bound is for neighbouring inputs beside the same references.
    pub fn stage(&self) -> Stage {
        if let Some(spans) = &self.spans {
            return spans.stage(&self.owners, self.unit_column.as_deref());
        }
        let mut name = String::from(match self.what {
            What::Raw => "dedup-exact",
            What::Normalised => "dedup-normalised",
            What::Near(_) => "dedup-near",
        });
        name += match self.owners {
            Owners::All => "",
            Owners::Within(_) => "-within",
            Owners::Across(_) => "-across",
        };
        if self.max_records_per_unit.is_some() {
            name += "-limited";
        }
        let (stability, proof) = self.reach();
        let unit = self.unit_column.clone().unwrap_or_else(|| "row".to_owned());
        Stage { name, stability, unit, proof: proof.to_owned() }
    }

    fn reach(&self) -> (Option<u64>, &'static str) {
        if let Some(unit) = &self.unit_column {
            return if matches!(&self.owners, Owners::Within(column) if column == unit) {
                (Some(1), OF_ONE_OWNER)
            } else {
                (None, OTHERS)
            };
        }
        match (&self.what, &self.owners, self.max_records_per_unit) {
            (What::Raw, Owners::All, None) => (Some(1), RAW),
            (What::Raw, Owners::Within(_), None) => (Some(1), RAW_WITHIN),
            (What::Raw, Owners::Within(_), Some(_)) => (Some(2), RAW_LIMITED),
            (What::Normalised, Owners::All | Owners::Within(_), None) => (Some(2), NORMALISED),
            (What::Raw | What::Normalised, Owners::Across(_), _) => (None, ACROSS),
            _ => (None, NEAR),
        }
    }
}

const RAW: &str = "The kept texts are the set of distinct texts, less those of the references (all selected texts of a row in their \
    places, taken together), whichever row carries them. Adding a row adds its texts to that set if they are new and changes nothing \
    if they are not; removing is the reverse. So the sets of two corpora that differ in one row differ in at most one row's texts. The \
    bound is for the selected texts without regard to order: another row's other columns may stand beside them.";
const RAW_WITHIN: &str = "The kept pairs of owner and texts are the set of distinct pairs. Adding a row adds its pair to that set if it \
    is new and changes nothing if it is not; removing is the reverse. So the sets of two corpora that differ in one row differ in at \
    most one pair, and a corpus with one owner less lacks that owner's pairs and no others.";
const NORMALISED: &str = "Rows fall into classes of equal normalised texts, and one row of each class is kept. A row touches its own \
    class alone: it makes a new one, which adds one text, or it may take the place of the row that was kept, which removes one text \
    and adds another. So the texts of two corpora that differ in one row differ in at most two.";
const RAW_LIMITED: &str = "Of an owner's distinct texts, in the order of the rows that carry them first, as many stay as the limit says. Adding \
    a row adds a text to its own owner's list, or moves one forward, or changes nothing: at most one text comes among the first, and \
    then at most one that was there falls behind them. No other owner's list changes. So the pairs of owner and text of two corpora \
    that differ in one row differ in at most two.";
const OF_ONE_OWNER: &str = "A row is compared with rows of its own owner alone, the order in which they are judged is that of their own \
    values and places, and a limit counts each owner's rows by themselves. So what is kept of one owner is a function of that owner's \
    rows: a corpus with one owner less lacks what was kept of that owner and nothing else.";
const OTHERS: &str = "No bound is claimed: a row decides about rows of other units, so the corpora that are left of two neighbours can differ \
    in any number of units. A guarantee of training holds for what is left, not for the input of this stage.";
const NEAR: &str = "No bound is claimed: one row can decide about any number of others, so the corpora that are left of two \
    neighbours can differ without limit. A guarantee of training holds for what is left, not for the input of this stage.";
const ACROSS: &str = "No bound is claimed: one row that is kept removes the equal rows of every other owner, so the corpora that are left \
    of two neighbours can differ without limit. A guarantee of training holds for what is left, not for the input of this stage.";
