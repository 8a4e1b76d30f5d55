//! One question as it stands on a line, and what it means in privet's own terms.

use privet_dp::{Adjacency, Delta, Epsilon, NoiseMultiplier, SamplingRate};
use serde::Deserialize;

use super::super::mechanism::{Phase, Scheme};
use super::Fault;

/// Counts come as JSON numbers; up to here a float holds every whole number.
const COUNT_MAX: f64 = 9_007_199_254_740_992.0;
/// How far a sampler's `q` may be from batch ÷ n, relatively: a float that was printed with seven digits still agrees.
const RATE_SLACK: f64 = 1e-6;

/// One line. Which fields an operation needs is checked in [`Request::run`] and [`Request::target`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) op: Op,
    neighbor: Neighbor,
    sampling: Sampling,
    components: Option<Vec<(f64, f64, f64)>>,
    delta: Option<f64>,
    #[serde(alias = "eps")]
    epsilon: Option<f64>,
    #[serde(default)]
    epsilons: Vec<f64>,
    n: Option<f64>,
    batch: Option<f64>,
    q: Option<f64>,
    sigma: Option<f64>,
    steps: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Op {
    Epsilon,
    Delta,
    Curve,
    CalibrateSigma,
    CalibrateSteps,
    CalibrateQ,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Neighbor {
    AddOrRemove,
    ReplaceOne,
    #[serde(alias = "replace_special")]
    ZeroOut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sampling {
    None,
    Poisson,
    Wor,
    TruncatedPoisson,
    RandomAllocation,
}

/// What all components of a question share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Setting {
    pub(super) scheme: Scheme,
    pub(super) adjacency: Adjacency,
    /// `sigma` ÷ this is the noise multiplier.
    pub(super) sigma_per_noise_multiplier: f64,
}

impl Request {
    /// The run of an `epsilon`, `delta` or `curve` question.
    pub(super) fn run(&self) -> Result<(Setting, Vec<Phase>), Fault> {
        let (q, sigma, steps) = (self.q, self.sigma, self.steps);
        if let Some((name, _)) =
            [("q", q), ("sigma", sigma), ("steps", steps)].iter().find(|(_, value)| value.is_some())
        {
            return Err(Fault::new(
                format!("`{name}` belongs to calibrations"),
                "write components: [[q, sigma, steps], ...]",
            ));
        }
        let components = self.components.as_deref().unwrap_or_default();
        if components.is_empty() {
            return Err(Fault::new("`components` is missing or empty", "write components: [[q, sigma, steps], ...]"));
        }
        let setting = self.setting()?;
        let phase = |(q, sigma, steps): &(f64, f64, f64)| {
            Ok(Phase {
                sampling_rate: self.rate(Some(*q))?,
                noise_multiplier: noise(Some(*sigma), &setting)?,
                steps: whole_epochs(Some(*steps), setting.scheme)?,
            })
        };
        let phases = components.iter().map(phase).collect::<Result<_, Fault>>()?;
        Ok((setting, phases))
    }

    /// The run of a calibration. What is looked for is a placeholder in it, whatever the line says about it.
    pub(super) fn target(&self) -> Result<(Setting, Phase), Fault> {
        if self.components.is_some() {
            return Err(Fault::new(
                "a calibration has no `components`",
                "write q, sigma and steps, less the one looked for",
            ));
        }
        let setting = self.setting()?;
        let draws = matches!(self.sampling, Sampling::Poisson | Sampling::TruncatedPoisson);
        let open = |op: Op| self.op == op;
        if open(Op::CalibrateQ) && !draws {
            return Err(Fault::new(
                "this sampling has no `q` to look for",
                "calibrate_q needs poisson or truncated_poisson",
            ));
        }
        let phase = Phase {
            sampling_rate: self.rate(if open(Op::CalibrateQ) { Some(1.0) } else { self.q })?,
            noise_multiplier: noise(if open(Op::CalibrateSigma) { Some(1.0) } else { self.sigma }, &setting)?,
            steps: if open(Op::CalibrateSteps) { 0 } else { whole_epochs(self.steps, setting.scheme)? },
        };
        Ok((setting, phase))
    }

    pub(super) fn delta(&self) -> Result<Delta, Fault> {
        let delta = self.delta.ok_or_else(|| missing("delta"))?;
        Delta::new(delta).map_err(|_| outside("delta", delta, "strictly between 0 and 1"))
    }

    pub(super) fn epsilon(&self) -> Result<Epsilon, Fault> {
        let epsilon = self.epsilon.ok_or_else(|| missing("epsilon"))?;
        Epsilon::new(epsilon).map_err(|_| outside("epsilon", epsilon, "finite and at least 0"))
    }

    /// The epsilons of a `curve`; the first bad one is the error.
    pub(super) fn epsilons(&self) -> Result<Vec<Epsilon>, Fault> {
        if self.epsilons.is_empty() {
            return Err(missing("epsilons"));
        }
        let one =
            |epsilon: &f64| Epsilon::new(*epsilon).map_err(|_| outside("epsilons", *epsilon, "finite and at least 0"));
        self.epsilons.iter().map(one).collect()
    }

    fn setting(&self) -> Result<Setting, Fault> {
        let (n, batch) = (|| count("n", self.n), || count("batch", self.batch));
        let scheme = match self.sampling {
            Sampling::None | Sampling::Poisson => Scheme::Poisson { group_size: 1 },
            Sampling::Wor => Scheme::WithoutReplacement { dataset_size: n()?, batch_size: batch()? },
            Sampling::TruncatedPoisson => Scheme::TruncatedPoisson { dataset_size: n()?, batch_size_max: batch()? },
            Sampling::RandomAllocation if batch()? == 1 => Scheme::RandomAllocation { steps_per_epoch: n()? },
            Sampling::RandomAllocation => {
                return Err(Fault::new(
                    "`batch` must be 1 with random_allocation",
                    "a record joins one of the n batches of an epoch; no bound for several is implemented",
                ));
            }
        };
        let adjacency = match self.neighbor {
            Neighbor::AddOrRemove => Adjacency::AddRemove,
            Neighbor::ReplaceOne => Adjacency::ReplaceOne,
            Neighbor::ZeroOut => Adjacency::ZeroOut,
        };
        // An exchanged record moves a sum by twice the clipping norm, and with `wor` sigma is relative to that already.
        let doubled = adjacency == Adjacency::ReplaceOne && self.sampling != Sampling::Wor;
        Ok(Setting { scheme, adjacency, sigma_per_noise_multiplier: if doubled { 2.0 } else { 1.0 } })
    }

    /// The rate of a component; where the sampler fixes it, a `q` that is there must agree.
    fn rate(&self, q: Option<f64>) -> Result<SamplingRate, Fault> {
        let implied = match self.sampling {
            Sampling::None => Some(1.0),
            Sampling::Wor => Some(count("batch", self.batch)? as f64 / count("n", self.n)? as f64),
            Sampling::RandomAllocation => Some(1.0 / count("n", self.n)? as f64),
            Sampling::Poisson | Sampling::TruncatedPoisson => None,
        };
        let rate = q.or(implied).ok_or_else(|| missing("q"))?;
        if let Some(implied) = implied.filter(|implied| (rate - implied).abs() > RATE_SLACK * implied) {
            return Err(Fault::new(
                format!("`q` is {rate:?}, and this sampling makes it {implied:?}"),
                "q is 1 with none, batch / n with wor and random_allocation",
            ));
        }
        SamplingRate::from_f64(rate).map_err(|_| outside("q", rate, "between 0 and 1"))
    }
}

fn noise(sigma: Option<f64>, setting: &Setting) -> Result<NoiseMultiplier, Fault> {
    let sigma = sigma.ok_or_else(|| missing("sigma"))?;
    NoiseMultiplier::new(sigma / setting.sigma_per_noise_multiplier)
        .map_err(|_| outside("sigma", sigma, "finite and above 0"))
}

fn whole_epochs(steps: Option<f64>, scheme: Scheme) -> Result<u64, Fault> {
    let steps = count("steps", steps)?;
    let epoch = scheme.steps_at_once();
    if steps % epoch == 0 {
        return Ok(steps);
    }
    Err(Fault::new(format!("{steps} steps are not whole epochs"), format!("n makes an epoch {epoch} steps long")))
}

/// A whole number of at least 1.
fn count(name: &'static str, value: Option<f64>) -> Result<u64, Fault> {
    let value = value.ok_or_else(|| missing(name))?;
    if value.fract() == 0.0 && (1.0..=COUNT_MAX).contains(&value) {
        return Ok(value as u64);
    }
    Err(outside(name, value, "a whole number from 1 to 2^53"))
}

fn missing(name: &str) -> Fault {
    Fault::new(format!("`{name}` is missing"), format!("this question needs a number `{name}`"))
}

fn outside(name: &str, value: f64, must_be: &str) -> Fault {
    Fault::new(format!("`{name}` is out of range"), format!("{name} is {value:?}, but must be {must_be}"))
}
