//! The binary from outside: what a user types, what they read, and the exit code.
//!
//! One test binary, one module per subject. Everything runs in folders of its own, without a terminal and without a
//! network; `privet` is the binary that cargo built beside these tests.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, its helpers too")]

mod ask;
mod budget;
mod config;
mod corpus;
mod corpus_budget;
mod dedup;
mod dedup_parts;
mod evaluate;
mod faults;
mod fixture;
mod formats;
mod help;
mod house;
mod killed;
mod killed_scrub;
mod layers;
mod merge;
mod model;
mod operators;
mod pins;
mod planted;
mod prepare;
mod records;
mod run;
mod secrecy;
mod selftest;
mod trainable;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The whole workspace's one seed.
const SEED: u64 = 20_260_731;

/// What a command left behind.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// The exit code and a part of stderr, which are what a user meets when something is wrong.
    #[track_caller]
    fn failed(&self, code: i32, parts: &[&str]) -> &Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "`{part}` is missing in stderr:\n{}", self.stderr);
        }
        self
    }

    #[track_caller]
    fn done(&self) -> &Self {
        self.failed(0, &[])
    }

    #[track_caller]
    fn says(&self, parts: &[&str]) -> &Self {
        for part in parts {
            assert!(self.stdout.contains(part), "`{part}` is missing in stdout:\n{}", self.stdout);
        }
        self
    }

    /// stdout as exactly one JSON object.
    #[track_caller]
    fn json(&self) -> serde_json::Value {
        assert_eq!(self.stdout.lines().count(), 1, "one line of JSON, not:\n{}", self.stdout);
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// The binary, ready to start in `dir`, with nothing of the tester's terminal in it.
fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_privet"));
    command.args(arguments).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for variable in ["NO_COLOR", "TERM", "RUST_BACKTRACE", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    command.env("COLUMNS", "100").env("LINES", "50");
    command
}

fn ran(output: &Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout.clone()).unwrap(),
        stderr: String::from_utf8(output.stderr.clone()).unwrap(),
    }
}

/// Runs `privet` in `dir`.
fn privet(dir: &Path, arguments: &[&str]) -> Ran {
    ran(&command(dir, arguments).output().unwrap())
}

/// The repository.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A test's own folder.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}
