//! Every family against `transformers`: logits, losses, and the slope of the loss along the adapters.
//!
//! `golden/make.py` wrote the folders.
#![expect(clippy::unwrap_used, reason = "a fixture that does not load is a failed test")]

use std::path::{Path, PathBuf};

use burn::backend::{Autodiff, Flex};
use burn::tensor::{bf16, f16};
use privet_model::weights::WeightFile;
use privet_model::{Decoder, Encoder, LoraSpec, Start, TokenBatch, Trainable};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::Value;

const MODELS: [&str; 10] =
    ["llama", "llama3", "llama-linear", "mistral", "qwen2", "qwen2-window", "qwen3", "gemma2", "gemma3", "gpt2"];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn load(name: &str) -> (Decoder<Flex>, Vec<Vec<u32>>, Value) {
    let folder = folder(name);
    let expected: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("expected.json")).unwrap()).unwrap();
    let tokens = serde_json::from_value(expected["tokens"].clone()).unwrap();
    (Decoder::load(&folder, None, &Default::default()).unwrap(), tokens, expected)
}

#[test]
fn encoders_answer_as_in_transformers() {
    for name in ["bert", "bert-texts", "bert-tokens", "roberta-texts", "roberta-tokens"] {
        let folder = folder(name);
        let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
        let expected: Value = serde_json::from_str(&text).unwrap();
        let tokens: Vec<Vec<u32>> = serde_json::from_value(expected["tokens"].clone()).unwrap();
        let wanted: Vec<Vec<Vec<f32>>> = serde_json::from_value(expected["values"].clone()).unwrap();
        let model = Encoder::<Flex>::load(&folder, None, &Default::default()).unwrap();
        let units: Vec<&[u32]> = tokens.iter().map(Vec::as_slice).collect();
        let answer = |units: &[&[u32]]| {
            let logits = model.logits::<Autodiff<Flex>>(units);
            logits.unwrap_or_else(|| model.hidden::<Autodiff<Flex>>(units))
        };
        // Together, with padding behind the shorter text, and each alone.
        let together = answer(&units);
        for (row, wanted) in wanted.iter().enumerate() {
            let (rows, width) = (wanted.len(), wanted[0].len());
            let wanted = wanted.concat();
            let part = together.clone().narrow(0, row, 1).narrow(1, 0, rows);
            for found in [part, answer(&units[row..=row])] {
                assert_eq!(found.dims(), [1, rows, width], "{name}");
                let found: Vec<f32> = found.into_data().to_vec().unwrap();
                let worst = found.iter().zip(&wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst < 1e-4, "{name} {row}: {worst}");
            }
        }
        assert!(Decoder::<Flex>::load(&folder, None, &Default::default()).is_err());
    }
    assert!(Encoder::<Flex>::load(&folder("gpt2"), None, &Default::default()).is_err());
}

fn losses(model: &Decoder<Flex>, units: &[&[u32]]) -> Vec<f32> {
    model.losses::<Autodiff<Flex>>(&TokenBatch::new(units, 0)).into_data().to_vec().unwrap()
}

/// Attaches what is to be trained, moved by up to `scale` from where it begins.
fn attach(model: &mut Decoder<Flex>, folder: &Path, trainable: &Trainable, scale: f32) -> Start {
    let mut start = trainable.start(model.config(), &WeightFile::open(folder, None).unwrap(), 7).unwrap();
    for (k, values) in start.trained.values.iter_mut().enumerate() {
        values.iter_mut().enumerate().for_each(|(i, value)| *value += scale * noise(31 * k + i));
    }
    model.attach(trainable, &start).unwrap();
    start
}

fn lora(model: &Decoder<Flex>, r: usize, modules: usize) -> Trainable {
    let target_modules = model.config().modules().iter().take(modules).map(|module| module.name().to_owned()).collect();
    Trainable::Lora(LoraSpec { r, alpha: 3.0, target_modules, freeze_a: false })
}

#[test]
fn logits_are_those_of_transformers() {
    for name in MODELS {
        let (model, tokens, expected) = load(name);
        let [n, t] = [tokens.len(), tokens[0].len()];
        let flat: Vec<i32> = tokens.iter().flatten().map(|id| i32::try_from(*id).unwrap()).collect();
        let logits: Vec<f32> = model.logits::<Autodiff<Flex>>(&flat, [n, t]).into_data().to_vec().unwrap();
        let wanted: Vec<Vec<Vec<f32>>> = serde_json::from_value(expected["logits"].clone()).unwrap();
        let wanted: Vec<f32> = wanted.into_iter().flatten().flatten().collect();
        assert_eq!(logits.len(), wanted.len());
        let worst = logits.iter().zip(&wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "{name}: {worst}");
    }
}

