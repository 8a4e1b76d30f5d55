//! Whatever is changed in a run's folder, the statement does not get stronger: it is refused.

use privet_dp::{Event, NoiseMultiplier, SamplingRate};
use serde_json::json;

use super::fixture::{Run, adaptive, event, genesis, ledger, once_each, plan};
use crate::{Class, CurvePoint, Edition, Error, assemble, files, markdown, verify_published};

fn refused(run: &Run, edition: Edition) -> Error {
    assemble(run.root(), edition).expect_err("a changed folder must be refused")
}

fn class(run: &Run) -> Class {
    refused(run, Edition::Public).class()
}

#[test]
fn any_changed_byte_of_the_plan_is_refused() {
    let run = Run::finished();
    let plan = run.read("public/plan.json").into_bytes();
    for index in 0..plan.len() {
        let mut changed = plan.clone();
        changed[index] ^= 1;
        std::fs::write(run.path("public/plan.json"), &changed).unwrap();
        let error = refused(&run, Edition::Public);
        assert!(matches!(error, Error::PlanChanged { .. }), "byte {index}: {error}");
        assert_eq!(error.class().exit_code(), 5);
    }
}

#[test]
fn any_changed_byte_of_the_ledger_is_refused() {
    let run = Run::of(plan(), &once_each(3));
    let text = run.read("public/ledger.jsonl").into_bytes();
    for index in 0..text.len() {
        let mut changed = text.clone();
        changed[index] ^= 1;
        std::fs::write(run.path("public/ledger.jsonl"), &changed).unwrap();
        assert!(matches!(refused(&run, Edition::Public), Error::Ledger { .. }), "byte {index}");
    }
}

#[test]
fn a_removed_line_is_refused_wherever_it_was() {
    let run = Run::finished();
    let text = run.read("public/ledger.jsonl");
    run.write("public/public.jsonl", "{\"step\":60,\"attempt\":1,\"epsilon\":9.0}\n");
    let lines: Vec<&str> = text.lines().collect();
    for removed in 0..lines.len() {
        let mut kept = lines.clone();
        kept.remove(removed);
        run.write("public/ledger.jsonl", &(kept.join("\n") + "\n"));
        assert_eq!(class(&run), Class::Verification, "line {removed}");
        assert_eq!(refused(&run, Edition::Private).class(), Class::Verification, "line {removed}");
    }
    // Without the public log, only the private record of the head knows that the last line is gone.
    run.remove("public/public.jsonl");
    assert!(assemble(run.root(), Edition::Public).is_ok());
    assert!(matches!(refused(&run, Edition::Private), Error::Ledger { .. }));
}

/// A ledger may be longer than its record (a crash between the two writes), and must pass through it.
#[test]
fn the_private_record_of_the_head_may_lag_behind_but_not_differ() {
    let run = Run::finished();
    let lines = run.read("public/ledger.jsonl");
    let early: privet_dp::ledger::Line = serde_json::from_str(lines.lines().nth(50).unwrap()).unwrap();
    run.write_json("private/ledger-head.json", &json!({ "bytes": 1, "lines": 51, "hash": early.hash }));
    assert!(assemble(run.root(), Edition::Private).is_ok());
    run.write_json("private/ledger-head.json", &json!({ "bytes": 1, "lines": 50, "hash": early.hash }));
    assert!(matches!(refused(&run, Edition::Private), Error::Ledger { .. }));
    run.write_json("private/ledger-head.json", &json!({ "bytes": 1, "lines": 62, "hash": early.hash }));
    assert!(matches!(refused(&run, Edition::Private), Error::Ledger { .. }));
}

