//! The kinds of personal data that a finding can name.
//!
//! A closed list in one place: the label written into tags, files and reports is [`Entity::as_str`], and it is read
//! back by the same spelling, so a policy written today means the same tomorrow.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;

/// One kind of personal data or secret.
///
/// The order of the variants breaks ties in [`crate::resolve`]: of two equally long, equally confident findings the
/// later variant wins, so a secret beats the e-mail address inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Entity {
    /// An e-mail address, including the example domains of RFC 2606.
    Email,
    /// A telephone number: international, national with separators, or bare digits beside a word such as `tel`.
    Phone,
    /// An IPv4 address that can name a machine: not loopback, unspecified, multicast or reserved.
    Ipv4,
    /// An IPv6 address that can name a machine.
    Ipv6,
    /// A payment card number: Luhn and a known issuer prefix and length.
    CreditCard,
    /// An international bank account number: country length and mod 97.
    Iban,
    /// A United States social security number.
    UsSsn,
    /// The `user:password` part of a URL.
    UrlCredentials,
    /// An API token, a private key, a webhook or an assigned password.
    Secret,
    /// Whatever a [`crate::CustomRule`] describes.
    Custom,
}

impl Entity {
    /// Every entity, in tie order.
    pub const ALL: [Self; 10] = [
        Self::Email,
        Self::Phone,
        Self::Ipv4,
        Self::Ipv6,
        Self::CreditCard,
        Self::Iban,
        Self::UsSsn,
        Self::UrlCredentials,
        Self::Secret,
        Self::Custom,
    ];

    /// The label used in tags, files and policies, such as `CREDIT_CARD`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "EMAIL",
            Self::Phone => "PHONE",
            Self::Ipv4 => "IPV4",
            Self::Ipv6 => "IPV6",
            Self::CreditCard => "CREDIT_CARD",
            Self::Iban => "IBAN",
            Self::UsSsn => "US_SSN",
            Self::UrlCredentials => "URL_CREDENTIALS",
            Self::Secret => "SECRET",
            Self::Custom => "CUSTOM",
        }
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Entity {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|entity| entity.as_str() == name)
            .ok_or_else(|| Error::UnknownEntity { name: name.to_owned() })
    }
}

impl Serialize for Entity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Entity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}
