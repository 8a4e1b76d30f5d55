//! The pairs against their definition.

use super::*;

fn pairs() -> Vec<Pair> {
    let mechanisms = [
        Mechanism::Poisson { rate: 0.01, noise: 1.0 },
        Mechanism::Poisson { rate: 0.7, noise: 0.1 },
        Mechanism::PoissonReplace { rate: 0.2, noise: 1.5 },
        Mechanism::Group { rate: 0.05, noise: 2.0, size: 5 },
        Mechanism::Truncated { rate: 0.01, noise: 1.0, dataset: 60_000, batch: 640 },
    ];
    let both = |mechanism: &Mechanism| [Direction::Remove, Direction::Add].map(|direction| law(mechanism, direction));
    let branches = |law| match law {
        Law::Mixture(branches) => branches.into_iter().map(|(_, pair)| pair).collect::<Vec<_>>(),
        _ => vec![],
    };
    mechanisms.iter().flat_map(both).flat_map(branches).collect()
}

/// `log Σ mass·e^{(2mx − m²)/2s²}` at a complex x, term by term.
fn plain(side: &[(f64, f64)], x: Complex64, noise: f64) -> Complex64 {
    let term = |(mean, mass): &(f64, f64)| ((x * 2.0 - mean) * *mean / (2.0 * noise * noise)).exp() * *mass;
    side.iter().map(term).sum::<Complex64>().ln()
}

#[test]
fn every_pair_keeps_the_promises_of_the_module() {
    for pair in pairs() {
        for side in [&pair.p, &pair.q] {
            assert!((side.iter().map(|(_, mass)| mass).sum::<f64>() - 1.0).abs() < 1e-13, "{pair:?}");
            assert!(side.windows(2).all(|two| two[0].0 < two[1].0), "{pair:?}");
        }
        assert!(pair.p[0].0 >= 0.0 && pair.q.last().unwrap().0 <= 0.0, "{pair:?}");
        let loss = |x: f64| {
            let (log_a, log_b) = pair.logs(x);
            log_a - log_b
        };
        for k in -20..20 {
            let (x, next) = (0.25 * f64::from(k), 0.25 * f64::from(k + 1));
            assert!(loss(next) >= loss(x), "{pair:?} {x}");
            // L′ is the difference of the posterior means over the variance.
            let (p, q) = pair.posterior_means(x);
            let slope = (loss(x + 1e-5) - loss(x - 1e-5)) / 2e-5;
            assert!(
                (slope - (p - q) / pair.noise.powi(2)).abs() <= 1e-5 * (1.0 + slope.abs() / pair.noise),
                "{pair:?} {x}"
            );
        }
    }
}

#[test]
fn the_continuation_agrees_with_complex_arithmetic() {
    for pair in pairs() {
        let (p, q) = pair.spreads();
        for part in [0.0, 0.1, 0.5, 0.9] {
            let y = part * std::f64::consts::PI * pair.noise.powi(2) / p.max(q);
            for k in -8..=8 {
                let x = 0.4 * f64::from(k) * pair.noise.max(0.3);
                let (log_a, log_b) = pair.logs_above(x, y);
                let at = Complex64::new(x, y);
                for (found, expected) in
                    [(log_a, plain(&pair.p, at, pair.noise)), (log_b, plain(&pair.q, at, pair.noise))]
                {
                    // Where the plain sum overflows there is nothing to compare with.
                    if expected.re.is_finite() {
                        assert!((found - expected).norm() <= 1e-12 * (1.0 + expected.norm()), "{pair:?} {x} {y}");
                    }
                }
                assert!(log_a.im >= 0.0 && log_b.im <= 0.0, "{pair:?} {x} {y}");
            }
        }
    }
}

#[test]
fn a_small_excess_keeps_its_digits() {
    let Law::Mixture(branches) = law(&Mechanism::Poisson { rate: 1e-12, noise: 1.0 }, Direction::Remove) else {
        panic!()
    };
    let (log_a, _) = branches[0].1.logs(1.0);
    let exact = 1e-12 * 0.5f64.exp_m1();
    assert!((log_a / exact - 1.0).abs() < 1e-11, "{log_a:e}");
    let far = branches[0].1.logs(1000.0).0;
    assert!((far - (999.5 + f64::ln(1e-12))).abs() < 1e-9, "{far}");
}

#[test]
fn only_the_loss_of_adding_a_record_is_bounded() {
    let sup = |direction| law(&Mechanism::Poisson { rate: 0.1, noise: 1.0 }, direction).loss_max();
    assert!(sup(Direction::Remove).is_infinite() && (sup(Direction::Add) + 0.9f64.ln()).abs() < 1e-12);
    assert!(law(&Mechanism::PoissonReplace { rate: 0.1, noise: 1.0 }, Direction::Add).loss_max().is_infinite());
}
