"""The rows of truth.csv."""

import csv
import os

ROWS = []


def add(name, components, delta, method="auto", target=None, **other):
    row = dict(op="epsilon" if target is None else "delta", sampling="poisson", neighbor="add_or_remove")
    row.update(n=None, batch=None, group=None, delta=delta, target=target, method=method, components=components, id=name)
    row.update(other)
    if all(q == 1 for q, _, _ in components) and row["sampling"] == "poisson":
        row["sampling"] = "none"
    ROWS.append(row)


def series(prefix, settings, **other):
    for number, setting in enumerate(settings, 1):
        *components, delta = setting
        add(f"{prefix}{number:02}", components, delta, **other)


# Gaussians without sampling.
series("gauss", [
    ((1.0, 0.05, 1), 1e-30), ((1.0, 0.05, 100_000_000), 1e-6), ((1.0, 1000.0, 100_000_000), 1e-10),
    ((1.0, 1000.0, 1), 1e-30), ((1.0, 1000.0, 1), 0.5), ((1.0, 1.0, 1), 0.3), ((1.0, 1.0, 1), 0.5), ((1.0, 0.5, 1000), 1e-6),
    ((1.0, 3.7, 12), (1.0, 0.9, 2), (1.0, 55.0, 1000), 1e-9), ((1.0, 10.0, 7), 1e-18),
])  # fmt: skip
add("gauss11", [(1.0, 5.0, 10)], 1e-20, neighbor="replace_one")
add("gauss12", [(1.0, 0.7, 3)], 1e-8, neighbor="zero_out")

# One release.
series("one", [
    ((0.01, 1.0, 1), 1e-6), ((1e-9, 1.0, 1), 1e-12), ((1e-9, 0.05, 1), 1e-10), ((1e-9, 0.05, 1), 1e-20),
    ((1e-6, 0.3, 1), 1e-12), ((1e-3, 0.6, 1), 1e-30), ((0.3, 4.0, 1), 1e-4), ((0.999999, 1.0, 1), 1e-6),
    ((0.999999, 0.05, 1), 1e-30), ((0.5, 1000.0, 1), 1e-8), ((0.01, 1000.0, 1), 1e-10), ((0.9, 1.0, 1), 0.3),
    ((0.01, 1.0, 1), 0.01), ((0.2, 20.0, 1), 1e-15),
], method="step")  # fmt: skip
add("one15", [(0.05, 1.5, 1)], 1e-7, method="step", neighbor="replace_one")
add("one16", [(0.3, 0.4, 1)], 1e-12, method="step", neighbor="replace_one")
add("one17", [(0.05, 1.5, 1)], 1e-7, method="step", group=4)
add("one18", [(0.3, 0.4, 1)], 1e-12, method="step", group=3)

# Two releases.
series("two", [
    ((0.1, 1.0, 2), 1e-5), ((0.001, 0.5, 2), 1e-9), ((0.3, 0.8, 1), (0.05, 2.0, 1), 1e-7),
], method="two")  # fmt: skip
add("two04", [(0.1, 1.0, 2)], 1e-5, method="two", neighbor="replace_one")
add("two05", [(0.02, 1.0, 2)], 1e-6, method="two", group=2)

# Few releases.
series("few", [
    ((0.1, 0.3, 3), 1e-5), ((0.01, 0.05, 10), 1e-6), ((0.5, 0.3, 10), 1e-6), ((0.01, 100.0, 10), 1e-6),
    ((0.999999, 1.0, 10), 1e-6), ((0.01, 1.0, 5), 1e-10), ((0.2, 1.0, 8), 1e-20), ((0.001, 0.4, 3), 1e-12),
    ((0.01, 0.3, 100), 1e-6), ((0.01, 0.1, 100), 1e-6), ((0.01, 20.0, 10), 1e-2),
])  # fmt: skip

