//! What a report of an honest folder says, and the folders that are not a run's.

use privet_dp::{Adjacency, Delta, Event, account};
use serde_json::json;

use super::fixture::{Run, banded, event, genesis, ledger, once_each, plan};
use crate::{Class, Edition, Error, FailedGate, Gates, assemble, check, statement};

#[test]
fn epsilon_is_the_accountants_for_everything_charged() {
    // Interrupted after step 40, taken up again from step 31: ten steps are charged twice.
    let mut charges = once_each(40);
    charges.extend((31..=40).map(|step| (step, 2)));
    charges.extend((41..=60).map(|step| (step, 1)));
    let run = Run::of(plan(), &charges);
    let report = assemble(run.root(), Edition::Private).unwrap();
    let all = Event::Composed(charges.iter().map(|_| event(&run.plan)).collect());
    let bound = account(&all, Delta::new(1e-5).unwrap(), Adjacency::AddRemove).unwrap();
    assert_eq!(report.guarantee.epsilon.to_bits(), bound.epsilon_upper.get().to_bits());
    assert_eq!(
        (report.guarantee.steps_charged, report.ledger.charged_again, report.ledger.steps_reached),
        (70, 10, 60)
    );
    assert!(
        report.statement.paragraphs[1]
            .contains("70 noisy releases are charged, up to step 60 of 60 planned; 10 were repeated")
    );
}

/// Interrupted after step 10 and taken up again from step 9, with eight bands: two turns and seven.
#[test]
fn banded_noise_is_charged_by_turns_over_all_segments() {
    let mut charges = once_each(10);
    charges.extend([(9, 2), (10, 2)]);
    charges.extend((11..=60).map(|step| (step, 1)));
    let mut plan = banded(plan(), 8);
    plan["privacy"]["steps"] = json!(72);
    plan["privacy"]["banded"]["turns"] = json!(9);
    let run = Run::of(plan, &charges);
    let report = assemble(run.root(), Edition::Private).unwrap();
    let found = report.mechanism.banded.unwrap();
    assert_eq!((found.bands, found.turns_planned, found.turns_charged, found.segments), (8, 9, 9, 2));
    assert_eq!((report.mechanism.name.as_str(), report.mechanism.sampling.as_str()), ("dp-bandmf", "cyclic-poisson"));
    let turns = |count| {
        let event = Event::Repeated { event: Box::new(event(&run.plan)), count };
        account(&event, Delta::new(1e-5).unwrap(), Adjacency::AddRemove).unwrap().epsilon_upper.get()
    };
    assert_eq!(report.guarantee.epsilon.to_bits(), turns(9).to_bits());
    assert_eq!((report.guarantee.steps_charged, report.guarantee.epsilon_lower.to_bits()), (62, 0));
    // The figures so far are those of the turns so far: one to step 8, and a third with the first step of the second segment.
    for point in &report.ledger.curve {
        let count = if point.charged <= 10 { point.charged.div_ceil(8) } else { 2 + (point.charged - 10).div_ceil(8) };
        assert_eq!(point.epsilon.to_bits(), turns(count).to_bits(), "{}", point.charged);
    }
    let text = crate::markdown(&report);
    for words in
        ["DP-BandMF, arXiv 2306.08153", "cyclic Poisson", "9 turns of the 9 planned", "2 segments", "taken back"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("Batches are drawn by Poisson sampling"), "{text}");
    // One segment less would be a turn less: a ledger with them joined breaks its rules, whoever sealed it.
    let joined = run.read("public/ledger.jsonl").replace("\"segment\":2", "\"segment\":1");
    run.write("public/ledger.jsonl", &joined);
    assert!(matches!(assemble(run.root(), Edition::Public), Err(Error::Ledger { .. })));
}

#[test]
fn banded_plans_that_pay_for_too_little_are_refused() {
    let refused = |change: &dyn Fn(&mut serde_json::Value), field: &str, last: u64| {
        let mut plan = banded(plan(), 8);
        change(&mut plan["privacy"]);
        let error = assemble(Run::of(plan, &once_each(last)).root(), Edition::Public).unwrap_err();
        assert!(matches!(&error, Error::Mismatch { field: found, .. } if *found == field), "{error}");
    };
    assert!(assemble(Run::of(banded(plan(), 8), &once_each(60)).root(), Edition::Public).is_ok());
    refused(&|privacy| privacy["banded"]["turns"] = json!(7), "banded.turns", 60);
    refused(&|privacy| privacy["banded"]["turns"] = json!(9), "banded.turns", 60);
    refused(&|privacy| privacy["banded"]["bands"] = json!(9), "banded.group_sampling_rate", 60);
    refused(&|privacy| privacy["expected_batch_size"] = json!(255), "banded.group_sampling_rate", 60);
    // The same steps by processes that each took a few.
    let run = Run::of(banded(plan(), 8), &once_each(60));
    let begin = genesis(&run.plan, blake3::hash(run.read("public/plan.json").as_bytes()).to_hex().to_string());
    let again = (1..=9).map(|attempt| (1, attempt, event(&run.plan)));
    run.write_ledger(&ledger(begin, again));
    let error = assemble(run.root(), Edition::Public).unwrap_err();
    assert!(matches!(error, Error::Mismatch { field: "the number of turns", .. }), "{error}");
}

