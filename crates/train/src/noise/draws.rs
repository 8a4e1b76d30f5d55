//! Box–Muller draws, many at a time.
//!
//! The C library's logarithm and cosine, one value after the other, take longer than the cipher. Here both are polynomials
//! without a branch, which the compiler turns into the widest vector instructions that the machine has (`pulp` asks it when
//! the program runs). The same operations in the same order give the same bits on every machine; no product is fused with a
//! sum. The twin is the standard library's functions.
//!
//! The coefficients are minimax: Remez' exchange in 60 digits, over the interval that the argument is reduced to, rounded to
//! f64. Against Taylor's series they save a third of the terms, and the loop waits for each term of the last.

#![expect(clippy::inline_always, reason = "a function of its own would be compiled for narrow registers")]

use std::f64::consts::LN_2;

use pulp::Arch;

/// `2 artanh(√z) / √z` on [0, 0.02944], relative error 1.2e-18 before rounding.
const ARTANH: [f64; 8] = [
    2.0,
    0.666_666_666_666_676_5,
    0.399_999_999_992_988_8,
    0.285_714_287_613_471_34,
    0.222_221_969_882_067_1,
    0.181_836_350_960_956_7,
    0.153_124_437_151_707_04,
    0.148_105_302_003_541_72,
];

/// `sin(2π√z) / √z` on [0, 1/16]; the sine's absolute error is 3.3e-19 before rounding.
const SINE: [f64; 9] = [
    std::f64::consts::TAU,
    -41.341_702_240_399_755,
    81.605_249_276_073_62,
    -76.705_859_752_825_26,
    42.058_693_925_449_84,
    -15.094_641_676_840_1,
    3.819_928_107_886_425,
    -0.717_733_926_659_433,
    0.100_897_493_184_479_09,
];

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

/// The polynomial with these coefficients, lowest first, at `z`.
#[inline(always)]
fn horner<const N: usize>(coefficients: &[f64; N], z: f64) -> f64 {
    let mut value = coefficients[N - 1];
    for coefficient in coefficients[..N - 1].iter().rev() {
        value = value * z + coefficient;
    }
    value
}

/// The natural logarithm of a positive normal number, to a few units in the last place.
///
/// With `x = 2^e m` and `m` in [√½, √2): `e ln 2 + 2 artanh s`, `s = (m - 1) / (m + 1)`, `s² < 0.02944`.
#[inline(always)]
pub(super) fn ln(x: f64) -> f64 {
    const ROOT_HALF: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();
    let above = x.to_bits().wrapping_sub(ROOT_HALF);
    let exponent = (above as i64) >> 52;
    let m = f64::from_bits(x.to_bits().wrapping_sub((exponent as u64) << 52));
    let s = (m - 1.0) / (m + 1.0);
    f64::from(exponent as i32) * LN_2 + s * horner(&ARTANH, s * s)
}

/// `cos(2π x)` for `x` in [0, 1], a multiple of 2⁻⁵³, with an absolute error of about 2⁻⁵².
///
/// It is the sine of `2π w` with `w = |x - ½| - ¼` in [-¼, ¼], and both differences are exact.
#[inline(always)]
pub(super) fn cos_of_turns(x: f64) -> f64 {
    let w = (x - 0.5).abs() - 0.25;
    w * horner(&SINE, w * w)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

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
