//! Packs of rules in TOML: the one in the box, and files in the format of gitleaks.
//!
//! Both are read by the same parser. What a file asks for and this crate cannot do, such as rules about file names, is
//! left out and listed with its reason: a pack of two hundred rules is of use without the three that are not.

use std::fmt;
use std::sync::{Arc, OnceLock};

use toml::{Table, Value};

use super::go_syntax::translated;
use super::keywords::{KEYWORD_BYTES_MIN, Keywords};
use super::rule::{Allow, PackRule, Target, compile_go};
use super::windows::Windows;
use crate::finding::Rule;
use crate::{Entity, Error, Finding, Recognizer};

const BEFORE: usize = 64;
const AFTER: usize = 512;
/// A window is read by a regular expression each time its keyword stands somewhere.
const WINDOW_SIDE_MAX: i64 = 4096;
const ID_BYTES_MAX: usize = 100;

/// What a file may hold that changes nothing here.
const QUIET_KEYS: [&str; 5] = ["title", "description", "tags", "minVersion", "skipReport"];

/// Rules for secrets, read from a TOML file in the format of gitleaks.
///
/// # Format
/// `[[rules]]` with `id`, `regex` in Go's syntax and `keywords`, of which one of at least three bytes must stand near
/// every match, in any ASCII case; and, as may be, `description`, `entropy` (bits per byte that the secret must reach),
/// `secretGroup` (otherwise the first group that matched), `allowlists` or `[rules.allowlist]` with `regexes`,
/// `regexTarget`, `stopwords` and `condition`. An `[allowlist]` or `[[allowlists]]` at the top speaks for all rules, or
/// for its `targetRules`. Beyond gitleaks: `before` and `after`, the bytes around a keyword in which a match must lie
/// (64 and 512, at most 4096), and `token = true` for a secret that no letter, digit or `_` touches and that
/// holds a letter and a digit.
///
/// # What is different from gitleaks
/// A match must lie near a keyword, not only in the same file. Values that stand where a secret would (`${TOKEN}`,
/// `xxxx`, `EXAMPLE`) are never findings. Rules for paths, commits or several findings together are left out, see
/// [`RulePack::skipped`].
#[derive(Clone)]
pub struct RulePack {
    pub(super) rules: Arc<[PackRule]>,
    skipped: Vec<Skipped>,
    digest: String,
}

/// Something in a rule pack that is not honoured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The rule's id, or the name of a table at the top.
    pub place: String,
    /// Whether the whole rule is left out, or only a part of it.
    pub whole_rule: bool,
    /// Why, in words. Never text of the corpus.
    pub reason: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.whole_rule { "left out" } else { "in part" };
        write!(formatter, "`{}` {what}: {}", self.place, self.reason)
    }
}

impl fmt::Debug for RulePack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RulePack({} rules, {})", self.rules.len(), self.digest)
    }
}

impl RulePack {
    /// Reads and compiles a pack. Fails if it is no TOML, or if no rule is left.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut pack = read(text, Rule::pack)?;
        let mut rules = Vec::with_capacity(pack.rules.len());
        for rule in pack.rules {
            match compile_once(&rule) {
                Ok(()) => rules.push(rule),
                Err(reason) => pack.skipped.push(Skipped {
                    place: rule.name.as_str().trim_start_matches("pack:").to_owned(),
                    whole_rule: true,
                    reason,
                }),
            }
        }
        if rules.is_empty() {
            return Err(Error::RulePackEmpty { skipped: pack.skipped.iter().map(ToString::to_string).collect() });
        }
        let digest = blake3::hash(text.as_bytes()).to_hex().to_string();
        Ok(Self { rules: rules.into(), skipped: pack.skipped, digest })
    }

    /// The pack of this name in the box: `high-entropy`, strings that look random behind words such as `key`. It is no
    /// part of [`Entity::Secret`], because it also hits what is random and no secret.
    pub fn built_in(name: &str) -> Option<Self> {
        (name == "high-entropy").then(|| Self::parse(include_str!("../../rules/high-entropy.toml")).ok())?
    }

    /// How many rules are in force.
    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    /// What is not honoured, in the file's order.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// A hash of the file's content, 64 hexadecimal digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Finds what the pack's rules describe, as [`Entity::Secret`] and cited as `pack:<id>`.
    pub fn recognizer(&self) -> Box<dyn Recognizer> {
        let of_rules = self.rules.iter().enumerate();
        let places = of_rules.flat_map(|(rule, found)| found.keywords.iter().map(move |keyword| (keyword, rule)));
        let (keywords, rule_of): (Vec<_>, Vec<_>) =
            places.map(|(keyword, rule)| (keyword.as_str(), (keyword.len(), rule))).unzip();
        Box::new(PackRecognizer {
            keywords: Keywords::new(keywords.into_iter()),
            rule_of,
            rules: Arc::clone(&self.rules),
        })
    }
}

struct PackRecognizer {
    keywords: Keywords,
    /// Length and rule of each keyword.
    rule_of: Vec<(usize, usize)>,
    rules: Arc<[PackRule]>,
}

impl Recognizer for PackRecognizer {
    fn entity(&self) -> Entity {
        Entity::Secret
    }

    fn find(&self, text: &str, out: &mut Vec<Finding>) {
        let mut windows = Windows::default();
        self.keywords.find(text.as_bytes(), |keyword, start| {
            let (length, rule) = self.rule_of[keyword];
            windows.keyword(&self.rules, rule, text, &(start..start + length), out);
        });
        windows.finish(&self.rules, text, out);
    }
}

/// Compiles the rule now rather than at first use, to learn whether it can be.
fn compile_once(rule: &PackRule) -> Result<(), String> {
    let regex = super::rule::compile(&rule.pattern).map_err(|error| reason(&error))?;
    if regex.is_match("") {
        return Err("its regex matches the empty text".to_owned());
    }
    if rule.group.is_some_and(|group| group >= regex.captures_len()) {
        return Err("its regex has no such `secretGroup`".to_owned());
    }
    let _ = rule.compiled.set(Some(regex));
    Ok(())
}

/// What the compiler says, without its drawing of the pattern.
fn reason(error: &regex::Error) -> String {
    let said = error.to_string();
    let last = said.lines().last().unwrap_or_default().trim_start_matches("error: ");
    format!("its regex does not compile ({last})")
}

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
