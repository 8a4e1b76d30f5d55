#!/usr/bin/env python3
"""A Llama of a known size with random weights, for timings: what it says does not matter, how long it takes does.

    python model.py 135m|1b|8b|tiny FOLDER [--dtype bf16|f32]

Needs nothing but Python. Values are random signs and mantissas under one exponent, so a file of 16 GB takes a minute or two;
the tokenizer is that of the quickstart's model, whose ids all lie in the vocabulary.
"""

import argparse
import json
import os
import random
import shutil
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
TOKENIZER = os.path.join(HERE, "../../datasets/base-model/tokenizer.json")
# hidden, feed-forward, layers, heads, heads of keys and values, vocabulary, whether the head is the embedding
SIZES = {
    "tiny": (32, 64, 2, 4, 2, 8192, True),
    "135m": (576, 1536, 30, 9, 3, 49152, True),
    "1b": (2048, 8192, 16, 32, 8, 49152, True),
    "8b": (4096, 14336, 32, 32, 8, 128256, False),
}
SIGNED = bytes(0x3C if byte < 128 else 0xBC for byte in range(256))
ONE = {"f32": struct.pack("<f", 1.0), "bf16": struct.pack("<f", 1.0)[2:]}


def shapes(size):
    """Names and shapes of the tensors, in the order of the file."""
    hidden, feed, layers, heads, keys, vocabulary, tied = SIZES[size]
    key_width = hidden // heads * keys
    yield "model.embed_tokens.weight", [vocabulary, hidden]
    for layer in range(layers):
        base = f"model.layers.{layer}."
        for name, shape in (
            ("self_attn.q_proj", [hidden, hidden]),
            ("self_attn.k_proj", [key_width, hidden]),
            ("self_attn.v_proj", [key_width, hidden]),
            ("self_attn.o_proj", [hidden, hidden]),
            ("mlp.gate_proj", [feed, hidden]),
            ("mlp.up_proj", [feed, hidden]),
            ("mlp.down_proj", [hidden, feed]),
            ("input_layernorm", [hidden]),
            ("post_attention_layernorm", [hidden]),
        ):
            yield f"{base}{name}.weight", shape
    yield "model.norm.weight", [hidden]
    if not tied:
        yield "lm_head.weight", [vocabulary, hidden]


def count(shape):
    product = 1
    for length in shape:
        product *= length
    return product


def parameters(size):
    """Weights of the model, and those that a product uses for each token (the embedding is a lookup)."""
    *_, vocabulary, tied = SIZES[size]
    whole = sum(count(shape) for _, shape in shapes(size))
    return whole, whole if tied else whole - vocabulary * SIZES[size][0]


def values(shape, dtype, source):
    """Bytes of a tensor: ones for a norm, and else numbers of ±0.008 to ±0.03."""
    elements = count(shape)
    if len(shape) == 1:
        return ONE[dtype] * elements
    width = {"bf16": 2, "f32": 4}[dtype]
    tensor = bytearray(source.randbytes(elements * width))
    tensor[width - 1 :: width] = bytes(tensor[width - 1 :: width]).translate(SIGNED)
    return bytes(tensor)


def write(size, folder, dtype):
    hidden, feed, layers, heads, keys, vocabulary, tied = SIZES[size]
    os.makedirs(folder, exist_ok=True)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": hidden,
        "intermediate_size": feed,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": keys,
        "vocab_size": vocabulary,
        "tie_word_embeddings": tied,
        "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "attention_bias": False,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "torch_dtype": {"bf16": "bfloat16", "f32": "float32"}[dtype],
    }
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file, indent=2)
    shutil.copy(TOKENIZER, folder)
    width, end, header = {"bf16": 2, "f32": 4}[dtype], 0, {}
    for name, shape in shapes(size):
        begin, end = end, end + count(shape) * width
        header[name] = {"dtype": dtype.upper(), "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    source = random.Random(1)
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, shape in shapes(size):
            file.write(values(shape, dtype, source))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("folder")
    parser.add_argument("--dtype", choices=["bf16", "f32"], default="f32")
    asked = parser.parse_args()
    write(asked.size, asked.folder, asked.dtype)
