//! The slow obvious twin: one ordinary backward pass per unit, with every trained weight a tracked leaf.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::decoder::tests::{A, B, plain_losses, tiny, write_model};
use crate::decoder::{Row, TokenBatch};
use crate::weights::WeightFile;
use crate::{Decoder, Error, LoraSpec, ModelConfig, Tensors, Trainable};

/// Units of one row or of several, with repeated tokens, without a target, and of padding alone.
const UNITS: [&[&[u32]]; 5] =
    [&[&[0, 5, 9, 3, 7, 0]], &[&[0, 1, 2, 0], &[0, 39, 8]], &[&[0]], &[&[0, 8, 8, 8, 8, 8, 8, 30, 2]], &[]];

fn batch(units: &[&[&[u32]]], rows: usize) -> TokenBatch {
    let weights = [0.5, 0.0, 0.25, 0.125, 0.3, 0.2, 0.7, 0.1, 0.4];
    let units: Vec<Vec<Row<'_>>> =
        units.iter().map(|unit| unit.iter().map(|tokens| Row { tokens, weights: &weights }).collect()).collect();
    TokenBatch::of_units(&units, rows)
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// A model that trains `trainable`, none of whose values is zero.
fn model(folder: &Path, trainable: &Trainable) -> (Decoder<B>, Tensors) {
    let mut model = Decoder::load(folder, None, &Default::default()).unwrap();
    let file = WeightFile::open(folder, None).unwrap();
    let mut start = trainable.start(model.config(), &file, 3).unwrap();
    for (k, values) in start.trained.values.iter_mut().enumerate() {
        for (i, value) in values.iter_mut().enumerate() {
            *value += 0.1 * (((31 * k + 17 * i) % 23) as f32 / 11.0 - 1.0);
        }
    }
    model.attach(trainable, &start).unwrap();
    (model, start.trained)
}

/// Every unit's gradient by itself: `[unit][slot][value]`.
fn twin(model: &Decoder<B>, trained: &Tensors, units: &[&[&[u32]]]) -> Vec<Vec<Vec<f32>>> {
    let device = Default::default();
    units
        .iter()
        .map(|unit| {
            let leaf = |(values, shape): (&Vec<f32>, &Vec<usize>)| {
                let shape = if shape.len() == 2 { [shape[0], shape[1]] } else { [1, shape[0]] };
                Tensor::<A, 2>::from_data(TensorData::new(values.clone(), shape), &device).require_grad()
            };
            let leaves: Vec<Tensor<A, 2>> = trained.values.iter().zip(&trained.shapes).map(leaf).collect();
            let batch = batch(&[unit], 1);
            let hidden = model.hidden(&batch.inputs(), batch.shape(), &leaves);
            let found = plain_losses(model, &batch, hidden, &leaves).sum().backward();
            let values = |leaf: &Tensor<A, 2>| -> Vec<f32> {
                let zero = || leaf.clone().inner().zeros_like();
                leaf.grad(&found).unwrap_or_else(zero).into_data().to_vec().unwrap()
            };
            leaves.iter().map(values).collect()
        })
        .collect()
}

fn size(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

/// Norms slot by slot and weighted sums of the fast way, against the twin's.
fn agrees(name: &str, model: &Decoder<B>, trained: &Tensors, recompute: bool) {
    let expected = twin(model, trained, &UNITS);
    let (_, gradients) = model.gradients::<A>(&batch(&UNITS, 14), recompute);
    assert_eq!((gradients.units(), gradients.uncovered()), (7, None), "{name}");
    let squares = gradients.squares();
    let whole = |unit: usize| size(expected[unit].iter().flatten().map(|value| f64::from(*value)));
    for unit in 0..7 {
        for (slot, squares) in squares.iter().enumerate() {
            let exact = expected.get(unit).map_or(0.0, |slots| size(slots[slot].iter().map(|x| f64::from(*x))));
            let error = (f64::from(squares[unit]).sqrt() - exact).abs();
            let scale = if unit < UNITS.len() { whole(unit) } else { 0.0 };
            assert!(error <= 1e-5 * scale, "{name}, {}, unit {unit}: {error} of {scale}", trained.names[slot]);
        }
        let norm = norms(&squares)[unit];
        let exact = if unit < UNITS.len() { whole(unit) } else { 0.0 };
        assert!((f64::from(norm) - exact).abs() <= 1e-5 * exact, "{name}, unit {unit}: {norm} {exact}");
    }
    // A factor for each slot and unit, as clipping layer by layer wants it.
    let factor = |slot: usize, unit: usize| ((slot + 2 * unit) % 5) as f32 / 4.0;
    let factors: Vec<Vec<f32>> =
        (0..trained.values.len()).map(|slot| (0..7).map(|unit| factor(slot, unit)).collect()).collect();
    let sums = gradients.weighted_sum(&factors, false);
    for (slot, sum) in sums.iter().enumerate() {
        let mut exact = vec![0.0_f64; trained.values[slot].len()];
        for (unit, slots) in expected.iter().enumerate() {
            let add = |(total, value): (&mut f64, &f32)| *total += f64::from(factor(slot, unit)) * f64::from(*value);
            exact.iter_mut().zip(&slots[slot]).for_each(add);
        }
        assert_eq!(sum.len(), exact.len());
        let error = size(sum.iter().zip(&exact).map(|(x, y)| f64::from(*x) - y));
        let scale = size(exact.into_iter()).max(1e-6);
        assert!(error <= 2e-5 * scale, "{name}, {}: {error} of {scale}", trained.names[slot]);
    }
}

fn weights(patterns: &[&str]) -> Trainable {
    Trainable::Weights(patterns.iter().map(|pattern| (*pattern).to_owned()).collect())
}

fn lora(r: usize, targets: &[&str], freeze_a: bool) -> Trainable {
    let target_modules = targets.iter().map(|name| (*name).to_owned()).collect();
    Trainable::Lora(LoraSpec { r, alpha: 5.0, target_modules, freeze_a })
}

const FAMILIES: [&str; 8] = ["llama", "mistral", "qwen2", "qwen2-window", "qwen3", "gemma2", "gemma3", "gpt2"];

#[test]
fn every_weight_of_every_family_has_its_own_gradient() {
    for name in FAMILIES {
        let (model, trained) = model(&golden(name), &weights(&["*"]));
        agrees(name, &model, &trained, false);
        agrees(&format!("{name}, recomputed"), &model, &trained, true);
    }
}

#[test]
fn a_head_of_its_own_and_one_that_is_the_embedding() {
    for tied in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        write_model(folder.path(), tied);
        for patterns in [&["*"][..], &["model.embed_tokens.weight"], &["model.norm.weight"], &["*norm*", "*.1.mlp.*"]] {
            let (model, trained) = model(folder.path(), &weights(patterns));
            agrees(&format!("tied {tied}, {patterns:?}"), &model, &trained, false);
            agrees(&format!("tied {tied}, {patterns:?}, recomputed"), &model, &trained, true);
        }
        if !tied {
            let (model, trained) = model(folder.path(), &weights(&["lm_head.weight"]));
            agrees("head alone", &model, &trained, false);
            agrees("head alone, recomputed", &model, &trained, true);
        }
    }
}

#[test]
fn biases_places_and_single_blocks() {
    for (name, pattern) in
        [("qwen2", "*.bias"), ("gpt2", "*.bias"), ("gpt2", "*.wpe.*"), ("gpt2", "*.h.1.*"), ("qwen3", "*.q_norm.*")]
    {
        let (model, trained) = model(&golden(name), &weights(&[pattern]));
        agrees(&format!("{name} {pattern}"), &model, &trained, false);
        agrees(&format!("{name} {pattern}, recomputed"), &model, &trained, true);
    }
}

#[test]
fn adapters_of_any_rank_on_any_layers() {
    let every = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];
    for tied in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        write_model(folder.path(), tied);
        let cases = [
            lora(3, &every, false),
            lora(1, &every, true),
            lora(2, &["q_proj", "v_proj"], false),
            lora(4, &["model.layers.1.mlp.*"], false),
            lora(2, &["o_proj", "*.0.*.gate_proj"], true),
        ];
        for case in cases {
            let (model, trained) = model(folder.path(), &case);
            agrees(&format!("{case:?}"), &model, &trained, false);
            agrees(&format!("{case:?}, recomputed"), &model, &trained, true);
        }
    }
}

