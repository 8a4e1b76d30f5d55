//! What a run may train: adapters, the whole model, or some of its weights; and what then lies in `public/`.

use std::path::Path;

use privet_model::weights::WeightFile;

use crate::config::CONFIG;
use crate::fixture::{sentences, texts};
use crate::{folder, privet};

/// A folder with a corpus, the tiny model, and a config without a scrub whose `[model]` has `lines` more.
fn prepared(lines: &str, more: &str) -> tempfile::TempDir {
    let dir = folder();
    let config = CONFIG.replace("lora_r = 2", lines).replace("[scrub]\n\n", "").replace("steps = 20", "steps = 3");
    std::fs::write(dir.path().join("privet.toml"), config + more).unwrap();
    crate::model::tiny(&dir.path().join("model"));
    texts(&dir.path().join("data/a.parquet"), &sentences(40));
    dir
}

fn train(dir: &Path) {
    privet(dir, &["train", "privet.toml"]).done().says(&["epsilon"]);
    privet(dir, &["report", "runs/test", "--check"]).done();
}

/// Names of the tensors whose bytes differ from the base model's.
fn moved(dir: &Path) -> Vec<String> {
    let open = |folder: &Path| WeightFile::open(folder, None).unwrap();
    let (base, released) = (open(&dir.join("model")), open(&dir.join("runs/test/public/model")));
    let mut names: Vec<&str> = base.names().collect();
    names.sort_unstable();
    let values = |file: &WeightFile, name: &str| file.tensor(name, base.shape(name).unwrap()).unwrap();
    let differs =
        |name: &&str| values(&base, name).iter().zip(values(&released, name)).any(|(x, y)| x.to_bits() != y.to_bits());
    assert_eq!(base.names().count(), released.names().count());
    names.into_iter().filter(differs).map(str::to_owned).collect()
}

#[test]
fn a_whole_model_is_trained_and_saved_as_a_model() {
    for clipping in ["flat", "per-layer", "automatic", "adaptive"] {
        let dir = prepared("adapter = \"none\"", "\n[train.speed]\nactivation_checkpointing = true\n");
        let config = std::fs::read_to_string(dir.path().join("privet.toml")).unwrap();
        let config = config.replace("max_grad_norm = 1.0", &format!("max_grad_norm = 1.0\nclipping = \"{clipping}\""));
        std::fs::write(dir.path().join("privet.toml"), config).unwrap();
        train(dir.path());
        let base = WeightFile::open(&dir.path().join("model"), None).unwrap();
        assert_eq!(moved(dir.path()).len(), base.names().count(), "all weights moved");
        // It is a model like its base: other commands take it.
        privet(dir.path(), &["score", "runs/test/public/model", "data/a.parquet"]).done().says(&["nats"]);
        let report = std::fs::read_to_string(dir.path().join("runs/test/public/report.md")).unwrap();
        assert!(report.contains("the model's own") && report.contains(clipping), "{report}");
        assert!(!dir.path().join("runs/test/public/adapter").exists());
    }
}

#[test]
fn chosen_weights_move_and_no_other_does() {
    let dir = prepared("adapter = \"none\"\nunfrozen_parameters = [\"*norm*\", \"model.layers.1.mlp.*\"]", "");
    train(dir.path());
    let names = moved(dir.path());
    let chosen = |name: &String| name.contains("norm") || name.starts_with("model.layers.1.mlp.");
    assert!(names.iter().all(chosen), "{names:?}");
    let base = WeightFile::open(&dir.path().join("model"), None).unwrap();
    assert_eq!(names.len(), base.names().filter(|name| chosen(&(*name).to_owned())).count());
}

#[test]
fn a_frozen_half_of_an_adapter_is_saved_where_it_began() {
    let dir = prepared("lora_r = 2\nlora_freeze_a = true\nlora_target_modules = [\"*.0.self_attn.?_proj\"]", "");
    train(dir.path());
    let adapter = dir.path().join("runs/test/public/adapter");
    let file = WeightFile::read(adapter.join("adapter_model.safetensors"), None).unwrap();
    assert_eq!(file.names().count(), 8, "A and B of four layers");
    let plan = std::fs::read_to_string(dir.path().join("runs/test/public/plan.json")).unwrap();
    assert!(plan.contains("\"trainable_tensors\": 4"), "{plan}");
    // Merged, only the adapted layers differ.
    privet(dir.path(), &["merge", "runs/test", "--base", "model", "-o", "runs/test/public/model"]).done();
    assert_eq!(moved(dir.path()).len(), 4);
    assert!(moved(dir.path()).iter().all(|name| name.starts_with("model.layers.0.self_attn.")));
    privet(dir.path(), &["score", "model", "data/a.parquet", "--adapter", "runs/test"]).done();
}

