//! Which texts can go: those whose true similarity with a text that is kept reaches the threshold.
//!
//! Texts come in the order of the policy, best first. Each is compared with the texts kept so far that it has a key in
//! common with; it is a copy of the most similar of them that reaches the threshold, or it is kept itself. Nothing is
//! concluded from one copy to another: of a chain A ~ B ~ C, in which A and C have little in common, A and C are kept.

use std::collections::HashMap;

use crate::verify::overlap::{overlap, overlap_needed};
use crate::verify::rarity::Rarity;

mod overlap;
mod rarity;
#[cfg(test)]
mod tests;

pub use overlap::{Measure, similarity};
pub use rarity::Rarity as Frequencies;

/// Most kept texts that are remembered under one key of a band; see [`Anchors::crowded`].
pub const ANCHORS_MAX: u32 = 64;

/// Whose texts may be copies of whose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Among {
    /// Anyone's of anyone's.
    #[default]
    All,
    /// Only texts of one owner of each other.
    OneOwner,
    /// Only texts of different owners.
    OtherOwners,
}

/// What makes a text a copy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The least similarity, above 0 and at most 1.
    pub threshold: f64,
    /// How similarity is measured.
    pub measure: Measure,
    /// Whose texts may be copies of whose.
    pub among: Among,
}

/// A text that is judged.
#[derive(Debug, Clone, Copy)]
pub struct Looked<'a> {
    /// Its number, under which its set can be had again.
    pub number: u32,
    /// Its distinct shingles, ascending.
    pub set: &'a [u64],
    /// The keys of its bands; not looked at in an exhaustive search.
    pub keys: &'a [u64],
    /// Whose it is.
    pub owner: u128,
}

/// A text that can go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Copy {
    /// Number of the kept text of which it is a copy: the most similar, of several the first.
    pub of: u32,
    /// Their similarity.
    pub similarity: f64,
}

/// Writes the set of the text of this number into an empty list.
pub type Fetch<'a, E> = dyn FnMut(u32, &mut Vec<u64>) -> Result<(), E> + 'a;

/// The texts kept so far.
#[derive(Debug)]
pub struct Anchors {
    settings: Settings,
    finder: Finder,
    kept: Vec<Kept>,
    crowded: u64,
    near: Vec<u32>,
    set: Vec<u64>,
}

#[derive(Debug)]
struct Kept {
    number: u32,
    owner: u128,
    size: usize,
}

/// Where kept texts are looked up that may be similar.
#[derive(Debug)]
enum Finder {
    /// Under the keys of their bands.
    Bands(Lists),
    /// Under their rarest shingles: a pair that reaches the threshold has one of those in common, always.
    Rarest(Lists, Rarity),
}

impl Anchors {
    /// Looks where bands agree.
    pub fn new(settings: Settings) -> Self {
        Self::with(settings, Finder::Bands(Lists::default()))
    }

    /// Looks everywhere: no pair that reaches the threshold is missed. `frequencies` has counted every set that will be looked at.
    ///
    /// A set A with |A ∩ B| ≥ α shares one of its |A| - α + 1 first members with B, in whatever order all sets are sorted
    /// (Chaudhuri, Ganti, Kaushik 2006). Jaccard similarity t needs α = ⌈t |A|⌉ in either set; containment of A in B needs it in A alone.
    /// Here the order is from rare to common, so few texts meet.
    pub fn exhaustive(settings: Settings, frequencies: Frequencies) -> Self {
        Self::with(settings, Finder::Rarest(Lists::default(), frequencies))
    }

    fn with(settings: Settings, finder: Finder) -> Self {
        Self { settings, finder, kept: Vec::new(), crowded: 0, near: Vec::new(), set: Vec::new() }
    }

