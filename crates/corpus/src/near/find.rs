//! Pass 1: which rows have a key in common with another row.

use std::collections::HashMap;
use std::path::Path;

use privet_dedup::{Checkpoint, Sorter, Union};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::read::{Rows, read};
use super::sketch::{Scratch, owner};
use super::{Document, Extent, Run};
use crate::atomic::write_json;
use crate::error::{Error, Fault, Stop};
use crate::inputs::Shard;

/// Most rows: their numbers have 32 bits.
pub(super) const ROWS_MAX: u32 = u32::MAX - 1;
/// Groups that are named in the report, the largest of all.
const GROUPS_SHOWN: usize = 10;

/// What pass 1 found.
pub(super) struct Found {
    pub(super) extents: Vec<Extent>,
    /// Per row the first row that hangs together with it, itself if none does.
    pub(super) union: Union,
    /// Bit by bit the rows that meet another.
    pub(super) meets: Bits,
    pub(super) largest_groups: Vec<Group>,
}

/// Rows that agree in a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) rows: u64,
    pub(super) first: Document,
}

/// A set of row numbers.
#[derive(Debug, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn new(rows: u32) -> Self {
        Self(vec![0; (rows as usize).div_ceil(64)])
    }

    pub(super) fn set(&mut self, row: Document) {
        self.0[row as usize / 64] |= 1 << (row % 64);
    }

    pub(super) fn has(&self, row: Document) -> bool {
        self.0[row as usize / 64] >> (row % 64) & 1 == 1
    }
}

/// Reads every file, and sorts the keys of its rows below `spill`; goes on behind the files that an interrupted run of the plan
/// has written down there.
pub(super) fn find(run: &Run<'_>, spill: &Path, plan_digest: &str) -> Result<Found, Error> {
    // Half of the limit: sorting is over when sets are gathered, but the allocator may not know.
    let memory = run.plan.memory / 2;
    let (mut sorter, mut extents) = match Signed::load(spill, plan_digest) {
        Some(signed) => {
            let from = Checkpoint { runs: signed.runs, taken: signed.taken };
            (Sorter::resumed(spill, memory, &from), signed.extents)
        }
        None => (Sorter::new(spill, memory), Vec::new()),
    };
    let (behind, mut last) = (extents.len(), sorter.taken());
    // What these need besides keys lies in memory alone.
    let resumable = !run.sketcher.is_exhaustive() && run.plan.max_records_per_unit.is_none();
    let mut texts = Bits::default();
    let mut owned = run.plan.max_records_per_unit.map(Owned::new);
    run.metered(super::DedupPass::Sign, |meter| {
        let mut first: u64 = extents.iter().map(|extent: &Extent| extent.rows).sum();
        if behind > 0 {
            meter.file_done(behind);
        }
        for (index, file) in run.files.iter().enumerate().skip(behind) {
            let mut extent = Extent { rows: 0, empty: 0 };
            let each = &mut |rows: Rows<'_>, bytes: u64| -> Result<(), Stop> {
                run.check_cancelled()?;
                let keys = signed(run, &rows)?;
                let before = extent.rows;
                for signed in keys {
                    let document = first + extent.rows;
                    extent.rows += 1;
                    let Some((owner, keys)) = signed else {
                        extent.empty += 1;
                        continue;
                    };
                    if document >= u64::from(ROWS_MAX) {
                        return Err(Error::TooManyRows { limit: ROWS_MAX }.into());
                    }
                    if let Some(owned) = owned.as_mut().filter(|_| !file.reference) {
                        owned.add(owner, document as u32);
                    }
                    if run.sketcher.is_exhaustive() {
                        texts.0.resize(document as usize / 64 + 1, 0);
                        texts.set(document as u32);
                    }
                    for key in keys {
                        sorter.push(key, document).map_err(Error::Spill)?;
                    }
                }
                meter.advance(extent.rows - before, bytes);
                Ok(())
            };
            read(&file.shard.path, &run.plan.columns, &owner_column(run), each)
                .map_err(|stop| at(stop, &file.shard))?;
            first += extent.rows;
            extents.push(extent);
            if resumable && sorter.is_due(last) {
                let Checkpoint { runs, taken } = sorter.checkpoint()?;
                last = taken;
                let plan_digest = plan_digest.to_owned();
                write_json(&spill.join(SIGNED), &Signed { plan_digest, extents: extents.clone(), runs, taken })?;
            }
            meter.file_done(index + 1);
        }
        Ok::<(), Error>(())
    })?;
    let rows = extents.iter().map(|extent| extent.rows).sum::<u64>() as u32;
    let (union, mut meets, largest_groups) = joined(run, sorter, rows, texts)?;
    for row in owned.map_or_else(Vec::new, Owned::too_many) {
        // Which of them stay is a matter of all of them.
        meets.set(row);
    }
    Ok(Found { extents, union, meets, largest_groups })
}

