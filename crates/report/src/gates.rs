//! Conditions that a caller sets for a report, for use in continuous integration.

use privet_audit::Verdict;

use crate::{Report, words};

/// What a report must satisfy; `None` and `false` ask for nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Gates {
    /// Largest epsilon allowed, compared with the stated one (rounded up).
    pub max_epsilon: Option<f64>,
    /// Largest delta allowed.
    pub max_delta: Option<f64>,
    /// The guarantee must hold for the corpus as it came in.
    pub end_to_end: bool,
}

/// A gate that a report does not pass.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FailedGate {
    /// epsilon is too large.
    #[error("{found}, but at most {allowed} is allowed; train fewer steps or with more noise")]
    Epsilon {
        /// The guarantee in words.
        found: String,
        /// The gate.
        allowed: f64,
    },
    /// delta is too large.
    #[error("delta is {found:e}, but at most {allowed:e} is allowed; plan a run with a smaller delta")]
    Delta {
        /// The report's.
        found: f64,
        /// The gate.
        allowed: f64,
    },
    /// A stage before training has no bound, or one above 1.
    #[error("the guarantee does not hold for the corpus as it came in; leave out the stages without a bound")]
    NotEndToEnd,
    /// The program that trained failed its selftest. Always a failure, whatever the gates.
    #[error("the program that trained failed its own selftest; do not publish this run")]
    Selftest,
    /// The audit's lower bound is above the guarantee. Always a failure, whatever the gates.
    #[error("the audit refutes the guarantee: its lower bound is above it; do not publish this run")]
    Refuted,
}

/// The gates that `report` fails; none is good news.
///
/// A gate that is not a number (NaN) is failed by every report: nothing can be shown to lie below it.
pub fn check(report: &Report, gates: &Gates) -> Vec<FailedGate> {
    let figures = &report.guarantee;
    let within = |value: f64, most: f64| value <= most;
    let mut failed = Vec::new();
    if let Some(allowed) = gates.max_epsilon.filter(|most| !within(figures.epsilon_stated, *most)) {
        let found = words::guarantee(figures.epsilon, figures.delta, figures.privacy_unit, figures.adjacency);
        failed.push(FailedGate::Epsilon { found, allowed });
    }
    if let Some(allowed) = gates.max_delta.filter(|most| !within(figures.delta, *most)) {
        failed.push(FailedGate::Delta { found: figures.delta, allowed });
    }
    if gates.end_to_end && !report.scope.end_to_end {
        failed.push(FailedGate::NotEndToEnd);
    }
    if report.selftest.value().is_some_and(|selftest| selftest.same_program && !selftest.passed) {
        failed.push(FailedGate::Selftest);
    }
    if report.evidence.value().is_some_and(|evidence| evidence.verdict == Verdict::Refuted) {
        failed.push(FailedGate::Refuted);
    }
    failed
}
