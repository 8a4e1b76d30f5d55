//! The type chain of one private step: [`ClippedSum`] → [`Release`] → [`PrivateGradient`], each by move.
//!
//! A sum becomes a release only by noise, once; a release becomes a gradient only by being written to the ledger; the
//! optimizer takes nothing but gradients. So a step that is un-noised, noised twice or not accounted does not compile:
//!
//! ```compile_fail,E0599
//! # fn f(sum: privet_train::clip::ClippedSum, ledger: &mut privet_train::ledger_file::LedgerFile) {
//! let gradient = sum.record(ledger); // there is no way from a sum to the ledger but through noise
//! # }
//! ```
//! ```compile_fail,E0382
//! # fn f(sum: privet_train::clip::ClippedSum, one: privet_train::clip::Noise, two: privet_train::clip::Noise) {
//! let first = sum.privatize(one);
//! let second = sum.privatize(two); // moved: one sum, one release
//! # }
//! ```
//! The near twin that does compile:
//! ```no_run
//! # fn f(sum: privet_train::clip::ClippedSum, noise: privet_train::clip::Noise,
//! #      ledger: &mut privet_train::ledger_file::LedgerFile) -> Result<(), privet_train::Error> {
//! let gradient = sum.privatize(noise).record(ledger)?;
//! # Ok(()) }
//! ```

pub(crate) mod step_audit;

use burn::tensor::backend::Backend;
use privet_dp::ledger::StepEntry;
use privet_dp::{Adjacency, Event, NoiseMultiplier};
use privet_model::{SampleGradients, gradients};
use rayon::prelude::*;

use crate::Error;
use crate::banded::Segment;
use crate::config::Clipping;
use crate::keys::StepKey;
use crate::ledger_file::LedgerFile;
use crate::noise::{add_gaussian, add_gaussian_in_place};

/// Share of the bound that is given up so that rounding cannot carry a clipped gradient past it.
///
/// The norm is computed in f32 over at most a few million terms; its relative error stays far below 2^-10 (tests
/// measure 1e-6), so the *exact* norm of what is summed is at most C.
const CLIP_MARGIN: f64 = 1.0 / 1024.0;

/// Automatic clipping adds this share of C to every norm (the paper's gamma, in units of C).
const AUTOMATIC: f64 = 0.01;

/// What a unit adds to the count of unclipped units, which adaptive clipping releases; a clipped unit takes it away. With both
/// signs the count moves by no more than this when a unit comes or goes (Andrew et al. 2021, arXiv 1905.03871, section 3).
pub(crate) const UNCLIPPED: f64 = 0.5;

/// Index of the count in the noise stream, where trained tensors are numbered from 0.
const COUNT: u32 = u32::MAX;

/// A sum of clipped per-unit gradients. Private: it cannot be printed, cloned or serialised.
///
/// # Units
/// A *sum*, not a mean; the units of the per-example loss gradient.
/// # Privacy
/// L2 sensitivity `max_grad_norm` when one unit is added or removed (Abadi et al. 2016, Algorithm 1).
///
/// Beside it stands the count of unclipped units, which a step without adaptive clipping never releases.
pub struct ClippedSum {
    values: Vec<Vec<f64>>,
    unclipped: f64,
    max_grad_norm: f64,
    tally: Tally,
}

/// Room for one sum, all zeros: made once a run, because the kernel clears the pages of a new gigabyte more slowly than a sum
/// is added up.
///
/// It goes through the steps by move: [`ClippedSum`] adds up in it, noise writes over the sum value by value
/// ([`ClippedSum::privatize`]), [`PrivateGradient::into_buffers`] clears what is public by then. So it holds a sum without
/// noise from a step's first physical batch to its noise, and at no other time.
pub struct SumBuffers(Vec<Vec<f64>>);

/// Values that one task goes over.
const CHUNK: usize = 1 << 14;

impl SumBuffers {
    /// Buffers for tensors of these lengths.
    pub fn zeros(lengths: impl Iterator<Item = usize>) -> Self {
        Self(lengths.map(|length| vec![0.0; length]).collect())
    }

    /// Buffers that were used.
    pub(crate) fn cleared(mut values: Vec<Vec<f64>>) -> Self {
        each(&mut values, |_| 0.0);
        Self(values)
    }

