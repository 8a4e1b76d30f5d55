//! The cumulant of everything composed, in one direction: cheaply to a few digits, and as an upper bound.
//!
//! `K` adds up under adaptive composition, so the total is a weighted sum over distinct releases. A release whose law is
//! one of several public pairs has `e^K = Σ weight·e^{Kᵢ}`, that is `1 + Σ weight·E_Q[gᵢ]`.
//!
//! Sampling without replacement has the curve of one pair above a loss of 0 and of another below. As
//! `E_Q[W^{1+c}] − 1 = c(1 + c)∫ a^{c−1} h(a) da` with `h(a) = E_Q[(W − a)₊]` for a ≥ 1 and `E_Q[(a − W)₊]` for a < 1, and each
//! pair's own h is at least 0 on the other side, it is at most `1 + E_Q[g] + E_Q[g′]` for the two pairs: both weights are 1.
//!
//! A search over hyper-parameters adds the cumulant that [`crate::selection`] derives from that of one run, in both directions.

use super::cumulant::{Jet, Ratio, log_add};
use super::{least_delta, solve};
use crate::law::binomial::RELATIVE_ERROR;
use crate::law::{Direction, Law, Pair, exchanged, law};
use crate::release::Releases;
use crate::selection::Selection;
use crate::{Trials, Unsupported};

/// Relative allowance for the rounding of a handful of operations.
const ROUNDING: f64 = 16.0 * f64::EPSILON;
const NO_CUMULANT: &str = "Rényi DP has no cumulant for random allocation";
/// Relative step of the difference quotients.
const STEP: f64 = 1e-3;

/// Everything composed, in one direction.
#[derive(Debug)]
pub(super) struct Total {
    releases: Vec<(Cost, f64)>,
    searches: Vec<(Search, f64)>,
}

#[derive(Debug)]
enum Cost {
    Gaussian {
        noise: f64,
    },
    /// One of several pairs, with these weights; `masses` is the relative error of weights and masses.
    Mixture {
        pairs: Vec<(f64, Ratio)>,
        masses: f64,
    },
}

/// A search: one run in this direction and in the other one.
#[derive(Debug)]
struct Search {
    run: Total,
    back: Total,
    selection: Selection,
    /// What the search adds to `K(c)` per c, where that does not depend on c.
    slope: f64,
}

impl Total {
    pub(super) fn new(releases: &Releases, direction: Direction) -> Result<Self, Unsupported> {
        let release = |(mechanism, count): &(_, u64)| {
            let cost = match law(mechanism, direction) {
                Law::Gaussian { noise } => Cost::Gaussian { noise },
                Law::Mixture(pairs) => Cost::mixture(&pairs),
                Law::WithoutReplacement { rate, noise } => {
                    Cost::mixture(&exchanged(rate, noise).map(|pair| (1.0, pair)))
                }
                Law::Allocation { .. } => return Err(Unsupported::Malformed(NO_CUMULANT)),
            };
            Ok((cost, *count as f64))
        };
        let search =
            |(run, trials, count): &(Releases, Trials, u64)| Ok((Search::new(run, *trials, direction)?, *count as f64));
        Ok(Self {
            releases: releases.mechanisms.iter().map(release).collect::<Result<_, Unsupported>>()?,
            searches: releases.searches.iter().map(search).collect::<Result<_, Unsupported>>()?,
        })
    }

    /// Upper bound on `δ(0)`: total variation adds up under composition.
    pub(super) fn total_variation(&self) -> f64 {
        let releases: f64 = self.releases.iter().map(|(cost, count)| count * cost.total_variation()).sum();
        // The best of K runs is a function of K runs.
        let searches = |(search, count): &(Search, f64)| {
            count * (search.selection.expected_trials() * search.run.total_variation()).min(1.0)
        };
        let sum = releases + self.searches.iter().map(searches).sum::<f64>();
        sum * (1.0 + f64::EPSILON * (8 + self.releases.len() + self.searches.len()) as f64)
    }

