//! The law of a sum of two independent positive variables on a logarithmic lattice, above and below it in convex order.
//!
//! Values are `e^{ih}`. For `j = i + d ≤ i` the sum `e^{ih} + e^{jh} = e^{ih}(1 + e^{dh})` lies between the nodes i + k and
//! i + k + 1, where k depends on d alone; and to spread it to both, with its mean kept, the share `(1 + e^{dh} − e^{kh})/(e^{kh}(e^h − 1))`
//! goes up, which is *linear in `e^{jh}`*. So all j with one k need only the two sums `Σ bⱼ` and `Σ bⱼ e^{jh}` over a range, that is
//! two differences of running sums: a sum of two laws on n nodes costs n·(log 2)/h and not n². The law below needs the
//! same sums over ranges half as wide: they are the masses and means of cells, which `gather` deals out.
//!
//! A difference of running sums has the error of the larger one. The sums run from both ends, compensated, and the end with
//! the smaller one is used; what may be wrong is added to the law above, and taken from the law below.

use super::super::cells::{Cell, ROUNDOFF};
use super::super::lattice::gather;
use crate::law::Direction;

/// A law of a positive variable with masses at `e^{(first + i)h}`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Logarithmic {
    pub(super) h: f64,
    pub(super) first: i64,
    pub(super) mass: Vec<f64>,
    /// Mean of the true law.
    pub(super) mean: f64,
    /// Mass of what was given up and charged apart, and the true law's mean over it.
    pub(super) lost: (f64, f64),
    /// The true values may be larger than the nodes by this factor less 1.
    pub(super) growth: f64,
}

/// Relative error at which a cell of the law below is dropped.
const BLURRED: f64 = 1e-10;
/// A mean this little above its node moves all nodes rather than one mass.
const GROWTH_MAX: f64 = 1e-6;

/// Running sums of positive terms from both ends.
struct Running {
    prefix: Vec<f64>,
    suffix: Vec<f64>,
    heaviest: usize,
}

impl Running {
    fn new(terms: &[f64]) -> Self {
        let heaviest = (0..terms.len()).fold(0, |best, j| if terms[j] > terms[best] { j } else { best });
        let mut suffix = cumulate(terms.iter().rev());
        suffix.reverse();
        Self { prefix: cumulate(terms.iter()), suffix, heaviest }
    }

    /// `Σ terms[from..to]` and an upper bound on its error.
    fn between(&self, from: usize, to: usize) -> (f64, f64) {
        let (large, small) = if from >= self.heaviest {
            (self.suffix[from], self.suffix[to])
        } else {
            (self.prefix[to], self.prefix[from])
        };
        ((large - small).max(0.0), 8.0 * ROUNDOFF * large)
    }
}

/// Compensated running sums, starting with 0.
fn cumulate<'a>(terms: impl Iterator<Item = &'a f64>) -> Vec<f64> {
    let (mut sum, mut rest) = (0.0f64, 0.0f64);
    let mut sums = vec![0.0];
    for term in terms {
        let next = sum + term;
        rest += if sum >= *term { (sum - next) + term } else { (term - next) + sum };
        sum = next;
        sums.push(sum + rest);
    }
    sums
}

/// All pairs of a node i of `a` and nodes of `b` at or below i (below, unless `equal`) whose sum lies in the k-th range of
/// width `step` above node i: calls `put(i, k, Σ bⱼ, Σ bⱼ e^{(j−i)h})`, each sum with its error.
pub(super) fn pairs(
    a: &Logarithmic,
    b: &Logarithmic,
    step: f64,
    equal: bool,
    mut put: impl FnMut(usize, usize, (f64, f64), (f64, f64)),
) {
    let h = a.h;
    let values: Vec<f64> = b.mass.iter().zip(b.first..).map(|(mass, j)| mass * libm::exp(j as f64 * h)).collect();
    let (counts, means) = (Running::new(&b.mass), Running::new(&values));
    let inverse: Vec<f64> = (a.first..).take(a.mass.len()).map(|i| libm::exp(-(i as f64) * h)).collect();
    let len = b.mass.len() as i64;
    let end = i64::from(equal);
    let place = |j: i64| (j - b.first).clamp(0, len) as usize;
    // No node of b lies further below one of a than this.
    let furthest = libm::exp((b.first - a.last()) as f64 * h).min(1.0);
    let mut k = ((libm::log1p(furthest) / step) as usize).saturating_sub(1);
    let mut low = i64::MIN / 4;
    while low < end {
        let next = (libm::log(libm::expm1((k + 1) as f64 * step)) / h).ceil() as i64;
        let high = next.min(end);
        for (i, mass) in a.mass.iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
            let node = a.first + i as i64;
            let (from, to) = (place(node + low), place(node + high));
            if from < to {
                let (mean, error) = means.between(from, to);
                let (count, count_error) = counts.between(from, to);
                put(i, k, (mass * count, mass * count_error), (mass * mean * inverse[i], mass * error * inverse[i]));
            }
        }
        (low, k) = (high.max(low), k + 1);
    }
}

impl Logarithmic {
    fn last(&self) -> i64 {
        self.first + self.mass.len() as i64 - 1
    }

    /// Value of the node at `index`.
    pub(super) fn value(&self, index: i64) -> f64 {
        libm::exp(index as f64 * self.h)
    }

