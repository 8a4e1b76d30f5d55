//! How the recognizers' tests draw spans, and the laws that hold over the whole crate.

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;

use super::*;

pub(crate) use laws::{shreds, tables};

mod laws;
mod linear;
mod operators;
mod whole;

/// One seed for every generated test of the crate.
pub(crate) const SEED: u64 = 0x7072_6976_6574;

/// Generated tests draw the same cases on every machine and write no files.
pub(crate) fn seeded(cases: u32) -> ProptestConfig {
    ProptestConfig { rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

/// Spans as pictures: each text with carets under what must be found, and nothing else.
pub(crate) fn pictures(recognizer: &dyn Recognizer, cases: &[(&str, &str)]) {
    let wrong: Vec<_> = cases
        .iter()
        .map(|(text, picture)| (text, picture, draw(text, &resolve(found(recognizer, text)))))
        .filter(|(_, picture, drawn)| drawn != *picture)
        .map(|(text, picture, drawn)| format!("\n  {text}\n  {picture}   expected\n  {drawn}   found\n"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

/// Texts in which nothing may be found.
pub(crate) fn silent(recognizer: &dyn Recognizer, texts: &[&str]) {
    let wrong: Vec<_> = texts
        .iter()
        .map(|text| (text, draw(text, &found(recognizer, text))))
        .filter(|(_, drawn)| !drawn.is_empty())
        .map(|(text, drawn)| format!("\n  {text}\n  {drawn}   found"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

fn found(recognizer: &dyn Recognizer, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    recognizer.find(text, &mut findings);
    assert!(findings.iter().all(|finding| recognizer.entities().contains(&finding.entity)));
    findings
}

fn draw(text: &str, findings: &[Finding]) -> String {
    let inside = |at| findings.iter().any(|finding| finding.span.contains(&at));
    let carets: String = text.char_indices().map(|(at, _)| if inside(at) { '^' } else { ' ' }).collect();
    carets.trim_end().to_owned()
}

/// Random-looking characters of an alphabet: tokens for tests are made at run time, because a token written into a
/// source file is reported by every scanner that ever reads it.
pub(crate) fn scramble(alphabet: &str, length: usize) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    let mut state = SEED;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        alphabet[(state >> 33) as usize % alphabet.len()]
    };
    (0..length).map(|_| next()).collect()
}
