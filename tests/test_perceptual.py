"""Losses of features: several layers, how they are weighed and refused, and which positions are compared."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import Any

import numpy as np
import pytest

import lossary
from lossary import contextual_loss, feature_reconstruction_loss, mae_loss, style_loss
from tests.support.memory import kept
from tests.support.refusal import refused

LOSSES = [feature_reconstruction_loss, style_loss, contextual_loss]
each_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
Loss = Callable[..., Any]


def maps(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def layers() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Two layers of two examples, channels last; the second names them in another order."""
    fake = {"relu1_2": maps(1, 2, 4, 4, 3), "relu2_2": maps(2, 2, 2, 2, 5)}
    return fake, {"relu2_2": maps(3, 2, 2, 2, 5), "relu1_2": maps(4, 2, 4, 4, 3)}


# ---- several layers ----


@each_loss
def test_layers_are_averaged_by_their_weights(loss: Loss) -> None:
    fake, real = layers()
    one, other = (loss(fake[key], real[key]) for key in fake)
    np.testing.assert_allclose(loss(fake, real), (one + other) / 2, rtol=1e-12)
    weights = {"relu2_2": 3.0, "relu1_2": 1.0}
    np.testing.assert_allclose(loss(fake, real, layer_weights=weights), (one + 3 * other) / 4, rtol=1e-12)


@each_loss
def test_layers_in_order_are_layers_by_name(loss: Loss) -> None:
    fake, real = layers()
    listed = [list(fake.values()), [real[key] for key in fake]]
    assert loss(*listed) == loss(fake, real)
    assert loss(*map(tuple, listed), layer_weights=(1.0, 3.0)) == loss(
        fake, real, layer_weights={"relu1_2": 1.0, "relu2_2": 3.0}
    )


@each_loss
def test_other_documents_call_layer_weights_weights(loss: Loss) -> None:
    fake, real = layers()
    weights = {"relu1_2": 0.5, "relu2_2": 2.0}
    assert loss(fake, real, weights=weights) == loss(fake, real, layer_weights=weights)
    assert loss(fake, real, weights) == loss(fake, real, layer_weights=weights)


@each_loss
def test_a_layer_of_weight_0_is_as_if_absent(loss: Loss) -> None:
    fake, real = layers()
    fake["relu2_2"] = fake["relu2_2"] * np.nan
    assert loss(fake, real, layer_weights={"relu1_2": 2.0, "relu2_2": 0.0}) == loss(fake["relu1_2"], real["relu1_2"])


@each_loss
def test_features_by_name_without_weights_have_a_loss_and_a_gradient(loss: Loss, torch: Any) -> None:
    """Elsewhere both are exactly 0 (W05)."""
    fake, real = ({key: torch.tensor(array) for key, array in side.items()} for side in layers())
    for array in fake.values():
        array.requires_grad_()
    value = loss(fake, real, **({} if loss is feature_reconstruction_loss else {"channel_axis": -1}))
    value.backward()
    assert value > 0
    assert all(array.grad.abs().sum() > 0 for array in fake.values())


@each_loss
def test_trained_layer_weights_have_gradients(loss: Loss, torch: Any) -> None:
    fake, real = layers()
    listed = [[torch.tensor(side[key]) for key in fake] for side in (fake, real)]
    axis = {} if loss is feature_reconstruction_loss else {"channel_axis": -1}
    trained = torch.tensor([1.0, 3.0], dtype=torch.float64, requires_grad=True)
    value = loss(*listed, layer_weights=trained, **axis)
    value.backward()
    one, other = (float(loss(*pair, **axis)) for pair in zip(*listed, strict=True))
    np.testing.assert_allclose(value.item(), (one + 3 * other) / 4)
    np.testing.assert_allclose(trained.grad.numpy(), [(one - other) * 3 / 16, (other - one) / 16])  # quotient rule


def test_a_face_holds_trained_layer_weights(torch: Any) -> None:
    from lossary.torch import StyleLoss

    criterion = StyleLoss(layer_weights=torch.nn.Parameter(torch.ones(2)), channel_axis=-1)
    assert [name for name, _ in criterion.named_parameters()] == ["layer_weights"]
    fake, real = layers()
    value = criterion([torch.tensor(fake[key]).float() for key in fake], [torch.tensor(real[key]) for key in fake])
    np.testing.assert_allclose(value.item(), style_loss(fake, real), rtol=1e-6)


