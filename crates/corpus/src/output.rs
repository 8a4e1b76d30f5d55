//! What lies in an output folder, and who may write there.
//!
//! ```text
//! OUT/<shard names>       the scrubbed shards
//! OUT/findings.parquet    one row per finding
//! OUT/manifest.json       written last: a folder with a manifest is a finished run
//! OUT/.progress/          only while a run is unfinished: plan, one record and one findings part per shard
//! ```

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::atomic::{remove, sweep, sync_folder, write_error};
use crate::error::Error;
use crate::manifest::Manifest;

pub(crate) const FINDINGS_NAME: &str = "findings.parquet";
pub(crate) const MANIFEST_NAME: &str = "manifest.json";
pub(crate) const PROGRESS_NAME: &str = ".progress";

/// Paths below one output folder, locked against a second run while held.
pub(crate) struct OutputFolder {
    root: PathBuf,
    _lock: File,
}

impl OutputFolder {
    /// Creates the folder if need be, takes its lock and removes what a killed run left half written.
    pub(crate) fn open(root: &Path) -> Result<Self, Error> {
        let progress = root.join(PROGRESS_NAME);
        std::fs::create_dir_all(&progress).map_err(|source| write_error(&progress, source))?;
        let path = progress.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|source| write_error(&path, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Busy { output: root.to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(write_error(&path, source)),
        }
        sweep(root)?;
        sweep(&progress)?;
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    /// Where a shard of this name goes.
    pub(crate) fn shard(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn findings(&self) -> PathBuf {
        self.root.join(FINDINGS_NAME)
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.root.join(MANIFEST_NAME)
    }

    pub(crate) fn progress_plan(&self) -> PathBuf {
        self.root.join(PROGRESS_NAME).join("plan.json")
    }

    /// Record of the shard at `index`.
    pub(crate) fn record(&self, index: usize) -> PathBuf {
        self.root.join(PROGRESS_NAME).join(format!("{index:06}.json"))
    }

    /// Findings of the shard at `index`.
    pub(crate) fn part(&self, index: usize) -> PathBuf {
        self.root.join(PROGRESS_NAME).join(format!("{index:06}.findings.parquet"))
    }

    /// Where the folder of [`Self::spill`] is.
    pub(crate) fn spill_path(&self) -> PathBuf {
        self.root.join(PROGRESS_NAME).join("spill")
    }

    /// An empty folder for what only a run that goes on needs.
    pub(crate) fn spill(&self) -> Result<PathBuf, Error> {
        let spill = self.spill_path();
        self.remove_spill(&spill)?;
        std::fs::create_dir(&spill).map_err(|source| write_error(&spill, source))?;
        Ok(spill)
    }

    /// Removes the folder of [`Self::spill`] with all that is in it.
    #[expect(clippy::unused_self, reason = "only who holds the folder's lock may")]
    pub(crate) fn remove_spill(&self, spill: &Path) -> Result<(), Error> {
        match std::fs::remove_dir_all(spill) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(write_error(spill, error)),
            _ => Ok(()),
        }
    }

    /// The finished run's manifest, if there is one.
    pub(crate) fn read_manifest(&self) -> Result<Option<Manifest>, Error> {
        if self.manifest().exists() { Manifest::load(&self.root).map(Some) } else { Ok(None) }
    }

    /// Removes what runs of this tool wrote here: manifest first, so that a crash in the middle never
    /// leaves a manifest that promises missing files.
    pub(crate) fn clear(&self, shard_names: &[String]) -> Result<(), Error> {
        remove(&self.manifest())?;
        sync_folder(&self.root)?;
        remove(&self.findings())?;
        for name in shard_names {
            // Names come from a file that may have been edited: never reach outside the folder.
            if stays_below(name) {
                remove(&self.shard(name))?;
            }
        }
        self.forget_progress()
    }

    /// Removes the records of progress, all but the lock.
    pub(crate) fn forget_progress(&self) -> Result<(), Error> {
        let folder = self.root.join(PROGRESS_NAME);
        let Ok(entries) = std::fs::read_dir(&folder) else {
            return Ok(());
        };
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.remove_spill(&entry.path())?;
            } else if entry.file_name() != "lock" {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// The run is finished: only shards, findings and manifest stay.
    pub(crate) fn finish(self) -> Result<(), Error> {
        self.forget_progress()
    }
}

impl Drop for OutputFolder {
    /// Without progress to keep, the hidden folder goes with its lock, so that a refused run leaves no mark.
    fn drop(&mut self) {
        if !self.progress_plan().exists() {
            let folder = self.root.join(PROGRESS_NAME);
            // Failing to tidy up is no reason to fail: what stays is hidden and empty.
            let _ = remove(&folder.join("lock"));
            let _ = std::fs::remove_dir(&folder);
        }
    }
}

/// True if the folder holds anything that neither a finished nor an unfinished run explains. Empty folders are nothing: a
/// run that stopped in its first file may leave some.
pub(crate) fn is_foreign(root: &Path) -> bool {
    let ours = root.join(MANIFEST_NAME).exists() || root.join(PROGRESS_NAME).exists();
    !ours && holds_anything(root)
}

fn holds_anything(folder: &Path) -> bool {
    let is_file = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => holds_anything(&entry.path()),
        _ => true,
    };
    std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(is_file))
}

fn stays_below(name: &str) -> bool {
    Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = OutputFolder::open(folder.path()).unwrap();
        assert!(matches!(OutputFolder::open(folder.path()), Err(Error::Busy { .. })));
        first.finish().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn foreign_folders() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_foreign(folder.path()));
        assert!(!is_foreign(&folder.path().join("missing")));
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        assert!(!is_foreign(folder.path()));
        std::fs::write(folder.path().join("thesis.odt"), b"").unwrap();
        assert!(is_foreign(folder.path()));
        std::fs::create_dir(folder.path().join(PROGRESS_NAME)).unwrap();
        assert!(!is_foreign(folder.path()));
    }

    #[test]
    fn clearing_never_leaves_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let outside = folder.path().join("outside");
        std::fs::write(&outside, b"").unwrap();
        let output = OutputFolder::open(&folder.path().join("out")).unwrap();
        std::fs::write(output.shard("a"), b"").unwrap();
        output.clear(&["a".to_owned(), "../outside".to_owned()]).unwrap();
        assert!(outside.exists());
        assert!(!output.shard("a").exists());
    }
}
