//! The sampler against a twin that looks up one unit at a time, and against the binomial law.
//!
//! Every statistical test is made at ALPHA = 1e-6 from an exact or normal law, and is shown to reject the samplers
//! that are commonly mistaken for this one: a shuffled epoch, batches of fixed size, a rate 5 % too high.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand::seq::SliceRandom;

use super::*;
use crate::keys::RunKeys;

const SEED: u64 = 20_260_101;
const ALPHA: f64 = 1e-6;
/// z with P(|Z| > z) = 1e-6.
const CRITICAL: f64 = 4.892;
/// z with P(|Z| > z) = 1e-6 / 1000: for the worst of a thousand.
const CRITICAL_OF_1000: f64 = 6.110;
const UNITS: u32 = 1000;
const DRAWS: u64 = 4000;
const RATE: f64 = 0.05;

fn sampler(seed: u64, rate: f64) -> PoissonSampler {
    PoissonSampler::new(RunKeys::for_replay(seed).sampling, SamplingRate::from_f64(rate).unwrap())
}

fn poisson(rate: f64) -> Vec<Vec<u32>> {
    let sampler = sampler(SEED, rate);
    (1..=DRAWS).map(|step| sampler.draw(step, 1, UNITS)).collect()
}

/// Batches of `UNITS * RATE` from an epoch in random order, as most training code draws them.
fn shuffled() -> Vec<Vec<u32>> {
    let mut words = keystream(&[1; 32], 0, 0);
    let mut batches = Vec::new();
    while batches.len() < DRAWS as usize {
        let mut units: Vec<u32> = (0..UNITS).collect();
        units.shuffle(&mut words);
        batches.extend(units.chunks((f64::from(UNITS) * RATE) as usize).map(<[u32]>::to_vec));
    }
    batches
}

/// Fresh batches of exactly `UNITS * RATE` units, without replacement.
fn fixed_size() -> Vec<Vec<u32>> {
    let mut words = keystream(&[2; 32], 0, 0);
    let mut units: Vec<u32> = (0..UNITS).collect();
    let size = (f64::from(UNITS) * RATE) as usize;
    (0..DRAWS).map(|_| units.partial_shuffle(&mut words, size).0.to_vec()).collect()
}

/// How far the number of all inclusions lies from its mean, in standard deviations.
fn frequency(batches: &[Vec<u32>]) -> f64 {
    let trials = batches.len() as f64 * f64::from(UNITS);
    let hits = batches.iter().map(Vec::len).sum::<usize>() as f64;
    (hits - trials * RATE) / (trials * RATE * (1.0 - RATE)).sqrt()
}

/// How far the variance of the batch size lies from N·q·(1−q), in standard deviations of a variance estimate from
/// nearly normal values with known mean.
fn size_variance(batches: &[Vec<u32>]) -> f64 {
    let (n, mean) = (batches.len() as f64, f64::from(UNITS) * RATE);
    let square = batches.iter().map(|batch| (batch.len() as f64 - mean).powi(2)).sum::<f64>() / n;
    (square / (mean * (1.0 - RATE)) - 1.0) * (n / 2.0).sqrt()
}

/// P(χ² with an even number of degrees of freedom > x), exactly: e^(−x/2) Σ (x/2)^j / j!.
fn chi_square_tail(x: f64, freedom: usize) -> f64 {
    assert!(freedom.is_multiple_of(2));
    let half = x / 2.0;
    let mut term = (-half).exp();
    let mut sum = 0.0;
    for j in 0..freedom / 2 {
        sum += term;
        term *= half / (j + 1) as f64;
    }
    sum
}