#[test]
fn an_epsilon_claimed_too_small_is_refused() {
    let run = Run::finished();
    let report = assemble(run.root(), Edition::Public).unwrap();
    let log = |factor: f64| {
        let line =
            |point: &CurvePoint| json!({ "step": point.charged, "attempt": 0, "epsilon": point.epsilon * factor });
        report.ledger.curve.iter().map(|point| line(point).to_string() + "\n").collect::<String>()
    };
    run.write("public/public.jsonl", &log(1.0));
    assert!(assemble(run.root(), Edition::Public).is_ok());
    run.write("public/public.jsonl", &log(1.01));
    assert!(assemble(run.root(), Edition::Public).is_ok());
    run.write("public/public.jsonl", &log(0.999));
    let error = refused(&run, Edition::Public);
    assert!(matches!(error, Error::ClaimTooSmall { .. }));
    assert_eq!(error.class().exit_code(), 5);
    for word in ["delta = 1e-5", "per document", "add-remove adjacency"] {
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn a_new_ledger_for_the_same_plan_must_charge_what_the_plan_says() {
    let run = Run::finished();
    let planned = event(&run.plan);
    let begin = || genesis(&run.plan, blake3::hash(run.read("public/plan.json").as_bytes()).to_hex().to_string());
    let rate = SamplingRate::from_f64(0.001).unwrap();
    let noise = NoiseMultiplier::new(7.0).unwrap();
    let quiet =
        Event::PoissonSampledGaussian { sampling_rate: rate, noise_multiplier: NoiseMultiplier::new(0.7).unwrap() };
    let loud = Event::PoissonSampledGaussian {
        sampling_rate: SamplingRate::from_ratio(256, 25_000).unwrap(),
        noise_multiplier: noise,
    };
    let nothing = Event::Repeated { event: Box::new(planned.clone()), count: 0 };
    for forged in [quiet, loud, nothing, Event::Gaussian { noise_multiplier: noise }, Event::Composed(Vec::new())] {
        run.write_ledger(&ledger(begin(), [(1, 1, planned.clone()), (2, 1, forged.clone())]));
        let error = refused(&run, Edition::Public);
        assert!(
            matches!(&error, Error::Mismatch { field: "the event", place, .. } if place.contains("line 3")),
            "{error}"
        );
    }
    run.write_ledger(&ledger(
        begin(),
        once_each(61).into_iter().map(|(step, attempt)| (step, attempt, planned.clone())),
    ));
    assert!(matches!(refused(&run, Edition::Public), Error::Mismatch { field: "step", .. }));
}

#[test]
fn the_first_line_must_state_the_plans_guarantee() {
    let run = Run::finished();
    let begin = || genesis(&run.plan, blake3::hash(run.read("public/plan.json").as_bytes()).to_hex().to_string());
    let mut other = [begin(), begin(), begin()];
    other[0].delta = privet_dp::Delta::new(1e-4).unwrap();
    other[1].privacy_unit = privet_dp::PrivacyUnit::User;
    other[2].adjacency = privet_dp::Adjacency::ZeroOut;
    for (genesis, name) in other.into_iter().zip(["delta", "privacy_unit", "adjacency"]) {
        run.write_ledger(&ledger(genesis, []));
        let error = refused(&run, Edition::Public);
        assert!(matches!(error, Error::Mismatch { field, .. } if field == name), "{error}");
    }
}

#[test]
fn a_plan_that_contradicts_itself_is_refused() {
    let with = |key: &str, value: serde_json::Value| {
        let mut plan = plan();
        plan["privacy"][key] = value;
        Run::of(plan, &once_each(60))
    };
    assert!(matches!(
        refused(&with("sensitivity", json!(0.5)), Edition::Public),
        Error::Mismatch { field: "sensitivity", .. }
    ));
    // A count that is noised less than its sensitivity asks for, and a clip that moves without a count.
    let mut cheap = adaptive(plan(), 0.5);
    cheap["privacy"]["adaptive_clip"]["unclipped_noise_multiplier"] = json!(50.0);
    assert!(matches!(
        refused(&Run::of(cheap, &once_each(60)), Edition::Public),
        Error::Mismatch { field: "unclipped_noise_multiplier", .. }
    ));
    assert!(matches!(
        refused(&with("clipping", json!("adaptive")), Edition::Public),
        Error::Mismatch { field: "adaptive_clip", .. }
    ));
    // And a right one is charged with its count, or not at all.
    let run = Run::of(adaptive(plan(), 0.5), &once_each(60));
    let of = |run: &Run| assemble(run.root(), Edition::Public).unwrap().guarantee.epsilon;
    assert!(of(&run) > of(&Run::finished()), "a count costs something");
    let begin = genesis(&run.plan, blake3::hash(run.read("public/plan.json").as_bytes()).to_hex().to_string());
    run.write_ledger(&ledger(begin, [(1, 1, event(&plan()))]));
    assert!(matches!(refused(&run, Edition::Public), Error::Mismatch { field: "the event", .. }));
    let error = refused(&with("dataset_size_bound", json!(100_000)), Edition::Public);
    assert!(matches!(error, Error::DeltaTooLarge { bound: 100_000, .. }));
    assert_eq!(error.class().exit_code(), 7);
    let error = refused(&with("target_epsilon", json!(0.5)), Edition::Public);
    assert!(matches!(error, Error::TargetExceeded { .. }));
    assert_eq!(error.class().exit_code(), 7);
    let error = refused(&with("noise_multiplier", json!(1e-160)), Edition::Public);
    assert_eq!(error.class().exit_code(), 7, "{error}");
}

#[test]
fn private_files_that_contradict_the_ledger_are_refused() {
    let changed = |name: &str, from: &str, to: &str| {
        let run = Run::finished();
        run.edit(name, from, to);
        let error = refused(&run, Edition::Private);
        assert_eq!(error.class(), Class::Verification, "{error}");
        assert!(assemble(run.root(), Edition::Public).is_ok(), "the public edition does not look there");
        error
    };
    let error = changed("private/scrubbed/manifest.json", "\"stability\": 1", "\"stability\": null");
    assert!(matches!(error, Error::Mismatch { field: "the stability of a stage", .. }));
    changed("private/scrubbed/manifest.json", "\"name\": \"dedup-exact\"", "\"name\": \"dedup-near\"");
    changed("private/training.json", "\"steps_done\": 59", "\"steps_done\": 61");
    changed("private/training.json", "\"plan_hash\": \"", "\"plan_hash\": \"0");
    changed("private/audit.json", "\"delta\": 0.00001", "\"delta\": 0.1");
    changed("private/audit.json", "\"correct\": 271", "\"correct\": 505");
}

#[test]
fn a_removal_of_copies_is_held_against_the_plan() {
    let stage =
        json!({ "name": "dedup-exact-within-limited", "stability": 2, "unit": "row", "proof": "one list moves" });
    let run = |limit: Option<u64>| {
        let mut plan = plan();
        plan["stages"] = json!([stage]);
        plan["data"]["owner_limit"] = json!({ "column": "author", "records": 4 });
        let run = Run::of(plan, &once_each(60));
        run.remove("private/scrubbed");
        run.removal(&stage, limit);
        run
    };
    let report = assemble(run(Some(4)).root(), Edition::Private).unwrap();
    let owner = report.guarantee.owner.as_ref().unwrap();
    assert_eq!((owner.column.as_str(), owner.group.units), ("author", 4));
    // Four records that are there or not there together cost less than four times one, at the same delta.
    let (one, four) = (report.guarantee.epsilon, owner.group.epsilon);
    assert!(one < four && four < 4.0 * one, "{one} {four}");
    assert_eq!(owner.group.delta, Some(report.guarantee.delta));
    let text = markdown(&report);
    assert!(text.contains("all of one author (at most 4 documents)") && text.contains("Copies"), "{text}");
    assert_eq!(report.copies.value().unwrap().removed_over_limit, 507);
    for limit in [None, Some(5)] {
        let error = refused(&run(limit), Edition::Private);
        assert!(matches!(error, Error::Mismatch { field: "the limit on the records of one owner", .. }), "{error}");
    }
    let other = run(Some(4));
    other.edit("private/deduplicated/manifest.json", "\"stability\": 2", "\"stability\": 1");
    assert!(matches!(refused(&other, Edition::Private), Error::Mismatch { field: "the stability of a stage", .. }));
}

#[test]
fn a_damaged_private_file_is_named_but_not_quoted() {
    let run = Run::finished();
    run.edit("private/training.json", "\"units\": 104729", "\"units\": \"jane@example.org\"");
    let error = refused(&run, Edition::Private);
    assert!(matches!(error, Error::Malformed { line: 3, .. }), "{error:?}");
    assert_eq!(error.class().exit_code(), 3);
    assert!(!format!("{error} {error:?}").contains("jane"));
}

#[test]
fn a_published_report_is_held_against_the_ledger() {
    let run = Run::finished();
    let published = files(run.root()).unwrap();
    let write = || {
        for (name, text) in published.iter().filter(|(name, _)| name.starts_with("public")) {
            run.write(name, text);
        }
    };
    write();
    assert!(verify_published(run.root()).is_ok());
    run.remove("private");
    assert!(verify_published(run.root()).is_ok(), "public files are enough to check the public report");
    let stated = verify_published(run.root()).unwrap().guarantee.epsilon_stated;
    for name in ["public/report.json", "public/report.md", "public/report.html"] {
        run.edit(name, &format!("epsilon = {stated:.2}"), "epsilon = 0.10");
        assert!(matches!(verify_published(run.root()), Err(Error::PublishedDiffers { .. })), "{name}");
        write();
    }
    run.edit("public/report.json", "\"steps_charged\": 60", "\"steps_charged\": 6");
    assert!(matches!(verify_published(run.root()), Err(Error::PublishedDiffers { part, .. }) if part == "guarantee"));
}

#[test]
fn a_report_of_another_version_is_held_to_its_figures() {
    let run = Run::finished();
    let (_, text) = files(run.root()).unwrap().swap_remove(1);
    let other = text.replace("\"report_version\": \"", "\"report_version\": \"9.");
    run.write("public/report.json", &other.replace("This bounds", "This tells"));
    assert!(verify_published(run.root()).is_ok());
    run.write("public/report.json", &other.replace("\"noise_multiplier\": 0.7", "\"noise_multiplier\": 1.7"));
    assert!(matches!(verify_published(run.root()), Err(Error::PublishedDiffers { part, .. }) if part == "mechanism"));
}