#[test]
fn losses_are_those_of_transformers() {
    for name in MODELS {
        let (model, tokens, expected) = load(name);
        let units: Vec<&[u32]> = tokens.iter().map(Vec::as_slice).collect();
        let wanted: Vec<f32> = serde_json::from_value(expected["losses"].clone()).unwrap();
        for (found, wanted) in losses(&model, &units).iter().zip(&wanted) {
            assert!((found - wanted).abs() < 1e-4, "{name}: {found}, not {wanted}");
        }
    }
}

/// Twin: read the whole text again for every token.
#[test]
fn going_on_reads_nothing_again_and_sees_the_same() {
    for name in MODELS {
        let (mut model, tokens, _) = load(name);
        let adapter = lora(&model, 2, 1);
        attach(&mut model, &folder(name), &adapter, 0.2);
        let twin = |text: &[u32]| -> Vec<f32> {
            let ids: Vec<i32> = text.iter().map(|id| i32::try_from(*id).unwrap()).collect();
            let logits = model.logits::<Autodiff<Flex>>(&ids, [1, ids.len()]);
            logits.narrow(0, ids.len() - 1, 1).into_data().to_vec().unwrap()
        };
        // Prompts of unlike length: the gap behind the shorter ones is wider than some windows.
        let mut texts = [tokens[0][..9].to_vec(), tokens[1][..2].to_vec(), tokens[1][..5].to_vec()];
        let prompts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        let (mut past, mut logits) = model.read::<Autodiff<Flex>>(&prompts);
        for step in 0..7 {
            for (text, logits) in texts.iter().zip(&logits) {
                let worst = twin(text).iter().zip(logits).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst < 2e-5, "{name}, step {step}, {} tokens: {worst}", text.len());
            }
            let next: Vec<u32> = (0..3).map(|row| tokens[1][(row * 3 + step) % tokens[1].len()]).collect();
            texts.iter_mut().zip(&next).for_each(|(text, id)| text.push(*id));
            logits = model.go_on(&mut past, &next);
        }
    }
}

