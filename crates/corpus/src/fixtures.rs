//! Small corpora for tests: files in several styles, a folder's content, and the naive twin of a scrub.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Float64Array, Int64Array, LargeStringArray, RecordBatch, StringArray,
    StringViewArray, StructArray,
};
use arrow::array::{ListBuilder, StringBuilder};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Int8Type, Int16Type, Int64Type, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use privet_text::{Entity, Operator, Policy, apply, recognizers, scan};
use proptest::test_runner::{Config, RngSeed};

use crate::{Error, Manifest, ScrubPlan, scrub};

/// The one seed of this crate's tests.
pub(crate) const SEED: u64 = 0x7072_6976_6574;

/// How a test file holds its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextType {
    Utf8,
    LargeUtf8,
    Utf8View,
    Dictionary,
}

pub(crate) const TEXT_TYPES: [TextType; 4] =
    [TextType::Utf8, TextType::LargeUtf8, TextType::Utf8View, TextType::Dictionary];

/// Texts with repeats before and after scrubbing.
pub(crate) const TEXTS: [&str; 9] = [
    "",
    "plain words",
    "plain words, other words",
    "mail ann@example.org today",
    "mail bob@example.org today",
    "ünïcödé before ann@example.org and after",
    "ann@example.org, bob@example.org",
    "server 203.0.113.7 answers",
    "plain\nlines\n",
];

pub(crate) fn proptest_config(cases: u32) -> Config {
    Config { rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..Config::with_cases(cases) }
}

fn text_column(texts: &[Option<&str>], text_type: TextType) -> ArrayRef {
    let texts = texts.iter().copied();
    match text_type {
        TextType::Utf8 => Arc::new(texts.collect::<StringArray>()),
        TextType::LargeUtf8 => Arc::new(texts.collect::<LargeStringArray>()),
        TextType::Utf8View => Arc::new(texts.collect::<StringViewArray>()),
        TextType::Dictionary => Arc::new(texts.collect::<DictionaryArray<Int16Type>>()),
    }
}

/// A batch with the text between other columns: numbers, a dictionary, a list, a struct with nulls.
pub(crate) fn batch(texts: &[Option<&str>], text_type: TextType) -> RecordBatch {
    let rows = 0..texts.len() as i64;
    let text = text_column(texts, text_type);
    let labels: DictionaryArray<Int8Type> =
        rows.clone().map(|row| (row % 3 > 0).then_some(["spam", "ham"][row as usize % 2])).collect();
    let mut tags = ListBuilder::new(StringBuilder::new());
    for row in rows.clone() {
        (0..row % 3).for_each(|tag| tags.values().append_value(format!("tag {tag}")));
        tags.append(row % 4 > 0);
    }
    let score: Float64Array = rows.clone().map(|row| (row % 2 > 0).then_some(row as f64)).collect();
    let source: StringArray = rows.clone().map(|row| Some(format!("s{row}"))).collect();
    let meta = StructArray::from(vec![
        (Arc::new(Field::new("score", DataType::Float64, true)), Arc::new(score) as ArrayRef),
        (Arc::new(Field::new("source", DataType::Utf8, true)), Arc::new(source) as ArrayRef),
    ]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(rows))),
        ("label", Arc::new(labels)),
        ("text", text),
        ("tags", Arc::new(tags.finish())),
        ("meta", Arc::new(meta)),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| {
            Field::new(*name, array.data_type().clone(), *name != "id")
                .with_metadata([("note".to_owned(), (*name).to_owned())])
        })
        .collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

pub(crate) fn properties(row_group_rows: usize) -> WriterProperties {
    let features = r#"{"info": {"features": {}}}"#.to_owned();
    WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_column_compression("text".into(), Compression::ZSTD(ZstdLevel::default()))
        .set_column_dictionary_enabled("id".into(), false)
        .set_max_row_group_row_count(Some(row_group_rows))
        .set_key_value_metadata(Some(vec![KeyValue::new("huggingface".to_owned(), features)]))
        .build()
}

pub(crate) fn write_batch(path: &Path, batch: &RecordBatch, properties: WriterProperties) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

/// Writes a shard of texts and returns its path.
pub(crate) fn write_texts(
    path: PathBuf,
    texts: &[Option<&str>],
    text_type: TextType,
    row_group_rows: usize,
) -> PathBuf {
    write_batch(&path, &batch(texts, text_type), properties(row_group_rows));
    path
}

pub(crate) fn read_batch(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

/// Row number and text of every row.
pub(crate) fn read_rows(path: &Path) -> Vec<(i64, Option<String>)> {
    let batch = read_batch(path);
    let ids = batch.column_by_name("id").unwrap().as_primitive::<Int64Type>().clone();
    let text = cast(batch.column_by_name("text").unwrap(), &DataType::Utf8).unwrap();
    let texts = text.as_string::<i32>();
    let rows =
        (0..batch.num_rows()).map(|row| (ids.value(row), texts.is_valid(row).then(|| texts.value(row).to_owned())));
    rows.collect()
}

/// Every file below a folder and its bytes.
pub(crate) fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in std::fs::read_dir(&current).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

pub(crate) fn plan(inputs: &[PathBuf], output: &Path) -> ScrubPlan {
    let policy = Policy::new(Operator::Tag);
    ScrubPlan { jobs: 2, ..ScrubPlan::new(inputs.to_vec(), output.to_owned(), policy) }
}

pub(crate) fn run(plan: &ScrubPlan) -> Result<Manifest, Error> {
    scrub(plan, &|_| {}, &AtomicBool::new(false))
}

/// A row as [`read_rows`] returns it.
pub(crate) type Row = (i64, Option<String>);

/// The twin of a scrub: all rows in memory, one after another, a set of strings.
pub(crate) fn naive(plan: &ScrubPlan) -> (Vec<Vec<Row>>, BTreeMap<Entity, u64>) {
    let recognizers = recognizers(&plan.entities);
    let mut seen = HashSet::new();
    let mut counts = BTreeMap::new();
    let mut shards = Vec::new();
    for file in &plan.inputs {
        let mut kept = Vec::new();
        for (id, text) in read_rows(file) {
            let new = text.map(|text| {
                let findings = scan(&recognizers, &text);
                for finding in &findings {
                    *counts.entry(finding.entity).or_default() += 1;
                }
                apply(&text, &findings, &plan.policy)
            });
            let repeats = new.as_ref().is_some_and(|text| !seen.insert(text.clone()));
            if !(repeats && plan.dedup_exact) {
                kept.push((id, new));
            }
        }
        shards.push(kept);
    }
    (shards, counts)
}
