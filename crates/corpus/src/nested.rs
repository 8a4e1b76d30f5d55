//! Text below the top of an Arrow schema: which columns selectors mean, the way down to them, and the way back.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, GenericListArray, OffsetSizeTrait, StructArray};
use arrow::datatypes::{DataType, Field, Schema};

use crate::cells::{Cell, Cells};
use crate::closest::closest;
use crate::column::Slots;
use crate::error::Fault;
use crate::selector::{Places, Selector};
use crate::source::is_text;

/// The way to one text column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    /// Index among the columns at the top.
    pub(crate) top: usize,
    pub(crate) down: Vec<Down>,
    /// Which selector means it.
    pub(crate) selector: usize,
    /// Its path, with `[]` for the elements of a list.
    pub(crate) path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Down {
    Child(usize),
    Items,
}

/// Every text column that the selectors mean, in the schema's order.
pub(crate) fn ways(schema: &Schema, selectors: &[Selector]) -> Result<Vec<Way>, Fault> {
    let top = Places::top(selectors);
    let (mut ways, mut all) = (Vec::new(), Vec::new());
    for (index, field) in schema.fields().iter().enumerate() {
        let start = Way { top: index, down: Vec::new(), selector: 0, path: field.name().clone() };
        walk(field, &top.member(selectors, field.name(), true), selectors, start, &mut ways, &mut all)?;
    }
    let met = |index: usize| ways.iter().any(|way: &Way| way.selector == index);
    match selectors.iter().enumerate().find(|(index, _)| !met(*index)) {
        Some((_, selector)) => {
            let column = selector.to_string();
            Err(Fault::MissingColumn { closest: closest(&column, &all), column, available: all })
        }
        None => Ok(ways),
    }
}

fn walk(
    field: &Field,
    places: &Places,
    selectors: &[Selector],
    way: Way,
    ways: &mut Vec<Way>,
    all: &mut Vec<String>,
) -> Result<(), Fault> {
    let meant = places.meant(selectors);
    match field.data_type() {
        data_type if is_text(data_type) => {
            all.push(way.path.clone());
            ways.extend(meant.map(|selector| Way { selector, ..way }));
            return Ok(());
        }
        DataType::Struct(fields) => {
            for (index, child) in fields.iter().enumerate() {
                let below = places.member(selectors, child.name(), false);
                let mut next = Way { path: format!("{}.{}", way.path, child.name()), ..way.clone() };
                next.down.push(Down::Child(index));
                walk(child, &below, selectors, next, ways, all)?;
            }
        }
        DataType::List(item) | DataType::LargeList(item) => {
            let mut next = Way { path: format!("{}[]", way.path), ..way.clone() };
            next.down.push(Down::Items);
            walk(item, &places.items(selectors), selectors, next, ways, all)?;
        }
        _ => {}
    }
    match places.must_be_text(selectors) {
        Some(_) => {
            let data_type = field.data_type().to_string();
            Err(Fault::NotText { column: way.path, data_type, available: all.clone() })
        }
        None => Ok(()),
    }
}

/// The text column at the end of a way, and for each of its values whose it is.
pub(crate) struct Leaf {
    pub(crate) values: ArrayRef,
    /// Row and numbers of the list elements on the way; `None` for a value that no row shows.
    pub(crate) owners: Vec<Option<(usize, Vec<u32>)>>,
}

/// Goes down a way. `None` if the columns are not what the schema said.
pub(crate) fn leaf(column: &ArrayRef, way: &Way) -> Option<Leaf> {
    let mut values = column.clone();
    let mut owners: Vec<Option<(usize, Vec<u32>)>> = (0..column.len()).map(|row| Some((row, Vec::new()))).collect();
    for step in &way.down {
        match step {
            Down::Child(index) => {
                let parent = values.as_struct_opt()?;
                owners
                    .iter_mut()
                    .enumerate()
                    .filter(|(at, _)| parent.is_null(*at))
                    .for_each(|(_, owner)| *owner = None);
                let child = parent.columns().get(*index)?.clone();
                values = child;
            }
            Down::Items => {
                let (items, ranges) = list(&values)?;
                let mut below = vec![None; items.len()];
                for ((at, owner), range) in owners.into_iter().enumerate().zip(ranges) {
                    let Some((row, numbers)) = owner.filter(|_| values.is_valid(at)) else { continue };
                    for (number, item) in range.enumerate() {
                        let mut numbers = numbers.clone();
                        numbers.push(u32::try_from(number).ok()?);
                        *below.get_mut(item)? = Some((row, numbers));
                    }
                }
                (values, owners) = (items, below);
            }
        }
    }
    Some(Leaf { values, owners })
}

