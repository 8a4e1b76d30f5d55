#!/usr/bin/env python3
"""Side-by-side near-duplicate benchmark: planted-duplicate corpus + peer runners.

Sub-commands
  gen    build a corpus (Parquet shards + JSONL shards + exact ground truth)
  run    run peers (and any external binary) on that corpus, measure, score
  score  score a clusters file produced by hand
  curve  print the theoretical LSH S-curve for (bands, rows)

Examples
  run.py gen  --out out/c30 --target-mb 30 --seed 7
  run.py run  --corpus out/c30 --peers datatrove,rensa,datasketch \
        --python venv/bin/python --workers 1 --json out.json
  run.py run  --corpus out/c30 --peers textdedup --python venv12/bin/python
  run.py run  --corpus out/c30 --peers cmd --name privet --threshold 0.7 \
        --cmd 'privet dedup {parquet_dir} -o {tmp}/out --id-column id --decisions {clusters} --threshold {threshold} --jobs {workers} -q'

What an external command must write to {clusters}: JSON Lines, one object per
document that shares a cluster with another one (singletons may be left out):
  {"id": "d0000012", "cluster": 7, "keep": true}

Placeholders for --cmd: {parquet_dir} {parquet_glob} {jsonl_dir} {jsonl_glob}
  {clusters} {tmp} {workers} {bands} {rows} {ngram} {threshold}

Needs: pyarrow, numpy; psutil for the peak of a process tree; per peer its own
PyPI package (datatrove[processing,io]+spacy, text-dedup, rensa, datasketch).
The base texts are real English found on this machine (botocore's API
documentation, manual pages, Python's own doc strings, /usr/share/doc); the
generator keeps only texts whose 5-word shingles are nearly new, so that the
planted copies are (almost) the only near duplicates, and then computes the
exact Jaccard of EVERY pair that shares a shingle, so the truth never depends
on what was planted.
"""
from __future__ import annotations

import argparse
import bisect
import glob
import gzip
import hashlib
import html
import json
import math
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict

WORD = re.compile(r"\w+", re.UNICODE)
TAG = re.compile(r"<[^>]+>")
NGRAM = 5
TRUTH_FLOOR = 0.2
BINS = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.9999, 1.01]


# --------------------------------------------------------------------- text
def words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def h64(s: str) -> int:
    return int.from_bytes(hashlib.blake2b(s.encode("utf-8", "replace"), digest_size=8).digest(), "little")


def shingles(ws: list[str], n: int = NGRAM) -> set[int]:
    if not ws:
        return set()
    if len(ws) < n:
        return {h64(" ".join(ws))}
    return {h64(" ".join(ws[i:i + n])) for i in range(len(ws) - n + 1)}


def jaccard(a: set, b: set) -> float:
    if not a and not b:
        return 1.0
    i = len(a & b)
    return i / (len(a) + len(b) - i)


# ------------------------------------------------------------- base sources
def src_botocore():
    try:
        import botocore
    except ImportError:
        return
    root = os.path.join(os.path.dirname(botocore.__file__), "data")
    for f in sorted(glob.glob(root + "/*/*/service-2.json*")):
        with (gzip.open if f.endswith(".gz") else open)(f, "rb") as fh:
            d = json.load(fh)
        for v in d.get("operations", {}).values():
            t = v.get("documentation")
            if t:
                yield "botocore", html.unescape(TAG.sub(" ", t))
        for v in d.get("shapes", {}).values():
            m = v.get("members")
            parts = [v.get("documentation", "")]
            if isinstance(m, dict):
                parts += [x.get("documentation", "") for x in m.values()]
            s = "\n".join(p for p in parts if p)
            if len(s) > 200:
                yield "botocore", html.unescape(TAG.sub(" ", s))


ROFF = re.compile(r"\\f[A-Z]|\\f\([A-Z]{2}|\\[&|^/,]|\\s[-+]?\d+|\\m\[[^\]]*\]|\\\*\([a-zA-Z]{2}|\\\*\[[^\]]*\]")


def roff_text(raw: str) -> str:
    out = []
    for line in raw.splitlines():
        if line.startswith((".", "'")):
            if re.match(r"[.'](SH|SS|PP|P|TP|IP|LP|Pp|Sh|Ss|It)\b", line):
                out.append("")
            parts = line.split(None, 1)
            if len(parts) == 2 and parts[0] in (".B", ".I", ".BR", ".IR", ".RB", ".BI", ".SH", ".SS", ".Sh", ".Nd", ".IP"):
                out.append(parts[1].replace('"', ""))
            continue
        out.append(line)
    s = ROFF.sub("", "\n".join(out))
    return s.replace("\\-", "-").replace("\\e", "\\").replace("\\(aq", "'").replace("\\(bu", "*").replace("\\ ", " ")


def src_man():
    for f in sorted(glob.glob("/usr/share/man/man[1-8]/*.gz")):
        try:
            with gzip.open(f, "rt", errors="replace") as fh:
                t = roff_text(fh.read(400_000))
        except OSError:
            continue
        paras = re.split(r"\n\s*\n", t)
        buf, n = [], 0
        for p in paras:  # documents of 300..3000 characters
            buf.append(p.strip())
            n += len(p)
            if n > 1500:
                yield "man", "\n\n".join(x for x in buf if x)
                buf, n = [], 0
        if n > 300:
            yield "man", "\n\n".join(x for x in buf if x)


