//! Mail addresses and public IPv4 addresses exactly as `FineWeb`'s own tool finds them (datatrove 0.10, `PIIFormatter`),
//! for whoever wants a corpus that is treated alike. A fixture recorded with that tool says that the spans agree.
//!
//! Its rules are looser than ours in most and stricter in some: any labels make a domain, any punctuation a name, there
//! are no borders around an address of a machine, and no word decides anything. Mail is taken first; addresses are
//! searched in what lies between.

use std::net::Ipv4Addr;
use std::ops::Range;

use crate::finding::Rule;
use crate::{Entity, Finding, Recognizer};

const MAIL: Rule = Rule::built_in("fineweb:email");
const ADDRESS: Rule = Rule::built_in("fineweb:ipv4");

pub(crate) struct FineWeb;

impl Recognizer for FineWeb {
    fn entities(&self) -> &[Entity] {
        &[Entity::Email, Entity::Ipv4]
    }

    /// What its tool does not see is none of it.
    fn reads_shadows(&self) -> bool {
        false
    }

    /// Its tool goes over a text once: what a replacement uncovers stays, for a second run of either.
    fn find_within(&self, _: &str, _: &[Range<usize>], _: &mut Vec<Finding>) {}

    fn find(&self, text: &str, out: &mut Vec<Finding>) {
        let mut floor = 0;
        for at in memchr::memchr_iter(b'@', text.as_bytes()) {
            if let Some(span) = mail(text, at, floor) {
                addresses(text.as_bytes(), floor..span.start, out);
                floor = span.end;
                out.push(Finding { entity: Entity::Email, span, confidence: 0.9, rule: MAIL });
            }
        }
        addresses(text.as_bytes(), floor..text.len(), out);
    }
}

/// The address around the `@` at `at`, nothing of it before `floor`.
fn mail(text: &str, at: usize, floor: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let start = name_start(text, at, floor)?;
    let end = domain_end(bytes, at + 1).or_else(|| literal_end(bytes, at + 1))?;
    Some(start..end)
}

/// Where a name that ends at `at` begins: atoms with single dots between them, and a border of words before the first.
fn name_start(text: &str, at: usize, floor: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte);
    let mut start = None;
    let mut place = at;
    while place > floor {
        let (byte, next) = (bytes[place - 1], bytes[place]);
        if !(is_atom(byte) || byte == b'.' && next != b'.' && place < at) {
            break;
        }
        place -= 1;
        if is_atom(byte) && borders(text, place) {
            start = Some(place);
        }
    }
    start
}

/// Whether a word begins or ends at `at`; letters of all scripts make words.
fn borders(text: &str, at: usize) -> bool {
    let is_word = |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || c == '_');
    is_word(text[..at].chars().next_back()) != is_word(text[at..].chars().next())
}

/// Where a domain of two or more labels ends: the last label may be followed by hyphens, no other may.
fn domain_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut end = None;
    let mut at = start;
    for labels in 0.. {
        let run = bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
        let label = &bytes[at..at + run];
        if !label.first().is_some_and(u8::is_ascii_alphanumeric) {
            break;
        }
        let trimmed = run - label.iter().rev().take_while(|byte| **byte == b'-').count();
        if labels > 0 {
            end = Some(at + trimmed);
        }
        at += run;
        if trimmed < run || bytes.get(at) != Some(&b'.') {
            break;
        }
        at += 1;
    }
    end
}

/// Where `[93.184.216.34]` ends. Behind three numbers a name and a colon may stand too.
fn literal_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    (*bytes.get(at)? == b'[').then_some(())?;
    at += 1;
    for _ in 0..3 {
        at = octet_end(bytes, at).filter(|&end| bytes.get(end) == Some(&b'.'))? + 1;
    }
    let octet = octet_end(bytes, at).filter(|&end| bytes.get(end) == Some(&b']'));
    let named = || {
        let run = bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
        let end = at + run;
        (run > 0 && bytes[end - 1] != b'-' && bytes[end..].starts_with(b":]")).then_some(end + 1)
    };
    octet.or_else(named).map(|end| end + 1)
}

/// Where the one to three digits at `start`, a number up to 255, end; all digits that stand there.
fn octet_end(bytes: &[u8], start: usize) -> Option<usize> {
    let length = bytes.get(start..)?.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    ((1..=3).contains(&length) && value(&bytes[start..start + length]) < 256).then_some(start + length)
}

fn value(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |value, digit| 10 * value + u32::from(digit - b'0'))
}

/// Appends the public addresses in `within`: four numbers with dots, wherever they stand.
fn addresses(bytes: &[u8], within: Range<usize>, out: &mut Vec<Finding>) {
    let bytes = &bytes[..within.end];
    let mut at = within.start;
    while let Some(start) = crate::digits::next_digit(bytes, at) {
        let Some(end) = quad_end(bytes, start) else {
            at = start + 1;
            continue;
        };
        if is_public(&bytes[start..end]) {
            out.push(Finding { entity: Entity::Ipv4, span: start..end, confidence: 0.9, rule: ADDRESS });
        }
        at = end;
    }
}

/// The last number ends where it would grow past 255, wherever its digits end.
fn quad_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    for _ in 0..3 {
        at = octet_end(bytes, at).filter(|&end| bytes.get(end) == Some(&b'.'))? + 1;
    }
    let length = bytes[at..].iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    let length = if length == 3 && value(&bytes[at..at + 3]) > 255 { 2 } else { length };
    (length > 0).then_some(at + length)
}

/// Whether an address is written without leading zeros and is global by the registries of IANA, as Python's
/// `ipaddress` reads them: not private, not shared, not for documentation; multicast is global.
fn is_public(written: &[u8]) -> bool {
    let Some(address) = std::str::from_utf8(written).ok().and_then(|written| written.parse::<Ipv4Addr>().ok()) else {
        return false;
    };
    !matches!(
        address.octets(),
        [0 | 10 | 127 | 240..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 2, _]
            | [192, 0, 0, 0..=7 | 170 | 171]
            | [192, 168, ..]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

#[cfg(test)]
mod tests {
    use crate::{Preset, scan};

    const RECORDED: &str = include_str!("../tests/fixtures/fineweb.json");

    /// Start and end in code points, and a label.
    type Span = (usize, usize, String);

    #[derive(serde::Deserialize)]
    struct Recorded {
        cases: Vec<(String, Vec<Span>)>,
    }

    #[test]
    fn spans_are_those_of_the_tool_of_its_name() {
        let recorded: Recorded = serde_json::from_str(RECORDED).unwrap();
        let recognizers = Preset::of("fineweb").unwrap().recognizers();
        let mut wrong = Vec::new();
        for (text, expected) in &recorded.cases {
            let characters = |byte: usize| text[..byte].chars().count();
            let found = scan(&recognizers, text).into_iter();
            let found = found.map(|finding| {
                (characters(finding.span.start), characters(finding.span.end), finding.entity.to_string())
            });
            let found: Vec<_> = found.collect();
            if found != *expected {
                wrong.push(format!("{text:?}\n  {expected:?} recorded\n  {found:?} found\n"));
            }
        }
        assert!(recorded.cases.len() > 1000 && wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.concat());
    }
}
