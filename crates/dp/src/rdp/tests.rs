//! Golden rows, the laws that any accountant keeps, and inputs at the edge of what floats hold.

use super::*;
use crate::testing::{cases, sampled};
use proptest::prelude::*;

fn epsilon_of(event: &Event, delta: f64) -> f64 {
    epsilon(event, Delta::new(delta).unwrap(), Adjacency::AddRemove).unwrap().epsilon.get()
}

#[test]
fn is_above_the_truth_and_not_above_other_rdp_accountants() {
    let table = include_str!("../../tests/golden/epsilon.csv");
    let mut rows = 0;
    for row in table.lines().filter(|line| !line.starts_with(['#', 'i'])) {
        let cells: Vec<&str> = row.split(',').collect();
        let releases = cells[1].split(';').map(|component| {
            let numbers: Vec<f64> = component.split(':').map(|cell| cell.parse().unwrap()).collect();
            sampled(numbers[0], numbers[1], numbers[2] as u64)
        });
        let found = epsilon_of(&Event::Composed(releases.collect()), cells[2].parse().unwrap());
        let truth: f64 = cells[3].parse().unwrap();
        assert!(found >= truth, "{row}: {found}");
        // Their orders are a grid and ours are not, so theirs cannot be smaller by more than their own rounding.
        for peer in cells[5..].iter().filter(|cell| !cell.is_empty()) {
            let peer: f64 = peer.parse().unwrap();
            assert!(found <= peer * (1.0 + 1e-6), "{row}: {found}");
            // On a coarse grid theirs can be far larger, but not where the best order is inside it.
            if (0.6..8.0).contains(&peer) && cells[0] != "P13" {
                assert!(found >= peer * 0.99, "{row}: {found}");
            }
        }
        rows += 1;
    }
    assert_eq!(rows, 47);
}

/// The minimum over a fine grid of orders, with nothing clever about it.
#[test]
fn the_search_finds_what_a_grid_of_orders_finds() {
    for (q, s, steps, delta) in
        [(0.01, 1.0, 1000, 1e-6), (0.2, 0.4, 3, 1e-9), (1e-4, 0.5, 1_000_000, 1e-9), (0.3, 50.0, 100, 1e-5)]
    {
        let event = sampled(q, s, steps);
        let releases =
            poisson_only(&crate::release::releases(&event, Adjacency::AddRemove).unwrap().mechanisms).unwrap();
        let on_grid = (0..5_000)
            .map(|rung| 1e-2 * 1.0032f64.powi(rung))
            .map(|c| epsilon_at(c, total(&releases, c, Direction::Remove), f64::ln(delta)))
            .fold(f64::INFINITY, f64::min);
        let found = epsilon_of(&event, delta);
        assert!((found / on_grid - 1.0).abs() < 1e-5 && found <= on_grid * (1.0 + 1e-9), "{found} {on_grid}");
    }
}

#[test]
fn nothing_released_costs_nothing() {
    for event in [sampled(0.0, 1.0, 1000), sampled(0.01, 1.0, 0), Event::Composed(vec![])] {
        let bound = epsilon(&event, Delta::new(1e-30).unwrap(), Adjacency::AddRemove).unwrap();
        assert!(bound.epsilon.get().to_bits() == 0 && bound.order.is_none());
        assert!(delta_of(&event, Epsilon::new(0.0).unwrap(), Adjacency::AddRemove).unwrap() <= 0.0);
    }
    // A large delta swallows the whole release.
    assert!(epsilon_of(&sampled(0.01, 20.0, 10), 0.01).to_bits() == 0);
    assert!(epsilon_of(&sampled(1e-5, 1.0, 1), 1e-5).to_bits() == 0);
}

