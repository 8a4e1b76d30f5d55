use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::fixtures::*;
use crate::{Error, OnError, ScrubPlan, scrub};

fn three_shards(folder: &std::path::Path) -> Vec<PathBuf> {
    (0..3)
        .map(|shard| {
            let texts: Vec<Option<&str>> = (0..7).map(|row| TEXTS.get((row * 5 + shard * 3) % 10).copied()).collect();
            let path = folder.join(format!("in/{shard}.parquet"));
            write_texts(path, &texts, TEXT_TYPES[shard], 3)
        })
        .collect()
}

/// Runs until the progress callback was called `calls` times, then cancels.
fn interrupted_after(plan: &ScrubPlan, calls: usize) -> Result<crate::Manifest, Error> {
    let seen = AtomicUsize::new(0);
    let cancelled = AtomicBool::new(calls == 0);
    let count = |_| {
        if seen.fetch_add(1, Ordering::Relaxed) + 1 == calls {
            cancelled.store(true, Ordering::Relaxed);
        }
    };
    scrub(plan, &count, &cancelled)
}

#[test]
fn an_interruption_anywhere_ends_in_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = three_shards(folder.path());
    let reference = plan(&inputs, &folder.path().join("reference"));
    let manifest = run(&reference).unwrap();
    let expected = tree(&reference.output);
    // Three row groups and the file's end, for each of three shards: every point there is, and one beyond.
    let mut interruptions = 0;
    for calls in 0..=13 {
        let plan = ScrubPlan { output: folder.path().join(format!("out{calls}")), ..reference.clone() };
        match interrupted_after(&plan, calls) {
            Err(Error::Interrupted) => interruptions += 1,
            Ok(_) => assert!(calls >= 12),
            Err(error) => panic!("{error}"),
        }
        if calls < 12 {
            let partial = tree(&plan.output);
            assert!(!partial.contains_key("manifest.json") && !partial.contains_key("findings.parquet"));
            let visible = partial.iter().filter(|(name, _)| !name.starts_with('.'));
            for (name, bytes) in visible {
                assert_eq!(&expected[name], bytes, "{name} is visible before it is whole");
            }
            assert!(!partial.keys().any(|name| name.contains("privet-part")));
        }
        // A second interruption on the way must not matter either.
        let _ = interrupted_after(&plan, 2);
        let resumed = run(&plan).unwrap();
        assert_eq!(tree(&plan.output), expected, "interrupted after {calls} steps");
        assert_eq!(resumed.counts, manifest.counts);
    }
    assert_eq!(interruptions, 12);
}

#[test]
fn finished_shards_are_not_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&three_shards(folder.path()), &folder.path().join("out"));
    assert!(matches!(interrupted_after(&plan, 8), Err(Error::Interrupted)));
    assert_eq!(run(&plan).unwrap().resumed_shards, 2);
    let again = run(&plan).unwrap();
    assert!(again.already_done);
}

#[test]
fn a_changed_input_or_output_breaks_the_chain_there() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = three_shards(folder.path());
    let base = plan(&inputs, &folder.path().join("out"));

    // An output altered between the runs is made again.
    let _ = interrupted_after(&base, 8);
    std::fs::write(base.output.join("1.parquet"), b"altered").unwrap();
    assert_eq!(run(&base).unwrap().resumed_shards, 1);

    // An input replaced between the runs counts from there on.
    let other = ScrubPlan { output: folder.path().join("other"), ..base.clone() };
    let _ = interrupted_after(&other, 8);
    write_texts(inputs[0].clone(), &[Some("new text")], TextType::Utf8, 3);
    assert_eq!(run(&other).unwrap().resumed_shards, 0);
    let fresh = ScrubPlan { output: folder.path().join("fresh"), ..base.clone() };
    run(&fresh).unwrap();
    assert_eq!(tree(&other.output), tree(&fresh.output));
}

