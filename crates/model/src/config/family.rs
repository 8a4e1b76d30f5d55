//! What each family calls its settings, and what they are where the file leaves them out.

use serde::Deserialize;
use serde_json::Value;

use super::rope::{self, Rotary};
use super::{Activation, Family, Head, ModelConfig, NormKind, Positions};

/// The file's own words, of all families; unknown keys are many and harmless, so they are ignored.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Raw {
    model_type: Option<String>,
    vocab_size: Option<usize>,
    #[serde(alias = "n_embd")]
    hidden_size: Option<usize>,
    #[serde(alias = "n_inner")]
    intermediate_size: Option<usize>,
    #[serde(alias = "n_layer")]
    num_hidden_layers: Option<usize>,
    #[serde(alias = "n_head")]
    num_attention_heads: Option<usize>,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    #[serde(alias = "n_positions")]
    max_position_embeddings: Option<usize>,
    #[serde(alias = "layer_norm_epsilon", alias = "layer_norm_eps")]
    rms_norm_eps: Option<f64>,
    rope_theta: Option<f64>,
    rope_local_base_freq: Option<f64>,
    rope_scaling: Option<Value>,
    rope_parameters: Option<Value>,
    tie_word_embeddings: Option<bool>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
    #[serde(alias = "activation_function", alias = "hidden_activation")]
    hidden_act: Option<String>,
    sliding_window: Option<usize>,
    use_sliding_window: Option<bool>,
    max_window_layers: Option<usize>,
    sliding_window_pattern: Option<usize>,
    layer_types: Option<Vec<String>>,
    query_pre_attn_scalar: Option<f64>,
    attn_logit_softcapping: Option<f64>,
    final_logit_softcapping: Option<f64>,
    use_bidirectional_attention: Option<bool>,
    scale_attn_weights: Option<bool>,
    scale_attn_by_inverse_layer_idx: Option<bool>,
    partial_rotary_factor: Option<f64>,
    type_vocab_size: Option<usize>,
    pad_token_id: Option<usize>,
    position_embedding_type: Option<String>,
    is_decoder: Option<bool>,
    architectures: Option<Vec<String>>,
    num_labels: Option<usize>,
    id2label: Option<serde_json::Map<String, Value>>,
    bos_token_id: Option<Value>,
    eos_token_id: Option<Value>,
}

pub(super) fn parse(text: &str) -> Result<ModelConfig, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("not a model configuration: {error}"))?;
    let raw = Raw::deserialize(without_nulls(value)).map_err(|error| format!("not a model configuration: {error}"))?;
    let family = family(raw.model_type.as_deref())?;
    refuse_what_cannot_run(&raw)?;
    let need = |name: &str, size: Option<usize>| size.ok_or_else(|| format!("{name} is missing"));
    let hidden_size = need("hidden_size", raw.hidden_size)?;
    let heads = need("num_attention_heads", raw.num_attention_heads)?;
    let layers = need("num_hidden_layers", raw.num_hidden_layers)?;
    let gemma = matches!(family, Family::Gemma2 | Family::Gemma3);
    let gpt2 = family == Family::Gpt2;
    let encoder = family.is_encoder();
    let learned = gpt2 || encoder;
    let intermediate = raw.intermediate_size.or_else(|| if gpt2 { hidden_size.checked_mul(4) } else { None });
    let head_dim = raw.head_dim.unwrap_or(hidden_size / heads.max(1));
    // Roberta counts positions from the padding's id on.
    let position_offset = if family == Family::Roberta { raw.pad_token_id.unwrap_or(1).saturating_add(1) } else { 0 };
    let usual = match family {
        Family::Gpt2 => 1024,
        Family::Bert | Family::Roberta => 512 + position_offset,
        _ => 2048,
    };
    let max_positions = raw.max_position_embeddings.unwrap_or(usual).saturating_sub(position_offset);
    let window = window(family, &raw);
    let config = ModelConfig {
        family,
        vocab_size: need("vocab_size", raw.vocab_size)?,
        hidden_size,
        intermediate_size: need("intermediate_size", intermediate)?,
        num_hidden_layers: layers,
        num_attention_heads: heads,
        num_key_value_heads: raw.num_key_value_heads.unwrap_or(heads),
        head_dim,
        max_position_embeddings: max_positions,
        norm: norm(family),
        norm_epsilon: raw.rms_norm_eps.unwrap_or(usual_epsilon(family)),
        norm_after: encoder,
        post_norms: gemma,
        head_norms: matches!(family, Family::Qwen3 | Family::Gemma3),
        position_offset,
        token_types: if encoder { raw.type_vocab_size.unwrap_or(2) } else { 0 },
        head: head(&raw),
        positions: if learned { Positions::Learned } else { rotary(family, &raw, max_positions)? },
        windowed: if window.is_some() { windowed(family, &raw, layers)? } else { Vec::new() },
        window,
        attention_scale: match raw.query_pre_attn_scalar.filter(|_| gemma) {
            Some(scalar) => scalar.sqrt().recip(),
            None if gpt2 && raw.scale_attn_weights == Some(false) => 1.0,
            None => (head_dim as f64).sqrt().recip(),
        },
        attention_softcap: raw.attn_logit_softcapping.filter(|_| gemma),
        final_softcap: raw.final_logit_softcapping.filter(|_| gemma),
        // The model multiplies in its own precision, and f32 is what we run.
        embedding_scale: if gemma { f64::from((hidden_size as f32).sqrt()) } else { 1.0 },
        activation: activation(family, raw.hidden_act.as_deref())?,
        qkv_bias: family == Family::Qwen2 || raw.attention_bias.unwrap_or(false),
        output_bias: family != Family::Qwen2 && raw.attention_bias.unwrap_or(false),
        mlp_bias: raw.mlp_bias.unwrap_or(false),
        tie_word_embeddings: raw.tie_word_embeddings.unwrap_or(gemma || learned),
        bos_token_id: ids(raw.bos_token_id.as_ref()).first().copied(),
        eos_token_id: ids(raw.eos_token_id.as_ref()).first().copied(),
        stop_token_ids: ids(raw.eos_token_id.as_ref()),
    };
    config.check()?;
    Ok(config)
}

