//! One shard from end to end, as a transaction.
//!
//! Nothing of a shard is visible before all of it is done: shard and findings are written to hidden files
//! and renamed at the end, and its texts leave the duplicate set again if it fails.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::DataType;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use rayon::ThreadPool;

use crate::atomic::{AtomicFile, Content, write_error};
use crate::cells::{Cell, Tally, found, label};
use crate::column::{slots, texts, with_texts};
use crate::dedup::Seen;
use crate::error::{Error, Fault, Stop};
use crate::findings::FindingsWriter;
use crate::footer::writer_options;
use crate::guard::caught;
use crate::inputs::Shard;
use crate::lines::{Batch, Lines, LinesFile};
use crate::manifest::Counts;
use crate::nested::{Way, cells, leaf, leaf_type, with_leaf};
use crate::plan::{ScrubPlan, is_flat};
use crate::records::{is_parquet, owners};
use crate::rows::{Rules, Scrubbed};
use crate::source::{Columns, Source, unwritable_column};

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
    /// Content of output and findings part; `None` if nothing was to be written.
    pub(crate) written: Option<(Content, Content)>,
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
        let tally = Tally { seen, counts: Counts::default(), dedup: self.plan.dedup_exact, flat };
        let pass = Pass { shard, rows_max, tally };
        if is_parquet(&shard.path)? { self.parquet(pass, targets, done) } else { self.lines(pass, targets, done) }
    }

    fn lines(
        &self,
        mut pass: Pass<'_>,
        targets: Option<&Targets>,
        done: &mut dyn FnMut(u64, u64),
    ) -> Result<Finished, Stop> {
        let mut lines = Lines::open(&pass.shard.path, &self.plan.columns, self.plan.scope_column())?;
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
        let written = match sink {
            // The shard comes last: where it is, its findings are.
            Some((out, findings, target)) => {
                let (part, _) = findings.commit()?;
                Some((out.commit(&target)?, part))
            }
            None => None,
        };
        Ok(Finished { counts: pass.tally.counts, written })
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

    fn parquet(
        &self,
        mut pass: Pass<'_>,
        targets: Option<&Targets>,
        done: &mut dyn FnMut(u64, u64),
    ) -> Result<Finished, Stop> {
        let plan = self.plan;
        let owner = plan.scope_column();
        let source = Source::open_selected(&pass.shard.path, &plan.columns, owner, plan.row_group_bytes_max)?;
        let mut sink = targets.map(|targets| Sink::create(targets, &source)).transpose()?;
        let columns = if sink.is_some() { Columns::All } else { Columns::Wanted };
        let ways = source.ways(columns);
        let mut known = vec![None; ways.len()];
        for row_group in 0..source.row_groups() {
            let before = pass.tally.counts.rows_in;
            for batch in source.batches(row_group, columns)? {
                self.check_cancelled()?;
                if pass.left() == 0 {
                    break;
                }
                let batch = batch?;
                let batch = batch.slice(0, batch.num_rows().min(pass.left() as usize));
                let damaged = Fault::DamagedData { row_group };
                self.parquet_batch(&batch, (&ways, &mut known), &damaged, &mut pass, sink.as_mut())?;
            }
            if let Some(sink) = &mut sink {
                sink.end_row_group()?;
            }
            let bytes = source.metadata().row_group(row_group).compressed_size();
            done(pass.tally.counts.rows_in - before, bytes.unsigned_abs());
            self.check_cancelled()?;
        }
        Ok(Finished { counts: pass.tally.counts, written: sink.map(Sink::commit).transpose()? })
    }

    fn parquet_batch(
        &self,
        batch: &RecordBatch,
        (ways, known): (&[Way], &mut [Known]),
        damaged: &Fault,
        pass: &mut Pass<'_>,
        sink: Option<&mut Sink>,
    ) -> Result<(), Stop> {
        let units = match self.plan.scope_column() {
            Some(name) => Some(caught(|| owners(batch, name)).flatten().ok_or(damaged.clone())?),
            None => None,
        };
        let mut leaves = Vec::with_capacity(ways.len());
        for (way, known) in ways.iter().zip(known) {
            let column = batch.column(way.top);
            let taken = || {
                let mut leaf = leaf(column, way)?;
                if units.is_some() {
                    // Rows of two units that share a dictionary's value do not share its surrogates.
                    leaf.values = unshared(&leaf.values)?;
                }
                Some((slots(&leaf.values)?, leaf))
            };
            let (slots, leaf) = caught(taken).flatten().ok_or(damaged.clone())?;
            let of_slot: Option<Vec<Option<&str>>> = units.as_ref().map(|units| {
                leaf.owners.iter().map(|owner| owner.as_ref().and_then(|(row, _)| units[*row].as_deref())).collect()
            });
            let scrubbed = self.scrub_slots(&slots.values, of_slot.as_deref(), known, damaged)?;
            leaves.push((leaf, scrubbed, slots));
        }
        let cells = cells(ways, leaves.iter().map(|(leaf, _, slots)| (leaf, slots)), batch.num_rows());
        let scrubbed: Vec<Option<&Scrubbed>> =
            leaves.iter().flat_map(|(_, scrubbed, _)| scrubbed.by_slot.iter().map(Option::as_ref)).collect();
        let first_row = pass.tally.counts.rows_in;
        let keep = pass.tally.count(&cells, &scrubbed);
        let Some(sink) = sink else {
            return Ok(());
        };
        let path = |cell: &Cell| label(&ways[cell.way].path, &cell.at);
        let found = found(&cells, &scrubbed, first_row, &path);
        sink.findings.append(&pass.shard.name, found, self.rules.policy())?;
        let mut columns = batch.columns().to_vec();
        for (way, (leaf, scrubbed, slots)) in ways.iter().zip(&leaves).filter(|(_, (_, scrubbed, _))| scrubbed.changes)
        {
            let before = caught(|| leaf_type(&columns[way.top], way)).flatten().ok_or(damaged.clone())?;
            let texts = texts(&slots.values).ok_or(damaged.clone())?;
            let mut new = caught(|| with_texts(&leaf.values, scrubbed.shown(&texts))).ok_or(damaged.clone())?;
            if *new.data_type() != before {
                // It fails when there are more texts now than the dictionary has keys.
                let shared = caught(|| cast(&new, &before)).and_then(Result::ok);
                new = shared.ok_or_else(|| Fault::UnsupportedColumn { column: way.path.clone() })?;
            }
            let put = || with_leaf(&columns[way.top], way, new);
            columns[way.top] = caught(put).flatten().ok_or(damaged.clone())?;
        }
        let kept = caught(|| {
            RecordBatch::try_new(batch.schema(), columns).and_then(|batch| filter_record_batch(&batch, &keep))
        });
        sink.write(&kept.and_then(Result::ok).ok_or(damaged.clone())?)
    }

    /// Scrubs the slots of a column. Batches of one row group share their dictionary: it is scrubbed once.
    fn scrub_slots(
        &self,
        values: &ArrayRef,
        units: Option<&[Option<&str>]>,
        known: &mut Known,
        damaged: &Fault,
    ) -> Result<Arc<SlotsScrubbed>, Fault> {
        if let Some((before, scrubbed)) = known
            && units.is_none()
            && before.to_data().ptr_eq(&values.to_data())
        {
            return Ok(scrubbed.clone());
        }
        let texts = texts(values).ok_or(damaged.clone())?;
        let by_slot = self.pool.install(|| self.rules.scrub_all(&texts, units))?;
        let changes = by_slot.iter().flatten().any(|s| s.changed.is_some());
        let scrubbed = Arc::new(SlotsScrubbed { by_slot, changes });
        *known = Some((values.clone(), scrubbed.clone()));
        Ok(scrubbed)
    }
}

