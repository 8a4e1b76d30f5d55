//! Pass 1: which rows have a key in common with another row.

use std::path::Path;

use privet_dedup::{Checkpoint, Sorter, Union};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::read::{Rows, Wanted, read};
use super::sketch::{Scratch, owner};
use super::sources::Sources;
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
    /// Empty where files are the sources.
    pub(super) sources: Sources,
}

/// Rows that agree in a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) rows: u64,
    pub(super) first: Document,
}

/// A set of row numbers.
#[derive(Debug)]
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
    let Begun { mut extents, mut sources, mut sorters } = Begun::of(run, spill, plan_digest);
    let wanted = Wanted([run.plan.owner_column(), run.plan.source_column.as_deref()]);
    let (behind, mut last) = (extents.len(), sorters.keys.taken());
    run.metered(super::DedupPass::Sign, |meter| {
        let mut first: u64 = extents.iter().map(|extent: &Extent| extent.rows).sum();
        if behind > 0 {
            meter.file_done(behind);
        }
        for (index, file) in run.files.iter().enumerate().skip(behind) {
            let mut extent = Extent { rows: 0, empty: 0 };
            let each = &mut |rows: Rows<'_>, bytes: u64| -> Result<(), Stop> {
                run.check_cancelled()?;
                let before = extent.rows;
                for (row, signed) in signed(run, &rows, wanted)?.into_iter().enumerate() {
                    if let Some((value, column)) = wanted.value(&rows, 1, row).filter(|_| !file.reference) {
                        sources.count(value, column)?;
                    }
                    let document = first + extent.rows;
                    extent.rows += 1;
                    let Some((owner, keys)) = signed else {
                        extent.empty += 1;
                        continue;
                    };
                    if document >= u64::from(ROWS_MAX) {
                        return Err(Error::TooManyRows { limit: ROWS_MAX }.into());
                    }
                    sorters.push(owner, &keys, document, file.reference)?;
                }
                meter.advance(extent.rows - before, bytes);
                Ok(())
            };
            read(&file.shard.path, &run.plan.columns, &wanted.columns(), each).map_err(|stop| at(stop, &file.shard))?;
            first += extent.rows;
            extents.push(extent);
            // Pass 2 of a corpus that was written down before does not begin with a file of pass 1.
            let is_last = index + 1 == run.files.len() && last > 0;
            if sorters.keys.is_due(last) || is_last {
                last = sorters.keys.taken();
                sorters.write_down(spill, plan_digest, &extents, &sources)?;
            }
            meter.file_done(index + 1);
        }
        Ok::<(), Error>(())
    })?;
    let rows = extents.iter().map(|extent| extent.rows).sum::<u64>() as u32;
    let Sorters { keys, owners } = sorters;
    let (union, mut meets, largest_groups) = joined(run, keys, rows)?;
    if let (Some(owners), Some(most)) = (owners, run.plan.max_records_per_unit) {
        meet_those_over(run, owners, most, &mut meets)?;
    }
    Ok(Found { extents, union, meets, largest_groups, sources })
}

/// What is sorted of all rows.
struct Sorters {
    keys: Sorter,
    /// Rows that may go under their owners, where owners have a limit.
    owners: Option<Sorter>,
}

impl Sorters {
    fn push(&mut self, owner: u128, keys: &[u64], document: u64, reference: bool) -> Result<(), Error> {
        for key in keys {
            self.keys.push(*key, document)?;
        }
        if let Some(owners) = self.owners.as_mut().filter(|_| !reference) {
            // Half of the name: two owners who share it have their rows looked at for nothing.
            owners.push(owner as u64, document)?;
        }
        Ok(())
    }

    fn write_down(
        &mut self,
        spill: &Path,
        plan_digest: &str,
        extents: &[Extent],
        sources: &Sources,
    ) -> Result<(), Error> {
        let keys = Taken::of(&self.keys.checkpoint()?);
        let owners = self.owners.as_mut().map(Sorter::checkpoint).transpose()?;
        let signed = Signed {
            plan_digest: plan_digest.to_owned(),
            extents: extents.to_vec(),
            sources: sources.clone(),
            keys,
            owners: owners.as_ref().map(Taken::of),
        };
        write_json(&spill.join(SIGNED), &signed)
    }
}

