"""Checks on arguments. Shapes, dtypes and options are static, so free under jit and compile; values follow the level
that `checking` sets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, nan
from numbers import Integral
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .backends import namespace
from .types import Reduction

if TYPE_CHECKING:
    from .backends.protocol import Namespace

REDUCTIONS: tuple[Reduction, ...] = ("mean", "sum", "none", "batch_sum")


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


# ---- options ----


def known_reduction(loss: str, reduction: str, axis: Any = None, normalizer: Any = None) -> None:
    if reduction not in REDUCTIONS:
        raise ValueError(
            f"{loss}: expected reduction to be one of {', '.join(map(repr, REDUCTIONS))}; got {reduction!r}"
        )
    if axis is not None:
        _axes(loss, axis)
        if reduction not in ("mean", "sum"):
            got = f"axis {axis!r} with reduction {reduction!r}"
            raise ValueError(f"{loss}: expected axis only with reduction 'mean' or 'sum'; got {got}")
    if normalizer is not None:
        if reduction not in ("mean", "batch_sum"):
            raise ValueError(
                f"{loss}: expected normalizer only with reduction 'mean' or 'batch_sum'; got reduction {reduction!r}"
            )
        positive(loss, normalizer=normalizer)


def _axes(loss: str, axis: Any) -> None:
    several: Sequence[Any] = axis if isinstance(axis, (tuple, list)) else (axis,)  # pyright: ignore[reportUnknownVariableType]
    for each in several:  # pyright: ignore[reportUnknownVariableType]
        if not _is_whole(each):
            raise TypeError(f"{loss}: expected axis to be an integer; got axis {each!r}")


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and value is not True and value is not False


def one_of(loss: str, name: str, value: Any, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f"{loss}: expected {name} to be one of {', '.join(map(repr, known))}; got {value!r}")


def true_or_false(loss: str, /, **options: Any) -> None:
    for name, value in options.items():
        if not isinstance(value, bool):
            raise TypeError(f"{loss}: expected {name} to be True or False; got {name} {value!r}")


def at_least_one(loss: str, /, **options: Any) -> None:
    """Whole numbers from 1 up."""
    for name, value in options.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{loss}: expected {name} to be an integer >= 1; got {name} {value!r}")


def positive(loss: str, /, **options: Any) -> Any:
    """The option, or a tuple of several, as `_ruled` gives them."""
    return _ruled(loss, "> 0", lambda x: (x > 0) & (x < inf), options)


def non_negative(loss: str, /, **options: Any) -> Any:
    return _ruled(loss, ">= 0", lambda x: (x >= 0) & (x < inf), options)


def finite(loss: str, /, **options: Any) -> Any:
    return _ruled(loss, "to be finite", lambda x: (-inf < x) & (x < inf), options)


def fraction(loss: str, /, **options: Any) -> Any:
    return _ruled(loss, "in [0, 1]", lambda x: (x >= 0) & (x <= 1), options)


def _ruled(loss: str, rule: str, holds: Callable[[Any], Any], options: dict[str, Any]) -> Any:
    """The options, of which a trained or traced one becomes NaN where it breaks the rule and nobody can look."""
    found = tuple(_ruled_one(loss, name, value, rule, holds) for name, value in options.items())
    return found[0] if len(found) == 1 else found


def _ruled_one(loss: str, name: str, value: Any, rule: str, holds: Callable[[Any], Any]) -> Any:
    if _is_number(loss, name, value):
        if not holds(value):
            raise ValueError(f"{loss}: expected {name} {rule}; got {name} {value!r}")
        return value
    xp = namespace(loss, **{name: value})
    if tuple(value.shape) != ():
        raise ValueError(
            f"{loss}: expected {name} to be a number or an array of shape (); got {described(**{name: value})}"
        )
    if xp.visible(value):
        number, _ = xp.extent(value)
        if number != number or holds(number):  # a NaN goes through, to be seen in the result
            return number if xp.NAME == "numpy" else value  # which then fits arrays of any framework
        if checking.level is not False:
            raise ValueError(f"{loss}: expected {name} {rule}; got {name} {number:g}")
    elif checking.level:
        refuse(xp, holds(value), f"{loss}: expected {name} {rule}; got {name} outside it")
    return xp.where(holds(value), value, nan)


def plain(loss: str, /, **options: Any) -> None:
    """Options that choose the formula, so that they must be known before it is traced."""
    for name, value in options.items():
        if not isinstance(value, (int, float)) and hasattr(value, "dtype"):
            raise TypeError(f"{loss}: expected {name} to be a Python number; got {name} {type(value).__name__}")


def smoothing(loss: str, label_smoothing: float) -> None:
    plain(loss, label_smoothing=label_smoothing)
    if _is_number(loss, "label_smoothing", label_smoothing) and not 0 <= label_smoothing < 1:
        raise ValueError(f"{loss}: expected label_smoothing in [0, 1); got label_smoothing {label_smoothing!r}")


def _is_number(loss: str, name: str, value: Any) -> bool:
    """Is this a Python number? Else it must be an array: an option that is trained or traced."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return True
    if hasattr(value, "dtype"):
        return False
    raise TypeError(f"{loss}: expected {name} to be a number; got {name} {value!r}")


