"""Losses of embeddings: published numbers, what other code gets wrong, triplets by loops, classes with prototypes."""

from __future__ import annotations

import copy
import pickle
from math import cos, hypot, log, pi, sin
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import lossary
from tests.catalog import metric_learning_references as outside
from tests.support.frameworks import OnNumpy, every_framework, frameworks_with_gradients
from tests.support.refusal import call, refused

BY_CLASS = {
    "arcface_loss": "prototypes",
    "cosface_loss": "prototypes",
    "proxy_nca_loss": "proxies",
    "proxy_anchor_loss": "proxies",
}
FACES = ["ArcFaceLoss", "CosFaceLoss", "ProxyNCALoss", "ProxyAnchorLoss"]
every_face = pytest.mark.parametrize("face", FACES)
every_mining = pytest.mark.parametrize("mining", ["hard", "semihard", "all"])


# ---- pairs and triplets ----


def test_label_one_is_similar_and_nothing_is_halved() -> None:
    """E31."""
    near, far = np.array([[0.0, 0.0]]), np.array([[0.6, 0.0]])
    assert lossary.contrastive_loss(near, far, np.array([1])) == pytest.approx(0.36)
    assert lossary.contrastive_loss(near, far, np.array([0])) == pytest.approx(0.16)


@every_framework
def test_equal_embeddings_have_no_distance(framework: OnNumpy) -> None:
    """T20: `pairwise_distance` adds 1e-6 to each of four features, and finds 2e-6."""
    same = np.ones((2, 4))
    assert (
        framework.value(lossary.contrastive_loss, {"embeddings1": same, "embeddings2": same, "labels": np.ones(2)}) == 0
    )


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@frameworks_with_gradients
def test_equal_embeddings_have_a_gradient(framework: OnNumpy, dtype: Any) -> None:
    """W17: √(0 + 1e-8) in half precision, and √0, have none."""
    same = np.ones((3, 4), dtype)
    found = framework.outcome(lossary.triplet_loss, {"anchor": same, "positive": same, "negative": same})
    assert found.value == 1
    assert all((gradient == 0).all() for gradient in found.gradients.values())


@every_framework
def test_a_triplet_of_any_size(framework: OnNumpy) -> None:
    """W17: at 1e20 squares overflow."""
    arrays = dict(zip(("anchor", "positive", "negative"), 1e20 * np.array([[[0.0]], [[3.0]], [[1.0]]]), strict=True))
    assert framework.value(lossary.triplet_loss, arrays) == pytest.approx(2e20)


def test_squares_are_an_option_of_both() -> None:
    """E18: one margin, compared with squares in one class and with distances in the other."""
    points, labels = np.array([[0.0], [3.0], [2.0]]), np.array([0, 0, 1])
    for squared, expected in ((False, 3 - 2 + 1), (True, 9 - 4 + 1)):
        given = lossary.triplet_loss(points[:1], points[1:2], points[2:], squared=squared)
        mined = lossary.online_triplet_loss(points, labels, squared=squared, reduction="none")
        assert given == mined[0] == expected


@pytest.mark.parametrize("squared", [False, True])
@every_framework
def test_a_hair_between_positive_and_negative(framework: OnNumpy, squared: bool) -> None:
    """Of lengths of 50 that differ by 1e-5 float32 has a tenth left, of their difference all."""
    hair = float(np.float32(1e-5))
    anchor, negative, positive = (-49.0, 10.0), (0.0, 0.0), (0.0, -hair)
    points = np.array([anchor, negative, positive], np.float32)
    kwargs = {"embeddings": points, "labels": np.array([0, 1, 0]), "margin": 0.0, "squared": squared}
    near, far = hypot(49, 10), hypot(49, 10 + hair)
    found = framework.value(lossary.online_triplet_loss, kwargs | {"reduction": "none"})
    assert found[0] == pytest.approx(far**2 - near**2 if squared else far - near, rel=1e-5)


# ---- mining ----


