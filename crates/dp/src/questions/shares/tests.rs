//! Shares sum to the whole; steps fit into what is left.

use super::*;
use crate::testing::{cases, sampled};
use proptest::prelude::*;

fn delta() -> Delta {
    Delta::new(1e-6).unwrap()
}

fn whole(event: &Event) -> f64 {
    account(event, delta(), Adjacency::AddRemove).unwrap().epsilon_upper.get()
}

fn shares_of(event: &Event) -> Vec<Share> {
    shares(event, delta(), Adjacency::AddRemove).unwrap()
}

#[test]
fn phases_are_gathered_in_order_of_first_appearance() {
    let (a, b) = (sampled(0.01, 1.0, 10), sampled(0.02, 2.0, 5));
    let twice = Event::Repeated { event: Box::new(a.clone()), count: 2 };
    let inner = Event::Composed(vec![b.clone(), twice]);
    let found = shares_of(&Event::Composed(vec![a, inner, b]));
    let phases: Vec<Event> = found.iter().map(|share| share.event.clone()).collect();
    assert_eq!(phases, [sampled(0.01, 1.0, 30), sampled(0.02, 2.0, 10)]);
    // The first share is what the first phase costs alone; a later one is less than that.
    assert_eq!(found[0].epsilon_share, found[0].epsilon_alone);
    assert!(found[1].epsilon_share < found[1].epsilon_alone);
    assert!((found[1].epsilon_alone.get() - whole(&phases[1])).abs() < 1e-12);
}

#[test]
fn one_phase_has_everything_and_nothing_has_no_phases() {
    let event = sampled(0.01, 1.0, 100);
    let found = shares_of(&event);
    assert_eq!((found.len(), found[0].epsilon_share), (1, found[0].epsilon_alone));
    assert!((found[0].epsilon_share.get() - whole(&event)).abs() < 1e-12);
    assert_eq!(shares_of(&Event::Composed(vec![])), []);
    let too_many = Event::Repeated { event: Box::new(sampled(0.1, 1.0, u64::MAX)), count: 3 };
    assert_eq!(shares(&too_many, delta(), Adjacency::AddRemove), Err(Unsupported::TooManyReleases));
    assert_eq!(shares(&Event::NonPrivate, delta(), Adjacency::AddRemove), Err(Unsupported::NonPrivate));
}

#[test]
fn the_remaining_steps_fit_and_one_more_does_not() {
    let (spent, step) = (sampled(0.01, 1.0, 700), sampled(0.02, 1.5, 1));
    let budget = Epsilon::new(3.0).unwrap();
    let left = remaining_steps(&spent, &step, budget, delta(), Adjacency::AddRemove).unwrap();
    let after = |count| whole(&Event::Composed(vec![spent.clone(), sampled(0.02, 1.5, count)]));
    assert!(left > 0 && after(left) <= 3.0 && after(left + 1) > 3.0, "{left}");
    // A used-up budget has room for nothing, an overdrawn one is an error.
    let exactly = Epsilon::new(whole(&spent)).unwrap();
    assert_eq!(remaining_steps(&spent, &step, exactly, delta(), Adjacency::AddRemove), Ok(0));
    let less = Epsilon::new(whole(&spent) * 0.9).unwrap();
    let error = remaining_steps(&spent, &step, less, delta(), Adjacency::AddRemove).unwrap_err();
    assert!(matches!(error, Unreachable::Spent { .. }), "{error}");
}

fn phase() -> impl Strategy<Value = Event> {
    (-7.0..0.0f64, -0.7..3.0f64, 1..500u64)
        .prop_map(|(log_q, log_noise, count)| sampled(log_q.exp(), log_noise.exp(), count))
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn shares_sum_to_the_whole(phases in prop::collection::vec(phase(), 1..5)) {
        let event = Event::Composed(phases.clone());
        let found = shares_of(&event);
        let (sum, total): (f64, f64) = (found.iter().map(|share| share.epsilon_share.get()).sum(), whole(&event));
        prop_assert!((sum - total).abs() <= 1e-12 * total, "{sum} {total}");
        prop_assert!(found.iter().all(|share| share.epsilon_share.get() <= share.epsilon_alone.get() * (1.0 + 1e-6)));
        prop_assert_eq!(found.len(), phases.len());
    }

    #[test]
    fn the_whole_depends_on_neither_order_nor_grouping(phases in prop::collection::vec(phase(), 2..5), cut in 1..400u64) {
        let total = whole(&Event::Composed(phases.clone()));
        let backwards = whole(&Event::Composed(phases.iter().rev().cloned().collect()));
        let nested = whole(&Event::Composed(vec![phases[0].clone(), Event::Composed(phases[1..].to_vec())]));
        prop_assert!(total.to_bits() == backwards.to_bits() && total.to_bits() == nested.to_bits());
        // Splitting a run and joining it again.
        let Event::Repeated { event, count } = &phases[0] else { panic!() };
        let cut = cut.min(*count);
        let part = |count| Event::Repeated { event: event.clone(), count };
        let split = Event::Composed([vec![part(cut), part(count - cut)], phases[1..].to_vec()].concat());
        prop_assert_eq!(whole(&split).to_bits(), total.to_bits());
    }

    #[test]
    fn epsilon_rises_with_what_is_released_and_falls_with_noise_and_delta(
        log_q in -7.0..-0.1f64, log_noise in -0.7..3.0f64, count in 1..5000u64, log_delta in -30.0..-3.0f64
    ) {
        let epsilon = |q: f64, noise: f64, count: u64, delta: f64| {
            account(&sampled(q, noise, count), Delta::new(delta).unwrap(), Adjacency::AddRemove).unwrap()
        };
        let (q, noise, delta) = (log_q.exp(), log_noise.exp(), log_delta.exp());
        let base = epsilon(q, noise, count, delta);
        let dearer = [
            epsilon((1.1 * q).min(1.0), noise, count, delta),
            epsilon(q, noise / 1.1, count, delta),
            epsilon(q, noise, count + 1 + count / 10, delta),
            epsilon(q, noise, count, delta / 1.5),
        ];
        for dearer in dearer {
            // What is proven about the cheaper one from below can never pass the dearer one from above.
            prop_assert!(base.epsilon_lower <= dearer.epsilon_upper);
            let width = 1e-3 + 1e-3 * base.epsilon_upper.get();
            prop_assert!(base.epsilon_upper.get() <= dearer.epsilon_upper.get() + width, "{base:?} {dearer:?}");
        }
    }
}
