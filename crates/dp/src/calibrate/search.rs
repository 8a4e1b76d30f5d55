//! The largest value on an axis whose cost stays within a target, with few looks at the cost.
//!
//! One look costs a whole account, so the search works on `y = log(cost ÷ target)` as a function of `x = log(value)`: both
//! are smooth, and for most samplers nearly straight. It leaves the start by secant steps of limited length until the
//! target lies between two looks, then closes in by inverse quadratic interpolation (Chandrupatla, Advances in
//! Engineering Software 28, 1997), which gains digits faster than they can be asked for. Nothing relies on smoothness:
//! where two looks did not halve the bracket, the next one does, and an infinite cost is only "above".
//!
//! Whatever happens in between, the answer is a value that was looked at and found within the target.

/// A range of values, cheap ones first; all above 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis {
    /// The first look.
    pub(crate) start: f64,
    /// No value below this.
    pub(crate) least: f64,
    /// No value above this.
    pub(crate) most: f64,
    /// Longest step, as a factor, towards cheaper values.
    pub(crate) stride_down: f64,
    /// Longest step, as a factor, towards dearer values.
    pub(crate) stride_up: f64,
    /// Values are multiples of this; 0 for all floats.
    pub(crate) grid: f64,
    /// The answer is the largest value up to this relative width; 0 asks for the last multiple of the grid.
    pub(crate) tolerance: f64,
}

/// What a search found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Found {
    /// Its cost is within the target, and that of a value one tolerance larger (where the axis has one) is not.
    Largest(f64),
    /// Not even the least value is within the target; it costs this.
    Nothing(f64),
}

/// One look.
#[derive(Debug, Clone, Copy)]
struct Look {
    value: f64,
    cost: f64,
    within: bool,
    x: f64,
    /// Infinite where there is no logarithm.
    y: f64,
}

impl Look {
    fn new(value: f64, cost: f64, target: f64) -> Self {
        // A NaN is above.
        let within = cost <= target;
        let ratio = libm::log(cost / target);
        let y = match (within, ratio.is_finite()) {
            (true, true) => ratio.min(0.0),
            (true, false) => f64::NEG_INFINITY,
            (false, true) => ratio.max(f64::MIN_POSITIVE),
            (false, false) => f64::INFINITY,
        };
        Self { value, cost, within, x: libm::log(value), y }
    }
}

/// Looks along `axis` for the largest value whose cost is at most `target`; see the module's essay.
pub(crate) fn largest<E>(axis: &Axis, target: f64, mut cost: impl FnMut(f64) -> Result<f64, E>) -> Result<Found, E> {
    let mut look = |value: f64| cost(value).map(|cost| Look::new(value, cost, target));
    let mut before: Option<Look> = None;
    let mut last = look(axis.start.clamp(axis.least, axis.most))?;
    loop {
        if last.within && last.value >= axis.most {
            return Ok(Found::Largest(last.value));
        }
        if !last.within && last.value <= axis.least {
            return Ok(Found::Nothing(last.cost));
        }
        let next = look(axis.outward(last, before))?;
        if next.within != last.within {
            return narrow(axis, [next, last, before.unwrap_or(last)], look).map(Found::Largest);
        }
        before = Some(last);
        last = next;
    }
}

/// Closes the bracket between `newest` and `other`, with one older look for the curvature.
fn narrow<E>(
    axis: &Axis,
    [mut newest, mut other, mut older]: [Look; 3],
    mut look: impl FnMut(f64) -> Result<Look, E>,
) -> Result<f64, E> {
    let mut before = other;
    // Looks in a row on one side of the crossing, and the bracket's width three looks ago, two and one.
    let (mut repeats, mut widths) = (0, [f64::INFINITY; 3]);
    loop {
        let (low, high) = if newest.within { (newest, other) } else { (other, newest) };
        if high.value - low.value <= axis.grid.max(axis.tolerance * low.value) {
            return Ok(low.value);
        }
        let (width, middle) = (high.x - low.x, 0.5 * (low.x + high.x));
        let slow = repeats > 2 || (repeats == 0 && width > 0.5 * widths[0]);
        let x = if slow { None } else { crossing(newest, other, older) };
        let x = x.map(|x| beyond(x, newest, before, repeats)).filter(|x| *x >= low.x && *x <= high.x);
        let Some(value) = axis.between(x.unwrap_or(middle), low, high) else { return Ok(low.value) };
        let next = look(value)?;
        widths = if slow { [f64::INFINITY; 3] } else { [widths[1], widths[2], width] };
        before = newest;
        if next.within == newest.within {
            older = newest;
            repeats = if slow { 0 } else { repeats + 1 };
        } else {
            (older, other) = (other, newest);
            repeats = 0;
        }
        newest = next;
    }
}

