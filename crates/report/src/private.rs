//! What the private edition adds, and what the private files can still contradict.
//!
//! Three checks need them: the ledger is at least as long as the trainer remembers, it charges at least the steps that
//! were done, and the stages that ran are the stages that the plan names, with the same stability.

use std::path::Path;

use privet_audit::{OneRunAudit, one_run, verdict};
use privet_dp::LedgerError;
use privet_dp::ledger::Line;

use crate::folder::{
    self, ControlEvaluation, LedgerHead, Manifest, ManifestFile, ManifestStage, OwnerLimit, PlanStage, Removal,
    Training,
};
use crate::verify::Verified;
use crate::words::clean;
use crate::{Control, Copies, Corpus, Error, Evidence, FileDigest, Section, StageProof, TrainingFigures};

const METHOD: &str = "one-run canary audit (Steinke, Nasr and Jagielski 2023, arXiv 2305.08846)";

const PROTOCOL: &str = "each canary is a sequence of tokens drawn uniformly from the vocabulary and put into the training \
     set by its own fair coin; its score is the base model's loss minus the released model's loss; the highest scores are \
     guessed as trained on and the lowest as not; number of canaries, share of guesses and alpha stand in the plan, which \
     was fixed before training";

/// The sections that only the private edition has.
pub(crate) struct PrivateSections {
    pub(crate) corpus: Section<Corpus>,
    pub(crate) copies: Section<Copies>,
    pub(crate) training: Section<TrainingFigures>,
    pub(crate) evidence: Section<Evidence>,
    /// Plain, then with clipping.
    pub(crate) controls: [Section<Control>; 2],
}

/// The same without the private folder.
pub(crate) fn withheld() -> PrivateSections {
    let why = |what: &str| format!("kept in the private edition: {what}");
    PrivateSections {
        corpus: Section::Absent { reason: why("counts of rows and findings follow from the data without noise") },
        copies: Section::Absent { reason: why("counts of copies follow from the data without noise") },
        training: Section::Absent { reason: why("batch sizes and clip fractions follow from the data without noise") },
        evidence: Section::Absent {
            reason: why("the audit's outcome follows from secret coins and is not needed to rely on the guarantee"),
        },
        controls: [(); 2].map(|()| Section::Absent { reason: why("a control is trained without privacy") }),
    }
}

/// Reads the private folder.
pub(crate) fn read(run: &Path, verified: &Verified) -> Result<PrivateSections, Error> {
    let private = run.join("private");
    check_head(&private.join("ledger-head.json"), run, verified)?;
    let manifest_path = private.join("scrubbed").join("manifest.json");
    let removal_path = private.join("deduplicated").join("manifest.json");
    let training = folder::json::<Training>(&private.join("training.json"))?;
    Ok(PrivateSections {
        corpus: match folder::json::<Manifest>(&manifest_path)? {
            Some(manifest) => {
                folder::require_format(&manifest_path, &manifest.version, folder::MANIFEST_FORMAT)?;
                Section::Present { value: corpus(manifest, &verified.plan.stages)? }
            }
            None => absent("private/scrubbed/manifest.json does not exist: the run did not scrub its input"),
        },
        copies: match folder::json::<Removal>(&removal_path)? {
            Some(removal) => {
                folder::require_format(&removal_path, &removal.version, folder::REMOVAL_FORMAT)?;
                Section::Present { value: copies(removal, verified)? }
            }
            None => absent("private/deduplicated/manifest.json does not exist: no stage of its own removed copies"),
        },
        training: match training {
            Some(training) => Section::Present { value: figures(training, verified)? },
            None => absent("private/training.json does not exist: the run is not finished"),
        },
        evidence: match folder::json::<OneRunAudit>(&private.join("audit.json"))? {
            Some(audit) => Section::Present { value: evidence(&audit, verified)? },
            None if verified.plan.audit.canaries == 0 => absent("the plan has no canaries, so nothing was audited"),
            None => absent("private/audit.json does not exist: the run is not finished"),
        },
        controls: [control(&private, "control")?, control(&private, "control-clipped")?],
    })
}

