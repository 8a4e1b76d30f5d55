//! E-mail addresses.
//!
//! Anchor: every `@`. The local part is read to the left, the domain to the right, both to the lengths of RFC 5321, and
//! the domain is cut back to its longest prefix that ends in a known top-level domain; that table is what tells an
//! address from `icon@2x.png` and `pkg@1.2.3`. Latin letters with accents may stand on both sides; other scripts end
//! the address, because Chinese and Japanese text is written without a space before it.
//!
//! Policy: the example names of RFC 2606 (`example.com`, `.test`, `.invalid`) are findings like any other, because
//! generated data uses them for people. `git@github.com:owner/name` is an account of a service and not a finding. In
//! `scheme://user:pass@host` the part before the `@` is a password and belongs to `URL_CREDENTIALS`.

use crate::finding::Rule;
use crate::{Entity, Finding, Recognizer, boundary, tld, url_credentials};

const RULE: Rule = Rule::built_in("email");

const LOCAL_BYTES_MAX: usize = 64;
const DOMAIN_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// How far back a `://` is looked for when a password could end here.
const USERINFO_BYTES_MAX: usize = 256;

pub(crate) struct Email;

impl Recognizer for Email {
    fn entities(&self) -> &[Entity] {
        &[Entity::Email]
    }

    fn find(&self, text: &str, out: &mut Vec<Finding>) {
        let bytes = text.as_bytes();
        for at in memchr::memchr_iter(b'@', bytes) {
            let Some(start) = local_start(bytes, at) else {
                continue;
            };
            let Some(end) = domain_end(bytes, at + 1) else {
                continue;
            };
            if is_service_account(bytes, start, at, end) || is_password(bytes, at) {
                continue;
            }
            out.push(Finding { entity: Entity::Email, span: start..end, confidence: 0.95, rule: RULE });
        }
    }
}

/// Where the local part that ends at `at` starts.
fn local_start(bytes: &[u8], at: usize) -> Option<usize> {
    let floor = at.saturating_sub(LOCAL_BYTES_MAX + 1);
    let mut start = at;
    while start > floor && is_local(bytes, start - 1) {
        start -= 1;
    }
    if at - start > LOCAL_BYTES_MAX {
        return None;
    }
    // The letter of a written escape, as in `"\njo@example.org"`, is not part of the name.
    if start > 0 && bytes[start - 1] == b'\\' && matches!(bytes.get(start), Some(b'n' | b'r' | b't')) {
        start += 1;
    }
    // Neither a quotation mark nor a bullet can begin it.
    while start < at && b".'-+%".contains(&bytes[start]) {
        start += 1;
    }
    (start < at && bytes[at - 1] != b'.').then_some(start)
}

fn is_local(bytes: &[u8], at: usize) -> bool {
    bytes[at].is_ascii_alphanumeric() || b"._%+-'&".contains(&bytes[at]) || is_latin(bytes, at)
}

/// Whether byte `at` belongs to one of the Latin letters U+00C0 to U+024F, which take two bytes.
fn is_latin(bytes: &[u8], at: usize) -> bool {
    let leads = |at: usize| bytes.get(at).is_some_and(|byte| (0xc3..=0xc9).contains(byte));
    leads(at) || (is_continuation(bytes[at]) && at > 0 && leads(at - 1))
}

const fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// Where the domain that starts at `start` ends: the longest prefix that ends in a known top-level domain.
fn domain_end(bytes: &[u8], start: usize) -> Option<usize> {
    let window = &bytes[start..bytes.len().min(start + DOMAIN_BYTES_MAX)];
    let is_domain = |at: usize| {
        let byte = bytes[at];
        byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.' || is_latin(bytes, at)
    };
    let length = (0..window.len()).take_while(|offset| is_domain(start + offset)).count();
    let mut end = None;
    let mut at = start;
    for (index, label) in window[..length].split(|&byte| byte == b'.').enumerate() {
        if label.first().is_none_or(|&first| first == b'-') || label.len() > LABEL_BYTES_MAX {
            break;
        }
        at += usize::from(index > 0);
        // No top-level domain but a punycode one holds a hyphen: in `example.org--` the address ends before it.
        let is_punycode = label.len() > 3 && label[..4].eq_ignore_ascii_case(b"xn--");
        let hyphen = memchr::memchr(b'-', label).filter(|_| !is_punycode);
        let name = &label[..hyphen.unwrap_or(label.len())];
        let next = bytes.get(at + name.len());
        if index > 0 && next != Some(&b'_') && tld::is_known(name) {
            end = Some(at + name.len());
        }
        if label.ends_with(b"-") {
            break;
        }
        at += label.len();
    }
    let end = end?;
    let domain = &bytes[start..end];
    let numbers_only = domain.iter().filter(|byte| byte.is_ascii_alphabetic()).count() < 2;
    // `checkout@v4.io/3`: a version, and a path that goes on with a number.
    let versioned = domain.strip_prefix(b"v").unwrap_or(domain).first().is_some_and(u8::is_ascii_digit);
    let version = versioned && boundary::tied_after(bytes, end, b"/");
    (!numbers_only && !version).then_some(end)
}

/// `git@github.com:owner/name`, `ssh://git@host/…`: one account that everyone shares.
fn is_service_account(bytes: &[u8], start: usize, at: usize, end: usize) -> bool {
    matches!(&bytes[start..at], b"git" | b"hg" | b"svn")
        && (matches!(bytes.get(end), Some(b':' | b'/')) || bytes[..start].ends_with(b"://"))
}

/// Whether the `@` at `end` is the one of `scheme://user:pass@host`.
fn is_password(bytes: &[u8], end: usize) -> bool {
    let floor = end.saturating_sub(USERINFO_BYTES_MAX);
    let mut colon = false;
    let mut at = end;
    while at > floor && !url_credentials::ends_authority(bytes[at - 1]) {
        at -= 1;
        colon |= bytes[at] == b':';
    }
    colon && bytes[..at].ends_with(b"://")
}

#[cfg(test)]
mod tests;
