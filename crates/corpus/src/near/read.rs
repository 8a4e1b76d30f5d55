//! Rows of a file for comparison: their texts, and the values of some columns beside them.

use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use serde_json::Value;

use crate::cells::{Cell, Cells};
use crate::column::{Slots, slots, texts};
use crate::columnar::Columnar;
use crate::csv::{self, Scanner};
use crate::error::{Fault, Stop};
use crate::format::{Form, Format, Layout, format_of};
use crate::guard::caught;
use crate::lines::{BYTE_ORDER_MARK, Lines};
use crate::nested::{Leaf, Way, cells, leaf};
use crate::selector::Selector;
use crate::source::{Columns, is_text};

/// A value beside a row's texts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Beside {
    #[default]
    Null,
    Whole(i64),
    Real(f64),
    Text(String),
    /// Of a table whose cells have no types: a text that may say a number.
    Cell(String),
}

impl Beside {
    /// The value as a name; none for null.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Whole(number) => Some(number.to_string()),
            Self::Real(number) => Some(number.to_string()),
            Self::Text(text) | Self::Cell(text) => Some(text.clone()),
        }
    }
}

/// Columns that are wanted beside the texts, each for a purpose, of which some may have none.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a, const PURPOSES: usize>(pub(super) [Option<&'a str>; PURPOSES]);

impl<'a, const PURPOSES: usize> Wanted<'a, PURPOSES> {
    /// What to ask [`read`] for.
    pub(super) fn columns(&self) -> Vec<&'a str> {
        self.0.iter().flatten().copied().collect()
    }

    /// The value of a row for a purpose, with its column.
    pub(super) fn value<'r>(&self, rows: &'r Rows<'_>, purpose: usize, row: usize) -> Option<(&'r Beside, &'a str)> {
        let column = self.0[purpose]?;
        let before = self.0[..purpose].iter().flatten().count();
        Some((&rows.beside[before][row], column))
    }
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
        Format::Parquet => tables(path, None, columns, beside, each),
        Format::Arrow(layout) => tables(path, Some(layout), columns, beside, each),
        Format::Text(form) => lines(path, form, columns, beside, each),
    }
}

fn tables(
    path: &Path,
    arrow: Option<Layout>,
    columns: &[Selector],
    beside: &[&str],
    each: &mut EachRows<'_>,
) -> Result<(), Stop> {
    let mut source = Columnar::open_selected(path, arrow, columns, None, u64::MAX)?.with_columns(beside)?;
    let ways = source.ways(Columns::Wanted);
    for group in 0..source.groups() {
        let (mut bytes, damaged) = (source.bytes(group), source.damaged(group));
        for batch in source.batches(group, Columns::Wanted)? {
            let (batch, damaged) = (batch?, || damaged.clone());
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

fn lines(path: &Path, form: Form, columns: &[Selector], beside: &[&str], each: &mut EachRows<'_>) -> Result<(), Stop> {
    let mut lines = Lines::open(path, form, columns, None)?;
    let mut before = 0;
    while let Some(batch) = lines.next(u64::MAX)? {
        let texts = batch.texts();
        let texts: Vec<Option<&str>> = texts.iter().map(|text| Some(&**text)).collect();
        let mut values = vec![Vec::new(); beside.len()];
        let mut add =
            |row: Vec<Beside>| row.into_iter().zip(&mut values).for_each(|(value, values)| values.push(value));
        match form {
            _ if beside.is_empty() => {}
            Form::Json => {
                for line in batch.lines() {
                    before += 1;
                    add(members(line, beside, before)?);
                }
            }
            Form::Csv { delimiter } => {
                let places = places(lines.column_names(), beside)?;
                batch.lines().for_each(|record| add(cells_at(record, &places, delimiter)));
            }
            // A document has no columns.
            Form::Document => batch.lines().for_each(|_| add(vec![Beside::Null; beside.len()])),
        }
        each(Rows { cells: &batch.cells, texts: &texts, beside: values }, lines.progress())?;
    }
    Ok(())
}

/// The values of some keys of a JSON object.
fn members(line: &str, names: &[&str], row: u64) -> Result<Vec<Beside>, Fault> {
    let object: Value =
        serde_json::from_str(line.trim_start_matches(BYTE_ORDER_MARK)).map_err(|_| Fault::DamagedLine { line: row })?;
    names.iter().map(|name| value(object.get(name), name, row)).collect()
}

/// Where the columns of these names stand in a table of cells.
fn places(header: &[String], names: &[&str]) -> Result<Vec<usize>, Fault> {
    let place = |name: &&str| {
        let missing = || Fault::NoColumn { column: (*name).to_owned(), cells: header.len() as u64 };
        header.iter().position(|column| column == name).ok_or_else(missing)
    };
    names.iter().map(place).collect()
}

/// The cells of a record at some places.
fn cells_at(record: &str, places: &[usize], delimiter: u8) -> Vec<Beside> {
    // It was read as one record before, so it is one.
    let cells =
        Scanner::new(delimiter).next(record.as_bytes(), true).ok().flatten().map_or_else(Vec::new, |it| it.cells);
    let cell = |place: &usize| match cells.get(*place).map(|cell| &record[cell.clone()]) {
        Some(raw) if !csv::is_null(raw) => Beside::Cell(csv::value(raw).into_owned()),
        _ => Beside::Null,
    };
    places.iter().map(cell).collect()
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
