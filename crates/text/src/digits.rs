//! Runs of ASCII digits: the anchor of every number.
//!
//! Most text holds no digits, so the first question, "is there any digit in these 32 bytes?", is asked in a form that
//! the compiler turns into a few vector instructions.

use std::ops::Range;

const BLOCK: usize = 32;

/// The first run of ASCII digits that starts at or after `from`, at its full length.
pub(crate) fn next_run(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let start = next_digit(bytes, from)?;
    Some(start..run_end(bytes, start))
}

/// Where the digits that start at `start` end.
pub(crate) fn run_end(bytes: &[u8], start: usize) -> usize {
    start + bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The same, but looks at no more than `limit` digits.
pub(crate) fn run_end_within(bytes: &[u8], start: usize, limit: usize) -> usize {
    start + bytes[start..].iter().take(limit).take_while(|byte| byte.is_ascii_digit()).count()
}

/// The first ASCII digit at or after `from`.
pub(crate) fn next_digit(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    // The next digit is often near; a block is only worth its price over long stretches of letters.
    for (offset, byte) in bytes.get(at..)?.iter().take(8).enumerate() {
        if byte.is_ascii_digit() {
            return Some(at + offset);
        }
    }
    at += 8;
    let mut blocks = bytes.get(at..)?.chunks_exact(BLOCK);
    for block in blocks.by_ref() {
        if block.iter().fold(false, |any, byte| any | byte.is_ascii_digit()) {
            break;
        }
        at += BLOCK;
    }
    bytes[at..].iter().position(u8::is_ascii_digit).map(|offset| at + offset)
}

/// Collects the ASCII digits of `bytes` into `buffer` and returns them, or `None` when there are more than fit.
pub(crate) fn collect<'a>(bytes: &[u8], buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut count = 0;
    for byte in bytes.iter().filter(|byte| byte.is_ascii_digit()) {
        *buffer.get_mut(count)? = byte - b'0';
        count += 1;
    }
    Some(&buffer[..count])
}
