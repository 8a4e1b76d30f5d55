//! Where a candidate may begin and end.
//!
//! Only ASCII counts as part of a word: `\b` of Unicode would glue a number to the Chinese character before it. All
//! tests look at bytes and never cut the text, so no span can fall inside a character: every recognizer starts and ends
//! its spans at ASCII bytes or whole characters.

/// Whether a letter, digit or `_` stands right before byte `at`.
///
/// The letter of an escape such as `\n`, as JSON and source code are full of, is not part of a word.
pub(crate) fn word_before(bytes: &[u8], at: usize) -> bool {
    let Some(previous) = at.checked_sub(1) else {
        return false;
    };
    let byte = bytes[previous];
    let escape = matches!(byte, b'n' | b'r' | b't') && previous > 0 && bytes[previous - 1] == b'\\';
    is_word(byte) && !escape
}

/// Whether a letter, digit or `_` stands right after, at byte `at`.
pub(crate) fn word_after(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_some_and(|&byte| is_word(byte))
}

/// Whether a digit stands right before byte `at`.
pub(crate) fn digit_before(bytes: &[u8], at: usize) -> bool {
    at > 0 && bytes[at - 1].is_ascii_digit()
}

/// Whether a digit stands right after, at byte `at`.
pub(crate) fn digit_after(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_some_and(u8::is_ascii_digit)
}

/// Whether one of `joiners` right before `at` ties the candidate to a digit before it, as in `1.` + `555`.
pub(crate) fn tied_before(bytes: &[u8], at: usize, joiners: &[u8]) -> bool {
    at > 0 && joiners.contains(&bytes[at - 1]) && digit_before(bytes, at - 1)
}

/// Whether one of `joiners` at `at` ties the candidate to a digit after it.
pub(crate) fn tied_after(bytes: &[u8], at: usize, joiners: &[u8]) -> bool {
    bytes.get(at).is_some_and(|byte| joiners.contains(byte)) && digit_after(bytes, at + 1)
}

/// Whether a thousands separator at `at` ties the candidate to three digits after it, as in `1` + `,555`. In `123-45-6789,1`
/// the comma ends a cell.
pub(crate) fn thousands_after(bytes: &[u8], at: usize) -> bool {
    let digits = || bytes[at + 1..].iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    bytes.get(at) == Some(&b',') && digits() == 3
}

/// ASCII letter, digit or underscore.
pub(crate) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
