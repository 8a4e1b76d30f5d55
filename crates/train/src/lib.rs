//! DP-SGD training: Poisson sampling, per-sample clipping, noise from a stream cipher, a write-ahead ledger.

pub mod adamw;
pub mod atomic;
pub mod config;
pub mod error;
pub mod keys;
pub mod ledger_file;
pub mod noise;
pub mod sampler;
pub mod tokens;

pub use error::Error;
