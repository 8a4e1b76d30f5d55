//! A model's folder: what it is, which files it is made of, and what loading it costs.

use std::io::Write;
use std::path::Path;

use crate::config::CONFIG;
use crate::{folder, privet, root};

fn model(dir: &Path) -> String {
    crate::model::tiny(&dir.join("model"));
    dir.join("model").display().to_string()
}

#[test]
fn a_models_folder_is_described() {
    let dir = folder();
    let base = root().join("datasets/base-model").display().to_string();
    let json = privet(dir.path(), &["inspect", &base, "--json"]).done().json();
    assert_eq!((&json["family"], &json["decoder"]), (&"llama".into(), &true.into()));
    assert_eq!(json["tokenizer_tokens"], 2048);
    assert_eq!(json["chat_template"], false);
    let bytes = std::fs::metadata(root().join("datasets/base-model/model.safetensors")).unwrap().len();
    let parameters = json["parameters"].as_u64().unwrap();
    assert!(bytes > 2 * parameters && bytes < 2 * parameters + 20_000, "{bytes} bytes, {parameters} weights of 2");
    privet(dir.path(), &["inspect", &base]).done().says(&["llama", "q_proj, k_proj", "tensors of BF16", "config.json"]);
    let encoder = root().join("crates/model/tests/golden/bert-texts").display().to_string();
    privet(dir.path(), &["inspect", &encoder]).done().says(&["encoder with a head of", "no tokenizer.json"]);
    privet(dir.path(), &["inspect", "data", "--manifest"]).failed(2, &["config.json"]);
    let folder = model(dir.path());
    std::fs::write(dir.path().join("model/model.safetensors"), b"\x80\x04pickle").unwrap();
    privet(dir.path(), &["inspect", &folder]).failed(4, &["a Python pickle", "not opened"]);
}

#[test]
fn a_pinned_model_is_checked_before_anything_else() {
    let dir = folder();
    let path = model(dir.path());
    let manifest = privet(dir.path(), &["inspect", &path, "--manifest"]);
    manifest.done().says(&["  config.json\n", "  model.safetensors\n", "  tokenizer.json\n"]);
    assert_eq!(manifest.stdout.lines().count(), 3);
    std::fs::write(dir.path().join("pins"), &manifest.stdout).unwrap();
    let config = CONFIG.replace("[model]\n", "[model]\nmanifest = \"pins\"\n");
    std::fs::write(dir.path().join("privet.toml"), config).unwrap();
    let plan = || privet(dir.path(), &["run", "privet.toml", "--dry-run", "--json"]);
    let files = plan().done().json()["plan"]["model"]["base_model_files"].clone();
    assert_eq!(files.as_object().unwrap().len(), 2, "{files}");
    std::fs::write(dir.path().join("model/chat_template.jinja"), "x").unwrap();
    plan().failed(5, &["chat_template.jinja", "not in the manifest"]);
    std::fs::remove_file(dir.path().join("model/chat_template.jinja")).unwrap();
    let tokenizer = dir.path().join("model/tokenizer.json");
    let text = std::fs::read_to_string(&tokenizer).unwrap();
    std::fs::write(&tokenizer, text + " ").unwrap();
    plan().failed(5, &["tokenizer.json", "SHA-256"]);
    std::fs::write(dir.path().join("pins"), "no digest\n").unwrap();
    plan().failed(3, &["pins", "line 1"]);
    std::fs::remove_file(dir.path().join("pins")).unwrap();
    plan().failed(3, &["pins"]);
}

/// A Llama of 50 million zeros in bf16: 100 MB of weights that compress to nothing on disk.
#[cfg(target_os = "linux")]
fn large(folder: &Path) -> u64 {
    let (layers, width, mlp, vocabulary) = (12, 512, 2048, 101);
    crate::model::tiny(folder);
    let path = folder.join("config.json");
    let mut config: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    for (key, value) in [("num_hidden_layers", layers), ("hidden_size", width), ("intermediate_size", mlp)] {
        config[key] = value.into();
    }
    for (key, value) in [("num_attention_heads", 8), ("num_key_value_heads", 8), ("head_dim", 64)] {
        config[key] = value.into();
    }
    config["vocab_size"] = vocabulary.into();
    config["tie_word_embeddings"] = true.into();
    std::fs::write(path, config.to_string()).unwrap();
    let mut tensors = vec![
        ("model.embed_tokens.weight".to_owned(), vec![vocabulary, width]),
        ("model.norm.weight".to_owned(), vec![width]),
    ];
    for layer in 0..layers {
        let name = |part: &str| format!("model.layers.{layer}.{part}.weight");
        for part in ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"] {
            tensors.push((name(part), vec![width, width]));
        }
        tensors.extend([(name("mlp.gate_proj"), vec![mlp, width]), (name("mlp.up_proj"), vec![mlp, width])]);
        tensors.push((name("mlp.down_proj"), vec![width, mlp]));
        tensors.extend(["input_layernorm", "post_attention_layernorm"].map(|part| (name(part), vec![width])));
    }
    let (mut header, mut end) = (serde_json::Map::new(), 0);
    for (name, shape) in tensors {
        let begin = end;
        end += 2 * shape.iter().product::<usize>();
        header.insert(name, serde_json::json!({ "dtype": "BF16", "shape": shape, "data_offsets": [begin, end] }));
    }
    let header = serde_json::Value::Object(header).to_string();
    let mut file = std::fs::File::create(folder.join("model.safetensors")).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.set_len(8 + (header.len() + end) as u64).unwrap();
    end as u64
}

/// Half weights stay half: widened all at once they would take twice the file on top. What the allocator keeps of the copies
/// that came and went differs from run to run.
#[cfg(target_os = "linux")]
#[test]
fn a_half_model_costs_its_size_and_little_more() {
    let dir = folder();
    let small = model(dir.path());
    let size = large(&dir.path().join("large")) >> 20;
    std::fs::write(dir.path().join("a.jsonl"), "{\"text\": \"The pump was repaired.\"}\n").unwrap();
    let score = |model: &str| crate::records::peak(dir.path(), &["score", model, "a.jsonl", "--batch", "1"]);
    let (little, much) = (score(&small), score("large"));
    assert!(much < little + 2 * size, "{little} MiB for a tiny model, {much} MiB for one of {size} MiB");
}
