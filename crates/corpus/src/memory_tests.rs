use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};

use super::*;
use crate::fixtures::*;
use crate::{Error, Fault, OnError, ScrubPlan};

#[test]
fn shares_are_small_and_stay_small() {
    let tight = Shares::of(64 << 20);
    assert_eq!(tight, Shares { lines: 2 << 20, columns: 1 << 20, row: 8 << 20, group: 4 << 20 });
    let tiny = Shares::of(16 << 20);
    assert_eq!((tiny.lines, tiny.columns), (512 << 10, 256 << 10));
    let ample = Shares::of(1 << 40);
    assert_eq!((ample.lines, ample.columns, ample.row), (LINES_MAX, COLUMNS_MAX, 1 << 37));
    assert_eq!(Shares::all(), Shares { row: u64::MAX, group: u64::MAX, ..ample });
}

/// The least that the command takes.
const TIGHT: u64 = 16 << 20;

/// Six megabytes of rows with something to find in each, and one that is nearly as long as a row may be.
fn rows() -> Vec<String> {
    let filler = |row: u64| {
        (0..60).fold(String::new(), |mut text, at| {
            let _ = write!(text, "{} ", blake3::hash(&(1000 * row + at).to_le_bytes()).to_hex());
            text
        })
    };
    let mut rows: Vec<String> = (0..1500).map(|row| format!("{row} ann@example.org {}", filler(row))).collect();
    rows.push(format!("bo@example.org {}", "long ".repeat((TIGHT / 8 / 5) as usize - 10)));
    rows
}

fn lines(path: PathBuf, rows: &[String]) -> PathBuf {
    let lines = rows.iter().map(|row| serde_json::json!({ "text": row }).to_string() + "\n");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, lines.collect::<String>()).unwrap();
    path
}

fn groups(path: &Path) -> usize {
    let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    reader.metadata().num_row_groups()
}

#[test]
fn what_is_written_does_not_hang_on_the_limit_but_for_row_groups() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows();
    let texts: Vec<Option<&str>> = rows.iter().map(|row| Some(row.as_str())).collect();
    let inputs = [
        lines(folder.path().join("in/a.jsonl"), &rows),
        write_texts(folder.path().join("in/b.parquet"), &texts, TextType::Utf8, usize::MAX),
    ];
    let ample = ScrubPlan { dedup_exact: false, ..plan(&inputs, &folder.path().join("ample")) };
    let tight = ScrubPlan { memory: TIGHT, output: folder.path().join("tight"), ..ample.clone() };
    let (all, few) = (run(&ample).unwrap(), run(&tight).unwrap());
    assert_eq!(all.counts, few.counts);
    assert_eq!(all.counts.rows_changed, 2 * rows.len() as u64);
    let file = |plan: &ScrubPlan, name: &str| plan.output.join(name);
    assert_eq!(std::fs::read(file(&ample, "a.jsonl")).unwrap(), std::fs::read(file(&tight, "a.jsonl")).unwrap());
    assert_eq!(read_rows(&file(&ample, "b.parquet")), read_rows(&file(&tight, "b.parquet")));
    assert_eq!(groups(&file(&ample, "b.parquet")), 1);
    assert!(groups(&file(&tight, "b.parquet")) > 1);
}

#[test]
fn a_row_that_is_too_long_is_refused_by_file_and_number_and_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let limit = TIGHT / 8;
    let rows = ["short".to_owned(), "x".repeat(limit as usize + 1), "short too".to_owned()];
    let texts: Vec<Option<&str>> = rows.iter().map(|row| Some(row.as_str())).collect();
    let cells: String = rows.iter().map(|row| row.clone() + "\n").collect();
    let table = folder.path().join("in/t.csv");
    std::fs::create_dir_all(table.parent().unwrap()).unwrap();
    std::fs::write(&table, format!("text\n{cells}")).unwrap();
    let document = folder.path().join("in/d.txt");
    std::fs::write(&document, cells.as_str()).unwrap();
    for (path, fault) in [
        (lines(folder.path().join("in/a.jsonl"), &rows), Fault::LongLine { line: 2, limit }),
        (table, Fault::LongLine { line: 3, limit }),
        (document, Fault::LongLine { line: 2, limit }),
        (
            write_texts(folder.path().join("in/b.parquet"), &texts, TextType::Utf8, 3),
            Fault::LongRecord { record: 2, limit },
        ),
        (
            write_texts(folder.path().join("in/c.parquet"), &texts, TextType::Dictionary, 3),
            Fault::LongRecord { record: 2, limit },
        ),
    ] {
        let small = lines(folder.path().join("in/z.jsonl"), &rows[..1]);
        let plan = ScrubPlan { memory: TIGHT, ..plan(&[path.clone(), small], &folder.path().join("out")) };
        match run(&plan).unwrap_err() {
            Error::Input { file, fault: found } => assert_eq!((file, found), (path.clone(), fault)),
            other => panic!("{other:?}"),
        }
        let apart = ScrubPlan { on_error: OnError::Quarantine, output: folder.path().join("apart"), ..plan };
        let manifest = run(&apart).unwrap();
        assert_eq!((manifest.quarantined.len(), manifest.counts.rows_in), (1, 1));
        std::fs::remove_dir_all(folder.path().join("apart")).unwrap();
        let enough = ScrubPlan { memory: 2 * TIGHT, ..apart };
        assert_eq!(run(&enough).unwrap().quarantined, []);
        std::fs::remove_dir_all(folder.path().join("apart")).unwrap();
    }
}
