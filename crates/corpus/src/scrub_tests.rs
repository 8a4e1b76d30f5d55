use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;

use crate::fixtures::*;
use crate::{Error, FaultClass, Manifest, Mode, OnError, Progress, ScrubPlan, scrub};

fn texts(numbers: &[usize]) -> Vec<Option<&'static str>> {
    // One number past the list stands for null.
    numbers.iter().map(|&at| TEXTS.get(at).copied()).collect()
}

fn two_shards(folder: &std::path::Path) -> Vec<PathBuf> {
    vec![
        write_texts(folder.join("in/a.parquet"), &texts(&[3, 1, 9, 4, 5]), TextType::Utf8, 2),
        write_texts(folder.join("in/b.parquet"), &texts(&[1, 6, 9, 2]), TextType::Utf8, 3),
    ]
}

proptest! {
    #![proptest_config(proptest_config(40))]
    #[test]
    fn streamed_equals_naive_and_one_worker_equals_four(
        shards in prop::collection::vec(prop::collection::vec(0usize..10, 0..9), 1..4),
        kind in 0usize..4,
        row_group_rows in 1usize..5,
        dedup_exact: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let inputs: Vec<PathBuf> = shards
            .iter()
            .enumerate()
            .map(|(at, numbers)| {
                let path = folder.path().join(format!("in/{at}.parquet"));
                write_texts(path, &texts(numbers), TEXT_TYPES[kind], row_group_rows)
            })
            .collect();
        let plan = ScrubPlan { dedup_exact, ..plan(&inputs, &folder.path().join("out")) };
        let rows_in: usize = shards.iter().map(Vec::len).sum();
        let result = run(&ScrubPlan { jobs: 4, ..plan.clone() });
        if rows_in == 0 {
            let refused = matches!(result, Err(Error::EmptyCorpus { .. }));
            prop_assert!(refused);
            prop_assert!(tree(&plan.output).is_empty());
            return Ok(());
        }
        let manifest = result.unwrap();
        let (expected, findings) = naive(&plan);
        for (expected, path) in expected.iter().zip(manifest.output_paths(&plan.output)) {
            prop_assert_eq!(expected, &read_rows(&path));
        }
        let rows_out: usize = expected.iter().map(Vec::len).sum();
        prop_assert_eq!(&manifest.counts.findings, &findings);
        prop_assert_eq!(manifest.counts.rows_in, rows_in as u64);
        prop_assert_eq!(manifest.counts.rows_out, rows_out as u64);
        prop_assert_eq!(manifest.counts.duplicates_removed, (rows_in - rows_out) as u64);
        prop_assert_eq!(manifest.findings.as_ref().unwrap().rows, findings.values().sum::<u64>());

        let single = ScrubPlan { jobs: 1, output: folder.path().join("single"), ..plan.clone() };
        run(&single).unwrap();
        prop_assert_eq!(tree(&plan.output), tree(&single.output));

        let dry = ScrubPlan { mode: Mode::DryRun { sample_rows: None }, ..single };
        prop_assert_eq!(run(&dry).unwrap().counts, manifest.counts);
    }
}

#[test]
fn the_manifest_describes_what_lies_there() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&two_shards(folder.path()), &folder.path().join("out"));
    let manifest = run(&plan).unwrap();
    let files = tree(&plan.output);
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["a.parquet", "b.parquet", "findings.parquet", "manifest.json"]);
    assert_eq!(Manifest::load(&plan.output).unwrap(), manifest);
    for output in &manifest.outputs {
        let bytes = &files[&output.file];
        assert_eq!(output.bytes, bytes.len() as u64);
        assert_eq!(output.sha256, crate::atomic::hex(&<sha2::Sha256 as sha2::Digest>::digest(bytes)));
    }
    assert_eq!(manifest.counts.rows_null, 2);
    assert_eq!(manifest.counts.rows_changed, 4);
    let text = String::from_utf8(files["manifest.json"].clone()).unwrap();
    assert!(!text.contains("example.org") && !text.contains(&*folder.path().to_string_lossy()));
    let stages: Vec<_> = manifest.stages.iter().map(|s| (s.name.as_str(), s.stability)).collect();
    assert_eq!(stages, [("scrub", Some(1)), ("dedup-exact", Some(1))]);
}

