//! Pass 3: the shards again, without the rows that go; and the decisions, line by line.

use std::fs::File as Disk;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use arrow::array::{BooleanArray, RecordBatch};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::annotate::{self, Mark};
use super::decide::{Class, Decided, Decision};
use super::find::{Bits, at};
use super::plan::{Near, What};
use super::{DedupPass, Document, Run};
use crate::atomic::{AtomicFile, Content, sweep, write_error, write_json};
use crate::columnar::Columnar;
use crate::error::{Error, Fault, Stop};
use crate::format::{Form, Format, Layout, format_of};
use crate::guard::caught;
use crate::inputs::Shard;
use crate::lines::Lines;
use crate::manifest::OutputFile;
use crate::output::OutputFolder;
use crate::packed::LinesFile;
use crate::resume::file_digest;
use crate::shard::{TableFile, kept};
use crate::source::Columns;

/// What an interrupted run leaves of a shard that is done.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) output: OutputFile,
}

/// Writes every shard that is not there yet; what they are.
pub(super) fn shards(run: &Run<'_>, folder: &OutputFolder, decided: &Decided) -> Result<Vec<OutputFile>, Error> {
    let (goes, names) = (gone(decided), Names::new(run, decided));
    let mut outputs = Vec::new();
    run.metered(DedupPass::Write, |meter| {
        let mut first = 0_u64;
        for (index, (file, extent)) in run.files.iter().zip(&decided.extents).enumerate() {
            let rows = first..first + extent.rows;
            first = rows.end;
            if !file.reference {
                run.check_cancelled()?;
                let row = |row: u64| (rows.start + row) as Document;
                let output = match known(run, folder, index)? {
                    Some(output) => Some(output),
                    None if run.plan.annotate => {
                        Some(annotated(run, folder, index, extent.rows, &|at| names.mark(row(at)))?)
                    }
                    None => written(run, folder, index, extent.rows, &|at| goes.has(row(at)))?,
                };
                outputs.extend(output);
            }
            meter.file_done(index + 1);
        }
        Ok::<(), Error>(())
    })?;
    Ok(outputs)
}

/// Writes one shard, and what a run that goes on needs to know of it; nothing for a document that goes.
fn written(
    run: &Run<'_>,
    folder: &OutputFolder,
    index: usize,
    rows: u64,
    goes: &dyn Fn(u64) -> bool,
) -> Result<Option<OutputFile>, Error> {
    let (file, target) = target(run, folder, index)?;
    let kept = rows - (0..rows).filter(|row| goes(*row)).count() as u64;
    let content = shard(run, &file.path, &target, rows, kept, goes).map_err(|stop| at(stop, file))?;
    let Some(content) = content else { return Ok(None) };
    recorded(folder, index, file, content, kept).map(Some)
}

/// Writes one shard with all its rows, and what a run that goes on needs to know of it.
fn annotated(
    run: &Run<'_>,
    folder: &OutputFolder,
    index: usize,
    rows: u64,
    marks: &dyn Fn(u64) -> Mark,
) -> Result<OutputFile, Error> {
    let (file, target) = target(run, folder, index)?;
    let content = annotate::shard(run, &file.path, &target, rows, marks).map_err(|stop| at(stop, file))?;
    recorded(folder, index, file, content, rows)
}

/// A shard, and its place in the output folder, without what an interrupted run left of it.
pub(super) fn target<'a>(run: &'a Run<'_>, folder: &OutputFolder, index: usize) -> Result<(&'a Shard, PathBuf), Error> {
    let file = &run.files[index].shard;
    let target = folder.shard(&file.name);
    if let Some(parent) = target.parent() {
        sweep(parent)?;
    }
    Ok((file, target))
}

pub(super) fn recorded(
    folder: &OutputFolder,
    index: usize,
    file: &Shard,
    content: Content,
    rows: u64,
) -> Result<OutputFile, Error> {
    let output = OutputFile { file: file.name.clone(), sha256: content.sha256, bytes: content.bytes, rows };
    write_json(&folder.record(index), &Record { output: output.clone() })?;
    Ok(output)
}

