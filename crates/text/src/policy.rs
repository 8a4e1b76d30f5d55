//! What to do with each finding: an operator per entity, and the key for hashing.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Entity, Error};

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
    /// Writes the entity and a keyed hash of the value: `<EMAIL:bgohkadnljfcpiem>`. Equal values get equal hashes.
    ///
    /// Keyed BLAKE3 with the entity as its domain, 64 bits, written with the letters a–p (one per 4 bits) so that no
    /// part of it can pass for a number. Formatting is removed first, so `DE89 3704…` and `DE893704…` agree.
    Hash,
}

/// An operator for every entity.
///
/// Whoever holds the key can test a guess against a hash, and equal hashes link records; keep the key out of the
/// output folder.
#[derive(Clone, PartialEq, Eq)]
pub struct Policy {
    default: Operator,
    exceptions: BTreeMap<Entity, Operator>,
    key: Option<[u8; 32]>,
}

impl Policy {
    /// The same operator for every entity.
    pub const fn new(default: Operator) -> Self {
        Self { default, exceptions: BTreeMap::new(), key: None }
    }

    /// Another operator for one entity.
    #[must_use]
    pub fn with(mut self, entity: Entity, operator: Operator) -> Self {
        self.exceptions.insert(entity, operator);
        self
    }

    /// The key of [`Operator::Hash`].
    #[must_use]
    pub const fn with_key(mut self, key: [u8; 32]) -> Self {
        self.key = Some(key);
        self
    }

    /// What happens to findings of `entity`.
    pub fn operator(&self, entity: Entity) -> Operator {
        self.exceptions.get(&entity).copied().unwrap_or(self.default)
    }

    /// Refuses a policy that hashes without a key. Call it once before a run.
    ///
    /// [`crate::apply`] writes a tag where it should hash and has no key, so that a forgotten check leaks nothing.
    pub fn validate(&self) -> Result<(), Error> {
        match Entity::ALL.into_iter().find(|&entity| self.operator(entity) == Operator::Hash) {
            Some(entity) if self.key.is_none() => Err(Error::HashKeyMissing { entity }),
            _ => Ok(()),
        }
    }

    pub(crate) const fn key(&self) -> Option<&[u8; 32]> {
        self.key.as_ref()
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Policy")
            .field("default", &self.default)
            .field("exceptions", &self.exceptions)
            .field("key", &self.key.map(|_| "[redacted]"))
            .finish()
    }
}
