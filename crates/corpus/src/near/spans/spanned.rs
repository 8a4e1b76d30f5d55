//! The file of spans: one line of JSON for each, in the order of rows and places.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::Document;
use crate::atomic::{AtomicFile, Content, write_error};
use crate::error::Error;

/// A stretch of a text that stands somewhere before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spanned {
    pub(super) row: Document,
    /// Number of the text among those of its row, and its place in words.
    pub(super) text: u32,
    pub(super) column: String,
    /// First byte, and the one behind the last.
    pub(super) start: usize,
    pub(super) end: usize,
    /// The same of what goes when it does.
    pub(super) cut_start: usize,
    pub(super) cut_end: usize,
    /// The row that says first what the stretch begins with, which may be this one.
    pub(super) anchor: Document,
}

/// The file being written.
pub(super) struct Writer {
    file: BufWriter<AtomicFile>,
    path: PathBuf,
}

impl Writer {
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        Ok(Self { file: BufWriter::with_capacity(1 << 16, AtomicFile::create(path)?), path: path.to_owned() })
    }

    pub(super) fn push(&mut self, span: &Spanned) -> Result<(), Error> {
        let line =
            serde_json::to_string(span).map_err(|error| write_error(&self.path, std::io::Error::other(error)))?;
        writeln!(self.file, "{line}").map_err(|source| write_error(&self.path, source))
    }

    pub(super) fn commit(self) -> Result<Content, Error> {
        let file = self.file.into_inner().map_err(|error| write_error(&self.path, error.into_error()))?;
        file.commit()
    }
}

/// The file being read.
pub(super) struct Reader {
    file: BufReader<File>,
    path: PathBuf,
    line: String,
    next: Option<Spanned>,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|source| write_error(path, source))?;
        let file = BufReader::with_capacity(1 << 16, file);
        Ok(Self { file, path: path.to_owned(), line: String::new(), next: None })
    }

    /// The next span, of whatever row.
    pub(super) fn next(&mut self) -> Result<Option<Spanned>, Error> {
        if let Some(next) = self.next.take() {
            return Ok(Some(next));
        }
        self.line.clear();
        if self.file.read_line(&mut self.line).map_err(|source| write_error(&self.path, source))? == 0 {
            return Ok(None);
        }
        serde_json::from_str(&self.line).map(Some).map_err(|_| Error::BadState { path: self.path.clone() })
    }

    /// Whether there is a span before the row `end`; those of rows before `from` are passed over.
    pub(super) fn any(&mut self, rows: &Range<u64>) -> Result<bool, Error> {
        while let Some(span) = self.next()? {
            if u64::from(span.row) >= rows.start {
                let any = u64::from(span.row) < rows.end;
                self.next = Some(span);
                return Ok(any);
            }
        }
        Ok(false)
    }

    /// The spans of these rows, which are behind those that were asked for before.
    pub(super) fn of_rows(&mut self, rows: &Range<u64>) -> Result<Vec<Spanned>, Error> {
        let mut spans = Vec::new();
        while self.any(rows)? {
            spans.extend(self.next()?);
        }
        Ok(spans)
    }
}
