//! Numbers a reader can look up elsewhere.

use std::path::PathBuf;

use crate::{folder, privet};

const RATE: [&str; 8] = ["--sampling-rate", "0.01", "--steps", "1000", "--delta", "1e-6", "--adjacency", "add-remove"];

fn with<'a>(head: &[&'a str], tail: &[&'a str]) -> Vec<&'a str> {
    [head, &RATE, tail].concat()
}

/// The tight value for this mechanism is 2.1245 (privacy-loss distributions) and the best Renyi bound is 2.4367.
#[test]
fn epsilon_forward_lies_between_the_tight_value_and_the_known_bound() {
    let dir = folder();
    let arguments = with(&["budget", "epsilon", "--noise-multiplier", "1"], &[]);
    let json = privet(dir.path(), &with(&arguments[..4], &["--json"])).json();
    let epsilon = json["epsilon"].as_f64().unwrap();
    assert!((2.1245..=2.4368).contains(&epsilon), "{epsilon}");
    assert_eq!(json["delta"], 1e-6);
    assert_eq!(json["adjacency"], "add-remove");
    privet(dir.path(), &arguments).done().says(&[
        &format!("epsilon {epsilon} at delta 1e-6"),
        "add-remove",
        "unit: whatever one sampled record is",
        "Renyi differential privacy",
        "rounded up",
    ]);
}

#[test]
fn plan_and_epsilon_are_each_others_inverse_on_the_cautious_side() {
    let dir = folder();
    let plan = privet(dir.path(), &with(&["budget", "plan", "--epsilon", "2.0", "--json"], &[])).json();
    let noise = plan["noise_multiplier"].as_f64().unwrap();
    assert!(plan["epsilon"].as_f64().unwrap() <= 2.0, "{plan}");
    assert_eq!(plan["what_if"].as_array().unwrap().len(), 6);
    let spent = |noise: f64| {
        let noise = noise.to_string();
        let arguments = with(&["budget", "epsilon", "--noise-multiplier", &noise, "--json"], &[]);
        privet(dir.path(), &arguments).json()["epsilon"].as_f64().unwrap()
    };
    assert!(spent(noise) <= 2.0);
    assert!(spent(noise * 0.99) > 2.0, "one per cent less noise must not do");
}

#[test]
fn plan_takes_a_rate_or_its_two_parts() {
    let dir = folder();
    let head = ["budget", "plan", "--epsilon", "2", "--delta", "1e-6", "--steps", "100", "--json"];
    let whole = privet(dir.path(), &[&head[..], &["--sampling-rate", "0.01"]].concat()).json();
    let parts = [&head[..], &["--dataset-size-bound", "10000", "--expected-batch-size", "100"]].concat();
    let parts = privet(dir.path(), &parts).json();
    let noise = |json: &serde_json::Value| json["noise_multiplier"].as_f64().unwrap();
    assert!((noise(&whole) - noise(&parts)).abs() < 1e-6);
    privet(dir.path(), &head).failed(2, &["--sampling-rate"]);
    let large = [&head[..], &["--dataset-size-bound", "10", "--expected-batch-size", "100"]].concat();
    privet(dir.path(), &large).failed(2, &["error: ", "expected batch", "help: "]);
}

#[test]
fn plan_refuses_a_delta_of_one_over_n() {
    let dir = folder();
    let arguments = ["budget", "plan", "--epsilon", "2", "--delta", "1e-4", "--steps", "10"];
    let arguments = [&arguments[..], &["--dataset-size-bound", "10000", "--expected-batch-size", "10"]].concat();
    privet(dir.path(), &arguments).failed(2, &["delta 1e-4 is not below 1/10000", "help: choose a delta below"]);
}

#[test]
fn numbers_outside_their_range_are_usage_errors() {
    let dir = folder();
    let arguments = ["budget", "epsilon", "--noise-multiplier", "1", "--sampling-rate", "1.5", "--steps", "1"];
    privet(dir.path(), &[&arguments[..], &["--delta", "1e-6"]].concat()).failed(2, &["sampling_rate is 1.5"]);
    let arguments = with(&["budget", "epsilon", "--noise-multiplier", "-1"], &[]);
    privet(dir.path(), &arguments).failed(2, &[]);
}

/// A ledger with three steps, sealed by the library that checks it.
pub(crate) fn ledger(dir: &std::path::Path) -> PathBuf {
    use privet_dp::ledger::{Body, Genesis, StepEntry, seal};
    let genesis = Body::Genesis(Genesis {
        plan_hash: "a".repeat(64),
        dataset_commitment: "b".repeat(64),
        binary_hash: "c".repeat(64),
        privacy_unit: privet_dp::PrivacyUnit::Document,
        adjacency: privet_dp::Adjacency::AddRemove,
        delta: privet_dp::Delta::new(1e-6).unwrap(),
    });
    let mut lines = vec![seal(genesis, &"0".repeat(64))];
    for step in 1..=3 {
        let event = privet_dp::Event::PoissonSampledGaussian {
            sampling_rate: privet_dp::SamplingRate::from_f64(0.01).unwrap(),
            noise_multiplier: privet_dp::NoiseMultiplier::new(1.0).unwrap(),
        };
        let previous = lines.last().unwrap().hash.clone();
        lines.push(seal(Body::Step(StepEntry { step, attempt: 1, event }), &previous));
    }
    let text: String = lines.iter().map(|line| line.to_json() + "\n").collect();
    let path = dir.join("public/ledger.jsonl");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_ledger_is_shown_with_everything_its_epsilon_depends_on() {
    let dir = folder();
    ledger(dir.path());
    let whole = ["document", "add-remove", "delta 1e-6", "3 steps charged", "rounded up", "1..3"];
    privet(dir.path(), &["budget", "show", "."]).done().says(&whole);
    let json = privet(dir.path(), &["budget", "show", "public/ledger.jsonl", "--json"]).json();
    assert_eq!(json["guarantee"]["steps_charged"], 3);
    assert_eq!(privet(dir.path(), &["budget", "verify", ".", "--json"]).json()["intact"], true);
}

#[test]
fn a_changed_byte_a_lost_line_and_a_torn_line_do_not_verify() {
    let dir = folder();
    let path = ledger(dir.path());
    let whole = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    std::fs::write(&path, whole.replacen("\"step\":2", "\"step\":1", 1)).unwrap();
    privet(dir.path(), &["budget", "verify", "."]).failed(5, &["the ledger does not verify", "help: "]);
    std::fs::write(&path, [lines[0], lines[1], lines[3], ""].join("\n")).unwrap();
    privet(dir.path(), &["budget", "verify", "."]).failed(5, &[]);
    std::fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    privet(dir.path(), &["budget", "verify", "."]).failed(5, &["torn"]);
    std::fs::write(&path, &whole).unwrap();
    privet(dir.path(), &["budget", "verify", "."]).done();
    privet(dir.path(), &["budget", "verify", "nowhere.jsonl"]).failed(3, &["cannot be read"]);
}
