//! Stretches of characters without their labels.

use std::ops::Range;

/// The same characters as sorted stretches that neither overlap nor touch.
pub(super) fn union<'a>(spans: impl Iterator<Item = &'a Range<usize>>) -> Vec<Range<usize>> {
    let mut sorted: Vec<Range<usize>> = spans.cloned().collect();
    sorted.sort_unstable_by_key(|span| span.start);
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(sorted.len());
    for span in sorted {
        match joined.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => joined.push(span),
        }
    }
    joined
}

/// Characters in a union.
pub(super) fn length(union: &[Range<usize>]) -> u64 {
    union.iter().map(|span| span.len() as u64).sum()
}

/// Characters in both unions.
pub(super) fn shared(one: &[Range<usize>], other: &[Range<usize>]) -> u64 {
    let (mut i, mut j, mut sum) = (0, 0, 0);
    while let (Some(a), Some(b)) = (one.get(i), other.get(j)) {
        sum += overlap(a, b) as u64;
        if a.end < b.end {
            i += 1;
        } else {
            j += 1;
        }
    }
    sum
}

/// Whether `span` has a character in the union.
pub(super) fn touches(union: &[Range<usize>], span: &Range<usize>) -> bool {
    let next = union.partition_point(|one| one.end <= span.start);
    union.get(next).is_some_and(|one| one.start < span.end)
}

/// Characters that two spans share.
pub(super) fn overlap(a: &Range<usize>, b: &Range<usize>) -> usize {
    a.end.min(b.end).saturating_sub(a.start.max(b.start))
}
