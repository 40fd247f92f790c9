"""Checks on arrays. Shapes and dtypes are static, so free under jit and compile; values follow the level that
`checking` sets.
"""

from __future__ import annotations

from math import nan
from numbers import Integral
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backends.protocol import Namespace


class checking:  # lower case, since it is used like a function: torch.set_grad_enabled has the same form
    """Switch value checks on everywhere, or off; as a statement, or for the length of a `with` block.

    Values (labels in range, targets and probabilities in [0, 1]) are checked by default only where looking at them
    costs little:
    eager arrays in host memory. `checking()` checks them on accelerators and inside `jit` and `torch.compile` too,
    where they raise a real
    error at run time; `checking(False)` checks none, and a bad value gives NaN. The setting is the process's; a
    program that is
    compiled already keeps the checks it was compiled with.

    Example:
        >>> import lossary, numpy as np
        >>> with lossary.checking(False):
        ...     float(lossary.binary_cross_entropy_loss(np.array([0.0]), np.array([7.0])))
        nan
    """

    level: bool | None = None

    def __init__(self, enabled: bool = True) -> None:
        self._before = checking.level
        checking.level = bool(enabled)

    def __enter__(self) -> checking:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        checking.level = self._before


# ---- shapes and dtypes ----


def described(**arrays: Any) -> str:
    return ", ".join(f"{name} {tuple(array.shape)}" for name, array in arrays.items() if array is not None)


def present(**arrays: Any) -> dict[str, Any]:
    """Those that were given: arrays that a loss can do without, as `namespace` wants them before `weights`."""
    return {name: array for name, array in arrays.items() if array is not None}


def dtype_name(array: Any) -> str:
    return str(array.dtype).removeprefix("torch.")


def same_shape(loss: str, /, **arrays: Any) -> None:
    shape = None
    for array in arrays.values():
        if array is None:
            continue
        if shape is not None and array.shape != shape:
            raise ValueError(f"{loss}: expected arrays of one shape; got {described(**arrays)}")
        shape = array.shape


def floating(loss: str, xp: Namespace, hint: str = "", /, **arrays: Any) -> None:
    for name, array in arrays.items():
        if array is not None and xp.kind(array) != "float":
            raise TypeError(f"{loss}: expected {name} of a floating dtype; got {name} {dtype_name(array)}{hint}")


def one_per_point(loss: str, xp: Namespace, side: str, shape: tuple[int, ...], weights: Any, mask: Any) -> None:
    """The weights and the mask of the points of one cloud, `side` "pred" or "target"."""
    for name, array in ((f"{side}_weights", weights), (f"{side}_mask", mask)):
        if array is not None and tuple(array.shape) != shape:
            raise ValueError(
                f"{loss}: expected {name} of shape {shape}, one per point; got {described(**{name: array})}"
            )
    if mask is not None and xp.kind(mask) != "bool":
        raise TypeError(f"{loss}: expected {side}_mask of dtype bool (True counts); got {side}_mask {dtype_name(mask)}")


def real(loss: str, xp: Namespace, /, **arrays: Any) -> None:
    for name, array in arrays.items():
        if array is not None and xp.kind(array) not in ("float", "int", "bool"):
            raise TypeError(f"{loss}: expected {name} of a real dtype; got {name} {dtype_name(array)}")


def axis_of(loss: str, name: str, axis: Any, array_name: str, array: Any) -> int:
    """`axis` as a number from 0 up, or an error that names the array's shape."""
    rank = len(array.shape)
    if isinstance(axis, bool) or not isinstance(axis, Integral):
        raise TypeError(f"{loss}: expected {name} to be an integer; got {name} {axis!r}")
    axis = int(axis)
    if not -rank <= axis < rank:
        raise ValueError(
            f"{loss}: expected {name} in [{-rank}, {rank}); got {name} {axis} for {described(**{array_name: array})}"
        )
    return axis % rank


def class_axis(loss: str, xp: Namespace, channel_axis: int | None, logits: Any, name: str = "logits") -> int:
    """Where the classes are: `channel_axis`, by default the framework's habit; a vector has only one axis to choose."""
    if len(logits.shape) == 0:
        raise ValueError(f"{loss}: expected {name} with a class axis; got {described(**{name: logits})}")
    if channel_axis is None:
        channel_axis = xp.CHANNEL_AXIS if len(logits.shape) > 1 else 0
    axis = axis_of(loss, "channel_axis", channel_axis, name, logits)
    if logits.shape[axis] == 0:
        raise ValueError(f"{loss}: expected at least one class along axis {axis}; got {described(**{name: logits})}")
    return axis


def laid_along(xp: Namespace, values: Any, axis: int, like: Any) -> Any:
    """A vector laid along `axis` of arrays of `like`'s rank."""
    return xp.reshape(values, [-1 if i == axis else 1 for i in range(len(like.shape))])


def per_class(loss: str, xp: Namespace, name: str, values: Any, classes: int, like: Any) -> Any:
    """One non-negative number a class as an array of `like`'s dtype."""
    if hasattr(values, "dtype"):
        real(loss, xp, **{name: values})
    array = xp.asarray(values, like)
    if tuple(array.shape) != (classes,):
        raise ValueError(
            f"{loss}: expected {name} of shape ({classes},), one per class; got {described(**{name: array})}"
        )
    return in_range(loss, xp, name, array, low=0.0)


# ---- values ----


def in_range(
    loss: str, xp: Namespace, name: str, array: Any, low: float, high: float = float("inf"), note: str = ""
) -> Any:
    """`array`, checked to lie in [low, high]; where it cannot be looked at, values outside it become NaN instead."""
    if xp.visible(array):  # looking costs less than replacing
        if 0 in array.shape:
            return array
        least, most = xp.extent(array)
        if not (least < low or most > high):  # a NaN is neither: it goes through, to be seen in the result
            return array
        if checking.level is not False:
            raise ValueError(f"{_expected(loss, name, low, high, note)} from {least:g} to {most:g}")
    bad = array < low if high == float("inf") else (array < low) | (array > high)
    if checking.level:
        refuse(xp, ~bad, f"{_expected(loss, name, low, high, note)} outside it")
    return xp.where(bad, nan, array)


def rows_in_range(
    loss: str, xp: Namespace, name: str, array: Any, low: float, high: float, *, axis: int
) -> tuple[Any, Any]:
    """`in_range`, and what to multiply a result of each row along `axis` by; None: nothing.

    Where nobody can look, a bad row makes its factor NaN: behind a selection, XLA's reductions are slow.
    """
    if xp.visible(array):
        return in_range(loss, xp, name, array, low, high), None
    least, most = xp.min(array, axis=axis), xp.max(array, axis=axis)
    good = (least >= low) & (most <= high)
    if checking.level:
        refuse(xp, good, f"{_expected(loss, name, low, high, '')} outside it")
    return array, xp.where(good, xp.ones_like(least), nan)


def _expected(loss: str, name: str, low: float, high: float, note: str) -> str:
    bounds = f"in [{low:g}, {high:g}]" if high < float("inf") else f">= {low:g}"
    return f"{loss}: expected {name} {bounds}{note}; got {name}"


def refuse(xp: Namespace, ok: Any, message: str) -> None:
    """An error at run time, for values that could not be looked at beforehand."""
    everything = ~xp.any(~ok, axis=None)
    if xp.tracing(ok):
        xp.require(everything, message)
    elif not bool(everything):
        raise ValueError(message)
