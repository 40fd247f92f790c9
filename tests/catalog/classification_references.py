"""The losses of classification from outside: torch, optax, scipy, or a closed form in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.support.references import Array, optax_function, tensor


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


def torch_linear_cross_entropy(
    features: Array,
    weight: Array,
    labels: Array,
    *,
    bias: Any = 0.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    ignore_index: int = -100,
    **options: Any,
) -> Array:
    from scipy.special import logsumexp

    logits = features @ weight.T + np.asarray(bias)
    logits = logits if softcap is None else softcap * np.tanh(logits / softcap)
    penalty = np.where(labels == ignore_index, 0.0, z_loss * logsumexp(logits, axis=1) ** 2)
    return torch_cross_entropy(logits, labels, ignore_index=ignore_index, **options) + penalty


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
    logits: Array,
    labels: Array,
    *,
    alpha: Any = None,
    gamma: float = 2.0,
    label_smoothing: float = 0.0,
    ignore_index: int | None = -100,
) -> Array:
    """Equation 5 of the paper, over torch's own softmax, for each class; smoothed as Keras does."""
    ignored = np.zeros(labels.shape, bool) if ignore_index is None else labels == ignore_index
    index = np.where(ignored, 0, labels).astype(np.int64)
    log_p = tensor(logits).log_softmax(1).numpy()
    share = 1.0 if alpha is None else along_classes(alpha, log_p) if np.ndim(alpha) else alpha
    losses = -share * (1 - np.exp(log_p)) ** gamma * log_p
    own = np.take_along_axis(losses, index[:, None], 1).squeeze(1)
    return np.where(ignored, 0.0, (1 - label_smoothing) * own + label_smoothing * losses.mean(1))