#[test]
fn edges_give_a_number_or_a_typed_refusal() {
    for q in [5e-20, 1e-9, 1e-4, 0.5, 1.0 - 1e-16, 1.0] {
        for s in [1e-200, 1e-9, 0.05, 0.3, 1.0, 37.0, 1000.0, 1e9, 1e300] {
            for steps in [1, 1000, 100_000_000, u64::MAX] {
                for delta in [1e-300, 1e-30, 1e-5, 0.5, 0.999] {
                    let event = sampled(q, s, steps);
                    match epsilon(&event, Delta::new(delta).unwrap(), Adjacency::AddRemove) {
                        Ok(bound) => assert!(bound.order.is_none_or(|order| order > 0.999_999)),
                        Err(error) => {
                            assert_eq!(error, Unsupported::Unbounded);
                            assert!(s < 1e-100, "q {q} s {s} steps {steps} delta {delta}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_bounded_is_refused_by_name() {
    let delta = Delta::new(1e-6).unwrap();
    let refuse = |event: &Event, adjacency| epsilon(event, delta, adjacency).unwrap_err();
    assert_eq!(refuse(&Event::NonPrivate, Adjacency::AddRemove), Unsupported::NonPrivate);
    let twice = Event::Repeated { event: Box::new(sampled(0.1, 1.0, u64::MAX)), count: 2 };
    assert_eq!(refuse(&twice, Adjacency::AddRemove), Unsupported::TooManyReleases);
    // A release without noise that never happens is no release.
    let never = Event::Repeated { event: Box::new(Event::NonPrivate), count: 0 };
    assert!(epsilon(&never, delta, Adjacency::AddRemove).is_ok());
    assert!(epsilon(&sampled(1.0, 1.0, 1), delta, Adjacency::ReplaceOne).is_ok());
    assert_eq!(
        epsilon(&sampled(0.1, 1.0, 9), delta, Adjacency::ZeroOut),
        epsilon(&sampled(0.1, 1.0, 9), delta, Adjacency::AddRemove)
    );
}

/// Slack of the golden-section search, which stops at slightly different orders for slightly different inputs.
const SEARCH: f64 = 1e-8;

fn anywhere() -> impl Strategy<Value = (f64, f64, u64, f64)> {
    let log = |range: std::ops::Range<f64>| range.prop_map(f64::exp);
    (log(-20.0..0.0), log(-1.5..4.0), 1..200_000u64, log(-60.0..-1.0))
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn epsilon_grows_with_sampling_and_steps_and_falls_with_noise_and_delta((q, s, steps, delta) in anywhere()) {
        let here = epsilon_of(&sampled(q, s, steps), delta) * (1.0 - SEARCH);
        prop_assert!(here <= epsilon_of(&sampled((q * 1.1).min(1.0), s, steps), delta), "sampling");
        prop_assert!(here <= epsilon_of(&sampled(q, s, steps + 1 + steps / 10), delta), "steps");
        prop_assert!(here <= epsilon_of(&sampled(q, s / 1.1, steps), delta), "noise");
        prop_assert!(here <= epsilon_of(&sampled(q, s, steps), delta / 1.5), "delta");
    }

    /// One release has an exact curve: `δ(ε) = q·δ_G(log(1 + (e^ε − 1)/q))`, `δ_G` that of the unsampled release. It must not
    /// exceed delta at the epsilon reported.
    #[test]
    fn one_release_keeps_its_exact_curve(log_q in -12.0..-0.01f64, log_s in -0.7..4.0f64, log_delta in -25.0..-1.0f64) {
        let (q, s, delta) = (log_q.exp(), log_s.exp(), log_delta.exp());
        let epsilon = epsilon_of(&sampled(q, s, 1), delta);
        let normal = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
        let unsampled = (epsilon.exp_m1() / q).ln_1p();
        let (half, far) = (1.0 / (2.0 * s), unsampled * s);
        let exact = q * (normal(half - far) - unsampled.exp() * normal(-half - far));
        prop_assert!(exact <= delta * (1.0 + 1e-9), "{exact:e} {delta:e}");
    }

    #[test]
    fn order_and_grouping_change_not_one_bit((q, s, steps, delta) in anywhere(), (r, t, more, _) in anywhere()) {
        let (first, second) = (sampled(q, s, steps), sampled(r, t, more));
        let one_way = Event::Composed(vec![first.clone(), second.clone()]);
        let other_way = Event::Composed(vec![Event::Composed(vec![second.clone()]), first.clone()]);
        let split = Event::Composed(vec![sampled(q, s, steps / 3), second, sampled(q, s, steps - steps / 3)]);
        let expected = epsilon_of(&one_way, delta).to_bits();
        prop_assert_eq!(expected, epsilon_of(&other_way, delta).to_bits());
        prop_assert_eq!(expected, epsilon_of(&split, delta).to_bits());
        prop_assert!(epsilon_of(&first, delta) * (1.0 - SEARCH) <= f64::from_bits(expected));
    }

    #[test]
    fn delta_of_epsilon_comes_back((q, s, steps, delta) in anywhere()) {
        let event = sampled(q, s, steps);
        let epsilon = epsilon_of(&event, delta);
        let back = delta_of(&event, Epsilon::new(epsilon).unwrap(), Adjacency::AddRemove).unwrap();
        prop_assert!(back <= delta * (1.0 + 1e-6 * (1.0 + epsilon)), "{back:e}");
        prop_assert!(epsilon <= 0.0 || back >= delta * (1.0 - 1e-6 * (1.0 + epsilon)), "{back:e}");
    }
}
