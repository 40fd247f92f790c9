"""For every test: eight CPU devices in JAX, to shard over, the same random numbers whatever runs before, and compiled
programs that do not pile up.
"""

from __future__ import annotations

import os
import random
import sys
import zlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import ModuleType

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"

import numpy as np
import pytest

import lossary
from tests.support.families import sampled

collect_ignore = [
    "typing",  # read by type checkers only (test_typing.py); most calls in there are wrong
    *("catalog", "exact", "probes"),  # imported by the tests; collected, each would be loaded a second time
]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A probe runs in all of its rows or in none, which share its exact answer."""
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        probe, case = parameters.get("probe"), parameters.get("case")
        row = probe or case
        name = str(probe) if probe else item.nodeid
        if row is not None and hasattr(row, "family") and not sampled(row.family, name):
            item.add_marker(pytest.mark.slow)


MAPS = Path("/proc/self/maps")
FEW_MAPS, TESTS_PER_LOOK = 30_000, 25
"""XLA keeps every program that it compiled, in three memory maps each; at Linux's limit of 65,530 it crashes."""
_finished = count(1)


@pytest.fixture(autouse=True)
def _compiled_programs_do_not_pile_up() -> Iterator[None]:
    yield
    if next(_finished) % TESTS_PER_LOOK == 0 and "jax" in sys.modules and MAPS.exists():
        with MAPS.open() as maps:
            if sum(1 for _ in maps) > FEW_MAPS:
                sys.modules["jax"].clear_caches()


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
