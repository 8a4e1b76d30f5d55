//! Causal attention: rotation, windows, grouped keys and values.

use burn::tensor::{Tensor, TensorData, activation, backend::AutodiffBackend};

use super::layers::{DeviceOf, head_norm, lift};
use super::{Block, Pass};
use crate::ModelConfig;
use crate::config::Rotary;

/// Where tokens stand in their texts: the same for every text, or by themselves.
pub(super) struct Places {
    /// 1, or the number of texts.
    pub(super) rows: usize,
    /// Row by row.
    pub(super) values: Vec<usize>,
}

impl Places {
    /// The first `t` of every text.
    pub(super) fn shared(t: usize) -> Self {
        Self { rows: 1, values: (0..t).collect() }
    }
}

/// Rotary embedding (Su et al. 2021, arXiv 2104.09864) in Hugging Face's half-split layout.
///
/// The tables repeat one head's angles for every head and lie in one row a text, so that they fit a layer's output as it
/// comes, before it is split into heads: an element-wise product of a matrix with one row (or as many as it has), which
/// Burn's CPU backend does at full speed, where it walks any wider broadcast element by element.
pub(super) struct Rope<A: AutodiffBackend> {
    /// Cosines and sines for query heads, `[1, t * heads * head_dim]`, or `[n, …]` where every text has places of its own.
    queries: [Tensor<A, 2>; 2],
    /// The same for key heads.
    keys: [Tensor<A, 2>; 2],
    /// `x * rotate` is `[-x2, x1]` for a head `x = [x1, x2]`: one small matmul instead of slices.
    rotate: Tensor<A, 2>,
}

impl<A: AutodiffBackend> Rope<A> {
    pub(super) fn new(rotary: &Rotary, config: &ModelConfig, places: &Places, device: &DeviceOf<A>) -> Self {
        let (width, half) = (config.head_dim, config.head_dim / 2);
        let (frequencies, factor) = rotary.frequencies(width);
        let table = |heads: usize, f: fn(f64) -> f64| {
            let row = width * heads;
            let mut values: Vec<f32> = Vec::with_capacity(places.values.len() * row);
            for place in &places.values {
                let angle = |i: usize| *place as f64 * frequencies[i % half];
                let head: Vec<f32> = (0..width).map(|i| (f(angle(i)) * factor) as f32).collect();
                (0..heads).for_each(|_| values.extend(&head));
            }
            let shape = [places.rows, values.len() / places.rows];
            lift(Tensor::from_data(TensorData::new(values, shape), device))
        };
        let tables = |heads: usize| [table(heads, f64::cos), table(heads, f64::sin)];
        let mut rotate = vec![0.0_f32; width * width];
        for column in 0..half {
            rotate[(column + half) * width + column] = -1.0;
            rotate[column * width + column + half] = 1.0;
        }
        let rotate = lift(Tensor::from_data(TensorData::new(rotate, [width, width]), device));
        Self { queries: tables(config.num_attention_heads), keys: tables(config.num_key_value_heads), rotate }
    }

    /// `x: [n, t, heads * head_dim]`, with the tables of its heads.
    fn apply(&self, x: Tensor<A, 3>, [cos, sin]: &[Tensor<A, 2>; 2]) -> Tensor<A, 3> {
        let [n, t, row] = x.dims();
        let [width, _] = self.rotate.dims();
        let rotated = x.clone().reshape([n * t * row / width, width]).matmul(self.rotate.clone());
        let flat = x.reshape([n, t * row]) * cos.clone() + rotated.reshape([n, t * row]) * sin.clone();
        flat.reshape([n, t, row])
    }
}

/// Tokens that look back together. Small in this crate's own tests, so that their short texts have several stretches.
const STRETCH: usize = if cfg!(test) { 4 } else { 128 };

