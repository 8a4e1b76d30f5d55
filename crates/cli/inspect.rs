//! `privet inspect`: what files of text or a model's folder hold, without changing or quoting any of it.

mod model;

use std::path::Path;

use clap::Args;
use privet_corpus::{Inspection, Kinds, LengthInspection, SampleInspection};
use privet_text::Entity;

use crate::failure::{Exit, Failure};
use crate::terminal::{Terminal, bytes, pairs, table};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Parquet, Arrow IPC, JSON lines, CSV, TSV or plain text: files, folders or glob patterns; or the folder of one model
    /// (with a config.json)
    #[arg(required = true)]
    input: Vec<String>,
    /// Column that holds the text
    #[arg(long, default_value = "text", value_name = "NAME")]
    column: String,
    /// Rows, spread evenly, in which personal data is counted; the other figures are of all rows
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    sample: u64,
    /// Of a model: print only the SHA-256 of every file that is read, as sha256sum does, for `manifest` in [model]
    #[arg(long)]
    manifest: bool,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<Exit, Failure> {
    if let [folder] = arguments.input.as_slice()
        && Path::new(folder).join("config.json").is_file()
    {
        return model::run(Path::new(folder), arguments.manifest, terminal);
    }
    if arguments.manifest {
        return Err(Failure::usage("--manifest is of one model's folder, which has a config.json"));
    }
    let files = privet_corpus::resolve_inputs(&arguments.input, Kinds::Records)?;
    let inspection = privet_corpus::inspect(&files, &arguments.column, &Entity::DEFAULT, arguments.sample)?;
    if terminal.json {
        terminal.json(&inspection);
    } else {
        terminal.out(&described(&inspection, terminal));
    }
    Ok(Exit::Done)
}

fn described(inspection: &Inspection, terminal: Terminal) -> String {
    let mut parts = vec![terminal.bold("Files") + "\n" + &table(&files(inspection))];
    let columns = inspection.columns.iter().map(|column| {
        let null = if column.nullable { ", nullable" } else { "" };
        vec![column.name.clone(), format!("{}{null}", column.data_type)]
    });
    let note = if inspection.same_columns { "" } else { " (of the first file; others differ)" };
    parts.push(terminal.bold(&format!("Columns{note}")) + "\n" + &table(&columns.collect::<Vec<_>>()));
    let title = format!("Text in column `{}`", inspection.column);
    parts.push(terminal.bold(&title) + "\n" + &pairs(&texts(inspection)));
    let title = format!("Personal data in a sample of {} texts", inspection.sample.rows);
    parts.push(terminal.bold(&title) + "\n" + &table(&findings(&inspection.sample)));
    parts.join("\n")
}

fn files(inspection: &Inspection) -> Vec<Vec<String>> {
    let head = ["file", "size", "rows", "row groups", "largest", "compression"].map(String::from).to_vec();
    let rows = inspection.files.iter().map(|file| {
        vec![
            file.file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            bytes(file.bytes),
            file.rows.to_string(),
            file.row_groups.to_string(),
            file.row_group_rows_max.to_string(),
            file.compression.join(", "),
        ]
    });
    std::iter::once(head).chain(rows).collect()
}

fn texts(inspection: &Inspection) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("rows", inspection.rows.to_string()),
        ("without a text", inspection.nulls.to_string()),
        ("empty", inspection.empty.to_string()),
        ("repeats", format!("{} ({:.2} %)", inspection.duplicates, 100.0 * inspection.duplicate_rate)),
        (
            "invisible characters",
            format!("{} in {} rows", inspection.invisible_characters, inspection.rows_with_invisible),
        ),
    ];
    if let Some(LengthInspection { total, min, p05, p50, p95, p99, max }) = &inspection.text_bytes {
        rows.push(("bytes of text", total.to_string()));
        rows.push((
            "bytes of a text",
            format!("{min} to {max}; half up to {p50}, 5 % up to {p05}, 95 % up to {p95}, 99 % up to {p99}"),
        ));
    }
    rows
}

fn findings(sample: &SampleInspection) -> Vec<Vec<String>> {
    let mut rows = vec![["entity", "findings", "per 1000 texts"].map(String::from).to_vec()];
    let rate = |count: u64| format!("{:.2}", 1000.0 * count as f64 / sample.rows.max(1) as f64);
    let found = sample.findings.iter().map(|(entity, count)| vec![entity.to_string(), count.to_string(), rate(*count)]);
    rows.extend(found);
    let with = sample.rows_with_findings;
    rows.push(vec![String::from("texts with any"), with.to_string(), rate(with)]);
    rows
}
