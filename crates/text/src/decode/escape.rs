//! Escapes of one character or a few: where they stand and what they say.

use std::ops::Range;

use super::{Encoding, Encodings};

/// Names of characters that matter in addresses and numbers, or that stand for markup.
#[rustfmt::skip]
const NAMES: &[(&str, char)] = &[
    ("amp;", '&'), ("lt;", '<'), ("gt;", '>'), ("quot;", '"'), ("apos;", '\''), ("nbsp;", '\u{a0}'), ("commat;", '@'),
    ("period;", '.'), ("colon;", ':'), ("sol;", '/'), ("lowbar;", '_'), ("plus;", '+'), ("hyphen;", '‐'), ("dash;", '‐'),
    ("lpar;", '('), ("rpar;", ')'), ("num;", '#'), ("shy;", '\u{ad}'), ("ndash;", '–'),
];

/// A run of escapes that is read as a whole.
pub(super) struct Escape {
    pub(super) span: Range<usize>,
    pub(super) encoding: Encoding,
    /// Each character with the bytes that it is written with.
    read: Vec<(usize, Option<char>)>,
}

impl Escape {
    /// Where each character is written, and the character; `None` for a line break that is none.
    pub(super) fn parts(&self) -> impl Iterator<Item = (Range<usize>, Option<char>)> {
        let mut at = self.span.start;
        self.read.iter().map(move |&(width, character)| {
            at += width;
            (at - width..at, character)
        })
    }
}

/// All escapes of a text, in order.
pub(super) fn escapes(text: &str, encodings: Encodings) -> Vec<Escape> {
    let bytes = text.as_bytes();
    let mut escapes: Vec<Escape> = Vec::new();
    let mut at = 0;
    while let Some(place) = bytes[at..].iter().position(|byte| matches!(byte, b'%' | b'&' | b'\\' | b'=')) {
        let start = at + place;
        let (encoding, read) = match bytes[start] {
            b'%' => (Encoding::Percent, octets(bytes, start)),
            b'&' => (Encoding::Html, named(text, start).into_iter().collect()),
            b'\\' => (Encoding::Json, json(text, start).into_iter().collect()),
            _ => (Encoding::QuotedPrintable, soft_break(bytes, start).unwrap_or_else(|| octets(bytes, start))),
        };
        let width: usize = read.iter().map(|(width, _)| width).sum();
        at = start + width.max(1);
        if width > 0 && encodings.holds(encoding) {
            escapes.push(Escape { span: start..at, encoding, read });
        }
    }
    escapes
}

/// Bytes as `%C3%A9` or `=C3=A9`: as many as make characters.
fn octets(bytes: &[u8], start: usize) -> Vec<(usize, Option<char>)> {
    let sign = bytes[start];
    let mut written = [0; 4];
    let mut count = 0;
    while count < written.len() && bytes.get(start + 3 * count) == Some(&sign) {
        let Some(byte) = hex(bytes.get(start + 3 * count + 1..start + 3 * count + 3)) else { break };
        written[count] = byte;
        count += 1;
        if let Ok(text) = std::str::from_utf8(&written[..count]) {
            let character = text.chars().next().filter(|character| sign == b'%' || *character != '\0');
            return character.map(|character| (3 * count, Some(character))).into_iter().collect();
        }
    }
    Vec::new()
}

fn hex(digits: Option<&[u8]>) -> Option<u8> {
    let digits = std::str::from_utf8(digits?).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u8::from_str_radix(digits, 16).ok()
}

/// A line that goes on: `=` before its break.
fn soft_break(bytes: &[u8], start: usize) -> Option<Vec<(usize, Option<char>)>> {
    match &bytes[start + 1..] {
        [b'\n', ..] => Some(vec![(2, None)]),
        [b'\r', b'\n', ..] => Some(vec![(3, None)]),
        _ => None,
    }
}

/// `&#64;`, `&#x40;`, `&commat;`
fn named(text: &str, start: usize) -> Option<(usize, Option<char>)> {
    let rest = &text.as_bytes()[start + 1..];
    if let Some((name, character)) = NAMES.iter().find(|(name, _)| rest.starts_with(name.as_bytes())) {
        return Some((1 + name.len(), Some(*character)));
    }
    let digits = rest.strip_prefix(b"#")?;
    let (digits, radix, mark) = match digits {
        [b'x' | b'X', digits @ ..] => (digits, 16, 3),
        _ => (digits, 10, 2),
    };
    let length = digits.iter().take(8).take_while(|byte| char::from(**byte).is_digit(radix)).count();
    let code = u32::from_str_radix(std::str::from_utf8(&digits[..length]).ok()?, radix).ok()?;
    let character = char::from_u32(code).filter(|_| digits.get(length) == Some(&b';'))?;
    Some((mark + length + 1, Some(character)))
}

/// `\u0040`, a pair of surrogates, `\n`, `\/`
fn json(text: &str, start: usize) -> Option<(usize, Option<char>)> {
    let bytes = text.as_bytes();
    let character = match bytes.get(start + 1)? {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'b' | b'f' => ' ',
        byte @ (b'/' | b'"' | b'\\') => char::from(*byte),
        b'u' => {
            let high = unit(bytes, start)?;
            if let Some(character) = char::from_u32(high) {
                return Some((6, Some(character)));
            }
            let low = unit(bytes, start + 6)?;
            let character = char::decode_utf16([high as u16, low as u16]).next()?.ok()?;
            return Some((12, Some(character)));
        }
        _ => return None,
    };
    Some((2, Some(character)))
}

/// The number in `\u0040` at `start`.
fn unit(bytes: &[u8], start: usize) -> Option<u32> {
    let digits = bytes.get(start..start + 6)?.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok()
}
