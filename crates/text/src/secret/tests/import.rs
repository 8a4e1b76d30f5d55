//! Files in gitleaks' format: what is taken, what is left out and why.

use super::*;
use crate::Error;

const FILE: &str = r#"
title = "ours"
minVersion = "v8.25.0"

[extend]
useDefault = true

[[rules]]
id = "staff-token"
description = "A token of the staff"
regex = '''(?i)\bstaff[_-](?:token|key)["']?\s{0,3}[:=]\s{0,3}["']?([\w-]{12,40})\b'''
keywords = ["STAFF_", "staff-", "st"]
entropy = 3
tags = ["ours"]

[[rules.allowlists]]
regexTarget = "line"
regexes = ['''# public$''']

[[rules.allowlists]]
condition = "AND"
regexes = ['''^q''']
stopwords = ["Printer"]

[[rules]]
id = "two-groups"
regex = '''pair:(\w+):([a-z0-9]{8})'''
secretGroup = 2
keywords = ["pair:"]
[rules.allowlist]
paths = ["x"]
stopwords = ["lamp1234"]

[[rules]]
id = "by-path"
path = '''\.p12$'''

[[rules]]
id = "no-keyword"
regex = "abc[0-9]+"
keywords = ["ab"]

[[rules]]
id = "looks-around"
regex = "(?=abc)abc"
keywords = ["abc"]

[[rules]]
id = "empty"
regex = "(abc)?"
keywords = ["abc"]

[[rules]]
id = "no-group"
regex = "abc"
keywords = ["abc"]
secretGroup = 3

[[rules]]
regex = "abc"
keywords = ["abc"]

[[rules]]
id = "composite"
regex = "abc"
keywords = ["abc"]
required = [{ id = "staff-token" }]

[[rules]]
id = "odd"
regex = "odd:[0-9]{4}[a-f]+"
keywords = ["odd:"]
colour = "red"

[[allowlists]]
targetRules = ["odd"]
regexes = ["^odd:0000"]

[metadata]
x = 1
"#;

fn pack() -> RulePack {
    RulePack::parse(FILE).unwrap()
}

#[test]
fn what_cannot_be_honoured_is_listed_with_its_reason() {
    let skipped = pack().skipped().iter().map(ToString::to_string).collect::<Vec<_>>();
    let expected = [
        "`staff-token` in part: its keywords of less than 3 bytes are not looked for",
        "`two-groups` in part: `paths` of its allowlist allows nothing: a text has none",
        "`by-path` left out: it judges file names, and a text has none",
        "`no-keyword` left out: it has no keyword of at least 3 bytes, so its regex would run over every text",
        "`rules[7]` left out: it has no `id` of 1 to 100 visible ASCII characters",
        "`composite` left out: it needs findings of other rules nearby, which is not supported",
        "`odd` in part: its key `colour` is not known",
        "`extend` in part: packs are not built upon each other; name each one",
        "`metadata` in part: this table or key is not known",
        "`looks-around` left out: its regex does not compile (look-around, including look-ahead and look-behind, is not supported)",
        "`empty` left out: its regex matches the empty text",
        "`no-group` left out: its regex has no such `secretGroup`",
    ];
    let mut sorted = skipped.clone();
    sorted.sort();
    let mut wanted = expected.map(str::to_owned).to_vec();
    wanted.sort();
    assert_eq!(sorted, wanted);
    assert_eq!(pack().rules(), 3);
}

#[test]
fn rules_of_a_file_find_what_they_describe() {
    pictures(
        &*pack().recognizer(),
        &[
            ("staff_token = q7Xz-1v9Lm3Kd", "              ^^^^^^^^^^^^^"),
            ("见STAFF-KEY: 'q7Xz1v9Lm3Kd'", "             ^^^^^^^^^^^^"),
            ("staff_token = aaaabbbbaaaabbbb", ""),
            ("staff_token = q7Xz1v9Lm3Kd # public", ""),
            ("staff_token = q7Xz1v9Lm3Kd # public\nstaff_key=w7Xz1v9Lm3Kd", &format!("{}^^^^^^^^^^^^", " ".repeat(46))),
            ("staff_token = qPrinter1v9Lm3Kd", ""),
            ("staff_token = wPrinter1v9Lm3Kd", "              ^^^^^^^^^^^^^^^^"),
            ("staff_token = q7XzExample1v9Lm", ""),
            ("staff_token = ${STAFF_TOKEN_1}", ""),
            ("mystaff_token = q7Xz1v9Lm3Kd", ""),
            ("pair:x:a7c9e2b4 pair:y:b8d0f3c5", "       ^^^^^^^^        ^^^^^^^^"),
            ("pair:x:lamp1234", ""),
            ("odd:4711abc odd:0000abc", "^^^^^^^^^^^"),
            ("pair x:a7c9e2b4", ""),
        ],
    );
    let mut findings = Vec::new();
    pack().recognizer().find("odd:4711abc", &mut findings);
    assert_eq!(findings[0].rule.as_str(), "pack:odd");
}

