//! `privet budget show` and `verify`: read a ledger, trust nothing in it that its hash chain does not carry.

use std::path::Path;

use clap::Args;
use privet_dp::ledger::{self, Genesis, Ledger};
use privet_dp::{Epsilon, Event};
use privet_report::method;
use serde_json::json;

use super::{neighbours, shown, unsupported};
use crate::failure::{Exit, Failure};
use crate::terminal::{Terminal, table};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    file: super::File,
    /// Also say how many more steps like the last one this epsilon allows
    #[arg(long, value_name = "E", value_parser = super::arguments::epsilon)]
    target_epsilon: Option<Epsilon>,
}

pub(super) fn show(arguments: &Arguments, terminal: Terminal) -> Result<Exit, Failure> {
    let (file, ledger) = read(&arguments.file.ledger)?;
    let guarantee = privet_dp::guarantee(&ledger).map_err(|error| unsupported(&error))?;
    let head = ledger.head();
    let genesis = ledger.genesis();
    if terminal.json {
        terminal.json(&json!({ "ledger": file, "genesis": genesis, "head": head, "guarantee": guarantee }));
        return Ok(Exit::Done);
    }
    let mut rows = vec![["step", "attempt", "event"].map(String::from).to_vec()];
    rows.extend(runs(&ledger));
    terminal.out(&format!(
        "{}\nneighbours: {}; unit: {}\nmethod: {}, rounded up; {} steps charged\n\n{}\n{}",
        terminal.bold(&format!("epsilon {} at delta {:e}", shown(guarantee.epsilon), guarantee.delta.get())),
        neighbours(genesis.adjacency),
        unit(genesis),
        method(guarantee.engine, guarantee.order),
        guarantee.steps_charged,
        table(&rows),
        identity(genesis, head)
    ));
    Ok(Exit::Done)
}

/// Entries with the same event and attempt, one after the other, as one row.
fn runs(ledger: &Ledger) -> Vec<Vec<String>> {
    let mut rows: Vec<(u64, u64, u32, String)> = Vec::new();
    for entry in ledger.entries() {
        let event = described(&entry.event);
        match rows.last_mut() {
            Some((_, last, attempt, same))
                if *attempt == entry.attempt && *same == event && *last + 1 == entry.step =>
            {
                *last = entry.step;
            }
            _ => rows.push((entry.step, entry.step, entry.attempt, event)),
        }
    }
    rows.into_iter()
        .map(|(first, last, attempt, event)| {
            let steps = if first == last { first.to_string() } else { format!("{first}..{last}") };
            vec![steps, attempt.to_string(), event]
        })
        .collect()
}

fn described(event: &Event) -> String {
    match event {
        Event::PoissonSampledGaussian { sampling_rate, noise_multiplier } => {
            let (rate, noise) = (sampling_rate.get(), noise_multiplier.get());
            format!("Gaussian noise, multiplier {noise:.4}, on a Poisson sample at rate {rate:.6}")
        }
        Event::Gaussian { noise_multiplier } => format!("Gaussian noise, multiplier {:.4}", noise_multiplier.get()),
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

fn identity(genesis: &Genesis, head: &str) -> String {
    format!(
        "plan      {}\ndataset   {} (salted commitment)\nprogram   {}\nhead      {head}",
        genesis.plan_hash, genesis.dataset_commitment, genesis.binary_hash
    )
}

/// The unit as the ledger spells it.
fn unit(genesis: &Genesis) -> String {
    serde_json::to_value(genesis.privacy_unit)
        .ok()
        .and_then(|unit| unit.as_str().map(str::to_owned))
        .unwrap_or_default()
}

pub(crate) fn verify(path: &Path, terminal: Terminal) -> Result<Exit, Failure> {
    let (file, ledger) = read(path)?;
    let steps = ledger.entries().len();
    if terminal.json {
        terminal.json(&json!({ "ledger": file, "intact": true, "entries": steps, "head": ledger.head() }));
    } else {
        terminal.out(&format!("intact: {file}\n{steps} entries, head {}", ledger.head()));
    }
    Ok(Exit::Done)
}

/// The ledger at `path`, or in the run's folder at `path`.
fn read(path: &Path) -> Result<(String, Ledger), Failure> {
    let file = if path.is_dir() { path.join("public").join("ledger.jsonl") } else { path.to_owned() };
    let name = file.display().to_string();
    let text = std::fs::read_to_string(&file).map_err(|error| {
        Failure::new(Exit::Input, "the ledger cannot be read")
            .at(&name)
            .why(error.to_string())
            .help("name a ledger.jsonl or the folder of a run, for example `privet budget show runs/quickstart`")
    })?;
    match ledger::parse(&text) {
        Ok(ledger) => Ok((name, ledger)),
        Err(error) => Err(Failure::new(Exit::Verification, "the ledger does not verify")
            .at(name)
            .why(error.to_string())
            .why(torn(&text))
            .help("keep the file as it is for inspection; do not rely on the epsilon of this run")),
    }
}

fn torn(text: &str) -> &'static str {
    match ledger::recover(text) {
        Ok((_, valid)) if valid < text.len() => {
            "only its last line is torn, as after a crash: `privet run` repairs that when it resumes"
        }
        _ => "the chain of hashes or the order of the entries is broken",
    }
}
