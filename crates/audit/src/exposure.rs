//! Exposure: how much a model narrows down a planted secret, in bits (Carlini et al., USENIX Security 2019).
//!
//! `log₂(candidates) − log₂(rank)`: 0 for the last rank, `log₂(candidates)` for the first. For a secret that the model never
//! saw, `P[exposure ≥ k] ≤ 2^−k`, with mean `1/ln 2 ≈ 1.443`. Exposure describes; for a bound see [`crate::rank`].

use crate::Error;
use crate::error::at_most;

/// Mean exposure of secrets that were never trained on, for many candidates: `1/ln 2`.
pub const NULL_MEAN: f64 = std::f64::consts::LOG2_E;

/// Exposure in bits of the secret with this rank (1 is the highest score) among this many candidates.
pub fn exposure(rank: u64, candidates: u64) -> Result<f64, Error> {
    if rank == 0 {
        return Err(Error::Empty { what: "a rank, counted from 1," });
    }
    at_most("rank", rank, "candidates", candidates)?;
    Ok(libm::log2(candidates as f64) - libm::log2(rank as f64))
}

/// The largest exposure that this many candidates allow.
pub fn ceiling(candidates: u64) -> Result<f64, Error> {
    exposure(1, candidates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_over_uniform_ranks_is_the_null_mean() {
        let candidates = 1 << 20;
        let sum: f64 = (1..=candidates).map(|rank| exposure(rank, candidates).unwrap()).sum();
        let mean = sum / candidates as f64;
        assert!((mean - 1.443).abs() < 5e-4 && (mean - NULL_MEAN).abs() < 1e-4, "{mean}");
    }

    #[test]
    fn exceeding_k_bits_has_probability_two_to_the_minus_k() {
        let candidates = 1 << 16;
        for k in 0..=16u32 {
            let above = (1..=candidates).filter(|rank| exposure(*rank, candidates).unwrap() >= f64::from(k)).count();
            assert_eq!(above, 1 << (16 - k));
        }
    }

    #[test]
    fn the_ends_and_nonsense() {
        assert!(exposure(1000, 1000).unwrap().abs() < 1e-15);
        assert!((ceiling(1 << 20).unwrap() - 20.0).abs() < 1e-15);
        assert!(exposure(0, 10).is_err() && exposure(11, 10).is_err());
    }
}
