//! Shards with all their rows, each with what a removal would do to it: `dedup_keep`, `dedup_anchor` (the row that stays for it)
//! and `dedup_similarity` with that row.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use serde_json::{Value, json};

use super::Run;
use super::write::{batches, unchanged};
use crate::atomic::{Content, write_error};
use crate::columnar::Columnar;
use crate::csv;
use crate::error::{Error, Fault, Stop};
use crate::format::{Form, Format, Layout, format_of};
use crate::guard::caught;
use crate::lines::Lines;
use crate::packed::LinesFile;
use crate::shard::TableFile;

/// Names of the columns that are added.
const KEEP: &str = "dedup_keep";
const ANCHOR: &str = "dedup_anchor";
const SIMILARITY: &str = "dedup_similarity";

/// What is said of a row.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Mark {
    pub(super) goes: bool,
    /// Name of the row that stays instead, with the similarity; none for a row that stays or is over a limit.
    pub(super) anchor: Option<(String, f64)>,
}

type Marks<'a> = dyn Fn(u64) -> Mark + 'a;

/// Writes a shard of so many rows with a mark for each.
pub(super) fn shard(run: &Run<'_>, from: &Path, to: &Path, rows: u64, marks: &Marks<'_>) -> Result<Content, Stop> {
    match format_of(from)? {
        Format::Parquet => tables(run, from, None, to, rows, marks),
        Format::Arrow(layout) => tables(run, from, Some(layout), to, rows, marks),
        Format::Text(form) => lines(run, from, form, to, rows, marks),
    }
}

/// Refuses files that cannot be marked before they are read, where a header or a schema tells; lines of JSON are found out later.
pub(super) fn check(run: &Run<'_>) -> Result<(), Error> {
    let can = |path: &Path| -> Result<(), Fault> {
        let layout = match format_of(path)? {
            Format::Parquet => None,
            Format::Arrow(layout) => Some(layout),
            Format::Text(Form::Json) => return Ok(()),
            Format::Text(Form::Document) => return Err(Fault::NoColumns),
            Format::Text(form) => {
                let mut lines = Lines::open(path, form, &run.plan.columns, None)?;
                lines.next(1)?;
                return not_taken(lines.column_names());
            }
        };
        let source = Columnar::open_selected(path, layout, &run.plan.columns, None, u64::MAX)?;
        extended(source.schema()).map(|_| ())
    };
    let inputs = run.files.iter().filter(|file| !file.reference);
    inputs
        .map(|file| &file.shard.path)
        .try_for_each(|path| can(path).map_err(|fault| Error::Input { file: path.clone(), fault }))
}

fn not_taken(columns: &[String]) -> Result<(), Fault> {
    match [KEEP, ANCHOR, SIMILARITY].iter().find(|name| columns.iter().any(|column| column == *name)) {
        Some(name) => Err(taken(name)),
        None => Ok(()),
    }
}

/// A file that says something of that name already.
fn taken(column: &str) -> Fault {
    Fault::ColumnTaken { column: column.to_owned() }
}

fn tables(
    run: &Run<'_>,
    from: &Path,
    arrow: Option<Layout>,
    to: &Path,
    rows: u64,
    marks: &Marks<'_>,
) -> Result<Content, Stop> {
    let source = Columnar::open_selected(from, arrow, &run.plan.columns, None, u64::MAX)?;
    let schema = extended(source.schema())?;
    let file = TableFile::extended(to, &source, &schema)?;
    batches(run, source, file, &(0..rows), &mut |batch, rows, damaged| {
        let marks: Vec<Mark> = rows.map(marks).collect();
        let columns = batch.columns().iter().cloned().chain(columns(&marks)).collect();
        let marked = caught(|| RecordBatch::try_new(schema.clone(), columns)).and_then(Result::ok);
        Ok(marked.ok_or_else(|| damaged.clone())?)
    })
}

fn extended(schema: &Schema) -> Result<Arc<Schema>, Fault> {
    let added =
        [(KEEP, DataType::Boolean, false), (ANCHOR, DataType::Utf8, true), (SIMILARITY, DataType::Float64, true)];
    let known: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    not_taken(&known)?;
    let added = added.map(|(name, data_type, nullable)| Arc::new(Field::new(name, data_type, nullable)));
    let fields: Vec<_> = schema.fields().iter().cloned().chain(added).collect();
    let mut metadata = schema.metadata().clone();
    // These list the columns, and not these ones.
    for listing in ["huggingface", "pandas"] {
        metadata.remove(listing);
    }
    Ok(Arc::new(Schema::new_with_metadata(fields, metadata)))
}

