//! Pass 4: the shards again with the spans cut or masked; and the decisions, line by line.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use arrow::array::RecordBatch;
use serde_json::json;

use super::super::find::at;
use super::super::read::{Rows, read};
use super::super::write::{batches, copied, known, recorded, target, unchanged};
use super::super::{DedupPass, Run};
use super::Found;
use super::method::{Action, MASK, Spans};
use super::spanned::{Reader, Spanned};
use super::tokens::in_places;
use crate::atomic::{AtomicFile, Content, write_error};
use crate::cells::Cells;
use crate::column::{slots, texts};
use crate::columnar::Columnar;
use crate::error::{Error, Fault, Stop};
use crate::format::{Form, Format, Layout, format_of};
use crate::guard::caught;
use crate::lines::Lines;
use crate::manifest::OutputFile;
use crate::nested::{Way, cells, leaf};
use crate::output::OutputFolder;
use crate::packed::LinesFile;
use crate::rows::Scrubbed;
use crate::shard::{TableFile, put_texts, unshared};
use crate::source::Columns;

/// One file's pass.
struct Pass<'a> {
    run: &'a Run<'a>,
    action: Action,
    /// Numbers of its rows.
    rows: Range<u64>,
    spans: &'a mut Reader,
}

/// Writes every shard that is not there yet; what they are.
pub(super) fn shards(
    run: &Run<'_>,
    spans: &Spans,
    folder: &OutputFolder,
    found: &Found,
    lines: &Path,
) -> Result<Vec<OutputFile>, Error> {
    let mut reader = Reader::open(lines)?;
    let mut outputs = Vec::new();
    run.metered(DedupPass::Write, |meter| {
        let mut first = 0_u64;
        for (index, (file, extent)) in run.files.iter().zip(&found.extents).enumerate() {
            let rows = first..first + extent.rows;
            first = rows.end;
            if !file.reference {
                run.check_cancelled()?;
                let output = match known(run, folder, index)? {
                    Some(output) => output,
                    None => Pass { run, action: spans.action, rows, spans: &mut reader }.shard(folder, index)?,
                };
                outputs.push(output);
            }
            meter.file_done(index + 1);
        }
        Ok::<(), Error>(())
    })?;
    Ok(outputs)
}

impl Pass<'_> {
    /// Writes one shard, and what a run that goes on needs to know of it.
    fn shard(&mut self, folder: &OutputFolder, index: usize) -> Result<OutputFile, Error> {
        let (file, target) = target(self.run, folder, index)?;
        let rows = self.rows.end - self.rows.start;
        let content = self.content(&file.path, &target).map_err(|stop| at(stop, file))?;
        recorded(folder, index, file, content, rows)
    }

    fn content(&mut self, from: &Path, to: &Path) -> Result<Content, Stop> {
        if self.action == Action::Report || !self.spans.any(&self.rows)? {
            return copied(from, to);
        }
        match format_of(from)? {
            Format::Parquet => self.tables(from, None, to),
            Format::Arrow(layout) => self.tables(from, Some(layout), to),
            Format::Text(form) => self.lines(from, form, to),
        }
    }

    fn tables(&mut self, from: &Path, arrow: Option<Layout>, to: &Path) -> Result<Content, Stop> {
        let source = Columnar::open_selected(from, arrow, &self.run.plan.columns, None, u64::MAX)?;
        let file = TableFile::create(to, &source, true)?;
        let ways = source.ways(Columns::All);
        batches(self.run, source, file, &self.rows.clone(), &mut |batch, rows, damaged| {
            let spans = self.of_batch(&rows)?;
            if spans.is_empty() { Ok(batch.clone()) } else { self.batch(batch, &ways, rows.start, &spans, damaged) }
        })
    }

    fn batch(
        &self,
        batch: &RecordBatch,
        ways: &[Way],
        first: u64,
        spans: &[Spanned],
        damaged: &Fault,
    ) -> Result<RecordBatch, Stop> {
        let mut leaves = Vec::with_capacity(ways.len());
        for way in ways {
            let taken = || {
                let mut leaf = leaf(batch.column(way.top), way)?;
                // Rows that share a dictionary's value do not share what becomes of it: the first of them keeps it.
                leaf.values = unshared(&leaf.values)?;
                Some((slots(&leaf.values)?, leaf))
            };
            leaves.push(caught(taken).flatten().ok_or_else(|| damaged.clone())?);
        }
        let cells = cells(ways, leaves.iter().map(|(slots, leaf)| (leaf, slots)), batch.num_rows());
        let mut before = Vec::new();
        for (slots, _) in &leaves {
            before.extend(texts(&slots.values).ok_or_else(|| damaged.clone())?);
        }
        let new = self.rewritten(&cells, &before, first, spans)?;
        let (mut columns, mut start) = (batch.columns().to_vec(), 0);
        for (way, (slots, leaf)) in ways.iter().zip(&leaves) {
            let of_leaf = start..start + slots.values.len();
            start = of_leaf.end;
            if new[of_leaf.clone()].iter().any(Option::is_some) {
                let shown = of_leaf.map(|slot| new[slot].as_deref().or(before[slot]));
                put_texts(&mut columns, way, leaf, shown, damaged)?;
            }
        }
        let made = caught(|| RecordBatch::try_new(batch.schema(), columns)).and_then(Result::ok);
        Ok(made.ok_or_else(|| damaged.clone())?)
    }

    fn lines(&mut self, from: &Path, form: Form, to: &Path) -> Result<Content, Stop> {
        let mut lines = Lines::open(from, form, &self.run.plan.columns, None)?;
        let mut out = LinesFile::create(to, lines.compression())?;
        let mut row = self.rows.start;
        while let Some(batch) = lines.next(u64::MAX)? {
            self.run.check_cancelled()?;
            let rows = row..row + batch.lines().count() as u64;
            row = rows.end;
            let spans = self.of_batch(&rows)?;
            let before = batch.texts();
            let before: Vec<Option<&str>> = before.iter().map(|text| Some(&**text)).collect();
            let new = self.rewritten(&batch.cells, &before, rows.start, &spans)?;
            let new: Vec<Option<Scrubbed>> = new.into_iter().map(|new| new.map(Scrubbed::rewritten)).collect();
            let new: Vec<Option<&Scrubbed>> = new.iter().map(Option::as_ref).collect();
            let keep = std::iter::repeat_n(true, batch.lines().count());
            batch.write(&new, keep, &mut out).map_err(|source| write_error(to, source))?;
        }
        unchanged(row, self.rows.end)?;
        out.commit(to)
    }

    /// The spans of these rows, which are this file's unless it has grown.
    fn of_batch(&mut self, rows: &Range<u64>) -> Result<Vec<Spanned>, Stop> {
        if rows.end > self.rows.end {
            return Err(Fault::Unreadable { kind: std::io::ErrorKind::InvalidData }.into());
        }
        Ok(self.spans.of_rows(rows)?)
    }

    /// Slot by slot the text that a row shows now, where it has spans; rows begin with the number `first`.
    fn rewritten(
        &self,
        cells: &Cells,
        texts: &[Option<&str>],
        first: u64,
        spans: &[Spanned],
    ) -> Result<Vec<Option<String>>, Fault> {
        let mut new = vec![None; texts.len()];
        let rows: Vec<_> = cells.rows().collect();
        for of_text in spans.chunk_by(|one, other| (one.row, one.text) == (other.row, other.text)) {
            let damaged = || Fault::Unreadable { kind: std::io::ErrorKind::InvalidData };
            let row = rows.get((u64::from(of_text[0].row) - first) as usize).ok_or_else(damaged)?;
            let slot = in_places(row).get(of_text[0].text as usize).and_then(|cell| cell.slot).ok_or_else(damaged)?;
            let text = texts.get(slot).copied().flatten().ok_or_else(damaged)?;
            new[slot] = Some(without(text, of_text, self.action).ok_or_else(damaged)?);
        }
        Ok(new)
    }
}

