//! The quadrature against slow twins: sums in 40 and 50 digits made elsewhere, the binomial formula at integer orders, and
//! a direct sum on a mesh many times finer.

use super::*;
use crate::law::{Direction, Law, law};
use crate::release::Mechanism;
use crate::testing::cases;
use proptest::prelude::*;

fn only_pair(mechanism: Mechanism, direction: Direction) -> Pair {
    match law(&mechanism, direction) {
        Law::Mixture(mut pairs) if pairs.len() == 1 => pairs.remove(0).1,
        other => unreachable!("{other:?}"),
    }
}

fn cumulant(pair: &Pair, c: f64) -> f64 {
    let log_excess = Ratio::new(pair).log_excess(c);
    if log_excess > 30.0 { log_excess + (-log_excess).exp() } else { log_excess.exp().ln_1p() }
}

fn poisson(q: f64, s: f64, direction: Direction) -> Pair {
    only_pair(Mechanism::Poisson { rate: q, noise: s }, direction)
}

/// How far above the exact value an upper bound may be, and how far below it may seem to be in the test's own arithmetic.
fn assert_tight(found: f64, exact: f64, own: f64, case: &str) {
    assert!(found >= exact * (1.0 - own), "{case}: {found:e} is below the exact {exact:e}");
    assert!(found <= exact * (1.0 + 1e-10), "{case}: {found:e} is far above the exact {exact:e}");
}

#[test]
fn agrees_with_fifty_digits_from_above() {
    let table = include_str!("../../../tests/golden/cumulants.csv");
    let mut rows = 0;
    for row in table.lines().filter(|line| !line.starts_with(['#', 's'])) {
        let cells: Vec<&str> = row.split(',').collect();
        let number = |index: usize| cells[index].parse::<f64>().unwrap();
        let direction = if cells[3] == "remove" { Direction::Remove } else { Direction::Add };
        assert_tight(cumulant(&poisson(number(0), number(1), direction), number(2)), number(4), 1e-15, row);
        rows += 1;
    }
    assert_eq!(rows, 192);
}

#[test]
fn agrees_with_forty_digits_on_mixtures_on_both_sides() {
    let table = include_str!("../../../tests/golden/pair_cumulants.csv");
    let mut rows = 0;
    for row in table.lines().filter(|line| !line.starts_with(['#', 'n'])) {
        let cells: Vec<&str> = row.split(',').collect();
        let number = |index: usize| cells[index].parse::<f64>().unwrap();
        let side = |text: &str| {
            let mut side: Vec<(f64, f64)> = text
                .split(';')
                .filter(|part| !part.is_empty())
                .map(|part| part.split_once(':').unwrap())
                .map(|(mean, mass)| (mean.parse().unwrap(), mass.parse().unwrap()))
                .collect();
            side.push((0.0, 1.0 - side.iter().map(|(_, mass)| mass).sum::<f64>()));
            side.sort_by(|one, other| one.0.total_cmp(&other.0));
            side
        };
        let mirror = |side: &[(f64, f64)]| side.iter().rev().map(|(mean, mass)| (0.0 - mean, *mass)).collect();
        let pair = Pair { noise: number(0), p: side(cells[1]), q: side(cells[2]) };
        let mirrored = Pair { noise: number(0), p: mirror(&pair.q), q: mirror(&pair.p) };
        // What is left at mean 0 can be a small difference, which a float holds to 12 digits.
        assert_tight(cumulant(&pair, number(3)), number(4), 1e-12, row);
        assert_tight(cumulant(&mirrored, number(3)), number(5), 1e-12, row);
        rows += 1;
    }
    assert_eq!(rows, 144);
}

/// `log E[w^α]` at an integer order α: `log(1 + Σ_{k≥2} binom(α, k)(1−q)^{α−k} q^k (e^{k(k−1)/2s²} − 1))`, all terms positive.
fn binomial(q: f64, s: f64, order: u32) -> f64 {
    let mut ways = 1.0;
    let mut excess = 0.0;
    for k in 0..=order {
        let bump = f64::from(k) * (f64::from(k) - 1.0) / (2.0 * s * s);
        excess += ways * (1.0 - q).powi((order - k) as i32) * q.powi(k as i32) * libm::expm1(bump);
        ways *= f64::from(order - k) / f64::from(k + 1);
    }
    libm::log1p(excess)
}

/// `log ∫ P^a·Q^{−c}` by a direct sum with 40 nodes per unit of the finest scale: no excess, no tails, no error terms.
fn brute(pair: &Pair, c: f64) -> f64 {
    let s = pair.noise;
    let reach = |side: &[(f64, f64)]| side.iter().map(|(mean, _)| mean.abs()).fold(0.0, f64::max);
    let step = s.min(s * s / reach(&pair.p).max(reach(&pair.q))) / 40.0;
    let left = -20.0 * s - reach(&pair.q);
    let right = 20.0 * s + (1.0 + c) * reach(&pair.p) + c * reach(&pair.q);
    let log_density = |side: &[(f64, f64)], x: f64| {
        let exponent = |mean: f64| -(x - mean) * (x - mean) / (2.0 * s * s);
        let top = side.iter().map(|(mean, _)| exponent(*mean)).fold(f64::NEG_INFINITY, f64::max);
        top + side.iter().map(|(mean, mass)| mass * (exponent(*mean) - top).exp()).sum::<f64>().ln()
    };
    let sum: f64 = ((left / step) as i64..=(right / step) as i64)
        .map(|node| node as f64 * step)
        .map(|x| ((1.0 + c) * log_density(&pair.p, x) - c * log_density(&pair.q, x)).exp())
        .sum();
    (sum * step / (s * std::f64::consts::TAU.sqrt())).ln()
}

