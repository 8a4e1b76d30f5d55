//! The cumulant of one [`Pair`], as an upper bound good to about 11 digits.
//!
//! With `φ` the density of `N(0, s²)`, `P = A·φ` and `Q = B·φ`, where `A = Σ pⱼ·e^{mⱼ(2x − mⱼ)/2s²}` and `B` likewise. With
//! `a = 1 + c` and `w = A/B`, `e^{K(c)} = ∫ P^a·Q^{−c} = E_Q[w^a]`. Since `E_Q[w] = 1`, this is `1 + E_Q[g]` with
//! `g = w^a − 1 − a·(w − 1)`, and `g ≥ 0` because `w^a` is convex: the sum below has no cancellation between its terms and
//! keeps its relative accuracy when K is as small as `q²`, which a run of 10⁸ steps multiplies by 10⁸.
//!
//! **Quadrature.** `F = φ·B·g = φ·(A^a·B^{−c} − B − a·(A − B))` is analytic where neither A nor B has a zero. On the line
//! `Im x = y` the terms of A have arguments `mⱼ·y/s²`: turned by the middle one, their real parts are at least
//! `cos(D·y/2s²)` of their moduli, `D` the spread of the means. So A has no zero for `|y| < πs²/D_A`, and
//! `A(Re x)·cos(D_A·y/2s²) ≤ |A| ≤ A(Re x)`; the same for B. There the trapezoid rule with step h errs by at most
//! `2M/(e^{2πy/h} − 1)`, `M` bounding `∫|F|` along the line (Trefethen and Weideman, SIAM Review 56, 2014, Theorem 5.1).
//! `|φ|` grows by `e^{y²/2s²}`, and A and B have all but a mass ρ at mean 0 in common, so that
//! `M ≤ e^{y²/2s²}·cos(D_B·y/2s²)^{−c}·(E_Q[w^a] + 1 + 2aρ)`. [`Mesh`] takes a height y (any is valid) and the h that makes
//! the error `e^{−exponent}` times the bracket, and the error is added.
//!
//! **Tails** beyond the last nodes are bounded in closed form and added ([`Ratio::log_tails`]); **rounding** is tracked node
//! by node and added. Where too many nodes would be needed, the convexity bound ([`Ratio::convexity`]) answers instead.

mod excess;
mod side;

use crate::law::Pair;
use excess::{excess, jet};
use side::{Level, Side};

/// Relative error of an upper bound, as `e^{−FULL}`, from the quadrature and from the tails each.
const FULL: f64 = 26.0;
/// The same for a glance.
const GLANCE: f64 = 14.0;
/// More nodes than this and the convexity bound answers.
const NODES_MAX: f64 = 20_000.0;
/// More Gaussians evaluated than this and the convexity bound answers.
const WORK_MAX: f64 = 2_000_000.0;
/// Noise above this is treated as this, which only overstates the loss.
const NOISE_MAX: f64 = 1e6;
/// `log √(2π)`.
const LOG_SQRT_TAU: f64 = 0.918_938_533_204_672_8;
/// Exponents above this are taken out of sums before they overflow.
const LARGE: f64 = 600.0;

/// `E_Q[g]` and its first two derivatives by c, over `e^shift`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Jet {
    pub(super) shift: f64,
    pub(super) value: [f64; 3],
}

/// The likelihood ratio at one point; errors are bounds in units of the machine epsilon.
struct Node {
    /// `w − 1`.
    v: f64,
    log_w: f64,
    log_below: f64,
    /// Of `log w`.
    error: f64,
}

/// The equally spaced points of one sum.
struct Mesh {
    step: f64,
    first: i64,
    last: i64,
    /// The quadrature error is at most this times the bracket of the module's essay.
    error: f64,
}

/// A pair, ready to be seen at many orders.
#[derive(Debug)]
pub(super) struct Ratio {
    noise: f64,
    above: Side,
    below: Side,
    /// ρ: the mass that P and Q do not share at mean 0.
    rho: f64,
    /// How far apart the means of P and Q are, in standard deviations.
    shift: f64,
    /// That mass, coupled: (distance, mass).
    couplings: Vec<(f64, f64)>,
    /// Not even small orders can be summed.
    coarse: bool,
}

