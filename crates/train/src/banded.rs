//! Banded noise (DP-BandMF, Choquette-Choo et al., arXiv 2306.08153): groups that take turns, and noise that later steps take back.
//!
//! The mechanism, its coefficients and the proof are in [`privet_dp::banded`]; here are its two halves. [`CyclicSampler`] puts each
//! unit into one of `bands` groups and draws the step's batch from one of them. [`Segment`] makes the noise
//! `y_t = (z_t − Σ c_j y_{t−j}) / c_0` from the fresh noise `z_t` of the step's own key.
//!
//! Both live in memory alone, as keys do: noise that was added is as good as the key it came from, so it is zeroed when it
//! is dropped, and never written. A process that goes on with a run begins a new segment with new groups and no past; the ledger numbers
//! segments and the plan pays for the turns of all of them.
//!
//! **Precision.** y is f64 and what the recurrence goes on with is exactly what was added to the sum: with y in f32, a release that is
//! smaller than its noise would show digits of the sum below the last one of y. Sum and noise are added in f64 and rounded
//! to f32 once. C applied to the noise that was added gives z back, to the rounding of single steps.

use std::collections::VecDeque;

use privet_dp::SamplingRate;
use privet_dp::banded::coefficients;
use rand::Rng;
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::keys::{SamplingKey, StepKey, keystream};
use crate::noise::box_muller;

/// Elements one task fills.
const CHUNK: usize = 4096;

/// Elements whose draws are made together.
const BLOCK: usize = 128;

/// Draws each step's batch from the group whose turn it is.
#[derive(Debug)]
pub struct CyclicSampler {
    key: SamplingKey,
    rate: SamplingRate,
    bands: u64,
}

impl CyclicSampler {
    /// `bands` groups, at least 1; a unit of the group whose turn it is joins with probability `rate`.
    pub fn new(key: SamplingKey, rate: SamplingRate, bands: u64) -> Self {
        Self { key, rate, bands: bands.max(1) }
    }

    /// The indices of the units in a batch, ascending, out of `0..units`. `position` counts the steps of the process from 0.
    ///
    /// A unit's group is a function of its own word of one stream, its coin of its own word of the step's: neither
    /// depends on how many units there are. That `bands` may not divide 2^64 makes some groups larger by a share of 2^-64 of all units,
    /// which costs nothing: the bound holds for every assignment.
    pub fn draw(&self, position: u64, step: u64, attempt: u32, units: u32) -> Vec<u32> {
        let (mut coins, mut groups) =
            (keystream(&self.key.step(step, attempt), 0, 0), keystream(&self.key.groups(), 0, 0));
        let turn = position % self.bands;
        let joins = |_: &u32| {
            let (coin, group) = (coins.next_u64(), self.group(groups.next_u64()));
            self.rate.includes(coin) && group == turn
        };
        (0..units).filter(joins).collect()
    }

    /// The group of a unit that drew this word.
    fn group(&self, word: u64) -> u64 {
        ((u128::from(word) * u128::from(self.bands)) >> 64) as u64
    }
}

/// The noise that one process has added so far, as far as it is needed.
pub struct Segment {
    number: u32,
    coefficients: Vec<f64>,
    /// Of each tensor, what was added in the last steps, the last first: at most `bands − 1`.
    past: Vec<VecDeque<Zeroizing<Vec<f64>>>>,
    position: u64,
    /// First column of C's inverse so far, as long as the past, and the sum of all its squares.
    inverse: VecDeque<f64>,
    squares: f64,
}

impl Segment {
    /// A segment without a past, for so many tensors.
    pub fn new(bands: u64, tensors: usize, number: u32) -> Self {
        let past = (0..tensors).map(|_| VecDeque::new()).collect();
        let coefficients = coefficients(bands);
        Self { number, coefficients, past, position: 0, inverse: VecDeque::new(), squares: 0.0 }
    }

