//! The order and the words of the long renderings; how they look is up to Markdown and HTML.
//!
//! Blocks hold plain text; whoever renders them escapes it. A block that contains an epsilon contains its delta, unit and
//! adjacency as well.

use crate::words::{self, count, number};
use crate::{
    Control, Copies, Corpus, Edition, Evidence, GroupFigure, Report, Section, Selftest, StageProof, TrainingFigures,
    Utility,
};

/// A piece of a document.
pub(crate) enum Block {
    Heading(&'static str),
    Paragraph(String),
    /// Something a reader should not miss.
    Warning(String),
    List(Vec<String>),
    Table {
        head: Vec<String>,
        rows: Vec<Vec<String>>,
    },
    /// epsilon over charged releases; the caption carries its context.
    Curve {
        caption: String,
    },
}

/// The report as blocks.
pub(crate) fn document(report: &Report) -> Vec<Block> {
    let mut blocks = vec![Block::Paragraph(edition(report.edition).to_owned())];
    blocks.extend(report.warnings.iter().cloned().map(Block::Warning));
    blocks.push(Block::Heading("Statement"));
    blocks.push(Block::Paragraph(report.statement.headline.clone()));
    blocks.extend(report.statement.paragraphs.iter().cloned().map(Block::Paragraph));
    guarantee(report, &mut blocks);
    mechanism(report, &mut blocks);
    scope(report, &mut blocks);
    ledger(report, &mut blocks);
    section("Corpus", &report.corpus, corpus, &mut blocks);
    section("Copies", &report.copies, copies, &mut blocks);
    section("Training", &report.training, training, &mut blocks);
    section("Evidence", &report.evidence, |evidence| audit(evidence, report), &mut blocks);
    section("Selftest", &report.selftest, selftest, &mut blocks);
    section("Utility", &report.utility, utility, &mut blocks);
    provenance(report, &mut blocks);
    blocks.push(Block::Heading("Limits"));
    blocks.push(Block::List(report.limits.clone()));
    blocks.push(Block::Heading("Assumptions"));
    blocks.push(assumptions(report));
    blocks
}

/// What may be done with an edition.
pub(crate) fn edition(edition: Edition) -> &'static str {
    match edition {
        Edition::Public => "Public edition: made from the folder public/ alone.",
        Edition::Private => {
            "Private edition: contains figures that follow from the data without noise. Do not publish it."
        }
    }
}

/// The guarantee in one phrase.
pub(crate) fn phrase(report: &Report) -> String {
    let figures = &report.guarantee;
    words::guarantee(figures.epsilon, figures.delta, figures.privacy_unit, figures.adjacency)
}

/// Any other epsilon of the report, in the same words.
pub(crate) fn phrase_of(report: &Report, epsilon: f64) -> String {
    let figures = &report.guarantee;
    words::guarantee(epsilon, figures.delta, figures.privacy_unit, figures.adjacency)
}

/// What the engine proves from below, rounded down; `None` where it proves nothing.
fn certified_below(report: &Report) -> Option<String> {
    let lower = report.guarantee.epsilon_lower;
    (lower > 0.0).then(|| lower_bound(report, lower))
}

/// A lower bound on epsilon, rounded down.
pub(crate) fn lower_bound(report: &Report, epsilon: f64) -> String {
    let figures = &report.guarantee;
    words::at_least(epsilon, figures.delta, figures.privacy_unit, figures.adjacency)
}

fn context(report: &Report) -> String {
    let figures = &report.guarantee;
    words::context(figures.delta, figures.privacy_unit, figures.adjacency)
}

fn facts(rows: Vec<(&str, Option<String>)>) -> Block {
    let rows = rows.into_iter().filter_map(|(name, value)| Some(vec![name.to_owned(), value?])).collect();
    Block::Table { head: vec!["quantity".to_owned(), "value".to_owned()], rows }
}

fn section<T>(title: &'static str, section: &Section<T>, show: impl Fn(&T) -> Vec<Block>, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading(title));
    match section {
        Section::Present { value } => blocks.extend(show(value)),
        Section::Absent { reason } => blocks.push(Block::Paragraph(format!("Not in this report: {reason}."))),
    }
}

