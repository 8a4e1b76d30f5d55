//! Values that the user names: some that are no findings, and some that always are.

use std::collections::{BTreeSet, HashSet};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::finding::Rule;
use crate::normal::Normal;
use crate::{Entity, Error, Finding, Recognizer, boundary};

/// Longer entries would let a list of nested texts cost more than linear time.
const DENIED_BYTES_MAX: usize = 256;
const DENIED_BYTES_MIN: usize = 2;

const DENIED: Rule = Rule::built_in("deny");

/// Values that are no findings.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Allowed {
    /// As written; sorted, so that no order of a list can change a digest.
    written: BTreeSet<String>,
    /// `None` for no values: a set cannot be made in a constant.
    normal: Option<HashSet<(Normal, String)>>,
}

impl Allowed {
    pub(crate) const fn new() -> Self {
        Self { written: BTreeSet::new(), normal: None }
    }

    pub(crate) fn of(values: &[String]) -> Self {
        let written: BTreeSet<String> = values.iter().cloned().collect();
        let spellings = written.iter().flat_map(|value| Normal::ALL.map(|normal| (normal, normal.apply(value))));
        // `info@example.org` has no digits, and must not allow every value that has none.
        let normal = spellings.filter(|(_, spelling)| !spelling.is_empty()).collect();
        Self { written, normal: Some(normal) }
    }

    pub(crate) fn holds(&self, value: &str, entity: Entity) -> bool {
        let normal = Normal::of(entity);
        self.normal.as_ref().is_some_and(|allowed| allowed.contains(&(normal, normal.apply(value))))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.written.iter().map(String::as_str)
    }

    pub(crate) fn len(&self) -> usize {
        self.written.len()
    }
}

/// A recognizer of these texts, byte for byte, between borders of words, as [`Entity::Custom`] by the rule `deny`.
///
/// A border is asked for only where the text itself begins or ends with an ASCII letter, digit or `_`. Each text has 2
/// to 256 bytes.
pub fn denied(texts: &[String]) -> Result<Box<dyn Recognizer>, Error> {
    let fits = |text: &&String| (DENIED_BYTES_MIN..=DENIED_BYTES_MAX).contains(&text.len());
    if let Some(position) = texts.iter().position(|text| !fits(&text)) {
        return Err(Error::DeniedText { position: position + 1 });
    }
    let texts: BTreeSet<&String> = texts.iter().collect();
    // Standard matching reports every text that ends at a byte: a longer one that fails its borders hides none.
    let automaton = AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .build(texts)
        .map_err(|source| Error::DeniedTexts { source: Box::new(source) })?;
    Ok(Box::new(Denied { automaton }))
}

struct Denied {
    automaton: AhoCorasick,
}

impl Recognizer for Denied {
    fn entities(&self) -> &[Entity] {
        &[Entity::Custom]
    }

    fn find(&self, text: &str, out: &mut Vec<Finding>) {
        let bytes = text.as_bytes();
        for hit in self.automaton.find_overlapping_iter(bytes) {
            let span = hit.range();
            let tied = (boundary::is_word(bytes[span.start]) && boundary::word_before(bytes, span.start))
                || (boundary::is_word(bytes[span.end - 1]) && boundary::word_after(bytes, span.end));
            if !tied {
                out.push(Finding { entity: Entity::Custom, span, confidence: 1.0, rule: DENIED });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{pictures, silent};

    fn list(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn denied_texts_are_found_between_borders() {
        let recognizer = denied(&list(&["Blue Falcon", "Falcon 9", "#7", "é1", "ab"])).unwrap();
        pictures(
            &*recognizer,
            &[
                ("Blue Falcon flies", "^^^^^^^^^^^"),
                ("(Blue Falcon), Blue Falcon's", " ^^^^^^^^^^^   ^^^^^^^^^^^"),
                // The first text that fails its borders hides no other.
                ("xBlue Falcon 9", "      ^^^^^^^^"),
                ("Blue Falcon 9", "^^^^^^^^^^^^^"),
                ("a#7 and #7.", " ^^     ^^"),
                ("né1 é1", " ^^ ^^"),
                ("见ab见", " ^^"),
                ("\\nab", "  ^^"),
            ],
        );
        silent(&*recognizer, &["blue falcon", "Blue  Falcon", "Blue Falcons", "_ab", "ab1", "#71", "cab", ""]);
    }

    #[test]
    fn texts_too_short_or_too_long_are_refused_by_their_place() {
        for texts in [["abc", ""], ["abc", "a"]] {
            let error = denied(&list(&texts)).map(|_| ()).unwrap_err();
            assert!(matches!(error, Error::DeniedText { position: 2 }));
        }
        let error = denied(&["x".repeat(257)]).map(|_| ()).unwrap_err();
        assert!(
            error.to_string().contains("entry 1 of the deny list") && !error.to_string().contains("xxx"),
            "{error}"
        );
        silent(&*denied(&[]).unwrap(), &["anything"]);
    }

    #[test]
    fn allowed_values_are_compared_without_formatting() {
        let allowed = Allowed::of(&list(&["+1 (212) 555-0143", "info@Example.org", "DE89 3704 0044 0532 0130 00"]));
        for (value, entity) in [
            ("+12125550143", Entity::Phone),
            ("INFO@example.org", Entity::Email),
            ("DE89370400440532013000", Entity::Iban),
        ] {
            assert!(allowed.holds(value, entity), "{value}");
        }
        for (value, entity) in [
            ("12125550143", Entity::Phone),
            ("jo@example.org", Entity::Email),
            ("INFO@example.org", Entity::Secret),
            ("no digits here", Entity::CreditCard),
            ("", Entity::CreditCard),
        ] {
            assert!(!allowed.holds(value, entity), "{value}");
        }
        assert!(!Allowed::new().holds("", Entity::Email));
    }
}
