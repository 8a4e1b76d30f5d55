//! A small deterministic generator for simulations in tests.

use proptest::test_runner::{Config, RngSeed};

/// The one seed of all simulations.
pub(crate) const SEED: u64 = 20_260_101;

/// The same `count` generated cases in every run.
pub(crate) fn cases(count: u32) -> Config {
    Config { cases: count, rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..Config::default() }
}

/// `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014): one multiply-and-shift chain per word.
pub(crate) struct Random(u64);

impl Random {
    /// Stream number `stream` of the seed.
    pub(crate) fn new(stream: u64) -> Self {
        let mut seeder = Self(SEED ^ stream);
        Self(seeder.word())
    }

    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in (0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.word() >> 12) as f64 + 0.5) / (1u64 << 52) as f64
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.word() >> 63 == 1
    }

    /// Standard normal, by Box and Muller.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(self.uniform()));
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }
}
