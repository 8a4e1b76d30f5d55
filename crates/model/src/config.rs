//! `config.json` of a Hugging Face folder: what makes one decoder differ from another, as data.
//!
//! Families are read in `family`: each turns its own keys into the fields below, and the forward pass knows only those. What
//! this crate cannot run exactly is refused by name: a model that runs *almost* right is worse than one that does not run.

mod family;
pub mod rope;

use std::path::Path;

use crate::Error;
pub use rope::{Rotary, Scaling};

/// File with a model's ways of answering; only the tokens that end an answer are read.
pub const GENERATION_CONFIG: &str = "generation_config.json";

/// A family of decoders with its own names for weights and settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Llama 2 and 3, `SmolLM2`, and others that say `llama`.
    Llama,
    /// Llama with a sliding window.
    Mistral,
    /// Qwen 2 and 2.5: biases on queries, keys and values.
    Qwen2,
    /// Qwen 3: every head's queries and keys are normed.
    Qwen3,
    /// Four norms a block, a sliding window in every other block, capped logits.
    Gemma2,
    /// The text model: five blocks with a window and a rotary base of their own, then one without.
    Gemma3,
    /// Learned positions, layer norms, one matrix for queries, keys and values.
    Gpt2,
    /// An encoder: every token sees every other, norms come after the sum. `MiniLM` is one.
    Bert,
    /// The same with positions counted from the padding's id on, and another classification head.
    Roberta,
}

impl Family {
    /// Its `model_type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral => "mistral",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::Gemma2 => "gemma2",
            Self::Gemma3 => "gemma3_text",
            Self::Gpt2 => "gpt2",
            Self::Bert => "bert",
            Self::Roberta => "roberta",
        }
    }

    /// Whether every token sees every other one.
    pub fn is_encoder(self) -> bool {
        matches!(self, Self::Bert | Self::Roberta)
    }
}

/// What an encoder's folder adds to its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// Nothing: hidden states come out.
    None,
    /// One answer per text.
    Sequence {
        /// Number of classes.
        labels: usize,
    },
    /// One answer per token.
    Token {
        /// Number of classes.
        labels: usize,
    },
}

/// How activations are normed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormKind {
    /// `x / rms(x) * w` (Zhang and Sennrich 2019, arXiv 1910.07467).
    Rms,
    /// `x / rms(x) * (1 + w)`.
    RmsPlusOne,
    /// `(x - mean) / std * w + b` (Ba et al. 2016, arXiv 1607.06450).
    Layer,
}

/// The non-linearity of the MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `x * sigmoid(x)`.
    Silu,
    /// `x * Phi(x)`.
    Gelu,
    /// The same by a hyperbolic tangent (Hendrycks and Gimpel 2016, arXiv 1606.08415).
    GeluTanh,
}

/// Where a token's place comes in.
#[derive(Debug, Clone, PartialEq)]
pub enum Positions {
    /// Queries and keys are rotated: in blocks that see everything, and in those with a window.
    Rotary {
        /// Blocks without a window.
        full: Rotary,
        /// Blocks with one.
        windowed: Rotary,
    },
    /// A table is added to the embedding.
    Learned,
}

/// What one model is.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own in some family")]
pub struct ModelConfig {
    /// The family, which names the weights.
    pub family: Family,
    /// Number of token ids, V.
    pub vocab_size: usize,
    /// Width of the residual stream, d.
    pub hidden_size: usize,
    /// Width of the MLP.
    pub intermediate_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Query heads, H.
    pub num_attention_heads: usize,
    /// Key and value heads; divides H (grouped-query attention).
    pub num_key_value_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// Longest sequence the positions were trained for.
    pub max_position_embeddings: usize,
    /// All norms are of one kind.
    pub norm: NormKind,
    /// Added to the mean square, or to the variance.
    pub norm_epsilon: f64,
    /// Norms are of the sum with what went in, not of what goes into attention and the MLP.
    pub norm_after: bool,
    /// Two more norms a block: of what attention and the MLP give, before it is added.
    pub post_norms: bool,
    /// Every head's queries and keys are normed before they are rotated.
    pub head_norms: bool,
    /// Where a token's place comes in.
    pub positions: Positions,
    /// Rows of the table of positions before the first one that is used.
    pub position_offset: usize,
    /// Rows of the table of token types; only the first is used, and 0 means that there is no table.
    pub token_types: usize,
    /// What an encoder adds to its blocks.
    pub head: Head,
    /// How many tokens a block with a window sees, itself included.
    pub window: Option<usize>,
    /// Which blocks have the window; empty where none has.
    pub windowed: Vec<bool>,
    /// What the dot product of query and key is multiplied with.
    pub attention_scale: f64,
    /// `cap * tanh(x / cap)` on attention scores.
    pub attention_softcap: Option<f64>,
    /// The same on the logits.
    pub final_softcap: Option<f64>,
    /// What the token embedding is multiplied with.
    pub embedding_scale: f64,
    /// The non-linearity of the MLP.
    pub activation: Activation,
    /// Whether queries, keys and values have a bias.
    pub qkv_bias: bool,
    /// Whether attention's output has one.
    pub output_bias: bool,
    /// Whether the MLP's layers have one.
    pub mlp_bias: bool,
    /// Whether the output head is the embedding table.
    pub tie_word_embeddings: bool,
    /// First token of every sequence, where the tokenizer has one.
    pub bos_token_id: Option<u32>,
    /// Last token of every document, where the tokenizer has one.
    pub eos_token_id: Option<u32>,
    /// Tokens that end an answer: those of `config.json`, and those of `generation_config.json` where there is one.
    pub stop_token_ids: Vec<u32>,
}

