//! What stands in the text after a finding was replaced, and how to see it there.
//!
//! A placeholder must never be taken for a finding itself, nor help one: `<PHONE>` is no word that announces the next
//! number, and a hash in it is written with the letters a–p so that no digit of it can be part of one. All of them are
//! ASCII between angle brackets, so that a recognizer's borders treat them alike, whichever operator wrote them.

use std::ops::Range;

use crate::Entity;

/// What [`crate::Operator::Redact`] writes between angle brackets.
pub(crate) const REDACTED: &str = "REDACTED";

/// Letters of a hash in a placeholder: 16 × 4 bits.
pub(crate) const HASH_LETTERS: usize = 16;

/// `<` + the longest label + `:` + the hash + `>`.
const LONGEST: usize = 1 + 15 + 1 + HASH_LETTERS + 1;

/// The end of the placeholder that starts at byte `at`, if one does.
pub(crate) fn end(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) != Some(&b'<') {
        return None;
    }
    let window = &bytes[at..bytes.len().min(at + LONGEST)];
    let close = memchr::memchr(b'>', window)?;
    is_label(&window[1..close]).then_some(at + close + 1)
}

/// Whether a placeholder ends right before byte `at`.
pub(crate) fn ends_at(bytes: &[u8], at: usize) -> bool {
    let from = at.saturating_sub(LONGEST);
    memchr::memrchr(b'<', &bytes[from..at]).is_some_and(|open| end(bytes, from + open) == Some(at))
}

/// Whether any placeholder lies in `bytes`.
pub(crate) fn contained(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'<', bytes).any(|at| end(bytes, at).is_some())
}

/// Whether `span` lies inside one placeholder.
pub(crate) fn holds(bytes: &[u8], span: &Range<usize>) -> bool {
    let from = span.start.saturating_sub(LONGEST);
    memchr::memrchr(b'<', &bytes[from..=span.start])
        .and_then(|open| end(bytes, from + open))
        .is_some_and(|end| span.end <= end)
}

fn is_label(inner: &[u8]) -> bool {
    let (label, hash) = match memchr::memchr(b':', inner) {
        Some(colon) => (&inner[..colon], Some(&inner[colon + 1..])),
        None => (inner, None),
    };
    let is_hash = |hash: &[u8]| hash.len() == HASH_LETTERS && hash.iter().all(|byte| matches!(byte, b'a'..=b'p'));
    hash.is_none_or(is_hash)
        && (label == REDACTED.as_bytes() || Entity::ALL.iter().any(|entity| entity.as_str().as_bytes() == label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_what_operators_write_and_nothing_else() {
        for text in ["<EMAIL>", "<URL_CREDENTIALS>", "<REDACTED>", "<CUSTOM>", "<URL_CREDENTIALS:abcdefghijklmnop>"] {
            assert_eq!(end(text.as_bytes(), 0), Some(text.len()), "{text}");
            assert!(ends_at(text.as_bytes(), text.len()) && contained(format!("x{text}y").as_bytes()), "{text}");
        }
        for text in [
            "",
            "<",
            "<>",
            "<EMAIL",
            "EMAIL>",
            "<email>",
            "<EMAILS>",
            "<EMAIL:>",
            "<EMAIL:abc>",
            "<EMAIL:abcdefghijklmnoq>",
            "<b>",
            "[redacted]",
        ] {
            assert!(
                end(text.as_bytes(), 0).is_none()
                    && !ends_at(text.as_bytes(), text.len())
                    && !contained(text.as_bytes()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_placeholder_holds_what_lies_inside_it() {
        let bytes = b"a <EMAIL> b";
        for (span, inside) in [
            (2..9, true),
            (3..8, true),
            (4..5, true),
            (2..10, false),
            (1..9, false),
            (8..9, true),
            (9..10, false),
            (0..1, false),
        ] {
            assert_eq!(holds(bytes, &span), inside, "{span:?}");
        }
    }
}
