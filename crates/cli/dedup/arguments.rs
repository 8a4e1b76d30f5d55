//! The arguments of `privet dedup`, and the plan that they mean.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use privet_corpus::{Banding, DedupPlan, Keep, Kinds, Measure, Near, Owners, Selector, What};

use super::spans::SpanArguments;
use crate::failure::Failure;
use crate::size::size;

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Arguments {
    /// Parquet, Arrow IPC, JSON lines, CSV, TSV or plain text: files, folders or glob patterns
    #[arg(required = true)]
    input: Vec<String>,
    /// Folder for the shards without copies and manifest.json
    #[arg(short, long, value_name = "DIR", required_unless_present = "report_only")]
    output: Option<PathBuf>,
    /// Columns whose texts are compared, all of a row together, separated by commas
    #[arg(long, default_value = "text", value_delimiter = ',', value_name = "PATH")]
    column: Vec<Selector>,
    /// Copies are equal texts: `raw` byte by byte, `normalised` but for case, spacing, punctuation and Unicode form
    #[arg(long, value_name = "HOW", num_args = 0..=1, default_missing_value = "raw", conflicts_with = "near")]
    pub(super) exact: Option<Exact>,
    /// Copies are similar texts [this is the default]; pairs are found by default (20x6), fineweb (14x8), strict (25x5),
    /// nemo or bands x rows such as 32x4 [default: default, or strict below a threshold of 0.75]
    #[arg(long, value_name = "PRESET|BxR", num_args = 0..=1, default_missing_value = AUTO, value_parser = bands)]
    near: Option<Bands>,
    /// Least similarity of a copy with a row that stays, computed and not estimated
    #[arg(long, default_value = "0.8", value_name = "T", value_parser = part, conflicts_with = "exact")]
    threshold: f64,
    /// Similarity: jaccard, or containment (how much of the copy the row that stays holds)
    #[arg(long, value_enum, default_value_t, value_name = "NAME", conflicts_with = "exact")]
    measure: MeasureName,
    /// Find every pair that reaches the threshold, not only those that share a band; slower
    #[arg(long, conflicts_with = "exact")]
    exhaustive: bool,
    #[command(flatten)]
    spans: SpanArguments,
    /// Which copy stays: first, longest, newest:COLUMN, oldest:COLUMN, largest:COLUMN or smallest:COLUMN
    #[arg(long, default_value = "first", value_name = "WHICH", value_parser = keep)]
    pub(super) keep: Keep,
    /// Compare only rows with one value in this column
    #[arg(long, value_name = "COLUMN", conflicts_with = "across")]
    within: Option<String>,
    /// With --within: of each value of its column, keep at most this many rows with text, the first by --keep
    #[arg(long, value_name = "N", requires = "within", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max_records_per_unit: Option<u64>,
    /// Compare only rows with different values in this column
    #[arg(long, value_name = "COLUMN")]
    pub(super) across: Option<String>,
    /// Rows that are copies of rows in these files or folders go; these stay and are not written; may be repeated
    #[arg(long, value_name = "PATH")]
    against: Vec<String>,
    /// Write all rows, and beside each in new columns whether it would stay, else for which row it goes and how similar
    #[arg(long, conflicts_with = "report_only")]
    pub(super) annotate: bool,
    /// Write no shards: only say what would go
    #[arg(long, conflicts_with_all = ["output", "overwrite"])]
    report_only: bool,
    /// Write nothing and end with exit code 1 if more than this part of a source's rows would go, or of its bytes of text
    /// where parts of texts do
    #[arg(long, value_name = "PART", value_parser = part)]
    max_removal: Option<f64>,
    /// Column that says where a row comes from; what goes is counted by its values [default: sources are the files]
    #[arg(long, value_name = "COLUMN")]
    pub(super) source_column: Option<String>,
    /// Column that names a row in the decisions [default: file and row number]
    #[arg(long, value_name = "NAME")]
    id_column: Option<String>,
    /// File for the decisions: a line of JSON for each row that goes and each that stays for it, or for each part of a text
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
    /// Memory for what is compared, such as 512MiB; more of it lies on disk, and no limit changes an output byte
    #[arg(long, default_value = "4GiB", value_name = "SIZE", value_parser = memory)]
    memory: u64,
    /// Worker threads; 0 means one per core, and no number changes an output byte
    #[arg(long, default_value_t = 0, value_name = "N")]
    jobs: usize,
    /// Replace the result of another plan or of other inputs
    #[arg(long)]
    overwrite: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Exact {
    Raw,
    Normalised,
}

#[derive(Debug, Clone, Copy, Default, serde::Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum MeasureName {
    #[default]
    Jaccard,
    Containment,
}

