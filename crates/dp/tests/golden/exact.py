"""Exact epsilons by methods that share nothing with the Rust engines but the definition of the dominating pairs.

delta(eps) = E[(1 - e^(eps - S))+], S = sum of independent losses L = log dP/dQ(x), x ~ P.

A law is a list of (weight, s, P, Q, side); P and Q are lists of (mean, mass) of Gaussians with standard deviation s, L rises
with x, and side restricts x to above (1) or below (-1) 1/2. An item (mass, None, ...) is an atom at loss 0. Methods:
  step      one release: delta = P[L > eps] - e^eps Q[L > eps], in 40 digits.
  two       two releases: the integral of the one-release curve over the loss of the other, 30 digits.
  contour   the Bromwich integral of E_P[e^(z L)]^T e^(-z eps) / (z (z + 1)) by trapezoid sums in x and z, 60-digit ball
            arithmetic (Arb), done twice on unlike meshes and unlike lines; the bracket is their distance.
  grid      the loss on a lattice, rounded down (coarse-grained cells) and up (connect the dots), convolved by FFT in 80-bit
            floats under an exponential tilt: a bracket that needs no smoothness, for few releases.
"""

import math

import numpy as np
from flint import acb, acb_mat, arb, ctx
from mpmath import exp, expm1, inf, log, mp, mpf, ncdf, quad, sqrt
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, ndtr

mp.dps = 40
ctx.dps = 60
LONG = np.longdouble


class Costly(Exception):
    """The contour would need too many nodes."""


# ---------------------------------------------------------------- real cumulants in double precision, for choosing meshes


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


# ---------------------------------------------------------------- contour


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


def lines(phases, delta, eps0, c0):
    """The two cheapest of some lines (c, period): any c > 0 is exact, but where the law has several humps, nodes differ."""
    if len(phases) > 40:
        return [(f * c0, period(phases, f * c0, eps0 * 0.95, delta)) for f in (1.0, 0.87)]
    choices = []
    for factor in (1.1, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.35):
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
            if cost > 4e8 or nodes > 200_000:
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
    eps0, c0 = renyi(phases, delta)
    found, nodes = [], []
    for (c, lam), digits, stretch in zip(lines(phases, delta, eps0, c0), (28, 34), (1.0, 1.13)):
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


# ---------------------------------------------------------------- one and two releases


def density(x, s, law):
    return sum(mass * exp(-((x - mean) ** 2) / (2 * s * s)) for mean, mass in law) / (s * sqrt(2 * mp.pi))


def tail(x, s, law):
    return sum(mass * ncdf((mean - x) / s) for mean, mass in law)


