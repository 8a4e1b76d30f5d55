"""A bracket of the epsilon of a few releases: the loss on a lattice, rounded down (coarse-grained cells) and up (connect the
dots), convolved by FFT in 80-bit floats under an exponential tilt; it needs no smoothness. Laws are those of bromwich.py.
"""

import math

import numpy as np
from bromwich import Costly, period, renyi
from mpmath import mpf
from releases import least
from scipy.special import ndtr

LONG = np.longdouble
NODES, WEIGHTS = (a.astype(LONG) for a in np.polynomial.legendre.leggauss(6))


def place(s, p, q, loss):
    """x with L(x) = loss for at most two Gaussians a side: a quadratic in y = e^(x / s^2)."""
    mass = {mean: LONG(float(m)) for mean, m in p}
    other = {mean: LONG(float(m)) for mean, m in q}
    outer = loss
    alpha, dip = np.exp(loss), np.exp(LONG(-0.5) / LONG(s) ** 2)
    known = np.isfinite(loss)
    loss, alpha = np.where(known, loss, 0), np.where(known, alpha, 1)
    ends = np.where(known, 0, outer)
    # mass[1] dip y + mass[0] + mass[-1] dip / y = alpha (the same of other): a y^2 + b y + c = 0.
    a, b, c = (
        (mass.get(k, LONG(0)) - alpha * other.get(k, LONG(0))) * (dip if k else 1) for k in (1, 0, -1)
    )
    if {0} == set(mass) & set(other) and 0 in mass and 0 in other:
        b = -(np.expm1(loss) * other[0] + (other[0] - mass[0]))
    with np.errstate(all="ignore"):
        root = np.sqrt(b * b - 4 * a * c)
        y = np.where(b < 0, (root - b) / (2 * a), -2 * c / (root + b))
        x = LONG(s) ** 2 * np.log(y)
    below, above = (p[0][0] == q[0][0]), (p[-1][0] == q[-1][0])
    if below:
        x = np.where(loss <= math.log(float(p[0][1] / q[0][1])), -np.inf, x)
    if above:
        x = np.where(loss >= math.log(float(p[-1][1] / q[-1][1])), np.inf, x)
    return np.where(known, x, ends)


def masses(s, law, x):
    """The law's mass between successive x."""
    a, b = x[:-1], x[1:]
    total = np.zeros(len(a), dtype=LONG)
    with np.errstate(all="ignore"):
        narrow = (b - a) < 0.25 * s
        half, middle = np.where(narrow, (b - a) / 2, 0), np.where(narrow, (a + b) / 2, 0)
        for mean, mass in law:
            u, v = ((a - mean) / s).astype(float), ((b - mean) / s).astype(float)
            wide = np.where(u + v > 0, ndtr(-u) - ndtr(-v), ndtr(v) - ndtr(u)).astype(LONG)
            fine = sum(
                w * np.exp(-((middle + half * t - mean) ** 2) / (2 * LONG(s) ** 2)) for t, w in zip(NODES, WEIGHTS)
            )
            fine *= half / (LONG(s) * np.sqrt(2 * LONG(np.pi)))
            total += LONG(float(mass)) * np.where(narrow, fine, wide)
    return total


def cells(law, edges):
    """(P, Q) of the cells between `edges` of the loss; atoms of two-sided laws belong to the caller."""
    up = down = 0
    for weight, s, p, q, side in law:
        if s is not None:
            x = place(s, p, q, edges.astype(LONG))
            x = np.maximum(x, 0.5) if side > 0 else np.minimum(x, 0.5) if side < 0 else x
            up = up + LONG(float(weight)) * masses(s, p, x)
            down = down + LONG(float(weight)) * masses(s, q, x)
    return up, down