def chunk(name, t):
    buf, n = [], 0
    for p in re.split(r"\n\s*\n", t):
        buf.append(p.strip("\n"))
        n += len(p)
        if n > 1800:
            yield name, "\n\n".join(buf)
            buf, n = [], 0
    if n > 400:
        yield name, "\n\n".join(buf)


def src_doc():
    for root in ("/usr/share/doc", "/usr/share/vim"):
        for dp, _, fs in sorted(os.walk(root)):
            for f in sorted(fs):
                p = os.path.join(dp, f)
                if f in ("copyright",) or f.startswith("changelog") or not f.endswith((".txt", ".md", ".gz", ".rst", ".adoc", "README", "NEWS")):
                    continue
                try:
                    if os.path.getsize(p) > 2_000_000:
                        continue
                    with (gzip.open if f.endswith(".gz") else open)(p, "rt", errors="strict") as fh:
                        t = fh.read()
                except (OSError, UnicodeDecodeError, EOFError):
                    continue
                yield from chunk("doc", t)


def src_html():
    pats = [os.path.expanduser("~/.rustup/toolchains/stable*/share/doc/rust/html"),
            os.path.expanduser("~/.rustup/toolchains/1.*/share/doc/rust/html")]
    roots = [r for p in pats for r in sorted(glob.glob(p))][:1]
    for root in roots:
        for sub in ("book", "reference", "std", "core", "alloc", "error_codes", "cargo", "nomicon", "rustc", "edition-guide", "embedded-book", "rust-by-example"):
            for dp, ds, fs in os.walk(os.path.join(root, sub)):
                ds.sort()
                for f in sorted(fs):
                    if not f.endswith(".html") or f == "print.html":
                        continue
                    p = os.path.join(dp, f)
                    if os.path.getsize(p) > 1_500_000:
                        continue
                    t = open(p, encoding="utf-8", errors="replace").read()
                    t = re.sub(r"(?s)<(script|style|nav|head)\b.*?</\1>", " ", t)
                    t = re.sub(r"</(p|div|li|h\d|pre|section)>", "\n\n", t)
                    t = html.unescape(TAG.sub("", t))
                    yield from chunk("rustdoc", t)


def src_pydoc():
    lib = os.path.dirname(os.__file__)
    for dp, ds, fs in os.walk(lib):
        ds[:] = sorted(d for d in ds if d not in ("site-packages", "test", "tests", "__pycache__", "lib2to3", "idlelib"))
        for f in sorted(fs):
            if not f.endswith(".py"):
                continue
            try:
                t = open(os.path.join(dp, f), encoding="utf-8").read()
            except (OSError, UnicodeDecodeError):
                continue
            ds_ = re.findall(r'(?s)"""(.{200,}?)"""', t)
            if ds_:
                yield from chunk("pydoc", "\n\n".join(ds_))


SOURCES = {"botocore": src_botocore, "man": src_man, "doc": src_doc, "html": src_html, "pydoc": src_pydoc}


def collect_base(names, want_bytes, share, min_chars=400, max_chars=12000):
    used: set[int] = set()
    out, total = [], 0
    per = Counter()
    gens = [SOURCES[n]() for n in names]
    live = list(range(len(gens)))
    while live and total < want_bytes:
        for gi in list(live):
            got = 0
            for src, t in gens[gi]:
                t = t.strip()[:max_chars]
                if len(t) < min_chars:
                    continue
                ws = words(t)
                if len(ws) < 40:
                    continue
                s = shingles(ws)
                if len(s) < 0.7 * (len(ws) - 4):  # tables, option dumps
                    continue
                if sum(1 for x in s if x in used) > share * len(s):
                    continue
                used |= s
                out.append((src, t))
                per[src] += 1
                total += len(t.encode("utf-8", "replace"))
                got += 1
                if got >= 50 or total >= want_bytes:
                    break
            else:
                live.remove(gi)
            if total >= want_bytes:
                break
    return out, per


# ------------------------------------------------------------------ planting
FIRST = "Anna Boris Chen Dalia Emeka Fatima Grzegorz Hana Ivan Jorge Kavya Liam Mei Nadia Omar Priya Quentin Rosa Sven Tariq".split()
LAST = "Abbott Baranov Castillo Dimitrov Eriksen Fofanah Gupta Horvath Ito Jansen Kowalski Lopez Moreau Nakamura Okafor Petrov".split()


def pii_footer(rng):
    a, b = rng.choice(FIRST), rng.choice(LAST)
    return (f"\n\nReported by {a} {b}, account {rng.randrange(10**9, 10**10)}, reachable at "
            f"{a.lower()}.{b.lower()}{rng.randrange(99)}@example.{rng.choice(['com', 'org', 'net'])} or "
            f"+1-{rng.randrange(200, 999)}-555-{rng.randrange(1000, 9999)}.")


def tokens_ws(text):
    return re.findall(r"\s+|\S+", text)


