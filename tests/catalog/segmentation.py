"""Losses of masks and class maps: their cases, and the same losses by plain formulas.

Where the sums run over the batch there is one loss for all; where each example has its own, an item is an example.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np

import lossary
from tests.support import properties as law
from tests.support.case import Bad, Case, no_class, outside_unit
from tests.support.inputs import ONE_WITHOUT, PER_CLASS, Arrays, Maker, Shape, answers, f32, without_classes
from tests.support.layout import ANSWERED, CLASS_AXIS, LABELLED, Layout
from tests.support.references import Array, Reference

ARRAYS = {"probs", "logits", "targets", "labels"}
OPTIONS = {
    *("smooth", "alpha", "beta", "gamma", "from_logits", "per_example", "average", "ignore_index"),
    *("class_weights", "include_background", "classes", "ce_weight", "dice_weight"),
}
EXAMPLE = "dice"

# ---- by plain formulas ----

Score = Callable[..., Array]  # (TP, FP, FN, **options) → losses


def dice(tp: Array, fp: Array, fn: Array, smooth: float = 1.0) -> Array:
    return 1 - (2 * tp + smooth) / (2 * tp + fp + fn + smooth)


def jaccard(tp: Array, fp: Array, fn: Array, smooth: float = 1.0) -> Array:
    return 1 - (tp + smooth) / (tp + fp + fn + smooth)


def tversky(tp: Array, fp: Array, fn: Array, alpha: float = 0.5, beta: float = 0.5, smooth: float = 1.0) -> Array:
    return 1 - (tp + smooth / 2) / (tp + alpha * fp + beta * fn + smooth / 2)


def focal_tversky(
    tp: Array, fp: Array, fn: Array, alpha: float = 0.3, beta: float = 0.7, gamma: float = 0.75, smooth: float = 1.0
) -> Array:
    return tversky(tp, fp, fn, alpha, beta, smooth) ** gamma


def softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(CLASS_AXIS, keepdims=True))
    return powers / powers.sum(CLASS_AXIS, keepdims=True)


def averaged(losses: Array, weights: Array, axis: int) -> Array:
    weights = np.broadcast_to(weights, losses.shape)
    return np.asarray((losses * weights).sum(axis) / weights.sum(axis))


def of_masks(score: Score) -> Callable[..., Array]:
    """A score of yes-or-no masks."""

    def reference(
        probs: Array,
        targets: Array,
        *,
        from_logits: bool = False,
        per_example: bool = False,
        average: str = "micro",
        ignore_index: float | None = None,
        **options: Any,
    ) -> Array:
        keep = np.ones(targets.shape) if ignore_index is None else (targets != ignore_index).astype(float)
        p = 1 / (1 + np.exp(-probs)) if from_logits else probs
        t = np.where(keep == 1, targets, 0.0)
        kept = [axis for axis in (0, 1) if (axis == 0 and per_example) or (axis == 1 and average == "macro")]
        over = tuple(axis for axis in range(p.ndim) if axis not in kept)
        counts = [(keep * part).sum(over) for part in (p * t, p * (1 - t), (1 - p) * t)]
        losses = score(*counts, **options)
        return losses.mean(-1) if average == "macro" else np.asarray(losses)

    return reference


def of_batch(reference: Callable[..., Array]) -> Callable[..., Array]:
    """The mean of what a reference gives."""
    return lambda **kwargs: np.asarray(reference(**kwargs).mean())


def one_hot(labels: Array, classes: int) -> Array:
    return np.moveaxis(np.eye(classes)[labels], -1, CLASS_AXIS)


def class_weighting(
    counts: Array, class_weights: Any = None, include_background: bool = True, classes: str = "all"
) -> Array:
    """What each class weighs in the mean; `counts` is how many pixels have its label."""
    weights = np.ones(counts.shape) if class_weights is None else np.ones(counts.shape) * np.asarray(class_weights)
    if not include_background:
        weights[..., 0] = 0
    return np.where(counts > 0, weights, 0.0) if classes == "present" else weights


def of_classes(score: Score) -> Callable[..., Array]:
    """A score of class maps."""

    def reference(
        logits: Array,
        labels: Array,
        *,
        per_example: bool = False,
        average: str = "macro",
        ignore_index: int | None = -100,
        class_weights: Any = None,
        include_background: bool = True,
        classes: str = "all",
        **options: Any,
    ) -> Array:
        keep = np.expand_dims(labels != ignore_index, CLASS_AXIS).astype(float)
        p, t = softmax(logits), one_hot(np.where(labels == ignore_index, 0, labels), logits.shape[CLASS_AXIS])
        over = tuple(axis for axis in range(p.ndim) if axis != CLASS_AXIS and not (axis == 0 and per_example))
        tp, fp, fn = [(keep * part).sum(over) for part in (p * t, p * (1 - t), (1 - p) * t)]
        weights = class_weighting((keep * t).sum(over), class_weights, include_background, classes)
        if average == "micro":
            return np.asarray(score(*[(weights * part).sum(-1) for part in (tp, fp, fn)], **options))
        return averaged(score(tp, fp, fn, **options), weights, -1)

    return reference


def dice_cross_entropy(
    logits: Array, labels: Array, *, ce_weight: float = 0.5, dice_weight: float = 0.5, **options: Any
) -> Array:
    ignore_index, class_weights = options.get("ignore_index", -100), options.get("class_weights")
    rows = np.moveaxis(softmax(logits), CLASS_AXIS, -1)[labels != ignore_index]
    own = labels[labels != ignore_index]
    v = np.ones(len(own)) if class_weights is None else np.asarray(class_weights)[own]
    entropy = (v * -np.log(rows[np.arange(len(own)), own])).sum() / v.sum()
    overlap = of_classes(dice)(logits, labels, **options)
    return np.asarray(ce_weight * entropy + dice_weight * overlap.mean())


def lovasz(errors: Array, truth: Array) -> Array:
    """The paper's algorithm 1, along the last axis."""
    order = np.argsort(-errors, axis=-1, kind="stable")
    errors, truth = np.take_along_axis(errors, order, -1), np.take_along_axis(truth, order, -1)
    right = truth.sum(-1, keepdims=True) - truth.cumsum(-1)
    union = truth.sum(-1, keepdims=True) + (1 - truth).cumsum(-1)
    steps = np.diff(1 - right / union, axis=-1, prepend=0.0)
    return (np.maximum(errors, 0) * steps).sum(-1)


