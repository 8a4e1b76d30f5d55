//! What to do with an output folder that is not empty.
//!
//! A finished run of the same plan over the same bytes is simply returned. One whose outputs were lost or
//! altered is made again. Anything else (another plan, changed inputs, a damaged manifest) is refused with
//! the reason unless the plan allows overwriting.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::inputs::Shard;
use crate::manifest::Manifest;
use crate::output::OutputFolder;
use crate::resume::file_digest;
use crate::shard::Run;

/// Looks at what the output folder holds: a finished run to return, or a folder made ready to write.
pub(crate) fn settle(
    run: &Run<'_>,
    shards: &[Shard],
    folder: &OutputFolder,
    plan_digest: &str,
) -> Result<Option<Manifest>, Error> {
    let plan = run.plan;
    let mut stale: Vec<String> = shards.iter().map(|shard| shard.name.clone()).collect();
    let refusal = match folder.read_manifest() {
        Ok(Some(manifest)) if manifest.plan_digest == plan_digest => {
            match changed_input(&manifest, shards, run)? {
                None if is_intact(&manifest, folder, run)? => {
                    return Ok(Some(Manifest { already_done: true, ..manifest }));
                }
                // Outputs were lost or altered: the same plan and inputs make them again.
                None => {
                    folder.clear(&stale)?;
                    return Ok(None);
                }
                Some(input) => Error::InputsChanged { output: plan.output.clone(), input },
            }
        }
        Ok(Some(manifest)) => {
            stale.extend(manifest.outputs.into_iter().map(|output| output.file));
            Error::DifferentPlan { output: plan.output.clone() }
        }
        Err(error) => error,
        Ok(None) => match PlanRecord::load(folder)? {
            None => return Ok(None),
            Some(record) if record.plan_digest == plan_digest => return Ok(None),
            Some(record) => {
                stale.extend(record.shards);
                Error::DifferentPlan { output: plan.output.clone() }
            }
        },
    };
    if !plan.overwrite {
        return Err(refusal);
    }
    folder.clear(&stale)?;
    Ok(None)
}

fn changed_input(manifest: &Manifest, shards: &[Shard], run: &Run<'_>) -> Result<Option<PathBuf>, Error> {
    for shard in shards {
        let now = file_digest(&shard.path, run.cancelled)?.map(|digest| digest.sha256);
        let scrubbed = manifest.inputs.iter().find(|i| i.file == shard.name);
        let set_aside = manifest.quarantined.iter().find(|q| q.file == shard.name);
        let same = match (scrubbed, set_aside) {
            (Some(input), _) => now.as_ref() == Some(&input.sha256),
            (None, Some(quarantined)) => now == quarantined.sha256,
            (None, None) => false,
        };
        if !same {
            return Ok(Some(shard.path.clone()));
        }
    }
    Ok(None)
}

fn is_intact(manifest: &Manifest, folder: &OutputFolder, run: &Run<'_>) -> Result<bool, Error> {
    let shards = manifest.outputs.iter().map(|o| (&o.file, &o.sha256));
    let findings = manifest.findings.iter().map(|f| (&f.file, &f.sha256));
    for (file, sha256) in shards.chain(findings) {
        let now = file_digest(&folder.shard(file), run.cancelled)?;
        if now.map(|digest| digest.sha256).as_ref() != Some(sha256) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Which plan an unfinished folder belongs to.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PlanRecord {
    plan_digest: String,
    shards: Vec<String>,
}

impl PlanRecord {
    pub(crate) fn new(plan_digest: &str, shards: Vec<String>) -> Self {
        Self { plan_digest: plan_digest.to_owned(), shards }
    }

    fn load(folder: &OutputFolder) -> Result<Option<Self>, Error> {
        let path = folder.progress_plan();
        let Ok(text) = std::fs::read(&path) else {
            return Ok(None);
        };
        serde_json::from_slice(&text).map(Some).map_err(|_| Error::BadState { path })
    }
}
