//! Whole removals, against a twin that holds everything in memory and compares every pair as sets of strings.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use privet_dedup::{Banding, Measure};
use proptest::prelude::*;

use super::*;
use crate::fixtures::{TextType, properties, proptest_config, read_batch, read_rows, tree, write_batch, write_texts};
use crate::selector::Selector;

mod annotated;
mod formats;
mod sources;
mod spans;
mod stability;

/// Numbers that look random.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Texts of some 40 words, many of them copies of earlier ones with some words changed, some re-spaced, some without a word.
fn texts(count: usize) -> Vec<String> {
    let mut numbers = Numbers(crate::fixtures::SEED);
    let mut texts: Vec<String> = Vec::new();
    for index in 0..count {
        let text = match numbers.below(10) {
            0..4 => {
                let words: Vec<String> =
                    (0..30 + numbers.below(20)).map(|_| format!("w{}", numbers.below(5000))).collect();
                words.join(" ")
            }
            4..8 if index > 0 => {
                let earlier = texts[numbers.below(index as u64) as usize].clone();
                let changed = numbers.below(6);
                let mut words: Vec<String> = earlier.split_whitespace().map(str::to_owned).collect();
                for _ in 0..changed.min(words.len() as u64) {
                    let at = numbers.below(words.len() as u64) as usize;
                    words[at] = format!("x{}", numbers.below(5000));
                }
                words.join(" ")
            }
            8 if index > 0 => texts[numbers.below(index as u64) as usize].to_uppercase().replace(' ', ",\r\n"),
            _ => "!?.".repeat(numbers.below(3) as usize),
        };
        texts.push(text);
    }
    texts
}

/// Three shards of texts, the second of another text type, with a null in each.
fn corpus(folder: &Path, texts: &[String]) -> Vec<PathBuf> {
    let third = texts.len().div_ceil(3);
    let shard = |(index, part): (usize, &[String])| {
        let mut rows: Vec<Option<&str>> = part.iter().map(|text| Some(text.as_str())).collect();
        rows.insert(part.len() / 2, None);
        let kind = if index == 1 { TextType::Dictionary } else { TextType::LargeUtf8 };
        write_texts(folder.join(format!("s{index}.parquet")), &rows, kind, 50)
    };
    texts.chunks(third).enumerate().map(shard).collect()
}

fn near(threshold: f64) -> Near {
    Near { banding: Banding::default(), threshold, measure: Measure::Jaccard, exhaustive: false }
}

fn plan(inputs: &[PathBuf], output: &Path, what: What) -> DedupPlan {
    DedupPlan { jobs: 2, memory: 1 << 30, ..DedupPlan::new(inputs.to_vec(), Some(output.to_owned()), what) }
}

fn run(plan: &DedupPlan) -> Result<DedupManifest, Error> {
    dedup(plan, &|_, _| {}, &AtomicBool::new(false))
}

/// What is kept of each shard, by text.
fn kept(plan: &DedupPlan) -> Vec<Vec<(i64, Option<String>)>> {
    run(plan).unwrap();
    let shard = |input: &PathBuf| read_rows(&plan.output.as_ref().unwrap().join(input.file_name().unwrap()));
    plan.inputs.iter().map(shard).collect()
}

fn shingles(text: &str) -> HashSet<Vec<String>> {
    let lower = text.to_lowercase();
    let words: Vec<String> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect();
    words.windows(words.len().clamp(1, 5)).map(<[String]>::to_vec).collect()
}

fn jaccard(one: &str, other: &str) -> f64 {
    let (one_set, other_set) = (shingles(one), shingles(other));
    if one_set.is_empty() || other_set.is_empty() {
        return f64::from(u8::from(one == other && one_set.len() == other_set.len()));
    }
    one_set.intersection(&other_set).count() as f64 / one_set.union(&other_set).count() as f64
}

/// The twin: rows in order, each against all that are kept.
fn twin(inputs: &[PathBuf], threshold: f64) -> Vec<Vec<(i64, Option<String>)>> {
    let mut all: Vec<String> = Vec::new();
    let mut keep = |text: &Option<String>| {
        let Some(text) = text else { return true };
        let new = all.iter().all(|kept| jaccard(text, kept) < threshold);
        if new {
            all.push(text.clone());
        }
        new
    };
    inputs.iter().map(|input| read_rows(input).into_iter().filter(|(_, text)| keep(text)).collect()).collect()
}

