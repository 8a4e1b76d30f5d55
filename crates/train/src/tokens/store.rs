//! Units on disk, each within one read's reach, so that Poisson sampling works on corpora larger than memory.
//!
//! Three files: `NAME.tokens` (every unit's ids as little-endian `u32`, the highest bit set where the token is predicted, the
//! next where it begins another document of the unit),
//! `NAME.index` (where each unit begins in it, in tokens, as little-endian `u64`, and one entry more for the end) and
//! `NAME.json`, which is written last: without it, or with another key in it, the other two are leftovers. What is held in
//! memory is one unit.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::encode::Block;
use super::unit::Unit;
use crate::error::Error;
use crate::run_folder::{read_json, write_json};

/// Marks a predicted token; vocabularies are far smaller.
const PREDICTED: u32 = 1 << 31;
/// Marks a token that begins another document of its unit.
const BEGINS: u32 = 1 << 30;

/// `NAME.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Summary {
    key: String,
    units: u64,
    tokens: u64,
    predicted: u64,
    truncated: u64,
    blank: bool,
}

/// A finished store.
pub struct TokenStore {
    tokens: File,
    index: File,
    path: PathBuf,
    summary: Summary,
}

/// A store that is being filled.
pub struct StoreWriter {
    tokens: BufWriter<File>,
    index: BufWriter<File>,
    path: PathBuf,
    summary: Summary,
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    path.with_extension(extension)
}

impl StoreWriter {
    /// Begins the store `path` (a name without an extension), in place of what was there.
    pub fn create(path: &Path, key: &str) -> Result<Self, Error> {
        let summary = Summary { key: key.to_owned(), units: 0, tokens: 0, predicted: 0, truncated: 0, blank: true };
        remove(path)?;
        let open = |extension| -> Result<BufWriter<File>, Error> {
            let path = beside(path, extension);
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options.open(&path).map(BufWriter::new).map_err(|source| Error::io("create", &path, source))
        };
        let mut writer = Self { tokens: open("tokens")?, index: open("index")?, path: path.to_owned(), summary };
        writer.mark()?;
        Ok(writer)
    }

    /// Where the next unit begins.
    fn mark(&mut self) -> Result<(), Error> {
        let place = self.summary.tokens.to_le_bytes();
        self.index.write_all(&place).map_err(|source| Error::io("write", &beside(&self.path, "index"), source))
    }

    /// Appends a unit.
    pub fn push(&mut self, unit: &Unit) -> Result<(), Error> {
        if self.summary.units == u64::from(u32::MAX) {
            return Err(Error::TooManyUnits);
        }
        let mut begins = unit.documents().skip(1).map(|document| document.start).peekable();
        for (place, (token, predicted)) in unit.tokens().iter().zip(unit.targets()).enumerate() {
            let begins = begins.next_if_eq(&place).map_or(0, |_| BEGINS);
            let word = token | begins | if *predicted { PREDICTED } else { 0 };
            let written = self.tokens.write_all(&word.to_le_bytes());
            written.map_err(|source| Error::io("write", &beside(&self.path, "tokens"), source))?;
        }
        self.summary.units += 1;
        self.summary.tokens += unit.tokens().len() as u64;
        self.summary.predicted += unit.predicted() as u64;
        self.mark()
    }

    /// Appends the units of some records.
    pub fn extend(&mut self, block: &Block) -> Result<(), Error> {
        self.summary.blank &= block.blank;
        for (unit, truncated) in &block.units {
            self.push(unit)?;
            self.summary.truncated += u64::from(*truncated);
        }
        Ok(())
    }

    /// Says how many units were cut by whoever made them.
    pub(crate) fn cut(&mut self, units: u64, blank: bool) {
        self.summary.truncated += units;
        self.summary.blank &= blank;
    }

