//! What a run prints: before it starts (`--dry-run`), and when it is done.
//!
//! Before: everything the guarantee will depend on, all of it public. After: the statement as the report has it,
//! computed from the ledger. Private figures follow only when all data is declared synthetic.

use privet_dp::PrivacyUnit;
use privet_dp::corpus_budget::{Basis, Refusal};
use privet_report::{Edition, method};
use privet_train::corpus_budget::Outlook;
use privet_train::logs::Training;
use privet_train::plan::{PlannedBanded, PlannedData, PlannedModel};
use privet_train::{Clipping, Format, LossOn, Outcome, TrainPlan};
use serde_json::{Value, json};

use crate::budget::neighbours;
use crate::estimate::{Estimate, estimate};
use crate::failure::{Exit, Failure};
use crate::report;
use crate::terminal::{bytes, duration, pairs, table};
use crate::train::Session;

/// Prints the plan and the statement it leads to.
pub(crate) fn planned(session: &Session, plan: &TrainPlan) -> Result<Exit, Failure> {
    let (terminal, privacy) = (session.terminal, &plan.privacy);
    let bound = privet_dp::account(&plan.whole_event(), privacy.delta, privacy.adjacency)
        .map_err(|error| Failure::sentence(Exit::Usage, &error.to_string()))?;
    let epsilon = privet_dp::round_up(bound.epsilon_upper.get(), 2);
    let estimate = estimate(plan, session.device);
    let outlook = privet_train::corpus_budget::outlook(plan, session.dir())?;
    let exit = match &outlook {
        Some((Outlook::Refused(Refusal::Exhausted { .. }), _)) => Exit::Budget,
        Some((Outlook::Refused(_), _)) => Exit::Usage,
        _ => Exit::Done,
    };
    if terminal.json {
        let parsed: Value = serde_json::from_str(&plan.to_json()).unwrap_or_default();
        let guarantee = json!({
            "epsilon": epsilon, "delta": privacy.delta, "adjacency": privacy.adjacency,
            "privacy_unit": privacy.privacy_unit, "engine": bound.engine, "order": bound.order,
            "steps": privacy.steps, "planned": true,
        });
        let corpus = outlook.map(|(outlook, share)| {
            let fits = !matches!(outlook, Outlook::Refused(_));
            json!({ "fits": fits, "share": share.is_finite().then_some(share), "says": in_words(&outlook, share) })
        });
        terminal
            .json(&json!({ "plan": parsed, "guarantee": guarantee, "corpus_budget": corpus, "estimate": estimate }));
        return Ok(exit);
    }
    let head = format!("Run `{}` will guarantee: epsilon {epsilon:.2} at delta {:e}", plan.name, privacy.delta.get());
    terminal.out(&format!(
        "{}\nneighbours: {}; unit: {}\nmethod: {}; {}; an upper bound, rounded up\n\n{}\n\
         The figure assumes\n{}\n{}\nNo data was read and nothing was written.",
        terminal.bold(&head),
        neighbours(privacy.adjacency),
        unit(privacy.privacy_unit),
        method(bound.engine, bound.order),
        if privacy.banded.is_some() { BANDED } else { "Poisson sampling, Gaussian noise" },
        pairs(&settings(session, plan, outlook.map(|(outlook, share)| in_words(&outlook, share)))),
        assumptions(plan),
        cost(estimate, session),
    ));
    Ok(exit)
}

const BANDED: &str = "cyclic Poisson sampling, banded Gaussian noise (DP-BandMF, arXiv 2306.08153)";

/// Whether the run fits the budget of its corpus.
fn in_words(outlook: &Outlook, share: f64) -> String {
    let share = format!("{:.2} %", privet_dp::round_up(share * 100.0, 2));
    match outlook {
        Outlook::Reserved => format!("reserved for this run already ({share})"),
        Outlook::Fits(Basis::Filter) => format!("the run fits and takes {share} of it"),
        Outlook::Fits(Basis::Alone) => String::from("the run fits, takes the whole of it and closes it"),
        Outlook::Refused(refusal) => format!("the run would be refused: {refusal}"),
    }
}

