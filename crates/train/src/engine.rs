//! One step, and the loop around it, as one reads them.
//!
//! ```text
//! for step in first..=steps:
//!     units    = Poisson draw (may be empty)
//!     sum      = clipped per-unit gradients, in physical batches      (private)
//!     release  = sum + Gaussian noise, once                           (not usable yet)
//!     gradient = release on the ledger, fsynced                       (public)
//!     weights  = AdamW(gradient / expected_batch_size)
//!     checkpoint
//! ```
//!
//! Every step is charged: a step that is run again after a crash has a higher attempt, fresh keys and so fresh noise,
//! and its own entry on the ledger. The run never charges more steps than the plan's, so a step lost in a crash is
//! a step less at the end, not an epsilon more.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::backend::AutodiffBackend;
use privet_model::{Adapters, Decoder, Tape, Tensors};
use rayon::prelude::*;

use crate::adamw::{AdamW, AdamWConfig, LearningRate};
use crate::clip::{ClippedSum, Noise, PrivateGradient, Tally};
use crate::keys::RunKeys;
use crate::ledger_file::LedgerFile;
use crate::plan::TrainPlan;
use crate::run_folder::{RunFolder, append_line};
use crate::sampler::PoissonSampler;
use crate::tokens::unit::{Physical, pack};
use crate::tokens::{TokenStore, Unit};
use crate::{Error, Observed, checkpoint, logs};

/// A model on a device, and how work is cut for it.
pub(crate) struct Engine<A: AutodiffBackend> {
    pub(crate) decoder: Decoder<A::InnerBackend>,
    pub(crate) scale: f64,
    /// Longest sequence; a longer unit takes several rows.
    pub(crate) sequence_len: usize,
    pub(crate) physical_batch_size: usize,
    /// Physical batches in flight: the CPU's cores on a CPU, one on an accelerator.
    pub(crate) lanes: usize,
}

impl<A: AutodiffBackend> Engine<A> {
    pub(crate) fn upload(&self, tensors: &Tensors) -> Adapters<A::InnerBackend> {
        self.decoder.adapters(tensors, self.scale)
    }

    /// Runs `work` on every physical batch, in lanes, and returns the results in order.
    ///
    /// Units are sorted by length, so that a batch is padded little. Which units share a batch changes no result
    /// beyond rounding: losses and gradients are each unit's own. All rows of a unit are in one batch, because its
    /// gradient is clipped whole.
    fn batches<T: Send>(&self, units: &[Unit], work: impl Fn(&Physical) -> T + Sync + Send) -> Vec<T> {
        let mut sorted: Vec<&Unit> = units.iter().collect();
        sorted.sort_by_key(|unit| Reverse(unit.tokens().len()));
        let batches = pack(&sorted, self.sequence_len, self.physical_batch_size);
        let work = |batch: Vec<&Unit>| work(&Physical::new(&batch, self.sequence_len, self.rows()));
        if self.lanes > 1 {
            return batches.into_par_iter().map(work).collect();
        }
        batches.into_iter().map(work).collect()
    }

    /// An accelerator wants one shape; on a CPU a padded row is only lost work.
    fn rows(&self) -> usize {
        if self.lanes > 1 { 0 } else { self.physical_batch_size }
    }

    /// The clipped sum of a logical batch. An empty one gives zeros.
    pub(crate) fn clipped_sum(&self, tensors: &Tensors, units: &[Unit], max_grad_norm: f64) -> ClippedSum {
        let adapters = self.upload(tensors);
        let zeros = || ClippedSum::zeros(tensors.values.iter().map(Vec::len), max_grad_norm);
        let parts = self.batches(units, |batch| {
            let mut tape = Tape::<A>::default();
            let losses = self.decoder.losses(&batch.batch, Some(&adapters), Some(&mut tape));
            let gradients = tape.sample_gradients(&losses.objective, &adapters).summed(&batch.owners);
            let losses = batch.losses(&host(losses.values));
            let mut part = zeros();
            part.add(gradients, &losses, losses.len());
            part
        });
        parts.into_iter().fold(zeros(), |mut total, part| {
            total.merge(part);
            total
        })
    }

    /// The mean gradient of a batch without clipping or noise. Only the non-private control uses it.
    pub(crate) fn plain_mean(&self, tensors: &Tensors, units: &[Unit], divisor: u64) -> Vec<Vec<f32>> {
        let adapters = self.upload(tensors);
        let parts = self.batches(units, |batch| {
            let mut tape = Tape::<A>::default();
            let losses = self.decoder.losses(&batch.batch, Some(&adapters), Some(&mut tape));
            let [rows] = losses.values.dims();
            tape.sample_gradients(&losses.objective, &adapters).weighted_sum(&vec![1.0 / divisor as f32; rows])
        });
        let mut total: Vec<Vec<f64>> = tensors.values.iter().map(|values| vec![0.0; values.len()]).collect();
        for part in &parts {
            crate::clip::add(&mut total, part);
        }
        total.iter().map(|values| values.iter().map(|value| *value as f32).collect()).collect()
    }

