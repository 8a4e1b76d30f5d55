//! `findings.parquet`: one row per finding, places and rules, never the value.
//!
//! | column | type | meaning |
//! |---|---|---|
//! | `file` | string | shard name as in the manifest |
//! | `row` | u64 | zero-based row of the *input* file, blank lines not counted |
//! | `column` | string | the text's place in the row, as in `messages[3].content` |
//! | `entity`, `rule` | string | what was found, and by which rule |
//! | `start`, `end` | u64 | byte range in the input text |
//! | `start_char`, `end_char` | u64 | the same range in characters (Unicode scalar values) |
//! | `confidence` | f32 | of the rule |
//! | `action` | string | the operator applied; `keep` below its threshold |
//!
//! Each shard's findings go to a part of their own first, so that a shard that fails leaves none.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Float32Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use privet_text::Policy;

use crate::atomic::{AtomicFile, Content, write_error};
use crate::error::Error;
use crate::rows::Located;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let field = |name: &str, data_type| Field::new(name, data_type, false);
    Arc::new(Schema::new(vec![
        field("file", DataType::Utf8),
        field("row", DataType::UInt64),
        field("column", DataType::Utf8),
        field("entity", DataType::Utf8),
        field("rule", DataType::Utf8),
        field("start", DataType::UInt64),
        field("end", DataType::UInt64),
        field("start_char", DataType::UInt64),
        field("end_char", DataType::UInt64),
        field("confidence", DataType::Float32),
        field("action", DataType::Utf8),
    ]))
});

/// Writes findings to one file.
pub(crate) struct FindingsWriter {
    writer: ArrowWriter<AtomicFile>,
    target: std::path::PathBuf,
    rows: u64,
}

impl FindingsWriter {
    pub(crate) fn create(target: &Path) -> Result<Self, Error> {
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        let file = AtomicFile::create(target)?;
        let writer =
            ArrowWriter::try_new(file, SCHEMA.clone(), Some(properties)).map_err(|error| failed(target, error))?;
        Ok(Self { writer, target: target.to_owned(), rows: 0 })
    }

    /// Appends the findings of some texts of `file`: (row, place in it, findings).
    pub(crate) fn append<'a>(
        &mut self,
        file: &str,
        texts: impl Iterator<Item = (u64, String, &'a [Located])>,
        policy: &Policy,
    ) -> Result<(), Error> {
        let found: Vec<Row<'_>> = texts
            .flat_map(|(row, place, findings)| findings.iter().map(move |finding| (row, place.clone(), finding)))
            .collect();
        if found.is_empty() {
            return Ok(());
        }
        let batch = batch(file, &found, policy).map_err(|error| failed(&self.target, ParquetError::from(error)))?;
        self.write(&batch)
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).map_err(|error| failed(&self.target, error))
    }

    /// Commits the file; returns its content and number of findings.
    pub(crate) fn commit(self) -> Result<(Content, u64), Error> {
        let file = self.writer.into_inner().map_err(|error| failed(&self.target, error))?;
        Ok((file.commit()?, self.rows))
    }

    /// Commits a part, which the shard's record holds to its digest.
    pub(crate) fn commit_part(self) -> Result<Content, Error> {
        let file = self.writer.into_inner().map_err(|error| failed(&self.target, error))?;
        file.commit_unsynced()
    }
}

/// Joins parts, in order, into one file.
pub(crate) fn join(parts: &[std::path::PathBuf], target: &Path) -> Result<(Content, u64), Error> {
    let mut writer = FindingsWriter::create(target)?;
    for part in parts {
        let bad = || Error::BadState { path: part.clone() };
        let file = std::fs::File::open(part).map_err(|_| bad())?;
        let batches = ParquetRecordBatchReaderBuilder::try_new(file)
            .and_then(ParquetRecordBatchReaderBuilder::build)
            .map_err(|_| bad())?;
        for batch in batches {
            writer.write(&batch.map_err(|_| bad())?)?;
        }
    }
    writer.commit()
}

/// Row, place, finding.
type Row<'a> = (u64, String, &'a Located);

fn batch(file: &str, found: &[Row<'_>], policy: &Policy) -> Result<RecordBatch, arrow::error::ArrowError> {
    let strings = |value: &dyn Fn(&Located) -> String| -> ArrayRef {
        let values = found.iter().map(|(_, _, located)| Some(value(located)));
        Arc::new(values.collect::<StringArray>())
    };
    let numbers = |value: &dyn Fn(u64, &Located) -> u64| -> ArrayRef {
        let values = found.iter().map(|(row, _, located)| value(*row, located));
        Arc::new(UInt64Array::from_iter_values(values))
    };
    let places = found.iter().map(|(_, place, _)| Some(place.as_str()));
    let confidence = found.iter().map(|(_, _, located)| located.finding.confidence);
    RecordBatch::try_new(
        SCHEMA.clone(),
        vec![
            strings(&|_| file.to_owned()),
            numbers(&|row, _| row),
            Arc::new(places.collect::<StringArray>()),
            strings(&|located| located.finding.entity.as_str().to_owned()),
            strings(&|located| located.finding.rule.to_string()),
            numbers(&|_, located| located.finding.span.start as u64),
            numbers(&|_, located| located.finding.span.end as u64),
            numbers(&|_, located| located.start_char),
            numbers(&|_, located| located.end_char),
            Arc::new(Float32Array::from_iter_values(confidence)),
            strings(&|located| action(policy, located)),
        ],
    )
}

fn action(policy: &Policy, located: &Located) -> String {
    policy.operator_for(&located.finding).as_str().to_owned()
}

fn failed(target: &Path, error: ParquetError) -> Error {
    write_error(target, std::io::Error::other(error))
}

#[cfg(test)]
#[path = "findings_tests.rs"]
mod tests;