#[test]
fn an_exhaustive_search_is_the_twin_and_bands_miss_few() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = corpus(&folder.path().join("in"), &texts(240));
    for threshold in [0.5, 0.7, 0.9] {
        let expected = twin(&inputs, threshold);
        let all = Near { exhaustive: true, ..near(threshold) };
        assert_eq!(kept(&plan(&inputs, &folder.path().join(format!("all{threshold}")), What::Near(all))), expected);
        // So many bands of so few rows miss nothing here.
        let many = Near { banding: "60x2".parse().unwrap(), ..near(threshold) };
        assert_eq!(kept(&plan(&inputs, &folder.path().join(format!("many{threshold}")), What::Near(many))), expected);
    }
}

#[test]
fn every_row_that_goes_names_a_row_that_stays_and_their_true_similarity() {
    let folder = tempfile::tempdir().unwrap();
    let texts = texts(240);
    let inputs = corpus(&folder.path().join("in"), &texts);
    let decisions = folder.path().join("decisions.jsonl");
    let plan = DedupPlan {
        decisions: Some(decisions.clone()),
        ..plan(&inputs, &folder.path().join("out"), What::Near(near(0.6)))
    };
    let manifest = run(&plan).unwrap();
    let mut by_name = BTreeMap::new();
    for input in &inputs {
        for (row, (_, text)) in read_rows(input).into_iter().enumerate() {
            by_name.insert(format!("{}:{row}", input.file_name().unwrap().display()), text);
        }
    }
    let lines = std::fs::read_to_string(&decisions).unwrap();
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let stays: HashSet<&str> =
        lines.iter().filter(|line| line["keep"] == true).map(|line| line["id"].as_str().unwrap()).collect();
    let mut gone = 0;
    for line in lines.iter().filter(|line| line["keep"] == false) {
        let (id, anchor) = (line["id"].as_str().unwrap(), line["anchor"].as_str().unwrap());
        assert!(stays.contains(anchor) && !stays.contains(id));
        let (text, kept) = (by_name[id].as_ref().unwrap(), by_name[anchor].as_ref().unwrap());
        let similarity = jaccard(text, kept);
        assert!(similarity >= 0.6 && similarity.to_bits() == line["jaccard"].as_f64().unwrap().to_bits(), "{line}");
        let class = if text == kept {
            "raw"
        } else if shingles_in_order(text) == shingles_in_order(kept) {
            "normalised"
        } else {
            "near"
        };
        assert_eq!(line["class"], class);
        gone += 1;
    }
    let counts = &manifest.counts;
    assert!(
        gone > 60 && counts.removed_raw > 0 && counts.removed_normalised > 0 && counts.removed_near > 0,
        "{counts:?}"
    );
    assert_eq!((counts.rows_in - counts.rows_out, counts.rows_in, counts.rows_null), (gone, 243, 3));
    assert_eq!(stays.len() as u64, counts.kept_with_copies);
    assert_eq!(manifest.sources.iter().map(|source| source.removed).sum::<u64>(), gone);
}

fn shingles_in_order(text: &str) -> Vec<String> {
    text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

#[test]
fn workers_and_memory_change_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = corpus(&folder.path().join("in"), &texts(240));
    let made = |name: &str, jobs: usize, memory: u64, exhaustive: bool| {
        let decisions = folder.path().join(format!("{name}.jsonl"));
        let what = What::Near(Near { exhaustive, ..near(0.6) });
        run(&DedupPlan {
            jobs,
            memory,
            decisions: Some(decisions.clone()),
            ..plan(&inputs, &folder.path().join(name), what)
        })
        .unwrap();
        (tree(&folder.path().join(name)), std::fs::read(decisions).unwrap())
    };
    for exhaustive in [false, true] {
        let expected = made(&format!("one{exhaustive}"), 1, 1 << 30, exhaustive);
        for (name, jobs, memory) in [("three", 3, 1 << 30), ("disk", 2, 0), ("little", 1, 60_000)] {
            assert!(made(&format!("{name}{exhaustive}"), jobs, memory, exhaustive) == expected, "{name} {exhaustive}");
        }
    }
}

