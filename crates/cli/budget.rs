//! `privet budget`: epsilon forward, noise backward, and what a ledger has spent. Pure arithmetic on public numbers.

mod ledger;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use privet_dp::{Adjacency, Calibrate, Certificate, Delta, Epsilon, Event, NoiseMultiplier, SamplingRate};
use privet_report::method;
use serde_json::json;

use crate::failure::{Exit, Failure};
use crate::terminal::{Terminal, table};

/// The subcommands of `privet budget`.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Epsilon of a Poisson-sampled Gaussian mechanism run for some steps
    Epsilon(Forward),
    /// Noise that reaches a target epsilon, with a small what-if table
    Plan(Backward),
    /// What a ledger has recorded and spent
    Show(File),
    /// Check a ledger's hash chain and order; exit code 5 if it is broken
    Verify(File),
}

#[derive(Args)]
pub(crate) struct Forward {
    /// Probability with which each unit is in a step's batch
    #[arg(long, value_name = "Q", value_parser = sampling_rate)]
    sampling_rate: SamplingRate,
    /// Noise standard deviation divided by the sensitivity
    #[arg(long, value_name = "S", value_parser = noise_multiplier)]
    noise_multiplier: NoiseMultiplier,
    /// Number of noisy steps
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
#[command(group(clap::ArgGroup::new("rate").required(true).args(["sampling_rate", "dataset_size_bound"])))]
pub(crate) struct Backward {
    /// The epsilon not to exceed
    #[arg(long, value_name = "E", value_parser = epsilon)]
    epsilon: Epsilon,
    /// Probability with which each unit is in a step's batch
    #[arg(long, value_name = "Q", value_parser = sampling_rate)]
    sampling_rate: Option<SamplingRate>,
    /// Public upper bound on the number of units
    #[arg(long, value_name = "N", requires = "expected_batch_size", value_parser = clap::value_parser!(u64).range(1..))]
    dataset_size_bound: Option<u64>,
    /// Expected number of units in a step's batch
    #[arg(long, value_name = "B", requires = "dataset_size_bound", value_parser = clap::value_parser!(u64).range(1..))]
    expected_batch_size: Option<u64>,
    /// Number of noisy steps
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
struct Target {
    /// Probability mass outside the guarantee; below 1 / number of units
    #[arg(long, value_name = "D", value_parser = delta)]
    delta: Delta,
    /// Neighbours differ in one unit, which is there or not, emptied, or exchanged
    #[arg(long, value_enum, default_value_t, value_name = "WHICH")]
    adjacency: Neighbours,
}

/// The three adjacencies, as clap spells them.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Neighbours {
    #[default]
    AddRemove,
    ZeroOut,
    ReplaceOne,
}

impl From<Neighbours> for Adjacency {
    fn from(neighbours: Neighbours) -> Self {
        match neighbours {
            Neighbours::AddRemove => Self::AddRemove,
            Neighbours::ZeroOut => Self::ZeroOut,
            Neighbours::ReplaceOne => Self::ReplaceOne,
        }
    }
}

#[derive(Args)]
pub(crate) struct File {
    /// A ledger.jsonl, or the folder of a run
    ledger: PathBuf,
}

pub(crate) fn run(command: &Command, terminal: Terminal) -> Result<Exit, Failure> {
    match command {
        Command::Epsilon(arguments) => forward(arguments, terminal),
        Command::Plan(arguments) => backward(arguments, terminal),
        Command::Show(file) => ledger::show(&file.ledger, terminal),
        Command::Verify(file) => ledger::verify(&file.ledger, terminal),
    }
}

fn forward(arguments: &Forward, terminal: Terminal) -> Result<Exit, Failure> {
    let adjacency = arguments.target.adjacency.into();
    let (delta, rate, noise) = (arguments.target.delta, arguments.sampling_rate, arguments.noise_multiplier);
    let bound = privet_dp::account(&sampled(rate, noise, arguments.steps), delta, adjacency)
        .map_err(|error| unsupported(&error))?;
    if terminal.json {
        terminal.json(&json!({
            "epsilon": rounded(bound.epsilon_upper), "delta": delta, "adjacency": adjacency, "privacy_unit": null,
            "engine": bound.engine, "order": bound.order, "sampling_rate": rate.get(),
            "noise_multiplier": noise, "steps": arguments.steps,
        }));
    } else {
        let head = terminal.bold(&format!("epsilon {} at delta {:e}", shown(bound.epsilon_upper), delta.get()));
        terminal.out(&format!("{head}\n{}", assumptions(adjacency, &bound)));
    }
    Ok(Exit::Done)
}

/// What a target costs: the noise, and the epsilon that this noise really reaches.
#[derive(Clone, Copy)]
struct Solved {
    noise: NoiseMultiplier,
    bound: Certificate,
}

fn solve(target: &Calibrate) -> Result<Solved, privet_dp::Unreachable> {
    let noise = privet_dp::calibrate(target)?;
    let event = sampled(target.sampling_rate, noise, target.steps);
    Ok(Solved { noise, bound: privet_dp::account(&event, target.delta, target.adjacency)? })
}

fn backward(arguments: &Backward, terminal: Terminal) -> Result<Exit, Failure> {
    let target = Calibrate {
        epsilon: arguments.epsilon,
        delta: arguments.target.delta,
        sampling_rate: rate(arguments)?,
        steps: arguments.steps,
        adjacency: arguments.target.adjacency.into(),
    };
    if let Some(bound) = arguments.dataset_size_bound {
        below_one_over(target.delta, bound)?;
    }
    let solved = solve(&target).map_err(|error| {
        Failure::usage("no noise multiplier reaches this target")
            .why(error.to_string())
            .help("allow a larger epsilon, fewer steps, or a smaller sampling rate")
    })?;
    let what_if = what_if(&target);
    if terminal.json {
        let cases = what_if.iter().map(|(name, case)| match case {
            Some(case) => {
                json!({ "case": name, "noise_multiplier": case.noise, "epsilon": rounded(case.bound.epsilon_upper) })
            }
            None => json!({ "case": name, "noise_multiplier": null, "epsilon": null }),
        });
        terminal.json(&json!({
            "noise_multiplier": solved.noise, "epsilon": rounded(solved.bound.epsilon_upper), "target_epsilon": target.epsilon,
            "delta": target.delta, "adjacency": target.adjacency, "privacy_unit": null,
            "engine": solved.bound.engine, "order": solved.bound.order,
            "sampling_rate": target.sampling_rate.get(), "steps": target.steps,
            "what_if": cases.collect::<Vec<_>>(),
        }));
        return Ok(Exit::Done);
    }
    terminal.out(&format!(
        "{}\nepsilon {} at delta {:e}; {} steps at sampling rate {:.6}\n{}\n\n{}",
        terminal.bold(&format!("noise multiplier {}", up(solved.noise))),
        shown(solved.bound.epsilon_upper),
        target.delta.get(),
        target.steps,
        target.sampling_rate.get(),
        assumptions(target.adjacency, &solved.bound),
        table(&rows(solved, &what_if)),
    ));
    Ok(Exit::Done)
}

fn below_one_over(delta: Delta, bound: u64) -> Result<(), Failure> {
    if delta.get() < 1.0 / bound as f64 {
        return Ok(());
    }
    Err(Failure::usage(format!("delta {:e} is not below 1/{bound}", delta.get()))
        .at("--delta")
        .why("publishing one whole record, drawn at random, would meet such a delta")
        .help(format!("choose a delta below {:e}, for example {:e}", 1.0 / bound as f64, suggested_delta(bound))))
}

/// The target with one thing changed at a time; `None` where it is out of reach.
fn what_if(target: &Calibrate) -> Vec<(&'static str, Option<Solved>)> {
    let batch = |factor: f64| {
        let sampling_rate = SamplingRate::from_f64((target.sampling_rate.get() * factor).min(1.0));
        sampling_rate.map(|sampling_rate| Calibrate { sampling_rate, ..*target }).ok()
    };
    let steps = |steps: u64| Some(Calibrate { steps, ..*target });
    let epsilon =
        |factor: f64| Epsilon::new(target.epsilon.get() * factor).map(|epsilon| Calibrate { epsilon, ..*target }).ok();
    let cases = [
        ("half the steps", steps(target.steps.div_ceil(2))),
        ("twice the steps", steps(target.steps.saturating_mul(2))),
        ("half the batch", batch(0.5)),
        ("twice the batch", batch(2.0)),
        ("half the epsilon", epsilon(0.5)),
        ("twice the epsilon", epsilon(2.0)),
    ];
    cases.into_iter().map(|(name, case)| (name, case.and_then(|case| solve(&case).ok()))).collect()
}

fn rows(solved: Solved, what_if: &[(&str, Option<Solved>)]) -> Vec<Vec<String>> {
    let row = |name: &str, case: Option<Solved>| match case {
        Some(case) => vec![name.to_owned(), up(case.noise), shown(case.bound.epsilon_upper)],
        None => vec![name.to_owned(), String::from("out of reach")],
    };
    let mut rows = vec![["what if", "noise multiplier", "epsilon"].map(String::from).to_vec()];
    rows.push(row("as asked", Some(solved)));
    rows.extend(what_if.iter().map(|(name, case)| row(name, *case)));
    rows
}

/// An epsilon as it is printed: four digits, rounded up.
fn rounded(epsilon: Epsilon) -> f64 {
    privet_dp::round_up(epsilon.get(), 4)
}

/// The same as text.
fn shown(epsilon: Epsilon) -> String {
    format!("{:.4}", rounded(epsilon))
}

/// A noise multiplier is shown rounded up too: noise added by hand from the shown figure must not fall short.
fn up(noise: NoiseMultiplier) -> String {
    format!("{:.4}", privet_dp::round_up(noise.get(), 4))
}

fn rate(arguments: &Backward) -> Result<SamplingRate, Failure> {
    if let Some(rate) = arguments.sampling_rate {
        return Ok(rate);
    }
    // clap has made sure that both are there.
    let (bound, batch) = (arguments.dataset_size_bound.unwrap_or(0), arguments.expected_batch_size.unwrap_or(0));
    SamplingRate::from_ratio(batch, bound).map_err(|_| {
        Failure::usage(format!("an expected batch of {batch} is larger than a dataset of {bound}"))
            .at("--expected-batch-size")
            .help("choose an expected batch size of at most `--dataset-size-bound`")
    })
}

/// A tenth of 1/N, cut to a power of ten.
fn suggested_delta(bound: u64) -> f64 {
    10_f64.powi(-(i32::try_from(bound.ilog10()).unwrap_or(18) + 2))
}

fn sampled(sampling_rate: SamplingRate, noise_multiplier: NoiseMultiplier, count: u64) -> Event {
    let event = Box::new(Event::PoissonSampledGaussian { sampling_rate, noise_multiplier });
    Event::Repeated { event, count }
}

/// What the figure rests on.
fn assumptions(adjacency: Adjacency, bound: &Certificate) -> String {
    format!(
        "neighbours: {}; unit: whatever one sampled record is\nmethod: {}; Poisson sampling, Gaussian noise; an upper \
         bound, rounded up",
        neighbours(adjacency),
        method(bound.engine, bound.order),
    )
}

/// The adjacency in words.
pub(crate) fn neighbours(adjacency: Adjacency) -> &'static str {
    match adjacency {
        Adjacency::AddRemove => "add-remove (one unit more or less)",
        Adjacency::ZeroOut => "zero-out (one unit emptied)",
        Adjacency::ReplaceOne => "replace-one (one unit exchanged)",
    }
}

fn unsupported(error: &privet_dp::Unsupported) -> Failure {
    Failure::usage("the accountant cannot bound this mechanism")
        .why(error.to_string())
        .help("ask for an adjacency that is supported, or for the figure without sampling (--sampling-rate 1)")
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number"))
}

fn sampling_rate(text: &str) -> Result<SamplingRate, String> {
    SamplingRate::from_f64(number(text)?).map_err(|error| error.to_string())
}

fn noise_multiplier(text: &str) -> Result<NoiseMultiplier, String> {
    NoiseMultiplier::new(number(text)?).map_err(|error| error.to_string())
}

fn delta(text: &str) -> Result<Delta, String> {
    Delta::new(number(text)?).map_err(|error| error.to_string())
}

fn epsilon(text: &str) -> Result<Epsilon, String> {
    Epsilon::new(number(text)?).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::suggested_delta;

    #[test]
    fn the_suggested_delta_lies_well_below_one_over_n() {
        for bound in [1_u64, 9, 10, 25_000, 1_000_000] {
            assert!(suggested_delta(bound) <= 0.1 / bound as f64 * 1.000_001, "{bound}");
        }
    }
}
