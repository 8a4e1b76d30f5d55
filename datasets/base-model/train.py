"""Trains the small public base decoder from scratch and writes it in Hugging Face's layout.

    pip download --no-deps botocore==1.35.99 -d SOURCES
    python train.py --botocore SOURCES --wordnet /usr/share/wordnet --python /usr/lib/python3.11 --steps 1700

Needs jax, numpy, ml_dtypes, safetensors and tokenizers (versions in README.md).
The forward pass is written out here in plain JAX; `reference_logits.py` checks
it against an implementation that shares no line with it.
"""

import argparse
import functools
import json
import math
import pathlib
import time

import corpus
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent
END = "<|endoftext|>"
TAGS = [
    "<EMAIL>", "<PHONE>", "<IPV4>", "<IPV6>", "<CREDIT_CARD>", "<IBAN>", "<US_SSN>",
    "<URL_CREDENTIALS>", "<SECRET>",
]  # fmt: skip
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "hidden_act": "silu",
    "hidden_size": 160,
    "initializer_range": 0.02,
    "intermediate_size": 432,
    "max_position_embeddings": 256,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_hidden_layers": 4,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": 2048,
}
GENERATION = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0, "max_new_tokens": 96}
# Tokens per row and rows per step: short rows first, the model's full length for the last part.
PHASES = ((0.85, 128, 24), (1.0, 256, 12))
LONGEST = CONFIG["max_position_embeddings"]


