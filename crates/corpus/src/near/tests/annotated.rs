//! Marks beside all rows say what a removal does, in every kind of file.

use super::formats::{ROWS, written};
use super::*;
use crate::{Record, Selection, read_records};

/// Row by row what a column says.
fn column(files: &[PathBuf], name: &str) -> Vec<(i64, String)> {
    let mut values = Vec::new();
    let selection = Selection::Text { column: name.to_owned() };
    read_records(files, &selection, Some("id"), &mut |record, id| {
        let Record::Text(text) = record else { panic!("a text was asked for") };
        values.push((id.unwrap().parse().unwrap(), text));
        Ok(())
    })
    .unwrap();
    values
}

#[test]
fn marks_are_what_a_removal_does() {
    let folder = tempfile::tempdir().unwrap();
    let what = What::Near(Near { banding: "60x1".parse().unwrap(), ..near(0.5) });
    for file in written(folder.path()) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let out = folder.path().join(format!("{name}-marked"));
        let id_column = Some("id".to_owned());
        let plan = DedupPlan { annotate: true, id_column, ..plan(std::slice::from_ref(&file), &out, what) };
        let manifest = run(&plan).unwrap();
        assert!(manifest.annotated);
        assert_eq!((manifest.counts.rows_in, manifest.counts.rows_out, manifest.outputs[0].rows), (9, 9, 9), "{name}");
        let files = manifest.output_paths(&out);
        let texts: Vec<(i64, String)> = ROWS.iter().filter_map(|row| Some((row.0, row.3?.to_owned()))).collect();
        assert_eq!(column(&files, "text"), texts, "{name}: texts stay as they are");
        let anchors = [(1, "0"), (2, "0"), (4, "0"), (6, "5"), (8, "7")].map(|(row, anchor)| (row, anchor.to_owned()));
        assert_eq!(column(&files, "dedup_anchor"), anchors, "{name}");
        // What is marked already is not marked over.
        let again = DedupPlan { inputs: files, output: Some(folder.path().join(format!("{name}-again"))), ..plan };
        let error = run(&again).unwrap_err().to_string();
        assert!(error.contains("`dedup_keep` already"), "{name}: {error}");
    }
}

#[test]
fn marked_lines_keep_their_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    let files = [
        at("a.jsonl", "\u{feff}{\"text\": \"a, b\" , \"n\": 1.50}\r\n\n  {\"text\":\"A b\"} "),
        at("b.csv", "\u{feff}n,\"text\"\r\n1,\"a\nb\"\r\n\r\n2,c"),
    ];
    run(&DedupPlan { annotate: true, ..plan(&files, &folder.path().join("out"), What::Normalised) }).unwrap();
    let out = |name: &str| std::fs::read_to_string(folder.path().join("out").join(name)).unwrap();
    assert_eq!(
        out("a.jsonl"),
        "\u{feff}{\"text\": \"a, b\" , \"n\": 1.50, \"dedup_keep\": true, \"dedup_anchor\": null, \"dedup_similarity\": 1.0}\r\n\n  \
         {\"text\":\"A b\", \"dedup_keep\": false, \"dedup_anchor\": \"a.jsonl:0\", \"dedup_similarity\": 1.0} "
            .replace("null, \"dedup_similarity\": 1.0}\r", "null, \"dedup_similarity\": null}\r")
    );
    assert_eq!(
        out("b.csv"),
        "\u{feff}n,\"text\",dedup_keep,dedup_anchor,dedup_similarity\r\n1,\"a\nb\",false,a.jsonl:0,1\r\n\r\n2,c,true,,"
    );
    let text = at("c.txt", "a b");
    let plan = DedupPlan { annotate: true, ..plan(&[text], &folder.path().join("texts"), What::Raw) };
    assert!(run(&plan).unwrap_err().to_string().contains("no columns to add to"));
}

#[test]
fn the_disk_is_asked_for_what_memory_does_not_hold() {
    let folder = tempfile::tempdir().unwrap();
    let lines = "{\"text\": \"one two three four five six seven eight nine ten\"}\n".repeat(40_000);
    let size = lines.len() as u64;
    let path = folder.path().join("a.jsonl");
    std::fs::write(&path, lines).unwrap();
    let plan = |memory: u64, what: What| DedupPlan {
        memory,
        ..plan(std::slice::from_ref(&path), &folder.path().join("new/out"), what)
    };
    let near = |memory| plan(memory, What::Near(super::near(0.8))).disk_estimate().unwrap();
    let estimate = near(1 << 20);
    assert!(estimate.rows.abs_diff(40_000) < 400, "{estimate:?}");
    assert_eq!(estimate.output_bytes, size);
    let keys = estimate.rows * 20 * 16;
    assert!(estimate.scratch_bytes >= keys && estimate.scratch_bytes < keys + 3 * size, "{estimate:?}");
    assert!(estimate.free_bytes.is_some_and(|free| free > 0) && !estimate.is_tight());
    assert_eq!(near(1 << 30).scratch_bytes, 0);
    assert_eq!(plan(1 << 30, What::Raw).disk_estimate().unwrap().scratch_bytes, 0);
    let report = DedupPlan { output: None, ..plan(1 << 30, What::Raw) };
    assert_eq!(report.disk_estimate().unwrap().output_bytes, 0);
    let tight = DiskEstimate { free_bytes: Some(size), ..estimate };
    assert!(tight.is_tight());
}