fn any_pair() -> impl Strategy<Value = Pair> {
    (0.001..0.999f64, 0.4..5.0f64, 0..4u8, prop::bool::ANY).prop_map(|(rate, noise, kind, add)| {
        let direction = if add { Direction::Add } else { Direction::Remove };
        let mechanism = match kind {
            0 => Mechanism::Poisson { rate, noise },
            1 => Mechanism::PoissonReplace { rate, noise },
            2 => Mechanism::Group { rate, noise, size: 2 },
            _ => Mechanism::Group { rate, noise, size: 7 },
        };
        only_pair(mechanism, direction)
    })
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn agrees_with_the_binomial_sum(log_q in -20.0..-0.01f64, log_s in -0.7..3.0f64, order in 2..40u32) {
        let (q, s) = (log_q.exp(), log_s.exp());
        let exact = binomial(q, s, order);
        prop_assume!(exact.is_finite());
        let found = cumulant(&poisson(q, s, Direction::Remove), f64::from(order) - 1.0);
        prop_assert!(found >= exact * (1.0 - 1e-12) && found <= exact * (1.0 + 1e-10), "{found:e} {exact:e}");
    }

    #[test]
    fn never_undefined_nor_negative_and_never_above_no_sampling(
        log_q in -45.0..0.0f64, log_s in -50.0..50.0f64, log_c in -27.0..20.0f64, add: bool
    ) {
        let (q, s, c) = (log_q.exp(), log_s.exp(), log_c.exp());
        let direction = if add { Direction::Add } else { Direction::Remove };
        let found = cumulant(&poisson(q, s, direction), c);
        prop_assert!(found >= 0.0, "{found}");
        // Noise beyond the largest is treated as the largest.
        let unsampled = c * (c + 1.0) / (2.0 * s.min(NOISE_MAX) * s.min(NOISE_MAX));
        prop_assert!(found <= unsampled * (1.0 + 1e-13) || unsampled.is_infinite(), "{found:e} {unsampled:e}");
    }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn agrees_with_a_fine_direct_sum(pair in any_pair(), log_c in -3.0..2.0f64) {
        let c = log_c.exp();
        let exact = brute(&pair, c);
        prop_assume!(exact.is_finite());
        let found = cumulant(&pair, c);
        prop_assert!((found - exact).abs() <= 1e-10 * (1.0 + exact), "{found:e} {exact:e}");
    }

    /// Few digits, but the right ones: the value, and the derivatives as difference quotients of upper bounds.
    #[test]
    fn a_glance_agrees_with_the_bound(pair in any_pair(), log_c in -7.0..3.0f64) {
        let c = log_c.exp();
        let ratio = Ratio::new(&pair);
        let jet = ratio.glance(c).unwrap();
        let value = jet.value;
        prop_assert!((jet.shift + value[0].ln() - ratio.log_excess(c)).abs() < 1e-4, "{jet:?}");
        let step = 1e-3 * c;
        let slope = (ratio.log_excess(c + step) - ratio.log_excess(c - step)) / (2.0 * step);
        prop_assert!((value[1] / value[0] / slope - 1.0).abs() < 1e-4, "{jet:?} {slope}");
        let tilted = |c: f64| ratio.glance(c).map(|jet| jet.value[1] / jet.value[0]).unwrap();
        let bend = (tilted(c + step) - tilted(c - step)) / (2.0 * step);
        let found = value[2] / value[0] - tilted(c) * tilted(c);
        prop_assert!((found - bend).abs() < 1e-3 * (bend.abs() + value[2] / value[0]), "{jet:?} {bend}");
    }
}

#[test]
fn removing_costs_at_least_as_much_as_adding() {
    for q in [1e-6, 0.01, 0.5, 0.99] {
        for s in [0.3, 1.0, 10.0] {
            for c in [0.01, 1.0, 9.0, 50.0] {
                let at = |direction| cumulant(&poisson(q, s, direction), c);
                let (remove, add) = (at(Direction::Remove), at(Direction::Add));
                assert!(remove >= add * (1.0 - 1e-10), "q {q} s {s} c {c}: {remove:e} {add:e}");
            }
        }
    }
}

/// The quadrature and the convexity bound are two bounds on one number.
#[test]
fn the_quadrature_is_below_the_convexity_bound() {
    for (rate, noise) in [(0.01, 1.0), (0.5, 0.3), (1e-6, 5.0)] {
        for mechanism in [
            Mechanism::Poisson { rate, noise },
            Mechanism::PoissonReplace { rate, noise },
            Mechanism::Group { rate, noise, size: 4 },
        ] {
            for direction in [Direction::Remove, Direction::Add] {
                let ratio = Ratio::new(&only_pair(mechanism, direction));
                for c in [1e-3, 0.5, 3.0, 20.0] {
                    let jet = ratio.convexity(c);
                    let (bound, found) = (jet.shift + jet.value[0].ln(), ratio.quadrature(c).unwrap());
                    assert!(found <= bound + 1e-9, "{mechanism:?} {direction:?} {c}: {found} {bound}");
                }
            }
        }
    }
}
