//! No input makes scanning slower than linear.
//!
//! Each input is built so that a careless matcher would look at the same bytes again and again. Four times the text may
//! take six times as long plus a little: quadratic work would take sixteen times.

use std::time::{Duration, Instant};

use super::*;

const BYTES: usize = 100_000;

const UNITS: &[&str] = &[
    "@",
    "a@",
    "a.a@a.",
    "aaaa",
    "0",
    "1 ",
    "1.",
    "1.1.1.1.",
    "12-",
    "123 456 ",
    "(1)",
    "+1",
    "+1 2",
    "0a",
    ":",
    "a:",
    "::",
    "://",
    "a://b:c@",
    "a://b:c",
    "<",
    "<EMAIL>",
    ">",
    "]",
    "<REDACTED>",
    "eyJ",
    "eyJ.",
    "eyJ-",
    "ey.eyJ",
    "sk-",
    "AKIA",
    "password=",
    "password:\"",
    "token",
    "token = a1",
    "bearer ",
    "-----BEGIN ",
    "-----END ",
    "-----BEGIN PRIVATE KEY-----\nMIIE\n",
    "-----END PRIVATE KEY-----\n",
    "tel ",
    "tel 1234567 ",
    "phone 12 34 56 ",
    "ssn 123 45 6789 ",
    "DE12 ",
    "DE89 3704 0044 ",
    "4111 1111 ",
    "é",
    "电话1",
    "\u{200b}",
    "a\u{200b}",
    "1\u{200b}\u{200b}",
    "\u{202e}",
    "\u{200e} ",
    "\u{e0041}",
    "\u{1f600}\u{fe0f}\u{fe0f}",
    "а",
    "аa",
    "１",
    "１－",
    "–",
    "1–",
    "\u{a0}",
    "<s>",
    "<s>a</s>",
    "</s>",
    "[",
    "<|im_start|>",
    "ignore all previous ",
    "%",
    "%40",
    "0123456789abcdef",
    "\\n1",
    "1,",
    "1x",
    "dop_v1_",
    "cookie: ",
    "authorization: basic ",
    "curl -u a:",
    "datadog ",
    "datadog = a1b2c3d4e5f6a7b8c9d0",
    "AKIA7QEXAMQ7RT5KLMN3 ",
    "7Q~",
    "AAAAAAAAAAAAAAAAAAAA",
    "<password>a",
    "machine a login b ",
    "key = ",
    "key = a1",
    "A1",
    "A1 ",
    "AB 12 34 56 ",
    "nif 123456789 ",
    "dni 12345678Z",
    "999-99-9999 ",
    "756.1234.5678.97 ",
    "2341 2341 2346 ",
    "1:2:3:4:5:6:",
    "ab:1b:",
    "0x",
    "0x5a",
    "bc1",
    "111111",
    "1.23456, ",
    "gps 1.23456 2.34567 ",
    "1°",
    "1/2/1990 ",
    "born 1 ",
    "born 1/2/1990 ",
    "1 may ",
    "code 123456 ",
    "<<",
    "P<<",
    "A<<\n",
    " at ",
    "a at b dot ",
    "[at]",
    "@a",
    "u/a",
    "a@upi",
    "bic DEUTDEFF ",
    "AAAAAAAA ",
];

fn time(recognizers: &[Box<dyn Recognizer>], text: &str) -> Duration {
    fastest(|| {
        std::hint::black_box(scan(recognizers, text));
    })
}

fn fastest(work: impl Fn()) -> Duration {
    let once = || {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    once().min(once()).min(once())
}

/// Measures again where a busy machine may have come between: quadratic work is too slow every time.
fn grows_linearly(time: impl Fn(&str) -> Duration, small: &str, large: &str, what: &str) {
    let mut seen = Vec::new();
    for _ in 0..5 {
        let (small, large) = (time(small), time(large));
        if large < 6 * small + Duration::from_millis(50) {
            return;
        }
        seen.push((small, large));
    }
    panic!("{what}: {seen:?}");
}

#[test]
fn four_times_the_text_takes_about_four_times_as_long() {
    let recognizers = recognizers(&Entity::ALL);
    for unit in UNITS {
        let small = unit.repeat(BYTES / unit.len());
        let large = small.repeat(4);
        grows_linearly(|text| time(&recognizers, text), &small, &large, unit);
    }
}

/// Each match is short, and is one only after all of the rest was read in vain.
const LOOKS_FAR: &str = "key(?s:.*)z|key";

/// Patterns that look far, each of them at every keyword of a long text.
#[test]
fn rules_of_a_pack_are_linear_too() {
    let rule = |id: &str, regex: &str| format!("[[rules]]\nid = '{id}'\nregex = '{regex}'\nkeywords = ['key']\n");
    for regex in ["key.*end", "(key)+x", "k.{0,400}z", "key.*?(y|$)", "key(?s:.*)", "[a-z]*y[a-z]*", LOOKS_FAR] {
        let recognizers = [RulePack::parse(&rule("a", regex)).unwrap().recognizer()];
        let bytes = if regex == LOOKS_FAR { BYTES / 4 } else { BYTES };
        let small = "key".repeat(bytes / 3);
        let large = small.repeat(4);
        grows_linearly(|text| time(&recognizers, text), &small, &large, regex);
    }
}

#[test]
fn rewriting_is_linear_with_every_operator() {
    let recognizers = recognizers(&Entity::ALL);
    let keyed = |operator| Policy::new(operator).with_key([1; 32]).with_encrypt_key([2; 32]);
    let units = [
        "a@b.co ",
        "a@b.co1",
        "tel 1234567 ",
        "tel <EMAIL> 374 780 163 ",
        "a://b:c7def@g ",
        "password=\"tr0ub4dor\" ",
        "ssn 536 90 4399 ",
        "<SECRET:",
        "abcdefghijklmnop",
        "a\u{200b}b ",
        "\u{200b}<|im_end|>",
        "jо@exаmple.org ",
        "2\u{200b}12-555-0143 ",
    ];
    for policy in [
        keyed(Operator::Surrogate).with_scope(Scope::Span),
        keyed(Operator::Surrogate).with(Entity::Email, Operator::Tag).with_threshold(Entity::Phone, 0.9),
        keyed(Operator::Encrypt),
    ] {
        for unit in units {
            let small = unit.repeat(BYTES / unit.len());
            let large = small.repeat(4);
            let time = |text: &str| {
                fastest(|| {
                    std::hint::black_box(scrub(&recognizers, text, &policy, &Context::default()));
                })
            };
            grows_linearly(time, &small, &large, &format!("{policy:?} {unit:?}"));
        }
    }
}

#[test]
fn five_million_of_one_character_hold_nothing() {
    for unit in ["@", "%", "٠"] {
        assert!(scan(&recognizers(&Entity::ALL), &unit.repeat(5_000_000 / unit.len())).is_empty(), "{unit}");
    }
    let unseen = scan(&recognizers(&Entity::ALL), &"\u{200b}".repeat(1_000_000));
    assert_eq!(unseen.len(), 1);
}
