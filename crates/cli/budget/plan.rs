//! `privet budget plan`: from a target epsilon to the noise, steps, sampling rate or batch that it allows, and what a
//! change of one thing would do. No answer exceeds the target.

mod search;

use clap::Args;
use privet_dp::{Certificate, Delta, Epsilon, NoiseMultiplier, SamplingRate, Unreachable, round_up};
use serde_json::{Value, json};

use super::arguments::{self, Mechanism, Target};
use super::figures;
use super::mechanism::{Phase, Scheme};
use crate::failure::{Exit, Failure};
use crate::terminal::{Terminal, table};
use search::{Answer, Question, Solve, solve, what_if};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The epsilon not to exceed
    #[arg(long, value_name = "E", value_parser = arguments::epsilon)]
    epsilon: Epsilon,
    /// What to look for; all else is given
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    solve: Solve,
    #[command(flatten)]
    mechanism: Mechanism,
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(arguments: &Arguments, terminal: Terminal) -> Result<Exit, Failure> {
    let question = question(arguments)?;
    if let Some(bound) = arguments.mechanism.dataset_size {
        below_one_over(question.delta, bound)?;
    }
    let answer = solve(&question).map_err(|error| unreachable(&error))?.ok_or_else(|| too_small(question.solve))?;
    let what_if = what_if(&question);
    if terminal.json {
        terminal.json(&as_json(arguments, &question, &answer, &what_if));
        return Ok(Exit::Done);
    }
    let Phase { sampling_rate, noise_multiplier, steps } = answer.phase;
    let mechanism = &arguments.mechanism;
    terminal.out(&format!(
        "{}\nepsilon {} at delta {:e}; {} steps, noise multiplier {}, sampling rate {}\n{}\n\n{}",
        terminal.bold(&format!("{} {}", name(question.solve), found(&question, &answer))),
        figures::shown(answer.certificate.epsilon_upper),
        question.delta.get(),
        steps,
        up(noise_multiplier),
        figures::probability_down(sampling_rate.get()),
        figures::assumptions(&answer.certificate, mechanism),
        table(&rows(&question, &answer, &what_if)),
    ));
    Ok(Exit::Done)
}

/// The question that the flags ask.
fn question(arguments: &Arguments) -> Result<Question, Failure> {
    let (solve, mechanism) = (arguments.solve, &arguments.mechanism);
    let given = match solve {
        Solve::Noise => mechanism.noise_multiplier.map(|_| "--noise-multiplier"),
        Solve::Steps => mechanism.steps.map(|_| "--steps"),
        Solve::SamplingRate => mechanism.sampling_rate.map(|_| "--sampling-rate"),
        Solve::BatchSize => mechanism.batch_size.map(|_| "--batch-size"),
    };
    if let Some(flag) = given {
        return Err(Failure::usage(format!("`{flag}` is given, and it is what `plan` looks for"))
            .at(flag)
            .help(format!("leave out `{flag}`, or look for something else with `--solve`")));
    }
    let scheme = mechanism.scheme(solve == Solve::BatchSize)?;
    let solvable = match solve {
        Solve::Noise | Solve::Steps => true,
        Solve::SamplingRate => mechanism.sampling != arguments::Sampling::None && scheme.draws_at_rate(),
        Solve::BatchSize => {
            mechanism.sampling == arguments::Sampling::Poisson || matches!(scheme, Scheme::WithoutReplacement { .. })
        }
    };
    if !solvable {
        return Err(Failure::usage(format!(
            "`--sampling {}` has no {} to look for",
            mechanism.sampling.name(),
            name(solve)
        ))
        .at("--solve")
        .why("sampling rates belong to poisson and truncated-poisson, batch sizes to poisson and without-replacement")
        .help("look for noise or steps instead"));
    }
    let open = |error: privet_dp::OutOfRange| Failure::usage(error.to_string());
    let dataset_size = match solve {
        Solve::BatchSize => Some(mechanism.dataset_size.ok_or_else(|| mechanism.missing("--dataset-size"))?),
        _ => None,
    };
    let sampling_rate = match solve {
        Solve::SamplingRate | Solve::BatchSize => SamplingRate::from_f64(1.0).map_err(open)?,
        _ => mechanism.rate()?,
    };
    let noise_multiplier = match solve {
        Solve::Noise => NoiseMultiplier::new(1.0).map_err(open)?,
        _ => mechanism.noise()?,
    };
    let steps = if solve == Solve::Steps { 0 } else { mechanism.steps(scheme)? };
    let (epsilon, delta) = (arguments.epsilon, arguments.target.delta);
    let adjacency = arguments.target.neighbours.adjacency();
    let phase = Phase { sampling_rate, noise_multiplier, steps };
    Ok(Question { solve, epsilon, delta, adjacency, scheme, phase, dataset_size })
}

