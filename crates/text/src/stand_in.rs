//! Values that stand where a secret would: `${PASSWORD}`, `<your-key>`, `changeme`, `xxxxxxxx`, `AKIA…EXAMPLE`.
//!
//! Documentation is full of them, and rewriting them teaches a model nothing while it destroys examples.

use crate::placeholder;

/// Texts that mark a value as an example wherever they stand in it.
#[rustfmt::skip]
const MARKS: &[&[u8]] = &[
    b"example", b"sample", b"placeholder", b"changeme", b"change_me", b"change-me", b"your_", b"your-",
    b"yourpass", b"yourapi", b"yourkey", b"yoursecret", b"yourtoken", b"my_password", b"mypassword", b"dummy",
    b"redacted", b"insert_", b"insert-", b"replace", b"enter_", b"enter-", b"xxxx", b"****", b"....", b"----",
    b"____", b"process.env", b"os.environ", b"getenv", b"foobar", b"fake", b"not_a_", b"not-a-", b"notreal",
    b"abcdefgh", b"0123456", b"12345678", b"deadbeef",
];

/// Words that are no secret by themselves, after digits and punctuation are taken away.
#[rustfmt::skip]
const WORDS: &[&[u8]] = &[
    b"", b"password", b"passwd", b"passphrase", b"pass", b"pwd", b"pw", b"secret", b"secrets", b"token", b"key",
    b"apikey", b"string", b"str", b"value", b"none", b"null", b"nil", b"true", b"false", b"undefined",
    b"hidden", b"required", b"optional", b"input", b"field", b"text", b"user", b"username", b"foo", b"bar",
    b"baz", b"default", b"empty", b"unknown", b"disabled", b"enabled", b"secretkey", b"userpassword",
    b"newpassword", b"oldpassword", b"dbpassword", b"accesstoken", b"clientsecret", b"privatekey", b"todo",
];

/// Whether `value` only stands where a secret would: a template, an example or a mask.
pub(crate) fn is_stand_in(value: &[u8]) -> bool {
    let template = value.first().is_none_or(|first| b"$<{[%*".contains(first))
        || [&b"${"[..], b"{{", b"$(", b"%(", b"%s", b"#{", b"<%"].iter().any(|mark| contains(value, mark))
        || value.ends_with(b">")
        || placeholder::contained(value);
    template || MARKS.iter().any(|mark| contains_lower(value, mark)) || is_plain_word(value) || is_repetitive(value)
}

fn is_plain_word(value: &[u8]) -> bool {
    let letters =
        || value.iter().filter(|byte| byte.is_ascii_alphabetic() || **byte >= 0x80).map(u8::to_ascii_lowercase);
    WORDS.iter().any(|word| letters().eq(word.iter().copied()))
}

/// One byte makes up more than half, or there are only two different ones.
fn is_repetitive(value: &[u8]) -> bool {
    let counts = counts(value);
    let most = counts.iter().max().copied().unwrap_or(0) as usize;
    2 * most > value.len() || counts.iter().filter(|&&count| count > 0).count() < 3
}

/// Shannon entropy of the bytes, in bits per byte.
pub(crate) fn entropy(value: &[u8]) -> f64 {
    let length = value.len() as f64;
    let bits = |count: u32| f64::from(count) / length * (length / f64::from(count)).log2();
    counts(value).into_iter().filter(|&count| count > 0).map(bits).sum()
}

fn counts(value: &[u8]) -> [u32; 256] {
    let mut counts = [0_u32; 256];
    for &byte in value {
        counts[usize::from(byte)] += 1;
    }
    counts
}

fn contains(value: &[u8], part: &[u8]) -> bool {
    value.windows(part.len()).any(|window| window == part)
}

fn contains_lower(value: &[u8], part: &[u8]) -> bool {
    value.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}

#[cfg(test)]
mod tests;
