//! `privet score`: how well a model predicts texts.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use privet_corpus::{Kinds, Selection};
use privet_train::score::{ModelFolder, Reading, Scored, UnitScore, score};
use privet_train::{Device, Error as TrainError};
use serde_json::json;

use crate::failure::{Exit, Failure};
use crate::merge::adapter_of;
use crate::records;
use crate::terminal::{Terminal, pairs};

#[derive(Args)]
pub(crate) struct Arguments {
    /// A Hugging Face folder
    model: PathBuf,
    /// Parquet or JSON lines: files, folders or glob patterns
    #[arg(required = true)]
    input: Vec<String>,
    /// Column that holds the text [default: text]
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    /// Instead of a text: column of prompts (with --completion-column)
    #[arg(long, value_name = "NAME")]
    prompt_column: Option<String>,
    /// Column of what follows the prompts
    #[arg(long, value_name = "NAME")]
    completion_column: Option<String>,
    /// Instead of a text: column of conversations, lists of `role` and `content`
    #[arg(long, value_name = "NAME")]
    messages_column: Option<String>,
    /// Which tokens count: all, or completions and assistants' turns alone
    #[arg(long, value_enum, default_value_t = LossOn::All, value_name = "PART")]
    loss_on: LossOn,
    /// Folder of an adapter (PEFT layout), or of a run that made one
    #[arg(long, value_name = "DIR")]
    adapter: Option<PathBuf>,
    /// Greatest number of tokens of a text; longer ones are cut
    #[arg(long, default_value_t = 512, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=1 << 20))]
    sequence_len: u32,
    /// Texts computed at a time
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    batch: u32,
    /// Also write every text's loss to DIR/private/scores.jsonl
    #[arg(long, value_name = "DIR")]
    per_example: Option<PathBuf>,
    /// Where to compute: cpu, cuda:0, tch:cpu or tch:cuda:0
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    device: Device,
}

/// The trainer's choice of the same name, as an argument.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LossOn {
    All,
    Completion,
}

impl From<LossOn> for privet_train::LossOn {
    fn from(loss_on: LossOn) -> Self {
        match loss_on {
            LossOn::All => Self::All,
            LossOn::Completion => Self::Completion,
        }
    }
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<Exit, Failure> {
    let named = [&arguments.column, &arguments.prompt_column, &arguments.completion_column, &arguments.messages_column];
    let [text, prompt, completion, messages] = named.map(Option::as_deref);
    let selection = records::selection(text, prompt, completion, messages)
        .map_err(|why| Failure::usage("these columns do not go together").why(why))?;
    if arguments.loss_on == LossOn::Completion && matches!(selection, Selection::Text { .. }) {
        return Err(Failure::usage("a plain text has no completion to measure")
            .help("leave out --loss-on, or name --prompt-column and --completion-column, or --messages-column"));
    }
    let files = privet_corpus::resolve_inputs(&arguments.input, Kinds::Records)?;
    let folder = ModelFolder { base: arguments.model.clone(), adapter: arguments.adapter.as_deref().map(adapter_of) };
    let mut lines = arguments.per_example.as_ref().map(|folder| open(&folder.join("private"))).transpose()?;
    let mut unwritten: Option<std::io::Error> = None;
    let reading = Reading {
        format: records::format(&selection),
        loss_on: arguments.loss_on.into(),
        sequence_len: arguments.sequence_len as usize,
        batch: arguments.batch as usize,
    };
    let mut examples = records::examples(files, selection, None);
    let scored = score(&folder, arguments.device, reading, &mut *examples, &mut |one| match lines
        .as_mut()
        .map(|(_, file)| line(file, one))
    {
        Some(Err(error)) => {
            unwritten = Some(error);
            Err(TrainError::Interrupted)
        }
        _ => Ok(()),
    });
    if let Some((path, mut file)) = lines {
        let flushed = file.flush().and_then(|()| file.get_ref().sync_all());
        // An earlier file stays as it is until this one is whole.
        let flushed = flushed.and_then(|()| {
            if scored.is_ok() { std::fs::rename(partial(&path), &path) } else { std::fs::remove_file(partial(&path)) }
        });
        if let Some(error) = unwritten.or(flushed.err()) {
            let failure = Failure::new(Exit::Resource, "the scores cannot be written").at(path.display().to_string());
            return Err(failure.why(error.to_string()));
        }
    }
    say(&scored?, arguments, terminal);
    Ok(Exit::Done)
}

/// The file for the losses of single texts, in a folder that only the user can read.
fn open(folder: &std::path::Path) -> Result<(PathBuf, BufWriter<File>), Failure> {
    let path = folder.join("scores.jsonl");
    let failed = |error: std::io::Error| {
        Failure::new(Exit::Resource, "the scores cannot be written")
            .at(path.display().to_string())
            .why(error.to_string())
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let file = File::create(partial(&path)).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).map_err(failed)?;
        file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    }
    Ok((path.clone(), BufWriter::new(file)))
}

fn partial(path: &std::path::Path) -> PathBuf {
    path.with_extension("jsonl.partial")
}

fn line(file: &mut BufWriter<File>, one: UnitScore) -> std::io::Result<()> {
    writeln!(file, "{}", json!({ "unit": one.unit, "tokens": one.tokens, "loss": one.loss }))
}

fn say(scored: &Scored, arguments: &Arguments, terminal: Terminal) {
    let Scored { units, tokens, truncated, .. } = *scored;
    let loss = scored.loss();
    let perplexity = loss.map(f64::exp);
    if terminal.json {
        terminal.json(&json!({
            "texts": units, "tokens": tokens, "truncated": truncated, "loss": loss, "perplexity": perplexity,
        }));
        return;
    }
    let number =
        |value: Option<f64>| value.map_or_else(|| "none: no text has two tokens".to_owned(), |v| format!("{v:.4}"));
    let mut rows = vec![
        ("loss", format!("{}{}", number(loss), if loss.is_some() { " nats per token" } else { "" })),
        ("perplexity", number(perplexity)),
        ("tokens", tokens.to_string()),
        ("texts", format!("{units}, {truncated} of them cut to {} tokens", arguments.sequence_len)),
    ];
    if let Some(folder) = &arguments.per_example {
        rows.push(("per text", folder.join("private/scores.jsonl").display().to_string()));
    }
    terminal.out(&pairs(&rows));
    terminal
        .say("these figures are made from the texts: epsilon does not cover them, keep them as private as the texts");
}
