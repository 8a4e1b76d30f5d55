//! What a model folder holds, without running it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::config::{Head, Positions};
use crate::manifest::{Manifest, small_files};
use crate::weights::WeightFile;
use crate::{Error, ModelConfig};

/// What a model folder holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelInspection {
    /// `model_type` of its `config.json`.
    pub family: String,
    /// Whether it is a decoder, which predicts text and can be trained here.
    pub decoder: bool,
    /// Scalars in the weights file, tied ones once.
    pub parameters: u64,
    /// Tensors of each type.
    pub dtypes: BTreeMap<String, u64>,
    /// Blocks.
    pub layers: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub key_value_heads: usize,
    /// Width of the MLP.
    pub intermediate_size: usize,
    /// Token ids.
    pub vocab_size: usize,
    /// Longest sequence.
    pub positions: usize,
    /// Whether places come in by rotation.
    pub rotary: bool,
    /// Tokens that a block with a window sees, where there are such blocks.
    pub window: Option<usize>,
    /// Whether the output head is the embedding table.
    pub tied: bool,
    /// Classes of an encoder's head.
    pub labels: Option<usize>,
    /// Linear layers of a block, by the names that `lora_target_modules` takes.
    pub modules: Vec<String>,
    /// Tokens that end an answer.
    pub stop_token_ids: Vec<u32>,
    /// SHA-256 of every file that is read.
    pub files: Manifest,
}

/// Reads the configuration, and of the weights the headers and the digests.
///
/// # Errors
/// As [`ModelConfig::load`] and [`WeightFile::open`].
pub fn inspect(folder: &Path) -> Result<ModelInspection, Error> {
    let config = ModelConfig::load(folder)?;
    let file = WeightFile::open(folder, None)?;
    let mut dtypes = BTreeMap::new();
    let mut parameters = 0;
    for name in file.names() {
        parameters += file.shape(name).unwrap_or_default().iter().map(|size| *size as u64).product::<u64>();
        *dtypes.entry(file.place(name).map_or_else(String::new, |place| format!("{:?}", place.dtype))).or_insert(0) +=
            1;
    }
    let mut files = small_files(folder)?;
    files.extend(file.file_digests());
    Ok(ModelInspection {
        family: config.family.name().to_owned(),
        decoder: !config.family.is_encoder(),
        parameters,
        dtypes,
        layers: config.num_hidden_layers,
        hidden_size: config.hidden_size,
        heads: config.num_attention_heads,
        key_value_heads: config.num_key_value_heads,
        intermediate_size: config.intermediate_size,
        vocab_size: config.vocab_size,
        positions: config.max_position_embeddings,
        rotary: matches!(config.positions, Positions::Rotary { .. }),
        window: config.window,
        tied: config.tie_word_embeddings,
        labels: match config.head {
            Head::Sequence { labels } | Head::Token { labels } => Some(labels),
            Head::None => None,
        },
        modules: config.modules().iter().map(|module| module.name().to_owned()).collect(),
        stop_token_ids: config.stop_token_ids,
        files,
    })
}
