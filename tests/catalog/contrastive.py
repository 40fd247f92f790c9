"""Losses that tell partners from others: their cases, and the same losses from outside."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np

import lossary
from tests.support import properties as law
from tests.support.case import Case
from tests.support.frameworks import Kwargs
from tests.support.inputs import Arrays, Maker, Shape, f32
from tests.support.layout import Layout
from tests.support.references import Array, Reference, tensor

ARRAYS = {"queries", "keys", "negatives", "z_i", "z_j", "embeddings", "labels", "image_embeddings", "text_embeddings"}
OPTIONS = {"temperature", "bias", "normalize"}

FEATURES = 5
QUEUE = f32(np.random.default_rng(7).normal(size=(4, FEATURES)))
LEARNED = {"temperature": np.array(0.25)}

# ---- from outside: loops over the pairs ----


def directions(vectors: Array, normalize: bool) -> Array:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths == 0, 1.0, lengths) if normalize else vectors


def surprise(scores: Any, own: float) -> float:
    """−log of the share that `own` has among the exponentials of all scores."""
    return float(np.logaddexp.reduce(np.asarray(scores)) - own)


def loop_info_nce(
    queries: Array,
    keys: Array,
    temperature: Any = 0.07,
    negatives: Array | None = None,
    normalize: bool = True,
) -> Array:
    queries, keys = directions(queries, normalize), directions(keys, normalize)
    losses = []
    for i, query in enumerate(queries):
        candidates = list(keys)
        if negatives is not None:
            candidates += list(directions(negatives if negatives.ndim == 2 else negatives[i], normalize))
        losses.append(surprise([query @ key / temperature for key in candidates], query @ keys[i] / temperature))
    return np.array(losses)


def loop_nt_xent(z_i: Array, z_j: Array, temperature: Any = 0.5, normalize: bool = True) -> Array:
    views, count = directions(np.concatenate([z_i, z_j]), normalize), len(z_i)
    losses = []
    for a, view in enumerate(views):
        others = [view @ other / temperature for k, other in enumerate(views) if k != a]
        losses.append(surprise(others, view @ views[(a + count) % (2 * count)] / temperature))
    return (np.array(losses[:count]) + np.array(losses[count:])) / 2


def loop_supcon(embeddings: Array, labels: Array, temperature: Any = 0.1, normalize: bool = True) -> Array:
    vectors = directions(embeddings, normalize)
    losses = []
    for i, vector in enumerate(vectors):
        others = [a for a in range(len(vectors)) if a != i]
        scores = [vector @ vectors[a] / temperature for a in others]
        partners = [vector @ vectors[p] / temperature for p in others if labels[p] == labels[i]]
        losses.append(sum(surprise(scores, own) for own in partners) / max(len(partners), 1))
    return np.array(losses)


def loop_clip(image_embeddings: Array, text_embeddings: Array, **options: Any) -> Array:
    there = loop_info_nce(image_embeddings, text_embeddings, **options)
    return (there + loop_info_nce(text_embeddings, image_embeddings, **options)) / 2


def loop_siglip(
    image_embeddings: Array,
    text_embeddings: Array,
    temperature: Any = 0.1,
    bias: Any = -10.0,
    normalize: bool = True,
) -> Array:
    images, texts = directions(image_embeddings, normalize), directions(text_embeddings, normalize)
    losses = []
    for i, image in enumerate(images):
        scores = [image @ text / temperature + bias for text in texts]
        losses.append(sum(np.logaddexp(0, -score if i == j else score) for j, score in enumerate(scores)))
    return np.array(losses)


# ---- from outside: torch, optax and the library of metric learning ----


def torch_rows(scores: Any, own: Any) -> Any:
    """torch's own cross entropy of rows of scores."""
    from torch.nn.functional import cross_entropy

    return cross_entropy(scores, own, reduction="none")


def torch_directions(vectors: Array) -> Any:
    from torch.nn.functional import normalize

    return normalize(tensor(vectors), dim=-1)


