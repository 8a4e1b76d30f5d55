//! The noise against a dense matrix, the sampler against one that writes the groups down, and both together on neighbours.

use std::collections::HashMap;

use privet_dp::{Adjacency, Event, NoiseMultiplier};

use super::*;
use crate::clip::{ClippedSum, Noise};
use crate::keys::RunKeys;
use crate::noise::add_gaussian;
use crate::sampler::PoissonSampler;
use crate::selftest::statistics::{STDDEV, correlation, ks, variance};

const SEED: u64 = 20_261_124;

fn event(bands: u64) -> Event {
    Event::BandedMatrixFactorization {
        steps: 1,
        bands,
        sampling_rate: Some(SamplingRate::from_f64(0.2).unwrap()),
        noise_multiplier: NoiseMultiplier::new(1.0).unwrap(),
    }
}

/// What a step releases of a sum.
fn released(segment: &mut Segment, mut sum: Vec<Vec<f64>>, stddev: f64, key: &StepKey) -> Vec<Vec<f64>> {
    segment.add(&mut sum, stddev, key);
    sum
}

/// What `steps` steps add to zeros, of tensors of these lengths.
fn noises(segment: &mut Segment, steps: u64, lengths: &[usize], stddev: f64, seed: u64) -> Vec<Vec<Vec<f64>>> {
    let keys = RunKeys::for_replay(seed);
    let mut all = Vec::new();
    for step in 1..=steps {
        let zeros = lengths.iter().map(|length| vec![0.0; *length]).collect();
        let released = released(segment, zeros, stddev, &keys.noise.step(step, 1));
        if segment.bands() > 1 {
            // What is remembered is what was released, before its rounding.
            let last = segment.past.iter().map(|past| past[0].to_vec()).collect::<Vec<_>>();
            let pairs = last.iter().flatten().zip(released.iter().flatten());
            assert!(pairs.into_iter().all(|(kept, released)| f64::from(*kept as f32).to_bits() == released.to_bits()));
            all.push(last);
        } else {
            all.push(released);
        }
    }
    all
}

/// C, as a whole matrix, applied to what was added.
fn applied(bands: u64, added: &[Vec<Vec<f64>>]) -> Vec<Vec<Vec<f64>>> {
    let c = coefficients(bands);
    let row = |t: usize| {
        let mut row: Vec<Vec<f64>> = added[t].iter().map(|tensor| vec![0.0; tensor.len()]).collect();
        for column in (0..=t).filter(|column| t - column < c.len()) {
            let pairs = row.iter_mut().flatten().zip(added[column].iter().flatten());
            pairs.for_each(|(row, y)| *row += c[t - column] * y);
        }
        row
    };
    (0..added.len()).map(row).collect()
}

/// The twin makes z by the independent path; lengths beside the chunks, more steps than bands and fewer.
#[test]
fn the_strategy_matrix_gives_the_fresh_noise_back() {
    let lengths = [3, CHUNK + 5, 2 * CHUNK, BLOCK + 1];
    for (bands, steps) in [(1, 4), (2, 9), (5, 3), (5, 17), (16, 40)] {
        let added = noises(&mut Segment::new(bands, 4, 1), steps, &lengths, 3.0, SEED);
        let keys = RunKeys::for_replay(SEED);
        for (t, row) in applied(bands, &added).iter().enumerate() {
            for (index, found) in row.iter().enumerate() {
                let key = keys.noise.step(t as u64 + 1, 1);
                let twin = add_gaussian(&vec![0.0; lengths[index]], 3.0, &key, index as u32, 0);
                let near = |(found, twin): (&f64, &f32)| {
                    (found - f64::from(*twin)).abs() <= 1e-6 * f64::from(twin.abs()) + 1e-12
                };
                assert!(found.iter().zip(&twin).all(near), "{bands} bands, step {t}, tensor {index}");
            }
        }
    }
}

#[test]
fn the_fresh_noise_is_the_independent_noise_to_the_bit_and_one_band_adds_it() {
    let (keys, n) = (RunKeys::for_replay(SEED), 2 * CHUNK + 77);
    let sum: Vec<f64> = (0..n).map(|i| (i as f64).sin()).collect();
    let mut segment = Segment::new(1, 1, 1);
    for step in 1..4 {
        let key = keys.noise.step(step, 1);
        let expected = add_gaussian(&sum, 0.7, &key, 0, 0);
        let found = released(&mut segment, vec![sum.clone()], 0.7, &key);
        assert!(found[0].iter().zip(&expected).all(|(x, y)| (*x as f32).to_bits() == y.to_bits()), "step {step}");
        assert!((segment.spread() - 1.0).abs() < 1e-15 || step > 1);
    }
    for stddev in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let mut segment = Segment::new(3, 1, 1);
        for _ in 0..2 {
            let values = released(&mut segment, vec![vec![0.0; 5]], stddev, &keys.noise.step(1, 1));
            assert!(values[0].iter().all(|value| value.is_nan()), "{stddev}");
        }
    }
}

