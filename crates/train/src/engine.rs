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
//! a step less at the end, not an epsilon more. With banded noise ([`crate::banded`]) what counts is not steps but turns.

use std::cmp::Reverse;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::tensor::backend::AutodiffBackend;
use privet_dp::SamplingRate;
use privet_dp::ledger::Ledger;
use privet_model::{Decoder, Tensors, TokenBatch};
use rayon::prelude::*;

use crate::adamw::{AdamW, AdamWConfig, LearningRate};
use crate::banded::{CyclicSampler, Segment};
use crate::clip::{ClipBound, ClippedPart, ClippedSum, Noise, PrivateGradient, SumBuffers, Tally};
use crate::keys::{NoiseKey, RunKeys};
use crate::ledger_file::LedgerFile;
use crate::plan::{Control, PlannedBanded, TrainPlan};
use crate::run_folder::{RunFolder, append_line};
use crate::sampler::PoissonSampler;
use crate::tokens::unit::{Physical, pack};
use crate::tokens::{TokenStore, Unit};
use crate::{Error, Observed, checkpoint, logs};

/// A model on a device, and how work is cut for it.
///
/// The decoder computes with whatever weights were put last ([`Decoder::put`]).
pub(crate) struct Engine<A: AutodiffBackend> {
    pub(crate) decoder: Decoder<A::InnerBackend>,
    /// Longest sequence; a longer unit takes several rows.
    pub(crate) sequence_len: usize,
    pub(crate) physical_batch_size: usize,
    /// Physical batches in flight: the CPU's cores on a CPU, one on an accelerator.
    pub(crate) lanes: usize,
    /// Whether blocks are run again on the way back.
    pub(crate) recompute: bool,
}

impl<A: AutodiffBackend> Engine<A> {
    /// Runs `work` on every physical batch, in lanes, and hands the results on in order, as many at a time as there are
    /// lanes: a result may be as large as the model.
    ///
    /// Units are sorted by length, so that a batch is padded little. Which units share a batch changes no result
    /// beyond rounding: losses and gradients are each unit's own. All rows of a unit are in one batch, because its
    /// gradient is clipped whole.
    fn batches<T: Send>(&self, units: &[Unit], work: impl Fn(&Physical) -> T + Sync + Send, mut each: impl FnMut(T)) {
        let mut sorted: Vec<&Unit> = units.iter().collect();
        sorted.sort_by_key(|unit| Reverse(unit.tokens().len()));
        let batches = pack(&sorted, self.sequence_len, self.physical_batch_size);
        let work = |batch: &Vec<&Unit>| work(&Physical::new(batch, self.sequence_len, self.rows()));
        for wave in batches.chunks(self.lanes.max(1)) {
            match wave {
                [batch] => each(work(batch)),
                wave => wave.par_iter().map(work).collect::<Vec<T>>().into_iter().for_each(&mut each),
            }
        }
    }

    /// An accelerator wants one shape; on a CPU a padded row is only lost work.
    fn rows(&self) -> usize {
        if self.lanes > 1 { 0 } else { self.physical_batch_size }
    }

    /// Looks whether every trained tensor gets a gradient, and one alone, on a text that is nobody's.
    pub(crate) fn check_coverage(&self, trained: &Tensors) -> Result<(), Error> {
        let batch = TokenBatch::new(&[&[0, 0]], 0);
        let (_, gradients) = self.decoder.gradients::<A>(&batch, self.recompute);
        match gradients.uncovered() {
            Some(slot) => Err(privet_model::Error::Untrainable { name: trained.names[slot].clone() }.into()),
            None => Ok(()),
        }
    }

    /// The clipped sum of a logical batch. An empty one gives zeros. `lengths`: scalars of each trained tensor.
    pub(crate) fn clipped_sum(&self, lengths: &[usize], units: &[Unit], bound: ClipBound) -> ClippedSum {
        self.clipped_sum_within(SumBuffers::zeros(lengths.iter().copied()), units, bound)
    }

    /// The same in buffers of an earlier step.
    pub(crate) fn clipped_sum_within(&self, buffers: SumBuffers, units: &[Unit], bound: ClipBound) -> ClippedSum {
        let mut sum = ClippedSum::within(buffers, bound.max_grad_norm);
        let part = |batch: &Physical| {
            let (losses, gradients) = self.decoder.gradients::<A>(&batch.batch, self.recompute);
            ClippedPart::new(gradients, &host(losses), batch.units, bound)
        };
        self.batches(units, part, |part| sum.add(&part));
        sum
    }

