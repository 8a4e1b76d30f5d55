//! `AdamW` against the textbook loop in scalars, and the laws of the learning rate.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;

const SEED: u64 = 20_260_101;

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..ProptestConfig::default() }
}

fn config(noise_variance: Option<f64>) -> AdamWConfig {
    AdamWConfig {
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.01,
        bias_correction_noise_variance: noise_variance,
    }
}

/// One weight over its whole history, in `f64`, from the papers' formulas: every moment is summed anew from all
/// gradients so far, with nothing carried along.
fn textbook(config: &AdamWConfig, mut weight: f64, gradients: &[f64], rates: &[f64]) -> f64 {
    for t in 1..=gradients.len() {
        let moment = |beta: f64, power: i32| {
            let weighted: f64 =
                (1..=t).map(|i| (1.0 - beta) * beta.powi((t - i) as i32) * gradients[i - 1].powi(power)).sum();
            weighted / (1.0 - beta.powi(t as i32))
        };
        let (first, second) = (moment(config.beta1, 1), moment(config.beta2, 2));
        let step = match config.bias_correction_noise_variance {
            None => first / (second.sqrt() + config.epsilon),
            Some(noise) if second - noise > config.epsilon.powi(2) => first / (second - noise).sqrt(),
            Some(_) => first / config.epsilon,
        };
        weight -= rates[t - 1] * step + rates[t - 1] * config.weight_decay * weight;
    }
    weight
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn agrees_with_the_textbook(
        start in prop::collection::vec(-2.0..2.0_f32, 1..6),
        steps in prop::collection::vec((prop::collection::vec(-3.0..3.0_f32, 6), 1e-4..1e-2_f64), 1..25),
        noise in prop::option::of(0.1..4.0_f64), epsilon in 1e-3..1e-1_f64,
    ) {
        let config = AdamWConfig { epsilon, ..config(noise) };
        let n = start.len();
        let cut = n / 2;
        let mut weights = start.clone();
        let mut optimizer = AdamW::new(config, &[cut, n - cut]);
        for (gradients, rate) in &steps {
            let (left, right) = weights.split_at_mut(cut);
            optimizer.update(&mut [left, right], &[&gradients[..cut], &gradients[cut..n]], *rate).unwrap();
        }
        prop_assert_eq!(optimizer.step(), steps.len() as u64);
        let rates: Vec<f64> = steps.iter().map(|(_, rate)| *rate).collect();
        for i in 0..n {
            let gradients: Vec<f64> = steps.iter().map(|(gradients, _)| f64::from(gradients[i])).collect();
            let twin = textbook(&config, f64::from(start[i]), &gradients, &rates);
            // Moments are kept in f32 (relative 6e-8 a step); near the floor the subtraction magnifies that.
            let size: f64 = rates.iter().sum::<f64>() * 3.0 / epsilon;
            let tolerance = 1e-5 * (1.0 + twin.abs()) + if noise.is_some() { 1e-4 * size } else { 0.0 };
            prop_assert!((f64::from(weights[i]) - twin).abs() < tolerance, "{} {twin}", weights[i]);
        }
    }

    /// A checkpoint read back goes on bit for bit.
    #[test]
    fn resumes_from_its_serialised_form(gradients in prop::collection::vec(-3.0..3.0_f32, 8), noise in prop::option::of(0.1..4.0_f64)) {
        let mut weights = vec![0.5_f32; 8];
        let mut optimizer = AdamW::new(config(noise), &[8]);
        optimizer.update(&mut [&mut weights], &[&gradients], 1e-2).unwrap();
        let mut restored: AdamW = serde_json::from_str(&serde_json::to_string(&optimizer).unwrap()).unwrap();
        prop_assert_eq!(&restored, &optimizer);
        prop_assert_eq!(&AdamW::restore(config(noise), optimizer.moments().to_vec(), 1), &optimizer);
        let mut again = weights.clone();
        optimizer.update(&mut [&mut weights], &[&gradients], 1e-2).unwrap();
        restored.update(&mut [&mut again], &[&gradients], 1e-2).unwrap();
        prop_assert_eq!(weights, again);
    }

    #[test]
    fn the_learning_rate_stays_between_zero_and_the_peak(
        peak in 1e-6..1.0_f64, warmup in 0..50_u64, after in 1..200_u64, schedule in prop::sample::select(vec![Schedule::Constant, Schedule::Linear, Schedule::Cosine]),
    ) {
        let rate = LearningRate { peak, schedule, warmup_steps: warmup, steps: warmup + after };
        let rates: Vec<f64> = (1..=warmup + after).map(|step| rate.at(step)).collect();
        prop_assert!(rates.iter().all(|&rate| rate > 0.0 && rate <= peak));
        let (up, down) = rates.split_at(warmup as usize);
        prop_assert!(up.windows(2).all(|w| w[0] < w[1]) && down.windows(2).all(|w| w[0] >= w[1]));
        prop_assert!((down[0] - peak).abs() < 1e-15);
        let past = rate.at(warmup + after + 1);
        prop_assert_eq!(past > 1e-15, schedule == Schedule::Constant);
    }
}

