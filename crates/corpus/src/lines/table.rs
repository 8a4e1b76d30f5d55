//! Tables of cells, row by row: the header says which columns are texts, and every record must have its length.

use super::{BATCH_ROWS, BYTE_ORDER_MARK, Batch, Lines};
use crate::csv::{OpenQuote, Record, Scanner, is_null, value};
use crate::error::Fault;
use crate::json::Found;
use crate::selector::{Places, Selector};

/// What the first record of a table says.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) names: Vec<String>,
    /// Cells of every record.
    cells: usize,
    /// Columns with texts, ascending, each with the selector that means it.
    texts: Vec<(usize, usize)>,
    /// The column that says whose a record is.
    owner: Option<usize>,
}

impl Header {
    /// Names of columns are not repeated in a fault: without a header, the first record is somebody's.
    fn new(names: &[String], selectors: &[Selector], owner: Option<&str>) -> Result<Self, Fault> {
        let missing = |column: &str| Fault::NoColumn { column: column.to_owned(), cells: names.len() as u64 };
        let top = Places::top(selectors);
        let meant =
            |(index, name): (usize, &String)| Some((index, top.member(selectors, name, true).meant(selectors)?));
        let texts: Vec<(usize, usize)> = names.iter().enumerate().filter_map(meant).collect();
        let met = |index: usize| texts.iter().any(|(_, selector)| *selector == index);
        if let Some((_, selector)) = selectors.iter().enumerate().find(|(index, _)| !met(*index)) {
            return Err(missing(&selector.to_string()));
        }
        let place = |owner: &str| names.iter().position(|name| name == owner).ok_or_else(|| missing(owner));
        let owner = owner.map(place).transpose()?;
        Ok(Self { cells: names.len(), texts, owner, names: names.to_vec() })
    }
}

/// Bytes, and the records in them, each with the line it ends in.
type Read = (Vec<u8>, Vec<(Record, u64)>);

impl Lines<'_> {
    pub(super) fn table(&mut self, delimiter: u8, rows_max: usize) -> Result<Option<Batch>, Fault> {
        let (bytes, mut records) = self.records(delimiter, rows_max.min(BATCH_ROWS))?;
        let number = |index: usize| self.records + index as u64 + u64::from(self.header.is_some());
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Fault::NotUnicode { record: number(records.partition_point(|(record, _)| record.bytes.end <= at)) }
        })?;
        let mut head = 0;
        if self.header.is_none() {
            let Some((first, _)) = records.first() else { return Err(Fault::NoHeader) };
            let names: Vec<String> = first.cells.iter().map(|cell| value(&text[cell.clone()]).into_owned()).collect();
            self.header = Some(Header::new(&names, self.selectors, self.owner)?);
            head = first.bytes.end;
            records.remove(0);
        }
        let Some(header) = &self.header else { return Err(Fault::NoHeader) };
        if text.is_empty() {
            return Ok(None);
        }
        // Only who counts asks for fewer than there are.
        records.truncate(rows_max);
        let (mut rows, mut start) = (Vec::with_capacity(records.len()), head);
        let mut owners = header.owner.map(|_| Vec::new());
        for (index, (record, line)) in records.iter().enumerate() {
            let number = self.records + index as u64 + 1;
            let cells = record.cells.len();
            if cells != header.cells {
                let (cells, columns) = (cells as u64, header.cells as u64);
                return Err(Fault::RaggedRecord { record: number, line: *line, cells, columns });
            }
            if let (Some(owners), Some(column), Some(name)) = (&mut owners, header.owner, self.owner) {
                let raw = &text[record.cells[column].clone()];
                if is_null(raw) {
                    return Err(Fault::NoOwner { column: name.to_owned() });
                }
                owners.push(value(raw).into_owned());
            }
            let found = header.texts.iter().map(|(column, selector)| {
                let cell = &record.cells[*column];
                let null = is_null(&text[cell.clone()]);
                Found { start: cell.start - start, end: cell.end - start, selector: *selector, at: Vec::new(), null }
            });
            rows.push((start..record.bytes.end, found.collect()));
            start = record.bytes.end;
        }
        self.records += rows.len() as u64;
        Ok(Some(Batch::new(text, self.form, rows, owners)))
    }

    /// The next records; all of a line's where several end in one.
    fn records(&mut self, delimiter: u8, rows_max: usize) -> Result<Read, Fault> {
        let (mut bytes, mut records) = (Vec::new(), Vec::new());
        let mut scanner = Scanner::new(delimiter);
        loop {
            let between = scanner.begun() == bytes.len();
            if between && (records.len() >= rows_max || bytes.len() >= self.batch_bytes) {
                return Ok((bytes, records));
            }
            let more = self.file.next(&mut bytes)?;
            if self.file.line() == 1 && self.header.is_none() && bytes.starts_with(BYTE_ORDER_MARK.as_bytes()) {
                scanner.begin_at(BYTE_ORDER_MARK.len());
            }
            let number = |records: &[_]| self.records + records.len() as u64 + u64::from(self.header.is_some());
            while let Some(record) = scanner
                .next(&bytes, !more)
                .map_err(|OpenQuote| Fault::OpenQuote { record: number(&records), line: self.file.line() })?
            {
                records.push((record, self.file.line()));
            }
            if !more {
                return Ok((bytes, records));
            }
            if (bytes.len() - scanner.begun()) as u64 > self.file.limit() {
                return Err(Fault::LongRecord { record: number(&records), limit: self.file.limit() });
            }
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
