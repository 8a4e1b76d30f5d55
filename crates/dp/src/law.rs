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

pub(crate) mod binomial;

use crate::release::Mechanism;
use num_complex::Complex64;
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

impl Law {
    /// The largest value of the loss; infinite for all but laws of adding a record to a sample.
    pub(crate) fn loss_max(&self) -> f64 {
        let Self::Mixture(branches) = self else { return f64::INFINITY };
        let one = |pair: &Pair| match (pair.p.as_slice(), pair.q.last()) {
            // Far to the right only the components at 0 are left.
            ([(_, _)], Some((_, mass))) => -libm::log(*mass),
            _ => f64::INFINITY,
        };
        branches.iter().filter(|(weight, _)| *weight > 0.0).map(|(_, pair)| one(pair)).fold(0.0, f64::max)
    }
}

/// Above the largest value of the loss delta is 0; only the loss of adding records is bounded.
pub(crate) fn loss_max(laws: &[(Law, u64)]) -> f64 {
    // The mass 1 − q is off by up to a unit roundoff, which is most of the loss where q is tiny.
    let one = |(law, count): &(Law, u64)| *count as f64 * (law.loss_max() + f64::EPSILON);
    laws.iter().map(one).sum::<f64>() * (1.0 + 1e-12)
}

/// The law of `mechanism` in one direction.
pub(crate) fn law(mechanism: &Mechanism, direction: Direction) -> Law {
    let pair = |noise, p, q| match direction {
        Direction::Remove => Pair { noise, p, q },
        Direction::Add => Pair { noise, p: mirror(q), q: mirror(p) },
    };
    match *mechanism {
        Mechanism::Gaussian { noise } => Law::Gaussian { noise },
        Mechanism::Poisson { rate, noise } => Law::Mixture(vec![(1.0, pair(noise, coin(rate, 1.0), certain()))]),
        Mechanism::PoissonReplace { rate, noise } => {
            Law::Mixture(vec![(1.0, pair(noise, coin(rate, 1.0), mirror(coin(rate, 1.0))))])
        }
        Mechanism::Group { rate, noise, size } => {
            Law::Mixture(vec![(1.0, pair(noise, binomial::masses(size, rate), certain()))])
        }
        Mechanism::Truncated { rate, noise, dataset, batch } => {
            // Where the others alone fill the batch, the record pushes one of them out: both neighbours move, each by up
            // to twice the norm, with the probability that the record is in a full batch.
            let (full, sampled_when_full) = binomial::truncation(dataset, batch, rate);
            let moved = coin(sampled_when_full, 2.0);
            let full_pair = pair(noise, moved.clone(), mirror(moved));
            Law::Mixture(vec![(full, full_pair), (1.0 - full, pair(noise, coin(rate, 1.0), certain()))])
        }
        Mechanism::WithoutReplacement { noise, dataset, batch } => {
            Law::WithoutReplacement { rate: (batch as f64 / dataset as f64).next_up(), noise }
        }
        Mechanism::Allocation { noise, steps } => Law::Allocation { steps, noise, direction },
    }
}

/// The two pairs of [`Law::WithoutReplacement`]: for losses above 0 (x > ½) and, moved by 1, below 0 (x < −½).
pub(crate) fn exchanged(rate: f64, noise: f64) -> [Pair; 2] {
    let above = Pair { noise, p: coin(rate, 1.0), q: certain() };
    let below = Pair { noise, p: certain(), q: mirror(coin(rate, 1.0)) };
    [above, below]
}

fn certain() -> Vec<(f64, f64)> {
    vec![(0.0, 1.0)]
}

fn coin(rate: f64, shift: f64) -> Vec<(f64, f64)> {
    vec![(0.0, 1.0 - rate), (shift, rate)]
}

fn mirror(law: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    law.into_iter().rev().map(|(mean, mass)| (0.0 - mean, mass)).collect()
}

/// Exponents above this are taken out of a sum of exponentials before it overflows.
const LARGE: f64 = 600.0;

impl Pair {
    /// `log A(x)` and `log B(x)`, where P and Q have the densities `A(x)·φ(x/s)/s` and `B(x)·φ(x/s)/s`.
    ///
    /// Near `A = 1` the error is relative to `A − 1`: the mass at mean 0 is 1 less the others, so `A − 1 = Σ pⱼ·(e^{yⱼ} − 1)`.
    pub(crate) fn logs(&self, x: f64) -> (f64, f64) {
        let variance = self.noise * self.noise;
        (log_side(&self.p, x, variance), log_side(&self.q, x, variance))
    }