def crossing(s, p, q, eps):
    """x with L(x) = eps, -inf or inf where the loss never gets there: bisection in floats, then Newton in full precision."""
    same = {1: p[-1][0] == q[-1][0], -1: p[0][0] == q[0][0]}
    if same[-1] and eps <= log(mpf(p[0][1]) / q[0][1]):
        return -inf
    if same[1] and eps >= log(mpf(p[-1][1]) / q[-1][1]):
        return inf
    sides = [[(float(mean), math.log(float(mass))) for mean, mass in side] for side in (p, q)]
    target, variance = float(eps), 2 * float(s) ** 2

    def rough(x):
        up, down = ([m - (x - mean) ** 2 / variance for mean, m in side] for side in sides)
        top, low = max(up), max(down)
        up, down = (sum(math.exp(v - most) for v in side) for side, most in ((up, top), (down, low)))
        return top - low + math.log(up) - math.log(down) - target

    low, high = -float(s), float(s) + 1
    while rough(low) > 0 and low > -1e6 * (s + s * s):
        low *= 2
    while rough(high) < 0 and high < 1e6 * (s + s * s):
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if rough(middle) < 0 else (low, middle)
    x, s = mpf((low + high) / 2), mpf(s)
    for _ in range(8):
        (up, mean_p), (down, mean_q) = (moments(x, s, side) for side in (p, q))
        move = (log(up / down) - eps) * s * s / (mean_p - mean_q)
        x -= move
        if abs(move) < mpf(10) ** (-mp.dps // 2 - 3) * (abs(x) + s):
            break
    return x


def moments(x, s, law):
    parts = [(mass * exp(-((x - mean) ** 2) / (2 * s * s)), mean) for mean, mass in law]
    total = sum(part for part, _ in parts)
    return total, sum(part * mean for part, mean in parts) / total


def law_delta(law, eps):
    """delta of one release. Of two sides, the upper is the whole curve above loss 0 and the lower the whole curve below."""
    total = mpf(0)
    for weight, s, p, q, side in law:
        if s is None or side * eps < 0 or (side < 0 and eps == 0):
            continue
        x = crossing(s, p, q, eps)
        if x < inf:
            total += weight * (-expm1(eps) if x == -inf else tail(x, s, p) - exp(eps) * tail(x, s, q))
    return total


def solve(delta_of, delta, start):
    """epsilon: a bracket, halved until log delta is nearly straight in it, then the secant."""
    delta = mpf(delta)
    if delta_of(mpf(0)) <= delta:
        return mpf(0)

    def height(eps):
        value = delta_of(eps)
        return log(value / delta) if value > 0 else -inf

    low, high = mpf(0), mpf(start)
    while (at_high := height(high)) > 0:
        low, high = high, 2 * high
    at_low = height(low)
    while at_low - at_high > 2 or at_low < mpf("0.01") * -at_high:
        middle = (low + high) / 2
        value = height(middle)
        low, at_low, high, at_high = (middle, value, high, at_high) if value > 0 else (low, at_low, middle, value)
    root = secant(height, low, high, mpf(10) ** (6 - mp.dps))
    assert low <= root <= high, "the secant left its bracket"
    return root


def step(phases, delta, eps_at=None):
    ((law, _),) = phases
    delta_of = lambda e: law_delta(law, e)
    if eps_at is not None:
        value = delta_of(mpf(eps_at))
    else:
        value = solve(delta_of, delta, 1)
    return value, value, "40 digits"


def two(phases, delta, eps_at=None):
    """delta_2(eps) = E[delta_1(eps - L)]."""
    first, second = [law for law, count in phases for _ in range(count)]

    def delta_of(eps):
        total = mpf(0)
        for weight, s, p, q, side in first:
            if s is None:
                total += weight * law_delta(second, eps)
                continue
            loss = lambda x: log(density(x, s, p)) - log(density(x, s, q))
            integrand = lambda x: density(x, s, p) * law_delta(second, eps - loss(x))
            marks = [mean + k * mpf(s) for mean, _ in p for k in (-14, -10, -7, -5, -3, -1, 1, 3, 5, 7, 10, 14)]
            # The one-release curve bends where its argument passes an end of the loss, or 0 where there is an atom.
            bends = [mpf(0)] if side else [mpf(0)] if least(second) == -math.inf else [mpf(0), mpf(least(second))]
            marks += [crossing(s, p, q, eps - bend) for bend in bends]
            marks = sorted({mark for mark in marks if abs(mark) < inf and side * (mark - mpf(0.5)) >= 0})
            marks = marks + [mpf(0.5)] if side < 0 else [mpf(0.5)] + marks if side > 0 else marks
            total += weight * quad(integrand, marks, maxdegree=5)
        return total

    digits, mp.dps = mp.dps, 22
    try:
        value = delta_of(mpf(eps_at)) if eps_at is not None else solve(delta_of, delta, 1)
    finally:
        mp.dps = digits
    return value * (1 - mpf("1e-12")), value * (1 + mpf("1e-12")), "nested quadrature"


def least(law):
    """The least loss; minus infinity where there is none."""
    _, s, p, q, side = law[0]
    return float(log(p[0][1] / mpf(q[0][1]))) if side == 0 and p[0][0] == q[0][0] else -math.inf


# ---------------------------------------------------------------- grid

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
    return found[0], found[1], f"h = {h:.1e}"
