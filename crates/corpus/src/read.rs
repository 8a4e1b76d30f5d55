//! The texts of a scrubbed file again, for a run that goes on.

use std::path::Path;

use crate::cells::{Cells, key};
use crate::column::{Slots, slots, texts};
use crate::columnar::Columnar;
use crate::dedup::{Digest, digest};
use crate::error::{Error, Fault};
use crate::format::{Form, Format, Layout, format_of};
use crate::lines::Lines;
use crate::nested::{Leaf, Way, cells, leaf};
use crate::selector::Selector;
use crate::source::Columns;

/// Hands the key of every row that holds a text to `each`; one batch of rows is in memory at a time.
pub(crate) fn for_each_key(
    file: &Path,
    columns: &[Selector],
    flat: bool,
    each: &mut dyn FnMut(Digest),
) -> Result<(), Error> {
    let read = match format_of(file).map_err(|fault| at(file, fault))? {
        Format::Parquet => tables(file, None, columns, flat, each),
        Format::Arrow(layout) => tables(file, Some(layout), columns, flat, each),
        Format::Text(form) => lines(file, form, columns, flat, each),
    };
    read.map_err(|fault| at(file, fault))
}

fn at(file: &Path, fault: Fault) -> Error {
    Error::Input { file: file.to_owned(), fault }
}

fn lines(file: &Path, form: Form, columns: &[Selector], flat: bool, each: &mut dyn FnMut(Digest)) -> Result<(), Fault> {
    let mut lines = Lines::open(file, form, columns, None)?;
    while let Some(batch) = lines.next(u64::MAX)? {
        let digests: Vec<Option<Digest>> = batch.texts().iter().map(|text| Some(digest(text))).collect();
        keys(&batch.cells, flat, &digests, each);
    }
    Ok(())
}

fn tables(
    file: &Path,
    arrow: Option<Layout>,
    columns: &[Selector],
    flat: bool,
    each: &mut dyn FnMut(Digest),
) -> Result<(), Fault> {
    let mut source = Columnar::open_selected(file, arrow, columns, None, u64::MAX)?;
    let ways = source.ways(Columns::Wanted);
    for group in 0..source.groups() {
        let fault = source.damaged(group);
        for batch in source.batches(group, Columns::Wanted)? {
            let (batch, damaged) = (batch?, || fault.clone());
            let taken = |way: &Way| -> Option<(Leaf, Slots)> {
                let leaf = leaf(batch.column(way.top), way)?;
                let slots = slots(&leaf.values)?;
                Some((leaf, slots))
            };
            let leaves = ways.iter().map(taken).collect::<Option<Vec<_>>>().ok_or_else(damaged)?;
            let mut digests = Vec::new();
            for (_, slots) in &leaves {
                digests.extend(texts(&slots.values).ok_or_else(damaged)?.into_iter().map(|text| text.map(digest)));
            }
            let cells = cells(&ways, leaves.iter().map(|(leaf, slots)| (leaf, slots)), batch.num_rows());
            keys(&cells, flat, &digests, each);
        }
    }
    Ok(())
}

fn keys(cells: &Cells, flat: bool, digests: &[Option<Digest>], each: &mut dyn FnMut(Digest)) {
    let with_text =
        cells.rows().filter(|row| row.iter().any(|cell| cell.slot.is_some_and(|slot| digests[slot].is_some())));
    with_text.for_each(|row| each(key(row, flat, |slot| digests[slot])));
}
