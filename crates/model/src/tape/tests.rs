//! The slow obvious twin of the tape: one ordinary backward pass per example, with the adapters as tracked leaves.

use super::*;
use crate::decoder::TokenBatch;
use crate::decoder::tests::{A, B, plain_losses, tiny};
use crate::lora::{LoraSpec, Tensors, merge};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use rand_distr::{Distribution, Normal};

const UNITS: [&[u32]; 5] = [&[0, 5, 9, 3, 7, 0], &[0, 1, 2, 0], &[0, 39], &[0], &[0, 8, 8, 8, 8, 8, 8, 30, 2]];

/// Adapters whose `B` is not zero, so that every term of the gradient is at work.
fn trained(spec: &LoraSpec, config: &crate::ModelConfig) -> Tensors {
    let mut tensors = spec.init(config, 3).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    for values in &mut tensors.values {
        *values = Normal::new(0.0_f32, 0.2).unwrap().sample_iter(&mut rng).take(values.len()).collect();
    }
    tensors
}

/// Every example's gradient by itself: `[example][tensor][value]`.
fn twin(model: &crate::Decoder<B>, adapters: &Adapters<B>, units: &[&[u32]]) -> Vec<Vec<Vec<f32>>> {
    units
        .iter()
        .map(|unit| {
            let leaves: Vec<_> = (0..adapters.len())
                .map(|site| {
                    let (a, b) = adapters.pair(site).clone();
                    (Tensor::<A, 2>::from_inner(a).require_grad(), Tensor::<A, 2>::from_inner(b).require_grad())
                })
                .collect();
            let merged: Vec<_> = model
                .adapted_weights()
                .into_iter()
                .zip(&leaves)
                .map(|(weight, (a, b))| merge(&Tensor::from_inner(weight), a, b, adapters.scale()))
                .collect();
            let batch = TokenBatch::new(&[unit], 1);
            let losses = plain_losses(model, &batch, model.hidden(&batch.inputs(), batch.shape(), &merged, None));
            let gradients = losses.sum().backward();
            let values = |leaf: &Tensor<A, 2>| -> Vec<f32> {
                let zero = || leaf.clone().inner().zeros_like();
                leaf.grad(&gradients).unwrap_or_else(zero).into_data().to_vec().unwrap()
            };
            leaves.iter().flat_map(|(a, b)| [values(a), values(b)]).collect()
        })
        .collect()
}

fn norm(gradient: &[Vec<f32>]) -> f64 {
    gradient.iter().flatten().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}

/// Largest difference of two sums, relative to the size of the second.
fn distance(left: &[Vec<f32>], right: &[Vec<f64>]) -> f64 {
    let size = right.iter().flatten().map(|value| value * value).sum::<f64>().sqrt().max(1e-30);
    let pairs = left.iter().flatten().zip(right.iter().flatten());
    pairs.map(|(x, y)| (f64::from(*x) - y).powi(2)).sum::<f64>().sqrt() / size
}

#[test]
fn norms_and_clipped_sums_equal_one_backward_per_example() {
    let every: Vec<&str> = vec!["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];
    let cases: [(bool, usize, &[&str]); 5] = [
        (true, 3, &every),
        (false, 1, &every),
        (true, 2, &["q_proj", "v_proj"]),
        (false, 4, &["down_proj"]),
        (true, 2, &["o_proj", "gate_proj"]),
    ];
    for (tied, r, targets) in cases {
        let mut model = tiny(tied);
        let target_modules = targets.iter().map(|name| (*name).to_owned()).collect();
        let spec = LoraSpec { r, alpha: 5.0, target_modules };
        model.attach(&spec).unwrap();
        let tensors = trained(&spec, model.config());
        let adapters = model.adapters(&tensors, spec.scale());
        let expected = twin(&model, &adapters, &UNITS);

        let mut tape = Tape::<A>::default();
        let losses = model.losses(&TokenBatch::new(&UNITS, 8), Some(&adapters), Some(&mut tape));
        let gradients = tape.sample_gradients(&losses.objective, &adapters);
        let norms = gradients.norms();
        assert_eq!(norms.len(), 8);
        for (row, computed) in norms.iter().enumerate() {
            let exact = expected.get(row).map_or(0.0, |gradient| norm(gradient));
            assert!((f64::from(*computed) - exact).abs() <= 1e-5 * exact, "row {row}: {computed} {exact}");
        }
        let clip = f64::from(norms[1]);
        let factors: Vec<f32> = norms.iter().map(|norm| (clip / f64::from(*norm)).min(1.0) as f32).collect();
        let sum = gradients.weighted_sum(&factors);
        let mut exact: Vec<Vec<f64>> = tensors.values.iter().map(|values| vec![0.0; values.len()]).collect();
        for (gradient, factor) in expected.iter().zip(&factors) {
            for (total, part) in exact.iter_mut().zip(gradient) {
                total.iter_mut().zip(part).for_each(|(total, value)| *total += f64::from(*factor) * f64::from(*value));
            }
        }
        assert!(distance(&sum, &exact) < 1e-5, "{}", distance(&sum, &exact));
    }
}

#[test]
fn rows_of_a_unit_are_added_and_no_other_unit_hears_of_their_faults() {
    let device = Default::default();
    // Six rows of one value each; the last is padding, whatever it holds.
    let rows = |values: [f32; 6]| SampleGradients {
        tensors: vec![Tensor::<B, 3>::from_data(TensorData::new(values.to_vec(), [6, 1, 1]), &device)],
    };
    let summed = |values| {
        let mut sums = rows(values).summed(&[0, 0, 1, 2, 2]);
        sums.tensors.remove(0).into_data().to_vec::<f32>().unwrap()
    };
    assert_eq!(summed([1.0, 2.0, 4.0, 8.0, 16.0, 32.0]), [3.0, 4.0, 24.0, 0.0, 0.0, 0.0]);
    let faulty = summed([1.0, f32::NAN, 4.0, f32::INFINITY, 16.0, f32::NAN]);
    assert!(faulty[0].is_nan() && faulty[1..] == [4.0, f32::INFINITY, 0.0, 0.0, 0.0]);
    // One row a unit: as it was, padding and all.
    assert_eq!(rows([1.0, 2.0, 4.0, 8.0, 0.0, 0.0]).summed(&[0, 1, 2, 3]).norms(), [1.0, 2.0, 4.0, 8.0, 0.0, 0.0]);
}

#[test]
fn a_factor_of_zero_removes_even_what_is_not_a_number() {
    let device = Default::default();
    let rows: Vec<f32> = vec![1.0, 2.0, f32::NAN, f32::INFINITY, 5.0, 6.0];
    let tensors = vec![Tensor::<B, 3>::from_data(TensorData::new(rows, [3, 1, 2]), &device)];
    let gradients = SampleGradients { tensors };
    let norms = gradients.norms();
    assert!(norms[0].is_finite() && !norms[1].is_finite() && norms[2].is_finite());
    assert_eq!(gradients.weighted_sum(&[1.0, 0.0, 0.5]), vec![vec![3.5, 5.0]]);
}
