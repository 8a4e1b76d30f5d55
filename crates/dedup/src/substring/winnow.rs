//! Anchors of a text, and the windows round them.

use std::collections::VecDeque;
use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

use crate::shingle::{mixed, roll};

/// Windows of so many tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    tokens: usize,
    /// Bits of a hash that count: all of them, but in tests of what happens when hashes collide.
    mask: u64,
}

/// A k-gram that was chosen: its hash, and the number of its first token.
pub type Anchor = (u64, u64);

/// Windows of one text that overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Number of the first token of the first window.
    pub(super) first: usize,
    /// Numbers of the windows' first tokens, and their hashes.
    pub(super) windows: Vec<(usize, u64)>,
    /// All their tokens, with one space between two.
    pub(super) tokens: String,
}

impl Windows {
    /// Windows of at least one token.
    pub fn new(tokens: usize) -> Self {
        Self { tokens: tokens.max(1), mask: u64::MAX }
    }

    /// Windows whose hashes have only so many bits.
    #[cfg(test)]
    pub(super) fn weak(tokens: usize, bits: u32) -> Self {
        Self { mask: (1 << bits) - 1, ..Self::new(tokens) }
    }

    /// Tokens of a window.
    pub fn tokens(self) -> usize {
        self.tokens
    }

    pub(super) fn mask(self) -> u64 {
        self.mask
    }

    /// Tokens of an anchor.
    fn gram(self) -> usize {
        self.tokens / 2 + 1
    }

    /// The anchors of a text, given as tokens with one space between two, into `out`, whose content is replaced; how many
    /// tokens there are. Texts of different owners have different anchors.
    pub fn anchors(self, tokens: &str, owner: u128, scratch: &mut Vec<u64>, out: &mut Vec<Anchor>) -> u64 {
        out.clear();
        scratch.clear();
        scratch.extend(tokens.split_ascii_whitespace().map(|token| xxh3_64(token.as_bytes())));
        let count = scratch.len();
        if count >= self.tokens {
            let gram = self.gram();
            roll(gram, scratch);
            for hash in &mut *scratch {
                *hash = mixed(*hash ^ folded(owner)) & self.mask;
            }
            winnow(scratch, self.tokens - gram + 1, |at| out.push((scratch[at], at as u64)));
        }
        count as u64
    }

    /// All windows of a text that hold one of these anchors, which are numbers of tokens, ascending.
    pub fn around(self, tokens: &str, owner: u128, anchors: &[u64]) -> Vec<Region> {
        let tokens: Vec<&str> = tokens.split_ascii_whitespace().collect();
        let Some(last) = tokens.len().checked_sub(self.tokens) else { return Vec::new() };
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for anchor in anchors {
            let anchor = *anchor as usize;
            let start = (anchor + self.gram()).saturating_sub(self.tokens);
            let end = anchor.min(last) + 1;
            match ranges.last_mut() {
                Some(range) if start <= range.end => range.end = range.end.max(end),
                _ if start < end => ranges.push(start..end),
                _ => {}
            }
        }
        // No token is in two regions: what is kept of them is found by the numbers of tokens.
        let overlap = |one: &Range<usize>, other: &Range<usize>| other.start < one.end + self.tokens - 1;
        let region = |ranges: &[Range<usize>]| {
            let first = ranges[0].start;
            let end = ranges[ranges.len() - 1].end + self.tokens - 1;
            let windows = ranges.iter().flat_map(|range| self.hashed(&tokens, range.clone(), owner)).collect();
            Region { first, windows, tokens: tokens[first..end].join(" ") }
        };
        ranges.chunk_by(overlap).map(region).collect()
    }

    /// Windows with their hashes.
    fn hashed(self, tokens: &[&str], windows: Range<usize>, owner: u128) -> impl Iterator<Item = (usize, u64)> {
        let of_them = &tokens[windows.start..windows.end + self.tokens - 1];
        let mut hashes: Vec<u64> = of_them.iter().map(|token| xxh3_64(token.as_bytes())).collect();
        roll(self.tokens, &mut hashes);
        let hashed = move |hash: u64| mixed(hash ^ folded(owner)) & self.mask;
        windows.zip(hashes.into_iter().map(hashed))
    }
}

fn folded(owner: u128) -> u64 {
    (owner >> 64) as u64 ^ owner as u64
}

/// Hands on the rightmost of the least hashes of every `width` neighbours, each once, ascending.
fn winnow(hashes: &[u64], width: usize, mut each: impl FnMut(usize)) {
    // Hashes that can still be least in a stretch to come: ascending, so the first is least.
    let mut least: VecDeque<usize> = VecDeque::new();
    let mut before = None;
    for (at, hash) in hashes.iter().enumerate() {
        while least.back().is_some_and(|other| hashes[*other] >= *hash) {
            least.pop_back();
        }
        least.push_back(at);
        if least.front().is_some_and(|other| other + width <= at) {
            least.pop_front();
        }
        if at + 1 >= width && least.front() != before.as_ref() {
            before = least.front().copied();
            if let Some(chosen) = before {
                each(chosen);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(crate::fixtures::proptest_config(2000))]
        #[test]
        fn of_every_stretch_the_rightmost_least_is_chosen(hashes in prop::collection::vec(0_u64..5, 0..30), width in 1_usize..9) {
            let mut chosen = Vec::new();
            winnow(&hashes, width, |at| chosen.push(at));
            let rightmost = |(start, stretch): (usize, &[u64])| {
                let least = stretch.iter().min().unwrap();
                start + stretch.iter().rposition(|hash| hash == least).unwrap()
            };
            let twin: BTreeSet<usize> = hashes.windows(width).enumerate().map(rightmost).collect();
            prop_assert_eq!(chosen, twin.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_text_of_random_tokens_has_few_anchors() {
        let text: Vec<String> = (0..20_000).map(|token| format!("w{}", mixed(token) % 5000)).collect();
        let mut anchors = Vec::new();
        assert_eq!(Windows::new(50).anchors(&text.join(" "), 0, &mut Vec::new(), &mut anchors), 20_000);
        // 25 k-grams in a row, of which one in 13 is expected to be chosen.
        assert!((1400..1700).contains(&anchors.len()), "{}", anchors.len());
    }
}
