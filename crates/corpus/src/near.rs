//! Rows whose texts are copies, nearly or wholly, of other rows' texts, across shards of any size.
//!
//! ```text
//! pass 1  rows → keys of their texts → sorted on disk → groups → which rows hang together
//! pass 2  those rows again → sets of shingles → compared with the rows kept before them → decisions
//! pass 3  shards → the same shards without the rows that go
//! ```
//!
//! Memory holds eight bytes a row, some hundred bytes a row of pass 2, and what the plan's limit allows of keys and sets; the
//! rest of both lies below the output folder while the run lasts. No decision depends on that limit or on the number of workers.
//!
//! What `privet-dedup` promises of sets of shingles is promised of rows here: every row that goes is named together with a
//! row that stays, and with their similarity.

mod annotate;
mod decide;
mod find;
mod manifest;
mod plan;
mod read;
mod room;
mod settle;
mod sketch;
mod sources;
mod spans;
mod store;
mod write;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::inputs::{Shard, check_apart, shards};
use crate::meter::{Meter, Progress};
use crate::output::{OutputFolder, is_foreign};
use crate::resume::{FileDigest, file_digest};
use decide::Decided;
use sketch::Sketcher;

pub use manifest::{ComparedFile, DEDUP_MANIFEST_VERSION, DedupCounts, DedupManifest, OwnerLimit, SourceReport};
pub use plan::{DedupPlan, Keep, Near, Owners, What};
pub use privet_dedup::{Banding, Measure, NoBanding};
pub use room::DiskEstimate;
pub use spans::{Action, Level, SpanCounts, SpanSource, Spans, Units};

/// Which of the passes a run is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DedupPass {
    /// Texts are read and their keys are made.
    Sign,
    /// Texts that share a key are compared.
    Compare,
    /// Shards are written.
    Write,
}

/// What all passes share.
struct Run<'a> {
    plan: &'a DedupPlan,
    sketcher: Sketcher,
    /// References first, then inputs.
    files: Vec<File>,
    pool: ThreadPool,
    cancelled: &'a AtomicBool,
    progress: &'a (dyn Fn(DedupPass, Progress) + Sync),
}

/// A file that is read.
struct File {
    shard: Shard,
    /// Whether its rows are compared with, but neither judged nor written.
    reference: bool,
}

/// The number of a row: references first, then inputs, each file's rows in order.
type Document = u32;

/// How many rows a file has, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Extent {
    rows: u64,
    /// Rows with no text, which are never compared.
    empty: u64,
}

/// Removes the rows of the plan's inputs whose texts are copies, and writes the rest into its output folder; without one it only
/// reports.
///
/// A second call with the same plan and unchanged files finds the work done ([`DedupManifest::already_done`]); a call after an
/// interruption goes on from the decisions, if they were made, and from the first shard that is missing. `cancelled` is looked at
/// between batches of rows. `progress` is called on the calling thread.
///
/// # Errors
///
/// [`Error::Input`] for a file at fault, [`Error::EmptyCorpus`], [`Error::TooMuchRemoved`], [`Error::TooManyRows`],
/// [`Error::Spill`], [`Error::Interrupted`], and refusals about the output folder. After any error the output folder has no
/// manifest and no file that is half written.
pub fn dedup(
    plan: &DedupPlan,
    progress: &(dyn Fn(DedupPass, Progress) + Sync),
    cancelled: &AtomicBool,
) -> Result<DedupManifest, Error> {
    let inputs = shards(&plan.inputs, &[])?;
    if inputs.is_empty() {
        return Err(Error::EmptyCorpus { files: 0 });
    }
    let named = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let references = plan.against.iter().map(|path| Shard { path: path.clone(), name: named(path) });
    let files = references.map(|shard| File { shard, reference: true });
    let files = files.chain(inputs.into_iter().map(|shard| File { shard, reference: false })).collect();
    let pool =
        ThreadPoolBuilder::new().num_threads(plan.jobs).build().map_err(|_| Error::Workers { jobs: plan.jobs })?;
    let run = Run { plan, sketcher: Sketcher::new(plan), files, pool, cancelled, progress };
    if plan.annotate {
        annotate::check(&run)?;
    }
    match &plan.output {
        Some(output) => run.write_into(output),
        None => run.report(),
    }
}