/// The type of the text column at the end of a way.
pub(crate) fn leaf_type(column: &ArrayRef, way: &Way) -> Option<DataType> {
    way.down.iter().try_fold(column.data_type().clone(), |at, step| match (step, at) {
        (Down::Child(index), DataType::Struct(fields)) => Some(fields.get(*index)?.data_type().clone()),
        (Down::Items, DataType::List(item) | DataType::LargeList(item)) => Some(item.data_type().clone()),
        _ => None,
    })
}

/// The cells of a batch, row by row, from the leaves of `ways` with their slots, which are numbered one leaf after another.
pub(crate) fn cells<'a>(ways: &[Way], leaves: impl Iterator<Item = (&'a Leaf, &'a Slots)>, rows: usize) -> Cells {
    let (mut of_row, mut before) = (vec![Vec::new(); rows], 0);
    for (index, (way, (leaf, slots))) in ways.iter().zip(leaves).enumerate() {
        for (owner, slot) in leaf.owners.iter().zip(&slots.of_row) {
            if let Some((row, at)) = owner {
                let slot = slot.map(|slot| before + slot);
                of_row[*row].push(Cell { slot, selector: way.selector, way: index, at: at.clone() });
            }
        }
        before += slots.values.len();
    }
    let mut cells = Cells::default();
    for row in of_row {
        cells.push(row);
    }
    cells
}

/// `column` with another text column at the end of a way; types, offsets and nulls stay.
pub(crate) fn with_leaf(column: &ArrayRef, way: &Way, new: ArrayRef) -> Option<ArrayRef> {
    put(column, &way.down, new)
}

fn put(column: &ArrayRef, down: &[Down], new: ArrayRef) -> Option<ArrayRef> {
    let Some((step, rest)) = down.split_first() else { return Some(new) };
    match (step, column.data_type()) {
        (Down::Child(index), _) => {
            let parent = column.as_struct_opt()?;
            let mut children = parent.columns().to_vec();
            children[*index] = put(children.get(*index)?, rest, new)?;
            let built = StructArray::try_new(parent.fields().clone(), children, parent.nulls().cloned()).ok()?;
            Some(Arc::new(built))
        }
        (Down::Items, DataType::List(_)) => put_items::<i32>(column, rest, new),
        (Down::Items, DataType::LargeList(_)) => put_items::<i64>(column, rest, new),
        _ => None,
    }
}

fn put_items<O: OffsetSizeTrait>(column: &ArrayRef, rest: &[Down], new: ArrayRef) -> Option<ArrayRef> {
    let parent = column.as_list_opt::<O>()?;
    let items = put(parent.values(), rest, new)?;
    let (DataType::List(field) | DataType::LargeList(field)) = column.data_type() else { return None };
    let built =
        GenericListArray::<O>::try_new(field.clone(), parent.offsets().clone(), items, parent.nulls().cloned()).ok()?;
    Some(Arc::new(built))
}

/// The elements of a list column, and which of them each value holds.
fn list(column: &ArrayRef) -> Option<(ArrayRef, Vec<std::ops::Range<usize>>)> {
    fn of<O: OffsetSizeTrait>(list: &GenericListArray<O>) -> (ArrayRef, Vec<std::ops::Range<usize>>) {
        let ranges = list.offsets().windows(2).map(|pair| pair[0].as_usize()..pair[1].as_usize());
        (list.values().clone(), ranges.collect())
    }
    match column.data_type() {
        DataType::List(_) => Some(of(column.as_list_opt::<i32>()?)),
        DataType::LargeList(_) => Some(of(column.as_list_opt::<i64>()?)),
        _ => None,
    }
}

#[cfg(test)]
#[path = "nested_tests.rs"]
mod tests;
