//! `[privacy]`, resolved: the noise that its target needs, and the event that each step is charged as.

use privet_dp::{Adjacency, Delta, Epsilon, Event, NoiseMultiplier, PrivacyUnit, SamplingRate};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::clip::{ClipBound, UNCLIPPED};
use crate::config::{AdaptiveClip, Clipping, NoiseKind, PrivacyConfig};

/// The guarantee.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedPrivacy {
    /// What one record is.
    pub privacy_unit: PrivacyUnit,
    /// Which datasets are neighbours.
    pub adjacency: Adjacency,
    /// delta.
    pub delta: Delta,
    /// The target the noise was calibrated for, where one was given.
    pub target_epsilon: Option<Epsilon>,
    /// Standard deviation of the noise on the gradients, over their sensitivity.
    pub noise_multiplier: NoiseMultiplier,
    /// Clipping norm C; with an adaptive clip, the first step's.
    pub max_grad_norm: f64,
    /// How gradients are brought to it.
    pub clipping: Clipping,
    /// How C moves, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adaptive_clip: Option<PlannedAdaptiveClip>,
    /// L2 sensitivity of the clipped sum under the adjacency, for `max_grad_norm`.
    pub sensitivity: f64,
    /// Public divisor of the noisy sum.
    pub expected_batch_size: u64,
    /// Public bound on the number of units.
    pub dataset_size_bound: u64,
    /// Poisson inclusion probability, on a 2^-64 grid.
    pub sampling_rate: SamplingRate,
    /// Noisy releases.
    pub steps: u64,
    /// How steps are connected, where their noise is banded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banded: Option<PlannedBanded>,
}

/// Banded noise, and the groups that take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedBanded {
    /// Bands of the strategy matrix, and groups.
    pub bands: u64,
    /// Probability with which a unit is drawn when its group has its turn.
    pub group_sampling_rate: SamplingRate,
    /// How often a unit may have its turn, at most; what the run pays for.
    pub turns: u64,
}

/// How the clipping norm follows the gradients, with the count that every step releases for it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PlannedAdaptiveClip {
    /// The share of units that shall be left unclipped.
    pub target_unclipped_quantile: f64,
    /// eta of the update.
    pub clipbound_learning_rate: f64,
    /// Standard deviation of the noise on the count, in units.
    pub unclipped_num_std: f64,
    /// The same over the count's sensitivity, which is 1/2, or 1 where a record is replaced.
    pub unclipped_noise_multiplier: NoiseMultiplier,
}

/// C never leaves `1 / FURTHEST..=FURTHEST` times where it began, so that it stays a number.
const FURTHEST: f64 = 1e6;

impl PlannedAdaptiveClip {
    /// The next step's C, from the noisy count of short units, each of which counts 1/2, and each long one -1/2.
    ///
    /// `C * exp(-eta * (share - target))` (Andrew et al. 2021, arXiv 1905.03871, equation 2), where the share is taken of the public
    /// expected batch size. The result is an f32, so that a checkpoint keeps it to the bit.
    pub fn next(&self, max_grad_norm: f64, count: f32, privacy: &PlannedPrivacy) -> f64 {
        let share = f64::from(count) / privacy.expected_batch_size as f64 + 0.5;
        let moved = max_grad_norm * (-self.clipbound_learning_rate * (share - self.target_unclipped_quantile)).exp();
        let start = privacy.max_grad_norm;
        f64::from(moved.clamp(start / FURTHEST, start * FURTHEST) as f32)
    }
}

