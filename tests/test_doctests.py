"""Examples: pytest runs those of `src` as doctests; here, that each loss has one worth running."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

import lossary
from lossary.losses import FAMILIES

MODULES = [import_module(f"lossary.losses.{family}") for family in FAMILIES]
LOSSES = [getattr(module, name) for module in MODULES for name in module.__all__]


@pytest.mark.parametrize("fn", [*LOSSES, lossary.reduce_loss], ids=lambda fn: fn.__name__)
def test_example_shows_the_loss_and_a_number(fn: Callable[..., Any]) -> None:
    examples = doctest.DocTestParser().get_examples(fn.__doc__ or "")
    assert any(fn.__name__ in example.source for example in examples)
    assert any(character.isdigit() for character in examples[-1].want)


@pytest.mark.parametrize("fn", [*LOSSES, lossary.reduce_loss], ids=lambda fn: fn.__name__)
def test_example_runs_by_itself(fn: Callable[..., Any], doctest_namespace: dict[str, Any]) -> None:
    """With NumPy as `np` and the names of its own module, as in the documentation."""
    names = {**vars(import_module(fn.__module__)), **doctest_namespace}
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    test = doctest.DocTestParser().get_doctest(fn.__doc__ or "", names, fn.__name__, None, None)
    assert doctest.DocTestRunner(optionflags=flags).run(test).failed == 0
