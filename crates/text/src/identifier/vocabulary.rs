//! The words that announce identifiers, looked up together.
//!
//! A candidate whose check holds is looked at once: one automaton finds every word of every rule near it, and says which
//! rules have one there and which have one close by. Borders of words are those of [`crate::context`].

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::Rule;
use crate::{Entity, context};

/// How far before and after a candidate a word is looked for, in bytes.
const BEFORE: usize = 64;
const AFTER: usize = 32;

/// Up to this many bytes away, a word stands close by.
const CLOSE: usize = 24;

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

    /// Which entities the words near `span` announce.
    pub(super) fn near(&self, bytes: &[u8], span: &Range<usize>) -> Near {
        let mut near = Near::default();
        let Some(words) = &self.words else { return near };
        let window = context::window(bytes, span, BEFORE, AFTER);
        for side in [window.start..span.start, span.end..window.end] {
            for hit in words.find_overlapping_iter(&bytes[side.clone()]) {
                let word = side.start + hit.start()..side.start + hit.end();
                if context::is_word(bytes, &word) {
                    let announced = self.announces[hit.pattern().as_usize()];
                    let distance = if word.end <= span.start { span.start - word.end } else { word.start - span.end };
                    near.any |= announced;
                    near.close |= if distance <= CLOSE { announced } else { 0 };
                }
            }
        }
        near
    }
}

/// The entities that words near a candidate announce.
#[derive(Clone, Copy, Default)]
pub(super) struct Near {
    any: Set,
    close: Set,
}

impl Near {
    pub(super) const fn announces(self, entity: Entity) -> bool {
        self.any & bit(entity) != 0
    }

    pub(super) const fn announces_closely(self, entity: Entity) -> bool {
        self.close & bit(entity) != 0
    }
}

/// Longest word that is taken for an abbreviation.
const ABBREVIATION_MAX: usize = 5;

/// A word as it is written elsewhere: `tax id` in columns and keys as `tax_id`, `tax-id`, `taxId`; `tfn` on forms as
/// `T.F.N.`; `fødselsnummer` in haste as `fødselsnr`.
fn spellings(word: &str) -> Vec<String> {
    let joints: &[&str] = if word.contains(' ') { &[" ", "_", "-", ""] } else { &[""] };
    let mut spellings: Vec<String> =
        joints.iter().map(|joint| word.split(' ').collect::<Vec<_>>().join(joint)).collect();
    if (3..=ABBREVIATION_MAX).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        spellings.push(word.split("").filter(|letter| !letter.is_empty()).collect::<Vec<_>>().join("."));
    }
    let shortened = spellings.iter().filter_map(|spelling| Some(format!("{}nr", spelling.strip_suffix("nummer")?)));
    let shortened: Vec<String> = shortened.filter(|short| short.len() > "nr".len()).collect();
    spellings.extend(shortened);
    spellings
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
