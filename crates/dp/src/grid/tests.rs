use super::*;
use crate::testing::cases;
use cells::Cell;
use convolve::Window;
use proptest::prelude::*;

fn poisson(rate: f64, noise: f64, direction: Direction) -> Law {
    crate::law::law(&crate::release::Mechanism::Poisson { rate, noise }, direction)
}

fn pair(law: &Law) -> &Pair {
    let Law::Mixture(branches) = law else { panic!("{law:?}") };
    &branches[0].1
}

/// Φ, relatively exact on the left.
fn phi(t: f64) -> f64 {
    0.5 * libm::erfc(-t * std::f64::consts::FRAC_1_SQRT_2)
}

fn density(t: f64) -> f64 {
    libm::exp(-t * t / 2.0) / 2.506_628_274_631_000_5
}

/// `Φ(t)` of a mixture right of x.
fn right_of(law: &[(f64, f64)], noise: f64, x: f64) -> f64 {
    law.iter().map(|(mean, weight)| weight * phi((mean - x) / noise)).sum()
}

/// δ(ε) of one release, from the definition, with the boundary found by bisection.
fn one_release(pair: &Pair, epsilon: f64) -> f64 {
    let (mut low, mut high) = (-60.0 * pair.noise - 9.0, 60.0 * pair.noise + 9.0);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if cells::loss(pair, middle).0 < epsilon { low = middle } else { high = middle }
    }
    right_of(&pair.p, pair.noise, high) - libm::exp(epsilon) * right_of(&pair.q, pair.noise, high)
}

/// (rate, noise, steps, delta, truth): contour integrals of another implementation, agreeing on two meshes, and closed forms.
const REFERENCE: [(f64, f64, u64, f64, f64); 7] = [
    (0.01, 1.0, 100, 1e-6, 0.954_217_073_617_1),
    (0.01, 1.0, 1000, 1e-30, 9.341_895_632_705),
    (0.1, 0.3, 10, 1e-5, 35.661_365_057_285),
    (0.01, 1.0, 10_000, 1e-6, 6.907_384_495_045),
    (1.0, 0.05, 1, 1e-6, 294.171_786_257_644_5),
    (1.0, 0.7, 3, 1e-8, 16.426_926_041_983),
    (0.02, 3.0, 2000, 1e-6, 1.344_253_853_076_8),
];

#[test]
fn the_bracket_holds_the_reference() {
    for (rate, noise, steps, delta, truth) in REFERENCE {
        let law = if rate < 1.0 { poisson(rate, noise, Direction::Remove) } else { Law::Gaussian { noise } };
        let (low, high) = epsilon(&[(law, steps)], delta).unwrap();
        assert!(low < truth && truth < high, "{rate} {noise} {steps}: {low}..{high}, not {truth}");
        assert!(high - low < 1e-3 * truth.max(1.0), "{rate} {noise} {steps}: width {}", high - low);
    }
}

#[test]
fn rare_hits_do_not_hide_the_core() {
    let (low, high) = epsilon(&[(poisson(1e-5, 1.0, Direction::Remove), 10_000)], 1e-8).unwrap();
    assert!(low < 0.005_495_932_7 && high > 0.0 && high - low < 5e-4, "{low}..{high}");
}

#[test]
fn one_release_has_its_closed_form() {
    for (rate, noise) in [(0.01, 1.0), (0.3, 0.5), (1e-6, 0.4), (0.9, 3.0)] {
        for direction in [Direction::Remove, Direction::Add] {
            let law = poisson(rate, noise, direction);
            let epsilons = [0.0, 1e-3, 0.1, 0.3, 0.5, 1.0, 2.0, 4.0];
            let Some(bounds) = delta(&[(law.clone(), 1)], &epsilons) else {
                // Adding a record at this rate has a loss of at most 1e-6: no lattice is that fine.
                assert!(direction == Direction::Add && rate < 1e-5);
                continue;
            };
            for (epsilon, (low, high)) in epsilons.iter().zip(bounds) {
                let truth = one_release(pair(&law), *epsilon);
                let slack = 1e-12 * truth + 1e-18;
                assert!(
                    low <= truth + slack && truth <= high + slack,
                    "{rate} {noise} {direction:?} {epsilon}: {low:e} {truth:e} {high:e}"
                );
            }
        }
    }
}

