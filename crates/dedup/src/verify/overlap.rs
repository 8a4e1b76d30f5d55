//! How much two sets have in common.

use super::least;

/// How similar two sets are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Measure {
    /// |A ∩ B| / |A ∪ B|.
    #[default]
    Jaccard,
    /// |A ∩ B| / |A|, where A is the text that would go: how much of it the kept text holds.
    Containment,
}

impl Measure {
    /// The similarity of sets of `one` (that would go) and `other` (kept) members of which `shared` are common; 0 for empty sets.
    pub(super) fn of(self, shared: usize, one: usize, other: usize) -> f64 {
        let whole = match self {
            Self::Jaccard => one + other - shared,
            Self::Containment => one,
        };
        if whole == 0 { 0.0 } else { shared as f64 / whole as f64 }
    }
}

/// The similarity of two ascending sets; `one` is the text that would go, `other` the one that is kept.
pub fn similarity(measure: Measure, one: &[u64], other: &[u64]) -> f64 {
    measure.of(overlap(one, other, 0).unwrap_or_default(), one.len(), other.len())
}

/// The least number of common members with which the similarity can reach `threshold`.
pub(super) fn overlap_needed(measure: Measure, threshold: f64, one: usize, other: usize) -> usize {
    match measure {
        // s / (a + b - s) ≥ t exactly where s ≥ t (a + b) / (1 + t).
        Measure::Jaccard => least(threshold * (one + other) as f64 / (1.0 + threshold)),
        Measure::Containment => least(threshold * one as f64),
    }
}

/// The number of common members of two ascending sets; `None` as soon as it is certain to stay below `needed`.
pub(super) fn overlap(one: &[u64], other: &[u64], needed: usize) -> Option<usize> {
    let (mut a, mut b, mut shared) = (0, 0, 0);
    while a < one.len() && b < other.len() {
        if shared + (one.len() - a).min(other.len() - b) < needed {
            return None;
        }
        // Some steps without looking at the bound again, each without a branch.
        let steps = (one.len() - a).min(other.len() - b);
        for _ in 0..steps {
            let (x, y) = (one[a], other[b]);
            shared += usize::from(x == y);
            a += usize::from(x <= y);
            b += usize::from(y <= x);
        }
    }
    (shared >= needed).then_some(shared)
}