def torch_info_nce(queries: Array, keys: Array, temperature: Any = 0.07, negatives: Array | None = None) -> Array:
    import torch

    query, key = torch_directions(queries), torch_directions(keys)
    scores = query @ key.T
    if negatives is not None:
        wrong = torch_directions(negatives)
        extra = query @ wrong.T if wrong.ndim == 2 else torch.einsum("nd,nmd->nm", query, wrong)
        scores = torch.cat([scores, extra], dim=1)
    return torch_rows(scores / tensor(temperature), torch.arange(len(query))).numpy()


def torch_clip(image_embeddings: Array, text_embeddings: Array, temperature: Any = 0.07) -> Array:
    """As open_clip writes it, with logit_scale = 1 / temperature."""
    import torch

    scores = torch_directions(image_embeddings) @ torch_directions(text_embeddings).T / tensor(temperature)
    own = torch.arange(len(scores))
    return ((torch_rows(scores, own) + torch_rows(scores.T, own)) / 2).numpy()


def torch_siglip(image_embeddings: Array, text_embeddings: Array, temperature: Any = 0.1, bias: Any = -10.0) -> Array:
    """As the paper's algorithm writes it."""
    import torch
    from torch.nn.functional import logsigmoid

    scores = torch_directions(image_embeddings) @ torch_directions(text_embeddings).T / tensor(temperature) + tensor(
        bias
    )
    sign = 2 * torch.eye(len(scores), dtype=torch.float64) - 1
    return -logsigmoid(sign * scores).sum(1).numpy()


def pml_nt_xent(z_i: Array, z_j: Array, temperature: Any = 0.5) -> Array:
    """The mean over an item's two anchors, whose only positive is the other view."""
    from pytorch_metric_learning.losses import NTXentLoss

    return (
        _by_pml(NTXentLoss, np.concatenate([z_i, z_j]), np.tile(np.arange(len(z_i)), 2), temperature)
        .reshape(2, -1)
        .mean(0)
    )


def pml_supcon(embeddings: Array, labels: Array, temperature: Any = 0.1) -> Array:
    from pytorch_metric_learning.losses import SupConLoss

    return _by_pml(SupConLoss, embeddings, labels, temperature)


def _by_pml(loss: Any, embeddings: Array, labels: Array, temperature: Any) -> Array:
    import torch
    from pytorch_metric_learning.reducers import DoNothingReducer

    with torch.no_grad():
        found = loss(temperature=float(temperature), reducer=DoNothingReducer())(tensor(embeddings), tensor(labels))[
            "loss"
        ]
    at = found["indices"]  # of the anchors, or of pairs whose first is the anchor
    losses = np.zeros(len(embeddings))
    losses[at[0] if isinstance(at, tuple) else at] = found["losses"]
    return losses


# ---- the cases ----


def rows_of(*names: str) -> Maker:
    def make(rng: np.random.Generator, shape: Shape) -> Arrays:
        return {name: f32(rng.normal(size=(shape[0], FEATURES))) for name in names}

    return make


