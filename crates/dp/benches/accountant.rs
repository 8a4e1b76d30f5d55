//! How long an answer about privacy takes: epsilons from the typical to the worst, calibrations, many phases, a curve.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use privet_dp::{
    Adjacency, Calibrate, Delta, Epsilon, Event, NoiseMultiplier, SamplingRate, account, calibrate, curve,
};

type Failure = Box<dyn std::error::Error>;

fn poisson(sampling_rate: f64, noise_multiplier: f64, count: u64) -> Result<Event, Failure> {
    let event = Event::PoissonSampledGaussian {
        sampling_rate: SamplingRate::from_f64(sampling_rate)?,
        noise_multiplier: NoiseMultiplier::new(noise_multiplier)?,
    };
    Ok(Event::Repeated { event: Box::new(event), count })
}

/// (name, event, delta, adjacency): what people ask, then where each engine works hardest.
fn questions() -> Result<Vec<(&'static str, Event, f64, Adjacency)>, Failure> {
    let noise = NoiseMultiplier::new;
    let thousand: Result<Vec<Event>, Failure> =
        (0..1000).map(|i| f64::from(i) / 999.0).map(|t| poisson(0.001 + 0.009 * t, 2.0 - 1.2 * t, 1)).collect();
    let gaussians =
        Event::Repeated { event: Box::new(Event::Gaussian { noise_multiplier: noise(10.0)? }), count: 1000 };
    let without = Event::SampledWithoutReplacement { noise_multiplier: noise(2.0)?, dataset_size: 100, batch_size: 10 };
    let truncated = Event::TruncatedPoissonSampledGaussian {
        sampling_rate: SamplingRate::from_f64(0.01)?,
        noise_multiplier: noise(1.0)?,
        dataset_size: 60_000,
        batch_size_max: 700,
    };
    let group = Event::PoissonSampledGroup {
        sampling_rate: SamplingRate::from_f64(0.01)?,
        noise_multiplier: noise(5.0)?,
        group_size: 10,
    };
    let repeated = |event, count| Event::Repeated { event: Box::new(event), count };
    Ok(vec![
        ("typical: q .01, noise 1, 1e3 steps", poisson(0.01, 1.0, 1000)?, 1e-6, Adjacency::AddRemove),
        ("typical: q .01, noise 1, 1e6 steps", poisson(0.01, 1.0, 1_000_000)?, 1e-6, Adjacency::AddRemove),
        ("typical: q .001, noise .6, 1e5 steps", poisson(0.001, 0.6, 100_000)?, 1e-8, Adjacency::AddRemove),
        ("closed form: 1000 Gaussians", gaussians, 1e-12, Adjacency::AddRemove),
        ("delta 1e-30", poisson(0.01, 1.0, 1000)?, 1e-30, Adjacency::AddRemove),
        ("few steps: q .01, noise .3, 100 steps", poisson(0.01, 0.3, 100)?, 1e-6, Adjacency::AddRemove),
        ("few steps: q .5, noise .3, 10 steps", poisson(0.5, 0.3, 10)?, 1e-6, Adjacency::AddRemove),
        ("rare hits: q 1e-5, noise .4, 1e6 steps", poisson(1e-5, 0.4, 1_000_000)?, 1e-10, Adjacency::AddRemove),
        ("rare hits: q 1e-6, noise .3, 1e6 steps", poisson(1e-6, 0.3, 1_000_000)?, 1e-12, Adjacency::AddRemove),
        ("rare hits: q 1e-5, noise 1, 1e4 steps", poisson(1e-5, 1.0, 10_000)?, 1e-8, Adjacency::AddRemove),
        ("little noise: q .01, noise .05, 10 steps", poisson(0.01, 0.05, 10)?, 1e-6, Adjacency::AddRemove),
        ("much noise: q .01, noise 1000, 1e4 steps", poisson(0.01, 1000.0, 10_000)?, 1e-6, Adjacency::AddRemove),
        ("1e8 steps: q .01, noise 4", poisson(0.01, 4.0, 100_000_000)?, 1e-6, Adjacency::AddRemove),
        ("replace one: q .01, noise .5, 1e3 steps", poisson(0.01, 0.5, 1000)?, 1e-6, Adjacency::ReplaceOne),
        ("group of 10: q .01, noise 5, 1e3 steps", repeated(group, 1000), 1e-6, Adjacency::AddRemove),
        ("truncated Poisson: 700 of 60000, 1e3 steps", repeated(truncated, 1000), 1e-6, Adjacency::AddRemove),
        ("without replacement: 10 of 100, 10 steps", repeated(without, 10), 1e-5, Adjacency::ReplaceOne),
        (
            "random allocation: 100 batches, 10 epochs",
            repeated(Event::RandomAllocation { steps: 100, noise_multiplier: noise(1.0)? }, 10),
            1e-6,
            Adjacency::AddRemove,
        ),
        ("1000 distinct phases", Event::Composed(thousand?), 1e-6, Adjacency::AddRemove),
    ])
}

fn benchmark(criterion: &mut Criterion) -> Result<(), Failure> {
    let mut group = criterion.benchmark_group("epsilon");
    group.sample_size(10);
    for (name, event, delta, adjacency) in questions()? {
        let delta = Delta::new(delta)?;
        // What an engine does not answer is no time to compare.
        account(&event, delta, adjacency)?;
        group.bench_function(name, |bencher| bencher.iter(|| account(black_box(&event), delta, adjacency)));
    }
    group.finish();

    let mut group = criterion.benchmark_group("noise multiplier");
    group.sample_size(10);
    for (epsilon, delta, rate, steps) in [(3.0, 1e-5, 0.01, 1000), (8.0, 1e-7, 0.001, 100_000), (1.0, 1e-6, 0.1, 512)] {
        let (epsilon, delta, sampling_rate) =
            (Epsilon::new(epsilon)?, Delta::new(delta)?, SamplingRate::from_f64(rate)?);
        let target = Calibrate { epsilon, delta, sampling_rate, steps, adjacency: Adjacency::AddRemove };
        let name = format!("for epsilon {}, q {rate}, {steps} steps", epsilon.get());
        group.bench_function(name, |bencher| bencher.iter(|| calibrate(black_box(&target))));
    }
    group.finish();

    let event = poisson(0.01, 1.0, 1000)?;
    let epsilons: Vec<Epsilon> = (1..=200).map(|i| Epsilon::new(f64::from(i) * 0.02)).collect::<Result<_, _>>()?;
    criterion.bench_function("delta at 200 epsilons", |bencher| {
        bencher.iter(|| curve(black_box(&event), &epsilons, Adjacency::AddRemove));
    });
    Ok(())
}

fn benchmarks(criterion: &mut Criterion) {
    let done = benchmark(criterion);
    assert!(done.is_ok(), "{done:?}");
}

criterion_group!(benches, benchmarks);
criterion_main!(benches);
