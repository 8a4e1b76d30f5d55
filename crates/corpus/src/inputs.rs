//! From what the user named to shards with output names, and the folders kept apart.
//!
//! An output shard is called like its input. When two inputs share a file name, all keep their path below
//! the deepest folder they have in common, so nothing is silently renamed or overwritten; so do documents, always. Names are
//! compared without regard to case, since some file systems do.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::error::Error;
use crate::format::{Form, Format, named};
use crate::output::{FINDINGS_NAME, MANIFEST_NAME, PROGRESS_NAME};

/// Which files of a folder are meant when the folder is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    /// Parquet alone.
    Parquet,
    /// Every kind that is read: Parquet, Arrow IPC, JSON lines, CSV and TSV. Documents (`.txt`, `.md`) are meant where
    /// nothing else lies in a folder: beside tables they describe the tables.
    Records,
}

/// BLAKE3 over the paths, lengths and times of change of `files`: another value means that they may hold something else.
///
/// # Errors
///
/// [`Error::Input`] for a file that is gone.
pub fn state_of(files: &[PathBuf]) -> Result<String, Error> {
    let mut hasher = blake3::Hasher::new();
    for file in files {
        let fail = |error| Error::Input { file: file.clone(), fault: crate::source::unreadable(&error) };
        let metadata = file.metadata().map_err(fail)?;
        let changed = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        hasher.update(format!("{} {} {changed:?}\n", file.display(), metadata.len()).as_bytes());
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Files for a list of files, folders and glob patterns: absolute, sorted, each once.
///
/// A folder stands for the files below it that `kinds` names, hidden entries and the findings of an earlier run left
/// out; a file is taken whatever it is called.
///
/// # Errors
///
/// [`Error::NoInput`] naming the patterns that match nothing, [`Error::BadPattern`].
pub fn resolve_inputs(patterns: &[String], kinds: Kinds) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut unmatched = Vec::new();
    for pattern in patterns {
        let before = files.len();
        for path in matches(pattern)? {
            if path.is_dir() {
                let (mut tables, mut documents) = (Vec::new(), Vec::new());
                walk(&path, kinds, &mut tables, &mut documents);
                files.extend(if tables.is_empty() { documents } else { tables });
            } else {
                files.push(absolute(&path));
            }
        }
        if files.len() == before {
            unmatched.push(pattern.clone());
        }
    }
    if !unmatched.is_empty() || files.is_empty() {
        return Err(Error::NoInput { patterns: unmatched });
    }
    files.sort();
    files.dedup();
    Ok(files)
}

/// The folders that `patterns` read from as a whole: folders named as such and the fixed beginning of
/// patterns with `**`. An output folder below one of them would become input of the next run.
pub fn input_folders(patterns: &[String]) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = patterns.iter().filter_map(|p| folder_of(p)).collect();
    folders.sort();
    folders.dedup();
    folders
}

fn folder_of(pattern: &str) -> Option<PathBuf> {
    let path = Path::new(pattern);
    if path.is_dir() {
        return Some(absolute(path));
    }
    let fixed: PathBuf =
        path.components().take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '['])).collect();
    (pattern.contains("**") && !path.exists()).then(|| absolute(&fixed))
}

fn matches(pattern: &str) -> Result<Vec<PathBuf>, Error> {
    // A path that exists is taken literally even if it contains a pattern's characters.
    if Path::new(pattern).exists() {
        return Ok(vec![PathBuf::from(pattern)]);
    }
    let found =
        glob::glob(pattern).map_err(|error| Error::BadPattern { pattern: pattern.to_owned(), why: error.msg })?;
    Ok(found.flatten().collect())
}

fn walk(folder: &Path, kinds: Kinds, tables: &mut Vec<PathBuf>, documents: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let finished_run = folder.join(MANIFEST_NAME).exists();
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || (finished_run && name == FINDINGS_NAME) {
            continue;
        }
        // Links to folders are not followed: they may lead back up.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, kinds, tables, documents);
            continue;
        }
        match named(&path) {
            Some(Format::Parquet) => tables.push(absolute(&path)),
            Some(_) if kinds == Kinds::Parquet => {}
            Some(Format::Text(Form::Document)) => documents.push(absolute(&path)),
            Some(Format::Arrow(_) | Format::Text(_)) => tables.push(absolute(&path)),
            None => {}
        }
    }
}

