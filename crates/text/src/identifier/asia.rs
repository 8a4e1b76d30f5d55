//! Identifiers of China, Korea, Japan, Singapore, Hong Kong, Taiwan, Malaysia, Thailand, Indonesia and India.

use super::Rule;
use super::check::{is_day, is_digit, is_yymmdd, is_yyyymmdd, number, value, verhoeff, weighted};
use crate::Entity;

#[rustfmt::skip]
const KOREAN: &[&str] = &["주민등록번호", "주민번호", "외국인등록번호", "rrn", "resident registration", "registration number", "jumin"];

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule {
        entity: Entity::CnRic,
        name: "cn-ric",
        alone: &["999999999999999999", "99999999999999999A"],
        named: &["999999 99999999 9999", "999999 99999999 999A"],
        check: ric,
        words: &["身份证", "身份证号", "身份证号码", "公民身份", "resident identity", "id card", "shenfenzheng"],
    },
    Rule {
        entity: Entity::KrRrn,
        name: "kr-rrn",
        alone: &["999999-9999999"],
        named: &["9999999999999"],
        check: |digits| rrn_dated(digits) && rrn_check(digits),
        words: KOREAN,
    },
    Rule {
        entity: Entity::KrRrn,
        name: "kr-rrn-since-2020",
        alone: &[],
        named: &["999999-9999999"],
        check: rrn_dated,
        words: KOREAN,
    },
    Rule {
        entity: Entity::JpMyNumber,
        name: "jp-my-number",
        alone: &[],
        named: &["999999999999", "9999 9999 9999", "9999-9999-9999"],
        check: my_number,
        words: &["マイナンバー", "個人番号", "my number", "mynumber", "individual number", "kojin bango"],
    },
    Rule {
        entity: Entity::SgNric,
        name: "sg-nric",
        alone: &["A9999999A"],
        named: &["A 9999999 A", "A-9999999-A"],
        check: nric,
        words: &["nric", "fin", "fin no", "nric/fin", "identity card", "ic no", "ic number"],
    },
    Rule {
        entity: Entity::HkId,
        name: "hk-id",
        alone: &["A999999(9)", "A999999(A)", "AA999999(9)", "AA999999(A)"],
        named: &["A9999999", "A999999A", "AA9999999", "AA999999A", "A999999 (9)", "A999999-9", "A 999999 (9)"],
        check: hkid,
        words: &["hkid", "hong kong id", "香港身份證", "身份證", "identity card", "hkid no", "hkic"],
    },
    Rule {
        entity: Entity::TwId,
        name: "tw-id",
        alone: &["A999999999"],
        named: &[],
        check: taiwanese,
        words: &["身分證", "身份證", "身分證字號", "統一編號", "national id", "arc", "居留證"],
    },
    Rule {
        entity: Entity::MyNric,
        name: "my-nric",
        alone: &["999999-99-9999"],
        named: &["999999999999", "999999 99 9999"],
        check: mykad,
        words: &["nric", "mykad", "ic no", "ic number", "no. kp", "no kp", "kad pengenalan", "no. ic", "ic"],
    },
    Rule {
        entity: Entity::ThId,
        name: "th-id",
        alone: &["9-9999-99999-99-9"],
        named: &["9999999999999", "9 9999 99999 99 9"],
        check: |digits| {
            let check = (11 - weighted(digits, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 10;
            (1..=8).contains(&digits[0]) && check == u32::from(digits[12])
        },
        words: &["บัตรประชาชน", "เลขประจำตัวประชาชน", "เลขประจำตัว", "thai id", "national id", "citizen id", "id card"],
    },
    Rule {
        entity: Entity::IdNik,
        name: "id-nik",
        alone: &[],
        named: &["9999999999999999", "9999 9999 9999 9999", "99.9999.999999.9999"],
        check: nik,
        words: &["nik", "ktp", "no ktp", "nomor induk", "no. ktp", "e-ktp", "kartu tanda penduduk", "no kk"],
    },
    Rule {
        entity: Entity::InAadhaar,
        name: "in-aadhaar",
        alone: &["9999 9999 9999", "9999-9999-9999"],
        named: &["999999999999"],
        check: |digits| digits[0] >= 2 && verhoeff(digits),
        words: &["aadhaar", "aadhar", "adhaar", "uidai", "uid", "आधार", "aadhaar no", "aadhaar number"],
    },
    Rule {
        entity: Entity::InPan,
        name: "in-pan",
        alone: &["AAAAA9999A"],
        named: &[],
        check: |symbols| b"PCHFATBLJG".contains(&symbols[3]) && number(&symbols[5..9]) != 0,
        words: &["pan", "permanent account", "pan no", "pan card", "income tax"],
    },
    Rule {
        entity: Entity::InGstin,
        name: "in-gstin",
        alone: &["XXXXXXXXXXXXXXX"],
        named: &[],
        check: gstin,
        words: &["gstin", "gst", "gst no", "gst number"],
    },
    Rule {
        entity: Entity::InVoterId,
        name: "in-voter-id",
        alone: &[],
        named: &["AAA9999999"],
        check: |_| true,
        words: &["voter", "voter id", "epic", "epic no", "election commission", "elector"],
    },
];

/// Province, place, birth date, serial number, ISO 7064 mod 11-2 (GB 11643-1999).
fn ric(symbols: &[u8]) -> bool {
    let sum = weighted(symbols, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    let check = match (12 - sum % 11) % 11 {
        10 => b'X',
        digit => digit as u8,
    };
    let province = matches!(
        number(&symbols[..2]),
        11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83
    );
    province && is_yyyymmdd(&symbols[6..14]) && check == symbols[17]
}

/// Birth date and a digit for sex and century, 5 to 8 for foreigners.
fn rrn_dated(digits: &[u8]) -> bool {
    (1..=8).contains(&digits[6]) && is_yymmdd(digits)
}

/// Mod 11, two more for foreigners. Numbers given since October 2020 have no check digit.
fn rrn_check(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11;
    let add = if digits[6] >= 5 { 13 } else { 11 };
    (add - sum) % 10 == u32::from(digits[12])
}

/// Mod 11 (Ministerial ordinance 85 of 2014).
fn my_number(digits: &[u8]) -> bool {
    let rest = weighted(digits, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    let check = if rest < 2 { 0 } else { 11 - rest };
    number(digits) != 0 && check == u32::from(digits[11])
}

/// A letter for the series, seven digits, mod 11 with an offset and letters of each series' own.
fn nric(symbols: &[u8]) -> bool {
    let (offset, letters) = match symbols[0] {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"XWUTRQPNJLK"),
        _ => return false,
    };
    let sum = offset + weighted(&symbols[1..], &[2, 7, 6, 5, 4, 3, 2]);
    letters[(sum % 11) as usize] == symbols[8]
}

/// One or two letters and six digits, mod 11 with ten written as A; an absent first letter counts 36.
fn hkid(symbols: &[u8]) -> bool {
    let (check, body) = (symbols[symbols.len() - 1], &symbols[..symbols.len() - 1]);
    let check = match check {
        b'A' => 10,
        digit @ 0..=9 => u32::from(digit),
        _ => return false,
    };
    let filler = if body.len() == 7 { 36 * 9 } else { 0 };
    let weights = &[9, 8, 7, 6, 5, 4, 3, 2][8 - body.len()..];
    (filler + weighted(body, weights) + check).is_multiple_of(11)
}

/// A letter for the place, a digit for sex or kind of residence, mod 10.
fn taiwanese(symbols: &[u8]) -> bool {
    /// Letters in the order of the two-digit numbers, from ten, that they stand for.
    const PLACES: &[u8; 26] = b"ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let Some(place) = PLACES.iter().position(|&letter| letter == symbols[0]) else {
        return false;
    };
    let (tens, units) = (1 + place as u32 / 10, place as u32 % 10);
    let sum = tens + 9 * units + weighted(&symbols[1..], &[8, 7, 6, 5, 4, 3, 2, 1, 1]);
    matches!(symbols[1], 1 | 2 | 8 | 9) && sum.is_multiple_of(10)
}

/// Birth date and place of birth (Jabatan Pendaftaran Negara).
fn mykad(digits: &[u8]) -> bool {
    is_yymmdd(digits) && !matches!(number(&digits[6..8]), 0 | 17..=20 | 69 | 70 | 73 | 80 | 81 | 94..=97)
}

/// Province, district, birth date with the day plus 40 for women, serial number.
fn nik(digits: &[u8]) -> bool {
    let day = number(&digits[6..8]);
    let day = if day > 40 { day - 40 } else { day };
    let province = matches!(number(&digits[..2]), 11..=21 | 31..=36 | 51..=53 | 61..=65 | 71..=76 | 81 | 82 | 91..=97);
    province && is_day(number(&digits[10..12]), number(&digits[8..10]), day) && number(&digits[12..]) != 0
}

/// State, the company's PAN, a number, Z, mod 36 with alternating weights.
fn gstin(symbols: &[u8]) -> bool {
    let [state @ .., _, _, _] = symbols else {
        return false;
    };
    let (state, pan) = state.split_at(2);
    let shape = state.iter().copied().all(is_digit)
        && matches!(number(state), 1..=38 | 97 | 99)
        && pan[..5].iter().all(u8::is_ascii_uppercase)
        && pan[5..9].iter().copied().all(is_digit)
        && pan[9].is_ascii_uppercase();
    let worth = |(place, &symbol): (usize, &u8)| {
        let product = value(symbol) * (1 + place as u32 % 2);
        product / 36 + product % 36
    };
    let sum: u32 = symbols[..14].iter().enumerate().map(worth).sum();
    shape && symbols[13] == b'Z' && (36 - sum % 36) % 36 == value(symbols[14])
}
