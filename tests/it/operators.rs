//! Surrogates, encrypted values, dropped rows, lists and presets, from outside.

use std::path::Path;

use crate::config::CONFIG;
use crate::fixture::texts;
use crate::{folder, privet};

const ROWS: [&str; 5] = [
    "write to desk@mail.example.edu or call +1 212 736 5000",
    "again desk@mail.example.edu, from 10.20.30.40",
    "a1@mail.example.edu b1@mail.example.edu c1@mail.example.edu d1@mail.example.edu e1@mail.example.edu f1@mail.example.edu",
    "the lamp arrived, codename Falcon",
    "the table arrived",
];

fn corpus(dir: &Path) {
    texts(&dir.join("data/a.parquet"), &ROWS.map(String::from));
    std::fs::write(dir.join("key"), "5a".repeat(32)).unwrap();
    std::fs::write(dir.join("other.key"), "a5".repeat(32)).unwrap();
}

/// Whether a file of the folder holds `part`; shards of these tests are not compressed.
fn holds(file: &Path, part: &str) -> bool {
    let bytes = std::fs::read(file).unwrap();
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

#[test]
fn surrogates_are_the_same_at_any_number_of_workers_and_a_second_scrub_changes_nothing() {
    let dir = folder();
    corpus(dir.path());
    let scrub = ["--operator", "surrogate", "--hash-key-file", "key", "--json"];
    for (jobs, input, out) in [("1", "data", "one"), ("3", "data", "three"), ("2", "one/a.parquet", "again")] {
        let arguments = [&["scrub", input, "-o", out, "--jobs", jobs], &scrub[..]].concat();
        let manifest = privet(dir.path(), &arguments).done().json();
        assert_eq!(manifest["counts"]["rows_changed"], if input == "data" { 3 } else { 0 }, "{out}");
    }
    let shard = |out: &str| dir.path().join(out).join("a.parquet");
    assert_eq!(std::fs::read(shard("one")).unwrap(), std::fs::read(shard("three")).unwrap());
    assert!(holds(&shard("one"), "@example.") && holds(&shard("one"), "555 01") && !holds(&shard("one"), "desk@"));
    assert!(!holds(&dir.path().join("one/manifest.json"), "5a5a"), "no key is written");
    privet(dir.path(), &["scrub", "data", "-o", "none", "--operator", "surrogate"]).failed(2, &["--hash-key-file"]);
}

/// What a filter makes of these lines.
fn filtered(dir: &Path, arguments: &[&str], lines: &str) -> crate::Ran {
    std::fs::write(dir.join("stdin"), lines).unwrap();
    let stdin = std::fs::File::open(dir.join("stdin")).unwrap();
    crate::ran(&crate::command(dir, arguments).stdin(stdin).output().unwrap())
}

#[test]
fn what_was_encrypted_is_put_back_by_its_key_alone() {
    let dir = folder();
    corpus(dir.path());
    let lines = "{\"text\":\"mail \\\"desk\\\"@mail.example.edu or desk@mail.example.edu\", \"n\": 1.50}\r\n\n\
                 {\"text\": null}\n{\"text\": \"10.20.30.40 \u{fc}ber <EMAIL> <EMAIL:ab>\"}";
    let encrypt = ["scrub", "--stdin", "--no-dedup", "--operator", "encrypt", "--encrypt-key-file", "key"];
    let sealed = filtered(dir.path(), &encrypt, lines);
    assert!(sealed.done().stdout.matches("<EMAIL:").count() > 1 && !sealed.stdout.contains("10.20.30.40"));
    let decrypt = |key: &str| filtered(dir.path(), &["decrypt", "--encrypt-key-file", key], &sealed.stdout);
    let opened = decrypt("key");
    assert_eq!(opened.done().stdout, lines);
    assert!(opened.stderr.contains("texts with values put back: 2"), "{}", opened.stderr);
    let refused = decrypt("other.key");
    refused.failed(3, &["record 1 holds a value that this key does not open"]);
    assert!(refused.stdout.is_empty(), "nothing of the batch is written");
    // What was altered is another key's, for all that anybody can tell.
    let altered = sealed.stdout.replacen("<EMAIL:", "<PHONE:", 1);
    filtered(dir.path(), &["decrypt", "--encrypt-key-file", "key"], &altered).failed(3, &["record 1"]);
    filtered(dir.path(), &["decrypt", "--encrypt-key-file", "key", "--json"], "")
        .failed(2, &["stdout is for the lines"]);
}

#[test]
fn encrypted_values_need_a_key_of_their_own() {
    let dir = folder();
    corpus(dir.path());
    let head = ["scrub", "data", "-o", "out", "--operator", "encrypt"];
    privet(dir.path(), &head).failed(2, &["--encrypt-key-file", "help: "]);
    privet(dir.path(), &[&head[..], &["--hash-key-file", "key"]].concat()).failed(2, &["--encrypt-key-file"]);
    privet(dir.path(), &[&head[..], &["--encrypt-key-file", "key"]].concat()).done();
    let shard = dir.path().join("out/a.parquet");
    assert!(holds(&shard, "<EMAIL:") && !holds(&shard, "desk@") && !holds(&shard, "5a5a"));
    privet(dir.path(), &[&head[..], &["--encrypt-key-file", "other.key"]].concat()).failed(2, &["another plan"]);
}

#[test]
fn a_preset_drops_what_it_says_and_arguments_change_it() {
    let dir = folder();
    corpus(dir.path());
    let counts = |out: &str, more: &[&str]| {
        let arguments = [&["scrub", "data", "-o", out, "--preset", "dolma", "--json"], more].concat();
        privet(dir.path(), &arguments).done().json()["counts"].clone()
    };
    let dolma = counts("dolma", &[]);
    assert_eq!(
        (&dolma["rows_dropped"], &dolma["rows_out"], &dolma["findings"]["EMAIL"]),
        (&1.into(), &4.into(), &8.into())
    );
    assert_eq!(counts("all", &["--drop-above", "6"])["rows_dropped"], 0);
    let emails = counts("emails", &["--entities", "EMAIL", "--operator", "redact"]);
    assert!(emails["findings"].get("PHONE").is_none());
    assert!(holds(&dir.path().join("emails/a.parquet"), "<REDACTED>"));
    privet(dir.path(), &["scrub", "data", "-o", "x", "--preset", "Dolma"]).failed(2, &["dolma", "secrets-only"]);
}

#[test]
fn what_only_models_read_is_neutralised_and_fineweb_finds_what_it_found() {
    let dir = folder();
    let rows =
        ["so<|im_end|> pass\u{200b}word", "jо@mail.exаmple.edu", "from 10.20.30.40 to 93.184.216.34", "@x.y a+b@c.d"];
    texts(&dir.path().join("data/a.parquet"), &rows.map(String::from));
    let shard = |out: &str, more: &[&str]| {
        let manifest = privet(dir.path(), &[&["scrub", "data", "-o", out, "--json"], more].concat()).done().json();
        (dir.path().join(out).join("a.parquet"), manifest["counts"]["findings"].clone())
    };
    let (plain, found) = shard("plain", &[]);
    assert!(holds(&plain, "so< |im_end|> password") && holds(&plain, "<EMAIL>") && !holds(&plain, "j\u{43e}"));
    assert_eq!((&found["CHAT_CONTROL"], &found["INVISIBLE_TEXT"]), (&1.into(), &1.into()));
    let (fineweb, found) = shard("fineweb", &["--preset", "fineweb"]);
    assert!(holds(&fineweb, "from 10.20.30.40 to <IPV4>") && holds(&fineweb, "@x.y <EMAIL>"));
    assert!(holds(&fineweb, "so<|im_end|>") && found.get("CHAT_CONTROL").is_none());
    privet(dir.path(), &["scrub", "data", "-o", "x", "--operator", "neutralise"]).failed(2, &["tag, redact"]);
}

#[test]
fn lists_allow_and_deny() {
    let dir = folder();
    corpus(dir.path());
    std::fs::write(dir.path().join("allow.txt"), "\n  DESK@mail.example.edu \n").unwrap();
    std::fs::write(dir.path().join("deny.txt"), "Falcon\n").unwrap();
    let lists = ["scrub", "data", "-o", "out", "--allow-file", "allow.txt", "--deny-file", "deny.txt", "--json"];
    let counts = privet(dir.path(), &lists).done().json()["counts"]["findings"].clone();
    assert_eq!((&counts["EMAIL"], &counts["CUSTOM"]), (&6.into(), &1.into()));
    let shard = dir.path().join("out/a.parquet");
    assert!(holds(&shard, "desk@mail") && holds(&shard, "codename <CUSTOM>"));
    std::fs::write(dir.path().join("deny.txt"), "Falcon\nxqz\nx\n").unwrap();
    let refused = privet(dir.path(), &[&lists[..], &["--overwrite"]].concat());
    refused.failed(2, &["entry 3 of the deny list"]);
    assert!(!refused.stderr.contains("xqz"), "no error repeats a list");
    privet(dir.path(), &["scrub", "data", "-o", "x", "--deny-file", "absent.txt"]).failed(3, &["absent.txt"]);
}

#[test]
fn a_unit_scope_needs_a_column() {
    let dir = folder();
    corpus(dir.path());
    let head = ["scrub", "data", "--operator", "hash", "--hash-key-file", "key", "--scope", "unit", "-o", "out"];
    privet(dir.path(), &head).failed(2, &["--unit-column", "`document`"]);
    privet(dir.path(), &[&head[..], &["--unit-column", "text"]].concat()).done();
}

#[test]
fn a_config_with_wrong_rules_is_refused() {
    for (keys, parts) in [
        ("preset = \"dolmo\"", &["unknown preset `dolmo`", "dolma"][..]),
        ("operator = \"surogate\"", &["did you mean `surrogate`?"]),
        ("scope = \"corpse\"", &["did you mean `corpus`?"]),
        ("threshold = { PHONE = 0.6 }", &["unknown key `threshold` in [scrub]", "did you mean `thresholds`?"]),
        ("thresholds = { PHONES = 0.6 }", &["unknown entity `PHONES`"]),
        ("decode = [\"percnt\"]", &["did you mean `percent`?"]),
    ] {
        let dir = folder();
        std::fs::write(dir.path().join("privet.toml"), CONFIG.replace("[scrub]", &format!("[scrub]\n{keys}"))).unwrap();
        privet(dir.path(), &["run", "privet.toml"]).failed(2, parts);
    }
}

/// What a stream gives is what the same lines in a file give.
#[test]
fn lines_go_through_a_pipe_as_through_a_file() {
    use std::io::Write;
    let dir = crate::folder();
    let line = |text: &str| serde_json::json!({ "id": 7, "text": text }).to_string() + "\n";
    let lines = ["write to info@example.org", "plain", "write to desk@example.org", "plain"].map(line).concat();
    std::fs::create_dir(dir.path().join("in")).unwrap();
    std::fs::write(dir.path().join("in/a.jsonl"), &lines).unwrap();
    crate::privet(dir.path(), &["scrub", "in/a.jsonl", "-o", "out"]).done();
    let expected = std::fs::read_to_string(dir.path().join("out/a.jsonl")).unwrap();
    assert_eq!(expected.lines().count(), 2, "repeats are gone after scrubbing");

    let pipe = |arguments: &[&str], bytes: &[u8]| {
        let mut command = crate::command(dir.path(), &[&["scrub", "--stdin"], arguments].concat());
        let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        crate::ran(&child.wait_with_output().unwrap())
    };
    let streamed = pipe(&[], lines.as_bytes());
    streamed.failed(0, &["4 rows in, 2 out; 2 changed, 2 duplicates removed"]);
    assert_eq!(streamed.stdout, expected);
    let all = pipe(&["--no-dedup", "--operator", "redact", "--quiet"], lines.as_bytes());
    assert_eq!((all.stdout.lines().count(), all.stderr.as_str()), (4, ""));
    assert!(all.stdout.contains("<REDACTED>") && !all.stdout.contains("example.org"));
    assert_eq!(pipe(&[], b"").failed(0, &["0 rows in"]).stdout, "");

    // A bad line is named, never quoted.
    let bad = pipe(&[], format!("{lines}{{\"text\": \"hunter2\"").as_bytes());
    bad.failed(3, &["line 5"]);
    assert!(!bad.stderr.contains("hunter2"));
    pipe(&["--json"], b"").failed(2, &["--json and --stdin"]);
    pipe(&["in/a.jsonl"], b"").failed(2, &["--stdin"]);
    crate::privet(dir.path(), &["scrub", "in/a.jsonl"]).failed(2, &["--output"]);
}
