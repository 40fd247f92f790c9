"""Jitted JAX, against optax and against the cheapest loss there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import lossary

from . import arrays, limits
from .harness import Case
from .question import Scale, timed
from .subjects import ALGEBRAIC

VALUE, GRADIENT = "value", "value_and_grad"
SMALL = (64, 10)


def _mean(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    return lambda *inputs: jnp.mean(function(*inputs, **options))


def _mse(p: Any, t: Any) -> Any:
    return jnp.mean((p - t) ** 2)


Pair = tuple[str, arrays.Maker, Callable[..., Any], Callable[..., Any]]

OPTAX: tuple[Pair, ...] = (
    ("mse", arrays.pair, lossary.mse_loss, _mean(optax.losses.squared_error)),
    ("huber", arrays.pair, lossary.huber_loss, _mean(optax.losses.huber_loss)),
    ("log_cosh", arrays.pair, lossary.log_cosh_loss, _mean(optax.losses.log_cosh)),
    (
        "binary_cross_entropy",
        arrays.binary,
        lossary.binary_cross_entropy_loss,
        _mean(optax.losses.sigmoid_binary_cross_entropy),
    ),
    ("binary_focal", arrays.binary, lossary.binary_focal_loss, _mean(optax.losses.sigmoid_focal_loss, alpha=0.25)),
)
OPTAX_CLASSES: tuple[Pair, ...] = (
    (
        "cross_entropy",
        arrays.labelled,
        lossary.cross_entropy_loss,
        _mean(optax.losses.softmax_cross_entropy_with_integer_labels),
    ),
    ("soft_cross_entropy", arrays.soft, lossary.soft_cross_entropy_loss, _mean(optax.losses.softmax_cross_entropy)),
)


def _dice(logits: Any, labels: Any) -> Any:
    """segmentation_models_pytorch's way: softmax, one-hot, sums over the batch and the pixels."""
    shares, truth = jax.nn.softmax(logits), jax.nn.one_hot(labels, logits.shape[-1])
    agreed, whole = jnp.sum(shares * truth, (0, 1, 2)), jnp.sum(shares + truth, (0, 1, 2))
    return jnp.mean(1 - (2 * agreed + 1) / (whole + 1))


def _classes_last(shape: arrays.Shape) -> list[arrays.Array]:
    logits, labels = arrays.class_map(shape)
    return [np.moveaxis(logits, 1, -1).copy(), labels]


MAPS: tuple[tuple[str, Pair], ...] = (
    ("optax", ("cross_entropy", _classes_last, *OPTAX_CLASSES[0][2:])),
    ("formula", ("multiclass_dice", _classes_last, lossary.multiclass_dice_loss, _dice)),
)


def cases(scale: Scale) -> Iterator[Case]:
    large = (scale.items,)
    for shape in (large, SMALL):
        for pair in OPTAX:
            yield from _against("optax", 1.05, shape, *pair)
    for classes in (10, 100, 1000):
        for pair in OPTAX_CLASSES:
            yield from _against("optax", 1.05, arrays.rows_of(classes, scale.items), *pair)
    for pair in OPTAX_CLASSES:
        yield from _against("optax", 1.05, SMALL, *pair)
    for other, pair in MAPS:
        yield from _against(other, 1.05, arrays.map_within(scale.items), *pair)
    for shape in (large, SMALL):
        for name in ALGEBRAIC:
            yield from _against("mse", 1.3, shape, name, arrays.pair, getattr(lossary, f"{name}_loss"), _mse)
    for name in ALGEBRAIC:
        yield from _against_copy(large, name)


def _against(
    other: str,
    target: float,
    shape: tuple[int, ...],
    name: str,
    maker: arrays.Maker,
    ours: Callable[..., Any],
    theirs: Callable[..., Any],
) -> Iterator[Case]:
    inputs = [jnp.asarray(array) for array in maker(shape)]
    for step in (VALUE, GRADIENT):
        sides = (_jitted(step, function, inputs) for function in (ours, theirs))
        yield Case(name, step, shape, *sides, other, target, None, equal=other != "mse")


def _against_copy(shape: tuple[int, ...], name: str) -> Iterator[Case]:
    inputs = [jnp.asarray(array) for array in arrays.pair(shape)]
    for step, passes in ((VALUE, 2), (GRADIENT, 3)):  # predictions and targets are read, and the gradient is written
        ours = _jitted(step, getattr(lossary, f"{name}_loss"), inputs)
        copy = limits.moving(passes * arrays.entries(shape))
        yield Case(name, step, shape, ours, copy, limits.BANDWIDTH, 1 / limits.SHARE, None, equal=False)


def _jitted(step: str, function: Callable[..., Any], inputs: list[Any]) -> Callable[[], Any]:
    compiled = jax.jit(function if step == VALUE else jax.value_and_grad(function))
    return lambda: jax.block_until_ready(compiled(*inputs))


QUESTION = timed(
    "jax_jitted",
    "Jitted JAX, against optax and against mse",
    "Each call is waited for. optax gives losses per item; their mean is taken inside the jitted function. The rows\n"
    "against mse hold every elementwise loss without a transcendental function to the price of the simplest,\n"
    "`mean((p - t)²)`; those against a copy, to 70 % of the memory's speed.",
    cases,
)
