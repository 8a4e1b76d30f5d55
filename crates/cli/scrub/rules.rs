//! From what a user writes about findings, in `[scrub]` or on the command line, to recognizers and a policy: the
//! preset first, and whatever is written beside it in its place, key by key.

use std::path::{Path, PathBuf};

use privet_text::{
    Context, CustomRule, Entity, Finding, Operator, Policy, Recognizer, RulePack, Scope, denied, recognizers,
};

use crate::config::Scrub;
use crate::failure::{Exit, Failure};

/// Where the user names what may be missing.
pub(super) struct Names {
    pub(super) hash_key: &'static str,
    pub(super) encrypt_key: &'static str,
    pub(super) unit: &'static str,
}

/// What is looked for, and what happens to it.
pub(super) struct Rules {
    pub(super) entities: Vec<Entity>,
    pub(super) deny: Vec<String>,
    pub(super) policy: Policy,
}

/// The rules of a `[scrub]`. `unit_column` says whose a row is, if anything does.
pub(super) fn rules(scrub: &Scrub, names: &Names, unit_column: Option<&str>) -> Result<Rules, Failure> {
    let (allow, deny) = listed(scrub)?;
    let policy = with_keys(unkeyed(scrub).with_allowed(&allow), scrub, names)?;
    if policy.scope() == Scope::Unit && unit_column.is_none() {
        return Err(Failure::usage("the scope `unit` needs a column that says whose a row is")
            .at(names.unit)
            .why("without it every row would be a unit of its own, which is the scope `document`")
            .help("name the column, or choose the scope `document` or `corpus`"));
    }
    let unusable = |error: privet_text::Error| {
        Failure::usage(error.to_string()).help("every key is explained in configs/README.md")
    };
    policy.validate().map_err(unusable)?;
    denied(&deny).map_err(unusable)?;
    Ok(Rules { entities: scrub.entities(), deny, policy })
}

/// What counts as a finding under a `[scrub]`: entities, own rules, lists and thresholds, and nothing about what replaces
/// one, so no key is asked for.
pub(crate) struct Judge {
    pub(crate) recognizers: Vec<Box<dyn Recognizer>>,
    policy: Policy,
}

impl Judge {
    pub(crate) fn of(scrub: &Scrub) -> Result<Self, Failure> {
        let unusable = |error: privet_text::Error| {
            Failure::usage(error.to_string()).help("every key is explained in configs/README.md")
        };
        let (allow, deny) = listed(scrub)?;
        // Every finding that is sure enough is replaced by something, whatever the operators say of it later.
        let mut policy = Policy::new(Operator::Tag).with_allowed(&allow).with_decode(&scrub.decode);
        for (entity, least) in thresholds(scrub) {
            policy = policy.with_threshold(entity, least);
        }
        policy.validate().map_err(unusable)?;
        let mut recognizers = recognizers(&scrub.entities());
        for rule in custom(scrub) {
            recognizers.push(rule.compile().map_err(unusable)?);
        }
        if !deny.is_empty() {
            recognizers.push(denied(&deny).map_err(unusable)?);
        }
        recognizers.extend(super::packs(&scrub.rule_packs())?.iter().map(RulePack::recognizer));
        Ok(Self { recognizers, policy })
    }

    /// Findings that are not allowed and sure enough.
    pub(crate) fn findings(&self, text: &str) -> Vec<Finding> {
        let mut findings = privet_text::scrub(&self.recognizers, text, &self.policy, &Context::default()).findings;
        findings.retain(|finding| self.policy.operator_for(finding) != Operator::Keep);
        findings
    }
}

/// Allowed and denied values, from the lists and from their files.
fn listed(scrub: &Scrub) -> Result<(Vec<String>, Vec<String>), Failure> {
    let allow = [scrub.allow.clone(), lines(scrub.allow_file.as_deref())?].concat();
    let deny = [scrub.deny.clone(), lines(scrub.deny_file.as_deref())?].concat();
    Ok((allow, deny))
}

/// The preset's, and then those that are written.
fn thresholds(scrub: &Scrub) -> impl Iterator<Item = (Entity, f32)> {
    let preset = scrub.preset.iter().flat_map(|preset| preset.thresholds.iter().copied());
    preset.chain(scrub.thresholds.iter().map(|(entity, least)| (*entity, *least)))
}

/// The rules that the user wrote, and one for the control tokens that the user named.
pub(super) fn custom(scrub: &Scrub) -> Vec<CustomRule> {
    let tokens = (!scrub.chat_control.is_empty())
        .then(|| CustomRule::of_texts("chat-control", &scrub.chat_control, Entity::ChatControl));
    scrub.custom.iter().cloned().chain(tokens).collect()
}

