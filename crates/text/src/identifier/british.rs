//! Identifiers of Britain, Ireland, Canada, Australia, New Zealand, South Africa and Nigeria.

use super::Rule;
use super::check::{eleven_minus, is_digit, is_yymmdd, luhn, number, value, verhoeff, weighted};
use crate::Entity;

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule {
        entity: Entity::UkNhs,
        name: "uk-nhs",
        alone: &[],
        named: &["9999999999", "999 999 9999", "999-999-9999"],
        check: nhs,
        words: &["nhs", "nhs no", "nhs number", "national health"],
    },
    Rule {
        entity: Entity::UkNino,
        name: "uk-nino",
        alone: &["AA999999A", "AA 99 99 99 A", "AA 999999 A", "AA-99-99-99-A"],
        named: &["AA 99 9999A"],
        check: nino,
        words: &["ni", "nino", "ni number", "ni no", "national insurance", "insurance number"],
    },
    Rule {
        entity: Entity::UkDrivingLicence,
        name: "uk-driving-licence",
        alone: &["XXXXXXXXXXXXXXXX", "XXXXX XXXXXX XXXXX", "AAAAA 999999 AA9AA", "XXXXXXXXXXXXXXXX 99", "AAAAA 999999 A99AA"],
        named: &[],
        check: driving_licence,
        words: &["dvla", "driving licence", "driving license", "driver number", "licence no", "licence number"],
    },
    Rule {
        entity: Entity::UkUtr,
        name: "uk-utr",
        alone: &[],
        named: &["9999999999", "99999 99999"],
        check: utr,
        words: &["utr", "unique taxpayer", "tax reference", "self assessment"],
    },
    Rule {
        entity: Entity::UkPassport,
        name: "uk-passport",
        alone: &[],
        named: &["999999999"],
        check: |_| true,
        words: &["passport", "passport no", "passport number", "hmpo"],
    },
    Rule {
        entity: Entity::IePps,
        name: "ie-pps",
        alone: &["9999999A", "9999999AA"],
        named: &["9999999 A", "9999999 AA"],
        check: pps,
        words: &["pps", "ppsn", "pps no", "pps number", "personal public service", "rsi"],
    },
    Rule {
        entity: Entity::CaSin,
        name: "ca-sin",
        alone: &[],
        named: &["999 999 999", "999-999-999", "999999999"],
        check: |digits| !matches!(digits[0], 0 | 8) && luhn(digits),
        words: &["sin", "nas", "social insurance", "assurance sociale", "sin number"],
    },
    Rule {
        entity: Entity::AuTfn,
        name: "au-tfn",
        alone: &[],
        named: &["999 999 999", "999-999-999", "999999999", "99 999 999", "99999999"],
        check: tfn,
        words: &["tfn", "tax file", "tax file number"],
    },
    Rule {
        entity: Entity::AuMedicare,
        name: "au-medicare",
        alone: &[],
        named: &["9999 99999 9", "9999-99999-9", "9999999999", "99999999999", "9999 99999 9 9", "9999 99999 9/9", "9999 99999 9-9"],
        check: medicare,
        words: &["medicare", "medicare no", "medicare number", "medicare card"],
    },
    Rule {
        entity: Entity::AuAbn,
        name: "au-abn",
        alone: &[],
        named: &["99 999 999 999", "99999999999", "99-999-999-999"],
        check: abn,
        words: &["abn", "business number", "australian business number"],
    },
    Rule {
        entity: Entity::AuAcn,
        name: "au-acn",
        alone: &[],
        named: &["999 999 999", "999999999"],
        check: |digits| (10 - weighted(digits, &[8, 7, 6, 5, 4, 3, 2, 1]) % 10) % 10 == u32::from(digits[8]),
        words: &["acn", "company number", "australian company number"],
    },
    Rule {
        entity: Entity::NzIrd,
        name: "nz-ird",
        alone: &[],
        named: &["99-999-999", "999-999-999", "99 999 999", "999 999 999", "99999999", "999999999"],
        check: ird,
        words: &["ird", "ird number", "ird no", "inland revenue"],
    },
    Rule {
        entity: Entity::ZaId,
        name: "za-id",
        alone: &[],
        named: &["9999999999999", "999999 9999 999", "999999 9999 99 9"],
        check: |digits| is_yymmdd(digits) && digits[10] <= 2 && luhn(digits),
        words: &["id number", "id no", "identity number", "rsa id", "sa id", "south african id", "identiteitsnommer"],
    },
    Rule {
        entity: Entity::NgNin,
        name: "ng-nin",
        alone: &[],
        named: &["99999999999", "9999 999 9999"],
        check: verhoeff,
        words: &["nin", "nimc", "national identification", "national identity number"],
    },
];

