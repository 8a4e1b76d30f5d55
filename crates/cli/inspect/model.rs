//! A model's folder: what it is, whether it can be trained, and the digests of its files.

use std::path::Path;

use privet_model::inspect::{ModelInspection, inspect};
use privet_model::manifest;
use privet_train::tokens::Tokenizer;
use privet_train::tokens::chat::Template;
use serde_json::json;

use crate::failure::{Exit, Failure};
use crate::terminal::{Terminal, bytes, pairs, table};

pub(super) fn run(folder: &Path, manifest_only: bool, terminal: Terminal) -> Result<Exit, Failure> {
    if manifest_only {
        let manifest = manifest::manifest(folder)?;
        if terminal.json {
            terminal.json(&json!({ "files": manifest }));
        } else {
            terminal.out(manifest::to_text(&manifest).trim_end());
        }
        return Ok(Exit::Done);
    }
    let model = inspect(folder)?;
    let path = folder.join("tokenizer.json");
    let tokens = if path.exists() { Some(Tokenizer::from_file(&path)?.vocabulary_size()) } else { None };
    let chat = Template::open(folder)?.is_some();
    if terminal.json {
        let mut value = serde_json::to_value(&model).unwrap_or_default();
        value["tokenizer_tokens"] = json!(tokens);
        value["chat_template"] = json!(chat);
        terminal.json(&value);
        return Ok(Exit::Done);
    }
    let files: Vec<Vec<String>> = model.files.iter().map(|(name, digest)| vec![name.clone(), digest.clone()]).collect();
    let parts = [
        terminal.bold("Model") + "\n" + &pairs(&described(&model, tokens, chat)),
        terminal.bold("Files (SHA-256)") + "\n" + &table(&files),
    ];
    terminal.out(&parts.join("\n"));
    Ok(Exit::Done)
}

fn described(model: &ModelInspection, tokens: Option<usize>, chat: bool) -> Vec<(&'static str, String)> {
    let kind = match (model.decoder, model.labels) {
        (true, _) => String::from("decoder: predicts the next token; can be trained"),
        (false, Some(labels)) => format!("encoder with a head of {labels} classes; cannot be trained here"),
        (false, None) => String::from("encoder; cannot be trained here"),
    };
    let dtypes: Vec<String> = model.dtypes.iter().map(|(dtype, count)| format!("{count} tensors of {dtype}")).collect();
    let window = model.window.map_or_else(String::new, |window| format!(", windows of {window}"));
    let tied = if model.tied { ", output head tied to the embedding" } else { "" };
    let vocabulary = match tokens {
        Some(tokens) => format!("{} embeddings, {tokens} of them in the tokenizer{tied}", model.vocab_size),
        None => format!("{} embeddings, and no tokenizer.json{tied}", model.vocab_size),
    };
    vec![
        ("family", model.family.clone()),
        ("kind", kind),
        ("weights", format!("{} in {}; {} in f32", model.parameters, dtypes.join(", "), bytes(4 * model.parameters))),
        (
            "shape",
            format!(
                "{} blocks, width {}, MLP {}, {} heads over {} keys",
                model.layers, model.hidden_size, model.intermediate_size, model.heads, model.key_value_heads
            ),
        ),
        ("positions", format!("{}{}{window}", model.positions, if model.rotary { ", rotary" } else { ", learned" })),
        ("vocabulary", vocabulary),
        ("chat template", String::from(if chat { "yes" } else { "none" })),
        ("lora_target_modules", model.modules.join(", ")),
    ]
}
