//! Numbers that stand by themselves, as arrays, tables and logs are full of them.
//!
//! A probe says of such a number whether it is worth a look. What is asked are necessary conditions on the bytes beside
//! it, each a part of the probe's own; the twin is the walk that looks at every word.

use crate::{boundary, digits};

/// Digits with neither a letter, an underscore nor a byte beyond ASCII beside them.
pub(super) struct Plain<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) start: usize,
    pub(super) end: usize,
}

/// More digits than any probe or picture takes for one number.
const DIGITS_MAX: usize = 24;

impl<'a> Plain<'a> {
    /// The number that begins with the digit at `digit`, if it is plain and no capitals stand before it over a space or a
    /// hyphen, which could be its first part.
    #[inline]
    pub(super) fn at(bytes: &'a [u8], digit: usize) -> Option<Self> {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
        if digit > 0 {
            let capital = || digit > 1 && bytes[digit - 2].is_ascii_uppercase();
            if is_part(&bytes[digit - 1]) || matches!(bytes[digit - 1], b' ' | b'-') && capital() {
                return None;
            }
        }
        let end = digits::run_end_within(bytes, digit, DIGITS_MAX + 1);
        let plain = end - digit <= DIGITS_MAX && !bytes.get(end).is_some_and(is_part);
        plain.then_some(Self { bytes, start: digit, end })
    }

    pub(super) const fn length(&self) -> usize {
        self.end - self.start
    }

    /// The byte before; a line break at the beginning of the text.
    pub(super) fn before(&self) -> u8 {
        self.start.checked_sub(1).map_or(b'\n', |at| self.bytes[at])
    }

    /// The byte behind; a line break at the end of the text.
    pub(super) fn behind(&self) -> u8 {
        self.bytes.get(self.end).copied().unwrap_or(b'\n')
    }

    /// Whether one of these stands before it with a digit before that.
    pub(super) fn tied_before(&self, joiners: &[u8]) -> bool {
        boundary::tied_before(self.bytes, self.start, joiners)
    }

    /// Whether one of these stands behind it with a digit behind that.
    pub(super) fn tied_after(&self, joiners: &[u8]) -> bool {
        boundary::tied_after(self.bytes, self.end, joiners)
    }

    /// Whether a letter stands behind the byte behind it.
    pub(super) fn letter_beyond(&self) -> bool {
        self.bytes.get(self.end + 1).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80)
    }

    /// The number, if it has no more than nine digits.
    pub(super) fn value(&self) -> Option<u32> {
        let digits = &self.bytes[self.start..self.end];
        (digits.len() <= 9).then(|| digits.iter().fold(0, |value, digit| 10 * value + u32::from(digit - b'0')))
    }
}
