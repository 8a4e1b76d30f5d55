//! The contour against values from elsewhere, and each of its parts against a slow twin.

use super::*;
use crate::law::{Direction, Pair, law};
use crate::release::Mechanism;
use crate::testing::cases;
use num_complex::Complex64;
use proptest::prelude::*;

fn poisson(rate: f64, noise: f64, direction: Direction) -> Law {
    law(&Mechanism::Poisson { rate, noise }, direction)
}

fn branches(law: Law) -> Vec<(f64, Pair)> {
    let Law::Mixture(branches) = law else { panic!("{law:?}") };
    branches
}

/// Rows with a truth good to nine digits or more; sources and versions in the table itself.
#[test]
fn agrees_with_independent_contours() {
    let table = include_str!("../../tests/golden/epsilon.csv");
    let mut answered = 0;
    for row in table.lines().filter(|line| line.starts_with(['P', 'D', 'B', 'H'])) {
        let cells: Vec<&str> = row.split(',').collect();
        let laws: Vec<(Law, u64)> = cells[1]
            .split(';')
            .map(|component| {
                let numbers: Vec<f64> = component.split(':').map(|cell| cell.parse().unwrap()).collect();
                let law = if numbers[0] < 1.0 {
                    poisson(numbers[0], numbers[1], Direction::Remove)
                } else {
                    Law::Gaussian { noise: numbers[1] }
                };
                (law, numbers[2] as u64)
            })
            .collect();
        let (low, high): (f64, f64) = (cells[3].parse().unwrap(), cells[4].parse().unwrap());
        let Some((lower, upper)) = epsilon(&laws, cells[2].parse().unwrap()) else { continue };
        answered += 1;
        // The truth of the table is itself an interval; one row's is 2e-6 wide, two rows' only have an upper end.
        assert!(lower <= high + 1e-8 && upper >= low - 1e-8, "{row}: {lower} {upper}");
        assert!(upper - lower <= 2e-4, "{row}: {lower} {upper}");
    }
    assert!(answered >= 35, "{answered}");
}

/// `M(c + it)` on the real axis with nodes to spare.
fn slow_moment(branches: &[(f64, Pair)], c: f64, t: f64) -> Complex64 {
    let mut sum = Complex64::new(0.0, 0.0);
    for (weight, pair) in branches {
        let s = pair.noise;
        let step = s.min(s * s) / (12.0 + 3.0 * t);
        let (left, right) = (-12.0 * s, 12.0 * s + (1.0 + 2.0 * c) * 2.0);
        for node in (left / step) as i64..=(right / step) as i64 {
            let x = node as f64 * step;
            let (log_a, log_b) = pair.logs(x);
            let log = (1.0 + c) * log_a - c * log_b - x * x / (2.0 * s * s);
            let phase = t * (log_a - log_b);
            sum += Complex64::new(phase.cos(), phase.sin()) * (weight * step / s * log.exp());
        }
    }
    sum / std::f64::consts::TAU.sqrt()
}

fn mechanisms() -> impl Strategy<Value = Mechanism> {
    let rate = (-9.0..-0.2f64).prop_map(f64::exp);
    let noise = (-0.9..1.5f64).prop_map(f64::exp);
    (rate, noise, 0..4, 2..6u32).prop_map(|(rate, noise, kind, size)| match kind {
        0 => Mechanism::Poisson { rate, noise },
        1 => Mechanism::PoissonReplace { rate, noise: 2.0 * noise },
        2 => Mechanism::Group { rate, noise: noise * f64::from(size) / 2.0, size },
        _ => Mechanism::Truncated { rate: 0.01, noise: 2.0 * noise, dataset: 5000, batch: 50 + u64::from(size) * 5 },
    })
}

fn directions() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Direction::Remove), Just(Direction::Add)]
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn the_shifted_line_gives_the_same_moment(
        mechanism in mechanisms(), direction in directions(), c in 0.1..4.0f64, step in 0.05..3.0f64,
    ) {
        let branches = branches(law(&mechanism, direction));
        let line = line::line(&branches, c, 1.5 * c, 1.0, 38.0).unwrap();
        let at_zero = slow_moment(&branches, c, 0.0).re;
        prop_assert!((line.cumulant - at_zero.ln()).abs() <= 1e-11 * (1.0 + at_zero.ln().abs()) + line.moment_error);
        let beyond = slow_moment(&branches, 1.5 * c, 0.0).re.ln();
        prop_assert!(line.beyond >= beyond - 1e-11 * (1.0 + beyond.abs()) && line.beyond <= beyond + 1e-6 * (1.0 + beyond.abs()));
        let transform = line.transform(step, 3);
        for (n, value) in transform.into_iter().enumerate() {
            let slow = slow_moment(&branches, c, step * n as f64) / at_zero;
            let difference = line::modulus(value + 1.0 - slow);
            prop_assert!(difference <= line.error(step, n) + 1e-11, "{n}: {difference:e}");
        }
    }

    #[test]
    fn no_characteristic_function_is_above_its_bound(
        mechanism in mechanisms(), direction in directions(), c in 0.1..6.0f64, log_step in -3.0..7.0f64,
    ) {
        let branches = branches(law(&mechanism, direction));
        let line = line::line(&branches, c, 1.5 * c, 1.0, 38.0).unwrap();
        for fineness in [decay::FINE, decay::COARSE] {
            let decay = decay::decay(&branches, c, line.cumulant, fineness).unwrap();
            let step = log_step.exp();
            let values: Vec<f64> = line.transform(step, 80).iter().map(|value| line::modulus(value + 1.0)).collect();
            for n in 1..80 {
                let bound = decay.log_bound(step * n as f64).exp();
                // The bound holds for this t and for all larger ones.
                let highest = values[n..].iter().copied().fold(0.0, f64::max);
                prop_assert!(highest <= bound * (1.0 + 1e-12) + line.error(step, 80), "{n} {highest} {bound}");
            }
        }
    }

    #[test]
    fn the_two_engines_meet(mechanism in mechanisms(), direction in directions(), steps in 20..400u64, log_delta in -40.0..-4.0f64) {
        let laws = [(law(&mechanism, direction), steps)];
        let delta = log_delta.exp();
        if let (Some((lower, upper)), Some((low, high))) = (epsilon(&laws, delta), crate::grid::epsilon(&laws, delta)) {
            prop_assert!(lower <= high && low <= upper, "{lower} {upper} {low} {high}");
        }
    }

    #[test]
    fn delta_at_epsilon_comes_back(mechanism in mechanisms(), steps in 200..100_000u64, log_delta in -60.0..-4.0f64) {
        let laws = [(law(&mechanism, Direction::Remove), steps)];
        let delta = log_delta.exp();
        let Some((lower, upper)) = epsilon(&laws, delta) else { return Ok(()) };
        if lower > 0.0 {
            let bounds = deltas(&laws, &[lower, upper]).unwrap();
            prop_assert!(bounds[0].1 >= delta * (1.0 - 1e-9), "{bounds:?} {delta:e}");
            prop_assert!(bounds[1].0 <= delta * (1.0 + 1e-9), "{bounds:?} {delta:e}");
            prop_assert!(bounds.iter().all(|(low, high)| low <= high));
        }
    }
}

