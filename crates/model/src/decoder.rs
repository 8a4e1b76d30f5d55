//! The forward pass of a decoder: embedding, blocks of attention and MLP, norm, head.
//!
//! One pass for all families: what they differ in stands in [`ModelConfig`]. Names of weights and the layout `[out, in]` are
//! Hugging Face's, so a folder loads without renaming. Weights are tensors of the inner backend and enter autodiff as
//! constants; only activations are tracked, and only from the first probe on. Sequences are padded on the right: a
//! causal mask hides the padding from every real token, and the loss weights of padding are zero, so an example's loss and
//! gradient do not depend on how far it was padded.

mod attention;
mod batch;
pub(crate) mod layers;
pub(crate) mod load;
mod past;

use burn::tensor::{IndexingUpdateOp, Int, Tensor, TensorData, activation, backend::AutodiffBackend, backend::Backend};

use crate::config::Positions;
use crate::lora::{Adapters, Tensors};
use crate::{Error, LoraSpec, ModelConfig, Tape};
use attention::{Places, Rope, attention, mask};
pub use batch::{Row, TokenBatch};
use layers::{Linear, Norm, activate, lift, wide};
pub use past::Past;

/// A decoder on a device.
pub struct Decoder<B: Backend> {
    config: ModelConfig,
    device: B::Device,
    embedding: Tensor<B, 2>,
    /// Learned positions, where the family has them.
    positions: Option<Tensor<B, 2>>,
    blocks: Vec<Block<B>>,
    norm: Norm<B>,
    /// `None` when the head is the embedding table.
    head: Option<Tensor<B, 2>>,
    digest: String,
}

pub(crate) struct Block<B: Backend> {
    /// Before attention and before the MLP; then, in some families, after each.
    norms: Vec<Norm<B>>,
    /// Of queries and keys.
    head_norms: Option<[Norm<B>; 2]>,
    /// In the order of [`ModelConfig::modules`].
    linears: Vec<Linear<B>>,
    windowed: bool,
}

/// What a forward pass is run with.
pub(crate) struct Pass<'a, A: AutodiffBackend> {
    /// Merged weight of every adapted layer; empty for the bare model. Constants, unless a test tracks them.
    pub(crate) merged: &'a [Tensor<A, 2>],
    pub(crate) tape: Option<&'a mut Tape<A>>,
    /// Keys and values of what was read before, where a text is continued.
    pub(crate) past: Option<&'a mut Past<A>>,
    pub(crate) full: Sight<A>,
    pub(crate) windowed: Sight<A>,
}

/// What a token sees, and from which angle.
pub(crate) struct Sight<A: AutodiffBackend> {
    rope: Option<Rope<A>>,
    /// `[1, 1, 1, t, t]`, or `[n, 1, 1, 1, t]` where only padding is hidden.
    mask: Tensor<A, 5>,
}

impl<B: Backend> Decoder<B> {
    /// Says which layers have adapters; the order is that of [`LoraSpec::sites`].
    ///
    /// # Errors
    /// [`Error::UnknownModule`].
    pub fn attach(&mut self, spec: &LoraSpec) -> Result<(), Error> {
        spec.sites(&self.config)?;
        let mut next = 0;
        for block in &mut self.blocks {
            for (linear, module) in block.linears.iter_mut().zip(self.config.modules()) {
                let adapted = spec.target_modules.iter().any(|target| target == module.name());
                linear.site = adapted.then_some(next);
                next += usize::from(adapted);
            }
        }
        Ok(())
    }

    /// Keeps all weights in f32 from here on: whoever reads them again and again, for every token, would widen them again
    /// and again.
    pub fn widen(&mut self) {
        let linears = self.blocks.iter_mut().flat_map(|block| &mut block.linears).map(|linear| &mut linear.weight);
        for weight in linears.chain([&mut self.embedding]).chain(&mut self.head) {
            *weight = wide(weight);
        }
    }

    /// The model's shape.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// SHA-256 of the weights; see [`crate::weights::WeightFile::digest`].
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Copies adapters to the device and merges them with this model's weights.
    pub fn adapters(&self, tensors: &Tensors, scale: f64) -> Adapters<B> {
        Adapters::upload(tensors, scale, &self.adapted_weights(), &self.device)
    }

    /// Frozen weights of the adapted layers, in the order of the sites.
    pub(crate) fn adapted_weights(&self) -> Vec<Tensor<B, 2>> {
        let linears = self.blocks.iter().flat_map(|block| &block.linears);
        linears.filter(|linear| linear.site.is_some()).map(|linear| wide(&linear.weight)).collect()
    }

