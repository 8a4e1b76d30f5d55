//! Laws of the operators that draw on a key, over the same generated texts.

use proptest::prelude::*;

use super::laws::{apply_slowly, texts};
use super::*;
use crate::surrogate::is_surrogate;

const SCOPES: [Scope; 4] = [Scope::Span, Scope::Document, Scope::Unit, Scope::Corpus];

/// All but `keep` and `mask`, which leave what is found again.
const OPERATORS: [Operator; 6] =
    [Operator::Tag, Operator::Redact, Operator::Hash, Operator::Surrogate, Operator::Encrypt, Operator::Drop];

fn policies() -> impl Strategy<Value = Policy> {
    let entity = || prop::sample::select(&Entity::ALL[..]);
    let operator = || prop_oneof![prop::sample::select(&OPERATORS[..]), Just(Operator::Surrogate)];
    let exceptions = prop::collection::vec((entity(), operator()), 0..3);
    let thresholds = prop::collection::vec((entity(), 0.5_f32..1.0), 0..3);
    (operator(), exceptions, thresholds, prop::sample::select(&SCOPES[..]), any::<[u8; 32]>()).prop_map(
        |(default, exceptions, thresholds, scope, key)| {
            let policy = Policy::new(default).with_scope(scope).with_key(key).with_encrypt_key(key);
            let policy =
                exceptions.into_iter().fold(policy, |policy, (entity, operator)| policy.with(entity, operator));
            thresholds.into_iter().fold(policy, |policy, (entity, least)| policy.with_threshold(entity, least))
        },
    )
}

thread_local! {
    static ALL: Vec<Box<dyn Recognizer>> = recognizers(&Entity::ALL);
}

fn scrub_all<'a>(text: &'a str, policy: &Policy) -> Scrubbed<'a> {
    ALL.with(|recognizers| scrub(recognizers, text, policy, &Context { unit: Some(b"u") }))
}

/// What may stand after a scrub with surrogates alone: nothing that a second scrub would replace.
fn settled(text: &str, policy: &Policy) -> Result<(), TestCaseError> {
    let once = scrub_all(text, policy).text;
    let twice = scrub_all(&once, policy);
    prop_assert_eq!(&twice.text, &once, "{:?} -> {:?} -> {:?}: {:?}", text, &once, &twice.text, twice.findings);
    Ok(())
}

proptest! {
    #![proptest_config(seeded(6000))]

    #[test]
    fn scrubbing_twice_changes_nothing_more(text in texts(), policy in policies()) {
        settled(&text, &policy)?;
    }

    #[test]
    fn surrogates_alone_settle(text in texts(), key in any::<[u8; 32]>()) {
        settled(&text, &Policy::new(Operator::Surrogate).with_key(key))?;
    }

    #[test]
    fn a_surrogate_is_in_its_range_and_its_own_surrogate(text in texts(), entity in prop::sample::select(&Entity::ALL[..]), key in any::<[u8; 32]>()) {
        // Any text may be handed in as any kind: what is merged from several findings is.
        let once = surrogate::surrogate(&text, entity, || key);
        prop_assert!(text.is_empty() || is_surrogate(&once, entity), "{:?} -> {:?}", text, once);
        prop_assert_eq!(&surrogate::surrogate(&once, entity, || [0; 32]), &once);
    }

    #[test]
    fn surrogates_agree_with_the_slow_twin_of_applying(text in texts(), key in any::<[u8; 32]>()) {
        let findings = ALL.with(|recognizers| scan(recognizers, &text));
        let policy = Policy::new(Operator::Surrogate).with(Entity::Email, Operator::Hash).with_key(key);
        prop_assert_eq!(apply(&text, &findings, &policy), apply_slowly(&text, &findings, &policy));
    }

    #[test]
    fn scrubbing_is_scanning_and_applying_where_nothing_needs_a_second_look(text in texts(), key in any::<[u8; 32]>()) {
        for operator in [Operator::Tag, Operator::Hash, Operator::Encrypt] {
            let policy = [Entity::InvisibleText, Entity::ChatControl]
                .into_iter()
                .fold(Policy::new(operator), |policy, entity| policy.with(entity, operator))
                .with_key(key)
                .with_encrypt_key(key);
            let findings = ALL.with(|recognizers| scan(recognizers, &text));
            let scrubbed = scrub_all(&text, &policy);
            prop_assert_eq!(scrubbed.text, apply(&text, &findings, &policy));
            prop_assert_eq!(scrubbed.findings, findings);
        }
    }

    #[test]
    fn a_weak_finding_hides_no_sure_one(text in texts(), least in 0.5_f32..1.0) {
        // Twin: every finding of every recognizer that is sure enough is covered by something replaced.
        let policy = Policy::new(Operator::Tag).with_threshold(Entity::Phone, least);
        let scrubbed = scrub_all(&text, &policy);
        let sure = ALL.with(|all| all.iter().flat_map(|r| found(&**r, &text)).collect::<Vec<_>>());
        for finding in sure.iter().filter(|f| f.entity != Entity::Phone || f.confidence >= least) {
            let covered = |at| scrubbed.findings.iter().any(|f| policy.operator_for(f) != Operator::Keep && f.span.contains(&at));
            let inside = crate::placeholder::holds(text.as_bytes(), &finding.span);
            prop_assert!(inside || finding.span.clone().all(covered), "{:?} {:?} {:?}", text, finding, scrubbed.findings);
        }
    }
}

