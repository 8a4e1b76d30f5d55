//! Differential privacy for training, as arithmetic: what was released, and what that costs.
//!
//! The chain of this crate is *event → ledger → accountant → guarantee*. An [`Event`] says what a noisy release was,
//! the [`ledger`] remembers every one that happened, an accountant turns them into an epsilon, and a [`Guarantee`]
//! carries that epsilon with everything it depends on. There is no I/O, no clock and no randomness in here: the same
//! ledger gives the same guarantee on every machine.
//!
//! One rule holds throughout: **every epsilon is an upper bound.** Where floating point or an approximation could err,
//! it errs upwards; where no proven bound exists, the answer is a typed [`Unsupported`] that names what is supported.
//!
//! ```
//! use privet_dp::{Adjacency, Delta, Event, NoiseMultiplier, SamplingRate, account};
//!
//! let step = Event::PoissonSampledGaussian {
//!     sampling_rate: SamplingRate::from_f64(0.01)?,
//!     noise_multiplier: NoiseMultiplier::new(1.0)?,
//! };
//! let run = Event::Repeated { event: Box::new(step), count: 1000 };
//! let bound = account(&run, Delta::new(1e-6)?, Adjacency::AddRemove)?;
//! assert!(bound.epsilon_upper.get() > 2.12 && bound.epsilon_upper.get() < 2.44);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod account;
mod adaptive;
pub mod banded;
pub mod calibrate;
pub mod chain;
mod closed;
mod contour;
pub mod corpus_budget;
mod event;
mod gaussian;
mod grid;
mod guarantee;
mod law;
pub mod ledger;
mod parameters;
mod questions;
pub mod rdp;
pub(crate) mod release;
mod sampling;
mod selection;
#[cfg(test)]
mod testing;

pub use account::{Certificate, DeltaCertificate, Engine, Opinion, account, curve, delta_of, explain};
pub use adaptive::{AdaptiveClipError, adaptive_clip};
pub use calibrate::{Calibrate, Unreachable, calibrate};
pub use corpus_budget::{CorpusBudget, CorpusBudgetError};
pub use event::{Adjacency, Event, PrivacyUnit, Trials, Unsupported, sensitivity};
pub use guarantee::{Guarantee, guarantee, round_up};
pub use law::Direction;
pub use ledger::{Ledger, LedgerError};
pub use parameters::{Delta, Epsilon, NoiseMultiplier, OutOfRange};
pub use questions::{
    GroupBound, Share, TradeOff, attack_success, groups, remaining_steps, shares, standard_false_positive_rates,
    trade_off,
};
pub use sampling::SamplingRate;
pub use selection::{Charge, Sweep, expected_trials, sweep};
