//! `privet selftest`: does the machinery of the guarantee work on this machine, in this program.

use std::path::PathBuf;

use clap::Args;
use privet_train::Device;
use privet_train::selftest::{Check, Size, selftest};

use crate::failure::{Exit, Failure};
use crate::terminal::Terminal;

#[derive(Args)]
pub(crate) struct Arguments {
    /// As many trials as the statistics were made for: a minute or two instead of seconds
    #[arg(long)]
    full: bool,
    /// Where to compute: cpu, cuda:0, tch:cpu or tch:cuda:0
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    device: Device,
    /// Where to write the receipt, a JSON file
    #[arg(short, long, value_name = "FILE", default_value = "privet-selftest.json")]
    output: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<Exit, Failure> {
    let size = if arguments.full { Size::Full } else { Size::Quick };
    let receipt = selftest(size, arguments.device, &mut |check| {
        if !terminal.json {
            terminal.say(&line(check));
        }
    })?;
    let text = serde_json::to_string_pretty(&receipt).unwrap_or_default() + "\n";
    privet_train::atomic::write_atomic(&arguments.output, text.as_bytes())?;
    if terminal.json {
        terminal.json(&receipt);
    } else {
        let failed = receipt.checks.iter().filter(|check| !check.passed).count();
        let verdict = if receipt.passed { "all passed".to_owned() } else { format!("{failed} FAILED") };
        terminal.out(&format!("{} checks, {verdict}; receipt: {}", receipt.checks.len(), arguments.output.display()));
    }
    if receipt.passed {
        return Ok(Exit::Done);
    }
    Err(Failure::new(Exit::Guarantee, "this program does not keep its guarantee on this machine")
        .why("a check failed that good machinery fails once in a million times")
        .help("run it again; if it fails again, train nothing with it, and report the receipt"))
}

fn line(check: &Check) -> String {
    let bound = match check.at_least {
        Some(least) => format!("{least:.3} to {:.3}", check.at_most),
        None => format!("at most {:.3}", check.at_most),
    };
    let verdict = if check.passed { "ok    " } else { "FAILED" };
    format!("{verdict} {} {}: {:.3}, {bound} ({} trials)", check.layer, check.name, check.statistic, check.trials)
}
