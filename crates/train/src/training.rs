//! The whole training stage over one folder: begin or go on, train, save, measure, audit.
//!
//! The order is the guarantee's: plan and ledger exist before the first draw; weights are saved to `public/` only
//! after the last step; everything measured exactly goes to `private/`; `private/training.json` is written last and
//! says that the run is done. A second call on a finished folder reads what is there and touches nothing.

mod controls;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::tensor::backend::AutodiffBackend;
use privet_audit::OneRunAudit;
use privet_dp::ledger::Genesis;
use privet_model::weights::{self, WEIGHTS_FILE, WeightFile};
use privet_model::{Decoder, Device, ModelConfig, OnDevice, Start, Tensors, device};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::atomic::{create_private_dir, write_atomic, write_atomic_with};
use crate::canaries::Canaries;
use crate::engine::{Engine, Job, Trained, train_private, turns};
use crate::ledger_file::LedgerFile;
use crate::logs::{Evaluation, Private, Training};
use crate::plan::{Control, PlannedData, TrainPlan};
use crate::run_folder::{RunFolder, read_json, write_json};
use crate::tokens::owners::Owners;
use crate::tokens::store::StoreWriter;
use crate::tokens::{self, Examples, TokenStore, Unit};
use crate::{Error, corpus_budget};
use controls::{control_in, control_loss, evaluate_control};

/// What a run is trained and measured on.
pub struct Inputs<'a, 'b> {
    /// One record per privacy unit. Private.
    pub examples: &'a mut Examples<'b>,
    /// Records of the public held-out split.
    pub public_evaluation: &'a mut Examples<'b>,
    /// SHA-256 of the input files; kept in `private/`.
    pub input_digests: Vec<String>,
    /// Names the state of the files that are read (their paths, lengths and times): while it and the plan stay the
    /// same, tokens of an earlier call are taken again. Kept in `private/`.
    pub input_state: String,
}

/// What a caller may show while a run goes on. Every value is public, but for the control's.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Observed {
    /// Texts have become tokens.
    Tokenized,
    /// The base model's loss on the public split.
    BaseEvaluated {
        /// Mean loss per token, in nats.
        loss: f64,
    },
    /// A private step is done.
    Step {
        /// The step, from 1.
        step: u64,
        /// Steps of the plan.
        steps: u64,
        /// Epsilon of all charged steps, at the plan's delta.
        epsilon: f64,
    },
    /// The released model's loss on the public split.
    ReleasedEvaluated {
        /// Mean loss per token, in nats.
        loss: f64,
    },
    /// A step of a non-private control is done.
    ControlStep {
        /// Which.
        control: Control,
        /// The step, from 1.
        step: u64,
        /// Steps of the plan.
        steps: u64,
    },
    /// A control's loss on the public split. Private.
    ControlEvaluated {
        /// Which.
        control: Control,
        /// Mean loss per token, in nats.
        loss: f64,
    },
    /// The audit is done.
    Audited,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Whether the folder was finished before this call.
    pub already_done: bool,
    /// Step of the checkpoint the run went on from.
    pub resumed_from: Option<u64>,
    /// Steps that changed the released weights.
    pub steps_done: u64,
    /// Whether the budget ended the run before its last step.
    pub stopped_by_budget: bool,
    /// Base model's loss on the public split.
    pub base_loss: Option<f64>,
    /// Released model's loss on the public split.
    pub released_loss: Option<f64>,
    /// The control's loss on the public split. Private.
    pub control_loss: Option<f64>,
    /// The same of the control with clipping. Private.
    pub control_clipped_loss: Option<f64>,
    /// The audit. Private.
    pub audit: Option<OneRunAudit>,
    /// Seconds this call took.
    pub seconds: f64,
}

impl Outcome {
    fn put_control(&mut self, control: Control, loss: f64) {
        match control {
            Control::Plain => self.control_loss = Some(loss),
            Control::Clipped => self.control_clipped_loss = Some(loss),
        }
    }
}

