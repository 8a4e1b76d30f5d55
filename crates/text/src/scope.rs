//! How far equal values stay equal: the key that a hash or a surrogate is drawn with, at each place of a text.
//!
//! All of them derive from the run's key by keyed BLAKE3, so that the same run over the same text writes the same bytes
//! whatever the number of threads, the order of files or the size of batches.

use std::cell::OnceCell;

use serde::{Deserialize, Serialize};

/// How far two equal values get equal hashes and equal surrogates: what can be linked in the output.
///
/// The wider it is, the more a text keeps of who speaks with whom, and the more of that a reader can count: the most
/// frequent surrogate of a corpus is its most frequent address, and whoever knows that one knows this one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// No two places agree, not even in one document: nothing can be linked, and a text loses who is who.
    Span,
    /// Within one document: a letter stays readable, and no two documents can be linked. The key is derived from the
    /// document's text, not its place, so equal documents agree.
    Document,
    /// Within one privacy unit, such as a user: all rows of one value of the unit column can be linked with each other,
    /// as that column links them already. A row without a unit has the scope of its document.
    Unit,
    /// Everywhere under one key: the whole corpus can be linked, and other corpora that were scrubbed with the same key.
    #[default]
    Corpus,
}

impl Scope {
    /// The name used in configurations, such as `document`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Span => "span",
            Self::Document => "document",
            Self::Unit => "unit",
            Self::Corpus => "corpus",
        }
    }
}

/// What is known of a text beside the text.
#[derive(Clone, Copy, Default)]
pub struct Context<'a> {
    /// Whose it is: the value of the unit column, for [`Scope::Unit`].
    pub unit: Option<&'a [u8]>,
}

/// The key at each place of one text; derived once, and only if a place asks.
pub(crate) struct Keys<'a> {
    run: &'a [u8; 32],
    scope: Scope,
    text: &'a str,
    unit: Option<&'a [u8]>,
    within: OnceCell<[u8; 32]>,
}

impl<'a> Keys<'a> {
    pub(crate) const fn new(run: &'a [u8; 32], scope: Scope, text: &'a str, context: &Context<'a>) -> Self {
        Self { run, scope, text, unit: context.unit, within: OnceCell::new() }
    }

    /// The key for the finding that starts at byte `start` of the original text.
    pub(crate) fn at(&self, start: usize) -> [u8; 32] {
        let within = self.within.get_or_init(|| match (self.scope, self.unit) {
            (Scope::Corpus, _) => *self.run,
            (Scope::Unit, Some(unit)) => derived(self.run, "unit", unit),
            (Scope::Unit | Scope::Document | Scope::Span, _) => derived(self.run, "document", self.text.as_bytes()),
        });
        match self.scope {
            Scope::Span => derived(within, "span", &(start as u64).to_le_bytes()),
            Scope::Document | Scope::Unit | Scope::Corpus => *within,
        }
    }
}

/// A key for another purpose. The zero byte in front keeps it apart from every hash of a value, which starts with a
/// label.
pub(crate) fn derived(key: &[u8; 32], purpose: &str, data: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&[0]).update(purpose.as_bytes()).update(&[0]).update(data);
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(scope: Scope, text: &str, unit: Option<&str>, start: usize) -> [u8; 32] {
        Keys::new(&[7; 32], scope, text, &Context { unit: unit.map(str::as_bytes) }).at(start)
    }

    #[test]
    fn each_scope_depends_on_what_it_says_and_on_nothing_else() {
        let (u, v) = (Some("u"), Some("v"));
        let places = [("a", None, 0), ("a", None, 1), ("b", None, 0), ("a", u, 0), ("b", u, 0), ("a", v, 0)];
        // Which places share a key: equal letters, equal keys.
        for (scope, picture) in
            [(Scope::Corpus, "aaaaaa"), (Scope::Unit, "aabccd"), (Scope::Document, "aababa"), (Scope::Span, "abcaca")]
        {
            let keys: Vec<_> = places.iter().map(|(text, unit, start)| key(scope, text, *unit, *start)).collect();
            for (index, letter) in picture.bytes().enumerate() {
                for (other, same) in picture.bytes().enumerate() {
                    assert_eq!(keys[index] == keys[other], letter == same, "{scope:?} {index} {other}");
                }
            }
        }
        assert_eq!(key(Scope::Corpus, "a", None, 0), [7; 32], "a corpus has the run's own key");
    }
}
