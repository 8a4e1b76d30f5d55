//! Runs of ASCII digits: the anchor of every number.
//!
//! Most text holds no digits, so the first question, "is there any digit in these 32 bytes?", is asked in a form that
//! the compiler turns into a few vector instructions.

use std::ops::Range;

const BLOCK: usize = 32;
const WORD: usize = 8;

/// The first run of ASCII digits that starts at or after `from`, at its full length.
pub(crate) fn next_run(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let start = next_digit(bytes, from)?;
    Some(start..run_end(bytes, start))
}

/// Where the digits that start at `start` end.
pub(crate) fn run_end(bytes: &[u8], start: usize) -> usize {
    start + bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The same, but looks at no more than `limit` digits.
pub(crate) fn run_end_within(bytes: &[u8], start: usize, limit: usize) -> usize {
    start + bytes[start..].iter().take(limit).take_while(|byte| byte.is_ascii_digit()).count()
}

/// The first ASCII digit at or after `from`.
pub(crate) fn next_digit(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let (words, _) = rest.as_chunks::<WORD>();
    // The next digit is often near; a block is only worth its price over long stretches of letters.
    if let Some(place) = words.first().and_then(|word| first_digit(*word)) {
        return Some(from + place);
    }
    let (blocks, _) = rest.as_chunks::<BLOCK>();
    let without = blocks.iter().take_while(|block| !block.iter().fold(false, |any, byte| any | byte.is_ascii_digit()));
    let mut at = without.count() * BLOCK;
    let (words, _) = rest[at..].as_chunks::<WORD>();
    for word in words {
        if let Some(place) = first_digit(*word) {
            return Some(from + at + place);
        }
        at += WORD;
    }
    rest[at..].iter().position(u8::is_ascii_digit).map(|place| from + at + place)
}

/// Which byte of the word is its first ASCII digit, found in all bytes at once.
fn first_digit(word: [u8; WORD]) -> Option<usize> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // Digits become 0 to 9. Adding 118 to the low seven bits carries into the high bit from 10 on.
    let turned = u64::from_le_bytes(word) ^ 0x3030_3030_3030_3030;
    let other = ((turned & !HIGH) + 0x7676_7676_7676_7676) | turned;
    let digits = !other & HIGH;
    (digits != 0).then(|| digits.trailing_zeros() as usize / 8)
}

/// Collects the ASCII digits of `bytes` into `buffer` and returns them, or `None` when there are more than fit.
pub(crate) fn collect<'a>(bytes: &[u8], buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut count = 0;
    for byte in bytes.iter().filter(|byte| byte.is_ascii_digit()) {
        *buffer.get_mut(count)? = byte - b'0';
        count += 1;
    }
    Some(&buffer[..count])
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #![proptest_config(crate::tests::seeded(2000))]

        #[test]
        fn the_next_digit_is_the_first_one(
            bytes in proptest::collection::vec(proptest::prop_oneof![9 => 0_u8..=255, 1 => b'0'..=b'9', 20 => b':'..=b'z'], 0..200),
            from in 0_usize..210,
        ) {
            let slowly = (from..bytes.len()).find(|&at| bytes[at].is_ascii_digit());
            proptest::prop_assert_eq!(next_digit(&bytes, from), slowly);
        }
    }
}
