//! The dominating pair of one release: the two laws on the line that are at least as easy to tell apart as any two
//! neighbours.
//!
//! `P` is the law with the record, `Q` the one without ([`Direction::Remove`]); [`Direction::Add`] exchanges them and mirrors
//! the line, so that in every [`Pair`] the means of `P` are at least 0, those of `Q` at most 0, and the privacy loss
//! `L(x) = log dP/dQ(x)` rises with x. Both laws are mixtures of Gaussians with one standard deviation, so
//! `L′(x) = (E_P[m | x] − E_Q[m | x])/s²` is the difference of two posterior means.
//!
//! Sources: Mironov, Talwar and Zhang, arXiv 1908.10530, Theorem 4 (Poisson); Zhu, Dong and Wang, arXiv 2106.08567,
//! Proposition 30 (without replacement); Ganesh, arXiv 2401.10294 (groups), arXiv 2508.15089 (truncated Poisson).

use crate::release::Mechanism;
use serde::{Deserialize, Serialize};

/// Which of the two neighbours the loss is measured under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The data set with the record against the one without.
    Remove,
    /// The data set without the record against the one with it.
    Add,
}

/// Two mixtures of Gaussians with standard deviation `noise`; see the module's essay.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pair {
    pub(crate) noise: f64,
    /// (mean ≥ 0, mass), means rising, masses summing to 1.
    pub(crate) p: Vec<(f64, f64)>,
    /// (mean ≤ 0, mass), means rising, masses summing to 1.
    pub(crate) q: Vec<(f64, f64)>,
}

/// The law of one release.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Law {
    /// `N(1, noise²)` against `N(0, noise²)`.
    Gaussian { noise: f64 },
    /// One of several pairs, drawn with these probabilities; which one is public.
    Mixture(Vec<(f64, Pair)>),
    /// Without replacement: at losses above 0 the pair `((1−q)N(0) + qN(1), N(0))`, below 0 `(N(1), (1−q)N(1) + qN(0))`, and
    /// the rest of the mass of `P` at loss 0 (Zhu, Dong and Wang, Proposition 30). The same in both directions.
    WithoutReplacement { rate: f64, noise: f64 },
    /// `e^L` (remove) or `e^{−L}` (add) is the mean of `steps` independent `e^{(2x − 1)/2s²}`, `x ~ N(0, s²)`.
    Allocation { steps: u64, noise: f64, direction: Direction },
}

/// The law of `mechanism` in one direction; `None` where the other direction has the same law and has been asked for.
pub(crate) fn law(mechanism: &Mechanism, direction: Direction) -> Law {
    let mirrored = |noise: f64, p: Vec<(f64, f64)>, q: Vec<(f64, f64)>| {
        let mirror = |law: Vec<(f64, f64)>| law.into_iter().rev().map(|(mean, mass)| (0.0 - mean, mass)).collect();
        Pair { noise, p: mirror(q), q: mirror(p) }
    };
    let one = |noise, p, q| {
        let pair = match direction {
            Direction::Remove => Pair { noise, p, q },
            Direction::Add => mirrored(noise, p, q),
        };
        Law::Mixture(vec![(1.0, pair)])
    };
    match *mechanism {
        Mechanism::Gaussian { noise } => Law::Gaussian { noise },
        Mechanism::Poisson { rate, noise } => one(noise, vec![(0.0, 1.0 - rate), (1.0, rate)], vec![(0.0, 1.0)]),
        Mechanism::PoissonReplace { rate, noise } => {
            one(noise, vec![(0.0, 1.0 - rate), (1.0, rate)], vec![(-1.0, rate), (0.0, 1.0 - rate)])
        }
        Mechanism::Group { rate, noise, size } => one(noise, binomial(size, rate), vec![(0.0, 1.0)]),
        Mechanism::Truncated { .. } => unimplemented!(),
        Mechanism::WithoutReplacement { noise, dataset, batch } => {
            Law::WithoutReplacement { rate: (batch as f64 / dataset as f64).next_up(), noise }
        }
        Mechanism::Allocation { noise, steps } => Law::Allocation { steps, noise, direction },
    }
}

/// (k, probability of k) for k = 0..=n.
fn binomial(n: u32, rate: f64) -> Vec<(f64, f64)> {
    let log_choose = |k: u32| {
        libm::lgamma(f64::from(n) + 1.0) - libm::lgamma(f64::from(k) + 1.0) - libm::lgamma(f64::from(n - k) + 1.0)
    };
    let log_mass = |k: u32| log_choose(k) + f64::from(k) * libm::log(rate) + f64::from(n - k) * libm::log1p(-rate);
    (0..=n).map(|k| (f64::from(k), libm::exp(log_mass(k)))).collect()
}
