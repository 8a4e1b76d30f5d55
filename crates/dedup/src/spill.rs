//! Pairs of a key and a document, sorted by key in bounded memory.
//!
//! Pairs are gathered up to the limit, sorted and written as a *run*; at the end all runs are merged. The order is that of
//! (key, document), which says everything about a pair, so where a run ended leaves no trace. Without a second run nothing is
//! written at all.
//!
//! A run's file ends with the number of its pairs and a checksum of them, and is read to its end before a group is believed
//! to be the last: a file that was cut short or changed is an error, not a duplicate less.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3Default;

/// Bytes of a pair in memory and on disk: 8 of the key, 8 of the document.
pub const RECORD_BYTES: u64 = 16;
/// Most bytes that are read ahead of one run.
const READ_AHEAD: usize = 1 << 18;
/// Fewest pairs of a run, so that a limit of nothing still ends.
const PAIRS_MIN: usize = 1 << 10;
/// A key and a document.
type Pair = (u64, u64);

/// Why pairs could not be sorted.
#[derive(Debug, thiserror::Error)]
pub enum SpillError {
    /// The disk would not have them, or would not give them back.
    #[error("{}: {source}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A file is not what was written.
    #[error("{} is not what was written to it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

/// Takes pairs in any order.
#[derive(Debug)]
pub struct Sorter {
    folder: PathBuf,
    pairs: Vec<Pair>,
    pairs_max: usize,
    runs: Vec<PathBuf>,
    taken: u64,
    /// Whether runs outlive this process, for one that goes on.
    keeps: bool,
}

/// What a sorter has on disk, and all that another one needs to go on from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Files of runs, in the sorter's folder.
    pub runs: usize,
    /// Pairs in them.
    pub taken: u64,
}

impl Sorter {
    /// A sorter that holds no more than about `memory` bytes, and writes what is beyond into `folder`, which must be
    /// its own and is made if it is not there. Files are removed when the groups are dropped.
    pub fn new(folder: &Path, memory: u64) -> Self {
        let pairs_max = usize::try_from(memory / RECORD_BYTES).unwrap_or(usize::MAX).max(PAIRS_MIN);
        Self { folder: folder.to_owned(), pairs: Vec::new(), pairs_max, runs: Vec::new(), taken: 0, keeps: false }
    }

    /// A sorter that goes on from a [`Self::checkpoint`] of another one in the same folder, with any limit on memory. Its files stay
    /// until the folder goes. What was changed in them since is found when they are read.
    pub fn resumed(folder: &Path, memory: u64, from: &Checkpoint) -> Self {
        let mut sorter = Self::new(folder, memory);
        sorter.runs = (0..from.runs).map(|number| run_path(folder, number)).collect();
        (sorter.taken, sorter.keeps) = (from.taken, true);
        sorter
    }

    /// Whether so many pairs were taken since `last` that writing them down makes no run much smaller than others.
    pub fn is_due(&self, last: u64) -> bool {
        self.taken - last >= (self.pairs_max / 2) as u64
    }

    /// Writes down all that was taken; the files stay from now on until the folder goes.
    ///
    /// # Errors
    ///
    /// [`SpillError::Disk`].
    pub fn checkpoint(&mut self) -> Result<Checkpoint, SpillError> {
        self.keeps = true;
        if !self.pairs.is_empty() {
            self.spill()?;
        }
        Ok(Checkpoint { runs: self.runs.len(), taken: self.taken })
    }

    /// Takes a pair.
    ///
    /// # Errors
    ///
    /// [`SpillError::Disk`].
    pub fn push(&mut self, key: u64, document: u64) -> Result<(), SpillError> {
        if self.pairs.len() == self.pairs_max {
            self.spill()?;
        }
        if self.pairs.len() == self.pairs.capacity() {
            // Doubling, but never beyond the limit.
            let more = self.pairs.len().max(PAIRS_MIN).min(self.pairs_max - self.pairs.len());
            self.pairs.reserve_exact(more);
        }
        self.pairs.push((key, document));
        self.taken += 1;
        Ok(())
    }

    /// Pairs taken so far.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// All pairs, group by group.
    ///
    /// # Errors
    ///
    /// [`SpillError`].
    pub fn groups(mut self) -> Result<Groups, SpillError> {
        if self.runs.is_empty() {
            self.pairs.sort_unstable();
            return Ok(Groups { source: Merge::Memory(std::mem::take(&mut self.pairs).into_iter()), next: None });
        }
        self.spill()?;
        self.pairs = Vec::new();
        let ahead = (self.pairs_max * RECORD_BYTES as usize / self.runs.len()).clamp(1 << 12, READ_AHEAD);
        let mut runs = Vec::new();
        let mut heap = BinaryHeap::new();
        for path in std::mem::take(&mut self.runs) {
            let mut run = Run::open(path, ahead, self.keeps)?;
            if let Some(pair) = run.next()? {
                heap.push(Reverse((pair, runs.len())));
            }
            runs.push(run);
        }
        Ok(Groups { source: Merge::Runs { runs, heap }, next: None })
    }

