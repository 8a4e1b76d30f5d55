//! A tiny random decoder on disk, and what must hold of any decoder.

use std::path::Path;

use burn::tensor::activation;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use rand_distr::{Distribution, Normal};

use super::*;
use crate::ModelConfig;
use crate::weights::{Named, WEIGHTS_FILE, write};

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
        for module in config.modules() {
            let (name, d_in, d_out) =
                (format!("model.layers.{layer}.{}.weight", module.path), module.d_in, module.d_out);
            owned.push((name, vec![d_out, d_in], random(d_in * d_out, 0.0, 0.35)));
        }
    }
    let named: Vec<Named<'_>> =
        owned.iter().map(|(name, shape, values)| Named { name: name.clone(), shape: shape.clone(), values }).collect();
    write(&folder.join(WEIGHTS_FILE), &named).unwrap();
    config
}

pub(crate) fn tiny(tied: bool) -> Decoder<B> {
    let folder = tempfile::tempdir().unwrap();
    write_model(folder.path(), tied);
    Decoder::load(folder.path(), None, &Default::default()).unwrap()
}

fn values(losses: Tensor<B, 1>) -> Vec<f32> {
    losses.into_data().to_vec().unwrap()
}

/// The slow obvious twin of `cross_entropy`: everything inside autodiff.
pub(crate) fn plain_losses(
    model: &Decoder<B>,
    batch: &TokenBatch,
    hidden: Tensor<A, 2>,
    stand_ins: &[Tensor<A, 2>],
) -> Tensor<A, 1> {
    let ([n, t], units) = (batch.shape(), batch.units());
    let targets = Tensor::<B, 2, Int>::from_data(TensorData::new(batch.targets(), [n * t, 1]), &model.device);
    let weights = Tensor::<B, 2>::from_data(TensorData::new(batch.weights.clone(), [n * t, 1]), &model.device);
    let leaf = model.head_table().slot.and_then(|slot| stand_ins.get(slot)).cloned();
    let head = leaf.unwrap_or_else(|| lift(model.head_weight()));
    let logits = model.capped(hidden.matmul(head.transpose()));
    let likelihood = activation::log_softmax(logits, 1).gather(1, Tensor::from_inner(targets));
    (likelihood * lift(weights)).reshape([units, n / units * t]).sum_dim(1).neg().reshape([units])
}

#[test]
fn the_written_out_cross_entropy_equals_the_tracked_one() {
    let model = tiny(false);
    let batch = TokenBatch::new(&[&[0, 5, 9, 3, 7, 0], &[0, 1, 2, 0], &[0]], 4);
    // Hidden states up to 40 standard deviations out: the softmax saturates, and nothing may overflow.
    for (size, slice) in [(0.1_f32, 3), (3.0, 20), (40.0, 7), (3.0, 1000)] {
        let numbers: Vec<f32> = (0..20 * 16).map(|i| ((i * 37 % 101) as f32 / 50.0 - 1.0) * size).collect();
        let leaf = || {
            Tensor::<A, 2>::from_data(TensorData::new(numbers.clone(), [20, 16]), &Default::default()).require_grad()
        };
        let (fast, slow) = (leaf(), leaf());
        let outcome = model.cross_entropy(&fast.clone().inner(), &batch, true, slice);
        let twin = plain_losses(&model, &batch, slow.clone(), &[]);
        let (left, right): (Vec<f32>, Vec<f32>) = (values(outcome.losses), values(twin.clone().inner()));
        for (x, y) in left.iter().zip(&right) {
            assert!((x - y).abs() <= 1e-5 * y.abs().max(1.0), "{x} {y}");
        }
        let gradient: Vec<f32> = slow.grad(&twin.sum().backward()).unwrap().into_data().to_vec().unwrap();
        let (left, right): (Vec<f32>, _) = (outcome.slope.unwrap().into_data().to_vec().unwrap(), gradient);
        let size = right.iter().map(|x| x * x).sum::<f32>().sqrt();
        let distance = left.iter().zip(&right).map(|(x, y)| (x - y).powi(2)).sum::<f32>().sqrt();
        assert!(size > 0.0 && distance <= 1e-5 * size, "{distance} of {size}");
    }
}

