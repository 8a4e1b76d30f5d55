//! From a row to what is compared of it: keys, under which rows meet, and a set, by which they are judged.
//!
//! Three ways of being equal go one way here. Where rows are copies when a digest is equal, the digest is the set (four numbers,
//! all of which or none are in common) and its first number the key; with a threshold of 1 the judge finds exactly the equal ones.

use privet_dedup::{Among, Measure, Permutations, Settings, distinct, normalise};

use super::plan::{DedupPlan, Near, Owners, What};
use super::read::{Beside, Row};
use crate::cells::key;
use crate::dedup::{Digest, digest};
use crate::error::Fault;
use crate::plan::is_flat;

/// How rows become comparable; the same for all of them.
pub(super) struct Sketcher {
    what: What,
    permutations: Permutations,
    flat: bool,
    mixes_owner: bool,
}

/// Space that is used again and again.
#[derive(Default)]
pub(super) struct Scratch {
    normalised: String,
    piece: String,
    shingles: Vec<u64>,
    signature: Vec<u32>,
}

/// All that is compared of a row.
#[derive(Default)]
pub(super) struct Sketch {
    pub(super) keys: Vec<u64>,
    pub(super) set: Vec<u64>,
    /// Halves of the digests of the texts as they are and normalised, to tell how two rows are equal.
    pub(super) raw: u128,
    pub(super) normalised: u128,
    pub(super) characters: u64,
}

impl Sketcher {
    pub(super) fn new(plan: &DedupPlan) -> Self {
        let permutations = match plan.what {
            What::Near(Near { exhaustive: false, banding, .. }) => banding.permutations(),
            _ => 0,
        };
        let mixes_owner = matches!(plan.owners, Owners::Within(_));
        Self {
            what: plan.what,
            permutations: Permutations::new(permutations),
            flat: is_flat(&plan.columns),
            mixes_owner,
        }
    }

    /// What the judge goes by.
    pub(super) fn settings(&self, owners: &Owners) -> Settings {
        let (threshold, measure) = match self.what {
            What::Raw | What::Normalised => (1.0, Measure::Jaccard),
            What::Near(near) => (near.threshold, near.measure),
        };
        let among = match owners {
            Owners::All => Among::All,
            Owners::Within(_) => Among::OneOwner,
            Owners::Across(_) => Among::OtherOwners,
        };
        Settings { threshold, measure, among }
    }

    /// Whether rows are compared with all others.
    pub(super) fn is_exhaustive(&self) -> bool {
        matches!(self.what, What::Near(Near { exhaustive: true, .. }))
    }

    /// The keys alone of a row with text into `keys`, whose content is replaced.
    pub(super) fn keys(&self, row: &Row<'_>, owner: u128, scratch: &mut Scratch, keys: &mut Vec<u64>) {
        let has_words = match self.what {
            // Every row meets every other, whatever it says.
            What::Near(Near { exhaustive: true, .. }) | What::Raw => false,
            What::Near(_) | What::Normalised => self.words(row, scratch),
        };
        self.keys_of_words(row, has_words, owner, scratch, keys);
    }

    /// [`Self::keys`] of a row whose words lie in the scratch space, if it has any; a near search leaves their shingles there.
    fn keys_of_words(&self, row: &Row<'_>, has_words: bool, owner: u128, scratch: &mut Scratch, keys: &mut Vec<u64>) {
        keys.clear();
        match self.what {
            What::Near(Near { exhaustive: true, .. }) => keys.push(0),
            What::Near(near) if has_words => {
                near.banding.shingling.shingles(&scratch.normalised, &mut scratch.shingles);
                self.permutations.sign(&scratch.shingles, &mut scratch.signature);
                near.banding.keys(&scratch.signature, keys);
            }
            What::Normalised if has_words => keys.push(words_of(&self.normalised(row, scratch))[0]),
            _ => keys.push(words_of(&self.raw(row))[0]),
        }
        if self.mixes_owner {
            // Rows of two owners never meet.
            for key in keys {
                *key ^= owner as u64;
            }
        }
    }

    /// Everything that is compared of a row with text.
    pub(super) fn sketch(&self, row: &Row<'_>, owner: u128, scratch: &mut Scratch) -> Sketch {
        let mut sketch = Sketch::default();
        let has_words = self.words(row, scratch);
        self.keys_of_words(row, has_words, owner, scratch, &mut sketch.keys);
        let raw = self.raw(row);
        let normalised = if has_words { self.normalised(row, scratch) } else { raw };
        sketch.set = match self.what {
            What::Near(near) if has_words => {
                if near.exhaustive {
                    near.banding.shingling.shingles(&scratch.normalised, &mut scratch.shingles);
                }
                scratch.shingles.clone()
            }
            What::Raw => words_of(&raw).to_vec(),
            _ => words_of(&normalised).to_vec(),
        };
        distinct(&mut sketch.set);
        (sketch.raw, sketch.normalised) = (half(&raw), half(&normalised));
        sketch.characters = row.texts().iter().map(|text| text.chars().count() as u64).sum();
        sketch
    }

    /// All words of a row, normalised, into the scratch space; whether there are any.
    fn words(&self, row: &Row<'_>, scratch: &mut Scratch) -> bool {
        let texts = row.texts();
        if let ([text], true) = (&texts[..], self.flat) {
            normalise(text, &mut scratch.normalised);
            return !scratch.normalised.is_empty();
        }
        scratch.normalised.clear();
        for text in texts {
            normalise(text, &mut scratch.piece);
            if !scratch.piece.is_empty() && !scratch.normalised.is_empty() {
                scratch.normalised.push(' ');
            }
            scratch.normalised.push_str(&scratch.piece);
        }
        !scratch.normalised.is_empty()
    }

    /// What two rows have in common exactly when all their texts are equal, in their places.
    fn raw(&self, row: &Row<'_>) -> Digest {
        key(row.cells, self.flat, |slot| row.text(slot).map(digest))
    }

    /// The same of the normalised texts; [`Self::words`] has been called for the row.
    fn normalised(&self, row: &Row<'_>, scratch: &mut Scratch) -> Digest {
        if self.flat {
            return digest(&scratch.normalised);
        }
        let mut piece = std::mem::take(&mut scratch.piece);
        let digests: Vec<(usize, Digest)> = row
            .cells
            .iter()
            .filter_map(|cell| {
                normalise(row.text(cell.slot?)?, &mut piece);
                Some((cell.slot?, digest(&piece)))
            })
            .collect();
        scratch.piece = piece;
        key(row.cells, false, |slot| digests.iter().find(|(of, _)| *of == slot).map(|(_, digest)| *digest))
    }
}

/// Whose a row is, as a number that nobody can make two owners share.
pub(super) fn owner(value: &Beside, column: &str) -> Result<u128, Fault> {
    let text = value.text().ok_or_else(|| Fault::NoOwner { column: column.to_owned() })?;
    Ok(half(&digest(&text)))
}

fn words_of(digest: &Digest) -> [u64; 4] {
    let word = |at: usize| digest[8 * at..8 * at + 8].iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    std::array::from_fn(word)
}

fn half(digest: &Digest) -> u128 {
    digest[..16].iter().fold(0, |half, byte| half << 8 | u128::from(*byte))
}
