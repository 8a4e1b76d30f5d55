//! The flags that describe a run, shared by the subcommands, and the rules for which of them go together.

use clap::{Args, ValueEnum};
use privet_dp::{Adjacency, Delta, Epsilon, NoiseMultiplier, SamplingRate};

use super::mechanism::{Phase, Scheme};
use crate::failure::Failure;

/// A run of noisy steps.
#[derive(Args)]
pub(super) struct Mechanism {
    /// How the batch of each step is drawn
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(super) sampling: Sampling,
    /// Probability with which each unit is in a step's batch
    #[arg(long, value_name = "Q", value_parser = sampling_rate)]
    pub(super) sampling_rate: Option<SamplingRate>,
    /// Noise standard deviation divided by the sensitivity
    #[arg(long, value_name = "S", value_parser = noise_multiplier)]
    pub(super) noise_multiplier: Option<NoiseMultiplier>,
    /// Number of noisy steps
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) steps: Option<u64>,
    /// Number of units; with Poisson sampling a public upper bound on it
    #[arg(long, visible_alias = "dataset-size-bound", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) dataset_size: Option<u64>,
    /// Units in a step's batch: expected (poisson), at most (truncated-poisson), exactly (the others)
    #[arg(long, visible_alias = "expected-batch-size", value_name = "B", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) batch_size: Option<u64>,
    /// Neighbours differ in K units instead of one (none and poisson)
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) group_size: u32,
}

/// What the guarantee is about.
#[derive(Args)]
pub(super) struct Target {
    /// Probability mass outside the guarantee; below 1 / number of units
    #[arg(long, value_name = "D", value_parser = delta)]
    pub(super) delta: Delta,
    #[command(flatten)]
    pub(super) neighbours: Neighbours,
}

#[derive(Args)]
pub(super) struct Neighbours {
    /// Neighbours differ in one unit, which is there or not, emptied, or exchanged
    #[arg(long, value_enum, default_value_t, value_name = "WHICH")]
    adjacency: WhichNeighbours,
}

/// The three adjacencies, as clap spells them.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum WhichNeighbours {
    #[default]
    AddRemove,
    ZeroOut,
    ReplaceOne,
}

impl Neighbours {
    pub(super) fn adjacency(&self) -> Adjacency {
        self.adjacency.into()
    }
}

impl From<WhichNeighbours> for Adjacency {
    fn from(neighbours: WhichNeighbours) -> Self {
        match neighbours {
            WhichNeighbours::AddRemove => Self::AddRemove,
            WhichNeighbours::ZeroOut => Self::ZeroOut,
            WhichNeighbours::ReplaceOne => Self::ReplaceOne,
        }
    }
}

/// The samplers, as clap spells them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Sampling {
    None,
    #[default]
    Poisson,
    WithoutReplacement,
    TruncatedPoisson,
    RandomAllocation,
    Shuffled,
}

impl Sampling {
    /// As on the command line and in JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Poisson => "poisson",
            Self::WithoutReplacement => "without-replacement",
            Self::TruncatedPoisson => "truncated-poisson",
            Self::RandomAllocation => "random-allocation",
            Self::Shuffled => "shuffled",
        }
    }

    /// In a sentence.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::None => "no sampling",
            Self::Poisson => "Poisson sampling",
            Self::WithoutReplacement => "fixed-size sampling without replacement",
            Self::TruncatedPoisson => "truncated Poisson sampling",
            Self::RandomAllocation => "random allocation (each unit in one batch per epoch)",
            Self::Shuffled => "shuffled batches",
        }
    }
}

