//! From what the user wrote to what will be done: one [`TrainPlan`], resolved, with nothing optional left.
//!
//! The plan is made from public inputs alone (the configuration and the base model's folder), before any data is
//! touched. Its JSON is `public/plan.json`, byte for byte; the ledger's first line carries the BLAKE3 of those bytes,
//! so that nobody can say afterwards that another plan was run. Speed knobs and the control run are left out of it:
//! they cannot change the released weights' guarantee, and a run may be resumed with others. So is the corpus budget.

mod privacy;

use std::path::PathBuf;

use privet_dp::{Event, PrivacyUnit};
use privet_model::manifest::{self, Manifest};
use privet_model::{LoraSpec, ModelConfig as Architecture, Trainable, weights::WeightFile};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::config::{
    Adapter, AuditConfig, Clipping, DataConfig, Format, LossOn, ModelConfig, NoiseKind, PrivacyConfig, Schedule,
    SpeedConfig, TrainConfig,
};
use crate::tokens::Encoder;
use crate::tokens::chat::Template;
pub use privacy::{PlannedAdaptiveClip, PlannedBanded, PlannedPrivacy, plan_privacy};

/// Format name in `plan.json`.
pub const FORMAT: &str = "privet-plan/v1";

/// A stage that the text went through before training, and how many of its outputs one input record can change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Name, as in `scrub` or `dedup-exact`.
    pub name: String,
    /// Output records that one input record can change; `None` where no bound is claimed.
    pub stability: Option<u64>,
}

/// Everything a plan is made from; all of it public.
pub struct PlanInputs<'a> {
    /// Name of the run.
    pub name: &'a str,
    /// Whether the user declares the data synthetic, so that private figures may be shown on the terminal.
    pub declared_synthetic: bool,
    /// Column of the text, or columns with a comma between them.
    pub column: &'a str,
    /// Column that says whose a record is, where users are the unit.
    pub unit_column: Option<&'a str>,
    /// A limit on the records of one owner that preparation keeps, where each record is a unit.
    pub owner_limit: Option<OwnerLimit>,
    /// How records are read.
    pub format: Format,
    /// `[model]`.
    pub model: &'a ModelConfig,
    /// `[data]`.
    pub data: &'a DataConfig,
    /// `[privacy]`.
    pub privacy: &'a PrivacyConfig,
    /// `[train]`.
    pub train: &'a TrainConfig,
    /// `[audit]`.
    pub audit: &'a AuditConfig,
    /// Stages before training.
    pub stages: Vec<Stage>,
}

/// What will be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainPlan {
    /// [`FORMAT`].
    pub format: String,
    /// Name of the run.
    pub name: String,
    /// Version of the program that made the plan.
    pub privet_version: String,
    /// Whether the data is declared synthetic.
    pub declared_synthetic: bool,
    /// The model and its adapters.
    pub model: PlannedModel,
    /// The data.
    pub data: PlannedData,
    /// The guarantee.
    pub privacy: PlannedPrivacy,
    /// The optimizer.
    pub train: PlannedTrain,
    /// The audit, fixed before training.
    pub audit: AuditConfig,
    /// Stages before training.
    pub stages: Vec<Stage>,
    /// Speed knobs; not part of `plan.json`.
    #[serde(skip)]
    pub speed: SpeedConfig,
    /// The non-private controls that are trained too; not part of `plan.json`.
    #[serde(skip)]
    pub controls: Vec<Control>,
    /// The budget of all runs on this data; not part of `plan.json`, as it changes nothing about this run.
    #[serde(skip)]
    pub corpus_budget: Option<PathBuf>,
}

/// The model and its adapters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedModel {
    /// Folder of the base model, as written.
    pub base_model: String,
    /// SHA-256 of its weights.
    pub base_model_digest: String,
    /// SHA-256 of its other files: configuration, tokenizer, chat template.
    pub base_model_files: Manifest,
    /// Architecture.
    pub architecture: String,
    /// Whether adapters are trained, or weights of the model itself.
    pub adapter: Adapter,
    /// The adapters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lora: Option<LoraSpec>,
    /// Patterns of the names of the weights, where there is no adapter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfrozen_parameters: Option<Vec<String>>,
    /// Tensors that are trained.
    pub trainable_tensors: usize,
    /// Scalars in them.
    pub trainable_parameters: usize,
}

