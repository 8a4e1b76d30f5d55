//! Reading one Arrow IPC file, with a footer or as a stream, that may be anything.
//!
//! A message says how long its parts are, and the decoder believes it: a forged length would make it ask for memory that
//! no machine has, which ends the process. So every message is looked at first, and every length of it held against the
//! file's own. What is decoded after that is guarded like Parquet.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use arrow::ipc::{CompressionType, Message, MetadataVersion, root_as_footer, root_as_message};

use crate::error::Fault;
use crate::format::Layout;
use crate::guard::caught;
use crate::nested::{Way, ways};
use crate::selector::Selector;
use crate::source::{Kind, find_column, unreadable};

const MAGIC: &[u8; 6] = b"ARROW1";
/// Before a message's length, in all but the oldest files.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// Bytes that one packed byte can stand for at most: a Zstandard block of one repeated byte takes four for 128 KiB. LZ4
/// packs 255 into one.
const RATIO_MAX: u64 = 32_768;

/// An open Arrow file with the ways to its texts.
pub(crate) struct ArrowFile {
    pub(crate) layout: Layout,
    pub(crate) survey: Survey,
    schema: SchemaRef,
    ways: Vec<Way>,
    decoder: Option<Decoder>,
    next: usize,
}

type Decoder = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

/// What the messages of a file say about it, checked against the file's length.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Rows of every batch.
    pub(crate) rows: Vec<u64>,
    /// Bytes of every batch, packed as they are.
    pub(crate) bytes: Vec<u64>,
    pub(crate) compression: Option<CompressionType>,
    pub(crate) version: MetadataVersion,
    /// Lengths without a mark before them, as up to 2019.
    pub(crate) legacy: bool,
    /// What the footer says beside the schema.
    pub(crate) notes: Vec<(String, String)>,
}

impl ArrowFile {
    /// Opens `path` and finds every text that the selectors mean; `owner` must be there if it is given.
    pub(crate) fn open(
        path: &Path,
        layout: Layout,
        selectors: &[Selector],
        wanted: &[(&str, Kind)],
        limit: u64,
    ) -> Result<Self, Fault> {
        let mut file = File::open(path).map_err(|error| unreadable(&error))?;
        let length = file.seek(SeekFrom::End(0)).map_err(|error| unreadable(&error))?;
        let survey = match layout {
            Layout::File => of_file(&mut file, length, limit)?,
            Layout::Stream => of_stream(&mut file, length, limit)?,
        };
        file.rewind().map_err(|error| unreadable(&error))?;
        let reader = BufReader::new(file);
        let made = caught(|| -> Result<(SchemaRef, Decoder), ArrowError> {
            Ok(match layout {
                Layout::File => {
                    let reader = FileReader::try_new(reader, None)?;
                    (reader.schema(), Box::new(reader))
                }
                Layout::Stream => {
                    let reader = StreamReader::try_new(reader, None)?;
                    (reader.schema(), Box::new(reader))
                }
            })
        });
        let (schema, decoder) = made.ok_or(Fault::DecoderPanic)?.map_err(|_| Fault::DamagedBatch { batch: 0 })?;
        for (name, kind) in wanted {
            find_column(&schema, name, *kind)?;
        }
        let ways = ways(&schema, selectors)?;
        Ok(Self { layout, survey, schema, ways, decoder: Some(decoder), next: 0 })
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(crate) fn ways(&self) -> Vec<Way> {
        self.ways.clone()
    }

    /// Decodes the next batch; there are as many as the survey says.
    pub(crate) fn next(&mut self) -> Result<RecordBatch, Fault> {
        let batch = self.next;
        self.next += 1;
        let damaged = Fault::DamagedBatch { batch };
        let decoder = self.decoder.as_mut().ok_or(damaged.clone())?;
        let fault = match caught(|| decoder.next()) {
            Some(Some(Ok(rows))) if Some(&(rows.num_rows() as u64)) == self.survey.rows.get(batch) => return Ok(rows),
            Some(_) => damaged,
            None => Fault::DecoderPanic,
        };
        let decoder = self.decoder.take();
        caught(|| drop(decoder));
        Err(fault)
    }
}

/// Reads exactly so many bytes at `at`, which must lie in the file.
fn bytes(file: &mut File, at: u64, count: u64, length: u64) -> Result<Vec<u8>, Fault> {
    let inside = at.checked_add(count).is_some_and(|end| end <= length);
    let batch = Fault::DamagedBatch { batch: 0 };
    if !inside {
        return Err(batch);
    }
    let mut bytes = vec![0; usize::try_from(count).map_err(|_| batch)?];
    let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut bytes));
    read.map_err(|error| unreadable(&error))?;
    Ok(bytes)
}

