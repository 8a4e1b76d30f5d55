//! Groups against closed forms and against walking record by record.

use super::*;
use crate::SamplingRate;
use crate::testing::{cases, sampled};
use proptest::prelude::*;

fn delta(value: f64) -> Delta {
    Delta::new(value).unwrap()
}

fn noise(value: f64) -> NoiseMultiplier {
    NoiseMultiplier::new(value).unwrap()
}

fn conversion(event: &Event, at: f64, size: u32) -> f64 {
    converted(event, delta(at), Adjacency::AddRemove, size).unwrap().unwrap().get()
}

#[test]
fn k_records_in_every_batch_are_one_record_under_a_kth_of_the_noise() {
    for (size, bound) in (0..=10).zip(groups(&sampled(1.0, 20.0, 3), delta(1e-6), Adjacency::ZeroOut, 0..=10).unwrap())
    {
        assert_eq!((bound.group_size, bound.tight), (size, true));
        let shared = sampled(1.0, 20.0 / f64::from(size.max(1)), if size == 0 { 0 } else { 3 });
        let truth = account(&shared, delta(1e-6), Adjacency::ZeroOut).unwrap().epsilon_upper.get();
        assert!((bound.epsilon.get() - truth).abs() <= truth * 1e-10, "{size}: {bound:?} {truth}");
    }
}

#[test]
fn rewriting_reaches_every_gaussian_and_nothing_else() {
    let rate = SamplingRate::from_f64(0.1).unwrap();
    let steps = Event::Repeated {
        event: Box::new(Event::PoissonSampledGaussians {
            sampling_rate: rate,
            noise_multipliers: vec![noise(3.0), noise(4.0)],
        }),
        count: 7,
    };
    let group =
        |noise_multiplier, group_size| Event::PoissonSampledGroup { sampling_rate: rate, noise_multiplier, group_size };
    let known = Event::Composed(vec![
        Event::Gaussian { noise_multiplier: noise(6.0) },
        Event::ShuffledPass { noise_multiplier: noise(9.0) },
        steps,
        group(noise(2.0), 4),
        Event::PoissonSampledGaussian { sampling_rate: rate, noise_multiplier: noise(5.0) },
        Event::PoissonSampledGaussians { sampling_rate: rate, noise_multipliers: vec![] },
    ]);
    let Some(Event::Composed(found)) = of_group(&known, 3) else { panic!() };
    assert!(matches!(found[0], Event::Gaussian { noise_multiplier } if (noise_multiplier.get() - 2.0).abs() < 1e-12));
    assert!(
        matches!(found[1], Event::ShuffledPass { noise_multiplier } if (noise_multiplier.get() - 3.0).abs() < 1e-12)
    );
    let Event::Repeated { event, count: 7 } = &found[2] else { panic!() };
    assert_eq!(**event, group(noise(joint(&[noise(3.0), noise(4.0)])), 3));
    assert_eq!(found[3..5], [group(noise(2.0), 12), group(noise(5.0), 3)]);
    let unknown = Event::RandomAllocation { steps: 10, noise_multiplier: noise(1.0) };
    assert_eq!(of_group(&Event::Composed(vec![known, unknown]), 3), None);
    assert_eq!(of_group(&group(noise(1.0), u32::MAX), 2), None);
}

#[test]
fn the_conversion_finds_the_smallest_epsilon_that_converts() {
    let event = sampled(0.01, 2.0, 1000);
    for size in [2, 3, 7] {
        let found = conversion(&event, 1e-6, size);
        let walk = |epsilon: f64| {
            let one = delta_of(&event, Epsilon::new(epsilon).unwrap(), Adjacency::AddRemove).unwrap().delta_upper;
            one * (0..size).map(|k| (f64::from(k) * epsilon).exp()).sum::<f64>()
        };
        let one = found / f64::from(size);
        assert!(walk(one) <= 1e-6 && walk(one * (1.0 - 1e-6)) > 1e-6, "{size}: {found} {:e}", walk(one));
        // The slow twin: the first rung of a ladder.
        let ladder = (0..500).map(|rung| 0.1 * 1.02f64.powi(rung)).find(|epsilon| walk(*epsilon) <= 1e-6).unwrap();
        assert!(one <= ladder && one * 1.02 >= ladder, "{size}: {one} {ladder}");
    }
    // What is nothing for one record is nothing for ten.
    assert!(conversion(&Event::Composed(vec![]), 1e-9, 10) <= 0.0);
    assert!(conversion(&sampled(1.0, 1e6, 1), 1e-5, 10) <= 0.0);
}

#[test]
fn the_conversion_never_promises_more_than_the_groups_own_law() {
    for (noise, at, size) in [(5.0, 1e-6, 2), (20.0, 1e-9, 5), (50.0, 1e-5, 10)] {
        let own = account(&sampled(1.0, noise / f64::from(size), 1), delta(at), Adjacency::AddRemove).unwrap();
        let converted = conversion(&sampled(1.0, noise, 1), at, size);
        assert!(converted >= own.epsilon_upper.get(), "{noise} {size}: {converted} {own:?}");
    }
}

#[test]
fn a_law_that_no_engine_takes_is_converted() {
    let event = sampled(0.01, 2.0, 1000);
    let bounds = groups(&event, delta(1e-6), Adjacency::AddRemove, 1..=4).unwrap();
    let one = account(&event, delta(1e-6), Adjacency::AddRemove).unwrap().epsilon_upper;
    assert_eq!(bounds[0], GroupBound { group_size: 1, epsilon: one, delta: delta(1e-6), tight: true });
    for bound in &bounds[1..] {
        let limit = conversion(&event, 1e-6, bound.group_size);
        assert!(bound.epsilon.get() <= limit && (bound.tight || bound.epsilon.get() >= limit), "{bound:?}");
    }
    assert!(bounds.is_sorted_by(|a, b| a.epsilon < b.epsilon));
    // An event without a group law, once an engine takes the event itself.
    let bands =
        Event::BandedMatrixFactorization { steps: 100, bands: 10, sampling_rate: None, noise_multiplier: noise(10.0) };
    let bands = groups(&bands, delta(1e-6), Adjacency::AddRemove, 2..=3).unwrap();
    assert!(bands.iter().all(|bound| !bound.tight));
    // Nothing helps where there is no noise to speak of.
    let event =
        Event::BandedMatrixFactorization { steps: 1, bands: 1, sampling_rate: None, noise_multiplier: noise(0.01) };
    assert_eq!(groups(&event, delta(1e-6), Adjacency::AddRemove, 2..=2), Err(Unsupported::Unbounded));
    assert_eq!(groups(&Event::NonPrivate, delta(1e-6), Adjacency::AddRemove, 2..=2), Err(Unsupported::NonPrivate));
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn the_walks_factor_is_the_sum(epsilon in 0.0..30.0f64, size in 1..20u32) {
        let sum: f64 = (0..size).map(|k| (f64::from(k) * epsilon).exp()).sum();
        let found = steps_of(epsilon, size);
        prop_assert!((found / sum - 1.0).abs() < 1e-12, "{found} {sum}");
    }
}
