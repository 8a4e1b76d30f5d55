//! How fast a file's text is scanned and scrubbed: `cargo run --release -p privet-text --example scan_speed -- FILE
//! [ENTITY …]`.
//!
//! The file is cut into documents of about 4 KiB at line ends. Without entities, the default ones are looked for. To
//! scrub is to find and to write the text with tags in place of what was found.

#![allow(clippy::print_stdout, reason = "the figures are the output")]

use std::time::Instant;

use privet_text::{Context, Entity, Operator, Policy, recognizers, scan, scrub};

const DOCUMENT_BYTES: usize = 4096;
const ROUNDS: usize = 15;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let text = std::fs::read(arguments.next().ok_or("name a file")?)?;
    let text = String::from_utf8_lossy(&text);
    let mut entities = arguments.map(|name| name.parse()).collect::<Result<Vec<Entity>, _>>()?;
    if entities.is_empty() {
        entities.extend(Entity::DEFAULT);
    }
    let recognizers = recognizers(&entities);
    let documents = documents(&text);
    let policy = Policy::new(Operator::Tag);
    let mut findings = 0;
    let scanned = rate(text.len(), || findings = documents.iter().map(|text| scan(&recognizers, text).len()).sum());
    let scrubbed = rate(text.len(), || {
        for document in &documents {
            std::hint::black_box(scrub(&recognizers, document, &policy, &Context::default()));
        }
    });
    println!("scan {scanned}; scrub {scrubbed}; {findings} findings in {} documents", documents.len());
    Ok(())
}

/// The middle of several rates, and the best.
fn rate(bytes: usize, mut work: impl FnMut()) -> String {
    let rates = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        bytes as f64 / 1e6 / start.elapsed().as_secs_f64()
    });
    let mut rates = rates.collect::<Vec<_>>();
    rates.sort_by(f64::total_cmp);
    format!("{:.0} MB/s (best {:.0})", rates[ROUNDS / 2], rates[ROUNDS - 1])
}

fn documents(mut text: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    while !text.is_empty() {
        let from = text.len().min(DOCUMENT_BYTES);
        let end = text.as_bytes()[from..].iter().position(|&byte| byte == b'\n').map_or(text.len(), |at| from + at + 1);
        let (document, rest) = text.split_at(end);
        documents.push(document);
        text = rest;
    }
    documents
}
