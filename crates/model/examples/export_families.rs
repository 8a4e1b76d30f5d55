//! Writes, for each fixture of `tests/golden`, an adapter in PEFT's layout, the merged model, a model whose own weights moved,
//! and the logits that this crate computes with the adapter and with the moved weights, for `tests/golden/compare.py` to load with `transformers` and `peft`.
//!
//! `cargo run -p privet-model --example export_families -- OUTPUT`

use std::error::Error;
use std::path::Path;

use burn::backend::{Autodiff, Flex};
use privet_model::weights::{self, WeightFile};
use privet_model::{Decoder, LoraSpec, Start, Tensors, Trainable, merge, save};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let output = std::env::args().nth(1).ok_or("usage: export_families OUTPUT")?;
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"))? {
        let base = entry?.path();
        // The other folders hold encoders.
        let Ok(expected) = std::fs::read_to_string(base.join("expected.json")) else { continue };
        let expected: Value = serde_json::from_str(&expected)?;
        if expected["logits"].is_null() {
            continue;
        }
        let folder = Path::new(&output).join(base.file_name().unwrap_or_default());
        std::fs::create_dir_all(folder.join("adapter"))?;
        let mut model = Decoder::<Flex>::load(&base, None, &Default::default())?;
        let target_modules = model.config().modules().iter().map(|module| module.name().to_owned()).collect();
        let spec = LoraSpec { r: 2, alpha: 3.0, target_modules, freeze_a: false };
        let mut tensors = spec.init(model.config(), 11)?;
        for (k, values) in tensors.values.iter_mut().enumerate() {
            values.iter_mut().enumerate().for_each(|(i, v)| *v += 0.1 * (((7 * k + 13 * i) % 19) as f32 / 9.0 - 1.0));
        }
        let path = folder.join("adapter/adapter_model.safetensors");
        weights::write(&path, &tensors.named())?;
        let peft = spec.peft_config(&base.display().to_string(), model.config())?;
        std::fs::write(folder.join("adapter/adapter_config.json"), peft.to_string())?;
        merge(&base, &folder.join("adapter"), &folder.join("merged"))?;
        model.attach(&Trainable::Lora(spec), &Start { trained: tensors, fixed: Tensors::default() })?;
        let tokens: Vec<Vec<i32>> = serde_json::from_value(expected["tokens"].clone())?;
        let (n, t) = (tokens.len(), tokens[0].len());
        // Every weight moved, and the whole saved as a model.
        let whole = Trainable::Weights(vec!["*".to_owned()]);
        let mut start = whole.start(model.config(), &WeightFile::open(&base, None)?, 0)?;
        for (k, values) in start.trained.values.iter_mut().enumerate() {
            values.iter_mut().enumerate().for_each(|(i, v)| *v += 0.02 * (((5 * k + 11 * i) % 17) as f32 / 8.0 - 1.0));
        }
        save(&base, &start.trained, &folder.join("saved"))?;
        let own = Decoder::<Flex>::load(&folder.join("saved"), None, &Default::default())?;
        let saved: Vec<f32> = own
            .logits::<Autodiff<Flex>>(&tokens.concat(), [n, t])
            .into_data()
            .to_vec()
            .map_err(|e| format!("{e:?}"))?;
        let logits = model.logits::<Autodiff<Flex>>(&tokens.concat(), [n, t]).into_data();
        let logits: Vec<f32> = logits.to_vec().map_err(|error| format!("{error:?}"))?;
        std::fs::write(
            folder.join("logits.json"),
            json!({ "tokens": tokens, "logits": logits, "saved": saved }).to_string(),
        )?;
    }
    Ok(())
}
