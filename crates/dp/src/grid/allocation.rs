//! One epoch in which a record joins one of t batches, chosen uniformly: `W = (1/t) Σ Yᵢ` with `Yᵢ = e^{(2xᵢ − 1)/2s²}`,
//! `xᵢ ~ N(0, s²)` independent under Q (Chua et al., arXiv 2412.16802; the record's own batch may be taken as known to be
//! the i-th by symmetry, so this pair dominates).
//!
//! The loss is `log W` (remove) or `−log W` (add), and `(w − e^ε)₊` and `(1 − e^ε w)₊` are both convex in w and at least 0. So a Y
//! that is larger in *convex* order raises both curves, a smaller one lowers both, and the order passes to sums of
//! independent terms (as it does to the products in [`super`]); more mass raises both, less mass lowers both. Each Y goes to
//! a logarithmic lattice, by connecting the dots or by conditional means as in `lattice`; sums of twice as many terms follow from
//! sums (`sums`), log t times. The points of the last one are then atoms (mass, W) that are cut into cells of the loss like any
//! other law.
//!
//! *What is cut off.* Where W only has to be large (remove), low values are raised to the first node; a high Y is charged with
//! its whole mass under P, `E[W; lost]`. Where W has to be small (add), high values are lowered to the last node, and a low Y is
//! charged with its mass. The law below just goes without.

mod atoms;
mod sums;

use super::cells::{Cell, Cells, NEGLECTED, ROUNDOFF};
use super::convolve::Side;
use super::lattice::gather;
use crate::law::{Direction, Pair};
pub(super) use atoms::Atoms;
use sums::{Logarithmic, above, below, place};

/// Most work of one sum: nodes times ranges.
const WORK_MAX: f64 = 8e6;
/// Most nodes of one term.
const NODES_MAX: f64 = 1e5;
/// Largest absolute logarithm of a value.
const LOG_MAX: f64 = 600.0;

/// Standard deviation of the loss, roughly.
pub(super) fn deviation(steps: u64, noise: f64) -> f64 {
    (libm::expm1(1.0 / (noise * noise)) / steps as f64).sqrt().min(1.0 / noise)
}

/// Steps in the logarithm of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mesh {
    /// Of the whole sum.
    pub(super) h: f64,
    /// The share that one term has in a sum that matters: what one term gets wrong counts by the square of it, what the
    /// other terms of a sum get wrong averages out.
    pub(super) share: f64,
}

impl Mesh {
    /// Doublings of h for sums of `terms` out of `steps`.
    fn doublings(&self, terms: u64, steps: u64, noise: f64) -> u32 {
        let weight = (terms as f64 / steps as f64).max(self.share * self.share);
        let affordable = deviation(terms, noise) / (12.0 * self.h);
        (1.0 / weight).sqrt().min(affordable).max(1.0).log2() as u32
    }
}

/// The law above or below; mass `tail` may be lost. `None` if that takes too long.
pub(super) fn epoch(
    (steps, noise, direction): (u64, f64, Direction),
    side: Side,
    tail: f64,
    mesh: Mesh,
) -> Option<Atoms> {
    let tail = tail / 8.0;
    // Φ(−z) ≤ e^{−z²/2}; under P one Y has mean 1 in x.
    let z = (2.0 * libm::log(steps as f64 / tail)).max(1.0).sqrt();
    let (low, high) = (-0.5 / (noise * noise) - z / noise, 0.5 / (noise * noise) + z / noise);
    let top = high + libm::log(steps as f64);
    if low < -LOG_MAX || top > LOG_MAX {
        return None;
    }
    let step = |terms| mesh.h * f64::from(mesh.doublings(terms, steps, noise)).exp2();
    let h = step(1);
    if (high - low) / h > NODES_MAX {
        return None;
    }
    let pair = Pair { noise, p: vec![(1.0, 1.0)], q: vec![(0.0, 1.0)] };
    let cells = super::cells::mixture(&[(1.0, pair)], h, (low / h).floor() as i64, (high / h).ceil() as i64);
    let mut term = match side {
        Side::Upper => term_above(&cells, direction),
        Side::Lower => term_below(&cells, direction),
    };
    // What a sum may give up: as many times as there are terms over the terms it has, in every doubling.
    let spare = tail / f64::from(64 - steps.leading_zeros()) / steps as f64;
    let add = |mut a: Logarithmic, mut b: Logarithmic, h: f64| {
        a.refine(h);
        b.refine(h);
        let nodes = a.mass.len().max(b.mass.len()) as f64;
        if nodes * nodes.min(1.0 / h) > WORK_MAX {
            return None;
        }
        let mut sum = if side == Side::Upper { above(&a, &b) } else { below(&a, &b, direction) };
        trim(&mut sum, direction, side, spare);
        Some(sum)
    };
    let mut total: Option<Logarithmic> = None;
    let (mut rest, mut terms) = (steps, 1u64);
    while rest > 0 {
        if rest & 1 == 1 {
            total = Some(match total {
                None => term.clone(),
                Some(total) => add(total, term.clone(), step(if rest == 1 { steps } else { terms }))?,
            });
        }
        rest >>= 1;
        if rest > 0 {
            terms *= 2;
            term = add(term.clone(), term, step(terms))?;
        }
    }
    let law = total?;
    // Twice, for the rounding on the way.
    let infinite = match (side, direction) {
        (Side::Lower, _) => 0.0,
        (Side::Upper, Direction::Remove) => 2.0 * law.lost.1 / steps as f64 + NEGLECTED,
        (Side::Upper, Direction::Add) => 2.0 * law.lost.0 + NEGLECTED,
    };
    let reach = (-low).max(top);
    let slack = cells.slack + law.growth + (64.0 + 16.0 * reach) * ROUNDOFF;
    Some(Atoms { direction, side, law, steps: steps as f64, infinite, slack })
}