@each_loss
def test_examples_that_do_not_count(loss: Loss) -> None:
    fake, real = layers()
    spoilt = {key: np.stack([array[0], array[1] * np.nan]) for key, array in fake.items()}
    first = {key: array[:1] for key, array in fake.items()}, {key: array[:1] for key, array in real.items()}
    np.testing.assert_allclose(loss(spoilt, real, mask=np.array([True, False])), loss(*first), rtol=1e-12)
    np.testing.assert_allclose(loss(spoilt, real, np.array([2.0, 0.0])), loss(*first), rtol=1e-12)


def test_layers_under_jit(jax: Any) -> None:
    fake, real = layers()
    weights = {"relu1_2": 1.0, "relu2_2": 2.0}
    for loss in LOSSES:
        traced = jax.jit(lambda fake, real, loss=loss: loss(fake, real, layer_weights=weights))(fake, real)
        np.testing.assert_allclose(traced, loss(fake, real, layer_weights=weights), rtol=1e-5)


# ---- what is refused ----


@each_loss
def test_bad_layers(loss: Loss) -> None:
    fake, real = layers()
    name, one = loss.__name__, {"relu1_2": fake["relu1_2"]}
    wrong = [
        (
            lambda: loss(fake, one),
            "expected the same layers in predictions and targets; got predictions 'relu1_2', 'relu2_2' and targets "
            "'relu1_2'",
        ),
        (
            lambda: loss(fake, real, layer_weights={"relu1_2": 1.0}),
            "expected the same layers in predictions and layer_weights; got predictions 'relu1_2', 'relu2_2' and "
            "layer_weights 'relu1_2'",
        ),
        (
            lambda: loss(fake, real, layer_weights={}),
            "expected the same layers in predictions and layer_weights; got predictions 'relu1_2', 'relu2_2' and "
            "layer_weights without any",
        ),
        (
            lambda: loss(list(fake.values()), list(real.values())[:1]),
            "expected the same layers in predictions and targets; got predictions 0, 1 and targets 0",
        ),
        (
            lambda: loss(fake["relu1_2"], real),
            "expected the same layers in predictions and targets; got predictions as one array and targets 'relu2_2', "
            "'relu1_2'",
        ),
        (
            lambda: loss(fake, real, layer_weights={"relu1_2": 0, "relu2_2": 0}),
            "expected a layer of weight > 0; got layer_weights {'relu1_2': 0, 'relu2_2': 0}",
        ),
        (
            lambda: loss(fake, real, layer_weights={"relu1_2": -1, "relu2_2": 1}),
            "expected layer_weights['relu1_2'] >= 0; got layer_weights['relu1_2'] -1",
        ),
        (
            lambda: loss(fake, real, {"relu1_2": 1, "relu2_2": 1}, layer_weights={"relu1_2": 1, "relu2_2": 1}),
            "expected layer_weights once; got weights by layer as well",
        ),
        (
            lambda: loss({**fake, "relu2_2": fake["relu2_2"][:1]}, {**real, "relu2_2": real["relu2_2"][:1]}),
            "expected as many examples in each layer; got predictions['relu1_2'] (2, 4, 4, 3), predictions['relu2_2'] "
            "(1, 2, 2, 5)",
        ),
    ]
    for call, text in wrong:
        with refused(ValueError, f"{name}: {text}"):
            call()


