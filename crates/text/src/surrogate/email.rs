//! E-mail addresses at example.org, example.com and example.net (RFC 2606), which deliver nothing.
//!
//! The local part keeps its shape, with a consonant for each letter, so that it spells nobody's name. A short one is
//! lengthened to ten letters and digits: there are more people called by two letters than pairs of consonants. Ten
//! consonants and three domains are 45 bits: among a million addresses, one collision is expected in 60 corpora.

use super::Draw;
use crate::Entity;

const DOMAINS: [&str; 3] = ["example.org", "example.com", "example.net"];
const CONSONANTS: &[u8] = b"bcdfghjklmnpqrstvwxz";
const LOCAL_MIN: usize = 10;
const LOCAL_BYTES_MAX: usize = 64;

pub(super) fn make(value: &str, _: Entity, draw: &mut Draw) -> Option<String> {
    let lower = value.to_lowercase();
    let (local, domain) = lower.split_once('@')?;
    if domain.contains('@') || local.chars().any(|c| c.is_ascii() && !in_local(c)) {
        return None;
    }
    let mut made = String::new();
    let mut varied = 0;
    for character in local.chars() {
        let letter = character.is_alphabetic() || !character.is_ascii();
        made.push(match character {
            // A number alone could be somebody's telephone: the first place is a letter.
            _ if letter || varied == 0 && character.is_ascii_digit() => char::from(draw.one_of(CONSONANTS)),
            '0'..='9' => char::from(draw.digit()),
            _ => character,
        });
        varied += usize::from(letter || character.is_ascii_digit());
    }
    made.extend((varied..LOCAL_MIN).map(|_| char::from(draw.one_of(CONSONANTS))));
    Some(format!("{made}@{}", draw.one_of(&DOMAINS)))
}

pub(super) fn is(value: &str) -> bool {
    let Some((local, domain)) = value.split_once('@') else { return false };
    let is_consonant = |c: char| c.is_ascii() && CONSONANTS.contains(&(c as u8));
    DOMAINS.contains(&domain)
        && local.len() <= LOCAL_BYTES_MAX
        && local.chars().filter(char::is_ascii_alphanumeric).count() >= LOCAL_MIN
        && local.chars().all(|c| in_local(c) && (!c.is_ascii_alphabetic() || is_consonant(c)))
        && local.chars().find(char::is_ascii_alphanumeric).is_some_and(is_consonant)
}

const fn in_local(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '%' | '+' | '-' | '\'' | '&')
}
