//! Golden rows, the laws that any accountant keeps, and inputs at the edge of what floats hold.

use super::*;
use crate::testing::{cases, sampled};
use crate::{NoiseMultiplier, SamplingRate, Trials};
use proptest::prelude::*;

fn epsilon_of_event(event: &Event, delta: f64) -> f64 {
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
        let found = epsilon_of_event(&Event::Composed(releases.collect()), cells[2].parse().unwrap());
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
        let total = Total::new(&releases(&event, Adjacency::AddRemove).unwrap(), Direction::Remove).unwrap();
        let on_grid = (0..5_000)
            .map(|rung| 1e-2 * 1.0032f64.powi(rung))
            .map(|c| epsilon_at(c, total.upper(c).unwrap(), f64::ln(delta)))
            .fold(f64::INFINITY, f64::min);
        let found = epsilon_of_event(&event, delta);
        assert!((found / on_grid - 1.0).abs() < 1e-5 && found <= on_grid * (1.0 + 1e-9), "{found} {on_grid}");
    }
}

/// Golden-section search over `log c` on the bound itself: `(c, value)` of the best point.
fn golden_section(value: impl Fn(f64) -> f64) -> (f64, f64) {
    const RATIO: f64 = 0.618_033_988_749_894_9;
    let at = |log_c: f64| {
        let c = libm::exp(log_c);
        (c, value(c))
    };
    let (mut left, mut right) = (libm::log(1e-6), libm::log(1e6));
    let (mut inner_left, mut inner_right) = (right - RATIO * (right - left), left + RATIO * (right - left));
    let (mut at_left, mut at_right) = (at(inner_left), at(inner_right));
    while right - left > 1e-5 {
        // Ties go left: where both ends overflow, only a smaller order can help.
        if at_left.1 <= at_right.1 {
            right = inner_right;
            (inner_right, at_right) = (inner_left, at_left);
            inner_left = right - RATIO * (right - left);
            at_left = at(inner_left);
        } else {
            left = inner_left;
            (inner_left, at_left) = (inner_right, at_right);
            inner_right = left + RATIO * (right - left);
            at_right = at(inner_right);
        }
    }
    if at_left.1 <= at_right.1 { at_left } else { at_right }
}

fn search(event: Event, trials: Trials) -> Event {
    Event::HyperparameterSelection { event: Box::new(event), trials }
}

#[test]
fn the_search_finds_what_a_golden_section_finds() {
    let geometric = Trials::NegativeBinomial { shape: 1.0, gamma: 0.02 };
    let logarithmic = Trials::NegativeBinomial { shape: 0.0, gamma: 0.2 };
    let group = |group_size| Event::PoissonSampledGroup {
        sampling_rate: SamplingRate::from_f64(0.01).unwrap(),
        noise_multiplier: NoiseMultiplier::new(2.0).unwrap(),
        group_size,
    };
    let many = (1..40u64).map(|k| sampled(1e-3 * k as f64, 0.6 + 0.02 * k as f64, k));
    for (event, adjacency) in [
        (sampled(0.01, 1.0, 1000), Adjacency::AddRemove),
        (sampled(1e-9, 0.3, 100_000_000), Adjacency::AddRemove),
        (sampled(0.5, 0.1, 1), Adjacency::AddRemove),
        (sampled(1e-3, 300.0, 17), Adjacency::AddRemove),
        (sampled(1.0, 3.0, 5), Adjacency::AddRemove),
        (sampled(0.01, 1.0, 1000), Adjacency::ReplaceOne),
        (sampled(0.9, 0.7, 3), Adjacency::ReplaceOne),
        (Event::Repeated { event: Box::new(group(8)), count: 300 }, Adjacency::ZeroOut),
        (Event::Composed(many.collect()), Adjacency::AddRemove),
        (search(sampled(0.01, 1.0, 1000), geometric), Adjacency::AddRemove),
        (search(search(sampled(0.02, 1.5, 90), logarithmic), geometric), Adjacency::AddRemove),
        (
            Event::Composed(vec![sampled(0.02, 1.5, 90), search(sampled(1e-3, 0.9, 900), logarithmic)]),
            Adjacency::ReplaceOne,
        ),
    ] {
        let releases = releases(&event, adjacency).unwrap();
        let total = Total::new(&releases, Direction::Remove).unwrap();
        for delta in [1e-30, 1e-6, 0.01] {
            let log_delta = f64::ln(delta);
            let (_, slow) = golden_section(|c| epsilon_at(c, total.upper(c).unwrap(), log_delta));
            let (_, fast) = least_epsilon(&total, log_delta).unwrap();
            // Far below the total variation the best order lies beyond what the slow search covers.
            assert!(fast <= slow * (1.0 + 1e-8) + 1e-9, "{event:?} {delta}: {fast} {slow}");
            assert!(fast >= slow * (1.0 - 1e-8) - 2e-5, "{event:?} {delta}: {fast} {slow}");
        }
        for epsilon in [0.01, 1.0, 20.0] {
            // Below e^-700 both stand for a delta of 0.
            let (_, slow) = golden_section(|c| log_delta_at(c, total.upper(c).unwrap(), epsilon).max(-700.0));
            let fast = least_delta(&total, epsilon).unwrap();
            assert!(fast <= slow.min(0.0) + 1e-7 * (1.0 + slow.abs()), "{event:?} {epsilon}: {fast} {slow}");
        }
    }
}

