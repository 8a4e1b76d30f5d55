use std::io::{BufReader, Read as _};

use privet_dp::SamplingRate;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

use super::{LINE_MAX, Read, WHY_MAX, next_line, not_above, reply};

fn ask(line: &str) -> Value {
    reply(7, line.as_bytes())
}

/// A question with some fields replaced, or left out where the new value is null.
fn with(changes: &Value) -> Value {
    let mut question = json!({ "op": "epsilon", "components": [[1.0, 1.0, 1]], "delta": 1e-6,
        "neighbor": "add_or_remove", "sampling": "none" });
    for (key, value) in changes.as_object().unwrap() {
        question[key] = value.clone();
        if value.is_null() {
            question.as_object_mut().unwrap().remove(key);
        }
    }
    ask(&question.to_string())
}

#[track_caller]
fn refused(answer: &Value, part: &str) {
    let error = &answer["error"];
    assert_eq!((answer.as_object().unwrap().len(), &error["line"]), (1, &json!(7)), "{answer}");
    let text = format!("{} {}", error["what"].as_str().unwrap(), error["why"].as_str().unwrap());
    assert!(text.contains(part), "`{part}` is not in {answer}");
}

/// The closed form (Balle and Wang) of one Gaussian release, in sixty digits.
const ONE_GAUSSIAN: f64 = 4.886_554_117_462_212;

#[track_caller]
fn is(answer: &Value, truth: f64) {
    let [lower, middle, upper] = ["eps_lower", "eps", "eps_upper"].map(|key| answer[key].as_f64().unwrap());
    assert!(lower <= truth && truth <= upper && upper - truth <= 1e-9 * (1.0 + truth), "{answer} is not {truth}");
    assert!(lower <= middle && middle <= upper && answer["engine"].is_string(), "{answer}");
}

#[test]
fn closed_forms_are_met_in_every_spelling() {
    is(&with(&json!({})), ONE_GAUSSIAN);
    is(&with(&json!({ "sampling": "poisson" })), ONE_GAUSSIAN);
    is(&with(&json!({ "neighbor": "zero_out" })), ONE_GAUSSIAN);
    is(&with(&json!({ "neighbor": "replace_special", "components": [[1, 1, 1.0]] })), ONE_GAUSSIAN);
    // Four releases with twice the noise are one with the noise; so are a fifth and four fifths of a square.
    is(&with(&json!({ "components": [[1.0, 2.0, 4]] })), ONE_GAUSSIAN);
    is(&with(&json!({ "components": [[1.0, 2.0, 1], [1.0, 2.0, 3]] })), ONE_GAUSSIAN);
    // A batch of everything is no sampling.
    let whole = json!({ "sampling": "wor", "neighbor": "replace_one", "n": 10, "batch": 10 });
    is(&with(&whole), ONE_GAUSSIAN);
    is(&with(&json!({ "sampling": "random_allocation", "n": 1, "batch": 1 })), ONE_GAUSSIAN);
    is(&with(&json!({ "sampling": "truncated_poisson", "n": 5, "batch": 5 })), ONE_GAUSSIAN);
    // What is never sampled costs nothing.
    is(&with(&json!({ "sampling": "poisson", "components": [[0, 1, 1000]] })), 0.0);
}

#[test]
fn sigma_is_relative_to_the_clipping_norm() {
    // Ten exchanges under five times the clipping norm; the value is the reference table's, in sixty digits.
    is(&with(&json!({ "neighbor": "replace_one", "components": [[1.0, 5.0, 10]] })), 6.399_283_092_563_103_5);
    is(&with(&json!({ "neighbor": "replace_one", "components": [[1.0, 2.0, 1]] })), ONE_GAUSSIAN);
}

