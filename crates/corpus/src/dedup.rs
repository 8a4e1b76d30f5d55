//! Exact duplicates: the texts of the output form a set.
//!
//! A row is kept when no earlier row, in input order over all shards, has a byte-equal scrubbed text. Where several texts of a
//! row are selected (prompt and completion, the turns of a conversation), "its text" below is all of them in their places; the
//! order of an object's members is no part of it, nulls and the number of elements are. Texts are compared by their 256-bit BLAKE3 digest: at that width equal digests mean equal texts even
//! against someone who can choose the texts. Rows whose text is null hold no text, are never compared and
//! all stay.
//!
//! # Why the stage has stability 1
//!
//! Claim. Let the corpus D be a sequence of rows, f the per-row scrubbing (a fixed function of the row's
//! text alone), and T(D) the collection of non-null texts in the output's text column. If D′ is D with one
//! row x inserted at any position, then T(D) and T(D′) differ in at most one element.
//!
//! Proof. Keep-first keeps one row for every distinct value of f(text), so each text occurs exactly once and
//! T(D) = { f(t) : t is a non-null text of D } as a set: the position of rows decides *which* row carries a
//! text, never *whether* the text is there. Then T(D′) = T(D) ∪ { f(x) } if x has a text, and T(D′) = T(D)
//! otherwise. The union adds one element if f(x) is new and none if it is not. Symmetrically for removal. ∎
//!
//! What the claim does not cover. If f(x) was there already and x comes earlier, then x's row replaces the
//! one kept before: the *other* columns of the output may change in one more row, and the text moves to
//! another position. So only the text column, read without regard to order (as Poisson sampling does),
//! inherits stability 1; the other columns have stability 2, and row order has no bound. Null rows pass
//! through one to one.

use std::collections::HashSet;

/// BLAKE3 of a scrubbed text.
pub(crate) type Digest = [u8; 32];

/// Digest of a text.
pub(crate) fn digest(text: &str) -> Digest {
    *blake3::hash(text.as_bytes()).as_bytes()
}

/// The texts seen so far, with an undo for the shard in progress.
///
/// Invariant: between shards `pending` is empty and `seen` holds exactly the texts of finished shards.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    seen: HashSet<Digest>,
    pending: Vec<Digest>,
}

impl Seen {
    /// Adds a text; true if it is new and its row is to be kept.
    pub(crate) fn insert(&mut self, digest: Digest) -> bool {
        let new = self.seen.insert(digest);
        if new {
            self.pending.push(digest);
        }
        new
    }

    /// The shard in progress is finished: its texts stay.
    pub(crate) fn commit(&mut self) {
        self.pending.clear();
    }

    /// The shard in progress failed: its texts must not make later rows look like repeats.
    pub(crate) fn roll_back(&mut self) {
        for digest in self.pending.drain(..) {
            self.seen.remove(&digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept(texts: &[String]) -> HashSet<String> {
        let mut seen = Seen::default();
        let mut out = HashSet::new();
        for text in texts {
            if seen.insert(digest(text)) {
                assert!(out.insert(text.clone()), "a kept text repeats");
            }
        }
        out
    }

    #[test]
    fn a_failed_shard_leaves_no_trace_and_a_finished_one_does() {
        let mut seen = Seen::default();
        assert!(seen.insert(digest("a")));
        seen.commit();
        assert!(!seen.insert(digest("a")));
        assert!(seen.insert(digest("b")));
        seen.roll_back();
        assert!(seen.insert(digest("b")), "rolled-back text must be new again");
        assert!(!seen.insert(digest("a")), "committed text must stay");
    }

    proptest! {
        #![proptest_config(crate::fixtures::proptest_config(256))]
        // The claim of the module's essay, on every insertion point of small corpora with many repeats.
        #[test]
        fn one_more_row_changes_at_most_one_text(
            texts in proptest::collection::vec("[ab]{0,2}", 0..12),
            extra in "[abc]{0,2}",
        ) {
            let base = kept(&texts);
            for at in 0..=texts.len() {
                let mut more = texts.clone();
                more.insert(at, extra.clone());
                let difference: Vec<_> = base.symmetric_difference(&kept(&more)).cloned().collect();
                prop_assert!(difference.len() <= 1);
            }
        }
    }
}
