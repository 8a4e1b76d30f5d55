//! The report as data: `privacy-report/v1`.
//!
//! The fields are the format: readers rely on their names, so they change with the version only. Numbers are as computed;
//! a rounded epsilon appears beside the computed one and is never below it. Losses are nats per token, epsilons natural
//! logarithms, times seconds, digests lower-case hexadecimal.

use privet_dp::{Adjacency, Engine, PrivacyUnit, SamplingRate};
use serde::{Deserialize, Serialize};

use crate::{Copies, Corpus, Evidence, Section, Selftest, TrainingFigures, Utility};

/// Format name of a report.
pub const FORMAT: &str = "privacy-report/v1";

/// For whom a report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edition {
    /// For anyone: made from `public/` alone.
    Public,
    /// For those who hold the data: adds what follows from it without noise.
    Private,
}

/// Everything said about a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: String,
    /// For whom.
    pub edition: Edition,
    /// Name of the run.
    pub name: String,
    /// The guarantee in prose.
    pub statement: Statement,
    /// The guarantee in numbers.
    pub guarantee: GuaranteeFigures,
    /// How it comes about.
    pub mechanism: Mechanism,
    /// What it covers and what not.
    pub scope: Scope,
    /// The record it was computed from.
    pub ledger: LedgerSummary,
    /// What happened to the text before training; private.
    pub corpus: Section<Corpus>,
    /// What became of copies.
    pub copies: Section<Copies>,
    /// What happened in training; private.
    pub training: Section<TrainingFigures>,
    /// What an attack on the released model found; private.
    pub evidence: Section<Evidence>,
    /// What the program that trained found out about itself.
    pub selftest: Section<Selftest>,
    /// What the model is good for.
    pub utility: Section<Utility>,
    /// Where everything comes from.
    pub provenance: Provenance,
    /// What no guarantee of this kind can give.
    pub limits: Vec<String>,
    /// What the guarantee rests on.
    pub assumptions: Vec<Assumption>,
    /// What a reader should not miss.
    pub warnings: Vec<String>,
}

/// The guarantee in prose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// One sentence with epsilon, delta, unit and adjacency.
    pub headline: String,
    /// What it means, how it comes about, what is released, what is covered.
    pub paragraphs: Vec<String>,
}

/// The guarantee in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GuaranteeFigures {
    /// As computed from the ledger; an upper bound.
    pub epsilon: f64,
    /// The true epsilon of what was released is at least this; 0 where nothing better is known.
    pub epsilon_lower: f64,
    /// The figure to quote: `epsilon` rounded up.
    pub epsilon_stated: f64,
    /// Probability with which the bound may fail.
    pub delta: f64,
    /// What one record is.
    pub privacy_unit: PrivacyUnit,
    /// Which data sets are compared.
    pub adjacency: Adjacency,
    /// How epsilon was computed.
    pub engine: Engine,
    /// Rényi order that gave it, if there was one.
    pub order: Option<f64>,
    /// Noisy releases charged.
    pub steps_charged: u64,
    /// The target of the plan, if it had one.
    pub target_epsilon: Option<f64>,
    /// delta times the public bound on the number of units; below 1.
    pub delta_times_bound: f64,
    /// How well any test for one unit can do.
    pub reading: Vec<ReadingPoint>,
    /// The guarantee for several units at once.
    pub groups: Vec<GroupFigure>,
    /// The guarantee for all units of one owner, where the plan limits how many those are.
    pub owner: Option<OwnerFigure>,
}

/// The guarantee for everything that one owner has in the training set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OwnerFigure {
    /// The column that names owners.
    pub column: String,
    /// The guarantee for as many units as one owner may have.
    pub group: GroupFigure,
}

/// A point that no test can get above.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReadingPoint {
    /// Share of false alarms.
    pub false_positive_rate: f64,
    /// Most that can be found.
    pub true_positive_rate_max: f64,
}

/// The guarantee for `units` units at once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GroupFigure {
    /// Units.
    pub units: u64,
    /// An upper bound.
    pub epsilon: f64,
    /// The delta that goes with it; `None` where nothing is guaranteed.
    pub delta: Option<f64>,
}

/// What a step with adaptive clipping releases beside its sum.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AdaptiveClip {
    /// The share of units that shall be left unclipped.
    pub target_unclipped_quantile: f64,
    /// Standard deviation of the noise on the count of unclipped units.
    pub unclipped_num_std: f64,
    /// The same over the count's sensitivity.
    pub unclipped_noise_multiplier: f64,
}