/// The data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedData {
    /// Column of the text, or columns with a comma between them.
    pub column: String,
    /// Column that says whose a record is: all records of one value are one unit. Left out where each is a unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_column: Option<String>,
    /// How many records of one owner are trained on at most, where each record is a unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_limit: Option<OwnerLimit>,
    /// How records are read.
    pub format: Format,
    /// Which tokens count in the loss.
    pub loss_on: LossOn,
    /// Longest sequence in tokens.
    pub sequence_len: usize,
    /// How many sequences one unit may take.
    pub sequences_per_unit: usize,
}

/// At most so many records have the same value in a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerLimit {
    /// The column.
    pub column: String,
    /// Records of one value.
    pub records: u64,
}

/// The optimizer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedTrain {
    /// Always `dp-adamw`.
    pub optimizer: String,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// How it moves.
    pub schedule: Schedule,
    /// Warm-up steps.
    pub warmup_steps: u64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment, or its floor with `bias_correction`.
    pub adam_epsilon: f64,
    /// Whether the known noise variance leaves the second moment.
    pub bias_correction: bool,
    /// Public seed of the adapters' initial values.
    pub seed: u64,
}

/// Resolves a configuration into a plan. Reads the base model's folder, and no data.
///
/// # Errors
/// [`Error::Config`] for a value that cannot be (delta not below `1 / dataset_size_bound`, a missing or doubled noise,
/// an empty batch, …); [`Error::Model`] for a base model that cannot be used; [`Error::Accounting`] when the target
/// cannot be reached.
pub fn plan(inputs: &PlanInputs<'_>) -> Result<TrainPlan, Error> {
    let (model, train) = (inputs.model, inputs.train);
    check_training(inputs)?;
    let privacy = plan_privacy(inputs.privacy)?;
    if let Some(path) = &model.manifest {
        manifest::verify(&model.base_model, &manifest::read(path)?)?;
    }
    let architecture = Architecture::load(&model.base_model)?;
    if architecture.family.is_encoder() {
        return Err(Error::config("model.base_model", "is an encoder, which predicts no next token to train on"));
    }
    if inputs.data.sequence_len > architecture.max_position_embeddings {
        let most = architecture.max_position_embeddings;
        return Err(Error::config("data.sequence_len", format!("is longer than the model's {most} positions")));
    }
    if inputs.format == Format::Chat && Template::open(&model.base_model)?.is_none() {
        return Err(Error::config("model.base_model", crate::tokens::chat::MISSING));
    }
    let file = WeightFile::open(&model.base_model, model.sha256.as_deref())?;
    let planned = planned_model(model, &architecture, &file)?;
    Ok(TrainPlan {
        format: FORMAT.to_owned(),
        name: inputs.name.to_owned(),
        privet_version: env!("CARGO_PKG_VERSION").to_owned(),
        declared_synthetic: inputs.declared_synthetic,
        model: planned,
        data: PlannedData {
            column: inputs.column.to_owned(),
            unit_column: inputs.unit_column.map(str::to_owned),
            owner_limit: inputs.owner_limit.clone(),
            format: inputs.format,
            loss_on: inputs.data.loss_on,
            sequence_len: inputs.data.sequence_len,
            sequences_per_unit: inputs.data.sequences_per_unit,
        },
        privacy,
        train: PlannedTrain {
            optimizer: "dp-adamw".to_owned(),
            learning_rate: train.learning_rate,
            schedule: train.schedule,
            warmup_steps: train.warmup_steps,
            weight_decay: train.weight_decay,
            beta1: train.beta1,
            beta2: train.beta2,
            adam_epsilon: train.adam_epsilon,
            bias_correction: train.bias_correction,
            seed: train.seed,
        },
        audit: inputs.audit.clone(),
        stages: inputs.stages.clone(),
        speed: train.speed.clone(),
        controls: controls(train),
        corpus_budget: inputs.privacy.corpus_budget.clone(),
    })
}

