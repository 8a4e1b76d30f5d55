//! Identifiers of Poland, Czechia, Slovakia, Romania, Bulgaria, Croatia and Russia, and the VAT numbers of the Union.

use super::Rule;
use super::check::{is_date, is_day, is_digit, luhn, mod_11_10, number, weighted};
use crate::Entity;

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule {
        entity: Entity::PlPesel,
        name: "pl-pesel",
        alone: &[],
        named: &["99999999999"],
        check: pesel,
        words: &["pesel", "nr pesel", "numer pesel"],
    },
    Rule {
        entity: Entity::PlNip,
        name: "pl-nip",
        alone: &[],
        named: &["9999999999", "999-999-99-99", "999-99-99-999", "999 999 99 99"],
        check: |digits| weighted(digits, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == u32::from(digits[9]) && number(digits) != 0,
        words: &["nip", "numer nip", "nr nip", "identyfikacji podatkowej"],
    },
    Rule {
        entity: Entity::CzRc,
        name: "cz-rc",
        alone: &[],
        named: &["999999/9999", "9999999999"],
        check: birth_number,
        words: &["rodné číslo", "rodne cislo", "rodné č", "rodné", "rodného čísla", "r.č", "rč", "birth number", "rc"],
    },
    Rule {
        entity: Entity::RoCnp,
        name: "ro-cnp",
        alone: &[],
        named: &["9999999999999"],
        check: cnp,
        words: &["cnp", "cod numeric personal", "cod numeric"],
    },
    Rule {
        entity: Entity::BgEgn,
        name: "bg-egn",
        alone: &[],
        named: &["9999999999"],
        check: egn,
        words: &["egn", "егн", "ЕГН", "единен граждански", "Единен граждански"],
    },
    Rule {
        entity: Entity::HrOib,
        name: "hr-oib",
        alone: &[],
        named: &["99999999999"],
        check: mod_11_10,
        words: &["oib", "osobni identifikacijski", "oib broj"],
    },
    Rule {
        entity: Entity::RuSnils,
        name: "ru-snils",
        alone: &[],
        named: &["999-999-999 99", "999-999-999-99", "99999999999", "999 999 999 99"],
        check: snils,
        words: &["snils", "снилс", "СНИЛС", "страховой номер", "Страховой номер"],
    },
    Rule {
        entity: Entity::RuInn,
        name: "ru-inn",
        alone: &[],
        named: &["999999999999", "9999999999"],
        check: inn,
        words: &["inn", "инн", "ИНН", "идентификационный номер"],
    },
    Rule {
        entity: Entity::EuVat,
        name: "eu-vat",
        alone: &[],
        named: &[
            "AA99999999", "AA999999999", "AA9999999999", "AA99999999999", "AA999999999999", "AAA99999999",
            "AA999999999A99", "AA99999999A", "AAA9999999", "AAA9999999A", "AA9999999A", "AA9999999AA", "AA 999999999",
            "AA 99999999", "AA 99999999999", "AA 9999999999", "AA 9999.999.999", "AA 999 999 999", "AA 999.999.999",
        ],
        check: vat,
        words: &[
            "vat", "vat id", "vat no", "vat number", "ust-id", "ustid", "ust-idnr", "ust", "umsatzsteuer", "iva",
            "partita iva", "p.iva", "tva", "btw", "btw-nummer", "moms", "alv", "nip", "dph", "dič", "afm", "uid",
        ],
    },
];