#[test]
fn the_curve_rises_to_the_guarantee() {
    let steps: u64 = 333;
    let mut plan = plan();
    plan["privacy"]["steps"] = json!(steps);
    let run = Run::of(plan, &once_each(steps));
    let report = assemble(run.root(), Edition::Public).unwrap();
    let curve = &report.ledger.curve;
    assert_eq!(curve.len(), 60);
    assert!(curve.windows(2).all(|pair| pair[0].charged < pair[1].charged && pair[0].epsilon <= pair[1].epsilon));
    let last = curve.last().unwrap();
    assert_eq!((last.charged, last.epsilon.to_bits()), (steps, report.guarantee.epsilon.to_bits()));
    for point in curve {
        let event = Event::Repeated { event: Box::new(event(&run.plan)), count: point.charged };
        let bound = account(&event, Delta::new(1e-5).unwrap(), Adjacency::AddRemove).unwrap();
        assert_eq!(point.epsilon.to_bits(), bound.epsilon_upper.get().to_bits(), "{} charged", point.charged);
    }
}

#[test]
fn a_run_that_charged_nothing_says_so() {
    let report = assemble(Run::of(plan(), &[]).root(), Edition::Public).unwrap();
    assert_eq!(report.guarantee.epsilon.to_bits(), 0f64.to_bits());
    assert!(report.warnings.iter().any(|warning| warning.contains("No step")));
}

#[test]
fn stages_without_a_bound_of_one_end_the_guarantee_there() {
    let with = |stages: serde_json::Value| {
        let mut plan = plan();
        plan["stages"] = stages;
        let run = Run::of(plan, &once_each(60));
        run.remove("private/scrubbed");
        assemble(run.root(), Edition::Private).unwrap()
    };
    let gates = Gates { end_to_end: true, ..Gates::default() };
    let near = with(json!([{ "name": "scrub", "stability": 1 }, { "name": "dedup-near", "stability": null }]));
    assert!(near.scope.covers.contains("not for the corpus as it came in") && near.scope.covers.contains("dedup-near"));
    assert_eq!(check(&near, &gates), [FailedGate::NotEndToEnd]);
    assert!(near.warnings.iter().any(|warning| warning.contains("as it came in")));

    let twice = with(json!([{ "name": "split", "stability": 2 }]));
    assert!(!twice.scope.end_to_end);
    // One may come and another go, so the walk from data set to data set is all that holds.
    let group = statement::group(twice.guarantee.epsilon, twice.guarantee.delta, 2);
    let figure = format!(
        "epsilon = {:.2} at delta = {:e}",
        privet_dp::round_up(group.epsilon, 2),
        crate::words::delta_up(group.delta.unwrap())
    );
    assert!(twice.scope.covers.contains(&figure), "{} lacks {figure}", twice.scope.covers);

    let none = with(json!([]));
    assert!(none.scope.end_to_end && none.scope.covers.contains("no stage before training"));
    assert!(check(&none, &gates).is_empty());
}

#[test]
fn gates_compare_the_stated_figures() {
    let report = assemble(Run::finished().root(), Edition::Public).unwrap();
    let stated = report.guarantee.epsilon_stated;
    assert!(stated >= report.guarantee.epsilon);
    let most = |epsilon: f64| Gates { max_epsilon: Some(epsilon), ..Gates::default() };
    assert!(check(&report, &most(stated)).is_empty());
    assert!(matches!(check(&report, &most(stated - 0.01))[..], [FailedGate::Epsilon { .. }]));
    assert!(matches!(check(&report, &most(f64::NAN))[..], [FailedGate::Epsilon { .. }]));
    let gates = Gates { max_delta: Some(1e-6), ..Gates::default() };
    assert!(matches!(check(&report, &gates)[..], [FailedGate::Delta { .. }]));
    let message = check(&report, &most(0.1))[0].to_string();
    for word in ["delta = 1e-5", "per document", "add-remove adjacency", "at most 0.1"] {
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn a_folder_that_is_not_a_runs_is_a_usage_error() {
    let empty = tempfile::tempdir().unwrap();
    let error = assemble(empty.path(), Edition::Public).unwrap_err();
    assert!(matches!(error, Error::NotARun { .. }));
    assert_eq!((error.class(), error.class().exit_code()), (Class::Usage, 2));
}

#[test]
fn a_plan_of_a_later_version_is_an_input_error() {
    let mut plan = plan();
    plan["format"] = json!("privet-plan/v2");
    let error = assemble(Run::of(plan, &once_each(1)).root(), Edition::Public).unwrap_err();
    assert!(matches!(&error, Error::Format { found, .. } if found == "privet-plan/v2"));
    assert_eq!(error.class().exit_code(), 3);
}
