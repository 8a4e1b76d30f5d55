//! A merged model answers like the base with its adapter beside it, and is the base everywhere else.
#![expect(clippy::unwrap_used, reason = "a fixture that does not load is a failed test")]

use std::path::{Path, PathBuf};

use burn::backend::{Autodiff, Flex};
use privet_model::weights::{self, WeightFile};
use privet_model::{Decoder, Error, LoraSpec, ModelConfig, Start, Tensors, Trainable, merge};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Adapters on every layer, none of them zero.
fn adapters(config: &ModelConfig) -> (LoraSpec, Tensors) {
    let target_modules = config.modules().iter().map(|module| module.name().to_owned()).collect();
    let spec = LoraSpec { r: 2, alpha: 3.0, target_modules, freeze_a: false };
    let mut tensors = spec.init(config, 11).unwrap();
    for (k, values) in tensors.values.iter_mut().enumerate() {
        values
            .iter_mut()
            .enumerate()
            .for_each(|(i, value)| *value += 0.1 * (((7 * k + 13 * i) % 19) as f32 / 9.0 - 1.0));
    }
    (spec, tensors)
}

fn save(folder: &Path, spec: &LoraSpec, tensors: &Tensors, config: &ModelConfig) {
    std::fs::create_dir_all(folder).unwrap();
    let path = folder.join("adapter_model.safetensors");
    weights::write(&path, &tensors.named()).unwrap();
    let text = spec.peft_config("base", config).unwrap().to_string();
    std::fs::write(folder.join("adapter_config.json"), text).unwrap();
}

fn logits(folder: &Path, adapter: Option<(&LoraSpec, &Tensors)>) -> Vec<f32> {
    let mut model = Decoder::<Flex>::load(folder, None, &Default::default()).unwrap();
    if let Some((spec, tensors)) = adapter {
        let start = Start { trained: tensors.clone(), fixed: Tensors::default() };
        model.attach(&Trainable::Lora(spec.clone()), &start).unwrap();
    }
    let ids: Vec<i32> = (3..15).collect();
    model.logits::<Autodiff<Flex>>(&ids, [1, ids.len()]).into_data().to_vec().unwrap()
}

#[test]
fn a_merged_model_answers_like_base_and_adapter() {
    // Half precision rounds the sum: 2^-8 of weights around 1 in bfloat16, 2^-11 in float16.
    for (name, tolerance) in
        [("llama", 2e-5), ("llama-linear", 2e-5), ("llama3", 0.1), ("mistral", 0.02), ("gemma3", 2e-5), ("gpt2", 2e-5)]
    {
        let folder = tempfile::tempdir().unwrap();
        let (adapter, output) = (folder.path().join("adapter"), folder.path().join("merged"));
        let config = ModelConfig::load(&golden(name)).unwrap();
        let (spec, tensors) = adapters(&config);
        save(&adapter, &spec, &tensors, &config);
        let merged = merge(&golden(name), &adapter, &output).unwrap();
        assert_eq!(merged.layers, config.modules().len() * config.num_hidden_layers);
        let (beside, inside) = (logits(&golden(name), Some((&spec, &tensors))), logits(&output, None));
        let worst = beside.iter().zip(&inside).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < tolerance, "{name}: {worst}");
        let moved = beside.iter().zip(logits(&golden(name), None)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(moved > 0.3, "{name}: the adapter hardly changes anything, {moved}");
        // The same files, tensors, shapes; what was not adapted, to the bit.
        let (old, new) = (WeightFile::open(&golden(name), None).unwrap(), WeightFile::open(&output, None).unwrap());
        assert_eq!(new.digest(), merged.digest);
        for tensor in old.names() {
            let shape = old.shape(tensor).unwrap();
            assert_eq!(Some(shape), new.shape(tensor), "{name}: {tensor}");
            let adapted = config.modules().iter().any(|module| tensor.ends_with(&format!("{}.weight", module.path)));
            let same = old.tensor(tensor, shape).unwrap() == new.tensor(tensor, shape).unwrap();
            assert_eq!(same, !adapted, "{name}: {tensor}");
        }
        assert!(output.join("config.json").exists());
    }
}

