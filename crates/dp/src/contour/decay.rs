//! How fast the characteristic function of a tilted loss must fall: a bound for all t at once.
//!
//! Sampling `|φ_c(t)|` says nothing about the values between and beyond the samples. Instead: if the density f of the
//! loss is at least a sum of uniform densities with masses `pᵢ` and widths `Wᵢ`, then
//! `|φ(t)| ≤ 1 − Σ pᵢ·(1 − |sinc(t·Wᵢ/2)|)`, because the rest of the mass contributes at most itself. The function
//! [`envelope`] is at most `1 − |sinc|` and never falls, so the bound at one t holds for all larger ones, too.
//!
//! **Layers.** The uniform densities are the layers of a step function below f around its highest point: intervals that
//! grow while the level falls. On a cell `[x, x′]` of the real axis `f ≥ min ρ / max L′`: ρ, the tilted density of x, has
//! `(log ρ)″ ≤ B = ((1 + c)·V/s² − 1)/s²`, V the largest posterior variance of P on the cell, so it is at least its smaller
//! end value times `e^{−B₊Δ²/8}`; `L′ = (E_P[m|x] − E_Q[m|x])/s²` is at most the difference of the means at opposite ends,
//! because both rise; and `V ≤ E·(D − E)` (Bhatia and Davis, 2000) with E the posterior mean.

use super::range::ends;
use crate::law::Pair;

/// How far the cells reach from the highest point, in standard deviations.
const REACH: f64 = 5.2;

/// How fine the cells and layers are: fine ones save nodes of the contour, coarse ones time for each law.
#[derive(Clone, Copy)]
pub(super) struct Fineness {
    /// Width of a cell in standard deviations.
    cell: f64,
    /// Each layer's level is at most this part of the one above.
    level: f64,
}

/// For a few laws.
pub(super) const FINE: Fineness = Fineness { cell: 0.08, level: 0.9 };
/// For tens of laws.
pub(super) const COARSE: Fineness = Fineness { cell: 0.12, level: 0.85 };
/// For hundreds of laws.
pub(super) const COARSEST: Fineness = Fineness { cell: 0.25, level: 0.75 };

/// Uniform densities below the density of one tilted loss.
pub(super) struct Decay {
    /// (mass, width in loss).
    layers: Vec<(f64, f64)>,
}

impl Decay {
    /// Upper bound on `log |φ(t′)|` for all `t′ ≥ t`.
    pub(super) fn log_bound(&self, t: f64) -> f64 {
        let lost: f64 = self.layers.iter().map(|(mass, width)| mass * envelope(0.5 * t * width)).sum();
        libm::log1p(-lost.min(1.0 - 1e-9))
    }
}

/// At most `1 − |sin(y)/y|`, and never falling.
fn envelope(y: f64) -> f64 {
    // The highest side lobe of |sinc| is 0.21724, at y = 4.4934; beyond, |sinc| ≤ 1/y.
    const LOBE: f64 = 0.782_7;
    if y < 1e-3 {
        return y * y / 6.0 * (1.0 - 1e-6);
    }
    let near = if y < std::f64::consts::PI { (1.0 - libm::sin(y) / y).min(LOBE) } else { LOBE };
    near.max(1.0 - 1.0 / y)
}

/// The layers of `Σ weightᵢ·Mᵢ` at `Re z = c`, given `log M(c)`.
pub(super) fn decay(branches: &[(f64, Pair)], c: f64, cumulant: f64, fineness: Fineness) -> Option<Decay> {
    let mut layers = Vec::new();
    for (weight, pair) in branches.iter().filter(|(weight, _)| *weight > 0.0) {
        for (peak, from, to) in modes(pair, c)? {
            let cells = cells(pair, c, libm::log(*weight) - cumulant, (peak, from, to), fineness.cell);
            stacks(&cells, fineness.level, &mut layers);
        }
    }
    Some(Decay { layers })
}

/// A stretch of the loss axis and a lower bound on the density there.
struct Cell {
    from: f64,
    to: f64,
    density: f64,
}

/// Logarithm of the tilted density of x, up to a constant.
fn log_density(pair: &Pair, c: f64, x: f64) -> f64 {
    let (log_a, log_b) = pair.logs(x);
    (1.0 + c) * log_a - c * log_b - x * x / (2.0 * pair.noise * pair.noise)
}

