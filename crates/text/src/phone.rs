//! Telephone numbers.
//!
//! Anchor: every run of digits. From it, up to eight groups are read with their separators, and every prefix of that
//! list that ends freely is offered to [`plan::classify`]; the surest reading wins, then the longest. Some shapes count
//! by themselves (`+46 8 928 571 38`, `(212) 555-0143`, `0171 1234567`), the others only with a word such as `call`
//! nearby, and bare digits only with such a word before them.
//!
//! What looks like a number to call and is not: dates, times, ISBN, prices, floats, version numbers, addresses of
//! machines, card numbers, identifiers glued to letters. Each has a row in the tests.

use std::ops::Range;

use crate::finding::Rule;
use crate::numbers::Look;
use crate::{boundary, digits};

mod nearby;
mod other;
mod plan;

use nearby::Nearby;

pub(crate) use plan::DIGITS_MIN;

pub(crate) const RULE: Rule = Rule::built_in("phone");

const GROUPS_MAX: usize = 8;
pub(crate) const DIGITS_MAX: usize = 15;
const EXTENSION_DIGITS_MAX: usize = 6;

const EXTENSION_WORDS: [&[u8]; 5] = [b"extension", b"ext.", b"ext", b"x", b"#"];

/// The number that begins with the digits `run`.
pub(crate) fn at(bytes: &[u8], run: Range<usize>) -> Look {
    number(bytes, run).map_or(Look::NOTHING, Look::hit)
}

/// A number as written: its groups of digits and what stands between them.
struct Written {
    /// Where the text starts, with `+` or `(`.
    start: usize,
    plus: bool,
    /// The first group stands in parentheses.
    parenthesis: bool,
    groups: [(usize, usize); GROUPS_MAX],
    count: usize,
}

/// The surest, then longest, number that starts at `run`.
fn number(bytes: &[u8], run: Range<usize>) -> Option<(Range<usize>, f32)> {
    let alone = run.len() < plan::DIGITS_MIN && next_group(bytes, run.end).is_none();
    if alone || run.len() > DIGITS_MAX {
        return None;
    }
    let mut written = opening(bytes, run)?;
    let mut nearby = Nearby::new(bytes, written.start);
    let mut best: Option<(usize, f32)> = None;
    while written.digits() <= DIGITS_MAX {
        let end = written.end();
        let enough = written.digits() >= plan::DIGITS_MIN;
        let reading = (enough && ends_freely(bytes, end)).then(|| plan::classify(bytes, &written)).flatten();
        if let Some(reading) = reading
            && best.is_none_or(|(_, confidence)| reading.confidence >= confidence)
            && nearby.supports(end, reading.needs)
        {
            best = Some((end, reading.confidence));
        }
        let next = next_group(bytes, end).filter(|_| written.count < GROUPS_MAX);
        let Some(next) = next else { break };
        written.groups[written.count] = (next.start, next.end);
        written.count += 1;
    }
    best.map(|(end, confidence)| (written.start..extension_end(bytes, end), confidence))
}

impl Written {
    fn groups(&self) -> &[(usize, usize)] {
        &self.groups[..self.count]
    }

    fn digits(&self) -> usize {
        self.groups().iter().map(|(start, end)| end - start).sum()
    }

    fn end(&self) -> usize {
        self.groups[self.count - 1].1
    }
}

/// How a number whose first digits are `run` opens, or `None` when it is tied to what stands before.
fn opening(bytes: &[u8], run: Range<usize>) -> Option<Written> {
    let before = |at: usize, wanted: u8| at > 0 && bytes[at - 1] == wanted;
    let closed = bytes.get(run.end) == Some(&b')');
    let parenthesis = closed && before(run.start, b'(') && run.len() < plan::DIGITS_MIN;
    let mut start = run.start - usize::from(parenthesis);
    let plus = before(start, b'+');
    if plus {
        start -= 1;
        // `(+44) 20 …`
        start -= usize::from(closed && before(start, b'('));
    }
    let tied = boundary::word_before(bytes, start)
        || boundary::tied_before(bytes, start, b".:/-+)(")
        || (before(start, b'-') && boundary::word_before(bytes, start - 1))
        || preceded_by_money(bytes, start);
    let mut groups = [(0, 0); GROUPS_MAX];
    groups[0] = (run.start, run.end);
    (!tied).then_some(Written { start, plus, parenthesis, groups, count: 1 })
}

fn preceded_by_money(bytes: &[u8], start: usize) -> bool {
    let end = start - usize::from(start > 0 && bytes[start - 1] == b' ');
    [&b"$"[..], b"\xe2\x82\xac", b"\xc2\xa3", b"\xc2\xa5"].iter().any(|sign| bytes[..end].ends_with(sign))
}

fn ends_freely(bytes: &[u8], end: usize) -> bool {
    let extension = bytes.get(end) == Some(&b'x') && boundary::digit_after(bytes, end + 1);
    (extension || !boundary::word_after(bytes, end))
        && !boundary::tied_after(bytes, end, b".:/-")
        && bytes.get(end) != Some(&b'%')
}

/// The next group of digits after `end`, over one separator or a pair such as `) `.
fn next_group(bytes: &[u8], end: usize) -> Option<Range<usize>> {
    let width = match &bytes[end..] {
        [b' ' | b'-', b'(', ..] | [b')', b' ' | b'-' | b'.' | b'/', ..] | [0xc2, 0xa0, ..] => 2,
        [b' ' | b'-' | b'.' | b'/' | b'(' | b')', ..] => 1,
        // Two hyphens and a narrow no-break space.
        [0xe2, 0x80, 0x90 | 0x91 | 0xaf, ..] => 3,
        _ => return None,
    };
    let start = end + width;
    boundary::digit_after(bytes, start).then(|| start..digits::run_end_within(bytes, start, DIGITS_MAX + 1))
}

/// After ` x123`, ` ext. 123` or `x123`.
fn extension_end(bytes: &[u8], end: usize) -> usize {
    let word = end + usize::from(bytes.get(end) == Some(&b' '));
    let Some(rest) = bytes.get(word..) else {
        return end;
    };
    let start = EXTENSION_WORDS
        .iter()
        .find(|label| rest.len() >= label.len() && rest[..label.len()].eq_ignore_ascii_case(label))
        .map(|label| word + label.len())
        .map(|at| at + usize::from(bytes.get(at) == Some(&b' ')));
    let Some(start) = start else { return end };
    let stop = digits::run_end_within(bytes, start, EXTENSION_DIGITS_MAX + 1);
    if (start + 1..=start + EXTENSION_DIGITS_MAX).contains(&stop) && !boundary::word_after(bytes, stop) {
        stop
    } else {
        end
    }
}

#[cfg(test)]
mod tests;
