"""For every test: eight CPU devices in JAX, to shard over, and the same random numbers whatever runs before."""

from __future__ import annotations

import os
import random
import sys
import zlib
from collections.abc import Iterator
from types import ModuleType

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"

import numpy as np
import pytest

import lossary

collect_ignore = [
    "typing",  # read by type checkers only (test_typing.py); most calls in there are wrong
    *("catalog", "exact", "probes"),  # imported by the tests; collected, each would be loaded a second time
]


@pytest.fixture(autouse=True)
def _seeded(request: pytest.FixtureRequest) -> None:
    """Each test draws the numbers that belong to its own name."""
    seed = zlib.crc32(request.node.nodeid.encode())
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  for libraries that draw from it
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A generator that belongs to the test's name."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))


@pytest.fixture(autouse=True)
def _value_checks_as_they_were() -> Iterator[None]:
    """`lossary.checking` is a setting of the process; no test leaves it changed."""
    before = lossary.checking.level
    yield
    left, lossary.checking.level = lossary.checking.level, before
    assert left is before, "the test left lossary.checking changed"


@pytest.fixture
def torch() -> ModuleType:
    """The framework; without it the row is skipped, and the report says so."""
    return pytest.importorskip("torch", reason="torch is not installed")


@pytest.fixture
def jax() -> ModuleType:
    """The framework; without it the row is skipped, and the report says so."""
    return pytest.importorskip("jax", reason="jax is not installed")
