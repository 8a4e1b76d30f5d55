use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use privet_text::{Entity, apply, recognizers, scan};
use proptest::prelude::*;

use super::super::tests::{columns, read, write};
use crate::fixtures::*;
use crate::{Error, FaultClass, Mode, OnError, Record, ScrubPlan, Selection, read_records, scrub};

/// Twin: a table as the `csv` crate reads it, every cell of the wanted columns replaced, by itself.
fn replaced(text: &str, delimiter: u8, wanted: &[usize]) -> Vec<Vec<String>> {
    let recognizers = recognizers(&Entity::DEFAULT);
    let policy = privet_text::Policy::new(privet_text::Operator::Tag);
    let cell = |(index, cell): (usize, &str)| {
        if wanted.contains(&index) { apply(cell, &scan(&recognizers, cell), &policy) } else { cell.to_owned() }
    };
    rows(text, delimiter).iter().map(|row| row.iter().map(String::as_str).enumerate().map(cell).collect()).collect()
}

fn rows(text: &str, delimiter: u8) -> Vec<Vec<String>> {
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(text.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// A cell as someone may write it: bare where that is possible, in quotes, in quotes that are not needed.
fn written(cell: &str, quoted: bool) -> String {
    if quoted || cell.is_empty() || cell.contains(['"', ',', '\t', '\n', '\r']) {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell.to_owned()
}

proptest! {
    #![proptest_config(proptest_config(60))]

    /// Cells are those of the twin, row by row; rows without a finding keep their bytes; repeats go, across shards.
    #[test]
    fn tables_equal_cells_replaced_one_by_one(
        shards in prop::collection::vec(prop::collection::vec((0_usize..9, 0_usize..9, any::<bool>(), 0_usize..4), 1..9), 1..4),
        form in prop::sample::select(vec!["csv", "csv.gz", "tsv.zst", "tsv"]),
        dedup_exact: bool,
        marked: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let delimiter = if form.starts_with("tsv") { '\t' } else { ',' };
        let (mut inputs, mut seen) = (Vec::new(), Vec::new());
        let mut expected: Vec<Vec<Vec<String>>> = Vec::new();
        let mut lines = Vec::new();
        for (index, rows) in shards.iter().enumerate() {
            let mark = if marked { "\u{feff}" } else { "" };
            let mut text = format!("{mark}id{delimiter}\"text\"{delimiter}note{delimiter}title\r\n");
            for (id, (text_at, title, quoted, end)) in rows.iter().enumerate() {
                let cells = [id.to_string(), TEXTS[*text_at].to_owned(), "ann@example.org".to_owned(), TEXTS[*title].to_owned()];
                let cells = cells.map(|cell| written(&cell, *quoted)).join(&delimiter.to_string());
                text += &cells;
                text += ["\n", "\r\n", "\r", "\n\n"][*end];
                lines.push((cells, *text_at, *title));
            }
            let twin = replaced(text.trim_start_matches('\u{feff}'), delimiter as u8, &[1, 3]);
            let mut kept = vec![twin[0].clone()];
            for row in &twin[1..] {
                let key = (row[1].clone(), row[3].clone());
                if !(seen.contains(&key) && dedup_exact) {
                    kept.push(row.clone());
                }
                seen.push(key);
            }
            expected.push(kept);
            inputs.push(write(folder.path().join(format!("in/{index}.{form}")), &text));
        }
        let plan = ScrubPlan { columns: columns(&["text", "title"]), dedup_exact, ..plan(&inputs, &folder.path().join("out")) };
        let manifest = run(&ScrubPlan { jobs: 3, ..plan.clone() }).unwrap();
        let mut all = String::new();
        for (expected, path) in expected.iter().zip(manifest.output_paths(&plan.output)) {
            let text = read(&path);
            prop_assert_eq!(text.starts_with('\u{feff}'), marked);
            prop_assert_eq!(&rows(&text, delimiter as u8), expected);
            all += &text;
        }
        let plain = [0, 1, 2, 8];
        let untouched = lines.iter().filter(|(_, text, title)| plain.contains(text) && plain.contains(title));
        for (line, _, _) in untouched.take(if dedup_exact { 0 } else { usize::MAX }) {
            prop_assert!(all.contains(line.as_str()), "{line}");
        }
        // A dry run counts the same, and a second scrub changes nothing.
        let dry = run(&ScrubPlan { mode: Mode::DryRun { sample_rows: None }, output: folder.path().join("none"), ..plan.clone() }).unwrap();
        prop_assert_eq!(&dry.counts, &manifest.counts);
        let again = ScrubPlan { inputs: manifest.output_paths(&plan.output), output: folder.path().join("again"), ..plan.clone() };
        let second = run(&again).unwrap();
        prop_assert_eq!(second.counts.rows_changed, 0);
        for (first, second) in manifest.outputs.iter().zip(&second.outputs) {
            prop_assert_eq!(read(&plan.output.join(&first.file)), read(&again.output.join(&second.file)));
        }
    }
}

#[test]
fn only_the_rewritten_cells_change() {
    let folder = tempfile::tempdir().unwrap();
    let text = "\u{feff}id,text,\"a \"\"b\"\"\"\r\n\
        1, mail ann@example.org ,x\r\n\
        \n\
        2,\"mail\nbob@example.org, \"\"now\"\"\",  \"odd\r\n\
        3,plain  ,\"quoted\"\r\
        4,,\"\"\n\
        5,\"x\"ann@example.org,y";
    let expected = "\u{feff}id,text,\"a \"\"b\"\"\"\r\n\
        1, mail <EMAIL> ,x\r\n\
        \n\
        2,\"mail\n<EMAIL>, \"\"now\"\"\",  \"odd\r\n\
        3,plain  ,\"quoted\"\r\
        4,,\"\"\n\
        5,\"<EMAIL>\",y";
    let inputs = [write(folder.path().join("in/a.csv"), text)];
    let plan = plan(&inputs, &folder.path().join("out"));
    let manifest = run(&plan).unwrap();
    assert_eq!(read(&plan.output.join("a.csv")), expected);
    let counts = manifest.counts;
    assert_eq!((counts.rows_in, counts.rows_changed, counts.rows_null, counts.rows_out), (5, 3, 1, 5));
    // A text that needs quotes gets them: here a custom tag holds the delimiter of a table of tabs.
    let tabs = write(folder.path().join("in/b.tsv"), "text\tid\nsay \"ann@example.org\"\t1\n");
    let masked = ScrubPlan { inputs: vec![tabs], output: folder.path().join("tabs"), ..plan };
    run(&masked).unwrap();
    assert_eq!(read(&masked.output.join("b.tsv")), "text\tid\n\"say \"\"<EMAIL>\"\"\"\t1\n");
}

#[test]
fn findings_have_the_row_and_column_and_all_columns_can_be_meant() {
    use arrow::array::{AsArray, types::UInt64Type};
    let folder = tempfile::tempdir().unwrap();
    let text = "id,first.name,note\n1,ann@example.org,\n\n\"2\nx\",b,bob@example.org\n";
    let inputs = [write(folder.path().join("in/a.csv"), text)];
    let plan = ScrubPlan { columns: columns(&["first.name", "note"]), ..plan(&inputs, &folder.path().join("out")) };
    run(&plan).unwrap();
    let table = read_batch(&plan.output.join("findings.parquet"));
    let places = table.column_by_name("column").unwrap().as_string::<i32>().clone();
    let rows = table.column_by_name("row").unwrap().as_primitive::<UInt64Type>().clone();
    let found: Vec<(u64, &str)> = rows.values().iter().copied().zip(places.iter().flatten()).collect();
    assert_eq!(found, [(0, "first.name"), (1, "note")]);
    let all = ScrubPlan { columns: columns(&["**"]), output: folder.path().join("all"), ..plan };
    run(&all).unwrap();
    assert_eq!(read(&all.output.join("a.csv")), "id,first.name,note\n1,<EMAIL>,\n\n\"2\nx\",b,<EMAIL>\n");
}

#[test]
fn bad_tables_are_faults_with_their_record_and_never_their_words() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str, bytes: &[u8], written: &[&str]| {
        let path = folder.path().join("in").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        let plan = ScrubPlan { columns: columns(written), ..plan(&[path], &folder.path().join("out")) };
        let error = run(&plan).unwrap_err();
        let text = error.to_string();
        assert!(!text.contains("hidden") && tree(&plan.output).is_empty(), "{text}");
        let Error::Input { fault, .. } = error else { panic!("{text}") };
        (fault.class(), text)
    };
    let said = |(class, text): (FaultClass, String), wanted: FaultClass, part: &str| {
        assert!(class == wanted && text.contains(part), "{class:?}: {text}");
    };
    let two = b"id,text\n1,hidden\n".to_vec();
    let then = |more: &[u8]| [two.clone(), more.to_vec()].concat();
    said(of("a.csv", &then(b"2,\"hidden\nx\",hidden\n"), &["text"]), FaultClass::RaggedRecord, "record 2");
    said(of("a.csv", &then(b"\n\nhidden\n"), &["text"]), FaultClass::RaggedRecord, "line 5");
    said(of("a.csv", &then(b"2,\"hidden\n\n"), &["text"]), FaultClass::OpenQuote, "record 2");
    said(of("a.csv", &then(b"2,hidden\n3,\xff\n"), &["text"]), FaultClass::NotUnicode, "record 3");
    said(of("a.csv", b"\xff\n", &["text"]), FaultClass::NotUnicode, "record 0");
    said(of("a.csv", b"\"id\n", &["text"]), FaultClass::OpenQuote, "record 0");
    for empty in [&b""[..], b"\n\r\n", b"\xef\xbb\xbf"] {
        said(of("a.csv", empty, &["text"]), FaultClass::NoHeader, "header");
    }
    // Without a header, what stands first is somebody's: it is counted, not quoted.
    said(of("a.csv", b"1,hidden\n", &["text"]), FaultClass::NoColumn, "2 cells, and none says `text`");
    said(of("a.tsv", &two, &["text"]), FaultClass::NoColumn, "1 cells");
    said(of("a.csv", &two, &["text", "meta.title"]), FaultClass::NoColumn, "`meta.title`");
    let mut packed = zstd::encode_all(&*then(&b"2,hidden\n".repeat(1000)), 0).unwrap();
    packed.truncate(packed.len() / 2);
    said(of("a.csv.zst", &packed, &["text"]), FaultClass::DamagedPacking, "line");
    // A header alone is a table without rows.
    let header = write(folder.path().join("in/h.csv"), "id,text\n");
    let other = write(folder.path().join("in/i.csv"), "id,text\n1,a\n");
    let both = ScrubPlan { on_error: OnError::Fail, ..plan(&[header, other], &folder.path().join("both")) };
    assert_eq!(run(&both).unwrap().counts.rows_in, 1);
    assert_eq!(read(&both.output.join("h.csv")), "id,text\n");
}

#[test]
fn a_repeat_is_told_across_tables_and_lines_and_after_an_interruption() {
    let folder = tempfile::tempdir().unwrap();
    let table = |texts: &[&str]| -> String {
        let rows: Vec<String> = texts.iter().map(|text| format!("1,{}\n", written(text, false))).collect();
        format!("id,text\n{}", rows.concat())
    };
    let line = |text: &&str| serde_json::json!({ "text": text }).to_string() + "\n";
    let lines: String = TEXTS[1..4].iter().map(line).collect();
    let inputs = [
        write(folder.path().join("in/a.jsonl"), &lines),
        write(folder.path().join("in/b.csv.gz"), &table(&TEXTS[1..])),
        write(folder.path().join("in/c.tsv"), &table(&[TEXTS[1], "new"]).replace(',', "\t")),
    ];
    let reference = plan(&inputs, &folder.path().join("reference"));
    let manifest = run(&reference).unwrap();
    assert_eq!(read(&reference.output.join("c.tsv")), "id\ttext\n1\tnew\n");
    for calls in 1..7 {
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

/// What training reads of tables and documents, with owners.
#[test]
fn records_of_tables_and_documents() {
    let folder = tempfile::tempdir().unwrap();
    let table = write(folder.path().join("a.csv"), "who,prompt,text\nann,,\"a\nb\"\n7,p,\n\"b\",q,c\n");
    let document = write(folder.path().join("b.md"), "# Title\n\nwords\n");
    let all = |path: &Path, selection: &Selection, owner: Option<&str>| -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        read_records(&[PathBuf::from(path)], selection, owner, &mut |record, whose| {
            let text = match record {
                Record::Text(text) => text,
                Record::Pair { prompt, completion } => format!("{prompt}>{completion}"),
                Record::Chat(_) => unreachable!("nothing here is a conversation"),
            };
            found.push(format!("{}:{text}", whose.unwrap_or_default()));
            Ok(())
        })?;
        Ok(found)
    };
    let text = Selection::Text { column: "text".to_owned() };
    let pair = Selection::Pair { prompt: "prompt".to_owned(), completion: "text".to_owned() };
    assert_eq!(all(&table, &text, Some("who")).unwrap(), ["ann:a\nb", "b:c"]);
    assert_eq!(all(&table, &pair, None).unwrap(), [":>a\nb", ":q>c"]);
    assert_eq!(all(&document, &text, None).unwrap(), [":# Title\n\nwords\n"]);
    assert!(all(&document, &text, Some("who")).unwrap_err().to_string().contains("`who`"));
    assert!(all(&document, &pair, None).is_err());
    let chat = Selection::Chat { column: "text".to_owned() };
    assert!(all(&table, &chat, None).unwrap_err().to_string().contains("not conversations"));
    let nobody = write(folder.path().join("c.csv"), "who,text\n,a\n");
    assert!(all(&nobody, &text, Some("who")).unwrap_err().to_string().contains("`who`"));
}

/// A tree of documents keeps its shape; documents that repeat or are dropped are not there, also after an interruption.
#[test]
fn documents_are_rows_and_a_tree_keeps_its_shape() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("in");
    for (name, text) in [
        ("a/x.txt", "\u{feff}mail ann@example.org\r\n"),
        ("a/b/x.txt", "mail bob@example.org\n"),
        ("a/b/y.md.gz", "plain\n"),
        ("a/c/z.txt", "plain\n"),
        ("a/e.txt", ""),
        ("a/latin.txt", "x"),
    ] {
        write(root.join(name), text);
    }
    std::fs::write(root.join("a/latin.txt"), b"caf\xe9 ann@example.org").unwrap();
    let patterns = [root.to_string_lossy().into_owned()];
    let inputs = crate::resolve_inputs(&patterns, crate::Kinds::Records).unwrap();
    let folders = crate::input_folders(&patterns);
    let reference = ScrubPlan {
        input_folders: folders,
        on_error: OnError::Quarantine,
        ..plan(&inputs, &folder.path().join("reference"))
    };
    let manifest = run(&reference).unwrap();
    let names: Vec<&str> = manifest.outputs.iter().map(|output| output.file.as_str()).collect();
    assert_eq!(names, ["a/b/x.txt", "a/b/y.md.gz", "a/e.txt", "a/x.txt"]);
    assert_eq!(read(&reference.output.join("a/x.txt")), "\u{feff}mail <EMAIL>\r\n");
    assert!(!reference.output.join("a/c/z.txt").exists(), "it repeats y.md");
    assert_eq!(manifest.quarantined[0].reason_class, FaultClass::NotUnicode);
    assert_eq!((manifest.counts.rows_in, manifest.counts.rows_out, manifest.counts.duplicates_removed), (5, 4, 1));
    assert!(run(&reference).unwrap().already_done);
    for calls in 1..12 {
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
    // Beside tables, texts describe them.
    write(root.join("t.csv"), "text\na\n");
    assert_eq!(crate::resolve_inputs(&patterns, crate::Kinds::Records).unwrap(), [root.join("t.csv")]);
}
