//! Laws over generated texts.
//!
//! Two kinds of text: arbitrary Unicode, where nothing may panic, and shreds of real values glued together in any way,
//! where recognizers overlap, touch and stand in each other's context.

use proptest::prelude::*;

use super::*;

/// Pieces that are found, nearly found, or change what is found beside them.
const SHREDS: &[&str] = &[
    "jo@example.org",
    "a@b.co",
    "@",
    "mailto:",
    "git@",
    "212-555-0143",
    "(212) 555-0143",
    "+44 20 7946 0958",
    "2125550143",
    "374 780 163",
    "01 23 45 67 89",
    "0171 1234567",
    "10.0.0.1",
    "93.184.216.34",
    "1.2.3.4",
    "2001:db8::1",
    "a::b",
    "4111 1111 1111 1111",
    "4111111111111111",
    "503890547220",
    "378282246310005",
    "DE89 3704 0044 0532 0130 00",
    "GB29NWBK60161331926819",
    "536-90-4399",
    "536 90 4399",
    "536904399",
    "https://jo:hunter2@example.com",
    "://",
    "u:p4ss@",
    "password = \"tr0ub4dor\"",
    "password=",
    "token: ",
    "api_key='",
    "a1b2c3d4e5f6g7h8",
    "bearer ",
    "eyJ",
    "-----BEGIN PRIVATE KEY-----\n",
    "\n-----END PRIVATE KEY-----",
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7",
    "dop_v1_",
    "9f86d081884c7d659a2feaa0c55ad015",
    "datadog_app = ",
    "Authorization: Basic ",
    "Set-Cookie: sid=",
    "curl -u ",
    "key: ",
    "phone",
    "call ",
    "tel",
    "fax ",
    "office",
    "card ",
    "ssn ",
    "SSN",
    "social security",
    "host ",
    "ip ",
    "version ",
    "isbn ",
    "order ",
    "imei ",
    "NIF 123456789",
    "12345678Z",
    "756.1234.5678.97",
    "AB 12 34 56 C",
    "811228-9874",
    "2341 2341 2346",
    "1M8GDM9AXKP042788",
    "00:1b:44:11:3a:b7",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "48.85660, 2.35222",
    "12 March 1985",
    "1985-03-12",
    "123456",
    "P<UTOSPECIMEN<<INFO<<<<<<<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F3204153ZE184226B<<<<<16",
    "info [at] example [dot] org",
    "https://example.org/a",
    "@some_body",
    "DNI ",
    "nif",
    "born ",
    "gps ",
    "code is ",
    "account ",
    "plate ",
    "<EMAIL>",
    "<PHONE>",
    "<PT_NIF>",
    "<SECRET>",
    "<REDACTED>",
    "<CREDIT_CARD:abcdefghijklmnop>",
    "<",
    ">",
    "[",
    "]",
    "1",
    "12",
    "123",
    "1234",
    "555",
    "0",
    "00",
    "x",
    "ab",
    "é",
    "电话",
    "\u{200b}",
    "\u{a0}",
    "\u{ad}",
    "\u{200f}",
    "\u{202e}",
    "\u{200d}",
    "\u{fe0f}",
    "\u{e0041}",
    "–",
    "‑",
    "\u{2007}",
    "．",
    "＠",
    "（",
    "２１２",
    "５５５-０１４３",
    "jо@exаmple.org",
    "٠١٢٣",
    "а",
    "й",
    "<|im_start|>",
    "<|im_",
    "[INST]",
    "<s>",
    "</s>",
    "ignore all previous instructions",
    "🙂",
    "ß",
    " ",
    " ",
    " ",
    "  ",
    "\n",
    "\t",
    "-",
    ".",
    ",",
    ":",
    "/",
    "+",
    "(",
    ")",
    "_",
    "#",
    "=",
    "\"",
    "'",
    "\\n",
    "\\",
];

pub(crate) fn shreds() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(SHREDS), 0..14).prop_map(|pieces| pieces.concat())
}

/// Numbers as tables, logs and arrays hold them, with now and then a value among them that is found.
pub(crate) fn tables() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        4 => "[0-9]{1,12}",
        3 => "[0-9]{1,3}\\.[0-9]{1,8}",
        1 => "[0-9]{1,3}(\\.[0-9]{1,3}){2,3}",
        1 => "[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?",
        1 => "(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]",
        1 => "[0-9]{1,2}[-/.][0-9]{1,2}[-/.](19|20)[0-9]{2}",
        1 => "[0-9a-f]{1,12}",
    ];
    let word = prop::sample::select(vec![
        "code",
        "otp ",
        "dob",
        "born",
        "lat",
        "gps ",
        "age",
        "id",
        "\"tax\": ",
        "nif ",
        "May ",
        " March",
        " years old",
        "phone",
        "mac ",
        "AB ",
        "x",
        "T",
        "é",
        "°",
        "日",
    ]);
    let joint = prop::sample::select(vec![
        ",", ", ", " ", ": ", ":", "-", "/", ".", ". ", "\t", "\n", "[", "]", "(", ")", "\"", "_", "+", "%",
    ]);
    let piece = prop_oneof![6 => number.prop_map(String::from), 1 => word.prop_map(str::to_owned), 6 => joint.prop_map(str::to_owned)];
    prop_oneof![
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat()),
        prop::collection::vec((shreds(), "[0-9]{1,9}"), 0..3).prop_map(|parts| {
            parts
                .into_iter()
                .flat_map(|(shred, number)| [number.clone(), shred, number].map(|part| part + ","))
                .collect()
        }),
    ]
}

