//! A run's folder as the other stages write it, with numbers in the private files that occur nowhere else.

use std::path::{Path, PathBuf};

use privet_dp::ledger::{Body, Genesis, Line, ORIGIN, StepEntry, seal};
use privet_dp::{Event, NoiseMultiplier, SamplingRate};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Numbers that follow from private data, each unlike any other number of a report.
pub(super) const PLANTED: [f64; 20] = [
    104_729.0, 7919.0, 1301.0, 0.345_67, 251.733_1, 987.654, 123_457.0, 120_011.0, 65_537.0, 3446.0, 31_337.0, 4243.0,
    2.718_29, 1009.0, 504.0, 271.0, 611.0, 112_909.0, 3.141_61, 2221.0,
];

pub(super) struct Run {
    folder: TempDir,
    pub(super) plan: Value,
}

/// The plan of the example run.
pub(super) fn plan() -> Value {
    json!({
        "format": "privet-plan/v1",
        "name": "quickstart",
        "privet_version": "0.1.0",
        "declared_synthetic": true,
        "model": {
            "base_model": "datasets/base-model",
            "base_model_digest": "5f2c7a90".repeat(8),
            "architecture": "llama",
            "adapter": "lora",
            "lora_r": 8,
            "lora_alpha": 16.0,
            "lora_target_modules": ["q_proj", "v_proj"],
            "trainable_parameters": 12_345
        },
        "data": { "column": "text", "sequence_len": 64 },
        "privacy": {
            "privacy_unit": "document",
            "adjacency": "add-remove",
            "delta": 1e-5,
            "target_epsilon": 8.0,
            "noise_multiplier": 0.7,
            "max_grad_norm": 1.0,
            "clipping": "flat",
            "sensitivity": 1.0,
            "expected_batch_size": 256,
            "dataset_size_bound": 25_000,
            "sampling_rate": SamplingRate::from_ratio(256, 25_000).unwrap(),
            "steps": 60
        },
        "train": { "optimizer": "dp-adamw", "learning_rate": 0.002 },
        "audit": { "canaries": 1009, "guess_fraction": 0.5, "alpha": 0.05 },
        "stages": [{ "name": "scrub", "stability": 1 }, { "name": "dedup-exact", "stability": 1 }]
    })
}

/// The event that a plan's steps are charged as.
pub(super) fn event(plan: &Value) -> Event {
    let privacy = &plan["privacy"];
    let sampling_rate = serde_json::from_value(privacy["sampling_rate"].clone()).unwrap();
    let noise = |value: &Value| value.as_f64().map(|noise| NoiseMultiplier::new(noise).unwrap());
    let noise_multiplier = noise(&privacy["noise_multiplier"]).unwrap();
    if let Some(bands) = privacy["banded"]["bands"].as_u64() {
        let sampling_rate = serde_json::from_value(privacy["banded"]["group_sampling_rate"].clone()).unwrap();
        return Event::BandedMatrixFactorization { steps: 1, bands, sampling_rate, noise_multiplier };
    }
    match noise(&privacy["adaptive_clip"]["unclipped_noise_multiplier"]) {
        None => Event::PoissonSampledGaussian { sampling_rate, noise_multiplier },
        Some(count) => {
            Event::PoissonSampledGaussians { sampling_rate, noise_multipliers: vec![noise_multiplier, count] }
        }
    }
}

/// The plan with a clip that moves; a unit moves the count by `sensitivity`.
pub(super) fn adaptive(mut plan: Value, sensitivity: f64) -> Value {
    plan["privacy"]["clipping"] = json!("adaptive");
    plan["privacy"]["adaptive_clip"] = json!({
        "target_unclipped_quantile": 0.5, "clipbound_learning_rate": 0.2, "unclipped_num_std": 12.5,
        "unclipped_noise_multiplier": 12.5 / sensitivity
    });
    plan
}

