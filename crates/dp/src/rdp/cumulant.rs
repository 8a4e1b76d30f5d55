//! The cumulant of one Poisson-sampled Gaussian release, as an upper bound good to about 13 digits.
//!
//! The dominating pair of the release is one-dimensional: `N(0, s²)` without the record, `(1−q)·N(0, s²) + q·N(1, s²)`
//! with it (Mironov, Talwar and Zhang, arXiv 1908.10530, Theorem 4). Their likelihood ratio is
//! `w(x) = 1 + v(x)`, `v(x) = q·(e^u − 1)`, `u = (2x − 1)/2s²`, and under `x ~ N(0, s²)`
//!
//! - removing a record: `K(c) = log E[w^a]` with `a = 1 + c`;
//! - adding a record: `K(c) = log E[w^a]` with `a = −c`.
//!
//! Since `E[v] = 0`, `E[w^a] = 1 + E[g]` with `g = w^a − 1 − a·v`. Both values of `a` make `w^a` convex, so `g ≥ 0`: the sum
//! below has no cancellation between its terms and keeps its relative accuracy when K is as small as `q²`, which a
//! run of 10⁸ steps multiplies by 10⁸.
//!
//! **Quadrature.** `g·φ` is analytic where `w` has no zero, in the strip `|Im x| < πs²`. The trapezoid rule with step h
//! then errs by at most `2M/(e^{2πy/h} − 1)` for any height `y` in the strip, `M` bounding `∫|g·φ|` along it (Trefethen and
//! Weideman, SIAM Review 56, 2014, Theorem 5.1). On the line `Im x = y`: `|φ|` grows by `e^{y²/2s²}`; `|w| ≤ w(Re x)`, and
//! `|w| ≥ w(Re x)·cos(y/2s²)` for the negative power. So
//! `M ≤ e^{y²/2s²}·cos(y/2s²)^{−z}·(E[w^a] + 1 + 2|a|q)`, with `z = c` when adding and 0 when removing. [`spacing`] takes
//! the largest h for which some y makes the error `e^{−EXPONENT}` times the bracket, and the error is added.
//!
//! **Tails** beyond the last nodes are bounded in closed form and added ([`Law::log_tails`]); **rounding** is tracked node
//! by node and added. Where too many nodes would be needed, the convexity bound [`jensen`] answers instead.

/// Which of the two neighbours the loss is measured under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// The data set with the record against the one without.
    Remove,
    /// The data set without the record against the one with it.
    Add,
}

/// Quadrature error relative to the bracket in the module's essay: `2·e^{−44}/(1 − e^{−44})`, rounded up.
const EXPONENT: f64 = 44.0;
const QUADRATURE_ERROR: f64 = 1.6e-19;
/// Standard deviations kept on either side of the outermost bump; the rest is bounded in closed form.
const REACH: f64 = 13.0;
/// More nodes than this and the convexity bound answers.
const NODES_MAX: f64 = 20_000.0;
/// Noise above this is treated as this, which only overstates the loss.
const NOISE_MAX: f64 = 1e6;
/// Rounding error of one node in units of its magnitude, see [`Law::log_integrand`].
const NODE_ERROR: f64 = 2.0 * f64::EPSILON;
/// `log √(2π)`.
const LOG_SQRT_TAU: f64 = 0.918_938_533_204_672_8;

/// Upper bound on `K(c)` for sampling rate `q` in (0, 1], noise multiplier `s` and `c > 0`; infinite when it overflows.
pub(super) fn upper(q: f64, s: f64, c: f64, direction: Direction) -> f64 {
    let s = s.min(NOISE_MAX);
    let gaussian = c * (c + 1.0) / (2.0 * s * s) * (1.0 + 4.0 * f64::EPSILON);
    if q >= 1.0 {
        return gaussian;
    }
    let bound = jensen(q, gaussian);
    let law = Law { q, s, c, direction };
    law.quadrature().map_or(bound, |log_moment| log_moment.min(bound))
}

/// Largest `c` at which the quadrature, not the convexity bound, answers when removing.
pub(super) fn c_max(s: f64) -> f64 {
    let s = s.min(NOISE_MAX);
    0.999 * NODES_MAX * spacing(s, 0.0) - 2.0 * REACH * s - 1.0
}

/// `log(1 + q·(e^k − 1))`: the cumulant `k` of the unsampled release, mixed with no release at all.
///
/// `t ↦ t^a` is convex for both values of `a`, so `E[w^a] ≤ (1−q)·1 + q·E[e^{au}]`, and `log E[e^{au}] = c(c+1)/2s²`.
fn jensen(q: f64, gaussian: f64) -> f64 {
    let bound = if gaussian < 700.0 {
        libm::log1p(q * libm::expm1(gaussian))
    } else {
        gaussian + libm::log(q) + libm::log1p((1.0 - q) / q * libm::exp(-gaussian))
    };
    bound * (1.0 + 16.0 * f64::EPSILON) + gaussian * 2.0 * f64::EPSILON
}

