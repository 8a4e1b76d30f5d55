//! Rules that a user writes: a regular expression behind a literal.
//!
//! Regular expressions are the slow part of every peer, so none is ever run over a document that cannot match: a rule
//! names literals, and a document that holds none of them is skipped after one vectorized search. The engine has no
//! backtracking, so no rule can take more than linear time.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::finding::Rule;
use crate::{Entity, Error, Finding, Recognizer};

const LITERAL_BYTES_MIN: usize = 3;
const NAME_BYTES_MAX: usize = 64;
const COMPILED_BYTES_MAX: usize = 4 << 20;
const CONFIDENCE: f32 = 0.8;

/// A rule as it is written in a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomRule {
    /// Cited by findings as `custom:<name>`; letters, digits, `-` and `_`.
    pub name: String,
    /// A document must hold one of these, in any ASCII case, before the pattern is tried.
    pub literals: Vec<String>,
    /// A regular expression in the syntax of the `regex` crate; a group named `value` narrows the span.
    pub pattern: String,
    /// What its findings are; [`Entity::Custom`] when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<Entity>,
}

impl CustomRule {
    /// A rule that finds these texts, byte for byte, wherever they stand. Each has at least three bytes.
    pub fn of_texts(name: &str, texts: &[String], entity: Entity) -> Self {
        // Of texts that begin alike, the longest: an alternative that stands first wins.
        let mut texts: Vec<&String> = texts.iter().collect();
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        Self {
            name: name.to_owned(),
            pattern: texts.iter().map(|text| regex::escape(text)).collect::<Vec<_>>().join("|"),
            literals: texts.into_iter().cloned().collect(),
            entity: Some(entity),
        }
    }

    /// Checks and compiles the rule.
    pub fn compile(&self) -> Result<Box<dyn Recognizer>, Error> {
        let rule = || self.name.clone();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !(1..=NAME_BYTES_MAX).contains(&self.name.len()) || !self.name.bytes().all(plain) {
            return Err(Error::CustomRuleName { name: rule() });
        }
        if self.literals.is_empty() {
            return Err(Error::CustomRuleWithoutLiteral { rule: rule() });
        }
        if let Some(literal) = self.literals.iter().find(|literal| literal.len() < LITERAL_BYTES_MIN) {
            return Err(Error::CustomRuleLiteralTooShort { rule: rule(), literal: literal.clone() });
        }
        let literals = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&self.literals)
            .map_err(|source| Error::CustomRuleLiterals { rule: rule(), source: Box::new(source) })?;
        let pattern = RegexBuilder::new(&self.pattern)
            .size_limit(COMPILED_BYTES_MAX)
            .build()
            .map_err(|source| Error::CustomRulePattern { rule: rule(), source: Box::new(source) })?;
        if pattern.is_match("") {
            return Err(Error::CustomRuleMatchesNothing { rule: rule() });
        }
        let entity = self.entity.unwrap_or(Entity::Custom);
        Ok(Box::new(Compiled { rule: Rule::custom(&self.name), entity, literals, pattern }))
    }
}

struct Compiled {
    rule: Rule,
    entity: Entity,
    literals: AhoCorasick,
    pattern: Regex,
}

impl Recognizer for Compiled {
    fn entities(&self) -> &[Entity] {
        std::slice::from_ref(&self.entity)
    }

    fn find(&self, text: &str, out: &mut Vec<Finding>) {
        if !self.literals.is_match(text) {
            return;
        }
        let spans = self.pattern.captures_iter(text).filter_map(|groups| {
            let found = groups.name("value").or_else(|| groups.get(0))?;
            (!found.is_empty()).then(|| found.range())
        });
        out.extend(spans.map(|span| Finding {
            entity: self.entity,
            span,
            confidence: CONFIDENCE,
            rule: self.rule.clone(),
        }));
    }
}
