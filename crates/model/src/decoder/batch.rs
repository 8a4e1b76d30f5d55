//! Token ids of several examples as one rectangle.

/// Token ids of a physical batch, padded on the right to one length.
#[derive(Debug, Clone)]
pub struct TokenBatch {
    /// Row-major `[n, t]`.
    tokens: Vec<i32>,
    /// Row-major `[n, t - 1]`: weight of predicting token `j + 1`; a row sums to 1, or to 0 when it has no target.
    pub(super) weights: Vec<f32>,
    n: usize,
    t: usize,
}

impl TokenBatch {
    /// Pads `units` (token ids) to the longest of them, and to `rows` rows of nothing but padding.
    ///
    /// Each example's loss is the mean over its *own* predicted tokens, so it does not depend on its neighbours.
    pub fn new(units: &[&[u32]], rows: usize) -> Self {
        let n = units.len().max(rows);
        let t = units.iter().map(|unit| unit.len()).max().unwrap_or(0).max(2);
        let (mut tokens, mut weights) = (vec![0; n * t], vec![0.0; n * (t - 1)]);
        for (row, unit) in units.iter().enumerate() {
            for (slot, token) in tokens[row * t..].iter_mut().zip(*unit) {
                *slot = *token as i32;
            }
            let targets = unit.len().saturating_sub(1);
            weights[row * (t - 1)..][..targets].fill(1.0 / targets.max(1) as f32);
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
