use super::sums::{Logarithmic, above, below, pairs};
use super::*;
use crate::testing::cases;
use proptest::prelude::*;

fn law(h: f64, first: i64, weights: &[f64]) -> Logarithmic {
    let total: f64 = weights.iter().sum();
    let mass: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
    let mut law = Logarithmic { h, first, mass, mean: 0.0, lost: (0.0, 0.0), growth: 0.0 };
    law.mean = points(&law).iter().map(|(value, mass)| value * mass).sum();
    law
}

/// (value, mass)
fn points(law: &Logarithmic) -> Vec<(f64, f64)> {
    (law.first..).zip(&law.mass).map(|(index, mass)| (libm::exp(index as f64 * law.h), *mass)).collect()
}

/// `E (v − k)₊` or `E (k − v)₊`.
fn option(points: impl IntoIterator<Item = (f64, f64)>, k: f64, direction: Direction) -> f64 {
    let payoff = |v: f64| if direction == Direction::Remove { v - k } else { k - v };
    points.into_iter().map(|(v, mass)| mass * payoff(v).max(0.0)).sum()
}

/// Every pair, one by one.
fn sums(a: &Logarithmic, b: &Logarithmic) -> Vec<(f64, f64)> {
    let (a, b) = (points(a), points(b));
    a.iter().flat_map(|(v, p)| b.iter().map(move |(w, q)| (v + w, p * q))).collect()
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn sums_lie_between_their_laws(
        h in 0.01..0.4f64,
        a in (-30i64..30, prop::collection::vec(1e-9..1.0f64, 2..40)),
        b in (-30i64..30, prop::collection::vec(1e-9..1.0f64, 2..40)),
        at in 0.0..1.0f64,
    ) {
        let (a, b) = (law(h, a.0, &a.1), law(h, b.0, &b.1));
        let exact = sums(&a, &b);
        let high = above(&a, &b);
        let (low, top) = (exact.iter().fold(f64::MAX, |m, x| m.min(x.0)), exact.iter().fold(0.0f64, |m, x| m.max(x.0)));
        let k = low * libm::pow(top / low, at);
        for direction in [Direction::Remove, Direction::Add] {
            let less = below(&a, &b, direction);
            let truth = option(exact.iter().copied(), k, direction);
            let upper = option(points(&high), k, direction);
            // Nodes that had to grow are off by this.
            let grown = points(&less).into_iter().map(|(v, mass)| (v * (1.0 + less.growth), mass));
            let lower = option(grown, k, direction);
            let slack = 1e-13 * (a.mean + b.mean + k);
            prop_assert!(lower <= truth + slack && truth <= upper + slack, "{lower:e} {truth:e} {upper:e}");
            // No node is further off than one step.
            prop_assert!(upper - lower <= 2.0 * h * libm::exp(h) * (a.mean + b.mean + k), "{lower:e} {truth:e} {upper:e}");
        }
        // The mean is kept: that is what makes the bounds tight.
        let mean = option(points(&high), 0.0, Direction::Remove);
        prop_assert!((mean / (a.mean + b.mean) - 1.0).abs() < 1e-11 / h, "{mean}");
    }

    #[test]
    fn ranges_hold_every_pair_once(
        h in 0.02..0.5f64,
        a in (-9i64..9, prop::collection::vec(0.1..1.0f64, 1..12)),
        b in (-9i64..9, prop::collection::vec(0.1..1.0f64, 1..12)),
    ) {
        let (a, b) = (law(h, a.0, &a.1), law(h, b.0, &b.1));
        let mut found = vec![vec![(0.0, 0.0); 200]; a.mass.len()];
        pairs(&a, &b, h, true, |i, k, count, mean| {
            found[i][k].0 += count.0;
            found[i][k].1 += mean.0;
        });
        for (i, found) in found.iter().enumerate() {
            for (k, (count, mean)) in found.iter().enumerate() {
                let node = a.first + i as i64;
                // One step of slack at the ends of a range, where rounding decides.
                let inside = |j: i64, wider: f64| {
                    let place = libm::log1p(libm::exp((j - node) as f64 * h)) / h;
                    j <= node && place >= k as f64 - wider && place < (k + 1) as f64 + wider
                };
                let sum = |wider: f64| {
                    let pairs = (b.first..).zip(&b.mass).filter(|(j, _)| inside(*j, wider));
                    pairs.fold((0.0, 0.0), |sum, (j, mass)| {
                        (sum.0 + mass * a.mass[i], sum.1 + mass * a.mass[i] * libm::exp((j - node) as f64 * h))
                    })
                };
                let (least, most) = (sum(-1e-9), sum(1e-9));
                prop_assert!(*count >= least.0 - 1e-15 && *count <= most.0 + 1e-15);
                prop_assert!(*mean >= least.1 - 1e-15 && *mean <= most.1 + 1e-15);
            }
        }
    }
}

