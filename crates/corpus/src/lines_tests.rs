use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use privet_text::{Entity, apply, recognizers, scan};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixtures::*;
use crate::{Error, FaultClass, Mode, OnError, ScrubPlan, Selection, Selector, scrub};

/// A file of lines, in the form that its name tells.
pub(super) fn write(path: PathBuf, text: &str) -> PathBuf {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = std::fs::File::create(&path).unwrap();
    let mut writer: Box<dyn Write> = match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => Box::new(flate2::write::GzEncoder::new(file, flate2::Compression::default())),
        Some("zst") => Box::new(zstd::Encoder::new(file, 0).unwrap().auto_finish()),
        _ => Box::new(file),
    };
    writer.write_all(text.as_bytes()).unwrap();
    path
}

pub(super) fn read(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    let mut text = String::new();
    match bytes.get(..2) {
        Some([0x1f, 0x8b]) => flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut text).unwrap(),
        Some([0x28, 0xb5]) => zstd::Decoder::new(&*bytes).unwrap().read_to_string(&mut text).unwrap(),
        _ => (&*bytes).read_to_string(&mut text).unwrap(),
    };
    text
}

pub(super) fn columns(written: &[&str]) -> Vec<Selector> {
    written.iter().map(|written| written.parse().unwrap()).collect()
}

fn chat(turns: &[(&str, Option<&str>)]) -> Value {
    turns.iter().map(|(role, content)| json!({ "role": role, "content": content })).collect()
}

/// Twin: a line as a value, every text of it replaced.
fn replaced(value: Value, wanted: bool) -> Value {
    match value {
        Value::String(text) if wanted => {
            let recognizers = recognizers(&Entity::ALL);
            let policy = privet_text::Policy::new(privet_text::Operator::Tag);
            Value::String(apply(&text, &scan(&recognizers, &text), &policy))
        }
        Value::Array(items) => items.into_iter().map(|item| replaced(item, wanted)).collect(),
        Value::Object(members) => {
            let of = |(name, value): (String, Value)| {
                let wanted = name == "messages" || wanted;
                (name, replaced(value, wanted))
            };
            Value::Object(members.into_iter().map(of).collect())
        }
        other => other,
    }
}

proptest! {
    #![proptest_config(proptest_config(40))]

    /// Conversations in lines: the values are those of the twin, line by line; repeats go; any number of workers gives the same.
    #[test]
    fn streamed_lines_equal_values_replaced_one_by_one(
        shards in prop::collection::vec(prop::collection::vec(prop::collection::vec(0usize..10, 0..3), 0..9), 1..4),
        form in prop::sample::select(vec!["jsonl", "jsonl.gz", "ndjson.zst"]),
        dedup_exact: bool,
        pretty: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (mut inputs, mut expected, mut seen) = (Vec::new(), Vec::new(), Vec::new());
        for (index, rows) in shards.iter().enumerate() {
            let (mut text, mut kept) = (String::new(), Vec::new());
            for (id, row) in rows.iter().enumerate() {
                let turns: Vec<(&str, Option<&str>)> = row.iter().map(|at| ("user", TEXTS.get(*at).copied())).collect();
                let record = json!({ "id": id, "messages": chat(&turns), "note": "ann@example.org" });
                let line = if pretty { record.to_string().replace(':', " : ") } else { record.to_string() };
                // Blank lines and other line ends are nobody's.
                text += &line;
                text += ["\n", "\r\n", "\n\n"][id % 3];
                let new = replaced(serde_json::from_str(&line).unwrap(), false);
                let key = new["messages"].clone();
                let repeats = !row.is_empty() && seen.contains(&key);
                seen.push(key);
                if !(repeats && dedup_exact) {
                    kept.push(new);
                }
            }
            inputs.push(write(folder.path().join(format!("in/{index}.{form}")), &text));
            expected.push(kept);
        }
        let selection = Selection::Chat { column: "messages".to_owned() };
        let plan = ScrubPlan { columns: selection.texts(), dedup_exact, ..plan(&inputs, &folder.path().join("out")) };
        let result = run(&ScrubPlan { jobs: 4, ..plan.clone() });
        let rows_in: usize = shards.iter().map(Vec::len).sum();
        if rows_in == 0 {
            let refused = matches!(result, Err(Error::EmptyCorpus { .. }));
            prop_assert!(refused);
            return Ok(());
        }
        let manifest = result.unwrap();
        let rows_out: usize = expected.iter().map(Vec::len).sum();
        prop_assert_eq!((manifest.counts.rows_in, manifest.counts.rows_out), (rows_in as u64, rows_out as u64));
        for (expected, path) in expected.iter().zip(manifest.output_paths(&plan.output)) {
            let found: Vec<Value> = read(&path).lines().filter(|line| !line.trim().is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect();
            prop_assert_eq!(expected, &found);
        }
        let single = ScrubPlan { jobs: 1, output: folder.path().join("single"), ..plan.clone() };
        run(&single).unwrap();
        prop_assert_eq!(tree(&plan.output), tree(&single.output));
        let dry = ScrubPlan { mode: Mode::DryRun { sample_rows: None }, ..single };
        prop_assert_eq!(run(&dry).unwrap().counts, manifest.counts);
    }
}

#[test]
fn what_is_not_rewritten_keeps_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let text = "\u{feff}{\"n\": 1.50e+3, \"text\" : \"plain \\u00e9 \\/ words\"}\r\n\n \t\n{\"text\":\"mail ann@example.org\\n\\\"now\\\"\",\"n\":1E2 , \"x\":[ ]}\n{\"text\": null}\n   {\"text\": \"ann\\u0040example.org\"}   \n\n";
    let expected = text
        .replace("\"mail ann@example.org\\n\\\"now\\\"\"", "\"mail <EMAIL>\\n\\\"now\\\"\"")
        .replace("\"ann\\u0040example.org\"", "\"<EMAIL>\"");
    let inputs = [write(folder.path().join("in/a.jsonl"), text)];
    let plan = plan(&inputs, &folder.path().join("out"));
    let manifest = run(&plan).unwrap();
    assert_eq!(read(&plan.output.join("a.jsonl")), expected);
    let counts = manifest.counts;
    assert_eq!((counts.rows_in, counts.rows_null, counts.rows_changed, counts.rows_out), (4, 1, 2, 4));
    // The mark before the first line moves what stands in it.
    let inputs = [write(folder.path().join("in/m.jsonl"), "\u{feff}{\"text\": \"ann@example.org\"}\n")];
    let marked = ScrubPlan { inputs: inputs.to_vec(), output: folder.path().join("m"), ..plan.clone() };
    run(&marked).unwrap();
    assert_eq!(read(&marked.output.join("m.jsonl")), "\u{feff}{\"text\": \"<EMAIL>\"}\n");
    // A last line without an end stays without.
    let inputs = [write(folder.path().join("in/b.jsonl"), "{\"text\": \"a\"}\n{\"text\": \"b\"}")];
    let plan = ScrubPlan { inputs: inputs.to_vec(), output: folder.path().join("b"), ..plan };
    run(&plan).unwrap();
    assert_eq!(read(&plan.output.join("b.jsonl")), "{\"text\": \"a\"}\n{\"text\": \"b\"}");
}

