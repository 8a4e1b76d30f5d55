//! Identifiers of Sweden, Finland, Norway, Denmark, Estonia, Latvia and Lithuania.

use super::Rule;
use super::check::{eleven_minus, is_day, is_ddmmyy, is_yyyymmdd, luhn, number, weighted};
use crate::Entity;

#[rustfmt::skip]
const SWEDISH: &[&str] = &[
    "personnummer", "personnr", "pnr", "samordningsnummer", "swedish personal", "personal identity number",
];

#[rustfmt::skip]
const BALTIC: &[&str] = &["isikukood", "ik", "personal code", "identity code", "id code"];

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule {
        entity: Entity::SePersonnummer,
        name: "se-personnummer",
        alone: &["999999-9999"],
        named: &["9999999999"],
        check: personnummer,
        words: SWEDISH,
    },
    Rule {
        entity: Entity::SePersonnummer,
        name: "se-personnummer-long",
        alone: &["99999999-9999"],
        named: &[],
        check: |digits| long_personnummer(digits) && !is_time(&digits[8..]),
        words: SWEDISH,
    },
    Rule {
        entity: Entity::SePersonnummer,
        name: "se-personnummer-long",
        alone: &[],
        named: &["999999999999", "99999999-9999"],
        check: long_personnummer,
        words: SWEDISH,
    },
    Rule {
        entity: Entity::FiHetu,
        name: "fi-hetu",
        alone: &["999999-999A", "999999-9999", "999999+999A", "999999A999A"],
        named: &["999999+9999", "999999A9999"],
        check: hetu,
        words: &["hetu", "henkilötunnus", "henkilotunnus", "personbeteckning", "personal identity code", "sotu"],
    },
    Rule {
        entity: Entity::NoFnr,
        name: "no-fnr",
        alone: &[],
        named: &["99999999999", "999999 99999", "999999-99999"],
        check: fnr,
        words: &[
            "fødselsnummer", "fodselsnummer", "fnr", "personnummer", "d-nummer", "fødselsnr", "national identity",
        ],
    },
    Rule {
        entity: Entity::DkCpr,
        name: "dk-cpr",
        alone: &[],
        named: &["999999-9999", "9999999999", "999999 9999"],
        check: is_ddmmyy,
        words: &["cpr", "cpr-nr", "cpr-nummer", "cprnr", "cpr number", "cpr nr"],
    },
    Rule {
        entity: Entity::EeIk,
        name: "ee-ik",
        alone: &[],
        named: &["99999999999"],
        check: baltic,
        words: BALTIC,
    },
    Rule {
        entity: Entity::LtAk,
        name: "lt-ak",
        alone: &[],
        named: &["99999999999"],
        check: baltic,
        words: &["asmens kodas", "asmens kodą", "a.k", "personal code"],
    },
    Rule {
        entity: Entity::LvPk,
        name: "lv-pk",
        alone: &[],
        named: &["999999-99999", "99999999999"],
        check: latvian,
        words: &["personas kods", "personas kodu", "p.k", "personal code", "personas kod"],
    },
];

/// The day of a coordination number, for those who are not registered, is 60 higher (Skatteverket, SKV 704).
fn personnummer(digits: &[u8]) -> bool {
    let day = number(&digits[4..6]);
    let day = if day > 60 { day - 60 } else { day };
    is_day(number(&digits[..2]), number(&digits[2..4]), day) && number(&digits[6..9]) != 0 && luhn(digits)
}

fn long_personnummer(digits: &[u8]) -> bool {
    matches!(number(&digits[..2]), 18..=20) && personnummer(&digits[2..])
}

/// Whether four digits are a time of day, as in `20230115-1230`.
fn is_time(digits: &[u8]) -> bool {
    number(&digits[..2]) < 24 && number(&digits[2..]) < 60
}

/// Birth date, the sign of a century (since 2023 several for each), serial number, mod 31 (Digital and Population Data
/// Services Agency).
fn hetu(symbols: &[u8]) -> bool {
    const CHECKS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let (date, rest) = symbols.split_at(6);
    let rest = match rest {
        [b'A'..=b'F' | b'U'..=b'Y', rest @ ..] if rest.len() == 4 => rest,
        _ => rest,
    };
    let [serial @ .., check] = rest else {
        return false;
    };
    let index = (number(date) * 1000 + number(serial)) % 31;
    let expected = CHECKS[index as usize];
    let check = if *check < 10 { b'0' + check } else { *check };
    serial.len() == 3
        && serial.iter().all(|&digit| digit < 10)
        && is_ddmmyy(date)
        && number(serial) >= 2
        && check == expected
}

/// Two check digits, mod 11; the day of a D number is 40 higher (Skatteetaten).
fn fnr(digits: &[u8]) -> bool {
    let day = number(&digits[..2]);
    let day = if day > 40 { day - 40 } else { day };
    let month = number(&digits[2..4]);
    let month = if month > 40 { month - 40 } else { month };
    let first = eleven_minus(weighted(digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2]), 10, 0);
    let second = eleven_minus(weighted(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]), 10, 0);
    is_day(number(&digits[4..6]), month, day) && first == u32::from(digits[9]) && second == u32::from(digits[10])
}

/// Century and sex, birth date, serial number, two-stage mod 11 (EVS 585; the Lithuanian code is built alike).
fn baltic(digits: &[u8]) -> bool {
    let century = match digits[0] {
        1 | 2 => 1800,
        3 | 4 => 1900,
        5 | 6 => 2000,
        _ => return false,
    };
    let date = [(century / 1000) as u8, (century / 100 % 10) as u8];
    let mut born = [0_u8; 8];
    born[..2].copy_from_slice(&date);
    born[2..].copy_from_slice(&digits[1..7]);
    let stage = |weights: [u32; 10]| weighted(digits, &weights) % 11;
    let check = match stage([1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) {
        10 => stage([3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 10,
        check => check,
    };
    is_yyyymmdd(&born) && check == u32::from(digits[10])
}

/// Birth date, century, serial number, mod 11; numbers given since July 2017 start with 32 and hold no date.
fn latvian(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    let old = is_ddmmyy(digits) && digits[6] <= 2 && (1101 - sum) % 11 == u32::from(digits[10]);
    old || digits[..2] == [3, 2]
}
