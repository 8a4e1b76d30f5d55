//! From a target (epsilon, delta) to the noise that meets it.
//!
//! Epsilon falls as noise grows, so the answer is a bisection on the logarithm of the noise multiplier. The search starts
//! at 1 and doubles or halves, because starting from tiny noise makes accountants do their worst work first. What is
//! returned is always the noisy end of the bracket, whose own epsilon has been computed and does not exceed the target.

use crate::{Adjacency, Delta, Epsilon, Event, NoiseMultiplier, SamplingRate, Unsupported, account};

/// The search stops here: more noise than this leaves nothing to learn from.
const NOISE_MAX: f64 = 1_048_576.0;
/// The search stops here: less noise than this protects nothing at any useful epsilon.
const NOISE_MIN: f64 = 0.015_625;
/// Relative width of the final bracket.
const TOLERANCE: f64 = 1e-7;

/// A target to calibrate noise for: `steps` Poisson-sampled Gaussian releases.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibrate {
    /// Largest epsilon allowed.
    pub epsilon: Epsilon,
    /// At this delta.
    pub delta: Delta,
    /// Inclusion probability of each record in each step.
    pub sampling_rate: SamplingRate,
    /// Number of releases.
    pub steps: u64,
    /// Which data sets are neighbours.
    pub adjacency: Adjacency,
}

/// Why no noise multiplier meets a target.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreachable {
    /// Not even the largest noise considered is enough.
    #[error(
        "a noise multiplier of {noise_multiplier} still costs epsilon {epsilon}, above the target {target}; allow a larger epsilon or delta, or take fewer steps"
    )]
    Epsilon {
        /// The largest noise multiplier considered.
        noise_multiplier: f64,
        /// What it costs.
        epsilon: f64,
        /// What was asked for.
        target: f64,
    },
    /// The event itself cannot be accounted for.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
}

/// The smallest noise multiplier, to within one part in 10^7, whose epsilon does not exceed the target.
///
/// Never below 1/64: where that already meets the target (no steps, sampling rate 0, a huge epsilon), 1/64 is the answer.
pub fn calibrate(target: &Calibrate) -> Result<NoiseMultiplier, Unreachable> {
    let mut high = 1.0;
    let mut low;
    if meets(target, high)? {
        loop {
            low = high / 2.0;
            if low < NOISE_MIN {
                return Ok(noise(high));
            }
            if !meets(target, low)? {
                break;
            }
            high = low;
        }
    } else {
        loop {
            low = high;
            high = low * 2.0;
            if high > NOISE_MAX {
                let (epsilon, target) = (epsilon_at(target, low)?, target.epsilon.get());
                return Err(Unreachable::Epsilon { noise_multiplier: low, epsilon, target });
            }
            if meets(target, high)? {
                break;
            }
        }
    }
    while high / low > 1.0 + TOLERANCE {
        let middle = (low * high).sqrt();
        if meets(target, middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(noise(high))
}

fn meets(target: &Calibrate, noise_multiplier: f64) -> Result<bool, Unsupported> {
    Ok(epsilon_at(target, noise_multiplier)? <= target.epsilon.get())
}

fn epsilon_at(target: &Calibrate, noise_multiplier: f64) -> Result<f64, Unsupported> {
    let step = Event::PoissonSampledGaussian {
        sampling_rate: target.sampling_rate,
        noise_multiplier: noise(noise_multiplier),
    };
    let event = Event::Repeated { event: Box::new(step), count: target.steps };
    match account(&event, target.delta, target.adjacency) {
        Ok(bound) => Ok(bound.epsilon_upper.get()),
        Err(Unsupported::Unbounded) => Ok(f64::INFINITY),
        Err(other) => Err(other),
    }
}

/// The search stays within `NOISE_MIN..=NOISE_MAX`, so its noise multipliers are always in range.
fn noise(value: f64) -> NoiseMultiplier {
    NoiseMultiplier::in_range(value)
}

#[cfg(test)]
mod tests;
