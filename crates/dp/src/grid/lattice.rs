//! Laws on a lattice of losses, one above and one below the law that was cut into cells.
//!
//! Write `W = dP/dQ` under Q. A cell with masses P, Q holds the Q-mass Q at an average W of `P/Q`.
//!
//! *Upper law: connect the dots.* Spreading the W of a cell `[ih, (i+1)h]` to the cell's ends with the mean kept is the largest
//! law in convex order with the same cell masses: the P-mass that goes up is `(P − e^{ih}Q)/(1 − e^{−h})` (Doroshenko,
//! Ghazi, Kamath, Kumar and Manurangsi, arXiv 2207.04380). The difference has few digits, so its whole possible error is
//! added to what goes up. Losses that leave the cell by up to `slack` are raised into `[ih + slack, (i+1)h + slack]`, a
//! change of P by at most `2·slack·P`, and the lattice is taken to lie at `ih + slack`.
//!
//! *Lower law: barycentres.* Replacing W by its mean over a set is smaller in convex order, and so is lowering it. Cells
//! around the nodes have their mean near `e^{ih}`, but not on it, and lowering each to the node below would lose a whole h half
//! of the time. So a cell whose mean is too low first takes a fraction of the cell above it, just enough to put the mean on
//! the node; one whose mean is too high takes from below. (Any way of dealing the cells out is a conditional expectation.)
//! Where the density falls too steeply for that, the mean is lowered to the lattice.
//!
//! Mass that is dropped, or P-mass that is moved to a lower loss, only lowers the curve; the reverse only raises it.

use super::cells::{Cell, Cells, NEGLECTED, ROUNDOFF};

/// P-masses at losses `(first + i)·h + offset`, and P-mass at an infinite loss.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lattice {
    pub(super) h: f64,
    pub(super) first: i64,
    pub(super) mass: Vec<f64>,
    pub(super) offset: f64,
    pub(super) infinite: f64,
}

/// A law that is larger than the one behind `cells`.
pub(super) fn upper(cells: &Cells) -> Lattice {
    let h = cells.h;
    // P-mass share that goes up per relative unit of loss.
    let gap = -libm::expm1(-h);
    let mut mass = vec![0.0; cells.half.len() / 2 + 1];
    mass[0] = cells.left.p * (1.0 + cells.left.error);
    for (i, pair) in cells.half.chunks_exact(2).enumerate() {
        let cell = pair[0].plus(1.0, pair[1]);
        let bottom = (cells.first + i as i64) as f64 * h;
        // Two masses, an exponential of `bottom`, a product, a difference and a quotient.
        let error = 2.0 * cell.error + (8.0 + 2.0 * bottom.abs()) * ROUNDOFF;
        let total = cell.p * (1.0 + cell.error + 2.0 * cells.slack);
        let excess = (cell.p - libm::exp(bottom) * cell.q).max(0.0);
        let up = ((excess + (error + 4.0 * cells.slack) * cell.p) / gap).min(total);
        mass[i] += total - up;
        mass[i + 1] += up;
    }
    for node in &mut mass {
        *node *= 1.0 + 16.0 * ROUNDOFF;
    }
    let infinite = cells.right.p * (1.0 + cells.right.error) + NEGLECTED;
    Lattice { h, first: cells.first, mass, offset: cells.slack, infinite }
}

/// A law that is smaller than the one behind `cells`.
pub(super) fn lower(cells: &Cells) -> Lattice {
    let h = cells.h;
    let nodes = cells.half.len() / 2 + 1;
    let around: Vec<Cell> = (0..nodes)
        .map(|i| {
            let below = if i == 0 { Cell::default() } else { cells.half[2 * i - 1] };
            let above = if i + 1 == nodes { cells.right } else { cells.half[2 * i] };
            below.plus(1.0, above)
        })
        .collect();
    // Where one cell holds most of the mass, nothing can lift its mean, and the lattice comes down to it instead.
    let offset =
        around.iter().zip(cells.first..).find(|(cell, _)| cell.p > 0.5 && cell.q > 0.5).map_or(0.0, |(cell, i)| {
            let mean = libm::log(cell.p / cell.q) - 4.0 * cell.error - 8.0 * ROUNDOFF;
            (mean - i as f64 * h).clamp(-h, 0.0)
        });
    let losses: Vec<f64> = (0..nodes as i64).map(|i| (cells.first + i) as f64 * h + offset).collect();
    let ends: Vec<f64> = losses.iter().map(|loss| libm::exp(*loss)).collect();
    let mut mass = vec![0.0; nodes];
    for (i, cell) in balance(&around, &ends).into_iter().enumerate() {
        let (p, q) = (cell.p * (1.0 - cell.error), cell.q * (1.0 + cell.error));
        let to = if ends[i] * q <= p {
            i
        } else if p > 0.0 {
            let steps = ((libm::log(p / q) - losses[0]) / h - 1e-9).floor();
            if steps < 0.0 {
                continue;
            }
            (steps as usize).min(i)
        } else {
            continue;
        };
        mass[to] += ends[to] * cell.q * (1.0 - cell.error - (8.0 + 2.0 * losses[to].abs()) * ROUNDOFF);
    }
    for node in &mut mass {
        *node = (*node * (1.0 - 16.0 * ROUNDOFF)).max(0.0);
    }
    Lattice { h, first: cells.first, mass, offset, infinite: 0.0 }
}

