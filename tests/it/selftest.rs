//! `privet selftest`, from a shell's point of view.

use crate::config::CONFIG;
use crate::fixture::{sentences, texts};
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
    // The report of a run knows its program's receipt.
    let config = CONFIG.replace("steps = 20", "steps = 2").replace("[scrub]\n\n", "");
    std::fs::write(dir.path().join("privet.toml"), config).unwrap();
    crate::model::tiny(&dir.path().join("model"));
    texts(&dir.path().join("data/a.parquet"), &sentences(40));
    privet(dir.path(), &["train", "privet.toml"]).done();
    std::fs::copy(dir.path().join("receipt.json"), dir.path().join("runs/test/public/selftest.json")).unwrap();
    let report = privet(dir.path(), &["report", "runs/test", "--json"]).done().json();
    let selftest = &report["selftest"]["value"];
    assert_eq!((&selftest["passed"], &selftest["same_program"]), (&true.into(), &true.into()), "{report}");
    privet(dir.path(), &["selftest", "-o", "nowhere/receipt.json"]).failed(8, &["nowhere"]);
}
