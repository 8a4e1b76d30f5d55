"""Exact epsilons of a composition as a Bromwich integral.

delta(eps) = E[(1 - e^(eps - S))+], S = sum of independent losses L = log dP/dQ(x), x ~ P, is the integral of
E_P[e^(z L)]^T e^(-z eps) / (z (z + 1)) along Re z = c: trapezoid sums in x and z, 60-digit ball arithmetic (Arb), done twice on
unlike meshes and unlike lines; the bracket is their distance.

A law is a list of (weight, s, P, Q, side); P and Q are lists of (mean, mass) of Gaussians with standard deviation s, L rises
with x, and side restricts x to above (1) or below (-1) 1/2. An item (mass, None, ...) is an atom at loss 0.
"""

import math

import numpy as np
from flint import acb, acb_mat, arb, ctx
from mpmath import exp, log, mp, mpf
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

mp.dps = 40
ctx.dps = 60


class Costly(Exception):
    """The contour would need too many nodes."""


def log_density(x, s, law):
    parts = [math.log(mass) - (x - mean) ** 2 / (2 * s * s) for mean, mass in ((float(a), float(b)) for a, b in law)]
    return logsumexp(np.stack(parts), axis=0) - math.log(s * math.sqrt(2 * math.pi))


def span(s, p, q, side, c, depth=110):
    """An interval of x that holds all but e^-depth of P^(1+c) Q^-c."""
    mean_p, mean_q = float(p[-1][0]), float(q[0][0])
    low, high = -60 * s - (1 + c) * abs(mean_q) - 1, (1 + c) * mean_p - c * mean_q + 60 * s + 1
    low, high = max(low, 0.5) if side > 0 else low, min(high, 0.5) if side < 0 else high
    for _ in range(3):
        x = np.linspace(low, high, 6001)
        y = (1 + c) * log_density(x, s, p) - c * log_density(x, s, q)
        kept = np.flatnonzero(y > y.max() - depth)
        low, high = x[max(kept[0] - 1, 0)], x[min(kept[-1] + 1, len(x) - 1)]
    return low, high


def cumulant(phases, c):
    total = 0.0
    for law, count in phases:
        parts = []
        for weight, s, p, q, side in law:
            if s is None:
                parts.append(math.log(float(weight)))
                continue
            x = np.linspace(*span(s, p, q, side, c), 4001)
            y = (1 + c) * log_density(x, s, p) - c * log_density(x, s, q)
            parts.append(math.log(float(weight)) + logsumexp(y) + math.log(x[1] - x[0]))
        total += count * logsumexp(parts)
    return total


def renyi(phases, delta):
    """(epsilon, c) of the best Rényi bound: a place to start from."""

    def bound(log_c):
        c = math.exp(log_c)
        return (cumulant(phases, c) - math.log(delta) + c * math.log(c) - (1 + c) * math.log1p(c)) / c

    grid = np.linspace(math.log(1e-3), math.log(1e5), 60)
    values = [bound(g) for g in grid]
    best = int(np.argmin(values))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(bound, bounds=(low, high), method="bounded", options={"xatol": 1e-3})
    return found.fun, math.exp(found.x)


def period(phases, c, eps, delta, margin=55.0):
    """A period of the trapezoid sum whose aliases are below e^-margin of delta."""
    lam = (margin - math.log(delta)) / c
    table = [(d, cumulant(phases, d)) for d in c * np.geomspace(1.03, 60, 24)]
    for _ in range(200):
        if min(c * lam + k - d * (eps + lam) for d, k in table) < math.log(delta) - margin:
            return lam
        lam *= 1.15
    raise Costly("no period")


def ball(number):
    return arb(mp.nstr(number, 45)) if isinstance(number, mpf) else arb(number)


def samples(law, c, t_max, digits):
    """(weight of P e^(cL) dx, L) at nodes dense enough for every z = c + it, |t| <= t_max."""
    out = []
    for weight, s, p, q, side in law:
        if s is None:
            out.append((ball(weight), arb(0)))
            continue
        depth = digits * math.log(10)
        strip = min(0.9 * math.pi * s * s, s * math.sqrt(2 * depth))
        if len(q) > 1:
            strip = min(strip, 3 * s * s / math.sqrt(max(c, 1)))
        spread = float(p[-1][0]) - float(q[0][0])
        bent = c * strip / (8 * s**4) if len(q) > 1 else 0.0
        dx = 2 * math.pi / (depth / strip + strip / (2 * s * s) + bent + t_max * spread / (s * s))
        low, high = span(s, p, q, side, c)
        if (high - low) / dx > 120_000:
            raise Costly(f"{(high - low) / dx:.0f} nodes in x")
        if side == 0:
            nodes = [(arb(dx) * j, arb(dx)) for j in range(math.floor(low / dx), math.ceil(high / dx) + 1)]
        else:
            nodes = list(panels(low, high, max(1, math.ceil((high - low) / min(10 * dx, s * s, s / 2)))))
        two_var, scale = 2 * arb(s) ** 2, ball(weight) / (arb(s) * (2 * arb.pi()).sqrt())
        laws = [[(ball(mean), ball(mass)) for mean, mass in side] for side in (p, q)]
        for x, dx in nodes:
            up, down = (sum(mass * (-((x - mean) ** 2) / two_var).exp() for mean, mass in side) for side in laws)
            loss = (up / down).log()
            out.append((scale * dx * up * (loss * c).exp(), loss))
    return out


def panels(low, high, count, order=40):
    """Gauss-Legendre nodes; low or high is 1/2 exactly where a side ends."""
    rule = [arb.legendre_p_root(order, k, weight=True) for k in range(order)]
    half = (arb(high) - arb(low)) / (2 * count)
    for i in range(count):
        middle = arb(low) + half * (2 * i + 1)
        for node, weight in rule:
            yield middle + half * node, half * weight


