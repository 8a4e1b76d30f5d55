//! How long an answer about privacy takes: one epsilon, and one calibration, which asks for many.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use privet_dp::{Adjacency, Calibrate, Delta, Epsilon, Event, NoiseMultiplier, SamplingRate, account, calibrate};

fn benchmark(criterion: &mut Criterion) {
    let (Ok(rate), Ok(delta)) = (SamplingRate::from_f64(0.01), Delta::new(1e-6)) else { return };
    let (Ok(noise), Ok(epsilon)) = (NoiseMultiplier::new(1.0), Epsilon::new(2.0)) else { return };
    let step = Event::PoissonSampledGaussian { sampling_rate: rate, noise_multiplier: noise };
    let run = Event::Repeated { event: Box::new(step), count: 1000 };
    criterion.bench_function("epsilon of 1000 steps", |bencher| {
        bencher.iter(|| account(black_box(&run), delta, Adjacency::AddRemove));
    });
    let target = Calibrate { epsilon, delta, sampling_rate: rate, steps: 1000, adjacency: Adjacency::AddRemove };
    criterion.bench_function("noise for epsilon 2", |bencher| bencher.iter(|| calibrate(black_box(&target))));
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
