//! Locality-sensitive hashing: a signature is cut into bands, and texts that agree in a whole band are looked at.

use std::fmt;
use std::str::FromStr;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::minhash::PERMUTATIONS_MAX;
use crate::shingle::Shingling;

/// How signatures are made and cut: bands × rows (both also go by other names; here a *band* is what must agree in all its
/// *rows*, so more bands find more and more rows find less).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Banding {
    /// How many bands there are.
    pub bands: usize,
    /// How many values of the signature a band has.
    pub rows: usize,
    /// What the signature is made of.
    pub shingling: Shingling,
}

/// The presets: name, bands, rows, shingles. `fineweb` is that of the `FineWeb` corpora, `nemo` that of `NeMo` Curator.
const PRESETS: [(&str, usize, usize, Shingling); 4] = [
    ("default", 20, 6, Shingling::Words(5)),
    ("fineweb", 14, 8, Shingling::Words(5)),
    ("strict", 25, 5, Shingling::Words(5)),
    ("nemo", 20, 13, Shingling::Characters(24)),
];

/// Why a way of banding is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{written}` is no way of banding: write default, fineweb, strict, nemo, or bands x rows such as 20x6 ({PERMUTATIONS_MAX} values at most)"
)]
pub struct NoBanding {
    written: String,
}

impl Default for Banding {
    /// 20 bands of 6 rows of runs of 5 words.
    fn default() -> Self {
        let (_, bands, rows, shingling) = PRESETS[0];
        Self { bands, rows, shingling }
    }
}

impl Banding {
    /// Values that a signature needs.
    pub fn permutations(&self) -> usize {
        self.bands * self.rows
    }

    /// The keys of a signature's bands into `out`, whose content is replaced. `signature` holds [`Self::permutations`] values.
    /// The band's number is part of its key, so keys of different bands differ but for chance (2⁻⁶⁴).
    pub fn keys(&self, signature: &[u32], out: &mut Vec<u64>) {
        out.clear();
        let mut bytes = Vec::with_capacity(4 * self.rows);
        for (band, values) in signature.chunks_exact(self.rows).enumerate() {
            bytes.clear();
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            out.push(xxh3_64_with_seed(&bytes, band as u64));
        }
    }

    /// The probability that two texts of this Jaccard similarity share a band: 1 - (1 - jʳ)ᵇ.
    pub fn probability(&self, jaccard: f64) -> f64 {
        let (bands, rows) = (self.bands as i32, self.rows as i32);
        1.0 - (1.0 - jaccard.powi(rows)).powi(bands)
    }
}

impl FromStr for Banding {
    type Err = NoBanding;

    fn from_str(written: &str) -> Result<Self, NoBanding> {
        if let Some((_, bands, rows, shingling)) = PRESETS.into_iter().find(|(name, ..)| *name == written) {
            return Ok(Self { bands, rows, shingling });
        }
        let numbers = written.split_once(['x', 'X', '×']);
        let parsed = numbers.and_then(|(bands, rows)| Some((bands.parse().ok()?, rows.parse().ok()?)));
        match parsed {
            Some((bands @ 1.., rows @ 1..)) if usize::saturating_mul(bands, rows) <= PERMUTATIONS_MAX => {
                Ok(Self { bands, rows, ..Self::default() })
            }
            _ => Err(NoBanding { written: written.to_owned() }),
        }
    }
}

impl fmt::Display for Banding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, length) = match self.shingling {
            Shingling::Words(length) => ("word", length),
            Shingling::Characters(length) => ("character", length),
        };
        write!(formatter, "{}x{} bands of {unit} {length}-grams", self.bands, self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::minhash::Permutations;
    use crate::shingle::mixed;

    #[test]
    fn names_and_numbers() {
        let shown = |written: &str| written.parse::<Banding>().map(|banding| banding.to_string());
        assert_eq!(shown("default").unwrap(), "20x6 bands of word 5-grams");
        assert_eq!(shown("fineweb").unwrap(), "14x8 bands of word 5-grams");
        assert_eq!(shown("strict").unwrap(), "25x5 bands of word 5-grams");
        assert_eq!(shown("nemo").unwrap(), "20x13 bands of character 24-grams");
        assert_eq!(shown("32x4").unwrap(), "32x4 bands of word 5-grams");
        for wrong in ["", "x", "20", "0x6", "20x0", "20x-6", "99999999999x99999999999", "40x40", "FineWeb"] {
            assert!(shown(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_curve() {
        let default = Banding::default();
        for (jaccard, expected) in [(0.8, 0.9977), (0.7, 0.9182), (0.5, 0.2702), (0.3, 0.0145), (1.0, 1.0), (0.0, 0.0)]
        {
            assert!(
                (default.probability(jaccard) - expected).abs() < 1e-4,
                "{jaccard}: {}",
                default.probability(jaccard)
            );
        }
    }

    /// Many pairs of one similarity: as many of them meet in a band as the curve says.
    #[test]
    fn as_many_pairs_meet_as_the_curve_says() {
        let banding = Banding { bands: 10, rows: 3, ..Banding::default() };
        let permutations = Permutations::new(banding.permutations());
        let (pairs, size, shared) = (2000_u64, 60_u64, 36_u64);
        let mut met = 0;
        for pair in 0..pairs {
            let keys = |own: u64| {
                let one = |i| mixed(mixed(pair) ^ if i < shared { i } else { i + own * 1_000_000 });
                let shingles: Vec<u64> = (0..size).map(one).collect();
                let (mut signature, mut keys) = (Vec::new(), Vec::new());
                permutations.sign(&shingles, &mut signature);
                banding.keys(&signature, &mut keys);
                keys
            };
            met += u64::from(keys(1).iter().zip(&keys(2)).any(|(a, b)| a == b));
        }
        let expected = banding.probability(shared as f64 / (2 * size - shared) as f64);
        let share = met as f64 / pairs as f64;
        let allowed = 4.0 * (expected * (1.0 - expected) / pairs as f64).sqrt();
        assert!((share - expected).abs() < allowed, "{share} of the pairs met, not {expected}");
    }

    #[test]
    fn bands_differ_by_number_and_by_every_value() {
        let banding = Banding { bands: 2, rows: 3, ..Banding::default() };
        let mut keys = Vec::new();
        banding.keys(&[1, 2, 3, 1, 2, 3], &mut keys);
        assert_ne!(keys[0], keys[1]);
        let mut other = Vec::new();
        banding.keys(&[1, 2, 3, 1, 2, 4], &mut other);
        assert!(other[0] == keys[0] && other[1] != keys[1]);
    }
}
