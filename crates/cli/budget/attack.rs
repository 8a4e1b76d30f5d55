//! The curve as somebody who attacks reads it: what no test for one unit, and no test for a group, can exceed.

use privet_dp::{Adjacency, Delta, Epsilon, Event, TradeOff, Unsupported};
use serde::Serialize;
use serde_json::{Value, json};

use super::figures;
use crate::terminal::{Terminal, table};

/// How likely it is, to whoever guesses, that the unit was used: a coin, one in ten, one in a hundred.
const PRIORS: [f64; 3] = [0.5, 0.1, 0.01];
/// Group sizes of the table.
const GROUPS: std::ops::RangeInclusive<u32> = 1..=10;

/// Bounds on every membership test.
pub(super) struct Attack {
    trade_off: Vec<TradeOff>,
    /// Prior, and probability that the best guess is right.
    success: Vec<(f64, f64)>,
}

impl Attack {
    pub(super) fn new(event: &Event, adjacency: Adjacency) -> Result<Self, Unsupported> {
        let trade_off = privet_dp::trade_off(event, adjacency, &privet_dp::standard_false_positive_rates())?;
        let success = |prior: f64| Ok((prior, privet_dp::attack_success(event, adjacency, prior)?));
        Ok(Self { trade_off, success: PRIORS.into_iter().map(success).collect::<Result<_, _>>()? })
    }

    pub(super) fn as_json(&self) -> Value {
        let success = self.success.iter().map(|(prior, most)| json!({ "prior": prior, "success_rate_upper": most }));
        json!({ "trade_off": self.trade_off, "attack_success": success.collect::<Vec<_>>() })
    }

    pub(super) fn text(&self, terminal: Terminal) -> String {
        let mut rates = vec![["false positive rate", "true positive rate at most"].map(String::from).to_vec()];
        rates.extend(self.trade_off.iter().map(|point| {
            vec![percent(point.false_positive_rate), figures::probability_up(point.true_positive_rate_upper)]
        }));
        let mut guesses =
            vec![["share of units used", "right guesses at most", "without the release"].map(String::from).to_vec()];
        guesses.extend(self.success.iter().map(|(prior, most)| {
            vec![percent(*prior), figures::probability_up(*most), figures::probability_up(prior.max(1.0 - prior))]
        }));
        format!(
            "{}\n{}\n{}\n{}",
            terminal.bold("No test for one unit does better"),
            table(&rates),
            terminal.bold("No guess about one unit does better"),
            table(&guesses)
        )
    }
}

/// The guarantee for a group; a unit of the question may be several units already.
#[derive(Serialize)]
pub(super) struct Group {
    units: u32,
    /// `None` where nothing is proven at this delta.
    epsilon: Option<Epsilon>,
    /// From the group's own law, not converted from the bound for one unit.
    tight: bool,
}

/// The guarantee for one unit and for groups of them.
pub(super) fn groups(event: &Event, delta: Delta, adjacency: Adjacency, size: u32) -> Result<Vec<Group>, Unsupported> {
    let group = |count: u32| {
        let units = count.saturating_mul(size);
        match privet_dp::groups(event, delta, adjacency, count..=count).map(|bounds| bounds.first().copied()) {
            Ok(Some(bound)) => Ok(Group { units, epsilon: Some(bound.epsilon), tight: bound.tight }),
            Ok(None) | Err(Unsupported::Unbounded) => Ok(Group { units, epsilon: None, tight: false }),
            Err(error) => Err(error),
        }
    };
    GROUPS.map(group).collect()
}

pub(super) fn groups_text(groups: &[Group], delta: Delta, terminal: Terminal) -> String {
    let mut rows = vec![["units at once", "epsilon", "from"].map(String::from).to_vec()];
    rows.extend(groups.iter().map(|group| {
        let from = if group.tight { "its own law" } else { "converted from one unit, which loses much" };
        let epsilon = group.epsilon.map_or_else(|| String::from("nothing is proven"), figures::shown);
        vec![group.units.to_string(), epsilon, String::from(if group.epsilon.is_some() { from } else { "" })]
    }));
    format!("{}\n{}", terminal.bold(&format!("Epsilon at delta {:e}, for groups", delta.get())), table(&rows))
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1e6).round() / 1e4)
}