fn settings(session: &Session, plan: &TrainPlan, corpus: Option<String>) -> Vec<(&'static str, String)> {
    let (model, privacy, train) = (&plan.model, &plan.privacy, &plan.train);
    let stages = plan.stages.iter().map(|stage| match stage.stability {
        Some(bound) => format!("{} (stability {bound})", stage.name),
        None => format!("{} (no bound)", stage.name),
    });
    let stages: Vec<String> = stages.chain([String::from("train"), String::from("report")]).collect();
    let mut settings = vec![
        ("stages", stages.join(", ")),
        ("data", data(session, plan)),
        ("model", trained(model)),
        ("noise multiplier", format!("{:.4}", privet_dp::round_up(privacy.noise_multiplier.get(), 4))),
        (
            "max_grad_norm",
            format!("{}, {} (sensitivity {})", privacy.max_grad_norm, way(privacy.clipping), privacy.sensitivity),
        ),
        (
            "sampling rate",
            format!(
                "{:.6} (batches of {} expected, from at most {} units)",
                privacy.sampling_rate.get(),
                privacy.expected_batch_size,
                privacy.dataset_size_bound
            ),
        ),
        ("steps", privacy.steps.to_string()),
        ("optimizer", format!("{}, learning rate {}", train.optimizer, train.learning_rate)),
        ("output", session.dir().display().to_string()),
    ];
    settings.extend(privacy.banded.map(|banded| ("banded noise", turns(banded))));
    settings.extend(corpus.map(|corpus| ("corpus budget", corpus)));
    settings
}

/// What the groups of banded noise do, and what an interruption costs.
fn turns(banded: PlannedBanded) -> String {
    let PlannedBanded { bands, group_sampling_rate, turns } = banded;
    format!(
        "{bands} groups take turns, each drawn from at rate {:.6}; {turns} turns are paid for, and a run that is taken up again \
         begins a new one",
        group_sampling_rate.get()
    )
}

/// The base model, and what of it or beside it is trained.
fn trained(model: &PlannedModel) -> String {
    let what = match (&model.lora, &model.unfrozen_parameters) {
        (Some(lora), _) if lora.freeze_a => format!("LoRA r={}, A frozen", lora.r),
        (Some(lora), _) => format!("LoRA r={}", lora.r),
        (None, Some(patterns)) if patterns.iter().any(|pattern| pattern == "*") => String::from("all its own weights"),
        (None, patterns) => {
            format!("its own weights {}", patterns.iter().flatten().cloned().collect::<Vec<_>>().join(", "))
        }
    };
    format!("{}, {what} ({} weights trained)", model.base_model, model.trainable_parameters)
}

fn way(clipping: Clipping) -> &'static str {
    match clipping {
        Clipping::Flat => "flat",
        Clipping::PerLayer => "layer by layer",
        Clipping::Automatic => "automatic",
        Clipping::Adaptive => "at first, then adaptive",
    }
}

/// Where records come from, and how long they may be.
fn data(session: &Session, plan: &TrainPlan) -> String {
    let PlannedData { column, unit_column: _, owner_limit, format, loss_on, sequence_len, sequences_per_unit } =
        &plan.data;
    let kind = match format {
        Format::Text => format!("column `{column}`"),
        Format::PromptCompletion => format!("prompts and completions in `{}`", column.replace(", ", "` and `")),
        Format::Chat => format!("conversations in `{column}`, by the model's template"),
    };
    let learned = if *loss_on == LossOn::Completion { ", answers alone are learned" } else { "" };
    let sequences = if *sequences_per_unit > 1 { format!(" x {sequences_per_unit}") } else { String::new() };
    let limit = owner_limit
        .as_ref()
        .map(|limit| format!(", at most {} of one `{}`", limit.records, limit.column))
        .unwrap_or_default();
    format!("{kind} of {}, {sequence_len}{sequences} tokens a unit{learned}{limit}", session.config.paths().join(", "))
}

fn assumptions(plan: &TrainPlan) -> String {
    let unit = unit(plan.privacy.privacy_unit);
    let mut lines = vec![
        match &plan.data.unit_column {
            Some(column) => format!("  - all rows of one {unit}, and no others, have the same value in `{column}`"),
            None => format!("  - one row is one {unit}: what one person wrote in several rows counts several times"),
        },
        format!(
            "  - there are at most {} units, and that bound was chosen without looking at the data",
            plan.privacy.dataset_size_bound
        ),
        String::from("  - only the folder `public` leaves your hands; `private` is not covered"),
        String::from("  - the base model's own training data is not covered"),
    ];
    if plan.stages.iter().any(|stage| stage.stability.is_none()) {
        lines.push(String::from("  - stages without a bound are outside the guarantee"));
    }
    lines.join("\n") + "\n"
}

