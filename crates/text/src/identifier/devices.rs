//! Identifiers of devices and vehicles.

use super::Rule;
use super::check::{is_digit, luhn, number, value};
use crate::Entity;

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule {
        entity: Entity::Imei,
        name: "imei",
        alone: &["99-999999-999999-9", "99 999999 999999 9"],
        named: &["999999999999999", "999999 99 999999 9", "99999999 999999 9", "99999999-999999-9", "999999-99-999999-9"],
        check: |digits| digits[..2] != [0, 0] && luhn(digits),
        words: &["imei", "imei1", "imei2", "imei no", "imei number", "device serial"],
    },
    Rule {
        entity: Entity::Imsi,
        name: "imsi",
        alone: &[],
        named: &["999999999999999", "99999999999999"],
        check: |digits| (200..800).contains(&number(&digits[..3])),
        words: &["imsi", "subscriber identity"],
    },
    Rule {
        entity: Entity::Iccid,
        name: "iccid",
        alone: &[],
        named: &["9999999999999999999", "99999999999999999999", "9999 9999 9999 9999 999", "99999 99999 99999 99999"],
        check: |digits| digits[..2] == [8, 9] && luhn(digits),
        words: &["iccid", "sim", "sim card", "sim number", "ccid"],
    },
    Rule {
        entity: Entity::Vin,
        name: "vin",
        alone: &["XXXXXXXXXXXXXXXXX"],
        named: &[],
        check: vin,
        words: &["vin", "chassis", "vehicle identification", "vin number", "fahrgestellnummer", "fin", "châssis", "bastidor"],
    },
];

/// The check digit in the ninth place, mod 11 with ten written as X; four digits at the end; never I, O or Q.
///
/// North America demands the check digit; numbers of other makers who leave it out are not found.
fn vin(symbols: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    if symbols.iter().any(|symbol| b"IOQ".contains(symbol)) || !symbols[13..].iter().copied().all(is_digit) {
        return false;
    }
    // A to I, J to R and S to Z stand for 1 to 9 each; S begins at 2.
    let worth = |symbol: u8| match value(symbol) {
        digit @ 0..=9 => digit,
        letter @ 10..=18 => letter - 9,
        letter @ 19..=27 => letter - 18,
        letter => letter - 26,
    };
    let sum: u32 = symbols.iter().zip(WEIGHTS).map(|(&symbol, weight)| worth(symbol) * weight).sum();
    let check = match sum % 11 {
        10 => b'X',
        digit => digit as u8,
    };
    let letters = symbols.iter().filter(|symbol| symbol.is_ascii_uppercase()).count();
    letters >= 2 && symbols[8] == check
}
