//! What a certificate means: questions people ask once they have an epsilon.
//!
//! - [`trade_off`], [`attack_success`]: how well can anyone tell whether a record was used?
//! - [`groups`]: what does the guarantee say about several records of one person?
//! - [`shares`], [`remaining_steps`]: where did the budget go, and how far does the rest of it reach?
//!
//! Every answer is built from [`account`](crate::account) and [`delta_of`](crate::delta_of) alone, from their upper bounds,
//! and rounds to the side of less privacy; so an answer is as tight as the engine behind it, and proven where that is.

mod groups;
mod shares;
mod trade_off;

pub use groups::{GroupBound, groups};
pub use shares::{Share, remaining_steps, shares};
pub use trade_off::{TradeOff, attack_success, standard_false_positive_rates, trade_off};