/// `private/commitment.json`: what opens the ledger's commitment to the dataset.
#[derive(Serialize, Deserialize)]
struct Commitment {
    salt: String,
    input_digests: Vec<String>,
}

/// Trains a plan in `run_dir`, or goes on where an earlier call stopped.
///
/// # Errors
/// [`Error::PlanFileChanged`], [`Error::DatasetChanged`] and the ledger errors for a folder that cannot be continued;
/// [`Error::Interrupted`] after `cancelled` was set, with the state saved; [`Error::Empty`]; [`Error::Io`].
pub fn train(
    plan: &TrainPlan,
    inputs: Inputs<'_, '_>,
    run_dir: &Path,
    device: Device,
    observe: &mut dyn FnMut(Observed),
    cancelled: &AtomicBool,
) -> Result<Outcome, Error> {
    let started = Instant::now();
    let folder = RunFolder::open(run_dir)?;
    let path = folder.public("plan.json");
    match std::fs::read_to_string(&path) {
        Ok(text) if text != plan.to_json() => return Err(Error::PlanFileChanged { path: run_dir.to_owned() }),
        Ok(_) => {}
        Err(_) => write_atomic(&path, plan.to_json().as_bytes())?,
    }
    // Charged to the corpus before the first draw; a run that is done is settled, should an earlier call have died first.
    corpus_budget::reserve_in(&folder, plan)?;
    if let Some(outcome) = finished(&folder, plan)? {
        corpus_budget::settle_in(&folder, plan)?;
        return Ok(outcome);
    }
    let run = Run { plan, inputs, folder: &folder, device, observe, cancelled };
    let mut outcome = device::dispatch(device, run)??;
    corpus_budget::settle_in(&folder, plan)?;
    outcome.seconds = started.elapsed().as_secs_f64();
    Ok(outcome)
}

/// What a finished folder says about itself.
fn finished(folder: &RunFolder, plan: &TrainPlan) -> Result<Option<Outcome>, Error> {
    let Some(done) = read_json::<Training>(&folder.private("training.json"))? else { return Ok(None) };
    if done.plan_hash != plan.hash() {
        return Err(Error::PlanFileChanged { path: folder.root().to_owned() });
    }
    let evaluation: Option<Evaluation> = read_json(&folder.public(EVALUATION))?;
    Ok(Some(Outcome {
        already_done: true,
        resumed_from: None,
        steps_done: done.steps_done,
        stopped_by_budget: done.stopped_by_budget,
        base_loss: evaluation.as_ref().map(|evaluation| evaluation.base_loss),
        released_loss: evaluation.as_ref().map(|evaluation| evaluation.released_loss),
        control_loss: control_loss(folder, Control::Plain)?,
        control_clipped_loss: control_loss(folder, Control::Clipped)?,
        audit: read_json(&folder.private("audit.json"))?,
        seconds: 0.0,
    }))
}

struct Run<'a, 'b> {
    plan: &'a TrainPlan,
    inputs: Inputs<'a, 'b>,
    folder: &'a RunFolder,
    device: Device,
    observe: &'a mut dyn FnMut(Observed),
    cancelled: &'a AtomicBool,
}

impl OnDevice for Run<'_, '_> {
    type Output = Result<Outcome, Error>;

