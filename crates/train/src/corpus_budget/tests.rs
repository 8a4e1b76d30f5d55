//! A run's place: one charge per run, whatever dies in between.

use std::fs;
use std::path::PathBuf;

use privet_dp::ledger::{Body, Genesis, Ledger, ORIGIN, StepEntry, seal};
use privet_dp::{Adjacency, Delta, Event, PrivacyUnit};
use tempfile::TempDir;

use super::*;
use crate::config::{AuditConfig, Schedule, SpeedConfig};
use crate::corpus_budget_file::tests::{event, steps, terms};
use crate::plan::{FORMAT, PlannedData, PlannedModel, PlannedPrivacy, PlannedTrain, Stage, TrainPlan};

struct Corpus {
    folder: TempDir,
    path: PathBuf,
}

impl Corpus {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("budget.jsonl");
        drop(BudgetFile::create(&path, terms()).unwrap());
        Self { folder, path }
    }

    /// A plan that takes this share of the budget.
    fn plan(&self, share: f64) -> TrainPlan {
        TrainPlan { corpus_budget: Some(self.path.clone()), ..plan(steps(share)) }
    }

    fn dir(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn budget(&self) -> CorpusBudget {
        corpus_budget_file::read(&self.path).unwrap().0
    }

    fn place(&self, name: &str) -> PathBuf {
        self.dir(name).join("private").join(PLACE)
    }

    /// Writes the ledger of a run of which `steps` steps were charged.
    fn charge(&self, name: &str, plan: &TrainPlan, steps: u64) {
        let genesis = Genesis {
            plan_hash: plan.hash(),
            dataset_commitment: name.to_owned(),
            binary_hash: "binary".to_owned(),
            privacy_unit: plan.privacy.privacy_unit,
            adjacency: plan.privacy.adjacency,
            delta: plan.privacy.delta,
        };
        let first = seal(Body::Genesis(genesis), ORIGIN);
        let mut text = first.to_json() + "\n";
        let mut ledger = Ledger::begin(first).unwrap();
        for step in 1..=steps {
            let line =
                seal(Body::Step(StepEntry { step, attempt: 1, event: plan.event(), segment: None }), ledger.head());
            text += &(line.to_json() + "\n");
            ledger.push(line).unwrap();
        }
        fs::write(self.dir(name).join("public/ledger.jsonl"), text).unwrap();
    }

    fn settle(&self, name: &str, plan: &TrainPlan) {
        let folder = RunFolder::open(&self.dir(name)).unwrap();
        fs::write(folder.private("training.json"), "{}").unwrap();
        settle_in(&folder, plan).unwrap();
    }
}

/// A plan of which only the privacy matters here.
fn plan(steps: u64) -> TrainPlan {
    let Event::Repeated { event, .. } = event(1) else { unreachable!() };
    let Event::PoissonSampledGaussian { sampling_rate, noise_multiplier } = *event else { unreachable!() };
    TrainPlan {
        format: FORMAT.to_owned(),
        name: "run".to_owned(),
        privet_version: String::new(),
        declared_synthetic: true,
        model: PlannedModel {
            base_model: String::new(),
            base_model_digest: String::new(),
            base_model_files: std::collections::BTreeMap::new(),
            architecture: String::new(),
            adapter: crate::config::Adapter::None,
            lora: None,
            unfrozen_parameters: None,
            trainable_tensors: 1,
            trainable_parameters: 1,
        },
        data: PlannedData {
            owner_limit: None,
            column: "text".to_owned(),
            unit_column: None,
            format: crate::Format::Text,
            loss_on: crate::LossOn::All,
            sequence_len: 8,
            sequences_per_unit: 1,
        },
        privacy: PlannedPrivacy {
            privacy_unit: PrivacyUnit::Document,
            adjacency: Adjacency::AddRemove,
            delta: Delta::new(1e-6).unwrap(),
            target_epsilon: None,
            noise_multiplier,
            max_grad_norm: 1.0,
            clipping: crate::config::Clipping::Flat,
            adaptive_clip: None,
            sensitivity: 1.0,
            expected_batch_size: 1,
            dataset_size_bound: 100,
            sampling_rate,
            steps,
            banded: None,
        },
        train: PlannedTrain {
            optimizer: String::new(),
            learning_rate: 1.0,
            schedule: Schedule::Constant,
            warmup_steps: 0,
            weight_decay: 0.0,
            beta1: 0.0,
            beta2: 0.0,
            adam_epsilon: 1.0,
            bias_correction: false,
            seed: 0,
        },
        audit: AuditConfig::default(),
        stages: Vec::new(),
        speed: SpeedConfig::default(),
        controls: Vec::new(),
        corpus_budget: None,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "a call reads better without a borrow")]
fn exhausted(result: Result<(), Error>) -> bool {
    matches!(result, Err(Error::CorpusBudget(CorpusBudgetFault::Refused { source: Refusal::Exhausted { .. }, .. })))
}

#[test]
fn a_run_is_charged_once_however_often_it_starts() {
    let corpus = Corpus::new();
    let plan = corpus.plan(0.6);
    for _ in 0..3 {
        reserve(&plan, &corpus.dir("a")).unwrap();
        assert_eq!(corpus.budget().runs().len(), 1);
        assert_eq!(outlook(&plan, &corpus.dir("a")).unwrap().unwrap().0, Outlook::Reserved);
    }
    assert!(exhausted(reserve(&plan, &corpus.dir("b"))), "the same plan in another folder is another run");
    let (other, share) = outlook(&plan, &corpus.dir("b")).unwrap().unwrap();
    assert!(matches!(other, Outlook::Refused(Refusal::Exhausted { .. })) && (share - 0.6).abs() < 0.01);
    assert!(matches!(outlook(&corpus.plan(0.3), &corpus.dir("c")).unwrap().unwrap().0, Outlook::Fits(Basis::Filter)));

    corpus.charge("a", &plan, 20);
    corpus.settle("a", &plan);
    corpus.settle("a", &plan);
    let budget = corpus.budget();
    assert_eq!(
        (budget.lines(), budget.runs()[0].settlement.as_ref().unwrap().ledger.as_ref().unwrap().entries),
        (3, 20)
    );
    reserve(&plan, &corpus.dir("a")).unwrap();
    assert_eq!(corpus.budget().lines(), 3, "a run that is done is not charged again");
    reserve(&plan, &corpus.dir("b")).unwrap();
}

