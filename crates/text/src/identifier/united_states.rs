//! Identifiers of the United States. Social security numbers have a recognizer of their own.

use super::Rule;
use super::check::{is_digit, luhn, number, weighted};
use crate::Entity;

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule {
        entity: Entity::UsItin,
        name: "us-itin",
        alone: &["999-99-9999"],
        named: &["999 99 9999", "999999999"],
        check: itin,
        words: &["itin", "individual taxpayer", "taxpayer id", "taxpayer identification", "tax id", "tin"],
    },
    Rule {
        entity: Entity::UsEin,
        name: "us-ein",
        alone: &[],
        named: &["99-9999999", "999999999"],
        check: ein,
        words: &["ein", "fein", "employer id", "employer identification", "employer number", "federal tax id", "tax id"],
    },
    Rule {
        entity: Entity::UsRouting,
        name: "us-routing",
        alone: &[],
        named: &["999999999", "9999-9999-9"],
        check: routing,
        words: &["aba", "rtn", "routing", "routing number", "routing no", "transit number", "wire transfer"],
    },
    Rule {
        entity: Entity::UsNpi,
        name: "us-npi",
        alone: &[],
        named: &["9999999999", "9999-999-999", "9999 999 999"],
        check: npi,
        words: &["npi", "national provider", "provider id", "provider number", "provider identifier"],
    },
    Rule {
        entity: Entity::UsDea,
        name: "us-dea",
        alone: &[],
        named: &["AA9999999", "A99999999"],
        check: dea,
        words: &["dea", "dea number", "dea no", "prescriber"],
    },
    Rule {
        entity: Entity::UsMbi,
        name: "us-mbi",
        alone: &["XXXXXXXXXXX", "XXXX-XXX-XXXX"],
        named: &["XXXX XXX XXXX"],
        check: mbi,
        words: &["mbi", "medicare", "beneficiary", "cms"],
    },
    Rule {
        entity: Entity::UsPassport,
        name: "us-passport",
        alone: &[],
        named: &["999999999", "A99999999"],
        check: |_| true,
        words: &["passport", "passport no", "passport number", "travel document"],
    },
    Rule {
        entity: Entity::UsDriverLicense,
        name: "us-driver-license",
        alone: &[],
        named: &[
            "A9999999", "A99999999", "A999999999", "A999999999999", "A9999999999999", "A99999999999999",
            "9999999", "99999999", "999999999", "AA999999", "AA9999999", "A999-9999-9999", "A999-999-99-999-9",
            "99-999-9999", "999-99-9999",
        ],
        check: |_| true,
        words: &[
            "driver license", "driver's license", "drivers license", "driver licence", "driver's licence",
            "driving license", "driver lic", "license number", "license no", "dl", "dln", "dl#",
        ],
    },
    Rule {
        entity: Entity::MedicalRecord,
        name: "medical-record",
        alone: &[],
        named: &[
            "999999", "9999999", "99999999", "999999999", "9999999999", "A999999", "A9999999", "A99999999",
            "AA999999", "AAA999999", "AAA-999999", "AAA999999999", "AAA9999999", "AAA99999999", "A-9999999",
            "999-99-99", "999-999-999", "99-99-99",
        ],
        check: |_| true,
        words: &[
            "mrn", "medical record", "medical record number", "patient id", "patient number", "patient no", "member id",
            "member number", "claim number", "claim no", "claim id", "policy number", "subscriber id", "insurance id",
            "health plan",
        ],
    },
];

/// 9, and a group that the IRS assigns (IRM 3.21.263).
fn itin(digits: &[u8]) -> bool {
    let group = number(&digits[3..5]);
    digits[0] == 9 && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

/// A prefix that a campus of the IRS assigns.
fn ein(digits: &[u8]) -> bool {
    let prefix = number(&digits[..2]);
    let assigned =
        matches!(prefix, 1..=6 | 10..=16 | 20..=27 | 30..=48 | 50..=68 | 71..=77 | 80..=88 | 90..=95 | 98 | 99);
    assigned && number(&digits[2..]) != 0
}

/// 3-7-1 mod 10, and a prefix of a Federal Reserve district, a thrift, an electronic or a traveller's cheque number.
fn routing(digits: &[u8]) -> bool {
    let prefix = number(&digits[..2]);
    matches!(prefix, 0..=12 | 21..=32 | 61..=72 | 80)
        && number(digits) != 0
        && weighted(digits, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
}

/// Luhn over the number behind the prefix 80840 of ISO 7812.
fn npi(digits: &[u8]) -> bool {
    let mut prefixed = [8, 0, 8, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    prefixed[5..].copy_from_slice(digits);
    matches!(digits[0], 1 | 2) && luhn(&prefixed)
}

/// A registrant's letter, a letter or 9, and six digits with a check digit.
fn dea(symbols: &[u8]) -> bool {
    let (letters, digits) = symbols.split_at(2);
    let sum = weighted(digits, &[1, 2, 1, 2, 1, 2]);
    b"ABCDEFGHJKLMPRSTUX".contains(&letters[0])
        && (letters[1] == 9 || letters[1].is_ascii_uppercase())
        && sum % 10 == u32::from(digits[6])
}

/// Position by position digit, letter or either; no letter that looks like a digit.
fn mbi(symbols: &[u8]) -> bool {
    let fits = |(&symbol, class): (&u8, &u8)| match class {
        b'9' => is_digit(symbol),
        b'A' => symbol.is_ascii_uppercase(),
        _ => true,
    };
    symbols[0] != 0
        && symbols.iter().zip(b"9AX9AX9AA99").all(fits)
        && !symbols.iter().any(|symbol| b"SLOIBZ".contains(symbol))
}