/// Deals the cells out between neighbours so that as many as possible have a mean `p/q` of `ends[i]` or slightly more.
///
/// A relative error in the result covers that of the cells and of the sums; the means reach `ends` with it counted.
pub(super) fn balance(cells: &[Cell], ends: &[f64]) -> Vec<Cell> {
    let n = cells.len();
    let reach = libm::log(ends[0]).abs().max(libm::log(ends[n - 1]).abs());
    // How far cell j lies above end i, rounded down; the errors are granted twice, for the sums below.
    let above = |i: usize, j: usize| {
        let error = 2.0 * cells[j].error + (32.0 + 4.0 * reach) * ROUNDOFF;
        cells[j].p * (1.0 - error) - ends[i] * cells[j].q * (1.0 + error)
    };
    let mut left = vec![1.0; n];
    let mut from_above = vec![0.0; n];
    let mut from_below = vec![0.0; n];
    for i in 0..n.saturating_sub(1) {
        let own = above(i, i) * left[i];
        let gain = above(i, i + 1);
        if own < 0.0 && -own <= 0.5 * gain {
            from_above[i] = -own / gain * (1.0 + 1e-12);
            left[i + 1] -= from_above[i];
        }
    }
    for i in (1..n).rev() {
        let own = above(i, i) * left[i];
        let loss = -above(i, i - 1);
        if own > 0.0 && loss > 0.0 {
            from_below[i] = (own / loss * (1.0 - 1e-12)).min(0.5);
            left[i - 1] -= from_below[i];
        }
    }
    let dealt = |i: usize| {
        let own = Cell { p: left[i] * cells[i].p, q: left[i] * cells[i].q, error: cells[i].error };
        let with_above = if from_above[i] > 0.0 { own.plus(from_above[i], cells[i + 1]) } else { own };
        if from_below[i] > 0.0 { with_above.plus(from_below[i], cells[i - 1]) } else { with_above }
    };
    (0..n).map(dealt).collect()
}

impl Lattice {
    /// `log Σ mass·e^{r·index}` without the infinite mass, right to [`Lattice::moment_error`].
    ///
    /// One exponential per block of indices: within a block the powers of `e^r` come out of a table.
    pub(super) fn log_moment(&self, r: f64) -> f64 {
        const BLOCK: usize = 32;
        let table: [f64; BLOCK] = std::array::from_fn(|i| libm::exp(r * i as f64));
        let mut sums = Vec::with_capacity(self.mass.len() / BLOCK + 1);
        for (block, first) in self.mass.chunks(BLOCK).zip((self.first..).step_by(BLOCK)) {
            let sum: f64 = block.iter().zip(&table).map(|(mass, power)| mass * power).sum();
            sums.push(libm::log(sum) + r * first as f64);
        }
        let top = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        top + libm::log(sums.iter().map(|log| libm::exp(log - top)).sum())
    }

    /// Absolute error of [`Lattice::log_moment`]: relative errors of a table entry, two sums and exponents up to `r·index`.
    pub(super) fn moment_error(&self, r: f64) -> f64 {
        (80.0 + self.mass.len() as f64 / 32.0 + 6.0 * r.abs() * self.reach()) * ROUNDOFF
    }

    /// The largest absolute index.
    pub(super) fn reach(&self) -> f64 {
        let last = self.first + self.mass.len() as i64;
        self.first.unsigned_abs().max(last.unsigned_abs()) as f64
    }
}
