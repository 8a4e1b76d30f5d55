"""Golden logits from an independent implementation: `transformers`' LlamaForCausalLM on torch.

    python reference_logits.py base  [FOLDER]          golden.json beside the base model
    python reference_logits.py tiny                    makes ../tiny-llama and its golden files
    python reference_logits.py smollm2 FOLDER          ../../configs/smollm2/golden.json

All numbers are f32 on CPU. A loss is the mean cross-entropy in nats of the next
token over the whole sequence. Needs torch, transformers, tokenizers, safetensors.
"""

import json
import pathlib
import sys

import tokenizers
import torch
import transformers
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
SEED = 20262
BASE_TEXTS = (
    "Customer: The router does not switch on. Agent: I am sorry to hear that, please write to <EMAIL>.",
    "Returns the number of items in the list.",
    "Call [14:20] 3 Mar: refund of EUR 84.20 to <IBAN>, caf\u00e9 in the town square, see \u00fcber 27.",
)
SMOLLM2_TEXT = "The capital of France is Paris. In 2024, there were 12 users of the small library by the river."


def load(folder: pathlib.Path) -> torch.nn.Module:
    model = transformers.LlamaForCausalLM.from_pretrained(folder, torch_dtype=torch.float32, attn_implementation="eager")
    return model.eval()


def sequence(model: torch.nn.Module, ids: list[int], positions: list[int], columns: list[int]) -> dict:
    """Chosen logits and the mean loss of one sequence."""
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    loss = torch.nn.functional.cross_entropy(logits[:-1].double(), torch.tensor(ids[1:]))
    return {
        "ids": ids,
        "positions": positions,
        "columns": columns,
        "logits": [[float(f"{logits[p, c].item():.7g}") for c in columns] for p in positions],
        "argmax": logits.argmax(-1).tolist(),
        "loss": float(f"{loss.item():.9g}"),
    }


def columns_of(vocabulary: int, count: int = 64) -> list[int]:
    """Evenly spread columns, first and last among them."""
    return sorted({round(i * (vocabulary - 1) / (count - 1)) for i in range(count)})


def write(path: pathlib.Path, body: dict) -> None:
    versions = {
        "implementation": "transformers.LlamaForCausalLM, eager attention, f32, cpu",
        "transformers": transformers.__version__,
        "torch": torch.__version__.split("a")[0],
        "tokenizers": tokenizers.__version__,
        "python": ".".join(map(str, sys.version_info[:3])),
    }
    text = json.dumps({"reference": versions} | body)
    path.write_text(text.replace('}, {', '},\n{').replace('"sequences"', '\n"sequences"') + "\n")
    print(path.name, path.stat().st_size)


def encode(folder: pathlib.Path, text: str) -> list[int]:
    """Token ids; the pairs of a newer file's merges are joined for this older `tokenizers`."""
    document = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    document["model"]["merges"] = [m if isinstance(m, str) else " ".join(m) for m in document["model"]["merges"]]
    return tokenizers.Tokenizer.from_str(json.dumps(document)).encode(text, add_special_tokens=False).ids


def base(folder: pathlib.Path) -> None:
    model = load(folder)
    columns = columns_of(model.config.vocab_size)
    sequences = []
    for text in BASE_TEXTS:
        ids = [0, *encode(folder, text), 0]
        sequences.append({"text": text} | sequence(model, ids, [0, len(ids) // 2, len(ids) - 1], columns))
    write(folder / "golden.json", {"note": "ids are <|endoftext|>, the text, <|endoftext|>", "sequences": sequences})


def tiny() -> None:
    """Random weights with what the base model lacks: an untied head and another theta."""
    folder = HERE.parent / "tiny-llama"
    torch.manual_seed(SEED)
    config = transformers.LlamaConfig(
        vocab_size=101, hidden_size=32, intermediate_size=56, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, rope_theta=500000.0, rms_norm_eps=1e-6,
        tie_word_embeddings=False, bos_token_id=0, eos_token_id=1, pad_token_id=1, initializer_range=0.3,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name:
                weight.uniform_(0.5, 1.5)
    tensors = {name: weight.detach().clone().contiguous() for name, weight in model.state_dict().items()}
    rows = [[0, 5, 9, 77, 100, 3, 42, 1], [0, *range(2, 62, 3), 1], [17]]
    for dtype in ("float32", "bfloat16"):
        target = folder / dtype
        target.mkdir(parents=True, exist_ok=True)
        kind = getattr(torch, dtype)
        save_file({n: t.to(kind) for n, t in tensors.items()}, target / "model.safetensors", metadata={"format": "pt"})
        (target / "model.safetensors").chmod(0o644)
        body = config.to_diff_dict() | {"architectures": ["LlamaForCausalLM"], "torch_dtype": dtype}
        body |= {"hidden_act": "silu", "tie_word_embeddings": False, "rms_norm_eps": 1e-6}
        body.pop("transformers_version", None)
        (target / "config.json").write_text(json.dumps(dict(sorted(body.items())), indent=2) + "\n")
        model = load(target)
        sequences = []
        for ids in rows:
            positions = sorted({0, len(ids) // 2, len(ids) - 1})
            entry = sequence(model, ids + ids if len(ids) == 1 else ids, positions, columns_of(101))
            sequences.append(entry)
        write(target / "golden.json", {"note": "weights rounded to dtype, arithmetic in f32", "sequences": sequences})


def smollm2(folder: pathlib.Path) -> None:
    model = load(folder)
    ids = encode(folder, SMOLLM2_TEXT)
    entry = sequence(model, ids, [0, len(ids) // 2, len(ids) - 1], columns_of(model.config.vocab_size, 96))
    write(HERE.parents[1] / "configs" / "smollm2" / "golden.json", {"sequences": [{"text": SMOLLM2_TEXT} | entry]})


if __name__ == "__main__":
    torch.set_num_threads(1)
    what = sys.argv[1] if len(sys.argv) > 1 else ""
    if what == "base":
        base(pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else HERE)
    elif what == "tiny":
        tiny()
    elif what == "smollm2":
        smollm2(pathlib.Path(sys.argv[2]))
    else:
        sys.exit(__doc__)
