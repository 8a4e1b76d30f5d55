//! What can be wrong with a request for a statistic.

/// Why a statistic cannot be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A probability or fraction outside its range.
    #[error("{name} is {value}, but must be {range}")]
    OutOfRange {
        /// The argument's name.
        name: &'static str,
        /// What was given.
        value: f64,
        /// The range, in words.
        range: &'static str,
    },
    /// Counts that contradict each other.
    #[error("{part} is {found}, but must be at most {limit} ({whole})")]
    CountTooLarge {
        /// The smaller count's name.
        part: &'static str,
        /// What was given.
        found: u64,
        /// The larger count's name.
        whole: &'static str,
        /// The larger count.
        limit: u64,
    },
    /// Nothing to count.
    #[error("{what} is empty; the audit needs at least one")]
    Empty {
        /// What is missing.
        what: &'static str,
    },
    /// A score that cannot be compared.
    #[error("score {index} of {what} is not a number; the model or the attack diverged, so there is nothing to audit")]
    NotANumber {
        /// Which list of scores.
        what: &'static str,
        /// Position from 0.
        index: usize,
    },
}

/// A probability strictly between 0 and 1.
pub(crate) fn open_unit(name: &'static str, value: f64) -> Result<f64, Error> {
    if value > 0.0 && value < 1.0 {
        return Ok(value);
    }
    Err(Error::OutOfRange { name, value, range: "strictly between 0 and 1" })
}

/// A probability that may be 0: the delta of a pure guarantee.
pub(crate) fn delta(value: f64) -> Result<f64, Error> {
    if (0.0..1.0).contains(&value) {
        return Ok(value);
    }
    Err(Error::OutOfRange { name: "delta", value, range: "at least 0 and below 1" })
}

pub(crate) fn at_most(part: &'static str, found: u64, whole: &'static str, limit: u64) -> Result<(), Error> {
    if found <= limit { Ok(()) } else { Err(Error::CountTooLarge { part, found, whole, limit }) }
}

/// A list of comparable scores with at least one in it; infinities are comparable.
pub(crate) fn scores(what: &'static str, scores: &[f64]) -> Result<(), Error> {
    if scores.is_empty() {
        return Err(Error::Empty { what });
    }
    match scores.iter().position(|score| score.is_nan()) {
        Some(index) => Err(Error::NotANumber { what, index }),
        None => Ok(()),
    }
}
