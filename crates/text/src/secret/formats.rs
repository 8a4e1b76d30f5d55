//! The table of token formats: a literal, what may follow it, how much of it.

use crate::finding::Rule;
use crate::stand_in::{entropy, is_stand_in};
use crate::{Entity, Finding, boundary};

use super::{checksum, jwt};

/// One kind of token.
pub(super) struct Format {
    rule: &'static str,
    /// What every token of this kind contains, nearly always at its start.
    pub(super) literal: &'static str,
    shape: Shape,
}

enum Shape {
    /// `literal` + a run of these characters, of a length in this range.
    Tail(Alphabet, usize, usize),
    /// Like `Tail`, and the tail must hold this text as well.
    Marked(Alphabet, usize, usize, &'static [u8]),
    /// Digits before the literal, a tail after it: a Telegram bot's `123456789:AA…`.
    Numbered(usize, usize),
    /// So many letters and digits, the last six of which are a checksum of the others.
    Checked(usize, usize),
    /// Three parts of base64url, the first of which decodes to a JSON object.
    JsonWebToken,
}

#[derive(Clone, Copy)]
enum Alphabet {
    /// A–Z a–z 0–9
    Alnum,
    /// A–Z a–z 0–9 _
    Word,
    /// A–Z a–z 0–9 _ -
    Url,
    /// A–Z a–z 0–9 _ - .
    Dotted,
    /// 0–9 a–f A–F
    Hex,
    /// A–Z 2–7
    Base32,
    /// A–Z a–z 0–9 + / =
    Base64,
    /// A–Z a–z 0–9 _ - /
    Path,
}

impl Alphabet {
    const fn holds(self, byte: u8) -> bool {
        match self {
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Word => boundary::is_word(byte),
            Self::Url => boundary::is_word(byte) || byte == b'-',
            Self::Dotted => boundary::is_word(byte) || matches!(byte, b'-' | b'.'),
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Base32 => matches!(byte, b'A'..=b'Z' | b'2'..=b'7'),
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='),
            Self::Path => boundary::is_word(byte) || matches!(byte, b'-' | b'/'),
        }
    }
}

const CONFIDENCE: f32 = 0.98;

/// Of a token whose checksum is right, and of one whose checksum is not.
const CONFIDENCE_CHECKED: f32 = 1.0;
const CONFIDENCE_WRONG: f32 = 0.9;

/// Longest tail that is read at all; longer runs are data, not tokens.
const TAIL_MAX: usize = 400;

const fn tail(rule: &'static str, literal: &'static str, alphabet: Alphabet, min: usize, max: usize) -> Format {
    Format { rule, literal, shape: Shape::Tail(alphabet, min, max) }
}

const fn checked(rule: &'static str, literal: &'static str, min: usize, max: usize) -> Format {
    Format { rule, literal, shape: Shape::Checked(min, max) }
}

const fn twilio(literal: &'static str) -> Format {
    tail("secret:twilio-key", literal, Alphabet::Hex, 31, 31)
}

use Alphabet::{Alnum, Base32, Base64, Dotted, Hex, Path, Url, Word};

/// From the services' own documentation of their formats.
#[rustfmt::skip]
pub(super) const FORMATS: &[Format] = &[
    checked("secret:github-token", "ghp_", 36, 255),
    checked("secret:github-token", "gho_", 36, 255),
    checked("secret:github-token", "ghu_", 36, 255),
    checked("secret:github-token", "ghs_", 36, 255),
    checked("secret:github-token", "ghr_", 36, 255),
    tail("secret:github-token", "github_pat_", Word, 60, 255),
    tail("secret:gitlab-token", "glpat-", Dotted, 20, 60),
    tail("secret:gitlab-token", "gldt-", Dotted, 20, 60),
    tail("secret:gitlab-token", "glrt-", Dotted, 20, 60),
    tail("secret:gitlab-token", "glptt-", Hex, 40, 40),
    tail("secret:gitlab-token", "glcbt-", Dotted, 20, 80),
    tail("secret:slack-token", "xoxb-", Url, 20, 255),
    tail("secret:slack-token", "xoxp-", Url, 20, 255),
    tail("secret:slack-token", "xoxa-", Url, 20, 255),
    tail("secret:slack-token", "xoxr-", Url, 20, 255),
    tail("secret:slack-token", "xoxs-", Url, 20, 255),
    tail("secret:slack-token", "xoxc-", Url, 20, 255),
    tail("secret:slack-token", "xoxe-", Url, 20, 255),
    tail("secret:slack-token", "xapp-", Url, 20, 255),
    tail("secret:slack-webhook", "hooks.slack.com/services/", Path, 40, 80),
    tail("secret:slack-webhook", "hooks.slack.com/workflows/", Path, 40, 100),
    tail("secret:discord-webhook", "discord.com/api/webhooks/", Path, 60, 120),
    tail("secret:discord-webhook", "discordapp.com/api/webhooks/", Path, 60, 120),
    tail("secret:aws-access-key", "AKIA", Base32, 16, 16),
    tail("secret:aws-access-key", "ASIA", Base32, 16, 16),
    tail("secret:google-api-key", "AIza", Url, 35, 35),
    tail("secret:google-oauth", "GOCSPX-", Url, 28, 28),
    tail("secret:google-oauth", "ya29.", Dotted, 40, TAIL_MAX),
    tail("secret:stripe-key", "sk_live_", Alnum, 16, 255),
    tail("secret:stripe-key", "rk_live_", Alnum, 16, 255),
    tail("secret:stripe-key", "sk_test_", Alnum, 16, 255),
    tail("secret:stripe-key", "rk_test_", Alnum, 16, 255),
    tail("secret:stripe-key", "whsec_", Base64, 24, 100),
    tail("secret:openai-key", "sk-proj-", Url, 24, 255),
    tail("secret:openai-key", "sk-svcacct-", Url, 24, 255),
    tail("secret:openai-key", "sk-admin-", Url, 24, 255),
    Format { rule: "secret:openai-key", literal: "sk-", shape: Shape::Marked(Alnum, 40, 60, b"T3BlbkFJ") },
    tail("secret:openrouter-key", "sk-or-v1-", Hex, 64, 64),
    tail("secret:anthropic-key", "sk-ant-", Url, 32, 255),
    tail("secret:huggingface-token", "hf_", Alnum, 30, 40),
    tail("secret:replicate-token", "r8_", Alnum, 37, 40),
    tail("secret:groq-key", "gsk_", Alnum, 48, 56),
    tail("secret:perplexity-key", "pplx-", Alnum, 40, 60),
    checked("secret:npm-token", "npm_", 36, 36),
    tail("secret:pypi-token", "pypi-AgE", Url, 50, TAIL_MAX),
    tail("secret:rubygems-key", "rubygems_", Hex, 48, 48),
    tail("secret:docker-token", "dckr_pat_", Url, 24, 36),
    tail("secret:sendgrid-key", "SG.", Dotted, 60, 75),
    // `SK` alone is half of every `task`; sixteen literals of three bytes are rarer.
    twilio("SK0"), twilio("SK1"), twilio("SK2"), twilio("SK3"), twilio("SK4"), twilio("SK5"), twilio("SK6"), twilio("SK7"),
    twilio("SK8"), twilio("SK9"), twilio("SKa"), twilio("SKb"), twilio("SKc"), twilio("SKd"), twilio("SKe"), twilio("SKf"),
    tail("secret:mailgun-key", "key-", Hex, 32, 32),
    tail("secret:shopify-token", "shpat_", Hex, 32, 32),
    tail("secret:shopify-token", "shpca_", Hex, 32, 32),
    tail("secret:shopify-token", "shppa_", Hex, 32, 32),
    tail("secret:shopify-token", "shpss_", Hex, 32, 32),
    tail("secret:digitalocean-token", "dop_v1_", Hex, 64, 64),
    tail("secret:digitalocean-token", "doo_v1_", Hex, 64, 64),
    tail("secret:digitalocean-token", "dor_v1_", Hex, 64, 64),
    tail("secret:databricks-token", "dapi", Hex, 32, 32),
    tail("secret:azure-storage-key", "AccountKey=", Base64, 80, 100),
    tail("secret:azure-shared-access-key", "SharedAccessKey=", Base64, 40, 100),
    tail("secret:alibaba-key", "LTAI", Alnum, 12, 26),
    tail("secret:grafana-token", "glsa_", Word, 40, 42),
    tail("secret:vault-token", "hvs.", Url, 24, 255),
    tail("secret:vault-token", "hvb.", Url, 100, 255),
    tail("secret:linear-key", "lin_api_", Alnum, 40, 40),
    tail("secret:figma-token", "figd_", Url, 38, 46),
    tail("secret:supabase-token", "sbp_", Hex, 40, 40),
    tail("secret:postman-key", "PMAK-", Url, 59, 59),
    tail("secret:newrelic-key", "NRAK-", Alnum, 27, 27),
    tail("secret:atlassian-token", "ATATT3xFfGF0", Base64, 60, 255),
    tail("secret:pulumi-token", "pul-", Hex, 40, 40),
    tail("secret:notion-token", "ntn_", Alnum, 40, 50),
    tail("secret:age-key", "AGE-SECRET-KEY-1", Alnum, 58, 58),
    Format { rule: "secret:telegram-bot-token", literal: ":AA", shape: Shape::Numbered(8, 10) },
    Format { rule: "secret:json-web-token", literal: "eyJ", shape: Shape::JsonWebToken },
];

/// The token of `format` whose literal stands at `at`.
pub(super) fn token(bytes: &[u8], format: &Format, at: usize) -> Option<Finding> {
    let numbered = matches!(format.shape, Shape::Numbered(..));
    if !numbered && boundary::word_before(bytes, at) {
        return None;
    }
    let after = at + format.literal.len();
    let mut confidence = CONFIDENCE;
    let span = match format.shape {
        Shape::Checked(min, max) => {
            let end = tail_end(bytes, after, Alnum, min, max)?;
            let tail = &bytes[after..end];
            confidence = if checksum::is_right(tail) { CONFIDENCE_CHECKED } else { CONFIDENCE_WRONG };
            plausible(tail).then_some(at..end)?
        }
        Shape::Tail(alphabet, min, max) => {
            let end = tail_end(bytes, after, alphabet, min, max)?;
            plausible(&bytes[after..end]).then_some(at..end)?
        }
        Shape::Marked(alphabet, min, max, mark) => {
            let end = tail_end(bytes, after, alphabet, min, max)?;
            let tail = &bytes[after..end];
            (memchr::memmem::find(tail, mark).is_some() && plausible(tail)).then_some(at..end)?
        }
        Shape::Numbered(min, max) => {
            let digits = bytes[..at].iter().rev().take(max + 1).take_while(|byte| byte.is_ascii_digit()).count();
            let end = tail_end(bytes, after, Url, 32, 34)?;
            ((min..=max).contains(&digits) && plausible(&bytes[after..end])).then_some(at - digits..end)?
        }
        Shape::JsonWebToken => at..jwt::end(bytes, at)?,
    };
    // `/bot123456789:AA…` in a Telegram URL is the one place where letters stand before a token.
    let tied = numbered && boundary::word_before(bytes, span.start) && !bytes[..span.start].ends_with(b"/bot");
    (!tied).then(|| Finding { entity: Entity::Secret, span, confidence, rule: Rule::built_in(format.rule) })
}

fn tail_end(bytes: &[u8], start: usize, alphabet: Alphabet, min: usize, max: usize) -> Option<usize> {
    let mut length = bytes[start..].iter().take(max + 1).take_while(|&&byte| alphabet.holds(byte)).count();
    // A full stop or slash at the end belongs to the sentence or the URL.
    while length > 0 && matches!(bytes[start + length - 1], b'.' | b'/') {
        length -= 1;
    }
    ((min..=max).contains(&length) && !boundary::word_after(bytes, start + length)).then_some(start + length)
}

/// Random characters vary, hold digits or vary a lot, and are no example.
///
/// Some services draw from letters alone, or miss every digit by chance; names in code vary less than that.
fn plausible(tail: &[u8]) -> bool {
    let enough = match tail.len() {
        _ if !tail.iter().any(u8::is_ascii_digit) => 4.1,
        ..20 => 2.8,
        _ => 3.0,
    };
    entropy(tail) >= enough && !is_stand_in(tail)
}
