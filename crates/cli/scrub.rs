//! `privet scrub`: personal data out of Parquet and JSON lines, exact duplicates away, a manifest beside the result.
//!
//! This command is run by whoever holds the data, on its own and outside any guarantee, so it may say how much it
//! found. It never says what.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use clap::Args;
use privet_corpus::{Counts, Manifest, Mode, ScrubPlan, Selector};
use privet_text::{Entity, Operator, Policy};
use serde_json::json;

use crate::config::{Config, OnError};
use crate::failure::{Exit, Failure};
use crate::progress;
use crate::terminal::{Terminal, table};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Parquet or JSON lines: files, folders or glob patterns
    #[arg(required = true)]
    input: Vec<String>,
    /// Folder for the scrubbed shards, manifest.json and findings.parquet
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Columns that hold text, separated by commas: `text`, `meta.title`, `messages[].content`, `**.text`
    #[arg(long, default_value = "text", value_delimiter = ',', value_name = "PATH")]
    column: Vec<Selector>,
    /// Entities to look for, separated by commas [default: all]
    #[arg(long, value_delimiter = ',', value_name = "ENTITY")]
    entities: Vec<Entity>,
    /// What to do with a finding: tag, redact, mask or hash
    #[arg(long, default_value = "tag", value_name = "OPERATOR", value_parser = operator)]
    operator: Operator,
    /// Key for `hash`: a file with 32 bytes or 64 hexadecimal digits
    #[arg(long, value_name = "FILE")]
    hash_key_file: Option<PathBuf>,
    /// Keep rows whose text an earlier row has already
    #[arg(long)]
    no_dedup: bool,
    /// Worker threads; 0 means one per core, and no number changes an output byte
    #[arg(long, default_value_t = 0, value_name = "N")]
    jobs: usize,
    /// A file that cannot be read is left out and named (exit code 3), or stops the run
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    on_error: OnError,
    /// Count what would be done, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// With --dry-run: look at no more than this many rows
    #[arg(long, requires = "dry_run", value_name = "N")]
    sample: Option<u64>,
    /// Replace the result of another plan or of other inputs
    #[arg(long)]
    overwrite: bool,
}

/// What a policy is made of.
struct Rules<'a> {
    operator: Operator,
    exceptions: &'a std::collections::BTreeMap<Entity, Operator>,
    key_file: Option<&'a Path>,
    /// Where the user names the key file.
    key_name: &'a str,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal, cancelled: &AtomicBool) -> Result<Exit, Failure> {
    let plan = plan_from_arguments(arguments)?;
    let manifest = with_progress(&plan, terminal, cancelled)?;
    if terminal.json {
        let mut value = json!(manifest);
        value["already_done"] = json!(manifest.already_done);
        terminal.json(&value);
    } else {
        terminal.out(&described(&plan, &manifest, terminal));
    }
    Ok(if quarantined(&manifest, terminal) { Exit::Input } else { Exit::Done })
}

fn plan_from_arguments(arguments: &Arguments) -> Result<ScrubPlan, Failure> {
    let inputs = privet_corpus::resolve_inputs(&arguments.input, privet_corpus::Kinds::Records)?;
    let rules = Rules {
        operator: arguments.operator,
        exceptions: &std::collections::BTreeMap::new(),
        key_file: arguments.hash_key_file.as_deref(),
        key_name: "--hash-key-file",
    };
    let mut plan = ScrubPlan::new(inputs, arguments.output.clone(), policy(&rules)?);
    plan.input_folders = privet_corpus::input_folders(&arguments.input);
    plan.columns.clone_from(&arguments.column);
    if !arguments.entities.is_empty() {
        plan.entities.clone_from(&arguments.entities);
    }
    plan.dedup_exact = !arguments.no_dedup;
    plan.jobs = arguments.jobs;
    plan.on_error = arguments.on_error.into();
    plan.overwrite = arguments.overwrite;
    plan.mode = if arguments.dry_run { Mode::DryRun { sample_rows: arguments.sample } } else { Mode::Write };
    Ok(plan)
}

/// The plan of a run's `[scrub]` and `[dedup]`. Without a `[scrub]`, nothing is looked for.
pub(crate) fn plan_from_config(config: &Config, inputs: Vec<PathBuf>, output: PathBuf) -> Result<ScrubPlan, Failure> {
    let Some(scrub) = &config.scrub else {
        let mut plan = ScrubPlan::new(inputs, output, Policy::new(Operator::Keep));
        plan.entities.clear();
        return Ok(for_run(plan, config));
    };
    let rules = Rules {
        operator: scrub.operator,
        exceptions: &scrub.operators,
        key_file: scrub.hash_key_file.as_deref(),
        key_name: "`hash_key_file` in [scrub]",
    };
    let mut plan = ScrubPlan::new(inputs, output, policy(&rules)?);
    plan.entities.clone_from(&scrub.entities);
    plan.custom.clone_from(&scrub.custom);
    plan.jobs = scrub.jobs;
    plan.on_error = scrub.on_error.into();
    Ok(for_run(plan, config))
}

