//! The bound against its formula, and against secrets that were and were not learned.

use super::*;
use crate::random::{Random, cases};
use proptest::prelude::*;

fn plan(exponents: &[u32]) -> RankPlan {
    RankPlan { candidates: 1 << 20, exponents: exponents.to_vec(), delta: 1e-5, alpha: 0.05 }
}

#[test]
fn the_ceiling_is_alpha_times_the_number_of_candidates() {
    let pure = RankPlan { delta: 0.0, ..plan(&[20]) };
    assert!((ceiling(&pure).unwrap() - (0.05 * 2f64.powi(20)).ln()).abs() < 1e-12);
    // Shared among four exponents.
    let shared = RankPlan { delta: 0.0, ..plan(&[5, 10, 15, 20]) };
    assert!((ceiling(&shared).unwrap() - (0.0125 * 2f64.powi(20)).ln()).abs() < 1e-12);
}

#[test]
fn a_rank_counts_ties_against_the_secret() {
    assert_eq!(rank(5.0, &[4.0, 3.0]).unwrap(), 1);
    assert_eq!(rank(5.0, &[5.0, 6.0, 4.0]).unwrap(), 3);
    assert_eq!(rank(0.0, &[0.0; 9]).unwrap(), 10);
    assert_eq!(rank(0.0, &[]).unwrap(), 1);
    assert!(rank(f64::NAN, &[1.0]).is_err() && rank(1.0, &[f64::NAN]).is_err());
}

/// n = 1000 audits of 200 canaries with uniform ranks, alpha = 0.05.
#[test]
fn secrets_never_learned_show_a_leak_no_more_often_than_alpha() {
    let plan = plan(&[4, 8, 12, 16]);
    let alarms = (0..1000)
        .filter(|stream| {
            let mut random = Random::new(*stream);
            let ranks: Vec<u64> = (0..200).map(|_| 1 + (random.word() >> 44)).collect();
            audit(&ranks, &plan, 1.0).unwrap().epsilon_lower_bound > 0.0
        })
        .count();
    assert!(alarms <= 50, "{alarms} alarms in 1000");
}

#[test]
fn learned_secrets_refute_a_claim_of_eight() {
    let found = audit(&[1; 200], &plan(&[8, 14, 18, 20]), 8.0).unwrap();
    assert_eq!(found.verdict, Verdict::Refuted);
    assert!((found.epsilon_lower_bound - found.ceiling).abs() < 1e-12);
    assert_eq!(found.hits[3], Hits { exponent: 20, hits: 200 });
    // Half of them learned, the rest ranked last.
    let half: Vec<u64> = (0..200).map(|canary| if canary % 2 == 0 { 1 } else { 1 << 20 }).collect();
    assert_eq!(audit(&half, &plan(&[18]), 8.0).unwrap().verdict, Verdict::Refuted);
    // The largest bound of so few candidates is below the claim.
    let few = RankPlan { candidates: 256, ..plan(&[8]) };
    assert_eq!(audit(&[1; 200], &few, 8.0).unwrap().verdict, Verdict::Uninformative);
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn the_bound_is_the_formula(hits in 0..=100u64, exponent in 0..=20u32, delta in 0.0..0.01f64) {
        let plan = RankPlan { delta, ..plan(&[exponent]) };
        let ranks: Vec<u64> = (0..100).map(|canary| if canary < hits { 1 } else { 1 << 20 }).collect();
        let found = audit(&ranks, &plan, 1.0).unwrap();
        // With exponent 0 the top is everything.
        let hits = if exponent == 0 { 100 } else { hits };
        let excess = (0.05 * hits as f64 / 100.0 - delta) * 2f64.powi(exponent as i32);
        prop_assert!((found.epsilon_lower_bound - excess.max(1.0).ln()).abs() < 1e-9);
        prop_assert!(found.epsilon_lower_bound <= found.ceiling);
    }
}

#[test]
fn plans_and_ranks_out_of_range_are_refused() {
    assert!(audit(&[], &plan(&[4]), 1.0).is_err());
    assert!(audit(&[0], &plan(&[4]), 1.0).is_err() && audit(&[(1 << 20) + 1], &plan(&[4]), 1.0).is_err());
    for exponents in [&[][..], &[21], &[64], &[200]] {
        assert!(audit(&[1], &plan(exponents), 1.0).is_err(), "{exponents:?}");
    }
    assert!(audit(&[1], &RankPlan { alpha: 0.0, ..plan(&[4]) }, 1.0).is_err());
    assert!(audit(&[1], &RankPlan { delta: f64::NAN, ..plan(&[4]) }, 1.0).is_err());
}