    fn run<A: AutodiffBackend>(self, handle: &A::Device) -> Self::Output {
        let Self { plan, inputs, folder, device, observe, cancelled } = self;
        let (mut engine, Start { trained: start, fixed }) = open_engine::<A>(plan, device, handle)?;
        let config = engine.decoder.config().clone();
        let canaries = open_canaries(plan, folder, config.vocab_size)?;
        let digests = inputs.input_digests.clone();
        let (mut store, mut public) = tokenize(plan, folder, &engine, inputs, canaries.as_ref(), cancelled)?;
        let mut ledger = open_ledger(plan, folder, &digests, &mut store)?;
        observe(Observed::Tokenized);
        let base_loss = if public.is_empty() { None } else { Some(engine.mean_loss(&mut public)?) };
        if let Some(loss) = base_loss {
            observe(Observed::BaseEvaluated { loss });
        }
        // What the base model makes of the canaries is asked now: later its weights may have moved.
        let probes: Vec<Unit> =
            canaries.iter().flat_map(|canaries| &canaries.tokens).cloned().map(Unit::whole).collect();
        let base_scores = engine.losses(&probes);

        let job = Job { plan, start, store: &mut store, observe: &mut *observe, cancelled };
        let trained = train_private(&mut engine, job, folder, &mut ledger)?;
        let released = Released { tensors: &trained.tensors, fixed: &fixed };
        let name = if plan.model.lora.is_some() { "adapter" } else { "model" };
        engine.decoder.put(&released.save(plan, &config, &folder.public(name))?);
        let mut outcome = Outcome {
            already_done: false,
            resumed_from: trained.resumed_from,
            steps_done: trained.steps_done,
            stopped_by_budget: trained.stopped_by_budget,
            base_loss,
            released_loss: None,
            control_loss: None,
            control_clipped_loss: None,
            audit: None,
            seconds: 0.0,
        };
        if let Some(base_loss) = base_loss {
            let released_loss = engine.mean_loss(&mut public)?;
            write_evaluation(folder, &public, base_loss, released_loss)?;
            outcome.released_loss = Some(released_loss);
            observe(Observed::ReleasedEvaluated { loss: released_loss });
        }
        if let Some(canaries) = &canaries {
            let scores = engine.losses(&probes);
            let audit = canaries.audit(plan, &base_scores, &scores, plan.epsilon_after(turns(&ledger))?)?;
            write_json(&folder.private("audit.json"), &audit)?;
            outcome.audit = Some(audit);
            observe(Observed::Audited);
        }
        for control in &plan.controls {
            let start = begin(plan, &config)?.trained;
            let job = Job { plan, start, store: &mut store, observe: &mut *observe, cancelled };
            let within = folder.private(control.folder());
            let trained = control_in(&within, &mut engine, job, *control)?;
            let trained = Released { tensors: &trained, fixed: &fixed };
            engine.decoder.put(&trained.save(plan, &config, &within.join(name))?);
            if let Some(loss) = evaluate_control(plan, &within, &engine, &mut public)? {
                outcome.put_control(*control, loss);
                observe(Observed::ControlEvaluated { control: *control, loss });
            }
        }
        if cancelled.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let done = summary(plan, folder, &store, &trained, device)?;
        // Before the run counts as done, or a crash here would leave the tokens for good; whoever needs them again has the
        // texts they came from.
        drop((store, public));
        tokens::store::remove(&folder.private(TRAINING_TOKENS))?;
        tokens::store::remove(&folder.private(PUBLIC_TOKENS))?;
        write_json(&folder.private("training.json"), &done)?;
        Ok(outcome)
    }
}

/// What training begins with: the base model's own values, or fresh adapters.
fn begin(plan: &TrainPlan, config: &ModelConfig) -> Result<Start, Error> {
    let file = WeightFile::open(plan.model.base_model.as_ref(), Some(&plan.model.base_model_digest))?;
    Ok(plan.model.trainable().start(config, &file, plan.train.seed)?)
}

/// Loads the base model and puts what is to be trained in its place.
fn open_engine<A: AutodiffBackend>(
    plan: &TrainPlan,
    device: Device,
    handle: &A::Device,
) -> Result<(Engine<A>, Start), Error> {
    let mut decoder = Decoder::load(plan.model.base_model.as_ref(), Some(&plan.model.base_model_digest), handle)?;
    let start = begin(plan, decoder.config())?;
    decoder.attach(&plan.model.trainable(), &start)?;
    let engine = Engine {
        decoder,
        sequence_len: plan.data.sequence_len,
        physical_batch_size: plan.speed.physical_batch_size,
        lanes: if device == Device::Cpu { rayon::current_num_threads() } else { 1 },
        recompute: plan.speed.activation_checkpointing,
    };
    engine.check_coverage(&start.trained)?;
    Ok((engine, start))
}

