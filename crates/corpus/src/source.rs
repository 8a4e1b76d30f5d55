//! Reading one Parquet file that may be anything.
//!
//! Every call into the decoder is guarded, every promise of the footer is checked against what arrives
//! (magic, sizes, row counts), and what goes wrong becomes a [`Fault`] without the decoder's own words.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Type as PhysicalType;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use crate::closest::closest;
use crate::error::Fault;
use crate::guard::caught;
use crate::memory::Shares;
use crate::nested::{Way, ways};
use crate::selector::Selector;

/// Rows of a batch at most.
const BATCH_ROWS_MAX: u64 = 8192;
const MAGIC: &[u8; 4] = b"PAR1";
const MAGIC_ENCRYPTED: &[u8; 4] = b"PARE";

/// Which columns to decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columns {
    All,
    Wanted,
}

/// What a wanted column must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// A list of structs with `role` and `content`.
    Chat,
    /// Text or whole numbers that say whose a row is.
    Owner,
}

/// An open Parquet file with the columns that are wanted of it.
pub(crate) struct Source {
    file: File,
    metadata: ArrowReaderMetadata,
    /// Indices among the top-level columns, ascending and each once for selected texts, in the order asked for otherwise.
    columns: Vec<usize>,
    ways: Vec<Way>,
    /// Bytes of encoded rows that a batch aims at, so that wide rows come in small batches.
    batch_bytes: u64,
}

impl Source {
    /// Opens `path` and finds its text column.
    #[cfg(test)]
    pub(crate) fn open(path: &Path, column: &str, row_group_bytes_max: u64) -> Result<Self, Fault> {
        Self::open_wanted(path, &[(column, Kind::Text)], row_group_bytes_max)
    }

    /// Opens `path` and finds the columns of these names; there is at least one.
    pub(crate) fn open_wanted(path: &Path, wanted: &[(&str, Kind)], row_group_bytes_max: u64) -> Result<Self, Fault> {
        let (file, metadata) = checked(path, row_group_bytes_max)?;
        let find = |(name, kind): &(&str, Kind)| find_column(metadata.schema(), name, *kind);
        let columns = wanted.iter().map(find).collect::<Result<_, _>>()?;
        Ok(Self { file, metadata, columns, ways: Vec::new(), batch_bytes: Shares::all().columns })
    }

    /// Opens `path` and finds every text that the selectors mean, and the column that says whose a row is, if there is one.
    pub(crate) fn open_selected(
        path: &Path,
        selectors: &[Selector],
        owner: Option<&str>,
        row_group_bytes_max: u64,
    ) -> Result<Self, Fault> {
        let (file, metadata) = checked(path, row_group_bytes_max)?;
        let ways = ways(metadata.schema(), selectors)?;
        let mut columns: Vec<usize> = ways.iter().map(|way| way.top).collect();
        if let Some(owner) = owner {
            columns.push(find_column(metadata.schema(), owner, Kind::Owner)?);
        }
        columns.sort_unstable();
        columns.dedup();
        Ok(Self { file, metadata, columns, ways, batch_bytes: Shares::all().columns })
    }

    /// Decodes no more at once than these shares, by the average row.
    pub(crate) fn within(mut self, shares: Shares) -> Self {
        self.batch_bytes = shares.columns;
        self
    }

    /// Decodes these columns at the top too, whatever they hold.
    pub(crate) fn with_columns(mut self, names: &[&str]) -> Result<Self, Fault> {
        for name in names {
            self.columns.push(column(self.metadata.schema(), name)?);
        }
        self.columns.sort_unstable();
        self.columns.dedup();
        Ok(self)
    }

