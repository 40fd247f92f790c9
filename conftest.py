"""For every test and example."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _numpy_in_examples(doctest_namespace: dict[str, Any]) -> None:
    """Examples in docstrings are written with `np`, which a reader knows."""
    doctest_namespace["np"] = np
