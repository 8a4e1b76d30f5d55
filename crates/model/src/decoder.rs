//! The Llama family's forward pass: embedding, blocks of attention and SwiGLU, norm, head.
//!
//! Names of weights and the layout `[out, in]` are Hugging Face's, so a folder loads without renaming. Weights are
//! tensors of the inner backend and enter autodiff as constants; only activations are tracked, and only from the
//! first probe on. Sequences are padded on the right: a causal mask hides the padding from every real token, and
//! the loss weights of padding are zero, so an example's loss and gradient do not depend on how far it was padded.

use std::path::Path;

use burn::tensor::{Int, Tensor, TensorData, activation, backend::AutodiffBackend, backend::Backend};

use crate::lora::{Adapters, MODULES, module_shape};
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

/// What a forward pass is run with.
struct Pass<'a, A: AutodiffBackend> {
    /// `(A, B)` of every adapted layer; empty for the bare model. Constants, unless a test tracks them.
    pairs: &'a [(Tensor<A, 2>, Tensor<A, 2>)],
    scale: f64,
    tape: Option<&'a mut Tape<A>>,
    rope: Rope<A>,
    /// `[1, 1, t, t]`: 0 where a token may look, a very negative number where it may not.
    mask: Tensor<A, 4>,
}

/// Rotary embedding (Su et al. 2021, arXiv 2104.09864) in Hugging Face's half-split layout.
struct Rope<A: AutodiffBackend> {
    cos: Tensor<A, 4>,
    sin: Tensor<A, 4>,
    /// `x * rotate` is `[-x2, x1]` for `x = [x1, x2]`: one small matmul instead of slices, whose backward copies.
    rotate: Tensor<A, 4>,
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

    /// Loss of each example: mean negative log-likelihood over its own predicted tokens, in nats, `[n]`.
    ///
    /// With a tape, the per-sample gradients of the adapters can be had from it afterwards.
    /// A row without a target (padding, or a single token) has loss 0.
    pub fn losses<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        batch: &TokenBatch,
        adapters: Option<&Adapters<B>>,
        tape: Option<&mut Tape<A>>,
    ) -> Tensor<A, 1> {
        let (pairs, scale) = adapters.map_or((Vec::new(), 0.0), |adapters| (adapters.lift(), adapters.scale()));
        self.losses_with(batch, &pairs, scale, tape)
    }

    fn losses_with<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        batch: &TokenBatch,
        pairs: &[(Tensor<A, 2>, Tensor<A, 2>)],
        scale: f64,
        tape: Option<&mut Tape<A>>,
    ) -> Tensor<A, 1> {
        let (n, t) = (batch.n, batch.t - 1);
        let rows = |skip: usize| -> Vec<i32> {
            batch.tokens.chunks(batch.t).flat_map(|row| row[skip..skip + t].iter().copied()).collect()
        };
        let logits = self.logits_with(&rows(0), [n, t], pairs, scale, tape);
        let targets = Tensor::<A, 2, Int>::from_data(TensorData::new(rows(1), [n * t, 1]), &self.device);
        let weights = Tensor::<A, 2>::from_data(TensorData::new(batch.weights.clone(), [n * t, 1]), &self.device);
        let likelihood = activation::log_softmax(logits, 1).gather(1, targets);
        (likelihood * weights).reshape([n, t]).sum_dim(1).neg().reshape([n])
    }

    /// Logits of every position, `[n * t, vocab_size]`, for row-major token ids `[n, t]`.
    pub fn logits<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        tokens: &[i32],
        [n, t]: [usize; 2],
        adapters: Option<&Adapters<B>>,
    ) -> Tensor<A, 2> {
        let (pairs, scale) = adapters.map_or((Vec::new(), 0.0), |adapters| (adapters.lift(), adapters.scale()));
        self.logits_with(tokens, [n, t], &pairs, scale, None)
    }

    fn logits_with<A: AutodiffBackend<InnerBackend = B>>(
        &self,
        tokens: &[i32],
        [n, t]: [usize; 2],
        pairs: &[(Tensor<A, 2>, Tensor<A, 2>)],
        scale: f64,
        tape: Option<&mut Tape<A>>,
    ) -> Tensor<A, 2> {
        let ids = Tensor::<B, 1, Int>::from_data(TensorData::new(tokens.to_vec(), [n * t]), &self.device);
        let embedded = self.embedding.clone().select(0, ids).reshape([n, t, self.config.hidden_size]);
        let rope = Rope::new(&self.config, t, &self.device);
        let mut pass = Pass { pairs, scale, tape, rope, mask: causal_mask(t, &self.device) };
        let mut x = Tensor::<A, 3>::from_inner(embedded);
        for block in &self.blocks {
            x = block.forward(x, &self.config, &mut pass);
        }
        let x = rms_norm(x, &self.norm, self.config.rms_norm_eps).reshape([n * t, self.config.hidden_size]);
        x.matmul(lift(self.head.as_ref().unwrap_or(&self.embedding).clone().transpose()))
    }
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
        let mut y = flat.clone().matmul(lift(self.weight.clone().transpose()));
        if let Some((site, (a, b))) = self.site.and_then(|site| Some((site, pass.pairs.get(site)?))) {
            let u = flat.matmul(a.clone().transpose());
            y = y + u.clone().matmul(b.clone().transpose().mul_scalar(pass.scale));
            if let Some(tape) = pass.tape.as_deref_mut() {
                let u = u.inner().reshape([n as i32, t as i32, -1]);
                y = y + tape.probe(site, x.inner(), u, [n * t, d_out]);
            }
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
    let split = |x: Tensor<A, 3>, heads: usize| x.reshape([n, t, heads, width]).swap_dims(1, 2);
    let q = pass.rope.apply(split(q, heads));
    let k = repeat_heads(pass.rope.apply(split(k, groups)), heads / groups);
    let v = repeat_heads(split(v, groups), heads / groups);
    let scores = q.matmul(k.swap_dims(2, 3)).mul_scalar(1.0 / (width as f64).sqrt()) + pass.mask.clone();
    activation::softmax(scores, 3).matmul(v).swap_dims(1, 2).reshape([n, t, heads * width])
}

