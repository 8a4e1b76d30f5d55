//! Binomial masses and tails, good to [`RELATIVE_ERROR`].
//!
//! Factorials of large numbers lose digits as logarithms; the saddle-point form does not (C. Loader, *Fast and Accurate
//! Computation of Binomial Probabilities*, 2000): `P(X = k)` is a normal density times corrections that are small and smooth.

/// Relative error of everything in this module, for up to [`TRIALS_MAX`] trials. It grows like the binomial's standard
/// deviation times a rounding error; the tests hold it to far less.
pub(crate) const RELATIVE_ERROR: f64 = 1e-9;
/// More trials than this are refused.
pub(crate) const TRIALS_MAX: u64 = 1 << 40;

/// (k, probability of k) for k = 0..=n.
pub(super) fn masses(n: u32, rate: f64) -> Vec<(f64, f64)> {
    (0..=n).map(|k| (f64::from(k), mass(u64::from(n), u64::from(k), rate))).collect()
}

/// For `dataset` records sampled at `rate` and cut to `batch`: the probability that the other records alone fill the batch,
/// and, given that, the probability that one fixed record is in the batch.
pub(super) fn truncation(dataset: u64, batch: u64, rate: f64) -> (f64, f64) {
    let full = at_least(dataset - 1, batch, rate);
    if full <= 0.0 {
        return (0.0, 0.0);
    }
    let cut = at_least(dataset, batch + 1, rate);
    (full, (cut * (batch as f64 / dataset as f64) / full).min(1.0))
}

/// `P(X ≥ k)`.
fn at_least(n: u64, k: u64, rate: f64) -> f64 {
    if k == 0 {
        return 1.0;
    }
    if k > n {
        return 0.0;
    }
    let upper = (k as f64) > n as f64 * rate;
    let odds = rate / (1.0 - rate);
    let (mut term, mut at) = if upper { (mass(n, k, rate), k) } else { (mass(n, k - 1, rate), k - 1) };
    let mut sum = 0.0;
    // Beyond the mean the terms fall faster and faster, so what is left out is below the last bit.
    while term > sum * 1e-18 {
        sum += term;
        if upper {
            if at == n {
                break;
            }
            term *= (n - at) as f64 / (at + 1) as f64 * odds;
            at += 1;
        } else {
            if at == 0 {
                break;
            }
            term *= at as f64 / (n - at + 1) as f64 / odds;
            at -= 1;
        }
    }
    if upper { sum } else { 1.0 - sum }
}

/// `P(X = k)`.
fn mass(n: u64, k: u64, rate: f64) -> f64 {
    let whole = n as f64;
    if k == 0 {
        return libm::exp(whole * libm::log1p(-rate));
    }
    if k == n {
        return libm::exp(whole * libm::log(rate));
    }
    let (hits, misses) = (k as f64, (n - k) as f64);
    let correction = stirling_error(whole) - stirling_error(hits) - stirling_error(misses);
    let exponent = correction - deviance(hits, whole * rate) - deviance(misses, whole * (1.0 - rate));
    libm::exp(exponent) * (whole / (std::f64::consts::TAU * hits * misses)).sqrt()
}

/// `log n! − log(√(2πn)·(n/e)^n)`.
fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        // Exact factorials up to 15!, then one rounding each.
        let factorial: f64 = (1..=n as u64).map(|k| k as f64).product();
        return libm::log(factorial) - ((n + 0.5) * libm::log(n) - n + 0.918_938_533_204_672_8);
    }
    let square = n * n;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / 1188.0 / square) / square) / square) / square)
        / n
}

/// `x·log(x/m) + m − x`, without cancellation near `x = m`.
fn deviance(x: f64, mean: f64) -> f64 {
    let difference = x - mean;
    if difference.abs() > 0.1 * (x + mean) {
        return x * libm::log(x / mean) - difference;
    }
    let ratio = difference / (x + mean);
    let mut sum = difference * ratio;
    let mut power = 2.0 * x * ratio;
    for k in 1..60 {
        power *= ratio * ratio;
        let next = sum + power / f64::from(2 * k + 1);
        if next.to_bits() == sum.to_bits() {
            break;
        }
        sum = next;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (trials, k, rate, P(X ≥ k)) by mpmath 1.4 with 60 digits.
    const TAILS: [(u64, u64, f64, f64); 8] = [
        (59_999, 700, 0.01, 3.375_752_631_289_332e-5),
        (60_000, 641, 0.01, 0.049_434_616_078_351_18),
        (59_999, 600, 0.01, 0.505_347_202_555_526_3),
        (12, 5, 0.3, 0.276_344_530_47),
        (1000, 30, 0.001, 9.503_107_515_052_421e-34),
        (1_000_000_000, 1100, 1e-06, 0.000_962_625_233_700_154_3),
        (500, 499, 0.25, 1.400_828_691_373_331_6e-298),
        (40, 3, 1e-09, 9.879_999_725_830_006e-24),
    ];

    #[test]
    fn tails_agree_with_forty_digits() {
        for (n, k, rate, expected) in TAILS {
            let found = at_least(n, k, rate);
            assert!(
                (found / expected - 1.0).abs() < 1e-14 * (100.0 + (n as f64).sqrt()),
                "{n} {k} {rate}: {found:e} {expected:e}"
            );
        }
    }

    #[test]
    fn masses_of_a_group_sum_to_one() {
        for (n, rate) in [(2, 0.3), (10, 1e-9), (300, 0.01), (5, 0.999)] {
            let sum: f64 = masses(n, rate).iter().map(|(_, mass)| mass).sum();
            assert!((sum - 1.0).abs() < 1e-13, "{n} {rate}: {sum}");
        }
    }
}
