"""Tables of pairs: one formula over a block of rows, be it all of them (dense) or a few at a time (streamed)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from .._core.backends.protocol import Namespace

    ChunkSize = int | Literal["auto"] | None
else:
    ChunkSize = Any

DENSE = 1 << 24  # entries: a table up to this size is held whole
BLOCK = 1 << 20  # entries of a block, of which a few temporaries fit the caches and cost no memory to speak of


def known_chunk_size(loss: str, chunk_size: Any) -> None:
    """An option check, for before the arrays are looked at."""
    if chunk_size is None or chunk_size == "auto":
        return
    if isinstance(chunk_size, bool) or not isinstance(chunk_size, int) or chunk_size < 1:
        raise ValueError(
            f'{loss}: expected chunk_size to be None, "auto" or an integer >= 1; got chunk_size {chunk_size!r}'
        )


def rows_at_once(chunk_size: ChunkSize, rows: int, entries: int) -> int | None:
    """How many of `rows` to take at a time, each of which has `entries` numbers in the table; None: all of them."""
    if chunk_size is None:
        return None
    if chunk_size == "auto":
        return None if rows * entries <= DENSE else max(1, BLOCK // max(1, entries))
    return None if chunk_size >= rows else chunk_size


def over_rows(
    xp: Namespace,
    function: Callable[..., Any],
    rows: Sequence[Any],
    shared: Sequence[Any],
    *,
    entries: int,
    chunk_size: ChunkSize,
    axis: int = 0,
) -> Any:
    """`function(*rows, *shared)`, whose results lie along `axis` as the rows do, in O(chunk · entries) memory.

    Gradients flow to `rows` and `shared` alone: what `function` closes over must not need one. The backward pass
    computes each block again.
    """
    return xp.by_rows(
        function, rows, shared, chunk_size=rows_at_once(chunk_size, rows[0].shape[axis], entries), axis=axis
    )
