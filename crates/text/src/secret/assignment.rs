//! Secrets announced by a name: `password = "…"`, `api_key: …`, `Authorization: Bearer …`.
//!
//! The name is cheap to find and proves nothing: most code that says `token` speaks of text. The value decides. It must
//! be long, varied and neither a template, an identifier, a path nor a call. Passwords are short and are judged by the
//! mix of their characters; keys are long and are judged by entropy. Quoted values are trusted more than bare ones.

use std::ops::Range;

use crate::finding::Rule;
use crate::stand_in::{entropy, is_stand_in};
use crate::{Entity, Finding, boundary};

/// Parts of names, matched in any case.
#[rustfmt::skip]
pub(super) const NAMES: &[&str] = &[
    "password", "passwort", "passwd", "passphrase", "passcode", "pwd", "secret", "api_key", "apikey", "api-key",
    "access_key", "access-key", "accesskey", "account_key", "auth_key", "authkey", "auth-key", "private_key",
    "privatekey", "encryption_key", "encryptionkey", "signing_key", "token", "credential", "bearer ", "api key", "key",
];

const PASSWORD: Rule = Rule::built_in("secret:password");
const ASSIGNED: Rule = Rule::built_in("secret:assignment");
const KEYED: Rule = Rule::built_in("secret:key");
const BEARER: Rule = Rule::built_in("secret:bearer-token");

const NAME_REST_MAX: usize = 32;
const VALUE_BYTES_MAX: usize = 256;

/// Keys that stand behind the bare word are trusted from this length, and values that are merely spoken of.
const KEY_BYTES_MIN: usize = 20;
const PREFIX_BYTES_MAX: usize = 24;

/// `password_hash`, `token_count`, `secret_path`: names of something else.
#[rustfmt::skip]
const OTHER_NAMES: &[&[u8]] = &[
    b"hash", b"file", b"path", b"url", b"uri", b"name", b"len", b"size", b"count", b"type", b"field", b"izer",
    b"max", b"min", b"expir", b"policy", b"reset", b"label", b"hint", b"index", b"limit", b"usage", b"version",
    b"format", b"arn", b"_id", b"ids", b"regex", b"pattern", b"ized", b"prompt", b"model", b"public",
];

/// `public_key`, `cacheKey`, `monkey`: keys that are no secrets.
#[rustfmt::skip]
const OTHER_KEYS: &[&[u8]] = &[
    b"pub", b"cache", b"primary", b"foreign", b"sort", b"partition", b"idempot", b"group", b"hash", b"row", b"object",
    b"index", b"lookup", b"map", b"dedup", b"tag", b"site", b"transl", b"i18n", b"route", b"unique", b"file", b"blob",
    b"s3", b"image", b"mon", b"don", b"item", b"node", b"host", b"react", b"surrogate", b"bucket", b"commit", b"sum",
];

/// The secret announced by the name at `name`, if a value follows that looks like one.
pub(super) fn value(bytes: &[u8], name: Range<usize>) -> Option<Finding> {
    let Range { start, end } = name;
    let name = &bytes[name];
    let is_password = matches!(name[0] | 0x20, b'p')
        && !name.eq_ignore_ascii_case(b"private_key")
        && !name.eq_ignore_ascii_case(b"privatekey");
    if name[name.len() - 1] == b' ' {
        return bearer(bytes, start, end);
    }
    let name_end = end + bytes[end..].iter().take(NAME_REST_MAX).take_while(|&&byte| in_name(byte)).count();
    let rest = &bytes[end..name_end];
    if OTHER_NAMES.iter().any(|other| rest.windows(other.len()).any(|part| part.eq_ignore_ascii_case(other))) {
        return None;
    }
    let bare = name.len() == 3 && !is_password;
    if bare && (!rest.is_empty() || is_other_key(bytes, start)) {
        return None;
    }
    let (at, link) = operator(bytes, start, name_end)?;
    let (span, quoted) = written(bytes, at)?;
    let value = &bytes[span.clone()];
    let loose = link != Link::Sign;
    let convincing = if is_password {
        link != Link::Call && is_likely_password(value, quoted, loose)
    } else if bare || link == Link::Call {
        is_likely_bare_key(value, !bare || start > 0 && in_name(bytes[start - 1])) && is_likely_key(value, quoted)
    } else {
        (!loose || value.len() >= KEY_BYTES_MIN) && is_likely_key(value, quoted)
    };
    convincing.then_some(Finding {
        entity: Entity::Secret,
        span,
        confidence: if bare {
            0.6
        } else if quoted {
            0.8
        } else {
            0.7
        },
        rule: if is_password {
            PASSWORD
        } else if bare {
            KEYED
        } else {
            ASSIGNED
        },
    })
}