/// `[n, groups, t, width]` to `[n, groups * times, t, width]`, each group's head repeated in place.
fn repeat_heads<A: AutodiffBackend>(x: Tensor<A, 4>, times: usize) -> Tensor<A, 4> {
    if times == 1 {
        return x;
    }
    let [n, groups, t, width] = x.dims();
    x.reshape([n, groups, 1, t, width]).expand([n, groups, times, t, width]).reshape([n, groups * times, t, width])
}

fn rms_norm<A: AutodiffBackend>(x: Tensor<A, 3>, weight: &Tensor<A::InnerBackend, 1>, epsilon: f64) -> Tensor<A, 3> {
    let mean_square = (x.clone() * x.clone()).mean_dim(2);
    x * mean_square.add_scalar(epsilon).sqrt().recip() * lift(weight.clone()).unsqueeze()
}

impl<A: AutodiffBackend> Rope<A> {
    fn new(config: &ModelConfig, t: usize, device: &A::Device) -> Self {
        let (width, half) = (config.head_dim, config.head_dim / 2);
        let angle = |position: usize, column: usize| {
            position as f64 * config.rope_theta.powf(-((column % half) as f64) / half as f64)
        };
        let table = |f: fn(f64) -> f64| {
            let values: Vec<f32> = (0..t * width).map(|i| f(angle(i / width, i % width)) as f32).collect();
            Tensor::<A, 4>::from_data(TensorData::new(values, [1, 1, t, width]), device)
        };
        let mut rotate = vec![0.0_f32; width * width];
        for column in 0..half {
            rotate[(column + half) * width + column] = -1.0;
            rotate[column * width + column + half] = 1.0;
        }
        let rotate = Tensor::from_data(TensorData::new(rotate, [1, 1, width, width]), device);
        Self { cos: table(f64::cos), sin: table(f64::sin), rotate }
    }

    /// `x: [n, heads, t, head_dim]`.
    fn apply(&self, x: Tensor<A, 4>) -> Tensor<A, 4> {
        let [n, heads, t, width] = x.dims();
        let rotate = self.rotate.clone().reshape([width, width]);
        let rotated = x.clone().reshape([n * heads * t, width]).matmul(rotate).reshape([n, heads, t, width]);
        x * self.cos.clone() + rotated * self.sin.clone()
    }
}

fn causal_mask<A: AutodiffBackend>(t: usize, device: &A::Device) -> Tensor<A, 4> {
    // Large enough that its exponential is exactly zero, small enough that half precision can hold it.
    let values: Vec<f32> = (0..t * t).map(|i| if i % t > i / t { -6e4 } else { 0.0 }).collect();
    Tensor::from_data(TensorData::new(values, [1, 1, t, t]), device)
}

/// A constant of the inner backend inside autodiff: backward passes do not enter it.
fn lift<A: AutodiffBackend, const D: usize>(x: Tensor<A::InnerBackend, D>) -> Tensor<A, D> {
    Tensor::from_inner(x)
}

#[cfg(test)]
pub(crate) mod tests;
