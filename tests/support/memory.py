"""What a graph of torch holds on to between the forward and the backward pass."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any
from weakref import WeakSet


class _Held:
    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor


def kept(torch: ModuleType, function: Callable[..., Any], *arrays: Any) -> int:
    """Bytes that the graph of `function(*arrays)` still holds when it is done, each storage once, without the arrays;
    what custom functions save is seen too, and what they let go of on the way is not counted.
    """
    held: WeakSet[_Held] = WeakSet()

    def hold(tensor: Any) -> _Held:
        one = _Held(tensor)
        held.add(one)
        return one

    with torch.autograd.graph.saved_tensors_hooks(hold, lambda one: one.tensor):
        result = function(*arrays)
    given = {array.untyped_storage().data_ptr() for array in arrays}
    storages = {one.tensor.untyped_storage().data_ptr(): one.tensor.untyped_storage().nbytes() for one in held}
    assert result is not None
    return sum(size for at, size in storages.items() if at not in given)