/// The plan with banded noise.
pub(super) fn banded(mut plan: Value, bands: u64) -> Value {
    let of = |key: &str| plan["privacy"][key].as_u64().unwrap();
    let rate = SamplingRate::from_ratio(of("expected_batch_size") * bands, of("dataset_size_bound")).unwrap();
    let turns = of("steps").div_ceil(bands);
    plan["privacy"]["banded"] = json!({ "bands": bands, "group_sampling_rate": rate, "turns": turns });
    plan
}

/// Steps `1..=last`, each charged once.
pub(super) fn once_each(last: u64) -> Vec<(u64, u32)> {
    (1..=last).map(|step| (step, 1)).collect()
}

pub(super) fn genesis(plan: &Value, plan_hash: String) -> Genesis {
    let of = |key: &str| plan["privacy"][key].clone();
    Genesis {
        plan_hash,
        dataset_commitment: "c0".repeat(32),
        binary_hash: "b1".repeat(32),
        privacy_unit: serde_json::from_value(of("privacy_unit")).unwrap(),
        adjacency: serde_json::from_value(of("adjacency")).unwrap(),
        delta: serde_json::from_value(of("delta")).unwrap(),
    }
}

pub(super) fn ledger(genesis: Genesis, charges: impl IntoIterator<Item = (u64, u32, Event)>) -> Vec<Line> {
    let mut lines = vec![seal(Body::Genesis(genesis), ORIGIN)];
    // A process that goes back begins a segment.
    let (mut before, mut number) = (u64::MAX, 0);
    for (step, attempt, event) in charges {
        let previous = lines.last().unwrap().hash.clone();
        number += u32::from(before.wrapping_add(1) != step || number == 0);
        before = step;
        let segment = matches!(event, Event::BandedMatrixFactorization { .. }).then_some(number);
        lines.push(seal(Body::Step(StepEntry { step, attempt, event, segment }), &previous));
    }
    lines
}

impl Run {
    /// The finished example run.
    pub(super) fn finished() -> Self {
        Self::of(plan(), &once_each(60))
    }

    /// A finished run of `plan` that charged these (step, attempt) pairs.
    pub(super) fn of(plan: Value, charges: &[(u64, u32)]) -> Self {
        let run = Self { folder: tempfile::tempdir().unwrap(), plan };
        let text = serde_json::to_string_pretty(&run.plan).unwrap() + "\n";
        run.write("public/plan.json", &text);
        let event = event(&run.plan);
        let charges = charges.iter().map(|(step, attempt)| (*step, *attempt, event.clone()));
        run.write_ledger(&ledger(genesis(&run.plan, blake3::hash(text.as_bytes()).to_hex().to_string()), charges));
        run.write_json(
            "public/evaluation.json",
            &json!({ "format": "privet-evaluation/v1", "split": "public held-out", "sequences": 400, "tokens": 9001,
                     "base_loss": 3.2104, "released_loss": 2.8067 }),
        );
        run.write_private();
        run
    }

    /// A receipt of a selftest by the program whose hash repeats `program`; a check found `statistic` where 1 is the most.
    pub(super) fn receipt(&self, program: &str, statistic: f64) {
        let check = |name: &str, statistic: f64, at_least: Option<f64>| {
            json!({ "layer": "L0", "name": name, "trials": 10, "statistic": statistic, "at_least": at_least, "at_most": 1.0,
                    "passed": true })
        };
        self.write_json(
            "public/selftest.json",
            &json!({ "format": "privet-selftest/v1", "privet_version": "0.1.0", "binary_hash": program.repeat(32),
                     "device": "cpu", "size": "quick", "alpha": 1e-6, "passed": true,
                     "checks": [check("replay", statistic, None), check("step", 0.9, Some(0.8))] }),
        );
    }

