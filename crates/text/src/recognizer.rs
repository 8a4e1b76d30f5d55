//! The one trait of the crate and the list of what is built in.
//!
//! A recognizer looks at one text and appends findings; it keeps no state between texts, so any number of threads may
//! share one. [`scan`] runs a list of them, resolves what overlaps, and looks again until nothing new appears.

use crate::identifier::Identifiers;
use crate::{Entity, Finding, Operator, Policy, apply, placeholder, resolve};
use crate::{
    bic, card, email, email_obfuscated, iban, ipv4, ipv6, mrz, phone, secret, ssn, upi, url, url_credentials, username,
};

/// Finds entities of one or more kinds in a text.
///
/// # Invariants
/// Spans are not empty, lie inside the text and on character boundaries; work is linear in the text's length.
pub trait Recognizer: Send + Sync {
    /// What the findings of this recognizer can carry: no finding names any other entity.
    fn entities(&self) -> &[Entity];

    /// Appends what it finds in `text` to `out`; leaves what is already there alone.
    fn find(&self, text: &str, out: &mut Vec<Finding>);
}

/// The built-in recognizers for `entities`: every entity is found by exactly one of them.
///
/// Most identifiers hang on digits and are found together in one pass, by the last recognizer of the list.
/// [`Entity::Custom`] has no built-in recognizer and adds nothing: compile a [`crate::CustomRule`] for it.
pub fn recognizers(entities: &[Entity]) -> Vec<Box<dyn Recognizer>> {
    let asked = || Entity::ALL.into_iter().filter(|entity| entities.contains(entity));
    let numbers = Identifiers::new(&asked().collect::<Vec<_>>());
    asked().filter_map(built_in).chain(numbers.map(|numbers| Box::new(numbers) as _)).collect()
}

fn built_in(entity: Entity) -> Option<Box<dyn Recognizer>> {
    Some(match entity {
        Entity::Url => Box::new(url::Url),
        Entity::Username => Box::new(username::Username),
        Entity::Email => Box::new(email::Email),
        Entity::EmailObfuscated => Box::new(email_obfuscated::EmailObfuscated),
        Entity::Phone => Box::new(phone::Phone),
        Entity::Ipv4 => Box::new(ipv4::Ipv4),
        Entity::Ipv6 => Box::new(ipv6::Ipv6),
        Entity::CreditCard => Box::new(card::CreditCard),
        Entity::Iban => Box::new(iban::Iban),
        Entity::UsSsn => Box::new(ssn::UsSsn),
        Entity::Bic => Box::new(bic::Bic),
        Entity::InUpi => Box::new(upi::InUpi),
        Entity::PassportMrz => Box::new(mrz::PassportMrz),
        Entity::UrlCredentials => Box::new(url_credentials::UrlCredentials),
        Entity::Secret => Box::new(secret::Secret),
        // Found by `Identifiers`, or by custom rules.
        _ => return None,
    })
}

/// Rounds of [`scan`]: one for nearly every text, two for nearly every other.
const ROUNDS_MAX: usize = 8;

/// Finds everything in `text` that the recognizers find, sorted and disjoint.
///
/// Scrubbing twice must change nothing more, but replacing one finding can uncover another: the number behind
/// `version` counts once the password that ends in that word is gone. So a text with findings is looked at again with
/// tags in their place, until nothing new appears (at most eight times, which keeps the work linear). What lies inside
/// a placeholder that already stands in the text is never a finding.
pub fn scan(recognizers: &[Box<dyn Recognizer>], text: &str) -> Vec<Finding> {
    let mut findings = resolve(look(recognizers, text));
    for _ in 1..ROUNDS_MAX {
        if findings.is_empty() {
            break;
        }
        let uncovered = look(recognizers, &apply(text, &findings, &Policy::new(Operator::Tag)));
        if uncovered.is_empty() {
            break;
        }
        let back = uncovered.into_iter().map(|finding| placed_in_original(finding, &findings)).collect::<Vec<_>>();
        findings.extend(back);
        findings = resolve(findings);
    }
    findings
}

fn look(recognizers: &[Box<dyn Recognizer>], text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for recognizer in recognizers {
        recognizer.find(text, &mut findings);
    }
    findings.retain(|finding| !placeholder::holds(text.as_bytes(), &finding.span));
    findings
}

/// Moves a finding of the tagged text back into the text where `replaced` still stood.
///
/// A span that begins or ends inside a tag takes in the whole value behind it.
fn placed_in_original(mut finding: Finding, replaced: &[Finding]) -> Finding {
    let place = |at: usize, is_end: bool| {
        let mut grown = 0_isize;
        for Finding { entity, span, .. } in replaced {
            let tag = entity.as_str().len() + 2;
            let start = span.start.saturating_add_signed(grown);
            if at <= start {
                break;
            }
            if at < start + tag {
                return if is_end { span.end } else { span.start };
            }
            grown += tag as isize - span.len() as isize;
        }
        at.saturating_add_signed(-grown)
    };
    finding.span = place(finding.span.start, false)..place(finding.span.end, true);
    finding
}
