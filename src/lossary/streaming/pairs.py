"""Tables of pairs: one formula over a block of rows, be it all of them (dense) or a few at a time (streamed)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from .._core.options import is_whole
from .._core.reduce import Counted, multipliers, reduce
from .._core.types import Reduction

if TYPE_CHECKING:
    from .._core.backends.protocol import Namespace

    ChunkSize = int | Literal["auto"] | None
else:
    ChunkSize = Any

DENSE = 1 << 24  # entries: a table up to this size is held whole, where blocks would be computed twice
BLOCK = 1 << 20  # entries of a block, of which a few temporaries fit the caches and cost no memory to speak of
ROWS = 256  # of a block at least, since each block adds to the gradients of all columns …
LARGEST = 6 << 20  # … as long as it has no more entries than this: malloc maps what is beyond 32 MB anew each time
_TOO_LARGE = re.compile("MemoryError|can't allocate|out of memory|RESOURCE_EXHAUSTED", re.IGNORECASE)
UNROLLED = 16  # blocks at most where a loop is written out and compiled block by block


def known_chunk_size(loss: str, chunk_size: Any) -> None:
    """An option check, for before the arrays are looked at."""
    if chunk_size is None or (isinstance(chunk_size, str) and chunk_size == "auto"):
        return
    if not is_whole(chunk_size) or chunk_size < 1:
        raise ValueError(
            f'{loss}: expected chunk_size to be None, "auto" or an integer >= 1; got chunk_size {chunk_size!r}'
        )


def rows_at_once(
    chunk_size: ChunkSize,
    rows: int,
    entries: int,
    *,
    dense: int = DENSE,
    block: int = BLOCK,
    unrolled: bool = False,
) -> int | None:
    """How many of `rows` to take at a time, each of which has `entries` numbers in the table; None: all of them."""
    if chunk_size is None:
        return None
    if chunk_size == "auto":
        block = max(block, rows * entries // UNROLLED) if unrolled else block
        if rows * entries <= dense:
            return None
        return max(1, block // max(1, entries), min(ROWS, LARGEST // max(1, entries)))
    return None if chunk_size >= rows else int(chunk_size)


def over_rows(
    loss: str,
    xp: Namespace,
    function: Callable[..., Any],
    rows: Sequence[Any],
    shared: Sequence[Any],
    *,
    entries: int,
    chunk_size: ChunkSize,
    axis: int = 0,
    dense: int = DENSE,
) -> Any:
    """`function(*rows, *shared)`, whose results lie along `axis` as the rows do, in O(chunk · entries) memory.

    Gradients flow to `rows` and `shared` alone: what `function` closes over must not need one. The backward pass
    computes each block again; where there is none, `dense` may be as small as a block.
    """
    chunk = rows_at_once(chunk_size, rows[0].shape[axis], entries, dense=dense, unrolled=xp.unrolls())
    if chunk_size is None:
        function = told_if_too_large(loss, function, rows[0].shape[axis], entries)
    return xp.by_rows(function, rows, shared, chunk_size=chunk, axis=axis)


def told_if_too_large(loss: str, function: Callable[..., Any], rows: int, entries: int) -> Callable[..., Any]:
    """`function`, whose failure to get memory for the whole table says how large that is, and what to do."""

    def told(*arrays: Any) -> Any:
        try:
            return function(*arrays)
        except (MemoryError, RuntimeError) as error:
            if not _TOO_LARGE.search(f"{type(error).__name__} {error}"):
                raise
            size = f"{rows} × {entries} numbers ({rows * entries / 2**28:,.0f} GiB in float32)"
            table = f"the table of {size} that chunk_size=None asks for"
            raise MemoryError(f'{loss}: no memory for {table}; chunk_size="auto" computes it in blocks') from error

    return told


def reduced_over_rows(
    loss: str,
    xp: Namespace,
    function: Callable[..., Any],
    rows: Sequence[Any],
    shared: Sequence[Any],
    *,
    like: Any,
    entries: int,
    chunk_size: ChunkSize,
    items: Counted | None,
    normalizer: Any,
    reduction: Reduction,
    divisor: Any = None,
    block: int = BLOCK,
) -> Any:
    """`reduce` of the losses that `function` gives, one a row; `like` has their shape and dtype.

    A sum or mean has one gradient but for a factor, which is known beforehand: blocks are seen once, not again in the
    backward pass, and then they are faster than the table as a whole, which outgrows the caches.
    """
    once = reduction in ("mean", "sum")
    unrolled = xp.unrolls()
    dense = block if once and not unrolled else DENSE
    chunk = rows_at_once(chunk_size, rows[0].shape[0], entries, dense=dense, block=block, unrolled=unrolled)
    if chunk_size is None:
        function = told_if_too_large(loss, function, rows[0].shape[0], entries)
    if chunk is None or not once:
        losses = xp.reshape(xp.by_rows(function, rows, shared, chunk_size=chunk), like.shape)
        return reduce(loss, xp, losses, items, normalizer=normalizer, reduction=reduction, divisor=divisor)
    factor = xp.reshape(multipliers(loss, xp, like, items, normalizer, reduction, divisor), (-1,))

    def weighted(factor: Any, *arrays: Any) -> Any:
        return xp.multiply(factor, function(*arrays))

    return xp.total_by_rows(weighted, (factor, *rows), shared, chunk_size=chunk)
