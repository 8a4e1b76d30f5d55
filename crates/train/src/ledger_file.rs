//! The ledger on disk: every noisy release is on the device before it happens.
//!
//! The rules of the lines live in [`privet_dp::ledger`]; this module does the writing. [`LedgerFile::append`] writes
//! one line, flushes it to the device and only then hands out a [`Recorded`], the one thing that lets the engine
//! apply an update. So at whatever point the process or the machine dies, the ledger charges at least what was
//! released. A crash can leave a torn last line; it was never acknowledged, so opening the file cuts it off.
//!
//! A chain of hashes cannot show that its end is missing. So a second, private file records how long the ledger was
//! and what its last hash was, after each append. The ledger may be longer than that record (a crash between the two
//! writes: one charge too many), never shorter, and must pass through the recorded hash. Whoever can restore both
//! files to an older state can still roll a run back; keep the head elsewhere, too, if that matters.
//!
//! Invariants: one writer (an exclusive lock on the file, held until it is dropped); a refused file is left as it
//! was, byte for byte; after a failed or disturbed write nothing more is recorded, because what reached the device
//! is unknown then.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use privet_dp::ledger::{self, Body, ChainError, Genesis, Ledger, LedgerError, StepEntry};
use serde::{Deserialize, Serialize};

use crate::atomic::{parent, sync_folder, write_atomic};
use crate::error::Error;

/// Proof that an attempt at a step is charged on disk. The engine consumes it to apply the step's update.
///
/// Only [`LedgerFile::append`] makes one, and it cannot be copied:
///
/// ```compile_fail,E0451
/// let forged = privet_train::ledger_file::Recorded { step: 1, attempt: 1 };
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a step that is charged and not applied wastes budget"]
pub struct Recorded {
    step: u64,
    attempt: u32,
}

impl Recorded {
    /// The step that was charged, from 1.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The attempt at it that was charged, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }
}

/// Where the ledger ended when it was last written; kept in a private file of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    /// Length of the ledger.
    pub(crate) bytes: u64,
    /// Its lines, the genesis included.
    pub(crate) lines: u64,
    /// Hash of its last line.
    pub(crate) hash: String,
}

impl Head {
    /// Whether the file, every line of which has been checked, passes through this head. The chain is checked, so the line
    /// that ends here vouches for everything before it.
    pub(crate) fn lies_in(&self, content: &[u8]) -> bool {
        let before = usize::try_from(self.bytes).ok().and_then(|bytes| content.get(..bytes));
        before.is_some_and(|before| before.ends_with(format!("\"hash\":\"{}\"}}\n", self.hash).as_bytes()))
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        let json = serde_json::to_vec(self).map_err(|error| Error::io("write", path, error.into()))?;
        write_atomic(path, &json)
    }
}

/// An open ledger that this process alone writes.
#[derive(Debug)]
pub struct LedgerFile {
    file: File,
    path: PathBuf,
    head_path: PathBuf,
    ledger: Ledger,
    /// Length of the file as this process left it.
    bytes: u64,
    /// A write failed or somebody else wrote; see the module's invariants.
    disturbed: bool,
}

impl LedgerFile {
    /// Begins a ledger at `path` with `genesis`; `head_path` is its private record. Both folders must exist.
    ///
    /// Refused if there is a ledger already, or if the record says that steps were charged to one that is gone. A
    /// file without a complete first line (a crash while a ledger was begun) is begun anew.
    pub fn create(path: &Path, head_path: &Path, genesis: Genesis) -> Result<Self, Error> {
        let (file, content) = lock(path, OpenOptions::new().create(true))?;
        if content.contains(&b'\n') {
            return Err(Error::LedgerExists { path: path.to_owned() });
        }
        if let Some(Head { bytes, lines: 2.., .. }) = read_head(head_path)? {
            return Err(Error::LedgerRolledBack { path: path.to_owned(), recorded: bytes, found: 0 });
        }
        let line = ledger::seal(Body::Genesis(genesis), ledger::ORIGIN);
        let text = line.to_json() + "\n";
        let ledger = Ledger::begin(line).map_err(|source| Error::LedgerRefuses { path: path.to_owned(), source })?;
        let mut created = Self::new(file, path, head_path, ledger, text.len() as u64);
        // The record goes first: a ledger with a genesis and no record would look like one whose record was removed.
        created.write_head()?;
        created.file.set_len(0).map_err(|source| Error::io("cut", path, source))?;
        created.file.write_all(text.as_bytes()).map_err(|source| Error::io("write", path, source))?;
        created.file.sync_all().map_err(|source| Error::io("flush", path, source))?;
        sync_folder(parent(path))?;
        Ok(created)
    }