    /// Loss of each example: mean negative log-likelihood over its own predicted tokens, in nats.
    ///
    /// With a tape, the per-sample gradients of the adapters can be had from it afterwards.
    /// A row without a target (padding, or a single token) has loss 0.
    pub fn losses<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        batch: &TokenBatch,
        adapters: Option<&Adapters<B>>,
        tape: Option<&mut Tape<A>>,
    ) -> Losses<A> {
        let merged = adapters.map_or_else(Vec::new, Adapters::lift);
        let gradient = tape.is_some();
        let hidden = self.hidden(&batch.inputs(), batch.shape(), &merged, tape);
        self.cross_entropy(hidden, batch, gradient, (SLICE / self.config.vocab_size).max(1))
    }

    /// Logits of every position, `[n * t, vocab_size]`, for row-major token ids `[n, t]`.
    pub fn logits<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        tokens: &[i32],
        shape: [usize; 2],
        adapters: Option<&Adapters<B>>,
    ) -> Tensor<A, 2> {
        let merged = adapters.map_or_else(Vec::new, Adapters::lift);
        self.capped(self.hidden::<A>(tokens, shape, &merged, None).matmul(lift(self.head().transpose())))
    }

    fn capped<C: Backend>(&self, logits: Tensor<C, 2>) -> Tensor<C, 2> {
        match self.config.final_softcap {
            Some(cap) => logits.div_scalar(cap).tanh().mul_scalar(cap),
            None => logits,
        }
    }

    /// The output head's weight in f32, `[vocab_size, hidden_size]`.
    fn head(&self) -> Tensor<B, 2> {
        wide(self.head.as_ref().unwrap_or(&self.embedding))
    }

    /// The last hidden state after the final norm, `[n * t, hidden_size]`.
    pub(crate) fn hidden<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        tokens: &[i32],
        [n, t]: [usize; 2],
        merged: &[Tensor<A, 2>],
        tape: Option<&mut Tape<A>>,
    ) -> Tensor<A, 2> {
        let places = Places::shared(t);
        let (full, windowed) = (self.sight(&places, false), self.sight(&places, true));
        self.run(tokens, [n, t], &places, Pass { merged, tape, past: None, full, windowed })
    }

    /// Embedding, blocks and final norm: `[n * t, hidden_size]`.
    fn run<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        tokens: &[i32],
        [n, t]: [usize; 2],
        places: &Places,
        mut pass: Pass<'_, A>,
    ) -> Tensor<A, 2> {
        let ids = Tensor::<B, 1, Int>::from_data(TensorData::new(tokens.to_vec(), [n * t]), &self.device);
        let embedded = wide(&self.embedding.clone().select(0, ids)).reshape([n, t, self.config.hidden_size]);
        let mut embedded = embedded.mul_scalar(self.config.embedding_scale);
        if let Some(table) = &self.positions {
            let rows: Vec<i32> = places.values.iter().map(|place| *place as i32).collect();
            let rows = Tensor::<B, 1, Int>::from_data(TensorData::new(rows, [places.values.len()]), &self.device);
            embedded = embedded + table.clone().select(0, rows).reshape([places.rows, t, self.config.hidden_size]);
        }
        let mut x = Tensor::<A, 3>::from_inner(embedded);
        for block in &self.blocks {
            x = block.forward(x, &self.config, &mut pass);
        }
        self.norm.forward(x, &self.config).reshape([n * t, self.config.hidden_size])
    }

    fn rope<A: AutodiffBackend<InnerBackend = B>>(&self, places: &Places, windowed: bool) -> Option<Rope<A>> {
        match &self.config.positions {
            Positions::Rotary { full, windowed: other } => {
                let rotary = if windowed { other } else { full };
                Some(Rope::new(rotary, &self.config, places, &self.device))
            }
            Positions::Learned => None,
        }
    }

    /// The sight of a text that is read at once.
    fn sight<A: AutodiffBackend<InnerBackend = B>>(&self, places: &Places, windowed: bool) -> Sight<A> {
        let window = self.config.window.filter(|_| windowed);
        Sight { rope: self.rope(places, windowed), mask: mask::<A>(places.values.len(), window, &self.device) }
    }

    /// Head and cross-entropy, with the gradient (where it is wanted) written out instead of tracked.
    ///
    /// With `p = softmax(h E^T)`, one-hot targets `o` and weights `w`, the summed loss has `dL/dlogits = w (p - o)` and
    /// `dL/dh = w (p - o) E`. Computing that here keeps the `[n t, vocab_size]` matrix out of autodiff, which would
    /// walk it a dozen times; and going through it in slices of so many rows keeps it out of memory. The slow twin (log-softmax and
    /// gather inside autodiff) is in the tests.
    fn cross_entropy<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        hidden: Tensor<A, 2>,
        batch: &TokenBatch,
        gradient: bool,
        slice: usize,
    ) -> Losses<A> {
        let [n, t] = batch.shape();
        let rows = n * t;
        let targets = Tensor::<B, 2, Int>::from_data(TensorData::new(batch.targets(), [rows, 1]), &self.device);
        let weights = Tensor::<B, 2>::from_data(TensorData::new(batch.weights.clone(), [rows, 1]), &self.device);
        let (plain, head) = (hidden.clone().inner(), self.head());
        let (mut values, mut slopes) = (Vec::new(), Vec::new());
        for first in (0..rows).step_by(slice) {
            let count = slice.min(rows - first);
            let (targets, weights) = (targets.clone().narrow(0, first, count), weights.clone().narrow(0, first, count));
            let (loss, slope) =
                self.head_rows(plain.clone().narrow(0, first, count), &head, targets, weights, gradient);
            values.push(loss);
            slopes.extend(slope);
        }
        let values = Tensor::cat(values, 0).reshape([n, t]).sum_dim(1).reshape([n]);
        let objective =
            if gradient { (hidden * lift(Tensor::cat(slopes, 0))).sum() } else { Tensor::zeros([1], &hidden.device()) };
        Losses { values, objective }
    }

    /// Weighted losses `[rows, 1]` of hidden states `[rows, hidden_size]`, and their gradient.
    fn head_rows(
        &self,
        hidden: Tensor<B, 2>,
        head: &Tensor<B, 2>,
        targets: Tensor<B, 2, Int>,
        weights: Tensor<B, 2>,
        gradient: bool,
    ) -> (Tensor<B, 2>, Option<Tensor<B, 2>>) {
        let mut logits = hidden.matmul(head.clone().transpose());
        // d(cap tanh(z / cap))/dz = 1 - tanh(z / cap)^2.
        let mut bend = None;
        if let Some(cap) = self.config.final_softcap {
            let level = logits.div_scalar(cap).tanh();
            bend = Some(level.clone().powi_scalar(2).neg().add_scalar(1.0));
            logits = level.mul_scalar(cap);
        }
        // log(sum exp z) - z_target. The likeliest token's probability is exp 0 over the total, so the total is had back
        // from it without another walk over all logits, and however unlikely the target is.
        let (highest, likeliest) = logits.clone().max_dim_with_indices(1);
        let chosen = logits.clone().gather(1, targets.clone()) - highest;
        let probabilities = activation::softmax(logits, 1);
        let total = probabilities.clone().gather(1, likeliest).recip();
        let losses = (total.log() - chosen) * weights.clone();
        let slope = gradient.then(|| {
            let slope = probabilities * weights.clone();
            let slope = slope.scatter(1, targets, weights.neg(), IndexingUpdateOp::Add);
            bend.map_or(slope.clone(), |bend| slope * bend).matmul(head.clone())
        });
        (losses, slope)
    }
}