@pytest.mark.parametrize(
    ("loss", "real", "text"),
    [
        (feature_reconstruction_loss, (2, 2, 4, 3), "arrays of one shape, the batch first; got predictions "
         "(2, 4, 4, 3), targets (2, 2, 4, 3)"),
        (style_loss, (2, 4, 4, 2), "one batch and one number of channels; got predictions (2, 4, 4, 3), targets "
         "(2, 4, 4, 2) with channel_axis 3"),
        (contextual_loss, (1, 4, 4, 3), "one batch and one number of channels; got predictions (2, 4, 4, 3), targets "
         "(1, 4, 4, 3) with channel_axis 3"),
        (style_loss, (2, 3), "features of shape (batch, *space, channels); got predictions (2, 4, 4, 3), targets "
         "(2, 3)"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit(loss: Loss, real: tuple[int, ...], text: str) -> None:
    with refused(ValueError, f"{loss.__name__}: expected {text}"):
        loss(maps(0, 2, 4, 4, 3), np.zeros(real))


def test_the_batch_is_no_channel() -> None:
    one = maps(0, 2, 4, 4, 3)
    with refused(ValueError, "style_loss: expected channel_axis other than 0, the batch; got channel_axis 0"):
        style_loss(one, one, channel_axis=0)


def test_a_distance_must_give_a_number_per_feature() -> None:
    one, name = maps(0, 2, 4), "feature_reconstruction_loss"
    text = 'expected distance_fn(…, reduction="none") to give a number for each feature; got () for features (2, 4)'
    with refused(ValueError, f"{name}: {text}"):
        feature_reconstruction_loss(one, one, distance_fn=lambda x, y, reduction: mae_loss(x, y))
    with refused(TypeError, f"{name}: expected distance_fn to be a loss function; got distance_fn 'l1'"):
        feature_reconstruction_loss(one, one, distance_fn="l1")


# ---- the distance of features, the norm of styles ----


def test_any_loss_of_numbers_is_a_distance() -> None:
    x, y = maps(1, 2, 3, 4), maps(2, 2, 3, 4)
    found = feature_reconstruction_loss(x, y, distance_fn=lossary.huber_loss)
    np.testing.assert_allclose(found, lossary.huber_loss(x, y), rtol=1e-12)


def test_style_in_other_units() -> None:
    """Gatys' E_l is a quarter; the mean square of matrices divided by the positions is the same number."""
    x, y = maps(1, 5, 5, 3).reshape(25, 3), maps(2, 5, 5, 3).reshape(25, 3)
    ours = style_loss(x.reshape(1, 5, 5, 3), y.reshape(1, 5, 5, 3))
    difference = x.T @ x - y.T @ y
    np.testing.assert_allclose((difference**2).sum() / (4 * 3**2 * 25**2), ours / 4, rtol=1e-12)
    np.testing.assert_allclose(((difference / 25) ** 2).mean(), ours, rtol=1e-12)


# ---- which positions a contextual loss compares ----


def test_positions_are_spread_over_the_whole_map(torch: Any) -> None:
    """Elsewhere the lower rows are never looked at (W08)."""
    x = torch.tensor(maps(1, 1, 4, 50, 30)).requires_grad_()
    contextual_loss(x, torch.tensor(maps(2, 1, 4, 50, 30)), max_samples=1024, band_width=1.0).backward()
    rows = (x.grad != 0).any(dim=(0, 1, 3))
    assert rows.all()


def test_drawn_positions_come_from_the_key() -> None:
    x, y = maps(1, 1, 6, 6, 3), maps(2, 1, 6, 6, 3)

    def drawn(seed: int) -> float:
        return float(contextual_loss(x, y, max_samples=9, key=np.random.default_rng(seed)))

    assert drawn(0) == drawn(0) != drawn(1)
    assert contextual_loss(x, x, max_samples=9, key=np.random.default_rng(0)) == 0


def test_maps_of_two_sizes() -> None:
    x = maps(1, 1, 4, 4, 3)
    assert contextual_loss(np.repeat(x, 2, axis=2), x) == 0  # each of the target's is found
    assert float(contextual_loss(x, np.repeat(x, 2, axis=2))) == pytest.approx(log(2))  # doubles are not told apart


def test_a_collapsed_prediction_is_not_perfect() -> None:
    """Elsewhere it is (W08): one of 64 features found costs log 64."""
    real = maps(1, 1, 8, 8, 16)
    collapsed = np.broadcast_to(real[:, :1, :1], real.shape)
    assert float(contextual_loss(collapsed, real)) == pytest.approx(log(64), rel=1e-6)


def test_many_positions_in_little_memory(torch: Any) -> None:
    """The table of 2,304² numbers would be 20 MiB, several times over for the gradient."""
    x, y = (torch.tensor(maps(seed, 1, 16, 48, 48), dtype=torch.float32) for seed in (1, 2))
    x.requires_grad_()

    def loss(x: Any, y: Any, chunk_size: int | None) -> Any:
        return contextual_loss(x, y, max_samples=None, chunk_size=chunk_size)

    torch.testing.assert_close(loss(x, y, 100), loss(x, y, None))
    assert kept(torch, lambda x, y: loss(x, y, 100), x, y) < 4 << 20 < kept(torch, lambda x, y: loss(x, y, None), x, y)