fn guarantee(report: &Report, blocks: &mut Vec<Block>) {
    let figures = &report.guarantee;
    let unit = words::unit_name(figures.privacy_unit);
    blocks.push(Block::Heading("Guarantee"));
    blocks.push(facts(vec![
        ("guarantee, rounded up", Some(phrase(report))),
        ("as computed", Some(format!("epsilon = {} {}", figures.epsilon, context(report)))),
        ("the true figure is at least", certified_below(report)),
        ("target of the plan", figures.target_epsilon.map(|target| phrase_of(report, target))),
        ("neighbouring data sets", Some(words::neighbours(figures.privacy_unit, figures.adjacency))),
        ("delta times the bound on the number of units", Some(number(figures.delta_times_bound))),
        ("noisy releases charged", Some(figures.steps_charged.to_string())),
    ]));
    blocks.push(Block::Curve {
        caption: format!(
            "Growth of the guarantee with every noisy release, computed from the ledger: up to {}.",
            phrase(report)
        ),
    });
    let figure = |group: &GroupFigure| match group.delta {
        Some(delta) => words::guarantee(group.epsilon, words::delta_up(delta), figures.privacy_unit, figures.adjacency)
            .replace(&format!("per {unit}"), &format!("per group of {} {unit}s", group.units)),
        None => "nothing is guaranteed".to_owned(),
    };
    let mut rows: Vec<Vec<String>> =
        figures.groups.iter().map(|group| vec![format!("{} {unit}s", group.units), figure(group)]).collect();
    rows.extend(figures.owner.iter().map(|owner| {
        vec![format!("all of one {} (at most {} {unit}s)", owner.column, owner.group.units), figure(&owner.group)]
    }));
    blocks.push(Block::Paragraph(format!("What holds for several {unit}s at once, for instance of one person:")));
    blocks.push(Block::Table { head: vec!["group".to_owned(), "guarantee".to_owned()], rows });
}

/// An adapter's kind in words.
fn trained(adapter: &str) -> &str {
    if adapter == "none" { "the model's own" } else { adapter }
}

fn mechanism(report: &Report, blocks: &mut Vec<Block>) {
    let mechanism = &report.mechanism;
    blocks.push(Block::Heading("Mechanism"));
    blocks.push(facts(vec![
        ("mechanism", Some(format!("{}, optimizer {}", mechanism.name, mechanism.optimizer))),
        ("learning rate", Some(number(mechanism.learning_rate))),
        ("trained weights", Some(format!("{} ({})", mechanism.trainable_parameters, trained(&mechanism.adapter)))),
        ("longest sequence", Some(count(mechanism.sequence_len, "token"))),
        (
            "clipping norm of a unit's gradient",
            Some(format!("{}, {}", number(mechanism.max_grad_norm), mechanism.clipping)),
        ),
        (
            "count of unclipped units, released in every step",
            mechanism.adaptive_clip.map(|adaptive| {
                format!(
                    "noise of standard deviation {} (multiplier {}); the norm follows the quantile {}",
                    number(adaptive.unclipped_num_std),
                    number(adaptive.unclipped_noise_multiplier),
                    number(adaptive.target_unclipped_quantile)
                )
            }),
        ),
        ("sensitivity", Some(number(mechanism.sensitivity))),
        ("noise multiplier", Some(mechanism.noise_multiplier.to_string())),
        ("noise standard deviation", Some(number(mechanism.noise_standard_deviation))),
        ("sampling", Some(mechanism.sampling.clone())),
        (
            "sampling rate",
            Some(format!(
                "{} ({} of 2^64)",
                number(mechanism.sampling_rate_decimal),
                String::from(mechanism.sampling_rate)
            )),
        ),
        (
            "banded noise",
            mechanism.banded.map(|banded| {
                format!(
                    "{} bands; a unit's group has its turn in one step of {}, at rate {} ({} of 2^64); {} of {} turns charged, {}",
                    banded.bands,
                    banded.bands,
                    number(banded.group_sampling_rate.get()),
                    String::from(banded.group_sampling_rate),
                    banded.turns_charged,
                    banded.turns_planned,
                    count(banded.segments.into(), "segment"),
                )
            }),
        ),
        ("divisor (expected batch size)", Some(number(mechanism.expected_batch_size))),
        ("public bound on the number of units", Some(mechanism.dataset_size_bound.to_string())),
        ("steps planned", Some(mechanism.steps_planned.to_string())),
    ]));
}

