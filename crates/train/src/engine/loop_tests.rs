//! The whole loop over a run's folder: what is drawn, noised, charged and saved, seen from outside.

use std::path::Path;

use privet_dp::ledger::Genesis;
use privet_model::{ModelConfig as Architecture, Start, weights::WeightFile};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

use crate::plan::PlanInputs;
use crate::tokens::store::StoreWriter;

mod banded;

type A = burn::backend::Autodiff<burn::backend::Flex>;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/tiny-llama/float32");

/// A run of the tiny model's q projections on three short units.
struct Loop {
    dir: TempDir,
    plan: TrainPlan,
}

impl Loop {
    /// `bound`: units there may be; one of them is expected in a batch.
    fn new(bound: u64, steps: u64, noise_multiplier: f64) -> Self {
        let (batch, no) = (if bound > 100 { 1 } else { 4 }, json!({}));
        Self::planned(json!({ "noise_multiplier": noise_multiplier }), (batch, bound, steps), no).unwrap()
    }

    /// The same with more of its plan as it is written; `batch` of `bound` units in `steps` steps.
    fn planned(more: Value, (batch, bound, steps): (u64, u64, u64), train: Value) -> Result<Self, Error> {
        let dir = tempfile::tempdir().unwrap();
        let mut privacy = json!({
            "privacy_unit": "document", "adjacency": "add-remove", "delta": 1e-6,
            "max_grad_norm": 0.5, "expected_batch_size": batch, "dataset_size_bound": bound, "steps": steps,
        });
        let extend = |whole: &mut Value, more: Value| {
            whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        };
        extend(&mut privacy, more);
        let model = json!({ "base_model": MODEL, "adapter": "none", "unfrozen_parameters": ["*q_proj*", "*norm*"] });
        let mut whole = json!({ "learning_rate": 1e-4, "speed": { "physical_batch_size": 2, "checkpoint_every": 1 } });
        extend(&mut whole, train);
        let train = whole;
        let plan = crate::plan(&PlanInputs {
            name: "loop",
            declared_synthetic: true,
            column: "text",
            unit_column: None,
            owner_limit: None,
            format: crate::Format::Text,
            model: &serde_json::from_value(model).unwrap(),
            data: &serde_json::from_value(json!({ "sequence_len": 8 })).unwrap(),
            privacy: &serde_json::from_value(privacy).unwrap(),
            train: &serde_json::from_value(train).unwrap(),
            audit: &crate::AuditConfig::default(),
            stages: Vec::new(),
        })?;
        let folder = RunFolder::open(&dir.path().join("run")).unwrap();
        drop(LedgerFile::create(&ledger(&folder), &folder.private("head.json"), genesis(&plan)).unwrap());
        Ok(Self { dir, plan })
    }

    fn folder(&self) -> RunFolder {
        RunFolder::open(&self.dir.path().join("run")).unwrap()
    }

    /// Begins or goes on; `cancel_after` many steps the run is interrupted.
    fn train(&self, cancel_after: u64) -> (Result<Trained, Error>, u64) {
        let folder = self.folder();
        let hash = self.plan.hash();
        let mut file = LedgerFile::open(&ledger(&folder), &folder.private("head.json"), &hash, "data").unwrap();
        let trained = self.with(&folder, &mut file, cancel_after);
        (trained, charged_lines(&folder))
    }

    fn with(&self, folder: &RunFolder, ledger: &mut LedgerFile, cancel_after: u64) -> Result<Trained, Error> {
        let mut writer = StoreWriter::create(&self.dir.path().join("tokens"), "key").unwrap();
        for first in [3_u32, 20, 50] {
            writer.push(&Unit::whole((first..first + 6).collect())).unwrap();
        }
        let mut store = writer.finish().unwrap();
        let (mut engine, start) = engine(&self.plan);
        let cancelled = AtomicBool::new(false);
        let mut done = 0;
        let mut observe = |_: Observed| {
            done += 1;
            // Of every step, not of the last alone.
            std::fs::copy(self.checkpoint(), self.dir.path().join(format!("checkpoint-{done}"))).unwrap();
            cancelled.store(done >= cancel_after, Ordering::Relaxed);
        };
        let job = Job {
            plan: &self.plan,
            start: start.trained,
            store: &mut store,
            observe: &mut observe,
            cancelled: &cancelled,
        };
        train_private(&mut engine, job, folder, ledger)
    }

