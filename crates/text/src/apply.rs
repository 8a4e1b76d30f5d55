//! Rewrites a text by its findings and a policy, and touches nothing outside their spans.

use std::ops::Range;

use crate::chat_control::neutralised;
use crate::decode::decoded_value;
use crate::encrypt::Sealer;
use crate::invisible::is_unseen;
use crate::normal::canonical;
use crate::placeholder::{REDACTED, letters};
use crate::scope::Keys;
use crate::surrogate::surrogate;
use crate::{Context, Encoding, Entity, Finding, Operator, Policy, resolve};

/// Bytes of a keyed hash that are written.
const HASH_BYTES: usize = 8;

/// Rewrites every finding of `text` by the operator that `policy` gives it: [`apply_in`] without a context.
///
/// # Panics
/// As [`apply_in`].
pub fn apply(text: &str, findings: &[Finding], policy: &Policy) -> String {
    apply_in(text, findings, policy, &Context::default())
}

/// Rewrites every finding of `text` by the operator that `policy` gives it.
///
/// Findings as [`crate::scan`] returns them; a list that is unsorted or overlaps is resolved first. An operator without
/// its key writes a tag: see [`Policy::validate`]. What stands beside a surrogate can make it look like something else;
/// [`crate::scrub`] looks again and puts a tag there.
///
/// # Panics
/// When a span lies outside the text or cuts a character: the findings are of another text. The message holds no text.
pub fn apply_in(text: &str, findings: &[Finding], policy: &Policy, context: &Context<'_>) -> String {
    if !findings.is_sorted_by(|a, b| a.span.end <= b.span.start) {
        return apply_in(text, &resolve(findings.to_vec()), policy, context);
    }
    rewrite(text, findings, &operators_of(findings, policy), policy, context).text
}

/// A rewritten text, and where in it each finding's replacement lies.
pub(crate) struct Rewritten {
    pub(crate) text: String,
    pub(crate) places: Vec<Range<usize>>,
}

/// What happens to each finding.
pub(crate) fn operators_of(findings: &[Finding], policy: &Policy) -> Vec<Operator> {
    findings.iter().map(|finding| policy.operator_for(finding)).collect()
}

/// Rewrites sorted, disjoint findings, each by its operator.
pub(crate) fn rewrite(
    text: &str,
    findings: &[Finding],
    operators: &[Operator],
    policy: &Policy,
    context: &Context<'_>,
) -> Rewritten {
    let writer = Writer {
        hash: policy.key().map(|key| Keys::new(key, policy.scope(), text, context)),
        encrypt: policy.encrypt_key().map(|key| Sealer::new(key, text)),
        text,
    };
    let mut rewritten =
        Rewritten { text: String::with_capacity(text.len()), places: Vec::with_capacity(findings.len()) };
    let mut copied = 0;
    for (finding, &operator) in findings.iter().zip(operators) {
        let span = &finding.span;
        assert!(
            span.start <= span.end && text.is_char_boundary(span.start) && text.is_char_boundary(span.end),
            "a finding at bytes {}..{} does not fit a text of {} bytes",
            span.start,
            span.end,
            text.len()
        );
        rewritten.text.push_str(&text[copied..span.start]);
        let start = rewritten.text.len();
        writer.replace(finding, operator, &mut rewritten.text);
        rewritten.places.push(start..rewritten.text.len());
        copied = span.end;
    }
    rewritten.text.push_str(&text[copied..]);
    rewritten
}

/// The keys of one text.
struct Writer<'a> {
    text: &'a str,
    hash: Option<Keys<'a>>,
    encrypt: Option<Sealer<'a>>,
}

impl Writer<'_> {
    fn replace(&self, finding: &Finding, operator: Operator, out: &mut String) {
        let Finding { entity, span, rule, .. } = finding;
        let value = &self.text[span.clone()];
        match (rule.encoding(), operator) {
            // A placeholder that is to be read back stands as it is.
            (None, _) | (_, Operator::Keep | Operator::Encrypt) => self.write(value, *entity, span, operator, out),
            (Some(Encoding::Base64), Operator::Surrogate | Operator::Neutralise | Operator::Mask) => {
                write(out, &["<", entity.as_str(), ">"]);
            }
            (Some(encoding), _) => {
                let mut written = String::new();
                self.write(&decoded_value(value, encoding), *entity, span, operator, &mut written);
                encoding.encode(&written, out);
            }
        }
    }

    /// What replaces a value of the text at `span`.
    fn write(&self, value: &str, entity: Entity, span: &Range<usize>, operator: Operator, out: &mut String) {
        match (operator, &self.hash, &self.encrypt) {
            (Operator::Keep, ..) => out.push_str(value),
            (Operator::Mask, ..) => out.extend(value.chars().map(masked)),
            (Operator::Redact, ..) => write(out, &["<", REDACTED, ">"]),
            (Operator::Hash, Some(keys), _) => {
                write(out, &["<", entity.as_str(), ":", &hashed(value, entity, &keys.at(span.start)), ">"]);
            }
            (Operator::Surrogate, Some(keys), _) => out.push_str(&surrogate(value, entity, || keys.at(span.start))),
            (Operator::Encrypt, _, Some(sealer)) => sealer.seal(span, entity, out),
            (Operator::Neutralise, ..) if entity == Entity::ChatControl => out.push_str(&neutralised(value)),
            (Operator::Neutralise, ..) if entity == Entity::InvisibleText => {
                out.extend(value.chars().filter(|&character| !is_unseen(character)));
            }
            _ => {
                write(out, &["<", entity.as_str(), ">"]);
            }
        }
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
    letters(&hasher.finalize().as_bytes()[..HASH_BYTES])
}