#[test]
fn delta_is_the_inverse_of_epsilon() {
    for key in ["epsilon", "eps"] {
        let mut question =
            json!({ "op": "delta", "components": [[1.0, 1.0, 1]], "neighbor": "add_or_remove", "sampling": "none" });
        question[key] = json!(ONE_GAUSSIAN);
        let answer = ask(&question.to_string());
        let [lower, upper] = ["delta_lower", "delta_upper"].map(|key| answer[key].as_f64().unwrap());
        assert!(lower <= 1e-6 * 1.000_001 && 1e-6 * 0.999_999 <= upper, "{answer}");
    }
}

#[test]
fn a_curve_is_many_deltas() {
    let question = |op: &str, key: &str, value: Value| {
        let mut question =
            json!({ "op": op, "components": [[0.01, 1.0, 1000]], "neighbor": "add_or_remove", "sampling": "poisson" });
        question[key] = value;
        ask(&question.to_string())
    };
    let epsilons = [0.5, 1.0, 2.0, 4.0];
    let curve = question("curve", "epsilons", json!(epsilons));
    for (k, epsilon) in epsilons.iter().enumerate() {
        let one = question("delta", "epsilon", json!(epsilon));
        for key in ["delta_lower", "delta_upper"] {
            let (many, one) = (curve[key][k].as_f64().unwrap(), one[key].as_f64().unwrap());
            assert!((many / one - 1.0).abs() < 1e-6, "{key} at {epsilon}: {many}, alone {one}");
        }
    }
}

fn calibrate(op: &str, changes: &Value) -> Value {
    let mut question = json!({ "op": op, "epsilon": ONE_GAUSSIAN * 1.000_001, "delta": 1e-6, "q": 1, "sigma": 1, "steps": 1,
        "neighbor": "add_or_remove", "sampling": "poisson" });
    question.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    ask(&question.to_string())
}

#[test]
fn calibrations_find_what_the_closed_form_says() {
    let close = |found: &Value, truth: f64| assert!((found.as_f64().unwrap() / truth - 1.0).abs() < 1e-5, "{found}");
    close(&calibrate("calibrate_sigma", &json!({ "steps": 4 }))["sigma"], 2.0);
    close(
        &calibrate("calibrate_sigma", &json!({ "steps": 4, "sigma": null, "neighbor": "replace_one" }))["sigma"],
        4.0,
    );
    assert_eq!(calibrate("calibrate_steps", &json!({ "sigma": 2 })), json!({ "steps": 4 }));
    assert_eq!(calibrate("calibrate_steps", &json!({ "sigma": 0.9, "steps": null })), json!({ "steps": 0 }));
    assert_eq!(calibrate("calibrate_q", &json!({ "q": null, "sigma": 2 })), json!({ "q": 1.0 }));
}

/// What comes out may be put in again, whatever the sampler: the target is met, and a little less noise misses it.
#[test]
fn what_a_calibration_answers_meets_the_target() {
    let target = 3.0;
    let spent = |q: f64, sigma: f64, steps: u64| {
        let answer = with(&json!({ "sampling": "poisson", "components": [[q, sigma, steps]] }));
        answer["eps_upper"].as_f64().unwrap()
    };
    let question = |op, changes: &Value| {
        let mut all = json!({ "epsilon": target, "q": 0.01, "sigma": 1.0, "steps": 1000 });
        all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        calibrate(op, &all)
    };
    let sigma = question("calibrate_sigma", &json!({}))["sigma"].as_f64().unwrap();
    assert!(spent(0.01, sigma, 1000) <= target && spent(0.01, sigma * 0.999, 1000) > target);
    let steps = question("calibrate_steps", &json!({}))["steps"].as_u64().unwrap();
    assert!(spent(0.01, 1.0, steps) <= target && spent(0.01, 1.0, steps + 1) > target);
    let q = question("calibrate_q", &json!({}))["q"].as_f64().unwrap();
    assert!(spent(q, 1.0, 1000) <= target && spent(q * 1.001, 1.0, 1000) > target);
}

