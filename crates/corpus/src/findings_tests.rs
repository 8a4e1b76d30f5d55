use arrow::array::AsArray;
use arrow::datatypes::{Float32Type, UInt64Type};

use crate::fixtures::*;
use crate::{FindingCount, count_findings};

#[test]
fn each_finding_has_its_place_and_never_its_value() {
    let folder = tempfile::tempdir().unwrap();
    let texts = [Some("é ann@example.org"), None, Some("é ann@example.org"), Some("none")];
    for text_type in TEXT_TYPES {
        let root = folder.path().join(format!("{text_type:?}"));
        let inputs = [write_texts(root.join("in/a.parquet"), &texts, text_type, 3)];
        let plan = plan(&inputs, &root.join("out"));
        run(&plan).unwrap();
        let path = plan.output.join("findings.parquet");
        let table = read_batch(&path);
        let strings = |name: &str| -> Vec<String> {
            let column = table.column_by_name(name).unwrap().as_string::<i32>();
            column.iter().map(|value| value.unwrap().to_owned()).collect()
        };
        let numbers = |name: &str| {
            let column = table.column_by_name(name).unwrap().as_primitive::<UInt64Type>();
            column.values().to_vec()
        };
        assert_eq!(strings("file"), ["a.parquet", "a.parquet"]);
        assert_eq!(strings("entity"), ["EMAIL", "EMAIL"]);
        assert_eq!(strings("rule"), ["email", "email"]);
        assert_eq!(strings("action"), ["tag", "tag"]);
        assert_eq!(numbers("row"), [0, 2]);
        assert_eq!(numbers("start"), [3, 3]);
        assert_eq!(numbers("end"), [18, 18]);
        assert_eq!(numbers("start_char"), [2, 2]);
        assert_eq!(numbers("end_char"), [17, 17]);
        let confidence = table.column_by_name("confidence").unwrap();
        assert!(confidence.as_primitive::<Float32Type>().value(0) > 0.0);
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"example"));
    }
}

#[test]
fn findings_are_counted_by_rule() {
    let folder = tempfile::tempdir().unwrap();
    let texts = ["ann@example.org, bob@example.org", "ann@example.org", "203.0.113.7"].map(Some);
    let inputs = ["a", "b"].map(|name| {
        let path = folder.path().join(format!("in/{name}.parquet"));
        write_texts(path, &texts, TextType::Utf8, 2)
    });
    let plan = plan(&inputs, &folder.path().join("out"));
    run(&plan).unwrap();
    let count = |entity: &str, rule: &str, findings, rows| FindingCount {
        entity: entity.to_owned(),
        rule: rule.to_owned(),
        findings,
        rows,
    };
    let expected = [count("EMAIL", "email", 6, 4), count("IPV4", "ipv4", 2, 2)];
    assert_eq!(count_findings(&plan.output).unwrap(), expected);
    assert!(count_findings(&folder.path().join("in")).is_err());
}
