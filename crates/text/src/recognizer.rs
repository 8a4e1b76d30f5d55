//! The one trait of the crate and the list of what is built in.
//!
//! A recognizer looks at one text and appends findings; it keeps no state between texts, so any number of threads may
//! share one. [`scan`] runs a list of them and resolves what overlaps.

use crate::{Entity, Finding, resolve};
use crate::{card, email, iban, ipv4, ipv6, phone, secret, ssn, url_credentials};

/// Finds one kind of entity in a text.
///
/// # Invariants
/// Spans are not empty, lie inside the text and on character boundaries; work is linear in the text's length.
pub trait Recognizer: Send + Sync {
    /// The entity that every finding of this recognizer carries.
    fn entity(&self) -> Entity;

    /// Appends what it finds in `text` to `out`; leaves what is already there alone.
    fn find(&self, text: &str, out: &mut Vec<Finding>);
}

/// The built-in recognizers for `entities`, each once, in the order of [`Entity::ALL`].
///
/// [`Entity::Custom`] has no built-in recognizer and adds nothing: compile a [`crate::CustomRule`] for it.
pub fn recognizers(entities: &[Entity]) -> Vec<Box<dyn Recognizer>> {
    Entity::ALL.into_iter().filter(|entity| entities.contains(entity)).filter_map(built_in).collect()
}

fn built_in(entity: Entity) -> Option<Box<dyn Recognizer>> {
    Some(match entity {
        Entity::Email => Box::new(email::Email),
        Entity::Phone => Box::new(phone::Phone),
        Entity::Ipv4 => Box::new(ipv4::Ipv4),
        Entity::Ipv6 => Box::new(ipv6::Ipv6),
        Entity::CreditCard => Box::new(card::CreditCard),
        Entity::Iban => Box::new(iban::Iban),
        Entity::UsSsn => Box::new(ssn::UsSsn),
        Entity::UrlCredentials => Box::new(url_credentials::UrlCredentials),
        Entity::Secret => Box::new(secret::Secret::new()),
        Entity::Custom => return None,
    })
}

/// Runs every recognizer over `text` and resolves overlaps: the result is sorted and disjoint.
pub fn scan(recognizers: &[Box<dyn Recognizer>], text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for recognizer in recognizers {
        recognizer.find(text, &mut findings);
    }
    resolve(findings)
}
