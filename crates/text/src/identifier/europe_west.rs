//! Identifiers of Germany, Austria, Switzerland, Belgium, the Netherlands and France.

use super::Rule;
use super::check::{is_day, is_ddmmyy, is_digit, mod_11_10, number, value, weighted, weights_7_3_1};
use crate::Entity;

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule {
        entity: Entity::DeTaxId,
        name: "de-tax-id",
        alone: &[],
        named: &["99999999999", "99 999 999 999"],
        check: tax_id,
        words: &[
            "steuer-id", "steuerid", "steuer id", "idnr", "id-nr", "steueridentifikationsnummer", "steuernummer",
            "steuer-idnr", "identifikationsnummer", "tin", "tax id", "tax number", "steuer-identifikationsnummer",
        ],
    },
    Rule {
        entity: Entity::DeRvnr,
        name: "de-rvnr",
        alone: &["99999999A999", "99 999999 A 999", "99 999999 A 99 9"],
        named: &[],
        check: rvnr,
        words: &[
            "versicherungsnummer", "rentenversicherungsnummer", "rvnr", "sozialversicherungsnummer", "sv-nummer",
            "svnr", "rentenversicherung", "vsnr",
        ],
    },
    Rule {
        entity: Entity::DeKvnr,
        name: "de-kvnr",
        alone: &[],
        named: &["A999999999", "A 999999999", "A999 999 999"],
        check: kvnr,
        words: &[
            "krankenversicherungsnummer", "krankenversichertennummer", "versichertennummer", "versicherungsnummer",
            "kvnr", "krankenkasse", "gesundheitskarte", "versicherten-nr",
        ],
    },
    Rule {
        entity: Entity::DeIdCard,
        name: "de-id-card",
        alone: &[],
        named: &["XXXXXXXXX", "XXXXXXXXXX"],
        check: id_card,
        words: &[
            "ausweis", "ausweisnummer", "personalausweis", "personalausweisnummer", "reisepass", "passnummer",
            "reisepassnummer", "pass-nr", "ausweis-nr",
        ],
    },
    Rule {
        entity: Entity::AtSvnr,
        name: "at-svnr",
        alone: &[],
        named: &["9999999999", "9999 999999"],
        check: svnr,
        words: &[
            "svnr", "sv-nr", "sv-nummer", "sozialversicherungsnummer", "versicherungsnummer", "e-card", "ecard",
        ],
    },
    Rule {
        entity: Entity::ChAhv,
        name: "ch-ahv",
        alone: &["999.9999.9999.99", "9999999999999"],
        named: &["999 9999 9999 99"],
        check: |digits| {
            digits[..3] == [7, 5, 6] && weighted(digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
        },
        words: &["ahv", "ahv-nr", "avs", "navs", "ahvn13", "avs13", "sozialversicherungsnummer", "no avs"],
    },
    Rule {
        entity: Entity::BeNn,
        name: "be-nn",
        alone: &["99.99.99-999.99", "99999999999", "99.99.99-999-99"],
        named: &["99 99 99 999 99", "999999-999-99", "999999 999 99", "999999-99999"],
        check: national_number,
        words: &[
            "rijksregister", "rijksregisternummer", "registre national", "national number", "nationaal nummer",
            "numéro national", "niss", "insz", "nationalregister",
        ],
    },
    Rule {
        entity: Entity::NlBsn,
        name: "nl-bsn",
        alone: &[],
        named: &["999999999", "99999999", "9999 99 999", "9999.99.999", "999 999 999"],
        check: bsn,
        words: &["bsn", "burgerservicenummer", "sofinummer", "sofi-nummer", "sofi", "bsn-nummer", "citizen service"],
    },
    Rule {
        entity: Entity::FrNir,
        name: "fr-nir",
        alone: &[
            "999999999999999", "9 99 99 99 999 999 99", "9999999999999 99", "99999 9A 999 999 99",
            "9 99 99 9A 999 999 99", "999999A99999999", "9 99 99 99 999 999 / 99",
        ],
        named: &["9-99-99-99-999-999-99", "9.99.99.99.999.999.99"],
        check: nir,
        words: &[
            "sécurité sociale", "securite sociale", "nir", "insee", "numéro de sécurité", "sécu", "secu", "carte vitale",
            "n° ss", "no ss", "nss", "social security",
        ],
    },
];

/// ISO 7064, and of the first ten digits exactly one stands there twice or three times (§ 139b AO).
fn tax_id(digits: &[u8]) -> bool {
    let mut counts = [0_u8; 10];
    for &digit in &digits[..10] {
        counts[usize::from(digit)] += 1;
    }
    let repeated = counts.iter().filter(|&&count| count > 1).count();
    digits[0] != 0 && repeated == 1 && counts.iter().all(|&count| count <= 3) && mod_11_10(digits)
}

