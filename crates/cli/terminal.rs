//! The two streams. Results go to stdout (text, or JSON with `--json`); everything else goes to stderr, so that
//! `privet … --json | jq` always works. Nothing else in this binary writes to either.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

/// What the global flags decided about output.
#[expect(clippy::struct_excessive_bools, reason = "each is one independent yes or no of the user or the terminal")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    /// Results are JSON.
    pub(crate) json: bool,
    /// Only results and errors.
    pub(crate) quiet: bool,
    /// Moving progress bars: stderr is a terminal and nobody switched them off.
    pub(crate) bars: bool,
    /// Plain progress lines, for a stderr that is a file or a pipe.
    pub(crate) lines: bool,
    /// Colours on stdout.
    pub(crate) colour_out: bool,
    /// Colours on stderr.
    pub(crate) colour_err: bool,
}

/// `--color`.
// Variants have no doc comments here and in the other command-line enums: clap would print them, and a help text with
// one line for each flag reads better.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Colour {
    #[default]
    Auto,
    Always,
    Never,
}

impl Colour {
    fn on(self, is_terminal: bool) -> bool {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        match self {
            Self::Auto => is_terminal && !refused,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

impl Terminal {
    pub(crate) fn new(json: bool, quiet: bool, no_progress: bool, colour: Colour) -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let progress = !quiet && !no_progress;
        Self {
            json,
            quiet,
            bars: progress && err,
            lines: progress && !err,
            colour_out: colour.on(out),
            colour_err: colour.on(err),
        }
    }

    /// A result, on stdout. A reader that went away (`| head`) is not an error of ours.
    #[expect(clippy::unused_self, reason = "whoever has the terminal writes to it, here as in the other methods")]
    pub(crate) fn out(self, text: &str) {
        let mut stdout = io::stdout().lock();
        if writeln!(stdout, "{}", text.trim_end_matches('\n')).and_then(|()| stdout.flush()).is_err() {
            std::process::exit(0);
        }
    }

    /// A result as one JSON object on one line of stdout.
    pub(crate) fn json<T: Serialize>(self, value: &T) {
        match serde_json::to_string(value) {
            Ok(text) => self.out(&text),
            Err(error) => self.warn(&format!("the result cannot be written as JSON: {error}")),
        }
    }

    /// A message, on stderr; `--quiet` drops it. A closed stderr is nobody's error.
    pub(crate) fn say(self, text: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }

    /// A message that `--quiet` does not drop.
    pub(crate) fn warn(self, text: &str) {
        let (yellow, off) = if self.colour_err { ("\x1b[1;33m", "\x1b[0m") } else { ("", "") };
        let _ = writeln!(io::stderr().lock(), "{yellow}warning:{off} {text}");
    }

    /// A heading of a result on stdout.
    pub(crate) fn bold(self, text: &str) -> String {
        if self.colour_out { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Rows as an aligned table, the first row as its head; numbers (cells that begin with a digit) lean right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| {
            let number = cell.starts_with(|c: char| c.is_ascii_digit());
            if number { format!("  {cell:>width$}") } else { format!("  {cell:<width$}") }
        });
        let line = cells.collect::<Vec<_>>().concat();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Names and values, one pair a line, both leaning left.
pub(crate) fn pairs(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines: Vec<String> = rows.iter().map(|(name, value)| format!("  {name:width$}  {value}\n")).collect();
    lines.concat()
}

/// Bytes in the unit a person would choose: `1.5 GiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// Seconds in the unit a person would choose: `42 s`, `3 min 5 s`, `2 h 10 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, duration, table};

    #[test]
    fn tables_align_text_left_and_numbers_right() {
        let rows = [["entity", "findings"], ["EMAIL", "12"], ["CREDIT_CARD", "3"]];
        let rows = rows.map(|row| row.map(String::from).to_vec());
        assert_eq!(table(&rows), "  entity       findings\n  EMAIL              12\n  CREDIT_CARD         3\n");
    }

    #[test]
    fn units_are_the_ones_a_person_would_choose() {
        assert_eq!([bytes(0), bytes(1023), bytes(1536)], ["0 B", "1023 B", "1.5 KiB"]);
        assert_eq!([duration(59.4), duration(61.0), duration(7260.0)], ["59 s", "1 min 1 s", "2 h 1 min"]);
    }
}
