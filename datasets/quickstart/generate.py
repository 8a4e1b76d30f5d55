"""Writes the quickstart corpus, its labels and its public held-out split.

    python generate.py            writes everything beside this file
    python generate.py --check    makes it again elsewhere and compares digests

Needs pyarrow 26.0.1 (the bytes of a Parquet file depend on its writer); the
digests of the texts themselves are compared with any version.
"""

import argparse
import datetime
import gzip
import hashlib
import itertools
import json
import pathlib
import random
import re
import sys
import tempfile

import grammar
import pyarrow as pa
import pyarrow.parquet as pq
import values

HERE = pathlib.Path(__file__).parent
PYARROW = "26.0.1"
SEED, EVAL_SEED = 71025, 90417
DISTINCT, REPEATS, TWINS, SHARDS, EVAL_ROWS = 20_900, 950, 150, 4, 400
CUSTOMERS = 5_200
PERSONAL = 0.45
SHORTEST, LONGEST, PER_VALUE = 19, 40, 3
TRIES = 400
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("unit_id", pa.string()),
        ("text", pa.string()),
        ("channel", pa.dictionary(pa.int8(), pa.string())),
        ("created", pa.timestamp("ms", tz="UTC")),
        ("attributes", pa.struct([("agent", pa.string()), ("priority", pa.int8()), ("topics", pa.list_(pa.string()))])),
    ]
)
FEATURES = {
    "id": {"dtype": "string", "_type": "Value"},
    "unit_id": {"dtype": "string", "_type": "Value"},
    "text": {"dtype": "string", "_type": "Value"},
    "channel": {"dtype": "string", "_type": "Value"},
    "created": {"dtype": "timestamp[ms, tz=UTC]", "_type": "Value"},
    "attributes": {
        "agent": {"dtype": "string", "_type": "Value"},
        "priority": {"dtype": "int8", "_type": "Value"},
        "topics": [{"dtype": "string", "_type": "Value"}],
    },
}


def customers(rng: random.Random, count: int) -> list[dict]:
    out = []
    for number in range(count):
        town, country, currency = rng.choice(grammar.TOWNS)
        out.append(
            {
                "unit": f"c{number:05}", "name": rng.choice(grammar.NAMES), "town": town, "country": country, "currency": currency,
                "EMAIL": values.email(rng), "PHONE": values.phone(rng, country), "IBAN": values.iban(rng, country),
            }
        )  # fmt: skip
    return out


def draw_labels(rng: random.Random, channel: str) -> list[str]:
    weights = grammar.WEIGHTS[channel]
    count = 0 if rng.random() >= PERSONAL else 1 if rng.random() < 0.87 else 2
    return [rng.choices(list(weights), list(weights.values()))[0] for _ in range(count)]


def tagged(template: str) -> str:
    return re.sub("\x00(.*?)\x00", r"<\1>", template)


def fill(rng: random.Random, template: str, customer: dict) -> tuple[str, list[dict]]:
    """The text with values and the spans of the values in code points."""
    text, spans = "", []
    for place, part in enumerate(template.split("\x00")):
        if place % 2 == 0:
            text += part
        else:
            value = values.value(rng, part, customer)
            spans.append({"start": len(text), "end": len(text) + len(value), "label": part})
            text += value
    return text, spans


def draw(rng: random.Random, people: list[dict], seen: set[str], skip: set[str]) -> dict:
    """A note whose tagged form was not drawn before.

    Channel and labels are drawn once, so that the limit on length does not bend their shares;
    a note that cannot be had short enough with two values gets one.
    """
    channel = rng.choices(grammar.CHANNELS, grammar.SHARES)[0]
    labels = draw_labels(rng, channel)
    for attempt in itertools.count():
        if attempt == TRIES:
            labels = labels[:1]
        customer = rng.choice(people)
        if "US_SSN" in labels and customer["country"] != "US":
            continue
        moment = datetime.datetime(2025, 1, 2, tzinfo=datetime.UTC) + datetime.timedelta(
            days=rng.randrange(360), hours=rng.randint(7, 18), minutes=rng.randrange(60), seconds=rng.randrange(60)
        )
        known = grammar.facts(rng, channel, customer, moment)
        template = grammar.note(rng, channel, known, labels)
        form = tagged(template)
        if form in seen or form in skip or not SHORTEST <= grammar.weight(template) <= LONGEST + PER_VALUE * len(labels):
            continue
        seen.add(form)
        return {
            "unit_id": customer["unit"], "template": template, "channel": channel, "created": moment, "customer": customer,
            "attributes": {
                "agent": known["agent"], "priority": rng.randint(1, 4),
                "topics": sorted({known["team"] if known["ticket"].startswith("MB") else known["queue"], *rng.sample(["new", "urgent", "letter", "phone"], rng.randint(0, 2))}),
            },
        }  # fmt: skip