#[test]
fn a_match_must_lie_near_its_keyword() {
    let rule = |more: &str| {
        let text = format!("[[rules]]\nid='a'\nregex='[a-z][0-9]{{6}}'\nkeywords=['staff']\n{more}");
        RulePack::parse(&text).unwrap().recognizer()
    };
    let text =
        |before: usize, after: usize| format!("b471188{}staff{}b482299 .", " ".repeat(before), " ".repeat(after));
    let found = |more: &str, before, after| {
        let mut findings = Vec::new();
        rule(more).find(&text(before, after), &mut findings);
        findings.len()
    };
    assert_eq!(found("", 57, 504), 2);
    assert_eq!(found("", 58, 504), 1);
    assert_eq!(found("", 58, 505), 0);
    assert_eq!(found("before = 0\nafter = 20", 0, 12), 1);
    assert_eq!(found("before = 0\nafter = 20", 0, 13), 0);
    assert_eq!(found("before = 100", 93, 600), 1);
    // Where a window is cut inside a character.
    for cut in 0..8 {
        let mut findings = Vec::new();
        let text = format!("{}staff{}{}b471188", "é".repeat(40), " ".repeat(cut), "电".repeat(200));
        rule("").find(&text, &mut findings);
        assert_eq!(findings, []);
    }
}

#[test]
fn packs_without_use_are_refused() {
    let error = |text: &str| RulePack::parse(text).unwrap_err();
    assert!(
        matches!(error("[[rules]]\nid = 'a'\nregex = ["), Error::RulePackSyntax { line: 3 }),
        "{}",
        error("[[rules]]\nid = 'a'\nregex = [")
    );
    assert!(matches!(error("a = 1\nb ="), Error::RulePackSyntax { line: 2 }));
    for text in
        ["", "title = 'x'", "rules = 3", "rules = ['a']", "[[rules]]\nid = 'a'\nregex = '('\nkeywords = ['abc']"]
    {
        assert!(matches!(error(text), Error::RulePackEmpty { .. }), "{text}");
    }
    let said = error("[[rules]]\nid = 'a'\nregex = '('\nkeywords = ['abc']").to_string();
    assert!(said.contains("`a` left out: its regex does not compile"), "{said}");
    for more in ["entropy = 'x'", "entropy = nan", "before = -1", "after = 5000", "secretGroup = 'x'"] {
        let text = format!("[[rules]]\nid = 'a'\nregex = 'abc'\nkeywords = ['abc']\n{more}");
        assert!(matches!(error(&text), Error::RulePackEmpty { .. }), "{more}");
    }
    assert!(RulePack::built_in("other").is_none());
}

#[test]
fn random_strings_are_found_where_that_is_asked_for() {
    let pack = RulePack::built_in("high-entropy").unwrap();
    assert_eq!((pack.rules(), pack.skipped()), (2, &[][..]));
    let hex = scramble(LOWER_HEX, 40);
    let base64 = scramble(alphabet("b64"), 44);
    let found = |text: &str| {
        let mut findings = Vec::new();
        pack.recognizer().find(text, &mut findings);
        resolve(findings).into_iter().map(|finding| text[finding.span].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found(&format!("cache_key: {hex},")), std::slice::from_ref(&hex));
    assert_eq!(found(&format!("\"signature\": \"{base64}\"")), std::slice::from_ref(&base64));
    assert_eq!(found(&format!("lamp: {hex}, {base64}")), [""; 0]);
    assert_eq!(found(&format!("key = sha256-{base64}")), [""; 0]);
    assert_eq!(found("key: 7f3b9c2e-41d8-4a6f-9b05-d2e8c7163fa4"), [""; 0]);
    assert_eq!(found(&format!("key = <SECRET>{hex}")), [""; 0]);
}

proptest::proptest! {
    #![proptest_config(crate::tests::seeded(1500))]

    #[test]
    fn no_file_makes_the_parser_panic(
        parts in proptest::collection::vec(
            proptest::prop_oneof![
                proptest::sample::select(FILE.lines().collect::<Vec<_>>()).prop_map(str::to_owned),
                r"[a-z\[\]=' .{}()\\]{0,12}",
            ],
            0..40,
        )
    ) {
        let text = parts.join("\n");
        if let Ok(pack) = RulePack::parse(&text) {
            pack.recognizer().find(&text, &mut Vec::new());
        }
    }
}

use proptest::strategy::Strategy as _;
