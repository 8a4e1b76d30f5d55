//! The texts of some rows, whatever file they come from, and what is counted and kept of them.
//!
//! A *cell* is one text of a row, or a null that stands where one could be. Cells point at *slots*, the distinct texts in
//! memory, so that a value of a dictionary is scrubbed once however many rows show it.

use std::collections::BTreeMap;

use arrow::array::BooleanArray;
use privet_text::{Entity, Policy};

use crate::dedup::{Digest, Seen};
use crate::manifest::Counts;
use crate::rows::{Located, Scrubbed};

/// One place for text in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    /// The text's slot; `None` for a null.
    pub(crate) slot: Option<usize>,
    /// Which selector means it.
    pub(crate) selector: usize,
    /// Which way leads to it, where a selector means several columns; otherwise the selector again.
    pub(crate) way: usize,
    /// Numbers of the list elements on the way to it.
    pub(crate) at: Vec<u32>,
}

/// Cells row by row.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    cells: Vec<Cell>,
    ends: Vec<usize>,
}

impl Cells {
    /// Adds a row.
    pub(crate) fn push(&mut self, row: impl IntoIterator<Item = Cell>) {
        self.cells.extend(row);
        self.ends.push(self.cells.len());
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &[Cell]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.cells[start..*end])
    }
}

/// Counts rows and decides which of them stay; the one place where repeats are told.
pub(crate) struct Tally<'a> {
    pub(crate) seen: &'a mut Seen,
    pub(crate) counts: Counts,
    /// Whether repeats go.
    pub(crate) dedup: bool,
    /// Whether a row is one text of one column, whose digest is its key.
    pub(crate) flat: bool,
    /// Says which rows are dropped for what was found in them.
    pub(crate) policy: &'a Policy,
}

impl Tally<'_> {
    /// Counts rows; per row whether it is kept.
    pub(crate) fn count(&mut self, cells: &Cells, slots: &[Option<&Scrubbed>]) -> BooleanArray {
        let counts = &mut self.counts;
        let findings: &mut BTreeMap<Entity, u64> = &mut counts.findings;
        let mut keep = Vec::with_capacity(cells.ends.len());
        for row in cells.rows() {
            counts.rows_in += 1;
            let texts = || row.iter().filter_map(|cell| slots[cell.slot?]);
            if texts().next().is_none() {
                counts.rows_null += 1;
                keep.push(true);
                continue;
            }
            counts.rows_changed += u64::from(texts().any(|scrubbed| scrubbed.changed.is_some()));
            for located in texts().flat_map(|scrubbed| &scrubbed.findings) {
                *findings.entry(located.finding.entity).or_default() += 1;
            }
            counts.text_bytes += texts().map(|scrubbed| scrubbed.bytes).sum::<u64>();
            if texts().any(|scrubbed| scrubbed.dropped) || self.policy.may_drop() && drops(self.policy, texts()) {
                // Before the duplicate set hears of it: an equal row would be dropped for the same reason.
                counts.rows_dropped += 1;
                counts.text_bytes_changed += texts().map(|scrubbed| scrubbed.bytes).sum::<u64>();
                keep.push(false);
                continue;
            }
            counts.text_bytes_changed += texts().map(|scrubbed| scrubbed.bytes_changed).sum::<u64>();
            let new = !self.dedup
                || self.seen.insert(key(row, self.flat, |slot| slots[slot].map(|scrubbed| scrubbed.digest)));
            counts.duplicates_removed += u64::from(!new);
            keep.push(new);
        }
        counts.rows_out += keep.iter().filter(|&&kept| kept).count() as u64;
        BooleanArray::from(keep)
    }
}

/// Whether a row of several texts goes for what is in all of them together.
fn drops<'a>(policy: &Policy, texts: impl Iterator<Item = &'a Scrubbed>) -> bool {
    let findings = texts.flat_map(|scrubbed| &scrubbed.findings).map(|located| located.finding.clone());
    policy.drops(&findings.collect::<Vec<_>>())
}