    pub(crate) fn metadata(&self) -> &ParquetMetaData {
        self.metadata.metadata()
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// The ways to the selected texts in a batch of these columns.
    pub(crate) fn ways(&self, columns: Columns) -> Vec<Way> {
        let place = |top: usize| self.columns.iter().position(|column| *column == top).unwrap_or(top);
        let moved = |way: &Way| match columns {
            Columns::All => way.clone(),
            Columns::Wanted => Way { top: place(way.top), ..way.clone() },
        };
        self.ways.iter().map(moved).collect()
    }

    /// Indices of everything below the columns with texts among the leaves.
    pub(crate) fn text_leaves(&self) -> Vec<usize> {
        let leaves = self.metadata.parquet_schema();
        let holds_text = |leaf: &usize| self.ways.iter().any(|way| way.top == leaves.get_column_root_idx(*leaf));
        (0..leaves.num_columns()).filter(holds_text).collect()
    }

    pub(crate) fn row_groups(&self) -> usize {
        self.metadata().num_row_groups()
    }

    /// Rows of all row groups together, as the footer says.
    pub(crate) fn rows(&self) -> u64 {
        let groups = self.metadata().row_groups().iter();
        groups.map(|group| group.num_rows().unsigned_abs()).sum()
    }

    /// Decodes one row group, batch by batch.
    pub(crate) fn batches(&self, row_group: usize, columns: Columns) -> Result<Batches, Fault> {
        let group = self.metadata().row_group(row_group);
        let rows = group.num_rows().unsigned_abs();
        let bytes = group.total_byte_size().unsigned_abs().max(1);
        let batch_rows = self.batch_bytes.saturating_mul(rows) / bytes;
        let leaves = self.metadata.parquet_schema();
        let projection = match columns {
            Columns::All => ProjectionMask::all(),
            Columns::Wanted => ProjectionMask::roots(leaves, self.columns.iter().copied()),
        };
        let file = self.file.try_clone().map_err(|error| unreadable(&error))?;
        let reader = caught(|| {
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                .with_row_groups(vec![row_group])
                .with_batch_size(batch_rows.clamp(1, BATCH_ROWS_MAX) as usize)
                .with_projection(projection)
                .build()
        });
        match reader {
            Some(Ok(reader)) => Ok(Batches { reader: Some(Box::new(reader)), row_group, rows_left: rows }),
            Some(Err(error)) => Err(parquet_fault(&error, Fault::DamagedData { row_group })),
            None => Err(Fault::DecoderPanic),
        }
    }
}

type Decoder = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

/// Batches of one row group; ends after the first fault.
pub(crate) struct Batches {
    reader: Option<Decoder>,
    row_group: usize,
    rows_left: u64,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.reader.as_mut()?;
        let damaged = Fault::DamagedData { row_group: self.row_group };
        let fault = match caught(|| reader.next()) {
            Some(Some(Ok(batch))) => {
                let rows = batch.num_rows() as u64;
                if rows > 0 && rows <= self.rows_left {
                    self.rows_left -= rows;
                    return Some(Ok(batch));
                }
                damaged
            }
            Some(None) if self.rows_left == 0 => {
                self.reader = None;
                return None;
            }
            // The pages ended before the rows that the footer promises.
            Some(None) => damaged,
            Some(Some(Err(error))) => arrow_fault(&error, damaged),
            None => Fault::DecoderPanic,
        };
        let reader = self.reader.take();
        caught(|| drop(reader));
        Some(Err(fault))
    }
}

/// True for the types whose values are text.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => {
            matches!(**values, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        }
        _ => false,
    }
}

fn checked(path: &Path, row_group_bytes_max: u64) -> Result<(File, ArrowReaderMetadata), Fault> {
    let mut file = File::open(path).map_err(|error| unreadable(&error))?;
    check_magic(&mut file)?;
    let metadata = load(&file)?;
    check_row_groups(metadata.metadata(), row_group_bytes_max)?;
    Ok((file, metadata))
}

pub(crate) fn unreadable(error: &std::io::Error) -> Fault {
    Fault::Unreadable { kind: error.kind() }
}

fn load(file: &File) -> Result<ArrowReaderMetadata, Fault> {
    // Page statistics in full, not as a mask: they tell which page version the file uses.
    let options = ArrowReaderOptions::new().with_encoding_stats_as_mask(false);
    match caught(|| ArrowReaderMetadata::load(file, options)) {
        Some(Ok(metadata)) => Ok(metadata),
        Some(Err(error)) => Err(parquet_fault(&error, Fault::DamagedFooter)),
        None => Err(Fault::DecoderPanic),
    }
}

