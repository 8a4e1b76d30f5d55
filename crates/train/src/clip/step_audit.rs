//! What an attacker learns from one step: clip, sum and noise run many times, with and without a unit that pulls as hard as
//! it may, and are told apart by a threshold.
//!
//! One step on a sum with sensitivity C and noise sigma C is mu-Gaussian DP with mu = 1 / sigma (Dong, Roth and Su 2019,
//! arXiv 1905.02383). Errors of the attack that are smaller than mu allows refute the step; errors that are much larger mean that
//! it adds more noise, or clips harder, than it says. It stands here because only here a release can be looked at that is on no
//! ledger: it is one of nothing.

use burn::tensor::{Tensor, TensorData, backend::Backend};
use privet_audit::clopper_pearson;
use privet_dp::{Adjacency, Delta, Event, NoiseMultiplier, SamplingRate, account};
use privet_model::SampleGradients;

use super::{ClipBound, ClippedPart, ClippedSum, Noise};
use crate::Error;
use crate::config::Clipping;
use crate::keys::RunKeys;
use crate::selftest::statistics::{ALPHA, normal_cdf};

/// Share of the claimed epsilon that the lower bound must reach: what is lost to the finite number of calls.
pub(crate) const TIGHT: f64 = 0.8;
const DELTA: f64 = 1e-5;
const MAX_GRAD_NORM: f64 = 0.5;
const WIDTH: usize = 16;

/// What was found, and what should be.
pub(crate) struct StepAudit {
    /// With probability `1 - ALPHA`, one step's epsilon is at least this.
    pub(crate) lower: f64,
    /// What the accountant says.
    pub(crate) claimed: f64,
}

/// Audits the real step with `calls` calls on each side.
pub(crate) fn run<B: Backend>(calls: u64, noise_multiplier: f64, device: &B::Device) -> Result<StepAudit, Error> {
    let keys = RunKeys::from_os()?;
    let bug = |_| Error::config("selftest", "a constant of the step audit is out of range");
    let multiplier = NoiseMultiplier::new(noise_multiplier).map_err(bug)?;
    let event = Event::PoissonSampledGaussian { sampling_rate: SamplingRate::ONE, noise_multiplier: multiplier };
    let claimed = account(&event, Delta::new(DELTA).map_err(bug)?, Adjacency::AddRemove)?.epsilon_upper.get();
    // One unit, ten times too long, in one direction; scaled so that noise alone is standard normal there.
    let pull = vec![10.0 * MAX_GRAD_NORM as f32 / (WIDTH as f32).sqrt(); WIDTH];
    let scale = 1.0 / (noise_multiplier * MAX_GRAD_NORM * (WIDTH as f64).sqrt());
    let step = |call: u64, included: bool| -> f64 {
        let mut sum = ClippedSum::zeros([WIDTH].into_iter(), MAX_GRAD_NORM);
        if included {
            let gradient = Tensor::<B, 3>::from_data(TensorData::new(pull.clone(), [1, 1, WIDTH]), device);
            let bound = ClipBound { clipping: Clipping::Flat, max_grad_norm: MAX_GRAD_NORM };
            sum.add(&ClippedPart::new(SampleGradients::held(vec![gradient]), &[0.0], 1, bound));
        }
        let key = keys.noise.step(call, u32::from(included));
        let Some(noise) = Noise::new(key, &event, Adjacency::AddRemove) else { return f64::NAN };
        sum.privatize(noise).values.iter().flatten().map(|value| scale * value).sum()
    };
    Ok(StepAudit { lower: lower_bound(calls, noise_multiplier, step)?, claimed })
}

/// A lower bound on the epsilon of a step that is a number for each call, with and without the unit.
fn lower_bound(calls: u64, noise_multiplier: f64, step: impl Fn(u64, bool) -> f64) -> Result<f64, Error> {
    let threshold = 0.5 / noise_multiplier;
    let false_alarms = (0..calls).filter(|call| step(*call, false) > threshold).count() as u64;
    // What is not a number is seen by anybody.
    let missed = (0..calls).filter(|call| step(*call, true) <= threshold).count() as u64;
    let upper = |count: u64| clopper_pearson::upper(count, calls, ALPHA / 2.0);
    let mu = (normal_quantile(1.0 - upper(false_alarms)?) - normal_quantile(upper(missed)?)).max(0.0);
    Ok(epsilon_of(mu))
}