#[test]
fn two_releases_agree_with_quadrature() {
    // δ₂(ε) = E_P[δ₁(ε − L)], with δ₁ in closed form.
    for (rate, noise, direction) in
        [(0.1, 0.8, Direction::Remove), (0.3, 1.0, Direction::Add), (0.02, 0.5, Direction::Remove)]
    {
        let law = poisson(rate, noise, direction);
        let twin = |epsilon: f64| {
            let step = noise / 200.0;
            let xs = (-2400..=2800).map(|i| f64::from(i) * step);
            let one = |x: f64| {
                let p: f64 = pair(&law).p.iter().map(|(m, w)| w * density((x - m) / noise) / noise).sum();
                p * one_release(pair(&law), epsilon - cells::loss(pair(&law), x).0)
            };
            step * xs.map(one).sum::<f64>()
        };
        let epsilons = [0.05, 0.3, 1.0];
        let bounds = delta(&[(law.clone(), 2)], &epsilons).unwrap();
        for (epsilon, (low, high)) in epsilons.iter().zip(bounds) {
            let truth = twin(*epsilon);
            assert!(
                low <= truth * (1.0 + 1e-9) && truth <= high * (1.0 + 1e-9),
                "{epsilon}: {low:e} {truth:e} {high:e}"
            );
        }
    }
}

#[test]
fn gaussians_compose_to_a_gaussian() {
    for (noise, count, epsilon) in [(1.0, 4, 3.0), (10.0, 300, 2.0), (0.5, 1, 6.0), (3.0, 20, 0.1)] {
        let mu = (count as f64).sqrt() / noise;
        let truth = phi(mu / 2.0 - epsilon / mu) - libm::exp(epsilon) * phi(-mu / 2.0 - epsilon / mu);
        let bounds = delta(&[(Law::Gaussian { noise }, count)], &[epsilon]).unwrap()[0];
        assert!(bounds.0 <= truth && truth <= bounds.1, "{bounds:?} {truth:e}");
        assert!(bounds.1 - bounds.0 < 5e-3 * truth, "{bounds:?} {truth:e}");
    }
}

#[test]
fn different_laws_compose() {
    // One plain Gaussian and 1,000 sampled releases, from the table of references.
    let laws = [(Law::Gaussian { noise: 3.0 }, 1), (poisson(0.01, 1.0, Direction::Remove), 1000)];
    let (low, high) = epsilon(&laws, 1e-6).unwrap();
    assert!(low < 2.595_462_114_758_8 && 2.595_462_114_758_8 < high && high - low < 2e-3, "{low}..{high}");
}

#[test]
fn without_replacement_is_a_pair_of_laws() {
    for (rate, noise) in [(0.001, 2.0), (0.3, 0.5), (0.9, 1.0)] {
        let cells = cells::without_replacement(rate, noise, 0.01, -900, 900);
        let sum = |mass: fn(&Cell) -> f64| cells.half.iter().chain([&cells.left, &cells.right]).map(mass).sum::<f64>();
        assert!((sum(|cell| cell.p) - 1.0).abs() < 1e-12 && (sum(|cell| cell.q) - 1.0).abs() < 1e-12);
        // One release, ε > 0: the curve of adding a record, where the record's batch has it at this rate.
        let law = Law::WithoutReplacement { rate, noise };
        for epsilon in [0.01, 0.2, 1.0] {
            let shifted = libm::log1p(libm::expm1(epsilon) / rate);
            let gaussian = Pair { noise, p: vec![(1.0, 1.0)], q: vec![(0.0, 1.0)] };
            let truth = rate * one_release(&gaussian, shifted);
            let (low, high) = delta(&[(law.clone(), 1)], &[epsilon]).unwrap()[0];
            assert!(low <= truth && truth <= high, "{low:e} {truth:e} {high:e}");
        }
    }
    // Two releases: E_P[δ₁(ε − L)], where δ₁ at a negative epsilon is 1 − e^ε + e^ε·δ₁(−ε) of the exchanged laws.
    let (rate, noise) = (0.2, 0.9);
    let [above, below] = crate::law::exchanged(rate, noise);
    let one = |epsilon: f64| one_release(if epsilon >= 0.0 { &above } else { &below }, epsilon);
    let twin = |epsilon: f64| {
        let step = noise / 500.0;
        let side = |pair: &Pair, from: f64, sign: f64| {
            let x = |i: u32| from + sign * (f64::from(i) + 0.5) * step;
            let weigh = |x: f64| {
                let p: f64 = pair.p.iter().map(|(m, w)| w * density((x - m) / noise) / noise).sum();
                p * step * one(epsilon - cells::loss(pair, x).0)
            };
            (0..6000).map(|i| weigh(x(i))).sum::<f64>()
        };
        let atom = (1.0 - rate) * (2.0 * phi(0.5 / noise) - 1.0);
        side(&above, 0.5, 1.0) + side(&below, -0.5, -1.0) + atom * one(epsilon)
    };
    for epsilon in [0.05, 0.4, 1.0] {
        let truth = twin(epsilon);
        let (low, high) = delta(&[(Law::WithoutReplacement { rate, noise }, 2)], &[epsilon]).unwrap()[0];
        assert!(low <= truth * (1.0 + 1e-5) && truth <= high * (1.0 + 1e-5), "{low:e} {truth:e} {high:e}");
        assert!(high - low < 0.02 * truth);
    }
    // Rényi bounds of the reference table.
    for (rate, noise, count, delta, rdp) in
        [(0.001, 2.0, 10_000, 1e-7, 0.518_462_6), (0.02, 4.0, 2000, 1e-5, 1.976_204_1)]
    {
        let (low, high) = epsilon(&[(Law::WithoutReplacement { rate, noise }, count)], delta).unwrap();
        assert!(low < high && high < rdp && high - low < 1e-3, "{low}..{high}");
    }
}

