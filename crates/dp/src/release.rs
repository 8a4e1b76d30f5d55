//! An event's releases, flattened: what the engines account for.
//!
//! Privacy loss adds up under adaptive composition whatever the order, so nothing is lost by sorting and merging equal
//! releases, and two trees that describe the same releases get the same epsilon to the last bit. Adjacency is resolved
//! here: from here on, noise is a standard deviation and every record's contribution has norm 1.

use crate::law::{Direction, Law, binomial, law};
use crate::{Adjacency, Event, NoiseMultiplier, SamplingRate, Trials, Unsupported};

/// One release; noise is relative to the norm of one record's contribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mechanism {
    /// A shift by 1 under Gaussian noise.
    Gaussian { noise: f64 },
    /// A record is there or not, at `rate` in (0, 1).
    Poisson { rate: f64, noise: f64 },
    /// A record is exchanged, at `rate` in (0, 1); the two contributions point in opposite directions.
    PoissonReplace { rate: f64, noise: f64 },
    /// `size` records are there or not, each at `rate` in (0, 1).
    Group { rate: f64, noise: f64, size: u32 },
    /// Poisson sampling at `rate` cut to `batch` of `dataset` records.
    Truncated { rate: f64, noise: f64, dataset: u64, batch: u64 },
    /// `batch` of `dataset` records; a record is exchanged and moves the sum by 1.
    WithoutReplacement { noise: f64, dataset: u64, batch: u64 },
    /// One epoch over `steps` of at least 2 batches.
    Allocation { noise: f64, steps: u64 },
}

/// What one event costs: its releases, and searches over hyper-parameters on top of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Releases {
    /// Distinct mechanisms, sorted, with counts.
    pub(crate) mechanisms: Vec<(Mechanism, u64)>,
    /// Searches, with the releases of one run and how often the search was done; only Rényi DP can account for them.
    pub(crate) searches: Vec<(Releases, Trials, u64)>,
    /// A sampler whose amplification no theorem gives was charged without it.
    pub(crate) unamplified: bool,
    /// The releases cost at least what the event does, and perhaps more, so nothing bounds the event from below: who observes a
    /// banded run does not know the groups, and its last turn may be cut short.
    pub(crate) from_above: bool,
}

/// Flattens `event`; releases that touch no record are left out.
pub(crate) fn releases(event: &Event, adjacency: Adjacency) -> Result<Releases, Unsupported> {
    let mut flat = Releases::default();
    flatten(event, 1, adjacency, &mut flat)?;
    flat.mechanisms.sort_by_key(|(mechanism, _)| mechanism.key());
    let mut merged: Vec<(Mechanism, u64)> = Vec::with_capacity(flat.mechanisms.len());
    for (mechanism, count) in flat.mechanisms {
        match merged.last_mut() {
            Some((last, sum)) if last.key() == mechanism.key() => {
                *sum = sum.checked_add(count).ok_or(Unsupported::TooManyReleases)?;
            }
            _ => merged.push((mechanism, count)),
        }
    }
    Ok(Releases { mechanisms: merged, ..flat })
}