/// The same conversations in Parquet and in lines: the same findings in the same places, and one is the other's repeat.
#[test]
fn findings_have_the_place_of_their_text_and_formats_agree() {
    use arrow::array::AsArray;
    let folder = tempfile::tempdir().unwrap();
    let lines = "{\"meta\": {\"tags\": [\"x\", \"bob@example.org\"]}, \"text\": \"a\"}\n{\"text\": \"ann@example.org\", \"meta\": {\"tags\": []}}\n";
    let inputs = [write(folder.path().join("in/a.jsonl"), lines)];
    let plan = ScrubPlan { columns: columns(&["text", "meta.tags[]"]), ..plan(&inputs, &folder.path().join("out")) };
    run(&plan).unwrap();
    let places = |output: &Path| -> Vec<String> {
        let table = read_batch(&output.join("findings.parquet"));
        let column = table.column_by_name("column").unwrap().as_string::<i32>().clone();
        column.iter().map(|place| place.unwrap().to_owned()).collect()
    };
    assert_eq!(places(&plan.output), ["meta.tags[1]", "text"]);

    let parquet = write_texts(folder.path().join("in/b.parquet"), &[Some("ann@example.org")], TextType::Utf8, 2);
    let table = ScrubPlan {
        columns: columns(&["meta.source", "tags[]", "text"]),
        output: folder.path().join("table"),
        inputs: vec![parquet],
        ..plan
    };
    let manifest = run(&table).unwrap();
    assert_eq!(places(&table.output), ["text"]);
    assert_eq!(manifest.counts.rows_changed, 1);
}

#[test]
fn a_repeat_is_told_across_formats_and_after_an_interruption() {
    let folder = tempfile::tempdir().unwrap();
    let parquet = write_texts(folder.path().join("in/a.parquet"), &TEXTS.map(Some), TextType::Dictionary, 2);
    let line = |text: &str| format!("{}\n", json!({ "id": 1, "text": text }));
    let lines: String = TEXTS.iter().map(|text| line(text)).chain([line("new"), line("new")]).collect();
    let inputs =
        [parquet, write(folder.path().join("in/b.jsonl.zst"), &lines), write(folder.path().join("in/c.jsonl"), &lines)];
    let reference = plan(&inputs, &folder.path().join("reference"));
    let manifest = run(&reference).unwrap();
    assert_eq!(read(&reference.output.join("b.jsonl.zst")), line("new"));
    assert_eq!(read(&reference.output.join("c.jsonl")), "");
    for calls in 1..9 {
        let plan = ScrubPlan { output: folder.path().join(format!("out{calls}")), ..reference.clone() };
        let (seen, cancelled) = (AtomicUsize::new(0), AtomicBool::new(false));
        let count = |_| {
            if seen.fetch_add(1, Ordering::Relaxed) + 1 == calls {
                cancelled.store(true, Ordering::Relaxed);
            }
        };
        let _ = scrub(&plan, &count, &cancelled);
        assert_eq!(run(&plan).unwrap().counts, manifest.counts, "interrupted after {calls} steps");
        assert_eq!(tree(&plan.output), tree(&reference.output));
    }
}