/// Where pass 1 begins: with nothing, or behind the files of an interrupted run.
struct Begun {
    extents: Vec<Extent>,
    sources: Sources,
    sorters: Sorters,
}

impl Begun {
    fn of(run: &Run<'_>, spill: &Path, plan_digest: &str) -> Self {
        let limited = run.plan.max_records_per_unit.is_some();
        // Half of the limit: sorting is over when sets are gathered, but the allocator may not know.
        let memory = run.plan.memory / if limited { 4 } else { 2 };
        let owners = spill.join("owners");
        let Some(Signed { extents, sources, keys, owners: taken, .. }) = Signed::load(spill, plan_digest) else {
            let owners = limited.then(|| Sorter::new(&owners, memory));
            let sorters = Sorters { keys: Sorter::new(spill, memory), owners };
            return Self { extents: Vec::new(), sources: Sources::default(), sorters };
        };
        let keys = Sorter::resumed(spill, memory, &keys.checkpoint());
        let owners = taken.map(|taken| Sorter::resumed(&owners, memory, &taken.checkpoint()));
        Self { extents, sources, sorters: Sorters { keys, owners } }
    }
}

/// What of pass 1 outlives an interruption: the files whose keys lie in sorted runs.
#[derive(Debug, Serialize, Deserialize)]
struct Signed {
    plan_digest: String,
    extents: Vec<Extent>,
    sources: Sources,
    keys: Taken,
    owners: Option<Taken>,
}

/// A sorter's [`Checkpoint`].
#[derive(Debug, Serialize, Deserialize)]
struct Taken {
    runs: usize,
    taken: u64,
}

impl Taken {
    fn of(&Checkpoint { runs, taken }: &Checkpoint) -> Self {
        Self { runs, taken }
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint { runs: self.runs, taken: self.taken }
    }
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

/// Owner and keys of a row; none of a row without text.
type Keys = Option<(u128, Vec<u64>)>;

/// What the rows meet by.
fn signed(run: &Run<'_>, rows: &Rows<'_>, wanted: Wanted<'_, 2>) -> Result<Vec<Keys>, Fault> {
    let texts: Vec<_> = rows.rows().collect();
    let sign = |scratch: &mut Scratch, index: usize| -> Result<Keys, Fault> {
        let row = &texts[index];
        if row.texts().is_empty() {
            return Ok(None);
        }
        let owner = wanted.value(rows, 0, index).map_or(Ok(0), |(value, column)| owner(value, column))?;
        let mut keys = Vec::new();
        run.sketcher.keys(row, owner, scratch, &mut keys);
        Ok(Some((owner, keys)))
    };
    run.pool.install(|| (0..texts.len()).into_par_iter().map_init(Scratch::default, sign).collect())
}

fn joined(run: &Run<'_>, keys: Sorter, rows: u32) -> Result<(Union, Bits, Vec<Group>), Error> {
    let mut union = Union::new(rows);
    let mut largest: Vec<Group> = Vec::new();
    let mut meets = Bits::new(rows);
    let mut groups = keys.groups()?;
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
        if run.sketcher.is_exhaustive() {
            // All rows, which says nothing of them.
            continue;
        }
        largest.push(Group { rows: documents.len() as u64, first: *first as u32 });
        if largest.len() > 64 * GROUPS_SHOWN {
            shorten(&mut largest);
        }
    }
    shorten(&mut largest);
    Ok((union, meets, largest))
}

/// Rows of owners who have more than may stay: which of them stay is a matter of all of them.
fn meet_those_over(run: &Run<'_>, owners: Sorter, most: u64, meets: &mut Bits) -> Result<(), Error> {
    let mut groups = owners.groups()?;
    let mut rows = Vec::new();
    while groups.next(&mut rows)?.is_some() {
        run.check_cancelled()?;
        if rows.len() as u64 > most {
            for row in &rows {
                meets.set(*row as u32);
            }
        }
    }
    Ok(())
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