def is_number(value: Any, number: float) -> bool:
    """Is this option, which may be trained or traced, a Python number that is known to be this one?"""
    return isinstance(value, (int, float)) and value == number


def class_options(loss: str, ignore_index: Any, channel_axis: Any, /, **numbers: Any) -> None:
    """What can be told of the options of a loss over classes before its arrays are known; `numbers` are one a class."""
    for name, value in (("ignore_index", ignore_index), ("channel_axis", channel_axis)):
        if value is not None and not _is_whole(value):
            raise TypeError(f"{loss}: expected {name} to be an integer; got {name} {value!r}")
    for name, values in numbers.items():
        if values is None or hasattr(values, "dtype"):
            continue
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise TypeError(f"{loss}: expected {name} to be one number per class; got {name} {values!r}")
        each: Sequence[Any] = values  # pyright: ignore[reportUnknownVariableType]
        for value in each:
            non_negative(loss, **{name: value})


# ---- shapes and dtypes ----


def described(**arrays: Any) -> str:
    return ", ".join(f"{name} {tuple(array.shape)}" for name, array in arrays.items() if array is not None)


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
        if array is not None and xp.kind(array) == "complex":
            raise TypeError(f"{loss}: expected {name} of a real dtype; got {name} {dtype_name(array)}")


def axis_of(loss: str, name: str, axis: Any, array_name: str, array: Any) -> int:
    """`axis` as a number from 0 up, or an error that names the array's shape."""
    rank = len(array.shape)
    if not isinstance(axis, int) or isinstance(axis, bool):
        raise TypeError(f"{loss}: expected {name} to be an integer; got {name} {axis!r}")
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
    return axis_of(loss, "channel_axis", channel_axis, name, logits)


def is_single(option: Any) -> bool:
    """One number (or none) for all classes, if only in an array: not one for each."""
    return option is None or isinstance(option, (int, float)) or getattr(option, "shape", None) in ((), (1,))


def only(option: Any) -> Any:
    """What `is_single`, without an axis."""
    return option[0] if getattr(option, "shape", ()) == (1,) else option


def array_or_none(values: Any) -> Any:
    """An option that may be an array or a list, as `namespace` wants it."""
    return None if isinstance(values, (int, float)) or not hasattr(values, "dtype") else values  # np.float64 is a float


def laid_along(xp: Namespace, values: Any, axis: int, like: Any) -> Any:
    """A vector laid along `axis` of arrays of `like`'s rank."""
    return xp.reshape(values, [-1 if i == axis else 1 for i in range(len(like.shape))])


def per_class(loss: str, xp: Namespace, name: str, values: Any, classes: int, like: Any) -> Any:
    """One non-negative number a class as an array of `like`'s dtype."""
    array = xp.asarray(values, like)
    if tuple(array.shape) != (classes,):
        raise ValueError(
            f"{loss}: expected {name} of shape ({classes},), one per class; got {described(**{name: array})}"
        )
    return in_range(loss, xp, name, array, low=0.0)


def key_of(xp: Namespace) -> str:
    """What this framework draws random numbers with."""
    return {"torch": "a torch.Generator", "jax": "a JAX key"}.get(xp.NAME, "a numpy.random.Generator")


def drawn(loss: str, xp: Namespace, draw: Callable[..., Any], key: Any, shape: Sequence[int], like: Any) -> Any:
    """`draw(key, shape, like)`, where the key is what the caller gave."""
    try:
        return draw(key, shape, like)
    except (AttributeError, TypeError, ValueError) as error:
        raise TypeError(f"{loss}: expected key to be {key_of(xp)}; got key {type(key).__name__}") from error


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