#[test]
fn bad_lines_are_faults_with_their_line_and_never_their_words() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str, bytes: &[u8], written: &[&str]| {
        let path = folder.path().join(format!("in/{name}"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        let plan = ScrubPlan { columns: columns(written), ..plan(&[path], &folder.path().join("out")) };
        let error = run(&plan).unwrap_err().to_string();
        assert!(!error.contains("hidden") && tree(&plan.output).is_empty(), "{error}");
        error
    };
    let good = b"{\"text\": \"hidden\"}\n".to_vec();
    assert!(of("a.jsonl", &[good.clone(), b"{\"text\": \"hidden\n".to_vec()].concat(), &["text"]).contains("line 2"));
    assert!(
        of("a.jsonl", &[good.clone(), b"\n\n{\"text\": \"\xff\"}\n".to_vec()].concat(), &["text"]).contains("line 4")
    );
    assert!(of("a.jsonl", b"[\"hidden\"]\n", &["text"]).contains("line 1"));
    assert!(of("a.jsonl", &good, &["words"]).contains("`words`"));
    assert!(of("a.jsonl", b"{\"text\": {\"hidden\": 1}}", &["text"]).contains("`text`"));
    let mut packed = zstd::encode_all(&*good.repeat(1000), 0).unwrap();
    packed.truncate(packed.len() / 2);
    assert!(of("a.jsonl.zst", &packed, &["text"]).contains("line"));
    // Set aside, the others go on.
    let inputs = [
        write(folder.path().join("in/b.jsonl"), "{\"text\": 1}\n"),
        write(folder.path().join("in/c.jsonl"), "{\"text\": \"a\"}\n"),
    ];
    let plan = ScrubPlan { on_error: OnError::Quarantine, ..plan(&inputs, &folder.path().join("set-aside")) };
    let manifest = run(&plan).unwrap();
    assert_eq!(manifest.quarantined.len(), 1);
    assert_eq!(manifest.quarantined[0].reason_class, FaultClass::DamagedRecord);
    assert_eq!(read(&plan.output.join("c.jsonl")), "{\"text\": \"a\"}\n");
}

/// Surrogates are linked within a unit and not across units, in lines as in tables; rows that a policy drops are gone whole.
#[test]
fn a_unit_scope_and_dropped_rows_in_lines() {
    use privet_text::{Operator, Policy, Scope};
    let folder = tempfile::tempdir().unwrap();
    let line =
        |unit: Value| json!({ "who": unit, "turns": [{ "t": "ann@example.edu" }, { "t": null }] }).to_string() + "\n";
    let text = [line(json!(1)), line(json!("b")), line(json!(1)), line(json!("b"))].concat();
    let inputs = [write(folder.path().join("in/a.jsonl"), &text)];
    let policy = Policy::new(Operator::Surrogate).with_key([7; 32]).with_scope(Scope::Unit);
    let plan = ScrubPlan {
        policy,
        columns: columns(&["turns[].t"]),
        unit_column: Some("who".to_owned()),
        dedup_exact: false,
        ..plan(&inputs, &folder.path().join("out"))
    };
    run(&plan).unwrap();
    let written = read(&plan.output.join("a.jsonl"));
    let lines: Vec<&str> = written.lines().collect();
    assert!(!written.contains("ann@") && lines[0] == lines[2] && lines[1] == lines[3]);
    let mail = |line: &str| serde_json::from_str::<Value>(line).unwrap()["turns"][0]["t"].clone();
    assert_ne!(mail(lines[0]), mail(lines[1]), "two units, two surrogates");
    let nobody = ScrubPlan { unit_column: Some("nobody".to_owned()), output: folder.path().join("x"), ..plan.clone() };
    assert!(run(&nobody).unwrap_err().to_string().contains("`nobody`"));
    let dropping = ScrubPlan { policy: Policy::new(Operator::Drop), output: folder.path().join("y"), ..plan };
    let counts = run(&dropping).unwrap().counts;
    assert_eq!((counts.rows_in, counts.rows_dropped, counts.rows_out), (4, 4, 0));
    assert_eq!(read(&dropping.output.join("a.jsonl")), "");
}
