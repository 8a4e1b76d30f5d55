//! The choice of engines, and the laws that every answer keeps whichever engine gives it.

use super::*;
use crate::testing::{cases, sampled};
use crate::{NoiseMultiplier, SamplingRate, Trials};
use proptest::prelude::*;

fn ask(event: &Event, delta: f64) -> Certificate {
    account(event, Delta::new(delta).unwrap(), Adjacency::AddRemove).unwrap()
}

fn bounds(event: &Event, delta: f64) -> (f64, f64) {
    let found = ask(event, delta);
    (found.epsilon_lower.get(), found.epsilon_upper.get())
}

#[test]
fn each_engine_answers_where_it_should() {
    let gaussian = Event::Gaussian { noise_multiplier: NoiseMultiplier::new(2.0).unwrap() };
    let search = Event::HyperparameterSelection {
        event: Box::new(sampled(0.01, 1.0, 100)),
        trials: Trials::NegativeBinomial { shape: 1.0, gamma: 0.1 },
    };
    for (event, engine) in [
        (Event::Composed(vec![]), Engine::ClosedForm),
        (Event::Repeated { event: Box::new(gaussian), count: 1_000_000 }, Engine::ClosedForm),
        (sampled(0.01, 1.0, 1), Engine::ClosedForm),
        (sampled(1e-9, 1.0, 100), Engine::ClosedForm),
        (sampled(0.01, 1.0, 100), Engine::Contour),
        (sampled(0.01, 1.0, 100_000_000), Engine::Contour),
        (sampled(0.01, 1.0, 3), Engine::Grid),
        (search, Engine::Rdp),
    ] {
        let found = ask(&event, 1e-8);
        assert_eq!(found.engine, engine, "{event:?}");
        assert_eq!(found.order.is_some(), engine == Engine::Rdp);
        let opinions = explain(&event, found.delta, found.adjacency).unwrap();
        let chosen: Vec<_> = opinions.iter().filter(|opinion| opinion.chosen).collect();
        assert!(chosen.len() == 1 && chosen[0].certificate == Some(found), "{event:?}: {opinions:?}");
    }
}

#[test]
fn what_costs_nothing_is_exactly_zero() {
    for (event, delta) in [
        (sampled(0.0, 1.0, 1000), 1e-30),
        (sampled(0.01, 1.0, 0), 1e-30),
        (sampled(0.01, 1.0, 1000), 0.999),
        (sampled(0.01, 20.0, 10), 0.01),
        (sampled(1.0, 1000.0, 1), 0.5),
    ] {
        let (lower, upper) = bounds(&event, delta);
        assert!(lower.to_bits() == 0 && upper.to_bits() == 0, "{event:?}: {lower} {upper}");
    }
}

#[test]
fn no_amplification_is_claimed_without_a_theorem() {
    let pass = Event::ShuffledPass { noise_multiplier: NoiseMultiplier::new(4.0).unwrap() };
    let delta = Delta::new(1e-6).unwrap();
    let found = account(&pass, delta, Adjacency::ZeroOut).unwrap();
    let plain = account(&sampled(1.0, 4.0, 1), delta, Adjacency::ZeroOut).unwrap();
    assert!(found.unamplified && found.epsilon_lower.get() <= 0.0 && found.epsilon_upper == plain.epsilon_upper);
    let refused = account(&pass, delta, Adjacency::AddRemove).unwrap_err();
    assert!(refused.to_string().contains("zero-out"), "{refused}");
    let banded = |sampling_rate| Event::BandedMatrixFactorization {
        steps: 100,
        bands: 8,
        sampling_rate,
        noise_multiplier: NoiseMultiplier::new(4.0).unwrap(),
    };
    // 13 uses of each record, amplified or not.
    let rate = SamplingRate::from_f64(0.1).unwrap();
    assert_eq!(ask(&banded(Some(rate)), 1e-6).epsilon_upper, ask(&sampled(0.1, 4.0, 13), 1e-6).epsilon_upper);
    let fixed = ask(&banded(None), 1e-6);
    assert!(fixed.unamplified && fixed.epsilon_upper == ask(&sampled(1.0, 4.0, 13), 1e-6).epsilon_upper);
}

