//! The rules of the box one by one, and the windows against the whole text.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::examples::EXAMPLES;
use super::*;
use crate::boundary;

/// Spans in `text` that rule `id` found.
fn by(id: &str, text: &str) -> Vec<std::ops::Range<usize>> {
    let mut findings = Vec::new();
    Secret.find(text, &mut findings);
    let name = format!("secret:{id}");
    findings.into_iter().filter(|finding| finding.rule.as_str() == name).map(|finding| finding.span).collect()
}

fn is_token(id: &str) -> bool {
    SHARED.rules.iter().any(|rule| rule.token && rule.name.as_str().ends_with(&format!(":{id}")))
}

#[test]
fn every_rule_has_an_example() {
    let tested = EXAMPLES.iter().map(|(id, ..)| format!("secret:{id}")).collect::<BTreeSet<_>>();
    let rules = SHARED.rules.iter().map(|rule| rule.name.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!(rules.iter().cloned().collect::<BTreeSet<_>>(), tested);
    assert_eq!(rules.len(), tested.len(), "two rules of one id");
}

#[test]
fn no_rule_shares_its_id_with_a_format() {
    for rule in &SHARED.rules {
        assert!(!TOKENS.iter().any(|(format, _)| rule.name.as_str() == format!("secret:{format}")), "{}", rule.name);
    }
}

#[test]
fn every_rule_finds_its_example_and_leaves_the_other_alone() {
    let mut wrong = Vec::new();
    for (id, yes, no) in EXAMPLES {
        let (example, secret) = marked(yes);
        for (before, after) in [("", ""), ("see ", " now"), ("见", "。"), ("\n\t", "\r\n"), ("é\u{200b} ", " é")] {
            let text = format!("{before}{example}{after}");
            let expected = before.len() + secret.start..before.len() + secret.end;
            if by(id, &text) != [expected] {
                wrong.push(format!("\n  {id}: found {:?} in {text}", by(id, &text)));
            }
        }
        let other = build(no);
        if !by(id, &other).is_empty() {
            wrong.push(format!("\n  {id}: found in {other}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn tokens_stand_alone() {
    for (id, yes, _) in EXAMPLES.iter().filter(|(id, ..)| is_token(id)) {
        let (example, secret) = marked(yes);
        let with = |at: usize, letter: &str| format!("{}{letter}{}", &example[..at], &example[at..]);
        for text in [with(secret.start, "x"), with(secret.start, "_"), with(secret.end, "_")] {
            let touched = |span: &std::ops::Range<usize>| {
                boundary::word_before(text.as_bytes(), span.start) || boundary::word_after(text.as_bytes(), span.end)
            };
            assert!(!by(id, &text).iter().any(touched), "{id}: {text}");
        }
        // In JSON and in code, an escape stands before.
        if !yes.contains('[') {
            assert_eq!(by(id, &format!("\\n{example}\\n")).len(), 1, "{id}");
        }
    }
}

#[test]
fn stand_ins_and_placeholders_are_no_secrets() {
    for (id, yes, _) in EXAMPLES {
        let (example, secret) = marked(yes);
        let head = &example[..secret.start];
        let tail = &example[secret.end..];
        let body = &example[secret.clone()];
        for value in [
            "<SECRET>".to_owned(),
            "<SECRET:abcdefghijklmnop>".to_owned(),
            format!("{}<REDACTED>", &body[..body.len() / 4]),
            "x".repeat(body.len()),
            format!("{}{}", &body[..body.len() / 4], "X".repeat(body.len() - body.len() / 4)),
            format!("${{{}}}", "TOKEN"),
            "os.getenv('TOKEN_1')".to_owned(),
        ] {
            let text = format!("{head}{value}{tail}");
            assert!(by(id, &text).is_empty(), "{id}: {text}");
        }
    }
}

/// Each rule's pattern over the whole text; what it finds counts where a keyword is near.
fn slowly(text: &str) -> BTreeSet<(String, usize, usize)> {
    let mut found = BTreeSet::new();
    for rule in &SHARED.rules {
        let mut near = vec![false; text.len()];
        for keyword in &rule.keywords {
            let starts = |at: &usize| {
                text.as_bytes().get(*at..at + keyword.len()).is_some_and(|f| f.eq_ignore_ascii_case(keyword.as_bytes()))
            };
            for at in (0..text.len()).filter(starts) {
                let end = text.len().min(at + keyword.len() + rule.after);
                near[at.saturating_sub(rule.before)..end].fill(true);
            }
        }
        for groups in rule.regex().unwrap().captures_iter(text) {
            let whole = groups.get(0).unwrap().range();
            if near[whole.clone()].iter().all(|&near| near)
                && near.get(whole.end).is_none_or(|&near| near)
                && let Some(finding) = windows::finding(rule, text, &groups)
            {
                found.insert((finding.rule.as_str().to_owned(), finding.span.start, finding.span.end));
            }
        }
    }
    found
}

fn quickly(text: &str) -> BTreeSet<(String, usize, usize)> {
    let mut findings = Vec::new();
    let mut windows = Windows::default();
    SHARED.keywords.find(text.as_bytes(), |keyword, at| {
        if let Anchor::Rule(rule, length) = SHARED.anchors[keyword] {
            windows.keyword(&SHARED.rules, rule, text, &(at..at + length), &mut findings);
        }
    });
    windows.finish(&SHARED.rules, text, &mut findings);
    findings.into_iter().map(|f| (f.rule.as_str().to_owned(), f.span.start, f.span.end)).collect()
}

fn pieces() -> impl Strategy<Value = String> {
    let keywords = SHARED.rules.iter().flat_map(|rule| rule.keywords.clone()).collect::<Vec<_>>();
    let whole = EXAMPLES.iter().flat_map(|(_, yes, no)| [build(yes), build(no)]).collect::<Vec<_>>();
    prop_oneof![
        2 => prop::sample::select(keywords),
        4 => prop::sample::select(whole),
        2 => prop::sample::select(vec![" ", "\n", "\"", "'", " = ", ": ", "é", "电话", "=", "&", "\\n", "_", "<SECRET>"])
            .prop_map(str::to_owned),
        1 => "[ -~]{0,12}",
        1 => "[ \n]{200,700}",
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(crate::tests::seeded(1500))]

    #[test]
    fn windows_agree_with_the_whole_text(pieces in prop::collection::vec(pieces(), 0..16)) {
        let text = pieces.concat();
        prop_assert_eq!(quickly(&text), slowly(&text), "{}", text);
    }
}
