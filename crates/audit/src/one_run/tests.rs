//! Published ceilings, a closed-form twin, and simulated mechanisms: correct, useless and broken.

use super::*;
use crate::clopper_pearson;

use crate::random::{Random, cases};
use crate::special::binomial_tails;
use privet_dp::{Adjacency, Delta, Event, NoiseMultiplier, account};
use proptest::prelude::*;

#[test]
fn ceilings_of_all_correct_guesses() {
    for (canaries, epsilon) in [(100, 3.49), (500, 5.10), (1000, 5.78), (2000, 6.45), (5000, 7.28), (10_000, 7.83)] {
        let found = ceiling(canaries, canaries, 1e-5, 0.05).unwrap();
        assert!((found - epsilon).abs() < 0.006, "{canaries}: {found}");
    }
    // A fifth of 1000 canaries guessed.
    assert!((ceiling(200, 1000, 1e-5, 0.05).unwrap() - 4.17).abs() < 0.006);
}

proptest! {
    #![proptest_config(cases(256))]

    /// Without delta the test is a plain binomial test, whose limit is Clopper and Pearson's.
    #[test]
    fn without_delta_it_is_a_binomial_limit(guesses in 1..300u64, part in 0.0..=1.0f64, alpha in 0.01..0.3f64) {
        let correct = (part * guesses as f64) as u64;
        let found = epsilon_lower_bound(correct, guesses, 2 * guesses, 0.0, alpha).unwrap();
        let q = clopper_pearson::lower(correct, guesses, alpha).unwrap();
        let expected = if q > 0.5 { libm::log(q / (1.0 - q)) } else { 0.0 };
        prop_assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }

    #[test]
    fn more_correct_more_canaries_and_more_delta_move_the_bound_the_right_way(
        guesses in 2..200u64, part in 0.5..=1.0f64, log_delta in -20.0..-4.0f64
    ) {
        let correct = (part * guesses as f64) as u64;
        let delta = log_delta.exp();
        let bound = |correct, canaries, delta| epsilon_lower_bound(correct, guesses, canaries, delta, 0.05).unwrap();
        let here = bound(correct, 2 * guesses, delta);
        prop_assert!(here >= bound(correct - 1, 2 * guesses, delta) - 1e-6);
        prop_assert!(here >= bound(correct, 3 * guesses, delta) - 1e-6);
        prop_assert!(here >= bound(correct, 2 * guesses, 2.0 * delta) - 1e-6);
        prop_assert!(here <= ceiling(guesses, 2 * guesses, delta, 0.05).unwrap() + 1e-6);
    }

    /// The sorted count against the definition: a canary's rank is the number of canaries before it.
    #[test]
    fn counting_agrees_with_ranking_one_by_one(
        included in prop::collection::vec(-3..3i32, 0..20), excluded in prop::collection::vec(-3..3i32, 1..20), half in 1..8usize
    ) {
        let floats = |list: &[i32]| list.iter().copied().map(f64::from).collect::<Vec<_>>();
        let (included, excluded) = (floats(&included), floats(&excluded));
        let half = half.min(included.len() + excluded.len());
        // At a tie every excluded canary stands before every included one.
        let top = (0..included.len()).filter(|&own| {
            let before = included.iter().enumerate().filter(|&(i, s)| *s > included[own] || (i < own && *s >= included[own]));
            before.count() + excluded.iter().filter(|s| **s >= included[own]).count() < half
        });
        prop_assert_eq!(correct_at_top(&included, &excluded, half), top.count() as u64);
        let negated = |list: &[f64]| list.iter().map(|score| -score).collect::<Vec<_>>();
        let mirrored = correct_at_top(&negated(&excluded), &negated(&included), half);
        prop_assert_eq!(correct_at_bottom(&included, &excluded, half), mirrored);
    }
}

/// Scores of canaries with fair coins: `signal` if included, plus `noise` standard normals.
fn simulate(stream: u64, canaries: usize, signal: f64, noise: f64) -> (Vec<f64>, Vec<f64>) {
    let mut random = Random::new(stream);
    let (mut included, mut excluded) = (Vec::new(), Vec::new());
    for _ in 0..canaries {
        let joined = random.coin();
        let score = noise * random.normal() + if joined { signal } else { 0.0 };
        if joined {
            included.push(score);
        } else {
            excluded.push(score);
        }
    }
    (included, excluded)
}

/// Probability that pure noise gives a positive bound: every guess is a fair coin, so this is a binomial tail.
fn false_alarm_rate(guesses: u64, canaries: u64, alpha: f64) -> f64 {
    let alarm = |correct: &u64| epsilon_lower_bound(*correct, guesses, canaries, 1e-5, alpha).unwrap() > 0.0;
    let first = (0..=guesses).find(alarm).unwrap();
    binomial_tails(guesses, 0.5)[first as usize]
}

#[test]
fn noise_shows_a_leak_no_more_often_than_alpha() {
    for guesses in [10, 20, 60, 150, 300, 1000] {
        for alpha in [0.2, 0.05, 0.01] {
            let rate = false_alarm_rate(guesses, 2 * guesses, alpha);
            assert!(rate <= alpha && rate > 0.05 * alpha, "{guesses} guesses at {alpha}: {rate}");
        }
    }
}

