//! What was released, about whom, and against which neighbouring data set.
//!
//! An [`Event`] is data: a tree that the ledger can store and any accountant can read. Accountants read it through
//! [`releases`](crate::release::releases), which flattens the tree into distinct releases with counts.

use crate::{NoiseMultiplier, SamplingRate};
use serde::{Deserialize, Serialize};

/// Which two data sets count as neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Adjacency {
    /// One has a record that the other lacks.
    AddRemove,
    /// One has, in place of a record, an empty record that contributes nothing to any sum; both have the same size.
    ///
    /// For the Poisson-sampled Gaussian sum this costs exactly what [`Adjacency::AddRemove`] costs. Proof: the release is
    /// `Σ_{i sampled} g_i + noise` with every `‖g_i‖ ≤ C`, each record sampled by its own independent coin, and divided
    /// by a public constant only. Fix the coins of all other records. Then the data set with the record releases
    /// `(1−q)·N(S, σ²C²) + q·N(S + g, σ²C²)`; the one with the empty record releases `(1−q)·N(S, σ²C²) + q·N(S + 0, σ²C²)
    /// = N(S, σ²C²)`; and the one without the record releases `N(S, σ²C²)` too. So each pair of zero-out neighbours has
    /// the same two output laws as a pair of add/remove neighbours and the other way round, in both directions.
    /// The argument needs that nothing released depends on the number of records: a mean over the realised batch breaks it.
    ZeroOut,
    /// One record has different content; both have the same size.
    ReplaceOne,
}

/// What one record is: the thing whose presence the guarantee hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrivacyUnit {
    /// One training sequence.
    Sequence,
    /// One document, however many sequences it has.
    Document,
    /// Everything one user contributed.
    User,
}

/// L2 sensitivity of a sum of per-record gradients clipped to `max_grad_norm`: C, or 2C when a record is replaced.
pub fn sensitivity(max_grad_norm: f64, adjacency: Adjacency) -> f64 {
    match adjacency {
        Adjacency::AddRemove | Adjacency::ZeroOut => max_grad_norm,
        Adjacency::ReplaceOne => 2.0 * max_grad_norm,
    }
}

