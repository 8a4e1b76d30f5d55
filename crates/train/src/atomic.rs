//! Files that are either the old bytes or the new ones, never a mixture.
//!
//! A new file is written beside its destination, flushed to the device, renamed over the destination, and the folder
//! is flushed so that the rename itself survives a power cut. Temporary names start with `.` and end with `.tmp`; one
//! left behind by a killed process is harmless. Private folders are created with mode 0700 on Unix; elsewhere they
//! inherit the permissions of their parent.

use std::fs::{self, File};
use std::path::Path;

use crate::error::Error;

/// Writes `bytes` to `path`, replacing what was there in one step.
///
/// On success the bytes and the directory entry are on the device. On an error the old file, if any, is untouched.
/// New files are readable by their owner alone on Unix (mode 0600).
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_atomic_with(path, |file| std::fs::write(file, bytes).map_err(|source| Error::io("write", path, source)))
}

/// The same for a file that `write` fills, given the path of the temporary one.
pub(crate) fn write_atomic_with(path: &Path, write: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
    let folder = parent(path);
    let file = tempfile::Builder::new()
        .prefix(".")
        .suffix(".tmp")
        .tempfile_in(folder)
        .map_err(|source| Error::io("create a temporary file in", folder, source))?;
    write(file.path())?;
    file.as_file().sync_all().map_err(|source| Error::io("flush", path, source))?;
    file.persist(path).map_err(|failed| Error::io("rename a temporary file to", path, failed.error))?;
    sync_folder(folder)
}

/// Creates `path` and its missing parents; on Unix every folder it creates has mode 0700.
///
/// A folder that exists keeps its content, and on Unix its mode is set to 0700.
pub fn create_private_dir(path: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| Error::io("create the folder", path, source))?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(path, mode).map_err(|source| Error::io("set the permissions of", path, source))?;
    }
    Ok(())
}

/// Flushes the entries of `folder` to the device. Does nothing where folders cannot be opened as files.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Error> {
    if cfg!(unix) {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| Error::io("flush the folder", folder, source))?;
    }
    Ok(())
}

/// The folder `path` lies in; the current one for a bare file name.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_the_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_keeps_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), b"kept").unwrap();
        assert!(matches!(write_atomic(&path, b"new"), Err(Error::Io { .. })));
        assert_eq!(fs::read(path.join("inside")).unwrap(), b"kept");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write_atomic(&folder.path().join("missing/file"), b"new").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn private_folders_are_closed_to_others() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = tempfile::tempdir().unwrap();
        let (outer, inner) = (folder.path().join("private"), folder.path().join("private/checkpoint"));
        create_private_dir(&inner).unwrap();
        assert_eq!((mode(&outer), mode(&inner)), (0o700, 0o700));
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).unwrap();
        create_private_dir(&inner).unwrap();
        assert_eq!(mode(&inner), 0o700);
        let file = inner.join("file");
        write_atomic(&file, b"x").unwrap();
        assert_eq!(mode(&file), 0o600);
    }

    #[test]
    fn a_bare_file_name_lies_in_the_current_folder() {
        assert_eq!(parent(Path::new("ledger.jsonl")), Path::new("."));
        assert_eq!(parent(Path::new("public/ledger.jsonl")), Path::new("public"));
    }
}
