//! The closed form against 60-digit values, the textbook formula and the looser RDP bound.

use super::*;
use crate::testing::{cases, sampled};
use crate::{Adjacency, Delta, Engine, Event, NoiseMultiplier, Unsupported, account, rdp};
use proptest::prelude::*;

fn releases(noise_multiplier: f64, count: u64) -> Event {
    let event = Event::Gaussian { noise_multiplier: NoiseMultiplier::new(noise_multiplier).unwrap() };
    Event::Repeated { event: Box::new(event), count }
}

/// The upper end, after a look at the lower one.
fn exact(event: &Event, delta: f64, adjacency: Adjacency) -> f64 {
    let found = account(event, Delta::new(delta).unwrap(), adjacency).unwrap();
    let (lower, upper) = (found.epsilon_lower.get(), found.epsilon_upper.get());
    assert!(found.engine == Engine::ClosedForm && lower <= upper && upper - lower <= 1e-9 * (1.0 + upper), "{found:?}");
    upper
}

#[test]
fn agrees_with_sixty_digits_from_above() {
    let table = include_str!("../../tests/golden/epsilon.csv");
    let rows = table.lines().filter(|line| line.starts_with('G'));
    assert_eq!(rows.clone().count(), 7);
    for row in rows {
        let cells: Vec<&str> = row.split(',').collect();
        let component: Vec<&str> = cells[1].split(':').collect();
        let event = releases(component[1].parse().unwrap(), component[2].parse().unwrap());
        let found = exact(&event, cells[2].parse().unwrap(), Adjacency::ZeroOut);
        let truth: f64 = cells[3].parse().unwrap();
        assert!(found >= truth && found <= truth * (1.0 + 1e-10), "{row}: {found}");
    }
}

#[test]
fn replace_one_is_already_in_the_noise_multiplier() {
    // Ten releases with noise 5C against a sensitivity of 2C (row R03 of the table's source), 60 digits.
    let truth = 6.399_283_092_563_103_5;
    let found = exact(&releases(2.5, 10), 1e-6, Adjacency::ReplaceOne);
    assert!(found >= truth && found <= truth * (1.0 + 1e-12), "{found}");
}

/// The curve as printed in the paper, good where nothing overflows or cancels.
fn textbook(mu: f64, epsilon: f64) -> f64 {
    let normal = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
    normal(mu / 2.0 - epsilon / mu) - epsilon.exp() * normal(-mu / 2.0 - epsilon / mu)
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn meets_the_textbook_curve(log_mu in -3.0..2.0f64, log_delta in -18.0..-1.0f64) {
        let (mu, delta) = (log_mu.exp(), log_delta.exp());
        let found = exact(&releases(1.0 / mu, 1), delta, Adjacency::AddRemove);
        let reached = textbook(mu, found);
        if found > 0.0 {
            prop_assert!((reached / delta - 1.0).abs() < 1e-6, "{reached:e} {delta:e}");
        } else {
            prop_assert!(reached <= delta * (1.0 + 1e-9));
        }
    }

    #[test]
    fn is_never_above_the_rdp_bound(log_noise in -3.0..7.0f64, count in 1..10_000u64, log_delta in -60.0..-1.0f64) {
        let (event, delta) = (releases(log_noise.exp(), count), log_delta.exp());
        let looser = rdp::epsilon(&event, Delta::new(delta).unwrap(), Adjacency::AddRemove).unwrap();
        prop_assert!(exact(&event, delta, Adjacency::AddRemove) <= looser.epsilon.get() * (1.0 + 1e-9));
    }

    #[test]
    fn the_mills_ratio_is_between_its_classic_bounds(t in 0.0..60.0f64) {
        // 2/(t + √(t² + 4)) < m(t) < 4/(3t + √(t² + 8)).
        let ratio = mills(t);
        prop_assert!(ratio >= 2.0 / (t + (t * t + 4.0).sqrt()) * (1.0 - 1e-15), "{ratio}");
        prop_assert!(ratio <= 4.0 / (3.0 * t + (t * t + 8.0).sqrt()) * (1.0 + 1e-15), "{ratio}");
    }
}

#[test]
fn the_mills_ratio_keeps_fourteen_digits() {
    // 40-digit values.
    for (t, exact) in MILLS {
        assert!((mills(t) / exact - 1.0).abs() < MILLS_ERROR / 2.0, "{t}: {:e}", mills(t) / exact - 1.0);
    }
}

const MILLS: [(f64, f64); 14] = [
    (-29.5, 2.352_211_518_505_184_4e189),
    (-7.25, 649_967_717_491.129_2),
    (-1.0, 3.477_051_811_703_694_4),
    (0.0, 1.253_314_137_315_500_3),
    (0.3, 1.001_837_400_992_155_8),
    (2.5, 0.354_265_111_329_793_66),
    (5.9, 0.164_991_545_300_323_8),
    (5.999, 0.162_403_398_918_817_5),
    (6.0, 0.162_377_660_896_867_45),
    (6.5, 0.150_436_988_736_269_1),
    (11.0, 0.090_175_675_501_064_69),
    (37.5, 0.026_647_744_014_898_55),
    (1_000.0, 0.000_999_999_000_002_999_9),
    (100_000.0, 9.999_999_999e-6),
];

#[test]
fn a_sampled_release_is_left_to_the_general_method() {
    let mixed = Event::Composed(vec![releases(1.0, 1), sampled(0.5, 1.0, 1)]);
    let ask = |event: &Event| account(event, Delta::new(1e-6).unwrap(), Adjacency::AddRemove);
    assert_ne!(ask(&mixed).unwrap().engine, Engine::ClosedForm);
    // A sampling rate of 1 is no sampling.
    let all = sampled(1.0, 2.0, 16);
    assert!((exact(&all, 1e-30, Adjacency::AddRemove) - 24.595_552_116_158_2).abs() < 1e-9);
    assert!(exact(&releases(1.0, 0), 1e-30, Adjacency::AddRemove) <= 0.0);
    assert_eq!(ask(&releases(1e-200, 1)), Err(Unsupported::Unbounded));
}
