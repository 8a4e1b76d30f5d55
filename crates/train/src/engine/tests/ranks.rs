//! Several devices as one: how a step is divided among ranks, rehearsed in one process.
//!
//! ```text
//! every rank   the same two keys, sent by rank 0, so the same coins for all units
//! rank r       keeps the drawn units of its own shard, clips and sums them      (nothing drawn: zeros, and goes on)
//! all          add their sums up; rank r gets its own stretch of the elements
//! rank r       adds the noise of that stretch: the stream is addressed by element, so it is one rank's noise, cut
//! all          gather the stretches; rank 0 alone has written the ledger before anybody applies them
//! ```
//!
//! What is common elsewhere and wrong is rejected by the same statistics: coins from one seed for the places within each shard
//! (inclusion is then the same in all shards), the whole noise on every rank (N times the variance), and a share of σ/N on each
//! (a share of the variance).

use std::ops::Range;

use privet_dp::SamplingRate;

use super::*;
use crate::keys::RunKeys;
use crate::noise::add_gaussian;

const RANKS: [usize; 4] = [1, 2, 3, 8];

/// The part of `0..length` that is a rank's own; the parts of all ranks cover it once.
fn share(length: usize, rank: usize, ranks: usize) -> Range<usize> {
    length * rank / ranks..length * (rank + 1) / ranks
}

/// What rank 0 sends to all.
fn keys() -> RunKeys {
    RunKeys::for_replay(3)
}

/// The drawn units that a rank holds.
fn drawn(rate: f64, step: u64, units: usize, (rank, ranks): (usize, usize)) -> Vec<u32> {
    let sampler = PoissonSampler::new(keys().sampling, SamplingRate::from_f64(rate).unwrap());
    let own = share(units, rank, ranks);
    sampler.draw(step, 1, units as u32).into_iter().filter(|unit| own.contains(&(*unit as usize))).collect()
}

/// One step of `ranks` ranks: what all have after it, and how many units each one had.
fn step_of(ranks: usize, rate: f64, step: u64) -> (Vec<Vec<f32>>, Vec<usize>) {
    let (engine, lengths) = engine(&lora(), 2, 1);
    let all = units(21);
    let (bound, stddev) = (flat(0.5), 0.4);
    let mut reduced: Vec<Vec<f64>> = lengths.iter().map(|length| vec![0.0; *length]).collect();
    let mut held = Vec::new();
    for rank in 0..ranks {
        let own: Vec<Unit> =
            drawn(rate, step, all.len(), (rank, ranks)).iter().map(|unit| all[*unit as usize].clone()).collect();
        let sum = engine.clipped_sum(&lengths, &own, bound);
        for (total, part) in reduced.iter_mut().flatten().zip(sum.values().iter().flatten()) {
            *total += part;
        }
        held.push(own.len());
    }
    let key = keys().noise.step(step, 1);
    let gathered = reduced.iter().enumerate().map(|(tensor, values)| {
        let stretch = |rank| {
            let own = share(values.len(), rank, ranks);
            add_gaussian(&values[own.clone()], stddev, &key, tensor as u32, own.start as u64)
        };
        (0..ranks).flat_map(stretch).collect()
    });
    (gathered.collect(), held)
}

#[test]
fn several_ranks_release_what_one_does() {
    // Of some steps a rank has no units, of one nobody has; each is released all the same.
    let (mut idle, mut empty) = (false, false);
    for (rate, step) in [(0.5, 1), (0.2, 2), (0.05, 3), (1e-9, 4)] {
        let (one, _) = step_of(1, rate, step);
        for ranks in RANKS {
            let (several, held) = step_of(ranks, rate, step);
            idle |= held.contains(&0) && held.iter().any(|units| *units > 0);
            empty |= held.iter().all(|units| *units == 0);
            for (one, several) in one.iter().flatten().zip(several.iter().flatten()) {
                // Sums of other parts round otherwise; noise is the same to the bit.
                assert!((one - several).abs() <= 1e-6 * one.abs().max(1.0), "{ranks} ranks: {one} {several}");
            }
            if held.iter().all(|units| *units == 0) {
                assert_eq!(one, several, "noise alone, from {ranks} ranks");
            }
        }
    }
    assert!(idle && empty, "the cases that go wrong elsewhere were met");
}