    /// First moments in the checkpoint, tensor by tensor.
    fn moments(&self) -> Vec<Vec<f64>> {
        self.moments_in(self.checkpoint())
    }

    fn moments_in(&self, path: std::path::PathBuf) -> Vec<Vec<f64>> {
        let file = WeightFile::read(path, None).unwrap();
        let lengths = engine(&self.plan).1.trained.values.iter().map(Vec::len).collect::<Vec<_>>();
        let read = |(index, length): (usize, &usize)| file.tensor(&format!("first.{index}"), &[*length]).unwrap();
        lengths.iter().enumerate().map(read).map(|values| values.into_iter().map(f64::from).collect()).collect()
    }

    fn checkpoint(&self) -> std::path::PathBuf {
        self.dir.path().join("run/private/checkpoint.safetensors")
    }
}

fn genesis(plan: &TrainPlan) -> Genesis {
    Genesis {
        plan_hash: plan.hash(),
        dataset_commitment: "data".to_owned(),
        binary_hash: "binary".to_owned(),
        privacy_unit: plan.privacy.privacy_unit,
        adjacency: plan.privacy.adjacency,
        delta: plan.privacy.delta,
    }
}

fn ledger(folder: &RunFolder) -> std::path::PathBuf {
    folder.public("ledger.jsonl")
}

fn charged_lines(folder: &RunFolder) -> u64 {
    std::fs::read_to_string(ledger(folder)).unwrap().lines().count() as u64 - 1
}

fn engine(plan: &TrainPlan) -> (Engine<A>, Start) {
    let mut decoder = Decoder::load(Path::new(MODEL), None, &Default::default()).unwrap();
    let trainable = plan.model.trainable();
    let config = Architecture::load(Path::new(MODEL)).unwrap();
    let start = trainable.start(&config, &WeightFile::open(Path::new(MODEL), None).unwrap(), 0).unwrap();
    decoder.attach(&trainable, &start).unwrap();
    (Engine { decoder, sequence_len: 8, physical_batch_size: 2, lanes: 1, recompute: false }, start)
}

fn square_mean(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64
}

/// Of two lists of equal length with mean 0, in units of its standard deviation where they are independent.
fn correlation(left: &[f64], right: &[f64]) -> f64 {
    let product: f64 = left.iter().zip(right).map(|(x, y)| x * y).sum::<f64>() / left.len() as f64;
    product / (square_mean(left) * square_mean(right)).sqrt() * (left.len() as f64).sqrt()
}

/// With noise a hundred times the bound, what the optimizer's first moment holds after a step is the noise: of the planned size
/// in every tensor, whatever the batch was, and new in every tensor, step and run.
#[test]
fn what_the_optimizer_saw_is_the_planned_noise() {
    let (one, other, both) = (Loop::new(10, 2, 100.0), Loop::new(10, 1, 100.0), Loop::new(10, 2, 100.0));
    let step = |run: &Loop, first: u64, before: &[Vec<f64>]| -> Vec<Vec<f64>> {
        let (_, charged) = run.train(1);
        assert_eq!(charged, first);
        let gradient = |(now, then): (&f64, &f64)| (now - 0.9 * then) / 0.1;
        run.moments().iter().zip(before).map(|(now, then)| now.iter().zip(then).map(gradient).collect()).collect()
    };
    let zero: Vec<Vec<f64>> = engine(&one.plan).1.trained.values.iter().map(|tensor| vec![0.0; tensor.len()]).collect();
    let first = step(&one, 1, &zero);
    let moments: Vec<Vec<f64>> = first.iter().map(|tensor| tensor.iter().map(|value| 0.1 * value).collect()).collect();
    let second = step(&one, 2, &moments);
    let elsewhere = step(&other, 1, &zero);
    let planned = 100.0 * 0.5 / 4.0;
    // Two steps of one process: of independent gradients the moment has this share of one's variance, of equal ones twice that.
    assert_eq!(both.train(2).1, 2);
    let share = (0.09_f64.powi(2) + 0.1_f64.powi(2)).sqrt();
    let moments: Vec<Vec<f64>> =
        both.moments().iter().map(|tensor| tensor.iter().map(|m| m / share).collect()).collect();
    for gradient in [&first, &second, &elsewhere, &moments] {
        for tensor in gradient {
            // The variance of a variance of n values is 2 / n of its square; this is six of its standard deviations.
            let off = (square_mean(tensor) / (planned * planned) - 1.0).abs() / (2.0 / tensor.len() as f64).sqrt();
            assert!(off < 6.0, "{} values: {} for {planned}", tensor.len(), square_mean(tensor).sqrt());
            // Of sixteen values that is no bound from below; a hundredth has a chance below 1e-10.
            assert!(tensor.len() >= 16 && square_mean(tensor) > 0.01 * planned * planned, "{} values", tensor.len());
        }
    }
    for (left, right) in [(&first, &second), (&first, &elsewhere), (&second, &elsewhere)] {
        assert!(correlation(&left.concat(), &right.concat()).abs() < 6.0, "steps and runs share noise");
    }
    for (index, left) in first.iter().enumerate() {
        for right in first[index + 1..].iter().filter(|right| right.len() == left.len()) {
            assert!(correlation(left, right).abs() < 6.0, "tensors share noise");
        }
    }
}

