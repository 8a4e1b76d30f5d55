"""Exact epsilons of one epoch of random allocation: each record joins one of t batches.

The likelihood ratio W = dP/dQ is the mean of t independent e^(y/s - 1/2s^2), y ~ N(0, 1) under Q, and E[W] = 1. So
  remove: delta(eps) = E[(W - e^eps)+] = 1 - e^eps + put(e^eps),   put(k) = E[(k - W)+],
  add:    delta(eps) = E[(1 - e^eps W)+] = e^eps put(e^-eps),
and put(k) = (1/pi) Int_0^inf Re(e^(z k) phi(z)^t / z^2) dv, z = b + iv, phi(z) = E[e^(-z W_1 / t)], which needs no moment of
W at all: the lognormal has a Laplace transform. Trapezoid sums in ball arithmetic; digits lost to 1 - e^eps are carried.
"""

import math

from bromwich import ball
from releases import solve
from flint import acb, arb, ctx
from mpmath import exp, log, mp, mpf, ncdf, npdf, quad

NATS = 70


def transform(z, t, s, dy):
    """phi(z), y on the line turned so that z e^(y/s) is real."""
    turn = arb(s) * z.arg()
    rate = abs(z) / t
    total = acb(0)
    for j in range(-math.ceil(13.5 / dy), math.ceil(13.5 / dy) + 1):
        y = arb(dy) * j
        total += (acb(turn**2 / 2 - y**2 / 2, turn * y) - rate * (y / s - arb(1) / (2 * arb(s) ** 2)).exp()).exp()
    return total * dy / (2 * arb.pi()).sqrt()


def put_of(k_max, t, s, stretch):
    length = arb(2 * k_max * stretch)
    line, h = NATS / length, 2 * arb.pi() / length
    strip = min(math.pi / 2 * s, math.sqrt(2 * NATS)) / 2
    dy = 2 * math.pi * strip / (NATS + strip**2) / stretch
    terms, start = [], None
    for n in range(200_000):
        z = acb(line, h * n)
        value = transform(z, t, s, dy) ** t / z**2
        terms.append((z, value))
        size = float(abs(value).mid())
        start = start or size
        if size < start * 1e-34:
            break
    else:
        raise ArithmeticError("the transform does not decay")

    def put(k):
        total = (terms[0][1] * (terms[0][0] * ball(k)).exp()).real / 2
        for z, value in terms[1:]:
            total += (value * (z * ball(k)).exp()).real
        total = total * h / arb.pi()
        return mpf(total.mid().str(50, radius=False))

    return put


def sums(t, s, k, call, depth=0):
    """E[(w_1 + ... + w_t - k)+] or E[(k - w_1 - ... - w_t)+] by nested quadrature, w_i = e^(y_i/s - 1/2s^2)."""
    if k <= 0:
        return t - k if call else mpf(0)
    edge = log(k) * s + 1 / (2 * s)
    if t == 1:
        a, b = 1 / s - edge, -edge
        return ncdf(a) - k * ncdf(b) if call else k * ncdf(-b) - ncdf(-a)
    inner = lambda y: npdf(y) * sums(t - 1, s, k - exp(y / s - 1 / (2 * s * s)), call, depth + 1)
    marks = sorted({mpf(m) for m in (-12, -8, -5, -2, 0, 2, 5, 8, 12, edge) if -12 <= m <= 12})
    return quad(inner, marks, maxdegree=4 if depth else 5)


def few(t, s, delta, remove):
    """Two or three batches."""
    digits, mp.dps = mp.dps, 20
    s = mpf(s)
    try:
        value = solve(lambda e: sums(t, s, t * exp(e), True) / t if remove else exp(e) / t * sums(t, s, t * exp(-e), False), delta, 1)
    finally:
        mp.dps = digits
    return value * (1 - mpf("1e-11")), value * (1 + mpf("1e-11")), "nested quadrature"


def allocation(t, s, delta, remove):
    """(lower, upper, note) of epsilon."""
    if t <= 3:
        return few(t, s, delta, remove)
    ctx.dps, mp.dps = 70, 50
    found = []
    for stretch in (1.0, 1.17):
        high = mpf("0.5")
        while True:
            put = put_of(math.exp(high) if remove else 1.0, t, s, stretch)
            if remove:
                delta_of = lambda e: 1 - exp(e) + put(exp(e))
            else:
                delta_of = lambda e: exp(e) * put(exp(-e))
            if not remove or delta_of(high) < delta:
                break
            high += 1
        found.append(solve(delta_of, delta, high))
    gap = abs(found[0] - found[1])
    ctx.dps, mp.dps = 60, 40
    assert gap < mpf("1e-11"), found
    return min(found) - gap, max(found) + gap, "Laplace inversion, two meshes"
