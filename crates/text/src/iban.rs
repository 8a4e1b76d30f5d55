//! International bank account numbers (ISO 13616).
//!
//! Anchor: two letters, two check digits. The country fixes the length, the text must end there, and mod 97 must hold,
//! which one random candidate in 97 does. Written together, or in groups of four with one kind of separator.

use std::ops::Range;

use crate::finding::Rule;
use crate::numbers::Look;
use crate::{boundary, checksum};

pub(crate) const RULE: Rule = Rule::built_in("iban");

/// Country and total length, from the SWIFT registry, release 99; sorted.
const LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

const LENGTH_MAX: usize = 34;

/// The number whose check digits begin the digits `run`.
pub(crate) fn at(bytes: &[u8], run: Range<usize>) -> Look {
    let country = run.start >= 2 && bytes[run.start - 2..run.start].iter().all(u8::is_ascii_alphabetic);
    if !country || run.len() < 2 {
        return Look::NOTHING;
    }
    let start = run.start - 2;
    iban(bytes, start).map_or(Look::NOTHING, |end| Look::hit((start..end, 0.95)))
}

/// Where the number that starts at `start` with two letters ends.
fn iban(bytes: &[u8], start: usize) -> Option<usize> {
    let country = [bytes[start].to_ascii_uppercase(), bytes[start + 1].to_ascii_uppercase()];
    let index = LENGTHS.binary_search_by_key(&&country, |entry| entry.0).ok()?;
    if boundary::word_before(bytes, start) {
        return None;
    }
    let length = LENGTHS[index].1;
    let mut together = [0_u8; LENGTH_MAX];
    let mut end = start;
    let separator = separator(bytes, start + 4);
    for (count, slot) in together[..length].iter_mut().enumerate() {
        if let Some(separator) = separator
            && count > 0
            && count % 4 == 0
        {
            end += bytes[end..].starts_with(separator).then_some(separator.len())?;
        }
        *slot = *bytes.get(end)?;
        end += 1;
    }
    let together = &together[..length];
    // `gb50…` is as good as `GB50…`; a mixture is some other code.
    let mixed = together.iter().any(u8::is_ascii_lowercase) && together.iter().any(u8::is_ascii_uppercase);
    let tied = boundary::word_after(bytes, end) || boundary::tied_after(bytes, end, b"-");
    (!mixed && !tied && checksum::mod_97(together)).then_some(end)
}

/// What separates the groups of four: a space, a no-break space or a hyphen, or nothing at all.
fn separator(bytes: &[u8], at: usize) -> Option<&'static [u8]> {
    [&b" "[..], b"-", b"\xc2\xa0"].into_iter().find(|separator| bytes[at.min(bytes.len())..].starts_with(separator))
}

#[cfg(test)]
mod tests;
