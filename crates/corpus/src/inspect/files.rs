//! What a file is, and its texts, whatever kind of file it is.

use std::collections::BTreeSet;
use std::path::Path;

use parquet::file::metadata::RowGroupMetaData;
use serde_json::{Map, Value};

use super::{ColumnInspection, FileInspection};
use crate::column::{slots, texts};
use crate::columnar::Columnar;
use crate::error::Fault;
use crate::format::{Form, Format, format_of};
use crate::guard::caught;
use crate::lines::Lines;
use crate::packed::Compression;
use crate::selector::Selector;
use crate::source::{Columns, Kind};

/// What `file` is, and its columns.
pub(super) fn look(file: &Path, column: &str) -> Result<(FileInspection, Vec<ColumnInspection>), Fault> {
    if let Format::Text(form) = format_of(file)? {
        return lines(file, form, column);
    }
    let source = tables(file, column)?;
    let columns = source.schema().fields().iter().map(|field| ColumnInspection {
        name: field.name().clone(),
        data_type: field.data_type().to_string(),
        nullable: field.is_nullable(),
    });
    Ok((describe(file, &source), columns.collect()))
}

/// Hands every row's text to `each`.
pub(super) fn each_text(
    file: &Path,
    column: &str,
    each: &mut dyn FnMut(Option<&str>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    if let Format::Text(form) = format_of(file)? {
        let selectors = [Selector::column(column)];
        let mut lines = Lines::open(file, form, &selectors, None)?;
        while let Some(batch) = lines.next(u64::MAX)? {
            let texts = batch.texts();
            for row in batch.cells.rows() {
                let slot = row.first().and_then(|cell| cell.slot);
                each(slot.and_then(|slot| texts.get(slot)).map(|text| &**text))?;
            }
        }
        return Ok(());
    }
    let mut source = tables(file, column)?;
    for group in 0..source.groups() {
        let damaged = source.damaged(group);
        for batch in source.batches(group, Columns::Wanted)? {
            let batch = batch?;
            let found = caught(|| slots(batch.column_by_name(column)?)).flatten();
            let slots = found.ok_or_else(|| damaged.clone())?;
            let texts = texts(&slots.values).ok_or_else(|| damaged.clone())?;
            for slot in slots.of_row {
                each(slot.and_then(|slot| texts[slot]))?;
            }
        }
    }
    Ok(())
}

fn tables(file: &Path, column: &str) -> Result<Columnar, Fault> {
    let arrow = match format_of(file)? {
        Format::Arrow(layout) => Some(layout),
        _ => None,
    };
    Columnar::open_wanted(file, arrow, &[(column, Kind::Text)], u64::MAX)
}

fn size(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |metadata| metadata.len())
}

fn describe(file: &Path, source: &Columnar) -> FileInspection {
    let (row_group_rows_max, codecs): (u64, BTreeSet<String>) = match source {
        Columnar::Parquet(source) => {
            let groups = source.metadata().row_groups();
            let codec = |codec| format!("{codec:?}").to_lowercase();
            let chunks = groups.iter().flat_map(RowGroupMetaData::columns);
            (
                groups.iter().map(|group| group.num_rows().unsigned_abs()).max().unwrap_or(0),
                chunks.map(|chunk| codec(chunk.compression_codec())).collect(),
            )
        }
        Columnar::Arrow(file) => {
            let codec = file.survey.compression.map_or("uncompressed".to_owned(), |codec| format!("{codec:?}"));
            (file.survey.rows.iter().copied().max().unwrap_or(0), [codec.to_lowercase()].into())
        }
    };
    FileInspection {
        file: file.to_owned(),
        bytes: size(file),
        rows: source.rows(),
        row_groups: source.groups() as u64,
        row_group_rows_max,
        compression: codecs.into_iter().collect(),
    }
}

fn lines(file: &Path, form: Form, column: &str) -> Result<(FileInspection, Vec<ColumnInspection>), Fault> {
    let selectors = [Selector::column(column)];
    let mut lines = Lines::open(file, form, &selectors, None)?;
    let (mut rows, mut columns) = (0, Vec::new());
    while let Some(batch) = lines.next(u64::MAX)? {
        if rows == 0 && form == Form::Json {
            columns = members(batch.first_row().unwrap_or_default());
        }
        rows += batch.cells.rows().count() as u64;
    }
    let plain = |name: &str| ColumnInspection { name: name.to_owned(), data_type: "text".to_owned(), nullable: false };
    match form {
        Form::Json => {}
        Form::Csv { .. } => columns = lines.column_names().iter().map(|name| plain(name)).collect(),
        Form::Document => columns = vec![plain(column)],
    }
    let compression = match lines.compression() {
        Compression::None => "uncompressed",
        Compression::Gzip => "gzip",
        Compression::Zstandard => "zstd",
    };
    let compression = vec![compression.to_owned()];
    Ok((
        FileInspection {
            file: file.to_owned(),
            bytes: size(file),
            rows,
            row_groups: 0,
            row_group_rows_max: 0,
            compression,
        },
        columns,
    ))
}

/// Members of the first record and what they hold there.
fn members(line: &str) -> Vec<ColumnInspection> {
    let object: Map<String, Value> = serde_json::from_str(line).unwrap_or_default();
    let kind = |value: &Value| match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    let column = |(name, value): (&String, &Value)| ColumnInspection {
        name: name.clone(),
        data_type: kind(value).to_owned(),
        nullable: value.is_null(),
    };
    object.iter().map(column).collect()
}
