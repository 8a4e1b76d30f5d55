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

/// Name of the clipping norm of the next step, which is there only if it moves.
const BOUND: &str = "max_grad_norm";

/// Saves the state after `optimizer.step()` steps, with the next step's clipping norm if that moves.
pub(crate) fn save(path: &Path, tensors: &Tensors, optimizer: &AdamW, max_grad_norm: Option<f64>) -> Result<(), Error> {
    // Steps are exact in f32 pairs; a safetensors file holds nothing but tensors.
    let step = optimizer.step();
    let words = [(step >> 20) as f32, (step & 0xf_ffff) as f32];
    let mut named = vec![Named { name: "step".to_owned(), shape: vec![2], values: &words }];
    let bound = max_grad_norm.map(|bound| [bound as f32]);
    named.extend(bound.iter().map(|bound| Named { name: BOUND.to_owned(), shape: vec![1], values: bound }));
    for (index, (values, moments)) in tensors.values.iter().zip(optimizer.moments()).enumerate() {
        for (part, values) in [("value", values), ("first", &moments.first), ("second", &moments.second)] {
            named.push(Named { name: format!("{part}.{index}"), shape: vec![values.len()], values });
        }
    }
    write_atomic_with(path, |file| Ok(weights::write(file, &named)?))
}

/// Loads a state into `tensors`; `None` where nothing was saved yet.
pub(crate) fn load(
    path: &Path,
    tensors: &mut Tensors,
    config: AdamWConfig,
) -> Result<Option<(AdamW, Option<f64>)>, Error> {
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
    let bound = if file.has(BOUND) { Some(f64::from(file.tensor(BOUND, &[1])?[0])) } else { None };
    Ok(Some((AdamW::restore(config, moments, step), bound)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        let config = AdamWConfig {
            beta1: 0.9,
            beta2: 0.99,
            weight_decay: 0.0,
            bias_correction_noise_variance: None,
            epsilon: 1e-8,
        };
        let tensors = Tensors {
            names: vec!["a".to_owned(), "b".to_owned()],
            shapes: vec![vec![2], vec![1]],
            values: vec![vec![1.5, -0.0], vec![f32::MIN_POSITIVE]],
        };
        let empty = Tensors { values: vec![vec![0.0; 2], vec![0.0]], ..tensors.clone() };
        assert!(load(&path, &mut empty.clone(), config).unwrap().is_none());
        let moments = |x: f32| Moments { first: vec![x; 2], second: vec![x * x; 2] };
        let last = Moments { first: vec![7.0], second: vec![49.0] };
        // More steps than an f32 has whole numbers, and a norm that is no round number.
        let optimizer = AdamW::restore(config, vec![moments(0.1), last], (1 << 30) + 12_345);
        for bound in [None, Some(f64::from(0.123_456_79_f32))] {
            save(&path, &tensors, &optimizer, bound).unwrap();
            let mut found = empty.clone();
            assert_eq!(load(&path, &mut found, config).unwrap(), Some((optimizer.clone(), bound)));
            assert_eq!(found, tensors);
        }
    }
}