/// Twin: the probability of every token, one by one, from the logits.
#[test]
fn a_rows_loss_is_the_weighted_sum_of_its_tokens() {
    let model = tiny(false);
    let (tokens, weights): ([u32; 6], [f32; 5]) = ([0, 5, 9, 3, 7, 1], [0.0, 0.5, 0.0, 2.0, 0.25]);
    let other = crate::Row { tokens: &[4, 4, 4], weights: &[1.0, 0.0] };
    let batch = TokenBatch::of_units(&[vec![crate::Row { tokens: &tokens, weights: &weights }], vec![other]], 3);
    let losses = values(model.losses::<A>(&batch));
    let ids: Vec<i32> = tokens.iter().map(|id| *id as i32).collect();
    let logits: Vec<f32> = model.logits::<A>(&ids, [1, 6]).into_data().to_vec().unwrap();
    let mut expected = 0.0;
    for (place, weight) in weights.iter().enumerate() {
        let row = &logits[place * 40..][..40];
        let total: f32 = row.iter().map(|logit| logit.exp()).sum();
        expected += weight * (total.ln() - row[tokens[place + 1] as usize]);
    }
    assert!((losses[0] - expected).abs() < 1e-4 * expected, "{} {expected}", losses[0]);
    assert!(losses[1] > 0.0 && losses[2] == 0.0);
}

#[test]
fn an_examples_loss_depends_on_nothing_but_the_example() {
    let model = tiny(true);
    let units: [&[u32]; 4] = [&[0, 5, 9, 3, 7, 0], &[0, 1, 2, 0], &[0, 39], &[0]];
    let together = values(model.losses::<A>(&TokenBatch::new(&units, 7)));
    assert_eq!(together.len(), 7);
    for (unit, loss) in units.iter().zip(&together) {
        let alone = values(model.losses::<A>(&TokenBatch::new(&[unit], 1)))[0];
        assert!((alone - loss).abs() < 2e-6, "{alone} {loss}");
    }
    // A unit without a target, and rows that are only padding.
    assert_eq!(together[3..], [0.0; 4]);
    assert!(together[..3].iter().all(|loss| *loss > 0.5));
}

/// The golden texts again: here they have several stretches, in `tests/families.rs` one.
#[test]
fn stretches_of_a_text_see_what_the_whole_sees() {
    for name in ["llama", "mistral", "qwen2-window", "gemma2", "gemma3", "gpt2"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        let expected = std::fs::read_to_string(folder.join("expected.json")).unwrap();
        let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
        let tokens: Vec<Vec<i32>> = serde_json::from_value(expected["tokens"].clone()).unwrap();
        let wanted: Vec<Vec<Vec<f32>>> = serde_json::from_value(expected["logits"].clone()).unwrap();
        assert!(tokens[0].len() > 9, "three stretches");
        let model = Decoder::<B>::load(&folder, None, &Default::default()).unwrap();
        let logits = model.logits::<A>(&tokens.concat(), [tokens.len(), tokens[0].len()]);
        let logits: Vec<f32> = logits.into_data().to_vec().unwrap();
        let worst = logits.iter().zip(wanted.concat().concat()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "{name}: {worst}");
    }
}

#[test]
fn a_token_never_sees_the_future() {
    let model = tiny(false);
    let logits =
        |tokens: &[i32]| -> Vec<f32> { model.logits::<A>(tokens, [1, tokens.len()]).into_data().to_vec().unwrap() };
    let (left, right) = (logits(&[1, 2, 3, 4, 5]), logits(&[1, 2, 3, 30, 31]));
    for (x, y) in left[..3 * 40].iter().zip(&right[..3 * 40]) {
        assert!((x - y).abs() < 1e-6);
    }
    assert!(left[3 * 40..].iter().zip(&right[3 * 40..]).any(|(x, y)| (x - y).abs() > 1e-2));
}

/// `golden.json` beside a model: logits that Hugging Face `transformers` computed from the same folder.
fn agrees_with_transformers(folder: &str, tolerance: f32) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets").join(folder);
    let golden: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("golden.json")).unwrap()).unwrap();
    let model = Decoder::<B>::load(&folder, None, &Default::default()).unwrap();
    let numbers = |value: &serde_json::Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    };
    let mut compared = 0;
    for sequence in golden["sequences"].as_array().unwrap() {
        let ids: Vec<i32> = numbers(&sequence["ids"]).iter().map(|id| *id as i32).collect();
        let logits: Vec<f32> = model.logits::<A>(&ids, [1, ids.len()]).into_data().to_vec().unwrap();
        let columns = numbers(&sequence["columns"]);
        for (position, row) in numbers(&sequence["positions"]).iter().zip(sequence["logits"].as_array().unwrap()) {
            for (column, expected) in columns.iter().zip(numbers(row)) {
                let found = logits[*position as usize * model.config().vocab_size + *column as usize];
                assert!((found - expected as f32).abs() <= tolerance, "{found} {expected}");
                compared += 1;
            }
        }
    }
    assert!(compared > 100);
}

#[test]
fn logits_agree_with_transformers_on_an_untied_model_with_grouped_heads() {
    agrees_with_transformers("tiny-llama/float32", 1e-4);
    agrees_with_transformers("tiny-llama/bfloat16", 1e-4);
}

#[test]
fn logits_agree_with_transformers_on_the_base_model() {
    agrees_with_transformers("base-model", 1e-4);
}