#[test]
fn unsampled_releases_have_their_closed_form() {
    for (noise, count, delta) in [(5.0, 10, 1e-6), (1.0, 1, 1e-10), (200.0, 1_000_000, 1e-3), (0.3, 2, 1e-30)] {
        let laws = [(Law::Gaussian { noise }, count)];
        let (low, high) = crate::closed::epsilon(&laws, delta).unwrap();
        let (lower, upper) = epsilon(&laws, delta).unwrap();
        assert!(
            lower <= high && low <= upper && upper - lower < 1e-8 * (1.0 + upper),
            "{noise}: {lower} {upper} {low}"
        );
    }
}

#[test]
fn the_cost_does_not_grow_with_the_steps() {
    let nodes = |steps: u64| {
        let laws = [(poisson(0.01, 1.0, Direction::Remove), steps)];
        let (sketch, _, c, hint) = saddle(&laws, f64::ln(1e-6)).unwrap();
        Contour::new(&laws, &sketch, c, hint, f64::ln(1e-6), NODES_MAX).unwrap().terms.len()
    };
    assert!(nodes(1_000_000) <= nodes(1000) && nodes(100_000_000) < 100);
}

/// Chernoff's bound alone has to hold, and to see that a bounded loss ends.
#[test]
fn chernoff_is_above_and_ends_with_the_loss() {
    let laws = [(poisson(0.01, 1.0, Direction::Add), 1000)];
    let exact = deltas(&laws, &[0.5, 2.0]).unwrap();
    let bound = chernoff(&laws, &[0.5, 2.0, 10.2]).unwrap();
    assert!(bound[0] >= exact[0].1 && bound[1] >= exact[1].1 && bound[2].to_bits() == 0, "{bound:?} {exact:?}");
}
/// With little noise a hit is seen at once, and the loss is a Gaussian for every number of hits: the sum over that number.
fn by_hits(rate: f64, noise: f64, count: u64, epsilon: f64) -> f64 {
    let t = count as f64;
    let (mean, deviation) = (t * rate, (t * rate).sqrt());
    let term = |k: f64| {
        let choose = libm::lgamma(t + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(t - k + 1.0);
        let log_mass = choose + k * rate.ln() + (t - k) * libm::log1p(-rate);
        let m = (t - k) * libm::log1p(-rate) + k * (rate.ln() + 0.5 / (noise * noise));
        let s = k.sqrt() / noise;
        let p = crate::closed::log_tail((epsilon - m) / s);
        let q = epsilon - m + 0.5 * s * s + crate::closed::log_tail((epsilon - m) / s + s);
        (log_mass + p).exp() - (log_mass + q).exp()
    };
    let (first, last) = ((mean - 14.0 * deviation).max(1.0) as u64, (mean + 14.0 * deviation + 20.0) as u64);
    (first..=last).map(|k| term(k as f64)).sum()
}

/// Two hills of the loss under one of x, a squared exponential that overflows, and hits too few to decay by 27 digits.
#[test]
fn little_noise_is_no_obstacle() {
    for (rate, noise, steps, delta) in [
        (6.241e-4, 0.1171, 758_949, 4.3e-5),
        (1.4e-4, 0.11, 91_899, 4e-29),
        (0.016, 0.054, 631_032, 4e-17),
        (1.3e-3, 0.065, 4244, 2e-11),
    ] {
        let laws = [(poisson(rate, noise, Direction::Remove), steps)];
        let (lower, upper) = short_epsilon(&laws, delta).unwrap();
        assert!(upper - lower < 1e-5 * upper, "{rate} {noise}: {lower} {upper}");
        let (before, after) =
            (by_hits(rate, noise, steps, lower * 0.9998), by_hits(rate, noise, steps, upper * 1.0002));
        assert!(before > delta && after < delta, "{rate} {noise}: {lower} {upper}, {before:e} {after:e}");
    }
}
