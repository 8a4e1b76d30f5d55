//! A JSON string in its quotes (RFC 8259, section 7): where it ends, whether it is one, and what it says.
//!
//! Most of a line of text is one long string, so it is walked over once, eight bytes at a time, and written out once more
//! only where something in it is escaped.

use std::borrow::Cow;

const WORD: usize = 8;

/// Where the string that opens at byte `start` ends, its quote included, and whether anything in it is escaped; `None` if
/// it does not end, holds a control character, or an escape that stands for nothing.
pub(crate) fn end(line: &str, start: usize) -> Option<(usize, bool)> {
    let bytes = line.as_bytes();
    let mut at = start + 1;
    let mut escaped = false;
    loop {
        at = next_special(bytes, at)?;
        match bytes[at] {
            b'"' => return Some((at + 1, escaped)),
            b'\\' if PLAIN[usize::from(*bytes.get(at + 1)?)] != 0 => at += 2,
            b'\\' => at += escape(&bytes[at + 1..])?.1 + 1,
            _ => return None,
        }
        escaped = true;
    }
}

/// What a string says, given with its quotes; `None` for an escape that stands for nothing.
pub(crate) fn value(quoted: &str) -> Option<Cow<'_, str>> {
    let inner = &quoted[1..quoted.len() - 1];
    let bytes = inner.as_bytes();
    let Some(first) = memchr::memchr(b'\\', bytes) else { return Some(Cow::Borrowed(inner)) };
    let mut text = String::with_capacity(inner.len());
    let (mut kept, mut next) = (0, Some(first));
    while let Some(at) = next {
        text.push_str(&inner[kept..at]);
        let plain = bytes.get(at + 1).map_or(0, |byte| PLAIN[usize::from(*byte)]);
        if plain == 0 {
            let (character, length) = escape(&bytes[at + 1..])?;
            text.push(character);
            kept = at + 1 + length;
        } else {
            text.push(char::from(plain));
            kept = at + 2;
        }
        next = next_special(bytes, kept);
    }
    text.push_str(&inner[kept..]);
    Some(Cow::Owned(text))
}

/// The first quote, backslash or control character at or after `from`.
fn next_special(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let (words, tail) = rest.as_chunks::<WORD>();
    let in_words = words.iter().enumerate().find_map(|(index, word)| {
        let special = special(u64::from_le_bytes(*word));
        (special != 0).then(|| index * WORD + special.trailing_zeros() as usize / 8)
    });
    let in_tail =
        || tail.iter().position(|&byte| matches!(byte, b'"' | b'\\' | ..0x20)).map(|at| words.len() * WORD + at);
    in_words.or_else(in_tail).map(|at| from + at)
}

/// The high bit of every byte that is a quote, a backslash or a control character. A borrow can set bits above the lowest
/// one that is set, never below it.
const fn special(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let quote = word ^ (b'"' as u64 * ONES);
    let backslash = word ^ (b'\\' as u64 * ONES);
    let zero = (quote.wrapping_sub(ONES) & !quote) | (backslash.wrapping_sub(ONES) & !backslash);
    (zero | (word.wrapping_sub(0x20 * ONES) & !word)) & HIGH
}

/// What one letter behind a backslash stands for; 0 where it is not one letter.
const PLAIN: [u8; 256] = {
    let (mut plain, mut at) = ([0; 256], 0);
    let pairs = *b"\"\"\\\\//b\x08f\x0cn\nr\rt\t";
    while at < pairs.len() {
        plain[pairs[at] as usize] = pairs[at + 1];
        at += 2;
    }
    plain
};

/// The character that a longer escape stands for and its bytes, those behind the backslash.
fn escape(bytes: &[u8]) -> Option<(char, usize)> {
    unit(bytes.strip_prefix(b"u")?).and_then(|first| character(first, &bytes[5..]))
}

/// Four hexadecimal digits.
fn unit(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.first_chunk::<4>()?;
    digits.iter().try_fold(0, |unit, digit| Some(16 * unit + char::from(*digit).to_digit(16)?))
}

/// The character of a UTF-16 unit, with the second escape of a pair where one must follow.
fn character(first: u32, rest: &[u8]) -> Option<(char, usize)> {
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first).map(|character| (character, 5));
    }
    let second = unit(rest.strip_prefix(b"\\u")?).filter(|second| (0xdc00..0xe000).contains(second))?;
    char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)).map(|character| (character, 11))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What stands in strings, between quotes or not.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            4 => "[ -~é日😀]{0,12}",
            2 => prop::sample::select(vec!["\\n", "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\r", "\\t"]).prop_map(str::to_owned),
            1 => "\\\\u[0-9a-fA-F]{4}",
            1 => "\\\\ud[89ab][0-9a-f]{2}\\\\ud[c-f][0-9a-f]{2}",
            1 => prop::sample::select(vec!["\\", "\"", "\\u12", "\\ud800", "\\udc00", "\\x", "\u{1f}", "\u{7f}", "\n", "\\ud800\\n"]).prop_map(str::to_owned),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn pairs_are_whole_or_no_character() {
        for (quoted, says) in [
            (r#""\ud83d\ude00""#, Some("😀")),
            (r#""\u0041\u00e9\/""#, Some("Aé/")),
            (r#""\ud800\ue000""#, None),
            (r#""\ud800\udbff""#, None),
            (r#""\ud800x""#, None),
            (r#""\udc00""#, None),
            (r#""\u004""#, None),
            (r#""\""#, None),
        ] {
            assert_eq!(end(quoted, 0).is_some(), says.is_some(), "{quoted}");
            assert_eq!(end(quoted, 0).and_then(|_| value(quoted)).as_deref(), says, "{quoted}");
            assert_eq!(serde_json::from_str::<String>(quoted).ok().as_deref(), says, "{quoted}");
        }
    }

    proptest! {
        #![proptest_config(crate::fixtures::proptest_config(4000))]

        /// Where it is no string for us, it is none for `serde_json`; where it is one, both say the same.
        #[test]
        fn a_string_is_what_serde_takes_it_for(inner in pieces(), before in "[a-z]{0,9}", behind in "[a-z,\" ]{0,9}") {
            let line = format!("{before}\"{inner}\"{behind}");
            let mut twin = serde_json::Deserializer::from_str(&line[before.len()..]).into_iter::<String>();
            let expected = twin.next().and_then(Result::ok);
            let found = end(&line, before.len());
            prop_assert_eq!(found.is_some(), expected.is_some(), "{}", line);
            if let (Some((end, escaped)), Some(expected)) = (found, expected) {
                prop_assert_eq!(end - before.len(), twin.byte_offset());
                let quoted = &line[before.len()..end];
                let value = value(quoted);
                prop_assert_eq!(escaped, matches!(value, Some(Cow::Owned(_))));
                prop_assert_eq!(value.as_deref(), Some(&*expected));
            }
        }
    }
}
