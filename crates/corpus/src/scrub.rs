//! A whole scrub: shards one after another, then findings, then the manifest.
//!
//! Shards run in order because keep-first is about order; the work inside a batch is what runs on many
//! threads. The manifest is the last thing written, so a folder that has one is complete.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use rayon::ThreadPoolBuilder;

use crate::atomic::{remove, sweep, write_json};
use crate::dedup::Seen;
use crate::dry_run::count;
use crate::error::{Error, Fault, Stop};
use crate::findings::join;
use crate::inputs::{Shard, check_apart, shards};
use crate::manifest::{Counts, FindingsFile, InputFile, MANIFEST_VERSION, Manifest, OutputFile, Quarantined, stages};
use crate::meter::{Meter, Progress};
use crate::output::{FINDINGS_NAME, OutputFolder, is_foreign};
use crate::plan::{Mode, OnError, ScrubPlan};
use crate::resume::{FileDigest, Log, Outcome, file_digest};
use crate::rows::Rules;
use crate::settle::{PlanRecord, settle};
use crate::shard::{Run, Targets, Written};

/// Scrubs every input of the plan into its output folder; returns what the manifest says.
///
/// A second call with the same plan and unchanged files finds the work done ([`Manifest::already_done`]);
/// a call after an interruption continues with the first unfinished shard and ends in the same bytes.
/// `cancelled` is looked at between batches. `progress` is called on the calling thread.
///
/// # Errors
///
/// [`Error::Input`] for a file at fault (unless the plan sets such files aside), [`Error::EmptyCorpus`] and
/// [`Error::AllQuarantined`] when nothing is left to write, [`Error::Interrupted`], and refusals about the
/// output folder. After any error the output folder has no manifest and no file that is half written.
pub fn scrub(
    plan: &ScrubPlan,
    progress: &(dyn Fn(Progress) + Sync),
    cancelled: &AtomicBool,
) -> Result<Manifest, Error> {
    let shards = shards(&plan.inputs, &plan.input_folders)?;
    if shards.is_empty() {
        return Err(Error::EmptyCorpus { files: 0 });
    }
    let rules = Rules::new(&plan.entities, &plan.custom, &plan.deny, &plan.policy)?.with_packs(&plan.packs);
    let pool =
        ThreadPoolBuilder::new().num_threads(plan.jobs).build().map_err(|_| Error::Workers { jobs: plan.jobs })?;
    let run = Run { plan, rules: &rules, pool: &pool, cancelled };
    let meter = Meter::new(progress, &shards);
    match plan.mode {
        Mode::Write => write(&run, &shards, &meter),
        Mode::DryRun { sample_rows } => count(&run, &shards, sample_rows, &meter),
    }
}

fn write(run: &Run<'_>, shards: &[Shard], meter: &Meter<'_>) -> Result<Manifest, Error> {
    let plan = run.plan;
    check_apart(&plan.output, &plan.inputs, &plan.input_folders)?;
    if is_foreign(&plan.output) && !plan.overwrite {
        return Err(Error::ForeignOutput { output: plan.output.clone() });
    }
    let names: Vec<String> = shards.iter().map(|shard| shard.name.clone()).collect();
    let plan_digest = plan.digest(&names);
    let folder = OutputFolder::open(&plan.output)?;
    if let Some(done) = settle(run, shards, &folder, &plan_digest)? {
        check_changed(plan, &done.counts, None)?;
        folder.finish()?;
        return Ok(done);
    }
    write_json(&folder.progress_plan(), &PlanRecord::new(&plan_digest, names))?;

    let mut seen = Seen::default();
    let columns = plan.dedup_exact.then_some(plan.columns.as_slice());
    let mut log = Log::resume(&folder, &plan_digest, shards, columns, &mut seen, run.cancelled)?;
    let resumed = log.records.len();
    let first_fault = remaining_shards(run, &folder, shards, &mut log, &mut seen, meter);
    if first_fault.is_err() && log.records.is_empty() {
        // Nothing is finished, so nothing ties the folder to this plan: a corrected one may start afresh.
        folder.forget_progress()?;
    }
    let first_fault = first_fault?;
    let mut manifest = conclude(run, &folder, &plan_digest, log, first_fault)?;
    manifest.resumed_shards = resumed;
    folder.finish()?;
    Ok(manifest)
}

/// Scrubs the shards that the log does not have yet; returns the first fault that was set aside.
fn remaining_shards(
    run: &Run<'_>,
    folder: &OutputFolder,
    shards: &[Shard],
    log: &mut Log,
    seen: &mut Seen,
    meter: &Meter<'_>,
) -> Result<Option<String>, Error> {
    let finished = log.records.len();
    let mut first_fault = None;
    for (index, shard) in shards.iter().enumerate() {
        if index >= finished {
            let fault = one_shard(run, folder, shard, log, seen, meter)?;
            first_fault = first_fault.or(fault.map(|fault| fault.to_string()));
        }
        meter.file_done(index + 1);
    }
    Ok(first_fault)
}

