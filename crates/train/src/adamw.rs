//! `AdamW` on gradients that are already private.
//!
//! The optimizer sees noisy averaged gradients only, so everything here is post-processing and costs no epsilon.
//! Decoupled weight decay follows Loshchilov and Hutter (arXiv 1711.05101). Under DP-SGD the noise inflates the
//! second moment by its own variance Φ = (noise multiplier · C / expected batch size)², which is public; DP-AdamBC
//! (Tang, Shpilevskiy and Lécuyer, AAAI 2024, arXiv 2312.14334) subtracts it, with a floor, so that Adam's scaling
//! follows the gradient again. The learning rate depends on the step number alone.
//!
//! Invariants: moments are `f32`, arithmetic is `f64`, each weight is rounded once per step; a step is applied to
//! all tensors or, on an error, to none.

use std::f64::consts::PI;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::config::Schedule;
use crate::error::Error;

/// The optimizer's fixed numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdamWConfig {
    /// Decay of the first moment, in [0, 1).
    pub beta1: f64,
    /// Decay of the second moment, in [0, 1).
    pub beta2: f64,
    /// Added to the denominator; with bias correction, the denominator's floor. Positive.
    pub epsilon: f64,
    /// Decoupled weight decay per unit of learning rate; 0 for none.
    pub weight_decay: f64,
    /// Known variance Φ of the noise in each gradient value, to be subtracted from the second moment (DP-AdamBC).
    pub bias_correction_noise_variance: Option<f64>,
}

impl AdamWConfig {
    /// The direction to move one weight in, before the learning rate, from bias-corrected moments.
    ///
    /// Without correction m̂ / (√v̂ + epsilon); with it m̂ / √max(v̂ − Φ, epsilon²), where epsilon² is the floor the
    /// paper calls γ′. The paper's best floors lie near 5e-8, an epsilon near 2e-4: much larger than Adam's.
    fn direction(&self, first: f64, second: f64) -> f64 {
        match self.bias_correction_noise_variance {
            None => first / (second.sqrt() + self.epsilon),
            Some(noise) => first / (second - noise).max(self.epsilon * self.epsilon).sqrt(),
        }
    }
}

/// Running moments of one tensor, element by element in the tensor's order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// Running mean of the gradient.
    pub first: Vec<f32>,
    /// Running mean of the squared gradient.
    pub second: Vec<f32>,
}

/// The optimizer and its state; the serialised form is its checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdamW {
    config: AdamWConfig,
    step: u64,
    moments: Vec<Moments>,
}

impl AdamW {
    /// Zero moments for tensors of the given numbers of elements.
    pub fn new(config: AdamWConfig, lengths: &[usize]) -> Self {
        let zero = |&length| Moments { first: vec![0.0; length], second: vec![0.0; length] };
        Self { config, step: 0, moments: lengths.iter().map(zero).collect() }
    }

    /// An optimizer that goes on from a saved state: `step` updates done, and the moments after them.
    pub fn restore(config: AdamWConfig, moments: Vec<Moments>, step: u64) -> Self {
        Self { config, step, moments }
    }

    /// Steps applied so far.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// One moment pair per tensor, in the order given to [`AdamW::new`].
    pub fn moments(&self) -> &[Moments] {
        &self.moments
    }

    /// The fixed numbers it was made with.
    pub fn config(&self) -> &AdamWConfig {
        &self.config
    }

    /// Moves `weights` by one step along `gradients`, tensor by tensor in the order given to [`AdamW::new`].
    ///
    /// `gradients` are private already: noisy, averaged, one value per weight, in 32 bits or in 64. If the shapes differ or a
    /// gradient is not finite, nothing has changed when the error comes back.
    pub(crate) fn update<G: Copy + Into<f64> + Sync>(
        &mut self,
        weights: &mut [&mut [f32]],
        gradients: &[&[G]],
        learning_rate: f64,
    ) -> Result<(), Error> {
        self.check(weights, gradients)?;
        self.step += 1;
        let config = self.config;
        let AdamWConfig { beta1, beta2, weight_decay, .. } = config;
        let first_scale = 1.0 / (1.0 - beta1.powf(self.step as f64));
        let second_scale = 1.0 / (1.0 - beta2.powf(self.step as f64));
        for ((weights, gradients), moments) in weights.iter_mut().zip(gradients).zip(&mut self.moments) {
            let Moments { first, second } = moments;
            let moments = first.par_iter_mut().zip(second.par_iter_mut());
            let all = weights.par_iter_mut().zip(gradients.par_iter()).zip(moments).with_min_len(1 << 14);
            all.for_each(|((weight, gradient), (first, second))| {
                let g: f64 = (*gradient).into();
                let m = beta1 * f64::from(*first) + (1.0 - beta1) * g;
                let v = beta2 * f64::from(*second) + (1.0 - beta2) * g * g;
                let direction = config.direction(m * first_scale, v * second_scale);
                let w = f64::from(*weight);
                *weight = (w - learning_rate * (direction + weight_decay * w)) as f32;
                *first = m as f32;
                *second = v as f32;
            });
        }
        Ok(())
    }

    fn check<G: Copy + Into<f64> + Sync>(&self, weights: &[&mut [f32]], gradients: &[&[G]]) -> Result<(), Error> {
        let expected = self.moments.len();
        for found in [weights.len(), gradients.len()] {
            if found != expected {
                return Err(Error::TensorCount { expected, found });
            }
        }
        for (tensor, ((weights, gradients), moments)) in weights.iter().zip(gradients).zip(&self.moments).enumerate() {
            let expected = weights.len();
            for found in [gradients.len(), moments.first.len(), moments.second.len()] {
                if found != expected {
                    return Err(Error::GradientShape { tensor, expected, found });
                }
            }
            if gradients.par_iter().any(|gradient| !(*gradient).into().is_finite()) {
                return Err(Error::GradientNotFinite { tensor });
            }
        }
        Ok(())
    }
}

/// The learning rate as a function of the step, from public numbers alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LearningRate {
    /// The highest rate.
    pub peak: f64,
    /// What happens after warm-up.
    pub schedule: Schedule,
    /// Steps of linear warm-up; the last of them has the peak.
    pub warmup_steps: u64,
    /// All planned steps, warm-up included.
    pub steps: u64,
}

impl LearningRate {
    /// The rate of a step, counted from 1.
    ///
    /// Warm-up starts above zero and decay reaches zero only after the last step, because a step with rate zero
    /// would be charged to the ledger for nothing. Past the last step the decaying schedules stay at zero.
    pub fn at(&self, step: u64) -> f64 {
        if step <= self.warmup_steps {
            return self.peak * (step as f64 / self.warmup_steps as f64);
        }
        let decay_steps = self.steps.saturating_sub(self.warmup_steps).max(1);
        let progress = ((step - self.warmup_steps - 1) as f64 / decay_steps as f64).min(1.0);
        match self.schedule {
            Schedule::Constant => self.peak,
            Schedule::Linear => self.peak * (1.0 - progress),
            Schedule::Cosine => self.peak * 0.5 * (1.0 + (PI * progress).cos()),
        }
    }
}

#[cfg(test)]
mod tests;
