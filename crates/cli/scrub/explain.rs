//! `privet scrub --explain`: what the rules make of one row, and what that hangs on.
//!
//! Places and kinds, and no text: that is shown only to whoever asks for it on a terminal, where it ends up in nobody's log.

use std::io::IsTerminal;
use std::path::PathBuf;

use privet_corpus::{ExplainedFinding, ExplainedText, ExplainedWord, Explanation, ScrubPlan};
use privet_text::Operator;
use serde_json::json;

use crate::failure::{Exit, Failure};
use crate::terminal::{Terminal, pairs};

pub(super) fn run(plan: &ScrubPlan, wanted: &str, show_values: bool, terminal: Terminal) -> Result<Exit, Failure> {
    if show_values && !std::io::stdout().is_terminal() {
        return Err(Failure::usage("--show-values shows private text, and stdout is no terminal")
            .why("what goes into a file or a pipe stays there")
            .help("leave --show-values out, or run the command where you can read it"));
    }
    let (file, row) = place(&plan.inputs, wanted)?;
    super::warn_of_skipped(plan, terminal);
    let explanation = privet_corpus::explain(plan, &file, row)?;
    if terminal.json {
        terminal.json(&as_json(&file.display().to_string(), &explanation, show_values));
    } else {
        let title = terminal.bold(&format!("row {row} of {}", file.display()));
        terminal.out(&(title + "\n" + &described(&explanation, show_values)));
    }
    Ok(Exit::Done)
}

/// `FILE:ROW`, where FILE is the end of one input's path, or `ROW` of the only input.
fn place(inputs: &[PathBuf], wanted: &str) -> Result<(PathBuf, u64), Failure> {
    let (name, row) = wanted.rsplit_once(':').map_or((None, wanted), |(name, row)| (Some(name), row));
    let row = row.parse().map_err(|_| {
        Failure::usage("--explain names no row").at(wanted).help("write a row counted from 0, or FILE:ROW")
    })?;
    let named: Vec<&PathBuf> = match name {
        Some(name) => inputs.iter().filter(|input| input.ends_with(name) || input.as_os_str() == name).collect(),
        None => inputs.iter().collect(),
    };
    match named[..] {
        [file] => Ok((file.clone(), row)),
        [] => Err(Failure::usage("--explain names a file that is no input").at(wanted).help("name it as INPUT too")),
        _ => Err(Failure::usage("--explain may mean several files")
            .at(wanted)
            .why(format!("{} input files fit", named.len()))
            .help("write FILE:ROW, with as much of the file's path as it takes")),
    }
}

fn as_json(file: &str, explanation: &Explanation, show_values: bool) -> serde_json::Value {
    // By way of text: a confidence is 0.95 there, and not the nearest binary fraction in full.
    let text = serde_json::to_string(explanation).unwrap_or_default();
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    value["file"] = json!(file);
    if show_values {
        for (index, text) in explanation.texts.iter().enumerate() {
            value["texts"][index]["text"] = json!(text.text);
            value["texts"][index]["rewritten"] = json!(text.rewritten);
        }
    }
    value
}

fn described(explanation: &Explanation, show_values: bool) -> String {
    let mut lines = Vec::new();
    if explanation.dropped {
        lines.push(String::from("the row is removed for what is found in it\n"));
    }
    if explanation.texts.is_empty() {
        lines.push(String::from("no selected text: the row passes through\n"));
    }
    for text in &explanation.texts {
        let found = if text.findings.is_empty() { ": nothing is found" } else { "" };
        lines.push(format!("`{}`, {} bytes{found}\n", text.column, text.bytes));
        if show_values {
            lines.push(pairs(&[("text", visible(&text.text)), ("becomes", visible(&text.rewritten))]));
        }
        for finding in &text.findings {
            lines.push(title(finding));
            lines.push(pairs(&reasons(text, finding, show_values)));
        }
    }
    lines.concat()
}

fn title(finding: &ExplainedFinding) -> String {
    let ExplainedFinding { entity, rule, bytes, characters, confidence, .. } = finding;
    let (b, c) = (bytes, characters);
    format!(
        "{entity} by rule `{rule}`, confidence {confidence:.2}, bytes {}..{} (characters {}..{})\n",
        b.start, b.end, c.start, c.end
    )
}

