//! One epoch in which a record joins one of t batches, chosen uniformly: `W = (1/t) Σ Yᵢ` with `Yᵢ = e^{(2xᵢ − 1)/2s²}`,
//! `xᵢ ~ N(0, s²)` independent under Q (Chua et al., arXiv 2412.16802; the record's own batch may be taken as known to be
//! the i-th by symmetry, so this pair dominates).
//!
//! The loss is `log W` (remove) or `−log W` (add), and `(w − e^ε)₊` and `(1 − e^ε w)₊` are both convex in w. So a Y that is
//! larger in *convex* order raises both curves, a smaller one lowers both; the order passes to sums of independent terms.
//! Each Y goes to a *linear* lattice, by connecting the dots or by conditional means as in `lattice`, and the t-fold sum is
//! one transform. Its points are then atoms (mass, W) that are cut into cells of the loss like any other law.
//!
//! Y is cut at B, chosen so that the P-mass beyond is far below delta. The sum is computed under a weak tilt, which keeps
//! digits where a single Y dominates the sum. Whatever the transform or the window may have got wrong is added to every
//! point's mass for the law above and taken off for the law below.

use super::cells::{Cell, Cells, NEGLECTED, ROUNDOFF, masses};
use super::convolve::{Side, Window, log_outside, tilted_power};
use super::lattice::{Lattice, gather};
use crate::law::{Direction, Pair};

/// Most points of the transform.
const POINTS_MAX: f64 = (1u64 << 21) as f64;

/// A law of W above or below the true one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Atoms {
    direction: Direction,
    side: Side,
    /// W of the first atom and between neighbours.
    first: f64,
    step: f64,
    /// Masses under the law of the x.
    mass: Vec<f64>,
    /// Mass under P at the lowest and at an infinite loss, in the law above.
    left: f64,
    infinite: f64,
    /// Losses are right to this.
    slack: f64,
}

/// The law above or below, on points of W that are `step/t` apart; P-mass `tail` may be lost. `None` if that is too long.
pub(super) fn epoch(steps: u64, noise: f64, direction: Direction, side: Side, tail: f64, step: f64) -> Option<Atoms> {
    Term::new(noise, tail, step)?.sum(steps, direction, side, tail)
}

/// Standard deviation of `Σ Yᵢ`.
pub(super) fn deviation(steps: u64, noise: f64) -> f64 {
    (steps as f64 * libm::expm1(1.0 / (noise * noise))).sqrt()
}

/// One Y in cells of half a step.
struct Term {
    step: f64,
    /// The largest Y kept, in steps.
    nodes: usize,
    pair: Pair,
}

impl Term {
    fn new(noise: f64, tail: f64, step: f64) -> Option<Self> {
        let pair = Pair { noise, p: vec![(1.0, 1.0)], q: vec![(0.0, 1.0)] };
        // Φ(−z) ≤ e^{−z²/2}, for the law with mean 1, in standard deviations of it.
        let z = (-2.0 * libm::log(tail)).max(1.0).sqrt();
        let largest = libm::exp(0.5 / (noise * noise) + z / noise);
        let nodes = (largest / step).ceil();
        (nodes < POINTS_MAX / 2.0).then_some(Self { step, nodes: nodes as usize + 8, pair })
    }

    /// Masses of Y between `low` and `high`.
    fn cell(&self, low: f64, high: f64) -> Cell {
        let variance = self.pair.noise * self.pair.noise;
        let x = |y: f64| if y <= 0.0 { f64::NEG_INFINITY } else { variance * libm::log(y) + 0.5 };
        masses(&self.pair, x(low), x(high))
    }

    /// Relative error of a boundary.
    fn slack(&self) -> f64 {
        let last = libm::log(self.nodes as f64 * self.step).abs();
        16.0 * ROUNDOFF * (1.0 + last + 1.0 / (self.pair.noise * self.pair.noise))
    }

    /// A Y above the true one in convex order, but for what is cut off: its lattice and the mass beyond (under Q and P).
    fn above(&self) -> (Lattice, Cell) {
        let mut mass = vec![0.0; self.nodes + 1];
        for i in 0..self.nodes {
            let bottom = i as f64;
            let cell = self.cell(bottom * self.step, (bottom + 1.0) * self.step);
            let up = (cell.p / self.step - bottom * cell.q).clamp(0.0, cell.q);
            // The position within the cell, i + up, is known to this; the mean may also lie outside by the slack.
            let error = (2.0 * cell.error + 4.0 * self.slack() + 16.0 * ROUNDOFF) * (bottom + 2.0) * cell.q;
            mass[i] += (cell.q - up) + error;
            mass[i + 1] += up + error;
        }
        let beyond = self.cell(self.nodes as f64 * self.step, f64::INFINITY);
        (Lattice { h: self.step, first: 0, mass, offset: 0.0, infinite: 0.0 }, beyond)
    }

