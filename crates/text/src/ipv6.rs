//! IPv6 addresses.
//!
//! The standard library parses; this file decides what is worth parsing and which results name a machine. Colons with
//! hexadecimal letters are common: `a::b` in C++, `12:30:45`, hardware addresses, key fingerprints. A shortened address
//! (`::`) therefore counts only inside the ranges that are in use: global unicast `2000::/3`, unique local `fc00::/7`, link
//! local `fe80::/10`, the IPv4-mapped prefix and the NAT64 prefix. A full address of eight groups counts anywhere, unless every group
//! is two digits wide (a hardware address). `::`, `::1` and multicast name nobody and are left alone; documentation
//! addresses (`2001:db8::/32`) are findings, because generated data uses them.

use std::net::Ipv6Addr;

use crate::finding::Rule;
use crate::{Entity, Finding, Recognizer, boundary};

const RULE: Rule = Rule::built_in("ipv6");

/// Longest written form: eight groups of four, or six and a dotted quad.
const BYTES_MAX: usize = 45;

/// `fe80::`
const BYTES_MIN: usize = 6;

pub(crate) struct Ipv6;

impl Recognizer for Ipv6 {
    fn entities(&self) -> &[Entity] {
        &[Entity::Ipv6]
    }

    fn find(&self, text: &str, out: &mut Vec<Finding>) {
        let bytes = text.as_bytes();
        let mut done = 0;
        while let Some(colon) = memchr::memchr(b':', &bytes[done..]).map(|at| done + at) {
            let reach = colon.saturating_sub(5).max(done);
            let start = colon - bytes[reach..colon].iter().rev().take_while(|byte| byte.is_ascii_hexdigit()).count();
            let run = bytes[start..].iter().take_while(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
            let end = start + run.count();
            if let Some(end) = address(text, start, end) {
                out.push(Finding { entity: Entity::Ipv6, span: start..end, confidence: 0.9, rule: RULE });
            }
            done = end;
        }
    }
}

/// Where the address that starts at `start` ends, if there is one within the run up to `end`.
fn address(text: &str, start: usize, mut end: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if end - start < BYTES_MIN {
        return None;
    }
    if bytes[end - 1] == b'.' || (bytes[end - 1] == b':' && bytes[end - 2] != b':') {
        end -= 1;
    }
    if !(BYTES_MIN..=BYTES_MAX).contains(&(end - start))
        || boundary::word_before(bytes, start)
        || boundary::word_after(bytes, end)
    {
        return None;
    }
    let written = text.get(start..end)?;
    let address: Ipv6Addr = written.parse().ok()?;
    names_a_machine(written, address).then_some(end)
}

fn names_a_machine(written: &str, address: Ipv6Addr) -> bool {
    let first = address.segments()[0];
    if address.is_multicast() || address.is_loopback() || address.is_unspecified() {
        return false;
    }
    if written.contains("::") {
        let mapped = address.to_ipv4_mapped().is_some_and(|v4| !v4.is_loopback() && !v4.is_unspecified());
        return mapped
            || matches!(first, 0x2000..=0x3fff | 0xfc00..=0xfdff | 0xfe80..=0xfebf)
            || address.segments()[..2] == [0x64, 0xff9b];
    }
    !written.split(':').all(|group| group.len() == 2)
}

#[cfg(test)]
mod tests;
