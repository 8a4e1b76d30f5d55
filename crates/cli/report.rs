//! `privet report`: what a run guarantees, computed again from its ledger each time it is asked.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use privet_report::{Class, Edition, Error, Gates, Report};
use privet_train::atomic::write_atomic;
use serde_json::json;

use crate::failure::{Exit, Failure};
use crate::terminal::Terminal;

/// Columns of a statement; a pipe has no width, and a file should not depend on a window.
const WIDTH: usize = 100;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Folder of a run
    run: PathBuf,
    /// Verify ledger, plan and published report against each other; exit code 5 if they disagree
    #[arg(long)]
    check: bool,
    /// With --check: exit code 1 if epsilon is larger than this
    #[arg(long, requires = "check", value_name = "E")]
    max_epsilon: Option<f64>,
    /// How to print it; JSON is the report, the others are renderings of it
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Include the private figures, which epsilon does not cover
    #[arg(long)]
    private: bool,
}

/// The renderings of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Terminal,
    Json,
    Md,
    Html,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<Exit, Failure> {
    if arguments.check {
        return check(arguments, terminal);
    }
    let edition = if arguments.private { Edition::Private } else { Edition::Public };
    let report = privet_report::assemble(&arguments.run, edition)?;
    if terminal.json {
        terminal.json(&report);
        return Ok(Exit::Done);
    }
    terminal.out(&match arguments.format {
        Format::Terminal => text(&report, terminal),
        Format::Json => privet_report::json(&report),
        Format::Md => privet_report::markdown(&report),
        Format::Html => privet_report::html(&report),
    });
    Ok(Exit::Done)
}

fn check(arguments: &Arguments, terminal: Terminal) -> Result<Exit, Failure> {
    let mut report = privet_report::verify_published(&arguments.run)?;
    if arguments.private {
        report = privet_report::assemble(&arguments.run, Edition::Private)?;
    }
    let gates = Gates { max_epsilon: arguments.max_epsilon, ..Gates::default() };
    let failed = privet_report::check(&report, &gates);
    if terminal.json {
        let failed: Vec<String> = failed.iter().map(ToString::to_string).collect();
        terminal.json(&json!({ "passed": failed.is_empty(), "failed": failed, "guarantee": report.guarantee }));
    } else if failed.is_empty() {
        terminal.out(&format!("passed: {}", report.statement.headline));
    }
    let Some(first) = failed.first() else { return Ok(Exit::Done) };
    let failure = Failure::sentence(Exit::Gate, &first.to_string()).at(arguments.run.display().to_string());
    Err(failed.iter().skip(1).fold(failure, |failure, gate| failure.why(gate.to_string())))
}

/// The statement as it is printed at the end of a run.
pub(crate) fn text(report: &Report, terminal: Terminal) -> String {
    privet_report::terminal(report, terminal.colour_out, WIDTH)
}

/// Writes the report's files into the run's folder, where they are not there yet or say something else.
pub(crate) fn write(run: &Path) -> Result<(), Failure> {
    for (name, content) in privet_report::files(run)? {
        let path = run.join(name);
        if std::fs::read(&path).is_ok_and(|written| written == content.as_bytes()) {
            continue;
        }
        write_atomic(&path, content.as_bytes())?;
    }
    Ok(())
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = match error.class() {
            Class::Usage => Exit::Usage,
            Class::Input => Exit::Input,
            Class::Verification => Exit::Verification,
            Class::Guarantee => Exit::Guarantee,
        };
        Self::sentence(exit, &error.to_string())
    }
}