def private_rows(skip: set[str]) -> tuple[list[dict], list[dict]]:
    """Rows and their labels: distinct notes, exact repeats, and twins that differ in values only."""
    rng = random.Random(SEED)
    people = customers(rng, CUSTOMERS)
    seen: set[str] = set()
    rows = []
    for _ in range(DISTINCT):
        row = draw(rng, people, seen, skip)
        row["text"], row["spans"] = fill(rng, row["template"], row["customer"])
        rows.append(row)
    for row in rng.sample(rows, REPEATS):
        later = row["created"] + datetime.timedelta(minutes=rng.randint(1, 90))
        rows.append(row | {"created": later})
    for row in rng.sample([r for r in rows[:DISTINCT] if r["spans"]], TWINS):
        other = rng.choice(people) | {"country": row["customer"]["country"]}
        text, spans = fill(rng, row["template"], other)
        rows.append(row | {"unit_id": other["unit"], "text": text, "spans": spans})
    rng.shuffle(rows)
    for number, row in enumerate(rows):
        row["id"] = f"n{number:06}"
    return rows, [{"id": row["id"], "spans": row["spans"]} for row in rows if row["spans"]]


def public_rows() -> list[dict]:
    """Held-out notes of other customers, with tags instead of values."""
    rng = random.Random(EVAL_SEED)
    people = customers(rng, 300)
    seen: set[str] = set()
    rows = []
    for number in range(EVAL_ROWS):
        row = draw(rng, people, seen, set())
        rows.append(row | {"id": f"p{number:06}", "unit_id": "p" + row["unit_id"][1:], "text": tagged(row["template"])})
    return rows


def table(rows: list[dict]) -> pa.Table:
    metadata = {"huggingface": json.dumps({"info": {"features": FEATURES}}), "synthetic": "generated by a seeded grammar; no real person"}
    columns = {name: [row[name] for row in rows] for name in SCHEMA.names}
    return pa.table(
        [pa.array(columns[f.name], pa.string()).dictionary_encode().cast(f.type) if f.name == "channel" else pa.array(columns[f.name], f.type) for f in SCHEMA],
        schema=SCHEMA.with_metadata(metadata),
    )  # fmt: skip


def write(folder: pathlib.Path) -> dict:
    """Writes all files under `folder` and returns the digests and counts."""
    (folder / "private").mkdir(parents=True, exist_ok=True)
    public = public_rows()
    rows, labels = private_rows({row["text"] for row in public})
    share = -(-len(rows) // SHARDS)
    for shard in range(SHARDS):
        path = folder / "private" / f"train-{shard:05}-of-{SHARDS:05}.parquet"
        part = table(rows[shard * share : (shard + 1) * share])
        pq.write_table(part, path, compression="zstd", compression_level=15, row_group_size=2000)
    pq.write_table(table(public), folder / "public-eval.parquet", compression="zstd", compression_level=15, row_group_size=200)
    lines = "".join(json.dumps(label, separators=(",", ":")) + "\n" for label in labels)
    with open(folder / "labels.jsonl.gz", "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(lines.encode())
    counts: dict[str, int] = {}
    for label in labels:
        for span in label["spans"]:
            counts[span["label"]] = counts.get(span["label"], 0) + 1
    files = [*sorted((folder / "private").glob("*.parquet")), folder / "public-eval.parquet", folder / "labels.jsonl.gz"]
    return {
        "rows": len(rows),
        "distinct_texts": len({row["text"] for row in rows}),
        "distinct_tagged_texts": len({tagged(row["template"]) for row in rows}),
        "units": len({row["unit_id"] for row in rows}),
        "rows_with_values": len(labels),
        "spans": dict(sorted(counts.items())),
        "public_rows": len(public),
        "sha256_private_texts": hashlib.sha256("\n".join(row["text"] for row in rows).encode()).hexdigest(),
        "sha256_public_texts": hashlib.sha256("\n".join(row["text"] for row in public).encode()).hexdigest(),
        "sha256_labels": hashlib.sha256(lines.encode()).hexdigest(),
        "sha256": {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with digests.json instead of writing")
    args = parser.parse_args()
    if not args.check:
        digests = write(HERE)
        (HERE / "digests.json").write_text(json.dumps(digests, indent=2) + "\n")
        print(json.dumps(digests, indent=2))
        return
    expected = json.loads((HERE / "digests.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        found = write(pathlib.Path(folder))
    for path, digest in expected["sha256"].items():
        if hashlib.sha256((HERE / path).read_bytes()).hexdigest() != digest:
            sys.exit(f"{path} differs from digests.json; run generate.py again or restore the file")
    if pa.__version__ != PYARROW:
        print(f"pyarrow {pa.__version__} is not {PYARROW}: comparing texts and labels, not Parquet bytes")
        found["sha256"] = expected["sha256"]
    different = [key for key in expected if expected[key] != found[key]]
    if different:
        sys.exit(f"the generator no longer makes what is committed; different: {', '.join(different)}")
    print("same digests")


if __name__ == "__main__":
    main()
