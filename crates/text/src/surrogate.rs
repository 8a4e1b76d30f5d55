//! Stand-ins: values of the same kind that can be nobody's.
//!
//! Each kind has a range that is reserved for examples, or that no authority issues ([`FORMS`]), and a surrogate is
//! drawn from it by keyed BLAKE3 of the value without its formatting. The formatting of each place stays, so that
//! `+1 (212) 555-0143` and `+12125550143` become two spellings of one number.
//!
//! A value that lies in its range already is its own surrogate. That is what makes a second pass change nothing, with no
//! key to tell that the first has been there; and it costs nothing, because a value in that range is nobody's. Where no
//! range is impossible for a kind of number ([`number`]), the range is made so narrow that a value is in it by chance
//! once in thousands.
//!
//! No surrogate holds a word: letters are consonants, or few. So none is a person's name.

use crate::Entity;
use crate::normal::canonical;
use crate::shadow::folded;

mod address;
mod draw;
mod email;
mod marked;
mod number;
mod phone;

use draw::Draw;

/// How the surrogates of one kind are made and known.
struct Form {
    /// A surrogate for a value, or `None` for one that is not written as its kind is: what overlapped may have been
    /// merged into it.
    make: fn(&str, Entity, &mut Draw) -> Option<String>,
    /// Whether a value lies in the range that `make` draws from.
    is: fn(&str) -> bool,
}

/// The kinds with a range of their own. All others are numbers without one: [`number::make`].
const FORMS: &[(Entity, Form)] = &[
    (Entity::Email, Form { make: email::make, is: email::is }),
    (Entity::Phone, Form { make: phone::make, is: phone::is }),
    (Entity::Ipv4, Form { make: address::make_v4, is: address::is_v4 }),
    (Entity::Ipv6, Form { make: address::make_v6, is: address::is_v6 }),
    (Entity::CreditCard, Form { make: number::make_card, is: number::is_card }),
    (Entity::Iban, Form { make: number::make_iban, is: number::is_iban }),
    (Entity::UsSsn, Form { make: number::make_us_ssn, is: number::is_us_ssn }),
    (Entity::UrlCredentials, Form { make: marked::make_credentials, is: marked::is_credentials }),
    (Entity::Secret, Form { make: marked::make, is: marked::is }),
    (Entity::Custom, Form { make: marked::make, is: marked::is }),
];

const OTHERS: Form = Form { make: number::make, is: number::is };

fn form(entity: Entity) -> &'static Form {
    FORMS.iter().find(|(other, _)| *other == entity).map_or(&OTHERS, |(_, form)| form)
}

/// The surrogate of a value under a key; the value itself if it is one.
///
/// The key is asked for only when it is needed: it costs a pass over the document in most scopes.
pub(crate) fn surrogate(value: &str, entity: Entity, key: impl FnOnce() -> [u8; 32]) -> String {
    if is_surrogate(value, entity) {
        return value.to_owned();
    }
    let value = &*folded(value);
    let (key, normal) = (key(), canonical(value, entity));
    let draw = || Draw::new(&key, entity, &normal);
    // What is merged from several kinds fits no layout, and is replaced as a text.
    (form(entity).make)(value, entity, &mut draw())
        .filter(|made| is_surrogate(made, entity))
        .or_else(|| marked::make(value, entity, &mut draw()))
        .unwrap_or_default()
}

/// Whether a value found as `entity` is one of its surrogates.
pub(crate) fn is_surrogate(value: &str, entity: Entity) -> bool {
    let value = &*folded(value);
    (form(entity).is)(value) || marked::is(value)
}

/// `value` with its ASCII letters and digits replaced, in order, by those of `filling`, in the case of each place.
///
/// `None` when their numbers differ, or when anything stands between them that is not in `separators`.
fn laid_out(value: &str, filling: &[u8], separators: &[char]) -> Option<String> {
    let mut filling = filling.iter();
    let mut made = String::with_capacity(value.len());
    for character in value.chars() {
        made.push(match character {
            'a'..='z' => char::from(filling.next()?.to_ascii_lowercase()),
            'A'..='Z' | '0'..='9' => char::from(*filling.next()?),
            _ if separators.contains(&character) => character,
            _ => return None,
        });
    }
    filling.next().is_none().then_some(made)
}

/// The digits of `value`, or `None` if it holds anything but digits and `separators`.
fn digits_of(value: &str, separators: &[char]) -> Option<Vec<u8>> {
    let is_known = |c: char| c.is_ascii_digit() || separators.contains(&c);
    value.chars().all(is_known).then(|| value.bytes().filter(u8::is_ascii_digit).collect())
}

#[cfg(test)]
mod tests;
