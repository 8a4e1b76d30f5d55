//! From files to a guarantee that may be stated.
//!
//! The order matters: the ledger is checked against its own rules, the plan's bytes against the hash in the ledger's
//! first line, and only then is the plan believed and every charge compared with it. The guarantee is computed from the
//! ledger; an epsilon in a file is looked at only to refuse it if it is too small.
//!
//! Invariant: a [`Verified`] exists only if plan and ledger agree on unit, adjacency, delta, sampling rate and noise, the
//! steps stay within the plan, delta is below 1/N, and epsilon does not exceed the plan's target.

use std::path::Path;

use privet_dp::ledger::{self, Ledger};
use privet_dp::{Event, Guarantee, SamplingRate, account, sensitivity};

use crate::folder::{self, Banded, Plan, PublicLine};
use crate::{CurvePoint, Error, words};

/// Points of the curve at most.
const CURVE_POINTS: u64 = 60;

/// Relative room for the last digits of a stored epsilon.
const SLACK: f64 = 1e-9;

/// A run whose files agree.
pub(crate) struct Verified {
    pub(crate) plan: Plan,
    pub(crate) ledger: Ledger,
    pub(crate) guarantee: Guarantee,
    pub(crate) curve: Vec<CurvePoint>,
    /// How often a unit may have taken part after so many lines of the ledger.
    pub(crate) turns: Vec<u64>,
    /// The ledger's text, for checks against records of its length.
    pub(crate) ledger_text: String,
}

/// Checks the public folder of a run.
pub(crate) fn verify(run: &Path) -> Result<Verified, Error> {
    let public = run.join("public");
    let plan_text = folder::required(public.join("plan.json"))?;
    let path = public.join("ledger.jsonl");
    let ledger_text = folder::required(path.clone())?;
    let ledger = ledger::parse(&ledger_text).map_err(|source| Error::Ledger { path, source })?;
    let found = blake3::hash(plan_text.as_bytes()).to_hex().to_string();
    if found != ledger.genesis().plan_hash {
        return Err(Error::PlanChanged { expected: ledger.genesis().plan_hash.clone(), found });
    }
    let path = public.join("plan.json");
    let plan: Plan = folder::parse(&plan_text, &path)?;
    folder::require_format(&path, &plan.format, folder::PLAN_FORMAT)?;
    check_plan(&plan)?;
    check_genesis(&plan, &ledger)?;
    check_charges(&plan, &ledger)?;
    let guarantee = privet_dp::guarantee(&ledger)?;
    check_target(&plan, &guarantee)?;
    let turns = turns_of(&plan, &ledger);
    let curve = curve(&plan, &guarantee, &turns)?;
    let verified = Verified { plan, ledger, guarantee, curve, turns, ledger_text };
    check_public_log(&verified, &public.join("public.jsonl"))?;
    Ok(verified)
}

/// The privacy event of one step of the plan.
fn planned_event(plan: &Plan) -> Event {
    let privacy = &plan.privacy;
    let (sampling_rate, noise_multiplier) = (privacy.sampling_rate, privacy.noise_multiplier);
    match (privacy.banded, privacy.adaptive_clip) {
        (Some(Banded { bands, group_sampling_rate, .. }), _) => Event::BandedMatrixFactorization {
            steps: 1,
            bands,
            sampling_rate: Some(group_sampling_rate),
            noise_multiplier,
        },
        (None, None) => Event::PoissonSampledGaussian { sampling_rate, noise_multiplier },
        (None, Some(adaptive)) => Event::PoissonSampledGaussians {
            sampling_rate,
            noise_multipliers: vec![noise_multiplier, adaptive.unclipped_noise_multiplier],
        },
    }
}

fn mismatch<T: std::fmt::Debug + PartialEq>(
    field: &'static str,
    place: &str,
    found: &T,
    expected: &T,
) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    let (found, expected) = (format!("{found:?}"), format!("{expected:?}"));
    Err(Error::Mismatch { field, place: place.to_owned(), found, expected })
}

