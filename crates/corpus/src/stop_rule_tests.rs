//! How much would change, counted; what is refused for it; and rows that go for what is in all of their texts together.

use std::path::{Path, PathBuf};

use privet_text::{Entity, Operator, Policy, recognizers, scan};

use crate::fixtures::*;
use crate::{Error, Mode, ScrubPlan, Selector};

fn jsonl(path: PathBuf, texts: &[&str]) -> PathBuf {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let lines: String = texts.iter().map(|text| serde_json::json!({ "text": text }).to_string() + "\n").collect();
    std::fs::write(&path, lines).unwrap();
    path
}

/// Twin: lengths of texts and of what is found in them, one text after another.
fn counted(texts: &[&str], entities: &[Entity]) -> (u64, u64) {
    let rules = recognizers(entities);
    let found = texts.iter().flat_map(|text| scan(&rules, text)).map(|finding| finding.span.len() as u64);
    (texts.iter().map(|text| text.len() as u64).sum(), found.sum())
}

#[test]
fn the_share_is_of_bytes_in_findings_and_in_rows_that_go() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = [
        jsonl(folder.path().join("in/a.jsonl"), &TEXTS),
        write_texts(folder.path().join("in/b.parquet"), &TEXTS.map(Some), TextType::Dictionary, 2),
    ];
    let base = ScrubPlan { dedup_exact: false, ..plan(&inputs, &folder.path().join("out")) };
    let manifest = run(&base).unwrap();
    let (bytes, changed) = counted(&TEXTS, &base.entities);
    assert!(changed > 50);
    for input in &manifest.inputs {
        assert_eq!((input.text_bytes, input.text_bytes_changed), (bytes, changed), "{}", input.file);
    }
    let of = |policy: Policy| {
        let mode = Mode::DryRun { sample_rows: None };
        let counts = run(&ScrubPlan { policy, mode, inputs: inputs[..1].to_vec(), ..base.clone() }).unwrap().counts;
        (counts.text_bytes, counts.text_bytes_changed)
    };
    assert_eq!(of(Policy::new(Operator::Keep)), (bytes, 0), "what is kept does not change");
    let with_findings = TEXTS.iter().filter(|text| counted(&[text], &base.entities).1 > 0);
    assert_eq!(of(Policy::new(Operator::Drop)), (bytes, with_findings.map(|text| text.len() as u64).sum()));
    let sure = Policy::new(Operator::Tag).with_threshold(Entity::Email, 1.0);
    let others: Vec<Entity> = base.entities.iter().copied().filter(|entity| *entity != Entity::Email).collect();
    assert_eq!(of(sure), (bytes, counted(&TEXTS, &others).1), "what is below its threshold does not change");
}

fn refused(plan: &ScrubPlan) -> (Option<PathBuf>, String) {
    match run(plan) {
        Err(error @ Error::TooMuchChanged { .. }) => {
            let text = error.to_string();
            let Error::TooMuchChanged { file, .. } = error else { unreachable!("matched above") };
            (file, text)
        }
        other => panic!("{other:?}"),
    }
}

/// Nothing of the file is there; what was finished before it stays, and goes on under a limit that allows it.
#[test]
fn too_much_is_refused_before_anything_of_the_file_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let text = "ann@example.org";
    let cells = folder.path().join("in/b.csv");
    let calm = jsonl(folder.path().join("in/a.jsonl"), &["plain words without end"; 4]);
    std::fs::write(&cells, format!("id,text\n1,{text}\n2,words and words\n")).unwrap();
    let parquet = write_texts(folder.path().join("in/c.parquet"), &[Some(text), Some("words")], TextType::Utf8, 1);
    for file in [&cells, &parquet] {
        let output = folder.path().join(format!("out-{}", file.file_stem().unwrap().display()));
        let base = plan(&[calm.clone(), file.clone()], &output);
        let strict = ScrubPlan { max_changed: Some(0.2), ..base.clone() };
        let (named, words) = refused(&strict);
        assert_eq!(named.as_ref(), Some(file));
        assert!(words.contains("0.2") && !words.contains('@'), "{words}");
        let there: Vec<String> = tree(&output).into_keys().filter(|name| !name.starts_with('.')).collect();
        assert_eq!(there, ["a.jsonl"], "no file that is half there, no findings, no manifest");
        let manifest = run(&ScrubPlan { max_changed: Some(0.9), ..base.clone() }).unwrap();
        assert_eq!((manifest.resumed_shards, manifest.outputs.len()), (1, 2));
        // What is finished is not handed out under a rule that would have refused it.
        let share = manifest.counts.share_changed();
        assert!(refused(&ScrubPlan { max_changed: Some(share / 2.0), ..base.clone() }).0.is_none());
        assert!(run(&ScrubPlan { max_changed: Some(share), ..base }).unwrap().already_done);
    }
}

/// A letter may be nothing but an address: documents are judged together.
#[test]
fn documents_are_judged_together() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path: &Path = &folder.path().join("in").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        path.to_owned()
    };
    let inputs = [write("a.txt", "ann@example.org"), write("b.txt", &"plain words ".repeat(20))];
    let base = plan(&inputs, &folder.path().join("out"));
    let (named, words) = refused(&ScrubPlan { max_changed: Some(0.01), ..base.clone() });
    assert!(named.is_none() && words.contains("all texts together"), "{words}");
    assert!(tree(&base.output).is_empty(), "all of it is taken back");
    assert_eq!(run(&ScrubPlan { max_changed: Some(0.2), ..base }).unwrap().outputs.len(), 2);
}

/// Two findings in each of two texts are four in the row.
#[test]
fn a_row_goes_for_what_is_in_all_of_its_texts() {
    let folder = tempfile::tempdir().unwrap();
    let (two, one) = ("ann@example.org bob@example.org", "cid@example.org");
    let path = folder.path().join("a.csv");
    std::fs::write(&path, format!("text,title\n{two},{two}\n{two},{one}\n{one},\n")).unwrap();
    let columns: Vec<Selector> = ["text", "title"].map(Selector::column).to_vec();
    for (most, dropped) in [(0, 3), (1, 2), (2, 2), (3, 1), (4, 0)] {
        let policy = Policy::new(Operator::Tag).with_drop_above(most);
        let output = folder.path().join(format!("out{most}"));
        let plan = ScrubPlan { columns: columns.clone(), policy, ..plan(std::slice::from_ref(&path), &output) };
        let counts = run(&plan).unwrap().counts;
        assert_eq!((counts.rows_dropped, counts.rows_out), (dropped, 3 - dropped), "above {most}");
    }
}
