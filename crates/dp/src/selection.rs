//! Searches over hyper-parameters that release only the best of a random number of runs.
//!
//! The number K of runs is drawn first and kept secret; `f(x) = E[x^K]`. With the runs' results in a total order, the best
//! one is y with probability `f(Q(≤ y)) − f(Q(< y)) = Q(y)·E[f′(X)]`, X uniform between the two. By joint convexity of
//! `p^λ·p′^{1−λ}`, the cumulant of the search at `λ = 1 + c` is at most
//! `log(f(0) + e^{K(c)}·max f′(x)^λ·f′(x′)^{1−λ})`, where x and x′ are the probabilities of one event under the two
//! neighbours, and `f(0)` is the outcome "no run at all" (Papernot and Steinke, arXiv 2110.03620, Lemma 7).
//!
//! - **Truncated negative binomial** with shape η > −1 and γ in (0, 1): `f′(x) = E[K]·(γ/(1 − (1−γ)x))^{1+η}`, `f(0) = 0`. Any
//!   order `λ̂ = 1 + ĉ` of one run bounds the maximum: `K(c) + c·(1 + η)·(K̂(ĉ) + log(1/γ))/(1 + ĉ) + log E[K]` (Theorem 2).
//! - **Poisson** with mean μ: `f′(x) = μ·e^{μ(x − 1)}`, `f(0) = e^{−μ}`. If one run is (ε̂, δ̂)-DP with `ε̂ = log(1 + 1/c)`, it is
//!   `log(e^{−μ} + μ·e^{K(c) + c·μ·δ̂})` (Theorem 6, with the outcome of no run counted, so that it holds for μ < 1, too).
//!
//! The hatted quantities belong to the opposite direction: they bound how much likelier an event is without the record
//! when K bounds how much likelier it is with it. The hypothesis "in both directions" is met by taking each where it is used.

use crate::{Adjacency, Certificate, Delta, Event, Trials, Unsupported, account};
use serde::{Deserialize, Serialize};

/// Relative allowance for the rounding of a handful of operations.
const ROUNDING: f64 = 16.0 * f64::EPSILON;

/// Expected number of runs of a search, `E[K]`.
///
/// Poisson: its mean. Truncated negative binomial: `η(1 − γ)/(γ(1 − γ^η))`, and `(1/γ − 1)/log(1/γ)` for shape η = 0.
/// Infinite where it overflows; NaN for parameters outside their ranges.
pub fn expected_trials(trials: Trials) -> f64 {
    match trials {
        Trials::Poisson { mean } => mean,
        Trials::NegativeBinomial { shape, gamma } => {
            let level = -libm::log(gamma);
            let power = -libm::expm1(-shape * level);
            // Below the last bit, `power` is `shape·level`, which may have underflowed.
            let ratio = if (shape * level).abs() < 1e-17 { 1.0 / level } else { shape / power };
            (libm::expm1(level) * ratio).max(1.0)
        }
    }
}

/// What a search adds to a run's cumulant; see the module's essay.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selection {
    trials: Trials,
    expected: f64,
}

impl Selection {
    pub(crate) fn new(trials: Trials) -> Self {
        Self { trials, expected: expected_trials(trials) * (1.0 + ROUNDING) }
    }

    /// `E[K]`, rounded up.
    pub(crate) fn expected_trials(&self) -> f64 {
        self.expected
    }

    /// The search's cumulant at 0.
    pub(crate) fn constant(&self) -> f64 {
        self.cumulant(0.0, 0.0, 0.0, 0.0)
    }

    /// `log(1/γ)`, rounded up; `None` where there is no γ and a run's delta is asked for instead.
    pub(crate) fn log_inverse_gamma(&self) -> Option<f64> {
        match self.trials {
            Trials::Poisson { .. } => None,
            Trials::NegativeBinomial { gamma, .. } => Some(-libm::log(gamma) * (1.0 + ROUNDING)),
        }
    }