fn too_small(solve: Solve) -> Failure {
    let smallest = if solve == Solve::Steps { "one step" } else { "one unit per batch" };
    Failure::usage("not even the smallest run reaches this target")
        .why(format!("{smallest} already costs more"))
        .help("allow a larger epsilon or delta, or add noise")
}

fn unreachable(error: &Unreachable) -> Failure {
    if let Unreachable::Unsupported(error) = error {
        return super::unsupported(error);
    }
    Failure::usage("nothing reaches this target")
        .why(error.to_string())
        .help("allow a larger epsilon, fewer steps, or a smaller sampling rate")
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

/// A tenth of 1/N, cut to a power of ten.
fn suggested_delta(bound: u64) -> f64 {
    10_f64.powi(-(i32::try_from(bound.ilog10()).unwrap_or(18) + 2))
}

fn rows(question: &Question, answer: &Answer, what_if: &[(&str, Option<Answer>)]) -> Vec<Vec<String>> {
    let row = |name: &str, case: Option<&Answer>| match case {
        Some(case) => vec![name.to_owned(), found(question, case), figures::shown(case.certificate.epsilon_upper)],
        None => vec![name.to_owned(), String::from("out of reach")],
    };
    let mut rows = vec![["what if", name(question.solve), "epsilon"].map(String::from).to_vec()];
    rows.push(row("as asked", Some(answer)));
    rows.extend(what_if.iter().map(|(name, case)| row(name, case.as_ref())));
    rows
}

/// The unknown in words.
fn name(solve: Solve) -> &'static str {
    match solve {
        Solve::Noise => "noise multiplier",
        Solve::Steps => "steps",
        Solve::SamplingRate => "sampling rate",
        Solve::BatchSize => "batch size",
    }
}

/// The number that was looked for, rounded to the side that costs less.
fn found(question: &Question, answer: &Answer) -> String {
    match question.solve {
        Solve::Noise => up(answer.phase.noise_multiplier),
        Solve::Steps => answer.phase.steps.to_string(),
        Solve::SamplingRate => figures::probability_down(answer.phase.sampling_rate.get()),
        Solve::BatchSize => answer.batch_size.unwrap_or(0).to_string(),
    }
}

/// A noise multiplier is shown rounded up: noise added by hand from the shown figure must not fall short.
fn up(noise: NoiseMultiplier) -> String {
    format!("{:.4}", round_up(noise.get(), 4))
}

fn as_json(arguments: &Arguments, question: &Question, answer: &Answer, what_if: &[(&str, Option<Answer>)]) -> Value {
    let figures = |answer: &Answer| {
        json!({
            "noise_multiplier": answer.phase.noise_multiplier, "steps": answer.phase.steps,
            "sampling_rate": answer.phase.sampling_rate.get(), "batch_size": answer.batch_size,
            "epsilon": figures::rounded(answer.certificate.epsilon_upper),
        })
    };
    let cases = what_if.iter().map(|(name, case)| json!({ "case": name, "answer": case.as_ref().map(figures) }));
    let mut object = figures(answer);
    let Certificate { epsilon_lower, epsilon_upper, engine, order, unamplified, .. } = answer.certificate;
    let rest = json!({
        "epsilon_lower": epsilon_lower, "epsilon_upper": epsilon_upper, "target_epsilon": question.epsilon,
        "delta": question.delta, "adjacency": question.adjacency, "privacy_unit": null,
        "group_size": arguments.mechanism.group_size, "engine": engine, "order": order, "unamplified": unamplified,
        "solved": name(question.solve), "sampling": arguments.mechanism.sampling.name(),
        "what_if": cases.collect::<Vec<_>>(),
    });
    if let (Value::Object(object), Value::Object(rest)) = (&mut object, rest) {
        object.extend(rest);
    }
    object
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
