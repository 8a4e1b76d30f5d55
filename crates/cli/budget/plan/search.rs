//! The search behind `privet budget plan`: one number of a run is open, and the best one that keeps to the target is
//! wanted.

use clap::ValueEnum;
use privet_dp::{
    Adjacency, Certificate, Delta, Epsilon, NoiseMultiplier, SamplingRate, Unreachable, Unsupported, account, calibrate,
};

use super::super::mechanism::{Phase, Scheme};

/// The unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Solve {
    #[default]
    Noise,
    Steps,
    SamplingRate,
    BatchSize,
}

/// A target, and a run in which one number is open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    pub(super) solve: Solve,
    pub(super) epsilon: Epsilon,
    pub(super) delta: Delta,
    pub(super) adjacency: Adjacency,
    pub(super) scheme: Scheme,
    /// The open number is a placeholder here.
    pub(super) phase: Phase,
    /// Of the batch size, where that is open.
    pub(super) dataset_size: Option<u64>,
}

/// A run that meets the target, and what it really costs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub(super) phase: Phase,
    pub(super) batch_size: Option<u64>,
    pub(super) certificate: Certificate,
}

/// The answer; `None` where not even one step or one unit per batch keeps to the target.
pub(super) fn solve(question: &Question) -> Result<Option<Answer>, Unreachable> {
    let Question { epsilon, delta, adjacency, scheme, phase, .. } = *question;
    let mut answer = (scheme, phase, None);
    match (question.solve, question.dataset_size) {
        (Solve::Noise, _) => {
            let event = |noise_multiplier| scheme.event(Phase { noise_multiplier, ..phase });
            answer.1.noise_multiplier = calibrate::noise_multiplier(epsilon, delta, adjacency, event)?;
        }
        (Solve::Steps, _) => {
            let at_once = scheme.steps_at_once();
            let event = |count: u64| scheme.event(Phase { steps: count.saturating_mul(at_once), ..phase });
            answer.1.steps = calibrate::steps(epsilon, delta, adjacency, event)?.saturating_mul(at_once);
        }
        (Solve::BatchSize, Some(dataset_size)) => {
            let drawn = |sampling_rate: SamplingRate| {
                let batch_size = batch(sampling_rate, dataset_size);
                let scheme = match scheme {
                    Scheme::WithoutReplacement { .. } => Scheme::WithoutReplacement { dataset_size, batch_size },
                    other => other,
                };
                (scheme, Phase { sampling_rate, ..phase }, Some(batch_size))
            };
            let event = |rate| drawn(rate).0.event(drawn(rate).1);
            let found = calibrate::expected_batch_size(epsilon, delta, adjacency, dataset_size, event)?;
            let rate = SamplingRate::from_ratio(found, dataset_size);
            answer = drawn(rate.map_err(|_| Unsupported::Malformed("an empty dataset has no batches"))?);
        }
        (Solve::SamplingRate | Solve::BatchSize, _) => {
            let event = |sampling_rate| scheme.event(Phase { sampling_rate, ..phase });
            answer.1.sampling_rate = calibrate::sampling_rate(epsilon, delta, adjacency, event)?;
        }
    }
    let (scheme, phase, batch_size) = answer;
    if phase.steps == 0 || batch_size == Some(0) {
        return Ok(None);
    }
    Ok(Some(Answer { phase, batch_size, certificate: account(&scheme.event(phase), delta, adjacency)? }))
}

/// The whole number of records that `rate` was made from.
fn batch(rate: SamplingRate, dataset_size: u64) -> u64 {
    ((rate.threshold() * u128::from(dataset_size)) >> 64) as u64
}

/// The question with one thing changed at a time; `None` where it is out of reach. What is looked for is not changed.
pub(super) fn what_if(question: &Question) -> Vec<(&'static str, Option<Answer>)> {
    let phase = |phase: Phase| Some(Question { phase, ..*question });
    let before = question.phase;
    let epoch = question.scheme.steps_at_once();
    let steps = |steps: u64| phase(Phase { steps, ..before });
    let batch = |factor: f64| {
        let rate = SamplingRate::from_f64((before.sampling_rate.get() * factor).min(1.0));
        rate.ok().and_then(|sampling_rate| phase(Phase { sampling_rate, ..before }))
    };
    let noise = |factor: f64| {
        let noise = NoiseMultiplier::new(before.noise_multiplier.get() * factor);
        noise.ok().and_then(|noise_multiplier| phase(Phase { noise_multiplier, ..before }))
    };
    let epsilon = |factor: f64| {
        Epsilon::new(question.epsilon.get() * factor).map(|epsilon| Question { epsilon, ..*question }).ok()
    };
    let mut cases = Vec::new();
    if question.solve != Solve::Steps {
        cases.push(("half the steps", steps((before.steps / epoch).div_ceil(2) * epoch)));
        cases.push(("twice the steps", steps(before.steps.saturating_mul(2))));
    }
    let samples = question.scheme.draws_at_rate() && before.sampling_rate.get() < 1.0;
    if samples && matches!(question.solve, Solve::Noise | Solve::Steps) {
        cases.push(("half the batch", batch(0.5)));
        cases.push(("twice the batch", batch(2.0)));
    }
    if question.solve != Solve::Noise {
        cases.push(("half the noise", noise(0.5)));
        cases.push(("twice the noise", noise(2.0)));
    }
    cases.push(("half the epsilon", epsilon(0.5)));
    cases.push(("twice the epsilon", epsilon(2.0)));
    cases.into_iter().map(|(name, case)| (name, case.and_then(|case| solve(&case).ok().flatten()))).collect()
}

#[cfg(test)]
mod tests {
    use super::{SamplingRate, batch};

    #[test]
    fn a_rate_made_from_a_batch_gives_the_batch_back() {
        for (expected, bound) in [(0, 1), (1, 1), (1, 3), (256, 60_000), (7, u64::MAX), (u64::MAX - 1, u64::MAX)] {
            assert_eq!(batch(SamplingRate::from_ratio(expected, bound).unwrap(), bound), expected);
        }
    }
}
