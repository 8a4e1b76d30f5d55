//! Numbers and names as every rendering prints them.
//!
//! There is one way to print an epsilon, [`guarantee`]: rounded up, and with its delta, privacy unit and adjacency in the
//! same breath. Values from a plan are text that somebody else wrote; [`clean`] keeps them on one line and takes out
//! what could steer a terminal.

use privet_dp::{Adjacency, Engine, PrivacyUnit, round_up};

/// epsilon with everything it depends on.
pub(crate) fn guarantee(epsilon: f64, delta: f64, unit: PrivacyUnit, adjacency: Adjacency) -> String {
    format!("epsilon = {} {}", rounded(epsilon), context(delta, unit, adjacency))
}

/// An audit's lower bound, rounded down, with everything it depends on.
pub(crate) fn at_least(epsilon: f64, delta: f64, unit: PrivacyUnit, adjacency: Adjacency) -> String {
    format!("epsilon = {:.3} {}", (epsilon * 1000.0).floor() / 1000.0, context(delta, unit, adjacency))
}

/// What an epsilon must be accompanied by.
pub(crate) fn context(delta: f64, unit: PrivacyUnit, adjacency: Adjacency) -> String {
    format!("at delta = {delta:e} per {} under {} adjacency", unit_name(unit), adjacency_name(adjacency))
}

/// Decimals of a stated epsilon: two, and three below 1, where two would round too much away.
pub(crate) fn decimals(epsilon: f64) -> u32 {
    if epsilon < 1.0 { 3 } else { 2 }
}

/// epsilon rounded up, as a string; only for places whose surroundings name delta, unit and adjacency.
pub(crate) fn rounded(epsilon: f64) -> String {
    let digits = decimals(epsilon);
    format!("{:.*}", digits as usize, round_up(epsilon, digits))
}

/// The method behind an epsilon, in words that follow "computed with".
pub fn method(engine: Engine, order: Option<f64>) -> String {
    let name = match engine {
        Engine::ClosedForm => "the exact curve of the Gaussian mechanism",
        Engine::Contour => "the exact contour integral, certified from both sides",
        Engine::Grid => "a tilted convolution grid, certified from both sides",
        Engine::Rdp => "Renyi differential privacy",
    };
    order.map_or_else(|| name.to_owned(), |order| format!("{name}, at order {}", number(order)))
}

pub(crate) fn unit_name(unit: PrivacyUnit) -> &'static str {
    match unit {
        PrivacyUnit::Sequence => "sequence",
        PrivacyUnit::Document => "document",
        PrivacyUnit::User => "user",
    }
}

pub(crate) fn adjacency_name(adjacency: Adjacency) -> &'static str {
    match adjacency {
        Adjacency::AddRemove => "add-remove",
        Adjacency::ZeroOut => "zero-out",
        Adjacency::ReplaceOne => "replace-one",
    }
}

/// What makes two data sets neighbours.
pub(crate) fn neighbours(unit: PrivacyUnit, adjacency: Adjacency) -> String {
    let unit = unit_name(unit);
    match adjacency {
        Adjacency::AddRemove => format!("one of them has a {unit} that the other lacks"),
        Adjacency::ZeroOut => format!("one of them has, in place of a {unit}, an empty one that contributes nothing"),
        Adjacency::ReplaceOne => format!("one {unit} has different content"),
    }
}

/// A share as a percentage, rounded up, never above 100.
pub(crate) fn percent_up(share: f64) -> String {
    format!("{} %", round_up(100.0 * share, 2).min(100.0))
}

/// A delta that was computed here, rounded up to three digits; the delta of a plan is printed as it is.
pub(crate) fn delta_up(delta: f64) -> f64 {
    let rounded: f64 = format!("{delta:.2e}").parse().unwrap_or(delta);
    if rounded >= delta {
        return rounded;
    }
    // One more unit in the third digit.
    let up = rounded + 10f64.powi(delta.log10().floor() as i32 - 2);
    format!("{up:.2e}").parse().unwrap_or(delta)
}

/// `1 step`, `2 steps`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A number with at most six significant digits after leading zeros: `0.01024`, `256`, `1.5e-7`.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e9).contains(&size) {
        return format!("{value:e}");
    }
    let digits = if size >= 1.0 || size == 0.0 { 4 } else { 6 + (-size.log10()).floor() as usize };
    let text = format!("{value:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// One line without control characters and without characters that reorder the text around them.
pub(crate) fn clean(text: &str) -> String {
    let steers = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { ' ' } else { c }).collect()
}
