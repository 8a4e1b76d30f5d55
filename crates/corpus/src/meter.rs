//! How far a run is, on a scale that never runs backwards or past its end.

use std::cell::Cell;

use crate::inputs::Shard;

/// How far a run is. Reported after every row group and every file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Files finished.
    pub files_done: usize,
    /// Files in all.
    pub files_total: usize,
    /// Rows read.
    pub rows_done: u64,
    /// Encoded bytes read, on the scale of `bytes_total`.
    pub bytes_done: u64,
    /// Length of all input files.
    pub bytes_total: u64,
}

/// Turns row groups and files into [`Progress`].
pub(crate) struct Meter<'a> {
    report: &'a (dyn Fn(Progress) + Sync),
    now: Cell<Progress>,
    /// Bytes of the first n files, for every n.
    bytes_before: Vec<u64>,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(report: &'a (dyn Fn(Progress) + Sync), shards: &[Shard]) -> Self {
        let mut bytes_before = vec![0];
        let mut total = 0;
        for shard in shards {
            total += std::fs::metadata(&shard.path).map_or(0, |metadata| metadata.len());
            bytes_before.push(total);
        }
        let now = Cell::new(Progress { files_total: shards.len(), bytes_total: total, ..Progress::default() });
        Self { report, now, bytes_before }
    }

    pub(crate) fn advance(&self, rows: u64, bytes: u64) {
        let mut now = self.now.get();
        now.rows_done += rows;
        // A forged footer must not push the bar beyond its file.
        let file_end = self.bytes_before.get(now.files_done + 1);
        let limit = file_end.copied().unwrap_or(now.bytes_total);
        now.bytes_done = now.bytes_done.saturating_add(bytes).min(limit);
        self.now.set(now);
        (self.report)(now);
    }

    pub(crate) fn file_done(&self, files: usize) {
        let mut now = self.now.get();
        now.files_done = files;
        now.bytes_done = self.bytes_before[files];
        self.now.set(now);
        (self.report)(now);
    }
}