/// Weights of an earlier step come back, as after a restored backup: the steps that follow are charged beside the lost ones, and
/// all together are no more than the plan's.
#[test]
fn every_step_is_charged_and_none_twice_over_a_rollback() {
    let run = Loop::new(10, 6, 1.0);
    assert!(matches!(run.train(1), (Err(Error::Interrupted), 1)));
    let early = std::fs::read(run.checkpoint()).unwrap();
    assert!(matches!(run.train(2), (Err(Error::Interrupted), 3)));
    std::fs::write(run.checkpoint(), early).unwrap();
    let (trained, charged) = run.train(u64::MAX);
    let trained = trained.unwrap();
    assert_eq!((charged, trained.steps_done, trained.stopped_by_budget), (6, 4, true), "two of six steps were lost");
    let whole = Loop::new(10, 4, 1.0);
    let (trained, charged) = whole.train(u64::MAX);
    assert_eq!((charged, trained.unwrap().steps_done), (4, 4));
}

/// Of three units where a thousand might be, hardly any is ever drawn; every step is charged all the same.
#[test]
fn batches_are_as_rare_as_the_plan_says_and_empty_ones_count() {
    let run = Loop::new(1000, 20, 1.0);
    let (trained, charged) = run.train(u64::MAX);
    assert_eq!((charged, trained.unwrap().steps_done), (20, 20));
    let log = std::fs::read_to_string(run.folder().private("train.jsonl")).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<logs::Private>(line).unwrap());
    let drawn: u64 = lines.map(|line| line.batch_size).sum();
    // 0.06 are expected; five have a chance below 1e-8.
    assert!(drawn < 5, "{drawn} units in twenty steps");
}

/// Somebody else writes to the ledger: the step is not charged, and no weight moves.
#[test]
fn a_step_that_cannot_be_charged_changes_nothing() {
    let run = Loop::new(10, 3, 1.0);
    let folder = run.folder();
    let mut file = LedgerFile::open(&ledger(&folder), &folder.private("head.json"), &run.plan.hash(), "data").unwrap();
    let mut text = std::fs::read(ledger(&folder)).unwrap();
    text.extend(b"x");
    std::fs::write(ledger(&folder), text).unwrap();
    assert!(matches!(run.with(&folder, &mut file, 1), Err(Error::LedgerDisturbed { .. })));
    assert!(!run.checkpoint().exists());
}

/// A checkpoint of steps that are on no ledger.
#[test]
fn a_checkpoint_ahead_of_its_ledger_is_refused() {
    let (run, other) = (Loop::new(10, 6, 1.0), Loop::new(10, 6, 1.0));
    assert!(matches!(run.train(2), (Err(Error::Interrupted), 2)));
    other.folder();
    std::fs::copy(run.checkpoint(), other.checkpoint()).unwrap();
    assert!(matches!(other.train(9), (Err(Error::CheckpointAhead { step: 2, charged: 0, .. }), 0)));
}
