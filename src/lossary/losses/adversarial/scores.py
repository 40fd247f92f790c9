"""Losses of a critic's scores of real and of generated examples.

A generator's loss looks at the scores of generated examples; a discriminator's adds up a mean over real and a mean over
generated ones, whose numbers may differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..._core.options import finite, smoothing, true_or_false
from ..._core.types import A, Bool, Float, Reduction
from ..regression import squared_error
from .sides import FAKE, REAL, Side, both, one_side, two_sides

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


def vanilla_generator_loss(
    fake_scores: Float[A, "*shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    from_logits: bool = True,
    saturating: bool = False,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How surprised the discriminator would be if generated examples were real, in nats: the generator's side.

        −log D,  D = sigmoid(fake_scores)
        saturating:  log(1 − D)

    The first has its slope where the discriminator is right, and is what is trained with; the second is the minimax
    game of the theory, and has none there. Needs a discriminator that is not much ahead; may drop modes of the data.

    Args:
        fake_scores: log-odds of being real (or probabilities) of generated examples, any shape with the batch along
            axis 0.
        weights: a factor per score, of the shape of `fake_scores` or a leading part of it; 0 drops the score.
        from_logits: False says that the scores are probabilities in [0, 1].
        saturating: take log(1 − D), the minimax game.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none".

    Returns:
        In [0, ∞), in nats; log 2 at score 0, near 0 where the discriminator is fooled. `saturating`: in (−∞, 0], with
        −log 2 at score 0. Gradient: D − 1 for each score, which does not fade where D is near 0; `saturating`: −D.

    Raises:
        ValueError: probabilities outside [0, 1], an option out of its range, or weights or a mask of another shape.
        TypeError: scores that are not floating point, or arrays of two frameworks.

    Source:
        Goodfellow et al. 2014, "Generative adversarial nets", arXiv:1406.2661, eq. 1 and section 3.

    Example:
        >>> vanilla_generator_loss(np.array([0.0])).round(4).item()  # log 2
        0.6931
    """
    name = "vanilla_generator_loss"
    true_or_false(name, saturating=saturating)
    fake = one_side(name, fake_scores, weights, mask, normalizer, reduction, from_logits)
    losses = -fake.cross_entropy(FAKE, from_logits) if saturating else fake.cross_entropy(REAL, from_logits)
    return fake.reduced(name, losses, normalizer, reduction)


