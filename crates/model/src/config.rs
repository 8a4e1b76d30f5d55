//! `config.json` of a Hugging Face folder, for decoders of the Llama family.
//!
//! Only what changes the forward pass is read. What this crate cannot run exactly (scaled rotary embeddings, biases,
//! another activation) is refused by name: a model that runs *almost* right is worse than one that does not run.

use std::path::Path;

use serde::Deserialize;

use crate::Error;

/// The shape of a Llama-family decoder.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// Number of token ids, V.
    pub vocab_size: usize,
    /// Width of the residual stream, d.
    pub hidden_size: usize,
    /// Width of the MLP.
    pub intermediate_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Query heads, H.
    pub num_attention_heads: usize,
    /// Key and value heads; divides H (grouped-query attention).
    pub num_key_value_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// Longest sequence the rotary embedding was trained for.
    pub max_position_embeddings: usize,
    /// Added to the mean square in `RMSNorm`.
    pub rms_norm_eps: f64,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// Whether the output head is the embedding table.
    pub tie_word_embeddings: bool,
    /// First token of every sequence, where the tokenizer has one.
    pub bos_token_id: Option<u32>,
    /// Last token of every document, where the tokenizer has one.
    pub eos_token_id: Option<u32>,
}

/// The file's own words; unknown keys are many and harmless, so they are ignored.
#[derive(Deserialize)]
struct Raw {
    model_type: Option<String>,
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    max_position_embeddings: Option<usize>,
    rms_norm_eps: f64,
    rope_theta: Option<f64>,
    rope_scaling: Option<serde_json::Value>,
    rope_parameters: Option<serde_json::Value>,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
    hidden_act: Option<String>,
    bos_token_id: Option<serde_json::Value>,
    eos_token_id: Option<serde_json::Value>,
}

impl ModelConfig {
    /// Reads `config.json` of a model folder.
    ///
    /// # Errors
    /// [`Error::Unreadable`]; [`Error::BadConfig`] for another architecture or a feature this crate cannot run.
    pub fn load(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("config.json");
        let text = std::fs::read_to_string(&path).map_err(|source| Error::Unreadable { path: path.clone(), source })?;
        Self::parse(&text).map_err(|reason| Error::BadConfig { path, reason })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let raw: Raw = serde_json::from_str(text).map_err(|error| format!("not a model configuration: {error}"))?;
        refuse_what_cannot_run(&raw)?;
        let heads = raw.num_attention_heads;
        let config = Self {
            vocab_size: raw.vocab_size,
            hidden_size: raw.hidden_size,
            intermediate_size: raw.intermediate_size,
            num_hidden_layers: raw.num_hidden_layers,
            num_attention_heads: heads,
            num_key_value_heads: raw.num_key_value_heads.unwrap_or(heads),
            head_dim: raw.head_dim.unwrap_or(raw.hidden_size / heads.max(1)),
            max_position_embeddings: raw.max_position_embeddings.unwrap_or(2048),
            rms_norm_eps: raw.rms_norm_eps,
            rope_theta: rope_theta(&raw)?,
            tie_word_embeddings: raw.tie_word_embeddings,
            bos_token_id: first_id(raw.bos_token_id.as_ref()),
            eos_token_id: first_id(raw.eos_token_id.as_ref()),
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("head_dim", self.head_dim),
        ];
        // A forged size must not make us allocate the machine away before a weight has been looked at.
        for (name, size) in sizes {
            if size == 0 || size > 1 << 24 {
                return Err(format!("{name} = {size} is out of range"));
            }
        }
        if !self.num_attention_heads.is_multiple_of(self.num_key_value_heads) {
            return Err("num_key_value_heads does not divide num_attention_heads".to_owned());
        }
        if !self.head_dim.is_multiple_of(2) {
            return Err("head_dim is odd, so it cannot be rotated in pairs".to_owned());
        }
        Ok(())
    }
}

