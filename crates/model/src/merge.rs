//! A base model with other values, in the base's own layout and number types: an adapter folded in (`W + scale * B A`), or
//! weights that were trained themselves.
//!
//! Each weights file is copied and the adapted tensors are written over their own bytes, so names, shards, types and metadata
//! stay those of the base, and a tensor that is not adapted stays the same to the bit. The sum is taken in f64 and rounded
//! once. Everything is written to a folder beside the output, which is renamed when it is complete.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use burn::tensor::{bf16, f16};
use safetensors::tensor::Dtype;
use serde::Deserialize;

use crate::trainable::HEAD;
use crate::weights::WeightFile;
use crate::{Error, ModelConfig, Tensors};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// Tensors whose values changed.
    pub layers: usize,
    /// Files in the new folder.
    pub files: Vec<String>,
    /// SHA-256 of the new weights; see [`WeightFile::digest`].
    pub digest: String,
}

/// `adapter_config.json`, as far as it changes what an adapter means.
#[derive(Deserialize)]
struct Peft {
    #[serde(rename = "peft_type")]
    kind: String,
    r: usize,
    lora_alpha: f64,
    #[serde(default)]
    fan_in_fan_out: bool,
    #[serde(default)]
    use_rslora: bool,
    #[serde(default)]
    use_dora: bool,
    bias: Option<String>,
    modules_to_save: Option<Vec<String>>,
    rank_pattern: Option<serde_json::Map<String, serde_json::Value>>,
    alpha_pattern: Option<serde_json::Map<String, serde_json::Value>>,
}

/// What belongs to a model besides its weights.
const COMPANIONS: [&str; 4] = ["json", "txt", "model", "jinja"];

/// Writes the base with the adapter folded in to `output`, which must not exist.
///
/// # Errors
/// [`Error::BadAdapter`] for an adapter of another kind or for another model; [`Error::Exists`]; everything that reading
/// the two and writing the third can meet.
pub fn merge(base: &Path, adapter: &Path, output: &Path) -> Result<Merged, Error> {
    if output.exists() {
        return Err(Error::Exists { path: output.to_owned() });
    }
    ModelConfig::load(base)?;
    let meaning = meaning(adapter)?;
    let weights = WeightFile::open(base, None)?;
    let layers = layers(adapter, &meaning, &weights)?;
    let names: Vec<&str> = layers.iter().map(|layer| layer.name.as_str()).collect();
    let sum = |which: usize| {
        let layer = &layers[which];
        let shape = weights.shape(&layer.name).unwrap_or_default().to_vec();
        Ok(layer.add_to(weights.tensor(&layer.name, &shape)?, meaning.scale))
    };
    rewrite(base, output, &weights, &names, &sum)
}

/// Writes the base with new values in the place of some of its weights to `output`, which must not exist: a Hugging Face folder
/// in the base's own layout and number types.
///
/// A head that is the embedding, but lies in the file as well, gets the embedding's values.
///
/// # Errors
/// [`Error::MissingTensor`] or [`Error::WrongShape`] for a tensor that is not the base's; [`Error::Overflow`]; [`Error::Exists`];
/// everything that reading the one and writing the other can meet.
pub fn save(base: &Path, trained: &Tensors, output: &Path) -> Result<Merged, Error> {
    let (config, weights) = (ModelConfig::load(base)?, WeightFile::open(base, None)?);
    let mut names = Vec::new();
    let mut slots = Vec::new();
    for (slot, (name, shape)) in trained.names.iter().zip(&trained.shapes).enumerate() {
        let own = weights.own_name(name);
        weights.check(own, shape)?;
        names.push(own);
        slots.push(slot);
        if name == config.embedding_name() && config.tie_word_embeddings && weights.has(HEAD) {
            names.push(HEAD);
            slots.push(slot);
        }
    }
    let values = |which: usize| Ok(trained.values[slots[which]].iter().map(|value| f64::from(*value)).collect());
    rewrite(base, output, &weights, &names, &values)
}