    /// A Y below the true one, on `(i + β)·step`, and by what factor its points must grow to be at or above their means.
    fn below(&self, direction: Direction) -> (Lattice, f64) {
        // The mean of the first cell, [0, (β + ½)·step], is the first node.
        let mut beta = 0.3;
        for _ in 0..60 {
            let cell = self.cell(0.0, (beta + 0.5) * self.step);
            if cell.q > 0.0 {
                beta = (cell.p / cell.q / self.step).clamp(1e-3, 0.5);
            }
        }
        let beta = beta * (1.0 - 1e-13);
        let end = |j: usize| (j as f64 / 2.0 + beta) * self.step;
        let mut half = vec![self.cell(0.0, end(1))];
        half.extend((1..2 * self.nodes).map(|j| self.cell(end(j), end(j + 1))));
        let beyond = self.cell(end(2 * self.nodes), f64::INFINITY);
        // Cutting off lowers the curve of the direction if the rest is lowered to the last node, or raised out of sight.
        let right = if direction == Direction::Remove { beyond } else { Cell::default() };
        let ends: Vec<f64> = (0..=self.nodes).map(|i| end(2 * i)).collect();
        let mut mass = vec![0.0; self.nodes + 1];
        let mut growth = 0.0f64;
        for (i, (share, excess)) in gather(half, right, &ends, 16.0 * ROUNDOFF).into_iter().enumerate() {
            let q = share.q * (1.0 - share.error - 4.0 * ROUNDOFF);
            if q <= 0.0 {
                continue;
            }
            let mean = share.p * (1.0 + share.error) / q;
            let to = if direction == Direction::Add {
                let surplus = mean / ends[i] - 1.0;
                if surplus <= 1e-9 {
                    growth = growth.max(surplus);
                    Some(i)
                } else {
                    Some(i + 1).filter(|next| *next <= self.nodes && mean <= ends[*next])
                }
            } else if excess >= 0.0 {
                Some(i)
            } else {
                i.checked_sub(1)
            };
            if let Some(to) = to {
                let factor = if direction == Direction::Remove && to < i { lowered(share, ends[to]) } else { 1.0 };
                mass[to] += q * factor;
            }
        }
        (Lattice { h: self.step, first: 0, mass, offset: beta, infinite: 0.0 }, growth)
    }

    /// The law of the mean of `steps` such terms.
    fn sum(&self, steps: u64, direction: Direction, side: Side, tail: f64) -> Option<Atoms> {
        let t = steps as f64;
        let (mut term, beyond, growth) = match side {
            Side::Upper => {
                let (term, beyond) = self.above();
                (term, beyond, 0.0)
            }
            Side::Lower => {
                let (term, growth) = self.below(direction);
                (term, Cell::default(), growth)
            }
        };
        let beta = term.offset;
        term.offset = 0.0;
        if side == Side::Upper && direction == Direction::Add {
            // What is cut off goes to the last node: a smaller W.
            if let Some(last) = term.mass.last_mut() {
                *last += beyond.q * (1.0 + beyond.error);
            }
        }
        // A tilt that moves the sum by no more than three standard deviations and the largest term by no more than e^30.
        let r = (30.0 / self.nodes as f64).min(3.0 * self.step / deviation(steps, self.pair.noise));
        let laws = [(term, steps)];
        let (first, last, chernoff) = window(&laws, r, self.nodes, tail)?;
        let len = ((last - first) as usize).next_power_of_two();
        let window = Window { r, first, len, centre: first, chernoff };
        let log_moments = t * laws[0].0.log_moment(r);
        let outside = libm::exp(log_outside(&laws, log_moments, &window));
        let (mut pi, absolute) = tilted_power(&laws, r, len);
        pi.rotate_left(first.rem_euclid(len as i64) as usize);
        let error = t * (2.0 * laws[0].0.moment_error(r) + 64.0 * ROUNDOFF * (1.0 + r * laws[0].0.reach()))
            + 16.0 * ROUNDOFF * (log_moments.abs() + r * (first.abs() as f64 + len as f64));
        let wrong = absolute + outside;
        for (k, pi) in pi.iter_mut().enumerate() {
            let scale = libm::exp(log_moments - r * (first + k as i64) as f64);
            *pi = match side {
                Side::Upper => (pi.max(0.0) + absolute) * scale * (1.0 + error),
                Side::Lower => ((*pi - wrong) * scale * (1.0 - error)).max(0.0),
            };
        }
        let unit = self.step / t * (1.0 + growth);
        let mut atoms = Atoms {
            direction,
            side,
            first: (first as f64 + t * beta) * unit,
            step: unit,
            mass: pi,
            left: 0.0,
            infinite: 0.0,
            slack: self.slack() + growth + 32.0 * ROUNDOFF,
        };
        if side == Side::Upper {
            self.lost(&mut atoms, &laws, &window, beyond);
        }
        Some(atoms)
    }