    fn write_private(&self) {
        let charged = self.read("public/ledger.jsonl").lines().count() - 1;
        self.write_json(
            "private/training.json",
            &json!({ "plan_hash": blake3::hash(self.read("public/plan.json").as_bytes()).to_hex().to_string(), "units": PLANTED[0],
                     "truncated_units": 7919, "non_finite_examples": 1301, "clip_fraction_mean": PLANTED[3],
                     "batch_size_mean": PLANTED[4], "seconds": PLANTED[5], "steps_done": charged.min(59),
                     "stopped_by_budget": false, "device": "cpu" }),
        );
        let mut training = self.read("private/training.json");
        training = training.replace("104729.0", "104729");
        self.write("private/training.json", &training);
        self.write_json(
            "private/scrubbed/manifest.json",
            &json!({ "version": "privet-scrub-manifest/v1", "plan_digest": "ab".repeat(32), "rule_set_digest": "cd".repeat(32),
                     "column": "text",
                     "inputs": [{ "file": "a.parquet", "sha256": "11".repeat(32), "bytes": 5, "rows": 123_457 }],
                     "outputs": [{ "file": "a.parquet", "sha256": "22".repeat(32), "bytes": 5, "rows": 120_011 }],
                     "findings": null,
                     "stages": [
                         { "name": "scrub", "stability": 1, "unit": "row", "proof": "each row is rewritten by itself" },
                         { "name": "dedup-exact", "stability": 1, "unit": "row", "proof": "equal rows are one set member" }],
                     "counts": { "rows_in": 123_457, "rows_out": 120_011, "rows_null": 0, "rows_changed": 65_537,
                                 "rows_dropped": 2221, "text_bytes": 7_654_321, "text_bytes_changed": 654_321,
                                 "duplicates_removed": 3446, "findings": { "EMAIL": 31_337, "PHONE": 4243 } },
                     "quarantined": [{ "file": "b.parquet", "sha256": null, "reason_class": "truncated" }] }),
        );
        self.write_json("private/control/evaluation.json", &json!({ "loss": PLANTED[12], "steps": 611 }));
        self.write_json("private/control-clipped/evaluation.json", &json!({ "loss": PLANTED[18], "steps": 611 }));
        self.write_json(
            "private/audit.json",
            &json!({ "canaries": 1009, "guesses": 504, "correct": 271, "delta": self.plan["privacy"]["delta"], "alpha": 0.05,
                     "claimed_epsilon": 3.0, "epsilon_lower_bound": 0.0, "ceiling": 5.0, "verdict": "consistent" }),
        );
        self.write_json("private/commitment.json", &json!({ "salt": "112909", "input_digests": [] }));
        let last: Line = serde_json::from_str(self.read("public/ledger.jsonl").lines().last().unwrap()).unwrap();
        let bytes = self.read("public/ledger.jsonl").len();
        self.write_json(
            "private/ledger-head.json",
            &json!({ "bytes": bytes, "lines": charged + 1, "hash": last.hash }),
        );
    }

    /// A stage of its own that removed copies, under a limit of `records` of one owner if there is one.
    pub(super) fn removal(&self, stage: &Value, records: Option<u64>) {
        let limit = records.map(|records| json!({ "column": "author", "records": records }));
        self.write_json(
            "private/deduplicated/manifest.json",
            &json!({ "version": "privet-dedup-manifest/v1", "plan_digest": "ef".repeat(32), "column": "text",
                     "method": "equal byte by byte", "owner_limit": limit, "stages": [stage],
                     "outputs": [{ "file": "a.parquet", "sha256": "33".repeat(32), "bytes": 5, "rows": 110_503 }],
                     "counts": { "rows_in": 120_011, "rows_out": 110_503, "removed_raw": 9001, "removed_normalised": 0,
                                 "removed_near": 0, "removed_over_limit": 507 } }),
        );
    }

    pub(super) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(super) fn write_json(&self, name: &str, value: &Value) {
        self.write(name, &serde_json::to_string_pretty(value).unwrap());
    }

    pub(super) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} does not contain {from}");
        self.write(name, &text.replacen(from, to, 1));
    }

    pub(super) fn write_ledger(&self, lines: &[Line]) {
        let text: String = lines.iter().map(|line| line.to_json() + "\n").collect();
        self.write("public/ledger.jsonl", &text);
    }

    pub(super) fn remove(&self, name: &str) {
        let path = self.path(name);
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.unwrap();
    }
}
