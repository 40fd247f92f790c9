"""Divergences between rows of probabilities, given as they are or by their logarithms, or between distributions."""

from __future__ import annotations

from math import log, nan, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._core.backends import namespace
from ..._core.check import axis_of, checking, floating, in_range, present, real, refuse, same_shape
from ..._core.distributions import Distribution, closed_form, is_distribution, no_distributions
from ..._core.options import known_reduction, whole_or_none
from ..._core.reduce import Counted, counted, reduce
from ..._core.types import A, Bool, Float, Reduction
from .ratios import UNIT, Probabilities, mixture_gap, relative_entropy

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


def kl_divergence(
    predictions: Float[A, "*rows classes"] | Distribution | None = None,
    targets: Float[A, "*rows classes"] | Distribution | None = None,
    log_predictions: Float[A, "*rows classes"] | None = None,
    log_targets: Float[A, "*rows classes"] | None = None,
    weights: Float[A, "*leading"] | None = None,
    *,
    axis: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How many nats it costs to take `targets` for the distribution where `predictions` is the true one.

        KL(predictions ‖ targets) = Σ p log(p / q),  p = predictions, q = targets, summed over `axis`;  0 log 0 = 0

    The average is over p, so what weighs is where `predictions` has its mass: as a loss of predictions it seeks modes.
    For a fixed true distribution and a model to be fitted, the true one comes first: that is
    `reverse_kl_divergence(predictions, targets)`, or torch's `F.kl_div(log q, p)`. Nothing is renormalised: the sum is
    taken as written, so that rows which do not quite sum to 1 may give a value slightly below 0.

    Args:
        predictions: probabilities in [0, 1] that sum to 1 ± 0.01 along `axis`; or a distribution of
            torch.distributions, distrax or TensorFlow Probability on JAX, which `targets` has to be too.
        targets: the same, of the shape of `predictions`; integers (one-hot rows) are promoted.
        log_predictions: logarithms of probabilities (a log-softmax), which replace `predictions`; −inf is log 0. Exact
            far below the smallest probability that a float can hold.
        log_targets: the same for `targets`.
        weights: a factor per row, of the shape of `predictions` without `axis` or a leading part of it; 0 drops the
            row. Of distributions: of the shape of their batch.
        axis: the axis of the probabilities, the last unless given; everything else is rows. Of distributions: not
            used.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (over rows), "sum", "batch_sum" (sum within an example, mean over the batch) or "none" (one
            per row).

    Returns:
        In [0, ∞], in nats; 0 only at p = q, +∞ where q = 0 < p. Accurate next to 0. Gradient: log(p / q) + 1 towards p
        and −p / q towards q; at p = 0 < q, where the first is −∞, it is that of the smallest normal float32.

    Raises:
        ValueError: shapes differ, probabilities outside [0, 1] or that do not sum to 1 (logits, say), an unknown
            reduction.
        TypeError: arrays that are not of a floating dtype or of two frameworks; a distribution beside an array; a pair
            of distributions whose divergence has no closed form.

    Source:
        Kullback and Leibler 1951, "On information and sufficiency", eq. 2.4.

    Example:
        >>> kl_divergence(np.array([0.5, 0.5]), np.array([0.25, 0.75])).round(6).item()  # ½ log 2 + ½ log ⅔
        0.143841
        >>> kl_divergence(np.array([1.0, 0.0]), np.array([0.5, 0.5])).round(6).item()  # log 2
        0.693147
    """
    name = "kl_divergence"
    known_reduction(name, reduction, None, normalizer)
    if is_distribution(predictions) or is_distribution(targets):
        _no_logs(name, log_predictions, log_targets)
        divergences = closed_form(name, predictions, targets, predictions=predictions, targets=targets)
        return _reduced_batch(name, divergences, weights, mask, normalizer, reduction)
    rows = _rows(name, predictions, targets, log_predictions, log_targets, weights, axis, mask)
    divergences = relative_entropy(rows.xp, rows.predictions, rows.targets, rows.axis)
    return reduce(name, rows.xp, divergences, rows.items, normalizer=normalizer, reduction=reduction)


def reverse_kl_divergence(
    predictions: Float[A, "*rows classes"] | Distribution | None = None,
    targets: Float[A, "*rows classes"] | Distribution | None = None,
    log_predictions: Float[A, "*rows classes"] | None = None,
    log_targets: Float[A, "*rows classes"] | None = None,
    weights: Float[A, "*leading"] | None = None,
    *,
    axis: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How many nats it costs to take `predictions` for the distribution where `targets` is the true one.

        KL(targets ‖ predictions) = Σ q log(q / p),  p = predictions, q = targets, summed over `axis`;  0 log 0 = 0

    `kl_divergence` with its arguments exchanged: the average is over the targets, so as a loss of predictions it covers
    every mode, and it is cross entropy less a constant. (What is called "forward" and "reverse" varies: go by the
    formula.)

    Args:
        predictions: probabilities in [0, 1] that sum to 1 ± 0.01 along `axis`; or a distribution of
            torch.distributions, distrax or TensorFlow Probability on JAX, which `targets` has to be too.
        targets: the same, of the shape of `predictions`; integers (one-hot rows) are promoted.
        log_predictions: logarithms of probabilities (a log-softmax), which replace `predictions`; −inf is log 0. Exact
            far below the smallest probability that a float can hold.
        log_targets: the same for `targets`.
        weights: a factor per row, of the shape of `predictions` without `axis` or a leading part of it; 0 drops the
            row. Of distributions: of the shape of their batch.
        axis: the axis of the probabilities, the last unless given; everything else is rows. Of distributions: not
            used.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (over rows), "sum", "batch_sum" (sum within an example, mean over the batch) or "none" (one
            per row).

    Returns:
        In [0, ∞], in nats; 0 only at p = q, +∞ where p = 0 < q. Accurate next to 0. Gradient: −q / p towards p and
        log(q / p) + 1 towards q; at q = 0 < p, where the second is −∞, it is that of the smallest normal float32.

    Raises:
        ValueError: shapes differ, probabilities outside [0, 1] or that do not sum to 1 (logits, say), an unknown
            reduction.
        TypeError: arrays that are not of a floating dtype or of two frameworks; a distribution beside an array; a pair
            of distributions whose divergence has no closed form.

    Source:
        Kullback and Leibler 1951, "On information and sufficiency", eq. 2.4.

    Example:
        >>> reverse_kl_divergence(np.array([0.5, 0.5]), np.array([1.0, 0.0])).round(6).item()  # log 2
        0.693147
    """
    name = "reverse_kl_divergence"
    known_reduction(name, reduction, None, normalizer)
    if is_distribution(predictions) or is_distribution(targets):
        _no_logs(name, log_predictions, log_targets)
        divergences = closed_form(name, targets, predictions, predictions=predictions, targets=targets)
        return _reduced_batch(name, divergences, weights, mask, normalizer, reduction)
    rows = _rows(name, predictions, targets, log_predictions, log_targets, weights, axis, mask)
    divergences = relative_entropy(rows.xp, rows.targets, rows.predictions, rows.axis)
    return reduce(name, rows.xp, divergences, rows.items, normalizer=normalizer, reduction=reduction)


def js_divergence(
    predictions: Float[A, "*rows classes"] | None = None,
    targets: Float[A, "*rows classes"] | None = None,
    log_predictions: Float[A, "*rows classes"] | None = None,
    log_targets: Float[A, "*rows classes"] | None = None,
    weights: Float[A, "*leading"] | None = None,
    *,
    axis: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How far two distributions are from their average, in nats: a symmetric and bounded relative of Kullback-Leibler.

        JS = ½ KL(p ‖ m) + ½ KL(q ‖ m),  m = ½ (p + q), p = predictions, q = targets

    Not a metric: it fails the triangle inequality. Its square root, `js_distance`, is one.

    Args:
        predictions: probabilities in [0, 1] that sum to 1 ± 0.01 along `axis`.
        targets: the same, of the shape of `predictions`; integers (one-hot rows) are promoted.
        log_predictions: logarithms of probabilities (a log-softmax), which replace `predictions`; −inf is log 0.
        log_targets: the same for `targets`.
        weights: a factor per row, of the shape of `predictions` without `axis` or a leading part of it; 0 drops the
            row.
        axis: the axis of the probabilities, the last unless given; everything else is rows.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (over rows), "sum", "batch_sum" (sum within an example, mean over the batch) or "none" (one
            per row).

    Returns:
        In [0, log 2] per row, in nats; 0 only at p = q, log 2 where the two have nothing in common. Accurate next to 0.
        Gradient: ½ log(p / m) towards p; at p = 0 < q, where it is −∞, that of the smallest normal float32.

    Raises:
        ValueError: shapes differ, probabilities outside [0, 1] or that do not sum to 1 (logits, say), an unknown
            reduction.
        TypeError: arrays that are not of a floating dtype or of two frameworks; distributions, whose mixture has no
            closed form.

    Source:
        Lin 1991, "Divergence measures based on the Shannon entropy", doi:10.1109/18.61115, eq. 4.1 with equal weights.

    Example:
        >>> js_divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0])).round(6).item()  # log 2
        0.693147
        >>> js_divergence(np.array([0.5, 0.5]), np.array([0.5, 0.5])).item()
        0.0
    """
    rows, divergences = _js(
        "js_divergence",
        predictions,
        targets,
        log_predictions,
        log_targets,
        weights,
        axis,
        mask,
        normalizer,
        reduction,
    )
    return reduce("js_divergence", rows.xp, divergences, rows.items, normalizer=normalizer, reduction=reduction)


def js_distance(
    predictions: Float[A, "*rows classes"] | None = None,
    targets: Float[A, "*rows classes"] | None = None,
    log_predictions: Float[A, "*rows classes"] | None = None,
    log_targets: Float[A, "*rows classes"] | None = None,
    weights: Float[A, "*leading"] | None = None,
    *,
    axis: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """The square root of the Jensen-Shannon divergence: a metric between distributions.

        √JS = √(½ KL(p ‖ m) + ½ KL(q ‖ m)),  m = ½ (p + q), p = predictions, q = targets

    The root is taken per row, before the reduction.

    Args:
        predictions: probabilities in [0, 1] that sum to 1 ± 0.01 along `axis`.
        targets: the same, of the shape of `predictions`; integers (one-hot rows) are promoted.
        log_predictions: logarithms of probabilities (a log-softmax), which replace `predictions`; −inf is log 0.
        log_targets: the same for `targets`.
        weights: a factor per row, of the shape of `predictions` without `axis` or a leading part of it; 0 drops the
            row.
        axis: the axis of the probabilities, the last unless given; everything else is rows.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (over rows), "sum", "batch_sum" (sum within an example, mean over the batch) or "none" (one
            per row).

    Returns:
        In [0, √log 2] per row (√log 2 = 0.8326), in √nat; 0 only at p = q. Gradient: ¼ log(p / m) / √JS towards p, and
        0 at p = q, where the distance has a kink.

    Raises:
        ValueError: shapes differ, probabilities outside [0, 1] or that do not sum to 1 (logits, say), an unknown
            reduction.
        TypeError: arrays that are not of a floating dtype or of two frameworks; distributions, whose mixture has no
            closed form.

    Source:
        Endres and Schindelin 2003, "A new metric for probability distributions", doi:10.1109/TIT.2003.813506.

    Example:
        >>> js_distance(np.array([1.0, 0.0]), np.array([0.0, 1.0])).round(4).item()
        0.8326
    """
    rows, divergences = _js(
        "js_distance",
        predictions,
        targets,
        log_predictions,
        log_targets,
        weights,
        axis,
        mask,
        normalizer,
        reduction,
        UNIT,
    )
    roots = rows.xp.sqrt(divergences) / sqrt(UNIT)
    return reduce("js_distance", rows.xp, roots, rows.items, normalizer=normalizer, reduction=reduction)


# ---- the frame ----


class Rows(NamedTuple):
    """The arguments of a divergence, checked, and with what does not count replaced."""

    xp: Namespace
    predictions: Probabilities
    targets: Probabilities
    axis: int
    items: Counted | None


def _rows(
    loss: str,
    predictions: Any,
    targets: Any,
    log_predictions: Any,
    log_targets: Any,
    weights: Any,
    axis: int | None,
    mask: Any,
) -> Rows:
    given = {
        "predictions": predictions,
        "targets": targets,
        "log_predictions": log_predictions,
        "log_targets": log_targets,
    }
    whole_or_none(loss, axis=axis)
    xp = namespace(loss, **present(**given), weights=weights, mask=mask)
    for name in ("predictions", "targets"):
        if given[name] is None and given[f"log_{name}"] is None:
            raise TypeError(f"{loss}: expected {name} or log_{name}; got neither")
    others = {name: array for name, array in given.items() if name != "targets"}
    floating(loss, xp, **others)
    real(loss, xp, targets=targets)
    same_shape(loss, **given)
    names = [
        "predictions" if log_predictions is None else "log_predictions",
        "targets" if log_targets is None else "log_targets",
    ]
    axis = axis_of(loss, "axis", -1 if axis is None else axis, names[0], given[names[0]])
    arrays = list(xp.promote(*(given[name] for name in names)))
    shape = tuple(arrays[0].shape)
    items = counted(loss, xp, shape[:axis] + shape[axis + 1 :], weights, mask, arrays[0])
    both: list[Probabilities] = []
    for name, array in zip(names, arrays, strict=True):
        logs = name.startswith("log_")
        if items is not None:
            even = 1 / max(1, shape[axis])
            array = xp.select(_over_classes(xp, items.keep, axis, shape), array, log(even) if logs else even)
        both.append(Probabilities(_of_one(loss, xp, name, array, axis, logs), logs))
    return Rows(xp, both[0], both[1], axis, items)


def _over_classes(xp: Namespace, keep: Any, axis: int, shape: tuple[int, ...]) -> Any:
    rows = xp.broadcast_to(keep, shape[:axis] + shape[axis + 1 :])
    return xp.broadcast_to(xp.expand_dims(rows, axis=axis), shape)


def _of_one(loss: str, xp: Namespace, name: str, array: Any, axis: int, logs: bool) -> Any:
    """Rows checked to be probabilities that sum to 1; where they cannot be looked at, others become NaN."""
    if 0 in array.shape:
        return array
    if not logs:
        array = in_range(loss, xp, name, array, 0.0, 1.0)
    fixed = xp.stop_gradient(array)
    sums = xp.quietly(lambda: xp.sum(xp.exp(fixed) if logs else fixed, axis=axis))
    off = xp.abs(sums - 1) > 0.01  # bfloat16 is off by up to 0.004; a NaN goes through, to be seen in the result
    if xp.visible(sums):
        if not bool(xp.any(off, axis=None)):
            return array
        if checking.level is not False:
            low, high = xp.extent(sums)
            raise ValueError(_no_sum(loss, name, axis, logs, f"sums from {low:g} to {high:g}"))
    if checking.level:
        refuse(xp, ~off, _no_sum(loss, name, axis, logs, "others"))
    return xp.where(xp.expand_dims(off, axis=axis), nan, array)


def _no_sum(loss: str, name: str, axis: int, logs: bool, got: str) -> str:
    what, hint = ("whose exponentials sum", "log-softmax") if logs else ("that sum", "softmax")
    return f"{loss}: expected {name} {what} to 1 ± 0.01 along axis {axis}; got {got}; logits need a {hint} first"


def _js(
    loss: str,
    predictions: Any,
    targets: Any,
    log_predictions: Any,
    log_targets: Any,
    weights: Any,
    axis: int | None,
    mask: Any,
    normalizer: Any,
    reduction: Reduction,
    unit: float = 1.0,
) -> tuple[Rows, Any]:
    """The rows, and their divergences times `unit`."""
    known_reduction(loss, reduction, None, normalizer)
    hint = "; a mixture has no closed form, but of probabilities it does (Categorical: its probs)"
    no_distributions(loss, hint, predictions=predictions, targets=targets)
    rows = _rows(loss, predictions, targets, log_predictions, log_targets, weights, axis, mask)
    p, q = rows.predictions, rows.targets
    gaps = rows.xp.pointwise(mixture_gap, p.array, q.array, logs=(p.logs, q.logs), unit=unit)
    return rows, rows.xp.sum(gaps, axis=rows.axis)


def _no_logs(loss: str, log_predictions: Any, log_targets: Any) -> None:
    for name, array in (("log_predictions", log_predictions), ("log_targets", log_targets)):
        if array is not None:
            raise TypeError(f"{loss}: expected {name} only beside arrays; got distributions")


def _reduced_batch(loss: str, divergences: Any, weights: Any, mask: Any, normalizer: Any, reduction: Reduction) -> Any:
    xp = namespace(loss, divergences=divergences, weights=weights, mask=mask)
    (divergences,) = xp.promote(divergences)
    items = counted(loss, xp, divergences.shape, weights, mask, divergences)
    if items is not None:
        divergences = xp.select(items.keep, divergences, 0.0)
    return reduce(loss, xp, divergences, items, normalizer=normalizer, reduction=reduction)
