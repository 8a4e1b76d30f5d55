//! Calibration against the accountant it inverts.

use super::*;
use crate::testing::cases;
use proptest::prelude::*;

fn target(epsilon: f64, delta: f64, sampling_rate: f64, steps: u64) -> Calibrate {
    Calibrate {
        epsilon: Epsilon::new(epsilon).unwrap(),
        delta: Delta::new(delta).unwrap(),
        sampling_rate: SamplingRate::from_f64(sampling_rate).unwrap(),
        steps,
        adjacency: Adjacency::AddRemove,
    }
}

/// Exact noise multipliers, and those of dp-accounting 0.6.0's RDP accountant: ours lie between.
#[test]
fn lies_between_the_exact_noise_and_another_rdp_accountants() {
    for (epsilon, delta, q, steps, exact, peer) in [
        (3.0, 1e-5, 0.01, 1000, 0.813_584_467_44, 0.864_699),
        (8.0, 1e-7, 0.001, 100_000, 0.595_619_208_16, 0.612_09),
        (1.0, 1e-6, 0.1, 512, 9.661_757_281_95, 10.3642),
        (2.0, 1.1e-10, 4.080_159_507_692_308e-5, 100_000, 0.598_406_111_66, 0.746_402),
        (1.0, 1e-6, 0.001, 10_000, 0.787_617_757_99, 0.991_909),
        (0.5, 1e-8, 0.01, 5000, 7.043_644_408_83, 7.460_22),
        (10.0, 1e-5, 0.02, 2000, 0.771_431_215_21, 0.802_639),
    ] {
        let found = calibrate(&target(epsilon, delta, q, steps)).unwrap().get();
        assert!(found > exact && found < peer * (1.0 + 1e-5), "{epsilon} {q}: {found}");
    }
}

#[test]
fn one_full_batch_release_gets_the_exact_noise() {
    // The closed form's own row: noise 1 costs 4.886554117462212 at 1e-6.
    let found = calibrate(&target(4.886_554_117_462_5, 1e-6, 1.0, 1)).unwrap().get();
    assert!((found - 1.0).abs() < 2e-7, "{found}");
}

#[test]
fn what_costs_nothing_gets_the_least_noise_and_what_cannot_be_met_is_refused() {
    for free in [target(1.0, 1e-6, 0.1, 0), target(1.0, 1e-6, 0.0, 10), target(1e9, 1e-6, 0.1, 10)] {
        assert!((calibrate(&free).unwrap().get() - NOISE_MIN).abs() < 1e-12);
    }
    let error = calibrate(&target(0.0, 1e-12, 0.5, 1_000_000)).unwrap_err();
    assert!(matches!(error, Unreachable::Epsilon { .. }), "{error}");
    let replace = Calibrate { adjacency: Adjacency::ReplaceOne, ..target(1.0, 1e-6, 0.1, 10) };
    assert_eq!(calibrate(&replace), Err(Unreachable::Unsupported(Unsupported::NonPrivate)));
    // Epsilon 0 can be met where delta is not small against the whole run.
    assert!(calibrate(&target(0.0, 0.01, 0.01, 10)).is_ok());
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn meets_the_target_and_not_by_far(
        log_epsilon in -3.0..4.0f64, log_q in -10.0..0.0f64, steps in 1..100_000u64, log_delta in -30.0..-7.0f64
    ) {
        let target = target(log_epsilon.exp(), log_delta.exp(), log_q.exp(), steps);
        let noise = calibrate(&target).unwrap().get();
        prop_assert!(epsilon_at(&target, noise).unwrap() <= target.epsilon.get());
        if noise > NOISE_MIN * 1.01 {
            prop_assert!(epsilon_at(&target, noise / 1.001).unwrap() > target.epsilon.get());
        }
    }
}
