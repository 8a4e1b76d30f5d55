"""Tiny random models of every family, and the logits and losses that `transformers` computes from them.

    python make.py [NAME ...]

Each folder gets config.json, safetensors and expected.json. Made with Python 3.11, torch 2.9.1 (CPU), transformers 4.57.1;
eager attention in f32 whatever type the weights are stored in.
"""

import json
import os
import shutil
import sys

import torch
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification, AutoModelForTokenClassification

HERE = os.path.dirname(os.path.abspath(__file__))
SHAPE = dict(vocab_size=48, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
SHAPE.update(max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0)
LLAMA3 = dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16)

# name: (model_type, settings, stored type, bytes of a shard)
MODELS = {
    "llama": ("llama", dict(rope_theta=500.0, tie_word_embeddings=False), torch.float32, None),
    "llama3": ("llama", dict(rope_theta=500.0, rope_scaling=LLAMA3, tie_word_embeddings=True), torch.bfloat16, None),
    "llama-linear": ("llama", dict(rope_scaling=dict(rope_type="linear", factor=2.0), attention_bias=True, mlp_bias=True), torch.float32, 6000),
    "mistral": ("mistral", dict(sliding_window=5, head_dim=6), torch.float16, None),
    "qwen2": ("qwen2", dict(tie_word_embeddings=True), torch.float32, None),
    "qwen2-window": ("qwen2", dict(use_sliding_window=True, sliding_window=4, max_window_layers=1, rope_scaling=YARN), torch.float32, None),
    "qwen3": ("qwen3", dict(head_dim=6, tie_word_embeddings=True), torch.float32, None),
    "gemma2": ("gemma2", dict(head_dim=6, sliding_window=4, query_pre_attn_scalar=9, attn_logit_softcapping=2.0, final_logit_softcapping=3.0), torch.float32, None),
    "gemma3": ("gemma3_text", dict(head_dim=6, sliding_window=4, query_pre_attn_scalar=9, num_hidden_layers=3, layer_types=["sliding_attention", "full_attention", "sliding_attention"], rope_theta=1000.0, rope_local_base_freq=50.0, rope_scaling=dict(rope_type="linear", factor=2.0)), torch.float32, None),
    "gpt2": ("gpt2", dict(n_positions=32), torch.float32, None),
}  # fmt: skip

ENCODER = dict(vocab_size=48, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=20)

# name: (model_type, class, settings, stored type)
ENCODERS = {
    "bert": ("bert", AutoModel, dict(type_vocab_size=2), torch.float32),
    "bert-texts": ("bert", AutoModelForSequenceClassification, dict(num_labels=3), torch.float32),
    "bert-tokens": ("bert", AutoModelForTokenClassification, dict(num_labels=5, hidden_act="gelu_new"), torch.bfloat16),
    "roberta-texts": ("roberta", AutoModelForSequenceClassification, dict(num_labels=3, pad_token_id=1, type_vocab_size=1), torch.float32),
    "roberta-tokens": ("roberta", AutoModelForTokenClassification, dict(num_labels=4, pad_token_id=1, type_vocab_size=1), torch.float32),
}  # fmt: skip


def randomize(model):
    with torch.no_grad():
        for part, tensor in model.named_parameters():
            # Every weight away from its initial value, norms and biases included, and large enough to matter.
            norm = "norm" in part.lower() or "ln_" in part
            tensor.copy_(torch.randn_like(tensor) * (0.2 if norm else 0.35) + (tensor if norm else 0))


def make_encoder(name):
    kind, loader, settings, dtype = ENCODERS[name]
    torch.manual_seed(20261123)
    model = loader.from_config(AutoConfig.for_model(kind, **{**ENCODER, **settings}), attn_implementation="eager").eval()
    randomize(model)
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    model.to(dtype).save_pretrained(folder)
    model = loader.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    # Two texts of unlike length; the padding's id must not occur in a text, because Roberta counts positions without it.
    ids = torch.randint(3, 48, (2, 11))
    mask = torch.ones_like(ids)
    ids[1, 7:], mask[1, 7:] = model.config.pad_token_id, 0
    with torch.no_grad():
        out = model(ids, attention_mask=mask)
    values = out.last_hidden_state if loader is AutoModel else out.logits
    lengths = mask.sum(1).tolist()
    rows = [one[:length] if one.dim() == 2 else one[None] for one, length in zip(values, lengths)]
    expected = dict(tokens=[row[:length] for row, length in zip(ids.tolist(), lengths)])
    expected["values"] = [[[round(v, 6) for v in row] for row in one.tolist()] for one in rows]
    with open(os.path.join(folder, "expected.json"), "w") as file:
        json.dump(expected, file)
        file.write("\n")
    print(name, tuple(values.shape), f"values {values.std():.2f}")


def make(name):
    kind, settings, dtype, shard = MODELS[name]
    shape = dict(SHAPE)
    if kind == "gpt2":
        shape = dict(vocab_size=48, n_embd=16, n_layer=2, n_head=4, bos_token_id=1, eos_token_id=2)
    torch.manual_seed(20261123)
    config = AutoConfig.for_model(kind, **{**shape, **settings})
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    randomize(model)
    model = model.to(dtype)
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    os.remove(os.path.join(folder, "generation_config.json"))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    ids = torch.randint(3, 48, (2, 13))
    with torch.no_grad():
        logits = model(ids).logits
    targets = logits[:, :-1].log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]
    expected = dict(tokens=ids.tolist(), logits=[[[round(v, 6) for v in row] for row in one] for one in logits.tolist()])
    expected["losses"] = [round(v, 6) for v in (-targets.mean(1)).tolist()]
    with open(os.path.join(folder, "expected.json"), "w") as file:
        json.dump(expected, file)
        file.write("\n")
    print(name, tuple(logits.shape), f"logits {logits.std():.2f}", expected["losses"])


for wanted in sys.argv[1:] or [*MODELS, *ENCODERS]:
    (make if wanted in MODELS else make_encoder)(wanted)
