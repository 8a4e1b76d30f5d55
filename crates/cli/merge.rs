//! `privet merge`: an adapter folded into its base model, as a folder that other tools load.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::failure::{Exit, Failure};
use crate::terminal::Terminal;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Folder of an adapter (PEFT layout), or of a run that made one
    adapter: PathBuf,
    /// The base model the adapter was trained on, a Hugging Face folder
    #[arg(long, value_name = "DIR")]
    base: PathBuf,
    /// New folder for the merged model; must not exist
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<Exit, Failure> {
    let adapter = adapter_of(&arguments.adapter);
    let merged = privet_model::merge(&arguments.base, &adapter, &arguments.output)?;
    if terminal.json {
        terminal.json(&json!({
            "output": arguments.output.display().to_string(), "layers": merged.layers, "files": merged.files,
            "sha256": merged.digest,
        }));
    } else {
        terminal.out(&format!(
            "{}: {} layers merged, everything else as in the base\nsha256 {}",
            arguments.output.display(),
            merged.layers,
            merged.digest
        ));
    }
    Ok(Exit::Done)
}

/// The adapter's folder inside that of a run, or the folder itself.
pub(crate) fn adapter_of(folder: &Path) -> PathBuf {
    let released = folder.join("public/adapter");
    if released.is_dir() { released } else { folder.to_owned() }
}
