//! The command line: parse, dispatch, exit code. One file per command, and no algorithm in any of them.
//!
//! Results go to stdout, everything else to stderr ([`terminal`]). A failure is a value that says what, where, why and
//! what to do next ([`failure`]). The first interrupt sets a flag that long commands look at between two pieces of
//! work; the second ends the process at once, and the run's files stay resumable either way.

mod budget;
mod config;
mod decrypt;
mod dedup;
mod estimate;
mod evaluate;
mod failure;
mod folders;
mod generate;
mod inspect;
mod merge;
mod progress;
mod records;
mod report;
mod run;
mod score;
mod scrub;
mod selftest;
mod size;
mod statement;
mod terminal;
mod train;

use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use failure::{Exit, Failure};
use terminal::{Colour, Terminal};

/// Set by the first interrupt; never cleared.
static CANCELLED: AtomicBool = AtomicBool::new(false);

/// Train on private text and show what leaked: scrub, DP-SGD fine-tuning, accounting, report.
#[derive(Parser)]
#[command(name = "privet", version, max_term_width = 100, after_help = EXITS, subcommand_required = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

const EXITS: &str = "\
Exit codes: 0 done; 1 a gate is not met; 2 usage or config; 3 an input is unreadable or quarantined;
4 unsafe format refused; 5 verification failed; 6 budget exhausted; 7 guarantee violated;
8 resource limit; 70 a bug; 130 interrupted, the same command resumes.";

#[derive(Args)]
struct Global {
    /// Results as JSON on stdout, one object; messages stay on stderr
    #[arg(long, global = true, help_heading = "Global options")]
    json: bool,
    /// Change one setting of the config, for example --set privacy.epsilon=4.0 (repeatable)
    #[arg(long, global = true, value_name = "KEY=VALUE", help_heading = "Global options")]
    set: Vec<String>,
    /// Only results and errors
    #[arg(short, long, global = true, help_heading = "Global options")]
    quiet: bool,
    /// Colours on stdout and stderr; `auto` means on a terminal, unless `NO_COLOR` is set
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = "Global options")]
    color: Colour,
    /// No progress bars
    #[arg(long, global = true, help_heading = "Global options")]
    no_progress: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Scrub, train, report: everything in one config, resuming where it stopped
    Run(run::Arguments),
    /// Replace personal data in tables, lines and texts, and remove exact duplicates
    Scrub(scrub::Arguments),
    /// Remove copies and near-copies of texts from tables, lines and texts
    Dedup(dedup::Arguments),
    /// Put back what a scrub has encrypted: JSON lines in at stdin, out at stdout
    Decrypt(decrypt::Arguments),
    /// Train and report on text that needs no scrubbing
    Train(train::Arguments),
    /// Compute, plan and check privacy budgets
    Budget(budget::Arguments),
    /// Show or check what a run guarantees
    Report(report::Arguments),
    /// Fold an adapter into its base model
    Merge(merge::Arguments),
    /// How well a model predicts texts: loss and perplexity
    Score(score::Arguments),
    /// Let a model go on from a text
    Generate(generate::Arguments),
    /// Check the machinery of the guarantee on this machine: replay, noise, one step; writes a receipt
    Selftest(selftest::Arguments),
    /// Score the recognizers, or another tool's findings, on labelled texts
    Evaluate(evaluate::Arguments),
    /// Look at a corpus: schema, sizes, density of personal data; changes nothing
    Inspect(inspect::Arguments),
}

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|info| {
        let _ = writeln!(std::io::stderr().lock(), "{}", failure::panic_message(info));
    }));
    match std::panic::catch_unwind(start) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(_) => ExitCode::from(Exit::Bug as u8),
    }
}

fn start() -> Exit {
    let matches = Cli::command().color(help_colour()).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let terminal = Terminal::new(cli.global.json, cli.global.quiet, cli.global.no_progress, cli.global.color);
    // These have no step to finish and no checkpoint to write, and a new file gets its name when it is whole: there, an interrupt ends the process as it always does.
    let computes = match &cli.command {
        Command::Budget(arguments) => arguments.only_computes(),
        Command::Merge(_)
        | Command::Score(_)
        | Command::Generate(_)
        | Command::Selftest(_)
        | Command::Decrypt(_)
        | Command::Evaluate(_)
        | Command::Inspect(_) => true,
        Command::Scrub(arguments) => arguments.is_filter(),
        Command::Run(_) | Command::Dedup(_) | Command::Train(_) | Command::Report(_) => false,
    };
    let watched = if computes { Ok(()) } else { watch_interrupts(terminal) };
    match watched.and_then(|()| dispatch(&cli, terminal)) {
        Ok(exit) => exit,
        Err(failure) => {
            let _ = writeln!(std::io::stderr().lock(), "{}", failure.render(terminal.colour_err));
            failure.exit
        }
    }
}

fn dispatch(cli: &Cli, terminal: Terminal) -> Result<Exit, Failure> {
    let sets = &cli.global.set;
    if !sets.is_empty() && !matches!(cli.command, Command::Run(_) | Command::Train(_)) {
        return Err(Failure::usage("`--set` changes a config, and this command reads none")
            .help("`--set` belongs to `privet run` and `privet train`"));
    }
    match &cli.command {
        Command::Run(arguments) => run::run(arguments, sets, terminal, &CANCELLED),
        Command::Scrub(arguments) => scrub::run(arguments, terminal, &CANCELLED),
        Command::Dedup(arguments) => dedup::run(arguments, terminal, &CANCELLED),
        Command::Decrypt(arguments) => decrypt::run(arguments, terminal),
        Command::Train(arguments) => train::run(arguments, sets, terminal, &CANCELLED),
        Command::Budget(arguments) => budget::run(arguments, terminal),
        Command::Report(arguments) => report::run(arguments, terminal),
        Command::Merge(arguments) => merge::run(arguments, terminal),
        Command::Score(arguments) => score::run(arguments, terminal),
        Command::Generate(arguments) => generate::run(arguments, terminal),
        Command::Selftest(arguments) => selftest::run(arguments, terminal),
        Command::Evaluate(arguments) => evaluate::run(arguments, terminal),
        Command::Inspect(arguments) => inspect::run(arguments, terminal),
    }
}

fn watch_interrupts(terminal: Terminal) -> Result<(), Failure> {
    ctrlc::set_handler(move || {
        if CANCELLED.swap(true, Ordering::SeqCst) {
            std::process::exit(Exit::Interrupted as i32);
        }
        terminal.say("interrupted: finishing the current step; press Ctrl-C again to stop at once");
    })
    .map_err(|error| Failure::new(Exit::Resource, "interrupts cannot be watched").why(error.to_string()))
}

/// `--color` must be known before clap prints help, so it is looked for by hand.
fn help_colour() -> clap::ColorChoice {
    let arguments: Vec<String> = std::env::args().take_while(|argument| argument != "--").collect();
    let after = arguments.windows(2).find(|pair| pair[0] == "--color").map(|pair| pair[1].as_str());
    let joined = arguments.iter().find_map(|argument| argument.strip_prefix("--color="));
    match after.or(joined) {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    }
}
