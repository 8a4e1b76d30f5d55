//! `MinHash` (Broder 1997): under a random permutation, the smallest members of two sets are equal with the probability that
//! is their Jaccard similarity.
//!
//! A permutation here is `x ↦ a x + b` on 32-bit words with an odd `a`, applied to a shingle folded to 32 bits. Multiply-add
//! is not a random permutation, but shingles are mixed before, and what matters (the share of pairs that become candidates)
//! is measured in `benches/record/dedup.md` and lies on the curve of theory. In a text of more than some hundred million
//! shingles all smallest values come close to zero; such texts become candidates too often, which costs time and nothing else.

use pulp::Arch;

use crate::shingle::mixed;

/// Most permutations that a signature can have.
pub const PERMUTATIONS_MAX: usize = 1024;
/// Permutations that are computed at once: their coefficients and minima stay in vector registers while all shingles go by.
const LANES: usize = 32;

/// Some fixed permutations: the first n are the same for every n, on every machine.
#[derive(Debug, Clone)]
pub struct Permutations {
    lanes: Vec<Lanes>,
    count: usize,
}

#[derive(Debug, Clone)]
struct Lanes {
    a: [u32; LANES],
    b: [u32; LANES],
}

impl Permutations {
    /// The first `count` permutations, [`PERMUTATIONS_MAX`] at most.
    pub fn new(count: usize) -> Self {
        let count = count.min(PERMUTATIONS_MAX);
        let lanes = (0..count.div_ceil(LANES)).map(|group| {
            let at = |lane| coefficients((group * LANES + lane) as u64);
            Lanes { a: std::array::from_fn(|lane| at(lane).0), b: std::array::from_fn(|lane| at(lane).1) }
        });
        Self { lanes: lanes.collect(), count }
    }

    /// The smallest value of every permutation over the shingles of a text, into `out`, whose content is replaced. Repeats
    /// among the shingles change nothing; without a shingle all values are `u32::MAX`.
    pub fn sign(&self, shingles: &[u64], out: &mut Vec<u32>) {
        out.clear();
        let folded: Vec<u32> = shingles.iter().map(|shingle| fold(*shingle)).collect();
        // Plain loops: what goes through iterators here is not compiled for the wide registers.
        Arch::new().dispatch(|| {
            for lanes in &self.lanes {
                out.extend_from_slice(&lanes.smallest(&folded));
            }
        });
        out.truncate(self.count);
    }
}

impl Lanes {
    #[expect(clippy::inline_always, reason = "a function of its own would be compiled for the narrow registers")]
    #[inline(always)]
    fn smallest(&self, shingles: &[u32]) -> [u32; LANES] {
        let Self { a, b } = *self;
        let mut smallest = [u32::MAX; LANES];
        for x in shingles {
            for lane in 0..LANES {
                smallest[lane] = smallest[lane].min(x.wrapping_mul(a[lane]).wrapping_add(b[lane]));
            }
        }
        smallest
    }
}

/// `a` (odd) and `b` of a permutation: the outputs of `SplitMix64` (Steele, Lea, Flood 2014).
fn coefficients(index: u64) -> (u32, u32) {
    let word = mixed((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (((word >> 32) as u32) | 1, word as u32)
}

#[inline]
fn fold(shingle: u64) -> u32 {
    (shingle >> 32) as u32 ^ shingle as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn signed(count: usize, shingles: &[u64]) -> Vec<u32> {
        let mut out = vec![1, 2, 3];
        Permutations::new(count).sign(shingles, &mut out);
        out
    }

    /// The twin: one permutation after another, with arithmetic modulo 2³² written out.
    fn twin(count: usize, shingles: &[u64]) -> Vec<u32> {
        let value = |index: usize, shingle: u64| {
            let (a, b) = coefficients(index as u64);
            ((u128::from(fold(shingle)) * u128::from(a) + u128::from(b)) % (1 << 32)) as u32
        };
        (0..count).map(|index| shingles.iter().map(|s| value(index, *s)).min().unwrap_or(u32::MAX)).collect()
    }

    /// The values are part of every index: they may never change.
    #[test]
    fn a_signature_from_the_first_day() {
        let shingles: Vec<u64> = (1..=100).map(mixed).collect();
        assert_eq!(signed(4, &shingles), [9_261_702, 58_795_739, 35_196_625, 5_726_413]);
    }

    #[test]
    fn the_share_of_equal_values_is_the_similarity() {
        let (count, size) = (1000, 400);
        for shared in [0, 80, 200, 320, 400] {
            let set = |own: u64| -> Vec<u64> {
                (0..size).map(|i| mixed(if i < shared { i } else { i + own * 1_000_000 })).collect()
            };
            let (one, other) = (signed(count, &set(1)), signed(count, &set(2)));
            let equal = one.iter().zip(&other).filter(|(a, b)| a == b).count() as f64 / count as f64;
            let jaccard = shared as f64 / (2 * size - shared) as f64;
            // Four standard deviations of a thousand draws.
            let allowed = 4.0 * (jaccard * (1.0 - jaccard) / count as f64).sqrt() + 1e-9;
            assert!((equal - jaccard).abs() <= allowed, "{equal} for a similarity of {jaccard}");
        }
    }

    proptest! {
        #![proptest_config(crate::fixtures::proptest_config(100))]
        #[test]
        fn lanes_are_permutations_one_by_one(count in 1_usize..140, shingles in prop::collection::vec(any::<u64>(), 0..30)) {
            prop_assert_eq!(signed(count, &shingles), twin(count, &shingles));
        }
    }
}
