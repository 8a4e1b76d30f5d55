//! What stands in the text after a finding was replaced, and how to see it there.
//!
//! A placeholder must never be taken for a finding itself, nor help one: `<PHONE>` is no word that announces the next
//! number, and a hash or an encrypted value in it is written with the letters a–p so that no digit of it can be part of
//! one. All of them are ASCII between angle brackets, so that a recognizer's borders treat them alike, whichever
//! operator wrote them. Hashes and encrypted values differ in length alone: 16 letters, or 58 and more.

use std::ops::Range;

use crate::Entity;

/// What [`crate::Operator::Redact`] writes between angle brackets.
pub(crate) const REDACTED: &str = "REDACTED";

/// Letters of a hash in a placeholder: 16 × 4 bits.
const HASH_LETTERS: usize = 16;

/// Letters of an encrypted value: nonce, tag and 1 to [`PIECE_BYTES_MAX`] bytes, two letters each.
const ENCRYPTED_LETTERS: std::ops::RangeInclusive<usize> = 2 * (ENCRYPTED_BYTES + 1)..=LETTERS_MAX;
const LETTERS_MAX: usize = 2 * (ENCRYPTED_BYTES + PIECE_BYTES_MAX);

/// Bytes that encryption adds: a nonce of 12 and a tag of 16.
pub(crate) const ENCRYPTED_BYTES: usize = 28;

/// A longer value is encrypted in pieces, so that a placeholder has a greatest length and is found in bounded time.
pub(crate) const PIECE_BYTES_MAX: usize = 1024;

/// Letters of the longest label.
const LABEL_MAX: usize = longest_label();

const fn longest_label() -> usize {
    let mut longest = REDACTED.len();
    let mut index = 0;
    while index < Entity::ALL.len() {
        let length = Entity::ALL[index].as_str().len();
        if length > longest {
            longest = length;
        }
        index += 1;
    }
    longest
}

/// For every length, the first letters that labels of this length begin with, one bit a letter.
///
/// Text may be full of `<`; one look here answers for nearly all that is no label.
const BEGINNINGS: [u32; LABEL_MAX + 1] = {
    let mut beginnings = [0; LABEL_MAX + 1];
    beginnings[REDACTED.len()] |= 1 << (REDACTED.as_bytes()[0] - b'A');
    let mut at = 0;
    while at < Entity::ALL.len() {
        let label = Entity::ALL[at].as_str().as_bytes();
        beginnings[label.len()] |= 1 << (label[0] - b'A');
        at += 1;
    }
    beginnings
};

/// The label of a placeholder and its letters, if it has any.
pub(crate) struct Placeholder<'a> {
    pub(crate) label: &'a [u8],
    pub(crate) letters: &'a [u8],
    /// The byte after its `>`.
    pub(crate) end: usize,
}

/// Writes bytes as letters a–p, two for each byte.
pub(crate) fn letters(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|nibble| char::from(b'a' + nibble)).collect()
}

/// Reads [`letters`] back.
pub(crate) fn bytes_of(letters: &[u8]) -> Vec<u8> {
    letters.chunks_exact(2).map(|pair| (pair[0] - b'a') << 4 | (pair[1] - b'a')).collect()
}

/// Whether these letters are those of an encrypted value.
pub(crate) fn is_encrypted(letters: &[u8]) -> bool {
    ENCRYPTED_LETTERS.contains(&letters.len()) && letters.len().is_multiple_of(2)
}

const fn in_label(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

const fn in_letters(byte: u8) -> bool {
    matches!(byte, b'a'..=b'p')
}

fn run(bytes: &[u8], start: usize, most: usize, test: fn(u8) -> bool) -> usize {
    start + bytes[start..].iter().take(most + 1).take_while(|byte| test(**byte)).count()
}

fn run_back(bytes: &[u8], end: usize, most: usize, test: fn(u8) -> bool) -> usize {
    end - bytes[..end].iter().rev().take(most + 1).take_while(|byte| test(**byte)).count()
}

/// The placeholder that starts at byte `at`, if one does.
pub(crate) fn parse(bytes: &[u8], at: usize) -> Option<Placeholder<'_>> {
    if bytes.get(at) != Some(&b'<') || !bytes.get(at + 1).is_some_and(u8::is_ascii_uppercase) {
        return None;
    }
    let colon = run(bytes, at + 1, LABEL_MAX, in_label);
    let label = &bytes[at + 1..colon];
    let (letters, close) = match bytes.get(colon)? {
        b':' => {
            let close = run(bytes, colon + 1, LETTERS_MAX, in_letters);
            let letters = &bytes[colon + 1..close];
            (letters, (letters.len() == HASH_LETTERS || is_encrypted(letters)).then_some(close)?)
        }
        _ => (&[][..], colon),
    };
    (bytes.get(close) == Some(&b'>') && is_label(label)).then_some(Placeholder { label, letters, end: close + 1 })
}

/// The end of the placeholder that starts at byte `at`, if one does.
pub(crate) fn end(bytes: &[u8], at: usize) -> Option<usize> {
    parse(bytes, at).map(|placeholder| placeholder.end)
}

