//! DP-SGD fine-tuning: true Poisson sampling, exact per-unit clipping, ChaCha20 noise, a write-ahead ledger.
//!
//! In reading order: [`config`] is what the user writes, [`mod@plan`] what will be done; [`training`] is the stage over a
//! run's folder; `engine` is the loop; [`mod@score`] and [`mod@generate`] ask a model; [`clip`] the type chain that makes an un-noised or unaccounted step
//! impossible to write; [`sampler`], [`noise`], [`keys`], [`adamw`] and [`ledger_file`] are its parts.

#[macro_use]
mod mutants;

pub mod adamw;
pub mod atomic;
pub mod banded;
mod canaries;
mod checkpoint;
pub mod clip;
pub mod config;
pub mod corpus_budget;
pub mod corpus_budget_file;
mod engine;
pub mod error;
pub mod generate;
pub mod keys;
pub mod ledger_file;
pub mod logs;
pub mod noise;
pub mod plan;
pub mod run_folder;
pub mod sampler;
pub mod score;
pub mod selftest;
pub mod tokens;
pub mod training;

pub use config::{
    Adapter, AuditConfig, Banded, Clipping, DataConfig, Format, LossOn, ModelConfig, NoiseKind, PrivacyConfig,
    Schedule, SpeedConfig, TrainConfig,
};
pub use corpus_budget_file::CorpusBudgetFault;
pub use error::Error;
pub use plan::{Control, OwnerLimit, PlanInputs, Stage, TrainPlan, plan};
pub use privet_model::Device;
pub use tokens::{Example, Examples, Message};
pub use training::{Inputs, Observed, Outcome, train};
