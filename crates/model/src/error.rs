//! What can go wrong between a folder of weights and a loss.

use std::path::PathBuf;

/// An error of this crate. No variant carries text of a corpus.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the model folder cannot be read.
    #[error(
        "cannot read {path}: {source}. Is it a Hugging Face model folder (config.json, model.safetensors, tokenizer.json)?"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Weights in a format that can run code when loaded, or that is not safetensors.
    #[error(
        "{path} holds {found}, not safetensors; it was not opened. Convert the weights to model.safetensors with the tool that made them"
    )]
    UnsafeFormat {
        /// The file.
        path: PathBuf,
        /// What its first bytes, or its name, say it is.
        found: &'static str,
    },
    /// A safetensors file whose header or offsets are broken.
    #[error("{path} is not a valid safetensors file: {reason}. Download or convert it again")]
    BadWeights {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// `config.json` is not one this crate can run.
    #[error("{path}: {reason}")]
    BadConfig {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A weight that the architecture needs is missing.
    #[error("{path} has no tensor named {name}, which this architecture needs")]
    MissingTensor {
        /// The weights file.
        path: PathBuf,
        /// The tensor's Hugging Face name.
        name: String,
    },
    /// A weight has another shape than `config.json` says.
    #[error("{path}: tensor {name} has shape {found:?}, but config.json says {expected:?}")]
    WrongShape {
        /// The weights file.
        path: PathBuf,
        /// The tensor's Hugging Face name.
        name: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape by the configuration.
        expected: Vec<usize>,
    },
    /// The weights are not the ones that were pinned.
    #[error(
        "{path} has SHA-256 {found}, but the configuration pins {expected}. Use the pinned file, or change the pin if the new one is wanted"
    )]
    WrongDigest {
        /// The weights file.
        path: PathBuf,
        /// Digest of the file.
        found: String,
        /// Digest in the configuration.
        expected: String,
    },
    /// A manifest that cannot be read.
    #[error("{path}: line {line} is not a SHA-256 and a name, as sha256sum prints them")]
    BadManifest {
        /// The manifest.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A file that would be read is not among the pinned ones.
    #[error("{path} is not in the manifest that the configuration pins. Remove the file, or make the manifest again")]
    NotPinned {
        /// The file.
        path: PathBuf,
    },
    /// `lora_target_modules` names no such layer.
    #[error("`lora_target_modules` names {name:?}, but a block has only {known}")]
    UnknownModule {
        /// The name as written.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// `unfrozen_parameters` names no such weight.
    #[error("`unfrozen_parameters` has {pattern:?}, which fits the name of no weight of the model")]
    UnknownWeights {
        /// The pattern as written.
        pattern: String,
    },
    /// A tensor that should be trained has no place in the model, so its gradient could not be had.
    #[error("{name} should be trained, but is no part of the model's forward pass")]
    Untrainable {
        /// The tensor.
        name: String,
    },
    /// An adapter that cannot be folded into a model, or not into this one.
    #[error("{path}: {reason}")]
    BadAdapter {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A value that the base's number type cannot hold.
    #[error("a new value of {name} does not fit the base's number type")]
    Overflow {
        /// The tensor.
        name: String,
    },
    /// Something is where a new folder should be made.
    #[error("{path} exists already; nothing was written. Choose another output")]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// A device name that means nothing.
    #[error("{name:?} is not a device; use cpu, cuda:N, tch:cpu or tch:cuda:N")]
    UnknownDevice {
        /// The name as written.
        name: String,
    },
    /// A device this binary was not built for, or that this machine lacks.
    #[error("the device {name} cannot be used: {reason}")]
    NoDevice {
        /// The device.
        name: String,
        /// What is missing and how to get it.
        reason: String,
    },
}
