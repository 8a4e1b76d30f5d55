//! The split of a step's noise, put together again by the accountant's own rule.

use super::*;
use crate::testing::{cases, sampled};
use crate::{Adjacency, Delta, Event, SamplingRate, account};
use proptest::prelude::*;

fn split(noise_multiplier: f64, count_stddev: f64) -> Result<f64, AdaptiveClipError> {
    adaptive_clip(NoiseMultiplier::new(noise_multiplier).unwrap(), count_stddev).map(NoiseMultiplier::get)
}

#[test]
fn squares_that_are_known() {
    // 1/√(1 − 1/100).
    assert!((split(1.0, 5.0).unwrap() - 1.005_037_815_259_212).abs() < 1e-13);
    // 3-4-5: (1/3)^2 + (1/4)^2 = (5/12)^2.
    assert!((split(2.4, 2.0).unwrap() - 3.0).abs() < 1e-13);
}

#[test]
fn a_count_that_costs_more_than_the_step_is_refused() {
    // At and above 2·s_b; a formula without the check would take the root of a negative number.
    for (z, count_stddev) in [(2.0, 1.0), (2.1, 1.0), (50.0, 0.1)] {
        let error = split(z, count_stddev).unwrap_err();
        assert_eq!(error, AdaptiveClipError::CountTooCostly { noise_multiplier: z, count_stddev });
        assert!(error.to_string().contains(&format!("above {}", z / 2.0)), "{error}");
    }
    for count_stddev in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::MAX] {
        assert!(matches!(split(1.0, count_stddev), Err(AdaptiveClipError::CountNoise(_))), "{count_stddev}");
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn the_step_never_costs_more_than_it_may(log_z in -3.0..6.0f64, log_room in -30.0..5.0f64) {
        // From a count that takes nearly everything to one that takes nearly nothing.
        let z = log_z.exp();
        let count_stddev = 0.5 * z * (1.0 + log_room.exp());
        let gradients = split(z, count_stddev).unwrap();
        let noise_multipliers = [gradients, 2.0 * count_stddev].map(|noise| NoiseMultiplier::new(noise).unwrap());
        prop_assert!(joint(&noise_multipliers) >= z && gradients >= z);
        // And not much less.
        prop_assert!(joint(&noise_multipliers) <= z * (1.0 + 1e-14));
    }
}

#[test]
fn the_accountant_charges_both_sums_as_the_one_release() {
    let (delta, adjacency) = (Delta::new(1e-6).unwrap(), Adjacency::AddRemove);
    let gradients = adaptive_clip(NoiseMultiplier::new(1.0).unwrap(), 2.0).unwrap();
    let step = Event::PoissonSampledGaussians {
        sampling_rate: SamplingRate::from_f64(0.01).unwrap(),
        noise_multipliers: vec![gradients, NoiseMultiplier::new(4.0).unwrap()],
    };
    let both = account(&Event::Repeated { event: Box::new(step), count: 1000 }, delta, adjacency).unwrap();
    let one = account(&sampled(0.01, 1.0, 1000), delta, adjacency).unwrap();
    assert!(both.epsilon_upper <= one.epsilon_upper);
    assert!(both.epsilon_upper.get() > one.epsilon_upper.get() * (1.0 - 1e-8));
}
