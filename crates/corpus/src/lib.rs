//! Streams shards of tables and text through the recognizers, drops byte-equal repeats and writes a manifest.
//!
//! ```text
//! Parquet, Arrow IPC     → record batch → text values → findings → rewritten text → keep-first set → same schema out
//! JSON lines, CSV, texts → rows         → strings     → findings → rewritten text → keep-first set → same bytes around
//! ```
//!
//! What holds after a run, and why it is built this way:
//!
//! * **The files stay themselves.** Schema, footer metadata, compression, dictionaries and row-group
//!   boundaries come from the input's footer; only the text column's values change and only repeated
//!   rows go. The path is Arrow in, Arrow out: a data-frame engine would recast types on the way.
//! * **Bounded memory.** One batch of rows and one encoded row group are held at a time, plus 32 bytes
//!   per distinct text for the duplicate set.
//! * **Same bytes always.** The number of workers, an interruption or a resumed run never change an
//!   output byte. A shard is committed whole, by rename, or not at all.
//! * **A damaged file costs itself alone.** Decoding runs behind a wall that turns a decoder's panic into a
//!   reason; a file that fails half way leaves no output, no finding and no trace in the duplicate set.
//! * **Nothing here repeats the corpus.** Errors, progress, findings and manifest carry positions, counts
//!   and digests, never a value.

mod atomic;
mod cells;
mod closest;
mod column;
mod columnar;
mod csv;
mod decrypt;
mod dedup;
mod dry_run;
mod error;
mod explain;
mod filter;
mod findings;
mod footer;
mod format;
mod guard;
mod inputs;
mod inspect;
mod ipc;
mod json;
mod lines;
mod manifest;
mod memory;
mod meter;
mod near;
mod nested;
mod output;
mod packed;
mod plan;
mod quoted;
mod read;
mod records;
mod resume;
mod rows;
mod scrub;
mod selector;
mod settle;
mod shard;
mod source;
mod stop;
mod summary;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
#[path = "malformed_tests.rs"]
mod malformed;

pub use decrypt::decrypt_lines;
pub use error::{Error, Fault, FaultClass};
pub use explain::{ExplainedFinding, ExplainedText, ExplainedWord, Explanation, explain};
pub use filter::filter;
pub use inputs::{Kinds, input_folders, resolve_inputs, state_of};
pub use inspect::{ColumnInspection, FileInspection, Inspection, LengthInspection, SampleInspection, inspect};
pub use manifest::{Counts, FindingsFile, InputFile, MANIFEST_VERSION, Manifest, OutputFile, Quarantined, Stage};
pub use meter::Progress;
pub use near::{
    Action, Banding, ComparedFile, DEDUP_MANIFEST_VERSION, DedupCounts, DedupManifest, DedupPass, DedupPlan,
    DiskEstimate, Keep, Level, Measure, Near, NoBanding, OwnerLimit, Owners, SourceReport, SpanCounts, SpanSource,
    Spans, Units, What, dedup,
};
pub use packed::LineFile;
pub use plan::{Mode, OnError, ScrubPlan};
pub use records::{Each, Record, Selection, Turn, read_records};
pub use scrub::scrub;
pub use selector::{NoSelector, Selector};
pub use summary::{FindingCount, count_findings};