#[test]
fn a_fresh_adapter_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = write_model(folder.path(), true);
    let file = WeightFile::open(folder.path(), None).unwrap();
    let batch = batch(&UNITS, 0);
    let losses = |model: &Decoder<B>| host(model.losses::<A>(&batch));
    let bare = losses(&tiny(true));
    for freeze_a in [false, true] {
        let case = lora(3, &["q_proj", "down_proj"], freeze_a);
        let mut model = tiny(true);
        let start = case.start(&config, &file, 7).unwrap();
        model.attach(&case, &start).unwrap();
        assert_eq!(losses(&model), bare);
        assert_eq!(start.trained.names.len(), if freeze_a { 4 } else { 8 });
        assert_eq!(start.fixed.names.len(), if freeze_a { 4 } else { 0 });
    }
}

#[test]
fn what_does_not_exist_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let config = write_model(folder.path(), true);
    let file = WeightFile::open(folder.path(), None).unwrap();
    let layout = |case: &Trainable| case.layout(&config, &file);
    assert!(
        matches!(layout(&lora(2, &["q_proj", "c_attn"], false)), Err(Error::UnknownModule { name, .. }) if name == "c_attn")
    );
    // The head is the embedding, so it cannot be trained beside it.
    for pattern in ["lm_head.weight", "*.bias", "[", ""] {
        let found = layout(&weights(&["*norm*", pattern]));
        assert!(matches!(found, Err(Error::UnknownWeights { pattern: named }) if named == pattern), "{pattern}");
    }
    let mut start = weights(&["*norm*"]).start(&config, &file, 0).unwrap();
    start.trained.push("model.layers.0.self_attn.q_proj.scale".to_owned(), vec![1], vec![0.0]);
    let refused = tiny(true).attach(&weights(&["*"]), &start);
    assert!(matches!(refused, Err(Error::Untrainable { name }) if name.ends_with("q_proj.scale")));
}

