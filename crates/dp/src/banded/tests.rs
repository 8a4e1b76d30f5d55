//! The coefficients, the inverse and the errors against dense matrices; the accounting against turns counted one by one.

use super::*;
use crate::ledger::{self, Body, Genesis, Ledger, LedgerError, StepEntry, seal};
use crate::{Adjacency, Delta, Event, NoiseMultiplier, PrivacyUnit, SamplingRate, account, groups, remaining_steps};

/// C as a whole matrix.
fn dense(bands: u64, steps: usize) -> Vec<Vec<f64>> {
    let c = coefficients(bands);
    let entry = |row: usize, column: usize| row.checked_sub(column).and_then(|k| c.get(k)).copied().unwrap_or(0.0);
    (0..steps).map(|row| (0..steps).map(|column| entry(row, column)).collect()).collect()
}

#[test]
fn columns_have_norm_one_and_never_more() {
    for bands in (1..200).chain([1000, 5000]) {
        let c = coefficients(bands);
        assert_eq!(c.len() as u64, bands);
        // Squares split into halves, so that their sum is exact to far below the margin.
        let (mut high, mut low) = (0.0_f64, 0.0_f64);
        for c in &c {
            let square = c * c;
            low += c.mul_add(*c, -square);
            let sum = high + square;
            low += if high >= square { (high - sum) + square } else { (square - sum) + high };
            high = sum;
        }
        let excess = (high - 1.0) + low;
        assert!(excess <= 0.0 && excess > -1e-11, "{bands}: {excess:e}");
        assert!(c.windows(2).all(|pair| pair[0] > pair[1] && pair[1] > 0.0));
    }
    assert_eq!(coefficients(1), [1.0]);
    assert_eq!(coefficients(0), [1.0]);
    // binom(2k, k) / 4^k.
    let c = coefficients(5);
    let expected = [1.0, 0.5, 0.375, 0.3125, 0.273_437_5];
    assert!(c.iter().zip(expected).all(|(c, twin)| (c / coefficients(5)[0] - twin).abs() < 1e-14), "{c:?}");
}

#[test]
fn the_inverse_is_the_matrix_inverse_and_decays() {
    for (bands, steps) in [(1, 7), (2, 30), (5, 40), (16, 50), (64, 40)] {
        let (c, d) = (dense(bands, steps), inverse(&coefficients(bands), steps));
        for (row, c) in c.iter().enumerate() {
            for column in 0..=row {
                let product: f64 = (column..=row).map(|k| c[k] * d[k - column]).sum();
                assert!((product - f64::from(u8::from(row == column))).abs() < 1e-12, "{bands} {row} {column}");
            }
        }
    }
    // Rounding does not build up: noise of steps long past is forgotten.
    for bands in [2, 3, 8, 33] {
        let d = inverse(&coefficients(bands), 200 * bands as usize);
        assert!(d[100 * bands as usize..].iter().all(|d| d.abs() < 1e-9), "{bands}");
    }
}

#[test]
fn the_error_of_prefix_sums_is_that_of_whole_matrices() {
    for (bands, steps) in [(1, 12), (3, 12), (7, 20), (20, 20)] {
        let d = inverse(&coefficients(bands), steps);
        // Row t of A C^-1: the noise z_s in the sum of the first t + 1 releases.
        let entry = |t: usize, s: usize| (s..=t).map(|row| d[row - s]).sum::<f64>();
        let rows = (0..steps).map(|t| (0..=t).map(|s| entry(t, s).powi(2)).sum::<f64>());
        let (slow, fast) = (rows.sum::<f64>() / steps as f64, prefix_error(bands, steps));
        assert!((fast / slow - 1.0).abs() < 1e-12, "{bands}: {fast} {slow}");
    }
    assert!((prefix_error(1, 99) - 50.0).abs() < 1e-12);
    assert!(prefix_error(16, 256) < 0.2 * prefix_error(1, 256));
}