impl Ratio {
    pub(super) fn new(pair: &Pair) -> Self {
        let (above, below) = (Side::new(&pair.p), Side::new(&pair.q));
        let away = |side: &Side| side.moved.iter().map(|(_, mass)| mass).sum::<f64>();
        let rho = away(&above).max(away(&below)).min(1.0);
        // What is left at mean 0 once the common mass has been taken out.
        let whole = |side: &Side| {
            let rest = (0.0, (rho - away(side)).max(0.0));
            side.moved.iter().copied().chain([rest]).filter(|(_, mass)| *mass > 0.0).collect::<Vec<_>>()
        };
        let (from, to) = (whole(&above), whole(&below));
        let couplings = from
            .iter()
            .flat_map(|(m, mass)| to.iter().map(move |(n, other)| (m - n, mass * other / rho)))
            .filter(|(distance, _)| *distance > 0.0)
            .collect();
        let noise = pair.noise.min(NOISE_MAX);
        let mean = |side: &Side| side.moved.iter().map(|(mean, mass)| mean * mass).sum::<f64>();
        let shift = (mean(&above) - mean(&below)) / noise;
        let mut ratio = Self { noise, above, below, rho, shift, couplings, coarse: false };
        ratio.coarse = ratio.mesh(1.0, FULL).is_none();
        ratio
    }

    /// Upper bound on the total variation distance of P and Q.
    pub(super) fn total_variation(&self) -> f64 {
        let scale = std::f64::consts::FRAC_1_SQRT_2 / (2.0 * self.noise);
        let sum: f64 = self.couplings.iter().map(|(distance, mass)| mass * libm::erf(distance * scale)).sum();
        sum * (1.0 + f64::EPSILON * (8 + self.couplings.len()) as f64)
    }

    /// An order at which `count` releases are still worth about `loss`; only a guess.
    pub(super) fn typical_order(&self, loss: f64, count: f64) -> f64 {
        let distance = self.above.reach + self.below.reach;
        let unit = self.noise / distance;
        let small = libm::sqrt(2.0 * loss / count) * unit / self.rho;
        small.min(2.0 * unit * unit * libm::log(2.0 / self.rho) + 1.0)
    }

    /// Logarithm of an upper bound on `E_Q[g]`, where `e^{K(c)} = 1 + E_Q[g]`.
    pub(super) fn log_excess(&self, c: f64) -> f64 {
        let bound = self.convexity(c);
        let bound = bound.shift + libm::log(bound.value[0]);
        let bound = bound + f64::EPSILON * ((32 + self.couplings.len()) as f64 + 4.0 * bound.abs());
        // The convexity bound comes out as NaN where it overflows.
        let bound = if bound.is_nan() { f64::INFINITY } else { bound };
        self.quadrature(c).map_or(bound, |log_excess| log_excess.min(bound))
    }

    /// `E_Q[g]` and its derivatives to a few digits; `None` where c is too large for that.
    pub(super) fn glance(&self, c: f64) -> Option<Jet> {
        if self.coarse {
            let bound = self.convexity(c);
            return bound.value.iter().all(|value| value.is_finite()).then_some(bound);
        }
        let mesh = self.mesh(c, GLANCE)?;
        // What a glance shows is to be within reach of the full sum, which has not even three times as many nodes.
        if (mesh.last - mesh.first) as f64 > NODES_MAX / 3.0 {
            self.mesh(c, FULL)?;
        }
        let mut sum = Scaled::default();
        for index in mesh.first..=mesh.last {
            let (node, log_density) = self.node(index as f64 * mesh.step);
            let (scale, value) = jet(c, node.v, node.log_w);
            let weight = sum.weight(node.log_below + log_density + scale);
            (0..3).for_each(|k| sum.value[k] += weight * value[k]);
        }
        let shift = sum.shift + libm::log(mesh.step / self.noise) - LOG_SQRT_TAU;
        sum.value.iter().all(|value| value.is_finite()).then_some(Jet { shift, value: sum.value })
    }

    /// `∫ P^a·Q^{−c}` is convex in the two laws together, so with the moved mass coupled at will it is at most
    /// `1 + Σ mass·(e^{c(c+1)·distance²/2s²} − 1)`, each term the cumulant of two Gaussians.
    fn convexity(&self, c: f64) -> Jet {
        let unit = |distance: f64| (distance / self.noise) * (distance / self.noise) / 2.0 * (1.0 + 8.0 * f64::EPSILON);
        let largest = self.couplings.iter().map(|(distance, _)| c * (c + 1.0) * unit(*distance)).fold(0.0, f64::max);
        let shift = if largest > LARGE { largest } else { 0.0 };
        let mut value = [0.0; 3];
        for (distance, mass) in &self.couplings {
            let unit = unit(*distance);
            let (k, slope) = (c * (c + 1.0) * unit, (2.0 * c + 1.0) * unit);
            let power = if shift > 0.0 { libm::exp(k - shift) } else { libm::exp(k) };
            value[0] += mass * if shift > 0.0 { power } else { libm::expm1(k) };
            value[1] += mass * power * slope;
            value[2] += mass * power * (2.0 * unit + slope * slope);
        }
        Jet { shift, value }
    }