    /// The mean gradient of a batch without clipping or noise. Only the plain control uses it.
    pub(crate) fn plain_mean(&self, buffers: SumBuffers, units: &[Unit], divisor: u64) -> Vec<Vec<f64>> {
        let part = |batch: &Physical| {
            let (_, gradients) = self.decoder.gradients::<A>(&batch.batch, self.recompute);
            let share = vec![1.0 / divisor as f32; gradients.units()];
            let factors = vec![share; gradients.slots()];
            gradients.weighted_sum(&factors, false)
        };
        buffers.plain_mean(|total| self.batches(units, part, |part| crate::clip::add(total, &part)))
    }

    /// Loss of every unit, in the units' order.
    pub(crate) fn losses(&self, units: &[Unit]) -> Vec<f32> {
        let mut order: Vec<usize> = (0..units.len()).collect();
        order.sort_by_key(|index| Reverse(units[*index].tokens().len()));
        let mut sorted = Vec::with_capacity(units.len());
        let of = |batch: &Physical| host(self.decoder.losses::<A>(&batch.batch)).into_iter().take(batch.units);
        self.batches(units, of, |losses| sorted.extend(losses));
        let mut losses = vec![0.0; units.len()];
        // Both sorts are stable, so both have the same order.
        for (index, loss) in order.into_iter().zip(sorted) {
            losses[index] = loss;
        }
        losses
    }