/// The rows that go.
fn gone(decided: &Decided) -> Bits {
    let rows = decided.extents.iter().map(|extent| extent.rows).sum::<u64>();
    let mut goes = Bits::new(rows as u32);
    for decision in decided.decisions.iter().filter(|decision| decision.goes()) {
        goes.set(decision.document);
    }
    goes
}

pub(super) fn known(run: &Run<'_>, folder: &OutputFolder, index: usize) -> Result<Option<OutputFile>, Error> {
    let record = std::fs::read(folder.record(index)).ok();
    let Some(record) = record.and_then(|text| serde_json::from_slice::<Record>(&text).ok()) else { return Ok(None) };
    let now = file_digest(&folder.shard(&record.output.file), run.cancelled)?;
    let whole =
        record.output.file == run.files[index].shard.name && now.is_some_and(|now| now.sha256 == record.output.sha256);
    Ok(whole.then_some(record.output))
}

fn shard(
    run: &Run<'_>,
    from: &Path,
    to: &Path,
    rows: u64,
    kept: u64,
    goes: &dyn Fn(u64) -> bool,
) -> Result<Option<Content>, Stop> {
    if kept == rows {
        return copied(from, to).map(Some);
    }
    match format_of(from)? {
        Format::Parquet => tables(run, from, None, to, rows, goes).map(Some),
        Format::Arrow(layout) => tables(run, from, Some(layout), to, rows, goes).map(Some),
        // Nothing is left of a document that goes, not even an empty one.
        Format::Text(Form::Document) => Ok(None),
        Format::Text(form) => lines(run, from, form, to, rows, goes).map(Some),
    }
}

/// Nothing goes, so nothing is decoded, and every byte stays.
pub(super) fn copied(from: &Path, to: &Path) -> Result<Content, Stop> {
    let mut file = AtomicFile::create(to)?;
    let mut source = Disk::open(from).map_err(|error| crate::source::unreadable(&error))?;
    std::io::copy(&mut source, &mut file).map_err(|source| write_error(to, source))?;
    Ok(file.commit()?)
}

/// A batch as it is written, of the batch that was read, the numbers of its rows, and what to say where it is damaged.
pub(super) type Made<'a> = dyn FnMut(&RecordBatch, Range<u64>, &Fault) -> Result<RecordBatch, Stop> + 'a;

/// Writes a file of record batches whose rows have these numbers, batch by batch.
pub(super) fn batches(
    run: &Run<'_>,
    mut source: Columnar,
    mut file: TableFile,
    rows: &Range<u64>,
    made: &mut Made<'_>,
) -> Result<Content, Stop> {
    let mut row = rows.start;
    for group in 0..source.groups() {
        let damaged = source.damaged(group);
        for batch in source.batches(group, Columns::All)? {
            run.check_cancelled()?;
            let batch = batch?;
            let of_batch = row..row + batch.num_rows() as u64;
            row = of_batch.end;
            if row > rows.end {
                break;
            }
            file.write(&made(&batch, of_batch, &damaged)?)?;
        }
        file.end_group()?;
    }
    unchanged(row, rows.end)?;
    Ok(file.close()?.commit()?)
}

fn tables(
    run: &Run<'_>,
    from: &Path,
    arrow: Option<Layout>,
    to: &Path,
    rows: u64,
    goes: &dyn Fn(u64) -> bool,
) -> Result<Content, Stop> {
    let source = Columnar::open_selected(from, arrow, &run.plan.columns, None, u64::MAX)?;
    // No text changes and the order stays: what is sorted is sorted still.
    let file = TableFile::create(to, &source, false)?;
    batches(run, source, file, &(0..rows), &mut |batch, rows, damaged| {
        let keep: BooleanArray = rows.map(|row| Some(!goes(row))).collect();
        Ok(caught(|| kept(batch, &keep)).and_then(Result::ok).ok_or_else(|| damaged.clone())?)
    })
}

fn lines(
    run: &Run<'_>,
    from: &Path,
    form: Form,
    to: &Path,
    rows: u64,
    goes: &dyn Fn(u64) -> bool,
) -> Result<Content, Stop> {
    let mut lines = Lines::open(from, form, &run.plan.columns, None)?;
    let mut out = LinesFile::create(to, lines.compression())?;
    let mut row = 0;
    while let Some(batch) = lines.next(u64::MAX)? {
        run.check_cancelled()?;
        let count = batch.lines().count() as u64;
        let unchanged_texts = vec![None; batch.texts().len()];
        let keep = (row..row + count).map(|row| !(row < rows && goes(row)));
        batch.write(&unchanged_texts, keep, &mut out).map_err(|source| write_error(to, source))?;
        row += count;
    }
    unchanged(row, rows)?;
    out.commit(to)
}

