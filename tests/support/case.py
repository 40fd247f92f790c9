"""One row of the test table: a loss, its inputs, and what is known about it from outside."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from tests.support.families import family_of
from tests.support.frameworks import Kwargs, floating, objective
from tests.support.inputs import CLASSES, SHAPES, Arrays, Maker, Shape
from tests.support.layout import CLASS_AXIS, Layout
from tests.support.properties import Property
from tests.support.references import Reference

Options = dict[str, Any]
TELL_APART = {
    "class_weights",
    "pos_weight",
    "alpha",
    "ignore_index",
    "include_background",
}  # options that treat items or classes differently


@dataclass(frozen=True)
class Bad:
    """A value outside an argument's domain, and what the error says was expected."""

    argument: str
    value: float
    expected: str  # "targets in [0, 1]"
    options: Options = field(default_factory=dict)
    prefix: str = ""  # of the error, where it is not the function's name
    called: str = ""  # what the error calls the argument, where it is not its name

    @property
    def id(self) -> str:
        return f"{self.argument}={self.value:g}"

    def text(self, case: Case, found: np.ndarray | None) -> str:
        """The whole error; `found` are the values that it saw, None where it could not look."""
        seen = "outside it" if found is None else f"from {found.min():g} to {found.max():g}"
        return f"{self.prefix or case.fn.__name__}: expected {self.expected}; got {self.called or self.argument} {seen}"


@dataclass(frozen=True, eq=False)
class Case:
    """One row of the table."""

    name: str
    fn: Callable[..., Any]
    layout: Layout
    make: Maker
    references: tuple[Reference, ...]
    kinks: Arrays  # where the formula changes its branch, ties included
    range: tuple[float, float]
    fixed: Options = field(default_factory=dict)  # options that the inputs depend on; a callable argument too
    options: tuple[Options, ...] = ({},)  # every value that takes another path through the code
    properties: tuple[Property, ...] = ()
    bad: tuple[Bad, ...] = ()
    ignored: str | None = None  # the argument in which `ignore_index` is looked for
    share: Callable[[Kwargs], Any] = lambda _: 1.0  # what an item adds to a mean's denominator, before its weight
    masks: Literal["items", "values"] = "items"  # what `mask` drops
    per_item: bool = True  # is there a loss per item? (not with free bits over the batch)
    independent: bool = True  # is an item's loss its own? (not where the items of a batch are compared)
    per_example: tuple[str, ...] | None = None  # the arrays with one entry per example; all unless given. Others keep
    # their own length: a weight matrix of classes, the scores of another batch
    shapes: tuple[str, ...] = ("rows", "dense")  # of SHAPES; a `make` that reads only shape[0] has ("rows",)
    large: bool = False  # do its inputs come in any shape, so that it is tried on arrays of 54 000 rows?
    layers: bool = False  # may its arrays be lists of arrays, one a layer?
    integers: bool = False  # are integer predictions promoted, as images are?
    second_order: bool = True  # False where the docstring says that it is not differentiable twice
    detached: bool = False  # does it hold a factor constant on purpose, so that its gradient is no derivative?
    not_differentiable: tuple[str, ...] = ()  # floating arrays that gradients are not compared towards
    factor: float = 1.0  # how much wider than everywhere the tolerances are, for what iterates; never without
    reason: str = ""
    soft: str = "soft_cross_entropy_loss"  # what an error points to, where labels are no class indices
    many: int = 512  # examples in the comparison of memory, of a loss with `chunk_size`

    def __post_init__(self) -> None:
        assert (self.factor == 1) == (not self.reason), f"{self.name}: a factor needs a reason, a reason a factor"

    @property
    def parameters(self) -> frozenset[str]:
        return frozenset(inspect.signature(self.fn).parameters)

    @property
    def examples(self) -> tuple[str, ...]:
        """The arrays with one entry per example."""
        return tuple(self.arrays()) if self.per_example is None else self.per_example

    def positional(self, kwargs: Kwargs) -> tuple[str, ...]:
        """What comes by position: the arrays, and a callable before them."""
        parameters = inspect.signature(self.fn).parameters.values()
        return tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.name in kwargs)

    @property
    def chunked(self) -> bool:
        return "chunk_size" in self.parameters

    def differentiable(self, kwargs: Kwargs) -> tuple[str, ...]:
        """The arguments whose gradients are compared."""
        return tuple(name for name in floating(kwargs) if name not in self.not_differentiable)

    @property
    def family(self) -> str:
        return family_of(self.fn.__module__)

    @property
    def reducible(self) -> bool:
        return "reduction" in self.parameters

    def arrays(self, shape: Shape = SHAPES["rows"], seed: int = 0) -> Arrays:
        """The arrays alone, in the order of the signature."""
        made = self.make(np.random.default_rng(seed), shape)
        return {name: made[name] for name in inspect.signature(self.fn).parameters if name in made}

    def inputs(self, options: Options | None = None, shape: str = "rows", seed: int = 0) -> Kwargs:
        """Arrays and options together, as every test passes them on."""
        options = self.fixed | (options or {})
        arrays = self.arrays(SHAPES[shape], seed)
        ignore_index = options.get("ignore_index")
        if ignore_index is not None and self.ignored:
            arrays[self.ignored].flat[::4] = ignore_index
        if shape != "rows" and "channel_axis" in self.parameters:
            options = options | {"channel_axis": CLASS_AXIS}
        return arrays | options

    def inputs_with_kinks(self, options: Options | None = None) -> Kwargs:
        """`inputs`, and behind them the examples of `kinks`."""
        kwargs = self.inputs(options)
        return kwargs | {name: np.concatenate([kwargs[name], kink]) for name, kink in self.kinks.items()}

    @property
    def symmetric_options(self) -> tuple[Options, ...]:
        """Those that treat all items and classes alike, as most properties suppose."""
        return tuple(options for options in self.options if not TELL_APART & set(options))

    def items(self, **kwargs: Any) -> Any:
        """One loss per item (the whole objective where there is none per item)."""
        reduction = {"reduction": "none"} if self.reducible and self.per_item else {}
        return objective(self.fn(**kwargs, **reduction))


def short(options: Options) -> str:
    """Options as part of a test's name."""
    shown = {
        name: "array" if isinstance(value, np.ndarray) else getattr(value, "__name__", value)
        for name, value in options.items()
    }
    return ",".join(f"{name}={value}".replace(" ", "") for name, value in shown.items()) or "defaults"


def outside_unit(argument: str, note: str = "") -> tuple[Bad, ...]:
    return tuple(Bad(argument, value, f"{argument} in [0, 1]{note}") for value in (-0.5, 1.5))


def no_class(argument: str, ignore: str = " or ignore_index -100", **rest: Any) -> tuple[Bad, ...]:
    return tuple(Bad(argument, value, f"labels in [0, {CLASSES}){ignore}", **rest) for value in (-1, CLASSES, 99))
