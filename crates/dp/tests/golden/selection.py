"""Writes selection.csv: epsilon of the best of a random number of DP-SGD runs, by the theorems of arXiv 2110.03620.

Orders are a fine grid, cumulants plain trapezoid sums in double precision, nothing is searched for.
Made with Python 3.11:  python3 selection.py > selection.csv
"""

from math import exp, expm1, inf, log, log1p, pi, sqrt

ORDERS = [0.02 * 1.006**k for k in range(1400)]


def cumulants(q, s, sign):
    """K(c) of one step for every order; sign +1 is with the record against without it."""
    step = 0.05 * min(s, s * s)
    result = []
    for c in ORDERS:
        a = 1 + c if sign > 0 else -c
        left, right = -12 * s - (0 if sign > 0 else min(c, 60)), 12 * s + max(a, 1)
        if right > 200:
            result.append(inf)
            continue
        total = 0.0
        for j in range(int(left / step), int(right / step) + 1):
            x = j * step
            u = (2 * x - 1) / (2 * s * s)
            v = q * expm1(u) if u < 600 else inf
            lw = log1p(v) if u < 600 else log(q) + u
            small = 0.5 * a * (a - 1) * v * v * (1 + (a - 2) / 3 * v) if abs(a * v) < 1e-5 else None
            density = -x * x / (2 * s * s)
            if small is not None:
                total += small * exp(density)
            elif a * lw + density < 600:
                total += exp(a * lw + density) - (1 + a * v) * exp(density)
            else:
                total = inf
        result.append(log1p(total * step / (s * sqrt(2 * pi))))
    return result


def log_c(c):
    return -c * log1p(1 / c) - log1p(c)


def search(k, back, kind, parameters, steps):
    if kind == "poisson":
        (mean,) = parameters
        found = []
        for c, kc in zip(ORDERS, k):
            level = log1p(1 / c)
            delta = min(1.0, exp(min(0.0, min(steps * b + log_c(d) - d * level for d, b in zip(ORDERS, back)))))
            best = steps * kc + c * mean * delta + log(mean)
            found.append(best + log1p(exp(-mean - best)) if best > -mean else -mean + log1p(exp(best + mean)))
        return found
    shape, gamma = parameters
    mean = (1 / gamma - 1) / log(1 / gamma) if shape == 0 else shape * (1 - gamma) / (gamma * (1 - gamma**shape))
    slope = (1 + shape) * min([(steps * b + log(1 / gamma)) / (1 + d) for d, b in zip(ORDERS, back)] + [log(1 / gamma)])
    return [steps * kc + c * slope + log(mean) for c, kc in zip(ORDERS, k)]


def epsilon(k, delta):
    return min((kc + log_c(c) - log(delta)) / c for c, kc in zip(ORDERS, k))


print("# Epsilon of a search over runs of a Poisson-sampled Gaussian; made by selection.py")
print("sampling_rate,noise_multiplier,steps,law,first,second,delta,epsilon")
for q, s, steps, delta in ((0.01, 1.0, 1000, 1e-6), (0.001, 0.7, 20000, 1e-8), (0.05, 4.0, 500, 1e-5)):
    remove, add = cumulants(q, s, 1), cumulants(q, s, -1)
    for kind, *parameters in (
        ("negative-binomial", 0.0, 0.05),
        ("negative-binomial", 1.0, 0.05),
        ("negative-binomial", 1.0, 0.001),
        ("negative-binomial", -0.5, 0.01),
        ("negative-binomial", 2.5, 0.3),
        ("poisson", 10.0),
        ("poisson", 0.3),
        ("poisson", 200.0),
    ):
        both = [epsilon(search(k, back, kind, parameters, steps), delta) for k, back in ((remove, add), (add, remove))]
        cells = [kind, *map(repr, parameters)] + ([""] if kind == "poisson" else [])
        print(f"{q!r},{s!r},{steps},{','.join(cells)},{delta!r},{max(both)!r}", flush=True)