/// The sum of the digits of every product.
fn digit_sums(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(&digit, weight)| u32::from(digit) * weight).map(|p| p / 10 + p % 10).sum()
}

/// The letter's place in the alphabet, as two digits.
const fn place(letter: u8) -> [u8; 2] {
    let place = letter - b'@';
    [place / 10, place % 10]
}

/// Area, birth date, letter of the birth name, serial number (§ 2 VKVV).
fn rvnr(symbols: &[u8]) -> bool {
    let mut digits = [0_u8; 12];
    digits[..8].copy_from_slice(&symbols[..8]);
    digits[8..10].copy_from_slice(&place(symbols[8]));
    digits[10..].copy_from_slice(&symbols[9..11]);
    let sum = digit_sums(&digits, &[2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]);
    number(&symbols[..2]) >= 2 && is_ddmmyy(&symbols[2..8]) && sum % 10 == u32::from(symbols[11])
}

/// A letter and nine digits, the last of them the check digit (§ 290 SGB V).
fn kvnr(symbols: &[u8]) -> bool {
    let mut digits = [0_u8; 10];
    digits[..2].copy_from_slice(&place(symbols[0]));
    digits[2..].copy_from_slice(&symbols[1..9]);
    digit_sums(&digits, &[1, 2, 1, 2, 1, 2, 1, 2, 1, 2]) % 10 == u32::from(symbols[9])
}

/// Nine symbols without vowels, and perhaps their 7-3-1 check digit. The first says which office issued it.
fn id_card(symbols: &[u8]) -> bool {
    let alphabet = |symbol: &u8| is_digit(*symbol) || b"CFGHJKLMNPRTVWXYZ".contains(symbol);
    let (serial, check) = symbols.split_at(9);
    b"CFGHJKLMNPRTVWXYZ".contains(&serial[0])
        && serial.iter().all(alphabet)
        && serial.iter().filter(|&&symbol| is_digit(symbol)).count() >= 2
        && check
            .first()
            .is_none_or(|&check| u32::from(check) == weights_7_3_1(serial.iter().map(|&symbol| value(symbol))))
}

/// Serial number, check digit, birth date; a month of 13 to 15 where the serial numbers of a day ran out.
fn svnr(digits: &[u8]) -> bool {
    let (day, month, year) = (number(&digits[4..6]), number(&digits[6..8]), number(&digits[8..]));
    let sum = weighted(digits, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11;
    let dated = is_day(year, month, day) || matches!(month, 13..=15) && (1..=31).contains(&day);
    digits[0] != 0 && dated && sum == u32::from(digits[3])
}

/// Birth date (month plus 20 or 40 for those not registered), serial number, 97 minus the rest by 97; for births since
/// 2000 with a 2 before the number.
fn national_number(digits: &[u8]) -> bool {
    let month = number(&digits[2..4]);
    let dated = month % 20 <= 12 && month <= 52 && number(&digits[4..6]) <= 31;
    let (body, check) = (number(&digits[..9]), number(&digits[9..]));
    let holds = |body: u64| 97 - body % 97 == check;
    dated && body != 0 && (holds(body) || holds(2_000_000_000 + body))
}

/// The eleven test, in which the last digit counts −1.
fn bsn(digits: &[u8]) -> bool {
    let (check, body) = (u32::from(digits[digits.len() - 1]), &digits[..digits.len() - 1]);
    let sum = weighted(body, &[9, 8, 7, 6, 5, 4, 3, 2][8 - body.len()..]);
    number(digits) > 1_000_000 && sum % 11 == check
}

/// Sex, year and month of birth, place, serial number, 97 minus the rest by 97; 2A and 2B (Corsica) count as 19 and 18.
fn nir(symbols: &[u8]) -> bool {
    let mut digits = [0_u8; 15];
    digits.copy_from_slice(symbols);
    match symbols[6] {
        letter @ (b'A' | b'B') if symbols[5] == 2 => {
            digits[5] = 1;
            digits[6] = if letter == b'A' { 9 } else { 8 };
        }
        _ if !symbols.iter().copied().all(is_digit) => return false,
        _ => {}
    }
    let sex = matches!(digits[0], 1..=4 | 7 | 8);
    let month = matches!(number(&digits[3..5]), 1..=12 | 20..=42 | 50..=99);
    let place = value(digits[5]) + value(digits[6]) > 0;
    sex && month && place && 97 - number(&digits[..13]) % 97 == number(&digits[13..])
}