/// Stopped at every place where a run can stop, then run again.
#[test]
fn an_interrupted_run_goes_on_and_ends_in_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = corpus(&folder.path().join("in"), &texts(240));
    let plain = plan(&inputs, &folder.path().join("plain"), What::Near(near(0.6)));
    run(&plain).unwrap();
    let mut interrupted = 0;
    for stop_at in 0.. {
        let output = folder.path().join(format!("out{stop_at}"));
        let plan = plan(&inputs, &output, What::Near(near(0.6)));
        let (calls, cancelled) = (AtomicUsize::new(0), AtomicBool::new(false));
        let stopped = dedup(
            &plan,
            &|_, _| {
                if calls.fetch_add(1, Ordering::Relaxed) == stop_at {
                    cancelled.store(true, Ordering::Relaxed);
                }
            },
            &cancelled,
        );
        match stopped {
            Ok(_) => break,
            Err(Error::Interrupted) => interrupted += 1,
            Err(other) => panic!("{other}"),
        }
        assert!(!output.join("manifest.json").exists());
        assert!(!run(&plan).unwrap().already_done);
        assert_eq!(tree(&output), tree(plain.output.as_ref().unwrap()), "stopped at {stop_at}");
    }
    assert!(interrupted > 10, "{interrupted}");
}

/// With little memory, files that were read before an interruption are not read again.
#[test]
fn a_run_goes_on_behind_the_files_whose_keys_are_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let all = Near { exhaustive: true, ..near(0.6) };
    // An exhaustive search writes down one key a row, so it takes more of them.
    let of = |rows: usize, name: &str| corpus(&folder.path().join(name), &texts(rows));
    let base = plan(&of(600, "few"), folder.path(), What::Near(near(0.6)));
    let limited = DedupPlan {
        owners: Owners::Within("id".into()),
        max_records_per_unit: Some(1),
        source_column: Some("label".into()),
        ..base.clone()
    };
    let exhaustive = DedupPlan { what: What::Near(all), inputs: of(1600, "many"), ..base.clone() };
    for (name, plan) in [("bands", base), ("limited", limited), ("exhaustive", exhaustive)] {
        goes_on(folder.path(), name, &DedupPlan { memory: 1 << 15, ..plan });
    }
}

fn goes_on(folder: &Path, name: &str, settings: &DedupPlan) {
    let of = |output: &str| DedupPlan { output: Some(folder.join(output)), ..settings.clone() };
    let plain = of(&format!("{name}-plain"));
    let counts = run(&plain).unwrap().counts;
    assert!(counts.rows_out < counts.rows_in, "{name}");
    // The second file is under way; pass 2 has begun; and what was written down is changed.
    for (stop_in, files, changed) in
        [(DedupPass::Sign, 1, false), (DedupPass::Compare, 3, false), (DedupPass::Sign, 1, true)]
    {
        let output = of(&format!("{name}-{stop_in:?}-{changed}"));
        let cancelled = AtomicBool::new(false);
        let stop = |pass, at: Progress| {
            let behind = if stop_in == DedupPass::Sign { at.files_done } else { files };
            if pass == stop_in && behind == files && at.rows_done > 0 {
                cancelled.store(true, Ordering::Relaxed);
            }
        };
        assert!(matches!(dedup(&output, &stop, &cancelled), Err(Error::Interrupted)));
        let spill = output.output.as_ref().unwrap().join(".progress/spill");
        assert!(spill.join("signed.json").exists(), "{name}");
        if changed {
            let first = spill.join("000000.run");
            let mut bytes = std::fs::read(&first).unwrap();
            bytes[40] ^= 1;
            std::fs::write(&first, bytes).unwrap();
            assert!(matches!(run(&output), Err(Error::Spill(_))));
            assert!(!spill.exists(), "so that the next run begins anew");
        }
        let least = AtomicUsize::new(usize::MAX);
        let seen = |pass, at: Progress| {
            if pass == DedupPass::Sign {
                least.fetch_min(at.files_done, Ordering::Relaxed);
            }
        };
        dedup(&output, &seen, &AtomicBool::new(false)).unwrap();
        assert_eq!(least.load(Ordering::Relaxed), if changed { 0 } else { files }, "{name}");
        assert_eq!(tree(output.output.as_ref().unwrap()), tree(plain.output.as_ref().unwrap()), "{name}");
    }
}