fn columns(marks: &[Mark]) -> [ArrayRef; 3] {
    let keep: BooleanArray = marks.iter().map(|mark| Some(!mark.goes)).collect();
    let anchor: StringArray = marks.iter().map(|mark| mark.anchor.as_ref().map(|(name, _)| name.as_str())).collect();
    let similarity: Float64Array = marks.iter().map(|mark| mark.anchor.as_ref().map(|(_, value)| *value)).collect();
    [Arc::new(keep), Arc::new(anchor), Arc::new(similarity)]
}

fn lines(run: &Run<'_>, from: &Path, form: Form, to: &Path, rows: u64, marks: &Marks<'_>) -> Result<Content, Stop> {
    let mut lines = Lines::open(from, form, &run.plan.columns, None)?;
    let mut out = LinesFile::create(to, lines.compression())?;
    let failed = |source| write_error(to, source);
    let mut row = 0;
    while let Some(batch) = lines.next(u64::MAX)? {
        run.check_cancelled()?;
        match form {
            Form::Csv { delimiter } => {
                let separator = char::from(delimiter).to_string();
                let head = [KEEP, ANCHOR, SIMILARITY].map(|name| separator.clone() + name).concat();
                out.write_all(with_cells(batch.head(), &head).as_bytes()).map_err(failed)?;
                for record in batch.lines() {
                    let cells = cells(&mark(marks, row, rows), delimiter);
                    out.write_all(with_cells(record, &cells).as_bytes()).map_err(failed)?;
                    row += 1;
                }
            }
            _ => {
                for line in batch.lines() {
                    let line = with_members(line, &mark(marks, row, rows)).ok_or_else(|| taken(KEEP))?;
                    out.write_all(line.as_bytes()).map_err(failed)?;
                    row += 1;
                }
            }
        }
        out.write_all(batch.behind().as_bytes()).map_err(failed)?;
    }
    unchanged(row, rows)?;
    out.commit(to)
}

fn mark(marks: &Marks<'_>, row: u64, rows: u64) -> Mark {
    if row < rows { marks(row) } else { Mark::default() }
}

/// A JSON object's line with more members; none if it has one of them.
fn with_members(line: &str, mark: &Mark) -> Option<String> {
    let names = [KEEP, ANCHOR, SIMILARITY];
    // Only who may have such a member is parsed. An escaped name goes by unseen, and JSON then has two of it.
    if names.iter().any(|name| line.contains(name)) {
        let object: Value = serde_json::from_str(line.trim_start_matches(crate::lines::BYTE_ORDER_MARK)).ok()?;
        if names.iter().any(|name| object.get(name).is_some()) {
            return None;
        }
    }
    let (before, end) = line.split_at(line.rfind('}')?);
    let (anchor, similarity) =
        mark.anchor.as_ref().map_or((json!(null), json!(null)), |(name, value)| (json!(name), json!(value)));
    let comma = if before.trim_end().ends_with('{') { "" } else { ", " };
    let members = format!("\"{KEEP}\": {}, \"{ANCHOR}\": {anchor}, \"{SIMILARITY}\": {similarity}", !mark.goes);
    Some(format!("{}{comma}{members}{end}", before.trim_end()))
}

/// The cells of a mark, each with the delimiter before it.
fn cells(mark: &Mark, delimiter: u8) -> String {
    let (anchor, similarity) = match &mark.anchor {
        Some((name, value)) => (csv::cell(name, "", delimiter), value.to_string()),
        None => (String::new(), String::new()),
    };
    let between = char::from(delimiter);
    format!("{between}{}{between}{anchor}{between}{similarity}", !mark.goes)
}

/// A record with cells put before the end of its line; nothing where there is no record.
fn with_cells(record: &str, cells: &str) -> String {
    let bare = record.trim_end_matches(['\r', '\n']);
    if bare.is_empty() {
        return record.to_owned();
    }
    format!("{bare}{cells}{}", &record[bare.len()..])
}
