//! The statement of a run: what was released, what that guarantees, and what it does not.
//!
//! A report is assembled from a run's folder, and from nothing else. No epsilon that lies in a file is believed: the
//! ledger is read and checked line by line, held against the plan, and the guarantee is computed again from it. If ledger
//! and plan disagree there is no report, only an [`Error`] that says where.
//!
//! There are two editions of the same report. [`Edition::Public`] is made from `public/` alone: the private folder is not
//! opened, so nothing derived from the training data can slip in. [`Edition::Private`] adds corpus counts, training
//! figures, the non-private control and the audit, and is for the people who hold the data.
//!
//! The report is data ([`Report`], `privacy-report/v1`, JSON Schema in [`SCHEMA`]); [`terminal`], [`markdown`] and
//! [`html`] are renderings of it. One rule holds in all of them: an epsilon never stands without its delta, its privacy
//! unit and its adjacency, because without them it means nothing.
//!
//! ```no_run
//! use privet_report::{Edition, Gates, assemble, check, terminal};
//!
//! let report = assemble("runs/quickstart".as_ref(), Edition::Public)?;
//! assert!(check(&report, &Gates { max_epsilon: Some(8.0), ..Gates::default() }).is_empty());
//! let text = terminal(&report, false, 80);
//! # Ok::<(), privet_report::Error>(())
//! ```

mod assemble;
mod assumptions;
mod chart;
mod document;
mod error;
mod folder;
mod gates;
mod html;
mod markdown;
mod private;
mod published;
mod report;
mod sections;
mod statement;
mod terminal;
mod verify;
mod words;

pub use assemble::assemble;
pub use error::{Class, Error};
pub use gates::{FailedGate, Gates, check};
pub use html::html;
pub use markdown::markdown;
pub use published::{files, json, verify_published};
pub use report::*;
pub use sections::*;
pub use terminal::terminal;
pub use words::method;

/// JSON Schema (draft 2020-12) of a serialised [`Report`].
pub const SCHEMA: &str = include_str!("../schema/privacy-report.v1.schema.json");

#[cfg(test)]
mod tests;
