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
    let latin = |c: char| c.is_ascii_alphabetic() || matches!(glyph(c), Glyph::Letter(_));
    word.chars().any(latin) && !word.chars().any(other)
}
