//! How well a model predicts texts: the mean loss per token, and the loss of every text for whoever asks.
//!
//! Both are functions of the texts. Epsilon covers the weights, not these figures: of private texts they are private.

use std::path::{Path, PathBuf};

use burn::tensor::backend::AutodiffBackend;
use privet_model::device::{OnDevice, dispatch};
use privet_model::weights::WeightFile;
use privet_model::{Decoder, Device, LoraSpec, Start, Tensors, Trainable};
use rayon::prelude::*;
use serde::Deserialize;

use crate::config::{Format, LossOn};
use crate::error::Error;
use crate::tokens::unit::{Physical, pack};
use crate::tokens::{Encoder, Examples, Unit};

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
    /// Records.
    pub units: u64,
    /// Tokens that were predicted: every one that counts, but a record's first.
    pub tokens: u64,
    /// Records that were cut to the sequence length.
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

/// How records are read and computed.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// How records are read.
    pub format: Format,
    /// Which tokens count.
    pub loss_on: LossOn,
    /// Greatest number of tokens of a record; longer ones are cut.
    pub sequence_len: usize,
    /// Records computed at a time.
    pub batch: usize,
}

/// Scores all records; `each` sees every one's score.
///
/// # Errors
/// [`Error::Model`] for a folder that cannot be used, those of [`Encoder`], and whatever `examples` and `each` return.
pub fn score(
    folder: &ModelFolder,
    device: Device,
    reading: Reading,
    examples: &mut Examples<'_>,
    each: &mut dyn FnMut(UnitScore) -> Result<(), Error>,
) -> Result<Scored, Error> {
    dispatch(device, Work { folder, device, reading, examples, each }).map_err(Error::from)?
}

struct Work<'a, 'b> {
    folder: &'a ModelFolder,
    device: Device,
    reading: Reading,
    examples: &'a mut Examples<'b>,
    each: &'a mut dyn FnMut(UnitScore) -> Result<(), Error>,
}

impl OnDevice for Work<'_, '_> {
    type Output = Result<Scored, Error>;

    fn run<A: AutodiffBackend>(self, device: &A::Device) -> Self::Output {
        let Self { folder, device: device_name, reading, examples, each } = self;
        let loaded = Loaded::<A>::open(folder, device)?;
        let config = loaded.decoder.config();
        let sequence_len = reading.sequence_len.min(config.max_position_embeddings);
        let encoder = Encoder::open(&folder.base, config, reading.format, sequence_len, reading.loss_on)?;
        let mut scored = Scored::default();
        encoder.for_each(examples, &mut |block| {
            scored.truncated += block.units.iter().filter(|(_, truncated)| *truncated).count() as u64;
            let units: Vec<&Unit> = block.units.iter().map(|(unit, _)| unit).collect();
            let batches = pack(&units, sequence_len, reading.batch);
            let losses = |batch: &Vec<&Unit>| loaded.losses(&Physical::new(batch, sequence_len, 0));
            // On a CPU a batch keeps one core busy for much of its time; an accelerator wants them one by one.
            let losses: Vec<Vec<f32>> = match device_name {
                Device::Cpu => batches.par_iter().map(losses).collect(),
                _ => batches.iter().map(losses).collect(),
            };
            for (batch, losses) in batches.iter().zip(losses) {
                for (unit, loss) in batch.iter().zip(losses) {
                    let tokens = unit.predicted() as u64;
                    each(UnitScore { unit: scored.units, tokens, loss: f64::from(loss) })?;
                    scored.units += 1;
                    scored.tokens += tokens;
                    scored.total += f64::from(loss) * tokens as f64;
                }
            }
            Ok(())
        })?;
        Ok(scored)
    }
}

/// A model ready to be asked.
pub(crate) struct Loaded<A: AutodiffBackend> {
    pub(crate) decoder: Decoder<A::InnerBackend>,
}

impl<A: AutodiffBackend> Loaded<A> {
    pub(crate) fn open(folder: &ModelFolder, device: &A::Device) -> Result<Self, Error> {
        let mut decoder = Decoder::<A::InnerBackend>::load(&folder.base, None, device)?;
        if let Some(adapter) = &folder.adapter {
            attach(&mut decoder, adapter)?;
        }
        Ok(Self { decoder })
    }

    fn losses(&self, batch: &Physical) -> Vec<f32> {
        let losses = self.decoder.losses::<A>(&batch.batch).into_data().convert::<f32>();
        let mut losses: Vec<f32> = losses.to_vec().unwrap_or_default();
        losses.truncate(batch.units);
        losses
    }
}

/// `adapter_config.json`, as far as an adapter of privet's own needs it.
#[derive(Deserialize)]
struct Peft {
    r: usize,
    lora_alpha: f64,
    target_modules: Vec<String>,
}

fn attach<B: burn::tensor::backend::Backend>(decoder: &mut Decoder<B>, adapter: &Path) -> Result<(), Error> {
    let path = adapter.join("adapter_config.json");
    let text = std::fs::read_to_string(&path).map_err(|source| Error::io("read", &path, source))?;
    let peft: Peft = serde_json::from_str(&text).map_err(|error| Error::Damaged {
        path: path.clone(),
        reason: format!("is no adapter's configuration: {error}"),
    })?;
    if peft.r == 0 || peft.r > 1 << 16 {
        return Err(Error::Damaged { path, reason: "has a rank that is out of range".to_owned() });
    }
    let spec = LoraSpec { r: peft.r, alpha: peft.lora_alpha, target_modules: peft.target_modules, freeze_a: false };
    let mut tensors = spec.init(decoder.config(), 0)?;
    let file = WeightFile::read(adapter.join("adapter_model.safetensors"), None)?;
    for ((name, shape), values) in tensors.names.iter().zip(&tensors.shapes).zip(&mut tensors.values) {
        *values = file.tensor(name, shape)?;
    }
    decoder.attach(&Trainable::Lora(spec), &Start { trained: tensors, fixed: Tensors::default() })?;
    Ok(())
}

#[cfg(test)]
mod tests;
