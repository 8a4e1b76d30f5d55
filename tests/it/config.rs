//! Configs that must be refused before any data is touched, and every config we ship, which must not.

use crate::{folder, privet, root};

/// A small config that is right; model and data are up to the test.
pub(crate) const CONFIG: &str = r#"
[model]
base_model = "model"
lora_r = 2

[[datasets]]
path = "data/*.parquet"
synthetic = true

[scrub]

[data]
sequence_len = 16

[privacy]
privacy_unit = "document"
adjacency = "add-remove"
delta = 1e-4
epsilon = 8.0
max_grad_norm = 1.0
expected_batch_size = 8
dataset_size_bound = 100
steps = 20

[train]
learning_rate = 0.01

[output]
dir = "runs/test"
"#;

fn refused(change: impl Fn(&str) -> String, sets: &[&str], code: i32, parts: &[&str]) {
    let dir = folder();
    std::fs::write(dir.path().join("privet.toml"), change(CONFIG)).unwrap();
    crate::model::tiny(&dir.path().join("model"));
    let mut arguments = vec!["run", "privet.toml"];
    for set in sets {
        arguments.extend(["--set", set]);
    }
    privet(dir.path(), &arguments).failed(code, parts).failed(code, &["error: ", "help: "]);
    assert!(!dir.path().join("runs").exists(), "a refused config must not leave a run behind");
}

#[test]
fn an_unknown_key_names_place_suggestion_and_the_known_keys() {
    refused(
        |text| text.replace("lora_r = 2", "lora_rank = 2"),
        &[],
        2,
        &["unknown key `lora_rank` in [model]", "where: privet.toml:4:1", "did you mean `lora_r`?", "lora_alpha"],
    );
}

#[test]
fn a_bad_set_is_refused() {
    let same = |text: &str| text.to_owned();
    refused(same, &["output.dir=[runs/x"], 2, &["is not an assignment in TOML", "--set 'output.dir=\"[runs/x\"'"]);
    refused(same, &["privacy.stepz=1"], 2, &["unknown key `stepz`", "--set privacy.stepz=1", "did you mean `steps`?"]);
    refused(same, &["privacy.steps='many'"], 2, &["`privacy.steps` is not valid", "--set privacy.steps='many'"]);
}

#[test]
fn set_is_refused_where_no_config_is_read() {
    let dir = folder();
    privet(dir.path(), &["inspect", "x", "--set", "a=1"]).failed(2, &["`--set` changes a config"]);
}

#[test]
fn a_delta_of_one_over_n_is_refused() {
    refused(|text| text.replace("1e-4", "0.01"), &[], 2, &["`privacy.delta` is 0.01", "1 / dataset_size_bound"]);
}

#[test]
fn a_missing_config_names_the_path_that_was_tried() {
    let dir = folder();
    let tried = dir.path().canonicalize().unwrap().join("absent.toml");
    privet(dir.path(), &["run", "absent.toml"]).failed(2, &["the config cannot be read", &tried.display().to_string()]);
}

#[test]
fn weights_in_a_pickle_are_refused_by_content_and_by_name() {
    for name in ["model.safetensors", "pytorch_model.bin"] {
        let dir = folder();
        std::fs::write(dir.path().join("privet.toml"), CONFIG).unwrap();
        crate::model::with_weights(&dir.path().join("model"), name, b"\x80\x02}q\x00.");
        crate::fixture::texts(&dir.path().join("data/a.parquet"), &crate::fixture::sentences(40));
        privet(dir.path(), &["run", "privet.toml"]).failed(4, &["pickle", "help: "]);
    }
}

#[test]
fn every_shipped_config_can_be_planned() {
    for entry in std::fs::read_dir(root().join("configs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let path = path.display().to_string();
            let planned = privet(&root(), &["run", &path, "--dry-run"]);
            planned.done().says(&["epsilon", "delta", "add-remove", "document", "memory"]);
            privet(&root(), &["run", &path, "--dry-run", "--json"]).json();
        }
    }
}
