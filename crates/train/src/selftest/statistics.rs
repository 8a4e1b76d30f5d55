//! Whether noise is what it should be: statistics with exact critical values at [`ALPHA`], two-sided where they have two sides.
//!
//! All of them are of samples with standard deviation [`STDDEV`].

use std::f64::consts::TAU;

use rayon::prelude::*;

/// Chance that good noise is rejected by one of them.
pub(crate) const ALPHA: f64 = 1e-6;
/// The standard deviation of the samples; not 1, so that a forgotten factor shows.
pub(crate) const STDDEV: f64 = 0.7;

/// Φ(x). Marsaglia's series inside 4, the continued fraction of Mills' ratio outside; relative error below 1e-12.
pub(crate) fn normal_cdf(x: f64) -> f64 {
    let density = (-0.5 * x * x).exp() / TAU.sqrt();
    if x.abs() < 4.0 {
        let (mut term, mut sum, mut k) = (x, x, 1.0);
        while term.abs() > 1e-18 {
            k += 2.0;
            term *= x * x / k;
            sum += term;
        }
        return 0.5 + density * sum;
    }
    let mills = (1..=120).rev().fold(x.abs(), |tail, k| x.abs() + f64::from(k) / tail);
    if x < 0.0 { density / mills } else { 1.0 - density / mills }
}

/// z with P(|Z| > z) = `alpha`, by bisection.
pub(crate) fn two_sided(alpha: f64) -> f64 {
    let (mut low, mut high) = (0.0, 20.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        *(if 2.0 * normal_cdf(-middle) > alpha { &mut low } else { &mut high }) = middle;
    }
    low
}

/// A statistic and the value it may not pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verdict {
    pub(crate) statistic: f64,
    pub(crate) critical: f64,
}

impl Verdict {
    /// Whether it passed it, or is no number.
    #[cfg(test)]
    pub(crate) fn rejected(self) -> bool {
        self.statistic.is_nan() || self.statistic > self.critical
    }
}

fn scaled(values: &[f32]) -> impl Iterator<Item = f64> + '_ {
    values.iter().map(|&value| f64::from(value) / STDDEV)
}

/// Kolmogorov–Smirnov distance on a grid of 8,001 points, which is at most the true distance, times √n, against
/// √(ln(2/α)/2) = 2.693.
pub(crate) fn ks(values: &[f32]) -> Verdict {
    let (n, width) = (values.len() as f64, 1e-3);
    let mut counts = vec![0_u64; 8002];
    for z in scaled(values) {
        counts[((z + 4.0) / width).clamp(-1.0, 8000.0) as usize + usize::from(z >= -4.0)] += 1;
    }
    let mut below = 0;
    let mut distance = 0.0_f64;
    for (i, count) in counts[..8001].iter().enumerate() {
        below += count;
        distance = distance.max((below as f64 / n - normal_cdf(-4.0 + i as f64 * width)).abs());
    }
    Verdict { statistic: distance * n.sqrt(), critical: ((2.0 / ALPHA).ln() / 2.0).sqrt() }
}

/// |mean|·√n against the normal quantile, 4.892.
pub(crate) fn mean(values: &[f32]) -> Verdict {
    let n = values.len() as f64;
    Verdict { statistic: (scaled(values).sum::<f64>() / n.sqrt()).abs(), critical: two_sided(ALPHA) }
}

/// |mean square − 1|·√(n/2) against the normal quantile.
pub(crate) fn variance(values: &[f32]) -> Verdict {
    let n = values.len() as f64;
    let excess = scaled(values).map(|z| z * z - 1.0).sum::<f64>() / n;
    Verdict { statistic: (excess * (n / 2.0).sqrt()).abs(), critical: two_sided(ALPHA) }
}

/// How improbable the number of values beyond `bound` standard deviations is: −log10 of the smaller exact Poisson
/// tail, against −log10(α/2) = 6.30.
pub(crate) fn tail(values: &[f32], bound: f64) -> Verdict {
    let beyond = scaled(values).filter(|z| z.abs() > bound).count();
    let expected = values.len() as f64 * 2.0 * normal_cdf(-bound);
    let mut term = (-expected).exp();
    let (mut below, mut at) = (0.0, term);
    for k in 1..=beyond {
        below += term;
        term *= expected / k as f64;
        at = term;
    }
    let smaller = (below + at).min(1.0 - below).max(1e-300);
    Verdict { statistic: -smaller.log10(), critical: -(ALPHA / 2.0).log10() }
}

/// |correlation|·√n of two samples against the normal quantile for `tests` comparisons.
pub(crate) fn correlation(a: &[f32], b: &[f32], tests: usize) -> Verdict {
    let n = a.len().min(b.len());
    let product: f64 = a.par_iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    let statistic = (product / (STDDEV * STDDEV * (n as f64).sqrt())).abs();
    Verdict { statistic, critical: two_sided(ALPHA / tests as f64) }
}

/// The worst of the lags 1 to 64, each at α/64 (critical value 5.654).
pub(crate) fn lags(values: &[f32]) -> Verdict {
    let worst = |a: Verdict, b: Verdict| if b.statistic > a.statistic { b } else { a };
    (2..=64).map(|lag| correlation(values, &values[lag..], 64)).fold(correlation(values, &values[1..], 64), worst)
}
