//! Text out of a model, a token at a time.

use burn::tensor::backend::AutodiffBackend;
use privet_model::Device;
use privet_model::device::{OnDevice, dispatch};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::config::{Format, LossOn};
use crate::error::Error;
use crate::score::{Loaded, ModelFolder};
use crate::tokens::{Encoder, Example};

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// 0 takes the likeliest token; above, logits are divided by it.
    pub temperature: f64,
    /// Only the likeliest tokens that together have this probability are drawn from; 1 is all.
    pub top_p: f64,
    /// Seed of the drawing.
    pub seed: u64,
}

/// What was generated for one prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The text after the prompt.
    pub text: String,
    /// Tokens of it.
    pub tokens: usize,
    /// Whether the model ended it, not the limit.
    pub ended: bool,
}

/// Continues every prompt by at most `tokens_max` tokens, all of them together.
///
/// # Errors
/// [`Error::Model`] for a folder that cannot be used; [`Error::Tokenize`] or [`Error::Conversation`] for a prompt that
/// cannot; [`Error::Config`] for one that leaves no room, or for conversations where the model has no chat template.
pub fn generate(
    folder: &ModelFolder,
    device: Device,
    prompts: &[Example],
    tokens_max: usize,
    choice: Choice,
) -> Result<Vec<Generated>, Error> {
    dispatch(device, Work { folder, prompts, tokens_max, choice }).map_err(Error::from)?
}

struct Work<'a> {
    folder: &'a ModelFolder,
    prompts: &'a [Example],
    tokens_max: usize,
    choice: Choice,
}

impl OnDevice for Work<'_> {
    type Output = Result<Vec<Generated>, Error>;

    fn run<A: AutodiffBackend>(self, device: &A::Device) -> Self::Output {
        let mut loaded = Loaded::<A>::open(self.folder, device)?;
        loaded.decoder.widen();
        let config = loaded.decoder.config();
        let chat = self.prompts.iter().any(|prompt| matches!(prompt, Example::Chat(_)));
        let format = if chat { Format::Chat } else { Format::Text };
        let encoder = Encoder::open(&self.folder.base, config, format, usize::MAX, LossOn::All)?;
        let limit = config.max_position_embeddings;
        let mut rows: Vec<Row> = Vec::with_capacity(self.prompts.len());
        for (unit, prompt) in self.prompts.iter().enumerate() {
            let ids = encoder.encode_prompt(prompt, unit)?;
            if ids.is_empty() || ids.len() >= limit {
                let reason = format!("has {} tokens, and the model takes 1 to {}", ids.len(), limit - 1);
                return Err(Error::config("--prompt", reason));
            }
            rows.push(Row { prompt: ids.len(), ids, ended: false });
        }
        let prompts: Vec<&[u32]> = rows.iter().map(|row| row.ids.as_slice()).collect();
        let (mut past, mut logits) = loaded.decoder.read::<A>(&prompts);
        let mut rng = ChaCha20Rng::seed_from_u64(self.choice.seed);
        for made in 0..self.tokens_max {
            for (row, logits) in rows.iter_mut().zip(&logits).filter(|(row, _)| row.is_open(limit)) {
                let id = choose(logits, self.choice, &mut rng);
                if config.stop_token_ids.contains(&id) {
                    row.ended = true;
                } else {
                    row.ids.push(id);
                }
            }
            if made + 1 == self.tokens_max || !rows.iter().any(|row| row.is_open(limit)) {
                break;
            }
            // A text that has ended is gone on with, from its last token, and nobody looks.
            let last: Vec<u32> = rows.iter().map(|row| row.ids.last().copied().unwrap_or(0)).collect();
            logits = loaded.decoder.go_on(&mut past, &last);
        }
        let text = |row: Row| {
            let new = &row.ids[row.prompt..];
            Generated { text: encoder.decode(new), tokens: new.len(), ended: row.ended }
        };
        Ok(rows.into_iter().map(text).collect())
    }
}

struct Row {
    ids: Vec<u32>,
    /// Length of the prompt.
    prompt: usize,
    ended: bool,
}

impl Row {
    /// Whether there is a next token, for a model of `limit` positions.
    fn is_open(&self, limit: usize) -> bool {
        !self.ended && self.ids.len() < limit
    }
}

/// The next token id.
fn choose(logits: &[f32], choice: Choice, rng: &mut ChaCha20Rng) -> u32 {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    // Among equals the smaller id, so that a choice does not depend on the sort.
    order.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b)));
    let best = order.first().copied().unwrap_or(0);
    if choice.temperature <= 0.0 {
        return best as u32;
    }
    let weight = |id: usize| (f64::from(logits[id] - logits[best]) / choice.temperature).exp();
    let total: f64 = order.iter().map(|id| weight(*id)).sum();
    let mut kept = 0.0;
    let nucleus = order.iter().take_while(|id| {
        let before = kept;
        kept += weight(**id);
        before < choice.top_p * total
    });
    let nucleus: Vec<usize> = nucleus.copied().collect();
    let mut left = rng.random::<f64>() * nucleus.iter().map(|id| weight(*id)).sum::<f64>();
    for id in &nucleus {
        left -= weight(*id);
        if left <= 0.0 {
            return *id as u32;
        }
    }
    nucleus.last().copied().unwrap_or(best) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 4] = [0.0, 2.0, 1.0, -50.0];

    fn counts(temperature: f64, top_p: f64) -> [usize; 4] {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        let mut counts = [0; 4];
        for _ in 0..20_000 {
            counts[choose(&LOGITS, Choice { temperature, top_p, seed: 0 }, &mut rng) as usize] += 1;
        }
        counts
    }

    #[test]
    fn no_temperature_takes_the_likeliest_and_the_first_of_equals() {
        assert_eq!(counts(0.0, 1.0), [0, 20_000, 0, 0]);
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        assert_eq!(choose(&[1.0, 3.0, 3.0], Choice { temperature: 0.0, top_p: 1.0, seed: 0 }, &mut rng), 1);
    }

    #[test]
    fn tokens_are_drawn_with_their_probabilities() {
        let weights: Vec<f64> = LOGITS.iter().map(|logit| f64::from(*logit).exp()).collect();
        let total: f64 = weights.iter().sum();
        for (count, weight) in counts(1.0, 1.0).iter().zip(&weights) {
            assert!((*count as f64 / 20_000.0 - weight / total).abs() < 0.015);
        }
        // Twice the temperature, the square root of the odds.
        let hot = counts(2.0, 1.0);
        assert!((hot[1] as f64 / hot[2] as f64 - 0.5_f64.exp()).abs() < 0.1);
    }

    #[test]
    fn top_p_keeps_the_likeliest_that_reach_it() {
        // e^2 of e^2 + e + 1 is 0.67: the first alone reaches 0.6, the first two 0.8.
        assert_eq!(counts(1.0, 0.6), [0, 20_000, 0, 0]);
        let two = counts(1.0, 0.8);
        assert!(two[0] == 0 && two[3] == 0 && two[2] > 4000);
    }
}