fn refuse_what_cannot_run(raw: &Raw) -> Result<(), String> {
    let kind = raw.model_type.as_deref().unwrap_or("(none)");
    if kind != "llama" {
        return Err(format!("model_type is {kind:?}; this version runs \"llama\" (Llama, SmolLM2)"));
    }
    if let Some(act) = raw.hidden_act.as_deref().filter(|act| *act != "silu") {
        return Err(format!("hidden_act is {act:?}; only \"silu\" is supported"));
    }
    if raw.attention_bias || raw.mlp_bias {
        return Err("attention_bias or mlp_bias is set; biases are not supported yet".to_owned());
    }
    let scaled = raw.rope_scaling.as_ref().is_some_and(|value| !value.is_null() && !is_default_rope(value));
    if scaled {
        return Err("rope_scaling is set; scaled rotary embeddings are not supported yet".to_owned());
    }
    Ok(())
}

fn is_default_rope(value: &serde_json::Value) -> bool {
    let kind = value.get("rope_type").or_else(|| value.get("type"));
    kind.and_then(serde_json::Value::as_str) == Some("default")
}

/// Newer files carry the base inside `rope_parameters`.
fn rope_theta(raw: &Raw) -> Result<f64, String> {
    if let Some(parameters) = raw.rope_parameters.as_ref().filter(|value| !value.is_null()) {
        if !is_default_rope(parameters) {
            return Err(
                "rope_parameters is not of type \"default\"; scaled rotary embeddings are not supported yet".to_owned()
            );
        }
        if let Some(theta) = parameters.get("rope_theta").and_then(serde_json::Value::as_f64) {
            return Ok(theta);
        }
    }
    Ok(raw.rope_theta.unwrap_or(10_000.0))
}

/// `eos_token_id` may be a number or a list of numbers.
fn first_id(value: Option<&serde_json::Value>) -> Option<u32> {
    let value = value?;
    let value = value.as_array().map_or(Some(value), |list| list.first())?;
    value.as_u64().and_then(|id| u32::try_from(id).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"{"model_type":"llama","vocab_size":32,"hidden_size":16,"intermediate_size":24,
        "num_hidden_layers":1,"num_attention_heads":4,"num_key_value_heads":2,"rms_norm_eps":1e-5,
        "eos_token_id":[2,3],"bos_token_id":1}"#;

    #[test]
    fn defaults_are_the_architectures() {
        let config = ModelConfig::parse(SMALL).unwrap();
        assert_eq!((config.head_dim, config.num_key_value_heads), (4, 2));
        assert!((config.rope_theta - 10_000.0).abs() < 1e-9);
        assert_eq!((config.bos_token_id, config.eos_token_id), (Some(1), Some(2)));
        assert!(!config.tie_word_embeddings);
    }

    #[test]
    fn what_cannot_run_exactly_is_refused_by_name() {
        let cases = [
            (SMALL.replace("llama", "gpt2"), "model_type"),
            (SMALL.replace("\"vocab_size\"", "\"hidden_act\":\"gelu\",\"vocab_size\""), "hidden_act"),
            (SMALL.replace("\"vocab_size\"", "\"attention_bias\":true,\"vocab_size\""), "attention_bias"),
            (SMALL.replace("\"vocab_size\"", "\"rope_scaling\":{\"type\":\"yarn\"},\"vocab_size\""), "rope_scaling"),
            (SMALL.replace("\"num_key_value_heads\":2", "\"num_key_value_heads\":3"), "num_key_value_heads"),
            (SMALL.replace("\"vocab_size\":32", "\"vocab_size\":99999999999"), "vocab_size"),
            (SMALL.replace("\"hidden_size\":16", "\"hidden_size\":0"), "hidden_size"),
        ];
        for (text, word) in cases {
            let message = ModelConfig::parse(&text).unwrap_err();
            assert!(message.contains(word), "{word}: {message}");
        }
    }
}