/// The decoder takes a slot for each listed weight, and none of its weights is missing from the list.
#[test]
fn the_list_of_weights_is_the_models() {
    for name in FAMILIES.into_iter().chain(["llama3", "llama-linear"]) {
        let folder = golden(name);
        let (config, file) = (ModelConfig::load(&folder).unwrap(), WeightFile::open(&folder, None).unwrap());
        let listed = config.weights(&file);
        let mut names: Vec<&str> = listed.iter().map(|(name, _)| file.own_name(name)).collect();
        let mut stored: Vec<&str> =
            file.names().filter(|name| !config.tie_word_embeddings || *name != "lm_head.weight").collect();
        names.sort_unstable();
        stored.sort_unstable();
        assert_eq!(names, stored, "{name}");
    }
}

/// `[units, tokens, width]`
fn numbers(seed: usize, shape: [usize; 3], scale: f32) -> Tensor<B, 3> {
    let value = |i: usize| (((i + seed) * 7919 % 1009) as f32 / 504.0 - 1.0) * scale;
    let values = (0..shape.iter().product()).map(value).collect::<Vec<f32>>();
    Tensor::from_data(TensorData::new(values, shape), &Default::default())
}

const SEED: u64 = 20_261_123;

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..ProptestConfig::default() })]
    /// Kept, ghost and dropped are one: twin in f64.
    #[test]
    fn three_ways_to_a_norm_and_two_to_a_sum(
        units in 1_usize..4, tokens in 1_usize..14, rows in 1_usize..9, columns in 1_usize..9, seed in 0_usize..1000,
    ) {
        let (left, right) = (numbers(seed, [units, tokens, rows], 1.0), numbers(seed + 7, [units, tokens, columns], 2.0));
        let product = || Product { left: left.clone(), right: right.clone() };
        let (l, r): (Vec<f32>, Vec<f32>) = (left.clone().into_data().to_vec().unwrap(), right.clone().into_data().to_vec().unwrap());
        let value = |unit: usize, row: usize, column: usize| -> f64 {
            (0..tokens).map(|t| f64::from(l[(unit * tokens + t) * rows + row]) * f64::from(r[(unit * tokens + t) * columns + column])).sum()
        };
        let cells: Vec<(usize, usize)> = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))).collect();
        let kept = Kind::Whole(left.clone().swap_dims(1, 2).matmul(right.clone()));
        for found in [host(product().ghost()), host(product().dropped()), host(kept.square().value)] {
            for (unit, found) in found.iter().enumerate() {
                let exact: f64 = cells.iter().map(|(row, column)| value(unit, *row, *column).powi(2)).sum();
                let terms = host(product().square().terms.unwrap())[unit];
                let slack = 1e-6 * f64::from(terms).powi(2);
                prop_assert!((f64::from(*found) - exact).abs() <= slack, "{found} {exact}");
                prop_assert!(f64::from(raised(*found, terms)) >= exact * (1.0 - 2.0 * MARGIN));
            }
        }
        let factors: Vec<f32> = (0..units).map(|unit| unit as f32 * 0.5).collect();
        let product = Kind::Product(product());
        for found in [product.weighted_sum(&factors, false, rows * columns), kept.weighted_sum(&factors, true, rows * columns)] {
            for (found, (row, column)) in host(found).iter().zip(&cells) {
                let exact: f64 = (0..units).map(|unit| f64::from(factors[unit]) * value(unit, *row, *column)).sum();
                prop_assert!((f64::from(*found) - exact).abs() <= 1e-5 * (tokens * units) as f64);
            }
        }
    }
}