    /// The mean of parts that are neither clipped nor noised: what the plain control trains on, which never leaves `private/`.
    pub(crate) fn plain_mean(self, sum_parts: impl FnOnce(&mut [Vec<f64>])) -> Vec<Vec<f64>> {
        let mut values = self.0;
        sum_parts(&mut values);
        each(&mut values, |value| f64::from(value as f32));
        values
    }
}

/// Changes every value, on all cores.
fn each(values: &mut [Vec<f64>], change: impl Fn(f64) -> f64 + Sync) {
    for tensor in values {
        tensor.par_chunks_mut(CHUNK).for_each(|values| values.iter_mut().for_each(|value| *value = change(*value)));
    }
}

/// The clipped sum of some units, on its way into a [`ClippedSum`].
pub(crate) struct ClippedPart {
    values: Vec<Vec<f32>>,
    unclipped: f64,
    tally: Tally,
}

/// What was seen while summing; for `private/` only.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tally {
    /// Units summed.
    pub units: u64,
    /// Units whose gradient was longer than the bound, as a whole or in some layer.
    pub clipped: u64,
    /// Units whose gradient was not finite; each contributed exactly zero.
    pub non_finite: u64,
    /// Sum of the units' losses.
    pub loss_sum: f64,
}

/// How gradients are brought to a norm of at most `max_grad_norm`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClipBound {
    /// The way.
    pub clipping: Clipping,
    /// C.
    pub max_grad_norm: f64,
}

impl ClipBound {
    /// A factor for every slot and unit, `[slot][unit]`, from the squared norms of the same shape; each in 0..=1, but for
    /// automatic clipping, which makes short gradients longer.
    ///
    /// The gradient that is summed, `factor * gradient` over all slots, has a norm of at most C, a little less so that rounding
    /// cannot exceed it. A unit whose gradient is not finite anywhere gets exactly 0 everywhere, and so do those from
    /// `units` on, which are padding.
    pub fn factors(&self, squares: &[Vec<f32>], units: usize) -> Vec<Vec<f32>> {
        let norms = mutate!(gradients::norms(squares);
            NormWithoutATensor | NormInHalf | BatchIsClipped | MeanIsClipped | LongestDecides => crate::mutants::norms(squares)
        );
        let bound = self.max_grad_norm * (1.0 - CLIP_MARGIN);
        let cut =
            |norm: f64, bound: f64| mutate!(if norm > bound { bound / norm } else { 1.0 }; NothingIsClipped => 1.0);
        let layers = mutate!((squares.len() as f64).sqrt(); EveryLayerGetsC => 1.0);
        let of = |slot: &[f32], unit: usize| -> f32 {
            let norm = f64::from(norms[unit]);
            if unit >= units || mutate!(!norm.is_finite(); FaultsPass => false) {
                return 0.0;
            }
            let factor = match self.clipping {
                Clipping::Flat | Clipping::Adaptive => cut(norm, bound),
                Clipping::PerLayer => cut(f64::from(slot[unit]).sqrt(), bound / layers),
                Clipping::Automatic => bound / (norm + AUTOMATIC * self.max_grad_norm),
            };
            factor as f32
        };
        squares.iter().map(|slot| (0..norms.len()).map(|unit| of(slot, unit)).collect()).collect()
    }
}

impl ClippedPart {
    /// Clips the gradients of the first `units` units, of which the others are padding, and adds them up.
    ///
    /// # Edge cases
    /// Padding adds 0; a gradient that is not finite adds exactly 0; no unit is ever an error, since failing would tell
    /// something about the data.
    pub(crate) fn new<B: Backend>(
        gradients: SampleGradients<B>,
        losses: &[f32],
        units: usize,
        bound: ClipBound,
    ) -> Self {
        let squares = gradients.squares();
        let factors = mutate!(bound.factors(&squares, units);
            LossOverTheBatch => crate::mutants::factors_of_a_mean_loss(bound, &squares, units)
        );
        let norms = gradients::norms(&squares);
        let mut tally = Tally { units: units as u64, ..Tally::default() };
        let mut unclipped = 0.0;
        for (unit, (norm, loss)) in norms.iter().zip(losses).take(units).enumerate() {
            let whole = factors.iter().all(|slot| slot[unit] >= 1.0);
            unclipped += if whole { UNCLIPPED } else { -UNCLIPPED };
            tally.clipped += u64::from(norm.is_finite() && !whole);
            tally.non_finite += u64::from(!norm.is_finite());
            tally.loss_sum += f64::from(if loss.is_finite() { *loss } else { 0.0 });
        }
        // Padding may hold what is not a number too, and 0 times that is not 0.
        let faulty = norms.iter().any(|norm| !norm.is_finite());
        Self { values: gradients.weighted_sum(&factors, faulty), unclipped, tally }
    }
}