def lovasz_hinge(
    logits: Array, targets: Array, *, per_example: bool = False, ignore_index: float | None = None
) -> Array:
    rows = [(x[t != ignore_index], t[t != ignore_index]) for x, t in zip(logits, targets, strict=True)]
    if not per_example:
        rows = [tuple(np.concatenate(parts) for parts in zip(*rows, strict=True))]
    found = np.array([lovasz(1 - x * (2 * t - 1), t) for x, t in rows])
    return found if per_example else np.asarray(found[0])


def lovasz_softmax(
    logits: Array,
    labels: Array,
    *,
    per_example: bool = False,
    ignore_index: int | None = -100,
    class_weights: Any = None,
    include_background: bool = True,
    classes: str = "present",
) -> Array:
    keep = labels != ignore_index
    shares = np.moveaxis(softmax(logits), CLASS_AXIS, -1)
    items = [(p[k], y[k]) for p, y, k in zip(shares, labels, keep, strict=True)] if per_example else None
    found = []
    for p, y in items or [(shares[keep], labels[keep])]:
        truth = np.eye(p.shape[-1])[y].T
        weights = class_weighting(truth.sum(-1), class_weights, include_background, classes)
        found.append(averaged(lovasz(abs(truth - p.T), truth), weights, -1))
    return np.array(found) if per_example else np.asarray(found[0])


# ---- the inputs ----


def masks(rng: np.random.Generator, shape: Shape) -> Arrays:
    return {"probs": answers(rng, shape), "targets": answers(rng, shape)}


def scored_masks(rng: np.random.Generator, shape: Shape) -> Arrays:
    return {"probs": f32(3 * rng.normal(size=shape)), "targets": answers(rng, shape)}


def hard_masks(rng: np.random.Generator, shape: Shape) -> Arrays:
    return {"logits": f32(2 * rng.normal(size=shape)), "targets": rng.integers(0, 2, shape).astype(float)}