@every_mining
@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("average", [None, "valid", "active"])
def test_mined_triplets_are_those_of_loops(
    mining: str, squared: bool, average: str | None, rng: np.random.Generator
) -> None:
    for count, classes, features in ((12, 3, 5), (31, 4, 8), (9, 8, 2)):
        given = {
            "embeddings": rng.normal(size=(count, features)),
            "labels": rng.integers(classes, size=count),
            "margin": 0.7,
            "mining": mining,
            "squared": squared,
        }
        expected = outside.online_triplet(**given)
        for chunk_size in (None, 5):
            found = lossary.online_triplet_loss(**given, chunk_size=chunk_size, reduction="none")
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
            mean = lossary.online_triplet_loss(**given, average=average, chunk_size=chunk_size)
            number = outside.triplets_averaged({**given, "average": average}).sum()
            assert mean == pytest.approx(expected.sum() / max(number, 1), rel=1e-12)


def test_semihard_where_none_is_farther() -> None:
    """Then the farthest negative, as TensorFlow Addons takes it."""
    points, labels = np.array([[0.0], [5.0], [1.0], [3.0]]), np.array([0, 0, 1, 2])
    found = lossary.online_triplet_loss(points, labels, mining="semihard", reduction="none")
    assert found.tolist() == [5 - 3 + 1, 5 - 4 + 1, 0, 0]


@every_mining
@pytest.mark.parametrize(
    ("count", "labels"),
    [(0, []), (1, [3]), (4, [2, 2, 2, 2]), (4, [1, 2, 3, 4])],
    ids=["empty", "single", "one-class", "all-different"],
)
@frameworks_with_gradients
def test_no_triplet(framework: OnNumpy, mining: str, count: int, labels: list[int]) -> None:
    """T24: tutorial code gives the number 0.0 there, which has no gradient."""
    embeddings = np.random.default_rng(0).normal(size=(count, 3))
    kwargs = {"embeddings": embeddings, "labels": np.array(labels, int), "mining": mining}
    found = framework.outcome(lossary.online_triplet_loss, kwargs)
    assert found.value == 0
    assert found.gradients["embeddings"].shape == (count, 3)
    assert not found.gradients["embeddings"].any()


@every_framework
def test_distances_of_a_narrow_cloud(framework: OnNumpy) -> None:
    """W28: 64 points near 10 with a spread of 1e-3, between which the matrix product finds distances of 0.11."""
    rng = np.random.default_rng(0)
    points = (10 + 1e-3 * rng.normal(size=(64, 16))).astype(np.float32).astype(float)
    kwargs = {"embeddings": points, "labels": np.arange(64) % 8, "margin": 0.01}
    expected = outside.online_triplet(**kwargs).mean()
    assert float(framework.value(lossary.online_triplet_loss, kwargs)) == pytest.approx(expected, rel=2e-6)


@every_mining
def test_a_large_batch(torch: ModuleType, mining: str) -> None:
    """W19, W20: 2048 embeddings have a billion triplets; loops take minutes, and n³ memory is not there."""
    embeddings = torch.randn(2048, 16, requires_grad=True)
    labels = torch.arange(2048) % 64
    loss = lossary.online_triplet_loss(embeddings, labels, mining=mining, chunk_size=256)
    loss.backward()
    assert torch.isfinite(embeddings.grad).all()


@every_mining
@frameworks_with_gradients
def test_a_masked_embedding_is_no_partner(framework: OnNumpy, mining: str) -> None:
    rng = np.random.default_rng(3)
    embeddings, labels = rng.normal(size=(8, 3)), np.array([0, 0, 1, 1, 0, 0, 1, 1])
    keep = np.array([1, 1, 1, 0, 1, 1, 0, 1], bool)
    spoiled = np.where(keep[:, None], embeddings, np.nan)
    kwargs = {"mining": mining, "margin": 2.0}
    found = framework.outcome(
        lossary.online_triplet_loss, {"embeddings": spoiled, "labels": labels, "mask": keep, **kwargs}
    )
    expected = framework.outcome(
        lossary.online_triplet_loss, {"embeddings": embeddings[keep], "labels": labels[keep], **kwargs}
    )
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-6)
    np.testing.assert_allclose(
        found.gradients["embeddings"][keep], expected.gradients["embeddings"], rtol=1e-5, atol=1e-6
    )
    assert not found.gradients["embeddings"][~keep].any()


@every_mining
@frameworks_with_gradients
def test_nan_is_seen(framework: OnNumpy, mining: str) -> None:
    embeddings = np.random.default_rng(3).normal(size=(6, 3))
    embeddings[4, 1] = np.nan
    kwargs = {"embeddings": embeddings, "labels": np.array([0, 0, 1, 1, 0, 1]), "mining": mining}
    found = framework.outcome(lossary.online_triplet_loss, kwargs)
    assert np.isnan(found.value)
    assert np.isnan(found.gradients["embeddings"]).any()


