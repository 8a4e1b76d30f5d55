//! One shard from end to end, as a transaction.
//!
//! Nothing of a shard is visible before all of it is done: shard and findings are written to hidden files
//! and renamed at the end, and its texts leave the duplicate set again if it fails.

mod sink;
mod tables;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::BooleanArray;
use rayon::ThreadPool;

use crate::atomic::{Content, write_error};
use crate::cells::{Cell, Tally, found, label};
use crate::dedup::Seen;
use crate::error::{Error, Stop};
use crate::findings::FindingsWriter;
use crate::format::{Form, Format, format_of};
use crate::inputs::Shard;
use crate::lines::{Batch, Lines};
use crate::manifest::Counts;
use crate::packed::LinesFile;
use crate::plan::{ScrubPlan, is_flat};
use crate::rows::{Rules, Scrubbed};
use crate::scrub::check_changed;

pub(crate) use sink::TableFile;
pub(crate) use tables::{kept, put_texts, unshared};

/// What all shards of a run share.
pub(crate) struct Run<'a> {
    pub(crate) plan: &'a ScrubPlan,
    pub(crate) rules: &'a Rules,
    pub(crate) pool: &'a ThreadPool,
    pub(crate) cancelled: &'a AtomicBool,
}

/// Takes a batch of lines, what became of its texts, which rows stay, and the number of its first row.
pub(crate) type WriteLines<'a> = dyn FnMut(&Batch, &[Option<&Scrubbed>], &BooleanArray, u64) -> Result<(), Error> + 'a;

/// Where a shard's files go.
pub(crate) struct Targets {
    pub(crate) output: PathBuf,
    pub(crate) part: PathBuf,
}

/// A shard that went through.
pub(crate) struct Finished {
    pub(crate) counts: Counts,
    /// `None` if nothing was to be written.
    pub(crate) written: Option<Written>,
}

/// What a shard left.
pub(crate) struct Written {
    /// `None` for a document that was not kept.
    pub(crate) output: Option<Content>,
    pub(crate) findings: Content,
}

impl Run<'_> {
    pub(crate) fn check_cancelled(&self) -> Result<(), Error> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        Ok(())
    }

    /// Scrubs one shard; without targets it only counts. `rows_max` limits how many rows are looked at.
    /// `done` hears of rows and encoded bytes after each row group.
    pub(crate) fn scrub_shard(
        &self,
        shard: &Shard,
        targets: Option<&Targets>,
        rows_max: u64,
        seen: &mut Seen,
        done: &mut dyn FnMut(u64, u64),
    ) -> Result<Finished, Stop> {
        let result = self.attempt(shard, targets, rows_max, seen, done);
        match result {
            Ok(_) => seen.commit(),
            Err(_) => seen.roll_back(),
        }
        result
    }

    fn attempt(
        &self,
        shard: &Shard,
        targets: Option<&Targets>,
        rows_max: u64,
        seen: &mut Seen,
        done: &mut dyn FnMut(u64, u64),
    ) -> Result<Finished, Stop> {
        let flat = is_flat(&self.plan.columns);
        let policy = self.rules.policy();
        let tally = Tally { seen, counts: Counts::default(), dedup: self.plan.dedup_exact, flat, policy };
        let pass = Pass { shard, rows_max, tally };
        match format_of(&shard.path)? {
            Format::Parquet => self.tables(pass, None, targets, done),
            Format::Arrow(layout) => self.tables(pass, Some(layout), targets, done),
            Format::Text(form) => self.lines(pass, form, targets, done),
        }
    }

    fn lines(
        &self,
        mut pass: Pass<'_>,
        form: Form,
        targets: Option<&Targets>,
        done: &mut dyn FnMut(u64, u64),
    ) -> Result<Finished, Stop> {
        let lines = Lines::open(&pass.shard.path, form, &self.plan.columns, self.plan.scope_column())?;
        let mut lines = lines.within(self.plan.shares());
        let create = |targets: &Targets| -> Result<_, Stop> {
            let findings = FindingsWriter::create(&targets.part)?;
            Ok((LinesFile::create(&targets.output, lines.compression())?, findings, targets.output.clone()))
        };
        let mut sink = targets.map(create).transpose()?;
        let shard = pass.shard;
        let mut write = |batch: &Batch, scrubbed: &[Option<&Scrubbed>], keep: &BooleanArray, first_row| {
            let Some((out, findings, target)) = &mut sink else { return Ok(()) };
            let path = |cell: &Cell| label(&self.plan.columns[cell.selector].to_string(), &cell.at);
            let found = found(&batch.cells, scrubbed, first_row, &path);
            findings.append(&shard.name, found, self.rules.policy())?;
            let keep = keep.iter().map(Option::unwrap_or_default);
            batch.write(scrubbed, keep, out).map_err(|source| write_error(target, source))
        };
        self.each_batch(&mut lines, pass.rows_max, &mut pass.tally, &mut write, done)?;
        if sink.is_some() && form != Form::Document {
            check_changed(self.plan, &pass.tally.counts, Some(&pass.shard.path))?;
        }
        let counts = pass.tally.counts;
        let written = match sink {
            // The shard comes last: where it is, its findings are.
            Some((out, findings, target)) => {
                let findings = findings.commit_part()?;
                let kept = form != Form::Document || counts.rows_out > 0;
                let output = if kept { Some(out.commit(&target)?) } else { None };
                Some(Written { output, findings })
            }
            None => None,
        };
        Ok(Finished { counts, written })
    }

    /// Takes lines through the rules, batch by batch, and hands each on with what became of it.
    pub(crate) fn each_batch(
        &self,
        lines: &mut Lines<'_>,
        rows_max: u64,
        tally: &mut Tally<'_>,
        write: &mut WriteLines<'_>,
        done: &mut dyn FnMut(u64, u64),
    ) -> Result<(), Stop> {
        while tally.counts.rows_in < rows_max
            && let Some(batch) = lines.next(rows_max - tally.counts.rows_in)?
        {
            let texts = batch.texts();
            let slots: Vec<Option<&str>> = texts.iter().map(|text| Some(&**text)).collect();
            let units = batch.units();
            let scrubbed = self.pool.install(|| self.rules.scrub_all(&slots, units.as_deref()))?;
            let scrubbed: Vec<Option<&Scrubbed>> = scrubbed.iter().map(Option::as_ref).collect();
            let first_row = tally.counts.rows_in;
            let keep = tally.count(&batch.cells, &scrubbed);
            write(&batch, &scrubbed, &keep, first_row)?;
            done(tally.counts.rows_in - first_row, lines.progress());
            self.check_cancelled()?;
        }
        Ok(())
    }
}

/// State of one shard's pass.
struct Pass<'a> {
    shard: &'a Shard,
    rows_max: u64,
    tally: Tally<'a>,
}

impl Pass<'_> {
    /// Rows that are still to be looked at.
    fn left(&self) -> u64 {
        self.rows_max - self.tally.counts.rows_in
    }
}
