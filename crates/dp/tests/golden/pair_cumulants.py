"""Writes pair_cumulants.csv: K(c) of pairs of Gaussian mixtures in 40 digits, by plain trapezoid sums on two meshes.

A side is given by its masses away from mean 0; the rest of its mass is there.
Made with Python 3.11 and mpmath 1.3.0:  python3 pair_cumulants.py > pair_cumulants.csv
"""

from math import comb

from mpmath import exp, log1p, mp, mpf, nstr, pi, sqrt

mp.dps = 40
REACH = 18


def excess(s, p, q, c, h):
    """E_Q[w^a] - 1, a = 1 + c, as a sum of w^a - 1 - a(w - 1)."""
    a = 1 + c
    reach = lambda side: max((abs(m) for m, _ in side), default=mpf(0))
    left, right = -REACH * s - reach(q), REACH * s + a * reach(p) + c * reach(q)
    side = lambda masses, x: 1 + sum(r * (exp(m * (2 * x - m) / (2 * s * s)) - 1) for m, r in masses)
    total = mpf(0)
    for j in range(int(left / h), int(right / h) + 1):
        x = j * h
        above, below = side(p, x), side(q, x)
        w = above / below
        total += below * (w**a - 1 - a * (w - 1)) * exp(-x * x / (2 * s * s))
    return total * h / (s * sqrt(2 * pi))


def cumulant(s, p, q, c):
    spread = lambda side: max([abs(m) for m, _ in side] + [mpf(0)])
    height = min(s * sqrt(2 * 60), mpf("0.95") * pi * s * s / max(spread(p), spread(q)))
    if q:
        height = min(height, s * s / spread(q) / sqrt(c) * 6, 2 * s * s / spread(q))
    h = 2 * pi * height / (60 + height**2 / (2 * s * s) + c * (spread(q) * height) ** 2 / (4 * s**4))
    coarse, fine = (log1p(excess(s, p, q, c, h / k)) for k in (1, 1.5))
    assert abs(coarse - fine) <= mpf(10) ** -16 * fine, (s, p, q, c, coarse, fine)
    return fine


def sides(kind, rate):
    if kind == "replace":
        return [("1", rate)], [("-1", rate)]
    if kind == "full-batch":
        return [("2", rate)], [("-2", rate)]
    size = int(kind)
    return [(str(k), repr(comb(size, k) * float(rate) ** k * (1 - float(rate)) ** (size - k))) for k in range(1, size + 1)], []


CASES = [
    (kind, rate, s, c)
    for kind in ("replace", "full-batch", "2", "5")
    for rate in ("1e-9", "0.001", "0.2", "0.9")
    for s, orders in (("0.3", ("0.01", "2.7")), ("1", ("1e-6", "0.37", "7.9", "40")), ("4", ("0.05", "30.5")), ("100", ("5000",)))
    for c in orders
]

print("# K(c) of pairs of Gaussian mixtures; made by pair_cumulants.py")
print("noise_multiplier,above,below,c,cumulant_remove,cumulant_add")
for kind, rate, s, c in CASES:
    above, below = sides(kind, rate)
    # The exact values of the floats that a program will read.
    exact = lambda side: [(mpf(m), mpf(float(r))) for m, r in side]
    mirror = lambda side: [(-m, r) for m, r in side]
    p, q, noise, order = exact(above), exact(below), mpf(float(s)), mpf(float(c))
    remove = cumulant(noise, p, q, order)
    add = cumulant(noise, mirror(q), mirror(p), order)
    text = lambda side: ";".join(f"{m}:{r}" for m, r in side)
    print(f"{s},{text(above)},{text(below)},{c},{nstr(remove, 20)},{nstr(add, 20)}", flush=True)