/// The step h of the trapezoid rule, given `z`, the negative power of w in the integrand (0 when removing).
fn spacing(s: f64, z: f64) -> f64 {
    const HEIGHTS: i32 = 48;
    let ceiling = std::f64::consts::PI * s * s;
    // Any height is valid; the best of a geometric ladder is within a few per cent of the best there is.
    (0..HEIGHTS)
        .map(|rung| {
            let height = ceiling * (1.0 - 1e-9) * libm::pow(0.75, f64::from(rung));
            let powers = if z > 0.0 { -z * libm::log(libm::cos(height / (2.0 * s * s))) } else { 0.0 };
            let growth = height * height / (2.0 * s * s) + powers;
            2.0 * std::f64::consts::PI * height / (EXPONENT + growth)
        })
        .fold(0.0, f64::max)
}

/// One release seen at one order.
struct Law {
    q: f64,
    s: f64,
    c: f64,
    direction: Direction,
}

impl Law {
    /// `K(c)`, rounded up; `None` where that takes too many nodes.
    fn quadrature(&self) -> Option<f64> {
        let z = if self.direction == Direction::Add { self.c } else { 0.0 };
        let step = spacing(self.s, z);
        let (left, right) = self.range();
        let (first, last) = ((left / step).floor(), (right / step).ceil());
        // False for NaN, too.
        let few_nodes = last - first <= NODES_MAX && step > 0.0;
        if !few_nodes {
            return None;
        }
        let mut sum = LogSum::default();
        for node in first as i64..=last as i64 {
            let x = node as f64 * step;
            let (log_integrand, magnitude) = self.log_integrand(x);
            sum.add(log_integrand, magnitude);
        }
        let log_sum = sum.log_upper() + libm::log(step / self.s) - LOG_SQRT_TAU;
        let log_excess = self.log_tails(first * step, last * step).into_iter().fold(log_sum, log_add);
        // E ≤ I + error·(1 + E + 1 + 2|a|q), solved for E.
        let error = QUADRATURE_ERROR * 2.0 * (1.0 + (1.0 + self.c) * self.q);
        let log_excess = log_add(log_excess, libm::log(error)) + 2.0 * QUADRATURE_ERROR;
        let log_moment =
            if log_excess > 30.0 { log_excess + libm::exp(-log_excess) } else { libm::log1p(libm::exp(log_excess)) };
        Some(log_moment * (1.0 + 16.0 * f64::EPSILON) + f64::MIN_POSITIVE)
    }

    /// Where the integrand has its mass, with [`REACH`] standard deviations around it.
    fn range(&self) -> (f64, f64) {
        let reach = REACH * self.s;
        match self.direction {
            Direction::Remove => (-reach, 1.0 + self.c + reach),
            Direction::Add => (self.left_edge(), 1.0 + reach),
        }
    }

    /// Adding: the rightmost `x ≤ −reach` with `−x − c·r(x) ≥ reach`, `r = q·e^u/w`; to its left the integrand falls off like a
    /// Gaussian's tail, because the slope of its logarithm is `(−x − c·r)/s²` and r grows with x.
    fn left_edge(&self) -> f64 {
        let reach = REACH * self.s;
        let (mut near, mut far) = (-reach, -reach - self.c);
        // A fixed number of halvings: the outer end always qualifies, the rest is only fewer nodes.
        for _ in 0..40 {
            let middle = 0.5 * (near + far);
            if -middle - self.c * self.weight(middle) >= reach {
                far = middle;
            } else {
                near = middle;
            }
        }
        far
    }

    /// `r(x) = q·e^u/w`: how likely it is, having seen x, that the record was in the batch; rounded up.
    fn weight(&self, x: f64) -> f64 {
        let present = self.q * libm::exp((2.0 * x - 1.0) / (2.0 * self.s * self.s));
        (present / (1.0 - self.q + present) * (1.0 + 1e-12)).min(1.0)
    }

    /// Logarithms of upper bounds on what lies left of the first node and right of the last one.
    fn log_tails(&self, first: f64, last: f64) -> [f64; 2] {
        let Self { q, s, c, .. } = *self;
        let log_mills = |distance: f64| -distance * distance / 2.0 - libm::log(distance) - LOG_SQRT_TAU;
        let log_power = |x: f64, a: f64| a * self.log_ratio(x) - x * x / (2.0 * s * s);
        let fall = |slope: f64| libm::log(s / slope) - LOG_SQRT_TAU;
        let tails = match self.direction {
            // Left of 1/2, v lies in (−q, 0] and g is largest at −q. Right of a = 1 + c, w^a·φ falls at least as fast as a
            // Gaussian around a, because w′/w ≤ 1/s²; and g ≤ w^a there.
            Direction::Remove => {
                let (log_edge, _) = self.log_excess(-q, libm::log1p(-q), -f64::MAX);
                [log_edge + log_mills(-first / s), log_power(last, 1.0 + c) + fall(last - 1.0 - c)]
            }
            // Left: see `left_edge`. Right of 1/2, g ≤ c·v < c·q·e^u, and e^u·φ is a Gaussian density around 1.
            Direction::Add => {
                let slope = -first - c * self.weight(first);
                [log_power(first, -c) + fall(slope), libm::log(c * q) + log_mills((last - 1.0) / s)]
            }
        };
        tails.map(|tail| tail + 1e-6)
    }