/// Mod 11 with weights 10 to 2 (NHS Data Dictionary, NHS NUMBER).
fn nhs(digits: &[u8]) -> bool {
    let check = eleven_minus(weighted(digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]), 10, 0);
    check == u32::from(digits[9]) && number(digits) != 0
}

/// Prefixes that HMRC does not allocate are refused; the suffix is A to D.
fn nino(symbols: &[u8]) -> bool {
    let [first, second, .., suffix] = symbols else {
        return false;
    };
    let never: [[u8; 2]; 7] = [*b"BG", *b"GB", *b"NK", *b"KN", *b"TN", *b"NT", *b"ZZ"];
    !b"DFIQUV".contains(first)
        && !b"DFIQUVO".contains(second)
        && !never.contains(&[*first, *second])
        && (b'A'..=b'D').contains(suffix)
}

/// Five letters of the surname filled up with 9, decade, month (plus 50 for women), day, year, two initials or 9, and
/// three symbols that make it unique, the last two of them letters.
fn driving_licence(symbols: &[u8]) -> bool {
    let (surname, rest) = symbols.split_at(5);
    let letters = surname.iter().take_while(|symbol| symbol.is_ascii_uppercase()).count();
    let Some((birth, rest)) = rest.split_at_checked(6) else {
        return false;
    };
    let initial = |symbol: u8| symbol.is_ascii_uppercase() || symbol == 9;
    letters > 0
        && surname[letters..].iter().all(|&symbol| symbol == 9)
        && birth.iter().copied().all(is_digit)
        && matches!(number(&birth[1..3]), 1..=12 | 51..=62)
        && (1..=31).contains(&number(&birth[3..5]))
        && matches!(rest, [a, b, c, d, e, ..] if a.is_ascii_uppercase() && initial(*b) && is_digit(*c)
            && d.is_ascii_uppercase() && e.is_ascii_uppercase())
}

/// Mod 11; the check digit stands first.
fn utr(digits: &[u8]) -> bool {
    const CHECKS: [u8; 11] = [2, 1, 9, 8, 7, 6, 5, 4, 3, 2, 1];
    let rest = weighted(&digits[1..], &[6, 7, 8, 9, 10, 5, 4, 3, 2]) % 11;
    CHECKS[rest as usize] == digits[0]
}

/// Seven digits and a check letter, mod 23; since 2013 a second letter counts nine times its place in the alphabet.
fn pps(symbols: &[u8]) -> bool {
    let second = match symbols.get(8) {
        None | Some(b'W' | b'T' | b'X') => 0,
        Some(letter @ b'A'..=b'I') => value(*letter) - 9,
        Some(_) => return false,
    };
    let rest = (weighted(&symbols[..7], &[8, 7, 6, 5, 4, 3, 2]) + 9 * second) % 23;
    let check = if rest == 0 { b'W' } else { b'@' + rest as u8 };
    symbols[7] == check && number(&symbols[..7]) != 0
}

/// Mod 11 with the weights of the Australian Taxation Office, for nine digits and for the older eight.
fn tfn(digits: &[u8]) -> bool {
    let weights: &[u32] = if digits.len() == 9 { &[1, 4, 3, 7, 5, 8, 6, 9, 10] } else { &[10, 7, 8, 4, 6, 3, 5, 1] };
    weighted(digits, weights).is_multiple_of(11) && number(digits) != 0
}

/// Eight digits, their check digit, the number of the issue and perhaps of the person on the card.
fn medicare(digits: &[u8]) -> bool {
    (2..=6).contains(&digits[0])
        && weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == u32::from(digits[8])
        && digits[9] != 0
        && digits.get(10) != Some(&0)
}

/// Mod 89 after one is taken from the first digit (Australian Business Register).
fn abn(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    digits[0] != 0 && (sum - 10).is_multiple_of(89)
}

/// Mod 11 with a second set of weights where the first gives ten (Inland Revenue, RWT-NRWT specification).
fn ird(digits: &[u8]) -> bool {
    let (body, check) = (&digits[..digits.len() - 1], u32::from(digits[digits.len() - 1]));
    let with = |weights: [u32; 8]| {
        let rest = weighted(body, &weights[8 - body.len()..]) % 11;
        if rest == 0 { 0 } else { 11 - rest }
    };
    let first = with([3, 2, 7, 6, 5, 4, 3, 2]);
    let expected = if first == 10 { with([7, 4, 3, 2, 5, 2, 7, 6]) } else { first };
    (10_000_000..=150_000_000).contains(&number(digits)) && expected == check
}
