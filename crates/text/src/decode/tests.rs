use proptest::prelude::*;

use super::*;
use crate::{Context, Entity, Operator, Policy, Recognizer, recognizers, scrub};

fn policy(operator: Operator) -> Policy {
    Policy::new(operator).with_decode(&Encoding::ALL).with_key([7; 32]).with_encrypt_key([7; 32])
}

thread_local! {
    static ALL: Vec<Box<dyn Recognizer>> = recognizers(&Entity::DEFAULT);
}

fn scrubbed(text: &str, policy: &Policy) -> String {
    ALL.with(|all| scrub(all, text, policy, &Context::default()).text.into_owned())
}

fn in_base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let three = |three: &[u8]| {
        let bits = three.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - three.len()));
        let sign = |at: usize| {
            if at <= three.len() { char::from(ALPHABET[(bits >> (18 - 6 * at)) as usize & 63]) } else { '=' }
        };
        (0..4).map(sign).collect::<String>()
    };
    text.as_bytes().chunks(3).map(three).collect()
}

#[test]
fn what_an_encoding_hides_is_found_where_it_is_written() {
    let tagged = policy(Operator::Tag);
    for (text, expected) in [
        ("?to=jo%40example.org&x=1", "?to=%3CEMAIL%3E&x=1"),
        ("call %2B1%20212%20555%200143.", "call %3CPHONE%3E."),
        ("<a>jo&#64;example&period;org</a>", "<a>&lt;EMAIL&gt;</a>"),
        ("jo&#x40;example.org", "&lt;EMAIL&gt;"),
        (r#"{"m": "jo\u0040example.org"}"#, r#"{"m": "<EMAIL>"}"#),
        (r#""tel\u003a 212\u002d555\u002d0143""#, r#""tel\u003a <PHONE>""#),
        ("write to jo=40example.org", "write to <EMAIL>"),
        ("write to jo@exam=\nple.org now", "write to <EMAIL> now"),
        // Two layers.
        ("jo%2540example.org", "%3CEMAIL%3E"),
        ("jo&amp;#64;example.org", "&lt;EMAIL&gt;"),
        // What is not encoded is written as always.
        ("jo@example.org caf%C3%A9", "<EMAIL> caf%C3%A9"),
    ] {
        assert_eq!(scrubbed(text, &tagged), expected);
        assert_eq!(scrubbed(expected, &tagged), expected, "a second time");
    }
}

#[test]
fn a_stretch_of_base64_goes_as_a_whole() {
    let hidden = in_base64("write to jo@example.org today");
    assert_eq!(scrubbed(&format!("data: {hidden}!"), &policy(Operator::Tag)), "data: <EMAIL>!");
    assert_eq!(scrubbed(&in_base64(&hidden), &policy(Operator::Tag)), "<EMAIL>");
    assert_eq!(scrubbed(&in_base64("write to jo%40example.org today"), &policy(Operator::Surrogate)), "<EMAIL>");
    let three = in_base64(&in_base64(&hidden));
    assert_eq!(scrubbed(&three, &policy(Operator::Tag)), three, "no deeper than two");
    let (long, clean) = (in_base64(&"jo@example.org ".repeat(5000)), in_base64("nothing to be found in here"));
    assert_eq!(scrubbed(&long, &policy(Operator::Tag)), long, "no longer than 64 KiB");
    assert_eq!(scrubbed(&clean, &policy(Operator::Tag)), clean);
}

#[test]
fn every_operator_writes_in_the_encoding() {
    for (operator, expected) in
        [(Operator::Keep, "?a=jo%40b.co"), (Operator::Redact, "?a=%3CREDACTED%3E"), (Operator::Mask, "?a=xx%40x.xx")]
    {
        assert_eq!(scrubbed("?a=jo%40b.co", &policy(operator)), expected);
    }
    let plain = scrubbed("jo@b.co", &policy(Operator::Surrogate));
    assert_eq!(scrubbed("?a=jo%40b.co", &policy(Operator::Surrogate)), format!("?a={}", plain.replace('@', "%40")));
    let hashed = scrubbed("jo@b.co", &policy(Operator::Hash));
    let written = hashed.replace('<', "%3C").replace(':', "%3A").replace('>', "%3E");
    assert_eq!(scrubbed("?a=jo%40b.co", &policy(Operator::Hash)), format!("?a={written}"));
    let encrypted = scrubbed("?a=jo%40b.co", &policy(Operator::Encrypt));
    assert_eq!(crate::decrypt(&encrypted, &[7; 32]).unwrap(), "?a=jo%40b.co");
}

#[test]
fn nothing_is_decoded_that_nobody_asked_for_or_that_is_no_escape() {
    for text in ["jo%40example.org", "jo&#64;example.org", "jo=40example.org", r"jo\u0040example.org"] {
        assert_eq!(scrubbed(text, &Policy::new(Operator::Tag)), text);
    }
    let percent = Policy::new(Operator::Tag).with_decode(&[Encoding::Percent]);
    assert_eq!(scrubbed("jo&#64;b.co jo%40b.co", &percent), "jo&#64;b.co %3CEMAIL%3E");
    for text in [
        "100%",
        "100% of 40%",
        "%zz%4",
        "%C3",
        "&#;",
        "&#99999999;",
        "&amp",
        r"\u004",
        r"\ud800",
        "a = b",
        "=4",
        "&unknown;",
    ] {
        assert_eq!(scrubbed(text, &policy(Operator::Tag)), text);
    }
    assert_ne!(policy(Operator::Tag).digest(), policy(Operator::Tag).with_decode(&[]).digest());
}

fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "jo%40example.org",
        "%40",
        "%25",
        "%2540",
        "jo",
        "example.org",
        "&#64;",
        "&amp;",
        "\\u0040",
        "\\n",
        "\\",
        "=40",
        "=\n",
        "=",
        "%",
        "&",
        "212",
        "-555-0143",
        "%2D",
        "call ",
        " ",
        "é",
        "%C3%A9",
        "\u{200b}",
        "\\u200b",
        "&lt;|im_start|&gt;",
        "<EMAIL>",
        "%3CEMAIL%3E",
        "am9AZXhhbXBsZS5vcmcgam9AZXhhbXBsZS5vcmc=",
    ]);
    prop::collection::vec(pieces, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(crate::tests::seeded(2000))]

    #[test]
    fn scrubbing_twice_changes_nothing_more(text in texts(), operator in prop::sample::select(vec![Operator::Tag, Operator::Redact, Operator::Hash, Operator::Surrogate])) {
        let once = scrubbed(&text, &policy(operator));
        prop_assert_eq!(&scrubbed(&once, &policy(operator)), &once);
    }

    #[test]
    fn what_is_encoded_reads_as_it_was(text in any::<String>(), encoding in prop::sample::select(vec![Encoding::Percent, Encoding::Html, Encoding::Json, Encoding::QuotedPrintable])) {
        let mut written = String::new();
        encoding.encode(&text, &mut written);
        let read = Decoded::of(&written, Encodings::of(&[encoding]));
        let read = read.map_or_else(|| written.clone(), |read| read.text().to_owned());
        prop_assert_eq!(read, text);
    }

    #[test]
    fn base64_reads_as_it_was(text in "[ -~é中]{12,60}") {
        prop_assert_eq!(base64::decode(&in_base64(&text)), Some(text));
    }
}