fn open_canaries(plan: &TrainPlan, folder: &RunFolder, vocabulary: usize) -> Result<Option<Canaries>, Error> {
    match plan.audit.canaries {
        0 => Ok(None),
        _ => Canaries::open(&folder.private("canaries.json"), plan, vocabulary).map(Some),
    }
}

/// In `public/` and in the folder of each control.
const EVALUATION: &str = "evaluation.json";

/// Below `private/`, without their extensions.
const TRAINING_TOKENS: &str = "tokens/training";
const PUBLIC_TOKENS: &str = "tokens/public-evaluation";

/// Tokens of the training set (records, then the canaries that are in) and of the public split.
fn tokenize<A: AutodiffBackend>(
    plan: &TrainPlan,
    folder: &RunFolder,
    engine: &Engine<A>,
    inputs: Inputs<'_, '_>,
    canaries: Option<&Canaries>,
    cancelled: &AtomicBool,
) -> Result<(TokenStore, TokenStore), Error> {
    let Inputs { examples, public_evaluation, input_state, .. } = inputs;
    let key = format!("{} {input_state}", plan.hash());
    let (training, public) = (folder.private(TRAINING_TOKENS), folder.private(PUBLIC_TOKENS));
    create_private_dir(&folder.private("tokens"))?;
    let encoder = plan.encoder(engine.decoder.config())?;
    let members: Vec<Unit> =
        canaries.into_iter().flat_map(Canaries::members).map(|tokens| Unit::whole(tokens.to_vec())).collect();
    let fill = |path: &Path, examples: &mut Examples<'_>, more: &[Unit]| -> Result<TokenStore, Error> {
        if let Some(store) = TokenStore::open(path, &key)? {
            return Ok(store);
        }
        let mut writer = StoreWriter::create(path, &key)?;
        let mut read = |writer: &mut StoreWriter, owners: &mut Owners| {
            encoder.for_each(examples, &mut |block| {
                if cancelled.load(Ordering::Relaxed) {
                    return Err(Error::Interrupted);
                }
                owners.extend(&block.owners);
                writer.extend(&block)
            })
        };
        let mut owners = Owners::default();
        if plan.data.unit_column.is_some() && path == training {
            let scratch = tokens::owners::scratch(path);
            let mut documents = StoreWriter::create(&scratch, &key)?;
            read(&mut documents, &mut owners)?;
            let PlannedData { sequence_len, sequences_per_unit, .. } = plan.data;
            owners.gather(&mut documents.finish()?, &mut writer, sequence_len, sequences_per_unit)?;
            tokens::store::remove(&scratch)?;
        } else {
            read(&mut writer, &mut owners)?;
        }
        more.iter().try_for_each(|unit| writer.push(unit))?;
        writer.finish()
    };
    let store = fill(&training, examples, &members)?;
    if store.is_blank() {
        return Err(Error::Empty);
    }
    Ok((store, fill(&public, public_evaluation, &[])?))
}

/// Begins the ledger, or continues it if plan and data are the ones it began with.
fn open_ledger(
    plan: &TrainPlan,
    folder: &RunFolder,
    input_digests: &[String],
    store: &mut TokenStore,
) -> Result<LedgerFile, Error> {
    let path = folder.private("commitment.json");
    let salt = if let Some(commitment) = read_json::<Commitment>(&path)? {
        commitment.salt
    } else {
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).map_err(|source| Error::Entropy { source })?;
        let salt = weights::hex(&salt);
        write_json(&path, &Commitment { salt: salt.clone(), input_digests: input_digests.to_vec() })?;
        salt
    };
    // The salt hides the data: without it, nobody can test a guess of the dataset against the public ledger.
    let mut hasher = blake3::Hasher::new();
    hasher.update(salt.as_bytes());
    for index in 0..store.len() {
        let unit = store.unit(index)?;
        hasher.update(&(unit.tokens().len() as u64).to_le_bytes());
        for document in unit.documents() {
            hasher.update(&(document.start as u64).to_le_bytes());
        }
        for (token, predicted) in unit.tokens().iter().zip(unit.targets()) {
            hasher.update(&token.to_le_bytes());
            hasher.update(&[u8::from(*predicted)]);
        }
    }
    let genesis = Genesis {
        plan_hash: plan.hash(),
        dataset_commitment: hasher.finalize().to_hex().to_string(),
        binary_hash: binary_hash(),
        privacy_unit: plan.privacy.privacy_unit,
        adjacency: plan.privacy.adjacency,
        delta: plan.privacy.delta,
    };
    LedgerFile::open_or_create(&folder.public("ledger.jsonl"), &folder.private("ledger-head.json"), genesis)
}

