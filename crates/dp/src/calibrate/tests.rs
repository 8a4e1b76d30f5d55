//! Calibration against the accountant it inverts.

use super::*;
use crate::testing::{cases, sampled};
use proptest::prelude::*;
use std::cell::Cell;

fn target(epsilon: f64, delta: f64, sampling_rate: f64, steps: u64) -> Calibrate {
    Calibrate {
        epsilon: Epsilon::new(epsilon).unwrap(),
        delta: Delta::new(delta).unwrap(),
        sampling_rate: SamplingRate::from_f64(sampling_rate).unwrap(),
        steps,
        adjacency: Adjacency::AddRemove,
    }
}

impl Calibrate {
    fn event(&self, noise: f64) -> Event {
        sampled(self.sampling_rate.get(), noise, self.steps)
    }

    fn cost(&self, event: &Event) -> f64 {
        cost(event, self.delta, self.adjacency).unwrap()
    }
}

/// Exact noise multipliers; any proven bound needs at least as much.
const EXACT_NOISE: [(f64, f64, f64, u64, f64); 7] = [
    (3.0, 1e-5, 0.01, 1000, 0.813_584_467_44),
    (8.0, 1e-7, 0.001, 100_000, 0.595_619_208_16),
    (1.0, 1e-6, 0.1, 512, 9.661_757_281_95),
    (2.0, 1.1e-10, 4.080_159_507_692_308e-5, 100_000, 0.598_406_111_66),
    (1.0, 1e-6, 0.001, 10_000, 0.787_617_757_99),
    (0.5, 1e-8, 0.01, 5000, 7.043_644_408_83),
    (10.0, 1e-5, 0.02, 2000, 0.771_431_215_21),
];

#[test]
fn the_noise_is_enough_and_a_millionth_less_is_not() {
    for (epsilon, delta, q, steps, exact) in EXACT_NOISE {
        let target = target(epsilon, delta, q, steps);
        let accounts = Cell::new(0);
        let found = noise_multiplier(target.epsilon, target.delta, target.adjacency, |noise| {
            accounts.set(accounts.get() + 1);
            target.event(noise.get())
        });
        let noise = found.unwrap().get();
        assert!(noise >= exact * (1.0 - 1e-9), "{epsilon} {q}: {noise}");
        assert!(target.cost(&target.event(noise)) <= epsilon, "{epsilon} {q}: {noise}");
        assert!(target.cost(&target.event(noise * (1.0 - 1e-6))) > epsilon, "{epsilon} {q}: {noise}");
        assert!(accounts.get() <= 12, "{epsilon} {q}: {} accounts", accounts.get());
        assert_eq!(calibrate(&target).unwrap().get().to_bits(), noise.to_bits());
    }
}

#[test]
fn the_steps_fit_and_one_more_does_not() {
    for (epsilon, delta, q, noise) in [(2.0, 1e-6, 0.1, 3.0), (8.0, 1e-7, 0.001, 0.6), (0.01, 1e-5, 1e-4, 50.0)] {
        let target = target(epsilon, delta, q, 0);
        let accounts = Cell::new(0);
        let count = steps(target.epsilon, target.delta, target.adjacency, |count| {
            accounts.set(accounts.get() + 1);
            sampled(q, noise, count)
        });
        let count = count.unwrap();
        assert!(count > 1 && target.cost(&sampled(q, noise, count)) <= epsilon, "{count}");
        assert!(target.cost(&sampled(q, noise, count + 1)) > epsilon, "{count}");
        assert!(accounts.get() <= 12, "{} accounts", accounts.get());
        // Exact: 155 steps cost 1.996261588, 156 cost 2.002940843.
        assert!(count <= 155 || q < 0.1);
    }
}

#[test]
fn the_rate_fits_and_a_millionth_more_does_not() {
    for (epsilon, delta, noise, steps) in [(3.0, 1e-6, 1.0, 1000), (1.0, 1e-8, 2.0, 10), (0.1, 1e-5, 30.0, 100_000)] {
        let target = target(epsilon, delta, 0.0, steps);
        let accounts = Cell::new(0);
        let rate = sampling_rate(target.epsilon, target.delta, target.adjacency, |rate| {
            accounts.set(accounts.get() + 1);
            sampled(rate.get(), noise, steps)
        });
        let rate = rate.unwrap().get();
        assert!(target.cost(&sampled(rate, noise, steps)) <= epsilon, "{rate}");
        assert!(target.cost(&sampled(rate * (1.0 + 1e-6), noise, steps)) > epsilon, "{rate}");
        assert!(accounts.get() <= 12, "{} accounts", accounts.get());
        // Exact for the first; no proven bound allows more.
        assert!(steps != 1000 || rate <= 0.013_854_548_298);
    }
}

#[test]
fn the_batch_fits_and_one_record_more_does_not() {
    let target = target(2.0, 1e-6, 0.0, 3000);
    let run = |rate: SamplingRate| sampled(rate.get(), 1.1, 3000);
    let batch = |bound| expected_batch_size(target.epsilon, target.delta, target.adjacency, bound, run).unwrap();
    let expected = batch(60_000);
    let cost = |expected| target.cost(&run(SamplingRate::from_ratio(expected, 60_000).unwrap()));
    assert!(expected > 100 && cost(expected) <= 2.0 && cost(expected + 1) > 2.0, "{expected}");
    // Four records: not even one of them may be expected in a batch.
    assert_eq!(batch(4), 0);
    let refused = expected_batch_size(target.epsilon, target.delta, target.adjacency, 0, run);
    assert!(matches!(refused, Err(Unreachable::Unsupported(Unsupported::Malformed(_)))));
}

