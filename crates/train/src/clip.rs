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

use burn::tensor::backend::Backend;
use privet_dp::ledger::StepEntry;
use privet_dp::{Adjacency, Event, NoiseMultiplier};
use privet_model::tape::SampleGradients;

use crate::Error;
use crate::keys::StepKey;
use crate::ledger_file::LedgerFile;
use crate::noise::add_gaussian;

/// Share of the bound that is given up so that rounding cannot carry a clipped gradient past it.
///
/// The norm is computed in f32 over at most a few million terms; its relative error stays far below 2^-10 (tests
/// measure 1e-6), so the *exact* norm of what is summed is at most C.
const CLIP_MARGIN: f64 = 1.0 / 1024.0;

/// A sum of clipped per-unit gradients. Private: it cannot be printed, cloned or serialised.
///
/// # Units
/// A *sum*, not a mean; the units of the per-example loss gradient.
/// # Privacy
/// L2 sensitivity `max_grad_norm` when one unit is added or removed (Abadi et al. 2016, Algorithm 1).
pub struct ClippedSum {
    values: Vec<Vec<f64>>,
    max_grad_norm: f64,
    tally: Tally,
}

/// What was seen while summing; for `private/` only.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tally {
    /// Units summed.
    pub units: u64,
    /// Units whose gradient was longer than the bound.
    pub clipped: u64,
    /// Units whose gradient was not finite; each contributed exactly zero.
    pub non_finite: u64,
    /// Sum of the units' losses.
    pub loss_sum: f64,
}

/// Clip factors: `min(1, C / norm)`, slightly less so that rounding cannot exceed C; exactly 0 for a norm that is not
/// finite. `norms`: `[n]`, the first `units` of them real, the rest padding (factor 0).
pub fn clip_factors(norms: &[f32], units: usize, max_grad_norm: f64) -> Vec<f32> {
    let bound = max_grad_norm * (1.0 - CLIP_MARGIN);
    let factor = |norm: f32| match norm.is_finite() {
        true if f64::from(norm) > bound => (bound / f64::from(norm)) as f32,
        true => 1.0,
        false => 0.0,
    };
    norms.iter().enumerate().map(|(row, norm)| if row < units { factor(*norm) } else { 0.0 }).collect()
}

impl ClippedSum {
    /// An empty sum over tensors of these lengths. An empty batch stays this, and is released like any other.
    pub fn zeros(lengths: impl Iterator<Item = usize>, max_grad_norm: f64) -> Self {
        Self { values: lengths.map(|length| vec![0.0; length]).collect(), max_grad_norm, tally: Tally::default() }
    }

    /// Clips each unit's gradient to `max_grad_norm` and adds it.
    ///
    /// # Shapes
    /// `gradients`: `[n, …]`, the first `units` rows real, the rest padding. `losses`: `[n]`.
    /// # Edge cases
    /// A padded row adds 0; a gradient that is not finite adds exactly 0; no row is ever an error, since failing
    /// would tell something about the data.
    pub fn add<B: Backend>(&mut self, gradients: SampleGradients<B>, losses: &[f32], units: usize) {
        let norms = gradients.norms();
        let factors = clip_factors(&norms, units, self.max_grad_norm);
        self.tally.units += units as u64;
        for ((factor, norm), loss) in factors.iter().zip(&norms).zip(losses).take(units) {
            self.tally.clipped += u64::from(*factor < 1.0 && norm.is_finite());
            self.tally.non_finite += u64::from(!norm.is_finite());
            self.tally.loss_sum += f64::from(if loss.is_finite() { *loss } else { 0.0 });
        }
        add(&mut self.values, &gradients.weighted_sum(&factors));
    }

    /// What was seen; for `private/` only.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Adds another part of the same logical batch. Both parts have the same bound.
    pub fn merge(&mut self, part: Self) {
        for (total, values) in self.values.iter_mut().zip(part.values) {
            total.iter_mut().zip(values).for_each(|(total, value)| *total += value);
        }
        self.tally.units += part.tally.units;
        self.tally.clipped += part.tally.clipped;
        self.tally.non_finite += part.tally.non_finite;
        self.tally.loss_sum += part.tally.loss_sum;
    }

