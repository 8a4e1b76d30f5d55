//! What a character looks like, one ASCII character each.
//!
//! From the Unicode Character Database (decimal digits, compatibility forms) and the strongest rows of its confusables
//! (UTS #39): only those that a reader takes for the ASCII letter in most typefaces.

use crate::invisible::{Leads, is_unseen};

/// What a character is to the shadow of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Glyph {
    /// Itself: ASCII, and all that looks like nothing in ASCII.
    Plain,
    /// A decimal digit of another script or width.
    Digit(u8),
    /// A Latin letter of another width or style: fullwidth, mathematical.
    Letter(u8),
    /// A letter of another script, or a symbol, that looks like a Latin one.
    LookAlike(u8),
    /// Punctuation of another width.
    Sign(u8),
    /// A hyphen or minus sign.
    Hyphen,
    /// A longer dash.
    Dash,
    Space,
    /// Nothing is seen of it.
    Unseen,
}

/// First bytes of all characters that are not [`Glyph::Plain`].
#[rustfmt::skip]
pub(super) const LEADS: Leads<24> = Leads::new([
    0xc2, 0xc9, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd8, 0xd9, 0xdb, 0xdf, 0xe0, 0xe1, 0xe2,
    0xe3, 0xea, 0xef, 0xf0, 0xf3,
]);

/// The same without those of Greek, Cyrillic and Armenian letters.
#[rustfmt::skip]
pub(super) const RARE_LEADS: Leads<15> = Leads::new([
    0xc2, 0xc9, 0xcd, 0xd8, 0xd9, 0xdb, 0xdf, 0xe0, 0xe1, 0xe2, 0xe3, 0xea, 0xef, 0xf0, 0xf3,
]);

/// The zeros of the decimal digits (general category Nd) outside ASCII, the mathematical ones apart; sorted.
#[rustfmt::skip]
const ZEROS: &[u32] = &[
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20,
    0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0,
    0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x1fbf0,
];

/// Cyrillic, Greek and Armenian letters and the ASCII letters that they look like.
#[rustfmt::skip]
const LOOK_ALIKES: &[(char, u8)] = &[
    ('ɑ', b'a'), ('ɡ', b'g'),
    ('Α', b'A'), ('Β', b'B'), ('Ε', b'E'), ('Ζ', b'Z'), ('Η', b'H'), ('Ι', b'I'), ('Κ', b'K'), ('Μ', b'M'),
    ('Ν', b'N'), ('Ο', b'O'), ('Ρ', b'P'), ('Τ', b'T'), ('Υ', b'Y'), ('Χ', b'X'), ('α', b'a'), ('ι', b'i'),
    ('κ', b'k'), ('ν', b'v'), ('ο', b'o'), ('ρ', b'p'), ('υ', b'u'), ('χ', b'x'), ('ϲ', b'c'), ('ϳ', b'j'),
    ('Ѕ', b'S'), ('І', b'I'), ('Ј', b'J'), ('А', b'A'), ('В', b'B'), ('Е', b'E'), ('К', b'K'), ('М', b'M'),
    ('Н', b'H'), ('О', b'O'), ('Р', b'P'), ('С', b'C'), ('Т', b'T'), ('У', b'Y'), ('Х', b'X'), ('а', b'a'),
    ('е', b'e'), ('к', b'k'), ('о', b'o'), ('р', b'p'), ('с', b'c'), ('у', b'y'), ('х', b'x'), ('ѕ', b's'),
    ('і', b'i'), ('ј', b'j'), ('һ', b'h'), ('ӏ', b'l'), ('ԁ', b'd'), ('ԛ', b'q'), ('ԝ', b'w'), ('ս', b'u'),
    ('օ', b'o'),
    // Letters of mathematics that stand outside its own block.
    ('ℂ', b'C'), ('ℊ', b'g'), ('ℋ', b'H'), ('ℌ', b'H'), ('ℍ', b'H'), ('ℎ', b'h'), ('ℐ', b'I'), ('ℑ', b'I'),
    ('ℒ', b'L'), ('ℕ', b'N'), ('ℙ', b'P'), ('ℚ', b'Q'), ('ℛ', b'R'), ('ℜ', b'R'), ('ℝ', b'R'), ('ℤ', b'Z'),
    ('ℨ', b'Z'), ('\u{212a}', b'K'), ('ℬ', b'B'), ('ℭ', b'C'), ('ℯ', b'e'), ('ℰ', b'E'), ('ℱ', b'F'), ('ℳ', b'M'),
    ('ℴ', b'o'),
];

