//! What to do with each finding: an operator per entity, what it takes for it to be applied, and the keys.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::decode::Encodings;
use crate::lists::Allowed;
use crate::{Encoding, Entity, Error, Finding, Scope};

/// What replaces a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Operator {
    /// Leaves the text as it is; the finding is still counted.
    Keep,
    /// Writes the entity: `<EMAIL>`. Tells a model what kind of thing stood there.
    Tag,
    /// Writes `<REDACTED>`, which hides the kind as well.
    Redact,
    /// Keeps length and shape: letters become `x` or `X`, digits `0`, everything else stays. `xx@xxxxxxx.xxx`
    Mask,
    /// Writes the entity and a keyed hash of the value: `<EMAIL:bgohkadnljfcpiem>`. Equal values get equal hashes
    /// within a [`Scope`].
    ///
    /// Keyed BLAKE3 with the entity as its domain, 64 bits, written with the letters a–p (one per 4 bits) so that no
    /// part of it can pass for a number. Formatting is removed first, so `DE89 3704…` and `DE893704…` agree.
    Hash,
    /// Writes a value of the same kind that can be nobody's: `trsmkwbvzq@example.org`, `(417) 555-0128`.
    ///
    /// Drawn with the key of [`Operator::Hash`] from ranges that are reserved or invalid by design (the crate's
    /// `surrogate` modules list them with their sources). Equal values get equal surrogates within a [`Scope`];
    /// different values get different ones as far as the range goes: it is 762 addresses for all of IPv4. A value that
    /// lies in its range already stays as it is, so that scrubbing twice changes nothing more.
    Surrogate,
    /// Writes the value encrypted: `<EMAIL:…>` with 58 or more letters a–p. [`crate::decrypt`] reads it back.
    ///
    /// AES-256-GCM-SIV under a key of its own. The same value is encrypted differently at every place, so nothing links
    /// them; the length shows. Whoever holds the key holds the values: this is pseudonymous data, and no less personal.
    Encrypt,
    /// Removes the whole document: see [`Policy::drops`]. Where only the text is rewritten, it writes a tag.
    Drop,
    /// For what only models read ([`Entity::is_for_models`]): takes invisible characters out, and puts a space behind
    /// the first character of a control token, so that no tokenizer takes it for one. `<|im_start|>` becomes
    /// `< |im_start|>`.
    ///
    /// What happens to these entities unless an exception of their own says otherwise, or everything is kept.
    Neutralise,
}

/// An operator for every entity.
///
/// Whoever holds the key can test a guess against a hash or a surrogate, and equal ones link records; keep the keys out
/// of the output folder.
#[derive(Clone, PartialEq)]
pub struct Policy {
    default: Operator,
    exceptions: BTreeMap<Entity, Operator>,
    thresholds: BTreeMap<Entity, f32>,
    drop_above: Option<usize>,
    allowed: Allowed,
    decode: Encodings,
    scope: Scope,
    key: Option<[u8; 32]>,
    encrypt_key: Option<[u8; 32]>,
}

impl Policy {
    /// The same operator for every entity.
    pub const fn new(default: Operator) -> Self {
        Self {
            default,
            exceptions: BTreeMap::new(),
            thresholds: BTreeMap::new(),
            drop_above: None,
            allowed: Allowed::new(),
            decode: Encodings::none(),
            scope: Scope::Corpus,
            key: None,
            encrypt_key: None,
        }
    }

    /// Another operator for one entity.
    #[must_use]
    pub fn with(mut self, entity: Entity, operator: Operator) -> Self {
        self.exceptions.insert(entity, operator);
        self
    }

    /// The key of [`Operator::Hash`] and [`Operator::Surrogate`].
    #[must_use]
    pub const fn with_key(mut self, key: [u8; 32]) -> Self {
        self.key = Some(key);
        self
    }

