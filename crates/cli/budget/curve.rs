//! `privet budget curve`: the whole privacy curve of a run.
//!
//! Every epsilon has its delta; one guarantee is one point of the curve. What the curve means for an attacker and for
//! groups follows from it ([`attack`]).

use std::path::PathBuf;

use clap::Args;
use privet_dp::{Delta, DeltaCertificate, Epsilon, Event};
use serde_json::json;

use super::arguments::{Neighbours, Run};
use super::attack::{self, Attack};
use super::figures::{self, Basis};
use super::{plot, unsupported};
use crate::failure::{Exit, Failure};
use crate::terminal::{Terminal, table};

/// Rows of a table whose range nobody gave.
const ROWS: usize = 21;
/// Points of a picture, at least.
const POINTS: usize = 200;
/// Most points that can be asked for.
const POINTS_MAX: usize = 100_000;
/// A range that nobody gave ends where delta is this small.
const DELTA_LAST: f64 = 1e-10;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    run: Run,
    #[command(flatten)]
    neighbours: Neighbours,
    /// Epsilons of the table; without it 21, from 0 to where delta is below 1e-10
    #[arg(long, value_name = "FROM:TO:COUNT", value_parser = range)]
    epsilons: Option<Range>,
    /// Also what a test for one unit can reach: true positive rates and right guesses
    #[arg(long)]
    trade_off: bool,
    /// Also epsilon at this delta, for one unit and for groups of 2 to 10
    #[arg(long, value_name = "D", value_parser = super::arguments::delta)]
    delta: Option<Delta>,
    /// Draw the curve into this SVG file
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// Evenly spaced numbers, both ends included.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Range {
    from: f64,
    to: f64,
    count: usize,
}

pub(super) fn run(arguments: &Arguments, terminal: Terminal) -> Result<Exit, Failure> {
    if let Some(path) = &arguments.plot {
        plot::check(path)?;
    }
    let (adjacency, mechanism) = (arguments.neighbours.adjacency(), &arguments.run.mechanism);
    let (scheme, phases) = arguments.run.resolve()?;
    let event = scheme.events(&phases);
    let last = Delta::new(DELTA_LAST).map_err(|error| Failure::usage(error.to_string()))?;
    let certificate = privet_dp::account(&event, last, adjacency).map_err(|error| unsupported(&error))?;
    let range = arguments.epsilons.unwrap_or_else(|| automatic(certificate.epsilon_upper));
    let basis = Basis {
        adjacency,
        sampling: mechanism.sampling,
        group_size: mechanism.group_size,
        unamplified: certificate.unamplified,
    };
    let points = curve(&event, range, basis)?;
    if let Some(path) = &arguments.plot {
        let picture = curve(&event, Range { count: POINTS.max(range.count), ..range }, basis)?;
        plot::write(path, &plot::svg(&picture, &basis.mechanism(), &basis.compared()))?;
    }
    let attack = arguments.trade_off.then(|| Attack::new(&event, adjacency)).transpose();
    let attack = attack.map_err(|error| unsupported(&error))?;
    let groups =
        arguments.delta.map(|delta| attack::groups(&event, delta, adjacency, mechanism.group_size)).transpose();
    let groups = groups.map_err(|error| unsupported(&error))?;
    if terminal.json {
        let points = points.iter().map(|point| {
            let DeltaCertificate { epsilon, delta_lower, delta_upper, engine, .. } = point;
            json!({ "epsilon": epsilon, "delta_lower": delta_lower, "delta_upper": delta_upper, "engine": engine })
        });
        terminal.json(&json!({
            "adjacency": adjacency, "privacy_unit": null, "group_size": mechanism.group_size,
            "unamplified": certificate.unamplified, "sampling": mechanism.sampling.name(),
            "dataset_size": mechanism.dataset_size, "batch_size": mechanism.batch_size,
            "phases": figures::phases(&phases), "curve": points.collect::<Vec<_>>(),
            "attack": attack.as_ref().map(Attack::as_json), "delta": arguments.delta, "groups": groups, "plot": arguments.plot,
        }));
        return Ok(Exit::Done);
    }
    let mut parts = vec![terminal.bold("Delta by epsilon"), table(&rows(&points))];
    parts.extend(attack.map(|attack| attack.text(terminal)));
    if let (Some(groups), Some(delta)) = (&groups, arguments.delta) {
        parts.push(attack::groups_text(groups, delta, terminal));
    }
    parts.push(basis.lines(&methods(&points)));
    if let Some(path) = &arguments.plot {
        parts.push(format!("drawn in {}", path.display()));
    }
    terminal.out(&parts.join("\n"));
    Ok(Exit::Done)
}