def vanilla_discriminator_loss(
    real_scores: Float[A, "real *shape"],
    fake_scores: Float[A, "fake *shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    from_logits: bool = True,
    label_smoothing: float = 0.0,
    fake_weights: Float[A, "*leading_fake"] | None = None,
    mask: Bool[A, "*leading"] | None = None,
    fake_mask: Bool[A, "*leading_fake"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Binary cross entropy of the discriminator: real examples are yes, generated ones no; in nats.

        −(1 − s) log D(real) − s log(1 − D(real)) − log(1 − D(fake)),  D = sigmoid(score), s = label_smoothing

    The smoothing is one-sided: real answers are 1 − s, fake ones stay 0. At its optimum the loss measures the
    Jensen–Shannon divergence, 2 log 2 − 2 JS; where the discriminator is sure, the generator learns from
    `vanilla_generator_loss` unless that one is saturating.

    Args:
        real_scores: log-odds of being real (or probabilities) of real examples, any shape with the batch along axis 0.
        fake_scores: the same of generated examples, of that shape but for the size of the batch.
        weights: a factor per score, of the shape of the scores or a leading part of it; 0 drops the score. For both
            sides, unless `fake_weights` is given.
        from_logits: False says that the scores are probabilities in [0, 1].
        label_smoothing: s in [0, 1), the share of no in the answer to a real example.
        fake_weights: factors of the fake scores, where they are not those of the real ones.
        mask: True counts; shaped as `weights` may be. For both sides, unless `fake_mask` is given.
        fake_mask: the mask of the fake scores, where it is not that of the real ones.
        normalizer: > 0, replaces the denominators of "mean" and "batch_sum".
        reduction: "mean", "sum", "batch_sum" (sum within an example, mean over the batch), each taken over the real
            and over the fake batch and then added up; or "none", one sum per pair, for batches of one size.

    Returns:
        In [0, ∞), in nats; 2 log 2 at scores 0, near 0 where the discriminator is right (with smoothing never 0).
        Gradient: D − 1 + s for a real score, D for a fake one: over-confidence is pushed back if s > 0.

    Raises:
        ValueError: probabilities outside [0, 1], scores that differ in more than the size of their batch, an option
            out of its range.
        TypeError: scores that are not floating point, or arrays of two frameworks.

    Source:
        Goodfellow et al. 2014, "Generative adversarial nets", arXiv:1406.2661, eq. 1; smoothing: Salimans et al. 2016,
        "Improved techniques for training GANs", arXiv:1606.03498, section 3.4.

    Example:
        >>> vanilla_discriminator_loss(np.array([0.0]), np.array([0.0, 0.0])).round(4).item()  # log 2 + log 2
        1.3863
    """
    name = "vanilla_discriminator_loss"
    smoothing(name, label_smoothing)
    real, fake = two_sides(
        name,
        real_scores,
        fake_scores,
        weights,
        fake_weights,
        mask,
        fake_mask,
        normalizer,
        reduction,
        from_logits,
    )
    real_losses = real.cross_entropy(REAL, from_logits, label_smoothing)
    return both(name, real, real_losses, fake, fake.cross_entropy(FAKE, from_logits), normalizer, reduction)


def least_squares_generator_loss(
    fake_scores: Float[A, "*shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    target_real: float = 1.0,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Half the squared distance of generated examples' scores from those that real ones are to have.

        ½ (fake_scores − target_real)²

    The ½ is the paper's. Examples far on the right side are pulled back too, so gradients do not fade: steadier than
    `vanilla_generator_loss`.

    Args:
        fake_scores: scores, of any unit, of generated examples, any shape with the batch along axis 0.
        weights: a factor per score, of the shape of `fake_scores` or a leading part of it; 0 drops the score.
        target_real: the score of a real example.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none".

    Returns:
        In [0, ∞), in the unit of the scores squared; 0 only at fake_scores = target_real, ½ at score 0. Gradient:
        fake_scores − target_real.

    Raises:
        ValueError: an option out of its range, or weights or a mask of another shape.
        TypeError: scores that are not floating point, or arrays of two frameworks.

    Source:
        Mao et al. 2017, "Least squares generative adversarial networks", arXiv:1611.04076, eq. 2.

    Example:
        >>> least_squares_generator_loss(np.array([0.0])).item()
        0.5
    """
    name = "least_squares_generator_loss"
    target_real = finite(name, target_real=target_real)
    fake = one_side(name, fake_scores, weights, mask, normalizer, reduction)
    return fake.reduced(name, _half_square(fake, target_real), normalizer, reduction)


def least_squares_discriminator_loss(
    real_scores: Float[A, "real *shape"],
    fake_scores: Float[A, "fake *shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    target_real: float = 1.0,
    target_fake: float = 0.0,
    fake_weights: Float[A, "*leading_fake"] | None = None,
    mask: Bool[A, "*leading"] | None = None,
    fake_mask: Bool[A, "*leading_fake"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Half the squared distances of real and of generated examples' scores from their targets.

        ½ (real_scores − target_real)² + ½ (fake_scores − target_fake)²

    Both ½ are the paper's: at the worst of answers in {0, 1} the loss is 1, not 2.

    Args:
        real_scores: scores, of any unit, of real examples, any shape with the batch along axis 0.
        fake_scores: scores, of any unit, of generated examples, of that shape but for the size of the batch.
        weights: a factor per score, of the shape of the scores or a leading part of it; 0 drops the score. For both
            sides, unless `fake_weights` is given.
        target_real: the score that real examples are to have.
        target_fake: the score that generated examples are to have.
        fake_weights: factors of the fake scores, where they are not those of the real ones.
        mask: True counts; shaped as `weights` may be. For both sides, unless `fake_mask` is given.
        fake_mask: the mask of the fake scores, where it is not that of the real ones.
        normalizer: > 0, replaces the denominators of "mean" and "batch_sum".
        reduction: "mean", "sum", "batch_sum" (sum within an example, mean over the batch), each taken over the real
            and over the fake batch and then added up; or "none", one sum per pair, for batches of one size.

    Returns:
        In [0, ∞), in the unit of the scores squared; 0 only where both scores are at their targets. Gradient: score −
        target on each side.

    Raises:
        ValueError: scores that differ in more than the size of their batch, an option out of its range.
        TypeError: scores that are not floating point, or arrays of two frameworks.

    Source:
        Mao et al. 2017, "Least squares generative adversarial networks", arXiv:1611.04076, eq. 2.

    Example:
        >>> least_squares_discriminator_loss(np.array([0.0]), np.array([1.0])).item()  # wrong on both sides
        1.0
    """
    name = "least_squares_discriminator_loss"
    target_real, target_fake = finite(name, target_real=target_real, target_fake=target_fake)
    real, fake = two_sides(
        name, real_scores, fake_scores, weights, fake_weights, mask, fake_mask, normalizer, reduction
    )
    real_losses, fake_losses = _half_square(real, target_real), _half_square(fake, target_fake)
    return both(name, real, real_losses, fake, fake_losses, normalizer, reduction)


def _half_square(side: Side, target: Any) -> Any:
    xp = side.xp
    return 0.5 * xp.pointwise(squared_error, side.scores, target * xp.ones_like(side.scores), difference=True)


def wasserstein_generator_loss(
    fake_scores: Float[A, "*shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Minus the critic's score of generated examples.

        −fake_scores

    The critic must be held to slope 1: by `gradient_penalty`, or by clipped weights.

    Args:
        fake_scores: scores, of any unit, of generated examples, any shape with the batch along axis 0.
        weights: a factor per score, of the shape of `fake_scores` or a leading part of it; 0 drops the score.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none".

    Returns:
        In (−∞, ∞), in the unit of the scores, without a minimum of its own. Gradient: −1 for each score.

    Raises:
        ValueError: an option out of its range, or weights or a mask of another shape.
        TypeError: scores that are not floating point, or arrays of two frameworks.

    Source:
        Arjovsky et al. 2017, "Wasserstein GAN", arXiv:1701.07875, algorithm 1.

    Example:
        >>> wasserstein_generator_loss(np.array([1.0, 2.0])).item()
        -1.5
    """
    name = "wasserstein_generator_loss"
    fake = one_side(name, fake_scores, weights, mask, normalizer, reduction)
    return fake.reduced(name, fake.towards(-1.0), normalizer, reduction)


def wasserstein_discriminator_loss(
    real_scores: Float[A, "real *shape"],
    fake_scores: Float[A, "fake *shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    fake_weights: Float[A, "*leading_fake"] | None = None,
    mask: Bool[A, "*leading"] | None = None,
    fake_mask: Bool[A, "*leading_fake"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """The critic's mean score of generated examples less that of real ones: minus an estimate of their distance.

        fake_scores − real_scores

    The critic must be held to slope 1, by `gradient_penalty` or by clipped weights; then the loss falls as the
    generator improves, and its curve means something.

    Args:
        real_scores: scores, of any unit, of real examples, any shape with the batch along axis 0.
        fake_scores: scores, of any unit, of generated examples, of that shape but for the size of the batch.
        weights: a factor per score, of the shape of the scores or a leading part of it; 0 drops the score. For both
            sides, unless `fake_weights` is given.
        fake_weights: factors of the fake scores, where they are not those of the real ones.
        mask: True counts; shaped as `weights` may be. For both sides, unless `fake_mask` is given.
        fake_mask: the mask of the fake scores, where it is not that of the real ones.
        normalizer: > 0, replaces the denominators of "mean" and "batch_sum".
        reduction: "mean", "sum", "batch_sum" (sum within an example, mean over the batch), each taken over the real
            and over the fake batch and then added up; or "none", one sum per pair, for batches of one size.

    Returns:
        In (−∞, ∞), in the unit of the scores, without a minimum of its own; 0 where the critic cannot tell the two
        apart. Gradient: −1 for a real score, 1 for a fake one.

    Raises:
        ValueError: scores that differ in more than the size of their batch, an option out of its range.
        TypeError: scores that are not floating point, or arrays of two frameworks.

    Source:
        Arjovsky et al. 2017, "Wasserstein GAN", arXiv:1701.07875, eq. 2 and algorithm 1.

    Example:
        >>> wasserstein_discriminator_loss(np.array([3.0]), np.array([1.0, 2.0])).item()
        -1.5
    """
    name = "wasserstein_discriminator_loss"
    real, fake = two_sides(
        name, real_scores, fake_scores, weights, fake_weights, mask, fake_mask, normalizer, reduction
    )
    if fake_weights is None and fake_mask is None and real.scores.shape == fake.scores.shape:
        # Pair by pair: two means are rounded at the size of an offset that all scores share.
        gaps = real.xp.pointwise(_gap, fake.scores, real.scores, difference=True)
        return real.reduced(name, gaps, normalizer, reduction)
    return both(name, real, real.towards(-1.0), fake, fake.towards(1.0), normalizer, reduction)


def _gap(xp: Namespace, fake: Any, real: Any) -> Any:
    gap = fake - real
    return gap, lambda: xp.where(xp.isnan(gap), gap, 1.0)


def hinge_generator_loss(
    fake_scores: Float[A, "*shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Minus the discriminator's score of generated examples: the partner of `hinge_discriminator_loss`.

        −fake_scores

    Args:
        fake_scores: scores, of any unit, of generated examples, any shape with the batch along axis 0.
        weights: a factor per score, of the shape of `fake_scores` or a leading part of it; 0 drops the score.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none".

    Returns:
        In (−∞, ∞), in the unit of the scores, without a minimum of its own. Gradient: −1 for each score.

    Raises:
        ValueError: an option out of its range, or weights or a mask of another shape.
        TypeError: scores that are not floating point, or arrays of two frameworks.

    Source:
        Miyato et al. 2018, "Spectral normalization for generative adversarial networks", arXiv:1802.05957, eq. 17.

    Example:
        >>> hinge_generator_loss(np.array([1.0, 2.0])).item()
        -1.5
    """
    name = "hinge_generator_loss"
    fake = one_side(name, fake_scores, weights, mask, normalizer, reduction)
    return fake.reduced(name, fake.towards(-1.0), normalizer, reduction)


def hinge_discriminator_loss(
    real_scores: Float[A, "real *shape"],
    fake_scores: Float[A, "fake *shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    fake_weights: Float[A, "*leading_fake"] | None = None,
    mask: Bool[A, "*leading"] | None = None,
    fake_mask: Bool[A, "*leading_fake"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How far real scores stay below 1, and fake ones above −1.

        max(0, 1 − real_scores) + max(0, 1 + fake_scores)

    Examples beyond the margin are left alone. Usual with spectral normalisation.

    Args:
        real_scores: scores of real examples, any shape with the batch along axis 0.
        fake_scores: scores of generated examples, of that shape but for the size of the batch.
        weights: a factor per score, of the shape of the scores or a leading part of it; 0 drops the score. For both
            sides, unless `fake_weights` is given.
        fake_weights: factors of the fake scores, where they are not those of the real ones.
        mask: True counts; shaped as `weights` may be. For both sides, unless `fake_mask` is given.
        fake_mask: the mask of the fake scores, where it is not that of the real ones.
        normalizer: > 0, replaces the denominators of "mean" and "batch_sum".
        reduction: "mean", "sum", "batch_sum" (sum within an example, mean over the batch), each taken over the real
            and over the fake batch and then added up; or "none", one sum per pair, for batches of one size.

    Returns:
        In [0, ∞), in the unit of the scores; 0 where all scores are beyond their margins, 2 at scores 0. Gradient: −1
        for a real score below 1, 1 for a fake one above −1, 0 beyond and at the margins.

    Raises:
        ValueError: scores that differ in more than the size of their batch, an option out of its range.
        TypeError: scores that are not floating point, or arrays of two frameworks.

    Source:
        Miyato et al. 2018, "Spectral normalization for generative adversarial networks", arXiv:1802.05957, eq. 16; Lim
        and Ye 2017, "Geometric GAN", arXiv:1705.02894.

    Example:
        >>> hinge_discriminator_loss(np.array([0.5, 3.0]), np.array([0.0, -2.0])).item()  # ½ / 2 + 1 / 2
        0.75
    """
    name = "hinge_discriminator_loss"
    real, fake = two_sides(
        name, real_scores, fake_scores, weights, fake_weights, mask, fake_mask, normalizer, reduction
    )
    return both(name, real, real.short_of(1.0), fake, fake.short_of(-1.0), normalizer, reduction)
