#!/usr/bin/env bash
# What privet does on a GPU: is it right, and how fast. Writes everything it measures to one folder.
#
#   benches/gpu/run.sh PRIVET OUT [MODEL]
#
# PRIVET is a binary built with `cargo build --release -F cuda`; OUT a folder for the figures; MODEL a Hugging Face folder for the
# timings (SmolLM2-135M: configs/smollm2/fetch.py), left out where there is none. Run it from the repository's root, on a machine
# with an NVIDIA driver and the CUDA toolkit's NVRTC. Nothing is downloaded.
set -euo pipefail

privet=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
model=${3:-}
cd "$(dirname "$0")/../.."

{
    date -u +%Y-%m-%dT%H:%MZ
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
    "$privet" --version
} | tee "$out/machine.txt"

# Replay, noise and the step audit on the device, and on the CPU beside it.
for device in cuda:0 cpu; do
    "$privet" selftest --full --device "$device" -o "$out/selftest-${device%%:*}.json" 2>&1 | tee "$out/selftest-${device%%:*}.txt"
done

# The whole chain on the device; its losses should lie where the CPU's do (README).
"$privet" run configs/quickstart.toml --device cuda:0 --set "output.dir=\"$out/quickstart\"" --no-progress 2>&1 |
    tee "$out/quickstart.txt"
cp "$out/quickstart/private/train.jsonl" "$out/quickstart-steps.jsonl"

# Steps of a larger model, private and not: adapters, then everything.
if [ -n "$model" ]; then
    for what in lora full; do
        for length in 512 1024; do
            python3 benches/peers/opacus/run.py --privet "$privet" --model "$model" --device cuda:0 --only "privet:$what:plain" \
                --control --batch 64 --physical 16 --length "$length" --steps 5 | tee "$out/steps-$what-$length.json"
        done
    done
fi
