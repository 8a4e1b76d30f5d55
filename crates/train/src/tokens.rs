//! From a record of the corpus to the units that training draws.
//!
//! ```text
//! Example (text, prompt and completion, or chat) → encode → Unit (ids, and which of them are predicted) → TokenStore on disk
//! ```
//!
//! Where a user is the unit, the documents of each are brought together on disk afterwards (`owners`).
//!
//! The vocabulary and the chat template are the base model's own, public and fixed, so a unit's tokens depend on that
//! unit's text alone: this stage has stability 1 and adds nothing to epsilon.
//!
//! Invariants: unit `i` of the store is record `i` that went in, whatever the number of threads; no unit is left out,
//! not even an empty one, because leaving it out would make the number of units depend on content; errors carry the
//! unit's index, never its text. How many units were cut is private.

pub mod chat;
pub mod encode;
pub mod owners;
pub mod store;
pub mod tokenizer;
pub mod unit;

pub use encode::{Encoder, Example, Examples, Message, Sink};
pub use store::TokenStore;
pub use tokenizer::Tokenizer;
pub use unit::Unit;