    /// `K(c)`, rounded up; infinite when it overflows.
    pub(super) fn upper(&self, c: f64) -> Result<f64, Unsupported> {
        let mut sum = 0.0;
        for (cost, count) in &self.releases {
            sum += count * cost.upper(c);
        }
        for (search, count) in &self.searches {
            sum += count * search.upper(c)?;
        }
        Ok(sum * (1.0 + f64::EPSILON * (2 + self.releases.len() + self.searches.len()) as f64))
    }

    /// `K(c)` and its first two derivatives to a few digits; `None` where c is too large for that.
    pub(super) fn glance(&self, c: f64) -> Option<[f64; 3]> {
        let mut sum = [0.0; 3];
        let parts = self.releases.iter().map(|(cost, count)| (cost.glance(c), count));
        let searches = self.searches.iter().map(|(search, count)| (search.glance(c), count));
        for (part, count) in parts.chain(searches) {
            let part = part?;
            (0..3).for_each(|k| sum[k] += count * part[k]);
        }
        sum.iter().all(|part| part.is_finite()).then_some(sum)
    }

    /// `K(0)` as the bounds have it: 0 but for searches.
    pub(super) fn constant(&self) -> f64 {
        self.searches.iter().map(|(search, count)| count * search.selection.constant()).sum()
    }

    /// A guess of the order at which K is about `loss`.
    pub(super) fn typical_order(&self, loss: f64) -> f64 {
        let releases = self.releases.iter().map(|(cost, count)| cost.typical_order(loss, *count));
        let searches = self.searches.iter().map(|(search, count)| search.run.typical_order(loss / count));
        releases.chain(searches).fold(f64::INFINITY, f64::min)
    }
}

impl Cost {
    fn mixture(pairs: &[(f64, Pair)]) -> Self {
        // A coin's masses are exact, because the one at mean 0 is what the other leaves; a binomial's are not.
        let coins = pairs.iter().all(|(_, pair)| pair.p.len().max(pair.q.len()) <= 2);
        let certain = pairs.iter().all(|(weight, _)| *weight >= 1.0);
        let masses = match pairs.len() {
            _ if coins && certain => 0.0,
            1 => 1e-13,
            _ => RELATIVE_ERROR,
        };
        let pairs = pairs.iter().filter(|(weight, _)| *weight > 0.0);
        Self::Mixture { pairs: pairs.map(|(weight, pair)| (*weight, Ratio::new(pair))).collect(), masses }
    }

    fn total_variation(&self) -> f64 {
        match self {
            Self::Gaussian { noise } => gaussian_variation(*noise),
            Self::Mixture { pairs, masses } => {
                let sum: f64 = pairs.iter().map(|(weight, ratio)| weight * ratio.total_variation()).sum();
                sum * (1.0 + 4.0 * masses + ROUNDING)
            }
        }
    }

    fn upper(&self, c: f64) -> f64 {
        match self {
            Self::Gaussian { noise } => c * (c + 1.0) / (2.0 * noise * noise) * (1.0 + ROUNDING),
            Self::Mixture { pairs, masses } => {
                let log_excess = pairs
                    .iter()
                    .map(|(weight, ratio)| libm::log(*weight) + ratio.log_excess(c))
                    .fold(f64::NEG_INFINITY, log_add);
                // A moved mass that is off by a part moves `log g` by less than 64 + 4c such parts: `v` by as much, and `log g` by
                // at most (a + 2)·v/w + 2/w times that for w > 1, by `|log w|/|v|` at worst for w < 1.
                let allowance = ROUNDING * pairs.len() as f64 * (1.0 + log_excess.abs()) + (64.0 + 4.0 * c) * masses;
                let log_excess = log_excess + allowance;
                softplus(log_excess) * (1.0 + ROUNDING) + f64::MIN_POSITIVE
            }
        }
    }

    fn glance(&self, c: f64) -> Option<[f64; 3]> {
        match self {
            Self::Gaussian { noise } => {
                let half = 0.5 / (noise * noise);
                Some([c * (c + 1.0) * half, (2.0 * c + 1.0) * half, 2.0 * half])
            }
            Self::Mixture { pairs, .. } => {
                let jets = pairs.iter().map(|(weight, ratio)| Some((*weight, ratio.glance(c)?)));
                Some(logarithm(&jets.collect::<Option<Vec<_>>>()?))
            }
        }
    }