/// Copies the base to `output` and writes new values over the tensors `names`; `values` gives each, row-major.
fn rewrite(
    base: &Path,
    output: &Path,
    weights: &WeightFile,
    names: &[&str],
    values: &dyn Fn(usize) -> Result<Vec<f64>, Error>,
) -> Result<Merged, Error> {
    if output.exists() {
        return Err(Error::Exists { path: output.to_owned() });
    }
    let partial = partial(output)?;
    fs::create_dir_all(&partial).map_err(|source| unwritable(&partial, source))?;
    let done = write(base, &partial, weights, names, values).and_then(|files| {
        let digest = WeightFile::open(&partial, None)?.digest().to_owned();
        fs::rename(&partial, output).map_err(|source| unwritable(output, source))?;
        Ok(Merged { layers: names.len(), files, digest })
    });
    if done.is_err() {
        // What is left of a failed merge is of no use to anybody; the error says why.
        let _ = fs::remove_dir_all(&partial);
    }
    done
}

/// One adapted layer.
struct Layer {
    /// Name of its weight in the base.
    name: String,
    /// `[r, in]`, row-major.
    a: Vec<f32>,
    /// `[out, r]`, row-major.
    b: Vec<f32>,
    r: usize,
    d_in: usize,
    d_out: usize,
    /// The base stores `[in, out]`.
    turned: bool,
}

fn meaning(adapter: &Path) -> Result<Meaning, Error> {
    let path = adapter.join("adapter_config.json");
    let text = fs::read_to_string(&path).map_err(|source| Error::Unreadable { path: path.clone(), source })?;
    let bad = |reason: String| Error::BadAdapter { path: path.clone(), reason };
    let peft: Peft = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
    let filled = |map: &Option<serde_json::Map<_, _>>| map.as_ref().is_some_and(|map| !map.is_empty());
    if peft.kind != "LORA" {
        return Err(bad(format!("it is of type {:?}; only LORA can be merged", peft.kind)));
    }
    if peft.use_dora || filled(&peft.rank_pattern) || filled(&peft.alpha_pattern) {
        return Err(bad("it uses DoRA, or ranks that differ between layers, which cannot be merged".to_owned()));
    }
    if peft.bias.is_some_and(|bias| bias != "none") || peft.modules_to_save.is_some_and(|list| !list.is_empty()) {
        return Err(bad("it has trained biases or whole layers, which cannot be merged".to_owned()));
    }
    if peft.r == 0 || peft.r > 1 << 16 || !peft.lora_alpha.is_finite() {
        return Err(bad("its rank or its alpha is out of range".to_owned()));
    }
    let rank = peft.r as f64;
    Ok(Meaning {
        scale: peft.lora_alpha / if peft.use_rslora { rank.sqrt() } else { rank },
        r: peft.r,
        turned: peft.fan_in_fan_out,
        path,
    })
}

/// What an adapter's configuration says about all of its layers.
struct Meaning {
    scale: f64,
    r: usize,
    /// The base stores `[in, out]`.
    turned: bool,
    path: PathBuf,
}

fn layers(adapter: &Path, meaning: &Meaning, weights: &WeightFile) -> Result<Vec<Layer>, Error> {
    let Meaning { r, turned, path, .. } = meaning;
    let (r, turned) = (*r, *turned);
    let file = WeightFile::read(adapter.join("adapter_model.safetensors"), None)?;
    let bad = |reason: String| Error::BadAdapter { path: path.clone(), reason };
    let mut names: Vec<String> = file.names().map(str::to_owned).collect();
    names.sort();
    let mut layers = Vec::new();
    for a in names.iter().filter(|name| !name.ends_with(".lora_B.weight")) {
        let module = a
            .strip_prefix("base_model.model.")
            .and_then(|rest| rest.strip_suffix(".lora_A.weight"))
            .ok_or_else(|| bad(format!("the tensor {a} is no part of a LoRA adapter")))?;
        let full = format!("{module}.weight");
        // Some files of GPT-2 leave out the first part of every name.
        let short = full.strip_prefix("transformer.").unwrap_or(&full).to_owned();
        let name = if weights.has(&full) { full } else { short };
        let Some(shape) = weights.shape(&name) else {
            return Err(bad(format!("the base model has no layer {module}")));
        };
        let &[rows, columns] = shape else { return Err(bad(format!("{module} is no linear layer in the base model"))) };
        let (d_out, d_in) = if turned { (columns, rows) } else { (rows, columns) };
        let b = format!("base_model.model.{module}.lora_B.weight");
        let (a, b) = (file.tensor(a, &[r, d_in])?, file.tensor(&b, &[d_out, r])?);
        layers.push(Layer { name, a, b, r, d_in, d_out, turned });
    }
    if layers.is_empty() || names.len() != 2 * layers.len() {
        return Err(bad("its tensors do not come in pairs".to_owned()));
    }
    Ok(layers)
}

