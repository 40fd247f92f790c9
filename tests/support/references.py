"""The same losses from outside: torch.nn.functional, torch.distributions, optax, scipy, or a closed form in NumPy.

Each function takes what our loss takes, as float64 NumPy arrays and options, and gives one loss per item. Classes lie
along axis 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log, pi
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Reference:
    """`covers`: the options that it understands (None: all); any other option must be at its default."""

    source: str  # the package to install, or "closed form"
    fn: Callable[..., Any]
    covers: tuple[str, ...] | None = None

    def understands(self, options: dict[str, Any]) -> bool:
        return self.covers is None or set(options) <= set(self.covers)


# ---- regression ----


def of_error(function: Callable[..., Array]) -> Callable[..., Array]:
    """A closed form in the error."""
    return lambda predictions, targets, **options: function(predictions - targets, **options)


def scipy_huber(predictions: Array, targets: Array, delta: float = 1.0) -> Array:
    from scipy.special import huber

    return huber(delta, predictions - targets)


def scipy_log_cosh(predictions: Array, targets: Array) -> Array:
    from scipy.stats import hypsecant  # its density is 1 / (π cosh x)

    return -hypsecant.logpdf(predictions - targets) - log(pi)


def scipy_charbonnier(predictions: Array, targets: Array, epsilon: float = 1e-3) -> Array:
    from scipy.special import pseudo_huber  # ε² (√(1 + (err / ε)²) − 1)

    return pseudo_huber(epsilon, predictions - targets) / epsilon + epsilon


def torch_functional(name: str) -> Callable[..., Array]:
    """`torch.nn.functional.<name>` of two arrays, per item."""

    def function(a: Array, b: Array, **options: Any) -> Array:
        from torch.nn import functional

        return getattr(functional, name)(tensor(a), tensor(b), reduction="none", **options).numpy()

    return lambda predictions, targets, **options: function(predictions, targets, **options)


def optax_function(name: str, *roles: str, **fixed: Any) -> Callable[..., Array]:
    """`optax.<name>` of the arrays in those roles, in float64."""

    def function(**kwargs: Any) -> Array:
        import jax
        import optax

        with jax.enable_x64(True):
            arrays = [jax.numpy.asarray(kwargs.pop(role)) for role in roles]
            return np.asarray(getattr(optax, name)(*arrays, **fixed, **kwargs))

    return function


def tensor(array: Any) -> Any:
    import torch

    return (
        None
        if array is None
        else torch.as_tensor(array, dtype=None if np.asarray(array).dtype.kind == "i" else torch.float64)
    )


# ---- classification ----


def smoothed(targets: Array, label_smoothing: float) -> Array:
    return (1 - label_smoothing) * targets + label_smoothing / 2


def along_classes(values: Any, like: Array) -> Any:
    """A vector, one number per class, laid along axis 1; a number stays a number."""
    values = np.asarray(values, dtype=float)
    return values if values.ndim == 0 else values.reshape([-1 if axis == 1 else 1 for axis in range(like.ndim)])


def torch_binary_cross_entropy(
    logits: Array, targets: Array, *, pos_weight: Any = None, label_smoothing: float = 0.0, ignore_index: Any = None
) -> Array:
    from torch.nn.functional import binary_cross_entropy_with_logits

    ignored = np.zeros(targets.shape, bool) if ignore_index is None else targets == ignore_index
    t = tensor(smoothed(np.where(ignored, 0.0, targets), label_smoothing))
    v = None if pos_weight is None else tensor(along_classes(pos_weight, logits))
    losses = binary_cross_entropy_with_logits(tensor(logits), t, pos_weight=v, reduction="none").numpy()
    return np.where(ignored, 0.0, losses)


def scipy_binary_cross_entropy_of_probabilities(
    logits: Array, targets: Array, *, from_logits: bool, pos_weight: Any = 1.0, label_smoothing: float = 0.0
) -> Array:
    from scipy.special import xlog1py, xlogy

    assert not from_logits
    t, v = smoothed(targets, label_smoothing), along_classes(pos_weight, logits)
    return -v * xlogy(t, logits) - xlog1py(1 - t, -logits)


def torch_cross_entropy(
    logits: Array,
    labels: Array,
    *,
    class_weights: Any = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
) -> Array:
    from torch.nn.functional import cross_entropy

    options = {} if ignore_index is None else {"ignore_index": ignore_index}
    labels = tensor(labels.astype(np.int64))
    losses = cross_entropy(
        tensor(logits),
        labels,
        weight=tensor(class_weights),
        label_smoothing=label_smoothing,
        reduction="none",
        **options,
    )
    return losses.numpy()


def torch_soft_cross_entropy(
    logits: Array, probs: Array, *, class_weights: Any = None, label_smoothing: float = 0.0
) -> Array:
    from torch.nn.functional import cross_entropy

    weight = tensor(class_weights)
    return cross_entropy(
        tensor(logits), tensor(probs), weight=weight, label_smoothing=label_smoothing, reduction="none"
    ).numpy()


def label_share(kwargs: dict[str, Any]) -> Any:
    """What an item of `cross_entropy_loss` adds to the denominator of the mean: the weight of its label."""
    if kwargs.get("class_weights") is None:
        return 1.0
    labels = kwargs["labels"]
    valid = labels != kwargs.get("ignore_index", -100)
    return np.asarray(kwargs["class_weights"])[np.where(valid, labels, 0)]


def soft_share(kwargs: dict[str, Any]) -> Any:
    """The same for `soft_cross_entropy_loss`: the weight of its distribution."""
    if kwargs.get("class_weights") is None:
        return 1.0
    return (along_classes(kwargs["class_weights"], kwargs["probs"]) * kwargs["probs"]).sum(1)


def torch_binary_focal(
    logits: Array,
    targets: Array,
    *,
    alpha: float | None = 0.25,
    gamma: float = 2.0,
    label_smoothing: float = 0.0,
    ignore_index: Any = None,
) -> Array:
    """Equation 5 of the paper, over torch's own binary cross entropy."""
    ignored = np.zeros(targets.shape, bool) if ignore_index is None else targets == ignore_index
    t = smoothed(np.where(ignored, 0.0, targets), label_smoothing)
    p = tensor(logits).sigmoid().numpy()
    share = 1.0 if alpha is None else alpha * t + (1 - alpha) * (1 - t)
    fade = (p * (1 - t) + (1 - p) * t) ** gamma
    return np.where(ignored, 0.0, share * fade * torch_binary_cross_entropy(logits, t))