fn for_run(mut plan: ScrubPlan, config: &Config) -> ScrubPlan {
    plan.input_folders = privet_corpus::input_folders(&config.paths());
    plan.columns = config.selection.texts();
    plan.dedup_exact = config.dedup_exact();
    plan
}

fn policy(rules: &Rules) -> Result<Policy, Failure> {
    let hashes = rules.operator == Operator::Hash || rules.exceptions.values().any(|o| *o == Operator::Hash);
    let mut policy = Policy::new(rules.operator);
    for (entity, operator) in rules.exceptions {
        policy = policy.with(*entity, *operator);
    }
    match rules.key_file {
        Some(file) => policy = policy.with_key(key(file)?),
        None if hashes => {
            return Err(Failure::usage("the operator `hash` needs a key")
                .at(rules.key_name)
                .why("without a key, anyone could hash every phone number and look the results up")
                .help("name a file with 32 secret bytes, made once with `head -c 32 /dev/urandom > hash.key`"));
        }
        None => {}
    }
    Ok(policy)
}

/// A key of 32 bytes, as they are or as 64 hexadecimal digits.
fn key(file: &Path) -> Result<[u8; 32], Failure> {
    let place = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|error| {
        Failure::new(Exit::Input, "the key file cannot be read")
            .at(&place)
            .why(error.to_string())
            .help("check the path")
    })?;
    if let Ok(key) = bytes.as_slice().try_into() {
        return Ok(key);
    }
    let digits = bytes.trim_ascii();
    let pairs = digits.chunks(2).map(|pair| {
        let text = std::str::from_utf8(pair).ok().filter(|text| text.len() == 2)?;
        u8::from_str_radix(text, 16).ok()
    });
    let key: Option<Vec<u8>> = pairs.collect();
    key.and_then(|key| key.try_into().ok()).ok_or_else(|| {
        Failure::usage("the key file does not hold a key")
            .at(place)
            .why("a key is 32 bytes, or 64 hexadecimal digits")
            .help("make one with `head -c 32 /dev/urandom > hash.key`, and keep it like a password")
    })
}

/// Runs a plan with a bar over its rows.
pub(crate) fn with_progress(plan: &ScrubPlan, terminal: Terminal, cancelled: &AtomicBool) -> Result<Manifest, Failure> {
    let bar = progress::bar(terminal, "scrub", 1);
    let manifest = privet_corpus::scrub(plan, &|at| progress::files(&bar, at), cancelled);
    bar.finish_and_clear();
    Ok(manifest?)
}

/// Names the files that were set aside; whether there are any.
pub(crate) fn quarantined(manifest: &Manifest, terminal: Terminal) -> bool {
    for file in &manifest.quarantined {
        let class = serde_json::to_value(file.reason_class).unwrap_or_default();
        terminal.warn(&format!("quarantined {}: {}", file.file, class.as_str().unwrap_or("unusable")));
    }
    !manifest.quarantined.is_empty()
}

/// `120 rows in, 119 out; 14 changed, 1 duplicates removed`.
pub(crate) fn totals(counts: &Counts) -> String {
    let Counts { rows_in, rows_out, rows_changed, duplicates_removed, .. } = counts;
    format!("{rows_in} rows in, {rows_out} out; {rows_changed} changed, {duplicates_removed} duplicates removed")
}

fn described(plan: &ScrubPlan, manifest: &Manifest, terminal: Terminal) -> String {
    let mut lines = vec![match plan.mode {
        Mode::DryRun { .. } => terminal.bold("dry run: nothing is written"),
        Mode::Write if manifest.already_done => terminal.bold("already done"),
        Mode::Write => terminal.bold(&format!("scrubbed into {}", plan.output.display())),
    }];
    lines.push(totals(&manifest.counts));
    if matches!(plan.mode, Mode::DryRun { .. }) {
        let files = manifest.inputs.iter().map(|file| file.file.as_str()).collect::<Vec<_>>().join(", ");
        lines.push(format!("column `{}` of {files}, output {}", plan.column_names(), plan.output.display()));
    }
    let mut rows = vec![["entity", "operator", "findings"].map(String::from).to_vec()];
    rows.extend(plan.entities.iter().filter(|entity| **entity != Entity::Custom || !plan.custom.is_empty()).map(
        |entity| {
            let found = manifest.counts.findings.get(entity).copied().unwrap_or(0);
            vec![entity.to_string(), operator_name(plan.policy.operator(*entity)), found.to_string()]
        },
    ));
    lines.push(String::new());
    lines.push(table(&rows));
    lines.join("\n")
}

fn operator_name(operator: Operator) -> String {
    serde_json::to_value(operator).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

fn operator(name: &str) -> Result<Operator, String> {
    let known = [Operator::Tag, Operator::Redact, Operator::Mask, Operator::Hash];
    let found = known.into_iter().find(|operator| operator_name(*operator) == name);
    found.ok_or_else(|| String::from("write tag, redact, mask or hash"))
}

impl From<OnError> for privet_corpus::OnError {
    fn from(on_error: OnError) -> Self {
        match on_error {
            OnError::Quarantine => Self::Quarantine,
            OnError::Fail => Self::Fail,
        }
    }
}