    /// `log w(x)`.
    fn log_ratio(&self, x: f64) -> f64 {
        let u = (2.0 * x - 1.0) / (2.0 * self.s * self.s);
        log_ratio(self.q, u, self.q * libm::expm1(u))
    }

    /// `log(g(x)·e^{−x²/2s²})`, and the sum of the magnitudes that went into it, which bounds its rounding error.
    fn log_integrand(&self, x: f64) -> (f64, f64) {
        let variance = self.s * self.s;
        let u = (2.0 * x - 1.0) / (2.0 * variance);
        let v = self.q * libm::expm1(u);
        let log_w = log_ratio(self.q, u, v);
        let (log_g, magnitude) = self.log_excess(v, log_w, u);
        let exponent = x * x / (2.0 * variance);
        let magnitude = magnitude + 2.0 * exponent + (1.0 + self.c) * (log_w.abs() + self.slope(v, u) * u.abs());
        (log_g - exponent, magnitude)
    }

    /// How much an error in u moves `log w`: at most 1, and at most `q·e^u` on the left, where w stays near 1.
    fn slope(&self, v: f64, u: f64) -> f64 {
        if u > 0.0 { 1.0 } else { ((self.q + v) / (1.0 - self.q)).min(1.0) }
    }

    /// `log g` from `v`, `log w` and `u`, with its own share of the rounding magnitude.
    fn log_excess(&self, v: f64, log_w: f64, u: f64) -> (f64, f64) {
        let Self { c, .. } = *self;
        if v.abs() * (1.0 + c) < 0.1 {
            return (libm::log(self.series(v)), 32.0);
        }
        // Subtracting nearly equal numbers loses at most a factor of 1/0.1² here.
        let lost = 256.0;
        let log_g = match self.direction {
            // Beyond e^300, what is left out is below the last bit; the products in the other arms stay below e^600.
            Direction::Remove if c * log_w > 300.0 => (1.0 + c) * log_w,
            // g = w·(e^{c·log w} − 1) − c·v, with w taken out so that it cannot overflow.
            Direction::Remove if u > 300.0 => log_w + libm::log(libm::expm1(c * log_w) - c),
            Direction::Remove => libm::log((1.0 + v) * libm::expm1(c * log_w) - c * v),
            Direction::Add if u > 600.0 => libm::log(c) + log_w,
            Direction::Add if -c * log_w > 600.0 => -c * log_w,
            Direction::Add => libm::log(libm::expm1(-c * log_w) + c * v),
        };
        (log_g, lost)
    }

    /// `g = Σ_{k≥2} binom(a, k)·v^k` for small v; the leading coefficient is `c(c+1)/2` in both directions.
    fn series(&self, v: f64) -> f64 {
        let a = if self.direction == Direction::Remove { 1.0 + self.c } else { -self.c };
        let mut term = 0.5 * self.c * (self.c + 1.0) * v * v;
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
}

/// `log w` from `v = w − 1`, without cancellation near `w = 1 − q` and without overflow.
fn log_ratio(q: f64, u: f64, v: f64) -> f64 {
    if u > 600.0 {
        libm::log(q) + u
    } else if v > -0.5 {
        libm::log1p(v)
    } else {
        libm::log((1.0 - q) + q * libm::exp(u))
    }
}

/// `log(e^a + e^b)`.
fn log_add(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    if small == f64::NEG_INFINITY { large } else { large + libm::log1p(libm::exp(small - large)) }
}

/// A sum of exponentials that never overflows, with its rounding error.
#[derive(Debug)]
struct LogSum {
    peak: f64,
    sum: f64,
    weighted: f64,
}

impl Default for LogSum {
    fn default() -> Self {
        Self { peak: f64::NEG_INFINITY, sum: 0.0, weighted: 0.0 }
    }
}

impl LogSum {
    fn add(&mut self, log_term: f64, magnitude: f64) {
        if log_term > self.peak {
            let scale = libm::exp(self.peak - log_term);
            self.sum *= scale;
            self.weighted *= scale;
            self.peak = log_term;
        }
        let term = libm::exp(log_term - self.peak);
        // NaN stands for the logarithm of a zero that rounding made negative; its magnitude is far below the peak.
        if term > 0.0 {
            self.sum += term;
            self.weighted += term * magnitude;
        }
    }

    fn log_upper(&self) -> f64 {
        self.peak + libm::log(self.sum + self.weighted * NODE_ERROR)
    }
}

#[cfg(test)]
mod tests;
