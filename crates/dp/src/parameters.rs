//! The three numbers of a guarantee as types of their own, so that no two of them can be swapped in a call.
//!
//! Each is checked once, where it is made, and travels as a plain JSON number; a number outside its range cannot be read.

use serde::{Deserialize, Serialize};

/// A number outside the range of the parameter it was meant for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{name} is {value}, but must be {range}")]
pub struct OutOfRange {
    /// The parameter's name, as in the configuration.
    pub name: &'static str,
    /// What was given.
    pub value: f64,
    /// The range, in words.
    pub range: &'static str,
}

macro_rules! parameter {
    ($(#[$doc:meta])* $type:ident, $name:literal, $range:literal, |$value:ident| $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "f64", into = "f64")]
        pub struct $type(f64);

        impl $type {
            #[doc = concat!("Checks that the number is ", $range, ".")]
            pub fn new($value: f64) -> Result<Self, OutOfRange> {
                if $valid { Ok(Self($value)) } else { Err(OutOfRange { name: $name, value: $value, range: $range }) }
            }

            /// The number itself.
            pub fn get(self) -> f64 {
                self.0
            }
        }

        impl TryFrom<f64> for $type {
            type Error = OutOfRange;

            fn try_from(value: f64) -> Result<Self, OutOfRange> {
                Self::new(value)
            }
        }

        impl From<$type> for f64 {
            fn from(parameter: $type) -> f64 {
                parameter.0
            }
        }
    };
}

parameter!(
    /// The privacy loss bound ε of an (ε, δ) guarantee; unitless (natural logarithm), finite, at least 0.
    Epsilon,
    "epsilon",
    "finite and at least 0",
    |value| value.is_finite() && value >= 0.0
);

parameter!(
    /// The probability δ with which the bound ε may fail; strictly between 0 and 1.
    Delta,
    "delta",
    "strictly between 0 and 1",
    |value| value > 0.0 && value < 1.0
);

impl NoiseMultiplier {
    /// For callers that have just made the number themselves.
    pub(crate) fn in_range(value: f64) -> Self {
        debug_assert!(Self::new(value).is_ok(), "noise multiplier {value}");
        Self(value)
    }
}

parameter!(
    /// Noise standard deviation divided by the [`sensitivity`](crate::sensitivity); unitless, finite, above 0.
    ///
    /// A release without noise is not a small noise multiplier but [`Event::NonPrivate`](crate::Event::NonPrivate).
    NoiseMultiplier,
    "noise_multiplier",
    "finite and above 0",
    |value| value.is_finite() && value > 0.0
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_enforced_and_survive_json() {
        for bad in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(Epsilon::new(bad).is_err());
            assert!(Delta::new(bad).is_err());
            assert!(NoiseMultiplier::new(bad).is_err());
        }
        assert!(Epsilon::new(0.0).is_ok());
        assert!(Delta::new(0.0).is_err() && Delta::new(1.0).is_err());
        assert!(NoiseMultiplier::new(0.0).is_err());

        let delta = Delta::new(1e-30).unwrap();
        assert_eq!(serde_json::from_str::<Delta>(&serde_json::to_string(&delta).unwrap()).unwrap(), delta);
        let error = serde_json::from_str::<Delta>("1.5").unwrap_err().to_string();
        assert!(error.contains("delta is 1.5, but must be strictly between 0 and 1"), "{error}");
    }
}
