"""Writes truth.csv: exact epsilons and deltas of rows that no reference accountant covers.

    python truth.py [PREFIX ...]      only rows whose id starts so; rows that truth.csv already has are kept as they are

Rows of rows.py that truth.csv lacks have not been computed, or took too many nodes.
Made with Python 3.11, python-flint 0.9.0, mpmath 1.4.1, numpy 2.4.6, scipy 1.17.1. Methods: bromwich.py, releases.py, lattice.py, allocation.py.
Wire form: a component is q:sigma:steps; sigma is noise std / max_grad_norm, for wor noise std / replace-one sensitivity.
"""

import csv
import math
import os
import signal
import sys
import time
from fractions import Fraction

from allocation import allocation
from bromwich import Costly, contour, renyi
from lattice import grid
from mpmath import binomial, mp, mpf, ncdf, sqrt
from releases import step, two

FIELDS = "id,op,sampling,neighbor,components,n,batch,group,delta,target,ref_lower,ref_upper,remove,add,method".split(",")
PATIENCE = 90  # (seconds) then the grid
HERE = os.path.dirname(os.path.abspath(__file__))


def give_up(*_):
    raise Costly("too slow")


def on_grid(q):
    """The rate that a sampler with 64 random bits uses: the next multiple of 2^-64."""
    return mpf(math.ceil(Fraction(q) * 2**64)) / 2**64


def flip(law):
    return [(w, s, mirror(q), mirror(p), side) for w, s, p, q, side in law]


def mirror(side):
    return [(-mean, mass) for mean, mass in reversed(side)]


def replace(q, s):
    return (s, [(0, 1 - q), (1, q)], [(-1, q), (0, 1 - q)], 0)


def law_of(row, q, s):
    """The dominating pair in the direction that removes the record."""
    sampling, nothing = row["sampling"], [(0, mpf(1))]
    if sampling == "wor":
        rate = mpf(row["batch"]) / row["n"]
        low = ncdf(-1 / (2 * mpf(s)))
        high = (1 - rate) * low + rate * (1 - low)
        upper = (1, s, [(0, 1 - rate), (1, rate)], nothing, 1)
        return [upper, (1, s, [(1, mpf(1))], [(0, rate), (1, 1 - rate)], -1), (1 - low - high, None, None, None, 0)]
    if q == 1:
        shift = 2 if row["neighbor"] == "replace_one" else row["group"] or 1
        return [(1, s, [(shift, mpf(1))], nothing, 0)]
    q = on_grid(q)
    if row["neighbor"] == "replace_one":
        return [(1, *replace(q, s))]
    if sampling == "truncated_poisson":
        n, cap = row["n"], row["batch"]
        cut = tail(n - 1, q, cap)
        taken = tail(n, q, cap + 1) * cap / cut / n
        return [(1 - cut, s, [(0, 1 - q), (1, q)], nothing, 0), (cut, *replace(taken, s / 2))]
    size = row["group"] or 1
    mix = [(k, binomial(size, k) * q**k * (1 - q) ** (size - k)) for k in range(size + 1)]
    return [(1, s, mix, nothing, 0)]


def tail(n, q, k):
    """P[Binomial(n, q) >= k]."""
    digits, mp.dps = mp.dps, 60
    term, total = mpf(1 - q) ** n, mpf(0)
    for i in range(n + 1):
        if i >= k:
            total += term
            if term < total * mpf(10) ** -45 and i > n * q:
                break
        term = term * (n - i) / (i + 1) * q / (1 - q)
    mp.dps = digits
    return total


