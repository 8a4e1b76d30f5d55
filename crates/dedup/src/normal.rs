//! One spelling for texts that differ only in case, spacing, punctuation, line ends or Unicode form.
//!
//! # The normaliser `n1`
//!
//! 1. Characters that are not seen are taken out: the soft hyphen, zero-width spaces and joiners, marks of direction,
//!    variation selectors, the byte order mark (Unicode's `Default_Ignorable_Code_Point`, as far as it is assigned).
//! 2. NFKC (Unicode Standard Annex 15): composed and decomposed letters, ligatures, full-width and mathematical letters
//!    become one.
//! 3. Case is folded, a character at a time: lower, upper and lower case again, each in full. This is what makes `ß` and
//!    `SS`, or the two small sigmas, one.
//! 4. NFKC again, because folding can undo it.
//! 5. What is left is cut into words: a word is a run of letters, numbers and `_`, with the combining marks behind them. In
//!    the scripts that put no spaces between words (Han, Hiragana, Katakana, Thai, Lao, Khmer, Myanmar) every letter, with its
//!    marks, is a word. Everything else stands between words.
//! 6. The words are joined by single spaces.
//!
//! So `n1` of a text does not change when runs of separators are replaced by others, when its case is changed as a whole (but
//! for the Greek iota below a letter, which upper case puts beside it), or when it is brought into another Unicode form. Numbers stay as they are. A text without a letter or number has no words.
//!
//! A change of any of this is a new version: the name goes into every index and manifest.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Name of the normaliser in force.
pub const NORMALISER: &str = "n1";

/// Writes the words of `text`, with a space between two, into `out`, whose content is replaced.
///
/// Text in ASCII goes a fast way; a piece between two ASCII characters of which the first is no part of a word can be
/// normalised by itself, because nothing composes or folds across that place.
pub fn normalise(text: &str, out: &mut String) {
    out.clear();
    let bytes = text.as_bytes();
    let (mut at, mut written) = (0, Vec::new());
    while at < bytes.len() {
        let start = at;
        at = ascii_end(bytes, at);
        words(&bytes[start..at], &mut written, out);
        if at < bytes.len() {
            let end = piece_end(bytes, at);
            slow(&text[at..end], out);
            at = end;
        }
    }
}

/// Where the text in ASCII from `at` on ends that can be normalised by itself: before the word, or else the separator, that
/// stands before the first character of another kind.
fn ascii_end(bytes: &[u8], at: usize) -> usize {
    let Some(other) = bytes[at..].iter().position(|byte| !byte.is_ascii()) else { return bytes.len() };
    let before = &bytes[at..at + other];
    let word = before.iter().rev().take_while(|byte| is_ascii_word(**byte)).count();
    at + other - word.max(usize::from(other > 0))
}

/// What a byte of ASCII becomes: a small letter, a number or `_`, and a space for everything between words.
const WRITTEN: [u8; 128] = {
    let mut written = [b' '; 128];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_' {
            written[byte] = (byte as u8).to_ascii_lowercase();
        }
        byte += 1;
    }
    written
};

/// The words of text in ASCII; appends to `out`. The content of `written` is replaced.
fn words(text: &[u8], written: &mut Vec<u8>, out: &mut String) {
    written.clear();
    written.resize(1 + text.len(), b' ');
    // Of a run of separators the first is written, and what comes next is written over those behind it: no branch on what a
    // byte is. What is there already gets a space behind it.
    let mut end = usize::from(!out.is_empty());
    let mut in_word = false;
    for byte in text {
        let new = WRITTEN[usize::from(byte & 0x7f)];
        written[end] = new;
        end += usize::from(new != b' ' || in_word);
        in_word = new != b' ';
    }
    let words = written[..end].strip_suffix(b" ").unwrap_or(&written[..end]);
    // ASCII, every byte of it.
    out.push_str(std::str::from_utf8(words).unwrap_or_default());
}

