//! A corpus budget in words, tables and JSON.

use std::path::Path;

use privet_dp::corpus_budget::{Basis, Run, Standing, cost};
use privet_dp::{Charge, CorpusBudget, Event, account};
use privet_report::method;
use privet_train::corpus_budget_file::read;
use serde_json::{Value, json};

use super::super::arguments;
use super::look;
use crate::budget::{neighbours, shown, unsupported};
use crate::failure::{Exit, Failure};
use crate::statement::unit;
use crate::terminal::{Terminal, pairs, table};

/// A share in per cent, rounded up.
pub(super) fn percent_up(share: f64) -> String {
    format!("{:.2} %", privet_dp::round_up(share * 100.0, 2))
}

/// A share in per cent, rounded down.
pub(super) fn percent_down(share: f64) -> String {
    format!("{:.2} %", (share * 1e4).floor() / 1e2)
}

/// JSON has no infinity.
pub(super) fn finite(share: f64) -> Option<f64> {
    share.is_finite().then_some(share)
}

/// What the budget promises, and by which rule.
pub(super) fn promise(budget: &CorpusBudget, terminal: Terminal) -> String {
    let terms = budget.terms();
    let label = if terms.label.is_empty() { String::new() } else { format!(" `{}`", terms.label) };
    let total = format!("corpus budget{label}: epsilon {} at delta {:e}", terms.epsilon.get(), terms.delta.get());
    format!(
        "{}\nneighbours: {}; unit: {}\nmethod: Renyi filter at order {}, fixed when the budget was made; it holds for runs \
         that are chosen after looking at earlier ones",
        terminal.bold(&total),
        neighbours(terms.adjacency),
        unit(terms.privacy_unit),
        terms.order,
    )
}

pub(super) fn show(path: &Path, terminal: Terminal) -> Result<Exit, Failure> {
    let (budget, torn) = look(path, terminal)?;
    if torn {
        terminal.warn("the last line is torn, as after a crash; it reserves nothing, and the next run cuts it off");
    }
    let standing = budget.standing();
    if terminal.json {
        terminal.json(&as_json(path, &budget, &standing));
        return Ok(promise_kept(&standing, path, terminal));
    }
    let (settled, open): (Vec<&Run>, Vec<&Run>) = budget.runs().iter().partition(|run| run.settlement.is_some());
    let shares = pairs(&[
        ("spent", format!("{:>9}  by {}", percent_up(standing.spent), runs(settled.len()))),
        ("reserved", format!("{:>9}  by {}", percent_up(standing.reserved), runs(open.len()))),
        ("left", format!("{:>9}{}", percent_down(standing.left), if standing.closed { "  (closed)" } else { "" })),
    ]);
    let mut parts = vec![promise(&budget, terminal), shares];
    if !budget.runs().is_empty() {
        parts.push(table(&rows(&budget)));
    }
    if standing.closed {
        parts.push(String::from("One run took the whole total by its own certificate; no other run fits any more.\n"));
    }
    if let Some(bound) = standing.fixed_in_advance {
        parts.push(format!(
            "If every run had been fixed in advance: epsilon {} ({}). Not a promise, as runs were chosen one after the other.",
            shown(bound.epsilon_upper),
            method(bound.engine, bound.order),
        ));
    }
    terminal.out(&parts.join("\n"));
    Ok(promise_kept(&standing, path, terminal))
}

fn runs(count: usize) -> String {
    if count == 1 { String::from("1 run") } else { format!("{count} runs") }
}

fn rows(budget: &CorpusBudget) -> Vec<Vec<String>> {
    let terms = budget.terms();
    let row = |run: &Run| {
        let alone = account(run.charged(), terms.delta, terms.adjacency);
        vec![
            format!("#{}", run.reservation.run.short()),
            state(run).to_owned(),
            releases(run.charged()).to_string(),
            alone.map_or_else(|_| String::from("no bound"), |bound| shown(bound.epsilon_upper)),
            percent_up(cost(run.charged(), terms) / terms.cumulant_budget()),
        ]
    };
    let head = ["run", "state", "releases", "epsilon alone", "share"].map(String::from).to_vec();
    std::iter::once(head).chain(budget.runs().iter().map(row)).collect()
}

fn state(run: &Run) -> &'static str {
    match (&run.settlement, run.reservation.basis) {
        (Some(_), _) => "settled",
        (None, Basis::Filter) => "reserved",
        (None, Basis::Alone) => "reserved alone",
    }
}

/// Noisy releases in an event.
fn releases(event: &Event) -> u64 {
    match event {
        Event::Repeated { event, count } => releases(event).saturating_mul(*count),
        Event::Composed(events) => events.iter().map(releases).fold(0, u64::saturating_add),
        Event::RandomAllocation { steps, .. } | Event::BandedMatrixFactorization { steps, .. } => *steps,
        _ => 1,
    }
}