impl ClippedSum {
    /// An empty sum over tensors of these lengths. An empty batch stays this, and is released like any other.
    pub fn zeros(lengths: impl Iterator<Item = usize>, max_grad_norm: f64) -> Self {
        Self::within(SumBuffers::zeros(lengths), max_grad_norm)
    }

    /// The same in buffers of an earlier step.
    pub(crate) fn within(buffers: SumBuffers, max_grad_norm: f64) -> Self {
        Self { values: buffers.0, unclipped: 0.0, max_grad_norm, tally: Tally::default() }
    }

    /// Adds more units of the same logical batch.
    pub(crate) fn add(&mut self, part: &ClippedPart) {
        add(&mut self.values, &part.values);
        self.unclipped += part.unclipped;
        let Tally { units, clipped, non_finite, loss_sum } = part.tally;
        self.tally.units += units;
        self.tally.clipped += clipped;
        self.tally.non_finite += non_finite;
        self.tally.loss_sum += loss_sum;
    }

    /// What was seen; for `private/` only.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Adds Gaussian noise, once, with standard deviation `noise_multiplier * sensitivity`; to the count too, where the event has
    /// noise for it, and else the count is dropped. Banded noise is made of that, and goes on with what the segment added before.
    pub fn privatize(mut self, mut noise: Noise<'_>) -> Release {
        if let Some(segment) = noise.segment.take() {
            let stddev = noise.multiplier.get() * privet_dp::sensitivity(self.max_grad_norm, noise.adjacency);
            segment.add(&mut self.values, stddev, &noise.key);
            return Release { values: self.values, count: None, stddev: segment.spread() * stddev, entry: noise.entry };
        }
        let stddev = mutate!(noise.stddev(self.max_grad_norm);
            NoiseWithoutC => noise.multiplier.get(),
            NoiseOfAReplica => noise.stddev(self.max_grad_norm) / 2_f64.sqrt(),
        );
        let count = noise.count.map(|multiplier| {
            let stddev = multiplier.get() * privet_dp::sensitivity(UNCLIPPED, noise.adjacency);
            add_gaussian(&[self.unclipped], stddev, &noise.key, COUNT, 0)[0]
        });
        for (index, tensor) in self.values.iter_mut().enumerate() {
            mutate!(add_gaussian_in_place(tensor, stddev, &noise.key, index as u32, 0);
                TensorsShareNoise => add_gaussian_in_place(tensor, stddev, &noise.key, 0, 0),
                ATensorWithoutNoise => add_gaussian_in_place(tensor, if index == 1 { 1e-30 } else { stddev }, &noise.key, index as u32, 0),
            );
        }
        Release { values: self.values, count, stddev, entry: noise.entry }
    }

    /// The mean and the count of unclipped units as they are: what the clipped control trains on, which never leaves `private/`.
    pub(crate) fn without_noise(mut self, divisor: u64) -> (Vec<Vec<f64>>, f32) {
        each(&mut self.values, |value| f64::from((value / divisor as f64) as f32));
        (self.values, self.unclipped as f32)
    }

    /// Euclidean distance of two sums, for replays of batches that are nobody's.
    pub(crate) fn distance(&self, other: &Self) -> f64 {
        let pairs = self.values.iter().flatten().zip(other.values.iter().flatten());
        pairs.map(|(left, right)| (left - right).powi(2)).sum::<f64>().sqrt()
    }

    /// How far apart two counts of unclipped units are.
    pub(crate) fn count_distance(&self, other: &Self) -> f64 {
        (self.unclipped - other.unclipped).abs()
    }

    /// The sum itself, for the tests that compare it with its twin.
    #[cfg(test)]
    pub(crate) fn values(&self) -> &[Vec<f64>] {
        &self.values
    }
}

/// Adds `part` to `total`, tensor by tensor, on all cores.
pub(crate) fn add(total: &mut [Vec<f64>], part: &[Vec<f32>]) {
    for (total, part) in total.iter_mut().zip(part) {
        total.par_chunks_mut(CHUNK).zip(part.par_chunks(CHUNK)).for_each(|(total, part)| {
            total.iter_mut().zip(part).for_each(|(total, value)| *total += f64::from(*value));
        });
    }
}