/// Logits that are held at a time: 32 MiB of them.
const SLICE: usize = 1 << 23;

/// What a forward pass gives.
pub struct Losses<A: AutodiffBackend> {
    /// Loss of each example, `[n]`.
    pub values: Tensor<A::InnerBackend, 1>,
    /// A scalar whose *gradient* is that of the sum of the losses; its value means nothing. A constant without a tape.
    pub objective: Tensor<A, 1>,
}

impl<A: AutodiffBackend> Sight<A> {
    /// What a token of an encoder sees: everything but padding.
    pub(crate) fn of_encoder(mask: Tensor<A, 5>) -> Self {
        Self { rope: None, mask }
    }
}

impl<B: Backend> Block<B> {
    pub(crate) fn forward<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        x: Tensor<A, 3>,
        config: &ModelConfig,
        pass: &mut Pass<'_, A>,
    ) -> Tensor<A, 3> {
        let (attending, mlp) = self.linears.split_at(config.attention_modules());
        let norm = |which: usize, x: Tensor<A, 3>| match self.norms.get(which) {
            Some(norm) => norm.forward(x, config),
            None => x,
        };
        let normed = if config.norm_after { x.clone() } else { norm(0, x.clone()) };
        let (qkv, output) = match attending {
            [fused, output] => (split(&fused.forward(normed, pass), config), output),
            [q, k, v, output] => {
                ([q.forward(normed.clone(), pass), k.forward(normed.clone(), pass), v.forward(normed, pass)], output)
            }
            _ => return x,
        };
        let attended = attention(qkv, self, config, pass);
        let x = x + norm(2, output.forward(attended, pass));
        let x = if config.norm_after { norm(0, x) } else { x };
        let normed = if config.norm_after { x.clone() } else { norm(1, x.clone()) };
        let (inner, down) = match mlp {
            [up, down] => (activate(up.forward(normed, pass), config.activation), down),
            [gate, up, down] => {
                (activate(gate.forward(normed.clone(), pass), config.activation) * up.forward(normed, pass), down)
            }
            _ => return x,
        };
        let x = x + norm(3, down.forward(inner, pass));
        if config.norm_after { norm(1, x) } else { x }
    }
}

/// Queries, keys and values out of one layer.
fn split<A: AutodiffBackend>(x: &Tensor<A, 3>, config: &ModelConfig) -> [Tensor<A, 3>; 3] {
    let (queries, keys) = (config.num_attention_heads * config.head_dim, config.num_key_value_heads * config.head_dim);
    let part = |from: usize, width: usize| x.clone().narrow(2, from, width);
    [part(0, queries), part(queries, keys), part(queries + keys, keys)]
}

#[cfg(test)]
pub(crate) mod tests;
