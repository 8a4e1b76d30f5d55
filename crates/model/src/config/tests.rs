use super::family::parse;
use super::*;

const SMALL: &str = r#"{"model_type":"llama","vocab_size":32,"hidden_size":16,"intermediate_size":24,
    "num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"rms_norm_eps":1e-5,
    "eos_token_id":[2,3],"bos_token_id":1,"head_dim":null}"#;

fn with(extra: &str) -> String {
    SMALL.replace("\"vocab_size\"", &format!("{extra},\"vocab_size\""))
}

#[test]
fn defaults_are_the_architectures() {
    let config = parse(SMALL).unwrap();
    assert_eq!((config.head_dim, config.num_key_value_heads), (4, 2));
    let plain = Rotary { theta: 1e4, scaling: Scaling::None };
    assert_eq!(config.positions, Positions::Rotary { full: plain.clone(), windowed: plain });
    assert_eq!((config.bos_token_id, config.eos_token_id), (Some(1), Some(2)));
    assert_eq!(config.stop_token_ids, [2, 3]);
    assert!(!config.tie_word_embeddings && config.windowed.is_empty() && !config.qkv_bias);
    let gpt2 = parse(r#"{"model_type":"gpt2","vocab_size":50,"n_embd":12,"n_layer":1,"n_head":3}"#).unwrap();
    assert_eq!((gpt2.intermediate_size, gpt2.max_position_embeddings, gpt2.norm), (48, 1024, NormKind::Layer));
    assert_eq!(gpt2.modules()[0], Module { path: "attn.c_attn", d_in: 12, d_out: 36, bias: true });
}

#[test]
fn windows_follow_the_families() {
    let windows = |text: &str| parse(text).unwrap().windowed;
    let of = |kind: &str, extra: &str| with(extra).replace("\"llama\"", &format!("\"{kind}\""));
    assert_eq!(windows(&of("mistral", "\"sliding_window\":4")), [true, true]);
    assert!(windows(&of("mistral", "\"sliding_window\":null")).is_empty());
    assert!(windows(&of("qwen2", "\"sliding_window\":4")).is_empty());
    assert_eq!(
        windows(&of("qwen2", "\"sliding_window\":4,\"use_sliding_window\":true,\"max_window_layers\":1")),
        [false, true]
    );
    assert_eq!(windows(&of("gemma2", "\"sliding_window\":4")), [true, false]);
    assert_eq!(windows(&of("gemma3_text", "\"sliding_window_pattern\":2")), [true, false]);
    let listed = "\"layer_types\":[\"full_attention\",\"sliding_attention\"]";
    assert_eq!(windows(&of("gemma3_text", listed)), [false, true]);
}

#[test]
fn what_cannot_run_exactly_is_refused_by_name() {
    let cases = [
        (SMALL.replace("llama", "mamba"), "model_type"),
        (with("\"hidden_act\":\"relu\""), "hidden_act"),
        (with("\"rope_scaling\":{\"type\":\"longrope\"}"), "longrope"),
        (with("\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":2,\"mscale\":1}"), "mscale"),
        (with("\"rope_scaling\":{\"rope_type\":\"linear\"}"), "factor"),
        (with("\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":-1}"), "factor"),
        (with("\"rope_theta\":0"), "rope_theta"),
        (with("\"partial_rotary_factor\":0.5"), "partial_rotary_factor"),
        (SMALL.replace("\"num_key_value_heads\":2", "\"num_key_value_heads\":3"), "num_key_value_heads"),
        (SMALL.replace("\"vocab_size\":32", "\"vocab_size\":99999999999"), "vocab_size"),
        (SMALL.replace("\"hidden_size\":16", "\"hidden_size\":0"), "hidden_size"),
        (SMALL.replace("\"hidden_size\":16,", ""), "hidden_size"),
        (SMALL.replace("1e-5", "-1e-5"), "epsilon"),
        (SMALL.replace("llama", "gemma2").replace("1e-5", "1e-5,\"sliding_window\":0"), "sliding_window"),
        (SMALL.replace("llama", "gemma2").replace("1e-5", "1e-5,\"layer_types\":[\"full_attention\"]"), "layer_types"),
    ];
    for (text, word) in cases {
        let message = parse(&text).unwrap_err();
        assert!(message.contains(word), "{word}: {message}");
    }
}

#[test]
fn frequencies_of_the_plain_kind_fall_from_one() {
    let (plain, factor) = Rotary { theta: 100.0, scaling: Scaling::None }.frequencies(4);
    assert_eq!((plain, factor), (vec![1.0, 0.1], 1.0));
    let (half, _) = Rotary { theta: 100.0, scaling: Scaling::Linear { factor: 2.0 } }.frequencies(4);
    assert_eq!(half, [0.5, 0.05]);
}