def edit_sub(text, target, vocab, rng):
    """Scattered one-word substitutions until the 5-word Jaccard falls to about `target`."""
    toks = tokens_ws(text)
    idx = [i for i, t in enumerate(toks) if not t.isspace() and WORD.search(t)]
    base = shingles(words(text))
    n = max(1, len(base))
    k = max(1, round(n * (1 - target) / (NGRAM * (1 + target))))
    lo = [i for i in idx]
    rng.shuffle(lo)
    done = 0
    cur, j = text, 1.0
    step = k
    while done < len(lo):
        for i in lo[done:done + step]:
            toks[i] = rng.choice(vocab)
        done += step
        cur = "".join(toks)
        j = jaccard(base, shingles(words(cur)))
        if j <= target + 0.01:
            break
        step = max(1, k // 12)
    return cur, j


def edit_block(text, target, filler, rng):
    """One contiguous block: drop a tail/head part or add foreign text (header, footer)."""
    ws = text.split(" ")
    n = len(ws)
    if rng.random() < 0.5 and n > 60:
        cut = int(n * (1 - target))
        return " ".join(ws[cut:] if rng.random() < 0.5 else ws[:n - cut])
    add = max(3, int(n * (1 - target) / max(target, 0.05)))
    f = []
    while len(f) < add:
        f += rng.choice(filler).split(" ")
    f = " ".join(f[:add])
    return (f + "\n" + text) if rng.random() < 0.5 else (text + "\n" + f)


def edit_norm(text, rng):
    m = rng.randrange(4)
    if m == 0:
        return text.upper()
    if m == 1:
        return re.sub(r"\s+", " ", text)
    if m == 2:
        return re.sub(r"[,;:.]", "", text)
    return "  " + text.replace("\n", "\r\n") + "\n\n"


def cmd_gen(a):
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    t0 = time.time()
    rng = random.Random(a.seed)
    want = int(a.target_mb * 1e6)
    base, per = collect_base(a.sources.split(","), int(want * a.base_frac), a.max_share)
    rng.shuffle(base)
    print(f"base docs {len(base)} {sum(len(t) for _, t in base) / 1e6:.1f} MB {dict(per)} in {time.time() - t0:.0f}s", file=sys.stderr)
    if not base:
        sys.exit("no base text found on this machine")
    vocab = sorted({w for _, t in base[:4000] for w in words(t) if 3 <= len(w) <= 12 and w.isalpha()})
    filler = [t for _, t in base[: len(base) // 8]]       # foreign text for headers/footers
    pool = base[len(base) // 8:]
    docs: list[tuple[str, str, str]] = []                  # (text, kind, source)
    size = 0

    def put(t, kind, src):
        nonlocal size
        docs.append((t, kind, src))
        size += len(t.encode("utf-8", "replace"))

    for src, t in base:
        put(t, "base", src)
    # a few large clusters, as boilerplate pages have
    big = [x for x in pool if 800 < len(x[1]) < 2500][:6]
    for n_copies, (src, t) in zip((300, 100, 50), big[:3]):
        for _ in range(n_copies):
            put(t, "big_exact", src)
    for n_copies, (src, t) in zip((100, 50, 30), big[3:6]):
        for _ in range(n_copies):
            put(edit_sub(t, rng.uniform(0.85, 0.97), vocab, rng)[0], "big_near", src)
    # documents that share one long licence-like block (hard negatives, J about 0.1..0.35)
    lic = " ".join(" ".join(filler[:3]).split(" ")[:120])
    for src, t in pool[:400]:
        w = t.split(" ")
        if len(w) > 160:
            put(" ".join(rng.sample(w, len(w))) + "\n\n" + lic, "boiler", src)
    levels = [0.97, 0.95, 0.9, 0.87, 0.85, 0.82, 0.8, 0.77, 0.75, 0.72, 0.7, 0.65, 0.6, 0.5, 0.4, 0.3]
    i = 0
    while size < want:
        src, t = pool[i % len(pool)]
        i += 1
        r = rng.random()
        if r < 0.10:
            for _ in range(rng.choice((1, 1, 1, 2, 4))):
                put(t, "exact", src)
        elif r < 0.18:
            put(edit_norm(t, rng), "norm", src)
        elif r < 0.60:
            for _ in range(rng.choice((1, 1, 2))):
                put(edit_sub(t, rng.choice(levels), vocab, rng)[0], "sub", src)
        elif r < 0.82:
            put(edit_block(t, rng.choice(levels), filler, rng), "block", src)
        elif r < 0.88:  # the same template for two people: only the personal data differ
            put(t + pii_footer(rng), "pii", src)
            put(t + pii_footer(rng), "pii", src)
        elif r < 0.93:  # containment: the whole text inside a much longer one
            put("\n\n".join((rng.choice(filler), t, rng.choice(filler))), "contain", src)
        else:           # a chain A~B~C~D: neighbours alike, ends not
            cur = t
            for _ in range(3):
                cur, _j = edit_sub(cur, 0.8, vocab, rng)
                put(cur, "chain", src)
        if i > 40 * len(pool):
            break
    rng.shuffle(docs)
    n = len(docs)
    ids = [f"d{k:07d}" for k in range(n)]
    users = [f"u{int(rng.paretovariate(1.1)) % 5000:04d}" for _ in range(n)]
    ts = [1_700_000_000 + rng.randrange(86400 * 365) for _ in range(n)]

    # exact truth: every pair that shares at least one shingle
    S = [np.fromiter(shingles(words(t)), dtype=np.uint64) for t, _, _ in docs]
    lens = np.array([len(s) for s in S], dtype=np.int64)
    allh = np.concatenate(S)
    own = np.repeat(np.arange(n, dtype=np.uint32), lens)
    order = np.argsort(allh, kind="stable")
    allh, own = allh[order], own[order]
    cut = np.flatnonzero(np.diff(allh)) + 1
    starts = np.concatenate(([0], cut))
    ends = np.concatenate((cut, [len(allh)]))
    grp = ends - starts
    acc: dict[int, int] = defaultdict(int)
    chunks, budget = [], 0

    def flush():
        nonlocal chunks, budget
        if not chunks:
            return
        u, c = np.unique(np.concatenate(chunks), return_counts=True)
        for k, v in zip(u.tolist(), c.tolist()):
            acc[k] += v
        chunks, budget = [], 0

    for g in np.unique(grp[grp > 1]).tolist():
        st = starts[grp == g]
        mat = own[st[:, None] + np.arange(g)[None, :]].astype(np.uint64)  # ascending ids per row (stable sort)
        if g <= 60:
            for x in range(g):
                for y in range(x + 1, g):
                    chunks.append(mat[:, x] * n + mat[:, y])
                    budget += len(st)
                    if budget > 8_000_000:
                        flush()
        else:
            xi, yi = np.triu_indices(g, 1)
            for row in mat:
                chunks.append(row[xi] * np.uint64(n) + row[yi])
                budget += len(xi)
                if budget > 8_000_000:
                    flush()
    flush()
    pa_, pb_, pj_ = [], [], []
    for k, inter in acc.items():
        x, y = divmod(k, n)
        j = inter / (lens[x] + lens[y] - inter)
        if j >= TRUTH_FLOOR:
            pa_.append(ids[x])
            pb_.append(ids[y])
            pj_.append(float(j))

    os.makedirs(os.path.join(a.out, "parquet"), exist_ok=True)
    os.makedirs(os.path.join(a.out, "jsonl"), exist_ok=True)
    per_shard = math.ceil(n / a.shards)
    for k in range(a.shards):
        lo, hi = k * per_shard, min(n, (k + 1) * per_shard)
        tab = pa.table({
            "id": ids[lo:hi],
            "text": pa.array([d[0] for d in docs[lo:hi]], pa.large_string()),
            "user_id": users[lo:hi],
            "ts": pa.array(ts[lo:hi], pa.int64()),
            "source": [d[2] for d in docs[lo:hi]],
        })
        pq.write_table(tab, os.path.join(a.out, "parquet", f"train-{k:05d}-of-{a.shards:05d}.parquet"), compression="zstd", row_group_size=2000)
        with open(os.path.join(a.out, "jsonl", f"train-{k:05d}-of-{a.shards:05d}.jsonl"), "w", encoding="utf-8") as fh:
            for q in range(lo, hi):
                fh.write(json.dumps({"id": ids[q], "text": docs[q][0], "user_id": users[q], "ts": ts[q], "source": docs[q][2]}, ensure_ascii=False) + "\n")
    pq.write_table(pa.table({"a": pa_, "b": pb_, "j": pj_}), os.path.join(a.out, "truth.parquet"))
    pq.write_table(pa.table({"id": ids, "kind": [d[1] for d in docs]}), os.path.join(a.out, "kinds.parquet"))
    digest = hashlib.sha256()
    for d in docs:
        digest.update(d[0].encode("utf-8", "replace") + b"\0")
    meta = {"sha256": digest.hexdigest(), "docs": n, "bytes": sum(len(d[0].encode("utf-8", "replace")) for d in docs), "seed": a.seed, "ngram": NGRAM,
            "kinds": dict(Counter(d[1] for d in docs)), "truth_pairs": len(pj_), "shards": a.shards,
            "pairs_ge_0.8": sum(j >= 0.8 for j in pj_), "pairs_0.5_0.8": sum(0.5 <= j < 0.8 for j in pj_),
            "mean_words": float(np.mean([len(words(d[0])) for d in docs[:3000]])), "gen_s": round(time.time() - t0, 1)}
    with open(os.path.join(a.out, "meta.json"), "w") as fh:
        json.dump(meta, fh, indent=1)
    print(json.dumps(meta))


# ------------------------------------------------------------------- scoring
def load_truth(corpus):
    import pyarrow.parquet as pq
    t = pq.read_table(os.path.join(corpus, "truth.parquet")).to_pydict()
    return list(zip(t["a"], t["b"], t["j"]))


def score(corpus, clusters_path, bands, rows):
    """clusters file -> recall by Jaccard bin, precision of co-clustered pairs, quality of removal."""
    truth = load_truth(corpus)
    meta = json.load(open(os.path.join(corpus, "meta.json")))
    clus, keep, size = {}, {}, Counter()
    with open(clusters_path) as fh:
        for line in fh:
            d = json.loads(line)
            clus[d["id"]] = d["cluster"]
            keep[d["id"]] = d.get("keep", True)
            size[d["cluster"]] += 1
    degree = Counter()
    for x, y, j in truth:
        if j >= 0.7:
            degree[x] += 1
            degree[y] += 1
    hit, tot, exp = defaultdict(int), defaultdict(int), defaultdict(float)
    tj = {}
    for x, y, j in truth:
        tj[(x, y) if x < y else (y, x)] = j
        if degree[x] > 20 or degree[y] > 20:   # huge planted clusters must not drown the rest
            continue
        b = bisect.bisect_right(BINS, j) - 1
        tot[b] += 1
        exp[b] += 1 - (1 - j ** rows) ** bands
        if x in clus and clus[x] == clus.get(y):
            hit[b] += 1
    recall = {}
    for b in sorted(tot):
        lab = "exact_set" if BINS[b] >= 0.9999 else f"{BINS[b]:.2f}-{min(BINS[b + 1], 1):.2f}"
        recall[lab] = {"n": tot[b], "recall": round(hit[b] / tot[b], 4), "lsh_theory": round(exp[b] / tot[b], 4)}
    # co-clustered pairs (clusters up to 60 documents)
    members = defaultdict(list)
    for i, c in clus.items():
        members[c].append(i)
    n_pairs, ok = 0, Counter()
    for c, m in members.items():
        if not 2 <= len(m) <= 60:
            continue
        m.sort()
        for p in range(len(m)):
            for q in range(p + 1, len(m)):
                j = tj.get((m[p], m[q]), 0.0)
                n_pairs += 1
                for t in (0.3, 0.5, 0.7, 0.8):
                    ok[t] += j >= t
    nb = defaultdict(list)
    for (x, y), j in tj.items():
        nb[x].append((y, j))
        nb[y].append((x, j))
    removed = [i for i, k in keep.items() if not k]
    rs = set(removed)
    lost = {t: 0 for t in (0.3, 0.5, 0.7)}
    for i in removed:
        best = max((j for y, j in nb[i] if y not in rs), default=0.0)
        for t in lost:
            lost[t] += best < t
    left = {t: 0 for t in (0.7, 0.8, 0.9)}
    seen = set(nb)
    for i in seen:
        if i in rs:
            continue
        best = max((j for y, j in nb[i] if y not in rs), default=0.0)
        for t in left:
            left[t] += best >= t
    return {"recall_by_jaccard": recall,
            "pair_precision": {str(t): round(ok[t] / n_pairs, 4) if n_pairs else None for t in (0.3, 0.5, 0.7, 0.8)},
            "co_clustered_pairs": n_pairs, "clusters": sum(1 for c in size.values() if c > 1), "largest_cluster": max(size.values(), default=0),
            "removed": len(removed), "removed_frac": round(len(removed) / meta["docs"], 4),
            "removed_without_kept_twin": {str(t): v for t, v in lost.items()},
            "kept_with_a_kept_twin": {str(t): v for t, v in left.items()}}


# ------------------------------------------------------------- peers (inner)
class UF:
    def __init__(self):
        self.p = {}

    def find(self, x):
        p = self.p
        p.setdefault(x, x)
        r = x
        while p[r] != r:
            r = p[r]
        while p[x] != r:
            p[x], x = r, p[x]
        return r

    def union(self, x, y):
        a, b = self.find(x), self.find(y)
        if a != b:
            self.p[max(a, b)] = min(a, b)


def write_uf(uf, path, ids):
    members = defaultdict(list)
    for x in uf.p:
        members[uf.find(x)].append(x)
    with open(path, "w") as fh:
        for r, m in members.items():
            if len(m) > 1:
                first = min(m)
                for x in m:
                    fh.write(json.dumps({"id": ids[x], "cluster": int(r), "keep": x == first}) + "\n")


def read_docs(corpus):
    import pyarrow.parquet as pq
    ids, texts = [], []
    for f in sorted(glob.glob(os.path.join(corpus, "parquet", "*.parquet"))):
        t = pq.read_table(f, columns=["id", "text"]).to_pydict()
        ids += t["id"]
        texts += t["text"]
    return ids, texts


def peer_datatrove(a, tmp, out):
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.writers import JsonlWriter
    from datatrove.utils.hashing import HashConfig
    cfg = MinhashConfig(n_grams=a.ngram, num_buckets=a.bands, hashes_per_bucket=a.rows, hash_config=HashConfig(precision=64))
    shards = len(glob.glob(os.path.join(a.corpus, "parquet", "*.parquet")))

    def rd():
        return ParquetReader(os.path.join(a.corpus, "parquet"), glob_pattern="*.parquet", text_key="text", id_key="id")
    ph = {}

    def go(name, pipeline, tasks, workers):
        t = time.time()
        LocalPipelineExecutor(pipeline=pipeline, tasks=tasks, workers=workers, logging_dir=f"{tmp}/log_{name}").run()
        ph[name] = round(time.time() - t, 2)
    go("signatures", [rd(), MinhashDedupSignature(output_folder=f"{tmp}/sig", config=cfg)], shards, a.workers)
    go("buckets", [MinhashDedupBuckets(input_folder=f"{tmp}/sig", output_folder=f"{tmp}/bkt", config=cfg)], a.bands, a.workers)
    go("cluster", [MinhashDedupCluster(input_folder=f"{tmp}/bkt", output_folder=f"{tmp}/rm", config=cfg, save_cluster_id=True, save_cluster_size=True)], 1, 1)
    go("filter", [rd(), MinhashDedupFilter(input_folder=f"{tmp}/rm", exclusion_writer=JsonlWriter(f"{tmp}/ex", compression=None), load_cluster_ids=True),
                  JsonlWriter(f"{tmp}/kept", compression=None)], shards, a.workers)
    with open(out, "w") as fh:
        for d, keep in (("kept", True), ("ex", False)):
            for f in sorted(glob.glob(f"{tmp}/{d}/*.jsonl")):
                for line in open(f, encoding="utf-8"):
                    r = json.loads(line)
                    c = r.get("metadata", {}).get("minhash_cluster_id", -1)
                    if c is not None and c >= 0:
                        fh.write(json.dumps({"id": r["id"], "cluster": c, "keep": keep}) + "\n")
    return ph


def peer_textdedup(a, tmp, out):
    """text-dedup: 0.4.0 (click options, PyPI) or a later one (TOML config), whichever this interpreter has."""
    import importlib.util
    cfgmode = importlib.util.find_spec("text_dedup.config") is not None
    ph = {}
    t = time.time()
    env = dict(os.environ, HF_HOME=f"{tmp}/hf", HF_DATASETS_OFFLINE="1", HF_HUB_OFFLINE="1")
    if cfgmode:
        with open(f"{tmp}/config.toml", "w") as fh:
            fh.write(f'''[input]
input_type = "local_files"
file_type = "parquet"
[input.read_arguments]
path = "parquet"
data_files = "{os.path.abspath(a.corpus)}/parquet/*.parquet"
split = "train"
[algorithm]
algorithm_name = "minhash"
text_column = "text"
seed = 42
num_proc = {a.workers}
num_perm = {a.bands * a.rows}
bands = {a.bands}
rows = {a.rows}
threshold = {a.threshold}
hash_bits = 64
ngram_size = {a.ngram}
min_length = 0
check_false_positive = {"true" if a.verify else "false"}
[output]
output_dir = "{tmp}/out"
clean_cache = false
save_clusters = true
keep_index_column = true
keep_cluster_column = true
[debug]
enable_profiling = false
''')
        subprocess.run([sys.executable, "-m", "text_dedup.minhash"], cwd=tmp, env=env, check=True)
        ph["minhash"] = round(time.time() - t, 2)
        import pickle
        m = pickle.load(open(f"{tmp}/out/clusters.pickle", "rb"))
        ids, _ = read_docs(a.corpus)
        with open(out, "w") as fh:
            for k, c in m.items():
                fh.write(json.dumps({"id": ids[int(k)], "cluster": int(c), "keep": int(k) == int(c)}) + "\n")
    else:
        subprocess.run([sys.executable, "-m", "text_dedup.minhash", "--path", "parquet", "--data_files", f"{os.path.abspath(a.corpus)}/parquet/*.parquet",
                        "--split", "train", "--cache_dir", f"{tmp}/cache", "--output", f"{tmp}/out", "--column", "text", "--ngram", str(a.ngram),
                        "--min_length", "0", "--num_perm", str(a.bands * a.rows), "--b", str(a.bands), "--r", str(a.rows), "--threshold", str(a.threshold),
                        "--hash_func", "xxh3", "--hash_bits", "64", "--num_proc", str(a.workers), "--debug"], cwd=tmp, env=env, check=True)
        ph["minhash"] = round(time.time() - t, 2)
        import pickle
        d = pickle.load(open(f"{tmp}/out/uf.pkl", "rb"))
        ids, _ = read_docs(a.corpus)
        par = d if isinstance(d, dict) else getattr(d, "parent", {})
        uf = UF()
        for k, v in par.items():
            uf.union(int(k), int(v))
        write_uf(uf, out, ids)
    return ph


def peer_rensa(a, tmp, out):
    import rensa
    ph = {}
    t = time.time()
    ids, texts = read_docs(a.corpus)
    ph["read"] = round(time.time() - t, 2)
    np_ = a.bands * a.rows
    uf = UF()
    lsh = rensa.RMinHashLSH(threshold=a.threshold, num_perm=np_, num_bands=a.bands)
    tok = sk = q = 0.0
    mhs = []
    B = 2000
    for lo in range(0, len(ids), B):
        t = time.time()
        sets = []
        for x in texts[lo:lo + B]:
            w = words(x)
            sets.append([" ".join(w[i:i + a.ngram]) for i in range(max(1, len(w) - a.ngram + 1))])
        tok += time.time() - t
        t = time.time()
        m = rensa.RMinHash.from_token_sets(sets, num_perm=np_, seed=42)
        sk += time.time() - t
        mhs += m
    t = time.time()
    lsh.insert_pairs(list(enumerate(mhs)))
    for i, c in enumerate(lsh.query_all(mhs)):
        for k in c:
            if k != i and (not a.verify or mhs[i].jaccard(mhs[k]) >= a.threshold):
                uf.union(i, k)
    q = time.time() - t
    write_uf(uf, out, ids)
    ph.update(tokenise_py=round(tok, 2), sketch=round(sk, 2), lsh_and_union=round(q, 2))
    return ph


def peer_datasketch(a, tmp, out):
    import numpy as np
    import xxhash
    from datasketch import MinHash, MinHashLSH
    ph = {}
    t = time.time()
    ids, texts = read_docs(a.corpus)
    np_ = a.bands * a.rows
    lsh = MinHashLSH(num_perm=np_, params=(a.bands, a.rows))
    uf = UF()
    hf = lambda b: xxhash.xxh32_intdigest(b)
    sk = q = 0.0
    proto = MinHash(num_perm=np_, hashfunc=hf)
    for i, x in enumerate(texts):
        t1 = time.time()
        w = words(x)
        m = proto.copy()
        m.update_batch([" ".join(w[k:k + a.ngram]).encode() for k in range(max(1, len(w) - a.ngram + 1))])
        sk += time.time() - t1
        t1 = time.time()
        for k in lsh.query(m):
            uf.union(i, k)
        lsh.insert(i, m)
        q += time.time() - t1
    write_uf(uf, out, ids)
    ph.update(sketch=round(sk, 2), lsh=round(q, 2))
    return ph


PEERS = {"datatrove": peer_datatrove, "textdedup": peer_textdedup, "rensa": peer_rensa, "datasketch": peer_datasketch}


def cmd_inner(a):
    t = time.time()
    ph = PEERS[a.peer](a, a.tmp, a.clusters)
    json.dump({"phases": ph, "inner_s": round(time.time() - t, 2)}, open(os.path.join(a.tmp, "phases.json"), "w"))


# ------------------------------------------------------------- measured runs
def measured(cmd, env=None, cwd=None, timeout=1800, log=None):
    """wall, cpu (user+sys of the tree) and peak memory of a process tree."""
    try:
        import psutil
    except ImportError:
        psutil = None
    import resource
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    t = time.time()
    lf = open(log, "wb") if log else subprocess.DEVNULL
    p = subprocess.Popen(cmd, env=env, cwd=cwd, stdout=lf, stderr=subprocess.STDOUT)
    peak = peak_pss = 0
    last_pss = 0.0
    while p.poll() is None:
        if psutil:
            try:
                root = psutil.Process(p.pid)
                procs = [root] + root.children(recursive=True)
                rss = 0
                for x in procs:
                    try:
                        rss += x.memory_info().rss
                    except psutil.Error:
                        pass
                peak = max(peak, rss)
                if time.time() - last_pss > 0.5:
                    last_pss = time.time()
                    pss = 0
                    for x in procs:
                        try:
                            pss += x.memory_full_info().pss
                        except (psutil.Error, AttributeError):
                            pass
                    peak_pss = max(peak_pss, pss)
            except psutil.Error:
                pass
        if time.time() - t > timeout:
            p.kill()
            break
        time.sleep(0.05)
    p.wait()
    wall = time.time() - t
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if log:
        lf.close()
    return {"rc": p.returncode, "wall_s": round(wall, 2),
            "cpu_s": round(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, 2),
            "peak_rss_tree_mb": round(peak / 1e6, 1), "peak_pss_tree_mb": round(peak_pss / 1e6, 1),
            "max_rss_one_process_mb": round(after.ru_maxrss / 1e3, 1)}


def cmd_run(a):
    meta = json.load(open(os.path.join(a.corpus, "meta.json")))
    res = {"corpus": {k: meta[k] for k in ("docs", "bytes", "truth_pairs", "seed")}, "bands": a.bands, "rows": a.rows, "ngram": a.ngram,
           "threshold": a.threshold, "workers": a.workers, "cpu_count": os.cpu_count(), "runs": []}
    for peer in a.peers.split(","):
        name = a.name or peer
        for rep in range(a.repeat):
            tmp = os.path.join(a.tmp, f"{name}_{os.getpid()}_{rep}")
            os.makedirs(tmp, exist_ok=True)
            clusters = os.path.join(tmp, "clusters.jsonl")
            env = dict(os.environ)
            for v in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS"):
                env[v] = str(a.workers)
            if peer == "cmd":
                c = a.cmd.format(parquet_dir=os.path.join(a.corpus, "parquet"), parquet_glob=os.path.join(a.corpus, "parquet", "*.parquet"),
                                 jsonl_dir=os.path.join(a.corpus, "jsonl"), jsonl_glob=os.path.join(a.corpus, "jsonl", "*.jsonl"),
                                 clusters=clusters, tmp=tmp, workers=a.workers, bands=a.bands, rows=a.rows, ngram=a.ngram, threshold=a.threshold)
                cmd = shlex.split(c)
            else:
                cmd = [a.python or sys.executable, os.path.abspath(__file__), "_peer", peer, "--corpus", os.path.abspath(a.corpus), "--tmp", tmp,
                       "--clusters", clusters, "--workers", str(a.workers), "--bands", str(a.bands), "--rows", str(a.rows), "--ngram", str(a.ngram),
                       "--threshold", str(a.threshold)] + (["--verify"] if a.verify else [])
            m = measured(cmd, env=env, timeout=a.timeout, log=os.path.join(tmp, "log.txt"))
            r = {"peer": name, "rep": rep, "verify": a.verify, **m}
            if m["rc"] == 0 and os.path.exists(clusters):
                r["docs_per_s"] = round(meta["docs"] / m["wall_s"], 1)
                r["mb_per_s"] = round(meta["bytes"] / 1e6 / m["wall_s"], 3)
                r["mb_per_cpu_s"] = round(meta["bytes"] / 1e6 / max(m["cpu_s"], 1e-9), 3)
                pj = os.path.join(tmp, "phases.json")
                if os.path.exists(pj):
                    r.update(json.load(open(pj)))
                r["score"] = score(a.corpus, clusters, a.bands, a.rows)
            else:
                r["error"] = open(os.path.join(tmp, "log.txt"), errors="replace").read()[-1500:]
            res["runs"].append(r)
            if not a.quiet:
                s = r.get("score", {})
                print(f"{name:12s} rep{rep} rc={r['rc']} wall={r['wall_s']}s cpu={r['cpu_s']}s {r.get('docs_per_s')} docs/s {r.get('mb_per_s')} MB/s "
                      f"rss={r['peak_rss_tree_mb']}MB phases={r.get('phases')} removed={s.get('removed')} prec@.5={s.get('pair_precision', {}).get('0.5')}", file=sys.stderr)
                if "error" in r:
                    print(r["error"], file=sys.stderr)
            if not a.keep_tmp:
                shutil.rmtree(tmp, ignore_errors=True)
    txt = json.dumps(res, indent=1)
    if a.json:
        open(a.json, "w").write(txt)
    else:
        print(txt)


def cmd_score(a):
    print(json.dumps(score(a.corpus, a.clusters, a.bands, a.rows), indent=1))


def cmd_curve(a):
    for j in [x / 20 for x in range(4, 21)]:
        print(f"J={j:.2f}  P(candidate)={1 - (1 - j ** a.rows) ** a.bands:.4f}")
    print(f"half point {(1 - 0.5 ** (1 / a.bands)) ** (1 / a.rows):.3f}  (1/b)^(1/r) {(1 / a.bands) ** (1 / a.rows):.3f}")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sp = ap.add_subparsers(dest="c", required=True)
    g = sp.add_parser("gen", help="make a corpus with planted near duplicates and exact truth")
    g.add_argument("--out", required=True)
    g.add_argument("--target-mb", type=float, default=30)
    g.add_argument("--base-frac", type=float, default=0.6, help="part of the target made of base texts")
    g.add_argument("--max-share", type=float, default=0.2, help="largest part of a base text's shingles that earlier base texts may hold")
    g.add_argument("--sources", default="botocore,man,doc,html,pydoc")
    g.add_argument("--shards", type=int, default=4)
    g.add_argument("--seed", type=int, default=7)
    g.set_defaults(f=cmd_gen)

    def common(p):
        p.add_argument("--corpus", required=True)
        p.add_argument("--bands", type=int, default=14)
        p.add_argument("--rows", type=int, default=8)
        p.add_argument("--ngram", type=int, default=5)
        p.add_argument("--threshold", type=float, default=0.7)
        p.add_argument("--workers", type=int, default=1)
        p.add_argument("--verify", action="store_true", help="ask the peer to check candidate pairs (text-dedup: true Jaccard; rensa: signature)")
    r = sp.add_parser("run", help="run peers, measure, score")
    common(r)
    r.add_argument("--peers", required=True, help=f"comma list of {','.join(PEERS)},cmd")
    r.add_argument("--python", help="interpreter that has the peers' packages")
    r.add_argument("--cmd", help="external command (peer 'cmd'); see the placeholders above")
    r.add_argument("--name")
    r.add_argument("--repeat", type=int, default=1)
    r.add_argument("--timeout", type=float, default=1800)
    r.add_argument("--tmp", default=os.path.join(tempfile.gettempdir(), "privet_dedup_peers"))
    r.add_argument("--keep-tmp", action="store_true")
    r.add_argument("--json")
    r.add_argument("--quiet", action="store_true")
    r.set_defaults(f=cmd_run)
    i = sp.add_parser("_peer")
    i.add_argument("peer", choices=sorted(PEERS))
    i.add_argument("--tmp", required=True)
    i.add_argument("--clusters", required=True)
    common(i)
    i.set_defaults(f=cmd_inner)
    s = sp.add_parser("score", help="score a clusters file")
    common(s)
    s.add_argument("--clusters", required=True)
    s.set_defaults(f=cmd_score)
    c = sp.add_parser("curve", help="LSH S-curve")
    c.add_argument("--bands", type=int, default=14)
    c.add_argument("--rows", type=int, default=8)
    c.set_defaults(f=cmd_curve)
    a = ap.parse_args()
    a.f(a)


if __name__ == "__main__":
    main()
