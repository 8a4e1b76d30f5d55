//! Numbers as this command prints them: what bounds from above is rounded up, what bounds from below is rounded down.

use privet_dp::{Adjacency, Certificate, Epsilon, round_up};
use privet_report::method;
use serde_json::{Value, json};

use super::arguments::{Mechanism, Sampling};
use super::mechanism::Phase;

/// An epsilon as it is printed: four decimals, or four significant digits below 0.1; rounded up.
pub(crate) fn rounded(epsilon: Epsilon) -> f64 {
    round_up(epsilon.get(), decimals(epsilon.get()))
}

/// The same as text.
pub(crate) fn shown(epsilon: Epsilon) -> String {
    text(rounded(epsilon), decimals(epsilon.get()))
}

/// A lower bound on epsilon as text, rounded down.
pub(super) fn shown_down(epsilon: Epsilon) -> String {
    let decimals = decimals(epsilon.get());
    text(0.0 - round_up(0.0 - epsilon.get(), decimals), decimals)
}

fn decimals(value: f64) -> u32 {
    if value > 0.0 && value < 0.1 { (3.0 - value.log10().floor()).min(22.0) as u32 } else { 4 }
}

fn text(value: f64, decimals: u32) -> String {
    if value > 0.0 && value < 1e-4 {
        return format!("{value:e}");
    }
    format!("{value:.*}", decimals as usize)
}

/// A probability with four significant digits, rounded up, never above 1.
pub(super) fn probability_up(value: f64) -> String {
    plain(significant(value, |shown, value| shown >= value).min(1.0))
}

/// A probability with four significant digits, rounded down.
pub(super) fn probability_down(value: f64) -> String {
    plain(significant(value, |shown, value| shown <= value))
}

/// The nearest number with four significant digits for which `holds(number, value)`.
fn significant(value: f64, holds: impl Fn(f64, f64) -> bool) -> f64 {
    let near: f64 = format!("{value:.3e}").parse().unwrap_or(value);
    if holds(near, value) {
        return near;
    }
    // One unit in the fourth digit, to the side that holds; `{:.3e}` prints it without the rounding of the sum.
    let unit = 10f64.powi(value.abs().log10().floor() as i32 - 3);
    [near - unit, near + unit]
        .into_iter()
        .filter_map(|moved| format!("{moved:.3e}").parse().ok())
        .find(|moved| holds(*moved, value))
        .unwrap_or(value)
}

fn plain(value: f64) -> String {
    if value == 0.0 || (1e-3..1e6).contains(&value.abs()) { format!("{value}") } else { format!("{value:e}") }
}

/// What a bound rests on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Basis {
    pub(super) adjacency: Adjacency,
    pub(super) sampling: Sampling,
    pub(super) group_size: u32,
    pub(super) unamplified: bool,
}

impl Basis {
    pub(super) fn of(certificate: &Certificate, mechanism: &Mechanism) -> Self {
        let Certificate { adjacency, unamplified, .. } = *certificate;
        Self { adjacency, sampling: mechanism.sampling, group_size: mechanism.group_size, unamplified }
    }

    /// In two or three lines, with the method that gave the bound.
    pub(super) fn lines(self, method: &str) -> String {
        let gain = self.sampling.words();
        let unamplified = if self.unamplified {
            format!("\nunamplified: no gain from {gain} is proven, so the figure counts none")
        } else {
            String::new()
        };
        format!(
            "{}\nmethod: {method}; {gain}, Gaussian noise; an upper \
             bound, rounded up{unamplified}",
            self.compared(),
        )
    }

    /// Sampling and noise in one line.
    pub(super) fn mechanism(self) -> String {
        let unamplified = if self.unamplified { ", which counts for nothing here" } else { "" };
        format!("{}{unamplified}, Gaussian noise", self.sampling.words())
    }

    /// Neighbours and unit in one line.
    pub(super) fn compared(self) -> String {
        format!("neighbours: {}; unit: whatever one sampled record is", self.who())
    }

    /// The adjacency in words, for one unit or a group.
    fn who(self) -> String {
        match self.group_size {
            1 => neighbours(self.adjacency).to_owned(),
            units => format!("{}, for {units} units at once", neighbours(self.adjacency)),
        }
    }
}

/// What the bound of `certificate` rests on.
pub(super) fn assumptions(certificate: &Certificate, mechanism: &Mechanism) -> String {
    Basis::of(certificate, mechanism).lines(&method(certificate.engine, certificate.order))
}

/// The adjacency in words.
pub(crate) fn neighbours(adjacency: Adjacency) -> &'static str {
    match adjacency {
        Adjacency::AddRemove => "add-remove (one unit more or less)",
        Adjacency::ZeroOut => "zero-out (one unit emptied)",
        Adjacency::ReplaceOne => "replace-one (one unit exchanged)",
    }
}

/// The phases of a run as JSON.
pub(super) fn phases(phases: &[Phase]) -> Value {
    let one = |phase: &Phase| {
        let Phase { sampling_rate, noise_multiplier, steps } = phase;
        json!({ "sampling_rate": sampling_rate.get(), "noise_multiplier": noise_multiplier, "steps": steps })
    };
    phases.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use privet_dp::Epsilon;

    use super::{probability_down, probability_up, shown, shown_down};

    #[test]
    fn bounds_are_rounded_to_their_own_side() {
        let epsilon = |value: f64| Epsilon::new(value).unwrap();
        for (value, up, down) in [
            (0.0, "0.0000", "0.0000"),
            (2.12451, "2.1246", "2.1245"),
            (2.1, "2.1000", "2.1000"),
            (0.012_345_6, "0.01235", "0.01234"),
            (1.234_56e-7, "1.235e-7", "1.234e-7"),
        ] {
            assert_eq!((shown(epsilon(value)).as_str(), shown_down(epsilon(value)).as_str()), (up, down));
        }
        for (value, up, down) in [
            (0.0, "0", "0"),
            (1.0, "1", "1"),
            (0.999_99, "1", "0.9999"),
            (1.000_01e-6, "1.001e-6", "1e-6"),
            (0.123_456, "0.1235", "0.1234"),
            (1e-300, "1e-300", "1e-300"),
        ] {
            assert_eq!((probability_up(value).as_str(), probability_down(value).as_str()), (up, down));
        }
    }
}
