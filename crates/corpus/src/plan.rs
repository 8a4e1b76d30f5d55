//! What a scrub is to do, resolved: nothing optional is left to the moment of doing it.

use std::path::PathBuf;

use privet_text::{CustomRule, Entity, Policy, RulePack, Scope, rule_set_digest};
use serde::{Deserialize, Serialize};

use crate::manifest::MANIFEST_VERSION;
use crate::memory::Shares;
use crate::selector::Selector;

/// What happens to an input file that cannot be processed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnError {
    /// The run stops with the file's fault.
    #[default]
    Fail,
    /// The file is set aside and listed in the manifest; the run goes on.
    Quarantine,
}

/// Whether the run writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Write shards, findings and manifest.
    #[default]
    Write,
    /// Read and count only. Inputs are not hashed, so their digests in the manifest are empty.
    DryRun {
        /// Look at no more than this many rows in all, an equal share from the head of each file.
        sample_rows: Option<u64>,
    },
}

/// One scrub of a list of files into a folder.
#[derive(Debug, Clone)]
pub struct ScrubPlan {
    /// Files to read, in the order in which repeats are decided; see [`crate::resolve_inputs`].
    pub inputs: Vec<PathBuf>,
    /// Folders the inputs were taken from as a whole, which the output must stay out of; see
    /// [`crate::input_folders`].
    pub input_folders: Vec<PathBuf>,
    /// Folder to write to; created if missing.
    pub output: PathBuf,
    /// The texts: columns of `Utf8`, `LargeUtf8`, `Utf8View` or a dictionary of one of them, at the top or inside structs and
    /// lists; strings of JSON lines; columns of tables of cells. A document is its own text, whatever is written here.
    pub columns: Vec<Selector>,
    /// Built-in entities to look for.
    pub entities: Vec<Entity>,
    /// Rules beside the built-in ones.
    pub custom: Vec<CustomRule>,
    /// Texts that are findings wherever they stand between borders of words; see [`privet_text::denied`].
    pub deny: Vec<String>,
    /// Rule packs beside the one in the box.
    pub packs: Vec<RulePack>,
    /// What to do with each finding.
    pub policy: Policy,
    /// Top-level column of texts or whole numbers that says whose a row is, for [`privet_text::Scope::Unit`]; not
    /// looked at in any other scope.
    pub unit_column: Option<String>,
    /// Drop rows whose scrubbed text an earlier row has already.
    pub dedup_exact: bool,
    /// Worker threads; 0 is one per core. Never changes an output byte.
    pub jobs: usize,
    /// What happens to files that cannot be processed.
    pub on_error: OnError,
    /// Bytes that rows in flight may take in memory, over all workers: what is read at once, the longest row (an eighth)
    /// and the row groups that are written (a sixteenth, packed) follow from it. What tells exact repeats comes on top. It is part of
    /// the plan's digest, because row groups depend on it.
    pub memory: u64,
    /// Refuse files with a row group that declares more uncompressed bytes than this.
    pub row_group_bytes_max: u64,
    /// Stop where more than this share (0 to 1) of the bytes of the selected texts of one file, or of all, would be
    /// replaced or go with their rows; documents are only taken together. It is no part of the plan's digest, because it
    /// changes no output byte. Not looked at in a dry run.
    pub max_changed: Option<f64>,
    /// Replace an output folder that belongs to another plan or to changed inputs.
    pub overwrite: bool,
    /// Whether to write.
    pub mode: Mode,
}

impl ScrubPlan {
    /// A plan for column `text` with every default entity, exact dedup, one worker per core, stopping at
    /// the first unusable file, in 2 GiB of memory, refusing row groups above 8 GiB and never overwriting.
    pub fn new(inputs: Vec<PathBuf>, output: PathBuf, policy: Policy) -> Self {
        Self {
            inputs,
            input_folders: Vec::new(),
            output,
            columns: vec![Selector::column("text")],
            entities: Entity::DEFAULT.to_vec(),
            custom: Vec::new(),
            deny: Vec::new(),
            packs: Vec::new(),
            policy,
            unit_column: None,
            dedup_exact: true,
            jobs: 0,
            on_error: OnError::Fail,
            memory: 2 << 30,
            row_group_bytes_max: 8 << 30,
            max_changed: None,
            overwrite: false,
            mode: Mode::Write,
        }
    }

    /// The selectors, with a comma between them.
    pub fn column_names(&self) -> String {
        self.columns.iter().map(Selector::to_string).collect::<Vec<_>>().join(", ")
    }

    /// Digest of the recognizers in force.
    pub(crate) fn rule_set_digest(&self) -> String {
        let mut custom = self.custom.clone();
        if !self.deny.is_empty() {
            // No rule can have an empty pattern, so none can be taken for this one.
            let mut literals = self.deny.clone();
            literals.sort();
            custom.push(CustomRule { name: "deny".to_owned(), literals, pattern: String::new(), entity: None });
        }
        rule_set_digest(&self.entities, &custom, &self.packs)
    }

    /// What of the memory is for what.
    pub(crate) fn shares(&self) -> Shares {
        Shares::of(self.memory)
    }

    /// The column of units, if the policy asks for it.
    pub(crate) fn scope_column(&self) -> Option<&str> {
        self.unit_column.as_deref().filter(|_| self.policy.scope() == Scope::Unit)
    }

    /// Digest of everything that can change an output byte except the inputs' content: two plans of one
    /// digest write the same files from the same inputs.
    pub(crate) fn digest(&self, shard_names: &[String]) -> String {
        let parts = serde_json::json!({
            "version": MANIFEST_VERSION,
            "column": self.column_names(),
            "rules": self.rule_set_digest(),
            "policy": self.policy.digest(),
            "unit_column": self.scope_column(),
            "dedup_exact": self.dedup_exact,
            "on_error": self.on_error,
            "memory": self.memory,
            "row_group_bytes_max": self.row_group_bytes_max,
            "shards": shard_names,
        });
        blake3::hash(parts.to_string().as_bytes()).to_hex().to_string()
    }
}

/// Whether a row is one text of one column.
pub(crate) fn is_flat(columns: &[Selector]) -> bool {
    matches!(columns, [column] if column.is_flat())
}
