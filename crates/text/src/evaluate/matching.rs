//! Who takes whom: gold spans and findings of one text, one to one.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;

use super::coverage::overlap;
use super::{Counts, Mark};

/// For each gold span, in order, the finding that it takes.
pub(super) fn pair(gold: &[Mark], found: &[&Mark]) -> Vec<Option<usize>> {
    let mut by_start: Vec<usize> = (0..found.len()).collect();
    by_start.sort_by_key(|&index| found[index].span.start);
    let mut taken = vec![false; found.len()];
    gold.iter()
        .map(|mark| {
            let best = best(mark, found, &by_start, &taken);
            if let Some(index) = best {
                taken[index] = true;
            }
            best
        })
        .collect()
}

fn best(mark: &Mark, found: &[&Mark], by_start: &[usize], taken: &[bool]) -> Option<usize> {
    // A finding that shares half of the union begins less than the span's own length before it.
    let reach = mark.span.start.saturating_sub(mark.span.len());
    let first = by_start.partition_point(|&index| found[index].span.start < reach);
    let near = by_start[first..].iter().copied().take_while(|&index| found[index].span.start < mark.span.end);
    near.filter(|&index| !taken[index] && found[index].label == mark.label)
        .filter(|&index| {
            let (shared, either) = shares(&mark.span, &found[index].span);
            2 * shared >= either
        })
        .max_by(|&a, &b| closeness(mark, found[a], found[b]).then(b.cmp(&a)))
}

/// Which of two findings has the greater intersection over union, without a rounding.
fn closeness(mark: &Mark, a: &Mark, b: &Mark) -> Ordering {
    let ((shared_a, either_a), (shared_b, either_b)) = (shares(&mark.span, &a.span), shares(&mark.span, &b.span));
    (shared_a as u128 * either_b as u128).cmp(&(shared_b as u128 * either_a as u128))
}

/// Characters in both spans, and in either.
fn shares(a: &Range<usize>, b: &Range<usize>) -> (usize, usize) {
    let shared = overlap(a, b);
    (shared, a.len() + b.len() - shared)
}

/// By label the counts of a pairing, and those of the exact pairs alone. A label without any is absent.
pub(super) fn count<'a>(
    gold: &'a [Mark],
    found: &[&'a Mark],
    pairing: &[Option<usize>],
) -> BTreeMap<&'a str, (Counts, Counts)> {
    let mut by_label: BTreeMap<&str, (Counts, Counts)> = BTreeMap::new();
    for mark in found {
        let (counts, exact) = by_label.entry(&mark.label).or_default();
        counts.false_positives += 1;
        exact.false_positives += 1;
    }
    for (mark, taken) in gold.iter().zip(pairing) {
        let (counts, exact) = by_label.entry(&mark.label).or_default();
        let same = taken.is_some_and(|index| found[index].span == mark.span);
        for (counts, hit) in [(counts, taken.is_some()), (exact, same)] {
            if hit {
                counts.true_positives += 1;
                counts.false_positives -= 1;
            } else {
                counts.false_negatives += 1;
            }
        }
    }
    by_label
}
