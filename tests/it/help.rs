//! The help texts, letter for letter. Run with `UPDATE_GOLDEN=1` after a change on purpose, and read the difference.

use crate::{folder, privet, root};

const COMMANDS: [&str; 26] = [
    "",
    "run",
    "scrub",
    "decrypt",
    "dedup",
    "train",
    "report",
    "merge",
    "score",
    "generate",
    "selftest",
    "evaluate",
    "inspect",
    "budget",
    "budget epsilon",
    "budget plan",
    "budget curve",
    "budget explain",
    "budget show",
    "budget verify",
    "budget account",
    "budget account create",
    "budget account reserve",
    "budget account settle",
    "budget account sweep",
    "budget account verify",
];

#[test]
fn help_is_as_committed() {
    let dir = folder();
    let golden = root().join("tests/golden/help");
    for command in COMMANDS {
        let mut arguments: Vec<&str> = command.split_whitespace().collect();
        arguments.push("--help");
        let ran = privet(dir.path(), &arguments);
        ran.done();
        let name = if command.is_empty() { String::from("privet") } else { command.replace(' ', "-") };
        let file = golden.join(format!("{name}.txt"));
        if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
            std::fs::write(&file, &ran.stdout).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(ran.stdout, expected, "help of `privet {command}` differs from {}", file.display());
    }
}

#[test]
fn usage_errors_exit_with_2_and_suggest() {
    let dir = folder();
    privet(dir.path(), &["scrubb"]).failed(2, &["scrub"]);
    privet(dir.path(), &["budget", "epsilon"]).failed(2, &["--delta"]);
    privet(dir.path(), &[]).failed(2, &["Usage"]);
}

#[test]
fn colour_obeys_the_flag_and_no_color() {
    let dir = folder();
    let plain = privet(dir.path(), &["inspect", "nowhere.parquet"]);
    assert!(!plain.stderr.contains('\x1b'), "no colours in a pipe");
    let always = privet(dir.path(), &["inspect", "nowhere.parquet", "--color", "always"]);
    assert!(always.stderr.contains("\x1b["), "colours when asked for");
    let never = privet(dir.path(), &["--color=never", "inspect", "nowhere.parquet"]);
    assert!(!never.stderr.contains('\x1b'));
}
