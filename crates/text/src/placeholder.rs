//! What stands in the text after a finding was replaced, and how to see it there.
//!
//! Scrubbing twice must change nothing more. Two things make that true: a placeholder can never look like a finding
//! (hashes are written with the letters a–p, so no digit of them can be part of a number), and every recognizer treats
//! a placeholder as a *word* at its border and as a *wall* for context. Without that, replacing one finding would free
//! the number glued to it, or let `<PHONE>` serve as the word "phone" beside the next number.

use crate::Entity;

/// What [`crate::Operator::Redact`] writes.
pub(crate) const REDACTED: &str = "[redacted]";

/// Letters of a hash in a placeholder: 16 × 4 bits.
pub(crate) const HASH_LETTERS: usize = 16;

/// `<` + the longest label + `:` + the hash + `>`.
const LONGEST: usize = 1 + 15 + 1 + HASH_LETTERS + 1;

/// Whether a placeholder ends right before byte `at`.
pub(crate) fn ends_at(bytes: &[u8], at: usize) -> bool {
    match at.checked_sub(1).map(|last| bytes[last]) {
        Some(b']') => bytes[..at].ends_with(REDACTED.as_bytes()),
        Some(b'>') => {
            let from = at.saturating_sub(LONGEST);
            memchr::memrchr(b'<', &bytes[from..at - 1]).is_some_and(|open| is_label(&bytes[from + open + 1..at - 1]))
        }
        _ => false,
    }
}

/// Whether a placeholder starts at byte `at`.
pub(crate) fn starts_at(bytes: &[u8], at: usize) -> bool {
    match bytes.get(at) {
        Some(b'[') => bytes[at..].starts_with(REDACTED.as_bytes()),
        Some(b'<') => {
            let until = bytes.len().min(at + LONGEST);
            memchr::memchr(b'>', &bytes[at..until]).is_some_and(|close| is_label(&bytes[at + 1..at + close]))
        }
        _ => false,
    }
}

/// Whether any placeholder lies in `bytes`.
pub(crate) fn contained(bytes: &[u8]) -> bool {
    memchr::memchr2_iter(b'<', b'[', bytes).any(|at| starts_at(bytes, at))
}

fn is_label(inner: &[u8]) -> bool {
    let (label, hash) = match memchr::memchr(b':', inner) {
        Some(colon) => (&inner[..colon], Some(&inner[colon + 1..])),
        None => (inner, None),
    };
    hash.is_none_or(|hash| hash.len() == HASH_LETTERS && hash.iter().all(|byte| matches!(byte, b'a'..=b'p')))
        && Entity::ALL.iter().any(|entity| entity.as_str().as_bytes() == label)
}
