"""Checks on options, before any array is looked at, but for an option that is an array itself: trained or traced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, nan
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeGuard

from .backends import namespace
from .check import checking, described, dtype_name, refuse
from .types import Reduction

if TYPE_CHECKING:
    from .backends.protocol import Namespace

REDUCTIONS: tuple[Reduction, ...] = ("mean", "sum", "none", "batch_sum")


def known_reduction(loss: str, reduction: str, axis: Any = None, normalizer: Any = None) -> None:
    if not isinstance(reduction, str) or reduction not in REDUCTIONS:  # pyright: ignore[reportUnnecessaryIsInstance]
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
    if len(several) == 0:  # torch would reduce all axes, NumPy and JAX none  # pyright: ignore[reportUnknownArgumentType]
        raise ValueError(f"{loss}: expected axis to be None, an integer or several; got axis {axis!r}")
    for each in several:  # pyright: ignore[reportUnknownVariableType]
        whole(loss, axis=each)


def is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, Integral) and value is not True and value is not False


def one_of(loss: str, name: str, value: Any, known: Sequence[str]) -> None:
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{loss}: expected {name} to be one of {', '.join(map(repr, known))}; got {value!r}")


def true_or_false(loss: str, /, **options: Any) -> None:
    for name, value in options.items():
        if not isinstance(value, bool):
            raise TypeError(f"{loss}: expected {name} to be True or False; got {name} {value!r}")


def whole(loss: str, /, **options: Any) -> None:
    """Whole numbers: axes, whose range only arrays can tell, and labels."""
    for name, value in options.items():
        if not is_whole(value):
            raise TypeError(f"{loss}: expected {name} to be an integer; got {name} {value!r}")


def whole_or_none(loss: str, /, **options: Any) -> None:
    whole(loss, **{name: value for name, value in options.items() if value is not None})


def at_least_one(loss: str, /, **options: Any) -> None:
    """Whole numbers from 1 up."""
    for name, value in options.items():
        if not is_whole(value) or value < 1:
            raise ValueError(f"{loss}: expected {name} to be an integer >= 1; got {name} {value!r}")


# ---- numbers ----


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
    if xp.kind(value) not in ("float", "int"):
        raise TypeError(f"{loss}: expected {name} to be a number; got {name} {dtype_name(value)}")
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
        if not isinstance(value, (float, Integral)) and hasattr(value, "dtype"):
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


def array_or_none(values: Any) -> Any:
    """An option that may be an array or a list, as `namespace` wants it."""
    if isinstance(values, (int, float)) or not hasattr(values, "dtype"):  # np.float64 is a float
        return None
    return None if type(values).__module__ == "numpy" and values.shape == () else values  # a number of any framework


# ---- one number a class ----


def class_options(loss: str, ignore_index: Any, channel_axis: Any, /, **numbers: Any) -> None:
    """What can be told of the options of a loss over classes before its arrays are known; `numbers` are one a class."""
    whole_or_none(loss, ignore_index=ignore_index, channel_axis=channel_axis)
    if ignore_index is not None and not -(1 << 31) <= ignore_index < 1 << 31:
        raise ValueError(f"{loss}: expected ignore_index of 32 bits, as labels are; got ignore_index {ignore_index}")
    for name, values in numbers.items():
        if values is None or hasattr(values, "dtype"):
            continue
        if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
            raise TypeError(f"{loss}: expected {name} to be one number per class; got {name} {values!r}")
        each: Sequence[Any] = values  # pyright: ignore[reportUnknownVariableType]
        for value in each:
            non_negative(loss, **{name: value})


def is_single(option: Any) -> bool:
    """One number (or none) for all classes, if only in an array: not one for each."""
    return option is None or isinstance(option, (int, float)) or getattr(option, "shape", None) in ((), (1,))


def only(option: Any) -> Any:
    """What `is_single`, without an axis."""
    return option if isinstance(option, (int, float)) or option.shape == () else option[0]


# ---- random numbers ----


def key_of(xp: Namespace) -> str:
    """What this framework draws random numbers with."""
    return {"torch": "a torch.Generator", "jax": "a JAX key"}.get(xp.NAME, "a numpy.random.Generator")


def drawn(loss: str, xp: Namespace, draw: Callable[..., Any], key: Any, shape: Sequence[int], like: Any) -> Any:
    """`draw(key, shape, like)`, where the key is what the caller gave."""
    try:
        return draw(key, shape, like)
    except (AttributeError, TypeError, ValueError) as error:
        raise TypeError(f"{loss}: expected key to be {key_of(xp)}; got key {type(key).__name__}") from error