#[test]
fn what_is_wrong_is_named() {
    for (changes, part) in [
        (json!({ "components": [[2.0, 1, 1]], "sampling": "poisson" }), "q is 2.0, but must be between 0 and 1"),
        (json!({ "components": [[-0.1, 1, 1]], "sampling": "poisson" }), "between 0 and 1"),
        (json!({ "components": [[1, 0, 1]] }), "sigma is 0.0, but must be finite and above 0"),
        (json!({ "components": [[1, -1, 1]] }), "above 0"),
        (json!({ "components": [[1, 1, 0]] }), "steps is 0.0, but must be a whole number from 1"),
        (json!({ "components": [[1, 1, 1.5]] }), "whole number"),
        (json!({ "components": [[1, 1, 1e300]] }), "whole number"),
        (json!({ "components": [] }), "`components` is missing or empty"),
        (json!({ "components": null }), "`components` is missing or empty"),
        (json!({ "components": [[1, 1]] }), "invalid length 2"),
        (json!({ "components": [[1, 1, "9"]] }), "invalid type: string"),
        (json!({ "components": 3 }), "invalid type"),
        (json!({ "components": [[1, 1, null]] }), "invalid type"),
        (json!({ "delta": 0 }), "delta is 0.0, but must be strictly between 0 and 1"),
        (json!({ "delta": 1 }), "strictly between"),
        (json!({ "delta": -1e-6 }), "strictly between"),
        (json!({ "delta": null }), "`delta` is missing"),
        (json!({ "delta": "1e-6" }), "invalid type: string"),
        (json!({ "neighbor": null }), "missing field `neighbor`"),
        (json!({ "neighbor": "both" }), "unknown variant `both`"),
        (json!({ "sampling": null }), "missing field `sampling`"),
        (json!({ "sampling": "shuffle" }), "unknown variant `shuffle`"),
        (json!({ "op": "eps" }), "unknown variant `eps`"),
        (json!({ "op": null }), "missing field `op`"),
        (json!({ "op": "delta" }), "`epsilon` is missing"),
        (json!({ "op": "delta", "epsilon": -1 }), "epsilon is -1.0, but must be finite and at least 0"),
        (json!({ "op": "curve" }), "`epsilons` is missing"),
        (json!({ "op": "curve", "epsilons": [1, -1] }), "epsilons is -1.0, but must be finite and at least 0"),
        (json!({ "sigma": 1.0 }), "`sigma` belongs to calibrations"),
        (json!({ "noise": 1.0 }), "unknown field `noise`"),
        (json!({ "components": [[0.5, 1, 1]] }), "`q` is 0.5, and this sampling makes it 1.0"),
        (json!({ "sampling": "wor", "n": 10, "neighbor": "replace_one" }), "`batch` is missing"),
        (json!({ "sampling": "wor", "n": 10, "batch": 20, "components": [[1, 1, 1]] }), "makes it 2.0"),
        (json!({ "sampling": "wor", "n": 10, "batch": 10 }), "no proven bound for sampling without replacement"),
        (json!({ "sampling": "wor", "n": 10, "batch": 10 }), "supported for sampling without replacement: replace-one"),
        (json!({ "sampling": "truncated_poisson", "batch": 10 }), "`n` is missing"),
        (json!({ "sampling": "random_allocation", "n": 10, "batch": 2 }), "`batch` must be 1"),
        (json!({ "sampling": "random_allocation", "n": 10, "batch": 1, "components": [[0.1, 1, 15]] }), "whole epochs"),
        (json!({ "sampling": "random_allocation", "n": 0.5, "batch": 1 }), "whole number"),
    ] {
        refused(&with(&changes), part);
    }
    for (op, changes, part) in [
        ("calibrate_sigma", json!({ "epsilon": null }), "`epsilon` is missing"),
        ("calibrate_sigma", json!({ "q": null }), "`q` is missing"),
        ("calibrate_sigma", json!({ "components": [[1, 1, 1]] }), "a calibration has no `components`"),
        ("calibrate_sigma", json!({ "epsilon": 0, "delta": 1e-30 }), "still costs epsilon"),
        ("calibrate_steps", json!({ "sigma": null }), "`sigma` is missing"),
        ("calibrate_q", json!({ "steps": null }), "`steps` is missing"),
        ("calibrate_q", json!({ "sampling": "none" }), "no `q` to look for"),
    ] {
        refused(&calibrate(op, &changes), part);
    }
    let line = r#"{"op":"epsilon","components":[[1,1,1]],"delta":1e400,"neighbor":"add_or_remove","sampling":"none"}"#;
    refused(&ask(line), "number out of range");
    refused(&ask(&line.replace("1e400", "NaN")), "expected value");
    refused(&ask(&line.replace("1e400", "1e-6,\"delta\":1e-6")), "duplicate field `delta`");
    refused(&ask("[]"), "one JSON object");
    refused(&ask("{"), "EOF");
    refused(&reply(7, b"{\xff\xfe"), "key must be a string");
    let answer = ask(&format!("{{\"op\":\"epsilon\",\"{}\":1}}", "x".repeat(1 << 20)));
    assert!(answer["error"]["why"].as_str().unwrap().chars().count() <= WHY_MAX);
}