# Rare hits: q * steps is of order 1 or less.
series("rare", [
    ((1e-5, 1.0, 10_000), 1e-8), ((1e-6, 0.3, 1_000_000), 1e-12), ((1e-9, 1.0, 100), 1e-10),
    ((1e-6, 1.0, 1_000_000), 1e-9), ((1e-9, 0.05, 1_000_000), 1e-12), ((0.00033, 4.0, 10_000), 1.1e-18),
    ((1e-9, 0.5, 100_000_000), 1e-10), ((1e-4, 0.7, 1000), 1e-7), ((1e-3, 1.0, 100), 1e-6), ((1e-5, 0.3, 100_000), 1e-10),
    ((1e-9, 1.0, 100_000_000), 1e-12), ((1e-6, 2.0, 100_000), 1e-14),
])  # fmt: skip

# The range of everyday training, to its corners.
series("poisson", [
    ((0.01, 1.0, 200), 1e-6), ((0.01, 4.0, 100_000_000), 1e-6), ((0.01, 1.0, 10_000_000), 1e-6),
    ((0.01, 1000.0, 10_000), 1e-6), ((0.5, 1000.0, 10_000_000), 1e-7), ((0.1, 1000.0, 1_000_000), 1e-6),
    ((1e-4, 1.0, 100_000_000), 1e-8), ((1e-5, 0.8, 100_000_000), 1e-10), ((1e-6, 1.0, 100_000_000), 1e-12),
    ((0.1, 0.3, 1000), 1e-6), ((0.2, 1.0, 500), 1e-15), ((0.999999, 2.0, 1000), 1e-6), ((0.999999, 50.0, 100_000), 1e-20),
    ((0.001, 0.2, 10_000), 1e-7), ((0.02, 0.5, 300), 1e-30), ((0.01, 1.0, 1000), 0.5), ((0.01, 1.0, 1000), 0.2),
    ((0.01, 1.0, 1000), 0.01), ((0.001, 0.6, 10_000), 1e-12), ((0.001, 0.6, 10_000), 1e-13), ((0.01, 1.0, 100_000), 1e-12),
    ((0.1, 3.0, 100_000), 1e-14), ((0.001, 0.7, 20_000), 1e-30), ((0.0005, 0.614, 50_000), 1.1e-10),
    ((0.3, 10.0, 50), 1e-5), ((0.7, 3.0, 30), 1e-8), ((0.5, 0.05, 20), 1e-6), ((0.04, 0.7, 64), 1e-9),
    ((0.00033, 4.0, 1_000_000), 1e-9),
])  # fmt: skip

# Other neighbours.
series("replace", [
    ((0.01, 1.0, 1000), 1e-12), ((0.001, 0.8, 100_000), 1e-8), ((0.2, 2.0, 100), 1e-6), ((0.5, 5.0, 1000), 1e-30),
    ((0.00005, 0.7, 1_000_000), 1e-9), ((0.9, 3.0, 50), 1e-5), ((0.1, 0.5, 20), 1e-6),
], neighbor="replace_one")  # fmt: skip
series("zero", [((0.01, 1.0, 2000), 1e-6), ((0.1, 0.9, 40), 1e-9)], neighbor="zero_out")  # fmt: skip
for number, (size, q, s, steps, delta) in enumerate([
    (2, 0.01, 1.0, 1000, 1e-6), (3, 0.001, 0.8, 5000, 1e-9), (5, 0.02, 4.0, 2000, 1e-6), (10, 0.01, 5.0, 1000, 1e-5),
    (10, 0.3, 20.0, 300, 1e-12), (32, 0.005, 8.0, 500, 1e-6), (4, 0.1, 1.0, 20, 1e-8),
], 1):  # fmt: skip
    add(f"group{number:02}", [(q, s, steps)], delta, group=size)
for number, (n, batch, q, s, steps, delta) in enumerate([
    (60_000, 720, 0.01, 1.0, 1000, 1e-6), (60_000, 850, 0.01, 1.0, 1000, 1e-6), (1000, 30, 0.02, 2.0, 500, 1e-6),
    (500, 5, 0.01, 3.0, 100, 1e-5), (10_000, 100, 0.01, 4.0, 300, 1e-8), (20, 10, 0.5, 6.0, 200, 1e-6),
], 1):  # fmt: skip
    add(f"truncated{number:02}", [(q, s, steps)], delta, n=n, batch=batch, sampling="truncated_poisson")

