//! `privet scrub` over tables of cells and trees of letters, one row explained, and the stop rule, from outside.

use std::path::Path;

use crate::{folder, privet};

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn read(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join(name)).unwrap()
}

const CELLS: &str =
    "id,text,note\r\n1,\"write to desk@mail.example.edu, soon\",a\r\n\r\n2,plain words,  b\r\n3,plain words,c\r\n";

#[test]
fn a_folder_of_tables_is_scrubbed_cell_by_cell_and_a_header_is_asked_for() {
    let dir = folder();
    write(dir.path(), "data/a.csv", CELLS);
    write(dir.path(), "data/b.tsv", "text\tid\nplain words\t1\nother words\t2\n");
    write(dir.path(), "data/README.md", "what the tables are");
    let counts = privet(dir.path(), &["scrub", "data", "-o", "out", "--json"]).done().json()["counts"].clone();
    assert_eq!(
        (&counts["rows_in"], &counts["rows_out"], &counts["duplicates_removed"]),
        (&5.into(), &3.into(), &2.into())
    );
    let expected = "id,text,note\r\n1,\"write to <EMAIL>, soon\",a\r\n\r\n2,plain words,  b\r\n";
    assert_eq!(read(dir.path(), "out/a.csv"), expected);
    assert_eq!(read(dir.path(), "out/b.tsv"), "text\tid\nother words\t2\n");
    write(dir.path(), "headless.csv", "desk@mail.example.edu,words\n");
    let refused = privet(dir.path(), &["scrub", "headless.csv", "-o", "none", "--on-error", "fail"]);
    refused.failed(2, &["headless.csv", "2 cells", "`text`", "help: "]);
    assert!(!refused.stderr.contains("desk"), "{}", refused.stderr);
    write(dir.path(), "ragged.csv", &format!("{CELLS}4,five\n"));
    let set_aside = privet(dir.path(), &["scrub", "ragged.csv", "data", "-o", "some"]);
    set_aside.failed(3, &["quarantined ragged.csv: ragged-record"]);
    let text = privet(dir.path(), &["scrub", "data", "-o", "dry", "--dry-run"]);
    text.done().says(&["% of", "of text changed"]);
}

#[test]
fn a_tree_of_letters_keeps_its_shape() {
    let dir = folder();
    write(dir.path(), "letters/a/1.txt", "from desk@mail.example.edu\n");
    write(dir.path(), "letters/a/2.md", "# plain\n");
    privet(dir.path(), &["scrub", "letters", "-o", "out"]).done();
    assert_eq!(read(dir.path(), "out/a/1.txt"), "from <EMAIL>\n");
    assert_eq!(read(dir.path(), "out/a/2.md"), "# plain\n");
    privet(dir.path(), &["scrub", "letters/a/*.txt", "-o", "some"]).done();
    assert_eq!(read(dir.path(), "some/1.txt"), "from <EMAIL>\n");
}

#[test]
fn one_row_is_explained_without_a_word_of_it() {
    let dir = folder();
    write(dir.path(), "data/a.csv", CELLS);
    write(dir.path(), "data/b.jsonl", "{\"text\": \"x\"}\n\n{\"text\": \"the ssn 219-09-9998\"}\n");
    let explain = |more: &[&str]| privet(dir.path(), &[&["scrub", "data", "--explain"], more].concat());
    let email = explain(&["a.csv:0"]);
    email.done().says(&["row 0 of", "EMAIL by rule `email`", "bytes 9..30", "operator tag", "as sure"]);
    let ssn = explain(&["data/b.jsonl:1"]);
    ssn.done().says(&[
        "US_SSN",
        "bytes 4..7 (characters 4..7) announces it; without it",
        "what stands around it counts",
    ]);
    let json = explain(&["b.jsonl:1", "--json"]).done().json();
    let finding = &json["texts"][0]["findings"][0];
    assert_eq!((&finding["entity"], &finding["words"][0]["bytes"]["start"]), (&"US_SSN".into(), &4.into()));
    assert_eq!(finding["operator"], "tag");
    for said in [email.stdout.clone(), ssn.stdout.clone(), json.to_string()] {
        assert!(!said.contains("desk") && !said.contains("219") && !said.contains(" ssn"), "{said}");
    }
    explain(&["a.csv:1"]).done().says(&["nothing is found"]);
    explain(&["a.csv:9"]).failed(2, &["no row 9", "3 rows"]);
    explain(&["0"]).failed(2, &["several files", "FILE:ROW"]);
    explain(&["c.csv:0"]).failed(2, &["no input"]);
    explain(&["a.csv:0", "--show-values"]).failed(2, &["no terminal"]);
    explain(&["a.csv:0", "-o", "out"]).failed(2, &["--output"]);
    privet(dir.path(), &["scrub", "data/a.csv", "--explain", "2", "--operator", "drop"])
        .done()
        .says(&["nothing is found"]);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is written");
}

#[test]
fn too_much_of_a_change_stops_the_run_and_names_the_limit() {
    let dir = folder();
    write(dir.path(), "data/a.csv", CELLS);
    let refused = privet(dir.path(), &["scrub", "data", "-o", "out", "--max-changed", "0.2"]);
    refused.failed(1, &["more than 0.2 of the bytes", "a.csv", "`max_changed`", "help: "]);
    assert!(!dir.path().join("out/a.csv").exists() && !dir.path().join("out/manifest.json").exists());
    let json = privet(dir.path(), &["scrub", "data", "-o", "out", "--max-changed", "0.9", "--json"]).done().json();
    assert_eq!((&json["counts"]["text_bytes"], &json["counts"]["text_bytes_changed"]), (&58.into(), &21.into()));
    privet(dir.path(), &["scrub", "data", "-o", "x", "--max-changed", "20"]).failed(2, &["from 0 to 1"]);
    let config = crate::config::CONFIG.replace("[scrub]", "[scrub]\nmax_changed = 20.0");
    std::fs::write(dir.path().join("privet.toml"), config).unwrap();
    crate::model::tiny(&dir.path().join("model"));
    let run = privet(dir.path(), &["run", "privet.toml", "--set", "datasets.0.path='data/*.csv'"]);
    run.failed(2, &["`max_changed`", "from 0 to 1"]);
    let run = ["run", "privet.toml", "--set", "datasets.0.path='data/*.csv'", "--set", "scrub.max_changed=0.2"];
    privet(dir.path(), &run).failed(1, &["more than 0.2", "a.csv"]);
}

#[test]
fn lines_and_cells_can_be_looked_at() {
    let dir = folder();
    write(dir.path(), "a.csv", CELLS);
    privet(dir.path(), &["inspect", "a.csv"]).done().says(&["id", "note", "EMAIL", "uncompressed"]);
    write(dir.path(), "b.jsonl", "{\"id\": 1, \"text\": \"to desk@mail.example.edu\"}\n");
    let seen = privet(dir.path(), &["inspect", "b.jsonl", "--json"]).done().json();
    assert_eq!((&seen["rows"], &seen["columns"][0]["data_type"]), (&1.into(), &"number".into()));
}