fn number(bytes: &[u8]) -> Option<i32> {
    Some(i32::from_le_bytes(bytes.try_into().ok()?))
}

/// One message: where its body begins, and what its header said.
struct Header {
    /// Bytes from the beginning of the message to its body.
    length: u64,
    body: u64,
    is_batch: bool,
    is_schema: bool,
}

/// Looks at a message at `at`; `None` where the stream says that it ends, or ends.
fn message(file: &mut File, at: u64, length: u64, survey: &mut Survey, limit: u64) -> Result<Option<Header>, Fault> {
    let batch = survey.rows.len();
    let damaged = || Fault::DamagedBatch { batch };
    let renumbered = |fault| if matches!(fault, Fault::DamagedBatch { .. }) { damaged() } else { fault };
    if at == length {
        return Ok(None);
    }
    let mut prefix = 4;
    let mut word = bytes(file, at, 4, length).map_err(renumbered)?;
    if word == CONTINUATION {
        prefix = 8;
        word = bytes(file, at + 4, 4, length).map_err(renumbered)?;
    }
    let count = number(&word).and_then(|count| u64::try_from(count).ok()).ok_or_else(damaged)?;
    if count == 0 {
        return if at + prefix == length { Ok(None) } else { Err(damaged()) };
    }
    let header = bytes(file, at + prefix, count, length).map_err(renumbered)?;
    let start = at + prefix + count;
    let read = caught(|| -> Option<(Header, Message)> {
        let message = root_as_message(&header).ok()?;
        let body = u64::try_from(message.bodyLength()).ok()?;
        let header = Header {
            length: prefix + count,
            body,
            is_batch: message.header_as_record_batch().is_some(),
            is_schema: message.header_as_schema().is_some(),
        };
        Some((header, message))
    });
    let (header, message) = read.flatten().ok_or_else(damaged)?;
    if start.checked_add(header.body).is_none_or(|end| end > length) {
        return Err(damaged());
    }
    survey.legacy |= prefix == 4;
    survey.version = message.version();
    let dictionary = message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data());
    if let Some(data) = message.header_as_record_batch().or(dictionary) {
        if let Some(compression) = data.compression() {
            survey.compression = Some(compression.codec());
            let buffers = data.buffers().into_iter().flatten().map(|buffer| (buffer.offset(), buffer.length()));
            let buffers: Vec<(i64, i64)> = buffers.collect();
            check_unpacked(file, start, header.body, &buffers, batch, limit)?;
        }
        if header.is_batch {
            survey.rows.push(u64::try_from(data.length()).map_err(|_| damaged())?);
            survey.bytes.push(header.length + header.body);
        }
    }
    Ok(Some(header))
}