/// The Poisson law of runs asks for the delta of one run at every order; its curve is searched on difference quotients.
#[test]
fn a_search_with_a_poisson_number_of_runs_is_found_too() {
    for (event, mean) in [(sampled(0.01, 1.0, 1000), 10.0), (sampled(0.05, 4.0, 500), 0.4)] {
        let event = search(event, Trials::Poisson { mean });
        let total = Total::new(&releases(&event, Adjacency::AddRemove).unwrap(), Direction::Remove).unwrap();
        let (_, slow) = golden_section(|c| epsilon_at(c, total.upper(c).unwrap(), f64::ln(1e-6)));
        let (_, fast) = least_epsilon(&total, f64::ln(1e-6)).unwrap();
        assert!((fast / slow - 1.0).abs() < 1e-6, "{fast} {slow}");
    }
}

#[test]
fn searches_cost_what_a_grid_of_orders_says() {
    let table = include_str!("../../tests/golden/selection.csv");
    let mut rows = 0;
    for row in table.lines().filter(|line| !line.starts_with(['#', 's'])) {
        let cells: Vec<&str> = row.split(',').collect();
        let number = |index: usize| cells[index].parse::<f64>().unwrap();
        let trials = if cells[3] == "poisson" {
            Trials::Poisson { mean: number(4) }
        } else {
            Trials::NegativeBinomial { shape: number(4), gamma: number(5) }
        };
        let event = search(sampled(number(0), number(1), number(2) as u64), trials);
        let (found, expected) = (epsilon_of_event(&event, number(6)), number(7));
        // Their orders are a grid and ours are not.
        assert!(found <= expected * (1.0 + 1e-8) && found >= expected * (1.0 - 2e-4), "{row}: {found}");
        rows += 1;
    }
    assert_eq!(rows, 24);
}

/// Exact epsilons from a contour integral.
#[test]
fn replacing_a_record_is_bounded_from_above() {
    for (q, s, steps, delta, exact) in
        [(0.01, 1.0, 1000, 1e-6, 3.214_230_966_557), (0.001, 0.8, 10_000, 1e-7, 1.501_017_589_401)]
    {
        // The noise of the reference is relative to one record's norm, ours to the distance of two.
        let found = epsilon(&sampled(q, s / 2.0, steps), Delta::new(delta).unwrap(), Adjacency::ReplaceOne).unwrap();
        assert!((exact..1.8 * exact).contains(&found.epsilon.get()), "{found:?} {exact}");
    }
}

/// Exact epsilons from a contour integral, for batches cut at 700, 640 and 600 of 60,000 records.
#[test]
fn a_cut_batch_is_bounded_from_above() {
    let mut last = epsilon_of_event(&sampled(0.01, 1.0, 1000), 1e-6);
    for (batch, exact) in [(700, 2.606_990_593_369), (640, 7.319_623_904_587), (600, 12.950_706_511_633)] {
        let event = Event::TruncatedPoissonSampledGaussian {
            sampling_rate: SamplingRate::from_f64(0.01).unwrap(),
            noise_multiplier: NoiseMultiplier::new(1.0).unwrap(),
            dataset_size: 60_000,
            batch_size_max: batch,
        };
        let found = epsilon_of_event(&Event::Repeated { event: Box::new(event), count: 1000 }, 1e-6);
        assert!((exact..2.0 * exact).contains(&found) && found > last, "{batch}: {found} {exact}");
        last = found;
    }
}