/// Resolves `[privacy]` alone, without a model.
///
/// # Errors
/// As [`plan`](super::plan())'s, as far as they concern this section.
pub fn plan_privacy(privacy: &PrivacyConfig) -> Result<PlannedPrivacy, Error> {
    let bound = privacy.dataset_size_bound;
    if bound == 0 {
        return Err(Error::config("privacy.dataset_size_bound", "must be a public upper bound on the number of units"));
    }
    if privacy.expected_batch_size == 0 || privacy.expected_batch_size > bound {
        return Err(Error::config("privacy.expected_batch_size", "must lie in 1..=dataset_size_bound"));
    }
    if privacy.steps == 0 {
        return Err(Error::config("privacy.steps", "must be at least 1"));
    }
    if !(privacy.max_grad_norm.is_finite() && privacy.max_grad_norm > 0.0) {
        return Err(Error::config("privacy.max_grad_norm", "must be a positive number"));
    }
    let delta = Delta::new(privacy.delta).map_err(|error| Error::config("privacy.delta", error.to_string()))?;
    if privacy.delta * bound as f64 >= 1.0 {
        let reason = format!(
            "is {}, not below 1 / dataset_size_bound = {:.3e}: such a guarantee may reveal one whole record",
            privacy.delta,
            1.0 / bound as f64
        );
        return Err(Error::config("privacy.delta", reason));
    }
    let sampling_rate = SamplingRate::from_ratio(privacy.expected_batch_size, bound)
        .map_err(|error| Error::config("privacy.expected_batch_size", error.to_string()))?;
    let banded = banded(privacy)?;
    let run = |noise_multiplier| match banded {
        None => Event::PoissonSampledGaussian { sampling_rate, noise_multiplier },
        Some(banded) => banded.step(noise_multiplier),
    };
    let (noise, target_epsilon) = noise(privacy, delta, |noise| run(noise).of_steps(privacy.steps))?;
    let (noise_multiplier, adaptive_clip) = match (privacy.clipping, privacy.adaptive_clip) {
        (Clipping::Adaptive, config) => {
            let (noise_multiplier, adaptive) = adaptive_clip(privacy, config.unwrap_or_default(), noise)?;
            (noise_multiplier, Some(adaptive))
        }
        (_, None) => (noise, None),
        (_, Some(_)) => return Err(Error::config("privacy.adaptive_clip", "is for clipping = \"adaptive\"")),
    };
    Ok(PlannedPrivacy {
        privacy_unit: privacy.privacy_unit,
        adjacency: privacy.adjacency,
        delta,
        target_epsilon,
        noise_multiplier,
        max_grad_norm: privacy.max_grad_norm,
        clipping: privacy.clipping,
        adaptive_clip,
        sensitivity: privet_dp::sensitivity(privacy.max_grad_norm, privacy.adjacency),
        expected_batch_size: privacy.expected_batch_size,
        dataset_size_bound: bound,
        sampling_rate,
        steps: privacy.steps,
        banded,
    })
}

/// The noise multiplier: as written, or calibrated so that epsilon never exceeds its target.
fn noise(
    privacy: &PrivacyConfig,
    delta: Delta,
    run: impl Fn(NoiseMultiplier) -> Event,
) -> Result<(NoiseMultiplier, Option<Epsilon>), Error> {
    match (privacy.epsilon, privacy.noise_multiplier) {
        (Some(epsilon), None) => {
            let epsilon = Epsilon::new(epsilon).map_err(|error| Error::config("privacy.epsilon", error.to_string()))?;
            let noise = privet_dp::calibrate::noise_multiplier(epsilon, delta, privacy.adjacency, run)?;
            Ok((noise, Some(epsilon)))
        }
        (None, Some(noise)) => {
            let key = "privacy.noise_multiplier";
            Ok((NoiseMultiplier::new(noise).map_err(|error| Error::config(key, error.to_string()))?, None))
        }
        _ => Err(Error::config("privacy.epsilon", "and privacy.noise_multiplier: give exactly one of the two")),
    }
}

/// The groups of banded noise. Fewer steps than bands leave groups that never have a turn.
fn banded(privacy: &PrivacyConfig) -> Result<Option<PlannedBanded>, Error> {
    let bands = match (privacy.noise, privacy.banded) {
        (NoiseKind::Independent, None) => return Ok(None),
        (NoiseKind::Independent, Some(_)) => return Err(Error::config("privacy.banded", "is for noise = \"banded\"")),
        (NoiseKind::Banded, None) => return Err(Error::config("privacy.banded", "must say how many bands there are")),
        (NoiseKind::Banded, Some(banded)) => banded.bands,
    };
    let key = "privacy.banded.bands";
    if bands == 0 || bands > privacy.steps {
        return Err(Error::config(key, "must lie in 1..=steps"));
    }
    if privacy.clipping == Clipping::Adaptive {
        let reason =
            "is \"adaptive\", whose bound moves while noise of the old bound is taken back: no proof covers both";
        return Err(Error::config("privacy.clipping", reason));
    }
    let (expected, bound) = (privacy.expected_batch_size, privacy.dataset_size_bound);
    let rate = expected.checked_mul(bands).and_then(|turn| SamplingRate::from_ratio(turn, bound).ok());
    let Some(group_sampling_rate) = rate else {
        let most = bound.checked_div(expected).unwrap_or(0);
        let reason = format!("is {bands}: one group in so many has no batch of {expected}; at most {most}");
        return Err(Error::config(key, reason));
    };
    Ok(Some(PlannedBanded { bands, group_sampling_rate, turns: privacy.steps.div_ceil(bands) }))
}

