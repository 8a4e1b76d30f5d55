//! From TOML and `--set` to a [`Config`], with errors that point.
//!
//! Each assignment is parsed as if it stood behind the end of the file, so every error still has one position in one
//! text: inside the file it is shown as `file:line:column`, behind it as the `--set` argument.

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Config;
use crate::failure::Failure;

/// One text with the assignments behind it, and the means to say where a byte of it lies.
struct Source<'a> {
    name: &'a str,
    text: &'a str,
    /// Each assignment with the position of its first byte.
    sets: Vec<(usize, &'a str)>,
}

impl<'a> Source<'a> {
    fn new(name: &'a str, text: &'a str, sets: &'a [String]) -> Self {
        let mut end = text.len() + 1;
        let sets = sets.iter().map(|set| {
            let start = end;
            end += set.len() + 1;
            (start, set.as_str())
        });
        Self { name, text, sets: sets.collect() }
    }

    fn place(&self, offset: usize) -> String {
        if let Some((_, set)) = self.sets.iter().rev().find(|(start, _)| *start <= offset) {
            return format!("--set {set}");
        }
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        format!("{}:{line}:{column}", self.name)
    }

    /// A TOML error as a failure.
    fn failure(&self, error: &toml::de::Error) -> Failure {
        // Without the input beside it, the error's text ends with the path of keys: "in `train.speed`".
        let mut bare = error.clone();
        bare.set_input(None);
        let whole = bare.to_string();
        let section = whole.rsplit_once("in `").map_or("", |(_, keys)| keys.trim_end().trim_end_matches('`'));
        let failure = explain(error.message(), section);
        match error.span() {
            Some(span) => failure.at(self.place(span.start)),
            None => failure.at(self.name),
        }
    }
}

pub(super) fn parse(name: &str, text: &str, sets: &[String]) -> Result<Config, Failure> {
    let sets: Vec<String> = sets.iter().map(|set| with_quotes(set)).collect();
    let source = Source::new(name, text, &sets);
    let padded: Vec<String> = source.sets.iter().map(|(start, set)| format!("{}{set}", " ".repeat(*start))).collect();
    let mut root = DeTable::parse(text).map_err(|error| source.failure(&error))?;
    for (assignment, (_, set)) in padded.iter().zip(&source.sets) {
        let overlay = DeTable::parse(assignment).map_err(|error| {
            Failure::usage(format!("`--set {set}` is not an assignment in TOML")).why(error.message()).help(quoted(set))
        })?;
        lay_over(root.get_mut(), overlay.into_inner());
    }
    Config::deserialize(toml::Deserializer::from(root)).map_err(|error| source.failure(&error))
}

/// Tables merge, `datasets.0.path` reaches into an array, everything else replaces.
fn lay_over<'a>(base: &mut DeTable<'a>, overlay: DeTable<'a>) {
    for (key, value) in overlay {
        match (base.get_mut(key.get_ref().as_ref() as &str).map(Spanned::get_mut), value.get_ref()) {
            (Some(DeValue::Table(old)), DeValue::Table(_)) => {
                if let DeValue::Table(new) = value.into_inner() {
                    lay_over(old, new);
                }
            }
            (Some(DeValue::Array(old)), DeValue::Table(new)) if new.keys().all(|key| reaches(key.get_ref(), old)) => {
                let DeValue::Table(new) = value.into_inner() else { continue };
                for (index, value) in new {
                    let slot = index.get_ref().parse::<usize>().ok().and_then(|index| old.get_mut(index));
                    let Some(slot) = slot.map(Spanned::get_mut) else { continue };
                    match (slot, value.into_inner()) {
                        (DeValue::Table(old), DeValue::Table(new)) => lay_over(old, new),
                        (old, new) => *old = new,
                    }
                }
            }
            _ => {
                base.insert(key, value);
            }
        }
    }
}

fn reaches(key: &str, array: &[Spanned<DeValue<'_>>]) -> bool {
    key.parse::<usize>().is_ok_and(|index| index < array.len())
}

/// A shell eats quotes, so a plain word that is no TOML value is taken as the string it spells.
fn with_quotes(set: &str) -> String {
    match set.split_once('=') {
        Some((key, value))
            if DeTable::parse(set).is_err()
                && !value.trim().is_empty()
                && !value.contains(['"', '\'', '[', ']', '{', '}', '\\', '\n', '=']) =>
        {
            format!("{key}=\"{}\"", value.trim())
        }
        _ => set.to_owned(),
    }
}

/// What a shell user most often meant: a string without its quotes.
fn quoted(set: &str) -> String {
    match set.split_once('=') {
        Some((key, value)) if !value.is_empty() => {
            format!("a string needs TOML's quotes inside the shell's: --set '{}=\"{}\"'", key.trim(), value.trim())
        }
        _ => String::from("write `--set key=value` with a dotted key, for example `--set privacy.epsilon=4.0`"),
    }
}

/// Turns the parser's sentence into ours. `section` is the dotted path the parser stood in.
fn explain(message: &str, section: &str) -> Failure {
    let place = if section.is_empty() { String::from("the config") } else { format!("[{section}]") };
    if let Some(rest) = message.strip_prefix("unknown field ") {
        let (key, known) = names(rest);
        let kind = if section.is_empty() { "section" } else { "key" };
        return suggest(Failure::usage(format!("unknown {kind} `{key}` in {place}")), &key, &known)
            .why(format!("{kind}s of {place}: {}", known.join(", ")))
            .help("correct or remove the line; every key is explained in configs/README.md");
    }
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        let (value, known) = names(rest);
        return suggest(Failure::usage(format!("`{value}` is not a value of `{section}`")), &value, &known)
            .why(format!("values: {}", known.join(", ")))
            .help("every key is explained in configs/README.md");
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        let (key, _) = names(rest);
        let what = match (section, key.as_str()) {
            ("", "datasets") => String::from("the config has no [[datasets]] section"),
            ("", key) => format!("the config has no [{key}] section"),
            (_, key) => format!("{place} lacks `{key}`"),
        };
        return Failure::usage(what)
            .why("it has no default, because a silent default here would be a choice nobody made")
            .help("every key is explained in configs/README.md; configs/quickstart.toml is a whole example");
    }
    let what =
        if section.is_empty() { String::from("the config is not valid") } else { format!("`{section}` is not valid") };
    Failure::usage(what)
        .why(message.lines().next().unwrap_or(message))
        .help("every key is explained in configs/README.md")
}

/// The names between backticks of serde's list: the first is the user's, the rest are the known ones.
fn names(message: &str) -> (String, Vec<String>) {
    let mut names = message.split('`').skip(1).step_by(2).map(str::to_owned);
    (names.next().unwrap_or_default(), names.collect())
}

fn suggest(failure: Failure, given: &str, known: &[String]) -> Failure {
    match nearest(given, known) {
        Some(name) => failure.why(format!("did you mean `{name}`?")),
        None => failure,
    }
}

/// The known name that looks most like the given one, if any does: by spelling, or because one holds the other
/// (`batch_size`, `expected_batch_size`).
fn nearest<'a>(given: &str, known: &'a [String]) -> Option<&'a str> {
    let given = given.to_lowercase();
    let likeness = |name: &str| {
        let name = name.to_lowercase();
        let holds = given.len() >= 4 && (name.contains(&given) || given.contains(&name));
        strsim::jaro_winkler(&given, &name).max(if holds { 0.85 } else { 0.0 })
    };
    let best = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) >= 0.8).then_some(best)
}

#[cfg(test)]
mod tests;