#[test]
fn what_cannot_be_trained_is_refused_before_anything_is_read() {
    let refused = |lines: &str, parts: &[&str]| {
        let dir = prepared(lines, "");
        privet(dir.path(), &["train", "privet.toml"]).failed(2, parts).failed(2, &["error: ", "where: privet.toml"]);
        assert!(!dir.path().join("runs").exists());
    };
    refused("adapter = \"none\"\nunfrozen_parameters = [\"*.bias\"]", &["unfrozen_parameters", "*.bias"]);
    refused("adapter = \"none\"\nunfrozen_parameters = []", &["unfrozen_parameters", "nothing would be trained"]);
    refused("adapter = \"none\"\nlora_target_modules = [\"q_proj\"]", &["lora_target_modules", "adapter = \"lora\""]);
    refused("adapter = \"none\"\nlora_freeze_a = true", &["lora_freeze_a"]);
    refused("unfrozen_parameters = [\"*\"]", &["unfrozen_parameters", "adapter = \"none\""]);
    refused("lora_target_modules = [\"*.7.*\"]", &["lora_target_modules", "*.7.*"]);
    refused("adapter = \"full\"", &["adapter"]);
}

/// Twin: a corpus in which each user's texts already stand in one row has as many units.
#[test]
fn a_user_with_many_rows_is_one_unit() {
    let dir = prepared("lora_r = 2", "");
    let config = std::fs::read_to_string(dir.path().join("privet.toml")).unwrap();
    let config = config
        .replace("path = \"data/*.parquet\"", "path = \"data/*.jsonl\"\nunit_column = \"author\"")
        .replace("sequence_len = 16", "sequence_len = 16\nsequences_per_unit = 3")
        .replace("privacy_unit = \"document\"", "privacy_unit = \"user\"");
    std::fs::write(dir.path().join("privet.toml"), &config).unwrap();
    let row = |(i, text): (usize, &String)| {
        // Numbers and strings name the same users.
        let author = if i % 2 == 0 { format!("{}", i % 5) } else { format!("\"{}\"", i % 5) };
        format!("{{\"text\": {}, \"author\": {author}}}\n", serde_json::json!(text))
    };
    let rows: String = sentences(40).iter().enumerate().map(row).collect();
    std::fs::write(dir.path().join("data/a.jsonl"), &rows).unwrap();
    privet(dir.path(), &["train", "privet.toml", "--dry-run"]).done().says(&["user", "`author`"]);
    train(dir.path());
    let training = std::fs::read_to_string(dir.path().join("runs/test/private/training.json")).unwrap();
    let training: serde_json::Value = serde_json::from_str(&training).unwrap();
    assert_eq!(training["units"], 5);
    assert_eq!(training["truncated_units"], 5, "eight rows each do not fit into three sequences");
    let report = std::fs::read_to_string(dir.path().join("runs/test/public/report.md")).unwrap();
    assert!(report.contains("per user") && report.contains("column author"), "{report}");

    // A row that is nobody's, a column that is not there, and units that do not fit the column.
    let again = |config: &str, rows: &str, code: i32, parts: &[&str]| {
        std::fs::write(dir.path().join("privet.toml"), config.replace("runs/test", "runs/other")).unwrap();
        std::fs::write(dir.path().join("data/a.jsonl"), rows).unwrap();
        privet(dir.path(), &["train", "privet.toml"]).failed(code, parts);
    };
    again(&config, &(rows.clone() + "{\"text\": \"x\", \"author\": null}\n"), 3, &["unit column `author`", "a.jsonl"]);
    again(&config, &(rows.clone() + "{\"text\": \"x\"}\n"), 3, &["author", "a.jsonl", "line 41"]);
    again(&config.replace("unit_column = \"author\"\n", ""), &rows, 2, &["privacy_unit", "unit_column"]);
    again(&config.replace("\"user\"", "\"document\""), &rows, 2, &["unit_column", "privacy_unit"]);
}

#[test]
fn owners_in_parquet() {
    let dir = prepared("lora_r = 2", "");
    let config = std::fs::read_to_string(dir.path().join("privet.toml")).unwrap();
    let config = config
        .replace("synthetic = true", "synthetic = true\nunit_column = \"author\"")
        .replace("privacy_unit = \"document\"", "privacy_unit = \"user\"");
    std::fs::write(dir.path().join("privet.toml"), &config).unwrap();
    let (rows, authors) = (sentences(12), (0..12).map(|row| format!("author {}", row % 3)).collect::<Vec<_>>());
    let file = crate::fixture::parquet(&[("text", &rows), ("author", &authors)]);
    std::fs::write(dir.path().join("data/a.parquet"), file).unwrap();
    train(dir.path());
    let training = std::fs::read_to_string(dir.path().join("runs/test/private/training.json")).unwrap();
    assert!(training.contains("\"units\": 3"), "{training}");
}
