//! How well a model predicts texts: the mean loss per token, and the loss of every text for whoever asks.
//!
//! Both are functions of the texts. Epsilon covers the weights, not these figures: of private texts they are private.

use std::path::{Path, PathBuf};

use burn::tensor::backend::AutodiffBackend;
use privet_model::device::{OnDevice, dispatch};
use privet_model::weights::WeightFile;
use privet_model::{Adapters, Decoder, Device, LoraSpec, TokenBatch};
use serde::Deserialize;

use crate::error::Error;
use crate::tokens::{Frame, TokenStore, Tokenizer};

/// Texts that are tokenized at a time.
const BLOCK: usize = 512;

/// A model folder and, where one is wanted, an adapter on top of it.
#[derive(Debug, Clone)]
pub struct ModelFolder {
    /// Hugging Face folder.
    pub base: PathBuf,
    /// Folder in PEFT's layout.
    pub adapter: Option<PathBuf>,
}

/// What a model makes of some texts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Scored {
    /// Texts.
    pub units: u64,
    /// Tokens that were predicted: every token of a text but its first.
    pub tokens: u64,
    /// Texts that were cut to the sequence length.
    pub truncated: u64,
    /// Sum of the losses of all predicted tokens, in nats.
    pub total: f64,
}

impl Scored {
    /// Mean loss per predicted token, in nats; `None` where there is none.
    pub fn loss(&self) -> Option<f64> {
        (self.tokens > 0).then(|| self.total / self.tokens as f64)
    }
}

/// One text's part of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnitScore {
    /// Its place among the texts, from 0.
    pub unit: u64,
    /// Tokens that were predicted.
    pub tokens: u64,
    /// Mean loss per predicted token, in nats; 0 where there is none.
    pub loss: f64,
}

/// Where texts come from: calls what it is given with one text after the other.
pub type Texts<'a> = dyn FnMut(&mut dyn FnMut(String) -> Result<(), Error>) -> Result<(), Error> + 'a;

/// Scores all texts, at most `batch` at a time, each cut to `sequence_len` tokens; `each` sees every text's score.
///
/// # Errors
/// [`Error::Model`] for a folder that cannot be used, [`Error::Tokenize`], and whatever `texts` and `each` return.
pub fn score(
    folder: &ModelFolder,
    device: Device,
    (sequence_len, batch): (usize, usize),
    texts: &mut Texts<'_>,
    each: &mut dyn FnMut(UnitScore) -> Result<(), Error>,
) -> Result<Scored, Error> {
    let work = Work { folder, sequence_len, batch: batch.max(1), texts, each };
    dispatch(device, work).map_err(Error::from)?
}

struct Work<'a, 'b> {
    folder: &'a ModelFolder,
    sequence_len: usize,
    batch: usize,
    texts: &'a mut Texts<'b>,
    each: &'a mut dyn FnMut(UnitScore) -> Result<(), Error>,
}

impl OnDevice for Work<'_, '_> {
    type Output = Result<Scored, Error>;

    fn run<A: AutodiffBackend>(self, device: &A::Device) -> Self::Output {
        let loaded = Loaded::<A>::open(self.folder, device)?;
        let config = loaded.decoder.config();
        let sequence_len = self.sequence_len.min(config.max_position_embeddings);
        let frame = Frame { sequence_len, bos: config.bos_token_id, eos: config.eos_token_id };
        let mut scored = Scored::default();
        let mut block: Vec<String> = Vec::with_capacity(BLOCK);
        let (batch, each) = (self.batch, self.each);
        let mut flush = |block: &mut Vec<String>, scored: &mut Scored| {
            let mut store = TokenStore::default();
            store.extend(&loaded.tokenizer, block, frame).map_err(|error| match error {
                Error::Tokenize { unit } => Error::Tokenize { unit: unit + scored.units as usize },
                other => other,
            })?;
            block.clear();
            scored.truncated += store.truncated();
            for first in (0..store.len()).step_by(batch) {
                let units: Vec<&[u32]> = (first..store.len().min(first + batch)).map(|unit| store.unit(unit)).collect();
                for (unit, loss) in units.iter().zip(loaded.losses(&units)) {
                    let tokens = unit.len().saturating_sub(1) as u64;
                    each(UnitScore { unit: scored.units, tokens, loss: f64::from(loss) })?;
                    scored.units += 1;
                    scored.tokens += tokens;
                    scored.total += f64::from(loss) * tokens as f64;
                }
            }
            Ok(())
        };
        (self.texts)(&mut |text| {
            block.push(text);
            if block.len() == BLOCK { flush(&mut block, &mut scored) } else { Ok(()) }
        })?;
        flush(&mut block, &mut scored)?;
        Ok(scored)
    }
}

/// A model ready to be asked.
pub(crate) struct Loaded<A: AutodiffBackend> {
    pub(crate) decoder: Decoder<A::InnerBackend>,
    pub(crate) adapters: Option<Adapters<A::InnerBackend>>,
    pub(crate) tokenizer: Tokenizer,
}

impl<A: AutodiffBackend> Loaded<A> {
    pub(crate) fn open(folder: &ModelFolder, device: &A::Device) -> Result<Self, Error> {
        let path = folder.base.join("tokenizer.json");
        let tokenizer = Tokenizer::from_file(&path)?;
        let mut decoder = Decoder::<A::InnerBackend>::load(&folder.base, None, device)?;
        if tokenizer.vocabulary_size() > decoder.config().vocab_size {
            let reason = format!("has more tokens than the model's {} embeddings", decoder.config().vocab_size);
            return Err(Error::Damaged { path, reason });
        }
        let adapters = match &folder.adapter {
            Some(adapter) => Some(attach(&mut decoder, adapter)?),
            None => None,
        };
        Ok(Self { decoder, adapters, tokenizer })
    }

    fn losses(&self, units: &[&[u32]]) -> Vec<f32> {
        let batch = TokenBatch::new(units, 0);
        let losses = self.decoder.losses::<A>(&batch, self.adapters.as_ref(), None);
        losses.values.into_data().convert::<f32>().to_vec().unwrap_or_default()
    }
}

/// `adapter_config.json`, as far as an adapter of privet's own needs it.
#[derive(Deserialize)]
struct Peft {
    r: usize,
    lora_alpha: f64,
    target_modules: Vec<String>,
}

fn attach<B: burn::tensor::backend::Backend>(decoder: &mut Decoder<B>, adapter: &Path) -> Result<Adapters<B>, Error> {
    let path = adapter.join("adapter_config.json");
    let text = std::fs::read_to_string(&path).map_err(|source| Error::io("read", &path, source))?;
    let peft: Peft = serde_json::from_str(&text).map_err(|error| Error::Damaged {
        path: path.clone(),
        reason: format!("is no adapter's configuration: {error}"),
    })?;
    if peft.r == 0 || peft.r > 1 << 16 {
        return Err(Error::Damaged { path, reason: "has a rank that is out of range".to_owned() });
    }
    let spec = LoraSpec { r: peft.r, alpha: peft.lora_alpha, target_modules: peft.target_modules };
    decoder.attach(&spec)?;
    let mut tensors = spec.init(decoder.config(), 0)?;
    let file = WeightFile::read(adapter.join("adapter_model.safetensors"), None)?;
    for ((name, shape), values) in tensors.names.iter().zip(&tensors.shapes).zip(&mut tensors.values) {
        *values = file.tensor(name, shape)?;
    }
    Ok(decoder.adapters(&tensors, spec.scale()))
}

#[cfg(test)]
mod tests;
