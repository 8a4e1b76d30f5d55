//! Identifiers of Spain, Portugal, Italy, Greece, Turkey and Israel.

use super::Rule;
use super::check::{eleven_minus, is_ddmmyy, is_digit, luhn, number, value, weighted};
use crate::Entity;

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule {
        entity: Entity::EsNif,
        name: "es-nif",
        alone: &["99999999A", "99999999-A", "A9999999A", "A-9999999-A", "A9999999-A"],
        named: &["99999999 A", "99.999.999-A", "99.999.999 A", "99.999.999A", "A-9999999A"],
        check: nif,
        words: &["dni", "nif", "nie", "d.n.i", "n.i.f", "documento nacional", "identidad", "número de identificación"],
    },
    Rule {
        entity: Entity::PtNif,
        name: "pt-nif",
        alone: &[],
        named: &["999999999", "999 999 999", "999-999-999", "999.999.999"],
        check: portuguese_nif,
        words: &["nif", "contribuinte", "número de contribuinte", "numero de contribuinte", "nipc", "número fiscal"],
    },
    Rule {
        entity: Entity::ItCf,
        name: "it-cf",
        alone: &["XXXXXXXXXXXXXXXX", "AAAAAA 99A99 A999A", "AAA AAA 99A99 A999A"],
        named: &[],
        check: codice_fiscale,
        words: &["codice fiscale", "cod. fisc", "cod fisc", "c.f", "cf", "cod.fisc", "fiscale"],
    },
    Rule {
        entity: Entity::GrAmka,
        name: "gr-amka",
        alone: &[],
        named: &["99999999999", "999999 99999", "999999-99999"],
        check: |digits| is_ddmmyy(digits) && luhn(digits),
        words: &["amka", "αμκα", "ΑΜΚΑ", "α.μ.κ.α", "Α.Μ.Κ.Α"],
    },
    Rule {
        entity: Entity::TrTckn,
        name: "tr-tckn",
        alone: &[],
        named: &["99999999999", "999 999 999 99"],
        check: tckn,
        words: &["tckn", "tc kimlik", "t.c. kimlik", "kimlik no", "kimlik numarası", "tc no", "tc", "vatandaşlık"],
    },
    Rule {
        entity: Entity::IlId,
        name: "il-id",
        alone: &[],
        named: &["999999999", "99999999-9"],
        check: |digits| number(digits) != 0 && luhn(digits),
        words: &["teudat zehut", "teudat", "tz", "ת.ז", "תעודת זהות", "מספר זהות", "id number", "israeli id"],
    },
];

const NIF_LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

/// Eight digits and a letter, mod 23; X, Y and Z stand for 0, 1 and 2 before the seven digits of a foreigner, K, L and
/// M for nothing (Real Decreto 1065/2007).
fn nif(symbols: &[u8]) -> bool {
    let (body, letter) = (&symbols[..8], symbols[8]);
    let first = match body[0] {
        digit @ 0..=9 => u64::from(digit),
        letter @ b'X'..=b'Z' => u64::from(letter - b'X'),
        b'K'..=b'M' => 0,
        _ => return false,
    };
    let number = first * 10_000_000 + number(&body[1..]);
    number != 0 && NIF_LETTERS[(number % 23) as usize] == letter
}

/// Mod 11; the first digit says what kind of person it is.
fn portuguese_nif(digits: &[u8]) -> bool {
    let check = eleven_minus(weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2]), 0, 0);
    (!matches!(digits[0], 0 | 4) || digits[..2] == [4, 5]) && check == u32::from(digits[8])
}

/// Six letters of the name, year, month letter, day (plus 40 for women), place, mod 26. Where two people would share a
/// code, letters stand for some digits (DM 23 December 1976).
fn codice_fiscale(symbols: &[u8]) -> bool {
    const ODD: [u32; 36] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
        10, 22, 25, 24, 23,
    ];
    const DIGITS: [usize; 7] = [6, 7, 9, 10, 12, 13, 14];
    let digit_at = |place: usize| match symbols[place] {
        digit @ 0..=9 => Some(u64::from(digit)),
        letter => b"LMNPQRSTUV".iter().position(|&other| other == letter).map(|digit| digit as u64),
    };
    let letters = [0, 1, 2, 3, 4, 5, 8, 11, 15];
    if letters.iter().any(|&place| is_digit(symbols[place])) || DIGITS.iter().any(|&place| digit_at(place).is_none()) {
        return false;
    }
    let (Some(tens), Some(units)) = (digit_at(9), digit_at(10)) else {
        return false;
    };
    let month = b"ABCDEHLMPRST".contains(&symbols[8]);
    let day = matches!(10 * tens + units, 1..=31 | 41..=71);
    let worth = |(place, &symbol): (usize, &u8)| match (place % 2, value(symbol)) {
        (0, value) => ODD[value as usize],
        (_, value) if value < 10 => value,
        (_, value) => value - 10,
    };
    let sum: u32 = symbols[..15].iter().enumerate().map(worth).sum();
    month && day && b'A' + (sum % 26) as u8 == symbols[15]
}

/// Two check digits: one over odd and even places, one over all (Nüfus ve Vatandaşlık İşleri).
fn tckn(digits: &[u8]) -> bool {
    let odd = weighted(digits, &[1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let even = weighted(digits, &[0, 1, 0, 1, 0, 1, 0, 1]);
    let sum = odd + even + u32::from(digits[9]);
    // 90 is a multiple of ten that no sum of the even places exceeds.
    digits[0] != 0 && (7 * odd + 90 - even) % 10 == u32::from(digits[9]) && sum % 10 == u32::from(digits[10])
}