    /// [`Ratio::log_excess`] by quadrature; `None` where that takes too many nodes.
    fn quadrature(&self, c: f64) -> Option<f64> {
        let mesh = self.mesh(c, FULL)?;
        let a = 1.0 + c;
        let variance = self.noise * self.noise;
        let mut sum = Scaled::default();
        for index in mesh.first..=mesh.last {
            let (node, log_density) = self.node(index as f64 * mesh.step);
            let (scale, value) = excess(c, node.v, node.log_w);
            let exponent = node.log_below + log_density + scale;
            let weight = sum.weight(exponent);
            // `|d log g/d log w| ≤ a + 2 + 2/|v|`: for w < 1 because `1 − w^c` falls to 0 at least as slowly as a straight line
            // (or, for c < 1, because `g ≥ ac·v²/2`); for w > 1 because it is `a + ac·v/g` with `g ≥ ac·v²·min(1, w^{a−2})/2`.
            // The last term is what that first order leaves out. 512 covers the evaluation of g itself, see `excess`.
            let slope = a + 2.0 + 2.0 / node.v.abs().max(1e-200);
            let rounding = 512.0 + 8.0 * node.log_w.abs() + 2.0 * (log_density.abs() + scale.abs() + exponent.abs());
            let second = a * c * node.error * node.error * f64::EPSILON;
            sum.value[0] += weight * value;
            sum.value[1] += weight * (value * (slope * node.error + rounding) + second);
        }
        let nodes = (mesh.last - mesh.first + 1) as f64;
        let total = sum.value[0] * (1.0 + f64::EPSILON * (16.0 + nodes)) + sum.value[1] * 1.01 * f64::EPSILON;
        let log_sum = libm::log(total) + sum.shift + libm::log(mesh.step / self.noise) - LOG_SQRT_TAU;
        let (first, last) = (mesh.first as f64 * mesh.step, mesh.last as f64 * mesh.step);
        let log_excess = self.log_tails(c, variance, first, last).into_iter().fold(log_sum, log_add);
        // E ≤ I + error·(2 + E + 2aρ), solved for E.
        let error = mesh.error * 2.0 * (1.0 + a * self.rho);
        let log_excess = log_add(log_excess, libm::log(error)) + 2.0 * mesh.error;
        Some(log_excess + f64::EPSILON * (16.0 + 4.0 * log_excess.abs() + 4.0 * sum.shift.abs()))
    }

    /// Equally spaced points that hold all but `e^{−nats}` of the integral; `None` where they are too many.
    fn mesh(&self, c: f64, nats: f64) -> Option<Mesh> {
        let (s, a) = (self.noise, 1.0 + c);
        // A guess of how small the integral is; it decides how small the errors must be, not whether they are counted.
        let small = (0.5 * a * c * (self.shift * self.shift).min(self.rho)).clamp(1e-100, 1.0);
        let exponent = nats + libm::log(2.0 * (1.0 + a * self.rho) / small);
        let step = self.spacing(c, exponent);
        // A Gaussian has e^{−exponent} of its mass this many standard deviations away.
        let reach = s * libm::sqrt(2.0 * exponent);
        let (left, right) = (-self.below.reach - reach, self.right_edge(c, reach));
        let (first, last) = ((left / step).floor(), (right / step).ceil());
        let nodes = last - first;
        let gaussians = (self.above.moved.len() + self.below.moved.len()) as f64;
        // False for NaN, too.
        let few = nodes <= NODES_MAX && nodes * gaussians <= WORK_MAX && step > 0.0;
        few.then(|| Mesh { step, first: first as i64, last: last as i64, error: 2.01 * libm::exp(-exponent) })
    }

    /// The step h at which some height y makes the quadrature error `2·e^{−exponent}` times the bracket.
    fn spacing(&self, c: f64, exponent: f64) -> f64 {
        let variance = self.noise * self.noise;
        let growth = |height: f64| {
            let powers = -c * libm::log(libm::cos(self.below.spread * height / (2.0 * variance)));
            height * height / (2.0 * variance) + if self.below.spread > 0.0 { powers } else { 0.0 }
        };
        let ceiling = std::f64::consts::PI * variance / self.above.spread.max(self.below.spread);
        // The best height if `−log cos θ` were `θ²/2`.
        let bend = 0.5 / variance + c * (0.5 * self.below.spread / variance) * (0.5 * self.below.spread / variance);
        let ideal = libm::sqrt(exponent / bend);
        [1.0 - 1e-9, 0.92, 0.8, 0.6]
            .into_iter()
            .map(|share| {
                let height = ideal.min(ceiling * share);
                2.0 * std::f64::consts::PI * height / (exponent + growth(height))
            })
            .fold(0.0, f64::max)
    }