/// Terms a million times longer than their sum: the ghost norm is noise, but what it says is never too small.
#[test]
fn a_gradient_that_lives_on_cancellation_is_not_underestimated() {
    for rest in [1e-4_f32, 1e-5, 1e-6, 0.0] {
        let device = Default::default();
        let left: Vec<f32> = (0..6).flat_map(|t| [1.0, if t % 2 == 0 { 0.3 } else { 0.3 + rest }]).collect();
        let right: Vec<f32> =
            (0..6).flat_map(|t| [if t % 2 == 0 { 1.7_f32 } else { -1.7 }, 0.9 - 1.8 * (t % 2) as f32]).collect();
        let exact: f64 = (0..4)
            .map(|cell| {
                let of = |t: usize| f64::from(left[2 * t + cell / 2]) * f64::from(right[2 * t + cell % 2]);
                (0..6).map(of).sum::<f64>().powi(2)
            })
            .sum();
        let tensor = |values: &[f32]| Tensor::<B, 3>::from_data(TensorData::new(values.to_vec(), [1, 6, 2]), &device);
        let mut gradients = SampleGradients::<B>::new(1, vec![4]);
        gradients.add_product(0, 0, tensor(&left), tensor(&right), &mut Room(0));
        let found = f64::from(gradients.squares()[0][0]);
        assert!(found >= exact, "{found} {exact}");
        // What is added up is as long as the norm says, too, and not longer.
        let sum = gradients.weighted_sum(&[vec![1.0]], false);
        assert!(size(sum[0].iter().map(|x| f64::from(*x))).powi(2) <= found);
    }
}

/// A table's rows and the head that shares it, pulling against each other: what is left of either alone is large.
#[test]
fn an_embedding_that_cancels_its_head_is_not_underestimated() {
    let device = Default::default();
    let tensor =
        |values: Vec<f32>, shape: [usize; 3]| Tensor::<B, 3>::from_data(TensorData::new(values, shape), &device);
    for rest in [0.0_f32, 1e-4, 1e-3] {
        // Head: dlogits of row 1 times the hidden state; embedding: the same row, the other way.
        let (logits, hidden) = (tensor(vec![0.0, 1.0, 0.0], [1, 1, 3]), tensor(vec![0.7, 1.3], [1, 1, 2]));
        let slopes = tensor(vec![-0.7 + rest, -1.3], [1, 1, 2]);
        let mut gradients = SampleGradients::<B>::new(1, vec![6]);
        gradients.add_rows(0, 0, vec![1], slopes, Some((logits, hidden)));
        let found = gradients.squares()[0][0];
        let terms = 2.0 * (0.7_f32.powi(2) + 1.3_f32.powi(2)).sqrt();
        let exact = f64::from(0.7_f32 + (-0.7 + rest)).powi(2);
        assert!(f64::from(found) >= exact, "{found} {exact}");
        assert!(
            f64::from(found) >= CANCELLATION * f64::from(terms * 0.99).powi(2) * (1.0 - MARGIN),
            "{found} for {terms}"
        );
    }
}