#[test]
fn an_answer_is_given_or_refused_at_the_edge_of_every_range() {
    for q in [0.0, 1e-300, 1e-9, 0.5, 1.0] {
        for sigma in [5e-324, 0.05, 1.0, 1000.0, f64::MAX] {
            for steps in [1.0, 1e8, 9_007_199_254_740_992.0] {
                for delta in [1e-30, 1e-6, 0.999] {
                    for neighbor in ["add_or_remove", "zero_out", "replace_one"] {
                        let components = json!([[q, sigma, steps]]);
                        let changes = json!({ "sampling": "poisson", "components": components, "delta": delta, "neighbor": neighbor });
                        let answer = with(&changes);
                        let figure =
                            |key: &str| answer[key].as_f64().is_some_and(|figure| figure.is_finite() && figure >= 0.0);
                        let whole = ["eps_lower", "eps", "eps_upper"].into_iter().all(figure);
                        assert!(
                            whole || answer["error"]["what"].as_str().is_some_and(|what| !what.contains("bug")),
                            "{answer}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn lines_of_any_length_come_one_by_one_in_bounded_memory() {
    let mut line = Vec::new();
    // A reader with a tiny buffer, so that lines span many pieces.
    let mut input = BufReader::with_capacity(3, "one\n\ntwelve bytes\nmore than twelve\nlast".as_bytes());
    let mut seen = Vec::new();
    loop {
        match next_line(&mut input, &mut line, 12).unwrap() {
            Read::End => break,
            Read::Line => seen.push(String::from_utf8(line.clone()).unwrap()),
            Read::TooLong => seen.push(String::from("too long")),
        }
        assert!(line.len() <= 12);
    }
    assert_eq!(seen, ["one", "", "twelve bytes", "too long", "last"]);
    let endless = std::io::repeat(b'x').take(3 * LINE_MAX as u64);
    let mut input = BufReader::new(endless.chain("\nlast".as_bytes()));
    assert!(matches!(next_line(&mut input, &mut line, LINE_MAX).unwrap(), Read::TooLong));
    assert!(line.len() <= LINE_MAX && line.capacity() <= 2 * LINE_MAX);
    assert!(matches!(next_line(&mut input, &mut line, LINE_MAX).unwrap(), Read::Line) && line == b"last");
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(20_260_731), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rate_that_is_written_and_read_again_does_not_grow(threshold in 0..=1_u128 << 64) {
        let rate = SamplingRate::try_from(format!("{threshold:#x}")).unwrap();
        let again = SamplingRate::from_f64(not_above(rate)).unwrap();
        prop_assert!(again <= rate && (again.get() - rate.get()).abs() <= 4.0 * f64::EPSILON * rate.get());
    }

    #[test]
    fn no_line_at_all_ends_the_stream(line in ".{0,200}") {
        prop_assert_eq!(&reply(7, line.as_bytes())["error"]["line"], &json!(7));
    }
}
