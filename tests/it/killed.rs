//! A run that is killed again and again, at moments that nobody chose.
//!
//! A kill is the one end of a process that it cannot prepare for. Whatever the moment, the ledger must hold every step that
//! could have been seen, the weights must come from steps that are on it, and the same command must go on.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use serde_json::Value;

use crate::config::CONFIG;
use crate::fixture::{sentences, texts};
use crate::{SEED, command, folder, privet};

const STEPS: u64 = 60;
const KILLS: u32 = 12;

/// The lines of a file of JSON lines; one that a kill cut short is no line yet.
fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// `[step, attempt]` of every charge.
fn charges(dir: &Path) -> Vec<(u64, u64)> {
    let entries = lines(&dir.join("runs/test/public/ledger.jsonl"));
    let steps = entries.iter().map(|line| &line["body"]["step"]);
    steps.filter_map(|step| Some((step["step"].as_u64()?, step["attempt"].as_u64()?))).collect()
}

/// Step of the last checkpoint, as the run would go on from it.
fn saved(dir: &Path) -> u64 {
    let path = dir.join("runs/test/private/checkpoint.safetensors");
    let Ok(file) = privet_model::weights::WeightFile::read(path, None) else { return 0 };
    let words = file.tensor("step", &[2]).unwrap();
    ((words[0] as u64) << 20) + words[1] as u64
}

#[test]
fn a_run_that_is_killed_again_and_again_charges_everything_and_ends() {
    let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(SEED);
    let dir = folder();
    // A clip that moves is part of the state that a kill may tear.
    let config = CONFIG
        .replace("steps = 20", &format!("steps = {STEPS}"))
        .replace("max_grad_norm = 1.0", "max_grad_norm = 100.0\nclipping = \"adaptive\"")
        .replace("[scrub]\n\n", "");
    std::fs::write(dir.path().join("privet.toml"), config).unwrap();
    crate::model::tiny(&dir.path().join("model"));
    texts(&dir.path().join("data/a.parquet"), &sentences(80));

    for kill in 0..KILLS {
        let before = charges(dir.path()).len() as u64;
        let mut child = command(dir.path(), &["run", "privet.toml"]);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The first kills fall before training, the others within a step that is reached soon, at any place of it.
        let more = if kill < 3 { 0 } else { rng.random_range(1..5) };
        while (charges(dir.path()).len() as u64) < before + more && child.try_wait().unwrap().is_none() {}
        let until = Instant::now() + Duration::from_micros(rng.random_range(0..30_000));
        while Instant::now() < until {}
        child.kill().unwrap();
        child.wait().unwrap();

        let charged = charges(dir.path());
        let reached = charged.iter().map(|(step, _)| *step).max().unwrap_or(0);
        assert!(
            saved(dir.path()) <= reached,
            "kill {kill}: weights of step {} of {reached} charged",
            saved(dir.path())
        );
        assert!(reached <= saved(dir.path()) + 1, "kill {kill} lost more than one step");
        if !charged.is_empty() {
            privet(dir.path(), &["budget", "verify", "runs/test"]).done();
        }
    }

    // Steps that were charged twice are missing at the end, which has an exit code of its own.
    let again = |charged: &[(u64, u64)]| charged.iter().filter(|(_, attempt)| *attempt > 1).count() as u64;
    let ended = privet(dir.path(), &["run", "privet.toml"]);
    let charged = charges(dir.path());
    ended.failed(if again(&charged) == 0 { 0 } else { 6 }, &[]);
    assert_eq!(charged.len() as u64, STEPS, "no more is charged than was planned, kills or not");
    assert_eq!(saved(dir.path()), STEPS - again(&charged));
    assert!(again(&charged) <= u64::from(KILLS), "a kill costs one step at most");
    privet(dir.path(), &["report", "runs/test", "--check"]).done();

    // The clip goes on where it was, falling from far above the gradients: no kill sets it back to where it began, which
    // would be a leap, while one step moves it by a quarter at most, but for rare noise.
    let log = lines(&dir.path().join("runs/test/public/public.jsonl"));
    let norms: Vec<(u64, f64)> =
        log.iter().map(|line| (line["step"].as_u64().unwrap(), line["max_grad_norm"].as_f64().unwrap())).collect();
    for pair in norms.windows(2) {
        assert!(pair[1].1 <= 1.7 * pair[0].1, "the clip leaps after step {}: {norms:?}", pair[0].0);
    }
    assert!(norms[0] == (1, 100.0) && norms.last().unwrap().1 < 50.0, "{norms:?}");
}
