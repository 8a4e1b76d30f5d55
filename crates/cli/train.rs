//! `privet train`: train on text that needs no scrubbing, then report. Also the part of `privet run` behind the scrub.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use clap::Args;
use privet_corpus::Kinds;
use privet_train::{Device, Inputs, Outcome, OwnerLimit, PlanInputs, Stage, TrainPlan};

use crate::config::{self, Config};
use crate::failure::{Exit, Failure};
use crate::terminal::{Terminal, duration};
use crate::{folders, progress, records, report, statement};

/// The arguments of `privet train` and `privet run`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The config, a TOML file
    config: PathBuf,
    /// Where to compute: cpu, cuda:0, tch:cpu or tch:cuda:0
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    device: Device,
    /// Print the plan and the whole statement, and read no data
    #[arg(long)]
    dry_run: bool,
}

/// What the stages of one command share.
pub(crate) struct Session<'a> {
    pub(crate) config: Config,
    pub(crate) file: &'a Path,
    pub(crate) device: Device,
    pub(crate) dry_run: bool,
    pub(crate) terminal: Terminal,
    pub(crate) cancelled: &'a AtomicBool,
}

impl<'a> Session<'a> {
    pub(crate) fn open(
        arguments: &'a Arguments,
        sets: &[String],
        terminal: Terminal,
        cancelled: &'a AtomicBool,
    ) -> Result<Self, Failure> {
        let config = config::load(&arguments.config, sets)?;
        let Arguments { config: file, device, dry_run } = arguments;
        Ok(Self { config, file, device: *device, dry_run: *dry_run, terminal, cancelled })
    }

    /// The command that goes on after an interrupt.
    pub(crate) fn command(&self) -> String {
        let name = if self.config.prepares() { "run" } else { "train" };
        format!("privet {name} {}", self.file.display())
    }

    /// The run's folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.config.output.dir
    }

    /// The training plan, from public inputs alone.
    pub(crate) fn plan(&self, stages: Vec<Stage>) -> Result<TrainPlan, Failure> {
        let config = &self.config;
        let plan = privet_train::plan(&PlanInputs {
            name: &config.name(),
            declared_synthetic: config.synthetic(),
            column: &config.selection.names(),
            unit_column: config.unit_column(),
            owner_limit: config
                .removal
                .owner_limit()
                .map(|limit| OwnerLimit { column: limit.column, records: limit.records }),
            format: records::format(&config.selection),
            model: &config.model,
            data: &config.data,
            privacy: &config.privacy,
            train: &config.train,
            audit: &config.audit,
            stages,
        });
        plan.map_err(|error| Failure::from(error).or_at(self.file.display().to_string()))
    }

    /// The dataset's files, which must exist and lie apart from the run's folder.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>, Failure> {
        let patterns = self.config.paths();
        let files = privet_corpus::resolve_inputs(&patterns, Kinds::Records)?;
        folders::keep_apart(&privet_corpus::input_folders(&patterns), &files, self.dir())?;
        Ok(files)
    }
}

pub(crate) fn run(
    arguments: &Arguments,
    sets: &[String],
    terminal: Terminal,
    cancelled: &AtomicBool,
) -> Result<Exit, Failure> {
    let session = Session::open(arguments, sets, terminal, cancelled)?;
    if session.config.prepares() {
        return Err(Failure::usage("the config has a [scrub] or [dedup] section, and `privet train` does neither")
            .at(session.file.display().to_string())
            .help(format!("privet run {}", session.file.display())));
    }
    let plan = session.plan(Vec::new())?;
    if session.dry_run {
        return statement::planned(&session, &plan);
    }
    let files = session.files()?;
    privet_train::corpus_budget::reserve(&plan, session.dir())?;
    train_and_report(&session, &plan, &files, Vec::new())
}

/// Stages two to four: train, write the report, print the statement.
pub(crate) fn train_and_report(
    session: &Session,
    plan: &TrainPlan,
    files: &[PathBuf],
    input_digests: Vec<String>,
) -> Result<Exit, Failure> {
    let config = &session.config;
    let public = match config.data.public_evaluation.as_slice() {
        [] => Vec::new(),
        patterns => privet_corpus::resolve_inputs(patterns, Kinds::Records)?,
    };
    let input_state = privet_corpus::state_of(&[files, &public].concat())?;
    let epsilon = plan.epsilon_after(plan.privacy.turns()).map_err(Failure::from)?;
    let mut shown = progress::Training::new(session.terminal, plan, epsilon);
    let mut examples =
        records::examples(files.to_vec(), config.selection.clone(), config.unit_column().map(str::to_owned));
    let mut public_evaluation = records::examples(public, config.selection.clone(), None);
    let inputs =
        Inputs { examples: &mut *examples, public_evaluation: &mut *public_evaluation, input_digests, input_state };
    let outcome = privet_train::train(
        plan,
        inputs,
        session.dir(),
        session.device,
        &mut |observed| shown.observe(&observed),
        session.cancelled,
    );
    shown.finish();
    let outcome = outcome.map_err(|error| Failure::from(error).resumes(&session.command()))?;
    session.terminal.say(&summary(&outcome, config.synthetic()));
    report::write(session.dir())?;
    statement::finished(session, plan, &outcome)
}

/// Wall time follows the batches that were drawn, which are private; only of invented data is it said.
fn summary(outcome: &Outcome, synthetic: bool) -> String {
    if outcome.already_done {
        return String::from("train: already done");
    }
    let resumed = outcome.resumed_from.map(|step| format!(", resumed after step {step}")).unwrap_or_default();
    let time = if synthetic { format!(" in {}", duration(outcome.seconds)) } else { String::new() };
    format!("train: {} steps{time}{resumed}", outcome.steps_done)
}
