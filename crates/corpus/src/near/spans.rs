//! Parts of texts that stand somewhere before: runs of words, paragraphs or lines.
//!
//! ```text
//! pass 1  rows → tokens of their texts → anchors of windows → sorted on disk
//! pass 2  rows with anchors that others have → windows → sorted on disk → compared token by token
//! pass 3  rows with repeated windows → bytes of their texts, a line of a file for each → decisions
//! pass 4  shards → the same shards with those bytes cut or masked
//! ```
//!
//! A token is a word, or for whole paragraphs and lines the digest of one; then a window is one token. The order of places is
//! that of references and inputs, each file's rows, a row's texts by their places, and the text itself. The first of equal
//! windows stays.
//!
//! Memory holds eight bytes a row and what the plan's limit allows. The spans lie in a file, so there may be any number of them.

mod find;
mod method;
mod spanned;
mod tokens;
mod write;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::decide::Decided;
use super::manifest::{self, DedupManifest};
use super::{Extent, Run};
use crate::atomic::{content_of, write_error, write_json};
use crate::error::Error;
use crate::output::OutputFolder;
use crate::resume::FileDigest;

pub use method::{Action, Level, Spans, Units};

/// What is repeated within the texts of the inputs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanCounts {
    /// What was done with it: `remove`, `mask` or `report`.
    pub action: String,
    /// Stretches of text that stand somewhere before.
    pub spans: u64,
    /// Rows that hold such a stretch.
    pub rows_with_spans: u64,
    /// Rows of which no text is left; they stay, empty.
    pub rows_emptied: u64,
    /// Bytes of the selected texts.
    pub text_bytes: u64,
    /// Bytes of the stretches.
    pub text_bytes_repeated: u64,
    /// The same file by file.
    pub sources: Vec<SpanSource>,
}

/// What is repeated within the texts of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanSource {
    /// Name of its output.
    pub file: String,
    /// Its rows.
    pub rows: u64,
    /// Rows that hold a stretch of text that stands somewhere before.
    pub rows_with_spans: u64,
    /// Bytes of its selected texts.
    pub text_bytes: u64,
    /// Bytes of the stretches.
    pub text_bytes_repeated: u64,
}

/// All that writing and the report need, beside the file of spans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Found {
    plan_digest: String,
    extents: Vec<Extent>,
    counts: SpanCounts,
    /// Of the file of spans.
    sha256: String,
}

const SPANS_NAME: &str = "spans.jsonl";
const FOUND_NAME: &str = "spans.json";

/// Everything, with an output folder.
pub(super) fn made_in(
    run: &Run<'_>,
    spans: &Spans,
    folder: &OutputFolder,
    plan_digest: &str,
    digests: &[Option<FileDigest>],
) -> Result<DedupManifest, Error> {
    let beside = |name: &str| folder.progress_plan().with_file_name(name);
    let (lines, kept) = (beside(SPANS_NAME), beside(FOUND_NAME));
    let found = if let Some(found) = known(run, &lines, &kept, plan_digest)? {
        found
    } else {
        let spill = folder.spill()?;
        let found = find::find(run, spans, &spill, &lines, plan_digest);
        folder.remove_spill(&spill)?;
        let found = found?;
        check_removal(run, &found.counts)?;
        write_json(&kept, &found)?;
        found
    };
    let outputs = write::shards(run, spans, folder, &found, &lines)?;
    write::decisions(run, &found, &lines)?;
    let manifest = manifest(run, plan_digest, digests, outputs, found);
    write_json(&folder.manifest(), &manifest)?;
    Ok(manifest)
}

/// Whether a run was interrupted that had found all spans.
pub(super) fn has_begun(folder: &OutputFolder) -> bool {
    folder.progress_plan().with_file_name(FOUND_NAME).exists()
}

/// Everything but the writing.
pub(super) fn report(
    run: &Run<'_>,
    spans: &Spans,
    folder: &Path,
    digests: &[Option<FileDigest>],
) -> Result<DedupManifest, Error> {
    let plan_digest = run.plan.digest(&run.files, digests);
    let spill = folder.join("spill");
    std::fs::create_dir(&spill).map_err(|source| write_error(&spill, source))?;
    let lines = folder.join(SPANS_NAME);
    let found = find::find(run, spans, &spill, &lines, &plan_digest)?;
    check_removal(run, &found.counts)?;
    write::decisions(run, &found, &lines)?;
    Ok(manifest(run, &plan_digest, digests, Vec::new(), found))
}

/// What an interrupted run of this plan over these bytes had found.
fn known(run: &Run<'_>, lines: &Path, kept: &Path, plan_digest: &str) -> Result<Option<Found>, Error> {
    let read = std::fs::read(kept).ok().and_then(|text| serde_json::from_slice::<Found>(&text).ok());
    let Some(found) = read.filter(|found| found.plan_digest == plan_digest) else { return Ok(None) };
    let Ok(content) = content_of(lines, run.cancelled) else { return Ok(None) };
    let content = content.ok_or(Error::Interrupted)?;
    Ok((content.sha256 == found.sha256).then_some(found))
}

pub(super) fn check_removal(run: &Run<'_>, counts: &SpanCounts) -> Result<(), Error> {
    let Some(limit) = run.plan.max_removal else { return Ok(()) };
    let over = |source: &&SpanSource| source.text_bytes_repeated as f64 > limit * source.text_bytes as f64;
    match counts.sources.iter().find(over) {
        // Here it is bytes of text that would go.
        Some(source) => Err(Error::TooMuchRemoved {
            of: source.file.clone(),
            removed: source.text_bytes_repeated,
            rows: source.text_bytes,
        }),
        None => Ok(()),
    }
}

/// As of a removal of rows that removes none, and what was found.
fn manifest(
    run: &Run<'_>,
    plan_digest: &str,
    digests: &[Option<FileDigest>],
    outputs: Vec<crate::manifest::OutputFile>,
    found: Found,
) -> DedupManifest {
    let decided = Decided { extents: found.extents, ..Decided::default() };
    let manifest = manifest::manifest(run, plan_digest, digests, outputs, &decided);
    DedupManifest { spans: Some(found.counts), ..manifest }
}
