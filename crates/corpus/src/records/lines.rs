//! Records of text files, plain or compressed with gzip or Zstandard (told by the first bytes, not by the name).

use std::path::Path;

use serde_json::{Map, Value};

use super::{Each, Record, Selection, Turn};
use crate::error::{Error, Fault};
use crate::format::Form;
use crate::lines::{BYTE_ORDER_MARK, Lines};
use crate::packed::LineFile;

pub(super) fn read(path: &Path, selection: &Selection, owner: Option<&str>, each: &mut Each<'_>) -> Result<(), Error> {
    let fail = |fault| Error::Input { file: path.to_owned(), fault };
    let mut file = LineFile::open(path).map_err(fail)?;
    let mut text = Vec::new();
    loop {
        text.clear();
        if !file.next(&mut text).map_err(fail)? {
            return Ok(());
        }
        let line = file.line();
        let bare = if line == 1 { text.strip_prefix(BYTE_ORDER_MARK.as_bytes()).unwrap_or(&text) } else { &text };
        if bare.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let object: Map<String, Value> = serde_json::from_slice(bare).map_err(|_| fail(Fault::DamagedLine { line }))?;
        let whose = match owner {
            Some(column) => Some(whose(&object, column, line).map_err(fail)?),
            None => None,
        };
        if let Some(record) = record(object, selection, line).map_err(fail)? {
            each(record, whose)?;
        }
    }
}

/// Records of tables of cells, and documents, which are a text each.
pub(super) fn read_cells(
    path: &Path,
    form: Form,
    selection: &Selection,
    owner: Option<&str>,
    each: &mut Each<'_>,
) -> Result<(), Error> {
    let fail = |fault| Error::Input { file: path.to_owned(), fault };
    let (Selection::Text { .. } | Selection::Pair { .. }) = selection else {
        return Err(fail(Fault::NotChat { column: selection.names(), data_type: "text".to_owned() }));
    };
    if let (Selection::Pair { completion, .. }, Form::Document) = (selection, form) {
        return Err(fail(Fault::NoColumn { column: completion.clone(), cells: 1 }));
    }
    let selectors = selection.texts();
    let mut lines = Lines::open(path, form, &selectors, owner).map_err(fail)?;
    while let Some(batch) = lines.next(u64::MAX).map_err(fail)? {
        let texts = batch.texts();
        for (row, cells) in batch.cells.rows().enumerate() {
            let text = |selector| {
                let cell = cells.iter().find(|cell| cell.selector == selector);
                cell.and_then(|cell| texts.get(cell.slot?)).map(|text| text.clone().into_owned())
            };
            let record = match selection {
                Selection::Pair { .. } => {
                    text(1).map(|completion| Record::Pair { prompt: text(0).unwrap_or_default(), completion })
                }
                _ => text(0).map(Record::Text),
            };
            let whose = batch.owners().and_then(|owners| owners.get(row).cloned());
            if let Some(record) = record {
                each(record, whose)?;
            }
        }
    }
    Ok(())
}

fn record(mut object: Map<String, Value>, selection: &Selection, line: u64) -> Result<Option<Record>, Fault> {
    let mut take = |key: &str, wanted: &'static str| {
        object.remove(key).ok_or_else(|| Fault::DamagedRecord { line, key: key.to_owned(), wanted })
    };
    Ok(match selection {
        Selection::Text { column } => text(take(column, TEXT)?, column, line)?.map(Record::Text),
        Selection::Pair { prompt, completion } => {
            let first = text(take(prompt, TEXT)?, prompt, line)?.unwrap_or_default();
            let second = text(take(completion, TEXT)?, completion, line)?;
            second.map(|completion| Record::Pair { prompt: first, completion })
        }
        Selection::Chat { column } => match take(column, CHAT)? {
            Value::Null => None,
            Value::Array(turns) => {
                let turns: Option<Vec<Vec<Turn>>> = turns.into_iter().map(turn).collect();
                let wrong = || Fault::DamagedRecord { line, key: column.clone(), wanted: CHAT };
                Some(Record::Chat(turns.ok_or_else(wrong)?.into_iter().flatten().collect()))
            }
            _ => return Err(Fault::DamagedRecord { line, key: column.clone(), wanted: CHAT }),
        },
    })
}

pub(crate) fn whose(object: &Map<String, Value>, column: &str, line: u64) -> Result<String, Fault> {
    match object.get(column) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(number.to_string()),
        Some(Value::Null) => Err(Fault::NoOwner { column: column.to_owned() }),
        _ => Err(Fault::DamagedRecord { line, key: column.to_owned(), wanted: OWNER }),
    }
}

const TEXT: &str = "a string";
const OWNER: &str = "a string or a whole number";
const CHAT: &str = "a list of objects with the strings `role` and `content`";

fn text(value: Value, key: &str, line: u64) -> Result<Option<String>, Fault> {
    match value {
        Value::String(text) => Ok(Some(text)),
        Value::Null => Ok(None),
        _ => Err(Fault::DamagedRecord { line, key: key.to_owned(), wanted: TEXT }),
    }
}

/// One turn, or none where it is null.
fn turn(value: Value) -> Option<Vec<Turn>> {
    let mut object = match value {
        Value::Null => return Some(Vec::new()),
        Value::Object(object) => object,
        _ => return None,
    };
    let mut string = |key: &str| match object.remove(key)? {
        Value::String(text) => Some(text),
        Value::Null => Some(String::new()),
        _ => None,
    };
    Some(vec![Turn { role: string("role")?, content: string("content")? }])
}