    /// [`Pair::logs`] at `x + iy`, `0 ≤ y·spread < πs²`, continued from the real line.
    pub(crate) fn logs_above(&self, x: f64, y: f64) -> (Complex64, Complex64) {
        let variance = self.noise * self.noise;
        (log_side_above(&self.p, x, y, variance), log_side_above(&self.q, x, y, variance))
    }

    /// The posterior means of P and Q at x.
    pub(crate) fn posterior_means(&self, x: f64) -> (f64, f64) {
        let variance = self.noise * self.noise;
        (posterior_mean(&self.p, x, variance), posterior_mean(&self.q, x, variance))
    }

    /// Distance between the outermost means of P, and of Q.
    pub(crate) fn spreads(&self) -> (f64, f64) {
        let spread = |side: &[(f64, f64)]| side.iter().map(|(mean, _)| mean.abs()).fold(0.0, f64::max);
        (spread(&self.p), spread(&self.q))
    }
}

/// The exponent `m·(2x − m)/2s²` of one Gaussian against the one at 0.
fn exponent(mean: f64, x: f64, variance: f64) -> f64 {
    mean * (2.0 * x - mean) / (2.0 * variance)
}

fn log_side(side: &[(f64, f64)], x: f64, variance: f64) -> f64 {
    if let [(mean, _)] = side {
        return exponent(*mean, x, variance);
    }
    let top = side.iter().map(|(mean, _)| exponent(*mean, x, variance)).fold(0.0, f64::max);
    if top > LARGE {
        let sum: f64 = side.iter().map(|(mean, mass)| mass * libm::exp(exponent(*mean, x, variance) - top)).sum();
        return top + libm::log(sum);
    }
    let excess: f64 = side.iter().map(|(mean, mass)| mass * libm::expm1(exponent(*mean, x, variance))).sum();
    if excess > -0.5 {
        return libm::log1p(excess);
    }
    libm::log(side.iter().map(|(mean, mass)| mass * libm::exp(exponent(*mean, x, variance))).sum())
}

fn log_side_above(side: &[(f64, f64)], x: f64, y: f64, variance: f64) -> Complex64 {
    if let [(mean, _)] = side {
        return Complex64::new(exponent(*mean, x, variance), mean * y / variance);
    }
    let top = side.iter().map(|(mean, _)| exponent(*mean, x, variance)).fold(0.0, f64::max);
    // Below, the sum is squared.
    if top > LARGE / 2.0 {
        let sum: Complex64 = side
            .iter()
            .map(|(mean, mass)| {
                let (sin, cos) = libm::sincos(mean * y / variance);
                Complex64::new(cos, sin) * (mass * libm::exp(exponent(*mean, x, variance) - top))
            })
            .sum();
        return Complex64::new(top + libm::log(libm::hypot(sum.re, sum.im)), libm::atan2(sum.im, sum.re));
    }
    // e^{a + ib} − 1 = (e^a − 1)·cos b − 2 sin²(b/2) + i·e^a·sin b, without cancellation.
    let excess: Complex64 = side
        .iter()
        .map(|(mean, mass)| {
            let angle = mean * y / variance;
            let growth = libm::expm1(exponent(*mean, x, variance));
            let (half_sin, half_cos) = libm::sincos(0.5 * angle);
            let (sin, less_one) = (2.0 * half_sin * half_cos, -2.0 * half_sin * half_sin);
            Complex64::new(mass * (growth * (1.0 + less_one) + less_one), mass * (growth + 1.0) * sin)
        })
        .sum();
    let square = excess.re * (2.0 + excess.re) + excess.im * excess.im;
    let modulus =
        if square > -0.5 { 0.5 * libm::log1p(square) } else { libm::log(libm::hypot(1.0 + excess.re, excess.im)) };
    Complex64::new(modulus, libm::atan2(excess.im, 1.0 + excess.re))
}

fn posterior_mean(side: &[(f64, f64)], x: f64, variance: f64) -> f64 {
    if side.len() == 1 {
        return side[0].0;
    }
    let top = side.iter().map(|(mean, _)| exponent(*mean, x, variance)).fold(f64::NEG_INFINITY, f64::max);
    let (sum, weighted) = side.iter().fold((0.0, 0.0), |(sum, weighted), (mean, mass)| {
        let weight = mass * libm::exp(exponent(*mean, x, variance) - top);
        (sum + weight, weighted + weight * mean)
    });
    weighted / sum
}

#[cfg(test)]
mod tests;