pub(super) fn glyph(character: char) -> Glyph {
    let code = u32::from(character);
    match character {
        '\0'..='\u{9f}' => Glyph::Plain,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Glyph::Space,
        // Figure dash to horizontal bar; the hyphens before them and the minus signs.
        '\u{2012}'..='\u{2015}' => Glyph::Dash,
        '\u{2010}' | '\u{2011}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}' => Glyph::Hyphen,
        // One dot leader, the full stops that domain names take for a dot (UTS #46), the small one.
        '\u{2024}' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}' | '\u{fe52}' => Glyph::Sign(b'.'),
        '\u{fe6b}' => Glyph::Sign(b'@'),
        '\u{fe55}' => Glyph::Sign(b':'),
        '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' => Glyph::Letter((code - 0xff00 + 0x20) as u8),
        '（' | '）' | '＋' | '／' | '：' | '＝' | '＠' | '＿' | '％' | '＆' => {
            Glyph::Sign((code - 0xff00 + 0x20) as u8)
        }
        '\u{1d400}'..='\u{1d6a3}' => Glyph::Letter(mathematical(code - 0x1_d400)),
        '\u{1d7ce}'..='\u{1d7ff}' => Glyph::Digit(b'0' + ((code - 0x1_d7ce) % 10) as u8),
        // The box around the digit of a keycap.
        '\u{20e3}' => Glyph::Unseen,
        _ if is_unseen(character) => Glyph::Unseen,
        _ => digit(code).or_else(|| look_alike(character)).unwrap_or(Glyph::Plain),
    }
}

/// Thirteen alphabets of 52 letters.
const fn mathematical(place: u32) -> u8 {
    match (place % 52) as u8 {
        capital @ 0..26 => b'A' + capital,
        small => b'a' + small - 26,
    }
}

fn digit(code: u32) -> Option<Glyph> {
    let zero = ZEROS.partition_point(|&zero| zero <= code).checked_sub(1).map(|at| ZEROS[at])?;
    (code - zero < 10).then(|| Glyph::Digit(b'0' + (code - zero) as u8))
}

fn look_alike(character: char) -> Option<Glyph> {
    let seen = match character {
        OTHERS_START..=OTHERS_END => IN_OTHERS[(character as u32 - OTHERS_START as u32) as usize],
        'ɑ' | 'ɡ' | '\u{2100}'..='\u{214f}' => LOOK_ALIKES.iter().find(|(known, _)| *known == character)?.1,
        _ => 0,
    };
    (seen != 0).then_some(Glyph::LookAlike(seen))
}

/// Greek, Cyrillic and Armenian.
const OTHERS_START: char = '\u{370}';
const OTHERS_END: char = '\u{58f}';

/// [`LOOK_ALIKES`] of these scripts by their place; 0 for none.
const IN_OTHERS: [u8; OTHERS_END as usize - OTHERS_START as usize + 1] = {
    let mut table = [0; OTHERS_END as usize - OTHERS_START as usize + 1];
    let mut at = 0;
    while at < LOOK_ALIKES.len() {
        let (character, seen) = LOOK_ALIKES[at];
        if character as u32 >= OTHERS_START as u32 && character as u32 <= OTHERS_END as u32 {
            table[character as usize - OTHERS_START as usize] = seen;
        }
        at += 1;
    }
    table
};

/// Greek, Cyrillic or Armenian: scripts whose letters must all look Latin for a word to be taken for Latin.
pub(super) const fn is_other_alphabet(character: char) -> bool {
    matches!(character, OTHERS_START..=OTHERS_END)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folded_character_begins_with_a_known_byte() {
        for character in '\u{80}'..=char::MAX {
            let mut buffer = [0; 4];
            let text = character.encode_utf8(&mut buffer);
            let known = LEADS.next(text.as_bytes(), 0) == Some(0);
            assert!(glyph(character) == Glyph::Plain || known, "{:x}", u32::from(character));
        }
    }

    #[test]
    fn characters_fold_to_what_they_look_like() {
        for (written, seen) in [
            ("０１９", "019"),
            ("٠٣٩", "039"),
            ("۰۹", "09"),
            ("०९", "09"),
            ("๐๙", "09"),
            ("𝟎𝟗𝟘𝟡𝟬𝟵𝟶𝟿", "09090909"),
            ("ＡＺａｚ", "AZaz"),
            ("𝐀𝐙𝐚𝐳𝒜𝓏𝔸𝕫𝖆𝙰𝚣", "AZazAzAzaAz"),
            ("аесорхуіј", "aecopxyij"),
            ("ΑΒο", "ABo"),
            ("＠（）＋．：＿", "@()+.:_"),
        ] {
            let folded = written.chars().map(|c| match glyph(c) {
                Glyph::Digit(byte) | Glyph::Letter(byte) | Glyph::LookAlike(byte) | Glyph::Sign(byte) => {
                    char::from(byte)
                }
                other => panic!("{c} {other:?}"),
            });
            assert_eq!(folded.collect::<String>(), seen);
        }
        for character in "éßıščжщбдλπμ中あ가ا٪²①½“”’…€×。".chars().filter(|&c| c != '。')
        {
            assert_eq!(glyph(character), Glyph::Plain, "{character}");
        }
        assert!(ZEROS.is_sorted());
    }
}
