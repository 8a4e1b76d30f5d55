//! What many countries have: plates, postcodes, accounts.

use super::Rule;
use super::check::{is_digit, number};
use crate::Entity;

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule {
        entity: Entity::LicencePlate,
        name: "licence-plate",
        alone: &[],
        named: &[
            "AA99 AAA", "AA99AAA", "A999 AAA", "AA 99 AA 9999", "AA 99 A 9999", "AA99AA9999", "AA-99-AA-9999",
            "A-AA 9999", "A-AA 999", "A-AA 99", "AA-AA 9999", "AA-AA 999", "AA-AA 99", "AAA-AA 999", "AAA-AA 99",
            "AA-A 9999", "AA-A 999", "AAA-A 999", "A-A 9999", "AA 999 AA", "AA-999-AA", "AAA 9999", "AAA-9999", "A AA 9999",
            "AA AA 999", "AA AA 9999",
        ],
        check: |_| true,
        words: &[
            "plate", "plates", "license plate", "licence plate", "number plate", "registration", "reg", "reg no",
            "kennzeichen", "nummernschild", "vehicle no", "matrícula", "targa", "immatriculation", "vrn",
        ],
    },
    Rule {
        entity: Entity::Postcode,
        name: "postcode",
        alone: &[],
        named: &[
            "99999", "99999-9999", "A9A 9A9", "A9A9A9", "9999 AA", "9999AA", "A9 9AA", "A99 9AA", "AA9 9AA", "AA99 9AA",
            "A9A 9AA", "AA9A 9AA", "999999", "9999", "99999-999", "999-9999", "99-999",
        ],
        check: postcode,
        words: &[
            "postcode", "post code", "postal code", "zip", "zip code", "zipcode", "plz", "postleitzahl", "code postal",
            "cap", "código postal", "codigo postal", "cep", "address", "adresse", "pin code", "pincode", "eircode",
        ],
    },
    Rule {
        entity: Entity::BankAccount,
        name: "bank-account",
        alone: &[],
        named: &[
            "999999", "9999999", "99999999", "999999999", "9999999999", "99999999999", "999999999999", "9999999999999",
            "99999999999999", "999-999999-9", "999-9999999", "9999-9999-9999", "99 9999 9999999 99",
        ],
        check: |digits| number(digits) != 0,
        words: &[
            "account", "account no", "account number", "acct", "acct no", "a/c", "bank account", "kontonummer",
            "konto", "kto", "cuenta", "compte", "checking", "savings",
        ],
    },
    Rule {
        entity: Entity::BankAccount,
        name: "sort-code",
        alone: &[],
        named: &["99-99-99", "99 99 99", "999999"],
        check: |digits| number(digits) != 0,
        words: &["sort code", "sort-code", "sortcode", "bankleitzahl"],
    },
];

/// Letters that Canada and Britain leave out of their postcodes.
fn postcode(symbols: &[u8]) -> bool {
    let letters: Vec<_> = symbols.iter().copied().filter(|&symbol| !is_digit(symbol)).collect();
    match symbols {
        [a, d, ..] if a.is_ascii_uppercase() && is_digit(*d) && symbols.len() == 6 && letters.len() == 3 => {
            !letters.iter().any(|letter| b"DFIOQU".contains(letter)) || !symbols[4..].iter().any(|&s| is_digit(s))
        }
        [first, ..] if first.is_ascii_uppercase() => !b"QVX".contains(first),
        digits if letters.is_empty() => number(digits) != 0,
        _ => true,
    }
}