/// k neighbours in a chain: (epsilon, delta) for one is `(k·epsilon, k·e^{(k − 1)·epsilon}·delta)` for k.
#[test]
fn a_group_costs_more_than_its_members_but_less_than_a_chain_of_them() {
    let group = |group_size, delta| {
        let event = Event::PoissonSampledGroup {
            sampling_rate: SamplingRate::from_f64(0.01).unwrap(),
            noise_multiplier: NoiseMultiplier::new(5.0).unwrap(),
            group_size,
        };
        epsilon_of_event(&Event::Repeated { event: Box::new(event), count: 200 }, delta)
    };
    assert!(group(0, 1e-6).to_bits() == 0);
    assert!(group(1, 1e-6).to_bits() == epsilon_of_event(&sampled(0.01, 5.0, 200), 1e-6).to_bits());
    for size in 2..=10 {
        let k = f64::from(size);
        let one = group(1, 1e-10);
        let delta = k * ((k - 1.0) * one).exp() * 1e-10;
        let (smaller, found) = (group(size - 1, delta), group(size, delta));
        assert!(smaller < found && found < k * one, "{size}: {smaller} {found} {one} {delta:e}");
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
    assert!(epsilon_of_event(&sampled(0.01, 20.0, 10), 0.01).to_bits() == 0);
    assert!(epsilon_of_event(&sampled(1e-5, 1.0, 1), 1e-5).to_bits() == 0);
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
fn without_replacement_lies_above_its_law_and_not_far() {
    for (rate, noise, c) in [(0.1, 1.0, 3.0), (0.01, 2.0, 20.0), (0.5, 4.0, 8.0), (0.9, 1.0, 1.0)] {
        let density =
            |x: f64, mean: f64| libm::exp(-((x - mean) / noise).powi(2) / 2.0) / (noise * std::f64::consts::TAU.sqrt());
        // Proposition 30 of Zhu, Dong and Wang: one pair where the loss is above 0, another where it is below.
        let above = |x: f64| ((1.0 - rate) * density(x, 0.0) + rate * density(x, 1.0), density(x, 0.0));
        let below = |x: f64| (density(x, 0.0), (1.0 - rate) * density(x, 0.0) + rate * density(x, -1.0));
        let step = noise / 2000.0;
        let (mut moment, mut mass) = (0.0, 0.0);
        let mut add = |(p, q): (f64, f64)| {
            moment += step * p * libm::pow(p / q, c);
            mass += step * p;
        };
        for k in 0..60_000 {
            let x = 0.5 + (f64::from(k) + 0.5) * step;
            add(above(x));
            add(below(-x));
        }
        let exact = libm::log(moment + 1.0 - mass);
        let event = Event::SampledWithoutReplacement {
            noise_multiplier: NoiseMultiplier::new(noise).unwrap(),
            dataset_size: 1000,
            batch_size: (1000.0 * rate) as u64,
        };
        let total = Total::new(&releases(&event, Adjacency::ReplaceOne).unwrap(), Direction::Remove).unwrap();
        let upper = total.upper(c).unwrap();
        assert!(upper >= exact * (1.0 - 1e-6) && upper <= 2.0 * exact, "{rate} {noise} {c}: {upper}, exact {exact}");
    }
}

/// Each setting on a thread of its own: together they are the longest of all tests.
#[test]
fn edges_of_the_other_releases_too() {
    std::thread::scope(|scope| {
        for (q, s) in [(1e-9, 0.05), (1e-9, 1000.0), (0.01, 1.0), (0.5, 0.05), (0.5, 1000.0), (1.0 - 1e-12, 0.3)] {
            scope.spawn(move || edges_at(q, s));
        }
    });
}

fn edges_at(q: f64, s: f64) {
    let rate = |q: f64| SamplingRate::from_f64(q).unwrap();
    let noise_multiplier = NoiseMultiplier::new(s).unwrap();
    let group = |group_size| Event::PoissonSampledGroup { sampling_rate: rate(q), noise_multiplier, group_size };
    let (dataset_size, batch_size_max) = (100_000, 20_000);
    let sampling_rate = rate(q);
    let cut = Event::TruncatedPoissonSampledGaussian { sampling_rate, noise_multiplier, dataset_size, batch_size_max };
    let mut events = vec![
        (sampled(q, s, 1), Adjacency::ReplaceOne),
        (group(3), Adjacency::AddRemove),
        (group(40), Adjacency::AddRemove),
        (cut, Adjacency::AddRemove),
        (search(sampled(q, s, 10), Trials::NegativeBinomial { shape: 1e3, gamma: 1e-9 }), Adjacency::ZeroOut),
        (search(sampled(q, s, 10), Trials::NegativeBinomial { shape: -0.999, gamma: 0.999 }), Adjacency::ZeroOut),
        (search(sampled(q, s, 10), Trials::NegativeBinomial { shape: 0.0, gamma: 1e-300 }), Adjacency::ReplaceOne),
    ];
    // These ask for a delta at every order, which takes seconds where orders are large.
    if q > 0.4 && s < 100.0 {
        events.push((search(sampled(q, s, 10), Trials::Poisson { mean: 1e9 }), Adjacency::ReplaceOne));
        events.push((search(sampled(q, s, 10), Trials::Poisson { mean: 1e-9 }), Adjacency::AddRemove));
    }
    for (event, adjacency) in events {
        for count in [1, 100_000_000] {
            let event = Event::Repeated { event: Box::new(event.clone()), count };
            for delta in [1e-30, 0.5] {
                let found = match epsilon(&event, Delta::new(delta).unwrap(), adjacency) {
                    Ok(found) => found,
                    Err(error) => {
                        assert_eq!(error, Unsupported::Unbounded, "{event:?}");
                        continue;
                    }
                };
                let back = delta_of(&event, found.epsilon, adjacency).unwrap();
                // Two searches for two minima; where epsilon is in the thousands, a small difference in order shows.
                let slack = if found.epsilon.get() < 100.0 { 1e-3 } else { 1.0 / delta };
                assert!((0.0..=delta * (1.0 + slack)).contains(&back), "{event:?} {delta} {found:?} {back}");
            }
        }
    }
}

#[test]
fn what_cannot_be_bounded_is_refused_by_name() {
    let delta = Delta::new(1e-6).unwrap();
    let refuse = |event: &Event, adjacency| epsilon(event, delta, adjacency).unwrap_err();
    assert_eq!(refuse(&Event::NonPrivate, Adjacency::AddRemove), Unsupported::NonPrivate);
    let pass = Event::ShuffledPass { noise_multiplier: NoiseMultiplier::new(1.0).unwrap() };
    assert!(matches!(refuse(&pass, Adjacency::AddRemove), Unsupported::Adjacency { .. }));
    let balls = Event::RandomAllocation { steps: 10, noise_multiplier: NoiseMultiplier::new(1.0).unwrap() };
    assert!(matches!(refuse(&balls, Adjacency::AddRemove), Unsupported::Malformed(_)));
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

/// Slack of the search, which stops at slightly different orders for slightly different inputs.
const SEARCH: f64 = 1e-8;

fn anywhere() -> impl Strategy<Value = (f64, f64, u64, f64)> {
    let log = |range: std::ops::Range<f64>| range.prop_map(f64::exp);
    (log(-20.0..0.0), log(-1.5..4.0), 1..200_000u64, log(-60.0..-1.0))
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn epsilon_grows_with_sampling_and_steps_and_falls_with_noise_and_delta((q, s, steps, delta) in anywhere()) {
        let here = epsilon_of_event(&sampled(q, s, steps), delta) * (1.0 - SEARCH);
        prop_assert!(here <= epsilon_of_event(&sampled((q * 1.1).min(1.0), s, steps), delta), "sampling");
        prop_assert!(here <= epsilon_of_event(&sampled(q, s, steps + 1 + steps / 10), delta), "steps");
        prop_assert!(here <= epsilon_of_event(&sampled(q, s / 1.1, steps), delta), "noise");
        prop_assert!(here <= epsilon_of_event(&sampled(q, s, steps), delta / 1.5), "delta");
    }

    /// One release has an exact curve: `δ(ε) = q·δ_G(log(1 + (e^ε − 1)/q))`, `δ_G` that of the unsampled release. It must not
    /// exceed delta at the epsilon reported.
    #[test]
    fn one_release_keeps_its_exact_curve(log_q in -12.0..-0.01f64, log_s in -0.7..4.0f64, log_delta in -25.0..-1.0f64) {
        let (q, s, delta) = (log_q.exp(), log_s.exp(), log_delta.exp());
        let epsilon = epsilon_of_event(&sampled(q, s, 1), delta);
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
        let expected = epsilon_of_event(&one_way, delta).to_bits();
        prop_assert_eq!(expected, epsilon_of_event(&other_way, delta).to_bits());
        prop_assert_eq!(expected, epsilon_of_event(&split, delta).to_bits());
        prop_assert!(epsilon_of_event(&first, delta) * (1.0 - SEARCH) <= f64::from_bits(expected));
    }

    #[test]
    fn delta_of_epsilon_comes_back((q, s, steps, delta) in anywhere()) {
        let event = sampled(q, s, steps);
        let epsilon = epsilon_of_event(&event, delta);
        let back = delta_of(&event, Epsilon::new(epsilon).unwrap(), Adjacency::AddRemove).unwrap();
        prop_assert!(back <= delta * (1.0 + 1e-6 * (1.0 + epsilon)), "{back:e}");
        prop_assert!(epsilon <= 0.0 || back >= delta * (1.0 - 1e-6 * (1.0 + epsilon)), "{back:e}");
    }
}
