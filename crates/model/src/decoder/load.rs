//! From the names in a weights file to the layers of a [`Decoder`].

use std::path::Path;

use burn::tensor::{Tensor, TensorData, backend::Backend};

use super::layers::{Linear, Norm, Table};
use super::{Block, Decoder};
use crate::config::{Family, Module, NormKind, Positions};
use crate::trainable::HEAD;
use crate::weights::{Stored, WeightFile};
use crate::{Error, ModelConfig};

/// A file, what it should hold, and where to put it.
pub(crate) struct Source<'a, B: Backend> {
    pub(crate) file: &'a WeightFile,
    config: &'a ModelConfig,
    device: &'a B::Device,
    /// What comes before the names of an encoder's parts.
    prefix: &'static str,
}

impl<B: Backend> Decoder<B> {
    /// Loads a Hugging Face folder to the device; with `pinned`, only weights of that SHA-256.
    ///
    /// # Errors
    /// Everything [`ModelConfig::load`] and [`WeightFile::open`] refuse.
    pub fn load(folder: &Path, pinned: Option<&str>, device: &B::Device) -> Result<Self, Error> {
        let config = ModelConfig::load(folder)?;
        if config.family.is_encoder() {
            let reason = format!("is of an encoder ({}), which predicts no next token", config.family.name());
            return Err(Error::BadConfig { path: folder.join("config.json"), reason });
        }
        let file = WeightFile::open(folder, pinned)?;
        let source = Source::<B> { file: &file, config: &config, device, prefix: "" };
        let shape = [config.vocab_size, config.hidden_size];
        let places = [config.max_position_embeddings, config.hidden_size];
        let learned = config.positions == Positions::Learned;
        let tied = config.tie_word_embeddings || !file.has(HEAD);
        let table = |name: &str, weight: Tensor<B, 2>| Table { name: name.to_owned(), weight, slot: None };
        let (embedding, positions) = (config.embedding_name(), "transformer.wpe.weight");
        Ok(Self {
            embedding: table(embedding, source.matrix(embedding, shape)?),
            positions: if learned { Some(table(positions, source.table(positions, places)?)) } else { None },
            blocks: (0..config.num_hidden_layers).map(|layer| source.block(layer)).collect::<Result<_, _>>()?,
            norm: source.norm(config.final_norm_name(), config.hidden_size)?,
            head: if tied { None } else { Some(table(HEAD, source.matrix(HEAD, shape)?)) },
            digest: file.digest().to_owned(),
            device: device.clone(),
            slots: Vec::new(),
            config,
        })
    }
}

impl<'a, B: Backend> Source<'a, B> {
    /// The source of an encoder.
    pub(crate) fn of_encoder(file: &'a WeightFile, config: &'a ModelConfig, device: &'a B::Device) -> Self {
        let prefixes = ["bert.", "roberta."];
        let named = |prefix: &&str| file.has(&format!("{prefix}embeddings.word_embeddings.weight"));
        Self { file, config, device, prefix: prefixes.into_iter().find(named).unwrap_or("") }
    }

    /// Full name of a part of the encoder itself.
    pub(crate) fn part(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A matrix in the type it has in the file: most of a model's memory is these.
    pub(crate) fn matrix(&self, name: &str, shape: [usize; 2]) -> Result<Tensor<B, 2>, Error> {
        let data = match self.file.stored(self.file.own_name(name), &shape)? {
            Stored::F32(values) => TensorData::new(values, shape),
            Stored::Bf16(values) => TensorData::new(values, shape),
            Stored::F16(values) => TensorData::new(values, shape),
        };
        let dtype = data.dtype;
        Ok(Tensor::from_data(data, (self.device, dtype)))
    }

    /// A small table in f32.
    pub(crate) fn table(&self, name: &str, shape: [usize; 2]) -> Result<Tensor<B, 2>, Error> {
        Ok(Tensor::from_data(TensorData::new(self.file.tensor(self.file.own_name(name), &shape)?, shape), self.device))
    }

    pub(crate) fn vector(&self, name: &str, width: usize) -> Result<Tensor<B, 1>, Error> {
        Ok(Tensor::from_data(
            TensorData::new(self.file.tensor(self.file.own_name(name), &[width])?, [width]),
            self.device,
        ))
    }

    pub(crate) fn norm(&self, name: &str, width: usize) -> Result<Norm<B>, Error> {
        let bias = self.config.norm == NormKind::Layer;
        Ok(Norm {
            name: name.to_owned(),
            slots: [None; 2],
            weight: self.vector(&format!("{name}.weight"), width)?,
            bias: if bias { Some(self.vector(&format!("{name}.bias"), width)?) } else { None },
        })
    }

    fn linear(&self, block: &str, module: &Module) -> Result<Linear<B>, Error> {
        let name = format!("{block}.{}", module.path);
        let (d_in, d_out) = (module.d_in, module.d_out);
        let weight = format!("{name}.weight");
        let turned = self.config.family == Family::Gpt2;
        let weight = if turned {
            // Its layers are stored as convolutions of width 1: `[in, out]`.
            self.matrix(&weight, [d_in, d_out])?.transpose()
        } else {
            self.matrix(&weight, [d_out, d_in])?
        };
        let bias = if module.bias { Some(self.vector(&format!("{name}.bias"), d_out)?) } else { None };
        Ok(Linear { turned, ..Linear::new(name, weight, bias) })
    }

    pub(crate) fn block(&self, layer: usize) -> Result<Block<B>, Error> {
        let config = self.config;
        let name = self.part(&config.block(layer));
        let norm = |part: &&str| self.norm(&format!("{name}.{part}"), config.hidden_size);
        let head = |part: &str| self.norm(&format!("{name}.self_attn.{part}"), config.head_dim);
        Ok(Block {
            norms: config.norm_names().iter().map(norm).collect::<Result<_, _>>()?,
            head_norms: if config.head_norms { Some([head("q_norm")?, head("k_norm")?]) } else { None },
            linears: config.modules().iter().map(|module| self.linear(&name, module)).collect::<Result<_, _>>()?,
            windowed: config.is_windowed(layer),
        })
    }
}
