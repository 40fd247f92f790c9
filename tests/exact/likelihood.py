"""Likelihoods, divergences of Gaussians, the bound."""

from __future__ import annotations

from typing import Any

from tests.exact.arithmetic import Exact, Row, mp
from tests.exact.classification import binary, binary_slopes, cross_entropy, cross_entropy_slopes


def _log_likelihood(
    x: Any, x_hat: Any, logvar: float | None = None, likelihood: str = "gaussian", full: bool = False
) -> Any:
    if likelihood == "categorical":
        return -cross_entropy(x_hat, x)
    if likelihood == "bernoulli":
        return -binary(x_hat, x)
    err = mp.mpf(x) - mp.mpf(x_hat)
    if likelihood == "laplace":
        return -abs(err) - (mp.log(2) if full else 0)
    variance = mp.exp(mp.mpf(logvar or 0))
    return -(mp.log(variance) + err**2 / variance) / 2 - (mp.log(2 * mp.pi) / 2 if full else 0)


def _log_likelihood_slopes(
    x: Any, x_hat: Any, logvar: float | None = None, likelihood: str = "gaussian", full: bool = False
) -> tuple[Any, ...]:
    """Towards x_hat, and towards logvar."""
    if likelihood == "categorical":
        return ([-slope for slope in cross_entropy_slopes(x_hat, x)[0]],)
    if likelihood == "bernoulli":
        return (-binary_slopes(x_hat, x)[0],)
    err = mp.mpf(x) - mp.mpf(x_hat)
    if likelihood == "laplace":
        return (mp.sign(err),)
    variance = mp.exp(mp.mpf(logvar or 0))
    return err / variance, (err**2 / variance - 1) / 2


def _divergence(mu_q: float, log_var_q: float, mu_p: float = 0.0, log_var_p: float = 0.0) -> Any:
    q, p = mp.exp(mp.mpf(log_var_q)), mp.exp(mp.mpf(log_var_p))
    return (mp.log(p / q) + (q + (mp.mpf(mu_q) - mp.mpf(mu_p)) ** 2) / p - 1) / 2


def _divergence_slopes(mu_q: float, log_var_q: float, mu_p: float = 0.0, log_var_p: float = 0.0) -> tuple[Any, ...]:
    q, p, shift = mp.exp(mp.mpf(log_var_q)), mp.exp(mp.mpf(log_var_p)), mp.mpf(mu_q) - mp.mpf(mu_p)
    return shift / p, (q / p - 1) / 2, -shift / p, (1 - (q + shift**2) / p) / 2


def _gaussian_kl(means: Row, logvars: Row) -> Any:
    return mp.fsum(_divergence(m, v) for m, v in zip(means, logvars, strict=True))


def _gaussian_kl_slopes(means: Row, logvars: Row) -> tuple[list[Any], list[Any]]:
    slopes = [_divergence_slopes(m, v) for m, v in zip(means, logvars, strict=True)]
    return [s[0] for s in slopes], [s[1] for s in slopes]


def _elbo(
    reconstruction: Row,
    targets: Row,
    means: Row,
    logvars: Row,
    likelihood: str = "gaussian",
    beta: float = 1.0,
    free_bits: float = 0.0,
) -> Any:
    """One example; free bits over "sample"."""
    likely = mp.fsum(
        _log_likelihood(x, x_hat, likelihood=likelihood) for x, x_hat in zip(targets, reconstruction, strict=True)
    )
    held = mp.fsum(max(mp.mpf(free_bits), _divergence(m, v)) for m, v in zip(means, logvars, strict=True))
    return mp.mpf(beta) * held - likely


def _elbo_slopes(
    reconstruction: Row,
    targets: Row,
    means: Row,
    logvars: Row,
    likelihood: str = "gaussian",
    beta: float = 1.0,
    free_bits: float = 0.0,
) -> tuple[list[Any], ...]:
    """Towards the reconstruction, the means and the logvars."""
    pairs = zip(targets, reconstruction, strict=True)
    by_reconstruction = [-_log_likelihood_slopes(x, x_hat, likelihood=likelihood)[0] for x, x_hat in pairs]
    by_code = []
    for m, v in zip(means, logvars, strict=True):
        pushed = mp.mpf(beta) if _divergence(m, v) > free_bits else mp.mpf(0)
        by_code.append([pushed * slope for slope in _divergence_slopes(m, v)[:2]])
    return by_reconstruction, [s[0] for s in by_code], [s[1] for s in by_code]


EXACT = {
    "log_likelihood": Exact(_log_likelihood, _log_likelihood_slopes, ("x_hat", "logvar")),
    "gaussian_kl_divergence": Exact(_gaussian_kl, _gaussian_kl_slopes, ("mean", "logvar")),
    "kl_divergence_diag_gaussian": Exact(_divergence, _divergence_slopes, ("mu_q", "log_var_q", "mu_p", "log_var_p")),
    "elbo_loss": Exact(_elbo, _elbo_slopes, ("reconstruction", "mean", "logvar")),
}