    /// The key of [`Operator::Encrypt`]; another one than that of the hashes, so that either can be destroyed alone.
    #[must_use]
    pub const fn with_encrypt_key(mut self, key: [u8; 32]) -> Self {
        self.encrypt_key = Some(key);
        self
    }

    /// How far equal values get equal hashes and surrogates; [`Scope::Corpus`] if never called.
    #[must_use]
    pub const fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Findings of `entity` below this confidence (0 to 1) are found and counted, and the text is left as it is.
    ///
    /// Where findings overlap, [`crate::scrub`] lets none of them hide another that is sure enough.
    #[must_use]
    pub fn with_threshold(mut self, entity: Entity, confidence: f32) -> Self {
        self.thresholds.insert(entity, confidence);
        self
    }

    /// Drops a document with more findings than this; see [`Policy::drops`].
    #[must_use]
    pub const fn with_drop_above(mut self, findings: usize) -> Self {
        self.drop_above = Some(findings);
        self
    }

    /// Values that are no findings: each is compared without formatting, so `+1 212 555 0143` allows `+1-212-555-0143`.
    ///
    /// Replaces what an earlier call allowed.
    #[must_use]
    pub fn with_allowed(mut self, values: &[String]) -> Self {
        self.allowed = Allowed::of(values);
        self
    }

    /// Looks into what these encodings hide as well; [`crate::scrub`] does, and [`crate::scan`] does not. See [`Encoding`].
    #[must_use]
    pub fn with_decode(mut self, encodings: &[Encoding]) -> Self {
        self.decode = Encodings::of(encodings);
        self
    }

    /// What happens to findings of `entity`: its exception, or the default, but [`Operator::Neutralise`] in place of
    /// any default that changes the text for an entity that is no personal data.
    pub fn operator(&self, entity: Entity) -> Operator {
        let default = match self.default {
            Operator::Keep => Operator::Keep,
            _ if entity.is_for_models() => Operator::Neutralise,
            default => default,
        };
        self.exceptions.get(&entity).copied().unwrap_or(default)
    }

    /// What happens to this finding: [`Operator::Keep`] when it is below its entity's threshold.
    pub fn operator_for(&self, finding: &Finding) -> Operator {
        if self.below_threshold(finding) { Operator::Keep } else { self.operator(finding.entity) }
    }

    pub(crate) fn below_threshold(&self, finding: &Finding) -> bool {
        self.thresholds.get(&finding.entity).is_some_and(|threshold| finding.confidence < *threshold)
    }

    /// Whether a document with these findings is to be removed as a whole.
    ///
    /// It is when one finding's operator is [`Operator::Drop`], or when there are more than [`Policy::with_drop_above`]
    /// allows. Findings that are kept, neutralised, or below their threshold, do not count.
    ///
    /// Stability stays 1 per record: whether a document goes is decided by that document alone, under a policy that was
    /// fixed before any was read. So two corpora that differ in one document differ, after this, in at most one.
    pub fn drops(&self, findings: &[Finding]) -> bool {
        let counts = |operator: &Operator| !matches!(operator, Operator::Keep | Operator::Neutralise);
        let applied = findings.iter().map(|finding| self.operator_for(finding)).filter(counts);
        let (mut count, mut drop) = (0, false);
        for operator in applied {
            count += 1;
            drop |= operator == Operator::Drop;
        }
        drop || self.drop_above.is_some_and(|most| count > most)
    }

    /// Whether any finding can remove a document.
    pub fn may_drop(&self) -> bool {
        self.drop_above.is_some() || self.uses(Operator::Drop)
    }

