//! The report as a user reads it at the end of a run: at most forty lines, one guarantee per thought.

use crate::document::{edition, lower_bound, phrase, verdict};
use crate::words::{self, count, number};
use crate::{Basis, Edition, Report, Section, statement};

/// Narrower than this a statement does not fit forty lines, wider than that nobody reads it.
const WIDTHS: std::ops::RangeInclusive<usize> = 72..=100;

/// Width of the column of names.
const INDENT: usize = 13;

const BOLD: &str = "\u{1b}[1m";
const YELLOW: &str = "\u{1b}[33m";
const PLAIN: &str = "\u{1b}[0m";

/// Renders the short statement for a terminal of `width` columns (taken as 72 to 100), with a final newline.
///
/// `color` adds bold and yellow; nothing is said by colour alone.
pub fn terminal(report: &Report, color: bool, width: usize) -> String {
    let width = width.clamp(*WIDTHS.start(), *WIDTHS.end());
    let paint = |code: &str, text: &str| if color { format!("{code}{text}{PLAIN}") } else { text.to_owned() };
    let mut lines = vec![paint(BOLD, &format!("Privacy report of the run {}", shorten(&report.name, width - 27)))];
    lines.extend(wrap(edition(report.edition), width));
    for warning in &report.warnings {
        lines.extend(wrap(&format!("Warning: {warning}"), width).iter().map(|line| paint(YELLOW, line)));
    }
    lines.push(String::new());
    lines.extend(wrap(&phrase(report), width).iter().map(|line| paint(BOLD, line)));
    lines.push(String::new());
    for (name, text) in entries(report) {
        let mut names = std::iter::once(name).chain(std::iter::repeat(""));
        for line in wrap(&text, width - INDENT) {
            let name = names.next().unwrap_or_default();
            lines.push(format!("{name:INDENT$}{line}"));
        }
    }
    lines.join("\n") + "\n"
}

fn entries(report: &Report) -> Vec<(&'static str, String)> {
    let mut entries = vec![
        ("means", means(report)),
        ("mechanism", mechanism(report)),
        ("released", "everything in public/".to_owned()),
        ("covers", report.scope.covers.clone()),
        (
            "not covered",
            "private/, the base model's own training data, choices made by looking at private results, side channels, \
             floating-point rounding"
                .to_owned(),
        ),
    ];
    if let Section::Present { value } = &report.utility {
        let control = value
            .control
            .value()
            .map_or(String::new(), |control| format!(", control without privacy {:.4}", control.loss));
        let text = format!(
            "loss on {}: base model {:.4}, released model {:.4}{control}",
            shorten(&value.split, 40),
            value.base_loss,
            value.released_loss
        );
        entries.push(("utility", text));
    }
    if report.edition == Edition::Private {
        entries.extend(private(report));
    }
    let ledger = &report.ledger;
    entries.push((
        "ledger",
        format!("{}, head {}, agrees with the plan", count(ledger.lines, "line"), shorten(&ledger.head, 16)),
    ));
    entries.push(("rests on", assumptions(report)));
    entries
}

fn means(report: &Report) -> String {
    let unit = words::unit_name(report.guarantee.privacy_unit);
    let tests: Vec<String> = report
        .guarantee
        .reading
        .iter()
        .map(|point| {
            let (found, false_alarms) =
                (words::percent_up(point.true_positive_rate_max), words::percent_up(point.false_positive_rate));
            format!("in at most {found} of cases at {false_alarms} false alarms")
        })
        .collect();
    format!("a test for any one {unit} succeeds {}", tests.join(", "))
}

fn mechanism(report: &Report) -> String {
    let (mechanism, guarantee) = (&report.mechanism, &report.guarantee);
    format!(
        "{}, {}; noise multiplier {}, clipping norm {}{}, Poisson rate {}, divisor {}",
        mechanism
            .banded
            .map_or("DP-SGD".to_owned(), |banded| format!("DP-BandMF with {}", words::count(banded.bands, "band"))),
        statement::steps(guarantee.steps_charged, &report.ledger, mechanism.steps_planned),
        number(mechanism.noise_multiplier),
        number(mechanism.max_grad_norm),
        if mechanism.adaptive_clip.is_some() { " at first" } else { "" },
        number(mechanism.sampling_rate_decimal),
        number(mechanism.expected_batch_size),
    )
}

fn private(report: &Report) -> Vec<(&'static str, String)> {
    let known = |number: Option<u64>| number.map_or("?".to_owned(), |number| number.to_string());
    let mut entries = Vec::new();
    if let Section::Present { value } = &report.corpus {
        let text = format!(
            "{} rows in, {} changed, {} duplicates removed, {} rows out",
            known(value.rows_in),
            known(value.rows_changed),
            known(value.duplicates_removed),
            known(value.rows_out)
        );
        entries.push(("corpus", text));
    }
    if let Section::Present { value } = &report.training {
        let text = format!(
            "{} units trained on, {} cut to the sequence length",
            known(value.units),
            known(value.truncated_units)
        );
        entries.push(("training", text));
    }
    if let Section::Present { value } = &report.evidence {
        let text = format!(
            "audit with {} canaries, lower bound of {} (the guarantee is the upper bound); {}",
            value.canaries,
            lower_bound(report, value.epsilon_lower_bound),
            verdict(value)
        );
        entries.push(("evidence", text));
    }
    entries
}

fn assumptions(report: &Report) -> String {
    let of = |basis: Basis| report.assumptions.iter().filter(|row| row.basis == basis).count();
    format!(
        "{} assumptions enforced by code, {} tested, {} only asserted; the report lists them all",
        of(Basis::Enforced),
        of(Basis::Tested),
        of(Basis::Asserted)
    )
}

fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(3)).collect::<String>() + "..."
}

/// Breaks at spaces so that no line is longer than `width` characters; a word longer than that is cut.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut room = width;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word = word;
        loop {
            let length = word.chars().count();
            let gap = usize::from(room < width);
            let Some(line) = lines.last_mut() else { break };
            if length + gap <= room {
                if gap == 1 {
                    line.push(' ');
                }
                line.push_str(word);
                room -= length + gap;
                break;
            }
            if gap == 0 {
                let cut = word.char_indices().nth(width).map_or(word.len(), |(at, _)| at);
                line.push_str(&word[..cut]);
                word = &word[cut..];
            }
            lines.push(String::new());
            room = width;
        }
    }
    lines
}
