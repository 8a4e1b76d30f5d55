//! The known ways to break DP-SGD, each switched on in a test process of its own and seen by the test that is there for it.
//!
//! A mutant is one expression, written beside the sound one with [`mutate!`]. Only test builds contain it, and there only a
//! process whose environment names it runs it: the library and the program are compiled from the sound expressions alone.
//!
//! The list is that of audits and bug reports of DP-SGD libraries: what is clipped, what is noised, how batches are drawn,
//! what is charged, and what is special about text (losses over a batch, units of several rows).

/// `$sound`; in a test process that runs as one of the mutants `$name`, `$broken`.
#[cfg(test)]
macro_rules! mutate {
    ($sound:expr; $($($name:ident)|+ => $broken:expr),+ $(,)?) => {
        match $crate::mutants::running() {
            $(Some($($crate::mutants::Mutant::$name)|+) => $broken,)+
            _ => $sound,
        }
    };
}

/// `$sound`.
#[cfg(not(test))]
macro_rules! mutate {
    ($sound:expr; $($($name:ident)|+ => $broken:expr),+ $(,)?) => {
        $sound
    };
}

#[cfg(test)]
mod table;
#[cfg(test)]
pub(crate) use table::{Mutant, factors_of_a_mean_loss, half, norms, running};