def lattice(law, h, reach, upper, slack):
    """{node: mass}, mass at infinity: the loss rounded to nodes i h (upper) or i h - slack (lower)."""
    low, high = (math.floor(v / h) for v in reach)
    atom = LONG(float(sum(item[0] for item in law if item[1] is None)))
    index = np.arange(low, high + 1)
    if upper:
        p, q = cells(law, index * LONG(h))
        index = index[:-1]
        # P and Q of a cell, moved to its two ends: both stay what they are.
        right = np.clip((p - np.exp(index * LONG(h)) * q) / -np.expm1(-LONG(h)), 0, p)
        out = np.append(p - right, 0) + np.append(0, right)
        nodes = np.append(index, index[-1] + 1)
        out[-low] += atom
        end_p, _ = cells(law, np.array([-np.inf, low * h]))
        out[0] += end_p[0]
        top, _ = cells(law, np.array([(high) * h, np.inf]))
        return nodes, out, top[0]
    p, q = cells(law, (index - LONG(0.5)) * LONG(h))
    index = index[:-1]
    p[-low] += atom
    q[-low] += atom
    with np.errstate(all="ignore"):
        loss = np.log(p / q) - LONG(1e-15)
    nodes = np.where(np.isfinite(loss), np.floor((loss + slack) / h), low)
    nodes = np.clip(nodes, low - 1, high).astype(int)
    out = np.zeros(high - low + 2, dtype=LONG)
    np.add.at(out, nodes - low + 1, np.where(np.isfinite(loss), p, 0))
    out[0] = 0
    return np.arange(low - 1, high + 1), out, LONG(0)


def grid_log_delta(phases, c, h, size, reach, upper, slack):
    """log delta(eps) of the rounded loss, as a function; rounding noise of the transform is far below the tilted mass."""
    spectrum, scale, infinite, shift = None, LONG(0), LONG(0), LONG(0)
    for law, count in phases:
        nodes, mass, top = lattice(law, h, reach, upper, slack)
        tilted = mass * np.exp(LONG(c) * nodes * LONG(h))
        total = tilted.sum()
        row = np.zeros(size, dtype=LONG)
        np.add.at(row, nodes % size, tilted / total)
        power = np.fft.rfft(row) ** count
        spectrum = power if spectrum is None else spectrum * power
        scale += count * np.log(total)
        infinite += count * top
        shift += count * slack
    law = np.maximum(np.fft.irfft(spectrum, size), 0)

    def log_delta(eps):
        first = math.floor((eps + float(shift)) / h) + 1
        k = np.arange(first, first + size)
        loss = k * LONG(h) - shift
        terms = law[k % size] * np.exp(-LONG(c) * loss) * -np.expm1(LONG(eps) - loss)
        delta = np.exp(scale - LONG(c) * shift) * terms.sum()
        return float(np.log(delta * (1 + LONG(1e-11)) + infinite if upper else delta * (1 - LONG(1e-11))))

    return log_delta


def grid(phases, delta, eps_at=None, size=2**20):
    """A bracket from both sides."""
    eps0, c = renyi(phases, delta)
    lam = period(phases, c, eps0 * 0.8, delta, margin=40.0)
    h = lam / size
    if c * lam > 11_000:
        raise Costly("the tilt overflows")
    reach = (max(-lam, min(least(law) for law, _ in phases) - 2 * h), lam)
    found = []
    for upper, slacks in ((False, (3, 100)), (True, (0,))):
        best = []
        for slack in slacks:
            log_delta = grid_log_delta(phases, c, h, size, reach, upper, slack * h * h)
            if eps_at is not None:
                best.append(mpf(math.exp(log_delta(eps_at))))
                continue
            target = math.log(delta)
            low, high = 0.0, eps0 * 1.01 + 1e-9
            if log_delta(low) <= target:
                best.append(mpf(0))
                continue
            for _ in range(60):
                middle = (low + high) / 2
                low, high = (middle, high) if log_delta(middle) > target else (low, middle)
            best.append(mpf(high if upper else low))
        found.append(max(best))
    if not found[0] <= found[1] < math.inf:
        raise Costly("no bracket")
    return found[0], found[1], f"h = {h:.1e}"
