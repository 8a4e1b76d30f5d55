//! The list of known faults names tests that exist.

use crate::root;

#[test]
fn every_known_fault_has_a_test_that_exists() {
    let text = std::fs::read_to_string(root().join("tests/FAULTS.md")).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ") && line.contains(".rs` ")).collect();
    assert!(rows.len() > 40);
    for row in rows {
        let (_, noticed) = row.split_once(" | `").unwrap();
        let (file, name) = noticed.split_once("` ").unwrap();
        let name = name.trim_end_matches(" |");
        let source = std::fs::read_to_string(root().join(file)).unwrap_or_else(|_| panic!("{file} does not exist"));
        assert!(source.contains(&format!("fn {name}(")), "{file} has no test {name}");
    }
}
