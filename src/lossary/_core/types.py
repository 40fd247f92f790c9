"""The types every signature is written in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal, TypeVar

Reduction = Literal["none", "mean", "sum", "batch_sum"]

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Annotated as Bool  # Float[A, "batch classes"]: to a type checker the shape is a comment
    from typing import Annotated as Float
    from typing import Annotated as Int
    from typing import TypeAlias

    import jax
    import numpy as np
    import torch

    # One framework a call: a torch prediction with a NumPy target is a type error.
    A = TypeVar("A", torch.Tensor, jax.Array, np.ndarray[Any, Any])
    Axis: TypeAlias = int | Sequence[int] | None
else:
    A = TypeVar("A")
    Axis = Any
    if "jaxtyping" in sys.modules:  # a program that checks shapes imports it first; nobody else should wait for it
        from jaxtyping import Bool, Float, Int
    else:
        from typing import Annotated as Bool
        from typing import Annotated as Float
        from typing import Annotated as Int

__all__ = ["A", "Axis", "Bool", "Float", "Int", "Reduction"]
