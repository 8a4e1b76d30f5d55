//! The budget of a corpus on disk: one reservation after the other, and each on the device before its run starts.
//!
//! The rules of the lines live in [`privet_dp::corpus_budget`]; this module reads, locks and writes. A [`BudgetFile`] holds
//! an exclusive lock from before the file is read until it is dropped, and whoever comes second waits, reads what the
//! first one wrote, and decides on that. So two trainers that start at the same time cannot both get the last budget. The
//! lock is held for one decision, not for a run.
//!
//! As with a ledger, a second file beside it (`FILE.head`) records how long the file was and what its last hash was; a
//! budget that is shorter than its record, or does not pass through it, is refused. Whoever restores both to an older
//! state can still take charges back; each run keeps the hash of its own reservation in `private/`, and notices.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use privet_dp::chain::{self, ChainError};
use privet_dp::corpus_budget::{self, Body, CorpusBudget, CorpusBudgetError, Refusal, RunId, Terms};
use privet_dp::{Event, Ledger};
use thiserror::Error as ThisError;

use crate::Error;
use crate::atomic::{parent, sync_folder};
use crate::ledger_file::{Head, read_head, recovered};

/// What is wrong with a corpus budget, or with a run's place in it.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum CorpusBudgetFault {
    /// There is a file already.
    #[error("{} exists already; a budget is never written over, so give the new one another name", path.display())]
    Exists {
        /// The budget.
        path: PathBuf,
    },
    /// There is no file, or nothing in it.
    #[error(
        "there is no corpus budget {}; make one with `privet budget account create {0}`, or correct `privacy.corpus_budget`",
        path.display()
    )]
    Missing {
        /// The budget.
        path: PathBuf,
    },
    /// The file breaks its own rules.
    #[error("the corpus budget {} does not verify; {source}; restore it from a copy, and train nothing until then", path.display())]
    Invalid {
        /// The budget.
        path: PathBuf,
        /// The rule and the line.
        source: CorpusBudgetError,
    },
    /// The file is not the one that was written last.
    #[error("the corpus budget {} does not verify; {reason}; restore it from a copy, and train nothing until then", path.display())]
    Behind {
        /// The budget.
        path: PathBuf,
        /// What does not agree.
        reason: &'static str,
    },
    /// Something else wrote to the file.
    #[error("the corpus budget {} was changed while it was locked; nothing was reserved; check who writes to it", path.display())]
    Disturbed {
        /// The budget.
        path: PathBuf,
    },
    /// The budget takes no such line.
    #[error("{source}")]
    Refused {
        /// The budget.
        path: PathBuf,
        /// Why not.
        source: Refusal,
    },
    /// The run belongs to another budget.
    #[error(
        "this run is reserved in another corpus budget than {}; restore `privacy.corpus_budget`, or start a new run in another folder",
        path.display()
    )]
    OtherBudget {
        /// The budget named now.
        path: PathBuf,
    },
    /// The run was settled before its end.
    #[error(
        "this run is settled in the corpus budget {} and holds no reservation any more; start a new run in another folder",
        path.display()
    )]
    Settled {
        /// The budget.
        path: PathBuf,
    },
    /// A stage before training has no bound.
    #[error(
        "a stage before training has no bound, so no corpus budget can be charged for this run; a damaged input was set aside; \
         repair or remove it, and run the same command again"
    )]
    Unbounded,
}

fn fault<T>(fault: CorpusBudgetFault) -> Result<T, Error> {
    Err(fault.into())
}

/// What a file without its record can and cannot show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// The file passes through its record.
    Recorded,
    /// There is no record beside it: lines missing at the end would not show.
    NoRecord,
}

/// Where the record of `path` lies.
pub fn head_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".head");
    PathBuf::from(name)
}

/// Reads a budget without changing it: the budget, whether its last line is torn, and what its record shows.
pub fn read(path: &Path) -> Result<(CorpusBudget, bool, Completeness), Error> {
    let mut file = File::open(path).map_err(|source| opening(path, source))?;
    file.lock_shared().map_err(|source| Error::io("lock", path, source))?;
    let content = content(&mut file, path)?;
    let (budget, valid) = checked(path, &content)?;
    let completeness = match compare(path, &content[..valid])? {
        Some(_) => Completeness::Recorded,
        None => Completeness::NoRecord,
    };
    Ok((budget, valid < content.len(), completeness))
}

/// A budget that this process alone may change.
#[derive(Debug)]
pub struct BudgetFile {
    file: File,
    path: PathBuf,
    budget: CorpusBudget,
    /// Length of the file as this process left it.
    bytes: u64,
}

impl BudgetFile {
    /// Makes a budget at `path`, where no file may be.
    pub fn create(path: &Path, terms: Terms) -> Result<Self, Error> {
        let line = chain::seal(Body::Genesis(terms), chain::ORIGIN);
        let text = line.to_json() + "\n";
        let invalid = |source| CorpusBudgetFault::Invalid { path: path.to_owned(), source };
        let budget = CorpusBudget::begin(line).map_err(invalid)?;
        let mut file = open(path, OpenOptions::new().create(true))?;
        if !content(&mut file, path)?.is_empty() {
            return fault(CorpusBudgetFault::Exists { path: path.to_owned() });
        }
        if let Some(Head { lines: 2.., .. }) = read_record(path)? {
            return fault(CorpusBudgetFault::Behind {
                path: path.to_owned(),
                reason: "its record says that it is gone",
            });
        }
        let mut created = Self { file, path: path.to_owned(), budget, bytes: text.len() as u64 };
        // The record goes first: a budget without one would look like one whose record was removed.
        created.head().write(&head_path(path))?;
        created.file.write_all(text.as_bytes()).map_err(|source| Error::io("write", path, source))?;
        created.file.sync_all().map_err(|source| Error::io("flush", path, source))?;
        sync_folder(parent(path))?;
        Ok(created)
    }

