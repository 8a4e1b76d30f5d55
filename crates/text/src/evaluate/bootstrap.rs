//! How much F1 would move with other texts of the same kind.
//!
//! The bootstrap draws texts again with replacement. Drawing a number of copies of each text from a Poisson law of mean
//! one does the same up to the total, and needs no second look at a text (Chamandy, Muralidharan, Najmi, Naidu,
//! "Estimating Uncertainty for Massive Data Streams", 2012). The draws follow from a fixed seed and the text's number.

use super::Counts;

const SEED: u64 = 20_260_731;
const REPLICATES: usize = 1000;
/// Half of what lies outside the interval, in replicates out of a thousand.
const TAIL_PER_THOUSAND: usize = 25;

/// Counts of one label, drawn again [`REPLICATES`] times; empty until something was counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Replicates(Vec<Counts>);

impl Replicates {
    pub(super) fn add(&mut self, counts: &Counts, weights: &[u8]) {
        self.0.resize(REPLICATES, Counts::default());
        for (sum, &weight) in self.0.iter_mut().zip(weights) {
            sum.add(counts, u64::from(weight));
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.0.resize(REPLICATES, Counts::default());
        for (sum, counts) in self.0.iter_mut().zip(&other.0) {
            sum.add(counts, 1);
        }
    }

    /// Ends of the middle 95 % of F1, over the replicates that have one.
    pub(super) fn f1_interval(&self) -> Option<(f64, f64)> {
        let mut drawn: Vec<f64> = self.0.iter().filter_map(Counts::f1).collect();
        drawn.sort_by(f64::total_cmp);
        let tail = drawn.len() * TAIL_PER_THOUSAND / 1000;
        Some((*drawn.get(tail)?, *drawn.get(drawn.len().checked_sub(tail + 1)?)?))
    }
}

/// How often each replicate draws the text with this number.
pub(super) fn weights(text: u64) -> Vec<u8> {
    let mut state = mixed(SEED ^ mixed(text));
    (0..REPLICATES)
        .map(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            poisson(mixed(state))
        })
        .collect()
}

/// A Poisson draw of mean one from 64 random bits, by inversion.
fn poisson(bits: u64) -> u8 {
    let uniform = (bits >> 11) as f64 / (1_u64 << 53) as f64;
    let (mut draw, mut term) = (0_u8, (-1.0_f64).exp());
    let mut cumulative = term;
    while uniform >= cumulative && draw < 16 {
        draw += 1;
        term /= f64::from(draw);
        cumulative += term;
    }
    draw
}

/// The finalizer of `SplitMix64` (Steele, Lea, Flood 2014).
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::{Counts, REPLICATES, Replicates, weights};

    #[test]
    fn a_text_is_drawn_once_on_average_and_as_a_poisson_law_spreads() {
        let drawn: Vec<f64> = (0..100).flat_map(weights).map(f64::from).collect();
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let variance = drawn.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / drawn.len() as f64;
        // 100,000 draws: the standard errors are 0.003 and 0.0055.
        assert!((mean - 1.0).abs() < 0.015 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
        assert_eq!(weights(7), weights(7));
        assert_ne!(weights(7), weights(8));
    }

    #[test]
    fn the_interval_of_many_coin_flips_is_the_one_of_the_normal_law() {
        // 400 texts with one gold span each, every second found: recall 1/2, precision 1, F1 2/3.
        let mut replicates = Replicates::default();
        for text in 0..400 {
            let found = text % 2;
            let counts = Counts { true_positives: found, false_positives: 0, false_negatives: 1 - found };
            replicates.add(&counts, &weights(text));
        }
        let (low, high) = replicates.f1_interval().unwrap();
        // Standard error of recall 0.025; dF1/dR = 2/(1+R)^2 = 0.889; 1.96 of them: 0.0436.
        assert!((low - (2.0 / 3.0 - 0.0436)).abs() < 0.01 && (high - (2.0 / 3.0 + 0.0436)).abs() < 0.01);
        assert_eq!(Replicates::default().f1_interval(), None);
        assert_eq!(REPLICATES, 1000);
    }
}