#[test]
fn what_is_lost_in_a_part_is_lost_in_the_sum() {
    let part = |lost, mean| Logarithmic { mean, lost, ..law(0.2, 0, &[1.0, 1.0]) };
    let sum = above(&part((0.1, 0.3), 1.0), &part((0.2, 0.1), 2.0));
    // E[A + B; A or B lost] <= E[A; A] + E[B; B] + P[A lost] E[B] + P[B lost] E[A].
    assert!((sum.lost.0 - 0.3).abs() < 1e-12 && (sum.lost.1 - 0.8).abs() < 1e-12, "{:?}", sum.lost);
    assert!((sum.mean - 3.0).abs() < 1e-12);
}

#[test]
fn refining_changes_no_value() {
    let coarse = law(0.2, -3, &[1.0, 2.0, 3.0]);
    let mut fine = coarse.clone();
    fine.refine(0.05);
    assert_eq!((fine.h, fine.first, fine.mass.len()), (0.05, -12, 9));
    let kept: Vec<_> = points(&fine).into_iter().filter(|(_, mass)| *mass > 0.0).collect();
    for (one, other) in points(&coarse).iter().zip(&kept) {
        assert!((one.0 / other.0 - 1.0).abs() < 1e-15 && (one.1 - other.1).abs() < 1e-300);
    }
}

#[test]
fn a_share_goes_to_the_side_of_its_mean_that_its_direction_wants() {
    let values = [1.0, 2.0];
    let placed = |p: f64, excess: f64, direction| {
        let mut mass = [0.0; 2];
        let shares = [(Cell { p, q: 1.0, error: 0.0 }, excess), (Cell::default(), 0.0)];
        (place(&shares, &values, direction, &mut mass), mass)
    };
    // A little above the node: the node may grow by that. Far above: the next node.
    let (growth, mass) = placed(1.000_000_5, 5e-7, Direction::Add);
    assert!((4.9e-7..6e-7).contains(&growth) && mass[0] > 0.99, "{growth} {mass:?}");
    assert!(placed(1.5, 0.5, Direction::Add).1[1] > 0.99);
    assert!(placed(1.5, 0.5, Direction::Remove).1[0] > 0.99);
    // Below the lowest node there is nothing to lower a share to.
    assert!(placed(0.9, -0.1, Direction::Remove).1.iter().all(|mass| *mass <= 0.0));
}

#[test]
fn a_term_keeps_or_charges_everything() {
    let pair = Pair { noise: 0.8, p: vec![(1.0, 1.0)], q: vec![(0.0, 1.0)] };
    // A short lattice, so that both ends matter.
    let cells = super::super::cells::mixture(&[(1.0, pair)], 0.02, -120, 100);
    for direction in [Direction::Remove, Direction::Add] {
        let term = term_above(&cells, direction);
        let (mass, mean) =
            points(&term).iter().fold((0.0, 0.0), |sum, (value, mass)| (sum.0 + mass, sum.1 + value * mass));
        assert!(term.lost.0 > 1e-4, "{term:?}");
        assert!((mass + term.lost.0 - 1.0).abs() < 1e-9, "{mass} {:?}", term.lost);
        if direction == Direction::Remove {
            // Raising the low end makes the mean larger, never smaller.
            assert!(mean + term.lost.1 >= 1.0 && mean + term.lost.1 < 1.01, "{mean} {:?}", term.lost);
        }
    }
}

#[test]
fn what_is_cut_off_is_charged() {
    // Trimmed generously, an epoch loses mass that shows in what it charges, and the law above stays above.
    let mesh = Mesh { h: 0.01, share: 1.0 };
    for direction in [Direction::Remove, Direction::Add] {
        let fine = epoch((37, 1.0, direction), Side::Upper, 1e-14, mesh).unwrap();
        let rough = epoch((37, 1.0, direction), Side::Upper, 1e-2, mesh).unwrap();
        let below = epoch((37, 1.0, direction), Side::Lower, 1e-14, mesh).unwrap();
        assert!(rough.law.mass.len() < fine.law.mass.len() && rough.infinite > 1e-5 && fine.infinite < 1e-13);
        for epsilon in [0.0, 0.5, 1.0, 2.0] {
            let delta = |atoms: &Atoms| {
                let part = |(loss, p, _): (f64, f64, f64)| p * -libm::expm1((epsilon - loss).min(0.0));
                atoms.losses().map(part).sum::<f64>() + atoms.infinite
            };
            let (low, truth, high) = (delta(&below), delta(&fine), delta(&rough));
            assert!(
                low <= truth && truth <= high && high - low < 2e-2 + 0.2 * truth,
                "{epsilon} {low:e} {truth:e} {high:e}"
            );
        }
    }
}

#[test]
fn what_is_too_long_is_refused() {
    assert!(epoch((10, 0.02, Direction::Remove), Side::Upper, 1e-9, Mesh { h: 0.1, share: 1.0 }).is_none());
    assert!(epoch((10, 1.0, Direction::Remove), Side::Upper, 1e-9, Mesh { h: 1e-6, share: 1.0 }).is_none());
}
