//! `privet dedup` of parts of texts from outside: runs of words, paragraphs and lines; and an interrupt in the middle.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::fixture::{parquet, sentences};
use crate::{command, folder, privet};

const NOTICE: &str =
    "This notice stands below every letter that leaves the house, whoever wrote it and whatever it says.";

/// Texts that end in different words.
fn own() -> Vec<String> {
    let ends = ["alpha", "beta", "gamma", "delta", "epsilon"];
    sentences(5).into_iter().zip(ends).map(|(text, end)| format!("{text} {end}")).collect()
}

/// Two files: a Parquet file and JSON lines, with the notice in several rows, shouted in one.
fn corpus(dir: &Path) {
    std::fs::create_dir_all(dir.join("data")).unwrap();
    let own = own();
    let first = [
        format!("{}\n\n{NOTICE}\n", own[0]),
        format!("{}\r\n\r\n{NOTICE}\r\n\r\n{}", own[1], own[2]),
        String::from("}\n---\n}\n---\n"),
    ];
    let ids: Vec<String> = (0..3).map(|row| format!("p{row}")).collect();
    std::fs::write(dir.join("data/a.parquet"), parquet(&[("id", &ids), ("text", &first)])).unwrap();
    let second = [(NOTICE.to_uppercase(), "j0"), (format!("{} {NOTICE}", own[3]), "j1"), (own[4].clone(), "j2")];
    let line = |(text, id): &(String, &str)| serde_json::json!({ "id": id, "text": text }).to_string() + "\n";
    std::fs::write(dir.join("data/b.jsonl"), second.iter().map(line).collect::<String>()).unwrap();
}

