//! House rules a compiler does not check.

use std::path::{Path, PathBuf};

use crate::root;

const LINES_MAX: usize = 500;
const MODULES: [&str; 7] = ["utils", "util", "helpers", "common", "types", "manager", "misc"];
/// Promises that no program can keep.
const PROMISES: [&str; 4] = ["secure", "safe", "anonymized", "pii-free"];

/// Every Rust source file of the project.
fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for folder in ["crates", "tests", "benches"] {
        walk(&root().join(folder), &mut found);
    }
    assert!(found.len() > 20, "the walk found only {} files", found.len());
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn no_file_is_longer_than_a_person_reads_at_once() {
    let long: Vec<_> =
        sources().into_iter().map(|path| (read(&path).lines().count(), path)).filter(|(n, _)| *n > LINES_MAX).collect();
    assert!(long.is_empty(), "more than {LINES_MAX} lines: {long:?}");
}

#[test]
fn no_module_is_a_drawer_for_everything() {
    for path in sources() {
        for part in path.strip_prefix(root()).unwrap().with_extension("").components() {
            let name = part.as_os_str().to_string_lossy();
            assert!(!MODULES.contains(&name.as_ref()), "{} needs a name that says what is in it", path.display());
        }
    }
}

#[test]
fn no_message_promises_what_no_program_can_keep() {
    for path in sources().into_iter().filter(|path| path.starts_with(root().join("crates"))) {
        if path.components().any(|part| part.as_os_str() == "tests.rs") {
            continue;
        }
        for (number, line) in read(&path).lines().enumerate() {
            let messages = if line.trim_start().starts_with("//") { "" } else { line };
            for message in messages.split('"').skip(1).step_by(2) {
                let lower = message.to_lowercase();
                let words = lower.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_');
                for word in words {
                    assert!(!PROMISES.contains(&word), "{}:{}: `{word}`", path.display(), number + 1);
                }
            }
        }
    }
}

#[test]
fn no_test_is_ignored_and_none_sleeps() {
    let (ignore, sleep) = (concat!("#[", "ignore"), concat!("thread::", "sleep"));
    for path in sources() {
        let text = read(&path);
        assert!(!text.contains(ignore) && !text.contains(sleep), "{}", path.display());
    }
}
