//! The part of a shard's pass that is about record batches: Parquet and Arrow IPC alike.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use super::sink::Sink;
use super::{Finished, Pass, Run, Targets};
use crate::cells::{Cell, found, label};
use crate::column::{Slots, slots, texts, with_texts};
use crate::columnar::Columnar;
use crate::error::{Fault, Stop};
use crate::format::Layout;
use crate::guard::caught;
use crate::nested::{Leaf, Way, cells, leaf, leaf_type, with_leaf};
use crate::records::owners;
use crate::rows::Scrubbed;
use crate::scrub::check_changed;
use crate::source::Columns;

impl Run<'_> {
    pub(super) fn tables(
        &self,
        mut pass: Pass<'_>,
        arrow: Option<Layout>,
        targets: Option<&Targets>,
        done: &mut dyn FnMut(u64, u64),
    ) -> Result<Finished, Stop> {
        let plan = self.plan;
        let (path, owner) = (&pass.shard.path, plan.scope_column());
        let shares = plan.shares();
        // An Arrow batch is in memory as a whole.
        let limit = if arrow.is_some() { shares.row.min(plan.row_group_bytes_max) } else { plan.row_group_bytes_max };
        let mut source = Columnar::open_selected(path, arrow, &plan.columns, owner, limit)?.within(shares);
        let mut sink = targets.map(|targets| Sink::create(targets, &source)).transpose()?;
        let columns = if sink.is_some() { Columns::All } else { Columns::Wanted };
        let ways = source.ways(columns);
        let mut known = vec![None; ways.len()];
        for group in 0..source.groups() {
            let before = pass.tally.counts.rows_in;
            let damaged = source.damaged(group);
            for batch in source.batches(group, columns)? {
                self.check_cancelled()?;
                if pass.left() == 0 {
                    break;
                }
                let batch = batch?;
                let rows = usize::try_from(pass.left()).unwrap_or(usize::MAX).min(batch.num_rows());
                let batch = batch.slice(0, rows);
                self.batch(&batch, (&ways, &mut known), &damaged, &mut pass, sink.as_mut())?;
                if let Some(sink) = &mut sink {
                    sink.table().end_full_group(shares.group)?;
                }
            }
            if let Some(sink) = &mut sink {
                sink.table().end_group()?;
            }
            done(pass.tally.counts.rows_in - before, source.bytes(group));
            self.check_cancelled()?;
        }
        if sink.is_some() {
            check_changed(self.plan, &pass.tally.counts, Some(path))?;
        }
        Ok(Finished { counts: pass.tally.counts, written: sink.map(Sink::commit).transpose()? })
    }

    fn batch(
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
            if let Some(row) = longer(&leaf, &slots, self.plan.shares().row) {
                let (record, limit) = (pass.tally.counts.rows_in + row as u64 + 1, self.plan.shares().row);
                return Err(Fault::LongRecord { record, limit }.into());
            }
            let of_slot: Option<Vec<Option<&str>>> = units.as_ref().map(|units| {
                leaf.owners.iter().map(|owner| owner.as_ref().and_then(|(row, _)| units[*row].as_deref())).collect()
            });
            let known = matches!(leaf.values.data_type(), DataType::Dictionary(..)).then_some(known);
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
        sink.findings().append(&pass.shard.name, found, self.rules.policy())?;
        let mut columns = batch.columns().to_vec();
        for (way, (leaf, scrubbed, slots)) in ways.iter().zip(&leaves).filter(|(_, (_, scrubbed, _))| scrubbed.changes)
        {
            let texts = texts(&slots.values).ok_or(damaged.clone())?;
            put_texts(&mut columns, way, leaf, scrubbed.shown(&texts), damaged)?;
        }
        let kept = caught(|| kept(&RecordBatch::try_new(batch.schema(), columns)?, &keep));
        sink.table().write(&kept.and_then(Result::ok).ok_or(damaged.clone())?)
    }

    /// Scrubs the slots of a column. Batches of one row group share their dictionary: it is `known`, and scrubbed once.
    fn scrub_slots(
        &self,
        values: &ArrayRef,
        units: Option<&[Option<&str>]>,
        mut known: Option<&mut Known>,
        damaged: &Fault,
    ) -> Result<Arc<SlotsScrubbed>, Fault> {
        if let Some(Some((before, scrubbed))) = &known
            && units.is_none()
            && before.to_data().ptr_eq(&values.to_data())
        {
            return Ok(scrubbed.clone());
        }
        let texts = texts(values).ok_or(damaged.clone())?;
        let by_slot = self.pool.install(|| self.rules.scrub_all(&texts, units))?;
        let changes = by_slot.iter().flatten().any(|s| s.changed.is_some());
        let scrubbed = Arc::new(SlotsScrubbed { by_slot, changes });
        if let Some(known) = &mut known {
            **known = Some((values.clone(), scrubbed.clone()));
        }
        Ok(scrubbed)
    }
}

/// The rows of a batch that stay.
pub(crate) fn kept(batch: &RecordBatch, keep: &BooleanArray) -> Result<RecordBatch, ArrowError> {
    // Filtering all rows away would take the dictionaries too, and an Arrow file has one for all batches.
    if keep.true_count() == 0 { Ok(batch.slice(0, 0)) } else { filter_record_batch(batch, keep) }
}

/// Puts other texts into a column, at the end of its way; its type stays.
pub(crate) fn put_texts<'a>(
    columns: &mut [ArrayRef],
    way: &Way,
    leaf: &Leaf,
    shown: impl Iterator<Item = Option<&'a str>>,
    damaged: &Fault,
) -> Result<(), Fault> {
    let before = caught(|| leaf_type(&columns[way.top], way)).flatten().ok_or(damaged.clone())?;
    let mut new = caught(|| with_texts(&leaf.values, shown)).ok_or(damaged.clone())?;
    if *new.data_type() != before {
        // It fails when there are more texts now than the dictionary has keys.
        let shared = caught(|| cast(&new, &before)).and_then(Result::ok);
        new = shared.ok_or_else(|| Fault::UnsupportedColumn { column: way.path.clone() })?;
    }
    let put = || with_leaf(&columns[way.top], way, new);
    columns[way.top] = caught(put).flatten().ok_or(damaged.clone())?;
    Ok(())
}

/// The first row with a longer text than this.
fn longer(leaf: &Leaf, slots: &Slots, limit: u64) -> Option<usize> {
    let texts = texts(&slots.values)?;
    let is_longer = |slot: &Option<usize>| {
        let text = slot.and_then(|slot| texts.get(slot).copied().flatten());
        text.is_some_and(|text| text.len() as u64 > limit)
    };
    let at = slots.of_row.iter().position(is_longer)?;
    leaf.owners.get(at)?.as_ref().map(|(row, _)| *row)
}

/// A text column with one slot for each row.
pub(crate) fn unshared(column: &ArrayRef) -> Option<ArrayRef> {
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
