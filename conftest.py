"""For every test and example."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

# Faces show the docstrings of their functions, whose examples run where the functions are.
collect_ignore = ["src/lossary/torch/__init__.py", "src/lossary/flax/__init__.py"]


@pytest.fixture(autouse=True)
def _numpy_in_examples(doctest_namespace: dict[str, Any]) -> None:
    """Examples in docstrings are written with `np`, which a reader knows."""
    doctest_namespace["np"] = np
