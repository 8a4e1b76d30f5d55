//! `privet generate`: text out of a model.

use std::path::PathBuf;

use clap::Args;
use privet_train::Device;
use privet_train::generate::{Choice, generate};
use privet_train::score::ModelFolder;
use serde_json::json;

use crate::failure::{Exit, Failure};
use crate::merge::adapter_of;
use crate::terminal::Terminal;

#[derive(Args)]
pub(crate) struct Arguments {
    /// A Hugging Face folder
    model: PathBuf,
    /// Text to go on from (repeatable; all are continued together)
    #[arg(long, required = true, value_name = "TEXT")]
    prompt: Vec<String>,
    /// Folder of an adapter (PEFT layout), or of a run that made one
    #[arg(long, value_name = "DIR")]
    adapter: Option<PathBuf>,
    /// Most tokens of an answer
    #[arg(long, default_value_t = 64, value_name = "N")]
    max_tokens: usize,
    /// 0 takes the likeliest token each time; 1 draws with the model's probabilities
    #[arg(long, default_value_t = 0.0, value_name = "T", value_parser = temperature)]
    temperature: f64,
    /// Draw only from the likeliest tokens that together have this probability
    #[arg(long, default_value_t = 1.0, value_name = "P", value_parser = probability)]
    top_p: f64,
    /// Seed of the drawing
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Where to compute: cpu, cuda:0, tch:cpu or tch:cuda:0
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    device: Device,
}

fn temperature(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=100.0).contains(&value) { Ok(value) } else { Err("must lie between 0 and 100".to_owned()) }
}

fn probability(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if value > 0.0 && value <= 1.0 { Ok(value) } else { Err("must lie above 0 and at most at 1".to_owned()) }
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<Exit, Failure> {
    let folder = ModelFolder { base: arguments.model.clone(), adapter: arguments.adapter.as_deref().map(adapter_of) };
    let choice = Choice { temperature: arguments.temperature, top_p: arguments.top_p, seed: arguments.seed };
    let answers = generate(&folder, arguments.device, &arguments.prompt, arguments.max_tokens, choice)?;
    if terminal.json {
        let answers = answers.iter().zip(&arguments.prompt).map(|(answer, prompt)| {
            json!({ "prompt": prompt, "text": answer.text, "tokens": answer.tokens, "ended": answer.ended })
        });
        terminal.json(&json!({ "answers": answers.collect::<Vec<_>>() }));
    } else {
        let texts = answers.iter().zip(&arguments.prompt).map(|(answer, prompt)| format!("{prompt}{}", answer.text));
        terminal.out(&texts.collect::<Vec<_>>().join("\n\n"));
    }
    Ok(Exit::Done)
}
