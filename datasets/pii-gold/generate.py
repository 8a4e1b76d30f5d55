"""Writes labelled texts for `privet evaluate`: personal data in many surroundings, and what only looks like it.

    python generate.py            writes gold.jsonl.gz and digests.json beside this file
    python generate.py --check    makes it again and compares

Standard library only; one seed, so every machine makes the same texts.
"""

import argparse
import collections
import gzip
import hashlib
import importlib.util
import json
import pathlib
import random
import sys

import checksums
import identifiers
import words
from negatives import NEGATIVES, word

HERE = pathlib.Path(__file__).parent
SEED = 48_611
PER_CONTACT, PER_IDENTIFIER, PER_NEGATIVE = 150, 60, 60
# Of a hundred identifiers, so many stand in a cell or line that says nothing about them.
BARE_PERCENT = 10
LEVELS = ("INFO", "WARN", "ERROR", "DEBUG")


def quickstart_values():
    """The quickstart's drawer of mail addresses, phones, cards, accounts and tokens."""
    path = HERE.parent / "quickstart" / "values.py"
    spec = importlib.util.spec_from_file_location("quickstart_values", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


VALUES = quickstart_values()


def contact(rng: random.Random, label: str) -> list:
    """The pieces of one value: plain text, and (text, label)."""
    country = rng.choice(("US", "GB", "DE", "FR", "SE"))
    if label == "URL_CREDENTIALS":
        scheme, rest = VALUES.url_credentials(rng).split("://")
        user, host = rest.rsplit("@", 1)
        return [f"{scheme}://", (user, label), f"@{host}"]
    draw = {"EMAIL": VALUES.email, "IPV4": VALUES.ipv4, "IPV6": VALUES.ipv6, "CREDIT_CARD": VALUES.credit_card, "US_SSN": VALUES.us_ssn, "SECRET": VALUES.secret}
    if label in draw:
        return [(draw[label](rng), label)]
    return [((VALUES.phone if label == "PHONE" else VALUES.iban)(rng, country), label)]


# Surroundings: language, announcing word, key and the pieces of a value in; pieces out.


def prose(rng, language, name, key, value):
    before, after = rng.choice(words.PROSE[language]).replace("{w}", name).split("{v}")
    filler = words.FILLER.get(language, words.FILLER["en"])
    head = rng.choice(filler) + " " if rng.random() < 0.6 else ""
    tail = " " + rng.choice(filler) if rng.random() < 0.6 else ""
    return [head + before, *value, after + tail]


def chat(rng, language, name, key, value):
    hour = f"{rng.randrange(24):02}:{rng.randrange(60):02}"
    return [f"[{hour}] {word(rng)}: ok, one moment\n[{hour}] {word(rng)}: {name} ", *value, rng.choice((" thx!!", " 🙏", "\n", " ok?", ""))]


def yaml(rng, language, name, key, value):
    quote = rng.choice(("", "'", '"'))
    return [f"record:\n  kind: {word(rng)}\n  {key}: {quote}", *value, f"{quote}\n  active: true\n"]


def a_json(rng, language, name, key, value):
    return [f'{{"kind": "{word(rng)}", "{key}": "', *value, '", "active": true}']


def csv(rng, language, name, key, value):
    quote = '"' if any("," in (p if isinstance(p, str) else p[0]) for p in value) else ""
    return [f"kind,{key},active\n{word(rng)},{quote}", *value, f"{quote},1\n"]


def code(rng, language, name, key, value):
    form = rng.choice((('{k} = "', '"  # from the old system\n'), ('const {k} = "', '";\n'), ('{k}: str = \'', "'\n"), ('export {k}="', '"\n')))
    return [f"# {word(rng)}\n" + form[0].replace("{k}", key if rng.random() < 0.7 else key.upper()), *value, form[1]]


def log(rng, language, name, key, value):
    return [f"{rng.choice(LEVELS)} [{word(rng)}-{rng.randint(1, 9)}] {key}=", *value, f" took={rng.randint(1, 900)}ms\n"]


def html(rng, language, name, key, value):
    form = rng.choice((("<tr><th>{w}</th><td>", "</td></tr>"), ('<input name="{k}" value="', '">'), ("<p><b>{w}:</b> ", "</p>")))
    fill = lambda part: part.replace("{w}", name).replace("{k}", key)
    return [fill(form[0]), *value, form[1]]


def mail(rng, language, name, key, value):
    if len(value) == 1 and value[0][1] == "EMAIL":
        return [f"Subject: {word(rng)} {word(rng)}\n{rng.choice(('From', 'Reply-To', 'Cc'))}: <", *value, ">\nMIME-Version: 1.0\n"]
    return [f"Subject: {name} ", *value, f"\n\nsee below\n-- \n{word(rng)} desk\n"]


def link(rng, language, name, key, value):
    return ['<a href="mailto:', *value, f'?subject={word(rng)}">{word(rng)}</a>']


def bare(rng, language, name, key, value):
    return rng.choice(([f"{word(rng)};", *value, f";{rng.randint(1, 9)}\n"], ["- ", *value, "\n"], [f"{word(rng)}\t", *value, f"\t{word(rng)}"]))


SURROUNDINGS = (prose, prose, prose, chat, yaml, a_json, csv, code, log, html, mail)


def placed(rng: random.Random, label: str, value: list, names: list, bare_percent: int) -> list:
    language, name, key = rng.choice(names)
    if rng.randrange(100) < bare_percent:
        return bare(rng, language, name, key, value)
    around = rng.choice((*SURROUNDINGS, link, link)) if label == "EMAIL" else rng.choice(SURROUNDINGS)
    if any('"' in (piece if isinstance(piece, str) else piece[0]) for piece in value):
        around = rng.choice((prose, chat, log))
    return around(rng, language, name, key, value)


def trap(rng: random.Random, why: str) -> list:
    """A hard negative: (text, "", why)."""
    value = (NEGATIVES[why](rng), "", why)
    before, after = rng.choice((("see ", " for details"), ("- ", "\n"), ("(", ")"), ("", ""), ("fixed in ", "."), ('ref: "', '"'), ("<td>", "</td>"), ("// ", "\n"), ("| ", " |")))
    return [before, value, after]


def assembled(pieces: list) -> dict:
    """Text and spans in code points."""
    text, spans, negatives = "", [], []
    for piece in pieces:
        if isinstance(piece, str):
            text += piece
            continue
        place = {"start": len(text), "end": len(text) + len(piece[0])}
        if len(piece) == 2:
            spans.append(place | {"label": piece[1]})
        else:
            negatives.append(place | {"why": piece[2]})
        text += piece[0]
    return {"text": text, "spans": spans, "negatives": negatives}


def rows() -> list[dict]:
    rng = random.Random(SEED)
    parts = []
    for label, names in words.CONTACTS.items():
        parts += [placed(rng, label, contact(rng, label), names, 0 if label == "US_SSN" else BARE_PERCENT) for _ in range(PER_CONTACT)]
    for label, (draw, names) in words.IDENTIFIERS.items():
        never_bare = label == "DATE_OF_BIRTH"
        parts += [placed(rng, label, [(draw(rng), label)], names, 0 if never_bare else BARE_PERCENT) for _ in range(PER_IDENTIFIER)]
    for _ in range(PER_IDENTIFIER):
        parts.append([f"{rng.choice(('scan', 'MRZ', 'passport'))}:\n", (identifiers.passport_mrz(rng), "PASSPORT_MRZ"), "\n"])
    parts += [trap(rng, why) for why in NEGATIVES for _ in range(PER_NEGATIVE)]
    rng.shuffle(parts)
    out = []
    while parts:
        count = rng.randint(1, 3)
        taken, parts = parts[:count], parts[count:]
        pieces = []
        for part in taken:
            pieces += [*part, rng.choice(("\n", "\n\n", "\n---\n"))]
        out.append({"id": f"g{len(out):05}"} | assembled(pieces))
    return out


def made() -> tuple[bytes, dict]:
    checksums.known_answers()
    texts = rows()
    lines = "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in texts).encode()
    spans = collections.Counter(span["label"] for row in texts for span in row["spans"])
    negatives = collections.Counter(span["why"] for row in texts for span in row["negatives"])
    digests = {
        "texts": len(texts),
        "characters": sum(len(row["text"]) for row in texts),
        "spans": dict(sorted(spans.items())),
        "negatives": dict(sorted(negatives.items())),
        "sha256_lines": hashlib.sha256(lines).hexdigest(),
    }
    return lines, digests


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with what lies here instead of writing")
    args = parser.parse_args()
    lines, digests = made()
    if args.check:
        # The bytes of the archive depend on the version of zlib; the lines do not.
        if gzip.decompress((HERE / "gold.jsonl.gz").read_bytes()) != lines:
            sys.exit("gold.jsonl.gz is not what the generator makes; run generate.py again or restore the file")
        if json.loads((HERE / "digests.json").read_text()) != digests:
            sys.exit("digests.json is not what the generator makes; run generate.py again or restore the file")
        print("same texts")
        return
    with open(HERE / "gold.jsonl.gz", "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(lines)
    (HERE / "digests.json").write_text(json.dumps(digests, indent=2) + "\n")
    print(f"{digests['texts']} texts, {sum(digests['spans'].values())} spans, {sum(digests['negatives'].values())} negatives")


if __name__ == "__main__":
    main()
