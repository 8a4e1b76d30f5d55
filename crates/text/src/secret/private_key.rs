//! Private keys in PEM: from `-----BEGIN … PRIVATE KEY-----` to the matching END, over any number of lines.
//!
//! The markers arrive in text order from the one pass over all literals, so an unclosed BEGIN costs nothing: it is
//! forgotten at the next one. A block whose END is missing (a cut-off document) is taken as far as its base64 goes. A
//! body with fewer than 48 base64 characters is a template.

use std::ops::Range;

use crate::finding::Rule;
use crate::{Entity, Finding, placeholder};

pub(super) const MARKERS: [&str; 2] = ["-----BEGIN ", "-----END "];

const RULE: Rule = Rule::built_in("secret:private-key");
const LABEL_BYTES_MAX: usize = 48;
const BODY_BYTES_MAX: usize = 64 << 10;
const BASE64_BYTES_MIN: usize = 48;

/// The BEGIN line that waits for its END.
#[derive(Default)]
pub(super) struct Block {
    begin: Option<(Range<usize>, Range<usize>)>,
}

impl Block {
    /// Takes the marker at `at`; returns a finding when it closes a block, or when it cuts off an open one.
    pub(super) fn marker(&mut self, bytes: &[u8], at: usize) -> Option<Finding> {
        let is_begin = bytes[at..].starts_with(MARKERS[0].as_bytes());
        let line = label(bytes, at + MARKERS[usize::from(!is_begin)].len()).map(|(label, end)| (label, at..end));
        if is_begin {
            let open = self.finish(bytes);
            self.begin = line;
            return open;
        }
        let (label, line) = line?;
        let (opened, begin) = self.begin.take()?;
        let body = &bytes[begin.end..line.start];
        let matches = bytes[opened.clone()] == bytes[label] && body.len() <= BODY_BYTES_MAX;
        if !matches {
            self.begin = Some((opened, begin));
            return None;
        }
        is_key(body).then(|| found(begin.start..line.end))
    }

    /// What is left of an open block when no END can come any more.
    pub(super) fn finish(&mut self, bytes: &[u8]) -> Option<Finding> {
        let (_, begin) = self.begin.take()?;
        let rest = &bytes[begin.end..bytes.len().min(begin.end + BODY_BYTES_MAX)];
        // A written line break, `\n`, is part of the body as well.
        let length =
            rest.iter().take_while(|&&byte| is_base64(byte) || byte.is_ascii_whitespace() || byte == b'\\').count();
        let body = rest[..length].trim_ascii_end();
        // Without an END, prose must not be taken for key: a line of base64 has no spaces inside.
        let lines = body.split(u8::is_ascii_whitespace).filter(|line| !line.is_empty());
        let dense = lines.map(<[u8]>::len).take_while(|&length| length >= BASE64_BYTES_MIN).sum::<usize>();
        (dense > 0 && is_key(body)).then(|| found(begin.start..begin.end + body.len()))
    }
}

fn found(span: Range<usize>) -> Finding {
    Finding { entity: Entity::Secret, span, confidence: 0.99, rule: RULE }
}

/// The label after a marker, such as `RSA PRIVATE KEY`, and the byte after the closing dashes.
fn label(bytes: &[u8], start: usize) -> Option<(Range<usize>, usize)> {
    let window = &bytes[start..bytes.len().min(start + LABEL_BYTES_MAX)];
    let length =
        window.iter().take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || **byte == b' ').count();
    let label = &window[..length];
    let private = label.ends_with(b"PRIVATE KEY") || label.ends_with(b"PRIVATE KEY BLOCK");
    let end = start + length;
    (private && bytes[end..].starts_with(b"-----")).then_some((start..end, end + 5))
}

fn is_key(body: &[u8]) -> bool {
    body.iter().filter(|&&byte| is_base64(byte)).count() >= BASE64_BYTES_MIN
        && !placeholder::contained(body)
        && memchr::memchr3(b'<', b'{', b'>', body).is_none()
        && memchr::memmem::find(body, b"...").is_none()
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}
