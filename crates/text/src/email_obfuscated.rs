//! E-mail addresses spelled so that machines overlook them: `info [at] example [dot] org`, `info＠example.org`,
//! `info&#64;example.org`, `info at example dot org`.
//!
//! A sign in brackets may stand with a plain dot; the bare words `at` and `dot` only count together, because prose is full
//! of the first. The address must end in a known top-level domain, as a plain one must.

use std::ops::Range;

use crate::finding::Rule;
use crate::{Entity, Finding, Recognizer, boundary, tld};

const RULE: Rule = Rule::built_in("email-obfuscated");

const LOCAL_BYTES_MAX: usize = 64;
const LABEL_BYTES_MAX: usize = 63;
const LABELS_MAX: usize = 6;

/// How `@` is spelled, and whether a plain dot may follow.
const AT: &[(&[u8], bool)] = &[
    (b"[at]", true),
    (b"(at)", true),
    (b"{at}", true),
    (b"<at>", true),
    (b"[@]", true),
    (b"(@)", true),
    (b"_at_", true),
    (b"&#64;", true),
    (b"&#x40;", true),
    (b"&commat;", true),
    (b"%40", true),
    ("＠".as_bytes(), true),
    ("﹫".as_bytes(), true),
    (b"at", false),
];

const DOT: &[&[u8]] = &[
    b"[dot]",
    b"(dot)",
    b"{dot}",
    b"<dot>",
    b"[.]",
    b"(.)",
    b"_dot_",
    b"&#46;",
    b"&period;",
    "．".as_bytes(),
    "。".as_bytes(),
    b"dot",
    b".",
];

pub(crate) struct EmailObfuscated;

impl Recognizer for EmailObfuscated {
    fn entities(&self) -> &[Entity] {
        &[Entity::EmailObfuscated]
    }

    fn find(&self, text: &str, out: &mut Vec<Finding>) {
        let bytes = text.as_bytes();
        let mut floor = 0;
        for (anchor, at, plain_dot) in anchors(bytes) {
            if anchor < floor {
                continue;
            }
            if let Some(span) = address(bytes, anchor..anchor + at, plain_dot, floor) {
                floor = span.end;
                out.push(Finding { entity: Entity::EmailObfuscated, span, confidence: 0.85, rule: RULE });
            }
        }
    }
}

/// Every spelled `@`: its place, its length and whether a plain dot may follow.
fn anchors(bytes: &[u8]) -> impl Iterator<Item = (usize, usize, bool)> {
    (0..bytes.len()).filter_map(|start| {
        let begins = matches!(bytes[start], b'[' | b'(' | b'{' | b'<' | b'_' | b'&' | b'%' | b'a' | b'A' | 0xef);
        let spelled = |(spelling, _): &&(&[u8], bool)| starts_with(bytes, start, spelling);
        let (spelling, plain_dot) = begins.then(|| AT.iter().find(spelled)).flatten()?;
        let word = spelling.first().is_some_and(u8::is_ascii_alphabetic);
        // The bare word stands between blanks.
        let between = !word || blank(bytes, start.checked_sub(1)?) && blank(bytes, start + spelling.len());
        between.then_some((start, spelling.len(), *plain_dot))
    })
}

fn starts_with(bytes: &[u8], at: usize, spelling: &[u8]) -> bool {
    bytes.get(at..at + spelling.len()).is_some_and(|text| text.eq_ignore_ascii_case(spelling))
}

fn blank(bytes: &[u8], at: usize) -> bool {
    bytes.get(at) == Some(&b' ')
}

fn address(bytes: &[u8], at: Range<usize>, plain_dot: bool, floor: usize) -> Option<Range<usize>> {
    let local_end = at.start - usize::from(at.start > floor && blank(bytes, at.start - 1));
    let local = bytes[floor..local_end].iter().rev().take(LOCAL_BYTES_MAX + 1);
    let length = local.take_while(|byte| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte)).count();
    let start = local_end - length;
    if !(1..=LOCAL_BYTES_MAX).contains(&length) || bytes[start] == b'.' || bytes[local_end - 1] == b'.' {
        return None;
    }
    let mut label = label(bytes, at.end + usize::from(blank(bytes, at.end)))?;
    if !bytes[label.clone()].iter().any(u8::is_ascii_alphabetic) {
        return None;
    }
    let mut end = None;
    let mut spelled = plain_dot;
    for _ in 0..LABELS_MAX {
        let Some((next, by_word)) = behind_dot(bytes, label.end) else {
            break;
        };
        let Some(following) = self::label(bytes, next) else {
            break;
        };
        spelled |= by_word;
        if tld::is_known(&bytes[following.clone()]) && !boundary::word_after(bytes, following.end) {
            end = Some(following.end);
        }
        label = following;
    }
    end.filter(|_| spelled).map(|end| start..end)
}

fn label(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let rest = bytes.get(start..)?;
    let length = rest.iter().take(LABEL_BYTES_MAX + 1).take_while(|b| b.is_ascii_alphanumeric() || **b == b'-').count();
    (1..=LABEL_BYTES_MAX).contains(&length).then_some(start..start + length)
}

/// What stands behind a dot, and whether it was spelled.
fn behind_dot(bytes: &[u8], end: usize) -> Option<(usize, bool)> {
    let space = usize::from(blank(bytes, end));
    let spelling = DOT.iter().find(|spelling| starts_with(bytes, end + space, spelling))?;
    let mut next = end + space + spelling.len();
    let word = spelling[0].is_ascii_alphabetic();
    let plain = *spelling == b".";
    if plain && space > 0 || word && (space == 0 || !blank(bytes, next)) {
        return None;
    }
    next += usize::from(!plain && blank(bytes, next));
    Some((next, !plain))
}

#[cfg(test)]
mod tests;
