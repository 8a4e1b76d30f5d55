use super::*;
use crate::law::Direction;
use crate::testing::cases;
use proptest::prelude::*;

fn law(rate: f64, noise: f64, direction: Direction) -> Law {
    crate::law::law(&crate::release::Mechanism::Poisson { rate, noise }, direction)
}

/// Both curves on some nodes, and where the lattice ends.
fn curves(laws: &[(Law, u64)], delta: f64, nodes: usize) -> Option<(Curves, f64)> {
    let releases = rare(laws)?;
    let sketch = Sketch::mixture(&[(1.0, releases.pair.clone())]);
    let end = last_loss(&sketch, releases.count, libm::log(delta));
    Some((Curves::new(releases, end, nodes)?, end))
}

/// `Φ`, relatively exact on the left.
fn phi(t: f64) -> f64 {
    0.5 * libm::erfc(-t * std::f64::consts::FRAC_1_SQRT_2)
}

/// δ(ε) of one removal from its definition, `e^ε` possibly below the smallest ratio.
fn one_release(rate: f64, noise: f64, epsilon: f64) -> f64 {
    let hit = (libm::expm1(epsilon) / rate + 1.0).max(0.0);
    let x = 0.5 + noise * noise * libm::log(hit);
    let (p, q) = (phi((1.0 - x) / noise), phi(-x / noise));
    // P[x] − e^ε Q[x] = r·(Φ((1 − x)/s) − Φ(−x/s)) − (e^ε − 1)·Φ(−x/s).
    rate * (p - q) - libm::expm1(epsilon) * q
}

/// δ of several removals by nested quadrature over all but the last: `δ_n(ε) = E_P[δ_{n−1}(ε − L)]`.
fn quadrature(rate: f64, noise: f64, count: u64, epsilon: f64, nodes_per_deviation: f64) -> f64 {
    if count == 1 {
        return one_release(rate, noise, epsilon);
    }
    let step = noise / nodes_per_deviation;
    let nodes = ((1.0 + 16.0 * noise) / step) as i32;
    let density = |t: f64| libm::exp(-t * t / 2.0) * 0.398_942_280_401_432_7 / noise;
    let term = |i: i32| {
        let x = -8.0 * noise + f64::from(i) * step;
        let mass = density(x / noise) * (1.0 - rate) + density((x - 1.0) / noise) * rate;
        let loss = libm::log1p(rate * libm::expm1((2.0 * x - 1.0) / (2.0 * noise * noise)));
        mass * step * quadrature(rate, noise, count - 1, epsilon - loss, nodes_per_deviation)
    };
    (0..=nodes).map(term).sum()
}

/// (rate, noise, steps, delta, epsilon): from the contour integral of another implementation, agreeing on two meshes.
#[test]
fn rows_of_the_reference_lie_between() {
    for (rate, noise, count, delta, truth) in [
        (1e-5, 0.4, 1_000_000, 1e-10, 8.092_313_36),
        (1e-5, 0.3, 100_000, 1e-10, 17.457_606_2),
        (1e-6, 0.3, 1_000_000, 1e-12, 15.742_863_2),
    ] {
        let (low, high) = epsilon(&[(law(rate, noise, Direction::Remove), count)], delta).unwrap();
        assert!(low <= truth && truth <= high, "{rate} {noise} {count}: {low}..{high}, not {truth}");
        assert!(high - low < 1e-2 * truth, "{low}..{high}");
    }
}

