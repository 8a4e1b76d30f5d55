"""The base model's public corpus: where each text comes from and how it is cut.

Four sources, all free to use and none of them about a person: the service
descriptions in the botocore wheel, the glosses of WordNet 3.0, the language
reference and docstrings of CPython 3.11's standard library, and a grammar of
our own. Texts that hold an `@` or an address with digits are left out, so that
no maintainer's mailbox is learned.
"""

import ast
import gzip
import hashlib
import html
import json
import pathlib
import random
import re
import zipfile

import service_grammar

SEED = 20261
BOTOCORE = "botocore-1.35.99-py3-none-any.whl"
BOTOCORE_SHA256 = "b22d27b6b617fc2d7342090d6129000af2efd20174215948c0d7ae2da0fab445"
CHARACTERS = {"botocore": 8_000_000, "wordnet": 4_500_000, "python": 3_000_000, "service": 2_200_000}
UNWANTED = re.compile(r"@|https?://|\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}")


def clean(text: str) -> str:
    """One line of plain text without markup."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text))).strip()


def documentation(node: object):
    """Every `documentation` string in a service description."""
    if isinstance(node, dict):
        if isinstance(node.get("documentation"), str):
            yield node["documentation"]
        for key, value in node.items():
            if key != "documentation":
                yield from documentation(value)
    elif isinstance(node, list):
        for value in node:
            yield from documentation(value)


def botocore(folder: pathlib.Path):
    path = folder / BOTOCORE
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != BOTOCORE_SHA256:
        raise SystemExit(f"{path.name}: sha256 {digest}, expected {BOTOCORE_SHA256}")
    wheel = zipfile.ZipFile(path)
    for name in sorted(wheel.namelist()):
        if name.endswith("service-2.json.gz"):
            for text in documentation(json.loads(gzip.decompress(wheel.read(name)))):
                yield clean(text)


def wordnet(folder: pathlib.Path):
    for part in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"data.{part}").read_text(encoding="latin-1").splitlines():
            if line.startswith("  ") or " | " not in line:
                continue
            head, gloss = line.split(" | ", 1)
            fields = head.split()
            words = [re.sub(r"\([a-z]+\)$", "", fields[4 + 2 * i]) for i in range(int(fields[3], 16))]
            yield clean(", ".join(words).replace("_", " ") + ": " + gloss)


def python(folder: pathlib.Path):
    """Docstrings by paragraph and the reference topics of `pydoc`."""
    blocks: list[str] = []
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).parts
        if parts[0] in ("test", "idlelib", "lib2to3", "dist-packages", "site-packages", "ensurepip"):
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        if parts[0] == "pydoc_data":
            blocks += [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                blocks.append(ast.get_docstring(node) or "")
    for block in blocks:
        for paragraph in re.split(r"\n\s*\n", block):
            # Markup of manuals reads as tags to `clean`; keep what is in angle brackets out instead.
            yield re.sub(r"\s+", " ", re.sub(r"[<>*`]+", "", paragraph)).strip()


def build(sources: dict[str, pathlib.Path]) -> tuple[list[str], list[str], dict]:
    """Training texts (shuffled), held-out texts and the figures for the card."""
    streams = {
        "botocore": botocore(sources["botocore"]),
        "wordnet": wordnet(sources["wordnet"]),
        "python": python(sources["python"]),
        "service": iter(service_grammar.texts(26_000, SEED)),
    }
    train, heldout, figures, seen = [], [], {}, set()
    for name, stream in streams.items():
        texts = []
        for text in stream:
            if 30 <= len(text) <= 1200 and text.isprintable() and text not in seen:
                if not UNWANTED.search(text):
                    seen.add(text)
                    texts.append(text)
        random.Random(f"{SEED}-{name}").shuffle(texts)
        kept, size = [], 0
        for text in texts:
            if size >= CHARACTERS[name]:
                break
            kept.append(text)
            size += len(text)
        cut = max(40, len(kept) // 200)
        heldout += kept[:cut]
        train += kept[cut:]
        figures[name] = {"texts": len(kept), "characters": size}
    random.Random(SEED).shuffle(train)
    figures["sha256"] = hashlib.sha256("\n".join(train).encode()).hexdigest()
    figures["heldout_sha256"] = hashlib.sha256("\n".join(heldout).encode()).hexdigest()
    return train, heldout, figures
