//! Corpora that are not a column of text in Parquet, and corpora larger than memory.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::config::CONFIG;
use crate::fixture::sentences;
use crate::{command, folder, privet, root};

/// A template in the characters that the tiny model knows; `</s>` ends every turn.
const TEMPLATE: &str = "{% for message in messages %}[{{ message.role }}] {{ message.content + eos_token }}{% endfor %}\
    {% if add_generation_prompt %}[assistant] {% endif %}";

/// A folder with the tiny model, `data/a.jsonl` and a config without scrubbing.
fn prepared(lines: &str, change: impl Fn(&str) -> String) -> tempfile::TempDir {
    let dir = folder();
    crate::model::tiny(&dir.path().join("model"));
    std::fs::create_dir(dir.path().join("data")).unwrap();
    std::fs::write(dir.path().join("data/a.jsonl"), lines).unwrap();
    let config = CONFIG.replace("[scrub]\n", "").replace("data/*.parquet", "data");
    std::fs::write(dir.path().join("privet.toml"), change(&config)).unwrap();
    dir
}

fn with_template(dir: &Path) {
    let config = serde_json::json!({ "chat_template": TEMPLATE, "eos_token": "</s>" });
    std::fs::write(dir.join("model/tokenizer_config.json"), config.to_string()).unwrap();
}

fn chats(count: u64) -> String {
    sentences(count).iter().fold(String::new(), |mut lines, said| {
        let turns =
            serde_json::json!([{ "role": "user", "content": "and?" }, { "role": "assistant", "content": said }]);
        writeln!(lines, "{}", serde_json::json!({ "messages": turns, "prompt": "and?", "completion": said })).unwrap();
        lines
    })
}

fn plan(dir: &Path) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(dir.join("runs/test/public/plan.json")).unwrap()).unwrap()
}

#[test]
fn conversations_are_trained_on_with_the_models_template() {
    let chat = |text: &str| text.replace("synthetic = true", "synthetic = true\nmessages_column = \"messages\"");
    let dir = prepared(&chats(40), |text| {
        chat(text).replace("sequence_len = 16", "sequence_len = 16\nsequences_per_unit = 4\nloss_on = \"completion\"")
    });
    privet(dir.path(), &["train", "privet.toml", "--dry-run"]).failed(2, &["model.base_model", "no chat template"]);
    with_template(dir.path());
    let planned = privet(dir.path(), &["train", "privet.toml", "--dry-run"]);
    planned.done().says(&["conversations in `messages`", "16 x 4 tokens a unit", "answers alone are learned"]);
    privet(dir.path(), &["train", "privet.toml"]).done().says(&["epsilon"]);
    let plan = plan(dir.path());
    assert_eq!((&plan["data"]["format"], &plan["data"]["loss_on"]), (&"chat".into(), &"completion".into()));
    // The tokens were needed for training alone.
    assert_eq!(std::fs::read_dir(dir.path().join("runs/test/private/tokens")).unwrap().count(), 0);

    // The same texts as prompts and completions, in another file and format.
    let score = |arguments: &[&str]| privet(dir.path(), &[&["score", "model", "data", "--json"], arguments].concat());
    let by_chat = score(&["--messages-column", "messages", "--loss-on", "completion"]).json();
    let whole = score(&["--messages-column", "messages"]).json();
    assert!(by_chat["tokens"].as_u64().unwrap() < whole["tokens"].as_u64().unwrap());
    let pairs = score(&["--prompt-column", "prompt", "--completion-column", "completion", "--loss-on", "completion"]);
    assert_eq!(pairs.json()["tokens"], by_chat["tokens"], "an answer and the token that ends it, in both");
    score(&["--messages-column", "messages", "--column", "text"]).failed(2, &["columns"]);
    score(&["--column", "prompt", "--loss-on", "completion"]).failed(2, &["completion"]);
}

#[test]
fn what_cannot_be_read_or_learned_is_refused_with_its_place_and_without_its_words() {
    let chat = |text: &str| text.replace("synthetic = true", "synthetic = true\nmessages_column = \"messages\"");
    let dir = prepared("{\"messages\": [{\"role\": \"user\"}]}\n", chat);
    with_template(dir.path());
    privet(dir.path(), &["train", "privet.toml"]).failed(3, &["a.jsonl", "line 1", "`messages`", "help: "]);
    let pairs = ["--set", "datasets.0.prompt_column='prompt'"];
    privet(dir.path(), &[&["train", "privet.toml"], &pairs[..]].concat()).failed(2, &["do not go together"]);
    let dir = prepared("{\"text\": \"hunter2\"\n", str::to_owned);
    let refused = privet(dir.path(), &["train", "privet.toml"]);
    refused.failed(3, &["a.jsonl", "line 1"]);
    assert!(!refused.stderr.contains("hunter2"));
    privet(dir.path(), &["train", "privet.toml", "--set", "data.loss_on='completion'"]).failed(2, &["data.loss_on"]);
    privet(dir.path(), &["train", "privet.toml", "--set", "data.sequences_per_unit=33"])
        .failed(2, &["data.sequences_per_unit", "physical_batch_size"]);
}

