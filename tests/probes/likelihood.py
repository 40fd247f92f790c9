"""Gaussians next to each other and far apart, and the likelihoods of all kinds of data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.probes.classification import CLASSES, far_answers, far_classes, sure_answers, sure_classes
from tests.probes.probe import ITEMS, Arrays, Probe, each, generator, settings, spread

NOT_REDUCED = {  # what gives one loss per item, where that is not reduction="none"
    "log_likelihood": {},
    "kl_divergence_diag_gaussian": {"reduce_sum": False},
    "elbo_loss": {"reduction": "none", "free_bits_over": "sample"},
}


def _divergences(mu_q: Any, log_var_q: Any, mu_p: Any, log_var_p: Any, note: str = "") -> Iterator[Probe]:
    rows = {"mean": mu_q.reshape(-1, 4), "logvar": log_var_q.reshape(-1, 4)}
    yield Probe("gaussian_kl_divergence", rows, note=note)
    q = {"mu_q": mu_q, "log_var_q": log_var_q}
    yield Probe("kl_divergence_diag_gaussian", q, note="from-standard-" + note)
    yield Probe("kl_divergence_diag_gaussian", {**q, "mu_p": mu_p, "log_var_p": log_var_p}, note=note)


def _bounds(rng: np.random.Generator) -> Iterator[Probe]:
    examples, pixels, latents = 24, 6, 3
    code = {"mean": rng.normal(0, 1, (examples, latents)), "logvar": rng.normal(0, 1, (examples, latents))}
    output, data = rng.normal(0, 2, (2, examples, pixels))
    real = {"reconstruction": output, "targets": data, **code}
    yield from each("elbo_loss", real, {"likelihood": "gaussian"}, {"likelihood": "laplace", "beta": 4.0})
    grey = {**real, "targets": rng.random((examples, pixels))}
    bernoulli = {"likelihood": "bernoulli"}
    yield from each("elbo_loss", grey, bernoulli, {**bernoulli, "beta": 0.5, "free_bits": 0.3})


def _bernoulli(answers: Arrays, note: str = "") -> Probe:
    data = {"x": answers["targets"], "x_hat": answers["logits"]}
    return Probe("log_likelihood", data, {"likelihood": "bernoulli"}, note)


def _categorical(classes: Arrays, note: str = "") -> Probe:
    data = {"x": classes["labels"], "x_hat": classes["logits"]}
    return Probe("log_likelihood", data, {"likelihood": "categorical"}, note)


def ordinary() -> Iterator[Probe]:
    """What a training run sees."""
    rng = generator(0)
    n = (ITEMS,)
    targets = np.concatenate([rng.integers(0, 2, ITEMS // 2), rng.random(ITEMS // 2)]).astype(float)
    classes = {"logits": rng.normal(0, 3, (ITEMS, CLASSES)), "labels": rng.integers(0, CLASSES, n)}
    yield _categorical(classes)
    yield _bernoulli({"logits": rng.normal(0, 3, n), "targets": targets})
    data = {"x": rng.normal(0, 2, n), "x_hat": rng.normal(0, 2, n)}
    yield from each("log_likelihood", data, {}, {"full": True}, {"likelihood": "laplace", "full": True})
    yield from each("log_likelihood", {**data, "logvar": rng.normal(0, 1, n)}, {}, {"full": True}, note="logvar")
    code = rng.normal(0, 1, (4, ITEMS))
    yield from _divergences(code[0], code[1], code[2], code[3], "plain")
    yield from _bounds(rng)


def tails() -> Iterator[Probe]:
    """Losses next to 0, where a formula that subtracts has nothing left."""
    rng = generator(1)
    n = (ITEMS,)
    sure = sure_answers(rng)
    yield _bernoulli(sure, "sure")
    yield _categorical(sure_classes(rng), "sure")
    flat = spread(rng, -8, -2, n)
    yield from _divergences(spread(rng, -15, -2, n), flat, np.zeros(n), np.zeros(n), "near")
    mu_p, log_var_p = rng.normal(0, 1, (2, ITEMS)).astype(np.float32).astype(float)
    yield from _divergences(mu_p + flat, log_var_p + flat[::-1], mu_p, log_var_p, "near-each-other")
    shift = {"x": spread(rng, -15, -3, n), "x_hat": np.zeros(n)}
    yield from each("log_likelihood", shift, *settings("likelihood", "gaussian", "laplace"), note="tiny")
    rows = {"reconstruction": sure["logits"].reshape(-1, 4), "targets": sure["targets"].reshape(-1, 4)}
    code = {"mean": spread(rng, -15, -2, (ITEMS // 4, 2)), "logvar": spread(rng, -8, -2, (ITEMS // 4, 2))}
    yield Probe("elbo_loss", {**rows, **code}, {"likelihood": "bernoulli"}, "sure")


def extremes() -> Iterator[Probe]:
    """The edge of the domain, and options at the edge of theirs."""
    rng = generator(2)
    yield _bernoulli(far_answers(rng), "far")
    for note, classes in far_classes(rng).items():
        yield _categorical(classes, note)
    wide = np.concatenate([rng.uniform(-80, 80, ITEMS - 4), [80, -80, 80, -80]])
    means = np.concatenate([spread(rng, -3, 18, ITEMS - 4), [1e18, -1e18, 0.0, 0.0]])
    others = rng.permutation(wide)
    yield from _divergences(means, wide, rng.permutation(means), others, "wide")
    yield from _divergences(means, wide, means, wide, "same")
    yield Probe("log_likelihood", {"x": means, "x_hat": rng.permutation(means), "logvar": wide}, {}, "wide")
    yield Probe("log_likelihood", {"x": means, "x_hat": rng.permutation(means), "logvar": wide}, {"full": True}, "wide")
    yield Probe("log_likelihood", {"x": means, "x_hat": -means}, {"likelihood": "laplace"}, "far")
    output, data = means.reshape(-1, 4), rng.permutation(means).reshape(-1, 4)
    code = {"mean": rng.permutation(means)[: ITEMS // 4].reshape(-1, 1), "logvar": wide[: ITEMS // 4].reshape(-1, 1)}
    arrays = {"reconstruction": output, "targets": data, **code}
    yield from each(
        "elbo_loss", arrays, {"likelihood": "gaussian"}, {"likelihood": "laplace", "beta": 1e-3}, note="far"
    )
