//! A model's own chat template: Jinja2, as `transformers` runs it (`trim_blocks`, `lstrip_blocks`, Python's methods).
//!
//! Templates come with downloaded models, so they run with a bound on their work, see nothing but the conversation,
//! and can neither load files nor read the clock: a template that asks for the date gets none, and one conversation
//! always renders to one text.

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error as JinjaError, ErrorKind, Value, context};
use serde_json::Value as Json;

use super::encode::Message;
use crate::error::Error;

/// File of the template in newer model folders.
pub const TEMPLATE_FILE: &str = "chat_template.jinja";
/// File with the template in older ones, and with the names of the control tokens.
pub const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
/// What a folder without a template lacks, behind the key that names the folder.
pub(crate) const MISSING: &str = "has no chat template, neither in chat_template.jinja nor in tokenizer_config.json";
/// Steps a template may take for one conversation.
const FUEL: u64 = 50_000_000;
const NAME: &str = "chat";

/// A compiled template.
pub struct Template {
    environment: Environment<'static>,
    /// `bos_token` and its kin, as the template names them.
    tokens: Vec<(String, String)>,
}

impl Template {
    /// The template of a model folder; `None` where it has none.
    ///
    /// # Errors
    /// [`Error::ChatTemplate`] for one that is not Jinja2, or a damaged `tokenizer_config.json`; [`Error::Io`].
    pub fn open(folder: &Path) -> Result<Option<Self>, Error> {
        let config_path = folder.join(TOKENIZER_CONFIG);
        let config = match read(&config_path)? {
            Some(text) => serde_json::from_str(&text).map_err(|error| broken(&config_path, error.to_string()))?,
            None => Json::Null,
        };
        let path = folder.join(TEMPLATE_FILE);
        let (path, source) = match (read(&path)?, of_config(&config["chat_template"])) {
            (Some(source), _) => (path, source),
            (None, Some(source)) => (config_path, source),
            (None, None) => return Ok(None),
        };
        Self::new(&source, tokens_of(&config)).map(Some).map_err(|error| broken(&path, describe(&error)))
    }

    fn new(source: &str, tokens: Vec<(String, String)>) -> Result<Self, JinjaError> {
        let mut environment = Environment::new();
        environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |_: Value| -> Result<Value, JinjaError> {
            Err(ErrorKind::InvalidOperation.into())
        });
        environment.add_filter("tojson", |value: Value| {
            serde_json::to_string(&value).map_err(|_| JinjaError::from(ErrorKind::BadSerialization))
        });
        environment.add_template_owned(NAME, without_generation_marks(source))?;
        Ok(Self { environment, tokens })
    }

    /// The text of a conversation; with `prompt`, followed by what opens the assistant's answer.
    ///
    /// `None` if the template refuses it. Its own message is dropped, since it may quote the conversation.
    pub fn render(&self, messages: &[Message], prompt: bool) -> Option<String> {
        let turn = |message: &Message| context! { role => &message.role, content => &message.content };
        let messages: Vec<Value> = messages.iter().map(turn).collect();
        let mut names: BTreeMap<&str, Value> =
            self.tokens.iter().map(|(name, token)| (name.as_str(), token.as_str().into())).collect();
        names.extend([("messages", messages.into()), ("add_generation_prompt", prompt.into())]);
        names.extend([("tools", ().into()), ("documents", ().into())]);
        self.environment.get_template(NAME).ok()?.render(names).ok()
    }
}

fn read(path: &Path) -> Result<Option<String>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path, error)),
    }
}

fn broken(path: &Path, reason: String) -> Error {
    Error::ChatTemplate { path: path.to_owned(), reason }
}

/// What is wrong with a template and where; templates are public, and this is said before any conversation is read.
fn describe(error: &JinjaError) -> String {
    let line = error.line().map_or_else(String::new, |line| format!(" in line {line}"));
    format!("{}{line}", error.detail().unwrap_or("it is not a Jinja2 template"))
}

/// One template, or the one called `default` among several.
fn of_config(value: &Json) -> Option<String> {
    let named = |name: &str| value.as_array()?.iter().find(|entry| entry["name"] == name)?["template"].as_str();
    value.as_str().or_else(|| named("default")).map(str::to_owned)
}

/// `bos_token`, `eos_token` and so on: a string, or an object with one.
fn tokens_of(config: &Json) -> Vec<(String, String)> {
    let text = |value: &Json| value.as_str().or_else(|| value["content"].as_str()).map(str::to_owned);
    let entries = config.as_object().into_iter().flatten();
    entries
        .filter(|(name, _)| name.ends_with("_token"))
        .filter_map(|(name, v)| Some((name.clone(), text(v)?)))
        .collect()
}

/// `{% generation %}` marks what the assistant says, for tools that ask; to the text it means nothing.
fn without_generation_marks(source: &str) -> String {
    let mut text = source.to_owned();
    for word in ["generation", "endgeneration"] {
        for (open, close) in [("{%-", "-%}"), ("{%-", "%}"), ("{%", "-%}"), ("{%", "%}")] {
            // A comment trims its surroundings as the mark did.
            let comment = format!("{}{}", open.replace('%', "#"), close.replace('%', "#"));
            text = text.replace(&format!("{open} {word} {close}"), &comment);
        }
    }
    text
}

#[cfg(test)]
#[path = "chat_tests.rs"]
mod tests;
