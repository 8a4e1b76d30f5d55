//! `privet inspect`: what Parquet files hold, without changing or quoting any of it.

use clap::Args;

use crate::failure::{Exit, Failure};
use crate::terminal::Terminal;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Parquet files, folders or glob patterns
    #[arg(required = true)]
    input: Vec<String>,
    /// Column that holds the text
    #[arg(long, default_value = "text", value_name = "NAME")]
    column: String,
    /// Rows in which personal data is counted
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    sample: u64,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<Exit, Failure> {
    let files = privet_corpus::resolve_inputs(&arguments.input)?;
    let inspection = privet_corpus::inspect(&files, &arguments.column, arguments.sample)?;
    if terminal.json {
        terminal.json(&inspection);
        return Ok(Exit::Done);
    }
    Ok(Exit::Done)
}
