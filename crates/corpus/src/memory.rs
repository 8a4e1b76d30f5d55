//! What a scrub may hold in memory, cut into shares.
//!
//! Rows are in memory several times over: as they were read, as texts, rewritten, and as they are written. So what is read
//! at once is a small share of the limit, and the largest row a larger one, which then is there alone.
//!
//! Beside the limit stand what the program is, some 40 MiB, and what tells exact repeats: 32 bytes a distinct text, up to
//! three times that while their table grows.

/// Rows that are read at once aim at this many bytes, however much memory there is: more would only leave the caches.
const LINES_MAX: usize = 2 << 20;
const COLUMNS_MAX: u64 = 16 << 20;

/// What of a limit is for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    /// Bytes of lines that are taken at once, but one row at least.
    pub(crate) lines: usize,
    /// Bytes of a batch of columns, by the average row of its row group.
    pub(crate) columns: u64,
    /// The longest row or text.
    pub(crate) row: u64,
    /// A row group that is being written and holds more is ended.
    pub(crate) group: u64,
}

impl Shares {
    pub(crate) fn of(memory: u64) -> Self {
        Self {
            lines: LINES_MAX.min(usize::try_from(memory / 32).unwrap_or(LINES_MAX)),
            columns: COLUMNS_MAX.min(memory / 64),
            row: memory / 8,
            group: memory / 16,
        }
    }

    /// Without a limit.
    pub(crate) fn all() -> Self {
        Self { row: u64::MAX, group: u64::MAX, ..Self::of(u64::MAX) }
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
