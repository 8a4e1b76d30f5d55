//! All recognizers together, the operators, and the small functions.

use super::*;

fn scan_all(text: &str) -> Vec<Finding> {
    scan(&recognizers(&Entity::DEFAULT), text)
}

/// One line per finding: carets, then the entity and the rule.
fn check(text: &str, picture: &[&str]) {
    let drawn: Vec<_> = scan_all(text)
        .iter()
        .map(|finding| format!("{} {} {}", draw(text, std::slice::from_ref(finding)), finding.entity, finding.rule))
        .collect();
    assert_eq!(drawn, picture, "{text}");
}

#[test]
fn each_entity_is_told_from_the_others() {
    check("write to jo@example.org today", &["         ^^^^^^^^^^^^^^ EMAIL email"]);
    check("jo@example.org, 212-555-0143", &["^^^^^^^^^^^^^^ EMAIL email", "                ^^^^^^^^^^^^ PHONE phone"]);
    check("card 4111 1111 1111 1111", &["     ^^^^^^^^^^^^^^^^^^^ CREDIT_CARD credit-card"]);
    check("phone: 4111111111111", &["       ^^^^^^^^^^^^^ PHONE phone"]);
    check("call 536-90-4399", &["     ^^^^^^^^^^^ US_SSN us-ssn"]);
    check("SSN 536904399", &["    ^^^^^^^^^ US_SSN us-ssn"]);
    check("IBAN DE89 3704 0044 0532 0130 00", &["     ^^^^^^^^^^^^^^^^^^^^^^^^^^^ IBAN iban"]);
    check("::ffff:93.184.216.34", &["^^^^^^^^^^^^^^^^^^^^ IPV6 ipv6"]);
    check("call 93.184.216.34", &["     ^^^^^^^^^^^^^ IPV4 ipv4"]);
    check("https://jo:hunter2@example.com/", &["        ^^^^^^^^^^ URL_CREDENTIALS url-credentials"]);
    check("password = \"tr0ub4dor\"", &["            ^^^^^^^^^ SECRET secret:password"]);
    check("Nothing here: 1, 2, 3.", &[]);
}

