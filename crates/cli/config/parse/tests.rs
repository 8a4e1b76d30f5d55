use privet_text::{Encoding, Entity};

use super::{Config, parse};
use crate::failure::{Exit, Failure};

const GOOD: &str = r#"
[model]
base_model = "models/tiny"
lora_r = 4

[[datasets]]
path = "data/*.parquet"
synthetic = true

[scrub]
operator = "tag"
operators = { EMAIL = "mask" }

[data]
sequence_len = 64

[privacy]
privacy_unit = "document"
adjacency = "add-remove"
delta = 1e-5
epsilon = 8.0
max_grad_norm = 1.0
expected_batch_size = 16
dataset_size_bound = 1000
steps = 10

[train]
learning_rate = 0.01

[output]
dir = "runs/x"
"#;

fn read(text: &str, sets: &[&str]) -> Result<Config, Failure> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    parse("a.toml", text, &sets)
}

fn refused(text: &str, sets: &[&str]) -> String {
    let failure = read(text, sets).unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    failure.render(false)
}

#[test]
fn a_whole_config_is_read_with_its_defaults() {
    let config = read(GOOD, &[]).unwrap();
    assert_eq!((config.synthetic(), config.name().as_str()), (true, "x"));
    assert_eq!(config.paths(), ["data/*.parquet"]);
    assert_eq!(config.scrub.unwrap().entities, None);
}

#[test]
fn set_replaces_adds_and_reaches_into_arrays() {
    let config = read(
        GOOD,
        &[
            "privacy.steps = 20",
            "privacy.delta=1e-6",
            "train.speed.physical_batch_size=8",
            "datasets.0.path=['a.parquet', 'b.parquet']",
            "datasets.0.synthetic=false",
            "scrub.operators.PHONE='redact'",
        ],
    )
    .unwrap();
    assert_eq!((config.privacy.steps, config.train.speed.physical_batch_size), (20, 8));
    assert_eq!(config.paths(), ["a.parquet", "b.parquet"]);
    assert!(!config.synthetic());
    assert_eq!(config.scrub.unwrap().operators.len(), 2);
}

#[test]
fn an_unknown_key_names_its_place_its_neighbour_and_its_section() {
    let text = GOOD.replace("lora_r = 4", "lora_rank = 4");
    let message = refused(&text, &[]);
    assert!(message.starts_with("error: unknown key `lora_rank` in [model]\n  where: a.toml:4:1\n"), "{message}");
    assert!(message.contains("did you mean `lora_r`?"), "{message}");
    assert!(message.contains("keys of [model]: base_model, sha256,"), "{message}");
}

#[test]
fn encodings_and_control_tokens_are_read() {
    let keys = "operator = \"tag\"\ndecode = [\"quoted-printable\", \"base64\"]\nchat_control = [\"<|x|>\"]";
    let scrub = read(&GOOD.replace("operator = \"tag\"", keys), &[]).unwrap().scrub.unwrap();
    assert_eq!(scrub.decode, [Encoding::QuotedPrintable, Encoding::Base64]);
    assert_eq!(scrub.chat_control, ["<|x|>"]);
    assert_eq!(read(GOOD, &["scrub.memory=256MiB"]).unwrap().scrub.unwrap().memory, Some(256 << 20));
    assert!(refused(GOOD, &["scrub.memory=1MiB"]).contains("at least 16MiB"));
    let scrub = read(GOOD, &["scrub.preset=fineweb"]).unwrap().scrub.unwrap();
    assert!(scrub.entities().is_empty() && scrub.rule_packs() == ["builtin:fineweb"]);
    let scrub = read(GOOD, &["scrub.preset=fineweb", "scrub.entities=[\"EMAIL\"]"]).unwrap().scrub.unwrap();
    assert!(scrub.entities() == [Entity::Email] && scrub.rule_packs().is_empty());
}

#[test]
fn a_part_of_a_name_is_enough_for_a_suggestion() {
    let message = refused(&GOOD.replace("expected_batch_size", "batch_size"), &[]);
    assert!(message.contains("did you mean `expected_batch_size`?"), "{message}");
}

#[test]
fn an_unknown_section_is_called_a_section() {
    let message = refused(&GOOD.replace("[privacy]", "[privcy]"), &[]);
    assert!(message.contains("unknown section `privcy`"), "{message}");
    assert!(message.contains("did you mean `privacy`?"), "{message}");
}

#[test]
fn an_unknown_key_of_set_points_at_the_argument() {
    let message = refused(GOOD, &["privacy.stepz=3"]);
    assert!(message.contains("unknown key `stepz` in [privacy]\n  where: --set privacy.stepz=3\n"), "{message}");
    assert!(message.contains("did you mean `steps`?"), "{message}");
}

#[test]
fn a_plain_word_needs_no_toml_quotes_since_a_shell_eats_them() {
    let dir = |set: &str| read(GOOD, &[set]).unwrap().output.dir;
    assert_eq!(dir("output.dir=runs/y"), dir(r#"output.dir="runs/y""#));
    assert_eq!(dir("output.dir = runs/y z "), dir(r#"output.dir="runs/y z""#));
    // What is a TOML value stays one, and what is neither a value nor a word is refused with the way to write it.
    assert!(refused(GOOD, &["output.dir=3"]).contains("output.dir"));
    assert!(refused(GOOD, &["privacy.epsilon=much"]).contains("`privacy.epsilon` is not valid"));
    let message = refused(GOOD, &["output.dir=[runs/y"]);
    assert!(message.contains("`--set output.dir=[runs/y` is not an assignment in TOML"), "{message}");
    assert!(message.contains(r#"--set 'output.dir="[runs/y"'"#), "{message}");
    assert!(refused(GOOD, &["steps"]).contains("write `--set key=value`"));
}

#[test]
fn wrong_types_missing_keys_and_bad_values_name_the_key() {
    let message = refused(&GOOD.replace("steps = 10", "steps = \"ten\""), &[]);
    assert!(message.contains("`privacy.steps` is not valid\n  where: a.toml:25:9\n"), "{message}");
    let message = refused(&GOOD.replace("delta = 1e-5\n", ""), &[]);
    assert!(message.contains("[privacy] lacks `delta`"), "{message}");
    let message = refused(&GOOD.replace("add-remove", "add-removal"), &[]);
    assert!(message.contains("`add-removal` is not a value of `privacy.adjacency`"), "{message}");
    assert!(message.contains("did you mean `add-remove`?"), "{message}");
    let message = refused(&GOOD.replace("[output]\ndir = \"runs/x\"\n", ""), &[]);
    assert!(message.contains("the config has no [output] section"), "{message}");
}

#[test]
fn broken_toml_names_line_and_column() {
    let message = refused(&GOOD.replace("lora_r = 4", "lora_r = = 4"), &[]);
    assert!(message.contains("where: a.toml:4:"), "{message}");
}
