"""A probe: one call of a loss, with the right answers; and the numbers that probes are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from inspect import signature
from typing import Any

import numpy as np

import lossary
from tests.exact import EXACT
from tests.support.families import family_of
from tests.support.frameworks import Outcome

Arrays = dict[str, np.ndarray]

ITEMS = 96


@dataclass(frozen=True, eq=False, repr=False)
class Probe:
    """A batch of items along axis 0, reduced by nothing, so that every item is looked at; or one `whole` problem."""

    loss: str
    arrays: Arrays  # in the order of the function's arguments
    options: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    wrt: tuple[str, ...] = ()  # the arguments whose gradients are looked at; all that have one unless given
    whole: bool = False  # do the items interact, so that the arrays are one problem with one value?
    factor: float = 1.0  # how much wider than the contract's tolerances, for what iterates; never without
    reason: str = ""
    factor_f64: float = 1.0  # the same in float64, if an iteration stops before its last digits

    def __post_init__(self) -> None:
        exact = self.factor == self.factor_f64 == 1
        assert exact == (not self.reason), f"{self}: a factor needs a reason, and a reason a factor"

    def __str__(self) -> str:
        options = ",".join(f"{k}={_short(v)}" for k, v in self.options.items())
        return "-".join(filter(None, [self.loss.removesuffix("_loss"), options, self.note]))

    __repr__ = __str__

    @property
    def family(self) -> str:
        return family_of(self.fn.__module__)

    @property
    def fn(self) -> Callable[..., Any]:
        return getattr(lossary, self.loss)

    @property
    def reduces(self) -> bool:
        """Can its items be reduced in other ways?"""
        return not self.whole and "reduction" in signature(self.fn).parameters

    @property
    def weighs(self) -> bool:
        return self.reduces and "weights" in signature(self.fn).parameters

    @property
    def small(self) -> bool:
        """Are its items of so few numbers that a batch may have 100 000?"""
        return not self.whole and max(array[:1].size for array in self.arrays.values()) < 16

    @property
    def kwargs(self) -> dict[str, Any]:
        """One loss per item."""
        module = import_module(f"tests.probes.{family_of(self.fn.__module__)}")
        unless = {} if self.whole else {"reduction": "none"}
        return {**self.arrays, **self.options, **getattr(module, "NOT_REDUCED", {}).get(self.loss, unless)}

    def rounded(self, dtype: Any) -> Probe:
        """The same on inputs that `dtype` can hold."""
        arrays = {k: a.astype(dtype) if a.dtype.kind == "f" else a for k, a in self.arrays.items()}
        return replace(self, arrays=arrays)

    def first(self, items: int) -> Probe:
        """Only some of the items; all of them where they belong together."""
        return self if self.whole else replace(self, arrays={k: a[:items] for k, a in self.arrays.items()})

    @cached_property
    def exact(self) -> Outcome:
        """The right answers, rounded to float64."""
        exact = EXACT[self.loss]
        items = [self.arrays] if self.whole else [{k: a[i] for k, a in self.arrays.items()} for i in range(self.items)]
        answers = [exact.answer(item, self.options, self.wrt) for item in items]
        values = np.array([float(value) for value, _ in answers])
        names = answers[0][1] if answers else {}
        gradients = {n: np.stack([np.array(slopes[n], object).astype(float) for _, slopes in answers]) for n in names}
        return Outcome(values[0], {n: g[0] for n, g in gradients.items()}) if self.whole else Outcome(values, gradients)

    @property
    def items(self) -> int:
        return 1 if self.whole else len(next(iter(self.arrays.values())))

    def by_item(self, array: np.ndarray) -> np.ndarray:
        """The array with an item a row."""
        return np.asarray(array)[None] if self.whole else array


def _short(value: Any) -> Any:
    return "…" if isinstance(value, (tuple, np.ndarray)) else getattr(value, "__name__", value)


# ---- the inputs ----


def generator(key: int) -> np.random.Generator:
    return np.random.default_rng(20_000 + key)


def spread(rng: np.random.Generator, low: float, high: float, shape: Any) -> np.ndarray:
    """±10^u, u even in [low, high]."""
    return 10 ** rng.uniform(low, high, shape) * rng.choice([-1.0, 1.0], shape)


def each(loss: str, arrays: Arrays, *options: dict[str, Any], **rest: Any) -> Iterator[Probe]:
    """The arrays with each of these options."""
    for chosen in options or ({},):
        yield Probe(loss, arrays, chosen, **rest)


def settings(name: str, *values: Any, **fixed: Any) -> list[dict[str, Any]]:
    """One option's values, as options."""
    return [{name: value, **fixed} for value in values]