def in_classes(rng: np.random.Generator, shape: Shape) -> Arrays:
    """Two of each: everybody has a partner."""
    labels = rng.permutation(np.arange(shape[0]) // 2)
    return {"embeddings": f32(rng.normal(size=(shape[0], FEATURES))), "labels": labels}


def with_own_negatives(rng: np.random.Generator, shape: Shape) -> Arrays:
    return rows_of("queries", "keys")(rng, shape) | {"negatives": f32(rng.normal(size=(shape[0], 3, FEATURES)))}


# No direction at all, on either side; one on both; and for a class two that are equal.
POINTS = np.array([[0.0] * 5, [1.0] * 5, [2.0, -1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0, 0.0]])
OTHERS = np.array([[0.0, 1.0, 0.0, 1.0, 0.0], [2.0, 1.0, 0.0, 0.0, -1.0], [1.0] * 5, [0.0] * 5])
CLASS = {"embeddings": POINTS[[0, 1, 1, 2, 3]], "labels": np.array([1, 1, 1, 7, 7])}


def renamed_labels(losses: law.Losses, kwargs: Kwargs) -> None:
    """Labels are names: any others that tell the same items apart will do."""
    np.testing.assert_allclose(losses({**kwargs, "labels": 40 - 7 * kwargs["labels"]}), losses(kwargs), **law.CLOSE)


def turned(*names: str) -> law.Property:
    """Only angles and lengths count: all embeddings may be turned together."""

    def turn(losses: law.Losses, kwargs: Kwargs) -> None:
        if "negatives" in kwargs and "negatives" not in names:
            return
        moved = {name: kwargs[name][..., [1, 0, 2, 3, 4]] * [1.0, -1.0, 1.0, 1.0, 1.0] for name in names}
        np.testing.assert_allclose(losses({**kwargs, **moved}), losses(kwargs), **law.CLOSE)

    return law.named("turned", turn)


def any_length(*names: str) -> law.Property:
    """Only directions count, unless dot products are asked for."""

    def stretch(losses: law.Losses, kwargs: Kwargs) -> None:
        if kwargs.get("normalize", True):
            lengths = np.linspace(0.5, 3.0, len(kwargs[names[0]]))
            longer = {name: kwargs[name] * lengths.reshape(-1, *[1] * (kwargs[name].ndim - 1)) for name in names}
            np.testing.assert_allclose(losses({**kwargs, **longer}), losses(kwargs), **law.CLOSE)

    return law.named("any_length", stretch)


def contrastive(
    name: str,
    fn: Callable[..., Any],
    *references: Reference,
    of: tuple[str, ...],
    properties: tuple[law.Property, ...] = (),
    **rest: Any,
) -> Case:
    given: dict[str, Any] = {
        "make": rows_of(*of),
        "kinks": dict(zip(of, (POINTS, OTHERS), strict=False)),
        "range": (0.0, inf),
    }
    return Case(
        name=name,
        fn=fn,
        layout=Layout("example", of[0]),
        references=references,
        independent=False,
        shapes=("rows",),
        properties=(law.permutation_equivariant, any_length(*of), turned(*of), *properties),
        **{**given, **rest},
    )


QUERIES, VIEWS, MODALITIES = ("queries", "keys"), ("z_i", "z_j"), ("image_embeddings", "text_embeddings")

CASES = (
    contrastive(
        "info_nce",
        lossary.info_nce_loss,
        Reference("closed form", loop_info_nce),
        Reference("torch", torch_info_nce, covers=("temperature", "negatives")),
        of=QUERIES,
        options=({}, LEARNED, {"negatives": QUEUE}, {"normalize": False, "temperature": 1.0}),
    ),
    contrastive(
        "info_nce_with_negatives_of_each",
        lossary.info_nce_loss,
        Reference("closed form", loop_info_nce),
        Reference("torch", torch_info_nce),
        of=(*QUERIES, "negatives"),
        make=with_own_negatives,
        kinks={  # not of a query 0, whose negatives have the gradient 0 up to rounding
            "queries": POINTS[1:],
            "keys": OTHERS[1:],
            "negatives": np.stack([OTHERS[1:, ::-1] + [0.5, 0, 0, 0, 0]] * 3, axis=1),
        },
    ),
    contrastive(
        "nt_xent",
        lossary.nt_xent_loss,
        Reference("closed form", loop_nt_xent),
        Reference("pytorch_metric_learning", pml_nt_xent, covers=("temperature",)),
        of=VIEWS,
        options=({}, LEARNED, {"normalize": False, "temperature": 2.0}),
    ),
    contrastive(
        "supcon",
        lossary.supcon_loss,
        Reference("closed form", loop_supcon),
        Reference("pytorch_metric_learning", pml_supcon, covers=("temperature",)),
        of=("embeddings",),
        make=in_classes,
        kinks=CLASS,
        options=({}, LEARNED, {"normalize": False, "temperature": 2.0}),
        properties=(renamed_labels,),
    ),
    contrastive(
        "clip",
        lossary.clip_loss,
        Reference("closed form", loop_clip),
        Reference("torch", torch_clip, covers=("temperature",)),
        of=MODALITIES,
        options=({}, LEARNED, {"normalize": False, "temperature": 2.0}),
        properties=(law.symmetric(*MODALITIES),),
    ),
    contrastive(
        "siglip",
        lossary.siglip_loss,
        Reference("closed form", loop_siglip),
        Reference("torch", torch_siglip, covers=("temperature", "bias")),
        of=MODALITIES,
        options=({}, LEARNED | {"bias": np.array(-2.5)}, {"normalize": False, "temperature": 2.0, "bias": 0.0}),
    ),
)
