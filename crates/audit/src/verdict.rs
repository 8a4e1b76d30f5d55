//! What an audit's number means beside the epsilon that was claimed.

use serde::{Deserialize, Serialize};

/// A two-sided confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// The outcome of an audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The test could have refuted the claim and did not.
    Consistent,
    /// The lower bound exceeds the claimed epsilon: the claim is wrong, at the test's confidence.
    Refuted,
    /// The test's ceiling does not exceed the claimed epsilon, so it had no chance to refute it.
    Uninformative,
}

/// Compares a lower bound with the claimed epsilon; `ceiling` is the largest lower bound the test could have given.
///
/// A claimed epsilon that is not a number refutes nothing and proves nothing: uninformative.
pub fn verdict(epsilon_lower_bound: f64, claimed_epsilon: f64, ceiling: f64) -> Verdict {
    if epsilon_lower_bound > claimed_epsilon {
        Verdict::Refuted
    } else if ceiling > claimed_epsilon {
        Verdict::Consistent
    } else {
        Verdict::Uninformative
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_decides_between_consistent_and_uninformative() {
        assert_eq!(verdict(1.0, 2.0, 5.8), Verdict::Consistent);
        assert_eq!(verdict(2.1, 2.0, 5.8), Verdict::Refuted);
        assert_eq!(verdict(2.0, 2.0, 2.0), Verdict::Uninformative);
        assert_eq!(verdict(0.0, 8.0, 5.8), Verdict::Uninformative);
        assert_eq!(verdict(9.0, f64::NAN, 9.0), Verdict::Uninformative);
        assert_eq!(verdict(9.0, f64::INFINITY, 9.0), Verdict::Uninformative);
    }
}
