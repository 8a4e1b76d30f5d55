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
    let total: f64 = cells.half.iter().chain([&cells.right]).map(|cell| cell.p).sum();
    let kept = |lattice: &Lattice| lattice.mass.iter().sum::<f64>();
    // Where the step resolves the density, every cell finds its node. Where it does not, it helps to move the lattice.
    let mut best = lower_at(cells, 0.0);
    let mut most = kept(&best);
    if total - most > LOST_MAX * cells.h {
        let shifts = (1..16).map(|i| f64::from(i) / 16.0 - 1.0).chain(own_means(cells));
        for shift in shifts {
            let other = lower_at(cells, shift * cells.h);
            if kept(&other) > most {
                (most, best) = (kept(&other), other);
            }
        }
    }
    best
}

/// Mean loss that may be lost before other positions of the lattice are tried, in steps.
const LOST_MAX: f64 = 1e-4;

/// Shifts, in steps, that put a node on the mean of the heaviest cell, whichever way it is cut.
fn own_means(cells: &Cells) -> impl Iterator<Item = f64> {
    let heaviest = |best: usize, j: usize| if cells.half[j].p > cells.half[best].p { j } else { best };
    let j = (1..cells.half.len() - 1).fold(1, heaviest);
    let [below, own, above] = [cells.half[j - 1], cells.half[j], cells.half[j + 1]];
    let groups = [own, own.plus(1.0, below), own.plus(1.0, above), own.plus(1.0, below).plus(1.0, above)];
    let h = cells.h;
    groups.into_iter().filter(|cell| cell.q > 0.0).map(move |cell| {
        let mean = (libm::log(cell.p / cell.q) - 4.0 * cell.error - 64.0 * ROUNDOFF) / h;
        mean - mean.ceil()
    })
}

pub(super) fn lower_at(cells: &Cells, offset: f64) -> Lattice {
    let h = cells.h;
    let nodes = cells.half.len() / 2 + 1;
    let losses: Vec<f64> = (0..nodes as i64).map(|i| (cells.first + i) as f64 * h + offset).collect();
    let ends: Vec<f64> = losses.iter().map(|loss| libm::exp(*loss)).collect();
    let end_error = (2.0 + 2.0 * losses[0].abs().max(losses[nodes - 1].abs())) * ROUNDOFF;
    let mut mass = vec![0.0; nodes];
    for (i, (cell, excess)) in gather(cells.half.clone(), cells.right, &ends, end_error).into_iter().enumerate() {
        let (p, q) = (cell.p * (1.0 - cell.error), cell.q * (1.0 + cell.error));
        let to = if excess >= 0.0 {
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

/// Deals narrow cells out to nodes so that what each node gets has a mean `p/q` of the node's W in `ends`, or slightly more.
///
/// Node i lies between cells `2i − 1` and `2i`. From the left end upwards to the heaviest cell, and from the right end
/// downwards, each node takes cells, and a fraction of the last, until its mean is right; a cell too far above (below) it is
/// left to the next node. Going towards more mass, an error of one node's share shrinks in the next one's. What does not
/// come out even in the middle is mended with a fraction of the neighbouring share. Whatever happens, shares that add up to
/// the cells are a conditional expectation; each comes with a lower bound on `p − ends·q`, negative where the mean is too low.
///
/// `error` is the relative error of `ends`.
pub(super) fn gather(mut half: Vec<Cell>, right: Cell, ends: &[f64], error: f64) -> Vec<(Cell, f64)> {
    let n = ends.len();
    // How far a cell lies above an end, rounded down; errors are granted twice, for the sums of several such terms.
    let above = |i: usize, cell: &Cell| {
        let error = 2.0 * (cell.error + error) + 32.0 * ROUNDOFF;
        cell.p * (1.0 - error) - ends[i] * cell.q * (1.0 + error)
    };
    let heaviest = |best: usize, j: usize| if half[j].p > half[best].p { j } else { best };
    let split = (0..half.len()).fold(0, heaviest);
    let mut shares = vec![(Cell::default(), 0.0); n];
    shares[n - 1] = (right, above(n - 1, &right));
    let mut end = half.len();
    let mut lowest = n - 1;
    for i in (0..n).rev() {
        while end > split && end + 5 > 2 * i {
            let Some(one) = take(&mut shares[i], &mut half[end - 1], |cell| above(i, cell), 1.0) else { break };
            lowest = i;
            if one < 1.0 {
                break;
            }
            end -= 1;
        }
        if end <= split {
            break;
        }
    }
    let (mut next, mut highest) = (0, 0);
    for (i, share) in shares.iter_mut().enumerate() {
        while next < end && next < 2 * i + 5 {
            let Some(one) = take(share, &mut half[next], |cell| above(i, cell), -1.0) else { break };
            highest = i;
            if one < 1.0 {
                break;
            }
            next += 1;
        }
        if next >= end {
            break;
        }
    }
    // The two shares that met in the middle: too low takes from the next one above, too high from the next one below.
    let filled = |shares: &[(Cell, f64)], i: &usize| shares[*i].0.q > 0.0;
    if let Some(j) = (highest + 1..n).find(|i| filled(&shares, i)).filter(|_| shares[highest].1 < 0.0) {
        let (mut neighbour, excess) = shares[j];
        let part = take(&mut shares[highest], &mut neighbour, |cell| above(highest, cell), -1.0).unwrap_or(0.0);
        shares[j] = (neighbour, excess * (1.0 - part));
    }
    if let Some(j) = (0..lowest).rev().find(|i| filled(&shares, i)).filter(|_| shares[lowest].1 > 0.0) {
        let (mut neighbour, excess) = shares[j];
        let part = take(&mut shares[lowest], &mut neighbour, |cell| above(lowest, cell), 1.0).unwrap_or(0.0);
        shares[j] = (neighbour, excess * (1.0 - part));
    }
    shares
}

/// Moves as much of `cell` into a share as leaves the share's excess on its side of 0: the part moved, `None` for nothing.
///
/// On side +1 the excess stays at least 0; on side −1 it stays at most 0, and passes it only by the rounding it takes to be
/// on the node.
fn take(share: &mut (Cell, f64), cell: &mut Cell, above: impl Fn(&Cell) -> f64, side: f64) -> Option<f64> {
    let one = above(cell);
    let part = if side * (share.1 + one) >= 0.0 { 1.0 } else { (-share.1 / one * (1.0 - side * 1e-12)).min(1.0) };
    if part.is_nan() || part <= 0.0 {
        return None;
    }
    share.0 = share.0.plus(part, *cell);
    share.1 += part * one;
    *cell = Cell { p: cell.p * (1.0 - part), q: cell.q * (1.0 - part), error: cell.error + 2.0 * ROUNDOFF };
    Some(part)
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
