"""The same from torch.distributions and scipy."""

from __future__ import annotations

from collections.abc import Callable
from math import log, pi
from typing import Any

import numpy as np

from tests.support.references import Array, tensor


def scipy_gaussian(x: Array, x_hat: Array, logvar: Any = 0.0, *, full: bool = False) -> Array:
    from scipy.stats import norm

    return norm.logpdf(x, x_hat, np.exp(0.5 * np.asarray(logvar))) + (0.0 if full else 0.5 * log(2 * pi))


def scipy_laplace(x: Array, x_hat: Array, *, full: bool = False) -> Array:
    from scipy.stats import laplace

    return laplace.logpdf(x, x_hat) + (0.0 if full else log(2))


def torch_bernoulli(x: Array, x_hat: Array, *, full: bool = False) -> Array:
    from torch.distributions import Bernoulli

    return Bernoulli(logits=tensor(x_hat), validate_args=False).log_prob(tensor(x)).numpy()


def torch_categorical(x: Array, x_hat: Array, *, full: bool = False) -> Array:
    from torch.distributions import Categorical

    return Categorical(logits=tensor(np.moveaxis(x_hat, 1, -1))).log_prob(tensor(x)).numpy()


def torch_kl(mean: Array, logvar: Array, prior_mean: Any = 0.0, prior_logvar: Any = 0.0) -> Array:
    """KL(N(mean, e^logvar) ‖ prior), per latent variable."""
    from torch.distributions import Normal, kl_divergence

    prior_mean, prior_logvar = (
        np.broadcast_to(np.asarray(p, dtype=float), mean.shape).copy() for p in (prior_mean, prior_logvar)
    )
    q, p = (Normal(tensor(m), tensor(np.exp(0.5 * v))) for m, v in ((mean, logvar), (prior_mean, prior_logvar)))
    return kl_divergence(q, p).numpy()


def torch_standard_kl(mean: Array, logvar: Array) -> Array:
    return torch_kl(mean, logvar).reshape(len(mean), -1).sum(1)


def torch_diagonal_kl(
    mu_q: Array, log_var_q: Array, mu_p: Any = 0.0, log_var_p: Any = 0.0, *, reduce_sum: bool = True, axis: int = -1
) -> Array:
    divergence = torch_kl(mu_q, log_var_q, mu_p, log_var_p)
    return divergence.sum(axis) if reduce_sum else divergence


LOG_LIKELIHOODS: dict[str, Callable[..., Array]] = {
    "gaussian": scipy_gaussian,
    "laplace": scipy_laplace,
    "bernoulli": torch_bernoulli,
    "categorical": torch_categorical,
}


def log_likelihood_reference(x: Array, x_hat: Array, *rest: Any, likelihood: str = "gaussian", **options: Any) -> Array:
    return LOG_LIKELIHOODS[likelihood](x, x_hat, *rest, **options)


def elbo_reference(
    reconstruction: Array,
    targets: Array,
    mean: Array,
    logvar: Array,
    *,
    likelihood: str,
    beta: float = 1.0,
    free_bits: float = 0.0,
    free_bits_over: str = "batch",
    sample_axis: int | None = None,
) -> Array:
    """−Σ log p + beta · KL per example; with free bits over the batch, the whole objective."""
    if sample_axis is None:
        likely = log_likelihood_reference(targets, reconstruction, likelihood=likelihood)
    else:
        samples = np.moveaxis(reconstruction, sample_axis, 0)
        each = [log_likelihood_reference(targets, sample, likelihood=likelihood) for sample in samples]
        likely = np.mean(each, axis=0)
    likely = likely.reshape(len(likely), -1).sum(1)
    divergence = torch_kl(mean, logvar).reshape(len(mean), -1)
    if free_bits and free_bits_over == "batch":
        return -likely.mean() + beta * np.maximum(divergence.mean(0), free_bits).sum()
    return -likely + beta * np.maximum(divergence, free_bits).sum(1)
