//! `privet decrypt`: values that the operator `encrypt` took away, put back by whoever holds the key.

use std::path::PathBuf;

use clap::Args;
use privet_corpus::Selector;

use crate::failure::{Exit, Failure};
use crate::scrub::rules;
use crate::terminal::Terminal;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The key that the values were encrypted with: a file with 32 bytes or 64 hexadecimal digits
    #[arg(long, value_name = "FILE")]
    encrypt_key_file: PathBuf,
    /// Columns that hold text, separated by commas: `text`, `meta.title`, `messages[].content`, `**.text`
    #[arg(long, default_value = "text", value_delimiter = ',', value_name = "PATH")]
    column: Vec<Selector>,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<Exit, Failure> {
    if terminal.json {
        return Err(Failure::usage("stdout is for the lines").help("leave `--json` out"));
    }
    let key = rules::key(&arguments.encrypt_key_file)?;
    let input = Box::new(std::io::stdin().lock());
    let changed = privet_corpus::decrypt_lines(input, &arguments.column, &key, &mut std::io::stdout().lock())?;
    terminal.say(&format!("texts with values put back: {changed}"));
    Ok(Exit::Done)
}
