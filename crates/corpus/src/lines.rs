//! Rows of text through the rules, whatever the file: JSON lines, tables of cells, whole documents. A row is rewritten where
//! a text of it is, and copied otherwise.
//!
//! What comes out is in the form that came in: plain, gzip or Zstandard; member order, spacing, number spelling, quotes and
//! line ends as they were.

mod table;

use std::borrow::Cow;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use crate::cells::{Cell, Cells};
use crate::csv;
use crate::error::Fault;
use crate::format::Form;
use crate::json::{self, Flaw, Found};
use crate::memory::Shares;
use crate::packed::{Compression, LineFile};
use crate::records::whose;
use crate::rows::Scrubbed;
use crate::selector::Selector;
use table::Header;

/// Rows that are scrubbed at once.
const BATCH_ROWS: usize = 8192;
/// What some editors put before the first line.
pub(crate) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Some rows of a file, with the places of their texts.
pub(crate) struct Batch {
    text: String,
    form: Form,
    /// Per row: where it begins and ends in `text`, and what was found in it.
    rows: Vec<(Range<usize>, Vec<Found>)>,
    pub(crate) cells: Cells,
    /// Row by row, whose it is.
    owners: Option<Vec<String>>,
}

/// Reads a file of rows batch by batch.
pub(crate) struct Lines<'a> {
    file: LineFile,
    form: Form,
    selectors: &'a [Selector],
    owner: Option<&'a str>,
    /// Bytes that are scrubbed at once.
    batch_bytes: usize,
    reported: u64,
    /// Of a table, once it was read.
    header: Option<Header>,
    /// Records of a table that were read.
    records: u64,
    /// Whether a document was read.
    done: bool,
}

impl<'a> Lines<'a> {
    /// Opens a file whose rows' owners stand under `owner`, where they matter.
    pub(crate) fn open(
        path: &Path,
        form: Form,
        selectors: &'a [Selector],
        owner: Option<&'a str>,
    ) -> Result<Self, Fault> {
        Ok(Self::of(LineFile::open(path)?, form, selectors, owner))
    }

    pub(crate) fn of(file: LineFile, form: Form, selectors: &'a [Selector], owner: Option<&'a str>) -> Self {
        Self {
            file,
            form,
            selectors,
            owner,
            batch_bytes: Shares::all().lines,
            reported: 0,
            header: None,
            records: 0,
            done: false,
        }
    }

    /// Takes no more into memory than these shares, a single row excepted, and refuses a longer one.
    pub(crate) fn within(mut self, shares: Shares) -> Self {
        self.file = self.file.limited(shares.row);
        self.batch_bytes = shares.lines;
        self
    }

    /// Names of the columns of a table that was begun to be read.
    pub(crate) fn column_names(&self) -> &[String] {
        self.header.as_ref().map_or(&[], |header| &header.names)
    }

    pub(crate) fn compression(&self) -> Compression {
        self.file.compression()
    }

    /// Bytes of the file that were read since the last call.
    pub(crate) fn progress(&mut self) -> u64 {
        let read = self.file.position();
        read - std::mem::replace(&mut self.reported, read)
    }

    /// The next rows, at most `rows_max` of them; none at the end. Blank lines belong to the row after them.
    pub(crate) fn next(&mut self, rows_max: u64) -> Result<Option<Batch>, Fault> {
        let rows_max = usize::try_from(rows_max).unwrap_or(usize::MAX);
        match self.form {
            Form::Json => self.objects(rows_max.min(BATCH_ROWS)),
            Form::Csv { delimiter } => self.table(delimiter, rows_max),
            Form::Document => self.document(),
        }
    }

