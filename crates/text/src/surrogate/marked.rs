//! Secrets, passwords and texts of no known kind: the same length and kinds of characters behind the mark `xxxx`.
//!
//! A surrogate must not look like a secret, to our rules or to another scanner's: so it begins with the mark, which
//! every list of stand-ins has, and goes on with `a`, `b`, `0` and `1`, a bit each. Punctuation that could begin
//! something else, such as an address, becomes a hyphen.

use super::Draw;
use crate::Entity;

const MARK: usize = 4;

#[expect(clippy::unnecessary_wraps, reason = "one type for all forms")]
pub(super) fn make(value: &str, _: Entity, draw: &mut Draw) -> Option<String> {
    let character = |(place, character): (usize, char)| match character {
        _ if place < MARK => 'x',
        _ if character.is_numeric() => char::from(draw.one_of(b"01")),
        _ if character.is_uppercase() => char::from(draw.one_of(b"AB")),
        _ if character.is_alphabetic() => char::from(draw.one_of(b"ab")),
        _ if stays(character) => character,
        _ => '-',
    };
    Some(value.chars().enumerate().map(character).collect())
}

pub(super) fn is(value: &str) -> bool {
    let known = |(place, character): (usize, char)| match character {
        _ if place < MARK => character == 'x',
        'a' | 'b' | 'A' | 'B' | '0' | '1' => true,
        _ => stays(character),
    };
    !value.is_empty() && value.chars().enumerate().all(known)
}

/// Spaces, line breaks, and punctuation that means nothing here.
const fn stays(character: char) -> bool {
    matches!(character, ' ' | '\n' | '\r' | '\t' | '-' | '_' | '+' | '=' | '.' | ',' | '!' | '*' | '~' | '|' | '^')
}

/// `user:password`, each with a mark of its own, so that the URL around it stays one.
pub(super) fn make_credentials(value: &str, entity: Entity, draw: &mut Draw) -> Option<String> {
    let (user, password) = value.split_once(':')?;
    Some(format!("{}:{}", make(user, entity, draw)?, make(password, entity, draw)?))
}

pub(super) fn is_credentials(value: &str) -> bool {
    value.split_once(':').is_some_and(|(user, password)| (user.is_empty() || is(user)) && is(password))
}