#[test]
fn two_files_of_one_name_keep_their_folders() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = ["one", "two"].map(|sub| {
        let path = folder.path().join("in").join(sub).join("a.parquet");
        write_texts(path, &texts(&[1]), TextType::Utf8, 2)
    });
    let plan = ScrubPlan { dedup_exact: false, ..plan(&inputs, &folder.path().join("out")) };
    run(&plan).unwrap();
    let names: Vec<String> = tree(&plan.output).into_keys().collect();
    assert_eq!(names, ["findings.parquet", "manifest.json", "one/a.parquet", "two/a.parquet"]);
}

#[test]
fn a_dry_run_writes_nothing_and_a_sample_reads_no_more_than_asked() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&two_shards(folder.path()), &folder.path().join("out"));
    let sampled = |rows| {
        let mode = Mode::DryRun { sample_rows: Some(rows) };
        run(&ScrubPlan { mode, ..plan.clone() }).unwrap()
    };
    assert_eq!(sampled(3).counts.rows_in, 3);
    assert_eq!(sampled(4).inputs.iter().map(|i| i.rows).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(sampled(1000).counts.rows_in, 9);
    assert!(!plan.output.exists());
}

#[test]
fn progress_moves_forward_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&two_shards(folder.path()), &folder.path().join("out"));
    let steps = Mutex::new(vec![Progress::default()]);
    scrub(&plan, &|now| steps.lock().unwrap().push(now), &AtomicBool::new(false)).unwrap();
    let steps = steps.into_inner().unwrap();
    assert!(steps.is_sorted_by_key(|now| (now.files_done, now.bytes_done, now.rows_done)));
    let last = steps.last().unwrap();
    assert_eq!((last.files_done, last.rows_done), (last.files_total, 9));
    assert_eq!(last.bytes_done, last.bytes_total);
}

#[test]
fn nothing_in_means_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    assert!(matches!(run(&plan(&[], &out)), Err(Error::EmptyCorpus { files: 0 })));
    let empty = write_texts(folder.path().join("in/a.parquet"), &[], TextType::Utf8, 2);
    let result = run(&plan(&[empty], &out));
    assert!(matches!(result, Err(Error::EmptyCorpus { files: 1 })));
    assert!(tree(&out).is_empty());
}

#[test]
fn a_missing_column_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = two_shards(folder.path());
    let wanting = |column: &str, on_error| ScrubPlan {
        columns: vec![crate::Selector::column(column)],
        on_error,
        ..plan(&inputs, &folder.path().join("out"))
    };
    let message = run(&wanting("txet", OnError::Fail)).unwrap_err().to_string();
    assert!(message.contains("a.parquet") && message.contains("did you mean `text`?"), "{message}");
    let message = run(&wanting("meta", OnError::Fail)).unwrap_err().to_string();
    assert!(message.contains("not text") && message.contains("`label`, `text`"), "{message}");
    let error = run(&wanting("txet", OnError::Quarantine)).unwrap_err();
    assert!(matches!(&error, Error::AllQuarantined { files: 2, .. }));
    assert!(error.to_string().contains("did you mean `text`?"));
    assert!(tree(&folder.path().join("out")).is_empty());
}

#[test]
fn a_hash_policy_without_a_key_is_refused_and_the_key_is_part_of_the_plan() {
    use privet_text::{Operator, Policy};
    let folder = tempfile::tempdir().unwrap();
    let base = plan(&two_shards(folder.path()), &folder.path().join("out"));
    let with = |policy| ScrubPlan { policy, ..base.clone() };
    let hash = Policy::new(Operator::Hash);
    assert!(matches!(run(&with(hash.clone())), Err(Error::Rules(_))));
    run(&with(hash.clone().with_key([1; 32]))).unwrap();
    assert!(run(&with(hash.clone().with_key([1; 32]))).unwrap().already_done);
    let other = run(&with(hash.with_key([2; 32])));
    assert!(matches!(other, Err(Error::DifferentPlan { .. })));
}

