//! The budget of a corpus from outside: made once, charged by every run, and final.

use std::path::Path;

use crate::config::CONFIG;
use crate::fixture::{sentences, texts};
use crate::{Ran, folder, privet};

const TERMS: [&str; 8] = ["--epsilon", "8", "--delta", "1e-5", "--adjacency", "add-remove", "--unit", "document"];
const RUN: [&str; 6] = ["--sampling-rate", "0.01", "--noise-multiplier", "1", "--steps", "2000"];

fn account(dir: &Path, parts: &[&[&str]]) -> Ran {
    privet(dir, &[&["budget", "account"][..], &parts.concat()].concat())
}

fn created() -> tempfile::TempDir {
    let dir = folder();
    account(dir.path(), &[&["create", "budget.jsonl", "--label", "ward notes"], &TERMS]).done().says(&[
        "`ward notes`",
        "epsilon 8 at delta 1e-5",
        "add-remove",
        "document",
        "order",
    ]);
    dir
}

fn shown(dir: &Path) -> serde_json::Value {
    account(dir, &[&["budget.jsonl", "--json"]]).done().json()
}

#[test]
fn runs_are_reserved_until_nothing_is_left_and_settled_by_their_ledgers() {
    let dir = created();
    let before = std::fs::read(dir.path().join("budget.jsonl")).unwrap();
    account(dir.path(), &[&["create", "budget.jsonl"], &TERMS]).failed(2, &["never written over", "help: "]);
    assert_eq!(std::fs::read(dir.path().join("budget.jsonl")).unwrap(), before);

    let mut runs = Vec::new();
    let refused = loop {
        let ran = account(dir.path(), &[&["reserve", "budget.jsonl"], &RUN]);
        if ran.code != 0 {
            break ran;
        }
        runs.push(ran.stdout.trim().to_owned());
    };
    refused.failed(6, &["exhausted", "% of it", "help: "]);
    assert!(runs.len() > 1 && runs.iter().all(|run| run.len() == 32), "{runs:?}");
    let full = shown(dir.path());
    assert_eq!(full["runs"].as_array().unwrap().len(), runs.len());
    assert_eq!((full["spent"].as_f64(), full["kept"].as_bool()), (Some(0.0), Some(true)));
    account(dir.path(), &[&["budget.jsonl"]]).done().says(&[
        "reserved",
        "left",
        "#",
        &runs[0][..8],
        "2000",
        "Not a promise",
    ]);

    // Settled with a ledger of three steps, which frees nearly all of the reservation.
    let ledger = crate::budget::ledger(&dir.path().join("run"));
    account(dir.path(), &[&["settle", "budget.jsonl", &runs[0][..8], "run"]]).done().says(&["settled", "is left"]);
    assert!(ledger.is_file());
    let settled = shown(dir.path());
    assert_eq!(
        (settled["runs"][0]["state"].as_str(), settled["runs"][0]["releases"].as_u64()),
        (Some("settled"), Some(3))
    );
    account(dir.path(), &[&["settle", "budget.jsonl", &runs[1], "run"]]).failed(2, &["ledger of another run"]);
    account(dir.path(), &[&["settle", "budget.jsonl", &runs[1], "--unused"]]).done();
    account(dir.path(), &[&["settle", "budget.jsonl", "ffff00", "--unused"]]).failed(2, &["no run"]);
    account(dir.path(), &[&["reserve", "budget.jsonl"], &RUN]).done();
    account(dir.path(), &[&["verify", "budget.jsonl"]]).done().says(&["intact"]);
}

#[test]
fn a_file_that_does_not_verify_takes_and_shows_nothing() {
    let dir = created();
    account(dir.path(), &[&["reserve", "budget.jsonl"], &RUN]).done();
    let path = dir.path().join("budget.jsonl");
    let whole = std::fs::read_to_string(&path).unwrap();
    let refused = |text: &str| {
        std::fs::write(&path, text).unwrap();
        account(dir.path(), &[&["verify", "budget.jsonl"]]).failed(5, &["does not verify", "help: "]);
        account(dir.path(), &[&["budget.jsonl"]]).failed(5, &["does not verify"]);
        account(dir.path(), &[&["reserve", "budget.jsonl"], &RUN]).failed(5, &["does not verify"]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "a refused file is left as it was");
    };
    refused(&whole.replacen("\"count\":2000", "\"count\":20", 1));
    refused(&whole.replacen("\"epsilon\":8.0", "\"epsilon\":80.0", 1));
    refused(&(whole.lines().next().unwrap().to_owned() + "\n"));
    // A torn line was never acknowledged: shown with a word about it, and gone with the next reservation.
    std::fs::write(&path, whole.clone() + "{\"body\":{\"reser").unwrap();
    account(dir.path(), &[&["verify", "budget.jsonl"]]).failed(5, &["torn"]);
    account(dir.path(), &[&["budget.jsonl"]]).failed(0, &["torn"]);
    account(dir.path(), &[&["reserve", "budget.jsonl"], &RUN]).done();
    assert!(std::fs::read_to_string(&path).unwrap().starts_with(&whole));
    account(dir.path(), &[&["nowhere.jsonl"]]).failed(2, &["there is no corpus budget", "create"]);
}

