"""Penalties on a critic's gradient towards its inputs, which keep it smooth."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

from ..._core.backends import namespace
from ..._core.check import described, floating, in_range, same_shape
from ..._core.options import drawn, known_reduction, non_negative, true_or_false
from ..._core.reduce import counted, reduce
from ..._core.types import A, Bool, Float, Reduction

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


def gradient_penalty(
    critic: Callable[[A], A],
    real: Float[A, "batch *shape"],
    fake: Float[A, "batch *shape"],
    weights: Float[A, "batch"] | None = None,
    *,
    key: Any = None,
    interpolation: Float[A, "batch"] | None = None,
    target: float = 1.0,
    one_sided: bool = False,
    mask: Bool[A, "batch"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How far the critic's slope is from `target` between real and generated examples: WGAN-GP.

        (‖∇ critic(x)‖ − target)²,  x = u real + (1 − u) fake,  one u in [0, 1) per example
        one_sided:  max(0, ‖∇ critic(x)‖ − target)²

    Multiply it by the paper's λ = 10 and add it to `wasserstein_discriminator_loss`. The norm is Euclidean, over all of
    an example. The critic must score every example by itself (no batch normalisation), or its slope is not that of one
    example. Detach `fake` from the generator. PyTorch and JAX only: NumPy has no gradients.

    Args:
        critic: a function of a batch, `nn.Module` or `nnx.Module`, that gives one score per example or several, which
            are added up; batch along axis 0.
        real: real examples, batch along axis 0.
        fake: generated examples, of the shape of `real`.
        weights: one factor per example; 0 drops the example.
        key: randomness for u: a `torch.Generator` (on the data's device) or a JAX key.
        interpolation: u itself, one number in [0, 1] per example, instead of `key`.
        target: ≥ 0, the slope that costs nothing.
        one_sided: let smaller slopes be.
        mask: one boolean per example; True counts.
        normalizer: > 0, replaces the denominator of the mean.
        reduction: "mean" or "batch_sum" (both the mean over examples), "sum", or "none" (one per example).

    Returns:
        In [0, ∞), in units of score per unit of data, squared; target² for a constant critic. Gradient: towards the
        critic's parameters, by a second differentiation; finite where the slope is 0.

    Raises:
        ValueError: shapes differ, both or none of `key` and `interpolation`, a critic that gives no score per example,
            an option out of its range.
        TypeError: data that are not floating point, NumPy arrays, or arrays of two frameworks.

    Source:
        Gulrajani et al. 2017, "Improved training of Wasserstein GANs", arXiv:1704.00028, eq. 3; one-sided: its
        section 4, and Petzka et al. 2018, arXiv:1709.08894.

    Example:
        >>> real, fake, u = xp.zeros((2, 3)), xp.ones((2, 3)), xp.zeros((2,))  # xp: a framework that has gradients
        >>> gradient_penalty(lambda x: 2 * x[:, 0], real, fake, interpolation=u).item()  # slope 2: (2 − 1)²
        1.0
    """
    name = "gradient_penalty"
    target = non_negative(name, target=target)
    true_or_false(name, one_sided=one_sided)
    known_reduction(name, reduction, None, normalizer)
    xp = namespace(name, real=real, fake=fake, weights=weights, interpolation=interpolation, mask=mask)
    same_shape(name, real=real, fake=fake)
    floating(name, xp, real=real, fake=fake, interpolation=interpolation)
    _batched(name, real=real)
    if (key is None) == (interpolation is None):
        got = "neither" if key is None else "both"
        raise ValueError(f"{name}: expected key (for random points) or interpolation, one of the two; got {got}")
    wide_real, wide_fake = xp.promote(real, fake)
    items = counted(name, xp, real.shape[:1], weights, mask, wide_real)
    if items is not None:
        keep = _per_example(xp, items.keep, real)
        wide_real, wide_fake = xp.select(keep, wide_real, 0.0), xp.select(keep, wide_fake, 0.0)
    u = (
        drawn(name, xp, xp.uniform, key, real.shape[:1], wide_real)
        if interpolation is None
        else _given(name, xp, interpolation, wide_real)
    )
    u = _per_example(xp, u, real)
    slopes = _slopes(name, xp, critic, u * wide_real + (1 - u) * wide_fake, real, items)
    excess = xp.norm(slopes, axis=1) - target
    if one_sided:
        excess = xp.relu(excess)
    return reduce(name, xp, excess * excess, items, normalizer=normalizer, reduction=reduction)


