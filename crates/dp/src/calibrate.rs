//! From a target (epsilon, delta) to the noise, the number of steps or the sampling rate that meets it.
//!
//! Each question is asked about a family of events, `event(x)`, whose epsilon rises or falls with x, and is answered by
//! inverting [`account`] (`search` says how, and why that takes about ten accounts). Three things hold for every answer:
//!
//! - **It never exceeds the target.** The upper bound on epsilon has been computed at the very value that is returned, and
//!   is at most the target. No property of the family is needed for that, monotonicity included.
//! - It is the best there is up to a relative 10⁻⁹ (counts: exactly), as far as epsilon is monotone in x.
//! - An epsilon too large for a float counts as above the target; the search starts in the middle of the range because
//!   tiny noise makes any accountant do its worst work.
//!
//! ```
//! use privet_dp::{Adjacency, Delta, Epsilon, Event, NoiseMultiplier, SamplingRate, account, calibrate};
//!
//! let (epsilon, delta) = (Epsilon::new(3.0)?, Delta::new(1e-5)?);
//! let sampling_rate = SamplingRate::from_ratio(600, 60_000)?;
//! let run = |noise_multiplier: NoiseMultiplier| {
//!     let step = Event::PoissonSampledGaussian { sampling_rate, noise_multiplier };
//!     Event::Repeated { event: Box::new(step), count: 1000 }
//! };
//! let noise = calibrate::noise_multiplier(epsilon, delta, Adjacency::AddRemove, run)?;
//! assert!(account(&run(noise), delta, Adjacency::AddRemove)?.epsilon_upper <= epsilon);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(crate) mod search;

use crate::{Adjacency, Delta, Epsilon, Event, NoiseMultiplier, SamplingRate, Unsupported, account};
use search::{Axis, Found};

/// The search stops here: more noise than this leaves nothing to learn from.
const NOISE_MAX: f64 = 1_048_576.0;
/// The search stops here: less noise than this protects nothing at any useful epsilon.
const NOISE_MIN: f64 = 0.015_625;
/// The search stops here: 2^53, the last count before floats skip integers.
const COUNT_MAX: f64 = 9_007_199_254_740_992.0;
/// The grid of sampling rates.
const RATE_GRID: f64 = 1.0 / 18_446_744_073_709_551_616.0;
/// Relative width of the final bracket.
const TOLERANCE: f64 = 5e-10;

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

/// Why nothing meets a target.
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
        /// What it costs; infinite where that is no float.
        epsilon: f64,
        /// What was asked for.
        target: f64,
    },
    /// With nothing of what was asked about, the target is exceeded all the same.
    #[error(
        "without any further release the cost is already epsilon {epsilon}, above the target {target}; allow a larger epsilon or delta"
    )]
    Spent {
        /// What the rest costs; infinite where that is no float.
        epsilon: f64,
        /// What was asked for.
        target: f64,
    },
    /// The event itself cannot be accounted for.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
}

/// The smallest noise multiplier for `steps` Poisson-sampled Gaussian releases; see [`noise_multiplier`].
pub fn calibrate(target: &Calibrate) -> Result<NoiseMultiplier, Unreachable> {
    noise_multiplier(target.epsilon, target.delta, target.adjacency, |noise_multiplier| {
        let step = Event::PoissonSampledGaussian { sampling_rate: target.sampling_rate, noise_multiplier };
        Event::Repeated { event: Box::new(step), count: target.steps }
    })
}

/// The smallest noise multiplier, to within one part in 10^9, for which the epsilon of `event` is at most `epsilon`.
///
/// Never below 1/64: where that already meets the target (no steps, sampling rate 0, a huge epsilon), 1/64 is the answer.
/// Never above 2^20: where that does not meet the target, the answer is [`Unreachable::Epsilon`].
pub fn noise_multiplier(
    epsilon: Epsilon,
    delta: Delta,
    adjacency: Adjacency,
    event: impl Fn(NoiseMultiplier) -> Event,
) -> Result<NoiseMultiplier, Unreachable> {
    // The axis is 1/noise, on which epsilon rises; the largest value there is the smallest noise.
    let axis = Axis {
        start: 1.0,
        least: 1.0 / NOISE_MAX,
        most: 1.0 / NOISE_MIN,
        stride_down: 16.0,
        stride_up: 2.0,
        grid: 0.0,
        tolerance: TOLERANCE,
    };
    let noise = |value: f64| NoiseMultiplier::in_range(1.0 / value);
    match search::largest(&axis, epsilon.get(), |value| cost(&event(noise(value)), delta, adjacency))? {
        Found::Largest(value) => Ok(noise(value)),
        Found::Nothing(cost) => {
            Err(Unreachable::Epsilon { noise_multiplier: NOISE_MAX, epsilon: cost, target: epsilon.get() })
        }
    }
}