#[test]
fn a_second_run_finds_the_work_done_and_other_plans_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = corpus(&folder.path().join("in"), &texts(60));
    let plan = plan(&inputs, &folder.path().join("out"), What::Near(near(0.6)));
    let first = run(&plan).unwrap();
    let again = run(&plan).unwrap();
    assert!(!first.already_done && again.already_done);
    assert_eq!(again, DedupManifest { already_done: true, ..first.clone() });
    assert_eq!(DedupManifest::load(&folder.path().join("out")).unwrap(), first);
    // Another threshold, then other bytes.
    let other = DedupPlan { what: What::Near(near(0.7)), ..plan.clone() };
    assert!(matches!(run(&other), Err(Error::DifferentPlan { .. })));
    run(&DedupPlan { overwrite: true, ..other }).unwrap();
    // What was lost is made again.
    std::fs::remove_file(folder.path().join("out/s1.parquet")).unwrap();
    let again = DedupPlan { what: What::Near(near(0.7)), ..plan };
    assert!(!run(&again).unwrap().already_done);
    assert!(folder.path().join("out/s1.parquet").exists());
}

/// Settings that a rewritten file does not have.
fn of_another_writer() -> parquet::file::properties::WriterProperties {
    properties(2).into_builder().set_created_by(String::from("another writer")).build()
}

#[test]
fn a_shard_that_loses_nothing_keeps_every_byte_and_another_keeps_its_schema() {
    let folder = tempfile::tempdir().unwrap();
    let texts = ["one two three four five six", "seven eight nine ten eleven", "One, two three four five SIX"];
    let shard = |name: &str, of: &[&str]| {
        let rows: Vec<Option<&str>> = of.iter().map(|text| Some(*text)).collect();
        let path = folder.path().join("in").join(name);
        write_batch(&path, &crate::fixtures::batch(&rows, TextType::Utf8View), of_another_writer());
        path
    };
    let inputs = [shard("a.parquet", &texts[..2]), shard("b.parquet", &texts[1..])];
    let output = folder.path().join("out");
    let manifest = run(&plan(&inputs, &output, What::Normalised)).unwrap();
    assert_eq!(std::fs::read(output.join("a.parquet")).unwrap(), std::fs::read(&inputs[0]).unwrap());
    assert_eq!(manifest.outputs[1].rows, 0);
    let (before, after) = (read_batch(&inputs[1]), read_batch(&output.join("b.parquet")));
    assert_eq!((before.schema(), after.num_rows()), (after.schema(), 0));
}

