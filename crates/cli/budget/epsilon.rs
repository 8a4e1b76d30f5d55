//! `privet budget epsilon`: what a run costs.

use clap::Args;
use privet_dp::Certificate;
use serde_json::json;

use super::arguments::{Run, Target};
use super::{figures, unsupported};
use crate::failure::{Exit, Failure};
use crate::terminal::Terminal;

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
    let certificate =
        privet_dp::account(&scheme.events(&phases), delta, adjacency).map_err(|error| unsupported(&error))?;
    if terminal.json {
        let Certificate { epsilon_lower, epsilon_upper, engine, order, unamplified, .. } = certificate;
        terminal.json(&json!({
            "epsilon": figures::rounded(epsilon_upper), "epsilon_lower": epsilon_lower, "epsilon_upper": epsilon_upper,
            "delta": delta, "adjacency": adjacency, "privacy_unit": null, "group_size": mechanism.group_size,
            "engine": engine, "order": order, "unamplified": unamplified,
            "sampling": mechanism.sampling.name(), "dataset_size": mechanism.dataset_size,
            "batch_size": mechanism.batch_size, "phases": figures::phases(&phases),
        }));
        return Ok(Exit::Done);
    }
    terminal.out(&format!(
        "{}\n{}\n{}",
        terminal.bold(&format!("epsilon {} at delta {:e}", figures::shown(certificate.epsilon_upper), delta.get())),
        from_below(&certificate),
        figures::assumptions(&certificate, mechanism),
    ));
    Ok(Exit::Done)
}

/// What is proven from the other side.
pub(super) fn from_below(certificate: &Certificate) -> String {
    if certificate.epsilon_lower.get() > 0.0 {
        format!("the true figure is at least {}", figures::shown_down(certificate.epsilon_lower))
    } else {
        String::from("nothing is proven from below")
    }
}
