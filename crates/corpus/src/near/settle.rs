//! What to do with an output folder that is not empty: as for a scrub, but with decisions that outlive an interruption.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Run;
use super::decide::Decided;
use super::manifest::DedupManifest;
use crate::atomic::write_json;
use crate::error::Error;
use crate::output::OutputFolder;
use crate::resume::file_digest;

/// The decisions of an unfinished run, under the plan's digest, which covers the inputs' bytes.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    plan_digest: String,
    shards: Vec<String>,
    decided: Option<Decided>,
}

/// Looks at what the output folder holds: a finished run to return, or a folder made ready to write.
pub(super) fn settle(run: &Run<'_>, folder: &OutputFolder, plan_digest: &str) -> Result<Option<DedupManifest>, Error> {
    let output = run.plan.output.clone().unwrap_or_default();
    let mut stale: Vec<String> = inputs(run);
    let refusal = if folder.manifest().exists() {
        match DedupManifest::load(&output) {
            Ok(manifest) if manifest.plan_digest == plan_digest => {
                if is_intact(&manifest, folder, run)? {
                    return Ok(Some(DedupManifest { already_done: true, ..manifest }));
                }
                // Outputs were lost or altered: the same plan and inputs make them again.
                folder.clear(&stale)?;
                return Ok(None);
            }
            Ok(manifest) => {
                stale.extend(manifest.outputs.into_iter().map(|output| output.file));
                Error::DifferentPlan { output }
            }
            Err(error) => error,
        }
    } else {
        match load(folder)? {
            None => {
                begin(run, folder, plan_digest)?;
                return Ok(None);
            }
            Some(kept) if kept.plan_digest == plan_digest => return Ok(None),
            Some(kept) => {
                stale.extend(kept.shards);
                Error::DifferentPlan { output }
            }
        }
    };
    if !run.plan.overwrite {
        return Err(refusal);
    }
    folder.clear(&stale)?;
    begin(run, folder, plan_digest)?;
    Ok(None)
}

fn begin(run: &Run<'_>, folder: &OutputFolder, plan_digest: &str) -> Result<(), Error> {
    let kept = Kept { plan_digest: plan_digest.to_owned(), shards: inputs(run), decided: None };
    write_json(&folder.progress_plan(), &kept)
}

fn inputs(run: &Run<'_>) -> Vec<String> {
    run.files.iter().filter(|file| !file.reference).map(|file| file.shard.name.clone()).collect()
}

/// The decisions of an interrupted run of this plan over these bytes.
pub(super) fn decided(folder: &OutputFolder, plan_digest: &str) -> Option<Decided> {
    let kept = load(folder).ok().flatten()?;
    kept.decided.filter(|_| kept.plan_digest == plan_digest)
}

/// Makes decisions outlive an interruption.
pub(super) fn keep(folder: &OutputFolder, plan_digest: &str, decided: &Decided) -> Result<(), Error> {
    let shards = load(folder)?.map(|kept| kept.shards).unwrap_or_default();
    let kept = Kept { plan_digest: plan_digest.to_owned(), shards, decided: Some(decided.clone()) };
    write_json(&folder.progress_plan(), &kept)
}

/// Whether there is something for a later run to go on from, or to clear.
pub(super) fn has_begun(folder: &OutputFolder) -> bool {
    matches!(load(folder), Ok(Some(Kept { decided: Some(_), .. })))
}

fn load(folder: &OutputFolder) -> Result<Option<Kept>, Error> {
    let path: PathBuf = folder.progress_plan();
    let Ok(text) = std::fs::read(&path) else { return Ok(None) };
    serde_json::from_slice(&text).map(Some).map_err(|_| Error::BadState { path })
}

fn is_intact(manifest: &DedupManifest, folder: &OutputFolder, run: &Run<'_>) -> Result<bool, Error> {
    for output in &manifest.outputs {
        let now = file_digest(&folder.shard(&output.file), run.cancelled)?;
        if now.map(|digest| digest.sha256).as_ref() != Some(&output.sha256) {
            return Ok(false);
        }
    }
    Ok(true)
}