    /// What the law above does not contain: sums outside of the window, and terms beyond the last node.
    fn lost(&self, atoms: &mut Atoms, laws: &[(Lattice, u64); 1], window: &Window, beyond: Cell) {
        let (term, steps) = (&laws[0].0, laws[0].1 as f64);
        let chernoff = |tilt: f64, index: f64| {
            let log = steps * (term.log_moment(tilt) + term.moment_error(tilt)) - tilt * index;
            libm::exp(log + 1e-12 * (1.0 + log.abs()))
        };
        let end = (window.first + window.len as i64) as f64;
        let low = if window.first > 0 { chernoff(-window.chernoff.0, window.first as f64) } else { 0.0 };
        let high_tilt = window.r + window.chernoff.1;
        if atoms.direction == Direction::Add {
            // P is the law of the x here, and a high sum is a low loss.
            atoms.infinite = low + NEGLECTED;
            atoms.left = chernoff(high_tilt, end);
        } else {
            atoms.left = low * atoms.first.max(0.0) * (1.0 + 1e-12);
            // Under P one term is reweighted by its size; it stays below the last node, and the rest is below the whole sum.
            let mean = 1.0 + 1e-6;
            let high = mean * chernoff(high_tilt, end - 1.0 - self.nodes as f64);
            let cut = (beyond.p + (steps - 1.0) * beyond.q) * (1.0 + beyond.error);
            atoms.infinite = high + cut + NEGLECTED;
        }
    }
}

/// Share of Q-mass that may stay when a share's mean is lowered to `end`: all, if it is at least that high.
fn lowered(share: Cell, end: f64) -> f64 {
    let mean = share.p * (1.0 - share.error) / (share.q * (1.0 + share.error));
    if mean * (1.0 - 8.0 * ROUNDOFF) >= end { 1.0 } else { 0.0 }
}

/// First and last index of the sum worth keeping, and the tilts that show it (beyond r): `None` if too many.
fn window(laws: &[(Lattice, u64); 1], r: f64, nodes: usize, tail: f64) -> Option<(i64, i64, (f64, f64))> {
    let (term, t) = (&laws[0].0, laws[0].1 as f64);
    // What is outside counts against every point below, also against those that matter only by their large W.
    let log_tail = libm::log(tail) - 20.0;
    let at = t * term.log_moment(r);
    let mean = t * term.mass.iter().enumerate().map(|(i, mass)| i as f64 * mass).sum::<f64>();
    let tilts = || (0..12).map(|i| r * 1.6f64.powi(i - 4));
    // Under the tilted law and under the law itself, less than the tail is left of the window.
    let left = tilts().map(|tilt| ((log_tail + at - t * term.log_moment(r - tilt)) / tilt, tilt));
    let (left, left_tilt) = left.max_by(|a, b| a.0.total_cmp(&b.0))?;
    let right = tilts().filter(|tilt| (r + tilt) * nodes as f64 <= 300.0);
    let right = right.map(|tilt| {
        let log = t * term.log_moment(r + tilt);
        // The second is for the law itself with one term more.
        let (tilted, plain) = ((log - at - log_tail) / tilt, (log - log_tail) / (r + tilt) + nodes as f64 + 2.0);
        (tilted.max(plain), tilt)
    });
    let (right, right_tilt) = right.min_by(|a, b| a.0.total_cmp(&b.0))?;
    let (first, last) = ((left.min(mean).floor() as i64 - 1).max(0), right.max(mean + 1.0).ceil() as i64 + 1);
    (((last - first) as f64) < POINTS_MAX).then_some((first, last, (left_tilt, right_tilt)))
}

impl Atoms {
    /// Loss, mass under P and mass under Q of each atom.
    pub(super) fn losses(&self) -> impl Iterator<Item = (f64, f64, f64)> + '_ {
        self.mass.iter().enumerate().filter(|(_, mass)| **mass > 0.0).map(|(k, mass)| {
            let w = self.first + k as f64 * self.step;
            match self.direction {
                Direction::Remove => (libm::log(w), w * mass, *mass),
                Direction::Add => (-libm::log(w), *mass, w * mass),
            }
        })
    }

    /// Cells like those of any other law.
    pub(super) fn cells(&self, h: f64, first: i64, last: i64) -> Cells {
        let mut cells = Cells::empty(h, first, last);
        cells.slack = self.slack;
        let error = 8.0 * ROUNDOFF + self.slack;
        for (loss, p, q) in self.losses() {
            let place = (2.0 * loss / h).floor() - 2.0 * first as f64;
            let to = if place < 0.0 {
                &mut cells.left
            } else if place >= cells.half.len() as f64 {
                &mut cells.right
            } else {
                &mut cells.half[place as usize]
            };
            *to = Cell { p: to.p + p, q: to.q + q, error: to.error.max(error) + ROUNDOFF };
        }
        if self.side == Side::Upper {
            cells.left.p += self.left;
            cells.right.p += self.infinite;
        }
        cells
    }
}
