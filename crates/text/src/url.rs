//! URLs with a scheme. A bare `name.tld` is never one: source code is full of them.

use crate::finding::Rule;
use crate::{Entity, Finding, Recognizer, boundary};

const RULE: Rule = Rule::built_in("url");

const SCHEME_BYTES_MAX: usize = 16;
const BYTES_MAX: usize = 2048;

pub(crate) struct Url;

impl Recognizer for Url {
    fn entities(&self) -> &[Entity] {
        &[Entity::Url]
    }

    fn find(&self, text: &str, out: &mut Vec<Finding>) {
        let bytes = text.as_bytes();
        let mut done = 0;
        while let Some(anchor) = memchr::memmem::find(&bytes[done..], b"://").map(|at| done + at) {
            let before = bytes[done..anchor].iter().rev().take(SCHEME_BYTES_MAX + 1);
            let scheme = before.take_while(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(byte)).count();
            let (start, host) = (anchor - scheme, anchor + 3);
            let end = end(bytes, host);
            if (2..=SCHEME_BYTES_MAX).contains(&scheme) && bytes[start].is_ascii_alphabetic() && end > host {
                out.push(Finding { entity: Entity::Url, span: start..end, confidence: 0.9, rule: RULE });
                done = end;
            } else {
                done = host;
            }
        }
    }
}

/// Where a URL whose host begins at `host` ends: at a blank, a quotation mark or a bracket, without the punctuation of
/// the sentence around it.
fn end(bytes: &[u8], host: usize) -> usize {
    let window = &bytes[host..bytes.len().min(host + BYTES_MAX)];
    let stops = |byte: u8| byte <= b' ' || byte >= 0x7f || b"<>\"'`{}|\\^[]".contains(&byte);
    let mut length = window.iter().position(|&byte| stops(byte)).unwrap_or(window.len());
    let opened = window[..length].contains(&b'(');
    while length > 0 && (b".,;:!?*_".contains(&window[length - 1]) || window[length - 1] == b')' && !opened) {
        length -= 1;
    }
    if window.first().is_some_and(|&byte| boundary::is_word(byte)) { host + length } else { host }
}

#[cfg(test)]
mod tests;
