//! What is trained: adapters beside frozen weights, or weights of the model itself.
//!
//! Trained values live on the host in [`Tensors`], in one fixed order, because noise and the optimizer index them; the
//! device holds a copy ([`crate::Decoder::put`]). A tensor's place in that order is its *slot*.

use glob::Pattern;

use crate::config::{Family, NormKind, Positions};
use crate::weights::{Named, WeightFile};
use crate::{Error, LoraSpec, ModelConfig};

/// Name of an output head of its own.
pub(crate) const HEAD: &str = "lm_head.weight";

/// What is trained.
#[derive(Debug, Clone, PartialEq)]
pub enum Trainable {
    /// Low-rank adapters beside frozen linear layers.
    Lora(LoraSpec),
    /// The model's own weights whose names fit one of these patterns, with `*` and `?`: `*` is the whole model, `*.bias`
    /// its biases (`BitFit`, Ben Zaken et al. 2021, arXiv 2106.10199), `model.layers.11.*` its twelfth block.
    Weights(Vec<String>),
}

/// Values on the host: names, shapes and row-major f32 values in one fixed order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tensors {
    /// Name of each tensor: the model's own, or PEFT's for adapters.
    pub names: Vec<String>,
    /// Shape of each tensor, as its file has it.
    pub shapes: Vec<Vec<usize>>,
    /// Values of each tensor.
    pub values: Vec<Vec<f32>>,
}

/// What training begins with.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Values that move.
    pub trained: Tensors,
    /// Values that belong to the result and stay: the `A` of adapters, where it is frozen.
    pub fixed: Tensors,
}

impl Tensors {
    /// Appends a tensor.
    pub fn push(&mut self, name: String, shape: Vec<usize>, values: Vec<f32>) {
        self.names.push(name);
        self.shapes.push(shape);
        self.values.push(values);
    }

    /// Number of scalars.
    pub fn len(&self) -> usize {
        self.values.iter().map(Vec::len).sum()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same tensors, as a file wants them.
    pub fn named(&self) -> Vec<Named<'_>> {
        let rows = self.names.iter().zip(&self.shapes).zip(&self.values);
        rows.map(|((name, shape), values)| Named { name: name.clone(), shape: shape.clone(), values }).collect()
    }

    /// The tensors whose names `keep` says yes to.
    pub(crate) fn only(&self, keep: impl Fn(&str) -> bool) -> Self {
        let mut kept = Self::default();
        for ((name, shape), values) in self.names.iter().zip(&self.shapes).zip(&self.values) {
            if keep(name) {
                kept.push(name.clone(), shape.clone(), values.clone());
            }
        }
        kept
    }
}

impl Trainable {
    /// Name and shape of every trained tensor, in order.
    ///
    /// # Errors
    /// [`Error::UnknownModule`] or [`Error::UnknownWeights`] for a name or pattern that fits nothing.
    pub fn layout(&self, config: &ModelConfig, file: &WeightFile) -> Result<Vec<(String, Vec<usize>)>, Error> {
        match self {
            Self::Lora(spec) => {
                let trained = spec.start(config, 0)?.trained;
                Ok(trained.names.into_iter().zip(trained.shapes).collect())
            }
            Self::Weights(patterns) => {
                let all = config.weights(file);
                let mut chosen = vec![false; all.len()];
                for text in patterns {
                    let unknown = || Error::UnknownWeights { pattern: text.clone() };
                    let pattern = Pattern::new(text).map_err(|_| unknown())?;
                    let fits: Vec<bool> = all.iter().map(|(name, _)| pattern.matches(name)).collect();
                    if !fits.contains(&true) {
                        return Err(unknown());
                    }
                    chosen.iter_mut().zip(fits).for_each(|(chosen, fits)| *chosen |= fits);
                }
                Ok(all.into_iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(weight, _)| weight).collect())
            }
        }
    }

    /// The values that training begins with: fresh adapters (`seed` is public), or the base model's own weights in f32.
    ///
    /// # Errors
    /// As [`Trainable::layout`], and those of reading `file`.
    pub fn start(&self, config: &ModelConfig, file: &WeightFile, seed: u64) -> Result<Start, Error> {
        if let Self::Lora(spec) = self {
            return spec.start(config, seed);
        }
        let mut trained = Tensors::default();
        for (name, shape) in self.layout(config, file)? {
            let values = file.tensor(file.own_name(&name), &shape)?;
            trained.push(name, shape, values);
        }
        Ok(Start { trained, fixed: Tensors::default() })
    }
}

impl ModelConfig {
    /// Name and shape of every weight of a decoder, as its file has them, in the order of the forward pass.
    ///
    /// The head is left out where it is the embedding table: where the configuration says so, or `file` has none.
    pub fn weights(&self, file: &WeightFile) -> Vec<(String, Vec<usize>)> {
        let mut all = self.layout();
        all.retain(|(name, _)| name != HEAD || file.has(HEAD));
        all
    }

    /// The same, where there is no file yet.
    pub fn layout(&self) -> Vec<(String, Vec<usize>)> {
        let width = self.hidden_size;
        let mut all = Vec::new();
        let mut add = |name: String, shape: Vec<usize>| all.push((name, shape));
        let norm = |name: String, width: usize, add: &mut dyn FnMut(String, Vec<usize>)| {
            add(format!("{name}.weight"), vec![width]);
            if self.norm == NormKind::Layer {
                add(format!("{name}.bias"), vec![width]);
            }
        };
        add(self.embedding_name().to_owned(), vec![self.vocab_size, width]);
        if self.positions == Positions::Learned {
            add("transformer.wpe.weight".to_owned(), vec![self.max_position_embeddings, width]);
        }
        for layer in 0..self.num_hidden_layers {
            let block = self.block(layer);
            for part in self.norm_names() {
                norm(format!("{block}.{part}"), width, &mut add);
            }
            if self.head_norms {
                norm(format!("{block}.self_attn.q_norm"), self.head_dim, &mut add);
                norm(format!("{block}.self_attn.k_norm"), self.head_dim, &mut add);
            }
            for module in self.modules() {
                let shape = if self.family == Family::Gpt2 {
                    vec![module.d_in, module.d_out]
                } else {
                    vec![module.d_out, module.d_in]
                };
                add(format!("{block}.{}.weight", module.path), shape);
                if module.bias {
                    add(format!("{block}.{}.bias", module.path), vec![module.d_out]);
                }
            }
        }
        norm(self.final_norm_name().to_owned(), width, &mut add);
        if !self.tie_word_embeddings {
            add(HEAD.to_owned(), vec![self.vocab_size, width]);
        }
        all
    }

    /// Name of the embedding table.
    pub(crate) fn embedding_name(&self) -> &'static str {
        if self.family == Family::Gpt2 { "transformer.wte.weight" } else { "model.embed_tokens.weight" }
    }

    /// Name of the norm after the last block.
    pub(crate) fn final_norm_name(&self) -> &'static str {
        if self.family == Family::Gpt2 { "transformer.ln_f" } else { "model.norm" }
    }

    /// Names of a block's norms, in the order of `Block::norms`.
    pub(crate) fn norm_names(&self) -> &'static [&'static str] {
        match (self.family, self.post_norms) {
            (Family::Gpt2, _) => &["ln_1", "ln_2"],
            (Family::Bert | Family::Roberta, _) => &["attention.output.LayerNorm", "output.LayerNorm"],
            (_, false) => &["input_layernorm", "post_attention_layernorm"],
            (_, true) => &[
                "input_layernorm",
                "pre_feedforward_layernorm",
                "post_attention_layernorm",
                "post_feedforward_layernorm",
            ],
        }
    }
}