/// 4e5 values a step, each statistic at 1e-6.
#[test]
fn every_step_has_the_variance_that_it_says() {
    let (n, bands) = (400_000, 4);
    let mut segment = Segment::new(bands, 1, 1);
    let keys = RunKeys::for_replay(SEED);
    let inverse = privet_dp::banded::inverse(&coefficients(bands), 9);
    let mut square = 0.0;
    for (step, d) in (1..10).zip(inverse) {
        square += d * d;
        let values = released(&mut segment, vec![vec![0.0; n]], 2.0, &keys.noise.step(step, 1)).remove(0);
        assert!((segment.spread() - square.sqrt()).abs() < 1e-12);
        let scale = STDDEV / (2.0 * segment.spread());
        let scaled: Vec<f32> = values.iter().map(|value| (value * scale) as f32).collect();
        assert!(!variance(&scaled).rejected() && !ks(&scaled).rejected(), "step {step}");
    }
    assert!(square > 1.3, "steps are correlated, so each has more noise than fresh noise");
}

/// Two processes of a run share nothing; two steps of one do, and C takes it away.
#[test]
fn segments_are_independent_and_steps_are_not() {
    let (n, bands) = (200_000, 4);
    // The statistic is of samples of one standard deviation.
    let flat = |added: &[Vec<Vec<f64>>], t: usize| -> Vec<f32> {
        let square = added[t][0].iter().map(|y| y * y).sum::<f64>() / n as f64;
        added[t][0].iter().map(|y| (y * STDDEV / square.sqrt()) as f32).collect()
    };
    let one = noises(&mut Segment::new(bands, 1, 1), 6, &[n], 1.0, SEED);
    let two = noises(&mut Segment::new(bands, 1, 2), 6, &[n], 1.0, SEED + 1);
    for t in 0..6 {
        for s in 0..6 {
            assert!(!correlation(&flat(&one, t), &flat(&two, s), 36).rejected(), "{t} {s}");
        }
    }
    assert!(correlation(&flat(&one, 3), &flat(&one, 4), 1).rejected());
    let z = applied(bands, &one);
    for t in 0..6 {
        for s in 0..t {
            assert!(!correlation(&flat(&z, t), &flat(&z, s), 15).rejected(), "{t} {s}");
        }
    }
}

#[test]
fn only_a_step_of_this_segment_gets_its_noise() {
    let keys = RunKeys::for_replay(SEED);
    let key = || keys.noise.step(1, 1);
    let mut segment = Segment::new(4, 1, 3);
    assert!(Noise::new(key(), &event(4), Adjacency::AddRemove).is_none(), "not without its past");
    assert!(Noise::banded(key(), &event(5), Adjacency::AddRemove, &mut segment).is_none());
    assert!(Noise::banded(key(), &event(4).of_steps(2), Adjacency::AddRemove, &mut segment).is_none());
    let noise = NoiseMultiplier::new(1.0).unwrap();
    assert!(
        Noise::banded(key(), &Event::Gaussian { noise_multiplier: noise }, Adjacency::AddRemove, &mut segment)
            .is_none()
    );
    let noise = Noise::banded(key(), &event(4), Adjacency::ReplaceOne, &mut segment).unwrap();
    drop(ClippedSum::zeros([5].into_iter(), 0.5).privatize(noise));
    // The first step's noise is larger than fresh noise by 1 / c_0, and made for twice the bound.
    assert_eq!(segment.position(), 1);
    assert!((segment.spread() * coefficients(4)[0] - 1.0).abs() < 1e-12);
    let twin = add_gaussian(&[0.0; 5], 2.0 * 0.5, &key(), 0, 0);
    let kept = segment.past[0][0].iter().zip(&twin);
    assert!(kept.into_iter().all(|(y, z)| (y * coefficients(4)[0] - f64::from(*z)).abs() < 1e-6));
}

// ---- The sampler.

fn sampler(seed: u64, rate: f64, bands: u64) -> CyclicSampler {
    CyclicSampler::new(RunKeys::for_replay(seed).sampling, SamplingRate::from_f64(rate).unwrap(), bands)
}

/// Writes the groups down, and flips the coins of one group's members.
fn twin(seed: u64, rate: f64, bands: u64, steps: u64, units: u32) -> Vec<Vec<u32>> {
    let keys = RunKeys::for_replay(seed);
    let mut groups: HashMap<u64, Vec<u32>> = HashMap::new();
    for unit in 0..units {
        let mut words = keystream(&keys.sampling.groups(), 0, u64::from(unit / 8));
        let word = (0..=unit % 8).map(|_| words.next_u64()).last().unwrap();
        let group = (0..bands).rfind(|group| u128::from(word) * u128::from(bands) >= u128::from(*group) << 64).unwrap();
        groups.entry(group).or_default().push(unit);
    }
    let coins = PoissonSampler::new(keys.sampling, SamplingRate::from_f64(rate).unwrap());
    let draw = |position: u64| {
        let drawn = coins.draw(position + 1, 1, units);
        let members = groups.get(&(position % bands)).cloned().unwrap_or_default();
        members.into_iter().filter(|unit| drawn.contains(unit)).collect()
    };
    (0..steps).map(draw).collect()
}