def measure(row, method, remove, delta, eps_at):
    phases = []
    for q, s, count in row["components"]:
        law = law_of(row, q, s)
        phases.append((law if remove else flip(law), count))
    if all(q == 1 for q, _, _ in row["components"]) and row["sampling"] != "wor":
        # Gaussians add up: one release with the sum of the squared ratios.
        ratio = sqrt(sum((mpf(law[0][2][0][0]) / mpf(law[0][1])) ** 2 * count for law, count in phases))
        phases, method = [([(1, 1 / ratio, [(1, mpf(1))], [(0, mpf(1))], 0)], 1)], "step"
    if method == "auto":
        signal.alarm(PATIENCE)
        try:
            return (*contour(phases, delta, eps_at), "contour")
        except Costly:
            signal.alarm(0)
            return (*grid(phases, delta, eps_at, 2**19), "grid")
        finally:
            signal.alarm(0)
    return (*{"contour": contour, "grid": grid, "step": step, "two": two}[method](phases, delta, eps_at), method)


def below(row, delta, epsilon):
    """Whether adding a record costs less than `epsilon` by a Renyi bound alone."""
    return renyi([(flip(law_of(row, q, s)), count) for q, s, count in row["components"]], delta)[0] < epsilon


def answer(row):
    delta, eps_at = row["delta"], row["target"]
    if row["sampling"] == "random_allocation":
        ((_, s, steps),) = row["components"]
        assert steps == row["n"]
        kind = "two" if row["n"] <= 3 else "contour"
        sides = [(*allocation(row["n"], s, delta, remove), kind) for remove in (True, False)]
    else:
        gaussian = all(q == 1 for q, _, _ in row["components"]) and row["sampling"] != "wor"
        one_way = gaussian or row["neighbor"] == "replace_one"
        sides = [measure(row, row["method"], True, delta, eps_at)]
        if not one_way and not (sides[0][3] == "grid" and below(row, delta, sides[0][0])):
            sides.append(measure(row, row["method"], False, delta, eps_at))
    best = max(sides, key=lambda side: side[1])
    low = max(side[0] for side in sides)
    note = best[2].replace(",", ";")
    kind = {"step": "closed form", "two": "quadrature"}.get(best[3], best[3])
    return low, best[1], [mp.nstr((lo + up) / 2, 17) for lo, up, *_ in sides], f"{kind} ({note})"


def rounded(value, up):
    """The float on this side of `value`, as the shortest decimal that reads back."""
    near = float(value)
    if up and mpf(near) < value:
        near = math.nextafter(near, math.inf)
    if not up and mpf(near) > value:
        near = math.nextafter(near, 0.0)
    return repr(near)


def main():
    from rows import ROWS

    signal.signal(signal.SIGALRM, give_up)
    path = os.path.join(HERE, "truth.csv")
    lines = [line for line in open(path) if line[0] != "#"] if os.path.exists(path) else []
    known = {row["id"]: row for row in csv.DictReader(lines)}
    wanted = sys.argv[1:]
    for row in ROWS:
        if row["id"] in known or (wanted and not any(row["id"].startswith(w) for w in wanted)):
            continue
        start = time.time()
        try:
            low, high, sides, method = answer(row)
        except (Costly, ArithmeticError, AssertionError, ValueError, FloatingPointError) as error:
            print(row["id"], "FAILED", type(error).__name__, str(error)[:200], f"{time.time() - start:.0f} s", flush=True)
            continue
        out = {name: "" if row.get(name) is None else row.get(name) for name in FIELDS}
        out["components"] = ";".join(f"{q!r}:{s!r}:{count}" for q, s, count in row["components"])
        out.update(ref_lower=rounded(low, False), ref_upper=rounded(high, True), method=method)
        out.update(remove=sides[0], add=sides[1] if len(sides) > 1 else "")
        known[row["id"]] = out
        print(row["id"], out["ref_lower"], out["ref_upper"], sides, method, f"{time.time() - start:.1f} s", flush=True)
        save(path, [known[r["id"]] for r in ROWS if r["id"] in known])


def save(path, rows):
    with open(path, "w", newline="") as file:
        for line in __doc__.strip().splitlines():
            file.write(f"# {line}".rstrip() + "\n")
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
