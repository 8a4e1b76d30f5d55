//! Which tilt, which step and which window: chosen from sketches, checked by nobody, and only tightness depends on it.

use super::convolve::Window;
use super::sketch::{Moments, Sketch};

/// Most points of one transform.
const POINTS_MAX: f64 = (1u64 << 20) as f64;
/// Most nodes of all laws together.
const NODES_MAX: f64 = (1u64 << 18) as f64;
/// How much coarser than wanted a grid may be, to stay within these.
const COARSER_MAX: f64 = 8.0;
/// Negative log of the tilted mass that a window may leave out, on each side.
const OUTSIDE_LOG: f64 = 30.0;
/// Negative log of the P-mass that a law may lose on its left.
const LEFT_LOG: f64 = 22.0;
/// P-mass that may go to infinity, relative to delta.
pub(super) const RIGHT_SHARE: f64 = 1e-6;

/// Largest absolute loss of one release: beyond, a mass of Q next to one of P, or `e^loss`, does not fit a float.
const LOSS_MAX: f64 = 600.0;
/// Log of the smallest delta told from 0.
const LOG_DELTA_MIN: f64 = -230.0;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Question {
    /// Epsilon at the delta with this logarithm.
    Epsilon { log_delta: f64 },
    /// Delta at this epsilon, where it is known to be no more than this.
    Delta { epsilon: f64, log_delta_max: f64 },
}

/// A grid.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub(super) h: f64,
    pub(super) window: Window,
    /// Standard deviation of the tilted loss.
    pub(super) deviation: f64,
    /// First and last node of each law.
    pub(super) nodes: Vec<(i64, i64)>,
}

/// Sum of the cumulants.
fn moments(sketches: &[(Sketch, u64)], c: f64) -> Moments {
    let mut sum = Moments::default();
    for (sketch, count) in sketches {
        let (one, t) = (sketch.moments(c), *count as f64);
        sum.log += t * one.log;
        sum.mean += t * one.mean;
        sum.variance += t * one.variance;
    }
    sum
}

/// `log C(c) = c·log c − (1 + c)·log(1 + c)`, the logarithm of the largest `(1 − e^{−y})₊·e^{−cy}`.
fn log_conversion(c: f64) -> f64 {
    -c * libm::log1p(1.0 / c) - libm::log1p(c)
}

/// The tilt with the best Chernoff bound: (c, epsilon, log delta).
pub(super) fn saddle(sketches: &[(Sketch, u64)], question: Question) -> (f64, f64, f64) {
    const RATIO: f64 = 0.618_033_988_749_894_9;
    let value = |log_c: f64| {
        let c = libm::exp(log_c);
        let log = moments(sketches, c).log + log_conversion(c);
        match question {
            Question::Epsilon { log_delta } => (log - log_delta) / c,
            // Beyond the largest loss this falls without end; far enough is enough.
            Question::Delta { epsilon, .. } => (log - c * epsilon).max(LOG_DELTA_MIN),
        }
    };
    let (mut left, mut right) = (-12.0, 11.0);
    let (mut a, mut b) = (right - RATIO * (right - left), left + RATIO * (right - left));
    let (mut at_a, mut at_b) = (value(a), value(b));
    while right - left > 1e-2 {
        if at_a <= at_b {
            right = b;
            (b, at_b) = (a, at_a);
            a = right - RATIO * (right - left);
            at_a = value(a);
        } else {
            left = a;
            (a, at_a) = (b, at_b);
            b = left + RATIO * (right - left);
            at_b = value(b);
        }
    }
    let (log_c, best) = if at_a <= at_b { (a, at_a) } else { (b, at_b) };
    match question {
        Question::Epsilon { log_delta } => (libm::exp(log_c), best.max(0.0), log_delta),
        Question::Delta { epsilon, log_delta_max } => (libm::exp(log_c), epsilon, best.min(log_delta_max)),
    }
}

/// A grid for `question` on which the bracket is some `width` wide (in epsilon); `None` if it would be too large.
pub(super) fn plan(sketches: &[(Sketch, u64)], question: Question, width: &dyn Fn(f64, f64) -> f64) -> Option<Plan> {
    let releases: f64 = sketches.iter().map(|(_, count)| *count as f64).sum();
    // A loss so rare that it may count as infinite must not draw the tilt towards itself.
    let (_, _, log_delta) = saddle(sketches, question);
    let rare = RIGHT_SHARE * libm::exp(log_delta) / releases;
    let sketches: &[(Sketch, u64)] =
        &sketches.iter().map(|(s, count)| (s.without_right(rare), *count)).collect::<Vec<_>>();
    let (c, epsilon, _) = saddle(sketches, question);
    let at = moments(sketches, c);
    let deviation = at.variance.sqrt().max(1e-12);
    // Spreading and gathering change each loss's variance by h²/6 and h²/12, and a change v moves K by c(1 + c)v/2.
    let needed = (8.0 * width(c, epsilon) / (releases * (1.0 + c))).sqrt().min(0.25 / (1.0 + c));
    let (left, left_tilt) = edge(sketches, c, deviation, at.log, -1.0);
    let (right, right_tilt) = edge(sketches, c, deviation, at.log, 1.0);
    let ranges: Vec<(f64, f64)> =
        sketches.iter().map(|(sketch, _)| sketch.range(libm::exp(-LEFT_LOG) / releases, 0.0)).collect();
    let total: f64 = ranges.iter().map(|(low, high)| high - low).sum();
    let smallest = ((right - left) / (POINTS_MAX - 128.0)).max(total / NODES_MAX);
    if smallest.is_nan() || needed.is_nan() || smallest > COARSER_MAX * needed {
        return None;
    }
    let wanted = needed.min(deviation / 16.0).max(smallest);
    let len = (((right - left) / wanted + 64.0) as usize).next_power_of_two().max(256);
    // A window has a power of two points anyway; a finer step is free unless the laws are longer than the window.
    let finest = (right - left) / (len as f64 - 32.0);
    let h = if total < right - left { finest.max(smallest) } else { wanted };
    if ranges.iter().any(|(low, high)| *low < -LOSS_MAX || *high > LOSS_MAX) {
        return None;
    }
    let nodes = ranges.iter().map(|(low, high)| ((low / h).floor() as i64 - 1, (high / h).ceil() as i64 + 1)).collect();
    let (first, centre) = ((left / h).floor() as i64 - 16, (at.mean / h).round() as i64);
    let chernoff = (left_tilt * h, right_tilt * h);
    // A bulk outside its own window is one that no window of indices can hold.
    let inside = (first..first.saturating_add(len as i64)).contains(&centre);
    inside.then_some(Plan { h, window: Window { r: c * h, first, len, centre, chernoff }, deviation, nodes })
}

/// The loss beyond which Chernoff's bound leaves e^−[`OUTSIDE_LOG`] of the tilted law, left (−1) or right (1), and its tilt.
fn edge(sketches: &[(Sketch, u64)], c: f64, deviation: f64, log: f64, sign: f64) -> (f64, f64) {
    let at = |tilt: f64| {
        let other = moments(sketches, c + sign * tilt).log - log;
        (sign * (other + OUTSIDE_LOG) / tilt, tilt)
    };
    let tilts = (0..14).map(|i| 1.5 * 1.4f64.powi(i) / deviation);
    tilts.map(at).min_by(|a, b| (sign * a.0).total_cmp(&(sign * b.0))).unwrap_or((0.0, 1.0))
}
