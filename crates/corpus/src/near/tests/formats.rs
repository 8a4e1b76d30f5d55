//! One corpus in every kind of file: the same rows stay, and what stays keeps its bytes.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::ipc::writer::{FileWriter, StreamWriter};
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;

use super::*;
use crate::{Record, Selection, read_records};

/// Number, owner, time and text of a row.
pub(super) type Row = (i64, &'static str, i64, Option<&'static str>);

pub(super) const ROWS: [Row; 9] = [
    (0, "7", 5, Some("one two, \"three\" four five six seven")),
    (1, "007", 9, Some("One two three four five six seven")),
    (2, "7", 11, Some("one two three four five six seven")),
    (3, "7", 2, None),
    (4, "7", 10, Some("one two three four five six\nseven eight")),
    (5, "b", 1, Some("something else altogether, and long enough")),
    (6, "b", 1, Some("something else altogether, and long enough")),
    (7, "b", 3, Some("")),
    (8, "b", 0, Some("")),
];

fn batch() -> RecordBatch {
    let text: StringArray = ROWS.iter().map(|row| row.3).collect();
    let who: StringArray = ROWS.iter().map(|row| Some(row.1)).collect();
    let number = |of: fn(&Row) -> i64| ROWS.iter().map(of).collect::<Int64Array>();
    let columns = [
        ("id", Arc::new(number(|row| row.0)) as ArrayRef),
        ("text", Arc::new(text)),
        ("ts", Arc::new(number(|row| row.2))),
        ("who", Arc::new(who)),
    ];
    RecordBatch::try_from_iter(
        columns.map(|(name, values)| (name, values, true)).map(|(name, values, _)| (name, values)),
    )
    .unwrap()
}

