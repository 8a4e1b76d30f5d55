#!/usr/bin/env python3
"""SmolLM2 in privet and in torch: tokens per second of forward, and of forward + backward of adapters on attention.

    python run.py --privet PATH/TO/examples/speed --model FOLDER [--threads 2] [--rounds 3] [--seconds 6] [--out FILE]

Both run in turn, round after round, on the same machine with the same number of threads; the median counts. privet gives one
gradient per example (what DP-SGD needs), torch one for the whole batch (what it does for everybody else). Made with torch
2.9.1, transformers 4.57.1, peft 0.17.1; f32, SDPA attention.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import time

import torch
import transformers
from peft import LoraConfig, get_peft_model

HERE = os.path.dirname(os.path.abspath(__file__))


def rate(seconds, tokens, once):
    once()
    start, passes = time.perf_counter(), 0
    while passes < 2 or time.perf_counter() - start < seconds:
        once()
        passes += 1
    return tokens * passes / (time.perf_counter() - start)


def torch_rates(folder, batch, length, seconds):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    lora = LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "k_proj", "v_proj", "o_proj"], task_type="CAUSAL_LM")
    model = get_peft_model(model, lora)
    ids = torch.randint(0, model.config.vocab_size, (batch, length))

    def forward():
        with torch.no_grad():
            model(input_ids=ids, labels=ids).loss.item()

    def backward():
        model.zero_grad()
        model(input_ids=ids, labels=ids).loss.backward()

    return dict(forward=rate(seconds, ids.numel(), forward), backward=rate(seconds, ids.numel(), backward))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--privet", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--out")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    environment = {**os.environ, "RAYON_NUM_THREADS": str(asked.threads)}
    lines = []
    for batch, length in ((2, 256), (1, 512)):
        ours, theirs = [], []
        for _ in range(asked.rounds):
            command = [asked.privet, asked.model, str(batch), str(length), str(asked.seconds)]
            ours.append(json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout))
            theirs.append(torch_rates(asked.model, batch, length, asked.seconds))
        for what, name in (("forward", "forward"), ("backward", "forward + backward")):
            privet, other = (statistics.median(row[what] for row in rows) for rows in (ours, theirs))
            lines.append(f"| {name} | {batch} x {length} | {privet:.0f} | {other:.0f} | {privet / other:.2f} |")
            print(lines[-1], flush=True)
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True).stdout.strip()
    with open("/proc/cpuinfo") as file:
        cpu = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    text = f"""# SmolLM2-135M in privet and in torch, on the CPU

{datetime.date.today()}, commit {commit}; {cpu}, {asked.threads} threads each, load {os.getloadavg()[0]:.1f} at the end; torch {torch.__version__}, transformers {transformers.__version__}.
Made by `benches/peers/model/run.py`: f32, median of {asked.rounds} rounds in turn. Backward: rank-8 adapters on attention; privet computes one gradient per example and their norms, torch one gradient for the batch.

| pass | batch x tokens | privet, tokens/s | torch, tokens/s | ratio |
|---|---|---|---|---|
""" + "\n".join(lines) + "\n"
    if asked.out:
        with open(asked.out, "w") as file:
            file.write(text)


if __name__ == "__main__":
    main()
