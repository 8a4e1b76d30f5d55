//! Parquet files for the tests, written by hand.
//!
//! Only `privet-corpus` may use the Parquet library, so this is the format itself, as small as it can be: one row group,
//! required string columns, plain encoding, no compression. Source: the Parquet format's `parquet.thrift` and the compact
//! protocol of Apache Thrift.

use std::path::Path;

const MAGIC: &[u8; 4] = b"PAR1";
const BYTE_ARRAY: i64 = 6;
const UTF8: i64 = 0;
const PLAIN: i64 = 0;
const RLE: i64 = 3;

/// Thrift's compact encoding of one struct: fields in ascending order, then a stop byte.
#[derive(Default)]
struct Fields {
    bytes: Vec<u8>,
    last: i16,
}

impl Fields {
    fn header(&mut self, id: i16, kind: u8) {
        self.bytes.push((((id - self.last) as u8) << 4) | kind);
        self.last = id;
    }

    fn integer32(mut self, id: i16, value: i64) -> Self {
        self.header(id, 5);
        varint(&mut self.bytes, zigzag(value));
        self
    }

    fn integer64(mut self, id: i16, value: i64) -> Self {
        self.header(id, 6);
        varint(&mut self.bytes, zigzag(value));
        self
    }

    fn string(mut self, id: i16, value: &str) -> Self {
        self.header(id, 8);
        text(&mut self.bytes, value);
        self
    }

    fn inner(mut self, id: i16, value: Fields) -> Self {
        self.header(id, 12);
        self.bytes.extend(value.end());
        self
    }

    /// `kind` 5: integers, 8: strings, 12: structs; each item already encoded.
    fn list(mut self, id: i16, kind: u8, items: Vec<Vec<u8>>) -> Self {
        self.header(id, 9);
        assert!(items.len() < 15, "the short form of a list");
        self.bytes.push(((items.len() as u8) << 4) | kind);
        self.bytes.extend(items.into_iter().flatten());
        self
    }

    fn end(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn text(bytes: &mut Vec<u8>, value: &str) {
    varint(bytes, value.len() as u64);
    bytes.extend(value.as_bytes());
}

fn encoded(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes);
    bytes
}

/// One column: its page in `file`, and the metadata of its chunk.
fn column(file: &mut Vec<u8>, name: &str, values: &[String]) -> Fields {
    let mut page = Vec::new();
    for value in values {
        page.extend((value.len() as u32).to_le_bytes());
        page.extend(value.as_bytes());
    }
    let (offset, size, count) = (file.len() as i64, page.len() as i64, values.len() as i64);
    let data = Fields::default().integer32(1, count).integer32(2, PLAIN).integer32(3, RLE).integer32(4, RLE);
    let header = Fields::default().integer32(1, 0).integer32(2, size).integer32(3, size).inner(5, data).end();
    let total = (header.len() + page.len()) as i64;
    file.extend(header);
    file.extend(page);
    let metadata = Fields::default()
        .integer32(1, BYTE_ARRAY)
        .list(2, 5, vec![encoded(|bytes| varint(bytes, zigzag(PLAIN)))])
        .list(3, 8, vec![encoded(|bytes| text(bytes, name))])
        .integer32(4, 0)
        .integer64(5, count)
        .integer64(6, total)
        .integer64(7, total)
        .integer64(9, offset);
    Fields::default().integer64(2, offset).inner(3, metadata)
}

/// The bytes of a Parquet file with these string columns, all of one length.
pub(crate) fn parquet(columns: &[(&str, &[String])]) -> Vec<u8> {
    let rows = columns.first().map_or(0, |(_, values)| values.len()) as i64;
    let mut file = MAGIC.to_vec();
    let mut schema = vec![Fields::default().string(4, "schema").integer32(5, columns.len() as i64).end()];
    let mut chunks = Vec::new();
    for (name, values) in columns {
        chunks.push(column(&mut file, name, values).end());
        schema
            .push(Fields::default().integer32(1, BYTE_ARRAY).integer32(3, 0).string(4, name).integer32(6, UTF8).end());
    }
    let size = file.len() as i64 - MAGIC.len() as i64;
    let group = Fields::default().list(1, 12, chunks).integer64(2, size).integer64(3, rows).end();
    let groups = if rows == 0 { Vec::new() } else { vec![group] };
    let footer = Fields::default().integer32(1, 1).list(2, 12, schema).integer64(3, rows).list(4, 12, groups).end();
    let length = footer.len() as u32;
    file.extend(footer);
    file.extend(length.to_le_bytes());
    file.extend(MAGIC);
    file
}

/// Writes a file with one column `text`.
pub(crate) fn texts(path: &Path, values: &[String]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, parquet(&[("text", values)])).unwrap();
}

/// Plain sentences with a number in each, no two equal, and nothing personal in them.
pub(crate) fn sentences(count: u64) -> Vec<String> {
    let things = ["lamp", "table", "kettle", "window", "bicycle", "garden"];
    (0..count)
        .map(|index| {
            let pick = index.wrapping_mul(crate::SEED) >> 7;
            format!("the {} number {index} arrived on time", things[pick as usize % things.len()])
        })
        .collect()
}

/// Overwrites bytes in the middle of a file, as a bad disk would.
pub(crate) fn corrupt(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[4..middle].fill(0xff);
    std::fs::write(path, bytes).unwrap();
}
