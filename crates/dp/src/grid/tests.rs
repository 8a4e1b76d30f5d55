use super::*;
use crate::law::Direction;

pub(super) fn poisson(rate: f64, noise: f64, direction: Direction) -> Law {
    crate::law::law(&crate::release::Mechanism::Poisson { rate, noise }, direction)
}

/// (rate, noise, steps, delta, truth): contour integrals of another implementation, agreeing on two meshes, and closed forms.
const REFERENCE: [(f64, f64, u64, f64, f64); 6] = [
    (0.01, 1.0, 100, 1e-6, 0.954_217_073_617_1),
    (0.01, 1.0, 1000, 1e-30, 9.341_895_632_705),
    (0.1, 0.3, 10, 1e-5, 35.661_365_057_285),
    (0.01, 1.0, 10_000, 1e-6, 6.907_384_495_045),
    (1.0, 0.05, 1, 1e-6, 294.171_786_257_644_5),
    (1.0, 0.7, 3, 1e-8, 16.426_926_041_983),
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
