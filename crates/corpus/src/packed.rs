//! Text files as they lie on the disk: plain, packed with gzip or packed with Zstandard, read line by line and written whole.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::write::GzEncoder;

use crate::atomic::{AtomicFile, Content, write_error};
use crate::error::{Error, Fault, Stop};
use crate::source::unreadable;

/// Longest line that is read: one record must fit into memory.
pub(crate) const LINE_MAX: u64 = 1 << 30;
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTANDARD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

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
    limit: u64,
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
        Ok(Self { reader, compression, line: 0, read, limit: LINE_MAX })
    }

    /// Reads no line that is longer than this.
    pub(crate) fn limited(mut self, limit: u64) -> Self {
        self.limit = limit.min(LINE_MAX);
        self
    }

    /// The longest line that is read.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    pub(crate) fn compression(&self) -> Compression {
        self.compression
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
    /// [`Fault::LongLine`] beyond 1 GiB or the limit that was set, [`Fault::DamagedPacking`] where packed data is damaged or ends early.
    pub fn next(&mut self, text: &mut Vec<u8>) -> Result<bool, Fault> {
        self.line += 1;
        let (line, limit) = (self.line, self.limit);
        match self.reader.by_ref().take(limit).read_until(b'\n', text) {
            Ok(0) => {
                self.line -= 1;
                Ok(false)
            }
            Ok(length) if length as u64 == limit => Err(Fault::LongLine { line, limit }),
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
