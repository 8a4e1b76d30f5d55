//! IPv4 addresses.
//!
//! Policy: an address is a finding when it can name one machine. Private ranges (10/8, 172.16/12, 192.168/16) are
//! findings, because in internal text they do; so are the documentation ranges, because generated data uses them.
//! Loopback (127/8), "this network" (0/8), multicast (224/4) and reserved addresses with the broadcast address and
//! netmasks (240/4) name nobody and are left alone.
//!
//! Four numbers with dots are more often a version than an address. An address may not be tied to a letter, a digit or
//! another dotted part, may not follow a word such as `version` or a package operator, and four single digits
//! (`1.2.3.4`) need a word such as `host` beside them.

use std::ops::Range;

use crate::context::Words;
use crate::finding::Rule;
use crate::numbers::Look;
use crate::{boundary, context};

pub(crate) const RULE: Rule = Rule::built_in("ipv4");

/// Longest written form: `255.255.255.255`.
const BYTES_MAX: usize = 15;

#[rustfmt::skip]
static VERSION_WORDS: Words = Words::new(&[
    "v", "version", "versions", "ver", "vers", "release", "releases", "rel", "rev", "revision", "build",
    "firmware", "driver", "sdk", "§", "§§", "section", "sections", "sec", "chapter", "clause", "article", "paragraph",
    "figure", "fig", "table", "appendix", "step", "oid", "upgrade", "upgraded to", "version to",
]);

#[rustfmt::skip]
static ADDRESS_WORDS: Words = Words::new(&[
    "ip", "ips", "ipv4", "addr", "address", "addresses", "host", "hosts", "server", "servers", "dns", "ping",
    "ssh", "gateway", "router", "nameserver", "client", "peer", "proxy", "subnet", "traceroute", "resolver",
    "remote",
]);

/// The address that begins with the digits `run`.
pub(crate) fn at(bytes: &[u8], run: Range<usize>) -> Look {
    if run.len() > 3 || bytes.get(run.end) != Some(&b'.') || !free_before(bytes, run.start) {
        return Look::NOTHING;
    }
    let Some((octets, end)) = octets(bytes, run.start) else { return Look::NOTHING };
    let confidence = confidence(bytes, octets, run.start, end);
    Look { resume: end, hit: confidence.map(|confidence| (run.start..end, confidence)) }
}

fn free_before(bytes: &[u8], start: usize) -> bool {
    if boundary::word_before(bytes, start) {
        return false;
    }
    match start.checked_sub(1).map(|previous| bytes[previous]) {
        // `Safari/5.34.57.2` is a product and its version; `//10.0.0.1` is an address.
        Some(b'/') => !boundary::word_before(bytes, start - 1),
        // `name-1.2.3.4.tgz` is a file; in `10.0.0.1-10.0.0.9` a digit stands before the hyphen.
        Some(b'-') => !boundary::word_before(bytes, start - 1) || bytes[start - 2].is_ascii_digit(),
        // `==1.2.3.4`, `>=1.2.3.4`, `~>1.2.3.4`, `^1.2.3.4` pin a package; `host=>10.0.0.1` does not.
        Some(b'=') => start < 2 || !b"=<>~!".contains(&bytes[start - 2]),
        Some(b'>') => start < 2 || bytes[start - 2] != b'~',
        Some(b'.' | b'^' | b'~') => false,
        _ => true,
    }
}

/// Four numbers 0–255 without leading zeros, and the byte after them.
fn octets(bytes: &[u8], start: usize) -> Option<([u8; 4], usize)> {
    let window = &bytes[start..bytes.len().min(start + BYTES_MAX + 1)];
    let length = window.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let mut octets = [0_u8; 4];
    let mut parts = window[..length].split(|&byte| byte == b'.');
    let mut end = start;
    for (index, octet) in octets.iter_mut().enumerate() {
        let part = parts.next()?;
        if part.is_empty() || part.len() > 3 || (part.len() > 1 && part[0] == b'0') {
            return None;
        }
        let value = part.iter().fold(0_u32, |value, &digit| 10 * value + u32::from(digit - b'0'));
        *octet = u8::try_from(value).ok()?;
        end += part.len() + usize::from(index > 0);
    }
    let free = match bytes.get(end) {
        Some(b'.') => !boundary::word_after(bytes, end + 1),
        // `1.2.3.4-beta` and `1.2.3.4+build` are versions, `10.0.0.1-10.0.0.9` is a range.
        Some(b'-' | b'+') => bytes.get(end + 1).is_none_or(|next| !next.is_ascii_alphabetic()),
        _ => !boundary::word_after(bytes, end),
    };
    free.then_some((octets, end))
}

fn confidence(bytes: &[u8], octets: [u8; 4], start: usize, end: usize) -> Option<f32> {
    if matches!(octets[0], 0 | 127 | 224..) || context::announced(bytes, start, &VERSION_WORDS) {
        return None;
    }
    let named = || context::mentioned(bytes, &(start..end), 40, 16, &ADDRESS_WORDS);
    if octets.iter().all(|&octet| octet < 10) {
        return named().then_some(0.7);
    }
    Some(if named() { 0.95 } else { 0.85 })
}

#[cfg(test)]
mod tests;
