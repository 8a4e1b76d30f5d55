//! `privet budget account`: the budget of a corpus over many runs. The rules are [`privet_dp::corpus_budget`]'s.

mod show;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use privet_dp::corpus_budget::{RunId, Terms};
use privet_dp::{CorpusBudget, Epsilon, Event, PrivacyUnit};
use privet_train::corpus_budget::new_id;
use privet_train::corpus_budget_file::{BudgetFile, read};
use privet_train::plan::plan_privacy;
use serde_json::json;

use super::arguments::{Run, WhichNeighbours};
use super::ledger;
use crate::config;
use crate::failure::{Exit, Failure};
use crate::terminal::Terminal;

/// `privet budget account FILE`, or one of its actions.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Arguments {
    /// The budget to show, made by `create`
    #[arg(required = true)]
    file: Option<PathBuf>,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Make the budget of a corpus: everything that its runs may reveal together
    Create(Create),
    /// Reserve a run that is trained elsewhere, and print its name; `privet train` reserves its own
    Reserve(Reserve),
    /// Charge a run with what its ledger says, and free the rest of its reservation
    Settle(Settle),
    /// What a sweep of many equal runs would cost, by composition and by private selection
    Sweep(Sweep),
    /// Check the file's hash chain and its promise; exit code 5 if the chain is broken, 7 if the promise is
    Verify(File),
}

#[derive(Args)]
struct File {
    /// The budget
    file: PathBuf,
}

