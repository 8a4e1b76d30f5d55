//! Statistics on attack scores: what an attack on a trained model shows about its privacy, and what it cannot show.
//!
//! Scores come in, intervals go out; nothing here has seen a model or a text. A score is any number that is higher when
//! the attack leans towards "this record was in the training data".
//!
//! An audit is evidence, not a guarantee: an [`epsilon_lower_bound`](one_run::epsilon_lower_bound) says that with
//! probability `1 − alpha` the true epsilon is *at least* that large. Three habits keep it honest:
//!
//! - everything that could be tuned after seeing scores (guess counts, exponents, false positive rates) is an argument to
//!   be fixed before training;
//! - ties always count against the audit, so a constant score shows nothing;
//! - every test reports its **ceiling**, the largest bound it could have given: where that is below the claimed epsilon, the
//!   test could not have failed, and the [`Verdict`] says so.

pub mod clopper_pearson;
mod error;
pub mod exposure;
pub mod membership;
pub mod one_run;
#[cfg(test)]
mod random;
pub mod rank;
mod special;
mod verdict;

pub use error::Error;
pub use one_run::{OneRunAudit, one_run};
pub use verdict::{Interval, Verdict, verdict};
