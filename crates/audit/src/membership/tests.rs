//! Counting pairs one by one, and coverage over simulated scores.

use super::*;
use crate::random::{Random, cases};
use proptest::prelude::*;

/// The AUC from its definition: every member against every non-member.
fn pair_by_pair(members: &[f64], non_members: &[f64]) -> f64 {
    let mut wins = 0.0;
    for member in members {
        for other in non_members {
            wins += if member > other { 1.0 } else { 0.5 * f64::from(u8::from(member >= other)) };
        }
    }
    wins / (members.len() * non_members.len()) as f64
}

/// The true positive rate from its definition: try every threshold and keep the best that is allowed.
fn threshold_by_threshold(members: &[f64], non_members: &[f64], fpr: f64) -> u64 {
    let above = |scores: &[f64], threshold: f64| scores.iter().filter(|score| **score > threshold).count();
    let allowed = |threshold: &&f64| above(non_members, **threshold) as f64 <= fpr * non_members.len() as f64 + 1e-9;
    non_members.iter().filter(allowed).map(|threshold| above(members, *threshold)).max().unwrap_or(0) as u64
}

fn floats(list: &[i32]) -> Vec<f64> {
    list.iter().copied().map(f64::from).collect()
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn fast_counts_agree_with_slow_ones(
        members in prop::collection::vec(-5..5i32, 1..40), others in prop::collection::vec(-5..5i32, 1..40), fpr in 0.001..0.999f64
    ) {
        let (members, others) = (floats(&members), floats(&others));
        let found = auc(&members, &others, 0.05).unwrap();
        prop_assert!((found.auc - pair_by_pair(&members, &others)).abs() < 1e-12);
        prop_assert!(found.interval.lower <= found.auc && found.auc <= found.interval.upper);
        let found = tpr_at_fpr(&members, &others, fpr, 0.05).unwrap();
        prop_assert_eq!(found.true_positives, threshold_by_threshold(&members, &others, fpr));
        prop_assert!(found.false_positives as f64 <= fpr * others.len() as f64 + 1e-9);
        prop_assert!(found.interval.lower <= found.tpr && found.tpr <= found.interval.upper);
    }
}

/// n = 500 draws of 100 members one standard deviation above 100 non-members: the true AUC is Φ(1/√2).
#[test]
fn the_interval_covers_the_true_auc() {
    let truth = 0.5 * libm::erfc(-0.5);
    let missed = (0..500)
        .filter(|stream| {
            let mut random = Random::new(*stream);
            let members: Vec<f64> = (0..100).map(|_| 1.0 + random.normal()).collect();
            let others: Vec<f64> = (0..100).map(|_| random.normal()).collect();
            let found = auc(&members, &others, 0.05).unwrap().interval;
            truth < found.lower || truth > found.upper
        })
        .count();
    assert!(missed <= 25, "{missed} of 500");
}

#[test]
fn separated_scores_have_wide_but_not_empty_intervals() {
    let found = auc(&[1.0; 50], &[0.0; 50], 0.05).unwrap();
    assert!((found.auc - 1.0).abs() < 1e-15 && found.interval.lower < 0.9 && found.interval.upper >= 1.0);
    let found = tpr_at_fpr(&[1.0; 50], &[0.0; 50], 0.01, 0.05).unwrap();
    assert_eq!((found.true_positives, found.false_positives), (50, 0));
    // An exact fraction of the non-members may score above: 1 % of 100 is one.
    let non_members: Vec<f64> = (0..100).map(f64::from).collect();
    assert_eq!(tpr_at_fpr(&[98.5], &non_members, 0.01, 0.05).unwrap().true_positives, 1);
    assert_eq!(tpr_at_fpr(&[98.0], &non_members, 0.01, 0.05).unwrap().true_positives, 0);
    assert!(auc(&[], &[1.0], 0.05).is_err() && auc(&[1.0], &[f64::NAN], 0.05).is_err());
    assert!(tpr_at_fpr(&[1.0], &[1.0], 0.0, 0.05).is_err());
}

#[test]
fn a_guarantee_limits_the_true_positive_rate() {
    let limit = |fpr, epsilon: f64, delta: f64| {
        tpr_ceiling(fpr, Epsilon::new(epsilon).unwrap(), Delta::new(delta).unwrap()).unwrap()
    };
    assert!((limit(0.01, 0.0, 1e-9) - 0.01).abs() < 1e-8);
    assert!((limit(0.01, 1.0, 1e-5) - (0.01 * std::f64::consts::E + 1e-5)).abs() < 1e-12);
    // At large rates the other half of the definition is the tighter one.
    assert!((limit(0.5, 2.0, 1e-5) - (1.0 - (-2f64).exp() * (0.5 - 1e-5))).abs() < 1e-12);
    assert!(limit(0.5, 700.0, 0.5) <= 1.0 && limit(0.5, 1e308, 1e-5) <= 1.0);
}
