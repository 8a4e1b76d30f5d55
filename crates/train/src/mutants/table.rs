//! Every mutant, and the one test that must see it.

use std::process::{Command, Output};
use std::sync::OnceLock;

use privet_model::gradients;
use rayon::prelude::*;

use crate::clip::ClipBound;

/// Names the mutant that a test process is.
const VARIABLE: &str = "PRIVET_MUTANT";

/// What a mutant breaks is said by its name, and where by [`Mutant::seen_by`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    NothingIsClipped,
    BatchIsClipped,
    MeanIsClipped,
    EveryLayerGetsC,
    NormWithoutATensor,
    FaultsPass,
    NormInHalf,
    NoiseWithoutC,
    DividedTwice,
    NoiseOfAReplica,
    StepsShareNoise,
    TensorsShareNoise,
    ConstantSeed,
    ATensorWithoutNoise,
    NoiseInHalf,
    Shuffled,
    BatchIsCut,
    DividedByTheBatch,
    NoBatchIsEmpty,
    RateFromTheData,
    ResumedStepsAreFree,
    ReleasedBeforeTheLedger,
    LossOverTheBatch,
    EveryRowIsAUnit,
    StoppedByTheLoss,
    LongestDecides,
}

use Mutant as M;

const ALL: [M; 26] = [
    M::NothingIsClipped,
    M::BatchIsClipped,
    M::MeanIsClipped,
    M::EveryLayerGetsC,
    M::NormWithoutATensor,
    M::FaultsPass,
    M::NormInHalf,
    M::NoiseWithoutC,
    M::DividedTwice,
    M::NoiseOfAReplica,
    M::StepsShareNoise,
    M::TensorsShareNoise,
    M::ConstantSeed,
    M::ATensorWithoutNoise,
    M::NoiseInHalf,
    M::Shuffled,
    M::BatchIsCut,
    M::DividedByTheBatch,
    M::NoBatchIsEmpty,
    M::RateFromTheData,
    M::ResumedStepsAreFree,
    M::ReleasedBeforeTheLedger,
    M::LossOverTheBatch,
    M::EveryRowIsAUnit,
    M::StoppedByTheLoss,
    M::LongestDecides,
];

const REPLAY: &str = "selftest::replay::tests::neighbours_differ_by_at_most_c";
const ORACLE: &str = "engine::tests::the_clipped_sum_is_that_of_one_unit_at_a_time_for_any_physical_batch";
const STEP: &str = "clip::step_audit::tests::the_real_step_is_as_private_as_it_says_and_hardly_more";
const INCLUSION: &str = "sampler::tests::inclusion_is_independent_with_the_rate_asked_for";
const MOMENTS: &str = "engine::loop_tests::what_the_optimizer_saw_is_the_planned_noise";
const CHARGES: &str = "engine::loop_tests::every_step_is_charged_and_none_twice_over_a_rollback";
const RARE: &str = "engine::loop_tests::batches_are_as_rare_as_the_plan_says_and_empty_ones_count";

impl Mutant {
    /// The test that must fail.
    fn seen_by(self) -> &'static str {
        match self {
            M::NothingIsClipped | M::EveryLayerGetsC | M::LongestDecides => REPLAY,
            M::BatchIsClipped | M::MeanIsClipped | M::NormWithoutATensor | M::LossOverTheBatch | M::EveryRowIsAUnit => {
                ORACLE
            }
            M::FaultsPass => "clip::tests::short_gradients_are_left_alone_and_faults_are_dropped_whole",
            M::NormInHalf => "clip::tests::nothing_longer_than_the_bound_gets_through",
            M::NoiseWithoutC | M::NoiseOfAReplica => STEP,
            M::StepsShareNoise
            | M::TensorsShareNoise
            | M::ATensorWithoutNoise
            | M::DividedTwice
            | M::DividedByTheBatch => MOMENTS,
            M::ConstantSeed => "keys::tests::the_operating_system_gives_new_keys_each_time",
            M::NoiseInHalf => "noise::tests::agrees_with_one_element_at_a_time",
            M::Shuffled | M::BatchIsCut => INCLUSION,
            M::NoBatchIsEmpty | M::RateFromTheData => RARE,
            M::ResumedStepsAreFree | M::StoppedByTheLoss => CHARGES,
            M::ReleasedBeforeTheLedger => "engine::loop_tests::a_step_that_cannot_be_charged_changes_nothing",
        }
    }
}

/// The mutant that this process is.
pub(crate) fn running() -> Option<Mutant> {
    static RUNNING: OnceLock<Option<Mutant>> = OnceLock::new();
    *RUNNING.get_or_init(|| {
        let name = std::env::var(VARIABLE).ok()?;
        Some(ALL.into_iter().find(|mutant| format!("{mutant:?}") == name).expect("a mutant of this name"))
    })
}

/// Norms as this process's mutant takes them.
pub(crate) fn norms(squares: &[Vec<f32>]) -> Vec<f32> {
    let norms = gradients::norms(squares);
    let all = |norm: f32| vec![norm; norms.len()];
    match running() {
        Some(M::NormWithoutATensor) => gradients::norms(&squares[1..]),
        Some(M::NormInHalf) => norms.into_iter().map(half).collect(),
        Some(M::BatchIsClipped) => all(norms.iter().map(|norm| norm * norm).sum::<f32>().sqrt()),
        Some(M::MeanIsClipped) => all(norms.iter().sum::<f32>() / norms.len() as f32),
        Some(M::LongestDecides) => all(norms.iter().copied().fold(0.0, f32::max)),
        _ => norms,
    }
}

/// Clip factors where each loss was divided by the size of its physical batch.
pub(crate) fn factors_of_a_mean_loss(bound: ClipBound, squares: &[Vec<f32>], units: usize) -> Vec<Vec<f32>> {
    let share = 1.0 / units as f32;
    let scaled = |values: &[Vec<f32>], by: f32| -> Vec<Vec<f32>> {
        values.iter().map(|slot| slot.iter().map(|value| value * by).collect()).collect()
    };
    scaled(&bound.factors(&scaled(squares, share * share), units), share)
}

/// Rounded to bfloat16, towards zero.
pub(crate) fn half(value: f32) -> f32 {
    f32::from_bits(value.to_bits() & 0xffff_0000)
}

fn run(test: &str, mutant: Option<Mutant>) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--test-threads=1"]).env_remove(VARIABLE);
    if let Some(mutant) = mutant {
        command.env(VARIABLE, format!("{mutant:?}"));
    }
    command.output().unwrap()
}

/// That a test passes without a mutant is seen when it runs by itself.
#[test]
fn every_mutant_is_seen_by_the_test_that_is_there_for_it() {
    assert_eq!(running(), None, "this process is one");
    let alive = |mutant: &M| {
        let test = mutant.seen_by();
        let output = run(test, Some(*mutant));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("running 1 test"), "{mutant:?}: there is no test {test}");
        // A test that fails prints its name; a process that died for another reason does not.
        !said.contains(&format!("test {test} ... FAILED"))
    };
    let alive: Vec<M> = ALL.par_iter().filter(|mutant| alive(mutant)).copied().collect();
    assert!(alive.is_empty(), "nobody saw {alive:?}");
}