/// One input file and the name of its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shard {
    /// The file to read.
    pub(crate) path: PathBuf,
    /// Its output's path below the output folder, with `/` between folders.
    pub(crate) name: String,
}

/// Names the outputs of `files`, in the order given. A tree of documents keeps its shape, from the folder among `folders`
/// that holds all of it.
pub(crate) fn shards(files: &[PathBuf], folders: &[PathBuf]) -> Result<Vec<Shard>, Error> {
    let paths: Vec<PathBuf> = files.iter().map(|file| absolute(file)).collect();
    let short: Vec<String> = paths.iter().map(|path| file_name(path)).collect();
    let is_tree = paths.iter().any(|path| named(path) == Some(Format::Text(Form::Document)));
    let names = if !is_tree && clash(&short).is_none() {
        short
    } else {
        let holds_all = |folder: &&PathBuf| is_tree && paths.iter().all(|path| path.starts_with(folder));
        let common = folders.iter().find(holds_all).cloned().unwrap_or_else(|| common_folder(&paths));
        paths.iter().map(|path| below(&common, path)).collect()
    };
    if let Some((first, second)) = clash(&names) {
        return Err(Error::NameClash {
            first: files[first].clone(),
            second: files[second].clone(),
            name: names[second].clone(),
        });
    }
    for (name, file) in names.iter().zip(files) {
        let top = name.split('/').next().unwrap_or_default().to_lowercase();
        if [FINDINGS_NAME, MANIFEST_NAME, PROGRESS_NAME].contains(&top.as_str()) {
            return Err(Error::ReservedName { file: file.clone() });
        }
    }
    Ok(names.into_iter().zip(files).map(|(name, path)| Shard { path: path.clone(), name }).collect())
}

/// Refuses an output folder that overlaps the inputs.
pub(crate) fn check_apart(output: &Path, files: &[PathBuf], folders: &[PathBuf]) -> Result<(), Error> {
    let target = resolved(output);
    for folder in folders {
        if target.starts_with(resolved(folder)) {
            return Err(Error::OutputInsideInput { output: output.to_owned(), input: folder.clone() });
        }
    }
    for file in files {
        let named_inside = absolute(file).starts_with(absolute(output));
        if named_inside || resolved(file).starts_with(&target) {
            return Err(Error::InputInsideOutput { input: file.clone(), output: output.to_owned() });
        }
    }
    Ok(())
}

/// Absolute, with `.` and `..` taken out by name; links are not followed.
fn absolute(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for part in full.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    out
}

/// Absolute with links followed as far as the path exists.
fn resolved(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let full = absolute(path);
    let mut rest = Vec::new();
    for ancestor in full.ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            return rest.iter().rev().fold(real, |path, part: &std::ffi::OsString| path.join(part));
        }
        rest.extend(ancestor.file_name().map(ToOwned::to_owned));
    }
    full
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn clash(names: &[String]) -> Option<(usize, usize)> {
    let mut first = BTreeMap::new();
    names
        .iter()
        .enumerate()
        .find_map(|(index, name)| first.insert(name.to_lowercase(), index).map(|earlier| (earlier, index)))
}

fn common_folder(paths: &[PathBuf]) -> PathBuf {
    let mut common = paths.first().and_then(|path| path.parent()).map(Path::to_owned).unwrap_or_default();
    for path in paths {
        while !path.starts_with(&common) && common.pop() {}
    }
    common
}

fn below(folder: &Path, path: &Path) -> String {
    let parts: Vec<String> = path
        .strip_prefix(folder)
        .unwrap_or(path)
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    parts.join("/")
}

#[cfg(test)]
#[path = "inputs_tests.rs"]
mod tests;
