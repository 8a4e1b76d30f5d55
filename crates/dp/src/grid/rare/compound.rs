//! `Σ_k C(T, k)·j^{*k}` on the first nodes of a lattice, out of positive terms alone.
//!
//! The generating function is `G = (1 + J)^T`, so `(1 + J)·G′ = T·J′·G`, and the coefficients follow Panjer's recursion
//! `s·g_s = Σ_x ((T + 1)x − s)·j_x·g_{s−x}` (Panjer, ASTIN Bulletin 12, 1981). With `(T + 1)x ≥ 2n` for every jump x, every factor is positive and
//! loses at most two bits, so each `g_s` has the relative error of the worst before it and `(n + 12)u` more. With fewer releases, G is
//! found by squaring; a square doubles a relative error and adds `(n + 2)u`.

use super::super::cells::ROUNDOFF;
use super::JUMPS_MAX;

/// Products of two coefficients that squaring may cost.
const WORK_MAX: f64 = 1.5e7;

/// Most steps that a loss may have and yet belong to the core.
const FIRST_MAX: usize = 16;

/// The coefficients up to `nodes` for `jumps` at nodes `first`, `first + 1`, …, and their relative error; `None` where it would
/// take too long or overflow.
pub(super) fn compound(jumps: &[f64], first: usize, count: u64, nodes: usize) -> Option<(Vec<f64>, f64)> {
    let total: f64 = jumps.iter().sum();
    if count as f64 * total > JUMPS_MAX {
        return None;
    }
    let jumps: Vec<f64> = std::iter::repeat_n(0.0, first - 1).chain(jumps.iter().copied()).take(nodes).collect();
    let n = nodes as f64;
    let error = 8.0 * n * (n + 16.0) * ROUNDOFF;
    if (count as f64 + 1.0) * first as f64 >= 2.0 * n {
        return Some((panjer(&jumps, count, nodes), error));
    }
    (nodes <= nodes_max(count)).then(|| (power(&jumps, count, nodes), error))
}

/// The first node that a jump must have for Panjer's recursion to be positive, or 1 where squaring is better.
pub(super) fn first_node(count: u64, nodes: usize) -> usize {
    let first = (2.0 * nodes as f64 / (count as f64 + 1.0)).ceil().max(1.0) as usize;
    if first <= FIRST_MAX { first } else { 1 }
}

/// The most nodes that do not take too long for this many releases.
pub(super) fn nodes_max(count: u64) -> usize {
    let products = f64::from(64 - count.max(2).leading_zeros() + count.count_ones() - 2);
    let squaring = (2.0 * WORK_MAX / products.max(1.0)).sqrt();
    (0.5 * FIRST_MAX as f64 * (count as f64 + 1.0)).max(squaring) as usize
}

fn panjer(jumps: &[f64], count: u64, nodes: usize) -> Vec<f64> {
    // Σ_x j_x over the support only.
    let support = jumps.iter().rposition(|mass| *mass > 0.0).map_or(0, |last| last + 1);
    let jumps = &jumps[..support];
    let rising: Vec<f64> =
        jumps.iter().zip(1u32..).map(|(mass, x)| (count as f64 + 1.0) * f64::from(x) * mass).collect();
    // Backwards, so that both factors run the same way through memory: g_s is at nodes − s.
    let mut reversed = vec![0.0; nodes + 1];
    reversed[nodes] = 1.0;
    for s in 1..=nodes {
        let before = &reversed[nodes - s + 1..];
        let here = s as f64;
        reversed[nodes - s] = sum(before, &rising, jumps, here) / here;
    }
    reversed.reverse();
    reversed
}

/// `Σ before·(rising − s·jumps)` in eight lanes.
fn sum(before: &[f64], rising: &[f64], jumps: &[f64], s: f64) -> f64 {
    let len = before.len().min(jumps.len());
    let (before, rising, jumps) = (&before[..len], &rising[..len], &jumps[..len]);
    let mut lanes = [0.0; 8];
    let chunks = (before.chunks_exact(8), rising.chunks_exact(8), jumps.chunks_exact(8));
    let rest = (chunks.0.remainder(), chunks.1.remainder(), chunks.2.remainder());
    let rest: f64 = rest.0.iter().zip(rest.1).zip(rest.2).map(|((g, u), j)| g * (u - s * j)).sum();
    for ((g, u), j) in chunks.0.zip(chunks.1).zip(chunks.2) {
        for k in 0..8 {
            lanes[k] += g[k] * (u[k] - s * j[k]);
        }
    }
    lanes.iter().sum::<f64>() + rest
}

/// `(1 + J)^T` by squaring, cut off after `nodes`.
fn power(jumps: &[f64], count: u64, nodes: usize) -> Vec<f64> {
    let mut base = vec![0.0; nodes + 1];
    base[0] = 1.0;
    base[1..=jumps.len()].copy_from_slice(jumps);
    let mut product = base.clone();
    for bit in (0..64 - count.leading_zeros() - 1).rev() {
        product = times(&product, &product);
        if count >> bit & 1 == 1 {
            product = times(&product, &base);
        }
    }
    product
}

fn times(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut product = vec![0.0; a.len()];
    for (i, one) in a.iter().enumerate().filter(|(_, one)| **one > 0.0) {
        for (sum, other) in product[i..].iter_mut().zip(b) {
            *sum += one * other;
        }
    }
    product
}