fn policy(operator: Operator) -> Policy {
    Policy::new(operator).with_key([7; 32]).with_encrypt_key([7; 32])
}

#[test]
fn what_a_surrogate_would_uncover_becomes_a_tag() {
    // Between a word and a number stood an address too long for the word to reach over; its surrogate is shorter.
    let far = format!("phone jo@{}.co 374 780 163", "x9".repeat(24));
    for (text, expected) in
        [("jo@b.co", None), ("jo@b.co, 212-736-5000", None), (far.as_str(), Some("phone <EMAIL> 374 780 163"))]
    {
        let scrubbed = scrub_all(text, &policy(Operator::Surrogate));
        match expected {
            Some(expected) => assert_eq!(scrubbed.text, expected),
            None => assert!(!scrubbed.text.contains('<') && scrubbed.text != text, "{}", scrubbed.text),
        }
    }
}

#[test]
fn what_only_models_read_is_neutralised_by_default_and_nothing_else_is() {
    let text = "hi<|im_end|>\u{200b} jo@b.co, <|im_\u{2060}start|>";
    for (policy, expected) in [
        (policy(Operator::Tag), "hi< |im_end|> <EMAIL>, < |im_start|>"),
        (policy(Operator::Redact), "hi< |im_end|> <REDACTED>, < |im_start|>"),
        (policy(Operator::Keep), text),
        (policy(Operator::Tag).with(Entity::ChatControl, Operator::Tag), "hi<CHAT_CONTROL> <EMAIL>, <CHAT_CONTROL>"),
        (
            policy(Operator::Keep).with(Entity::InvisibleText, Operator::Tag),
            "hi<|im_end|><INVISIBLE_TEXT> jo@b.co, <|im_\u{2060}start|>",
        ),
        (
            policy(Operator::Tag).with(Entity::InvisibleText, Operator::Redact),
            "hi< |im_end|><REDACTED> <EMAIL>, < |im_start|>",
        ),
    ] {
        let scrubbed = scrub_all(text, &policy);
        assert_eq!(scrubbed.text, expected, "{policy:?}");
        assert!(!scrubbed.dropped);
    }
    // Nothing of it is personal, so no document goes for it.
    assert!(!scrub_all("\u{200b}a[INST]", &policy(Operator::Drop).with_drop_above(0)).dropped);
    let policy = policy(Operator::Tag).with(Entity::Email, Operator::Neutralise);
    assert!(matches!(policy.validate(), Err(Error::Neutralise { entity: Entity::Email })));
    assert_eq!(scrub_all("jo@b.co", &policy).text, "<EMAIL>");
}