    fn spill(&mut self) -> Result<(), SpillError> {
        self.pairs.sort_unstable();
        if self.runs.is_empty() {
            let path = self.folder.clone();
            std::fs::create_dir_all(&path).map_err(|source| SpillError::Disk { path, source })?;
        }
        let path = run_path(&self.folder, self.runs.len());
        write_run(&path, &self.pairs).map_err(|source| SpillError::Disk { path: path.clone(), source })?;
        self.runs.push(path);
        self.pairs.clear();
        Ok(())
    }
}

impl Drop for Sorter {
    fn drop(&mut self) {
        for run in self.runs.iter().filter(|_| !self.keeps) {
            // What cannot be removed lies in a folder that goes as a whole.
            let _ = std::fs::remove_file(run);
        }
    }
}

fn run_path(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("{number:06}.run"))
}

fn write_run(path: &Path, pairs: &[Pair]) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(READ_AHEAD, File::create(path)?);
    let mut sum = Xxh3Default::new();
    for (key, document) in pairs {
        let bytes = encoded(*key, *document);
        sum.update(&bytes);
        file.write_all(&bytes)?;
    }
    file.write_all(&encoded(pairs.len() as u64, sum.digest()))?;
    file.flush()
}

fn encoded(one: u64, other: u64) -> [u8; RECORD_BYTES as usize] {
    let mut bytes = [0; RECORD_BYTES as usize];
    bytes[..8].copy_from_slice(&one.to_le_bytes());
    bytes[8..].copy_from_slice(&other.to_le_bytes());
    bytes
}

/// A run being read back.
struct Run {
    path: PathBuf,
    keeps: bool,
    file: BufReader<File>,
    left: u64,
    pairs: u64,
    sum: Xxh3Default,
}

impl Run {
    fn open(path: PathBuf, ahead: usize, keeps: bool) -> Result<Self, SpillError> {
        let opened = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (length, file) = opened.map_err(|source| SpillError::Disk { path: path.clone(), source })?;
        if length < RECORD_BYTES || length % RECORD_BYTES > 0 {
            return Err(SpillError::Damaged { path });
        }
        let pairs = length / RECORD_BYTES - 1;
        let file = BufReader::with_capacity(ahead, file);
        Ok(Self { path, keeps, file, left: pairs, pairs, sum: Xxh3Default::new() })
    }

    fn next(&mut self) -> Result<Option<Pair>, SpillError> {
        let mut bytes = [0; RECORD_BYTES as usize];
        self.file.read_exact(&mut bytes).map_err(|source| SpillError::Disk { path: self.path.clone(), source })?;
        if self.left > 0 {
            self.left -= 1;
            self.sum.update(&bytes);
            let (key, document) = bytes.split_at(8);
            return Ok(Some((word(key), word(document))));
        }
        if bytes == encoded(self.pairs, self.sum.digest()) {
            return Ok(None);
        }
        Err(SpillError::Damaged { path: self.path.clone() })
    }
}

fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