/// `E[(a + Y/t − k)₊]` for the lognormal Y of mean 1.
fn call(a: f64, t: f64, k: f64, noise: f64) -> f64 {
    let strike = (k - a) * t;
    if strike <= 0.0 {
        return (1.0 - strike) / t;
    }
    let d = (-libm::log(strike)) * noise + 0.5 / noise;
    (phi(d) - strike * phi(d - 1.0 / noise)) / t
}

#[test]
fn allocation_to_two_or_three_batches_agrees_with_quadrature() {
    for noise in [0.8, 1.5] {
        for steps in [2u64, 3] {
            let t = steps as f64;
            // E over the other terms of the last one's closed form.
            let twin = |epsilon: f64, direction: Direction| {
                let step = 0.04;
                let grid: Vec<(f64, f64)> = (-250..=250)
                    .map(|i| f64::from(i) * step)
                    .map(|z| (libm::exp(z / noise - 0.5 / (noise * noise)) / t, density(z) * step))
                    .collect();
                let k = libm::exp(if direction == Direction::Remove { epsilon } else { -epsilon });
                let value = |a: f64| match direction {
                    Direction::Remove => call(a, t, k, noise),
                    // (1 − e^ε w)₊ = e^ε (e^{−ε} − w)₊, put from call.
                    Direction::Add => (call(a, t, k, noise) - (a + 1.0 / t - k)) / k,
                };
                let pairs =
                    |a: f64| if steps == 2 { value(a) } else { grid.iter().map(|(y, w)| w * value(a + y)).sum() };
                grid.iter().map(|(y, w)| w * pairs(*y)).sum::<f64>()
            };
            for direction in [Direction::Remove, Direction::Add] {
                let law = Law::Allocation { steps, noise, direction };
                let epsilons = [0.1, 0.5, 1.0];
                for (epsilon, (low, high)) in epsilons.iter().zip(delta(&[(law, 1)], &epsilons).unwrap()) {
                    let truth = twin(*epsilon, direction);
                    assert!(
                        low <= truth * (1.0 + 1e-9) && truth <= high * (1.0 + 1e-9),
                        "{epsilon}: {low:e} {truth:e} {high:e}"
                    );
                    assert!(
                        high - low < 0.02 * truth,
                        "{steps} {noise} {direction:?} {epsilon}: {low:e} {truth:e} {high:e}"
                    );
                }
            }
        }
    }
}

#[test]
fn allocation_lies_in_the_reference() {
    let law = |direction| Law::Allocation { steps: 100, noise: 1.0, direction };
    for (count, from, to) in [(1, 0.854_959_857, 0.861_260_975), (10, 1.921_413_178, 2.007_775_125)] {
        let (low, high) = epsilon(&[(law(Direction::Remove), count)], 1e-6).unwrap();
        assert!(low < to && from < high && high - low < 1e-3 * high.max(1.0), "{low}..{high}");
        assert!(low > from && high < to, "{low}..{high}");
        let add = [(law(Direction::Add), count)];
        let (least, most) = epsilon(&add, 1e-6).unwrap();
        assert!(most < low);
        assert!(at_most(&add, 1e-6, low) && at_most(&add, 1e-6, 1.1 * most) && !at_most(&add, 1e-6, 0.99 * least));
    }
}

