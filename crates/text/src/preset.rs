//! Named policies: what published corpora and rules ask for, as data.
//!
//! A preset says which entities are looked for, what happens to them, how sure a finding must be, and when a document
//! goes. It takes after what it is named for; except for `fineweb` it does not reproduce its spans, because those come
//! from other patterns than ours. What a user writes beside a preset takes its place, key by key.

use crate::{Entity, Error, Operator, Policy, Recognizer, RulePack, recognizers};

/// A named set of entities, operators and thresholds.
#[derive(Debug, PartialEq)]
pub struct Preset {
    /// The name, such as `strict`.
    pub name: &'static str,
    /// What is looked for.
    pub entities: &'static [Entity],
    /// What is looked for besides, by the names of [`RulePack::built_in`].
    pub packs: &'static [&'static str],
    /// What happens to a finding.
    pub operator: Operator,
    /// Exceptions by entity.
    pub operators: &'static [(Entity, Operator)],
    /// How sure a finding of an entity must be to be replaced; any finding of the others is.
    pub thresholds: &'static [(Entity, f32)],
    /// Documents with more findings go.
    pub drop_above: Option<usize>,
    /// What it takes after, and in what it differs.
    pub source: &'static str,
}

use Entity::{CreditCard, Email, Iban, Ipv4, Ipv6, Phone, Secret, UrlCredentials, UsSsn};

const HIPAA: &[Entity] = &[
    Entity::Url,
    Entity::Uuid,
    Entity::Date,
    Entity::AgeOver89,
    Entity::Postcode,
    Email,
    Entity::EmailObfuscated,
    Phone,
    Ipv4,
    Ipv6,
    Entity::MacAddress,
    Entity::Imei,
    Entity::Vin,
    Entity::LicencePlate,
    Entity::Coordinates,
    CreditCard,
    Iban,
    Entity::BankAccount,
    Entity::UsRouting,
    UsSsn,
    Entity::UsItin,
    Entity::UsPassport,
    Entity::UsDriverLicense,
    Entity::UsMbi,
    Entity::MedicalRecord,
    Entity::DateOfBirth,
    UrlCredentials,
    Secret,
    Entity::Custom,
];

const PRESETS: &[Preset] = &[
    Preset {
        name: "default",
        entities: &Entity::DEFAULT,
        packs: &[],
        operator: Operator::Tag,
        operators: &[],
        thresholds: &[],
        drop_above: None,
        source: "every entity that needs no asking for, tagged: what no preset does as well",
    },
    Preset {
        name: "strict",
        entities: &Entity::ALL,
        packs: &[],
        operator: Operator::Redact,
        operators: &[(Secret, Operator::Drop), (UrlCredentials, Operator::Drop)],
        thresholds: &[],
        drop_above: Some(20),
        source: "every entity, those that must be asked for included, and not even its kind is left; a document with a secret or more than 20 findings goes",
    },
    Preset {
        name: "fineweb",
        entities: &[],
        packs: &["fineweb"],
        operator: Operator::Tag,
        operators: &[],
        thresholds: &[],
        drop_above: None,
        source: "FineWeb (Penedo et al. 2024) by datatrove's PIIFormatter: e-mail addresses and public IPv4 addresses, exactly \
                 its spans (a fixture recorded with version 0.10.1 says so), replaced with a tag instead of a fixed address",
    },
    Preset {
        name: "dolma",
        entities: &[Email, Phone, Ipv4],
        packs: &[],
        operator: Operator::Tag,
        operators: &[],
        thresholds: &[(Phone, 0.6)],
        drop_above: Some(5),
        source: "Dolma 1.5 (Soldaini et al. 2024): e-mail addresses, telephone numbers and IPv4 addresses are masked in \
                 documents with up to five of them, others go; here telephone numbers of all countries count, not of the \
                 United States alone",
    },
    Preset {
        name: "bigcode",
        entities: &[Entity::Username, Email, Ipv4, Ipv6, UrlCredentials, Secret],
        packs: &[],
        operator: Operator::Tag,
        operators: &[],
        thresholds: &[],
        drop_above: None,
        source: "BigCode's StarCoder data (Li et al. 2023): e-mail and IP addresses, keys, passwords and \
                 user names, replaced; here without names, which no rule of ours finds",
    },
    Preset {
        name: "hipaa18",
        entities: HIPAA,
        packs: &[],
        operator: Operator::Redact,
        operators: &[],
        thresholds: &[],
        drop_above: None,
        source: "45 CFR 164.514(b)(2), the eighteen identifiers that a record must lose, as far as rules find them: \
                 telephone and fax numbers, e-mail addresses, social security, record, plan and account numbers, licences, \
                 vehicles, devices, URLs, IP addresses, postcodes, dates and ages above 89, and whatever custom rules \
                 describe. Not names, places, fingerprints or photographs: text scrubbed with it does not meet the rule by \
                 itself",
    },
    Preset {
        name: "secrets-only",
        entities: &[UrlCredentials, Secret],
        packs: &[],
        operator: Operator::Tag,
        operators: &[],
        thresholds: &[],
        drop_above: None,
        source: "keys, tokens and passwords alone, for source code whose authors are named on purpose",
    },
];

impl Preset {
    /// Every preset.
    pub const ALL: &'static [Self] = PRESETS;

    /// Its policy, which needs no key.
    pub fn policy(&self) -> Policy {
        let policy = self.operators.iter().fold(Policy::new(self.operator), |policy, (e, o)| policy.with(*e, *o));
        let policy =
            self.thresholds.iter().fold(policy, |policy, (entity, least)| policy.with_threshold(*entity, *least));
        match self.drop_above {
            Some(most) => policy.with_drop_above(most),
            None => policy,
        }
    }

    /// What finds what it looks for.
    pub fn recognizers(&self) -> Vec<Box<dyn Recognizer>> {
        let packs = self.packs.iter().filter_map(|name| RulePack::built_in(name));
        recognizers(self.entities).into_iter().chain(packs.map(|pack| pack.recognizer())).collect()
    }

    /// Their names, in order.
    pub fn names() -> Vec<&'static str> {
        PRESETS.iter().map(|preset| preset.name).collect()
    }

    /// The preset of this name.
    pub fn of(name: &str) -> Result<&'static Self, Error> {
        let found = PRESETS.iter().find(|preset| preset.name == name);
        found.ok_or_else(|| Error::UnknownPreset { name: name.to_owned() })
    }
}