/// What a piece of text is that can be normalised by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// One word in ASCII.
    Word,
    /// Anything.
    Other,
}

/// Cuts a text into pieces; what is between them is no part of a word.
pub(crate) fn pieces(text: &str, mut each: impl FnMut(Range<usize>, Piece)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        while at < bytes.len() && is_ascii_word(bytes[at]) {
            at += 1;
        }
        if at > start && bytes.get(at).is_none_or(u8::is_ascii) {
            each(start..at, Piece::Word);
            continue;
        }
        if at == start && bytes[at].is_ascii() && bytes.get(at + 1).is_none_or(u8::is_ascii) {
            at += 1;
            continue;
        }
        let end = piece_end(bytes, at);
        each(start..end, Piece::Other);
        at = end;
    }
}

/// A word in ASCII; appends to `out`.
pub(crate) fn fast(word: &str, out: &mut String) {
    space(out);
    let start = out.len();
    out.push_str(word);
    out[start..].make_ascii_lowercase();
}

/// Where the piece that holds `at` ends: behind an ASCII separator that an ASCII character follows.
fn piece_end(bytes: &[u8], at: usize) -> usize {
    let ends = |end: &usize| {
        let last = bytes[end - 1];
        last.is_ascii() && !is_ascii_word(last) && bytes.get(*end).is_none_or(u8::is_ascii)
    };
    (at + 1..=bytes.len()).find(ends).unwrap_or(bytes.len())
}

fn is_ascii_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn space(out: &mut String) {
    if !out.is_empty() {
        out.push(' ');
    }
}

/// The rules as they stand, for any piece of text; appends to `out`.
pub(crate) fn slow(piece: &str, out: &mut String) {
    let seen = piece.chars().filter(|c| !is_ignorable(*c));
    let mut open = false;
    for c in seen.nfkc().flat_map(folded).nfkc() {
        if is_combining_mark(c) {
            // A mark on nothing, or on a symbol, is no word.
            if open {
                out.push(c);
            }
        } else if c == '_' || c.is_alphanumeric() {
            let alone = has_no_spaces(c);
            let after_alone = open && out.chars().rev().find(|c| !is_combining_mark(*c)).is_some_and(has_no_spaces);
            if !open || alone || after_alone {
                space(out);
            }
            out.push(c);
            open = true;
        } else {
            open = false;
        }
    }
}