/// One noisy release, or several composed adaptively.
///
/// Every `noise_multiplier` is noise standard deviation ÷ [`sensitivity`] under the adjacency that is asked about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Event {
    /// Gaussian noise on a sum over all records.
    Gaussian {
        /// Noise standard deviation ÷ sensitivity.
        noise_multiplier: NoiseMultiplier,
    },
    /// Gaussian noise on a sum over a fresh Poisson sample of the records.
    PoissonSampledGaussian {
        /// Inclusion probability of each record.
        sampling_rate: SamplingRate,
        /// Noise standard deviation ÷ sensitivity.
        noise_multiplier: NoiseMultiplier,
    },
    /// Several sums over the same Poisson sample, each with its own Gaussian noise: gradients and the count query of
    /// adaptive clipping (Andrew et al., arXiv 1905.03871). See [`adaptive_clip`](crate::adaptive_clip).
    PoissonSampledGaussians {
        /// Inclusion probability of each record.
        sampling_rate: SamplingRate,
        /// Noise standard deviation ÷ sensitivity of each sum; an empty list releases nothing.
        noise_multipliers: Vec<NoiseMultiplier>,
    },
    /// A Poisson-sampled Gaussian sum seen by a group: neighbours differ in `group_size` records, each sampled by its own
    /// coin. The noise multiplier stays relative to one record's sensitivity.
    PoissonSampledGroup {
        /// Inclusion probability of each record.
        sampling_rate: SamplingRate,
        /// Noise standard deviation ÷ sensitivity to one record.
        noise_multiplier: NoiseMultiplier,
        /// How many records the neighbours differ in; 0 is nothing.
        group_size: u32,
    },
    /// Gaussian noise on a sum over a Poisson sample that is cut, at random, to `batch_size_max` records.
    TruncatedPoissonSampledGaussian {
        /// Inclusion probability of each record before the cut.
        sampling_rate: SamplingRate,
        /// Noise standard deviation ÷ sensitivity.
        noise_multiplier: NoiseMultiplier,
        /// Number of records in the larger of the two data sets.
        dataset_size: u64,
        /// No batch is larger than this.
        batch_size_max: u64,
    },
    /// Gaussian noise on a sum over `batch_size` of `dataset_size` records, drawn afresh without replacement.
    SampledWithoutReplacement {
        /// Noise standard deviation ÷ sensitivity.
        noise_multiplier: NoiseMultiplier,
        /// Number of records.
        dataset_size: u64,
        /// Records in each batch.
        batch_size: u64,
    },
    /// One epoch of balls and bins: each record joins exactly one of `steps` batches, chosen uniformly and independently;
    /// every batch is released with Gaussian noise.
    RandomAllocation {
        /// Batches in the epoch; 0 is nothing.
        steps: u64,
        /// Noise standard deviation ÷ sensitivity.
        noise_multiplier: NoiseMultiplier,
    },
    /// One pass over shuffled batches of fixed size. There is no useful amplification theorem for it, so it is charged as
    /// what it is without one: every record is in one known batch.
    ShuffledPass {
        /// Noise standard deviation ÷ sensitivity.
        noise_multiplier: NoiseMultiplier,
    },
    /// `steps` steps with noise correlated by a banded strategy matrix (Choquette-Choo et al., arXiv 2306.08153): rows
    /// further apart than `bands` are orthogonal, and a record takes part at most every `bands` steps. The proof stands in
    /// [`banded`](crate::banded).
    BandedMatrixFactorization {
        /// Steps of the whole run.
        steps: u64,
        /// Bands of the strategy matrix, at least 1; also the smallest distance between two uses of one record.
        bands: u64,
        /// Inclusion probability within the record's group under cyclic Poisson sampling; `None` where batches are fixed.
        sampling_rate: Option<SamplingRate>,
        /// Noise standard deviation ÷ (sensitivity × largest column norm of the strategy matrix).
        noise_multiplier: NoiseMultiplier,
    },
    /// The best of a random number of independent runs of `event`, and nothing else of them (Papernot and Steinke, arXiv
    /// 2110.03620).
    HyperparameterSelection {
        /// One training run.
        event: Box<Event>,
        /// Law of the number of runs.
        trials: Trials,
    },
    /// The same event again and again, with fresh randomness.
    Repeated {
        /// What is repeated.
        event: Box<Event>,
        /// How often; 0 is nothing.
        count: u64,
    },
    /// All of these events, in any order; an empty list is nothing.
    Composed(Vec<Event>),
    /// A release without any privacy.
    NonPrivate,
}

impl Event {
    /// `count` steps of which this is one: of banded noise one mechanism of that length, and else the event repeated.
    #[must_use]
    pub fn of_steps(&self, count: u64) -> Self {
        match *self {
            Self::BandedMatrixFactorization { steps: 1, bands, sampling_rate, noise_multiplier } => {
                Self::BandedMatrixFactorization { steps: count, bands, sampling_rate, noise_multiplier }
            }
            _ => Self::Repeated { event: Box::new(self.clone()), count },
        }
    }
}

/// Law of the number of runs in a hyper-parameter search; drawn before the search and kept secret.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Trials {
    /// Poisson with this mean, above 0.
    Poisson {
        /// Expected number of runs.
        mean: f64,
    },
    /// Truncated negative binomial; shape 1 is geometric, shape 0 logarithmic.
    NegativeBinomial {
        /// η, above −1.
        shape: f64,
        /// γ, in (0, 1).
        gamma: f64,
    },
}

/// Why no finite, proven epsilon can be given for an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// Something was released without noise.
    #[error(
        "a release without noise has no finite epsilon; account for its own privacy elsewhere or leave it out of the run"
    )]
    NonPrivate,
    /// No theorem for this sampler under this adjacency.
    #[error("no proven bound for {sampler} under {adjacency} adjacency; supported: {supported}")]
    Adjacency {
        /// The sampler, in words.
        sampler: &'static str,
        /// The adjacency asked about.
        adjacency: &'static str,
        /// What can be asked instead.
        supported: &'static str,
    },
    /// Parameters of an event contradict each other.
    #[error("{0}")]
    Malformed(&'static str),
    /// The engines contradict each other: a defect of this crate, reported instead of a number.
    #[error(
        "the accountant's engines contradict each other on this event; please report it, and use another accountant for it"
    )]
    Contradiction,
    /// More releases than can be counted.
    #[error("the event repeats a release more than 2^64 times; split the run into several ledgers")]
    TooManyReleases,
    /// The bound exists but does not fit a float.
    #[error("epsilon is too large for a 64-bit float; raise the noise multiplier or take fewer steps")]
    Unbounded,
}