/// p-value of the batch sizes against Binomial(UNITS, RATE): Pearson's test over the 31 sizes 36..=66 in the middle,
/// ends merged, 30 degrees of freedom.
fn size_distribution(batches: &[Vec<u32>]) -> f64 {
    let (low, high) = (36_usize, 66_usize);
    let mut observed = vec![0.0; high - low + 1];
    for batch in batches {
        observed[batch.len().clamp(low, high) - low] += 1.0;
    }
    let mut expected = vec![0.0; high - low + 1];
    let mut probability = (1.0 - RATE).powi(UNITS as i32);
    for size in 0..=UNITS as usize {
        expected[size.clamp(low, high) - low] += probability * batches.len() as f64;
        probability *= f64::from(UNITS - size as u32) / (size + 1) as f64 * RATE / (1.0 - RATE);
    }
    assert!(expected.iter().all(|&count| count > 5.0), "{expected:?}");
    let statistic: f64 = observed.iter().zip(&expected).map(|(o, e): (&f64, &f64)| (o - e).powi(2) / e).sum();
    chi_square_tail(statistic, expected.len() - 1)
}

/// p-value of each unit having the same rate: Σ (count − Tq)² / (Tq(1−q)) over 1000 units, χ² with 1000 degrees.
fn units_alike(batches: &[Vec<u32>]) -> f64 {
    let mut counts = vec![0_u32; UNITS as usize];
    for &unit in batches.iter().flatten() {
        counts[unit as usize] += 1;
    }
    let mean = batches.len() as f64 * RATE;
    let statistic = counts.iter().map(|&count| (f64::from(count) - mean).powi(2)).sum::<f64>() / (mean * (1.0 - RATE));
    chi_square_tail(statistic, counts.len())
}

/// The worst of 1000 standardised covariances between the inclusion of unit i in a draw and of unit i + `shift`
/// `lag` draws later.
fn worst_covariance(batches: &[Vec<u32>], shift: u32, lag: usize) -> f64 {
    let membership: Vec<Vec<bool>> = batches
        .iter()
        .map(|batch| {
            let mut member = vec![false; UNITS as usize];
            for &unit in batch {
                member[unit as usize] = true;
            }
            member
        })
        .collect();
    let scale = RATE * (1.0 - RATE) * ((batches.len() - lag) as f64).sqrt();
    let coin = |joined: bool| f64::from(u8::from(joined)) - RATE;
    let covariance = |unit: u32| {
        let other = ((unit + shift) % UNITS) as usize;
        let pairs = membership.iter().zip(&membership[lag..]);
        pairs.map(|(now, later)| coin(now[unit as usize]) * coin(later[other])).sum::<f64>() / scale
    };
    (0..UNITS).map(|unit| covariance(unit).abs()).fold(0.0, f64::max)
}

/// Sum of the same covariance over all units, which a small negative covariance of every unit moves.
fn mean_covariance(batches: &[Vec<u32>], lag: usize) -> f64 {
    let pairs: Vec<_> = batches.iter().zip(&batches[lag..]).collect();
    let n = f64::from(UNITS);
    let product = |(now, later): &(&Vec<u32>, &Vec<u32>)| {
        let mut member = vec![false; UNITS as usize];
        for &unit in *now {
            member[unit as usize] = true;
        }
        let both = later.iter().filter(|&&unit| member[unit as usize]).count() as f64;
        both - RATE * (now.len() + later.len()) as f64 + n * RATE * RATE
    };
    pairs.iter().map(product).sum::<f64>() / (RATE * (1.0 - RATE) * (n * pairs.len() as f64).sqrt())
}

/// 4e6 coins.
#[test]
fn inclusion_is_independent_with_the_rate_asked_for() {
    let batches = poisson(RATE);
    assert!(frequency(&batches).abs() < CRITICAL, "{}", frequency(&batches));
    assert!(size_variance(&batches).abs() < CRITICAL, "{}", size_variance(&batches));
    assert!(size_distribution(&batches) > ALPHA, "{}", size_distribution(&batches));
    assert!(units_alike(&batches) > ALPHA, "{}", units_alike(&batches));
    for (shift, lag) in [(1, 0), (7, 0), (500, 0), (0, 1), (0, 2), (1, 1)] {
        let worst = worst_covariance(&batches, shift, lag);
        assert!(worst < CRITICAL_OF_1000 * 1.2, "shift {shift}, lag {lag}: {worst}");
    }
    for lag in 1..=20 {
        assert!(mean_covariance(&batches, lag).abs() < CRITICAL + 1.0, "lag {lag}");
    }
}

