//! Runs with banded noise, seen from outside: what the optimizer got, what is charged over interruptions, and when a run ends.

use privet_dp::banded::coefficients;

use super::*;

/// `bands` groups of a data set of 40 units; four are expected in a batch, and z is the noise multiplier.
fn run(bands: u64, steps: u64, z: f64) -> Loop {
    let more = json!({ "noise_multiplier": z, "noise": "banded", "banded": { "bands": bands } });
    Loop::planned(more, (4, 40, steps), json!({})).unwrap()
}

/// Mean gradients of the steps that one process did, from the first moments after each; `before` the first.
fn gradients(run: &Loop, steps: u64, mut before: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let mut all = Vec::new();
    for step in 1..=steps {
        let now = run.moments_in(run.dir.path().join(format!("checkpoint-{step}")));
        let of = |(now, then): (&f64, &f64)| (now - 0.9 * then) / 0.1;
        all.push(now.iter().flatten().zip(before.iter().flatten()).map(of).collect());
        before = now;
    }
    all
}

/// C, as a whole matrix, applied to the noise that reached the optimizer, gives noise of the planned size, new in each step; so it does
/// in the process after it, which begins without a past.
#[test]
fn the_optimizer_gets_noise_that_the_strategy_matrix_makes_fresh() {
    let run = run(4, 12, 100.0);
    let zero: Vec<Vec<f64>> = engine(&run.plan).1.trained.values.iter().map(|tensor| vec![0.0; tensor.len()]).collect();
    assert_eq!(run.train(7).1, 7);
    let first = gradients(&run, 7, zero);
    let before = run.moments();
    assert_eq!(run.train(4).1, 11);
    let second = gradients(&run, 4, before);
    let (c, planned) = (coefficients(4), 100.0 * 0.5 / 4.0);
    let fresh = |added: &[Vec<f64>]| -> Vec<Vec<f64>> {
        let row = |t: usize| {
            let terms = (0..=t).filter(|s| t - s < c.len()).collect::<Vec<_>>();
            (0..added[t].len()).map(|i| terms.iter().map(|s| c[t - s] * added[*s][i]).sum()).collect()
        };
        (0..added.len()).map(row).collect()
    };
    let z: Vec<Vec<f64>> = fresh(&first).into_iter().chain(fresh(&second)).collect();
    for (index, step) in z.iter().enumerate() {
        let off = (square_mean(step) / (planned * planned) - 1.0).abs() / (2.0 / step.len() as f64).sqrt();
        assert!(off < 6.0, "step {index}: {} for {planned}", square_mean(step).sqrt());
        for (other, before) in z[..index].iter().enumerate() {
            assert!(correlation(step, before).abs() < 6.0, "steps {index} and {other}");
        }
    }
    // What was added is not fresh itself, and the second process took nothing of the first back.
    assert!(correlation(&first[3], &first[4]).abs() > 6.0);
    assert!(correlation(&first[6], &second[0]).abs() < 6.0);
    assert!((square_mean(&second[0]).sqrt() * c[0] / planned - 1.0).abs() < 0.1);
}

/// 12 steps in groups of 5 pay for three turns. An interruption after 6 steps has begun two of them; the third carries five steps.
#[test]
fn turns_add_up_over_processes_and_the_run_stops_within_its_plan() {
    let run = run(5, 12, 1.0);
    assert_eq!(run.plan.privacy.turns(), 3);
    let planned = run.plan.epsilon_after(3).unwrap();
    assert!(matches!(run.train(6), (Err(Error::Interrupted), 6)));
    let (trained, charged) = run.train(u64::MAX);
    let trained = trained.unwrap();
    assert_eq!((charged, trained.steps_done, trained.stopped_by_budget), (11, 11, true));
    let (trained, charged) = run.train(u64::MAX);
    assert_eq!((charged, trained.unwrap().steps_done), (11, 11), "no turn is left");
    let folder = run.folder();
    let text = std::fs::read_to_string(ledger(&folder)).unwrap();
    let ledger = privet_dp::ledger::parse(&text).unwrap();
    assert_eq!((ledger.turns(), ledger.segments()), (3, 2));
    let guarantee = privet_dp::guarantee(&ledger).unwrap();
    assert_eq!(guarantee.epsilon.get().to_bits(), planned.to_bits());
    let log = std::fs::read_to_string(folder.public("public.jsonl")).unwrap();
    let so_far: Vec<f64> =
        log.lines().map(|line| serde_json::from_str::<logs::Public>(line).unwrap().epsilon).collect();
    let turns = |count| run.plan.epsilon_after(count).unwrap();
    for (index, epsilon) in so_far.iter().enumerate() {
        let count = [1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3][index];
        assert_eq!(epsilon.to_bits(), turns(count).to_bits(), "after {} steps", index + 1);
    }
}

