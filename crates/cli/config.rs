//! The config file: one TOML, read once, refused when in doubt.
//!
//! A key nobody reads is a setting the user believes in, so unknown keys are errors that name the place and the
//! nearest known key; `--set key=value` lays one more assignment over the file ([`parse`]). The sections that concern
//! training are `privet_train`'s own structs.

mod parse;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use privet_corpus::Selection;
use privet_text::{CustomRule, Encoding, Entity, Operator, Preset, Scope};
use privet_train::{AuditConfig, DataConfig, ModelConfig, PrivacyConfig, TrainConfig};
use serde::{Deserialize, Deserializer};

use crate::dedup::{Dedup, Removal};
use crate::failure::Failure;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) model: ModelConfig,
    pub(crate) datasets: Vec<Dataset>,
    /// Left out: no scrubbing.
    pub(crate) scrub: Option<Scrub>,
    /// Left out: equal texts are removed when there is a `[scrub]`, with users as units within each.
    pub(crate) dedup: Option<Dedup>,
    pub(crate) data: DataConfig,
    pub(crate) privacy: PrivacyConfig,
    pub(crate) train: TrainConfig,
    #[serde(default)]
    pub(crate) audit: AuditConfig,
    pub(crate) output: Output,
    /// What makes up a record of any dataset.
    #[serde(skip, default = "records")]
    pub(crate) selection: Selection,
    /// When copies go.
    #[serde(skip)]
    pub(crate) removal: Removal,
}

fn records() -> Selection {
    Selection::Text { column: String::from("text") }
}

/// One `[[datasets]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dataset {
    /// Files, globs or folders.
    #[serde(deserialize_with = "one_or_many")]
    pub(crate) path: Vec<String>,
    /// Column of the text; `text` where none of these is given.
    #[serde(default)]
    pub(crate) column: Option<String>,
    /// Instead: columns of prompts and of completions.
    #[serde(default)]
    pub(crate) prompt_column: Option<String>,
    #[serde(default)]
    pub(crate) completion_column: Option<String>,
    /// Instead: a column of conversations.
    #[serde(default)]
    pub(crate) messages_column: Option<String>,
    /// Column that says whose a row is, for `privacy_unit = "user"`.
    #[serde(default)]
    pub(crate) unit_column: Option<String>,
    /// The data is declared invented: private figures may be shown on the terminal too.
    #[serde(default)]
    pub(crate) synthetic: bool,
}

/// `[scrub]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scrub {
    /// What stands for every key below that is not written.
    #[serde(default, deserialize_with = "preset")]
    pub(crate) preset: Option<&'static Preset>,
    /// Left out: the preset's, or the default.
    #[serde(default)]
    pub(crate) entities: Option<Vec<Entity>>,
    /// Left out: the preset's, or `tag`.
    #[serde(default)]
    pub(crate) operator: Option<Operator>,
    /// Exceptions to `operator`, by entity.
    #[serde(default)]
    pub(crate) operators: BTreeMap<Entity, Operator>,
    /// Confidence below which a finding is counted and left.
    #[serde(default)]
    pub(crate) thresholds: BTreeMap<Entity, f32>,
    /// A document with more findings goes.
    #[serde(default)]
    pub(crate) drop_above: Option<usize>,
    /// How far equal values get equal hashes and surrogates.
    #[serde(default)]
    pub(crate) scope: Scope,
    /// Needed by the operators `hash` and `surrogate`: 32 bytes, or 64 hexadecimal digits.
    #[serde(default)]
    pub(crate) hash_key_file: Option<PathBuf>,
    /// Needed by the operator `encrypt`.
    #[serde(default)]
    pub(crate) encrypt_key_file: Option<PathBuf>,
    /// Values that are no findings.
    #[serde(default)]
    pub(crate) allow: Vec<String>,
    #[serde(default)]
    pub(crate) allow_file: Option<PathBuf>,
    /// Texts that are findings wherever they stand as words.
    #[serde(default)]
    pub(crate) deny: Vec<String>,
    #[serde(default)]
    pub(crate) deny_file: Option<PathBuf>,
    /// Encodings that are looked into: text written inside other text.
    #[serde(default)]
    pub(crate) decode: Vec<Encoding>,
    /// More control tokens of chat models, beside those that are built in.
    #[serde(default)]
    pub(crate) chat_control: Vec<String>,
    #[serde(default)]
    pub(crate) on_error: OnError,
    #[serde(default)]
    pub(crate) custom: Vec<CustomRule>,
    /// Files with rules for secrets in gitleaks' format, or `builtin:high-entropy`.
    #[serde(default)]
    pub(crate) rule_packs: Vec<String>,
    /// Share of the texts' bytes above which a file is refused.
    #[serde(default)]
    pub(crate) max_changed: Option<f64>,
    /// Bytes that rows in flight may take.
    #[serde(default, deserialize_with = "memory")]
    pub(crate) memory: Option<u64>,
    /// 0 means one per core.
    #[serde(default)]
    pub(crate) jobs: usize,
}

/// What happens to a file that cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnError {
    #[default]
    Quarantine,
    Fail,
}

