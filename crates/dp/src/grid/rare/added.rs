//! Adding a record to a rare sample, from above: Chernoff's bound where no cumulant is wanted to any digits.
//!
//! `δ(ε) = E_Q[(1 − e^ε·W)₊]` with Q and `W = Π(1 + u)` those of removing, and `(1 − w)₊ ≤ C(c)·w^{−c}`. Cut off from above at U, u can
//! only raise δ; for `v = min(u, U) ≥ −r`, `(1 + v)^{−c} ≤ 1 − cv + ½c(1 + c)v²(1 − r)^{−c−2}`. With J the part where `u > U`,
//! `E[v] ≥ −E[u; J] ≥ −P[J]` because `E[u] = 0`, and `E[v²] ≤ E[u²; u ≤ U] + U·P[J]`. So for every c and U
//!
//! `ε ≤ T·P[J] + ½(1 + c)(1 − r)^{−c−2}·T·E[v²] + (log C(c) − log δ)/c`.
//!
//! That is about `√(2T·E[u²]·log 1/δ)`, and enough to see that removing costs more.

use super::super::cells::{self, ROUNDOFF};
use super::core::mean_square;
use crate::law::{Law, Pair, loss_max};

/// An upper bound on the epsilon at `delta`, and 0; `None` for other laws.
pub(in super::super) fn epsilon(laws: &[(Law, u64)], delta: f64) -> Option<(f64, f64)> {
    let [(Law::Mixture(branches), count)] = laws else { return None };
    let [(weight, pair)] = branches.as_slice() else { return None };
    let ([(mean, _)], [(shift, rate), (origin, _)]) = (pair.p.as_slice(), pair.q.as_slice()) else { return None };
    let near = |value: f64, wanted: f64| (value - wanted).abs() <= 0.0;
    let kind = near(*weight, 1.0) && near(*mean, 0.0) && near(*shift, -1.0) && near(*origin, 0.0);
    if !kind || *rate > super::RATE_MAX {
        return None;
    }
    let t = *count as f64;
    let removed = Pair { noise: pair.noise, p: vec![(0.0, 1.0 - rate), (1.0, *rate)], q: vec![(0.0, 1.0)] };
    let log_delta = libm::log(delta);
    let bound = |cut: f64| {
        let end = 0.5 + pair.noise * pair.noise * cut;
        let jump = cells::masses(&removed, end, f64::INFINITY);
        let jumps = t * jump.p * (1.0 + 2.0 * jump.error);
        let largest = rate * libm::expm1(cut);
        let square = t * mean_square(*rate, pair.noise, end) + largest * jumps * (1.0 + 1e-12);
        // The minimum, were it not for the factor of the rate; any c will do.
        let c = (-2.0 * log_delta / square.max(1e-300)).sqrt().clamp(1e-3, 1.0 / rate);
        let factor = libm::exp(-(c + 2.0) * libm::log1p(-rate));
        let conversion = -c * libm::log1p(1.0 / c) - libm::log1p(c);
        jumps + 0.5 * (1.0 + c) * factor * square + (conversion - log_delta) / c
    };
    let cuts = (0..60).map(|i| libm::exp(f64::from(i) * 0.15 - 3.0));
    let least = cuts.map(bound).filter(|bound| !bound.is_nan()).fold(f64::INFINITY, f64::min);
    Some((0.0, (least * (1.0 + 64.0 * ROUNDOFF + 1e-13)).clamp(0.0, loss_max(laws))))
}
