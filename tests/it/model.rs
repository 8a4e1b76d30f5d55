//! The smallest model that can be trained: the random weights of `datasets/tiny-llama`, and a vocabulary of the
//! printable ASCII characters, which that folder lacks.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::root;

/// Writes `config.json`, `tokenizer.json` and, from `weights`, a weights file into `folder`.
pub(crate) fn with_weights(folder: &Path, name: &str, weights: &[u8]) {
    std::fs::create_dir_all(folder).unwrap();
    let tiny = root().join("datasets/tiny-llama/float32");
    std::fs::copy(tiny.join("config.json"), folder.join("config.json")).unwrap();
    std::fs::write(folder.join("tokenizer.json"), tokenizer().to_string()).unwrap();
    std::fs::write(folder.join(name), weights).unwrap();
}

/// Writes the whole model.
pub(crate) fn tiny(folder: &Path) {
    let weights = std::fs::read(root().join("datasets/tiny-llama/float32/model.safetensors")).unwrap();
    with_weights(folder, "model.safetensors", &weights);
}

fn tokenizer() -> Value {
    let special = ["<s>", "</s>", "<unk>"];
    let characters = (b' '..=b'~').map(|byte| char::from(byte).to_string());
    let words = special.iter().map(|word| (*word).to_owned()).chain(characters);
    let vocabulary: Map<String, Value> = words.enumerate().map(|(id, word)| (word, json!(id))).collect();
    let added = special.iter().enumerate().map(|(id, word)| {
        json!({
            "id": id, "content": word, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        })
    });
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added.collect::<Vec<_>>(),
        "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "vocab": vocabulary, "merges": [],
        },
    })
}