/// What one step's noise is made from, and the ledger entry that accounts for it. Used up by the step.
pub struct Noise<'a> {
    key: StepKey,
    multiplier: NoiseMultiplier,
    /// The noise of the count of unclipped units, where that is released.
    count: Option<NoiseMultiplier>,
    adjacency: Adjacency,
    /// The steps before, which banded noise takes back in part.
    segment: Option<&'a mut Segment>,
    entry: StepEntry,
}

impl<'a> Noise<'a> {
    /// Noise of the step and attempt that `key` was made for; the amount and the event on the ledger come from one
    /// value, so they cannot differ. An event of two sums is gradients and the count of unclipped units, in this order.
    /// `None` for every event that is not one step of this engine.
    pub fn new(key: StepKey, event: &Event, adjacency: Adjacency) -> Option<Self> {
        let (multiplier, count) = match event {
            Event::PoissonSampledGaussian { noise_multiplier, .. } => (*noise_multiplier, None),
            Event::PoissonSampledGaussians { noise_multipliers, .. } => match noise_multipliers[..] {
                [gradients, count] => (gradients, Some(count)),
                _ => return None,
            },
            _ => return None,
        };
        let entry = StepEntry { step: key.step(), attempt: key.attempt(), event: event.clone(), segment: None };
        Some(Self { key, multiplier, count, adjacency, segment: None, entry })
    }

    /// The same for one step with banded noise, which goes on with `segment`. `None` for every other event, and for one of
    /// other bands.
    pub fn banded(key: StepKey, event: &Event, adjacency: Adjacency, segment: &'a mut Segment) -> Option<Self> {
        let Event::BandedMatrixFactorization { steps: 1, bands, noise_multiplier, .. } = event else { return None };
        let (step, attempt, number) = (key.step(), key.attempt(), Some(segment.number()));
        let entry = StepEntry { step, attempt, event: event.clone(), segment: number };
        let known = *bands == segment.bands();
        known.then_some(Self {
            key,
            multiplier: *noise_multiplier,
            count: None,
            adjacency,
            segment: Some(segment),
            entry,
        })
    }

    /// Standard deviation of the noise on a sum whose units were clipped to `max_grad_norm`.
    fn stddev(&self, max_grad_norm: f64) -> f64 {
        self.multiplier.get() * privet_dp::sensitivity(max_grad_norm, self.adjacency)
    }
}

/// A noised sum that is not on the ledger yet, and so cannot be applied.
pub struct Release {
    values: Vec<Vec<f64>>,
    count: Option<f32>,
    stddev: f64,
    entry: StepEntry,
}

impl Release {
    /// Writes the step to the ledger and flushes it to disk; only then is there a gradient to apply.
    ///
    /// # Errors
    /// When the ledger cannot be written: then the release is gone, and nothing was released.
    pub fn record(self, ledger: &mut LedgerFile) -> Result<PrivateGradient, Error> {
        mutate!(ledger.append(self.entry).map(|_recorded| ())?; ReleasedBeforeTheLedger => drop(ledger.append(self.entry)));
        Ok(PrivateGradient { values: self.values, count: self.count, stddev: self.stddev })
    }
}

/// A noised, accounted sum: the only thing the optimizer of a private run takes.
pub struct PrivateGradient {
    values: Vec<Vec<f64>>,
    count: Option<f32>,
    stddev: f64,
}

impl PrivateGradient {
    /// Divides by the public constant.
    #[must_use]
    pub fn mean(mut self, expected_batch_size: u64) -> Self {
        let factor = mutate!(1.0 / expected_batch_size as f64; DividedTwice => (expected_batch_size as f64).powi(-2));
        each(&mut self.values, |value| f64::from((value * factor) as f32));
        self.stddev *= factor;
        self
    }

    /// Units that were left unclipped less those that were clipped, halved, with noise; under adaptive clipping alone.
    pub fn unclipped(&self) -> Option<f32> {
        self.count
    }

    /// Standard deviation of the noise in each value.
    pub fn noise_stddev(&self) -> f64 {
        self.stddev
    }

    /// The values, tensor by tensor; each is an f32, held in 64 bits.
    pub fn values(&self) -> &[Vec<f64>] {
        &self.values
    }

    /// Clears the values and gives their room to the next sum.
    pub fn into_buffers(self) -> SumBuffers {
        SumBuffers::cleared(self.values)
    }
}

#[cfg(test)]
mod tests;
