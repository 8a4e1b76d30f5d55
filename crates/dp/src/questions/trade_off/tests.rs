//! Bounds on tests against the exact tests for one Gaussian, and against plain grids.

use super::*;
use crate::testing::{cases, sampled};
use proptest::prelude::*;
use std::cell::Cell;

fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

/// `Φ⁻¹`, by halving.
fn quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if normal(middle) < p { low = middle } else { high = middle }
    }
    high
}

/// The curve of `N(mu, 1)` against `N(0, 1)` as in the textbook.
fn gaussian_delta(mu: f64, epsilon: f64) -> f64 {
    (normal(mu / 2.0 - epsilon / mu) - epsilon.exp() * normal(-mu / 2.0 - epsilon / mu)).max(0.0)
}

/// The true positive rate of the likelihood ratio test: `1 − Φ(Φ⁻¹(1 − α) − μ)`, by symmetry `Φ(μ + Φ⁻¹(α))`.
fn exact(mu: f64, alpha: f64) -> f64 {
    normal(mu + quantile(alpha))
}

fn rates(event: &Event, alphas: &[f64]) -> Vec<f64> {
    let points = trade_off(event, Adjacency::AddRemove, alphas).unwrap();
    points.iter().map(|point| point.true_positive_rate_upper).collect()
}

#[test]
fn an_exact_curve_gives_the_exact_test() {
    for mu in [0.01, 0.3, 1.0, 2.5, 5.0] {
        for alpha in [1e-9, 1e-4, 0.001, 0.01, 0.1, 0.5, 0.9, 0.999] {
            let looks = Cell::new(0);
            let found = true_positive_rate(alpha, |epsilon| {
                looks.set(looks.get() + 1);
                Ok(gaussian_delta(mu, epsilon))
            });
            let (found, truth) = (found.unwrap(), exact(mu, alpha));
            assert!(found >= truth * (1.0 - 1e-10) && found <= truth * (1.0 + 1e-8), "{mu} {alpha}: {found} {truth}");
            assert!(looks.get() <= 40, "{mu} {alpha}: {} looks", looks.get());
        }
    }
}

#[test]
fn no_gaussian_test_beats_the_bound() {
    for noise in [0.3, 1.0, 4.0, 30.0] {
        let alphas = standard_false_positive_rates();
        for (alpha, bound) in alphas.into_iter().zip(rates(&sampled(1.0, noise, 1), &alphas)) {
            let truth = exact(1.0 / noise, alpha);
            assert!(bound >= truth && bound <= 1.0, "{noise} {alpha}: {bound} {truth}");
        }
    }
}

#[test]
fn the_edges_are_points_of_the_curve() {
    let event = sampled(0.01, 1.0, 100);
    let found = rates(&event, &[0.0, 1e-300, 1.0]);
    assert!(found[0] < 1e-100 && found[1] >= 1e-300 && found[1] < 1e-3 && found[2] >= 1.0, "{found:?}");
    // Nothing released: nothing better than a coin.
    let nothing = rates(&Event::Composed(vec![]), &[0.001, 0.5]);
    assert!((nothing[0] - 0.001).abs() < 1e-9 && (nothing[1] - 0.5).abs() < 1e-9, "{nothing:?}");
    // Next to no noise: everything can be told.
    assert!(rates(&sampled(1.0, 0.01, 10), &[0.001])[0] > 1.0 - 1e-9);
    for bad in [-0.1, 1.1, f64::NAN] {
        assert!(matches!(trade_off(&event, Adjacency::AddRemove, &[bad]), Err(Unsupported::Malformed(_))));
    }
    assert_eq!(trade_off(&Event::NonPrivate, Adjacency::AddRemove, &[0.1]), Err(Unsupported::NonPrivate));
    for bad in [0.0, 1.0, -1.0, f64::NAN] {
        assert!(matches!(attack_success(&event, Adjacency::AddRemove, bad), Err(Unsupported::Malformed(_))));
    }
}

