//! A look at a corpus that changes nothing: what the files are, how long the texts, how many repeats, how
//! much personal data in a sample, how many characters no reader sees.
//!
//! The text column is read once, in batches (lines twice: nothing says how many there are). Of each text only its length and 64 bits of digest stay in
//! memory, as a two-column table; polars answers the statistical questions over that table lazily. (It does
//! not read the corpus itself: malformed files must come to the guarded reader, and dictionary columns are
//! one of the types it would change.)

mod files;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use polars::prelude::*;
use privet_text::{Entity, Operator, Policy, invisible_characters};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Fault};
use crate::guard::caught;
use crate::rows::Rules;

/// What [`inspect`] found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// The files, in the order given.
    pub files: Vec<FileInspection>,
    /// Top-level columns of the first file.
    pub columns: Vec<ColumnInspection>,
    /// True if every file has the same columns as the first.
    pub same_columns: bool,
    /// The text column.
    pub column: String,
    /// Rows of all files.
    pub rows: u64,
    /// Rows whose text is null.
    pub nulls: u64,
    /// Rows whose text is there and empty.
    pub empty: u64,
    /// Lengths of the texts; `None` if there are none.
    pub text_bytes: Option<LengthInspection>,
    /// Rows whose text an earlier row has already, byte for byte. A repeat of an unscrubbed text: texts that
    /// differ only in a name or number become equal later.
    pub duplicates: u64,
    /// `duplicates` over rows with a text.
    pub duplicate_rate: f64,
    /// Rows with invisible characters.
    pub rows_with_invisible: u64,
    /// Invisible characters in all texts.
    pub invisible_characters: u64,
    /// What the recognizers find in a sample.
    pub sample: SampleInspection,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInspection {
    /// Path as given.
    pub file: PathBuf,
    /// Length of the file.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// Its row groups, or record batches; 0 where rows are lines.
    pub row_groups: u64,
    /// Rows of the largest of them.
    pub row_group_rows_max: u64,
    /// Codecs in use, sorted.
    pub compression: Vec<String>,
}

/// One top-level column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnInspection {
    /// Its name.
    pub name: String,
    /// Its Arrow type; in JSON lines what the first record holds, in tables of cells `text`.
    pub data_type: String,
    /// Whether it may hold nulls, as the schema says.
    pub nullable: bool,
}

/// Lengths of texts in bytes of UTF-8; quantiles are values that occur (nearest rank).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names of the quantiles say it")]
pub struct LengthInspection {
    pub total: u64,
    pub min: u64,
    pub p05: u64,
    pub p50: u64,
    pub p95: u64,
    pub p99: u64,
    pub max: u64,
}

/// Findings in an evenly spaced sample of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleInspection {
    /// Texts looked at.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them have a finding.
    pub rows_with_findings: u64,
    /// Findings by entity.
    pub findings: BTreeMap<Entity, u64>,
}

/// Looks at `files`. `sample_rows` is about how many rows the recognizers see, spread evenly over all rows;
/// it must not be mistaken for a bound on what is read, which is the whole text column.
///
/// # Errors
///
/// [`Error::Input`] for a file that cannot be read, [`Error::EmptyCorpus`] if there is no row.
pub fn inspect(files: &[PathBuf], column: &str, entities: &[Entity], sample_rows: u64) -> Result<Inspection, Error> {
    let rules = Rules::new(entities, &[], &[], &Policy::new(Operator::Keep))?;
    let mut described = Vec::new();
    let mut schemas = Vec::new();
    for file in files {
        let (one, columns) = files::look(file, column).map_err(|fault| at(file, fault))?;
        described.push(one);
        schemas.push(columns);
    }
    let rows: u64 = described.iter().map(|file| file.rows).sum();
    if rows == 0 {
        return Err(Error::EmptyCorpus { files: files.len() });
    }
    let mut walk = Walk {
        rules: &rules,
        stride: rows.div_ceil(sample_rows.clamp(1, rows)),
        row: 0,
        table: Table::default(),
        rows_with_invisible: 0,
        invisible: 0,
        sample: SampleInspection::default(),
    };
    for file in files {
        files::each_text(file, column, &mut |text| walk.text(text)).map_err(|fault| at(file, fault))?;
    }
    let columns = schemas.first().cloned().unwrap_or_default();
    let statistics = walk.table.statistics()?;
    let with_text = rows - statistics.nulls;
    let duplicates = with_text - statistics.distinct;
    Ok(Inspection {
        files: described,
        same_columns: schemas.iter().all(|schema| *schema == columns),
        columns,
        column: column.to_owned(),
        rows,
        nulls: statistics.nulls,
        empty: statistics.empty,
        text_bytes: statistics.lengths,
        duplicates,
        duplicate_rate: duplicates as f64 / with_text.max(1) as f64,
        rows_with_invisible: walk.rows_with_invisible,
        invisible_characters: walk.invisible,
        sample: walk.sample,
    })
}