#[test]
fn a_file_that_fails_half_way_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let numbers: Vec<usize> = (0..60).map(|at| at % 9).collect();
    let broken = write_texts(folder.path().join("in/a.parquet"), &texts(&numbers), TextType::Utf8, 20);
    let whole = write_texts(folder.path().join("in/b.parquet"), &texts(&numbers), TextType::Utf8, 20);
    // Wreck the pages of the last row group only: the first ones decode and enter the set before it fails.
    let mut bytes = std::fs::read(&broken).unwrap();
    let source =
        crate::source::Source::open_selected(&broken, &[crate::Selector::column("text")], None, u64::MAX).unwrap();
    let chunk = source.metadata().row_group(2).column(source.text_leaves()[0]);
    let (start, length) = chunk.byte_range();
    bytes[start as usize..(start + length) as usize].fill(0xff);
    std::fs::write(&broken, bytes).unwrap();

    let alone = plan(std::slice::from_ref(&whole), &folder.path().join("alone"));
    run(&alone).unwrap();
    let both =
        ScrubPlan { on_error: OnError::Quarantine, ..plan(&[broken.clone(), whole], &folder.path().join("out")) };
    let manifest = run(&both).unwrap();
    assert_eq!(manifest.quarantined.len(), 1);
    assert_eq!(manifest.quarantined[0].file, "a.parquet");
    assert!(matches!(manifest.quarantined[0].reason_class, FaultClass::DamagedData | FaultClass::DecoderPanic));
    assert_eq!(manifest.stages[0].stability, None);
    let (mut with, without) = (tree(&both.output), tree(&alone.output));
    with.remove("manifest.json");
    assert_eq!(with.keys().collect::<Vec<_>>(), ["b.parquet", "findings.parquet"]);
    assert!(with.iter().all(|(name, bytes)| without[name] == *bytes));

    let strict = ScrubPlan { on_error: OnError::Fail, ..both.clone() };
    let error = run(&ScrubPlan { overwrite: true, ..strict }).unwrap_err();
    assert!(matches!(&error, Error::Input { file, .. } if *file == broken));
    assert!(!error.to_string().contains("example.org"));
}

#[test]
fn an_output_among_the_inputs_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = two_shards(folder.path());
    let before = tree(folder.path());
    let beside = plan(&inputs, &folder.path().join("in"));
    assert!(matches!(run(&beside), Err(Error::InputInsideOutput { .. })));
    let folders = vec![folder.path().join("in")];
    let inside = ScrubPlan { input_folders: folders, ..plan(&inputs, &folder.path().join("in/out")) };
    assert!(matches!(run(&inside), Err(Error::OutputInsideInput { .. })));
    assert_eq!(tree(folder.path()), before);
}

#[test]
fn a_document_is_dropped_for_what_is_in_it_and_counted() {
    use privet_text::{Entity, Operator, Policy};
    let folder = tempfile::tempdir().unwrap();
    let base = plan(&two_shards(folder.path()), &folder.path().join("out"));
    for (name, policy, dropped) in [
        ("one", Policy::new(Operator::Tag).with(Entity::Email, Operator::Drop), 4),
        ("many", Policy::new(Operator::Tag).with_drop_above(1), 1),
    ] {
        let plan = ScrubPlan { policy, output: folder.path().join(name), dedup_exact: false, ..base.clone() };
        let manifest = run(&plan).unwrap();
        assert_eq!(manifest.counts.rows_dropped, dropped, "{name}");
        assert_eq!(manifest.counts.rows_out, 9 - dropped, "{name}");
        assert_eq!(manifest.counts.findings[&Entity::Email], 5, "what was found in dropped rows is counted");
        assert_eq!(manifest.stages[0].stability, Some(1));
        assert!(manifest.stages[0].proof.contains("or none"));
        let dry = ScrubPlan { mode: Mode::DryRun { sample_rows: None }, ..plan.clone() };
        assert_eq!(run(&dry).unwrap().counts, manifest.counts);
        assert!(run(&plan).unwrap().already_done);
    }
    // A dropped row hides no other from the duplicate set, and every text that is left was there.
    let twin = ScrubPlan { policy: Policy::new(Operator::Drop), ..base.clone() };
    let manifest = run(&twin).unwrap();
    let left: Vec<_> = manifest.output_paths(&twin.output).iter().flat_map(|path| read_rows(path)).collect();
    assert!(left.iter().flat_map(|(_, text)| text).all(|text| TEXTS.contains(&text.as_str()) && !text.contains('@')));
}

