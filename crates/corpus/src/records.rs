//! The records of a corpus, one after another, for whoever trains or measures on them: texts, prompts with completions,
//! or conversations, from every kind of file that is read. Nested columns become plain values here.
//!
//! One batch of rows, or one line, is in memory at a time. What is null is skipped; what is missing is a fault.

mod lines;

use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;

use crate::column::{slots, texts};
use crate::columnar::Columnar;
use crate::error::{Error, Fault};
use crate::format::{Form, Format, Layout, format_of};
use crate::selector::Selector;
use crate::source::{Columns, Kind};
pub(crate) use lines::whose;

/// What makes up a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// A column of text.
    Text {
        /// Its name.
        column: String,
    },
    /// A column of prompts and one of completions.
    Pair {
        /// Name of the first.
        prompt: String,
        /// Name of the second.
        completion: String,
    },
    /// A column of lists of `role` and `content`.
    Chat {
        /// Its name.
        column: String,
    },
}

impl Selection {
    /// The columns, with a comma between them.
    pub fn names(&self) -> String {
        self.wanted().iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// Every text of a record, those that only name a speaker included.
    pub fn texts(&self) -> Vec<Selector> {
        let turns = |column: &str| ["role", "content"].map(|name| Selector::inside_turns(column, name)).to_vec();
        match self {
            Self::Text { column } => vec![Selector::column(column)],
            Self::Pair { prompt, completion } => vec![Selector::column(prompt), Selector::column(completion)],
            Self::Chat { column } => turns(column),
        }
    }

    fn wanted(&self) -> Vec<(&str, Kind)> {
        match self {
            Self::Text { column } => vec![(column, Kind::Text)],
            Self::Pair { prompt, completion } => vec![(prompt, Kind::Text), (completion, Kind::Text)],
            Self::Chat { column } => vec![(column, Kind::Chat)],
        }
    }
}

/// One turn of a conversation.
#[derive(Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who speaks.
    pub role: String,
    /// What is said; empty where it is null.
    pub content: String,
}

/// One record.
#[derive(Clone, PartialEq, Eq)]
pub enum Record {
    /// A text.
    Text(String),
    /// A prompt (empty where it is null) and its completion.
    Pair {
        /// What is given.
        prompt: String,
        /// What follows.
        completion: String,
    },
    /// A conversation.
    Chat(Vec<Turn>),
}

/// Hands every record of `files` to `each`, file by file and row by row, with the value of the column `owner` where one is
/// asked for (whole numbers as their digits). A row without a text, a completion or a conversation is skipped. An error
/// from `each` stops the reading and is returned as it is ([`Error::Consumer`] carries
/// one from elsewhere).
///
/// # Errors
///
/// [`Error::Input`] naming the file that cannot be read.
pub fn read_records(
    files: &[PathBuf],
    selection: &Selection,
    owner: Option<&str>,
    each: &mut Each<'_>,
) -> Result<(), Error> {
    for file in files {
        let fail = |fault| Error::Input { file: file.clone(), fault };
        match format_of(file).map_err(fail)? {
            Format::Parquet => read_tables(file, None, selection, owner, each)?,
            Format::Arrow(layout) => read_tables(file, Some(layout), selection, owner, each)?,
            Format::Text(Form::Json) => lines::read(file, selection, owner, each)?,
            Format::Text(form) => lines::read_cells(file, form, selection, owner, each)?,
        }
    }
    Ok(())
}

/// What is done with a record and its owner.
pub type Each<'a> = dyn FnMut(Record, Option<String>) -> Result<(), Error> + 'a;

