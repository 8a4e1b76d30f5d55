//! How well can anyone tell whether a record was used? Bounds on every membership test, from the certified curve δ(ε).
//!
//! A test answers "used" on some set of outputs. Let `α` be its false positive rate, the probability of that set without
//! the record, and `τ` its true positive rate, the probability with it. The curve holds in both directions (the larger
//! delta counts), so for **every** ε ≥ 0, by the definition of (ε, δ) for the set and for its complement,
//!
//! - `τ ≤ e^ε·α + δ(ε)`;
//! - `1 − α ≤ e^ε·(1 − τ) + δ(ε)`, which is `τ ≤ 1 − e^{−ε}·(1 − α − δ(ε))`.
//!
//! These are the two lines of f_{ε,δ} (Dong, Roth and Su, arXiv 1905.02383, Proposition 2.4), and for a symmetric pair of
//! laws the smallest over ε is the exact trade-off function (Proposition 2.12). The lines are the tangents of a concave
//! curve: their slope is `s = e^ε` in the first and `s = e^{−ε}` in the second family, and the value at α of the tangent
//! with slope s is convex in s. So one search over `log s` on the whole line, for a function that first falls and then
//! rises, covers both. The bound holds at whatever slope the search ends; its tightness alone depends on the search.
//!
//! **Attack success.** With prior probability π that the record was used, a test is right with probability
//! `π·τ + (1 − π)·(1 − α)`. For π ≤ 1/2 this is `(1 − π) + π·(τ − e^ε·α)` at `e^ε = (1 − π)/π`, and the bracket is at most
//! `δ(ε)`. For π > 1/2 it is `π + (1 − π)·((1 − α) − e^ε·(1 − τ))` at `e^ε = π/(1 − π)`, and again the bracket is at most
//! `δ(ε)`, now in the other direction. Together: `max(π, 1 − π) + min(π, 1 − π)·δ(|log(π/(1 − π))|)`, at most
//! `(1 + δ(0))/2` for the fair coin. No test does better; the likelihood ratio test reaches it if δ is exact.

use crate::{Adjacency, Epsilon, Event, Unsupported, delta_of};
use serde::{Deserialize, Serialize};

/// One point of the f-DP trade-off curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TradeOff {
    /// How often a test may claim membership of a record that was not used.
    pub false_positive_rate: f64,
    /// No test at that rate recognises a record that was used with a higher probability than this.
    pub true_positive_rate_upper: f64,
}

/// The false positive rates that reports show: 0.01 %, 0.1 %, 1 %, 5 %, 10 % and 50 %.
pub fn standard_false_positive_rates() -> [f64; 6] {
    [0.0001, 0.001, 0.01, 0.05, 0.1, 0.5]
}

/// The largest true positive rate of any membership test, at each of `false_positive_rates` (each from 0 to 1).
///
/// `τ(α) = min over ε of min(e^ε·α + δ(ε), 1 − e^{−ε}·(1 − α − δ(ε)))` (Dong, Roth and Su, arXiv 1905.02383), rounded up;
/// between α and 1. It bounds tests that know everything but the record and the noise, for either data set of a pair.
pub fn trade_off(
    event: &Event,
    adjacency: Adjacency,
    false_positive_rates: &[f64],
) -> Result<Vec<TradeOff>, Unsupported> {
    let point = |rate: &f64| {
        let false_positive_rate = *rate;
        if !(0.0..=1.0).contains(&false_positive_rate) {
            return Err(Unsupported::Malformed("a false positive rate must be between 0 and 1"));
        }
        let true_positive_rate_upper =
            true_positive_rate(false_positive_rate, |epsilon| delta_at(event, adjacency, epsilon))?;
        Ok(TradeOff { false_positive_rate, true_positive_rate_upper })
    };
    false_positive_rates.iter().map(point).collect()
}

/// The probability with which the best membership test is right, about a record used with probability `prior` (above 0,
/// below 1); rounded up.
///
/// `max(π, 1 − π) + min(π, 1 − π)·δ(|log(π/(1 − π))|)`, see the module's essay. Guessing alone is right with probability
/// `max(π, 1 − π)`.
pub fn attack_success(event: &Event, adjacency: Adjacency, prior: f64) -> Result<f64, Unsupported> {
    if !(prior > 0.0 && prior < 1.0) {
        return Err(Unsupported::Malformed("the prior probability of membership must be above 0 and below 1"));
    }
    let (rare, common) = if prior <= 0.5 { (prior, 1.0 - prior) } else { (1.0 - prior, prior) };
    // δ falls in ε, so rounding ε down is an upper bound. Both differences above are exact or err by half an ulp of 1.
    let epsilon = (libm::log(common / rare) * (1.0 - 4.0 * f64::EPSILON) - 4.0 * f64::EPSILON).max(0.0);
    let delta = delta_at(event, adjacency, epsilon)?;
    Ok((common + rare * delta + 4.0 * f64::EPSILON).min(1.0))
}

