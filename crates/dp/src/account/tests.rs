//! The choice of engines, and the laws that every answer keeps.

use super::*;
use crate::testing::sampled;

#[test]
fn speed() {
    for (q, s, t, delta) in [
        (0.01, 1.0, 1000u64, 1e-6),
        (0.01, 1.0, 1_000_000, 1e-6),
        (1e-5, 0.3, 100_000, 1e-10),
        (1e-4, 0.7, 100_000, 1e-8),
    ] {
        let event = sampled(q, s, t);
        let started = std::time::Instant::now();
        let found = account(&event, Delta::new(delta).unwrap(), Adjacency::AddRemove).unwrap();
        println!("{q} {s} {t} {delta:e}: {found:?} {:?}", started.elapsed());
    }
    let thousand: Vec<_> =
        (0..1000).map(|i| sampled(0.001 + 0.009 * f64::from(i) / 999.0, 2.0 - 1.2 * f64::from(i) / 999.0, 1)).collect();
    let started = std::time::Instant::now();
    let found = account(&Event::Composed(thousand), Delta::new(1e-6).unwrap(), Adjacency::AddRemove).unwrap();
    println!("thousand: {found:?} {:?}", started.elapsed());
    let started = std::time::Instant::now();
    let epsilons: Vec<_> = (0..200).map(|k| Epsilon::new(f64::from(k) * 0.05).unwrap()).collect();
    let found = curve(&sampled(0.01, 1.0, 1000), &epsilons, Adjacency::AddRemove).unwrap();
    println!("curve: {:?} {:?} {:?}", found[0], found[199], started.elapsed());
}

#[test]
fn probe() {
    for (q, s, t, delta) in [
        (5.9e-5f64, 0.5, 29168u64, 9.1e-4),
        (5.9e-5, 0.4, 29168, 9.1e-4),
        (5.9e-5, 0.6, 29168, 9.1e-4),
        (0.01, 1.0, 5, 1e-6),
        (0.01, 1.0, 20, 1e-6),
        (0.01, 1.0, 50, 1e-6),
        (1e-6, 1.0, 1_000_000, 1e-9),
        (1e-9, 1.0, 100, 1e-10),
        (0.01, 1000.0, 10_000, 1e-6),
        (0.01, 0.05, 10, 1e-6),
        (0.01, 0.1, 100, 1e-6),
        (1e-3, 0.2, 10_000, 1e-7),
        (0.5, 0.3, 10, 1e-6),
        (0.999999, 1.0, 10, 1e-6),
        (0.01, 1.0, 1000, 0.1),
        (1e-5, 1.0, 10000, 1e-8),
        (1e-6, 0.3, 1_000_000, 1e-12),
    ] {
        for opinion in explain(&sampled(q, s, t), Delta::new(delta).unwrap(), Adjacency::AddRemove).unwrap() {
            let started = std::time::Instant::now();
            let _ = account(&sampled(q, s, t), Delta::new(delta).unwrap(), Adjacency::AddRemove);
            println!(
                "{q} {s} {t} {delta:e}: {:?} {:?} {} {:?}",
                opinion.engine,
                opinion.certificate.map(|c| (
                    c.epsilon_lower.get(),
                    c.epsilon_upper.get(),
                    c.epsilon_upper.get() - c.epsilon_lower.get()
                )),
                opinion.chosen,
                started.elapsed()
            );
        }
    }
}

#[test]
fn thousand_only() {
    let thousand: Vec<_> =
        (0..1000).map(|i| sampled(0.001 + 0.009 * f64::from(i) / 999.0, 2.0 - 1.2 * f64::from(i) / 999.0, 1)).collect();
    let event = Event::Composed(thousand);
    for _ in 0..10 {
        let started = std::time::Instant::now();
        account(&event, Delta::new(1e-6).unwrap(), Adjacency::AddRemove).unwrap();
        println!("{:?}", started.elapsed());
    }
}
