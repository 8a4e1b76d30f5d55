//! The words that announce identifiers, looked up together.
//!
//! A candidate whose check holds is looked at once: one automaton finds every word of every rule near it, and says how
//! far off the nearest word of a rule is. Borders of words are those of [`crate::context`].

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::Rule;
use crate::{Entity, context};

/// How far before and after a candidate a word is looked for, in bytes.
const BEFORE: usize = 64;
const AFTER: usize = 32;

/// Entities as bits.
type Set = u128;

const _: () = assert!(Entity::ALL.len() <= Set::BITS as usize);

pub(super) struct Vocabulary {
    words: Option<AhoCorasick>,
    /// For every word, the entities that it announces.
    announces: Vec<Set>,
}

impl Vocabulary {
    /// The tables are constants and far below the automaton's limits, so building it cannot fail: a test says so.
    pub(super) fn new(rules: &[&Rule]) -> Self {
        let mut words: Vec<(String, Set)> = Vec::new();
        for rule in rules {
            for word in rule.words.iter().flat_map(|word| spellings(word)) {
                match words.iter_mut().find(|(known, _)| *known == word) {
                    Some((_, set)) => *set |= bit(rule.entity),
                    None => words.push((word, bit(rule.entity))),
                }
            }
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(words.iter().map(|(word, _)| word))
            .ok();
        Self { words: automaton, announces: words.into_iter().map(|(_, set)| set).collect() }
    }

    /// How many bytes lie between `span` and the nearest word that announces `entity`, if one stands nearby.
    pub(super) fn distance(&self, bytes: &[u8], span: &Range<usize>, entity: Entity) -> Option<usize> {
        let words = self.words.as_ref()?;
        let window = context::window(bytes, span, BEFORE, AFTER);
        let mut nearest = None;
        for side in [window.start..span.start, span.end..window.end] {
            for hit in words.find_overlapping_iter(&bytes[side.clone()]) {
                let word = side.start + hit.start()..side.start + hit.end();
                if self.announces[hit.pattern().as_usize()] & bit(entity) != 0 && context::is_word(bytes, &word) {
                    let distance = if word.end <= span.start { span.start - word.end } else { word.start - span.end };
                    nearest = Some(nearest.map_or(distance, |known: usize| known.min(distance)));
                }
            }
        }
        nearest
    }
}

/// `tax id` as columns and keys are called too: `tax_id`, `tax-id`, `taxId`.
fn spellings(word: &str) -> Vec<String> {
    let joints: &[&str] = if word.contains(' ') { &[" ", "_", "-", ""] } else { &[""] };
    joints.iter().map(|joint| word.split(' ').collect::<Vec<_>>().join(joint)).collect()
}

const fn bit(entity: Entity) -> Set {
    1 << entity as u32
}

#[cfg(test)]
impl Vocabulary {
    pub(super) fn is_built(&self) -> bool {
        self.words.is_some()
    }
}
