//! Handles of social networks: `@name` and `u/name`.
//!
//! The same sign begins decorators, CSS rules, documentation tags and package scopes; none of those is a handle.

use crate::finding::Rule;
use crate::{Entity, Finding, Recognizer, boundary};

const RULE: Rule = Rule::built_in("username");

const NAME_BYTES: std::ops::RangeInclusive<usize> = 3..=30;

/// Decorators, CSS rules and tags of documentation.
#[rustfmt::skip]
const OTHERS: &[&[u8]] = &[
    b"media", b"import", b"charset", b"keyframes", b"font-face", b"supports", b"param", b"params", b"return", b"returns",
    b"override", b"property", b"staticmethod", b"classmethod", b"throws", b"see", b"since", b"author", b"version", b"deprecated",
    b"link", b"code", b"type", b"typedef", b"private", b"public", b"protected", b"class", b"interface", b"example", b"test",
    b"before", b"after", b"autowired", b"component", b"service", b"bean", b"entity", b"table", b"column", b"injectable",
    b"input", b"output", b"suppresswarnings", b"nullable", b"nonnull", b"notnull", b"foreach", b"end", b"endif", b"include",
    b"extends", b"section", b"brief", b"file", b"todo", b"note", b"todo", b"here", b"all", b"everyone", b"channel", b"dataclass",
    b"pytest", b"functools", b"app", b"abstractmethod", b"wraps", b"cached", b"interface", b"property", b"synthesize", b"end",
];

pub(crate) struct Username;

impl Recognizer for Username {
    fn entities(&self) -> &[Entity] {
        &[Entity::Username]
    }

    fn find(&self, text: &str, out: &mut Vec<Finding>) {
        let bytes = text.as_bytes();
        for at in memchr::memchr2_iter(b'@', b'/', bytes) {
            let reddit = bytes[at] == b'/' && at > 0 && bytes[at - 1] == b'u';
            if bytes[at] == b'/' && !reddit {
                continue;
            }
            let start = at - usize::from(reddit);
            let length = bytes[at + 1..].iter().take(64).take_while(|byte| boundary::is_word(**byte)).count();
            let end = at + 1 + length;
            let name = &bytes[at + 1..end];
            let before = start.checked_sub(1).map(|before| bytes[before]);
            let tied = boundary::word_before(bytes, start)
                || matches!(before, Some(b'.' | b'/' | b'@' | b':' | b'-' | b'+' | b'=' | b'\\' | b'&' | b'%'))
                || matches!(bytes.get(end), Some(b'/' | b'(' | b'@' | b'='))
                || matches!(bytes.get(end), Some(b'.' | b'-' | b':')) && boundary::word_after(bytes, end + 1);
            let known = OTHERS.iter().any(|other| other.eq_ignore_ascii_case(name));
            if NAME_BYTES.contains(&length) && !tied && !known && name.iter().any(u8::is_ascii_alphabetic) {
                out.push(Finding { entity: Entity::Username, span: start..end, confidence: 0.6, rule: RULE });
            }
        }
    }
}

#[cfg(test)]
mod tests;
