//! Numbers of accounts, cards and people: the same layout, from what no authority issues.

use super::{Draw, digits_of, laid_out};
use crate::normal::canonical;
use crate::{Entity, checksum};

const SEPARATORS: &[char] = &[' ', '-', '.', '/', '\u{a0}'];

/// How often a number is drawn again before its checksum is let be.
const TRIES: usize = 8;

/// 400000, whose numbers are for testing, with a last digit that fails the Luhn check: no terminal takes it.
pub(super) fn make_card(value: &str, _: Entity, draw: &mut Draw) -> Option<String> {
    let count = digits_of(value, SEPARATORS)?.len();
    let free = count.checked_sub(CARD_PREFIX.len() + 1).filter(|_| CARD_LENGTHS.contains(&count))?;
    let mut made = [CARD_PREFIX, &draw.digits(free), &[draw.digit()]].concat();
    while luhn(&made) {
        made.pop();
        made.push(draw.digit());
    }
    laid_out(value, &made, SEPARATORS)
}

const CARD_PREFIX: &[u8] = b"400000";
const CARD_LENGTHS: std::ops::RangeInclusive<usize> = 12..=19;

pub(super) fn is_card(value: &str) -> bool {
    digits_of(value, SEPARATORS)
        .is_some_and(|digits| CARD_LENGTHS.contains(&digits.len()) && digits.starts_with(CARD_PREFIX) && !luhn(&digits))
}

fn luhn(digits: &[u8]) -> bool {
    checksum::luhn(&digits.iter().map(|digit| digit - b'0').collect::<Vec<_>>())
}

/// The same country, letters and digits where they were, and the check digits 00: those of a real account are 02 to 98
/// (ISO 7064). That the remainder is wrong as well is seen to, because not every reader knows that.
pub(super) fn make_iban(value: &str, entity: Entity, draw: &mut Draw) -> Option<String> {
    let written = canonical(value, entity).into_bytes();
    let [a, b, _, _, account @ ..] = &written[..] else { return None };
    let mut made = vec![*a, *b, b'0', b'0'];
    made.extend(account.iter().map(|byte| if byte.is_ascii_digit() { draw.digit() } else { draw.one_of(LETTERS) }));
    // Another last digit or letter is another remainder, unless both are one in 97.
    for _ in 0..TRIES {
        if !checksum::mod_97(&made) {
            break;
        }
        let last = made.pop()?;
        made.push(if last.is_ascii_digit() { draw.digit() } else { draw.one_of(LETTERS) });
    }
    laid_out(value, &made, SEPARATORS)
}

/// Few enough that no word is spelled.
const LETTERS: &[u8] = b"XZQ";

pub(super) fn is_iban(value: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || SEPARATORS.contains(&c);
    let written = canonical(value, Entity::Iban).into_bytes();
    value.chars().all(known)
        && written.len() > 4
        && written[..2].iter().all(u8::is_ascii_uppercase)
        && &written[2..4] == b"00"
        && written[4..].iter().all(|byte| byte.is_ascii_digit() || LETTERS.contains(byte))
        && !checksum::mod_97(&written)
}

/// Area 900–999 with group 01–49: never issued as a social security number (SSA, POMS RM 10201.035), and below the
/// groups of taxpayer numbers, 50–65, 70–88, 90–92 and 94–99 (IRS, Publication 1915), and of adoptions, 93.
pub(super) fn make_us_ssn(value: &str, _: Entity, draw: &mut Draw) -> Option<String> {
    let (area, group, serial) = (900 + draw.below(100), 1 + draw.below(49), 1 + draw.below(9999));
    laid_out(value, format!("{area}{group:02}{serial:04}").as_bytes(), SEPARATORS)
}

pub(super) fn is_us_ssn(value: &str) -> bool {
    digits_of(value, SEPARATORS).is_some_and(|digits| {
        digits.len() == 9 && digits[0] == b'9' && matches!(digits[3], b'0'..=b'4') && &digits[3..5] != b"00"
    })
}

/// A number without a range of its own: up to four zeros, as no date and hardly any registry begins, then digits of 0,
/// 7, 8 and 9, and letters of X, Z and Q. A real number of ten digits is of that form once in two million.
///
/// Drawn again, up to eight times, while it passes the Luhn check or its own recognizer takes it.
pub(super) fn make(value: &str, entity: Entity, draw: &mut Draw) -> Option<String> {
    let written = canonical_bytes(value);
    let zeros = zeros(&written);
    let mut made = String::new();
    for _ in 0..TRIES {
        let mut seen = 0;
        let filling: Vec<u8> = written
            .iter()
            .map(|byte| {
                let digit = byte.is_ascii_digit();
                seen += usize::from(digit);
                match digit {
                    true if seen <= zeros => b'0',
                    true => draw.one_of(DIGITS),
                    false => draw.one_of(LETTERS),
                }
            })
            .collect();
        made = laid_out(value, &filling, SEPARATORS)?;
        if !passes(&made, entity) {
            break;
        }
    }
    Some(made)
}

const DIGITS: &[u8] = b"0789";

pub(super) fn is(value: &str) -> bool {
    let written = canonical_bytes(value);
    let digits = || written.iter().filter(|byte| byte.is_ascii_digit());
    let zeros = zeros(&written);
    written.len() >= 3
        && value.chars().all(|c| c.is_ascii_alphanumeric() || SEPARATORS.contains(&c))
        && digits().take(zeros).all(|&digit| digit == b'0')
        && digits().all(|digit| DIGITS.contains(digit))
        && written.iter().all(|byte| byte.is_ascii_digit() || LETTERS.contains(byte))
}

fn canonical_bytes(value: &str) -> Vec<u8> {
    value.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_uppercase()).collect()
}

/// How many leading zeros a surrogate of this many digits has.
fn zeros(written: &[u8]) -> usize {
    (written.iter().filter(|byte| byte.is_ascii_digit()).count() / 2).min(4)
}

/// Whether a number looks valid: by the check that most of them share, or by its own recognizer where that needs no
/// words around it.
fn passes(made: &str, entity: Entity) -> bool {
    let digits: Vec<u8> = made.bytes().filter(u8::is_ascii_digit).collect();
    let mut findings = Vec::new();
    for recognizer in crate::recognizers(&[entity]) {
        recognizer.find(made, &mut findings);
    }
    !findings.is_empty() || (digits.len() > 1 && luhn(&digits))
}
