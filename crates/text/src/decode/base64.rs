//! Base64 (RFC 4648) inside a text: stretches that decode to text.

use std::ops::Range;

/// The shortest stretch that can hide an address, and the longest that is read.
const BYTES_MIN: usize = 16;
const BYTES_MAX: usize = 64 << 10;

/// The stretches of `text` that are base64 of text, and what they say.
pub(crate) fn payloads(text: &str) -> Vec<(Range<usize>, String)> {
    let bytes = text.as_bytes();
    let mut payloads = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = bytes[at..].iter().take_while(|&&byte| value(byte).is_some()).count();
        let padding = bytes[at + length..].iter().take(2).take_while(|byte| **byte == b'=').count();
        let span = at..at + length + padding;
        if (BYTES_MIN..=BYTES_MAX).contains(&length)
            && let Some(said) = decode(&text[span.clone()])
        {
            payloads.push((span, said));
        }
        at += (length + padding).max(1);
    }
    payloads
}

/// What `written` says, if it is base64 of text that a person could read.
pub(super) fn decode(written: &str) -> Option<String> {
    let written = written.trim_end_matches('=').as_bytes();
    let mut said = Vec::with_capacity(written.len() / 4 * 3 + 2);
    for four in written.chunks(4) {
        let bits = four.iter().try_fold(0, |bits, &byte| Some(bits << 6 | u32::from(value(byte)?)))?;
        let bits = bits << (6 * (4 - four.len()));
        let whole = (four.len() * 6 / 8).min(3);
        // One character alone is six bits, and no byte.
        (whole > 0).then_some(())?;
        said.extend_from_slice(&bits.to_be_bytes()[1..=whole]);
    }
    let said = String::from_utf8(said).ok()?;
    let readable = |character: char| !character.is_control() || character.is_whitespace();
    said.chars().all(readable).then_some(said)
}

/// The six bits of a character of either alphabet.
const fn value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}
