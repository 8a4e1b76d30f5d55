//! Everything that can be wrong with a configuration of this crate. Scanning itself cannot fail.

use crate::Entity;

/// A configuration that cannot be used. No variant ever holds text of the corpus.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An entity label that does not exist.
    #[error("unknown entity `{name}`; write one of {}", labels())]
    UnknownEntity {
        /// The label as written.
        name: String,
    },
    /// A custom rule's name is part of the findings file, so it is kept to a plain alphabet.
    #[error(
        "custom rule name `{name}` is not usable; write 1 to 64 characters of a-z, A-Z, 0-9, `-` and `_` so that findings can cite it"
    )]
    CustomRuleName {
        /// The name as written.
        name: String,
    },
    /// A custom rule without a literal would run its regular expression over every document.
    #[error(
        "custom rule `{rule}` has no literal; list at least one text that every match contains, so that documents without it are skipped"
    )]
    CustomRuleWithoutLiteral {
        /// The rule's name.
        rule: String,
    },
    /// A literal this short is found in nearly every document and filters nothing.
    #[error("custom rule `{rule}` has the literal `{literal}`, which is too short to filter; write at least 3 bytes")]
    CustomRuleLiteralTooShort {
        /// The rule's name.
        rule: String,
        /// The literal as written.
        literal: String,
    },
    /// The literals of a custom rule could not be compiled into a searcher.
    #[error("the literals of custom rule `{rule}` could not be compiled; use fewer or shorter ones")]
    CustomRuleLiterals {
        /// The rule's name.
        rule: String,
        /// What the searcher says.
        #[source]
        source: Box<aho_corasick::BuildError>,
    },
    /// The regular expression does not compile, or grows too large.
    #[error("the pattern of custom rule `{rule}` does not compile; look-around and back-references are not available")]
    CustomRulePattern {
        /// The rule's name.
        rule: String,
        /// What the regular expression compiler says.
        #[source]
        source: Box<regex::Error>,
    },
    /// A pattern that matches the empty text would report nothing useful.
    #[error("the pattern of custom rule `{rule}` matches the empty text; make at least one part of it mandatory")]
    CustomRuleMatchesNothing {
        /// The rule's name.
        rule: String,
    },
    /// A rule pack that is no TOML.
    #[error("the rule pack is no TOML: line {line} cannot be read")]
    RulePackSyntax {
        /// The line at which reading stopped, counted from 1.
        line: usize,
    },
    /// A rule pack of which nothing is left would look for nothing.
    #[error("the rule pack has no usable rule; write [[rules]] with `id`, `regex` and `keywords`{}", listed(skipped))]
    RulePackEmpty {
        /// What was left out, and why.
        skipped: Vec<String>,
    },
    /// Hashing without a key could be reversed by trying every phone number.
    #[error(
        "the operator for {entity} is `{operator}`, but the policy has no key; give it 32 secret bytes or choose `tag`"
    )]
    HashKeyMissing {
        /// The entity whose operator needs a key.
        entity: Entity,
        /// The operator's name.
        operator: &'static str,
    },
    /// Nothing can be encrypted without a key.
    #[error(
        "the operator for {entity} is `encrypt`, but the policy has no key for it; give it 32 secret bytes of its own"
    )]
    EncryptKeyMissing {
        /// The entity whose operator is `encrypt`.
        entity: Entity,
    },
    /// There is nothing to neutralise in personal data.
    #[error(
        "the operator `neutralise` does nothing for {entity}; it is for CHAT_CONTROL and INVISIBLE_TEXT, write another"
    )]
    Neutralise {
        /// The entity.
        entity: Entity,
    },
    /// A threshold is compared with a confidence.
    #[error("the threshold of {entity} is not a confidence; write a number from 0 to 1")]
    Threshold {
        /// The entity.
        entity: Entity,
    },
    /// A denied text that is everywhere, or too long to look for.
    #[error("entry {position} of the deny list cannot be looked for; write 2 to 256 bytes")]
    DeniedText {
        /// Its place in the list, counted from 1.
        position: usize,
    },
    /// The deny list could not be compiled into a searcher.
    #[error("the deny list could not be compiled; use fewer or shorter texts")]
    DeniedTexts {
        /// What the searcher says.
        #[source]
        source: Box<aho_corasick::BuildError>,
    },
    /// A preset that does not exist.
    #[error("unknown preset `{name}`; write one of {}", crate::Preset::names().join(", "))]
    UnknownPreset {
        /// The name as written.
        name: String,
    },
    /// An encrypted value that this key does not open.
    #[error(
        "the encrypted value at byte {at} cannot be opened; it needs the key it was written with, and all its letters"
    )]
    Decryption {
        /// Where in the encrypted text its placeholder starts.
        at: usize,
    },
}

fn listed(skipped: &[String]) -> String {
    skipped.iter().flat_map(|skipped| ["; ", skipped]).collect()
}

fn labels() -> String {
    Entity::ALL.map(Entity::as_str).join(", ")
}