#[test]
fn what_neutralising_would_uncover_gets_a_tag() {
    // Without the character between them, two letters of Chinese would announce the number.
    let text = "电\u{feff}话 374 780 163";
    let scrubbed = scrub_all(text, &policy(Operator::Tag));
    assert_eq!(scrubbed.text, "电<INVISIBLE_TEXT>话 374 780 163");
}

#[test]
fn a_document_goes_for_one_finding_or_for_too_many() {
    let (few, many) = ("jo@b.co, 212-736-5000", "a1@b.co b1@b.co c1@b.co 212-736-5000");
    for (policy, text, dropped) in [
        (policy(Operator::Tag), many, false),
        (policy(Operator::Drop), few, true),
        (policy(Operator::Drop), "nothing", false),
        (policy(Operator::Tag).with(Entity::Phone, Operator::Drop), few, true),
        (policy(Operator::Tag).with(Entity::Phone, Operator::Drop), "jo@b.co", false),
        (policy(Operator::Tag).with(Entity::Phone, Operator::Drop).with_threshold(Entity::Phone, 0.9), few, false),
        (policy(Operator::Tag).with_drop_above(3), many, true),
        (policy(Operator::Tag).with_drop_above(4), many, false),
        (policy(Operator::Tag).with_drop_above(0), few, true),
        (policy(Operator::Tag).with_drop_above(0), "nothing", false),
        // Neither what is kept nor what is below its threshold counts.
        (policy(Operator::Keep).with_drop_above(0), many, false),
        (policy(Operator::Tag).with(Entity::Email, Operator::Keep).with_drop_above(1), many, false),
        (policy(Operator::Tag).with_threshold(Entity::Phone, 0.9).with_drop_above(3), many, false),
    ] {
        let scrubbed = scrub_all(text, &policy);
        assert_eq!(scrubbed.dropped, dropped, "{policy:?} {text}");
        assert!(!policy.may_drop() || scrubbed.text != few, "the text of a dropped document shows nothing either");
    }
}

#[test]
fn below_its_threshold_a_finding_is_seen_and_left() {
    let text = "call 374 780 163, 212-736-5000 or jo@b.co";
    let tagged = |least| {
        let scrubbed = scrub_all(text, &policy(Operator::Tag).with_threshold(Entity::Phone, least));
        assert_eq!(scrubbed.findings.len(), 3);
        scrubbed.text.into_owned()
    };
    assert_eq!(tagged(0.0), "call <PHONE>, <PHONE> or <EMAIL>");
    assert_eq!(tagged(0.8), "call 374 780 163, <PHONE> or <EMAIL>");
    assert_eq!(tagged(0.81), "call 374 780 163, 212-736-5000 or <EMAIL>");
    for least in [-0.1, 1.1, f32::NAN] {
        let error = policy(Operator::Tag).with_threshold(Entity::Phone, least).validate();
        assert!(matches!(error, Err(Error::Threshold { entity: Entity::Phone })), "{least}");
    }
}

#[test]
fn allowed_values_are_no_findings() {
    let allowed = ["Info@b.co", "+1 212 736 5000"].map(String::from);
    let policy = policy(Operator::Tag).with_allowed(&allowed);
    let scrubbed = scrub_all("info@b.co, +1 (212) 736-5000, jo@b.co, 2127365000", &policy);
    assert_eq!(scrubbed.text, "info@b.co, +1 (212) 736-5000, <EMAIL>, 2127365000");
    assert_eq!(scrubbed.findings.len(), 1);
    assert!(!format!("{policy:?}").contains("nfo@"), "a policy shows how many values it allows, and none of them");
}

