//! How much memory and time a plan will take, before it starts: orders of magnitude, from public numbers.
//!
//! A step sends `expected_batch_size` sequences forward and back. With frozen base weights that is about 4 floating
//! point operations for each weight and token (2 forward, 2 back to the activations), and as much again for attention
//! at long sequences. Memory is the base weights in 32 bits, the adapters with two moments and one gradient sum, and
//! for each physical batch in flight the activations that the backward pass needs, of which logits and attention
//! weights are the largest.

use std::path::Path;

use privet_model::ModelConfig;
use privet_train::{Device, TrainPlan};
use serde::Serialize;

/// What one core of a recent laptop reaches in this kind of work, in operations a second.
const CORE_RATE: f64 = 1.6e10;
/// What one recent data-centre GPU reaches, in the same unit.
const GPU_RATE: f64 = 1e13;
const FLOAT_BYTES: u64 = 4;

/// A plan's cost, roughly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Estimate {
    pub(crate) memory_bytes: u64,
    pub(crate) seconds: f64,
}

/// Estimates from the plan and the base model's `config.json`; `None` when that cannot be read.
pub(crate) fn estimate(plan: &TrainPlan, device: Device) -> Option<Estimate> {
    let model = ModelConfig::load(Path::new(&plan.model.base_model)).ok()?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (lanes, rate) = match device {
        Device::Cpu => (cores as u64, CORE_RATE * cores as f64),
        Device::TchCpu => (1, CORE_RATE * cores as f64),
        _ => (1, GPU_RATE),
    };
    let shape = Shape::new(&model);
    // At most: few documents take all the sequences they may.
    let rows_drawn = plan.privacy.expected_batch_size * plan.data.sequences_per_unit as u64;
    let rows = (plan.speed.physical_batch_size as u64).min(rows_drawn);
    let sequence = plan.data.sequence_len as u64;
    let memory = shape.weights * FLOAT_BYTES
        + plan.model.trainable_parameters as u64 * FLOAT_BYTES * 4
        + lanes * rows * shape.activations(sequence) * FLOAT_BYTES;
    let passes = if plan.control { 2.0 } else { 1.0 };
    let tokens = (plan.privacy.steps * rows_drawn * sequence) as f64;
    let operations = tokens * (4.0 * shape.weights as f64 + 8.0 * (shape.attention * sequence) as f64);
    Some(Estimate { memory_bytes: memory, seconds: passes * operations / rate })
}

/// The sizes that matter, in scalars.
struct Shape {
    weights: u64,
    /// Attention scores and their use: operations for each token and position.
    attention: u64,
    /// Activations kept for each token, without those that grow with the square of the length.
    token: u64,
    /// Attention weights kept for each pair of tokens.
    pair: u64,
}

impl Shape {
    fn new(model: &ModelConfig) -> Self {
        let size = |count: usize| count as u64;
        let (hidden, inner, layers) =
            (size(model.hidden_size), size(model.intermediate_size), size(model.num_hidden_layers));
        let (heads, vocabulary) = (size(model.num_attention_heads), size(model.vocab_size));
        let block = 4 * hidden * hidden + 3 * hidden * inner;
        Self {
            weights: layers * block + vocabulary * hidden,
            attention: layers * hidden,
            token: layers * (12 * hidden + 4 * inner) + 3 * vocabulary,
            pair: layers * heads * 2,
        }
    }

    fn activations(&self, sequence: u64) -> u64 {
        sequence * self.token + sequence * sequence * self.pair
    }
}
