//! Token ids of several units as one rectangle.

/// Token ids of a physical batch, padded on the right to one length.
#[derive(Debug, Clone)]
pub struct TokenBatch {
    /// Row-major `[n, t]`.
    tokens: Vec<i32>,
    /// Row-major `[n, t - 1]`: weight of predicting token `j + 1`.
    pub(super) weights: Vec<f32>,
    n: usize,
    t: usize,
    /// Rows of each unit.
    per_unit: usize,
}

/// One sequence of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Token ids.
    pub tokens: &'a [u32],
    /// Weight of predicting each token but the first; 0 where it is only read.
    pub weights: &'a [f32],
}

impl TokenBatch {
    /// One row per unit: its loss is the mean over all its predicted tokens.
    ///
    /// Padded like [`TokenBatch::of_units`].
    pub fn new(units: &[&[u32]], rows: usize) -> Self {
        let weights: Vec<Vec<f32>> = units
            .iter()
            .map(|unit| unit.len().saturating_sub(1))
            .map(|targets| vec![1.0 / targets.max(1) as f32; targets])
            .collect();
        let units: Vec<Vec<Row<'_>>> =
            units.iter().zip(&weights).map(|(tokens, weights)| vec![Row { tokens, weights }]).collect();
        Self::of_units(&units, rows)
    }

    /// Units of one or more sequences each: a unit's loss is the sum of all its weighted tokens, so it does not depend on
    /// its neighbours.
    ///
    /// Sequences are padded to the longest of them, units to as many rows as the one with most, and the whole to at least
    /// `rows` rows by units of nothing but padding. Rows of a unit lie together, so that for gradients they are one long row.
    pub fn of_units(units: &[Vec<Row<'_>>], rows: usize) -> Self {
        let per_unit = units.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let n = units.len().max(rows.div_ceil(per_unit)).max(1) * per_unit;
        let t = units.iter().flatten().map(|row| row.tokens.len()).max().unwrap_or(0).max(2);
        let (mut tokens, mut weights) = (vec![0; n * t], vec![0.0; n * (t - 1)]);
        for (unit, sequences) in units.iter().enumerate() {
            for (row, sequence) in sequences.iter().enumerate().map(|(row, sequence)| (unit * per_unit + row, sequence))
            {
                for (slot, token) in tokens[row * t..].iter_mut().zip(sequence.tokens) {
                    *slot = *token as i32;
                }
                let targets = sequence.tokens.len().saturating_sub(1);
                weights[row * (t - 1)..][..targets].copy_from_slice(&sequence.weights[..targets]);
            }
        }
        Self { tokens, weights, n, t, per_unit }
    }

    /// Units, those that are only padding included.
    pub fn units(&self) -> usize {
        self.n / self.per_unit
    }

    /// `[n, t - 1]`: examples, and positions that are read.
    pub(crate) fn shape(&self) -> [usize; 2] {
        [self.n, self.t - 1]
    }

    /// Every token but each row's last.
    pub(crate) fn inputs(&self) -> Vec<i32> {
        self.tokens.chunks(self.t).flat_map(|row| row[..self.t - 1].iter().copied()).collect()
    }

    /// Every token but each row's first.
    pub(super) fn targets(&self) -> Vec<i32> {
        self.tokens.chunks(self.t).flat_map(|row| row[1..].iter().copied()).collect()
    }
}
