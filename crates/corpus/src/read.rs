//! The texts of a Parquet file, one after another.

use std::path::Path;

use crate::column::{slots, texts};
use crate::error::{Error, Fault};
use crate::source::{Columns, Source};

/// Hands every non-null text of `column` to `each`, row by row; one batch of rows is in memory at a time. An error from
/// `each` stops the reading and is returned as it is.
pub(crate) fn for_each_text(
    file: &Path,
    column: &str,
    each: &mut dyn FnMut(&str) -> Result<(), Error>,
) -> Result<(), Error> {
    let fail = |fault: Fault| Error::Input { file: file.to_owned(), fault };
    let source = Source::open(file, column, u64::MAX).map_err(fail)?;
    for row_group in 0..source.row_groups() {
        let batches = source.batches(row_group, Columns::Wanted).map_err(fail)?;
        for batch in batches {
            let batch = batch.map_err(fail)?;
            let damaged = || fail(Fault::DamagedData { row_group });
            let slots = slots(batch.column(0)).ok_or_else(damaged)?;
            let texts = texts(&slots.values).ok_or_else(damaged)?;
            for slot in slots.of_row.into_iter().flatten() {
                each(texts[slot].ok_or_else(damaged)?)?;
            }
        }
    }
    Ok(())
}
