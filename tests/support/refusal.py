"""Errors that are to be exactly so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.case import Case
from tests.support.frameworks import Kwargs, Loss, OnNumpy


@contextmanager
def refused(kind: type[Exception], text: str) -> Iterator[None]:
    """The block raises exactly this."""
    with pytest.raises(kind) as raised:
        yield
    assert str(raised.value) == text


def call(framework: OnNumpy, loss: Loss, kwargs: Kwargs) -> Any:
    return framework.value(loss, kwargs)


def is_categorical(case: Case) -> bool:
    """`log_likelihood` and `elbo_loss` of class data, whose errors speak of labels and logits."""
    return case.fixed.get("likelihood") == "categorical"
