//! JSON lines through the rules: a line is rewritten where a text of it is, and copied otherwise.
//!
//! What comes out is in the form that came in: plain, gzip or Zstandard; member order, spacing, number spelling and line ends
//! as they were.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::write::GzEncoder;

use crate::atomic::{AtomicFile, Content, write_error};
use crate::cells::{Cell, Cells};
use crate::error::{Error, Fault, Stop};
use crate::json::{self, Flaw, Found};
use crate::records::whose;
use crate::rows::Scrubbed;
use crate::selector::Selector;
use crate::source::unreadable;

/// Longest line that is read: one record must fit into memory.
pub(crate) const LINE_MAX: u64 = 1 << 30;
/// Rows and bytes that are scrubbed at once.
const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 16 << 20;
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTANDARD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// What some editors put before the first line.
pub(crate) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// How a file of lines is compressed, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstandard,
}

/// The lines of a file, plain or packed with gzip or Zstandard, one after another.
pub struct LineFile {
    reader: Box<dyn BufRead>,
    compression: Compression,
    line: u64,
    read: Arc<AtomicU64>,
}

impl LineFile {
    /// Opens `path`; how it is packed is told by its first bytes, not by its name.
    ///
    /// # Errors
    ///
    /// [`Fault::Unreadable`].
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let read = Arc::new(AtomicU64::new(0));
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        let counted = Counted { file, read: read.clone() };
        Self::of(Box::new(BufReader::with_capacity(1 << 16, counted)), read)
    }

    /// Reads from anywhere; its position stays 0.
    ///
    /// # Errors
    ///
    /// [`Fault::Unreadable`].
    pub fn from_reader(reader: Box<dyn BufRead>) -> Result<Self, Fault> {
        Self::of(reader, Arc::new(AtomicU64::new(0)))
    }

    fn of(mut reader: Box<dyn BufRead>, read: Arc<AtomicU64>) -> Result<Self, Fault> {
        let mut unpacked = || -> std::io::Result<Compression> {
            let head = reader.fill_buf()?;
            let (gzip, zstandard) = (head.starts_with(GZIP), head.starts_with(ZSTANDARD));
            let packed = std::mem::replace(&mut reader, Box::new(std::io::empty()));
            let (unpacked, compression): (Box<dyn BufRead>, _) = if gzip {
                let decoder = flate2::bufread::MultiGzDecoder::new(packed);
                (Box::new(BufReader::with_capacity(1 << 16, decoder)), Compression::Gzip)
            } else if zstandard {
                let decoder = zstd::Decoder::with_buffer(packed)?;
                (Box::new(BufReader::with_capacity(1 << 16, decoder)), Compression::Zstandard)
            } else {
                (packed, Compression::None)
            };
            reader = unpacked;
            Ok(compression)
        };
        let compression = unpacked().map_err(|error| unreadable(&error))?;
        Ok(Self { reader, compression, line: 0, read })
    }

    /// Bytes of the file that were read so far, packed as they are.
    pub fn position(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Number of the line that was read last, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Appends the next line, its end included, to `text`; false at the end of the file.
    ///
    /// # Errors
    ///
    /// [`Fault::LongLine`] beyond 1 GiB, [`Fault::DamagedPacking`] where packed data is damaged or ends early.
    pub fn next(&mut self, text: &mut Vec<u8>) -> Result<bool, Fault> {
        self.line += 1;
        let line = self.line;
        match self.reader.by_ref().take(LINE_MAX).read_until(b'\n', text) {
            Ok(0) => {
                self.line -= 1;
                Ok(false)
            }
            Ok(length) if length as u64 == LINE_MAX => Err(Fault::LongLine { line, limit: LINE_MAX }),
            Ok(_) => Ok(true),
            // Compressed data that ends early or is damaged; anything else is the disk's fault.
            Err(error) => {
                let kinds = [std::io::ErrorKind::InvalidData, std::io::ErrorKind::UnexpectedEof];
                let of_data = kinds.contains(&error.kind()) || error.raw_os_error().is_none();
                Err(if of_data { Fault::DamagedPacking { line } } else { unreadable(&error) })
            }
        }
    }
}

struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Some lines of a file, with the places of their texts.
pub(crate) struct Batch {
    text: String,
    /// Per row: where its line begins and ends in `text`, and what was found in it.
    rows: Vec<(std::ops::Range<usize>, Vec<Found>)>,
    pub(crate) cells: Cells,
    /// Slot by slot, whose it is.
    owners: Option<Vec<String>>,
}

/// Reads a file of JSON lines batch by batch.
pub(crate) struct Lines<'a> {
    file: LineFile,
    selectors: &'a [Selector],
    owner: Option<&'a str>,
    reported: u64,
}

impl<'a> Lines<'a> {
    /// Opens a file whose rows' owners stand under `owner`, where they matter.
    pub(crate) fn open(path: &Path, selectors: &'a [Selector], owner: Option<&'a str>) -> Result<Self, Fault> {
        Ok(Self::of(LineFile::open(path)?, selectors, owner))
    }

    pub(crate) fn of(file: LineFile, selectors: &'a [Selector], owner: Option<&'a str>) -> Self {
        Self { file, selectors, owner, reported: 0 }
    }

    pub(crate) fn compression(&self) -> Compression {
        self.file.compression
    }

    /// Bytes of the file that were read since the last call.
    pub(crate) fn progress(&mut self) -> u64 {
        let read = self.file.position();
        read - std::mem::replace(&mut self.reported, read)
    }

    /// The next rows, at most `rows_max` of them; none at the end. Blank lines belong to the row after them.
    pub(crate) fn next(&mut self, rows_max: u64) -> Result<Option<Batch>, Fault> {
        let rows_max = usize::try_from(rows_max).unwrap_or(usize::MAX).min(BATCH_ROWS);
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        while ends.len() < rows_max && bytes.len() < BATCH_BYTES {
            let start = bytes.len();
            if !self.file.next(&mut bytes)? {
                break;
            }
            let blank = bytes[start..].iter().all(u8::is_ascii_whitespace);
            if !blank {
                ends.push((bytes.len(), self.file.line));
            }
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let invalid = |at: usize| ends.iter().find(|(end, _)| at < *end).map_or(self.file.line, |(_, line)| *line);
        let text = String::from_utf8(bytes)
            .map_err(|error| Fault::DamagedLine { line: invalid(error.utf8_error().valid_up_to()) })?;
        let (mut rows, mut cells, mut start, mut slots) = (Vec::new(), Cells::default(), 0, 0);
        let mut owners = self.owner.map(|_| Vec::new());
        for (end, line) in ends {
            let range = start..end;
            let found = self.find(&text[range.clone()], line)?;
            if let (Some(owners), Some(column)) = (&mut owners, self.owner) {
                let owner = owner(&text[range.clone()], column, line)?;
                owners.extend(found.iter().filter(|one| !one.null).map(|_| owner.clone()));
            }
            cells.push(found.iter().map(|found| {
                let slot = (!found.null).then_some(slots);
                slots += usize::from(!found.null);
                Cell { slot, selector: found.selector, way: found.selector, at: found.at.clone() }
            }));
            rows.push((range, found));
            start = end;
        }
        Ok(Some(Batch { text, rows, cells, owners }))
    }

    fn find(&self, raw: &str, line: u64) -> Result<Vec<Found>, Fault> {
        let marked = if line == 1 { raw.strip_prefix(BYTE_ORDER_MARK).unwrap_or(raw) } else { raw };
        let skipped = raw.len() - marked.len();
        let mut found = json::find(marked, self.selectors).map_err(|flaw| self.fault(flaw, line))?;
        for one in &mut found {
            one.start += skipped;
            one.end += skipped;
        }
        Ok(found)
    }

    fn fault(&self, flaw: Flaw, line: u64) -> Fault {
        let record = |selector: usize| Fault::DamagedRecord {
            line,
            key: self.selectors[selector].to_string(),
            wanted: "a string",
        };
        match flaw {
            Flaw::NotAnObject => Fault::DamagedLine { line },
            Flaw::Missing(selector) | Flaw::NotText(selector) => record(selector),
        }
    }
}

impl Batch {
    /// Slot by slot whose it is, where that matters.
    pub(crate) fn units(&self) -> Option<Vec<Option<&str>>> {
        Some(self.owners.as_ref()?.iter().map(|owner| Some(owner.as_str())).collect())
    }