impl Mechanism {
    /// The way batches are drawn; `solved_batch` where the batch size is what is asked for.
    pub(super) fn scheme(&self, solved_batch: bool) -> Result<Scheme, Failure> {
        let refused = |flag: &str| Err(not_with(flag, self.sampling));
        let parts = || -> Result<(u64, u64), Failure> {
            let dataset = self.dataset_size.ok_or_else(|| missing("--dataset-size", self.sampling))?;
            let batch = if solved_batch { Some(1) } else { self.batch_size };
            let batch = batch.ok_or_else(|| missing("--batch-size", self.sampling))?;
            if batch <= dataset { Ok((dataset, batch)) } else { Err(batch_too_large(batch, dataset)) }
        };
        if self.group_size > 1 && !matches!(self.sampling, Sampling::None | Sampling::Poisson) {
            return refused("--group-size");
        }
        match self.sampling {
            Sampling::None if self.dataset_size.is_some() => refused("--dataset-size"),
            Sampling::None if self.batch_size.is_some() => refused("--batch-size"),
            Sampling::None | Sampling::Poisson => Ok(Scheme::Poisson { group_size: self.group_size }),
            Sampling::TruncatedPoisson => {
                let (dataset_size, batch_size_max) = parts()?;
                Ok(Scheme::TruncatedPoisson { dataset_size, batch_size_max })
            }
            _ if self.sampling_rate.is_some() => refused("--sampling-rate"),
            Sampling::WithoutReplacement => {
                let (dataset_size, batch_size) = parts()?;
                Ok(Scheme::WithoutReplacement { dataset_size, batch_size })
            }
            Sampling::RandomAllocation => Ok(Scheme::RandomAllocation { steps_per_epoch: epoch(parts()?)? }),
            Sampling::Shuffled => Ok(Scheme::Shuffled { steps_per_epoch: epoch(parts()?)? }),
        }
    }

    /// The sampling rate, as given or as batch ÷ dataset.
    pub(super) fn rate(&self) -> Result<SamplingRate, Failure> {
        let range = |error: privet_dp::OutOfRange| Failure::usage(error.to_string());
        match (self.sampling, self.sampling_rate, self.dataset_size, self.batch_size) {
            (Sampling::None, None, ..) => SamplingRate::from_f64(1.0).map_err(range),
            (Sampling::None, Some(rate), ..) if rate.get() < 1.0 => Err(not_with("--sampling-rate", self.sampling)),
            (Sampling::Poisson, Some(_), Some(_), Some(_)) => Err(Failure::usage("the sampling rate is given twice")
                .at("--sampling-rate")
                .help("give `--sampling-rate`, or `--dataset-size` with `--batch-size`, not both")),
            (_, Some(rate), ..) => Ok(rate),
            (Sampling::TruncatedPoisson, None, ..) => Err(missing("--sampling-rate", self.sampling)),
            (_, None, Some(dataset), Some(batch)) => {
                SamplingRate::from_ratio(batch, dataset).map_err(|_| batch_too_large(batch, dataset))
            }
            (..) => Err(missing("--sampling-rate", self.sampling)
                .why("with Poisson sampling, `--dataset-size` with `--batch-size` does as well")),
        }
    }

    pub(super) fn noise(&self) -> Result<NoiseMultiplier, Failure> {
        self.noise_multiplier.ok_or_else(|| missing("--noise-multiplier", self.sampling))
    }

    /// The failure for a flag that is needed and not there.
    pub(super) fn missing(&self, flag: &str) -> Failure {
        missing(flag, self.sampling)
    }

    /// The number of steps; whole epochs where `scheme` has epochs.
    pub(super) fn steps(&self, scheme: Scheme) -> Result<u64, Failure> {
        let steps = self.steps.ok_or_else(|| missing("--steps", self.sampling))?;
        let epoch = scheme.steps_at_once();
        if steps % epoch == 0 {
            return Ok(steps);
        }
        Err(Failure::usage(format!("{steps} steps are not whole epochs of {epoch} steps"))
            .at("--steps")
            .why(format!("with {} the proof is for whole epochs", self.sampling.words()))
            .help(format!("choose a multiple of {epoch}, for example {}", steps.div_ceil(epoch).saturating_mul(epoch))))
    }
}

/// A run described once, or phase by phase.
#[derive(Args)]
pub(super) struct Run {
    #[command(flatten)]
    pub(super) mechanism: Mechanism,
    /// Rate, noise multiplier and steps of one phase, instead of the three flags (repeatable; none, poisson and
    /// truncated-poisson)
    #[arg(long, value_name = "Q:S:T", value_parser = phase, conflicts_with_all = ["sampling_rate", "noise_multiplier", "steps"])]
    phase: Vec<Phase>,
}

