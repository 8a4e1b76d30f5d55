//! Where the nodes of [`super::line`] lie: the height of the line, their spacing and the two ends; its essay says why.

use crate::law::Pair;

/// Largest growth of the integrand that the line may cost: digits lost to cancellation.
const GROWTH_MAX: f64 = 1.4;
/// More nodes than this and the caller has to ask another engine.
const NODES_MAX: f64 = 24_000.0;

/// Where the integrand falls at least as fast as a Gaussian `reach` away from its mean; no more than a few per cent further
/// out than needed.
pub(super) fn right_end(pair: &Pair, c: f64, reach: f64) -> f64 {
    let highest = pair.p.last().map_or(0.0, |(mean, _)| *mean);
    let (mut near, mut far) = (0.0, (1.0 + c) * highest + c * pair.spreads().1 + reach);
    // Halvings, and the outer end always qualifies: stopping early only means more nodes.
    while far - near > 0.05 * reach {
        let middle = 0.5 * (near + far);
        if middle - (1.0 + c) * highest + c * pair.posterior_means(middle).1 >= reach {
            far = middle;
        } else {
            near = middle;
        }
    }
    far
}

/// Where the nodes lie.
pub(super) struct Grid {
    pub(super) step: f64,
    pub(super) height: f64,
    pub(super) first: i64,
    pub(super) last: i64,
    /// `growth(height)`.
    pub(super) growth: f64,
    /// Logarithms of bounds on the two tails on the real axis, at both orders.
    pub(super) log_tails: (f64, f64),
}

pub(super) fn grid(pair: &Pair, c: f64, beyond: f64, exponent: f64) -> Option<Grid> {
    let s = pair.noise;
    let (spread_p, spread_q) = pair.spreads();
    let edge = 0.98 * std::f64::consts::PI * s * s / spread_p.max(spread_q);
    let growth = |y: f64| {
        let cosine = libm::cos(spread_q * y / (2.0 * s * s));
        y * y / (2.0 * s * s) - beyond * libm::log(cosine)
    };
    // The upper line that `height` needs for the same error as the lower one, iterated once; more is only slower.
    let reach = |height: f64| 2.0 * height + height * growth((2.2 * height).min(edge)) / exponent;
    let mut height = (edge / 2.3).min(1.65 * s);
    while growth(height) > GROWTH_MAX || reach(height) > edge {
        height *= 0.9;
    }
    let upper = reach(height).max(2.2 * height).min(edge);
    let step = std::f64::consts::TAU * (height / exponent).min((upper - height) / (exponent + growth(upper)));
    let (left, right, log_tail) = ends(pair, c, exponent)?;
    let (left_beyond, right_beyond, log_tail_beyond) =
        if beyond > c { ends(pair, beyond, exponent)? } else { (left, right, log_tail) };
    let (left, right) = (left.min(left_beyond), right.max(right_beyond));
    let (first, last) = ((left / step).floor(), (right / step).ceil());
    // False for NaN, too.
    let few = last - first <= NODES_MAX && step > 0.0;
    let growth = growth(height);
    few.then_some(Grid {
        step,
        height,
        first: first as i64,
        last: last as i64,
        growth,
        log_tails: (log_tail, log_tail_beyond),
    })
}

/// The ends of the range and the logarithm of the tails beyond them.
/// The integrand is followed until it is `e^{−exponent}` of the whole.
pub(super) fn ends(pair: &Pair, c: f64, exponent: f64) -> Option<(f64, f64, f64)> {
    let s = pair.noise;
    let reach = libm::sqrt(2.0 * (exponent + 2.0)) * s;
    let log_density = |x: f64| {
        let (log_a, log_b) = pair.logs(x);
        (1.0 + c) * log_a - c * log_b - x * x / (2.0 * s * s)
    };
    let highest = pair.p.last().map_or(0.0, |(mean, _)| *mean);
    // Jensen: M(c) ≥ 1, so this is far below the whole.
    let floor = -exponent - 3.0;
    let mut left = -reach;
    while log_density(left) > floor {
        left -= s;
        if left < -1e3 * s {
            return None;
        }
    }
    let slope_at = |x: f64| x - (1.0 + c) * highest + c * pair.posterior_means(x).1;
    let mut far = right_end(pair, c, reach);
    // Where the slope rises in one jump, it says nothing yet about how far the integrand has fallen.
    let scan = if pair.q.len() > 1 { 32 } else { 0 };
    let peak = (0..=scan).map(|k| log_density(left + (far - left) * f64::from(k) / 32.0)).fold(0.0, f64::max);
    while pair.q.len() > 1 && log_density(far) > peak - exponent - 3.0 {
        far += s;
    }
    let log_tail = |x: f64, slope: f64| log_density(x) + libm::log(s / slope) - 0.918_938_533_204_672_8;
    let tails = [log_tail(left, -left), log_tail(far, slope_at(far))];
    let log_tail = tails[0].max(tails[1]) + std::f64::consts::LN_2;
    Some((left, far, log_tail))
}
