//! Counts over a finished run's findings: a lazy scan, since these are questions about a table.

use std::path::Path;

use polars::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::output::FINDINGS_NAME;

/// Findings of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingCount {
    /// Entity, as in the findings file.
    pub entity: String,
    /// Rule, as in the findings file.
    pub rule: String,
    /// How often it fired.
    pub findings: u64,
    /// In how many rows of how many files it fired, counting a row once.
    pub rows: u64,
}

/// Findings of a finished run by entity and rule, most frequent first, ties by name.
///
/// # Errors
///
/// [`Error::BadState`] if the folder has no readable findings file.
pub fn count_findings(output: &Path) -> Result<Vec<FindingCount>, Error> {
    let path = output.join(FINDINGS_NAME);
    count(&path).ok().flatten().ok_or(Error::BadState { path })
}

fn count(path: &Path) -> PolarsResult<Option<Vec<FindingCount>>> {
    let Some(name) = path.to_str() else {
        return Ok(None);
    };
    let rules = [col("entity"), col("rule")];
    let rows = [col("entity"), col("rule"), col("file"), col("row")];
    let table = LazyFrame::scan_parquet(name.into(), ScanArgsParquet::default())?
        .group_by(rows)
        .agg([len().alias("findings")])
        .group_by(rules)
        .agg([col("findings").sum().cast(DataType::UInt64), len().alias("rows").cast(DataType::UInt64)])
        .sort_by_exprs(
            [col("findings"), col("entity"), col("rule")],
            SortMultipleOptions::new().with_order_descending_multi([true, false, false]),
        )
        .collect()?;
    let entity = table.column("entity")?.str()?;
    let rule = table.column("rule")?.str()?;
    let findings = table.column("findings")?.u64()?;
    let rows = table.column("rows")?.u64()?;
    let counts = (0..table.height()).map(|at| {
        Some(FindingCount {
            entity: entity.get(at)?.to_owned(),
            rule: rule.get(at)?.to_owned(),
            findings: findings.get(at)?,
            rows: rows.get(at)?,
        })
    });
    Ok(counts.collect())
}
