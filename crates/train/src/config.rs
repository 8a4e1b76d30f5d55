//! What the user writes: the sections of one TOML file that concern training.
//!
//! Every section refuses unknown keys. The fields that define the guarantee (`privacy_unit`, `adjacency`, `delta`,
//! `max_grad_norm`, `expected_batch_size`, `dataset_size_bound`, `steps`, and the noise or its target) have no
//! default: a silent default in a privacy tool is a lie. Speed knobs sit in a struct of their own, [`SpeedConfig`],
//! and cannot change epsilon.

use std::path::PathBuf;

use privet_dp::{Adjacency, PrivacyUnit};
use serde::{Deserialize, Serialize};

/// `[model]`: which open model is fine-tuned, and which of its weights move.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Folder with `config.json`, `model.safetensors` and `tokenizer.json` (Hugging Face layout).
    pub base_model: PathBuf,
    /// SHA-256 of `model.safetensors`; when given, another file is refused.
    #[serde(default)]
    pub sha256: Option<String>,
    /// File as `sha256sum` writes it (`privet inspect MODEL --manifest` does): when given, every file of the model that
    /// is read must be in it, and be the same.
    #[serde(default)]
    pub manifest: Option<PathBuf>,
    /// Adapters beside frozen layers, or none: then weights of the model itself are trained.
    #[serde(default)]
    pub adapter: Adapter,
    /// Rank of every adapter.
    #[serde(default = "lora_r")]
    pub lora_r: usize,
    /// Numerator of the adapter's scale, `lora_alpha / lora_r`.
    #[serde(default = "lora_alpha")]
    pub lora_alpha: f64,
    /// The linear layers that get an adapter: last parts of their names, or patterns of whole names. All, where it is left out.
    pub lora_target_modules: Option<Vec<String>>,
    /// Whether the adapters' `A` stays at its random start, and `B` alone is trained (FFA-LoRA, arXiv 2403.12313).
    #[serde(default)]
    pub lora_freeze_a: bool,
    /// Without an adapter: patterns of the names of the weights that are trained. All, where it is left out.
    pub unfrozen_parameters: Option<Vec<String>>,
}

/// Which weights are trained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Adapter {
    /// Low-rank adapters (Hu et al. 2021, arXiv 2106.09685) beside frozen linear layers.
    #[default]
    Lora,
    /// The model's own weights, or some of them.
    None,
}

/// `[data]`: how text becomes sequences, and the public text that progress is measured on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Longest sequence in tokens.
    pub sequence_len: usize,
    /// How many sequences one unit may take; what is longer than all of them is cut, and counted in `private/`.
    #[serde(default = "one")]
    pub sequences_per_unit: usize,
    /// Which tokens are learned: all, or completions and assistants' turns alone.
    #[serde(default)]
    pub loss_on: LossOn,
    /// Files of a *public* held-out split (paths or globs); its losses are published.
    #[serde(default)]
    pub public_evaluation: Vec<String>,
}

/// Which tokens count in the loss.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossOn {
    /// All of a unit.
    #[default]
    All,
    /// What follows a prompt, or what an assistant says, each with the token that ends it.
    Completion,
}

/// How a record of the corpus is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// One column of text.
    #[default]
    Text,
    /// A column of prompts and one of completions.
    PromptCompletion,
    /// A column of conversations, rendered with the model's chat template.
    Chat,
}

/// `[privacy]`: the guarantee. No field that it depends on has a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivacyConfig {
    /// What one record is. Here one row is one document, and one document is one unit.
    pub privacy_unit: PrivacyUnit,
    /// Which two datasets count as neighbours.
    pub adjacency: Adjacency,
    /// The guarantee's delta; must be below `1 / dataset_size_bound`.
    pub delta: f64,
    /// Target epsilon, from which the noise multiplier is calibrated. Exactly one of this and `noise_multiplier`.
    pub epsilon: Option<f64>,
    /// Noise standard deviation over sensitivity. Exactly one of this and `epsilon`.
    pub noise_multiplier: Option<f64>,
    /// Clipping norm C of one unit's gradient (L2, over all trained tensors together).
    pub max_grad_norm: f64,
    /// How a gradient is brought to that norm. Every way has the same sensitivity.
    #[serde(default)]
    pub clipping: Clipping,
    /// How C moves, for `clipping = "adaptive"`, where it begins with `max_grad_norm`.
    #[serde(default)]
    pub adaptive_clip: Option<AdaptiveClip>,
    /// Whether steps have noise of their own, or noise that later steps take back in part.
    #[serde(default)]
    pub noise: NoiseKind,
    /// How far steps are connected, for `noise = "banded"`.
    #[serde(default)]
    pub banded: Option<Banded>,
    /// The public divisor of the noisy sum; with `dataset_size_bound` it fixes the sampling rate.
    pub expected_batch_size: u64,
    /// A *public* upper bound on the number of units. Never a row count: that is private under add-remove.
    pub dataset_size_bound: u64,
    /// Optimizer steps, each one noisy release.
    pub steps: u64,
    /// The file that adds up all runs on this data; made by `privet budget account create`. Left out: nobody adds up.
    #[serde(default)]
    pub corpus_budget: Option<PathBuf>,
}

