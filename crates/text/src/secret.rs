//! Tokens, private keys and assigned passwords.
//!
//! Four ways in. [`formats`]: tokens of known services, each with a literal that every one of them contains.
//! [`private_key`]: PEM blocks from BEGIN to END. [`assignment`]: `password = …`, `api_key: …`, where the name
//! announces the secret and the value must look like one. [`pack`]: everything else, as rules in TOML. One pass looks
//! for all literals, markers, names and keywords; it ignores case, as names need, and the literals are compared again
//! as they are written.
//!
//! Formats are read by hand, because their literals are frequent (`sk-`, `key-`) or their tokens need more than a
//! pattern; a rule of the pack is as good for all others.
//!
//! Services add formats every month, so a fixed list is a floor, not a promise.

use std::sync::LazyLock;

use crate::finding::Rule;
use crate::{Entity, Finding, Recognizer};

mod assignment;
mod checksum;
mod formats;
mod go_syntax;
mod jwt;
mod keywords;
mod pack;
mod private_key;
mod read;
mod rule;
mod windows;

pub use pack::{RulePack, Skipped};

use assignment::NAMES;
use formats::FORMATS;
use keywords::Keywords;
use private_key::MARKERS;
use rule::PackRule;
use windows::Windows;

/// The rules in the box, as text: part of the digest of a rule set.
pub(crate) const PACK: &str = include_str!("../rules/secrets.toml");

/// Read once for all threads. The file is a constant, so reading it cannot fail: a test says so.
static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    let rules = read::read(PACK, Rule::secret).map(|read| read.rules).unwrap_or_default();
    let formats = FORMATS.iter().enumerate().map(|(format, found)| (found.literal, Anchor::Format(format)));
    let markers = MARKERS.map(|marker| (marker, Anchor::Marker));
    let names = NAMES.iter().map(|&name| (name, Anchor::Name(name.len())));
    let of_rules = rules.iter().enumerate().flat_map(|(rule, found)| {
        found.keywords.iter().map(move |keyword| (keyword.as_str(), Anchor::Rule(rule, keyword.len())))
    });
    let (texts, anchors): (Vec<_>, Vec<_>) = formats.chain(markers).chain(names).chain(of_rules).unzip();
    Shared { keywords: Keywords::new(texts.into_iter()), anchors, rules }
});

struct Shared {
    keywords: Keywords,
    /// What each keyword announces.
    anchors: Vec<Anchor>,
    rules: Vec<PackRule>,
}

#[derive(Clone, Copy)]
enum Anchor {
    Format(usize),
    Marker,
    /// A name of so many bytes.
    Name(usize),
    /// A rule, and the bytes of its keyword.
    Rule(usize, usize),
}

pub(crate) struct Secret;

impl Recognizer for Secret {
    fn entities(&self) -> &[Entity] {
        &[Entity::Secret]
    }

    fn find(&self, text: &str, out: &mut Vec<Finding>) {
        let bytes = text.as_bytes();
        let Shared { keywords, anchors, rules } = &*SHARED;
        let mut block = private_key::Block::default();
        let mut windows = Windows::default();
        keywords.find(bytes, |keyword, at| match anchors[keyword] {
            Anchor::Format(format) => {
                let format = &FORMATS[format];
                if bytes[at..].starts_with(format.literal.as_bytes()) {
                    out.extend(formats::token(bytes, format, at));
                }
            }
            Anchor::Marker => {
                if MARKERS.iter().any(|marker| bytes[at..].starts_with(marker.as_bytes())) {
                    out.extend(block.marker(bytes, at));
                }
            }
            Anchor::Name(length) => out.extend(assignment::value(bytes, at..at + length)),
            Anchor::Rule(rule, length) => windows.keyword(rules, rule, text, &(at..at + length), out),
        });
        windows.finish(rules, text, out);
        out.extend(block.finish(bytes));
    }
}

#[cfg(test)]
mod tests;
