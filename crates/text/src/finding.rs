//! One hit of a recognizer: where, what, how sure, and by which rule. Never the text itself, so a finding can be
//! written to a file, a log or a panic message without repeating what it found.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::{Encoding, Entity};

/// One hit: a half-open range of bytes, on character boundaries of the scanned text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// What was found.
    pub entity: Entity,
    /// Byte offsets into the scanned text, start included, end excluded.
    pub span: Range<usize>,
    /// How sure the recognizer is, 0 to 1. An ordering, not a probability.
    pub confidence: f32,
    /// Which rule fired, such as `email` or `secret:github-token`.
    pub rule: Rule,
}

/// The name of the rule that produced a finding. Cheap to clone.
#[derive(Clone)]
pub struct Rule {
    name: Name,
    /// What was found is written in this encoding.
    encoding: Option<Encoding>,
}

#[derive(Clone)]
enum Name {
    BuiltIn(&'static str),
    Custom(Arc<str>),
}

impl Rule {
    pub(crate) const fn built_in(name: &'static str) -> Self {
        Self { name: Name::BuiltIn(name), encoding: None }
    }

    pub(crate) fn custom(name: &str) -> Self {
        Self::named(format!("custom:{name}"))
    }

    pub(crate) fn secret(id: &str) -> Self {
        Self::named(format!("secret:{id}"))
    }

    pub(crate) fn pack(id: &str) -> Self {
        Self::named(format!("pack:{id}"))
    }

    fn named(name: String) -> Self {
        Self { name: Name::Custom(name.into()), encoding: None }
    }

    /// The same rule inside an encoding: `email in percent`.
    pub(crate) fn within(&self, encoding: Encoding) -> Self {
        let name = format!("{self} in {}", encoding.as_str());
        Self { encoding: Some(encoding), ..Self::named(name) }
    }

    pub(crate) const fn encoding(&self) -> Option<Encoding> {
        self.encoding
    }

    /// The name, such as `ipv4`, `custom:staff-number` or `email in base64`.
    pub fn as_str(&self) -> &str {
        match &self.name {
            Name::BuiltIn(name) => name,
            Name::Custom(name) => name,
        }
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Rule {}

impl PartialOrd for Rule {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rule {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.as_str())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