fn flatten(event: &Event, count: u64, adjacency: Adjacency, flat: &mut Releases) -> Result<(), Unsupported> {
    if count == 0 {
        return Ok(());
    }
    let times = |factor: u64| count.checked_mul(factor).ok_or(Unsupported::TooManyReleases);
    match event {
        Event::Gaussian { noise_multiplier } => {
            flat.mechanisms.push((Mechanism::Gaussian { noise: noise_multiplier.get() }, count));
        }
        Event::PoissonSampledGaussian { sampling_rate, noise_multiplier } => {
            poisson(*sampling_rate, noise_multiplier.get(), count, adjacency, flat);
        }
        Event::PoissonSampledGaussians { sampling_rate, noise_multipliers } if !noise_multipliers.is_empty() => {
            poisson(*sampling_rate, joint(noise_multipliers), count, adjacency, flat);
        }
        Event::PoissonSampledGaussians { .. } => {}
        Event::PoissonSampledGroup { sampling_rate, noise_multiplier, group_size } => {
            group(*sampling_rate, noise_multiplier.get(), *group_size, count, adjacency, flat)?;
        }
        Event::TruncatedPoissonSampledGaussian { sampling_rate, noise_multiplier, dataset_size, batch_size_max } => {
            let sizes = (*dataset_size, *batch_size_max);
            truncated(*sampling_rate, noise_multiplier.get(), sizes, count, adjacency, flat)?;
        }
        Event::SampledWithoutReplacement { noise_multiplier, dataset_size, batch_size } => {
            let (noise, (dataset, batch)) = (noise_multiplier.get(), (*dataset_size, *batch_size));
            require(adjacency == Adjacency::ReplaceOne, "sampling without replacement", adjacency, "replace-one")?;
            if batch > dataset {
                return Err(Unsupported::Malformed("a batch drawn without replacement is larger than its data set"));
            }
            let whole = batch == dataset;
            let sampled = Mechanism::WithoutReplacement { noise, dataset, batch };
            let mechanism = if whole { Mechanism::Gaussian { noise } } else { sampled };
            flat.mechanisms.extend((batch > 0).then_some((mechanism, count)));
        }
        Event::RandomAllocation { steps, noise_multiplier } => {
            let (noise, steps) = (noise_multiplier.get(), *steps);
            require(adjacency != Adjacency::ReplaceOne, "random allocation", adjacency, "add-remove, zero-out")?;
            match steps {
                0 => {}
                1 => flat.mechanisms.push((Mechanism::Gaussian { noise }, count)),
                _ => flat.mechanisms.push((Mechanism::Allocation { noise, steps }, count)),
            }
        }
        Event::ShuffledPass { noise_multiplier } => {
            // A record more or less would move every later record to another batch.
            require(adjacency != Adjacency::AddRemove, "shuffled batches", adjacency, "zero-out, replace-one")?;
            flat.unamplified = true;
            flat.mechanisms.push((Mechanism::Gaussian { noise: noise_multiplier.get() }, count));
        }
        Event::BandedMatrixFactorization { steps, bands, sampling_rate, noise_multiplier } => {
            if *bands == 0 {
                return Err(Unsupported::Malformed("a banded matrix has at least one band"));
            }
            flat.from_above |= *bands > 1 && *steps > 0;
            let uses = times(steps.div_ceil(*bands))?;
            banded(*sampling_rate, noise_multiplier.get(), uses, adjacency, flat);
        }
        Event::HyperparameterSelection { event, trials } => {
            flat.searches.push((releases(event, adjacency)?, trials.checked()?, count));
        }
        Event::Repeated { event, count: repeats } => flatten(event, times(*repeats)?, adjacency, flat)?,
        Event::Composed(events) => {
            for event in events {
                flatten(event, count, adjacency, flat)?;
            }
        }
        Event::NonPrivate => return Err(Unsupported::NonPrivate),
    }
    Ok(())
}

/// The turns of a unit in steps with banded noise; see [`crate::banded`].
fn banded(rate: Option<SamplingRate>, noise: f64, turns: u64, adjacency: Adjacency, flat: &mut Releases) {
    if turns > 0 {
        flat.unamplified |= rate.is_none();
        poisson(rate.unwrap_or(SamplingRate::ONE), noise, turns, adjacency, flat);
    }
}

fn require(
    supported: bool,
    sampler: &'static str,
    adjacency: Adjacency,
    instead: &'static str,
) -> Result<(), Unsupported> {
    let adjacency = match adjacency {
        Adjacency::AddRemove => "add-remove",
        Adjacency::ZeroOut => "zero-out",
        Adjacency::ReplaceOne => "replace-one",
    };
    if supported { Ok(()) } else { Err(Unsupported::Adjacency { sampler, adjacency, supported: instead }) }
}

fn group(
    sampling_rate: SamplingRate,
    noise: f64,
    size: u32,
    count: u64,
    adjacency: Adjacency,
    flat: &mut Releases,
) -> Result<(), Unsupported> {
    let rate = sampling_rate.get();
    require(adjacency != Adjacency::ReplaceOne, "a group's Poisson sample", adjacency, "add-remove, zero-out")?;
    match size {
        0 => {}
        1 => poisson(sampling_rate, noise, count, adjacency, flat),
        _ if rate >= 1.0 => {
            // The division rounds; noise must not come out too large.
            let noise = (noise / f64::from(size)).next_down();
            flat.mechanisms.push((Mechanism::Gaussian { noise }, count));
        }
        _ if rate > 0.0 => flat.mechanisms.push((Mechanism::Group { rate, noise, size }, count)),
        _ => {}
    }
    Ok(())
}