    /// Adds Gaussian noise, once, with standard deviation `noise_multiplier * sensitivity`.
    pub fn privatize(self, noise: Noise) -> Release {
        let stddev = noise.multiplier.get() * privet_dp::sensitivity(self.max_grad_norm, noise.adjacency);
        let tensors = self.values.iter().enumerate();
        let values = tensors.map(|(index, tensor)| add_gaussian(tensor, stddev, &noise.key, index as u32, 0)).collect();
        Release { values, entry: noise.entry }
    }

    /// The sum itself, for the tests that compare it with its twin.
    #[cfg(test)]
    pub(crate) fn values(&self) -> &[Vec<f64>] {
        &self.values
    }
}

/// Adds `part` to `total`, tensor by tensor.
pub(crate) fn add(total: &mut [Vec<f64>], part: &[Vec<f32>]) {
    for (total, part) in total.iter_mut().zip(part) {
        total.iter_mut().zip(part).for_each(|(total, value)| *total += f64::from(*value));
    }
}

/// What one step's noise is made from, and the ledger entry that accounts for it. Used up by the step.
pub struct Noise {
    key: StepKey,
    multiplier: NoiseMultiplier,
    adjacency: Adjacency,
    entry: StepEntry,
}

impl Noise {
    /// Noise of the step and attempt that `key` was made for; the amount and the event on the ledger come from one
    /// value, so they cannot differ. `None` for an event that has no noise.
    pub fn new(key: StepKey, event: &Event, adjacency: Adjacency) -> Option<Self> {
        let Event::PoissonSampledGaussian { noise_multiplier, .. } = event else { return None };
        let entry = StepEntry { step: key.step(), attempt: key.attempt(), event: event.clone() };
        Some(Self { key, multiplier: *noise_multiplier, adjacency, entry })
    }
}

/// A noised sum that is not on the ledger yet, and so cannot be applied.
pub struct Release {
    values: Vec<Vec<f32>>,
    entry: StepEntry,
}

impl Release {
    /// Writes the step to the ledger and flushes it to disk; only then is there a gradient to apply.
    ///
    /// # Errors
    /// When the ledger cannot be written: then the release is gone, and nothing was released.
    pub fn record(self, ledger: &mut LedgerFile) -> Result<PrivateGradient, Error> {
        let _recorded = ledger.append(self.entry)?;
        Ok(PrivateGradient { values: self.values })
    }
}

/// A noised, accounted sum: the only thing the optimizer of a private run takes.
pub struct PrivateGradient {
    values: Vec<Vec<f32>>,
}

impl PrivateGradient {
    /// Divides by the public constant.
    #[must_use]
    pub fn mean(mut self, expected_batch_size: u64) -> Self {
        let factor = 1.0 / expected_batch_size as f64;
        for value in self.values.iter_mut().flatten() {
            *value = (f64::from(*value) * factor) as f32;
        }
        self
    }

    /// The values, tensor by tensor.
    pub fn values(&self) -> &[Vec<f32>] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_never_exceed_one_and_never_let_a_norm_past_the_bound() {
        let norms = [0.0, 1e-30, 0.5, 1.0, 1.000_001, 2.0, 1e30, f32::INFINITY, f32::NAN, 3.0];
        for bound in [1e-3, 1.0, 1e3] {
            let factors = clip_factors(&norms, 9, bound);
            for (norm, factor) in norms.iter().zip(&factors) {
                assert!((0.0..=1.0).contains(factor));
                if norm.is_finite() {
                    assert!(f64::from(*norm) * f64::from(*factor) <= bound, "{norm} {factor}");
                }
            }
            assert_eq!(factors[7..], [0.0, 0.0, 0.0], "not finite, not a number, padding");
        }
        assert_eq!(clip_factors(&norms, 3, 1.0)[..3], [1.0, 1.0, 1.0], "short gradients are left alone");
    }
}