/// A file that has other rows than when it was read first cannot be written by those decisions.
pub(super) fn unchanged(now: u64, before: u64) -> Result<(), Fault> {
    let kind = std::io::ErrorKind::InvalidData;
    if now == before { Ok(()) } else { Err(Fault::Unreadable { kind }) }
}

/// How rows are called.
struct Names<'a> {
    run: &'a Run<'a>,
    decided: &'a Decided,
    /// Where each file's rows end.
    ends: Vec<u64>,
}

impl<'a> Names<'a> {
    fn new(run: &'a Run<'a>, decided: &'a Decided) -> Self {
        let after = |end: &mut u64, extent: &super::Extent| {
            *end += extent.rows;
            Some(*end)
        };
        Self { run, decided, ends: decided.extents.iter().scan(0, after).collect() }
    }

    /// What is decided of a row, if anything is.
    fn decision(&self, document: Document) -> Option<&'a Decision> {
        let known = self.decided.decisions.binary_search_by_key(&document, |decision| decision.document);
        known.ok().map(|at| &self.decided.decisions[at])
    }

    /// A row's name, and whether it is a reference's.
    fn of(&self, document: Document) -> (String, bool) {
        let file = self.ends.partition_point(|end| *end <= u64::from(document));
        let row = u64::from(document) - file.checked_sub(1).map_or(0, |before| self.ends[before]);
        let id = self.decision(document).and_then(|decision| decision.id.clone());
        let file = &self.run.files[file];
        (id.unwrap_or_else(|| format!("{}:{row}", file.shard.name)), file.reference)
    }

    fn mark(&self, document: Document) -> Mark {
        let Some(decision) = self.decision(document) else { return Mark::default() };
        let copy = decision.anchor != decision.document;
        Mark { goes: decision.goes(), anchor: copy.then(|| (self.of(decision.anchor).0, decision.similarity)) }
    }
}

/// Writes the plan's file of decisions, if it names one: one line for every row that goes, and for every row others go for.
pub(super) fn decisions(run: &Run<'_>, decided: &Decided) -> Result<(), Error> {
    let Some(path) = &run.plan.decisions else { return Ok(()) };
    let failed = |source| write_error(path, source);
    let measure = match run.plan.what {
        What::Near(Near { measure: privet_dedup::Measure::Containment, .. }) => "containment",
        _ => "jaccard",
    };
    let names = Names::new(run, decided);
    let mut file = std::io::BufWriter::with_capacity(1 << 16, AtomicFile::create(path)?);
    for decision in &decided.decisions {
        let keep = !decision.goes();
        let (id, reference) = names.of(decision.document);
        let mut line = json!({ "id": id, "cluster": decision.anchor, "keep": keep });
        if decision.anchor == decision.document {
            line["anchor"] = json!(null);
            line[measure] = json!(null);
            if !keep {
                line["class"] = json!(decision.class);
            }
        } else {
            let (anchor, against) = names.of(decision.anchor);
            line["anchor"] = json!(anchor);
            line[measure] = json!(decision.similarity);
            line["class"] = json!(decision.class);
            if against {
                line["anchor_is_reference"] = json!(true);
            }
        }
        if reference {
            line["reference"] = json!(true);
        }
        writeln!(file, "{line}").map_err(failed)?;
    }
    file.into_inner().map_err(|error| failed(error.into_error()))?.commit()?;
    Ok(())
}

/// Rows that go, by class.
pub(super) fn by_class(decided: &Decided) -> [u64; 4] {
    let mut counts = [0; 4];
    for decision in decided.decisions.iter().filter(|decision| decision.goes()) {
        counts[match decision.class {
            Class::Raw => 0,
            Class::Normalised => 1,
            Class::Near => 2,
            Class::OverLimit => 3,
        }] += 1;
    }
    counts
}
