//! The scores as tables and as one JSON object. Every share comes with its exact binomial interval (Clopper and Pearson,
//! 95 %), which takes spans and texts for independent; F1 with the bootstrap over texts, which does not.

use privet_audit::clopper_pearson::interval;
use privet_text::evaluate::{Characters, Counts, Score, Share, Totals, ratio};
use serde_json::{Map, Value, json};

use crate::terminal::{Terminal, pairs, table};

const ALPHA: f64 = 0.05;

fn ends(part: u64, whole: u64) -> Option<(f64, f64)> {
    interval(part, whole, ALPHA).ok().map(|interval| (interval.lower, interval.upper))
}

pub(super) fn json(totals: &Totals, megabytes_per_second: Option<f64>, threshold: f32, curve: bool) -> Value {
    let entities = totals.scores().into_iter().map(|(label, score)| (label.to_owned(), score_json(&score)));
    let by_why = totals.traps().iter().map(|(why, share)| (why.clone(), share_json(*share)));
    let names = |list: Vec<(&str, u64)>| -> Map<String, Value> {
        list.into_iter().map(|(label, count)| (label.to_owned(), count.into())).collect()
    };
    let mut traps = share_json(totals.all_traps());
    traps["by_why"] = Value::Object(by_why.collect());
    let mut value = json!({
        "texts": totals.texts,
        "threshold": threshold_number(threshold),
        "micro": score_json(&totals.micro()),
        "entities": Value::Object(entities.collect()),
        "not_produced": names(totals.not_produced()),
        "not_in_gold": names(totals.not_in_gold()),
        "characters": characters_json(&totals.characters),
        "characters_of_entities": characters_json(&totals.characters_produced),
        "texts_with_leak": share_json(totals.leaks),
        "texts_with_leak_of_entities": share_json(totals.leaks_produced),
        "traps": traps,
        "megabytes_per_second": megabytes_per_second,
    });
    if curve {
        let points = totals.curve().into_iter().map(|point| {
            let Counts { true_positives, false_positives, false_negatives } = point.counts;
            json!({
                "threshold": threshold_number(point.threshold),
                "true_positives": true_positives,
                "false_positives": false_positives,
                "false_negatives": false_negatives,
                "precision": point.counts.precision(),
                "recall": point.counts.recall(),
                "f1": point.counts.f1(),
                "traps_hit": point.traps.part,
                "trap_rate": ratio(point.traps.part, point.traps.whole),
            })
        });
        value["curve"] = points.collect();
    }
    value
}

/// As it is written by hand: 0.35, and not the nearest binary fraction in full.
fn threshold_number(threshold: f32) -> f64 {
    (f64::from(threshold) * 1e6).round() / 1e6
}

fn score_json(score: &Score) -> Value {
    let Score { counts, exact, f1_interval } = score;
    json!({
        "gold": counts.gold(),
        "found": counts.found(),
        "true_positives": counts.true_positives,
        "false_positives": counts.false_positives,
        "false_negatives": counts.false_negatives,
        "precision": counts.precision(),
        "precision_interval": ends(counts.true_positives, counts.found()),
        "recall": counts.recall(),
        "recall_interval": ends(counts.true_positives, counts.gold()),
        "f1": counts.f1(),
        "f1_interval": f1_interval,
        "exact_true_positives": exact.true_positives,
        "exact_f1": exact.f1(),
    })
}

fn share_json(share: Share) -> Value {
    json!({
        "part": share.part,
        "of": share.whole,
        "rate": ratio(share.part, share.whole),
        "interval": ends(share.part, share.whole),
    })
}

fn characters_json(characters: &Characters) -> Value {
    let Characters { covered, gold, found } = *characters;
    json!({
        "gold": gold,
        "found": found,
        "covered": covered,
        "recall": ratio(covered, gold),
        "precision": ratio(covered, found),
    })
}

pub(super) fn text(
    totals: &Totals,
    megabytes_per_second: Option<f64>,
    threshold: f32,
    curve: bool,
    terminal: Terminal,
) -> String {
    let at = if threshold > 0.0 { format!(", findings of confidence {threshold} and more") } else { String::new() };
    let title = terminal.bold(&format!("{} texts{at}; 95 % intervals in brackets", totals.texts));
    let mut parts = vec![title + "\n" + &table(&scores(totals))];
    let title = terminal.bold("Without labels");
    parts.push(title + "\n" + &pairs(&unlabelled(totals, megabytes_per_second)));
    if !totals.traps().is_empty() {
        parts.push(terminal.bold("Traps: what must not be found") + "\n" + &table(&traps(totals)));
    }
    if curve {
        parts.push(terminal.bold("By least confidence") + "\n" + &table(&points(totals)));
    }
    parts.join("\n")
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| String::from("none"), |value| format!("{:.1}", 100.0 * value))
}

