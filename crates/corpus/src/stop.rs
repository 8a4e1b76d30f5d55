//! What ends the work on one shard.

use crate::error::{Error, Fault};

/// Why one shard stopped: its own fault, or the run's end.
#[derive(Debug)]
pub(crate) enum Stop {
    Fault(Fault),
    Error(Error),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}