fn cost(estimate: Option<Estimate>, session: &Session) -> String {
    match estimate {
        Some(Estimate { memory_bytes, seconds }) => {
            format!("Roughly {} of memory and {} on {}.", bytes(memory_bytes), duration(seconds), session.device)
        }
        None => String::from("Time and memory cannot be estimated for this model."),
    }
}

pub(crate) fn unit(unit: PrivacyUnit) -> &'static str {
    match unit {
        PrivacyUnit::Sequence => "sequence",
        PrivacyUnit::Document => "document",
        PrivacyUnit::User => "user",
    }
}

/// Prints the statement of a finished run.
pub(crate) fn finished(session: &Session, plan: &TrainPlan, outcome: &Outcome) -> Result<Exit, Failure> {
    let terminal = session.terminal;
    let report = privet_report::assemble(session.dir(), Edition::Public)?;
    let exit = if outcome.stopped_by_budget { Exit::Budget } else { Exit::Done };
    if terminal.json {
        let status = match (exit, outcome.already_done) {
            (Exit::Budget, _) => "budget-exhausted",
            (_, true) => "already-done",
            (_, false) => "done",
        };
        let private = plan.declared_synthetic.then(|| private_json(session, outcome));
        terminal.json(&json!({
            "status": status, "run": session.dir(), "guarantee": report.guarantee,
            "public": { "base_loss": outcome.base_loss, "released_loss": outcome.released_loss },
            "private": private,
        }));
        return Ok(exit);
    }
    let mut parts = Vec::new();
    if outcome.already_done {
        parts.push(terminal.bold(&format!("{} is already done", session.dir().display())) + "\n");
    }
    parts.push(report::text(&report, terminal));
    if plan.declared_synthetic {
        parts.push(String::from("The data is declared synthetic, so private figures are shown too:"));
        parts.push(table(&figures(session, outcome)));
    } else {
        let private = session.dir().join("private").join("report.json");
        parts.push(format!(
            "Private figures (losses, counts, audit) are in {}; do not publish them.",
            private.display()
        ));
    }
    if exit == Exit::Budget {
        terminal.warn("the budget is spent before the last step; the weights of the last charged step are saved");
    }
    terminal.out(&parts.join("\n"));
    Ok(exit)
}

fn units(session: &Session) -> Option<u64> {
    let text = std::fs::read_to_string(session.dir().join("private").join("training.json")).ok()?;
    serde_json::from_str::<Training>(&text).ok().map(|training| training.units)
}

fn private_json(session: &Session, outcome: &Outcome) -> Value {
    json!({ "control_loss": outcome.control_loss, "control_clipped_loss": outcome.control_clipped_loss, "audit": outcome.audit, "units": units(session) })
}

/// Losses, audit and size, each with the side of the fence it lies on.
fn figures(session: &Session, outcome: &Outcome) -> Vec<Vec<String>> {
    let mut rows = vec![["measure", "value", "kind"].map(String::from).to_vec()];
    let mut add = |name: &str, value: Option<String>, kind: &str| {
        if let Some(value) = value {
            rows.push(vec![name.to_owned(), value, kind.to_owned()]);
        }
    };
    let loss = |loss: Option<f64>| loss.map(|loss| format!("{loss:.4}"));
    add("held-out loss in nats per token, base model", loss(outcome.base_loss), "public");
    add("the same, trained with privacy", loss(outcome.released_loss), "public");
    add("the same, trained without privacy", loss(outcome.control_loss), "private");
    add("the same, clipped but without noise", loss(outcome.control_clipped_loss), "private");
    if let Some(audit) = &outcome.audit {
        add("epsilon lower bound by the audit", Some(format!("{:.3}", audit.epsilon_lower_bound)), "private");
    }
    add("units trained on", units(session).map(|units| units.to_string()), "private");
    rows
}