fn reasons(text: &ExplainedText, finding: &ExplainedFinding, show_values: bool) -> Vec<(&'static str, String)> {
    let mut rows = vec![("becomes", fate(finding))];
    if show_values {
        rows.push(("value", visible(part(&text.text, &finding.bytes))));
    }
    rows.push((
        "alone",
        match finding.alone {
            Some(alone) if sure(alone) == sure(finding.confidence) => {
                String::from("as sure: it needs nothing around it")
            }
            alone => left(alone) + ": what stands around it counts",
        },
    ));
    if finding.far {
        rows.push(("words", String::from("it hangs on text too far away to be looked at")));
    } else if finding.words.is_empty() {
        let together = finding.without_words != Some(finding.confidence);
        rows.push((
            "words",
            match finding.without_words {
                without if together => format!("no single one counts; without any of them {}", left(without)),
                _ => String::from("none counts"),
            },
        ));
    }
    for word in &finding.words {
        rows.push(("word", described_word(text, word, show_values)));
    }
    if finding.digits > 0 && !finding.far {
        rows.push((
            "digits",
            match (finding.digits_checked, finding.digits) {
                (0, _) => String::from("no check: others in their places would be found as well"),
                (checked, digits) if checked == digits && digits > 3 => {
                    format!("a check of all {digits} holds: with any other in any place it is less sure, or nothing")
                }
                (checked, digits) => {
                    format!("{checked} of {digits} count: with others there it is less sure, or nothing")
                }
            },
        ));
    }
    rows
}

fn fate(finding: &ExplainedFinding) -> String {
    match finding.operator {
        _ if finding.allowed => String::from("nothing else: it is on the allow list"),
        _ if finding.below_threshold => String::from("nothing else: it is below the threshold of its entity"),
        Operator::Keep => String::from("nothing else: the operator is keep"),
        Operator::Tag => format!("<{}>, by the operator tag", finding.entity),
        Operator::Drop => String::from("the operator is drop: its row goes"),
        operator => format!("another text, by the operator {}", operator.as_str()),
    }
}

fn described_word(text: &ExplainedText, word: &ExplainedWord, show_values: bool) -> String {
    let ExplainedWord { bytes, characters, without } = word;
    let shown = if show_values { format!(" `{}`", visible(part(&text.text, bytes))) } else { String::new() };
    format!(
        "bytes {}..{} (characters {}..{}){shown} announces it; without it {}",
        bytes.start,
        bytes.end,
        characters.start,
        characters.end,
        left(*without)
    )
}

fn left(confidence: Option<f32>) -> String {
    confidence.map_or_else(|| String::from("nothing is found"), |confidence| format!("confidence {confidence:.2}"))
}

fn sure(confidence: f32) -> u32 {
    (confidence * 1000.0).round() as u32
}

fn part<'a>(text: &'a str, bytes: &std::ops::Range<u64>) -> &'a str {
    text.get(bytes.start as usize..bytes.end as usize).unwrap_or_default()
}

/// A text on one line, with nothing in it that moves a terminal's cursor.
fn visible(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explanation() -> Explanation {
        let text = "the ssn 219-09-9998\u{1b}[2J, ann@example.org";
        let plan = ScrubPlan::new(Vec::new(), PathBuf::new(), privet_text::Policy::new(Operator::Tag));
        let file = tempfile::Builder::new().suffix(".jsonl").tempfile().unwrap();
        std::fs::write(file.path(), json!({ "text": text }).to_string()).unwrap();
        privet_corpus::explain(&plan, file.path(), 0).unwrap()
    }

    #[test]
    fn values_are_shown_to_whoever_asks_and_to_nobody_else() {
        let explanation = explanation();
        let plain = described(&explanation, false) + &as_json("a", &explanation, false).to_string();
        for part in [" ssn", "219-", "ann@", "example.org"] {
            assert!(!plain.contains(part), "{plain}");
        }
        for part in ["EMAIL by rule `email`", "US_SSN", "bytes 8..19", "bytes 4..7", "as sure", "operator tag"] {
            assert!(plain.contains(part), "`{part}` in {plain}");
        }
        let shown = described(&explanation, true);
        for part in ["ssn", "219-09-9998", "ann@example.org", "becomes  the ssn <US_SSN>\\u{1b}[2J, <EMAIL>"] {
            assert!(shown.contains(part), "`{part}` in {shown}");
        }
        assert!(!shown.contains('\u{1b}'), "a text does not write to the terminal as it likes");
        let first = &as_json("a", &explanation, false)["texts"][0]["findings"][0];
        assert_eq!((&first["confidence"], &first["alone"]), (&json!(0.95), &json!(0.8)));
        assert_eq!(as_json("a", &explanation, true)["texts"][0]["text"], json!(explanation.texts[0].text));
    }

    #[test]
    fn a_row_is_named_with_as_much_of_its_file_as_it_takes() {
        let inputs: Vec<PathBuf> = ["/d/a/x.csv", "/d/b/x.csv", "/d/y:1.csv"].map(PathBuf::from).to_vec();
        assert_eq!(place(&inputs, "a/x.csv:7").unwrap(), (inputs[0].clone(), 7));
        assert_eq!(place(&inputs, "y:1.csv:0").unwrap(), (inputs[2].clone(), 0));
        assert_eq!(place(&inputs[..1], "3").unwrap(), (inputs[0].clone(), 3));
        for wanted in ["x.csv:7", "7", "z.csv:7", "x.csv", "a/x.csv:-1", ""] {
            assert_eq!(place(&inputs, wanted).unwrap_err().exit, Exit::Usage, "{wanted}");
        }
    }
}