fn control(private: &Path, folder: &str) -> Result<Section<Control>, Error> {
    Ok(match folder::json::<ControlEvaluation>(&private.join(folder).join("evaluation.json"))? {
        Some(control) => Section::Present { value: Control { loss: control.loss, steps: control.steps } },
        None => absent(&format!(
            "private/{folder}/evaluation.json does not exist: no such control was trained and evaluated"
        )),
    })
}

fn absent<T>(reason: &str) -> Section<T> {
    Section::Absent { reason: reason.to_owned() }
}

/// The line that the trainer recorded as the last one must still be there; later ones may have followed.
fn check_head(path: &Path, run: &Path, verified: &Verified) -> Result<(), Error> {
    let Some(head) = folder::json::<LedgerHead>(path)? else { return Ok(()) };
    let recorded = head.lines.checked_sub(1).and_then(|index| verified.ledger_text.lines().nth(index));
    let found = recorded.and_then(|line| serde_json::from_str::<Line>(line).ok()).map(|line| line.hash);
    if found.as_ref() == Some(&head.hash) {
        return Ok(());
    }
    let found = found.unwrap_or_else(|| verified.ledger.head().to_owned());
    let source = LedgerError::OtherHead { found, expected: clean(&head.hash) };
    Err(Error::Ledger { path: run.join("public").join("ledger.jsonl"), source })
}

/// The stages that a manifest says were run, each of which the plan must name with the same stability.
fn proofs(stages: Vec<ManifestStage>, planned: &[PlanStage], manifest: &str) -> Result<Vec<StageProof>, Error> {
    for stage in &stages {
        let expected = planned.iter().find(|planned| planned.name == stage.name).map(|planned| planned.stability);
        if expected != Some(stage.stability) {
            let bound = |stability: Option<u64>| stability.map_or("no bound".to_owned(), |bound| bound.to_string());
            return Err(Error::Mismatch {
                field: "the stability of a stage",
                place: format!("private/{manifest}/manifest.json (stage {})", clean(&stage.name)),
                found: bound(stage.stability),
                expected: expected.map_or_else(|| "a stage of the plan, which has none of that name".to_owned(), bound),
            });
        }
    }
    let proof = |stage: ManifestStage| StageProof {
        name: clean(&stage.name),
        stability: stage.stability,
        unit: clean(&stage.unit),
        proof: clean(&stage.proof),
    };
    Ok(stages.into_iter().map(proof).collect())
}

fn files(files: Vec<ManifestFile>) -> Vec<FileDigest> {
    let digest = |file: ManifestFile| FileDigest {
        file: clean(&file.file),
        sha256: file.sha256.as_deref().map(clean),
        rows: file.rows,
    };
    files.into_iter().map(digest).collect()
}

/// The removal of copies; the limit on what one owner has must be the plan's, which the guarantee for owners rests on.
fn copies(removal: Removal, verified: &Verified) -> Result<Copies, Error> {
    let planned = &verified.plan.data.owner_limit;
    if planned.is_some() && removal.owner_limit != *planned {
        let shown = |limit: &Option<OwnerLimit>| match limit {
            Some(limit) => format!("{} of one {}", limit.records, clean(&limit.column)),
            None => "no limit".to_owned(),
        };
        return Err(Error::Mismatch {
            field: "the limit on the records of one owner",
            place: "private/deduplicated/manifest.json".to_owned(),
            found: shown(&removal.owner_limit),
            expected: shown(planned),
        });
    }
    let counts = removal.counts;
    Ok(Copies {
        method: clean(&removal.method),
        rows_in: counts.rows_in,
        rows_out: counts.rows_out,
        removed_raw: counts.removed_raw,
        removed_normalised: counts.removed_normalised,
        removed_near: counts.removed_near,
        removed_over_limit: counts.removed_over_limit,
        plan_digest: clean(&removal.plan_digest),
        outputs: files(removal.outputs),
        stages: proofs(removal.stages, &verified.plan.stages, "deduplicated")?,
    })
}