#[test]
fn one_full_batch_release_gets_the_exact_noise() {
    // The closed form's own row: noise 1 costs 4.886554117462212 at 1e-6.
    let found = calibrate(&target(4.886_554_117_462_5, 1e-6, 1.0, 1)).unwrap().get();
    assert!((found - 1.0).abs() < 1e-9, "{found}");
}

#[test]
fn what_costs_nothing_gets_everything_and_what_cannot_be_met_is_refused() {
    for free in [target(1.0, 1e-6, 0.1, 0), target(1.0, 1e-6, 0.0, 10), target(1e9, 1e-6, 0.1, 10)] {
        assert!((calibrate(&free).unwrap().get() - NOISE_MIN).abs() < 1e-12);
    }
    let error = calibrate(&target(0.0, 1e-12, 0.5, 1_000_000)).unwrap_err();
    assert!(matches!(error, Unreachable::Epsilon { .. }), "{error}");
    // Epsilon 0 can be met where delta is not small against the whole run.
    assert!(calibrate(&target(0.0, 0.01, 0.01, 10)).is_ok());

    let Calibrate { epsilon, delta, adjacency, .. } = target(1.0, 1e-6, 0.1, 10);
    let free = |count| sampled(0.0, 1.0, count);
    assert_eq!(steps(epsilon, delta, adjacency, free).unwrap(), 1 << 53);
    assert_eq!(
        sampling_rate(epsilon, delta, adjacency, |rate| sampled(rate.get(), 1e3, 1)).unwrap().threshold(),
        1 << 64
    );
    assert_eq!(expected_batch_size(epsilon, delta, adjacency, 9, |rate| sampled(rate.get(), 1e3, 1)).unwrap(), 9);

    let one_too_many = |count| Event::Composed(vec![sampled(0.1, 2.0, 1), sampled(1.0, 0.1, count)]);
    assert_eq!(steps(epsilon, delta, adjacency, one_too_many).unwrap(), 0);
    let spent = |count| Event::Composed(vec![sampled(1.0, 0.1, 1), sampled(0.1, 2.0, count)]);
    assert!(matches!(steps(epsilon, delta, adjacency, spent), Err(Unreachable::Spent { .. })));
    let spent = |rate: SamplingRate| Event::Composed(vec![sampled(1.0, 0.1, 1), sampled(rate.get(), 2.0, 1)]);
    assert!(matches!(sampling_rate(epsilon, delta, adjacency, spent), Err(Unreachable::Spent { .. })));

    // More releases than can be counted are too many, not an error.
    let squared = |count| Event::Repeated { event: Box::new(sampled(1e-9, 20.0, count)), count: 1 << 20 };
    assert!(steps(epsilon, delta, adjacency, squared).is_ok());
    let refused = |_| Event::NonPrivate;
    assert_eq!(noise_multiplier(epsilon, delta, adjacency, refused), Err(Unsupported::NonPrivate.into()));
}

#[test]
fn any_family_of_events_can_be_asked_about() {
    let Calibrate { epsilon, delta, adjacency, .. } = target(2.0, 1e-6, 0.1, 10);
    // Two phases that share one noise multiplier, and a release that stays as it is.
    let phases = |noise: NoiseMultiplier| {
        let fixed = Event::Gaussian { noise_multiplier: NoiseMultiplier::new(5.0).unwrap() };
        Event::Composed(vec![sampled(0.01, noise.get(), 500), fixed, sampled(0.02, 1.5 * noise.get(), 700)])
    };
    let noise = noise_multiplier(epsilon, delta, adjacency, phases).unwrap().get();
    let cost = |noise: f64| cost(&phases(NoiseMultiplier::new(noise).unwrap()), delta, adjacency).unwrap();
    assert!(cost(noise) <= 2.0 && cost(noise * (1.0 - 1e-6)) > 2.0, "{noise}");
}

/// The slow twin: forty halvings.
fn bisected_noise(target: &Calibrate) -> f64 {
    let (mut low, mut high) = (NOISE_MIN, NOISE_MAX);
    for _ in 0..40 {
        let middle = (low * high).sqrt();
        if target.cost(&target.event(middle)) <= target.epsilon.get() { high = middle } else { low = middle }
    }
    high
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn meets_the_target_and_not_by_far(
        log_epsilon in -3.0..4.0f64, log_q in -10.0..0.0f64, steps in 1..100_000u64, log_delta in -30.0..-7.0f64
    ) {
        let target = target(log_epsilon.exp(), log_delta.exp(), log_q.exp(), steps);
        let noise = calibrate(&target).unwrap().get();
        prop_assert!(target.cost(&target.event(noise)) <= target.epsilon.get());
        prop_assert!((noise / bisected_noise(&target) - 1.0).abs() < 1e-8);
    }

    #[test]
    fn more_of_anything_good_never_needs_more_noise(
        log_epsilon in -2.0..3.0f64, log_q in -8.0..-1.0f64, steps in 2..10_000u64, log_delta in -25.0..-8.0f64
    ) {
        let base = target(log_epsilon.exp(), log_delta.exp(), log_q.exp(), steps);
        let most = calibrate(&base).unwrap().get();
        let easier = [
            Calibrate { epsilon: Epsilon::new(base.epsilon.get() * 1.1).unwrap(), ..base },
            Calibrate { delta: Delta::new(base.delta.get() * 2.0).unwrap(), ..base },
            Calibrate { steps: steps / 2, ..base },
            Calibrate { sampling_rate: SamplingRate::from_f64(base.sampling_rate.get() / 2.0).unwrap(), ..base },
        ];
        for target in easier {
            let noise = calibrate(&target).unwrap().get();
            prop_assert!(noise <= most * (1.0 + 1e-8), "{target:?}: {noise} {most}");
        }
    }
}