#[test]
fn what_cannot_be_merged_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (adapter, output) = (folder.path().join("adapter"), folder.path().join("merged"));
    let config = ModelConfig::load(&golden("llama")).unwrap();
    let (spec, tensors) = adapters(&config);
    let good = spec.peft_config("base", &config).unwrap().to_string();
    for (from, to) in [
        ("\"LORA\"", "\"IA3\""),
        ("\"bias\":\"none\"", "\"bias\":\"all\""),
        ("\"r\":2", "\"r\":3"),
        ("\"r\":2", "\"r\":0"),
        ("\"r\":2", "\"r\":2,\"use_dora\":true"),
        ("\"r\":2", "\"r\":2,\"rank_pattern\":{\"q_proj\":4}"),
        ("\"r\":2", "\"r\":2,\"modules_to_save\":[\"lm_head\"]"),
    ] {
        save(&adapter, &spec, &tensors, &config);
        assert!(good.contains(from), "{from}");
        std::fs::write(adapter.join("adapter_config.json"), good.replace(from, to)).unwrap();
        assert!(merge(&golden("llama"), &adapter, &output).is_err(), "{to}");
        assert!(!output.exists());
    }
    save(&adapter, &spec, &tensors, &config);
    // Another model, an adapter that is not one, an output that exists.
    assert!(matches!(merge(&golden("gpt2"), &adapter, &output), Err(Error::BadAdapter { .. })));
    assert!(matches!(merge(&golden("llama"), &golden("llama"), &output), Err(Error::Unreadable { .. })));
    assert!(matches!(merge(&golden("llama"), &adapter, folder.path()), Err(Error::Exists { .. })));
    let names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, ["adapter"], "nothing half-made is left");
}

#[test]
fn a_trained_model_is_saved_in_its_bases_layout_and_types() {
    for (name, bits) in [("llama", 0), ("llama-linear", 0), ("llama3", 16), ("mistral", 13), ("gemma3", 0), ("gpt2", 0)]
    {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("saved");
        let (config, base) =
            (ModelConfig::load(&golden(name)).unwrap(), WeightFile::open(&golden(name), None).unwrap());
        let chosen = Trainable::Weights(vec![
            "*norm*".to_owned(),
            "*ln_*".to_owned(),
            "*mlp*".to_owned(),
            "*embed*".to_owned(),
            "*wte*".to_owned(),
        ]);
        let chosen = match &chosen {
            // Not every family has all of these names.
            Trainable::Weights(patterns) => Trainable::Weights(
                patterns
                    .iter()
                    .filter(|one| Trainable::Weights(vec![(*one).clone()]).layout(&config, &base).is_ok())
                    .cloned()
                    .collect(),
            ),
            Trainable::Lora(_) => unreachable!(),
        };
        let mut trained = chosen.start(&config, &base, 0).unwrap().trained;
        trained.values.iter_mut().flatten().enumerate().for_each(|(i, value)| *value += 0.1 + (i % 7) as f32 / 70.0);
        let saved = privet_model::save(&golden(name), &trained, &output).unwrap();
        assert_eq!(saved.files.len(), std::fs::read_dir(&output).unwrap().count());
        let file = WeightFile::open(&output, None).unwrap();
        assert_eq!(file.digest(), saved.digest);
        // Twin: the value itself, or with its last bits cut off by hand, up or down.
        let unit = if bits == 0 { 0.0 } else { 2_f32.powi(bits - 24) };
        for stored in base.names() {
            let shape = base.shape(stored).unwrap();
            let (found, before) = (file.tensor(stored, shape).unwrap(), base.tensor(stored, shape).unwrap());
            match trained.names.iter().position(|name| base.own_name(name) == stored) {
                Some(slot) => {
                    for (found, value) in found.iter().zip(&trained.values[slot]) {
                        assert!(
                            (found - value).abs() <= unit * value.abs() + f32::MIN_POSITIVE,
                            "{name} {stored}: {found} {value}"
                        );
                    }
                }
                None => assert!(found.iter().zip(&before).all(|(x, y)| x.to_bits() == y.to_bits()), "{name} {stored}"),
            }
        }
        assert!(matches!(privet_model::save(&golden(name), &trained, &output), Err(Error::Exists { .. })));
        trained.values[0][0] = f32::INFINITY;
        assert!(matches!(
            privet_model::save(&golden(name), &trained, &folder.path().join("other")),
            Err(Error::Overflow { .. })
        ));
        trained.shapes[0].push(1);
        assert!(matches!(
            privet_model::save(&golden(name), &trained, &folder.path().join("other")),
            Err(Error::WrongShape { .. })
        ));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half-written stays");
    }
}