/// Weights of an earlier step come back: the lost steps stay charged, with the turns that they took.
#[test]
fn a_rollback_costs_a_turn() {
    let run = run(4, 16, 1.0);
    assert!(matches!(run.train(1), (Err(Error::Interrupted), 1)));
    let early = std::fs::read(run.checkpoint()).unwrap();
    assert!(matches!(run.train(4), (Err(Error::Interrupted), 5)));
    std::fs::write(run.checkpoint(), early).unwrap();
    let (trained, charged) = run.train(u64::MAX);
    // Four turns are planned, two are gone; the other two carry eight steps, from step 2 on.
    assert_eq!((charged, trained.unwrap().steps_done), (13, 9));
    let whole = super::banded::run(4, 16, 1.0);
    assert_eq!(whole.train(u64::MAX).0.unwrap().steps_done, 16);
}

/// The noise for a target is that of independent noise with as many steps as there are turns, at a group's rate.
#[test]
fn the_target_is_met_with_the_banded_event() {
    let more = json!({ "epsilon": 2.0, "noise": "banded", "banded": { "bands": 4 } });
    let banded = Loop::planned(more, (4, 400, 30), json!({})).unwrap().plan;
    let plain = Loop::planned(json!({ "epsilon": 2.0 }), (16, 400, 8), json!({})).unwrap().plan;
    assert_eq!(banded.privacy.noise_multiplier, plain.privacy.noise_multiplier);
    assert_eq!(banded.privacy.banded.unwrap().group_sampling_rate, plain.privacy.sampling_rate);
    let costs = |epsilon: f64, other: f64| assert_eq!(epsilon.to_bits(), other.to_bits());
    costs(banded.epsilon_after(banded.privacy.turns()).unwrap(), plain.epsilon_after(8).unwrap());
    let whole = privet_dp::account(&banded.whole_event(), banded.privacy.delta, banded.privacy.adjacency).unwrap();
    assert!(whole.epsilon_upper.get() <= 2.0 && whole.epsilon_upper.get() > 1.99);
    // One band is what independent noise is.
    let one = json!({ "epsilon": 2.0, "noise": "banded", "banded": { "bands": 1 } });
    let one = Loop::planned(one, (16, 400, 8), json!({})).unwrap().plan;
    assert_eq!(one.privacy.noise_multiplier, plain.privacy.noise_multiplier);
    costs(one.epsilon_after(8).unwrap(), plain.epsilon_after(8).unwrap());
    assert!(!plain.to_json().contains("banded"), "plans without banded noise are as they were");
}

#[test]
fn what_is_not_proven_is_refused_by_its_key() {
    let key = |more: Value, train: Value| match Loop::planned(more, (4, 40, 12), train).map(|_| ()) {
        Err(Error::Config { key, .. }) => key,
        other => panic!("{other:?}"),
    };
    let with = |bands: u64| json!({ "noise_multiplier": 1.0, "noise": "banded", "banded": { "bands": bands } });
    assert_eq!(key(with(0), json!({})), "privacy.banded.bands");
    assert_eq!(key(with(13), json!({})), "privacy.banded.bands");
    // A group of a fortieth has no four units.
    assert_eq!(key(with(11), json!({})), "privacy.banded.bands");
    Loop::planned(with(10), (4, 40, 12), json!({})).unwrap();
    assert_eq!(key(json!({ "noise_multiplier": 1.0, "noise": "banded" }), json!({})), "privacy.banded");
    assert_eq!(key(json!({ "noise_multiplier": 1.0, "banded": { "bands": 2 } }), json!({})), "privacy.banded");
    let mut adaptive = with(2);
    adaptive["clipping"] = json!("adaptive");
    assert_eq!(key(adaptive, json!({})), "privacy.clipping");
    assert_eq!(key(with(2), json!({ "bias_correction": true })), "train.bias_correction");
    for clipping in ["flat", "per-layer", "automatic"] {
        let mut other = with(2);
        other["clipping"] = json!(clipping);
        Loop::planned(other, (4, 40, 12), json!({})).unwrap();
    }
}