def maps(several: bool = False) -> Maker:
    """Class scores and labels; `several`, with four pixels in an example that would have one."""

    def make(rng: np.random.Generator, shape: Shape) -> Arrays:
        shape = (*shape, 4) if several and len(shape) == 2 else shape
        labels = rng.integers(0, shape[CLASS_AXIS], without_classes(shape))
        return {"logits": f32(3 * rng.normal(size=shape)), "labels": labels}

    return make


EDGES = {"probs": np.array([[0.0, 1.0, 0.5, 0.5, 0.25]]), "targets": np.array([[0.0, 1.0, 0.0, 1.0, 0.5]])}
EMPTY = {"probs": np.zeros((1, 5)), "targets": np.zeros((1, 5))}
MARGINS = {"logits": np.array([[1.0, -1.0, 1.0, 0.0, 0.0]]), "targets": np.array([[1.0, 0.0, 0.0, 1.0, 0.0]])}
EQUAL = {"logits": np.zeros((1, 5)), "labels": np.array([2])}
EQUAL_EACH = {"logits": np.zeros((1, 5, 4)), "labels": np.array([[2, 0, 0, 1]])}

# ---- the cases ----

WRONG_MASKS = (*outside_unit("targets"), *outside_unit("probs", " (logits need from_logits=True)"))
WRONG_CLASSES = (
    *no_class("labels"),
    Bad("class_weights", -1.0, "class_weights >= 0", {"class_weights": np.array(PER_CLASS)}),
)
PER_EXAMPLE = {"per_example": True}
EACH_MASK, EACH_MAP = Layout("example", "probs"), Layout("example", "logits")

CORE = ({"smooth": 0.0}, {"from_logits": True}, {"ignore_index": -1}, {"average": "macro"})
CLASS_CORE: tuple[dict[str, Any], ...] = (
    {"smooth": 0.0},
    {"ignore_index": 2},
    {"average": "micro", "include_background": False, "smooth": 10.0},
    {"class_weights": np.array(ONE_WITHOUT), "classes": "present", "ignore_index": None},
    {"average": "micro", "class_weights": PER_CLASS},
)


def binary(name: str, fn: Callable[..., Any], score: Score, *options: dict[str, Any]) -> tuple[Case, Case]:
    """The losses of a batch, and of each example."""
    settings: dict[str, Any] = {
        "fn": fn,
        "make": masks,
        "range": (0.0, 1.0),
    }
    several = {"average": "macro", "smooth": 0.5}
    return (
        Case(
            name=name,
            references=(Reference("closed form", of_batch(of_masks(score))),),
            layout=ANSWERED,
            kinks=EDGES,
            options=({}, *(CORE if name == "dice" else ()), *options, PER_EXAMPLE | several),
            bad=WRONG_MASKS,
            ignored="targets",
            per_item=False,
            independent=False,
            **settings,
        ),
        Case(
            name=f"{name}_per_example",
            references=(Reference("closed form", of_masks(score)),),
            layout=EACH_MASK,
            kinks={k: np.concatenate([EDGES[k], EMPTY[k]]) for k in EDGES},
            fixed=PER_EXAMPLE,
            options=({}, several, {"from_logits": True, "smooth": 0.0}),
            properties=(law.permutation_equivariant, law.in_range(0, 1)),
            masks="values",
            **settings,
        ),
    )


def multiclass(name: str, fn: Callable[..., Any], score: Score, *options: dict[str, Any]) -> tuple[Case, Case]:
    """The losses of a batch, and of each example."""
    settings: dict[str, Any] = {
        "fn": fn,
        "range": (0.0, 1.0),
        "soft": "dice_loss",
    }
    weighted = {"class_weights": PER_CLASS}
    return (
        Case(
            name=name,
            references=(Reference("closed form", of_batch(of_classes(score))),),
            layout=LABELLED,
            make=maps(),
            kinks=EQUAL,
            options=({}, *(CLASS_CORE if name == "multiclass_dice" else ()), *options, PER_EXAMPLE | weighted),
            bad=WRONG_CLASSES,
            ignored="labels",
            per_item=False,
            independent=False,
            **settings,
        ),
        Case(
            name=f"{name}_per_example",
            references=(Reference("closed form", of_classes(score)),),
            layout=EACH_MAP,
            make=maps(several=True),
            kinks=EQUAL_EACH,
            fixed=PER_EXAMPLE | {"channel_axis": CLASS_AXIS},
            options=(
                {},
                {"classes": "present", "include_background": False},
                weighted | {"average": "micro"},
                *options[:1],
            ),
            properties=(law.permutation_equivariant, law.in_range(0, 1), law.class_permutation_invariant("labels")),
            masks="values",
            **settings,
        ),
    )


