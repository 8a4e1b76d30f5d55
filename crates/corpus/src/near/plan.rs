//! What a removal of copies is to do, resolved.

use std::path::PathBuf;

use privet_dedup::{Banding, Measure, NORMALISER};
use serde_json::json;

use super::File;
use super::manifest::DEDUP_MANIFEST_VERSION;
use super::spans::Spans;
use crate::resume::FileDigest;
use crate::selector::Selector;

/// When two rows are copies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum What {
    /// When their texts are equal byte by byte.
    Raw,
    /// When their texts are equal after normalisation; texts without a word when they are equal byte by byte.
    Normalised,
    /// When their texts are similar.
    Near(Near),
}

/// How near is near.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// How pairs are found.
    pub banding: Banding,
    /// The least similarity, above 0 and at most 1.
    pub threshold: f64,
    /// How similarity is measured.
    pub measure: Measure,
    /// Find every pair instead of those that share a band.
    pub exhaustive: bool,
}

/// Which of several copies stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// The first, by file and row.
    First,
    /// The one with the most characters; of equals the first.
    Longest,
    /// The one with the largest value in a column at the top, numbers by size and texts by their letters; null is smallest.
    Largest(String),
    /// The one with the smallest value; null is largest.
    Smallest(String),
}

/// Whose rows may be copies of whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owners {
    /// Anyone's.
    All,
    /// Rows with one value in a column at the top.
    Within(String),
    /// Rows with different values.
    Across(String),
}

/// One removal of copies.
#[derive(Debug, Clone)]
pub struct DedupPlan {
    /// Files to read, in the order that decides which copy is first; see [`crate::resolve_inputs`].
    pub inputs: Vec<PathBuf>,
    /// Folders that the output must stay out of; see [`crate::input_folders`].
    pub input_folders: Vec<PathBuf>,
    /// Files whose rows stay and are not written: a row of the inputs that is a copy of theirs goes.
    pub against: Vec<PathBuf>,
    /// Folder to write to; without one nothing but the decisions is written.
    pub output: Option<PathBuf>,
    /// The texts of a row, which together are compared.
    pub columns: Vec<Selector>,
    /// When rows are copies.
    pub what: What,
    /// Look for copies of parts of texts instead: the first stays, and so does every row. Then `what`, `keep` and
    /// `max_records_per_unit` mean nothing, and neither does [`Owners::Across`].
    pub spans: Option<Spans>,
    /// Which copy stays.
    pub keep: Keep,
    /// Whose rows are compared.
    pub owners: Owners,
    /// Column whose values are the privacy units: all rows of one value are one unit. Without one, each row is. What one unit
    /// can do to the result is said of these.
    pub unit_column: Option<String>,
    /// Most rows with text that stay of one owner, with [`Owners::Within`]: the first by [`Self::keep`].
    pub max_records_per_unit: Option<u64>,
    /// Column at the top whose value names a row in the decisions; otherwise file and row do.
    pub id_column: Option<String>,
    /// Column at the top whose values say where rows come from; otherwise the files are the sources. What goes is counted, and
    /// limited, by source.
    pub source_column: Option<String>,
    /// Where to write one line of JSON for every row that goes or that others go for.
    pub decisions: Option<PathBuf>,
    /// Write all rows, each with what would become of it, instead of those that stay.
    pub annotate: bool,
    /// Stop before writing if more than this part of a source's rows would go.
    pub max_removal: Option<f64>,
    /// About how many bytes keys and sets may take; what is beyond lies on disk. Never changes an output byte.
    pub memory: u64,
    /// Worker threads; 0 is one per core. Never changes an output byte.
    pub jobs: usize,
    /// Replace an output folder that belongs to another plan or to changed inputs.
    pub overwrite: bool,
}

impl DedupPlan {
    /// A plan for column `text` that keeps the first of all copies, with a limit of 4 GiB and one worker per core.
    pub fn new(inputs: Vec<PathBuf>, output: Option<PathBuf>, what: What) -> Self {
        Self {
            inputs,
            input_folders: Vec::new(),
            against: Vec::new(),
            output,
            columns: vec![Selector::column("text")],
            what,
            spans: None,
            keep: Keep::First,
            owners: Owners::All,
            unit_column: None,
            max_records_per_unit: None,
            id_column: None,
            source_column: None,
            decisions: None,
            annotate: false,
            max_removal: None,
            memory: 4 << 30,
            jobs: 0,
            overwrite: false,
        }
    }

    /// The selectors, with a comma between them.
    pub fn column_names(&self) -> String {
        self.columns.iter().map(Selector::to_string).collect::<Vec<_>>().join(", ")
    }

    /// When rows are copies, in words.
    pub fn method(&self) -> String {
        let what = match self.what {
            _ if self.spans.is_some() => self.spans.map_or_else(String::new, super::spans::Spans::method),
            What::Raw => "equal byte by byte".to_owned(),
            What::Normalised => format!("equal after normalisation {NORMALISER}"),
            What::Near(near) => {
                let measure = match near.measure {
                    Measure::Jaccard => "Jaccard similarity",
                    Measure::Containment => "containment",
                };
                let pairs = if near.exhaustive {
                    "all pairs".to_owned()
                } else {
                    format!("pairs that share one of {}", near.banding)
                };
                format!("{measure} of at least {} among {pairs}, normalisation {NORMALISER}", near.threshold)
            }
        };
        match &self.owners {
            Owners::All => what,
            Owners::Within(column) => match self.max_records_per_unit {
                Some(most) => format!("{what}, rows of one `{column}` only, and of each at most {most}"),
                None => format!("{what}, rows of one `{column}` only"),
            },
            Owners::Across(column) => format!("{what}, rows of different `{column}` only"),
        }
    }

    /// Digest of everything that can change an output byte.
    pub(super) fn digest(&self, files: &[File], digests: &[Option<FileDigest>]) -> String {
        let files = files.iter().zip(digests).map(|(file, digest)| {
            json!([file.shard.name, file.reference, digest.as_ref().map(|digest| &digest.sha256)])
        });
        let parts = json!({
            "version": DEDUP_MANIFEST_VERSION,
            "column": self.column_names(),
            "method": self.method(),
            "what": format!("{:?}", self.what),
            "spans": self.spans.map(|spans| format!("{spans:?}")),
            "keep": format!("{:?}", self.keep),
            "unit_column": self.unit_column,
            "max_records_per_unit": self.max_records_per_unit,
            "id_column": self.id_column,
            "source_column": self.source_column,
            "annotate": self.annotate,
            "files": files.collect::<Vec<_>>(),
        });
        blake3::hash(parts.to_string().as_bytes()).to_hex().to_string()
    }

    /// Columns whose values are wanted beside the texts: the owner's, the order's and the name's.
    pub(super) fn owner_column(&self) -> Option<&str> {
        match &self.owners {
            Owners::All => None,
            Owners::Within(column) | Owners::Across(column) => Some(column),
        }
    }

    pub(super) fn order_column(&self) -> Option<&str> {
        match &self.keep {
            Keep::First | Keep::Longest => None,
            Keep::Largest(column) | Keep::Smallest(column) => Some(column),
        }
    }
}
