"""privet's adapters, merged models and models that were trained whole, loaded by `peft` and `transformers`, against privet's own logits.

    cargo run -p privet-model --example export_families -- OUT && python compare.py OUT

Prints a table; ends with an error where anything differs by more than the tolerance. Made with Python 3.11, torch 2.9.1
(CPU), transformers 4.57.1, peft 0.17.1; everything is computed in f32.
"""

import json
import os
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = sys.argv[1]


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


print("| model | weights in | privet and peft | privet and transformers (merged) | (trained whole) |\n|---|---|---|---|---|")
bad = []
for name in sorted(os.listdir(OUT)):
    with open(os.path.join(OUT, name, "logits.json")) as file:
        ours = json.load(file)
    with open(os.path.join(HERE, name, "config.json")) as file:
        dtype = json.load(file)["dtype"]
    tokens = torch.tensor(ours["tokens"])
    wanted, whole = (torch.tensor(ours[key]).reshape(*tokens.shape, -1) for key in ("logits", "saved"))
    with torch.no_grad():
        beside = PeftModel.from_pretrained(load(os.path.join(HERE, name)), os.path.join(OUT, name, "adapter"))(tokens).logits
        merged = load(os.path.join(OUT, name, "merged"))(tokens).logits
        saved = load(os.path.join(OUT, name, "saved"))(tokens).logits
    gaps = [float((found - wanted).abs().max()) for found, wanted in ((beside, wanted), (merged, wanted), (saved, whole))]
    # A merged weight is rounded to the type of the base; of the model that was trained whole both read what was saved.
    limits = [1e-4, {"float32": 1e-4, "float16": 0.02, "bfloat16": 0.1}[dtype], 1e-4]
    bad += [name for gap, limit in zip(gaps, limits) if gap > limit]
    print(f"| {name} | {dtype} | {gaps[0]:.1e} | {gaps[1]:.1e} | {gaps[2]:.1e} |")
if bad:
    sys.exit(f"too far apart: {bad}")