    /// Refuses what cannot be done: an operator without its key, a threshold that is no confidence. Call it once before
    /// a run.
    ///
    /// [`crate::apply`] writes a tag where it needs a key and has none, so that a forgotten check leaks nothing.
    pub fn validate(&self) -> Result<(), Error> {
        for entity in Entity::ALL {
            let operator = self.operator(entity);
            match operator {
                Operator::Hash | Operator::Surrogate if self.key.is_none() => {
                    return Err(Error::HashKeyMissing { entity, operator: operator.as_str() });
                }
                Operator::Encrypt if self.encrypt_key.is_none() => return Err(Error::EncryptKeyMissing { entity }),
                Operator::Neutralise if !entity.is_for_models() => return Err(Error::Neutralise { entity }),
                _ => {}
            }
        }
        match self.thresholds.iter().find(|(_, threshold)| !(0.0..=1.0).contains(*threshold)) {
            Some((&entity, _)) => Err(Error::Threshold { entity }),
            None => Ok(()),
        }
    }

    /// A hash of everything that can change an output byte, 64 hexadecimal digits; keys only as their own hashes.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("privet policy");
        let mut field = |value: &[u8]| {
            hasher.update(&(value.len() as u64).to_le_bytes()).update(value);
        };
        for entity in Entity::ALL {
            field(entity.as_str().as_bytes());
            field(self.operator(entity).as_str().as_bytes());
            field(
                self.thresholds.get(&entity).map(|threshold| threshold.to_le_bytes()).as_ref().map_or(&[], |t| &t[..]),
            );
        }
        field(self.scope.as_str().as_bytes());
        field(self.drop_above.map(|most| (most as u64).to_le_bytes()).as_ref().map_or(&[], |most| &most[..]));
        for key in [self.key, self.encrypt_key] {
            field(key.map(|key| blake3::derive_key("privet key's name", &key)).as_ref().map_or(&[], |name| &name[..]));
        }
        for value in self.allowed.values() {
            field(value.as_bytes());
        }
        for encoding in Encoding::ALL.iter().filter(|encoding| self.decode.holds(**encoding)) {
            field(b"decode");
            field(encoding.as_str().as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    pub(crate) fn uses(&self, operator: Operator) -> bool {
        self.default == operator || self.exceptions.values().any(|other| *other == operator)
    }

    pub(crate) fn has_thresholds(&self) -> bool {
        !self.thresholds.is_empty()
    }

    pub(crate) const fn encodings(&self) -> Encodings {
        self.decode
    }

    pub(crate) const fn allowed(&self) -> &Allowed {
        &self.allowed
    }

    /// How far equal values get equal hashes and surrogates.
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    pub(crate) const fn key(&self) -> Option<&[u8; 32]> {
        self.key.as_ref()
    }

    pub(crate) const fn encrypt_key(&self) -> Option<&[u8; 32]> {
        self.encrypt_key.as_ref()
    }
}

impl Operator {
    /// Every operator.
    pub const ALL: [Self; 9] = [
        Self::Keep,
        Self::Tag,
        Self::Redact,
        Self::Mask,
        Self::Hash,
        Self::Surrogate,
        Self::Encrypt,
        Self::Drop,
        Self::Neutralise,
    ];

    /// Whether what it writes is text like any other, which can meet its neighbours.
    pub(crate) const fn is_soft(self) -> bool {
        matches!(self, Self::Surrogate | Self::Neutralise)
    }

    /// The name used in configurations and files, such as `surrogate`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Tag => "tag",
            Self::Redact => "redact",
            Self::Mask => "mask",
            Self::Hash => "hash",
            Self::Surrogate => "surrogate",
            Self::Encrypt => "encrypt",
            Self::Drop => "drop",
            Self::Neutralise => "neutralise",
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Policy")
            .field("default", &self.default)
            .field("exceptions", &self.exceptions)
            .field("thresholds", &self.thresholds)
            .field("drop_above", &self.drop_above)
            .field("allowed", &self.allowed.len())
            .field("decode", &self.decode)
            .field("scope", &self.scope)
            .field("key", &self.key.map(|_| "[redacted]"))
            .field("encrypt_key", &self.encrypt_key.map(|_| "[redacted]"))
            .finish()
    }
}
