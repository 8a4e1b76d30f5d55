//! `privet scrub` and `privet inspect` from outside: what is written, what is refused, and how it ends.

use std::path::Path;

use crate::fixture::{corrupt, parquet, sentences, texts};
use crate::{folder, privet};

/// Two good files, one of them with personal data and with a repeated row.
fn corpus(dir: &Path) {
    let mut first = sentences(20);
    first[3] = String::from("write to ada.miller@mail.example.com or call +49 30 901820");
    first[7] = sentences(20).swap_remove(2);
    texts(&dir.join("data/a.parquet"), &first);
    texts(&dir.join("data/b.parquet"), &sentences(400)[300..]);
}

#[test]
fn scrub_writes_shards_manifest_and_findings_and_a_second_run_does_nothing() {
    let dir = folder();
    corpus(dir.path());
    let arguments = ["scrub", "data", "-o", "out", "--json"];
    let first = privet(dir.path(), &arguments).done().json();
    assert_eq!(first["already_done"], false);
    assert_eq!(first["counts"]["rows_in"], 120);
    assert_eq!(first["counts"]["duplicates_removed"], 1);
    assert_eq!(first["counts"]["findings"]["EMAIL"], 1);
    for name in ["a.parquet", "b.parquet", "manifest.json", "findings.parquet"] {
        assert!(dir.path().join("out").join(name).is_file(), "{name}");
    }
    let bytes = std::fs::read(dir.path().join("out/a.parquet")).unwrap();
    assert!(!bytes.windows(10).any(|window| window == b"ada.miller"));
    let again = privet(dir.path(), &arguments).done().json();
    assert_eq!(again["already_done"], true);
    assert_eq!(std::fs::read(dir.path().join("out/a.parquet")).unwrap(), bytes);
}

#[test]
fn the_output_does_not_depend_on_the_number_of_workers() {
    let dir = folder();
    corpus(dir.path());
    for (jobs, out) in [("1", "one"), ("3", "three")] {
        privet(dir.path(), &["scrub", "data", "-o", out, "--jobs", jobs, "--quiet"]).done();
    }
    for name in ["a.parquet", "b.parquet", "findings.parquet"] {
        let read = |out: &str| std::fs::read(dir.path().join(out).join(name)).unwrap();
        assert_eq!(read("one"), read("three"), "{name}");
    }
}

#[test]
fn a_corrupt_file_is_quarantined_and_the_rest_is_done() {
    let dir = folder();
    corpus(dir.path());
    corrupt(&dir.path().join("data/b.parquet"));
    let ran = privet(dir.path(), &["scrub", "data", "-o", "out"]);
    ran.failed(3, &["b.parquet", "quarantined"]);
    assert!(dir.path().join("out/a.parquet").is_file());
    assert!(!dir.path().join("out/b.parquet").exists());
    let strict = privet(dir.path(), &["scrub", "data", "-o", "strict", "--on-error", "fail"]);
    strict.failed(3, &["error: ", "b.parquet", "help: "]);
    assert!(!dir.path().join("strict/manifest.json").exists());
}

#[test]
fn a_missing_column_names_the_columns_there_are() {
    let dir = folder();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    let rows = sentences(3);
    std::fs::write(dir.path().join("data/a.parquet"), parquet(&[("body", &rows), ("title", &rows)])).unwrap();
    let scrub = ["scrub", "data", "-o", "out", "--column", "bodi"];
    let commands = [(3, &scrub[..]), (2, &["inspect", "data", "--column", "bodi"])];
    for (code, command) in commands {
        privet(dir.path(), command).failed(code, &["error: ", "a.parquet", "`bodi`", "`body`", "help: "]);
    }
    privet(dir.path(), &["scrub", "data", "-o", "out", "--column", "body"]).done();
}

#[test]
fn an_empty_corpus_a_missing_input_and_an_unknown_entity_are_refused() {
    let dir = folder();
    texts(&dir.path().join("data/a.parquet"), &[]);
    privet(dir.path(), &["scrub", "data", "-o", "out"]).failed(3, &["error: ", "no rows", "help: "]);
    privet(dir.path(), &["scrub", "absent/*.parquet", "-o", "out"]).failed(3, &["absent/*.parquet", "help: "]);
    privet(dir.path(), &["inspect", "absent.parquet"]).failed(3, &["absent.parquet"]);
    privet(dir.path(), &["scrub", "data", "-o", "out", "--entities", "EMIAL"]).failed(2, &["EMIAL", "EMAIL"]);
    privet(dir.path(), &["scrub", "data", "-o", "out", "--operator", "hash"]).failed(2, &["--hash-key-file"]);
}

#[test]
fn output_and_input_must_lie_apart() {
    let dir = folder();
    corpus(dir.path());
    privet(dir.path(), &["scrub", "data", "-o", "data/out"]).failed(2, &["error: ", "input folder", "help: "]);
    privet(dir.path(), &["scrub", "data/a.parquet", "-o", "data"]).failed(2, &["error: ", "output folder"]);
    assert!(!dir.path().join("data/out").exists());
}

#[test]
fn a_dry_run_writes_nothing() {
    let dir = folder();
    corpus(dir.path());
    let plan =
        privet(dir.path(), &["scrub", "data", "-o", "out", "--dry-run", "--sample", "10", "--json"]).done().json();
    assert_eq!(plan["counts"]["findings"]["EMAIL"], 1, "{plan}");
    privet(dir.path(), &["scrub", "data", "-o", "out", "--dry-run"]).done().says(&["a.parquet", "EMAIL", "tag"]);
    assert!(!dir.path().join("out").exists());
}

#[test]
fn hashing_is_keyed_and_consistent() {
    let dir = folder();
    let rows: Vec<String> =
        ["from ada.miller@mail.example.com", "to ada.miller@mail.example.com"].map(String::from).to_vec();
    texts(&dir.path().join("data/a.parquet"), &rows);
    std::fs::write(dir.path().join("key"), "07".repeat(32)).unwrap();
    std::fs::write(dir.path().join("short"), "0707").unwrap();
    let head = ["scrub", "data", "--operator", "hash", "--hash-key-file"];
    privet(dir.path(), &[&head[..], &["key", "-o", "out"]].concat()).done();
    privet(dir.path(), &[&head[..], &["short", "-o", "other"]].concat()).failed(2, &["short", "32 bytes"]);
}

#[test]
fn inspect_tells_what_is_there_and_changes_nothing() {
    let dir = folder();
    corpus(dir.path());
    let before = std::fs::read(dir.path().join("data/a.parquet")).unwrap();
    privet(dir.path(), &["inspect", "data"]).done().says(&["a.parquet", "b.parquet", "EMAIL", "text"]);
    let json = privet(dir.path(), &["inspect", "data", "--json"]).done().json();
    assert!(json.is_object());
    assert_eq!(std::fs::read(dir.path().join("data/a.parquet")).unwrap(), before);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