/// A little past the crossing predicted at `x`, seen from `newest`, so that looks fall on both sides of it; further past it
/// after looks that did not.
///
/// The last prediction erred by a share of the distance that it bridged; the square of that share allows for this one,
/// and shrinks as fast as the predictions improve.
fn beyond(x: f64, newest: Look, before: Look, repeats: u32) -> f64 {
    let step = x - newest.x;
    let share = (step / (x - before.x)).abs();
    let extra = match repeats {
        0 => (share * share).min(0.1),
        1 => share.min(0.1),
        _ => 1.0,
    };
    x + step * extra
}

/// Where y crosses 0 between `a` and `b`, from three looks if they lie on one bent curve, else from two.
fn crossing(a: Look, b: Look, c: Look) -> Option<f64> {
    let inside = |x: f64| (x >= a.x.min(b.x) && x <= a.x.max(b.x)).then_some(x);
    let along = (a.x - b.x) / (c.x - b.x);
    let up = (a.y - b.y) / (c.y - b.y);
    if up * up < along && (1.0 - up) * (1.0 - up) < 1.0 - along {
        let from_b = a.y / (b.y - a.y) * (c.y / (b.y - c.y));
        let from_c = (c.x - a.x) / (b.x - a.x) * (a.y / (c.y - a.y)) * (b.y / (c.y - b.y));
        if let Some(x) = inside(a.x + (from_b + from_c) * (b.x - a.x)) {
            return Some(x);
        }
    }
    // NaN, from infinite ends, is not inside.
    inside(a.x - a.y * (b.x - a.x) / (b.y - a.y))
}

impl Axis {
    /// The next value away from `last`, towards where the cost crosses the target.
    fn outward(&self, last: Look, before: Option<Look>) -> f64 {
        let slope = before.map_or(1.0, |before| (last.y - before.y) / (last.x - before.x));
        let stride = libm::log(if last.within { self.stride_up } else { self.stride_down });
        // A little too far on purpose: landing just short would cost another look.
        let wanted = 1.2 * last.y.abs() / slope;
        let step = if wanted > 0.0 && wanted < stride { wanted.max(0.01) } else { stride };
        let value = if last.within {
            self.snapped(libm::exp(last.x + step)).max(last.value + self.grid)
        } else {
            self.snapped(libm::exp(last.x - step)).min(last.value - self.grid)
        };
        value.clamp(self.least, self.most)
    }

    /// A value near `e^x` strictly inside the bracket; `None` where there is none.
    fn between(&self, x: f64, low: Look, high: Look) -> Option<f64> {
        // Where one end is already at the crossing, a look one tolerance inwards closes the bracket from the other side.
        let nudge = 0.9 * self.tolerance;
        let x = if x - low.x < 0.5 * self.tolerance {
            low.x + nudge
        } else if high.x - x < 0.5 * self.tolerance {
            high.x - nudge
        } else {
            x
        };
        let (first, last) = if self.grid > 0.0 {
            (low.value + self.grid, high.value - self.grid)
        } else {
            (low.value.next_up(), high.value.next_down())
        };
        (first <= last).then(|| self.snapped(libm::exp(x)).clamp(first, last))
    }

    fn snapped(&self, value: f64) -> f64 {
        if self.grid > 0.0 { (value / self.grid).floor() * self.grid } else { value }
    }
}

#[cfg(test)]
mod tests;