/// What must hold inside the plan.
fn check_plan(plan: &Plan) -> Result<(), Error> {
    let privacy = &plan.privacy;
    let expected = sensitivity(privacy.max_grad_norm, privacy.adjacency);
    mismatch("sensitivity", "public/plan.json", &privacy.sensitivity, &expected)?;
    mismatch("adaptive_clip", "public/plan.json", &privacy.adaptive_clip.is_some(), &(privacy.clipping == "adaptive"))?;
    if let Some(adaptive) = privacy.adaptive_clip {
        // A unit moves the count by a half, or from a half to minus a half.
        let expected = adaptive.unclipped_num_std / sensitivity(0.5, privacy.adjacency);
        let found = adaptive.unclipped_noise_multiplier.get();
        mismatch("unclipped_noise_multiplier", "public/plan.json", &found, &expected)?;
    }
    if let Some(banded) = privacy.banded {
        check_banded(plan, banded)?;
    }
    let (delta, bound) = (privacy.delta.get(), privacy.dataset_size_bound);
    if delta * bound as f64 >= 1.0 {
        return Err(Error::DeltaTooLarge { delta, bound });
    }
    Ok(())
}

/// Groups that are drawn at the rate which makes batches of the expected size, turns enough for the steps, and one bound for all.
fn check_banded(plan: &Plan, banded: Banded) -> Result<(), Error> {
    let (privacy, place) = (&plan.privacy, "public/plan.json");
    let turn = privacy.expected_batch_size * banded.bands as f64;
    let rate = SamplingRate::from_ratio(turn as u64, privacy.dataset_size_bound).ok();
    mismatch("banded.group_sampling_rate", place, &Some(banded.group_sampling_rate), &rate)?;
    mismatch("adaptive_clip", place, &privacy.adaptive_clip.is_some(), &false)?;
    mismatch(
        "banded.turns",
        place,
        &Some(banded.turns),
        &privacy.steps.checked_next_multiple_of(banded.bands).map(|steps| steps / banded.bands),
    )
}

fn check_genesis(plan: &Plan, ledger: &Ledger) -> Result<(), Error> {
    let (privacy, genesis, place) = (&plan.privacy, ledger.genesis(), "line 1 of public/ledger.jsonl");
    mismatch("privacy_unit", place, &genesis.privacy_unit, &privacy.privacy_unit)?;
    mismatch("adjacency", place, &genesis.adjacency, &privacy.adjacency)?;
    mismatch("delta", place, &genesis.delta, &privacy.delta)
}

fn check_charges(plan: &Plan, ledger: &Ledger) -> Result<(), Error> {
    let event = planned_event(plan);
    for (index, entry) in ledger.entries().iter().enumerate() {
        if entry.event != event {
            let place = format!("line {} of public/ledger.jsonl", index + 2);
            mismatch("the event", &place, &entry.event, &event)?;
        }
        if entry.step > plan.privacy.steps {
            let place = format!("line {} of public/ledger.jsonl", index + 2);
            let expected = format!("at most {}", plan.privacy.steps);
            return Err(Error::Mismatch { field: "step", place, found: entry.step.to_string(), expected });
        }
    }
    match plan.privacy.banded {
        Some(Banded { turns, .. }) if ledger.turns() > turns => {
            let (place, expected) = ("public/ledger.jsonl".to_owned(), format!("at most {turns}"));
            Err(Error::Mismatch { field: "the number of turns", place, found: ledger.turns().to_string(), expected })
        }
        _ => Ok(()),
    }
}

fn check_target(plan: &Plan, guarantee: &Guarantee) -> Result<(), Error> {
    match plan.privacy.target_epsilon {
        Some(target) if guarantee.epsilon > target => Err(Error::TargetExceeded {
            computed: in_words(guarantee, guarantee.epsilon.get()),
            target: in_words(guarantee, target.get()),
        }),
        _ => Ok(()),
    }
}

