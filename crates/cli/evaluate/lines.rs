//! JSON objects, one a line, one in memory at a time. A line that is none is refused with its number, and never quoted.
//!
//! How a file is packed is told by its first bytes.

use std::path::Path;

use privet_corpus::LineFile;
use serde_json::{Map, Value};

use crate::failure::{Exit, Failure};

/// What some editors put before the first line.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The lines of a file that are not blank.
pub(super) struct Lines {
    name: String,
    file: LineFile,
    text: Vec<u8>,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let file = LineFile::open(path).map_err(|fault| {
            Failure::new(Exit::Input, "the file cannot be read").at(&name).why(fault.to_string()).help("check the path")
        })?;
        Ok(Self { name, file, text: Vec::new() })
    }

    /// Bytes of the file that were read so far, packed as they are.
    pub(super) fn position(&self) -> u64 {
        self.file.position()
    }

    /// The file and the line that was read last.
    pub(super) fn place(&self) -> String {
        format!("{}, line {}", self.name, self.file.line())
    }

    /// The next object, or nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Map<String, Value>>, Failure> {
        loop {
            self.text.clear();
            match self.file.next(&mut self.text) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(fault) => return Err(self.refused("the file cannot be read to its end").why(fault.to_string())),
            }
            let text = &self.text[..];
            let first = self.file.line() == 1;
            let text = if first { text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text) } else { text };
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            if std::str::from_utf8(text).is_err() {
                return Err(self.refused("the line is not UTF-8"));
            }
            // The parser's own words quote what it met.
            let object = serde_json::from_slice(text).map_err(|_| self.refused("the line is not a JSON object"))?;
            return Ok(Some(object));
        }
    }

    /// A failure about the line that was read last.
    pub(super) fn refused(&self, what: impl Into<String>) -> Failure {
        let help = "one JSON object a line, as `privet evaluate --help` shows; offsets count code points";
        Failure::new(Exit::Input, what).at(self.place()).help(help)
    }
}