# ---- angles ----


@pytest.mark.parametrize("margin", [0.1, 0.5, 1.0, pi / 2])
@every_framework
def test_arcface_grows_with_the_angle(framework: OnNumpy, margin: float) -> None:
    """W18: cos(θ + m) alone rises again past π − m."""
    angles = np.linspace(0, pi, 181)
    embeddings = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    kwargs = {"embeddings": embeddings, "prototypes": np.array([[1.0, 0], [0, -1.0]]), "labels": np.zeros(181, int)}
    options = {"margin": margin, "scale": 8.0, "reduction": "none"}
    # Against a rival that stays where it is: the other class's own cosine is taken away.
    losses = framework.value(lossary.arcface_loss, kwargs | options).astype(float)
    odds = losses + np.log(-np.expm1(-losses))  # log(e^loss − 1) = s (rival's cosine − own)
    own = 8.0 * -np.sin(angles) - odds
    assert (np.diff(own) < 1e-3).all()
    expected = np.array([8.0 * outside.handicap(angle, margin) for angle in angles])
    near = abs(angles - (pi - margin)) > 1e-3  # where it jumps
    np.testing.assert_allclose(own[near], expected[near], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("loss", BY_CLASS)
@frameworks_with_gradients
def test_zero_embeddings_and_prototypes(framework: OnNumpy, loss: str) -> None:
    """W17: a zero embedding makes the gradient NaN elsewhere."""
    for zero in ("embeddings", BY_CLASS[loss]):
        kwargs = {"embeddings": np.eye(3), BY_CLASS[loss]: np.eye(3), "labels": np.array([0, 1, 2])}
        kwargs[zero] = np.array([[0.0, 0, 0], [0, 1, 0], [0, 0, 1]])
        found = framework.outcome(getattr(lossary, loss), kwargs)
        assert np.isfinite(found.value)
        assert all(np.isfinite(gradient).all() for gradient in found.gradients.values())
        assert not found.gradients[zero][0].any()


def test_one_class_has_no_rival() -> None:
    given = np.ones((2, 3)), np.ones((1, 3)), np.array([0, 0])
    assert lossary.arcface_loss(*given) == lossary.cosface_loss(*given) == lossary.proxy_nca_loss(*given) == 0


def test_proxy_nca_by_hand() -> None:
    """Movshovitz-Attias et al., eq. 6: the own proxy is not in the denominator."""
    given = np.array([[1.0, 0.0]]), np.array([[1.0, 0], [0, 1], [-1, 0]]), np.array([0])
    assert lossary.proxy_nca_loss(*given) == pytest.approx(log(np.exp(-2) + np.exp(-4)))
    both = lossary.proxy_nca_loss(*given, denominator="all")
    assert both == pytest.approx(log(1 + np.exp(-2) + np.exp(-4)))


def test_proxy_anchor_weighs_by_repetition(rng: np.random.Generator) -> None:
    embeddings, proxies = rng.normal(size=(3, 4)), rng.normal(size=(5, 4))
    labels = np.array([0, 3, 0])
    twice = [0, 1, 1, 2]
    found = lossary.proxy_anchor_loss(embeddings, proxies, labels, np.array([1.0, 2.0, 1.0]))
    assert found == pytest.approx(lossary.proxy_anchor_loss(embeddings[twice], proxies, labels[twice]), rel=1e-12)
    dropped = lossary.proxy_anchor_loss(embeddings, proxies, labels, np.array([1.0, 0.0, 1.0]))
    assert dropped == pytest.approx(lossary.proxy_anchor_loss(embeddings[::2], proxies, labels[::2]), rel=1e-12)


@frameworks_with_gradients
def test_proxy_anchor_of_nothing(framework: OnNumpy) -> None:
    kwargs = {"embeddings": np.zeros((0, 3)), "proxies": np.eye(3), "labels": np.zeros(0, int)}
    found = framework.outcome(lossary.proxy_anchor_loss, kwargs)
    assert found.value == 0
    assert not found.gradients["proxies"].any()
    kwargs = {"embeddings": np.full((2, 3), np.nan), "proxies": np.eye(3), "labels": np.array([0, 9])}
    found = framework.outcome(lossary.proxy_anchor_loss, kwargs | {"mask": np.zeros(2, bool)})
    assert found.value == 0
    assert not any(gradient.any() for gradient in found.gradients.values())


# ---- errors ----

TWO, LABELS = np.ones((2, 3)), np.array([0, 1])
REFUSED: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "labels": (
        lossary.contrastive_loss,
        {"embeddings1": TWO, "embeddings2": TWO, "labels": np.ones((2, 1))},
        ValueError,
        "contrastive_loss: expected labels of shape (2,), one per pair; "
        "got embeddings1 (2, 3), embeddings2 (2, 3), labels (2, 1)",
    ),
    "reversed-labels": (
        lossary.contrastive_loss,
        {"embeddings1": TWO, "embeddings2": TWO, "labels": np.array([-1, 1])},
        ValueError,
        "contrastive_loss: expected labels in [0, 1] (1: similar); got labels from -1 to 1",
    ),
    "pairs": (
        lossary.contrastive_loss,
        {"embeddings1": TWO, "embeddings2": TWO[:1], "labels": LABELS},
        ValueError,
        "contrastive_loss: expected arrays of one shape; got embeddings1 (2, 3), embeddings2 (1, 3)",
    ),
    "margin": (
        lossary.contrastive_loss,
        {"embeddings1": TWO, "embeddings2": TWO, "labels": LABELS, "margin": 0},
        ValueError,
        "contrastive_loss: expected margin > 0; got margin 0",
    ),
    "triplets": (
        lossary.triplet_loss,
        {"anchor": TWO, "positive": TWO, "negative": TWO[:, :2]},
        ValueError,
        "triplet_loss: expected arrays of one shape; got anchor (2, 3), positive (2, 3), negative (2, 2)",
    ),
    "swap": (
        lossary.triplet_loss,
        {"anchor": TWO, "positive": TWO, "negative": TWO, "swap": 1},
        TypeError,
        "triplet_loss: expected swap to be True or False; got swap 1",
    ),
    "mining": (
        lossary.online_triplet_loss,
        {"embeddings": TWO, "labels": LABELS, "mining": "semi-hard"},
        ValueError,
        "online_triplet_loss: expected mining to be one of 'hard', 'semihard', 'all'; got 'semi-hard'",
    ),
    "average": (
        lossary.online_triplet_loss,
        {"embeddings": TWO, "labels": LABELS, "average": "nonzero"},
        ValueError,
        "online_triplet_loss: expected average to be one of 'valid', 'active'; got 'nonzero'",
    ),
    "online-shape": (
        lossary.online_triplet_loss,
        {"embeddings": np.ones(3), "labels": LABELS},
        ValueError,
        "online_triplet_loss: expected embeddings of shape (items, features); got embeddings (3,)",
    ),
    "online-labels": (
        lossary.online_triplet_loss,
        {"embeddings": TWO, "labels": np.array([0, 1, 2])},
        ValueError,
        "online_triplet_loss: expected labels of shape (2,), one per embedding; got embeddings (2, 3), labels (3,)",
    ),
    "arcface-margin": (
        lossary.arcface_loss,
        {"embeddings": TWO, "prototypes": TWO, "labels": LABELS, "margin": 28.6},
        ValueError,
        "arcface_loss: expected margin in [0, pi/2] (radians); got margin 28.6",
    ),
    "prototypes": (
        lossary.arcface_loss,
        {"embeddings": TWO, "prototypes": TWO.T, "labels": LABELS},
        ValueError,
        "arcface_loss: expected prototypes of shape (classes, 3); got embeddings (2, 3), prototypes (3, 2)",
    ),
    "class": (
        lossary.cosface_loss,
        {"embeddings": TWO, "prototypes": TWO, "labels": np.array([0, 2])},
        ValueError,
        "cosface_loss: expected labels in [0, 2); got labels from 0 to 2",
    ),
    "one-hot": (
        lossary.cosface_loss,
        {"embeddings": TWO, "prototypes": TWO, "labels": np.eye(2, dtype=int)},
        ValueError,
        "cosface_loss: expected labels of shape (2,), one per embedding; "
        "got embeddings (2, 3), prototypes (2, 3), labels (2, 2)",
    ),
    "denominator": (
        lossary.proxy_nca_loss,
        {"embeddings": TWO, "proxies": TWO, "labels": LABELS, "denominator": "own"},
        ValueError,
        "proxy_nca_loss: expected denominator to be one of 'others', 'all'; got 'own'",
    ),
    "weights": (
        lossary.proxy_anchor_loss,
        {"embeddings": TWO, "proxies": TWO, "labels": LABELS, "weights": np.array([-1.0, 1.0])},
        ValueError,
        "proxy_anchor_loss: expected weights >= 0; got weights from -1 to 1",
    ),
}


