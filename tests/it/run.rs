//! `privet run` from the first byte to the statement, on a corpus and a model small enough for every push.
//!
//! The model has random weights; what it learns does not matter here, what lies where and who says what does.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Command;

use crate::config::CONFIG;
use crate::fixture::{corrupt, sentences, texts};
use crate::{Ran, command, folder, privet};

/// A folder with a config, a corpus of two files, a public split and the tiny model.
fn prepared(change: impl Fn(&str) -> String) -> tempfile::TempDir {
    let dir = folder();
    let public = "[data]\npublic_evaluation = [\"public/*.parquet\"]";
    std::fs::write(dir.path().join("privet.toml"), change(&CONFIG.replace("[data]", public))).unwrap();
    crate::model::tiny(&dir.path().join("model"));
    let rows = sentences(90);
    texts(&dir.path().join("data/a.parquet"), &rows[..40]);
    texts(&dir.path().join("data/b.parquet"), &rows[40..80]);
    texts(&dir.path().join("public/held-out.parquet"), &rows[80..]);
    dir
}

fn run(dir: &Path, more: &[&str]) -> Ran {
    privet(dir, &[&["run", "privet.toml"], more].concat())
}

fn files_of(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_run_leaves_a_statement_and_a_second_one_says_done() {
    let dir = prepared(str::to_owned);
    let first = run(dir.path(), &[]);
    first.done().says(&["epsilon", "delta", "document", "add-remove", "held-out loss", "units"]);
    let folder = dir.path().join("runs/test");
    let public = files_of(&folder.join("public"));
    for name in ["adapter", "ledger.jsonl", "plan.json", "public.jsonl", "report.html", "report.json", "report.md"] {
        assert!(public.contains(&name.to_owned()), "{name} is missing in {public:?}");
    }
    assert!(folder.join("private/scrubbed/manifest.json").is_file());
    assert!(folder.join("private/report.json").is_file());
    only_the_owner_may_enter(&folder.join("private"));

    let ledger = std::fs::read(folder.join("public/ledger.jsonl")).unwrap();
    let second = run(dir.path(), &[]);
    second.failed(0, &["scrub: already done", "train: already done"]).says(&["already done", "epsilon"]);
    assert_eq!(std::fs::read(folder.join("public/ledger.jsonl")).unwrap(), ledger);
    let json = run(dir.path(), &["--json"]).done().json();
    assert_eq!(json["status"], "already-done");
    assert!(json["guarantee"]["epsilon"].as_f64().unwrap() <= 8.0, "{json}");

    privet(dir.path(), &["budget", "verify", "runs/test"]).done();
    privet(dir.path(), &["report", "runs/test", "--check"]).done();
    privet(dir.path(), &["report", "runs/test", "--check", "--max-epsilon", "0.01"]).failed(1, &["epsilon"]);
    privet(dir.path(), &["report", "runs/test", "--format", "md"]).done().says(&["epsilon"]);
    assert!(privet(dir.path(), &["report", "runs/test", "--json"]).done().json().is_object());
}

#[cfg(unix)]
fn only_the_owner_may_enter(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
}

#[cfg(not(unix))]
fn only_the_owner_may_enter(_: &Path) {}

#[test]
fn a_dry_run_prints_the_statement_and_reads_no_data() {
    let dir = prepared(str::to_owned);
    std::fs::remove_dir_all(dir.path().join("data")).unwrap();
    run(dir.path(), &["--dry-run"]).done().says(&[
        "epsilon",
        "delta 1e-4",
        "document",
        "add-remove",
        "memory",
        "Poisson",
    ]);
    let json = run(dir.path(), &["--dry-run", "--json"]).done().json();
    assert!(json["plan"]["privacy"]["noise_multiplier"].as_f64().unwrap() > 0.0);
    assert!(!dir.path().join("runs").exists());
}

#[test]
fn without_the_word_synthetic_no_private_figure_reaches_the_terminal() {
    let dir = prepared(|text| text.replace("synthetic = true", "synthetic = false"));
    let ran = run(dir.path(), &["--set", "train.control=true"]);
    ran.done().says(&["private/"]);
    let all = format!("{}{}", ran.stdout, ran.stderr);
    for private in ["80", "81", "control loss", "clip fraction"] {
        let words: Vec<&str> = all.split(|c: char| !c.is_alphanumeric() && c != '.').collect();
        assert!(!words.contains(&private), "`{private}` in:\n{all}");
    }
}

/// With a bound so small that nothing is learned, the control that is clipped stays where the base model was.
#[test]
fn clipping_has_a_control_of_its_own() {
    let dir = prepared(str::to_owned);
    let small =
        ["--set", "train.control=true", "--set", "train.control_clipped=true", "--set", "privacy.max_grad_norm=1e-9"];
    let json = run(dir.path(), &[small.as_slice(), &["--json"]].concat()).done().json();
    let base = json["public"]["base_loss"].as_f64().unwrap();
    let moved = |control: &str| (json["private"][control].as_f64().unwrap() - base).abs();
    assert!(
        moved("control_clipped_loss") > 0.0 && moved("control_clipped_loss") < 0.1 * moved("control_loss"),
        "{json}"
    );
    for folder in ["control", "control-clipped"] {
        let path = dir.path().join("runs/test/private").join(folder);
        assert!(path.join("evaluation.json").is_file() && path.join("adapter").is_dir(), "{folder}");
    }
}

#[test]
fn canaries_that_are_in_are_trained_on_with_the_records() {
    let dir = prepared(str::to_owned);
    run(dir.path(), &["--set", "audit.canaries=30"]).done();
    let read = |name: &str| -> serde_json::Value {
        let text = std::fs::read_to_string(dir.path().join("runs/test/private").join(name)).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let included = read("canaries.json")["included"].as_array().unwrap().iter().filter(|coin| **coin == true).count();
    let rows = read("scrubbed/manifest.json")["counts"]["rows_out"].as_u64().unwrap();
    assert_eq!(read("training.json")["units"].as_u64().unwrap(), rows + included as u64);
}

#[test]
fn a_corrupt_file_is_named_at_the_end_and_the_bound_is_given_up() {
    let dir = prepared(str::to_owned);
    corrupt(&dir.path().join("data/b.parquet"));
    let ran = run(dir.path(), &[]);
    ran.failed(3, &["b.parquet", "quarantined"]).says(&["epsilon"]);
    let plan = std::fs::read_to_string(dir.path().join("runs/test/public/plan.json")).unwrap();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert!(plan["stages"].as_array().unwrap().iter().any(|stage| stage["stability"].is_null()), "{plan}");
}

#[test]
fn another_plan_or_a_folder_inside_the_input_is_refused() {
    let dir = prepared(str::to_owned);
    run(dir.path(), &["--set", "output.dir='data/out'", "--set", "datasets.0.path='data'"])
        .failed(2, &["input folder"]);
    let plain = prepared(|text| text.replace("[scrub]\n", ""));
    let nested = ["train", "privet.toml", "--set", "output.dir='data/out'", "--set", "datasets.0.path='data'"];
    privet(plain.path(), &nested).failed(2, &["the output folder lies inside an input folder", "help: "]);
    let above = ["train", "privet.toml", "--set", "output.dir='data'"];
    privet(plain.path(), &above).failed(2, &["an input lies inside the output folder", "help: "]);
    run(dir.path(), &["--quiet"]).done();
    run(dir.path(), &["--set", "privacy.steps=21"]).failed(2, &["another plan", "help: "]);
}

#[test]
fn train_takes_text_as_it_is_and_refuses_a_scrub_section() {
    let dir = prepared(str::to_owned);
    privet(dir.path(), &["train", "privet.toml"]).failed(2, &["[scrub]", "privet run privet.toml"]);
    let dir = prepared(|text| text.replace("[scrub]\n", ""));
    privet(dir.path(), &["train", "privet.toml"]).done().says(&["epsilon"]);
    assert!(!dir.path().join("runs/test/private/scrubbed").exists());
}

#[test]
fn duplicates_can_be_removed_without_scrubbing() {
    let dir = prepared(|text| text.replace("[scrub]", "[dedup]\nexact = true"));
    let mut rows = sentences(40);
    rows[7] = sentences(40).swap_remove(2);
    rows[9] = String::from("ada.miller@mail.example.com stays, because nobody asked for scrubbing");
    texts(&dir.path().join("data/a.parquet"), &rows);
    run(dir.path(), &[]).done();
    let manifest = std::fs::read_to_string(dir.path().join("runs/test/private/scrubbed/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["counts"]["duplicates_removed"], 1);
    assert_eq!(manifest["counts"]["rows_changed"], 0);
}

/// Starts a long run, interrupts it after its first reported step, and goes on.
#[test]
#[cfg(unix)]
fn an_interrupt_saves_and_the_same_command_goes_on() {
    let dir = prepared(|text| text.replace("steps = 20", "steps = 200"));
    let mut child = command(dir.path(), &["run", "privet.toml"]).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut seen = String::new();
    while !seen.contains("step 20/200") {
        assert_ne!(stderr.read_line(&mut seen).unwrap(), 0, "the run ended early:\n{seen}");
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    stderr.read_to_string(&mut seen).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{seen}");
    assert!(seen.contains("help: privet run privet.toml"), "{seen}");

    let resumed = run(dir.path(), &[]);
    resumed.failed(0, &["scrub: already done", "resumed after step"]);
    privet(dir.path(), &["budget", "verify", "runs/test"]).done();
    let shown = privet(dir.path(), &["budget", "show", "runs/test", "--json"]).json();
    assert_eq!(shown["guarantee"]["steps_charged"], 200, "{shown}");
}
