//! Words of mixed alphabets: whether letters of another script stand in for Latin ones.

use super::glyph::{Glyph, glyph, is_other_alphabet};

/// A word, with the signs that join the parts of an address or a name of a machine.
#[derive(Default)]
pub(super) struct Word {
    pub(super) end: usize,
    /// It holds a Latin letter, and every letter of it looks like one.
    pub(super) looks_latin: bool,
}

impl Word {
    /// The word around byte `at`. Words do not overlap, so looking at each once is linear.
    pub(super) fn around(text: &str, at: usize) -> Self {
        let start = at - text[..at].chars().rev().take_while(|&c| in_word(c)).map(char::len_utf8).sum::<usize>();
        let end = text[at..].find(|c| !in_word(c)).map_or(text.len(), |length| at + length);
        Self { end, looks_latin: looks_latin(&text[start..end]) }
    }
}

/// Letters of the alphabets that mix, digits, what is not seen, and `._%+-@`; not the signs of scripts without spaces.
pub(super) fn in_word(character: char) -> bool {
    match character {
        '\0'..='\x7f' => character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '%' | '+' | '-' | '@'),
        // Latin with its accents and phonetic letters, Greek, Cyrillic, Armenian.
        '\u{c0}'..='\u{2af}' | '\u{370}'..='\u{58f}' | '\u{1e00}'..='\u{1fff}' => character.is_alphabetic(),
        _ => matches!(glyph(character), Glyph::Digit(_) | Glyph::Letter(_) | Glyph::LookAlike(_) | Glyph::Unseen),
    }
}

fn looks_latin(word: &str) -> bool {
    let other = |c: char| (is_other_alphabet(c) || matches!(c, '\u{1f00}'..='\u{1fff}')) && glyph(c) == Glyph::Plain;
    word.bytes().any(|byte| byte.is_ascii_alphabetic()) && !word.chars().any(other)
}

/// Where the bytes beyond ASCII around `at` end, and whether no word of them goes on in ASCII on either side.
pub(super) fn stretch(bytes: &[u8], at: usize) -> (usize, bool) {
    let beyond = |byte: &&u8| !byte.is_ascii();
    let start = at - bytes[..at].iter().rev().take_while(beyond).count();
    let end = at + bytes[at..].iter().take_while(beyond).count();
    let alone = !goes_on(bytes[..start].iter().rev()) && !goes_on(bytes[end..].iter());
    (end, alone)
}

/// Whether a word goes on here: at a letter or digit, or behind the signs that join words.
fn goes_on<'a>(mut bytes: impl Iterator<Item = &'a u8>) -> bool {
    let next = bytes.find(|byte| !matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'@'));
    next.is_some_and(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii())
}
