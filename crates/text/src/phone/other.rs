//! What is written like a telephone number and is none: dates, ISBN, decimals, social security numbers, bytes.

use super::Written;
use crate::boundary;

/// What stands between the groups.
#[derive(Clone, Copy)]
pub(super) struct Gaps {
    /// The one kind of separator, when there is only one.
    separator: Option<Separator>,
    pub(super) any_parenthesis: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    Space,
    Dot,
    Hyphen,
    Slash,
}

impl Gaps {
    pub(super) fn of(bytes: &[u8], groups: &[(usize, usize)]) -> Self {
        let gaps = || groups.windows(2).map(|pair| &bytes[pair[0].1..pair[1].0]);
        let separator = |gap: &[u8]| match gap {
            b" " | b"\xc2\xa0" | b"\xe2\x80\xaf" => Some(Separator::Space),
            b"." => Some(Separator::Dot),
            b"-" => Some(Separator::Hyphen),
            b"/" => Some(Separator::Slash),
            _ => None,
        };
        let first = gaps().next().and_then(separator);
        Self {
            separator: first.filter(|_| gaps().all(|gap| separator(gap) == first)),
            any_parenthesis: gaps().any(|gap| gap.contains(&b')')),
        }
    }

    pub(super) fn all(self, separator: Separator) -> bool {
        self.separator == Some(separator)
    }
}

/// Whether the groups are a date, an ISBN, a decimal or a social security number.
pub(super) fn is_something_else(number: &[u8], lengths: &[usize], gaps: Gaps) -> bool {
    is_calendar(number, lengths, gaps) || is_book(number) || is_decimal(lengths, gaps) || is_us_ssn(lengths, gaps)
}

/// The number that the digits write.
pub(super) fn value(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |value, &digit| 10 * value + u32::from(digit))
}

/// Dates in any order, ranges of years, and a date that a time follows.
fn is_calendar(number: &[u8], lengths: &[usize], gaps: Gaps) -> bool {
    let year = |digits: &[u8]| (1800..2200).contains(&value(digits));
    let month_or_day = |digits: &[u8]| (1..=31).contains(&value(digits));
    let year_first =
        number.len() >= 8 && year(&number[..4]) && month_or_day(&number[4..6]) && month_or_day(&number[6..8]);
    let year_last =
        number.len() >= 8 && year(&number[4..8]) && month_or_day(&number[..2]) && month_or_day(&number[2..4]);
    match lengths {
        [8 | 10 | 12] | [4, 2, 2, ..] => year_first,
        [4, 4] => year(&number[..4]) && year(&number[4..8]) && !gaps.any_parenthesis,
        [2, 2, 4, ..] => year_last,
        [1 | 2, 1 | 2, 4, ..] => {
            let date = lengths[0] + lengths[1];
            year(&number[date..date + 4])
                && month_or_day(&number[..lengths[0]])
                && month_or_day(&number[lengths[0]..date])
        }
        [4, 1 | 2, 1 | 2, ..] => year(&number[..4]) && month_or_day(&number[4..4 + lengths[1]]),
        [2..=5, 8, ..] => {
            let date = &number[lengths[0]..lengths[0] + 8];
            year(&date[..4]) && (1..=12).contains(&value(&date[4..6])) && month_or_day(&date[6..8])
        }
        _ => false,
    }
}

/// ISBN-13.
fn is_book(number: &[u8]) -> bool {
    number.len() == 13 && matches!(number, [9, 7, 8 | 9, ..])
}

/// `3.14159265`, and `1.234.567` as much of Europe writes a million.
fn is_decimal(lengths: &[usize], gaps: Gaps) -> bool {
    gaps.all(Separator::Dot)
        && (lengths.len() == 2 || (lengths[0] <= 3 && lengths[1..].iter().all(|&length| length == 3)))
}

fn is_us_ssn(lengths: &[usize], gaps: Gaps) -> bool {
    lengths == [3, 2, 4] && gaps.all(Separator::Hyphen)
}

/// Bytes written in decimal or hexadecimal: another pair stands beside the ten digits.
pub(super) fn in_a_row_of_pairs(bytes: &[u8], written: &Written) -> bool {
    let (start, end) = (written.start, written.end());
    let before = bytes[start.saturating_sub(4)..start]
        .strip_suffix(b" ")
        .and_then(|rest| rest.rsplit(|&byte| byte == b' ').next());
    let after = bytes[end..].strip_prefix(b" ").map(|rest| rest.get(..3).unwrap_or(rest));
    let is_pair = |token: &[u8]| token.len() == 2 && token.iter().all(u8::is_ascii_hexdigit);
    before.is_some_and(is_pair)
        || after.is_some_and(|rest| {
            is_pair(&rest[..rest.len().min(2)]) && rest.get(2).is_none_or(|&byte| !boundary::is_word(byte))
        })
}

pub(super) fn counts_up(number: &[u8]) -> bool {
    let mut pairs = number.chunks_exact(2).map(value);
    let Some(first) = pairs.next() else {
        return false;
    };
    pairs.zip(first + 1..).all(|(pair, expected)| pair == expected)
}