pub(crate) fn folded(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

/// Not seen, and of no meaning for what a text says.
pub(crate) fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Letters of scripts whose words stand without spaces between them.
pub(crate) fn has_no_spaces(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{19e0}'..='\u{19ff}'
        | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{a9e0}'..='\u{a9ff}' | '\u{aa60}'..='\u{aa7f}' | '\u{f900}'..='\u{faff}'
        | '\u{1b000}'..='\u{1b16f}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn n1(text: &str) -> String {
        let mut out = String::from("what was there before");
        normalise(text, &mut out);
        out
    }

    /// The twin: the whole text through every step, one after another.
    fn twin(text: &str) -> String {
        let seen: String = text.chars().filter(|c| !is_ignorable(*c)).collect();
        let composed: String = seen.nfkc().collect();
        let folded: String = composed.chars().flat_map(folded).collect();
        let composed: Vec<char> = folded.nfkc().collect();
        let mut words: Vec<String> = Vec::new();
        let mut open = false;
        for c in composed {
            let word = c == '_' || c.is_alphanumeric();
            if is_combining_mark(c) && open {
                words.last_mut().unwrap().push(c);
            } else if word && !is_combining_mark(c) {
                let alone = |word: &String| word.chars().next().is_some_and(has_no_spaces);
                if !open || has_no_spaces(c) || words.last().is_some_and(alone) {
                    words.push(String::new());
                }
                words.last_mut().unwrap().push(c);
                open = true;
            } else {
                open = false;
            }
        }
        words.join(" ")
    }

    #[test]
    fn pictures() {
        for (text, expected) in [
            ("", ""),
            ("  \r\n\t ", ""),
            ("... !!! --", ""),
            ("One, TWO;\r\nthree_4", "one two three_4"),
            ("e-mail: x@y.org", "e mail x y org"),
            ("Straße STRASSE ẞ", "strasse strasse ss"),
            ("Σίσυφος ΣΊΣΥΦΟΣ", "σίσυφοσ σίσυφοσ"),
            ("cafe\u{301} café CAFÉ", "café café café"),
            ("ﬁne ｆｉｎｅ \u{1d41f}ine", "fine fine fine"),
            ("so\u{ad}ft zero\u{200b}width \u{feff}mark", "soft zerowidth mark"),
            ("東京は 2026年", "東 京 は 2026 年"),
            ("ภาษาไทย", "ภ า ษ า ไ ท ย"),
            ("กำ ก\u{e34}น", "ก\u{e4d} า ก\u{e34} น"),
            ("<\u{338}a \u{b4}b", "a b"),
            ("a\u{fe0f}b \u{180f}\u{61c}c\u{2069}d", "ab cd"),
            ("naïve—em dash “quoted” x²", "naïve em dash quoted x2"),
        ] {
            assert_eq!(n1(text), expected, "{text:?}");
        }
    }

    /// Letters, marks, symbols, controls: what normalisation stumbles over, often beside each other.
    fn awkward() -> impl Strategy<Value = String> {
        let some = prop::sample::select(
            "aZ_9 ,.\r\n<=ßẞſKİıςΣéÉ\u{301}\u{338}\u{345}\u{308}ᾳᾼΐŉǰẖﬀﬁ½Ⅷ①㌔ﷺ가각ㄱ\u{1100}\u{1161}東ツﾂﾞกำเ\u{e34}ຳက\u{103b}\u{ad}\u{200d}\u{fe0f}\u{feff}😀´’“”—"
                .chars()
                .collect::<Vec<_>>(),
        );
        prop::collection::vec(prop_oneof![4 => some, 1 => any::<char>()], 0..24).prop_map(|c| c.into_iter().collect())
    }

    proptest! {
        #![proptest_config(crate::fixtures::proptest_config(4000))]
        #[test]
        fn the_fast_way_is_the_slow_way(text in awkward()) {
            prop_assert_eq!(n1(&text), twin(&text));
        }

        #[test]
        fn unicode_form_and_a_second_time_change_nothing(text in awkward()) {
            let once = n1(&text);
            prop_assert_eq!(n1(&once), once.clone());
            prop_assert_eq!(n1(&text.nfc().collect::<String>()), once.clone());
            prop_assert_eq!(n1(&text.nfd().collect::<String>()), once.clone());
            prop_assert_eq!(n1(&text.nfkc().collect::<String>()), once.clone());
            prop_assert_eq!(n1(&text.nfkd().collect::<String>()), once);
        }

        #[test]
        fn case_changes_nothing(text in awkward()) {
            let iota_below = |c: &char| c.nfkd().any(|part| part == '\u{345}');
            let text: String = text.chars().filter(|c| !iota_below(c)).collect();
            prop_assert_eq!(n1(&text.to_uppercase()), n1(&text));
            prop_assert_eq!(n1(&text.to_lowercase()), n1(&text));
        }

        #[test]
        fn separators_change_nothing(words in prop::collection::vec("[a-z0-9àßж東]{1,6}", 0..8), separators in prop::collection::vec("[ ,.;:!?\r\n\t“”()\u{2028}\u{a0}-]{1,3}", 9)) {
            let mut other = String::new();
            for (separator, word) in separators.iter().zip(words.iter().map(String::as_str).chain([""])) {
                other.extend([separator.as_str(), word]);
            }
            prop_assert_eq!(n1(&other), n1(&words.join(" ")));
        }
    }
}