    /// `(1 + η)·(K̂(ĉ) + log(1/γ))/(1 + ĉ)`, or its limit at `ĉ = 0` where that is smaller, rounded up.
    pub(crate) fn slope(&self, order: f64, cumulant: f64) -> f64 {
        match (self.trials, self.log_inverse_gamma()) {
            (Trials::NegativeBinomial { shape, .. }, Some(level)) => {
                (1.0 + shape) * level.min((cumulant + level) / (1.0 + order)) * (1.0 + ROUNDING)
            }
            _ => 0.0,
        }
    }

    /// The search's cumulant at c, rounded up, from that of a run, a slope or a delta.
    pub(crate) fn cumulant(&self, c: f64, cumulant: f64, slope: f64, delta: f64) -> f64 {
        let log_expected = libm::log(self.expected);
        match self.trials {
            Trials::Poisson { mean } => {
                let best = cumulant + c * mean * delta + log_expected;
                let (large, small) = (best.max(-mean), best.min(-mean));
                let sum = large + libm::log1p(libm::exp(small - large));
                sum.max(0.0) + ROUNDING * (1.0 + cumulant + c * mean * delta + log_expected.abs())
            }
            Trials::NegativeBinomial { .. } => (cumulant + c * slope + log_expected) * (1.0 + ROUNDING) + ROUNDING,
        }
    }
}

/// What a sweep of several runs costs, charged in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// All runs composed: their number may be fixed in advance and public, and everything of every run may be kept.
    pub composition: Certificate,
    /// The best run only, out of a random number of runs.
    pub selection: Certificate,
    /// The law of that number, with the planned number of runs as its mean.
    pub trials: Trials,
    /// The charge with the smaller epsilon.
    pub cheaper: Charge,
}

/// How a sweep is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Charge {
    /// As the composition of all its runs.
    Composition,
    /// As a search that releases the best run only.
    Selection,
}

/// Charges a sweep of `runs` runs of `base` by composition and as a search, at the same `delta`.
///
/// The two are different procedures. By composition, exactly `runs` runs are made and all may be published. As a search,
/// the number of runs is drawn from [`Sweep::trials`] (expectation `runs`; of the logarithmic, the geometric and the
/// Poisson law the one with the smallest epsilon), never revealed, and nothing but the best run is. Composition wins for
/// one run and sometimes for a few, the search from some number on. For one run the search is charged as one, with the geometric law's γ just
/// below 1.
pub fn sweep(base: &Event, runs: u64, delta: Delta, adjacency: Adjacency) -> Result<Sweep, Unsupported> {
    if runs == 0 {
        return Err(Unsupported::Malformed("a sweep has at least one run"));
    }
    let event = Box::new(base.clone());
    let composition = account(&Event::Repeated { event: event.clone(), count: runs }, delta, adjacency)?;
    let mut best: Option<(Certificate, Trials)> = None;
    for trials in [logarithmic(runs), geometric(runs), Trials::Poisson { mean: runs as f64 }] {
        let search = Event::HyperparameterSelection { event: event.clone(), trials };
        let certificate = account(&search, delta, adjacency)?;
        if best.is_none_or(|(best, _)| certificate.epsilon_upper < best.epsilon_upper) {
            best = Some((certificate, trials));
        }
    }
    let (selection, trials) = best.ok_or(Unsupported::Unbounded)?;
    let cheaper =
        if selection.epsilon_upper < composition.epsilon_upper { Charge::Selection } else { Charge::Composition };
    Ok(Sweep { composition, selection, trials, cheaper })
}

/// The largest γ below 1.
const GAMMA_MAX: f64 = 1.0 - f64::EPSILON / 2.0;

fn geometric(runs: u64) -> Trials {
    Trials::NegativeBinomial { shape: 1.0, gamma: (1.0 / runs as f64).min(GAMMA_MAX) }
}

/// γ by bisection on `log(1/γ)`, on the side where the expectation is not below `runs`.
fn logarithmic(runs: u64) -> Trials {
    let law = |level: f64| Trials::NegativeBinomial { shape: 0.0, gamma: libm::exp(-level).min(GAMMA_MAX) };
    let (mut low, mut high) = (0.0, 64.0);
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if expected_trials(law(middle)) >= runs as f64 {
            high = middle;
        } else {
            low = middle;
        }
    }
    law(high)
}

#[cfg(test)]
mod tests;
