//! One-time codes: `Your verification code is 123456`.

use std::ops::Range;

use super::{Plain, Probe};
use crate::context::Words;
use crate::{Entity, boundary, context};

pub(super) const PROBES: &[Probe] =
    &[Probe { entity: Entity::Otp, name: "otp", lengths: 3..=9, plain: may_be_code, find: code }];

static CODES: Words = Words::new(&["code", "otp", "passcode"]);

/// Words that make the next number a code.
#[rustfmt::skip]
static WORDS: Words = Words::new(&[
    "otp", "one-time code", "one time code", "one-time password", "one time password", "one-time passcode", "verification code",
    "security code", "login code", "passcode", "2fa", "2fa code", "mfa code", "authentication code", "auth code",
    "access code", "confirmation code", "sign-in code", "verification pin", "bestätigungscode", "code de vérification",
    "código de verificación", "codice di verifica", "código de verificação", "验证码", "確認コード", "認証コード", "인증번호",
]);

static CODE: Words = Words::new(&["code is", "code:", "code"]);

/// Codes of other kinds.
#[rustfmt::skip]
static OTHER_WORDS: Words = Words::new(&[
    "zip", "error", "exit", "status", "postal", "area", "country", "color", "colour", "source", "http", "response", "return",
    "promo", "coupon", "discount", "sort", "post", "bar", "product", "item", "key", "char", "unicode", "opcode", "errno",
    "state", "event", "reason", "op", "tax", "hs", "sic", "naics", "icd", "dress", "building",
]);

/// Four to eight digits that nothing ties to others, or three of which more follow.
fn may_be_code(number: &Plain) -> bool {
    let groups = number.length() == 3 && matches!(number.behind(), b' ' | b'-');
    groups || (4..=8).contains(&number.length()) && !number.tied_before(b".,:/-") && !number.tied_after(b".,:/-")
}

/// Four to eight digits behind such a word, or exactly six behind `code`; `G-123456` and `123-456` too.
fn code(bytes: &[u8], token: Range<usize>, _floor: usize) -> Option<(Range<usize>, f32)> {
    let (start, mut end) = (token.start, token.end);
    if !bytes[token].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let groups = end - start == 3 && matches!(bytes.get(end), Some(b' ' | b'-'));
    if groups {
        end += 1 + bytes[end + 1..].iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    }
    let tied = boundary::word_before(bytes, start)
        || boundary::tied_before(bytes, start, b".,:/-")
        || boundary::tied_after(bytes, end, b".,:/-")
        || boundary::word_after(bytes, end);
    if tied || !(4..=8).contains(&(end - start)) {
        return None;
    }
    let line = bytes[..start].iter().rev().take(32).take_while(|&&byte| byte != b'\n').count();
    let mentioned = |words| context::mentioned(bytes, &(start..start), line, 0, words);
    let behind = || bytes[end..].starts_with(b" is your") && context::mentioned(bytes, &(end..end), 0, 48, &CODES);
    let plain = || end - start == 6 && context::announced(bytes, start, &CODE);
    let is_code = mentioned(&WORDS) || ((plain() || behind()) && !mentioned(&OTHER_WORDS));
    is_code.then_some((start..end, 0.8))
}