    /// The same law on a lattice with steps of `h`, or of the first h/2ⁿ that is no larger.
    pub(super) fn refine(&mut self, h: f64) {
        while self.h > 1.5 * h {
            self.mass = self.mass.iter().flat_map(|mass| [*mass, 0.0]).collect();
            self.mass.pop();
            (self.h, self.first) = (self.h / 2.0, 2 * self.first);
        }
    }

    /// An empty law with room for sums, without what was lost on either side.
    fn room(a: &Self, b: &Self) -> Self {
        let first = a.first.max(b.first);
        let last = a.last().max(b.last()) + (std::f64::consts::LN_2 / a.h).ceil() as i64 + 2;
        let lost_mean = a.lost.1 + b.lost.1 + a.lost.0 * b.mean + b.lost.0 * a.mean;
        Self {
            h: a.h,
            first,
            mass: vec![0.0; (last - first + 1) as usize],
            mean: a.mean + b.mean,
            lost: (a.lost.0 + b.lost.0, lost_mean),
            growth: a.growth.max(b.growth),
        }
    }

    /// Relative error of a value, and of sums of as many terms as there are nodes.
    fn rounding(&self) -> f64 {
        let reach = self.first.unsigned_abs().max(self.last().unsigned_abs()) as f64 * self.h;
        (64.0 + 4.0 * reach + 4.0 * self.mass.len() as f64) * ROUNDOFF
    }
}

/// A law above that of the sum of two independent variables with laws below `a` and `b`.
pub(super) fn above(a: &Logarithmic, b: &Logarithmic) -> Logarithmic {
    let mut sum = Logarithmic::room(a, b);
    let (h, rounding) = (a.h, sum.rounding());
    let gap = libm::expm1(h);
    let mut add = |a: &Logarithmic, b: &Logarithmic, equal| {
        let levels = (std::f64::consts::LN_2 / h) as usize + 3;
        let bottoms: Vec<f64> = (0..levels).map(|k| libm::expm1(k as f64 * h)).collect();
        pairs(a, b, h, equal, |i, k, (count, count_error), (mean, error)| {
            let bottom = bottoms[k];
            let width = gap * (1.0 + bottom);
            let wrong = (error + bottom * count_error + rounding * (mean + bottom * count)) / width + count_error;
            let up = ((mean - bottom * count) / width).clamp(0.0, count);
            // A node of `a` below every one of `b` dominates none, so there is no pair below the first node of the sum.
            let at = (a.first + i as i64 - sum.first) as usize + k;
            sum.mass[at] += count - up + wrong;
            sum.mass[at + 1] += up + wrong;
        });
    };
    add(a, b, true);
    add(b, a, false);
    for mass in &mut sum.mass {
        *mass *= 1.0 + rounding;
    }
    sum
}

/// A law below that of the sum of two independent variables with laws above `a` and `b`, for increasing (remove) or decreasing
/// (add) functions of it.
pub(super) fn below(a: &Logarithmic, b: &Logarithmic, direction: Direction) -> Logarithmic {
    let mut sum = Logarithmic::room(a, b);
    let rounding = sum.rounding();
    let values: Vec<f64> = (sum.first..).take(sum.mass.len()).map(|index| sum.value(index)).collect();
    let mut half = vec![Cell { error: 4.0 * BLURRED + rounding, ..Cell::default() }; 2 * (sum.mass.len() - 1)];
    let mut add = |a: &Logarithmic, b: &Logarithmic, equal| {
        pairs(a, b, a.h / 2.0, equal, |i, k, (count, count_error), (mean, error)| {
            if count_error <= BLURRED * count && error <= BLURRED * mean {
                let at = (a.first + i as i64 - sum.first) as usize;
                let cell = &mut half[2 * at + k];
                cell.q += count;
                cell.p += values[at] * (count + mean);
            }
        });
    };
    add(a, b, true);
    add(b, a, false);
    let shares = gather(half, Cell::default(), &values, rounding);
    let growth = place(&shares, &values, direction, &mut sum.mass);
    // Both factors, rounded up.
    sum.growth = (sum.growth + growth + sum.growth * growth) * (1.0 + 8.0 * ROUNDOFF);
    sum
}

/// Puts shares of cells on nodes with these values: on the last node at or below a share's mean (remove), or the first one
/// at or above (add), unless the node's value grown by a little is; returns by how much.
pub(super) fn place(shares: &[(Cell, f64)], values: &[f64], direction: Direction, mass: &mut [f64]) -> f64 {
    let mut growth = 0.0f64;
    for (i, (share, excess)) in shares.iter().enumerate() {
        let (low, high) = (share.q * (1.0 - share.error), share.q * (1.0 + share.error));
        if low <= 0.0 {
            continue;
        }
        let to = match direction {
            Direction::Remove if *excess >= 0.0 => Some(i),
            Direction::Remove => {
                let mean = share.p * (1.0 - share.error) / high * (1.0 - 64.0 * ROUNDOFF);
                (0..=i).rev().take(3).find(|to| values[*to] <= mean)
            }
            Direction::Add => {
                let mean = share.p * (1.0 + share.error) / low * (1.0 + 64.0 * ROUNDOFF);
                let surplus = mean / values[i] - 1.0;
                if surplus <= GROWTH_MAX {
                    growth = growth.max(surplus);
                    Some(i)
                } else {
                    (i..values.len()).take(3).find(|to| values[*to] >= mean)
                }
            }
        };
        if let Some(to) = to {
            mass[to] += low * (1.0 - 16.0 * ROUNDOFF);
        }
    }
    for node in mass {
        *node *= 1.0 - 16.0 * ROUNDOFF;
    }
    growth
}
