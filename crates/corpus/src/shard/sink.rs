//! The two files that a shard of record batches writes: itself, in the style of its input, and its findings.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;

use super::{Targets, Written};
use crate::atomic::{AtomicFile, write_error};
use crate::columnar::Columnar;
use crate::error::{Fault, Stop};
use crate::findings::FindingsWriter;
use crate::footer::{extended_options, writer_options};
use crate::format::Layout;
use crate::guard::caught;
use crate::ipc::Survey;
use crate::source::{Source, unwritable_column};

pub(super) struct Sink {
    table: TableFile,
    findings: FindingsWriter,
}

impl Sink {
    pub(super) fn create(targets: &Targets, source: &Columnar) -> Result<Self, Stop> {
        let table = TableFile::create(&targets.output, source, true)?;
        Ok(Self { table, findings: FindingsWriter::create(&targets.part)? })
    }

    pub(super) fn findings(&mut self) -> &mut FindingsWriter {
        &mut self.findings
    }

    pub(super) fn table(&mut self) -> &mut TableFile {
        &mut self.table
    }

    pub(super) fn commit(self) -> Result<Written, Stop> {
        let file = self.table.close()?;
        // The shard comes last: where it is, its findings are.
        let findings = self.findings.commit_part()?;
        Ok(Written { output: Some(file.commit()?), findings })
    }
}

/// A file of record batches being written, in the style of another.
pub(crate) struct TableFile {
    writer: Writer,
    target: PathBuf,
}

enum Writer {
    Parquet(Box<ArrowWriter<AtomicFile>>),
    File(Box<FileWriter<AtomicFile>>),
    Stream(Box<StreamWriter<AtomicFile>>),
}

impl TableFile {
    /// Begins the file at `target`. Where texts are rewritten, what was sorted by them is sorted no more.
    pub(crate) fn create(target: &Path, source: &Columnar, rewritten: bool) -> Result<Self, Stop> {
        let create = || AtomicFile::create(target);
        let writer = match source {
            Columnar::Parquet(source) => Writer::Parquet(parquet(source, rewritten, create()?, target)?),
            Columnar::Arrow(file) => arrow(file.layout, &file.survey, file.schema(), create()?, target)?,
        };
        Ok(Self { writer, target: target.to_owned() })
    }

    /// The same with other columns than `source` has: as it packs the first of its own, and nothing of what it says of each.
    pub(crate) fn extended(target: &Path, source: &Columnar, schema: &SchemaRef) -> Result<Self, Stop> {
        let file = AtomicFile::create(target)?;
        let writer = match source {
            Columnar::Parquet(source) => {
                let options = extended_options(source.metadata());
                let made = caught(|| ArrowWriter::try_new_with_options(file, schema.clone(), options));
                Writer::Parquet(Box::new(encoded(made, target)?))
            }
            Columnar::Arrow(from) => arrow(from.layout, &from.survey, schema, file, target)?,
        };
        Ok(Self { writer, target: target.to_owned() })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), Stop> {
        let written = caught(|| match &mut self.writer {
            Writer::Parquet(writer) => writer.write(batch),
            Writer::File(writer) => Ok(writer.write(batch)?),
            Writer::Stream(writer) => Ok(writer.write(batch)?),
        });
        encoded(written, &self.target)
    }

    /// The rows since the last call are a row group. A batch is one by itself.
    pub(crate) fn end_group(&mut self) -> Result<(), Stop> {
        match &mut self.writer {
            Writer::Parquet(writer) => encoded(caught(|| writer.flush()), &self.target),
            Writer::File(_) | Writer::Stream(_) => Ok(()),
        }
    }

    /// Ends a row group that holds this many bytes before its time: what is not ended lies in memory.
    pub(super) fn end_full_group(&mut self, limit: u64) -> Result<(), Stop> {
        match &self.writer {
            Writer::Parquet(writer) if writer.memory_size() as u64 >= limit => self.end_group(),
            _ => Ok(()),
        }
    }

    /// Writes what is behind the rows; the file gets its name with [`AtomicFile::commit`].
    pub(crate) fn close(self) -> Result<AtomicFile, Stop> {
        let Self { writer, target } = self;
        let file = caught(|| match writer {
            Writer::Parquet(writer) => writer.into_inner(),
            Writer::File(writer) => Ok(writer.into_inner()?),
            Writer::Stream(writer) => Ok(writer.into_inner()?),
        });
        encoded(file, &target)
    }
}

fn parquet(
    source: &Source,
    rewritten: bool,
    file: AtomicFile,
    target: &Path,
) -> Result<Box<ArrowWriter<AtomicFile>>, Stop> {
    if let Some(column) = unwritable_column(source.metadata()) {
        return Err(Fault::UnsupportedColumn { column }.into());
    }
    let made = caught(|| {
        let changed = if rewritten { source.text_leaves() } else { Vec::new() };
        let options = writer_options(source.metadata(), &changed);
        ArrowWriter::try_new_with_options(file, source.schema().clone(), options)
    });
    encoded(made, target).map(Box::new)
}

/// Carried: layout, schema with its metadata, codec, version of the messages, and what the footer says beside. Not carried:
/// levels of compression and the padding between buffers.
fn arrow(layout: Layout, survey: &Survey, schema: &Schema, file: AtomicFile, target: &Path) -> Result<Writer, Stop> {
    let made = caught(|| -> Result<Writer, ParquetError> {
        let options = IpcWriteOptions::try_new(64, survey.legacy, survey.version)?;
        let options = options.try_with_compression(survey.compression)?;
        Ok(match layout {
            Layout::File => {
                let mut writer = FileWriter::try_new_with_options(file, schema, options)?;
                survey.notes.iter().for_each(|(key, value)| writer.write_metadata(key, value));
                Writer::File(Box::new(writer))
            }
            Layout::Stream => Writer::Stream(Box::new(StreamWriter::try_new_with_options(file, schema, options)?)),
        })
    });
    encoded(made, target)
}

/// Sorts an encoder's failure: the disk's stops the run, any other is about the file's own schema.
fn encoded<T>(result: Option<Result<T, ParquetError>>, target: &Path) -> Result<T, Stop> {
    let Some(Err(ParquetError::External(error))) = result else {
        return result.and_then(Result::ok).ok_or_else(|| whole_schema().into());
    };
    match error.downcast::<std::io::Error>() {
        Ok(error) => Err(write_error(target, *error).into()),
        Err(error) => match error.downcast::<ArrowError>().map(|error| *error) {
            Ok(ArrowError::IoError(_, error)) => Err(write_error(target, error).into()),
            _ => Err(whole_schema().into()),
        },
    }
}

fn whole_schema() -> Fault {
    Fault::UnsupportedColumn { column: "*".to_owned() }
}
