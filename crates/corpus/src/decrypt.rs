//! JSON lines with what `encrypt` took away put back.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use crate::atomic::write_error;
use crate::error::{Error, Fault};
use crate::format::Form;
use crate::lines::Lines;
use crate::packed::LineFile;
use crate::rows::Scrubbed;
use crate::selector::Selector;

/// What stands for a stream in an error.
const STREAM: &str = "-";

/// Writes JSON lines (plain, gzip or Zstandard) of `input` to `output` with every encrypted placeholder in the selected texts
/// replaced by its value; everything else keeps its bytes. Returns how many texts changed.
///
/// Nothing of a batch of lines is written unless all of it can be opened.
///
/// # Errors
///
/// [`Error::Input`] for a line at fault ([`Fault::Sealed`] where the key is another one, or letters were altered),
/// [`Error::Write`].
pub fn decrypt_lines(
    input: Box<dyn BufRead>,
    columns: &[Selector],
    key: &[u8; 32],
    output: &mut dyn Write,
) -> Result<u64, Error> {
    let fail = |fault| Error::Input { file: PathBuf::from(STREAM), fault };
    let file = LineFile::from_reader(input).map_err(fail)?;
    let mut lines = Lines::of(file, Form::Json, columns, None);
    let (mut changed, mut before) = (0, 0);
    while let Some(batch) = lines.next(u64::MAX).map_err(fail)? {
        let mut opened = Vec::new();
        let texts = batch.texts();
        for (row, cells) in batch.cells.rows().enumerate() {
            for slot in cells.iter().filter_map(|cell| cell.slot) {
                let sealed = |_| fail(Fault::Sealed { row: before + row as u64 + 1 });
                let text = privet_text::decrypt(&texts[slot], key).map_err(sealed)?;
                opened.push((slot, (text != *texts[slot]).then(|| Scrubbed::rewritten(text))));
            }
        }
        opened.sort_by_key(|(slot, _)| *slot);
        before += batch.cells.rows().count() as u64;
        changed += opened.iter().filter(|(_, new)| new.is_some()).count() as u64;
        let by_slot: Vec<Option<&Scrubbed>> = opened.iter().map(|(_, new)| new.as_ref()).collect();
        let written = batch.write(&by_slot, std::iter::repeat(true), output).and_then(|()| output.flush());
        written.map_err(|source| write_error(Path::new(STREAM), source))?;
    }
    Ok(changed)
}