    /// Opens the budget at `path`, waiting for whoever has it; a torn last line is cut off.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let mut file = open(path, &mut OpenOptions::new())?;
        let content = content(&mut file, path)?;
        let (budget, valid) = checked(path, &content)?;
        let Some(head) = compare(path, &content[..valid])? else {
            let reason = "its record, the file of the same name with `.head`, is missing";
            return fault(CorpusBudgetFault::Behind { path: path.to_owned(), reason });
        };
        if valid < content.len() {
            file.set_len(valid as u64).map_err(|source| Error::io("cut", path, source))?;
            file.sync_all().map_err(|source| Error::io("flush", path, source))?;
        }
        let opened = Self { file, path: path.to_owned(), budget, bytes: valid as u64 };
        if opened.head() != head {
            opened.head().write(&head_path(path))?;
        }
        Ok(opened)
    }

    /// The budget as it stands.
    pub fn budget(&self) -> &CorpusBudget {
        &self.budget
    }

    /// Reserves `event` for `run`. When this returns `Ok`, the reservation is on the device and the run may start.
    pub fn reserve(self, run: RunId, plan_hash: Option<String>, event: Event) -> Result<Self, Error> {
        let body = self.budget.reserve(run, plan_hash, event);
        let body = body.map_err(|source| self.refused(source))?;
        self.append(body)
    }

    /// Settles `run` with what `ledger` charged, or at nothing where there is no ledger.
    pub fn settle(self, run: &RunId, ledger: Option<&Ledger>) -> Result<Self, Error> {
        let body = match ledger {
            Some(ledger) => self.budget.settle(run, ledger),
            None => self.budget.settle_unused(run),
        };
        match body.map_err(|source| self.refused(source))? {
            Some(body) => self.append(body),
            None => Ok(self),
        }
    }

    /// The budget's answer with the file's name.
    pub(crate) fn refused(&self, source: Refusal) -> Error {
        CorpusBudgetFault::Refused { path: self.path.clone(), source }.into()
    }

    /// Takes the file and gives it back: after a failed write nobody knows what is on the device, so nobody may go on.
    fn append(mut self, body: Body) -> Result<Self, Error> {
        let line = chain::seal(body, self.budget.head());
        let text = line.to_json() + "\n";
        self.budget.push(line).map_err(|source| self.refused(source.into()))?;
        self.write(&text)?;
        Ok(self)
    }

    fn write(&mut self, text: &str) -> Result<(), Error> {
        let path = &self.path;
        let length = self.file.metadata().map_err(|source| Error::io("measure", path, source))?.len();
        if length != self.bytes {
            return fault(CorpusBudgetFault::Disturbed { path: path.clone() });
        }
        self.file.write_all(text.as_bytes()).map_err(|source| Error::io("write", path, source))?;
        self.file.sync_data().map_err(|source| Error::io("flush", path, source))?;
        self.bytes += text.len() as u64;
        self.head().write(&head_path(path))
    }

    fn head(&self) -> Head {
        Head { bytes: self.bytes, lines: self.budget.lines() as u64, hash: self.budget.head().to_owned() }
    }
}

fn opening(path: &Path, source: std::io::Error) -> Error {
    if source.kind() == ErrorKind::NotFound {
        return CorpusBudgetFault::Missing { path: path.to_owned() }.into();
    }
    Error::io("open the corpus budget", path, source)
}

/// Opens `path` for reading and appending, and waits until nobody else has it.
fn open(path: &Path, options: &mut OpenOptions) -> Result<File, Error> {
    let file = options.read(true).append(true).open(path).map_err(|source| opening(path, source))?;
    file.lock().map_err(|source| Error::io("lock", path, source))?;
    Ok(file)
}

fn content(file: &mut File, path: &Path) -> Result<Vec<u8>, Error> {
    let mut content = Vec::new();
    file.read_to_end(&mut content).map_err(|source| Error::io("read", path, source))?;
    Ok(content)
}

fn checked(path: &Path, content: &[u8]) -> Result<(CorpusBudget, usize), Error> {
    let read = recovered(content, corpus_budget::recover);
    read.map_err(|source| match source {
        CorpusBudgetError::Chain(ChainError::Empty) => CorpusBudgetFault::Missing { path: path.to_owned() }.into(),
        source => CorpusBudgetFault::Invalid { path: path.to_owned(), source }.into(),
    })
}

fn read_record(path: &Path) -> Result<Option<Head>, Error> {
    read_head(&head_path(path)).map_err(|error| match error {
        Error::LedgerHead { .. } => {
            CorpusBudgetFault::Behind { path: path.to_owned(), reason: "its record is unreadable" }.into()
        }
        other => other,
    })
}

/// The record of a budget, if there is one and the whole lines of the file pass through it.
fn compare(path: &Path, whole: &[u8]) -> Result<Option<Head>, Error> {
    let Some(head) = read_record(path)? else { return Ok(None) };
    let reason = if (whole.len() as u64) < head.bytes {
        "lines that were written are missing at its end"
    } else if head.lies_in(whole) {
        return Ok(Some(head));
    } else {
        "its lines are not the ones that were written: it was continued from an older copy"
    };
    fault(CorpusBudgetFault::Behind { path: path.to_owned(), reason })
}

#[cfg(test)]
pub(crate) mod tests;
