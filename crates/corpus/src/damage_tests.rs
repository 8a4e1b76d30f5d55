use std::path::{Path, PathBuf};

use crate::fixtures::*;
use crate::source::Source;
use crate::{Error, Fault, FaultClass, OnError, ScrubPlan};

/// A small generator of places to damage: multiply and add, modulo 2^64.
struct Places(u64);

impl Places {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

fn texts(rows: usize) -> Vec<Option<&'static str>> {
    (0..rows).map(|row| TEXTS.get(row % 10).copied()).collect()
}

/// Scrubs some damaged files before a whole one and checks that what was set aside left no trace, by the
/// twin that never saw it. Returns how many were set aside.
fn check(root: &Path, damaged: &[Vec<u8>], whole: &Path) -> usize {
    let mut inputs = Vec::new();
    for (at, bytes) in damaged.iter().enumerate() {
        let path = root.join(format!("in/{at}.parquet"));
        std::fs::write(&path, bytes).unwrap();
        inputs.push(path);
    }
    inputs.push(whole.to_owned());
    let output = root.join("out");
    let _ = std::fs::remove_dir_all(&output);
    let plan = ScrubPlan { on_error: OnError::Quarantine, ..plan(&inputs, &output) };
    let manifest = run(&plan).unwrap();
    inputs.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        manifest.quarantined.iter().all(|file| file.file != name)
    });
    let mut names: Vec<String> = tree(&output).into_keys().filter(|name| name.contains("parquet")).collect();
    names.retain(|name| name != "findings.parquet");
    assert_eq!(names, manifest.outputs.iter().map(|output| output.file.clone()).collect::<Vec<_>>());
    let (expected, findings) = naive(&ScrubPlan { inputs, ..plan });
    assert_eq!(manifest.counts.findings, findings);
    for (expected, path) in expected.iter().zip(manifest.output_paths(&output)) {
        assert_eq!(expected, &read_rows(&path));
    }
    manifest.quarantined.len()
}

#[test]
fn six_hundred_damaged_files_cost_only_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let mut places = Places(SEED);
    let mut set_aside = [0; 3];
    for text_type in [TextType::Utf8, TextType::Dictionary] {
        let path = write_texts(root.join("in/whole.parquet"), &texts(20), text_type, 7);
        let whole = std::fs::read(&path).unwrap();
        let pages = pages_end(&path);
        for _ in 0..20 {
            let mut flipped = |range: std::ops::Range<usize>| -> Vec<Vec<u8>> {
                let one = |_| {
                    let mut bytes = whole.clone();
                    let at = range.start * 8 + places.below(range.len() * 8);
                    bytes[at / 8] ^= 1 << (at % 8);
                    bytes
                };
                (0..5).map(one).collect()
            };
            let in_pages = flipped(0..pages);
            let in_footer = flipped(pages..whole.len());
            let cut: Vec<Vec<u8>> = (0..5).map(|_| whole[..places.below(whole.len())].to_vec()).collect();
            for (kind, damaged) in [in_pages, in_footer, cut].iter().enumerate() {
                set_aside[kind] += check(root, damaged, &path);
            }
        }
    }
    // A file cut anywhere is noticed. A bit flipped in a plain value, a statistic or a note cannot be.
    assert_eq!(set_aside[2], 200);
    assert!(set_aside[0] > 60 && set_aside[1] > 20, "{set_aside:?}");
}

/// Where the last page ends.
fn pages_end(path: &Path) -> usize {
    let source = Source::open(path, "text", u64::MAX).unwrap();
    let groups = source.metadata().row_groups().iter();
    let ends = groups.flat_map(|group| group.columns()).map(|chunk| {
        let (start, length) = chunk.byte_range();
        (start + length) as usize
    });
    ends.max().unwrap()
}

fn class(path: &Path) -> FaultClass {
    match Source::open(path, "text", 1 << 30) {
        Ok(_) => panic!("{} opens", path.display()),
        Err(fault) => fault.class(),
    }
}

#[test]
fn what_is_wrong_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let whole = write_texts(folder.path().join("whole.parquet"), &texts(20), TextType::Utf8, 7);
    let bytes = std::fs::read(&whole).unwrap();
    let with = |content: &[u8]| -> PathBuf {
        let path = folder.path().join("x.parquet");
        std::fs::write(&path, content).unwrap();
        path
    };
    assert_eq!(class(&folder.path().join("missing.parquet")), FaultClass::Unreadable);
    assert_eq!(class(folder.path()), FaultClass::Unreadable);
    assert_eq!(class(&with(b"")), FaultClass::NotParquet);
    assert_eq!(class(&with(b"id,text\n1,hello world\n")), FaultClass::NotParquet);
    assert_eq!(class(&with(&bytes[..bytes.len() / 2])), FaultClass::Truncated);
    assert_eq!(class(&with(b"PAR1PAR1")), FaultClass::Truncated);
    assert_eq!(class(&with(b"PARE....PARE")), FaultClass::Encrypted);
    let mut forged = bytes.clone();
    let length = forged.len();
    forged[length - 8..length - 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(class(&with(&forged)), FaultClass::DamagedFooter);
}

#[test]
fn a_row_group_above_the_limit_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let whole = write_texts(folder.path().join("whole.parquet"), &texts(20), TextType::Utf8, 7);
    let refused = Source::open(&whole, "text", 10).err().unwrap();
    assert!(matches!(refused, Fault::TooLarge { row_group: 0, limit: 10, .. }));
}

#[test]
fn a_text_that_is_not_unicode_is_damage() {
    use arrow::array::{ArrayRef, RecordBatch};
    use std::sync::Arc;
    // One byte of a plain page is replaced by one that no UTF-8 text has.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in/a.parquet");
    let column: ArrayRef = Arc::new(arrow::array::StringArray::from(vec!["aXa", "bbb"]));
    let batch = RecordBatch::try_from_iter([("text", column)]).unwrap();
    let plain = parquet::file::properties::WriterProperties::builder().set_dictionary_enabled(false).build();
    write_batch(&path, &batch, plain);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(3).position(|window| window == b"aXa").unwrap();
    bytes[at + 1] = 0xff;
    std::fs::write(&path, bytes).unwrap();
    let error = run(&plan(&[path], &folder.path().join("out"))).unwrap_err();
    let damaged = Fault::DamagedData { row_group: 0 };
    assert!(matches!(error, Error::Input { fault, .. } if fault == damaged));
}