/// One linear layer of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its path inside the block, as in `self_attn.q_proj`.
    pub path: &'static str,
    /// Input width.
    pub d_in: usize,
    /// Output width.
    pub d_out: usize,
    /// Whether it has a bias.
    pub bias: bool,
}

impl Module {
    /// The last part of the path, by which adapters name it.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }
}

impl ModelConfig {
    /// Reads `config.json` of a model folder, and the ends of answers from `generation_config.json`.
    ///
    /// # Errors
    /// [`Error::Unreadable`]; [`Error::BadConfig`] for another architecture or a feature this crate cannot run.
    pub fn load(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("config.json");
        let text = std::fs::read_to_string(&path).map_err(|source| Error::Unreadable { path: path.clone(), source })?;
        let mut config = family::parse(&text).map_err(|reason| Error::BadConfig { path, reason })?;
        let path = folder.join(GENERATION_CONFIG);
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let stops = family::stop_tokens(&text).map_err(|reason| Error::BadConfig { path, reason })?;
                config.stop_token_ids.extend(stops);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::Unreadable { path, source }),
        }
        Ok(config)
    }

    /// The linear layers of a block in forward order: first attention's, then the MLP's.
    pub fn modules(&self) -> Vec<Module> {
        let (width, mlp) = (self.hidden_size, self.intermediate_size);
        let (queries, keys) = (self.num_attention_heads * self.head_dim, self.num_key_value_heads * self.head_dim);
        let module = |path, d_in, d_out, bias| Module { path, d_in, d_out, bias };
        if self.family.is_encoder() {
            return vec![
                module("attention.self.query", width, queries, true),
                module("attention.self.key", width, keys, true),
                module("attention.self.value", width, keys, true),
                module("attention.output.dense", queries, width, true),
                module("intermediate.dense", width, mlp, true),
                module("output.dense", mlp, width, true),
            ];
        }
        if self.family == Family::Gpt2 {
            return vec![
                module("attn.c_attn", width, queries + 2 * keys, true),
                module("attn.c_proj", queries, width, true),
                module("mlp.c_fc", width, mlp, true),
                module("mlp.c_proj", mlp, width, true),
            ];
        }
        vec![
            module("self_attn.q_proj", width, queries, self.qkv_bias),
            module("self_attn.k_proj", width, keys, self.qkv_bias),
            module("self_attn.v_proj", width, keys, self.qkv_bias),
            module("self_attn.o_proj", queries, width, self.output_bias),
            module("mlp.gate_proj", width, mlp, self.mlp_bias),
            module("mlp.up_proj", width, mlp, self.mlp_bias),
            module("mlp.down_proj", mlp, width, self.mlp_bias),
        ]
    }

    /// How many of [`ModelConfig::modules`] belong to attention.
    pub(crate) fn attention_modules(&self) -> usize {
        if self.family == Family::Gpt2 { 2 } else { 4 }
    }

    /// Name of a block as the weights file has it.
    pub fn block(&self, layer: usize) -> String {
        let stem = match self.family {
            Family::Gpt2 => "transformer.h",
            Family::Bert | Family::Roberta => "encoder.layer",
            _ => "model.layers",
        };
        format!("{stem}.{layer}")
    }

    /// Whether a block has the window.
    pub fn is_windowed(&self, layer: usize) -> bool {
        self.windowed.get(layer).copied().unwrap_or(false)
    }

    fn check(&self) -> Result<(), String> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("head_dim", self.head_dim),
            ("max_position_embeddings", self.max_position_embeddings),
        ];
        // A forged size must not make us allocate the machine away before a weight has been looked at.
        for (name, size) in sizes {
            if size == 0 || size > 1 << 24 {
                return Err(format!("{name} = {size} is out of range"));
            }
        }
        if !self.num_attention_heads.is_multiple_of(self.num_key_value_heads) {
            return Err("num_key_value_heads does not divide num_attention_heads".to_owned());
        }
        if self.positions != Positions::Learned && !self.head_dim.is_multiple_of(2) {
            return Err("head_dim is odd, so it cannot be rotated in pairs".to_owned());
        }
        if self.window == Some(0) {
            return Err("sliding_window is 0, so no token could see even itself".to_owned());
        }
        if !self.windowed.is_empty() && self.windowed.len() != self.num_hidden_layers {
            return Err("layer_types does not have one entry per layer".to_owned());
        }
        let numbers = [self.norm_epsilon, self.attention_scale, self.embedding_scale];
        let caps = [self.attention_softcap, self.final_softcap].into_iter().flatten();
        if numbers.into_iter().chain(caps).any(|number| !number.is_finite() || number <= 0.0) {
            return Err("an epsilon, a scale or a cap is not a positive number".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
