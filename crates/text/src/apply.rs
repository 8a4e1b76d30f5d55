//! Rewrites a text by its findings and a policy, and touches nothing outside their spans.

use std::net::Ipv6Addr;

use crate::placeholder::{HASH_LETTERS, REDACTED};
use crate::{Entity, Finding, Operator, Policy, resolve};

/// Rewrites every finding of `text` by the operator that `policy` gives its entity.
///
/// Findings as [`crate::scan`] returns them; a list that is unsorted or overlaps is resolved first. `Hash` without a
/// key writes a tag: see [`Policy::validate`].
///
/// # Panics
/// When a span lies outside the text or cuts a character: the findings are of another text. The message holds no text.
pub fn apply(text: &str, findings: &[Finding], policy: &Policy) -> String {
    if !findings.is_sorted_by(|a, b| a.span.end <= b.span.start) {
        return apply(text, &resolve(findings.to_vec()), policy);
    }
    let mut rewritten = String::with_capacity(text.len());
    let mut copied = 0;
    for Finding { entity, span, .. } in findings {
        assert!(
            span.start <= span.end && text.is_char_boundary(span.start) && text.is_char_boundary(span.end),
            "a finding at bytes {}..{} does not fit a text of {} bytes",
            span.start,
            span.end,
            text.len()
        );
        rewritten.push_str(&text[copied..span.start]);
        replace(&text[span.clone()], *entity, policy, &mut rewritten);
        copied = span.end;
    }
    rewritten.push_str(&text[copied..]);
    rewritten
}

fn replace(value: &str, entity: Entity, policy: &Policy, out: &mut String) {
    match (policy.operator(entity), policy.key()) {
        (Operator::Keep, _) => out.push_str(value),
        (Operator::Mask, _) => out.extend(value.chars().map(masked)),
        (Operator::Redact, _) => write(out, &["<", REDACTED, ">"]),
        (Operator::Hash, Some(key)) => write(out, &["<", entity.as_str(), ":", &hashed(value, entity, key), ">"]),
        (Operator::Tag | Operator::Hash, _) => write(out, &["<", entity.as_str(), ">"]),
    }
}

fn write(out: &mut String, parts: &[&str]) {
    out.extend(parts.iter().copied());
}

fn masked(character: char) -> char {
    match character {
        _ if character.is_numeric() => '0',
        _ if character.is_uppercase() => 'X',
        _ if character.is_alphabetic() => 'x',
        _ => character,
    }
}

fn hashed(value: &str, entity: Entity, key: &[u8; 32]) -> String {
    let mut hasher = blake3::Hasher::new_keyed(key);
    // The zero byte ends the domain: no label contains one, so no two (entity, value) pairs share an input.
    hasher.update(entity.as_str().as_bytes()).update(&[0]).update(canonical(value, entity).as_bytes());
    let digest = hasher.finalize();
    digest.as_bytes()[..HASH_LETTERS / 2]
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(b'a' + nibble))
        .collect()
}

/// One spelling for values that differ only in formatting, so that they share a hash.
fn canonical(value: &str, entity: Entity) -> String {
    match entity {
        Entity::Email => value.to_lowercase(),
        Entity::Phone => value.chars().filter(|&c| c.is_ascii_alphanumeric() || c == '+').collect(),
        Entity::CreditCard | Entity::UsSsn => value.chars().filter(char::is_ascii_digit).collect(),
        Entity::Iban => value.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase(),
        Entity::Ipv6 => value.parse::<Ipv6Addr>().map_or_else(|_| value.to_owned(), |address| address.to_string()),
        Entity::Ipv4 | Entity::UrlCredentials | Entity::Secret | Entity::Custom => value.to_owned(),
    }
}
