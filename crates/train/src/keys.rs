//! Secret keys of one training process.
//!
//! Two 256-bit keys are drawn from the operating system when training starts: one decides which units enter a
//! batch, the other is the seed of the noise. They are independent, so nobody who learns one (a debugger, a core
//! dump) learns the other. Both live in memory only: a resumed process draws fresh ones, which means a step that is
//! run again gets new noise and must be charged again. Nothing in a release build can choose a key: the only
//! constructor reads the operating system, and the one for replaying a draw exists in test builds alone.
//!
//! Per-step keys are derived with BLAKE3 in `derive_key` mode under a context string of their own, then used as
//! `ChaCha20` keys. Zeroing on drop covers the keys held here; copies inside the cipher and the hash state live on the
//! stack for the length of one call and are not covered.

use std::fmt;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use zeroize::Zeroizing;

use crate::error::Error;

const SAMPLING_CONTEXT: &str = "privet-train 2026 sampling key of one step";
const GROUPS_CONTEXT: &str = "privet-train 2026 groups of a process that takes turns";
const NOISE_CONTEXT: &str = "privet-train 2026 noise key of one step";

/// 256 secret bits, zeroed on drop, never printed.
struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    fn from_os() -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut_slice()).map_err(|source| Error::Entropy { source })?;
        Ok(Self(bytes))
    }

    fn at(&self, context: &str, step: u64, attempt: u32) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(derive(&self.0, context, &[step, u64::from(attempt)]))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// The keys of one process; draw them once, at its start.
#[derive(Debug)]
pub struct RunKeys {
    /// Decides which units enter a batch.
    pub sampling: SamplingKey,
    /// Seeds the noise.
    pub noise: NoiseKey,
}

impl RunKeys {
    /// Draws both keys from the operating system, independently.
    pub fn from_os() -> Result<Self, Error> {
        let keys = Self { sampling: SamplingKey(Secret::from_os()?), noise: NoiseKey(Secret::from_os()?) };
        Ok(mutate!(keys; ConstantSeed => Self::for_replay(0)))
    }

    /// Keys that follow from `seed`, for replaying the same draws in a test. Absent from every other build.
    #[cfg(test)]
    pub(crate) fn for_replay(seed: u64) -> Self {
        let key = |label| Secret(Zeroizing::new(derive(&[0; 32], "privet-train 2026 replay in tests", &[seed, label])));
        Self { sampling: SamplingKey(key(1)), noise: NoiseKey(key(2)) }
    }
}

/// Key of the Poisson draws of a process.
#[derive(Debug)]
pub struct SamplingKey(Secret);

impl SamplingKey {
    /// The key of one step's draw. A pure function of the arguments.
    pub(crate) fn step(&self, step: u64, attempt: u32) -> Zeroizing<[u8; 32]> {
        self.0.at(SAMPLING_CONTEXT, step, attempt)
    }

    /// The key of the assignment of units to groups, which stays as long as the process.
    pub(crate) fn groups(&self) -> Zeroizing<[u8; 32]> {
        self.0.at(GROUPS_CONTEXT, 0, 0)
    }
}

/// Key of the noise of a process.
#[derive(Debug)]
pub struct NoiseKey(Secret);

impl NoiseKey {
    /// The key of one step's noise: different for every step and for every attempt at it.
    pub fn step(&self, step: u64, attempt: u32) -> StepKey {
        let bytes = mutate!(self.0.at(NOISE_CONTEXT, step, attempt); StepsShareNoise => self.0.at(NOISE_CONTEXT, 1, 1));
        StepKey { bytes, step, attempt }
    }
}

/// Key of the noise of one attempt at one step; see [`NoiseKey::step`].
///
/// It knows which attempt it belongs to, so that the ledger can charge that one and no other.
pub struct StepKey {
    bytes: Zeroizing<[u8; 32]>,
    step: u64,
    attempt: u32,
}

impl StepKey {
    /// The step it was derived for.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The attempt at the step it was derived for.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StepKey {{ step: {}, attempt: {}, bytes: [hidden] }}", self.step, self.attempt)
    }
}

/// A key for `parts` under `context`: BLAKE3 in `derive_key` mode over `key` followed by each part in 8 bytes.
///
/// Different contexts, keys or parts give unrelated results. The input is injective because the key and every part
/// have a fixed width. `context` must be a constant of the program, never data (BLAKE3 paper, section 2.3).
pub fn derive(key: &[u8; 32], context: &str, parts: &[u64]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    hasher.update(key);
    for part in parts {
        hasher.update(&part.to_le_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// The `ChaCha20` keystream of `key`, positioned at a 64-byte block of a stream.
///
/// Layout: Bernstein's original, a 64-bit block counter in words 12 and 13 and a 64-bit nonce (here `stream`) in
/// words 14 and 15. RFC 8439 splits the same four words 32/96.
pub(crate) fn keystream(key: &[u8; 32], stream: u64, block: u64) -> ChaCha20Rng {
    let mut cipher = ChaCha20Rng::from_seed(*key);
    cipher.set_stream(stream);
    cipher.set_word_pos(u128::from(block) * 16);
    cipher
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_derivation_matters() {
        let base = derive(&[7; 32], "a", &[1, 2]);
        assert_eq!(base, derive(&[7; 32], "a", &[1, 2]));
        let others = [derive(&[8; 32], "a", &[1, 2]), derive(&[7; 32], "b", &[1, 2]), derive(&[7; 32], "a", &[2, 1])];
        assert!(others.iter().all(|other| *other != base));
        assert_ne!(derive(&[7; 32], "a", &[1]), derive(&[7; 32], "a", &[1, 0]));
    }

    #[test]
    fn sampling_and_noise_never_share_a_step_key() {
        let keys = RunKeys::for_replay(1);
        let same = || Secret(Zeroizing::new([3; 32]));
        assert_ne!(*keys.sampling.step(1, 1), *keys.noise.step(1, 1).bytes());
        assert_ne!(*SamplingKey(same()).step(1, 1), *NoiseKey(same()).step(1, 1).bytes());
        assert_ne!(keys.noise.step(1, 1).bytes(), keys.noise.step(1, 2).bytes());
        assert_ne!(keys.noise.step(1, 1).bytes(), keys.noise.step(2, 1).bytes());
    }

    #[test]
    fn the_operating_system_gives_new_keys_each_time() {
        let (a, b) = (RunKeys::from_os().unwrap(), RunKeys::from_os().unwrap());
        assert_ne!(a.noise.step(1, 1).bytes(), b.noise.step(1, 1).bytes());
        assert_ne!(*a.sampling.step(1, 1), *b.sampling.step(1, 1));
        assert_ne!(*a.sampling.0.0, *a.noise.0.0);
        assert_ne!(*a.sampling.0.0, [0; 32]);
    }

    #[test]
    fn keys_are_not_printed() {
        let keys = RunKeys::for_replay(1);
        let printed = format!("{keys:?} {:?}", keys.noise.step(7, 2));
        let run = "RunKeys { sampling: SamplingKey([hidden]), noise: NoiseKey([hidden]) }";
        assert_eq!(printed, format!("{run} StepKey {{ step: 7, attempt: 2, bytes: [hidden] }}"));
    }
}
