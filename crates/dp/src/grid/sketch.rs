//! A few hundred points of a law, to choose a grid by. Nothing here is part of a proof.

use super::cells;
use crate::law::Pair;

/// Points (loss, log of the mass under P), losses rising.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sketch(pub(super) Vec<(f64, f64)>);

/// The cumulant of a law at c with its first two derivatives.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Moments {
    pub(super) log: f64,
    pub(super) mean: f64,
    pub(super) variance: f64,
}

/// The x within `far` standard deviations of some mean.
pub(super) fn finite_range(pair: &Pair, far: f64) -> (f64, f64) {
    let means = || pair.p.iter().chain(&pair.q).map(|(m, _)| *m);
    let low = means().fold(f64::INFINITY, f64::min) - far * pair.noise;
    let high = means().fold(f64::NEG_INFINITY, f64::max) + far * pair.noise;
    (low, high)
}

impl Sketch {
    /// Points of `weight` times the law of `pair`'s loss, at x from `from` to `to`.
    fn line(points: &mut Vec<(f64, f64)>, weight: f64, pair: &Pair, (from, to): (f64, f64)) {
        let count = ((to - from) / (pair.noise / 12.0)).clamp(64.0, 4096.0);
        let step = (to - from) / count;
        for i in 0..count as u32 {
            let x = from + (f64::from(i) + 0.5) * step;
            let density: f64 =
                pair.p.iter().map(|(m, w)| w * libm::exp(-((x - m) / pair.noise).powi(2) / 2.0)).sum::<f64>()
                    / (pair.noise * 2.506_628_274_631);
            points.push((cells::loss(pair, x).0, weight * density * step));
        }
    }

    fn sorted(mut points: Vec<(f64, f64)>) -> Self {
        points.retain(|(_, mass)| *mass > 0.0);
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(points.into_iter().map(|(loss, mass)| (loss, libm::log(mass))).collect())
    }

    pub(super) fn mixture(branches: &[(f64, Pair)]) -> Self {
        let mut points = Vec::new();
        for (weight, pair) in branches {
            Self::line(&mut points, *weight, pair, finite_range(pair, 20.0));
        }
        Self::sorted(points)
    }

    pub(super) fn moments(&self, c: f64) -> Moments {
        let top = self.0.iter().map(|(l, m)| c * l + m).fold(f64::NEG_INFINITY, f64::max);
        let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
        for (loss, log_mass) in &self.0 {
            let weight = libm::exp(c * loss + log_mass - top);
            sum += weight;
            first += weight * loss;
            second += weight * loss * loss;
        }
        let mean = first / sum;
        Moments { log: top + libm::log(sum), mean, variance: (second / sum - mean * mean).max(0.0) }
    }

    /// Losses outside of which there is less than `left` and `right` mass.
    pub(super) fn range(&self, left: f64, right: f64) -> (f64, f64) {
        let end = |points: &mut dyn Iterator<Item = &(f64, f64)>, limit: f64| {
            let mut sum = 0.0;
            let mut last = 0.0;
            for (loss, log_mass) in points {
                last = *loss;
                sum += libm::exp(*log_mass);
                if sum > limit {
                    break;
                }
            }
            last
        };
        (end(&mut self.0.iter(), left), end(&mut self.0.iter().rev(), right))
    }
}
