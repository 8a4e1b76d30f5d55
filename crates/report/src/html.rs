//! The report as one HTML file: no script, no external file, light and dark, printable.

use std::fmt::Write as _;

use crate::document::{Block, document};
use crate::{Report, chart};

const STYLE: &str = include_str!("html.css");

/// Renders the report as one HTML file. Values are escaped: they cannot become markup.
pub fn html(report: &Report) -> String {
    let title = format!("Privacy report of the run {}", escape(&report.name));
    // The policy forbids everything a report does not need, in case an escape is ever forgotten.
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    for (index, block) in document(report).into_iter().enumerate() {
        render(&mut page, report, index, &block);
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn render(page: &mut String, report: &Report, index: usize, block: &Block) {
    let _ = match block {
        Block::Heading(heading) => writeln!(page, "<h2>{}</h2>", escape(heading)),
        Block::Paragraph(text) if *text == report.statement.headline => {
            writeln!(page, "<p class=\"headline\">{}</p>", escape(text))
        }
        Block::Paragraph(text) if index == 0 => writeln!(page, "<p class=\"edition\">{}</p>", escape(text)),
        Block::Paragraph(text) => writeln!(page, "<p>{}</p>", escape(text)),
        Block::Warning(text) => writeln!(page, "<p class=\"warning\"><strong>Warning:</strong> {}</p>", escape(text)),
        Block::List(items) => {
            let items: Vec<String> = items.iter().map(|item| format!("<li>{}</li>", escape(item))).collect();
            writeln!(page, "<ul>\n{}\n</ul>", items.join("\n"))
        }
        Block::Table { head, rows } => table(page, head, rows),
        Block::Curve { caption } => {
            let caption = escape(caption);
            let target =
                if report.guarantee.target_epsilon.is_some() { " The dashed line is the plan's target." } else { "" };
            let curve = chart::curve(report, &caption);
            writeln!(page, "<figure>\n{curve}\n<figcaption>{caption}{target}</figcaption>\n</figure>")
        }
    };
}

fn table(page: &mut String, head: &[String], rows: &[Vec<String>]) -> std::fmt::Result {
    let cells = |cells: &[String], tag: &str| -> String {
        let cells: Vec<String> = cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escape(cell))).collect();
        cells.concat()
    };
    writeln!(page, "<div class=\"scroll\"><table>\n<thead><tr>{}</tr></thead>\n<tbody>", cells(head, "th"))?;
    for row in rows {
        writeln!(page, "<tr>{}</tr>", cells(row, "td"))?;
    }
    writeln!(page, "</tbody>\n</table></div>")
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}
