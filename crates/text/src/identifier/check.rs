//! Parts of checks that several kinds of identifiers share.
//!
//! Symbols as [`super::Rule::check`] takes them: a digit is its value, a letter its upper-case ASCII code.

pub(super) use crate::checksum::{luhn, weights_7_3_1};

/// The sum of the symbols' values, each times its weight.
pub(super) fn weighted(symbols: &[u8], weights: &[u32]) -> u32 {
    symbols.iter().zip(weights).map(|(&symbol, weight)| value(symbol) * weight).sum()
}

/// A digit's value; 10 to 35 for a letter.
pub(super) const fn value(symbol: u8) -> u32 {
    if symbol < 10 { symbol as u32 } else { symbol as u32 - b'A' as u32 + 10 }
}

/// The number that the digits write.
pub(super) fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number, &digit| 10 * number + u64::from(digit))
}

pub(super) const fn is_digit(symbol: u8) -> bool {
    symbol < 10
}

pub(super) fn all_equal(symbols: &[u8]) -> bool {
    symbols.iter().all(|symbol| *symbol == symbols[0])
}

/// Whether the calendar has this day.
pub(super) const fn is_date(year: u64, month: u64, day: u64) -> bool {
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    1 <= day && day <= days
}

/// Whether `yymmdd` is a day of the twentieth or the twenty-first century.
pub(super) fn is_yymmdd(digits: &[u8]) -> bool {
    is_day(number(&digits[..2]), number(&digits[2..4]), number(&digits[4..6]))
}

/// Whether `ddmmyy` is a day of the twentieth or the twenty-first century.
pub(super) fn is_ddmmyy(digits: &[u8]) -> bool {
    is_day(number(&digits[4..6]), number(&digits[2..4]), number(&digits[..2]))
}

/// Whether the day exists in a year that ends in these two digits: 2000 was a leap year, so 00 is one.
pub(super) const fn is_day(year_of_century: u64, month: u64, day: u64) -> bool {
    is_date(2000 + year_of_century, month, day)
}

/// Whether `yyyymmdd` is a day from 1850 on, as a living person may have been born on.
pub(super) fn is_yyyymmdd(digits: &[u8]) -> bool {
    let year = number(&digits[..4]);
    (1850..2100).contains(&year) && is_date(year, number(&digits[4..6]), number(&digits[6..8]))
}

/// 11 minus the rest of `sum` by 11, 0 to 10 where `ten` and `eleven` say what those two become.
pub(super) const fn eleven_minus(sum: u32, ten: u32, eleven: u32) -> u32 {
    match 11 - sum % 11 {
        10 => ten,
        11 => eleven,
        digit => digit,
    }
}

/// ISO 7064 mod 11,10 over digits, the check digit last.
pub(super) fn mod_11_10(digits: &[u8]) -> bool {
    let Some((check, body)) = digits.split_last() else {
        return false;
    };
    let product = body.iter().fold(10, |product, &digit| {
        let sum = (product + u32::from(digit)) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == u32::from(*check)
}

/// The dihedral check of Verhoeff (1969) over digits, the check digit last.
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    const PERMUTATIONS: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    let place = |(place, &digit): (usize, &u8)| PERMUTATIONS[place % 8][usize::from(digit)];
    digits.iter().rev().enumerate().map(place).fold(0, dihedral) == 0
}

/// The product of two elements of the dihedral group of order ten: 0–4 turn a pentagon, 5–9 turn it over as well.
const fn dihedral(a: u8, b: u8) -> u8 {
    match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a - 5 + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    }
}