#[test]
fn a_finished_folder_answers_for_its_plan_and_refuses_others() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = three_shards(folder.path());
    let base = plan(&inputs, &folder.path().join("out"));
    let first = run(&base).unwrap();
    let before = tree(&base.output);
    let again = run(&ScrubPlan { jobs: 1, ..base.clone() }).unwrap();
    assert!(again.already_done && !first.already_done);
    assert_eq!(again.counts, first.counts);
    assert_eq!(tree(&base.output), before);

    let other = ScrubPlan { dedup_exact: false, ..base.clone() };
    assert!(matches!(run(&other), Err(Error::DifferentPlan { .. })));
    let fewer = ScrubPlan { inputs: inputs[..2].to_vec(), ..base.clone() };
    assert!(matches!(run(&fewer), Err(Error::DifferentPlan { .. })));
    assert_eq!(tree(&base.output), before, "a refusal leaves no mark");
    run(&ScrubPlan { overwrite: true, ..fewer }).unwrap();
    assert!(!base.output.join("2.parquet").exists(), "overwriting leaves no shard of the old plan");

    run(&ScrubPlan { overwrite: true, ..base.clone() }).unwrap();
    assert_eq!(tree(&base.output), before);
    std::fs::write(base.output.join("0.parquet"), b"altered").unwrap();
    assert!(!run(&base).unwrap().already_done);
    assert_eq!(tree(&base.output), before);

    write_texts(inputs[1].clone(), &[Some("new text")], TextType::Utf8, 3);
    assert!(matches!(run(&base), Err(Error::InputsChanged { input, .. }) if input == inputs[1]));
    run(&ScrubPlan { overwrite: true, ..base.clone() }).unwrap();
}

#[test]
fn an_unfinished_folder_refuses_another_plan() {
    let folder = tempfile::tempdir().unwrap();
    let base = plan(&three_shards(folder.path()), &folder.path().join("out"));
    let _ = interrupted_after(&base, 8);
    let other = ScrubPlan { dedup_exact: false, ..base.clone() };
    assert!(matches!(run(&other), Err(Error::DifferentPlan { .. })));
    run(&ScrubPlan { overwrite: true, ..other }).unwrap();
}

#[test]
fn a_folder_of_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let base = plan(&three_shards(folder.path()), &folder.path().join("out"));
    std::fs::create_dir(&base.output).unwrap();
    std::fs::write(base.output.join("thesis.odt"), b"mine").unwrap();
    assert!(matches!(run(&base), Err(Error::ForeignOutput { .. })));
    assert_eq!(tree(&base.output).len(), 1);
    run(&ScrubPlan { overwrite: true, ..base.clone() }).unwrap();
    assert_eq!(std::fs::read(base.output.join("thesis.odt")).unwrap(), b"mine");
}

#[test]
fn what_a_killed_run_leaves_is_swept_up() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = three_shards(folder.path());
    let base = plan(&inputs, &folder.path().join("out"));
    let _ = interrupted_after(&base, 6);
    std::fs::write(base.output.join(".privet-part-abc"), b"half").unwrap();
    // A shard that got its name, but not its record, and whose input is gone since.
    std::fs::write(base.output.join("2.parquet"), b"half").unwrap();
    let lenient = ScrubPlan { on_error: OnError::Quarantine, overwrite: true, ..base };
    std::fs::write(&inputs[2], b"not Parquet").unwrap();
    let manifest = run(&lenient).unwrap();
    assert_eq!(manifest.quarantined.len(), 1);
    let names: Vec<String> = tree(&lenient.output).into_keys().collect();
    assert_eq!(names, ["0.parquet", "1.parquet", "findings.parquet", "manifest.json"]);
}

#[test]
fn quarantined_files_resume_and_answer_too() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = three_shards(folder.path());
    std::fs::write(&inputs[0], b"not Parquet").unwrap();
    let base = ScrubPlan { on_error: OnError::Quarantine, ..plan(&inputs, &folder.path().join("out")) };
    let _ = interrupted_after(&base, 4);
    let manifest = run(&base).unwrap();
    assert_eq!(manifest.quarantined.len(), 1);
    assert!(manifest.resumed_shards > 0);
    assert!(run(&base).unwrap().already_done);
    write_texts(inputs[0].clone(), &[Some("repaired")], TextType::Utf8, 3);
    assert!(matches!(run(&base), Err(Error::InputsChanged { .. })));
}
