//! What several test modules share: the one seed, and releases in short.

use crate::{Event, NoiseMultiplier, SamplingRate};
use proptest::test_runner::{Config, RngSeed};

/// The one seed of all generated inputs.
pub(crate) const SEED: u64 = 20_260_101;

/// The same `count` generated cases in every run.
pub(crate) fn cases(count: u32) -> Config {
    Config { cases: count, rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..Config::default() }
}

/// `count` Poisson-sampled Gaussian releases.
pub(crate) fn sampled(sampling_rate: f64, noise_multiplier: f64, count: u64) -> Event {
    let event = Event::PoissonSampledGaussian {
        sampling_rate: SamplingRate::from_f64(sampling_rate).unwrap(),
        noise_multiplier: NoiseMultiplier::new(noise_multiplier).unwrap(),
    };
    Event::Repeated { event: Box::new(event), count }
}
