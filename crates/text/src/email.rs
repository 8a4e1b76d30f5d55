//! E-mail addresses.
//!
//! Anchor: every `@`. The local part is read to the left, the domain to the right, both to the lengths of RFC 5321, and
//! the domain is cut back to its longest prefix that ends in a known top-level domain; that table is what tells an
//! address from `icon@2x.png` and `pkg@1.2.3`. Latin letters with accents may stand on both sides; other scripts end
//! the address, because Chinese and Japanese text is written without a space before it.
//!
//! Policy: the example names of RFC 2606 (`example.com`, `.test`, `.invalid`) are findings like any other, because
//! generated data uses them for people. `git@github.com:owner/name` is an account of a service and not a finding. In
//! `scheme://user:pass@host` the part before the `@` is a password and belongs to URL_CREDENTIALS.

use crate::finding::Rule;
use crate::{Entity, Finding, Recognizer, placeholder, tld};

const RULE: Rule = Rule::built_in("email");

const LOCAL_BYTES_MAX: usize = 64;
const DOMAIN_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// How far back a `://` is looked for when a password could end here.
const USERINFO_BYTES_MAX: usize = 256;

pub(crate) struct Email;

impl Recognizer for Email {
    fn entity(&self) -> Entity {
        Entity::Email
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
            if is_service_account(bytes, start, at, end) || is_password(bytes, start) {
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
    // Neither a quotation mark, a bullet nor the middle of a character can begin it.
    while start < at && (b".'-+%".contains(&bytes[start]) || is_continuation(bytes[start])) {
        start += 1;
    }
    (start < at && bytes[at - 1] != b'.' && !placeholder::ends_at(bytes, start)).then_some(start)
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
        if label.is_empty() || label.len() > LABEL_BYTES_MAX || label[0] == b'-' || label[label.len() - 1] == b'-' {
            break;
        }
        at += label.len() + usize::from(index > 0);
        // A label that goes on in another script, or in `_`, is not the one in the table.
        let whole = bytes.get(at).is_none_or(|&next| next == b'.' || (next != b'_' && !is_domain(at)));
        if index > 0 && whole && tld::is_known(label) {
            end = Some(at);
        }
    }
    let end = end?;
    let numbers_only = window[..end - start].iter().filter(|byte| byte.is_ascii_alphabetic()).count() < 2;
    // `checkout@v4.io/3`: a version or a path that continues with a number.
    let version = bytes.get(end) == Some(&b'/') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
    (!numbers_only && !version).then_some(end)
}

/// `git@github.com:owner/name`, `ssh://git@host/…`: one account that everyone shares.
fn is_service_account(bytes: &[u8], start: usize, at: usize, end: usize) -> bool {
    matches!(&bytes[start..at], b"git" | b"hg" | b"svn")
        && (matches!(bytes.get(end), Some(b':' | b'/')) || bytes[..start].ends_with(b"://"))
}

/// Whether the local part is the password of `scheme://user:pass@host`.
fn is_password(bytes: &[u8], start: usize) -> bool {
    if start == 0 || bytes[start - 1].is_ascii_whitespace() {
        return false;
    }
    let floor = start.saturating_sub(USERINFO_BYTES_MAX);
    let stop = |byte: &u8| byte.is_ascii_whitespace() || b"/?#\"'<>".contains(byte);
    let Some(slash) = bytes[floor..start].iter().rposition(stop).map(|at| floor + at) else {
        return false;
    };
    bytes[..=slash].ends_with(b"://") && bytes[slash + 1..start].contains(&b':')
}

#[cfg(test)]
mod tests;
