//! A run's place in the budget of its corpus: reserved before the data is touched, settled when the run is done.
//!
//! The run's name in the budget lies in `private/corpus-budget.json`. It is written **before** the reservation, so that a
//! crash between the two leaves no charge without a run: the next start reserves under the same name. A run that is
//! resumed finds its reservation and is not charged again. An interrupted run stays reserved; one that never goes on is
//! settled by hand with its ledger (`privet budget account settle`).

use std::path::Path;

use privet_dp::corpus_budget::{Basis, CorpusBudget, Refusal, Run, RunId, cost};
use privet_dp::ledger;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::corpus_budget_file::{self, BudgetFile, CorpusBudgetFault};
use crate::ledger_file::read_head;
use crate::plan::TrainPlan;
use crate::run_folder::{RunFolder, read_json, write_json};

/// Name of the file below `private/`.
const PLACE: &str = "corpus-budget.json";

/// What a run knows about its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    run: RunId,
    /// Which budget: the hash of its first line.
    budget: String,
    /// Hash of the line that reserved the run, once it is known.
    line: Option<String>,
    /// The run is done and settled.
    settled: bool,
}

/// Whether a plan's run fits its corpus budget.
#[derive(Debug, Clone, PartialEq)]
pub enum Outlook {
    /// The run is reserved, or settled, already.
    Reserved,
    /// It would be let in by this rule.
    Fits(Basis),
    /// It would be refused.
    Refused(Refusal),
}

/// What a new run would meet in the budget of its plan, and the share it needs. `None` for a plan without a budget.
/// Changes nothing.
pub fn outlook(plan: &TrainPlan, run_dir: &Path) -> Result<Option<(Outlook, f64)>, Error> {
    let Some(path) = &plan.corpus_budget else { return Ok(None) };
    let (budget, ..) = corpus_budget_file::read(path)?;
    let (event, terms) = (plan.whole_event(), budget.terms());
    let share = cost(&event, terms) / terms.cumulant_budget();
    let place: Option<Place> = read_json(&run_dir.join("private").join(PLACE))?;
    let mine = |run: &Run| run.reservation.plan_hash.as_ref() == Some(&plan.hash());
    let known = place.is_some_and(|place| budget.run(&place.run).is_some_and(mine));
    let asked = budget.same_question(plan.privacy.adjacency, plan.privacy.privacy_unit);
    let outlook = match asked.and_then(|()| budget.admit(&event)) {
        _ if known => Outlook::Reserved,
        Ok(basis) => Outlook::Fits(basis),
        Err(refusal) => Outlook::Refused(refusal),
    };
    Ok(Some((outlook, share)))
}

/// Reserves the plan's whole event for the run in `run_dir`; a run that is reserved already stays as it is.
///
/// Nothing happens for a plan without a corpus budget.
///
/// # Errors
/// [`Error::CorpusBudget`] when the run may not start: the budget is exhausted, or does not verify, or the run was
/// settled before its end; [`Error::Busy`]; [`Error::Io`].
pub fn reserve(plan: &TrainPlan, run_dir: &Path) -> Result<(), Error> {
    if plan.corpus_budget.is_none() {
        return Ok(());
    }
    reserve_in(&RunFolder::open(run_dir)?, plan)
}

pub(crate) fn reserve_in(folder: &RunFolder, plan: &TrainPlan) -> Result<(), Error> {
    let Some(path) = &plan.corpus_budget else { return Ok(()) };
    if plan.stages.iter().any(|stage| stage.stability != Some(1)) {
        return Err(CorpusBudgetFault::Unbounded.into());
    }
    let place: Option<Place> = read_json(&folder.private(PLACE))?;
    if place.as_ref().is_some_and(|place| place.settled) && finished(folder) {
        return Ok(());
    }
    let mut file = BudgetFile::open(path)?;
    let asked = file.budget().same_question(plan.privacy.adjacency, plan.privacy.privacy_unit);
    asked.map_err(|refusal| file.refused(refusal))?;
    if place.as_ref().is_some_and(|place| place.budget != file.budget().identity()) {
        return Err(CorpusBudgetFault::OtherBudget { path: path.clone() }.into());
    }
    let run = match place {
        None => new_id()?,
        Some(place) => match standing(&place, file.budget(), folder, plan, path)? {
            Standing::Held(line) => return remember(folder, &Place { line: Some(line), ..place }),
            Standing::Open => place.run,
            Standing::Replaced => {
                file = file.settle(&place.run, None)?;
                new_id()?
            }
        },
    };
    let place = Place { run, budget: file.budget().identity().to_owned(), line: None, settled: false };
    // First the name, then the charge.
    remember(folder, &place)?;
    let file = file.reserve(place.run.clone(), Some(plan.hash()), plan.whole_event())?;
    remember(folder, &Place { line: Some(file.budget().head().to_owned()), ..place })
}

