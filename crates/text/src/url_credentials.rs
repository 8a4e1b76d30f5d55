//! Credentials inside a URL: `scheme://user:password@host`.
//!
//! Anchor: `://`. The span is the whole `user:password`, because the user name is often a person or an account and is
//! worth nothing to a model, while the scheme and the host stay readable. An empty user (`redis://:password@host`)
//! counts; an empty or templated password (`${PASS}`, `{password}`, `***`, `<password>`) and the documentation's
//! favourites (`user:pass@`) do not. A password may contain `@`: the last one before the host decides.

use crate::finding::Rule;
use crate::stand_in::is_stand_in;
use crate::{Entity, Finding, Recognizer, boundary};

const RULE: Rule = Rule::built_in("url-credentials");

const BYTES_MAX: usize = 512;

pub(crate) struct UrlCredentials;

impl Recognizer for UrlCredentials {
    fn entities(&self) -> &[Entity] {
        &[Entity::UrlCredentials]
    }

    fn find(&self, text: &str, out: &mut Vec<Finding>) {
        let bytes = text.as_bytes();
        for anchor in memchr::memmem::find_iter(bytes, b"://") {
            let start = anchor + 3;
            if let Some(end) = userinfo_end(bytes, start)
                && anchor > 0
                && bytes[anchor - 1].is_ascii_alphanumeric()
            {
                out.push(Finding { entity: Entity::UrlCredentials, span: start..end, confidence: 0.95, rule: RULE });
            }
        }
    }
}

/// Where `user:password` that starts at `start` ends, if a password stands there.
fn userinfo_end(bytes: &[u8], start: usize) -> Option<usize> {
    let window = &bytes[start..bytes.len().min(start + BYTES_MAX)];
    let length = window.iter().position(|&byte| ends_authority(byte)).unwrap_or(window.len());
    let authority = &window[..length];
    let at = memchr::memrchr(b'@', authority)?;
    let colon = memchr::memchr(b':', &authority[..at])?;
    let password = &authority[colon + 1..at];
    let host = start + at + 1;
    let begins_host = |&byte: &u8| boundary::is_word(byte) || b"[${%<".contains(&byte) || byte >= 0x80;
    let has_host = bytes.get(host).is_some_and(begins_host);
    (has_host && !is_stand_in(password)).then_some(start + at)
}

/// Whether `byte` cannot be part of `user:password@host`.
pub(crate) const fn ends_authority(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || byte.is_ascii_control()
        || matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\' | b',' | b';' | b'(' | b')')
}

#[cfg(test)]
mod tests;
