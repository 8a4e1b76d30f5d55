use std::path::PathBuf;

use arrow::compute::concat_batches;
use arrow::datatypes::Schema as ArrowSchema;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};

use super::*;
use crate::fixtures::*;
use crate::{Error, FaultClass, OnError, Record, ScrubPlan, Selection, Selector, read_records};

const CODECS: [Option<CompressionType>; 3] = [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)];

/// Batches of seven rows, the last one shorter.
fn write(path: &Path, layout: Layout, batch: &RecordBatch, compression: Option<CompressionType>) -> PathBuf {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = File::create(path).unwrap();
    let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
    let metadata =
        [("huggingface".to_owned(), "{}".to_owned())].into_iter().collect::<std::collections::HashMap<_, _>>();
    let schema = ArrowSchema::clone(&batch.schema()).with_metadata(metadata);
    let batch = RecordBatch::try_new(std::sync::Arc::new(schema), batch.columns().to_vec()).unwrap();
    let pieces = (0..batch.num_rows().div_ceil(7)).map(|at| batch.slice(at * 7, (batch.num_rows() - at * 7).min(7)));
    match layout {
        Layout::File => {
            let mut writer = FileWriter::try_new_with_options(file, &batch.schema(), options).unwrap();
            writer.write_metadata("maker", "a test");
            pieces.for_each(|piece| writer.write(&piece).unwrap());
            writer.finish().unwrap();
        }
        Layout::Stream => {
            let mut writer = StreamWriter::try_new_with_options(file, &batch.schema(), options).unwrap();
            pieces.for_each(|piece| writer.write(&piece).unwrap());
            writer.finish().unwrap();
        }
    }
    path.to_owned()
}

fn open(path: &Path, limit: u64) -> Result<ArrowFile, Fault> {
    let layout = if std::fs::read(path).unwrap().starts_with(MAGIC) { Layout::File } else { Layout::Stream };
    ArrowFile::open(path, layout, &[Selector::column("text")], &[], limit)
}

fn batches(path: &Path) -> Result<Vec<RecordBatch>, Fault> {
    let mut file = open(path, u64::MAX)?;
    (0..file.survey.rows.len()).map(|_| file.next()).collect()
}

fn texts(rows: usize) -> Vec<Option<&'static str>> {
    (0..rows).map(|row| TEXTS.get(row % 10).copied()).collect()
}

/// The same rows in Parquet and in Arrow: the same rows come out, in the same batches, in the style that came in.
#[test]
fn what_comes_out_is_what_parquet_gives_in_the_style_that_came_in() {
    let folder = tempfile::tempdir().unwrap();
    for (case, text_type) in TEXT_TYPES.into_iter().enumerate() {
        let rows = batch(&texts(30), text_type);
        let parquet = folder.path().join(format!("in/{case}.parquet"));
        write_batch(&parquet, &rows, properties(7));
        let expected = plan(&[parquet], &folder.path().join(format!("parquet{case}")));
        let counts = run(&expected).unwrap().counts;
        let expected = read_batch(&expected.output.join(format!("{case}.parquet")));
        for (layout, ending) in [(Layout::File, "arrow"), (Layout::File, "feather"), (Layout::Stream, "arrows")] {
            for (number, codec) in CODECS.into_iter().enumerate() {
                let name = format!("{case}-{number}.{ending}");
                let input = write(&folder.path().join("in").join(&name), layout, &rows, codec);
                let plan = plan(std::slice::from_ref(&input), &folder.path().join(format!("out-{name}")));
                assert_eq!(run(&plan).unwrap().counts, counts, "{name}");
                let output = plan.output.join(&name);
                let (before, after) = (open(&input, u64::MAX).unwrap(), open(&output, u64::MAX).unwrap());
                assert_eq!(before.schema, after.schema);
                assert_eq!(after.survey.compression, if rows.num_rows() > 0 { codec } else { None });
                assert_eq!(after.survey.notes, before.survey.notes);
                assert_eq!(before.survey.rows.len(), after.survey.rows.len());
                assert_eq!(after.survey.notes.len(), usize::from(layout == Layout::File));
                let found = concat_batches(&after.schema, &batches(&output).unwrap()).unwrap();
                for (column, expected) in found.columns().iter().zip(expected.columns()) {
                    let plain = |column| arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8);
                    match (plain(column), plain(expected)) {
                        (Ok(found), Ok(expected)) => assert_eq!(&found, &expected, "{name}"),
                        _ => assert_eq!(column, expected, "{name}"),
                    }
                }
            }
        }
    }
}

