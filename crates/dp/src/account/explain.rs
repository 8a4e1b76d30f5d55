//! What each engine says, and why one of them was chosen.

use super::{Certificate, Engine, Found, TWO_SIDED, account, certificate, epsilon_by, two_sided};
use crate::release::releases;
use crate::{Adjacency, Delta, Event, Unsupported, rdp};
use serde::Serialize;

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
    let chosen = account(event, delta, adjacency)?;
    let releases = releases(event, adjacency)?;
    let mut opinions = Vec::new();
    for engine in TWO_SIDED {
        let found = two_sided(&releases, delta, |laws| epsilon_by(engine, laws, delta.get()));
        let certificate = match found {
            Found { engine: Some(_), bounds } => Some(certificate(&releases, bounds, delta, adjacency, engine, None)?),
            Found { .. } => None,
        };
        // Different engines may have answered for the two directions; the chosen one decided the upper end.
        let certificate = if engine == chosen.engine { Some(chosen) } else { certificate };
        let reason = reason(engine, certificate.is_some()).to_owned();
        opinions.push(Opinion { engine, certificate, reason, chosen: engine == chosen.engine });
    }
    let rdp = rdp::epsilon(event, delta, adjacency).and_then(|bound| {
        certificate(&releases, (0.0, bound.epsilon.get()), delta, adjacency, Engine::Rdp, bound.order)
    });
    let reason = reason(Engine::Rdp, rdp.is_ok()).to_owned();
    opinions.push(Opinion { engine: Engine::Rdp, certificate: rdp.ok(), reason, chosen: chosen.engine == Engine::Rdp });
    Ok(opinions)
}

fn reason(engine: Engine, applies: bool) -> &'static str {
    match (engine, applies) {
        (Engine::ClosedForm, true) => "nothing is sampled, or there is one release: the curve can be written down",
        (Engine::ClosedForm, false) => "releases are sampled and there are several: no formula",
        (Engine::Contour, true) => "exact integral with proven errors; its cost does not depend on the number of steps",
        (Engine::Contour, false) => {
            "too few steps or too rare hits for a short contour, or a sampler whose law has a kink or no cumulant"
        }
        (Engine::Grid, true) => "convolution rounded up and down; needs no decay, but its cost grows with the range",
        (Engine::Grid, false) => "the grid would be too long for this many steps or this large a loss",
        (Engine::Rdp, true) => "valid for every release, from above only; the cross-check of the others",
        (Engine::Rdp, false) => {
            "no bound on the Renyi divergence fits a float, or the sampler has none (random allocation)"
        }
    }
}