impl PlannedBanded {
    /// The event of one step.
    fn step(&self, noise_multiplier: NoiseMultiplier) -> Event {
        let (bands, sampling_rate) = (self.bands, Some(self.group_sampling_rate));
        Event::BandedMatrixFactorization { steps: 1, bands, sampling_rate, noise_multiplier }
    }
}

/// Splits a step's noise between the gradients and the count, so that both together cost what `noise` alone would.
fn adaptive_clip(
    privacy: &PrivacyConfig,
    config: AdaptiveClip,
    noise: NoiseMultiplier,
) -> Result<(NoiseMultiplier, PlannedAdaptiveClip), Error> {
    let AdaptiveClip { target_unclipped_quantile, clipbound_learning_rate, unclipped_num_std } = config;
    if !(target_unclipped_quantile > 0.0 && target_unclipped_quantile < 1.0) {
        return Err(Error::config("privacy.adaptive_clip.target_unclipped_quantile", "must lie between 0 and 1"));
    }
    if !(clipbound_learning_rate > 0.0 && clipbound_learning_rate <= 1.0) {
        return Err(Error::config("privacy.adaptive_clip.clipbound_learning_rate", "must lie in (0, 1]"));
    }
    // The paper's twentieth of a batch costs large batches nothing; small ones still pay no more than 3 % of noise.
    let cheap = 4.0 * noise.get() * privet_dp::sensitivity(UNCLIPPED, privacy.adjacency);
    let unclipped_num_std = unclipped_num_std.unwrap_or(cheap.max(privacy.expected_batch_size as f64 / 20.0));
    let multiplier = unclipped_num_std / privet_dp::sensitivity(UNCLIPPED, privacy.adjacency);
    let key = "privacy.adaptive_clip.unclipped_num_std";
    let in_range = |error: privet_dp::OutOfRange| Error::config(key, error.to_string());
    let unclipped_noise_multiplier = NoiseMultiplier::new(multiplier).map_err(in_range)?;
    // The accountant's formula wants the count's noise for a sensitivity of 1/2.
    let gradients = privet_dp::adaptive_clip(noise, 0.5 * multiplier).map_err(|_| {
        let least = noise.get() * privet_dp::sensitivity(UNCLIPPED, privacy.adjacency);
        Error::config(
            key,
            format!(
                "is {unclipped_num_std}: such a count costs more than a whole step may; raise it well above {least:.3}"
            ),
        )
    })?;
    let planned = PlannedAdaptiveClip {
        target_unclipped_quantile,
        clipbound_learning_rate,
        unclipped_num_std,
        unclipped_noise_multiplier,
    };
    Ok((gradients, planned))
}

impl PlannedPrivacy {
    /// How gradients are clipped, in the first step at least.
    pub fn clip_bound(&self) -> ClipBound {
        ClipBound { clipping: self.clipping, max_grad_norm: self.max_grad_norm }
    }

    /// The privacy event of one step.
    pub fn event(&self) -> Event {
        let Self { sampling_rate, noise_multiplier, .. } = *self;
        match (self.banded, self.adaptive_clip) {
            (Some(banded), _) => banded.step(noise_multiplier),
            (None, None) => Event::PoissonSampledGaussian { sampling_rate, noise_multiplier },
            (None, Some(adaptive)) => Event::PoissonSampledGaussians {
                sampling_rate,
                noise_multipliers: vec![noise_multiplier, adaptive.unclipped_noise_multiplier],
            },
        }
    }