/// What made this method: the lattice and the contour know nothing here to better than a factor of a thousand.
#[test]
fn far_apart_modes_are_told_apart() {
    for (rate, noise, count, delta) in [
        (1.1e-9, 0.367, 7086, 1e-16),
        (2.4e-8, 0.401, 9, 3e-18),
        (1.2e-6, 1.164, 132_149, 5e-29),
        (5e-9, 0.095, 71_241, 3e-30),
    ] {
        let laws = [(law(rate, noise, Direction::Remove), count)];
        let (low, high) = epsilon(&laws, delta).unwrap();
        assert!(low > 0.0 && high - low <= 8e-4 * high.max(1.0), "{rate} {noise} {count}: {low}..{high}");
        // One release costs most of it and is exact; two cannot cost more than basic composition has it.
        let single = crate::closed::epsilon(&[(law(rate, noise, Direction::Remove), 1)], delta / count as f64).unwrap();
        assert!(high >= single.0 - 1e-3, "{high} {single:?}");
        // The transform sees little, but what it sees must fit; it takes half a second, so once.
        if count < 10 {
            let slow = crate::grid::epsilon(&laws, delta).unwrap();
            assert!(low <= slow.1 && slow.0 <= high, "{low}..{high} {slow:?}");
        }
    }
}

/// Nested quadrature knows the whole curve of two or three releases to nine digits.
#[test]
fn few_releases_agree_with_quadrature() {
    for (rate, noise, count) in [(1e-3, 0.6, 2), (0.04, 0.8, 2), (1e-5, 0.4, 2), (0.02, 0.5, 3), (0.01, 2.0, 2)] {
        let laws = [(law(rate, noise, Direction::Remove), count)];
        let (curves, end) = [800, 200, 50].iter().find_map(|nodes| curves(&laws, 1e-12, *nodes)).unwrap();
        for epsilon in [0.02, 0.1, 0.4, 0.7].map(|part| part * end) {
            let (nodes, digits) = if count == 2 { (400.0, 1e-7) } else { (60.0, 1e-5) };
            let truth = quadrature(rate, noise, count, epsilon, nodes);
            let (low, high) = (curves.delta_lower(epsilon), curves.delta_upper(epsilon));
            let slack = digits * truth + 1e-18;
            assert!(
                low <= truth + slack && truth <= high + slack,
                "{rate} {noise} {epsilon}: {low:e} {truth:e} {high:e}"
            );
        }
    }
}

/// The core's excess against the law of a product of many small ratios, summed in full.
#[test]
fn the_excess_of_the_core_is_above_its_law() {
    // T releases with x = 0.5 ± 0.5s²·l … cut to a core: its law by convolution of a fine histogram of one release.
    let (rate, noise, h, count) = (0.01, 1.0, 0.05, 64u64);
    let laws = [(law(rate, noise, Direction::Remove), count)];
    let releases = rare(&laws).unwrap();
    let (core, end) = Core::new(releases, h).unwrap();
    let step = 5e-4;
    let loss = |x: f64| libm::log1p(rate * libm::expm1((2.0 * x - 1.0) / (2.0 * noise * noise)));
    let mut one = vec![0.0; 400];
    let (mut mass, mut mean) = (0.0, 0.0);
    for i in 0..400_000 {
        let x = -9.0 + (end + 9.0) * (f64::from(i) + 0.5) / 400_000.0;
        let q = libm::exp(-x * x / 2.0) * 0.398_942_280_401_432_7 * (end + 9.0) / 400_000.0;
        one[((loss(x) + 0.05) / step) as usize] += q;
        mass += q;
        mean += q * libm::exp(loss(x));
    }
    // Six squarings make 64 releases; indices add up.
    let mut law: Vec<f64> = one.iter().map(|q| q / mass).collect();
    for _ in 0..6 {
        let mut square = vec![0.0; 2 * law.len()];
        for (i, a) in law.iter().enumerate().filter(|(_, a)| **a > 1e-15) {
            law.iter().enumerate().for_each(|(j, b)| square[i + j] += a * b);
        }
        law = square;
        law.truncate(law.iter().rposition(|q| *q > 1e-15).unwrap() + 1);
    }
    let drift = count as f64 * libm::log(mass / mean);
    assert!((drift - core.shift.0).abs() < 1e-7, "{drift} {:?}", core.shift);
    let value = |index: usize| (index as f64 + 32.0) * step - 64.0 * 0.05 + drift;
    for e in [-0.2, -0.1, -0.03, 0.0, 0.02, 0.05, 0.1, 0.2, 0.3] {
        let call: f64 =
            law.iter().enumerate().map(|(i, q)| q * (libm::exp(value(i)) - libm::exp(e)).max(0.0)).sum::<f64>();
        let excess = call - (-libm::expm1(e)).max(0.0);
        let bound = core.excess(e);
        // The histogram's steps add a little to the variance, and up to a step to the mean.
        assert!(excess <= bound * 1.02 + 2e-4, "{e}: {excess:e} {bound:e}");
        assert!(e.abs() > 0.05 || bound < 2.5 * excess.max(1e-3), "{e}: {excess:e} {bound:e}");
    }
}

