//! No planted value is ever printed or written beside the corpus: not at any verbosity, not when files are broken.

use std::path::Path;

use crate::fixture::{parquet, texts};
use crate::{SEED, folder, privet};

const PLANTED: u64 = 400;

/// Values of several kinds that occur nowhere else, each in a sentence of its own.
fn planted() -> (Vec<String>, Vec<String>) {
    let mut state = SEED;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let values: Vec<String> = (0..PLANTED)
        .map(|index| match index % 4 {
            0 => format!("q{:x}w{index}@mail{:x}.example.org", next(), next()),
            1 => format!("+49 170 {:07}", 1_000_000 + next() % 9_000_000),
            2 => format!("ghp_{:012x}{:012x}{:012x}", next(), next(), next()),
            _ => format!("Zq{:x}v{:x}", next(), next()),
        })
        .collect();
    let sentences = values.iter().map(|value| format!("please reach me at {value} before noon")).collect();
    (values, sentences)
}

#[track_caller]
fn nowhere(values: &[String], text: &str, what: &str) {
    for value in values {
        assert!(!text.contains(value.as_str()), "a planted value appears in {what}");
    }
}

/// Every file below a folder, by name and as text.
fn every_file(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            every_file(&path, found);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            found.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
}

#[test]
fn scrub_and_inspect_never_repeat_a_value_at_any_verbosity() {
    let dir = folder();
    let (values, sentences) = planted();
    let half = sentences.len() / 2;
    texts(&dir.path().join("data/good.parquet"), &sentences[..half]);
    // Broken in every way that lets a decoder look at the values first.
    let whole = parquet(&[("text", &sentences[half..])]);
    for (index, cut) in [(0, whole.len() / 3), (1, whole.len() - 9)] {
        std::fs::write(dir.path().join(format!("data/cut{index}.parquet")), &whole[..cut]).unwrap();
    }
    for index in 0..8 {
        let mut bytes = whole.clone();
        let at = 30 + index * (whole.len() - 60) / 8;
        bytes[at] ^= 0xff;
        bytes[at + 1] ^= 0xff;
        std::fs::write(dir.path().join(format!("data/flip{index}.parquet")), bytes).unwrap();
    }
    let other = parquet(&[("other", &sentences[half..])]);
    std::fs::write(dir.path().join("data/other.parquet"), other).unwrap();

    let voices: [&[&str]; 4] = [&[], &["--quiet"], &["--json"], &["--color", "always", "--no-progress"]];
    for (index, voice) in voices.iter().enumerate() {
        let out = format!("out{index}");
        let commands: [&[&str]; 5] = [
            &["scrub", "data", "-o", &out],
            &["scrub", "data", "-o", "strict", "--on-error", "fail", "--overwrite"],
            &["scrub", "data", "-o", "dry", "--dry-run", "--sample", "50"],
            &["inspect", "data", "--sample", "100"],
            &["inspect", "data/good.parquet"],
        ];
        for command in commands {
            let ran = privet(dir.path(), &[command, voice].concat());
            assert_ne!(ran.code, 70, "{}", ran.stderr);
            nowhere(&values, &ran.stdout, &format!("stdout of {command:?}"));
            nowhere(&values, &ran.stderr, &format!("stderr of {command:?}"));
        }
    }
    let mut files = Vec::new();
    for index in 0..voices.len() {
        every_file(&dir.path().join(format!("out{index}")), &mut files);
    }
    // The shards hold what no recognizer looks for; the files beside them hold no text at all.
    files.retain(|(name, _)| name.ends_with("manifest.json") || name.ends_with("findings.parquet"));
    assert_eq!(files.len(), 2 * voices.len());
    for (name, text) in &files {
        nowhere(&values, text, name);
    }
}

#[test]
fn a_run_repeats_no_value_in_its_words_or_in_its_public_folder() {
    let dir = folder();
    let (values, sentences) = planted();
    texts(&dir.path().join("data/a.parquet"), &sentences);
    crate::model::tiny(&dir.path().join("model"));
    let text = crate::config::CONFIG.replace("synthetic = true", "synthetic = false");
    std::fs::write(
        dir.path().join("privet.toml"),
        text.replace("dataset_size_bound = 100", "dataset_size_bound = 900"),
    )
    .unwrap();
    for voice in [&[][..], &["--json"], &["--set", "privacy.steps=21"], &["--set", "datasets.0.column='absent'"]] {
        let ran = privet(dir.path(), &[&["run", "privet.toml"], voice].concat());
        assert_ne!(ran.code, 70, "{}", ran.stderr);
        nowhere(&values, &(ran.stdout + &ran.stderr), &format!("the words of {voice:?}"));
    }
    let mut files = Vec::new();
    every_file(&dir.path().join("runs/test/public"), &mut files);
    assert!(files.len() > 6, "{} files", files.len());
    for (name, text) in &files {
        nowhere(&values, text, name);
    }
}

#[test]
fn an_argument_that_quotes_a_value_is_the_users_own_and_nothing_else_is_added() {
    let dir = folder();
    let (values, sentences) = planted();
    texts(&dir.path().join("data/a.parquet"), &sentences);
    let ran = privet(dir.path(), &["scrub", "data", "-o", "out", "--column", "absent"]);
    nowhere(&values, &(ran.stdout + &ran.stderr), "the error about a column");
}