/// A text column with one slot for each row.
fn unshared(column: &ArrayRef) -> Option<ArrayRef> {
    match column.data_type() {
        DataType::Dictionary(_, values) => cast(column, values).ok(),
        _ => Some(column.clone()),
    }
}

/// The values of a column that were scrubbed last, and what came of it.
type Known = Option<(ArrayRef, Arc<SlotsScrubbed>)>;

/// The slots of a text column after scrubbing.
struct SlotsScrubbed {
    by_slot: Vec<Option<Scrubbed>>,
    changes: bool,
}

impl SlotsScrubbed {
    fn shown<'a>(&'a self, before: &'a [Option<&'a str>]) -> impl Iterator<Item = Option<&'a str>> {
        self.by_slot.iter().zip(before).map(|(scrubbed, before)| {
            let changed = scrubbed.as_ref().and_then(|s| s.changed.as_deref());
            changed.or(*before)
        })
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

/// The two files a shard writes.
struct Sink {
    writer: ArrowWriter<AtomicFile>,
    findings: FindingsWriter,
    target: PathBuf,
}

impl Sink {
    fn create(targets: &Targets, source: &Source) -> Result<Self, Stop> {
        if let Some(column) = unwritable_column(source.metadata()) {
            return Err(Fault::UnsupportedColumn { column }.into());
        }
        let file = AtomicFile::create(&targets.output)?;
        let target = file.target().to_owned();
        let made = caught(|| {
            let options = writer_options(source.metadata(), &source.text_leaves());
            ArrowWriter::try_new_with_options(file, source.schema().clone(), options)
        });
        Ok(Self { writer: encoded(made, &target)?, findings: FindingsWriter::create(&targets.part)?, target })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), Stop> {
        encoded(caught(|| self.writer.write(batch)), &self.target)
    }

    fn end_row_group(&mut self) -> Result<(), Stop> {
        encoded(caught(|| self.writer.flush()), &self.target)
    }

    fn commit(self) -> Result<(Content, Content), Stop> {
        let Self { writer, findings, target } = self;
        let file = encoded(caught(|| writer.into_inner()), &target)?;
        // The shard comes last: where it is, its findings are.
        let (part, _) = findings.commit()?;
        Ok((file.commit()?, part))
    }
}

/// Sorts an encoder's failure: the disk's stops the run, any other is about the file's own schema.
pub(crate) fn encoded<T>(result: Option<Result<T, ParquetError>>, target: &Path) -> Result<T, Stop> {
    match result {
        Some(Ok(value)) => Ok(value),
        Some(Err(ParquetError::External(error))) => match error.downcast::<std::io::Error>() {
            Ok(error) => Err(write_error(target, *error).into()),
            Err(_) => Err(whole_schema().into()),
        },
        _ => Err(whole_schema().into()),
    }
}

fn whole_schema() -> Fault {
    Fault::UnsupportedColumn { column: "*".to_owned() }
}
