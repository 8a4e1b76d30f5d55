//! A lower bound on epsilon from how high the true secrets rank among all candidates.
//!
//! Each of n canaries carries a secret drawn uniformly from N candidates; prefix and position do not depend on it. Ranked
//! by score, a secret that the model never saw reaches the top `2^−k` of the candidates with probability at most `2^−k`. With
//! (ε, δ)-DP training that probability is at most `e^ε·2^−k + δ` for each canary, so by linearity the expected number of
//! hits H is at most `n(e^ε·2^−k + δ)`, and by Markov's inequality `P[H ≥ n(e^ε·2^−k + δ)/α] ≤ α`. Hence, with
//! probability `1 − α`, `ε ≥ ln((α·H/n − δ)·2^k)`. The canaries may influence each other in any way. When several k are tried,
//! each gets its share of alpha.

use crate::error::{delta as checked_delta, open_unit, scores};
use crate::{Error, Verdict, verdict};
use serde::{Deserialize, Serialize};

/// The outcome of a rank audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankAudit {
    /// Number of canaries.
    pub canaries: u64,
    /// Number of candidates each secret was drawn from.
    pub candidates: u64,
    /// Probability with which the bound may be wrong.
    pub alpha: f64,
    /// One count per exponent, in the order given.
    pub hits: Vec<Hits>,
    /// The epsilon under test.
    pub claimed_epsilon: f64,
    /// The true epsilon is at least this, with probability `1 − alpha`.
    pub epsilon_lower_bound: f64,
    /// The bound if every secret had ranked first.
    pub ceiling: f64,
    /// What that says about the claim.
    pub verdict: Verdict,
}

/// How many secrets ranked in the top `2^−exponent` of the candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hits {
    /// The exponent k.
    pub exponent: u32,
    /// Canaries with `rank ≤ 2^−k · candidates`.
    pub hits: u64,
}

/// What is fixed before training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RankPlan {
    /// Number of candidates each secret is drawn from.
    pub candidates: u64,
    /// The exponents k to test; each must leave at least one candidate in the top `2^−k`.
    pub exponents: Vec<u32>,
    /// Delta of the claim.
    pub delta: f64,
    /// Probability with which the bound may be wrong, shared among the exponents.
    pub alpha: f64,
}

/// The rank of a secret's score among the scores of all *other* candidates; 1 is the highest. Ties count against the secret.
pub fn rank(secret: f64, others: &[f64]) -> Result<u64, Error> {
    scores("the secret", &[secret])?;
    if !others.is_empty() {
        scores("the other candidates", others)?;
    }
    Ok(1 + others.iter().filter(|score| **score >= secret).count() as u64)
}

/// Tests a claimed epsilon against the ranks of all secrets (one rank per canary, from 1 to `candidates`).
pub fn audit(ranks: &[u64], plan: &RankPlan, claimed_epsilon: f64) -> Result<RankAudit, Error> {
    check(plan)?;
    if ranks.is_empty() {
        return Err(Error::Empty { what: "the list of ranks" });
    }
    if let Some(found) = ranks.iter().copied().find(|rank| *rank == 0 || *rank > plan.candidates) {
        let (part, whole, limit) = ("a rank, counted from 1,", "candidates", plan.candidates);
        return Err(Error::CountTooLarge { part, found, whole, limit });
    }
    let hits = plan.exponents.iter().map(|&exponent| {
        let top = plan.candidates >> exponent;
        Hits { exponent, hits: ranks.iter().filter(|rank| **rank <= top).count() as u64 }
    });
    let hits: Vec<Hits> = hits.collect();
    let share = plan.alpha / plan.exponents.len() as f64;
    let bound = |hit: &Hits| bound(hit.exponent, hit.hits as f64 / ranks.len() as f64, plan.delta, share);
    let epsilon_lower_bound = hits.iter().map(bound).fold(0.0, f64::max);
    let ceiling = ceiling(plan)?;
    Ok(RankAudit {
        canaries: ranks.len() as u64,
        candidates: plan.candidates,
        alpha: plan.alpha,
        hits,
        claimed_epsilon,
        epsilon_lower_bound,
        ceiling,
        verdict: verdict(epsilon_lower_bound, claimed_epsilon, ceiling),
    })
}

/// The bound if every secret ranks first.
pub fn ceiling(plan: &RankPlan) -> Result<f64, Error> {
    check(plan)?;
    let share = plan.alpha / plan.exponents.len() as f64;
    Ok(plan.exponents.iter().map(|&exponent| bound(exponent, 1.0, plan.delta, share)).fold(0.0, f64::max))
}

/// `ln((alpha·share of hits − delta)·2^k)`, at least 0.
fn bound(exponent: u32, share_of_hits: f64, delta: f64, alpha: f64) -> f64 {
    let excess = (alpha * share_of_hits - delta) * libm::exp2(f64::from(exponent));
    if excess > 1.0 { libm::log(excess) } else { 0.0 }
}

fn check(plan: &RankPlan) -> Result<(), Error> {
    checked_delta(plan.delta)?;
    open_unit("alpha", plan.alpha)?;
    if plan.exponents.is_empty() {
        return Err(Error::Empty { what: "the list of exponents" });
    }
    match plan.exponents.iter().find(|exponent| plan.candidates.checked_shr(**exponent).unwrap_or(0) == 0) {
        Some(exponent) => Err(Error::OutOfRange {
            name: "exponent",
            value: f64::from(*exponent),
            range: "small enough to leave one candidate in the top 2^-exponent",
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