/// What makes two rows equal: all their texts, in their places. It fixes everything that is read of a row later, however the
/// members of an object were ordered.
pub(crate) fn key(row: &[Cell], flat: bool, digest: impl Fn(usize) -> Option<Digest>) -> Digest {
    let digest = |cell: &Cell| cell.slot.and_then(&digest);
    if let ([cell], true) = (row, flat) {
        return digest(cell).unwrap_or_default();
    }
    keyed(row.iter().map(|cell| (cell.selector, cell.at.as_slice(), digest(cell))))
}

/// Each part at a fixed width or behind its length, so that no two rows are written alike.
fn keyed<'a>(cells: impl Iterator<Item = (usize, &'a [u32], Option<Digest>)>) -> Digest {
    let mut cells: Vec<_> = cells.collect();
    cells.sort_by_key(|(selector, at, _)| (*selector, *at));
    let mut hasher = blake3::Hasher::new();
    for (selector, at, digest) in cells {
        hasher.update(&(selector as u64).to_le_bytes()).update(&(at.len() as u64).to_le_bytes());
        for index in at {
            hasher.update(&index.to_le_bytes());
        }
        hasher.update(&[u8::from(digest.is_some())]).update(&digest.unwrap_or_default());
    }
    *hasher.finalize().as_bytes()
}

/// Findings row by row, each with its place in words, for the findings file.
pub(crate) fn found<'a>(
    cells: &'a Cells,
    slots: &'a [Option<&'a Scrubbed>],
    first_row: u64,
    path: &'a dyn Fn(&Cell) -> String,
) -> impl Iterator<Item = (u64, String, &'a [Located])> {
    (first_row..).zip(cells.rows()).flat_map(move |(row, cells)| {
        let with = cells.iter().filter_map(|cell| Some((cell, slots[cell.slot?]?.findings.as_slice())));
        with.filter(|(_, found)| !found.is_empty()).map(move |(cell, found)| (row, path(cell), found))
    })
}

/// The place of a cell in words: the selector's path with the numbers of the elements.
pub(crate) fn label(path: &str, at: &[u32]) -> String {
    let mut numbers = at.iter();
    let mut label = String::with_capacity(path.len() + 4 * at.len());
    for part in path.split_inclusive("[]") {
        match part.strip_suffix("[]") {
            Some(name) => {
                label.push_str(name);
                label.push('[');
                label.extend(numbers.next().map(u32::to_string));
                label.push(']');
            }
            None => label.push_str(part),
        }
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_paths_with_numbers() {
        for (path, at, expected) in [
            ("text", &[][..], "text"),
            ("messages[].content", &[3], "messages[3].content"),
            ("a[][].b[]", &[1, 2, 0], "a[1][2].b[0]"),
            ("**.text", &[7], "**.text"),
        ] {
            assert_eq!(label(path, at), expected);
        }
    }

    /// Selector, numbers on the way, digest.
    type Row = Vec<(usize, &'static [u32], Option<Digest>)>;

    /// Texts that move to another place, or a null more, make another row; the order of members does not.
    #[test]
    fn a_key_is_of_all_texts_in_their_places() {
        let (x, y) = (Some([1; 32]), Some([2; 32]));
        let rows: [Row; 8] = [
            vec![],
            vec![(0, &[], x)],
            vec![(1, &[], x)],
            vec![(0, &[0], x)],
            vec![(0, &[], x), (1, &[], y)],
            vec![(0, &[], y), (1, &[], x)],
            vec![(0, &[], x), (1, &[], None)],
            vec![(0, &[0], x), (0, &[1], y)],
        ];
        let keys: Vec<Digest> = rows.iter().map(|row| keyed(row.iter().copied())).collect();
        for (index, key) in keys.iter().enumerate() {
            assert!(keys[..index].iter().all(|other| other != key), "{index}");
        }
        let turned = rows[4].iter().rev().copied();
        assert_eq!(keyed(turned), keys[4]);
    }
}