#[test]
fn the_spread_of_the_core_is_an_integral() {
    for (rate, noise, end) in [(0.01, 1.0, 2.0), (1e-6, 0.4, 0.9), (0.03, 20.0, 30.0), (1e-4, 0.1, 0.6)] {
        let steps = 200_000;
        let from = -10.0 * noise;
        let width = (end - from) / f64::from(steps);
        let term = |i: i32| {
            let x = from + (f64::from(i) + 0.5) * width;
            let u = rate * libm::expm1((2.0 * x - 1.0) / (2.0 * noise * noise));
            u * u * libm::exp(-x * x / (2.0 * noise * noise)) * 0.398_942_280_401_432_7 / noise * width
        };
        let truth: f64 = (0..steps).map(term).sum();
        let found = core::mean_square(rate, noise, end);
        assert!(found >= truth * (1.0 - 1e-9) && found <= truth * (1.0 + 1e-6), "{rate} {noise}: {found:e} {truth:e}");
    }
}

#[test]
fn adding_costs_no_more_than_the_bound() {
    for (rate, noise, count, delta) in
        [(1e-3, 1.0, 10_000, 1e-8), (0.01, 2.0, 500, 1e-5), (1e-5, 0.7, 1_000_000, 1e-20)]
    {
        let laws = [(law(rate, noise, Direction::Add), count)];
        let bound = added::epsilon(&laws, delta).unwrap();
        let (lower, upper) = crate::contour::epsilon(&laws, delta).unwrap();
        assert!(bound.0 <= 0.0 && bound.1 >= lower && bound.1 < 2.0 * upper, "{bound:?} {lower} {upper}");
    }
    // Too rare for any other engine.
    let (_, high) = added::epsilon(&[(law(2e-9, 1.25, Direction::Add), 19_000_000)], 5e-18).unwrap();
    assert!(high < 1e-3, "{high}");
}

#[test]
fn other_laws_are_left_to_others() {
    let gaussian = [(Law::Gaussian { noise: 1.0 }, 3)];
    let replace = [(
        crate::law::law(&crate::release::Mechanism::PoissonReplace { rate: 1e-6, noise: 1.0 }, Direction::Remove),
        5,
    )];
    let removed = [(law(1e-6, 1.0, Direction::Remove), 5)];
    let added = [(law(1e-6, 1.0, Direction::Add), 5)];
    for laws in [&gaussian[..], &replace, &added] {
        assert_eq!(epsilon(laws, 1e-9), None);
    }
    for laws in [&gaussian[..], &replace, &removed] {
        assert_eq!(added::epsilon(laws, 1e-9), None);
    }
    assert!(epsilon(&[(law(0.2, 1.0, Direction::Remove), 5)], 1e-9).is_none(), "not rare");
    // A record that moves the sum by 2.
    let twice = |p: Vec<(f64, f64)>, q| [(Law::Mixture(vec![(1.0, Pair { noise: 1.0, p, q })]), 5)];
    assert_eq!(epsilon(&twice(vec![(0.0, 1.0 - 1e-6), (2.0, 1e-6)], vec![(0.0, 1.0)]), 1e-9), None);
    assert_eq!(added::epsilon(&twice(vec![(0.0, 1.0)], vec![(-2.0, 1e-6), (0.0, 1.0 - 1e-6)]), 1e-9), None);
}

