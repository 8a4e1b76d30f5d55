//! Payment card numbers.
//!
//! 12 to 19 digits, together or in groups, that pass Luhn *and* start like a known issuer at a length that issuer uses.
//! One random number in ten passes Luhn, so the prefix does most of the work. A rare brand, an unusual length, or a
//! number glued to `/` or `=` (an identifier in a path) needs a word such as `card` nearby.

use std::ops::Range;

use crate::context::Words;
use crate::finding::Rule;
use crate::numbers::Look;
use crate::{boundary, checksum, context, digits};

pub(crate) const RULE: Rule = Rule::built_in("credit-card");

const DIGITS_MAX: usize = 19;
const GROUPS_MAX: usize = 5;

#[rustfmt::skip]
static WORDS: Words = Words::new(&[
    "card", "cards", "credit", "debit", "visa", "mastercard", "master card", "amex", "american express",
    "discover", "diners", "jcb", "maestro", "unionpay", "cc", "ccnum", "ccn", "cvv", "cvc", "cardnumber",
    "creditcard", "pan", "payment", "billing", "carte", "karte", "kreditkarte", "tarjeta", "carta", "expiry",
    "expires", "exp",
]);

#[rustfmt::skip]
static OTHER_WORDS: Words = Words::new(&[
    "imei", "isbn", "ean", "upc", "gtin", "tracking", "tweet", "timestamp", "epoch", "iccid", "imsi", "order",
]);

/// The number that begins with the digits `run`.
pub(crate) fn at(bytes: &[u8], run: Range<usize>) -> Look {
    card(bytes, run).map_or(Look::NOTHING, Look::hit)
}

fn card(bytes: &[u8], run: Range<usize>) -> Option<(Range<usize>, f32)> {
    let start = run.start;
    let grouped = run.len() < 12;
    if run.len() < 4
        || run.len() > DIGITS_MAX
        || boundary::word_before(bytes, start)
        || boundary::tied_before(bytes, start, b".,-")
    {
        return None;
    }
    let end = if grouped { groups_end(bytes, run)? } else { run.end };
    let tied = boundary::tied_after(bytes, end, b".-") || boundary::thousands_after(bytes, end);
    if tied || boundary::word_after(bytes, end) {
        return None;
    }
    let mut buffer = [0_u8; DIGITS_MAX];
    let number = digits::collect(&bytes[start..end], &mut buffer)?;
    let common = brand(number)? == Brand::Common;
    if !checksum::luhn(number) || context::announced(bytes, start, &OTHER_WORDS) {
        return None;
    }
    let span = start..end;
    let glued = start > 0 && matches!(bytes[start - 1], b'/' | b'=' | b'#' | b'-');
    let named = context::mentioned(bytes, &span, 64, 32, &WORDS);
    match (named, grouped, common && !glued) {
        (true, _, _) => Some((span, 0.95)),
        (false, true, true) => Some((span, 0.85)),
        (false, false, true) => Some((span, 0.65)),
        (false, _, false) => None,
    }
}

/// The end of a number written in groups: 4-4-4-4, 4-4-4-4-3, 4-6-5 or 4-6-4, by one kind of separator.
fn groups_end(bytes: &[u8], first: Range<usize>) -> Option<usize> {
    let separator = *bytes.get(first.end).filter(|byte| matches!(byte, b' ' | b'-'))?;
    let mut lengths = [0; GROUPS_MAX];
    lengths[0] = first.len();
    let mut count = 1;
    let mut end = first.end;
    while count < GROUPS_MAX && bytes.get(end) == Some(&separator) {
        let length = digits::run_end_within(bytes, end + 1, 7) - (end + 1);
        // A fifth group of three is rare; after four groups anything else is the next number.
        let shape_goes_on = matches!(
            (&lengths[..count], length),
            ([4], 4 | 6) | ([4, 4] | [4, 4, 4], 4) | ([4, 6], 4 | 5) | ([4, 4, 4, 4], 3)
        );
        if !shape_goes_on {
            break;
        }
        lengths[count] = length;
        count += 1;
        end += 1 + length;
    }
    // `4111 1111 1111 1111 123` is a card and its verification code more often than a card of 19 digits.
    if count == 5 {
        let mut buffer = [0_u8; DIGITS_MAX];
        let sixteen = digits::collect(&bytes[first.start..end - 4], &mut buffer)?;
        if checksum::luhn(sixteen) && separator == b' ' {
            end -= 4;
        }
    }
    matches!(lengths, [4, 4, 4, 4, _] | [4, 6, 4 | 5, 0, 0]).then_some(end)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Brand {
    Common,
    Rare,
}

/// Issuer prefixes and lengths (ISO/IEC 7812; the networks' published ranges).
fn brand(number: &[u8]) -> Option<Brand> {
    let prefix = |digits: usize| number[..digits].iter().fold(0_u32, |value, &digit| 10 * value + u32::from(digit));
    if !(12..=DIGITS_MAX).contains(&number.len()) {
        return None;
    }
    let (two, three, four, six) = (prefix(2), prefix(3), prefix(4), prefix(6));
    match (number.len(), four) {
        // Visa, Mastercard, Discover, JCB, Mir, RuPay
        (16, 4000..=4999 | 5100..=5599 | 2221..=2720 | 6011 | 6440..=6599 | 3528..=3589 | 2200..=2204) => {
            Some(Brand::Common)
        }
        // American Express, Diners
        (15, _) if matches!(two, 34 | 37) => Some(Brand::Common),
        (14, _) if matches!(three, 300..=305) || matches!(two, 36 | 38 | 39) => Some(Brand::Common),
        // UnionPay and Discover's share of it
        (16, _) if two == 62 || matches!(six, 810_000..=817_199) => Some(Brand::Common),
        // Old Visa, long Visa, old JCB, long Diners, Maestro, RuPay
        (13 | 19, 4000..=4999) | (15, 2131 | 1800) | (16..=19, 3528..=3589 | 6011 | 6440..=6599 | 3600..=3699) => {
            Some(Brand::Rare)
        }
        (16..=19, _) if two == 62 => Some(Brand::Rare),
        (12..=19, _) if matches!(two, 50 | 56..=69) => Some(Brand::Rare),
        (16, _) if matches!(two, 35 | 81 | 82) => Some(Brand::Rare),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
