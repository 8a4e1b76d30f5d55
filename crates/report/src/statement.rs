//! The guarantee in words that a reader without the field's training can act on.
//!
//! Every sentence follows from a value of the plan, the ledger or the guarantee; none of them promises more than the
//! mechanism gives.

use privet_dp::{Adjacency, Guarantee};

use crate::folder::{Banded, Plan, PlanStage};
use crate::verify::Verified;
use crate::words::{self, clean, count, number};
use crate::{GroupFigure, LedgerSummary, ReadingPoint, Scope, StageScope, Statement};

/// False alarm rates at which the reading is given.
const FALSE_POSITIVE_RATES: [f64; 2] = [0.001, 0.01];

/// Group sizes for which the guarantee is spelled out.
const GROUPS: [u64; 3] = [2, 4, 8];

/// An epsilon above this says little about the worst case.
const WEAK_EPSILON: f64 = 10.0;

/// The statement in prose.
pub(crate) fn statement(run: &Verified, reading: &[ReadingPoint], ledger: &LedgerSummary, scope: &Scope) -> Statement {
    let guarantee = &run.guarantee;
    Statement {
        headline: format!(
            "Releasing the folder public/ of the run {} is differentially private with {}, if the assumptions listed in \
             this report hold.",
            clean(&run.plan.name),
            phrase(guarantee)
        ),
        paragraphs: vec![
            meaning(guarantee, reading),
            mechanism(run, ledger),
            "What is released is everything in public/: the plan, the ledger, the trained weights, the public log and the \
             evaluation on public text. Nothing in private/ is covered."
                .to_owned(),
            scope.covers.clone(),
        ],
    }
}

fn phrase(guarantee: &Guarantee) -> String {
    words::guarantee(guarantee.epsilon.get(), guarantee.delta.get(), guarantee.privacy_unit, guarantee.adjacency)
}

fn meaning(guarantee: &Guarantee, reading: &[ReadingPoint]) -> String {
    let unit = words::unit_name(guarantee.privacy_unit);
    let neighbours = words::neighbours(guarantee.privacy_unit, guarantee.adjacency);
    let tests: Vec<String> = reading
        .iter()
        .map(|point| {
            let found = words::percent_up(point.true_positive_rate_max);
            format!(
                "finds it in at most {found} of cases at {} false alarms",
                words::percent_up(point.false_positive_rate)
            )
        })
        .collect();
    let question = match guarantee.adjacency {
        Adjacency::AddRemove | Adjacency::ZeroOut => format!("whether any one {unit} was used"),
        Adjacency::ReplaceOne => format!("which of two contents any one {unit} had"),
    };
    format!(
        "This bounds how well anyone, with any knowledge and any computing power, can tell from the release {question}: \
         a test {}. The two data sets compared are such that {neighbours}.",
        tests.join(", and ")
    )
}

fn mechanism(run: &Verified, ledger: &LedgerSummary) -> String {
    let (plan, unit) = (&run.plan, words::unit_name(run.guarantee.privacy_unit));
    let privacy = &plan.privacy;
    let charged = run.guarantee.steps_charged;
    let again = match ledger.charged_again {
        0 => "none was charged twice".to_owned(),
        again => format!(
            "{} repeated after an interruption and charged again",
            if again == 1 { "1 was".to_owned() } else { format!("{again} were") }
        ),
    };
    let (name, draws, added) = match privacy.banded {
        None => {
            let rate = number(privacy.sampling_rate.get());
            (
                "DP-SGD",
                format!("draws every {unit} by its own coin (Poisson sampling, rate {rate})"),
                "adds Gaussian noise",
            )
        }
        Some(Banded { bands, group_sampling_rate, .. }) => {
            let rate = number(group_sampling_rate.get());
            let draws = format!(
                "draws from one of {bands} groups, which take turns, every {unit} by its own coin (cyclic Poisson sampling, rate \
                 {rate} in its turn)"
            );
            (
                "DP-SGD with banded noise (DP-BandMF, arXiv 2306.08153)",
                draws,
                "adds correlated noise, made from Gaussian noise",
            )
        }
    };
    format!(
        "The mechanism is {name}. Each step {draws}, clips the \
         {unit}'s gradient to L2 norm {}, {added} of standard deviation {} to the sum (noise multiplier {}, \
         sensitivity {}) and divides by the public constant {}. {}{}{} charged, up to step {} of {} planned; {again}. The \
         figure was computed with {}.",
        number(privacy.max_grad_norm),
        number(privacy.noise_multiplier.get() * privacy.sensitivity),
        number(privacy.noise_multiplier.get()),
        number(privacy.sensitivity),
        number(privacy.expected_batch_size),
        adaptive(plan, unit),
        turns(run, unit),
        if charged == 1 { "1 noisy release is".to_owned() } else { format!("{charged} noisy releases are") },
        ledger.steps_reached,
        privacy.steps,
        words::method(run.guarantee.engine, run.guarantee.order),
    )
}

