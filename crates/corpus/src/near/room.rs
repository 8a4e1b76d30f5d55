//! How much disk a removal of copies may take, said before it begins.

use std::path::{Path, PathBuf};

use super::plan::{DedupPlan, Near, What};
use crate::columnar::Columnar;
use crate::error::{Error, Fault};
use crate::format::{Form, Format, format_of};
use crate::packed::{Compression, LineFile};
use crate::source::unreadable;

/// Bytes of a file of lines that are read to guess how many it has.
const SAMPLE: u64 = 1 << 20;
/// Bytes of text for one word and so for one shingle, on the low side: more would promise too much room.
const WORD: u64 = 4;

/// Room on the disk, in bytes; rows are counted where a footer tells them and guessed from the first mebibyte elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskEstimate {
    /// Rows of inputs and references.
    pub rows: u64,
    /// About the most that lies below the output folder while rows are compared: sorted keys, then sets of the rows that met
    /// another, if all did; 0 where the plan's limit on memory holds both.
    pub scratch_bytes: u64,
    /// About the size of the output, if nothing goes; 0 for a report.
    pub output_bytes: u64,
    /// What is free where the output goes; `None` where nobody knows.
    pub free_bytes: Option<u64>,
}

impl DiskEstimate {
    /// Whether what is free may not be enough.
    pub fn is_tight(&self) -> bool {
        self.free_bytes.is_some_and(|free| free < self.scratch_bytes + self.output_bytes)
    }
}

impl DedupPlan {
    /// What the disk should have room for. Reads footers and the beginnings of files of lines.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for a file that cannot be read.
    pub fn disk_estimate(&self) -> Result<DiskEstimate, Error> {
        let mut estimate = DiskEstimate::default();
        let mut text_bytes = 0;
        for (files, written) in [(&self.against, false), (&self.inputs, self.output.is_some())] {
            for file in files {
                let size = size(file, self).map_err(|fault| Error::Input { file: file.clone(), fault })?;
                estimate.rows += size.rows;
                text_bytes += size.text_bytes;
                estimate.output_bytes += if written { size.file_bytes } else { 0 };
            }
        }
        let keys = match self.what {
            What::Near(Near { exhaustive: true, .. }) => 0,
            What::Near(near) => near.banding.bands as u64,
            What::Raw | What::Normalised => 1,
        };
        let set_bytes = match self.what {
            What::Near(_) => text_bytes / WORD * 8,
            What::Raw | What::Normalised => estimate.rows * 32,
        };
        if self.spans.is_some() {
            // At worst every word begins a window that is sorted.
            let windows = text_bytes / WORD * privet_dedup::RECORD_BYTES;
            estimate.scratch_bytes = if windows > self.memory / 2 { windows } else { 0 };
            estimate.free_bytes = free(self.output.as_deref());
            return Ok(estimate);
        }
        // Keys are gone when sets are gathered. Half of the limit is for each.
        let spilled = |bytes: u64| if bytes > self.memory / 2 { bytes } else { 0 };
        let key_bytes = estimate.rows * keys * privet_dedup::RECORD_BYTES;
        estimate.scratch_bytes = spilled(key_bytes).max(spilled(set_bytes + estimate.rows * keys * 8));
        estimate.free_bytes = free(self.output.as_deref());
        Ok(estimate)
    }
}

struct Size {
    rows: u64,
    text_bytes: u64,
    file_bytes: u64,
}

fn size(path: &Path, plan: &DedupPlan) -> Result<Size, Fault> {
    let file_bytes = std::fs::metadata(path).map_err(|error| unreadable(&error))?.len();
    let layout = match format_of(path)? {
        Format::Parquet => None,
        Format::Arrow(layout) => Some(layout),
        Format::Text(Form::Document) => return Ok(Size { rows: 1, text_bytes: file_bytes, file_bytes }),
        Format::Text(_) => {
            let (rows, unpacked) = lines(path, file_bytes)?;
            return Ok(Size { rows, text_bytes: unpacked, file_bytes });
        }
    };
    let source = Columnar::open_selected(path, layout, &plan.columns, None, u64::MAX)?;
    Ok(Size { rows: source.rows(), text_bytes: source.unpacked_bytes(), file_bytes })
}

/// Lines and unpacked bytes of a file, as its beginning has them.
fn lines(path: &Path, file_bytes: u64) -> Result<(u64, u64), Fault> {
    let mut file = LineFile::open(path)?;
    let (mut text, mut lines, mut unpacked) = (Vec::new(), 0, 0);
    let mut more = true;
    while more && unpacked < SAMPLE {
        text.clear();
        more = file.next(&mut text)?;
        unpacked += text.len() as u64;
        lines += u64::from(more);
    }
    if !more {
        return Ok((lines, unpacked));
    }
    // What is packed is read ahead of what was unpacked, by little against a mebibyte.
    let read = if file.compression() == Compression::None { unpacked } else { file.position() };
    let whole = |part: u64| (part as f64 / read as f64 * file_bytes as f64).ceil() as u64;
    Ok((whole(lines), whole(unpacked)))
}

/// What is free for a folder that may not be there yet.
fn free(output: Option<&Path>) -> Option<u64> {
    let output = output.map_or_else(std::env::temp_dir, Path::to_path_buf);
    let there: PathBuf = std::path::absolute(output).ok()?.ancestors().find(|folder| folder.exists())?.to_owned();
    fs4::available_space(there).ok()
}