/// The modes of the tilted density of x, each with the stretch of the axis that is its own: a tilted law of rare hits has one
/// mode where nothing happened and another where something did, and either can carry the mass.
fn modes(pair: &Pair, c: f64) -> Option<Vec<(f64, f64, f64)>> {
    const POINTS: usize = 56;
    let (left, right, _) = ends(pair, c, 38.0)?;
    let at = |k: usize| left + (right - left) * k as f64 / POINTS as f64;
    let values: Vec<f64> = (0..=POINTS).map(|k| log_density(pair, c, at(k))).collect();
    let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let peaks: Vec<f64> = (1..POINTS)
        .filter(|k| values[*k] >= values[k - 1] && values[*k] > values[k + 1] && values[*k] > top - 40.0)
        .map(at)
        .collect();
    let reach = REACH * pair.noise;
    let own = |k: usize| {
        let from = if k == 0 { f64::NEG_INFINITY } else { 0.5 * (peaks[k - 1] + peaks[k]) };
        let to = peaks.get(k + 1).map_or(f64::INFINITY, |next| 0.5 * (peaks[k] + next));
        (peaks[k], from.max(peaks[k] - reach), to.min(peaks[k] + reach))
    };
    Some((0..peaks.len()).map(own).collect())
}

fn cells(pair: &Pair, c: f64, log_scale: f64, (peak, from, to): (f64, f64, f64), cell: f64) -> Vec<Cell> {
    let s = pair.noise;
    let spread = pair.spreads().0;
    let log_rho = |x: f64| {
        let (log_a, log_b) = pair.logs(x);
        (log_density(pair, c, x) + log_scale - libm::log(s) - 0.918_938_533_204_672_8, log_a - log_b)
    };
    let count = (REACH / cell).ceil() as i32;
    let nodes: Vec<(f64, f64, f64, (f64, f64))> = (-count..=count)
        .map(|k| peak + f64::from(k) * cell * s)
        .filter(|x| (from..=to).contains(x))
        .map(|x| {
            let (rho, loss) = log_rho(x);
            (x, rho, loss, pair.posterior_means(x))
        })
        .collect();
    let cell = |pair: &[(f64, f64, f64, (f64, f64))]| {
        let ((x, rho, loss, means), (next_x, next_rho, next_loss, next_means)) = (pair[0], pair[1]);
        let variance = |mean: f64| mean * (spread - mean);
        let half = spread / 2.0;
        let straddles = means.0 < half && next_means.0 > half;
        let variance = if straddles { half * half } else { variance(means.0).max(variance(next_means.0)) };
        let curvature = ((1.0 + c) * variance / (s * s) - 1.0).max(0.0) / (s * s);
        let log_low = rho.min(next_rho) - curvature * (next_x - x).powi(2) / 8.0;
        let steepest = (next_means.0 - means.1) / (s * s);
        let density = libm::exp(log_low) / steepest * (1.0 - 1e-9);
        Cell { from: loss, to: next_loss, density: if density.is_finite() { density } else { 0.0 } }
    };
    nodes.windows(2).map(cell).collect()
}

/// [`stack`]s of the hills of the step function: a hill behind a valley would be cut down to the valley's level. (Where the
/// loss hardly rises in x, its density is high whatever that of x is, so a mode of x can hold two modes of the loss.)
fn stacks(cells: &[Cell], ratio: f64, layers: &mut Vec<(f64, f64)>) {
    let highest = |cells: &[Cell]| cells.iter().map(|cell| cell.density).fold(0.0, f64::max);
    let valley = (1..cells.len().max(1))
        .filter(|k| cells[*k].density < 0.5 * highest(&cells[..*k]).min(highest(&cells[*k..])))
        .min_by(|a, b| cells[*a].density.total_cmp(&cells[*b].density));
    match valley {
        Some(valley) => {
            stacks(&cells[..valley], ratio, layers);
            stacks(&cells[valley..], ratio, layers);
        }
        None => stack(cells, ratio, layers),
    }
}

/// Cuts the step function into layers around its highest cell.
fn stack(cells: &[Cell], ratio: f64, layers: &mut Vec<(f64, f64)>) {
    let Some(peak) = (0..cells.len()).max_by(|a, b| cells[*a].density.total_cmp(&cells[*b].density)) else { return };
    let (mut low, mut high) = (peak, peak);
    let (mut level, mut top) = (cells[peak].density, cells[peak].density);
    // (level, width), both of the whole interval so far.
    let mut steps: Vec<(f64, f64)> = Vec::new();
    loop {
        let below = if low > 0 { cells[low - 1].density } else { 0.0 };
        let above = cells.get(high + 1).map_or(0.0, |cell| cell.density);
        let next = below.max(above);
        if next < ratio * top {
            steps.push((level, (cells[high].to - cells[low].from) * (1.0 - 1e-9)));
            top = next;
        }
        if next <= level * 1e-9 {
            break;
        }
        level = level.min(next);
        if below >= above {
            low -= 1;
        } else {
            high += 1;
        }
    }
    for (k, (level, width)) in steps.iter().enumerate() {
        let lower = steps.get(k + 1).map_or(0.0, |(lower, _)| *lower);
        layers.push(((level - lower).max(0.0) * width, *width));
    }
}
