//! Whether the guarantee's machinery works on this machine: the same checks as in the program's tests, on the program that
//! runs, with fresh randomness.
//!
//! - **L0, replay**: the pre-noise sum of a batch and of the same batch with one unit more, by the real engine on a small model,
//!   must differ by at most C. Adapters and whole models, three ways of clipping, units that are clipped and units that are not.
//! - **L1, noise**: distribution, tails and independence of the noise that the operating system's keys give.
//! - **L2, step audit**: many runs of clip, sum and noise with and without a unit that pulls as hard as it may; what an attacker
//!   learns from one of them must be what the accountant says, hardly less and never more (a lower bound by Clopper and
//!   Pearson on a threshold fixed beforehand).
//!
//! Good machinery fails a statistical check once in a million times. Nothing of anybody's data is in them.

mod replay;
pub(crate) mod statistics;

use burn::tensor::backend::AutodiffBackend;
use privet_model::Device;
use privet_model::device::{OnDevice, dispatch};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::clip::step_audit::{self, StepAudit};
use crate::keys::RunKeys;
use crate::noise::add_gaussian;
use statistics::{STDDEV, Verdict, correlation, ks, lags, mean, tail, variance};

/// Format name of a receipt.
pub const FORMAT: &str = "privet-selftest/v1";

/// How much is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Size {
    /// Seconds.
    Quick,
    /// Minutes: as many trials as the statistics were designed for.
    Full,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// `L0`, `L1` or `L2`.
    pub layer: String,
    /// What was looked at.
    pub name: String,
    /// Trials, samples or calls.
    pub trials: u64,
    /// What was found.
    pub statistic: f64,
    /// The least it may be, where there is such a bound.
    pub at_least: Option<f64>,
    /// The most it may be.
    pub at_most: f64,
    /// Whether it is.
    pub passed: bool,
}

/// `privet-selftest.json`: what was checked, by which program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// [`FORMAT`].
    pub format: String,
    /// Version of the program.
    pub privet_version: String,
    /// SHA-256 of the program, as in the ledger of its runs.
    pub binary_hash: String,
    /// The device.
    pub device: String,
    /// How much was done.
    pub size: Size,
    /// Chance that good machinery fails one statistical check.
    pub alpha: f64,
    /// The checks, in order.
    pub checks: Vec<Check>,
    /// Whether all passed.
    pub passed: bool,
}

impl Check {
    fn new(layer: &str, name: &str, trials: u64, statistic: f64, at_least: Option<f64>, at_most: f64) -> Self {
        // Not a number is never within bounds.
        let passed = statistic <= at_most && at_least.is_none_or(|least| statistic >= least);
        let (layer, name) = (layer.to_owned(), name.to_owned());
        Self { layer, name, trials, statistic, at_least, at_most, passed }
    }
}

/// Runs all checks with the device's backend; `observe` sees each when it is done. Noise is the host's everywhere.
///
/// # Errors
/// [`Error::Entropy`], [`Error::Model`] for a device that is not there, and what the small model meets on its way over the
/// temporary folder. A check that fails is no error.
pub fn selftest(size: Size, device: Device, observe: &mut dyn FnMut(&Check)) -> Result<Receipt, Error> {
    let mut checks = Vec::new();
    let mut note = |check: Check| {
        observe(&check);
        checks.push(check);
    };
    dispatch(device, Work { size, note: &mut note })??;
    let passed = checks.iter().all(|check| check.passed);
    Ok(Receipt {
        format: FORMAT.to_owned(),
        privet_version: env!("CARGO_PKG_VERSION").to_owned(),
        binary_hash: crate::training::binary_hash(),
        device: device.to_string(),
        size,
        alpha: statistics::ALPHA,
        checks,
        passed,
    })
}

struct Work<'a> {
    size: Size,
    note: &'a mut dyn FnMut(Check),
}

impl OnDevice for Work<'_> {
    type Output = Result<(), Error>;

    fn run<A: AutodiffBackend>(self, device: &A::Device) -> Self::Output {
        let (replays, samples, calls) = match self.size {
            Size::Quick => (240, 1_000_000, 20_000),
            Size::Full => (2_400, 10_000_000, 200_000),
        };
        replay::run::<A>(replays, device, self.note)?;
        noise(samples, self.note)?;
        step::<A>(calls, device, self.note)
    }
}

/// L1.
fn noise(n: usize, note: &mut dyn FnMut(Check)) -> Result<(), Error> {
    let keys = RunKeys::from_os()?;
    let of = |step: u64, attempt: u32, tensor: u32, n: usize| {
        add_gaussian(&vec![0.0; n], STDDEV, &keys.noise.step(step, attempt), tensor, 0)
    };
    let base = of(1, 1, 0, n);
    let mut say = |name: &str, verdict: Verdict| {
        note(Check::new("L1", name, n as u64, verdict.statistic, None, verdict.critical));
    };
    say("noise: distribution (Kolmogorov-Smirnov)", ks(&base));
    say("noise: mean", mean(&base));
    say("noise: variance", variance(&base));
    say("noise: beyond four standard deviations", tail(&base, 4.0));
    say("noise: beyond five standard deviations", tail(&base, 5.0));
    say("noise: neighbouring values", lags(&base));
    let others = RunKeys::from_os()?;
    let pairs = [
        ("noise: two tensors", of(1, 1, 1, n)),
        ("noise: two steps", of(2, 1, 0, n)),
        ("noise: two attempts at a step", of(1, 2, 0, n)),
        ("noise: two runs", add_gaussian(&vec![0.0; n], STDDEV, &others.noise.step(1, 1), 0, 0)),
    ];
    for (name, other) in &pairs {
        say(name, correlation(&base, other, pairs.len()));
    }
    Ok(())
}

/// L2.
fn step<A: AutodiffBackend>(calls: u64, device: &A::Device, note: &mut dyn FnMut(Check)) -> Result<(), Error> {
    for noise_multiplier in [0.7, 1.0] {
        let StepAudit { lower, claimed } = step_audit::run::<A::InnerBackend>(calls, noise_multiplier, device)?;
        let name = format!("step: epsilon that one call gives away, noise multiplier {noise_multiplier}");
        note(Check::new("L2", &name, calls, lower, Some(step_audit::TIGHT * claimed), claimed));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_checks_pass_here_and_are_noted() {
        let mut seen = 0;
        let receipt = selftest(Size::Quick, Device::Cpu, &mut |_| seen += 1).unwrap();
        assert!(receipt.passed, "{:#?}", receipt.checks);
        assert_eq!(receipt.checks.len(), seen);
        for layer in ["L0", "L1", "L2"] {
            assert!(receipt.checks.iter().any(|check| check.layer == layer));
        }
    }

    #[test]
    fn a_check_outside_its_bounds_or_without_a_value_fails() {
        let check = |statistic| Check::new("L1", "x", 1, statistic, Some(0.0), 1.0).passed;
        assert!(check(0.0) && check(1.0));
        assert!(!check(1.1) && !check(-0.1) && !check(f64::NAN) && !check(f64::INFINITY));
    }
}
