//! L0: the real engine on neighbouring batches.

use std::path::Path;

use burn::tensor::backend::AutodiffBackend;
use privet_model::weights::{self, Named, WEIGHTS_FILE, WeightFile};
use privet_model::{Decoder, LoraSpec, ModelConfig, Trainable};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

use super::Check;
use crate::Error;
use crate::clip::{ClipBound, UNCLIPPED};
use crate::config::Clipping;
use crate::engine::Engine;
use crate::tokens::Unit;

const VOCABULARY: u32 = 40;

/// How far rounding may carry the sum of the other units, whose physical batches changed, in shares of C a unit.
const SLACK: f64 = 1e-5;

/// Replays `cases` neighbours, shared out over what is trained and how it is clipped.
pub(super) fn run<A: AutodiffBackend>(
    cases: usize,
    device: &A::Device,
    note: &mut dyn FnMut(Check),
) -> Result<(), Error> {
    let folder = tempfile::tempdir().map_err(|source| Error::io("create", &std::env::temp_dir(), source))?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|source| Error::Entropy { source })?;
    let mut rng = ChaCha20Rng::from_seed(seed);
    write_model(folder.path(), &mut rng)?;
    let modules = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];
    let lora = LoraSpec { r: 2, alpha: 4.0, target_modules: modules.map(str::to_owned).to_vec(), freeze_a: false };
    let kinds = [("adapters", Trainable::Lora(lora)), ("a whole model", Trainable::Weights(vec!["*".to_owned()]))];
    let ways = [
        ("flat", Clipping::Flat),
        ("per layer", Clipping::PerLayer),
        ("automatic", Clipping::Automatic),
        ("adaptive", Clipping::Adaptive),
    ];
    let each = cases.div_ceil(kinds.len() * ways.len());
    for (what, trainable) in &kinds {
        let (engine, lengths) = engine::<A>(folder.path(), trainable, device, &mut rng)?;
        for (way, clipping) in ways {
            let mut worst: f64 = 0.0;
            for _ in 0..each {
                worst = worst.max(replay(&engine, &lengths, clipping, &mut rng));
            }
            let name = format!("replay: one unit more, {what}, {way} clipping; difference of the sums over C");
            note(Check::new("L0", &name, each as u64, worst, None, 1.0));
        }
    }
    Ok(())
}

/// Distance of the sums of two neighbouring batches, over C, without what rounding may do.
fn replay<A: AutodiffBackend>(engine: &Engine<A>, lengths: &[usize], clipping: Clipping, rng: &mut ChaCha20Rng) -> f64 {
    let max_grad_norm = [1e-3, 0.1, 1.0, 100.0][rng.random_range(0..4)];
    let bound = ClipBound { clipping, max_grad_norm };
    let mut unit = || {
        let length = rng.random_range(0..20);
        Unit::whole((0..length).map(|_| rng.random_range(0..VOCABULARY)).collect())
    };
    let mut units: Vec<Unit> = (0..6).map(|_| unit()).collect();
    let without = engine.clipped_sum(lengths, &units, bound);
    units.push(unit());
    let with = engine.clipped_sum(lengths, &units, bound);
    // The count has a sensitivity of its own; either may be the one that is too large.
    let distance = (with.distance(&without) / max_grad_norm).max(with.count_distance(&without) / UNCLIPPED);
    distance - SLACK * units.len() as f64
}

/// Everything moved a little from where it began, so that no adapter is zero.
fn engine<A: AutodiffBackend>(
    folder: &Path,
    trainable: &Trainable,
    device: &A::Device,
    rng: &mut ChaCha20Rng,
) -> Result<(Engine<A>, Vec<usize>), Error> {
    let mut decoder = Decoder::load(folder, None, device)?;
    let mut start = trainable.start(decoder.config(), &WeightFile::open(folder, None)?, 0)?;
    start.trained.values.iter_mut().flatten().for_each(|value| *value += rng.random_range(-0.1..0.1));
    decoder.attach(trainable, &start)?;
    let engine = Engine { decoder, sequence_len: 8, physical_batch_size: 4, lanes: 1, recompute: false };
    engine.check_coverage(&start.trained)?;
    Ok((engine, start.trained.values.iter().map(Vec::len).collect()))
}

/// A Llama of two blocks with random weights.
fn write_model(folder: &Path, rng: &mut ChaCha20Rng) -> Result<(), Error> {
    let text = format!(
        r#"{{"model_type":"llama","vocab_size":{VOCABULARY},"hidden_size":16,"intermediate_size":28,"num_hidden_layers":2,
        "num_attention_heads":4,"num_key_value_heads":2,"head_dim":6,"rms_norm_eps":1e-5,"rope_theta":500.0,
        "tie_word_embeddings":true,"bos_token_id":0,"eos_token_id":0}}"#
    );
    let path = folder.join("config.json");
    std::fs::write(&path, text).map_err(|source| Error::io("write", &path, source))?;
    let config = ModelConfig::load(folder)?;
    let random = |(name, shape): (String, Vec<usize>), rng: &mut ChaCha20Rng| {
        let spread = if shape.len() == 1 { 0.5..1.5 } else { -0.6..0.6 };
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(spread.clone())).collect();
        (name, shape, values)
    };
    let owned: Vec<_> = config.layout().into_iter().map(|weight| random(weight, rng)).collect();
    let named: Vec<Named<'_>> =
        owned.iter().map(|(name, shape, values)| Named { name: name.clone(), shape: shape.clone(), values }).collect();
    weights::write(&folder.join(WEIGHTS_FILE), &named)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn neighbours_differ_by_at_most_c() {
        let mut checks = Vec::new();
        super::run::<burn::backend::Autodiff<burn::backend::Flex>>(160, &Default::default(), &mut |check| {
            checks.push(check);
        })
        .unwrap();
        assert!(checks.len() == 8 && checks.iter().all(|check| check.passed), "{checks:#?}");
    }
}