/// The slow twin: every slope of a fine grid.
fn on_grid(event: &Event) -> impl Fn(f64) -> f64 {
    let point = |rung| {
        let epsilon = f64::from(rung) * 0.01;
        (epsilon, delta_at(event, Adjacency::AddRemove, epsilon).unwrap())
    };
    let curve: Vec<(f64, f64)> = (0..=700).map(point).collect();
    move |alpha| {
        let tangent = |(epsilon, delta): &(f64, f64)| {
            (epsilon.exp() * alpha + delta).min(1.0 - (-epsilon).exp() * (1.0 - alpha - delta))
        };
        curve.iter().map(tangent).fold(1.0, f64::min)
    }
}

#[test]
fn the_search_finds_what_a_grid_of_slopes_finds() {
    let phases = Event::Composed(vec![sampled(0.01, 1.0, 500), sampled(0.05, 2.0, 200), sampled(1.0, 9.0, 1)]);
    for event in [sampled(0.01, 1.0, 1000), sampled(0.2, 3.0, 50), phases] {
        let on_grid = on_grid(&event);
        for alpha in [0.001, 0.01, 0.1, 0.5, 0.9] {
            let (found, grid) = (rates(&event, &[alpha])[0], on_grid(alpha));
            assert!(found <= grid * (1.0 + 1e-9) && found >= grid * (1.0 - 1e-4), "{alpha}: {found} {grid}");
        }
    }
}

/// Bayes' test between two Gaussians: `max over thresholds` of the probability of being right.
fn exact_success(mu: f64, prior: f64) -> f64 {
    // Claim membership above x = mu/2 + log((1 − π)/π)/mu.
    let threshold = mu / 2.0 + ((1.0 - prior) / prior).ln() / mu;
    prior * normal(mu - threshold) + (1.0 - prior) * normal(threshold)
}

#[test]
fn no_guess_about_membership_beats_the_bound() {
    for noise in [0.5, 1.0, 4.0] {
        for prior in [1e-6, 0.01, 0.3, 0.5, 0.7, 0.999] {
            let bound = attack_success(&sampled(1.0, noise, 1), Adjacency::AddRemove, prior).unwrap();
            let truth = exact_success(1.0 / noise, prior);
            assert!(bound >= truth && bound <= 1.0, "{noise} {prior}: {bound} {truth}");
            // The formula itself is exact when the curve is.
            let (rare, common) = (prior.min(1.0 - prior), prior.max(1.0 - prior));
            let formula = common + rare * gaussian_delta(1.0 / noise, (common / rare).ln());
            assert!((formula - truth).abs() < 1e-14, "{noise} {prior}: {formula} {truth}");
        }
    }
}

#[test]
fn a_fair_coin_is_beaten_by_half_of_delta_at_most() {
    let event = sampled(0.01, 1.0, 1000);
    let success = attack_success(&event, Adjacency::AddRemove, 0.5).unwrap();
    let delta = delta_at(&event, Adjacency::AddRemove, 0.0).unwrap();
    assert!((success - 0.5 * (1.0 + delta)).abs() < 1e-12);
    assert!((attack_success(&Event::Composed(vec![]), Adjacency::AddRemove, 0.2).unwrap() - 0.8).abs() < 1e-12);
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn more_noise_helps_no_attacker(
        log_q in -6.0..0.0f64, log_noise in -1.0..2.0f64, steps in 1..2000u64, alpha in 0.0001..0.999f64
    ) {
        let (q, noise) = (log_q.exp(), log_noise.exp());
        let (loud, quiet) = (sampled(q, 1.2 * noise, steps), sampled(q, noise, steps));
        let (less, more) = (rates(&loud, &[alpha])[0], rates(&quiet, &[alpha])[0]);
        prop_assert!(less <= more * (1.0 + 1e-6) && less >= alpha, "{less} {more}");
        // A larger rate never lowers the curve.
        prop_assert!(rates(&loud, &[alpha * 0.9])[0] <= less * (1.0 + 1e-6));
        let success = |event, prior| attack_success(event, Adjacency::AddRemove, prior).unwrap();
        prop_assert!(success(&loud, alpha) <= success(&quiet, alpha) * (1.0 + 1e-6));
        prop_assert!(success(&loud, alpha) >= alpha.max(1.0 - alpha));
    }
}
