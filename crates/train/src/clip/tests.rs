//! Factors, sums and the chain of types.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;

const WAYS: [Clipping; 4] = [Clipping::Flat, Clipping::PerLayer, Clipping::Automatic, Clipping::Adaptive];

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(20_261_123), failure_persistence: None, ..ProptestConfig::default()
    })]

    /// Twin: the length of what is summed, from the gradients' own lengths.
    #[test]
    fn nothing_longer_than_the_bound_gets_through(
        slots in prop::collection::vec(prop::collection::vec(-12.0_f32..12.0, 3), 1..6),
        bound in prop::sample::select(vec![1e-3, 1.0, 1e3]),
    ) {
        let squares: Vec<Vec<f32>> = slots.iter().map(|units| units.iter().map(|x| 10.0_f32.powf(*x)).collect()).collect();
        for clipping in WAYS {
            let factors = ClipBound { clipping, max_grad_norm: bound }.factors(&squares, 2);
            for unit in 0..2 {
                let part = |(factors, squares): (&Vec<f32>, &Vec<f32>)| f64::from(factors[unit]).powi(2) * f64::from(squares[unit]);
                let length = factors.iter().zip(&squares).map(part).sum::<f64>().sqrt();
                prop_assert!(length <= bound, "{clipping:?}: {length}");
                if clipping == Clipping::Flat {
                    let whole = squares.iter().map(|slot| f64::from(slot[unit])).sum::<f64>().sqrt();
                    let expected = whole.min(bound);
                    prop_assert!(length >= 0.998 * expected, "{length} of {expected}");
                }
            }
            prop_assert!(factors.iter().all(|slot| slot[2] == 0.0), "padding");
        }
    }
}

fn counted(units: f64) -> ClippedSum {
    ClippedSum { unclipped: units * UNCLIPPED, ..ClippedSum::zeros([2].into_iter(), 3.0) }
}

/// The count has noise of its own, for its own sensitivity; without an event for it, it goes nowhere.
#[test]
fn the_count_is_released_with_its_noise_and_only_where_the_event_says_so() {
    let keys = crate::keys::RunKeys::for_replay(9);
    let noise = |z: f64| NoiseMultiplier::new(z).unwrap();
    let sampling_rate = privet_dp::SamplingRate::from_f64(0.1).unwrap();
    let event = |noises: &[f64]| Event::PoissonSampledGaussians {
        sampling_rate,
        noise_multipliers: noises.iter().copied().map(noise).collect(),
    };
    for (adjacency, sensitivity) in [(Adjacency::AddRemove, 0.5), (Adjacency::ReplaceOne, 1.0)] {
        let (mut sum, mut squares, mut product) = (0.0, 0.0, 0.0);
        for step in 0..20_000_u32 {
            let noise = Noise::new(keys.noise.step(u64::from(step), 1), &event(&[0.5, 6.0]), adjacency).unwrap();
            let release = counted(10.0).privatize(noise);
            let count = f64::from(release.count.unwrap()) - 5.0;
            sum += count;
            squares += count * count;
            product += count * release.values[0][0];
            assert!((release.stddev - 0.5 * 3.0 * sensitivity / 0.5).abs() < 1e-12);
        }
        let (calls, stddev) = (20_000.0, 6.0 * sensitivity);
        assert!((sum / calls).abs() < 5.0 * stddev / calls.sqrt());
        assert!((squares / calls / (stddev * stddev) - 1.0).abs() < 0.05, "{}", squares / calls);
        assert!((product / calls).abs() < 5.0 * stddev * 3.0 / calls.sqrt(), "independent of the gradients' noise");
    }
    let plain = Event::PoissonSampledGaussian { sampling_rate, noise_multiplier: noise(0.5) };
    let plain = Noise::new(keys.noise.step(1, 1), &plain, Adjacency::AddRemove).unwrap();
    assert!(counted(10.0).privatize(plain).count.is_none());
    for others in [event(&[]), event(&[1.0]), event(&[1.0, 1.0, 1.0]), Event::Gaussian { noise_multiplier: noise(1.0) }]
    {
        assert!(Noise::new(keys.noise.step(1, 1), &others, Adjacency::AddRemove).is_none());
    }
}

#[test]
fn a_unit_counts_a_half_up_or_down_and_a_fault_adds_nothing() {
    use burn::backend::Flex;
    use burn::tensor::{Tensor, TensorData};
    // Short, long, not a number, and padding.
    let values = vec![0.5_f32, 4.0, f32::NAN, 0.25];
    let gradients = || {
        let data = TensorData::new(values.clone(), [4, 1, 1]);
        SampleGradients::held(vec![Tensor::<Flex, 3>::from_data(data, &Default::default())])
    };
    let bound = ClipBound { clipping: Clipping::Adaptive, max_grad_norm: 1.0 };
    let part = |units: usize| ClippedPart::new(gradients(), &[0.0; 4], units, bound);
    assert_eq!([0, 1, 2, 3].map(|units| (2.0 * part(units).unclipped) as i64), [0, 1, 0, -1]);
    // And to the sum, what is not a number adds nothing.
    let sums = [0, 1, 2, 3].map(|units| part(units).values[0][0]);
    assert!(sums.iter().zip([0.0, 0.5, 1.5, 1.5]).all(|(sum, twin)| (sum - twin).abs() < 2e-3), "{sums:?}");
}

#[test]
fn short_gradients_are_left_alone_and_faults_are_dropped_whole() {
    let squares = vec![vec![0.0, 1e-30, 0.04, f32::INFINITY, 1.0], vec![0.0, 0.0, 0.09, 1.0, f32::NAN]];
    for clipping in WAYS {
        let factors = ClipBound { clipping, max_grad_norm: 1.0 }.factors(&squares, 5);
        for slot in &factors {
            assert_eq!(slot[3..], [0.0, 0.0], "{clipping:?}: a fault in one layer is a fault of the unit");
            if clipping != Clipping::Automatic {
                assert_eq!(slot[..3], [1.0; 3], "{clipping:?}");
            }
        }
    }
    // Two layers of equal share: 0.71 each.
    let squares = vec![vec![4.0], vec![0.25]];
    let factors = ClipBound { clipping: Clipping::PerLayer, max_grad_norm: 1.0 }.factors(&squares, 1);
    assert!((factors[0][0] - 0.3532).abs() < 1e-3 && (factors[1][0] - 1.0).abs() < 1e-6, "{factors:?}");
    // Short or long, automatic clipping makes of every gradient nearly the same length.
    let factors = ClipBound { clipping: Clipping::Automatic, max_grad_norm: 2.0 }.factors(&[vec![1.0, 1e6]], 2);
    assert!((factors[0][0] - 1.959).abs() < 2e-3 && (factors[0][1] - 0.001_998).abs() < 1e-6, "{factors:?}");
}