/// A unit's part of C x: with turns `bands` apart, norm S a turn and no row twice, whatever its gradients are.
#[test]
fn turns_touch_disjoint_rows_and_each_moves_by_the_sensitivity() {
    for (bands, steps) in [(1_usize, 5), (4, 18), (7, 20)] {
        let c = dense(bands as u64, steps);
        for group in 0..bands {
            let turns: Vec<usize> = (group..steps).step_by(bands).collect();
            assert!(turns.len() <= steps.div_ceil(bands));
            let touched = |row: usize| turns.iter().filter(|turn| c[row][**turn] != 0.0).count();
            assert!((0..steps).all(|row| touched(row) <= 1));
            for turn in &turns {
                let norm = (0..steps).map(|row| c[row][*turn].powi(2)).sum::<f64>();
                assert!(norm <= 1.0 + 1e-15, "a later one is cut short, never longer");
            }
        }
    }
}

// ---- The ledger.

fn step(bands: u64, steps: u64) -> Event {
    Event::BandedMatrixFactorization {
        steps,
        bands,
        sampling_rate: Some(SamplingRate::from_f64(0.08).unwrap()),
        noise_multiplier: NoiseMultiplier::new(1.1).unwrap(),
    }
}

fn begin() -> Ledger {
    let genesis = Genesis {
        plan_hash: "ab".repeat(32),
        dataset_commitment: "cd".repeat(32),
        binary_hash: "ef".repeat(32),
        privacy_unit: PrivacyUnit::Document,
        adjacency: Adjacency::AddRemove,
        delta: Delta::new(1e-6).unwrap(),
    };
    Ledger::begin(seal(Body::Genesis(genesis), ledger::ORIGIN)).unwrap()
}

fn push(ledger: &mut Ledger, step: u64, segment: Option<u32>, event: Event) -> Result<(), LedgerError> {
    let attempt = ledger.next_attempt(step);
    ledger.push(seal(Body::Step(StepEntry { step, attempt, event, segment }), ledger.head()))
}

/// Segments of these steps each, of which every one goes back a step from where the one before ended.
fn interrupted(bands: u64, segments: &[u64]) -> Ledger {
    let (mut ledger, mut next) = (begin(), 1);
    for (index, length) in segments.iter().enumerate() {
        for offset in 0..*length {
            push(&mut ledger, next + offset, Some(index as u32 + 1), step(bands, 1)).unwrap();
        }
        next += length - u64::from(*length > 0);
    }
    ledger
}

#[test]
fn segments_are_charged_by_their_turns() {
    let delta = Delta::new(1e-6).unwrap();
    let epsilon = |event: &Event| account(event, delta, Adjacency::AddRemove).unwrap().epsilon_upper.get().to_bits();
    for (bands, segments) in [(4, vec![9, 1, 6]), (4, vec![8]), (4, vec![1, 1, 1]), (1, vec![5, 3]), (7, vec![20, 7])] {
        let ledger = interrupted(bands, &segments);
        let turns: u64 = segments.iter().map(|length| length.div_ceil(bands)).sum();
        assert_eq!((ledger.turns(), ledger.segments()), (turns, segments.len() as u32), "{bands} {segments:?}");
        let rate = SamplingRate::from_f64(0.08).unwrap();
        let turn =
            Event::PoissonSampledGaussian { sampling_rate: rate, noise_multiplier: NoiseMultiplier::new(1.1).unwrap() };
        let plain = Event::Repeated { event: Box::new(turn), count: turns };
        assert_eq!(epsilon(&ledger.composed_event()), epsilon(&plain));
        // Step by step, without their segments, they would cost more, never less.
        let each = Event::Repeated { event: Box::new(step(bands, 1)), count: ledger.entries().len() as u64 };
        assert!(f64::from_bits(epsilon(&each)) >= f64::from_bits(epsilon(&plain)));
        let text: String = {
            let genesis = seal(Body::Genesis(ledger.genesis().clone()), ledger::ORIGIN);
            let mut lines = vec![genesis];
            for entry in ledger.entries() {
                let previous = lines[lines.len() - 1].hash.clone();
                lines.push(seal(Body::Step(entry.clone()), &previous));
            }
            lines.iter().map(|line| line.to_json() + "\n").collect()
        };
        assert_eq!(ledger::parse(&text).unwrap(), ledger);
        // One digit of a segment's number.
        assert!(ledger::parse(&text.replacen("\"segment\":1", "\"segment\":2", 1)).is_err());
    }
}

