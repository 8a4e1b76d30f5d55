//! How well scores tell members from non-members: AUC, and the true positive rate at a low false positive rate.
//!
//! Both come with intervals that hold at any sample size and for any law of the scores. Members and non-members must come
//! from one random split made before training; otherwise these numbers measure the difference between two texts, not
//! what the model remembers.

use crate::error::{open_unit, scores};
use crate::{Error, Interval, clopper_pearson};
use privet_dp::{Delta, Epsilon};
use serde::{Deserialize, Serialize};

/// Area under the ROC curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Auc {
    /// Probability that a member scores above a non-member; ties count one half.
    pub auc: f64,
    /// Interval for the AUC of the whole population.
    pub interval: Interval,
}

/// A point of the ROC curve at a false positive rate fixed beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TprAtFpr {
    /// The largest false positive rate allowed among the given non-members.
    pub fpr: f64,
    /// Members above the threshold.
    pub true_positives: u64,
    /// All members.
    pub members: u64,
    /// Non-members above the threshold.
    pub false_positives: u64,
    /// All non-members.
    pub non_members: u64,
    /// True positive rate.
    pub tpr: f64,
    /// Clopper–Pearson interval for the true positive rate of that threshold.
    pub interval: Interval,
}

/// AUC with an interval of error at most `alpha`.
///
/// The interval is Hoeffding's inequality for two-sample U-statistics (JASA 58, 1963, section 5b):
/// `± √(ln(2/alpha) / (2·min(members, non-members)))`, cut to [0, 1]. It is wider than the usual normal approximations and
/// does not collapse when the AUC is 0 or 1.
pub fn auc(members: &[f64], non_members: &[f64], alpha: f64) -> Result<Auc, Error> {
    open_unit("alpha", alpha)?;
    scores("members", members)?;
    scores("non-members", non_members)?;
    let mut sorted = non_members.to_vec();
    sorted.sort_by(f64::total_cmp);
    let wins: f64 = members
        .iter()
        .map(|score| {
            let below = sorted.partition_point(|other| other < score);
            let not_above = sorted.partition_point(|other| other <= score);
            (below + not_above) as f64 / 2.0
        })
        .sum();
    let auc = wins / (members.len() as f64 * non_members.len() as f64);
    let fewer = members.len().min(non_members.len()) as f64;
    let margin = libm::sqrt(libm::log(2.0 / alpha) / (2.0 * fewer));
    let interval = Interval { lower: (auc - margin).max(0.0), upper: (auc + margin).min(1.0) };
    Ok(Auc { auc, interval })
}

/// True positive rate at the lowest threshold that at most `fpr` of the non-members exceed, with an interval of error at
/// most `alpha`.
///
/// A score must exceed the threshold to count as positive, so ties count against the attack.
pub fn tpr_at_fpr(members: &[f64], non_members: &[f64], fpr: f64, alpha: f64) -> Result<TprAtFpr, Error> {
    open_unit("fpr", fpr)?;
    scores("members", members)?;
    scores("non-members", non_members)?;
    let mut sorted = non_members.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    // fpr < 1, so the index stays inside; the small addend undoes the rounding of exact fractions.
    let allowed = ((fpr * sorted.len() as f64 + 1e-9) as usize).min(sorted.len() - 1);
    let threshold = sorted[allowed];
    let above = |scores: &[f64]| scores.iter().filter(|score| **score > threshold).count() as u64;
    let (true_positives, all) = (above(members), members.len() as u64);
    Ok(TprAtFpr {
        fpr,
        true_positives,
        members: all,
        false_positives: above(non_members),
        non_members: non_members.len() as u64,
        tpr: true_positives as f64 / all as f64,
        interval: clopper_pearson::interval(true_positives, all, alpha)?,
    })
}

/// The largest true positive rate that any attack can have at this false positive rate, if training is
/// (epsilon, delta)-DP: `min(e^ε·fpr + δ, 1 − e^{−ε}·(1 − δ − fpr))` (Kairouz, Oh and Viswanath, arXiv 1311.0776).
pub fn tpr_ceiling(fpr: f64, epsilon: Epsilon, delta: Delta) -> Result<f64, Error> {
    open_unit("fpr", fpr)?;
    let (epsilon, delta) = (epsilon.get(), delta.get());
    let near_zero = libm::exp(epsilon) * fpr + delta;
    let near_one = 1.0 - libm::exp(-epsilon) * (1.0 - delta - fpr);
    Ok(near_zero.min(near_one).min(1.0))
}

#[cfg(test)]
mod tests;
