"""Losses of a real-valued prediction against a real-valued target.

Each formula gives the loss and, for whoever wants the gradient, its slope in the error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._core.elementwise import per_element
from .._core.options import is_number, non_negative, positive
from .._core.types import A, Axis, Bool, Float, Reduction

if TYPE_CHECKING:
    from .._core.backends.protocol import Namespace

__all__ = [
    "mse_loss",
    "mae_loss",
    "huber_loss",
    "smooth_l1_loss",
    "log_cosh_loss",
    "charbonnier_loss",
    "asymmetric_mse_loss",
]


def mse_loss(
    predictions: Float[A, "*shape"],
    targets: Float[A, "*shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    axis: Axis = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Mean squared error: large errors count most.

        err²,  err = predictions − targets

    Args:
        predictions: any shape, any unit, of a floating dtype.
        targets: same shape and unit as `predictions`; integers and booleans are promoted.
        weights: a factor per item, of the shape of `predictions` or a leading part of it; 0 drops the item.
        axis: the axis or axes to reduce, with "mean" and "sum"; None reduces all.
        mask: True counts; shaped as `weights` may be. What it drops may be NaN.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none".

    Returns:
        In [0, ∞), in the unit of `predictions` squared; 0 only at predictions = targets. Gradient: 2 err, unbounded.

    Raises:
        ValueError: shapes differ, or an unknown reduction.
        TypeError: predictions that are not floating point, or arrays of two frameworks.

    Source:
        Gauss 1809, Theoria motus corporum coelestium, §179 (least squares).

    Example:
        >>> mse_loss(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 6.0])).item()
        3.0
    """
    return per_element(
        "mse_loss",
        squared_error,
        predictions,
        targets,
        weights,
        axis=axis,
        mask=mask,
        normalizer=normalizer,
        reduction=reduction,
        native="mse_loss",
    )


def squared_error(xp: Namespace, predictions: Any, targets: Any) -> Any:
    error = predictions - targets
    return error * error, lambda: 2 * error


def mae_loss(
    predictions: Float[A, "*shape"],
    targets: Float[A, "*shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    axis: Axis = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Mean absolute error: every unit of error counts the same, so outliers do not rule.

        |err|,  err = predictions − targets

    Args:
        predictions: any shape, any unit, of a floating dtype.
        targets: same shape and unit as `predictions`; integers and booleans are promoted.
        weights: a factor per item, of the shape of `predictions` or a leading part of it; 0 drops the item.
        axis: the axis or axes to reduce, with "mean" and "sum"; None reduces all.
        mask: True counts; shaped as `weights` may be. What it drops may be NaN.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none".

    Returns:
        In [0, ∞), in the unit of `predictions`; 0 only at predictions = targets. Gradient: the sign of err, 0 at err
        = 0.

    Raises:
        ValueError: shapes differ, or an unknown reduction.
        TypeError: predictions that are not floating point, or arrays of two frameworks.

    Source:
        Boscovich 1757; Laplace 1793 (least absolute deviations).

    Example:
        >>> mae_loss(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 6.0])).item()
        1.0
    """
    return per_element(
        "mae_loss",
        absolute_error,
        predictions,
        targets,
        weights,
        axis=axis,
        mask=mask,
        normalizer=normalizer,
        reduction=reduction,
        native="l1_loss",
    )


def absolute_error(xp: Namespace, predictions: Any, targets: Any) -> Any:
    error = predictions - targets
    return xp.abs(error), lambda: xp.sign(error)


def huber_loss(
    predictions: Float[A, "*shape"],
    targets: Float[A, "*shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    delta: float | A = 1.0,
    axis: Axis = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Squared error near zero, absolute error beyond `delta`.

        ½ err²                   where |err| ≤ delta,  err = predictions − targets
        delta (|err| − ½ delta)  elsewhere

    It is `delta` times `smooth_l1_loss` with beta = delta.

    Args:
        predictions: any shape, any unit, of a floating dtype.
        targets: same shape and unit as `predictions`; integers and booleans are promoted.
        delta: > 0, in the unit of `predictions`; where the error stops being squared.
        weights: a factor per item, of the shape of `predictions` or a leading part of it; 0 drops the item.
        axis: the axis or axes to reduce, with "mean" and "sum"; None reduces all.
        mask: True counts; shaped as `weights` may be. What it drops may be NaN.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none".

    Returns:
        In [0, ∞), in the unit of `predictions` squared; 0 only at predictions = targets. Gradient: err clipped to
        ±delta; continuous.

    Raises:
        ValueError: shapes differ, an unknown reduction, or delta ≤ 0.
        TypeError: predictions that are not floating point, or arrays of two frameworks.

    Source:
        Huber 1964, "Robust estimation of a location parameter", doi:10.1214/aoms/1177703732.

    Example:
        >>> huber_loss(np.array([0.0, 3.0]), np.array([0.5, 0.0]), reduction="none")
        array([0.125, 2.5  ])
    """
    delta = positive("huber_loss", delta=delta)
    return per_element(
        "huber_loss",
        _huber,
        predictions,
        targets,
        weights,
        delta=delta,
        axis=axis,
        mask=mask,
        normalizer=normalizer,
        reduction=reduction,
        native="huber_loss",
    )


