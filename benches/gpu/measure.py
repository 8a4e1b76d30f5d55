#!/usr/bin/env python3
"""Steps of models of known sizes: privet, private and not (part b), then torch and Opacus on the same shapes (part c).

    python measure.py --privet PRIVET --out OUT --part b|c [--device cuda:0] [--limit 480] [--rehearse]
    python measure.py --collect OUT

Every row is a process of its own and is written to OUT/rows.jsonl when it is done, so a machine that goes away takes one row
with it; a row that is there already is not measured again. What does not fit into `--limit` seconds is left for the next call.
`--rehearse` does the same with a tiny model on the CPU. `--collect` makes OUT/result.json and prints the table.
"""

import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import threading
import time

import model as models

HERE = os.path.dirname(os.path.abspath(__file__))
STEP = os.path.join(HERE, "../peers/opacus/run.py")
# Products of bf16 on tensor cores and of f32 without TF32, in operations a second; from the makers' data sheets.
PEAKS = {"H100": {"bf16": 989e12, "f32": 67e12}, "H200": {"bf16": 989e12, "f32": 67e12}, "A100": {"bf16": 312e12, "f32": 19.5e12}}
# size, type, what is trained, logical batch, physical batch, lengths
SHAPES = [
    ("135m", "f32", "lora", 64, 16, (512, 1024)),
    ("135m", "f32", "full", 64, 16, (512, 1024)),
    ("1b", "f32", "lora", 32, 8, (512, 1024)),
    ("1b", "f32", "full", 32, 4, (512, 1024)),
    ("8b", "bf16", "lora", 16, 4, (512,)),
]
REHEARSAL = [("tiny", "f32", "lora", 4, 2, (16,)), ("tiny", "f32", "full", 4, 2, (16,))]
PARTS = {"b": [("privet", "plain")], "c": [("torch", "plain"), ("torch", "hooks"), ("torch", "ghost")]}


def gpu(query):
    """What nvidia-smi says of the first device; nothing where there is none."""
    command = ["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader,nounits", "--id=0"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


class Memory(threading.Thread):
    """The most of the device's memory that was in use, over what was before."""

    def __init__(self):
        super().__init__(daemon=True)
        self.before, self.most, self.ended = self.used(), 0, threading.Event()

    def used(self):
        return float(gpu("memory.used") or 0)

    def run(self):
        while not self.ended.wait(0.25):
            self.most = max(self.most, self.used())

    def peak(self):
        self.ended.set()
        self.join()
        return max(0.0, self.most - self.before)


def operations(size, what):
    """Operations of one token, forward and backward: adapters need no products for the gradients of frozen weights."""
    _, used = models.parameters(size)
    return (6 if what == "full" else 4) * used


def row(asked, shape, length, tool, mode):
    size, dtype, what, batch, physical, _ = shape
    folder = os.path.join(asked.models, f"{size}-{dtype}")
    if not os.path.exists(os.path.join(folder, "model.safetensors")):
        models.write(size, folder, dtype)
    command = [sys.executable, STEP, "--only", f"{tool}:{what}:{mode}", "--device", asked.device, "--model", folder]
    command += ["--privet", asked.privet, "--batch", str(batch), "--physical", str(physical), "--length", str(length)]
    command += ["--steps", "4", "--threads", str(os.cpu_count())]
    if tool == "privet":
        command.append("--control")
    memory = Memory()
    memory.start()
    begin = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    known = dict(size=size, dtype=dtype, trained=what, batch=batch, physical=physical, length=length, tool=tool, mode=mode)
    known["seconds"] = round(time.monotonic() - begin, 1)
    peak = memory.peak()
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["killed"])[-1]
        return {**known, "failed": reason[:200]}
    result = json.loads(done.stdout.splitlines()[-1])
    known["peak_mib"] = round(peak or result["peak"])
    for name, rate in result["rows"].items():
        known[f"{name}_tokens_per_second"] = round(rate, 1)
        peaks = [peaks for device, peaks in PEAKS.items() if device in gpu("name")]
        if peaks:
            known[f"{name}_utilisation"] = round(rate * operations(size, what) / peaks[0][dtype], 4)
    return known


def measure(asked):
    os.makedirs(asked.out, exist_ok=True)
    path = os.path.join(asked.out, "rows.jsonl")
    done = [json.loads(line) for line in open(path)] if os.path.exists(path) else []
    keys = ("size", "trained", "length", "tool", "mode")
    there = {tuple(one[key] for key in keys) for one in done}
    begin, last = time.monotonic(), 0.0
    for shape in REHEARSAL if asked.rehearse else SHAPES:
        for length in shape[5]:
            for tool, mode in PARTS[asked.part]:
                if (shape[0], shape[2], length, tool, mode) in there:
                    continue
                # The next row takes about as long as the last, or longer.
                if time.monotonic() - begin + 1.5 * last > asked.limit:
                    print("out of time; the same command goes on from here", file=sys.stderr)
                    return
                started = time.monotonic()
                one = row(asked, shape, length, tool, mode)
                last = time.monotonic() - started
                with open(path, "a") as file:
                    file.write(json.dumps(one) + "\n")
                print(json.dumps(one), flush=True)


def collect(out):
    rows = [json.loads(line) for line in open(os.path.join(out, "rows.jsonl"))]
    machine = {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%MZ"),
        "gpu": gpu("name") or None,
        "driver": gpu("driver_version") or None,
        "memory_mib": gpu("memory.total") or None,
        "cpu": platform.machine(),
        "cores": os.cpu_count(),
    }
    name = os.path.join(out, "privet.txt")
    machine["privet"] = open(name).read().strip() if os.path.exists(name) else None
    with open(os.path.join(out, "result.json"), "w") as file:
        json.dump({"machine": machine, "rows": rows}, file, indent=1)
    print("| model | trained | tokens | tool | tokens/s | over its own plain step | peak MiB |")
    print("|---|---|---|---|---|---|---|")
    plain = {}
    for one in rows:
        key = (one["size"], one["trained"], one["length"], one["tool"])
        shown = f"| {one['size']} {one['dtype']} | {one['trained']} | {one['length']} |"
        if "failed" in one:
            print(f"{shown} {one['tool']} {one['mode']} | failed: {one['failed'][:80]} | | |")
            continue
        rates = {re.sub("_tokens.*", "", name): value for name, value in one.items() if name.endswith("_tokens_per_second")}
        plain.setdefault(key, rates.get("plain"))
        for mode in sorted(rates, key=lambda mode: mode != "plain"):
            over = f"{plain[key] / rates[mode]:.2f}" if plain[key] else ""
            peak = one["peak_mib"] if len(rates) == 1 or mode != "plain" else ""
            print(f"{shown} {one['tool']} {mode} | {rates[mode]:.0f} | {over} | {peak} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--privet")
    parser.add_argument("--out")
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--models", help="folder for the models [default: OUT/models]")
    parser.add_argument("--limit", type=float, default=480)
    parser.add_argument("--rehearse", action="store_true")
    parser.add_argument("--collect", metavar="OUT")
    asked = parser.parse_args()
    if asked.collect:
        collect(asked.collect)
        return
    if asked.rehearse:
        asked.device = "cpu"
    asked.models = asked.models or os.path.join(asked.out, "models")
    measure(asked)


if __name__ == "__main__":
    main()