impl Run<'_> {
    fn write_into(&self, output: &Path) -> Result<DedupManifest, Error> {
        let plan = self.plan;
        check_apart(output, &[plan.inputs.clone(), plan.against.clone()].concat(), &plan.input_folders)?;
        if is_foreign(output) && !plan.overwrite {
            return Err(Error::ForeignOutput { output: output.to_owned() });
        }
        let folder = OutputFolder::open(output)?;
        let digests = self.digests()?;
        let plan_digest = self.plan.digest(&self.files, &digests);
        let manifest = if let Some(done) = settle::settle(self, &folder, &plan_digest)? {
            // The limit is no part of the plan: it may be another one now.
            match &done.spans {
                Some(counts) => spans::check_removal(self, counts)?,
                None => self.check_removal(&done.sources)?,
            }
            done
        } else {
            let made = self.made_in(&folder, &plan_digest, &digests);
            let has_begun = settle::has_begun(&folder)
                || spans::has_begun(&folder)
                || find::has_begun(&folder.spill_path(), &plan_digest);
            if made.is_err() && !has_begun {
                // Nothing is decided, so nothing ties the folder to this plan: a corrected one may start afresh.
                folder.forget_progress()?;
            }
            made?
        };
        folder.finish()?;
        Ok(manifest)
    }

    fn made_in(
        &self,
        folder: &OutputFolder,
        plan_digest: &str,
        digests: &[Option<FileDigest>],
    ) -> Result<DedupManifest, Error> {
        if let Some(spans) = &self.plan.spans {
            return spans::made_in(self, spans, folder, plan_digest, digests);
        }
        let decided = if let Some(decided) = settle::decided(folder, plan_digest) {
            decided
        } else {
            let spill = folder.spill_path();
            if !find::has_begun(&spill, plan_digest) {
                folder.spill()?;
            }
            let decided = self.decide(&spill, plan_digest);
            // Whatever else went wrong may have come from what lies there.
            if !matches!(decided, Err(Error::Interrupted)) {
                folder.remove_spill(&spill)?;
            }
            let decided = decided?;
            self.check_removal(&manifest::sources(self, &decided))?;
            settle::keep(folder, plan_digest, &decided)?;
            decided
        };
        let outputs = write::shards(self, folder, &decided)?;
        let manifest = manifest::manifest(self, plan_digest, digests, outputs, &decided);
        write::decisions(self, &decided)?;
        crate::atomic::write_json(&folder.manifest(), &manifest)?;
        Ok(manifest)
    }

    /// Everything but the writing.
    fn report(&self) -> Result<DedupManifest, Error> {
        let digests = vec![None; self.files.len()];
        let folder = tempfile::tempdir().map_err(|source| crate::atomic::write_error(&std::env::temp_dir(), source))?;
        if let Some(spans) = &self.plan.spans {
            return spans::report(self, spans, folder.path(), &digests);
        }
        let plan_digest = self.plan.digest(&self.files, &digests);
        let decided = self.decide(folder.path(), &plan_digest)?;
        self.check_removal(&manifest::sources(self, &decided))?;
        write::decisions(self, &decided)?;
        Ok(manifest::manifest(self, &plan_digest, &digests, Vec::new(), &decided))
    }

    fn decide(&self, spill: &Path, plan_digest: &str) -> Result<Decided, Error> {
        let found = find::find(self, spill, plan_digest)?;
        if found.extents.iter().map(|extent| extent.rows).sum::<u64>() == 0 {
            return Err(Error::EmptyCorpus { files: self.plan.inputs.len() });
        }
        decide::decide(self, found, spill)
    }

    fn check_removal(&self, sources: &[SourceReport]) -> Result<(), Error> {
        let Some(limit) = self.plan.max_removal else { return Ok(()) };
        let over = |source: &&SourceReport| source.removed as f64 > limit * source.rows as f64;
        let first = sources.iter().enumerate().find(|(_, source)| over(source));
        match first {
            Some((number, source)) => {
                // A column's value is the corpus' text, and messages carry none.
                let of = match (&self.plan.source_column, &source.source) {
                    (Some(column), _) => format!("source {} of column `{column}`", number + 1),
                    (None, file) => file.clone().unwrap_or_default(),
                };
                Err(Error::TooMuchRemoved { of, removed: source.removed, rows: source.rows })
            }
            None => Ok(()),
        }
    }

    fn digests(&self) -> Result<Vec<Option<FileDigest>>, Error> {
        self.files.iter().map(|file| file_digest(&file.shard.path, self.cancelled)).collect()
    }

    fn check_cancelled(&self) -> Result<(), Error> {
        if self.cancelled.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Runs `work` with a meter over all files.
    fn metered<T>(&self, pass: DedupPass, work: impl FnOnce(&Meter<'_>) -> T) -> T {
        let report = |at: Progress| (self.progress)(pass, at);
        let shards: Vec<Shard> = self.files.iter().map(|file| file.shard.clone()).collect();
        work(&Meter::new(&report, &shards))
    }
}