/// Even whoever can seal lines anew cannot join what does not follow.
#[test]
fn a_segment_goes_on_or_ends() {
    let refused = |ledger: &Ledger, at: u64, segment: Option<u32>, event: Event| {
        let (mut ledger, before) = (ledger.clone(), ledger.clone());
        let error = push(&mut ledger, at, segment, event);
        assert!(matches!(error, Err(LedgerError::Segment { line: 5, .. })), "{error:?}");
        assert_eq!(ledger, before);
    };
    let ledger = interrupted(4, &[3]);
    push(&mut ledger.clone(), 4, Some(1), step(4, 1)).unwrap();
    push(&mut ledger.clone(), 4, Some(2), step(4, 1)).unwrap();
    push(&mut ledger.clone(), 2, Some(2), step(4, 1)).unwrap();
    let plain = Event::Gaussian { noise_multiplier: NoiseMultiplier::new(1.0).unwrap() };
    let fixed = |event: Event| match event {
        Event::BandedMatrixFactorization { steps, bands, noise_multiplier, .. } => {
            Event::BandedMatrixFactorization { steps, bands, sampling_rate: None, noise_multiplier }
        }
        other => other,
    };
    for (at, segment, event) in [
        (3, Some(1), step(4, 1)),
        (1, Some(1), step(4, 1)),
        (4, Some(1), step(8, 1)),
        (4, Some(2), step(4, 2)),
        (4, Some(2), step(0, 1)),
        (4, Some(2), step(4, 0)),
        (4, Some(2), fixed(step(4, 1))),
        (4, Some(3), step(4, 1)),
        (4, Some(0), step(4, 1)),
        (4, None, step(4, 1)),
        (4, Some(2), plain.clone()),
    ] {
        refused(&ledger, at, segment, event);
    }
    // A step of another kind comes between: the segment is over.
    let mut other = interrupted(4, &[2]);
    push(&mut other, 3, None, plain).unwrap();
    refused(&other, 4, Some(1), step(4, 1));
}

#[test]
fn one_band_is_independent_noise_and_more_have_no_lower_end() {
    let (delta, rate) = (Delta::new(1e-6).unwrap(), SamplingRate::from_f64(0.08).unwrap());
    let plain =
        Event::PoissonSampledGaussian { sampling_rate: rate, noise_multiplier: NoiseMultiplier::new(1.1).unwrap() };
    let plain = Event::Repeated { event: Box::new(plain), count: 60 };
    let ask = |event: &Event| account(event, delta, Adjacency::AddRemove).unwrap();
    assert_eq!(ask(&step(1, 60)), ask(&plain));
    let banded = ask(&step(4, 240));
    assert_eq!(banded.epsilon_upper, ask(&plain).epsilon_upper);
    assert!(banded.epsilon_lower.get() <= 0.0 && !banded.unamplified);
    // Members of a group may be in different groups of the sampler: only the walk from one to the other holds.
    assert!(!groups(&step(4, 240), delta, Adjacency::AddRemove, 2..=2).unwrap()[0].tight);
}

#[test]
fn what_is_left_of_a_budget_is_told_in_steps() {
    let (delta, ledger) = (Delta::new(1e-6).unwrap(), interrupted(4, &[9]));
    let whole = account(&step(4, 40), delta, Adjacency::AddRemove).unwrap().epsilon_upper;
    let spent = ledger.composed_event();
    // Ten turns are paid for and three are gone.
    assert_eq!(remaining_steps(&spent, &step(4, 1), whole, delta, Adjacency::AddRemove).unwrap(), 28);
}
