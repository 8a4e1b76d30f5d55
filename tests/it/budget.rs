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
    let figure = |key: &str| json[key].as_f64().unwrap();
    assert!((2.1245..=2.4368).contains(&figure("epsilon")), "{json}");
    assert!(figure("epsilon_lower") <= 2.124_515_171_120_2 && 2.124_515_171_120_1 <= figure("epsilon_upper"), "{json}");
    assert!(figure("epsilon_upper") <= figure("epsilon") && figure("epsilon") - figure("epsilon_upper") <= 1e-4);
    assert_eq!(json["delta"], 1e-6);
    assert_eq!(json["adjacency"], "add-remove");
    assert_eq!(json["unamplified"], false);
    assert_eq!(json["phases"][0]["steps"], 1000);
    privet(dir.path(), &arguments).done().says(&[
        &format!("epsilon {:.4} at delta 1e-6", figure("epsilon")),
        "add-remove",
        "unit: whatever one sampled record is",
        "method: ",
        "Poisson sampling",
        "rounded up",
    ]);
}

/// One Gaussian release with noise as large as the sensitivity: the closed form, in sixty digits, is 4.88655.
#[test]
fn an_exact_curve_gives_its_value() {
    let dir = folder();
    let whole =
        ["budget", "epsilon", "--sampling", "none", "--noise-multiplier", "1", "--steps", "1", "--delta", "1e-6"];
    privet(dir.path(), &whole).done().says(&["epsilon 4.8866 at delta 1e-6", "exact curve", "no sampling"]);
    let json = privet(dir.path(), &[&whole[..], &["--json"]].concat()).json();
    assert_eq!((&json["engine"], &json["sampling"]), (&"closed-form".into(), &"none".into()));
    // A group of two under twice the noise is one unit under the noise.
    let group =
        ["budget", "epsilon", "--sampling", "none", "--noise-multiplier", "2", "--steps", "1", "--delta", "1e-6"];
    privet(dir.path(), &[&group[..], &["--group-size", "2"]].concat())
        .done()
        .says(&["epsilon 4.8866", "for 2 units at once"]);
}

#[test]
fn phases_are_the_run_they_describe() {
    let dir = folder();
    let phases = |phases: &[&str]| {
        let mut arguments = vec!["budget", "epsilon", "--delta", "1e-6", "--json"];
        for phase in phases {
            arguments.extend(["--phase", phase]);
        }
        let json = privet(dir.path(), &arguments).json();
        json["epsilon_upper"].as_f64().unwrap()
    };
    let one = privet(dir.path(), &with(&["budget", "epsilon", "--noise-multiplier", "1", "--json"], &[])).json();
    assert_eq!(phases(&["0.01:1:1000"]).to_bits(), one["epsilon_upper"].as_f64().unwrap().to_bits());
    assert_eq!(phases(&["0.01:1:400", "0.01:1:600"]).to_bits(), phases(&["0.01:1:1000"]).to_bits());
    assert_eq!(phases(&["0.01:1:500", "0.02:2:500"]).to_bits(), phases(&["0.02:2:500", "0.01:1:500"]).to_bits());
    assert!(phases(&["0.01:1:1000", "0.01:2:1"]) > phases(&["0.01:1:1000"]));
    let both = ["budget", "epsilon", "--delta", "1e-6", "--phase", "0.1:1:1", "--steps", "3"];
    privet(dir.path(), &both).failed(2, &["--phase", "--steps"]);
    for (phase, part) in
        [("0.1:1", "a phase is"), ("2:1:1", "sampling_rate is 2"), ("0.1:0:1", "noise_multiplier is 0")]
    {
        privet(dir.path(), &["budget", "epsilon", "--delta", "1e-6", "--phase", phase]).failed(2, &[part]);
    }
}

#[test]
fn a_sampler_without_a_theorem_is_charged_without_it_and_says_so() {
    let dir = folder();
    let head = ["budget", "epsilon", "--noise-multiplier", "1", "--delta", "1e-6"];
    let passes = ["--sampling", "shuffled", "--steps", "100", "--dataset-size", "1000", "--batch-size", "10"];
    let shuffled = [&head[..], &passes, &["--adjacency", "zero-out"]].concat();
    privet(dir.path(), &shuffled).done().says(&["epsilon 4.8866", "unamplified", "shuffled batches"]);
    assert_eq!(privet(dir.path(), &[&shuffled[..], &["--json"]].concat()).json()["unamplified"], true);
    // Under add-remove a shuffled pass has no bound at all, and the answer names what has one.
    let add_remove = [&head[..], &passes].concat();
    let parts = ["no proven bound for shuffled batches under add-remove", "supported", "zero-out, replace-one"];
    privet(dir.path(), &add_remove).failed(2, &parts);
}

