#!/usr/bin/env python3
"""What privacy costs on a public task: E2E NLG, from one binary, with and without clipping and noise.

    python benches/utility/run.py --privet target/release/privet --data e2e-dataset.zip --out runs/utility
    python benches/utility/run.py --table runs/utility/results.json

The task (Novikova, Dusek and Rieser 2017, arXiv 1706.09254; CC BY-SA 4.0): say in a sentence what a list of attributes of a
restaurant says. `e2e-dataset.zip` is the authors' release v1.0.0:
https://github.com/tuetschek/e2e-dataset/releases/download/v1.0.0/e2e-dataset.zip
Training set: 42,061 pairs. The test split is public text here: 4,693 references of 630 lists.

For each way of training (adapters, the whole model) one run at each epsilon, and in the first of them the two controls:
clipping without noise, and neither. Two figures each: the mean loss of a held-out reference's token, in nats, and BLEU-4 of
greedy answers against all references of their list (sacrebleu, its default tokenizer).
Needs sacrebleu 2.5.1. Everything is written anew but finished runs, which are taken as they are.
"""

import argparse
import csv
import hashlib
import io
import json
import subprocess
import time
import zipfile
from pathlib import Path

SHA256 = "1261064c01907af27e8cc39e0a29a81541f6ab69208c1cbfc1be95afbb49dfac"
EPSILONS = [8.0, 3.0]
METHODS = {
    "lora": {"learning_rate": 8e-3, "model": 'adapter = "lora"\nlora_r = 8\nlora_target_modules = ["q_proj", "k_proj", "v_proj", '
             '"o_proj", "gate_proj", "up_proj", "down_proj"]'},
    "full": {"learning_rate": 1e-3, "model": 'adapter = "none"'},
}
CONFIG = """
[model]
base_model = "{base}"
{model}

[[datasets]]
path = "train.jsonl"
prompt_column = "prompt"
completion_column = "completion"
synthetic = true   # the benchmark is public

[data]
sequence_len = 128
loss_on = "completion"
public_evaluation = ["test.jsonl"]

[privacy]
privacy_unit = "document"
adjacency = "add-remove"
epsilon = {epsilon}
delta = 1e-5
max_grad_norm = {clip}
expected_batch_size = {batch}
dataset_size_bound = 42061
steps = {steps}

[train]
learning_rate = {learning_rate}
schedule = "linear"
control = {controls}
control_clipped = {controls}

[train.speed]
physical_batch_size = 16
checkpoint_every = 20

[output]
dir = "{run}"
"""


def pairs(archive, name):
    """(prompt, completion) of every row of a file in the release."""
    with zipfile.ZipFile(archive) as opened:
        text = opened.read(f"e2e-dataset/{name}").decode("utf-8-sig")
    for row in csv.DictReader(io.StringIO(text, newline="")):
        yield row["mr"].strip() + " :", " " + " ".join(row["ref"].split())


def prepare(archive, out):
    """Writes train.jsonl and test.jsonl; returns the references of each prompt of the test split."""
    if hashlib.sha256(Path(archive).read_bytes()).hexdigest() != SHA256:
        raise SystemExit(f"{archive} is not the release v1.0.0 of the dataset")
    references = {}
    for name, target in [("trainset.csv", "train.jsonl"), ("testset_w_refs.csv", "test.jsonl")]:
        with (out / target).open("w", encoding="utf-8") as file:
            for prompt, completion in pairs(archive, name):
                file.write(json.dumps({"prompt": prompt, "completion": completion}, ensure_ascii=False) + "\n")
                if target == "test.jsonl":
                    references.setdefault(prompt, []).append(completion.strip())
    return references


def call(privet, out, *arguments):
    done = subprocess.run([privet, *arguments, "--json"], cwd=out, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{arguments[0]} failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def bleu(privet, out, base, trained, references):
    """BLEU of greedy answers; `trained` is the folder of an adapter or of a whole model, or None for the base model."""
    import sacrebleu

    adapter = trained is not None and (trained / "adapter_config.json").exists()
    model = base if trained is None or adapter else trained
    prompts, answers = list(references), []
    for first in range(0, len(prompts), 63):
        chunk = prompts[first:first + 63]
        asked = [part for prompt in chunk for part in ("--prompt", prompt)]
        with_adapter = ["--adapter", str(trained)] if adapter else []
        said = call(privet, out, "generate", str(model), *with_adapter, "--max-tokens", "80", *asked)
        answers += [text["text"].strip().split("\n")[0] for text in said["answers"]]
    most = max(map(len, references.values()))
    columns = [[references[p][i] if i < len(references[p]) else None for p in prompts] for i in range(most)]
    return round(sacrebleu.corpus_bleu(answers, columns).score, 2), answers[:3]


def train(privet, out, base, method, epsilon, recipe, controls):
    run = f"{method}-{epsilon:g}"
    config = CONFIG.format(base=base, run=run, epsilon=epsilon, controls=str(controls).lower(), **METHODS[method], **recipe)
    (out / f"{run}.toml").write_text(config, encoding="utf-8")
    started = time.time()
    result = call(privet, out, "run", f"{run}.toml")
    return result, out / run, time.time() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--privet")
    parser.add_argument("--data")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--base", type=Path, default=Path(__file__).resolve().parents[2] / "datasets/base-model")
    parser.add_argument("--methods", default="lora,full")
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--clip", type=float, default=0.1)
    parser.add_argument("--table", type=Path)
    arguments = parser.parse_args()
    if arguments.table:
        return table(json.loads(arguments.table.read_text()))
    privet, out, base = str(Path(arguments.privet).resolve()), arguments.out.resolve(), arguments.base.resolve()
    out.mkdir(parents=True, exist_ok=True)
    references = prepare(arguments.data, out)
    recipe = {"steps": arguments.steps, "batch": arguments.batch, "clip": arguments.clip}
    results = {"recipe": recipe, "rows": []}

    def note(method, setting, loss, folder):
        score, samples = bleu(privet, out, base, folder, references)
        row = {"method": method, "setting": setting, "loss": loss, "bleu": score, "samples": samples}
        results["rows"].append(row)
        print(f"{method:5} {setting:24} loss {loss:.4f}  BLEU {score}", flush=True)
        (out / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False), encoding="utf-8")

    for method in arguments.methods.split(","):
        for epsilon in EPSILONS:
            first = epsilon == EPSILONS[0]
            said, run, seconds = train(privet, out, base, method, epsilon, recipe, first)
            kind = "adapter" if method == "lora" else "model"
            if first:
                if not any(row["setting"] == "base model" for row in results["rows"]):
                    note("-", "base model", said["public"]["base_loss"], None)
                note(method, "neither", said["private"]["control_loss"], run / "private/control" / kind)
                note(method, "clipping, no noise", said["private"]["control_clipped_loss"], run / "private/control-clipped" / kind)
            multiplier = json.loads((run / "public/plan.json").read_text())["privacy"]["noise_multiplier"]
            note(method, f"epsilon {epsilon:g} (sigma {multiplier:.3f})", said["public"]["released_loss"], run / "public" / kind)
            results["rows"][-1]["seconds"] = round(seconds)
    return None


def table(results):
    print("| trained | setting | loss, nats per token | BLEU-4 |\n|---|---|---|---|")
    for row in results["rows"]:
        print(f"| {row['method']} | {row['setting']} | {row['loss']:.4f} | {row['bleu']:.1f} |")


if __name__ == "__main__":
    main()