/// How one unit's gradient is brought to a norm of at most C.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clipping {
    /// Scaled down to C where it is longer (Abadi et al. 2016, arXiv 1607.00133).
    #[default]
    Flat,
    /// Each of the K trained tensors' gradients to C / sqrt(K), so that all together are at most C (`McMahan` et al. 2018,
    /// arXiv 1710.06963).
    PerLayer,
    /// Scaled to C * norm / (norm + 0.01 C), short or long (Bu et al. 2023, arXiv 2206.07136): all units count nearly alike, and
    /// C only scales the learning rate.
    Automatic,
    /// As flat, with a C that follows a quantile of the norms: every step also releases, with noise of its own, how many of its
    /// units were short enough (Andrew et al. 2021, arXiv 1905.03871).
    Adaptive,
}

/// How the noise of one step goes with that of others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseKind {
    /// Not at all.
    #[default]
    Independent,
    /// Banded matrix factorisation: see [`privet_dp::banded`].
    Banded,
}

/// `[privacy.banded]`: noise that the following steps take back in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Banded {
    /// Steps that are connected, and groups that take turns.
    pub bands: u64,
}

/// `[privacy.adaptive_clip]`: how the clipping norm follows the gradients. Epsilon covers it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdaptiveClip {
    /// The share of units that shall be left unclipped.
    pub target_unclipped_quantile: f64,
    /// eta of the update `C *= exp(-eta * (share - target))`.
    pub clipbound_learning_rate: f64,
    /// Standard deviation of the noise on the count of short units, in units. Where it is left out: a twentieth of
    /// the expected batch, or what costs the gradients 3 % more noise, if that is more.
    pub unclipped_num_std: Option<f64>,
}

impl Default for AdaptiveClip {
    fn default() -> Self {
        Self { target_unclipped_quantile: 0.5, clipbound_learning_rate: 0.2, unclipped_num_std: None }
    }
}

/// `[train]`: the optimizer, and what else is done beside the private run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Peak learning rate.
    pub learning_rate: f64,
    /// How the learning rate moves; depends on the step number alone.
    #[serde(default)]
    pub schedule: Schedule,
    /// Steps of linear warm-up.
    #[serde(default)]
    pub warmup_steps: u64,
    /// Decoupled weight decay.
    #[serde(default)]
    pub weight_decay: f64,
    /// `AdamW`'s decay of the first moment.
    #[serde(default = "beta1")]
    pub beta1: f64,
    /// `AdamW`'s decay of the second moment.
    #[serde(default = "beta2")]
    pub beta2: f64,
    /// Added to the root of the second moment; with `bias_correction` the root's floor, for which about 2e-4 is good.
    #[serde(default = "adam_epsilon")]
    pub adam_epsilon: f64,
    /// Subtract the known noise variance from the second moment (DP-AdamBC, arXiv 2312.14334).
    #[serde(default)]
    pub bias_correction: bool,
    /// Seed of the adapters' public initial values. Noise and sampling never take a seed.
    #[serde(default)]
    pub seed: u64,
    /// Also train the same recipe without clipping and noise; its weights and figures stay in `private/`.
    #[serde(default)]
    pub control: bool,
    /// Also train it with clipping and without noise: beside the other control it tells what clipping costs from what noise costs.
    #[serde(default)]
    pub control_clipped: bool,
    /// Knobs that change speed and nothing else.
    #[serde(default)]
    pub speed: SpeedConfig,
}

/// How the learning rate moves over the steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// The peak, after warm-up, to the end.
    #[default]
    Constant,
    /// Falls in a straight line that would reach zero one step after the last.
    Linear,
    /// Falls along half a cosine that would reach zero one step after the last.
    Cosine,
}

/// `[train.speed]`: none of these can change the clipped sum, the noise or epsilon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpeedConfig {
    /// Sequences that go through the device at once.
    pub physical_batch_size: usize,
    /// Steps between checkpoints; a crash loses at most this many steps, and charges them again.
    pub checkpoint_every: u64,
    /// Run every block again on the way back, instead of keeping what it computed: memory for activations is then that of
    /// one block, for about a third more work.
    pub activation_checkpointing: bool,
}

impl Default for SpeedConfig {
    fn default() -> Self {
        Self { physical_batch_size: 32, checkpoint_every: 1, activation_checkpointing: false }
    }
}

/// `[audit]`: canaries that try to break the guarantee.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// Extra records made for the audit, each put in by a fair coin. 0 switches the audit off.
    pub canaries: usize,
    /// Share of the canaries on which the audit guesses; fixed before training.
    pub guess_fraction: f64,
    /// The audit's error probability.
    pub alpha: f64,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { canaries: 0, guess_fraction: 0.2, alpha: 0.05 }
    }
}

fn one() -> usize {
    1
}

fn lora_r() -> usize {
    8
}

fn lora_alpha() -> f64 {
    16.0
}

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.999
}

fn adam_epsilon() -> f64 {
    1e-8
}
