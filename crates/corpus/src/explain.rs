//! Why the rules do what they do to one row.
//!
//! Recognizers do not keep a record of their reasons, and one kept beside them could say something else than what they do.
//! So they are asked: what is found of the value alone? Which word around it can be taken away, and what is left then?
//! How many of its digits can be changed? The answers are true of whatever the rules are.

use std::ops::Range;
use std::path::Path;

use privet_text::{Entity, Operator};
use serde::Serialize;

use crate::cells::{Cell, label};
use crate::column::{slots, texts};
use crate::columnar::Columnar;
use crate::error::{Error, Fault};
use crate::format::{Form, Format, Layout, format_of};
use crate::guard::caught;
use crate::lines::Lines;
use crate::nested::{cells, leaf};
use crate::plan::ScrubPlan;
use crate::rows::{Located, Rules};
use crate::source::Columns;

/// What is looked at on either side of a finding, in bytes. No rule in the box looks further.
const WINDOW: usize = 512;
/// Words that are taken away, one after another, on either side of a finding.
const WORDS_MAX: usize = 24;

/// What the rules make of one row. Only [`ExplainedText::text`] and [`ExplainedText::rewritten`] hold any of its text, and
/// neither is serialised.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// Zero-based row of the file, blank lines not counted, as in the findings.
    pub row: u64,
    /// Its selected texts.
    pub texts: Vec<ExplainedText>,
    /// Whether the row is removed for what was found in it.
    pub dropped: bool,
}

/// One selected text of a row.
#[derive(Clone, PartialEq, Serialize)]
pub struct ExplainedText {
    /// Its place in the row, as in `messages[3].content`.
    pub column: String,
    /// Its length.
    pub bytes: u64,
    /// The text itself.
    #[serde(skip)]
    pub text: String,
    /// The text as it would be written.
    #[serde(skip)]
    pub rewritten: String,
    /// What was found in it, in order.
    pub findings: Vec<ExplainedFinding>,
}

impl std::fmt::Debug for ExplainedText {
    /// Without the text.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ExplainedText")
            .field("column", &self.column)
            .field("findings", &self.findings)
            .finish_non_exhaustive()
    }
}

/// One finding and its reasons. A confidence that is `None` says that nothing is found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainedFinding {
    /// What was found.
    pub entity: Entity,
    /// By which rule.
    pub rule: String,
    /// Bytes of the text.
    pub bytes: Range<u64>,
    /// The same in characters.
    pub characters: Range<u64>,
    /// Of the rule.
    pub confidence: f32,
    /// What happens to it; `keep` also where it is allowed or not sure enough.
    pub operator: Operator,
    /// It is on the allow list.
    pub allowed: bool,
    /// It is below the threshold of its entity.
    pub below_threshold: bool,
    /// Confidence in the same value when nothing stands around it.
    pub alone: Option<f32>,
    /// Confidence when every word near it is taken away.
    pub without_words: Option<f32>,
    /// The words whose absence alone changes the confidence.
    pub words: Vec<ExplainedWord>,
    /// Its digits.
    pub digits: u64,
    /// Of how many of them a change makes the finding less sure, or none: all of them where a check digit is.
    pub digits_checked: u64,
    /// It hangs on text further away than is looked at here; nothing is said of words then.
    pub far: bool,
}

/// A word that a finding hangs on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainedWord {
    /// Bytes of the text.
    pub bytes: Range<u64>,
    /// The same in characters.
    pub characters: Range<u64>,
    /// Confidence without it.
    pub without: Option<f32>,
}

/// Explains row `row` (zero-based, blank lines not counted) of `file`, under the rules and columns of the plan; its files
/// and its output are not looked at.
///
/// # Errors
///
/// [`Error::Input`] for a file that cannot be read so far, [`Error::NoSuchRow`], [`Error::Rules`].
pub fn explain(plan: &ScrubPlan, file: &Path, row: u64) -> Result<Explanation, Error> {
    let rules = Rules::new(&plan.entities, &plan.custom, &plan.deny, &plan.policy)?.with_packs(&plan.packs);
    let fail = |fault| Error::Input { file: file.to_owned(), fault };
    let texts = match format_of(file).map_err(fail)? {
        Format::Parquet => of_tables(plan, file, None, row),
        Format::Arrow(layout) => of_tables(plan, file, Some(layout), row),
        Format::Text(form) => of_lines(plan, file, form, row),
    };
    let texts = texts.map_err(fail)?.map_err(|rows| Error::NoSuchRow { file: file.to_owned(), row, rows })?;
    caught(|| explained(&rules, row, texts)).ok_or_else(|| fail(Fault::RulePanic))
}