/// SHA-256 of the running program; "unknown" where it cannot be read (it says what ran, it decides nothing).
pub(crate) fn binary_hash() -> String {
    let bytes = std::env::current_exe().and_then(std::fs::read);
    bytes.map_or_else(|_| "unknown".to_owned(), |bytes| weights::hex(&Sha256::digest(&bytes)))
}

/// What training ends with.
struct Released<'a> {
    tensors: &'a Tensors,
    /// What belongs to it and never moved.
    fixed: &'a Tensors,
}

impl Released<'_> {
    /// Saves adapters in PEFT's layout, or the whole model in its base's, and returns the trained tensors as read back from disk:
    /// what is measured is what was saved.
    fn save(&self, plan: &TrainPlan, config: &ModelConfig, folder: &Path) -> Result<Tensors, Error> {
        let file = if let Some(spec) = &plan.model.lora {
            std::fs::create_dir_all(folder).map_err(|source| Error::io("create the folder", folder, source))?;
            let path = folder.join(format!("adapter_{WEIGHTS_FILE}"));
            let named: Vec<_> = self.tensors.named().into_iter().chain(self.fixed.named()).collect();
            write_atomic_with(&path, |file| Ok(weights::write(file, &named)?))?;
            write_json(&folder.join("adapter_config.json"), &spec.peft_config(&plan.model.base_model, config)?)?;
            WeightFile::read(path, None)?
        } else {
            // Of an earlier call that was stopped before it could say that it was done.
            if folder.exists() {
                std::fs::remove_dir_all(folder).map_err(|source| Error::io("remove", folder, source))?;
            }
            privet_model::save(plan.model.base_model.as_ref(), self.tensors, folder)?;
            WeightFile::open(folder, None)?
        };
        let mut back = self.tensors.clone();
        for ((name, shape), values) in back.names.iter().zip(&back.shapes).zip(&mut back.values) {
            *values = file.tensor(file.own_name(name), shape)?;
        }
        Ok(back)
    }
}

fn write_evaluation(folder: &RunFolder, public: &TokenStore, base_loss: f64, released_loss: f64) -> Result<(), Error> {
    let evaluation = Evaluation {
        format: "privet-evaluation/v1".to_owned(),
        split: "public held-out".to_owned(),
        sequences: public.len(),
        tokens: public.token_count() as usize,
        base_loss,
        released_loss,
    };
    write_json(&folder.public(EVALUATION), &evaluation)
}

/// What happened over all steps, from the private log (an earlier process may have done some of them).
fn summary(
    plan: &TrainPlan,
    folder: &RunFolder,
    store: &TokenStore,
    trained: &Trained,
    device: Device,
) -> Result<Training, Error> {
    let path = folder.private("train.jsonl");
    let text = std::fs::read_to_string(&path).map_err(|source| Error::io("read", &path, source))?;
    let lines: Vec<Private> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let total = |value: fn(&Private) -> u64| lines.iter().map(value).sum::<u64>();
    let drawn = total(|line| line.batch_size);
    Ok(Training {
        plan_hash: plan.hash(),
        units: store.len() as u64,
        truncated_units: store.truncated(),
        non_finite_examples: total(|line| line.non_finite),
        clip_fraction_mean: total(|line| line.clipped) as f64 / drawn.max(1) as f64,
        batch_size_mean: drawn as f64 / lines.len().max(1) as f64,
        seconds: lines.iter().map(|line| line.seconds).sum(),
        steps_done: trained.steps_done,
        stopped_by_budget: trained.stopped_by_budget,
        device: device.to_string(),
    })
}