/// Holds what packed buffers say of their length against what can be packed into them, and against the limit.
fn check_unpacked(
    file: &mut File,
    start: u64,
    body: u64,
    buffers: &[(i64, i64)],
    batch: usize,
    limit: u64,
) -> Result<(), Fault> {
    let mut total = 0_u64;
    for (offset, length) in buffers {
        let (Ok(offset), Ok(length)) = (u64::try_from(*offset), u64::try_from(*length)) else {
            return Err(Fault::DamagedBatch { batch });
        };
        if offset.checked_add(length).is_none_or(|end| end > body) {
            return Err(Fault::DamagedBatch { batch });
        }
        if length < 8 {
            continue;
        }
        let declared = bytes(file, start + offset, 8, start + body).map_err(|_| Fault::DamagedBatch { batch })?;
        let declared = i64::from_le_bytes(declared.try_into().unwrap_or_default());
        // -1 says that the buffer is not packed after all.
        let declared = if declared == -1 { length } else { u64::try_from(declared).unwrap_or(u64::MAX) };
        if declared > length.saturating_add(4).saturating_mul(RATIO_MAX) {
            return Err(Fault::DamagedBatch { batch });
        }
        total = total.saturating_add(declared);
    }
    if total > limit {
        return Err(Fault::TooLarge { row_group: batch, bytes: total, limit });
    }
    Ok(())
}

fn of_stream(file: &mut File, length: u64, limit: u64) -> Result<Survey, Fault> {
    let (mut survey, mut at) = (Survey::default(), 0);
    while let Some(header) = message(file, at, length, &mut survey, limit)
        .map_err(|fault| if at == 0 && matches!(fault, Fault::DamagedBatch { .. }) { Fault::NotArrow } else { fault })?
    {
        // The schema first, and never again.
        if header.is_schema != (at == 0) {
            return Err(if at == 0 { Fault::NotArrow } else { Fault::DamagedBatch { batch: survey.rows.len() } });
        }
        at += header.length + header.body;
    }
    if at == 0 { Err(Fault::NotArrow) } else { Ok(survey) }
}

fn of_file(file: &mut File, length: u64, limit: u64) -> Result<Survey, Fault> {
    let tail = length.checked_sub(10).ok_or(Fault::Truncated)?;
    let tail = bytes(file, tail, 10, length)?;
    if &tail[4..] != MAGIC {
        return Err(Fault::Truncated);
    }
    let footer = number(&tail[..4]).and_then(|count| u64::try_from(count).ok()).ok_or(Fault::DamagedFooter)?;
    let start = length.checked_sub(10 + footer).ok_or(Fault::DamagedFooter)?;
    let footer = bytes(file, start, footer, length).map_err(|_| Fault::DamagedFooter)?;
    let mut survey = Survey::default();
    let blocks = caught(|| {
        let footer = root_as_footer(&footer).ok()?;
        let notes = footer.custom_metadata().into_iter().flatten();
        survey.notes = notes.filter_map(|note| Some((note.key()?.to_owned(), note.value()?.to_owned()))).collect();
        let dictionaries = footer.dictionaries().into_iter().flatten();
        let place = |block: &arrow::ipc::Block| (block.offset(), block.metaDataLength(), block.bodyLength());
        let mut blocks: Vec<_> = dictionaries.map(place).collect();
        blocks.extend(footer.recordBatches()?.iter().map(place));
        Some(blocks)
    });
    let blocks = blocks.flatten().ok_or(Fault::DamagedFooter)?;
    // Two blocks that share bytes would be read twice: a small file could be any number of rows.
    let mut left = start;
    for (offset, header, body) in blocks {
        let (Ok(offset), Ok(header), Ok(body)) = (u64::try_from(offset), u64::try_from(header), u64::try_from(body))
        else {
            return Err(Fault::DamagedFooter);
        };
        left = header.checked_add(body).and_then(|bytes| left.checked_sub(bytes)).ok_or(Fault::DamagedFooter)?;
        let batch = survey.rows.len();
        let there = message(file, offset, start, &mut survey, limit)?;
        let same = |there: &Header| (there.length, there.body) == (header, body) && !there.is_schema;
        there.filter(same).ok_or(Fault::DamagedBatch { batch })?;
    }
    Ok(survey)
}

#[cfg(test)]
#[path = "ipc_tests.rs"]
mod tests;