/// Noise that later steps take back in part, and the groups that take turns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Banded {
    /// Bands of the strategy matrix, and groups.
    pub bands: u64,
    /// Inclusion probability of a unit when its group has its turn: threshold over 2^64.
    pub group_sampling_rate: SamplingRate,
    /// How often a unit may have its turn, at most: what the plan pays for.
    pub turns_planned: u64,
    /// How often at most it may have had it.
    pub turns_charged: u64,
    /// Processes that trained, each with groups and noise of its own.
    pub segments: u32,
}

/// How the guarantee comes about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mechanism {
    /// `dp-sgd`, or `dp-bandmf` where noise is banded.
    pub name: String,
    /// Optimizer that reads the noisy gradient.
    pub optimizer: String,
    /// Its peak learning rate.
    pub learning_rate: f64,
    /// Kind of the adapters that are trained, or `none`: then weights of the model itself are.
    pub adapter: String,
    /// How many.
    pub trainable_parameters: u64,
    /// Longest sequence, in tokens; the rest of a text is cut off.
    pub sequence_len: u64,
    /// Clipping norm C of a unit's whole gradient; the first step's where it moves.
    pub max_grad_norm: f64,
    /// How gradients are brought to it: `flat`, `per-layer`, `automatic` or `adaptive`.
    pub clipping: String,
    /// The count that is released for a C that moves.
    #[serde(default)]
    pub adaptive_clip: Option<AdaptiveClip>,
    /// L2 sensitivity of the clipped sum, in the first step where C moves; it and the noise move with C.
    pub sensitivity: f64,
    /// Noise standard deviation over sensitivity.
    pub noise_multiplier: f64,
    /// Standard deviation of the noise on every entry of the sum; where noise is banded, of the fresh noise it is made from.
    pub noise_standard_deviation: f64,
    /// `poisson`, or `cyclic-poisson` where noise is banded.
    pub sampling: String,
    /// Inclusion probability, exactly: threshold over 2^64; where noise is banded, over the choice of groups.
    pub sampling_rate: SamplingRate,
    /// The same as a decimal, rounded up.
    pub sampling_rate_decimal: f64,
    /// The public constant by which the noisy sum is divided.
    pub expected_batch_size: f64,
    /// Public bound on the number of units.
    pub dataset_size_bound: u64,
    /// Steps planned.
    pub steps_planned: u64,
    /// How steps are connected, where they are.
    #[serde(default)]
    pub banded: Option<Banded>,
}

/// What the guarantee covers and what not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scope {
    /// What may be given away.
    pub released: Vec<String>,
    /// Stages before training.
    pub stages: Vec<StageScope>,
    /// Whether epsilon holds for the corpus as it came in.
    pub end_to_end: bool,
    /// That, in words.
    pub covers: String,
    /// What epsilon says nothing about.
    pub not_covered: Vec<String>,
}

/// A stage before training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageScope {
    /// Name.
    pub name: String,
    /// Output records that one input record can change; `None`: no bound is claimed.
    pub stability: Option<u64>,
}

/// The record the guarantee was computed from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerSummary {
    /// Hash of the last line.
    pub head: String,
    /// Lines, the first included.
    pub lines: u64,
    /// Highest step charged.
    pub steps_reached: u64,
    /// Charges for steps that were charged before (runs that were taken up again).
    pub charged_again: u64,
    /// BLAKE3 of `public/plan.json`.
    pub plan_hash: String,
    /// Salted commitment to the training data.
    pub dataset_commitment: String,
    /// Hash of the program that trained.
    pub binary_hash: String,
    /// How epsilon grew.
    pub curve: Vec<CurvePoint>,
}

/// epsilon after a number of charged releases, at the report's delta, unit and adjacency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Releases charged so far.
    pub charged: u64,
    /// epsilon so far.
    pub epsilon: f64,
}

/// Where everything comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of privet that trained.
    pub privet_version: String,
    /// Version of privet that made this report.
    pub report_version: String,
    /// Whether the user declared the data synthetic.
    pub declared_synthetic: bool,
    /// Base model, as the configuration names it.
    pub base_model: String,
    /// SHA-256 of its weights.
    pub base_model_digest: String,
    /// Its architecture.
    pub architecture: String,
    /// Column of the text.
    pub column: String,
}

/// What the guarantee rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assumption {
    /// What must be true.
    pub assumption: String,
    /// Who sees to it.
    pub basis: Basis,
    /// How.
    pub how: String,
}

/// Who sees to an assumption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The program cannot run otherwise.
    Enforced,
    /// Tests of the program compare it with a slow, obvious twin.
    Tested,
    /// Nobody but the user or the world.
    Asserted,
}

impl Basis {
    /// As the table prints it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Enforced => "enforced by code",
            Self::Tested => "tested",
            Self::Asserted => "only asserted",
        }
    }
}