/// What steps with banded noise cost together.
fn turns(run: &Verified, unit: &str) -> String {
    let Some(banded) = run.plan.privacy.banded else { return String::new() };
    format!(
        "The noise of a step is taken back, in part, by the {} steps after it. A {unit}'s group is drawn at random, once for each process that trains \
         ({} on the ledger); all of them together gave a {unit} at most {} of the {} planned, and these, not the steps, are what is charged. ",
        banded.bands - 1,
        count(run.ledger.segments().into(), "segment"),
        count(run.ledger.turns(), "turn"),
        banded.turns,
    )
}

/// What moves where the clipping norm does.
fn adaptive(plan: &Plan, unit: &str) -> String {
    let Some(adaptive) = plan.privacy.adaptive_clip else { return String::new() };
    format!(
        "These are the first step's norm, noise and sensitivity; after it the norm follows the quantile {} of the gradients' lengths, and \
         the others move with it, so that the noise multiplier stays. For that each step also releases how many {unit}s were \
         short enough, with Gaussian noise of standard deviation {} (noise multiplier {}); both together are charged. ",
        number(adaptive.target_unclipped_quantile),
        number(adaptive.unclipped_num_std),
        number(adaptive.unclipped_noise_multiplier.get()),
    )
}

/// What is covered and what not.
pub(crate) fn scope(run: &Verified) -> Scope {
    let plan = &run.plan;
    let stages: Vec<StageScope> =
        plan.stages.iter().map(|stage| StageScope { name: clean(&stage.name), stability: stage.stability }).collect();
    let reach = reach(&plan.stages);
    Scope {
        released: RELEASED.map(str::to_owned).to_vec(),
        end_to_end: reach.is_some_and(|reach| reach <= 1),
        covers: covers(run, &stages, reach),
        stages,
        not_covered: not_covered(plan),
    }
}

/// Training records that one input record can change: the product over the stages, if each has a bound.
fn reach(stages: &[PlanStage]) -> Option<u64> {
    stages.iter().try_fold(1u64, |reach, stage| reach.checked_mul(stage.stability?))
}

fn covers(run: &Verified, stages: &[StageScope], reach: Option<u64>) -> String {
    let (guarantee, unit) = (&run.guarantee, words::unit_name(run.guarantee.privacy_unit));
    let names: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
    match reach {
        _ if stages.is_empty() => {
            "The guarantee is for the texts as training read them; the plan names no stage before training.".to_owned()
        }
        Some(..=1) => format!(
            "The guarantee is for the corpus as it came in: {} before training ({}) lets one input {unit} change at most \
             one training {unit}, so epsilon and delta pass through unchanged.",
            if names.len() == 1 { "the stage" } else { "every stage" },
            names.join(", ")
        ),
        Some(reach) => {
            let figure = group(guarantee.epsilon.get(), guarantee.delta.get(), reach);
            let bound = match figure.delta {
                Some(delta) => format!(
                    "for the corpus as it came in, {} holds",
                    words::guarantee(
                        figure.epsilon,
                        words::delta_up(delta),
                        guarantee.privacy_unit,
                        guarantee.adjacency
                    )
                ),
                None => "for the corpus as it came in, nothing is guaranteed".to_owned(),
            };
            format!(
                "The guarantee is for the texts as training read them. One input {unit} can change up to {reach} of them \
                 through the stages before training ({}); by group privacy, {bound}.",
                names.join(", ")
            )
        }
        None => {
            let unbounded: Vec<&str> =
                stages.iter().filter(|stage| stage.stability.is_none()).map(|stage| stage.name.as_str()).collect();
            format!(
                "The guarantee is for the texts as training read them, not for the corpus as it came in: no bound is \
                 claimed for {}, where one input {unit} may change any number of training texts.",
                unbounded.join(", ")
            )
        }
    }
}

const RELEASED: [&str; 6] = [
    "public/plan.json",
    "public/ledger.jsonl",
    "public/adapter or public/model: the trained weights",
    "public/public.jsonl: step and guarantee so far",
    "public/selftest.json, where it was made: without the corpus",
    "public/evaluation.json and this report: computed from the above and from public text",
];

