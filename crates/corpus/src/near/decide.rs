//! Pass 2: the rows that meet others, compared with the rows kept before them.

use std::path::Path;

use privet_dedup::{Anchors, Frequencies, Looked};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::find::{Found, Group, at};
use super::plan::Keep;
use super::read::{Beside, Rows, Wanted, read};
use super::sketch::{Scratch, Sketch, owner};
use super::sources::Sources;
use super::store::{Store, Stored};
use super::{DedupPass, Document, Extent, Run};
use crate::error::{Error, Fault, Stop};

/// In what way a row is a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Class {
    Raw,
    Normalised,
    Near,
    /// No copy: its owner has more rows than may stay.
    OverLimit,
}

/// A row that goes, or one that others go for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Decision {
    pub(super) document: Document,
    /// The row that stays, which may be this one.
    pub(super) anchor: Document,
    pub(super) similarity: f64,
    pub(super) class: Class,
    /// What the name column says, where there is one.
    pub(super) id: Option<String>,
    /// Number of its source, where a column names sources; only of a row that goes.
    pub(super) source: Option<u32>,
}

impl Decision {
    /// Whether the row goes.
    pub(super) fn goes(&self) -> bool {
        self.anchor != self.document || self.class == Class::OverLimit
    }
}

/// All that the third pass and the report need.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Decided {
    pub(super) extents: Vec<Extent>,
    /// By row.
    pub(super) decisions: Vec<Decision>,
    /// Rows that were compared.
    pub(super) compared: u64,
    /// See [`Anchors::crowded`].
    pub(super) crowded: u64,
    pub(super) largest_groups: Vec<Group>,
    pub(super) sources: Sources,
}

/// A row that is compared.
struct Candidate {
    document: Document,
    label: Document,
    reference: bool,
    order: Order,
    owner: u128,
    raw: u128,
    normalised: u128,
    place: u64,
    keys: u32,
    set: u32,
    id: Option<String>,
    source: Option<u32>,
}

impl Candidate {
    /// Which of two stays, by the policy.
    fn before(&self, other: &Self) -> std::cmp::Ordering {
        let by_policy = self.order.partial_cmp(&other.order).unwrap_or(std::cmp::Ordering::Equal);
        by_policy.then(self.document.cmp(&other.document))
    }
}

/// What comes first stays.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
enum Order {
    /// A number, and where it is whole the number again: a float holds 53 bits of it.
    Number(f64, i64),
    Text(String),
    /// For the largest first.
    TextReversed(std::cmp::Reverse<String>),
    Last,
}

pub(super) fn decide(run: &Run<'_>, found: Found, spill: &Path) -> Result<Decided, Error> {
    let (mut candidates, stored, frequencies) = gather(run, &found, spill)?;
    let Found { mut union, extents, largest_groups, sources, .. } = found;
    for candidate in &mut candidates {
        candidate.label = union.label(candidate.document);
    }
    drop(union);
    let mut order: Vec<u32> = (0..candidates.len() as u32).collect();
    order.sort_unstable_by(|one, other| {
        let (one, other) = (&candidates[*one as usize], &candidates[*other as usize]);
        one.label.cmp(&other.label).then(other.reference.cmp(&one.reference)).then_with(|| one.before(other))
    });
    let components: Vec<&[u32]> =
        order.chunk_by(|one, other| candidates[*one as usize].label == candidates[*other as usize].label).collect();
    let judge = |members: &&[u32]| judged(run, &candidates, members, &stored, frequencies.as_ref());
    let judged: Vec<Judged> = run.pool.install(|| components.par_iter().map(judge).collect::<Result<_, Error>>())?;
    let crowded = judged.iter().map(|judged| judged.crowded).sum();
    let mut decisions = Vec::new();
    let copies: Vec<(u32, u32, f64)> = judged.into_iter().flat_map(|judged| judged.copies).collect();
    let over_limit = run.plan.max_records_per_unit.map_or_else(Vec::new, |most| over_limit(&candidates, &copies, most));
    for row in &over_limit {
        let Candidate { document, source, id, .. } = &candidates[*row as usize];
        let (document, source, id) = (*document, *source, id.clone());
        decisions.push(Decision { document, anchor: document, similarity: 1.0, class: Class::OverLimit, id, source });
    }
    let mut stays: std::collections::BTreeSet<u32> = over_limit.into_iter().collect();
    for (copy, of, similarity) in copies {
        let (one, kept) = (&candidates[copy as usize], &candidates[of as usize]);
        let class = match one {
            _ if one.raw == kept.raw => Class::Raw,
            _ if one.normalised == kept.normalised => Class::Normalised,
            _ => Class::Near,
        };
        let (document, anchor, id, source) = (one.document, kept.document, one.id.clone(), one.source);
        decisions.push(Decision { document, anchor, similarity, class, id, source });
        if stays.insert(of) {
            let id = kept.id.clone();
            decisions.push(Decision { document: anchor, anchor, similarity: 1.0, class: Class::Raw, id, source: None });
        }
    }
    decisions.sort_unstable_by_key(|decision| decision.document);
    Ok(Decided { extents, decisions, compared: candidates.len() as u64, crowded, largest_groups, sources })
}

