//! Hardware addresses and UUIDs: groups of hexadecimal digits.

use std::ops::Range;

use super::Probe;
use crate::context::Words;
use crate::{Entity, boundary, context};

pub(super) const PROBES: &[Probe] = &[
    Probe {
        entity: Entity::MacAddress,
        name: "mac-address",
        lengths: 2..=2,
        plain: |number| matches!(number.before(), b':' | b'-') || matches!(number.behind(), b':' | b'-'),
        find: pairs,
    },
    Probe {
        entity: Entity::MacAddress,
        name: "mac-address-dotted",
        lengths: 4..=4,
        plain: |number| number.behind() == b'.' && number.bytes.get(number.end + 5) == Some(&b'.'),
        find: quads,
    },
    Probe { entity: Entity::Uuid, name: "uuid", lengths: 8..=8, plain: |number| number.behind() == b'-', find: uuid },
];

static WORDS: Words = Words::new(&[
    "mac",
    "ether",
    "hwaddr",
    "lladdr",
    "ethernet",
    "hardware address",
    "bssid",
    "wlan",
    "wifi",
    "physical address",
]);

/// `00:1b:44:11:3a:b7`, `00-1B-44-11-3A-B7`. The word looked at may be any of the six.
fn pairs(bytes: &[u8], token: Range<usize>, floor: usize) -> Option<(Range<usize>, f32)> {
    let is_joiner = |at: usize| matches!(bytes.get(at), Some(b':' | b'-'));
    let joined_before = token.start > floor && is_joiner(token.start - 1);
    if !joined_before && !is_joiner(token.end) {
        return None;
    }
    let is_pair = |at: usize| bytes.get(at..at + 2).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit));
    let mut start = token.start;
    while start >= floor + 3 && is_joiner(start - 1) && is_pair(start - 3) && token.start - start < 18 {
        start -= 3;
    }
    let joiner = *bytes.get(start + 2)?;
    let end = start + 17;
    let shape =
        (0..6).all(|pair| is_pair(start + 3 * pair) && (pair == 5 || bytes.get(start + 3 * pair + 2) == Some(&joiner)));
    if !shape || !matches!(joiner, b':' | b'-') {
        return None;
    }
    let longer = bytes.get(end) == Some(&joiner) && bytes.get(end + 1).is_some_and(u8::is_ascii_hexdigit)
        || start > 0 && matches!(bytes[start - 1], b':' | b'-' | b'.');
    card(bytes, start..end, longer)
}

/// `001b.4411.3ab7`
fn quads(bytes: &[u8], token: Range<usize>, _floor: usize) -> Option<(Range<usize>, f32)> {
    let end = token.start + 14;
    let written = bytes.get(token.start..end)?;
    let shape =
        written.iter().enumerate().all(|(at, byte)| if at % 5 == 4 { *byte == b'.' } else { byte.is_ascii_hexdigit() });
    // Three numbers with dots are more often a number.
    let letters = written.iter().any(u8::is_ascii_alphabetic);
    let longer = boundary::tied_before(bytes, token.start, b".")
        || bytes.get(end) == Some(&b'.') && boundary::word_after(bytes, end + 1);
    if !shape || !letters {
        return None;
    }
    card(bytes, token.start..end, longer)
}

/// Refuses what names no single card: all zeros or ones, groups of cards, repeated bytes.
fn card(bytes: &[u8], span: Range<usize>, longer: bool) -> Option<(Range<usize>, f32)> {
    if longer || boundary::word_before(bytes, span.start) || boundary::word_after(bytes, span.end) {
        return None;
    }
    let digits = || bytes[span.clone()].iter().filter(|byte| byte.is_ascii_hexdigit()).map(u8::to_ascii_lowercase);
    let first: Vec<u8> = digits().take(2).collect();
    let is_group = first.get(1).and_then(|&digit| char::from(digit).to_digit(16)).is_none_or(|digit| digit % 2 == 1);
    let same = digits().all(|digit| digit == first[0]);
    if is_group || same {
        return None;
    }
    let named = context::mentioned(bytes, &span, 48, 16, &WORDS);
    Some((span, if named { 0.95 } else { 0.85 }))
}

/// 8-4-4-4-12, with a version and a variant that RFC 9562 names.
fn uuid(bytes: &[u8], token: Range<usize>, _floor: usize) -> Option<(Range<usize>, f32)> {
    let end = token.start + 36;
    let written = bytes.get(token.start..end)?;
    let shape = written.iter().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    let named =
        matches!(written[14], b'1'..=b'8') && matches!(written[19].to_ascii_lowercase(), b'8' | b'9' | b'a' | b'b');
    let free = !boundary::word_before(bytes, token.start) && !boundary::word_after(bytes, end);
    (shape && named && free).then_some((token.start..end, 0.9))
}
