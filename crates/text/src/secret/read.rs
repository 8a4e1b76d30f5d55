//! A pack's TOML, read key by key: what is not understood is noted, and the rest is used.

use std::sync::OnceLock;

use toml::{Table, Value};

use super::go_syntax::translated;
use super::keywords::KEYWORD_BYTES_MIN;
use super::pack::Skipped;
use super::rule::{Allow, PackRule, Target, compile_go};
use crate::Error;
use crate::finding::Rule;

const BEFORE: usize = 64;
const AFTER: usize = 512;
/// A window is read by a regular expression each time its keyword stands somewhere.
const WINDOW_SIDE_MAX: i64 = 4096;
const ID_BYTES_MAX: usize = 100;

/// What a file may hold that changes nothing here.
const QUIET_KEYS: [&str; 5] = ["title", "description", "tags", "minVersion", "skipReport"];

/// Rules as they were read, their patterns not yet compiled.
pub(super) struct Read {
    pub(super) rules: Vec<PackRule>,
    pub(super) skipped: Vec<Skipped>,
}

/// Reads a pack; `name` makes the name that findings cite.
pub(super) fn read(text: &str, name: fn(&str) -> Rule) -> Result<Read, Error> {
    let table = text.parse::<Table>().map_err(|error| {
        let before = error.span().map_or(0, |span| span.start).min(text.len());
        Error::RulePackSyntax { line: 1 + memchr::memchr_iter(b'\n', &text.as_bytes()[..before]).count() }
    })?;
    let mut skipped = Vec::new();
    let mut rules = Vec::new();
    for (index, rule) in tables(&table, "rules").enumerate() {
        let id = rule.get("id").and_then(Value::as_str).unwrap_or_default();
        let usable = !id.is_empty() && id.len() <= ID_BYTES_MAX && id.bytes().all(|byte| byte.is_ascii_graphic());
        let place = if usable { id.to_owned() } else { format!("rules[{index}]") };
        let mut notes = Notes { place, skipped: &mut skipped };
        match rule_of(rule, usable.then(|| name(id)), &mut notes) {
            Ok(rule) => rules.push(rule),
            Err(reason) => notes.add(true, &reason),
        }
    }
    for (key, _) in &table {
        let mut notes = Notes { place: key.clone(), skipped: &mut skipped };
        match key.as_str() {
            "rules" => {}
            "allowlist" | "allowlists" => {
                for list in tables(&table, key) {
                    allow_everywhere(list, &mut rules, &mut notes);
                }
            }
            "extend" => notes.add(false, "packs are not built upon each other; name each one"),
            _ if QUIET_KEYS.contains(&key.as_str()) => {}
            _ => notes.add(false, "this table or key is not known"),
        }
    }
    Ok(Read { rules, skipped })
}

struct Notes<'a> {
    place: String,
    skipped: &'a mut Vec<Skipped>,
}

impl Notes<'_> {
    fn add(&mut self, whole_rule: bool, reason: &str) {
        self.skipped.push(Skipped { place: self.place.clone(), whole_rule, reason: reason.to_owned() });
    }
}

/// The tables under `key`, be it one or a list.
fn tables<'a>(table: &'a Table, key: &str) -> impl Iterator<Item = &'a Table> {
    let found = table.get(key);
    let list = found.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table);
    found.and_then(Value::as_table).into_iter().chain(list)
}