/// A text without its spans, or with a mask for each; none if it is not the text that they were found in.
fn without(text: &str, spans: &[Spanned], action: Action) -> Option<String> {
    let (mut new, mut kept) = (String::with_capacity(text.len()), 0);
    for span in spans {
        let (start, end, mask) = match action {
            Action::Mask => (span.start, span.end, MASK),
            Action::Remove | Action::Report => (span.cut_start, span.cut_end, ""),
        };
        new.push_str(text.get(kept..start)?);
        new.push_str(mask);
        kept = end;
    }
    new.push_str(text.get(kept..)?);
    Some(new)
}

/// Writes the plan's file of decisions, if it names one: one line for every span.
pub(super) fn decisions(run: &Run<'_>, found: &Found, lines: &Path) -> Result<(), Error> {
    let Some(path) = &run.plan.decisions else { return Ok(()) };
    let failed = |source| write_error(path, source);
    let ends: Vec<u64> = found
        .extents
        .iter()
        .scan(0, |end, extent| {
            *end += extent.rows;
            Some(*end)
        })
        .collect();
    let names = names(run, found, lines)?;
    let name = |row: u32| {
        let file = ends.partition_point(|end| *end <= u64::from(row));
        let number = u64::from(row) - file.checked_sub(1).map_or(0, |before| ends[before]);
        let name = names.get(&row).cloned();
        (name.unwrap_or_else(|| format!("{}:{number}", run.files[file].shard.name)), run.files[file].reference)
    };
    let mut file = std::io::BufWriter::with_capacity(1 << 16, AtomicFile::create(path)?);
    let mut reader = Reader::open(lines)?;
    while let Some(span) = reader.next()? {
        let (anchor, reference) = name(span.anchor);
        let mut line = json!({
            "id": name(span.row).0,
            "column": span.column,
            "start": span.start,
            "end": span.end,
            "anchor": anchor,
        });
        if reference {
            line["anchor_is_reference"] = json!(true);
        }
        writeln!(file, "{line}").map_err(failed)?;
    }
    file.into_inner().map_err(|error| failed(error.into_error()))?.commit()?;
    Ok(())
}

/// What the name column says of the rows that have spans, or are named by one; held in memory.
fn names(run: &Run<'_>, found: &Found, lines: &Path) -> Result<BTreeMap<u32, String>, Error> {
    let mut names = BTreeMap::new();
    let Some(column) = run.plan.id_column.as_deref() else { return Ok(names) };
    let (mut wanted, mut reader) = (BTreeSet::new(), Reader::open(lines)?);
    while let Some(span) = reader.next()? {
        wanted.extend([span.row, span.anchor]);
    }
    let mut first = 0_u32;
    for (file, extent) in run.files.iter().zip(&found.extents) {
        let rows = first..first + extent.rows as u32;
        let mut row = rows.start;
        let each = &mut |batch: Rows<'_>, _: u64| -> Result<(), Stop> {
            run.check_cancelled()?;
            for value in &batch.beside[0] {
                if wanted.contains(&row) {
                    names.extend(value.text().map(|name| (row, name)));
                }
                row += 1;
            }
            Ok(())
        };
        if wanted.range(rows.clone()).next().is_some() {
            read(&file.shard.path, &run.plan.columns, &[column], each).map_err(|stop| at(stop, &file.shard))?;
        }
        first = rows.end;
    }
    Ok(names)
}