impl Arguments {
    pub(super) fn plan(&self) -> Result<DedupPlan, Failure> {
        let what = match self.exact {
            Some(Exact::Raw) => What::Raw,
            Some(Exact::Normalised) => What::Normalised,
            None => What::Near(Near {
                banding: self.near.unwrap_or(Bands::Auto).banding(self.threshold),
                threshold: self.threshold,
                measure: self.measure.measure(),
                exhaustive: self.exhaustive,
            }),
        };
        let spans = self.spans.spans(self)?;
        let inputs = privet_corpus::resolve_inputs(&self.input, Kinds::Records)?;
        let mut plan = DedupPlan::new(inputs, self.output.clone(), what);
        plan.against = references(&self.against, &plan.inputs)?;
        plan.input_folders = privet_corpus::input_folders(&self.input);
        plan.columns.clone_from(&self.column);
        plan.spans = spans;
        plan.keep = self.keep.clone();
        plan.owners = match (&self.within, &self.across) {
            (Some(column), _) => Owners::Within(column.clone()),
            (None, Some(column)) => Owners::Across(column.clone()),
            (None, None) => Owners::All,
        };
        // Whoever compares within a column says that its values are the units.
        plan.unit_column.clone_from(&self.within);
        plan.max_records_per_unit = self.max_records_per_unit;
        plan.id_column.clone_from(&self.id_column);
        plan.source_column.clone_from(&self.source_column);
        plan.decisions.clone_from(&self.decisions);
        plan.annotate = self.annotate;
        plan.max_removal = self.max_removal;
        (plan.memory, plan.jobs, plan.overwrite) = (self.memory, self.jobs, self.overwrite);
        Ok(plan)
    }
}

impl MeasureName {
    pub(super) fn measure(self) -> Measure {
        match self {
            Self::Jaccard => Measure::Jaccard,
            Self::Containment => Measure::Containment,
        }
    }
}

/// The files of references, none of which may be an input.
pub(crate) fn references(patterns: &[String], inputs: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    if patterns.is_empty() {
        return Ok(Vec::new());
    }
    let files = privet_corpus::resolve_inputs(patterns, Kinds::Records)?;
    match files.iter().find(|file| inputs.contains(file)) {
        Some(both) => Err(Failure::usage("a file is an input and a reference")
            .at(both.display().to_string())
            .why("all its rows would be copies of themselves")
            .help("take it out of the inputs or out of the references (`against`)")),
        None => Ok(files),
    }
}

/// What `--near` means without a value.
const AUTO: &str = "auto";

/// How pairs are found: as was asked for, or as the threshold wants it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bands {
    Auto,
    Named(Banding),
}

impl Bands {
    /// Bands that find 99 of 100 pairs at the threshold itself: at 0.8, 20x6 finds 99.8 %; at 0.7 it would find 92 %, 25x5 99 %.
    pub(super) fn banding(self, threshold: f64) -> Banding {
        match self {
            Self::Named(banding) => banding,
            Self::Auto => if threshold < 0.75 { "strict" } else { "default" }.parse().unwrap_or_default(),
        }
    }
}

pub(super) fn bands(written: &str) -> Result<Bands, String> {
    if written == AUTO {
        return Ok(Bands::Auto);
    }
    written.parse().map(Bands::Named).map_err(|error: privet_corpus::NoBanding| error.to_string())
}

pub(super) fn part(written: &str) -> Result<f64, String> {
    let number = written.parse::<f64>().ok().filter(|number| *number > 0.0 && *number <= 1.0);
    number.ok_or_else(|| String::from("write a number above 0 and at most 1"))
}

pub(super) fn keep(written: &str) -> Result<Keep, String> {
    match written.split_once(':') {
        None if written == "first" => Ok(Keep::First),
        None if written == "longest" => Ok(Keep::Longest),
        Some(("newest" | "largest", column)) if !column.is_empty() => Ok(Keep::Largest(column.to_owned())),
        Some(("oldest" | "smallest", column)) if !column.is_empty() => Ok(Keep::Smallest(column.to_owned())),
        _ => Err(String::from("write first, longest, or newest, oldest, largest or smallest with `:COLUMN` behind it")),
    }
}

/// A limit on memory; less would sort nothing but on disk.
pub(super) fn memory(written: &str) -> Result<u64, String> {
    size(written, 1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays() {
        assert_eq!(keep("newest:ts"), Ok(Keep::Largest(String::from("ts"))));
        assert_eq!(keep("oldest:a:b"), Ok(Keep::Smallest(String::from("a:b"))));
        for wrong in ["", "newest", "newest:", "best:x", "First"] {
            assert!(keep(wrong).is_err(), "{wrong}");
        }
    }
}