fn truncated(
    sampling_rate: SamplingRate,
    noise: f64,
    (dataset, batch): (u64, u64),
    count: u64,
    adjacency: Adjacency,
    flat: &mut Releases,
) -> Result<(), Unsupported> {
    let rate = sampling_rate.get();
    require(adjacency == Adjacency::AddRemove, "a truncated Poisson sample", adjacency, "add-remove")?;
    if dataset > binomial::TRIALS_MAX {
        return Err(Unsupported::Malformed("a truncated sample is supported for data sets of up to 2^40 records"));
    }
    if dataset == 0 || batch == 0 {
        return Err(Unsupported::Malformed("a truncated sample needs a data set and a batch of at least 1"));
    }
    if batch >= dataset {
        // Never cut.
        poisson(sampling_rate, noise, count, adjacency, flat);
    } else if rate > 0.0 {
        flat.mechanisms.push((Mechanism::Truncated { rate, noise, dataset, batch }, count));
    }
    Ok(())
}

fn poisson(rate: SamplingRate, noise: f64, count: u64, adjacency: Adjacency, flat: &mut Releases) {
    let rate = rate.get();
    let mechanism = match adjacency {
        _ if rate <= 0.0 => return,
        _ if rate >= 1.0 => Mechanism::Gaussian { noise },
        Adjacency::AddRemove | Adjacency::ZeroOut => Mechanism::Poisson { rate, noise },
        // The multiplier is relative to the distance of two contributions, which is twice the norm of one.
        Adjacency::ReplaceOne => Mechanism::PoissonReplace { rate, noise: 2.0 * noise },
    };
    flat.mechanisms.push((mechanism, count));
}

/// The noise multiplier of several Gaussian sums seen as one, rounded down: `(Σ zᵢ⁻²)^(−1/2)`.
pub(crate) fn joint(noise_multipliers: &[NoiseMultiplier]) -> f64 {
    if let [only] = noise_multipliers {
        return only.get();
    }
    let smallest = noise_multipliers.iter().map(|noise| noise.get()).fold(f64::INFINITY, f64::min);
    let sum: f64 = noise_multipliers.iter().map(|noise| (smallest / noise.get()).powi(2)).sum();
    smallest / sum.sqrt() * (1.0 - f64::EPSILON * (4 + noise_multipliers.len()) as f64)
}

impl Mechanism {
    /// Upper bound on the total variation distance of the release's laws, which is its delta at epsilon 0.
    fn total_variation(&self) -> f64 {
        // Of N(0, noise²) and N(shift, noise²).
        let gaussian = |shift: f64, noise: f64| libm::erf(shift * std::f64::consts::FRAC_1_SQRT_2 / (2.0 * noise));
        match *self {
            Self::Gaussian { noise } | Self::Allocation { noise, .. } => gaussian(1.0, noise),
            Self::Poisson { rate, noise } => rate * gaussian(1.0, noise),
            Self::PoissonReplace { rate, noise } => rate * gaussian(2.0, noise),
            Self::Group { rate, noise, size } => f64::from(size) * rate * gaussian(1.0, noise),
            // A full batch moves by up to 4 norms, with at most the record's own sampling rate.
            Self::Truncated { rate, noise, .. } => rate * (gaussian(4.0, noise) + gaussian(1.0, noise)),
            Self::WithoutReplacement { noise, dataset, batch } => batch as f64 / dataset as f64 * gaussian(1.0, noise),
        }
    }

    pub(crate) fn noise(&self) -> f64 {
        match *self {
            Self::Gaussian { noise }
            | Self::Poisson { noise, .. }
            | Self::PoissonReplace { noise, .. }
            | Self::Group { noise, .. }
            | Self::Truncated { noise, .. }
            | Self::WithoutReplacement { noise, .. }
            | Self::Allocation { noise, .. } => noise,
        }
    }

    /// Both directions have the same law.
    fn symmetric(&self) -> bool {
        matches!(self, Self::Gaussian { .. } | Self::PoissonReplace { .. } | Self::WithoutReplacement { .. })
    }

