//! Gaussian noise from a stream cipher.
//!
//! Every element of every tensor owns one 64-byte `ChaCha20` block, addressed by (step key, tensor, element):
//! the key is derived per attempt at a step, the nonce is the tensor's index and the block counter is the element's.
//! Nothing is drawn in sequence, so any range can be made anywhere, by any number of threads, in chunks of any size,
//! and comes out the same; no state has to be saved; and no two elements of a run share a block.
//!
//! A block holds eight 64-bit words, read as eight 53-bit uniforms in (0, 1], which make four Box–Muller draws with
//! eight independent inputs. The element's Gaussian is the sum of the four divided by two (Holohan and Braghin,
//! "Secure random sampling in differential privacy", arXiv 2107.10138): one floating-point draw can betray the
//! values it was added to through its missing low bits (Mironov 2012); for a sum of four an attacker would have to
//! search their combinations. Box–Muller's second output is thrown away on purpose: the sum of the two outputs of
//! one pair is a single draw, rotated, and would undo that defence. What remains is a floating-point mechanism: the
//! real-valued guarantee is approximated to rounding, not proved bit for bit.
//!
//! Invariants: eight words per element whatever their values (no rejection); the sum is formed in `f64` and rounded
//! once to `f32`; the largest possible magnitude is 17.1 standard deviations; noise that cannot be made properly
//! turns every value into NaN, which the release after it refuses, instead of passing for noise.

mod draws;

use rand::Rng;
use rayon::prelude::*;

use crate::keys::{StepKey, keystream};
pub(crate) use draws::box_muller;

/// Elements one task fills; long enough to hide the cost of positioning the cipher.
const CHUNK: usize = 4096;

/// Elements whose draws are made together; their words stay in the nearest cache.
const BLOCK: usize = 128;

/// `sum` plus independent N(0, `stddev`²) noise on each element; see [`add_gaussian_in_place`].
pub fn add_gaussian(sum: &[f64], stddev: f64, key: &StepKey, tensor: u32, offset: u64) -> Vec<f32> {
    let mut values = sum.to_vec();
    add_gaussian_in_place(&mut values, stddev, key, tensor, offset);
    values.into_iter().map(|value| value as f32).collect()
}

/// Adds independent N(0, `stddev`²) noise to each element, and rounds it to f32.
///
/// Afterwards nothing is left of the sum without its noise: each value is written over by the f32 that is released, held in
/// 64 bits.
///
/// `values` holds elements `offset..offset + values.len()` of tensor number `tensor`; the noise of an element depends on
/// `key`, `tensor` and its index alone. Calling it twice for the same element and key gives the same noise twice:
/// the caller adds noise once per step. Sum and noise are added in f64 and rounded to f32 once, after the noise, so
/// that rounding is post-processing and adds nothing to the sensitivity.
///
/// All results are NaN if `stddev` is not a positive finite number or the range passes 2⁶⁴ elements.
pub fn add_gaussian_in_place(values: &mut [f64], stddev: f64, key: &StepKey, tensor: u32, offset: u64) {
    let addressable = offset.checked_add(values.len() as u64).is_some();
    if !(addressable && stddev.is_finite() && stddev > 0.0) {
        values.fill(f64::NAN);
        return;
    }
    values.par_chunks_mut(CHUNK).enumerate().for_each(|(index, values)| {
        let first = offset + (index * CHUNK) as u64;
        let mut cipher = keystream(key.bytes(), u64::from(tensor), first);
        let (mut bytes, mut words, mut draws) = ([0; 64 * BLOCK], [0; 8 * BLOCK], [0.0; 4 * BLOCK]);
        for values in values.chunks_mut(BLOCK) {
            let (bytes, words) = (&mut bytes[..64 * values.len()], &mut words[..8 * values.len()]);
            cipher.fill_bytes(bytes);
            for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *word = u64::from_le_bytes(*bytes);
            }
            box_muller(words, &mut draws[..4 * values.len()]);
            for (value, draws) in values.iter_mut().zip(draws.as_chunks::<4>().0) {
                let [a, b, c, d] = draws;
                let noisy = *value + stddev * (0.5 * (a + b + c + d));
                *value = f64::from(mutate!(noisy as f32; NoiseInHalf => crate::mutants::half(noisy as f32)));
            }
        }
    });
}

#[cfg(test)]
mod tests;
