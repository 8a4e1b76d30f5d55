//! From a line's object to spans: every offset is checked against the text, every label gets its one name.

use privet_text::evaluate::{Mark, Trap, byte_offsets, canonical};
use serde_json::{Map, Value};

use super::lines::Lines;
use crate::failure::Failure;

/// Longest name of a label, and longest reason of a trap, in bytes: both are printed.
const NAME_MAX: usize = 100;
const NO_REASON: &str = "no reason given";

/// One line of the gold.
pub(super) struct Gold {
    pub(super) id: Option<Value>,
    pub(super) text: String,
    pub(super) marks: Vec<Mark>,
    pub(super) traps: Vec<Trap>,
}

/// A span as it stands in a file.
struct Raw<'a> {
    start: usize,
    end: usize,
    object: &'a Map<String, Value>,
    /// Such as `spans[2]`.
    name: String,
}

/// The next line of labelled text.
pub(super) fn gold(lines: &mut Lines) -> Result<Option<Gold>, Failure> {
    let Some(mut object) = lines.next()? else { return Ok(None) };
    let Some(Value::String(text)) = object.remove("text") else {
        return Err(lines.refused("`text` is missing or no string"));
    };
    let refused = |what: String| lines.refused(what);
    let id = id(&object).map_err(refused)?;
    let marks = marks(&object, &text).map_err(refused)?;
    let traps = match object.get("negatives") {
        Some(list) => raw_spans(list, "negatives", &text).and_then(|spans| spans.iter().map(trap).collect()),
        None => Ok(Vec::new()),
    };
    let traps = traps.map_err(refused)?;
    Ok(Some(Gold { id, text, marks, traps }))
}

/// The next line of findings, which belongs to `gold`.
pub(super) fn findings(lines: &mut Lines, gold: &Gold) -> Result<Vec<Mark>, Failure> {
    let help = "line for line the findings of the gold's texts, in the same order";
    let Some(object) = lines.next()? else {
        return Err(lines.refused("the findings end before the gold").help(help));
    };
    let refused = |what: String| lines.refused(what);
    let id = id(&object).map_err(refused)?;
    if let (Some(one), Some(other)) = (&id, &gold.id)
        && plain(one) != plain(other)
    {
        return Err(lines.refused("the findings are of another text: the ids differ").help(help));
    }
    marks(&object, &gold.text).map_err(refused)
}

/// Every label of a file of findings.
pub(super) fn labels(lines: &mut Lines, mut each: impl FnMut(&str)) -> Result<(), Failure> {
    while let Some(object) = lines.next()? {
        let spans = object.get("spans").and_then(Value::as_array).into_iter().flatten();
        spans.filter_map(|span| span.get("label")?.as_str()).for_each(&mut each);
    }
    Ok(())
}

fn id(object: &Map<String, Value>) -> Result<Option<Value>, String> {
    match object.get("id") {
        None | Some(Value::Null) => Ok(None),
        Some(id) if id.is_string() || id.is_i64() || id.is_u64() => Ok(Some(id.clone())),
        Some(_) => Err(String::from("`id` is neither a string nor a whole number")),
    }
}

fn plain(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

fn marks(object: &Map<String, Value>, text: &str) -> Result<Vec<Mark>, String> {
    let list = object.get("spans").ok_or("`spans` is missing")?;
    let spans = raw_spans(list, "spans", text)?;
    let mut offsets: Vec<usize> = spans.iter().flat_map(|span| [span.start, span.end]).collect();
    offsets.sort_unstable();
    offsets.dedup();
    let bytes = byte_offsets(text, &offsets).ok_or("a span ends outside the text")?;
    let byte = |code_point: usize| offsets.binary_search(&code_point).ok().map(|at| bytes[at]);
    let value = |span: &Raw| text.get(byte(span.start)?..byte(span.end)?);
    let mark = |span: &Raw| {
        let label = named(span, "label")?.ok_or_else(|| format!("`{}.label` is missing", span.name))?;
        Ok(Mark {
            label: canonical(label, value(span).unwrap_or_default()),
            confidence: confidence(span)?,
            span: span.start..span.end,
        })
    };
    spans.iter().map(mark).collect()
}

fn trap(span: &Raw) -> Result<Trap, String> {
    let why = named(span, "why")?.unwrap_or(NO_REASON).to_owned();
    Ok(Trap { span: span.start..span.end, why })
}

/// The spans of a list, each inside the text and not empty.
fn raw_spans<'a>(list: &'a Value, key: &str, text: &str) -> Result<Vec<Raw<'a>>, String> {
    let Value::Array(list) = list else { return Err(format!("`{key}` is no list")) };
    let length = if list.is_empty() { 0 } else { text.chars().count() };
    let span = |(place, span): (usize, &'a Value)| {
        let name = format!("{key}[{place}]");
        let object = span.as_object().ok_or_else(|| format!("`{name}` is no object"))?;
        let offset = |end: &str| {
            let whole = object.get(end).and_then(Value::as_u64);
            whole.ok_or_else(|| format!("`{name}.{end}` is no whole number of 0 or more"))
        };
        let (start, end) = (offset("start")? as usize, offset("end")? as usize);
        if start >= end {
            return Err(format!("`{name}` ends at its start or before it"));
        }
        if end > length {
            return Err(format!("`{name}` ends outside the text, which has {length} code points"));
        }
        Ok(Raw { start, end, object, name })
    };
    list.iter().enumerate().map(span).collect()
}

/// A short string that can be printed.
fn named<'a>(span: &Raw<'a>, key: &str) -> Result<Option<&'a str>, String> {
    match span.object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name))
            if !name.trim().is_empty() && name.len() <= NAME_MAX && !name.chars().any(char::is_control) =>
        {
            Ok(Some(name))
        }
        Some(_) => Err(format!("`{}.{key}` is no name of 1 to {NAME_MAX} bytes without control characters", span.name)),
    }
}

/// 1 where it is not said.
fn confidence(span: &Raw) -> Result<f32, String> {
    match span.object.get("confidence") {
        None | Some(Value::Null) => Ok(1.0),
        Some(value) => {
            let number = value.as_f64().filter(|number| (0.0..=1.0).contains(number));
            number.map(|number| number as f32).ok_or_else(|| format!("`{}.confidence` is not from 0 to 1", span.name))
        }
    }
}