    fn typical_order(&self, loss: f64, count: f64) -> f64 {
        match self {
            Self::Gaussian { noise } => noise * libm::sqrt(2.0 * loss / count),
            Self::Mixture { pairs, .. } => {
                let orders = pairs.iter().map(|(weight, ratio)| ratio.typical_order(loss, weight * count));
                orders.fold(f64::INFINITY, f64::min)
            }
        }
    }
}

impl Search {
    fn new(run: &Releases, trials: Trials, direction: Direction) -> Result<Self, Unsupported> {
        let other = match direction {
            Direction::Remove => Direction::Add,
            Direction::Add => Direction::Remove,
        };
        let (run, back) = (Total::new(run, direction)?, Total::new(run, other)?);
        let selection = Selection::new(trials);
        let slope = match selection.log_inverse_gamma() {
            Some(level) => {
                // The stationary point of `(K(ĉ) + level)/(1 + ĉ)`, where `(1 + ĉ)·K′ − K` is the level.
                let stationary = |c: f64| {
                    let [k, slope, bend] = back.glance(c)?;
                    let rise = (1.0 + c) * slope - k + back.constant();
                    Some((libm::log(rise / (level + back.constant())), c * (1.0 + c) * bend / rise))
                };
                let best = solve(back.typical_order(level), stationary);
                selection.slope(best, back.upper(best)?)
            }
            None => 0.0,
        };
        Ok(Self { run, back, selection, slope })
    }

    fn upper(&self, c: f64) -> Result<f64, Unsupported> {
        let delta = if self.selection.log_inverse_gamma().is_none() { self.delta(c)? } else { 0.0 };
        Ok(self.selection.cumulant(c, self.run.upper(c)?, self.slope, delta))
    }

    fn glance(&self, c: f64) -> Option<[f64; 3]> {
        if self.selection.log_inverse_gamma().is_none() {
            let at = |c| Some(self.selection.cumulant(c, self.run.glance(c)?[0], 0.0, self.delta(c).ok()?));
            return quotients(c, at);
        }
        let [k, slope, bend] = self.run.glance(c)?;
        Some([self.selection.cumulant(c, k, self.slope, 0.0), slope + self.slope, bend])
    }

    /// Upper bound on the delta of one run, in the other direction, at epsilon `log(1 + 1/c)`.
    fn delta(&self, c: f64) -> Result<f64, Unsupported> {
        // Rounded down, which can only raise delta.
        let epsilon = libm::log1p(1.0 / c) * (1.0 - ROUNDING);
        Ok(libm::exp(least_delta(&self.back, epsilon)?).min(self.back.total_variation()).min(1.0))
    }
}

fn gaussian_variation(noise: f64) -> f64 {
    libm::erf(std::f64::consts::FRAC_1_SQRT_2 / (2.0 * noise)) * (1.0 + ROUNDING)
}

/// `log(1 + e^x)`.
fn softplus(x: f64) -> f64 {
    if x > 30.0 { x + libm::exp(-x) } else { libm::log1p(libm::exp(x)) }
}

/// `log(1 + Σ weight·E)` and its derivatives.
fn logarithm(parts: &[(f64, Jet)]) -> [f64; 3] {
    let shift = parts.iter().map(|(_, jet)| jet.shift).fold(0.0, f64::max);
    let mut sum = [0.0; 3];
    for (weight, jet) in parts {
        let scale = weight * libm::exp(jet.shift - shift);
        (0..3).for_each(|k| sum[k] += scale * jet.value[k]);
    }
    let one = libm::exp(-shift);
    let log = if shift > 30.0 { shift + libm::log(one + sum[0]) } else { libm::log1p(sum[0] / one) };
    let slope = sum[1] / (one + sum[0]);
    [log, slope, sum[2] / (one + sum[0]) - slope * slope]
}

/// A value and its derivatives by central differences.
fn quotients(c: f64, at: impl Fn(f64) -> Option<f64>) -> Option<[f64; 3]> {
    let step = STEP * c;
    let (left, here, right) = (at(c - step)?, at(c)?, at(c + step)?);
    Some([here, (right - left) / (2.0 * step), ((right - here) - (here - left)) / (step * step)])
}
