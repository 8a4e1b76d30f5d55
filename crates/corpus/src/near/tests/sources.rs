//! What goes, counted by a column that says where rows come from.

use super::*;

/// Three files of rows whose source is one of five or none, each text a copy of another with a chance of a third.
fn sourced(folder: &Path) -> (Vec<PathBuf>, Vec<(Option<String>, String)>) {
    let mut numbers = Numbers(3);
    let mut rows: Vec<(Option<String>, String)> = Vec::new();
    for row in 0..90 {
        let source = (row % 7 != 3).then(|| format!("origin-{}", numbers.below(5)));
        let copy = row > 0 && numbers.below(3) == 0;
        let text = if copy { rows[numbers.below(row) as usize].1.clone() } else { format!("text of row {row}") };
        rows.push((source, text));
    }
    let file = |(index, part): (usize, &[(Option<String>, String)])| {
        let path = folder.join(format!("f{index}.jsonl"));
        let line = |(source, text): &(Option<String>, String)| {
            serde_json::json!({ "from": source, "text": text }).to_string() + "\n"
        };
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(&path, part.iter().map(line).collect::<String>()).unwrap();
        path
    };
    (rows.chunks(30).enumerate().map(file).collect(), rows)
}

/// The twin: rows one after another, with all texts that were kept.
fn counted(rows: &[(Option<String>, String)]) -> Vec<SourceReport> {
    let mut seen = HashSet::new();
    let mut counts: Vec<SourceReport> = Vec::new();
    for (source, text) in rows {
        let at = counts.iter().position(|report| report.source == *source).unwrap_or_else(|| {
            counts.push(SourceReport { source: source.clone(), rows: 0, removed: 0 });
            counts.len() - 1
        });
        counts[at].rows += 1;
        counts[at].removed += u64::from(!seen.insert(text));
    }
    counts
}

#[test]
fn what_goes_is_counted_by_source_and_a_source_that_loses_too_much_stops_it() {
    let folder = tempfile::tempdir().unwrap();
    let (inputs, rows) = sourced(&folder.path().join("in"));
    let output = folder.path().join("out");
    let by_source = DedupPlan { source_column: Some("from".to_owned()), ..plan(&inputs, &output, What::Raw) };
    let expected = counted(&rows);
    assert_eq!(run(&by_source).unwrap().sources, expected);
    // References have no say in it: the first file is one now, and copies of its rows go from the others.
    let (reference, rest) = (inputs[0].clone(), inputs[1..].to_vec());
    let against = DedupPlan { inputs: rest, against: vec![reference], overwrite: true, ..by_source.clone() };
    let all: u64 = run(&against).unwrap().sources.iter().map(|source| source.rows).sum();
    assert_eq!(all, 60);
    // Between the two sources that lose most.
    let mut parts: Vec<f64> = expected.iter().map(|source| source.removed as f64 / source.rows as f64).collect();
    parts.sort_by(f64::total_cmp);
    let limit = |part: f64| DedupPlan { max_removal: Some(part), overwrite: true, ..by_source.clone() };
    run(&limit(parts[5])).unwrap();
    let error = run(&limit(f64::midpoint(parts[4], parts[5]))).unwrap_err();
    let number = expected.iter().position(|source| source.removed as f64 / source.rows as f64 >= parts[5]).unwrap() + 1;
    assert!(error.to_string().contains(&format!("source {number} of column `from`")), "{error}");
    assert!(expected.iter().flat_map(|report| &report.source).all(|source| !error.to_string().contains(source)));
}

#[test]
fn a_column_with_more_values_than_sources_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let lines = |count: usize| {
        let line = |row: usize| serde_json::json!({ "from": format!("secret {row}"), "text": "x" }).to_string() + "\n";
        (0..count).map(line).collect::<String>()
    };
    let of = |count| {
        std::fs::write(&path, lines(count)).unwrap();
        let inputs = std::slice::from_ref(&path);
        let output = folder.path().join(format!("out{count}"));
        run(&DedupPlan { source_column: Some("from".to_owned()), ..plan(inputs, &output, What::Raw) })
    };
    assert_eq!(of(1000).unwrap().sources.len(), 1000);
    let error = of(1001).unwrap_err();
    assert!(matches!(error, Error::TooManySources { .. }) && !error.to_string().contains("secret"), "{error}");
}