fn bearer(bytes: &[u8], start: usize, end: usize) -> Option<Finding> {
    let in_token = |byte: &&u8| byte.is_ascii_alphanumeric() || b"._~+/-=".contains(byte);
    let length = bytes[end..].iter().take(VALUE_BYTES_MAX).take_while(in_token).count();
    let token = &bytes[end..end + length];
    let convincing =
        !boundary::word_before(bytes, start) && (20..VALUE_BYTES_MAX).contains(&length) && is_random(token);
    convincing.then(|| Finding { entity: Entity::Secret, span: end..end + length, confidence: 0.8, rule: BEARER })
}

/// What ties a value to its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    /// `=`, `:`, `=>` or `:=`, or the attributes of one element: `name="…" value="…"`.
    Sign,
    /// The word `is`.
    Spoken,
    /// The space behind `--name`.
    Option,
    /// `setKey("…")`
    Call,
}

/// Skips quotes, spaces and whatever ties the value to its name.
fn operator(bytes: &[u8], start: usize, name_end: usize) -> Option<(usize, Link)> {
    let skip = |from: usize, set: &[u8], max: usize| {
        from + bytes[from.min(bytes.len())..].iter().take(max).take_while(|byte| set.contains(byte)).count()
    };
    let at = skip(skip(name_end, b"\\\"'`])", 3), b" \t", 8);
    if bytes[at.min(bytes.len())..].starts_with(b"is ") || bytes[at.min(bytes.len())..].starts_with(b"is: ") {
        return Some((skip(at + 2, b": ", 3), Link::Spoken));
    }
    if at > name_end && is_option(bytes, start) && bytes[name_end] == b' ' && bytes.get(at).is_some_and(|&b| b != b'-')
    {
        return Some((at, Link::Option));
    }
    for attribute in [&b"value="[..], b"content="] {
        if at > name_end + 1 && bytes[at..].starts_with(attribute) && bytes[name_end] == b'"' {
            return Some((at + attribute.len(), Link::Sign));
        }
    }
    if let Some([b'(', b'"' | b'\'' | b'`']) = bytes.get(at..at + 2) {
        return Some((at + 1, Link::Call));
    }
    let after = skip(at, b":=>", 3);
    (after > at && !bytes[at..after].starts_with(b">")).then(|| (skip(after, b" \t", 8), Link::Sign))
}

/// The value that starts at `at`, without its quotes, and whether it has any.
fn written(bytes: &[u8], at: usize) -> Option<(Range<usize>, bool)> {
    // `"password": "…"` inside a string of JSON: the quotes are escaped.
    let at = at + usize::from(bytes.get(at) == Some(&b'\\'));
    let quote = bytes.get(at).copied().filter(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    let start = at + usize::from(quote.is_some());
    let window = &bytes[start..bytes.len().min(start + VALUE_BYTES_MAX)];
    if let Some(quote) = quote {
        let length = window.iter().position(|&byte| byte == quote || byte == b'\\' || byte.is_ascii_whitespace())?;
        return matches!(window[length], b'"' | b'\'' | b'`' | b'\\').then(|| (start..start + length, true));
    }
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b",;\"'`<>()[]{}\\|".contains(byte);
    let length = window.iter().position(ends).unwrap_or(window.len());
    let call = window.get(length).is_some_and(|byte| b"([{<".contains(byte));
    let length = length - window[..length].iter().rev().take_while(|byte| b".?:".contains(byte)).count();
    (length > 0 && !call && start + length < start + VALUE_BYTES_MAX).then(|| (start..start + length, false))
}

fn is_likely_password(value: &[u8], quoted: bool, spoken: bool) -> bool {
    let classes = classes(value);
    let enough = if spoken || !quoted {
        value.len() >= 6 && classes >= 3 || value.len() >= 8 && classes >= 2 && has_digit(value)
    } else {
        value.len() >= 6 && classes >= 2
    };
    enough
        && value.len() <= 128
        && value.is_ascii()
        && entropy(value) >= 2.2
        && !is_code(value, quoted)
        && !is_stand_in(value)
}

fn is_likely_key(value: &[u8], quoted: bool) -> bool {
    value.len() >= 16 && value.is_ascii() && is_random(value) && !is_code(value, quoted)
}

/// The word `key` alone says little: the value must be one run of random characters, and behind a name that is nothing
/// but `key` it must be more than a hash.
fn is_likely_bare_key(value: &[u8], named: bool) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_+/=".contains(byte);
    value.len() >= KEY_BYTES_MIN
        && value.iter().all(plain)
        && entropy(value) >= 3.2
        && (named || !value.iter().all(u8::is_ascii_hexdigit))
}

