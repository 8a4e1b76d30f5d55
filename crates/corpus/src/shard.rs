//! One shard from end to end, as a transaction.
//!
//! Nothing of a shard is visible before all of it is done: shard and findings are written to hidden files
//! and renamed at the end, and its texts leave the duplicate set again if it fails.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use privet_text::Entity;
use rayon::ThreadPool;

use crate::atomic::{AtomicFile, Content, write_error};
use crate::column::{slots, texts, with_texts};
use crate::dedup::Seen;
use crate::error::{Error, Fault, Stop};
use crate::findings::FindingsWriter;
use crate::footer::writer_options;
use crate::guard::caught;
use crate::inputs::Shard;
use crate::manifest::Counts;
use crate::plan::ScrubPlan;
use crate::rows::{Rules, Scrubbed};
use crate::source::{Columns, Source, unwritable_column};

/// What all shards of a run share.
pub(crate) struct Run<'a> {
    pub(crate) plan: &'a ScrubPlan,
    pub(crate) rules: &'a Rules,
    pub(crate) pool: &'a ThreadPool,
    pub(crate) cancelled: &'a AtomicBool,
}

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
        let plan = self.plan;
        let source = Source::open(&shard.path, &plan.column, plan.row_group_bytes_max)?;
        let mut sink = targets.map(|targets| Sink::create(targets, &source)).transpose()?;
        let columns = if sink.is_some() { Columns::All } else { Columns::Wanted };
        let mut pass = Pass { shard, seen, counts: Counts::default(), dictionary: None };
        for row_group in 0..source.row_groups() {
            let before = pass.counts.rows_in;
            for batch in source.batches(row_group, columns)? {
                self.check_cancelled()?;
                let left = rows_max - pass.counts.rows_in;
                if left == 0 {
                    break;
                }
                let batch = batch?;
                let batch = batch.slice(0, batch.num_rows().min(left as usize));
                let text = match columns {
                    Columns::All => source.text_index(),
                    Columns::Wanted => 0,
                };
                self.scrub_batch(&batch, text, row_group, &mut pass, sink.as_mut())?;
            }
            if let Some(sink) = &mut sink {
                sink.end_row_group()?;
            }
            let bytes = source.metadata().row_group(row_group).compressed_size();
            done(pass.counts.rows_in - before, bytes.unsigned_abs());
            self.check_cancelled()?;
        }
        Ok(Finished { counts: pass.counts, written: sink.map(Sink::commit).transpose()? })
    }

    fn scrub_batch(
        &self,
        batch: &RecordBatch,
        text: usize,
        row_group: usize,
        pass: &mut Pass<'_>,
        sink: Option<&mut Sink>,
    ) -> Result<(), Stop> {
        let damaged = Fault::DamagedData { row_group };
        let column = batch.column(text);
        let slots = caught(|| slots(column)).flatten().ok_or(damaged.clone())?;
        let scrubbed = self.scrub_slots(&slots.values, pass, &damaged)?;
        let rows: Vec<Option<&Scrubbed>> =
            slots.of_row.iter().map(|slot| slot.and_then(|slot| scrubbed.by_slot[slot].as_ref())).collect();
        let first_row = pass.counts.rows_in;
        let keep = pass.count(&rows, self.plan.dedup_exact);
        let Some(sink) = sink else {
            return Ok(());
        };
        let findings =
            (first_row..).zip(&rows).filter_map(|(row, scrubbed)| scrubbed.map(|s| (row, s.findings.as_slice())));
        sink.findings.append(&pass.shard.name, findings, self.rules.policy())?;
        let new = if scrubbed.changes {
            let texts = texts(&slots.values).ok_or(damaged.clone())?;
            caught(|| with_texts(column, scrubbed.shown(&texts))).ok_or(damaged.clone())?
        } else {
            column.clone()
        };
        let mut columns = batch.columns().to_vec();
        columns[text] = new;
        let kept = caught(|| {
            RecordBatch::try_new(batch.schema(), columns).and_then(|batch| filter_record_batch(&batch, &keep))
        });
        let kept = kept.and_then(Result::ok).ok_or(damaged)?;
        sink.write(&kept)
    }

    /// Scrubs the slots of a batch. Batches of one row group share their dictionary: it is scrubbed once.
    fn scrub_slots(
        &self,
        values: &ArrayRef,
        pass: &mut Pass<'_>,
        damaged: &Fault,
    ) -> Result<std::sync::Arc<SlotsScrubbed>, Fault> {
        if let Some((known, scrubbed)) = &pass.dictionary
            && known.to_data().ptr_eq(&values.to_data())
        {
            return Ok(scrubbed.clone());
        }
        let texts = texts(values).ok_or(damaged.clone())?;
        let by_slot = self.pool.install(|| self.rules.scrub_all(&texts))?;
        let changes = by_slot.iter().flatten().any(|s| s.changed.is_some());
        let scrubbed = std::sync::Arc::new(SlotsScrubbed { by_slot, changes });
        pass.dictionary = Some((values.clone(), scrubbed.clone()));
        Ok(scrubbed)
    }
}

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
    seen: &'a mut Seen,
    counts: Counts,
    dictionary: Option<(ArrayRef, std::sync::Arc<SlotsScrubbed>)>,
}

impl Pass<'_> {
    /// Counts a batch of rows and decides which of them stay.
    fn count(&mut self, rows: &[Option<&Scrubbed>], dedup: bool) -> BooleanArray {
        let counts = &mut self.counts;
        let findings: &mut BTreeMap<Entity, u64> = &mut counts.findings;
        let mut keep = Vec::with_capacity(rows.len());
        for row in rows {
            counts.rows_in += 1;
            let Some(scrubbed) = row else {
                counts.rows_null += 1;
                keep.push(true);
                continue;
            };
            counts.rows_changed += u64::from(scrubbed.changed.is_some());
            for located in &scrubbed.findings {
                *findings.entry(located.finding.entity).or_default() += 1;
            }
            let new = !dedup || self.seen.insert(scrubbed.digest);
            counts.duplicates_removed += u64::from(!new);
            keep.push(new);
        }
        counts.rows_out += keep.iter().filter(|&&kept| kept).count() as u64;
        BooleanArray::from(keep)
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
            let options = writer_options(source.metadata(), source.text_leaf());
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
fn encoded<T>(result: Option<Result<T, ParquetError>>, target: &Path) -> Result<T, Stop> {
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