/// A training without privacy by the same recipe, to compare with. Everything of it stays in `private/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Neither clipping nor noise.
    Plain,
    /// Clipping without noise.
    Clipped,
}

impl Control {
    /// Its folder below `private/`.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Plain => "control",
            Self::Clipped => "control-clipped",
        }
    }
}

fn controls(train: &TrainConfig) -> Vec<Control> {
    let asked = [(train.control, Control::Plain), (train.control_clipped, Control::Clipped)];
    asked.into_iter().filter_map(|(asked, control)| asked.then_some(control)).collect()
}

/// Resolves `[model]` for a base model that was opened.
fn planned_model(model: &ModelConfig, architecture: &Architecture, file: &WeightFile) -> Result<PlannedModel, Error> {
    let all = || architecture.modules().iter().map(|module| module.name().to_owned()).collect();
    let (lora, unfrozen_parameters) = match model.adapter {
        Adapter::Lora => {
            let target_modules = model.lora_target_modules.clone().unwrap_or_else(all);
            let (r, alpha, freeze_a) = (model.lora_r, model.lora_alpha, model.lora_freeze_a);
            (Some(LoraSpec { r, alpha, target_modules, freeze_a }), None)
        }
        Adapter::None => (None, Some(model.unfrozen_parameters.clone().unwrap_or_else(|| vec!["*".to_owned()]))),
    };
    let mut planned = PlannedModel {
        base_model: model.base_model.display().to_string(),
        base_model_digest: file.digest().to_owned(),
        base_model_files: manifest::small_files(&model.base_model)?,
        architecture: architecture.family.name().to_owned(),
        adapter: model.adapter,
        lora,
        unfrozen_parameters,
        trainable_tensors: 0,
        trainable_parameters: 0,
    };
    let layout = planned.trainable().layout(architecture, file)?;
    if layout.is_empty() {
        let key = if planned.lora.is_some() { "model.lora_target_modules" } else { "model.unfrozen_parameters" };
        return Err(Error::config(key, "names nothing, so nothing would be trained"));
    }
    planned.trainable_tensors = layout.len();
    planned.trainable_parameters = layout.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
    Ok(planned)
}

const ONLY_LORA: &str = "is for adapter = \"lora\"; without an adapter, unfrozen_parameters says what is trained";