/// Epsilon of mu-Gaussian DP at [`DELTA`], from below (Dong, Roth and Su, corollary 2.13), by bisection.
fn epsilon_of(mu: f64) -> f64 {
    let delta =
        |epsilon: f64| normal_cdf(-epsilon / mu + mu / 2.0) - epsilon.exp() * normal_cdf(-epsilon / mu - mu / 2.0);
    let (mut low, mut high) = (0.0, 1.0);
    if mu <= 0.0 || delta(low) <= DELTA {
        return 0.0;
    }
    while delta(high) > DELTA {
        high *= 2.0;
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        *(if delta(middle) > DELTA { &mut low } else { &mut high }) = middle;
    }
    low
}

fn normal_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-38.0, 38.0);
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        *(if normal_cdf(middle) < p { &mut low } else { &mut high }) = middle;
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::add_gaussian;

    const CALLS: u64 = 20_000;

    fn run(calls: u64, noise_multiplier: f64) -> Result<StepAudit, Error> {
        super::run::<burn::backend::Flex>(calls, noise_multiplier, &Default::default())
    }

    #[test]
    fn the_real_step_is_as_private_as_it_says_and_hardly_more() {
        for noise_multiplier in [0.7, 1.0, 1.5] {
            let StepAudit { lower, claimed } = run(CALLS, noise_multiplier).unwrap();
            assert!(lower <= claimed && lower >= TIGHT * claimed, "{noise_multiplier}: {lower} of {claimed}");
        }
    }

    /// Steps that are broken in the known ways: each must fall out of the bounds.
    #[test]
    fn broken_steps_are_seen() {
        let keys = RunKeys::for_replay(5);
        let noise = |step: u64, tensor: u32| -> f64 {
            f64::from(add_gaussian(&[0.0], 1.0, &keys.noise.step(step, 1), tensor, 0)[0])
        };
        let claimed = run(100, 1.0).unwrap().claimed;
        // What one call gives: the pull in standard deviations of the noise, and the noise.
        let audit = |pull: f64, stddev: f64, noise: &dyn Fn(u64, bool) -> f64| {
            lower_bound(CALLS, 1.0, |call, included| {
                f64::from(u8::from(included)) * pull + stddev * noise(call, included)
            })
            .unwrap()
        };
        let fresh = |call: u64, included: bool| noise(call, u32::from(included));
        let passes = |lower: f64| lower <= claimed && lower >= TIGHT * claimed;
        assert!(passes(audit(0.999, 1.0, &fresh)));
        assert!(!passes(audit(10.0, 1.0, &fresh)), "not clipped");
        assert!(!passes(audit(2.0, 1.0, &fresh)), "sensitivity of replacement, noise of addition");
        assert!(!passes(audit(1.0, 0.5, &fresh)), "half the noise");
        assert!(!passes(audit(1.0, 0.0, &fresh)), "no noise");
        assert!(!passes(audit(0.5, 1.0, &fresh)), "clipped to half the bound");
        assert!(!passes(audit(1.0, 2_f64.sqrt(), &fresh)), "noise twice");
        assert!(!passes(audit(1.0, 1.0, &|_, included| noise(0, u32::from(included)))), "the same draw every time");
        assert!(!passes(audit(f64::NAN, 1.0, &fresh)), "a unit that shows as a fault");
    }

    #[test]
    fn gaussian_dp_and_quantiles_are_those_of_the_tables() {
        for (p, z) in [(0.5, 0.0), (0.975, 1.959_963_985), (1e-6, -4.753_424_309)] {
            assert!((normal_quantile(p) - z).abs() < 1e-6, "{p}");
        }
        let claimed = run(100, 1.0).unwrap().claimed;
        assert!((epsilon_of(1.0) - claimed).abs() < 1e-6 * claimed, "{} {claimed}", epsilon_of(1.0));
        assert!(epsilon_of(0.0) == 0.0);
    }
}
