//! Packs of rules in TOML: the one in the box, and files in the format of gitleaks.
//!
//! Both are read by the same parser. What a file asks for and this crate cannot do, such as rules about file names, is
//! left out and listed with its reason: a pack of two hundred rules is of use without the three that are not.

use std::fmt;
use std::sync::Arc;

use super::keywords::Keywords;
use super::read::read;
use super::rule::PackRule;
use super::windows::Windows;
use crate::finding::Rule;
use crate::fineweb::FineWeb;
use crate::{Entity, Error, Finding, Recognizer};

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
    /// What looks for values in place of rules.
    recognizer: Option<fn() -> Box<dyn Recognizer>>,
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
        Ok(Self { rules: rules.into(), skipped: pack.skipped, digest, recognizer: None })
    }

    /// The pack of this name in the box.
    ///
    /// `high-entropy`: strings that look random behind words such as `key`. It is no part of [`Entity::Secret`], because
    /// it also hits what is random and no secret. `fineweb`: mail addresses and public IPv4 addresses, exactly as
    /// datatrove 0.10 finds them; what its [`crate::Preset`] looks for.
    pub fn built_in(name: &str) -> Option<Self> {
        match name {
            "high-entropy" => Self::parse(include_str!("../../rules/high-entropy.toml")).ok(),
            "fineweb" => Some(Self {
                rules: Arc::new([]),
                skipped: Vec::new(),
                digest: blake3::hash(b"fineweb, as of datatrove 0.10.1").to_hex().to_string(),
                recognizer: Some(|| Box::new(FineWeb)),
            }),
            _ => None,
        }
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

    /// Finds what the pack's rules describe, as [`Entity::Secret`] and cited as `pack:<id>`; of the pack `fineweb`, what
    /// it names.
    pub fn recognizer(&self) -> Box<dyn Recognizer> {
        if let Some(made) = self.recognizer {
            return made();
        }
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
    fn entities(&self) -> &[Entity] {
        &[Entity::Secret]
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