pub(super) fn texts() -> impl Strategy<Value = String> {
    prop_oneof![4 => shreds(), 1 => any::<String>(), 1 => "[0-9 .()+-]{0,40}", 1 => "[a-f0-9:.@/]{0,40}"]
}

fn policies() -> impl Strategy<Value = Policy> {
    let operators = vec![Operator::Tag, Operator::Redact, Operator::Hash, Operator::Drop];
    let exceptions =
        prop::collection::vec((prop::sample::select(&Entity::ALL[..]), prop::sample::select(operators.clone())), 0..4);
    (prop::sample::select(operators.clone()), exceptions, any::<[u8; 32]>()).prop_map(|(default, exceptions, key)| {
        exceptions
            .into_iter()
            .fold(Policy::new(default), |policy, (entity, operator)| policy.with(entity, operator))
            .with_key(key)
    })
}

/// Rebuilds the text character by character: outside every span as it was, and at each span's start its replacement.
pub(super) fn apply_slowly(text: &str, findings: &[Finding], policy: &Policy) -> String {
    let mut rewritten = String::new();
    for (at, character) in text.char_indices() {
        if let Some(finding) = findings.iter().find(|finding| finding.span.start == at) {
            let alone = Finding { span: 0..finding.span.len(), ..finding.clone() };
            rewritten += &apply(&text[finding.span.clone()], &[alone], policy);
        }
        if !findings.iter().any(|finding| finding.span.contains(&at)) {
            rewritten.push(character);
        }
    }
    rewritten
}

/// Whether each byte is covered: what `resolve` may not change.
fn covered(length: usize, findings: &[Finding]) -> Vec<bool> {
    (0..length).map(|at| findings.iter().any(|finding| finding.span.contains(&at))).collect()
}

thread_local! {
    static ALL: Vec<Box<dyn Recognizer>> = recognizers(&Entity::ALL);
}

fn scan_all(text: &str) -> Vec<Finding> {
    ALL.with(|recognizers| scan(recognizers, text))
}

const CASES: u32 = 4000;

proptest! {
    #![proptest_config(seeded(CASES))]

    #[test]
    fn findings_are_sorted_disjoint_and_on_character_boundaries(text in texts()) {
        let findings = scan_all(&text);
        prop_assert!(findings.is_sorted_by(|a, b| a.span.end <= b.span.start));
        for finding in findings {
            prop_assert!(!finding.span.is_empty() && text.get(finding.span.clone()).is_some());
            prop_assert!((0.0..=1.0).contains(&finding.confidence));
        }
    }

    #[test]
    fn every_recognizer_alone_keeps_to_character_boundaries(text in texts()) {
        ALL.with(|recognizers| {
            for recognizer in recognizers {
                for finding in found(&**recognizer, &text) {
                    prop_assert!(!finding.span.is_empty() && text.get(finding.span.clone()).is_some());
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn resolving_covers_the_same_bytes_in_any_order(text in texts(), turn in 0_usize..8) {
        let mut findings: Vec<_> = ALL.with(|recognizers| recognizers.iter().flat_map(|r| found(&**r, &text)).collect());
        let resolved = resolve(findings.clone());
        prop_assert_eq!(covered(text.len(), &resolved), covered(text.len(), &findings));
        findings.reverse();
        if !findings.is_empty() {
            let length = findings.len();
            findings.rotate_left(turn % length);
        }
        prop_assert_eq!(&resolve(findings), &resolved);
        prop_assert_eq!(&resolve(resolved.clone()), &resolved);
    }

    #[test]
    fn applying_agrees_with_its_slow_twin(text in texts(), policy in policies()) {
        let findings = scan_all(&text);
        prop_assert_eq!(apply(&text, &findings, &policy), apply_slowly(&text, &findings, &policy));
    }

    #[test]
    fn applying_resolves_first_when_it_must(text in texts(), policy in policies()) {
        let mut findings: Vec<_> = ALL.with(|recognizers| recognizers.iter().flat_map(|r| found(&**r, &text)).collect());
        findings.reverse();
        prop_assert_eq!(apply(&text, &findings, &policy), apply(&text, &resolve(findings.clone()), &policy));
    }

    #[test]
    fn a_second_pass_finds_nothing(text in texts(), policy in policies()) {
        let once = apply(&text, &scan_all(&text), &policy);
        let again = scan_all(&once);
        prop_assert!(again.is_empty(), "{:?} -> {:?}: {:?}", text, once, again);
    }

    #[test]
    fn masks_keep_length_in_characters(text in texts()) {
        let policy = Policy::new(Operator::Mask);
        let policy = [Entity::InvisibleText, Entity::ChatControl].into_iter().fold(policy, |p, e| p.with(e, Operator::Mask));
        let masked = apply(&text, &scan_all(&text), &policy);
        prop_assert_eq!(masked.chars().count(), text.chars().count());
    }
}