/// Whether the name with a part at `start` begins with `--`.
fn is_option(bytes: &[u8], start: usize) -> bool {
    let length = bytes[..start].iter().rev().take(NAME_REST_MAX).take_while(|&&byte| in_name(byte)).count();
    bytes[start - length..start].starts_with(b"--")
}

/// Whether the `key` at `start` ends a name that speaks of another kind of key.
fn is_other_key(bytes: &[u8], start: usize) -> bool {
    let length = bytes[..start].iter().rev().take(PREFIX_BYTES_MAX).take_while(|&&byte| in_name(byte)).count();
    let prefix = &bytes[start - length..start];
    OTHER_KEYS.iter().any(|other| prefix.windows(other.len()).any(|part| part.eq_ignore_ascii_case(other)))
}

const fn in_name(byte: u8) -> bool {
    boundary::is_word(byte) || byte == b'-'
}

fn is_random(value: &[u8]) -> bool {
    let letters = value.iter().any(u8::is_ascii_alphabetic);
    letters && has_digit(value) && entropy(value) >= 3.0 && !is_stand_in(value)
}

fn has_digit(value: &[u8]) -> bool {
    value.iter().any(u8::is_ascii_digit)
}

/// How many of lower case, upper case, digits and other signs occur.
fn classes(value: &[u8]) -> usize {
    let any = |test: fn(&u8) -> bool| usize::from(value.iter().any(test));
    any(u8::is_ascii_lowercase) + any(u8::is_ascii_uppercase) + any(u8::is_ascii_digit) + any(u8::is_ascii_punctuation)
}

/// A name, a path or a URL rather than a value.
fn is_code(value: &[u8], quoted: bool) -> bool {
    let contains = |part: &[u8]| value.windows(part.len()).any(|window| window == part);
    let words_only = value.split(|byte| b"_-. /:".contains(byte)).all(|word| word.iter().all(u8::is_ascii_alphabetic));
    let path = [&b"/"[..], b"./", b"~/", b"&"].iter().any(|start| value.starts_with(start))
        || contains(b"://")
        || contains(b"::");
    words_only || path || is_constant(value) || (!quoted && is_variable(value))
}

/// `CLIENT_SECRET_0`, `x25519_private_key`: three or more words, each with its digits at one end.
fn is_constant(value: &[u8]) -> bool {
    let is_plain = |word: &[u8]| {
        let turns = word.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count();
        turns <= 1 && word.iter().all(u8::is_ascii_alphanumeric)
    };
    let words = || value.split(|&byte| byte == b'_');
    words().count() >= 3 && words().all(is_plain)
}

/// `self.password1`, `token_for_user2`
fn is_variable(value: &[u8]) -> bool {
    let first = value.split(|&byte| byte == b'.').next().unwrap_or_default();
    let is_member = first.len() < value.len()
        && first.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_')
        && !first.is_empty();
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    is_member || (digits * 10 < value.len() && value.iter().all(|&byte| boundary::is_word(byte)))
}
