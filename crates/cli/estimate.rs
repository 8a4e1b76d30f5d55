//! How much memory and time a plan will take, before it starts: orders of magnitude, from public numbers.
//!
//! A step sends `expected_batch_size` sequences forward and back. With frozen base weights that is about 4 floating
//! point operations for each weight and token (2 forward, 2 back to the activations), 2 more for each weight that is trained
//! itself, 2 more where blocks are run again, and as much again for attention at long sequences. Memory is the base weights in
//! 32 bits; what is trained once more on the host, with two moments, a gradient sum in 64 bits and one for each physical
//! batch in flight; and for each of those the activations that the backward pass needs, of which logits and attention
//! weights are the largest, and gradients that are held.

use std::path::Path;

use privet_model::ModelConfig;
use privet_train::{Device, TrainPlan};
use serde::Serialize;

/// What one core of a recent laptop reaches in this kind of work, in operations a second.
const CORE_RATE: f64 = 1.6e10;
/// What one recent data-centre GPU reaches, in the same unit.
const GPU_RATE: f64 = 1e13;
const FLOAT_BYTES: u64 = 4;
/// Gradients that a physical batch holds multiplied out, at most (`privet_model::gradients`).
const HELD_BYTES: u64 = 1 << 30;

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
    let (trained, again) = (plan.model.trainable_parameters as u64, plan.speed.activation_checkpointing);
    let held = (rows * trained * FLOAT_BYTES).min(HELD_BYTES);
    // What banded noise takes back later, in 64 bits.
    let past = plan.privacy.banded.map_or(0, |banded| banded.bands);
    let memory = shape.weights * FLOAT_BYTES
        + trained * FLOAT_BYTES * (5 + lanes)
        + past * trained * 2 * FLOAT_BYTES
        + lanes * (rows * shape.activations(sequence, again) * FLOAT_BYTES + held);
    let passes = 1.0 + plan.controls.len() as f64;
    let tokens = (plan.privacy.steps * rows_drawn * sequence) as f64;
    let own = if plan.model.lora.is_some() { 0.0 } else { 2.0 * trained as f64 };
    let forward = shape.weights as f64 + 2.0 * (shape.attention * sequence) as f64;
    let operations = tokens * (own + forward * if again { 6.0 } else { 4.0 });
    Some(Estimate { memory_bytes: memory, seconds: passes * operations / rate })
}

/// The sizes that matter, in scalars.
struct Shape {
    weights: u64,
    /// Attention scores and their use: operations for each token and position.
    attention: u64,
    /// Activations kept for each token, without those that grow with the square of the length: of a block, of what enters it,
    /// and of the head.
    token: [u64; 3],
    /// Attention weights of a block, kept for each pair of tokens.
    pair: u64,
    layers: u64,
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
            token: [12 * hidden + 4 * inner, hidden, 3 * vocabulary],
            pair: heads * 2,
            layers,
        }
    }

    /// Activations of a sequence, whose blocks may be run `again`.
    fn activations(&self, sequence: u64, again: bool) -> u64 {
        let [block, entry, head] = self.token;
        let block = sequence * block + sequence * sequence * self.pair;
        sequence * (self.layers * entry + head) + if again { block } else { self.layers * block }
    }
}