/// A null means the family's default, as an absent key does.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(map.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        other => other,
    }
}

fn family(kind: Option<&str>) -> Result<Family, String> {
    Ok(match kind.unwrap_or("(none)") {
        "llama" => Family::Llama,
        "mistral" => Family::Mistral,
        "qwen2" => Family::Qwen2,
        "qwen3" => Family::Qwen3,
        "gemma2" => Family::Gemma2,
        "gemma3_text" => Family::Gemma3,
        "gpt2" => Family::Gpt2,
        "bert" => Family::Bert,
        "roberta" | "xlm-roberta" => Family::Roberta,
        other => {
            return Err(format!(
                "model_type is {other:?}; this version runs llama (Llama, SmolLM2), mistral, qwen2 (Qwen 2 and 2.5), qwen3, \
                 gemma2, gemma3_text and gpt2, and the encoders bert and roberta"
            ));
        }
    })
}

fn refuse_what_cannot_run(raw: &Raw) -> Result<(), String> {
    if raw.scale_attn_by_inverse_layer_idx == Some(true) {
        return Err("scale_attn_by_inverse_layer_idx is set; it is not supported".to_owned());
    }
    if raw.use_bidirectional_attention == Some(true) {
        return Err("use_bidirectional_attention is set; this is no causal decoder".to_owned());
    }
    if raw.position_embedding_type.as_deref().is_some_and(|kind| kind != "absolute") || raw.is_decoder == Some(true) {
        return Err(
            "position_embedding_type is not \"absolute\", or is_decoder is set; neither is supported".to_owned()
        );
    }
    if raw.partial_rotary_factor.is_some_and(|factor| factor < 1.0) {
        return Err("partial_rotary_factor is below 1; rotating a part of each head is not supported".to_owned());
    }
    Ok(())
}

fn norm(family: Family) -> NormKind {
    match family {
        Family::Gemma2 | Family::Gemma3 => NormKind::RmsPlusOne,
        Family::Gpt2 | Family::Bert | Family::Roberta => NormKind::Layer,
        _ => NormKind::Rms,
    }
}

fn usual_epsilon(family: Family) -> f64 {
    match family {
        Family::Gpt2 => 1e-5,
        Family::Bert | Family::Roberta => 1e-12,
        _ => 1e-6,
    }
}