fn write(
    base: &Path,
    folder: &Path,
    weights: &WeightFile,
    names: &[&str],
    values: &dyn Fn(usize) -> Result<Vec<f64>, Error>,
) -> Result<Vec<String>, Error> {
    let mut files = companions(base, folder)?;
    for path in weights.files() {
        let Some(name) = path.file_name() else { continue };
        let copy = folder.join(name);
        let mut file = copied(path, &copy)?;
        files.push(name.to_string_lossy().into_owned());
        for (which, name) in names.iter().enumerate() {
            let Some(place) = weights.place(name).filter(|place| place.path == path) else { continue };
            let bytes =
                narrow(&values(which)?, place.dtype).ok_or_else(|| Error::Overflow { name: (*name).to_owned() })?;
            file.seek(SeekFrom::Start(place.offset))
                .and_then(|_| file.write_all(&bytes))
                .map_err(|source| unwritable(&copy, source))?;
        }
        file.sync_all().map_err(|source| unwritable(&copy, source))?;
    }
    files.sort();
    Ok(files)
}

/// A new file with another's bytes, but not its permissions: the copy of a read-only file can be written to.
fn copied(from: &Path, to: &Path) -> Result<File, Error> {
    let mut source = File::open(from).map_err(|source| Error::Unreadable { path: from.to_owned(), source })?;
    let mut file = File::create(to).map_err(|source| unwritable(to, source))?;
    io::copy(&mut source, &mut file).map_err(|source| unwritable(to, source))?;
    Ok(file)
}

/// Copies configuration, tokenizer and templates.
fn companions(base: &Path, folder: &Path) -> Result<Vec<String>, Error> {
    let unreadable = |source| Error::Unreadable { path: base.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(base).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let kind = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
        let Some(name) = path.file_name().filter(|_| path.is_file() && COMPANIONS.contains(&kind)) else { continue };
        let copy = folder.join(name);
        let file = copied(&path, &copy)?;
        file.sync_all().map_err(|source| unwritable(&copy, source))?;
        names.push(name.to_string_lossy().into_owned());
    }
    Ok(names)
}

impl Layer {
    /// `W + scale * B A`, row-major as the base stores it.
    fn add_to(&self, weight: Vec<f32>, scale: f64) -> Vec<f64> {
        let mut sum: Vec<f64> = weight.into_iter().map(f64::from).collect();
        for out in 0..self.d_out {
            for k in 0..self.r {
                let factor = scale * f64::from(self.b[out * self.r + k]);
                for input in 0..self.d_in {
                    let at = if self.turned { input * self.d_out + out } else { out * self.d_in + input };
                    sum[at] += factor * f64::from(self.a[k * self.d_in + input]);
                }
            }
        }
        sum
    }
}

/// Rounds to the number type of the base; `None` where a value is no longer finite.
fn narrow(values: &[f64], dtype: Dtype) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(values.len() * dtype.bitsize() / 8);
    for value in values {
        match dtype {
            Dtype::F32 => {
                let value = *value as f32;
                bytes.extend(value.is_finite().then_some(value)?.to_le_bytes());
            }
            Dtype::BF16 => bytes.extend(Some(bf16::from_f64(*value)).filter(|value| value.is_finite())?.to_le_bytes()),
            Dtype::F16 => bytes.extend(Some(f16::from_f64(*value)).filter(|value| value.is_finite())?.to_le_bytes()),
            _ => return None,
        }
    }
    Some(bytes)
}

fn partial(output: &Path) -> Result<PathBuf, Error> {
    let Some(name) = output.file_name() else { return Err(Error::Exists { path: output.to_owned() }) };
    let partial = output.with_file_name(format!(".{}.partial-{}", name.to_string_lossy(), std::process::id()));
    if partial.exists() { Err(Error::Exists { path: partial }) } else { Ok(partial) }
}

fn unwritable(path: &Path, source: std::io::Error) -> Error {
    Error::Unwritable { path: path.to_owned(), source }
}