/// Every kind of file with columns.
pub(super) fn written(folder: &Path) -> Vec<PathBuf> {
    let batch = batch();
    let at = |name: &str| (folder.join(name), File::create(folder.join(name)).unwrap());
    let (parquet, file) = at("a.parquet");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let (arrow, file) = at("a.arrow");
    let mut writer = FileWriter::try_new(file, &batch.schema()).unwrap();
    // Two batches: rows are numbered through.
    writer.write(&batch.slice(0, 4)).unwrap();
    writer.write(&batch.slice(4, 5)).unwrap();
    writer.finish().unwrap();
    let (stream, file) = at("a.arrows");
    let mut writer = StreamWriter::try_new(file, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let (json, mut file) = at("a.jsonl");
    for (id, who, ts, text) in ROWS {
        writeln!(file, "{}", serde_json::json!({ "id": id, "text": text, "ts": ts, "who": who })).unwrap();
    }
    let cells = |delimiter: char| {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let record = |(id, who, ts, text): &Row| {
            let text = text.map(quoted).unwrap_or_default();
            format!("{id}{delimiter}{text}{delimiter}{ts}{delimiter}{who}\r\n")
        };
        format!("id{delimiter}text{delimiter}ts{delimiter}who\r\n") + &ROWS.iter().map(record).collect::<String>()
    };
    let (csv, mut file) = at("a.csv");
    file.write_all(cells(',').as_bytes()).unwrap();
    let (tsv, file) = at("a.tsv.gz");
    let mut packed = GzEncoder::new(file, flate2::Compression::default());
    packed.write_all(cells('\t').as_bytes()).unwrap();
    packed.finish().unwrap();
    vec![parquet, arrow, stream, json, csv, tsv]
}

/// Numbers of the rows with text that are left.
fn left(plan: &DedupPlan) -> Vec<String> {
    let manifest = run(plan).unwrap();
    let mut ids = Vec::new();
    let selection = Selection::Text { column: "text".to_owned() };
    read_records(&manifest.output_paths(plan.output.as_ref().unwrap()), &selection, Some("id"), &mut |record, id| {
        assert!(matches!(record, Record::Text(_)));
        ids.push(id.unwrap());
        Ok(())
    })
    .unwrap();
    ids
}

#[test]
fn the_same_rows_stay_in_every_kind_of_file() {
    let folder = tempfile::tempdir().unwrap();
    let what = What::Near(Near { banding: "60x1".parse().unwrap(), ..near(0.5) });
    for file in written(folder.path()) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let plan = |output: &str| DedupPlan {
            id_column: Some("id".to_owned()),
            ..plan(std::slice::from_ref(&file), &folder.path().join(output), what)
        };
        let left_of = |output: &str, change: &dyn Fn(&mut DedupPlan)| {
            let mut plan = plan(&format!("{name}-{output}"));
            change(&mut plan);
            left(&plan)
        };
        assert_eq!(left_of("all", &|_| {}), ["0", "5", "7"], "{name}");
        // 11 is more than 9 as a number, and less as a text.
        let newest = |plan: &mut DedupPlan| plan.keep = Keep::Largest("ts".to_owned());
        assert_eq!(left_of("newest", &newest), ["2", "5", "7"], "{name}");
        // 7 and 007 are two owners wherever they are texts.
        let within = |plan: &mut DedupPlan| plan.owners = Owners::Within("who".to_owned());
        assert_eq!(left_of("within", &within), ["0", "1", "5", "7"], "{name}");
        // Of what is no copy the newest two, then the newest one of each.
        for (most, ids) in [(2, &["1", "2", "5", "7"][..]), (1, &["1", "2", "7"])] {
            let few = |plan: &mut DedupPlan| {
                within(plan);
                newest(plan);
                plan.max_records_per_unit = Some(most);
            };
            assert_eq!(left_of(&format!("few-{most}"), &few), ids, "{name}");
        }
        let decisions = folder.path().join("decisions.jsonl");
        let named = |plan: &mut DedupPlan| plan.decisions = Some(decisions.clone());
        left_of("named", &named);
        let first: serde_json::Value =
            serde_json::from_str(std::fs::read_to_string(&decisions).unwrap().lines().nth(1).unwrap()).unwrap();
        assert_eq!((&first["id"], &first["anchor"]), (&"1".into(), &"0".into()), "{name}");
        let missing = DedupPlan { id_column: Some("idd".to_owned()), ..plan("missing") };
        let error = run(&missing).unwrap_err().to_string();
        assert!(error.contains("`idd`") && !error.contains("three"), "{error}");
    }
}

#[test]
fn cells_that_stay_keep_their_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.csv");
    std::fs::write(&file, "\u{feff}n;o,\"text\"\r\n1,\"a b\"\r\n\r\n2,a b\r3, a  \"b\n4,c\n").unwrap();
    run(&plan(&[file], &folder.path().join("out"), What::Raw)).unwrap();
    let out = std::fs::read_to_string(folder.path().join("out/a.csv")).unwrap();
    assert_eq!(out, "\u{feff}n;o,\"text\"\r\n1,\"a b\"\r\n3, a  \"b\n4,c\n");
}

#[test]
fn of_documents_the_copies_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let files: Vec<PathBuf> = ["a.txt", "b.md", "c.txt"].iter().map(|name| data.join(name)).collect();
    for (file, text) in files.iter().zip(["some words\n", "Some words", "others"]) {
        std::fs::write(file, text).unwrap();
    }
    let out = folder.path().join("out");
    let manifest = run(&plan(&files, &out, What::Normalised)).unwrap();
    assert_eq!(manifest.counts.rows_out, 2);
    assert!(!out.join("b.md").exists());
    assert_eq!(manifest.output_paths(&out), [out.join("a.txt"), out.join("c.txt")]);
    assert!(run(&plan(&files, &out, What::Normalised)).unwrap().already_done);
    let owned =
        DedupPlan { owners: Owners::Within("who".to_owned()), ..plan(&files, &folder.path().join("o"), What::Raw) };
    assert!(run(&owned).unwrap_err().to_string().contains("unit column `who`"));
}
