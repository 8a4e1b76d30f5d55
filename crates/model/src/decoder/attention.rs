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
/// The tables repeat one head's angles for every head, so that they fit a layer's output as it comes, before it is
/// split into heads: an element-wise product of two plain matrices instead of a walk over permuted ones.
pub(super) struct Rope<A: AutodiffBackend> {
    /// `[1, t, heads * head_dim]`, or `[n, …]` where every text has places of its own.
    cos: Tensor<A, 3>,
    sin: Tensor<A, 3>,
    /// `x * rotate` is `[-x2, x1]` for a head `x = [x1, x2]`: one small matmul instead of slices.
    rotate: Tensor<A, 2>,
}

impl<A: AutodiffBackend> Rope<A> {
    pub(super) fn new(rotary: &Rotary, config: &ModelConfig, places: &Places, device: &DeviceOf<A>) -> Self {
        let (width, half) = (config.head_dim, config.head_dim / 2);
        let row = width * config.num_attention_heads;
        let (frequencies, factor) = rotary.frequencies(width);
        let table = |f: fn(f64) -> f64| {
            let angle = |i: usize| places.values[i / row] as f64 * frequencies[i % width % half];
            let values: Vec<f32> = (0..places.values.len() * row).map(|i| (f(angle(i)) * factor) as f32).collect();
            let shape = [places.rows, places.values.len() / places.rows, row];
            lift(Tensor::from_data(TensorData::new(values, shape), device))
        };
        let mut rotate = vec![0.0_f32; width * width];
        for column in 0..half {
            rotate[(column + half) * width + column] = -1.0;
            rotate[column * width + column + half] = 1.0;
        }
        let rotate = lift(Tensor::from_data(TensorData::new(rotate, [width, width]), device));
        Self { cos: table(f64::cos), sin: table(f64::sin), rotate }
    }

    /// `x: [n, t, heads * head_dim]`, for query or key heads.
    fn apply(&self, x: Tensor<A, 3>) -> Tensor<A, 3> {
        let [n, t, row] = x.dims();
        let [width, _] = self.rotate.dims();
        let rotated = x.clone().reshape([n * t * row / width, width]).matmul(self.rotate.clone()).reshape([n, t, row]);
        let table = |table: &Tensor<A, 3>| table.clone().narrow(2, 0, row);
        x * table(&self.cos) + rotated * table(&self.sin)
    }
}

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
        Some([query, key]) => (head_norm(q, query, config), head_norm(k, key, config)),
        None => (q, k),
    };
    let sight = if block.windowed { &pass.windowed } else { &pass.full };
    let rotated = |x: Tensor<A, 3>| sight.rope.as_ref().map_or(x.clone(), |rope| rope.apply(x));
    // Every group's queries beside each other: the matmul broadcasts the one key and value head over them.
    let split = |x: Tensor<A, 3>, times: usize| x.reshape([n, t, groups, times, width]).permute([0, 2, 3, 1, 4]);
    let q = split(rotated(q).mul_scalar(config.attention_scale), heads / groups);
    let [k, v] = match pass.past.as_deref_mut() {
        Some(past) => past.extend(split(rotated(k), 1), split(v, 1)),
        None => [split(rotated(k), 1), split(v, 1)],
    };
    let mut scores = q.matmul(k.swap_dims(3, 4));
    if let Some(cap) = config.attention_softcap {
        scores = scores.div_scalar(cap).tanh().mul_scalar(cap);
    }
    let mixed = activation::softmax(scores + sight.mask.clone(), 4).matmul(v);
    mixed.permute([0, 3, 1, 2, 4]).reshape([n, t, heads * width])
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
