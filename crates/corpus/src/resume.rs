//! What an interrupted run leaves so that the next one can go on: one small record per finished shard.
//!
//! Whether a row is a repeat depends on every earlier shard, so finished shards are worth keeping only as an
//! unbroken beginning of the list. Each record therefore names the digest of the one before it (the first
//! names the plan), and the next run keeps the longest prefix whose records, inputs and outputs all still
//! have the digests they claim. The duplicate set is not stored: it is read back from the kept outputs,
//! which hold exactly the texts in it.

use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use crate::atomic::{Content, content_of, write_json_unsynced};
use crate::dedup::Seen;
use crate::error::{Error, FaultClass};
use crate::inputs::Shard;
use crate::manifest::Counts;
use crate::output::OutputFolder;
use crate::plan::is_flat;
use crate::read::for_each_key;
use crate::selector::Selector;

/// What became of one shard.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Digest of the record before this one, or of the plan.
    previous: String,
    pub(crate) file: String,
    /// Content of the input; `None` if it could not be read.
    pub(crate) input: Option<FileDigest>,
    pub(crate) outcome: Outcome,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Written {
        output: FileDigest,
        findings: FileDigest,
        counts: Counts,
    },
    /// A document that was not kept: there is nothing of it but what was found and counted.
    Removed {
        findings: FileDigest,
        counts: Counts,
    },
    Quarantined {
        reason_class: FaultClass,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileDigest {
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
}

impl From<Content> for FileDigest {
    fn from(content: Content) -> Self {
        Self { sha256: content.sha256, bytes: content.bytes }
    }
}

/// The records of a run. None is believed that does not fit the files it names, so none needs to be on the disk before
/// them, or at once: a machine that loses power loses the last shards, and nothing more.
pub(crate) struct Log {
    head: String,
    pub(crate) records: Vec<Record>,
}

impl Log {
    /// Takes over what an interrupted run of the same plan finished, and fills `seen` with its texts.
    pub(crate) fn resume(
        folder: &OutputFolder,
        plan_digest: &str,
        shards: &[Shard],
        columns: Option<&[Selector]>,
        seen: &mut Seen,
        cancelled: &AtomicBool,
    ) -> Result<Self, Error> {
        let mut log = Self { head: plan_digest.to_owned(), records: Vec::new() };
        for (index, shard) in shards.iter().enumerate() {
            let Some(record) = log.valid_record(folder, index, shard, cancelled)? else {
                break;
            };
            if let (Some(columns), Outcome::Written { .. }) = (columns, &record.outcome) {
                for_each_key(&folder.shard(&shard.name), columns, is_flat(columns), &mut |key| {
                    seen.insert(key);
                })?;
            }
            log.head = hash(&record);
            log.records.push(record);
        }
        seen.commit();
        Ok(log)
    }

    fn valid_record(
        &self,
        folder: &OutputFolder,
        index: usize,
        shard: &Shard,
        cancelled: &AtomicBool,
    ) -> Result<Option<Record>, Error> {
        let parsed = std::fs::read(folder.record(index)).ok();
        let Some(record) = parsed.and_then(|text| serde_json::from_slice::<Record>(&text).ok()) else {
            return Ok(None);
        };
        let same = record.previous == self.head
            && record.file == shard.name
            && file_digest(&shard.path, cancelled)? == record.input
            && match &record.outcome {
                Outcome::Quarantined { .. } => true,
                Outcome::Removed { findings, .. } => {
                    !folder.shard(&shard.name).exists()
                        && file_digest(&folder.part(index), cancelled)?.as_ref() == Some(findings)
                }
                Outcome::Written { output, findings, .. } => {
                    file_digest(&folder.shard(&shard.name), cancelled)?.as_ref() == Some(output)
                        && file_digest(&folder.part(index), cancelled)?.as_ref() == Some(findings)
                }
            };
        Ok(same.then_some(record))
    }

    /// Adds the record of the next shard.
    pub(crate) fn append(
        &mut self,
        folder: &OutputFolder,
        file: &str,
        input: Option<FileDigest>,
        outcome: Outcome,
    ) -> Result<(), Error> {
        let record = Record { previous: self.head.clone(), file: file.to_owned(), input, outcome };
        write_json_unsynced(&folder.record(self.records.len()), &record)?;
        self.head = hash(&record);
        self.records.push(record);
        Ok(())
    }
}

/// Digest of a file; `None` if it cannot be read.
pub(crate) fn file_digest(path: &std::path::Path, cancelled: &AtomicBool) -> Result<Option<FileDigest>, Error> {
    match content_of(path, cancelled) {
        Ok(Some(content)) => Ok(Some(content.into())),
        Ok(None) => Err(Error::Interrupted),
        Err(_) => Ok(None),
    }
}

fn hash(record: &Record) -> String {
    // A record is plain data; should it ever fail to serialise, the chain breaks and the shard is redone.
    let text = serde_json::to_vec(record).unwrap_or_default();
    blake3::hash(&text).to_hex().to_string()
}

#[cfg(test)]
#[path = "resume_tests.rs"]
mod tests;
