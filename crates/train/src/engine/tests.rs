//! The engine against its slow twin, and on neighbouring datasets.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use privet_model::LoraSpec;

type A = burn::backend::Autodiff<burn::backend::Flex>;

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/tiny-llama/float32"))
}

fn spec() -> LoraSpec {
    LoraSpec {
        r: 2,
        alpha: 4.0,
        target_modules: ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
            .map(String::from)
            .to_vec(),
    }
}

fn engine(physical_batch_size: usize, lanes: usize) -> Engine<A> {
    let mut decoder = Decoder::load(&folder(), None, &Default::default()).unwrap();
    decoder.attach(&spec()).unwrap();
    Engine { decoder, scale: spec().scale(), sequence_len: 8, physical_batch_size, lanes }
}

/// Adapters in the middle of training: no tensor is zero.
fn tensors(engine: &Engine<A>) -> Tensors {
    let mut tensors = spec().init(engine.decoder.config(), 5).unwrap();
    for (index, value) in tensors.values.iter_mut().flatten().enumerate() {
        *value = ((index * 7919 % 1000) as f32 / 1000.0 - 0.5) * 0.4;
    }
    tensors
}

/// Units of 0 to 20 tokens: up to three sequences each. In every third, only some tokens are predicted.
fn units(count: usize) -> Vec<Unit> {
    let length = |unit: usize| (unit * 5 + 3) % 21;
    let unit = |unit: usize| {
        let mut tokens = Unit::default();
        for j in 0..length(unit) {
            tokens.push(((unit * 31 + j * 17) % 101) as u32, !unit.is_multiple_of(3) || j % 2 > 0);
        }
        tokens
    };
    (0..count).map(unit).collect()
}

fn distance(left: &[Vec<f64>], right: &[Vec<f64>]) -> f64 {
    let pairs = left.iter().flatten().zip(right.iter().flatten());
    pairs.map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

fn size(values: &[Vec<f64>]) -> f64 {
    distance(values, &values.iter().map(|tensor| vec![0.0; tensor.len()]).collect::<Vec<_>>())
}

#[test]
fn the_clipped_sum_is_that_of_one_unit_at_a_time_for_any_physical_batch() {
    let units = units(13);
    let one = engine(1, 1);
    let tensors = tensors(&one);
    for bound in [1e-3, 0.5, 1e3] {
        let mut twin = ClippedSum::zeros(tensors.values.iter().map(Vec::len), bound);
        for unit in &units {
            let alone = one.clipped_sum(&tensors, std::slice::from_ref(unit), bound);
            assert!(size(alone.values()) <= bound, "one unit moves the sum by at most C");
            twin.merge(alone);
        }
        for (physical, lanes) in [(1, 2), (2, 1), (5, 1), (5, 2), (13, 1), (64, 1), (64, 2)] {
            let sum = engine(physical, lanes).clipped_sum(&tensors, &units, bound);
            let error = distance(sum.values(), twin.values()) / size(twin.values());
            assert!(error < 1e-5, "physical {physical}, lanes {lanes}: {error}");
            assert_eq!(sum.tally().units, 13);
            assert_eq!(sum.tally().clipped, twin.tally().clipped);
        }
    }
}

/// Bounds just below a unit's own norm: a clip that comes late, or only for long gradients, shows here and only here.
#[test]
fn a_gradient_little_longer_than_the_bound_is_clipped_to_it() {
    let engine = engine(4, 1);
    let tensors = tensors(&engine);
    for unit in units(13).iter().filter(|unit| unit.predicted() > 0) {
        let norm = size(engine.clipped_sum(&tensors, std::slice::from_ref(unit), 1e6).values());
        for excess in [1.01, 1.5, 3.0] {
            let clipped = size(engine.clipped_sum(&tensors, std::slice::from_ref(unit), norm / excess).values());
            assert!(clipped <= norm / excess && clipped > 0.99 * norm / excess, "{clipped} of {norm}, {excess}");
        }
    }
}

#[test]
fn an_empty_batch_is_zeros_not_an_error() {
    let engine = engine(4, 1);
    let sum = engine.clipped_sum(&tensors(&engine), &[], 1.0);
    assert!(sum.values().iter().flatten().all(|value| *value == 0.0));
    assert_eq!(sum.tally(), Tally::default());
}

#[test]
fn losses_come_back_in_the_order_of_the_units() {
    let units = units(11);
    let engine = engine(3, 2);
    let tensors = tensors(&engine);
    let together = engine.losses(Some(&tensors), &units);
    for (unit, loss) in units.iter().zip(together) {
        let alone = engine.losses(Some(&tensors), std::slice::from_ref(unit))[0];
        assert!((alone - loss).abs() < 1e-5, "{alone} {loss}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Neighbour replay: with everything else frozen, one unit more moves the pre-noise sum by at most C, plus a
    /// rounding slack for the other units, whose physical batches changed.
    #[test]
    fn one_unit_more_moves_the_sum_by_at_most_c(
        others in prop::collection::vec(prop::collection::vec(0_u32..101, 0..20), 0..9),
        added in prop::collection::vec(0_u32..101, 0..20),
        bound in prop::sample::select(vec![1e-3, 0.1, 1.0, 100.0]),
        physical in 1_usize..6,
    ) {
        let engine = engine(physical, 1);
        let tensors = tensors(&engine);
        let mut units: Vec<Unit> = others.iter().cloned().map(Unit::whole).collect();
        let without = engine.clipped_sum(&tensors, &units, bound);
        units.push(Unit::whole(added));
        let with = engine.clipped_sum(&tensors, &units, bound);
        let slack = 1e-5 * bound * others.len() as f64;
        prop_assert!(distance(with.values(), without.values()) <= bound + slack);
    }
}
