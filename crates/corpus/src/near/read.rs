//! Rows of a file for comparison: their texts, and the values of some columns beside them.

use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use serde_json::Value;

use crate::cells::{Cell, Cells};
use crate::column::{Slots, slots, texts};
use crate::error::{Fault, Stop};
use crate::format::{Form, Format, format_of};
use crate::guard::caught;
use crate::lines::{BYTE_ORDER_MARK, Lines};
use crate::nested::{Leaf, Way, cells, leaf};
use crate::selector::Selector;
use crate::source::{Columns, Source, is_text};

/// A value beside a row's texts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Beside {
    #[default]
    Null,
    Whole(i64),
    Real(f64),
    Text(String),
}

/// Some rows.
pub(super) struct Rows<'a> {
    cells: &'a Cells,
    texts: &'a [Option<&'a str>],
    /// Per column asked for, per row.
    pub(super) beside: Vec<Vec<Beside>>,
}

/// One row: its texts in their places.
#[derive(Clone)]
pub(super) struct Row<'a> {
    pub(super) cells: &'a [Cell],
    texts: &'a [Option<&'a str>],
}

impl<'a> Rows<'a> {
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'a>> {
        let texts = self.texts;
        self.cells.rows().map(move |cells| Row { cells, texts })
    }
}

impl<'a> Row<'a> {
    /// The text of a slot.
    pub(super) fn text(&self, slot: usize) -> Option<&'a str> {
        self.texts[slot]
    }

    /// The texts by their places, whatever order the row has them in.
    pub(super) fn texts(&self) -> Vec<&'a str> {
        if let [cell] = self.cells {
            return cell.slot.and_then(|slot| self.texts[slot]).into_iter().collect();
        }
        let mut cells: Vec<&Cell> = self.cells.iter().collect();
        cells.sort_by_key(|cell| (cell.selector, &cell.at));
        cells.into_iter().filter_map(|cell| self.texts[cell.slot?]).collect()
    }
}

/// Takes some rows and how many encoded bytes of the file they end.
pub(super) type EachRows<'a> = dyn FnMut(Rows<'_>, u64) -> Result<(), Stop> + 'a;

/// Hands a file's rows to `each`, batch by batch.
pub(super) fn read(path: &Path, columns: &[Selector], beside: &[&str], each: &mut EachRows<'_>) -> Result<(), Stop> {
    match format_of(path)? {
        Format::Parquet => parquet(path, columns, beside, each),
        Format::Text(Form::Json) => lines(path, columns, beside, each),
        _ => Err(Fault::UnknownFormat.into()),
    }
}

fn parquet(path: &Path, columns: &[Selector], beside: &[&str], each: &mut EachRows<'_>) -> Result<(), Stop> {
    let source = Source::open_selected(path, columns, None, u64::MAX)?.with_columns(beside)?;
    let ways = source.ways(Columns::Wanted);
    for row_group in 0..source.row_groups() {
        let mut bytes = source.metadata().row_group(row_group).compressed_size().unsigned_abs();
        for batch in source.batches(row_group, Columns::Wanted)? {
            let (batch, damaged) = (batch?, || Fault::DamagedData { row_group });
            let taken = |way: &Way| -> Option<(Leaf, Slots)> {
                let leaf = leaf(batch.column(way.top), way)?;
                let slots = slots(&leaf.values)?;
                Some((leaf, slots))
            };
            let leaves = caught(|| ways.iter().map(taken).collect::<Option<Vec<_>>>()).flatten().ok_or_else(damaged)?;
            let mut values = Vec::new();
            for (_, slots) in &leaves {
                values.extend(texts(&slots.values).ok_or_else(damaged)?);
            }
            let cells = cells(&ways, leaves.iter().map(|(leaf, slots)| (leaf, slots)), batch.num_rows());
            let beside = beside.iter().map(|name| values_of(&batch, name)).collect::<Result<_, Fault>>()?;
            each(Rows { cells: &cells, texts: &values, beside }, std::mem::take(&mut bytes))?;
        }
    }
    Ok(())
}

/// The values of a column, row by row.
fn values_of(batch: &RecordBatch, name: &str) -> Result<Vec<Beside>, Fault> {
    let missing = || Fault::MissingColumn { column: name.to_owned(), available: Vec::new(), closest: None };
    let column = batch.column_by_name(name).ok_or_else(missing)?;
    let taken = caught(|| taken(column)).flatten();
    taken.ok_or_else(|| Fault::NotText {
        column: name.to_owned(),
        data_type: column.data_type().to_string(),
        available: Vec::new(),
    })
}

fn taken(column: &ArrayRef) -> Option<Vec<Beside>> {
    let values: Vec<Beside> = match column.data_type() {
        data_type if is_text(data_type) => {
            let column = cast(column, &DataType::LargeUtf8).ok()?;
            let values = column.as_string::<i64>();
            (0..values.len()).map(|row| Beside::Text(values.value(row).to_owned())).collect()
        }
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let column = cast(column, &DataType::Float64).ok()?;
            column.as_primitive::<Float64Type>().values().iter().map(|value| Beside::Real(*value)).collect()
        }
        data_type if data_type.is_integer() || data_type.is_temporal() || *data_type == DataType::Boolean => {
            let column = cast(column, &DataType::Int64).ok()?;
            column.as_primitive::<Int64Type>().values().iter().map(|value| Beside::Whole(*value)).collect()
        }
        _ => return None,
    };
    let or_null = |(row, value)| if column.is_valid(row) { value } else { Beside::Null };
    Some(values.into_iter().enumerate().map(or_null).collect())
}

fn lines(path: &Path, columns: &[Selector], beside: &[&str], each: &mut EachRows<'_>) -> Result<(), Stop> {
    let mut lines = Lines::open(path, Form::Json, columns, None)?;
    let mut before = 0;
    while let Some(batch) = lines.next(u64::MAX)? {
        let texts = batch.texts();
        let texts: Vec<Option<&str>> = texts.iter().map(|text| Some(&**text)).collect();
        let mut values = vec![Vec::new(); beside.len()];
        if !beside.is_empty() {
            for line in batch.lines() {
                before += 1;
                let object: Value = serde_json::from_str(line.trim_start_matches(BYTE_ORDER_MARK))
                    .map_err(|_| Fault::DamagedLine { line: before })?;
                for (name, values) in beside.iter().zip(&mut values) {
                    values.push(value(object.get(name), name, before)?);
                }
            }
        }
        each(Rows { cells: &batch.cells, texts: &texts, beside: values }, lines.progress())?;
    }
    Ok(())
}

fn value(value: Option<&Value>, name: &str, row: u64) -> Result<Beside, Fault> {
    match value {
        Some(Value::Null) => Ok(Beside::Null),
        Some(Value::String(text)) => Ok(Beside::Text(text.clone())),
        Some(Value::Bool(yes)) => Ok(Beside::Whole(i64::from(*yes))),
        Some(Value::Number(number)) => Ok(match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Beside::Whole(whole),
            (None, Some(real)) => Beside::Real(real),
            (None, None) => Beside::Null,
        }),
        _ => Err(Fault::DamagedRecord { line: row, key: name.to_owned(), wanted: "a string or a number" }),
    }
}
