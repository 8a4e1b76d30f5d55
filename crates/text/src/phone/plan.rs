//! Numbering plans: which groups of digits are a telephone number, and how much support they need.

use std::ops::RangeInclusive;

use super::Written;
use super::other::{Gaps, Separator, counts_up, in_a_row_of_pairs, is_something_else, value};

/// What a shape needs before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    /// A word that has to do with calling, on either side.
    Word,
    /// A word that hardly means anything else.
    StrongWord,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reading {
    pub(super) confidence: f32,
    pub(super) needs: Needs,
}

const fn reading(confidence: f32, needs: Needs) -> Reading {
    Reading { confidence, needs }
}

pub(crate) const DIGITS_MIN: usize = 7;

pub(super) fn classify(bytes: &[u8], written: &Written) -> Option<Reading> {
    let mut buffer = [0_u8; super::DIGITS_MAX];
    let number = crate::digits::collect(&bytes[written.start..written.end()], &mut buffer)?;
    if number.len() < DIGITS_MIN {
        return None;
    }
    if written.plus {
        return international(number, written.count);
    }
    let mut lengths = [0_usize; super::GROUPS_MAX];
    for (length, (start, end)) in lengths.iter_mut().zip(written.groups()) {
        *length = end - start;
    }
    let lengths = &lengths[..written.count];
    let gaps = Gaps::of(bytes, written.groups());
    if is_something_else(number, lengths, gaps) {
        return None;
    }
    exit_code(number, lengths)
        .or_else(|| trunk_zero(bytes, written, number, lengths, gaps))
        .or_else(|| north_american(number, lengths, gaps))
        .or_else(|| by_context(lengths, number.len()))
}

/// `+` and a country code that exists, with a national number of a length that country uses (ITU-T E.164).
fn international(number: &[u8], groups: usize) -> Option<Reading> {
    let (code, national) = country_code(number)?;
    let trunk = usize::from(national.first() == Some(&0) && !matches!(code, 1 | 39));
    let length = national.len() - trunk;
    let grouped = groups > 1;
    let known = national_lengths(code).contains(&length);
    // An area that was never issued is a typing error or generated data when the groups are there to see.
    let area = code != 1 || (2..=9).contains(&national[0]) || groups >= 4;
    let enough = if grouped { number.len() >= 8 } else { number.len() >= 10 };
    if known && area && enough { Some(reading(0.9, Needs::Nothing)) } else { None }
}

/// `00` or `001` in place of the `+`.
fn exit_code(number: &[u8], lengths: &[usize]) -> Option<Reading> {
    let [0, 0, rest @ ..] = number else {
        return None;
    };
    let (code, national) = country_code(rest)?;
    if !national_lengths(code).contains(&national.len()) || (code == 1 && national[0] < 2) {
        return None;
    }
    if lengths.len() >= 3 { Some(reading(0.75, Needs::Nothing)) } else { Some(reading(0.65, Needs::StrongWord)) }
}

/// The three-digit area, three-digit exchange and four-digit line of the North American plan.
fn north_american(number: &[u8], lengths: &[usize], gaps: Gaps) -> Option<Reading> {
    let (shape, national) = match (lengths, number) {
        ([1, shape @ ..], [1, national @ ..]) if number.len() == 11 => (shape, national),
        _ => (lengths, number),
    };
    match (shape, national) {
        ([3, 3, 4], [area, _, _, exchange, ..]) => {
            let issued = (2..=9).contains(area) && (2..=9).contains(exchange);
            if issued && !gaps.all(Separator::Space) && !gaps.all(Separator::Slash) {
                Some(reading(0.8, Needs::Nothing))
            } else {
                Some(reading(0.65, Needs::Word))
            }
        }
        ([3, 4], _) => Some(reading(0.55, Needs::Word)),
        _ => None,
    }
}

/// National numbers that start with the trunk prefix 0, as most of Europe, Japan, Turkey and Australia write them.
fn trunk_zero(bytes: &[u8], written: &Written, number: &[u8], lengths: &[usize], gaps: Gaps) -> Option<Reading> {
    let [0, 1..=9, ..] = number else { return None };
    if !(9..=12).contains(&number.len()) || lengths.len() < 2 || lengths[0] < 2 {
        return None;
    }
    let strong = match lengths {
        [2, 2, 2, 2, 2] => !gaps.all(Separator::Slash) && !in_a_row_of_pairs(bytes, written) && !counts_up(number),
        _ if written.parenthesis && gaps.any_parenthesis => true,
        [3..=5, 5..=8] if gaps.all(Separator::Slash) || gaps.all(Separator::Space) || gaps.all(Separator::Hyphen) => {
            true
        }
        [2..=5, rest @ ..] => {
            rest.len() >= 2
                && rest.iter().all(|length| (2..=4).contains(length))
                && lengths.iter().any(|&length| length > 2)
        }
        _ => false,
    };
    if strong { Some(reading(0.6, Needs::Nothing)) } else { Some(reading(0.55, Needs::Word)) }
}

/// Everything else that a person could mean when the text speaks of calling.
fn by_context(lengths: &[usize], digits: usize) -> Option<Reading> {
    match lengths {
        [7..=13] => Some(reading(0.5, Needs::StrongWord)),
        [1..=5, rest @ ..]
            if !rest.is_empty() && digits <= 13 && rest.iter().all(|length| (2..=8).contains(length)) =>
        {
            Some(reading(0.55, Needs::Word))
        }
        _ => None,
    }
}

/// Splits a number without its `+` into the country code and the rest.
fn country_code(number: &[u8]) -> Option<(u32, &[u8])> {
    (1..=3).find_map(|length| {
        let code = value(number.get(..length)?);
        let rest = &number[length..];
        (!rest.is_empty() && number[0] != 0 && COUNTRY_CODES.iter().any(|range| range.contains(&code)))
            .then_some((code, rest))
    })
}

/// Assigned country codes (ITU-T, list of E.164 codes). No code begins another, so the first match is the only one.
#[rustfmt::skip]
const COUNTRY_CODES: &[RangeInclusive<u32>] = &[
    1..=1, 7..=7, 20..=20, 27..=27, 30..=34, 36..=36, 39..=41, 43..=49, 51..=58, 60..=66, 81..=82, 84..=84, 86..=86,
    90..=95, 98..=98, 211..=213, 216..=216, 218..=218, 220..=258, 260..=269, 290..=291, 297..=299, 350..=359,
    370..=378, 380..=383, 385..=387, 389..=389, 420..=421, 423..=423, 500..=509, 590..=599, 670..=670, 672..=683,
    685..=692, 800..=800, 850..=850, 852..=853, 855..=856, 880..=880, 886..=886, 960..=968, 970..=977, 979..=979, 992..=996, 998..=998,
];

/// Lengths of a national number without the trunk prefix. Unlisted countries, and those whose
/// numbers vary most (Germany, Italy): six digits to the E.164 limit.
fn national_lengths(code: u32) -> RangeInclusive<usize> {
    match code {
        1 | 7 | 30 | 52 | 90 | 91 => 10..=10,
        27 | 31..=34 | 36 | 41 | 48 | 61 | 66 | 212 | 213 | 351 | 352 | 380 | 420 | 421 | 966 | 971 | 972 => 8..=9,
        44 | 81 => 9..=10,
        45 | 47 | 65 | 852 => 8..=8,
        46 => 7..=10,
        54 | 55 | 86 => 10..=11,
        _ => 6..=12,
    }
}
