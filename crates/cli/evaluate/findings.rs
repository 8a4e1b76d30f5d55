//! `--findings-out`: positions of findings, line for line with the gold, and never the text.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use privet_text::Finding;
use serde::Serialize;
use serde_json::Value;

use super::record::Gold;
use crate::failure::{Exit, Failure};

/// A file that gets its name when it is whole. Dropped before that, it is gone.
pub(super) struct FindingsOut {
    path: PathBuf,
    partial: PathBuf,
    file: BufWriter<File>,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Value>,
    spans: Vec<Span<'a>>,
}

#[derive(Serialize)]
struct Span<'a> {
    start: usize,
    end: usize,
    label: &'a str,
    confidence: f32,
    rule: &'a str,
}

impl FindingsOut {
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let name = path.file_name().ok_or_else(|| {
            Failure::usage("--findings-out names no file").at(path.display().to_string()).help("name a file to write")
        })?;
        let partial = path.with_file_name(format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id()));
        let file = File::create(&partial).map_err(|error| unwritable(path, &error))?;
        Ok(Self { path: path.to_owned(), partial, file: BufWriter::new(file) })
    }

    /// `spans` are the findings' places in code points.
    pub(super) fn write(&mut self, gold: &Gold, found: &[Finding], spans: &[Range<usize>]) -> Result<(), Failure> {
        let spans = found.iter().zip(spans).map(|(finding, span)| Span {
            start: span.start,
            end: span.end,
            label: finding.entity.as_str(),
            confidence: finding.confidence,
            rule: finding.rule.as_str(),
        });
        let line = Line { id: gold.id.as_ref(), spans: spans.collect() };
        let written = serde_json::to_writer(&mut self.file, &line);
        let written = written.map_err(std::io::Error::from).and_then(|()| self.file.write_all(b"\n"));
        written.map_err(|error| unwritable(&self.path, &error))
    }

    pub(super) fn finish(mut self) -> Result<(), Failure> {
        let flushed = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        let named = flushed.and_then(|()| std::fs::rename(&self.partial, &self.path));
        named.map_err(|error| unwritable(&self.path, &error))
    }
}

impl Drop for FindingsOut {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove.
        let _ = std::fs::remove_file(&self.partial);
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    let failure = Failure::new(Exit::Resource, "the findings cannot be written").at(path.display().to_string());
    failure.why(error.to_string()).help("check that the folder exists, permissions and free space")
}