fn scope(report: &Report, blocks: &mut Vec<Block>) {
    let scope = &report.scope;
    blocks.push(Block::Heading("Scope"));
    blocks.push(Block::Paragraph("Released, and covered by the guarantee:".to_owned()));
    blocks.push(Block::List(scope.released.clone()));
    if !scope.stages.is_empty() {
        let bound = |stability: Option<u64>| stability.map_or("no bound claimed".to_owned(), |bound| bound.to_string());
        blocks.push(Block::Table {
            head: vec!["stage before training".to_owned(), "outputs that one input record can change".to_owned()],
            rows: scope.stages.iter().map(|stage| vec![stage.name.clone(), bound(stage.stability)]).collect(),
        });
    }
    blocks.push(Block::Paragraph("Not covered:".to_owned()));
    blocks.push(Block::List(scope.not_covered.clone()));
}

fn ledger(report: &Report, blocks: &mut Vec<Block>) {
    let ledger = &report.ledger;
    blocks.push(Block::Heading("Ledger"));
    blocks.push(facts(vec![
        ("head", Some(ledger.head.clone())),
        ("lines", Some(ledger.lines.to_string())),
        ("highest step charged", Some(ledger.steps_reached.to_string())),
        ("charged again after an interruption", Some(ledger.charged_again.to_string())),
        ("BLAKE3 of the plan", Some(ledger.plan_hash.clone())),
        ("commitment to the training data", Some(ledger.dataset_commitment.clone())),
        ("digest of the program", Some(ledger.binary_hash.clone())),
    ]));
}

fn corpus(corpus: &Corpus) -> Vec<Block> {
    let text = |number: Option<u64>| number.map(|number| number.to_string());
    let mut blocks = vec![facts(vec![
        ("rows in", text(corpus.rows_in)),
        ("rows out", text(corpus.rows_out)),
        ("rows changed", text(corpus.rows_changed)),
        ("rows removed for what was found in them", text(corpus.rows_dropped)),
        ("share of the text that changed", corpus.share_changed.map(|share| format!("{share:.4}"))),
        ("exact duplicates removed", text(corpus.duplicates_removed)),
        ("files in", Some(corpus.inputs.len().to_string())),
        ("files set aside", Some(corpus.files_quarantined.to_string())),
        ("digest of the recognizers", corpus.rule_set_digest.clone()),
        ("digest of the scrubbing plan", corpus.plan_digest.clone()),
    ])];
    if !corpus.findings.is_empty() {
        let rows = corpus.findings.iter().map(|(entity, count)| vec![entity.clone(), count.to_string()]).collect();
        blocks.push(Block::Table { head: vec!["entity".to_owned(), "findings".to_owned()], rows });
    }
    let files = corpus.inputs.iter().map(|file| ("in", file)).chain(corpus.outputs.iter().map(|file| ("out", file)));
    let rows: Vec<Vec<String>> = files
        .map(|(way, file)| {
            vec![
                way.to_owned(),
                file.file.clone(),
                text(file.rows).unwrap_or_default(),
                file.sha256.clone().unwrap_or_default(),
            ]
        })
        .collect();
    if !rows.is_empty() {
        blocks.push(Block::Table { head: ["way", "file", "rows", "SHA-256"].map(str::to_owned).to_vec(), rows });
    }
    blocks.extend(proofs(&corpus.stages));
    blocks
}

fn copies(copies: &Copies) -> Vec<Block> {
    let mut blocks = vec![facts(vec![
        ("copies are rows with", Some(copies.method.clone())),
        ("rows in", Some(copies.rows_in.to_string())),
        ("rows out", Some(copies.rows_out.to_string())),
        ("removed, equal byte by byte", Some(copies.removed_raw.to_string())),
        ("removed, equal after normalisation", Some(copies.removed_normalised.to_string())),
        ("removed, similar", Some(copies.removed_near.to_string())),
        ("removed, over the limit of their owner", Some(copies.removed_over_limit.to_string())),
        ("digest of the plan", Some(copies.plan_digest.clone())),
    ])];
    blocks.extend(proofs(&copies.stages));
    blocks
}

fn proofs(stages: &[StageProof]) -> impl Iterator<Item = Block> {
    stages.iter().map(|stage| {
        let bound = stage.stability.map_or("no bound claimed".to_owned(), |bound| format!("stability {bound}"));
        Block::Paragraph(format!("Stage {}, {bound}: {}", stage.name, stage.proof))
    })
}

