"""What is asked. A task is one line of `privet budget --stdin`, which every peer gets in its own terms."""


def epsilon(components, delta, **other):
    task = dict(op="epsilon", components=[list(c) for c in components], delta=delta)
    return {**task, "neighbor": "add_or_remove", "sampling": "poisson", **other}


def sigma(q, steps, target, delta):
    return dict(
        op="calibrate_sigma", q=q, steps=steps, epsilon=target, delta=delta, neighbor="add_or_remove", sampling="poisson"
    )


HUNDRED = [(0.001 + 0.009 * i / 99, 2.0 - 1.2 * i / 99, 100) for i in range(100)]
THOUSAND = [(0.001 + 0.009 * i / 999, 2.0 - 1.2 * i / 999, 1) for i in range(1000)]

BENCH = {
    "q=.01 s=1 T=1e2 d=1e-6": epsilon([(0.01, 1.0, 100)], 1e-6),
    "q=.01 s=1 T=1e3 d=1e-6": epsilon([(0.01, 1.0, 1000)], 1e-6),
    "q=.01 s=1 T=1e4 d=1e-6": epsilon([(0.01, 1.0, 10**4)], 1e-6),
    "q=.01 s=1 T=1e5 d=1e-6": epsilon([(0.01, 1.0, 10**5)], 1e-6),
    "q=.01 s=1 T=1e6 d=1e-6": epsilon([(0.01, 1.0, 10**6)], 1e-6),
    "q=.01 s=1 T=1e5 d=1e-12": epsilon([(0.01, 1.0, 10**5)], 1e-12),
    "q=.001 s=.6 T=1e4 d=1e-12": epsilon([(0.001, 0.6, 10**4)], 1e-12),
    "q=.001 s=.6 T=1e5 d=1e-8": epsilon([(0.001, 0.6, 10**5)], 1e-8),
    "q=1e-5 s=.4 T=1e6 d=1e-10": epsilon([(1e-5, 0.4, 10**6)], 1e-10),
    "q=1e-5 s=1 T=1e4 d=1e-8": epsilon([(1e-5, 1.0, 10**4)], 1e-8),
    "q=.01 s=.3 T=100 d=1e-6": epsilon([(0.01, 0.3, 100)], 1e-6),
    "q=.1 s=20 T=1e4 d=1e-5": epsilon([(0.1, 20.0, 10**4)], 1e-5),
    "500 x (.01, 1) + 1000 x (.02, .8)": epsilon([(0.01, 1.0, 500), (0.02, 0.8, 1000)], 1e-6),
    "100 phases of 100 steps": epsilon(HUNDRED, 1e-6),
    "1000 phases of 1 step": epsilon(THOUSAND, 1e-6),
    "q=1 s=10 T=1000 d=1e-12": epsilon([(1.0, 10.0, 1000)], 1e-12, sampling="none"),
    "replace-one q=.01 s=1 T=1000": epsilon([(0.01, 1.0, 1000)], 1e-6, neighbor="replace_one"),
    "truncated n=6e4 B=700 q=.01 s=1 T=1000": epsilon(
        [(0.01, 1.0, 1000)], 1e-6, sampling="truncated_poisson", n=60_000, batch=700
    ),
    "without replacement 1000 of 1e6 s=2 T=1e4": epsilon(
        [(0.001, 2.0, 10**4)], 1e-7, sampling="wor", neighbor="replace_one", n=10**6, batch=1000
    ),
    "noise for eps=3 q=.01 T=1000 d=1e-5": sigma(0.01, 1000, 3.0, 1e-5),
    "noise for eps=8 q=.001 T=1e5 d=1e-7": sigma(0.001, 10**5, 8.0, 1e-7),
    "noise for eps=1 q=.1 T=512 d=1e-6": sigma(0.1, 512, 1.0, 1e-6),
    "delta at 200 epsilons q=.01 s=1 T=1000": dict(
        op="curve", components=[[0.01, 1.0, 1000]], epsilons=[0.02 * i for i in range(1, 201)], neighbor="add_or_remove",
        sampling="poisson",
    ),
}  # fmt: skip