fn check_magic(file: &mut File) -> Result<(), Fault> {
    let mut head = [0; 4];
    let mut tail = [0; 4];
    let length = file.seek(SeekFrom::End(0)).map_err(|error| unreadable(&error))?;
    if length < 4 {
        return Err(Fault::NotParquet);
    }
    file.rewind()
        .and_then(|()| file.read_exact(&mut head))
        .and_then(|()| file.seek(SeekFrom::End(-4)))
        .and_then(|_| file.read_exact(&mut tail))
        .map_err(|error| unreadable(&error))?;
    match (&head, &tail) {
        (MAGIC, MAGIC) if length >= 12 => Ok(()),
        (MAGIC_ENCRYPTED, _) | (_, MAGIC_ENCRYPTED) => Err(Fault::Encrypted),
        (MAGIC, _) => Err(Fault::Truncated),
        _ => Err(Fault::NotParquet),
    }
}

fn check_row_groups(metadata: &ParquetMetaData, limit: u64) -> Result<(), Fault> {
    for (row_group, group) in metadata.row_groups().iter().enumerate() {
        let declared = u64::try_from(group.total_byte_size());
        let (Ok(bytes), true) = (declared, group.num_rows() >= 0) else {
            return Err(Fault::DamagedFooter);
        };
        if bytes > limit {
            return Err(Fault::TooLarge { row_group, bytes, limit });
        }
    }
    Ok(())
}

/// True for a list of structs with a text `role` and a text `content`.
fn is_chat(data_type: &DataType) -> bool {
    let (DataType::List(item) | DataType::LargeList(item)) = data_type else { return false };
    let DataType::Struct(fields) = item.data_type() else { return false };
    let holds = |name: &str| fields.iter().any(|field| field.name() == name && is_text(field.data_type()));
    holds("role") && holds("content")
}

pub(crate) fn find_column(schema: &SchemaRef, wanted: &str, kind: Kind) -> Result<usize, Fault> {
    let available: Vec<String> =
        schema.fields().iter().filter(|field| is_text(field.data_type())).map(|field| field.name().clone()).collect();
    let found = schema.fields().iter().position(|field| field.name() == wanted);
    let Some(index) = found else {
        return Err(Fault::MissingColumn {
            column: wanted.to_owned(),
            closest: closest(wanted, &available),
            available,
        });
    };
    let data_type = schema.field(index).data_type();
    match kind {
        Kind::Text if is_text(data_type) => return Ok(index),
        Kind::Chat if is_chat(data_type) => return Ok(index),
        Kind::Owner if is_text(data_type) || data_type.is_integer() => return Ok(index),
        Kind::Chat => return Err(Fault::NotChat { column: wanted.to_owned(), data_type: data_type.to_string() }),
        Kind::Text | Kind::Owner => {}
    }
    Err(Fault::NotText { column: wanted.to_owned(), data_type: data_type.to_string(), available })
}

/// The index of a column of any type at the top.
pub(crate) fn column(schema: &Schema, wanted: &str) -> Result<usize, Fault> {
    let available: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    available.iter().position(|field| field == wanted).ok_or_else(|| Fault::MissingColumn {
        column: wanted.to_owned(),
        closest: closest(wanted, &available),
        available: available.clone(),
    })
}

/// The first column that can be read but not written back as it was: INT96, an obsolete timestamp.
pub(crate) fn unwritable_column(metadata: &ParquetMetaData) -> Option<String> {
    let leaves = metadata.file_metadata().schema_descr().columns();
    leaves.iter().find(|leaf| leaf.physical_type() == PhysicalType::INT96).map(|leaf| leaf.path().string())
}

fn parquet_fault(error: &ParquetError, otherwise: Fault) -> Fault {
    match error {
        ParquetError::External(inner) => inner.downcast_ref::<std::io::Error>().map_or(otherwise, unreadable),
        _ => otherwise,
    }
}

fn arrow_fault(error: &ArrowError, otherwise: Fault) -> Fault {
    match error {
        ArrowError::IoError(_, inner) => unreadable(inner),
        ArrowError::ExternalError(inner) => inner
            .downcast_ref::<ParquetError>()
            .map_or_else(|| otherwise.clone(), |e| parquet_fault(e, otherwise.clone())),
        _ => otherwise,
    }
}

#[cfg(test)]
#[path = "damage_tests.rs"]
mod tests;