#[test]
fn recognizers_are_what_was_asked_for_once_and_in_order() {
    let entities = |asked: &[Entity]| {
        recognizers(asked).iter().flat_map(|recognizer| recognizer.entities().to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(entities(&[]), []);
    assert_eq!(entities(&[Entity::Custom]), []);
    assert_eq!(entities(&[Entity::Iban, Entity::Email, Entity::Iban]), [Entity::Email, Entity::Iban]);
    assert_eq!(entities(&[Entity::PtNif, Entity::Email, Entity::PtNif]), [Entity::Email, Entity::PtNif]);
    let mut all = entities(&Entity::ALL);
    all.sort();
    assert_eq!(all, Entity::ALL[..Entity::ALL.len() - 1]);
}

#[test]
fn the_default_leaves_out_what_is_asked_for_only() {
    assert!(Entity::DEFAULT.is_sorted());
    for entity in [Entity::Email, Entity::UsSsn, Entity::EsNif, Entity::DateOfBirth, Entity::Custom] {
        assert!(Entity::DEFAULT.contains(&entity), "{entity}");
    }
    for entity in [Entity::Url, Entity::Date, Entity::BrCnpj, Entity::BankAccount, Entity::LicencePlate] {
        assert!(!Entity::DEFAULT.contains(&entity), "{entity}");
    }
}

fn finding(span: std::ops::Range<usize>, confidence: f32, entity: Entity) -> Finding {
    Finding { entity, span, confidence, rule: Rule::built_in("test") }
}

#[test]
fn overlaps_become_one_finding_with_the_strongest_label() {
    use Entity::{Email, Phone, Secret};
    let resolved =
        |findings: &[Finding]| resolve(findings.to_vec()).into_iter().map(|f| (f.span, f.entity)).collect::<Vec<_>>();
    assert_eq!(resolved(&[]), []);
    assert_eq!(resolved(&[finding(3..3, 1.0, Email)]), []);
    // The longest names it, the most confident of equals, the later entity of twins.
    assert_eq!(resolved(&[finding(0..4, 1.0, Secret), finding(1..9, 0.1, Email)]), [(0..9, Email)]);
    assert_eq!(resolved(&[finding(0..4, 0.4, Secret), finding(0..4, 0.5, Email)]), [(0..4, Email)]);
    assert_eq!(resolved(&[finding(0..4, 0.5, Secret), finding(0..4, 0.5, Email)]), [(0..4, Secret)]);
    assert_eq!(resolved(&[finding(0..4, 0.5, Email), finding(0..4, 0.5, Secret)]), [(0..4, Secret)]);
    // A chain is one finding, a touch is not.
    assert_eq!(
        resolved(&[finding(4..8, 0.5, Phone), finding(0..5, 0.5, Email), finding(7..9, 0.5, Secret)]),
        [(0..9, Email)]
    );
    assert_eq!(resolved(&[finding(0..4, 0.5, Email), finding(4..8, 0.5, Phone)]), [(0..4, Email), (4..8, Phone)]);
}

#[test]
fn operators_write_what_they_promise() {
    let text = "Jo: jo@example.org, +44 20 7946 0958, é";
    let findings = scan_all(text);
    let with = |operator| apply(text, &findings, &Policy::new(operator).with_key([7; 32]));
    assert_eq!(with(Operator::Keep), text);
    assert_eq!(with(Operator::Tag), "Jo: <EMAIL>, <PHONE>, é");
    assert_eq!(with(Operator::Redact), "Jo: <REDACTED>, <REDACTED>, é");
    assert_eq!(with(Operator::Mask), "Jo: xx@xxxxxxx.xxx, +00 00 0000 0000, é");
    let hashed = with(Operator::Hash);
    let shape: String = hashed.chars().map(|c| if matches!(c, 'a'..='p') { '.' } else { c }).collect();
    assert_eq!(shape, "J.: <EMAIL:................>, <PHONE:................>, é");
    let mixed = Policy::new(Operator::Tag).with(Entity::Email, Operator::Keep);
    assert_eq!(apply(text, &findings, &mixed), "Jo: jo@example.org, <PHONE>, é");
}

#[test]
fn hashes_depend_on_key_entity_and_value_and_not_on_formatting() {
    let hash = |value: &str, entity, key: u8| {
        let finding = finding(0..value.len(), 1.0, entity);
        apply(value, &[finding], &Policy::new(Operator::Hash).with_key([key; 32]))
    };
    let digest = |value: &str, entity, key| hash(value, entity, key).split(':').nth(1).unwrap().to_owned();
    assert_eq!(digest("Jo@Example.org", Entity::Email, 1), digest("jo@example.org", Entity::Email, 1));
    assert_eq!(digest("+1 (212) 555-0143", Entity::Phone, 1), digest("+12125550143", Entity::Phone, 1));
    assert_eq!(digest("DE89 3704 0044", Entity::Iban, 1), digest("de8937040044", Entity::Iban, 1));
    assert_eq!(digest("4111-1111", Entity::CreditCard, 1), digest("4111 1111", Entity::CreditCard, 1));
    assert_eq!(digest("2001:db8::1", Entity::Ipv6, 1), digest("2001:DB8:0::1", Entity::Ipv6, 1));
    assert_ne!(digest("A1", Entity::Secret, 1), digest("a1", Entity::Secret, 1));
    assert_ne!(digest("4111", Entity::CreditCard, 1), digest("4111", Entity::Phone, 1));
    assert_ne!(digest("4111", Entity::Phone, 1), digest("4111", Entity::Phone, 2));
    assert_ne!(digest("4111", Entity::Phone, 1), digest("4112", Entity::Phone, 1));
    // A fixed value: a hash must not change between releases without a new rules version.
    assert_eq!(hash("jo@example.org", Entity::Email, 0), "<EMAIL:fckbjakiphfgcflf>");
}

#[test]
fn a_policy_that_hashes_needs_a_key() {
    let policy = Policy::new(Operator::Tag).with(Entity::Iban, Operator::Hash);
    assert!(matches!(policy.validate(), Err(Error::HashKeyMissing { entity: Entity::Iban, operator: "hash" })));
    let text = "DE89370400440532013000";
    assert_eq!(apply(text, &scan_all(text), &policy), "<IBAN>");
    let keyed = policy.with_key([1; 32]);
    assert!(keyed.validate().is_ok());
    assert!(Policy::new(Operator::Mask).validate().is_ok());
    assert!(!format!("{keyed:?}").contains("1, 1"));
}

#[test]
fn findings_of_another_text_are_refused_without_quoting_it() {
    let panic = |text: &'static str, span: std::ops::Range<usize>| {
        let findings = [finding(span, 1.0, Entity::Email)];
        let error = std::panic::catch_unwind(|| apply(text, &findings, &Policy::new(Operator::Tag))).unwrap_err();
        error.downcast_ref::<String>().unwrap().clone()
    };
    assert_eq!(panic("short", 2..9), "a finding at bytes 2..9 does not fit a text of 5 bytes");
    assert_eq!(panic("é", 1..2), "a finding at bytes 1..2 does not fit a text of 2 bytes");
}

fn rule(name: &str, literals: &[&str], pattern: &str) -> CustomRule {
    CustomRule {
        name: name.to_owned(),
        literals: literals.iter().map(|literal| (*literal).to_owned()).collect(),
        pattern: pattern.to_owned(),
        entity: None,
    }
}

#[test]
fn custom_rules_find_behind_their_literals() {
    let compiled = rule("staff", &["EMP-"], r"(?i)\bemp-(?<value>\d{4})\b").compile().unwrap();
    pictures(
        &*compiled,
        &[
            ("EMP-1234 and emp-0007", "    ^^^^         ^^^^"),
            ("né EMP-1234", "       ^^^^"),
            ("EMP-123", ""),
            ("1234", ""),
        ],
    );
    assert_eq!(found(&*compiled, "EMP-1234")[0].rule.as_str(), "custom:staff");
    // The literal is a filter: what the pattern alone would match is not looked at.
    silent(&*rule("x", &["never"], r"\d+").compile().unwrap(), &["1234"]);
}

#[test]
fn texts_are_a_rule_of_an_entity() {
    let texts = ["<|a|>", "<|a|>b", "[(x"].map(str::to_owned);
    let rule = CustomRule::of_texts("chat-control", &texts, Entity::ChatControl);
    let compiled = rule.compile().unwrap();
    pictures(&*compiled, &[("x<|a|>b [(x <|a|>", " ^^^^^^ ^^^ ^^^^^"), ("<|b|>", "")]);
    assert_eq!(compiled.entities(), [Entity::ChatControl]);
    let mine = |entity| rule_set_digest(&[], &[CustomRule { entity, ..rule.clone() }], &[]);
    assert_ne!(mine(Some(Entity::ChatControl)), mine(None));
}

#[test]
fn custom_rules_that_cannot_work_are_refused() {
    let error = |rule: CustomRule| rule.compile().map(|_| ()).unwrap_err();
    assert!(matches!(error(rule("", &["abc"], "abc")), Error::CustomRuleName { .. }));
    assert!(matches!(error(rule("a b", &["abc"], "abc")), Error::CustomRuleName { .. }));
    assert!(matches!(error(rule("a", &[], "abc")), Error::CustomRuleWithoutLiteral { .. }));
    assert!(matches!(error(rule("a", &["abc", "ab"], "abc")), Error::CustomRuleLiteralTooShort { .. }));
    assert!(matches!(error(rule("a", &["abc"], "(abc")), Error::CustomRulePattern { .. }));
    assert!(matches!(error(rule("a", &["abc"], "(?=abc)")), Error::CustomRulePattern { .. }));
    assert!(matches!(error(rule("a", &["abc"], r"(?:\w{500}){500}")), Error::CustomRulePattern { .. }));
    assert!(matches!(error(rule("a", &["abc"], "(abc)?")), Error::CustomRuleMatchesNothing { .. }));
}

#[test]
fn the_rule_set_digest_follows_the_rules_and_not_their_order() {
    let (a, b) = (rule("a", &["abc"], "abc"), rule("b", &["abc"], "abc"));
    let digest = |entities: &[Entity], custom: &[&CustomRule]| {
        rule_set_digest(entities, &custom.iter().map(|&rule| rule.clone()).collect::<Vec<_>>(), &[])
    };
    let (email, iban) = (Entity::Email, Entity::Iban);
    assert_eq!(digest(&[email, iban], &[&a, &b]), digest(&[iban, email, iban], &[&b, &a]));
    let different = [
        digest(&[], &[]),
        digest(&[email], &[]),
        digest(&[email, iban], &[]),
        digest(&[email], &[&a]),
        digest(&[email], &[&b]),
        digest(&[email], &[&rule("a", &["abcd"], "abc")]),
        digest(&[email], &[&rule("a", &["abc"], "abcd")]),
        digest(&[email], &[&rule("a", &["abc", "abc"], "abc")]),
    ];
    // One long list of literals is not two rules, though their texts follow each other alike.
    let glued = rule("a", &["abc", "custom", "b", "abc", "abc"], "abc");
    assert_ne!(digest(&[], &[&glued]), digest(&[], &[&a, &b]));
    for (index, digest) in different.iter().enumerate() {
        assert_eq!(digest.len(), 64);
        assert!(!different[..index].contains(digest), "{index}");
    }
}

#[test]
fn the_rule_set_digest_follows_the_content_of_packs() {
    let pack = |id: &str| {
        RulePack::parse(&format!("[[rules]]\nid = \"{id}\"\nregex = \"staff-[0-9]+\"\nkeywords = [\"staff\"]")).unwrap()
    };
    let digest = |packs: &[RulePack]| rule_set_digest(&[Entity::Email], &[], packs);
    assert_eq!(digest(&[pack("a"), pack("b")]), digest(&[pack("b"), pack("a")]));
    let different = [digest(&[]), digest(&[pack("a")]), digest(&[pack("b")]), digest(&[pack("a"), pack("a")])];
    for (index, digest) in different.iter().enumerate() {
        assert!(!different[..index].contains(digest), "{index}");
    }
}

#[test]
fn labels_are_read_back() {
    for entity in Entity::ALL {
        assert_eq!(entity.as_str().parse::<Entity>().unwrap(), entity);
        assert_eq!(entity.to_string(), entity.as_str());
    }
    assert!(Entity::ALL.is_sorted());
    let error = "email".parse::<Entity>().unwrap_err().to_string();
    assert!(error.starts_with("unknown entity `email`; write one of URL, USERNAME, "), "{error}");
    assert!(error.ends_with(", URL_CREDENTIALS, SECRET, CUSTOM"), "{error}");
}

#[test]
fn invisible_characters_are_counted() {
    for (text, expected) in [
        ("", 0),
        ("plain ASCII\n\t", 0),
        ("naïve café 电话 🙂", 0),
        ("a\u{200b}b", 1),
        ("\u{feff}a\u{ad}b\u{2060}", 3),
        ("\u{202e}abc\u{202c}", 2),
        ("\u{e0041}\u{e0042}\u{e007f}", 3),
        ("👩\u{200d}👧", 1),
        ("❤\u{fe0f} a\u{a0}b\u{3000}", 0),
    ] {
        assert_eq!(invisible_characters(text), expected, "{text:?}");
    }
}
