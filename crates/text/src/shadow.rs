//! A text as a reader sees it: digits, letters and punctuation that only look like ASCII become ASCII, and what is not
//! seen is gone. Recognizers look at this *shadow* too; spans come back in bytes of the text.
//!
//! ```text
//! text     j о @ e x a m p l e ZWSP . o r g        о is Cyrillic, ZWSP has no width
//! shadow   j o @ e x a m p l e . o r g
//! ```
//!
//! Each character folds to one ASCII character, to nothing, or not at all; where it is not certain that it only looks
//! like another, what stands beside it decides:
//!
//! | what | folds |
//! |---|---|
//! | digits of other scripts and widths; fullwidth and mathematical letters | always |
//! | letters that look Latin (UTS #39) | in a word with an ASCII letter, if every letter of the word looks Latin |
//! | hyphens | between letters or digits |
//! | longer dashes, spaces | the same, if one of the two is a digit |
//! | fullwidth signs, dots of domain names | between letters or digits; parentheses and `+` beside one digit |
//! | zero-width characters, direction marks, soft hyphens, selectors | between two characters that are or become ASCII, or an end of the text |
//!
//! So prose of other scripts has no shadow, and a text of ASCII has none by one look at its bytes. A text without a
//! shadow costs the walk over what is not ASCII, one with a shadow twice the scan.

use std::borrow::Cow;
use std::ops::Range;

mod glyph;
mod word;

use glyph::{Glyph, LEADS, RARE_LEADS, glyph};
use word::Word;

/// So many unseen characters may stand between a sign and the digit that decides about it.
const UNSEEN_MAX: usize = 8;

/// A folded text, and where its bytes come from.
pub(crate) struct Shadow {
    text: String,
    pieces: Vec<Piece>,
}

/// From byte `shadow` of the shadow on, bytes are those from `original` on of the text, until the next piece; or all of
/// them stand for the `whole` bytes there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    shadow: usize,
    original: usize,
    whole: usize,
}

impl Shadow {
    /// The shadow of a text, or `None` when it is the text itself.
    pub(crate) fn of(text: &str) -> Option<Self> {
        if text.is_ascii() {
            return None;
        }
        let mut folds = Folds::new(text).peekable();
        folds.peek()?;
        Some(Self::new(text, folds.map(|(span, seen)| (span, seen.map(char::from)))))
    }

    /// The shadow of a text in which other characters, or nothing, stand for these spans, which are sorted and disjoint.
    pub(crate) fn new(text: &str, folds: impl Iterator<Item = (Range<usize>, Option<char>)>) -> Self {
        let start = Piece { shadow: 0, original: 0, whole: 0 };
        let mut shadow = Self { text: String::with_capacity(text.len()), pieces: vec![start] };
        let mut copied = 0;
        for (span, seen) in folds {
            shadow.text.push_str(&text[copied..span.start]);
            copied = span.end;
            if let Some(seen) = seen {
                shadow.piece(span.start, span.len());
                shadow.text.push(seen);
            }
            shadow.piece(span.end, 0);
        }
        shadow.text.push_str(&text[copied..]);
        shadow
    }

    fn piece(&mut self, original: usize, whole: usize) {
        let piece = Piece { shadow: self.text.len(), original, whole };
        match self.pieces.last_mut() {
            Some(last) if last.shadow == piece.shadow => *last = piece,
            _ => self.pieces.push(piece),
        }
    }

    /// Where the shadow is not the text, in bytes of the shadow; in order, empty where something went.
    pub(crate) fn places(&self) -> Vec<Range<usize>> {
        let ends = self.pieces.iter().skip(1).map(|piece| piece.shadow).chain([self.text.len()]);
        let pieces =
            self.pieces.iter().zip(ends).filter(|(piece, _)| piece.original != piece.shadow || piece.whole > 0);
        pieces.map(|(piece, end)| piece.shadow..if piece.whole > 0 { end } else { piece.shadow }).collect()
    }

    /// What is seen of the text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Where what stands at `span` of the shadow stands in the text, whole characters, nothing unseen at its ends.
    pub(crate) fn original(&self, span: &Range<usize>) -> Range<usize> {
        if span.is_empty() {
            return 0..0;
        }
        let last = self.piece_of(span.end - 1);
        let end = if last.whole > 0 { last.original + last.whole } else { last.original + (span.end - last.shadow) };
        self.place(span.start)..end
    }

    fn place(&self, at: usize) -> usize {
        let piece = self.piece_of(at);
        if piece.whole > 0 { piece.original } else { piece.original + (at - piece.shadow) }
    }

    fn piece_of(&self, at: usize) -> Piece {
        self.pieces[self.pieces.partition_point(|piece| piece.shadow <= at) - 1]
    }
}

/// A value as it is seen; as it is when nothing of it is seen.
pub(crate) fn folded(value: &str) -> Cow<'_, str> {
    let seen = Shadow::of(value).filter(|shadow| !shadow.text.is_empty());
    seen.map_or(Cow::Borrowed(value), |shadow| Cow::Owned(shadow.text))
}

