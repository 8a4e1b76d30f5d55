//! Encoders of the BERT kind: every token sees every other one; hidden states, classes of texts, or classes of tokens come out.
//!
//! The blocks are the decoder's ([`crate::decoder`]) with norms after the sums; what is new here is the embedding's own norm, a
//! mask that hides padding only, and the heads. Token types are all the first one: there are no pairs of texts.

use std::path::Path;

use burn::tensor::{Int, Tensor, TensorData, backend::AutodiffBackend, backend::Backend};

use crate::config::{Family, Head};
use crate::decoder::layers::{Linear, Norm, lift, wide};
use crate::decoder::load::Source;
use crate::decoder::{Block, Pass, Sight};
use crate::weights::WeightFile;
use crate::{Error, ModelConfig};

/// An encoder on a device.
pub struct Encoder<B: Backend> {
    config: ModelConfig,
    device: B::Device,
    words: Tensor<B, 2>,
    positions: Tensor<B, 2>,
    /// The first token type, `[1, hidden_size]`, where there are types.
    kind: Option<Tensor<B, 2>>,
    norm: Norm<B>,
    blocks: Vec<Block<B>>,
    /// Between the first token and the classes, in models for whole texts.
    pooler: Option<Linear<B>>,
    classes: Option<Linear<B>>,
    digest: String,
}

impl<B: Backend> Encoder<B> {
    /// Loads a Hugging Face folder to the device; with `pinned`, only weights of that SHA-256.
    ///
    /// # Errors
    /// Everything [`ModelConfig::load`] and [`WeightFile::open`] refuse; [`Error::BadConfig`] for a decoder.
    pub fn load(folder: &Path, pinned: Option<&str>, device: &B::Device) -> Result<Self, Error> {
        let config = ModelConfig::load(folder)?;
        if !config.family.is_encoder() {
            let reason = format!("is of a decoder ({}), not of an encoder", config.family.name());
            return Err(Error::BadConfig { path: folder.join("config.json"), reason });
        }
        let file = WeightFile::open(folder, pinned)?;
        let source = Source::<B>::of_encoder(&file, &config, device);
        let width = config.hidden_size;
        let name = |name: &str| source.part(&format!("embeddings.{name}.weight"));
        let table = |part: &str, rows: usize| source.table(&name(part), [rows, width]);
        let linear = |name: &str, rows: usize| -> Result<Linear<B>, Error> {
            let weight = source.matrix(&format!("{name}.weight"), [rows, width])?;
            let bias = source.vector(&format!("{name}.bias"), rows)?;
            Ok(Linear::new(name.to_owned(), weight, Some(bias)))
        };
        let (pooler, classes) = match (config.head, config.family) {
            (Head::None, _) => (None, None),
            (Head::Token { labels }, _) => (None, Some(linear("classifier", labels)?)),
            (Head::Sequence { labels }, Family::Roberta) => {
                (Some(linear("classifier.dense", width)?), Some(linear("classifier.out_proj", labels)?))
            }
            (Head::Sequence { labels }, _) => {
                (Some(linear(&source.part("pooler.dense"), width)?), Some(linear("classifier", labels)?))
            }
        };
        let kind = match config.token_types {
            0 => None,
            types => Some(table("token_type_embeddings", types)?.narrow(0, 0, 1)),
        };
        Ok(Self {
            words: source.matrix(&name("word_embeddings"), [config.vocab_size, width])?,
            positions: table("position_embeddings", config.max_position_embeddings + config.position_offset)?,
            kind,
            norm: source.norm(&source.part("embeddings.LayerNorm"), width)?,
            blocks: (0..config.num_hidden_layers).map(|layer| source.block(layer)).collect::<Result<_, _>>()?,
            pooler,
            classes,
            digest: file.digest().to_owned(),
            device: device.clone(),
            config,
        })
    }

    /// The model's shape.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// SHA-256 of the weights; see [`WeightFile::digest`].
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The last hidden states of `units` (token ids, control tokens included), padded to the longest: `[n, t, hidden_size]`.
    ///
    /// Rows behind a unit's own length mean nothing. A unit must not be longer than the model's positions.
    pub fn hidden<A: AutodiffBackend<InnerBackend = B>>(&self, units: &[&[u32]]) -> Tensor<A, 3> {
        let (n, t) = (units.len(), units.iter().map(|unit| unit.len()).max().unwrap_or(0).max(1));
        let (mut tokens, mut hidden) = (vec![0; n * t], vec![-6e4_f32; n * t]);
        for (row, unit) in units.iter().enumerate() {
            tokens[row * t..].iter_mut().zip(*unit).for_each(|(slot, id)| *slot = *id as i32);
            hidden[row * t..][..unit.len()].fill(0.0);
        }
        let ids = Tensor::<B, 1, Int>::from_data(TensorData::new(tokens, [n * t]), &self.device);
        let words = wide(&self.words.clone().select(0, ids)).reshape([n, t, self.config.hidden_size]);
        let mut x = words + self.positions.clone().narrow(0, self.config.position_offset, t).unsqueeze();
        if let Some(kind) = &self.kind {
            x = x + kind.clone().unsqueeze();
        }
        let sight = || {
            let mask = Tensor::<B, 5>::from_data(TensorData::new(hidden.clone(), [n, 1, 1, 1, t]), &self.device);
            Sight::<A>::of_encoder(lift(mask))
        };
        let mut pass = Pass::plain(sight(), sight());
        let mut x = self.norm.forward(Tensor::<A, 3>::from_inner(x), &self.config, &mut pass);
        for block in &self.blocks {
            x = block.forward(x, &self.config, &mut pass);
        }
        x
    }

    /// Logits of the classes: `[n, 1, labels]` for texts, `[n, t, labels]` for tokens; `None` without a head.
    pub fn logits<A: AutodiffBackend<InnerBackend = B>>(&self, units: &[&[u32]]) -> Option<Tensor<A, 3>> {
        let classes = self.classes.as_ref()?;
        let hidden = self.hidden::<A>(units);
        let plain = |linear: &Linear<B>, x: Tensor<A, 3>| {
            let sight = || Sight::<A>::of_encoder(Tensor::zeros([1, 1, 1, 1, 1], &x.device()));
            let mut pass = Pass::plain(sight(), sight());
            linear.forward(x, &mut pass)
        };
        match &self.pooler {
            Some(pooler) => {
                let first = hidden.narrow(1, 0, 1);
                Some(plain(classes, plain(pooler, first).tanh()))
            }
            None => Some(plain(classes, hidden)),
        }
    }
}
