//! Text inside text: `jo%40example.org`, `jo&#64;example.org`, `"jo\u0040example.org"`, and base64 of all that.
//!
//! Asked for, never by default. A decoded text is a shadow of the text (see [`crate::shadow`]): recognizers look at it,
//! and what they find there comes back as the encoded bytes. What replaces it is written in the same encoding, so that a
//! URL stays a URL and a page a page; of base64 the whole stretch is replaced. Two layers are opened, no more, and of
//! base64 up to 64 KiB at a time: a text inside a text inside a text is looked at as it stands.
//!
//! Only what an encoding hides comes from here: a finding holds at least one encoded character.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::shadow::Shadow;

mod base64;
mod escape;

pub(crate) use base64::payloads;

/// A way to write text inside another text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Encoding {
    /// `%40` in URLs (RFC 3986).
    Percent,
    /// `&#64;`, `&#x40;`, `&commat;` in HTML and XML.
    Html,
    /// `\u0040`, `\n`, `\/` in JSON and in source code.
    Json,
    /// `=40` in mail, and lines that end in `=` (RFC 2045).
    QuotedPrintable,
    /// Stretches of base64 with and without padding, of either alphabet (RFC 4648).
    Base64,
}

impl Encoding {
    /// Every encoding.
    pub const ALL: [Self; 5] = [Self::Percent, Self::Html, Self::Json, Self::QuotedPrintable, Self::Base64];

    /// The name used in configurations, such as `quoted-printable`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::Html => "html",
            Self::Json => "json",
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
        }
    }

    /// `text` so that it reads as itself inside this encoding.
    pub(crate) fn encode(self, text: &str, out: &mut String) {
        let digit = |nibble: u8| char::from(b"0123456789ABCDEF"[usize::from(nibble)]);
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        match self {
            Self::Percent => {
                for byte in text.bytes() {
                    if unreserved(byte) {
                        out.push(char::from(byte));
                    } else {
                        out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
                    }
                }
            }
            Self::Html => {
                for character in text.chars() {
                    match character {
                        '<' => out.push_str("&lt;"),
                        '>' => out.push_str("&gt;"),
                        '&' => out.push_str("&amp;"),
                        _ => out.push(character),
                    }
                }
            }
            Self::Json => {
                for character in text.chars() {
                    match character {
                        '"' | '\\' => out.extend(['\\', character]),
                        '\n' => out.push_str("\\n"),
                        '\r' => out.push_str("\\r"),
                        '\t' => out.push_str("\\t"),
                        _ => out.push(character),
                    }
                }
            }
            Self::QuotedPrintable => {
                for character in text.chars() {
                    if character == '=' { out.push_str("=3D") } else { out.push(character) }
                }
            }
            Self::Base64 => out.push_str(text),
        }
    }
}

/// Some encodings, each once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Encodings(u8);

impl Encodings {
    pub(crate) const fn none() -> Self {
        Self(0)
    }

    pub(crate) fn of(encodings: &[Encoding]) -> Self {
        Self(encodings.iter().fold(0, |set, &encoding| set | 1 << encoding as u8))
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn holds(self, encoding: Encoding) -> bool {
        self.0 >> encoding as u8 & 1 == 1
    }
}

/// A text with its escapes read, or `None` when it has none.
pub(crate) struct Decoded {
    shadow: Shadow,
    /// What was read, in order: where it is written, and in which encoding.
    escapes: Vec<(Range<usize>, Encoding)>,
}

impl Decoded {
    pub(crate) fn of(text: &str, encodings: Encodings) -> Option<Self> {
        let escapes = escape::escapes(text, encodings);
        if escapes.is_empty() {
            return None;
        }
        let read = escapes.iter().flat_map(escape::Escape::parts).collect::<Vec<_>>();
        let shadow = Shadow::new(text, read.into_iter());
        Some(Self { shadow, escapes: escapes.into_iter().map(|escape| (escape.span, escape.encoding)).collect() })
    }

    pub(crate) fn text(&self) -> &str {
        self.shadow.text()
    }

    /// Where what stands at `span` is written, and the encoding of its first escape; `None` when nothing of it is escaped.
    pub(crate) fn original(&self, span: &Range<usize>) -> Option<(Range<usize>, Encoding)> {
        let original = self.shadow.original(span);
        let first = self.escapes.partition_point(|(escape, _)| escape.end <= original.start);
        let (escape, encoding) = self.escapes.get(first)?;
        (escape.start < original.end).then_some((original, *encoding))
    }
}

/// What an encoded value says.
pub(crate) fn decoded_value(value: &str, encoding: Encoding) -> String {
    let every = Encodings::of(&Encoding::ALL);
    let read = |text: &str| Decoded::of(text, every).map(|decoded| decoded.text().to_owned());
    let once = match encoding {
        Encoding::Base64 => base64::decode(value),
        _ => read(value),
    };
    let once = once.unwrap_or_else(|| value.to_owned());
    read(&once).unwrap_or(once)
}

#[cfg(test)]
mod tests;
