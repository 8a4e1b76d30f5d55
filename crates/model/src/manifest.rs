//! Which files a model folder is made of, and their digests, so that a run can be pinned to them.
//!
//! The text form is that of `sha256sum`, so that a manifest can be made and checked without this program. Only files
//! that are read here count: whatever else lies in a folder decides nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::Error;
use crate::config::GENERATION_CONFIG;
use crate::weights::{INDEX_FILE, WEIGHTS_FILE, WeightFile, hex};

/// Files other than weights that decide what a model is and how text becomes tokens.
pub const SMALL_FILES: [&str; 5] =
    ["config.json", GENERATION_CONFIG, "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"];

/// SHA-256 of every file, in hex, by name.
pub type Manifest = BTreeMap<String, String>;

/// Digests of the files that are not weights; of those that exist.
///
/// # Errors
/// [`Error::Unreadable`].
pub fn small_files(folder: &Path) -> Result<Manifest, Error> {
    let mut manifest = Manifest::new();
    for name in SMALL_FILES.into_iter().chain([INDEX_FILE]) {
        let path = folder.join(name);
        // An index beside whole weights is not read.
        if path.is_file() && (name != INDEX_FILE || !folder.join(WEIGHTS_FILE).exists()) {
            manifest.insert(name.to_owned(), digest(&path)?);
        }
    }
    Ok(manifest)
}

/// Digests of all files of a model.
///
/// # Errors
/// As [`WeightFile::open`].
pub fn manifest(folder: &Path) -> Result<Manifest, Error> {
    let mut manifest = small_files(folder)?;
    manifest.extend(WeightFile::open(folder, None)?.file_digests());
    Ok(manifest)
}

fn digest(path: &Path) -> Result<String, Error> {
    let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    let (mut hasher, mut block) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut block).map_err(unreadable)? {
            0 => return Ok(hex(&hasher.finalize())),
            read => hasher.update(&block[..read]),
        }
    }
}

/// What `sha256sum` prints: a digest, two spaces (or a space and a star), a name.
pub fn to_text(manifest: &Manifest) -> String {
    manifest.iter().fold(String::new(), |mut text, (name, digest)| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{digest}  {name}");
        text
    })
}

/// Reads a manifest file.
///
/// # Errors
/// [`Error::Unreadable`], [`Error::BadManifest`].
pub fn read(path: &Path) -> Result<Manifest, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
    let mut manifest = Manifest::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let parts = line.split_once("  ").or_else(|| line.split_once(" *"));
        let entry =
            parts.filter(|(digest, _)| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some((digest, name)) = entry else {
            return Err(Error::BadManifest { path: path.to_owned(), line: index + 1 });
        };
        manifest.insert(name.trim_start_matches("./").to_owned(), digest.to_lowercase());
    }
    Ok(manifest)
}

/// Checks a folder against a manifest: every file that is read must be in it, and every file in it must be there and be
/// the same.
///
/// # Errors
/// [`Error::WrongDigest`], [`Error::NotPinned`], [`Error::Unreadable`] for a file that is missing, and those of
/// [`manifest()`].
pub fn verify(folder: &Path, pinned: &Manifest) -> Result<(), Error> {
    let mut found = manifest(folder)?;
    for (name, expected) in pinned {
        let path = folder.join(name);
        // A file that is listed and never read is still what was downloaded.
        let digest = found.remove(name).map_or_else(|| digest(&path), Ok)?;
        if digest != *expected {
            return Err(Error::WrongDigest { path, found: digest, expected: expected.clone() });
        }
    }
    match found.into_keys().next() {
        Some(name) => Err(Error::NotPinned { path: folder.join(name) }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/llama");
        for name in ["config.json", WEIGHTS_FILE] {
            std::fs::copy(source.join(name), folder.path().join(name)).unwrap();
        }
        folder
    }

    fn pin(folder: &Path) -> Manifest {
        let path = folder.join("pins");
        std::fs::write(&path, to_text(&manifest(folder).unwrap())).unwrap();
        read(&path).unwrap()
    }

    #[test]
    fn a_folder_fits_its_own_manifest_and_no_changed_one() {
        let folder = model();
        let pinned = pin(folder.path());
        assert_eq!(pinned.keys().collect::<Vec<_>>(), ["config.json", WEIGHTS_FILE]);
        verify(folder.path(), &pinned).unwrap();
        // What is not read decides nothing.
        std::fs::write(folder.path().join("README.md"), "x").unwrap();
        verify(folder.path(), &pinned).unwrap();
        std::fs::write(folder.path().join("chat_template.jinja"), "x").unwrap();
        assert!(
            matches!(verify(folder.path(), &pinned), Err(Error::NotPinned { path }) if path.ends_with("chat_template.jinja"))
        );
        let pinned = pin(folder.path());
        std::fs::write(folder.path().join("chat_template.jinja"), "y").unwrap();
        assert!(matches!(verify(folder.path(), &pinned), Err(Error::WrongDigest { .. })));
        std::fs::remove_file(folder.path().join("chat_template.jinja")).unwrap();
        assert!(matches!(verify(folder.path(), &pinned), Err(Error::Unreadable { .. })));
        // A digest that is right, of a file that is not read.
        let listed = Manifest::from([("README.md".to_owned(), digest(&folder.path().join("README.md")).unwrap())]);
        assert!(matches!(verify(folder.path(), &listed), Err(Error::NotPinned { .. })));
    }

    #[test]
    fn manifests_are_those_of_sha256sum() {
        let folder = model();
        let pinned = pin(folder.path());
        let text = format!("{} *./{}\n\n", pinned["config.json"].to_uppercase(), "config.json");
        std::fs::write(folder.path().join("pins"), text).unwrap();
        let back = read(&folder.path().join("pins")).unwrap();
        assert_eq!(back["config.json"], pinned["config.json"]);
        for (text, line) in [("nothing", 1), ("\n\n00  a", 3)] {
            std::fs::write(folder.path().join("pins"), text).unwrap();
            let error = read(&folder.path().join("pins")).unwrap_err();
            assert!(matches!(error, Error::BadManifest { line: found, .. } if found == line), "{error}");
        }
    }
}
