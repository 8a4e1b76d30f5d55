//! Which kind of file an input is: by the name where text can look like anything, by the first bytes otherwise.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::Fault;
use crate::source::unreadable;

/// A kind of file that is read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Parquet,
    /// Arrow IPC, with a footer or as a stream.
    Arrow(Layout),
    /// Rows of text.
    Text(Form),
}

/// The two layouts of Arrow IPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    File,
    Stream,
}

/// How rows stand in a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One JSON object on a line.
    Json,
    /// A header and records of cells, with this byte between cells.
    Csv { delimiter: u8 },
    /// The whole file is one row of one text.
    Document,
}

const ARROW: &[u8] = b"ARROW1";

/// The kind of the file at `path`. Parquet and Arrow are told by their first bytes, rows of text by the file's name, or
/// as JSON lines by an opening brace.
pub(crate) fn format_of(path: &Path) -> Result<Format, Fault> {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(6).read_to_end(&mut head));
    read.map_err(|error| unreadable(&error))?;
    let named = named(path);
    // Tables of cells and documents may begin with any bytes at all, those of other formats included.
    if let Some(Format::Text(Form::Csv { .. } | Form::Document)) = named {
        return named.ok_or(Fault::UnknownFormat);
    }
    match head.as_slice() {
        [b'P', b'A', b'R', b'1' | b'E', ..] => Ok(Format::Parquet),
        ARROW => Ok(Format::Arrow(Layout::File)),
        _ => match named {
            Some(named) => Ok(named),
            None if head.first() == Some(&b'{') => Ok(Format::Text(Form::Json)),
            None => Err(Fault::UnknownFormat),
        },
    }
}

/// The kind that a file's name tells.
pub(crate) fn named(path: &Path) -> Option<Format> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    let bare = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst"));
    let text = match bare.unwrap_or(&name).rsplit_once('.')?.1 {
        "jsonl" | "ndjson" => Some(Form::Json),
        "csv" => Some(Form::Csv { delimiter: b',' }),
        "tsv" => Some(Form::Csv { delimiter: b'\t' }),
        "txt" | "md" => Some(Form::Document),
        _ => None,
    };
    let table = || match name.rsplit_once('.')?.1 {
        "parquet" => Some(Format::Parquet),
        // A file with a footer begins with its mark; what does not is a stream.
        "arrow" | "arrows" | "feather" | "ipc" => Some(Format::Arrow(Layout::Stream)),
        _ => None,
    };
    text.map(Format::Text).or_else(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_first_bytes_tell_the_kind() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            format_of(&path)
        };
        let (csv, tsv) = (Form::Csv { delimiter: b',' }, Form::Csv { delimiter: b'\t' });
        for (name, bytes, kind) in [
            ("a.parquet", &b"PAR1"[..], Some(Format::Parquet)),
            ("a.parquet", b"{}", Some(Format::Parquet)),
            ("a", b"PAR1....", Some(Format::Parquet)),
            ("a.jsonl", b"PAR1", Some(Format::Parquet)),
            ("a.csv", b"PAR1,text", Some(Format::Text(csv))),
            ("A.CSV.gz", b"\x1f\x8b", Some(Format::Text(csv))),
            ("a.tsv.zst", b"{", Some(Format::Text(tsv))),
            ("a.md", b"ARROW1 is a mark", Some(Format::Text(Form::Document))),
            ("a.ndjson.zst", b"", Some(Format::Text(Form::Json))),
            ("a", b"{", Some(Format::Text(Form::Json))),
            ("a.ipc", b"ARROW1\0\0", Some(Format::Arrow(Layout::File))),
            ("a", b"ARROW1", Some(Format::Arrow(Layout::File))),
            ("a.arrows", b"\xff\xff\xff\xff", Some(Format::Arrow(Layout::Stream))),
            ("a.gz", b"\x1f\x8b", None),
            ("a.parquet.gz", b"\x1f\x8b", None),
            ("a", b"", None),
        ] {
            assert_eq!(of(name, bytes).ok(), kind, "{name}");
        }
        assert_eq!(format_of(Path::new("nowhere.csv")).unwrap_err().class(), crate::FaultClass::Unreadable);
    }
}