#[derive(Args)]
struct Create {
    #[command(flatten)]
    file: File,
    /// All runs together cost at most this
    #[arg(long, value_name = "E", value_parser = super::arguments::epsilon)]
    epsilon: Epsilon,
    /// Probability mass outside the promise; below 1 / number of units
    #[arg(long, value_name = "D", value_parser = super::arguments::delta)]
    delta: privet_dp::Delta,
    /// Neighbours differ in one unit, which is there or not, emptied, or exchanged
    #[arg(long, value_enum, value_name = "WHICH")]
    adjacency: WhichNeighbours,
    /// What one record is
    #[arg(long, value_enum, value_name = "UNIT")]
    unit: Unit,
    /// Your name for the data; the only thing in the file that says which data it is
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
    /// A config like the ones to come (repeatable): the filter gets the order at which such runs go furthest
    #[arg(long, value_name = "CONFIG", conflicts_with = "order")]
    like: Vec<PathBuf>,
    /// The filter's Renyi order, above 1; fixed for good
    #[arg(long, value_name = "A")]
    order: Option<f64>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Unit {
    Sequence,
    Document,
    User,
}

#[derive(Args)]
struct Reserve {
    #[command(flatten)]
    file: File,
    #[command(flatten)]
    run: Run,
}

#[derive(Args)]
struct Settle {
    #[command(flatten)]
    file: File,
    /// The run's name, or as much of its beginning as no other run has
    run: String,
    /// The run's ledger.jsonl, or its folder
    #[arg(required_unless_present = "unused")]
    ledger: Option<PathBuf>,
    /// The run never released anything and never will
    #[arg(long, conflicts_with = "ledger")]
    unused: bool,
}

#[derive(Args)]
struct Sweep {
    #[command(flatten)]
    file: File,
    /// Number of runs; by selection, its expectation
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    #[command(flatten)]
    run: Run,
}

pub(super) fn run(arguments: &Arguments, terminal: Terminal) -> Result<Exit, Failure> {
    match (&arguments.action, &arguments.file) {
        (Some(Action::Create(arguments)), _) => create(arguments, terminal),
        (Some(Action::Reserve(arguments)), _) => reserve(arguments, terminal),
        (Some(Action::Settle(arguments)), _) => settle(arguments, terminal),
        (Some(Action::Sweep(arguments)), _) => {
            show::sweep(&arguments.file.file, arguments.runs, &arguments.run, terminal)
        }
        (Some(Action::Verify(file)), _) => show::verify(&file.file, terminal),
        (None, Some(file)) => show::show(file, terminal),
        // clap has made sure that one of the two is there.
        (None, None) => Err(Failure::usage("no budget is named").help("privet budget account --help")),
    }
}

fn create(arguments: &Create, terminal: Terminal) -> Result<Exit, Failure> {
    let typical = arguments.like.iter().map(|path| step(path)).collect::<Result<Vec<Event>, Failure>>()?;
    let total = (arguments.epsilon, arguments.delta);
    let unit = match arguments.unit {
        Unit::Sequence => PrivacyUnit::Sequence,
        Unit::Document => PrivacyUnit::Document,
        Unit::User => PrivacyUnit::User,
    };
    let terms = Terms::new(arguments.label.clone(), total, arguments.adjacency.into(), unit, &typical);
    let terms = match arguments.order {
        Some(order) => terms.and_then(|terms| terms.at_order(order)),
        None => terms,
    };
    let terms = terms.map_err(|error| {
        Failure::usage("no budget can promise this total")
            .why(error.to_string())
            .why("an order must be above 1 and able to show the total; a label has at most 200 characters on one line")
            .help("allow a larger epsilon or delta, or leave `--order` away")
    })?;
    let path = &arguments.file.file;
    let file = BudgetFile::create(path, terms)?;
    if terminal.json {
        terminal.json(&json!({ "budget": path, "terms": file.budget().terms(), "head": file.budget().head() }));
    } else {
        terminal.out(&show::promise(file.budget(), terminal));
    }
    terminal.say(&format!(
        "keep {0} and {0}.head together; name the budget in the configs as `corpus_budget = \"{0}\"` in [privacy]",
        path.display()
    ));
    Ok(Exit::Done)
}

/// One step of what a config plans.
fn step(path: &Path) -> Result<Event, Failure> {
    let config = config::load(path, &[])?;
    let privacy =
        plan_privacy(&config.privacy).map_err(|error| Failure::from(error).or_at(path.display().to_string()))?;
    Ok(privacy.event())
}

fn reserve(arguments: &Reserve, terminal: Terminal) -> Result<Exit, Failure> {
    let (scheme, phases) = arguments.run.resolve()?;
    let (path, event, run) = (&arguments.file.file, scheme.events(&phases), new_id()?);
    let file = BudgetFile::open(path)?.reserve(run.clone(), None, event)?;
    let standing = file.budget().standing();
    drop(file);
    if terminal.json {
        let left = show::finite(standing.left);
        terminal.json(&json!({ "budget": path, "run": run, "left": left, "closed": standing.closed }));
    } else {
        terminal.out(run.as_str());
        terminal.say(&format!(
            "reserved; when the run has ended: privet budget account settle {} {} LEDGER",
            path.display(),
            run.short()
        ));
    }
    Ok(Exit::Done)
}

fn settle(arguments: &Settle, terminal: Terminal) -> Result<Exit, Failure> {
    let path = &arguments.file.file;
    // Read before the budget is opened: nobody waits for us while we look for a ledger.
    let ledger = arguments.ledger.as_deref().map(|ledger| {
        idle(ledger)?;
        ledger::read(ledger)
    });
    let ledger = ledger.transpose()?.map(|(_, ledger)| ledger);
    let file = BudgetFile::open(path)?;
    let run = find(file.budget(), &arguments.run)?;
    let file = file.settle(&run, ledger.as_ref())?;
    let standing = file.budget().standing();
    drop(file);
    if terminal.json {
        terminal
            .json(&json!({ "budget": path, "run": run, "left": show::finite(standing.left), "kept": standing.kept }));
    } else {
        terminal.out(&format!("settled {}; {} of the budget is left", run.short(), show::percent_down(standing.left)));
    }
    Ok(show::promise_kept(&standing, path, terminal))
}

/// Refuses the ledger of a run that still goes on: what it charges next would not be counted.
fn idle(path: &Path) -> Result<(), Failure> {
    let file = ledger::file(path);
    let Ok(opened) = std::fs::File::open(&file) else { return Ok(()) };
    if matches!(opened.try_lock(), Err(std::fs::TryLockError::WouldBlock)) {
        return Err(Failure::usage("a training process is writing this ledger")
            .at(file.display().to_string())
            .why("what it charges after now would not be counted")
            .help("wait for it, or stop it; `privet train` settles its run by itself when it is done"));
    }
    Ok(())
}

fn find(budget: &CorpusBudget, start: &str) -> Result<RunId, Failure> {
    let run = budget.run_starting(start).map(|run| run.reservation.run.clone());
    run.ok_or_else(|| {
        Failure::usage(format!("no run, or more than one, has a name that begins with `{start}`"))
            .help("`privet budget account FILE` lists the runs; give more digits")
    })
}

/// The budget at `path`, to look at.
fn look(path: &Path, terminal: Terminal) -> Result<(CorpusBudget, bool), Failure> {
    use privet_train::corpus_budget_file::Completeness;
    let (budget, torn, completeness) = read(path)?;
    if completeness == Completeness::NoRecord {
        terminal.warn("the file's record (`.head`) is not beside it, so lines missing at its end would not show");
    }
    Ok((budget, torn))
}