fn check_training(inputs: &PlanInputs<'_>) -> Result<(), Error> {
    let (model, data, train, audit) = (inputs.model, inputs.data, inputs.train, inputs.audit);
    let unit = |x: f64| (0.0..1.0).contains(&x);
    let whole = data.sequences_per_unit > 0 && data.sequences_per_unit <= train.speed.physical_batch_size;
    let learned = inputs.format != Format::Text || data.loss_on == LossOn::All;
    let lora = model.adapter == Adapter::Lora;
    let fixed_noise = inputs.privacy.clipping != Clipping::Adaptive;
    let own_noise = inputs.privacy.noise == NoiseKind::Independent;
    let users = inputs.privacy.privacy_unit == PrivacyUnit::User;
    let checks: [(&str, bool, &str); 21] = [
        (
            "privacy.privacy_unit",
            !users || inputs.unit_column.is_some(),
            "is \"user\", which needs unit_column in [[datasets]]: the column that says whose a row is",
        ),
        (
            "datasets.unit_column",
            users || inputs.unit_column.is_none(),
            "is for privacy_unit = \"user\"; with another unit each row is protected by itself",
        ),
        ("model.lora_r", model.lora_r > 0, "must be at least 1"),
        ("model.lora_alpha", model.lora_alpha.is_finite() && model.lora_alpha > 0.0, "must be a positive number"),
        ("model.lora_target_modules", lora || model.lora_target_modules.is_none(), ONLY_LORA),
        ("model.lora_freeze_a", lora || !model.lora_freeze_a, ONLY_LORA),
        (
            "model.unfrozen_parameters",
            !lora || model.unfrozen_parameters.is_none(),
            "is for adapter = \"none\": beside adapters the model's own weights stay as they are",
        ),
        ("data.sequence_len", data.sequence_len >= 2, "must be at least 2: one token to read and one to predict"),
        (
            "data.sequences_per_unit",
            whole,
            "must lie in 1..=train.speed.physical_batch_size: a unit's sequences are clipped together, in one batch",
        ),
        ("data.loss_on", learned, "\"completion\" needs prompts and completions, or chats; a plain text has neither"),
        ("train.learning_rate", train.learning_rate.is_finite() && train.learning_rate > 0.0, "must be positive"),
        ("train.weight_decay", train.weight_decay.is_finite() && train.weight_decay >= 0.0, "must not be negative"),
        ("train.beta1", unit(train.beta1), "must lie in [0, 1)"),
        ("train.beta2", unit(train.beta2), "must lie in [0, 1)"),
        (
            "train.bias_correction",
            fixed_noise || !train.bias_correction,
            "subtracts the noise's variance, which moves with C under clipping = \"adaptive\": choose one of the two",
        ),
        (
            "train.bias_correction",
            own_noise || !train.bias_correction,
            "subtracts the variance of noise that is new in every step, which banded noise is not: choose one of the two",
        ),
        ("train.adam_epsilon", train.adam_epsilon.is_finite() && train.adam_epsilon > 0.0, "must be positive"),
        ("train.speed.physical_batch_size", train.speed.physical_batch_size > 0, "must be at least 1"),
        ("train.speed.checkpoint_every", train.speed.checkpoint_every > 0, "must be at least 1"),
        ("audit.guess_fraction", audit.guess_fraction > 0.0 && audit.guess_fraction <= 1.0, "must lie in (0, 1]"),
        ("audit.alpha", audit.alpha > 0.0 && audit.alpha < 0.5, "must lie in (0, 0.5)"),
    ];
    match checks.iter().find(|(_, holds, _)| !holds) {
        Some((key, _, reason)) => Err(Error::config(key, *reason)),
        None => Ok(()),
    }
}

impl PlannedModel {
    /// What is trained.
    pub fn trainable(&self) -> Trainable {
        match &self.lora {
            Some(spec) => Trainable::Lora(spec.clone()),
            None => Trainable::Weights(self.unfrozen_parameters.clone().unwrap_or_default()),
        }
    }
}

impl TrainPlan {
    /// The exact bytes of `plan.json`.
    pub fn to_json(&self) -> String {
        // A struct of numbers, strings and lists cannot fail to serialise.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// BLAKE3 of [`TrainPlan::to_json`], in hex: what the ledger's first line carries.
    pub fn hash(&self) -> String {
        blake3::hash(self.to_json().as_bytes()).to_hex().to_string()
    }

    /// The privacy event of one step.
    pub fn event(&self) -> Event {
        self.privacy.event()
    }

    /// Everything that the run will release, at most.
    pub fn whole_event(&self) -> Event {
        self.event().of_steps(self.privacy.steps)
    }

    /// Epsilon of `turns` charged turns at the plan's delta; each step is one, but for banded noise.
    ///
    /// # Errors
    /// [`Error::Accounting`] when the accountant does not support the plan's adjacency.
    pub fn epsilon_after(&self, turns: u64) -> Result<f64, Error> {
        let event = Event::Repeated { event: Box::new(self.event()), count: turns };
        Ok(privet_dp::account(&event, self.privacy.delta, self.privacy.adjacency)?.epsilon_upper.get())
    }

    /// How records of the corpus become units.
    ///
    /// # Errors
    /// As [`Encoder::open`].
    pub fn encoder(&self, architecture: &Architecture) -> Result<Encoder, Error> {
        let data = &self.data;
        // Sequences of a unit share a token with the one before.
        let most = 1 + data.sequences_per_unit * (data.sequence_len - 1);
        Encoder::open(self.model.base_model.as_ref(), architecture, data.format, most, data.loss_on)
    }
}
