"""The table's rows: every loss with its inputs, outside references, option values and properties. A module a family.

All generic tests run over `CASES`. A case is one way of calling a loss that has inputs of its own, so that a loss of
several kinds of data (`log_likelihood`, say) has several cases. A public loss without one fails the suite.
Classes lie along axis 1, on every framework.

Besides `CASES`, a family's module names its arguments (`ARRAYS`, `OPTIONS`), its functions that are no losses, where
smaller is not better or that keep their field's name (`NO_LOSSES`), and what its functions lack (`WITHOUT`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import pytest

from lossary.losses import FAMILIES
from tests.catalog import reduction
from tests.support.case import Bad as Bad
from tests.support.case import Case as Case
from tests.support.case import Options as Options
from tests.support.case import short as short
from tests.support.families import merged, modules
from tests.support.frameworks import later_on_jax

FAMILY_MODULES = modules("catalog")
CASES: tuple[Case, ...] = tuple(case for module in [*FAMILY_MODULES, reduction] for case in module.CASES)

# One case of each family, for tests that take seconds: its module's `EXAMPLE`, or its first.
REPRESENTATIVES = {
    family: getattr(module, "EXAMPLE", module.CASES[0].name)
    for family, module in zip(FAMILIES, FAMILY_MODULES, strict=True)
}

Sampled = Literal["", "loss", "family"]


def names(kind: str) -> set[str]:
    """The families' `ARRAYS`, `OPTIONS` or `NO_LOSSES`, together."""
    return {name for module in FAMILY_MODULES for name in getattr(module, kind, ())}


APART: dict[str, str] = merged("catalog", "APART")  # functions without a case, and why  # type: ignore[assignment]
WITHOUT: dict[str, set[str]] = merged("catalog", "WITHOUT")  # type: ignore[assignment]


def slow_unless_first(case: Case, chosen: list[Case], sampled: Sampled) -> list[pytest.MarkDecorator]:
    """Of rows that take long only the first of each loss, or of each family, runs by default."""
    if not sampled:
        return []
    like = [other for other in chosen if (other.fn is case.fn if sampled == "loss" else other.family == case.family)]
    return [] if like[0] is case else [pytest.mark.slow]


def cases(*, where: Callable[[Case], bool] = lambda _: True, sampled: Sampled = "") -> pytest.MarkDecorator:
    """Run a test for each case; where that takes long (`sampled`), by default for the first of each loss or family."""
    chosen = [case for case in CASES if where(case)]
    params = [pytest.param(case, id=case.name, marks=slow_unless_first(case, chosen, sampled)) for case in chosen]
    return pytest.mark.parametrize("case", params)


def options(
    *,
    where: Callable[[Case], bool] = lambda _: True,
    which: Callable[[Options], bool] = lambda _: True,
    frameworks: Sequence[Any] = (),
) -> pytest.MarkDecorator:
    """Run a test for each case with each of its option values; on JAX, by default, with its first ones only."""
    rows = [(case, options) for case in CASES if where(case) for options in case.options if which(options)]
    if not frameworks:
        params = [pytest.param(case, options, id=f"{case.name}-{short(options)}") for case, options in rows]
        return pytest.mark.parametrize(("case", "options"), params)
    params = [
        pytest.param(
            case,
            options,
            *framework.values,
            id=f"{framework.id}-{case.name}-{short(options)}",
            marks=[*framework.marks, *later_on_jax(framework, options is case.options[0])],
        )
        for case, options in rows
        for framework in frameworks
    ]
    return pytest.mark.parametrize(("case", "options", "framework"), params)
