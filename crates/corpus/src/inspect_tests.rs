use std::collections::HashSet;

use privet_text::{Entity, recognizers, scan};
use proptest::prelude::*;

use super::*;
use crate::fixtures::*;

/// Nearest rank on a sorted list, as the slow twin of the quantiles: the value at round(q · (n − 1)).
fn nearest(sorted: &[u64], q: f64) -> u64 {
    sorted[(q * (sorted.len() - 1) as f64).round() as usize]
}

proptest! {
    #![proptest_config(proptest_config(30))]
    #[test]
    fn statistics_agree_with_counting(
        numbers in prop::collection::vec(0usize..10, 1..30),
        kind in 0usize..4,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let texts: Vec<Option<&str>> = numbers.iter().map(|&at| TEXTS.get(at).copied()).collect();
        let file = write_texts(folder.path().join("a.parquet"), &texts, TEXT_TYPES[kind], 4);
        let seen = inspect(&[file], "text", &Entity::ALL, u64::MAX).unwrap();

        let present: Vec<&str> = texts.iter().copied().flatten().collect();
        let distinct: HashSet<&str> = present.iter().copied().collect();
        prop_assert_eq!(seen.rows, texts.len() as u64);
        prop_assert_eq!(seen.nulls, (texts.len() - present.len()) as u64);
        prop_assert_eq!(seen.empty, present.iter().filter(|text| text.is_empty()).count() as u64);
        prop_assert_eq!(seen.duplicates, (present.len() - distinct.len()) as u64);
        let rules = recognizers(&Entity::ALL);
        let found: u64 = present.iter().map(|text| scan(&rules, text).len() as u64).sum();
        prop_assert_eq!(seen.sample.rows, present.len() as u64);
        prop_assert_eq!(seen.sample.findings.values().sum::<u64>(), found);

        let mut lengths: Vec<u64> = present.iter().map(|text| text.len() as u64).collect();
        lengths.sort_unstable();
        prop_assert_eq!(seen.text_bytes.is_some(), !lengths.is_empty());
        if let Some(quantiles) = seen.text_bytes {
            prop_assert_eq!(quantiles.total, lengths.iter().sum::<u64>());
            prop_assert_eq!(quantiles.min, lengths[0]);
            prop_assert_eq!(quantiles.max, lengths[lengths.len() - 1]);
            // Half-way ranks may round either way.
            let near = |q: f64| {
                let exact = q * (lengths.len() - 1) as f64;
                [lengths[exact.floor() as usize], lengths[exact.ceil() as usize]]
            };
            prop_assert!(near(0.50).contains(&quantiles.p50));
            prop_assert!(near(0.95).contains(&quantiles.p95));
        }
    }
}

#[test]
fn quantiles_of_many_lengths_are_nearest_ranks() {
    let folder = tempfile::tempdir().unwrap();
    let texts: Vec<String> = (0..=200).map(|length| "x".repeat(length)).collect();
    let texts: Vec<Option<&str>> = texts.iter().map(|text| Some(text.as_str())).collect();
    let file = write_texts(folder.path().join("a.parquet"), &texts, TextType::Utf8, 50);
    let seen = inspect(&[file], "text", &Entity::ALL, 10).unwrap();
    let lengths: Vec<u64> = (0..=200).collect();
    let quantiles = seen.text_bytes.unwrap();
    assert_eq!(quantiles.p05, nearest(&lengths, 0.05));
    assert_eq!(quantiles.p50, nearest(&lengths, 0.50));
    assert_eq!(quantiles.p99, nearest(&lengths, 0.99));
    assert_eq!(seen.sample.rows, 10);
}

#[test]
fn files_columns_and_invisible_characters_are_described() {
    let folder = tempfile::tempdir().unwrap();
    let texts = [Some("a\u{200b}b\u{feff}"), Some("plain"), None];
    let files = [TextType::Utf8, TextType::Dictionary].map(|text_type| {
        let path = folder.path().join(format!("{text_type:?}.parquet"));
        write_texts(path, &texts, text_type, 2)
    });
    let seen = inspect(&files, "text", &Entity::ALL, 100).unwrap();
    assert_eq!((seen.rows, seen.rows_with_invisible, seen.invisible_characters), (6, 2, 4));
    assert_eq!(seen.files[0].row_groups, 2);
    assert_eq!(seen.files[0].row_group_rows_max, 2);
    assert_eq!(seen.files[0].compression, ["snappy", "zstd"]);
    assert_eq!(seen.columns[2].name, "text");
    assert!(!seen.same_columns);
    assert_eq!(seen.duplicates, 2);
    let text = serde_json::to_string(&seen).unwrap();
    assert_eq!(serde_json::from_str::<Inspection>(&text).unwrap(), seen);
}

#[test]
fn what_cannot_be_inspected_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = write_texts(folder.path().join("a.parquet"), &[], TextType::Utf8, 2);
    let nothing = inspect(std::slice::from_ref(&empty), "text", &Entity::ALL, 10);
    assert!(matches!(nothing, Err(Error::EmptyCorpus { files: 1 })));
    let wrong = inspect(std::slice::from_ref(&empty), "body", &Entity::ALL, 10);
    assert!(matches!(wrong, Err(Error::Input { file, .. }) if file == empty));
}

/// The same texts in every kind of file: the same figures.
#[test]
fn lines_and_cells_have_the_figures_of_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let texts = [TEXTS[3], TEXTS[1], TEXTS[3], TEXTS[8]];
    let parquet = write_texts(folder.path().join("a.parquet"), &texts.map(Some), TextType::Utf8, 2);
    let expected = inspect(&[parquet], "text", &Entity::DEFAULT, u64::MAX).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let lines = texts.map(|text| serde_json::json!({ "id": 1, "text": text }).to_string() + "\n").concat();
    let cells = texts.map(|text| format!("1,\"{text}\"\n")).concat();
    let jsonl = write("a.jsonl", lines);
    let csv = write("a.csv", format!("id,text\n{cells}"));
    for (file, id) in [(jsonl, "number"), (csv, "text")] {
        let seen = inspect(&[file], "text", &Entity::DEFAULT, u64::MAX).unwrap();
        let columns: Vec<(&str, &str)> =
            seen.columns.iter().map(|column| (column.name.as_str(), column.data_type.as_str())).collect();
        assert_eq!(columns, [("id", id), ("text", "text")]);
        assert_eq!((seen.files[0].rows, &seen.files[0].compression[..]), (4, &["uncompressed".to_owned()][..]));
        let figures =
            |seen: &Inspection| (seen.rows, seen.nulls, seen.duplicates, seen.text_bytes.clone(), seen.sample.clone());
        assert_eq!(figures(&seen), figures(&expected));
    }
}
