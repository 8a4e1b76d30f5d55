//! Poisson sampling: each unit joins a batch by its own coin.
//!
//! The accountant's amplification by sampling holds for independent inclusion with a fixed probability, not for
//! shuffled or fixed-size batches (Chua et al., "How private are DP-SGD implementations?", arXiv 2403.17673). So a
//! draw asks every unit: its own 64-bit word of a `ChaCha20` stream is compared with the threshold of the sampling
//! rate. The rate is a multiple of 2⁻⁶⁴, so the comparison is the rate exactly.
//!
//! Invariants: a draw is a pure function of (key, step, attempt) and a unit's place; the coin of a unit does not
//! depend on how many units there are, so neighbouring data sets that differ in the last unit agree on all the
//! others; batch sizes vary and may be 0, and the caller charges and noises an empty batch like any other. Batch
//! sizes are private.

use privet_dp::SamplingRate;
use rand::Rng;

use crate::keys::{SamplingKey, keystream};

/// Draws batches; see the module.
#[derive(Debug)]
pub struct PoissonSampler {
    key: SamplingKey,
    rate: SamplingRate,
}

impl PoissonSampler {
    /// A sampler that includes each unit with probability `rate`.
    pub fn new(key: SamplingKey, rate: SamplingRate) -> Self {
        Self { key, rate }
    }

    /// The indices of the units in the batch of an attempt at a step, ascending, out of `0..units`. May be empty.
    pub fn draw(&self, step: u64, attempt: u32, units: u32) -> Vec<u32> {
        let mut words = keystream(&self.key.step(step, attempt), 0, 0);
        mutate!((0..units).filter(|_| self.rate.includes(words.next_u64())).collect();
            Shuffled => {
                let begin = words.next_u64() as u32 % units.max(1);
                (0..(self.rate.get() * f64::from(units)) as u32).map(|place| (begin + place) % units).collect()
            },
            BatchIsCut => {
                let most = (self.rate.get() * f64::from(units)) as usize;
                (0..units).filter(|_| self.rate.includes(words.next_u64())).take(most).collect()
            },
        )
    }
}

#[cfg(test)]
mod tests;
