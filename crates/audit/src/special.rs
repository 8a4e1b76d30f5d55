//! The regularised incomplete beta function, its inverse, and binomial tails.
//!
//! `I_x(a, b) = x^a (1−x)^b / (a·B(a, b)) · F`, with the continued fraction F of Abramowitz and Stegun (26.5.8) evaluated
//! by Lentz's method: it converges fast on `x ≤ a/(a + b)`, and `I_x(a, b) = 1 − I_{1−x}(b, a)` covers the rest. The
//! prefactor goes through `lgamma`, which costs some digits when a and b are large: about 11 remain for counts of 10⁵.

/// Terms of the continued fraction; it needs about `√max(a, b)` of them.
const TERMS_MAX: u32 = 20_000;

/// `I_x(a, b)` for a, b > 0: the probability that a Beta(a, b) variable is at most x. 0 left of 0, 1 right of 1.
pub(crate) fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    if x <= a / (a + b) { lower_part(x, a, b) } else { 1.0 - lower_part(1.0 - x, b, a) }
}

fn lower_part(x: f64, a: f64, b: f64) -> f64 {
    let log_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let log_front = a * libm::log(x) + b * libm::log1p(-x) - log_beta;
    (libm::exp(log_front) / a * fraction(x, a, b)).clamp(0.0, 1.0)
}

/// The continued fraction `1/(1 + d₁/(1 + d₂/(1 + …)))`.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let nonzero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for m in 1..TERMS_MAX {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = result;
        for term in [even, odd] {
            d = 1.0 / nonzero(1.0 + term * d);
            c = nonzero(1.0 + term / c);
            result *= c * d;
        }
        if (result - before).abs() <= 1e-16 * result.abs() {
            break;
        }
    }
    result
}

/// The x with `I_x(a, b) = p`, by bisection to the last bit.
pub(crate) fn inverse_incomplete_beta(p: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return high;
        }
        if incomplete_beta(middle, a, b) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// `P[Binomial(trials, p) ≥ k]` for every k from 0 to `trials` (`result[k]`), summed from the far end so that small
/// tails keep their digits.
pub(crate) fn binomial_tails(trials: u64, p: f64) -> Vec<f64> {
    let n = trials as f64;
    let (log_p, log_q) = (libm::log(p), libm::log1p(-p));
    let log_all = libm::lgamma(n + 1.0);
    let mut tails = vec![0.0; trials as usize + 1];
    let mut sum = 0.0;
    for k in (0..=trials).rev() {
        let successes = k as f64;
        let failures = n - successes;
        // 0·log 0 is 0 here: no success out of none has probability 1.
        let weigh = |count: f64, log: f64| if count > 0.0 { count * log } else { 0.0 };
        let log_ways = log_all - libm::lgamma(successes + 1.0) - libm::lgamma(failures + 1.0);
        sum += libm::exp(log_ways + weigh(successes, log_p) + weigh(failures, log_q));
        tails[k as usize] = f64::min(sum, 1.0);
    }
    tails
}

#[cfg(test)]
mod tests;
