//! `privet generate`: text out of a model.

use std::path::PathBuf;

use clap::Args;
use privet_train::generate::{Choice, generate};
use privet_train::score::ModelFolder;
use privet_train::{Device, Example, Message};
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
    /// Take each prompt as what a user says, in the model's chat template
    #[arg(long)]
    chat: bool,
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
    let prompt = |text: &String| {
        let content = text.clone();
        if !arguments.chat {
            return Example::Text(content);
        }
        Example::Chat(vec![Message { role: "user".to_owned(), content }])
    };
    let prompts: Vec<Example> = arguments.prompt.iter().map(prompt).collect();
    let answers = generate(&folder, arguments.device, &prompts, arguments.max_tokens, choice)?;
    if terminal.json {
        let answers = answers.iter().zip(&arguments.prompt).map(|(answer, prompt)| {
            json!({ "prompt": prompt, "text": answer.text, "tokens": answer.tokens, "ended": answer.ended })
        });
        terminal.json(&json!({ "answers": answers.collect::<Vec<_>>() }));
    } else {
        // A text goes on where its prompt ends; an answer stands by itself.
        let texts = answers.iter().zip(&arguments.prompt).map(|(answer, prompt)| {
            if arguments.chat { answer.text.clone() } else { format!("{prompt}{}", answer.text) }
        });
        terminal.out(&texts.collect::<Vec<_>>().join("\n\n"));
    }
    Ok(Exit::Done)
}