/// Scrubs one shard and logs what became of it; a fault is returned if the plan sets such files aside.
fn one_shard(
    run: &Run<'_>,
    folder: &OutputFolder,
    shard: &Shard,
    log: &mut Log,
    seen: &mut Seen,
    meter: &Meter<'_>,
) -> Result<Option<Fault>, Error> {
    run.check_cancelled()?;
    let input = file_digest(&shard.path, run.cancelled)?;
    let targets = Targets { output: folder.shard(&shard.name), part: folder.part(log.records.len()) };
    if let Some(parent) = targets.output.parent() {
        sweep(parent)?;
    }
    let mut done = |rows, bytes| meter.advance(rows, bytes);
    match run.scrub_shard(shard, Some(&targets), u64::MAX, seen, &mut done) {
        Ok(finished) => {
            let Some(Written { output, findings }) = finished.written else {
                return Ok(None);
            };
            let (findings, counts) = (findings.into(), finished.counts);
            let outcome = if let Some(output) = output {
                Outcome::Written { output: output.into(), findings, counts }
            } else {
                // An earlier run that was killed may have kept it.
                remove(&targets.output)?;
                Outcome::Removed { findings, counts }
            };
            log.append(folder, &shard.name, input, outcome)?;
            Ok(None)
        }
        Err(Stop::Fault(fault)) if run.plan.on_error == OnError::Quarantine => {
            // A run killed between the shard and its record may have left the shard.
            remove(&targets.output)?;
            remove(&targets.part)?;
            let reason_class = fault.class();
            log.append(folder, &shard.name, input, Outcome::Quarantined { reason_class })?;
            Ok(Some(fault))
        }
        Err(Stop::Fault(fault)) => Err(Error::Input { file: shard.path.clone(), fault }),
        Err(Stop::Error(error)) => Err(error),
    }
}

/// All shards are done: joins the findings and writes the manifest, or takes everything back if there is
/// nothing to show.
fn conclude(
    run: &Run<'_>,
    folder: &OutputFolder,
    plan_digest: &str,
    log: Log,
    first_fault: Option<String>,
) -> Result<Manifest, Error> {
    let mut manifest = empty_manifest(run.plan, plan_digest.to_owned());
    let mut parts = Vec::new();
    let files = log.records.len();
    for (index, record) in log.records.into_iter().enumerate() {
        match record.outcome {
            Outcome::Written { output, counts, .. } => {
                parts.push(folder.part(index));
                add_scrubbed(&mut manifest, record.file, record.input, Some(output), &counts);
            }
            Outcome::Removed { counts, .. } => {
                parts.push(folder.part(index));
                add_scrubbed(&mut manifest, record.file, record.input, None, &counts);
            }
            Outcome::Quarantined { reason_class } => manifest.quarantined.push(Quarantined {
                file: record.file,
                sha256: record.input.map(|input| input.sha256),
                reason_class,
            }),
        }
    }
    let whole = |manifest: &Manifest| check_changed(run.plan, &manifest.counts, None);
    if let Err(error) = check_not_empty(run.plan, &manifest, files, first_fault).and_then(|()| whole(&manifest)) {
        let written: Vec<String> = manifest.outputs.into_iter().map(|o| o.file).collect();
        folder.clear(&written)?;
        return Err(error);
    }
    let (content, rows) = join(&parts, &folder.findings())?;
    manifest.findings = Some(FindingsFile { file: FINDINGS_NAME.to_owned(), sha256: content.sha256, rows });
    manifest.stages = stages(&run.plan.policy, run.plan.dedup_exact, !manifest.quarantined.is_empty());
    write_json(&folder.manifest(), &manifest)?;
    Ok(manifest)
}

pub(crate) fn check_not_empty(
    plan: &ScrubPlan,
    manifest: &Manifest,
    files: usize,
    first_fault: Option<String>,
) -> Result<(), Error> {
    if manifest.inputs.is_empty() {
        let class = manifest.quarantined.first().map(|q| format!("{:?}", q.reason_class));
        return Err(Error::AllQuarantined {
            files,
            first: plan.inputs.first().cloned().unwrap_or_default(),
            why: first_fault.or(class).unwrap_or_default(),
        });
    }
    if manifest.counts.rows_in == 0 {
        return Err(Error::EmptyCorpus { files: manifest.inputs.len() });
    }
    Ok(())
}

/// The stop rule: refuses what changes more of a file, or of all files, than the plan allows. A document is no corpus by
/// itself: one short letter may be nothing but names, so documents are judged together.
pub(crate) fn check_changed(plan: &ScrubPlan, counts: &Counts, file: Option<&Path>) -> Result<(), Error> {
    match plan.max_changed {
        Some(limit) if counts.share_changed() > limit => {
            Err(Error::TooMuchChanged { file: file.map(Path::to_owned), limit })
        }
        _ => Ok(()),
    }
}

pub(crate) fn empty_manifest(plan: &ScrubPlan, plan_digest: String) -> Manifest {
    Manifest {
        version: MANIFEST_VERSION.to_owned(),
        plan_digest,
        rule_set_digest: plan.rule_set_digest(),
        column: plan.column_names(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        findings: None,
        stages: Vec::new(),
        counts: Counts::default(),
        quarantined: Vec::new(),
        already_done: false,
        resumed_shards: 0,
    }
}

pub(crate) fn add_scrubbed(
    manifest: &mut Manifest,
    file: String,
    input: Option<FileDigest>,
    output: Option<FileDigest>,
    counts: &Counts,
) {
    manifest.counts.add(counts);
    if let Some(output) = output {
        manifest.outputs.push(OutputFile {
            file: file.clone(),
            sha256: output.sha256,
            bytes: output.bytes,
            rows: counts.rows_out,
        });
    }
    let (sha256, bytes) = input.map_or((String::new(), 0), |input| (input.sha256, input.bytes));
    let (text_bytes, text_bytes_changed) = (counts.text_bytes, counts.text_bytes_changed);
    manifest.inputs.push(InputFile { file, sha256, bytes, rows: counts.rows_in, text_bytes, text_bytes_changed });
}

#[cfg(test)]
#[path = "scrub_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "stop_rule_tests.rs"]
mod stop_rule;