#[test]
fn scopes_decide_what_is_linked() {
    let text = "jo@b.co wrote to jo@b.co";
    for operator in [Operator::Hash, Operator::Surrogate] {
        let write = |scope, text: &str, unit: &str| {
            let context = Context { unit: Some(unit.as_bytes()) };
            let findings = ALL.with(|recognizers| scan(recognizers, text));
            apply_in(text, &findings, &policy(operator).with_scope(scope), &context)
        };
        let first = |text: String| text.split(' ').next().unwrap().to_owned();
        for scope in SCOPES {
            let once = write(scope, text, "u");
            assert_eq!(once, write(scope, text, "u"), "the same run writes the same bytes");
            let (a, b) = once.split_once(" wrote to ").unwrap();
            assert_eq!(a == b, scope != Scope::Span, "{scope:?}");
            let other_document = first(write(scope, "jo@b.co wrote back", "u"));
            assert_eq!(a == other_document, matches!(scope, Scope::Unit | Scope::Corpus), "{scope:?}");
            let other_unit = first(write(scope, text, "v"));
            assert_eq!(a == other_unit, scope != Scope::Unit, "{scope:?}");
        }
    }
}

#[test]
fn the_digest_of_a_policy_follows_everything_in_it_and_shows_no_key() {
    let plain = || policy(Operator::Tag);
    let allow = |values: &[&str]| plain().with_allowed(&values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>());
    let different = [
        plain(),
        policy(Operator::Surrogate),
        plain().with(Entity::Email, Operator::Drop),
        plain().with_threshold(Entity::Email, 0.0),
        plain().with_threshold(Entity::Email, 0.5),
        plain().with_threshold(Entity::Phone, 0.5),
        plain().with_drop_above(0),
        plain().with_drop_above(1),
        plain().with_scope(Scope::Span),
        plain().with_scope(Scope::Document),
        plain().with_scope(Scope::Unit),
        plain().with_key([8; 32]),
        plain().with_encrypt_key([8; 32]),
        allow(&["a", "b"]),
        allow(&["ab"]),
        Policy::new(Operator::Tag).with_key([7; 32]),
        Policy::new(Operator::Tag).with_encrypt_key([7; 32]),
    ]
    .map(|policy| policy.digest());
    for (index, digest) in different.iter().enumerate() {
        assert_eq!(different.iter().position(|other| other == digest), Some(index), "{index}");
        assert!(digest.len() == 64 && !digest.contains("07070707"));
    }
    assert_eq!(allow(&["b", "a", "b"]).digest(), allow(&["a", "b"]).digest(), "no order of a list matters");
}

#[test]
fn presets_are_whole_and_can_be_used() {
    for preset in Preset::ALL {
        assert_eq!(Preset::of(preset.name).unwrap().source, preset.source);
        assert!(!preset.recognizers().is_empty() && !preset.source.is_empty());
        assert!(preset.packs.iter().all(|name| RulePack::built_in(name).is_some()));
        let exceptions =
            preset.operators.iter().map(|(entity, _)| entity).chain(preset.thresholds.iter().map(|(e, _)| e));
        assert!(exceptions.into_iter().all(|entity| preset.entities.contains(entity)), "{}", preset.name);
        assert!(preset.policy().validate().is_ok(), "a preset needs no key");
    }
    assert_eq!(
        Preset::of("FineWeb").map(|_| ()).unwrap_err().to_string(),
        "unknown preset `FineWeb`; write one of default, strict, fineweb, dolma, bigcode, hipaa18, secrets-only"
    );
    let dolma = Preset::of("dolma").unwrap();
    let six = "a1@b.co b1@b.co c1@b.co d1@b.co e1@b.co f1@b.co";
    let scrubbed = |text: &str| {
        let recognizers = recognizers(dolma.entities);
        let Scrubbed { text, dropped, .. } = scrub(&recognizers, text, &dolma.policy(), &Context::default());
        (text.into_owned(), dropped)
    };
    assert!(scrubbed(six).1 && !scrubbed(&six[8..]).1);
    assert_eq!(scrubbed("536-90-4399, call 374 780 163, 10.0.0.7").0, "536-90-4399, call 374 780 163, <IPV4>");
}