/// A Y above the true one in convex order.
fn term_above(cells: &Cells, direction: Direction) -> Logarithmic {
    let h = cells.h;
    let gap = libm::expm1(h);
    let mut law = empty(cells);
    for (i, pair) in cells.half.chunks_exact(2).enumerate() {
        let cell = pair[0].plus(1.0, pair[1]);
        let bottom = (cells.first + i as i64) as f64 * h;
        let up = ((cell.p * libm::exp(-bottom) - cell.q) / gap).clamp(0.0, cell.q);
        let wrong = (2.0 * cell.error + (16.0 + 4.0 * bottom.abs()) * ROUNDOFF) * cell.q * (1.0 + 2.0 / gap);
        law.mass[i] += cell.q - up + wrong;
        law.mass[i + 1] += up + wrong;
    }
    let all = |cell: &Cell| (cell.q * (1.0 + cell.error), cell.p * (1.0 + cell.error));
    let last = law.mass.len() - 1;
    match direction {
        Direction::Remove => {
            law.mass[0] += all(&cells.left).0;
            law.lost = all(&cells.right);
        }
        Direction::Add => {
            law.mass[last] += all(&cells.right).0;
            law.lost = all(&cells.left);
        }
    }
    law
}

/// A Y below the true one in convex order.
fn term_below(cells: &Cells, direction: Direction) -> Logarithmic {
    let mut law = empty(cells);
    let values: Vec<f64> = (law.first..).take(law.mass.len()).map(|index| law.value(index)).collect();
    let reach = values.iter().fold(0.0, |most: f64, value| most.max(libm::log(*value).abs()));
    let shares = gather(cells.half.clone(), Cell::default(), &values, (2.0 + 2.0 * reach) * ROUNDOFF);
    law.growth = place(&shares, &values, direction, &mut law.mass);
    law
}

fn empty(cells: &Cells) -> Logarithmic {
    let mass = vec![0.0; cells.half.len() / 2 + 1];
    Logarithmic { h: cells.h, first: cells.first, mass, mean: 1.0, lost: (0.0, 0.0), growth: 0.0 }
}

/// Cuts off nodes at both ends: up to a mass of `spare` per term, under Q at the low end and under P at the high end.
fn trim(law: &mut Logarithmic, direction: Direction, side: Side, spare: f64) {
    let spare = spare * law.mean;
    let h = law.h;
    let (mut low, mut sum) = (0, 0.0);
    while low + 2 < law.mass.len() && sum + law.mass[low] <= spare {
        sum += law.mass[low];
        low += 1;
    }
    let (mut end, mut high) = (law.mass.len(), (0.0, 0.0));
    while end > low + 2 {
        let (mass, value) = (law.mass[end - 1], libm::exp((law.first + end as i64 - 1) as f64 * h));
        if high.1 + mass * value > spare {
            break;
        }
        high = (high.0 + mass, high.1 + mass * value);
        end -= 1;
    }
    law.mass.truncate(end);
    law.mass.drain(..low);
    law.first += low as i64;
    if side == Side::Upper {
        let last = law.mass.len() - 1;
        match direction {
            Direction::Remove => {
                law.mass[0] += sum;
                law.lost = (law.lost.0 + high.0, law.lost.1 + high.1);
            }
            Direction::Add => {
                law.mass[last] += high.0;
                law.lost.0 += sum;
            }
        }
    }
}

#[cfg(test)]
mod tests;