    /// Its number on the ledger, from 1.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Its bands.
    pub fn bands(&self) -> u64 {
        self.coefficients.len() as u64
    }

    /// Steps so far: the place of the next one, from 0.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Whether the next step begins another round of turns.
    pub fn begins_turn(&self) -> bool {
        self.position.is_multiple_of(self.bands())
    }

    /// Standard deviation of what the last step added, over that of fresh noise: `|row of C⁻¹|`. Public.
    pub fn spread(&self) -> f64 {
        self.squares.sqrt()
    }

    /// Adds the noise of the next step to its sum, and rounds to f32, as [`crate::noise::add_gaussian_in_place`] does; it is made of
    /// fresh noise of standard deviation `stddev`. NaN where that is not a positive number, and from then on.
    pub(crate) fn add(&mut self, sum: &mut [Vec<f64>], stddev: f64, key: &StepKey) {
        let keep = self.coefficients.len() - 1;
        for ((index, sum), past) in sum.iter_mut().enumerate().zip(&mut self.past) {
            let fresh = fresh(sum.len(), stddev, key, index as u32);
            let noise = next(fresh, past.make_contiguous(), &self.coefficients);
            sum.par_iter_mut().zip(noise.par_iter()).for_each(|(sum, noise)| *sum = f64::from((*sum + noise) as f32));
            past.truncate(keep.saturating_sub(1));
            if keep > 0 {
                past.push_front(noise);
            }
        }
        let fresh = if self.position == 0 { 1.0 } else { 0.0 };
        let past = self.coefficients[1..].iter().zip(&self.inverse).map(|(c, d)| c * d).sum::<f64>();
        let last = (fresh - past) / self.coefficients[0];
        self.squares += last * last;
        self.inverse.truncate(keep.saturating_sub(1));
        self.inverse.push_front(last);
        self.position += 1;
    }
}

/// Solves the recurrence for one step: `(z − Σ c_j y_j) / c_0`, element by element.
fn next(mut fresh: Zeroizing<Vec<f64>>, past: &[Zeroizing<Vec<f64>>], coefficients: &[f64]) -> Zeroizing<Vec<f64>> {
    fresh.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, fresh)| {
        let first = chunk * CHUNK;
        for (past, c) in past.iter().zip(&coefficients[1..]) {
            fresh.iter_mut().zip(&past[first..]).for_each(|(fresh, past)| *fresh -= c * past);
        }
        for fresh in fresh {
            *fresh /= coefficients[0];
        }
    });
    fresh
}

/// The noise that [`add_gaussian`](crate::noise::add_gaussian) adds to zeros, without its rounding.
fn fresh(length: usize, stddev: f64, key: &StepKey, tensor: u32) -> Zeroizing<Vec<f64>> {
    let valid = stddev.is_finite() && stddev > 0.0;
    let mut noise = Zeroizing::new(vec![f64::NAN; length]);
    noise.par_chunks_mut(CHUNK).enumerate().filter(|_| valid).for_each(|(chunk, noise)| {
        let mut cipher = keystream(key.bytes(), u64::from(tensor), (chunk * CHUNK) as u64);
        let (mut bytes, mut words, mut draws) = ([0; 64 * BLOCK], [0; 8 * BLOCK], [0.0; 4 * BLOCK]);
        for noise in noise.chunks_mut(BLOCK) {
            let (bytes, words) = (&mut bytes[..64 * noise.len()], &mut words[..8 * noise.len()]);
            cipher.fill_bytes(bytes);
            for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *word = u64::from_le_bytes(*bytes);
            }
            box_muller(words, &mut draws[..4 * noise.len()]);
            for (noise, [a, b, c, d]) in noise.iter_mut().zip(draws.as_chunks::<4>().0) {
                *noise = stddev * (0.5 * (a + b + c + d));
            }
        }
    });
    noise
}

#[cfg(test)]
mod tests;