fn activation(family: Family, name: Option<&str>) -> Result<Activation, String> {
    let usual = match family {
        Family::Gemma2 | Family::Gemma3 => "gelu_pytorch_tanh",
        Family::Gpt2 => "gelu_new",
        Family::Bert | Family::Roberta => "gelu",
        _ => "silu",
    };
    match name.unwrap_or(usual) {
        "silu" | "swish" => Ok(Activation::Silu),
        "gelu" => Ok(Activation::Gelu),
        "gelu_new" | "gelu_pytorch_tanh" => Ok(Activation::GeluTanh),
        other => Err(format!("hidden_act is {other:?}; silu, gelu, gelu_new and gelu_pytorch_tanh are supported")),
    }
}

fn rotary(family: Family, raw: &Raw, max_positions: usize) -> Result<Positions, String> {
    let usual = if family == Family::Gemma3 { 1e6 } else { 1e4 };
    let theta = raw.rope_theta.unwrap_or(usual);
    let scaling = raw.rope_scaling.as_ref();
    // Newer files keep everything in `rope_parameters`, one object per kind of block where there are two kinds.
    let parameters = |kind: &str| raw.rope_parameters.as_ref().map(|value| value.get(kind).unwrap_or(value));
    let full = rope::parse(parameters("full_attention").or(scaling), theta, max_positions)?;
    let windowed = if family == Family::Gemma3 {
        let theta = raw.rope_local_base_freq.unwrap_or(1e4);
        rope::parse(
            raw.rope_parameters.as_ref().and_then(|value| value.get("sliding_attention")),
            theta,
            max_positions,
        )?
    } else {
        full.clone()
    };
    let finite = |rotary: &Rotary| rotary.theta.is_finite() && rotary.theta > 1.0;
    if finite(&full) && finite(&windowed) {
        Ok(Positions::Rotary { full, windowed })
    } else {
        Err("rope_theta is not a number above 1".to_owned())
    }
}

fn window(family: Family, raw: &Raw) -> Option<usize> {
    match family {
        Family::Mistral => raw.sliding_window,
        Family::Qwen2 | Family::Qwen3 => raw.sliding_window.filter(|_| raw.use_sliding_window == Some(true)),
        Family::Gemma2 | Family::Gemma3 => Some(raw.sliding_window.unwrap_or(4096)),
        Family::Llama | Family::Gpt2 | Family::Bert | Family::Roberta => None,
    }
}

fn windowed(family: Family, raw: &Raw, layers: usize) -> Result<Vec<bool>, String> {
    if let Some(types) = &raw.layer_types {
        let one = |kind: &String| match kind.as_str() {
            "sliding_attention" => Ok(true),
            "full_attention" => Ok(false),
            other => Err(format!("layer_types has {other:?}, which is not supported")),
        };
        return types.iter().map(one).collect();
    }
    let pattern = raw.sliding_window_pattern.unwrap_or(if family == Family::Gemma3 { 6 } else { 2 }).max(1);
    let first = raw.max_window_layers.unwrap_or(28);
    let one = |layer: usize| match family {
        Family::Gemma2 | Family::Gemma3 => !(layer + 1).is_multiple_of(pattern),
        Family::Qwen2 | Family::Qwen3 => layer >= first,
        _ => true,
    };
    Ok((0..layers.min(1 << 24)).map(one).collect())
}

/// Which head an encoder's folder has, by the class that wrote it.
fn head(raw: &Raw) -> Head {
    let labels = raw.id2label.as_ref().map(serde_json::Map::len).or(raw.num_labels).unwrap_or(2);
    match raw.architectures.as_deref().and_then(|names| names.first()) {
        Some(name) if name.ends_with("ForSequenceClassification") => Head::Sequence { labels },
        Some(name) if name.ends_with("ForTokenClassification") => Head::Token { labels },
        _ => Head::None,
    }
}

/// `eos_token_id` may be a number or a list of numbers.
fn ids(value: Option<&Value>) -> Vec<u32> {
    let list = value.map_or(&[][..], |value| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice));
    list.iter().filter_map(|id| u32::try_from(id.as_u64()?).ok()).collect()
}

/// The tokens that end an answer, as `generation_config.json` has them.
pub(super) fn stop_tokens(text: &str) -> Result<Vec<u32>, String> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("not a generation configuration: {error}"))?;
    Ok(ids(value.get("eos_token_id")))
}
