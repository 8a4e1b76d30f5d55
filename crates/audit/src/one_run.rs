//! A lower bound on epsilon from a single training run with many canaries.
//!
//! Each canary joins the training data by its own fair coin. Afterwards the auditor guesses the coins of the canaries it is
//! surest of. If training is (ε, δ)-DP, the number of correct guesses is hardly larger than a binomial with success
//! probability `e^ε/(1 + e^ε)` (Steinke, Nasr and Jagielski, arXiv 2305.08846): with v of r guesses correct
//! among m canaries,
//!
//! `p = β + 2mδ·max_{1≤i≤v} (P[Bin(r, q) ≥ v − i] − β)/i`, `β = P[Bin(r, q) ≥ v]`, `q = e^ε/(1 + e^ε)`
//!
//! is a valid p-value for the claim ε, and the lower bound is the largest ε that it rejects. The canaries need not be
//! independent of each other in the model, only their coins. The number of guesses has to be fixed before the
//! scores are seen: choosing the best of several afterwards shows leaks in pure noise.

use crate::error::{at_most, delta as checked_delta, open_unit, scores};
use crate::special::binomial_tails;
use crate::{Error, Verdict, verdict};
use serde::{Deserialize, Serialize};

/// The outcome of a one-run audit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OneRunAudit {
    /// Canaries in all, included or not.
    pub canaries: u64,
    /// Canaries guessed, half as included and half as excluded.
    pub guesses: u64,
    /// Correct guesses.
    pub correct: u64,
    /// Delta of the claim.
    pub delta: f64,
    /// Probability with which the bound may be wrong.
    pub alpha: f64,
    /// The epsilon under test.
    pub claimed_epsilon: f64,
    /// The true epsilon is at least this, with probability `1 − alpha`.
    pub epsilon_lower_bound: f64,
    /// The bound if every guess had been correct.
    pub ceiling: f64,
    /// What that says about the claim.
    pub verdict: Verdict,
}

/// Audits one run: ranks all canaries by score, guesses the top half of the guesses as included and the bottom half as
/// excluded, and tests the claimed epsilon.
///
/// The guesses are `guess_fraction` of all canaries (in (0, 1], fixed beforehand), rounded down to an even number. At a
/// tie the canary that makes the guess wrong is guessed first. Errors: a fraction, `delta` or `alpha` out of range, a
/// negative or undefined claim, a score that is not a number, or so few canaries that there is nothing to guess. One of
/// the two lists may be empty (all coins fell alike).
pub fn one_run(
    scores_included: &[f64],
    scores_excluded: &[f64],
    guess_fraction: f64,
    delta: f64,
    alpha: f64,
    claimed_epsilon: f64,
) -> Result<OneRunAudit, Error> {
    if !(guess_fraction > 0.0 && guess_fraction <= 1.0) {
        let range = "above 0 and at most 1";
        return Err(Error::OutOfRange { name: "guess_fraction", value: guess_fraction, range });
    }
    if claimed_epsilon.is_nan() || claimed_epsilon < 0.0 {
        let range = "a number of at least 0";
        return Err(Error::OutOfRange { name: "claimed_epsilon", value: claimed_epsilon, range });
    }
    for (what, list) in [("included canaries", scores_included), ("excluded canaries", scores_excluded)] {
        if !list.is_empty() {
            scores(what, list)?;
        }
    }
    let canaries = scores_included.len() + scores_excluded.len();
    let half = (guess_fraction * canaries as f64 / 2.0 + 1e-9) as usize;
    if half == 0 {
        return Err(Error::Empty { what: "the list of guesses" });
    }
    let (guesses, canaries) = (2 * half as u64, canaries as u64);
    let correct = correct_at_top(scores_included, scores_excluded, half)
        + correct_at_bottom(scores_included, scores_excluded, half);
    let epsilon_lower_bound = epsilon_lower_bound(correct, guesses, canaries, delta, alpha)?;
    let ceiling = ceiling(guesses, canaries, delta, alpha)?;
    let verdict = verdict(epsilon_lower_bound, claimed_epsilon, ceiling);
    Ok(OneRunAudit { canaries, guesses, correct, delta, alpha, claimed_epsilon, epsilon_lower_bound, ceiling, verdict })
}

/// Of the `count` highest scores, how many are included canaries; at a tie the excluded ones go first.
fn correct_at_top(included: &[f64], excluded: &[f64], count: usize) -> u64 {
    let mut ranked = labelled(included, excluded);
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    ranked.iter().take(count).filter(|(_, included)| *included).count() as u64
}

/// Of the `count` lowest scores, how many are excluded canaries; at a tie the included ones go first.
fn correct_at_bottom(included: &[f64], excluded: &[f64], count: usize) -> u64 {
    let mut ranked = labelled(included, excluded);
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    ranked.iter().take(count).filter(|(_, included)| !included).count() as u64
}

fn labelled(included: &[f64], excluded: &[f64]) -> Vec<(f64, bool)> {
    // Adding 0 makes −0 and 0 the tie that they are.
    let label = |included: bool| move |score: &f64| (score + 0.0, included);
    included.iter().map(label(true)).chain(excluded.iter().map(label(false))).collect()
}

/// The largest epsilon refuted by `correct` of `guesses` guesses among `canaries` canaries, 0 if none is.
pub fn epsilon_lower_bound(correct: u64, guesses: u64, canaries: u64, delta: f64, alpha: f64) -> Result<f64, Error> {
    let delta = checked_delta(delta)?;
    open_unit("alpha", alpha)?;
    if guesses == 0 {
        return Err(Error::Empty { what: "the list of guesses" });
    }
    at_most("correct", correct, "guesses", guesses)?;
    at_most("guesses", guesses, "canaries", canaries)?;
    let rejected = |epsilon: f64| p_value(epsilon, correct, guesses, canaries, delta) <= alpha;
    if !rejected(0.0) {
        return Ok(0.0);
    }
    // Even all correct out of 10^15 refutes no epsilon of 40.
    let (mut low, mut high) = (0.0, 40.0);
    while high - low > 1e-7 {
        let middle = 0.5 * (low + high);
        if rejected(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// The bound if every guess is correct.
pub fn ceiling(guesses: u64, canaries: u64, delta: f64, alpha: f64) -> Result<f64, Error> {
    epsilon_lower_bound(guesses, guesses, canaries, delta, alpha)
}

/// The p-value of the claim (epsilon, delta); see the module's essay.
fn p_value(epsilon: f64, correct: u64, guesses: u64, canaries: u64, delta: f64) -> f64 {
    let tails = binomial_tails(guesses, 1.0 / (1.0 + libm::exp(-epsilon)));
    let v = correct as usize;
    let beta = tails[v];
    let slack = (1..=v).map(|i| (tails[v - i] - beta) / i as f64).fold(0.0, f64::max);
    (beta + 2.0 * canaries as f64 * delta * slack).min(1.0)
}

#[cfg(test)]
mod tests;