@pytest.mark.parametrize(("loss", "kwargs", "kind", "text"), REFUSED.values(), ids=REFUSED)
@every_framework
def test_refused(framework: OnNumpy, loss: Any, kwargs: dict[str, Any], kind: type[Exception], text: str) -> None:
    with refused(kind, text):
        call(framework, loss, kwargs)


# ---- classes that hold prototypes ----


@every_face
def test_a_torch_class_trains(torch: ModuleType, face: str) -> None:
    import lossary.torch

    criterion = getattr(lossary.torch, face)(3, 4)
    (name,) = criterion.state_dict()
    assert [n for n, _ in criterion.named_parameters()] == [name] == [criterion.held]
    embeddings, labels = torch.randn(6, 4, requires_grad=True), torch.arange(6) % 3
    before = criterion(embeddings, labels)
    optimiser = torch.optim.SGD([embeddings, *criterion.parameters()], lr=1e-3)
    before.backward()
    optimiser.step()
    assert criterion(embeddings, labels) < before
    other = getattr(lossary.torch, face)(3, 4)
    other.load_state_dict(criterion.state_dict())
    for same in (other, copy.deepcopy(criterion), pickle.loads(pickle.dumps(criterion))):
        assert same(embeddings, labels) == criterion(embeddings, labels)
    weights = torch.tensor([1.0, 0, 1, 0, 1, 0])
    function = type(criterion)._fn
    expected = function(embeddings, getattr(criterion, name), labels, weights)
    assert criterion(embeddings, labels, weights) == expected
    wide = getattr(lossary.torch, face)(3, 4, dtype=torch.float64, device="cpu")
    assert getattr(wide, name).dtype == torch.float64