/// Place and text of every cell of a row that has one; or how many rows there are.
type RowTexts = Result<Vec<(String, String)>, u64>;

fn of_lines(plan: &ScrubPlan, file: &Path, form: Form, row: u64) -> Result<RowTexts, Fault> {
    let mut lines = Lines::open(file, form, &plan.columns, None)?;
    let mut before = 0;
    while let Some(batch) = lines.next(u64::MAX)? {
        let wanted = usize::try_from(row - before).unwrap_or(usize::MAX);
        if let Some(cells) = batch.cells.rows().nth(wanted) {
            let texts = batch.texts();
            let place = |cell: &Cell| label(&plan.columns[cell.selector].to_string(), &cell.at);
            let found =
                cells.iter().filter_map(|cell| Some((place(cell), texts.get(cell.slot?)?.clone().into_owned())));
            return Ok(Ok(found.collect()));
        }
        before += batch.cells.rows().count() as u64;
    }
    Ok(Err(before))
}

fn of_tables(plan: &ScrubPlan, file: &Path, arrow: Option<Layout>, row: u64) -> Result<RowTexts, Fault> {
    let mut source = Columnar::open_selected(file, arrow, &plan.columns, None, plan.row_group_bytes_max)?;
    let ways = source.ways(Columns::Wanted);
    let mut before = 0;
    for group in 0..source.groups() {
        let damaged = source.damaged(group);
        for batch in source.batches(group, Columns::Wanted)? {
            let batch = batch?;
            let rows = batch.num_rows() as u64;
            if row - before >= rows {
                before += rows;
                continue;
            }
            let batch = batch.slice((row - before) as usize, 1);
            let found = caught(|| -> Option<Vec<(String, String)>> {
                let leaves = ways.iter().map(|way| {
                    let leaf = leaf(batch.column(way.top), way)?;
                    Some((slots(&leaf.values)?, leaf))
                });
                let leaves = leaves.collect::<Option<Vec<_>>>()?;
                let mut all: Vec<Option<&str>> = Vec::new();
                for (slots, _) in &leaves {
                    all.extend(texts(&slots.values)?);
                }
                let cells = cells(&ways, leaves.iter().map(|(slots, leaf)| (leaf, slots)), 1);
                let place = |cell: &Cell| label(&ways[cell.way].path, &cell.at);
                let row = cells.rows().next()?.iter();
                Some(row.filter_map(|cell| Some((place(cell), (*all.get(cell.slot?)?)?.to_owned()))).collect())
            });
            return Ok(Ok(found.flatten().ok_or(damaged)?));
        }
    }
    Ok(Err(before))
}

fn explained(rules: &Rules, row: u64, texts: Vec<(String, String)>) -> Explanation {
    let mut applied = Vec::new();
    let texts = texts.into_iter().map(|(column, text)| {
        let scrubbed = rules.scrub(&text, None);
        applied.extend(scrubbed.findings.iter().map(|located| located.finding.clone()));
        let mut findings: Vec<ExplainedFinding> =
            scrubbed.findings.iter().map(|located| finding(rules, &text, located, false)).collect();
        // What the allow list takes out is found all the same.
        for located in rules.located(&text) {
            let span = &located.finding.span;
            if !scrubbed
                .findings
                .iter()
                .any(|other| other.finding.span.start < span.end && span.start < other.finding.span.end)
            {
                findings.push(finding(rules, &text, &located, true));
            }
        }
        findings.sort_by_key(|finding| finding.bytes.start);
        let rewritten = scrubbed.changed.unwrap_or_else(|| text.clone());
        ExplainedText { column, bytes: text.len() as u64, text, rewritten, findings }
    });
    let texts = texts.collect();
    Explanation { row, texts, dropped: rules.policy().drops(&applied) }
}

