//! United States social security numbers.
//!
//! `ddd-dd-dddd` counts by itself; with spaces or dots, or as nine bare digits, a word such as `ssn` must stand nearby.
//! Never issued: area 000, 666 and 900–999, group 00, serial 0000 (SSA, POMS RM 10201.035); and two numbers that were
//! printed in advertisements and belong to nobody.

use std::ops::Range;

use crate::context::Words;
use crate::finding::Rule;
use crate::numbers::Look;
use crate::{boundary, context, digits};

pub(crate) const RULE: Rule = Rule::built_in("us-ssn");

#[rustfmt::skip]
static WORDS: Words = Words::new(&[
    "ssn", "ssns", "ss#", "social security", "social-security", "social_security", "socialsecurity",
    "social sec", "soc sec",
]);

#[rustfmt::skip]
static OTHER_WORDS: Words = Words::new(&[
    "part", "part no", "sku", "model", "serial", "order", "isbn", "invoice", "version",
]);

const ADVERTISED: [&[u8; 9]; 2] = [&[0, 7, 8, 0, 5, 1, 1, 2, 0], &[2, 1, 9, 0, 9, 9, 9, 9, 9]];

/// The number that begins with the digits `run`.
pub(crate) fn at(bytes: &[u8], run: Range<usize>) -> Look {
    let Some((span, separator)) = candidate(bytes, run) else { return Look::NOTHING };
    Look { resume: span.end, hit: confidence(bytes, &span, separator).map(|confidence| (span, confidence)) }
}

/// Nine digits, bare or as 3-2-4 with one kind of separator, free on both sides.
fn candidate(bytes: &[u8], run: Range<usize>) -> Option<(Range<usize>, Option<u8>)> {
    let start = run.start;
    let (end, separator) = match run.len() {
        9 => (run.end, None),
        3 => {
            let separator = *bytes.get(run.end).filter(|byte| matches!(byte, b'-' | b' ' | b'.'))?;
            let group = digits::run_end_within(bytes, run.end + 1, 3);
            let serial = group + 1;
            if group - run.end != 3 || bytes.get(group) != Some(&separator) {
                return None;
            }
            let end = digits::run_end_within(bytes, serial, 5);
            (end - serial == 4).then_some((end, Some(separator)))?
        }
        _ => return None,
    };
    let tied = boundary::word_before(bytes, start)
        || boundary::word_after(bytes, end)
        || matches!(start.checked_sub(1).map(|before| bytes[before]), Some(b'-'))
            && boundary::word_before(bytes, start - 1)
        || boundary::tied_before(bytes, start, b".,:/")
        || boundary::tied_after(bytes, end, b"-./")
        || boundary::thousands_after(bytes, end);
    (!tied && issued(&bytes[start..end])).then_some((start..end, separator))
}

fn issued(written: &[u8]) -> bool {
    let mut buffer = [0_u8; 9];
    let Some(digits) = digits::collect(written, &mut buffer) else {
        return false;
    };
    let [a, b, c, group @ .., e, f, g, h] = digits else {
        return false;
    };
    let area = [*a, *b, *c];
    *a != 9
        && area != [0; 3]
        && area != [6; 3]
        && group != [0; 2]
        && [*e, *f, *g, *h] != [0; 4]
        && !ADVERTISED.iter().any(|advertised| &advertised[..] == digits)
}

fn confidence(bytes: &[u8], span: &Range<usize>, separator: Option<u8>) -> Option<f32> {
    let named = context::mentioned(bytes, span, 48, 24, &WORDS);
    match separator {
        _ if named => Some(0.95),
        Some(b'-') if !context::announced(bytes, span.start, &OTHER_WORDS) => Some(0.8),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
