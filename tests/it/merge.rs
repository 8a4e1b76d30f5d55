//! `privet merge`, from a shell's point of view.

use privet_model::weights::{self, WeightFile};
use privet_model::{LoraSpec, ModelConfig};

use crate::{folder, privet, root};

#[test]
fn an_adapter_is_folded_in_once_and_bad_input_leaves_nothing() {
    let dir = folder();
    let base = root().join("crates/model/tests/golden/llama");
    let config = ModelConfig::load(&base).unwrap();
    let spec = LoraSpec { r: 1, alpha: 1.0, target_modules: vec!["q_proj".to_owned()], freeze_a: false };
    let mut tensors = spec.init(&config, 1).unwrap();
    tensors.values.iter_mut().flatten().for_each(|value| *value += 0.5);
    // As a run has it.
    let adapter = dir.path().join("run/public/adapter");
    std::fs::create_dir_all(&adapter).unwrap();
    let path = adapter.join("adapter_model.safetensors");
    weights::write(&path, &tensors.named()).unwrap();
    std::fs::write(adapter.join("adapter_config.json"), spec.peft_config("base", &config).unwrap().to_string())
        .unwrap();

    let base = base.display().to_string();
    let merge =
        |adapter: &str, base: &str| privet(dir.path(), &["merge", adapter, "--base", base, "-o", "merged", "--json"]);
    merge("nowhere", &base).failed(3, &["adapter_config.json"]);
    std::fs::create_dir_all(dir.path().join("pickled")).unwrap();
    std::fs::copy(root().join("crates/model/tests/golden/llama/config.json"), dir.path().join("pickled/config.json"))
        .unwrap();
    std::fs::write(dir.path().join("pickled/model.safetensors"), b"\x80\x04\x95 a pickle").unwrap();
    merge("run", "pickled").failed(4, &["pickle"]);
    assert!(!dir.path().join("merged").exists());

    let answer = merge("run", &base).json();
    assert_eq!(answer["layers"], 2);
    let merged = WeightFile::open(&dir.path().join("merged"), answer["sha256"].as_str()).unwrap();
    let name = "model.layers.0.self_attn.q_proj.weight";
    let shape = merged.shape(name).unwrap().to_vec();
    let old = WeightFile::open(root().join("crates/model/tests/golden/llama").as_path(), None).unwrap();
    assert_ne!(merged.tensor(name, &shape).unwrap(), old.tensor(name, &shape).unwrap());
    merge("run", &base).failed(2, &["exists already"]);
}
