//! Where to put the contour: the saddle point, found quickly and without any promise.
//!
//! Every `c > 0` gives a valid contour; only the number of nodes depends on it. So nothing here needs an error bound: the
//! cumulant `K` comes from a coarse trapezoid rule on the real axis, of a sample of the laws where there are many.

use super::range::right_end;
use crate::law::{Law, Pair};

/// Above so many laws, every k-th stands for k of them.
const LAWS_MAX: usize = 40;
/// More nodes than this and the contour is the wrong engine.
const NODES_MAX: f64 = 6_000.0;

/// Coarse nodes of a composition.
pub(super) struct Sketch {
    /// (count, (loss, log weight) of each node).
    laws: Vec<(f64, Vec<(f64, f64)>)>,
    /// `Σ count/s²` of the Gaussian releases.
    square: f64,
}

/// `K`, `K′` and `K″` at one c.
#[derive(Clone, Copy)]
pub(super) struct Cumulant {
    pub(super) value: f64,
    pub(super) slope: f64,
    pub(super) curvature: f64,
}

/// The nodes that serve every c up to `c_max`; `None` where they would be too many.
pub(super) fn sketch(laws: &[(Law, u64)], c_max: f64) -> Option<Sketch> {
    let mut sketch = Sketch { laws: Vec::new(), square: 0.0 };
    let sampled: Vec<_> = laws.iter().filter(|(law, _)| !matches!(law, Law::Gaussian { .. })).collect();
    let stride = sampled.len().div_ceil(LAWS_MAX).max(1);
    for chunk in sampled.chunks(stride) {
        let (Law::Mixture(branches), _) = chunk[chunk.len() / 2] else { return None };
        let count: f64 = chunk.iter().map(|(_, count)| *count as f64).sum();
        let mut nodes = Vec::new();
        for (weight, pair) in branches {
            if *weight > 0.0 {
                add(pair, *weight, c_max, &mut nodes)?;
            }
        }
        sketch.laws.push((count, nodes));
    }
    for (law, count) in laws {
        if let Law::Gaussian { noise } = law {
            sketch.square += *count as f64 / (noise * noise);
        }
    }
    Some(sketch)
}

fn add(pair: &Pair, weight: f64, c_max: f64, nodes: &mut Vec<(f64, f64)>) -> Option<()> {
    let s = pair.noise;
    let (spread_p, spread_q) = pair.spreads();
    let step = (0.4 * s).min(s * s / spread_p.max(spread_q));
    // The saddle lies where x = (1 + c)·E_P[m|x] − c·E_Q[m|x].
    let (left, right) = (-9.0 * s, right_end(pair, c_max, 9.0 * s));
    if (right - left) / step > NODES_MAX {
        return None;
    }
    let (first, last) = ((left / step).floor() as i64, (right / step).ceil() as i64);
    let scale = libm::log(weight * step / s) - 0.918_938_533_204_672_8;
    for node in first..=last {
        let x = node as f64 * step;
        let (log_a, log_b) = pair.logs(x);
        nodes.push((log_a - log_b, log_a - x * x / (2.0 * s * s) + scale));
    }
    Some(())
}

impl Sketch {
    /// The cumulant at c.
    pub(super) fn at(&self, c: f64) -> Cumulant {
        let mut sum = Cumulant {
            value: self.square * c * (c + 1.0) / 2.0,
            slope: self.square * (c + 0.5),
            curvature: self.square,
        };
        for (count, nodes) in &self.laws {
            let top = nodes.iter().map(|(loss, log)| log + c * loss).fold(f64::NEG_INFINITY, f64::max);
            let (mut mass, mut first, mut second) = (0.0, 0.0, 0.0);
            for (loss, log) in nodes {
                let exponent = log + c * loss - top;
                if exponent > -40.0 {
                    let weight = libm::exp(exponent);
                    mass += weight;
                    first += weight * loss;
                    second += weight * loss * loss;
                }
            }
            let mean = first / mass;
            sum.value += count * (top + libm::log(mass));
            sum.slope += count * mean;
            sum.curvature += count * (second / mass - mean * mean).max(0.0);
        }
        sum
    }

    /// The saddle point of the integral for one epsilon: `K′(c) = ε + 1/c + 1/(1 + c)`.
    pub(super) fn saddle_at_epsilon(&self, epsilon: f64, c_max: f64) -> f64 {
        root(c_max, |c| self.at(c).slope - epsilon - 1.0 / c - 1.0 / (1.0 + c))
    }

    /// The saddle point of the integral whose value is `e^{log_delta}`, and the epsilon there, by the saddle-point
    /// approximation of Alghamdi et al. (arXiv 2208.09595).
    pub(super) fn saddle_at_delta(&self, log_delta: f64, c_max: f64) -> (f64, f64) {
        let epsilon = |c: f64, k: Cumulant| k.slope - 1.0 / c - 1.0 / (1.0 + c);
        let c = root(c_max, |c| {
            let k = self.at(c);
            let width = k.curvature + 1.0 / (c * c) + 1.0 / ((1.0 + c) * (1.0 + c));
            let log =
                k.value - c * epsilon(c, k) - libm::log(c * (1.0 + c)) - 0.5 * libm::log(std::f64::consts::TAU * width);
            log_delta - log
        });
        (c, epsilon(c, self.at(c)))
    }
}

/// The root of a function that rises in c, by bracketing and false position on `log c`; the bounds where there is none.
fn root(c_max: f64, value: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (1.0f64.min(c_max), 1.0f64.min(c_max));
    let (mut at_low, mut at_high) = (value(low), 0.0);
    if at_low > 0.0 {
        at_high = at_low;
        while at_low > 0.0 {
            (high, at_high) = (low, at_low);
            low /= 3.0;
            if low < 1e-9 {
                return low;
            }
            at_low = value(low);
        }
    } else {
        while at_high <= 0.0 {
            if high >= c_max {
                return c_max;
            }
            (low, at_low) = if at_high < 0.0 { (high, at_high) } else { (low, at_low) };
            high = (high * 3.0).min(c_max);
            at_high = value(high);
        }
    }
    for k in 0..60 {
        let (log_low, log_high) = (libm::log(low), libm::log(high));
        // Illinois: a halving every third time keeps the bracket shrinking.
        let part = if k % 3 == 2 { 0.5 } else { (at_low / (at_low - at_high)).clamp(0.02, 0.98) };
        let middle = libm::exp(log_low + part * (log_high - log_low));
        let at_middle = value(middle);
        if at_middle > 0.0 {
            (high, at_high) = (middle, at_middle);
        } else {
            (low, at_low) = (middle, at_middle);
        }
        if high / low < 1.0 + 1e-7 || at_middle.abs() < 0.02 {
            return middle;
        }
    }
    low
}
