//! Exact binomial confidence intervals, and the epsilon that two error rates imply.
//!
//! Clopper and Pearson (Biometrika 26, 1934): the interval of all success probabilities that a two-sided exact test does
//! not reject. It never covers less than `1 − alpha`, at any sample size.

use crate::error::{at_most, delta as checked_delta, open_unit};
use crate::special::inverse_incomplete_beta;
use crate::{Error, Interval};

/// Interval for a probability from `successes` in `trials` independent trials, with error at most `alpha`.
///
/// No successes give a lower end of 0, only successes an upper end of 1.
pub fn interval(successes: u64, trials: u64, alpha: f64) -> Result<Interval, Error> {
    let half = open_unit("alpha", alpha)? / 2.0;
    Ok(Interval { lower: lower(successes, trials, half)?, upper: upper(successes, trials, half)? })
}

/// One-sided lower limit: the probability is at least this, with error at most `alpha`.
pub fn lower(successes: u64, trials: u64, alpha: f64) -> Result<f64, Error> {
    check(successes, trials, alpha)?;
    if successes == 0 {
        return Ok(0.0);
    }
    let (k, n) = (successes as f64, trials as f64);
    Ok(inverse_incomplete_beta(alpha, k, n - k + 1.0))
}

/// One-sided upper limit: the probability is at most this, with error at most `alpha`.
pub fn upper(successes: u64, trials: u64, alpha: f64) -> Result<f64, Error> {
    check(successes, trials, alpha)?;
    // The mirror image keeps the digits of limits near 0 and 1 alike.
    Ok(1.0 - lower(trials - successes, trials, alpha)?)
}

fn check(successes: u64, trials: u64, alpha: f64) -> Result<(), Error> {
    open_unit("alpha", alpha)?;
    if trials == 0 {
        return Err(Error::Empty { what: "trials" });
    }
    at_most("successes", successes, "trials", trials)
}

/// How an attack did over independent runs, half of them with the record and half without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errors {
    /// Runs with the record that the attack called "without".
    pub false_negatives: u64,
    /// Runs with the record.
    pub with_record: u64,
    /// Runs without the record that the attack called "with".
    pub false_positives: u64,
    /// Runs without the record.
    pub without_record: u64,
}

/// Lower bound on epsilon from the error rates of one attack with a threshold fixed beforehand, error at most `alpha`.
///
/// `ln((1 − FNR − delta)/FPR)` with both rates at their upper limits, each at `alpha/2`. The runs must be independent;
/// when the best of several thresholds is reported, divide `alpha` by their number.
pub fn epsilon_lower_bound(errors: &Errors, delta: f64, alpha: f64) -> Result<f64, Error> {
    let delta = checked_delta(delta)?;
    let half = open_unit("alpha", alpha)? / 2.0;
    let false_negative_rate = upper(errors.false_negatives, errors.with_record, half)?;
    let false_positive_rate = upper(errors.false_positives, errors.without_record, half)?;
    let ratio = (1.0 - false_negative_rate - delta) / false_positive_rate;
    Ok(if ratio > 1.0 { libm::log(ratio) } else { 0.0 })
}

/// The largest bound that this many runs on each side can give: no errors at all.
pub fn ceiling(with_record: u64, without_record: u64, delta: f64, alpha: f64) -> Result<f64, Error> {
    let errors = Errors { false_negatives: 0, with_record, false_positives: 0, without_record };
    epsilon_lower_bound(&errors, delta, alpha)
}

#[cfg(test)]
mod tests;