fn read_tables(
    file: &Path,
    arrow: Option<Layout>,
    selection: &Selection,
    owner: Option<&str>,
    each: &mut Each<'_>,
) -> Result<(), Error> {
    let fail = |fault: Fault| Error::Input { file: file.to_owned(), fault };
    let wanted = [selection.wanted(), owner.map(|name| (name, Kind::Owner)).into_iter().collect()].concat();
    let mut source = Columnar::open_wanted(file, arrow, &wanted, u64::MAX).map_err(fail)?;
    for group in 0..source.groups() {
        let fault = source.damaged(group);
        for batch in source.batches(group, Columns::Wanted).map_err(fail)? {
            let batch = batch.map_err(fail)?;
            let damaged = || fail(fault.clone());
            let records = records(&batch, selection).ok_or_else(damaged)?;
            let owners = match owner {
                Some(name) => owners(&batch, name).ok_or_else(damaged)?,
                None => vec![None; records.len()],
            };
            for (record, whose) in records.into_iter().zip(owners) {
                let Some(record) = record else { continue };
                if let (Some(column), None) = (owner, &whose) {
                    return Err(fail(Fault::NoOwner { column: column.to_owned() }));
                }
                each(record, whose)?;
            }
        }
    }
    Ok(())
}

/// Per row its record, if it has one; `None` if the columns are not what the schema said.
fn records(batch: &RecordBatch, selection: &Selection) -> Option<Vec<Option<Record>>> {
    let column = |name: &str| batch.column_by_name(name);
    Some(match selection {
        Selection::Text { column: name } => {
            strings(column(name)?)?.into_iter().map(|text| text.map(Record::Text)).collect()
        }
        Selection::Pair { prompt, completion } => {
            let pairs = strings(column(prompt)?)?.into_iter().zip(strings(column(completion)?)?);
            let pair = |(prompt, completion): (Option<String>, Option<String>)| {
                Some(Record::Pair { prompt: prompt.unwrap_or_default(), completion: completion? })
            };
            pairs.map(pair).collect()
        }
        Selection::Chat { column: name } => {
            chats(column(name)?)?.into_iter().map(|chat| chat.map(Record::Chat)).collect()
        }
    })
}

/// Whose each row is.
pub(crate) fn owners(batch: &RecordBatch, name: &str) -> Option<Vec<Option<String>>> {
    let column = batch.column_by_name(name)?;
    if !column.data_type().is_integer() {
        return strings(column);
    }
    strings(&arrow::compute::cast(column, &DataType::Utf8).ok()?)
}

/// The values of a text column, row by row.
fn strings(column: &ArrayRef) -> Option<Vec<Option<String>>> {
    let slots = slots(column)?;
    let texts = texts(&slots.values)?;
    Some(slots.of_row.iter().map(|slot| slot.and_then(|slot| texts[slot].map(str::to_owned))).collect())
}

/// The conversations of a column, row by row; a turn that is null is left out.
fn chats(column: &ArrayRef) -> Option<Vec<Option<Vec<Turn>>>> {
    let (turns, ranges): (ArrayRef, Vec<(usize, usize)>) = match column.data_type() {
        DataType::List(_) => {
            let list = column.as_list::<i32>();
            let ends = list.offsets().windows(2).map(|pair| (pair[0] as usize, pair[1] as usize));
            (list.values().clone(), ends.collect())
        }
        DataType::LargeList(_) => {
            let list = column.as_list::<i64>();
            let ends = list.offsets().windows(2).map(|pair| (pair[0] as usize, pair[1] as usize));
            (list.values().clone(), ends.collect())
        }
        _ => return None,
    };
    let turns = turns.as_struct_opt()?;
    let (roles, contents) = (strings(turns.column_by_name("role")?)?, strings(turns.column_by_name("content")?)?);
    let turn = |index: usize| {
        let content = contents.get(index)?.clone().unwrap_or_default();
        turns.is_valid(index).then(|| Turn { role: roles[index].clone().unwrap_or_default(), content })
    };
    let rows = ranges.into_iter().enumerate();
    Some(
        rows.map(|(row, (begin, end))| column.is_valid(row).then(|| (begin..end).filter_map(turn).collect())).collect(),
    )
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
