#!/usr/bin/env python3
"""Recognizers of privet and of its peers on labelled texts: what they find, what they hit wrongly, and how fast, in one run.

    python run.py --privet PATH/TO/privet GOLD.jsonl[.gz] … [--redact-core PATH/TO/redact-peer] [--out FILE]

Every tool runs in a process of its own on one core, one after the other, and writes its findings; all are scored by
`privet evaluate --from`, so that one rule judges them. Speed is UTF-8 bytes over the time of finding alone, best of two
passes. Needs what `requirements.txt` names; a peer that cannot be imported is left out and named. `redact-peer` is built
with `cargo build --release` in `redact-core/`.
"""

import argparse
import datetime
import gzip
import json
import os
import platform
import subprocess
import sys
import tempfile
import time

LABELS = {
    "social_security_number": "US_SSN", "credit_card": "CREDIT_CARD", "phone": "PHONE", "email": "EMAIL", "ip": "IPV4",
    "national_insurance_number": "UK_NINO", "CRYPTO": "CRYPTO_BTC", "url": "URL", "credential": "URL_CREDENTIALS",
}


def texts(path):
    with (gzip.open(path, "rt") if path.endswith(".gz") else open(path)) as file:
        return [json.loads(line) for line in file if line.strip()]


def datatrove():
    from datatrove.pipeline.formatters.pii import PIIFormatter

    formatter = PIIFormatter()
    kinds = ((formatter.emails_replacer, "EMAIL"), (formatter.ip_replacer, "IPV4"))

    def find(text):
        for replacer, label in kinds:
            for match in replacer.regex.finditer(text):
                if replacer.validator is None or replacer.validator(match.group(0)):
                    yield match.start(), match.end(), label

    return find


def scrubadub():
    import scrubadub

    scrubber = scrubadub.Scrubber()
    return lambda text: [(found.beg, found.end, getattr(found, "type", "")) for found in scrubber.iter_filth(text)]


def presidio():
    """Its pattern recognizers with their context words, without a model for names."""
    import logging

    import spacy
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    logging.disable(logging.WARNING)

    class Blank(SpacyNlpEngine):
        def __init__(self):
            super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
            self.nlp = {"en": spacy.blank("en")}

        def load(self):
            pass

        def is_loaded(self):
            return True

    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=Blank())
    registry.recognizers = [one for one in registry.recognizers if "Spacy" not in type(one).__name__]
    engine = AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["en"])

    def find(text):
        kept = []
        found = engine.analyze(text, language="en", score_threshold=0.4)
        for one in sorted(found, key=lambda one: (-one.score, one.start - one.end)):
            if all(one.end <= start or one.start >= end for start, end, _ in kept):
                kept.append((one.start, one.end, one.entity_type))
        return kept

    return find


def detect_secrets():
    from detect_secrets.core import scan
    from detect_secrets.settings import default_settings

    settings = default_settings()
    settings.__enter__()

    def find(text):
        lines, starts = text.split("\n"), [0]
        for line in lines:
            starts.append(starts[-1] + len(line) + 1)
        for secret in scan._process_line_based_plugins(list(enumerate(lines, 1)), "text"):
            place = lines[secret.line_number - 1].find(secret.secret_value or "\0")
            if place >= 0:
                start = starts[secret.line_number - 1] + place
                yield start, start + len(secret.secret_value), "SECRET"

    find.settings = settings
    return find


PEERS = {"datatrove": datatrove, "scrubadub": scrubadub, "presidio (patterns)": presidio, "detect-secrets": detect_secrets}


def peer(name, gold, out):
    rows = texts(gold)
    find = PEERS[name]()
    best = None
    for _ in range(2):
        start = time.perf_counter()
        found = [list(find(row["text"])) for row in rows]
        seconds = time.perf_counter() - start
        best = seconds if best is None else min(best, seconds)
    with open(out, "w") as file:
        for row, spans in zip(rows, found):
            spans = [dict(start=a, end=b, label=LABELS.get(label, label)) for a, b, label in sorted(set(spans)) if a < b]
            file.write(json.dumps(dict(id=row.get("id"), spans=spans)) + "\n")
    print(json.dumps(sum(len(row["text"].encode()) for row in rows) / 1e6 / best))


def redact_core(binary, gold, out):
    """A peer in Rust: it reads lines as they are, unpacked."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as plain:
        plain.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in texts(gold))
        plain.flush()
        done = subprocess.run([binary, plain.name, out], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(done.stdout)


def judged(privet, gold, found=None):
    more = ["--from", found] if found else []
    done = subprocess.run([privet, "evaluate", gold, "--json", "--no-progress", *more], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gold", nargs="+")
    parser.add_argument("--privet", required=True)
    parser.add_argument("--out")
    parser.add_argument("--redact-core")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    parser.add_argument("--findings", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.peer:
        return peer(asked.peer, asked.gold[0], asked.findings)
    record = dict(date=datetime.date.today().isoformat(), machine=platform.processor() or platform.machine(), sets={})
    for gold in asked.gold:
        rows = {}
        record["sets"][os.path.basename(gold)] = rows
        with tempfile.TemporaryDirectory() as folder:
            for name in PEERS:
                found = os.path.join(folder, "found.jsonl")
                command = [sys.executable, __file__, gold, "--privet", asked.privet, "--peer", name, "--findings", found]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    rows[name] = dict(left_out=done.stderr.strip().splitlines()[-1:])
                else:
                    rows[name] = dict(judged(asked.privet, gold, found), peer_mb_s=json.loads(done.stdout.splitlines()[-1]))
                print(name, "done", file=sys.stderr)
            if asked.redact_core:
                found = os.path.join(folder, "found.jsonl")
                speed = redact_core(asked.redact_core, gold, found)
                rows["redact-core"] = dict(judged(asked.privet, gold, found), peer_mb_s=speed)
            rows["privet"] = judged(asked.privet, gold)
    text = table(record)
    if asked.out:
        with open(asked.out, "w") as file:
            file.write(text)
    else:
        print(text)


def table(record):
    """Typed scores count every label of the gold, those that a tool never claims to find included."""
    lines = [f"{record['date']}; {record['machine']}, one thread each.", ""]
    for name, rows in record["sets"].items():
        lines += [f"## {name}", "", "| tool | precision % | recall % | F1 % | characters found % | traps hit % | MB/s |", "|---|---|---|---|---|---|---|"]
        for tool, row in rows.items():
            if "left_out" in row:
                lines.append(f"| {tool} | left out: {' '.join(row['left_out'])} | | | | | |")
                continue
            micro, wanted = row["micro"], row["characters"]
            gold = micro["gold"] + sum(row["not_produced"].values())
            hits, found = micro["true_positives"], micro["found"] + sum(row["not_in_gold"].values())
            precision, recall = hits / max(found, 1), hits / max(gold, 1)
            f1 = 2 * precision * recall / max(precision + recall, 1e-9)
            traps = row["traps"]["rate"] if row.get("traps") and row["traps"]["of"] else None
            figures = [precision, recall, f1, wanted["recall"] or 0.0]
            cells = [f"{100 * figure:.1f}" for figure in figures] + ["" if traps is None else f"{100 * traps:.1f}"]
            speed = row.get("peer_mb_s") or row["megabytes_per_second"]
            lines.append("| " + " | ".join([tool, *cells, f"{speed:.2g}" if speed < 10 else f"{speed:.0f}"]) + " |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