def _huber(xp: Namespace, predictions: Any, targets: Any, delta: Any) -> Any:
    error = predictions - targets
    size = xp.abs(error)
    near = xp.minimum(size, delta)
    return near * (size - 0.5 * near), lambda: xp.clip(error, -delta, delta)


def smooth_l1_loss(
    predictions: Float[A, "*shape"],
    targets: Float[A, "*shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    beta: float | A = 1.0,
    axis: Axis = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Absolute error with its corner rounded off over `beta`.

        ½ err² / beta   where |err| < beta,  err = predictions − targets
        |err| − ½ beta  elsewhere

    It is `huber_loss` with delta = beta, divided by beta: slope 1 far away whatever beta is; `beta = 0` is `mae_loss`.

    Args:
        predictions: any shape, any unit, of a floating dtype.
        targets: same shape and unit as `predictions`; integers and booleans are promoted.
        beta: ≥ 0, in the unit of `predictions`; where the rounding ends.
        weights: a factor per item, of the shape of `predictions` or a leading part of it; 0 drops the item.
        axis: the axis or axes to reduce, with "mean" and "sum"; None reduces all.
        mask: True counts; shaped as `weights` may be. What it drops may be NaN.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none".

    Returns:
        In [0, ∞), in the unit of `predictions`; 0 only at predictions = targets. Gradient: err / beta clipped to ±1;
        continuous if beta > 0.

    Raises:
        ValueError: shapes differ, an unknown reduction, or beta < 0.
        TypeError: predictions that are not floating point, or arrays of two frameworks.

    Source:
        Girshick 2015, "Fast R-CNN", arXiv:1504.08083, eq. 3 (beta = 1).

    Example:
        >>> smooth_l1_loss(np.array([0.0, 3.0]), np.array([0.5, 0.0]), beta=0.5, reduction="none")
        array([0.25, 2.75])
    """
    beta = non_negative("smooth_l1_loss", beta=beta)
    corner = not is_number(beta, 0)
    return per_element(
        "smooth_l1_loss",
        _smooth_l1 if corner else absolute_error,
        predictions,
        targets,
        weights,
        axis=axis,
        mask=mask,
        normalizer=normalizer,
        reduction=reduction,
        native="smooth_l1_loss" if corner else "l1_loss",
        **({"beta": beta} if corner else {}),
    )


def _smooth_l1(xp: Namespace, predictions: Any, targets: Any, beta: Any) -> Any:
    error = predictions - targets
    size = xp.abs(error)
    near = xp.minimum(size, beta)
    return (near / beta) * (size - 0.5 * near), lambda: xp.clip(error / beta, -1.0, 1.0)


def log_cosh_loss(
    predictions: Float[A, "*shape"],
    targets: Float[A, "*shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    axis: Axis = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Squared error near zero, absolute error far away, and smooth to every order between.

        log cosh err,  err = predictions − targets
        ≈ ½ err² near 0, ≈ |err| − log 2 far away

    Args:
        predictions: any shape, any unit, of a floating dtype.
        targets: same shape and unit as `predictions`; integers and booleans are promoted.
        weights: a factor per item, of the shape of `predictions` or a leading part of it; 0 drops the item.
        axis: the axis or axes to reduce, with "mean" and "sum"; None reduces all.
        mask: True counts; shaped as `weights` may be. What it drops may be NaN.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none".

    Returns:
        In [0, ∞); 0 only at predictions = targets. The unit of err must be chosen so that 1 is a typical error.
        Gradient: tanh err, in (−1, 1).

    Raises:
        ValueError: shapes differ, or an unknown reduction.
        TypeError: predictions that are not floating point, or arrays of two frameworks.

    Source:
        Saleh and Saleh 2022, "Statistical properties of the log-cosh loss function used in machine learning",
        arXiv:2208.04564.

    Example:
        >>> log_cosh_loss(np.array([0.0, 100.0]), np.array([0.0, 0.0]), reduction="none").round(4)
        array([ 0.    , 99.3069])
    """
    return per_element(
        "log_cosh_loss",
        _log_cosh,
        predictions,
        targets,
        weights,
        axis=axis,
        mask=mask,
        normalizer=normalizer,
        reduction=reduction,
    )


def _log_cosh(xp: Namespace, predictions: Any, targets: Any) -> Any:
    # Neither cancels: cosh err − 1 = ½ rise² / (1 + rise), sinh |err| = rise − (cosh err − 1), with rise = e^|err| − 1.
    # Beyond 30, log cosh err = |err| − log 2.
    error = predictions - targets
    size = xp.abs_with_slope(error)
    near = xp.minimum(size, 30.0)
    rise = xp.expm1(near)
    excess = 0.5 * rise * rise / (1 + rise)
    return xp.log1p(excess) + (size - near), lambda: xp.signed((rise - excess) / (1 + excess), error)


def charbonnier_loss(
    predictions: Float[A, "*shape"],
    targets: Float[A, "*shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    epsilon: float | A = 1e-3,
    alpha: float | A = 1.0,
    axis: Axis = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Absolute error made differentiable: its corner is rounded off within `epsilon`.

        (√(err² + epsilon²))^alpha,  err = predictions − targets

    `alpha` is the exponent of the *root*; the exponent of err² + epsilon² that the literature quotes (0.45, say) is
    alpha / 2.

    Args:
        predictions: any shape, any unit, of a floating dtype.
        targets: same shape and unit as `predictions`; integers and booleans are promoted.
        epsilon: > 0, in the unit of `predictions`; the width of the rounding.
        alpha: > 0; below 1 large errors count less and less.
        weights: a factor per item, of the shape of `predictions` or a leading part of it; 0 drops the item.
        axis: the axis or axes to reduce, with "mean" and "sum"; None reduces all.
        mask: True counts; shaped as `weights` may be. What it drops may be NaN.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none".

    Returns:
        In [epsilon^alpha, ∞), in the unit of `predictions` to the power alpha; smallest, but not 0, at predictions =
        targets.
        Gradient: alpha √(err² + epsilon²)^(alpha−2) err, within ±1 if alpha = 1.

    Raises:
        ValueError: shapes differ, an unknown reduction, epsilon ≤ 0, or alpha ≤ 0.
        TypeError: predictions that are not floating point, or arrays of two frameworks.

    Source:
        Charbonnier et al. 1994, doi:10.1109/ICIP.1994.413553 (alpha = 1); Sun et al. 2010,
        doi:10.1109/CVPR.2010.5539939 (any alpha).

    Example:
        >>> charbonnier_loss(np.array([4.0]), np.array([0.0]), epsilon=3.0).item()
        5.0
    """
    epsilon, alpha = positive("charbonnier_loss", epsilon=epsilon, alpha=alpha)
    return per_element(
        "charbonnier_loss",
        _charbonnier,
        predictions,
        targets,
        weights,
        epsilon=epsilon,
        alpha=alpha,
        axis=axis,
        mask=mask,
        normalizer=normalizer,
        reduction=reduction,
    )


def _charbonnier(xp: Namespace, predictions: Any, targets: Any, epsilon: Any, alpha: Any) -> Any:
    error = predictions - targets
    root = xp.hypot(error, epsilon)
    if is_number(alpha, 1):
        return root, lambda: error / root
    return root**alpha, lambda: alpha * root ** (alpha - 1) * (error / root)


def asymmetric_mse_loss(
    predictions: Float[A, "*shape"],
    targets: Float[A, "*shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    over_penalty: float | A = 2.0,
    axis: Axis = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Squared error that counts predictions above the target more (or less) than those below.

        over_penalty · err²  where err > 0,  err = predictions − targets
        err²                 elsewhere

    Its minimum over a sample is an expectile: the mean if over_penalty = 1, lower if over_penalty > 1.

    Args:
        predictions: any shape, any unit, of a floating dtype.
        targets: same shape and unit as `predictions`; integers and booleans are promoted.
        over_penalty: > 0; how many times more an over-estimate costs than an equal under-estimate.
        weights: a factor per item, of the shape of `predictions` or a leading part of it; 0 drops the item.
        axis: the axis or axes to reduce, with "mean" and "sum"; None reduces all.
        mask: True counts; shaped as `weights` may be. What it drops may be NaN.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none".

    Returns:
        In [0, ∞), in the unit of `predictions` squared; 0 only at predictions = targets. Gradient: 2 err, times
        over_penalty where err > 0.

    Raises:
        ValueError: shapes differ, an unknown reduction, or over_penalty ≤ 0.
        TypeError: predictions that are not floating point, or arrays of two frameworks.

    Source:
        Newey and Powell 1987, "Asymmetric least squares estimation and testing", doi:10.2307/1911031, eq. 2.1 (there
        τ and 1 − τ).

    Example:
        >>> asymmetric_mse_loss(np.array([3.0, 1.0]), np.array([1.0, 3.0]), reduction="none")
        array([8., 4.])
    """
    over_penalty = positive("asymmetric_mse_loss", over_penalty=over_penalty)
    return per_element(
        "asymmetric_mse_loss",
        _asymmetric_mse,
        predictions,
        targets,
        weights,
        over_penalty=over_penalty,
        axis=axis,
        mask=mask,
        normalizer=normalizer,
        reduction=reduction,
    )


def _asymmetric_mse(xp: Namespace, predictions: Any, targets: Any, over_penalty: Any) -> Any:
    error = predictions - targets
    if isinstance(over_penalty, (int, float)):  # one pass less than a comparison
        pull = (xp.maximum if over_penalty >= 1 else xp.minimum)(error, over_penalty * error)
    else:
        pull = xp.where(error > 0, over_penalty * error, error)
    return error * pull, lambda: pull + pull
