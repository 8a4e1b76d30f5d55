//! The Llama family's forward pass: embedding, blocks of attention and SwiGLU, norm, head.
//!
//! Names of weights and the layout `[out, in]` are Hugging Face's, so a folder loads without renaming. Weights are
//! tensors of the inner backend and enter autodiff as constants; only activations are tracked, and only from the
//! first probe on. Sequences are padded on the right: a causal mask hides the padding from every real token, and
//! the loss weights of padding are zero, so an example's loss and gradient do not depend on how far it was padded.

use std::path::Path;

use burn::tensor::{IndexingUpdateOp, Int, Tensor, TensorData, activation, backend::AutodiffBackend, backend::Backend};

use crate::lora::{Adapters, MODULES, Tensors, module_shape};
use crate::weights::WeightFile;
use crate::{Error, LoraSpec, ModelConfig, Tape};

/// A Llama-family decoder on a device.
pub struct Decoder<B: Backend> {
    config: ModelConfig,
    device: B::Device,
    embedding: Tensor<B, 2>,
    blocks: Vec<Block<B>>,
    norm: Tensor<B, 1>,
    /// `None` when the head is the embedding table.
    head: Option<Tensor<B, 2>>,
    digest: String,
}

struct Block<B: Backend> {
    input_norm: Tensor<B, 1>,
    /// In the order of [`MODULES`].
    linears: Vec<Linear<B>>,
    post_attention_norm: Tensor<B, 1>,
}

struct Linear<B: Backend> {
    weight: Tensor<B, 2>,
    /// Index of this layer's adapter, where it has one.
    site: Option<usize>,
}

/// Token ids of a physical batch, padded on the right to one length.
#[derive(Debug, Clone)]
pub struct TokenBatch {
    /// Row-major `[n, t]`.
    tokens: Vec<i32>,
    /// Row-major `[n, t - 1]`: weight of predicting token `j + 1`; a row sums to 1, or to 0 when it has no target.
    weights: Vec<f32>,
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
}

impl TokenBatch {
    /// `[n, t - 1]`: examples, and positions that are read.
    pub(crate) fn shape(&self) -> [usize; 2] {
        [self.n, self.t - 1]
    }

    /// Every token but each row's last.
    pub(crate) fn inputs(&self) -> Vec<i32> {
        self.tokens.chunks(self.t).flat_map(|row| row[..self.t - 1].iter().copied()).collect()
    }

    /// Every token but each row's first.
    fn targets(&self) -> Vec<i32> {
        self.tokens.chunks(self.t).flat_map(|row| row[1..].iter().copied()).collect()
    }
}

/// What a forward pass is run with.
struct Pass<'a, A: AutodiffBackend> {
    /// Merged weight of every adapted layer; empty for the bare model. Constants, unless a test tracks them.
    merged: &'a [Tensor<A, 2>],
    tape: Option<&'a mut Tape<A>>,
    rope: Rope<A>,
    /// `[1, 1, 1, t, t]`: 0 where a token may look, a very negative number where it may not.
    mask: Tensor<A, 5>,
}

/// Rotary embedding (Su et al. 2021, arXiv 2104.09864) in Hugging Face's half-split layout.
///
/// The tables repeat one head's angles for every head, so that they fit a layer's output as it comes, before it is
/// split into heads: an element-wise product of two plain matrices instead of a walk over permuted ones.
struct Rope<A: AutodiffBackend> {
    /// `[1, t, heads * head_dim]`.
    cos: Tensor<A, 3>,
    sin: Tensor<A, 3>,
    /// `x * rotate` is `[-x2, x1]` for a head `x = [x1, x2]`: one small matmul instead of slices.
    rotate: Tensor<A, 2>,
}

impl<B: Backend> Decoder<B> {
    /// Loads a Hugging Face folder to the device; with `pinned`, only weights of that SHA-256.
    ///
    /// # Errors
    /// Everything [`ModelConfig::load`] and [`WeightFile::open`] refuse.
    pub fn load(folder: &Path, pinned: Option<&str>, device: &B::Device) -> Result<Self, Error> {
        let config = ModelConfig::load(folder)?;
        let file = WeightFile::open(folder, pinned)?;
        let matrix = |name: &str, shape: [usize; 2]| -> Result<Tensor<B, 2>, Error> {
            Ok(Tensor::from_data(TensorData::new(file.tensor(name, &shape)?, shape), device))
        };
        let vector = |name: String| -> Result<Tensor<B, 1>, Error> {
            let shape = [config.hidden_size];
            Ok(Tensor::from_data(TensorData::new(file.tensor(&name, &shape)?, shape), device))
        };
        let table = [config.vocab_size, config.hidden_size];
        let mut blocks = Vec::with_capacity(config.num_hidden_layers);
        for layer in 0..config.num_hidden_layers {
            let mut linears = Vec::with_capacity(MODULES.len());
            for module in MODULES {
                let (d_in, d_out) = module_shape(&config, module);
                let part = if module.ends_with("proj") && linears.len() >= 4 { "mlp" } else { "self_attn" };
                let weight = matrix(&format!("model.layers.{layer}.{part}.{module}.weight"), [d_out, d_in])?;
                linears.push(Linear { weight, site: None });
            }
            blocks.push(Block {
                input_norm: vector(format!("model.layers.{layer}.input_layernorm.weight"))?,
                linears,
                post_attention_norm: vector(format!("model.layers.{layer}.post_attention_layernorm.weight"))?,
            });
        }
        let tied = config.tie_word_embeddings || !file.has("lm_head.weight");
        Ok(Self {
            embedding: matrix("model.embed_tokens.weight", table)?,
            blocks,
            norm: vector("model.norm.weight".to_owned())?,
            head: if tied { None } else { Some(matrix("lm_head.weight", table)?) },
            digest: file.digest().to_owned(),
            device: device.clone(),
            config,
        })
    }

