use std::fs::File;
use std::path::Path;

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::{ColumnChunkMetaData, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};

use crate::ScrubPlan;
use crate::fixtures::*;

fn footer(path: &Path) -> ArrowReaderMetadata {
    let options = ArrowReaderOptions::new().with_encoding_stats_as_mask(false);
    ArrowReaderMetadata::load(&File::open(path).unwrap(), options).unwrap()
}

/// What a footer says about a column's making.
fn style(column: &ColumnChunkMetaData) -> (String, Compression, Vec<Encoding>, [bool; 4]) {
    let mut encodings: Vec<Encoding> = column.encodings().collect();
    encodings.sort_by_key(|encoding| *encoding as i32);
    let switches = [
        column.dictionary_page_offset().is_some(),
        column.statistics().is_some(),
        column.column_index_offset().is_some(),
        column.bloom_filter_offset().is_some(),
    ];
    (column.column_path().string(), column.compression(), encodings, switches)
}

fn check_preserved(input: &Path, output: &Path) {
    let (before, after) = (footer(input), footer(output));
    assert_eq!(before.schema(), after.schema());
    assert_eq!(before.parquet_schema(), after.parquet_schema());
    let (before, after) = (before.metadata(), after.metadata());
    let file = |metadata: &parquet::file::metadata::ParquetMetaData| {
        let file = metadata.file_metadata();
        (file.key_value_metadata().cloned(), file.version(), file.schema().name().to_owned())
    };
    assert_eq!(file(before), file(after));
    assert_eq!(before.num_row_groups(), after.num_row_groups());
    for (a, b) in before.row_groups().iter().zip(after.row_groups()) {
        assert_eq!(a.num_rows(), b.num_rows());
        for (a, b) in a.columns().iter().zip(b.columns()) {
            assert_eq!(style(a), style(b));
        }
    }
}

fn check(properties: WriterProperties, text_type: TextType) {
    let folder = tempfile::tempdir().unwrap();
    let texts: Vec<Option<&str>> = (0..11).map(|row| TEXTS.get(row % 10).copied()).collect();
    let input = folder.path().join("in/a.parquet");
    write_batch(&input, &batch(&texts, text_type), properties);
    let plan = ScrubPlan { dedup_exact: false, ..plan(std::slice::from_ref(&input), &folder.path().join("out")) };
    run(&plan).unwrap();
    let output = plan.output.join("a.parquet");
    check_preserved(&input, &output);
    let (before, after) = (read_batch(&input), read_batch(&output));
    for name in ["id", "label", "tags", "meta"] {
        assert_eq!(before.column_by_name(name), after.column_by_name(name), "{name}");
    }
}

#[test]
fn schema_metadata_and_style_survive() {
    for text_type in TEXT_TYPES {
        check(properties(4), text_type);
    }
}

#[test]
fn other_styles_survive() {
    let second = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::LZ4_RAW)
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::PLAIN)
        .set_column_encoding("id".into(), Encoding::DELTA_BINARY_PACKED)
        .set_column_encoding("text".into(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(5))
        .build();
    check(second, TextType::Utf8);
    let third = WriterProperties::builder()
        .set_column_bloom_filter_enabled("text".into(), true)
        .set_column_statistics_enabled("tags.list.item".into(), EnabledStatistics::None)
        .build();
    check(third, TextType::LargeUtf8);
}

#[test]
fn a_file_without_an_arrow_schema_stays_without() {
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_writer::ArrowWriterOptions;
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in/a.parquet");
    std::fs::create_dir_all(input.parent().unwrap()).unwrap();
    let options = ArrowWriterOptions::new().with_skip_arrow_metadata(true).with_schema_root("spark_schema".to_owned());
    let batch = batch(&[Some("mail ann@example.org"), None], TextType::Utf8);
    let file = File::create(&input).unwrap();
    let mut writer = ArrowWriter::try_new_with_options(file, batch.schema(), options).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let plan = plan(std::slice::from_ref(&input), &folder.path().join("out"));
    run(&plan).unwrap();
    check_preserved(&input, &plan.output.join("a.parquet"));
    assert!(footer(&input).metadata().file_metadata().key_value_metadata().is_none());
}

#[test]
fn the_promise_of_an_order_ends_at_the_text() {
    let folder = tempfile::tempdir().unwrap();
    let by = |column_idx| SortingColumn { column_idx, descending: false, nulls_first: false };
    let input = folder.path().join("in/a.parquet");
    let sorted = WriterProperties::builder().set_sorting_columns(Some(vec![by(0), by(2), by(1)])).build();
    write_batch(&input, &batch(&[Some("a"), Some("b")], TextType::Utf8), sorted);
    let plan = plan(std::slice::from_ref(&input), &folder.path().join("out"));
    run(&plan).unwrap();
    let after = footer(&plan.output.join("a.parquet"));
    let kept = after.metadata().row_group(0).sorting_columns().cloned();
    assert_eq!(kept, Some(vec![by(0)]));
}

#[test]
fn a_shard_of_repeats_stays_as_an_empty_file() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = ["a", "b"].map(|name| {
        let path = folder.path().join(format!("in/{name}.parquet"));
        write_texts(path, &[Some("same"), Some("same")], TextType::Utf8, 1)
    });
    let plan = plan(&inputs, &folder.path().join("out"));
    let manifest = run(&plan).unwrap();
    assert_eq!(manifest.outputs.iter().map(|o| o.rows).collect::<Vec<_>>(), [1, 0]);
    let (before, after) = (footer(&inputs[1]), footer(&plan.output.join("b.parquet")));
    assert_eq!(before.schema(), after.schema());
    assert_eq!(after.metadata().num_row_groups(), 0);
}
