//! Compares this crate's logits with a reference implementation's, for a model too large to lie in the repository.
//!
//! `cargo run --release -p privet-model --example compare_logits -- MODEL_FOLDER GOLDEN.json`
//!
//! The golden file holds token ids, positions, columns and the logits that Hugging Face `transformers` gave there
//! (`datasets/base-model/reference_logits.py` writes it). Ends with an error when a logit is more than 1e-3 off.

use std::error::Error;
use std::path::Path;

use burn::backend::{Autodiff, Flex};
use privet_model::Decoder;
use serde_json::Value;

const TOLERANCE: f64 = 1e-3;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, golden] = &arguments[..] else { return Err("usage: compare_logits MODEL_FOLDER GOLDEN.json".into()) };
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(golden)?)?;
    let model = Decoder::<Flex>::load(Path::new(folder), None, &Default::default())?;
    let mut worst: f64 = 0.0;
    let mut compared = 0;
    for sequence in golden["sequences"].as_array().ok_or("the golden file has no sequences")? {
        let ids: Vec<i32> = numbers(&sequence["ids"]).map(|id| id as i32).collect();
        let data = model.logits::<Autodiff<Flex>>(&ids, [1, ids.len()]).into_data();
        let logits: Vec<f32> = data.to_vec().map_err(|error| format!("{error:?}"))?;
        let rows = sequence["logits"].as_array().ok_or("a sequence has no logits")?;
        for (position, row) in numbers(&sequence["positions"]).zip(rows) {
            for (column, expected) in numbers(&sequence["columns"]).zip(numbers(row)) {
                let found = logits[position as usize * model.config().vocab_size + column as usize];
                worst = worst.max((f64::from(found) - expected).abs());
                compared += 1;
            }
        }
    }
    #[allow(clippy::print_stdout, reason = "an example's result")]
    {
        println!("{compared} logits compared, largest difference {worst:.2e}");
    }
    if compared == 0 || worst > TOLERANCE { Err("the logits differ from the reference".into()) } else { Ok(()) }
}

fn numbers(value: &Value) -> impl Iterator<Item = f64> + '_ {
    value.as_array().into_iter().flatten().filter_map(Value::as_f64)
}