#[test]
fn a_unit_scope_links_the_rows_of_one_unit_in_every_kind_of_column() {
    use privet_text::{Operator, Policy, Scope};
    let folder = tempfile::tempdir().unwrap();
    let rows = vec![Some("ann@example.edu"); 4];
    for kind in TEXT_TYPES {
        let path = folder.path().join(format!("in/{kind:?}.parquet"));
        let mut batch = batch(&rows, kind);
        // `id` becomes the unit: two rows each of two.
        let units = std::sync::Arc::new(arrow::array::Int64Array::from(vec![1, 2, 1, 2]));
        let mut columns = batch.columns().to_vec();
        columns[0] = units;
        batch = arrow::array::RecordBatch::try_new(batch.schema(), columns).unwrap();
        write_batch(&path, &batch, properties(10));
        let policy = Policy::new(Operator::Surrogate).with_key([1; 32]).with_scope(Scope::Unit);
        let plan = ScrubPlan {
            policy,
            unit_column: Some("id".to_owned()),
            dedup_exact: false,
            ..plan(&[path], &folder.path().join(format!("{kind:?}")))
        };
        let manifest = run(&plan).unwrap();
        let written = read_batch(&manifest.output_paths(&plan.output)[0]);
        assert_eq!(written.schema().fields(), batch.schema().fields(), "the column's type stays");
        let texts: Vec<_> =
            read_rows(&manifest.output_paths(&plan.output)[0]).into_iter().filter_map(|row| row.1).collect();
        assert!(
            texts.iter().all(|text| text.ends_with(|c: char| "gmt".contains(c)) && text.contains("@example.")),
            "{texts:?}"
        );
        assert_eq!((&texts[0], &texts[1]), (&texts[2], &texts[3]), "one unit, one surrogate");
        assert_ne!(texts[0], texts[1], "two units, two surrogates");
        let dry = ScrubPlan { mode: Mode::DryRun { sample_rows: None }, ..plan.clone() };
        assert_eq!(run(&dry).unwrap().counts, manifest.counts);
        let other = ScrubPlan { unit_column: Some("label".to_owned()), ..plan };
        assert!(matches!(run(&other), Err(Error::DifferentPlan { .. })));
    }
}

#[test]
fn every_setting_of_the_rules_makes_another_plan() {
    use privet_text::{Entity, Operator, Policy, Scope};
    let folder = tempfile::tempdir().unwrap();
    let base = plan(&two_shards(folder.path()), &folder.path().join("out"));
    run(&base).unwrap();
    let with = |policy| ScrubPlan { policy, ..base.clone() };
    let tag = || Policy::new(Operator::Tag);
    let allowed = ["ann@example.org".to_owned()];
    for other in [
        with(tag().with_scope(Scope::Document)),
        with(tag().with_threshold(Entity::Phone, 0.6)),
        with(tag().with_drop_above(5)),
        with(tag().with_allowed(&allowed)),
        ScrubPlan { deny: vec!["plain words".to_owned()], ..base.clone() },
    ] {
        assert!(matches!(run(&other), Err(Error::DifferentPlan { .. })));
    }
    let denying =
        ScrubPlan { deny: vec!["plain words".to_owned()], output: folder.path().join("deny"), ..base.clone() };
    let manifest = run(&denying).unwrap();
    assert_eq!(manifest.counts.findings[&Entity::Custom], 3);
    assert_ne!(manifest.rule_set_digest, run(&base).unwrap().rule_set_digest);
    // Of a unit column only the scope that reads it speaks.
    assert!(run(&ScrubPlan { unit_column: Some("id".to_owned()), ..base }).unwrap().already_done);
}