def powers(first, turns, count):
    """first * turns^n for n < count; every power is a product of two halves, so that error balls stay small."""
    rows = [[acb(1)] * len(turns), turns]
    for n in range(2, count):
        rows.append([a * b for a, b in zip(rows[n // 2], rows[n - n // 2])])
    return [[a * b for a, b in zip(first, row)] for row in rows[:count]]


def transforms(points, h, blocks, width):
    """M(c + inh) for n = 0 .. blocks * width - 1, as a product of matrices of powers."""
    total = None
    for start in range(0, len(points), 4000):
        part = points[start : start + 4000]
        small = [(acb(0, 1) * loss * h).exp() for _, loss in part]
        large = [(acb(0, 1) * loss * h * width).exp() for _, loss in part]
        rows = powers([acb(1)] * len(part), small, width)
        columns = powers([acb(weight) for weight, _ in part], large, blocks)
        product = acb_mat(columns) * acb_mat(rows).transpose()
        total = product if total is None else total + product
    return [total[i, j] for i in range(blocks) for j in range(width)]


def spread(phases, c):
    """Standard deviation of the tilted sum of losses, roughly."""
    step = 5e-2 * c
    curvature = (cumulant(phases, c + step) - 2 * cumulant(phases, c) + cumulant(phases, c - step)) / step**2
    return math.sqrt(max(curvature, 1e-12))


def lines(phases, delta, eps0, c0, cheap):
    """The two cheapest of some lines (c, period): any c > 0 is exact, but where the law has several humps, nodes differ."""
    if len(phases) > 8 or not cheap:
        return [(f * c0, period(phases, f * c0, eps0 * 0.95, delta)) for f in (1.0, 0.87)]
    choices = []
    for factor in (1.1, 1.0, 0.9, 0.8, 0.7, 0.6):
        c = factor * c0
        try:
            lam = period(phases, c, eps0 * 0.9, delta)
        except Costly:
            continue
        choices.append((lam / spread(phases, c), c, lam))
    if len(choices) < 2:
        raise Costly("no line")
    return [(c, lam) for _, c, lam in sorted(choices)[:2]]


def contour_once(phases, delta, c, lam, digits):
    h = 2 * math.pi / lam
    t_max = 12 / spread(phases, c)
    while True:
        nodes = max(32, math.ceil(t_max / h))
        width = max(4, math.isqrt(nodes))
        blocks = -(-nodes // width)
        cost, exponents = 0, None
        for law, count in phases:
            points = samples(law, c, t_max, digits)
            cost += len(points) * nodes
            if cost > 2e8 or nodes > 200_000:
                raise Costly(f"{nodes} nodes in z, {len(points)} in x")
            values = [m.log() * count for m in transforms(points, h, blocks, width)]
            exponents = values if exponents is None else [a + b for a, b in zip(exponents, values)]
        at_line = exponents[0].real
        terms = []
        for n, k in enumerate(exponents):
            z = acb(c, arb(h) * n)
            terms.append((k - at_line).exp() / (z * (z + 1)))
        size = [float(abs(t).mid()) for t in terms]
        if max(size[len(size) // 2 :]) < 1e-24 * max(size):
            break
        t_max *= 1.5
    last = max(i for i, a in enumerate(size) if a > 1e-30 * max(size))
    terms = terms[: last + 1]

    def log_delta(eps):
        total = terms[0].real / 2
        for n in range(1, len(terms)):
            total += (terms[n] * (acb(0, -n) * h * ball(eps)).exp()).real
        value = (total * h / arb.pi()).log() + at_line - ball(eps) * c
        assert value.rad() < 1e-20, "too few digits"
        return mpf(value.mid().str(40, radius=False))

    return log_delta, len(terms)


def contour(phases, delta, eps_at=None):
    """(lower, upper, note) of epsilon at delta, or of delta at `eps_at`."""
    try:
        return two_contours(phases, delta, eps_at, cheap=True)
    except AssertionError:
        # A line too far from the saddle loses all digits.
        return two_contours(phases, delta, eps_at, cheap=False)


def two_contours(phases, delta, eps_at, cheap):
    eps0, c0 = renyi(phases, delta)
    found, nodes = [], []
    for (c, lam), digits, stretch in zip(lines(phases, delta, eps0, c0, cheap), (28, 34), (1.0, 1.13)):
        log_delta, count = contour_once(phases, delta, c, lam * stretch, digits)
        nodes.append(count)
        if eps_at is not None:
            found.append(exp(log_delta(mpf(eps_at))))
            continue
        if log_delta(mpf(0)) <= log(mpf(delta)):
            return mpf(0), mpf(0), "delta(0) <= delta"
        a, b = mpf(eps0), mpf(eps0) * mpf("0.98")
        found.append(secant(lambda e: log_delta(e) - log(mpf(delta)), a, b))
    gap = abs(found[0] - found[1])
    assert gap <= mpf("1e-11") * max(found[0], mpf("1e-6")), ("meshes disagree", found)
    return min(found) - gap, max(found) + gap, f"{nodes[0]}/{nodes[1]} nodes"


def secant(f, a, b, tolerance=mpf("1e-25")):
    fa, fb = f(a), f(b)
    for _ in range(80):
        if fa == fb or abs(a - b) <= tolerance * abs(b):
            assert abs(fb) < mpf("1e-15"), ("not a root", a, b, fb)
            return b
        a, fa, b = b, fb, max(b - fb * (b - a) / (fb - fa), b / 2)
        fb = f(b)
    raise ArithmeticError(("secant", a, b, fa, fb))