/// Birth date with the century in the month, mod 10 with weights 1-3-7-9.
fn pesel(digits: &[u8]) -> bool {
    let month = number(&digits[2..4]);
    let century = [1900, 2000, 2100, 2200, 1800][(month / 20) as usize];
    is_date(century + number(&digits[..2]), month % 20, number(&digits[4..6]))
        && weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

/// Birth date, the month plus 50 for women and plus 20 where a day's numbers ran out, divisible by 11; until 1985 a
/// rest of ten was written as 0 (Act 133/2000).
fn birth_number(digits: &[u8]) -> bool {
    let month = number(&digits[2..4]) % 50;
    let month = if month > 20 { month - 20 } else { month };
    let old = number(&digits[..9]) % 11 == 10 && digits[9] == 0;
    is_day(number(&digits[..2]), month, number(&digits[4..6])) && (number(digits).is_multiple_of(11) || old)
}

/// Sex and century, birth date, county, serial number, mod 11 with ten written as 1.
fn cnp(digits: &[u8]) -> bool {
    let check = match weighted(digits, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11 {
        10 => 1,
        check => check,
    };
    let county = matches!(number(&digits[7..9]), 1..=48 | 51 | 52 | 70 | 80..=83);
    digits[0] != 0
        && is_day(number(&digits[1..3]), number(&digits[3..5]), number(&digits[5..7]))
        && county
        && check == u32::from(digits[12])
}

/// Birth date, the month plus 20 before 1900 and plus 40 since 2000, mod 11 with ten written as 0.
fn egn(digits: &[u8]) -> bool {
    let month = number(&digits[2..4]);
    let century = [1900, 1800, 2000, 0, 0][(month / 20) as usize];
    century != 0
        && is_date(century + number(&digits[..2]), month % 20, number(&digits[4..6]))
        && weighted(digits, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10 == u32::from(digits[9])
}

/// Mod 101 with 100 written as 00; numbers up to 001-001-998 have no check.
fn snils(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2, 1]);
    number(&digits[..9]) > 1_001_998 && u64::from(sum % 101 % 100) == number(&digits[9..])
}

/// Ten digits with one check digit for companies, twelve with two for persons, mod 11.
fn inn(digits: &[u8]) -> bool {
    let check = |weights: &[u32]| weighted(digits, weights) % 11 % 10;
    match digits.len() {
        10 => check(&[2, 4, 10, 3, 5, 9, 4, 6, 8]) == u32::from(digits[9]) && number(digits) != 0,
        _ => {
            check(&[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) == u32::from(digits[10])
                && check(&[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) == u32::from(digits[11])
                && number(digits) != 0
        }
    }
}

/// Country and its format, with the check digit of the countries whose check is published (Commission, VIES).
fn vat(symbols: &[u8]) -> bool {
    let (country, rest) = symbols.split_at(2);
    let digits = rest.iter().copied().all(is_digit);
    let mod_11 = |weights: &[u32], check: usize| weighted(rest, weights) % 11 % 10 == u32::from(rest[check]);
    match (country, rest.len()) {
        (b"DE", 9) | (b"HR", 11) => digits && mod_11_10(rest),
        (b"IT", 11) => digits && luhn(rest),
        (b"PL", 10) => digits && mod_11(&[6, 5, 7, 2, 3, 4, 5, 6, 7], 9),
        (b"BE", 10) => digits && rest[0] <= 1 && 97 - number(&rest[..8]) % 97 == number(&rest[8..]),
        (b"FR", 11) => digits && number(&rest[..2]) == (12 + 3 * (number(&rest[2..]) % 97)) % 97,
        (b"LU", 8) => digits && number(&rest[..6]) % 89 == number(&rest[6..]),
        (b"FI", 8) => digits && weighted(rest, &[7, 9, 10, 5, 8, 4, 2, 1]).is_multiple_of(11),
        (b"DK", 8) => digits && weighted(rest, &[2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11),
        (b"EL", 9) => digits && mod_11(&[256, 128, 64, 32, 16, 8, 4, 2], 8),
        (b"SE", 12) => digits && luhn(&rest[..10]) && rest[10..] == [0, 1],
        (b"AT", 9) => rest[0] == b'U',
        (b"NL", 12) => rest[9] == b'B',
        (b"ES" | b"CY", 9) | (b"IE", 8 | 9) => !digits,
        (b"EE" | b"PT" | b"BG" | b"LT", 9)
        | (b"HU" | b"SI" | b"MT", 8)
        | (b"CZ" | b"RO", 8..=10)
        | (b"BG" | b"SK", 10)
        | (b"LV", 11)
        | (b"LT", 12) => digits,
        _ => false,
    }
}
