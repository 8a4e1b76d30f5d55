//! Tokens, private keys and assigned passwords.
//!
//! Three ways in. [`formats`]: tokens of known services, each with a literal that every one of them contains.
//! [`private_key`]: PEM blocks from BEGIN to END. [`assignment`]: `password = …`, `api_key: …`, where the name
//! announces the secret and the value must look like one. One automaton looks for all literals, markers and names in one
//! pass; it ignores case, as names need, and the literals are compared again as they are written.
//!
//! Services add formats every month, so a fixed list is a floor, not a promise.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::{Entity, Finding, Recognizer};

mod assignment;
mod formats;
mod jwt;
mod private_key;

use assignment::NAMES;
use formats::FORMATS;
use private_key::MARKERS;

pub(crate) struct Secret {
    anchors: Option<AhoCorasick>,
}

impl Secret {
    /// The tables are constants and far below the automaton's limits, so building it cannot fail: a test says so.
    pub(crate) fn new() -> Self {
        let literals = FORMATS.iter().map(|format| format.literal);
        let anchors = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(literals.chain(MARKERS).chain(NAMES.iter().copied()))
            .ok();
        Self { anchors }
    }
}

impl Recognizer for Secret {
    fn entity(&self) -> Entity {
        Entity::Secret
    }

    fn find(&self, text: &str, out: &mut Vec<Finding>) {
        let bytes = text.as_bytes();
        let mut block = private_key::Block::default();
        let hits = self.anchors.iter().flat_map(|anchors| anchors.find_iter(bytes));
        for hit in hits {
            let pattern = hit.pattern().as_usize();
            let found = &bytes[hit.range()];
            if let Some(format) = FORMATS.get(pattern) {
                if found == format.literal.as_bytes() {
                    out.extend(formats::token(bytes, format, hit.start()));
                }
            } else if let Some(marker) = MARKERS.get(pattern - FORMATS.len()) {
                if found == marker.as_bytes() {
                    out.extend(block.marker(bytes, hit.start()));
                }
            } else {
                out.extend(assignment::value(bytes, hit.range()));
            }
        }
        out.extend(block.finish(bytes));
    }
}

#[cfg(test)]
mod tests;
