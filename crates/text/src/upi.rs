//! Payment addresses of India's Unified Payments Interface: a name, `@`, and the handle of a bank or an app.

use crate::finding::Rule;
use crate::{Entity, Finding, Recognizer, boundary};

const RULE: Rule = Rule::built_in("in-upi");

const NAME_BYTES_MAX: usize = 50;

#[rustfmt::skip]
const HANDLES: &[&[u8]] = &[
    b"okaxis", b"okhdfcbank", b"okicici", b"oksbi", b"ybl", b"ibl", b"axl", b"upi", b"paytm", b"ptaxis", b"ptyes",
    b"pthdfc", b"ptsbi", b"apl", b"yapl", b"rapl", b"axisb", b"icici", b"sbi", b"hdfcbank", b"kotak", b"barodampay",
    b"idfcbank", b"indus", b"federal", b"freecharge", b"jupiteraxis", b"waaxis", b"waicici", b"wahdfcbank", b"wasbi", b"fam",
];

pub(crate) struct InUpi;

impl Recognizer for InUpi {
    fn entities(&self) -> &[Entity] {
        &[Entity::InUpi]
    }

    fn find(&self, text: &str, out: &mut Vec<Finding>) {
        let bytes = text.as_bytes();
        for at in memchr::memchr_iter(b'@', bytes) {
            let name = bytes[..at].iter().rev().take(NAME_BYTES_MAX + 1);
            let length = name.take_while(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(byte)).count();
            let handle = bytes[at + 1..].iter().take(16).take_while(|byte| byte.is_ascii_alphanumeric()).count();
            let (start, end) = (at - length, at + 1 + handle);
            // A dot that goes on makes it an e-mail address.
            let goes_on = matches!(bytes.get(end), Some(b'.' | b'-')) && boundary::word_after(bytes, end + 1);
            if (2..=NAME_BYTES_MAX).contains(&length)
                && !goes_on
                && HANDLES.iter().any(|known| known.eq_ignore_ascii_case(&bytes[at + 1..end]))
            {
                out.push(Finding { entity: Entity::InUpi, span: start..end, confidence: 0.8, rule: RULE });
            }
        }
    }
}

#[cfg(test)]
mod tests;