fn strings(table: &Table, key: &str) -> Vec<String> {
    let list = table.get(key).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn rule_of(table: &Table, name: Option<Rule>, notes: &mut Notes) -> Result<PackRule, String> {
    let name = name.ok_or("it has no `id` of 1 to 100 visible ASCII characters")?;
    for (key, _) in table {
        match key.as_str() {
            "path" => return Err("it judges file names, and a text has none".to_owned()),
            "required" => return Err("it needs findings of other rules nearby, which is not supported".to_owned()),
            "id" | "regex" | "keywords" | "entropy" | "secretGroup" | "allowlist" | "allowlists" | "token"
            | "before" | "after" => {}
            quiet if QUIET_KEYS.contains(&quiet) => {}
            unknown => notes.add(false, &format!("its key `{}` is not known", unknown.escape_default())),
        }
    }
    let regex = table.get("regex").and_then(Value::as_str).ok_or("it has no `regex`")?;
    let (keywords, short): (Vec<_>, Vec<_>) =
        strings(table, "keywords").into_iter().partition(|keyword| keyword.len() >= KEYWORD_BYTES_MIN);
    if keywords.is_empty() {
        return Err("it has no keyword of at least 3 bytes, so its regex would run over every text".to_owned());
    }
    if !short.is_empty() {
        notes.add(false, "its keywords of less than 3 bytes are not looked for");
    }
    let allow = tables(table, "allowlist").chain(tables(table, "allowlists")).filter_map(|list| allow_of(list, notes));
    Ok(PackRule {
        name,
        keywords,
        pattern: translated(regex),
        compiled: OnceLock::new(),
        allow: allow.collect(),
        group: whole(table, "secretGroup", i64::from(u16::MAX))?.filter(|&group| group > 0),
        entropy: number(table, "entropy")?,
        token: table.get("token").and_then(Value::as_bool).unwrap_or(false),
        before: whole(table, "before", WINDOW_SIDE_MAX)?.unwrap_or(BEFORE),
        after: whole(table, "after", WINDOW_SIDE_MAX)?.unwrap_or(AFTER),
    })
}

fn whole(table: &Table, key: &str, max: i64) -> Result<Option<usize>, String> {
    match table.get(key) {
        None => Ok(None),
        Some(Value::Integer(number)) if (0..=max).contains(number) => Ok(Some(*number as usize)),
        Some(_) => Err(format!("its `{key}` is no whole number of 0 to {max}")),
    }
}

fn number(table: &Table, key: &str) -> Result<f64, String> {
    match table.get(key) {
        None => Ok(0.0),
        Some(Value::Float(number)) if number.is_finite() => Ok(*number),
        Some(Value::Integer(number)) => Ok(*number as f64),
        Some(_) => Err(format!("its `{key}` is no number")),
    }
}

/// An allowlist of the top: for all rules, or for those it names.
fn allow_everywhere(list: &Table, rules: &mut [PackRule], notes: &mut Notes) {
    let targets = strings(list, "targetRules");
    let Some(allow) = allow_of(list, notes) else {
        return;
    };
    for rule in rules {
        let id = rule.name.as_str().split_once(':').map_or("", |(_, id)| id);
        if targets.is_empty() || targets.iter().any(|target| target == id) {
            rule.allow.push(allow.clone());
        }
    }
}

fn allow_of(list: &Table, notes: &mut Notes) -> Option<Allow> {
    let all = list.get("condition").and_then(Value::as_str).is_some_and(|condition| matches!(condition, "AND" | "&&"));
    for key in ["paths", "commits"] {
        if list.contains_key(key) {
            notes.add(false, &format!("`{key}` of its allowlist allows nothing: a text has none"));
            if all {
                return None;
            }
        }
    }
    let target = match list.get("regexTarget").and_then(Value::as_str) {
        None | Some("secret" | "") => Target::Secret,
        Some("match") => Target::Match,
        Some("line") => Target::Line,
        Some(_) => {
            notes.add(false, "an allowlist's `regexTarget` is not known, so the list is left out");
            return None;
        }
    };
    let mut regexes = Vec::new();
    for pattern in strings(list, "regexes") {
        match compile_go(&pattern) {
            Ok(regex) => regexes.push(regex),
            Err(_) if all => {
                notes.add(false, "a regex of its allowlist does not compile, so the list is left out");
                return None;
            }
            Err(_) => notes.add(false, "a regex of its allowlist does not compile and allows nothing"),
        }
    }
    let stopwords = strings(list, "stopwords").iter().map(|word| word.to_ascii_lowercase()).collect::<Vec<_>>();
    (!regexes.is_empty() || !stopwords.is_empty()).then_some(Allow { target, regexes, stopwords, all })
}
