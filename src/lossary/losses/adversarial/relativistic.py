"""Relativistic losses: not how real an example looks, but how much more real than its opponent."""

from __future__ import annotations

from typing import Any

from ..._core.backends import namespace
from ..._core.check import described, floating
from ..._core.options import known_reduction, true_or_false
from ..._core.reduce import Counted, counted, reduce
from ..._core.types import A, Bool, Float, Reduction
from .sides import FAKE, REAL, Side, both


def relativistic_generator_loss(
    real_scores: Float[A, "real *shape"],
    fake_scores: Float[A, "fake *shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    average: bool = False,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How surprised the critic would be if generated examples were more real than real ones, in nats.

        −log sigmoid(fake_scores − real_scores)
        average:  −log sigmoid(fake_scores − mean real_scores) − log(1 − sigmoid(real_scores − mean fake_scores))

    The generator learns from real examples too: they are to look less real. `average` is the RaGAN of ESRGAN; some
    code halves it.

    Args:
        real_scores: critic's scores of real examples, any shape with the batch along axis 0.
        fake_scores: critic's scores of generated examples, paired with them; of that shape. With `average` the batches
            may differ in size.
        weights: a factor per pair's loss, of the shape of the scores or a leading part of it; 0 drops the pair, also
            from the averages, which are over all that count alike.
        average: compare each score with the other side's mean over the batch, not with one partner.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominators of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none" (one
            per pair).

    Returns:
        In [0, ∞), in nats; log 2 (`average`: 2 log 2) where the critic cannot tell the two apart, near 0 where it is
        fooled. A constant added to all scores changes nothing. Gradient: towards both sides, equal and opposite.

    Raises:
        ValueError: scores of different shapes, or an option out of its range.
        TypeError: scores that are not floating point, or arrays of two frameworks.

    Source:
        Jolicoeur-Martineau 2018, "The relativistic discriminator", arXiv:1807.00734, section 4; pairs with penalties:
        Huang et al. 2024 (R3GAN), arXiv:2501.05441, eq. 2.

    Example:
        >>> relativistic_generator_loss(np.array([2.0]), np.array([2.0])).round(4).item()  # log 2
        0.6931
    """
    name = "relativistic_generator_loss"
    return _relative(name, REAL, real_scores, fake_scores, weights, average, mask, normalizer, reduction)


def relativistic_discriminator_loss(
    real_scores: Float[A, "real *shape"],
    fake_scores: Float[A, "fake *shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    average: bool = False,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How surprised the critic is that real examples are more real than generated ones, in nats.

        −log sigmoid(real_scores − fake_scores)
        average:  −log sigmoid(real_scores − mean fake_scores) − log(1 − sigmoid(fake_scores − mean real_scores))

    Args:
        real_scores: critic's scores of real examples, any shape with the batch along axis 0.
        fake_scores: critic's scores of generated examples, paired with them; of that shape. With `average` the batches
            may differ in size.
        weights: a factor per pair's loss, of the shape of the scores or a leading part of it; 0 drops the pair, also
            from the averages, which are over all that count alike.
        average: compare each score with the other side's mean over the batch, not with one partner.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominators of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none" (one
            per pair).

    Returns:
        In [0, ∞), in nats; log 2 (`average`: 2 log 2) where the critic cannot tell the two apart, near 0 where it is
        right. A constant added to all scores changes nothing. Gradient: towards both sides, equal and opposite.

    Raises:
        ValueError: scores of different shapes, or an option out of its range.
        TypeError: scores that are not floating point, or arrays of two frameworks.

    Source:
        Jolicoeur-Martineau 2018, "The relativistic discriminator", arXiv:1807.00734, section 4; pairs with penalties:
        Huang et al. 2024 (R3GAN), arXiv:2501.05441, eq. 2.

    Example:
        >>> relativistic_discriminator_loss(np.array([3.0]), np.array([3.0])).round(4).item()  # log 2
        0.6931
    """
    name = "relativistic_discriminator_loss"
    return _relative(name, FAKE, real_scores, fake_scores, weights, average, mask, normalizer, reduction)


def _relative(
    loss: str,
    fake_is: int,
    real_scores: Any,
    fake_scores: Any,
    weights: Any,
    average: bool,
    mask: Any,
    normalizer: Any,
    reduction: Reduction,
) -> Any:
    """`fake_is`: the answer about fake examples that costs nothing; about real ones, it is the other."""
    true_or_false(loss, average=average)
    known_reduction(loss, reduction, None, normalizer)
    xp = namespace(loss, real_scores=real_scores, fake_scores=fake_scores, weights=weights, mask=mask)
    real_is = REAL if fake_is == FAKE else FAKE
    in_pairs = not average or reduction == "none" or weights is not None or mask is not None
    first = 0 if in_pairs else 1
    if tuple(real_scores.shape)[first:] != tuple(fake_scores.shape)[first:]:
        got = described(real_scores=real_scores, fake_scores=fake_scores)
        raise ValueError(f"{loss}: expected arrays of one shape; got {got}")
    floating(loss, xp, real_scores=real_scores, fake_scores=fake_scores)
    real, fake = xp.promote(real_scores, fake_scores)
    items = counted(loss, xp, real.shape, weights, mask, real)
    if items is not None:
        real, fake = xp.select(items.keep, real, 0.0), xp.select(items.keep, fake, 0.0)
    if not average:
        pairs = Side(xp, real - fake, items)
        return pairs.reduced(loss, pairs.cross_entropy(real_is, True), normalizer, reduction)

    # Weights are those of losses: an average is over all scores that count.
    counting = None if items is None else Counted(items.keep, xp.astype(items.keep, real))

    def centred(scores: Any, others: Any) -> Side:
        # The mean is rounded at the size of an offset that all scores share; what is left of it corrects that.
        offset = xp.stop_gradient(reduce(loss, xp, others, counting))
        return Side(xp, (scores - offset) - reduce(loss, xp, others - offset, counting), items)

    real_side, fake_side = centred(real, fake), centred(fake, real)
    real_losses, fake_losses = real_side.cross_entropy(real_is, True), fake_side.cross_entropy(fake_is, True)
    return both(loss, real_side, real_losses, fake_side, fake_losses, normalizer, reduction)
