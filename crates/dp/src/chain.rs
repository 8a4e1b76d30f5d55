//! A file of sealed lines: the format that a run's ledger and a corpus's budget share.
//!
//! Each line is JSON: a body, the hash of the line before, and its own hash, `BLAKE3(previous hash ‖ canonical JSON of the
//! body)`. So no line can be changed, moved, inserted or removed without breaking the chain from there on. Each line
//! has exactly one valid spelling, byte for byte, and ends in a newline.
//!
//! What the chain alone cannot show is that lines are missing **at the end**, or that the whole file was written anew:
//! for that, compare the last hash with one kept elsewhere.
//!
//! What the lines say, and which may follow which, is up to the two users: [`ledger`](crate::ledger) and
//! [`corpus_budget`](crate::corpus_budget).

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The "previous" hash of the first line.
pub const ORIGIN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// How a chain of lines can be broken; lines count from 1, as editors do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// No line at all, or none but a torn one.
    #[error("has no complete first line; nothing was ever charged in it, so start anew")]
    Empty,
    /// The line is not JSON of a line.
    #[error("line {line} cannot be read ({reason}); restore the file from a copy")]
    Malformed {
        /// Line number from 1.
        line: usize,
        /// The JSON reader's words.
        reason: String,
    },
    /// The line says the right thing in other bytes.
    #[error("line {line} is spelled differently from how it was written; restore the file from a copy")]
    NotCanonical {
        /// Line number from 1.
        line: usize,
    },
    /// The line's "previous" is not the hash of the line before.
    #[error("line {line} does not follow the line before it: a line was removed, moved or inserted here")]
    BrokenChain {
        /// Line number from 1.
        line: usize,
    },
    /// The line's hash is not that of its body.
    #[error("line {line} was changed after it was written")]
    WrongHash {
        /// Line number from 1.
        line: usize,
    },
    /// The last line was not written to its end.
    #[error("line {line} was not written to its end, as after a crash; the next run that writes recovers it")]
    TornLastLine {
        /// Line number from 1.
        line: usize,
    },
}

/// One line of the file: a body sealed to everything before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line<B> {
    /// What the line says.
    pub body: B,
    /// Hash of the line before, or [`ORIGIN`]; 64 lower-case hexadecimal digits.
    pub previous: String,
    /// Hash of this line.
    pub hash: String,
}

/// Makes the line that says `body` after the line whose hash is `previous`.
pub fn seal<B: Serialize>(body: B, previous: &str) -> Line<B> {
    let hash = hash(&body, previous);
    Line { body, previous: previous.to_owned(), hash }
}

fn hash<B: Serialize>(body: &B, previous: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(previous.as_bytes());
    hasher.update(json(body).as_bytes());
    hasher.finalize().to_hex().to_string()
}

/// Compact JSON with the fields in the order they are declared: one spelling per value.
fn json<T: Serialize>(value: &T) -> String {
    // Plain structs with string keys and finite numbers always serialise; an empty string would fail every check.
    serde_json::to_string(value).unwrap_or_default()
}

impl<B: Serialize> Line<B> {
    /// The line as it stands in the file, without the newline.
    pub fn to_json(&self) -> String {
        json(self)
    }

    /// Checks that this is line `number` after the line whose hash is `previous`.
    pub(crate) fn check(&self, previous: &str, number: usize) -> Result<(), ChainError> {
        if self.previous != previous {
            return Err(ChainError::BrokenChain { line: number });
        }
        if self.hash != hash(&self.body, previous) {
            return Err(ChainError::WrongHash { line: number });
        }
        Ok(())
    }
}

fn read_line<B: Serialize + DeserializeOwned>(text: &str, number: usize) -> Result<Line<B>, ChainError> {
    let line: Line<B> = serde_json::from_str(text)
        .map_err(|error| ChainError::Malformed { line: number, reason: error.to_string() })?;
    if line.to_json() == text { Ok(line) } else { Err(ChainError::NotCanonical { line: number }) }
}

/// Reads a whole file, every line of which must end in a newline; `begin` takes the first line and `push` each other.
pub(crate) fn parse<B: Serialize + DeserializeOwned, T, E: From<ChainError>>(
    text: &str,
    begin: impl Fn(Line<B>) -> Result<T, E>,
    push: impl Fn(&mut T, Line<B>) -> Result<(), E>,
) -> Result<T, E> {
    let mut state: Option<T> = None;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let number = index + 1;
        let complete = line.strip_suffix('\n').ok_or(ChainError::TornLastLine { line: number })?;
        let line = read_line(complete, number)?;
        match &mut state {
            None => state = Some(begin(line)?),
            Some(state) => push(state, line)?,
        }
    }
    state.ok_or_else(|| ChainError::Empty.into())
}

/// Length in bytes of `text` without a torn last line: one that lacks its newline or is not JSON.
///
/// A last line that is whole but breaks a rule was not torn but edited, and counts as whole.
pub(crate) fn whole_length(text: &str) -> usize {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let last_start = body.rfind('\n').map_or(0, |newline| newline + 1);
    let last = &body[last_start..];
    let torn = !text.ends_with('\n') || serde_json::from_str::<serde_json::Value>(last).is_err();
    if torn { last_start } else { text.len() }
}
