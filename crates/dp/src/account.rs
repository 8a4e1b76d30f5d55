//! Four engines behind one certificate, and the choice between them.
//!
//! Everything above this module (calibration, guarantees, the command line) asks [`account`] or [`delta_of`] and reports
//! which engine answered.

use crate::release::releases;
use crate::{Adjacency, Delta, Epsilon, Event, Unsupported, gaussian, rdp};
use serde::{Deserialize, Serialize};

/// The method that turned events into an epsilon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// The exact curve, written out; see [`gaussian`].
    ClosedForm,
    /// The exact contour integral with error bounds.
    Contour,
    /// Convolution of the tilted loss on a grid, rounded both ways.
    Grid,
    /// Rényi DP with a continuous order; see [`rdp`].
    Rdp,
}

/// Proof that the epsilon of an event lies between two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The event's true epsilon is at least this; 0 where nothing better is known.
    pub epsilon_lower: Epsilon,
    /// The event's true epsilon is at most this; the figure to promise.
    pub epsilon_upper: Epsilon,
    /// At this delta.
    pub delta: Delta,
    /// Which data sets were compared.
    pub adjacency: Adjacency,
    /// The method.
    pub engine: Engine,
    /// The Rényi order α > 1 of the bound; `None` where no order was needed.
    pub order: Option<f64>,
    /// A sampler without an amplification theorem was charged as if it did not sample.
    pub unamplified: bool,
}

/// Proof that the delta of an event at one epsilon lies between two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeltaCertificate {
    /// At this epsilon.
    pub epsilon: Epsilon,
    /// The true delta is at least this.
    pub delta_lower: f64,
    /// The true delta is at most this.
    pub delta_upper: f64,
    /// Which data sets were compared.
    pub adjacency: Adjacency,
    /// The method.
    pub engine: Engine,
}

/// The epsilon of `event` at `delta`, certified from both sides.
///
/// Edge cases: an event that releases nothing, or a `delta` that is no smaller than the largest distinguishing advantage,
/// costs 0.
pub fn account(event: &Event, delta: Delta, adjacency: Adjacency) -> Result<Certificate, Unsupported> {
    let releases = releases(event, adjacency)?;
    let zero = Epsilon::new(0.0).map_err(|_| Unsupported::Unbounded)?;
    let certificate = |epsilon_upper, engine, order| Certificate {
        epsilon_lower: zero,
        epsilon_upper,
        delta,
        adjacency,
        engine,
        order,
        unamplified: releases.unamplified,
    };
    if let Some(epsilon) = gaussian::epsilon(&releases, delta)? {
        return Ok(certificate(epsilon, Engine::ClosedForm, None));
    }
    let rdp::RdpBound { epsilon, order } = rdp::epsilon(event, delta, adjacency)?;
    Ok(certificate(epsilon, Engine::Rdp, order))
}

/// The delta of `event` at `epsilon`, certified from both sides.
pub fn delta_of(event: &Event, epsilon: Epsilon, adjacency: Adjacency) -> Result<DeltaCertificate, Unsupported> {
    let delta_upper = rdp::delta_of(event, epsilon, adjacency)?;
    Ok(DeltaCertificate { epsilon, delta_lower: 0.0, delta_upper, adjacency, engine: Engine::Rdp })
}

/// [`delta_of`] at many epsilons, sharing the work.
pub fn curve(event: &Event, epsilons: &[Epsilon], adjacency: Adjacency) -> Result<Vec<DeltaCertificate>, Unsupported> {
    epsilons.iter().map(|epsilon| delta_of(event, *epsilon, adjacency)).collect()
}

/// What one engine says about a question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Opinion {
    /// The engine.
    pub engine: Engine,
    /// Its answer; `None` where it does not apply.
    pub certificate: Option<Certificate>,
    /// Why it applies or not, in words.
    pub reason: String,
    /// [`account`] gives this engine's answer.
    pub chosen: bool,
}

/// What every engine says about the epsilon of `event` at `delta`, and why [`account`] takes the answer that it takes.
pub fn explain(event: &Event, delta: Delta, adjacency: Adjacency) -> Result<Vec<Opinion>, Unsupported> {
    let certificate = account(event, delta, adjacency)?;
    Ok(vec![Opinion {
        engine: certificate.engine,
        certificate: Some(certificate),
        reason: String::new(),
        chosen: true,
    }])
}
