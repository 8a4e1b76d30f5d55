//! A text as a set of short pieces: every run of n words (or characters) is one 64-bit number.

use memchr::memchr_iter;
use xxhash_rust::xxh3::xxh3_64;

/// What a piece of text is, of which two texts may share some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shingling {
    /// Every run of this many words.
    Words(usize),
    /// Every run of this many characters of the normalised text.
    Characters(usize),
}

/// The base of the rolling polynomial; odd, so that no power of it is even.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

impl Shingling {
    /// The shingles of a normalised text, one after another, with their repeats, into `out`, whose content is replaced.
    ///
    /// A text with fewer words than a shingle has one shingle, of all its words; a text without a word has none. A shingle's
    /// number is the polynomial Σ hᵢ Bⁿ⁻ⁱ mod 2⁶⁴ of its units' hashes (XXH3 of a word, a character's own number mixed), which
    /// rolls on in two multiplications, mixed once more (the finaliser of `MurmurHash3`) so that all its bits are worth the same.
    pub fn shingles(self, normalised: &str, out: &mut Vec<u64>) {
        out.clear();
        match self {
            Self::Words(n) => {
                // One space stands between two words, and nothing else that is not a word's.
                let bytes = normalised.as_bytes();
                let mut start = 0;
                for end in memchr_iter(b' ', bytes).chain([bytes.len()]) {
                    if end > start {
                        out.push(xxh3_64(&bytes[start..end]));
                    }
                    start = end + 1;
                }
                roll(n, out);
            }
            Self::Characters(n) => {
                out.extend(normalised.chars().map(|c| mixed(u64::from(c))));
                roll(n, out);
            }
        }
    }
}

/// Sorts a list of shingles and takes its repeats out.
pub fn distinct(shingles: &mut Vec<u64>) {
    shingles.sort_unstable();
    shingles.dedup();
}

/// Units' hashes to shingles' numbers, in place.
pub(crate) fn roll(n: usize, units: &mut Vec<u64>) {
    let n = n.min(units.len());
    if n == 0 {
        return;
    }
    let first = units[..n].iter().fold(0_u64, |sum, unit| sum.wrapping_mul(BASE).wrapping_add(*unit));
    let top = (1..n).fold(1_u64, |power, _| power.wrapping_mul(BASE));
    let mut sum = first;
    for start in 0..=units.len() - n {
        if start > 0 {
            // `gone` is still there: a place is overwritten when its unit has left the window.
            sum = sum.wrapping_mul(BASE).wrapping_add(units[start + n - 1]);
        }
        let gone = units[start];
        units[start] = mixed(sum);
        sum = sum.wrapping_sub(gone.wrapping_mul(top));
    }
    units.truncate(units.len() + 1 - n);
}

/// A bijection on 64 bits after which all bits depend on all.
pub(crate) fn mixed(mut x: u64) -> u64 {
    x = (x ^ (x >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    x = (x ^ (x >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(shingling: Shingling, text: &str) -> Vec<u64> {
        let mut out = vec![7];
        shingling.shingles(text, &mut out);
        out
    }

    /// The twin: every window by itself.
    fn twin(n: usize, units: &[u64]) -> Vec<u64> {
        let n = n.min(units.len());
        if n == 0 {
            return Vec::new();
        }
        let number = |window: &[u64]| {
            let terms = window.iter().rev().scan(1_u64, |power, unit| {
                let term = unit.wrapping_mul(*power);
                *power = power.wrapping_mul(BASE);
                Some(term)
            });
            mixed(terms.fold(0, u64::wrapping_add))
        };
        units.windows(n).map(number).collect()
    }

    #[test]
    fn short_texts_have_one_shingle_and_empty_ones_none() {
        let words = Shingling::Words(5);
        assert_eq!(of(words, ""), []);
        assert_eq!(of(words, "one two three four five six").len(), 2);
        for text in ["one", "one two", "one two three four five"] {
            assert_eq!(of(words, text).len(), 1, "{text}");
        }
        assert_eq!(of(Shingling::Characters(24), "東 京"), of(Shingling::Characters(3), "東 京"));
    }

    #[test]
    fn order_and_words_count_and_the_place_in_the_text_does_not() {
        let words = Shingling::Words(3);
        let text = of(words, "a b c d a b c");
        assert_eq!(text[0], text[4]);
        assert_eq!(text.iter().collect::<std::collections::HashSet<_>>().len(), 4);
        assert_ne!(of(words, "a b c"), of(words, "c b a"));
        assert_ne!(of(words, "ab c d"), of(words, "a bc d"));
    }

    proptest! {
        #![proptest_config(crate::fixtures::proptest_config(400))]
        #[test]
        fn rolling_is_window_by_window(n in 1_usize..8, units in prop::collection::vec(any::<u64>(), 0..40)) {
            let mut rolled = units.clone();
            roll(n, &mut rolled);
            prop_assert_eq!(rolled, twin(n, &units));
        }
    }
}
