//! The report in Markdown (the dialect with pipe tables).

use std::fmt::Write as _;

use crate::document::{self, Block, document};
use crate::{Report, words};

/// Points of the curve that a table shows at most.
const CURVE_ROWS: usize = 10;

/// Renders the report as Markdown. Values are escaped: they cannot become markup.
pub fn markdown(report: &Report) -> String {
    let mut text = format!("# Privacy report of the run {}\n", escape(&report.name));
    for block in document(report) {
        text.push('\n');
        match block {
            Block::Heading(heading) => {
                let _ = writeln!(text, "## {heading}");
            }
            Block::Paragraph(paragraph) => {
                let _ = writeln!(text, "{}", escape(&paragraph));
            }
            Block::Warning(warning) => {
                let _ = writeln!(text, "> **Warning:** {}", escape(&warning));
            }
            Block::List(items) => items.iter().for_each(|item| {
                let _ = writeln!(text, "- {}", escape(item));
            }),
            Block::Table { head, rows } => table(&mut text, &head, &rows),
            Block::Curve { caption } => curve(&mut text, report, &caption),
        }
    }
    text
}

fn table(text: &mut String, head: &[String], rows: &[Vec<String>]) {
    let line =
        |cells: &[String]| format!("| {} |", cells.iter().map(|cell| escape(cell)).collect::<Vec<_>>().join(" | "));
    let _ = writeln!(text, "{}\n|{}", line(head), " --- |".repeat(head.len()));
    for row in rows {
        let _ = writeln!(text, "{}", line(row));
    }
}

/// A picture is not possible here; the points are.
fn curve(text: &mut String, report: &Report, caption: &str) {
    let _ = writeln!(text, "{}\n", escape(caption));
    let points = &report.ledger.curve;
    let parts = points.len().min(CURVE_ROWS);
    let shown = (1..=parts).filter_map(|part| points.get(points.len() * part / parts - 1));
    let head = ["noisy releases charged".to_owned(), "guarantee".to_owned()];
    let rows: Vec<Vec<String>> =
        shown.map(|point| vec![point.charged.to_string(), document::phrase_of(report, point.epsilon)]).collect();
    table(text, &head, &rows);
}

/// Text that stays text: everything that Markdown or HTML could read as markup gets a backslash or an entity.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in words::clean(text).chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    escaped
}
