//! `g = w^a − 1 − a·(w − 1)`, `a = 1 + c`, from `v = w − 1` and `log w`, without cancellation and without overflow.
//!
//! Results come as `(scale, value)`, meaning `e^scale·value`. In every arm the terms that are subtracted are at most some
//! 40 times the difference (by Taylor's formula, where `a|v| ≥ 0.1`), so the relative error stays below 512 machine
//! epsilons plus what the errors of v and log w themselves cause.

/// `g`.
pub(super) fn excess(c: f64, v: f64, log_w: f64) -> (f64, f64) {
    if v.abs() * (1.0 + c) < 0.1 {
        return (0.0, series(c, v));
    }
    let power = c * log_w;
    if log_w < 0.0 {
        (0.0, (1.0 + v) * libm::expm1(power) - c * v)
    } else if power <= 20.0 {
        // w is taken out, so that it cannot overflow.
        (log_w, libm::expm1(power) - c * share(v))
    } else {
        (log_w + power, 1.0 - (1.0 + c * share(v)) * libm::exp(-power))
    }
}

/// `g` and its first two derivatives by c, to a few digits.
pub(super) fn jet(c: f64, v: f64, log_w: f64) -> (f64, [f64; 3]) {
    if v.abs() * (1.0 + c) < 1e-4 {
        let (square, cube) = (v * v, v * v * v);
        let first = (c + 0.5) * square + (c * c / 2.0 - 1.0 / 6.0) * cube;
        return (0.0, [0.5 * c * (c + 1.0) * (square + (c - 1.0) / 3.0 * cube), first, square + c * cube]);
    }
    let power = c * log_w;
    let square = log_w * log_w;
    if log_w < 0.0 {
        let (w, growth) = (1.0 + v, libm::expm1(power));
        (0.0, [w * growth - c * v, w * (1.0 + growth) * log_w - v, w * (1.0 + growth) * square])
    } else if power <= 20.0 {
        let growth = libm::expm1(power);
        let share = share(v);
        (log_w, [growth - c * share, (1.0 + growth) * log_w - share, (1.0 + growth) * square])
    } else {
        let rest = libm::exp(-power);
        (log_w + power, [1.0 - (1.0 + c * share(v)) * rest, log_w - share(v) * rest, square])
    }
}

/// `v/w`, also where w is infinite.
fn share(v: f64) -> f64 {
    if v < 1e300 { v / (1.0 + v) } else { 1.0 }
}

/// `g = Σ_{k≥2} binom(a, k)·v^k` for small v; the leading coefficient is `c(c+1)/2`.
fn series(c: f64, v: f64) -> f64 {
    let a = 1.0 + c;
    let mut term = 0.5 * c * a * v * v;
    let mut sum = 0.0;
    for k in 2..40 {
        sum += term;
        let k = f64::from(k);
        term *= (a - k) / (k + 1.0) * v;
        if term.abs() <= sum * 1e-17 {
            break;
        }
    }
    sum
}
