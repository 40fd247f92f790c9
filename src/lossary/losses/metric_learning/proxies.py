"""Losses of embeddings against one learned proxy a class, which stands for all embeddings of it."""

from __future__ import annotations

from math import inf, nan
from typing import TYPE_CHECKING, Any, Literal

from ..._core.check import in_range
from ..._core.options import array_or_none, non_negative, one_of, positive
from ..._core.types import A, Bool, Float, Int, Reduction
from ..classification.categorical import log_odds, reduced, surprise
from .cosines import cosines

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

DENOMINATORS = ("others", "all")


def proxy_nca_loss(
    embeddings: Float[A, "items features"],
    proxies: Float[A, "classes features"],
    labels: Int[A, "items"],
    weights: Float[A, "items"] | None = None,
    *,
    scale: float | A = 1.0,
    denominator: Literal["others", "all"] = "others",
    mask: Bool[A, "items"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How much nearer each embedding is to its own class's proxy than to the others', by a soft minimum.

        −log( exp(−s d²_y) / Σ_c exp(−s d²_c) ),  d_c = |e / |e| − p_c / |p_c||, s = scale
        the sum over c ≠ y ("others"), or over all classes ("all")

    "others" is the paper's loss: it has no minimum of 0 but may be negative, and pulls however well classes are told
    apart. "all" is a softmax, the cross entropy of logits 2 s cos, as ProxyNCA++ (Teh et al. 2020) and
    pytorch-metric-learning have it.

    Args:
        embeddings: one a row, of any length.
        proxies: one direction a class, a parameter to train, of any length.
        labels: class indices in [0, classes).
        weights: a factor per embedding; 0 drops it.
        scale: > 0, what squared distances are multiplied by: the inverse of a temperature.
        denominator: the classes that are summed over: "others" or "all".
        mask: True counts; shaped as `weights`.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (the mean, as there is one loss per embedding) or "none".

    Returns:
        In (−∞, ∞), in nats, at least log(classes − 1) − 4 · scale ("others"), or in (0, ∞) ("all"); 0 for a single
        class. Gradient: at right angles to each embedding and proxy, within about 4 · scale / length; 0 for a zero
        embedding, which has cosine 0 with everything.

    Raises:
        ValueError: shapes that do not fit, a label out of range, scale ≤ 0, an unknown denominator or reduction.
        TypeError: embeddings or proxies that are not floating point, labels that are not integers, or arrays of two
            frameworks.

    Source:
        Movshovitz-Attias et al. 2017, "No fuss distance metric learning using proxies", arXiv:1703.07464, eq. 6 with
        the distances of §3; "all" with a temperature: Teh, DeVries and Taylor 2020, arXiv:2004.01113, eq. 6.

    Example:
        >>> east, proxies = np.array([[1.0, 0.0]]), np.array([[2.0, 0.0], [0.0, 3.0]])
        >>> proxy_nca_loss(east, proxies, np.array([0])).round(4).item()  # 0² − |(1, 0) − (0, 1)|²
        -2.0
    """
    name = "proxy_nca_loss"
    scale = positive(name, scale=scale)
    one_of(name, "denominator", denominator, DENOMINATORS)
    given = {"embeddings": embeddings, "proxies": proxies}
    table = cosines(name, given, labels, weights, mask, normalizer, reduction, scale=array_or_none(scale))
    # −s d² = 2 s cos − 2 s, and a softmax does not see what all logits share.
    items = table.items._replace(logits=2 * scale * table.items.logits)
    alone = items.classes == 1  # nothing to tell the class from
    losses = surprise(table.xp, items) if alone or denominator == "all" else -log_odds(table.xp, items)
    return reduced(name, items, losses, normalizer, reduction)


def proxy_anchor_loss(
    embeddings: Float[A, "items features"],
    proxies: Float[A, "classes features"],
    labels: Int[A, "items"],
    weights: Float[A, "items"] | None = None,
    *,
    margin: float | A = 0.1,
    scale: float | A = 32.0,
    mask: Bool[A, "items"] | None = None,
) -> A:
    """Each proxy as an anchor, which draws the hardest embeddings of its class most and repels those of others.

        1/|P⁺| Σ_{p ∈ P⁺} log(1 + Σ_{x of class p} exp(−s (cos(x, p) − margin)))
        + 1/|P| Σ_p log(1 + Σ_{x of another class} exp(s (cos(x, p) + margin)))

    P are all proxies, P⁺ those with an embedding in the batch, s = scale. It is one number for the whole batch: the
    logarithms are of sums over embeddings, so there is no loss per embedding and no `reduction`.

    Args:
        embeddings: one a row, of any length.
        proxies: one direction a class, a parameter to train, of any length.
        labels: class indices in [0, classes).
        weights: ≥ 0, how often each embedding counts within the sums: 2 as if it were there twice, 0 drops it.
        margin: ≥ 0, a difference of cosines.
        scale: > 0, what a cosine is multiplied by: the inverse of a temperature.
        mask: True counts; shaped as `weights`.

    Returns:
        In [0, ∞), in nats; 0 for an empty batch, near 0 where cosines with the own proxy are well above `margin` and
        with all others well below −margin. Gradient: at right angles to each embedding and proxy, within about
        scale / length; 0 for a zero embedding, which has cosine 0 with everything.

    Raises:
        ValueError: shapes that do not fit, a label out of range, a negative weight, margin < 0 or scale ≤ 0.
        TypeError: embeddings or proxies that are not floating point, labels that are not integers, or arrays of two
            frameworks.

    Source:
        Kim et al. 2020, "Proxy anchor loss for deep metric learning", arXiv:2003.13911, eq. 4.

    Example:
        >>> east, proxies = np.array([[1.0, 0.0]]), np.array([[2.0, 0.0], [0.0, 3.0]])
        >>> value = proxy_anchor_loss(east, proxies, np.array([0]), margin=0.0, scale=1.0)
        >>> value.round(4).item()  # log(1 + e^−1) + ½ log(1 + e^0)
        0.6598
    """
    name = "proxy_anchor_loss"
    margin = non_negative(name, margin=margin)
    scale = positive(name, scale=scale)
    given = {"embeddings": embeddings, "proxies": proxies}
    options = {"margin": array_or_none(margin), "scale": array_or_none(scale)}
    table = cosines(name, given, labels, weights, mask, **options)
    xp, items = table.xp, table.items
    keep, often = None, 0.0
    if items.counted is not None:
        keep = xp.expand_dims(items.counted.keep, axis=1)
        times = in_range(name, xp, "weights", items.counted.factor, low=0.0)
        often = xp.expand_dims(xp.log(xp.where(items.counted.keep, times, 1.0)), axis=1)
    own = xp.positions(items.logits, axis=1) == xp.expand_dims(items.index, axis=1)
    if items.valid is not None:
        often = often + xp.expand_dims(xp.where(items.valid, 0.0, nan * xp.ones_like(items.logits[:, 0])), axis=1)
    with_own = own if keep is None else own & keep
    with_others = ~own if keep is None else ~own & keep
    if len(items.logits) == 0:
        return xp.sum(items.logits, axis=None) + xp.sum(table.classes * 0.0, axis=None)
    draws = _soft_sum(xp, -scale * (items.logits - margin) + often, with_own)
    repels = _soft_sum(xp, scale * (items.logits + margin) + often, with_others)
    present = xp.astype(xp.any(with_own, axis=0), draws)
    count = xp.sum(present, axis=None)
    return xp.sum(draws, axis=None) / xp.where(count == 0, 1.0, count) + xp.mean(repels, axis=None)


def _soft_sum(xp: Namespace, logits: Any, chosen: Any) -> Any:
    """log(1 + Σ exp logits) of each column, over the rows that are chosen."""
    return xp.softplus(xp.logsumexp(xp.where(chosen, logits, -inf), axis=0))