    /// The texts, slot by slot.
    pub(crate) fn texts(&self) -> Vec<std::borrow::Cow<'_, str>> {
        let found =
            self.rows.iter().flat_map(|(range, found)| found.iter().map(|one| (&self.text[range.clone()], one)));
        found.filter(|(_, one)| !one.null).map(|(line, one)| json::text(line, one)).collect()
    }

    /// The rows' lines, each with its end and what blank lines stand before it.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|(range, _)| &self.text[range.clone()])
    }

    /// The lines of the rows that are kept, with the texts that changed. What stands behind the last row is kept too.
    pub(crate) fn write(
        &self,
        scrubbed: &[Option<&Scrubbed>],
        keep: impl Iterator<Item = bool>,
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        for (((range, found), cells), keep) in self.rows.iter().zip(self.cells.rows()).zip(keep) {
            if !keep {
                continue;
            }
            let line = &self.text[range.clone()];
            let new = |cell: &Cell| cell.slot.and_then(|slot| scrubbed[slot]?.changed.as_deref());
            if cells.iter().any(|cell| new(cell).is_some()) {
                out.write_all(json::with_texts(line, found.iter().zip(cells.iter().map(new))).as_bytes())?;
            } else {
                out.write_all(line.as_bytes())?;
            }
        }
        let behind = self.rows.last().map_or(0, |(range, _)| range.end);
        out.write_all(&self.text.as_bytes()[behind..])
    }
}

/// Whose a line is.
fn owner(line: &str, column: &str, number: u64) -> Result<String, Fault> {
    let object = serde_json::from_str(line.trim_start_matches(BYTE_ORDER_MARK));
    whose(&object.map_err(|_| Fault::DamagedLine { line: number })?, column, number)
}

/// A file of lines being written.
pub(crate) enum LinesFile {
    Plain(std::io::BufWriter<AtomicFile>),
    Gzip(GzEncoder<AtomicFile>),
    Zstandard(zstd::Encoder<'static, AtomicFile>),
}

impl LinesFile {
    pub(crate) fn create(target: &Path, compression: Compression) -> Result<Self, Error> {
        let file = AtomicFile::create(target)?;
        Ok(match compression {
            Compression::None => Self::Plain(std::io::BufWriter::with_capacity(1 << 16, file)),
            Compression::Gzip => Self::Gzip(GzEncoder::new(file, flate2::Compression::default())),
            Compression::Zstandard => {
                Self::Zstandard(zstd::Encoder::new(file, 0).map_err(|source| write_error(target, source))?)
            }
        })
    }

    pub(crate) fn commit(self, target: &Path) -> Result<Content, Stop> {
        let failed = |source| write_error(target, source);
        let file = match self {
            Self::Plain(writer) => writer.into_inner().map_err(|error| failed(error.into_error()))?,
            Self::Gzip(encoder) => encoder.finish().map_err(failed)?,
            Self::Zstandard(encoder) => encoder.finish().map_err(failed)?,
        };
        Ok(file.commit()?)
    }
}

impl Write for LinesFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(writer) => writer.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Zstandard(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(writer) => writer.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Zstandard(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
