//! JSON objects, one a line, one in memory at a time. A line that is none is refused with its number, and never quoted.
//!
//! Packed files are told by their first bytes and unpacked by the programs `gzip` and `zstd`: this binary has the
//! libraries only behind the corpus crate's readers, and those know no spans.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Map, Value};

use crate::failure::{Exit, Failure};

/// Longest line that is read: one text must fit into memory.
const LINE_MAX: u64 = 1 << 30;
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTANDARD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// What some editors put before the first line.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The lines of a file that are not blank.
pub(super) struct Lines {
    name: String,
    reader: Box<dyn BufRead>,
    unpacks: Option<Child>,
    /// Another handle of the file with the same position, for progress.
    file: File,
    line: u64,
    text: Vec<u8>,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let unreadable = |error: std::io::Error| {
            let failure = Failure::new(Exit::Input, "the file cannot be read").at(&name);
            failure.why(error.to_string()).help("check the path")
        };
        let mut opened = File::open(path).map_err(unreadable)?;
        let file = opened.try_clone().map_err(unreadable)?;
        let mut head = Vec::new();
        opened.by_ref().take(ZSTANDARD.len() as u64).read_to_end(&mut head).map_err(unreadable)?;
        let program = [(GZIP, "gzip"), (ZSTANDARD, "zstd")].into_iter().find(|(magic, _)| head.starts_with(magic));
        let (reader, unpacks): (Box<dyn BufRead>, _) = match program {
            Some((_, program)) => {
                opened.rewind().map_err(unreadable)?;
                let mut child = unpack(program, opened).map_err(|error| {
                    Failure::new(Exit::Input, format!("the file is packed, and `{program}` cannot be started"))
                        .at(&name)
                        .why(error.to_string())
                        .help(format!("install {program}, or unpack the file first"))
                })?;
                let output: Box<dyn BufRead> = match child.stdout.take() {
                    Some(output) => Box::new(BufReader::new(output)),
                    None => Box::new(std::io::empty()),
                };
                (output, Some(child))
            }
            None => (Box::new(BufReader::with_capacity(1 << 16, Cursor::new(head).chain(opened))), None),
        };
        Ok(Self { name, reader, unpacks, file, line: 0, text: Vec::new() })
    }

    /// Bytes of the file that were read so far, packed as they are; 0 where that cannot be told.
    pub(super) fn position(&mut self) -> u64 {
        self.file.stream_position().unwrap_or(0)
    }

    /// The file and the line that was read last.
    pub(super) fn place(&self) -> String {
        format!("{}, line {}", self.name, self.line)
    }

    /// The next object, or nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Map<String, Value>>, Failure> {
        loop {
            self.text.clear();
            self.line += 1;
            let length = self
                .reader
                .by_ref()
                .take(LINE_MAX)
                .read_until(b'\n', &mut self.text)
                .map_err(|error| self.refused("the file cannot be read to its end").why(error.to_string()))?;
            if length == 0 {
                self.line -= 1;
                return self.ended().map(|()| None);
            }
            if length as u64 == LINE_MAX {
                return Err(self.refused("the line is longer than 1 GiB"));
            }
            if !self.text.ends_with(b"\n") {
                // The last line: of a packed file that is cut, the cut is the news.
                self.ended()?;
            }
            let text = &self.text[..];
            let text = if self.line == 1 { text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text) } else { text };
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

    /// Whether a packed file was whole; asked once its end is reached.
    fn ended(&mut self) -> Result<(), Failure> {
        let Some(mut child) = self.unpacks.take() else { return Ok(()) };
        match child.wait() {
            Ok(status) if status.success() => Ok(()),
            _ => Err(self.refused("the packed file is damaged or ends early").help("make it again from its source")),
        }
    }
}

fn unpack(program: &str, file: File) -> std::io::Result<Child> {
    Command::new(program).args(["-d", "-c", "-q"]).stdin(file).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
}

impl Drop for Lines {
    fn drop(&mut self) {
        if let Some(mut child) = self.unpacks.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