    /// Says which layers have adapters; the order is that of [`LoraSpec::sites`].
    ///
    /// # Errors
    /// [`Error::UnknownModule`].
    pub fn attach(&mut self, spec: &LoraSpec) -> Result<(), Error> {
        spec.sites(&self.config)?;
        let mut next = 0;
        for block in &mut self.blocks {
            for (linear, module) in block.linears.iter_mut().zip(MODULES) {
                let adapted = spec.target_modules.iter().any(|target| target == module);
                linear.site = adapted.then_some(next);
                next += usize::from(adapted);
            }
        }
        Ok(())
    }

    /// The model's shape.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// SHA-256 of the weights file.
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
        linears.filter(|linear| linear.site.is_some()).map(|linear| linear.weight.clone()).collect()
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
        let hidden = self.hidden(&batch.inputs(), batch.shape(), &merged, tape);
        self.cross_entropy(hidden, batch)
    }

    /// Logits of every position, `[n * t, vocab_size]`, for row-major token ids `[n, t]`.
    pub fn logits<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        tokens: &[i32],
        shape: [usize; 2],
        adapters: Option<&Adapters<B>>,
    ) -> Tensor<A, 2> {
        let merged = adapters.map_or_else(Vec::new, Adapters::lift);
        self.hidden::<A>(tokens, shape, &merged, None).matmul(lift(self.head().transpose()))
    }

    /// The output head's weight, `[vocab_size, hidden_size]`.
    fn head(&self) -> Tensor<B, 2> {
        self.head.as_ref().unwrap_or(&self.embedding).clone()
    }

    /// The last hidden state after the final norm, `[n * t, hidden_size]`.
    pub(crate) fn hidden<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        tokens: &[i32],
        [n, t]: [usize; 2],
        merged: &[Tensor<A, 2>],
        tape: Option<&mut Tape<A>>,
    ) -> Tensor<A, 2> {
        let ids = Tensor::<B, 1, Int>::from_data(TensorData::new(tokens.to_vec(), [n * t]), &self.device);
        let embedded = self.embedding.clone().select(0, ids).reshape([n, t, self.config.hidden_size]);
        let rope = Rope::new(&self.config, t, &self.device);
        let mut pass = Pass { merged, tape, rope, mask: causal_mask(t, &self.device) };
        let mut x = Tensor::<A, 3>::from_inner(embedded);
        for block in &self.blocks {
            x = block.forward(x, &self.config, &mut pass);
        }
        rms_norm(x, &self.norm, self.config.rms_norm_eps).reshape([n * t, self.config.hidden_size])
    }

    /// Head and cross-entropy, with the gradient written out instead of tracked.
    ///
    /// With `p = softmax(h E^T)`, one-hot targets `o` and weights `w`, the summed loss has `dL/dlogits = w (p - o)` and
    /// `dL/dh = w (p - o) E`. Computing that here keeps the `[n t, vocab_size]` matrix out of autodiff, which would
    /// walk it a dozen times. The slow twin (log-softmax and gather inside autodiff) is in the tests.
    fn cross_entropy<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        hidden: Tensor<A, 2>,
        batch: &TokenBatch,
    ) -> Losses<A> {
        let [n, t] = batch.shape();
        let logits = hidden.clone().inner().matmul(self.head().transpose());
        let targets = Tensor::<B, 2, Int>::from_data(TensorData::new(batch.targets(), [n * t, 1]), &self.device);
        let weights = Tensor::<B, 2>::from_data(TensorData::new(batch.weights.clone(), [n * t, 1]), &self.device);
        let highest = logits.clone().max_dim(1);
        let chosen = logits.clone().gather(1, targets.clone()) - highest.clone();
        let exponentials = (logits - highest).exp();
        let total = exponentials.clone().sum_dim(1);
        let values = ((total.clone().log() - chosen) * weights.clone()).reshape([n, t]).sum_dim(1).reshape([n]);
        let slope = exponentials * (weights.clone() / total);
        let slope = slope.scatter(1, targets, weights.neg(), IndexingUpdateOp::Add).matmul(self.head());
        Losses { values, objective: (hidden * lift(slope)).sum() }
    }
}

/// What a forward pass gives.
pub struct Losses<A: AutodiffBackend> {
    /// Loss of each example, `[n]`.
    pub values: Tensor<A::InnerBackend, 1>,
    /// A scalar whose *gradient* is that of the sum of the losses; its value means nothing.
    pub objective: Tensor<A, 1>,
}

