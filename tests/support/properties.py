"""What is true of a loss whatever its inputs.

A property gets `losses`, which gives one loss per item (NumPy, float64), and the arguments to start from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Kwargs = dict[str, Any]
Losses = Callable[[Kwargs], np.ndarray]
Property = Callable[[Losses, Kwargs], None]
CLOSE = {"rtol": 1e-11, "atol": 1e-12}


def in_range(low: float, high: float) -> Property:
    """Every loss lies in [low, high]."""

    def within(losses: Losses, kwargs: Kwargs) -> None:
        found = losses(kwargs)
        assert (found >= low).all()
        assert (found <= high).all()

    return named(f"in_range({low:g},{high:g})", within)


def zero_where_equal(first: str, second: str) -> Property:
    """Exactly 0 where two arguments are equal."""

    def zero(losses: Losses, kwargs: Kwargs) -> None:
        assert not losses({**kwargs, second: kwargs[first].copy()}).any()

    return named("zero_at_target", zero)


def zero_at(**values: float) -> Property:
    """Exactly 0 where the arguments have these values everywhere."""

    def zero(losses: Losses, kwargs: Kwargs) -> None:
        constant = {name: np.full_like(kwargs[name], value) for name, value in values.items()}
        assert not losses({**kwargs, **constant}).any()

    return named("zero_at_" + ",".join(f"{name}={value:g}" for name, value in values.items()), zero)


def symmetric(first: str, second: str) -> Property:
    """The two arguments may be exchanged."""

    def swap(losses: Losses, kwargs: Kwargs) -> None:
        swapped = {**kwargs, first: kwargs[second], second: kwargs[first]}
        np.testing.assert_array_equal(losses(swapped), losses(kwargs))

    return named("symmetric", swap)


def translation_invariant(*names: str) -> Property:
    """Only the difference of the arguments counts."""

    def shift(losses: Losses, kwargs: Kwargs) -> None:
        moved = {name: kwargs[name] + 0.5 for name in names}
        np.testing.assert_allclose(losses({**kwargs, **moved}), losses(kwargs), **CLOSE)

    return named("translation_invariant", shift)


def homogeneous(degree: int, *names: str) -> Property:
    """Scaling the arguments by s scales the loss by s^degree."""

    def scale(losses: Losses, kwargs: Kwargs) -> None:
        scaled = {name: 4 * kwargs[name] for name in names}
        np.testing.assert_allclose(losses({**kwargs, **scaled}), 4**degree * losses(kwargs), **CLOSE)

    return named(f"homogeneous_of_degree_{degree}", scale)


def complementary(logits: str, targets: str) -> Property:
    """Yes and no may be exchanged: −logits against 1 − targets."""

    def exchange(losses: Losses, kwargs: Kwargs) -> None:
        other = {**kwargs, logits: -kwargs[logits], targets: 1 - kwargs[targets]}
        np.testing.assert_allclose(losses(other), losses(kwargs), **CLOSE)

    return named("complementary", exchange)


def shift_invariant(logits: str = "logits") -> Property:
    """A constant added to all logits of an item changes nothing."""

    def shift(losses: Losses, kwargs: Kwargs) -> None:
        shifts = np.linspace(-8, 8, len(kwargs[logits])).reshape((-1,) + (1,) * (kwargs[logits].ndim - 1))
        np.testing.assert_allclose(losses({**kwargs, logits: kwargs[logits] + shifts}), losses(kwargs), **CLOSE)

    return named("shift_invariant", shift)


def class_permutation_invariant(labels: str, logits: str = "logits") -> Property:
    """The names of the classes do not matter (without weights per class)."""

    def rename(losses: Losses, kwargs: Kwargs) -> None:
        classes = kwargs[logits].shape[1]
        order = np.roll(np.arange(classes), 2)
        answers = kwargs[labels]
        renamed = answers[:, order] if answers.ndim == kwargs[logits].ndim else np.argsort(order)[answers]
        other = {**kwargs, logits: kwargs[logits][:, order], labels: renamed}
        np.testing.assert_allclose(losses(other), losses(kwargs), **CLOSE)

    return named("class_permutation_invariant", rename)


def convex(*names: str) -> Property:
    """Between two points the loss lies below the chord."""

    def chord(losses: Losses, kwargs: Kwargs) -> None:
        moved = {name: np.roll(kwargs[name], 1, axis=0) - 0.25 for name in names}
        between = {name: (kwargs[name] + moved[name]) / 2 for name in names}
        ends = losses(kwargs), losses({**kwargs, **moved})
        assert (losses({**kwargs, **between}) <= (ends[0] + ends[1]) / 2 + 1e-12).all()

    return named("convex", chord)


def lipschitz(bound: Callable[[Kwargs], float], name: str) -> Property:
    """Moving an argument by h moves the loss by at most bound · h."""

    def steps(losses: Losses, kwargs: Kwargs) -> None:
        start = losses(kwargs)
        for h in (1e-3, 1.0, 30.0):
            moved = losses({**kwargs, name: kwargs[name] + h})
            assert (abs(moved - start) <= bound(kwargs) * h * (1 + 1e-12) + 1e-12).all()

    return named("lipschitz", steps)


def permutation_equivariant(losses: Losses, kwargs: Kwargs) -> None:
    """Examples in another order: the same losses in that order."""
    turned = {name: value[::-1] if per_example(kwargs, value) else value for name, value in kwargs.items()}
    np.testing.assert_allclose(losses(turned), losses(kwargs)[::-1], **CLOSE)


def per_example(kwargs: Kwargs, value: Any) -> bool:
    """Has this argument one entry per example? (Weights per class have not.)"""
    batch = next(len(array) for array in kwargs.values() if isinstance(array, np.ndarray) and array.ndim)
    return isinstance(value, np.ndarray) and value.shape[:1] == (batch,)


def named(name: str, check: Property) -> Property:
    check.__name__ = name
    return check
