//! `privet budget`: what a run costs, what a target allows, and what a ledger has spent. Arithmetic on public numbers.
//!
//! An epsilon is printed in one way only: rounded up, the figure proven from below rounded down, and both together with
//! delta, adjacency, unit and what they assume ([`figures`]).

mod account;
mod arguments;
mod attack;
mod curve;
mod epsilon;
mod explain;
mod figures;
mod ledger;
mod mechanism;
mod plan;
mod plot;
mod wire;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use privet_dp::Unsupported;

pub(crate) use figures::{neighbours, shown};

use crate::failure::{Exit, Failure};
use crate::terminal::Terminal;

/// `privet budget`: one subcommand, or a stream of questions.
#[derive(Args)]
#[command(arg_required_else_help = true, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    /// Answer JSON lines from stdin, one object each (README.md has the fields)
    #[arg(long)]
    stdin: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// The subcommands of `privet budget`.
#[derive(Subcommand)]
enum Command {
    /// Epsilon of a run, proven from both sides
    Epsilon(epsilon::Arguments),
    /// Noise, steps, sampling rate or batch that a target epsilon allows, with a small what-if table
    Plan(plan::Arguments),
    /// Delta for many epsilons, and what an attacker can reach; as a table or a picture
    Curve(curve::Arguments),
    /// Which engine answers for a run, and why
    Explain(explain::Arguments),
    /// What a ledger has recorded and spent
    Show(ledger::Arguments),
    /// Check a ledger's hash chain and order; exit code 5 if it is broken
    Verify(File),
    /// The budget of all runs on one corpus: show it, make it, reserve and settle runs
    Account(account::Arguments),
}

#[derive(Args)]
struct File {
    /// A ledger.jsonl, or the folder of a run
    ledger: PathBuf,
}

impl Arguments {
    /// Nothing is written that another command reads.
    pub(crate) fn only_computes(&self) -> bool {
        !matches!(self.command, Some(Command::Account(_)))
    }
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<Exit, Failure> {
    match &arguments.command {
        _ if arguments.stdin => wire::answer(std::io::stdin().lock(), terminal),
        Some(Command::Epsilon(arguments)) => epsilon::run(arguments, terminal),
        Some(Command::Plan(arguments)) => plan::run(arguments, terminal),
        Some(Command::Curve(arguments)) => curve::run(arguments, terminal),
        Some(Command::Explain(arguments)) => explain::run(arguments, terminal),
        Some(Command::Show(arguments)) => ledger::show(arguments, terminal),
        Some(Command::Verify(file)) => ledger::verify(&file.ledger, terminal),
        Some(Command::Account(arguments)) => account::run(arguments, terminal),
        None => Err(Failure::usage("`privet budget` needs a subcommand or `--stdin`")
            .help("`privet budget --help` lists the subcommands")),
    }
}

/// What is not supported, and what is instead.
pub(crate) fn unsupported(error: &Unsupported) -> Failure {
    match error {
        Unsupported::Adjacency { sampler, adjacency, supported } => {
            Failure::usage(format!("no proven bound for {sampler} under {adjacency} adjacency"))
                .why("an amplification theorem holds for one way of drawing batches and one kind of neighbours")
                .help(format!("supported for {sampler}: {supported} (`--adjacency`)"))
        }
        Unsupported::Unbounded => Failure::usage("epsilon is too large for a 64-bit float")
            .why("so little noise protects nothing")
            .help("raise the noise multiplier or take fewer steps"),
        other => {
            let sentence = other.to_string();
            let (what, help) = sentence.split_once("; ").unwrap_or((&sentence, "ask for another sampler or adjacency"));
            Failure::usage(what).help(help)
        }
    }
}