    /// Equal keys, equal mechanisms; the order of keys is the order of summation.
    fn key(&self) -> [u64; 5] {
        match *self {
            Self::Gaussian { noise } => [0, noise.to_bits(), 0, 0, 0],
            Self::Poisson { rate, noise } => [1, rate.to_bits(), noise.to_bits(), 0, 0],
            Self::PoissonReplace { rate, noise } => [2, rate.to_bits(), noise.to_bits(), 0, 0],
            Self::Group { rate, noise, size } => [3, rate.to_bits(), noise.to_bits(), u64::from(size), 0],
            Self::Truncated { rate, noise, dataset, batch } => [4, rate.to_bits(), noise.to_bits(), dataset, batch],
            Self::WithoutReplacement { noise, dataset, batch } => [5, noise.to_bits(), dataset, batch, 0],
            Self::Allocation { noise, steps } => [6, noise.to_bits(), steps, 0, 0],
        }
    }
}

impl Releases {
    /// Upper bound on delta at epsilon 0: total variation adds up under composition.
    pub(crate) fn total_variation(&self) -> f64 {
        if !self.searches.is_empty() {
            return 1.0;
        }
        let sum: f64 =
            self.mechanisms.iter().map(|(mechanism, count)| *count as f64 * mechanism.total_variation()).sum();
        sum * (1.0 + f64::EPSILON * (8 + self.mechanisms.len()) as f64)
    }

    /// Another upper bound on delta at epsilon 0, far below the sum where many releases do next to nothing each:
    /// `½·E_Q|W − 1| ≤ ½·√(E_Q[W²] − 1)` by Cauchy and Schwarz, and second moments of independent ratios multiply. That of a
    /// sampled Gaussian is `1 + q²(e^{1/s²} − 1)`; 1 where there are releases of another kind.
    pub(crate) fn root_variation(&self) -> f64 {
        let log_moment = |(mechanism, count): &(Mechanism, u64)| match *mechanism {
            Mechanism::Poisson { rate, noise } => {
                let excess = rate * rate * libm::expm1(1.0 / (noise * noise));
                // What underflows is no bound.
                if excess > 1e-250 { *count as f64 * libm::log1p(excess) } else { f64::INFINITY }
            }
            _ => f64::INFINITY,
        };
        let log: f64 = self.mechanisms.iter().map(log_moment).sum();
        let bound = 0.5 * libm::expm1(log).sqrt() * (1.0 + 1e-9);
        if self.searches.is_empty() { bound.min(1.0) } else { 1.0 }
    }

    /// Whether some releases come from a sampler that has no Rényi bound: where the grid is too long, nothing else is left.
    pub(crate) fn allocated(&self) -> bool {
        self.mechanisms.iter().any(|(mechanism, _)| matches!(mechanism, Mechanism::Allocation { .. }))
    }

    /// The same with random allocation charged as if it were known which batch a record is in: one release an epoch.
    pub(crate) fn without_amplification(&self) -> Self {
        let plain = |(mechanism, count): &(Mechanism, u64)| match *mechanism {
            Mechanism::Allocation { noise, .. } => (Mechanism::Gaussian { noise }, *count),
            other => (other, *count),
        };
        let mut mechanisms: Vec<_> = self.mechanisms.iter().map(plain).collect();
        mechanisms.sort_by_key(|(mechanism, _)| mechanism.key());
        Self { mechanisms, searches: self.searches.clone(), unamplified: true, from_above: self.from_above }
    }

    /// The dominating pairs in one direction.
    pub(crate) fn laws(&self, direction: Direction) -> Vec<(Law, u64)> {
        self.mechanisms.iter().map(|(mechanism, count)| (law(mechanism, direction), *count)).collect()
    }

    /// Whether one direction is enough.
    pub(crate) fn symmetric(&self) -> bool {
        self.mechanisms.iter().all(|(mechanism, _)| mechanism.symmetric())
    }
}

impl Trials {
    fn checked(self) -> Result<Self, Unsupported> {
        let valid = match self {
            Self::Poisson { mean } => mean.is_finite() && mean > 0.0,
            Self::NegativeBinomial { shape, gamma } => shape.is_finite() && shape > -1.0 && gamma > 0.0 && gamma < 1.0,
        };
        let what =
            "the number of runs of a search needs a Poisson mean above 0, or a shape above -1 and a gamma in (0, 1)";
        if valid { Ok(self) } else { Err(Unsupported::Malformed(what)) }
    }
}