/// `93.8 [90.1, 96.4]`, in per cent.
fn with_ends(value: Option<f64>, ends: Option<(f64, f64)>) -> String {
    let ends = ends.map(|(low, high)| format!(" [{}, {}]", percent(Some(low)), percent(Some(high))));
    percent(value) + &ends.unwrap_or_default()
}

/// ` (93.8 [90.1, 96.4] %)`; nothing where there is no share.
fn in_brackets(value: Option<f64>, ends: Option<(f64, f64)>) -> String {
    value.map(|value| format!(" ({} %)", with_ends(Some(value), ends))).unwrap_or_default()
}

fn scores(totals: &Totals) -> Vec<Vec<String>> {
    let head = ["entity", "gold", "found", "precision %", "recall %", "F1 %", "exact F1 %"].map(String::from);
    let row = |name: &str, score: &Score| {
        let Score { counts, exact, f1_interval } = score;
        vec![
            name.to_owned(),
            counts.gold().to_string(),
            counts.found().to_string(),
            with_ends(counts.precision(), ends(counts.true_positives, counts.found())),
            with_ends(counts.recall(), ends(counts.true_positives, counts.gold())),
            with_ends(counts.f1(), *f1_interval),
            percent(exact.f1()),
        ]
    };
    let mut rows = vec![head.to_vec()];
    rows.extend(totals.scores().iter().map(|(label, score)| row(label, score)));
    rows.push(row("all of these", &totals.micro()));
    rows
}

fn unlabelled(totals: &Totals, megabytes_per_second: Option<f64>) -> Vec<(&'static str, String)> {
    let list = |list: Vec<(&str, u64)>| {
        let names: Vec<String> = list.iter().map(|(label, count)| format!("{label} {count}")).collect();
        if names.is_empty() { String::from("none") } else { names.join(", ") }
    };
    let leak = |share: Share| {
        let rate = in_brackets(ratio(share.part, share.whole), ends(share.part, share.whole));
        format!("{} of {} texts that hold any{rate}", share.part, share.whole)
    };
    let covered = |characters: &Characters| {
        let Characters { covered, gold, .. } = *characters;
        format!("{covered} of {gold}{}", in_brackets(ratio(covered, gold), None))
    };
    let Characters { covered: right, found, .. } = totals.characters;
    let mut rows = vec![
        ("gold characters found", covered(&totals.characters_produced) + ", of the entities above"),
        ("", covered(&totals.characters) + ", of every label"),
        ("found characters in gold", format!("{right} of {found}{}", in_brackets(ratio(right, found), None))),
        ("leaks", leak(totals.leaks_produced) + ", of the entities above"),
        ("", leak(totals.leaks) + ", of every label"),
        ("in gold, never produced", list(totals.not_produced())),
        ("found, never in gold", list(totals.not_in_gold())),
    ];
    if let Some(speed) = megabytes_per_second {
        rows.push(("speed of the scan", format!("{speed:.1} MB/s on one thread")));
    }
    rows
}

fn traps(totals: &Totals) -> Vec<Vec<String>> {
    let row = |why: &str, share: Share| {
        let rate = with_ends(ratio(share.part, share.whole), ends(share.part, share.whole));
        vec![why.to_owned(), share.part.to_string(), share.whole.to_string(), rate]
    };
    let mut rows = vec![["why", "hit", "of", "rate %"].map(String::from).to_vec()];
    rows.extend(totals.traps().iter().map(|(why, share)| row(why, *share)));
    rows.push(row("all of these", totals.all_traps()));
    rows
}

fn points(totals: &Totals) -> Vec<Vec<String>> {
    let mut rows = vec![["confidence", "precision %", "recall %", "F1 %", "traps hit"].map(String::from).to_vec()];
    let mut last = None;
    for point in totals.curve() {
        // Rows that repeat the one before say nothing.
        if last == Some((point.counts, point.traps)) {
            continue;
        }
        last = Some((point.counts, point.traps));
        rows.push(vec![
            format!("{:.2}", point.threshold),
            percent(point.counts.precision()),
            percent(point.counts.recall()),
            percent(point.counts.f1()),
            point.traps.part.to_string(),
        ]);
    }
    rows
}
