//! `privet report`: what a run guarantees, computed again from its ledger each time it is asked.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::failure::{Exit, Failure};
use crate::terminal::Terminal;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Folder of a run
    run: PathBuf,
    /// Verify ledger, plan and weights against each other; exit code 5 if they disagree
    #[arg(long)]
    check: bool,
    /// With --check: exit code 1 if epsilon is larger than this
    #[arg(long, requires = "check", value_name = "E")]
    max_epsilon: Option<f64>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Include the private figures, which epsilon does not cover
    #[arg(long)]
    private: bool,
}

/// The renderings of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For reading here
    #[default]
    Terminal,
    /// The report itself; the others are renderings of it
    Json,
    /// Markdown
    Md,
    /// One HTML file without scripts
    Html,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<Exit, Failure> {
    let _ = (arguments, terminal);
    Ok(Exit::Done)
}

/// Writes the report's files into the run's folder.
pub(crate) fn write(run: &Path) -> Result<(), Failure> {
    let _ = run;
    Ok(())
}