impl Run {
    /// How batches are drawn, and at least one phase.
    pub(super) fn resolve(&self) -> Result<(Scheme, Vec<Phase>), Failure> {
        let mechanism = &self.mechanism;
        let scheme = mechanism.scheme(false)?;
        if self.phase.is_empty() {
            let (noise_multiplier, steps) = (mechanism.noise()?, mechanism.steps(scheme)?);
            return Ok((scheme, vec![Phase { sampling_rate: mechanism.rate()?, noise_multiplier, steps }]));
        }
        if !scheme.draws_at_rate() {
            return Err(not_with("--phase", mechanism.sampling));
        }
        let unsampled = |phase: &Phase| phase.sampling_rate.get() >= 1.0;
        if mechanism.sampling == Sampling::None && !self.phase.iter().all(unsampled) {
            return Err(Failure::usage("a phase samples, but `--sampling none` does not")
                .at("--phase")
                .help("write 1 for its rate, or leave out `--sampling none`"));
        }
        Ok((scheme, self.phase.clone()))
    }
}

/// Batches per epoch.
fn epoch((dataset, batch): (u64, u64)) -> Result<u64, Failure> {
    if dataset % batch == 0 {
        return Ok(dataset / batch);
    }
    Err(Failure::usage(format!("{dataset} units do not fill whole batches of {batch}"))
        .at("--batch-size")
        .why("the steps of an epoch are dataset size ÷ batch size")
        .help(format!(
            "choose a batch size that divides {dataset}, or a dataset size of {}",
            dataset - dataset % batch
        )))
}

fn missing(flag: &str, sampling: Sampling) -> Failure {
    Failure::usage(format!("`{flag}` is missing"))
        .at(flag)
        .why(format!("`--sampling {}` needs {}", sampling.name(), needs(sampling)))
        .help("`privet budget epsilon --help` explains each flag")
}

fn not_with(flag: &str, sampling: Sampling) -> Failure {
    Failure::usage(format!("`{flag}` does not go with `--sampling {}`", sampling.name()))
        .at(flag)
        .why(format!("`--sampling {}` takes {}", sampling.name(), needs(sampling)))
        .help(format!("leave out `{flag}`, or choose another `--sampling`"))
}

fn needs(sampling: Sampling) -> &'static str {
    match sampling {
        Sampling::None => "noise multiplier and steps",
        Sampling::Poisson => "sampling rate, noise multiplier and steps",
        Sampling::TruncatedPoisson => "sampling rate, noise multiplier, steps, dataset size and largest batch size",
        Sampling::WithoutReplacement => "noise multiplier, steps, dataset size and batch size",
        Sampling::RandomAllocation | Sampling::Shuffled => {
            "noise multiplier, steps (whole epochs), dataset size and batch size"
        }
    }
}

fn batch_too_large(batch: u64, dataset: u64) -> Failure {
    Failure::usage(format!("a batch of {batch} is larger than a dataset of {dataset}"))
        .at("--batch-size")
        .help("choose a batch size of at most the dataset size")
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number"))
}

pub(super) fn sampling_rate(text: &str) -> Result<SamplingRate, String> {
    SamplingRate::from_f64(number(text)?).map_err(|error| error.to_string())
}

pub(super) fn noise_multiplier(text: &str) -> Result<NoiseMultiplier, String> {
    NoiseMultiplier::new(number(text)?).map_err(|error| error.to_string())
}

pub(super) fn delta(text: &str) -> Result<Delta, String> {
    Delta::new(number(text)?).map_err(|error| error.to_string())
}

pub(super) fn epsilon(text: &str) -> Result<Epsilon, String> {
    Epsilon::new(number(text)?).map_err(|error| error.to_string())
}

fn phase(text: &str) -> Result<Phase, String> {
    let [rate, noise, steps] = text.split(':').collect::<Vec<_>>()[..] else {
        return Err(String::from("a phase is rate:noise multiplier:steps, for example 0.01:1.1:1000"));
    };
    let count: u64 = steps.parse().map_err(|_| format!("`{steps}` is not a number of steps"))?;
    if count == 0 {
        return Err(String::from("a phase has at least one step"));
    }
    Ok(Phase { sampling_rate: sampling_rate(rate)?, noise_multiplier: noise_multiplier(noise)?, steps: count })
}