    /// Loss of every unit, in the units' order.
    pub(crate) fn losses(&self, tensors: Option<&Tensors>, units: &[Unit]) -> Vec<f32> {
        let adapters = tensors.map(|tensors| self.upload(tensors));
        let mut order: Vec<usize> = (0..units.len()).collect();
        order.sort_by_key(|index| Reverse(units[*index].tokens().len()));
        let batches = self.batches(units, |batch| {
            let losses = self.decoder.losses::<A>(&batch.batch, adapters.as_ref(), None);
            batch.losses(&host(losses.values))
        });
        let mut losses = vec![0.0; units.len()];
        // Both sorts are stable, so both have the same order.
        for (index, loss) in order.into_iter().zip(batches.into_iter().flatten()) {
            losses[index] = loss;
        }
        losses
    }

    /// Mean loss per predicted token, in nats. Reads a block of units at a time.
    pub(crate) fn mean_loss(&self, tensors: Option<&Tensors>, store: &mut TokenStore) -> Result<f64, Error> {
        let (mut total, mut predicted) = (0.0, 0.0);
        let block = self.physical_batch_size * self.lanes * 8;
        for first in (0..store.len()).step_by(block) {
            let units = store.units(first..store.len().min(first + block))?;
            for (unit, loss) in units.iter().zip(self.losses(tensors, &units)) {
                total += f64::from(loss) * unit.predicted() as f64;
                predicted += unit.predicted() as f64;
            }
        }
        Ok(total / f64::max(predicted, 1.0))
    }
}

fn host<B: burn::tensor::backend::Backend>(losses: burn::tensor::Tensor<B, 1>) -> Vec<f32> {
    losses.into_data().convert::<f32>().to_vec().unwrap_or_default()
}

/// Steps on the ledger, those that were run again counted again.
pub(crate) fn charged(ledger: &LedgerFile) -> u64 {
    ledger.ledger().entries().len() as u64
}

/// The optimizer of a plan.
pub(crate) fn optimizer_config(plan: &TrainPlan) -> AdamWConfig {
    let (train, privacy) = (&plan.train, &plan.privacy);
    let noise = privacy.noise_multiplier.get() * privacy.sensitivity / privacy.expected_batch_size as f64;
    AdamWConfig {
        beta1: train.beta1,
        beta2: train.beta2,
        weight_decay: train.weight_decay,
        bias_correction_noise_variance: train.bias_correction.then_some(noise * noise),
        epsilon: train.adam_epsilon,
    }
}

pub(crate) fn learning_rate(plan: &TrainPlan) -> LearningRate {
    let train = &plan.train;
    LearningRate {
        peak: train.learning_rate,
        schedule: train.schedule,
        warmup_steps: train.warmup_steps,
        steps: plan.privacy.steps,
    }
}

/// How a private run ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trained {
    pub(crate) tensors: Tensors,
    pub(crate) resumed_from: Option<u64>,
    pub(crate) steps_done: u64,
    pub(crate) stopped_by_budget: bool,
}

/// Trains privately from the last checkpoint to the end of the plan, or of its budget.
pub(crate) fn train_private<A: AutodiffBackend>(
    engine: &Engine<A>,
    plan: &TrainPlan,
    store: &mut TokenStore,
    folder: &RunFolder,
    ledger: &mut LedgerFile,
    observe: &mut dyn FnMut(Observed),
    cancelled: &AtomicBool,
) -> Result<Trained, Error> {
    let mut tensors = plan.lora().init(engine.decoder.config(), plan.train.seed)?;
    let lengths: Vec<usize> = tensors.values.iter().map(Vec::len).collect();
    let path = folder.private("checkpoint.safetensors");
    let saved = checkpoint::load(&path, &mut tensors, optimizer_config(plan))?;
    let resumed_from = saved.as_ref().map(AdamW::step);
    let mut optimizer = saved.unwrap_or_else(|| AdamW::new(optimizer_config(plan), &lengths));
    let keys = RunKeys::from_os()?;
    let sampler = PoissonSampler::new(keys.sampling, plan.privacy.sampling_rate);
    let (rate, steps) = (learning_rate(plan), plan.privacy.steps);
    while optimizer.step() < steps && charged(ledger) < steps {
        if cancelled.load(Ordering::Relaxed) {
            checkpoint::save(&path, &tensors, &optimizer)?;
            return Err(Error::Interrupted);
        }
        let step = optimizer.step() + 1;
        let attempt = ledger.ledger().next_attempt(step);
        let drawn = sampler.draw(step, attempt, store.len() as u32);
        let units = store.units(drawn.iter().map(|unit| *unit as usize))?;
        let started = std::time::Instant::now();
        let sum = engine.clipped_sum(&tensors, &units, plan.privacy.max_grad_norm);
        let tally = sum.tally();
        let key = keys.noise.step(step, attempt);
        let event = plan.event();
        let Some(noise) = Noise::new(key, &event, plan.privacy.adjacency) else { break };
        let gradient = sum.privatize(noise).record(ledger)?.mean(plan.privacy.expected_batch_size);
        let before = (step == 1).then(|| tensors.clone());
        apply(&mut optimizer, &mut tensors, &gradient, rate.at(step))?;
        check_weights(before.as_ref(), &tensors, step)?;
        if step.is_multiple_of(plan.speed.checkpoint_every) || step == steps {
            checkpoint::save(&path, &tensors, &optimizer)?;
        }
        let epsilon = plan.epsilon_after(charged(ledger))?;
        log_step(folder, step, attempt, epsilon, &tally, started.elapsed().as_secs_f64())?;
        observe(Observed::Step { step, steps, epsilon });
    }
    checkpoint::save(&path, &tensors, &optimizer)?;
    let steps_done = optimizer.step();
    Ok(Trained { tensors, resumed_from, steps_done, stopped_by_budget: steps_done < steps })
}