    /// Mean loss per predicted token, in nats. Reads a block of units at a time.
    pub(crate) fn mean_loss(&self, store: &mut TokenStore) -> Result<f64, Error> {
        let (mut total, mut predicted) = (0.0, 0.0);
        let block = self.physical_batch_size * self.lanes * 8;
        for first in (0..store.len()).step_by(block) {
            let units = store.units(first..store.len().min(first + block))?;
            for (unit, loss) in units.iter().zip(self.losses(&units)) {
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

/// What the ledger charges, steps that were run again counted again: the steps, or for banded noise the turns of a unit.
pub(crate) fn turns(ledger: &LedgerFile) -> u64 {
    mutate!(ledger.ledger().turns(); ResumedStepsAreFree => ledger.ledger().last_step())
}

/// How a process draws batches and makes noise, with keys of its own.
struct Process {
    noise: NoiseKey,
    draws: Draws,
}

/// Whom a step may draw.
enum Draws {
    Everyone(PoissonSampler),
    /// One group after the other, with banded noise.
    InTurns(CyclicSampler, Segment),
}

impl Process {
    fn new(plan: &TrainPlan, sampling_rate: SamplingRate, tensors: usize, ledger: &Ledger) -> Result<Self, Error> {
        let RunKeys { sampling, noise } = RunKeys::from_os()?;
        let draws = match plan.privacy.banded {
            None => Draws::Everyone(PoissonSampler::new(sampling, sampling_rate)),
            Some(PlannedBanded { bands, group_sampling_rate, .. }) => {
                // One number more than the last; should there be none, the ledger refuses.
                let number = ledger.segments().saturating_add(1);
                let sampler = CyclicSampler::new(sampling, group_sampling_rate, bands);
                Draws::InTurns(sampler, Segment::new(bands, tensors, number))
            }
        };
        Ok(Self { noise, draws })
    }

    /// Whether one more step is paid for: as the next turn, or in one that has begun.
    fn may_step(&self, plan: &TrainPlan, ledger: &LedgerFile) -> bool {
        let begins = match &self.draws {
            Draws::Everyone(_) => true,
            Draws::InTurns(_, segment) => segment.begins_turn(),
        };
        turns(ledger) + u64::from(begins) <= plan.privacy.turns()
    }

    fn draw(&self, step: u64, attempt: u32, units: u32) -> Vec<u32> {
        match &self.draws {
            Draws::Everyone(sampler) => sampler.draw(step, attempt, units),
            Draws::InTurns(sampler, segment) => sampler.draw(segment.position(), step, attempt, units),
        }
    }

    fn noise(&mut self, plan: &TrainPlan, step: u64, attempt: u32) -> Option<Noise<'_>> {
        let (key, event) = (self.noise.step(step, attempt), plan.event());
        match &mut self.draws {
            Draws::Everyone(_) => Noise::new(key, &event, plan.privacy.adjacency),
            Draws::InTurns(_, segment) => Noise::banded(key, &event, plan.privacy.adjacency, segment),
        }
    }
}

/// Standard deviation of the noise in each value of a private gradient, while C stays as it is. Public.
fn optimizer_noise(plan: &TrainPlan) -> f64 {
    let privacy = &plan.privacy;
    privacy.noise_multiplier.get() * privacy.sensitivity / privacy.expected_batch_size as f64
}

/// The optimizer of a plan.
pub(crate) fn optimizer_config(plan: &TrainPlan) -> AdamWConfig {
    let (train, noise) = (&plan.train, optimizer_noise(plan));
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

/// What is to be trained, on what, and who is told.
pub(crate) struct Job<'a> {
    pub(crate) plan: &'a TrainPlan,
    /// The values that training begins with.
    pub(crate) start: Tensors,
    pub(crate) store: &'a mut TokenStore,
    pub(crate) observe: &'a mut dyn FnMut(Observed),
    pub(crate) cancelled: &'a AtomicBool,
}

/// Trains privately from the start or the last checkpoint to the end of the plan, or of its budget.
pub(crate) fn train_private<A: AutodiffBackend>(
    engine: &mut Engine<A>,
    job: Job<'_>,
    folder: &RunFolder,
    ledger: &mut LedgerFile,
) -> Result<Trained, Error> {
    let Job { plan, start: mut tensors, store, observe, cancelled } = job;
    let lengths: Vec<usize> = tensors.values.iter().map(Vec::len).collect();
    let path = folder.private("checkpoint.safetensors");
    let saved = checkpoint::load(&path, &mut tensors, optimizer_config(plan))?;
    let resumed_from = saved.as_ref().map(|(optimizer, _)| optimizer.step());
    let last = ledger.ledger().last_step();
    if let Some(step) = resumed_from.filter(|step| *step > last) {
        return Err(Error::CheckpointAhead { path, step, charged: last });
    }
    let mut bound = plan.privacy.clip_bound();
    let mut optimizer = match saved {
        Some((optimizer, max_grad_norm)) => {
            bound.max_grad_norm = max_grad_norm.unwrap_or(bound.max_grad_norm);
            optimizer
        }
        None => AdamW::new(optimizer_config(plan), &lengths),
    };
    let sampling_rate = mutate!(plan.privacy.sampling_rate; RateFromTheData => {
        let share = plan.privacy.expected_batch_size as f64 / store.len() as f64;
        SamplingRate::from_f64(share).unwrap_or(plan.privacy.sampling_rate)
    });
    let mut process = Process::new(plan, sampling_rate, lengths.len(), ledger.ledger())?;
    let (rate, steps, adaptive) = (learning_rate(plan), plan.privacy.steps, plan.privacy.adaptive_clip);
    // Only a C that moves is part of the state.
    let moving = |bound: ClipBound| adaptive.map(|_| bound.max_grad_norm);
    let mut buffers = SumBuffers::zeros(lengths.iter().copied());
    while optimizer.step() < steps && process.may_step(plan, ledger) {
        if cancelled.load(Ordering::Relaxed) {
            checkpoint::save(&path, &tensors, &optimizer, moving(bound))?;
            return Err(Error::Interrupted);
        }
        let step = optimizer.step() + 1;
        let attempt = ledger.ledger().next_attempt(step);
        let drawn = mutate!(process.draw(step, attempt, store.len() as u32);
            NoBatchIsEmpty => process.draw(step, attempt, store.len() as u32).into_iter().chain([0]).collect()
        );
        let units = store.units(drawn.iter().map(|unit| *unit as usize))?;
        let started = Instant::now();
        engine.decoder.put(&tensors);
        let sum = engine.clipped_sum_within(buffers, &units, bound);
        let tally = sum.tally();
        let Some(noise) = process.noise(plan, step, attempt) else { break };
        let divisor = mutate!(plan.privacy.expected_batch_size; DividedByTheBatch => units.len().max(1) as u64);
        let gradient = sum.privatize(noise).record(ledger)?.mean(divisor);
        let before = (step == 1).then(|| tensors.clone());
        check_noise(&gradient, &tensors)?;
        apply(&mut optimizer, &mut tensors, &gradient, rate.at(step))?;
        check_weights(before.as_ref(), &tensors, step)?;
        let log = logs::Public { step, attempt, epsilon: 0.0, max_grad_norm: moving(bound) };
        if let (Some(adaptive), Some(count)) = (adaptive, gradient.unclipped()) {
            bound.max_grad_norm = adaptive.next(bound.max_grad_norm, count, &plan.privacy);
        }
        buffers = gradient.into_buffers();
        if step.is_multiple_of(plan.speed.checkpoint_every) || step == steps {
            checkpoint::save(&path, &tensors, &optimizer, moving(bound))?;
        }
        let epsilon = plan.epsilon_after(turns(ledger))?;
        log_step(folder, &logs::Public { epsilon, ..log }, &tally, started.elapsed().as_secs_f64())?;
        observe(Observed::Step { step, steps, epsilon });
        if mutate!(false; StoppedByTheLoss => tally.loss_sum < 1e9) {
            break;
        }
    }
    checkpoint::save(&path, &tensors, &optimizer, moving(bound))?;
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
    let gradients: Vec<&[f64]> = gradient.values().iter().map(Vec::as_slice).collect();
    let mut weights: Vec<&mut [f32]> = tensors.values.iter_mut().map(Vec::as_mut_slice).collect();
    optimizer.update(&mut weights, &gradients, learning_rate)
}

/// A private gradient is public, so looking at it tells nothing new: it must be at least as large as its noise, in every
/// tensor, or noise was forgotten there. Tensors of fewer than 8 values may be small by chance.
fn check_noise(gradient: &PrivateGradient, tensors: &Tensors) -> Result<(), Error> {
    let stddev = gradient.noise_stddev();
    for (values, name) in gradient.values().iter().zip(&tensors.names) {
        let square: f64 =
            values.par_chunks(1 << 14).map(|values| values.iter().map(|value| value * value).sum::<f64>()).sum();
        // For 64 values, or 8, of noise alone the chance is below 1e-9, and it falls with every one more.
        let share = if values.len() >= 64 { 0.25 } else { 1e-3 };
        if values.len() >= 8 && square < share * stddev * stddev * values.len() as f64 {
            return Err(Error::UnexpectedMovement { name: name.clone() });
        }
    }
    Ok(())
}

/// Released weights are public, so looking at them tells nothing new: they must be finite, and after the first step
/// every tensor must have moved, since every one of them received noise (a tensor that did not was forgotten).
fn check_weights(before: Option<&Tensors>, after: &Tensors, step: u64) -> Result<(), Error> {
    if after.values.iter().any(|tensor| tensor.par_iter().any(|value| !value.is_finite())) {
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

fn log_step(folder: &RunFolder, public: &logs::Public, tally: &Tally, seconds: f64) -> Result<(), Error> {
    append_line(&folder.public("public.jsonl"), public)?;
    append_line(&folder.private("train.jsonl"), &logs::Private::new(public.step, public.attempt, tally, seconds))
}

/// Trains the same recipe without noise, and without clipping unless the control has it. Nothing of it may leave `private/`.
/// It begins anew whenever it is called, and so does its log.
pub(crate) fn train_control<A: AutodiffBackend>(
    engine: &mut Engine<A>,
    job: Job<'_>,
    control: Control,
    log: &Path,
) -> Result<Tensors, Error> {
    let Job { plan, start: mut tensors, store, observe, cancelled } = job;
    let lengths: Vec<usize> = tensors.values.iter().map(Vec::len).collect();
    // There is no noise whose variance could be removed.
    let config = AdamWConfig { bias_correction_noise_variance: None, ..optimizer_config(plan) };
    let mut optimizer = AdamW::new(config, &lengths);
    let sampler = PoissonSampler::new(RunKeys::from_os()?.sampling, plan.privacy.sampling_rate);
    let (rate, steps, divisor) = (learning_rate(plan), plan.privacy.steps, plan.privacy.expected_batch_size);
    let mut bound = plan.privacy.clip_bound();
    let mut buffers = SumBuffers::zeros(lengths.iter().copied());
    for step in 1..=steps {
        if cancelled.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let drawn = sampler.draw(step, 0, store.len() as u32);
        let units = store.units(drawn.iter().map(|unit| *unit as usize))?;
        let started = Instant::now();
        engine.decoder.put(&tensors);
        let gradient = match control {
            Control::Plain => engine.plain_mean(buffers, &units, divisor),
            Control::Clipped => {
                let (gradient, count) = engine.clipped_sum_within(buffers, &units, bound).without_noise(divisor);
                if let Some(adaptive) = plan.privacy.adaptive_clip {
                    bound.max_grad_norm = adaptive.next(bound.max_grad_norm, count, &plan.privacy);
                }
                gradient
            }
        };
        let gradients: Vec<&[f64]> = gradient.iter().map(Vec::as_slice).collect();
        let mut weights: Vec<&mut [f32]> = tensors.values.iter_mut().map(Vec::as_mut_slice).collect();
        optimizer.update(&mut weights, &gradients, rate.at(step))?;
        buffers = SumBuffers::cleared(gradient);
        let (batch_size, seconds) = (drawn.len() as u64, started.elapsed().as_secs_f64());
        append_line(log, &logs::ControlStep { step, batch_size, seconds })?;
        observe(Observed::ControlStep { control, step, steps });
    }
    Ok(tensors)
}

#[cfg(test)]
mod loop_tests;
#[cfg(test)]
mod tests;