/// Whether a placeholder ends right before byte `at`.
pub(crate) fn ends_at(bytes: &[u8], at: usize) -> bool {
    at.checked_sub(1).filter(|&close| bytes[close] == b'>').is_some_and(|close| {
        let open = opening(bytes, close);
        open.and_then(|open| end(bytes, open)) == Some(at)
    })
}

/// Where the placeholder that byte `inside` may be part of would open: back over letters, a colon and a label, in time
/// that a long text without placeholders does not lengthen.
fn opening(bytes: &[u8], inside: usize) -> Option<usize> {
    let letters = run_back(bytes, inside, LETTERS_MAX, in_letters);
    let label = letters - usize::from(letters > 0 && bytes[letters - 1] == b':');
    run_back(bytes, label, LABEL_MAX, in_label).checked_sub(1).filter(|&open| bytes[open] == b'<')
}

/// Whether any placeholder lies in `bytes`.
pub(crate) fn contained(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'<', bytes).any(|at| end(bytes, at).is_some())
}

/// Whether `span` lies inside one placeholder.
pub(crate) fn holds(bytes: &[u8], span: &Range<usize>) -> bool {
    let open = if bytes.get(span.start) == Some(&b'<') { Some(span.start) } else { opening(bytes, span.start) };
    open.and_then(|open| end(bytes, open)).is_some_and(|end| span.end <= end)
}

fn is_label(label: &[u8]) -> bool {
    let begins = match label {
        [first @ b'A'..=b'Z', ..] => {
            BEGINNINGS.get(label.len()).is_some_and(|letters| letters >> (first - b'A') & 1 == 1)
        }
        _ => false,
    };
    begins && (label == REDACTED.as_bytes() || Entity::ALL.iter().any(|entity| entity.as_str().as_bytes() == label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_what_operators_write_and_nothing_else() {
        let shortest = format!("<EMAIL:{}>", "a".repeat(58));
        let longest = format!("<URL_CREDENTIALS:{}>", "p".repeat(LETTERS_MAX));
        for label in Entity::ALL.map(Entity::as_str) {
            for text in [format!("<{label}>"), format!("<{label}:abcdefghijklmnop>")] {
                assert_eq!(end(text.as_bytes(), 0), Some(text.len()), "{text}");
                assert!(ends_at(text.as_bytes(), text.len()), "{text}");
            }
        }
        for text in [
            "<EMAIL>",
            "<URL_CREDENTIALS>",
            "<REDACTED>",
            "<CUSTOM>",
            "<URL_CREDENTIALS:abcdefghijklmnop>",
            &shortest,
            &longest,
        ] {
            assert_eq!(end(text.as_bytes(), 0), Some(text.len()), "{text}");
            assert!(ends_at(text.as_bytes(), text.len()) && contained(format!("x{text}y").as_bytes()), "{text}");
        }
        for text in [
            "",
            "<",
            "<>",
            "<EMAIL",
            "EMAIL>",
            "<email>",
            "<EMAILS>",
            "<EMAIL:>",
            "<EMAIL:abc>",
            "<EMAIL:abcdefghijklmnoq>",
            "<EMAIL:abcdefghijklmnopabcdefghijklmnop>",
            &shortest.replacen("aa", "a", 1),
            &longest.replace("pp>", "pppp>"),
            "<EMAIL#abcdefghijklmnop>",
            "<b>",
            "[redacted]",
        ] {
            assert!(
                end(text.as_bytes(), 0).is_none()
                    && !ends_at(text.as_bytes(), text.len())
                    && !contained(text.as_bytes()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_placeholder_holds_what_lies_inside_it() {
        let bytes = b"a <EMAIL> b";
        for (span, inside) in [
            (2..9, true),
            (3..8, true),
            (4..5, true),
            (2..10, false),
            (1..9, false),
            (8..9, true),
            (9..10, false),
            (0..1, false),
        ] {
            assert_eq!(holds(bytes, &span), inside, "{span:?}");
        }
    }

    #[test]
    fn letters_are_read_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(bytes_of(letters(&bytes).as_bytes()), bytes);
        assert_eq!(letters(&[0x00, 0xf1]), "aapb");
    }

    /// Looks for every placeholder of the text, from its first byte on.
    fn holds_slowly(bytes: &[u8], span: &Range<usize>) -> bool {
        (0..bytes.len())
            .filter_map(|at| Some(at..end(bytes, at)?))
            .any(|found| found.start <= span.start && span.end <= found.end)
    }

    proptest::proptest! {
        #![proptest_config(crate::tests::seeded(2000))]

        #[test]
        fn holding_agrees_with_its_slow_twin(
            pieces in proptest::collection::vec(
                proptest::sample::select(vec!["<EMAIL>", "<", ">", ":", "<IBAN:abcdefghijklmnop>", "ab", "EMAIL", "EMAIL:", "é", "<REDACTED", "_"]),
                0..8,
            ),
            start in 0_usize..40,
            length in 1_usize..12,
        ) {
            let text = pieces.concat();
            let span = start..start + length;
            if span.end <= text.len() {
                proptest::prop_assert_eq!(holds(text.as_bytes(), &span), holds_slowly(text.as_bytes(), &span));
            }
            for at in 0..=text.len() {
                let slowly = (0..at).any(|open| end(text.as_bytes(), open) == Some(at));
                proptest::prop_assert_eq!(ends_at(text.as_bytes(), at), slowly);
            }
        }
    }
}
