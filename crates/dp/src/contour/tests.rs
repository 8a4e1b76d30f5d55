use super::*;
use crate::law::{Direction, law};
use crate::release::Mechanism;

#[test]
fn reference() {
    let rows = [
        (0.01, 1.0, 100u64, 1e-6, 0.9542170736171),
        (0.01, 1.0, 1000, 1e-6, 2.124515171120122),
        (0.01, 1.0, 10000, 1e-6, 6.907384495045266),
        (0.01, 1.0, 1_000_000, 1e-6, 145.4968355115199),
        (0.001, 0.6, 10000, 1e-10, 5.8076732592186),
        (0.001, 0.5, 100000, 1e-9, 19.4672122906314),
        (0.0001, 0.7, 100000, 1e-8, 0.7223656560259),
        (0.0001, 0.5, 1000000, 1e-9, 7.1760682077055),
        (1e-5, 0.4, 1000000, 1e-10, 8.092313356304),
        (1e-5, 0.3, 100000, 1e-10, 17.4576052175181),
        (0.1, 20.0, 10000, 1e-5, 1.9960931218025),
        (0.01, 1.0, 1000, 1e-30, 9.34189563270515),
        (0.1, 0.3, 10, 1e-5, 35.6613650572854),
        (0.01, 4.0, 100_000_000, 1e-6, 442.0685),
    ];
    for (q, s, t, delta, truth) in rows {
        let started = std::time::Instant::now();
        let bounds: Vec<_> = [Direction::Remove, Direction::Add]
            .map(|direction| epsilon(&[(law(&Mechanism::Poisson { rate: q, noise: s }, direction), t)], delta))
            .to_vec();
        let time = started.elapsed();
        println!("q={q} s={s} T={t} delta={delta:e}: truth {truth} {bounds:?} {time:?}");
        if let Some((lower, upper)) = bounds[0] {
            println!("   width {:e} mid-ref {:e}", upper - lower, 0.5 * (upper + lower) - truth);
        }
    }
}