#[test]
fn a_square_that_rounding_made_negative_counts_as_nothing_but_its_terms() {
    assert_eq!((raised(-1.0, 0.0), raised(4.0, 0.0)), (0.0, 4.0));
    assert!(raised(-1e-9, 1.0) > 9e-7 && raised(f32::NAN, 1.0).is_nan());
}

#[test]
fn a_factor_of_zero_removes_even_what_is_not_a_number() {
    let device = Default::default();
    let tensor = |values: [f32; 6]| Tensor::<B, 3>::from_data(TensorData::new(values.to_vec(), [3, 1, 2]), &device);
    let fault = tensor([1.0, 2.0, f32::NAN, f32::INFINITY, 5.0, 6.0]);
    let ones = tensor([1.0; 6]);
    let mut gradients = SampleGradients::<B>::new(3, vec![2, 4, 4, 6, 6, 6]);
    gradients.add_whole(0, fault.clone());
    gradients.add_product(1, 0, fault.clone(), ones.clone(), &mut Room(0));
    gradients.add_product(2, 0, ones.clone(), fault.clone(), &mut Room(0));
    gradients.add_rows(3, 0, vec![0, 2, 2], fault.clone(), None);
    // A head of three rows that shares the table, with the fault on its one side and on its other.
    let mut logits = vec![1.0; 9];
    logits[4] = f32::NAN;
    let logits = Tensor::<B, 3>::from_data(TensorData::new(logits, [3, 1, 3]), &device);
    gradients.add_rows(4, 0, vec![0, 2, 2], ones.clone(), Some((logits, ones.clone())));
    gradients.add_rows(5, 0, vec![0, 2, 2], ones.clone(), Some((numbers(1, [3, 1, 3], 0.0), fault)));
    let squares = gradients.squares();
    for squares in &squares {
        assert!(squares[0].is_finite() && !squares[1].is_finite() && squares[2].is_finite(), "{squares:?}");
    }
    assert!(!norms(&squares)[1].is_finite());
    let sums = gradients.weighted_sum(&vec![vec![1.0, 0.0, 0.5]; 6], true);
    assert_eq!(sums[0], [3.5, 5.0]);
    assert_eq!(sums[1], [3.5, 3.5, 5.0, 5.0]);
    assert_eq!(sums[2], [3.5, 5.0, 3.5, 5.0]);
    assert_eq!(sums[3], [1.0, 2.0, 0.0, 0.0, 2.5, 3.0]);
    assert_eq!(sums[4], [2.5, 2.5, 1.5, 1.5, 2.0, 2.0]);
    assert_eq!(sums[5], [1.0, 1.0, 0.0, 0.0, 0.5, 0.5]);
}

#[test]
fn a_slot_that_is_missing_or_twice_is_found() {
    let whole = || numbers(1, [2, 1, 3], 1.0);
    let mut gradients = SampleGradients::<B>::new(2, vec![3, 3]);
    gradients.add_whole(0, whole());
    assert_eq!(gradients.uncovered(), Some(1));
    gradients.add_product(1, 1, numbers(1, [1, 2, 1], 1.0), numbers(1, [1, 2, 3], 1.0), &mut Room(0));
    assert_eq!(gradients.uncovered(), Some(1), "one unit is not all");
    gradients.add_product(1, 0, numbers(1, [1, 2, 1], 1.0), numbers(1, [1, 2, 3], 1.0), &mut Room(0));
    assert_eq!(gradients.uncovered(), None);
    gradients.add_whole(0, whole());
    assert_eq!(gradients.uncovered(), Some(0));
}
