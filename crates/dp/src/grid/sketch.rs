//! A few hundred points of a law, to choose a grid by. Nothing here is part of a proof.

use super::cells;
use crate::law::{Pair, exchanged};

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
            let x = from + f64::from(i) * step;
            // The cell's own mean, so that both laws have mass 1 here too; a cumulant of many releases feels the difference.
            let cell = cells::masses(pair, x, x + step);
            if cell.q > 0.0 {
                points.push((libm::log(cell.p / cell.q), weight * cell.p));
            }
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

    pub(super) fn without_replacement(rate: f64, noise: f64) -> Self {
        let [above, below] = exchanged(rate, noise);
        let mut points = Vec::new();
        Self::line(&mut points, 1.0, &above, (0.5, finite_range(&above, 20.0).1));
        Self::line(&mut points, 1.0, &below, (finite_range(&below, 20.0).0, -0.5));
        points.push((0.0, (1.0 - rate) * libm::erf(std::f64::consts::FRAC_1_SQRT_2 / (2.0 * noise))));
        Self::sorted(points)
    }

    /// Atoms (loss, mass under P) in the order of their losses, merged where they are closer than `span`.
    pub(super) fn atoms(atoms: impl Iterator<Item = (f64, f64)>, span: f64) -> Self {
        let mut points: Vec<(f64, f64)> = Vec::new();
        let mut start = f64::NAN;
        for (loss, mass) in atoms.filter(|(loss, _)| loss.is_finite()) {
            match points.last_mut() {
                Some(last) if (loss - start).abs() < span => *last = (loss, last.1 + mass),
                _ => {
                    start = loss;
                    points.push((loss, mass));
                }
            }
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

    /// Without the highest losses that have less than `right` mass together.
    pub(super) fn without_right(&self, right: f64) -> Self {
        let (_, last) = self.range(0.0, right);
        Self(self.0.iter().copied().filter(|(loss, _)| *loss <= last).collect())
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
