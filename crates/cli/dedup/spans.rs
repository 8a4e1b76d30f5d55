//! The arguments of `privet dedup` for parts of texts instead of rows, and what is said of them.

use clap::{Args, ValueEnum};
use privet_corpus::{Action, Keep, Level, SpanCounts, Spans, Units};

use super::SOURCES_SHOWN;
use super::arguments::{Arguments, Exact};
use crate::failure::Failure;
use crate::terminal::table;

/// Fewest words of a paragraph or line that is compared. A heading, a closing brace, a rule and most lines of code that
/// everyone writes alike have fewer; a sentence that was copied, or a notice, has more.
pub(super) const WORDS_MIN: usize = 10;

#[derive(Args)]
pub(crate) struct SpanArguments {
    /// Take out every run of N words [default: 50] that stands somewhere before, equal after normalisation; all rows stay
    #[arg(
        long,
        value_name = "N",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "50",
        value_parser = clap::value_parser!(u64).range(5..=100_000),
        conflicts_with_all = ["exact", "near", "threshold", "measure", "exhaustive", "across"]
    )]
    substring: Option<u64>,
    /// With `--exact`: what is compared. Of paragraphs (up to a blank line) and lines that stand somewhere before, only
    /// these go, and all rows stay
    #[arg(long, value_enum, default_value_t, value_name = "NAME", conflicts_with = "substring")]
    level: LevelName,
    /// Fewest words of a paragraph or line that is compared, so that headings, braces and rules stay
    #[arg(long, default_value_t = WORDS_MIN, value_name = "N", conflicts_with = "substring")]
    min_words: usize,
    /// What becomes of parts that stand somewhere before: remove cuts them out, mask puts a tag in their place, report
    /// leaves them [default: remove]
    #[arg(long, value_enum, value_name = "NAME")]
    action: Option<ActionName>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum LevelName {
    #[default]
    Document,
    Paragraph,
    Line,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ActionName {
    #[default]
    Remove,
    Mask,
    Report,
}

impl SpanArguments {
    /// The search for parts of texts, if one is asked for.
    pub(super) fn spans(&self, arguments: &Arguments) -> Result<Option<Spans>, Failure> {
        let normalised = arguments.exact == Some(Exact::Normalised);
        let units = Units { normalised, words_min: self.min_words };
        let level = match (self.substring, self.level) {
            (Some(words), _) => Level::Words(usize::try_from(words).unwrap_or(usize::MAX)),
            (None, LevelName::Paragraph) => Level::Paragraphs(units),
            (None, LevelName::Line) => Level::Lines(units),
            (None, LevelName::Document) if self.action.is_some() => {
                return Err(Failure::usage("`--action` is for parts of texts")
                    .why("whole rows that are copies can only go")
                    .help("add `--substring`, `--level paragraph` or `--level line`, or use `--report-only`"));
            }
            (None, LevelName::Document) => return Ok(None),
        };
        if self.substring.is_none() && arguments.exact.is_none() {
            return Err(Failure::usage("paragraphs and lines are compared exactly")
                .why("`--level` was given without `--exact`")
                .help("add `--exact normalised` or `--exact raw`"));
        }
        let of_rows = arguments.max_records_per_unit.is_some() || arguments.source_column.is_some();
        let of_rows = of_rows || arguments.across.is_some() || arguments.annotate;
        if arguments.keep != Keep::First || of_rows {
            return Err(Failure::usage(
                "parts of texts know no `--keep`, `--across`, `--annotate`, `--max-records-per-unit` and `--source-column`",
            )
            .why("the first of equal parts stays, and so does every row")
            .help("take the option out, or compare whole rows"));
        }
        Ok(Some(Spans { level, action: self.action.unwrap_or_default().action() }))
    }
}

impl ActionName {
    pub(super) fn action(self) -> Action {
        match self {
            Self::Remove => Action::Remove,
            Self::Mask => Action::Mask,
            Self::Report => Action::Report,
        }
    }
}

/// What was found, in lines.
pub(super) fn described(counts: &SpanCounts, method: &str) -> Vec<String> {
    let part = |of: u64, all: u64| format!("{:.1} %", 100.0 * of as f64 / all.max(1) as f64);
    let rows: u64 = counts.sources.iter().map(|source| source.rows).sum();
    let SpanCounts { spans, rows_with_spans, rows_emptied, text_bytes, text_bytes_repeated, .. } = counts;
    let mut lines = vec![
        format!(
            "{rows} rows, {rows_with_spans} with {spans} parts that stand somewhere before: {text_bytes_repeated} of {text_bytes} bytes, {}",
            part(*text_bytes_repeated, *text_bytes)
        ),
        format!("parts: {method}"),
    ];
    if *rows_emptied > 0 {
        lines.push(format!("{rows_emptied} rows have no text left; they stay, empty"));
    }
    lines.push(String::new());
    let mut sources: Vec<_> = counts.sources.iter().filter(|source| source.rows_with_spans > 0).collect();
    let share =
        |source: &privet_corpus::SpanSource| source.text_bytes_repeated as f64 / source.text_bytes.max(1) as f64;
    sources.sort_by(|one, other| share(other).total_cmp(&share(one)));
    let mut shown = vec![["file", "rows", "with repeats", "bytes", "repeated", "part"].map(String::from).to_vec()];
    shown.extend(sources.iter().take(SOURCES_SHOWN).map(|source| {
        let numbers = [source.rows, source.rows_with_spans, source.text_bytes, source.text_bytes_repeated];
        let mut row = vec![source.file.clone()];
        row.extend(numbers.iter().map(u64::to_string));
        row.push(part(source.text_bytes_repeated, source.text_bytes));
        row
    }));
    lines.push(table(&shown));
    if sources.len() > SOURCES_SHOWN {
        lines.push(format!("and {} other files", sources.len() - SOURCES_SHOWN));
    }
    lines.push(String::new());
    lines
}