/// Conversations in, conversations scrubbed, trained on; repeats gone, and the claim for the corpus as it came in.
#[test]
fn conversations_are_scrubbed_and_trained_on_in_one_run() {
    let chat = |text: &str| text.replace("synthetic = true", "synthetic = true\nmessages_column = \"messages\"");
    let mail = serde_json::json!({ "messages": [{ "role": "user", "content": "write to info@example.org" },
        { "role": "assistant", "content": "done" }] });
    let dir = prepared(&format!("{}{mail}\n{mail}\n", chats(30)), |text| format!("{}\n[scrub]\n", chat(text)));
    with_template(dir.path());
    privet(dir.path(), &["run", "privet.toml"]).done();
    let scrubbed = dir.path().join("runs/test/private/scrubbed");
    let text = std::fs::read_to_string(scrubbed.join("a.jsonl")).unwrap();
    assert!(!text.contains("info@example.org") && text.contains("write to <EMAIL>"));
    let manifest = std::fs::read_to_string(scrubbed.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["counts"]["duplicates_removed"], 1);
    assert_eq!(manifest["column"], "messages[].role, messages[].content");
    let report = privet(dir.path(), &["report", "runs/test", "--json"]).done().json();
    assert_eq!(report["scope"]["end_to_end"], true);
}

#[test]
fn a_blank_corpus_is_refused_and_a_changed_one_is_another() {
    let dir = prepared("{\"text\": \" \"}\n{\"text\": null}\n", str::to_owned);
    privet(dir.path(), &["train", "privet.toml"]).failed(3, &["no text"]);
    let lines = |count| {
        let lines = sentences(count).into_iter().map(|text| serde_json::json!({ "text": text }).to_string() + "\n");
        lines.collect::<String>()
    };
    let dir = prepared(&lines(40), str::to_owned);
    let stopped = ["train", "privet.toml"];
    // Stopped after the ledger began: the second call finds tokens, ledger and checkpoint.
    let mut child = command(dir.path(), &[&stopped[..], &["--set", "privacy.steps=400"]].concat()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut seen = String::new();
    while !seen.contains("step ") {
        assert_ne!(stderr.read_line(&mut seen).unwrap(), 0, "the run ended early:\n{seen}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let tokens = dir.path().join("runs/test/private/tokens/training.tokens");
    let made = std::fs::metadata(&tokens).unwrap().modified().unwrap();
    std::fs::write(dir.path().join("data/a.jsonl"), lines(41)).unwrap();
    let again = [&stopped[..], &["--set", "privacy.steps=400"]].concat();
    privet(dir.path(), &again).failed(2, &["other training data"]);
    assert_ne!(std::fs::metadata(&tokens).unwrap().modified().unwrap(), made, "other files, other tokens");
    std::fs::write(dir.path().join("data/a.jsonl"), lines(40)).unwrap();
    // A step may have been charged when the first call died; then the budget ends one step early.
    let resumed = privet(dir.path(), &again);
    assert!([0, 6].contains(&resumed.code), "{}", resumed.stderr);
    assert!(resumed.stderr.contains("resumed after step"), "{}", resumed.stderr);
}

/// Peak resident memory of a command that ends well, in MiB.
#[cfg(target_os = "linux")]
pub(crate) fn peak(dir: &Path, arguments: &[&str]) -> u64 {
    let mut child = command(dir, arguments).spawn().unwrap();
    let path = format!("/proc/{}/status", child.id());
    let now = || -> Option<u64> {
        let status = std::fs::read_to_string(&path).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    };
    // A process that has ended and waits to be asked about it has no memory.
    let mut peak = 0;
    while let Some(kilobytes) = now() {
        peak = kilobytes;
        std::thread::yield_now();
    }
    assert!(child.wait().unwrap().success() && peak > 0);
    peak / 1024
}

/// That of a training run on so many units.
#[cfg(target_os = "linux")]
fn peak_of_training(units: usize) -> u64 {
    let line = |unit: usize| {
        let text: String = sentences(13).join(", ");
        serde_json::json!({ "text": format!("{unit} {text}") }).to_string() + "\n"
    };
    let lines: String = (0..units).map(line).collect();
    let dir = prepared(&lines, |text| {
        text.replace("sequence_len = 16", "sequence_len = 32\nsequences_per_unit = 32")
            .replace("dataset_size_bound = 100", "dataset_size_bound = 50000")
            .replace("delta = 1e-4", "delta = 1e-6")
            .replace("steps = 20", "steps = 2")
    });
    peak(dir.path(), &["train", "privet.toml"])
}

/// 20 MB of text are 80 MB of token ids here (a token a character): held in memory, both together would show.
#[cfg(target_os = "linux")]
#[test]
fn peak_memory_does_not_grow_with_the_corpus() {
    let (small, large) = (peak_of_training(1_000), peak_of_training(35_000));
    assert!(large < small + 24, "{small} MiB with 1,000 units, {large} MiB with 35,000");
}

#[test]
fn every_format_is_explained() {
    let text = std::fs::read_to_string(root().join("configs/README.md")).unwrap();
    for key in ["prompt_column", "completion_column", "messages_column", "sequences_per_unit", "loss_on"] {
        assert!(text.contains(&format!("`{key}`")), "{key} is missing in configs/README.md");
    }
}