fn lines(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Whose words, from where to where, are a copy of whose.
type Told = (String, u64, u64, String);

/// The texts of the JSON lines that were written, and who is said to have a copy of whose words, from where to where.
fn written(dir: &Path, out: &str, arguments: &[&str]) -> (Vec<String>, Vec<Told>, Value) {
    let decisions = format!("{out}.decisions");
    let fixed = ["dedup", "data", "-o", out, "--decisions", &decisions, "--id-column", "id", "--json"];
    let manifest = privet(dir, &[&fixed[..], arguments].concat()).done().json();
    let texts =
        lines(&dir.join(out).join("b.jsonl")).iter().map(|line| line["text"].as_str().unwrap().to_owned()).collect();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let told = lines(&dir.join(decisions))
        .iter()
        .map(|line| {
            (text(&line["id"]), line["start"].as_u64().unwrap(), line["end"].as_u64().unwrap(), text(&line["anchor"]))
        })
        .collect();
    (texts, told, manifest)
}

#[test]
fn a_notice_goes_wherever_it_stands_but_for_the_first_time() {
    let dir = folder();
    corpus(dir.path());
    let own = own();
    let length = NOTICE.len() as u64 - 1;
    // A window of words cannot tell where the notice begins: 12 words of its 17 are enough.
    let (texts, told, manifest) = written(dir.path(), "out", &["--substring=12"]);
    assert_eq!(texts, [".".to_owned(), format!("{} .", own[3]), own[4].clone()]);
    let at = own[1].len() as u64 + 4;
    let in_j1 = own[3].len() as u64 + 1;
    let expected = [
        ("p1".to_owned(), at, at + length, "p0".to_owned()),
        ("j0".to_owned(), 0, length, "p0".to_owned()),
        ("j1".to_owned(), in_j1, in_j1 + length, "p0".to_owned()),
    ];
    assert_eq!(told, expected);
    let counts = &manifest["spans"];
    assert_eq!(
        (&counts["spans"], &counts["rows_with_spans"], &manifest["counts"]["rows_out"]),
        (&3.into(), &3.into(), &6.into())
    );
    let stage = &manifest["stages"][0];
    assert_eq!((&stage["name"], &stage["stability"]), (&"dedup-substring".into(), &Value::Null));
    let (masked, _, _) = written(dir.path(), "masked", &["--substring=12", "--action", "mask"]);
    assert_eq!(masked, ["<REPEATED>.".to_owned(), format!("{} <REPEATED>.", own[3]), own[4].clone()]);
    // No run of fifty words is there twice.
    let (whole, none, _) = written(dir.path(), "fifty", &["--substring"]);
    assert_eq!((whole.len(), none.len()), (3, 0));
    assert!(
        std::fs::read(dir.path().join("fifty/b.jsonl")).unwrap()
            == std::fs::read(dir.path().join("data/b.jsonl")).unwrap()
    );
}

#[test]
fn paragraphs_and_lines_go_whole_and_short_ones_stay() {
    let dir = folder();
    corpus(dir.path());
    let own = own();
    let told = |told: &[Told]| -> Vec<String> { told.iter().map(|(id, ..)| id.clone()).collect() };
    for level in ["paragraph", "line"] {
        let of = |name: &str, exact: &str, more: &[&str]| {
            written(dir.path(), &format!("{level}-{name}"), &[&["--exact", exact, "--level", level], more].concat())
        };
        // The shouted one is another one, byte by byte; braces and rules have no ten words.
        assert_eq!(told(&of("raw", "raw", &[]).1), ["p1"], "{level}");
        let (texts, decisions, _) = of("normalised", "normalised", &[]);
        assert_eq!(told(&decisions), ["p1", "j0"], "{level}");
        assert_eq!(texts, [String::new(), format!("{} {NOTICE}", own[3]), own[4].clone()], "a row stays, even empty");
        let (_, many, _) = of("short", "raw", &["--min-words", "0"]);
        assert_eq!(told(&many), ["p1"], "what has no word is never taken");
        let (texts, _, manifest) = of("mask", "normalised", &["--action", "mask", "--within", "id"]);
        assert_eq!(texts[0], NOTICE.to_uppercase(), "of its own owner there is none before");
        assert_eq!((&manifest["stages"][0]["stability"], &manifest["stages"][0]["unit"]), (&1.into(), &"id".into()));
    }
}

#[test]
fn a_report_changes_nothing_and_what_is_wrong_is_said() {
    let dir = folder();
    corpus(dir.path());
    let report = ["dedup", "data", "--report-only", "--substring=12", "--decisions", "d.jsonl"];
    privet(dir.path(), &report).done().says(&["report only", "6 rows, 3 with 3 parts", "no bound"]);
    assert_eq!((lines(&dir.path().join("d.jsonl")).len(), std::fs::read_dir(dir.path()).unwrap().count()), (3, 2));
    let copied = ["dedup", "data", "-o", "out", "--substring=12", "--action", "report"];
    privet(dir.path(), &copied).done().says(&["3 with 3 parts", "changes at most 1 of the output"]);
    let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    assert!(read("out/a.parquet") == read("data/a.parquet") && read("out/b.jsonl") == read("data/b.jsonl"));
    privet(dir.path(), &copied).done().says(&["already done"]);
    let gate = ["dedup", "data", "-o", "gate", "--substring=12", "--max-removal", "0.01"];
    privet(dir.path(), &gate).failed(1, &["more than the limit allows"]);
    assert!(!dir.path().join("gate").exists() || std::fs::read_dir(dir.path().join("gate")).unwrap().count() == 0);
    for (arguments, part) in [
        (&["--substring=4"][..], "5.."),
        (&["--substring", "--near"], "--near"),
        (&["--substring", "--exact", "raw"], "--exact"),
        (&["--substring", "--level", "line"], "--level"),
        (&["--level", "line"], "--exact"),
        (&["--exact", "raw", "--action", "mask"], "--substring"),
        (&["--substring", "--keep", "longest"], "--keep"),
        (&["--exact", "raw", "--level", "line", "--across", "id"], "--across"),
        (&["--substring", "--within", "id", "--max-records-per-unit", "3"], "--max-records-per-unit"),
        (&["--exact", "raw", "--level", "page"], "paragraph"),
    ] {
        privet(dir.path(), &[&["dedup", "data", "-o", "other"], arguments].concat()).failed(2, &[part]);
    }
    assert!(!dir.path().join("other").exists());
}

/// Interrupted while shards are being written: exit code 130, nothing half written, and the same command goes on to the same
/// bytes. The process is held still in between, so that the interrupt finds it at work.
#[cfg(unix)]
#[test]
fn an_interrupt_ends_with_130_and_the_same_command_goes_on() {
    let dir = folder();
    std::fs::create_dir_all(dir.path().join("data")).unwrap();
    let rows = sentences(6000);
    for (number, part) in rows.chunks(50).enumerate() {
        let part: Vec<String> = part.iter().map(|text| format!("{text}\n{}\n", rows[number % 7])).collect();
        std::fs::write(dir.path().join(format!("data/{number:03}.parquet")), parquet(&[("text", &part)])).unwrap();
    }
    for (name, how) in [("rows", &["--exact"][..]), ("lines", &["--exact", "--level", "line", "--min-words", "3"])] {
        let arguments = |out: &'static str| [&["dedup", "data", "-o", out, "--jobs", "1"], how].concat();
        let (plain, out): (&'static str, &'static str) =
            if name == "rows" { ("rows-plain", "rows-out") } else { ("lines-plain", "lines-out") };
        privet(dir.path(), &arguments(plain)).done();
        let mut interrupted = interruptible(dir.path(), &arguments(out));
        let child = interrupted.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let signal = |signal: &str| {
            let id = child.id().to_string();
            assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
        };
        while !dir.path().join(out).join("001.parquet").exists() {}
        signal("-STOP");
        assert!(!dir.path().join(out).join("manifest.json").exists(), "it was faster than the interrupt");
        signal("-INT");
        signal("-CONT");
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(130), "{name}: {said}");
        assert!(said.contains("help: the same command goes on from here"), "{said}");
        let there = |out: &str| {
            let entries = std::fs::read_dir(dir.path().join(out)).unwrap().flatten();
            let files = entries.filter(|entry| entry.path().is_file());
            files
                .map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap()))
                .collect::<std::collections::BTreeMap<_, _>>()
        };
        let (expected, before) = (there(plain), there(out));
        assert!(before.len() < expected.len() && !before.contains_key(std::ffi::OsStr::new("manifest.json")));
        assert!(
            before.iter().all(|(file, bytes)| expected.get(file) == Some(bytes)),
            "{name}: a file is seen half written"
        );
        privet(dir.path(), &arguments(out)).done();
        assert!(there(out) == expected, "{name}");
        assert!(!dir.path().join(out).join(".progress").exists());
    }
}

/// A command that can be interrupted even where its parent ignores interrupts, as in the background of a script.
#[cfg(unix)]
fn interruptible(dir: &Path, arguments: &[&str]) -> std::process::Command {
    let plain = command(dir, arguments);
    if !crate::killed_scrub::ignores_interrupts() {
        return plain;
    }
    let mut with_interrupts = std::process::Command::new("env");
    with_interrupts.arg("--default-signal=INT").arg(plain.get_program()).args(plain.get_args()).current_dir(dir);
    with_interrupts
}