/// Causal attention with grouped keys and values; queries, keys and values are `[n, t, heads * head_dim]`, and so is what comes
/// out.
pub(super) fn attention<A: AutodiffBackend>(
    [q, k, v]: [Tensor<A, 3>; 3],
    block: &Block<A::InnerBackend>,
    config: &ModelConfig,
    pass: &mut Pass<'_, A>,
) -> Tensor<A, 3> {
    let [n, t, _] = q.dims();
    let (heads, groups, width) = (config.num_attention_heads, config.num_key_value_heads, config.head_dim);
    let (q, k) = match &block.head_norms {
        Some([query, key]) => (head_norm(q, query, config, pass), head_norm(k, key, config, pass)),
        None => (q, k),
    };
    let sight = if block.windowed { &pass.windowed } else { &pass.full };
    let (q, k) = match &sight.rope {
        Some(rope) => (rope.apply(q, &rope.queries), rope.apply(k, &rope.keys)),
        None => (q, k),
    };
    // Every group's queries beside each other: the matmul broadcasts the one key and value head over them.
    let split = |x: Tensor<A, 3>, times: usize| x.reshape([n, t, groups, times, width]).permute([0, 2, 3, 1, 4]);
    let q = split(q.mul_scalar(config.attention_scale), heads / groups);
    let [k, v] = match pass.past.as_deref_mut() {
        Some(past) => past.extend(split(k, 1), split(v, 1)),
        None => [split(k, 1), split(v, 1)],
    };
    // Tokens are taken in stretches, each with the keys that one of its tokens sees: what nobody sees is not computed.
    let stretched = sight.mask.dims()[3] == t && t > STRETCH;
    let (stretch, window) = (if stretched { STRETCH } else { t }, config.window.filter(|_| block.windowed));
    let mixed = (0..t).step_by(stretch).map(|first| {
        let rows = stretch.min(t - first);
        let from = window.filter(|_| stretched).map_or(0, |window| (first + 1).saturating_sub(window));
        let count = if stretched { first + rows - from } else { k.dims()[3] };
        let part = |x: &Tensor<A, 5>| x.clone().narrow(3, from, count);
        let mut scores = q.clone().narrow(3, first, rows).matmul(part(&k).swap_dims(3, 4));
        if let Some(cap) = config.attention_softcap {
            scores = scores.div_scalar(cap).tanh().mul_scalar(cap);
        }
        let mask = sight.mask.clone();
        let mask = if stretched { mask.narrow(3, first, rows).narrow(4, from, count) } else { mask };
        activation::softmax(masked(scores, &mask), 4).matmul(part(&v))
    });
    let mixed = Tensor::cat(mixed.collect(), 3);
    mixed.permute([0, 3, 1, 2, 4]).reshape([n, t, heads * width])
}

/// `scores: [n, groups, heads / groups, from, to]`. A mask that all texts and heads share is added as one row: see [`Rope`].
fn masked<A: AutodiffBackend>(scores: Tensor<A, 5>, mask: &Tensor<A, 5>) -> Tensor<A, 5> {
    let ([n, groups, times, from, to], [texts, ..]) = (scores.dims(), mask.dims());
    if texts > 1 {
        return scores + mask.clone();
    }
    let row = mask.clone().expand([1, 1, 1, from, to]).reshape([1, from * to]);
    (scores.reshape([n * groups * times, from * to]) + row).reshape([n, groups, times, from, to])
}

/// What is added to the score of a token that must not be seen: its exponential is exactly zero, and half precision can
/// hold it.
pub(super) const HIDDEN: f32 = -6e4;

/// `[1, 1, 1, t, t]`: 0 where a token may look, a very negative number where it may not.
pub(super) fn mask<A: AutodiffBackend>(t: usize, window: Option<usize>, device: &DeviceOf<A>) -> Tensor<A, 5> {
    let sees = |from: usize, to: usize| to <= from && window.is_none_or(|window| from - to < window);
    let values: Vec<f32> = (0..t * t).map(|i| if sees(i / t, i % t) { 0.0 } else { HIDDEN }).collect();
    lift(Tensor::from_data(TensorData::new(values, [1, 1, 1, t, t]), device))
}