fn not_covered(plan: &Plan) -> Vec<String> {
    let base = format!(
        "the data on which the base model {} was pre-trained, and its tokenizer: both were fixed before this run",
        clean(&plan.model.base_model)
    );
    [
        "everything in private/: scrubbed text, counts, losses, batch sizes, audit, checkpoints, and the non-private control",
        &base,
        "choices made by looking at private results: hyper-parameters, when to stop, which of several runs to publish. Each \
         run on the same data spends its own budget, and the budgets add up",
        "anything about the corpus that is told besides this release, such as its size or its sources",
        "what an observer of the machine learns: time per step, memory, power. They follow the realised batch size",
        "the gap between real numbers and floating point: the proof is about real numbers; sums and noise are rounded",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// What differential privacy does not do, whatever its numbers.
pub(crate) fn limits() -> Vec<String> {
    [
        "The guarantee is about single units. A fact that many units state is not hidden by it, and can be learned on purpose.",
        "A person whose data fills several units is protected less, as the figures for groups show.",
        "Scrubbing replaces what its recognizers find. Names, rare phrasings and whatever they miss remain in the training \
         text; the bound from training holds for them too, no more and no less.",
        "An audit gives a lower bound from one attack. A low figure does not show that no better attack exists.",
        "This report is not a legal assessment.",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// What a reader should not miss.
pub(crate) fn warnings(run: &Verified, scope: &Scope) -> Vec<String> {
    let guarantee = &run.guarantee;
    let mut warnings = Vec::new();
    if guarantee.epsilon.get() > WEAK_EPSILON {
        warnings.push(format!("{} is a weak guarantee: the worst case is hardly bounded.", phrase(guarantee)));
    }
    if !scope.end_to_end {
        warnings.push("The guarantee does not hold for the corpus as it came in; see what it covers.".to_owned());
    }
    if guarantee.steps_charged == 0 {
        warnings
            .push("No step has been charged yet: the guarantee is about a run that has released nothing.".to_owned());
    }
    warnings
}

/// How well any test can do: `TPR ≤ min(e^ε·FPR + δ, 1 − e^{−ε}·(1 − δ − FPR))` (Kairouz, Oh and Viswanath, ICML 2015).
pub(crate) fn reading(guarantee: &Guarantee) -> Vec<ReadingPoint> {
    let (epsilon, delta) = (guarantee.epsilon.get(), guarantee.delta.get());
    FALSE_POSITIVE_RATES
        .map(|false_positive_rate| {
            let few = epsilon.exp() * false_positive_rate + delta;
            let many = 1.0 - (-epsilon).exp() * (1.0 - delta - false_positive_rate);
            ReadingPoint { false_positive_rate, true_positive_rate_max: few.min(many).min(1.0) }
        })
        .to_vec()
}

/// The guarantee for several units at once.
pub(crate) fn groups(run: &Verified) -> Vec<GroupFigure> {
    GROUPS.map(|units| of_several(run, units)).to_vec()
}

/// The guarantee for units that are all there or all gone, by their own law where it is known (see [`privet_dp::groups`]).
pub(crate) fn of_several(run: &Verified, units: u64) -> GroupFigure {
    let (guarantee, event) = (&run.guarantee, run.ledger.composed_event());
    let size = u32::try_from(units).unwrap_or(u32::MAX);
    let bounds = privet_dp::groups(&event, guarantee.delta, guarantee.adjacency, size..=size).unwrap_or_default();
    let plain = group(guarantee.epsilon.get(), guarantee.delta.get(), units);
    bounds.first().filter(|bound| bound.epsilon.get().is_finite()).map_or(plain, |bound| GroupFigure {
        units,
        epsilon: bound.epsilon.get(),
        delta: Some(bound.delta.get()),
    })
}

/// Group privacy for any two data sets that differ in `k` units: `(k·ε, δ·Σ_{i<k} e^{i·ε})`.
///
/// Proof: change the units one by one; each change costs a factor `e^ε` and adds δ, and what was added before is
/// multiplied by the factors that follow.
pub(crate) fn group(epsilon: f64, delta: f64, units: u64) -> GroupFigure {
    let mut total = 0.0;
    for index in 0..units {
        total += delta * (epsilon * index as f64).exp();
        if total >= 1.0 {
            break;
        }
    }
    // Each term and each sum may have been rounded down by a last digit.
    let total = total * (1.0 + 1e-12);
    GroupFigure { units, epsilon: (epsilon * units as f64).next_up(), delta: (total < 1.0).then_some(total) }
}

/// Steps in words, for the short statement.
pub(crate) fn steps(charged: u64, ledger: &LedgerSummary, planned: u64) -> String {
    let again = match ledger.charged_again {
        0 => String::new(),
        again => format!(", {again} of them again after an interruption"),
    };
    format!("{} charged{again}, up to step {} of {planned}", count(charged, "noisy release"), ledger.steps_reached)
}