#[test]
fn references_decide_and_are_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let row = |name: &str, text: &str| write_texts(folder.path().join(name), &[Some(text)], TextType::Utf8, 10);
    let text = "the quick brown fox jumps over the lazy dog tonight";
    let reference = row("eval/test.parquet", &text.to_uppercase());
    let inputs = [row("in/a.parquet", text), row("in/b.parquet", "something that is not in the set at all")];
    let decisions = folder.path().join("decisions.jsonl");
    let plan = DedupPlan {
        against: vec![reference],
        decisions: Some(decisions.clone()),
        ..plan(&inputs, &folder.path().join("out"), What::Near(near(0.8)))
    };
    let manifest = run(&plan).unwrap();
    assert_eq!((manifest.counts.rows_in, manifest.counts.rows_out, manifest.outputs.len()), (2, 1, 2));
    assert!(!folder.path().join("out/test.parquet").exists());
    let lines = std::fs::read_to_string(decisions).unwrap();
    assert!(
        lines.contains(r#""id":"a.parquet:0","cluster":0,"keep":false,"anchor":"test.parquet:0","jaccard":1.0"#),
        "{lines}"
    );
    assert!(lines.contains(r#""anchor_is_reference":true"#) && lines.contains(r#""class":"normalised""#), "{lines}");
}

/// What was kept of A as references for B: B loses what it loses behind A in one run.
#[test]
fn a_new_part_against_what_is_kept_is_one_run_over_both() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = corpus(&folder.path().join("in"), &texts(300));
    for (name, what) in [("bands", near(0.6)), ("all", Near { exhaustive: true, ..near(0.6) })] {
        let at = |part: &str| folder.path().join(format!("{name}-{part}"));
        run(&plan(&inputs, &at("both"), What::Near(what))).unwrap();
        let first = run(&plan(&inputs[..2], &at("first"), What::Near(what))).unwrap();
        let against = first.output_paths(&at("first"));
        run(&DedupPlan { against, ..plan(&inputs[2..], &at("second"), What::Near(what)) }).unwrap();
        let (both, second) = (tree(&at("both")), tree(&at("second")));
        assert!(both["s2.parquet"] == second["s2.parquet"], "{name}");
        assert!(read_rows(&at("both").join("s2.parquet")).len() < 80, "B loses rows to A and to itself");
    }
}

#[test]
fn the_policy_says_which_copy_stays() {
    let folder = tempfile::tempdir().unwrap();
    let base = "one two three four five six seven eight nine ten eleven twelve";
    let path = folder.path().join("a.jsonl");
    let line =
        |text: &str, time: &str, user: &str| format!("{{\"text\": \"{text}\", \"ts\": {time}, \"u\": \"{user}\"}}\n");
    let longer = format!("{base} thirteen");
    let lines = [
        line(base, "5", "x"),
        line(&longer, "2", "y"),
        line(base, "9007199254740993", "x"),
        line(base, "null", "y"),
        line("alone", "1", "x"),
    ];
    std::fs::write(&path, lines.concat()).unwrap();
    let stays = |name: &str, change: &dyn Fn(&mut DedupPlan)| -> Vec<usize> {
        let mut plan = plan(std::slice::from_ref(&path), &folder.path().join(name), What::Near(near(0.8)));
        change(&mut plan);
        run(&plan).unwrap();
        let out = std::fs::read_to_string(folder.path().join(name).join("a.jsonl")).unwrap();
        let mut from = 0;
        let at = |line: &str| {
            let found = from + lines[from..].iter().position(|other| other.trim_end() == line).unwrap();
            from = found + 1;
            found
        };
        out.lines().map(at).collect()
    };
    let ts = || "ts".to_owned();
    assert_eq!(stays("first", &|_| ()), [0, 4]);
    assert_eq!(stays("longest", &|plan| plan.keep = Keep::Longest), [1, 4]);
    assert_eq!(stays("newest", &|plan| plan.keep = Keep::Largest(ts())), [2, 4]);
    assert_eq!(stays("oldest", &|plan| plan.keep = Keep::Smallest(ts())), [1, 4]);
    assert_eq!(stays("within", &|plan| plan.owners = Owners::Within("u".to_owned())), [0, 1, 4]);
    // The second is a copy of another owner's; the third is its own owner's copy only, and stays.
    assert_eq!(stays("across", &|plan| plan.owners = Owners::Across("u".to_owned())), [0, 2, 4]);
}

#[test]
fn nothing_is_written_when_too_much_would_go_or_a_file_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = corpus(&folder.path().join("in"), &texts(90));
    let output = folder.path().join("out");
    let what = What::Near(near(0.6));
    let limited = DedupPlan { max_removal: Some(0.05), ..plan(&inputs, &output, what) };
    assert!(matches!(run(&limited), Err(Error::TooMuchRemoved { .. })));
    assert!(tree(&output).is_empty());
    run(&DedupPlan { max_removal: Some(0.99), ..limited }).unwrap();
    let damaged = folder.path().join("in/bad.parquet");
    std::fs::write(&damaged, b"PAR1 and then nothing").unwrap();
    let with_damaged =
        DedupPlan { overwrite: true, ..plan(&[&inputs[..], &[damaged]].concat(), &folder.path().join("other"), what) };
    assert!(matches!(run(&with_damaged), Err(Error::Input { .. })));
    assert!(tree(&folder.path().join("other")).is_empty());
    let missing =
        DedupPlan { keep: Keep::Largest("tss".to_owned()), ..plan(&inputs, &folder.path().join("third"), what) };
    assert!(matches!(run(&missing), Err(Error::Input { .. })));
}

#[test]
fn several_texts_of_a_row_are_compared_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let lines = [
        r#"{"p": "same question", "c": "one answer"}"#,
        r#"{"p": "same question", "c": "another answer"}"#,
        r#"{"c": "One answer!", "p": "same question"}"#,
        r#"{"p": "same question one", "c": "answer"}"#,
        r#"{"p": null, "c": null}"#,
        r#"{"p": null, "c": null}"#,
    ];
    std::fs::write(&path, lines.join("\n")).unwrap();
    let columns: Vec<Selector> = vec!["p".parse().unwrap(), "c".parse().unwrap()];
    let made = DedupPlan { columns, ..plan(&[path], &folder.path().join("out"), What::Normalised) };
    run(&made).unwrap();
    let out = std::fs::read_to_string(folder.path().join("out/a.jsonl")).unwrap();
    let expected = [lines[0], lines[1], lines[3], lines[4], lines[5]].join("\n");
    assert_eq!(out, expected);
}
