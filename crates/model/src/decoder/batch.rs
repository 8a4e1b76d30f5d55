//! Token ids of several examples as one rectangle.

/// Token ids of a physical batch, padded on the right to one length.
#[derive(Debug, Clone)]
pub struct TokenBatch {
    /// Row-major `[n, t]`.
    tokens: Vec<i32>,
    /// Row-major `[n, t - 1]`: weight of predicting token `j + 1`.
    pub(super) weights: Vec<f32>,
    n: usize,
    t: usize,
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
    /// Padded like [`TokenBatch::of_rows`].
    pub fn new(units: &[&[u32]], rows: usize) -> Self {
        let weights: Vec<Vec<f32>> = units
            .iter()
            .map(|unit| unit.len().saturating_sub(1))
            .map(|targets| vec![1.0 / targets.max(1) as f32; targets])
            .collect();
        let units: Vec<Row<'_>> = units.iter().zip(&weights).map(|(tokens, weights)| Row { tokens, weights }).collect();
        Self::of_rows(&units, rows)
    }

    /// Pads `sequences` to the longest of them, and to `rows` rows of nothing but padding.
    ///
    /// A row's loss is the sum of its own weighted tokens, so it does not depend on its neighbours.
    pub fn of_rows(sequences: &[Row<'_>], rows: usize) -> Self {
        let n = sequences.len().max(rows);
        let t = sequences.iter().map(|row| row.tokens.len()).max().unwrap_or(0).max(2);
        let (mut tokens, mut weights) = (vec![0; n * t], vec![0.0; n * (t - 1)]);
        for (row, sequence) in sequences.iter().enumerate() {
            for (slot, token) in tokens[row * t..].iter_mut().zip(sequence.tokens) {
                *slot = *token as i32;
            }
            let targets = sequence.tokens.len().saturating_sub(1);
            weights[row * (t - 1)..][..targets].copy_from_slice(&sequence.weights[..targets]);
        }
        Self { tokens, weights, n, t }
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
