//! The choice of accountant: the exact closed form where it applies, Rényi DP otherwise.
//!
//! Everything above this module (calibration, guarantees, the command line) asks [`account`] and reports which method
//! answered, so a tighter accountant is one more arm here and one more [`Accountant`] name.

use crate::{Adjacency, Delta, Epsilon, Event, Unsupported, gaussian, rdp};
use serde::{Deserialize, Serialize};

/// The method that turned events into an epsilon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accountant {
    /// Exact curve of composed Gaussian releases without sampling; see [`gaussian`].
    Gaussian,
    /// Rényi DP with a continuous order; see [`rdp`].
    Rdp,
}

/// An upper bound on epsilon and how it was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// The bound.
    pub epsilon: Epsilon,
    /// The method.
    pub accountant: Accountant,
    /// The Rényi order α > 1 that gave the bound; `None` where no order was needed.
    pub order: Option<f64>,
}

/// An upper bound on the epsilon of `event` at `delta`.
///
/// Edge cases: an event that releases nothing, or a `delta` that is no smaller than the largest distinguishing advantage,
/// costs 0.
pub fn account(event: &Event, delta: Delta, adjacency: Adjacency) -> Result<Bound, Unsupported> {
    if let Some(epsilon) = gaussian::epsilon(event, delta, adjacency)? {
        return Ok(Bound { epsilon, accountant: Accountant::Gaussian, order: None });
    }
    let rdp::RdpBound { epsilon, order } = rdp::epsilon(event, delta, adjacency)?;
    Ok(Bound { epsilon, accountant: Accountant::Rdp, order })
}