TILTED = {"alpha": 0.9, "beta": 0.1}
FOCAL = ({"gamma": 2.0, **TILTED}, {"gamma": 0.5})

# All share one core, so that only two of them are tried with all of its options and by examples.
CASES = (
    *binary("dice", lossary.dice_loss, dice),
    *binary("jaccard", lossary.jaccard_loss, jaccard)[:1],
    *binary("tversky", lossary.tversky_loss, tversky, TILTED, {"alpha": 0.0, "beta": 1.0})[:1],
    *binary("focal_tversky", lossary.focal_tversky_loss, focal_tversky, *FOCAL)[:1],
    *multiclass("multiclass_dice", lossary.multiclass_dice_loss, dice),
    *multiclass("multiclass_jaccard", lossary.multiclass_jaccard_loss, jaccard)[:1],
    *multiclass("multiclass_tversky", lossary.multiclass_tversky_loss, tversky, TILTED, {"alpha": 0.0, "beta": 1.0})[
        :1
    ],
    *multiclass("multiclass_focal_tversky", lossary.multiclass_focal_tversky_loss, focal_tversky, *FOCAL)[:1],
    Case(
        name="dice_cross_entropy",
        fn=lossary.dice_cross_entropy_loss,
        layout=LABELLED,
        make=maps(),
        references=(Reference("closed form", dice_cross_entropy),),
        kinks=EQUAL,
        range=(0.0, inf),
        options=(
            {},
            {"ce_weight": 1.0, "dice_weight": 3.0, "smooth": 0.0},
            {"class_weights": PER_CLASS, "include_background": False, "ignore_index": 2},
            {"per_example": True, "classes": "present", "average": "micro"},
        ),
        bad=WRONG_CLASSES,
        ignored="labels",
        soft="dice_loss and soft_cross_entropy_loss",
        per_item=False,
        independent=False,
    ),
    Case(
        name="lovasz_hinge",
        fn=lossary.lovasz_hinge_loss,
        layout=ANSWERED,
        make=hard_masks,
        references=(Reference("closed form", lovasz_hinge),),
        kinks=MARGINS,
        range=(0.0, inf),
        options=({}, {"ignore_index": 0}, {"ignore_index": -1}),
        bad=outside_unit("targets"),
        ignored="targets",
        not_differentiable=("targets",),
        per_item=False,
        independent=False,
    ),
    Case(
        name="lovasz_hinge_per_example",
        fn=lossary.lovasz_hinge_loss,
        layout=Layout("example", "logits"),
        make=hard_masks,
        references=(Reference("closed form", lovasz_hinge),),
        kinks=MARGINS,
        range=(0.0, inf),
        fixed=PER_EXAMPLE,
        not_differentiable=("targets",),
        properties=(law.permutation_equivariant, law.convex("logits")),
        masks="values",
    ),
    Case(
        name="lovasz_softmax",
        fn=lossary.lovasz_softmax_loss,
        layout=LABELLED,
        make=maps(),
        references=(Reference("closed form", lovasz_softmax),),
        kinks=EQUAL,
        range=(0.0, 1.0),
        options=(
            {},
            {"classes": "all", "ignore_index": 2},
            {"class_weights": np.array(PER_CLASS), "include_background": False, "ignore_index": None},
        ),
        bad=WRONG_CLASSES,
        ignored="labels",
        soft="jaccard_loss",
        per_item=False,
        independent=False,
    ),
    Case(
        name="lovasz_softmax_per_example",
        fn=lossary.lovasz_softmax_loss,
        layout=EACH_MAP,
        make=maps(several=True),
        references=(Reference("closed form", lovasz_softmax),),
        kinks=EQUAL_EACH,
        range=(0.0, 1.0),
        fixed=PER_EXAMPLE | {"channel_axis": CLASS_AXIS},
        options=({}, {"classes": "all"}, {"class_weights": PER_CLASS}),
        soft="jaccard_loss",
        properties=(law.permutation_equivariant, law.in_range(0, 1), law.class_permutation_invariant("labels")),
        masks="values",
    ),
)