/// The rows that are no copies and that their owners have too many of: of each owner's, in the order of the policy, those behind
/// the first `most`.
fn over_limit(candidates: &[Candidate], copies: &[(u32, u32, f64)], most: u64) -> Vec<u32> {
    let copies: std::collections::HashSet<u32> = copies.iter().map(|(copy, ..)| *copy).collect();
    let own = |row: &u32| !candidates[*row as usize].reference && !copies.contains(row);
    let mut rows: Vec<u32> = (0..candidates.len() as u32).filter(own).collect();
    rows.sort_unstable_by(|one, other| {
        let (one, other) = (&candidates[*one as usize], &candidates[*other as usize]);
        one.owner.cmp(&other.owner).then_with(|| one.before(other))
    });
    let of_one = rows.chunk_by(|one, other| candidates[*one as usize].owner == candidates[*other as usize].owner);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    of_one.flat_map(|rows| rows.iter().skip(most)).copied().collect()
}

/// What became of one component's rows.
struct Judged {
    /// A row that goes, the row it goes for, and their similarity.
    copies: Vec<(u32, u32, f64)>,
    crowded: u64,
}

/// Of one component: who is a copy of whom, and how similar.
fn judged(
    run: &Run<'_>,
    candidates: &[Candidate],
    members: &[u32],
    stored: &Stored,
    frequencies: Option<&Frequencies>,
) -> Result<Judged, Error> {
    let settings = run.sketcher.settings(&run.plan.owners);
    let mut anchors = match frequencies {
        Some(frequencies) => Anchors::exhaustive(settings, frequencies.clone()),
        None => Anchors::new(settings),
    };
    let mut fetch = |number: u32, out: &mut Vec<u64>| {
        let kept = &candidates[number as usize];
        stored.get(kept.place + u64::from(kept.keys), kept.set as usize, out)
    };
    let mut copies = Vec::new();
    let mut numbers = Vec::new();
    for (judged, member) in members.iter().enumerate() {
        if judged % 1024 == 1023 {
            run.check_cancelled()?;
        }
        let candidate = &candidates[*member as usize];
        numbers.clear();
        stored.get(candidate.place, candidate.keys as usize + candidate.set as usize, &mut numbers)?;
        let (keys, set) = numbers.split_at(candidate.keys as usize);
        let looked = Looked { number: *member, set, keys, owner: candidate.owner };
        let copy = if candidate.reference { None } else { anchors.look(&looked, &mut fetch)? };
        match copy {
            Some(copy) => copies.push((*member, copy.of, copy.similarity)),
            None => anchors.keep(&looked),
        }
    }
    Ok(Judged { copies, crowded: anchors.crowded() })
}