/// The characters of a text that fold, in order, and what they fold to; `None` for nothing.
struct Folds<'a> {
    text: &'a str,
    at: usize,
    /// Up to here letters of other alphabets stay as they are.
    letters_stay: usize,
    /// Up to here letters were looked at word by word.
    letters_seen: usize,
    /// The word that was judged last.
    word: Word,
    /// Where the unseen characters end that were judged last, and whether they go.
    unseen: (usize, bool),
}

impl<'a> Folds<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, letters_stay: 0, letters_seen: 0, word: Word::default(), unseen: (0, false) }
    }

    /// The next character that may fold. In text of other alphabets hardly any letter is looked at: a stretch of them
    /// with no ASCII beside it has no word that looks Latin.
    fn next_candidate(&mut self) -> Option<usize> {
        let bytes = self.text.as_bytes();
        loop {
            if self.at < self.letters_stay {
                let rare = RARE_LEADS.next_in(bytes, self.at..self.letters_stay);
                if rare.is_some() {
                    return rare;
                }
                self.at = self.letters_stay;
            }
            let at = LEADS.next(bytes, self.at)?;
            if at < self.letters_seen || !matches!(bytes[at], 0xcd..=0xd6) {
                return Some(at);
            }
            let (end, alone) = word::stretch(bytes, at);
            self.letters_seen = end;
            if !alone {
                return Some(at);
            }
            (self.at, self.letters_stay) = (at, end);
        }
    }
}

impl Iterator for Folds<'_> {
    type Item = (Range<usize>, Option<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let at = self.next_candidate()?;
            let character = first(&self.text[at..])?;
            let span = at..at + character.len_utf8();
            self.at = span.end;
            let glyph = glyph(character);
            let seen = match glyph {
                Glyph::Plain => continue,
                Glyph::Digit(seen) | Glyph::Letter(seen) => Some(seen),
                Glyph::LookAlike(seen) => {
                    if at >= self.word.end {
                        self.word = Word::around(self.text, at);
                    }
                    if !self.word.looks_latin {
                        continue;
                    }
                    Some(seen)
                }
                Glyph::Unseen => {
                    if at >= self.unseen.0 {
                        self.unseen = unseen(self.text, at);
                    }
                    if !self.unseen.1 {
                        self.at = self.unseen.0;
                        continue;
                    }
                    None
                }
                Glyph::Sign(_) | Glyph::Hyphen | Glyph::Dash | Glyph::Space => {
                    let (before, after) = (side(before(self.text, at)), side(after(self.text, span.end)));
                    let Some(seen) = between(glyph, before, after) else { continue };
                    Some(seen)
                }
            };
            return Some((span, seen));
        }
    }
}

fn first(text: &str) -> Option<char> {
    text.chars().next()
}

/// The nearest seen character before `at`.
fn before(text: &str, at: usize) -> Option<char> {
    text[..at].chars().rev().take(UNSEEN_MAX + 1).find(|&character| glyph(character) != Glyph::Unseen)
}

/// The nearest seen character from `at` on.
fn after(text: &str, at: usize) -> Option<char> {
    text[at..].chars().take(UNSEEN_MAX + 1).find(|&character| glyph(character) != Glyph::Unseen)
}

/// Where the unseen characters from `at` on end, and whether they go. None stands right before `at`.
fn unseen(text: &str, at: usize) -> (usize, bool) {
    let rest = &text[at..];
    let end = rest.find(|character| glyph(character) != Glyph::Unseen).map_or(text.len(), |length| at + length);
    let ascii = |character: Option<char>| {
        character.is_none_or(|character| character.is_ascii() || glyph(character) != Glyph::Plain)
    };
    (end, ascii(text[..at].chars().next_back()) && ascii(first(&text[end..])))
}

/// What stands beside a sign.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Digit,
    Letter,
    /// `(`, `)` or `+`, of any width.
    Bracket,
    Other,
}

fn side(character: Option<char>) -> Side {
    let Some(character) = character else { return Side::Other };
    match glyph(character) {
        Glyph::Plain if character.is_ascii_digit() => Side::Digit,
        Glyph::Plain if character.is_ascii_alphabetic() => Side::Letter,
        Glyph::Digit(_) => Side::Digit,
        Glyph::Letter(_) | Glyph::LookAlike(_) => Side::Letter,
        Glyph::Sign(b'(' | b')' | b'+') => Side::Bracket,
        Glyph::Plain if matches!(character, '(' | ')' | '+') => Side::Bracket,
        _ => Side::Other,
    }
}

/// What a sign between these folds to.
fn between(glyph: Glyph, before: Side, after: Side) -> Option<u8> {
    let both = before != Side::Other && after != Side::Other;
    let digit = before == Side::Digit || after == Side::Digit;
    match glyph {
        Glyph::Sign(seen @ (b'(' | b')' | b'+')) => digit.then_some(seen),
        Glyph::Sign(seen) => both.then_some(seen),
        Glyph::Hyphen => both.then_some(b'-'),
        Glyph::Dash => (both && digit).then_some(b'-'),
        Glyph::Space => (both && digit).then_some(b' '),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
