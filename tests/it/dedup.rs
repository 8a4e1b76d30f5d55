//! `privet dedup` from outside: what is removed and named, what is refused, and how it ends.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::fixture::{corrupt, parquet, sentences, texts};
use crate::{command, folder, privet};

const LONG: &str = "it was a bright cold day and the clocks were striking thirteen when the letter came at last";

/// Two files: a text, the text shouted, the text with one word changed, the text again, and sentences of their own.
fn corpus(dir: &Path) {
    let changed = LONG.replace("at last", "at noon");
    let mut first = sentences(20);
    first.insert(3, LONG.to_owned());
    first.insert(5, LONG.to_uppercase().replace(' ', ", "));
    let mut second = sentences(420).split_off(400);
    second.insert(0, changed);
    second.push(LONG.to_owned());
    let named = |name: &str, rows: &[String]| {
        let ids: Vec<String> = (0..rows.len()).map(|row| format!("{name}-{row}")).collect();
        std::fs::create_dir_all(dir.join("data")).unwrap();
        std::fs::write(dir.join(format!("data/{name}.parquet")), parquet(&[("id", &ids), ("text", rows)])).unwrap();
    };
    named("a", &first);
    named("b", &second);
}

fn lines(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn copies_go_and_each_names_the_row_that_stays() {
    let dir = folder();
    corpus(dir.path());
    let arguments =
        ["dedup", "data", "-o", "out", "--threshold", "0.5", "--id-column", "id", "--decisions", "d.jsonl", "--json"];
    let first = privet(dir.path(), &arguments).done().json();
    let counts = &first["counts"];
    assert_eq!((counts["rows_in"].as_u64(), counts["rows_out"].as_u64()), (Some(44), Some(41)), "{counts}");
    assert_eq!(
        (&counts["removed_raw"], &counts["removed_normalised"], &counts["removed_near"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!((&first["stages"][0]["name"], &first["stages"][0]["stability"]), (&"dedup-near".into(), &Value::Null));
    let decisions = lines(&dir.path().join("d.jsonl"));
    let shown: Vec<(&str, bool, Option<&str>)> = decisions
        .iter()
        .map(|line| (line["id"].as_str().unwrap(), line["keep"].as_bool().unwrap(), line["anchor"].as_str()))
        .collect();
    let expected =
        [("a-3", true, None), ("a-5", false, Some("a-3")), ("b-0", false, Some("a-3")), ("b-21", false, Some("a-3"))];
    assert_eq!(shown, expected);
    // 18 words make 14 runs of five, and the last word is in one of them.
    assert_eq!(decisions[2]["jaccard"].as_f64(), Some(13.0 / 15.0));
    let bytes = std::fs::read(dir.path().join("out/b.parquet")).unwrap();
    let again = privet(dir.path(), &arguments).done().json();
    assert_eq!(
        (again["already_done"].as_bool(), std::fs::read(dir.path().join("out/b.parquet")).unwrap()),
        (Some(true), bytes)
    );
}

#[test]
fn exact_copies_have_a_bound_and_near_copies_say_that_they_have_none() {
    let dir = folder();
    corpus(dir.path());
    let bounds = [
        (&["--exact"][..], "changes at most 1 of the output", 43),
        (&["--exact", "normalised"], "changes at most 2 of the output", 42),
        (&["--near", "strict", "--threshold", "0.5"], "for the deduplicated corpus, not for its input", 41),
        (&["--near", "60x2", "--exhaustive", "--threshold", "0.5"], "for the deduplicated corpus", 41),
    ];
    for (arguments, says, rows) in bounds {
        let head = ["dedup", "data", "--report-only"];
        let text = format!("44 rows in, {rows} out");
        privet(dir.path(), &[&head[..], arguments].concat()).done().says(&["report only", says, &text]);
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "a report writes nothing");
}

#[test]
fn workers_and_memory_change_no_byte() {
    let dir = folder();
    corpus(dir.path());
    for (out, jobs, memory) in [("one", "1", "4GiB"), ("three", "3", "1MiB")] {
        let decisions = format!("{out}.jsonl");
        let arguments =
            ["dedup", "data", "-o", out, "--jobs", jobs, "--memory", memory, "--decisions", &decisions, "-q"];
        privet(dir.path(), &arguments).done();
    }
    for name in ["a.parquet", "b.parquet", "manifest.json"] {
        let read = |out: &str| std::fs::read(dir.path().join(out).join(name)).unwrap();
        assert_eq!(read("one"), read("three"), "{name}");
    }
    let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    assert_eq!(read("one.jsonl"), read("three.jsonl"));
}

#[test]
fn an_evaluation_set_takes_its_copies_out() {
    let dir = folder();
    corpus(dir.path());
    texts(&dir.path().join("eval/test.parquet"), &[LONG.to_owned()]);
    let ran = privet(
        dir.path(),
        &["dedup", "data", "--against", "eval", "-o", "out", "--decisions", "d.jsonl", "--exact", "normalised"],
    );
    ran.done();
    let anchors: Vec<String> = lines(&dir.path().join("d.jsonl"))
        .iter()
        .filter(|line| line["keep"] == false)
        .map(|line| line["anchor"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(anchors, ["test.parquet:0"; 3]);
    assert!(!dir.path().join("out/test.parquet").exists());
    let both = privet(dir.path(), &["dedup", "data", "--against", "data/a.parquet", "-o", "other"]);
    both.failed(2, &["error: ", "a.parquet", "help: "]);
}

#[test]
fn too_much_removal_is_a_gate_and_what_is_wrong_is_said() {
    let dir = folder();
    corpus(dir.path());
    let gate = ["dedup", "data", "-o", "out", "--exact", "--max-removal", "0.01"];
    privet(dir.path(), &gate).failed(1, &["error: ", "more than the limit allows", "help: "]);
    assert!(!dir.path().join("out/manifest.json").exists() && !dir.path().join("out/a.parquet").exists());
    for (arguments, code, parts) in [
        (&["--column", "txt"][..], 2, &["`txt`", "`text`"][..]),
        (&["--keep", "newest:tsx"], 2, &["`tsx`", "`text`"]),
        (&["--keep", "best"], 2, &["newest"]),
        (&["--near", "20by6"], 2, &["20x6"]),
        (&["--threshold", "1.2"], 2, &["at most 1"]),
        (&["--memory", "12"], 2, &["512MiB"]),
        (&["--exact", "raw", "--near"], 2, &["--near"]),
        (&["--within", "id", "--across", "id"], 2, &["--across"]),
    ] {
        privet(dir.path(), &[&["dedup", "data", "-o", "out2"], arguments].concat()).failed(code, parts);
    }
    privet(dir.path(), &["dedup", "data", "-o", "data/out"]).failed(2, &["input folder"]);
    privet(dir.path(), &["dedup", "data"]).failed(2, &["--output"]);
    corrupt(&dir.path().join("data/b.parquet"));
    privet(dir.path(), &["dedup", "data", "-o", "out3"]).failed(3, &["b.parquet", "help: "]);
    assert!(!dir.path().join("out3/manifest.json").exists());
}

/// Killed at moments that nobody chose, then run to the end: the same bytes as without.
#[test]
fn a_killed_run_leaves_nothing_half_written_and_goes_on() {
    let dir = folder();
    let mut rows = sentences(4000);
    rows.extend(sentences(2000));
    for part in 0..8 {
        texts(&dir.path().join(format!("data/{part}.parquet")), &rows[part * 750..(part + 1) * 750]);
    }
    let arguments = |out: &'static str| ["dedup", "data", "-o", out, "--exact", "-q"];
    privet(dir.path(), &arguments("plain")).done();
    for kill in 0..8_u32 {
        let mut child =
            command(dir.path(), &arguments("out")).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let until = std::time::Instant::now() + std::time::Duration::from_millis(u64::from(7 * kill));
        while std::time::Instant::now() < until {}
        child.kill().unwrap();
        child.wait().unwrap();
    }
    privet(dir.path(), &arguments("out")).done();
    let names = |out: &str| {
        let mut names: Vec<_> =
            std::fs::read_dir(dir.path().join(out)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("out"), names("plain"));
    for name in names("plain") {
        let read = |out: &str| std::fs::read(dir.path().join(out).join(&name)).unwrap();
        assert_eq!(read("out"), read("plain"), "{name:?}");
    }
}