#[test]
fn the_first_step_has_the_size_of_the_learning_rate() {
    let mut weights = [1.0_f32, 1.0];
    let config = AdamWConfig { weight_decay: 0.0, ..config(None) };
    AdamW::new(config, &[2]).update(&mut [&mut weights], &[&[123.0, -1e-3]], 0.25).unwrap();
    assert!((weights[0] - 0.75).abs() < 1e-6 && (weights[1] - 1.25).abs() < 1e-4, "{weights:?}");
}

#[test]
fn weight_decay_does_not_pass_through_the_moments() {
    let mut weights = [2.0_f32];
    let mut optimizer = AdamW::new(AdamWConfig { weight_decay: 0.5, ..config(None) }, &[1]);
    optimizer.update(&mut [&mut weights], &[&[0.0]], 0.1).unwrap();
    assert!((weights[0] - 1.9).abs() < 1e-6, "{weights:?}");
    assert_eq!(optimizer.moments()[0], Moments { first: vec![0.0], second: vec![0.0] });
}

/// With pure noise of variance Φ the corrected second moment falls to the floor, the uncorrected one does not.
#[test]
fn bias_correction_removes_the_noise_from_the_second_moment() {
    let direction = |noise, second| AdamWConfig { epsilon: 1e-2, ..config(noise) }.direction(0.1, second);
    assert!((direction(Some(4.0), 4.25) - 0.1 / 0.5).abs() < 1e-12);
    assert!((direction(Some(4.0), 3.9) - 0.1 / 1e-2).abs() < 1e-12);
    assert!((direction(None, 4.0) - 0.1 / 2.01).abs() < 1e-12);
}

#[test]
fn a_refused_step_changes_nothing() {
    let mut optimizer = AdamW::new(config(None), &[2, 1]);
    let (mut a, mut b) = ([1.0_f32, 2.0], [3.0_f32]);
    let before = optimizer.clone();
    for bad in [f32::NAN, f32::INFINITY] {
        let result = optimizer.update(&mut [&mut a, &mut b], &[&[1.0, 1.0], &[bad]], 0.1);
        assert!(matches!(result, Err(Error::GradientNotFinite { tensor: 1 })), "{result:?}");
    }
    let result = optimizer.update(&mut [&mut a, &mut b], &[&[1.0], &[1.0]], 0.1);
    assert!(matches!(result, Err(Error::GradientShape { tensor: 0, expected: 2, found: 1 })), "{result:?}");
    let result = optimizer.update(&mut [&mut a], &[&[1.0, 1.0]], 0.1);
    assert!(matches!(result, Err(Error::TensorCount { expected: 2, found: 1 })), "{result:?}");
    assert_eq!((optimizer, a, b), (before, [1.0, 2.0], [3.0]));
}

#[test]
fn the_shapes_of_the_learning_rate() {
    let at = |schedule, step| LearningRate { peak: 8.0, schedule, warmup_steps: 4, steps: 8 }.at(step);
    let all = |schedule| (1..=8).map(|step| at(schedule, step)).collect::<Vec<_>>();
    assert_eq!(all(Schedule::Constant), [2.0, 4.0, 6.0, 8.0, 8.0, 8.0, 8.0, 8.0]);
    assert_eq!(all(Schedule::Linear), [2.0, 4.0, 6.0, 8.0, 8.0, 6.0, 4.0, 2.0]);
    assert!((at(Schedule::Cosine, 7) - 4.0).abs() < 1e-12);
    assert!((at(Schedule::Cosine, 6) - 4.0 * (1.0 + 0.5_f64.sqrt())).abs() < 1e-12);
}
