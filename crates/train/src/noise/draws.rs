//! Box–Muller draws, many at a time.
//!
//! The C library's logarithm and cosine take nearly half of the time that noise takes, one value after the other. Here both
//! are sums of their series without a branch, which the compiler turns into the widest vector instructions that the
//! machine has (`pulp` asks it when the program runs). The same operations in the same order give the same bits on every
//! machine. The twin is the standard library's functions.

use std::f64::consts::{LN_2, TAU};

use pulp::Arch;

/// Turns words into standard Gaussians: `words` holds two for each of `draws` (Box and Muller 1958, the cosine half).
///
/// Every word is read as a uniform on (0, 1]; see [`uniform`].
pub(crate) fn box_muller(words: &[u64], draws: &mut [f64]) {
    Arch::new().dispatch(|| {
        for ([radius, angle], draw) in words.as_chunks().0.iter().zip(draws) {
            *draw = (-2.0 * ln(uniform(*radius))).sqrt() * cos_of_turns(uniform(*angle));
        }
    });
}

/// The upper 53 bits of `word` as a multiple of 2⁻⁵³ in (0, 1]: never 0, whose logarithm is infinite.
#[inline(always)]
pub(super) fn uniform(word: u64) -> f64 {
    const GRID: f64 = 1.0 / (1_u64 << 53) as f64;
    ((word >> 11) + 1) as f64 * GRID
}

/// The natural logarithm of a positive normal number, to a few units in the last place.
///
/// With `x = 2^e m` and `m` in [√½, √2): `e ln 2 + 2 artanh s`, `s = (m - 1) / (m + 1)`, `artanh s = s + s³/3 + s⁵/5 + …`. As
/// `s² < 0.0295`, the first term left out is below 1e-18 of the sum.
#[inline(always)]
pub(super) fn ln(x: f64) -> f64 {
    const ROOT_HALF: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();
    let above = x.to_bits().wrapping_sub(ROOT_HALF);
    let exponent = (above as i64) >> 52;
    let m = f64::from_bits(x.to_bits().wrapping_sub((exponent as u64) << 52));
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let mut series = 1.0 / 23.0;
    for odd in [21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        series = series * z + 1.0 / odd;
    }
    f64::from(exponent as i32) * LN_2 + 2.0 * s * series
}

/// `cos(2π x)` for `x` in [0, 1], with an absolute error of about 2⁻⁵³.
///
/// `x` is a quarter turn `q` and a rest of at most an eighth of a turn, on which the series of sine and cosine end early; the
/// rest is exact. Then `cos(q π/2 + r)` is one of `cos r`, `-sin r`, `-cos r`, `sin r`.
#[inline(always)]
pub(super) fn cos_of_turns(x: f64) -> f64 {
    // Adding and taking away 1.5 * 2^52 rounds to a whole number, without a call.
    const ROUND: f64 = (3_u64 << 51) as f64;
    let shifted = 4.0 * x + ROUND;
    let quarter = shifted.to_bits();
    let r = TAU * (x - 0.25 * (shifted - ROUND));
    let z = r * r;
    let (mut cos, mut sin) = (1.0, 1.0);
    // cos r = 1 - r²/(1·2) (1 - r²/(3·4) (1 - …)), and the same for sin r / r.
    for even in [18.0, 16.0, 14.0, 12.0, 10.0, 8.0, 6.0, 4.0, 2.0] {
        cos = 1.0 - z * (1.0 / (even * (even - 1.0))) * cos;
        sin = 1.0 - z * (1.0 / (even * (even + 1.0))) * sin;
    }
    let value = if quarter & 1 == 0 { cos } else { r * sin };
    // The sign is that of quarters 1 and 2: the second bit of q + 1.
    f64::from_bits(value.to_bits() ^ ((quarter.wrapping_add(1) & 2) << 62))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(found: f64, exact: f64, relative: f64, absolute: f64) -> bool {
        (found - exact).abs() <= relative * exact.abs() + absolute
    }

    #[test]
    fn the_ends_of_the_range() {
        for word in [0, 1 << 11, u64::MAX, u64::MAX - (1 << 11), 1 << 63, (1 << 63) - 1, 1 << 62, 3 << 62] {
            let x = uniform(word);
            assert!(close(ln(x), x.ln(), 5e-16, 0.0), "{x}: {} {}", ln(x), x.ln());
            assert!(close(cos_of_turns(x), (TAU * x).cos(), 0.0, 1e-15), "{x}");
        }
        assert_eq!(ln(1.0).to_bits(), 0.0_f64.to_bits());
        for (turns, exact) in [(0.0, 1.0), (0.25, 0.0), (0.5, -1.0), (0.75, 0.0), (1.0, 1.0)] {
            assert!(close(cos_of_turns(turns), exact, 0.0, 1e-300));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

        /// Twin: the standard library.
        #[test]
        fn logarithm_and_cosine_are_the_standard_ones(word in any::<u64>(), small in 0_u32..53) {
            for x in [uniform(word), uniform(word >> small), 1.0 - uniform(word >> small) / 2.0] {
                prop_assert!(close(ln(x), x.ln(), 5e-16, 0.0), "{x}: {} {}", ln(x), x.ln());
                prop_assert!(close(cos_of_turns(x), (TAU * x).cos(), 0.0, 1e-15), "{x}");
            }
        }

        /// Any number of draws, whatever is left over from the width of a vector.
        #[test]
        fn draws_are_made_one_from_two_words(words in prop::collection::vec(any::<u64>(), 0..80)) {
            let mut draws = vec![f64::NAN; words.len() / 2];
            box_muller(&words, &mut draws);
            for (draw, pair) in draws.iter().zip(words.chunks(2)) {
                let twin = (-2.0 * uniform(pair[0]).ln()).sqrt() * (TAU * uniform(pair[1])).cos();
                prop_assert!(close(*draw, twin, 0.0, 1e-14), "{draw} {twin}");
            }
        }
    }
}