fn curve(event: &Event, range: Range, basis: Basis) -> Result<Vec<DeltaCertificate>, Failure> {
    privet_dp::curve(event, &range.epsilons()?, basis.adjacency).map_err(|error| unsupported(&error))
}

fn rows(points: &[DeltaCertificate]) -> Vec<Vec<String>> {
    let mut rows = vec![["epsilon", "delta at least", "delta at most"].map(String::from).to_vec()];
    rows.extend(points.iter().map(|point| {
        let (lower, upper) = (figures::probability_down(point.delta_lower), figures::probability_up(point.delta_upper));
        vec![point.epsilon.get().to_string(), lower, upper]
    }));
    rows
}

/// The methods behind the points, each once.
fn methods(points: &[DeltaCertificate]) -> String {
    let mut names: Vec<String> = Vec::new();
    for name in points.iter().map(|point| privet_report::method(point.engine, None)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join("; ")
}

/// Round numbers from 0 to at least `last`.
fn automatic(last: Epsilon) -> Range {
    let steps = (ROWS - 1) as f64;
    let least = if last.get() > 0.0 { last.get() / steps } else { 1.0 / steps };
    let power = 10f64.powi(least.log10().floor() as i32);
    let step = [1.0, 2.0, 5.0].map(|factor| factor * power).into_iter().find(|step| *step >= least);
    Range { from: 0.0, to: step.unwrap_or(10.0 * power) * steps, count: ROWS }
}

impl Range {
    fn epsilons(self) -> Result<Vec<Epsilon>, Failure> {
        let last = (self.count - 1).max(1) as f64;
        let one = |index: usize| {
            let exact = self.from + (self.to - self.from) * (index as f64 / last);
            // Twelve digits, so that 0.3 is not 0.30000000000000004; the curve is asked at the number that is shown.
            Epsilon::new(format!("{exact:.12e}").parse().unwrap_or(exact))
        };
        (0..self.count).map(one).collect::<Result<_, _>>().map_err(|error| Failure::usage(error.to_string()))
    }
}

fn range(text: &str) -> Result<Range, String> {
    let example = "a range is from:to:count, for example 0:5:51";
    let [from, to, count] = text.split(':').collect::<Vec<_>>()[..] else { return Err(example.to_owned()) };
    let end = |text: &str| text.parse::<f64>().ok().filter(|end| (0.0..=1e300).contains(end)).ok_or(example);
    let (from, to) = (end(from)?, end(to)?);
    let count = count.parse::<usize>().map_err(|_| example)?;
    if !(1..=POINTS_MAX).contains(&count) || to < from {
        return Err(format!("{example}; it rises and has 1 to {POINTS_MAX} numbers"));
    }
    Ok(Range { from, to, count })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_both_ends_and_round_numbers() {
        let numbers = |text: &str| -> Vec<f64> {
            range(text).unwrap().epsilons().unwrap().into_iter().map(Epsilon::get).collect()
        };
        assert_eq!(numbers("0:1:11")[3].to_string(), "0.3");
        assert_eq!(numbers("2:4:3"), [2.0, 3.0, 4.0]);
        assert_eq!(numbers("2:4:1"), [2.0]);
        for wrong in ["", "1", "1:2", "2:1:5", "0:1:0", "-1:1:5", "0:NaN:5", "0:inf:5", "0:1:100001", "0:1:2:3"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_range_that_nobody_gave_reaches_the_last_epsilon() {
        for last in [0.0, 1e-9, 0.3, 1.0, 7.3, 20.0, 123_456.0] {
            let range = automatic(Epsilon::new(last).unwrap());
            assert!(range.to >= last && (last == 0.0 || range.to <= 5.1 * last), "{last}: {range:?}");
        }
    }
}
