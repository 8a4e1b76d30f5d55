//! The two logs of a run, one type each: what may be published, and what may not.

use serde::{Deserialize, Serialize};

use crate::clip::Tally;

/// A line of `public/public.jsonl`: public values alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Public {
    /// Optimizer step, from 1.
    pub step: u64,
    /// 1, and one more each time the step is run again after a crash.
    pub attempt: u32,
    /// Epsilon of all steps charged so far, rounded up by the accountant, at the plan's delta.
    pub epsilon: f64,
    /// The step's clipping norm, where that moves: it follows from noisy counts alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_grad_norm: Option<f64>,
}

/// A line of `private/train.jsonl`: exact figures of the batch, which epsilon does not cover.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Private {
    /// Optimizer step, from 1.
    pub step: u64,
    /// 1, and one more each time the step is run again after a crash.
    pub attempt: u32,
    /// Units drawn.
    pub batch_size: u64,
    /// Units whose gradient was clipped.
    pub clipped: u64,
    /// Units whose gradient was not finite, and which contributed zero.
    pub non_finite: u64,
    /// Mean loss over the units drawn, before the step; 0 for an empty batch.
    pub loss: f64,
    /// Wall time of the step; it follows the realised batch size.
    pub seconds: f64,
}

impl Private {
    pub(crate) fn new(step: u64, attempt: u32, tally: &Tally, seconds: f64) -> Self {
        let loss = if tally.units == 0 { 0.0 } else { tally.loss_sum / tally.units as f64 };
        let Tally { units, clipped, non_finite, .. } = *tally;
        Self { step, attempt, batch_size: units, clipped, non_finite, loss, seconds }
    }
}

/// A line of a control's `train.jsonl`, below `private/`: a step without privacy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ControlStep {
    /// Optimizer step, from 1.
    pub step: u64,
    /// Units drawn.
    pub batch_size: u64,
    /// Wall time of the step.
    pub seconds: f64,
}

/// `public/evaluation.json`: losses on the *public* held-out split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Format name.
    pub format: String,
    /// Which text.
    pub split: String,
    /// Sequences evaluated.
    pub sequences: usize,
    /// Tokens in them.
    pub tokens: usize,
    /// Mean loss per predicted token of the base model, in nats.
    pub base_loss: f64,
    /// The same of the released model, read back from disk.
    pub released_loss: f64,
}

/// `evaluation.json` of a non-private control, below `private/`: its loss on the same split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ControlEvaluation {
    /// Mean loss per predicted token, in nats.
    pub loss: f64,
    /// Steps trained.
    pub steps: u64,
}

/// `private/training.json`: what happened, in exact figures. Written last: its presence says that the run is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// BLAKE3 of the plan that was run.
    pub plan_hash: String,
    /// Units in the training set, canaries included.
    pub units: u64,
    /// Units that were cut to the sequence length.
    pub truncated_units: u64,
    /// Contributions that were not finite, over all steps.
    pub non_finite_examples: u64,
    /// Share of contributions that were clipped.
    pub clip_fraction_mean: f64,
    /// Mean realised batch size.
    pub batch_size_mean: f64,
    /// Seconds spent in private steps.
    pub seconds: f64,
    /// Optimizer steps that changed the released weights.
    pub steps_done: u64,
    /// Whether the budget ended the run before its last step.
    pub stopped_by_budget: bool,
    /// The device.
    pub device: String,
}
