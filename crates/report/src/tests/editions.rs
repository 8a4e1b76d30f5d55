//! Nothing private reaches the public edition, and the private edition has what there is.

use super::fixture::{PLANTED, Run, once_each, plan};
use crate::{Edition, FailedGate, Gates, Section, assemble, check, html, json, markdown, terminal};

fn renderings(run: &Run, edition: Edition) -> Vec<(&'static str, String)> {
    let report = assemble(run.root(), edition).unwrap();
    vec![
        ("json", json(&report)),
        ("markdown", markdown(&report)),
        ("html", html(&report)),
        ("terminal", terminal(&report, true, 80)),
        ("debug", format!("{report:?}")),
    ]
}

/// Every number in a text: the longest runs of digits and points, so that digits inside a hash do not count.
fn numbers(text: &str) -> Vec<f64> {
    let word = |c: char| c.is_alphanumeric() || c == '.';
    text.split(|c: char| !word(c)).filter_map(|word| word.trim_matches('.').parse().ok()).collect()
}

#[test]
fn no_planted_number_reaches_the_public_edition() {
    let run = Run::finished();
    for (name, text) in renderings(&run, Edition::Public) {
        let found: Vec<f64> = numbers(&text).into_iter().filter(|number| PLANTED.contains(number)).collect();
        assert!(found.is_empty(), "{name} contains {found:?}");
        for word in ["parquet", "EMAIL", "device: Some", "a.parquet"] {
            assert!(!text.contains(word), "{name} contains {word}");
        }
    }
    // The search would have found them: the private edition has nearly all.
    let (_, text) = renderings(&run, Edition::Private).swap_remove(0);
    let found = PLANTED.iter().filter(|planted| numbers(&text).contains(planted)).count();
    assert!(found >= 17, "only {found} of the planted numbers are in the private edition");
}

#[test]
fn the_public_edition_does_not_need_the_private_folder() {
    let run = Run::finished();
    let with = renderings(&run, Edition::Public);
    run.write("private/training.json", "not JSON");
    assert_eq!(renderings(&run, Edition::Public), with);
    run.remove("private");
    assert_eq!(renderings(&run, Edition::Public), with);
}

#[test]
fn an_unfinished_run_says_what_it_lacks() {
    let run = Run::of(plan(), &once_each(7));
    run.remove("public/evaluation.json");
    run.remove("private");
    for edition in [Edition::Public, Edition::Private] {
        let report = assemble(run.root(), edition).unwrap();
        let reasons = [
            matches!(&report.corpus, Section::Absent { reason } if !reason.is_empty()),
            matches!(&report.training, Section::Absent { reason } if !reason.is_empty()),
            matches!(&report.evidence, Section::Absent { reason } if !reason.is_empty()),
            matches!(&report.utility, Section::Absent { reason } if reason.contains("not finished")),
        ];
        assert_eq!(reasons, [true; 4]);
        assert_eq!(report.guarantee.steps_charged, 7);
        assert!(markdown(&report).contains("Not in this report"));
    }
}

#[test]
fn the_audit_is_computed_again_from_its_counts() {
    let run = Run::finished();
    // A file may claim any bound; all 504 guesses correct is what refutes.
    run.edit("private/audit.json", "\"correct\": 271", "\"correct\": 504");
    let report = assemble(run.root(), Edition::Private).unwrap();
    let evidence = report.evidence.value().unwrap();
    assert!(evidence.epsilon_lower_bound > 4.0 && evidence.epsilon_lower_bound >= evidence.ceiling);
    let refuted = evidence.epsilon_lower_bound > report.guarantee.epsilon;
    assert_eq!(evidence.verdict == privet_audit::Verdict::Refuted, refuted);
    assert_eq!(report.warnings.iter().any(|warning| warning.contains("refutes")), refuted);
    assert!(refuted, "the example's guarantee is below the ceiling of its audit");
    assert_eq!(crate::check(&report, &crate::Gates::default()), [crate::FailedGate::Refuted]);
}

#[test]
fn a_selftest_counts_for_the_program_that_trained_and_is_judged_anew() {
    let run = Run::finished();
    let of = || assemble(run.root(), Edition::Public).unwrap();
    assert!(of().selftest.value().is_none() && check(&of(), &Gates::default()).is_empty());
    // The program of the ledger, all well.
    run.receipt("b1", 0.5);
    let report = of();
    let selftest = report.selftest.value().unwrap();
    assert!(selftest.passed && selftest.same_program && selftest.checks == 2 && selftest.failed.is_empty());
    assert!(markdown(&report).contains("2 checks, all passed"));
    // A receipt that says "passed" over a figure that is not.
    run.receipt("b1", 1.5);
    let report = of();
    assert!(!report.selftest.value().unwrap().passed && markdown(&report).contains("1 failed"));
    assert!(report.warnings.iter().any(|warning| warning.contains("selftest")));
    assert_eq!(check(&report, &Gates::default()), [FailedGate::Selftest]);
    // Another program's receipt is shown for what it is, and decides nothing.
    run.receipt("b2", 1.5);
    let report = of();
    assert!(markdown(&report).contains("another program") && check(&report, &Gates::default()).is_empty());
    // Without a figure, or without a check, nothing has passed.
    for (from, to) in [("0.9", "null"), ("\"checks\"", "\"checks\": [], \"before\"")] {
        run.receipt("b1", 0.5);
        run.write("public/selftest.json", &run.read("public/selftest.json").replacen(from, to, 1));
        assert!(!of().selftest.value().unwrap().passed, "{to}");
    }
}
