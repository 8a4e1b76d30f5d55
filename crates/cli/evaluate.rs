//! `privet evaluate`: how the recognizers, or the findings of any tool, compare with labelled text.

mod findings;
mod lines;
mod record;
mod shown;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use privet_text::evaluate::{Mark, Totals, canonical, code_point_offsets};
use privet_text::{Entity, Finding, Preset};

use crate::config::Scrub;
use crate::failure::{Exit, Failure};
use crate::progress;
use crate::scrub::rules::{self, Judge};
use crate::terminal::Terminal;
use findings::FindingsOut;
use lines::Lines;

/// Texts between two looks at the progress, and between two lines about it where there is no bar.
const TEXTS_PER_LOOK: u64 = 256;
const TEXTS_PER_LINE: u64 = 100_000;

#[derive(Args)]
#[command(after_help = FORMAT)]
pub(crate) struct Arguments {
    /// Labelled texts, JSON lines; may be packed with gzip or Zstandard
    gold: PathBuf,
    /// Entities to look for, separated by commas [default: all that need no asking for]
    #[arg(long, value_delimiter = ',', value_name = "ENTITY")]
    entities: Vec<Entity>,
    /// Instead: entities and thresholds of a preset, as `privet scrub` has them
    #[arg(long, value_name = "NAME", value_parser = crate::scrub::preset, conflicts_with_all = ["entities", "config"])]
    preset: Option<&'static Preset>,
    /// Instead: entities, own rules, rule packs, lists and thresholds of the `[scrub]` in this config
    #[arg(long, value_name = "FILE", conflicts_with = "entities")]
    config: Option<PathBuf>,
    /// Score findings of this confidence and more only, from 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "X", value_parser = confidence)]
    threshold: f32,
    /// Also show precision, recall and traps at every threshold
    #[arg(long)]
    curve: bool,
    /// Write where the findings are, whatever their confidence, one line a text
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    findings_out: Option<PathBuf>,
    /// Score this file of findings, line for line with GOLD, instead of looking for any
    #[arg(long, value_name = "FINDINGS")]
    from: Option<PathBuf>,
}