fn as_json(path: &Path, budget: &CorpusBudget, standing: &Standing) -> Value {
    let terms = budget.terms();
    let one = |run: &Run| {
        let alone = account(run.charged(), terms.delta, terms.adjacency).ok();
        json!({
            "run": run.reservation.run, "state": if run.settlement.is_some() { "settled" } else { "reserved" },
            "basis": run.reservation.basis, "plan_hash": run.reservation.plan_hash,
            "releases": releases(run.charged()), "epsilon_alone": alone.map(|bound| bound.epsilon_upper),
            "share": finite(cost(run.charged(), terms) / terms.cumulant_budget()),
        })
    };
    json!({
        "budget": path, "terms": terms, "head": budget.head(),
        "spent": finite(standing.spent), "reserved": finite(standing.reserved), "left": standing.left,
        "closed": standing.closed, "kept": standing.kept, "fixed_in_advance": standing.fixed_in_advance,
        "runs": budget.runs().iter().map(one).collect::<Vec<_>>(),
    })
}

/// Exit code 7 after the results when the runs released more than was promised.
pub(super) fn promise_kept(standing: &Standing, path: &Path, terminal: Terminal) -> Exit {
    if standing.kept {
        return Exit::Done;
    }
    terminal.warn(&format!(
        "{}: the runs released more than the total allows; a run went beyond its reservation",
        path.display()
    ));
    Exit::Guarantee
}

pub(super) fn verify(path: &Path, terminal: Terminal) -> Result<Exit, Failure> {
    let (budget, torn) = look(path, terminal)?;
    if torn {
        return Err(Failure::new(Exit::Verification, "the corpus budget does not verify")
            .at(path.display().to_string())
            .why("its last line is torn, as after a crash; it reserves nothing")
            .help("the next `privet train`, `reserve` or `settle` cuts it off"));
    }
    let standing = budget.standing();
    if terminal.json {
        let (lines, kept) = (budget.lines(), standing.kept);
        terminal.json(&json!({ "budget": path, "intact": true, "kept": kept, "lines": lines, "head": budget.head() }));
    } else {
        terminal.out(&format!("intact: {}\n{} lines, head {}", path.display(), budget.lines(), budget.head()));
    }
    Ok(promise_kept(&standing, path, terminal))
}

/// What `count` equal runs would cost, and whether they fit.
pub(super) fn sweep(path: &Path, count: u64, run: &arguments::Run, terminal: Terminal) -> Result<Exit, Failure> {
    let (budget, ..) = read(path)?;
    let (terms, (scheme, phases)) = (budget.terms(), run.resolve()?);
    let base = scheme.events(&phases);
    let sweep = privet_dp::sweep(&base, count, terms.delta, terms.adjacency).map_err(|error| unsupported(&error))?;
    let event = Box::new(base);
    let selected = Event::HyperparameterSelection { event: event.clone(), trials: sweep.trials };
    let composed = Event::Repeated { event, count };
    let share = |event: &Event| cost(event, terms) / terms.cumulant_budget();
    let fits = |event: &Event| budget.admit(event).is_ok();
    let (composition, selection) = (fits(&composed), fits(&selected));
    if terminal.json {
        let one =
            |event: &Event, epsilon, fits| json!({ "epsilon": epsilon, "share": finite(share(event)), "fits": fits });
        terminal.json(&json!({
            "budget": path, "runs": count, "cheaper": sweep.cheaper, "trials": sweep.trials,
            "composition": one(&composed, sweep.composition.epsilon_upper, composition),
            "selection": one(&selected, sweep.selection.epsilon_upper, selection),
        }));
        return Ok(Exit::Done);
    }
    let row = |name: &str, event: &Event, epsilon, fits: bool| {
        let fits = if fits { "fits" } else { "does not fit" };
        vec![name.to_owned(), shown(epsilon), percent_up(share(event)), fits.to_owned()]
    };
    let rows = [
        ["a sweep of runs", "epsilon alone", "share", "now"].map(String::from).to_vec(),
        row("composition: every run may be looked at", &composed, sweep.composition.epsilon_upper, composition),
        row("selection: only the best one ever is", &selected, sweep.selection.epsilon_upper, selection),
    ];
    let cheaper = match sweep.cheaper {
        Charge::Composition => "By itself, composition is cheaper.",
        Charge::Selection => {
            "By itself, selection is cheaper, if the number of runs is drawn at random and kept secret."
        }
    };
    terminal.out(&format!("{}\n{cheaper}", table(&rows)));
    Ok(Exit::Done)
}
