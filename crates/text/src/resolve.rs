//! Turns overlapping findings into a sorted, disjoint list.
//!
//! Findings that overlap, directly or through a chain, become one finding over all their bytes. Cutting the loser
//! back, or dropping it, would leave a part of something recognized as personal standing in the text; so the law is:
//! *the result covers exactly the bytes that the input covers*. The label comes from the strongest member: the longest,
//! then the most confident, then the later [`crate::Entity`], then the alphabetically first rule. No input order can
//! change the result. Findings that merely touch stay apart.

use std::cmp::Ordering;

use crate::Finding;

/// Merges overlapping findings; the result is sorted by position and disjoint.
///
/// Empty spans are dropped. O(n log n).
pub fn resolve(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.retain(|finding| !finding.span.is_empty());
    findings.sort_by_key(|finding| finding.span.start);
    let mut resolved = Vec::with_capacity(findings.len());
    let mut findings = findings.into_iter();
    let Some(mut strongest) = findings.next() else {
        return resolved;
    };
    let mut covered = strongest.span.clone();
    for finding in findings {
        if finding.span.start < covered.end {
            covered.end = covered.end.max(finding.span.end);
            if strength(&finding, &strongest).is_gt() {
                strongest = finding;
            }
        } else {
            strongest.span = covered;
            resolved.push(strongest);
            covered = finding.span.clone();
            strongest = finding;
        }
    }
    strongest.span = covered;
    resolved.push(strongest);
    resolved
}

fn strength(a: &Finding, b: &Finding) -> Ordering {
    a.span
        .len()
        .cmp(&b.span.len())
        .then(a.confidence.total_cmp(&b.confidence))
        .then(a.entity.cmp(&b.entity))
        .then_with(|| b.rule.cmp(&a.rule))
}
