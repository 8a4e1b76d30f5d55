//! Pictures of every kind, and slow twins of the checks.

use super::*;
use crate::resolve;
use crate::tests::SEED;

mod asia;
mod british;
mod devices;
mod europe_east;
mod europe_north;
mod europe_south;
mod europe_west;
mod latin_america;
mod probes;
mod twins;
mod united_states;
mod world;

thread_local! {
    static ALL: Identifiers = Identifiers::new(&Entity::ALL).unwrap();
}

fn findings(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    ALL.with(|all| all.find(text, &mut findings));
    findings
}

/// Texts with carets under the only finding, and its entity behind them.
fn found(cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (text, picture) in cases {
        let drawn: Vec<_> = resolve(findings(text))
            .into_iter()
            .map(|finding| {
                let inside = text.char_indices().map(|(at, _)| if finding.span.contains(&at) { '^' } else { ' ' });
                format!("{} {}", inside.collect::<String>().trim_end(), finding.entity)
            })
            .collect();
        if drawn != [*picture] {
            wrong.push(format!("\n  {text}\n  {picture}   expected\n  {}   found\n", drawn.join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

/// Texts in which this entity, whatever else, may not be found.
fn silent(cases: &[(Entity, &str)]) {
    let wrong: Vec<_> =
        cases.iter().filter(|(entity, text)| findings(text).iter().any(|finding| finding.entity == *entity)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_words_of_all_rules_fit_one_automaton() {
    ALL.with(|all| assert!(all.vocabulary.is_built()));
}

#[test]
fn a_word_of_another_kind_silences_what_speaks_for_itself() {
    silent(&[
        (Entity::ChAhv, "invoice 756.1234.5678.97"),
        (Entity::EsNif, "order no: 12345678Z"),
        (Entity::EsNif, "commit 12345678Z"),
        (Entity::EsNif, "/12345678Z"),
        (Entity::EsNif, "id=12345678Z"),
        (Entity::EsNif, "12345678Z-7"),
        (Entity::EsNif, "x_12345678Z"),
        (Entity::EsNif, "12345678z"),
        (Entity::InAadhaar, "2341 2341 2346 1111"),
        (Entity::InAadhaar, "1111 2341 2341 2346"),
    ]);
    found(&[
        ("order no, DNI 12345678Z", "              ^^^^^^^^^ ES_NIF"),
        ("dni: 12345678z.", "     ^^^^^^^^^ ES_NIF"),
        (r"\n12345678Z\n", "  ^^^^^^^^^ ES_NIF"),
        ("号码12345678Z。", "  ^^^^^^^^^ ES_NIF"),
        ("<ES_NIF>12345678Z<ES_NIF>", "        ^^^^^^^^^ ES_NIF"),
    ]);
    silent(&[(Entity::PtNif, "NIF <PT_NIF> 123456789"), (Entity::PtNif, "benifit 123456789")]);
}

/// A word is known on forms and in haste too.
#[test]
fn abbreviations_have_dots_and_numbers_are_short() {
    found(&[
        ("(T.F.N. 613 613 412)", "        ^^^^^^^^^^^ AU_TFN"),
        ("fødselsnr. 08116122643", "           ^^^^^^^^^^^ NO_FNR"),
        ("C.N.P.: 1900630462548", "        ^^^^^^^^^^^^^ RO_CNP"),
    ]);
    // Letters with dots that are part of more, and a date under a line that is no label.
    silent(&[
        (Entity::AuTfn, "xT.F.Ny 613 613 412"),
        (Entity::DateOfBirth, "She was born there.\n12/03/1985"),
        (Entity::DateOfBirth, "Born in:\nFebruary, not 12/03/1985"),
    ]);
}

/// Every word that holds a digit looked at in every way, plain numbers too.
fn slowly(all: &Identifiers, text: &str) -> Vec<Finding> {
    let (bytes, mut findings, mut floor) = (text.as_bytes(), Vec::new(), 0);
    while let Some(digit) = digits::next_digit(bytes, floor) {
        let token = token_around(bytes, digit, floor);
        let found = if token.len() <= TOKEN_BYTES_MAX { all.find_at(bytes, &token, floor, &mut findings) } else { 0 };
        floor = token.end.max(found);
    }
    findings
}

proptest::proptest! {
    #![proptest_config(crate::tests::seeded(20_000))]

    #[test]
    fn plain_numbers_are_dismissed_only_where_nothing_would_be_found(
        text in proptest::prop_oneof![crate::tests::shreds(), crate::tests::tables()],
    ) {
        ALL.with(|all| {
            let mut found = Vec::new();
            all.find(&text, &mut found);
            proptest::prop_assert_eq!(found, slowly(all, &text), "{}", text);
            Ok(())
        })?;
    }
}

#[test]
fn every_rule_is_written_somehow_and_found_when_it_is() {
    for rule in RULES.iter().copied().flatten() {
        assert!(!rule.alone.is_empty() || !rule.named.is_empty() && !rule.words.is_empty(), "{}", rule.name);
        for word in rule.words {
            assert!(!word.is_empty() && !word.as_bytes()[0].is_ascii_digit(), "{word}");
        }
    }
}
