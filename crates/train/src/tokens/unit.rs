//! One privacy unit as the model sees it, and its rows in a physical batch.

use std::fmt;
use std::ops::Range;

use privet_model::{Row, TokenBatch};

/// Token ids of one unit, and which of them are predicted.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Unit {
    tokens: Vec<u32>,
    /// As long as `tokens`: whether a token counts in the loss. A document's first never does, having nothing before it.
    targets: Vec<bool>,
    /// Where documents after the first begin.
    starts: Vec<usize>,
}

impl fmt::Debug for Unit {
    /// Token ids are the corpus: nothing of them is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unit([hidden])")
    }
}

impl Unit {
    /// A unit of which every token is predicted.
    pub fn whole(tokens: Vec<u32>) -> Self {
        Self { targets: vec![true; tokens.len()], tokens, starts: Vec::new() }
    }

    /// Appends a token.
    pub fn push(&mut self, token: u32, predicted: bool) {
        self.tokens.push(token);
        self.targets.push(predicted);
    }

    /// Cuts a document to `most` tokens; says whether anything was cut.
    pub(crate) fn truncate(&mut self, most: usize) -> bool {
        let cut = self.tokens.len() > most;
        self.tokens.truncate(most);
        self.targets.truncate(most);
        cut
    }

    /// Appends another document. One without tokens changes nothing.
    pub(crate) fn join(&mut self, document: &Self) {
        if !self.tokens.is_empty() && !document.tokens.is_empty() {
            self.starts.push(self.tokens.len());
        }
        self.tokens.extend(&document.tokens);
        self.targets.extend(&document.targets);
    }

    /// Begins another document with the next token.
    pub(crate) fn begin(&mut self) {
        self.starts.push(self.tokens.len());
    }

    /// Its documents, at least one.
    pub(crate) fn documents(&self) -> impl Iterator<Item = Range<usize>> {
        let begins = [0].into_iter().chain(self.starts.iter().copied());
        begins.zip(self.starts.iter().copied().chain([self.tokens.len()])).map(|(begin, end)| begin..end)
    }

    /// Ids, in order.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Which of them count in the loss.
    pub fn targets(&self) -> &[bool] {
        &self.targets
    }

    /// How many tokens are predicted. A unit without any has loss 0 and contributes a zero gradient.
    pub fn predicted(&self) -> usize {
        self.documents().map(|document| self.targets[document].iter().skip(1).filter(|target| **target).count()).sum()
    }

    /// Cuts every document into sequences of at most `sequence_len` tokens, each of which begins with the last token of the one
    /// before: every token but a document's first is predicted exactly once. Always at least one, perhaps empty.
    fn cuts(&self, sequence_len: usize) -> impl Iterator<Item = Range<usize>> {
        let step = sequence_len.max(2) - 1;
        self.documents().flat_map(move |Range { start, end }| {
            let cuts = sequences(end - start, sequence_len);
            (0..cuts).map(move |cut| start + cut * step..end.min(start + (cut + 1) * step + 1))
        })
    }

    /// How many sequences that makes.
    pub(crate) fn sequences(&self, sequence_len: usize) -> usize {
        self.documents().map(|document| sequences(document.len(), sequence_len)).sum()
    }

    /// The weight of predicting each token but the first: all targets of the *unit* count alike.
    fn weights(&self) -> Vec<f32> {
        let share = 1.0 / self.predicted().max(1) as f32;
        self.targets.iter().skip(1).map(|target| if *target { share } else { 0.0 }).collect()
    }
}

/// Sequences of a document of so many tokens.
pub(crate) fn sequences(tokens: usize, sequence_len: usize) -> usize {
    tokens.saturating_sub(1).div_ceil(sequence_len.max(2) - 1).max(1)
}

/// Units in the rows of one physical batch.
pub(crate) struct Physical {
    pub(crate) batch: TokenBatch,
    /// How many of the batch's units are real; the rest is padding.
    pub(crate) units: usize,
}

