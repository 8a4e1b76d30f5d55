//! `privet budget show` and `verify`: read a ledger, trust nothing in it that its hash chain does not carry.

use std::path::{Path, PathBuf};

use clap::Args;
use privet_dp::ledger::{self, Genesis, Ledger};
use privet_dp::{Epsilon, Event, Share, Unreachable};
use privet_report::method;
use serde::Serialize;
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
    let (head, genesis, whole) = (ledger.head(), ledger.genesis(), ledger.composed_event());
    let shares = privet_dp::shares(&whole, genesis.delta, genesis.adjacency).map_err(|error| unsupported(&error))?;
    let remaining = arguments.target_epsilon.map(|target| Remaining::new(&ledger, &whole, target)).transpose()?;
    if terminal.json {
        terminal.json(&json!({
            "ledger": file, "genesis": genesis, "head": head, "guarantee": guarantee, "shares": shares,
            "remaining": remaining, "turns": ledger.turns(), "segments": ledger.segments(),
        }));
        return Ok(Exit::Done);
    }
    let mut rows = vec![["step", "attempt", "event"].map(String::from).to_vec()];
    rows.extend(runs(&ledger));
    let mut parts = vec![format!(
        "{}\nneighbours: {}; unit: {}\nmethod: {}, rounded up; {} steps charged\n",
        terminal.bold(&format!("epsilon {} at delta {:e}", shown(guarantee.epsilon), guarantee.delta.get())),
        neighbours(genesis.adjacency),
        unit(genesis),
        method(guarantee.engine, guarantee.order),
        guarantee.steps_charged,
    )];
    if ledger.segments() > 0 {
        parts.push(format!(
            "banded noise: a unit had at most {} turns in {} segments; these are what is charged\n",
            ledger.turns(),
            ledger.segments()
        ));
    }
    parts.extend(remaining.map(|remaining| remaining.text()));
    parts.push(table(&rows));
    // The share of an only phase is the whole.
    if shares.len() > 1 {
        parts.push(table(&share_rows(&shares)));
    }
    parts.push(identity(genesis, head));
    terminal.out(&parts.join("\n"));
    Ok(Exit::Done)
}

/// How far the rest of a budget reaches.
#[derive(Serialize)]
struct Remaining {
    target_epsilon: Epsilon,
    /// Steps like the last one; `None` where nothing has been charged yet, so that there is no such step.
    steps: Option<u64>,
    /// The ledger alone costs more than the target.
    exceeded: bool,
}

impl Remaining {
    fn new(ledger: &Ledger, spent: &Event, target_epsilon: Epsilon) -> Result<Self, Failure> {
        let &Genesis { delta, adjacency, .. } = ledger.genesis();
        let known = |steps, exceeded| Ok(Self { target_epsilon, steps, exceeded });
        let Some(last) = ledger.entries().last() else { return known(None, false) };
        match privet_dp::remaining_steps(spent, &last.event, target_epsilon, delta, adjacency) {
            Ok(steps) => known(Some(steps), false),
            Err(Unreachable::Spent { .. }) => known(Some(0), true),
            Err(Unreachable::Unsupported(error)) => Err(unsupported(&error)),
            Err(error) => Err(Failure::usage("the remaining steps cannot be told").why(error.to_string())),
        }
    }

    fn text(&self) -> String {
        let target = self.target_epsilon.get();
        match self.steps {
            _ if self.exceeded => format!("a budget of {target} is exceeded already\n"),
            Some(steps) => {
                format!("a budget of {target} at the same delta allows {steps} more steps like the last one\n")
            }
            None => String::from("nothing is charged yet, so there is no step to count with\n"),
        }
    }
}

/// What each phase added to those before it, and what it would cost alone.
fn share_rows(shares: &[Share]) -> Vec<Vec<String>> {
    let mut rows = vec![["share of epsilon", "alone", "releases", "phase"].map(String::from).to_vec()];
    rows.extend(shares.iter().map(|share| {
        let (count, event) = match &share.event {
            Event::Repeated { event, count } => (*count, &**event),
            event => (1, event),
        };
        vec![shown(share.epsilon_share), shown(share.epsilon_alone), count.to_string(), described(event)]
    }));
    rows
}

/// Entries with the same event and attempt, one after the other, as one row.
fn runs(ledger: &Ledger) -> Vec<Vec<String>> {
    let mut rows: Vec<(u64, u64, u32, String)> = Vec::new();
    for entry in ledger.entries() {
        let segment = entry.segment.map(|segment| format!(", segment {segment}")).unwrap_or_default();
        let event = described(&entry.event) + &segment;
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
        Event::PoissonSampledGaussians { sampling_rate, noise_multipliers } => {
            let noises: Vec<String> = noise_multipliers.iter().map(|noise| format!("{:.4}", noise.get())).collect();
            let (noises, rate) = (noises.join(" and "), sampling_rate.get());
            format!("Gaussian noise, multipliers {noises}, on sums over one Poisson sample at rate {rate:.6}")
        }
        Event::BandedMatrixFactorization { bands, sampling_rate: Some(rate), noise_multiplier, steps } => format!(
            "banded noise of {bands} bands, multiplier {:.4}, steps: {steps}, on cyclic Poisson samples at rate {:.6} of a group",
            noise_multiplier.get(),
            rate.get()
        ),
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

/// `path`, or the ledger in the run's folder at `path`.
pub(super) fn file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("public").join("ledger.jsonl") } else { path.to_owned() }
}

/// The ledger at `path`, or in the run's folder at `path`.
pub(super) fn read(path: &Path) -> Result<(String, Ledger), Failure> {
    let file = file(path);
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