/// epsilon in words, with the context of `guarantee`; printed in full, not rounded, so that close figures can be told apart.
fn in_words(guarantee: &Guarantee, epsilon: f64) -> String {
    let context = words::context(guarantee.delta.get(), guarantee.privacy_unit, guarantee.adjacency);
    format!("epsilon = {epsilon} {context}")
}

/// Turns in the first 0, 1, … lines of a verified ledger; without banded noise every line is one.
fn turns_of(plan: &Plan, ledger: &Ledger) -> Vec<u64> {
    let bands = plan.privacy.banded.map_or(1, |banded| banded.bands);
    let (mut turns, mut segment, mut length) = (vec![0], None, 0_u64);
    for entry in ledger.entries() {
        if entry.segment.is_none() || entry.segment != segment {
            (segment, length) = (entry.segment, 0);
        }
        turns.push(turns[turns.len() - 1] + u64::from(length.is_multiple_of(bands)));
        length += 1;
    }
    turns
}

/// epsilon of so many turns. All releases of a verified ledger are alike, so the number is enough.
fn epsilon_after(plan: &Plan, turns: u64) -> Result<f64, Error> {
    let event = Event::Repeated { event: Box::new(planned_event(plan)), count: turns };
    Ok(account(&event, plan.privacy.delta, plan.privacy.adjacency)?.epsilon_upper.get())
}

fn curve(plan: &Plan, guarantee: &Guarantee, turns: &[u64]) -> Result<Vec<CurvePoint>, Error> {
    let last = guarantee.steps_charged;
    let parts = last.min(CURVE_POINTS);
    let inner = (1..parts).map(|part| (u128::from(last) * u128::from(part) / u128::from(parts)) as u64);
    let mut points = Vec::new();
    for charged in inner {
        points.push(CurvePoint { charged, epsilon: epsilon_after(plan, turns[charged as usize])? });
    }
    points.push(CurvePoint { charged: last, epsilon: guarantee.epsilon.get() });
    Ok(points)
}

/// Compares the public log with the ledger: no step without a charge, no epsilon below the computed one.
///
/// The log is a convenience and not synced, so lines that cannot be read are passed over. Epsilons are compared at the
/// steps of the curve and in the last line; a step charged more than once may claim what its first charge gave.
fn check_public_log(run: &Verified, path: &Path) -> Result<(), Error> {
    let Some(text) = folder::text(path)? else { return Ok(()) };
    let lines: Vec<(usize, PublicLine)> = text
        .lines()
        .enumerate()
        .filter_map(|(index, line)| Some((index + 1, serde_json::from_str(line).ok()?)))
        .collect();
    let mut first_charge = Vec::new();
    for (index, entry) in run.ledger.entries().iter().enumerate() {
        if entry.step > first_charge.len() as u64 {
            first_charge.push(index as u64 + 1);
        }
    }
    let last = lines.len().saturating_sub(1);
    for (index, (number, line)) in lines.iter().enumerate() {
        let place = format!("line {number} of public/public.jsonl");
        let charge = line.step.checked_sub(1).and_then(|step| first_charge.get(usize::try_from(step).ok()?));
        let Some(charged) = charge.copied() else {
            let expected = format!("from 1 to {}, the steps that the ledger charges", first_charge.len());
            return Err(Error::Mismatch { field: "step", place, found: line.step.to_string(), expected });
        };
        let computed = match run.curve.binary_search_by_key(&charged, |point| point.charged) {
            Ok(point) => run.curve[point].epsilon,
            Err(_) if index == last => epsilon_after(&run.plan, run.turns[charged as usize])?,
            Err(_) => continue,
        };
        if line.epsilon.is_nan() || line.epsilon < computed * (1.0 - SLACK) {
            let (claimed, computed) = (in_words(&run.guarantee, line.epsilon), in_words(&run.guarantee, computed));
            return Err(Error::ClaimTooSmall { place, claimed, computed });
        }
    }
    Ok(())
}
