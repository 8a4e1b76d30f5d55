//! Banded noise: what one step adds is taken back, in part, by the steps that follow (DP-BandMF, Choquette-Choo et al., arXiv
//! 2306.08153).
//!
//! The strategy matrix C is lower triangular, Toeplitz and banded: `c_0, c_1, …, c_{b-1}` down each column. With fresh noise `z_t`
//! the release of step t is `x_t + y_t`, where `x_t` is the clipped sum and y the solution of `C y = z`:
//! `y_t = (z_t − Σ_{0<j<b} c_j y_{t−j}) / c_0`. A unit may take part in steps of one residue class modulo b alone.
//!
//! **Coefficients.** Those of the square root of the matrix of ones, `binom(2k, k) / 4^k` (Fichtenberger, Henzinger and Upadhyay,
//! arXiv 2202.11205), cut after b of them (Kalinin and Lampert, arXiv 2405.13763) and scaled to Euclidean norm 1, rounded so that the norm
//! of the floats is at most 1. They are positive and fall, so by Eneström and Kakeya the zeros of the generating polynomial lie outside the
//! unit disc: the inverse's coefficients decay, and rounding does not build up in the recurrence.
//!
//! **Claim.** Let each unit be in a group g of b, and let step t (from 0) draw each unit of group `t mod b`, and no other, by its own
//! coin of probability p. Let a unit's gradient have norm at most S, and `z_t` be N(0, (σS)²) in every coordinate. Then L steps are
//! dominated by `ceil(L / b)` Poisson-sampled Gaussian releases of rate p and noise multiplier σ, composed adaptively.
//!
//! *Proof.* C is public and invertible, so releasing all `x_t + y_t` up to now is as good as releasing all rows of `C x + z`. Fix
//! the groups and the coins of all units but one, which is in group g. The steps t ≡ g are its *turns*. Row s of `C x` is made of
//! `x_s, …, x_{s−b+1}`: b steps in a row, of which exactly one is a turn (for s < b, at most one). So the rows fall into blocks `t, …, t+b−1`, one for each turn t,
//! and what is before the first turn does not depend on the unit. In a block, given everything released before it, row
//! s is `m_s + B c_{s−t} v + z_s`: B is the unit's coin at t, the vector v its clipped gradient, a function of what was released
//! before t, and `m_s` is what the other units and earlier rows make of what was released before s. Without the unit it is `m_s + z_s`. The z are independent and `m_s` is known when
//! row s comes, so the ratio of the likelihoods of a block is `(1 − p) + p exp(ℓ)`, where ℓ is the log ratio of Gaussians with
//! the means `c_{s−t} v` and 0: of one Gaussian with a shift of `|c| |v| ≤ S`, less where the run ends inside the block. That is a
//! Poisson-sampled Gaussian with noise multiplier at least σ. There are at most `ceil(L / b)` turns, each chosen after those before it: adaptive
//! composition. With another unit in its place (replace-one) the block has v' where it had v, with the same coin and the same group, and the same
//! law as one release of that kind; a unit that is emptied is one with v = 0. Groups and the other units' coins were fixed; for random ones
//! that do not depend on the unit, both laws are mixtures with the same weights, and hockey-stick divergences are jointly convex. ∎
//!
//! **Segments.** A process that is taken up again draws new groups, new coins and new noise and begins with no history: a
//! mechanism of its own, of which the claim holds again. Mechanisms compose, so a unit's turns add up over the segments. When a
//! process ends may depend on what it released: turns are all alike, so whoever has at most R of them in all is dominated by R, whatever decides when.
//!
//! **Rounding.** What is released is a function (rounding) of the exact sum of `x_t` and the float `y_t` that the recurrence goes on with, and y does not depend on x. So the mechanism is `C x + z'` with `z' = C y`, which is z
//! but for the rounding of one step of the recurrence. As for all noise in floats, the guarantee is that of real numbers, approximated to rounding.

/// `c_0, …, c_{bands−1}`: positive, falling, with a Euclidean norm of at most 1. One band is `[1]`; none is no mechanism, and taken for one.
pub fn coefficients(bands: u64) -> Vec<f64> {
    let mut coefficients = vec![1.0];
    for k in 1..bands {
        let (k, last) = (k as f64, coefficients[coefficients.len() - 1]);
        coefficients.push(last * ((2.0 * k - 1.0) / (2.0 * k)));
    }
    let norm = coefficients.iter().map(|c| c * c).sum::<f64>().sqrt();
    // A sum of b squares errs by half a unit of the last digit for each, and the root, the products and the division by little more.
    let norm = norm * (1.0 + 4.0 * f64::EPSILON * (coefficients.len() - 1) as f64);
    coefficients.iter().map(|c| c / norm).collect()
}

/// First column of the inverse of C, `steps` long: `y_t = Σ_k d_k z_{t−k}`.
pub fn inverse(coefficients: &[f64], steps: usize) -> Vec<f64> {
    let mut inverse: Vec<f64> = Vec::with_capacity(steps);
    for t in 0..steps {
        let past = coefficients[1..].iter().zip(inverse.iter().rev());
        let fresh = if t == 0 { 1.0 } else { 0.0 };
        inverse.push((fresh - past.map(|(c, y)| c * y).sum::<f64>()) / coefficients[0]);
    }
    inverse
}

/// Mean, over `steps` steps, of the variance of `Σ_{i≤t} y_i` in one coordinate, in units of the variance of z: how far the sum of all
/// released gradients is from the true one. `(steps + 1) / 2` for one band, which is independent noise.
pub fn prefix_error(bands: u64, steps: usize) -> f64 {
    let (mut prefix, mut variance, mut total) = (0.0, 0.0, 0.0);
    for d in inverse(&coefficients(bands), steps) {
        prefix += d;
        variance += prefix * prefix;
        total += variance;
    }
    total / steps.max(1) as f64
}

#[cfg(test)]
mod tests;
