#!/usr/bin/env bash
# What privet does on a GPU: is it right, how fast, and how fast are its peers. Writes everything it measures to one folder.
#
#   benches/gpu/run.sh PRIVET OUT [--part a|b|c] [--rehearse]
#
# PRIVET is a binary built elsewhere with `cargo build --release -F cuda` and stripped; OUT a folder for the figures. Run it from
# any folder of a copy of the repository, on a machine with an NVIDIA driver, the CUDA toolkit's NVRTC and Python; nothing is
# downloaded. Each part ends within nine minutes and goes on where it stopped when it is called again with the same OUT:
#   a  replay, noise and a step audit on the device and on the CPU; the quickstart on both
#   b  steps of random Llamas of 135 million, 1 billion and 8 billion weights, private and not
#   c  the same shapes in torch and in Opacus, as far as the Python that is there has them
# `--rehearse` goes the same way on the CPU with a tiny model, to keep this script true where there is no GPU.
set -euo pipefail

privet=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
shift 2
parts=(a b c)
device=cuda:0
full=(--full)
steps=60
measure=()
while [ $# -gt 0 ]; do
    case $1 in
    --part) parts=("$2") && shift ;;
    --rehearse) device=cpu && full=() && steps=2 && measure=(--rehearse) ;;
    *) echo "run.sh: $1 is no option; see the head of the script" >&2 && exit 2 ;;
    esac
    shift
done
cd "$(dirname "$0")/../.."
"$privet" --version >"$out/privet.txt"
if [ $device != cpu ]; then
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | tee "$out/machine.txt"
fi

part_a() {
    for on in $device cpu; do
        name=${on%%:*}
        "$privet" selftest ${full[@]+"${full[@]}"} --device "$on" -o "$out/selftest-$name.json" | tee "$out/selftest-$name.txt"
        # The losses of the two should lie where each other's do: the noise is fresh in each run.
        "$privet" run configs/quickstart.toml --device "$on" --no-progress --set "output.dir=\"$out/quickstart-$name\"" \
            --set "privacy.steps=$steps" --set train.control=false | tee "$out/quickstart-$name.txt"
    done
}

for part in "${parts[@]}"; do
    case $part in
    a) part_a ;;
    b | c) python3 benches/gpu/measure.py --privet "$privet" --out "$out" --part "$part" ${measure[@]+"${measure[@]}"} ;;
    *) echo "run.sh: there is no part $part" >&2 && exit 2 ;;
    esac
done
if [ -e "$out/rows.jsonl" ]; then
    python3 benches/gpu/measure.py --collect "$out" | tee "$out/table.md"
fi