/// Reads the rows that meet others again.
fn gather(run: &Run<'_>, found: &Found, spill: &Path) -> Result<(Vec<Candidate>, Stored, Option<Frequencies>), Error> {
    let mut store = Store::new(spill.join("sets"), run.plan.memory / 2);
    let mut frequencies = run.sketcher.is_exhaustive().then(Frequencies::default);
    let mut candidates = Vec::new();
    let plan = run.plan;
    let id = plan.id_column.as_deref();
    let wanted = Wanted([plan.owner_column(), plan.order_column(), id, plan.source_column.as_deref()]);
    run.metered(DedupPass::Compare, |meter| {
        let mut first = 0_u64;
        for (index, (file, extent)) in run.files.iter().zip(&found.extents).enumerate() {
            let end = first + extent.rows;
            let mut row = first;
            let each = &mut |rows: Rows<'_>, bytes: u64| -> Result<(), Stop> {
                run.check_cancelled()?;
                let count = rows.rows().count() as u64;
                if row + count > end {
                    // The file has grown since it was read first.
                    return Err(Fault::Unreadable { kind: std::io::ErrorKind::InvalidData }.into());
                }
                for (candidate, sketch) in sketched(run, &rows, row, found, wanted)? {
                    if let Some(frequencies) = &mut frequencies {
                        frequencies.count(&sketch.set);
                    }
                    let place = store.add(&sketch.keys)?;
                    store.add(&sketch.set)?;
                    candidates.push(Candidate { place, reference: file.reference, ..candidate });
                }
                row += count;
                meter.advance(count, bytes);
                Ok(())
            };
            if (first..end).any(|row| found.meets.has(row as u32)) {
                read(&file.shard.path, &plan.columns, &wanted.columns(), each).map_err(|stop| at(stop, &file.shard))?;
                if row != end {
                    let fault = Fault::Unreadable { kind: std::io::ErrorKind::UnexpectedEof };
                    return Err(Error::Input { file: file.shard.path.clone(), fault });
                }
            }
            first = end;
            meter.file_done(index + 1);
        }
        Ok(())
    })?;
    Ok((candidates, store.finish()?, frequencies))
}

/// What is said of a row by no column.
const NOTHING: (&Beside, &str) = (&Beside::Null, "");

/// What is compared of the rows that meet others, from the row of number `first` on.
fn sketched(
    run: &Run<'_>,
    rows: &Rows<'_>,
    first: u64,
    found: &Found,
    wanted: Wanted<'_, 4>,
) -> Result<Vec<(Candidate, Sketch)>, Fault> {
    let meeting: Vec<_> =
        rows.rows().enumerate().filter(|(index, _)| found.meets.has((first + *index as u64) as u32)).collect();
    let sketch = |scratch: &mut Scratch, (index, row): &(usize, super::read::Row<'_>)| -> Result<_, Fault> {
        let value = |purpose: usize| wanted.value(rows, purpose, *index);
        let owner = value(0).map_or(Ok(0), |(value, column)| owner(value, column))?;
        let sketch = run.sketcher.sketch(row, owner, scratch);
        let order = match &run.plan.keep {
            Keep::First => Order::Last,
            Keep::Longest => Order::Number(-(sketch.characters as f64), -(sketch.characters as i64)),
            Keep::Largest(_) => largest_first(value(1).unwrap_or(NOTHING).0),
            Keep::Smallest(_) => smallest_first(value(1).unwrap_or(NOTHING).0),
        };
        let id = value(2).and_then(|(id, _)| id.text());
        let source = value(3).and_then(|(source, _)| found.sources.number(source));
        let candidate = Candidate {
            document: (first + *index as u64) as u32,
            label: 0,
            reference: false,
            order,
            owner,
            raw: sketch.raw,
            normalised: sketch.normalised,
            place: 0,
            keys: sketch.keys.len() as u32,
            set: sketch.set.len() as u32,
            id,
            source,
        };
        Ok((candidate, sketch))
    };
    run.pool.install(|| meeting.par_iter().map_init(Scratch::default, sketch).collect())
}

fn smallest_first(value: &Beside) -> Order {
    match value {
        Beside::Null => Order::Last,
        Beside::Whole(number) => Order::Number(*number as f64, *number),
        Beside::Real(number) if number.is_nan() => Order::Last,
        Beside::Real(number) => Order::Number(*number, 0),
        Beside::Text(text) => Order::Text(text.clone()),
        Beside::Cell(text) => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(number), _) => Order::Number(number as f64, number),
            (_, Ok(number)) if !number.is_nan() => Order::Number(number, 0),
            _ => Order::Text(text.clone()),
        },
    }
}

fn largest_first(value: &Beside) -> Order {
    match smallest_first(value) {
        Order::Number(number, whole) => Order::Number(-number, whole.saturating_neg()),
        Order::Text(text) => Order::TextReversed(std::cmp::Reverse(text)),
        other => other,
    }
}