#[test]
fn nested_texts_units_records_and_an_interruption() {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    let folder = tempfile::tempdir().unwrap();
    let rows = batch(&texts(30), TextType::Dictionary);
    let inputs = [
        write(&folder.path().join("in/a.arrow"), Layout::File, &rows, Some(CompressionType::ZSTD)),
        write(&folder.path().join("in/b.arrows"), Layout::Stream, &rows, None),
    ];
    let columns = ["text", "meta.source", "tags[]"].map(|written| written.parse().unwrap()).to_vec();
    let reference = ScrubPlan { columns, ..plan(&inputs, &folder.path().join("reference")) };
    let manifest = run(&reference).unwrap();
    assert_eq!((manifest.counts.rows_in, manifest.counts.rows_out), (60, 30), "the stream repeats the file");
    for calls in 1..12 {
        let plan = ScrubPlan { output: folder.path().join(format!("out{calls}")), ..reference.clone() };
        let (seen, cancelled) = (AtomicUsize::new(0), AtomicBool::new(false));
        let count = |_| {
            if seen.fetch_add(1, Ordering::Relaxed) + 1 == calls {
                cancelled.store(true, Ordering::Relaxed);
            }
        };
        let _ = crate::scrub(&plan, &count, &cancelled);
        assert_eq!(run(&plan).unwrap().counts, manifest.counts, "interrupted after {calls} steps");
        assert_eq!(tree(&plan.output), tree(&reference.output));
    }
    let selection = Selection::Text { column: "text".to_owned() };
    let mut read = Vec::new();
    read_records(&inputs[..1], &selection, Some("id"), &mut |record, owner| {
        let Record::Text(text) = record else { unreachable!("only texts are selected") };
        read.push((owner.unwrap(), text));
        Ok(())
    })
    .unwrap();
    let expected: Vec<(String, String)> =
        texts(30).into_iter().enumerate().filter_map(|(id, text)| Some((id.to_string(), text?.to_owned()))).collect();
    assert_eq!(read, expected);
}

fn class(folder: &Path, name: &str, bytes: &[u8]) -> FaultClass {
    let path = folder.join("in").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    let plan = ScrubPlan { on_error: OnError::Fail, ..plan(&[path], &folder.join("out")) };
    match run(&plan) {
        Err(Error::Input { fault, .. }) => fault.class(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn what_is_wrong_is_told_apart_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let rows = batch(&texts(30), TextType::Utf8);
    let path = write(&folder.path().join("whole.arrow"), Layout::File, &rows, None);
    let file = std::fs::read(&path).unwrap();
    let stream = std::fs::read(write(&folder.path().join("whole.arrows"), Layout::Stream, &rows, None)).unwrap();
    let of = |name: &str, bytes: &[u8]| class(folder.path(), name, bytes);
    assert_eq!(of("a.arrow", &file[..file.len() / 2]), FaultClass::Truncated);
    assert_eq!(of("a.arrow", b"ARROW1"), FaultClass::Truncated);
    assert_eq!(of("a.arrow", b"text, and no table"), FaultClass::NotArrow);
    assert_eq!(of("a.arrows", b""), FaultClass::NotArrow);
    let footer = file.len() - 10;
    let forged = [&file[..footer], &i32::MAX.to_le_bytes(), MAGIC].concat();
    assert_eq!(of("a.arrow", &forged), FaultClass::DamagedFooter);
    // A stream is cut anywhere but between two messages: a stream without its end may be whole.
    for part in 1..8 {
        assert!(matches!(
            of("a.arrows", &stream[..stream.len() * part / 8 + 3]),
            FaultClass::DamagedBatch | FaultClass::NotArrow
        ));
    }
    // Two streams in one file: readers stop at the first end, and the rest would be lost.
    assert_eq!(of("a.arrows", &[stream.clone(), stream].concat()), FaultClass::DamagedBatch);
    let limited = open(&path, 10);
    assert!(limited.is_ok(), "the limit is about packed data");
}

/// A packed buffer that says it is larger than any that could be packed into its bytes.
#[test]
fn forged_lengths_are_refused_before_memory_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let rows = batch(&texts(30), TextType::Utf8);
    for codec in [CompressionType::LZ4_FRAME, CompressionType::ZSTD] {
        let path = write(&folder.path().join("whole.arrow"), Layout::File, &rows, Some(codec));
        let whole = std::fs::read(&path).unwrap();
        assert!(matches!(open(&path, 10), Err(Fault::TooLarge { row_group: 0, .. })));
        let mut refused = 0;
        // Every eight bytes that can be a length, so all lengths among them, with a length that no machine has.
        for at in (8..whole.len() - 8).step_by(8) {
            let mut forged = whole.clone();
            forged[at..at + 8].copy_from_slice(&(1_i64 << 46).to_le_bytes());
            std::fs::write(&path, forged).unwrap();
            refused += usize::from(batches(&path).is_err());
        }
        assert!(refused > 20, "{refused}");
    }
}