impl<B: Backend> Block<B> {
    fn forward<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        x: Tensor<A, 3>,
        config: &ModelConfig,
        pass: &mut Pass<'_, A>,
    ) -> Tensor<A, 3> {
        let [q, k, v, o, gate, up, down] = &self.linears[..] else { return x };
        let normed = rms_norm(x.clone(), &self.input_norm, config.rms_norm_eps);
        let (q, k, v) = (q.forward(normed.clone(), pass), k.forward(normed.clone(), pass), v.forward(normed, pass));
        let x = x + o.forward(attention(q, k, v, config, pass), pass);
        let normed = rms_norm(x.clone(), &self.post_attention_norm, config.rms_norm_eps);
        let gated = activation::silu(gate.forward(normed.clone(), pass)) * up.forward(normed, pass);
        x + down.forward(gated, pass)
    }
}

impl<B: Backend> Linear<B> {
    /// `y = x W^T`, plus the adapter and its probe where there is one. `x: [n, t, in]`, `y: [n, t, out]`.
    fn forward<A: AutodiffBackend<InnerBackend = B>>(&self, x: Tensor<A, 3>, pass: &mut Pass<'_, A>) -> Tensor<A, 3> {
        let [n, t, d_in] = x.dims();
        let [d_out, _] = self.weight.dims();
        let flat = x.clone().reshape([n * t, d_in]);
        let merged = self.site.and_then(|site| pass.merged.get(site));
        let mut y = flat.matmul(merged.cloned().unwrap_or_else(|| lift(self.weight.clone())).transpose());
        if let (Some(site), Some(tape)) = (self.site, pass.tape.as_deref_mut()) {
            y = y + tape.probe(site, x.inner(), [n * t, d_out]);
        }
        y.reshape([n, t, d_out])
    }
}

/// Causal attention with grouped keys and values. Returns `[n, t, heads * head_dim]`.
fn attention<A: AutodiffBackend>(
    q: Tensor<A, 3>,
    k: Tensor<A, 3>,
    v: Tensor<A, 3>,
    config: &ModelConfig,
    pass: &Pass<'_, A>,
) -> Tensor<A, 3> {
    let [n, t, _] = q.dims();
    let (heads, groups, width) = (config.num_attention_heads, config.num_key_value_heads, config.head_dim);
    // Every group's queries beside each other: the matmul broadcasts the one key and value head over them.
    let split = |x: Tensor<A, 3>, times: usize| x.reshape([n, t, groups, times, width]).permute([0, 2, 3, 1, 4]);
    let q = split(pass.rope.apply(q).mul_scalar(1.0 / (width as f64).sqrt()), heads / groups);
    let (k, v) = (split(pass.rope.apply(k), 1), split(v, 1));
    let scores = q.matmul(k.swap_dims(3, 4)) + pass.mask.clone();
    let mixed = activation::softmax(scores, 4).matmul(v);
    mixed.permute([0, 3, 1, 2, 4]).reshape([n, t, heads * width])
}

fn rms_norm<A: AutodiffBackend>(x: Tensor<A, 3>, weight: &Tensor<A::InnerBackend, 1>, epsilon: f64) -> Tensor<A, 3> {
    let mean_square = (x.clone() * x.clone()).mean_dim(2);
    x * mean_square.add_scalar(epsilon).sqrt().recip() * lift(weight.clone()).unsqueeze()
}

impl<A: AutodiffBackend> Rope<A> {
    fn new(config: &ModelConfig, t: usize, device: &DeviceOf<A>) -> Self {
        let (width, half) = (config.head_dim, config.head_dim / 2);
        let row = width * config.num_attention_heads;
        let angle = |position: usize, column: usize| {
            position as f64 * config.rope_theta.powf(-((column % half) as f64) / half as f64)
        };
        let table = |f: fn(f64) -> f64| {
            let values: Vec<f32> = (0..t * row).map(|i| f(angle(i / row, i % width)) as f32).collect();
            lift(Tensor::from_data(TensorData::new(values, [1, t, row]), device))
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

fn causal_mask<A: AutodiffBackend>(t: usize, device: &DeviceOf<A>) -> Tensor<A, 5> {
    // Large enough that its exponential is exactly zero, small enough that half precision can hold it.
    let values: Vec<f32> = (0..t * t).map(|i| if i % t > i / t { -6e4 } else { 0.0 }).collect();
    lift(Tensor::from_data(TensorData::new(values, [1, 1, 1, t, t]), device))
}

/// The device type, named through the inner backend: the compiler cannot see that the two are one.
type DeviceOf<A> = <<A as AutodiffBackend>::InnerBackend as burn::tensor::backend::BackendTypes>::Device;

/// A constant of the inner backend inside autodiff: backward passes do not enter it.
fn lift<A: AutodiffBackend, const D: usize>(x: Tensor<A::InnerBackend, D>) -> Tensor<A, D> {
    Tensor::from_inner(x)
}

#[cfg(test)]
pub(crate) mod tests;
