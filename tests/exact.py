"""Every public loss as plain mathematics, one item at a time, with 120 digits.

Written from the docstrings' formulas, never from the code: no stable form appears here, the digits do that
work (−log p at p = 1 − e^−80 costs 35 of them). `EXACT[name].value(*item, **options)` is the loss of one item,
whose arguments stand in the function's own order; `EXACT[name].slopes(*item, **options)` holds its derivatives
towards the arguments `EXACT[name].wrt`, a list for an argument that is a row (of classes, or of latent variables).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import mpmath

mp = mpmath.MPContext()
mp.dps = 120

Row = Sequence[float]


class Exact(NamedTuple):
    value: Callable[..., Any]
    slopes: Callable[..., tuple[Any, ...]]
    wrt: tuple[str, ...] = ("logits",)


def mean(losses: Sequence[Any], weights: Sequence[float] | None = None, normalizer: float | None = None) -> Any:
    """Σ wℓ / Σ w, or / normalizer."""
    factors = [1] * len(losses) if weights is None else weights
    total = mp.fsum(mp.mpf(w) * loss for w, loss in zip(factors, losses, strict=True))
    return total / (mp.fsum(factors) if normalizer is None else normalizer)


# ---- regression: functions of err = prediction − target, and their derivatives in err ----


def _of_error(value: Callable[..., Any], slope: Callable[..., Any]) -> Exact:
    def value_of(prediction: float, target: float, **options: float) -> Any:
        return value(mp.mpf(prediction) - mp.mpf(target), **options)

    def slopes_of(prediction: float, target: float, **options: float) -> tuple[Any, Any]:
        found = slope(mp.mpf(prediction) - mp.mpf(target), **options)
        return found, -found

    return Exact(value_of, slopes_of, ("predictions", "targets"))


def _huber(err: Any, delta: float = 1.0) -> Any:
    delta = mp.mpf(delta)
    return err**2 / 2 if abs(err) <= delta else delta * (abs(err) - delta / 2)


def _huber_slope(err: Any, delta: float = 1.0) -> Any:
    return err if abs(err) <= delta else mp.mpf(delta) * mp.sign(err)


def _smooth_l1(err: Any, beta: float = 1.0) -> Any:
    return abs(err) if beta == 0 else _huber(err, beta) / beta


def _smooth_l1_slope(err: Any, beta: float = 1.0) -> Any:
    return mp.sign(err) if beta == 0 else _huber_slope(err, beta) / beta


def _charbonnier(err: Any, epsilon: float = 1e-3, alpha: float = 1.0) -> Any:
    return mp.sqrt(err**2 + mp.mpf(epsilon) ** 2) ** mp.mpf(alpha)


def _charbonnier_slope(err: Any, epsilon: float = 1e-3, alpha: float = 1.0) -> Any:
    return alpha * err * mp.sqrt(err**2 + mp.mpf(epsilon) ** 2) ** (mp.mpf(alpha) - 2)


def _asymmetric(err: Any, over_penalty: float = 2.0) -> Any:
    return err**2 * (over_penalty if err > 0 else 1)


def _asymmetric_slope(err: Any, over_penalty: float = 2.0) -> Any:
    return 2 * err * (over_penalty if err > 0 else 1)


# ---- yes or no ----


def _yes(x: float) -> tuple[Any, Any]:
    """p = sigmoid(x) and 1 − p."""
    return 1 / (1 + mp.exp(-mp.mpf(x))), 1 / (1 + mp.exp(mp.mpf(x)))


def _smoothed(target: float, epsilon: float) -> Any:
    return (1 - mp.mpf(epsilon)) * mp.mpf(target) + mp.mpf(epsilon) / 2


def _log_over(share: Any, p: Any) -> Any:
    """−share · log p, where an answer with no share costs nothing."""
    return mp.mpf(0) if share == 0 else -share * mp.log(p)


def _binary(
    x: float,
    target: float,
    from_logits: bool = True,
    pos_weight: float | None = None,
    label_smoothing: float = 0.0,
) -> Any:
    t, v = _smoothed(target, label_smoothing), mp.mpf(1 if pos_weight is None else pos_weight)
    p, q = _yes(x) if from_logits else (mp.mpf(x), 1 - mp.mpf(x))
    return v * _log_over(t, p) + _log_over(1 - t, q)


def _binary_slopes(
    x: float,
    target: float,
    from_logits: bool = True,
    pos_weight: float | None = None,
    label_smoothing: float = 0.0,
) -> tuple[Any, Any]:
    t, v = _smoothed(target, label_smoothing), mp.mpf(1 if pos_weight is None else pos_weight)
    p, q = _yes(x) if from_logits else (mp.mpf(x), 1 - mp.mpf(x))
    by_p = (0 if t == 1 else (1 - t) / q) - (0 if t == 0 else v * t / p)
    by_x = (1 - t) * p - v * t * q if from_logits else by_p
    return by_x, (1 - mp.mpf(label_smoothing)) * (mp.log(q) - v * mp.log(p))


def _binary_focal_parts(x: float, target: float, alpha: float | None, label_smoothing: float) -> tuple[Any, ...]:
    t = _smoothed(target, label_smoothing)
    p, q = _yes(x)
    miss = p * (1 - t) + q * t  # what goes to the wrong answer
    share = mp.mpf(1) if alpha is None else alpha * t + (1 - mp.mpf(alpha)) * (1 - t)
    return t, p, q, miss, share, -t * mp.log(p) - (1 - t) * mp.log(q)


def _binary_focal(
    x: float, target: float, alpha: float | None = 0.25, gamma: float = 2.0, label_smoothing: float = 0.0
) -> Any:
    *_, miss, share, surprise = _binary_focal_parts(x, target, alpha, label_smoothing)
    return share * miss ** mp.mpf(gamma) * surprise


def _binary_focal_slopes(
    x: float, target: float, alpha: float | None = 0.25, gamma: float = 2.0, label_smoothing: float = 0.0
) -> tuple[Any, Any]:
    t, p, q, miss, share, surprise = _binary_focal_parts(x, target, alpha, label_smoothing)
    by_t = 0 if alpha is None else 2 * mp.mpf(alpha) - 1, q - p, mp.log(q) - mp.log(p)

    def product_rule(d_share: Any, d_miss: Any, d_surprise: Any) -> Any:
        fade = miss ** mp.mpf(gamma)
        d_fade = gamma * miss ** (mp.mpf(gamma) - 1) * d_miss
        return d_share * fade * surprise + share * d_fade * surprise + share * fade * d_surprise

    return product_rule(0, (1 - 2 * t) * p * q, p - t), (1 - mp.mpf(label_smoothing)) * product_rule(*by_t)


# ---- one of many ----


def _softmax(row: Row) -> tuple[list[Any], Any]:
    """The probabilities, and the logarithm of what they were divided by."""
    powers = [mp.exp(mp.mpf(x)) for x in row]
    total = mp.fsum(powers)
    return [power / total for power in powers], mp.log(total)


def _shares(label: int, classes: int, class_weights: Row | None, label_smoothing: float) -> list[Any]:
    """How much each class's −log p counts: v_c q_c, but the labelled class's own weight for its own share."""
    epsilon = mp.mpf(label_smoothing)
    weights = [1.0] * classes if class_weights is None else class_weights
    return [v * (((1 - epsilon) if c == label else 0) + epsilon / classes) for c, v in enumerate(weights)]


def _soft_shares(probs: Row, class_weights: Row | None, label_smoothing: float) -> list[Any]:
    epsilon, total = mp.mpf(label_smoothing), mp.fsum(probs)
    weights = [1.0] * len(probs) if class_weights is None else class_weights
    return [v * ((1 - epsilon) * q + epsilon / len(probs) * total) for v, q in zip(weights, probs, strict=True)]


def _crossed(shares: list[Any], row: Row) -> Any:
    _, log_total = _softmax(row)
    return mp.fsum(share * (log_total - mp.mpf(x)) for share, x in zip(shares, row, strict=True) if share != 0)


def _crossed_slope(shares: list[Any], row: Row) -> list[Any]:
    p, _ = _softmax(row)
    total = mp.fsum(shares)
    return [total * p_c - share for p_c, share in zip(p, shares, strict=True)]


def _cross_entropy(row: Row, label: int, class_weights: Row | None = None, label_smoothing: float = 0.0) -> Any:
    return _crossed(_shares(label, len(row), class_weights, label_smoothing), row)


def _cross_entropy_slopes(
    row: Row, label: int, class_weights: Row | None = None, label_smoothing: float = 0.0
) -> tuple[list[Any]]:
    return (_crossed_slope(_shares(label, len(row), class_weights, label_smoothing), row),)


def _soft_cross_entropy(row: Row, probs: Row, class_weights: Row | None = None, label_smoothing: float = 0.0) -> Any:
    return _crossed(_soft_shares(probs, class_weights, label_smoothing), row)


def _soft_cross_entropy_slopes(
    row: Row, probs: Row, class_weights: Row | None = None, label_smoothing: float = 0.0
) -> tuple[list[Any], list[Any]]:
    epsilon, (_, log_total) = mp.mpf(label_smoothing), _softmax(row)
    weights = [1.0] * len(row) if class_weights is None else class_weights
    costs = [v * (log_total - mp.mpf(x)) for v, x in zip(weights, row, strict=True)]
    spread = epsilon * mp.fsum(costs) / len(row)
    by_probs = [(1 - epsilon) * cost + spread for cost in costs]
    return _crossed_slope(_soft_shares(probs, class_weights, label_smoothing), row), by_probs


def _alpha_of(alpha: float | Row | None, label: int) -> Any:
    return mp.mpf(1 if alpha is None else alpha if isinstance(alpha, (int, float)) else alpha[label])


def _focal(row: Row, label: int, alpha: float | Row | None = None, gamma: float = 2.0) -> Any:
    p, log_total = _softmax(row)
    miss = mp.fsum(p_c for c, p_c in enumerate(p) if c != label)
    return _alpha_of(alpha, label) * miss ** mp.mpf(gamma) * (log_total - mp.mpf(row[label]))


def _focal_slopes(row: Row, label: int, alpha: float | Row | None = None, gamma: float = 2.0) -> tuple[list[Any]]:
    p, log_total = _softmax(row)
    own, surprise, gamma = p[label], log_total - mp.mpf(row[label]), mp.mpf(gamma)
    miss = mp.fsum(p_c for c, p_c in enumerate(p) if c != label)
    if miss == 0:  # certain: a minimum
        return ([mp.mpf(0)] * len(row),)
    by_own = -_alpha_of(alpha, label) * (gamma * miss ** (gamma - 1) * surprise + miss**gamma / own)
    return ([by_own * own * (miss if c == label else -p_c) for c, p_c in enumerate(p)],)


# ---- likelihoods, divergences, the bound ----


def _log_likelihood(
    x: Any, x_hat: Any, logvar: float | None = None, likelihood: str = "gaussian", full: bool = False
) -> Any:
    if likelihood == "categorical":
        return -_cross_entropy(x_hat, x)
    if likelihood == "bernoulli":
        return -_binary(x_hat, x)
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
        return ([-slope for slope in _cross_entropy_slopes(x_hat, x)[0]],)
    if likelihood == "bernoulli":
        return (-_binary_slopes(x_hat, x)[0],)
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


EXACT: dict[str, Exact] = {
    "mse_loss": _of_error(lambda err: err**2, lambda err: 2 * err),
    "mae_loss": _of_error(abs, mp.sign),
    "huber_loss": _of_error(_huber, _huber_slope),
    "smooth_l1_loss": _of_error(_smooth_l1, _smooth_l1_slope),
    "log_cosh_loss": _of_error(lambda err: mp.log(mp.cosh(err)), mp.tanh),
    "charbonnier_loss": _of_error(_charbonnier, _charbonnier_slope),
    "asymmetric_mse_loss": _of_error(_asymmetric, _asymmetric_slope),
    "binary_cross_entropy_loss": Exact(_binary, _binary_slopes, ("logits", "targets")),
    "cross_entropy_loss": Exact(_cross_entropy, _cross_entropy_slopes),
    "soft_cross_entropy_loss": Exact(_soft_cross_entropy, _soft_cross_entropy_slopes, ("logits", "probs")),
    "binary_focal_loss": Exact(_binary_focal, _binary_focal_slopes, ("logits", "targets")),
    "focal_loss": Exact(_focal, _focal_slopes),
    "log_likelihood": Exact(_log_likelihood, _log_likelihood_slopes, ("x_hat", "logvar")),
    "gaussian_kl_divergence": Exact(_gaussian_kl, _gaussian_kl_slopes, ("mean", "logvar")),
    "kl_divergence_diag_gaussian": Exact(_divergence, _divergence_slopes, ("mu_q", "log_var_q", "mu_p", "log_var_p")),
    "elbo_loss": Exact(_elbo, _elbo_slopes, ("reconstruction", "mean", "logvar")),
}