#[test]
fn nothing_costs_nothing() {
    assert_eq!(epsilon(&[], 1e-5), Some((0.0, 0.0)));
    assert_eq!(epsilon(&[(Law::Gaussian { noise: 1.0 }, 0)], 1e-5), Some((0.0, 0.0)));
    assert_eq!(delta(&[], &[0.0, 1.0]), Some(vec![(0.0, 0.0); 2]));
    // A delta above the total variation.
    assert_eq!(epsilon(&[(poisson(1e-3, 2.0, Direction::Remove), 3)], 0.01), Some((0.0, 0.0)));
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn a_transform_agrees_with_direct_convolution(
        first in -20i64..5,
        masses in prop::collection::vec(0.01..1.0f64, 3..30),
        counts in (1u64..5, 0u64..4),
        tilt in 0.01..2.0f64,
    ) {
        let h = 0.1;
        let total: f64 = masses.iter().sum::<f64>() * 1.000_001 + 1e-9;
        let mass: Vec<f64> = masses.iter().map(|mass| mass / total).collect();
        let one = Lattice { h, first, mass: mass.clone(), offset: 0.003, infinite: 1e-6 };
        let other = Lattice { h, first: first + 3, mass: mass.iter().rev().copied().collect(), offset: 0.0, infinite: 0.0 };
        let laws = vec![(one, counts.0), (other, counts.1)];
        let mut sum = vec![1.0];
        let mut start = 0;
        let mut loss = 0.0;
        for (law, count) in &laws {
            for _ in 0..*count {
                let mut next = vec![0.0; sum.len() + law.mass.len() - 1];
                for (i, a) in sum.iter().enumerate() {
                    for (j, b) in law.mass.iter().enumerate() {
                        next[i + j] += a * b;
                    }
                }
                sum = next;
                start += law.first;
                loss += law.offset;
            }
        }
        let infinite = -libm::expm1(counts.0 as f64 * libm::log1p(-1e-6));
        let window = Window { r: tilt * h, first: start - 1, len: 512, centre: start + sum.len() as i64 / 2, chernoff: (0.1, 0.1) };
        let (lower, upper) = (compose(&mut Planner::new(), &laws, window, Side::Lower), compose(&mut Planner::new(), &laws, window, Side::Upper));
        for epsilon in [0.0, 0.31, 1.0, 2.7] {
            let finite: f64 = sum.iter().enumerate()
                .map(|(k, mass)| mass * (1.0 - libm::exp(epsilon - ((start + k as i64) as f64 * h + loss))).max(0.0))
                .sum();
            {
                let (low, high) = (lower.delta(epsilon), upper.delta(epsilon));
                prop_assert!(low <= finite + 1e-18 && high + 1e-18 >= finite + infinite, "{low:e} {finite:e} {high:e}");
// Below the window only the trivial bounds are known.
                if epsilon > (start - 1) as f64 * h + loss {
                    prop_assert!(low >= finite - 1e-10 && high <= finite + infinite + 1e-10, "{low:e} {finite:e} {high:e}");
                }
            }
        }
    }

    #[test]
    fn shares_are_the_cells_dealt_out(
        weights in prop::collection::vec(0.0..1.0f64, 4..40),
        steep in -3.0..3.0f64,
    ) {
        let n = weights.len() / 2 * 2;
        let h = 0.1;
        let half: Vec<Cell> = (0..n).map(|j| {
            let q = weights[j] * libm::exp(steep * j as f64);
            Cell { p: q * libm::exp((j as f64 / 2.0 + weights[n - 1 - j] / 2.0) * h), q, error: 1e-14 }
        }).collect();
        let ends: Vec<f64> = (0..=n / 2).map(|i| libm::exp(i as f64 * h)).collect();
        let shares = lattice::gather(half.clone(), Cell::default(), &ends, 1e-15);
        let total = |cells: &mut dyn Iterator<Item = Cell>| cells.fold((0.0, 0.0), |(p, q), cell| (p + cell.p, q + cell.q));
        let (p, q) = total(&mut half.iter().copied());
        let (share_p, share_q) = total(&mut shares.iter().map(|(cell, _)| *cell));
        // Nothing is made up; a remainder too far from every node may be left over.
        prop_assert!(share_p <= p * (1.0 + 1e-12) && share_q <= q * (1.0 + 1e-12));
        prop_assert!(share_p >= p * 0.999_999, "{share_p} of {p}");
        for ((share, excess), end) in shares.iter().zip(&ends) {
            prop_assert!(*excess <= share.p - end * share.q + 1e-15 * share.p);
        }
    }

    #[test]
    fn curves_fall_and_brackets_are_ordered(
        log_rate in -8.0..-0.1f64,
        noise in 0.4..4.0f64,
        count in 1u64..300,
        remove in any::<bool>(),
    ) {
        let law = poisson(libm::exp(log_rate), noise, if remove { Direction::Remove } else { Direction::Add });
        let epsilons = [0.0, 0.01, 0.5, 2.0];
        if let Some(bounds) = delta(&[(law.clone(), count)], &epsilons) {
            for pair in bounds.windows(2) {
                prop_assert!(pair[1].0 <= pair[0].1, "{bounds:?}");
            }
            for (low, high) in &bounds {
                prop_assert!(low <= high && (0.0..=1.0).contains(low) && *high <= 1.0, "{bounds:?}");
            }
            // What the curve says of an epsilon, the epsilon says of the curve.
            let target = bounds[2];
            if target.0 > 1e-12 {
                let (low, high) = epsilon(&[(law, count)], target.0).unwrap();
                prop_assert!(low <= high && high >= 0.5 - 1e-9, "{low}..{high}, {target:?}");
            }
        }
    }
}
