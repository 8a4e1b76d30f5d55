//! `privet budget explain`: what every engine says about a run, and whose answer is taken.

use clap::Args;
use privet_dp::{Engine, Opinion};
use serde_json::json;

use super::arguments::{Run, Target};
use super::{figures, unsupported};
use crate::failure::{Exit, Failure};
use crate::terminal::{Terminal, table};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    run: Run,
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(arguments: &Arguments, terminal: Terminal) -> Result<Exit, Failure> {
    let (delta, adjacency) = (arguments.target.delta, arguments.target.neighbours.adjacency());
    let mechanism = &arguments.run.mechanism;
    let (scheme, phases) = arguments.run.resolve()?;
    let event = scheme.events(&phases);
    let opinions = privet_dp::explain(&event, delta, adjacency).map_err(|error| unsupported(&error))?;
    if terminal.json {
        terminal.json(&json!({
            "delta": delta, "adjacency": adjacency, "privacy_unit": null, "group_size": mechanism.group_size,
            "sampling": mechanism.sampling.name(), "phases": figures::phases(&phases), "engines": opinions,
        }));
        return Ok(Exit::Done);
    }
    let mut rows = vec![["engine", "epsilon at least", "at most", "taken", "why"].map(String::from).to_vec()];
    rows.extend(opinions.iter().map(row));
    let chosen = opinions.iter().find(|opinion| opinion.chosen).and_then(|opinion| opinion.certificate);
    let rests = chosen.map(|certificate| figures::assumptions(&certificate, mechanism));
    terminal.out(&format!(
        "{}\n{}\n{}",
        terminal.bold(&format!("Epsilon at delta {:e}, engine by engine", delta.get())),
        table(&rows),
        rests.unwrap_or_default(),
    ));
    Ok(Exit::Done)
}

fn row(opinion: &Opinion) -> Vec<String> {
    let figure = |show: fn(privet_dp::Epsilon) -> String, of: fn(&privet_dp::Certificate) -> privet_dp::Epsilon| {
        opinion.certificate.as_ref().map_or_else(|| String::from("-"), |certificate| show(of(certificate)))
    };
    vec![
        name(opinion.engine).to_owned(),
        figure(figures::shown_down, |certificate| certificate.epsilon_lower),
        figure(figures::shown, |certificate| certificate.epsilon_upper),
        String::from(if opinion.chosen { "yes" } else { "" }),
        opinion.reason.clone(),
    ]
}

/// As in JSON.
fn name(engine: Engine) -> &'static str {
    match engine {
        Engine::ClosedForm => "closed-form",
        Engine::Contour => "contour",
        Engine::Grid => "grid",
        Engine::Rdp => "rdp",
    }
}