/// `[output]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The run's folder; its last part is the run's name.
    pub(crate) dir: PathBuf,
}

impl Scrub {
    /// What is looked for: as written, else the preset's, else the default.
    pub(crate) fn entities(&self) -> Vec<Entity> {
        let preset = || self.preset.map(|preset| preset.entities.to_vec());
        self.entities.clone().or_else(preset).unwrap_or_else(|| Entity::DEFAULT.to_vec())
    }

    /// The rule packs as written, and the preset's where its entities count.
    pub(crate) fn rule_packs(&self) -> Vec<String> {
        let preset = self.preset.filter(|_| self.entities.is_none()).map_or(&[][..], |preset| preset.packs);
        self.rule_packs.iter().cloned().chain(preset.iter().map(|name| format!("builtin:{name}"))).collect()
    }
}

impl Config {
    /// Whether the text is changed before training.
    pub(crate) fn prepares(&self) -> bool {
        self.scrub.is_some() || !matches!(self.removal, Removal::None)
    }

    /// Whether every dataset is declared synthetic.
    pub(crate) fn synthetic(&self) -> bool {
        !self.datasets.is_empty() && self.datasets.iter().all(|dataset| dataset.synthetic)
    }

    /// The column that says whose a row is; the same in every dataset.
    pub(crate) fn unit_column(&self) -> Option<&str> {
        self.datasets.first().and_then(|dataset| dataset.unit_column.as_deref())
    }

    /// Every path of every dataset, as written.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.datasets.iter().flat_map(|dataset| dataset.path.clone()).collect()
    }

    /// The run's name.
    pub(crate) fn name(&self) -> String {
        self.output.dir.file_name().map_or_else(|| String::from("run"), |name| name.to_string_lossy().into_owned())
    }
}

/// Reads `path`, lays the `--set` assignments over it, and checks what one section cannot check alone.
pub(crate) fn load(path: &Path, sets: &[String]) -> Result<Config, Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let mut config = parse::parse(&name, &text, sets)?;
    config.selection = check(&name, &config)?;
    config.removal = Removal::of(&config).map_err(|failure| failure.or_at(name))?;
    Ok(config)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let tried = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Failure::usage("the config cannot be read")
        .at(tried.display().to_string())
        .why(error.to_string())
        .help("name a config file, for example `privet run configs/quickstart.toml`")
}

fn check(name: &str, config: &Config) -> Result<Selection, Failure> {
    if config.paths().is_empty() {
        return Err(Failure::usage("the config names no dataset")
            .at(name)
            .help("add a [[datasets]] section with `path = \"folder/*.parquet\"`"));
    }
    let mut selection = None;
    for dataset in &config.datasets {
        let one = dataset.selection().map_err(|why| {
            Failure::usage("the columns of a dataset do not go together")
                .at(name)
                .why(why)
                .help("give `column`, or `prompt_column` and `completion_column`, or `messages_column`")
        })?;
        let first = selection.get_or_insert_with(|| one.clone());
        if *first != one {
            return Err(Failure::usage("the datasets disagree about the columns")
                .at(name)
                .why(format!(
                    "one reads `{}`, another `{}`; one run reads records of one kind",
                    first.names(),
                    one.names()
                ))
                .help("rename the columns in the files, or train on one dataset at a time"));
        }
    }
    let selection = selection.unwrap_or_else(records);
    if config.datasets.iter().any(|dataset| dataset.unit_column.as_deref() != config.unit_column()) {
        return Err(Failure::usage("the datasets disagree about `unit_column`")
            .at(name)
            .why("one person may have rows in several files, and all of them are one unit")
            .help("give every [[datasets]] the same `unit_column`"));
    }
    if config.output.dir.as_os_str().is_empty() || config.output.dir.file_name().is_none() {
        return Err(Failure::usage("`dir` in [output] is not the name of a folder")
            .at(name)
            .help("for example `dir = \"runs/first\"`"));
    }
    Ok(selection)
}

impl Dataset {
    fn selection(&self) -> Result<Selection, &'static str> {
        let Self { column, prompt_column, completion_column, messages_column, .. } = self;
        let [text, prompt, completion, messages] =
            [column, prompt_column, completion_column, messages_column].map(Option::as_deref);
        crate::records::selection(text, prompt, completion, messages)
    }
}

/// A string, or a list of strings.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct OneOrMany;
    impl<'de> serde::de::Visitor<'de> for OneOrMany {
        type Value = Vec<String>;
        fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
            formatter.write_str("a path or a list of paths")
        }
        fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
            Ok(vec![value.to_owned()])
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut paths = Vec::new();
            while let Some(path) = list.next_element()? {
                paths.push(path);
            }
            Ok(paths)
        }
    }
    deserializer.deserialize_any(OneOrMany)
}

fn memory<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    crate::scrub::memory(&String::deserialize(deserializer)?).map(Some).map_err(serde::de::Error::custom)
}

fn preset<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'static Preset>, D::Error> {
    let name = String::deserialize(deserializer)?;
    Preset::of(&name).map(Some).map_err(serde::de::Error::custom)
}