    /// How often a unit may take part: what the run pays for. The steps, but for banded noise.
    pub fn turns(&self) -> u64 {
        self.banded.map_or(self.steps, |banded| banded.turns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(adjacency: Adjacency) -> PrivacyConfig {
        PrivacyConfig {
            privacy_unit: PrivacyUnit::Document,
            adjacency,
            delta: 1e-5,
            epsilon: None,
            noise_multiplier: Some(0.9),
            max_grad_norm: 0.25,
            clipping: Clipping::Adaptive,
            adaptive_clip: None,
            noise: NoiseKind::Independent,
            banded: None,
            expected_batch_size: 100,
            dataset_size_bound: 2000,
            steps: 50,
            corpus_budget: None,
        }
    }

    fn key(config: &PrivacyConfig) -> String {
        match plan_privacy(config).unwrap_err() {
            Error::Config { key, .. } => key,
            other => panic!("{other}"),
        }
    }

    /// The count is paid for by the gradients: a step costs what the same noise without a count would.
    #[test]
    fn the_count_and_the_gradients_together_cost_what_the_noise_says() {
        for adjacency in [Adjacency::AddRemove, Adjacency::ZeroOut] {
            for unclipped_num_std in [None, Some(0.5), Some(40.0)] {
                let adaptive_clip = Some(AdaptiveClip { unclipped_num_std, ..AdaptiveClip::default() });
                let planned = plan_privacy(&PrivacyConfig { adaptive_clip, ..config(adjacency) }).unwrap();
                let flat = PrivacyConfig { clipping: Clipping::Flat, ..config(adjacency) };
                let flat = plan_privacy(&flat).unwrap();
                let epsilon = |planned: &PlannedPrivacy| {
                    let event = Event::Repeated { event: Box::new(planned.event()), count: planned.steps };
                    privet_dp::account(&event, planned.delta, adjacency).unwrap().epsilon_upper.get()
                };
                let (found, whole) = (epsilon(&planned), epsilon(&flat));
                assert!(found <= whole && found > 0.999 * whole, "{found} of {whole}");
                // The split by hand: variances of two looks at one sample add like resistors do in parallel.
                let adaptive = planned.adaptive_clip.unwrap();
                let (z, count) = (planned.noise_multiplier.get(), adaptive.unclipped_num_std / 0.5);
                assert!((z.powi(-2) + count.powi(-2) - 0.9_f64.powi(-2)).abs() < 1e-12);
                assert!((adaptive.unclipped_noise_multiplier.get() - count).abs() < 1e-12);
            }
        }
        // A record that is replaced moves the count by one.
        let planned = plan_privacy(&config(Adjacency::ReplaceOne)).unwrap();
        let adaptive = planned.adaptive_clip.unwrap();
        assert!((adaptive.unclipped_noise_multiplier.get() - adaptive.unclipped_num_std).abs() < 1e-12);
        let (z, count) = (planned.noise_multiplier.get(), adaptive.unclipped_num_std);
        assert!((z.powi(-2) + count.powi(-2) - 0.9_f64.powi(-2)).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_key() {
        let with =
            |adaptive: AdaptiveClip| PrivacyConfig { adaptive_clip: Some(adaptive), ..config(Adjacency::AddRemove) };
        let default = AdaptiveClip::default;
        let place = "privacy.adaptive_clip.";
        for x in [0.0, 1.0, f64::NAN] {
            let wrong = with(AdaptiveClip { target_unclipped_quantile: x, ..default() });
            assert_eq!(key(&wrong), format!("{place}target_unclipped_quantile"));
        }
        for x in [0.0, 1.5, f64::NAN] {
            let wrong = with(AdaptiveClip { clipbound_learning_rate: x, ..default() });
            assert_eq!(key(&wrong), format!("{place}clipbound_learning_rate"));
        }
        // 0.45 records of noise on the count alone cost as much as the whole step's 0.9.
        for x in [0.0, -1.0, 0.45, f64::NAN, f64::INFINITY] {
            let wrong = with(AdaptiveClip { unclipped_num_std: Some(x), ..default() });
            assert_eq!(key(&wrong), format!("{place}unclipped_num_std"), "{x}");
        }
        let flat = PrivacyConfig { clipping: Clipping::Flat, ..with(default()) };
        assert_eq!(key(&flat), "privacy.adaptive_clip");
    }

    #[test]
    fn the_norm_moves_towards_the_quantile() {
        let planned = plan_privacy(&config(Adjacency::AddRemove)).unwrap();
        let next = |norm: f64, count: f32| planned.adaptive_clip.unwrap().next(norm, count, &planned);
        // All 100 expected units short: share 1, half too many. All long: share 0. Half and half: there it stays.
        assert!((next(2.0, 50.0) - 2.0 * (-0.1_f64).exp()).abs() < 1e-6);
        assert!((next(2.0, -50.0) - 2.0 * 0.1_f64.exp()).abs() < 1e-6);
        assert!((next(2.0, 0.0) - 2.0).abs() < 1e-12);
        assert!(next(2.0, -1e30) <= 0.25 * 1.01e6 && next(2.0, 1e30) >= 0.25e-6 * 0.99, "it stays a number");
        let moved = next(2.0, 17.0);
        assert!((f64::from(moved as f32) - moved).abs() == 0.0, "a checkpoint keeps it to the bit");
    }
}
