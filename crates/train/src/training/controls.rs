//! Trainings without privacy to compare with. Everything of them stays in `private/`.

use std::path::Path;

use burn::tensor::backend::AutodiffBackend;
use privet_model::Tensors;

use super::EVALUATION;
use crate::Error;
use crate::atomic::{create_private_dir, write_atomic};
use crate::engine::{Engine, Job, train_control};
use crate::logs::ControlEvaluation;
use crate::plan::{Control, TrainPlan};
use crate::run_folder::{RunFolder, read_json, write_json};
use crate::tokens::TokenStore;

/// Trains a control with its log in `folder`.
pub(super) fn control_in<A: AutodiffBackend>(
    folder: &Path,
    engine: &mut Engine<A>,
    job: Job<'_>,
    control: Control,
) -> Result<Tensors, Error> {
    create_private_dir(folder)?;
    let log = folder.join("train.jsonl");
    write_atomic(&log, b"")?;
    train_control(engine, job, control, &log)
}

/// The control's loss on the public split, with its weights in place.
pub(super) fn evaluate_control<A: AutodiffBackend>(
    plan: &TrainPlan,
    folder: &Path,
    engine: &Engine<A>,
    public: &mut TokenStore,
) -> Result<Option<f64>, Error> {
    if public.is_empty() {
        return Ok(None);
    }
    let loss = engine.mean_loss(public)?;
    let evaluation = ControlEvaluation { loss, steps: plan.privacy.steps };
    write_json(&folder.join(EVALUATION), &evaluation)?;
    Ok(Some(loss))
}

/// The loss of a control of a finished run.
pub(super) fn control_loss(folder: &RunFolder, control: Control) -> Result<Option<f64>, Error> {
    let evaluation: Option<ControlEvaluation> = read_json(&folder.private(control.folder()).join(EVALUATION))?;
    Ok(evaluation.map(|evaluation| evaluation.loss))
}