#[test]
fn other_samplers_are_rejected() {
    for (what, batches) in [("shuffled", shuffled()), ("fixed size", fixed_size())] {
        assert!(size_variance(&batches) < -CRITICAL, "{what}");
        assert!(size_distribution(&batches) < ALPHA, "{what}");
    }
    assert!(mean_covariance(&shuffled(), 1) < -CRITICAL - 1.0);
    let high = poisson(1.05 * RATE);
    assert!(frequency(&high) > CRITICAL, "{}", frequency(&high));
    // The same draw every other step, with the right frequency and the right sizes.
    let mut repeated = poisson(RATE);
    for i in (1..repeated.len()).step_by(2) {
        repeated[i] = repeated[i - 1].clone();
    }
    assert!(worst_covariance(&repeated, 0, 1) > CRITICAL_OF_1000 * 1.2);
}

#[test]
fn the_tests_themselves_know_the_chi_square_law() {
    assert!((chi_square_tail(2.0 * 10_f64.ln(), 2) - 0.1).abs() < 1e-12);
    assert!((chi_square_tail(18.307_038, 10) - 0.05).abs() < 1e-7);
}

#[test]
fn the_ends_of_the_rate_are_nobody_and_everybody() {
    assert_eq!(sampler(SEED, 0.0).draw(1, 1, 100), Vec::<u32>::new());
    assert_eq!(sampler(SEED, 1.0).draw(1, 1, 100), (0..100).collect::<Vec<_>>());
    assert_eq!(sampler(SEED, 1.0).draw(1, 1, 0), Vec::<u32>::new());
}

/// At rate 0.01 of 100 units a third of the batches is empty (0.99¹⁰⁰ = 0.366); 1,000 draws, ± 4.9 sd = ± 75.
#[test]
fn empty_batches_happen() {
    let sampler = sampler(SEED, 0.01);
    let empty = (0..1000).filter(|&step| sampler.draw(step, 1, 100).is_empty()).count();
    assert!((291..=441).contains(&empty), "{empty}");
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn agrees_with_one_unit_at_a_time(seed: u64, step: u64, attempt: u32, units in 0..500_u32, rate in 0.0..=1.0_f64) {
        let sampler = sampler(seed, rate);
        let key = sampler.key.step(step, attempt);
        let joins = |unit: &u32| {
            let mut words = keystream(&key, 0, u64::from(unit / 8));
            let word = (0..=unit % 8).map(|_| words.next_u64()).last().unwrap();
            u128::from(word) < sampler.rate.threshold()
        };
        let twin: Vec<u32> = (0..units).filter(joins).collect();
        prop_assert_eq!(sampler.draw(step, attempt, units), twin);
    }

    /// Neighbouring data sets, which differ in the last unit, draw the same others.
    #[test]
    fn one_more_unit_changes_nobody_else(seed: u64, step: u64, attempt: u32, units in 0..2000_u32) {
        let sampler = sampler(seed, 0.3);
        let mut larger = sampler.draw(step, attempt, units + 1);
        larger.retain(|&unit| unit != units);
        prop_assert_eq!(sampler.draw(step, attempt, units), larger);
    }

    #[test]
    fn every_attempt_is_a_new_draw(seed: u64, step in 0..u64::MAX, attempt in 0..u32::MAX) {
        let sampler = sampler(seed, 0.5);
        let draw = sampler.draw(step, attempt, 200);
        prop_assert_ne!(&draw, &sampler.draw(step, attempt + 1, 200));
        prop_assert_ne!(&draw, &sampler.draw(step + 1, attempt, 200));
    }
}