fn unkeyed(scrub: &Scrub) -> Policy {
    let preset = scrub.preset;
    let operator = scrub.operator.or_else(|| preset.map(|preset| preset.operator)).unwrap_or(Operator::Tag);
    let mut policy = Policy::new(operator).with_scope(scrub.scope).with_decode(&scrub.decode);
    let operators = preset.iter().flat_map(|preset| preset.operators.iter().copied());
    for (entity, operator) in operators.chain(scrub.operators.iter().map(|(entity, operator)| (*entity, *operator))) {
        policy = policy.with(entity, operator);
    }
    for (entity, least) in thresholds(scrub) {
        policy = policy.with_threshold(entity, least);
    }
    match scrub.drop_above.or_else(|| preset.and_then(|preset| preset.drop_above)) {
        Some(most) => policy.with_drop_above(most),
        None => policy,
    }
}

fn with_keys(mut policy: Policy, scrub: &Scrub, names: &Names) -> Result<Policy, Failure> {
    let first = |wanted: &[Operator]| {
        let operators = Entity::ALL.into_iter().map(|entity| policy.operator(entity));
        operators.into_iter().find(|operator| wanted.contains(operator))
    };
    let (hashes, encrypts) = (first(&[Operator::Hash, Operator::Surrogate]), first(&[Operator::Encrypt]));
    match (scrub.hash_key_file.as_deref(), hashes) {
        (Some(file), _) => policy = policy.with_key(key(file)?),
        (None, Some(operator)) => {
            return Err(Failure::usage(format!("the operator `{}` needs a key", operator.as_str()))
                .at(names.hash_key)
                .why("without a key, anyone could try every phone number and look the results up")
                .help("name a file with 32 secret bytes, made once with `head -c 32 /dev/urandom > hash.key`"));
        }
        (None, None) => {}
    }
    match (scrub.encrypt_key_file.as_deref(), encrypts) {
        (Some(file), _) => policy = policy.with_encrypt_key(key(file)?),
        (None, Some(_)) => {
            return Err(Failure::usage("the operator `encrypt` needs a key of its own")
                .at(names.encrypt_key)
                .why("whoever holds it can read every value back, which no holder of the hash key can")
                .help("name a file with 32 secret bytes, made once with `head -c 32 /dev/urandom > encrypt.key`"));
        }
        (None, None) => {}
    }
    Ok(policy)
}

/// A key of 32 bytes, as they are or as 64 hexadecimal digits.
pub(crate) fn key(file: &Path) -> Result<[u8; 32], Failure> {
    let place = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|error| unreadable("the key file cannot be read", file, &error))?;
    if let Ok(key) = bytes.as_slice().try_into() {
        return Ok(key);
    }
    let digits = bytes.trim_ascii();
    let pairs = digits.chunks(2).map(|pair| {
        let text = std::str::from_utf8(pair).ok().filter(|text| text.len() == 2)?;
        u8::from_str_radix(text, 16).ok()
    });
    let key: Option<Vec<u8>> = pairs.collect();
    key.and_then(|key| key.try_into().ok()).ok_or_else(|| {
        Failure::usage("the key file does not hold a key")
            .at(place)
            .why("a key is 32 bytes, or 64 hexadecimal digits")
            .help("make one with `head -c 32 /dev/urandom > hash.key`, and keep it like a password")
    })
}

/// The lines of a list, without the spaces around them and without empty ones.
fn lines(file: Option<&Path>) -> Result<Vec<String>, Failure> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let text = std::fs::read_to_string(file).map_err(|error| unreadable("the list cannot be read", file, &error))?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

fn unreadable(what: &str, file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Input, what).at(file.display().to_string()).why(error.to_string()).help("check the path")
}

/// A `[scrub]` with nothing in it, for arguments to be laid into.
pub(crate) fn empty() -> Scrub {
    Scrub {
        preset: None,
        entities: None,
        operator: None,
        operators: std::collections::BTreeMap::new(),
        thresholds: std::collections::BTreeMap::new(),
        drop_above: None,
        scope: Scope::default(),
        hash_key_file: None::<PathBuf>,
        encrypt_key_file: None,
        allow: Vec::new(),
        allow_file: None,
        deny: Vec::new(),
        deny_file: None,
        decode: Vec::new(),
        chat_control: Vec::new(),
        on_error: crate::config::OnError::default(),
        custom: Vec::new(),
        rule_packs: Vec::new(),
        jobs: 0,
        memory: None,
        max_changed: None,
    }
}