# Several phases.
series("phases", [
    ((0.01, 2.0, 300), (0.02, 1.5, 300), (0.04, 1.2, 300), 1e-7), ((1.0, 3.0, 1), (0.01, 1.0, 2000), 1e-9),
    ((1.0, 10.0, 50), (0.001, 0.5, 1000), 1e-6), ((1.0, 4.0, 1), (0.1, 1.0, 1), 1e-6), ((0.1, 1.0, 1), (0.01, 2.0, 1000), 1e-8),
    ((1e-6, 0.4, 1000), (0.05, 3.0, 1000), 1e-10),
])  # fmt: skip
add("phases07", [(0.002 + 0.0002 * i, 0.7 + 0.03 * i, 40) for i in range(30)], 1e-8)
add("phases08", [(1.0, 6.0, 3), (0.01, 1.0, 500)], 1e-6, neighbor="replace_one")

# Without replacement.
for number, (n, batch, s, steps, delta, method) in enumerate([
    (100, 10, 1.0, 1, 1e-5, "step"), (1_000_000, 1000, 2.0, 1, 1e-9, "step"), (10, 9, 0.5, 1, 1e-12, "step"),
    (100, 10, 1.0, 2, 1e-5, "two"), (50, 25, 3.0, 2, 1e-7, "two"), (100, 10, 1.0, 10, 1e-5, "grid"),
    (1000, 5, 2.0, 10, 1e-6, "grid"), (100, 1, 2.0, 1000, 1e-5, "contour"), (50_000, 1000, 4.0, 2000, 1e-8, "contour"),
    (1_000_000, 1000, 2.0, 10_000, 1e-12, "contour"), (256, 64, 8.0, 300, 1e-6, "contour"),
    (1000, 999, 5.0, 100, 1e-6, "contour"), (1_000_000_000, 100, 1.0, 1_000_000, 1e-9, "auto"),
], 1):  # fmt: skip
    add(f"without{number:02}", [(batch / n, s, steps)], delta, method, n=n, batch=batch, sampling="wor", neighbor="replace_one")

# Random allocation, one epoch.
for number, (t, s, delta) in enumerate([
    (2, 1.0, 1e-6), (2, 0.5, 1e-10), (3, 2.0, 1e-6), (3, 1.0, 1e-9), (10, 1.0, 1e-5), (10, 2.0, 1e-8), (100, 1.0, 1e-6),
    (100, 0.8, 1e-6), (100, 5.0, 1e-6), (1000, 1.0, 1e-6), (1000, 0.7, 1e-5), (10_000, 1.0, 1e-8),
], 1):  # fmt: skip
    add(f"allocated{number:02}", [(1 / t, s, t)], delta, n=t, batch=1, sampling="random_allocation")

# The other question: delta at an epsilon; the delta of the row is only where the search for a mesh starts.
for number, (components, epsilon, near) in enumerate([
    ([(0.01, 1.0, 1000)], 1.0, 1e-3), ([(0.01, 1.0, 1000)], 4.0, 1e-12), ([(0.01, 1.0, 1000)], 0.0, 1e-1),
    ([(0.001, 0.6, 10_000)], 8.0, 1e-14), ([(0.1, 20.0, 10_000)], 0.5, 1e-2), ([(0.02, 0.8, 500), (0.01, 2.0, 100)], 2.0, 1e-3),
], 1):  # fmt: skip
    add(f"delta{number:02}", components, near, "contour", epsilon)
add("delta07", [(1.0, 2.0, 9)], 0.1, "step", 6.0)
add("delta08", [(0.3, 1.0, 1)], 0.1, "step", 1.5)

# The rows of reference.csv once more.
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.csv")) as file:
    for row in csv.DictReader(line for line in file if line[0] != "#"):
        if row["op"] != "epsilon" or row["sampling"] == "random_allocation":
            continue
        parts = [part.split(":") for part in row["components"].split(";")]
        components = [(float(q), float(s), int(count)) for q, s, count in parts]
        numbers = {name: int(row[name]) if row[name] else None for name in ("n", "batch")}
        add(f"again{row['id']}", components, float(row["delta"]), sampling=row["sampling"], neighbor=row["neighbor"], **numbers)