/// Emptying a record costs what removing it costs; see [`Adjacency::ZeroOut`].
#[test]
fn zero_out_is_add_remove_and_replacing_costs_more() {
    let (event, delta) = (sampled(0.01, 1.0, 1000), Delta::new(1e-6).unwrap());
    let [add, zero] =
        [Adjacency::AddRemove, Adjacency::ZeroOut].map(|adjacency| account(&event, delta, adjacency).unwrap());
    assert_eq!((add.epsilon_lower, add.epsilon_upper), (zero.epsilon_lower, zero.epsilon_upper));
    // The noise multiplier is relative to the sensitivity, which is twice as large for replacing.
    let replace = account(&sampled(0.01, 0.5, 1000), delta, Adjacency::ReplaceOne).unwrap();
    assert!(replace.epsilon_lower > add.epsilon_upper);
    // A row of the reference table, noise relative to one clipping norm.
    assert!((replace.epsilon_upper.get() - 3.214_230_966_557_76).abs() < 1e-8, "{replace:?}");
}

fn settings() -> impl Strategy<Value = (f64, f64, u64, f64)> {
    let rate = (-12.0..-0.5f64).prop_map(f64::exp);
    let noise = (-1.0..3.0f64).prop_map(f64::exp);
    (rate, noise, prop_oneof![1..40u64, 40..100_000u64], (-50.0..-3.0f64).prop_map(f64::exp))
}

proptest! {
    #![proptest_config(cases(10))]

    #[test]
    fn more_of_anything_bad_never_costs_less((rate, noise, steps, delta) in settings(), factor in 1.01..1.5f64) {
        let (_, upper) = bounds(&sampled(rate, noise, steps), delta);
        for (worse, delta) in [
            (sampled((rate * factor).min(1.0), noise, steps), delta),
            (sampled(rate, noise / factor, steps), delta),
            (sampled(rate, noise, steps * 2), delta),
            (sampled(rate, noise, steps), delta / factor),
        ] {
            let (lower, worse_upper) = bounds(&worse, delta);
            // Proven ends may not cross; the promised ones may only by the width of the intervals.
            prop_assert!(worse_upper >= upper - 1e-3 * upper.max(1.0), "{worse:?}: {worse_upper} {upper}");
            prop_assert!(lower <= worse_upper);
        }
    }

    #[test]
    fn never_above_the_renyi_bound((rate, noise, steps, delta) in settings()) {
        let event = sampled(rate, noise, steps);
        let looser = rdp::epsilon(&event, Delta::new(delta).unwrap(), Adjacency::AddRemove).unwrap().epsilon.get();
        let (lower, upper) = bounds(&event, delta);
        prop_assert!(lower <= upper && upper <= looser * (1.0 + 1e-9) + 1e-12, "{lower} {upper} {looser}");
    }

    #[test]
    fn order_and_grouping_change_not_one_bit((rate, noise, steps, delta) in settings(), (q, s, t, _) in settings()) {
        let (one, two) = (sampled(rate, noise, steps), sampled(q, s, t));
        let straight = ask(&Event::Composed(vec![one.clone(), two.clone()]), delta);
        prop_assert_eq!(straight, ask(&Event::Composed(vec![two.clone(), one]), delta));
        let parts = vec![sampled(rate, noise, 1), two, sampled(rate, noise, steps - 1)];
        prop_assert_eq!(straight, ask(&Event::Composed(parts), delta));
    }

    #[test]
    fn the_curve_passes_through_its_certificates((rate, noise, steps, delta) in settings()) {
        let event = sampled(rate, noise, steps);
        let found = ask(&event, delta);
        let curve = curve(&event, &[found.epsilon_lower, found.epsilon_upper], Adjacency::AddRemove).unwrap();
        // The curve is at most delta from the upper end on, and at least delta up to the lower one.
        prop_assert!(curve[1].delta_lower <= delta * (1.0 + 1e-9), "{curve:?} {delta:e}");
        prop_assert!(found.epsilon_lower.get() <= 0.0 || curve[0].delta_upper >= delta * (1.0 - 1e-9), "{curve:?}");
        prop_assert!(curve.iter().all(|point| point.delta_lower <= point.delta_upper));
    }
}