/// Trains on a corpus of 40 sentences with a tiny model; `total` is the corpus budget's.
fn prepared(total: &str) -> tempfile::TempDir {
    let dir = folder();
    let text = CONFIG.replace("[scrub]\n", "").replace("steps = 20", "steps = 20\ncorpus_budget = \"budget.jsonl\"");
    std::fs::write(dir.path().join("privet.toml"), text).unwrap();
    crate::model::tiny(&dir.path().join("model"));
    texts(&dir.path().join("data/a.parquet"), &sentences(40));
    let terms = ["--epsilon", total, "--delta", "1e-4", "--adjacency", "add-remove", "--unit", "document"];
    account(dir.path(), &[&["create", "budget.jsonl", "--like", "privet.toml"], &terms]).done();
    dir
}

fn train(dir: &Path, name: &str, more: &[&str]) -> Ran {
    let output = format!("output.dir='runs/{name}'");
    privet(dir, &[&["train", "privet.toml", "--set", &output], more].concat())
}

#[test]
fn a_run_reserves_before_it_reads_settles_when_it_is_done_and_is_charged_once() {
    let dir = prepared("12");
    train(dir.path(), "first", &["--dry-run"]).done().says(&["corpus budget", "the run fits and takes"]);
    assert_eq!(shown(dir.path())["runs"].as_array().unwrap().len(), 0, "a dry run reserves nothing");
    train(dir.path(), "first", &[]).done();
    let first = shown(dir.path());
    assert_eq!(
        (first["runs"][0]["state"].as_str(), first["runs"][0]["releases"].as_u64()),
        (Some("settled"), Some(20))
    );
    train(dir.path(), "first", &[]).done();
    train(dir.path(), "first", &["--dry-run"]).done().says(&["reserved for this run already"]);
    assert_eq!(shown(dir.path()), first, "the second call changes nothing");

    // More runs, until one is refused: before it looks at the data.
    let mut number = 0;
    let last = loop {
        number += 1;
        let ran = train(dir.path(), &format!("more-{number}"), &[]);
        if ran.code != 0 {
            break ran;
        }
    };
    last.failed(6, &["the corpus budget is exhausted", "help: "]);
    assert!((2..9).contains(&number), "{number}");
    let refused = dir.path().join(format!("runs/more-{number}"));
    assert!(!refused.join("public/ledger.jsonl").exists() && !refused.join("public/plan.json").exists());
    let dry = train(dir.path(), "another", &["--dry-run", "--json"]);
    assert_eq!((dry.code, dry.json()["corpus_budget"]["fits"].as_bool()), (6, Some(false)));
    std::fs::remove_dir_all(dir.path().join("data")).unwrap();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    std::fs::write(dir.path().join("data/a.parquet"), "not read").unwrap();
    train(dir.path(), "another", &[]).failed(6, &["exhausted"]);
    account(dir.path(), &[&["verify", "budget.jsonl"]]).done();
}

#[test]
fn a_run_that_takes_the_whole_total_is_let_in_and_closes_the_budget() {
    let dir = prepared("8");
    train(dir.path(), "whole", &["--dry-run"]).done().says(&["takes the whole of it and closes it"]);
    train(dir.path(), "whole", &[]).done();
    let shown = shown(dir.path());
    assert_eq!((shown["closed"].as_bool(), shown["kept"].as_bool()), (Some(true), Some(true)), "{shown}");
    account(dir.path(), &[&["reserve", "budget.jsonl"], &RUN[..4], &["--steps", "1"]]).failed(6, &["whole of it"]);
}

#[test]
fn another_unit_or_adjacency_than_the_budgets_is_refused() {
    let dir = prepared("12");
    train(dir.path(), "a", &["--set", "privacy.privacy_unit='sequence'"]).failed(2, &["privacy unit", "help: "]);
    train(dir.path(), "b", &["--set", "privacy.adjacency='zero-out'"]).failed(2, &["adjacency", "help: "]);
    train(dir.path(), "c", &["--set", "privacy.corpus_budget='none.jsonl'"]).failed(2, &["there is no corpus budget"]);
}

#[test]
fn a_sweep_is_priced_both_ways_and_nothing_is_reserved() {
    let dir = created();
    let run = ["--sampling-rate", "0.01", "--noise-multiplier", "2", "--steps", "500"];
    let sweep = account(dir.path(), &[&["sweep", "budget.jsonl", "--runs", "10"], &run]);
    sweep.done().says(&["composition", "selection", "share"]);
    let json = account(dir.path(), &[&["sweep", "budget.jsonl", "--runs", "10", "--json"], &run]).done().json();
    let epsilon = |how: &str| json[how]["epsilon"].as_f64().unwrap();
    let cheaper = if epsilon("selection") < epsilon("composition") { "selection" } else { "composition" };
    assert_eq!(json["cheaper"], cheaper);
    assert_eq!(shown(dir.path())["runs"].as_array().unwrap().len(), 0);
}
