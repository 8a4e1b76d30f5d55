"""Exact epsilons of one release, delta = P[L > eps] - e^eps Q[L > eps] in 40 digits, and of two, the integral of the one-release
curve over the loss of the other, in 30. Laws are those of bromwich.py.
"""

import math

from bromwich import secant
from mpmath import exp, expm1, inf, log, mp, mpf, ncdf, quad, sqrt


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
    if {mean for mean, _ in p + q} <= {-1, 0, 1}:
        # A quadratic a y^2 + b y + c = 0 in y = e^(x / s^2).
        up, down, s, alpha = dict(p), dict(q), mpf(s), exp(eps)
        a, b, c = ((up.get(k, 0) - alpha * down.get(k, 0)) * (exp(-1 / (2 * s * s)) if k else 1) for k in (1, 0, -1))
        root = sqrt(b * b - 4 * a * c)
        return s * s * log((root - b) / (2 * a) if b < 0 else -2 * c / (root + b))
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
    digits, mp.dps = mp.dps, 80
    try:
        value = delta_of(mpf(eps_at)) if eps_at is not None else solve(delta_of, delta, 1)
    finally:
        mp.dps = digits
    return +value, +value, "80 digits"


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
