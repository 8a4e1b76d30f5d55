//! What was released, about whom, and against which neighbouring data set.
//!
//! An [`Event`] is data: a tree that the ledger can store and any accountant can read. Accountants read it through
//! [`Event::releases`], which flattens the tree into distinct Gaussian releases with counts. Privacy loss adds up under
//! adaptive composition whatever the order, so nothing is lost by sorting and merging, and two trees that describe the
//! same releases get the same epsilon to the last bit.

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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
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

/// Why no finite, proven epsilon can be given for an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// Something was released without noise.
    #[error(
        "a release without noise has no finite epsilon; account for its own privacy elsewhere or leave it out of the run"
    )]
    NonPrivate,
    /// Poisson sampling under replace-one adjacency.
    #[error(
        "no proven bound here for Poisson sampling under replace-one adjacency; supported: add-remove and zero-out at any sampling rate, replace-one at sampling rate 1"
    )]
    SampledReplaceOne,
    /// More releases than can be counted.
    #[error("the event repeats a release more than 2^64 times; split the run into several ledgers")]
    TooManyReleases,
    /// The bound exists but does not fit a float.
    #[error("epsilon is too large for a 64-bit float; raise the noise multiplier or take fewer steps")]
    Unbounded,
}

/// Equal Gaussian releases: `count` times noise `noise_multiplier` at `sampling_rate` in (0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Releases {
    pub(crate) sampling_rate: f64,
    pub(crate) noise_multiplier: f64,
    pub(crate) count: u64,
}

impl Event {
    /// The distinct releases in this tree, sorted, with counts; releases that touch no record are left out.
    pub(crate) fn releases(&self, adjacency: Adjacency) -> Result<Vec<Releases>, Unsupported> {
        let mut flat = Vec::new();
        self.flatten(1, &mut flat)?;
        if adjacency == Adjacency::ReplaceOne && flat.iter().any(|release| release.sampling_rate < 1.0) {
            return Err(Unsupported::SampledReplaceOne);
        }
        let key = |release: &Releases| (release.sampling_rate.to_bits(), release.noise_multiplier.to_bits());
        flat.sort_by_key(key);
        let mut merged: Vec<Releases> = Vec::with_capacity(flat.len());
        for release in flat {
            match merged.last_mut() {
                Some(last) if key(last) == key(&release) => {
                    last.count = last.count.checked_add(release.count).ok_or(Unsupported::TooManyReleases)?;
                }
                _ => merged.push(release),
            }
        }
        Ok(merged)
    }

    fn flatten(&self, count: u64, flat: &mut Vec<Releases>) -> Result<(), Unsupported> {
        if count == 0 {
            return Ok(());
        }
        match self {
            Self::Gaussian { noise_multiplier } => {
                flat.push(Releases { sampling_rate: 1.0, noise_multiplier: noise_multiplier.get(), count });
            }
            Self::PoissonSampledGaussian { sampling_rate, noise_multiplier } if sampling_rate.threshold() > 0 => {
                let (sampling_rate, noise_multiplier) = (sampling_rate.get(), noise_multiplier.get());
                flat.push(Releases { sampling_rate, noise_multiplier, count });
            }
            Self::PoissonSampledGaussian { .. } => {}
            Self::Repeated { event, count: times } => {
                event.flatten(count.checked_mul(*times).ok_or(Unsupported::TooManyReleases)?, flat)?;
            }
            Self::Composed(events) => {
                for event in events {
                    event.flatten(count, flat)?;
                }
            }
            Self::NonPrivate => return Err(Unsupported::NonPrivate),
        }
        Ok(())
    }
}