/// n = 1000 audits of pure noise per guess fraction, alpha = 0.05. The number of positive bounds is binomial with the exact
/// rate above; allowed are three of its standard deviations either way.
#[test]
fn simulated_noise_shows_a_leak_as_often_as_computed() {
    for (guess_fraction, guesses) in [(0.2, 60), (1.0, 300)] {
        let alarms = (0..1000)
            .filter(|stream| {
                let (included, excluded) = simulate(*stream, 300, 0.0, 1.0);
                let audit = one_run(&included, &excluded, guess_fraction, 1e-5, 0.05, 1.0).unwrap();
                audit.epsilon_lower_bound > 0.0
            })
            .count() as f64;
        let rate = false_alarm_rate(guesses, 300, 0.05);
        let deviation = (1000.0 * rate * (1.0 - rate)).sqrt();
        assert!((alarms - 1000.0 * rate).abs() <= 3.0 * deviation, "{alarms} alarms in 1000, expected {rate}");
    }
}

/// A Gaussian release of every canary on its own coordinate, claimed at its exact epsilon; 200 runs.
#[test]
fn a_correct_mechanism_is_refuted_no_more_often_than_alpha() {
    let (noise, delta) = (1.0, 1e-5);
    let event = Event::Gaussian { noise_multiplier: NoiseMultiplier::new(noise).unwrap() };
    let claimed = account(&event, Delta::new(delta).unwrap(), Adjacency::AddRemove).unwrap().epsilon_upper.get();
    let audits = |noise: f64| {
        (0..200)
            .map(|stream| {
                let (included, excluded) = simulate(stream, 1000, 1.0, noise);
                one_run(&included, &excluded, 0.2, delta, 0.05, claimed).unwrap()
            })
            .filter(|audit| audit.verdict == Verdict::Refuted)
            .count()
    };
    assert!(audits(noise) <= 10);
    // Claimed 4.4 with a ceiling of 4.17, this audit could never have refuted it, and says so.
    let (included, excluded) = simulate(1, 1000, 1.0, noise);
    let audit = one_run(&included, &excluded, 0.2, delta, 0.05, claimed).unwrap();
    assert_eq!(audit.verdict, Verdict::Uninformative);
}

#[test]
fn forgotten_noise_is_flagged() {
    for (claimed, expected) in [(1.0, Verdict::Refuted), (3.0, Verdict::Refuted), (8.0, Verdict::Uninformative)] {
        let (included, excluded) = simulate(7, 1000, 1.0, 0.0);
        let audit = one_run(&included, &excluded, 0.2, 1e-5, 0.05, claimed).unwrap();
        assert_eq!((audit.guesses, audit.correct, audit.verdict), (200, 200, expected));
        assert!((audit.epsilon_lower_bound - audit.ceiling).abs() < 1e-9);
    }
    // A tenth of the noise that was claimed.
    let (included, excluded) = simulate(8, 1000, 1.0, 0.1);
    let audit = one_run(&included, &excluded, 0.2, 1e-5, 0.05, 1.0).unwrap();
    assert_eq!(audit.verdict, Verdict::Refuted);
}

#[test]
fn a_constant_score_gets_nothing_right() {
    let audit = one_run(&[0.0; 50], &[-0.0; 50], 1.0, 1e-5, 0.05, 1.0).unwrap();
    assert_eq!((audit.correct, audit.verdict), (0, Verdict::Consistent));
    assert!(audit.epsilon_lower_bound <= 0.0);
}

#[test]
fn what_cannot_be_audited_is_refused() {
    let ok = [1.0, 2.0];
    assert!(matches!(one_run(&ok, &[f64::NAN], 0.5, 1e-5, 0.05, 1.0), Err(Error::NotANumber { index: 0, .. })));
    assert!(matches!(one_run(&ok, &ok, 0.1, 1e-5, 0.05, 1.0), Err(Error::Empty { .. })));
    assert!(matches!(one_run(&[], &[], 0.5, 1e-5, 0.05, 1.0), Err(Error::Empty { .. })));
    for (fraction, delta, alpha, claimed) in [
        (0.0, 1e-5, 0.05, 1.0),
        (1.1, 1e-5, 0.05, 1.0),
        (0.5, -1.0, 0.05, 1.0),
        (0.5, 1e-5, 1.0, 1.0),
        (0.5, 1e-5, 0.05, -1.0),
    ] {
        assert!(matches!(one_run(&ok, &ok, fraction, delta, alpha, claimed), Err(Error::OutOfRange { .. })));
    }
    assert!(epsilon_lower_bound(3, 2, 10, 0.0, 0.05).is_err() && epsilon_lower_bound(1, 11, 10, 0.0, 0.05).is_err());
    // All coins fell alike, and a score ran off to infinity: still an audit.
    assert!(one_run(&[f64::INFINITY, 1.0], &[], 1.0, 0.0, 0.05, f64::INFINITY).is_ok());
}