    /// Brings everything to the device, then says so, and opens the store.
    pub fn finish(self) -> Result<TokenStore, Error> {
        for (file, extension) in [(self.tokens, "tokens"), (self.index, "index")] {
            let path = beside(&self.path, extension);
            let file = file.into_inner().map_err(|error| Error::io("write", &path, error.into_error()))?;
            file.sync_all().map_err(|source| Error::io("flush", &path, source))?;
        }
        write_json(&beside(&self.path, "json"), &self.summary)?;
        TokenStore::read(&self.path, self.summary)
    }
}

/// Removes a store, whole or not.
pub fn remove(path: &Path) -> Result<(), Error> {
    for extension in ["json", "index", "tokens"] {
        let path = beside(path, extension);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove", &path, error));
            }
            _ => {}
        }
    }
    Ok(())
}

impl TokenStore {
    /// Opens the store `path` if it is finished and was made under `key`.
    ///
    /// # Errors
    /// [`Error::Damaged`] when its files do not fit each other; [`Error::Io`].
    pub fn open(path: &Path, key: &str) -> Result<Option<Self>, Error> {
        match read_json::<Summary>(&beside(path, "json"))? {
            Some(summary) if summary.key == key => Self::read(path, summary).map(Some),
            _ => Ok(None),
        }
    }

    fn read(path: &Path, summary: Summary) -> Result<Self, Error> {
        let open = |extension, length: u64| -> Result<File, Error> {
            let path = beside(path, extension);
            let file = File::open(&path).map_err(|source| Error::io("open", &path, source))?;
            let found = file.metadata().map_err(|source| Error::io("read", &path, source))?.len();
            if found != length {
                return Err(damaged(&path));
            }
            Ok(file)
        };
        let (tokens, index) = (open("tokens", 4 * summary.tokens)?, open("index", 8 * (summary.units + 1))?);
        Ok(Self { tokens, index, path: path.to_owned(), summary })
    }

    /// The number of units. Private under add-remove adjacency.
    pub fn len(&self) -> usize {
        self.summary.units as usize
    }

    /// Whether there is no unit.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether every record was blank. Private.
    pub fn is_blank(&self) -> bool {
        self.summary.blank
    }

    /// How many units were cut. Private.
    pub fn truncated(&self) -> u64 {
        self.summary.truncated
    }

    /// All tokens of all units. Private.
    pub fn token_count(&self) -> u64 {
        self.summary.tokens
    }

    /// Reads unit `index`.
    ///
    /// # Errors
    /// [`Error::Damaged`] when there is none, or the files are not what was written; [`Error::Io`].
    pub fn unit(&mut self, index: usize) -> Result<Unit, Error> {
        let path = beside(&self.path, "index");
        if index >= self.len() {
            return Err(damaged(&path));
        }
        let mut places = [0; 16];
        at(&mut self.index, 8 * index as u64, &mut places).map_err(|source| Error::io("read", &path, source))?;
        let (begin, end) = places.split_at(8);
        let place = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let (begin, end) = (place(begin), place(end));
        if begin > end || end > self.summary.tokens {
            return Err(damaged(&path));
        }
        let mut bytes = vec![0; 4 * (end - begin) as usize];
        let read = at(&mut self.tokens, 4 * begin, &mut bytes);
        read.map_err(|source| Error::io("read", &beside(&self.path, "tokens"), source))?;
        let mut unit = Unit::default();
        for word in bytes.chunks_exact(4) {
            let word = place(word) as u32;
            if word & BEGINS != 0 {
                unit.begin();
            }
            unit.push(word & !(PREDICTED | BEGINS), word & PREDICTED != 0);
        }
        Ok(unit)
    }

    /// Reads several units.
    ///
    /// # Errors
    /// As [`TokenStore::unit`].
    pub fn units(&mut self, indices: impl IntoIterator<Item = usize>) -> Result<Vec<Unit>, Error> {
        indices.into_iter().map(|index| self.unit(index)).collect()
    }
}

fn at(file: &mut File, offset: u64, bytes: &mut [u8]) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(bytes)
}

fn damaged(path: &Path) -> Error {
    Error::Damaged { path: path.to_owned(), reason: "it is not the token store that was written".to_owned() }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