impl Drop for Run {
    fn drop(&mut self) {
        if !self.keeps {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

enum Merge {
    Memory(std::vec::IntoIter<Pair>),
    Runs { runs: Vec<Run>, heap: BinaryHeap<Reverse<(Pair, usize)>> },
}

/// The documents of every key, keys and documents ascending.
pub struct Groups {
    source: Merge,
    next: Option<Pair>,
}

impl Groups {
    /// The next key; its documents (each as often as it was taken) replace the content of `documents`.
    ///
    /// # Errors
    ///
    /// [`SpillError`].
    pub fn next(&mut self, documents: &mut Vec<u64>) -> Result<Option<u64>, SpillError> {
        documents.clear();
        let first = match self.next.take() {
            Some(pair) => Some(pair),
            None => self.pair()?,
        };
        let Some((key, document)) = first else { return Ok(None) };
        documents.push(document);
        while let Some(pair) = self.pair()? {
            if pair.0 != key {
                self.next = Some(pair);
                break;
            }
            documents.push(pair.1);
        }
        Ok(Some(key))
    }

    /// The next pair in order, for groups too large to be held. Not to be mixed with [`Self::next`].
    pub(crate) fn pair(&mut self) -> Result<Option<Pair>, SpillError> {
        match &mut self.source {
            Merge::Memory(pairs) => Ok(pairs.next()),
            Merge::Runs { runs, heap } => {
                let Some(Reverse((pair, run))) = heap.pop() else { return Ok(None) };
                if let Some(next) = runs[run].next()? {
                    heap.push(Reverse((next, run)));
                }
                Ok(Some(pair))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::shingle::mixed;

    /// Sorts pairs with room for `memory` bytes; the groups, and how many runs lay on disk.
    fn sorted(pairs: &[Pair], memory: u64) -> (Vec<(u64, Vec<u64>)>, usize) {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(folder.path(), memory);
        for (key, document) in pairs {
            sorter.push(*key, *document).unwrap();
        }
        assert_eq!(sorter.taken(), pairs.len() as u64);
        let mut groups = sorter.groups().unwrap();
        let runs = std::fs::read_dir(folder.path()).unwrap().count();
        let (mut found, mut documents) = (Vec::new(), Vec::new());
        while let Some(key) = groups.next(&mut documents).unwrap() {
            found.push((key, documents.clone()));
        }
        drop(groups);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "runs stay behind");
        (found, runs)
    }

    fn twin(pairs: &[Pair]) -> Vec<(u64, Vec<u64>)> {
        let mut groups: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for (key, document) in pairs {
            groups.entry(*key).or_default().push(*document);
        }
        for documents in groups.values_mut() {
            documents.sort_unstable();
        }
        groups.into_iter().collect()
    }

    #[test]
    fn memory_leaves_no_trace() {
        let pairs: Vec<Pair> = (0..20_000).map(|i| (mixed(i) % 3000, mixed(i + 7) >> 40)).collect();
        for (memory, runs) in [(u64::MAX, 0), (20_000 * RECORD_BYTES, 0), (8_000 * RECORD_BYTES, 3), (0, 20)] {
            assert_eq!(sorted(&pairs, memory), (twin(&pairs), runs), "{memory} bytes");
        }
        assert_eq!(sorted(&[], 0), (Vec::new(), 0));
    }

    #[test]
    fn what_was_written_down_is_gone_on_from() {
        let pairs: Vec<Pair> = (0..9_000).map(|i| (mixed(i) % 300, i)).collect();
        for (first, memory) in [(0, 0), (1, 0), (4_000, 1 << 14), (8_999, u64::MAX), (9_000, 0)] {
            let folder = tempfile::tempdir().unwrap();
            let mut sorter = Sorter::new(folder.path(), memory);
            pairs[..first].iter().for_each(|(key, document)| sorter.push(*key, *document).unwrap());
            let point = sorter.checkpoint().unwrap();
            assert_eq!((point.taken, sorter.is_due(point.taken)), (first as u64, false));
            // What is taken behind it is lost with the process, and taken again.
            pairs[first..].iter().take(500).for_each(|(key, document)| sorter.push(*key, *document).unwrap());
            drop(sorter);
            let mut sorter = Sorter::resumed(folder.path(), 1 << 15, &point);
            pairs[first..].iter().for_each(|(key, document)| sorter.push(*key, *document).unwrap());
            let (mut groups, mut found, mut documents) = (sorter.groups().unwrap(), Vec::new(), Vec::new());
            while let Some(key) = groups.next(&mut documents).unwrap() {
                found.push((key, documents.clone()));
            }
            assert_eq!(found, twin(&pairs), "from {first}");
        }
    }

    #[test]
    fn a_run_that_was_cut_or_changed_is_refused() {
        let change = |change: &dyn Fn(&mut Vec<u8>)| {
            let folder = tempfile::tempdir().unwrap();
            let mut sorter = Sorter::new(folder.path(), 0);
            for i in 0..3000 {
                sorter.push(i % 50, i).unwrap();
            }
            let path = folder.path().join("000001.run");
            let mut bytes = std::fs::read(&path).unwrap();
            change(&mut bytes);
            std::fs::write(&path, bytes).unwrap();
            let read = || -> Result<u64, SpillError> {
                let (mut groups, mut documents, mut keys) = (sorter.groups()?, Vec::new(), 0);
                while groups.next(&mut documents)?.is_some() {
                    keys += 1;
                }
                Ok(keys)
            };
            read()
        };
        assert!(matches!(change(&|_| ()), Ok(50)));
        assert!(matches!(change(&|bytes| bytes.truncate(bytes.len() - 16)), Err(SpillError::Damaged { .. })));
        assert!(matches!(change(&|bytes| bytes.truncate(7)), Err(SpillError::Damaged { .. })));
        assert!(matches!(change(&|bytes| bytes[100] ^= 1), Err(SpillError::Damaged { .. })));
        assert!(matches!(change(&Vec::clear), Err(SpillError::Damaged { .. })));
    }

    proptest! {
        #![proptest_config(crate::fixtures::proptest_config(40))]
        #[test]
        fn groups_are_a_map_of_lists(pairs in prop::collection::vec((0_u64..40, 0_u64..9), 0..3000)) {
            prop_assert_eq!(sorted(&pairs, 0).0, twin(&pairs));
        }
    }
}