/// The largest number of steps for which the epsilon of `event` is at most `epsilon`.
///
/// 0 where one step is too many; 2^53 where that many meet the target (steps that cost nothing).
/// [`Unreachable::Spent`] where even `event(0)` exceeds the target.
pub fn steps(
    epsilon: Epsilon,
    delta: Delta,
    adjacency: Adjacency,
    event: impl Fn(u64) -> Event,
) -> Result<u64, Unreachable> {
    count(COUNT_MAX, epsilon, |count| cost(&event(count), delta, adjacency))
}

/// The largest expected batch size, at most `dataset_size_bound`, for which the epsilon of `event` is at most `epsilon`.
///
/// The event is asked for at the rate [`SamplingRate::from_ratio`] of the batch size and the bound, which must be public:
/// with the true number of records in its place, the rate itself would tell about them. 0 and [`Unreachable::Spent`] as
/// for [`steps`].
pub fn expected_batch_size(
    epsilon: Epsilon,
    delta: Delta,
    adjacency: Adjacency,
    dataset_size_bound: u64,
    event: impl Fn(SamplingRate) -> Event,
) -> Result<u64, Unreachable> {
    let most = (dataset_size_bound as f64).min(COUNT_MAX);
    count(most, epsilon, |expected| {
        let rate = SamplingRate::from_ratio(expected, dataset_size_bound)
            .map_err(|_| Unsupported::Malformed("the bound on the number of records must be at least 1"))?;
        cost(&event(rate), delta, adjacency)
    })
}

/// The largest sampling rate, to within one part in 10^9 (or one step of its grid), for which the epsilon of `event` is at
/// most `epsilon`.
///
/// 1 where everything may be used in every step. 0 where the smallest rate, 2^-64, is too large; [`Unreachable::Spent`]
/// where even the rate 0 exceeds the target.
pub fn sampling_rate(
    epsilon: Epsilon,
    delta: Delta,
    adjacency: Adjacency,
    event: impl Fn(SamplingRate) -> Event,
) -> Result<SamplingRate, Unreachable> {
    let axis = Axis {
        start: 1.0 / 128.0,
        least: RATE_GRID,
        most: 1.0,
        stride_down: 256.0,
        stride_up: 16.0,
        grid: RATE_GRID,
        tolerance: TOLERANCE,
    };
    let rate = |value: f64| {
        let outside = Unsupported::Malformed("the sampling rate is not between 0 and 1");
        SamplingRate::from_f64(value).map_err(|_| outside)
    };
    let mut cost_at = |value: f64| cost(&event(rate(value)?), delta, adjacency);
    match search::largest(&axis, epsilon.get(), &mut cost_at)? {
        Found::Largest(value) => Ok(rate(value)?),
        Found::Nothing(_) => within_alone(cost_at(0.0)?, epsilon).and_then(|()| Ok(rate(0.0)?)),
    }
}

/// The largest whole number up to `most` whose cost is at most `epsilon`.
fn count(
    most: f64,
    epsilon: Epsilon,
    mut cost_at: impl FnMut(u64) -> Result<f64, Unsupported>,
) -> Result<u64, Unreachable> {
    // A thousand steps are easier to account for than one.
    let axis = Axis { start: 1024.0, least: 1.0, most, stride_down: 32.0, stride_up: 32.0, grid: 1.0, tolerance: 0.0 };
    if most >= 1.0
        && let Found::Largest(value) = search::largest(&axis, epsilon.get(), |value| cost_at(value as u64))?
    {
        return Ok(value as u64);
    }
    within_alone(cost_at(0)?, epsilon).map(|()| 0)
}

fn within_alone(cost: f64, epsilon: Epsilon) -> Result<(), Unreachable> {
    if cost <= epsilon.get() { Ok(()) } else { Err(Unreachable::Spent { epsilon: cost, target: epsilon.get() }) }
}

/// The upper bound on epsilon; infinite where it is no float, or where there is more than can be counted.
fn cost(event: &Event, delta: Delta, adjacency: Adjacency) -> Result<f64, Unsupported> {
    match account(event, delta, adjacency) {
        Ok(certificate) => Ok(certificate.epsilon_upper.get()),
        Err(Unsupported::Unbounded | Unsupported::TooManyReleases) => Ok(f64::INFINITY),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests;