def train_tokenizer(texts: list[str]) -> Tokenizer:
    """Byte-level BPE; the end token is special, the scrub tags are ordinary added tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=CONFIG["vocab_size"],
        special_tokens=[END, *TAGS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    document = json.loads(tokenizer.to_str())
    for token in document["added_tokens"]:
        token["special"] = token["content"] == END
    return Tokenizer.from_str(json.dumps(document))


def pack(tokenizer: Tokenizer, texts: list[str]) -> np.ndarray:
    """All texts in one row of ids, an end token before each."""
    ids: list[int] = []
    for encoding in tokenizer.encode_batch(texts):
        ids.append(0)
        ids.extend(encoding.ids)
    ids.append(0)
    return np.array(ids, dtype=np.int32)


def initial(key: jax.Array, c: dict) -> dict:
    h, i, d = c["hidden_size"], c["intermediate_size"], c["hidden_size"] // c["num_attention_heads"]
    kv = d * c["num_key_value_heads"]
    shapes = {"model.embed_tokens.weight": (c["vocab_size"], h), "model.norm.weight": (h,)}
    for layer in range(c["num_hidden_layers"]):
        p = f"model.layers.{layer}."
        shapes |= {
            p + "self_attn.q_proj.weight": (h, h),
            p + "self_attn.k_proj.weight": (kv, h),
            p + "self_attn.v_proj.weight": (kv, h),
            p + "self_attn.o_proj.weight": (h, h),
            p + "mlp.gate_proj.weight": (i, h),
            p + "mlp.up_proj.weight": (i, h),
            p + "mlp.down_proj.weight": (h, i),
            p + "input_layernorm.weight": (h,),
            p + "post_attention_layernorm.weight": (h,),
        }
    params = {}
    for number, (name, shape) in enumerate(sorted(shapes.items())):
        if len(shape) == 1:
            params[name] = jnp.ones(shape)
        else:
            scale = 0.02 if "embed" in name else 0.5 / math.sqrt(shape[1])
            if "o_proj" in name or "down_proj" in name:
                scale /= math.sqrt(2 * c["num_hidden_layers"])
            params[name] = scale * jax.random.normal(jax.random.fold_in(key, number), shape)
    return params


def norm(x, weight):
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + CONFIG["rms_norm_eps"]) * weight


def rotate(x, cos, sin):
    a, b = jnp.split(x, 2, axis=-1)
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


def logits(params: dict, ids: jax.Array, c: dict = CONFIG, add=None) -> jax.Array:
    """`[batch, time]` ids to `[batch, time, vocab]`; `add(name, x)` is a hook for adapters."""
    heads, kv = c["num_attention_heads"], c["num_key_value_heads"]
    d = c["hidden_size"] // heads
    b, t = ids.shape
    angle = jnp.arange(t)[:, None] * c["rope_theta"] ** (-jnp.arange(0, d, 2) / d)
    cos, sin = jnp.cos(angle)[:, None, :], jnp.sin(angle)[:, None, :]
    mask = jnp.where(jnp.tril(jnp.ones((t, t), bool)), 0.0, -1e9)

    def linear(name, x):
        y = x @ params[name].T
        return y if add is None else y + add(name, x)

    x = params["model.embed_tokens.weight"][ids]
    for layer in range(c["num_hidden_layers"]):
        p = f"model.layers.{layer}."
        y = norm(x, params[p + "input_layernorm.weight"])
        q = rotate(linear(p + "self_attn.q_proj.weight", y).reshape(b, t, heads, d), cos, sin)
        k = rotate(linear(p + "self_attn.k_proj.weight", y).reshape(b, t, kv, d), cos, sin)
        v = linear(p + "self_attn.v_proj.weight", y).reshape(b, t, kv, d)
        q = q.reshape(b, t, kv, heads // kv, d)
        scores = jnp.einsum("btghd,bsgd->bghts", q, k) / math.sqrt(d) + mask
        mixed = jnp.einsum("bghts,bsgd->btghd", jax.nn.softmax(scores, -1), v).reshape(b, t, heads * d)
        x = x + linear(p + "self_attn.o_proj.weight", mixed)
        y = norm(x, params[p + "post_attention_layernorm.weight"])
        gate = jax.nn.silu(linear(p + "mlp.gate_proj.weight", y))
        x = x + linear(p + "mlp.down_proj.weight", gate * linear(p + "mlp.up_proj.weight", y))
    return norm(x, params["model.norm.weight"]) @ params["model.embed_tokens.weight"].T


def token_losses(params, ids, c=CONFIG, add=None):
    """Cross-entropy in nats of each next token: `[batch, time - 1]`."""
    z = logits(params, ids[:, :-1], c, add)
    picked = jnp.take_along_axis(z, ids[:, 1:, None], -1)[..., 0]
    return jax.nn.logsumexp(z, -1) - picked


def is_matrix(name: str) -> bool:
    return "proj" in name


def orthogonal(m):
    """Newton-Schulz iteration of Muon: the nearest matrix with equal singular values, roughly."""
    tall = m.shape[0] > m.shape[1]
    x = m.T if tall else m
    x = x / (jnp.linalg.norm(x) + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return (x.T if tall else x) * math.sqrt(max(1.0, m.shape[0] / m.shape[1]))


@functools.partial(jax.jit, donate_argnums=(0, 1))
def update(params, state, ids, step, rate):
    """Muon for the matrices, Adam for the embedding and the norms."""
    loss, grads = jax.value_and_grad(lambda p: token_losses(p, ids).mean())(params)
    scale = jnp.minimum(1.0, 1.0 / jnp.sqrt(sum(jnp.sum(g * g) for g in grads.values())))
    new, kept = {}, {}
    for name, p in params.items():
        g, (m, v) = grads[name] * scale, state[name]
        if is_matrix(name):
            m = 0.95 * m + g
            new[name] = p * (1 - 0.1 * 0.02 * rate) - 0.02 * rate * orthogonal(g + 0.95 * m)
        else:
            m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
            direction = (m / (1 - 0.9**step)) / (jnp.sqrt(v / (1 - 0.99**step)) + 1e-8)
            new[name] = p - 0.003 * rate * direction
        kept[name] = (m, v)
    return new, kept, loss


def mean_loss(params, tokenizer, texts) -> float:
    """Mean loss per token of `END text END`, each text on its own, cut at the longest position."""
    total, count = 0.0, 0
    f = jax.jit(token_losses)
    rows = sorted(([0, *e.ids, 0][:LONGEST] for e in tokenizer.encode_batch(texts)), key=len)
    for start in range(0, len(rows), 16):
        group = rows[start : start + 16]
        ids = np.zeros((16, LONGEST), np.int32)
        weight = np.zeros((16, LONGEST - 1), np.float32)
        for r, row in enumerate(group):
            ids[r, : len(row)] = row
            weight[r, : len(row) - 1] = 1
        total += float((f(params, ids) * weight).sum())
        count += int(weight.sum())
    return total / count


def save(params, folder: pathlib.Path, dtype=ml_dtypes.bfloat16):
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: np.ascontiguousarray(np.asarray(p).astype(dtype)) for name, p in params.items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    (folder / "generation_config.json").write_text(json.dumps(GENERATION, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for source in ("botocore", "wordnet", "python"):
        parser.add_argument(f"--{source}", type=pathlib.Path, required=True, help=f"folder of the {source} source")
    parser.add_argument("--steps", type=int, default=1700)
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    args = parser.parse_args()
    train, heldout, figures = corpus.build(
        {"botocore": args.botocore, "wordnet": args.wordnet, "python": args.python}
    )
    tokenizer = train_tokenizer(train)
    args.out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(args.out / "tokenizer.json"))
    ids = pack(tokenizer, train)
    figures["tokens"] = len(ids)
    params = initial(jax.random.key(corpus.SEED), CONFIG)
    figures["parameters"] = sum(p.size for p in params.values())
    print(figures, flush=True)
    state = {n: (jnp.zeros_like(p), jnp.zeros_like(p)) for n, p in params.items()}
    rng = np.random.default_rng(corpus.SEED)
    began, recent = time.time(), []
    order: list[int] = []
    current, seen = 0, 0
    for step in range(1, args.steps + 1):
        _, length, batch = next(phase for phase in PHASES if step <= phase[0] * args.steps)
        if length != current or len(order) < batch:
            starts = np.arange(int(rng.integers(length)), len(ids) - length - 1, length)
            order, current = list(rng.permutation(starts)), length
        rows = [ids[start : start + length + 1] for start in (order.pop() for _ in range(batch))]
        seen += length * batch
        rate = min(1.0, step / 60, max(0.0, (args.steps - step) / (0.5 * args.steps)))
        params, state, loss = update(params, state, np.stack(rows), jnp.float32(step), jnp.float32(rate))
        recent.append(loss)
        if step % 50 == 0 or step == args.steps:
            print(step, round(float(np.mean(recent)), 4), f"{time.time() - began:.0f}s", flush=True)
            recent = []
        if step % 500 == 0:
            save(params, args.out)
    save(params, args.out)
    rounded = {n: p.astype(jnp.bfloat16).astype(jnp.float32) for n, p in params.items()}
    names = ("botocore", "wordnet", "python", "service")
    cuts, at = {}, 0
    for name in names:
        n = max(40, figures[name]["texts"] // 200)
        cuts[name] = heldout[at : at + n]
        at += n
    figures |= {
        "steps": args.steps,
        "tokens_seen": seen,
        "heldout_loss": round(mean_loss(rounded, tokenizer, heldout), 4),
        "heldout_loss_by_source": {n: round(mean_loss(rounded, tokenizer, t), 4) for n, t in cuts.items()},
    }
    (args.out / "training.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
