//! Continuing texts without reading them again: keys and values of what was read are kept, block by block.
//!
//! Prompts of unlike length are padded on the right. What follows stands behind the longest of them in every row, so a
//! row's slots have a gap between its prompt and its continuation: the gap is hidden, and a token's place (for
//! rotation, windows and learned positions) is counted without it. The slow twin, which reads the whole text for
//! every token, is in the tests.

use std::collections::VecDeque;

use burn::tensor::{Int, Tensor, TensorData, backend::AutodiffBackend, backend::Backend};

use super::attention::{HIDDEN, Places};
use super::layers::lift;
use super::{Decoder, Pass, Sight};

/// Texts that are being continued.
pub struct Past<A: AutodiffBackend> {
    layers: VecDeque<Option<[Tensor<A, 5>; 2]>>,
    /// Length of each prompt.
    prompts: Vec<usize>,
    /// Slots that the prompts take: the longest one's length.
    padded: usize,
    /// Tokens that were added to every row since.
    added: usize,
}

impl<A: AutodiffBackend> Past<A> {
    /// Keys and values of the next block, `[n, groups, 1, t, width]`: those of before and these.
    pub(super) fn extend(&mut self, k: Tensor<A, 5>, v: Tensor<A, 5>) -> [Tensor<A, 5>; 2] {
        let whole = match self.layers.pop_front().flatten() {
            Some([before_k, before_v]) => [Tensor::cat(vec![before_k, k], 3), Tensor::cat(vec![before_v, v], 3)],
            None => [k, v],
        };
        // The blocks come round in order, so what was taken from the front is next after all others.
        self.layers.push_back(Some(whole.clone()));
        whole
    }

    /// The place of a slot in a row's text; `None` for the gap.
    fn place(&self, row: usize, slot: usize) -> Option<usize> {
        let prompt = self.prompts[row];
        match slot {
            slot if slot < prompt => Some(slot),
            slot if slot < self.padded => None,
            slot => Some(prompt + slot - self.padded),
        }
    }
}

impl<B: Backend> Decoder<B> {
    /// Reads prompts, none of which may be empty or longer than the model's positions; returns the logits after the last
    /// token of each, `[vocab_size]` a prompt, and what is needed to go on.
    pub fn read<A: AutodiffBackend<InnerBackend = B>>(&self, prompts: &[&[u32]]) -> (Past<A>, Vec<Vec<f32>>) {
        let (n, t) = (prompts.len(), prompts.iter().map(|prompt| prompt.len()).max().unwrap_or(0));
        let mut past = Past {
            layers: vec![None; self.blocks.len()].into(),
            prompts: prompts.iter().map(|prompt| prompt.len()).collect(),
            padded: t,
            added: 0,
        };
        if n == 0 || t == 0 {
            return (past, Vec::new());
        }
        let mut tokens = vec![0; n * t];
        for (row, prompt) in prompts.iter().enumerate() {
            tokens[row * t..][..prompt.len()].iter_mut().zip(*prompt).for_each(|(slot, id)| *slot = *id as i32);
        }
        let places = Places::shared(t);
        let mut pass = Pass { past: Some(&mut past), ..self.pass(&places) };
        let hidden = self.run(&tokens, [n, t], &places, &mut pass).inner();
        let last = prompts.iter().enumerate().map(|(row, prompt)| (row * t + prompt.len().saturating_sub(1)) as i32);
        let last = Tensor::<B, 1, Int>::from_data(TensorData::new(last.collect(), [n]), &self.device);
        let logits = self.rows_of_logits(hidden.select(0, last));
        (past, logits)
    }

    /// Reads one more token of every text; returns the logits after it, `[vocab_size]` a text.
    ///
    /// A text whose end was reached is gone on with like the others, and its logits mean nothing.
    pub fn go_on<A: AutodiffBackend<InnerBackend = B>>(&self, past: &mut Past<A>, tokens: &[u32]) -> Vec<Vec<f32>> {
        let n = past.prompts.len();
        if n == 0 || tokens.len() != n {
            return Vec::new();
        }
        let ids: Vec<i32> = tokens.iter().map(|id| *id as i32).collect();
        let slots = past.padded + past.added + 1;
        let most = self.config.max_position_embeddings - 1;
        let places = past.prompts.iter().map(|prompt| (prompt + past.added).min(most)).collect();
        let places = Places { rows: n, values: places };
        let mask = |window: Option<usize>| {
            let sees = |i: usize| match past.place(i / slots, i % slots) {
                Some(place) => window.is_none_or(|window| places.values[i / slots].saturating_sub(place) < window),
                None => false,
            };
            let values: Vec<f32> = (0..n * slots).map(|i| if sees(i) { 0.0 } else { HIDDEN }).collect();
            lift(Tensor::<B, 5>::from_data(TensorData::new(values, [n, 1, 1, 1, slots]), &self.device))
        };
        let full = Sight { rope: self.rope(&places, false), mask: mask(None) };
        let windowed = Sight { rope: self.rope(&places, true), mask: mask(self.config.window) };
        past.added += 1;
        let mut pass = Pass { past: Some(past), ..Pass::plain(full, windowed) };
        self.rows_of_logits(self.run(&ids, [n, 1], &places, &mut pass).inner())
    }

    /// Logits of hidden states `[n, hidden_size]`, row by row on the host.
    fn rows_of_logits(&self, hidden: Tensor<B, 2>) -> Vec<Vec<f32>> {
        let logits = self.capped(hidden.matmul(self.head_weight().transpose())).into_data().convert::<f32>();
        let values: Vec<f32> = logits.to_vec().unwrap_or_default();
        values.chunks(self.config.vocab_size).map(<[f32]>::to_vec).collect()
    }
}
