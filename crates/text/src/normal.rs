//! One spelling for values that differ only in formatting, so that they share a hash, a surrogate and an allow list.

use std::net::Ipv6Addr;

use crate::Entity;
use crate::shadow::folded;

/// What is formatting in a value, by kind of entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Normal {
    Lowercase,
    /// Letters stay: an extension is part of the number.
    Phone,
    Digits,
    Ipv6,
    Verbatim,
    /// Letters and digits, in upper case: account numbers and national identifiers.
    Alphanumeric,
}

impl Normal {
    pub(crate) const ALL: [Self; 6] =
        [Self::Lowercase, Self::Phone, Self::Digits, Self::Ipv6, Self::Verbatim, Self::Alphanumeric];

    pub(crate) const fn of(entity: Entity) -> Self {
        match entity {
            Entity::Email => Self::Lowercase,
            Entity::Phone => Self::Phone,
            Entity::CreditCard | Entity::UsSsn => Self::Digits,
            Entity::Ipv6 => Self::Ipv6,
            // Of these every character counts, and its case.
            Entity::Url
            | Entity::CryptoBtc
            | Entity::CryptoOther
            | Entity::Ipv4
            | Entity::UrlCredentials
            | Entity::Secret
            | Entity::Custom => Self::Verbatim,
            _ => Self::Alphanumeric,
        }
    }

    /// The normal form of what is seen of a value.
    pub(crate) fn apply(self, value: &str) -> String {
        let value = &*folded(value);
        match self {
            Self::Lowercase => value.to_lowercase(),
            Self::Phone => value.chars().filter(|&c| c.is_ascii_alphanumeric() || c == '+').collect(),
            Self::Digits => value.chars().filter(char::is_ascii_digit).collect(),
            Self::Ipv6 => value.parse::<Ipv6Addr>().map_or_else(|_| value.to_owned(), |address| address.to_string()),
            Self::Verbatim => value.to_owned(),
            Self::Alphanumeric => {
                value.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase()
            }
        }
    }
}

pub(crate) fn canonical(value: &str, entity: Entity) -> String {
    Normal::of(entity).apply(value)
}