    fn objects(&mut self, rows_max: usize) -> Result<Option<Batch>, Fault> {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        while ends.len() < rows_max && bytes.len() < self.batch_bytes {
            let start = bytes.len();
            if !self.file.next(&mut bytes)? {
                break;
            }
            let blank = bytes[start..].iter().all(u8::is_ascii_whitespace);
            if !blank {
                ends.push((bytes.len(), self.file.line()));
            }
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let invalid = |at: usize| ends.iter().find(|(end, _)| at < *end).map_or(self.file.line(), |(_, line)| *line);
        let text = String::from_utf8(bytes)
            .map_err(|error| Fault::DamagedLine { line: invalid(error.utf8_error().valid_up_to()) })?;
        let (mut rows, mut start) = (Vec::new(), 0);
        let mut owners = self.owner.map(|_| Vec::new());
        for (end, line) in ends {
            let range = start..end;
            if let (Some(owners), Some(column)) = (&mut owners, self.owner) {
                owners.push(owner(&text[range.clone()], column, line)?);
            }
            rows.push((range.clone(), self.find(&text[range], line)?));
            start = end;
        }
        Ok(Some(Batch::new(text, self.form, rows, owners)))
    }

    /// The whole file as one row. It is nobody's, and it has no columns: it is the text that the first selector means.
    fn document(&mut self) -> Result<Option<Batch>, Fault> {
        if std::mem::replace(&mut self.done, true) {
            return Ok(None);
        }
        if let Some(column) = self.owner {
            return Err(Fault::NoOwner { column: column.to_owned() });
        }
        let mut bytes = Vec::new();
        while self.file.next(&mut bytes)? {
            if bytes.len() as u64 > self.file.limit() {
                return Err(Fault::LongRecord { record: 1, limit: self.file.limit() });
            }
        }
        let text = String::from_utf8(bytes).map_err(|_| Fault::NotUnicode { record: 1 })?;
        let start = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let found = Found { start, end: text.len(), selector: 0, at: Vec::new(), null: false };
        let rows = vec![(0..text.len(), vec![found])];
        Ok(Some(Batch::new(text, self.form, rows, None)))
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
    fn new(text: String, form: Form, rows: Vec<(Range<usize>, Vec<Found>)>, owners: Option<Vec<String>>) -> Self {
        let (mut cells, mut slots) = (Cells::default(), 0);
        for (_, found) in &rows {
            cells.push(found.iter().map(|found| {
                let slot = (!found.null).then_some(slots);
                slots += usize::from(!found.null);
                Cell { slot, selector: found.selector, way: found.selector, at: found.at.clone() }
            }));
        }
        Self { text, form, rows, cells, owners }
    }

    /// Row by row whose it is, where that was asked for.
    pub(crate) fn owners(&self) -> Option<&[String]> {
        self.owners.as_deref()
    }

    /// Slot by slot whose it is, where that matters.
    pub(crate) fn units(&self) -> Option<Vec<Option<&str>>> {
        let mut units = Vec::new();
        for (owner, (_, found)) in self.owners.as_ref()?.iter().zip(&self.rows) {
            units.extend(found.iter().filter(|one| !one.null).map(|_| Some(owner.as_str())));
        }
        Some(units)
    }

    /// The first row as it stands in the file.
    pub(crate) fn first_row(&self) -> Option<&str> {
        let (range, _) = self.rows.first()?;
        Some(self.text[range.clone()].trim_start_matches(BYTE_ORDER_MARK))
    }

    /// The texts, slot by slot.
    pub(crate) fn texts(&self) -> Vec<Cow<'_, str>> {
        let found =
            self.rows.iter().flat_map(|(range, found)| found.iter().map(|one| (&self.text[range.clone()], one)));
        found.filter(|(_, one)| !one.null).map(|(row, one)| self.value(row, one)).collect()
    }

    /// What stands before the first row of a file: a table's header.
    pub(crate) fn head(&self) -> &str {
        &self.text[..self.rows.first().map_or(self.text.len(), |(range, _)| range.start)]
    }

    /// What stands behind the last row of the batch.
    pub(crate) fn behind(&self) -> &str {
        &self.text[self.rows.last().map_or(self.text.len(), |(range, _)| range.end)..]
    }

    /// The rows' lines, each with its end and what blank lines stand before it.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|(range, _)| &self.text[range.clone()])
    }

    fn value<'b>(&self, row: &'b str, one: &Found) -> Cow<'b, str> {
        match self.form {
            Form::Json => json::text(row, one),
            Form::Csv { .. } => csv::value(&row[one.start..one.end]),
            Form::Document => Cow::Borrowed(&row[one.start..one.end]),
        }
    }

    /// What stands in the place of `before` for it to say `text`.
    fn written(&self, text: &str, before: &str) -> String {
        match self.form {
            Form::Json => json::string(text),
            Form::Csv { delimiter } => csv::cell(text, before, delimiter),
            Form::Document => text.to_owned(),
        }
    }

    /// The rows that are kept, with the texts that changed. What stands before the first row and behind the last is kept too.
    pub(crate) fn write(
        &self,
        scrubbed: &[Option<&Scrubbed>],
        keep: impl Iterator<Item = bool>,
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        let bytes = self.text.as_bytes();
        // What is written next stands from here on: rows that stay as they are go out together.
        let mut kept = 0;
        for (((range, found), cells), keep) in self.rows.iter().zip(self.cells.rows()).zip(keep) {
            if !keep {
                out.write_all(&bytes[kept..range.start])?;
                kept = range.end;
                continue;
            }
            for (one, cell) in found.iter().zip(cells) {
                let Some(new) = cell.slot.and_then(|slot| scrubbed[slot]?.changed.as_deref()) else { continue };
                let (start, end) = (range.start + one.start, range.start + one.end);
                out.write_all(&bytes[kept..start])?;
                out.write_all(self.written(new, &self.text[start..end]).as_bytes())?;
                kept = end;
            }
        }
        out.write_all(&bytes[kept..])
    }
}

/// Whose a line is.
fn owner(line: &str, column: &str, number: u64) -> Result<String, Fault> {
    let object = serde_json::from_str(line.trim_start_matches(BYTE_ORDER_MARK));
    whose(&object.map_err(|_| Fault::DamagedLine { line: number })?, column, number)
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