    /// `reach` to the right of the integrand's last peak. The slope of its logarithm is at most `(a·m_max + c·d(x) − x)/s²`
    /// where `w ≥ 1`, and d falls with x: right of the x where that is 0 it falls off like a Gaussian or faster.
    fn right_edge(&self, c: f64, reach: f64) -> f64 {
        let (nearest, farthest) = ((1.0 + c) * self.above.reach, c * self.below.reach);
        if farthest <= 0.0 {
            return nearest + reach;
        }
        let (mut near, mut far) = (nearest, nearest + farthest);
        // A fixed number of halvings: the outer end always qualifies, the rest is only fewer nodes.
        for _ in 0..12 {
            let middle = 0.5 * (near + far);
            if middle >= nearest + c * self.pull(middle) {
                far = middle;
            } else {
                near = middle;
            }
        }
        far + reach
    }

    /// `d(x) = −E_Q[mean | x]`, rounded up.
    fn pull(&self, x: f64) -> f64 {
        let twice = 2.0 * self.noise * self.noise;
        let (mut sum, mut weighted) = (self.below.still, 0.0);
        // Right of 0, where this is asked, no exponent is above 0.
        for (mean, mass) in &self.below.moved {
            let weight = mass * libm::exp(mean * (2.0 * x - mean) / twice);
            sum += weight;
            weighted -= weight * mean;
        }
        if sum > 0.0 { (weighted / sum * (1.0 + 1e-9)).min(self.below.reach) } else { self.below.reach }
    }

    /// Logarithms of upper bounds on what lies left of the first node and right of the last one.
    ///
    /// Left, where `x ≤ −m` for every mean m of Q's, `w ≤ 1` and `g ≤ c·(1 − w)`, so that `∫F ≤ c·(Q − P)`, which is at most
    /// c times the moved mass of Q beyond the node and ρ. Right, `w ≥ 1`, `g ≤ w^a`, and see [`Ratio::right_edge`].
    fn log_tails(&self, c: f64, variance: f64, first: f64, last: f64) -> [f64; 2] {
        let distance = (-self.below.reach - first) / self.noise;
        let left = libm::log(2.0 * c * self.rho) - distance * distance / 2.0 - libm::log(distance) - LOG_SQRT_TAU;
        let (node, log_density) = self.node(last);
        let power = (1.0 + c) * node.log_w;
        let slope = last - (1.0 + c) * self.above.reach - c * self.pull(last);
        let right = node.log_below + log_density + power + libm::log(variance / slope / self.noise) - LOG_SQRT_TAU;
        let rounding = 1e-6 + f64::EPSILON * (8.0 * (power.abs() + log_density.abs()) + (2.0 + c) * node.error);
        [left + 1e-6, right + rounding]
    }

    /// The likelihood ratio at x, and the exponent `−x²/2s²` of the density.
    fn node(&self, x: f64) -> (Node, f64) {
        let twice = 2.0 * self.noise * self.noise;
        let (above, below) = (self.above.at(x, twice), self.below.at(x, twice));
        let log_density = -x * x / twice;
        if let (Some(over), Some(under)) = (above.excess, below.excess) {
            let v = (over - under) / (1.0 + under);
            if v.abs() < 0.5 {
                // The logarithms may nearly cancel; their difference is taken before them.
                let error = (above.error + 2.0 * below.error) / (1.0 + under) + 4.0 * v.abs();
                let log_w = libm::log1p(v);
                return (Node { v, log_w, log_below: below.log, error: 2.0 * error + 2.0 * log_w.abs() }, log_density);
            }
        }
        let error =
            |level: &Level| level.error / level.excess.map_or(1.0, |excess| 1.0 + excess) + 2.0 * level.log.abs();
        let log_w = above.log - below.log;
        let error = error(&above) + error(&below);
        (Node { v: libm::expm1(log_w), log_w, log_below: below.log, error }, log_density)
    }
}

/// Sums over `e^shift`, where the shift grows with the terms.
#[derive(Default)]
struct Scaled {
    shift: f64,
    value: [f64; 3],
}

impl Scaled {
    /// `e^{exponent − shift}`. Terms that underflow are below the last bit of a sum of size 1, or of 1 itself.
    fn weight(&mut self, exponent: f64) -> f64 {
        if exponent - self.shift > LARGE / 2.0 {
            let less = libm::exp(self.shift - exponent);
            self.value = self.value.map(|value| value * less);
            self.shift = exponent;
        }
        libm::exp(exponent - self.shift)
    }
}

/// `log(e^a + e^b)`.
pub(super) fn log_add(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    if small == f64::NEG_INFINITY { large } else { large + libm::log1p(libm::exp(small - large)) }
}

#[cfg(test)]
mod tests;