fn corpus(manifest: Manifest, planned: &[PlanStage]) -> Result<Corpus, Error> {
    let stages = proofs(manifest.stages, planned, "scrubbed")?;
    let counts = manifest.counts;
    Ok(Corpus {
        rows_in: counts.rows_in,
        rows_out: counts.rows_out,
        rows_changed: counts.rows_changed,
        rows_dropped: counts.rows_dropped,
        share_changed: share(counts.text_bytes_changed, counts.text_bytes),
        duplicates_removed: counts.duplicates_removed,
        findings: counts.findings.into_iter().map(|(entity, count)| (clean(&entity), count)).collect(),
        files_quarantined: manifest.quarantined.len() as u64,
        inputs: files(manifest.inputs),
        outputs: files(manifest.outputs),
        rule_set_digest: manifest.rule_set_digest.as_deref().map(clean),
        plan_digest: manifest.plan_digest.as_deref().map(clean),
        stages,
    })
}

/// A part of a whole; 0 of nothing, which is nothing changed.
fn share(part: Option<u64>, whole: Option<u64>) -> Option<f64> {
    Some(part? as f64 / whole?.max(1) as f64)
}

fn figures(training: Training, verified: &Verified) -> Result<TrainingFigures, Error> {
    let place = || "private/training.json".to_owned();
    let plan_hash = &verified.ledger.genesis().plan_hash;
    if let Some(found) = training.plan_hash.filter(|hash| hash != plan_hash) {
        return Err(Error::Mismatch {
            field: "plan_hash",
            place: place(),
            found: clean(&found),
            expected: plan_hash.clone(),
        });
    }
    let charged = verified.guarantee.steps_charged;
    if training.steps_done > charged {
        let expected = format!("at most {charged}, the steps that the ledger charges");
        return Err(Error::Mismatch {
            field: "steps_done",
            place: place(),
            found: training.steps_done.to_string(),
            expected,
        });
    }
    Ok(TrainingFigures {
        units: training.units,
        truncated_units: training.truncated_units,
        non_finite_examples: training.non_finite_examples,
        clip_fraction_mean: training.clip_fraction_mean,
        batch_size_mean: training.batch_size_mean,
        seconds: training.seconds,
        steps_done: training.steps_done,
        stopped_by_budget: training.stopped_by_budget,
        device: training.device.as_deref().map(clean),
    })
}

/// The audit's bounds, computed again from its counts and held against the computed guarantee.
fn evidence(audit: &OneRunAudit, verified: &Verified) -> Result<Evidence, Error> {
    let OneRunAudit { canaries, guesses, correct, alpha, .. } = *audit;
    let delta = verified.guarantee.delta.get();
    if audit.delta.to_bits() != delta.to_bits() {
        let (found, expected) = (format!("{:e}", audit.delta), format!("{delta:e}"));
        return Err(Error::Mismatch { field: "delta", place: "private/audit.json".to_owned(), found, expected });
    }
    let refused = |source| Error::Audit { source };
    let lower = one_run::epsilon_lower_bound(correct, guesses, canaries, delta, alpha).map_err(refused)?;
    let ceiling = one_run::ceiling(guesses, canaries, delta, alpha).map_err(refused)?;
    let upper = verified.guarantee.epsilon.get();
    Ok(Evidence {
        method: METHOD.to_owned(),
        sampling_protocol: PROTOCOL.to_owned(),
        canaries,
        guesses,
        correct,
        alpha,
        delta,
        epsilon_lower_bound: lower,
        ceiling,
        epsilon_upper_bound: upper,
        verdict: verdict(lower, upper, ceiling),
    })
}