def optax_binary_focal(alpha: float | None = 0.25, gamma: float = 2.0, **arrays: Array) -> Array:
    return optax_function("sigmoid_focal_loss", "logits", "targets")(alpha=alpha, gamma=gamma, **arrays)


def torch_focal(
    logits: Array, labels: Array, *, alpha: Any = None, gamma: float = 2.0, ignore_index: int | None = -100
) -> Array:
    """Equation 5 of the paper, over torch's own softmax."""
    ignored = np.zeros(labels.shape, bool) if ignore_index is None else labels == ignore_index
    index = np.where(ignored, 0, labels).astype(np.int64)
    log_p = tensor(logits).log_softmax(1).gather(1, tensor(index).unsqueeze(1)).squeeze(1).numpy()
    share = 1.0 if alpha is None else np.asarray(alpha)[index] if np.ndim(alpha) else alpha
    return np.where(ignored, 0.0, -share * (1 - np.exp(log_p)) ** gamma * log_p)


# ---- likelihood ----


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


def log_likelihood(x: Array, x_hat: Array, *rest: Any, likelihood: str = "gaussian", **options: Any) -> Array:
    return LOG_LIKELIHOODS[likelihood](x, x_hat, *rest, **options)


def elbo(
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
        likely = log_likelihood(targets, reconstruction, likelihood=likelihood)
    else:
        samples = np.moveaxis(reconstruction, sample_axis, 0)
        likely = np.mean([log_likelihood(targets, sample, likelihood=likelihood) for sample in samples], axis=0)
    likely = likely.reshape(len(likely), -1).sum(1)
    divergence = torch_kl(mean, logvar).reshape(len(mean), -1)
    if free_bits and free_bits_over == "batch":
        return -likely.mean() + beta * np.maximum(divergence.mean(0), free_bits).sum()
    return -likely + beta * np.maximum(divergence, free_bits).sum(1)
