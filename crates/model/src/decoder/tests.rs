//! A tiny random decoder on disk, and what must hold of any decoder.

use std::path::Path;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use rand_distr::{Distribution, Normal};

use super::*;
use crate::weights::{Named, WEIGHTS_FILE, to_bytes};

pub(crate) type A = burn::backend::Autodiff<burn::backend::Flex>;
pub(crate) type B = burn::backend::Flex;

/// Writes a random Llama with grouped heads; `tied` decides about the head.
pub(crate) fn write_model(folder: &Path, tied: bool) -> ModelConfig {
    let text = format!(
        r#"{{"model_type":"llama","vocab_size":40,"hidden_size":16,"intermediate_size":28,"num_hidden_layers":2,
        "num_attention_heads":4,"num_key_value_heads":2,"head_dim":6,"rms_norm_eps":1e-5,"rope_theta":500.0,
        "tie_word_embeddings":{tied},"bos_token_id":0,"eos_token_id":0}}"#
    );
    std::fs::write(folder.join("config.json"), text).unwrap();
    let config = ModelConfig::load(folder).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(20_261_122);
    let mut random = |count: usize, mean: f32, spread: f32| -> Vec<f32> {
        Normal::new(mean, spread).unwrap().sample_iter(&mut rng).take(count).collect()
    };
    let mut owned = vec![("model.embed_tokens.weight".to_owned(), vec![40, 16], random(640, 0.0, 0.7))];
    owned.push(("model.norm.weight".to_owned(), vec![16], random(16, 1.0, 0.2)));
    if !tied {
        owned.push(("lm_head.weight".to_owned(), vec![40, 16], random(640, 0.0, 0.4)));
    }
    for layer in 0..2 {
        for norm in ["input_layernorm", "post_attention_layernorm"] {
            owned.push((format!("model.layers.{layer}.{norm}.weight"), vec![16], random(16, 1.0, 0.2)));
        }
        for module in MODULES {
            let (d_in, d_out) = module_shape(&config, module);
            let part = if ["gate_proj", "up_proj", "down_proj"].contains(&module) { "mlp" } else { "self_attn" };
            let name = format!("model.layers.{layer}.{part}.{module}.weight");
            owned.push((name, vec![d_out, d_in], random(d_in * d_out, 0.0, 0.35)));
        }
    }
    let named: Vec<Named<'_>> =
        owned.iter().map(|(name, shape, values)| Named { name: name.clone(), shape: shape.clone(), values }).collect();
    std::fs::write(folder.join(WEIGHTS_FILE), to_bytes(folder, &named).unwrap()).unwrap();
    config
}

pub(crate) fn tiny(tied: bool) -> Decoder<B> {
    let folder = tempfile::tempdir().unwrap();
    write_model(folder.path(), tied);
    Decoder::load(folder.path(), None, &Default::default()).unwrap()
}

fn values(losses: Tensor<A, 1>) -> Vec<f32> {
    losses.into_data().to_vec().unwrap()
}

#[test]
fn an_examples_loss_depends_on_nothing_but_the_example() {
    let model = tiny(true);
    let units: [&[u32]; 4] = [&[0, 5, 9, 3, 7, 0], &[0, 1, 2, 0], &[0, 39], &[0]];
    let together = values(model.losses::<A>(&TokenBatch::new(&units, 7), None, None));
    assert_eq!(together.len(), 7);
    for (unit, loss) in units.iter().zip(&together) {
        let alone = values(model.losses::<A>(&TokenBatch::new(&[unit], 1), None, None))[0];
        assert!((alone - loss).abs() < 2e-6, "{alone} {loss}");
    }
    // A unit without a target, and rows that are only padding.
    assert_eq!(together[3..], [0.0; 4]);
    assert!(together[..3].iter().all(|loss| *loss > 0.5));
}

#[test]
fn a_token_never_sees_the_future() {
    let model = tiny(false);
    let logits = |tokens: &[i32]| -> Vec<f32> {
        model.logits::<A>(tokens, [1, tokens.len()], None).into_data().to_vec().unwrap()
    };
    let (left, right) = (logits(&[1, 2, 3, 4, 5]), logits(&[1, 2, 3, 30, 31]));
    for (x, y) in left[..3 * 40].iter().zip(&right[..3 * 40]) {
        assert!((x - y).abs() < 1e-6);
    }
    assert!(left[3 * 40..].iter().zip(&right[3 * 40..]).any(|(x, y)| (x - y).abs() > 1e-2));
}

#[test]
fn a_fresh_adapter_changes_nothing() {
    let mut model = tiny(true);
    let targets = MODULES.map(String::from).to_vec();
    let spec = LoraSpec { r: 3, alpha: 6.0, target_modules: targets };
    model.attach(&spec).unwrap();
    let tensors = spec.init(model.config(), 7).unwrap();
    let adapters = Adapters::upload(&tensors, spec.scale(), &Default::default());
    let batch = TokenBatch::new(&[&[0, 5, 9, 3]], 1);
    let bare = values(model.losses::<A>(&batch, None, None));
    assert_eq!(bare, values(model.losses::<A>(&batch, Some(&adapters), None)));
}

#[test]
fn an_unknown_target_is_refused() {
    let mut model = tiny(true);
    let spec = LoraSpec { r: 2, alpha: 2.0, target_modules: vec!["c_attn".into()] };
    assert!(matches!(model.attach(&spec), Err(Error::UnknownModule { .. })));
}
