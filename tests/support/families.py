"""The tables are written by family: `tests/<table>/<family>.py` for every family of `lossary.losses`."""

from __future__ import annotations

import zlib
from importlib import import_module
from pathlib import Path
from types import ModuleType

from lossary.losses import FAMILIES

TESTS = Path(__file__).parents[1]
EVERY = 14  # of the rows of the newer families one in so many runs by default, picked by its name
WHOLE = ("regression", "classification", "likelihood")  # whose rows all run


def sampled(family: str, name: str) -> bool:
    """All rows of the table take hours: `make test` runs a sample, `make test-all` every one."""
    return family in WHOLE or zlib.crc32(name.encode()) % EVERY == 0


def modules(table: str) -> list[ModuleType]:
    """The module of each family; a family without one stops every test, and says which file is missing."""
    missing = [f"tests/{table}/{family}.py" for family in FAMILIES if not (TESTS / table / f"{family}.py").exists()]
    if missing:
        raise ModuleNotFoundError(f"expected a test table for every family of lossary.losses; got no {missing}")
    return [import_module(f"tests.{table}.{family}") for family in FAMILIES]


def merged(table: str, name: str) -> dict[str, object]:
    """The dictionaries of this name in the families' modules, as one; a family may leave it out."""
    return {key: value for module in modules(table) for key, value in getattr(module, name, {}).items()}


def family_of(module: str) -> str:
    """`lossary.losses.classification.binary` → `classification`."""
    *above, last = module.split(".")
    return [*above, last][2] if above[:2] == ["lossary", "losses"] else last