const FORMAT: &str = "\
A line of GOLD, offsets in Unicode code points (id and negatives may be left out):
  {\"id\": \"a1\", \"text\": \"…\", \"spans\": [{\"start\": 3, \"end\": 9, \"label\": \"EMAIL\"}],
   \"negatives\": [{\"start\": 12, \"end\": 17, \"why\": \"version\"}]}
A line of FINDINGS (confidence is 1 where it is left out):
  {\"id\": \"a1\", \"spans\": [{\"start\": 3, \"end\": 9, \"label\": \"EMAIL\", \"confidence\": 0.9}]}

A gold span takes, of the findings with its label that are not taken yet, the one with the greatest
intersection over union of characters, if that is at least one half; exact means the same ends.";

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<Exit, Failure> {
    let mut gold = Lines::open(&arguments.gold)?;
    let judge = judge(arguments)?;
    let rules = judge.recognizers.iter();
    let mut produced: BTreeSet<String> = rules.flat_map(|rule| rule.entities()).map(Entity::to_string).collect();
    let mut source = match &arguments.from {
        Some(path) => {
            // What another tool can find shows only in what it found.
            record::labels(&mut Lines::open(path)?, |label| {
                // An address of no version is one of two entities, told apart by a colon.
                produced.extend(["", ":"].map(|value| canonical(label, value)));
            })?;
            Source::File(Lines::open(path)?)
        }
        None => Source::Scan { judge: Box::new(judge), out: out(arguments)?, took: Duration::ZERO, bytes: 0 },
    };
    let mut totals = Totals::new(produced, arguments.threshold);
    let bytes = std::fs::metadata(&arguments.gold).map_or(0, |file| file.len());
    let bar = progress::bar(terminal, "evaluate", bytes);
    let read = read(&mut gold, &mut source, &mut totals, &mut |texts, position| {
        bar.set_position(position.min(bytes));
        bar.set_message(format!("{texts} texts"));
        if terminal.lines && texts % TEXTS_PER_LINE == 0 {
            terminal.say(&format!("evaluate: {texts} texts"));
        }
    });
    bar.finish_and_clear();
    read?;
    let mut speed = None;
    if let Source::Scan { out, took, bytes, .. } = source {
        speed = (took > Duration::ZERO).then(|| bytes as f64 / 1e6 / took.as_secs_f64());
        out.map_or(Ok(()), FindingsOut::finish)?;
    }
    if terminal.json {
        terminal.json(&shown::json(&totals, speed, arguments.threshold, arguments.curve));
    } else {
        terminal.out(&shown::text(&totals, speed, arguments.threshold, arguments.curve, terminal));
    }
    Ok(Exit::Done)
}

/// Where findings come from.
enum Source {
    Scan { judge: Box<Judge>, out: Option<FindingsOut>, took: Duration, bytes: u64 },
    File(Lines),
}

fn read(
    gold: &mut Lines,
    source: &mut Source,
    totals: &mut Totals,
    looked: &mut dyn FnMut(u64, u64),
) -> Result<(), Failure> {
    while let Some(record) = record::gold(gold)? {
        let found = match source {
            Source::File(lines) => record::findings(lines, &record)?,
            Source::Scan { judge, out, took, bytes } => {
                let start = Instant::now();
                let found = judge.findings(&record.text);
                *took += start.elapsed();
                *bytes += record.text.len() as u64;
                let spans = in_code_points(&record.text, &found);
                if let Some(out) = out {
                    out.write(&record, &found, &spans)?;
                }
                found.iter().zip(spans).map(|(finding, span)| mark(finding, span)).collect()
            }
        };
        totals.add(&record.marks, &found, &record.traps);
        if totals.texts.is_multiple_of(TEXTS_PER_LOOK) || totals.texts.is_multiple_of(TEXTS_PER_LINE) {
            looked(totals.texts, gold.position());
        }
    }
    if totals.texts == 0 {
        return Err(gold.refused("the file has no labelled text"));
    }
    if let Source::File(lines) = source
        && lines.next()?.is_some()
    {
        return Err(lines.refused("there are more findings than labelled texts"));
    }
    Ok(())
}

fn mark(finding: &Finding, span: Range<usize>) -> Mark {
    Mark { span, label: finding.entity.to_string(), confidence: finding.confidence }
}

/// The findings' places in code points. They are sorted and disjoint, so their ends ascend.
fn in_code_points(text: &str, found: &[Finding]) -> Vec<Range<usize>> {
    let bytes: Vec<usize> = found.iter().flat_map(|finding| [finding.span.start, finding.span.end]).collect();
    let ends = code_point_offsets(text, &bytes).unwrap_or_default();
    ends.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect()
}

fn judge(arguments: &Arguments) -> Result<Judge, Failure> {
    let Some(path) = &arguments.config else {
        let entities = (!arguments.entities.is_empty()).then(|| arguments.entities.clone());
        return Judge::of(&Scrub { entities, preset: arguments.preset, ..rules::empty() });
    };
    let place = path.display().to_string();
    let Some(scrub) = crate::config::load(path, &[])?.scrub else {
        return Err(Failure::usage("the config has no [scrub]").at(place).help("add one, or name --entities instead"));
    };
    Judge::of(&scrub).map_err(|failure| failure.or_at(&place))
}

fn out(arguments: &Arguments) -> Result<Option<FindingsOut>, Failure> {
    let Some(path) = &arguments.findings_out else { return Ok(None) };
    if same_file(path, &arguments.gold) {
        return Err(Failure::usage("--findings-out would replace the labelled texts")
            .at(path.display().to_string())
            .help("name another file"));
    }
    FindingsOut::create(path).map(Some)
}

fn same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn confidence(text: &str) -> Result<f32, String> {
    let number = text.parse::<f32>().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| String::from("write a number from 0 to 1"))
}
