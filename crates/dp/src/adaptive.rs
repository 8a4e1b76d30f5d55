//! Noise for adaptive clipping, where a private count is released beside every gradient.
//!
//! The clipping norm follows a quantile of the gradient norms (Andrew et al., arXiv 1905.03871):
//! every step also releases how many of the sampled records stayed below the current norm, with Gaussian noise of standard
//! deviation `s_b`. Each record counts as ±1/2, so the count's sensitivity is 1/2 and its noise multiplier `2·s_b`. Sums over
//! the same sample with Gaussian noise are one Gaussian sum with `z⁻² = z_d⁻² + (2·s_b)⁻²` (the paper's Theorem 1), so a step
//! that shall cost no more than one release with noise multiplier z needs, for the gradients,
//!
//! `z_d = (z⁻² − (2·s_b)⁻²)^(−1/2)`.
//!
//! Where `z ≥ 2·s_b` there is no such `z_d`: the count alone costs more than the step may.

use crate::release::joint;
use crate::{NoiseMultiplier, OutOfRange};

/// Why a step with an adaptive clip cannot have the noise asked for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AdaptiveClipError {
    /// The count's noise is no noise.
    #[error(transparent)]
    CountNoise(#[from] OutOfRange),
    /// The count alone costs more than the step may.
    #[error(
        "a count with noise of standard deviation {count_stddev} (noise multiplier {}) costs more than a step with noise multiplier {noise_multiplier} may; raise the count's noise above {}",
        2.0 * count_stddev,
        0.5 * noise_multiplier
    )]
    CountTooCostly {
        /// The step's noise multiplier.
        noise_multiplier: f64,
        /// The count's noise.
        count_stddev: f64,
    },
}

/// The gradients' noise multiplier in a step that releases a count as well and costs what `noise_multiplier` says.
///
/// `count_stddev` is the standard deviation of the noise on the count, in records, where each record counts as ±1/2. Under
/// [`Adjacency::ReplaceOne`](crate::Adjacency::ReplaceOne) a record moves the count by 1, twice as much: pass half of it.
///
/// `z_d = (z⁻² − (2·s_b)⁻²)^(−1/2)`, rounded up: [`Event::PoissonSampledGaussians`](crate::Event::PoissonSampledGaussians)
/// with the result and `2·s_b` is charged as noise of at least `noise_multiplier`.
pub fn adaptive_clip(
    noise_multiplier: NoiseMultiplier,
    count_stddev: f64,
) -> Result<NoiseMultiplier, AdaptiveClipError> {
    let range = "finite and above 0";
    let count_noise = NoiseMultiplier::new(2.0 * count_stddev).map_err(|_| OutOfRange {
        name: "count_stddev",
        value: count_stddev,
        range,
    })?;
    let too_costly = AdaptiveClipError::CountTooCostly { noise_multiplier: noise_multiplier.get(), count_stddev };
    // 1 − r² as a product keeps its digits when r is near 1.
    let ratio = noise_multiplier.get() / count_noise.get();
    if ratio >= 1.0 {
        return Err(too_costly);
    }
    let exact = noise_multiplier.get() / ((1.0 - ratio) * (1.0 + ratio)).sqrt();
    // Raised until the accountant's own rule agrees; far from r = 1 that takes one or two rounds.
    let mut allowance = f64::EPSILON;
    while allowance < 1e300 {
        let Ok(gradients) = NoiseMultiplier::new(exact * (1.0 + allowance)) else { break };
        if joint(&[gradients, count_noise]) >= noise_multiplier.get() {
            return Ok(gradients);
        }
        allowance *= 2.0;
    }
    Err(too_costly)
}

#[cfg(test)]
mod tests;
