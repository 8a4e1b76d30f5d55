//! Records of cells (RFC 4180) with the places of the cells: what is not rewritten keeps its bytes.
//!
//! The same cells as the `csv` crate finds, which reads as most readers do: a record ends with LF, CRLF or CR, empty lines
//! are no records, a quote opens a cell only at its beginning, and what stands behind a closing quote belongs to the cell.
//! One thing is refused that others let pass: a quote that is never closed, which swallows the rest of the file.

use std::borrow::Cow;
use std::ops::Range;

/// A scan over bytes that may still grow at their end.
#[derive(Debug)]
pub(crate) struct Scanner {
    delimiter: u8,
    state: State,
    /// Where the scan goes on.
    at: usize,
    /// Where the cell and the record began that the scan is in.
    cell: usize,
    record: usize,
    cells: Vec<Range<usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    BeforeRecord,
    BeforeCell,
    /// In a cell without quotes, or behind its closing quote.
    Bare,
    Quoted,
    /// Behind a quote inside quotes: it closes the cell, or is the first of two.
    Quote,
}

/// One record: its bytes, with the end of its line and without what stands before it, and its cells, quotes included.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) bytes: Range<usize>,
    pub(crate) cells: Vec<Range<usize>>,
}

/// A quote is still open where the bytes end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OpenQuote;

impl Scanner {
    pub(crate) fn new(delimiter: u8) -> Self {
        Self { delimiter, state: State::BeforeRecord, at: 0, cell: 0, record: 0, cells: Vec::new() }
    }

    /// Goes on at byte `at`, which begins a record.
    pub(crate) fn begin_at(&mut self, at: usize) {
        self.at = at;
        self.state = State::BeforeRecord;
    }

    /// Where the record began that the scan is in; the end of what was scanned between two records.
    pub(crate) fn begun(&self) -> usize {
        if self.state == State::BeforeRecord { self.at } else { self.record }
    }

    /// The next record. `None` means that `bytes` end before it does: call again with more of them, or with `last` when
    /// there are no more.
    pub(crate) fn next(&mut self, bytes: &[u8], last: bool) -> Result<Option<Record>, OpenQuote> {
        loop {
            let rest = &bytes[self.at..];
            match self.state {
                State::BeforeRecord => {
                    let ends = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
                    self.at += ends;
                    if self.at == bytes.len() {
                        return Ok(None);
                    }
                    (self.record, self.cell, self.state) = (self.at, self.at, State::BeforeCell);
                }
                State::BeforeCell | State::Quote if rest.is_empty() && !last => return Ok(None),
                // A quote opens a cell, and a quote behind a quote is one of the text.
                State::BeforeCell | State::Quote if rest.first() == Some(&b'"') => {
                    self.at += 1;
                    self.state = State::Quoted;
                }
                State::BeforeCell | State::Quote => self.state = State::Bare,
                State::Quoted => {
                    let Some(quote) = memchr::memchr(b'"', rest) else {
                        self.at = bytes.len();
                        return if last { Err(OpenQuote) } else { Ok(None) };
                    };
                    self.at += quote + 1;
                    self.state = State::Quote;
                }
                State::Bare => {
                    let Some(stop) = memchr::memchr3(self.delimiter, b'\n', b'\r', rest) else {
                        self.at = bytes.len();
                        return Ok(if last { Some(self.ended(self.at, self.at)) } else { None });
                    };
                    let stop = self.at + stop;
                    if bytes[stop] == self.delimiter {
                        self.cells.push(self.cell..stop);
                        (self.at, self.cell, self.state) = (stop + 1, stop + 1, State::BeforeCell);
                    } else {
                        let end = stop + if bytes[stop..].starts_with(b"\r\n") { 2 } else { 1 };
                        return Ok(Some(self.ended(stop, end)));
                    }
                }
            }
        }
    }

    fn ended(&mut self, cell_end: usize, end: usize) -> Record {
        self.cells.push(self.cell..cell_end);
        (self.at, self.state) = (end, State::BeforeRecord);
        Record { bytes: self.record..end, cells: std::mem::take(&mut self.cells) }
    }
}

/// What a cell says: without its quotes, and with one quote for two inside them.
pub(crate) fn value(raw: &str) -> Cow<'_, str> {
    let Some(inside) = raw.strip_prefix('"') else { return Cow::Borrowed(raw) };
    if let Some(inside) = inside.strip_suffix('"')
        && memchr::memchr(b'"', inside.as_bytes()).is_none()
    {
        return Cow::Borrowed(inside);
    }
    let (mut value, mut rest) = (String::with_capacity(inside.len()), inside);
    while let Some((before, after)) = rest.split_once('"') {
        value.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                value.push('"');
                rest = more;
            }
            // The closing one; quotes behind it stand for themselves.
            None => return Cow::Owned(value + after),
        }
    }
    Cow::Owned(value + rest)
}

/// Whether nothing stands between two delimiters: no text, while `""` is a text without characters.
pub(crate) fn is_null(raw: &str) -> bool {
    raw.is_empty()
}

/// A cell that says `text`, in quotes where the cell before was, or where the text needs them.
pub(crate) fn cell(text: &str, before: &str, delimiter: u8) -> String {
    let special = |byte: &u8| matches!(byte, b'"' | b'\n' | b'\r') || *byte == delimiter;
    if !before.starts_with('"') && !text.is_empty() && !text.as_bytes().iter().any(special) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
