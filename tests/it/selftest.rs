//! `privet selftest`, from a shell's point of view.

use crate::{folder, privet};

#[test]
fn a_selftest_passes_and_leaves_a_receipt() {
    let dir = folder();
    let json = privet(dir.path(), &["selftest", "--json", "-o", "receipt.json"]).done().json();
    assert_eq!((&json["format"], &json["passed"]), (&"privet-selftest/v1".into(), &true.into()));
    let receipt = std::fs::read_to_string(dir.path().join("receipt.json")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&receipt).unwrap(), json);
    // No check has the same bound and figure for nothing: every one says how many trials it made.
    assert!(json["checks"].as_array().unwrap().iter().all(|check| check["trials"].as_u64().unwrap() > 1));
    privet(dir.path(), &["selftest", "-o", "nowhere/receipt.json"]).failed(8, &["nowhere"]);
}
