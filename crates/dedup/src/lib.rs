//! Finds texts that are nearly the same, and says which of them can go.
//!
//! ```text
//! text ── normal ──▶ words ── shingle ──▶ set of 64-bit shingles ── minhash, bands ──▶ a key for every band
//!                                                                                            │
//!         verdicts ◀── verify: true Jaccard against kept texts ◀── union ◀── groups ◀── spill, sorted
//! ```
//!
//! Pure but for [`Sorter`], which is handed a folder: no clock, no randomness, no thread. Everything is a function of the
//! texts and of their order alone, to the last bit: neither the machine nor the memory limit changes a result.
//!
//! What is promised is [`Anchors`]' promise: a text is found to be a copy only if its similarity with a text that is
//! *kept*, computed from the two sets of shingles and not estimated, reaches the threshold. The hashes before it decide only which
//! pairs are looked at, so what they get wrong is a copy that stays, never a text that is lost. (Two shingles are taken for
//! equal when their 64-bit hashes are; in a pair of texts of a million words each that happens by chance once in ten
//! million pairs, and then moves the similarity by a millionth.)

mod bands;
mod minhash;
mod normal;
mod placed;
mod shingle;
mod spill;
mod substring;
mod union;
mod verify;

pub use bands::{Banding, NoBanding};
pub use minhash::{PERMUTATIONS_MAX, Permutations};
pub use normal::{NORMALISER, normalise};
pub use placed::Placed;
pub use shingle::{Shingling, distinct};
pub use spill::{Checkpoint, Groups, RECORD_BYTES, Sorter, SpillError};
pub use substring::{Anchor, Meeting, Region, Repeat, Repeats, Search, Windows};
pub use union::Union;
pub use verify::{ANCHORS_MAX, Among, Anchors, Copy, Fetch, Frequencies, Looked, Measure, Settings, similarity};

#[cfg(test)]
mod fixtures {
    use proptest::test_runner::{Config, RngSeed};

    /// The one seed of this crate's tests.
    pub(crate) const SEED: u64 = 0x7072_6976_6574;

    pub(crate) fn proptest_config(cases: u32) -> Config {
        Config { rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..Config::with_cases(cases) }
    }
}