def r1_penalty(
    critic: Callable[[A], A],
    real: Float[A, "batch *shape"],
    weights: Float[A, "batch"] | None = None,
    *,
    mask: Bool[A, "batch"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """The critic's squared slope at real examples; at generated ones it is the R2 penalty.

        ‖∇ critic(real)‖²

    Multiply it by γ / 2, as the paper does (γ = 10), and add it to the discriminator's loss. R2 is
    `r1_penalty(critic, fake)`. PyTorch and JAX only: NumPy has no gradients.

    Args:
        critic: a function of a batch, `nn.Module` or `nnx.Module`, that gives one score per example or several, which
            are added up; batch along axis 0.
        real: the examples, batch along axis 0.
        weights: one factor per example; 0 drops the example.
        mask: one boolean per example; True counts.
        normalizer: > 0, replaces the denominator of the mean.
        reduction: "mean" or "batch_sum" (both the mean over examples), "sum", or "none" (one per example).

    Returns:
        In [0, ∞), in units of score per unit of data, squared; 0 for a critic that is flat there. Gradient: towards
        the critic's parameters, by a second differentiation.

    Raises:
        ValueError: a critic that gives no score per example, or an option out of its range.
        TypeError: data that are not floating point, NumPy arrays, or arrays of two frameworks.

    Source:
        Mescheder et al. 2018, "Which training methods for GANs do actually converge?", arXiv:1801.04406, eq. 9.

    Example:
        >>> real = xp.zeros((2, 3))  # xp: a framework that has gradients
        >>> r1_penalty(lambda x: 3 * x[:, 0] + 4 * x[:, 1], real).item()  # 3² + 4²
        25.0
    """
    name = "r1_penalty"
    known_reduction(name, reduction, None, normalizer)
    xp = namespace(name, real=real, weights=weights, mask=mask)
    floating(name, xp, real=real)
    _batched(name, real=real)
    (wide,) = xp.promote(real)
    items = counted(name, xp, real.shape[:1], weights, mask, wide)
    if items is not None:
        wide = xp.select(_per_example(xp, items.keep, real), wide, 0.0)
    slopes = _slopes(name, xp, critic, wide, real, items)
    return reduce(name, xp, xp.sum(slopes * slopes, axis=1), items, normalizer=normalizer, reduction=reduction)


def _slopes(loss: str, xp: Namespace, critic: Callable[[Any], Any], at: Any, like: Any, items: Any) -> Any:
    """The gradient of each example's score, one row an example, in at least single precision."""
    if xp.NAME == "numpy":
        raise TypeError(f"{loss}: expected torch or JAX arrays, which have gradients; got numpy")
    if not callable(critic):
        raise TypeError(f"{loss}: expected critic to be a function of examples; got critic {critic!r}")

    def scores(examples: Any) -> Any:
        found = critic(examples)
        if not hasattr(found, "shape") or tuple(found.shape)[:1] != tuple(at.shape)[:1]:
            got = f"shape {tuple(found.shape)}" if hasattr(found, "shape") else type(found).__name__
            raise ValueError(f"{loss}: expected critic to give a score per example, batch {at.shape[0]}; got {got}")
        floating(loss, xp, **{"the scores of critic": found})
        return found

    # The critic sees the dtype that its examples have; the slopes are squared in a wider one.
    (slopes,) = xp.promote(xp.gradient(scores, xp.astype(at, like)))
    slopes = xp.reshape(slopes, (at.shape[0], prod(at.shape[1:])))
    return slopes if items is None else xp.select(_per_example(xp, items.keep, slopes), slopes, 0.0)


def _given(loss: str, xp: Namespace, interpolation: Any, like: Any) -> Any:
    if tuple(interpolation.shape) != tuple(like.shape)[:1]:
        got = described(interpolation=interpolation)
        raise ValueError(f"{loss}: expected interpolation of shape {tuple(like.shape)[:1]}, one per example; got {got}")
    return in_range(loss, xp, "interpolation", xp.astype(interpolation, like), 0.0, 1.0)


def _batched(loss: str, **arrays: Any) -> None:
    for name, array in arrays.items():
        if len(array.shape) == 0:
            raise ValueError(f"{loss}: expected {name} with a batch axis; got {described(**{name: array})}")


def _per_example(xp: Namespace, numbers: Any, like: Any) -> Any:
    """One number per example, laid along axis 0."""
    return xp.reshape(numbers, (like.shape[0],) + (1,) * (len(like.shape) - 1))
