//! The machine-readable lines of passports, identity cards and visas (ICAO 9303).
//!
//! Anchor: `<<`, which separates the names. Two lines of 44 (passport, visa) or 36 characters, or three of 30; the check
//! digits of the number, the birth date and the expiry date must all hold, which one random text in a thousand does.

use std::ops::Range;

use crate::finding::Rule;
use crate::{Entity, Finding, Recognizer, checksum};

const RULE: Rule = Rule::built_in("passport-mrz");

/// Characters of the longest line.
const LINE_MAX: usize = 44;

pub(crate) struct PassportMrz;

impl Recognizer for PassportMrz {
    fn entities(&self) -> &[Entity] {
        &[Entity::PassportMrz]
    }

    fn find(&self, text: &str, out: &mut Vec<Finding>) {
        let bytes = text.as_bytes();
        let mut done = 0;
        while let Some(anchor) = memchr::memmem::find(&bytes[done..], b"<<").map(|at| done + at) {
            let line = line_around(bytes, anchor, done);
            done = line.end;
            if let Some(span) = document(bytes, &line) {
                done = span.end;
                out.push(Finding { entity: Entity::PassportMrz, span, confidence: 0.95, rule: RULE });
            }
        }
    }
}

const fn belongs(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'<'
}

fn line_around(bytes: &[u8], anchor: usize, floor: usize) -> Range<usize> {
    let before = bytes[floor..anchor].iter().rev().take_while(|&&byte| belongs(byte)).count();
    let after = bytes[anchor..].iter().take_while(|&&byte| belongs(byte)).count();
    anchor - before..anchor + after
}

/// The document of which `line` is the one with the names.
fn document(bytes: &[u8], line: &Range<usize>) -> Option<Range<usize>> {
    let kind = *bytes.get(line.start)?;
    match line.len() {
        LINE_MAX if matches!(kind, b'P' | b'V') => {
            let second = line_after(bytes, line.end, LINE_MAX)?;
            two_lines(&bytes[second.clone()], 28).then_some(line.start..second.end)
        }
        36 if matches!(kind, b'A' | b'C' | b'I' | b'P' | b'V') => {
            let second = line_after(bytes, line.end, 36)?;
            two_lines(&bytes[second.clone()], 28).then_some(line.start..second.end)
        }
        30 => {
            // The names stand on the last of three lines, and fillers on the first.
            let last = line_before(bytes, line.start, 30).and_then(|second| {
                let first = line_before(bytes, second.start, 30)?;
                three_lines(&bytes[first.clone()], &bytes[second]).then_some(first.start..line.end)
            });
            last.or_else(|| {
                let second = line_after(bytes, line.end, 30)?;
                let third = line_after(bytes, second.end, 30)?;
                three_lines(&bytes[line.clone()], &bytes[second]).then_some(line.start..third.end)
            })
        }
        _ => None,
    }
}

/// A line of `length` characters behind one line break (in source code, a written one) and a little indentation.
fn line_after(bytes: &[u8], at: usize, length: usize) -> Option<Range<usize>> {
    let rest = &bytes[at..bytes.len().min(at + 12)];
    let breaks = rest.strip_prefix(b"\\n").is_some() || matches!(rest, [b'\n', ..] | [b'\r', b'\n', ..]);
    let skip =
        if rest.starts_with(b"\\n") { 2 } else { rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count() };
    let start = at + skip;
    let line = bytes.get(start..start + length)?;
    let whole = !bytes.get(start + length).is_some_and(|&byte| belongs(byte));
    (breaks && whole && line.iter().all(|&byte| belongs(byte))).then_some(start..start + length)
}

fn line_before(bytes: &[u8], at: usize, length: usize) -> Option<Range<usize>> {
    let blanks = bytes[..at].iter().rev().take(12).take_while(|byte| byte.is_ascii_whitespace()).count();
    let skip = if bytes[..at].ends_with(b"\\n") { 2 } else { blanks };
    let end = at.checked_sub(skip).filter(|_| skip > 0)?;
    let start = end.checked_sub(length)?;
    let whole = !start.checked_sub(1).is_some_and(|before| belongs(bytes[before]));
    (whole && bytes[start..end].iter().all(|&byte| belongs(byte))).then_some(start..end)
}

/// Number, birth date and expiry date, each before its check digit, in the second line of a passport or visa.
fn two_lines(line: &[u8], expiry_check: usize) -> bool {
    let expiry = expiry_check - 7..expiry_check - 1;
    holds(&line[..9], line[9]) && holds(&line[13..19], line[19]) && holds(&line[expiry], line[expiry_check - 1])
}

fn three_lines(first: &[u8], second: &[u8]) -> bool {
    matches!(first[0], b'A' | b'C' | b'I')
        && (holds(&first[5..14], first[14]) || first[14] == b'<')
        && holds(&second[..6], second[6])
        && holds(&second[8..14], second[14])
}

/// Whether `check` is the 7-3-1 digit of `field`.
fn holds(field: &[u8], check: u8) -> bool {
    let dated = field.len() != 6 || field.iter().all(u8::is_ascii_digit);
    dated
        && u32::from(check)
            == u32::from(b'0')
                + checksum::weights_7_3_1(field.iter().map(|&byte| match byte {
                    b'0'..=b'9' => u32::from(byte - b'0'),
                    b'A'..=b'Z' => u32::from(byte - b'A') + 10,
                    _ => 0,
                }))
}

#[cfg(test)]
mod tests;
