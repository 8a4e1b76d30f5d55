//! Open language models on Burn: Hugging Face folders in, per-example losses and per-sample gradients out.
//!
//! In reading order: [`device`] turns a device's name into a Burn backend (the only file that knows which backends are
//! compiled in); [`config`] and [`weights`] read a Hugging Face folder; [`decoder`] is one
//! readable forward pass for all families, [`encoder`] the same blocks for BERT and its kin; [`trainable`] says what is trained,
//! [`lora`] being one answer; `tape` and [`gradients`] turn one backward pass into one gradient per unit; [`mod@merge`] writes
//! models.
//!
//! # Why per-sample gradients need no fork of Burn
//!
//! Weights stay *outside* autodiff, so a backward pass computes only gradients of activations. Every layer with something to
//! train adds a zero leaf (a *probe*) to its output; after one backward pass of the *sum* of the per-unit losses, the
//! probe's gradient is dL/dy of that layer, one row block per unit. Together with the layer's input that is all
//! a per-sample weight gradient needs (Goodfellow 2015, arXiv 1510.01799; book-keeping: Bu et al. 2023,
//! arXiv 2210.00038).

pub mod config;
pub mod decoder;
pub mod device;
pub mod encoder;
pub mod error;
pub mod gradients;
pub mod inspect;
pub mod lora;
pub mod manifest;
pub mod merge;
mod tape;
pub mod trainable;
pub mod weights;

pub use config::ModelConfig;
pub use decoder::{Decoder, Past, Row, TokenBatch};
pub use device::{Device, OnDevice};
pub use encoder::Encoder;
pub use error::Error;
pub use gradients::SampleGradients;
pub use lora::LoraSpec;
pub use merge::{Merged, merge, save};
pub use trainable::{Start, Tensors, Trainable};
