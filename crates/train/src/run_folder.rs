//! A run's folder: what is public lies in `public/`, what is private in `private/`, and nothing lies in both.
//!
//! `public/` is what epsilon covers: plan, ledger, weights, public log, evaluation on public text. `private/` (mode
//! 0700) holds everything else: losses, norms, batch sizes, checkpoints, the control. One process at a time may work
//! in the folder; the lock goes when the process does.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::atomic::{create_private_dir, write_atomic};

const PRIVATE_README: &str = "This folder is private.\n\n\
What lies here follows from the training data without noise: losses, clip fractions, batch sizes, the scrubbed text,\n\
checkpoints, and the weights of the non-private control. The privacy guarantee does not cover it. Publish only the\n\
neighbouring folder `public`.\n";

/// The folder of one run, held by one process.
pub struct RunFolder {
    root: PathBuf,
    _lock: File,
}

impl RunFolder {
    /// Creates the folder where it is missing, and takes its lock.
    ///
    /// # Errors
    /// [`Error::Busy`] when another process holds it; [`Error::Io`].
    pub fn open(root: &Path) -> Result<Self, Error> {
        let public = root.join("public");
        std::fs::create_dir_all(&public).map_err(|source| Error::io("create the folder", &public, source))?;
        let private = root.join("private");
        create_private_dir(&private)?;
        let readme = private.join("README.txt");
        if !readme.exists() {
            write_atomic(&readme, PRIVATE_README.as_bytes())?;
        }
        let path = private.join(".lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|source| Error::io("open", &path, source))?;
        lock.try_lock().map_err(|_| Error::Busy { path: root.to_owned() })?;
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    /// A path below `public/`.
    pub fn public(&self, name: &str) -> PathBuf {
        self.root.join("public").join(name)
    }

    /// A path below `private/`.
    pub fn private(&self, name: &str) -> PathBuf {
        self.root.join("private").join(name)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

/// Writes a value as pretty JSON, atomically, creating the folder above it.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|source| Error::io("create the folder", folder, source))?;
    }
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::Damaged { path: path.to_owned(), reason: error.to_string() })?;
    write_atomic(path, format!("{text}\n").as_bytes())
}

/// Reads a JSON file; `None` where there is none.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path, error)),
    };
    let parsed = serde_json::from_str(&text);
    parsed.map(Some).map_err(|error| Error::Damaged { path: path.to_owned(), reason: error.to_string() })
}

/// Appends one JSON line to a log. Logs are not fsynced: the ledger is the record, the log a convenience.
pub(crate) fn append_line(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let mut file =
        OpenOptions::new().create(true).append(true).open(path).map_err(|source| Error::io("open", path, source))?;
    let line = serde_json::to_string(value)
        .map_err(|error| Error::Damaged { path: path.to_owned(), reason: error.to_string() })?;
    writeln!(file, "{line}").map_err(|source| Error::io("write", path, source))
}