proptest! {
    #![proptest_config(cases(16))]

    /// The whole range that is promised, and beyond.
    #[test]
    fn extremes_get_an_answer_or_a_typed_refusal(
        log_rate in -21.0..0.0f64, log_noise in -3.2..7.0f64, log_steps in 0.0..18.5f64, log_delta in -70.0..-0.01f64,
    ) {
        let event = sampled(log_rate.exp(), log_noise.exp(), log_steps.exp() as u64);
        match account(&event, Delta::new(log_delta.exp()).unwrap(), Adjacency::AddRemove) {
            Ok(found) => prop_assert!(found.epsilon_lower <= found.epsilon_upper),
            Err(error) => prop_assert_eq!(error, Unsupported::Unbounded),
        }
    }
}

fn poisson(rate: f64, noise: f64, count: u64) -> Releases {
    releases(&sampled(rate, noise, count), Adjacency::AddRemove).unwrap()
}

/// What many releases cost at epsilon 0 is below the bound by their second moments, and not far below where they make a bell.
#[test]
fn second_moments_bound_the_total_variation() {
    for (rate, noise, count) in
        [(0.01, 1.0, 1), (0.3, 5.0, 1), (1e-3, 2.0, 100), (0.01, 20.0, 10_000), (1e-6, 100.0, 1_000_000), (0.5, 1.0, 3)]
    {
        let found = delta_of(&sampled(rate, noise, count), Epsilon::new(0.0).unwrap(), Adjacency::AddRemove).unwrap();
        let bound = poisson(rate, noise, count).root_variation();
        assert!(bound >= found.delta_lower, "{rate} {noise} {count}: {bound:e} {found:?}");
        let bell = rate * (count as f64).sqrt() < noise && noise > 4.0;
        assert!(!bell || bound < 1.5 * found.delta_upper, "{rate} {noise} {count}: {bound:e} {found:?}");
    }
    assert!((poisson(0.5, 0.01, 3).root_variation() - 1.0).abs() <= 0.0, "a moment that overflows");
    assert!((poisson(0.5, 1e150, 3).root_variation() - 1.0).abs() <= 0.0, "a moment that underflows");
    let gaussian = Event::Gaussian { noise_multiplier: NoiseMultiplier::new(2.0).unwrap() };
    let other = releases(&gaussian, Adjacency::AddRemove).unwrap();
    assert!((other.root_variation() - 1.0).abs() <= 0.0, "another kind");
    // Eight million releases whose sum of distances is above this delta, and their distance far below.
    let many = poisson(1.279e-8, 335.0, 8_031_780);
    assert!(many.total_variation() > 4.57e-5 && many.root_variation() < 1e-6);
    let found = ask(&sampled(1.279e-8, 335.0, 8_031_780), 4.57e-5);
    assert!(found.epsilon_upper.get() <= 0.0 && found.engine == Engine::ClosedForm, "{found:?}");
}

/// Where the long contour is left out, it has nothing to say; where it has, it is asked.
#[test]
fn only_contours_that_cancel_are_left_out() {
    let law = |rate, noise, count| poisson(rate, noise, count).laws(Direction::Remove);
    for (rate, noise, count, delta) in [(3.333e-4, 1.614, 700, 1.8e-20), (1.516e-6, 0.9576, 8_431_364, 1.19e-15)] {
        let laws = law(rate, noise, count);
        let (_, high) = grid::rare_epsilon(&laws, delta).unwrap();
        assert!(contour::cancels(&laws, high, delta), "{rate} {noise}");
        let (lower, upper) = contour::epsilon(&laws, delta).unwrap();
        assert!(upper - lower > 0.5 * high, "{rate} {noise}: {lower} {upper}");
    }
    for (rate, noise, count, delta) in
        [(0.01, 1.0, 1000, 1e-6), (1e-5, 0.4, 1_000_000, 1e-10), (0.01, 1.0, 1000, 1e-30)]
    {
        let laws = law(rate, noise, count);
        let (_, upper) = contour::epsilon(&laws, delta).unwrap();
        assert!(!contour::cancels(&laws, upper, delta), "{rate} {noise}");
    }
}
