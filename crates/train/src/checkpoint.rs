//! The state from which a run goes on: trained weights and the optimizer's moments after a finished step, in one file.
//!
//! The file is safetensors, written atomically, in `private/`: weights in the middle of a run are covered by epsilon,
//! but the moments tell more than a release needs to. It holds no key and no random state: a process that goes on
//! draws fresh keys, so that no noise is ever used twice.

use std::path::Path;

use privet_model::Tensors;
use privet_model::weights::{self, Named, WeightFile};

use crate::Error;
use crate::adamw::{AdamW, AdamWConfig, Moments};
use crate::atomic::write_atomic_with;

/// Saves the state after `optimizer.step()` steps.
pub(crate) fn save(path: &Path, tensors: &Tensors, optimizer: &AdamW) -> Result<(), Error> {
    // Steps are exact in f32 pairs; a safetensors file holds nothing but tensors.
    let step = optimizer.step();
    let words = [(step >> 20) as f32, (step & 0xf_ffff) as f32];
    let mut named = vec![Named { name: "step".to_owned(), shape: vec![2], values: &words }];
    for (index, (values, moments)) in tensors.values.iter().zip(optimizer.moments()).enumerate() {
        for (part, values) in [("value", values), ("first", &moments.first), ("second", &moments.second)] {
            named.push(Named { name: format!("{part}.{index}"), shape: vec![values.len()], values });
        }
    }
    write_atomic_with(path, |file| Ok(weights::write(file, &named)?))
}

/// Loads a state into `tensors`; `None` where nothing was saved yet.
pub(crate) fn load(path: &Path, tensors: &mut Tensors, config: AdamWConfig) -> Result<Option<AdamW>, Error> {
    if !path.exists() {
        return Ok(None);
    }
    let file = WeightFile::read(path.to_owned(), None)?;
    let words = file.tensor("step", &[2])?;
    let step = ((words[0] as u64) << 20) + words[1] as u64;
    let mut moments = Vec::with_capacity(tensors.values.len());
    for (index, values) in tensors.values.iter_mut().enumerate() {
        let shape = [values.len()];
        *values = file.tensor(&format!("value.{index}"), &shape)?;
        let first = file.tensor(&format!("first.{index}"), &shape)?;
        moments.push(Moments { first, second: file.tensor(&format!("second.{index}"), &shape)? });
    }
    Ok(Some(AdamW::restore(config, moments, step)))
}