fn at(file: &Path, fault: Fault) -> Error {
    Error::Input { file: file.to_owned(), fault }
}

/// State of the one pass over the texts.
struct Walk<'a> {
    rules: &'a Rules,
    /// Every so manyth row is in the sample.
    stride: u64,
    row: u64,
    table: Table,
    rows_with_invisible: u64,
    invisible: u64,
    sample: SampleInspection,
}

impl Walk<'_> {
    fn text(&mut self, text: Option<&str>) -> Result<(), Fault> {
        let sampled = self.row.is_multiple_of(self.stride);
        self.row += 1;
        self.table.push(text);
        let Some(text) = text else { return Ok(()) };
        let invisible = invisible_characters(text) as u64;
        self.invisible += invisible;
        self.rows_with_invisible += u64::from(invisible > 0);
        if !sampled {
            return Ok(());
        }
        let findings = caught(|| self.rules.scan(text)).ok_or(Fault::RulePanic)?;
        let sample = &mut self.sample;
        sample.rows += 1;
        sample.bytes += text.len() as u64;
        sample.rows_with_findings += u64::from(!findings.is_empty());
        for finding in findings {
            *sample.findings.entry(finding.entity).or_default() += 1;
        }
        Ok(())
    }
}

/// Length and digest of every row's text.
#[derive(Default)]
struct Table {
    bytes: Vec<Option<u64>>,
    digest: Vec<Option<u64>>,
}

struct Statistics {
    nulls: u64,
    empty: u64,
    distinct: u64,
    lengths: Option<LengthInspection>,
}

impl Table {
    fn push(&mut self, text: Option<&str>) {
        self.bytes.push(text.map(|text| text.len() as u64));
        // Sixty-four bits are enough to count with: one false repeat is expected in 6 billion texts.
        self.digest.push(text.map(|text| {
            let hash = blake3::hash(text.as_bytes());
            let mut first = [0; 8];
            first.copy_from_slice(&hash.as_bytes()[..8]);
            u64::from_le_bytes(first)
        }));
    }

    fn statistics(&self) -> Result<Statistics, Error> {
        self.ask().map_err(|_| Error::Statistics { what: "lengths and repeats" })
    }

    fn ask(&self) -> PolarsResult<Statistics> {
        let bytes = || col("bytes").drop_nulls();
        let quantile = |q: f64| bytes().quantile(lit(q), QuantileMethod::Nearest);
        let table = df!("bytes" => &self.bytes, "digest" => &self.digest)?;
        let answers = table
            .lazy()
            .select([
                col("bytes").null_count().alias("nulls"),
                bytes().eq(lit(0u64)).sum().alias("empty"),
                col("digest").drop_nulls().n_unique().alias("distinct"),
                bytes().sum().alias("total"),
                bytes().min().alias("min"),
                quantile(0.05).alias("p05"),
                quantile(0.50).alias("p50"),
                quantile(0.95).alias("p95"),
                quantile(0.99).alias("p99"),
                bytes().max().alias("max"),
            ])
            .select([all().as_expr().cast(DataType::UInt64)])
            .collect()?;
        let answer = |name: &str| -> PolarsResult<Option<u64>> { Ok(answers.column(name)?.u64()?.get(0)) };
        let count = |name: &str| answer(name).map(Option::unwrap_or_default);
        let has_text = answer("max")?.is_some();
        let lengths = LengthInspection {
            total: count("total")?,
            min: count("min")?,
            p05: count("p05")?,
            p50: count("p50")?,
            p95: count("p95")?,
            p99: count("p99")?,
            max: count("max")?,
        };
        Ok(Statistics {
            nulls: count("nulls")?,
            empty: count("empty")?,
            distinct: count("distinct")?,
            lengths: has_text.then_some(lengths),
        })
    }
}

#[cfg(test)]
#[path = "inspect_tests.rs"]
mod tests;