#[test]
fn a_crash_between_name_charge_and_note_leaves_one_charge() {
    let corpus = Corpus::new();
    let plan = corpus.plan(0.6);
    assert!(exhausted(reserve(&corpus.plan(1.5), &corpus.dir("a"))), "named, not charged");
    let named: Place = read_json(&corpus.place("a")).unwrap().unwrap();
    assert_eq!((named.line.clone(), corpus.budget().runs().len()), (None, 0));
    reserve(&plan, &corpus.dir("a")).unwrap();
    let noted: Place = read_json(&corpus.place("a")).unwrap().unwrap();
    assert_eq!((&noted.run, noted.line.is_some()), (&named.run, true));
    // Charged, but the crash came before the note.
    write_json(&corpus.place("a"), &named).unwrap();
    reserve(&plan, &corpus.dir("a")).unwrap();
    assert_eq!(read_json::<Place>(&corpus.place("a")).unwrap().unwrap(), noted);
    assert_eq!(corpus.budget().runs().len(), 1);
}

#[test]
fn a_reservation_that_vanished_or_belongs_elsewhere_is_refused() {
    let corpus = Corpus::new();
    let before = fs::read(&corpus.path).unwrap();
    let head = fs::read(corpus_budget_file::head_path(&corpus.path)).unwrap();
    let plan = corpus.plan(0.6);
    reserve(&plan, &corpus.dir("a")).unwrap();
    // Both files of the budget restored to an older state: only the run knows.
    fs::write(&corpus.path, before).unwrap();
    fs::write(corpus_budget_file::head_path(&corpus.path), head).unwrap();
    let result = reserve(&plan, &corpus.dir("a"));
    assert!(matches!(result, Err(Error::CorpusBudget(CorpusBudgetFault::Behind { .. }))), "{result:?}");
    let mut elsewhere = plan.clone();
    let second = corpus.folder.path().join("second.jsonl");
    let terms = privet_dp::corpus_budget::Terms { label: "other".to_owned(), ..terms() };
    drop(BudgetFile::create(&second, terms).unwrap());
    elsewhere.corpus_budget = Some(second);
    let result = reserve(&elsewhere, &corpus.dir("a"));
    assert!(matches!(result, Err(Error::CorpusBudget(CorpusBudgetFault::OtherBudget { .. }))), "{result:?}");
}

#[test]
fn a_changed_plan_gets_a_new_reservation_only_while_nothing_was_released() {
    let corpus = Corpus::new();
    let (first, second) = (corpus.plan(0.6), corpus.plan(0.7));
    reserve(&first, &corpus.dir("a")).unwrap();
    reserve(&second, &corpus.dir("a")).unwrap();
    let budget = corpus.budget();
    assert_eq!(budget.runs().len(), 2);
    assert!(budget.runs()[0].settlement.is_some() && budget.runs()[1].settlement.is_none());
    corpus.charge("a", &second, 3);
    assert!(matches!(reserve(&first, &corpus.dir("a")), Err(Error::PlanFileChanged { .. })));
    reserve(&second, &corpus.dir("a")).unwrap();
    assert_eq!(corpus.budget(), budget);
}

#[test]
fn a_run_that_was_settled_by_hand_does_not_go_on() {
    let corpus = Corpus::new();
    let plan = corpus.plan(0.6);
    reserve(&plan, &corpus.dir("a")).unwrap();
    corpus.charge("a", &plan, 5);
    let text = fs::read_to_string(corpus.dir("a").join("public/ledger.jsonl")).unwrap();
    let run = corpus.budget().runs()[0].reservation.run.clone();
    let file = BudgetFile::open(&corpus.path).unwrap();
    drop(file.settle(&run, Some(&ledger::parse(&text).unwrap())).unwrap());
    let result = reserve(&plan, &corpus.dir("a"));
    assert!(matches!(result, Err(Error::CorpusBudget(CorpusBudgetFault::Settled { .. }))), "{result:?}");
}

#[test]
fn a_plan_without_a_budget_touches_nothing_and_one_without_a_bound_is_refused() {
    let corpus = Corpus::new();
    let mut plan = corpus.plan(0.1);
    plan.stages = vec![Stage { name: "scrub".to_owned(), stability: None }];
    let result = reserve(&plan, &corpus.dir("a"));
    assert!(matches!(result, Err(Error::CorpusBudget(CorpusBudgetFault::Unbounded))), "{result:?}");
    plan.corpus_budget = None;
    reserve(&plan, &corpus.dir("b")).unwrap();
    assert!(!corpus.dir("b").exists());
    assert_eq!(corpus.budget().lines(), 1);
    plan.corpus_budget = Some(corpus.path.clone());
    plan.stages.clear();
    plan.privacy.privacy_unit = PrivacyUnit::Sequence;
    let result = reserve(&plan, &corpus.dir("a"));
    let unit = Refusal::Unit;
    assert!(matches!(result, Err(Error::CorpusBudget(CorpusBudgetFault::Refused { source, .. })) if source == unit));
}