/// How a known run stands in its budget.
enum Standing {
    /// Reserved by the line with this hash.
    Held(String),
    /// Named, but not reserved: a crash came between, or the reservation was refused.
    Open,
    /// Reserved for another plan, or settled at nothing, and nothing was released: to be reserved anew.
    Replaced,
}

fn standing(
    place: &Place,
    budget: &CorpusBudget,
    folder: &RunFolder,
    plan: &TrainPlan,
    path: &Path,
) -> Result<Standing, Error> {
    let Some(run) = budget.run(&place.run) else {
        let reason = "the reservation of this run is missing in it";
        let gone = CorpusBudgetFault::Behind { path: path.to_owned(), reason };
        return if place.line.is_none() { Ok(Standing::Open) } else { Err(gone.into()) };
    };
    if place.line.as_ref().is_some_and(|line| *line != run.line) {
        let reason = "the reservation of this run is not the one that was written";
        return Err(CorpusBudgetFault::Behind { path: path.to_owned(), reason }.into());
    }
    let same_plan = run.reservation.plan_hash.as_ref() == Some(&plan.hash());
    let over = run.settlement.is_some() && !finished(folder);
    match (same_plan && !over, released(folder)?) {
        (true, _) => Ok(Standing::Held(run.line.clone())),
        (false, false) => Ok(Standing::Replaced),
        (false, true) if same_plan => Err(CorpusBudgetFault::Settled { path: path.to_owned() }.into()),
        (false, true) => Err(Error::PlanFileChanged { path: folder.root().to_owned() }),
    }
}

/// Settles the run in `folder` with what its ledger charged.
pub(crate) fn settle_in(folder: &RunFolder, plan: &TrainPlan) -> Result<(), Error> {
    let Some(path) = &plan.corpus_budget else { return Ok(()) };
    let Some(place) = read_json::<Place>(&folder.private(PLACE))? else { return Ok(()) };
    if place.settled {
        return Ok(());
    }
    let ledger_path = folder.public("ledger.jsonl");
    let text = std::fs::read_to_string(&ledger_path).map_err(|source| Error::io("read", &ledger_path, source))?;
    let ledger = ledger::parse(&text).map_err(|source| Error::LedgerInvalid { path: ledger_path, source })?;
    drop(BudgetFile::open(path)?.settle(&place.run, Some(&ledger))?);
    remember(folder, &Place { settled: true, ..place })
}

fn remember(folder: &RunFolder, place: &Place) -> Result<(), Error> {
    write_json(&folder.private(PLACE), place)
}

fn finished(folder: &RunFolder) -> bool {
    folder.private("training.json").exists()
}

/// Whether the run's ledger charged anything, or may have.
fn released(folder: &RunFolder) -> Result<bool, Error> {
    let recorded = read_head(&folder.private("ledger-head.json"))?.is_some_and(|head| head.lines > 1);
    let lines = std::fs::read(folder.public("ledger.jsonl")).unwrap_or_default();
    Ok(recorded || lines.split(|byte| *byte == b'\n').nth(2).is_some())
}

/// A name for a new run, from the operating system's random bytes.
pub fn new_id() -> Result<RunId, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|source| Error::Entropy { source })?;
    Ok(RunId::from_bytes(bytes))
}

#[cfg(test)]
mod tests;