    /// Opens the ledger at `path` to go on with it, if it is whole, belongs to this plan and this data set, and is
    /// not behind its record in `head_path`. A torn last line is cut off.
    pub fn open(
        path: &Path,
        head_path: &Path,
        expected_plan_hash: &str,
        expected_dataset_commitment: &str,
    ) -> Result<Self, Error> {
        let (file, content) = lock(path, &mut OpenOptions::new())?;
        let (ledger, valid) = read_ledger(&content).map_err(|source| match source {
            LedgerError::Chain(ChainError::Empty) => Error::LedgerEmpty { path: path.to_owned() },
            source => Error::LedgerInvalid { path: path.to_owned(), source },
        })?;
        let Genesis { plan_hash, dataset_commitment, .. } = ledger.genesis();
        if plan_hash != expected_plan_hash {
            let (expected, found) = (expected_plan_hash.to_owned(), plan_hash.clone());
            return Err(Error::PlanChanged { path: path.to_owned(), expected, found });
        }
        if dataset_commitment != expected_dataset_commitment {
            return Err(Error::DatasetChanged { path: path.to_owned() });
        }
        let Some(head) = read_head(head_path)? else {
            return Err(Error::LedgerHead { path: head_path.to_owned() });
        };
        if (valid as u64) < head.bytes {
            return Err(Error::LedgerRolledBack { path: path.to_owned(), recorded: head.bytes, found: valid as u64 });
        }
        if !head.lies_in(&content) {
            return Err(Error::LedgerForked { path: path.to_owned() });
        }
        if valid < content.len() {
            file.set_len(valid as u64).map_err(|source| Error::io("cut", path, source))?;
            file.sync_all().map_err(|source| Error::io("flush", path, source))?;
        }
        let opened = Self::new(file, path, head_path, ledger, valid as u64);
        if opened.head() != head {
            opened.write_head()?;
        }
        Ok(opened)
    }

    /// [`LedgerFile::open`] with what `genesis` says, or [`LedgerFile::create`] if nothing was begun at `path`.
    pub fn open_or_create(path: &Path, head_path: &Path, genesis: Genesis) -> Result<Self, Error> {
        match Self::open(path, head_path, &genesis.plan_hash, &genesis.dataset_commitment) {
            Err(Error::LedgerEmpty { .. }) => Self::create(path, head_path, genesis),
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                Self::create(path, head_path, genesis)
            }
            other => other,
        }
    }

    /// Charges one attempt at one step. When this returns `Ok`, the line and its record are on the device.
    ///
    /// A step out of order or an attempt already charged is refused and changes nothing. After any other error the
    /// step may or may not be charged and this ledger records nothing more: open it again to find out.
    pub fn append(&mut self, entry: StepEntry) -> Result<Recorded, Error> {
        if self.disturbed {
            return Err(self.disturbance());
        }
        let recorded = Recorded { step: entry.step, attempt: entry.attempt };
        let line = ledger::seal(Body::Step(entry), self.ledger.head());
        let text = line.to_json() + "\n";
        self.ledger.push(line).map_err(|source| Error::LedgerRefuses { path: self.path.clone(), source })?;
        self.disturbed = true;
        let length = self.file.metadata().map_err(|source| Error::io("measure", &self.path, source))?.len();
        if length != self.bytes {
            return Err(self.disturbance());
        }
        self.file.write_all(text.as_bytes()).map_err(|source| Error::io("write", &self.path, source))?;
        self.file.sync_data().map_err(|source| Error::io("flush", &self.path, source))?;
        self.bytes += text.len() as u64;
        self.write_head()?;
        self.disturbed = false;
        Ok(recorded)
    }

    /// The lines so far, checked.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn new(file: File, path: &Path, head_path: &Path, ledger: Ledger, bytes: u64) -> Self {
        Self { file, path: path.to_owned(), head_path: head_path.to_owned(), ledger, bytes, disturbed: false }
    }

    fn head(&self) -> Head {
        let lines = self.ledger.entries().len() as u64 + 1;
        Head { bytes: self.bytes, lines, hash: self.ledger.head().to_owned() }
    }

    fn write_head(&self) -> Result<(), Error> {
        self.head().write(&self.head_path)
    }

    fn disturbance(&self) -> Error {
        Error::LedgerDisturbed { path: self.path.clone() }
    }
}

/// Opens `path` for reading and appending, locks it against other writers, and reads it.
fn lock(path: &Path, options: &mut OpenOptions) -> Result<(File, Vec<u8>), Error> {
    let mut file =
        options.read(true).append(true).open(path).map_err(|source| Error::io("open the ledger", path, source))?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => Error::LedgerLocked { path: path.to_owned() },
        TryLockError::Error(source) => Error::io("lock", path, source),
    })?;
    let mut content = Vec::new();
    file.read_to_end(&mut content).map_err(|source| Error::io("read", path, source))?;
    Ok((file, content))
}

fn read_ledger(content: &[u8]) -> Result<(Ledger, usize), LedgerError> {
    recovered(content, ledger::recover)
}

/// Parses a file of sealed lines and says how many bytes of it are whole lines. Bytes that are not text count as torn
/// in the last line and as damage anywhere else.
pub(crate) fn recovered<T, E: From<ChainError>>(
    content: &[u8],
    recover: impl Fn(&str) -> Result<(T, usize), E>,
) -> Result<(T, usize), E> {
    match str::from_utf8(content) {
        Ok(text) => recover(text),
        Err(error) => {
            let (text, rest) = content.split_at(error.valid_up_to());
            if rest[..rest.len() - 1].contains(&b'\n') {
                let line = text.split(|&byte| byte == b'\n').count();
                return Err(ChainError::Malformed { line, reason: "it is not UTF-8".to_owned() }.into());
            }
            recover(str::from_utf8(text).unwrap_or_default())
        }
    }
}

/// The record at `path`; `None` if there is none, an error if it cannot be read.
pub(crate) fn read_head(path: &Path) -> Result<Option<Head>, Error> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|_| Error::LedgerHead { path: path.to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::io("read", path, source)),
    }
}

#[cfg(test)]
mod tests;