impl Physical {
    /// The sequences of `units`, and at least `rows` rows.
    pub(crate) fn new(units: &[&Unit], sequence_len: usize, rows: usize) -> Self {
        let weights: Vec<Vec<f32>> = units.iter().map(|unit| unit.weights()).collect();
        let cuts: Vec<Vec<Range<usize>>> = units.iter().map(|unit| unit.cuts(sequence_len).collect()).collect();
        let row = |unit: usize, cut: &Range<usize>| Row {
            tokens: &units[unit].tokens[cut.clone()],
            weights: &weights[unit][cut.start..cut.end.saturating_sub(1).max(cut.start)],
        };
        let rows_of = |(unit, cuts): (usize, &Vec<Range<usize>>)| cuts.iter().map(|cut| row(unit, cut)).collect();
        let parts: Vec<Vec<Row<'_>>> = mutate!(cuts.iter().enumerate().map(rows_of).collect();
            EveryRowIsAUnit => cuts.iter().enumerate().flat_map(rows_of).map(|row| vec![row]).collect()
        );
        let units = parts.len();
        Self { batch: TokenBatch::of_units(&parts, rows), units }
    }
}

/// Packs units, in the order given, into physical batches of at most `rows` rows, where each unit takes as many as the one
/// with most; a unit that needs more rows than that has a batch of its own.
pub(crate) fn pack<'u>(units: &[&'u Unit], sequence_len: usize, rows: usize) -> Vec<Vec<&'u Unit>> {
    let mut batches: Vec<Vec<&Unit>> = Vec::new();
    let mut most = 0;
    for unit in units {
        let needed = unit.sequences(sequence_len);
        match batches.last_mut() {
            Some(batch) if (batch.len() + 1) * needed.max(most) <= rows => {
                batch.push(unit);
                most = needed.max(most);
            }
            _ => {
                batches.push(vec![unit]);
                most = needed;
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unit(targets: &[bool]) -> Unit {
        let mut unit = Unit::default();
        for (token, target) in targets.iter().enumerate() {
            unit.push(token as u32, *target);
        }
        unit
    }

    #[test]
    fn nothing_of_a_unit_is_shown() {
        assert_eq!(format!("{:?}", Unit::whole(vec![12_345])), "Unit([hidden])");
    }

    proptest! {
        /// Twin: walk the cuts and note with which weight each token is predicted.
        #[test]
        fn every_target_is_predicted_once_and_alike(
            documents in prop::collection::vec(prop::collection::vec(any::<bool>(), 0..20), 1..5),
            sequence_len in 2_usize..9,
        ) {
            let mut unit = Unit::default();
            let (mut targets, mut firsts) = (Vec::new(), Vec::new());
            for document in &documents {
                unit.join(&self::unit(document));
                firsts.push(targets.len());
                targets.extend(document);
            }
            let (weights, cuts) = (unit.weights(), unit.cuts(sequence_len).collect::<Vec<_>>());
            prop_assert_eq!(cuts.len(), unit.sequences(sequence_len));
            let mut seen = vec![0.0_f32; targets.len()];
            for cut in cuts {
                prop_assert!(cut.len() <= sequence_len);
                for token in cut.start + 1..cut.end {
                    seen[token] += weights[token - 1];
                }
            }
            let share = 1.0 / unit.predicted().max(1) as f32;
            for (index, target) in targets.iter().enumerate() {
                let expected = if *target && !firsts.contains(&index) { share } else { 0.0 };
                prop_assert!((seen[index] - expected).abs() < 1e-9);
            }
        }

        #[test]
        fn a_batch_is_full_or_one_unit_and_no_unit_is_lost(
            lengths in prop::collection::vec(0_usize..30, 0..30), rows in 1_usize..6,
        ) {
            let units: Vec<Unit> = lengths.iter().map(|length| Unit::whole(vec![1; *length])).collect();
            let views: Vec<&Unit> = units.iter().collect();
            let batches = pack(&views, 5, rows);
            let back: Vec<usize> = batches.iter().flatten().map(|unit| unit.tokens().len()).collect();
            prop_assert_eq!(back, lengths);
            for batch in batches {
                let most = batch.iter().map(|unit| unit.sequences(5)).max().unwrap_or(0);
                prop_assert!(batch.len() * most <= rows || batch.len() == 1);
            }
        }
    }
}
