"""What a loss of real and of fake scores is made of: a side for each, checked, and reduced by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..._core.backends import namespace
from ..._core.check import described, floating, in_range
from ..._core.options import known_reduction, true_or_false
from ..._core.reduce import Counted, counted, reduce
from ..._core.types import Reduction
from ..classification.curves import cross_entropy, cross_entropy_of_probability

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

REAL, FAKE = 1, 0


class Side(NamedTuple):
    """The scores of one batch, with those that do not count replaced."""

    xp: Namespace
    scores: Any
    items: Counted | None

    def cross_entropy(self, answer: int, from_logits: bool, label_smoothing: float = 0.0) -> Any:
        """How surprised the critic is by `answer`; `label_smoothing` is the share that goes to the other one."""
        xp = self.xp
        answers = xp.ones_like(self.scores) if answer == REAL else xp.zeros_like(self.scores)
        formula = cross_entropy if from_logits else cross_entropy_of_probability
        # The formula's own smoothing spreads ε over both answers.
        return xp.pointwise(formula, self.scores, answers, smoothing=2 * label_smoothing)

    def towards(self, sign: float) -> Any:
        """sign · scores."""
        return self.xp.pointwise(_signed, self.scores, sign=sign)

    def short_of(self, side: float) -> Any:
        """By how much side · scores stays below 1."""
        return self.xp.pointwise(_hinge, self.scores, side=side)

    def reduced(self, loss: str, losses: Any, normalizer: Any, reduction: Reduction) -> Any:
        """What the losses of these scores come to."""
        return reduce(loss, self.xp, losses, self.items, normalizer=normalizer, reduction=reduction)


# Slopes that do not depend on the score still show a score that is NaN.


def _signed(xp: Namespace, scores: Any, *, sign: float) -> Any:
    return sign * scores, lambda: xp.where(xp.isnan(scores), scores, sign)


def _hinge(xp: Namespace, scores: Any, *, side: float) -> Any:
    missing = xp.relu(1 - side * scores)
    return missing, lambda: -side * xp.sign(missing)


def one_side(
    loss: str,
    fake_scores: Any,
    weights: Any,
    mask: Any,
    normalizer: Any,
    reduction: Reduction,
    from_logits: bool = True,
) -> Side:
    """The scores that a generator's loss looks at."""
    true_or_false(loss, from_logits=from_logits)
    known_reduction(loss, reduction, None, normalizer)
    xp = namespace(loss, fake_scores=fake_scores, weights=weights, mask=mask)
    floating(loss, xp, fake_scores=fake_scores)
    (scores,) = xp.promote(fake_scores)
    return _side(loss, xp, "fake_scores", scores, counted(loss, xp, scores.shape, weights, mask, scores), from_logits)


def two_sides(
    loss: str,
    real_scores: Any,
    fake_scores: Any,
    weights: Any,
    fake_weights: Any,
    mask: Any,
    fake_mask: Any,
    normalizer: Any,
    reduction: Reduction,
    from_logits: bool = True,
) -> tuple[Side, Side]:
    """The scores of real and of fake examples, whose number may differ; `weights` and `mask` are both sides' unless
    the fake ones have their own.
    """
    true_or_false(loss, from_logits=from_logits)
    known_reduction(loss, reduction, None, normalizer)
    xp = namespace(
        loss,
        real_scores=real_scores,
        fake_scores=fake_scores,
        weights=weights,
        fake_weights=fake_weights,
        mask=mask,
        fake_mask=fake_mask,
    )
    _alike(loss, reduction, real_scores, fake_scores)
    floating(loss, xp, real_scores=real_scores, fake_scores=fake_scores)
    real, fake = xp.promote(real_scores, fake_scores)
    if real.shape != fake.shape:
        for name, both, own in (("weights", weights, fake_weights), ("mask", mask, fake_mask)):
            if both is not None and own is None:
                got = described(real_scores=real, fake_scores=fake)
                raise ValueError(f"{loss}: expected fake_{name} beside {name} for batches of different size; got {got}")
    fake_items = counted(
        loss,
        xp,
        fake.shape,
        weights if fake_weights is None else fake_weights,
        mask if fake_mask is None else fake_mask,
        fake,
        names=("weights" if fake_weights is None else "fake_weights", "mask" if fake_mask is None else "fake_mask"),
    )
    real_items = counted(loss, xp, real.shape, weights, mask, real)
    return (
        _side(loss, xp, "real_scores", real, real_items, from_logits),
        _side(loss, xp, "fake_scores", fake, fake_items, from_logits),
    )


def _alike(loss: str, reduction: Reduction, real: Any, fake: Any) -> None:
    """The batches may differ in size, nothing else may; a loss per item asks for pairs."""
    if len(real.shape) != len(fake.shape) or tuple(real.shape)[1:] != tuple(fake.shape)[1:]:
        got = described(real_scores=real, fake_scores=fake)
        raise ValueError(f"{loss}: expected scores that differ in the size of their batch (axis 0) at most; got {got}")
    if reduction == "none" and real.shape != fake.shape:
        got = described(real_scores=real, fake_scores=fake)
        hint = "; reduce each side by itself, or take batches of one size"
        raise ValueError(f"{loss}: expected scores of one shape with reduction 'none'; got {got}{hint}")


def _side(loss: str, xp: Namespace, name: str, scores: Any, items: Counted | None, from_logits: bool) -> Side:
    if items is not None:
        scores = xp.select(items.keep, scores, 0.0 if from_logits else 0.5)
    if not from_logits:
        scores = in_range(loss, xp, name, scores, 0.0, 1.0, note=" (probabilities, as from_logits=False says)")
    return Side(xp, scores, items)


def both(
    loss: str, real: Side, real_losses: Any, fake: Side, fake_losses: Any, normalizer: Any, reduction: Reduction
) -> Any:
    """The two sides, each reduced over its own batch, added up."""
    mean_real = real.reduced(loss, real_losses, normalizer, reduction)
    return mean_real + fake.reduced(loss, fake_losses, normalizer, reduction)