/// Variance of the whole noise in units of the planned one, when ranks make it by `rank_noise(rank, ranks)` and add it up.
fn variance_of(ranks: usize, rank_noise: impl Fn(usize, usize) -> Vec<f32>) -> f64 {
    let mut total = vec![0.0_f64; ELEMENTS];
    for rank in 0..ranks {
        total.iter_mut().zip(rank_noise(rank, ranks)).for_each(|(total, noise)| *total += f64::from(noise));
    }
    total.iter().map(|noise| noise * noise).sum::<f64>() / ELEMENTS as f64
}

const ELEMENTS: usize = 200_000;
/// Of the mean square of so many standard normals: five standard deviations.
const VARIANCE_OFF: f64 = 5.0 * 0.003_163;

#[test]
fn the_variance_is_that_of_one_rank_and_other_ways_are_seen() {
    let zeros = |length: usize| vec![0.0; length];
    let key = |rank: usize| RunKeys::for_replay(rank as u64).noise.step(1, 1);
    let is_right = |variance: f64| (variance - 1.0).abs() < VARIANCE_OFF;
    for ranks in RANKS {
        let own_stretch = |rank, ranks| {
            let own = share(ELEMENTS, rank, ranks);
            let mut noise = vec![0.0; ELEMENTS];
            noise[own.clone()].copy_from_slice(&add_gaussian(&zeros(own.len()), 1.0, &key(0), 0, own.start as u64));
            noise
        };
        assert!(is_right(variance_of(ranks, own_stretch)), "{ranks} ranks");
        if ranks > 1 {
            let whole_on_each = |rank, _| add_gaussian(&zeros(ELEMENTS), 1.0, &key(rank), 0, 0);
            let share_on_each =
                |rank, ranks: usize| add_gaussian(&zeros(ELEMENTS), 1.0 / ranks as f64, &key(rank), 0, 0);
            assert!(!is_right(variance_of(ranks, whole_on_each)) && !is_right(variance_of(ranks, share_on_each)));
        }
    }
}

/// Correlation over many steps of the numbers of units that the first two of `ranks` ranks draw.
fn correlation(draw: impl Fn(u64, usize) -> usize) -> f64 {
    let steps = 4000;
    let sizes: Vec<[f64; 2]> = (1..=steps).map(|step| [0, 1].map(|rank| draw(step, rank) as f64)).collect();
    let mean = |of: &dyn Fn(&[f64; 2]) -> f64| sizes.iter().map(of).sum::<f64>() / steps as f64;
    let (first, second) = (mean(&|sizes| sizes[0]), mean(&|sizes| sizes[1]));
    let product = mean(&|sizes| (sizes[0] - first) * (sizes[1] - second));
    product / (mean(&|sizes| (sizes[0] - first).powi(2)) * mean(&|sizes| (sizes[1] - second).powi(2))).sqrt()
}

#[test]
fn inclusion_is_independent_over_shards_and_one_seed_for_all_shards_is_seen() {
    let (units, rate) = (320, 0.1);
    // Five standard deviations of a correlation of 4000 pairs.
    let is_independent = |correlation: f64| correlation.abs() < 5.0 / 4000_f64.sqrt();
    for ranks in [2, 8] {
        assert!(is_independent(correlation(|step, rank| drawn(rate, step, units, (rank, ranks)).len())));
        let same_seed = |step, _| drawn(rate, step, units / ranks, (0, 1)).len();
        assert!(!is_independent(correlation(same_seed)));
        // All shards together are the batch of one rank.
        let together: Vec<u32> = (0..ranks).flat_map(|rank| drawn(rate, 7, units, (rank, ranks))).collect();
        assert_eq!(together, drawn(rate, 7, units, (0, 1)));
    }
}