@every_face
def test_a_flax_class_trains(jax: ModuleType, face: str) -> None:
    from flax import nnx

    import lossary.flax

    criterion = getattr(lossary.flax, face)(3, 4, rngs=nnx.Rngs(0))
    embeddings = jax.numpy.asarray(np.random.default_rng(0).normal(size=(6, 4)), "float32")
    labels = jax.numpy.arange(6) % 3
    value, gradient = nnx.jit(nnx.value_and_grad(lambda criterion: criterion(embeddings, labels)))(criterion)
    held = getattr(criterion, criterion.held)
    assert isinstance(held, nnx.Param)
    (slope,) = jax.tree.leaves(gradient)
    assert slope.shape == (3, 4)
    np.testing.assert_allclose(value, type(criterion)._fn(embeddings, held[...], labels), rtol=1e-6)
    structure, state = nnx.split(criterion)
    assert [leaf.shape for leaf in jax.tree.leaves(state)] == [(3, 4)]
    assert repr(nnx.merge(structure, state)) == repr(criterion)


def test_repr_of_a_class_that_holds_prototypes(torch: ModuleType) -> None:
    import lossary.torch

    shown = "ArcFaceLoss(margin=0.5, scale=64.0, reduction='mean', prototypes=(3, 4))"
    assert repr(lossary.torch.ArcFaceLoss(3, 4)) == shown


@every_face
@pytest.mark.parametrize("package", ["torch", "flax"])
def test_sizes_and_options_are_checked_when_it_is_built(package: str, face: str) -> None:
    faces = pytest.importorskip(f"lossary.{package}")
    rngs = {"rngs": pytest.importorskip("flax.nnx").Rngs(0)} if package == "flax" else {}
    with refused(ValueError, f"{face}: expected num_classes to be an integer >= 1; got num_classes 0"):
        getattr(faces, face)(0, 4, **rngs)
    name = getattr(faces, face)._fn.__name__
    with refused(ValueError, f"{name}: expected scale > 0; got scale -1.0"):
        getattr(faces, face)(3, 4, scale=-1.0, **rngs)


def test_angles_of_the_docstring() -> None:
    assert outside.handicap(3.0, 0.5) == cos(3.0) - 0.5 * sin(0.5)