fn training(training: &TrainingFigures) -> Vec<Block> {
    let text = |number: Option<u64>| number.map(|number| number.to_string());
    vec![facts(vec![
        ("units trained on", text(training.units)),
        ("units cut to the sequence length", text(training.truncated_units)),
        ("gradients that were not finite", text(training.non_finite_examples)),
        ("mean share of clipped gradients", training.clip_fraction_mean.map(number)),
        ("mean realised batch size", training.batch_size_mean.map(number)),
        ("seconds in private steps", training.seconds.map(number)),
        ("steps in the released weights", Some(training.steps_done.to_string())),
        ("ended by the budget", Some(if training.stopped_by_budget { "yes" } else { "no" }.to_owned())),
        ("device", training.device.clone()),
    ])]
}

/// The verdict of an audit in words.
pub(crate) fn verdict(evidence: &Evidence) -> &'static str {
    match evidence.verdict {
        privet_audit::Verdict::Consistent => "consistent: it could have refuted the guarantee and did not",
        privet_audit::Verdict::Refuted => "refuted: the guarantee does not hold, at the confidence of the test",
        privet_audit::Verdict::Uninformative => {
            "uninformative: with so few canaries it could not have refuted the guarantee"
        }
    }
}

fn audit(evidence: &Evidence, report: &Report) -> Vec<Block> {
    vec![
        Block::Paragraph(
            "A lower bound from one attack on this run, beside the guarantee, an upper bound for all attacks; the two are \
             different things."
                .to_owned(),
        ),
        facts(vec![
            ("method", Some(evidence.method.clone())),
            ("sampling protocol", Some(evidence.sampling_protocol.clone())),
            ("canaries, guesses, correct guesses", Some(format!("{}, {}, {}", evidence.canaries, evidence.guesses, evidence.correct))),
            ("lower bound (audit)", Some(lower_bound(report, evidence.epsilon_lower_bound))),
            ("may be wrong with probability", Some(number(evidence.alpha))),
            ("largest lower bound possible here", Some(lower_bound(report, evidence.ceiling))),
            ("upper bound (guarantee)", Some(phrase_of(report, evidence.epsilon_upper_bound))),
            ("verdict", Some(verdict(evidence).to_owned())),
        ]),
    ]
}

fn selftest(selftest: &Selftest) -> Vec<Block> {
    let whose =
        if selftest.same_program { "the program that trained" } else { "another program than the one that trained" };
    let mut blocks = vec![Block::Paragraph(format!(
        "Neighbour replay, noise tests and a step audit by {whose}, on data that is nobody's ({}, {}): {} checks, {}.",
        selftest.size,
        selftest.device,
        selftest.checks,
        if selftest.passed { "all passed".to_owned() } else { format!("{} failed", selftest.failed.len()) }
    ))];
    if !selftest.failed.is_empty() {
        blocks.push(Block::List(selftest.failed.clone()));
    }
    blocks
}

fn utility(utility: &Utility) -> Vec<Block> {
    let text = |number: Option<u64>| number.map(|number| number.to_string());
    let loss = |control: &Section<Control>| control.value().map(|control| format!("{:.4}", control.loss));
    let mut blocks = vec![facts(vec![
        ("text", Some(utility.split.clone())),
        ("sequences", text(utility.sequences)),
        ("tokens", text(utility.tokens)),
        ("loss of the base model", Some(format!("{:.4}", utility.base_loss))),
        ("loss of the released model", Some(format!("{:.4}", utility.released_loss))),
        ("loss of the non-private control", loss(&utility.control)),
        ("loss of the control with clipping and without noise", loss(&utility.control_clipped)),
    ])];
    blocks.push(Block::Paragraph("Mean loss per predicted token in nats; lower is better.".to_owned()));
    blocks
}

fn provenance(report: &Report, blocks: &mut Vec<Block>) {
    let provenance = &report.provenance;
    let synthetic = if provenance.declared_synthetic { "declared synthetic" } else { "not declared synthetic" };
    blocks.push(Block::Heading("Provenance"));
    blocks.push(facts(vec![
        ("trained with privet", Some(provenance.privet_version.clone())),
        ("reported with privet", Some(provenance.report_version.clone())),
        ("base model", Some(format!("{} ({})", provenance.base_model, provenance.architecture))),
        ("SHA-256 of its weights", Some(provenance.base_model_digest.clone())),
        ("column of the text", Some(provenance.column.clone())),
        ("data", Some(synthetic.to_owned())),
    ]));
}

fn assumptions(report: &Report) -> Block {
    Block::Table {
        head: ["assumption", "basis", "how"].map(str::to_owned).to_vec(),
        rows: report
            .assumptions
            .iter()
            .map(|row| vec![row.assumption.clone(), row.basis.words().to_owned(), row.how.clone()])
            .collect(),
    }
}
