//! Files that appear whole or not at all.
//!
//! Bytes go to a hidden temporary file in the target's own folder (a rename across file systems would not
//! be atomic), are hashed on the way, and get their name only after they are on the disk: write, fsync,
//! rename, fsync of the folder. Dropping an uncommitted file removes it; a killed process leaves hidden
//! leftovers that the next run sweeps up.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::error::Error;

/// Prefix of temporary files; nothing else may be called so.
const TEMPORARY_PREFIX: &str = ".privet-part-";

/// A file's digest (SHA-256, lower-case hex) and length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
}

/// A file being written.
pub(crate) struct AtomicFile {
    temporary: NamedTempFile,
    hasher: Sha256,
    bytes: u64,
    target: PathBuf,
}

impl AtomicFile {
    /// Starts `target`, making its folder if need be.
    pub(crate) fn create(target: &Path) -> Result<Self, Error> {
        let folder = folder_of(target);
        std::fs::create_dir_all(folder).map_err(|source| write_error(folder, source))?;
        let temporary = tempfile::Builder::new()
            .prefix(TEMPORARY_PREFIX)
            .tempfile_in(folder)
            .map_err(|source| write_error(target, source))?;
        Ok(Self { temporary, hasher: Sha256::new(), bytes: 0, target: target.to_owned() })
    }

    /// Makes the file durable and gives it its name.
    pub(crate) fn commit(self) -> Result<Content, Error> {
        let target = self.target.clone();
        self.temporary.as_file().sync_all().map_err(|source| write_error(&target, source))?;
        let content = self.commit_unsynced()?;
        sync_folder(folder_of(&target))?;
        Ok(content)
    }

    /// Gives the file its name and leaves it to the system when it is on the disk: for what is held against a digest before
    /// it is believed. Waiting for the disk takes longer than scrubbing a letter.
    pub(crate) fn commit_unsynced(self) -> Result<Content, Error> {
        let Self { temporary, hasher, bytes, target } = self;
        temporary.persist(&target).map_err(|failed| write_error(&target, failed.error))?;
        Ok(Content { sha256: hex(&hasher.finalize()), bytes })
    }
}

impl Write for AtomicFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.temporary.write(buffer)?;
        self.hasher.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.flush()
    }
}

/// Writes a value as indented JSON, atomically.
pub(crate) fn write_json(target: &Path, value: &impl Serialize) -> Result<(), Error> {
    json_file(target, value)?.commit().map(|_| ())
}

/// Likewise, without waiting for the disk.
pub(crate) fn write_json_unsynced(target: &Path, value: &impl Serialize) -> Result<(), Error> {
    json_file(target, value)?.commit_unsynced().map(|_| ())
}

fn json_file(target: &Path, value: &impl Serialize) -> Result<AtomicFile, Error> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| write_error(target, io::Error::other(error)))?;
    text.push(b'\n');
    let mut file = AtomicFile::create(target)?;
    file.write_all(&text).map_err(|source| write_error(target, source))?;
    Ok(file)
}

/// Reads a whole file for its digest; stops early when asked to.
pub(crate) fn content_of(path: &Path, cancelled: &AtomicBool) -> io::Result<Option<Content>> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut bytes = 0;
    let mut buffer = vec![0; 1 << 20];
    loop {
        if cancelled.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                hasher.update(&buffer[..read]);
                bytes += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(Content { sha256: hex(&hasher.finalize()), bytes }))
}

/// Removes what a killed run left behind in `folder`.
pub(crate) fn sweep(folder: &Path) -> Result<(), Error> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a file; one that is not there is fine.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(write_error(path, error)),
        _ => Ok(()),
    }
}

/// Makes a folder's entries durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Error> {
    // Windows cannot open a folder as a file; there a rename is durable without this.
    if cfg!(unix) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|source| write_error(folder, source))?;
    }
    Ok(())
}

pub(crate) fn write_error(path: &Path, source: io::Error) -> Error {
    Error::Write { path: path.to_owned(), source }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

fn folder_of(target: &Path) -> &Path {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_at_commit_with_the_digest_of_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("deep/name.bin");
        let mut file = AtomicFile::create(&target).unwrap();
        file.write_all(b"abc").unwrap();
        assert!(!target.exists());
        let content = file.commit().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"abc");
        assert_eq!(content.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let read = content_of(&target, &AtomicBool::new(false)).unwrap();
        assert_eq!(read, Some(content));
    }

    #[test]
    fn an_abandoned_file_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(AtomicFile::create(&folder.path().join("name.bin")).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn sweeping_removes_leftovers_only() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".privet-part-x"), b"").unwrap();
        std::fs::write(folder.path().join("kept"), b"").unwrap();
        sweep(folder.path()).unwrap();
        let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["kept"]);
    }
}
