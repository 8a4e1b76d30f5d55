//! `privet scrub`: personal data out of tables, lines and texts, exact duplicates away, a manifest beside the result.
//!
//! This command is run by whoever holds the data, on its own and outside any guarantee, so it may say how much it
//! found. It never says what.

mod explain;
pub(crate) mod rules;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use clap::Args;
use privet_corpus::{Counts, Manifest, Mode, ScrubPlan, Selector};
use privet_text::{Entity, Operator, Policy, Preset, RulePack, Scope};
use serde_json::json;

use crate::config::{Config, OnError, Scrub};
use crate::dedup::Removal;
use crate::failure::{Exit, Failure};
use crate::progress;
use crate::size::size;
use crate::terminal::{Terminal, bytes, table};
use rules::Names;

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Arguments {
    /// Parquet, Arrow IPC, JSON lines, CSV, TSV or plain text: files, folders or glob patterns
    #[arg(required_unless_present = "stdin")]
    input: Vec<String>,
    /// Folder for the scrubbed shards, manifest.json and findings.parquet
    #[arg(short, long, value_name = "DIR", required_unless_present_any = ["stdin", "explain"])]
    output: Option<PathBuf>,
    /// Instead of files: JSON lines in at stdin, scrubbed lines out at stdout
    #[arg(long, conflicts_with_all = ["input", "output", "dry_run", "overwrite"])]
    stdin: bool,
    /// Columns that hold text, separated by commas: `text`, `meta.title`, `messages[].content`, `**.text`
    #[arg(long, default_value = "text", value_delimiter = ',', value_name = "PATH")]
    column: Vec<Selector>,
    /// Entities, operators and thresholds by name: default, strict, fineweb, dolma, bigcode, hipaa18 or secrets-only;
    /// other arguments change it
    #[arg(long, value_name = "NAME", value_parser = preset)]
    preset: Option<&'static Preset>,
    /// Entities to look for, separated by commas [default: the preset's, or all that need no asking for]
    #[arg(long, value_delimiter = ',', value_name = "ENTITY")]
    entities: Vec<Entity>,
    /// What to do with a finding: tag, redact, mask, hash, surrogate, encrypt or drop (the row) [default: the preset's,
    /// or tag]
    #[arg(long, value_name = "OPERATOR", value_parser = operator)]
    operator: Option<Operator>,
    /// Remove rows with more findings than this
    #[arg(long, value_name = "N")]
    drop_above: Option<usize>,
    /// How far equal values get equal hashes and surrogates: span, document, unit or corpus
    #[arg(long, default_value = "corpus", value_name = "SCOPE", value_parser = scope)]
    scope: Scope,
    /// Column that says whose a row is, for `--scope unit`
    #[arg(long, value_name = "NAME")]
    unit_column: Option<String>,
    /// Key for `hash` and `surrogate`: a file with 32 bytes or 64 hexadecimal digits
    #[arg(long, value_name = "FILE")]
    hash_key_file: Option<PathBuf>,
    /// Key for `encrypt`, likewise; whoever holds it can read the values back
    #[arg(long, value_name = "FILE")]
    encrypt_key_file: Option<PathBuf>,
    /// Values that are no findings, one a line
    #[arg(long, value_name = "FILE")]
    allow_file: Option<PathBuf>,
    /// Texts that are findings wherever they stand as words, one a line
    #[arg(long, value_name = "FILE")]
    deny_file: Option<PathBuf>,
    /// More rules for secrets: a TOML file in gitleaks' format, or builtin:high-entropy; may be repeated
    #[arg(long = "rule-pack", value_name = "FILE")]
    rule_packs: Vec<String>,
    /// Keep rows whose text an earlier row has already
    #[arg(long)]
    no_dedup: bool,
    /// Worker threads; 0 means one per core, and no number changes an output byte
    #[arg(long, default_value_t = 0, value_name = "N")]
    jobs: usize,
    /// Memory for rows in flight, over all workers, such as 256MiB; a row longer than an eighth of it is refused, and a row
    /// group that takes more than a sixteenth of it, packed, is written in parts. What tells exact repeats, some 64 bytes a row, comes on
    /// top
    #[arg(long, default_value = "2GiB", value_name = "SIZE", value_parser = memory)]
    memory: u64,
    /// A file that cannot be read is left out and named (exit code 3), or stops the run
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    on_error: OnError,
    /// Stop, and keep nothing of the file, where more than this share (0 to 1) of the bytes of its texts would change, or
    /// of all texts together
    #[arg(long, value_name = "X", value_parser = share, conflicts_with_all = ["stdin", "dry_run", "explain"])]
    max_changed: Option<f64>,
    /// Write nothing; say what is found in one row, by which rule, what it hangs on and what would become of it. ROW
    /// counts from 0, as in findings.parquet; several files need FILE too
    #[arg(long, value_name = "[FILE:]ROW", conflicts_with_all = ["output", "stdin", "dry_run", "overwrite"])]
    explain: Option<String>,
    /// With --explain, on a terminal: show the texts themselves too
    #[arg(long, requires = "explain")]
    show_values: bool,
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

impl Arguments {
    /// Whether lines come and go, and nothing is there to be finished after an interrupt.
    pub(crate) fn is_filter(&self) -> bool {
        self.stdin || self.explain.is_some()
    }
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal, cancelled: &AtomicBool) -> Result<Exit, Failure> {
    let plan = plan_from_arguments(arguments)?;
    if arguments.stdin {
        return stream(&plan, terminal, cancelled);
    }
    if let Some(row) = &arguments.explain {
        return explain::run(&plan, row, arguments.show_values, terminal);
    }
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

/// Lines from stdin to stdout; what was done is said on stderr, because stdout is the data's.
fn stream(plan: &ScrubPlan, terminal: Terminal, cancelled: &AtomicBool) -> Result<Exit, Failure> {
    if terminal.json {
        return Err(Failure::usage("--json and --stdin both write to stdout").help("leave one of them out"));
    }
    warn_of_skipped(plan, terminal);
    let input = Box::new(std::io::stdin().lock());
    let counts = privet_corpus::filter(plan, input, &mut std::io::stdout().lock(), cancelled)?;
    terminal.say(&totals(&counts));
    Ok(Exit::Done)
}

fn plan_from_arguments(arguments: &Arguments) -> Result<ScrubPlan, Failure> {
    let inputs = if arguments.stdin {
        Vec::new()
    } else {
        privet_corpus::resolve_inputs(&arguments.input, privet_corpus::Kinds::Records)?
    };
    let written = Scrub {
        preset: arguments.preset,
        entities: (!arguments.entities.is_empty()).then(|| arguments.entities.clone()),
        operator: arguments.operator,
        drop_above: arguments.drop_above,
        scope: arguments.scope,
        hash_key_file: arguments.hash_key_file.clone(),
        encrypt_key_file: arguments.encrypt_key_file.clone(),
        allow_file: arguments.allow_file.clone(),
        deny_file: arguments.deny_file.clone(),
        rule_packs: arguments.rule_packs.clone(),
        ..rules::empty()
    };
    let names = Names { hash_key: "--hash-key-file", encrypt_key: "--encrypt-key-file", unit: "--unit-column" };
    let rules = rules::rules(&written, &names, arguments.unit_column.as_deref())?;
    let mut plan = ScrubPlan::new(inputs, arguments.output.clone().unwrap_or_default(), rules.policy);
    (plan.entities, plan.deny) = (rules.entities, rules.deny);
    plan.unit_column.clone_from(&arguments.unit_column);
    plan.input_folders = privet_corpus::input_folders(&arguments.input);
    plan.columns.clone_from(&arguments.column);
    plan.packs = packs(&written.rule_packs())?;
    plan.dedup_exact = !arguments.no_dedup;
    (plan.jobs, plan.memory) = (arguments.jobs, arguments.memory);
    plan.on_error = arguments.on_error.into();
    plan.overwrite = arguments.overwrite;
    plan.max_changed = arguments.max_changed;
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
    let names = Names {
        hash_key: "`hash_key_file` in [scrub]",
        encrypt_key: "`encrypt_key_file` in [scrub]",
        unit: "`unit_column` in [[datasets]]",
    };
    let rules = rules::rules(scrub, &names, config.unit_column())?;
    let mut plan = ScrubPlan::new(inputs, output, rules.policy);
    (plan.entities, plan.deny) = (rules.entities, rules.deny);
    plan.unit_column = config.unit_column().map(str::to_owned);
    plan.custom = rules::custom(scrub);
    plan.packs = packs(&scrub.rule_packs())?;
    plan.jobs = scrub.jobs;
    plan.on_error = scrub.on_error.into();
    if let Some(limit) = scrub.max_changed
        && !(0.0..=1.0).contains(&limit)
    {
        return Err(Failure::usage("`max_changed` in [scrub] is no share").help("write a number from 0 to 1"));
    }
    plan.max_changed = scrub.max_changed;
    plan.memory = scrub.memory.unwrap_or(plan.memory);
    Ok(for_run(plan, config))
}

fn for_run(mut plan: ScrubPlan, config: &Config) -> ScrubPlan {
    plan.input_folders = privet_corpus::input_folders(&config.paths());
    plan.columns = config.selection.texts();
    plan.dedup_exact = matches!(config.removal, Removal::WhileScrubbing);
    plan
}

/// The rule packs of these files; `builtin:NAME` is one in the box.
fn packs(names: &[String]) -> Result<Vec<RulePack>, Failure> {
    names.iter().map(|name| pack(name)).collect()
}

fn pack(name: &str) -> Result<RulePack, Failure> {
    if let Some(built_in) = name.strip_prefix("builtin:") {
        return RulePack::built_in(built_in).ok_or_else(|| {
            Failure::usage("there is no such rule pack in the box")
                .at(name)
                .help("write builtin:high-entropy or builtin:fineweb")
        });
    }
    let text = std::fs::read_to_string(name).map_err(|error| {
        Failure::new(Exit::Input, "the rule pack cannot be read").at(name).why(error.to_string()).help("check the path")
    })?;
    RulePack::parse(&text).map_err(|error| {
        Failure::usage("the rule pack cannot be used")
            .at(name)
            .why(error.to_string())
            .help("write it in the format of gitleaks: [[rules]] with `id`, `regex` and `keywords`")
    })
}

/// Runs a plan with a bar over its rows.
pub(crate) fn with_progress(plan: &ScrubPlan, terminal: Terminal, cancelled: &AtomicBool) -> Result<Manifest, Failure> {
    warn_of_skipped(plan, terminal);
    let bar = progress::bar(terminal, "scrub", 1);
    let manifest = privet_corpus::scrub(plan, &|at| progress::files(&bar, at), cancelled);
    bar.finish_and_clear();
    Ok(manifest?)
}

fn warn_of_skipped(plan: &ScrubPlan, terminal: Terminal) {
    for skipped in plan.packs.iter().flat_map(RulePack::skipped) {
        terminal.warn(&format!("rule pack: {skipped}"));
    }
}

/// Names the files that were set aside; whether there are any.
pub(crate) fn quarantined(manifest: &Manifest, terminal: Terminal) -> bool {
    for file in &manifest.quarantined {
        let class = serde_json::to_value(file.reason_class).unwrap_or_default();
        terminal.warn(&format!("quarantined {}: {}", file.file, class.as_str().unwrap_or("unusable")));
    }
    !manifest.quarantined.is_empty()
}

/// `2.4 % of 61 KiB of text changed`; the share rounded up, so that a little is never nothing.
fn changed(counts: &Counts) -> String {
    let share = (counts.share_changed() * 1000.0).ceil() / 10.0;
    format!("{share:.1} % of {} of text changed", bytes(counts.text_bytes))
}

/// `120 rows in, 119 out; 14 changed, 1 duplicates removed`.
pub(crate) fn totals(counts: &Counts) -> String {
    let Counts { rows_in, rows_out, rows_changed, rows_dropped, duplicates_removed, .. } = counts;
    let dropped = if *rows_dropped > 0 { format!(", {rows_dropped} dropped") } else { String::new() };
    format!(
        "{rows_in} rows in, {rows_out} out; {rows_changed} changed{dropped}, {duplicates_removed} duplicates removed"
    )
}

fn described(plan: &ScrubPlan, manifest: &Manifest, terminal: Terminal) -> String {
    let mut lines = vec![match plan.mode {
        Mode::DryRun { .. } => terminal.bold("dry run: nothing is written"),
        Mode::Write if manifest.already_done => terminal.bold("already done"),
        Mode::Write => terminal.bold(&format!("scrubbed into {}", plan.output.display())),
    }];
    lines.push(totals(&manifest.counts) + "; " + &changed(&manifest.counts));
    if matches!(plan.mode, Mode::DryRun { .. }) {
        let files = manifest.inputs.iter().map(|file| file.file.as_str()).collect::<Vec<_>>().join(", ");
        lines.push(format!("column `{}` of {files}, output {}", plan.column_names(), plan.output.display()));
    }
    // Of some hundred kinds most texts hold a few; the others share a line.
    let mut rows = vec![["entity", "operator", "findings"].map(String::from).to_vec()];
    rows.extend(manifest.counts.findings.iter().map(|(entity, found)| {
        vec![entity.to_string(), plan.policy.operator(*entity).as_str().to_owned(), found.to_string()]
    }));
    lines.push(String::new());
    if rows.len() > 1 {
        lines.push(table(&rows));
    }
    let others = plan.entities.iter().filter(|entity| !manifest.counts.findings.contains_key(entity)).count();
    lines.push(format!("nothing of {others} other kinds"));
    lines.join("\n")
}

fn operator(name: &str) -> Result<Operator, String> {
    let known =
        || Operator::ALL.into_iter().filter(|operator| !matches!(operator, Operator::Keep | Operator::Neutralise));
    let names: Vec<_> = known().map(Operator::as_str).collect();
    known().find(|operator| operator.as_str() == name).ok_or_else(|| format!("write {}", names.join(", ")))
}

fn scope(name: &str) -> Result<Scope, String> {
    let known = [Scope::Span, Scope::Document, Scope::Unit, Scope::Corpus];
    let found = known.into_iter().find(|scope| scope.as_str() == name);
    found.ok_or_else(|| String::from("write span, document, unit or corpus"))
}

/// Below this hardly a page of Parquet fits.
pub(crate) fn memory(written: &str) -> Result<u64, String> {
    size(written, 16 << 20)
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| String::from("write a number from 0 to 1"))
}

pub(crate) fn preset(name: &str) -> Result<&'static Preset, String> {
    Preset::of(name).map_err(|error| error.to_string())
}

impl From<OnError> for privet_corpus::OnError {
    fn from(on_error: OnError) -> Self {
        match on_error {
            OnError::Quarantine => Self::Quarantine,
            OnError::Fail => Self::Fail,
        }
    }
}