#[test]
fn agrees_with_a_sampler_that_writes_the_groups_down() {
    for (bands, units, rate) in [(1, 50, 0.3), (2, 33, 1.0), (7, 200, 0.5), (64, 300, 0.9), (5, 0, 0.5)] {
        for seed in 0..3 {
            let sampler = sampler(seed, rate, bands);
            let found: Vec<Vec<u32>> = (0..20).map(|position| sampler.draw(position, position + 1, 1, units)).collect();
            assert_eq!(found, twin(seed, rate, bands, 20, units), "{bands} bands, {units} units");
            // One unit more changes nobody else.
            let more: Vec<Vec<u32>> = (0..20)
                .map(|position| sampler.draw(position, position + 1, 1, units + 1))
                .map(|mut batch| {
                    batch.retain(|unit| *unit != units);
                    batch
                })
                .collect();
            assert_eq!(found, more);
        }
    }
}

/// 2000 units over 4000 steps: the rate of all, of groups and of pairs, from normal laws at 1e-6 or less.
#[test]
fn units_take_turns_and_join_independently() {
    let (bands, units, rate, steps) = (8, 2000_u32, 0.4, 4000_u64);
    let sampler = sampler(SEED, rate, bands);
    let mut turns: HashMap<u32, u64> = HashMap::new();
    let mut counts = vec![0_u64; units as usize];
    let mut pairs = 0.0;
    let mut before = vec![false; units as usize];
    for position in 0..steps {
        let batch = sampler.draw(position, position + 1, 1, units);
        for unit in &batch {
            counts[*unit as usize] += 1;
            assert_eq!(
                *turns.entry(*unit).or_insert(position % bands),
                position % bands,
                "no unit twice within the bands"
            );
        }
        if position % bands == 0 {
            let member: Vec<bool> = (0..units).map(|unit| batch.binary_search(&unit).is_ok()).collect();
            if position > 0 {
                let of_group = (0..units as usize).filter(|unit| turns.get(&(*unit as u32)) == Some(&0));
                let coin = |joined: bool| f64::from(u8::from(joined)) - rate;
                pairs += of_group.map(|unit| coin(member[unit]) * coin(before[unit])).sum::<f64>();
            }
            before = member;
        }
    }
    let each = (steps / bands) as f64;
    // Every unit joins in its turns at the rate: the worst of 2000.
    let off = |count: &u64| (*count as f64 - each * rate).abs() / (each * rate * (1.0 - rate)).sqrt();
    assert!(counts.iter().map(off).fold(0.0, f64::max) < 6.2);
    let sizes: Vec<f64> =
        (0..bands).map(|group| turns.values().filter(|turn| **turn == group).count() as f64).collect();
    let mean = f64::from(units) / bands as f64;
    assert!(sizes.iter().all(|size| (size - mean).abs() < 6.0 * mean.sqrt()), "{sizes:?}");
    // A coin of one turn says nothing about the next.
    assert!(pairs.abs() < 6.0 * rate * (1.0 - rate) * (each * sizes[0]).sqrt(), "{pairs}");
    // Another process has other groups.
    let first = |seed: u64| super::tests::sampler(seed, 1.0, bands).draw(0, 1, 1, units);
    assert!(first(1).iter().filter(|unit| first(2).contains(unit)).count() < 90, "32 expected in common");
}

/// Neighbours: the same run with one unit more, whose gradients are as long as they may be and point anywhere. In C x they
/// differ by the bound for each turn in which it joined, in rows of its own.
#[test]
fn neighbours_differ_by_the_bound_in_each_turn() {
    let (bands, steps, width, bound) = (6, 40_u64, 3, 0.5);
    let c = coefficients(bands);
    for seed in 0..20 {
        let sampler = sampler(seed, 0.6, bands);
        let unit = 40;
        let mut rng = keystream(&[7; 32], seed, 0);
        let mut rows = vec![vec![0.0; width]; steps as usize];
        let mut joined = Vec::new();
        for position in 0..steps {
            let with = sampler.draw(position, position + 1, 1, unit + 1);
            let without = sampler.draw(position, position + 1, 1, unit);
            assert_eq!(with.iter().filter(|other| **other != unit).copied().collect::<Vec<_>>(), without);
            if with.contains(&unit) {
                joined.push(position as usize);
                let direction: Vec<f64> = (0..width).map(|_| rng.next_u64() as f64 / 2_f64.powi(63) - 1.0).collect();
                let norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
                for (k, c) in c.iter().enumerate().filter(|(k, _)| position as usize + k < steps as usize) {
                    let row: &mut Vec<f64> = &mut rows[position as usize + k];
                    assert!(row.iter().all(|value| *value == 0.0), "a row of an earlier turn");
                    row.iter_mut().zip(&direction).for_each(|(row, x)| *row += c * bound * x / norm);
                }
            }
        }
        assert!(joined.len() as u64 <= steps.div_ceil(bands));
        let square: f64 = rows.iter().flatten().map(|value| value * value).sum();
        assert!(square <= joined.len() as f64 * bound * bound * (1.0 + 1e-12), "{square}");
    }
}
