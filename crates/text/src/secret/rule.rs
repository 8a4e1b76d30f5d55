//! One rule of a pack: a pattern behind keywords, and what its match must be besides.

use std::ops::Range;
use std::sync::OnceLock;

use regex::{Captures, Regex, RegexBuilder};

use super::go_syntax::translated;
use crate::finding::Rule;
use crate::stand_in::{entropy, is_stand_in};

const COMPILED_BYTES_MAX: usize = 8 << 20;
/// How much of a line is looked at on each side by an allowlist that judges lines.
const LINE_BYTES_MAX: usize = 512;
const TOKEN_ENTROPY_MIN: f64 = 3.0;

pub(super) struct PackRule {
    pub(super) name: Rule,
    pub(super) keywords: Vec<String>,
    /// In the syntax of the `regex` crate.
    pub(super) pattern: String,
    pub(super) compiled: OnceLock<Option<Regex>>,
    /// The group that is the secret; without one, the first that matched, or else the whole match.
    pub(super) group: Option<usize>,
    pub(super) entropy: f64,
    /// Stands alone like a word, holds a letter and a digit, and varies.
    pub(super) token: bool,
    /// Bytes around a keyword in which a match must lie.
    pub(super) before: usize,
    pub(super) after: usize,
    pub(super) allow: Vec<Allow>,
}

/// A list of values that are no secrets.
#[derive(Clone)]
pub(super) struct Allow {
    pub(super) target: Target,
    pub(super) regexes: Vec<Regex>,
    /// In lower case.
    pub(super) stopwords: Vec<String>,
    /// Both kinds must agree, where both are given.
    pub(super) all: bool,
}

/// What an allowlist's regular expressions look at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Secret,
    Match,
    Line,
}

/// Compiles a pattern of Go's syntax with the limits of rule packs.
pub(super) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(COMPILED_BYTES_MAX).build()
}

/// The same from Go's syntax.
pub(super) fn compile_go(pattern: &str) -> Result<Regex, regex::Error> {
    compile(&translated(pattern))
}

impl PackRule {
    /// Compiled at first use: a text without any keyword should cost nothing, and most runs see few of the rules.
    pub(super) fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| compile(&self.pattern).ok()).as_ref()
    }

    /// Where the secret stands in a match.
    pub(super) fn secret(&self, groups: &Captures) -> Option<Range<usize>> {
        let found = match self.group {
            Some(group) => groups.get(group),
            None => groups.iter().skip(1).flatten().find(|group| !group.is_empty()).or_else(|| groups.get(0)),
        };
        found.map(|found| found.range()).filter(|span| !span.is_empty())
    }

    /// Whether the secret at `span` is no stand-in, varies enough and is on no allowlist.
    pub(super) fn is_convincing(&self, text: &str, whole: &Range<usize>, span: &Range<usize>) -> bool {
        let secret = &text[span.clone()];
        let bytes = secret.as_bytes();
        let is_mixed = || bytes.iter().any(u8::is_ascii_digit) && bytes.iter().any(u8::is_ascii_alphabetic);
        let entropy_min = if self.token && self.entropy <= 0.0 { TOKEN_ENTROPY_MIN } else { self.entropy };
        (!self.token || is_mixed())
            && (entropy_min <= 0.0 || entropy(bytes) >= entropy_min)
            && !is_stand_in(bytes)
            && !self.allow.iter().any(|allow| allow.holds(text, whole, secret))
    }
}

impl Allow {
    fn holds(&self, text: &str, whole: &Range<usize>, secret: &str) -> bool {
        let target = match self.target {
            Target::Secret => secret,
            Target::Match => &text[whole.clone()],
            Target::Line => &text[line(text, whole)],
        };
        let by_regex = || self.regexes.iter().any(|regex| regex.is_match(target));
        let lower = secret.to_ascii_lowercase();
        let by_word = || self.stopwords.iter().any(|word| lower.contains(word));
        if self.all {
            (self.regexes.is_empty() || by_regex()) && (self.stopwords.is_empty() || by_word())
        } else {
            by_regex() || by_word()
        }
    }
}

/// The lines that `span` lies in, or as much of them as is near.
fn line(text: &str, span: &Range<usize>) -> Range<usize> {
    let from = text.floor_char_boundary(span.start.saturating_sub(LINE_BYTES_MAX));
    let until = text.ceil_char_boundary(span.end.saturating_add(LINE_BYTES_MAX).min(text.len()));
    let start = text[from..span.start].rfind('\n').map_or(from, |at| from + at + 1);
    let end = text[span.end..until].find('\n').map_or(until, |at| span.end + at);
    start..end
}