    /// The kept text of which this is a copy. `fetch` writes the set of a kept text into an empty list.
    ///
    /// # Errors
    ///
    /// What `fetch` returns.
    pub fn look<E>(&mut self, text: &Looked<'_>, fetch: &mut Fetch<'_, E>) -> Result<Option<Copy>, E> {
        self.near.clear();
        match &mut self.finder {
            Finder::Bands(lists) => {
                for key in text.keys {
                    lists.of(*key, &mut self.near);
                }
            }
            Finder::Rarest(lists, rarity) => {
                let prefix = rarity.rarest(text.set, prefix(self.settings.threshold, text.set.len()));
                for shingle in prefix {
                    lists.of(*shingle, &mut self.near);
                }
            }
        }
        self.near.sort_unstable();
        self.near.dedup();
        let Settings { threshold, measure, among } = self.settings;
        let mut best: Option<Copy> = None;
        for kept in self.near.iter().map(|at| &self.kept[*at as usize]) {
            let meant = match among {
                Among::All => true,
                Among::OneOwner => kept.owner == text.owner,
                Among::OtherOwners => kept.owner != text.owner,
            };
            let needed =
                overlap_needed(measure, best.map_or(threshold, |copy| copy.similarity), text.set.len(), kept.size);
            if !meant || needed > text.set.len().min(kept.size) {
                continue;
            }
            self.set.clear();
            fetch(kept.number, &mut self.set)?;
            let Some(shared) = overlap(text.set, &self.set, needed) else { continue };
            let similarity = measure.of(shared, text.set.len(), kept.size);
            if similarity >= threshold && best.is_none_or(|copy| similarity > copy.similarity) {
                best = Some(Copy { of: kept.number, similarity });
            }
            if similarity >= 1.0 {
                break;
            }
        }
        Ok(best)
    }

    /// Keeps a text: later ones may be copies of it.
    pub fn keep(&mut self, text: &Looked<'_>) {
        let at = self.kept.len() as u32;
        self.kept.push(Kept { number: text.number, owner: text.owner, size: text.set.len() });
        match &mut self.finder {
            Finder::Bands(lists) => {
                for key in text.keys {
                    self.crowded += u64::from(!lists.add(*key, at, ANCHORS_MAX));
                }
            }
            Finder::Rarest(lists, rarity) => {
                let shown = match self.settings.measure {
                    Measure::Jaccard => prefix(self.settings.threshold, text.set.len()),
                    Measure::Containment => text.set.len(),
                };
                for shingle in rarity.rarest(text.set, shown) {
                    lists.add(*shingle, at, u32::MAX);
                }
            }
        }
    }

    /// How often a kept text was not remembered under a key, because [`ANCHORS_MAX`] kept texts had it already: dissimilar
    /// texts that agree in a band, which is what boilerplate does. Its other keys may find it all the same.
    pub fn crowded(&self) -> u64 {
        self.crowded
    }
}

/// Members of a set of `size`, from the rarest, of which a similar set must hold one.
fn prefix(threshold: f64, size: usize) -> usize {
    (size + 1).saturating_sub(least(threshold * size as f64)).min(size)
}

/// The least whole number that is not below `x`, and at least 1; what lies above a whole number by less than rounding is that number.
fn least(x: f64) -> usize {
    ((x - 1e-6).ceil() as usize).max(1)
}

/// Lists of kept texts under keys, in 8 bytes an entry beside the table.
#[derive(Debug, Default)]
struct Lists {
    heads: HashMap<u64, Head>,
    links: Vec<(u32, u32)>,
}

#[derive(Debug, Clone, Copy)]
struct Head {
    last: u32,
    length: u32,
}

const NONE: u32 = u32::MAX;

impl Lists {
    /// Adds to a key's list; false if it is full.
    fn add(&mut self, key: u64, at: u32, length_max: u32) -> bool {
        let head = self.heads.entry(key).or_insert(Head { last: NONE, length: 0 });
        if head.length >= length_max {
            return false;
        }
        self.links.push((at, head.last));
        *head = Head { last: self.links.len() as u32 - 1, length: head.length + 1 };
        true
    }

    /// Appends a key's list to `found`.
    fn of(&self, key: u64, found: &mut Vec<u32>) {
        let mut next = self.heads.get(&key).map_or(NONE, |head| head.last);
        while next != NONE {
            let (at, before) = self.links[next as usize];
            found.push(at);
            next = before;
        }
    }
}
