//! Canaries: extra records made for the audit, each put into the training set by a fair coin.
//!
//! A canary is a sequence of tokens drawn uniformly from the vocabulary: as far from any text as a record can be, so
//! that a model that remembers records remembers these first. Whether it was in is known from the coin alone; how
//! much the released model prefers it over the base model is its score. If the scores tell the coins, the training
//! leaked, by at least the epsilon that `privet_audit::one_run` computes (Steinke, Nasr and Jagielski 2023,
//! arXiv 2305.08846). Canaries go past scrubbing and dedup, because the bound needs coins and records untouched, and
//! being extra records they leave the users' epsilon as it is.

use std::path::Path;

use privet_audit::OneRunAudit;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::config::AuditConfig;
use crate::plan::TrainPlan;
use crate::run_folder::{read_json, write_json};

/// Tokens of a canary: long enough to be remembered as one thing, short enough to cost little.
const CANARY_TOKENS: usize = 24;

/// The audit's secret: which canaries exist and which of them were trained on. Lies in `private/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Canaries {
    /// Token ids of each canary.
    pub(crate) tokens: Vec<Vec<u32>>,
    /// The coins.
    pub(crate) included: Vec<bool>,
}

impl Canaries {
    /// The canaries of a run: those it began with, or new ones from the operating system's randomness.
    pub(crate) fn open(path: &Path, plan: &TrainPlan, vocabulary: usize) -> Result<Self, Error> {
        if let Some(saved) = read_json(path)? {
            return Ok(saved);
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|source| Error::Entropy { source })?;
        let canaries = Self::draw(&mut ChaCha20Rng::from_seed(seed), plan, vocabulary);
        write_json(path, &canaries)?;
        Ok(canaries)
    }

    fn draw(rng: &mut impl Rng, plan: &TrainPlan, vocabulary: usize) -> Self {
        let length = CANARY_TOKENS.min(plan.data.sequence_len);
        let mut token = |_| rng.random_range(0..vocabulary as u32);
        let tokens = (0..plan.audit.canaries).map(|_| (0..length).map(&mut token).collect()).collect();
        let included = (0..plan.audit.canaries).map(|_| rng.random()).collect();
        Self { tokens, included }
    }

    /// The canaries that are trained on.
    pub(crate) fn members(&self) -> impl Iterator<Item = &[u32]> {
        self.tokens.iter().zip(&self.included).filter(|(_, included)| **included).map(|(tokens, _)| tokens.as_slice())
    }

    /// The audit, from each canary's loss under the base and the released model.
    pub(crate) fn audit(
        &self,
        plan: &TrainPlan,
        base: &[f32],
        released: &[f32],
        epsilon: f64,
    ) -> Result<OneRunAudit, Error> {
        let scores: Vec<(f64, bool)> = base
            .iter()
            .zip(released)
            .zip(&self.included)
            .map(|((base, released), included)| (f64::from(*base) - f64::from(*released), *included))
            .collect();
        let side = |wanted: bool| -> Vec<f64> {
            scores.iter().filter(|(_, included)| *included == wanted).map(|(score, _)| *score).collect()
        };
        let AuditConfig { guess_fraction, alpha, .. } = plan.audit;
        Ok(privet_audit::one_run(&side(true), &side(false), guess_fraction, plan.privacy.delta.get(), alpha, epsilon)?)
    }
}