#[test]
fn flags_that_do_not_go_together_are_refused_with_what_does() {
    let dir = folder();
    let head = ["budget", "epsilon", "--noise-multiplier", "1", "--delta", "1e-6"];
    for (rest, parts) in [
        (&["--steps", "9"][..], &["`--sampling-rate` is missing", "--dataset-size"][..]),
        (&["--sampling-rate", "0.1"], &["`--steps` is missing"]),
        (&["--sampling", "none", "--sampling-rate", "0.1", "--steps", "9"], &["`--sampling-rate` does not go with"]),
        (&["--sampling", "without-replacement", "--steps", "9"], &["`--dataset-size` is missing"]),
        (
            &["--sampling", "without-replacement", "--steps", "9", "--dataset-size", "10", "--batch-size", "20"],
            &["a batch of 20 is larger than a dataset of 10"],
        ),
        (
            &[
                "--sampling",
                "without-replacement",
                "--steps",
                "9",
                "--dataset-size",
                "10",
                "--batch-size",
                "2",
                "--group-size",
                "3",
            ],
            &["`--group-size` does not go with `--sampling without-replacement`"],
        ),
        (
            &["--sampling", "without-replacement", "--steps", "9", "--dataset-size", "10", "--batch-size", "2"],
            &["no proven bound for sampling without replacement under add-remove", "replace-one"],
        ),
        (
            &["--sampling", "random-allocation", "--steps", "15", "--dataset-size", "100", "--batch-size", "10"],
            &["15 steps are not whole epochs of 10", "for example 20"],
        ),
        (
            &["--sampling", "random-allocation", "--steps", "10", "--dataset-size", "105", "--batch-size", "10"],
            &["105 units do not fill whole batches of 10"],
        ),
        (
            &["--sampling-rate", "0.1", "--dataset-size", "10", "--batch-size", "1", "--steps", "9"],
            &["the sampling rate is given twice"],
        ),
    ] {
        privet(dir.path(), &[&head[..], rest].concat()).failed(2, parts).failed(2, &["error: ", "help: "]);
    }
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
fn plan_looks_for_whatever_is_open() {
    let dir = folder();
    let target = ["budget", "plan", "--epsilon", "2", "--delta", "1e-6"];
    let plan = |rest: &[&str]| privet(dir.path(), &[&target[..], rest, &["--json"]].concat()).json();
    let spent = |rate: f64, noise: f64, steps: u64| {
        let phase = format!("{rate}:{noise}:{steps}");
        let json = privet(dir.path(), &["budget", "epsilon", "--delta", "1e-6", "--phase", &phase, "--json"]).json();
        json["epsilon_upper"].as_f64().unwrap()
    };
    let steps = plan(&["--solve", "steps", "--sampling-rate", "0.01", "--noise-multiplier", "1"])["steps"].as_u64();
    let steps = steps.unwrap();
    assert!(spent(0.01, 1.0, steps) <= 2.0 && spent(0.01, 1.0, steps + 1) > 2.0, "{steps}");
    let rate = plan(&["--solve", "sampling-rate", "--steps", "1000", "--noise-multiplier", "1"]);
    let rate = rate["sampling_rate"].as_f64().unwrap();
    assert!(spent(rate * 0.999_999, 1.0, 1000) <= 2.0 && spent(rate * 1.001, 1.0, 1000) > 2.0, "{rate}");
    let batch = ["--solve", "batch-size", "--steps", "1000", "--noise-multiplier", "1", "--dataset-size", "60000"];
    let size = plan(&batch)["batch_size"].as_u64().unwrap();
    assert!(spent(size as f64 / 60_000.0, 1.0, 1000) <= 2.0 && spent((size + 1) as f64 / 60_000.0, 1.0, 1000) > 2.0);
    privet(dir.path(), &[&target[..], &batch].concat()).done().says(&[
        &format!("batch size {size}"),
        "what if",
        "twice the noise",
        "add-remove",
    ]);
    let tiny = ["budget", "plan", "--epsilon", "1e-9", "--delta", "1e-9", "--solve", "steps", "--sampling", "none"];
    privet(dir.path(), &[&tiny[..], &["--noise-multiplier", "1"]].concat()).failed(2, &["one step already costs more"]);
    let none = ["--solve", "sampling-rate", "--sampling", "none", "--noise-multiplier", "1", "--steps", "3"];
    privet(dir.path(), &[&target[..], &none].concat()).failed(2, &["no sampling rate to look for"]);
    let given = ["--solve", "steps", "--steps", "3", "--sampling-rate", "0.1", "--noise-multiplier", "1"];
    privet(dir.path(), &[&target[..], &given].concat()).failed(2, &["`--steps` is given"]);
}

#[test]
fn a_curve_falls_and_contains_the_point_that_epsilon_gives() {
    let dir = folder();
    let run = ["--sampling", "none", "--noise-multiplier", "1", "--steps", "1"];
    let head = [&["budget", "curve"][..], &run].concat();
    let json = privet(dir.path(), &[&head[..], &["--epsilons", "0:4.886554117462212:11", "--json"]].concat()).json();
    let points: Vec<(f64, f64)> = json["curve"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| (point["delta_lower"].as_f64().unwrap(), point["delta_upper"].as_f64().unwrap()))
        .collect();
    assert!(points.len() == 11 && points.windows(2).all(|pair| pair[1].1 <= pair[0].1), "{json}");
    assert!(points.iter().all(|(lower, upper)| 0.0 <= *lower && lower <= upper && *upper <= 1.0));
    // The last epsilon is the one that belongs to 1e-6.
    assert!(points[10].0 <= 1.000_001e-6 && 0.999_999e-6 <= points[10].1, "{:?}", points[10]);
    let table = ["--trade-off", "--delta", "1e-6"];
    privet(dir.path(), &[&head[..], &table].concat()).done().says(&[
        "delta at most",
        "false positive rate",
        "0.1 %",
        "1 %",
        "right guesses at most",
        "units at once",
        "unit: whatever one",
    ]);
    let attack = privet(dir.path(), &[&head[..], &table, &["--json"]].concat()).json();
    // The exact test of N(1, 1) against N(0, 1) finds Φ(Φ⁻¹(α) + 1), and a coin toss more than half is Φ(1/2).
    for (rate, truth) in [(0.001, 0.018_298_468), (0.01, 0.092_362_248)] {
        let point =
            attack["attack"]["trade_off"].as_array().unwrap().iter().find(|point| point["false_positive_rate"] == rate);
        let upper = point.unwrap()["true_positive_rate_upper"].as_f64().unwrap();
        assert!(truth <= upper && upper <= 1.0, "{rate}: {upper}");
    }
    let success = attack["attack"]["attack_success"][0]["success_rate_upper"].as_f64().unwrap();
    assert!((0.691_462..=1.0).contains(&success), "{success}");
    let groups = attack["groups"].as_array().unwrap();
    assert!(groups.len() == 10 && groups[1]["epsilon"].as_f64().unwrap() > groups[0]["epsilon"].as_f64().unwrap());
    privet(dir.path(), &[&head[..], &["--epsilons", "5:1:3"]].concat()).failed(2, &["a range is from:to:count"]);
}

#[test]
fn a_picture_is_one_file_and_nothing_else_is_lost() {
    let dir = folder();
    let head = ["budget", "curve", "--sampling", "none", "--noise-multiplier", "1", "--steps", "1", "--plot"];
    let plot = |file: &str| privet(dir.path(), &[&head[..], &[file]].concat());
    plot("curve.svg").done().says(&["drawn in curve.svg"]);
    let first = std::fs::read_to_string(dir.path().join("curve.svg")).unwrap();
    for part in ["<svg xmlns=", "epsilon", "delta (logarithmic)", "add-remove", "prefers-color-scheme", "</svg>"] {
        assert!(first.contains(part), "{part}");
    }
    assert!(!first.contains("href") && !first.contains("<script") && !first.contains("NaN"));
    plot("curve.svg").done();
    assert_eq!(std::fs::read_to_string(dir.path().join("curve.svg")).unwrap(), first, "the same curve, the same bytes");
    std::fs::write(dir.path().join("notes.svg"), "my notes").unwrap();
    plot("notes.svg").failed(2, &["not an SVG; it was left as it is", "help: "]);
    assert_eq!(std::fs::read_to_string(dir.path().join("notes.svg")).unwrap(), "my notes");
    plot("curve.png").failed(2, &["ends in .svg"]);
    plot("nowhere/curve.svg").failed(8, &["cannot be written"]);
}

#[test]
fn an_explanation_names_the_engine_that_answers() {
    let dir = folder();
    let arguments = with(&["budget", "explain", "--noise-multiplier", "1"], &[]);
    privet(dir.path(), &arguments).done().says(&["engine", "taken", "yes", "unit: whatever one sampled record is"]);
    let json = privet(dir.path(), &[&arguments[..], &["--json"]].concat()).json();
    let engines = json["engines"].as_array().unwrap();
    let chosen: Vec<_> = engines.iter().filter(|engine| engine["chosen"] == true).collect();
    assert_eq!(chosen.len(), 1, "{json}");
    let epsilon = privet(dir.path(), &with(&["budget", "epsilon", "--noise-multiplier", "1", "--json"], &[])).json();
    assert_eq!(chosen[0]["engine"], epsilon["engine"]);
    assert_eq!(chosen[0]["certificate"]["epsilon_upper"], epsilon["epsilon_upper"]);
}

/// What `privet budget --stdin` answers to `input`, line by line.
fn stream(dir: &std::path::Path, input: &[u8]) -> Vec<serde_json::Value> {
    use std::io::Write;
    let mut process = crate::command(dir, &["budget", "--stdin"]);
    let mut child = process.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Written beside the reading: a pipe holds less than the answers.
    let ran = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        crate::ran(&child.wait_with_output().unwrap())
    });
    ran.done();
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_stream_is_answered_line_by_line_whatever_is_in_it() {
    let dir = folder();
    let good = r#"{"op":"epsilon","components":[[1,1,1]],"delta":1e-6,"neighbor":"add_or_remove","sampling":"none"}"#;
    let target = r#"{"op":"calibrate_steps","eps":4.887,"delta":1e-6,"q":1,"sigma":2,"neighbor":"add_or_remove","sampling":"none"}"#;
    let input = [good, "nonsense", "", &good.replace("1e-6", "1e400"), target, &" ".repeat(17 << 20), good].join("\n");
    let answers = stream(dir.path(), input.as_bytes());
    assert_eq!(answers.len(), 6, "{answers:?}");
    let lines: Vec<_> = answers.iter().map(|answer| answer["error"]["line"].as_u64()).collect();
    assert_eq!(lines, [None, Some(2), Some(4), None, Some(6), None]);
    assert_eq!(answers[0], answers[5]);
    assert_eq!(answers[3], serde_json::json!({ "steps": 4 }));
    let upper = answers[0]["eps_upper"].as_f64().unwrap();
    assert!((4.886_554_117_462_212..4.886_554_2).contains(&upper), "{upper}");
    assert!(stream(dir.path(), b"").is_empty());
    privet(dir.path(), &["budget"]).failed(2, &["Usage"]);
    privet(dir.path(), &["budget", "--stdin", "epsilon"]).failed(2, &[]);
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
    privet(dir.path(), &large).failed(2, &["error: ", "a batch of 100 is larger than a dataset of 10", "help: "]);
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

/// A ledger with three steps, the last with twice the noise, sealed by the library that checks it.
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
            noise_multiplier: privet_dp::NoiseMultiplier::new(if step == 3 { 2.0 } else { 1.0 }).unwrap(),
        };
        let previous = lines.last().unwrap().hash.clone();
        lines.push(seal(Body::Step(StepEntry { step, attempt: 1, event, segment: None }), &previous));
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
    let whole = ["document", "add-remove", "delta 1e-6", "3 steps charged", "rounded up", "1..2", "share of epsilon"];
    privet(dir.path(), &["budget", "show", "."]).done().says(&whole);
    let json = privet(dir.path(), &["budget", "show", "public/ledger.jsonl", "--json"]).json();
    assert_eq!(json["guarantee"]["steps_charged"], 3);
    let shares = json["shares"].as_array().unwrap();
    let total: f64 = shares.iter().map(|share| share["epsilon_share"].as_f64().unwrap()).sum();
    assert!(shares.len() == 2 && (total - json["guarantee"]["epsilon"].as_f64().unwrap()).abs() < 1e-9, "{json}");
    assert_eq!(privet(dir.path(), &["budget", "verify", ".", "--json"]).json()["intact"], true);
}

#[test]
fn a_ledger_says_how_far_the_rest_of_its_budget_reaches() {
    let dir = folder();
    ledger(dir.path());
    let show = |target: &str, rest: &[&str]| {
        privet(dir.path(), &[&["budget", "show", ".", "--target-epsilon", target][..], rest].concat())
    };
    let steps = show("2", &["--json"]).json()["remaining"]["steps"].as_u64().unwrap();
    let spent = |more: u64| {
        let last = format!("0.01:2:{}", more + 1);
        let arguments = ["budget", "epsilon", "--delta", "1e-6", "--phase", "0.01:1:2", "--phase", &last, "--json"];
        privet(dir.path(), &arguments).json()["epsilon_upper"].as_f64().unwrap()
    };
    assert!(spent(steps) <= 2.0 && spent(steps + 1) > 2.0, "{steps}");
    show("2", &[]).done().says(&[&format!("allows {steps} more steps")]);
    show("1e-9", &[]).done().says(&["exceeded already"]);
    assert_eq!(show("1e-9", &["--json"]).json()["remaining"]["exceeded"], true);
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