fn delta_at(event: &Event, adjacency: Adjacency, epsilon: f64) -> Result<f64, Unsupported> {
    let epsilon = Epsilon::new(epsilon).map_err(|_| Unsupported::Unbounded)?;
    Ok(delta_of(event, epsilon, adjacency)?.delta_upper)
}

/// Slopes below `e^{−36}` move a probability near 1 by less than its last bit.
const LOG_SLOPE_MIN: f64 = -36.0;
/// `e^{700}` is still a float.
const LOG_SLOPE_MAX: f64 = 700.0;
/// Final width of the search in `log s`; the relative loss is about its square.
const SEARCH_WIDTH: f64 = 1e-5;

/// Smallest tangent value at `alpha` over all slopes; `delta` is any upper bound on the curve.
fn true_positive_rate(alpha: f64, mut delta: impl FnMut(f64) -> Result<f64, Unsupported>) -> Result<f64, Unsupported> {
    if alpha >= 1.0 {
        return Ok(1.0);
    }
    if alpha <= 0.0 {
        // τ ≤ δ(ε) for every ε, and δ falls.
        return Ok(delta(LOG_SLOPE_MAX)?.min(1.0));
    }
    let mut tangent = |log_slope: f64| {
        let delta = delta(log_slope.abs())?;
        let scale = libm::exp(log_slope);
        Ok(if log_slope >= 0.0 {
            (scale * alpha + delta) * (1.0 + 8.0 * f64::EPSILON)
        } else {
            1.0 - scale * (1.0 - alpha - delta) + 4.0 * f64::EPSILON
        })
    };
    // A slope above 1/alpha promises less than nothing.
    let steepest = (-libm::log(alpha)).min(LOG_SLOPE_MAX);
    // Both families meet at slope 1, often in a corner, which a search only comes close to.
    let corner = tangent(0.0)?;
    Ok(minimum(LOG_SLOPE_MIN, steepest, tangent)?.min(corner).clamp(alpha, 1.0))
}

/// The smallest value seen while searching a function that first falls and then rises (Brent, Algorithms for Minimization
/// Without Derivatives, chapter 5): parabolas where they help, golden sections where they do not.
fn minimum<E>(left: f64, right: f64, mut value: impl FnMut(f64) -> Result<f64, E>) -> Result<f64, E> {
    const GOLDEN: f64 = 0.381_966_011_250_105_1;
    let (mut left, mut right) = (left, right);
    let first = left + GOLDEN * (right - left);
    // The best point so far, the second best, and the second best before that; each with its value.
    let mut best = (first, value(first)?);
    let (mut second, mut third) = (best, best);
    let (mut step, mut step_before) = (0.0f64, 0.0f64);
    loop {
        let middle = 0.5 * (left + right);
        if (best.0 - middle).abs() + 0.5 * (right - left) <= 2.0 * SEARCH_WIDTH {
            return Ok(best.1);
        }
        let (parabola, limit) = (parabola(best, second, third), 0.5 * step_before);
        step_before = step;
        let fits = |x: f64| x > left + SEARCH_WIDTH && x < right - SEARCH_WIDTH && (x - best.0).abs() < limit.abs();
        step = match parabola {
            Some(x) if fits(x) => x - best.0,
            _ => {
                step_before = if best.0 < middle { right - best.0 } else { left - best.0 };
                GOLDEN * step_before
            }
        };
        // Closer points would only measure rounding.
        let next = best.0 + if step.abs() < SEARCH_WIDTH { SEARCH_WIDTH.copysign(step) } else { step };
        let next = (next, value(next)?);
        if next.1 <= best.1 {
            *(if next.0 < best.0 { &mut right } else { &mut left }) = best.0;
            (best, second, third) = (next, best, second);
        } else {
            *(if next.0 < best.0 { &mut left } else { &mut right }) = next.0;
            if next.1 <= second.1 || second == best {
                (second, third) = (next, second);
            } else if next.1 <= third.1 || third == best || third == second {
                third = next;
            }
        }
    }
}

/// Where the parabola through three points has its vertex.
fn parabola(a: (f64, f64), b: (f64, f64), c: (f64, f64)) -> Option<f64> {
    let (left, right) = ((a.0 - b.0) * (a.1 - c.1), (a.0 - c.0) * (a.1 - b.1));
    let x = a.0 - 0.5 * ((a.0 - b.0) * left - (a.0 - c.0) * right) / (left - right);
    x.is_finite().then_some(x)
}

#[cfg(test)]
mod tests;