EXTREME = {
    "q=.01 s=1 T=1": epsilon([(0.01, 1.0, 1)], 1e-6),
    "q=1 s=1 T=1": epsilon([(1.0, 1.0, 1)], 1e-6, sampling="none"),
    "q=1 s=.5 T=1000": epsilon([(1.0, 0.5, 1000)], 1e-6, sampling="none"),
    "q=.5 s=.3 T=10": epsilon([(0.5, 0.3, 10)], 1e-6),
    "q=.1 s=.3 T=10 d=1e-5": epsilon([(0.1, 0.3, 10)], 1e-5),
    "q=.2 s=1 T=500 d=1e-5": epsilon([(0.2, 1.0, 500)], 1e-5),
    "q=.125 s=.8 T=1000": epsilon([(0.125, 0.8, 1000)], 1e-6),
    "q=.1 s=.3 T=1000": epsilon([(0.1, 0.3, 1000)], 1e-6),
    "q=.01 s=.1 T=100": epsilon([(0.01, 0.1, 100)], 1e-6),
    "q=.01 s=.05 T=10": epsilon([(0.01, 0.05, 10)], 1e-6),
    "q=1e-3 s=.2 T=1e4 d=1e-7": epsilon([(1e-3, 0.2, 10**4)], 1e-7),
    "q=1e-6 s=1 T=1e6 d=1e-9": epsilon([(1e-6, 1.0, 10**6)], 1e-9),
    "q=1e-6 s=.3 T=1e6 d=1e-12": epsilon([(1e-6, 0.3, 10**6)], 1e-12),
    "q=1e-5 s=.3 T=1e5 d=1e-10": epsilon([(1e-5, 0.3, 10**5)], 1e-10),
    "q=1e-9 s=1 T=100 d=1e-10": epsilon([(1e-9, 1.0, 100)], 1e-10),
    "q=.01 s=1000 T=1e4": epsilon([(0.01, 1000.0, 10**4)], 1e-6),
    "q=.01 s=100 T=10": epsilon([(0.01, 100.0, 10)], 1e-6),
    "q=.1 s=1e6 T=1e6": epsilon([(0.1, 1e6, 10**6)], 1e-6),
    "q=.999999 s=1 T=10": epsilon([(0.999999, 1.0, 10)], 1e-6),
    "q=.01 s=1 T=1e7": epsilon([(0.01, 1.0, 10**7)], 1e-6),
    "q=.01 s=4 T=1e8": epsilon([(0.01, 4.0, 10**8)], 1e-6),
    "q=.01 s=1 T=1000 d=1e-12": epsilon([(0.01, 1.0, 1000)], 1e-12),
    "q=.01 s=1 T=1000 d=1e-14": epsilon([(0.01, 1.0, 1000)], 1e-14),
    "q=.01 s=1 T=1000 d=1e-15": epsilon([(0.01, 1.0, 1000)], 1e-15),
    "q=.01 s=1 T=1000 d=1e-20": epsilon([(0.01, 1.0, 1000)], 1e-20),
    "q=.01 s=1 T=1000 d=1e-30": epsilon([(0.01, 1.0, 1000)], 1e-30),
    "q=.1 s=3 T=1e4 d=1e-13": epsilon([(0.1, 3.0, 10**4)], 1e-13),
    "q=.00033 s=4 T=1e4 d=1.13e-18": epsilon([(0.00033, 4.0, 10**4)], 1.13e-18),
    "q=.01 s=1 T=1000 d=.5": epsilon([(0.01, 1.0, 1000)], 0.5),
    "q=.01 s=1 T=1000 d=.999": epsilon([(0.01, 1.0, 1000)], 0.999),
    "q=.01 s=20 T=10 d=.01": epsilon([(0.01, 20.0, 10)], 1e-2),
    "q=0 s=1 T=10": epsilon([(0.0, 1.0, 10)], 1e-6),
}
