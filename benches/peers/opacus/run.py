#!/usr/bin/env python3
"""One DP-SGD step of SmolLM2 in privet and in Opacus: tokens per second and peak memory, private and not.

    python run.py --privet PATH/TO/privet --model FOLDER [--threads 2] [--batch 8] [--physical 4] [--length 256] [--steps 4] [--out FILE]

Every row is a process of its own; the two tools take turns. Both read the same texts, cut to the same length, in the same
logical and physical batches, and do whole steps: gradients, clipping, sum, noise, AdamW. The first step does not count, the
median of the others does; so does privet's own non-private control, which does the same without norms, clipping and noise.
Needs torch, transformers, peft and opacus (`requirements.txt`); f32, SDPA attention where Opacus allows it.
"""

import argparse
import datetime
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj"]


def texts(count):
    """Prose that is long enough for any length asked for, another one in every row."""
    words = "the pump was inspected and repaired because a seal had failed under load so the shift wrote a note".split()
    return [" ".join(words[(7 * row + 5 * i + i * i // 3) % len(words)] for i in range(2000)) for row in range(count)]


def with_privet(asked, what, folder):
    with open(os.path.join(folder, "data.jsonl"), "w") as file:
        for text in texts(asked.batch):
            file.write(json.dumps({"text": text}) + "\n")
    model = 'adapter = "none"' if what == "full" else f"lora_r = 8\nlora_alpha = 16.0\nlora_target_modules = {json.dumps(TARGETS)}"
    with open(os.path.join(folder, "c.toml"), "w") as file:
        file.write(f"""[model]
base_model = "{os.path.abspath(asked.model)}"
{model}
[[datasets]]
path = "data.jsonl"
[data]
sequence_len = {asked.length}
[privacy]
privacy_unit = "document"
adjacency = "add-remove"
delta = 1e-5
noise_multiplier = 1.0
max_grad_norm = 1.0
expected_batch_size = {asked.batch}
dataset_size_bound = {asked.batch}
steps = {asked.steps}
[train]
learning_rate = 1e-4
control = {"true" if asked.control else "false"}
[train.speed]
physical_batch_size = {asked.physical}
checkpoint_every = 1000000
[output]
dir = "run"
""")
    environment = {**os.environ, "RAYON_NUM_THREADS": str(asked.threads)}
    command = [asked.privet, "train", "c.toml", "--no-progress", "--device", asked.device]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    rows = {}
    for name, path in (("private", "train.jsonl"), ("plain", "control/train.jsonl")):
        path = os.path.join(folder, "run/private", path)
        if os.path.exists(path):
            with open(path) as file:
                # The last private step writes the checkpoint.
                seconds = [json.loads(line)["seconds"] for line in file][1:-1]
            rows[name] = asked.batch * asked.length / statistics.median(seconds)
    return dict(rows=rows, peak=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)


def with_torch(asked, what, mode):
    import torch
    import transformers
    from peft import LoraConfig, get_peft_model
    from tokenizers import Tokenizer

    torch.set_num_threads(asked.threads)
    transformers.logging.set_verbosity_error()
    attention = "sdpa" if mode in ("plain", "hooks") else "eager"
    model = transformers.AutoModelForCausalLM.from_pretrained(asked.model, dtype=torch.float32, attn_implementation=attention)
    if what == "full" and mode == "ghost":
        # Opacus' ghost clipping refuses a head that is the embedding.
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    if what == "lora":
        model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=TARGETS, task_type="CAUSAL_LM"))
    model.config.use_cache = False
    model.train()
    device = torch.device("cuda" if asked.device.startswith("cuda") else "cpu")
    # As privet computes: products of f32 in f32.
    torch.backends.cuda.matmul.allow_tf32 = False
    model.to(device)
    tokenizer = Tokenizer.from_file(os.path.join(asked.model, "tokenizer.json"))
    ids = torch.tensor([tokenizer.encode(text).ids[: asked.length] for text in texts(asked.batch)])
    assert ids.shape == (asked.batch, asked.length)
    ids = ids.to(device)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    base = torch.optim.AdamW(trained, lr=1e-4)

    def loss_of(network, part):
        logits = network(input_ids=part, use_cache=False).logits
        flat = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), part[:, 1:].flatten(), reduction="none")
        return flat.view(len(part), -1).mean(1)

    parts = ids.split(asked.physical)
    if mode == "plain":

        def step():
            base.zero_grad()
            for part in parts:
                (loss_of(model, part).sum() / asked.batch).backward()
            base.step()

    elif mode == "hooks":
        from opacus import GradSampleModule
        from opacus.optimizers import DPOptimizer

        wrapped = GradSampleModule(model, loss_reduction="sum")
        optimizer = DPOptimizer(base, noise_multiplier=1.0, max_grad_norm=1.0, expected_batch_size=asked.batch)

        def step():
            optimizer.zero_grad()
            for index, part in enumerate(parts):
                optimizer.signal_skip_step(do_skip=index + 1 < len(parts))
                loss_of(wrapped, part).sum().backward()
                optimizer.step()
                optimizer.zero_grad()

    else:
        from opacus.grad_sample.grad_sample_module_fast_gradient_clipping import GradSampleModuleFastGradientClipping
        from opacus.optimizers.optimizer_fast_gradient_clipping import DPOptimizerFastGradientClipping

        wrapped = GradSampleModuleFastGradientClipping(model, max_grad_norm=1.0, use_ghost_clipping=True, loss_reduction="sum")
        optimizer = DPOptimizerFastGradientClipping(base, noise_multiplier=1.0, max_grad_norm=1.0, expected_batch_size=asked.batch, loss_reduction="sum")

        def step():
            optimizer.zero_grad()
            for index, part in enumerate(parts):
                optimizer.signal_skip_step(do_skip=index + 1 < len(parts))
                losses = loss_of(wrapped, part)
                # Their two walks back: norms, then the clipped sum.
                losses.sum().backward(retain_graph=True)
                optimizer.zero_grad()
                factors = wrapped.get_clipping_coef()
                wrapped.disable_hooks()
                (factors * losses).sum().backward()
                wrapped.enable_hooks()
                optimizer.step()
                optimizer.zero_grad()

    seconds = []
    for _ in range(asked.steps):
        start = time.perf_counter()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    rate = asked.batch * asked.length / statistics.median(seconds[1:])
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2**20
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return dict(rows={mode: rate}, peak=peak)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--privet", required=True)
    parser.add_argument("--model", required=True)
    for name, value in (("threads", 2), ("batch", 8), ("physical", 4), ("length", 256), ("steps", 4)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--device", default="cpu", help="cpu, or cuda:0 for both tools")
    parser.add_argument("--what", nargs="*", default=["lora", "full"])
    parser.add_argument("--control", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    parser.add_argument("--out")
    asked = parser.parse_args()
    if asked.only:
        tool, what, mode = asked.only.split(":")
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(with_privet(asked, what, folder) if tool == "privet" else with_torch(asked, what, mode)))
        return
    lines = []
    for what in asked.what:
        plain = {}
        for tool, mode in (("privet", "plain"), ("torch", "plain"), ("privet", "private"), ("torch", "hooks"), ("torch", "ghost")):
            command = [sys.executable, os.path.abspath(__file__), "--only", f"{tool}:{what}:{mode}"]
            for name in ("privet", "model", "threads", "batch", "physical", "length", "steps", "device"):
                command += [f"--{name}", str(getattr(asked, name))]
            if (tool, mode) == ("privet", "plain"):
                command.append("--control")
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                reason = (done.stderr.strip().splitlines() or ["killed"])[-1]
                lines.append(f"| {what} | {tool} {mode} | failed: {reason[:120]} | | |")
            else:
                result = json.loads(done.stdout.splitlines()[-1])
                # Opacus' names are modes; a process of privet with its control has both.
                rate = result["rows"][mode]
                plain.setdefault(tool, rate)
                peak = "" if "--control" in command else f"{result['peak']:.0f}"
                name = {"torch": {"plain": "torch, no privacy", "hooks": "Opacus, hooks", "ghost": "Opacus, ghost clipping"}}
                name = name.get(tool, {"plain": "privet, no privacy", "private": "privet"})[mode]
                lines.append(f"| {what} | {name} | {rate:.0f} | {plain[tool] / rate:.2f} | {peak} |")
            print(lines[-1], flush=True)
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True).stdout.strip()
    with open("/proc/cpuinfo") as file:
        cpu = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    text = f"""{datetime.date.today()}, commit {commit}; {cpu}, {asked.threads} threads each, load {os.getloadavg()[0]:.1f} at the end. Logical batch {asked.batch}, physical {asked.physical}, {asked.length} tokens.

| trained | step of | tokens/s | time over own non-private step | peak MiB |
|---|---|---|---|---|
""" + "\n".join(lines) + "\n"
    if asked.out:
        with open(asked.out, "a") as file:
            file.write(text + "\n")


if __name__ == "__main__":
    main()
