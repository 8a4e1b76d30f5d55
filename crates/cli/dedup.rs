//! `privet dedup`: copies of texts away, whole or near, with a row that stays named for each that goes.
//!
//! Like a scrub, this is run by whoever holds the data, on its own and outside any guarantee, so it may say how much it found. It
//! never says what.

mod arguments;
mod section;
mod spans;

use std::sync::atomic::AtomicBool;

use privet_corpus::{DedupCounts, DedupManifest, DedupPass, DedupPlan, DiskEstimate};
use serde_json::json;

use crate::failure::{Exit, Failure};
use crate::progress;
use crate::terminal::{Terminal, bytes, table};

pub(crate) use arguments::{Arguments, references};
pub(crate) use section::{Dedup, Removal};

/// Sources that are shown with what goes of them, those that lose most.
const SOURCES_SHOWN: usize = 12;

pub(crate) fn run(arguments: &Arguments, terminal: Terminal, cancelled: &AtomicBool) -> Result<Exit, Failure> {
    let plan = arguments.plan()?;
    room(&plan, terminal)?;
    let manifest = with_progress(&plan, terminal, cancelled)?;
    if manifest.counts.rows_null > 0 && manifest.counts.rows_null == manifest.counts.rows_in {
        terminal.warn(&format!("no row has a text in column `{}`: nothing was compared", manifest.column));
    }
    if terminal.json {
        let mut value = json!(manifest);
        value["already_done"] = json!(manifest.already_done);
        terminal.json(&value);
    } else {
        terminal.out(&described(&plan, &manifest, terminal));
    }
    Ok(Exit::Done)
}

/// Says how much disk it may take, before an hour of reading shows it.
fn room(plan: &DedupPlan, terminal: Terminal) -> Result<(), Failure> {
    let estimate = plan.disk_estimate()?;
    let DiskEstimate { rows, scratch_bytes, output_bytes, free_bytes } = estimate;
    let free = free_bytes.map_or_else(|| String::from("unknown"), bytes);
    let scratch = match scratch_bytes {
        0 => String::new(),
        scratch => format!(" and up to {} while rows are compared", bytes(scratch)),
    };
    let need = format!("{} for the output{scratch}", bytes(output_bytes));
    terminal.say(&format!("about {rows} rows; disk: {need}; free: {free}"));
    if estimate.is_tight() {
        terminal.warn("the disk may be too small; choose another folder, or a larger `--memory`");
    }
    Ok(())
}

/// Runs a plan with a bar for each of its passes.
pub(crate) fn with_progress(
    plan: &DedupPlan,
    terminal: Terminal,
    cancelled: &AtomicBool,
) -> Result<DedupManifest, Failure> {
    let bar = progress::bar(terminal, "read", 1);
    let manifest = privet_corpus::dedup(
        plan,
        &|pass, at| {
            bar.set_prefix(match pass {
                DedupPass::Sign => "read",
                DedupPass::Compare => "compare",
                DedupPass::Write => "write",
            });
            progress::files(&bar, at);
        },
        cancelled,
    );
    bar.finish_and_clear();
    manifest.map_err(|error| Failure::from(error).resumes("the same command"))
}

/// What was done, in a line.
pub(crate) fn done(manifest: &DedupManifest) -> String {
    match &manifest.spans {
        Some(counts) => format!("{} parts of {} rows stand somewhere before", counts.spans, counts.rows_with_spans),
        None => totals(&manifest.counts, manifest.annotated),
    }
}

/// A row, or the values of a column.
fn unit(name: &str) -> String {
    if name == "row" { name.to_owned() } else { format!("value of `{name}`") }
}

/// `120 rows in, 100 out; removed: 12 equal, 3 equal after normalisation, 5 similar`.
fn totals(counts: &DedupCounts, annotated: bool) -> String {
    let DedupCounts { rows_in, rows_out, removed_raw, removed_normalised, removed_near, .. } = counts;
    let gone = if annotated { "marked" } else { "removed" };
    let over = match counts.removed_over_limit {
        0 => String::new(),
        rows => format!(", {rows} over the limit"),
    };
    format!(
        "{rows_in} rows in, {rows_out} out; {gone}: {removed_raw} equal, {removed_normalised} equal after normalisation, {removed_near} similar{over}"
    )
}

fn described(plan: &DedupPlan, manifest: &DedupManifest, terminal: Terminal) -> String {
    let mut lines = vec![match &plan.output {
        None => terminal.bold("report only: no shard is written"),
        Some(_) if manifest.already_done => terminal.bold("already done"),
        Some(output) if manifest.annotated => terminal.bold(&format!("copies marked in {}", output.display())),
        Some(output) => terminal.bold(&format!("copies removed into {}", output.display())),
    }];
    if let Some(counts) = &manifest.spans {
        lines.extend(spans::described(counts, &manifest.method));
        lines.push(reach(manifest));
        return lines.join("\n");
    }
    lines.push(totals(&manifest.counts, manifest.annotated));
    lines.push(format!("copies: {}", manifest.method));
    let DedupCounts { kept_with_copies, most_copies, crowded, .. } = manifest.counts;
    if kept_with_copies > 0 {
        let rows = if kept_with_copies == 1 { "row stays" } else { "rows stay" };
        lines.push(format!("{kept_with_copies} {rows} for copies, one of them for {most_copies}"));
    }
    if crowded > 0 {
        let largest = manifest.largest_groups.first().map_or(0, |(rows, _)| *rows);
        lines.push(format!(
            "boilerplate: {crowded} times a row was not remembered under a key that 64 other rows that stay have; the largest group is of {largest} rows"
        ));
    }
    lines.push(String::new());
    let mut sources: Vec<_> = manifest.sources.iter().filter(|source| source.removed > 0).collect();
    sources.sort_by(|one, other| {
        let share = |source: &privet_corpus::SourceReport| source.removed as f64 / source.rows.max(1) as f64;
        share(other).total_cmp(&share(one))
    });
    let kind = if plan.source_column.is_some() { "source" } else { "file" };
    let mut rows = vec![[kind, "rows", "removed", "part"].map(String::from).to_vec()];
    rows.extend(sources.iter().take(SOURCES_SHOWN).map(|source| {
        let part = 100.0 * source.removed as f64 / source.rows.max(1) as f64;
        let name = match (&source.source, &plan.source_column) {
            (None, _) => String::from("(none)"),
            (Some(file), None) => file.clone(),
            // Whoever wrote the corpus wrote this; a terminal obeys some characters.
            (Some(value), Some(_)) => value.escape_debug().to_string(),
        };
        vec![name, source.rows.to_string(), source.removed.to_string(), format!("{part:.1} %")]
    }));
    lines.push(table(&rows));
    if sources.len() > SOURCES_SHOWN {
        lines.push(format!("and {} other {kind}s", sources.len() - SOURCES_SHOWN));
    }
    lines.push(String::new());
    lines.push(reach(manifest));
    lines.join("\n")
}

/// What training on the result may claim.
fn reach(manifest: &DedupManifest) -> String {
    let each = manifest.stages.iter().map(|stage| match stage.stability {
        Some(bound) => {
            format!("{}: one {} of the input changes at most {bound} of the output", stage.name, unit(&stage.unit))
        }
        None => format!(
            "{}: no bound; an epsilon of training is for the deduplicated corpus, not for its input",
            stage.name
        ),
    });
    each.collect::<Vec<_>>().join("\n")
}
