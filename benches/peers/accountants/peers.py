"""The peers: each takes a task of settings.py through its own public interface and answers {"eps_upper": ...} or the like."""

import functools
import importlib.util
import math
import os
import sys
import types

import dp_accounting as dp
import numpy as np
import prv_accountant as prv
from absl import logging
from dp_accounting import rdp
from dp_accounting.pld import privacy_loss_distribution as pld

logging.set_verbosity(logging.FATAL)


class Unsupported(Exception):
    """The peer has no such question."""


@functools.cache
def opacus():
    """Opacus' accountants without torch: stand-ins for the package's front door and for one optimizer."""
    package = types.ModuleType("opacus")
    package.__path__ = [os.path.dirname(importlib.util.find_spec("opacus").origin)]
    optimizers = types.ModuleType("opacus.optimizers")
    optimizers.DPOptimizer = object
    sys.modules.update({"opacus": package, "opacus.optimizers": optimizers})
    import opacus.accountants
    import opacus.accountants.utils

    return opacus.accountants


def relation(task):
    names = {"add_or_remove": "ADD_OR_REMOVE_ONE", "replace_one": "REPLACE_ONE", "zero_out": "REPLACE_SPECIAL"}
    return getattr(dp.NeighboringRelation, names[task["neighbor"]])


def plain(task):
    """Only Poisson sampling of add/remove neighbours is known to most."""
    if task["sampling"] not in ("poisson", "none") or task["neighbor"] != "add_or_remove":
        raise Unsupported(task["sampling"] + ", " + task["neighbor"])


def event(q, noise, steps):
    one = dp.GaussianDpEvent(noise)
    return dp.SelfComposedDpEvent(one if q == 1 else dp.PoissonSampledDpEvent(q, one), steps)


def pld_accountant(task, interval):
    accountant = dp.pld.PLDAccountant(relation(task), value_discretization_interval=interval)
    for component in task["components"]:
        accountant.compose(event(*component))
    return accountant


def dp_accounting_pld(task, interval=1e-4):
    if task["op"] == "calibrate_sigma":
        return {"sigma": bisect(task, lambda: dp.pld.PLDAccountant(value_discretization_interval=interval))}
    if task["sampling"] == "truncated_poisson":
        ((q, noise, steps),) = task["components"]
        law = pld.from_truncated_subsampled_gaussian_mechanism(
            task["n"], q, task["batch"], noise, interval, neighboring_relation=relation(task)
        )
        return {"eps_upper": law.self_compose(steps).get_epsilon_for_delta(task["delta"])}
    if task["sampling"] not in ("poisson", "none"):
        raise Unsupported(task["sampling"])
    accountant = pld_accountant(task, interval)
    if task["op"] == "curve":
        return {"deltas": [float(x) for x in accountant._pld.get_delta_for_epsilon(task["epsilons"])]}
    return {"eps_upper": accountant.get_epsilon(task["delta"])}


def dp_accounting_rdp(task):
    if task["op"] == "calibrate_sigma":
        return {"sigma": bisect(task, rdp.RdpAccountant)}
    if task["neighbor"] == "replace_one" and task["sampling"] != "wor":
        raise Unsupported("counts noise from another sensitivity here")
    accountant = rdp.RdpAccountant(neighboring_relation=relation(task))
    if task["sampling"] == "truncated_poisson":
        raise Unsupported(task["sampling"])
    for q, noise, steps in task["components"]:
        if task["sampling"] == "wor":
            one = dp.SampledWithoutReplacementDpEvent(task["n"], task["batch"], dp.GaussianDpEvent(noise))
            accountant.compose(one, steps)
        else:
            accountant.compose(event(q, noise, steps))
    if task["op"] == "curve":
        return {"deltas": [accountant.get_delta(e) for e in task["epsilons"]]}
    return {"eps_upper": accountant.get_epsilon(task["delta"])}


def bisect(task, make):
    bracket = dp.ExplicitBracketInterval(0.3, 30.0)
    at = lambda noise: event(task["q"], noise, task["steps"])
    return dp.calibrate_dp_mechanism(make, at, task["epsilon"], task["delta"], bracket_interval=bracket, tol=1e-4)


def prv_accountant(task, error):
    plain(task)
    if task["op"] == "calibrate_sigma":
        from prv_accountant.dpsgd import find_noise_multiplier

        return {"sigma": find_noise_multiplier(task["q"], task["steps"], task["epsilon"], task["delta"], eps_error=0.1)}
    if task["op"] == "curve":
        raise Unsupported("curve")
    laws = [
        prv.GaussianMechanism(noise_multiplier=noise) if q == 1
        else prv.PoissonSubsampledGaussianMechanism(noise_multiplier=noise, sampling_probability=q)
        for q, noise, _ in task["components"]
    ]  # fmt: skip
    steps = [steps for _, _, steps in task["components"]]
    accountant = prv.PRVAccountant(
        prvs=laws, max_self_compositions=steps, eps_error=error, delta_error=task["delta"] / 1000
    )
    low, middle, high = accountant.compute_epsilon(task["delta"], steps)
    return {"eps_lower": low, "eps": middle, "eps_upper": high}


def opacus_accountant(task, kind):
    plain(task)
    if task["op"] == "calibrate_sigma":
        found = opacus().utils.get_noise_multiplier(
            target_epsilon=task["epsilon"], target_delta=task["delta"], sample_rate=task["q"], steps=task["steps"],
            accountant=kind,
        )  # fmt: skip
        return {"sigma": found}
    if task["op"] == "curve":
        raise Unsupported("curve")
    accountant = opacus().create_accountant(kind)
    accountant.history = [(noise, q, steps) for q, noise, steps in task["components"]]
    return {"eps_upper": accountant.get_epsilon(task["delta"])}


def autodp_rdp(task):
    plain(task)
    if task["op"] != "epsilon":
        raise Unsupported(task["op"])
    from autodp import rdp_acct, rdp_bank

    accountant = rdp_acct.anaRDPacct()
    for q, noise, steps in task["components"]:
        curve = lambda order, noise=noise: rdp_bank.RDP_gaussian({"sigma": noise}, order)
        if q == 1:
            accountant.compose_mechanism(curve, coeff=steps)
        else:
            accountant.compose_poisson_subsampled_mechanisms(curve, q, coeff=steps)
    return {"eps_upper": accountant.get_eps(task["delta"])}


PEERS = {
    "dp_accounting PLD": dp_accounting_pld,
    "dp_accounting RDP": dp_accounting_rdp,
    "prv_accountant .01": lambda task: prv_accountant(task, 0.01),
    "prv_accountant .1": lambda task: prv_accountant(task, 0.1),
    "Opacus PRV": lambda task: opacus_accountant(task, "prv"),
    "Opacus RDP": lambda task: opacus_accountant(task, "rdp"),
    "autodp RDP": autodp_rdp,
}


def tidy(answer):
    """Plain floats; numpy's kinds do not travel as JSON."""
    return {k: [float(x) for x in v] if isinstance(v, list) else float(np.real(v)) for k, v in answer.items()}


def state(answer):
    values = [x for v in answer.values() for x in (v if isinstance(v, list) else [v])]
    if any(math.isnan(v) for v in values):
        return "nan"
    if any(math.isinf(v) for v in values):
        return "infinite"
    return "negative" if any(v < 0 for k, v in answer.items() if k in ("eps_upper", "eps", "sigma")) else "answer"