fn finding(rules: &Rules, text: &str, located: &Located, allowed: bool) -> ExplainedFinding {
    let Located { finding, start_char, end_char } = located;
    let (entity, span) = (finding.entity, finding.span.clone());
    let applied = rules.policy().operator_for(finding);
    let ask = Question { rules, entity };
    let near = text.floor_char_boundary(span.start.saturating_sub(WINDOW))
        ..text.ceil_char_boundary((span.end + WINDOW).min(text.len()));
    let inside = span.start - near.start..span.end - near.start;
    let far = ask.confidence(&text[near.clone()], &inside) != Some(finding.confidence);
    let value = &text[span.clone()];
    let around = if far { Vec::new() } else { words(&text[near.clone()], &inside) };
    let blank = |words: &[Range<usize>]| ask.confidence(&without(&text[near.clone()], words), &inside);
    let characters = |at: usize| text[..at].chars().count() as u64;
    let hangs_on = around.iter().filter_map(|word| {
        let without = blank(std::slice::from_ref(word));
        let bytes = near.start + word.start..near.start + word.end;
        let place = ExplainedWord {
            characters: characters(bytes.start)..characters(bytes.end),
            bytes: bytes.start as u64..bytes.end as u64,
            without,
        };
        (without != Some(finding.confidence)).then_some(place)
    });
    let digits: Vec<usize> =
        value.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()).map(|(at, _)| at).collect();
    let weaker = |at: &&usize| {
        let changed = with_other_digit(&text[near.clone()], inside.start + **at);
        ask.confidence(&changed, &inside).is_none_or(|confidence| confidence < finding.confidence)
    };
    ExplainedFinding {
        entity,
        rule: finding.rule.to_string(),
        bytes: span.start as u64..span.end as u64,
        characters: *start_char..*end_char,
        confidence: finding.confidence,
        operator: if allowed { Operator::Keep } else { applied },
        allowed,
        below_threshold: applied == Operator::Keep && rules.policy().operator(entity) != Operator::Keep,
        alone: ask.confidence(value, &(0..value.len())),
        without_words: if far { None } else { blank(&around) },
        words: hangs_on.collect(),
        digits: digits.len() as u64,
        digits_checked: if far { 0 } else { digits.iter().filter(weaker).count() as u64 },
        far,
    }
}

/// What the rules find of one entity.
struct Question<'a> {
    rules: &'a Rules,
    entity: Entity,
}

impl Question<'_> {
    /// How sure they are of it at this place.
    fn confidence(&self, text: &str, span: &Range<usize>) -> Option<f32> {
        let found = self.rules.scan(text).into_iter().find(|found| found.span == *span && found.entity == self.entity);
        found.map(|found| found.confidence)
    }
}

/// The words (runs of letters) around a place, nearest first on either side, and never a part of what stands there.
fn words(text: &str, inside: &Range<usize>) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = Vec::new();
    for (at, character) in text.char_indices().filter(|(_, character)| character.is_alphabetic()) {
        let end = at + character.len_utf8();
        match all.last_mut() {
            Some(last) if last.end == at && at != inside.start && at != inside.end => last.end = end,
            _ => all.push(at..end),
        }
    }
    let mut before: Vec<_> = all.iter().filter(|word| word.end <= inside.start).cloned().collect();
    before.reverse();
    let after = all.into_iter().filter(|word| word.start >= inside.end);
    before.into_iter().take(WORDS_MAX).chain(after.take(WORDS_MAX)).collect()
}

/// `text` with spaces where these words stand.
fn without(text: &str, words: &[Range<usize>]) -> String {
    let mut text = text.to_owned();
    for word in words {
        text.replace_range(word.clone(), &" ".repeat(word.len()));
    }
    text
}

/// `text` with the next digit where one stands.
fn with_other_digit(text: &str, at: usize) -> String {
    let mut text = text.to_owned();
    let next = match text.as_bytes()[at] {
        b'9' => "0".to_owned(),
        digit => char::from(digit + 1).to_string(),
    };
    text.replace_range(at..=at, &next);
    text
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