/// One optimizer step from a private gradient: the only way weights of a private run change.
fn apply(
    optimizer: &mut AdamW,
    tensors: &mut Tensors,
    gradient: &PrivateGradient,
    learning_rate: f64,
) -> Result<(), Error> {
    let gradients: Vec<&[f32]> = gradient.values().iter().map(Vec::as_slice).collect();
    let mut weights: Vec<&mut [f32]> = tensors.values.iter_mut().map(Vec::as_mut_slice).collect();
    optimizer.update(&mut weights, &gradients, learning_rate)
}

/// Released weights are public, so looking at them tells nothing new: they must be finite, and after the first step
/// every tensor must have moved, since every one of them received noise (a tensor that did not was forgotten).
fn check_weights(before: Option<&Tensors>, after: &Tensors, step: u64) -> Result<(), Error> {
    if after.values.iter().flatten().any(|value| !value.is_finite()) {
        return Err(Error::NonFiniteWeights { step });
    }
    let Some(before) = before else { return Ok(()) };
    for ((name, old), new) in after.names.iter().zip(&before.values).zip(&after.values) {
        let moved = old.iter().zip(new).filter(|(old, new)| old.to_bits() != new.to_bits()).count();
        // AdamW's first step moves every weight by about the learning rate; rounding may hide a few.
        if moved * 10 < old.len() * 9 {
            return Err(Error::UnexpectedMovement { name: name.clone() });
        }
    }
    Ok(())
}

fn log_step(
    folder: &RunFolder,
    step: u64,
    attempt: u32,
    epsilon: f64,
    tally: &Tally,
    seconds: f64,
) -> Result<(), Error> {
    append_line(&folder.public("public.jsonl"), &logs::Public { step, attempt, epsilon })?;
    append_line(&folder.private("train.jsonl"), &logs::Private::new(step, attempt, tally, seconds))
}

/// Trains the same recipe without clipping and noise. Nothing of it may leave `private/`.
pub(crate) fn train_control<A: AutodiffBackend>(
    engine: &Engine<A>,
    plan: &TrainPlan,
    store: &mut TokenStore,
    observe: &mut dyn FnMut(Observed),
    cancelled: &AtomicBool,
) -> Result<Tensors, Error> {
    let mut tensors = plan.lora().init(engine.decoder.config(), plan.train.seed)?;
    let lengths: Vec<usize> = tensors.values.iter().map(Vec::len).collect();
    // There is no noise whose variance could be removed.
    let config = AdamWConfig { bias_correction_noise_variance: None, ..optimizer_config(plan) };
    let mut optimizer = AdamW::new(config, &lengths);
    let sampler = PoissonSampler::new(RunKeys::from_os()?.sampling, plan.privacy.sampling_rate);
    let (rate, steps) = (learning_rate(plan), plan.privacy.steps);
    for step in 1..=steps {
        if cancelled.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let drawn = sampler.draw(step, 0, store.len() as u32);
        let units = store.units(drawn.iter().map(|unit| *unit as usize))?;
        let gradient = engine.plain_mean(&tensors, &units, plan.privacy.expected_batch_size);
        let gradients: Vec<&[f32]> = gradient.iter().map(Vec::as_slice).collect();
        let mut weights: Vec<&mut [f32]> = tensors.values.iter_mut().map(Vec::as_mut_slice).collect();
        optimizer.update(&mut weights, &gradients, rate.at(step))?;
        observe(Observed::ControlStep { step, steps });
    }
    Ok(tensors)
}

#[cfg(test)]
mod tests;
