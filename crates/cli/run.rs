//! `privet run`: scrub, remove copies, train, report, from one file. Each stage that is done says so and is not done again.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use privet_corpus::{DedupManifest, DedupPlan, Manifest};
use privet_train::Stage;
use privet_train::run_folder::RunFolder;

use crate::dedup::{self, Dedup, Removal};
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
    let against = session.config.dedup.as_ref().map(Dedup::against).unwrap_or_default();
    let against = dedup::references(against, &files)?;
    // Before the first byte of the data is read: nobody scrubs for an hour to learn that nothing is left.
    privet_train::corpus_budget::reserve(&plan, session.dir())?;
    if !session.config.prepares() {
        return train_and_report(&session, &plan, &files, Vec::new());
    }
    // Opening makes `private/` readable to its owner only, before the first private byte is written.
    drop(RunFolder::open(session.dir()).map_err(Failure::from)?);
    let (mut stages, mut shards, mut digests, mut some_quarantined) = (Vec::new(), files, None, false);
    if scrubs(&session) {
        let manifest = scrub_stage(&session, shards)?;
        // What really happened: a quarantined file voids the bound that the stages have otherwise.
        stages.extend(manifest.stages.iter().map(stage));
        shards = manifest.output_paths(&folder(&session, SCRUBBED));
        digests = Some(manifest.inputs.iter().map(|input| input.sha256.clone()).collect());
        some_quarantined = scrub::quarantined(&manifest, terminal);
    }
    if let Removal::Stage(removal) = &session.config.removal {
        let manifest = dedup_stage(&session, removal, shards, against)?;
        stages.extend(manifest.stages.iter().map(stage));
        shards = manifest.output_paths(&folder(&session, DEDUPLICATED));
        digests = digests.or_else(|| Some(manifest.inputs.iter().map(|input| input.sha256.clone()).collect()));
    }
    let plan = session.plan(stages)?;
    match (train_and_report(&session, &plan, &shards, digests.unwrap_or_default())?, some_quarantined) {
        (Exit::Done, true) => Ok(Exit::Input),
        (exit, _) => Ok(exit),
    }
}

const SCRUBBED: &str = "scrubbed";
const DEDUPLICATED: &str = "deduplicated";

/// A stage's folder.
fn folder(session: &Session, name: &str) -> PathBuf {
    session.dir().join("private").join(name)
}

/// Whether there is a pass of the scrubber, be it for equal rows only.
fn scrubs(session: &Session) -> bool {
    session.config.scrub.is_some() || matches!(session.config.removal, Removal::WhileScrubbing)
}

fn stage(stage: &privet_corpus::Stage) -> Stage {
    Stage { name: stage.name.clone(), stability: stage.stability }
}

/// The stages if all files can be read.
fn planned_stages(session: &Session) -> Vec<Stage> {
    let named = |name: &str| Stage { name: name.to_owned(), stability: Some(1) };
    let mut stages = Vec::new();
    if scrubs(session) {
        stages.push(named("scrub"));
    }
    match &session.config.removal {
        Removal::None => {}
        Removal::WhileScrubbing => stages.push(named("dedup-exact")),
        Removal::Stage(plan) => stages.push(stage(&plan.stage())),
    }
    stages
}

fn scrub_stage(session: &Session, files: Vec<PathBuf>) -> Result<Manifest, Failure> {
    let plan = scrub::plan_from_config(&session.config, files, folder(session, SCRUBBED))?;
    let manifest = scrub::with_progress(&plan, session.terminal, session.cancelled)
        .map_err(|failure| failure.resumes(&session.command()))?;
    said(session, "scrub", SCRUBBED, manifest.already_done, &scrub::totals(&manifest.counts));
    Ok(manifest)
}

fn dedup_stage(
    session: &Session,
    removal: &DedupPlan,
    inputs: Vec<PathBuf>,
    against: Vec<PathBuf>,
) -> Result<DedupManifest, Failure> {
    let output = Some(folder(session, DEDUPLICATED));
    let plan = DedupPlan { inputs, against, output, ..removal.clone() };
    let manifest = dedup::with_progress(&plan, session.terminal, session.cancelled)
        .map_err(|failure| failure.resumes(&session.command()))?;
    said(session, "dedup", DEDUPLICATED, manifest.already_done, &dedup::done(&manifest));
    Ok(manifest)
}

/// That a stage is done. How many rows there are is private; only of invented data may the terminal say it.
fn said(session: &Session, stage: &str, folder: &str, already_done: bool, totals: &str) {
    session.terminal.say(&match (already_done, session.config.synthetic()) {
        (true, _) => format!("{stage}: already done"),
        (false, true) => format!("{stage}: {totals}"),
        (false, false) => format!("{stage}: done; the counts are in private/{folder}/manifest.json"),
    });
}
