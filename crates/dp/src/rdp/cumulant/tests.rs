//! The quadrature against three slow twins: 50-digit sums made elsewhere, the binomial formula at integer orders, and a
//! direct sum on a mesh many times finer.

use super::*;
use crate::testing::cases;
use proptest::prelude::*;

/// How far above the exact value an upper bound may be: relative, plus the quadrature's own allowance.
fn assert_tight(found: f64, exact: f64, case: &str) {
    assert!(found >= exact * (1.0 - 1e-15), "{case}: {found:e} is below the exact {exact:e}");
    assert!(found <= exact * (1.0 + 1e-10) + 1e-17, "{case}: {found:e} is far above the exact {exact:e}");
}

#[test]
fn agrees_with_fifty_digits_from_above() {
    let table = include_str!("../../../tests/golden/cumulants.csv");
    let mut rows = 0;
    for row in table.lines().filter(|line| !line.starts_with(['#', 's'])) {
        let cells: Vec<&str> = row.split(',').collect();
        let number = |index: usize| cells[index].parse::<f64>().unwrap();
        let direction = if cells[3] == "remove" { Direction::Remove } else { Direction::Add };
        let (q, s, c, exact) = (number(0), number(1), number(2), number(4));
        let found = upper(q, s, c, direction);
        assert_tight(found, exact, row);
        rows += 1;
    }
    assert_eq!(rows, 192);
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

/// `log E[w^a]` by a direct sum with 40 nodes per unit of the finest scale: no excess, no tails, no error terms.
fn brute(q: f64, s: f64, a: f64) -> f64 {
    let step = s.min(s * s) / 40.0;
    let (left, right) = (-20.0 * s + a.min(0.0), 20.0 * s + a.max(1.0));
    let sum: f64 = ((left / step) as i64..=(right / step) as i64)
        .map(|node| {
            let x = node as f64 * step;
            let present = q.ln() + (2.0 * x - 1.0) / (2.0 * s * s);
            let absent = (1.0 - q).ln();
            let (small, large) = (present.min(absent), present.max(absent));
            (a * (large + (small - large).exp().ln_1p()) - x * x / (2.0 * s * s)).exp()
        })
        .sum();
    (sum * step / (s * std::f64::consts::TAU.sqrt())).ln()
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn agrees_with_the_binomial_sum(log_q in -20.0..-0.01f64, log_s in -0.7..3.0f64, order in 2..40u32) {
        let (q, s) = (log_q.exp(), log_s.exp());
        let exact = binomial(q, s, order);
        prop_assume!(exact.is_finite());
        let found = upper(q, s, f64::from(order) - 1.0, Direction::Remove);
        prop_assert!(found >= exact * (1.0 - 1e-12) && found <= exact * (1.0 + 1e-10) + 1e-17, "{found:e} {exact:e}");
    }

    #[test]
    fn agrees_with_a_fine_direct_sum(q in 0.001..0.999f64, s in 0.4..5.0f64, log_c in -3.0..2.5f64, add: bool) {
        let c = log_c.exp();
        let (direction, a) = if add { (Direction::Add, -c) } else { (Direction::Remove, 1.0 + c) };
        let (found, exact) = (upper(q, s, c, direction), brute(q, s, a));
        prop_assert!((found - exact).abs() <= 1e-10 * (1.0 + exact), "{found:e} {exact:e}");
    }

    #[test]
    fn never_undefined_nor_negative_and_never_above_no_sampling(
        log_q in -45.0..0.0f64, log_s in -50.0..50.0f64, log_c in -27.0..20.0f64, add: bool
    ) {
        let (q, s, c) = (log_q.exp(), log_s.exp(), log_c.exp());
        let direction = if add { Direction::Add } else { Direction::Remove };
        let found = upper(q, s, c, direction);
        prop_assert!(found >= 0.0, "{found}");
        // Noise beyond the largest is treated as the largest.
        let unsampled = c * (c + 1.0) / (2.0 * s.min(NOISE_MAX) * s.min(NOISE_MAX));
        prop_assert!(found <= unsampled * (1.0 + 1e-14) || unsampled.is_infinite(), "{found:e} {unsampled:e}");
    }
}

#[test]
fn removing_costs_at_least_as_much_as_adding() {
    for q in [1e-6, 0.01, 0.5, 0.99] {
        for s in [0.3, 1.0, 10.0] {
            for c in [0.01, 1.0, 9.0, 50.0] {
                let (remove, add) = (upper(q, s, c, Direction::Remove), upper(q, s, c, Direction::Add));
                assert!(remove >= add * (1.0 - 1e-12), "q {q} s {s} c {c}: {remove:e} {add:e}");
            }
        }
    }
}