/// What of pass 1 outlives an interruption: the files whose keys lie in sorted runs.
#[derive(Debug, Serialize, Deserialize)]
struct Signed {
    plan_digest: String,
    extents: Vec<Extent>,
    runs: usize,
    taken: u64,
}

/// Its name beside the runs.
const SIGNED: &str = "signed.json";

impl Signed {
    fn load(spill: &Path, plan_digest: &str) -> Option<Self> {
        let text = std::fs::read(spill.join(SIGNED)).ok()?;
        serde_json::from_slice::<Self>(&text).ok().filter(|signed| signed.plan_digest == plan_digest)
    }
}

/// Whether there is something of pass 1 to go on from.
pub(super) fn has_begun(spill: &Path, plan_digest: &str) -> bool {
    Signed::load(spill, plan_digest).is_some()
}

/// Rows by owner, to know who has too many.
struct Owned {
    most: u64,
    /// Owners get numbers, and rows remember those: of most owners only a count is wanted.
    numbers: HashMap<u128, u32>,
    counts: Vec<u64>,
    rows: Vec<(u32, Document)>,
}

impl Owned {
    fn new(most: u64) -> Self {
        Self { most, numbers: HashMap::new(), counts: Vec::new(), rows: Vec::new() }
    }

    fn add(&mut self, owner: u128, row: Document) {
        let number = *self.numbers.entry(owner).or_insert(self.counts.len() as u32);
        if number as usize == self.counts.len() {
            self.counts.push(0);
        }
        self.counts[number as usize] += 1;
        self.rows.push((number, row));
    }

    /// The rows of those who have more than may stay.
    fn too_many(self) -> Vec<Document> {
        let over = |(number, _): &&(u32, Document)| self.counts[*number as usize] > self.most;
        self.rows.iter().filter(over).map(|(_, row)| *row).collect()
    }
}

/// Owner and keys of a row; none of a row without text.
type Keys = Option<(u128, Vec<u64>)>;

/// What the rows meet by.
fn signed(run: &Run<'_>, rows: &Rows<'_>) -> Result<Vec<Keys>, Fault> {
    let texts: Vec<_> = rows.rows().collect();
    let column = run.plan.owner_column();
    let sign = |scratch: &mut Scratch, index: usize| -> Result<Keys, Fault> {
        let row = &texts[index];
        if row.texts().is_empty() {
            return Ok(None);
        }
        let owner = column.map_or(Ok(0), |column| owner(&rows.beside[0][index], column))?;
        let mut keys = Vec::new();
        run.sketcher.keys(row, owner, scratch, &mut keys);
        Ok(Some((owner, keys)))
    };
    run.pool.install(|| (0..texts.len()).into_par_iter().map_init(Scratch::default, sign).collect())
}

fn joined(run: &Run<'_>, sorter: Sorter, rows: u32, texts: Bits) -> Result<(Union, Bits, Vec<Group>), Error> {
    let mut union = Union::new(rows);
    let mut largest: Vec<Group> = Vec::new();
    if run.sketcher.is_exhaustive() {
        let mut meets = texts;
        meets.0.resize((rows as usize).div_ceil(64), 0);
        // Everything hangs together; rows without a word met in their keys, and are told apart by their sets.
        let mut all = (0..rows).filter(|row| meets.has(*row));
        if let Some(first) = all.next() {
            for row in all {
                union.join(first, row);
            }
        }
        return Ok((union, meets, largest));
    }
    let mut meets = Bits::new(rows);
    let mut groups = sorter.groups()?;
    let mut documents = Vec::new();
    let mut looked = 0_u64;
    while groups.next(&mut documents)?.is_some() {
        looked += 1;
        if looked.is_multiple_of(1 << 16) {
            run.check_cancelled()?;
        }
        documents.dedup();
        let [first, rest @ ..] = &documents[..] else { continue };
        if rest.is_empty() {
            continue;
        }
        // A star and not all pairs: who hangs together is known, and the judge compares by keys.
        meets.set(*first as u32);
        for document in rest {
            meets.set(*document as u32);
            union.join(*first as u32, *document as u32);
        }
        largest.push(Group { rows: documents.len() as u64, first: *first as u32 });
        if largest.len() > 64 * GROUPS_SHOWN {
            shorten(&mut largest);
        }
    }
    shorten(&mut largest);
    Ok((union, meets, largest))
}

/// The largest groups, each once: rows that agree in a band mostly agree in others.
fn shorten(groups: &mut Vec<Group>) {
    groups.sort_unstable_by_key(|group| (std::cmp::Reverse(group.rows), group.first));
    let mut seen = std::collections::BTreeSet::new();
    groups.retain(|group| seen.insert(group.first));
    groups.truncate(GROUPS_SHOWN);
}

pub(super) fn owner_column<'a>(run: &'a Run<'_>) -> Vec<&'a str> {
    run.plan.owner_column().into_iter().collect()
}

pub(super) fn at(stop: Stop, shard: &Shard) -> Error {
    match stop {
        Stop::Fault(fault) => Error::Input { file: shard.path.clone(), fault },
        Stop::Error(error) => error,
    }
}
