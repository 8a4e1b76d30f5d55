//! The texts of a corpus, one after another, for whoever trains or measures on them.

use std::path::{Path, PathBuf};

use crate::column::{slots, texts};
use crate::error::{Error, Fault};
use crate::source::{Columns, Source};

/// Hands every non-null text of `column` to `each`, file by file and row by row; one batch of rows is in
/// memory at a time. An error from `each` stops the reading and is returned as it is
/// ([`Error::Consumer`] carries one from elsewhere).
///
/// # Errors
///
/// [`Error::Input`] naming the file that cannot be read.
pub fn read_texts(
    files: &[PathBuf],
    column: &str,
    each: &mut dyn FnMut(String) -> Result<(), Error>,
) -> Result<(), Error> {
    for file in files {
        for_each_text(file, column, &mut |text| each(text.to_owned()))?;
    }
    Ok(())
}

/// The same for one file, without giving the text away.
pub(crate) fn for_each_text(
    file: &Path,
    column: &str,
    each: &mut dyn FnMut(&str) -> Result<(), Error>,
) -> Result<(), Error> {
    let fail = |fault: Fault| Error::Input { file: file.to_owned(), fault };
    let source = Source::open(file, column, u64::MAX).map_err(fail)?;
    for row_group in 0..source.row_groups() {
        let batches = source.batches(row_group, Columns::TextOnly).map_err(fail)?;
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