/// The fixture's weights rounded to a half type: written as such, and as the f32 they stand for.
fn rounded(name: &str, dtype: Dtype) -> [tempfile::TempDir; 2] {
    let source = folder(name);
    let bytes = std::fs::read(source.join("model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let [half, full] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut data = Vec::new();
    for (name, tensor) in tensors.tensors() {
        let values = tensor.data().chunks_exact(4).map(|word| f32::from_le_bytes(word.try_into().unwrap()));
        let (mut narrow, mut wide) = (Vec::new(), Vec::new());
        for value in values {
            let (bits, back) = match dtype {
                Dtype::BF16 => (bf16::from_f32(value).to_le_bytes(), bf16::from_f32(value).to_f32()),
                _ => (f16::from_f32(value).to_le_bytes(), f16::from_f32(value).to_f32()),
            };
            narrow.extend(bits);
            wide.extend(back.to_le_bytes());
        }
        data.push((name, tensor.shape().to_vec(), narrow, wide));
    }
    for (dir, dtype) in [(&half, dtype), (&full, Dtype::F32)] {
        let views = data.iter().map(|(name, shape, narrow, wide)| {
            let bytes = if dtype == Dtype::F32 { wide } else { narrow };
            (name.as_str(), TensorView::new(dtype, shape.clone(), bytes).unwrap())
        });
        std::fs::write(dir.path().join("model.safetensors"), safetensors::serialize(views, None).unwrap()).unwrap();
        std::fs::copy(source.join("config.json"), dir.path().join("config.json")).unwrap();
    }
    [half, full]
}

#[test]
fn half_weights_stay_half_and_change_nothing() {
    for (name, dtype) in [("llama", Dtype::BF16), ("gemma2", Dtype::F16), ("gpt2", Dtype::BF16), ("qwen2", Dtype::BF16)]
    {
        let [half, full] = rounded(name, dtype);
        let (_, tokens, _) = load(name);
        let units = [tokens[0].as_slice(), &tokens[1][..5]];
        let of = |model: &Decoder<Flex>| losses(model, &units);
        let mut model = Decoder::load(half.path(), None, &Default::default()).unwrap();
        let expected = of(&Decoder::load(full.path(), None, &Default::default()).unwrap());
        assert_eq!(of(&model), expected, "{name}");
        model.widen();
        assert_eq!(of(&model), expected, "{name}, widened");
        let mut model = Decoder::load(half.path(), None, &Default::default()).unwrap();
        let adapter = lora(&model, 1, 1);
        attach(&mut model, half.path(), &adapter, 0.0);
        assert_eq!(of(&model), expected, "{name}, with an adapter that does nothing");
        attach(&mut model, half.path(), &Trainable::Weights(vec!["*".to_owned()]), 0.0);
        assert_eq!(of(&model), expected, "{name}, with all its weights as they were");
    }
    for name in ["bert-texts", "roberta-tokens"] {
        let [half, full] = rounded(name, Dtype::BF16);
        let answer = |folder: &Path| -> Vec<f32> {
            let model = Encoder::<Flex>::load(folder, None, &Default::default()).unwrap();
            model.logits::<Autodiff<Flex>>(&[&[3, 5, 7, 4]]).unwrap().into_data().to_vec().unwrap()
        };
        assert_eq!(answer(half.path()), answer(full.path()), "{name}");
    }
}

/// A small pseudo-random number.
fn noise(seed: usize) -> f32 {
    ((seed.wrapping_mul(2_654_435_761) >> 7) % 2001) as f32 / 1000.0 - 1.0
}

#[test]
fn every_units_gradient_is_the_slope_of_its_loss() {
    for name in MODELS {
        let (model, tokens, _) = load(name);
        let cases = [(lora(&model, 2, 9), 2e-3_f32, 0.05), (Trainable::Weights(vec!["*".to_owned()]), 3e-4, 0.0)];
        for (trainable, step, scale) in cases {
            let (mut model, ..) = load(name);
            let tensors = attach(&mut model, &folder(name), &trainable, scale).trained;
            // Rows of different lengths, so that padding is there, too.
            let units = [&tokens[0][..], &tokens[1][..8]];
            let slopes: Vec<f64> = (0..2)
                .map(|unit| {
                    let (_, gradients) = model.gradients::<Autodiff<Flex>>(&TokenBatch::new(&units, 0), false);
                    let factors: Vec<f32> = (0..2).map(|other| if other == unit { 1.0 } else { 0.0 }).collect();
                    let gradient = gradients.weighted_sum(&vec![factors; tensors.values.len()], false);
                    let along = |(k, values): (usize, &Vec<f32>)| -> f64 {
                        values.iter().enumerate().map(|(i, g)| f64::from(g * noise(977 * k + i + 5))).sum()
                    };
                    gradient.iter().enumerate().map(along).sum()
                })
                .collect();
            let mut moved = |sign: f32| {
                let mut other = tensors.clone();
                for (k, values) in other.values.iter_mut().enumerate() {
                    values.iter_mut().enumerate().for_each(|(i, value)| *value += sign * step * noise(977 * k + i + 5));
                }
                model.put(&other);
                losses(&model, &units)
            };
            let (ahead, behind) = (moved(1.0), moved(-1.0));
            for (unit, slope) in slopes.iter().enumerate() {
                let measured = f64::from(ahead[unit] - behind[unit]) / (2.0 * f64::from(step));
                assert!((measured - slope).abs() < 0.01 * slope.abs() + 2e-3, "{name} {unit}: {measured}, not {slope}");
            }
        }
    }
}

#[test]
fn windows_and_caps_matter_in_the_fixtures() {
    // A fixture whose special feature changes nothing would prove nothing.
    let changes = [
        ("mistral", "\"sliding_window\": 5", "\"sliding_window\": 50"),
        ("qwen2-window", "\"use_sliding_window\": true", "\"use_sliding_window\": false"),
        ("qwen2-window", "\"factor\": 4.0", "\"factor\": 1.0"),
        ("gemma2", "\"attn_logit_softcapping\": 2.0", "\"attn_logit_softcapping\": 200.0"),
        ("gemma2", "\"final_logit_softcapping\": 3.0", "\"final_logit_softcapping\": 300.0"),
        ("gemma3", "\"rope_local_base_freq\": 50.0", "\"rope_local_base_freq\": 5000.0"),
        ("llama3", "\"high_freq_factor\": 4.0", "\"high_freq_factor\": 1.5"),
        ("llama-linear", "\"factor\": 2.0", "\"factor\": 1.0"),
    ];
    for (name, from, to) in changes {
        let (_, tokens, expected) = load(name);
        let copy = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(folder(name)).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        let text = std::fs::read_to_string(copy.path().join("config.json")).unwrap();
        assert!(text.contains(from), "{name}: {from}");
        std::fs::write(copy.path().join("config.json"), text.replace(from, to)).unwrap();
        let model = Decoder::load(copy.path(), None, &Default::default()).unwrap();
        let wanted: Vec<f32> = serde_json::from_value(expected["losses"].clone()).unwrap();
        let found = losses(&model, &[&tokens[0]])[0];
        assert!((found - wanted[0]).abs() > 1e-3, "{name}: {from} changes nothing");
    }
}
