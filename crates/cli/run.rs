//! `privet run`: scrub, train, report, from one file. Each stage that is done says so and is not done again.

use std::sync::atomic::AtomicBool;

use privet_corpus::Manifest;
use privet_train::Stage;
use privet_train::run_folder::RunFolder;

use crate::failure::{Exit, Failure};
use crate::scrub;
use crate::statement;
use crate::terminal::Terminal;
pub(crate) use crate::train::Arguments;
use crate::train::{Session, train_and_report};

pub(crate) fn run(
    arguments: &Arguments,
    sets: &[String],
    terminal: Terminal,
    cancelled: &AtomicBool,
) -> Result<Exit, Failure> {
    let session = Session::open(arguments, sets, terminal, cancelled)?;
    // The plan is made first: a config that cannot be trained is refused before an hour of scrubbing, not after.
    let plan = session.plan(planned_stages(&session))?;
    if session.dry_run {
        return statement::planned(&session, &plan);
    }
    let files = session.files()?;
    // Before the first byte of the data is read: nobody scrubs for an hour to learn that nothing is left.
    privet_train::corpus_budget::reserve(&plan, session.dir())?;
    if !session.config.prepares() {
        return train_and_report(&session, &plan, &files, Vec::new());
    }
    // Opening makes `private/` readable to its owner only, before the first private byte is written.
    drop(RunFolder::open(session.dir()).map_err(Failure::from)?);
    let manifest = scrub_stage(&session, files)?;
    // What really happened: a quarantined file voids the bound that the stages have otherwise.
    let stages = manifest.stages.iter();
    let stages = stages.map(|stage| Stage { name: stage.name.clone(), stability: stage.stability }).collect();
    let plan = session.plan(stages)?;
    let shards = manifest.output_paths(&scrubbed(&session));
    let digests = manifest.inputs.iter().map(|input| input.sha256.clone()).collect();
    let exit = train_and_report(&session, &plan, &shards, digests)?;
    match (exit, scrub::quarantined(&manifest, terminal)) {
        (Exit::Done, true) => Ok(Exit::Input),
        (exit, _) => Ok(exit),
    }
}

fn scrubbed(session: &Session) -> std::path::PathBuf {
    session.dir().join("private").join("scrubbed")
}

fn planned_stages(session: &Session) -> Vec<Stage> {
    let config = &session.config;
    let stages = [("scrub", config.prepares()), ("dedup-exact", config.dedup_exact())];
    let stages = stages.into_iter().filter(|(_, wanted)| *wanted);
    stages.map(|(name, _)| Stage { name: name.to_owned(), stability: Some(1) }).collect()
}

fn scrub_stage(session: &Session, files: Vec<std::path::PathBuf>) -> Result<Manifest, Failure> {
    let plan = scrub::plan_from_config(&session.config, files, scrubbed(session))?;
    let manifest = scrub::with_progress(&plan, session.terminal, session.cancelled)
        .map_err(|failure| failure.resumes(&session.command()))?;
    let done = match (manifest.already_done, session.config.synthetic()) {
        (true, _) => String::from("scrub: already done"),
        // How many rows there are is private; only of invented data may the terminal say it.
        (false, true) => format!("scrub: {}", scrub::totals(&manifest.counts)),
        (false, false) => String::from("scrub: done; the counts are in private/scrubbed/manifest.json"),
    };
    session.terminal.say(&done);
    Ok(manifest)
}