/// A bell of a million hits is not a nuisance that a variance bounds.
#[test]
fn many_hits_are_left_to_others() {
    assert_eq!(epsilon(&[(law(0.01, 1.0, Direction::Remove), 100_000_000)], 1e-8), None);
}

/// `Σ_k C(T, k)·j^{*k}` term by term.
fn direct(jumps: &[f64], count: u64, nodes: usize) -> Vec<f64> {
    let mut power = vec![0.0; nodes + 1];
    power[0] = 1.0;
    let mut sum = power.clone();
    let mut factor = 1.0;
    for k in 1..=count.min(nodes as u64) {
        let mut next = vec![0.0; nodes + 1];
        for (i, a) in power.iter().enumerate() {
            for (x, b) in jumps.iter().enumerate().take_while(|(x, _)| i + x < nodes) {
                next[i + x + 1] += a * b;
            }
        }
        power = next;
        factor *= (count - k + 1) as f64 / k as f64;
        sum.iter_mut().zip(&power).for_each(|(sum, term)| *sum += factor * term);
    }
    sum
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn a_compound_law_is_its_sum(
        jumps in prop::collection::vec(1e-6..0.3f64, 1..24), first in 1usize..4, count in 1u64..400, nodes in 8usize..60,
    ) {
        let scale = 3.0 / count as f64;
        let jumps: Vec<f64> = jumps.iter().map(|mass| mass * scale).collect();
        let (found, error) = compound::compound(&jumps, first, count, nodes).unwrap();
        let mut dense = vec![0.0; first - 1];
        dense.extend(&jumps);
        for (node, (one, other)) in found.iter().zip(direct(&dense, count, nodes)).enumerate() {
            prop_assert!((one - other).abs() <= (error + 1e-13) * other, "{node}: {one:e} {other:e}");
        }
    }

    /// Whatever the setting, both curves hold each other, fall, and hold the bracket of the transform.
    #[test]
    fn curves_do_not_cross_and_fall(
        log_rate in -18.0..-4.0f64, log_noise in -2.5..1.5f64, log_steps in 0.0..14.0f64, log_delta in -60.0..-8.0f64,
    ) {
        let laws = [(law(log_rate.exp(), log_noise.exp(), Direction::Remove), log_steps.exp() as u64)];
        let delta = log_delta.exp();
        if let Some((curves, end)) = curves(&laws, delta, 300) {
            let mut before = (1.0f64, 1.0f64);
            for i in 0..=30 {
                let epsilon = end * f64::from(i) / 30.0;
                let (low, high) = (curves.delta_lower(epsilon), curves.delta_upper(epsilon));
                prop_assert!(low <= high, "{epsilon}: {low:e} {high:e}");
                prop_assert!(low <= before.0 && high <= before.1 * (1.0 + 1e-12), "{epsilon}: {low:e} {high:e}");
                before = (low, high);
            }
        }
    }

    /// Engines that share nothing but the law: the exact integral where it has digits.
    #[test]
    fn the_contour_lies_between(
        log_rate in -12.0..-3.1f64, noise in 0.3..1.5f64, log_steps in 5.0..18.0f64, log_delta in -40.0..-8.0f64,
    ) {
        let laws = [(law(log_rate.exp(), noise, Direction::Remove), log_steps.exp() as u64)];
        let delta = log_delta.exp();
        if let (Some((low, high)), Some((lower, upper))) = (epsilon(&laws, delta), crate::contour::short_epsilon(&laws, delta)) {
            prop_assert!(low <= upper && lower <= high, "{low}..{high} {lower}..{upper}");
        }
    }
}
